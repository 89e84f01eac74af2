// Nanoseconds per allocate and free, in one thread: every workload with every allocator, the floor among them.
import { allocatorNames, createAllocator } from "../allocators/index.mjs";
import { collectGarbage } from "../lib/collect.mjs";
import { interleave } from "../lib/interleave.mjs";
import { makeRow } from "../lib/row.mjs";
import { importSeparately } from "../lib/separate.mjs";
import { larsonTables, logTables, orders, replaceTables, stressTables } from "./tables.mjs";

const REGION_BYTES = 64 * 2 ** 20;
// An allocator that refuses more than this share did less work: its time stands among the bounds, not the peers.
const REFUSED_SHARE = 0.001;

const WORKLOADS = {
  "pair-64-unsafe": { loop: "pair", tables: () => ({}) },
  "pair-64": { loop: "pairZeroed", tables: () => ({}) },
  "batch-fifo-64": { loop: "batch", tables: () => ({ order: orders.fifo() }) },
  "batch-lifo-64": { loop: "batch", tables: () => ({ order: orders.lifo() }) },
  "batch-random-64": { loop: "batch", tables: () => ({ order: orders.random() }) },
  "replace-16-1024": { loop: "replace", tables: () => ({ ...replaceTables(), live: 10_000 }) },
  "log-16-64k": { loop: "replace", tables: () => ({ ...logTables(), live: 4260 }) },
  larson: { loop: "larson", tables: () => ({ ...larsonTables(), live: 5000 }) },
  mstress: { loop: "stress", tables: stressTables },
};

export const timeWorkloads = Object.keys(WORKLOADS);

export async function timeRow(workload, { timing, clock }) {
  const subjects = await prepare(WORKLOADS[workload]);
  const results = interleave(subjects, timing, clock);
  for (const subject of subjects) subject.finish();
  await collectGarbage();
  return toRow(workload, subjects, results, { timing, clock });
}

async function prepare({ loop, tables }) {
  const shared = tables();
  const subjects = [];
  for (const name of allocatorNames(REGION_BYTES)) subjects.push(await prepareSubject(name, loop, shared));
  return subjects;
}

async function prepareSubject(name, loop, tables) {
  const allocator = await createAllocator(name, REGION_BYTES);
  const loops = await importSeparately(new URL("./loops.mjs", import.meta.url));
  const { step, run, stop, refused } = loops[loop](allocator, tables);
  let operations = 0;
  return {
    name,
    step,
    collected: allocator.collected,
    run(count) {
      operations += count;
      run(count);
    },
    refusedShare: () => refused() / operations,
    finish() {
      stop();
      allocator.close?.();
    },
  };
}

function toRow(workload, subjects, results, { timing, clock }) {
  const shares = new Map(subjects.map((subject) => [subject.name, subject.refusedShare()]));
  const comparable = ({ name }) => name === "cistern" || shares.get(name) <= REFUSED_SHARE;
  const named = (list) => Object.fromEntries(list.map((result) => [result.name, result]));
  const refused = [...shares]
    .filter(([, share]) => share > 0)
    .map(([name, share]) => [name, Number((100 * share).toPrecision(3))]);
  return makeRow({
    suite: "heap",
    workload,
    unit: clock.kind === "wall" ? "ns" : "CPU ns",
    measured: named(results.filter(comparable)),
    bounds: named(results.filter((result) => !comparable(result))),
    runs: timing.repetitions,
    extra: refused.length > 0 ? { refusedPercent: Object.fromEntries(refused) } : {},
  });
}
