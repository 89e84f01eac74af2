// Lock: the page lock, robust against the death of its holder. Owns H_LOCK: 0, or the id of the owner that holds it (an id carries
// the generation, so no other owner of the same slot is ever taken for it). What it guards is rebuilt by whoever takes it from a dead
// holder, and by the holder itself when an exception (a stack overflow) cut its own operation. Waiting is bounded: a living holder
// that does not let go leads to BUSY, never to a hang; a thread that may not sleep (a page's main thread) spins briefly, so that it
// gets back to the event that would tell it of a holder's death.

import { cas32, load32, notify, store32, wait32 } from "./atomic";
import { isPoisoned } from "./header";
import { endAlloc, endFree } from "./counters";
import { settleMark } from "./hint";
import { isDead, mayBlock, me, myId, waitMs } from "./owners";
import { rebuild } from "./pages";
import { H_LOCK, H_WAITERS } from "./shared/layout";
import { BUSY, NOT_ATTACHED, OK, POISONED } from "./shared/status";

// A holder's work takes well under a microsecond, so a short spin nearly always sees it end.
const SPINS: u32 = 400;
const SPINS_NO_BLOCK: u32 = 40000;
// busyMs is slept in this many slices; the holder (and who announces its death) wakes who waits, so a slice is only the longest that
// a lost wake can cost.
const SLICES: u32 = 8;
// How often a thread may be woken and find that another was quicker.
const WAKES_MAX: u32 = 1000;

/** Takes the page lock: OK, or BUSY, POISONED, NOT_ATTACHED. */
export function lock(): u32 {
  if (me == 0) return NOT_ATTACHED;
  if (!cas32(H_LOCK, 0, myId)) {
    const status = lockSlow();
    if (status != OK) return status;
  }
  if (isPoisoned()) {
    unlock();
    return POISONED;
  }
  // No operation of this owner is in flight here; an exception may have left a journal that says so.
  endAlloc(0);
  endFree(0);
  return OK;
}

/** Takes the lock if nobody holds it, or this owner since an exception cut its operation. */
export function tryLock(): bool {
  if (isPoisoned()) return false;
  return cas32(H_LOCK, 0, myId) || (load32(H_LOCK) == myId && takeBack() && !isPoisoned());
}

export function unlock(): void {
  store32(H_LOCK, 0);
  if (load32(H_WAITERS) == 0) return;
  store32(H_WAITERS, 0);
  notify(H_LOCK);
}

// What lasts from one sleep to the next stands in module variables, and no local does: the baseline compiler of V8 11.3 (Node 20) writes
// eight bytes for the four of the address that memory.atomic.wait32 gets, over the function's last local. With the count of spins
// there this loop span for ever, where nothing can end it.
let slices: u32 = 0;
let wakes: u32 = 0;

function lockSlow(): u32 {
  slices = mayBlock && waitMs != 0 ? SLICES : 0;
  wakes = 0;
  while (true) {
    if (spin()) return OK;
    if (slices == 0 || wakes == WAKES_MAX) return BUSY;
    store32(H_WAITERS, 1);
    const holder = load32(H_LOCK);
    if (holder == 0) continue;
    if (wait32(H_LOCK, holder, <i64>waitMs * (1000000 / SLICES))) slices--;
    else wakes++;
  }
  return BUSY;
}

/** Looks at the lock until it is free, its holder is dead or this owner itself (then it is taken), or it has looked often enough. */
function spin(): bool {
  const times = mayBlock ? SPINS : SPINS_NO_BLOCK;
  for (let i: u32 = 0; i < times; i++) {
    const holder = load32(H_LOCK);
    if (holder == 0) {
      if (cas32(H_LOCK, 0, myId)) return true;
    } else if (holder == myId) {
      return takeBack();
    } else if (isDead(holder) && cas32(H_LOCK, holder, myId)) {
      rebuild();
      return true;
    }
  }
  return false;
}

/** After an exception: what the cut operation had begun was not done, and rebuild takes it back. */
function takeBack(): bool {
  endAlloc(0);
  endFree(0);
  settleMark();
  rebuild();
  return true;
}
