// Caches: what a lookup and a value that is put in cost in one thread, and what a million of them cost the process.
import { millionRow, millionWorkloads } from "../cache/million.mjs";
import { timeRow, timeWorkloads } from "../cache/time.mjs";

export const workloads = [...timeWorkloads, ...millionWorkloads];

export const run = (workload, context) =>
  (millionWorkloads.includes(workload) ? millionRow : timeRow)(workload, context);
