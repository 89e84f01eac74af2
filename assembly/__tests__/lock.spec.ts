// Lock: every state of its word, and what the one who takes it from there has to repair.

import { get32, get64, put32 } from "../memory";
import { load32, store32 } from "../atomic";
import { beginAlloc, beginFree, beginMark, markOf } from "../counters";
import { grains, poison } from "../header";
import { allocUnsafe, free, takeLarge } from "../heap";
import { bitmapOf, hintClear } from "../hint";
import { lock, tryLock, unlock } from "../lock";
import { leave, slotOf } from "../owners";
import { auxAt, bitsAt, carve, findRun, runWord, wordAt } from "../pages";
import { classOf } from "../sizeclass";
import { hintRecord } from "../slab";
import { shedIdle } from "../trim";
import {
  AUX_IN_FLIGHT,
  GRAIN_SHIFT,
  HINT_EMPTY,
  H_BINS,
  H_COMMITTED,
  H_LOCK,
  H_REBUILDS,
  LATCH_MARK,
  J_MASK,
  KIND_BLOCK,
  KIND_RAW,
  OWNER_DEAD,
  OWNER_JOINING,
  R_SLAB,
  S_STATE,
  T_FREED,
  T_MASK,
  T_RUN,
  UNIT_SHIFT,
} from "../shared/layout";
import { BAD_CHAIN, BUSY, NOT_ATTACHED, OK, POISONED } from "../shared/status";
import { join as waitForOther, put } from "./host";
import {
  address,
  become,
  becomeWith,
  fresh,
  grain,
  is,
  isChain,
  ownJournalClear,
  same,
  setState,
  smallHeap,
  sound,
  text,
} from "./lib";

/** Everything that the page lock guards, as one number; the lock itself is not in it. */
function guarded(): u64 {
  let hash: u64 = 14695981039346656037;
  for (let at: usize = 256; at < 1536; at += 8) hash = (hash ^ get64(at)) * 1099511628211;
  for (let g: u32 = 0; g < grains; g++) {
    hash = (hash ^ get32(wordAt(g))) * 1099511628211;
    hash = (hash ^ get32(auxAt(g))) * 1099511628211;
    hash = (hash ^ get64(bitsAt(g))) * 1099511628211;
  }
  return hash;
}

/** Owner 2 lives and holds the lock; this thread acts as owner 1. */
function heldByAnother(): void {
  become(2);
  same(lock(), OK, "lock of owner 2", 0);
  become(1);
}

describe("lock", () => {
  it("writes the holder's id when nobody holds it, and unlock writes 0", () => {
    fresh(4, 3);
    for (let owner: u32 = 1; owner <= 3; owner++) {
      become(owner);
      same(lock(), OK, "status, owner", owner);
      same(load32(H_LOCK), 0x100 | owner, "word, owner", owner);
      unlock();
      same(load32(H_LOCK), 0, "word afterwards, owner", owner);
    }
    same(get32(H_REBUILDS), 0, "rebuilds", 0);
  });

  it("is refused to an instance that is attached to nothing", () => {
    fresh(4, 1);
    leave();
    same(lock(), NOT_ATTACHED, "status", 0);
    same(load32(H_LOCK), 0, "word", 0);
  });

  it("of a poisoned region is refused and left free", () => {
    fresh(4, 1);
    poison(BAD_CHAIN);
    same(lock(), POISONED, "status", 0);
    same(load32(H_LOCK), 0, "word", 0);
  });

  it("held by a living owner is BUSY after a bounded wait, and nothing is changed", () => {
    for (let ms: u32 = 0; ms <= 2; ms++) {
      for (let mayBlock = 0; mayBlock < 2; mayBlock++) {
        fresh(4, 2);
        heldByAnother();
        becomeWith(1, mayBlock == 1, ms);
        const before = guarded();
        same(lock(), BUSY, "status, ms", ms);
        same(load32(H_LOCK) & ~LATCH_MARK, 0x102, "holder, ms", ms);
        same(guarded(), before, "what it guards, ms", ms);
      }
    }
  });

  it("held by an owner that is joining is BUSY: it is not known to be dead", () => {
    fresh(4, 2);
    heldByAnother();
    setState(2, OWNER_JOINING);
    same(lock(), BUSY, "status", 0);
    setState(2, OWNER_DEAD);
    same(lock(), OK, "status once it is dead", 0);
  });

  it("is got when another thread lets it go during the wait, whether this one may sleep or not", () => {
    for (let mayBlock = 0; mayBlock < 2; mayBlock++) {
      fresh(4, 2);
      heldByAnother();
      becomeWith(1, mayBlock == 1, 1000);
      put(H_LOCK, 0);
      let status = lock();
      for (let tries = 0; status == BUSY && tries < 1000; tries++) status = lock();
      waitForOther();
      same(status, OK, "status", mayBlock);
      same(load32(H_LOCK), 0x101, "holder", mayBlock);
      same(get32(H_REBUILDS), 0, "rebuilds", mayBlock);
    }
  });

  it("leaves a sign for the holder when it waited in sleep, which unlock takes away", () => {
    fresh(4, 2);
    heldByAnother();
    becomeWith(1, false, 0);
    same(lock(), BUSY, "status of one that may not sleep", 0);
    same(load32(H_LOCK) & LATCH_MARK, 0, "sign", 0);
    becomeWith(1, true, 1);
    same(lock(), BUSY, "status of one that may", 0);
    same(load32(H_LOCK), LATCH_MARK | 0x102, "sign and holder", 0);
    unlock();
    same(load32(H_LOCK), 0, "sign and word afterwards", 0);
  });

  it("is taken from a dead holder, and the pages are rebuilt", () => {
    fresh(4, 2);
    heldByAnother();
    store32(H_BINS + (5 << 2), 77);
    store32(H_COMMITTED, 9999);
    setState(2, OWNER_DEAD);
    same(lock(), OK, "status", 0);
    same(load32(H_LOCK), 0x101, "holder", 0);
    same(get32(H_REBUILDS), 1, "rebuilds", 0);
    unlock();
    sound("rebuilt", 0);
  });

  it("is taken from a second dead holder, who died in taking it from the first", () => {
    fresh(4, 3);
    become(3);
    become(2);
    same(lock(), OK, "lock", 0);
    setState(2, OWNER_DEAD);
    setState(3, OWNER_DEAD);
    store32(H_LOCK, 0x103);
    become(1);
    same(lock(), OK, "status", 0);
    same(load32(H_LOCK), 0x101, "holder", 0);
    unlock();
    sound("rebuilt", 0);
  });

  it("is told by its id: a holder's death is not said of another generation of its slot", () => {
    for (let held: u32 = 1; held <= 4; held++) {
      for (let dead: u32 = 1; dead <= 4; dead++) {
        fresh(4, 2);
        store32(H_LOCK, (held << 8) | 2);
        store32(slotOf(2) + S_STATE, (dead << 2) | OWNER_DEAD);
        const isSame = held == dead;
        same(lock(), isSame ? OK : BUSY, "status of a holder of generation " + text(held) + ", dead", dead);
        same(load32(H_LOCK), isSame ? 0x101 : (held << 8) | 2, "holder, dead", dead);
      }
    }
  });

  it("of a region whose chain is broken is refused by the rebuild, which poisons it", () => {
    fresh(4, 2);
    heldByAnother();
    store32(wordAt(grain(0)), 0);
    setState(2, OWNER_DEAD);
    same(lock(), POISONED, "status", 0);
    same(load32(H_LOCK), 0, "word", 0);
  });
});

describe("an owner that finds itself the holder", () => {
  it("was cut by an exception: it rebuilds and goes on", () => {
    fresh(4, 1);
    lock();
    store32(H_COMMITTED, 4321);
    same(lock(), OK, "status", 0);
    same(get32(H_REBUILDS), 1, "rebuilds", 0);
    unlock();
    sound("rebuilt", 0);
  });

  it("takes it back in the first call that wants it, a free of a run as well, and lets it go", () => {
    for (let call = 0; call < 4; call++) {
      smallHeap(40, 1);
      const p = takeLarge(5 << GRAIN_SHIFT, 1, KIND_RAW);
      lock();
      const g = findRun(6);
      beginAlloc((<usize>(g + 14)) << GRAIN_SHIFT);
      carve(g, g + 14, 6, runWord(T_RUN, KIND_RAW, 6), AUX_IN_FLIGHT);
      store32(H_COMMITTED, 4321);
      if (call == 0) is(free(p), true, "freed", call);
      if (call == 1) is(takeLarge(9 << GRAIN_SHIFT, 1, KIND_RAW) != 0, true, "taken", call);
      if (call == 2) is(allocUnsafe(100) != 0, true, "a small one", call);
      if (call == 3) shedIdle();
      same(load32(H_LOCK), 0, "lock, call", call);
      same(get32(H_REBUILDS), 1, "rebuilds, call", call);
      sound("call", call);
    }
  });

  it("gives the run back that it had carved and not yet counted", () => {
    for (let kind: u32 = KIND_RAW; kind <= <u32>KIND_BLOCK; kind += KIND_BLOCK) {
      smallHeap(20, 1);
      lock();
      const g = findRun(6);
      beginAlloc((<usize>(g + 14)) << GRAIN_SHIFT);
      carve(g, g + 14, 6, runWord(T_RUN, kind, 6), AUX_IN_FLIGHT);
      isChain("free 14, run 6", "before", kind);
      same(lock(), OK, "status", kind);
      isChain("free 20", "after", kind);
      is(ownJournalClear(), true, "journal clear", kind);
      unlock();
      sound("given back", kind);
    }
  });

  it("gives back nothing when it was cut before the run was carved", () => {
    smallHeap(20, 1);
    lock();
    beginAlloc(address(14));
    same(lock(), OK, "status", 0);
    isChain("free 20", "chain", 0);
    unlock();
    sound("nothing carved", 0);
  });

  it("gives back no block that was named by a journal for something else", () => {
    smallHeap(40, 1);
    const p = takeLarge(5 << GRAIN_SHIFT, 1, KIND_RAW);
    for (let mark: u32 = 0; mark <= <u32>J_MASK; mark++) {
      lock();
      beginAlloc(p | mark);
      beginFree(p | mark);
      same(lock(), OK, "status, mark", mark);
      unlock();
      isChain("free 35, run 5", "mark", mark);
      sound("mark", mark);
    }
  });

  it("says again that anything may be in the unit whose hint it was clearing", () => {
    fresh(16, 1);
    const tag = classOf(100) << 2;
    const p = allocUnsafe(100);
    const g = <u32>(p >>> GRAIN_SHIFT);
    is(free(p), true, "freed", 0);
    put32(hintRecord(tag) + R_SLAB, 0);
    lock();
    beginMark(g & ~((1 << UNIT_SHIFT) - 1));
    hintClear(HINT_EMPTY, g);
    hintClear(bitmapOf(tag), g);
    same(lock(), OK, "status", 0);
    same(markOf(1), 0, "mark", 0);
    unlock();
    sound("said again", 0);
  });

  it("gives back no run of another owner that its journal names by an old address", () => {
    smallHeap(40, 2);
    become(2);
    const p = takeLarge(5 << GRAIN_SHIFT, 1, KIND_RAW);
    become(1);
    lock();
    beginAlloc(p);
    same(lock(), OK, "status", 0);
    isChain("free 35, run 5", "chain", 0);
    unlock();
    sound("kept", 0);
  });
});

describe("tryLock", () => {
  it("takes a free lock, and its own after an exception, with a rebuild; no other, not even a dead owner's", () => {
    fresh(4, 2);
    is(tryLock(), true, "free", 0);
    same(get32(H_REBUILDS), 0, "rebuilds of a free one", 0);
    store32(H_COMMITTED, 4321);
    is(tryLock(), true, "its own", 0);
    same(get32(H_REBUILDS), 1, "rebuilds of its own", 0);
    unlock();
    sound("rebuilt", 0);
    heldByAnother();
    is(tryLock(), false, "a living owner's", 0);
    setState(2, OWNER_DEAD);
    is(tryLock(), false, "a dead owner's", 0);
    same(load32(H_LOCK), 0x102, "holder", 0);
  });

  it("does not take that of a poisoned region", () => {
    fresh(4, 1);
    poison(BAD_CHAIN);
    is(tryLock(), false, "taken", 0);
    same(load32(H_LOCK), 0, "word", 0);
  });
});

describe("calls while another holds the lock", () => {
  it("take from slabs, free blocks and runs, and say BUSY only where a run is needed", () => {
    fresh(16, 2);
    const small = allocUnsafe(100);
    const large = takeLarge(20000, 1, KIND_RAW);
    heldByAnother();
    is(allocUnsafe(100) != 0, true, "a small block", 0);
    is(free(small), true, "freed", 0);
    same(takeLarge(20000, 1, KIND_RAW), 0, "a run", 0);
    is(free(large), true, "a run freed", 0);
    same(get32(wordAt(<u32>(large >>> GRAIN_SHIFT))) & T_MASK, T_FREED, "its type", 0);
    store32(H_LOCK, 0);
    sound("afterwards", 0);
  });
});
