// Racing: calls that meet another thread's store in their midst. A rebuild under the lock stands for what another did while this one waited
// for it, or the second thread of the host makes the store at some instant: then every answer that the instant allows must be right.

import { get32, put32, put64 } from "../memory";
import { load32, store32 } from "../atomic";
import { countedBytes, endAlloc } from "../counters";
import { allocUnsafe, free, takeLarge, usableSize } from "../heap";
import { realloc } from "../resize";
import { bitmapOf, hintClear } from "../hint";
import { slotOf } from "../owners";
import { auxAt, slabTag, wordAt } from "../pages";
import { reason } from "../region";
import {
  AUX_IN_FLIGHT,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  H_LOCK,
  H_REBUILDS,
  KIND_RAW,
  OUT_BLOCKS,
  OUT_PROBLEMS,
  OUT_QUIET,
  OUT_RUNS,
  OUT_SLABS,
  OWNER_DEAD,
  S_ALLOC_JOURNAL,
  S_FREE,
  S_MARK,
} from "../shared/layout";
import { BUSY, FULL, NOT_LIVE, OK } from "../shared/status";
import { join as waitForOther, put, spawn } from "./host";
import {
  become,
  chain,
  checkAll,
  fresh,
  idOf,
  is,
  isChain,
  outWord,
  same,
  setState,
  smallHeap,
  sound,
  text,
} from "./lib";

// How often an instant is tried for that only the host's second thread can hit; whether it does is not up to the test.
const TRIES = 20;

function grainOf(p: usize): u32 {
  return <u32>(p >>> GRAIN_SHIFT);
}

/**
 * A raw run of `length` grains that is gone as soon as this owner has to take the lock: the lock is a dead owner's, and the rebuild
 * frees the run, as another thread's free and merge would have while this one waited. Its count is taken back.
 */
function doomedRun(length: u32): usize {
  const p = takeLarge(length * GRAIN_BYTES, 1, KIND_RAW);
  is(p != 0, true, "taken", length);
  endAlloc(-(length * GRAIN_BYTES));
  put32(auxAt(grainOf(p)), AUX_IN_FLIGHT);
  become(2);
  setState(2, OWNER_DEAD);
  become(1);
  store32(H_LOCK, idOf(2));
  return p;
}

describe("realloc of a block that another thread frees meanwhile", () => {
  it("is refused while it waits for the lock: nothing is resized, and what it took for the move goes back", () => {
    for (let grains: u32 = 9; grains <= 20; grains++) {
      if (grains == 12) continue; // its own size: nothing to do
      smallHeap(60, 2);
      const p = doomedRun(12);
      same(realloc(p, grains * GRAIN_BYTES), 0, "moved, grains", grains);
      same(reason(), NOT_LIVE, "reason, grains", grains);
      same(get32(H_REBUILDS), 1, "rebuilds, grains", grains);
      same(countedBytes(), 0, "counted, grains", grains);
      isChain("free 60", "chain, grains", grains);
      sound("refused, grains", grains);
    }
  });

  it("is refused when the move goes into a slab, and leaves the slab's blocks right", () => {
    for (let bytes: u32 = 100; bytes <= 8000; bytes += 790) {
      fresh(8, 2);
      const p = doomedRun(12);
      same(realloc(p, bytes), 0, "moved, bytes", bytes);
      same(reason(), NOT_LIVE, "reason, bytes", bytes);
      same(countedBytes(), 0, "counted, bytes", bytes);
      sound("refused, bytes", bytes);
    }
  });
});

describe("realloc of a block that another thread frees meanwhile, with room behind it", () => {
  // The move gets the very grains of the freed block, frees them as the old ones, and answers with them.
  it("is refused when the move begins where the old block did", () => {
    smallHeap(60, 2);
    const behind = takeLarge(8 * GRAIN_BYTES, 1, KIND_RAW);
    const p = doomedRun(12);
    is(free(behind), true, "room behind", 0);
    same(realloc(p, 20 * GRAIN_BYTES), 0, "moved", 0);
    same(reason(), NOT_LIVE, "reason", 0);
    same(countedBytes(), 0, "counted", 0);
    isChain("free 60", "chain", 0);
    sound("refused", 0);
  });
});

describe("an allocation while others go on giving back and taking", () => {
  it("of what nowhere fits is BUSY or FULL, by how the others run, and FULL once they rest", () => {
    for (let isSmall = 0; isSmall < 2; isSmall++) {
      let wasBusy = false;
      for (let tries = 0; tries < TRIES && !wasBusy; tries++) {
        smallHeap(20, 2);
        become(2);
        become(1);
        const all = takeLarge(20 * GRAIN_BYTES, 1, KIND_RAW);
        is(all != 0, true, "the whole heap", tries);
        const whole = chain();
        const at = slotOf(2) + S_FREE;
        spawn(at, 300000); // the other's sum of freed bytes moves on
        while (load32(at) == 0) continue;
        same(isSmall ? allocUnsafe(100) : takeLarge(9000, 1, KIND_RAW), 0, "taken", tries);
        const why = reason();
        waitForOther();
        is(why == BUSY || why == FULL, true, "reason", why);
        wasBusy = why == BUSY;
        put64(at, 0);
        same(load32(H_LOCK), 0, "lock", tries);
        isChain(whole, "chain", tries);
        sound("refused", tries);
        same(isSmall ? allocUnsafe(100) : takeLarge(9000, 1, KIND_RAW), 0, "taken at rest", tries);
        same(reason(), FULL, "reason at rest", tries);
        is(free(all), true, "freed", tries);
      }
    }
  });

  it("that fits is not refused for their sake", () => {
    smallHeap(20, 2);
    become(2);
    become(1);
    const at = slotOf(2) + S_FREE;
    spawn(at, 200000);
    while (load32(at) == 0) continue;
    for (let i = 0; i < 200; i++) {
      const p = takeLarge(9000, 1, KIND_RAW);
      const q = allocUnsafe(100);
      is(p != 0 && q != 0 && free(p) && free(q), true, "taken and freed", i);
    }
    waitForOther();
    put64(at, 0);
    sound("afterwards", 0);
  });
});

/** A heap whose walk takes long, with a slab that has no hint: only a walk at rest reports that. Its sums are returned as a text. */
function longHeap(): string {
  fresh(200, 2);
  become(2);
  become(1);
  for (let i: u32 = 0; i < 3000; i++) allocUnsafe(i % 7 == 0 ? 9000 : 1000 + (i % 5) * 100);
  const p = allocUnsafe(20);
  same(checkAll(), OK, "check", 0);
  same(outWord(OUT_PROBLEMS), 0, "problems", 0);
  const g = grainOf(p);
  hintClear(bitmapOf(slabTag(get32(wordAt(g)))), g);
  same(checkAll(), OK, "check", 1);
  is(outWord(OUT_PROBLEMS) >= 1, true, "a problem at rest", 0);
  same(usableSize(p), 24, "usable", 0);
  return sums();
}

function sums(): string {
  return (
    text(outWord(OUT_SLABS)) + " slabs, " + text(outWord(OUT_RUNS)) + " runs, " + text(outWord(OUT_BLOCKS)) + " blocks"
  );
}

describe("a check during which another owner begins to work", () => {
  it("reports nothing that only holds at rest, and counts everything once", () => {
    const expected = longHeap();
    for (let work = 0; work < 2; work++) {
      const at = slotOf(2) + (work ? S_MARK : S_ALLOC_JOURNAL);
      let provoked = 0;
      for (let tries = 0; tries < TRIES && provoked < 3; tries++) {
        put(at, 4096 | work);
        const wasAtRest = load32(at) == 0;
        same(checkAll(), OK, "status", tries);
        waitForOther();
        put32(at, 0);
        const isQuiet = outWord(OUT_QUIET) == 1;
        is(outWord(OUT_PROBLEMS) == 0, !isQuiet, "problems, work " + text(work), tries);
        if (sums() != expected) expect<string>(sums()).toBe(expected, "sums, work " + text(work));
        if (wasAtRest && !isQuiet) provoked++;
      }
    }
  });
});
