// Full: when it is said, when it is not, and that everything comes back.

import { get32, put32 } from "../memory";
import { store32 } from "../atomic";
import { beginAlloc, beginFree, beginMark, countedBytes, endAlloc, endFree, endMark } from "../counters";
import { firstGrain, grains, poison } from "../header";
import { alloc, allocAligned, allocSlow, allocUnsafe, free, refuse, usableSize } from "../heap";
import { bitmapOf, hintClear } from "../hint";
import { lock } from "../lock";
import { leave, slot, slotOf } from "../owners";
import { wordAt } from "../pages";
import { reason } from "../region";
import { classOf, geometry } from "../sizeclass";
import { hintRecord } from "../slab";
import {
  C_GRAINS,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  H_DEFERRED,
  H_LOCK,
  H_PEAK,
  OWNER_DEAD,
  R_SLAB,
  R_TOP,
  S_FREE_JOURNAL,
  S_REASON,
  T_FREED,
  T_MASK,
} from "../shared/layout";
import { BAD_CHAIN, BUSY, FULL, NOT_ATTACHED, OK, POISONED, TOO_LARGE } from "../shared/status";
import {
  become,
  chain,
  fresh,
  idOf,
  is,
  isChain,
  isZero,
  longestRun,
  ownJournalClear,
  same,
  setState,
  smallHeap,
  sound,
  trimNow,
} from "./lib";

/** Takes blocks of `bytes` until there are no more; they stand in a list. */
function fill(bytes: u32): Array<usize> {
  const blocks = new Array<usize>();
  for (let p = allocUnsafe(bytes); p != 0; p = allocUnsafe(bytes)) blocks.push(p);
  return blocks;
}

/** Bytes of all these blocks; the last ones may be runs of their own. */
function usableSum(blocks: Array<usize>): u32 {
  let sum: u32 = 0;
  for (let i = 0; i < blocks.length; i++) sum += usableSize(blocks[i]);
  return sum;
}

describe("full", () => {
  it("is said for each size only when no such block fits anywhere, and everything comes back", () => {
    for (let bytes: u32 = 1; bytes <= 20000; bytes = bytes * 3 + 7) {
      fresh(4, 1);
      const whole = chain();
      const blocks = fill(bytes);
      same(reason(), FULL, "reason, bytes", bytes);
      same(countedBytes(), usableSum(blocks), "counted, bytes", bytes);
      is(longestRun() << GRAIN_SHIFT < bytes, true, "no run for one block, bytes", bytes);
      sound("full, bytes", bytes);
      is(get32(H_PEAK) <= grains - firstGrain, true, "peak, bytes", bytes);
      is(free(blocks[blocks.length >>> 1]), true, "freed one, bytes", bytes);
      is(allocUnsafe(bytes) != 0, true, "and taken again, bytes", bytes);
      same(allocUnsafe(bytes), 0, "no more, bytes", bytes);
      for (let i = 0; i < blocks.length; i++) free(blocks[i]);
      same(countedBytes(), 0, "counted at last, bytes", bytes);
      trimNow();
      isChain(whole, "chain, bytes", bytes);
      sound("emptied, bytes", bytes);
    }
  });

  it("is not said while empty slabs of another class, of whoever, could be given back", () => {
    for (let bytes: u32 = 16; bytes <= 8192; bytes <<= 1) {
      fresh(4, 2);
      const blocks = fill(bytes);
      for (let i = 0; i < blocks.length; i++) is(free(blocks[i]), true, "freed", i);
      become(2);
      const large = allocUnsafe((grains - firstGrain) << GRAIN_SHIFT);
      is(large != 0, true, "the whole heap after slabs of bytes", bytes);
      sound("the whole heap", bytes);
      is(free(large), true, "freed", bytes);
    }
  });

  it("is not said while one block of the class is free, whoever left it and wherever it is", () => {
    fresh(4, 2);
    const blocks = fill(40);
    become(2);
    for (let i = 0; i < blocks.length; i += 37) {
      is(free(blocks[i]), true, "freed", i);
      same(allocUnsafe(40), blocks[i], "taken again by the other", i);
      same(allocUnsafe(40), 0, "then full", i);
    }
    sound("full", 0);
  });

  it("is not said for a small block while a single grain is free: it gets a run of its own", () => {
    smallHeap(10, 1);
    memory.fill((<usize>firstGrain) << GRAIN_SHIFT, 0xff, 10 << GRAIN_SHIFT);
    const large = allocUnsafe(9 << GRAIN_SHIFT);
    const p = alloc(3);
    isZero(p, usableSize(p), "zeroed", 0);
    is(large != 0 && p != 0, true, "taken", 0);
    sound("taken", 0);
    is(usableSize(p) >= 16, true, "usable", 0);
    is(free(p) && free(large), true, "freed", 0);
    trimNow();
    isChain("free 10", "chain", 0);
  });

  it("is not said for a block whose slab is longer than the free run, and alloc zeroes all of the run it gets", () => {
    fresh(64, 1);
    const c = classOf(700);
    is(get32(geometry(c << 2) + C_GRAINS) > 1, true, "a slab of several grains", c);
    memory.fill((<usize>firstGrain) << GRAIN_SHIFT, 0xff, (grains - firstGrain) << GRAIN_SHIFT);
    const large = allocUnsafe((grains - firstGrain - 1) << GRAIN_SHIFT);
    const p = alloc(700);
    same(usableSize(p), GRAIN_BYTES, "usable", 0);
    isZero(p, GRAIN_BYTES, "zeroed", 0);
    same(alloc(700), 0, "no more", 0);
    sound("taken", 0);
    is(free(p) && free(large), true, "freed", 0);
    sound("freed", 0);
  });

  it("is not said while a run that was freed is named by no hint but a journal, of an owner that lives or died", () => {
    for (let owner: u32 = 2; owner <= 3; owner++) {
      smallHeap(20, 3);
      const p = allocUnsafe(20 << GRAIN_SHIFT);
      become(3);
      setState(3, OWNER_DEAD);
      become(2);
      become(1);
      const g = <u32>(p >>> GRAIN_SHIFT);
      store32(wordAt(g), (get32(wordAt(g)) & ~T_MASK) | T_FREED);
      endFree(20 << GRAIN_SHIFT);
      put32(slotOf(owner) + S_FREE_JOURNAL, <u32>p);
      is(owner == 2 ? allocUnsafe(100) != 0 : allocUnsafe(15 << GRAIN_SHIFT) != 0, true, "taken, named by", owner);
      put32(slotOf(owner) + S_FREE_JOURNAL, 0);
      sound("taken, named by", owner);
    }
  });

  it("is not said while a slab with a free block is named by no hint but another's journal or mark", () => {
    for (let how = 0; how < 3; how++) {
      smallHeap(20, 2);
      const blocks = fill(100);
      const p = blocks[3];
      const g = <u32>(p >>> GRAIN_SHIFT);
      is(free(p), true, "freed", how);
      hintClear(bitmapOf(classOf(100) << 2), g);
      put32(hintRecord(classOf(100) << 2) + R_SLAB, 0);
      put32(hintRecord(classOf(100) << 2) + R_TOP, 0);
      become(2);
      if (how == 0) beginAlloc(p);
      if (how == 1) beginFree(p);
      if (how == 2) beginMark(g & ~7);
      become(1);
      same(allocUnsafe(100), p, "taken, named by", how);
      become(2);
      endAlloc(0);
      endFree(0);
      endMark();
      become(1);
      same(allocUnsafe(100), 0, "then full", how);
      same(reason(), FULL, "reason", how);
      sound("full", how);
    }
  });

  it("is not said, nor BUSY, while the lock is held and a hint leads to a block in another's home", () => {
    fresh(16, 3);
    become(2);
    const p = allocUnsafe(100);
    become(3);
    become(1);
    store32(H_LOCK, idOf(3));
    const q = allocUnsafe(100);
    is(q != 0 && q >>> GRAIN_SHIFT == p >>> GRAIN_SHIFT, true, "in the other's slab", 0);
    same(allocUnsafe(3000), 0, "of a class without a slab", 0);
    same(reason(), BUSY, "reason", 0);
    same(allocUnsafe(20000), 0, "a run", 0);
    same(reason(), BUSY, "reason", 0);
    store32(H_LOCK, 0);
    sound("afterwards", 0);
  });

  it("leaves the lock free and no journal, and runs freed while it was decided are merged", () => {
    smallHeap(30, 2);
    const p = allocUnsafe(10 << GRAIN_SHIFT);
    const rest = allocUnsafe(20 << GRAIN_SHIFT);
    same(lock(), OK, "lock", 0);
    become(2);
    is(free(p), true, "freed while the lock is held", 0);
    become(1);
    same(get32(H_DEFERRED), 1, "deferred", 0);
    store32(H_LOCK, 0);
    same(allocUnsafe(11 << GRAIN_SHIFT), 0, "longer than what was freed", 0);
    same(reason(), FULL, "reason", 0);
    same(get32(H_LOCK) | get32(H_DEFERRED), 0, "lock, deferred", 0);
    is(ownJournalClear(), true, "journal clear", 0);
    is(allocUnsafe(10 << GRAIN_SHIFT) != 0 && free(rest), true, "what was freed fits", 0);
    sound("afterwards", 0);
  });

  it("differs from TOO_LARGE, NOT_ATTACHED, BUSY and POISONED", () => {
    fresh(4, 2);
    same(allocUnsafe(((grains - firstGrain) << GRAIN_SHIFT) + 1), 0, "more than the heap", 0);
    same(reason(), TOO_LARGE, "reason", 0);
    same(allocUnsafe(0xffffffff), 0, "the largest number", 0);
    same(reason(), TOO_LARGE, "reason", 0);
    become(2);
    become(1);
    store32(H_LOCK, idOf(2));
    same(allocUnsafe(10000), 0, "while the lock is held", 0);
    same(reason(), BUSY, "reason", 0);
    store32(H_LOCK, 0);
    poison(BAD_CHAIN);
    same(allocUnsafe(10000), 0, "when poisoned", 0);
    same(reason(), POISONED, "reason", 0);
    leave();
    same(
      allocUnsafe(10000) + allocUnsafe(10) + alloc(10) + allocAligned(10, 64) + allocSlow(10),
      0,
      "when detached",
      0,
    );
    same(reason(), NOT_ATTACHED, "reason", 0);
  });
});

describe("refuse", () => {
  it("leaves its reason in the owner's slot, and nowhere when there is no owner", () => {
    fresh(4, 1);
    same(refuse(TOO_LARGE), 0, "answer", 0);
    same(get32(slot + S_REASON), TOO_LARGE, "reason", 0);
    leave();
    refuse(FULL);
    same(get32(slot + S_REASON), 0, "reason of nobody", 0);
  });
});
