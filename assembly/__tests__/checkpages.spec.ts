// Check of the pages: each corruption of the chain of heads and of what is derived from it, made by hand, is reported with its code
// and its place.

import { get32, get64, put32, put64 } from "../memory";
import { store32 } from "../atomic";
import { grains } from "../header";
import { allocUnsafe, free } from "../heap";
import { auxAt, binOf, bitsAt, lengthOf, link, runWord, unlink, wordAt } from "../pages";
import {
  AUX_TAIL,
  B_TAG_SHIFT,
  GRAIN_SHIFT,
  H_BINS,
  H_BIN_BITS,
  BIN_COUNT,
  W_BACK_SHIFT,
  H_DEFERRED,
  H_LOCK,
  OUT_PROBLEMS,
  T_FREE,
  T_FREED,
  T_MASK,
  T_RUN,
  T_SLAB,
} from "../shared/layout";
import { BAD_ADJACENT_FREE, BAD_BIN, BAD_CHAIN, BAD_RUN_WORD, BAD_TAIL_MARK, OK } from "../shared/status";
import { checkAll, countOf, is, outWord, smallHeap, sound, back, grain, isChain, run as carveRun } from "./lib";
import { blockRun, hole, mixed, reports, reportsOnly, run, slab } from "./mixed";

/** A run that was given back while another held the lock, and that nobody will merge. */
function freedRun(): u32 {
  const p = allocUnsafe(9000);
  store32(H_LOCK, 0x102);
  is(free(p), true, "freed", 0);
  store32(H_LOCK, 0);
  store32(H_DEFERRED, 0);
  return <u32>(p >>> GRAIN_SHIFT);
}

describe("BAD_CHAIN", () => {
  it("is reported where a head is empty", () => {
    mixed();
    store32(wordAt(run), 0);
    reports(BAD_CHAIN, run, "no head");
  });

  it("is reported where a length is 0 or leads beyond the end", () => {
    mixed();
    const word = get32(wordAt(run));
    store32(wordAt(run), runWord(T_RUN, 0, 0));
    reports(BAD_CHAIN, run, "length 0");
    store32(wordAt(run), runWord(T_RUN, 0, grains));
    reports(BAD_CHAIN, run, "length beyond the end");
    store32(wordAt(run), word);
    sound("restored", 0);
  });

  it("is reported where a slab's class is none", () => {
    mixed();
    store32(wordAt(slab), T_SLAB);
    reports(BAD_CHAIN, slab, "class 0");
  });

  it("is reported where a slab's head leads back, as if it stood inside", () => {
    mixed();
    const word = get32(wordAt(slab));
    for (let away: u32 = 1; away < 64; away++) {
      store32(wordAt(slab), word | (away << W_BACK_SHIFT));
      reports(BAD_CHAIN, slab, "a way back");
    }
    store32(wordAt(slab), word);
    sound("restored", 0);
  });

  it("is reported where a head is of a type that no piece has", () => {
    mixed();
    for (let type: u32 = T_FREED + 1; type <= <u32>T_MASK; type++) {
      store32(wordAt(run), (get32(wordAt(run)) & ~T_MASK) | type);
      reports(BAD_CHAIN, run, "no piece's type");
    }
  });
});

describe("BAD_ADJACENT_FREE", () => {
  it("is reported at the second of two free runs that touch, linked and marked as they may be", () => {
    mixed();
    const length = lengthOf(get32(wordAt(hole)));
    unlink(hole, length);
    store32(wordAt(hole), runWord(T_FREE, 0, 1));
    store32(wordAt(hole + 1), runWord(T_FREE, 0, length - 1));
    link(hole, 1);
    link(hole + 1, length - 1);
    reportsOnly(BAD_ADJACENT_FREE, hole + 1, "split");
  });
});

describe("BAD_BIN", () => {
  it("is reported when a free run is in no bin", () => {
    mixed();
    unlink(hole, lengthOf(get32(wordAt(hole))));
    put32(auxAt(hole + lengthOf(get32(wordAt(hole))) - 1), AUX_TAIL | hole);
    is(checkAll() == OK && countOf(BAD_BIN) == 1 && outWord(OUT_PROBLEMS) == 1, true, "reported alone", 0);
  });

  it("is reported for the bin that holds a run of another length, a held run, or the same run twice", () => {
    mixed();
    const bin = binOf(lengthOf(get32(wordAt(hole))));
    put32(H_BINS + ((bin + 1) << 2), hole);
    reports(BAD_BIN, bin + 1, "another length");
    put32(H_BINS + ((bin + 1) << 2), run);
    reports(BAD_BIN, bin + 1, "a held run");
    put32(H_BINS + ((bin + 1) << 2), 0);
    sound("restored", 0);
    put64(bitsAt(hole), hole);
    reports(BAD_BIN, bin, "twice");
  });

  it("is reported for each bin whose bit does not say whether something stands in it", () => {
    mixed();
    for (let bin: u32 = 0; bin < <u32>BIN_COUNT; bin++) {
      const at = H_BIN_BITS + ((<usize>(bin >>> 6)) << 3);
      const bits = get64(at);
      put64(at, bits ^ ((<u64>1) << (bin & 63)));
      reportsOnly(BAD_BIN, bin, "the bit");
      put64(at, bits);
    }
    sound("restored", 0);
  });

  it("is reported when a run does not lead back to the one before it in its bin", () => {
    smallHeap(20, 1);
    for (let at: u32 = 0; at < 4; at++) carveRun(at * 3, at * 3, 3);
    back(0, 3);
    back(6, 3);
    isChain("free 3, run 3, free 3, run 3, free 8", "two of a bin", 0);
    for (let at: u32 = 0; at <= 6; at += 6) {
      const links = get64(bitsAt(grain(at)));
      for (let bit: u64 = 28; bit < <u64>B_TAG_SHIFT; bit++) {
        put64(bitsAt(grain(at)), links ^ ((<u64>1) << bit));
        reportsOnly(BAD_BIN, binOf(3), "a bit of the link back");
      }
      put64(bitsAt(grain(at)), links);
    }
    sound("restored", 0);
  });

  it("is reported when a link leads beyond the heap, from the bin or from a run", () => {
    mixed();
    const bin = binOf(lengthOf(get32(wordAt(hole))));
    const links = get64(bitsAt(hole));
    for (let g = grains; g < 0xfffffff; g = g * 2 + 1) {
      put32(H_BINS + ((<usize>bin) << 2), g);
      reports(BAD_BIN, bin, "from the bin");
      put32(H_BINS + ((<usize>bin) << 2), hole);
      put64(bitsAt(hole), links | g);
      reports(BAD_BIN, bin, "from a run");
      put64(bitsAt(hole), links);
    }
    sound("restored", 0);
  });

  it("is reported when a link of the bin of the longest runs leads beyond the heap", () => {
    smallHeap(20, 1);
    for (let g = grains; g < 0xfffffff; g = g * 2 + 1) {
      put32(H_BINS + ((<usize>(BIN_COUNT - 1)) << 2), g);
      reports(BAD_BIN, BIN_COUNT - 1, "from the bin");
    }
    put32(H_BINS + ((<usize>(BIN_COUNT - 1)) << 2), 0);
    put64(bitsAt(grain(0)), 0xfffffff);
    reports(BAD_BIN, binOf(20), "from a run");
  });

  it("is reported when the longest runs are linked in a circle", () => {
    smallHeap(20, 1);
    put64(bitsAt(grain(0)), grain(0));
    reports(BAD_BIN, binOf(20), "in a circle");
  });
});

describe("BAD_TAIL_MARK", () => {
  it("is reported when a free run's last grain does not lead to its head", () => {
    mixed();
    const at = auxAt(hole + lengthOf(get32(wordAt(hole))) - 1);
    put32(at, 0);
    reportsOnly(BAD_TAIL_MARK, hole, "no mark");
    put32(at, AUX_TAIL | (hole + 1));
    reportsOnly(BAD_TAIL_MARK, hole, "another head");
  });

  it("is reported when the last grain of a run or slab is marked as a free run's", () => {
    mixed();
    put32(auxAt(run + lengthOf(get32(wordAt(run))) - 1), AUX_TAIL | hole);
    reportsOnly(BAD_TAIL_MARK, run, "a run");
    mixed();
    put32(auxAt(slab + lengthOf(get32(wordAt(slab))) - 1), AUX_TAIL | slab);
    reportsOnly(BAD_TAIL_MARK, slab, "a slab");
  });
});

describe("BAD_RUN_WORD", () => {
  it("is reported for each grain inside a run, a Block run, a free and a freed run whose word is not empty", () => {
    mixed();
    const freed = freedRun();
    sound("with a freed run", 0);
    const heads: StaticArray<u32> = [run, blockRun, hole, freed];
    for (let i = 0; i < heads.length; i++) {
      const length = lengthOf(get32(wordAt(heads[i])));
      is(length > 1, true, "several grains", i);
      for (let k: u32 = 1; k < length; k++) {
        store32(wordAt(heads[i] + k), runWord(T_FREED, 0, length - k));
        reportsOnly(BAD_RUN_WORD, heads[i] + k, "a word inside");
        store32(wordAt(heads[i] + k), 0);
      }
    }
    sound("restored", 0);
  });
});
