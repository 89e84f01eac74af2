// Two workers on one region against the same work in one of them, in CPU time per allocate and free: 1 is perfect scaling.
// No peer can do this (none shares one heap between JavaScript threads). `bounds` has the same rounds with empty calls: what the
// loops and the ring cost by themselves in two threads and, as `empty-calls-alone`, in one.
import { createAllocator, isBuilt } from "../allocators/index.mjs";
import { lowerQuartile, median, pairedRatio, quantile, spreadOf } from "../lib/estimate.mjs";
import { makeRandom, shuffle } from "../lib/rng.mjs";
import { makeRow } from "../lib/row.mjs";
import { makeTeam, overlap } from "../lib/team.mjs";
import { BOTH, CONSUME, HANDOVER_STEP, LEAVE, makeRing, OWN, PRODUCE } from "./thread-jobs.mjs";

const REGION_BYTES = 64 * 2 ** 20;
const LEAST_OVERLAP = 0.85;
// A busy machine stretches rounds that wait for each other: a row then ends by the clock.
const LEAST_REPETITIONS = 12;

// Who does what alone, who together, and how many operations the pair does per operation of a member.
const WORKLOADS = {
  "two-threads-own": {
    workload: "own",
    step: 1,
    // Longer than elsewhere: the kernel takes some milliseconds to spread two woken threads over two cores.
    slices: 4,
    alone: [{ 0: OWN }, { 1: OWN }],
    together: [{ 0: OWN, 1: OWN }],
    pairDoes: 2,
  },
  "two-threads-handover": {
    workload: "handover",
    step: HANDOVER_STEP,
    slices: 1,
    alone: [{ 0: BOTH }, { 1: BOTH }],
    together: [
      { 0: PRODUCE, 1: CONSUME },
      { 0: CONSUME, 1: PRODUCE },
    ],
    pairDoes: 1,
  },
};

export const threadWorkloads = Object.keys(WORKLOADS);

export async function threadRow(workload, { timing, clock }) {
  const plan = WORKLOADS[workload];
  const subjects = await openSubjects(plan.workload);
  for (const subject of subjects) warmUp(subject, plan, timing.warmupMs);
  for (const subject of subjects) subject.operations = operationsFor(subject, plan, timing.sliceMs * plan.slices);
  measure(subjects, plan, timing);
  for (const subject of subjects) await subject.close();
  return toRow(workload, subjects, clock);
}

async function openSubjects(workload) {
  const subjects = [await openSubject("empty-calls", workload, undefined)];
  if (isBuilt()) subjects.push(await openSubject("cistern", workload, await createAllocator("cistern", REGION_BYTES)));
  return subjects;
}

async function openSubject(name, workload, allocator) {
  const data = { workload, handle: allocator?.region.handle(), privateBytes: 2 ** 20, ring: makeRing() };
  const team = await makeTeam(new URL("./thread-worker.mjs", import.meta.url), 2, data);
  const close = async () => {
    team.round({ 0: LEAVE, 1: LEAVE }, 1);
    await team.close();
    allocator?.close();
  };
  return { name, team, close, alone: [], together: [], overlaps: [] };
}

function warmUp({ team }, { alone, together, step }, warmupMs) {
  const end = performance.now() + warmupMs * 2;
  while (performance.now() < end)
    for (const jobs of [...alone, ...together]) team.round(jobs, step * Math.ceil(20_000 / step));
}

function operationsFor({ team }, { alone, step }, sliceMs) {
  const trial = step * Math.ceil(20_000 / step);
  const costs = Array.from({ length: 5 }, () => team.round(alone[0], trial)[0].cpuNs / trial);
  return step * Math.ceil((sliceMs * 1e6) / Math.min(...costs) / step);
}

// One repetition: each member alone and the pair, for every subject, in an order that chance decides.
function measure(subjects, plan, { repetitions, rowMs }) {
  const random = makeRandom(0x2a);
  const end = performance.now() + rowMs;
  for (let i = 0; i < repetitions && (i < LEAST_REPETITIONS || performance.now() < end); i++) {
    for (const subject of shuffle([...subjects], random))
      repetition(subject, plan, plan.together[i % plan.together.length]);
  }
}

function repetition({ team, operations, alone, together, overlaps }, plan, pair) {
  const single = plan.alone.map((jobs) => team.round(jobs, operations)[0].cpuNs / operations);
  const members = team.round(pair, operations);
  alone.push((single[0] + single[1]) / 2);
  together.push((members[0].cpuNs + members[1].cpuNs) / (operations * plan.pairDoes));
  overlaps.push(overlap(members));
}

function toRow(workload, subjects, clock) {
  const [empty, cistern] = subjects.map(overlapping);
  return makeRow({
    suite: "heap",
    workload,
    unit: clock.kind === "wall" ? "ns" : "CPU ns",
    measured: cistern ? { cistern: summary(cistern.together), floor: summary(cistern.alone) } : {},
    bounds: { "empty-calls": summary(empty.together), "empty-calls-alone": summary(empty.alone) },
    runs: (cistern ?? empty).together.length,
    extra: {
      overlap: fixed(median((cistern ?? empty).overlaps)),
      // The machine's own share: how much dearer the empty calls get when both cores are busy.
      emptyCallsRatio: fixed(pairedRatio(empty.together, empty.alone)),
    },
  });
}

const fixed = (value) => Number(value.toFixed(3));
const summary = (slices) => ({ slices, value: lowerQuartile(slices), spread: spreadOf(slices) });

// Only rounds in which both ran at the same time say anything about two threads; when there are too few, the best there are.
function overlapping({ alone, together, overlaps }) {
  const least = Math.min(LEAST_OVERLAP, quantile(overlaps, 0.75));
  const kept = (values) => values.filter((_, i) => overlaps[i] >= least);
  return { alone: kept(alone), together: kept(together), overlaps: kept(overlaps) };
}
