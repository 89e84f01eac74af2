// Rings: what a record costs in one thread, between two, to an asynchronous consumer, to a sleeping one, and at worst.
import { asyncRow, asyncWorkloads } from "../ring/async.mjs";
import { tailRow, tailWorkloads } from "../ring/tail.mjs";
import { threadRow, threadWorkloads } from "../ring/threads.mjs";
import { timeRow, timeWorkloads } from "../ring/time.mjs";
import { wakeRow, wakeWorkloads } from "../ring/wake.mjs";

const KINDS = [
  [timeWorkloads, timeRow],
  [threadWorkloads, threadRow],
  [asyncWorkloads, asyncRow],
  [wakeWorkloads, wakeRow],
  [tailWorkloads, tailRow],
];

export const workloads = KINDS.flatMap(([names]) => names);

export const run = (workload, context) => KINDS.find(([names]) => names.includes(workload))[1](workload, context);
