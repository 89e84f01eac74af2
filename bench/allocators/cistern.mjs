// The library's own heap, through its public entry point, as a program calls it.
import { sameCopy } from "../lib/separate.mjs";

const { Region } = await sameCopy("../../dist/node/index.js", import.meta.url);

export function create(regionBytes) {
  return over(Region.createSync({ size: regionBytes }));
}

// A worker's side: the same region, reached through its handle.
export async function attach(handle) {
  return over(await Region.attach(handle));
}

function over(region) {
  const { heap } = region;
  return {
    region,
    alloc: (bytes) => heap.allocUnsafe(bytes),
    allocZeroed: (bytes) => heap.alloc(bytes),
    free: (block) => heap.free(block),
    bytes: heap.u8,
    lastFailure: () => heap.lastFailure,
    close: () => region.close(),
  };
}
