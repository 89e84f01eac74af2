// A member of the pair behind a two-worker row: opens its side of the queue and sends or receives.
import { parentPort, workerData } from "node:worker_threads";
import { openThreadClock } from "../lib/clock.mjs";
import { serveTeam } from "../lib/team.mjs";
import { CONSUME, LEAVE, LOOPS, PRODUCE } from "./thread-jobs.mjs";

const { file, loop, shared, bytes, ports, transfers, index } = workerData;
const clock = await openThreadClock();
const queue = await open();
const { produce, consume } = LOOPS[loop](queue, bytes);

async function open() {
  if (loop === "events") return ports[index];
  const { attach, over } = await import(`./${file}.mjs`);
  return ports ? over(ports[index], ports[index], { bytes, transfers }) : attach(shared);
}

serveTeam(workerData, {
  clock,
  port: parentPort,
  jobs: {
    [PRODUCE]: (operations) => produce(operations),
    [CONSUME]: (operations) => consume(operations),
    // A region is closed by its last owner, so the others detach first.
    [LEAVE]() {
      queue.close?.();
    },
  },
});
