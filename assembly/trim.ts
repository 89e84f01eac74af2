// Trim: what is empty or freed goes back to the page layer. Owns H_DEFERRED and S_IDLE. Closing an empty slab is one compare-and-swap on its
// word; whatever is found here is looked for by hints, and by what journals and marks name, for who died may not have hinted. All of it runs
// under the page lock; who dies in it leaves a chain that rebuild mends (pages.ts).

import { get32, get64, put32 } from "./memory";
import { cas64, load32, load64, or32, store32 } from "./atomic";
import { beBrisk, bePatient, isWeary, unchargeGrains } from "./charged";
import { firstGrain, grains, hintWords, hints, maxOwners, slabBits } from "./header";
import { beginMark, endMark, isNamed, isTakenFrom, markOf, pendingAlloc, pendingFree } from "./counters";
import { hintClear, hintSet, isHome, settleMark } from "./hint";
import { sweepLeaving } from "./leaving";
import { tryLock, unlock } from "./lock";
import { ownerState, slot, slotOf } from "./owners";
import { addTail, bitsAt, giveBack, lengthOf, openWhole, slabTag, slabTail, wordAt } from "./pages";
import { geometry } from "./sizeclass";
import {
  B_TAG_SHIFT,
  C_FULL,
  GRAIN_SHIFT,
  HINT_EMPTY,
  H_DEFERRED,
  H_LEAVING,
  H_LEAVING_BLOCKS,
  H_SPARE,
  KIND_BLOCK,
  KIND_BUDGET,
  LEFT_GRAINS,
  OWNER_FREE,
  R_SLAB,
  S_BLOCK_HINTS,
  S_BLOCK_HINT_SHIFT,
  S_HINTS,
  S_HINT_SHIFT,
  S_IDLE,
  T_FREED,
  T_MASK,
  T_SLAB,
  UNIT_SHIFT,
  W_BACK_SHIFT,
  W_LENGTH_SHIFT,
} from "./shared/layout";
import { CLASS_COUNT } from "./shared/limits";
import { hintRecord } from "./slab";

// An owner keeps at most this share (1/64) of the region in slabs it left empty.
const IDLE_SHIFT: u32 = 6;

/** Whether this owner has left more empty slabs behind than it may keep. */
export function hasTooMuchIdle(): bool {
  return get32(slot + S_IDLE) > (grains << GRAIN_SHIFT) >>> IDLE_SHIFT;
}

/** Gives this owner's empty slabs back to the page layer, if the lock is free. */
export function shedIdle(): void {
  put32(slot + S_IDLE, 0);
  if (!tryLock()) return;
  trimHinted(true);
  letGo();
}

/** Lets the page lock go, and sees to what was freed meanwhile, and given back while this thread took slabs off a budget. */
export function letGo(): void {
  unlock();
  mergeDeferred();
  if (load64(H_LEAVING) != 0) sweepLeaving();
}

/** Gives back what begins at grain `g`, freed or left empty just now, or leaves that to who has the page lock. */
export function trimNow(g: u32): void {
  if (!tryLock()) {
    store32(H_DEFERRED, 1);
    if (!tryLock()) return;
  }
  trimGrain(g);
  letGo();
}

/** Merges the runs that other threads freed while the lock was held, and gives back what budgets have of slabs that are empty. */
export function mergeDeferred(): void {
  while (load32(H_DEFERRED) != 0 && tryLock()) {
    mergeFreed();
    unlock();
  }
  if (sawBusy) {
    store32(H_DEFERRED, 1);
    // Who has the latch sees to it when it lets that go; who lets the page lock go looks once more whether it has by now.
    if (isWeary()) or32(H_LEAVING_BLOCKS, LEFT_GRAINS);
  }
  sawBusy = false;
}

// Whether the last trim left an empty slab standing because a living owner's journal names it, or the latch of the budgets was not to be had.
let sawPinned: bool = false;
// Whether a freed run of a budget had to stay, for the latch was not to be had.
let sawBusy: bool = false;

/**
 * Gives every empty slab back and merges every freed run, whoever used it last. False: something had to stay, for a living thread looks at a record
 * in it right now, or the latch of the budgets was not to be had (`isWeary`), which it waits for once. Under the page lock.
 */
export function trim(): bool {
  sawPinned = false;
  bePatient();
  trimHinted(false);
  for (let index: u32 = 1; index <= maxOwners; index++) {
    if (ownerState(index) == OWNER_FREE) continue;
    trimNamed(pendingAlloc(index));
    trimNamed(pendingFree(index));
    trimMarked(markOf(index));
    trimCurrents(slotOf(index));
  }
  put32(slot + S_IDLE, 0);
  if (!isWeary()) beBrisk();
  return !sawPinned;
}

/** The slabs that an owner works on carry no hint while they are empty. */
function trimCurrents(at: usize): void {
  for (let c: usize = 1; c <= <usize>CLASS_COUNT; c++) {
    trimCurrent(load32(at + S_HINTS + (c << S_HINT_SHIFT) + R_SLAB));
    trimCurrent(load32(at + S_BLOCK_HINTS + (c << S_BLOCK_HINT_SHIFT) + R_SLAB));
  }
}

function trimCurrent(word: u32): void {
  if (word == 0) return;
  const g = (word - <u32>slabBits) >>> 3;
  if (g >= firstGrain && g < grains) trimGrain(g);
}

function trimNamed(p: usize): void {
  const g = <u32>(p >>> GRAIN_SHIFT);
  if (p == 0 || g < firstGrain || g >= grains) return;
  const word = get32(wordAt(g));
  trimGrain((word & T_MASK) == T_SLAB ? g - ((word >>> W_BACK_SHIFT) & 63) : g);
}

/** An owner may have died, or been cut, between clearing the bit of this unit and looking at it again. */
function trimMarked(mark: usize): void {
  const unit = <u32>(mark >>> GRAIN_SHIFT);
  if (mark == 0) return;
  for (let g = max(unit, firstGrain); g < unit + (1 << UNIT_SHIFT) && g < grains; g++) trimGrain(g);
}

function trimHinted(home: bool): void {
  settleMark();
  for (let index: u32 = 0; index < hintWords; index++) {
    let bits = load64(hints + ((<usize>index) << 3));
    while (bits != 0) {
      const unit = ((index << 6) + <u32>ctz(bits)) << UNIT_SHIFT;
      bits &= bits - 1;
      if (!home || isHome(unit)) trimUnit(unit, home);
    }
  }
}

/** Gives the empty slabs of one unit back and clears its bit, unless something empty is still there afterwards. */
function trimUnit(unit: u32, keepCurrent: bool): void {
  for (let g = unit; g < unit + (1 << UNIT_SHIFT) && g < grains; g++) {
    if (!keepCurrent || !isCurrent(g)) trimGrain(g);
  }
  beginMark(unit);
  hintClear(HINT_EMPTY, unit);
  if (holdsEmpty(unit)) hintSet(HINT_EMPTY, unit);
  endMark();
}

function holdsEmpty(unit: u32): bool {
  for (let g = unit; g < unit + (1 << UNIT_SHIFT) && g < grains; g++) {
    const word = load32(wordAt(g));
    if ((word & T_MASK) == T_FREED) return true;
    if ((word & T_MASK) != T_SLAB || (word >>> W_BACK_SHIFT) & 63) continue;
    const tag = slabTag(word);
    if (load64(bitsAt(g)) == (((<u64>tag) << B_TAG_SHIFT) | get64(geometry(tag) + C_FULL))) return true;
  }
  return false;
}

function isCurrent(g: u32): bool {
  const word = get32(wordAt(g));
  if ((word & T_MASK) != T_SLAB || slabTag(word) & 1) return false;
  return get32(hintRecord(slabTag(word)) + R_SLAB) == <u32>bitsAt(g);
}

/** If an empty slab or a freed run begins at `g`, gives it back. Under the page lock. */
export function trimGrain(g: u32): void {
  const word = get32(wordAt(g));
  const type = word & T_MASK;
  if (type == T_FREED) giveBackFreed(g, word >>> W_LENGTH_SHIFT);
  else if (type == T_SLAB && ((word >>> W_BACK_SHIFT) & 63) == 0) closeIfEmpty(g, slabTag(word));
}

function closeIfEmpty(g: u32, tag: u32): void {
  const whole = ((<u64>tag) << B_TAG_SHIFT) | get64(geometry(tag) + C_FULL);
  if (load64(bitsAt(g)) != whole || !cas64(bitsAt(g), whole, 0)) return; // commit
  const length = lengthOf(get32(wordAt(g)));
  const isPinned = (tag & 3) == KIND_BLOCK ? isNamed(g, length) : (tag & 3) == KIND_BUDGET && isTakenFrom(g, length);
  if (isPinned) reopen(g, tag);
  else dissolve(g, tag);
}

/** Gives a closed slab back to the page layer; false: it had to be opened again, for it could not be taken off its budget. */
export function dissolve(g: u32, tag: u32): bool {
  const length = lengthOf(get32(wordAt(g)));
  if (!unchargeGrains(g, length)) {
    reopen(g, tag);
    return false;
  }
  for (let back: u32 = 1; back < length; back++) store32(wordAt(g + back), 0);
  addTail(-(<i32>slabTail(tag)));
  giveBack(g, length);
  return true;
}

/** Opens a closed slab again, in which nothing is taken. Under the page lock. */
export function reopen(g: u32, tag: u32): void {
  sawPinned = true;
  // Somebody may wait for what it is charged.
  if ((tag & 3) == KIND_BUDGET) sawBusy = true;
  openWhole(g, tag);
}

function giveBackFreed(g: u32, length: u32): void {
  if (unchargeGrains(g, length)) giveBack(g, length);
  else {
    sawPinned = true;
    sawBusy = true;
    store32(H_SPARE, 1);
  }
}

/** Under the page lock. */
function mergeFreed(): void {
  store32(H_DEFERRED, 0);
  for (let index: u32 = 0; index < hintWords; index++) {
    let bits = load64(hints + ((<usize>index) << 3));
    while (bits != 0) {
      const unit = ((index << 6) + <u32>ctz(bits)) << UNIT_SHIFT;
      bits &= bits - 1;
      for (let g = unit; g < unit + (1 << UNIT_SHIFT) && g < grains; g++) {
        const word = get32(wordAt(g));
        if ((word & T_MASK) == T_FREED) giveBackFreed(g, word >>> W_LENGTH_SHIFT);
        else if ((word & T_MASK) == T_SLAB && (slabTag(word) & 3) == KIND_BUDGET) trimGrain(g);
      }
    }
  }
}
