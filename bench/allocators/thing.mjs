// @thi.ng/malloc: first fit over lists kept in an ArrayBuffer, in JavaScript, with its default options.
import { MemPool } from "@thi.ng/malloc";

export function create(regionBytes) {
  const pool = new MemPool({ buf: new ArrayBuffer(regionBytes) });
  return {
    alloc: (bytes) => pool.malloc(bytes),
    allocZeroed: (bytes) => pool.calloc(bytes),
    free: (block) => pool.free(block),
    bytes: pool.u8,
  };
}
