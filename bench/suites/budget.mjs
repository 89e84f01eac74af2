// Budgets: what a request costs in one thread, and in two below one root.
import { threadRow, threadWorkloads } from "../budget/threads.mjs";
import { timeRow, timeWorkloads } from "../budget/time.mjs";

export const workloads = [...timeWorkloads, ...threadWorkloads];

export const run = (workload, context) =>
  threadWorkloads.includes(workload) ? threadRow(workload, context) : timeRow(workload, context);
