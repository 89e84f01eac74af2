// Two workers below one root, each taking and giving back on its own leaf, against the same work in one of them: what the two cost each
// other, sleep included (`cpuNs` is the CPU's part). Rounds in which the machine kept one of them from a core say nothing about that. `bounds`
// has the same rounds with empty calls, together and (`empty-alone`) in one thread.
import { median, spreadOf } from "../lib/estimate.mjs";
import { makeRow } from "../lib/row.mjs";
import { makeTeam, overlapToFirstEnd, ownNs, undisturbed } from "../lib/team.mjs";
import { besides, cpuPer, measureTogether, overlapping, telling } from "../lib/together.mjs";
import { createTree, fileOf, isBound, treeNames } from "./index.mjs";
import { BYTES, doneOn, LEAVE, makeBoard, openBoard, PAIRS, TIGHT } from "./thread-jobs.mjs";

const LIMIT = 2 ** 40;
const TIGHT_TRIES = 20_000;
const PLAN = {
  step: 1,
  // Contended rounds take several times as long, and a machine seldom leaves both cores alone for more than a few milliseconds.
  slices: 0.5,
  alone: [{ 0: PAIRS }, { 1: PAIRS }],
  together: [{ 0: PAIRS, 1: PAIRS }],
  pairDoes: 2,
  rounds: 12,
  patience: 4,
};
const ROUNDS_LEAST = 3;

export const threadWorkloads = ["two-threads-root"];

export async function threadRow(workload, { timing }) {
  const subjects = [];
  for (const name of treeNames().filter((name) => name !== "floor" && name !== "plain-js"))
    subjects.push(await openSubject(name));
  const measured = measureTogether(subjects, PLAN, timing);
  for (const subject of subjects) await subject.close();
  return toRow(
    workload,
    measured.map((each) => overlapping(each, ROUNDS_LEAST)),
  );
}

async function openSubject(name) {
  const tree = await createTree(name);
  const place = (budget) => budget.place ?? budget.path;
  const root = tree.budget(LIMIT);
  const narrow = tree.budget(BYTES);
  const leaves = [tree.budget(LIMIT, root), tree.budget(LIMIT, root)];
  const tight = [tree.budget(LIMIT, narrow), tree.budget(LIMIT, narrow)];
  const board = makeBoard();
  const data = {
    file: fileOf(name),
    board,
    shared: tree.shared,
    leaves: leaves.map(place),
    tight: tight.map(place),
    inside: new Int32Array(new SharedArrayBuffer(4)),
  };
  const team = await makeTeam(new URL("./thread-worker.mjs", import.meta.url), 2, data);
  const round = (jobs, operations) => {
    openBoard(board);
    return team.round(jobs, operations);
  };
  if (name !== "empty") round({ 0: TIGHT, 1: TIGHT }, TIGHT_TRIES);
  const close = async () => {
    round({ 0: LEAVE, 1: LEAVE }, 1);
    await team.close();
    const used = [root, narrow, ...leaves, ...tight].map(({ usedBytes }) => usedBytes);
    if (used.some((bytes) => bytes !== 0)) throw new Error(`${name}: ${used} bytes left`);
    tree.close?.();
  };
  const readPair = (members) => {
    const done = doneOn(board);
    return {
      cost: ownNs(members) / done,
      cpu: cpuPer(members, done),
      overlap: Math.min(undisturbed(members), overlapToFirstEnd(members)),
    };
  };
  return { name, team: { round }, close, readPair };
}

function toRow(workload, measured) {
  const { cistern, empty } = Object.fromEntries(measured.map((each) => [each.name, each]));
  const ours = cistern && { cistern: summary(cistern.together), floor: summary(cistern.alone) };
  const others = (wanted) =>
    Object.fromEntries(
      measured
        .filter(({ name }) => name !== "cistern" && isBound(name) === wanted)
        .map(({ name, together }) => [name, unpaired(summary(together))]),
    );
  const medians = (of) =>
    Object.fromEntries(measured.map((each) => [each.name, Number(median(of(each)).toPrecision(4))]));
  const row = makeRow({
    suite: "budget",
    workload,
    unit: "ns",
    measured: { ...ours, ...others(false) },
    bounds: { ...others(true), "empty-alone": summary(empty.alone) },
    runs: (cistern ?? empty).together.length,
    extra: {
      ...besides(cistern ?? empty, empty),
      alone: medians((each) => each.alone),
      cpuNs: medians((each) => each.cpus),
    },
  });
  const dumb = measured.filter((each) => telling(each) < ROUNDS_LEAST).map(({ name }) => name);
  if (dumb.length === 0) return row;
  console.error(
    `\n!!! bench: ${workload}: the machine is too busy to run two threads at once (${dumb.join(", ")}): no ratios`,
  );
  return { ...row, ratioToBestPeer: null, ratioToFloor: null };
}

const summary = (slices) => ({ slices, value: median(slices), spread: spreadOf(slices) });

// Which rounds are kept differs from one subject to the next, so they cannot be compared round by round.
const unpaired = ({ value, spread }) => ({ value, spread });
