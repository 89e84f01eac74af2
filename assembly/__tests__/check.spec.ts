// Check: a sound heap of every sort is passed, and each corruption, made by hand in it, is reported with its code and its place.

import { get32, get64, put32, put64 } from "../memory";
import { load64, store32, store64 } from "../atomic";
import { check } from "../check";
import { beginAlloc, countedBytes, endAlloc, endFree } from "../counters";
import { poison, tableBytes } from "../header";
import { allocUnsafe, free } from "../heap";
import { bitmapOf, hintClear } from "../hint";
import { slotOf } from "../owners";
import { auxAt, bitsAt, lengthOf, slabTag, wordAt } from "../pages";
import { recordAt } from "../record";
import { geometry } from "../sizeclass";
import {
  AUX_TAIL,
  B_TAG_SHIFT,
  CLAIM_LEAVING,
  CLAIM_SHARED,
  CLAIM_STATE_SHIFT,
  C_FULL,
  GRAIN_SHIFT,
  HINT_EMPTY,
  H_ADJUST,
  H_CAPACITY,
  H_GRAINS,
  H_FIRST,
  H_BITS,
  H_NULL,
  H_COMMITTED,
  H_LOCK,
  H_PEAK,
  H_TAIL,
  OUT_BLOCKS,
  OUT_FREE,
  OUT_FREE_RUNS,
  OUT_LARGEST,
  OUT_LIST_MAX,
  OUT_OVERHEAD,
  OUT_PROBLEMS,
  OUT_QUIET,
  OUT_RUNS,
  OUT_SLABS,
  OUT_USED,
  R_SLAB,
  S_ALLOC,
  S_HINTS,
  S_HINT_SHIFT,
  T_FREED,
  T_MASK,
} from "../shared/layout";
import {
  BAD_CHAIN,
  BAD_COMMITTED,
  BAD_EMPTY_HINT,
  BAD_HINT,
  BAD_PEAK,
  BAD_RECORD,
  BAD_HEADER,
  BAD_SLAB_BITS,
  BAD_SLAB_TAG,
  BAD_SLAB_WORD,
  BAD_TAIL_BYTES,
  BAD_TAIL_MARK,
  BAD_USED,
  BUSY,
  OK,
  POISONED,
} from "../shared/status";
import {
  become,
  checkAll,
  countOf,
  fresh,
  idOf,
  is,
  outWord,
  problemCode,
  problemWhere,
  same,
  smallHeap,
  sound,
} from "./lib";
import { blockRun, blockSlab, emptySlab, mixed, reports, reportsOnly, run, slab, grainOf } from "./mixed";

describe("a sound heap", () => {
  it("is passed, and what it holds is counted", () => {
    mixed();
    is(
      lengthOf(get32(wordAt(slab))) > 1 && popcnt(load64(bitsAt(slab)) << 8) > 0,
      true,
      "a long slab with free blocks",
      0,
    );
    same(outWord(OUT_SLABS), 3, "slabs", 0);
    same(outWord(OUT_RUNS), 3, "runs", 0);
    same(outWord(OUT_BLOCKS), 5, "blocks", 0);
    same(outWord(OUT_USED), countedBytes(), "used", 0);
    same(outWord(OUT_OVERHEAD), tableBytes() + get32(H_TAIL), "overhead", 0);
    same(outWord(OUT_QUIET), 1, "quiet", 0);
    is(outWord(OUT_FREE_RUNS) >= 2 && outWord(OUT_LARGEST) > 0, true, "free runs", 0);
  });

  it("of one free run says how long it is", () => {
    smallHeap(37, 1);
    sound("one run", 0);
    same(outWord(OUT_LARGEST), 37 << GRAIN_SHIFT, "largest", 0);
    same(outWord(OUT_FREE), 37 << GRAIN_SHIFT, "free", 0);
    same(outWord(OUT_FREE_RUNS), 1, "free runs", 0);
    same(outWord(OUT_USED) + outWord(OUT_SLABS) + outWord(OUT_RUNS) + outWord(OUT_BLOCKS), 0, "the rest", 0);
  });

  it("is not looked at while another holds the lock, or when it is poisoned", () => {
    fresh(4, 2);
    become(2);
    become(1);
    store32(H_LOCK, idOf(2));
    same(checkAll(), BUSY, "held", 0);
    store32(H_LOCK, 0);
    poison(BAD_CHAIN);
    same(checkAll(), POISONED, "poisoned", 0);
  });

  it("says that it was not quiet while another owner's journal is pending, and compares no counters then", () => {
    mixed();
    become(2);
    beginAlloc((<usize>slab) << GRAIN_SHIFT);
    become(1);
    put32(H_ADJUST, 64);
    same(checkAll(), OK, "status", 0);
    same(outWord(OUT_QUIET), 0, "quiet", 0);
    same(outWord(OUT_PROBLEMS), 0, "problems", 0);
    put64(slotOf(2) + S_ALLOC, 0);
    reportsOnly(BAD_USED, outWord(OUT_USED), "once it is quiet");
  });
});

describe("BAD_SLAB_TAG", () => {
  it("is reported for each bit of the tag that is wrong", () => {
    for (let bit: u64 = B_TAG_SHIFT; bit < 64; bit++) {
      mixed();
      store64(bitsAt(slab), load64(bitsAt(slab)) ^ ((<u64>1) << bit));
      reports(BAD_SLAB_TAG, slab, "a bit of the tag");
    }
  });
});

describe("BAD_SLAB_BITS", () => {
  it("is reported for each bit beyond the slab's blocks", () => {
    mixed();
    const full = get64(geometry(slabTag(get32(wordAt(slab)))) + C_FULL);
    const bits = load64(bitsAt(slab));
    for (let bit: u64 = 0; bit < 56; bit++) {
      if ((full >> bit) & 1) continue;
      store64(bitsAt(slab), bits | ((<u64>1) << bit));
      reports(BAD_SLAB_BITS, slab, "a bit too many");
    }
    store64(bitsAt(slab), bits);
    sound("restored", 0);
  });
});

describe("BAD_SLAB_WORD", () => {
  it("is reported for each grain inside a slab whose word does not lead back to the head", () => {
    mixed();
    const length = lengthOf(get32(wordAt(slab)));
    is(length > 1, true, "a slab of several grains", length);
    for (let i: u32 = 1; i < length; i++) {
      const word = get32(wordAt(slab + i));
      store32(wordAt(slab + i), 0);
      reportsOnly(BAD_SLAB_WORD, slab + i, "no word");
      store32(wordAt(slab + i), word + 8);
      reportsOnly(BAD_SLAB_WORD, slab + i, "another way back");
      store32(wordAt(slab + i), word);
    }
    sound("restored", 0);
  });
});

describe("BAD_HINT", () => {
  it("is reported when no hint leads to a slab with free blocks, raw or Block", () => {
    mixed();
    hintClear(bitmapOf(slabTag(get32(wordAt(emptySlab)))), emptySlab);
    reportsOnly(BAD_HINT, emptySlab, "raw");
    mixed();
    hintClear(bitmapOf(slabTag(get32(wordAt(blockSlab)))), blockSlab);
    reportsOnly(BAD_HINT, blockSlab, "Block");
  });
});

describe("BAD_EMPTY_HINT", () => {
  it("is reported when no hint leads to an empty slab that is nobody's current, and not when it is somebody's", () => {
    mixed();
    hintClear(HINT_EMPTY, emptySlab);
    reportsOnly(BAD_EMPTY_HINT, emptySlab, "nobody's");
    const c = slabTag(get32(wordAt(emptySlab))) >>> 2;
    put32(slotOf(3) + S_HINTS + ((<usize>c) << S_HINT_SHIFT) + R_SLAB, <u32>bitsAt(emptySlab));
    sound("somebody's", 0);
  });

  it("is reported when no hint leads to a freed run", () => {
    mixed();
    store32(H_LOCK, 0x102);
    is(free((<usize>run) << GRAIN_SHIFT), true, "freed", 0);
    store32(H_LOCK, 0);
    same(get32(wordAt(run)) & T_MASK, T_FREED, "type", 0);
    sound("with a hint", 0);
  });
});

describe("the counters", () => {
  it("are reported as BAD_COMMITTED, BAD_PEAK and BAD_TAIL_BYTES with what the walk found", () => {
    mixed();
    const committed = get32(H_COMMITTED);
    put32(H_COMMITTED, committed + 1);
    reportsOnly(BAD_COMMITTED, committed, "one more");
    put32(H_COMMITTED, committed - 1);
    reportsOnly(BAD_COMMITTED, committed, "one less");
    put32(H_COMMITTED, committed);
    const peak = get32(H_PEAK);
    put32(H_PEAK, committed - 1);
    reportsOnly(BAD_PEAK, committed, "below what is committed");
    put32(H_PEAK, peak);
    const tail = get32(H_TAIL);
    put32(H_TAIL, tail + 8);
    reportsOnly(BAD_TAIL_BYTES, tail, "more");
    put32(H_TAIL, tail);
    sound("restored", 0);
  });

  it("of the owners are reported as BAD_USED with what the walk found", () => {
    mixed();
    const used = countedBytes();
    become(2);
    endAlloc(8);
    become(1);
    reportsOnly(BAD_USED, used, "more");
    endFree(16);
    reportsOnly(BAD_USED, used, "less");
    endAlloc(8);
    sound("restored", 0);
  });
});

describe("BAD_RECORD", () => {
  it("is reported for a taken Block without a record and for a free one with one, in a slab", () => {
    mixed();
    const p = (<usize>blockSlab) << GRAIN_SHIFT;
    const claim = load64(recordAt(p));
    store64(recordAt(p), 0);
    reportsOnly(BAD_RECORD, blockSlab, "taken without");
    store64(recordAt(p), claim);
    store64(recordAt(p) + 16, claim);
    reportsOnly(BAD_RECORD, blockSlab, "free with");
    store64(recordAt(p) + 16, 0);
    sound("restored", 0);
  });

  it("is reported for a claim of nobody, of no slot, of an owner that left, or in no live state", () => {
    mixed();
    const p = (<usize>blockSlab) << GRAIN_SHIFT;
    const claim = load64(recordAt(p));
    store64(recordAt(p), claim & ~(<u64>0xff));
    reportsOnly(BAD_RECORD, blockSlab, "nobody");
    store64(recordAt(p), claim | 0xff);
    reportsOnly(BAD_RECORD, blockSlab, "no slot");
    store64(recordAt(p), (claim & ~(<u64>0xff)) | 2);
    reportsOnly(BAD_RECORD, blockSlab, "an owner that left");
    store64(recordAt(p), claim & (((<u64>1) << CLAIM_STATE_SHIFT) - 1));
    reportsOnly(BAD_RECORD, blockSlab, "no state");
    for (let state: u64 = CLAIM_SHARED + 1; state < 16; state++) {
      if (state == CLAIM_LEAVING) continue; // given back: whoever meets it does the rest
      store64(recordAt(p), (claim & (((<u64>1) << CLAIM_STATE_SHIFT) - 1)) | (state << CLAIM_STATE_SHIFT));
      reportsOnly(BAD_RECORD, blockSlab, "another state");
    }
  });

  it("is not reported for a Block that belongs to the region, whoever shared it, in a slab and in a run", () => {
    mixed();
    for (let owner: u64 = 0; owner < 256; owner++) {
      const claim = ((<u64>CLAIM_SHARED) << CLAIM_STATE_SHIFT) | (owner + 0x100);
      store64(recordAt((<usize>blockSlab) << GRAIN_SHIFT), claim);
      store64(bitsAt(blockRun), claim);
      sound("shared by", owner);
    }
  });

  it("is reported for a Block run without a claim", () => {
    mixed();
    store64(bitsAt(blockRun), 0);
    reportsOnly(BAD_RECORD, blockRun, "run");
  });
});

describe("BAD_HEADER", () => {
  it("is reported for each constant that this instance read when it attached, and for the word that stays zero", () => {
    mixed();
    const fields: StaticArray<usize> = [H_GRAINS, H_FIRST, H_BITS, H_NULL, H_NULL + 4];
    for (let i = 0; i < fields.length; i++) {
      const value = get32(fields[i]);
      put32(fields[i], value + 1);
      reportsOnly(BAD_HEADER, <u32>fields[i] & ~7 ? <u32>fields[i] : H_NULL, "another value");
      put32(fields[i], value);
    }
    sound("restored", 0);
  });

  it("is reported when the memory is not as large as the region", () => {
    mixed();
    same(check(), OK, "status", 0);
    is(problemCode(0) == BAD_HEADER && problemWhere(0) == H_CAPACITY && outWord(OUT_PROBLEMS) == 1, true, "alone", 0);
  });
});

describe("the list of problems", () => {
  it("holds the first 24, and the count goes on", () => {
    fresh(64, 1);
    const blocks = new Array<usize>();
    for (let i = 0; i < 60; i++) blocks.push(allocUnsafe(9000));
    for (let i = 0; i < 60; i++) put32(auxAt(grainOf(blocks[i]) + 8), AUX_TAIL);
    same(checkAll(), OK, "status", 0);
    same(outWord(OUT_PROBLEMS), 60, "count", 0);
    same(countOf(BAD_TAIL_MARK), OUT_LIST_MAX, "listed", 0);
  });

  it("is empty again after the problem is gone", () => {
    mixed();
    put32(H_TAIL, get32(H_TAIL) + 8);
    checkAll();
    put32(H_TAIL, get32(H_TAIL) - 8);
    sound("restored", 0);
    same(problemCode(0) + problemWhere(0), 0, "list", 0);
  });
});
