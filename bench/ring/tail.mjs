// How long a push that never waits takes at worst: the 99.9th percentile of drop-oldest pushes of 64 bytes, beside three workers that hammer the
// same ring (two push, one pops), against the same pushes while they sleep (`floor`). `refused` is how many pushes were not added, which
// may be none; the records that come out are looked at.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { median, quantile, spreadOf } from "../lib/estimate.mjs";
import { makeRow } from "../lib/row.mjs";
import { createQueue, isThere } from "./index.mjs";

const BYTES = 64;
const RECORDS = 1024;
const PUSHES = 20_000;
const ROLES = ["push", "push", "pop"];
const [AT_WORK, WRONG, DONE] = [0, 1, 2];
const PATIENCE_MS = 10_000;

export const tailWorkloads = ["tail-p999"];

export async function tailRow(workload, { timing }) {
  if (!isThere("cistern")) return makeRow({ suite: "ring", workload, unit: "ns", measured: {}, runs: 0 });
  const queue = await createQueue("cistern", { bytes: BYTES, records: RECORDS, overflow: "drop-oldest" });
  const words = new Int32Array(new SharedArrayBuffer(16));
  const workers = ROLES.map(
    (role) =>
      new Worker(new URL("./tail-worker.mjs", import.meta.url), {
        workerData: { role, shared: queue.shared, words, bytes: BYTES },
      }),
  );
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const run = pusher(queue.ring);
  const [idle, loaded] = [[], []];
  for (let i = -3; i < timing.repetitions; i++) {
    const alone = run();
    setAtWork(words, true);
    const beside = run();
    setAtWork(words, false);
    if (i < 0) continue;
    idle.push(alone);
    loaded.push(beside);
  }
  const { refused } = queue.ring.metrics();
  await close(queue, workers, words);
  return toRow(workload, idle, loaded, refused + run.refused());
}

// → quantiles of so many pushes, in nanoseconds.
function pusher(ring) {
  const record = new Uint8Array(BYTES);
  const numbers = new Int32Array(record.buffer);
  const took = new Float64Array(PUSHES);
  let refused = 0;
  const run = () => {
    for (let i = 0; i < PUSHES; i++) {
      numbers[1]++;
      numbers[2] = ~numbers[1];
      const start = performance.now();
      if (!ring.push(record)) refused++;
      took[i] = performance.now() - start;
    }
    return { p50: 1e6 * quantile(took, 0.5), p999: 1e6 * quantile(took, 0.999), max: 1e6 * Math.max(...took) };
  };
  run.refused = () => refused;
  return run;
}

function setAtWork(words, isAtWork) {
  Atomics.store(words, AT_WORK, isAtWork ? 1 : 0);
  Atomics.notify(words, AT_WORK);
  // All three begin, and all three are done, before the next push is timed.
  const wanted = isAtWork ? ROLES.length : 0;
  for (let done = Atomics.load(words, DONE); done !== wanted; done = Atomics.load(words, DONE))
    if (Atomics.wait(words, DONE, done, PATIENCE_MS) === "timed-out") throw new Error("the workers do not answer");
}

async function close({ ring, region, close: leave }, workers, words) {
  const gone = workers.map((worker) => once(worker, "exit"));
  Atomics.store(words, AT_WORK, -1);
  Atomics.notify(words, AT_WORK);
  await Promise.all(gone);
  if (Atomics.load(words, WRONG) !== 0) throw new Error(`${words[WRONG]} records were torn`);
  const { pushes, pops, droppedOldest, size } = ring.metrics();
  if (pushes !== pops + droppedOldest + size)
    throw new Error(`${pushes} pushed, ${pops} popped, ${droppedOldest} dropped, ${size} left`);
  const { ok, problems } = region.check();
  if (!ok) throw new Error(problems.join("; "));
  leave();
}

function toRow(workload, idle, loaded, refused) {
  const of = (rounds, what) => rounds.map((round) => round[what]);
  const summary = (rounds) => ({ value: median(of(rounds, "p999")), spread: spreadOf(of(rounds, "p999")) });
  const named = (what, pick) => ({
    cistern: Math.round(pick(of(loaded, what))),
    floor: Math.round(pick(of(idle, what))),
  });
  return makeRow({
    suite: "ring",
    workload,
    unit: "ns",
    measured: { cistern: summary(loaded), floor: summary(idle) },
    runs: idle.length,
    extra: {
      refused,
      pushes: PUSHES * loaded.length,
      p50: named("p50", median),
      max: named("max", (values) => Math.max(...values)),
    },
  });
}
