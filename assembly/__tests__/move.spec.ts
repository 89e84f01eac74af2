// Move: a Block changes hands by one compare-and-swap. The claim it had is stale, the one it has works, and who is refused has changed
// nothing.

import { get32, get64, put32 } from "../memory";
import { load64, store64 } from "../atomic";
import { lastClaim } from "../claim";
import { countedBytes, pendingFree } from "../counters";
import { grains } from "../header";
import { allocUnsafe, free } from "../heap";
import { lock } from "../lock";
import { leave, slot } from "../owners";
import { bitsAt, slabTag, wordAt } from "../pages";
import { blockAlloc, blockFree, blockIsLive, blockMove, isBlock, recordAt } from "../record";
import { recover } from "../recover";
import { detachRegion } from "../region";
import { letGo, trim } from "../trim";
import {
  CLAIM_LIVE,
  CLAIM_SEQUENCE_SHIFT,
  CLAIM_SHARED,
  CLAIM_STATE_SHIFT,
  GRAIN_SHIFT,
  J_BLOCK,
  OWNER_DEAD,
  REC_BLOCKS,
  REC_DONE,
  S_CLAIM,
  S_FREE_JOURNAL,
  S_SEQUENCE,
} from "../shared/layout";
import { OK } from "../shared/status";
import { attach, become, fresh, idOf, is, outWord, ownJournalClear, same, setState, sound, text, trimNow } from "./lib";

/** One Block in a slab, one that is a run. */
const SIZES: StaticArray<u32> = [100, 9000];

function adopt(p: usize, claim: u64): bool {
  return blockMove(p, <u32>claim, <u32>(claim >> 32), false);
}

function share(p: usize, claim: u64): bool {
  return blockMove(p, <u32>claim, <u32>(claim >> 32), true);
}

function release(p: usize, claim: u64): bool {
  return blockFree(p, <u32>claim, <u32>(claim >> 32));
}

function isLive(p: usize, claim: u64): bool {
  return blockIsLive(p, <u32>claim, <u32>(claim >> 32));
}

function dies(owner: u32, blocks: u32, what: string): void {
  setState(owner, OWNER_DEAD);
  become(1);
  same(recover(idOf(owner)), OK, "status, " + what, owner);
  same(outWord(REC_DONE), 1, "done, " + what, owner);
  same(outWord(REC_BLOCKS), blocks, "Blocks, " + what, owner);
}

describe("an adopted Block", () => {
  it("has a claim of its new owner, in the record and in S_CLAIM; the old one is stale", () => {
    for (let i = 0; i < SIZES.length; i++) {
      fresh(4, 3);
      become(2);
      const p = blockAlloc(SIZES[i], 8);
      const old = lastClaim();
      become(3);
      const sequence = get64(slot + S_SEQUENCE);
      const counted = countedBytes();
      is(adopt(p, old), true, "adopted", SIZES[i]);
      const claim = lastClaim();
      same(
        claim,
        ((<u64>CLAIM_LIVE) << CLAIM_STATE_SHIFT) | ((sequence + 1) << CLAIM_SEQUENCE_SHIFT) | 3,
        "claim",
        SIZES[i],
      );
      same(load64(recordAt(p)), claim, "record", SIZES[i]);
      is(isLive(p, claim), true, "the new claim", SIZES[i]);
      is(isLive(p, old) || adopt(p, old) || share(p, old) || release(p, old), false, "the old claim", SIZES[i]);
      is(ownJournalClear(), true, "journal clear", SIZES[i]);
      same(countedBytes(), counted, "counted", SIZES[i]);
      become(1);
      sound("adopted", SIZES[i]);
      is(release(p, claim), true, "released by the new claim", SIZES[i]);
      same(countedBytes(), 0, "counted at last", SIZES[i]);
      sound("released", SIZES[i]);
    }
  });

  it("outlives the owner that gave it and goes with the one that took it, through three hands", () => {
    for (let i = 0; i < SIZES.length; i++) {
      fresh(4, 4);
      become(2);
      const p = blockAlloc(SIZES[i], 8);
      let claim = lastClaim();
      for (let next: u32 = 3; next <= 4; next++) {
        become(next);
        is(adopt(p, claim), true, "adopted by", next);
        claim = lastClaim();
        dies(next - 1, 0, "giver");
        is(isLive(p, claim), true, "live after the death of", next - 1);
        sound("after the death of", next - 1);
      }
      dies(4, 1, "taker");
      is(isBlock(p), false, "live at last", SIZES[i]);
      same(countedBytes(), 0, "counted", SIZES[i]);
      sound("at last", SIZES[i]);
    }
  });

  it("of its own owner gets a new claim all the same, and goes with it", () => {
    for (let i = 0; i < SIZES.length; i++) {
      fresh(4, 2);
      become(2);
      const p = blockAlloc(SIZES[i], 8);
      const old = lastClaim();
      is(adopt(p, old), true, "adopted", SIZES[i]);
      is(lastClaim() != old && isLive(p, lastClaim()) && !isLive(p, old), true, "claims", SIZES[i]);
      dies(2, 1, "its own");
      sound("recovered", SIZES[i]);
    }
  });

  it("may be one of a dead owner that nobody has recovered yet: it is not given back then", () => {
    for (let i = 0; i < SIZES.length; i++) {
      fresh(4, 3);
      become(2);
      const p = blockAlloc(SIZES[i], 8);
      const old = lastClaim();
      setState(2, OWNER_DEAD);
      become(3);
      is(adopt(p, old), true, "adopted", SIZES[i]);
      const claim = lastClaim();
      dies(2, 0, "the giver");
      is(isLive(p, claim), true, "live", SIZES[i]);
      sound("recovered", SIZES[i]);
    }
  });

  it("is one owner's, whoever of three asks first", () => {
    for (let first: u32 = 1; first <= 3; first++) {
      fresh(4, 3);
      const p = blockAlloc(100, 8);
      const claim = lastClaim();
      for (let k: u32 = 0; k < 3; k++) {
        const owner = ((first - 1 + k) % 3) + 1;
        become(owner);
        is(adopt(p, claim), k == 0, "adopted by " + text(owner) + ", first", first);
      }
      same(load64(recordAt(p)) & 0xff, first, "owner", first);
    }
  });
});

describe("a shared Block", () => {
  it("belongs to the region: it outlives who took it and who shared it, and anybody with its claim releases it", () => {
    for (let i = 0; i < SIZES.length; i++) {
      fresh(4, 4);
      become(2);
      const p = blockAlloc(SIZES[i], 8);
      const old = lastClaim();
      become(3);
      is(share(p, old), true, "shared", SIZES[i]);
      const claim = lastClaim();
      same(claim >> CLAIM_STATE_SHIFT, CLAIM_SHARED, "state", SIZES[i]);
      same(load64(recordAt(p)), claim, "record", SIZES[i]);
      is(isLive(p, old) || release(p, old), false, "the old claim", SIZES[i]);
      dies(2, 0, "who took it");
      dies(3, 0, "who shared it");
      is(isLive(p, claim), true, "live", SIZES[i]);
      sound("its owners are gone", SIZES[i]);
      become(4);
      is(release(p, claim), true, "released", SIZES[i]);
      is(release(p, claim), false, "released twice", SIZES[i]);
      become(1);
      same(countedBytes(), 0, "counted", SIZES[i]);
      sound("released", SIZES[i]);
    }
  });

  it("outlives the detach of who shared it", () => {
    fresh(4, 2);
    const p = blockAlloc(100, 8);
    is(share(p, lastClaim()), true, "shared", 0);
    const claim = lastClaim();
    same(detachRegion(), OK, "detached", 0);
    same(attach(), 0x201, "attached again", 0);
    is(isLive(p, claim), true, "live", 0);
    sound("attached again", 0);
  });

  it("can be adopted, and goes with its new owner then; shared again it stays", () => {
    for (let again = 0; again < 2; again++) {
      fresh(4, 3);
      const p = blockAlloc(100, 8);
      is(share(p, lastClaim()), true, "shared", again);
      const shared = lastClaim();
      become(2);
      is(adopt(p, shared), true, "adopted", again);
      const adopted = lastClaim();
      is(!isLive(p, shared) && isLive(p, adopted), true, "claims", again);
      if (again) is(share(p, adopted), true, "shared again", again);
      const claim = lastClaim();
      dies(2, again ? 0 : 1, "the adopter");
      is(isLive(p, claim), again == 1, "live", again);
      sound("recovered", again);
    }
  });
});

/** Is refused, and leaves the record, the counters and no journal. */
function refused(p: usize, claim: u64, shared: bool, what: string, where: u64): void {
  const holds = isBlock(p) ? load64(recordAt(p)) : 0;
  const counted = countedBytes();
  is(blockMove(p, <u32>claim, <u32>(claim >> 32), shared), false, "moved, " + what, where);
  if (holds != 0) same(load64(recordAt(p)), holds, "record, " + what, where);
  same(countedBytes(), counted, "counted, " + what, where);
  is(ownJournalClear(), true, "journal clear, " + what, where);
}

describe("blockMove is refused", () => {
  it("for a claim with any single bit changed, in a slab and in a run, and changes nothing", () => {
    for (let i = 0; i < SIZES.length; i++) {
      fresh(4, 2);
      const p = blockAlloc(SIZES[i], 8);
      const claim = lastClaim();
      become(2);
      for (let bit: u64 = 0; bit < 64; bit++) {
        refused(p, claim ^ ((<u64>1) << bit), (bit & 1) == 0, "size " + text(SIZES[i]) + ", bit", bit);
      }
      refused(p, 0, false, "no claim, size", SIZES[i]);
      become(1);
      is(isLive(p, claim), true, "live", SIZES[i]);
      sound("refused, size", SIZES[i]);
    }
  });

  it("for the empty record of a Block that is being given back", () => {
    for (let i = 0; i < SIZES.length; i++) {
      fresh(4, 2);
      const p = blockAlloc(SIZES[i], 8);
      const claim = lastClaim();
      store64(recordAt(p), 0);
      become(2);
      refused(p, 0, false, "empty record", i);
      refused(p, claim, true, "its old claim", i);
      same(load64(recordAt(p)), 0, "record", i);
    }
  });

  it("for every address that begins no Block, raw blocks and runs among them", () => {
    fresh(2, 1);
    const raw = allocUnsafe(200);
    const p = blockAlloc(200, 8);
    const claim = lastClaim();
    const run = blockAlloc(9000, 8);
    const runClaim = lastClaim();
    for (let at: usize = 0; at < ((<usize>grains) << GRAIN_SHIFT) + 2048; at += at < raw - 3000 ? 64 : 1) {
      if (at != p && adopt(at, claim)) is(true, false, "adopted", at);
      if (at != run && share(at, runClaim)) is(true, false, "shared as the run", at);
    }
    is(isLive(p, claim) && isLive(run, runClaim) && free(raw), true, "live", 0);
    sound("refused", 0);
  });

  it("after the Block was released, also when its slab or run is free grains now, or raw", () => {
    for (let i = 0; i < SIZES.length; i++) {
      fresh(4, 1);
      const p = blockAlloc(SIZES[i], 8);
      const claim = lastClaim();
      is(release(p, claim), true, "released", i);
      refused(p, claim, false, "released", i);
      trimNow();
      refused(p, claim, true, "free grains", i);
      while (allocUnsafe(SIZES[i]) != 0) continue;
      refused(p, claim, false, "raw", i);
      sound("refused", i);
    }
  });

  it("for an instance that is attached to nothing", () => {
    fresh(4, 1);
    const p = blockAlloc(100, 8);
    const claim = lastClaim();
    leave();
    is(adopt(p, claim) || share(p, claim), false, "moved", 0);
    same(get64(slot + S_CLAIM) | get64(slot + S_SEQUENCE) | pendingFree(0), 0, "nobody's words", 0);
  });
});

describe("a death in blockMove", () => {
  it("leaves the giver's Block before the compare-and-swap, and the taker's after it", () => {
    for (let i = 0; i < SIZES.length; i++) {
      for (let swapped = 0; swapped < 2; swapped++) {
        fresh(4, 3);
        const p = blockAlloc(SIZES[i], 8);
        const claim = lastClaim();
        become(2);
        if (swapped) is(adopt(p, claim), true, "adopted", i);
        const now = swapped ? lastClaim() : claim;
        put32(slot + S_FREE_JOURNAL, <u32>p | J_BLOCK); // the journal of a Block being given back, which keeps its slab
        dies(2, swapped, "swapped " + text(swapped));
        is(isLive(p, now), swapped == 0, "live, swapped " + text(swapped), i);
        sound("swapped " + text(swapped), i);
      }
    }
  });

  it("keeps the slab from being given back while the journal names it", () => {
    fresh(4, 2);
    const p = blockAlloc(100, 8);
    const g = <u32>(p >>> GRAIN_SHIFT);
    const claim = lastClaim();
    become(2);
    put32(slot + S_FREE_JOURNAL, <u32>p | J_BLOCK);
    become(1);
    is(release(p, claim), true, "released", 0);
    same(lock(), OK, "lock", 0);
    trim();
    letGo();
    same(slabTag(get32(wordAt(g))) & 3, 2, "the slab is there", 0);
    is(load64(bitsAt(g)) != 0, true, "and open", 0);
    become(2);
    put32(slot + S_FREE_JOURNAL, 0);
    become(1);
    trimNow();
    same(load64(bitsAt(g)) >> 56, 0, "given back afterwards", 0);
    sound("afterwards", 0);
  });
});
