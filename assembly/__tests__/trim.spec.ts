// Trim: when an empty slab is closed and a freed run merged, and what leads there.

import { get32, put32, put64 } from "../memory";
import { load64, store32, store64 } from "../atomic";
import { beginMark, markOf, pendingAlloc } from "../counters";
import { firstGrain, grains } from "../header";
import { free as freeRaw, takeLarge } from "../heap";
import { bitmapOf, hintClear, hintIsSet, homeOf } from "../hint";
import { lock, unlock } from "../lock";
import { slot, slotOf } from "../owners";
import { bitsAt, freeGrains, slabWord, wordAt } from "../pages";
import { geometry } from "../sizeclass";
import { take } from "../slab";
import { hasTooMuchIdle, letGo, mergeDeferred, shedIdle, trimGrain } from "../trim";
import {
  B_TAG_SHIFT,
  C_GRAINS,
  GRAIN_SHIFT,
  HINT_EMPTY,
  J_BLOCK,
  H_DEFERRED,
  H_LOCK,
  H_TAIL,
  KIND_BLOCK,
  KIND_RAW,
  OWNER_DEAD,
  S_ALLOC,
  S_FREE,
  S_IDLE,
  T_FREED,
  T_MASK,
  UNIT_SHIFT,
} from "../shared/layout";
import { CLASS_COUNT } from "../shared/limits";
import { OK } from "../shared/status";
import { become, chain, fresh, is, isChain, permutation, same, setState, sound, text, trimNow } from "./lib";
import { blockAt, blocksOf, forget, freeBits, full, rawTag, slabOf } from "./slabs";

describe("closing", () => {
  it("never happens while a block is taken: every block alone, for a raw and a Block slab", () => {
    for (let kind: u32 = KIND_RAW; kind <= <u32>KIND_BLOCK; kind += KIND_BLOCK) {
      fresh(16, 1);
      const tag = (1 << 2) | kind;
      const g = slabOf(tag);
      for (let i: u32 = 0; i < blocksOf(tag); i++) {
        store64(bitsAt(g), ((<u64>tag) << B_TAG_SHIFT) | (full(tag) & ~((<u64>1) << i)));
        lock();
        trimGrain(g);
        unlock();
        same(freeBits(g, tag), full(tag) & ~((<u64>1) << i), "free bits, block", i);
        same(get32(wordAt(g)), slabWord(tag, 0), "head, block", i);
      }
    }
  });

  it("returns every grain of an empty slab of each class and kind", () => {
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
      for (let kind: u32 = KIND_RAW; kind <= <u32>KIND_BLOCK; kind += KIND_BLOCK) {
        fresh(16, 1);
        const tag = (c << 2) | kind;
        const g = slabOf(tag);
        lock();
        trimGrain(g);
        letGo();
        isChain("free " + text(grains - firstGrain), "chain, tag", tag);
        same(load64(bitsAt(g)) >> B_TAG_SHIFT, 0, "tag of the bits, tag", tag);
        same(get32(H_TAIL), 0, "tail, tag", tag);
        sound("closed, tag", tag);
      }
    }
  });

  it("is only for the head: a grain inside a slab closes nothing", () => {
    fresh(16, 1);
    const tag = rawTag(CLASS_COUNT);
    const g = slabOf(tag);
    lock();
    for (let i: u32 = 1; i < get32(geometry(tag) + C_GRAINS); i++) trimGrain(g + i);
    letGo();
    same(freeBits(g, tag), full(tag), "free bits", 0);
    sound("inside", 0);
  });

  it("does not happen to a Block slab that another owner's journal names, and does once it no longer does", () => {
    fresh(16, 2);
    become(2);
    become(1);
    const tag = (20 << 2) | KIND_BLOCK;
    const g = slabOf(tag);
    forget(tag);
    for (let i: u32 = 0; i < blocksOf(tag); i++) {
      put64(slotOf(2) + S_FREE, (<u64>(blockAt(g, tag, i) | J_BLOCK)) << 32);
      // Who looks for a block while the slab is closed clears its hints.
      hintClear(bitmapOf(tag), g);
      hintClear(HINT_EMPTY, g);
      trimNow();
      is(hintIsSet(bitmapOf(tag), g) && hintIsSet(HINT_EMPTY, g), true, "hints, named block", i);
      same(load64(bitsAt(g)), ((<u64>tag) << B_TAG_SHIFT) | full(tag), "bits, named block", i);
    }
    put64(slotOf(2) + S_FREE, 0);
    sound("still there", 0);
    trimNow();
    isChain("free " + text(grains - firstGrain), "chain", 0);
    sound("gone", 0);
  });

  it("merges five slabs in every order of closing", () => {
    for (let order: u32 = 0; order < 120; order++) {
      fresh(4, 1);
      const whole = chain();
      const slabs = new StaticArray<u32>(5);
      for (let i = 0; i < 5; i++) slabs[i] = slabOf(((<u32>(i * 12 + 3)) << 2) | (i & 1 ? KIND_BLOCK : KIND_RAW));
      const closed = permutation(order, 5);
      lock();
      for (let i = 0; i < 5; i++) trimGrain(slabs[closed[i]]);
      letGo();
      isChain(whole, "order", order);
      sound("order", order);
    }
  });
});

describe("trim", () => {
  it("gives back what hints, current slabs and journals lead to, of living and dead owners", () => {
    fresh(16, 3);
    const whole = chain();
    slabOf(rawTag(7)); // this owner's current slab
    become(2);
    const current = slabOf(rawTag(9)); // another's current slab, without a hint
    hintClear(HINT_EMPTY, current);
    const named = slabOf(rawTag(11));
    forget(rawTag(11));
    hintClear(HINT_EMPTY, named);
    put64(slot + S_FREE, (<u64>blockAt(named, rawTag(11), 3)) << 32);
    become(3);
    const allocating = slabOf((11 << 2) | KIND_BLOCK);
    forget((11 << 2) | KIND_BLOCK);
    hintClear(HINT_EMPTY, allocating);
    put64(slot + S_ALLOC, (<u64>blockAt(allocating, (11 << 2) | KIND_BLOCK, 0)) << 32);
    setState(3, OWNER_DEAD);
    become(1);
    trimNow();
    isChain(whole, "chain", 0);
    put64(slotOf(2) + S_FREE, 0);
    put64(slotOf(3) + S_ALLOC, 0);
    sound("trimmed", 0);
  });

  it("gives back every empty slab of a unit whose hint an owner was clearing: itself, another, one that died of it", () => {
    for (let who: u32 = 0; who < 3; who++) {
      fresh(16, 2);
      const whole = chain();
      const tag = rawTag(1);
      const count = 3 << UNIT_SHIFT;
      let unit: u32 = 0;
      for (let i = 0; i < count; i++) {
        const g = slabOf(tag);
        if (i == count / 2) unit = g & ~((1 << UNIT_SHIFT) - 1);
      }
      same(homeOf(unit), 1, "home", who);
      forget(tag);
      become(who == 0 ? 1 : 2);
      beginMark(unit);
      hintClear(HINT_EMPTY, unit);
      if (who == 2) setState(2, OWNER_DEAD);
      become(1);
      trimNow();
      isChain(whole, "chain, who", who);
    }
  });

  it("makes good a clearing of a hint that an exception cut, though it marks units itself", () => {
    for (let shed = 0; shed < 2; shed++) {
      fresh(16, 1);
      const tag = rawTag(5);
      const g = slabOf(tag);
      is(take(g, tag) != 0, true, "taken", shed);
      const other = slabOf(rawTag(CLASS_COUNT));
      is(slabOf(rawTag(CLASS_COUNT)) >>> UNIT_SHIFT != g >>> UNIT_SHIFT && other != 0, true, "another unit", shed);
      beginMark(g & ~((1 << UNIT_SHIFT) - 1));
      hintClear(bitmapOf(tag), g);
      if (shed) shedIdle();
      else trimNow();
      sound("afterwards, shed", shed);
    }
  });

  it("gives freed runs back, clears the hints that lead to nothing, and leaves no journal", () => {
    fresh(16, 1);
    const whole = chain();
    const p = takeLarge(10000, 1, KIND_RAW);
    const g = <u32>(p >>> GRAIN_SHIFT);
    store32(H_LOCK, 0x102); // held by another: the run stays freed
    is(freeRaw(p), true, "freed", 0);
    same(get32(wordAt(g)) & T_MASK, T_FREED, "type", 0);
    same(get32(H_DEFERRED), 1, "deferred", 0);
    store32(H_LOCK, 0);
    trimNow();
    isChain(whole, "chain", 0);
    is(hintIsSet(HINT_EMPTY, g), false, "hint", 0);
    same(pendingAlloc(1) | markOf(1), 0, "journal and mark", 0);
    sound("trimmed", 0);
  });

  it("of idle slabs keeps the owner's current ones and other owners' homes", () => {
    fresh(16, 2);
    become(2);
    const foreign = slabOf(rawTag(2));
    forget(rawTag(2));
    become(1);
    const idle = slabOf(rawTag(2));
    const current = slabOf(rawTag(2));
    is(idle != foreign && homeOf(foreign) == 2 && homeOf(idle) == 1, true, "homes", 0);
    shedIdle();
    is(load64(bitsAt(idle)) == 0, true, "idle: given back", 0);
    same(freeBits(current, rawTag(2)), full(rawTag(2)), "current: kept", 0);
    same(freeBits(foreign, rawTag(2)), full(rawTag(2)), "another's: kept", 0);
    same(get32(slot + S_IDLE), 0, "idle bytes", 0);
    sound("shed", 0);
  });

  it("does not wait for the lock when it only sheds idle slabs", () => {
    fresh(16, 2);
    const g = slabOf(rawTag(2));
    forget(rawTag(2));
    store32(H_LOCK, 0x102);
    shedIdle();
    same(freeBits(g, rawTag(2)), full(rawTag(2)), "kept", 0);
    store32(H_LOCK, 0);
  });
});

describe("idle slabs", () => {
  it("are too many above a sixty-fourth of the region", () => {
    fresh(16, 1);
    put32(slot + S_IDLE, 16 * 1024);
    is(hasTooMuchIdle(), false, "at the limit", 0);
    put32(slot + S_IDLE, 16 * 1024 + 1);
    is(hasTooMuchIdle(), true, "above", 0);
  });
});

describe("deferred runs", () => {
  it("are merged by whoever lets the lock go, however many there are", () => {
    fresh(16, 2);
    const whole = chain();
    const runs = new StaticArray<usize>(12);
    for (let i = 0; i < 12; i++) runs[i] = takeLarge((1 + i) << 10, 1, KIND_RAW);
    same(lock(), OK, "lock", 0);
    become(2);
    for (let i = 0; i < 12; i++) is(freeRaw(runs[i]), true, "freed", i);
    same(freeGrains(), grains - firstGrain - 78, "still committed", 0);
    become(1);
    letGo();
    isChain(whole, "chain", 0);
    same(get32(H_DEFERRED), 0, "deferred", 0);
    sound("merged", 0);
  });

  it("wait while another holds the lock", () => {
    fresh(16, 2);
    store32(H_DEFERRED, 1);
    store32(H_LOCK, 0x102);
    mergeDeferred();
    same(get32(H_DEFERRED), 1, "deferred", 0);
    store32(H_LOCK, 0);
    mergeDeferred();
    same(get32(H_DEFERRED), 0, "deferred afterwards", 0);
  });
});
