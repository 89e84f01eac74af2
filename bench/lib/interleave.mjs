// Runs several subjects in turn, in short slices, so that all of them meet the same noise.
// A subject is { name, run(operations), step?, collected? }: `run` does that many operations, a multiple of `step`.
// → per subject { name, value, slices, spread }, the slices being those of the calmest repetitions, the same for everyone.
import { makeRandom, shuffle } from "./rng.mjs";
import { calmest, mean, median, spreadOf } from "./estimate.mjs";

export function interleave(subjects, timing, clock) {
  for (const subject of subjects) warmUp(subject, timing.warmupMs);
  const plans = subjects.map((subject) => plan(subject, timing.sliceMs, clock));
  const random = makeRandom(0x51ce);
  for (let i = 0; i < timing.repetitions; i++) {
    for (const each of shuffle([...plans], random)) each.slices.push(slice(each, clock));
  }
  const calm = calmest(
    plans.map(({ slices }) => slices),
    CALM_SHARE,
  );
  return plans.map(({ subject, slices }) => summary(subject, slices, calm));
}

const CALM_SHARE = 1 / 3;

// What the garbage collector does later belongs to the price: such subjects report the mean of all, pauses included.
function summary({ name, collected }, all, calm) {
  const slices = calm.map((repetition) => all[repetition]);
  return { name, value: collected ? mean(all) : median(slices), slices, spread: spreadOf(all) };
}

// Long enough for the optimizing compilers of both languages, which work in the background, to be done.
function warmUp(subject, warmupMs) {
  const step = subject.step ?? 1;
  const end = performance.now() + warmupMs;
  let operations = step;
  while (performance.now() < end) {
    const start = performance.now();
    subject.run(operations);
    if (performance.now() - start < 2) operations *= 2;
  }
}

// How many operations fill a slice: from a few trial slices, the quickest.
function plan(subject, sliceMs, clock) {
  const step = subject.step ?? 1;
  let operations = step;
  let nanoseconds = Infinity;
  for (let i = 0; i < 6; i++) {
    const start = clock.now();
    subject.run(operations);
    nanoseconds = Math.max(1, Math.min(nanoseconds, (clock.now() - start) / operations));
    const wanted = Math.min((sliceMs * 1e6) / nanoseconds, operations * 64);
    operations = Math.max(step, Math.round(wanted / step) * step);
  }
  const leadIn = Math.floor(operations / 8 / step) * step;
  return { subject, operations, leadIn, slices: [] };
}

// The lead-in brings this subject's data back into the caches; only what follows is timed.
function slice({ subject, operations, leadIn }, clock) {
  if (leadIn > 0) subject.run(leadIn);
  const start = clock.now();
  subject.run(operations);
  return (clock.now() - start) / operations;
}
