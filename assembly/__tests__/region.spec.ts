// Region: the order in which it is made, entered and left, and every answer on the way.

import { get32, put32 } from "../memory";
import { store32 } from "../atomic";
import { check } from "../check";
import { beginAlloc, beginFree, beginMark, countedBytes, markOf, pendingAlloc, pendingFree } from "../counters";
import { grains, poison } from "../header";
import { alloc, allocUnsafe, free, usableSize } from "../heap";
import { bitmapOf, hintClear } from "../hint";
import { lock } from "../lock";
import { me, otherOwners, ownerState, slot } from "../owners";
import { carve, findRun, runWord, slabTag, wordAt } from "../pages";
import { blockAlloc } from "../record";
import { releaseBlocks } from "../charged";
import { buildId, closeRegion, createRegion, detachRegion, reason } from "../region";
import { classOf } from "../sizeclass";
import { hintRecord, newSlab } from "../slab";
import { letGo } from "../trim";
import {
  AUX_IN_FLIGHT,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  R_BASE,
  R_SLAB,
  UNIT_SHIFT,
  H_LOCK,
  KIND_RAW,
  T_RUN,
  HINT_EMPTY,
  H_CLOSED,
  H_CREATOR,
  H_MAGIC,
  MAGIC,
  OWNER_FREE,
  OWNER_LIVE,
  S_REASON,
} from "../shared/layout";
import {
  BAD_CHAIN,
  BUSY,
  CLOSED,
  FULL,
  NOT_A_REGION,
  NOT_ATTACHED,
  NO_SLOT,
  OK,
  POISONED,
  TOO_LARGE,
} from "../shared/status";
import { attach, chain, isChain, become, fresh, is, reopen, same, setState, sound, wipe } from "./lib";

describe("createRegion", () => {
  it("makes a sound, empty region, names its creator and publishes it last", () => {
    wipe();
    same(createRegion(16, 4, false, 0, 0, false), 0x101, "id", 0);
    same(get32(H_MAGIC), MAGIC, "magic", 0);
    same(get32(H_CREATOR), 0x101, "creator", 0);
    same(me, 1, "me", 0);
    same(otherOwners(), 0, "others", 0);
    same(countedBytes(), 0, "counted", 0);
    sound("created", 0);
  });

  it("refuses bad numbers and a memory that is a region already", () => {
    wipe();
    same(createRegion(1, 1, false, 0, 0, false), -NOT_A_REGION, "one page", 0);
    same(createRegion(65536, 1, false, 0, 0, false), -NOT_A_REGION, "too many pages", 0);
    same(createRegion(16, 0, false, 0, 0, false), -NOT_A_REGION, "no owner", 0);
    same(createRegion(16, 251, false, 0, 0, false), -NOT_A_REGION, "too many owners", 0);
    same(createRegion(2, 60, false, 0, 0, false), -TOO_LARGE, "no room beside the tables", 0);
    wipe();
    createRegion(16, 1, false, 0, 0, false);
    same(createRegion(16, 1, false, 0, 0, false), -NOT_A_REGION, "twice", 0);
    sound("still the first", 0);
  });

  it("works for every number of pages up to 64 and for many owners", () => {
    for (let pages: u32 = 2; pages <= 64; pages++) {
      fresh(pages, 1 + pages / 2);
      const p = allocUnsafe(100);
      is(p != 0, true, "a block, pages", pages);
      sound("taken, pages", pages);
      is(free(p), true, "freed, pages", pages);
    }
  });
});

describe("attachRegion", () => {
  it("gives each attachment a slot of its own until none is free, and says NO_SLOT then", () => {
    fresh(16, 3);
    same(attach(), 0x102, "second", 0);
    same(attach(), 0x103, "third", 0);
    same(attach(), -NO_SLOT, "fourth", 0);
    same(grains, 0, "tables after a refusal", 0);
  });

  it("says why it refuses", () => {
    wipe();
    same(attach(), -NOT_A_REGION, "a memory that is no region", 0);
    fresh(16, 2);
    store32(H_CLOSED, 1);
    same(attach(), -CLOSED, "a closed region", 0);
    store32(H_CLOSED, 0);
    poison(BAD_CHAIN);
    same(attach(), -POISONED, "a poisoned region", 0);
  });

  it("sees what others made", () => {
    fresh(16, 2);
    const p = allocUnsafe(100);
    same(attach(), 0x102, "id", 0);
    same(usableSize(p), 104, "usable", 0);
    is(free(p), true, "freed", 0);
    sound("freed by the other", 0);
  });
});

describe("detachRegion", () => {
  it("gives the owner's Blocks back and leaves raw blocks and other owners' Blocks", () => {
    fresh(16, 2);
    const raw = allocUnsafe(100);
    const large = allocUnsafe(20000);
    const mine = blockAlloc(500, 8);
    const mineToo = blockAlloc(30000, 8);
    become(2);
    const theirs = blockAlloc(500, 8);
    become(1);
    same(detachRegion(), OK, "status", 0);
    same(me, 0, "me", 0);
    same(ownerState(1), OWNER_FREE, "state", 0);
    same(attach(), 0x201, "attached again", 0);
    same(usableSize(mine) + usableSize(mineToo), 0, "its Blocks", 0);
    is(usableSize(raw) == 104 && usableSize(large) == 20480 && usableSize(theirs) == 512, true, "the rest", 0);
    sound("detached", 0);
  });

  it("leaves an instance to which every call answers that nothing is there", () => {
    fresh(16, 2);
    const p = allocUnsafe(100);
    same(detachRegion(), OK, "first", 0);
    same(detachRegion(), NOT_ATTACHED, "second", 0);
    same(closeRegion(), NOT_ATTACHED, "close", 0);
    same(check(), NOT_ATTACHED, "check", 0);
    same(lock(), NOT_ATTACHED, "lock", 0);
    same(reason(), NOT_ATTACHED, "reason", 0);
    same(alloc(100) + allocUnsafe(100000) + blockAlloc(10, 8), 0, "allocations", 0);
    is(free(p), false, "free", 0);
    same(usableSize(p), 0, "usable", 0);
  });

  it("lets the page lock go that an exception left it with, and gives back the run it had carved", () => {
    fresh(4, 2);
    const whole = chain();
    become(2);
    become(1);
    same(lock(), OK, "lock", 0);
    const g = findRun(6);
    beginAlloc((<usize>g) << GRAIN_SHIFT);
    carve(g, g, 6, runWord(T_RUN, KIND_RAW, 6), AUX_IN_FLIGHT);
    same(detachRegion(), OK, "detach", 0);
    same(get32(H_LOCK), 0, "lock afterwards", 0);
    same(attach(), 0x201, "attached again", 0);
    isChain(whole, "chain", 0);
    sound("detached", 0);
  });

  it("leaves no journal behind that an exception left, so that the others' checks compare all", () => {
    fresh(4, 2);
    const p = allocUnsafe(20);
    become(2);
    beginAlloc(p | 2);
    beginFree(p);
    same(detachRegion(), OK, "detach", 0);
    same(pendingAlloc(2) | pendingFree(2), 0, "journals", 0);
    same(reopen(), OK, "open", 0);
    become(1);
    sound("the other's check", 0);
  });

  it("makes good the clearing of a hint that an exception cut", () => {
    fresh(16, 2);
    const p = allocUnsafe(20);
    const g = <u32>(p >>> GRAIN_SHIFT);
    become(2);
    beginMark(g & ~((1 << UNIT_SHIFT) - 1));
    hintClear(bitmapOf(slabTag(get32(wordAt(g)))), g);
    same(detachRegion(), OK, "detach", 0);
    same(markOf(2), 0, "mark", 0);
    same(reopen(), OK, "open", 0);
    become(1);
    sound("the other's check", 0);
  });

  it("forgets the slab it worked on: whoever has its slot now frees there, and it does not", () => {
    fresh(4, 2);
    const p = allocUnsafe(100);
    is(allocUnsafe(100) != 0, true, "another", 0);
    const record = hintRecord(classOf(100) << 2);
    const current = get32(record + R_SLAB);
    same(detachRegion(), OK, "detach", 0);
    put32(record + R_SLAB, current); // another thread joined in the slot and works on the same slab
    is(free(p), false, "freed while detached", 0);
    same(countedBytes(), 208, "counted", 0);
  });

  it("forgets the slab it worked on before it joins in another slot", () => {
    fresh(16, 2);
    const tag = classOf(100) << 2;
    const record = hintRecord(tag);
    const p = allocUnsafe(100);
    same(detachRegion(), OK, "detach", 0);
    same(attach(), 0x201, "another thread, in its slot", 0);
    same(lock(), OK, "lock", 0);
    const q = newSlab(record, tag);
    letGo();
    is(q >>> GRAIN_SHIFT != p >>> GRAIN_SHIFT, true, "another slab", 0);
    same(attach(), 0x102, "attached again", 0);
    // Between the other's two stores its record has the base of one slab and the word of another.
    put32(record + R_BASE, <u32>p & ~(GRAIN_BYTES - 1));
    is(free(p), true, "freed", 0);
    put32(record + R_BASE, <u32>q & ~(GRAIN_BYTES - 1));
    is(usableSize(p) == 0 && usableSize(q) == 104, true, "the other's block is still its own", 0);
    sound("afterwards", 0);
  });

  it("leaves empty slabs where others find them", () => {
    fresh(4, 2);
    become(2);
    for (let i: u32 = 0; i < 20; i++) {
      free(allocUnsafe(16 + i * 400));
      blockAlloc(16 + i * 200, 8);
    }
    releaseBlocks(2, ~0);
    for (let g: u32 = 0; g < grains; g += 8) hintClear(HINT_EMPTY, g);
    sound("current slabs need no hint", 0);
    detachRegion();
    become(1);
    same(attach(), 0x202, "attached again", 0);
    sound("detached", 0);
  });
});

describe("closeRegion", () => {
  it("is BUSY while another owner has a slot, living or dead, and stays open", () => {
    fresh(16, 2);
    become(2);
    become(1);
    same(closeRegion(), BUSY, "with a living owner", 0);
    setState(2, 2);
    same(closeRegion(), BUSY, "with a dead owner", 0);
    same(get32(H_CLOSED), 0, "closed", 0);
    same(ownerState(1), OWNER_LIVE, "state", 0);
    is(allocUnsafe(100) != 0, true, "still works", 0);
    setState(2, OWNER_FREE);
    same(closeRegion(), OK, "alone", 0);
    same(get32(H_CLOSED), 1, "closed", 0);
    same(attach(), -CLOSED, "attached afterwards", 0);
  });
});

describe("reason", () => {
  it("is that of the last refusal", () => {
    fresh(4, 1);
    same(reason(), 0, "at first", 0);
    allocUnsafe(0xf0000000);
    same(reason(), TOO_LARGE, "too large", 0);
    while (allocUnsafe(9000) != 0) continue;
    same(reason(), FULL, "full", 0);
    same(get32(slot + S_REASON), FULL, "in the slot", 0);
  });
});

describe("buildId", () => {
  it("is the build's number, and positive", () => {
    is(buildId() > 0, true, "positive", 0);
  });
});
