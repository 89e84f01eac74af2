// A member of the team behind the two-thread rows: attaches to the shared region, or to nothing for the empty calls.
import { parentPort, workerData } from "node:worker_threads";
import { openThreadClock } from "../lib/clock.mjs";
import { serveTeam } from "../lib/team.mjs";
import { replace } from "./loops.mjs";
import { BOTH, CONSUME, handoverJobs, LEAVE, OWN, PRODUCE } from "./thread-jobs.mjs";
import { threadTables } from "./tables.mjs";

const { index, handle, ring, privateBytes, workload } = workerData;
const allocator = handle ? await attached() : await empty();
const clock = await openThreadClock();
const jobs = workload === "own" ? ownJobs() : ringJobs();

serveTeam(workerData, { jobs, clock, port: parentPort });

function ownJobs() {
  const { run, stop } = replace(allocator, { ...threadTables(index), live: 4000 });
  return { [OWN]: run, [LEAVE]: () => leave(stop) };
}

function ringJobs() {
  const { produce, consume, both } = handoverJobs(allocator, ring, threadTables(index), clock);
  return { [PRODUCE]: produce, [CONSUME]: consume, [BOTH]: both, [LEAVE]: () => leave() };
}

// A region is closed by its last owner, so the others detach first.
function leave(stop) {
  stop?.();
  allocator.close?.();
}

async function attached() {
  const { attach } = await import("../allocators/cistern.mjs");
  return attach(handle);
}

async function empty() {
  const { create } = await import("../allocators/floor.mjs");
  return create(privateBytes);
}
