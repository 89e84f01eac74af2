// Size classes: sizes to classes, and how long a class's slabs are. Owns the two geometry tables and the size table; `buildClasses`
// writes them once, before the region is published.
//
//   16, 24, … 128 in steps of 8 (15 classes), then 8 steps for each doubling to 8 KiB (48 classes): waste ≤ 12.5 % from 64 B up
//
// A slab's length is the one of least cost: the share of its tail, a penalty for few blocks (each slab is a trip to the page
// layer), and a penalty for length squared (a half-used slab strands the other half, and splits what long runs need), the stronger
// the smaller the region. The weights are those that refused least in a mix held at 80 % (bench: held-80-log).

import { get8, get32, put8, put32, put64 } from "./memory";
import { grains } from "./header";
import {
  CLASSES,
  CLASSES_RECORD,
  CLASS_ENTRY_SHIFT,
  C_BLOCKS,
  C_BYTES,
  C_FULL,
  C_GRAINS,
  C_RECIPROCAL,
  C_RECORDS,
  C_SIZE,
  GRAIN_BYTES,
  KIND_BLOCK,
  RECORD_BYTES,
  SIZE_TABLE,
} from "./shared/layout";
import { CLASS_COUNT, SLAB_BLOCKS_MAX, SLAB_GRAINS_MAX, SMALL_BYTES_MAX } from "./shared/limits";

/** The class of a request of 1 … SMALL_BYTES_MAX bytes. */
export function classOf(bytes: u32): u32 {
  return get8(SIZE_TABLE + ((bytes + 7) >>> 3));
}

/** The geometry of a slab with this tag (class << 2 | kind). */
export function geometry(tag: u32): usize {
  const at = CLASSES + ((<usize>(tag >>> 2)) << CLASS_ENTRY_SHIFT);
  return (tag & 3) == KIND_BLOCK ? at + CLASSES_RECORD : at;
}

export function classSize(c: u32): u32 {
  return get32(CLASSES + ((<usize>c) << CLASS_ENTRY_SHIFT) + C_SIZE);
}

/** The smallest class of at least `bytes` whose blocks all lie on multiples of `align`; 0: none. */
export function alignedClass(bytes: u32, align: u32): u32 {
  for (let c = classOf(bytes); c <= <u32>CLASS_COUNT; c++) {
    if ((classSize(c) & (align - 1)) == 0) return c;
  }
  return 0;
}

/** Block size of class `c`, from its number alone. */
function sizeOfNumber(c: u32): u32 {
  if (c <= 15) return 8 + c * 8;
  const step = (c - 16) & 7;
  const doubling = (c - 16) >>> 3;
  return (144 + step * 16) << doubling;
}

export function buildClasses(): void {
  let filled: u32 = 0;
  for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
    const size = sizeOfNumber(c);
    const entry = CLASSES + ((<usize>c) << CLASS_ENTRY_SHIFT);
    writeGeometry(entry, size, 0);
    writeGeometry(entry + CLASSES_RECORD, size, RECORD_BYTES);
    for (; filled <= size >>> 3; filled++) put8(SIZE_TABLE + filled, c);
  }
  assert(filled == (SMALL_BYTES_MAX >>> 3) + 1);
}

function writeGeometry(entry: usize, size: u32, recordBytes: u32): void {
  const length = bestLength(size, recordBytes);
  const blocks = blocksIn(length, size, recordBytes);
  put32(entry + C_SIZE, size);
  put32(entry + C_RECIPROCAL, <u32>((0x100000000 + <u64>size - 1) / size));
  put32(entry + C_BYTES, blocks * size);
  put32(entry + C_GRAINS, length);
  put64(entry + C_FULL, ((<u64>1) << blocks) - 1);
  put32(entry + C_BLOCKS, blocks);
  put32(entry + C_RECORDS, recordBytes ? length * GRAIN_BYTES - blocks * recordBytes : 0);
}

function blocksIn(length: u32, size: u32, recordBytes: u32): u32 {
  return min((length * GRAIN_BYTES) / (size + recordBytes), SLAB_BLOCKS_MAX);
}

function bestLength(size: u32, recordBytes: u32): u32 {
  let best: u32 = 0;
  let bestCost: f64 = Infinity;
  for (let length: u32 = 1; length <= <u32>SLAB_GRAINS_MAX; length++) {
    const blocks = blocksIn(length, size, recordBytes);
    if (blocks == 0) continue;
    const tail = 1.0 - <f64>(blocks * size) / <f64>(length * GRAIN_BYTES);
    const cost = tail + 0.1 / <f64>blocks + (<f64>(length * length) * 16.0) / <f64>grains;
    if (cost < bestCost) {
      bestCost = cost;
      best = length;
    }
  }
  return best;
}
