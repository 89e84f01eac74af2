// No budget at all: the empty wasm calls behind objects such as the others answer with, and, for the floor, the calls alone.
import { compileAssemblyScript } from "../lib/compile.mjs";

class Reservation {
  constructor(free, record) {
    this.free = free;
    this.record = record;
  }

  release() {
    return this.free(this.record) !== 0;
  }
}

export function create() {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const { alloc, free } = new WebAssembly.Instance(compileAssemblyScript("floor/empty.ts"), { env: { memory } })
    .exports;
  const budget = { tryReserve: (bytes) => new Reservation(free, alloc(bytes)), usedBytes: 0 };
  return { budget: () => budget, at: () => budget, calls: { alloc, free } };
}
