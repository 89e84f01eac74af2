// Every allocator that the heap suite compares, by the name its figures carry.
import fs from "node:fs";
import { importSeparately } from "../lib/separate.mjs";
import { buildPeer } from "../peers/build.mjs";

const CATALOGUE = {
  cistern: { file: "cistern", present: isBuilt },
  floor: { file: "floor" },
  "thi.ng": { file: "thing" },
  assemblyscript: { file: "assemblyscript" },
  "binary-buddy": { file: "buddy" },
  dlmalloc: {
    file: "emscripten",
    options: { peer: "dlmalloc" },
    present: (bytes) => buildPeer("dlmalloc", bytes) !== undefined,
  },
  emmalloc: {
    file: "emscripten",
    options: { peer: "emmalloc" },
    present: (bytes) => buildPeer("emmalloc", bytes) !== undefined,
  },
  mimalloc: {
    file: "emscripten",
    options: { peer: "mimalloc" },
    present: (bytes) => buildPeer("mimalloc", bytes) !== undefined,
  },
  Buffer: { file: "buffer", unbounded: true },
  Uint8Array: { file: "uint8array", unbounded: true },
};

// The names that can be had here. Unbounded ones have no region to fill.
export const allocatorNames = (regionBytes, { bounded = false } = {}) =>
  Object.entries(CATALOGUE)
    .filter(([, { unbounded, present }]) => !(bounded && unbounded) && (!present || present(regionBytes)))
    .map(([name]) => name);

// A fresh allocator whose code is shared with no other.
export async function createAllocator(name, regionBytes, options = {}) {
  const { file, options: own } = CATALOGUE[name];
  const { create } = await importSeparately(new URL(`./${file}.mjs`, import.meta.url));
  return create(regionBytes, { ...options, ...own });
}

let told = false;

export function isBuilt() {
  const built = fs.existsSync(new URL("../../dist/node/index.js", import.meta.url));
  if (!built && !told)
    console.error("\n!!! bench: LEFT OUT: cistern: dist/node/index.js is missing, run `npm run build` first\n");
  told = true;
  return built;
}
