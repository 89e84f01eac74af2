// Latch: a lock that survives its holder, in one word of whoever owns it: 0, or the id of the owner that has it (an id carries the
// generation, so no other owner of the same slot is ever taken for it), and in the sign bit whether somebody sleeps for it. Whoever
// takes it from a dead holder, or finds it still its own since an exception (a stack overflow) cut its operation, is told so and mends
// what it guards. Waiting is bounded: a living holder that does not let go leads to BUSY, never to a hang; a thread that may not sleep
// (a page's main thread) spins briefly, so that it gets back to the event that would tell it of a holder's death.
//
// Holder and mark are one word, so a wake is never lost: who lets go swaps 0 in and sees the mark, or it was not there yet, and then
// who wanted to sleep finds another word.

import { cas32, load32, notify, swap32, wait32 } from "./atomic";
import { isDead, mayBlock, myId, waitMs } from "./owners";
import { ABANDONED, LATCH_MARK } from "./shared/layout";

/** Taken: it was free. */
export const LATCHED: u32 = 0;
/** Taken from a dead holder, whose operation is to be mended. */
export const INHERITED: u32 = 1;
/** Still this owner's, since an exception cut its operation. */
export const REENTERED: u32 = 2;
/** Not to be had in the time allowed. */
export const REFUSED: u32 = 3;

// A holder's work takes well under a microsecond, but what it works on has to come to its core, line by line, whenever another had the
// latch before. So who finds it held pauses, longer each time, in the end for many times as long as that work takes: the holder does a
// dozen operations on lines that stay, each look would take the latch's own line away from it. All looks together take some 50 µs, what
// a sleep and a wake would cost; who may not sleep (a page's main thread, or any with busyMs 0) looks for some 0.3 ms.
const LOOKS: u32 = 12;
const LOOKS_NO_SLEEP: u32 = 64;
const PAUSE_MIN: u32 = 8;
const PAUSE_MAX: u32 = 64;
// busyMs is slept in slices, after each of which who sleeps looks whether the holder still lives: so many, or of a quarter of a millisecond. Only
// whole ones count: a wake comes earlier by nobody knows how much, so they are short, and holders that hand the latch on do not add up to much.
const SLICES_MAX: u32 = 256;
const SLICES_SHIFT: u32 = 2;
// Who was asleep for a slice looks less often: nothing was let go.
const LOOKS_AFTER: u32 = 2;
// How often a thread may be woken and find that another was quicker.
const WAKES_MAX: u32 = 1000;

// What lasts from one sleep to the next stands in module variables, and no local does: the baseline compiler of V8 11.3 (Node 20) writes
// eight bytes for the four of the address that memory.atomic.wait32 gets, over the function's last local. With the count of spins
// there this loop span for ever, where nothing can end it.
let latch: usize = 0;
let slices: u32 = 0;
let slice: i64 = 0;
let looks: u32 = 0;
let wakes: u32 = 0;

/** Takes the latch at `at`, waiting as long as this thread may. */
export function takeLatch(at: usize): u32 {
  latch = at;
  slices = mayBlock && waitMs != 0 ? min(waitMs << SLICES_SHIFT, SLICES_MAX) : 0;
  slice = slices != 0 ? <i64>((<u64>waitMs * 1000000) / slices) : 0;
  looks = slices != 0 ? LOOKS : LOOKS_NO_SLEEP;
  wakes = 0;
  while (true) {
    const taken = spin(latch, looks);
    if (taken != REFUSED) return taken;
    if (slices == 0 || wakes == WAKES_MAX) return REFUSED;
    const word = load32(latch);
    if (word == 0 || !(word & LATCH_MARK || cas32(latch, word, word | LATCH_MARK))) {
      wakes++;
      continue;
    }
    const isOver = wait32(latch, word | LATCH_MARK, slice);
    looks = isOver ? LOOKS_AFTER : LOOKS;
    if (isOver) slices--;
    else wakes++;
  }
  return REFUSED;
}

/** Takes the latch at `at` if nobody holds it, or if it is still this owner's. */
export function tryLatch(at: usize): u32 {
  if (cas32(at, 0, myId)) return LATCHED;
  return holderOf(at) == myId ? REENTERED : REFUSED;
}

export function letLatchGo(at: usize): void {
  if (swap32(at, 0) & LATCH_MARK) notify(at);
}

/** Lets the latch at `at` go as a dead holder would: who takes it next mends what it guards. */
export function abandonLatch(at: usize): void {
  if (swap32(at, ABANDONED) & LATCH_MARK) notify(at);
}

/** The id of the owner that holds the latch at `at`; 0: nobody. */
export function holderOf(at: usize): u32 {
  return load32(at) & ~LATCH_MARK;
}

/** Takes the latch at `at` within some 50 µs, without a sleep. */
export function glimpseLatch(at: usize): u32 {
  return spin(at, LOOKS);
}

/** Looks at the latch until it is free, its holder is dead or this owner itself (then it is taken), or it has looked often enough. */
function spin(at: usize, looks: u32): u32 {
  let pause: u32 = PAUSE_MIN;
  for (let i: u32 = 0; i < looks; i++) {
    const word = load32(at);
    const holder = word & ~LATCH_MARK;
    if (holder == 0) {
      if (cas32(at, 0, myId)) return LATCHED;
    } else if (holder == myId) {
      return REENTERED;
    } else if ((holder == ABANDONED || isDead(holder)) && cas32(at, word, myId | (word & LATCH_MARK))) {
      return INHERITED;
    }
    for (let turn: u32 = 0; turn < pause; turn++) rest();
    if (pause < PAUSE_MAX) pause <<= 1;
  }
  return REFUSED;
}

let idled: f64 = 0;

/** Some eighty nanoseconds of nothing that touches memory: WebAssembly has no pause. */
function rest(): void {
  let x = sqrt(idled + 2);
  x = sqrt(x + 3);
  x = sqrt(x + 4);
  x = sqrt(x + 5);
  x = sqrt(x + 6);
  x = sqrt(x + 7);
  x = sqrt(x + 8);
  idled = sqrt(x + 9);
}
