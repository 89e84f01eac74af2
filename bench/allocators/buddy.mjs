// The pure power-of-two buddy in bench/peers/buddy.ts.
import { compileAssemblyScript } from "../lib/compile.mjs";

export function create(regionBytes) {
  const pages = regionBytes >>> 16;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { init, alloc, allocZeroed, free } = new WebAssembly.Instance(compileAssemblyScript("peers/buddy.ts"), {
    env: { memory },
  }).exports;
  init(regionBytes);
  return { alloc, allocZeroed, free, bytes: new Uint8Array(memory.buffer) };
}
