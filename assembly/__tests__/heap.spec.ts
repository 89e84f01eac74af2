// Heap: every size, every address of a small region, the ladder down to "full", and that it all comes back.

import { get32, get8, put32 } from "../memory";
import { store32 } from "../atomic";
import { beginFree, countedBytes, endFree, beginMark, markOf } from "../counters";
import { firstGrain, grains, poison } from "../header";
import { alloc, allocAligned, allocSlow, allocUnsafe, free, takeLarge, usableSize } from "../heap";
import { realloc } from "../resize";
import { bitmapOf, hintClear } from "../hint";
import { blockAlloc } from "../record";
import { reason } from "../region";
import { classOf, classSize, geometry } from "../sizeclass";
import { hintRecord } from "../slab";
import {
  C_BLOCKS,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  H_COMMITTED,
  H_LOCK,
  KIND_BLOCK,
  KIND_RAW,
  R_SLAB,
  R_TOP,
  UNIT_SHIFT,
} from "../shared/layout";
import { CLASS_COUNT, SMALL_BYTES_MAX } from "../shared/limits";
import { BAD_CHAIN, FULL, NOT_LIVE, TOO_LARGE } from "../shared/status";
import {
  become,
  chain,
  fresh,
  idOf,
  is,
  isChain,
  isZero,
  permutation,
  same,
  smallHeap,
  sound,
  text,
  trimNow,
} from "./lib";

/** What a request of `bytes` bytes is granted. */
function granted(bytes: u32): u32 {
  if (bytes <= <u32>SMALL_BYTES_MAX) return classSize(classOf(bytes));
  return (bytes + GRAIN_BYTES - 1) & ~(GRAIN_BYTES - 1);
}

/** Fills a block with a byte of its own. */
function mark(p: usize, bytes: u32, value: u32): void {
  memory.fill(p, <u8>value, bytes);
}

/** The block still holds what `mark` wrote. */
function isMarked(p: usize, bytes: u32, value: u32, what: string): void {
  for (let i: u32 = 0; i < bytes; i++) {
    if (get8(p + i) != (value & 0xff)) same(get8(p + i), value & 0xff, what, i);
  }
}

describe("alloc", () => {
  it("grants every size up to 8192 its class, 8-aligned and zeroed, and usableSize says so", () => {
    fresh(16, 1);
    memory.fill((<usize>firstGrain) << GRAIN_SHIFT, 0xff, (grains - firstGrain) << GRAIN_SHIFT);
    for (let bytes: u32 = 1; bytes <= <u32>SMALL_BYTES_MAX; bytes++) {
      const p = alloc(bytes);
      is(p != 0 && (p & 7) == 0, true, "aligned, bytes", bytes);
      same(usableSize(p), granted(bytes), "usable, bytes", bytes);
      if (bytes < 600 || bytes % 61 == 0) {
        isZero(p, granted(bytes), "zeroed", bytes);
        mark(p, granted(bytes), 0xff);
      }
      is(free(p), true, "freed, bytes", bytes);
    }
    same(countedBytes(), 0, "counted", 0);
    sound("at the end", 0);
  });

  it("grants whole grains beyond that, zeroed", () => {
    fresh(16, 1);
    memory.fill((<usize>firstGrain) << GRAIN_SHIFT, 0xff, (grains - firstGrain) << GRAIN_SHIFT);
    for (let bytes: u32 = SMALL_BYTES_MAX + 1; bytes < 400000; bytes += bytes < 12000 ? 101 : 30011) {
      const p = alloc(bytes);
      is(p != 0 && (p & (GRAIN_BYTES - 1)) == 0, true, "aligned, bytes", bytes);
      same(usableSize(p), granted(bytes), "usable, bytes", bytes);
      isZero(p, granted(bytes), "zeroed", bytes);
      mark(p, granted(bytes), 0xff);
      sound("taken, bytes", bytes);
      is(free(p), true, "freed, bytes", bytes);
      is(free(p), false, "freed twice, bytes", bytes);
    }
    sound("at the end", 0);
  });

  it("never gives two blocks that overlap, and leaves what others hold", () => {
    fresh(32, 1);
    const count = 400;
    const blocks = new StaticArray<usize>(count);
    const sizes = new StaticArray<u32>(count);
    for (let i = 0; i < count; i++) {
      sizes[i] = 1 + ((<u32>i * 2654435761) >>> 19);
      blocks[i] = i & 1 ? alloc(sizes[i]) : allocUnsafe(sizes[i]);
      is(blocks[i] != 0, true, "taken", i);
      mark(blocks[i], granted(sizes[i]), i);
    }
    for (let i = 0; i < count; i++) isMarked(blocks[i], granted(sizes[i]), i, "block " + text(i) + " at");
    sound("filled", 0);
    for (let i = 0; i < count; i += 2) is(free(blocks[i]), true, "freed", i);
    for (let i = 0; i < count; i += 2) {
      blocks[i] = allocSlow(sizes[i]);
      mark(blocks[i], granted(sizes[i]), i);
    }
    for (let i = 0; i < count; i++) isMarked(blocks[i], granted(sizes[i]), i, "block " + text(i) + " afterwards, at");
    for (let i = 0; i < count; i++) is(free(blocks[i]), true, "freed at last", i);
    same(countedBytes(), 0, "counted", 0);
    sound("at the end", 0);
  });
});

describe("allocAligned", () => {
  it("grants every alignment up to 1 MiB for sizes of every kind, and gives all of it back", () => {
    fresh(64, 1);
    const whole = chain();
    for (let align: u32 = 1; align <= 1 << 20; align <<= 1) {
      for (let bytes: u32 = 1; bytes <= 40000; bytes = bytes * 2 + 1) {
        const p = allocAligned(bytes, align);
        is(p != 0 && p % align == 0, true, "align " + text(align) + ", bytes", bytes);
        is(usableSize(p) >= bytes, true, "usable, align " + text(align) + ", bytes", bytes);
        is(free(p), true, "freed, align " + text(align) + ", bytes", bytes);
      }
    }
    trimNow();
    isChain(whole, "chain", 0);
    sound("at the end", 0);
  });
});

describe("free", () => {
  it("accepts exactly the starts of raw blocks among all addresses of the region, once, and usableSize knows the same", () => {
    fresh(3, 1);
    const sizes: StaticArray<u32> = [1, 24, 100, 1000, 3000, 5000, 9000, 20000];
    const live = new Map<usize, u32>();
    for (let i = 0; i < sizes.length; i++) {
      const p = allocUnsafe(sizes[i]);
      is(p != 0, true, "taken", sizes[i]);
      live.set(p, granted(sizes[i]));
    }
    const block = blockAlloc(100, 8);
    const blockRun = blockAlloc(10000, 8);
    const used = countedBytes();
    for (let p: usize = 0; p < ((<usize>grains) << GRAIN_SHIFT) + 4096; p++) {
      const size = live.has(p) ? live.get(p) : p == block ? granted(100) : p == blockRun ? granted(10000) : 0;
      if (usableSize(p) != size) same(usableSize(p), size, "usable size at", p);
      if (live.has(p)) continue;
      if (free(p)) is(true, false, "freed", p);
    }
    same(countedBytes(), used, "counted", 0);
    sound("refused", 0);
    const keys = live.keys();
    for (let i = 0; i < keys.length; i++) {
      is(free(keys[i]), true, "freed", keys[i]);
      is(free(keys[i]), false, "freed twice", keys[i]);
      same(usableSize(keys[i]), 0, "usable afterwards", keys[i]);
    }
    sound("freed", 0);
  });

  it("accepts no address at the end of the 32-bit range", () => {
    fresh(3, 1);
    for (let p: usize = 0xffffff00; p != 0; p++) {
      is(free(p), false, "freed", p);
      same(usableSize(p), 0, "usable", p);
    }
  });

  it("of a block in the slab worked on last gives exactly that block back, for every class and block", () => {
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
      fresh(16, 1);
      const bytes = classSize(c);
      const first = allocUnsafe(bytes);
      const kept = allocUnsafe(bytes);
      const count = get32(geometry(c << 2) + C_BLOCKS);
      for (let i: u32 = 2; i + 1 < count; i++) {
        const p = allocUnsafe(bytes);
        is(free(p + 8), false, "inside a block, class " + text(c) + ", block", i);
        is(free(p), true, "freed, class " + text(c) + ", block", i);
        is(free(p), false, "freed twice, class " + text(c) + ", block", i);
        same(usableSize(p), 0, "usable, class " + text(c) + ", block", i);
        same(allocUnsafe(bytes), p, "taken again, class " + text(c) + ", block", i);
      }
      is(free(first) && free(kept), true, "the first two, class", c);
      sound("class", c);
    }
  });

  it("of a run in a poisoned region leaves it unmerged, and is done once", () => {
    smallHeap(20, 1);
    const p = takeLarge(9 << GRAIN_SHIFT, 1, KIND_RAW);
    poison(BAD_CHAIN);
    is(free(p), true, "freed", 0);
    isChain("free 11, freed 9", "chain", 0);
    same(countedBytes(), 0, "counted", 0);
    same(get32(H_LOCK), 0, "lock", 0);
    is(free(p), false, "freed twice", 0);
  });

  it("merges five runs in every order", () => {
    for (let order: u32 = 0; order < 120; order++) {
      smallHeap(50, 1);
      const blocks = new StaticArray<usize>(5);
      for (let i = 0; i < 5; i++) blocks[i] = allocUnsafe((<u32>(9 + i / 2)) << GRAIN_SHIFT);
      const freed = permutation(order, 5);
      for (let i = 0; i < 5; i++) is(free(blocks[freed[i]]), true, "freed " + text(i) + ", order", order);
      isChain("free 50", "order", order);
      sound("order", order);
    }
  });

  it("takes and frees five blocks of different slabs in every order, and trimming leaves one run", () => {
    for (let order: u32 = 0; order < 120; order++) {
      fresh(4, 1);
      const whole = chain();
      const blocks = new StaticArray<usize>(5);
      for (let i = 0; i < 5; i++) blocks[i] = allocUnsafe(<u32>(20 + 900 * i));
      const freed = permutation(order, 5);
      for (let i = 0; i < 5; i++) {
        is(free(blocks[freed[i]]), true, "freed " + text(i) + ", order", order);
        is(free(blocks[freed[i]]), false, "freed twice " + text(i) + ", order", order);
      }
      sound("freed, order", order);
      trimNow();
      isChain(whole, "order", order);
      sound("trimmed, order", order);
    }
  });
});

describe("runs", () => {
  it("are carved off the end of the best fit, and the journal is clear afterwards", () => {
    smallHeap(30, 1);
    const a = takeLarge(5 << GRAIN_SHIFT, 1, KIND_RAW);
    same(a >>> GRAIN_SHIFT, firstGrain + 25, "grain", 0);
    const b = takeLarge(1, 8, KIND_RAW);
    same((b >>> GRAIN_SHIFT) & 7, 0, "aligned to 8 grains", 0);
    is((b >>> GRAIN_SHIFT) + 8 > firstGrain + 24, true, "the last such place", 0);
    same(get32(H_COMMITTED), 6, "committed", 0);
    sound("two runs", 0);
  });

  it("of kind Block are not for raw calls", () => {
    smallHeap(30, 1);
    const p = takeLarge(5 << GRAIN_SHIFT, 1, KIND_BLOCK);
    is(free(p), false, "freed", 0);
    same(realloc(p, 20000), 0, "resized", 0);
    same(reason(), NOT_LIVE, "reason", 0);
    sound("untouched", 0);
  });
});

describe("realloc", () => {
  it("keeps the contents and zeroes the rest, for every pair of sizes around the classes and runs", () => {
    const sizes: StaticArray<u32> = [1, 8, 16, 17, 100, 1000, 1024, 5000, 8192, 8193, 9216, 9217, 15000, 40000];
    for (let a = 0; a < sizes.length; a++) {
      for (let b = 0; b < sizes.length; b++) {
        fresh(8, 1);
        memory.fill((<usize>firstGrain) << GRAIN_SHIFT, 0xff, (grains - firstGrain) << GRAIN_SHIFT);
        const from = sizes[a];
        const to = sizes[b];
        const p = alloc(from);
        const before = usableSize(p);
        mark(p, before, 0x5a);
        const q = realloc(p, to);
        const what = text(from) + " to " + text(to);
        is(q != 0 && usableSize(q) >= to, true, what, 0);
        isMarked(q, min(before, to), 0x5a, "kept, " + what);
        if (usableSize(q) > before) isZero(q + before, usableSize(q) - before, "zeroed, " + what, 0);
        if (granted(to) == before) same(q, p, "in place, " + what, 0);
        if (q != p) same(usableSize(p), 0, "the old block, " + what, 0);
        same(countedBytes(), usableSize(q), "counted, " + what, 0);
        sound(what, 0);
        is(free(q), true, "freed, " + what, 0);
        sound("freed, " + what, 0);
      }
    }
  });

  it("moves the end of a run where the run behind allows, and leaves neighbours alone", () => {
    smallHeap(60, 1);
    const p = allocUnsafe(40 << GRAIN_SHIFT);
    isChain("free 20, run 40", "before", 0);
    mark(p, 40 << GRAIN_SHIFT, 0xff);
    same(realloc(p, 10 << GRAIN_SHIFT), p, "shrunk in place", 0);
    isChain("free 20, run 10, free 30", "shrunk", 0);
    same(realloc(p, 25 << GRAIN_SHIFT), p, "grown in place", 0);
    isChain("free 20, run 25, free 15", "grown", 0);
    isMarked(p, 10 << GRAIN_SHIFT, 0xff, "kept");
    isZero(p + (10 << GRAIN_SHIFT), 15 << GRAIN_SHIFT, "zeroed", 0);
    same(realloc(p, 40 << GRAIN_SHIFT), p, "grown to the end", 0);
    isChain("free 20, run 40", "grown to the end", 0);
    same(countedBytes(), 40 << GRAIN_SHIFT, "counted", 0);
    sound("resized", 0);
  });

  it("that finds no room leaves the block as it is", () => {
    smallHeap(30, 1);
    const p = allocUnsafe(10 << GRAIN_SHIFT);
    const q = allocUnsafe(10 << GRAIN_SHIFT);
    mark(p, 10 << GRAIN_SHIFT, 0x77);
    same(realloc(p, 25 << GRAIN_SHIFT), 0, "too large", 0);
    same(reason(), FULL, "reason", 0);
    isMarked(p, 10 << GRAIN_SHIFT, 0x77, "kept");
    same(realloc(p, 0xfffff000), 0, "much too large", 0);
    same(reason(), TOO_LARGE, "reason", 0);
    sound("refused", 0);
    is(free(p) && free(q), true, "freed", 0);
  });

  it("to a smaller size that finds no room keeps the block where it is", () => {
    smallHeap(9, 1);
    const p = allocUnsafe(9 << GRAIN_SHIFT);
    same(realloc(p, 100), p, "kept", 0);
    same(usableSize(p), 9 << GRAIN_SHIFT, "usable", 0);
    sound("kept", 0);
  });

  it("of what is no live block is refused", () => {
    fresh(4, 1);
    const p = allocUnsafe(100);
    same(realloc(p + 8, 200), 0, "inside a block", 0);
    same(reason(), NOT_LIVE, "reason", 0);
    free(p);
    same(realloc(p, 200), 0, "a freed block", 0);
    same(reason(), NOT_LIVE, "reason", 0);
    same(realloc(0, 200), 0, "nothing", 0);
    sound("refused", 0);
  });

  it("falls back to moving a run while the lock is held by another", () => {
    fresh(8, 2);
    const p = allocUnsafe(20000);
    mark(p, 20000, 0x33);
    become(2);
    become(1);
    store32(H_LOCK, idOf(2));
    const q = realloc(p, 5000);
    is(q == 0 || q == p || usableSize(q) >= 5000, true, "answer", 0);
    store32(H_LOCK, 0);
    isMarked(q == 0 ? p : q, 5000, 0x33, "kept");
    sound("afterwards", 0);
  });
});

describe("a clearing of a hint that an exception cut", () => {
  it("is made good by the next allocation, which finds the block there", () => {
    fresh(16, 1);
    const tag = classOf(100) << 2;
    const p = allocUnsafe(100);
    const g = <u32>(p >>> GRAIN_SHIFT);
    for (let i: u32 = 1; i < get32(geometry(tag) + C_BLOCKS); i++) is(allocUnsafe(100) != 0, true, "taken", i);
    is(free(p), true, "freed", 0);
    put32(hintRecord(tag) + R_SLAB, 0);
    put32(hintRecord(tag) + R_TOP, 0);
    beginMark(g & ~((1 << UNIT_SHIFT) - 1));
    hintClear(bitmapOf(tag), g);
    same(allocUnsafe(100), p, "found", 0);
    same(markOf(1), 0, "mark", 0);
    sound("afterwards", 0);
  });
});

describe("two owners", () => {
  it("free what the other took, in each other's slabs and runs, and the sums stay exact", () => {
    fresh(64, 2);
    const whole = chain();
    const blocks = new Array<usize>();
    for (let i: u32 = 0; i < 300; i++) {
      become(1 + (i & 1));
      blocks.push(allocUnsafe(1 + ((i * 7919) % 12000)));
      is(blocks[i] != 0, true, "taken", i);
    }
    sound("taken", 0);
    for (let i = 299; i >= 0; i--) {
      become(2 - (i & 1));
      is(free(blocks[i]), true, "freed", i);
      if (i % 50 == 0) sound("freed down to", i);
    }
    same(countedBytes(), 0, "counted", 0);
    trimNow();
    isChain(whole, "chain", 0);
    sound("at the end", 0);
  });
});

describe("a journal of a free", () => {
  it("is given up when the block is not taken", () => {
    fresh(4, 1);
    const p = allocUnsafe(100);
    free(p);
    beginFree(p);
    endFree(0);
    is(free(p), false, "freed twice", 0);
    sound("afterwards", 0);
  });
});
