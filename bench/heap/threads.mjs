// Two workers on one region against the same work in one of them, in CPU time per allocate and free: 1 is perfect scaling.
// No peer can do this (none shares one heap between JavaScript threads). `bounds` has the same rounds with empty calls: what the
// loops and the ring cost by themselves in two threads and, as `empty-calls-alone`, in one.
import { createAllocator, isBuilt } from "../allocators/index.mjs";
import { makeRow } from "../lib/row.mjs";
import { makeTeam } from "../lib/team.mjs";
import { besides, measureTogether, overlapping, summary } from "../lib/together.mjs";
import { BOTH, CONSUME, HANDOVER_STEP, LEAVE, makeRing, OWN, PRODUCE } from "./thread-jobs.mjs";

const REGION_BYTES = 64 * 2 ** 20;

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
  const measured = measureTogether(subjects, plan, timing);
  for (const subject of subjects) await subject.close();
  return toRow(workload, measured, clock);
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
  return { name, team, close };
}

function toRow(workload, measured, clock) {
  const [empty, cistern] = measured.map((each) => overlapping(each));
  return makeRow({
    suite: "heap",
    workload,
    unit: clock.kind === "wall" ? "ns" : "CPU ns",
    measured: cistern ? { cistern: summary(cistern.together), floor: summary(cistern.alone) } : {},
    bounds: { "empty-calls": summary(empty.together), "empty-calls-alone": summary(empty.alone) },
    runs: (cistern ?? empty).together.length,
    extra: besides(cistern ?? empty, empty),
  });
}
