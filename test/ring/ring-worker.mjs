// A thread at a ring, as test/ring/threads.test.ts asks: one that sends, one that passes on, one that ends with records in hand.
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "../../dist/node/index.js";

const { handle, job, count, from } = workerData;
const region = Region.attachSync(handle);
const open = (name) => region.ring(name, { codec: "utf8" });

const JOBS = {
  /** Sends its records, asleep while there is no room. */
  send() {
    const to = open("to");
    for (let i = 0; i < count; i++) to.sendSync(`${from}:${i}`);
  },
  /** Passes on what it gets until that ends. */
  pass() {
    const [to, back] = [open("to"), open("back")];
    for (let value = to.receiveSync(); value !== undefined; value = to.receiveSync()) back.sendSync(value);
  },
  /** Puts in more than there is place for. */
  flood() {
    const to = open("to");
    for (let i = 0; i < count; i++) to.push(`${i}`);
  },
  /** Takes records, fills places, and ends with all of them in hand. */
  hold() {
    const to = open("to");
    for (let i = 0; i < count; i++) {
      to.take();
      to.reserve(500);
    }
    parentPort.postMessage("in hand");
    return true;
  },
};

if (JOBS[job]() !== true) {
  region.close();
  parentPort.postMessage("done");
} else parentPort.on("message", () => {});
