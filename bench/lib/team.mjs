// Worker threads that measure together. The main thread sets a round of jobs and sleeps; members that take part meet at a
// spinning barrier, run, and report the CPU time that their own thread used, when they started and ended, and how long others kept
// them from a core meanwhile.
import fs from "node:fs";
import { Worker } from "node:worker_threads";

const BARRIER = 0;
const DONE = 1;
const CALL = 32;
const ANSWER = 64;
const FIRST = 96;
const FIELDS = 16;
const [START, JOB, OPERATIONS, PARTY, ROUND] = [0, 1, 2, 3, 4];
const RESULTS = 4;
const PATIENCE_SECONDS = 60;

// → { round, close }. `data` goes to every member's workerData, with `index` and `team`; it may be a function of the index, as may what is
// transferred with it.
export async function makeTeam(url, size, data, transferred = () => []) {
  const control = new Int32Array(new SharedArrayBuffer(4 * (FIRST + FIELDS * size)));
  const results = new Float64Array(new SharedArrayBuffer(8 * RESULTS * size));
  const workers = Array.from({ length: size }, (_, index) => {
    const own = typeof data === "function" ? data(index) : data;
    const workerData = { ...own, index, team: { control, results } };
    return new Worker(url, { workerData, transferList: transferred(index) });
  });
  await Promise.all(workers.map(isReady));
  let rounds = 0;
  return {
    // jobs: { MEMBER: name }; → per member { cpuNs, start, end, delayNs }.
    round(jobs, operations) {
      rounds++;
      const members = Object.keys(jobs).map(Number);
      Atomics.store(control, BARRIER, 0);
      Atomics.store(control, DONE, 0);
      Atomics.store(control, CALL, 0);
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
  Atomics.store(control, at + START, rounds);
  Atomics.notify(control, at + START);
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
  const [cpuNs, start, end, delayNs] = results.subarray(RESULTS * member, RESULTS * (member + 1));
  if (Number.isNaN(cpuNs)) throw new Error(`member ${member} of the team failed`);
  return { cpuNs, start, end, delayNs };
};

// The member's side: `jobs` holds functions of a number of operations; what they return, if anything, is CPU time that
// went into waiting for another member and does not count. A job may return a promise, and lives by its thread's events then. Never returns.
export async function serveTeam({ index, team: { control, results } }, { jobs, clock, port }) {
  const at = FIRST + FIELDS * index;
  port.postMessage("ready");
  let seen = 0;
  while (true) {
    Atomics.wait(control, at + START, seen);
    seen = Atomics.load(control, at + START);
    const run = jobs[control[at + JOB]];
    meet(control, control[at + PARTY]);
    const delay = delayNs();
    const start = wallMs();
    const cpu = clock.now();
    const outcome = tried(() => run(control[at + OPERATIONS]) ?? 0);
    const waitedNs = typeof outcome === "number" ? outcome : await triedLater(outcome);
    results[RESULTS * index] = clock.now() - cpu - waitedNs;
    results[RESULTS * index + 1] = start;
    results[RESULTS * index + 2] = wallMs();
    results[RESULTS * index + 3] = delayNs() - delay;
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

const triedLater = async (promise) => {
  try {
    return (await promise) ?? 0;
  } catch (error) {
    return tried(() => {
      throw error;
    });
  }
};

function meet(control, party) {
  const rank = Atomics.add(control, BARRIER, 1);
  while (Atomics.load(control, BARRIER) < party);
  if (party !== 2) return;
  if (rank === 0) call(control);
  else answer(control);
}

// Two that were woken together may take turns on one core for a while, although both are at the barrier. So the first calls until the
// second answers as fast as only a thread on another core can, or until that seems hopeless.
const CALLS = 100;
const CALLS_MS = 0.1;
const HOPELESS_MS = 30;
const GO = -1;

function call(control) {
  const end = wallMs() + HOPELESS_MS;
  let number = 0;
  let soon = 0;
  let now = wallMs();
  let start = now;
  while (number - soon < CALLS && now < end) {
    Atomics.store(control, CALL, ++number);
    while (Atomics.load(control, ANSWER) !== number && now < end) now = wallMs();
    now = wallMs();
    if (now - start > CALLS_MS) {
      start = now;
      soon = number;
    }
  }
  Atomics.store(control, CALL, GO);
}

function answer(control) {
  let number = 0;
  while (number !== GO) {
    number = Atomics.load(control, CALL);
    Atomics.store(control, ANSWER, number);
  }
}

// How long this thread ever was ready to run while others ran; Linux alone says.
function delayNs() {
  try {
    return Number(fs.readFileSync("/proc/thread-self/schedstat", "latin1").split(" ")[1]);
  } catch {
    return 0;
  }
}

// performance.now() counts from each thread's own start; this clock is one for all.
const wallMs = () => Number(process.hrtime.bigint()) / 1e6;

// The share of the time from the first start to the last end in which all ran.
export function overlap(members) {
  const starts = members.map(({ start }) => start);
  const ends = members.map(({ end }) => end);
  return (Math.min(...ends) - Math.max(...starts)) / (Math.max(...ends) - Math.min(...starts));
}

// The same until the first of them ended: who was still asleep then was there all the same.
export function overlapToFirstEnd(members) {
  const starts = members.map(({ start }) => start);
  const end = firstEnd(members);
  return (end - Math.max(...starts)) / (end - Math.min(...starts));
}

// What the members' time until then came to in nanoseconds, running or asleep, without what others took of it.
export function ownNs(members) {
  const end = firstEnd(members);
  return members.reduce((sum, member) => sum + Math.min(1e6 * (end - member.start), ownOf(member)), 0);
}

// The share of their time that others did not take.
export const undisturbed = (members) =>
  members.reduce((sum, member) => sum + ownOf(member), 0) /
  members.reduce((sum, { start, end }) => sum + 1e6 * (end - start), 0);

const firstEnd = (members) => Math.min(...members.map(({ end }) => end));
const ownOf = ({ start, end, delayNs }) => 1e6 * (end - start) - delayNs;
