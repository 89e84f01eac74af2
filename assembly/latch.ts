// Latch: a lock that survives its holder. Owns no word: a latch is two, 64 bytes apart, wherever a layer above puts them: the holder
// (0, or the id of the owner that has it; an id carries the generation, so no other owner of the same slot is ever taken for it), and
// whether somebody sleeps for it. Whoever takes it from a dead holder, or finds it still its own since an exception (a stack overflow)
// cut its operation, is told so and mends what it guards. Waiting is bounded: a living holder that does not let go leads to BUSY, never to
// a hang; a thread that may not sleep (a page's main thread) spins briefly, so that it gets back to the event that would tell it of
// a holder's death.

import { cas32, load32, notify, store32, wait32 } from "./atomic";
import { isDead, mayBlock, myId, waitMs } from "./owners";
import { LATCH_SLEEPERS } from "./shared/layout";

/** Taken: it was free. */
export const LATCHED: u32 = 0;
/** Taken from a dead holder, whose operation is to be mended. */
export const INHERITED: u32 = 1;
/** Still this owner's, since an exception cut its operation. */
export const REENTERED: u32 = 2;
/** Not to be had in the time allowed. */
export const REFUSED: u32 = 3;

// A holder's work takes well under a microsecond, so a short spin nearly always sees it end.
const SPINS: u32 = 400;
const SPINS_NO_BLOCK: u32 = 40000;
// busyMs is slept in this many slices; the holder (and who announces its death) wakes who waits, so a slice is only the longest that
// a lost wake can cost.
const SLICES: u32 = 8;
// How often a thread may be woken and find that another was quicker.
const WAKES_MAX: u32 = 1000;

// What lasts from one sleep to the next stands in module variables, and no local does: the baseline compiler of V8 11.3 (Node 20) writes
// eight bytes for the four of the address that memory.atomic.wait32 gets, over the function's last local. With the count of spins
// there this loop span for ever, where nothing can end it.
let latch: usize = 0;
let slices: u32 = 0;
let wakes: u32 = 0;

/** Takes the latch at `at`, waiting as long as this thread may. */
export function takeLatch(at: usize): u32 {
  latch = at;
  slices = mayBlock && waitMs != 0 ? SLICES : 0;
  wakes = 0;
  while (true) {
    const taken = spin(latch);
    if (taken != REFUSED) return taken;
    if (slices == 0 || wakes == WAKES_MAX) return REFUSED;
    store32(latch + LATCH_SLEEPERS, 1);
    const holder = load32(latch);
    if (holder == 0) continue;
    if (wait32(latch, holder, <i64>waitMs * (1000000 / SLICES))) slices--;
    else wakes++;
  }
  return REFUSED;
}

/** Takes the latch at `at` if nobody holds it, or if it is still this owner's. */
export function tryLatch(at: usize): u32 {
  if (cas32(at, 0, myId)) return LATCHED;
  return load32(at) == myId ? REENTERED : REFUSED;
}

export function letLatchGo(at: usize): void {
  store32(at, 0);
  wakeSleepers(at);
}

/** The latch at `at` was let go: whoever sleeps for it may try. */
export function wakeSleepers(at: usize): void {
  if (load32(at + LATCH_SLEEPERS) == 0) return;
  store32(at + LATCH_SLEEPERS, 0);
  notify(at);
}

/** Looks at the latch until it is free, its holder is dead or this owner itself (then it is taken), or it has looked often enough. */
function spin(at: usize): u32 {
  const times = mayBlock ? SPINS : SPINS_NO_BLOCK;
  for (let i: u32 = 0; i < times; i++) {
    const holder = load32(at);
    if (holder == 0) {
      if (cas32(at, 0, myId)) return LATCHED;
    } else if (holder == myId) {
      return REENTERED;
    } else if (isDead(holder) && cas32(at, holder, myId)) {
      return INHERITED;
    }
  }
  return REFUSED;
}
