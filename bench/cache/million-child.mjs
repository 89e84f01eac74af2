// One cache, a million values of 100 bytes, and a million more: what the process holds for them, and how long its collector stops it. A process of its
// own, for the collector's pauses and the memory are the whole process's.  node million-child.mjs NAME ENTRIES
import { PerformanceObserver } from "node:perf_hooks";
import { keyOf } from "./loops.mjs";
import { createCache } from "./subjects.mjs";

const [name, count] = process.argv.slice(2);
const entries = Number(count);
const BYTES = 100;
const REGION = 192 * 2 ** 20;
// How often the process's memory is read: each time costs a system call.
const LOOK = 4096;

let longest = 0;
const observer = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
});
observer.observe({ entryTypes: ["gc"] });

// What the keys cost that every cache is asked with is no cache's.
let characters = 0;
for (let i = 0; i < entries; i++) characters += keyOf(i).charCodeAt(i % 19);
const value = new Uint8Array(BYTES);
value[1] = characters & 0xff;

const before = process.memoryUsage.rss();
const cache = await createCache(name, { entries, bytes: BYTES, size: REGION });
let peak = before;
for (let i = 0; i < 2 * entries; i++) {
  value[0] = i & 0xff;
  cache.set(keyOf(i), value);
  if (i % LOOK === 0) {
    peak = Math.max(peak, process.memoryUsage.rss());
    // The observer hears of a pause in a turn of its own.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
await new Promise((resolve) => setTimeout(resolve, 10));
peak = Math.max(peak, process.memoryUsage.rss());
const stored = cache.stored?.() ?? entries;
console.log(JSON.stringify({ growth: peak - before, longest, stored, payload: stored * (BYTES + keyOf(0).length) }));
process.exit(0);
