// AssemblyScript's own TLSF heap, checks off. It traps when it is full; `careful` turns that into the 0 that the others answer.
import { compileAssemblyScript } from "../lib/compile.mjs";

export function create(regionBytes, { careful = false } = {}) {
  const pages = regionBytes >>> 16;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { alloc, allocZeroed, free } = new WebAssembly.Instance(
    compileAssemblyScript("peers/assemblyscript.ts", "minimal"),
    { env: { memory } },
  ).exports;
  return { alloc: careful ? zeroWhenFull(alloc) : alloc, allocZeroed, free, bytes: new Uint8Array(memory.buffer) };
}

const zeroWhenFull = (alloc) => (bytes) => {
  try {
    return alloc(bytes);
  } catch {
    return 0;
  }
};
