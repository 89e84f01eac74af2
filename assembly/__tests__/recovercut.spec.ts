// Recover, cut: owner 3 recovers the dead owner 2, store by store in the order of docs/protocols.md § 8, and dies after each of them. Then
// owner 1 recovers both, in either order, and the end is the same: nothing of them is left, and every count is exact.

import { get32, get64, put32, put64 } from "../memory";
import { load64, store32, store64 } from "../atomic";
import { beginMark, countedBytes } from "../counters";
import { allocUnsafe, free, usableSize } from "../heap";
import { bitmapOf, hintClear, hintSet } from "../hint";
import { ownerState, slotOf } from "../owners";
import { bitsAt, rebuild, slabTag, wordAt } from "../pages";
import { blockAlloc, isBlock, recordAt } from "../record";
import { recover } from "../recover";
import {
  CLAIM_SETTLING,
  CLAIM_STATE_SHIFT,
  GRAIN_SHIFT,
  HINT_BITMAPS,
  HINT_EMPTY,
  H_ADJUST,
  H_LOCK,
  H_UNDECIDED,
  J_BLOCK,
  J_WON,
  OWNER_DEAD,
  OWNER_FREE,
  REC_DONE,
  R_SLAB,
  S_ALLOC,
  S_ALLOC_JOURNAL,
  S_FREE,
  S_FREE_BYTES,
  S_FREE_JOURNAL,
  S_HINTS,
  S_HINT_SHIFT,
  S_MARK,
  S_STATE,
  T_FREED,
  T_MASK,
  T_RUN,
  UNIT_SHIFT,
  W_BACK_SHIFT,
  W_LENGTH_SHIFT,
} from "../shared/layout";
import { OK } from "../shared/status";
import { cutAfter, dyingGiveBack, isRunning, isWhole, w32, w64 } from "./dying";
import { become, chain, fresh, idOf, is, isChain, outWord, same, setState, sound, text, trimNow } from "./lib";

// What the dead owner was doing to the Block `torn`.
const TAKING = 0;
const GIVING = 1;
const WON = 2;
const MARK: u64 = ((<u64>CLAIM_SETTLING) << CLAIM_STATE_SHIFT) | 3;

let torn: usize = 0;
let held: usize = 0; // a Block in a slab
let run: usize = 0; // a Block that is a run
let raw: u32 = 0; // the grain of its empty current slab

function grainOf(p: usize): u32 {
  return <u32>(p >>> GRAIN_SHIFT);
}

function headOf(p: usize): u32 {
  return grainOf(p) - ((get32(wordAt(grainOf(p))) >>> W_BACK_SHIFT) & 63);
}

function isRun(p: usize): bool {
  return (get32(wordAt(grainOf(p))) & T_MASK) == T_RUN;
}

/** The word of `p`'s slab with the bit of `p` set. */
function opened(p: usize): u64 {
  const g = headOf(p);
  return load64(bitsAt(g)) | ((<u64>1) << ((<u64>p - ((<u64>g) << GRAIN_SHIFT)) / usableSize(p)));
}

/** Owner 2 has two Blocks, an empty current slab that no hint leads to, and a mark; it died in the middle of a third Block. */
function halfDone(doing: i32, asRun: bool, holdsLock: bool): void {
  fresh(8, 3);
  become(2);
  held = blockAlloc(200, 8);
  run = blockAlloc(9000, 8);
  const p = allocUnsafe(500);
  raw = grainOf(p);
  is(free(p), true, "freed", 0);
  const tag = slabTag(get32(wordAt(raw)));
  beginMark(raw & ~((1 << UNIT_SHIFT) - 1));
  hintClear(HINT_EMPTY, raw);
  hintClear(bitmapOf(tag), raw);
  torn = blockAlloc(asRun ? 12000 : 200, 8);
  const size = usableSize(torn);
  const at = slotOf(2);
  store64(recordAt(torn), 0);
  if (doing == TAKING) put64(at + S_ALLOC, ((<u64>(<u32>torn | J_BLOCK)) << 32) | (get32(at + S_ALLOC) - size));
  else put32(at + S_FREE_JOURNAL, <u32>torn | (doing == WON ? J_BLOCK | J_WON : J_BLOCK));
  put32(at + S_FREE_BYTES, doing == WON ? size : 12345);
  if (holdsLock) store32(H_LOCK, idOf(2));
  setState(2, OWNER_DEAD);
  become(3);
  become(1);
}

function hintsAt(p: usize): void {
  if (!isRunning()) return;
  if (isRun(p)) return;
  hintSet(HINT_EMPTY, headOf(p));
  hintSet(bitmapOf(slabTag(get32(wordAt(grainOf(p))))), headOf(p));
}

/** As lock() does it. */
function dyingLock(): void {
  const wasHeld = get32(H_LOCK) != 0;
  w32(H_LOCK, idOf(3));
  if (wasHeld && isRunning()) rebuild();
}

function dyingSettle(doing: i32): void {
  const at = slotOf(2);
  const size = usableSize(torn);
  if (doing == GIVING) {
    w32(at + S_FREE_BYTES, size);
    w32(at + S_FREE_JOURNAL, <u32>torn | J_BLOCK | J_WON);
  }
  if (isRun(torn)) w32(wordAt(grainOf(torn)), (get32(wordAt(grainOf(torn))) & ~T_MASK) | T_FREED);
  else {
    w64(recordAt(torn), MARK);
    w64(recordAt(torn), 0);
    w64(bitsAt(headOf(torn)), opened(torn));
    hintsAt(torn);
  }
  if (isRunning()) hintSet(HINT_EMPTY, grainOf(torn));
  if (doing == TAKING) w64(at + S_ALLOC, get32(at + S_ALLOC));
  else w64(at + S_FREE, get32(at + S_FREE) + size);
}

/** As blockFree does it, by owner 3. */
function dyingRelease(p: usize): void {
  const at = slotOf(3);
  const size = usableSize(p);
  w32(at + S_FREE_JOURNAL, <u32>p | J_BLOCK);
  w64(recordAt(p), 0);
  w32(at + S_FREE_BYTES, size);
  w32(at + S_FREE_JOURNAL, <u32>p | J_BLOCK | J_WON);
  const wasRun = isRun(p);
  if (wasRun) w32(wordAt(grainOf(p)), (get32(wordAt(grainOf(p))) & ~T_MASK) | T_FREED);
  else w64(bitsAt(headOf(p)), opened(p));
  if (isRunning()) hintSet(HINT_EMPTY, grainOf(p));
  if (!wasRun) hintsAt(p);
  w64(at + S_FREE, get32(at + S_FREE) + size);
  if (!wasRun) return;
  w32(H_LOCK, idOf(3));
  if (isRunning()) dyingGiveBack(grainOf(p), get32(wordAt(grainOf(p))) >>> W_LENGTH_SHIFT);
  w32(H_LOCK, 0);
}

function dyingPublish(): void {
  const tag = slabTag(get32(wordAt(raw)));
  if (isRunning()) hintSet(HINT_EMPTY, raw);
  w32(slotOf(2) + S_HINTS + ((<usize>(tag >>> 2)) << S_HINT_SHIFT) + R_SLAB, 0);
  for (let bitmap: u32 = 0; bitmap < <u32>HINT_BITMAPS; bitmap++) {
    if (isRunning()) hintSet(bitmap, raw);
  }
  w32(slotOf(2) + S_MARK, 0);
}

/** The whole recovery by owner 3, cut after so many stores. Whether it was not cut at all. */
function dyingRecover(doing: i32, stores: i32): bool {
  cutAfter(stores);
  dyingLock();
  dyingSettle(doing);
  w32(H_LOCK, 0);
  dyingRelease(held);
  dyingRelease(run);
  w32(H_LOCK, idOf(3));
  dyingPublish();
  w32(slotOf(2) + S_STATE, (idOf(2) >>> 8) << 2);
  w32(H_LOCK, 0);
  return isWhole(stores);
}

function recovered(owner: u32, what: string, stores: i32): void {
  same(recover(idOf(owner)), OK, "status of " + text(owner) + ", " + what, stores);
  same(outWord(REC_DONE), 1, "done with " + text(owner) + ", " + what, stores);
  same(ownerState(owner), OWNER_FREE, "state of " + text(owner) + ", " + what, stores);
}

/** Nothing of owners 2 and 3 is left, and no count was left to check. */
function isOver(what: string, stores: i32): void {
  same(countedBytes(), 0, "counted, " + what, stores);
  same(get32(H_UNDECIDED), 0, "undecided, " + what, stores);
  is(isBlock(torn) || isBlock(held) || isBlock(run), false, "live, " + what, stores);
  sound(what + ", stores", stores);
  same(get32(H_ADJUST), 0, "adjusted, " + what, stores);
  for (let owner: u32 = 2; owner <= 3; owner++) {
    const at = slotOf(owner);
    const rest = get32(at + S_ALLOC_JOURNAL) | get32(at + S_FREE_JOURNAL) | get32(at + S_MARK);
    same(rest, 0, "journals of " + text(owner) + ", " + what, stores);
  }
  trimNow();
  sound("trimmed, " + what + ", stores", stores);
}

describe("a recovery that is cut", () => {
  it("after any of its stores is done again by the next, whichever of the two dead it recovers first", () => {
    fresh(8, 3);
    const whole = chain();
    for (let doing = TAKING; doing <= WON; doing++) {
      for (let shape = 0; shape < 4; shape++) {
        // A run is taken under the page lock, which never leaves one half taken.
        if (doing == TAKING && shape & 1) continue;
        for (let order = 0; order < 2; order++) {
          const what = "doing " + text(doing) + ", shape " + text(shape) + ", order " + text(order);
          for (let stores = 0; ; stores++) {
            halfDone(doing, (shape & 1) != 0, (shape & 2) != 0);
            const last = dyingRecover(doing, stores);
            setState(3, OWNER_DEAD);
            recovered(2 + order, what, stores);
            recovered(3 - order, what, stores);
            isOver(what, stores);
            isChain(whole, what, stores);
            if (last) break;
          }
        }
      }
    }
  });

  it("nowhere changes no count when it is run again", () => {
    for (let doing = TAKING; doing <= WON; doing++) {
      halfDone(doing, false, true);
      recovered(2, "first", doing);
      const taken = get64(slotOf(2) + S_ALLOC);
      const given = get64(slotOf(2) + S_FREE);
      recovered(2, "second", doing);
      same(get64(slotOf(2) + S_ALLOC), taken, "taken", doing);
      same(get64(slotOf(2) + S_FREE), given, "given back", doing);
      setState(3, OWNER_DEAD);
      recovered(3, "the other", doing);
      isOver("twice", doing);
    }
  });

  it("beside another recovery: each comes to the same end, wherever the other was", () => {
    for (let doing = TAKING; doing <= WON; doing++) {
      for (let stores = 0; ; stores++) {
        halfDone(doing, false, false);
        const last = dyingRecover(doing, stores);
        // Owner 3 lives; it is only slow. While it holds the lock or names a Block it is waited for.
        const status = recover(idOf(2));
        const isDone = status == OK && outWord(REC_DONE) == 1;
        if (isDone) same(ownerState(2), OWNER_FREE, "state", stores);
        else is(get32(H_LOCK) == idOf(3) || ownerState(2) == OWNER_DEAD, true, "why it waits", stores);
        setState(3, OWNER_DEAD);
        recovered(3, "the slow one", stores);
        recovered(2, "after the slow one", stores);
        isOver("slow", stores);
        if (last) break;
      }
    }
  });
});
