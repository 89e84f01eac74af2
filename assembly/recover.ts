// Recover: gives back what a dead owner held, and frees its slot by the last store of all. Owns nothing; works on the structures of the
// layers below. It runs beside living threads and is idempotent: whoever dies in it leaves an owner that is still dead, and the next
// call does again what is left. Two threads may recover the same owner: each step is a compare-and-swap that one of them wins, or
// happens under the page lock after a look at the owner's state.
//
//   what of a dead owner is settled where:  the page lock and a run in hand: whoever takes the lock over (lock.ts, rebuild)
//   journals: settle.ts     Blocks: by their claims, here     hints and marks: made public, here     raw blocks stay: they are the region's

import { get32, get64, put32 } from "./memory";
import { load32, load64, store32 } from "./atomic";
import { firstGrain, grains, maxOwners, slabBits } from "./header";
import { lockBudgets } from "./budget";
import { hintSet } from "./hint";
import { isClaimOf, recordIn } from "./claim";
import { lock } from "./lock";
import { finishClosing } from "./nodes";
import { isDead, isLiving, isPast, me, release, slotOf } from "./owners";
import { bitsAt, lengthOf, slabTag, wordAt } from "./pages";
import { blockFree } from "./record";
import { add, clearReport, out, out64 } from "./report";
import { releasedBytes, releasedCount, releaseReservations, unlockBudgets } from "./reservation";
import { settleFlight, settleMarkOf } from "./settle";
import { geometry } from "./sizeclass";
import { letGo } from "./slab";
import {
  C_BLOCKS,
  C_SIZE,
  GRAIN_SHIFT,
  HINT_EMPTY,
  H_BUDGET_LOCK,
  H_LOCK,
  KIND_BLOCK,
  REC_BLOCKS,
  REC_BLOCK_BYTES,
  REC_DONE,
  REC_LOCK,
  REC_RESERVATIONS,
  REC_RESERVED_BYTES,
  R_SLAB,
  R_TOP,
  S_BLOCK_HINTS,
  S_BLOCK_HINT_SHIFT,
  S_HINTS,
  S_HINT_SHIFT,
  S_SEQUENCE,
  T_MASK,
  T_NONE,
  T_RUN,
  T_SLAB,
  W_BACK_SHIFT,
  W_KIND_SHIFT,
} from "./shared/layout";
import { CLASS_COUNT } from "./shared/limits";
import { BUSY, NOT_ATTACHED, NOT_LIVE, OK, OWNER_ALIVE } from "./shared/status";

/**
 * Gives back what the dead owner `id` held; S_OUT says what that was, and whether its slot is free again (REC_DONE). Returns OK, also
 * for an owner that was recovered before; OWNER_ALIVE, NOT_LIVE for an id that never was, BUSY when the page lock was not to be had.
 */
export function recover(id: u32): u32 {
  const index = id & 0xff;
  if (me == 0) return NOT_ATTACHED;
  if (index == 0 || index > maxOwners) return NOT_LIVE;
  if (isLiving(id)) return OWNER_ALIVE;
  clearReport();
  out(REC_LOCK, load32(H_LOCK) == id ? 1 : 0);
  if (isDead(id)) {
    const status = giveBackHoldings(id);
    if (status != OK) return status;
  }
  if (isDead(id)) return OK; // something is still being decided
  out(REC_DONE, 1);
  return isPast(id) ? OK : NOT_LIVE;
}

function giveBackHoldings(id: u32): u32 {
  const index = id & 0xff;
  let status = lock();
  if (status != OK) return status;
  let last: u64 = 0;
  const isOurs = isDead(id);
  if (isOurs) {
    settleFlight(index);
    last = get64(slotOf(index) + S_SEQUENCE);
  }
  letGo();
  // Beside living threads, who may be long at work on a big region: so not under the lock. A slot that is another owner's by then has
  // made no claim up to `last`.
  if (isOurs) {
    // Also one that never made a claim may have held the latch, or been closing a budget.
    if (last != 0) releaseBlocks(index, last);
    if (!releaseCharges(id, index, last)) return OK; // the report says what was given back, and that the rest is not done
  }
  status = lock();
  if (status == BUSY) return OK;
  if (status != OK) return status;
  if (isDead(id) && settleFlight(index)) {
    publishHints(index);
    settleMarkOf(index);
    release(id);
  }
  letGo();
  return OK;
}

/** Gives back the owner's reservations, goes on with the budgets it was closing, and takes the latch from it. False: not all is done. */
function releaseCharges(id: u32, index: u32, last: u64): bool {
  // Held by the dead one, or by who took it from the dead one and has not yet done what its journal says.
  if (load32(H_BUDGET_LOCK) != 0) {
    if (lockBudgets() != OK) return false;
    unlockBudgets();
  }
  const status = releaseReservations(index, last);
  out(REC_RESERVATIONS, releasedCount());
  out64(REC_RESERVED_BYTES, releasedBytes());
  return status == OK && finishClosing(id) == OK;
}

/** Gives back every Block that owner `index` holds by a claim of a sequence up to `last`. The owner must not be taking any. */
export function releaseBlocks(index: u32, last: u64): void {
  for (let g = firstGrain; g < grains;) {
    const word = load32(wordAt(g));
    const length = lengthOf(word);
    let next = g + length;
    if ((word & T_MASK) == T_RUN && ((word >>> W_KIND_SHIFT) & 3) == KIND_BLOCK) {
      releaseIfOf(index, last, (<usize>g) << GRAIN_SHIFT, load64(bitsAt(g)), length << GRAIN_SHIFT);
    } else if ((word & T_MASK) == T_SLAB) {
      // A length read while others work may be stale and lead into the middle of a slab: its words lead back to its head.
      const head = g - ((word >>> W_BACK_SHIFT) & 63);
      if ((slabTag(word) & 3) == KIND_BLOCK) releaseInSlab(index, last, head, geometry(slabTag(word)));
      next = head + length;
    } else if ((word & T_MASK) == T_NONE) next = g + 1;
    g = max(next, g + 1);
  }
}

function releaseInSlab(index: u32, last: u64, g: u32, shape: usize): void {
  const blocks = get32(shape + C_BLOCKS);
  const size = get32(shape + C_SIZE);
  for (let i: u32 = 0; i < blocks; i++) {
    releaseIfOf(index, last, ((<usize>g) << GRAIN_SHIFT) + <usize>(i * size), load64(recordIn(g, shape, i)), size);
  }
}

function releaseIfOf(index: u32, last: u64, p: usize, claim: u64, bytes: u32): void {
  if (!isClaimOf(claim, index, last) || !blockFree(p, <u32>claim, <u32>(claim >> 32))) return;
  add(REC_BLOCKS, 1);
  add(REC_BLOCK_BYTES, bytes);
}

/** Makes what only this owner's record of hints knew known to all: the empty slabs it was working on. */
export function publishHints(index: u32): void {
  const at = slotOf(index);
  for (let c: usize = 1; c <= <usize>CLASS_COUNT; c++) {
    publishCurrent(at + S_HINTS + (c << S_HINT_SHIFT) + R_SLAB);
    put32(at + S_HINTS + (c << S_HINT_SHIFT) + R_TOP, 0);
    publishCurrent(at + S_BLOCK_HINTS + (c << S_BLOCK_HINT_SHIFT) + R_SLAB);
  }
}

function publishCurrent(at: usize): void {
  const current = load32(at);
  if (current == 0) return;
  const g = (current - <u32>slabBits) >>> 3;
  if (g >= firstGrain && g < grains) hintSet(HINT_EMPTY, g);
  store32(at, 0);
}
