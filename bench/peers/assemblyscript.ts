// AssemblyScript's own heap (two-level segregated fit), behind the smallest exports there are.
export function alloc(bytes: usize): usize {
  return heap.alloc(bytes);
}

export function allocZeroed(bytes: usize): usize {
  const block = heap.alloc(bytes);
  memory.fill(block, 0, bytes);
  return block;
}

export function free(block: usize): void {
  heap.free(block);
}
