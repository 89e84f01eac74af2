// Rebuild: all that is derived, made anew from chains of heads made by hand, whatever stood there before.

import { get32, get64, put32, put64 } from "../memory";
import { load64, store32 } from "../atomic";
import { endAlloc } from "../counters";
import { firstGrain, grains, isPoisoned } from "../header";
import { auxAt, bitsAt, rebuild, runWord, slabWord, wordAt } from "../pages";
import { geometry } from "../sizeclass";
import {
  BIN_COUNT,
  B_TAG_SHIFT,
  C_FULL,
  C_SIZE,
  GRAIN_BYTES,
  H_BINS,
  H_BIN_BITS,
  H_COMMITTED,
  H_PEAK,
  H_REBUILDS,
  H_TAIL,
  KIND_RAW,
  T_FREE,
  T_FREED,
  T_MASK,
  T_RUN,
  T_SLAB,
  W_LENGTH_SHIFT,
} from "../shared/layout";
import { CLASS_COUNT } from "../shared/limits";
import { makeSlab } from "./dying";
import { chain, grain, is, isChain, same, smallHeap, sound, text, run } from "./lib";

// What a segment of a chain made by hand is; 4 is a slab whose word is closed.
const FREE = 0;
const RUN = 1;
const FREED = 2;
const OPEN = 3;
const LENGTHS: StaticArray<u32> = [3, 2, 4, 8, 8];
const SLAB_TAG: u32 = CLASS_COUNT << 2;

/** Heads of five segments, number `n` of 5^5 choices. Their kinds; everything derived is left as a fresh heap has it. */
function handMade(n: u32): StaticArray<i32> {
  const kinds = new StaticArray<i32>(5);
  let total: u32 = 0;
  for (let i = 0; i < 5; i++) {
    kinds[i] = n % 5;
    n /= 5;
    total += LENGTHS[kinds[i]];
  }
  smallHeap(total, 2);
  let g = firstGrain;
  for (let i = 0; i < 5; i++) {
    const length = LENGTHS[kinds[i]];
    if (kinds[i] == FREE) put32(wordAt(g), runWord(T_FREE, 0, length));
    else if (kinds[i] == RUN) put32(wordAt(g), runWord(T_RUN, KIND_RAW, length));
    else if (kinds[i] == FREED) put32(wordAt(g), runWord(T_FREED, KIND_RAW, length));
    else put32(wordAt(g), slabWord(SLAB_TAG, 0));
    if (kinds[i] == OPEN) put64(bitsAt(g), (<u64>SLAB_TAG) << B_TAG_SHIFT);
    if (kinds[i] == OPEN || kinds[i] == RUN) endAlloc(length * GRAIN_BYTES);
    g += length;
  }
  return kinds;
}

/** Overwrites all that rebuild must derive: words and bits inside, marks, links, bins, counters. */
function garble(kinds: StaticArray<i32>, pattern: u64): void {
  for (let i: usize = 0; i < <usize>BIN_COUNT; i++) put32(H_BINS + (i << 2), <u32>pattern);
  for (let i: usize = 0; i < 3; i++) put64(H_BIN_BITS + (i << 3), pattern);
  put32(H_COMMITTED, <u32>pattern);
  put32(H_TAIL, <u32>pattern);
  let g = firstGrain;
  for (let i = 0; i < 5; i++) {
    const length = LENGTHS[kinds[i]];
    for (let k: u32 = 0; k < length; k++) {
      if (k > 0) put32(wordAt(g + k), <u32>pattern);
      put32(auxAt(g + k), <u32>pattern);
      if (k > 0 || kinds[i] != OPEN) put64(bitsAt(g + k), pattern & 0x00ffffffffffffff);
    }
    g += length;
  }
}

function expectedChain(kinds: StaticArray<i32>): string {
  let result = "";
  let free: u32 = 0;
  for (let i = 0; i < 5; i++) {
    const length = LENGTHS[kinds[i]];
    const isHeld = kinds[i] == RUN || kinds[i] == OPEN;
    if (!isHeld) free += length;
    if (free != 0 && (isHeld || i == 4)) {
      result += (result == "" ? "" : ", ") + `free ${free}`;
      free = 0;
    }
    if (isHeld) result += (result == "" ? "" : ", ") + (kinds[i] == RUN ? "run " : "slab ") + text(length);
  }
  return result;
}

/** Words inside free runs and runs are 0, whatever was there. */
function isCleanInside(n: u32): void {
  for (let g = firstGrain; g < grains;) {
    const word = get32(wordAt(g));
    const length = (word & T_MASK) == T_SLAB ? LENGTHS[OPEN] : word >>> W_LENGTH_SHIFT;
    for (let k: u32 = 1; k < length; k++) {
      const inside = get32(wordAt(g + k));
      same(inside, (word & T_MASK) == T_SLAB ? slabWord(SLAB_TAG, k) : 0, "word inside, chain", n);
    }
    g += length;
  }
}

describe("rebuild", () => {
  it("makes all else from any chain of five free, held, freed, open and closed pieces, whatever stood there before", () => {
    for (let n: u32 = 0; n < 3125; n++) {
      const kinds = handMade(n);
      const pattern = n % 3;
      garble(kinds, pattern == 0 ? 0 : pattern == 1 ? <u64>-1 : 0x4000000100000021);
      rebuild();
      isChain(expectedChain(kinds), "chain", n);
      isCleanInside(n);
      if (n % 5 == 0 || n > 3000) sound("chain", n);
    }
  });

  it("gives the same when it is run again, and when the first time was cut in the midst of clearing", () => {
    for (let n: u32 = 0; n < 3125; n += 7) {
      const kinds = handMade(n);
      garble(kinds, 0);
      rebuild();
      const expected = chain();
      garbleFreeInside();
      rebuild();
      isChain(expected, "run again, chain", n);
      isCleanInside(n);
      sound("run again, chain", n);
    }
  });

  it("never lowers the peak, and raises it to what is committed", () => {
    smallHeap(12, 1);
    run(0, 0, 5);
    put32(H_PEAK, 3);
    rebuild();
    same(get32(H_PEAK), 5, "raised", 0);
    put32(H_PEAK, 11);
    rebuild();
    same(get32(H_PEAK), 11, "kept", 0);
    same(get32(H_REBUILDS), 2, "rebuilds", 0);
  });

  it("keeps what is taken in slabs bit by bit", () => {
    for (let taken: u64 = 0; taken < 56; taken++) {
      smallHeap(30, 1);
      const tag: u32 = 1 << 2;
      makeSlab(grain(0), tag);
      const bits = get64(geometry(tag) + C_FULL) & ~((<u64>1) << taken);
      put64(bitsAt(grain(0)), ((<u64>tag) << B_TAG_SHIFT) | bits);
      endAlloc(get32(geometry(tag) + C_SIZE));
      rebuild();
      same(load64(bitsAt(grain(0))), ((<u64>tag) << B_TAG_SHIFT) | bits, "bits, taken", taken);
      sound("taken", taken);
    }
  });

  it("poisons the region and repairs nothing when the chain is broken", () => {
    for (let broken: u32 = 0; broken < 8; broken++) {
      smallHeap(12, 1);
      run(0, 0, 5);
      if (broken == 0) store32(wordAt(grain(5)), 0);
      if (broken == 1) store32(wordAt(grain(5)), runWord(T_FREE, 0, 8));
      if (broken == 2) store32(wordAt(grain(5)), runWord(T_FREE, 0, 0));
      if (broken == 3) store32(wordAt(grain(0)), runWord(T_RUN, 0, 4));
      if (broken >= 4 && broken < 7) store32(wordAt(grain(5)), runWord(1 + broken, 0, 7));
      if (broken == 7) {
        store32(wordAt(grain(5)), runWord(T_FREE, 0, 6));
        store32(wordAt(grain(11)), slabWord(1 << 2, 1));
      }
      const word = get32(wordAt(grain(5)));
      rebuild();
      is(isPoisoned(), true, "poisoned", broken);
      same(get32(wordAt(grain(5))), word, "the broken word", broken);
    }
  });
});

/** Words inside free runs as a rebuild leaves them that was cut after it had merged their heads. */
function garbleFreeInside(): void {
  for (let g = firstGrain; g < grains;) {
    const word = get32(wordAt(g));
    const length = (word & T_MASK) == T_SLAB ? LENGTHS[OPEN] : word >>> W_LENGTH_SHIFT;
    if ((word & T_MASK) == T_FREE) {
      for (let k: u32 = 1; k < length; k++) put32(wordAt(g + k), runWord(k & 1 ? T_FREED : T_FREE, 0, length - k));
    }
    g += length;
  }
}
