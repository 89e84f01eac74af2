// The producer behind a row of asynchronous consumers: sends as many records as the order says, then sleeps until it says more.
import { parentPort, workerData } from "node:worker_threads";

const { kind, shared, port, order, bytes } = workerData;
const record = new Uint8Array(bytes);
const number = new Int32Array(record.buffer);
const { send, close } = await open();

async function open() {
  if (kind === "postMessage") return { send: () => parentPort.postMessage(record) };
  if (kind === "MessageChannel") return { send: () => port.postMessage(record) };
  const { attach } = await import("./cistern.mjs");
  const { ring, close: leave } = await attach(shared);
  return { send: () => ring.push(record) || ring.sendSync(record), close: leave };
}

parentPort.postMessage("ready");
for (let sent = 0; ;) {
  const wanted = Atomics.load(order, 0);
  if (wanted === -1) break;
  if (wanted === sent) Atomics.wait(order, 0, wanted);
  for (; sent < wanted; sent++) {
    number[0] = sent;
    send();
  }
}
close?.();
parentPort.close();
