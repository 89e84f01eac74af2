// How much of a region holds payload: filled with one size or a mix up to the first refusal, and held at 80 % while blocks come
// and go. These figures are exact: they depend on the seed only.
import { allocatorNames, createAllocator } from "../allocators/index.mjs";
import { collectGarbage } from "../lib/collect.mjs";
import { mean } from "../lib/estimate.mjs";
import { makeRandom } from "../lib/rng.mjs";
import { makeRow } from "../lib/row.mjs";
import { logarithmic, small } from "./tables.mjs";

const REGION_BYTES = 16 * 2 ** 20;
const HELD_SHARE = 0.8;

const always = (bytes) => () => bytes;

const FILLS = {
  "fill-16": { draw: always(16), seeds: 1 },
  "fill-24": { draw: always(24), seeds: 1 },
  "fill-64": { draw: always(64), seeds: 1 },
  "fill-100": { draw: always(100), seeds: 1 },
  "fill-1000": { draw: always(1000), seeds: 1 },
  "fill-4097": { draw: always(4097), seeds: 1 },
  "fill-log": { draw: logarithmic, seeds: 3 },
  "fill-uniform": { draw: small, seeds: 3 },
};

export const spaceWorkloads = [...Object.keys(FILLS), "held-80-log"];

export async function spaceRow(workload, { quick }) {
  if (workload === "held-80-log") return heldRow(quick ? 50_000 : 400_000);
  const { draw, seeds } = FILLS[workload];
  const measured = await eachAllocator(seeds, (allocator, seed) => fill(allocator, draw, makeRandom(seed)));
  return spaceReport({
    workload,
    unit: "% payload",
    better: "higher",
    measured: { floor: { value: 100 }, ...measured },
    runs: seeds,
  });
}

async function heldRow(attempts) {
  const measured = await eachAllocator(1, (allocator, seed) => held(allocator, attempts, makeRandom(seed)));
  return spaceReport({
    workload: "held-80-log",
    unit: "% refused",
    measured: { floor: { value: 0 }, ...measured },
    runs: 1,
  });
}

const spaceReport = (row) => makeRow({ suite: "heap", ...row });

// → { NAME: { value, spread } }: the mean over the seeds, each in a fresh region.
async function eachAllocator(seeds, measure) {
  const measured = {};
  for (const name of allocatorNames(REGION_BYTES, { bounded: true }).filter((each) => each !== "floor")) {
    const values = [];
    for (let seed = 1; seed <= seeds; seed++)
      values.push(await inFreshRegion(name, (allocator) => measure(allocator, seed)));
    measured[name] = { value: mean(values), spread: ratioOfExtremes(values) };
  }
  await collectGarbage();
  return measured;
}

const ratioOfExtremes = (values) => (Math.max(...values) === 0 ? 1 : Math.max(...values) / Math.min(...values));

async function inFreshRegion(name, measure) {
  const allocator = await createAllocator(name, REGION_BYTES, { careful: true });
  try {
    return measure(allocator);
  } finally {
    allocator.close?.();
  }
}

// → payload as a percentage of the whole region.
function fill({ alloc }, draw, random) {
  let payload = 0;
  let size = draw(random);
  while (alloc(size) !== 0) {
    payload += size;
    size = draw(random);
  }
  return (100 * payload) / REGION_BYTES;
}

// → refusals per hundred attempts. Blocks are given back at random until the next request is within the held share; a refusal
// costs one more block, or a fragmented region that refuses everything would never be given anything back again.
function held({ alloc, free }, attempts, random) {
  const blocks = [];
  let live = 0;
  let refused = 0;
  const dropOne = () => {
    const at = Math.floor(random() * blocks.length);
    const { block, size } = blocks[at];
    blocks[at] = blocks[blocks.length - 1];
    blocks.pop();
    free(block);
    live -= size;
  };
  for (let i = 0; i < attempts; i++) {
    const size = logarithmic(random);
    while (live + size > HELD_SHARE * REGION_BYTES) dropOne();
    const block = alloc(size);
    if (block === 0) {
      refused++;
      dropOne();
    } else {
      blocks.push({ block, size });
      live += size;
    }
  }
  return (100 * refused) / attempts;
}
