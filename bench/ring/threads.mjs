// Nanoseconds on the clock per record from one worker to another: both at work at once, a pair of workers for each subject, in turn. Rounds in
// which the machine kept one of them from a core say nothing about that. `floor` has both copies, each in its thread, with nothing between.
import { MessageChannel } from "node:worker_threads";
import { median, spreadOf } from "../lib/estimate.mjs";
import { makeRow } from "../lib/row.mjs";
import { makeRandom, shuffle } from "../lib/rng.mjs";
import { makeTeam, overlap, undisturbed } from "../lib/team.mjs";
import { createQueue, fileOf, isThere, optionsOf } from "./index.mjs";
import { CONSUME, LEAVE, PRODUCE } from "./thread-jobs.mjs";
import { RECORDS_OF, SIZES } from "./time.mjs";

const copied = { any: "copying", floor: "memory", MessageChannel: "polled", "MessageChannel-transfer": "polled" };
const COPIERS = [
  "cistern",
  "floor",
  "ringbuf.js",
  "agrona",
  "MessageChannel",
  "MessageChannel-transfer",
  "postMessage",
];

const WORKLOADS = {
  ...Object.fromEntries(
    Object.entries(SIZES).map(([size, bytes]) => [`two-workers-${size}`, { bytes, names: COPIERS, loops: copied }]),
  ),
  "two-workers-in-place-16": {
    bytes: 16,
    names: ["cistern", "floor", "ringbuf.js", "agrona"],
    loops: { ...copied, cistern: "inPlace" },
  },
};

export const threadWorkloads = Object.keys(WORKLOADS);

const UNDISTURBED = 0.85;
// What a row needs of rounds that say something, and what it counts with if it must; a busy machine gets longer to find them.
const ROUNDS = 24;
const ROUNDS_LEAST = 3;
const PATIENCE = 3;
const TRIAL = 200;
const ROUND_MS = 2;

export async function threadRow(workload, { timing }) {
  const plan = WORKLOADS[workload];
  const subjects = [];
  for (const name of plan.names.filter((name) => name === "postMessage" || isThere(name)))
    subjects.push(await openSubject(name, plan));
  for (const subject of subjects) warmUp(subject, timing.warmupMs);
  measure(subjects, timing);
  for (const subject of subjects) await subject.close();
  return toRow(workload, subjects);
}

async function openSubject(name, { bytes, loops }) {
  const queue = name === "postMessage" ? portPair() : await createQueue(name, { bytes, records: RECORDS_OF(bytes) });
  const loop = name === "postMessage" ? "events" : (loops[name] ?? loops.any);
  const { shared, ports } = queue;
  const file = name === "postMessage" ? undefined : fileOf(name);
  const data = (index) => ({
    file,
    loop,
    bytes,
    shared,
    ports: ports && { [index]: ports[index] },
    ...optionsOf(name),
  });
  const team = await makeTeam(new URL("./thread-worker.mjs", import.meta.url), 2, data, (index) =>
    ports ? [ports[index]] : [],
  );
  const close = async () => {
    team.round({ 0: LEAVE, 1: LEAVE }, 1);
    await team.close();
    const { ok = true, problems } = queue.region?.check() ?? {};
    const left = queue.ring?.size ?? 0;
    if (!ok || left > 0) throw new Error(`${name}: ${left} records left; ${problems?.join("; ")}`);
    if (!ports) queue.close?.();
  };
  return { name, team, close, operations: TRIAL, costs: [], calm: [] };
}

function portPair() {
  const { port1, port2 } = new MessageChannel();
  return { ports: [port1, port2] };
}

const round = ({ team, operations }) => team.round({ 0: PRODUCE, 1: CONSUME }, operations);

const wallMs = (members) => Math.max(...members.map(({ end }) => end)) - Math.max(...members.map(({ start }) => start));

// Also finds how many records fill a round.
function warmUp(subject, warmupMs) {
  const end = performance.now() + 2 * warmupMs;
  let least = Infinity;
  for (let i = 0; i < 6 || performance.now() < end; i++) {
    const perRecord = wallMs(round(subject)) / subject.operations;
    least = i < 3 ? perRecord : Math.min(least, perRecord);
    subject.operations = Math.max(TRIAL, Math.min(subject.operations * 4, Math.round(ROUND_MS / least)));
  }
}

function measure(subjects, timing) {
  const random = makeRandom(0x3a);
  const end = performance.now() + timing.rowMs * PATIENCE;
  const isEnough = () => subjects.every(({ calm }) => calm.length >= ROUNDS);
  for (let i = 0; i < ROUNDS_LEAST || (!isEnough() && performance.now() < end); i++) {
    for (const subject of shuffle([...subjects], random)) {
      const members = round(subject);
      const cost = (wallMs(members) * 1e6) / subject.operations;
      subject.costs.push(cost);
      if (undisturbed(members) >= UNDISTURBED && overlap(members) > 0) subject.calm.push(cost);
    }
  }
}

function toRow(workload, subjects) {
  const kept = ({ calm, costs }) => (calm.length >= ROUNDS_LEAST ? calm : costs);
  const measured = Object.fromEntries(
    subjects.map((each) => [each.name, { value: median(kept(each)), spread: spreadOf(kept(each)) }]),
  );
  const least = Object.fromEntries(subjects.map((each) => [each.name, Number(Math.min(...kept(each)).toPrecision(4))]));
  const row = makeRow({
    suite: "ring",
    workload,
    unit: "ns",
    measured,
    runs: Math.min(...subjects.map(({ calm }) => calm.length)),
    extra: { least },
  });
  const dumb = subjects.filter(({ calm }) => calm.length < ROUNDS_LEAST).map(({ name }) => name);
  if (dumb.length > 0)
    console.error(`\n!!! bench: ${workload}: the machine is too busy to run two workers at once (${dumb.join(", ")})`);
  return row;
}
