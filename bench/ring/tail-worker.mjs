// One of the three that hammer the ring of the tail row while they are told to: pushes, or pops and looks whether a record is torn.
import { parentPort, workerData } from "node:worker_threads";
import { attach } from "./cistern.mjs";

const { role, shared, words, bytes } = workerData;
const [AT_WORK, WRONG, DONE] = [0, 1, 2];
const { ring, close } = await attach(shared);
const record = new Uint8Array(bytes);
const numbers = new Int32Array(record.buffer);

const STEPS = {
  push() {
    numbers[1]++;
    numbers[2] = ~numbers[1];
    ring.push(record);
  },
  pop() {
    if (ring.popInto(record) === bytes && numbers[2] !== ~numbers[1]) Atomics.add(words, WRONG, 1);
  },
};
const step = STEPS[role];

// Under a real-time scheduler three that never sleep would keep whoever is to stop them from a core for ever, so each naps now and then.
const STEPS_TO_NAP = 4096;
const NAP_MS = 0.05;
const bed = new Int32Array(new SharedArrayBuffer(4));

parentPort.postMessage("ready");
while (Atomics.load(words, AT_WORK) !== -1) {
  Atomics.wait(words, AT_WORK, 0);
  Atomics.add(words, DONE, 1);
  Atomics.notify(words, DONE);
  for (let steps = 0; Atomics.load(words, AT_WORK) === 1; steps++) {
    step();
    if (steps % STEPS_TO_NAP === STEPS_TO_NAP - 1) Atomics.wait(bed, 0, 0, NAP_MS);
  }
  Atomics.sub(words, DONE, 1);
  Atomics.notify(words, DONE);
}
close();
parentPort.close();
