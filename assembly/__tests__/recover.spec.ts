// Recover: whom it is for, what it answers, and what of a dead owner comes back: Blocks by their claims, its slot, its lock, its hints.

import { get32, put32, put64 } from "../memory";
import { load32, load64, store32 } from "../atomic";
import { lastClaim, nextClaim } from "../claim";
import { beginAlloc, beginFree, beginMark, countedBytes, markOf } from "../counters";
import { maxOwners, poison } from "../header";
import { allocUnsafe, free, usableSize } from "../heap";
import { bitmapOf, hintClear, hintIsSet } from "../hint";
import { lock } from "../lock";
import { join, leave, markDead, ownerState, slot, slotOf } from "../owners";
import { carve, findRun, runWord, slabTag, wordAt } from "../pages";
import { blockAlloc, blockIsLive, blockMove, isBlock, recordAt } from "../record";
import { recover } from "../recover";
import { reason } from "../region";
import { geometry } from "../sizeclass";
import { hintRecord } from "../slab";
import {
  AUX_IN_FLIGHT,
  C_BLOCKS,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  HINT_EMPTY,
  H_LOCK,
  H_REBUILDS,
  J_BLOCK,
  KIND_BLOCK,
  KIND_RAW,
  OWNER_DEAD,
  OWNER_FREE,
  OWNER_JOINING,
  OWNER_LIVE,
  REC_BLOCKS,
  REC_BLOCK_BYTES,
  REC_DONE,
  REC_IN_FLIGHT_BYTES,
  REC_LOCK,
  REC_UNDECIDED,
  R_SLAB,
  SLOT_BYTES,
  S_ALLOC,
  S_BLOCK_HINTS,
  S_OUT,
  S_OUT_WORDS,
  S_SEQUENCE,
  S_STATE,
  T_RUN,
  UNIT_SHIFT,
} from "../shared/layout";
import { BAD_CHAIN, BUSY, FULL, NOT_ATTACHED, NOT_LIVE, OK, OWNER_ALIVE, POISONED } from "../shared/status";
import {
  become,
  chain,
  fresh,
  idOf,
  is,
  isChain,
  outWord,
  regionHash,
  same,
  setState,
  smallHeap,
  sound,
  text,
  trimNow,
} from "./lib";

/** Owner 2 is dead; owner 1 recovers it. */
function recovered(what: string, where: u64): void {
  setState(2, OWNER_DEAD);
  become(1);
  same(recover(idOf(2)), OK, "status, " + what, where);
  same(outWord(REC_DONE), 1, "done, " + what, where);
  same(ownerState(2), OWNER_FREE, "state, " + what, where);
}

describe("recover answers", () => {
  it("OWNER_ALIVE for a living and a joining owner and for the caller, and changes nothing", () => {
    fresh(4, 4);
    become(2);
    is(blockAlloc(100, 8) != 0, true, "a Block", 0);
    become(3);
    setState(3, OWNER_JOINING);
    become(1);
    const before = regionHash();
    for (let owner: u32 = 1; owner <= 3; owner++) same(recover(0x100 | owner), OWNER_ALIVE, "status, owner", owner);
    same(regionHash(), before, "words", 0);
  });

  it("NOT_LIVE for what is no slot, and for ids that have not been yet", () => {
    fresh(4, 3);
    become(2);
    leave();
    become(1);
    const before = regionHash();
    for (let generation: u32 = 0; generation < 5; generation++) {
      same(recover(generation << 8), NOT_LIVE, "nobody, generation", generation);
      for (let index = maxOwners + 1; index < 256; index++) {
        same(
          recover((generation << 8) | index),
          NOT_LIVE,
          "no slot, generation " + text(generation) + ", index",
          index,
        );
      }
      if (generation > 1) same(recover((generation << 8) | 1), NOT_LIVE, "the caller's slot, generation", generation);
      if (generation > 1) same(recover((generation << 8) | 2), NOT_LIVE, "a left slot, generation", generation);
      if (generation > 0) same(recover((generation << 8) | 3), NOT_LIVE, "a new slot, generation", generation);
    }
    same(regionHash(), before, "words", 0);
  });

  // isPast takes a slot that nobody ever had for one that its generation 0 has left.
  it("NOT_LIVE for the generation 0 of a slot that nobody ever had", () => {
    fresh(4, 3);
    same(recover(3), NOT_LIVE, "status", 0);
  });

  it("OK, done, for every owner that is past: left, recovered before, or succeeded by another that lives or is dead", () => {
    fresh(4, 2);
    for (let generation: u32 = 1; generation <= 6; generation++) {
      become(2);
      if (generation & 1) leave();
      else setState(2, OWNER_DEAD);
      become(1);
      if (!(generation & 1)) same(recover((generation << 8) | 2), OK, "recovered, generation", generation);
      const before = regionHash();
      for (let past: u32 = 1; past <= generation; past++) {
        same(recover((past << 8) | 2), OK, "status after " + text(generation) + ", generation", past);
        same(outWord(REC_DONE), 1, "done after " + text(generation) + ", generation", past);
        same(outWord(REC_BLOCKS) | outWord(REC_BLOCK_BYTES) | outWord(REC_LOCK), 0, "what it held", past);
      }
      same(regionHash(), before, "words, generation", generation);
    }
    become(2);
    is(blockAlloc(100, 8) != 0, true, "a Block of the successor", 0);
    for (let state: u32 = OWNER_LIVE; state <= <u32>OWNER_JOINING; state++) {
      setState(2, state);
      become(1);
      for (let past: u32 = 1; past <= 6; past++) {
        same(recover((past << 8) | 2), OK, "status beside a successor in state " + text(state) + ", generation", past);
        same(outWord(REC_DONE), 1, "done beside a successor, generation", past);
      }
      same(ownerState(2), state, "the successor's state", state);
    }
    same(countedBytes(), 104, "counted", 0);
  });

  it("OK for the generation before the numbers begin anew", () => {
    fresh(4, 2);
    store32(slotOf(2) + S_STATE, (0x7fffff << 2) | OWNER_DEAD);
    same(recover(0x7fffff02), OK, "the last generation", 0);
    same(load32(slotOf(2) + S_STATE), (0x7fffff << 2) | OWNER_FREE, "state word", 0);
    store32(slotOf(2) + S_STATE, (1 << 2) | OWNER_LIVE);
    same(recover(0x7fffff02), OK, "two later", 0);
    same(recover(0x202), NOT_LIVE, "one that is to come", 0);
  });

  it("NOT_ATTACHED without an owner, and POISONED when the region is", () => {
    fresh(4, 2);
    become(2);
    setState(2, OWNER_DEAD);
    become(1);
    poison(BAD_CHAIN);
    same(recover(0x102), POISONED, "poisoned", 0);
    same(ownerState(2), OWNER_DEAD, "state", 0);
    leave();
    same(recover(0x102), NOT_ATTACHED, "attached to nothing", 0);
  });

  it("BUSY while a living owner holds the page lock, with nothing changed, and OK afterwards", () => {
    fresh(4, 3);
    become(2);
    const p = blockAlloc(100, 8);
    setState(2, OWNER_DEAD);
    become(3);
    same(lock(), OK, "lock", 0);
    become(1);
    const before = regionHash();
    same(recover(0x102), BUSY, "status", 0);
    same(outWord(REC_DONE), 0, "done", 0);
    same(regionHash(), before, "words", 0);
    store32(H_LOCK, 0);
    recovered("the lock is free", 0);
    is(isBlock(p), false, "the Block", 0);
    sound("recovered", 0);
  });

  it("into the caller's report, which holds nothing of an earlier one", () => {
    fresh(4, 2);
    become(2);
    recovered("report", 0);
    for (let i: u32 = REC_UNDECIDED; i < <u32>S_OUT_WORDS; i++) same(outWord(i), 0, "word", i);
    put32(slot + S_OUT + (REC_BLOCKS << 2), 77);
    same(recover(0x102), OK, "again", 0);
    same(outWord(REC_BLOCKS), 0, "cleared by the next", 0);
  });
});

describe("recover gives back", () => {
  it("the Blocks that the dead owner holds by claim, in slabs and runs, and says how many and how much", () => {
    for (let count: u32 = 0; count <= 12; count++) {
      fresh(8, 3);
      const whole = chain();
      become(3);
      const theirs = blockAlloc(100, 8);
      const theirRun = blockAlloc(9000, 8);
      become(2);
      const raw = allocUnsafe(100);
      const rawRun = allocUnsafe(9000);
      const blocks = new Array<usize>();
      let bytes: u32 = 0;
      for (let i: u32 = 0; i < count; i++) {
        blocks.push(blockAlloc(i % 3 == 2 ? 9000 + i * 1024 : 100 + i * 50, 8));
        bytes += usableSize(blocks[i]);
      }
      recovered("Blocks", count);
      same(outWord(REC_BLOCKS), count, "Blocks of", count);
      same(outWord(REC_BLOCK_BYTES), bytes, "bytes of", count);
      same(
        outWord(REC_IN_FLIGHT_BYTES) | outWord(REC_LOCK) | outWord(REC_UNDECIDED),
        0,
        "the rest of the report",
        count,
      );
      for (let i: u32 = 0; i < count; i++) is(isBlock(blocks[i]), false, "live, Block", i);
      is(isBlock(theirs) && isBlock(theirRun), true, "another's Blocks stay", count);
      is(usableSize(raw) == 104 && usableSize(rawRun) == 9216, true, "raw blocks stay", count);
      sound("recovered", count);
      is(free(raw) && free(rawRun), true, "raw blocks freed", count);
      setState(3, OWNER_DEAD);
      same(recover(0x103), OK, "the other", count);
      same(countedBytes(), 0, "counted", count);
      trimNow();
      isChain(whole, "chain", count);
    }
  });

  it("the Blocks that the dead owner adopted, and none that it shared or gave away", () => {
    for (let bytes: u32 = 100; bytes <= 10000; bytes += 9900) {
      fresh(8, 3);
      become(3);
      const got = blockAlloc(bytes, 8);
      const gotClaim = lastClaim();
      become(2);
      const shared = blockAlloc(bytes, 8);
      let claim = lastClaim();
      is(blockMove(shared, <u32>claim, <u32>(claim >> 32), true), true, "shared", bytes);
      const sharedClaim = lastClaim();
      const given = blockAlloc(bytes, 8);
      claim = lastClaim();
      is(blockMove(got, <u32>gotClaim, <u32>(gotClaim >> 32), false), true, "adopted", bytes);
      become(3);
      is(blockMove(given, <u32>claim, <u32>(claim >> 32), false), true, "given away", bytes);
      const givenClaim = lastClaim();
      recovered("moved", bytes);
      same(outWord(REC_BLOCKS), 1, "Blocks", bytes);
      is(isBlock(got), false, "the adopted one", bytes);
      is(blockIsLive(shared, <u32>sharedClaim, <u32>(sharedClaim >> 32)), true, "the shared one", bytes);
      is(blockIsLive(given, <u32>givenClaim, <u32>(givenClaim >> 32)), true, "the one given away", bytes);
      sound("recovered", bytes);
    }
  });

  it("nothing of a later owner of the slot", () => {
    fresh(4, 2);
    become(2);
    const old = blockAlloc(100, 8);
    recovered("the first", 0);
    become(2);
    same(idOf(2), 0x202, "id of the second", 0);
    const p = blockAlloc(100, 8);
    const claim = lastClaim();
    become(1);
    same(recover(0x102), OK, "the first again", 0);
    same(outWord(REC_DONE), 1, "done", 0);
    same(outWord(REC_BLOCKS), 0, "Blocks", 0);
    is(p == old && blockIsLive(p, <u32>claim, <u32>(claim >> 32)), true, "the second's Block", 0);
    sound("recovered", 0);
  });

  it("the slot: its counters and its sequence go on, and the next owner has the next generation", () => {
    fresh(4, 2);
    become(2);
    is(blockAlloc(100, 8) != 0, true, "a Block", 0);
    const sequence = load64(slot + S_SEQUENCE);
    recovered("slot", 0);
    same(load64(slotOf(2) + S_SEQUENCE), sequence, "sequence", 0);
    same(load64(slotOf(2) + S_ALLOC), 104, "counted", 0);
    same(join(false, 0, 7), 0x202, "id", 0);
  });

  it("the slot of a thread that died while it joined", () => {
    fresh(4, 2);
    memory.fill(slotOf(2) + S_BLOCK_HINTS, 0xff, SLOT_BYTES - S_BLOCK_HINTS);
    store32(slotOf(2) + S_STATE, (5 << 2) | OWNER_JOINING);
    same(recover(0x502), OWNER_ALIVE, "before it is said", 0);
    same(markDead(0x502), OK, "said", 0);
    recovered("joining", 0);
    same(outWord(REC_BLOCKS), 0, "Blocks", 0);
    become(2);
    is(blockAlloc(100, 8) != 0, true, "the next owner works", 0);
    become(1);
    sound("the next owner works", 0);
  });
});

describe("recover of the page lock's holder", () => {
  it("takes the lock over, rebuilds and lets it go; the report says so", () => {
    fresh(4, 3);
    become(2);
    same(lock(), OK, "lock", 0);
    recovered("holder", 0);
    same(outWord(REC_LOCK), 1, "held", 0);
    same(get32(H_REBUILDS), 1, "rebuilds", 0);
    same(load32(H_LOCK), 0, "lock", 0);
    sound("recovered", 0);
  });

  it("says so of no other, also when another dead one held it", () => {
    fresh(4, 3);
    become(3);
    same(lock(), OK, "lock", 0);
    setState(3, OWNER_DEAD);
    become(2);
    recovered("not the holder", 0);
    same(outWord(REC_LOCK), 0, "held", 0);
    same(get32(H_REBUILDS), 1, "rebuilds", 0);
    same(recover(0x103), OK, "the holder", 0);
    same(outWord(REC_LOCK), 0, "held, after it was taken over", 0);
    sound("recovered", 0);
  });

  it("gives a run back that was not committed, and keeps a raw one and releases a Block that was", () => {
    for (let kind: u32 = KIND_RAW; kind <= <u32>KIND_BLOCK; kind += KIND_BLOCK) {
      for (let committed = 0; committed < 2; committed++) {
        smallHeap(20, 2);
        become(2);
        same(lock(), OK, "lock", kind);
        const head = findRun(6);
        const p = (<usize>(head + 14)) << GRAIN_SHIFT;
        beginAlloc(p | (kind == KIND_BLOCK ? J_BLOCK : 0));
        carve(head, head + 14, 6, runWord(T_RUN, kind, 6), committed ? 0 : AUX_IN_FLIGHT);
        if (kind == KIND_BLOCK) put64(recordAt(p), nextClaim());
        recovered("run", kind);
        const stays = committed != 0 && kind == KIND_RAW;
        same(outWord(REC_BLOCKS), committed != 0 && kind == KIND_BLOCK ? 1 : 0, "Blocks, kind", kind);
        trimNow();
        isChain(stays ? "free 14, run 6" : "free 20", "committed " + text(committed) + ", kind", kind);
        sound("committed " + text(committed) + ", kind", kind);
        same(countedBytes(), stays ? 6 * GRAIN_BYTES : 0, "counted, committed " + text(committed) + ", kind", kind);
      }
    }
  });
});

describe("recover makes public", () => {
  it("the empty slabs that the dead owner worked on, raw and of Blocks: trimming finds them", () => {
    for (let bytes: u32 = 20; bytes <= 4000; bytes += 199) {
      fresh(8, 2);
      const whole = chain();
      become(2);
      const p = allocUnsafe(bytes);
      const g = <u32>(p >>> GRAIN_SHIFT);
      is(free(p), true, "freed", bytes);
      const q = blockAlloc(bytes, 8);
      hintClear(HINT_EMPTY, g);
      recovered("hints", bytes);
      is(hintIsSet(HINT_EMPTY, g) && hintIsSet(HINT_EMPTY, <u32>(q >>> GRAIN_SHIFT)), true, "hints", bytes);
      sound("recovered", bytes);
      trimNow();
      isChain(whole, "chain", bytes);
    }
  });

  it("the slab that is empty, or no longer full, without the Block that it was taking or giving back", () => {
    for (let doing = 0; doing < 2; doing++) {
      for (let isFull = 0; isFull < 2; isFull++) {
        fresh(8, 3);
        const whole = chain();
        become(3);
        const p = blockAlloc(3000, 8);
        const g = <u32>(p >>> GRAIN_SHIFT);
        const tag = slabTag(get32(wordAt(g)));
        for (let i: u32 = 1; isFull != 0 && i < get32(geometry(tag) + C_BLOCKS); i++) blockAlloc(3000, 8);
        put32(hintRecord(tag) + R_SLAB, 0);
        hintClear(bitmapOf(tag), g);
        hintClear(HINT_EMPTY, g);
        become(2);
        is(nextClaim() != 0, true, "a claim", doing); // as before each taking
        put64(recordAt(p), 0);
        if (doing == 0) beginAlloc(p | J_BLOCK);
        else beginFree(p | J_BLOCK);
        if (doing == 0) put64(slotOf(3) + S_ALLOC, load64(slotOf(3) + S_ALLOC) - usableSize(p));
        recovered("in flight", doing);
        is(isBlock(p), false, "the Block", doing);
        sound("in flight " + text(doing) + ", full", isFull);
        if (isFull) continue;
        trimNow();
        isChain(whole, "chain", doing);
      }
    }
  });

  it("the unit whose hints it was clearing", () => {
    smallHeap(20, 2);
    become(2);
    const p = allocUnsafe(100);
    const g = <u32>(p >>> GRAIN_SHIFT);
    const tag = slabTag(get32(wordAt(g)));
    beginMark(g & ~((1 << UNIT_SHIFT) - 1));
    hintClear(bitmapOf(tag), g);
    hintClear(HINT_EMPTY, g);
    recovered("mark", 0);
    same(markOf(2), 0, "mark", 0);
    is(hintIsSet(bitmapOf(tag), g) && hintIsSet(HINT_EMPTY, g), true, "hints", 0);
    sound("recovered", 0);
    while (allocUnsafe(9000) != 0) continue;
    same(reason(), FULL, "no run", 0);
    is(allocUnsafe(100) != 0, true, "a block of that slab", 0);
  });
});
