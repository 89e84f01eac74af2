// Bins: which free run is found, in heaps of a few grains where all lengths, places and orders can be tried.

import { get32 } from "../memory";
import { endFree } from "../counters";
import { binOf, findAligned, findLow, findRun, giveBack, runWord, shrinkRun, wordAt } from "../pages";
import { BIN_COUNT, GRAIN_BYTES, KIND_RAW, T_FREE, T_MASK, T_RUN, W_LENGTH_SHIFT } from "../shared/layout";
import { back, grain, is, isChain, permutation, run, same, smallHeap, sound, text, longestRun } from "./lib";

// Two lengths of one bin.
const SHORTER: u32 = 64;
const LONGER: u32 = 65;

/** Grains that are not in a free run, by the bits of `taken`, as single-grain runs. */
function takeSingles(taken: u32, length: u32): void {
  for (let i: u32 = 0; i < length; i++) {
    if (((taken >> i) & 1) == 0) continue;
    let head = i;
    while (head > 0 && (get32(wordAt(grain(head))) & T_MASK) != T_FREE) head--;
    run(head, i, 1);
  }
}

/** Longest row of zeros in the lowest `length` bits. */
function longestGap(taken: u32, length: u32): u32 {
  let best: u32 = 0;
  let row: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    row = (taken >> i) & 1 ? 0 : row + 1;
    best = max(best, row);
  }
  return best;
}

/** Whether `length` zeros begin at a multiple of `step`, counted from the start of the memory. */
function hasAlignedGap(taken: u32, total: u32, length: u32, step: u32): bool {
  for (let i: u32 = 0; i + length <= total; i++) {
    if (grain(i) % step != 0) continue;
    let free = true;
    for (let k = i; k < i + length; k++) free = free && ((taken >> k) & 1) == 0;
    if (free) return true;
  }
  return false;
}

describe("binOf", () => {
  it("never falls as the length grows, rises by at most one, and stays below the number of bins", () => {
    let before: u32 = 0;
    for (let length: u32 = 1; length <= 65535 * 64; length++) {
      const bin = binOf(length);
      if (bin < before || bin > before + 1) same(bin, before, "bin of length", length);
      before = bin;
    }
    is(before < <u32>BIN_COUNT, true, "the last bin", before);
  });

  it("is exact up to 63 and never spans more than an eighth of its lengths", () => {
    for (let length: u32 = 2; length <= 64; length++) {
      is(binOf(length) != binOf(length - 1), true, "a bin of its own, length", length);
    }
    let first: u32 = 1;
    for (let length: u32 = 2; length <= 65536; length++) {
      if (binOf(length) != binOf(length - 1)) first = length;
      is(length - first < max<u32>(1, first >>> 3), true, "within an eighth of the bin's first, length", length);
    }
  });
});

describe("findRun", () => {
  it("fails only when no free run is long enough: all 4096 ways to take single grains of twelve", () => {
    for (let taken: u32 = 0; taken < 4096; taken++) {
      smallHeap(12, 1);
      takeSingles(taken, 12);
      const longest = longestGap(taken, 12);
      same(longestRun(), longest, "longest, taken", taken);
      for (let length: u32 = 1; length <= 12; length++) {
        const g = findRun(length);
        is(g != 0, length <= longest, "found, length " + text(length) + ", taken", taken);
        if (g != 0)
          is(
            (get32(wordAt(g)) & T_MASK) == T_FREE && get32(wordAt(g)) >>> W_LENGTH_SHIFT >= length,
            true,
            "long enough, taken",
            taken,
          );
      }
      if ((taken & 63) == 0) sound("taken", taken);
    }
  });

  it("finds the one long enough among runs that share its bin, however many shorter ones come first", () => {
    for (let shorter: u32 = 0; shorter <= 20; shorter++) {
      for (let place: u32 = 0; place <= shorter; place++) {
        smallHeap((shorter + 1) * (LONGER + 1), 1);
        oneLonger(shorter, place);
        const g = findRun(LONGER);
        is(g != 0, true, "found among " + text(shorter) + " shorter, freed at", place);
        same(get32(wordAt(g)) >>> W_LENGTH_SHIFT, LONGER, "its length", place);
        same(findLow(LONGER), g, "the lowest that is long enough", place);
        same(findRun(LONGER + 1), 0, "nothing longer", place);
      }
    }
  });

  it("goes on to longer bins when its own holds only shorter runs", () => {
    smallHeap(210, 1);
    run(0, 64, 1);
    run(65, 129, 1);
    isChain("free 64, run 1, free 64, run 1, free 80", "chain", 0);
    same(binOf(64), binOf(65), "one bin", 0);
    same(findRun(65), grain(130), "65", 0);
    same(findLow(65), grain(130), "65, lowest", 0);
    same(findAligned(65, 1), grain(130), "65, aligned", 0);
    same(findRun(81), 0, "81", 0);
  });

  it("prefers a bin of its own length to a longer one", () => {
    smallHeap(40, 1);
    run(0, 10, 1);
    isChain("free 10, run 1, free 29", "chain", 0);
    same(findRun(9), grain(0), "9", 0);
    same(findRun(10), grain(0), "10", 0);
    same(findRun(11), grain(11), "11", 0);
    same(findRun(29), grain(11), "29", 0);
    same(findRun(30), 0, "30", 0);
  });
});

/** Free runs of SHORTER grains, one of LONGER among them at `place`, linked in order of their addresses, each behind a run. */
function oneLonger(shorter: u32, place: u32): void {
  const step = LONGER + 1;
  for (let i: u32 = 0; i <= shorter; i++) run(i * step, i * step, step);
  for (let i: u32 = 0; i <= shorter; i++) {
    const length = i == place ? LONGER : SHORTER;
    shrinkRun(grain(i * step), runWord(T_RUN, KIND_RAW, step), step - length);
    giveBack(grain(i * step + step - length), length);
    endFree(length * GRAIN_BYTES);
  }
}

describe("findLow", () => {
  it("fails only when no free run is long enough, and gives the lowest of few runs", () => {
    for (let taken: u32 = 0; taken < 4096; taken++) {
      smallHeap(12, 1);
      takeSingles(taken, 12);
      const longest = longestGap(taken, 12);
      for (let length: u32 = 1; length <= 12; length++) {
        const g = findLow(length);
        is(g != 0, length <= longest, "found, length " + text(length) + ", taken", taken);
        if (g == 0) continue;
        const word = get32(wordAt(g));
        is((word & T_MASK) == T_FREE && word >>> W_LENGTH_SHIFT >= length, true, "long enough, taken", taken);
      }
    }
  });

  it("prefers the lower of two that are surely long enough", () => {
    smallHeap(40, 1);
    run(0, 10, 1);
    run(11, 30, 1);
    isChain("free 10, run 1, free 19, run 1, free 9", "chain", 0);
    same(findLow(8), grain(0), "8", 0);
    same(findLow(11), grain(11), "11", 0);
    same(findLow(20), 0, "20", 0);
  });
});

describe("findAligned", () => {
  it("fails only when no free run has an aligned place: all 1024 ways to take single grains of ten", () => {
    for (let taken: u32 = 0; taken < 1024; taken++) {
      smallHeap(10, 1);
      takeSingles(taken, 10);
      for (let step: u32 = 2; step <= 8; step <<= 1) {
        for (let length: u32 = 1; length <= 10; length++) {
          const g = findAligned(length, step);
          is(
            g != 0,
            hasAlignedGap(taken, 10, length, step),
            "step " + text(step) + ", length " + text(length) + ", taken",
            taken,
          );
          if (g == 0) continue;
          const start = (g + step - 1) & ~(step - 1);
          is(start + length <= g + (get32(wordAt(g)) >>> W_LENGTH_SHIFT), true, "its place, taken", taken);
        }
      }
    }
  });
});

describe("the bins", () => {
  it("unlink from the front, the middle and the end of a list, in every order", () => {
    for (let order: u32 = 0; order < 120; order++) {
      smallHeap(20, 1);
      for (let i: u32 = 0; i < 10; i++) run(i * 2, i * 2, 2);
      for (let i: u32 = 0; i < 5; i++) back(i * 4, 2);
      const taken = permutation(order, 5);
      for (let i = 0; i < 5; i++) {
        run(taken[i] * 4, taken[i] * 4, 2);
        sound("taken again " + text(i) + " of order", order);
      }
      same(findRun(1), 0, "nothing left", order);
    }
  });
});
