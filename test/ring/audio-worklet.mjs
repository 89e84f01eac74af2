// The real-time side of test/ring/audio-worklet.browser.test.ts: attaches as the built package does it, and puts in a frame a quantum.
import { FloatFifo } from "../../dist/browser/flow.js";
import { Region } from "../../dist/browser/index.js";

class Source extends AudioWorkletProcessor {
  constructor({ processorOptions: { handle, length } }) {
    super();
    const region = Region.attachSync(handle);
    this.fifo = new FloatFifo(length, region.ring("audio"));
    this.frame = new Float32Array(length);
    this.made = 0;
  }

  process() {
    this.frame.fill(this.made);
    if (this.fifo.push(this.frame)) this.made++;
    return true;
  }
}

registerProcessor("source", Source);
