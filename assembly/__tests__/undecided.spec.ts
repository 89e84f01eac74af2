// Undecided: of a raw block no word says whether a dead owner's count knows it. Recovery leaves its bytes to check, which settles them by
// counting, and only while nobody is at work.

import { get32, get64, put32, put64 } from "../memory";
import { load64, store32, store64 } from "../atomic";
import { beginAlloc, beginFree, beginMark, countedBytes, endAlloc, endFree, endMark } from "../counters";
import { firstGrain } from "../header";
import { allocUnsafe, usableSize } from "../heap";
import { hintSet } from "../hint";
import { ownerState, slotOf } from "../owners";
import { bitsAt, wordAt } from "../pages";
import { recover } from "../recover";
import {
  GRAIN_BYTES,
  GRAIN_SHIFT,
  HINT_EMPTY,
  H_ADJUST,
  H_LOCK,
  H_REBUILDS,
  H_UNDECIDED,
  J_RESIZE,
  OUT_PROBLEMS,
  OUT_QUIET,
  OUT_USED,
  OWNER_DEAD,
  OWNER_FREE,
  REC_BLOCKS,
  REC_DONE,
  REC_IN_FLIGHT_BYTES,
  REC_LOCK,
  REC_UNDECIDED,
  REC_UNDECIDED_BYTES,
  S_ALLOC,
  S_ALLOC_JOURNAL,
  S_FREE,
  S_FREE_JOURNAL,
  T_FREED,
  T_MASK,
} from "../shared/layout";
import { OK } from "../shared/status";
import { become, checkAll, fresh, idOf, is, outWord, regionHash, same, setState, sound, text, trimNow } from "./lib";

const BYTES: u32 = 104;
const LENGTH: u32 = 12;

/** A raw block of owner 1, in a slab or a run of its own, with a second one beside it; owner 2 is about to die. */
function rawBlock(isRun: bool): usize {
  fresh(4, 4);
  is(allocUnsafe(BYTES) != 0, true, "beside", 0);
  const p = allocUnsafe(isRun ? LENGTH * GRAIN_BYTES : BYTES);
  become(2);
  return p;
}

/** Gives the memory back by the one store that does it, with its hints, and counts nothing. */
function open(p: usize): void {
  const grain = <u32>(p >>> GRAIN_SHIFT);
  hintSet(HINT_EMPTY, grain);
  const word = get32(wordAt(grain));
  if (usableSize(p) == LENGTH * GRAIN_BYTES) store32(wordAt(grain), (word & ~T_MASK) | T_FREED);
  else store64(bitsAt(grain), load64(bitsAt(grain)) | 2); // the second block
}

/** Recovers owner 2 and says what it left undecided. */
function recovered(what: string, where: u64): u32 {
  setState(2, OWNER_DEAD);
  become(1);
  const taken = get32(slotOf(2) + S_ALLOC);
  const given = get32(slotOf(2) + S_FREE);
  same(recover(0x102), OK, "status, " + what, where);
  same(outWord(REC_DONE), 1, "done, " + what, where);
  same(outWord(REC_BLOCKS) + outWord(REC_IN_FLIGHT_BYTES), 0, "Blocks, " + what, where);
  same(ownerState(2), OWNER_FREE, "state, " + what, where);
  same(get64(slotOf(2) + S_ALLOC), taken, "counted as taken, journal clear, " + what, where);
  same(get64(slotOf(2) + S_FREE), given, "counted as given back, journal clear, " + what, where);
  same(get32(H_ADJUST), 0, "adjusted before the count, " + what, where);
  return outWord(REC_UNDECIDED_BYTES);
}

/** The next check counts: everything is exact, and nothing is undecided any more. */
function isSettled(live: u32, what: string, where: u64): void {
  sound(what, where);
  same(countedBytes(), live, "counted, " + what, where);
  same(get32(H_UNDECIDED), 0, "undecided after check, " + what, where);
  const adjusted = get32(H_ADJUST);
  sound("a second check, " + what, where);
  same(get32(H_ADJUST), adjusted, "adjusted once, " + what, where);
}

describe("a raw block that a dead owner was taking", () => {
  it("stays, and is counted by check, whether the dead one took it or another had", () => {
    for (let isRun = 0; isRun < 2; isRun++) {
      for (let mine = 0; mine < 2; mine++) {
        const p = rawBlock(isRun == 1);
        const size = usableSize(p);
        beginAlloc(p);
        if (mine) put64(slotOf(1) + S_ALLOC, BYTES); // nobody has counted it
        same(recovered("taking", isRun), size, "undecided, run", isRun);
        same(outWord(REC_UNDECIDED), p, "which, run", isRun);
        same(get32(H_UNDECIDED), size, "undecided in all, run", isRun);
        same(usableSize(p), size, "the block stays, run", isRun);
        isSettled(BYTES + size, "taking, mine " + text(mine) + ", run", isRun);
        same(get32(H_ADJUST), mine ? size : 0, "adjusted, run", isRun);
      }
    }
  });

  it("is nothing when the dead one did not get it", () => {
    for (let isRun = 0; isRun < 2; isRun++) {
      const p = rawBlock(isRun == 1);
      beginAlloc(p);
      open(p);
      put64(slotOf(1) + S_ALLOC, BYTES);
      recovered("not taken", isRun);
      isSettled(BYTES, "not taken, run", isRun);
    }
  });

  it("that grew and was freed by another before it was counted is settled as well", () => {
    const p = rawBlock(true);
    store32(H_LOCK, idOf(2));
    beginAlloc(p | J_RESIZE);
    // It had five grains less; another thread has freed and counted all of it.
    put64(slotOf(1) + S_ALLOC, BYTES + (LENGTH - 5) * GRAIN_BYTES);
    open(p);
    put64(slotOf(1) + S_FREE, LENGTH * GRAIN_BYTES);
    is(recovered("grown and freed", 0) != 0, true, "undecided", 0);
    isSettled(BYTES, "grown and freed", 0);
  });

  it("that another freed before it was counted, by an offset that it had no right to, is settled as well", () => {
    for (let isRun = 0; isRun < 2; isRun++) {
      const p = rawBlock(isRun == 1);
      const size = usableSize(p);
      beginAlloc(p);
      open(p);
      put64(slotOf(1) + S_ALLOC, BYTES);
      put64(slotOf(1) + S_FREE, size);
      is(recovered("freed", isRun) != 0, true, "undecided, run", isRun);
      isSettled(BYTES, "freed, run", isRun);
    }
  });
});

describe("a raw block that a dead owner was giving back", () => {
  it("is what its memory says, and check counts", () => {
    for (let isRun = 0; isRun < 2; isRun++) {
      for (let given = 0; given < 2; given++) {
        for (let counted = 0; counted < 2; counted++) {
          const p = rawBlock(isRun == 1);
          const size = usableSize(p);
          beginFree(p);
          if (given) open(p);
          // A free one may have been given back, and counted, by another before the dead one could.
          if (given && counted) put64(slotOf(1) + S_FREE, size);
          const what = "given back " + text(given) + ", counted " + text(counted) + ", run";
          same(recovered(what, isRun), size, "undecided, " + what, isRun);
          same(outWord(REC_UNDECIDED), p, "which, " + what, isRun);
          isSettled(BYTES + (given ? 0 : size), what, isRun);
          trimNow();
          sound("trimmed, " + what, isRun);
        }
      }
    }
  });
});

describe("a run whose length a dead owner was changing", () => {
  it("has the length that its word says, and check counts, after the lock was taken over and the pages rebuilt", () => {
    for (let grows = 0; grows < 2; grows++) {
      for (let done = 0; done < 2; done++) {
        for (let by: u32 = 1; by < LENGTH; by++) {
          const p = rawBlock(true);
          store32(H_LOCK, idOf(2));
          if (grows) beginAlloc(p | J_RESIZE);
          else beginFree(p | J_RESIZE);
          const other = grows ? LENGTH - by : LENGTH + by;
          put64(slotOf(1) + S_ALLOC, BYTES + (done ? other : LENGTH) * GRAIN_BYTES);
          const what = "grows " + text(grows) + ", done " + text(done) + ", by";
          same(recovered(what, by), LENGTH * GRAIN_BYTES, "undecided, " + what, by);
          same(outWord(REC_UNDECIDED), p | J_RESIZE, "which, " + what, by);
          same(outWord(REC_LOCK), 1, "held the lock, " + what, by);
          same(get32(H_REBUILDS), 1, "rebuilds, " + what, by);
          isSettled(BYTES + LENGTH * GRAIN_BYTES, what, by);
        }
      }
    }
  });
});

describe("what several dead owners left undecided", () => {
  it("adds up, and one check settles all of it", () => {
    const p = rawBlock(true);
    beginFree(p);
    become(3);
    beginAlloc(p);
    become(4);
    beginAlloc(p - 8 * GRAIN_BYTES); // nothing is there
    open(p);
    for (let owner: u32 = 2; owner <= 4; owner++) setState(owner, OWNER_DEAD);
    become(1);
    let sum: u32 = 0;
    for (let owner: u32 = 4; owner >= 2; owner--) {
      same(recover(idOf(owner)), OK, "status", owner);
      same(outWord(REC_DONE), 1, "done", owner);
      sum += outWord(REC_UNDECIDED_BYTES);
    }
    same(get32(H_UNDECIDED), sum, "undecided", 0);
    isSettled(BYTES, "three", 0);
  });
});

/** A dead owner's uncounted free, recovered; owner 3 lives. */
function uncounted(): void {
  const p = rawBlock(false);
  beginFree(p);
  open(p);
  become(3);
  become(2);
  same(recovered("uncounted", 0), BYTES, "undecided", 0);
}

/** A check while somebody works settles nothing; afterwards it does. */
function waitsForThem(what: string): void {
  const before = countedBytes();
  same(checkAll(), OK, "status, " + what, 0);
  same(outWord(OUT_QUIET), 0, "quiet, " + what, 0);
  same(outWord(OUT_USED), BYTES, "used, " + what, 0);
  same(get32(H_UNDECIDED), BYTES, "undecided, " + what, 0);
  same(countedBytes(), before, "counted, " + what, 0);
}

describe("check", () => {
  it("settles nothing while another owner takes or gives back, or clears a hint, living or dead", () => {
    for (let work = 0; work < 3; work++) {
      for (let isDead = 0; isDead < 2; isDead++) {
        uncounted();
        become(3);
        if (work == 0) beginAlloc(64 << GRAIN_SHIFT);
        if (work == 1) beginFree(64 << GRAIN_SHIFT);
        if (work == 2) beginMark(64);
        if (isDead) setState(3, OWNER_DEAD);
        become(1);
        waitsForThem("work " + text(work) + ", dead " + text(isDead));
        become(3);
        if (work == 0) endAlloc(0);
        if (work == 1) endFree(0);
        if (work == 2) endMark();
        become(1);
        isSettled(BYTES, "work", work);
      }
    }
  });

  it("settles what it counted, whatever the adjustment was before", () => {
    for (let adjust: i32 = -2048; adjust <= 2048; adjust += 512) {
      uncounted();
      put32(H_ADJUST, adjust);
      isSettled(BYTES, "adjustment", adjust);
      same(get32(H_ADJUST), -BYTES, "adjusted", adjust);
    }
  });

  it("cut between its two stores is made good by the next, which finds no difference", () => {
    uncounted();
    checkAll();
    const adjusted = get32(H_ADJUST);
    put32(H_UNDECIDED, 1);
    isSettled(BYTES, "again", 0);
    same(get32(H_ADJUST), adjusted, "adjusted", 0);
  });

  it("adjusts nothing where nothing is undecided: a wrong count is reported", () => {
    rawBlock(false);
    become(1);
    put64(slotOf(1) + S_ALLOC, get64(slotOf(1) + S_ALLOC) + 8);
    const before = regionHash();
    checkAll();
    same(regionHash(), before, "words", 0);
    same(get32(H_ADJUST), 0, "adjusted", 0);
  });

  // settleUndecided believes a walk that did not reach the end.
  it("settles nothing by a walk that met a broken chain", () => {
    uncounted();
    store32(wordAt(firstGrain), 0);
    same(checkAll(), OK, "status", 0);
    is(outWord(OUT_PROBLEMS) > 0, true, "a problem", 0);
    same(get32(H_ADJUST), 0, "adjusted", 0);
    same(get32(H_UNDECIDED), BYTES, "undecided", 0);
  });

  it("reads the journals' upper halves only: what was counted is no work", () => {
    uncounted();
    put32(slotOf(3) + S_ALLOC, 4096);
    put32(slotOf(3) + S_FREE, 4096);
    same(get32(slotOf(3) + S_ALLOC_JOURNAL) | get32(slotOf(3) + S_FREE_JOURNAL), 0, "journals", 0);
    isSettled(BYTES, "counted", 0);
  });
});
