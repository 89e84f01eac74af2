// The sleeper of a wake-up row: writes when it woke, looks at what came, and says so.
import { parentPort, workerData } from "node:worker_threads";

const { kind, call, shared, words, times, port } = workerData;

function woke(record) {
  times[0] = process.hrtime.bigint();
  const isNext = record === undefined || record[0] === (Atomics.load(words, 0) & 0xff);
  Atomics.add(words, 0, isNext ? 1 : 2);
  Atomics.notify(words, 0);
}

const SLEEPERS = {
  async cistern() {
    const { attach } = await import("./cistern.mjs");
    const { ring, close } = await attach(shared);
    parentPort.postMessage("ready");
    if (call === "receive") for (let record = await ring.receive(); record; record = await ring.receive()) woke(record);
    else for (let record = ring.receiveSync(); record; record = ring.receiveSync()) woke(record);
    close();
  },
  floor() {
    parentPort.postMessage("ready");
    for (let seen = 0; ; seen++) {
      Atomics.wait(words, 1, seen);
      woke(undefined);
    }
  },
  MessageChannel() {
    port.on("message", woke);
    parentPort.postMessage("ready");
  },
  postMessage() {
    parentPort.on("message", woke);
    parentPort.postMessage("ready");
  },
};

await SLEEPERS[kind]();
