// A ring between an AudioWorklet and its page, by the built package: a worklet has no TextEncoder, no timers, no AbortController and no
// performance. Goal: it attaches there, and every frame arrives. Method: a graph that renders offline, as many quanta as frames are expected.
import { expect, it } from "vitest";
import { FloatFifo } from "../../src/flow/index.js";
import { Region } from "../../src/index.js";
import { MIB } from "../lib/regions.js";

const LENGTH = 128;
const FRAMES = 40;

it("takes each frame from a worklet in its order, and refuses those that there is no place for", async () => {
  const region = Region.createSync({ size: MIB });
  const ring = region.ring("audio", { capacity: 32, overflow: "drop-newest" });
  const fifo = new FloatFifo(LENGTH, ring);
  const graph = new OfflineAudioContext(1, LENGTH * FRAMES, 48_000);
  await graph.audioWorklet.addModule(new URL("audio-worklet.mjs", import.meta.url));
  const processorOptions = { handle: region.handle(), length: LENGTH };
  const source = new AudioWorkletNode(graph, "source", { numberOfInputs: 0, processorOptions });
  source.connect(graph.destination);
  await graph.startRendering();
  const frame = new Float32Array(LENGTH);
  const got: number[] = [];
  while (fifo.popInto(frame)) got.push(frame[0]!);
  expect(got).toEqual(Array.from({ length: 32 }, (_, i) => i));
  expect(ring.metrics()).toMatchObject({ pushes: 32, pops: 32, refused: FRAMES - 32 });
});
