// A thread at a cache, as test/cache/fetch-threads.test.ts asks: one that fetches keys which take a turn of the event loop to load, one that ends while it loads,
// one that never stops, one that listens.
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "../../dist/node/index.js";

const { handle, job, keys, loads } = workerData;
const region = await Region.attach(handle);
const cache = region.cache("cache", { codec: "utf8" });
const count = new Int32Array(loads ?? new SharedArrayBuffer(8));
const turn = () => new Promise((resolve) => setImmediate(resolve));

const JOBS = {
  /** Fetches each key; how often a key was loaded stands in `count`. */
  async fetch() {
    const values = [];
    for (let i = 0; i < keys; i++) {
      const load = async () => {
        Atomics.add(count, i, 1);
        for (let k = 0; k < 3; k++) await turn();
        return `value ${i}`;
      };
      values.push(await cache.fetch(`k${i}`, load));
    }
    return values.every((value, i) => value === `value ${i}`) ? "right" : "wrong";
  },
  /** Loads, and never ends. */
  async hold() {
    await cache.fetch("k", () => {
      parentPort.postMessage("loading");
      return new Promise(() => setInterval(() => {}, 1000));
    });
  },
  /** Loads until it is told to go on. */
  async load() {
    return cache.fetch("k", async () => {
      parentPort.postMessage("loading");
      await new Promise((resolve) => parentPort.once("message", resolve));
      return "older";
    });
  },
  /** Fetches, sets and deletes a few keys for ever, and says so now and then. */
  async churn() {
    for (let i = 0; ; i++) {
      const key = `k${(i * 7) % keys}`;
      if (i % 5 === 0) cache.delete(key);
      if (i % 11 === 0) cache.set(key, "set");
      await cache.fetch(key, async () => (await turn(), "loaded"));
      if (i % 20 === 0) parentPort.postMessage(i);
    }
  },
  /** Says what it hears. */
  async listen() {
    cache.subscribe(({ key }) => parentPort.postMessage(key));
    parentPort.postMessage("listening");
    await new Promise(() => setInterval(() => {}, 1000));
  },
};

const answer = await JOBS[job]();
region.close();
parentPort.postMessage(answer);
parentPort.close();
