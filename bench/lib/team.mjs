// Worker threads that measure together. The main thread sets a round of jobs and sleeps; members that take part meet at a
// spinning barrier, run, and report the CPU time that their own thread used and when they started and ended.
import fs from "node:fs";
import { Worker } from "node:worker_threads";

const BARRIER = 0;
const DONE = 1;
const FIRST = 16;
const FIELDS = 16;
const [GO, JOB, OPERATIONS, PARTY, ROUND] = [0, 1, 2, 3, 4];
const RESULTS = 3;
const PATIENCE_SECONDS = 60;

// → { round, close }. `data` goes to every member's workerData, with `index` and `team`.
export async function makeTeam(url, size, data) {
  const control = new Int32Array(new SharedArrayBuffer(4 * (FIRST + FIELDS * size)));
  const results = new Float64Array(new SharedArrayBuffer(8 * RESULTS * size));
  const workers = Array.from(
    { length: size },
    (_, index) => new Worker(url, { workerData: { ...data, index, team: { control, results } } }),
  );
  await Promise.all(workers.map(isReady));
  let rounds = 0;
  return {
    // jobs: { MEMBER: name }; → per member { cpuNs, start, end }.
    round(jobs, operations) {
      rounds++;
      const members = Object.keys(jobs).map(Number);
      Atomics.store(control, BARRIER, 0);
      Atomics.store(control, DONE, 0);
      for (const member of members)
        command(control, member, jobs[member], { operations, party: members.length, rounds });
      awaitDone(control, members.length);
      return members.map((member) => resultOf(results, member));
    },
    close: () => Promise.all(workers.map((worker) => worker.terminate())),
  };
}

function isReady(worker) {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

function command(control, member, job, { operations, party, rounds }) {
  const at = FIRST + FIELDS * member;
  control[at + JOB] = job;
  control[at + OPERATIONS] = operations;
  control[at + PARTY] = party;
  control[at + ROUND] = rounds;
  Atomics.store(control, at + GO, rounds);
  Atomics.notify(control, at + GO);
}

function awaitDone(control, count) {
  let idleSeconds = 0;
  let done = Atomics.load(control, DONE);
  while (done < count) {
    if (Atomics.wait(control, DONE, done, 1000) === "timed-out") idleSeconds++;
    if (idleSeconds > PATIENCE_SECONDS) throw new Error("a member of the team did not finish its job");
    done = Atomics.load(control, DONE);
  }
}

const resultOf = (results, member) => {
  const [cpuNs, start, end] = results.subarray(RESULTS * member, RESULTS * (member + 1));
  if (Number.isNaN(cpuNs)) throw new Error(`member ${member} of the team failed`);
  return { cpuNs, start, end };
};

// The member's side: `jobs` holds functions of a number of operations; what they return, if anything, is CPU time that
// went into waiting for another member and does not count. Never returns.
export function serveTeam({ index, team: { control, results } }, { jobs, clock, port }) {
  const at = FIRST + FIELDS * index;
  port.postMessage("ready");
  let seen = 0;
  while (true) {
    Atomics.wait(control, at + GO, seen);
    seen = Atomics.load(control, at + GO);
    const run = jobs[control[at + JOB]];
    meet(control, control[at + PARTY]);
    const start = wallMs();
    const cpu = clock.now();
    const waitedNs = tried(() => run(control[at + OPERATIONS]) ?? 0);
    results[RESULTS * index] = clock.now() - cpu - waitedNs;
    results[RESULTS * index + 1] = start;
    results[RESULTS * index + 2] = wallMs();
    Atomics.add(control, DONE, 1);
    Atomics.notify(control, DONE);
  }
}

// The main thread sleeps and would hear of an error too late: it is told here, and the result is no number.
function tried(job) {
  try {
    return job();
  } catch (error) {
    fs.writeSync(2, `\n${error.stack}\n`);
    return NaN;
  }
}

function meet(control, party) {
  Atomics.add(control, BARRIER, 1);
  while (Atomics.load(control, BARRIER) < party);
}

// performance.now() counts from each thread's own start; this clock is one for all.
const wallMs = () => Number(process.hrtime.bigint()) / 1e6;

// The share of the time from the first start to the last end in which all ran.
export function overlap(members) {
  const starts = members.map(({ start }) => start);
  const ends = members.map(({ end }) => end);
  return (Math.min(...ends) - Math.max(...starts)) / (Math.max(...ends) - Math.min(...starts));
}
