// Hears of a budget's level in a thread of its own, and writes when.
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "../../dist/node/index.js";

const { handle, shared } = workerData;
const heard = new Int32Array(shared, 0, 1);
const at = new BigInt64Array(shared, 8, 1);
const region = Region.attachSync(handle);
const budget = region.budget("root");
budget.onLevel([0.5], () => {
  at[0] = process.hrtime.bigint();
  Atomics.add(heard, 0, 1);
  Atomics.notify(heard, 0);
});
parentPort.postMessage("ready");
parentPort.on("message", () => {
  region.close();
  process.exit();
});
