// Records: whose a Block is, in slabs and in runs. A handle works once, a stale or foreign one never.

import { get32 } from "../memory";
import { load64 } from "../atomic";
import { lastClaim } from "../claim";
import { countedBytes } from "../counters";
import { grains } from "../header";
import { free, usableSize } from "../heap";
import { hintClear, hintIsSet } from "../hint";
import { lock, unlock } from "../lock";
import { leave, slot } from "../owners";
import { blockAlloc, blockFree, blockIsLive, isBlock, recordAt } from "../record";
import { reason } from "../region";
import { bitsAt } from "../pages";
import { classOf, geometry } from "../sizeclass";
import { hintRecord, newSlab } from "../slab";
import { trim } from "../trim";
import { C_BLOCKS, GRAIN_SHIFT, HINT_EMPTY, KIND_BLOCK, R_SLAB, S_FREE_BYTES } from "../shared/layout";
import { SMALL_BYTES_MAX } from "../shared/limits";
import { FULL, OK } from "../shared/status";
import { become, chain, fresh, is, isChain, ownJournalClear, permutation, same, smallHeap, sound, text } from "./lib";

function release(p: usize, claim: u64): bool {
  return blockFree(p, <u32>claim, <u32>(claim >> 32));
}

function isLive(p: usize, claim: u64): bool {
  return blockIsLive(p, <u32>claim, <u32>(claim >> 32));
}

function trimNow(): void {
  same(lock(), OK, "lock", 0);
  trim();
  unlock();
}

describe("blockAlloc", () => {
  it("takes every size up to 8192 and larger ones, with a claim that its record holds", () => {
    fresh(16, 1);
    for (let bytes: u32 = 1; bytes <= 30000; bytes += bytes < <u32>SMALL_BYTES_MAX + 100 ? 37 : 3001) {
      const p = blockAlloc(bytes, 8);
      const claim = lastClaim();
      is(p != 0 && isBlock(p), true, "a Block, bytes", bytes);
      same(load64(recordAt(p)), claim, "record, bytes", bytes);
      is(isLive(p, claim), true, "live, bytes", bytes);
      is(usableSize(p) >= bytes, true, "usable, bytes", bytes);
      sound("taken, bytes", bytes);
      is(free(p), false, "freed as a raw block, bytes", bytes);
      is(release(p, claim), true, "released, bytes", bytes);
      is(release(p, claim), false, "released twice, bytes", bytes);
      is(isLive(p, claim), false, "live afterwards, bytes", bytes);
    }
    same(countedBytes(), 0, "counted", 0);
    sound("at the end", 0);
  });

  it("takes every alignment", () => {
    fresh(64, 1);
    for (let align: u32 = 1; align <= 1 << 20; align <<= 1) {
      const p = blockAlloc(3000, align);
      is(p != 0 && p % align == 0, true, "aligned", align);
      is(release(p, lastClaim()), true, "released", align);
    }
    sound("at the end", 0);
  });

  it("gives a taken block and a free one in all 56 places: bit and record agree", () => {
    fresh(16, 1);
    const count = get32(geometry((1 << 2) | KIND_BLOCK) + C_BLOCKS);
    const blocks = new StaticArray<usize>(count);
    const claims = new StaticArray<u64>(count);
    for (let i: u32 = 0; i < count; i++) {
      blocks[i] = blockAlloc(16, 8);
      claims[i] = lastClaim();
      sound("taken", i);
    }
    for (let i: u32 = 0; i < count; i++) {
      for (let k: u32 = 0; k < count; k++) {
        is(isLive(blocks[k], claims[k]), k >= i, "live, block " + text(k) + " after releases", i);
        if (k != i) is(isLive(blocks[i], claims[k]), false, "live by another's claim", k);
      }
      is(release(blocks[i], claims[i]), true, "released", i);
      same(load64(recordAt(blocks[i])), 0, "record", i);
      sound("released", i);
    }
  });

  it("says FULL when nothing fits, and leaves no journal", () => {
    smallHeap(12, 1);
    const p = blockAlloc(12 << GRAIN_SHIFT, 8);
    const claim = lastClaim();
    same(blockAlloc(1, 8), 0, "no more", 0);
    same(reason(), FULL, "reason", 0);
    is(ownJournalClear(), true, "journal clear", 0);
    is(release(p, claim), true, "released", 0);
    isChain("free 12", "chain", 0);
  });

  it("gives one Block a run of its own when no slab fits, and it is released like any other", () => {
    smallHeap(10, 1);
    const large = blockAlloc(9 << GRAIN_SHIFT, 8);
    const largeClaim = lastClaim();
    const p = blockAlloc(700, 8);
    const claim = lastClaim();
    is(large != 0 && p != 0 && isLive(p, claim), true, "taken", 0);
    sound("taken", 0);
    is(free(p), false, "freed as a raw block", 0);
    is(release(p, claim) && release(large, largeClaim), true, "released", 0);
    trimNow();
    isChain("free 10", "chain", 0);
    sound("released", 0);
  });
});

describe("the current slab of Blocks", () => {
  it("is hinted at when it is left empty", () => {
    fresh(4, 1);
    const tag = (classOf(700) << 2) | KIND_BLOCK;
    const record = hintRecord(tag);
    const first = newSlab(record, tag);
    const g = <u32>(first >>> GRAIN_SHIFT);
    is(release(first, lastClaim()), true, "released", 0);
    hintClear(HINT_EMPTY, g);
    is(newSlab(record, tag) != 0, true, "another", 0);
    is(get32(record + R_SLAB) != <u32>bitsAt(g), true, "another is current", 0);
    is(hintIsSet(HINT_EMPTY, g), true, "the one that was left says that it is empty", 0);
  });
});

describe("a stale handle", () => {
  it("is refused after the same block was taken again, in a slab and in a run", () => {
    for (let bytes: u32 = 64; bytes <= 20000; bytes = bytes * 17) {
      fresh(4, 1);
      const p = blockAlloc(bytes, 8);
      const stale = lastClaim();
      is(release(p, stale), true, "released", bytes);
      same(blockAlloc(bytes, 8), p, "the same place", bytes);
      const claim = lastClaim();
      is(claim != stale, true, "a new claim", bytes);
      is(isLive(p, stale), false, "the stale one is live", bytes);
      is(release(p, stale), false, "the stale one releases", bytes);
      is(isLive(p, claim), true, "the new one is live", bytes);
      sound("refused", bytes);
      is(release(p, claim), true, "the new one releases", bytes);
    }
  });

  it("is refused after its owner left and another took the slot and the block", () => {
    fresh(4, 1);
    const p = blockAlloc(64, 8);
    const stale = lastClaim();
    release(p, stale);
    leave();
    become(1);
    same(blockAlloc(64, 8), p, "the same place", 0);
    is(release(p, stale), false, "released by the stale one", 0);
    is(release(p, lastClaim()), true, "released by the new one", 0);
  });

  it("with any single bit of its claim changed is refused", () => {
    fresh(4, 1);
    const p = blockAlloc(64, 8);
    const run = blockAlloc(20000, 8);
    const runClaim = lastClaim();
    const claim = load64(recordAt(p));
    for (let bit: u64 = 0; bit < 64; bit++) {
      is(release(p, claim ^ ((<u64>1) << bit)), false, "in a slab, bit", bit);
      is(release(run, runClaim ^ ((<u64>1) << bit)), false, "in a run, bit", bit);
    }
    is(release(p, 0) || release(run, 0), false, "no claim", 0);
    is(ownJournalClear(), true, "journal clear", 0);
    sound("refused", 0);
    is(release(p, claim) && release(run, runClaim), true, "released", 0);
    sound("released", 0);
  });

  it("is refused when its slab is a raw one now, or free, or a run", () => {
    fresh(4, 1);
    const p = blockAlloc(64, 8);
    const claim = lastClaim();
    release(p, claim);
    trimNow();
    is(release(p, claim), false, "free grains", 0);
    is(isBlock(p), false, "a Block in free grains", 0);
    same(usableSize(p), 0, "usable", 0);
    sound("refused", 0);
  });

  it("of nothing is refused for every address that begins no Block", () => {
    fresh(2, 1);
    const p = blockAlloc(200, 8);
    const claim = lastClaim();
    const run = blockAlloc(9000, 8);
    const runClaim = lastClaim();
    for (let at: usize = 0; at < ((<usize>grains) << GRAIN_SHIFT) + 2048; at++) {
      if (at != p && at != run && isBlock(at)) is(true, false, "a Block", at);
      if (at != p && release(at, claim)) is(true, false, "released", at);
      if (at != run && release(at, runClaim)) is(true, false, "released as the run", at);
    }
    is(isLive(p, claim) && isLive(run, runClaim), true, "live", 0);
    sound("refused", 0);
  });
});

describe("another owner", () => {
  it("that was handed the claim releases the Block, and the sums stay exact", () => {
    fresh(8, 2);
    const p = blockAlloc(500, 8);
    const claim = lastClaim();
    const run = blockAlloc(50000, 8);
    const runClaim = lastClaim();
    become(2);
    is(release(p, claim) && release(run, runClaim), true, "released", 0);
    become(1);
    is(release(p, claim) || release(run, runClaim), false, "released again", 0);
    same(countedBytes(), 0, "counted", 0);
    sound("released", 0);
  });

  it("gets claims that are never those of the first", () => {
    fresh(8, 2);
    const p = blockAlloc(64, 8);
    const first = lastClaim();
    become(2);
    const q = blockAlloc(64, 8);
    is(first != lastClaim() && p != q, true, "different", 0);
    same(lastClaim() & 0xff, 2, "owner", 0);
    same(first & 0xff, 1, "owner", 0);
    is(release(q, first), false, "released by the first's claim", 0);
  });
});

describe("releasing", () => {
  it("leaves the Block's bytes where who finishes it for a dead thread finds them, in a slab and in a run", () => {
    fresh(8, 1);
    for (let bytes: u32 = 16; bytes <= 40000; bytes = bytes * 2 + 40) {
      const p = blockAlloc(bytes, 8);
      const usable = usableSize(p);
      is(release(p, lastClaim()), true, "released", bytes);
      same(get32(slot + S_FREE_BYTES), usable, "bytes", bytes);
      is(ownJournalClear(), true, "journal clear", bytes);
    }
  });

  it("five Blocks in every order merges their runs, and empties their slab", () => {
    for (let order: u32 = 0; order < 120; order++) {
      smallHeap(60, 1);
      const whole = chain();
      const blocks = new StaticArray<usize>(5);
      const claims = new StaticArray<u64>(5);
      for (let i: u32 = 0; i < 5; i++) {
        blocks[i] = blockAlloc(i & 1 ? 9000 : 90, 8);
        claims[i] = lastClaim();
        is(blocks[i] != 0, true, "taken", i);
      }
      const released = permutation(order, 5);
      for (let i = 0; i < 5; i++) {
        is(release(blocks[released[i]], claims[released[i]]), true, "released " + text(i) + ", order", order);
        sound("released " + text(i) + ", order", order);
      }
      trimNow();
      isChain(whole, "order", order);
    }
  });

  it("by an instance that is attached to nothing is refused", () => {
    fresh(4, 1);
    const p = blockAlloc(64, 8);
    const claim = lastClaim();
    leave();
    is(release(p, claim), false, "released", 0);
  });
});
