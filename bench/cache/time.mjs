// Nanoseconds per operation in one thread: every workload with every cache.
import { collectGarbage } from "../lib/collect.mjs";
import { interleave } from "../lib/interleave.mjs";
import { makeRandom } from "../lib/rng.mjs";
import { makeRow } from "../lib/row.mjs";
import { importSeparately } from "../lib/separate.mjs";
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

const ORDER = 2 ** 18;
const SKEW = 0.9;

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

function uniform(entries) {
  const random = makeRandom(0xcac4e);
  return Uint32Array.from({ length: ORDER }, () => random() * entries);
}

// How often entry i is asked for falls with 1 / (i + 1)^0.9; which entry that is, is shuffled.
function zipf(entries) {
  const random = makeRandom(0xcac4e);
  const sums = new Float64Array(entries);
  for (let i = 0, sum = 0; i < entries; i++) sums[i] = sum += (i + 1) ** -SKEW;
  const names = Uint32Array.from({ length: entries }, (_, i) => i);
  for (let i = entries - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [names[i], names[j]] = [names[j], names[i]];
  }
  return Uint32Array.from({ length: ORDER }, () => names[rankOf(sums, random() * sums[entries - 1])]);
}

function rankOf(sums, wanted) {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
