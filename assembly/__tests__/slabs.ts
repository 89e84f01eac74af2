// Slabs: what the specs that carve slabs of a chosen tag share.

import { get32, get64, put32 } from "../memory";
import { load64, store64 } from "../atomic";
import { recordIn } from "../claim";
import { endAlloc } from "../counters";
import { hintSet } from "../hint";
import { lock } from "../lock";
import { bitsAt } from "../pages";
import { geometry } from "../sizeclass";
import { hintRecord, newSlab } from "../slab";
import { letGo } from "../trim";
import {
  B_TAG_SHIFT,
  C_BLOCKS,
  C_FULL,
  C_SIZE,
  GRAIN_SHIFT,
  HINT_EMPTY,
  KIND_BLOCK,
  R_BASE,
  R_SLAB,
  R_TOP,
} from "../shared/layout";
import { OK } from "../shared/status";
import { is, same } from "./lib";

/** Carves a slab for this tag, whose first block is taken; its grain. */
export function newSlabOf(tag: u32): u32 {
  same(lock(), OK, "lock", 0);
  is(newSlab(hintRecord(tag), tag) != 0, true, "carved, tag", tag);
  letGo();
  return <u32>(get32(hintRecord(tag) + R_BASE) >>> GRAIN_SHIFT);
}

/** Carves a slab for this tag in which nothing is taken, as if its first block had never been; its grain. */
export function slabOf(tag: u32): u32 {
  const g = newSlabOf(tag);
  const shape = geometry(tag);
  if ((tag & 3) == KIND_BLOCK) store64(recordIn(g, shape, 0), 0);
  store64(bitsAt(g), ((<u64>tag) << B_TAG_SHIFT) | get64(shape + C_FULL));
  hintSet(HINT_EMPTY, g);
  endAlloc(-get32(shape + C_SIZE));
  return g;
}

export function blocksOf(tag: u32): u32 {
  return get32(geometry(tag) + C_BLOCKS);
}

export function blockAt(g: u32, tag: u32, index: u32): usize {
  return ((<usize>g) << GRAIN_SHIFT) + <usize>(index * get32(geometry(tag) + C_SIZE));
}

export function freeBits(g: u32, tag: u32): u64 {
  return load64(bitsAt(g)) ^ ((<u64>tag) << B_TAG_SHIFT);
}

export function full(tag: u32): u64 {
  return get64(geometry(tag) + C_FULL);
}

export function rawTag(c: u32): u32 {
  return c << 2;
}

/** This owner has no slab of its own for this tag any more. */
export function forget(tag: u32): void {
  put32(hintRecord(tag) + R_SLAB, 0);
  put32(hintRecord(tag) + R_TOP, 0);
}
