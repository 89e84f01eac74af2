// Release: exactly one owner's Blocks come back, whatever they are mixed with, and what only its hints knew is public afterwards.

import { get32, get64, put32, put64 } from "../memory";
import { load64, store32 } from "../atomic";
import { lastClaim } from "../claim";
import { countedBytes } from "../counters";
import { firstGrain, grains } from "../header";
import { allocUnsafe, free, usableSize } from "../heap";
import { hintClear, hintIsSet } from "../hint";
import { slot } from "../owners";
import { lengthOf, runWord, wordAt } from "../pages";
import { blockAlloc, isBlock, recordAt } from "../record";
import { releaseBlocks, releasedBlockBytes, releasedBlocks } from "../charged";
import { publishHints } from "../recover";
import { clearReport } from "../report";
import {
  CLAIM_SEQUENCE_SHIFT,
  CLAIM_STATE_SHIFT,
  GRAIN_SHIFT,
  HINT_EMPTY,
  KIND_RAW,
  OWNER_DEAD,
  R_SLAB,
  R_TOP,
  S_BLOCK_HINTS,
  S_BLOCK_HINT_SHIFT,
  S_HINTS,
  S_HINT_SHIFT,
  S_SEQUENCE,
  T_RUN,
} from "../shared/layout";
import { CLASS_COUNT } from "../shared/limits";
import {
  become,
  chain,
  fresh,
  grain,
  is,
  isChain,
  ownJournalClear,
  run,
  same,
  setState,
  smallHeap,
  sound,
  text,
  trimNow,
} from "./lib";

const OWNERS: u32 = 3;

/** Size of block `i` of a mixture of slabs and runs. */
function sizeOf(i: u32): u32 {
  return i % 7 == 6 ? 9000 + i * 10 : 16 + ((i * 331) % 4000);
}

function sequenceOf(claim: u64): u64 {
  return (claim & (((<u64>1) << CLAIM_STATE_SHIFT) - 1)) >> CLAIM_SEQUENCE_SHIFT;
}

/** Gives all Blocks of an owner back; their bytes, as it reports them. */
function released(index: u32): u32 {
  clearReport();
  releaseBlocks(index, ~0);
  return <u32>releasedBlockBytes();
}

describe("releaseBlocks", () => {
  it("gives back exactly one owner's Blocks, says how many bytes, and leaves others' Blocks and all raw blocks", () => {
    for (let gone: u32 = 1; gone <= OWNERS; gone++) {
      fresh(32, OWNERS + 1);
      const whole = chain();
      const blocks = new Array<usize>();
      let bytes: u32 = 0;
      let all: u32 = 0;
      for (let i: u32 = 0; i < 240; i++) {
        become(1 + (i % OWNERS));
        const isRaw = i % 5 == 0;
        const p = isRaw ? allocUnsafe(sizeOf(i)) : blockAlloc(sizeOf(i), 8);
        is(p != 0, true, "taken", i);
        blocks.push(p);
        all += usableSize(p);
        if (!isRaw && 1 + (i % OWNERS) == gone) bytes += usableSize(p);
      }
      become(gone);
      setState(gone, OWNER_DEAD);
      become(OWNERS + 1);
      same(released(gone), bytes, "bytes of owner", gone);
      same(countedBytes(), all - bytes, "counted, owner", gone);
      is(ownJournalClear(), true, "journal clear, owner", gone);
      for (let i: u32 = 0; i < 240; i++) {
        const isGone = i % 5 != 0 && 1 + (i % OWNERS) == gone;
        is(
          usableSize(blocks[i]) != 0,
          !isGone,
          "live, owner " + (gone == 1 ? "1" : gone == 2 ? "2" : "3") + ", block",
          i,
        );
      }
      sound("released, owner", gone);
      same(released(gone), 0, "bytes the second time, owner", gone);
      for (let owner: u32 = 1; owner <= OWNERS; owner++) released(owner);
      for (let i: u32 = 0; i < 240; i += 5) is(free(blocks[i]), true, "raw block freed", i);
      same(countedBytes(), 0, "counted at last", gone);
      trimNow();
      isChain(whole, "chain, owner", gone);
      sound("at the end, owner", gone);
    }
  });

  it("finds the only Block wherever it is: each of all places of a class and runs across the heap", () => {
    fresh(4, 2);
    const blocks = new Array<usize>();
    become(2);
    for (let p = blockAlloc(900, 8); p != 0; p = blockAlloc(900, 8)) blocks.push(p);
    const bytes = usableSize(blocks[0]);
    become(1);
    same(released(1), 0, "bytes of an owner without Blocks", 0);
    sound("full of another's", 0);
    is(released(2) >= <u32>blocks.length * bytes, true, "bytes of the other", 0);
    same(releasedBlocks(), blocks.length, "Blocks of the other", 0);
    for (let i = 0; i < blocks.length; i++) is(isBlock(blocks[i]), false, "live", i);
    same(countedBytes(), 0, "counted", 0);
    sound("released", 0);
  });

  it("misses no Block behind a stale length, wherever in a run or slab it leads", () => {
    let last: u32 = 2;
    for (let stale: u32 = 1; stale < last; stale++) {
      smallHeap(60, 2);
      run(0, 0, 2);
      become(2);
      const first = blockAlloc(8000, 8);
      const second = blockAlloc(3000, 8);
      const bytes = usableSize(first) + usableSize(second);
      become(1);
      last = <u32>(second >>> GRAIN_SHIFT) - grain(0);
      const length = lengthOf(get32(wordAt(<u32>(first >>> GRAIN_SHIFT))));
      is(length > 2 && last == 2 + length, true, "a run and two slabs that touch", last);
      store32(wordAt(grain(0)), runWord(T_RUN, KIND_RAW, stale));
      same(released(2), bytes, "bytes, length", stale);
      store32(wordAt(grain(0)), runWord(T_RUN, KIND_RAW, 2));
      sound("released, length", stale);
    }
  });

  it("of an owner that holds nothing changes nothing, in an empty and in a full heap", () => {
    fresh(4, 2);
    const whole = chain();
    same(released(1) + released(2), 0, "empty heap", 0);
    isChain(whole, "chain", 0);
    const p = allocUnsafe((grains - firstGrain) << GRAIN_SHIFT);
    same(released(1), 0, "full heap", 0);
    is(free(p), true, "freed", 0);
    sound("at the end", 0);
  });

  it("takes no raw block for a Block, whatever bytes it holds", () => {
    fresh(8, 2);
    const block = blockAlloc(100, 8);
    const claim = load64(recordAt(block));
    const raw = new Array<usize>();
    for (let i = 0; i < 40; i++) {
      const p = allocUnsafe(8192);
      if (p == 0) break;
      for (let at = p; at < p + 8192; at += 8) put64(at, claim);
      raw.push(p);
    }
    same(released(1), usableSize(block) == 0 ? 104 : usableSize(block), "bytes", 0);
    for (let i = 0; i < raw.length; i++) is(free(raw[i]), true, "raw block still live", i);
    sound("at the end", 0);
  });

  it("leaves a Block whose claim has a later sequence than the last that is asked for", () => {
    for (let last: u64 = 0; last <= 6; last++) {
      fresh(8, 2);
      become(2);
      const blocks = new StaticArray<usize>(6);
      const claims = new StaticArray<u64>(6);
      for (let i = 0; i < 6; i++) {
        blocks[i] = blockAlloc(i & 1 ? 9000 : 100, 8);
        claims[i] = lastClaim();
      }
      const before = get64(slot + S_SEQUENCE);
      become(1);
      // Each Block took one number or more: the first sequence of all is that of no Block.
      clearReport();
      releaseBlocks(2, last == 6 ? before : sequenceOf(claims[<i32>last]) - 1);
      same(releasedBlocks(), last, "Blocks, last", last);
      for (let i = 0; i < 6; i++) is(isBlock(blocks[i]), <u64>i >= last, "live, last " + text(last) + ", Block", i);
      sound("released, last", last);
    }
  });
});

describe("publishHints", () => {
  it("hints at each slab the owner worked on, and clears its record of hints", () => {
    fresh(16, 2);
    const whole = chain();
    for (let i: u32 = 0; i < 6; i++) {
      free(allocUnsafe(20 + i * 700));
      releaseBlocks(1, ~0);
      blockAlloc(20 + i * 700, 8);
    }
    releaseBlocks(1, ~0);
    for (let g: u32 = 0; g < grains; g += 8) hintClear(HINT_EMPTY, g);
    sound("current slabs need no hint", 0);
    publishHints(1);
    for (let c: usize = 1; c <= <usize>CLASS_COUNT; c++) {
      same(get32(slot + S_HINTS + (c << S_HINT_SHIFT) + R_SLAB), 0, "raw slab of class", c);
      same(get32(slot + S_HINTS + (c << S_HINT_SHIFT) + R_TOP), 0, "stack of class", c);
      same(get32(slot + S_BLOCK_HINTS + (c << S_BLOCK_HINT_SHIFT) + R_SLAB), 0, "Block slab of class", c);
    }
    is(hintIsSet(HINT_EMPTY, firstGrain), true, "hint of the first unit", 0);
    sound("published", 0);
    become(2);
    trimNow();
    isChain(whole, "chain", 0);
  });

  it("ignores an address that is no slab's word", () => {
    fresh(16, 1);
    put32(slot + S_HINTS + (1 << S_HINT_SHIFT) + R_SLAB, 8);
    put32(slot + S_HINTS + (2 << S_HINT_SHIFT) + R_SLAB, 0xfffffff8);
    publishHints(1);
    same(get32(slot + S_HINTS + (1 << S_HINT_SHIFT) + R_SLAB), 0, "cleared", 1);
    sound("published", 0);
  });
});
