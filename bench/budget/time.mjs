// Nanoseconds per request, in one thread: every workload with every tree.
import { collectGarbage } from "../lib/collect.mjs";
import { interleave } from "../lib/interleave.mjs";
import { makeRow } from "../lib/row.mjs";
import { importSeparately } from "../lib/separate.mjs";
import { createTree, isBound, treeNames } from "./index.mjs";

const LIMIT = 2 ** 40;
const LEAST = 1024;

// `floor` is the loop that stands for the work that cannot be avoided; a full budget is one whose last byte is taken.
const WORKLOADS = {
  "reserve-release-depth-1": { loop: "pair", floor: "emptyPair", depth: 1 },
  "reserve-release-depth-3": { loop: "pair", floor: "emptyPair", depth: 3 },
  "reserve-release-tagged": { loop: "pairTagged", floor: "emptyPair", depth: 1 },
  refuse: { loop: "refuse", floor: "emptyCall", depth: 3, isFull: true },
  check: { loop: "check", floor: "emptyCall", depth: 3 },
  // Memory of the region, charged; the floor is the same without a budget. The peers only count (they reserve and release) and, for the
  // zeroed Block, take a Uint8Array.
  "charged-pair-64": { loop: "pair", ours: "rawPair", depth: 1 },
  "charged-block-64": { loop: "bufferPair", ours: "blockPair", depth: 1 },
};

// What does not have the workload's operation at all.
const LACKS = { "reserve-release-tagged": ["atomics-cas-no-records"], refuse: ["empty"], check: ["empty"] };

export const timeWorkloads = Object.keys(WORKLOADS);

export async function timeRow(workload, { timing, clock }) {
  const subjects = [];
  const names = treeNames().filter((name) => !LACKS[workload]?.includes(name));
  for (const name of names) subjects.push(await prepare(name, workload));
  const results = interleave(subjects, timing, clock);
  for (const subject of subjects) subject.finish();
  await collectGarbage();
  return toRow(workload, results, { timing, clock });
}

async function prepare(name, workload) {
  const { loop, ours, floor, depth, isFull } = WORKLOADS[workload];
  if (ours && (name === "cistern" || name === "floor")) return prepareMemory(name, workload, ours);
  const tree = await createTree(name);
  const loops = await importSeparately(new URL("./loops.mjs", import.meta.url));
  const path = [];
  for (let i = 0; i < depth; i++) path.push(tree.budget(LIMIT, path.at(-1)));
  const budget = path.at(-1);
  const taken = isFull && name !== "floor" ? budget.tryReserve(LIMIT) : undefined;
  const { run, wrong } = name === "floor" ? loops[floor](tree.calls) : loops[loop](budget);
  const finish = () => {
    taken?.release();
    const used = path.map(({ usedBytes }) => usedBytes);
    if (wrong() > 0 || used.some((bytes) => bytes !== 0))
      throw new Error(`${workload}, ${name}: ${wrong()} wrong answers, ${used} bytes left`);
    tree.close?.();
  };
  return { name, run, finish };
}

async function prepareMemory(name, workload, loop) {
  const tree = await createTree("cistern");
  const loops = await importSeparately(new URL("./loops.mjs", import.meta.url));
  const budget = tree.budget(LIMIT);
  const { run, wrong, end } = loops[loop](name === "floor" ? undefined : budget, tree.region);
  const finish = () => {
    end?.();
    // What is charged for an empty slab goes when a request wants the room.
    budget.setLimit(LEAST);
    const isEmpty = budget.tryReserve(LEAST)?.release() === true;
    const { ok, usedBytes } = tree.region.check();
    if (wrong() > 0 || !isEmpty || !ok || usedBytes !== 0)
      throw new Error(`${workload}, ${name}: ${wrong()} wrong answers, ${usedBytes} bytes left`);
    tree.close();
  };
  return { name, run, finish };
}

function toRow(workload, results, { timing, clock }) {
  const named = (list) => Object.fromEntries(list.map((result) => [result.name, result]));
  return makeRow({
    suite: "budget",
    workload,
    unit: clock.kind === "wall" ? "ns" : "CPU ns",
    measured: named(results.filter(({ name }) => !isBound(name))),
    bounds: named(results.filter(({ name }) => isBound(name))),
    runs: timing.repetitions,
  });
}
