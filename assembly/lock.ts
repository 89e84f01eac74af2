// Lock: the page lock, robust against the death of its holder. Owns H_LOCK: 0, or the index of the owner that holds it. What it
// guards is rebuilt by whoever takes it from a dead holder, and by the holder itself when an exception (a stack overflow) cut its
// own operation. Waiting is bounded: a living holder that does not let go leads to BUSY, never to a hang; a thread that may not
// sleep (a page's main thread) spins briefly, so that it gets back to the event that would tell it of a holder's death.

import { cas32, load32, notify, store32, wait32 } from "./atomic";
import { grains, isPoisoned } from "./header";
import { endAlloc, endFree, pendingAlloc } from "./counters";
import { settleMark } from "./hint";
import { mayBlock, me, ownerState, waitMs } from "./owners";
import { auxAt, rebuild, runWord, wordAt } from "./pages";
import { GRAIN_SHIFT, H_LOCK, H_WAITERS, OWNER_DEAD, T_FREED, T_MASK, T_RUN, W_LENGTH_SHIFT } from "./shared/layout";
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
  if (!cas32(H_LOCK, 0, me)) {
    const status = lockSlow();
    if (status != OK) return status;
  }
  if (isPoisoned()) {
    unlock();
    return POISONED;
  }
  return OK;
}

/** Takes the lock only if nobody holds it. */
export function tryLock(): bool {
  return !isPoisoned() && cas32(H_LOCK, 0, me);
}

export function unlock(): void {
  store32(H_LOCK, 0);
  if (load32(H_WAITERS) == 0) return;
  store32(H_WAITERS, 0);
  notify(H_LOCK);
}

function lockSlow(): u32 {
  const spins = mayBlock ? SPINS : SPINS_NO_BLOCK;
  let slices = mayBlock && waitMs != 0 ? SLICES : 0;
  let wakes: u32 = 0;
  while (true) {
    for (let i: u32 = 0; i < spins; i++) {
      const holder = load32(H_LOCK);
      if (holder == 0) {
        if (cas32(H_LOCK, 0, me)) return OK;
      } else if (holder == me) {
        giveBackOwnRun();
        rebuild();
        return OK;
      } else if (ownerState(holder) == OWNER_DEAD && cas32(H_LOCK, holder, me)) {
        rebuild();
        return OK;
      }
    }
    if (slices == 0 || wakes == WAKES_MAX) return BUSY;
    store32(H_WAITERS, 1);
    const holder = load32(H_LOCK);
    if (holder == 0) continue;
    if (wait32(H_LOCK, holder, <i64>waitMs * (1000000 / SLICES))) slices--;
    else wakes++;
  }
  return BUSY;
}

/** After an exception: the run that the cut operation had taken and never returned goes back. */
function giveBackOwnRun(): void {
  const p = pendingAlloc(me);
  const g = <u32>(p >>> GRAIN_SHIFT);
  if (p != 0 && (p & 7) == 0 && g < grains) {
    const word = load32(wordAt(g));
    if ((word & T_MASK) == T_RUN && (load32(auxAt(g)) & 0xff) == me)
      store32(wordAt(g), runWord(T_FREED, 0, word >>> W_LENGTH_SHIFT));
  }
  endAlloc(0);
  endFree(0);
  settleMark();
}
