// Arenas: a region with a root and two budgets below it, and what a raw block of one says, for the specs of budgets' raw blocks.

import { load32 } from "../atomic";
import { allocUnsafeIn } from "../arena";
import { nodeOf } from "../charged";
import { auxAt, lengthOf, wordAt } from "../pages";
import { GRAIN_SHIFT, OUT_USED, T_MASK, T_SLAB, W_BACK_SHIFT } from "../shared/layout";
import { fresh, outWord, same, sound, trimNow } from "./lib";
import { NONE, budget, stateOf, used } from "./tree";

export let root: usize = 0;
export let leaf: usize = 0;
export let other: usize = 0;

/** A root without a limit, and two budgets below it. */
export function tree(pages: u32, owners: u32): void {
  fresh(pages, owners);
  root = budget(0, 1, NONE, 0);
  leaf = budget(root, 2, NONE, 0);
  other = budget(root, 3, NONE, 0);
}

export function take(node: usize, bytes: u32): usize {
  return allocUnsafeIn(node, stateOf(node), bytes);
}

/** Head of the slab or run that the block at `p` lies in. */
export function headOf(p: usize): u32 {
  const g = <u32>(p >>> GRAIN_SHIFT);
  const word = load32(wordAt(g));
  return (word & T_MASK) == T_SLAB ? g - ((word >>> W_BACK_SHIFT) & 63) : g;
}

export function ownerOf(p: usize): usize {
  return nodeOf(load32(auxAt(headOf(p))));
}

export function bytesOfHead(p: usize): u64 {
  return (<u64>lengthOf(load32(wordAt(headOf(p))))) << GRAIN_SHIFT;
}

/** Nothing is taken or charged, once what is empty was given back. */
export function empty(what: string, where: u64): void {
  trimNow();
  sound(what, where);
  same(used(root), 0, "used, " + what, where);
  same(outWord(OUT_USED), 0, "used bytes of the heap, " + what, where);
}
