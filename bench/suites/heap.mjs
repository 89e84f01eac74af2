// The heap: time in one thread, CPU time in two, and space.
import { spaceRow, spaceWorkloads } from "../heap/space.mjs";
import { threadRow, threadWorkloads } from "../heap/threads.mjs";
import { timeRow, timeWorkloads } from "../heap/time.mjs";

export const workloads = [...timeWorkloads, ...threadWorkloads, ...spaceWorkloads];

export function run(workload, context) {
  if (timeWorkloads.includes(workload)) return timeRow(workload, context);
  return threadWorkloads.includes(workload) ? threadRow(workload, context) : spaceRow(workload, context);
}
