// Two workers at the same work: each alone and both together, in turn for every subject, in CPU time.
// A subject is { name, team } (lib/team.mjs); a plan says who does what:
//   { step, slices, alone: [jobs], together: [jobs], pairDoes }   operations come in multiples of `step`, a round is `slices` slices long,
//   and the pair does `pairDoes` operations for each one that a member counts. A subject may have a `readPair(members, operations)` of its own:
//   what a round of its pair came to, { cost, cpu, overlap }: time per operation, the CPU's part of it, and the share of the round that is
//   worth something. A plan that asks for `rounds` of its pairs that are worth something gets up to `patience` times the row's time for them.
import { lowerQuartile, median, pairedRatio, quantile, spreadOf } from "./estimate.mjs";
import { makeRandom, shuffle } from "./rng.mjs";
import { overlap as overlapOf } from "./team.mjs";

const LEAST_OVERLAP = 0.85;
// A busy machine stretches rounds that wait for each other: a row then ends by the clock.
const LEAST_REPETITIONS = 12;
const TRIAL = 20_000;

// → for each subject { name, alone, together, cpus, overlaps }: nanoseconds per operation, one entry per repetition.
export function measureTogether(subjects, plan, timing) {
  for (const subject of subjects) warmUp(subject, plan, timing.warmupMs);
  const entries = subjects.map((subject) => ({
    ...subject,
    operations: operationsFor(subject, plan, timing.sliceMs * plan.slices),
    alone: [],
    together: [],
    cpus: [],
    overlaps: [],
  }));
  const random = makeRandom(0x2a);
  const end = performance.now() + timing.rowMs * (plan.patience ?? 1);
  const isEnough = (done) =>
    done >= timing.repetitions && entries.every((entry) => telling(entry) >= (plan.rounds ?? 0));
  for (let i = 0; i < LEAST_REPETITIONS || (performance.now() < end && !isEnough(i)); i++) {
    for (const entry of shuffle([...entries], random)) repetition(entry, plan, plan.together[i % plan.together.length]);
  }
  return entries;
}

function warmUp({ team }, { alone, together, step }, warmupMs) {
  const end = performance.now() + warmupMs * 2;
  while (performance.now() < end)
    for (const jobs of [...alone, ...together]) team.round(jobs, step * Math.ceil(TRIAL / step));
}

function operationsFor({ team }, { alone, step }, sliceMs) {
  const trial = step * Math.ceil(TRIAL / step);
  const costs = Array.from({ length: 5 }, () => team.round(alone[0], trial)[0].cpuNs / trial);
  return step * Math.ceil((sliceMs * 1e6) / Math.min(...costs) / step);
}

// Each member alone and the pair.
function repetition({ team, readPair, operations, alone, together, cpus, overlaps }, plan, pair) {
  const single = plan.alone.map((jobs) => team.round(jobs, operations)[0].cpuNs / operations);
  const members = team.round(pair, operations);
  const { cost, cpu, overlap } = readPair?.(members, operations) ?? wholeRound(members, operations * plan.pairDoes);
  alone.push((single[0] + single[1]) / 2);
  together.push(cost);
  cpus.push(cpu);
  overlaps.push(overlap);
}

const wholeRound = (members, operations) => {
  const cpu = cpuPer(members, operations);
  return { cost: cpu, cpu, overlap: overlapOf(members) };
};

export const cpuPer = (members, operations) => members.reduce((sum, { cpuNs }) => sum + cpuNs, 0) / operations;

export const summary = (slices) => ({ slices, value: lowerQuartile(slices), spread: spreadOf(slices) });

// How many rounds say something about two threads.
export const telling = ({ overlaps }) => overlaps.filter((overlap) => overlap >= LEAST_OVERLAP).length;

// Only rounds in which both ran at the same time say anything about two threads; when there are fewer than `enough` (a quarter of all, unless
// told), the best there are.
export function overlapping({ name, alone, together, cpus, overlaps }, enough = overlaps.length / 4) {
  const hasEnough = telling({ overlaps }) >= enough;
  const least = hasEnough ? LEAST_OVERLAP : Math.min(LEAST_OVERLAP, quantile(overlaps, 0.75));
  const kept = (values) => values.filter((_, i) => overlaps[i] >= least);
  return { name, alone: kept(alone), together: kept(together), cpus: kept(cpus), overlaps: kept(overlaps) };
}

// What every row of two threads says besides: how much of the time both ran, and the machine's own share: how much dearer the empty
// calls get when both cores are busy.
export const besides = (ours, empty) => ({
  overlap: fixed(median(ours.overlaps)),
  emptyCallsRatio: fixed(pairedRatio(empty.together, empty.alone)),
});

const fixed = (value) => Number(value.toFixed(3));
