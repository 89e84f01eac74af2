// Caches: what a lookup and a value that is put in cost in one thread and in several, what a million of them cost the process, and how often one misses.
import { millionRow, millionWorkloads } from "../cache/million.mjs";
import { ratioRow, ratioWorkloads } from "../cache/ratios.mjs";
import { threadRow, threadWorkloads } from "../cache/threads.mjs";
import { timeRow, timeWorkloads } from "../cache/time.mjs";

const ROWS = [
  [timeWorkloads, timeRow],
  [threadWorkloads, threadRow],
  [millionWorkloads, millionRow],
  [ratioWorkloads, ratioRow],
];

export const workloads = ROWS.flatMap(([names]) => names);

export const run = (workload, context) => ROWS.find(([names]) => names.includes(workload))[1](workload, context);
