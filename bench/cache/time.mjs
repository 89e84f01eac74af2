// Nanoseconds per operation in one thread: every workload with every cache.
import { collectGarbage } from "../lib/collect.mjs";
import { interleave } from "../lib/interleave.mjs";
import { makeRow } from "../lib/row.mjs";
import { importSeparately } from "../lib/separate.mjs";
import { uniform, zipf } from "./orders.mjs";
import { createCache, subjectNames } from "./subjects.mjs";

const SIZES = {
  100: { bytes: 100, entries: 100_000 },
  "1k": { bytes: 1024, entries: 20_000 },
  "10k": { bytes: 10_240, entries: 4000 },
};

// lmdb evicts nothing, and its writes are transactions: it is asked where it has an answer.
const KINDS = {
  "get-fresh": { loop: "getFresh", sizes: ["100", "1k", "10k"] },
  "get-into-fresh": { loop: "getIntoFresh", sizes: ["100", "1k", "10k"], lacks: ["lmdb"] },
  "get-uniform": { loop: "getIntoFresh", sizes: ["100"], isUniform: true, lacks: ["lmdb"] },
  "set-evict": { loop: "setEvict", sizes: ["100", "1k", "10k"], lacks: ["lmdb"] },
  mixed: { loop: "mixed", sizes: ["100", "1k"], lacks: ["lmdb"] },
  miss: { loop: "miss", sizes: ["100"] },
  "get-held": { loop: "getHeld", sizes: ["100"], lacks: ["lmdb"] },
  "pin-held": { loop: "pinHeld", sizes: ["100", "1k"], lacks: ["lmdb"] },
  "pin-fresh": { loop: "pinFresh", sizes: ["10k"], lacks: ["lmdb"] },
};

const WORKLOADS = Object.fromEntries(
  Object.entries(KINDS).flatMap(([kind, { sizes, ...plan }]) =>
    sizes.map((size) => [`${kind}-${size}`, { ...plan, ...SIZES[size] }]),
  ),
);

export const timeWorkloads = Object.keys(WORKLOADS);

export async function timeRow(workload, { timing, clock }) {
  const plan = WORKLOADS[workload];
  const subjects = [];
  for (const name of subjectNames().filter((each) => !plan.lacks?.includes(each))) {
    subjects.push(await prepare(name, workload, plan));
  }
  const results = interleave(subjects, timing, clock);
  for (const subject of subjects) await subject.finish();
  await collectGarbage();
  return makeRow({
    suite: "cache",
    workload,
    unit: clock.kind === "wall" ? "ns" : "CPU ns",
    measured: Object.fromEntries(results.map((result) => [result.name, result])),
    runs: timing.repetitions,
  });
}

async function prepare(name, workload, { loop, bytes, entries, isUniform }) {
  const cache = await createCache(name, { entries, bytes });
  const loops = await importSeparately(new URL("./loops.mjs", import.meta.url));
  const value = new Uint8Array(bytes);
  const order = isUniform ? uniform(entries) : zipf(entries);
  const keys = Array.from({ length: entries }, (_, i) => loops.keyOf(i));
  loops.fill(cache, value, entries);
  const { run, wrong } = loops[loop](cache, { order, keys, value, entries });
  const finish = async () => {
    if (wrong() > 0) throw new Error(`${workload}, ${name}: ${wrong()} wrong answers`);
    const { ok, problems } = cache.region?.check() ?? { ok: true };
    if (!ok) throw new Error(`${workload}, ${name}: ${problems.join("; ")}`);
    await cache.close();
  };
  return { name, run, finish, collected: cache.collected };
}
