// Hints: where free blocks may be. Owns the bitmaps: for each class and kind one bit a unit, a unit being the 8 grains whose
// bits[] words share a cache line. A set bit may be stale; a clear one may not be:
//
//   a slab of class c and kind k with a free block      ⇒ bit (k, c, its unit) is set, or an owner's journal or mark names the unit
//   an empty slab that is nobody's current, a FREED run ⇒ bit (HINT_EMPTY, its unit) is set, or an owner's journal or mark names the unit
//
// Setting is one atomic `or` after the change it speaks of, while the operation's journal or the page lock stands. Clearing marks the unit in the own slot, clears, and looks
// again; a thread that dies between leaves the mark, and who needs certainty looks at the units named in journals and marks.
//
// Homes: one byte for each 64 grains, the owner that last carved a slab there. Slabs at home are taken first, so two threads do
// not drift into each other's cache lines. A stale home costs time only.

import { get8, get64, put8 } from "./memory";
import { and64, load32, load64, or64 } from "./atomic";
import { equalBytes } from "./bits";
import { grains, hints, hintWords, homes, maxOwners } from "./header";
import { beginMark, endMark, markOf, pendingAlloc, pendingFree } from "./counters";
import { me } from "./owners";
import { auxAt, bitsAt } from "./pages";
import { B_TAG_SHIFT, GRAIN_SHIFT, HINT_BITMAPS, HOME_SHIFT, UNIT_SHIFT } from "./shared/layout";
import { SLAB_GRAINS_MAX } from "./shared/limits";

/** The bits of a slab's word below its tag. */
export const FREE_MASK: u64 = (1 << B_TAG_SHIFT) - 1;
const UNITS_PER_WORD_SHIFT: u32 = 6;

/** Number of the bitmap for slabs with this tag (class << 2 | kind). */
export function bitmapOf(tag: u32): u32 {
  return ((tag & 3) << 6) | (tag >>> 2);
}

function hintAt(bitmap: u32, g: u32): usize {
  return hints + ((<usize>bitmap * hintWords + (g >>> (UNIT_SHIFT + UNITS_PER_WORD_SHIFT))) << 3);
}

/** Says that the unit of grain `g` may hold what the bitmap is about. */
export function hintSet(bitmap: u32, g: u32): void {
  const at = hintAt(bitmap, g);
  const bit = (<u64>1) << ((g >>> UNIT_SHIFT) & 63);
  if ((load64(at) & bit) == 0) or64(at, bit);
}

export function hintClear(bitmap: u32, g: u32): void {
  and64(hintAt(bitmap, g), ~((<u64>1) << ((g >>> UNIT_SHIFT) & 63)));
}

export function hintIsSet(bitmap: u32, g: u32): bool {
  return (load64(hintAt(bitmap, g)) >> ((g >>> UNIT_SHIFT) & 63)) & 1 ? true : false;
}

/** Head of a slab with this tag and a free block, in the unit that begins at grain `unit`; 0: none. */
export function slabInUnit(unit: u32, tag: u32): u32 {
  const want = (<u64>tag) << B_TAG_SHIFT;
  for (let g = unit; g < unit + (1 << UNIT_SHIFT) && g < grains; g++) {
    if ((load64(bitsAt(g)) ^ want) - 1 < FREE_MASK) return g;
  }
  return 0;
}

/**
 * Head of a slab with this tag and a free block, searched from the unit of `from` on; 0: no hint leads to one. With `home`, only
 * where this owner is at home. Bits that lead nowhere are cleared on the way.
 */
export function hintFind(tag: u32, from: u32, home: bool): u32 {
  const row = hints + ((<usize>bitmapOf(tag) * hintWords) << 3);
  let index = from >>> (UNIT_SHIFT + UNITS_PER_WORD_SHIFT);
  for (let n: u32 = 0; n < hintWords; n++) {
    const at = row + ((<usize>index) << 3);
    let bits = load64(at);
    if (bits != 0 && home) bits &= equalBytes(get64(homes + ((<usize>index) << 3)), me);
    while (bits != 0) {
      const bit = <u32>ctz(bits);
      bits &= bits - 1;
      const unit = ((index << UNITS_PER_WORD_SHIFT) + bit) << UNIT_SHIFT;
      let found = slabInUnit(unit, tag);
      if (found == 0) found = clearUnlessFound(at, bit, unit, tag);
      if (found != 0) return found;
    }
    index++;
    if (index == hintWords) index = 0;
  }
  return 0;
}

/**
 * Head of a slab with this tag and a free block whose charge is `charge`, at grain `from` or behind it; 0: no hint leads to one. Bits that
 * lead to no slab with this tag are cleared on the way.
 */
export function hintFindIn(tag: u32, from: u32, charge: u32): u32 {
  const row = hints + ((<usize>bitmapOf(tag) * hintWords) << 3);
  const want = (<u64>tag) << B_TAG_SHIFT;
  for (let index = from >>> (UNIT_SHIFT + UNITS_PER_WORD_SHIFT); index < hintWords; index++) {
    const at = row + ((<usize>index) << 3);
    let bits = load64(at);
    while (bits != 0) {
      const bit = <u32>ctz(bits);
      bits &= bits - 1;
      const unit = ((index << UNITS_PER_WORD_SHIFT) + bit) << UNIT_SHIFT;
      const end = min(unit + (1 << UNIT_SHIFT), grains);
      if (end <= from || (slabInUnit(unit, tag) == 0 && clearUnlessFound(at, bit, unit, tag) == 0)) continue;
      for (let g = max(unit, from); g < end; g++)
        if ((load64(bitsAt(g)) ^ want) - 1 < FREE_MASK && load32(auxAt(g)) == charge) return g;
    }
  }
  return 0;
}

function clearUnlessFound(at: usize, bit: u32, unit: u32, tag: u32): u32 {
  beginMark(unit);
  and64(at, ~((<u64>1) << bit));
  const found = slabInUnit(unit, tag);
  if (found != 0) or64(at, (<u64>1) << bit);
  endMark();
  return found;
}

/** After an exception that cut a clearing of ours: says again that anything may be in that unit. */
export function settleMark(): void {
  const mark = markOf(me);
  if (mark == 0) return;
  hintAll(mark);
  endMark();
}

/** Says that anything may be in the marked unit. */
export function hintAll(mark: usize): void {
  for (let bitmap: u32 = 0; bitmap < <u32>HINT_BITMAPS; bitmap++) hintSet(bitmap, <u32>(mark >>> GRAIN_SHIFT));
}

/** Like hintFind, in the units that other owners' journals name: what they are about to hint at. */
export function journalFind(tag: u32): u32 {
  for (let index: u32 = 1; index <= maxOwners; index++) {
    if (index == me) continue;
    const found = namedFind(pendingAlloc(index), tag);
    if (found != 0) return found;
    const freed = namedFind(pendingFree(index), tag);
    if (freed != 0) return freed;
    const marked = namedFind(markOf(index), tag);
    if (marked != 0) return marked;
  }
  return 0;
}

function namedFind(p: usize, tag: u32): u32 {
  if (p == 0) return 0;
  // A block's slab may begin in an earlier unit than the block lies in.
  const g = <u32>(p >>> GRAIN_SHIFT) & ~((1 << UNIT_SHIFT) - 1);
  for (let unit: u32 = g < <u32>SLAB_GRAINS_MAX ? 0 : g - SLAB_GRAINS_MAX; unit <= g; unit += 1 << UNIT_SHIFT) {
    const found = slabInUnit(unit, tag);
    if (found != 0) return found;
  }
  return 0;
}

export function isHome(g: u32): bool {
  return get8(homes + (g >>> HOME_SHIFT)) == me;
}

export function homeOf(g: u32): u32 {
  return get8(homes + (g >>> HOME_SHIFT));
}

export function setHome(g: u32): void {
  const at = homes + (g >>> HOME_SHIFT);
  if (get8(at) != me) put8(at, me);
}
