// C allocators compiled by emscripten: each instance is a fixed memory of its own.
import { buildPeer } from "../peers/build.mjs";

const NAMES = {
  dlmalloc: { alloc: "malloc", allocZeroed: "calloc", free: "free" },
  emmalloc: { alloc: "malloc", allocZeroed: "calloc", free: "free" },
  mimalloc: { alloc: "mi_malloc", allocZeroed: "mi_zalloc", free: "mi_free" },
};

export function create(regionBytes, { peer }) {
  const { exports } = new WebAssembly.Instance(buildPeer(peer, regionBytes), silentSystem);
  exports._initialize();
  const names = NAMES[peer];
  const zeroed = exports[names.allocZeroed];
  return {
    alloc: exports[names.alloc],
    // calloc takes a count first.
    allocZeroed: zeroed.length === 2 ? (bytes) => zeroed(1, bytes) : zeroed,
    free: exports[names.free],
    bytes: new Uint8Array(exports.memory.buffer),
  };
}

// mimalloc asks for a clock, an environment and a place to print warnings: it finds none.
const silentSystem = { wasi_snapshot_preview1: new Proxy({}, { get: () => () => 0 }) };
