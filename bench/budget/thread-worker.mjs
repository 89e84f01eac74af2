// A member of the team behind the two-thread row: attaches to the shared tree and works in its own leaf.
import { parentPort, workerData } from "node:worker_threads";
import { openThreadClock } from "../lib/clock.mjs";
import { serveTeam } from "../lib/team.mjs";
import { pair } from "./loops.mjs";
import { LEAVE, PAIRS, pairsJob, TIGHT, tightJob } from "./thread-jobs.mjs";

const { index, file, shared, leaves, tight, inside, board } = workerData;
const clock = await openThreadClock();
const { attach, create } = await import(`./${file}.mjs`);
const tree = shared ? await attach(shared, index + 2) : create();
const { run, wrong } = pair(tree.at(leaves[index]));

const jobs = {
  [PAIRS]: pairsJob(run, board, index),
  [TIGHT]: tightJob(tree.at(tight[index]), inside),
  // A region is closed by its last owner, so the others detach first.
  [LEAVE]() {
    if (wrong() > 0) throw new Error(`${file}: ${wrong()} wrong answers`);
    tree.close?.();
  },
};

serveTeam(workerData, { jobs, clock, port: parentPort });
