// Hints: every bit of every bitmap, and every way from a hint to a slab. Slabs are made by hand here: one word each.

import { get64, get8, put32, put64, put8 } from "../memory";
import { load64, store64 } from "../atomic";
import { beginAlloc, beginMark, endAlloc, markOf } from "../counters";
import { grains, hintWords, hints, homes } from "../header";
import {
  bitmapOf,
  hintClear,
  hintFind,
  hintIsSet,
  hintSet,
  homeOf,
  isHome,
  journalFind,
  setHome,
  settleMark,
  slabInUnit,
} from "../hint";
import { slotOf } from "../owners";
import { bitsAt } from "../pages";
import {
  B_TAG_SHIFT,
  GRAIN_SHIFT,
  HINT_BITMAPS,
  HOME_SHIFT,
  KIND_BLOCK,
  S_ALLOC,
  S_FREE,
  S_MARK,
  UNIT_SHIFT,
} from "../shared/layout";
import { CLASS_COUNT } from "../shared/limits";
import { become, fresh, is, ownJournalClear, same, text } from "./lib";

const UNIT: u32 = 1 << UNIT_SHIFT;
const TAG: u32 = 5 << 2;

/** How many bits of all bitmaps are set. */
function setBits(): u64 {
  let count: u64 = 0;
  for (let i: u32 = 0; i < <u32>HINT_BITMAPS * hintWords; i++) count += popcnt(get64(hints + (i << 3)));
  return count;
}

/** A slab with the free blocks `free`, as far as hints look. */
function putSlab(g: u32, tag: u32, free: u64): void {
  store64(bitsAt(g), ((<u64>tag) << B_TAG_SHIFT) | free);
}

describe("bitmaps", () => {
  it("are different for every kind and class, and none is that of the empty", () => {
    const seen = new StaticArray<bool>(HINT_BITMAPS);
    for (let kind: u32 = 0; kind < 4; kind++) {
      for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
        const bitmap = bitmapOf((c << 2) | kind);
        is(bitmap > 0 && bitmap < <u32>HINT_BITMAPS && !seen[bitmap], true, "bitmap", bitmap);
        seen[bitmap] = true;
      }
    }
  });

  it("have one bit for each unit that no other bitmap and unit shares", () => {
    fresh(2, 1);
    for (let bitmap: u32 = 0; bitmap < <u32>HINT_BITMAPS; bitmap++) {
      for (let g: u32 = 0; g < grains; g += UNIT) {
        hintSet(bitmap, g);
        is(hintIsSet(bitmap, g) && hintIsSet(bitmap, g + UNIT - 1), true, "set, bitmap " + text(bitmap) + ", grain", g);
        hintSet(bitmap, g + 3);
        same(setBits(), 1, "bits, bitmap " + text(bitmap) + ", grain", g);
        hintClear(bitmap, g + 5);
        same(setBits(), 0, "bits afterwards, bitmap " + text(bitmap) + ", grain", g);
      }
    }
  });

  it("stay inside their table in a region of many units", () => {
    fresh(256, 1);
    const before = get64(hints - 8);
    for (let bitmap: u32 = 0; bitmap < <u32>HINT_BITMAPS; bitmap += 255) {
      for (let g: u32 = 0; g < grains; g += UNIT) hintSet(bitmap, g);
    }
    same(setBits(), 2 * (grains >>> UNIT_SHIFT), "bits", 0);
    same(get64(hints - 8), before, "before the table", 0);
    for (let i: usize = 0; i < (<usize>hintWords) << 3; i++) same(get8(homes + i), 0, "homes behind the table", i);
  });
});

describe("slabInUnit", () => {
  it("finds a slab of the tag with a free block at each grain of the unit, for each of the 56 blocks", () => {
    fresh(2, 1);
    for (let g: u32 = 64; g < 64 + UNIT; g++) {
      for (let bit: u64 = 0; bit < 56; bit++) {
        putSlab(g, TAG, (<u64>1) << bit);
        same(slabInUnit(64, TAG), g, "found, block", bit);
        same(slabInUnit(64, TAG + 4), 0, "another class, block", bit);
        same(slabInUnit(64, TAG | KIND_BLOCK), 0, "another kind, block", bit);
        same(slabInUnit(56, TAG) + slabInUnit(72, TAG), 0, "other units, block", bit);
      }
      putSlab(g, TAG, 0);
      same(slabInUnit(64, TAG), 0, "a full slab", g);
      store64(bitsAt(g), ((<u64>7) << 28) | 9);
      same(slabInUnit(64, TAG), 0, "the links of a free run", g);
      store64(bitsAt(g), 0);
    }
  });

  it("does not look beyond the last grain", () => {
    fresh(2, 1);
    store64(bitsAt(grains), ((<u64>TAG) << B_TAG_SHIFT) | 1);
    same(slabInUnit(grains - 4, TAG), 0, "found", 0);
    putSlab(grains - 1, TAG, 1);
    same(slabInUnit(grains - UNIT, TAG), grains - 1, "found in the last unit", 0);
  });
});

describe("hintFind", () => {
  it("finds the only slab from every place to begin, wherever it is, and wraps around", () => {
    fresh(32, 1);
    for (let g: u32 = 128; g < grains; g += 61) {
      putSlab(g, TAG, 1);
      hintSet(bitmapOf(TAG), g);
      for (let from: u32 = 0; from < grains; from += 512)
        same(hintFind(TAG, from, false), g, "from " + text(from) + ", slab at", g);
      hintClear(bitmapOf(TAG), g);
      same(hintFind(TAG, 0, false), 0, "without a hint, slab at", g);
      store64(bitsAt(g), 0);
    }
  });

  it("begins with the word of the place it is given", () => {
    fresh(32, 1);
    for (let g: u32 = 600; g < grains; g += 512) {
      putSlab(g, TAG, 1);
      hintSet(bitmapOf(TAG), g);
    }
    for (let from: u32 = 600; from < grains; from += 512) same(hintFind(TAG, from, false), from, "from", from);
    same(hintFind(TAG, 0, false), 600, "from the start", 0);
  });

  it("clears bits that lead nowhere, keeps those that lead to a slab, and leaves no journal or mark", () => {
    fresh(8, 1);
    const bitmap = bitmapOf(TAG);
    for (let g: u32 = 0; g < grains; g += UNIT) hintSet(bitmap, g);
    putSlab(300, TAG, 8);
    putSlab(310, TAG, 0);
    same(hintFind(TAG, 0, false), 300, "found", 0);
    for (let g: u32 = 0; g < grains; g += UNIT) is(hintIsSet(bitmap, g), g >= 296, "bit of unit", g);
    putSlab(300, TAG, 0);
    same(hintFind(TAG, 0, false), 0, "found when it is full", 0);
    same(setBits(), 0, "bits", 0);
    is(ownJournalClear() && markOf(1) == 0, true, "journal and mark clear", 0);
  });

  it("at home finds only slabs in this owner's homes, and touches no other bits", () => {
    fresh(8, 2);
    const bitmap = bitmapOf(TAG);
    for (let home: u32 = 0; home < grains >>> HOME_SHIFT; home++) put8(homes + home, home % 3);
    for (let g: u32 = 0; g < grains; g += 64) {
      hintSet(bitmap, g);
      putSlab(g + 1, TAG, 1);
    }
    for (let owner: u32 = 1; owner <= 2; owner++) {
      become(owner);
      for (let g: u32 = 0; g < grains; g += 64) {
        if ((g >>> HOME_SHIFT) % 3 != owner) continue;
        same(hintFind(TAG, 0, true), g + 1, "owner " + text(owner) + " finds", g);
        putSlab(g + 1, TAG, 0);
      }
      same(hintFind(TAG, 0, true), 0, "nothing more for owner", owner);
    }
    for (let g: u32 = 0; g < grains; g += 64) is(hintIsSet(bitmap, g), (g >>> HOME_SHIFT) % 3 == 0, "bit of unit", g);
  });
});

describe("journalFind", () => {
  it("finds a slab of every length from every grain of it that a journal may name", () => {
    fresh(4, 2);
    for (let head: u32 = 96; head < 112; head++) {
      putSlab(head, TAG, 1);
      for (let grain = head; grain < head + 32; grain++) {
        put64(slotOf(2) + S_FREE, (<u64>((grain << GRAIN_SHIFT) | 8)) << 32);
        same(journalFind(TAG), head, "by a free in grain " + text(grain) + ", head", head);
        put64(slotOf(2) + S_FREE, 0);
        put64(slotOf(2) + S_ALLOC, (<u64>((grain << GRAIN_SHIFT) | 1)) << 32);
        same(journalFind(TAG), head, "by an allocation in grain " + text(grain) + ", head", head);
        put64(slotOf(2) + S_ALLOC, 0);
      }
      put32(slotOf(2) + S_MARK, ((head & ~(UNIT - 1)) << GRAIN_SHIFT) | 1);
      same(journalFind(TAG), head, "by a mark, head", head);
      put32(slotOf(2) + S_MARK, 0);
      store64(bitsAt(head), 0);
    }
  });

  it("looks at no journal of the caller's, and finds nothing without one", () => {
    fresh(4, 2);
    putSlab(96, TAG, 1);
    same(journalFind(TAG), 0, "without a journal", 0);
    beginAlloc(96 << GRAIN_SHIFT);
    same(journalFind(TAG), 0, "by its own", 0);
    endAlloc(0);
  });

  it("does not reach before the first grain", () => {
    fresh(4, 2);
    for (let grain: u32 = 0; grain < 40; grain++) {
      put64(slotOf(2) + S_FREE, (<u64>((grain << GRAIN_SHIFT) | 8)) << 32);
      same(journalFind(TAG), 0, "grain", grain);
    }
  });
});

describe("settleMark", () => {
  it("sets every bitmap's bit of the marked unit and no other, once", () => {
    fresh(2, 1);
    settleMark();
    same(setBits(), 0, "bits without a mark", 0);
    beginMark(64);
    settleMark();
    same(setBits(), HINT_BITMAPS, "bits", 0);
    for (let bitmap: u32 = 0; bitmap < <u32>HINT_BITMAPS; bitmap++) is(hintIsSet(bitmap, 64), true, "bit", bitmap);
    same(markOf(1), 0, "mark", 0);
  });
});

describe("homes", () => {
  it("are one byte for each 64 grains, the owner that carved there last", () => {
    fresh(8, 2);
    for (let g: u32 = 0; g < grains; g++) same(homeOf(g), 0, "at first, grain", g);
    setHome(130);
    become(2);
    setHome(256);
    for (let g: u32 = 0; g < grains; g++) {
      const owner: u32 = g >>> 6 == 2 ? 1 : g >>> 6 == 4 ? 2 : 0;
      same(homeOf(g), owner, "home of grain", g);
      is(isHome(g), owner == 2, "at home, grain", g);
    }
    setHome(191);
    same(homeOf(128), 2, "taken over", 0);
    same(load64(bitsAt(0) - 8) >> 32, 0, "behind the homes", 0);
  });
});
