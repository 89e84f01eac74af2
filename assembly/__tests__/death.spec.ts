// Death: every state in which one can leave the pages. Owner 2 does an operation up to some store and dies, owner 1 takes the lock
// from it. Then the chain is the one before or the one after the commit, check() finds nothing and no byte is lost.

import { get32, put64 } from "../memory";
import { load64, store32 } from "../atomic";
import { endAlloc, pendingAlloc } from "../counters";
import { firstGrain, grains } from "../header";
import { bitmapOf, hintClear } from "../hint";
import { lock, unlock } from "../lock";
import { slotOf } from "../owners";
import { bitsAt, carve, findRun, freeGrains, runWord, wordAt } from "../pages";
import { recover } from "../recover";
import { geometry } from "../sizeclass";
import {
  B_TAG_SHIFT,
  C_GRAINS,
  GRAIN_BYTES,
  HINT_EMPTY,
  J_BLOCK,
  H_COMMITTED,
  H_UNDECIDED,
  KIND_BLOCK,
  KIND_RAW,
  S_FREE,
  T_FREED,
  T_RUN,
} from "../shared/layout";
import { CLASS_COUNT } from "../shared/limits";
import { OK } from "../shared/status";
import {
  beginDying,
  committed,
  dyingCarve,
  dyingClose,
  dyingGiveBack,
  dyingGrow,
  dyingNewSlab,
  dyingShrink,
  endDying,
  makeSlab,
} from "./dying";
import { become, chain, grain, idOf, is, isChain, same, smallHeap, sound, text, back, run } from "./lib";
import { freeBits, full } from "./slabs";

/** Chain, derived words and counters are right, and all that is free can be had again. */
function isRebuilt(expected: string, what: string, stores: i32): void {
  isChain(expected, what + " after stores", stores);
  sound(what + " after stores", stores);
  const length = grains - firstGrain;
  let free = freeGrains();
  same(lock(), OK, "lock", stores);
  while (free > 0) {
    let part = free;
    while (findRun(part) == 0) part--;
    const head = findRun(part);
    carve(head, head, part, runWord(T_RUN, KIND_RAW, part), 0);
    endAlloc(part * GRAIN_BYTES);
    free -= part;
  }
  unlock();
  same(get32(H_COMMITTED), length, "committed when all is taken, " + what, stores);
  sound("all taken, " + what, stores);
}

describe("a death in carve", () => {
  it("leaves the run free or carved, for each place in a heap of one run and after each store", () => {
    for (let at: u32 = 0; at < 8; at++) {
      for (let length: u32 = 1; at + length <= 8; length++) {
        for (let stores = 0; ; stores++) {
          smallHeap(8, 2);
          beginDying(stores);
          dyingCarve(grain(0), grain(at), length, runWord(T_RUN, KIND_RAW, length), 0);
          const last = endDying("carve", stores);
          if (committed) endAlloc(length * GRAIN_BYTES);
          const rest = 8 - at - length;
          const carved = (at ? `free ${at}, ` : "") + `run ${length}` + (rest ? `, free ${rest}` : "");
          isRebuilt(committed ? carved : "free 8", "carve", stores);
          if (last) break;
        }
      }
    }
  });

  it("leaves other free runs of the same bin in their list", () => {
    for (let middle: u32 = 0; middle < 3; middle++) {
      for (let stores = 0; ; stores++) {
        smallHeap(14, 2);
        run(0, 4, 1);
        run(5, 9, 1);
        isChain("free 4, run 1, free 4, run 1, free 4", "before", 0);
        beginDying(stores);
        dyingCarve(grain(middle * 5), grain(middle * 5 + 1), 2, runWord(T_RUN, KIND_RAW, 2), 0);
        const last = endDying("carve", stores);
        if (committed) endAlloc(2 * GRAIN_BYTES);
        let expected = "";
        for (let i: u32 = 0; i < 3; i++) {
          expected += (i ? ", run 1, " : "") + (i == middle && committed ? "free 1, run 2, free 1" : "free 4");
        }
        isRebuilt(expected, "carve beside equals", stores);
        if (last) break;
      }
    }
  });
});

describe("a death in giveBack", () => {
  it("leaves the run held or free, whichever neighbours are free, after each store", () => {
    for (let neighbours: u32 = 0; neighbours < 4; neighbours++) {
      for (let stores = 0; ; stores++) {
        smallHeap(12, 2);
        const isLeft = (neighbours & 1) != 0;
        const isRight = (neighbours & 2) != 0;
        if (isLeft) run(0, 3, 4);
        else {
          run(0, 0, 3);
          run(3, 3, 4);
        }
        if (!isRight) run(7, 7, 5);
        beginDying(stores);
        dyingGiveBack(grain(3), 4);
        const last = endDying("giveBack", stores);
        if (committed) endAlloc(<u32>-4 * GRAIN_BYTES);
        const before = (isLeft ? "free 3, " : "run 3, ") + "run 4" + (isRight ? ", free 5" : ", run 5");
        let after = "free 12";
        if (!isLeft && !isRight) after = "run 3, free 4, run 5";
        else if (!isLeft) after = "run 3, free 9";
        else if (!isRight) after = "free 7, run 5";
        isRebuilt(committed ? after : before, "giveBack", stores);
        if (last) break;
      }
    }
  });

  it("of a run marked freed leaves it free in any case", () => {
    for (let stores = 0; ; stores++) {
      smallHeap(12, 2);
      run(0, 3, 4);
      store32(wordAt(grain(3)), runWord(T_FREED, KIND_RAW, 4));
      endAlloc(<u32>-4 * GRAIN_BYTES);
      beginDying(stores);
      dyingGiveBack(grain(3), 4);
      const last = endDying("giveBack", stores);
      isRebuilt("free 12", "giveBack of a freed run", stores);
      if (last) break;
    }
  });
});

describe("a death in growRun", () => {
  it("leaves the run as it was or grown, after each store", () => {
    for (let extra: u32 = 1; extra <= 6; extra++) {
      for (let stores = 0; ; stores++) {
        smallHeap(12, 2);
        run(0, 0, 2);
        run(2, 8, 4);
        beginDying(stores);
        dyingGrow(grain(0), extra);
        const last = endDying("growRun", stores);
        if (committed) endAlloc(extra * GRAIN_BYTES);
        const after = `run ${2 + extra}` + (extra < 6 ? `, free ${6 - extra}` : "") + ", run 4";
        isRebuilt(committed ? after : "run 2, free 6, run 4", "growRun", stores);
        if (last) break;
      }
    }
  });
});

describe("a death in shrinkRun", () => {
  it("leaves the run as it was or shrunk, with or without a free run behind, after each store", () => {
    for (let total: u32 = 8; total <= 12; total += 4) {
      for (let stores = 0; ; stores++) {
        smallHeap(12, 2);
        run(0, 0, total);
        beginDying(stores);
        dyingShrink(grain(0), 3);
        const last = endDying("shrinkRun", stores);
        // Cut or not, the count is the survivors' to settle.
        const isCut = chain().startsWith("run 3");
        if (isCut) endAlloc((3 - total) * GRAIN_BYTES);
        isRebuilt(isCut ? "run 3, free 9" : total == 8 ? "run 8, free 4" : "run 12", "shrinkRun", stores);
        same(isCut ? 1 : 0, stores >= 3 ? 1 : 0, "shrunk from the third store on", stores);
        if (last) break;
      }
    }
  });
});

describe("a death in the making of a slab", () => {
  it("leaves free grains, or an open slab whose first block is taken, for each kind and place after each store", () => {
    for (let kind: u32 = KIND_RAW; kind <= <u32>KIND_BLOCK; kind += KIND_BLOCK) {
      for (let at: u32 = 0; at <= 4; at += 2) {
        for (let stores = 0; ; stores++) {
          smallHeap(14, 2);
          const tag = ((<u32>(CLASS_COUNT - 2)) << 2) | kind;
          const length = get32(geometry(tag) + C_GRAINS);
          beginDying(stores);
          dyingNewSlab(grain(0), grain(at), tag);
          const last = endDying("newSlab", stores);
          const isOpen = load64(bitsAt(grain(at))) >> B_TAG_SHIFT == tag;
          const rest = 14 - at - length;
          const open = (at ? `free ${at}, ` : "") + `slab ${length}` + (rest ? `, free ${rest}` : "");
          is(isOpen, committed, "open only after the commit", stores);
          // A raw block that the journal names stays, or never was, and check counts; a Block goes with its owner.
          const isPending = kind == KIND_RAW && pendingAlloc(2) != 0;
          is(isPending || last || kind != KIND_RAW || !committed, true, "named while it is not counted", stores);
          same(recover(idOf(2)), OK, "recovered", stores);
          is(get32(H_UNDECIDED) != 0, isPending, "undecided", stores);
          isRebuilt(isOpen ? open : "free 14", "newSlab", stores);
          if (isOpen)
            same(freeBits(grain(at), tag), kind == KIND_RAW ? full(tag) & ~1 : full(tag), "free bits", stores);
          if (last) break;
        }
      }
    }
  });
});

describe("a death in the closing of a slab", () => {
  it("leaves an open slab or free grains, whichever neighbours are free, after each store", () => {
    for (let neighbours: u32 = 0; neighbours < 4; neighbours++) {
      for (let stores = 0; ; stores++) {
        smallHeap(14, 2);
        const tag = (<u32>(CLASS_COUNT - 2)) << 2;
        const length = get32(geometry(tag) + C_GRAINS);
        run(0, 0, 3);
        makeSlab(grain(3), tag);
        if ((neighbours & 1) == 0) back(0, 3);
        if (neighbours & 2) run(3 + length, 3 + length, 11 - length);
        beginDying(stores);
        dyingClose(grain(3), tag);
        const last = endDying("closeIfEmpty", stores);
        const before =
          (neighbours & 1 ? "run 3, " : "free 3, ") +
          `slab ${length}, ` +
          (neighbours & 2 ? "run " : "free ") +
          text(11 - length);
        let after = "free 14";
        if (neighbours == 1) after = "run 3, free 11";
        if (neighbours == 2) after = `free ${3 + length}, run ${11 - length}`;
        if (neighbours == 3) after = `run 3, free ${length}, run ${11 - length}`;
        isRebuilt(committed ? after : before, "closeIfEmpty", stores);
        if (last) break;
      }
    }
  });

  it("opens a Block slab again whose records another owner's journal says it may be reading", () => {
    for (let named: u32 = 0; named < 2; named++) {
      for (let stores = 0; stores <= 1; stores++) {
        smallHeap(30, 3);
        const tag = ((<u32>(CLASS_COUNT - 9)) << 2) | KIND_BLOCK;
        const length = get32(geometry(tag) + C_GRAINS);
        makeSlab(grain(0), tag);
        become(3);
        if (named) put64(slotOf(3) + S_FREE, (<u64>((grain(0) << 10) | J_BLOCK)) << 32);
        beginDying(stores);
        dyingClose(grain(0), tag);
        if (stores == 1) {
          // Who looks for a block meanwhile finds the slab closed and clears its hints.
          hintClear(bitmapOf(tag), grain(0));
          hintClear(HINT_EMPTY, grain(0));
        }
        endDying("closeIfEmpty", stores);
        put64(slotOf(3) + S_FREE, 0);
        isRebuilt(
          named || stores == 0 ? `slab ${length}, free ${30 - length}` : "free 30",
          "closeIfEmpty of a Block slab",
          stores,
        );
      }
    }
  });
});
