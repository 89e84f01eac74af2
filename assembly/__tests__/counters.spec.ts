// Counters: sums and journals in one word each, for several owners, and across the wrap of 32 bits.

import { get64, put32, put64 } from "../memory";
import {
  activity,
  beginAlloc,
  beginFree,
  beginMark,
  countedBytes,
  endAlloc,
  endFree,
  endMark,
  freedByOthers,
  isNamed,
  markOf,
  pendingAlloc,
  pendingFree,
} from "../counters";
import { slot, slotOf } from "../owners";
import { GRAIN_SHIFT, H_ADJUST, J_BLOCK, OWNER_DEAD, S_ALLOC, S_FREE } from "../shared/layout";
import { become, fresh, is, ownJournalClear, same, setState, text } from "./lib";

describe("a journal", () => {
  it("stands beside the counter without touching it, and both change in one word", () => {
    fresh(4, 2);
    endAlloc(100);
    beginAlloc(0xfffffc08);
    same(get64(slot + S_ALLOC), 0xfffffc0800000064, "while it is pending", 0);
    same(pendingAlloc(1), 0xfffffc08, "named", 0);
    is(ownJournalClear(), false, "clear", 0);
    endAlloc(24);
    same(get64(slot + S_ALLOC), 124, "afterwards", 0);
    beginFree(0x12340);
    same(get64(slot + S_FREE), 0x0001234000000000, "while a free is pending", 0);
    same(pendingFree(1), 0x12340, "named", 0);
    is(ownJournalClear(), false, "clear", 0);
    endFree(16);
    same(get64(slot + S_FREE), 16, "afterwards", 0);
    is(ownJournalClear(), true, "clear", 0);
  });

  it("that is given up counts nothing", () => {
    fresh(4, 2);
    beginAlloc(4096);
    endAlloc(0);
    beginFree(4096);
    endFree(0);
    same(countedBytes(), 0, "counted", 0);
    is(ownJournalClear(), true, "clear", 0);
  });

  it("does not carry into itself when the counter passes 2^32", () => {
    fresh(4, 2);
    endAlloc(0xfffffff0);
    beginAlloc(64);
    endAlloc(32);
    same(get64(slot + S_ALLOC), 16, "allocated", 0);
    endFree(0xfffffff0);
    same(countedBytes(), 32, "counted", 0);
  });
});

describe("countedBytes", () => {
  it("is the sum over all owners and the adjustment, modulo 2^32, whoever freed what", () => {
    fresh(4, 3);
    endAlloc(1000);
    become(2);
    endFree(400);
    become(3);
    endAlloc(50);
    same(countedBytes(), 650, "counted", 0);
    put32(H_ADJUST, <u32>-50);
    same(countedBytes(), 600, "with an adjustment", 0);
  });
});

describe("activity", () => {
  it("changes with each operation that another owner completes, and with none of the caller's", () => {
    fresh(4, 3);
    become(2);
    become(1);
    const before = activity();
    endAlloc(8);
    endFree(8);
    same(activity(), before, "after own operations", 0);
    become(2);
    endAlloc(8);
    become(1);
    const allocated = activity();
    is(allocated != before, true, "after another's allocation", 0);
    become(2);
    endFree(8);
    become(1);
    is(activity() != allocated, true, "after another's free", 0);
  });

  it("ignores journals", () => {
    fresh(4, 2);
    become(2);
    become(1);
    const before = activity();
    put64(slotOf(2) + S_ALLOC, 0x1234000000000000);
    same(activity(), before, "with a journal", 0);
  });
});

describe("freedByOthers", () => {
  it("changes with each free that another owner completes, and with nothing else", () => {
    fresh(4, 3);
    become(2);
    become(1);
    const before = freedByOthers();
    endAlloc(8);
    endFree(8);
    same(freedByOthers(), before, "after own operations", 0);
    put64(slotOf(2) + S_FREE, 0x1234000000000000);
    put64(slotOf(2) + S_ALLOC, 0x1234000000000010);
    same(freedByOthers(), before, "after another's allocation, with journals", 0);
    for (let owner: u32 = 2; owner <= 3; owner++) {
      const last = freedByOthers();
      put64(slotOf(owner) + S_FREE, 8);
      same(freedByOthers(), last + 8, "after a free of", owner);
    }
  });
});

describe("a mark", () => {
  it("names the unit whose hint its owner is clearing, and touches no journal", () => {
    fresh(4, 2);
    for (let unit: u32 = 0; unit < 256; unit += 8) {
      become(2);
      beginMark(unit);
      become(1);
      same(markOf(2), (unit << GRAIN_SHIFT) | 1, "of the other, unit", unit);
      same(markOf(1), 0, "own, unit", unit);
      same(pendingAlloc(2) | pendingFree(2), 0, "journals, unit", unit);
    }
    become(2);
    endMark();
    same(markOf(2), 0, "afterwards", 0);
  });
});

describe("isNamed", () => {
  it("is true exactly for the grains that contain what another owner gives back", () => {
    fresh(4, 2);
    for (let grain: u32 = 40; grain < 48; grain++) {
      for (let offset: u32 = 0; offset < 1024; offset += 1016) {
        put64(slotOf(2) + S_FREE, (<u64>(((grain << GRAIN_SHIFT) + offset) | J_BLOCK)) << 32);
        for (let g: u32 = 38; g < 50; g++) {
          for (let length: u32 = 1; length <= 8; length++) {
            is(
              isNamed(g, length),
              grain >= g && grain < g + length,
              "named, grain " + text(grain) + " in " + text(g) + " +",
              length,
            );
          }
        }
      }
    }
  });

  it("looks neither at the caller's own journal, nor at what others take, nor at raw blocks, nor at what the dead named", () => {
    fresh(4, 3);
    put64(slotOf(2) + S_FREE, (<u64>(40 << GRAIN_SHIFT)) << 32);
    is(isNamed(40, 1), false, "a raw block", 0);
    put64(slotOf(2) + S_FREE, 0);
    put64(slotOf(3) + S_FREE, (<u64>((40 << GRAIN_SHIFT) | J_BLOCK)) << 32);
    setState(3, OWNER_DEAD);
    is(isNamed(40, 1), false, "of a dead owner", 0);
    beginFree((40 << GRAIN_SHIFT) | J_BLOCK);
    is(isNamed(40, 1), false, "own", 0);
    put64(slotOf(2) + S_ALLOC, (<u64>(40 << GRAIN_SHIFT)) << 32);
    is(isNamed(40, 1), false, "an allocation", 0);
  });
});
