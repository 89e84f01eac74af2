// Pages: the chain of heads in heaps of a few grains, where all lengths, places and orders can be tried. After each step the
// chain is compared with what it must be, and check() compares everything derived from it: bins, tail marks, counters.

import { get32, get64 } from "../memory";
import { load64, store32 } from "../atomic";
import { endAlloc, endFree } from "../counters";
import {
  auxAt,
  binOf,
  bitsAt,
  carve,
  countRuns,
  freeGrains,
  giveBack,
  growRun,
  lengthOf,
  runWord,
  shrinkRun,
  slabTag,
  slabWord,
  wordAt,
} from "../pages";
import { geometry } from "../sizeclass";
import {
  AUX_IN_FLIGHT,
  AUX_TAIL,
  C_GRAINS,
  GRAIN_BYTES,
  H_BINS,
  H_BIN_BITS,
  H_COMMITTED,
  H_PEAK,
  KIND_RAW,
  T_FREE,
  T_FREED,
  T_MASK,
  T_RUN,
  W_BACK_SHIFT,
  W_LENGTH_SHIFT,
} from "../shared/layout";
import { CLASS_COUNT, SLAB_GRAINS_MAX } from "../shared/limits";
import { grain, back, is, isChain, permutation, run, same, smallHeap, sound, text, longestRun } from "./lib";

/** Head, bin list and tail mark of the free run at heap grain `at`, the only one of its length. */
function isFreeRun(at: u32, length: u32): void {
  const g = grain(at);
  same(get32(wordAt(g)), runWord(T_FREE, 0, length), "head of the free run at", at);
  same(get32(auxAt(g + length - 1)), AUX_TAIL | g, "tail mark of the free run at", at);
  const bin = binOf(length);
  same(get32(H_BINS + (bin << 2)), g, "first of bin", bin);
  same((get64(H_BIN_BITS + ((bin >>> 6) << 3)) >> (bin & 63)) & 1, 1, "bit of bin", bin);
  for (let i: u32 = 1; i < length; i++)
    same(get32(wordAt(g + i)), 0, "word inside, of the free run at " + text(at) + ", grain", i);
}

/** Head and inside of the run at heap grain `at`. */
function isRun(at: u32, length: u32): void {
  const g = grain(at);
  same(get32(wordAt(g)), runWord(T_RUN, KIND_RAW, length), "head of the run at", at);
  same(get32(auxAt(g)), 0, "aux of the run at", at);
  same(load64(bitsAt(g)), 0, "bits of the run at", at);
  for (let i: u32 = 1; i < length; i++) {
    same(get32(wordAt(g + i)), 0, "word inside the run at " + text(at) + ", grain", i);
    same(get32(auxAt(g + i)), 0, "aux inside the run at " + text(at) + ", grain", i);
  }
}

describe("words", () => {
  it("of runs hold type, kind and length", () => {
    for (let length: u32 = 1; length < 1 << 22; length = length * 3 + 1) {
      for (let kind: u32 = 0; kind < 4; kind++) {
        for (let type: u32 = 0; type < 8; type++) {
          const word = runWord(type, kind, length);
          same(word & T_MASK, type, "type", length);
          same((word >>> 3) & 3, kind, "kind", length);
          same(word >>> W_LENGTH_SHIFT, length, "length", length);
        }
      }
    }
  });

  it("of slabs hold every tag and every way back", () => {
    smallHeap(8, 1);
    for (let tag: u32 = 4; tag < 256; tag++) {
      for (let away: u32 = 0; away < <u32>SLAB_GRAINS_MAX; away++) {
        const word = slabWord(tag, away);
        same(slabTag(word), tag, "tag", tag);
        same((word >>> W_BACK_SHIFT) & 63, away, "grains back, tag", tag);
        if (tag >>> 2 <= <u32>CLASS_COUNT) same(lengthOf(word), get32(geometry(tag) + C_GRAINS), "length, tag", tag);
      }
    }
  });
});

describe("a fresh heap", () => {
  it("is one free run, for every length up to 60 grains", () => {
    for (let length: u32 = 1; length <= 60; length++) {
      smallHeap(length, 1);
      isFreeRun(0, length);
      same(freeGrains(), length, "free grains", length);
      same(longestRun(), length, "longest run", length);
      sound("heap of grains", length);
    }
  });
});

describe("carve", () => {
  it("takes a run from the front: the rest is a free run behind it", () => {
    smallHeap(12, 1);
    run(0, 0, 5);
    isRun(0, 5);
    isFreeRun(5, 7);
    same(get32(H_BINS + (binOf(12) << 2)), 0, "bin of the whole", 0);
    same(get32(H_COMMITTED), 5, "committed", 0);
    same(get32(H_PEAK), 5, "peak", 0);
    sound("front", 0);
  });

  it("takes a run from the middle: a free run on either side", () => {
    smallHeap(12, 1);
    run(0, 4, 3);
    isRun(4, 3);
    isFreeRun(0, 4);
    isFreeRun(7, 5);
    sound("middle", 0);
  });

  it("takes a run from the back: the rest is a free run before it", () => {
    smallHeap(12, 1);
    run(0, 7, 5);
    isRun(7, 5);
    isFreeRun(0, 7);
    sound("back", 0);
  });

  it("takes the whole: no free run is left", () => {
    smallHeap(12, 1);
    run(0, 0, 12);
    isRun(0, 12);
    same(freeGrains(), 0, "free grains", 0);
    same(longestRun(), 0, "longest run", 0);
    for (let word: usize = 0; word < 3; word++) same(get64(H_BIN_BITS + (word << 3)), 0, "bin bits", word);
    sound("whole", 0);
  });

  it("leaves everything right for each place and length in a heap of 20 grains", () => {
    for (let at: u32 = 0; at < 20; at++) {
      for (let length: u32 = 1; at + length <= 20; length++) {
        smallHeap(20, 1);
        run(0, at, length);
        isRun(at, length);
        if (at > 0) same(get32(wordAt(grain(0))), runWord(T_FREE, 0, at), "front", at);
        sound("carved at " + text(at) + ", length", length);
        back(at, length);
        isChain("free 20", "given back at " + text(at) + ", length", length);
        isFreeRun(0, 20);
        sound("given back at " + text(at) + ", length", length);
      }
    }
  });

  it("leaves no link of a bin where a claim will stand", () => {
    smallHeap(11, 1);
    run(0, 3, 1);
    run(4, 7, 1);
    isChain("free 3, run 1, free 3, run 1, free 3", "three of a bin", 0);
    for (let i: u32 = 0; i < 3; i++) {
      run(i * 4, i * 4, 3);
      same(load64(bitsAt(grain(i * 4))), 0, "bits of run", i);
    }
    sound("taken", 0);
  });

  it("raises the peak with the committed grains and leaves it when they fall", () => {
    smallHeap(12, 1);
    run(0, 0, 5);
    run(5, 5, 4);
    same(get32(H_PEAK), 9, "peak", 0);
    back(0, 5);
    same(get32(H_COMMITTED), 4, "committed", 0);
    run(0, 0, 2);
    same(get32(H_PEAK), 9, "peak", 0);
  });
});

describe("countRuns", () => {
  it("says into how many runs of a length the free ones could be cut, for every length, and counts no further than told", () => {
    smallHeap(60, 1);
    // Free stay 3, 4, 5, 9 and 30 grains.
    run(0, 3, 1);
    run(4, 8, 1);
    run(9, 14, 2);
    run(16, 25, 5);
    isChain("free 3, run 1, free 4, run 1, free 5, run 2, free 9, run 5, free 30", "holes", 0);
    for (let length: u32 = 1; length <= 31; length++) {
      const all: u32 = 3 / length + 4 / length + 5 / length + 9 / length + 30 / length;
      same(countRuns(length, 1000), all, "runs of", length);
      for (let enough: u32 = 1; enough <= all; enough++)
        is(countRuns(length, enough) >= enough, true, "at least " + text(enough) + " of", length);
    }
    same(countRuns(1, 0), 0, "none asked for", 0);
  });
});

describe("giveBack", () => {
  it("merges with neither, the left, the right and both neighbours", () => {
    for (let free: u32 = 0; free < 4; free++) {
      smallHeap(12, 1);
      run(0, 0, 3);
      run(3, 3, 4);
      run(7, 7, 5);
      if (free & 1) back(0, 3);
      if (free & 2) back(7, 5);
      back(3, 4);
      if (free == 0) isChain("run 3, free 4, run 5", "neither", 0);
      if (free == 1) isChain("free 7, run 5", "left", 0);
      if (free == 2) isChain("run 3, free 9", "right", 0);
      if (free == 3) isChain("free 12", "both", 0);
      if (free & 1) isFreeRun(0, free == 3 ? 12 : 7);
      else isFreeRun(3, free == 2 ? 9 : 4);
      sound("neighbours free", free);
    }
  });

  it("merges five runs into one in every order of freeing, with and without a run on either side", () => {
    const lengths: StaticArray<u32> = [3, 1, 5, 2, 4];
    for (let guards: u32 = 0; guards < 4; guards++) {
      for (let order: u32 = 0; order < 120; order++) {
        const before: u32 = guards & 1;
        const total = 15 + before + (guards >>> 1);
        smallHeap(total, 1);
        const starts = new StaticArray<u32>(5);
        let at: u32 = 0;
        if (before) run(0, at++, 1);
        for (let i = 0; i < 5; i++) {
          starts[i] = at;
          run(at, at, lengths[i]);
          at += lengths[i];
        }
        if (guards & 2) run(at, at, 1);
        const freed = permutation(order, 5);
        for (let i = 0; i < 5; i++) {
          back(starts[freed[i]], lengths[freed[i]]);
          sound("after free " + text(i) + " of order", order);
        }
        isChain((before ? "run 1, " : "") + "free 15" + (guards & 2 ? ", run 1" : ""), "order", order);
        isFreeRun(before, 15);
      }
    }
  });

  it("takes no run in flight for a free neighbour", () => {
    smallHeap(6, 1);
    carve(grain(0), grain(0), 1, runWord(T_RUN, KIND_RAW, 1), AUX_IN_FLIGHT);
    endAlloc(GRAIN_BYTES);
    run(1, 1, 5);
    back(1, 5);
    isChain("run 1, free 5", "chain", 0);
  });
});

describe("growRun", () => {
  it("takes part or all of the free run behind, for every pair of lengths", () => {
    for (let length: u32 = 1; length < 12; length++) {
      for (let extra: u32 = 1; extra <= 12 - length; extra++) {
        smallHeap(12, 1);
        run(0, 0, length);
        is(growRun(grain(0), get32(wordAt(grain(0))), extra), true, "grown", extra);
        endAlloc(extra * GRAIN_BYTES);
        isRun(0, length + extra);
        if (length + extra < 12) isFreeRun(length + extra, 12 - length - extra);
        same(get32(H_COMMITTED), length + extra, "committed", extra);
        sound("grown from " + text(length) + " by", extra);
      }
    }
  });

  it("refuses when the free run behind is too short, taken or the end of the heap, and changes nothing", () => {
    smallHeap(12, 1);
    run(0, 0, 3);
    run(3, 5, 2);
    run(7, 7, 5);
    isChain("run 3, free 2, run 2, run 5", "chain", 0);
    is(growRun(grain(0), get32(wordAt(grain(0))), 3), false, "too short", 0);
    is(growRun(grain(5), get32(wordAt(grain(5))), 1), false, "taken", 0);
    is(growRun(grain(7), get32(wordAt(grain(7))), 1), false, "end", 0);
    isChain("run 3, free 2, run 2, run 5", "chain afterwards", 0);
    same(get32(H_PEAK), 10, "peak", 0);
    sound("refused", 0);
  });

  it("changes nothing when the run was freed meanwhile", () => {
    for (let extra: u32 = 1; extra <= 8; extra++) {
      smallHeap(12, 1);
      run(0, 0, 4);
      const stale = get32(wordAt(grain(0)));
      store32(wordAt(grain(0)), runWord(T_FREED, KIND_RAW, 4));
      is(growRun(grain(0), stale, extra), false, "grown by", extra);
      isChain("freed 4, free 8", "chain", extra);
      isFreeRun(4, 8);
      same(get32(H_COMMITTED), 4, "committed", extra);
      giveBack(grain(0), 4);
      endFree(4 * GRAIN_BYTES);
      sound("freed meanwhile, grown by", extra);
    }
  });
});

describe("shrinkRun", () => {
  it("cuts a run to every shorter length; the rest is a freed run until it is given back", () => {
    for (let total: u32 = 2; total <= 12; total++) {
      for (let length: u32 = 1; length < total; length++) {
        smallHeap(12, 1);
        run(0, 0, total);
        is(shrinkRun(grain(0), get32(wordAt(grain(0))), length), true, "shrunk", length);
        isRun(0, length);
        same(get32(wordAt(grain(length))), runWord(T_FREED, 0, total - length), "the rest", length);
        same(get32(H_COMMITTED), total, "committed until then", length);
        back(length, total - length);
        isChain("run " + text(length) + ", free " + text(12 - length), "chain", length);
        sound("shrunk from " + text(total) + " to", length);
      }
    }
  });

  it("changes nothing when the run was freed meanwhile", () => {
    smallHeap(12, 1);
    run(0, 0, 6);
    const stale = get32(wordAt(grain(0)));
    store32(wordAt(grain(0)), runWord(T_FREED, KIND_RAW, 6));
    is(shrinkRun(grain(0), stale, 2), false, "shrunk", 0);
    isChain("freed 6, free 6", "chain", 0);
    same(get32(wordAt(grain(2))), 0, "word inside", 0);
    same(get32(auxAt(grain(2))), 0, "aux inside", 0);
  });
});
