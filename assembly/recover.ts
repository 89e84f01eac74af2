// Recover: gives back what a dead owner held, and frees its slot by the last store of all. Owns nothing; works on the structures of the
// layers below. It runs beside living threads and is idempotent: whoever dies in it leaves an owner that is still dead, and the next
// call does again what is left. Two threads may recover the same owner: each step is a compare-and-swap that one of them wins, or
// happens under the page lock after a look at the owner's state.
//
//   what of a dead owner is settled where:  the page lock and a run in hand: whoever takes the lock over (lock.ts, rebuild)
//   journals: settle.ts     Blocks: by their claims, here     hints and marks: made public, here     raw blocks stay: they are the region's

import { get64, put32 } from "./memory";
import { load32, load64, store32 } from "./atomic";
import { firstGrain, grains, maxOwners, slabBits } from "./header";
import { lockBudgets } from "./budget";
import { hintSet } from "./hint";
import { giveSpareBack } from "./arena";
import { releaseBlocks, releasedBlockBytes, releasedBlocks } from "./charged";
import { lock } from "./lock";
import { finishClosing } from "./nodes";
import { isDead, isLiving, isPast, me, release, slotOf } from "./owners";
import { newestChunk } from "./pool";
import { clearReport, out, out64 } from "./report";
import { holderOf } from "./latch";
import { sweepLeaving, unlockBudgets } from "./leaving";
import { releasedBytes, releasedCount, releaseReservations } from "./reservation";
import { settledEntries, settleCaches } from "./cachelife";
import { settledRecords, settleRings } from "./ringlife";
import { settleFlight, settleMarkOf } from "./settle";
import { letGo } from "./trim";
import {
  HINT_EMPTY,
  H_BUDGET_LOCK,
  H_LEAVING,
  H_LOCK,
  H_NODES,
  H_SPARE,
  REC_BLOCKS,
  REC_BLOCK_BYTES,
  REC_DONE,
  REC_ENTRIES,
  REC_LOCK,
  REC_RECORDS,
  REC_RESERVATIONS,
  REC_RESERVED_BYTES,
  R_SLAB,
  R_TOP,
  S_BLOCK_HINTS,
  S_BLOCK_HINT_SHIFT,
  S_HINTS,
  S_HINT_SHIFT,
  S_SEQUENCE,
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
  out(REC_LOCK, holderOf(H_LOCK) == id ? 1 : 0);
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
    // What it had charged, or was taking off, is done before anybody looks at what is charged. The latch is held by the dead one, or by who took it
    // from the dead one and has not yet done what its journal says.
    if (load32(H_BUDGET_LOCK) != 0) {
      if (lockBudgets() != OK) return OK; // the rest is not done
      unlockBudgets();
    }
    let status = settleRings(id);
    out(REC_RECORDS, settledRecords());
    if (status != OK) return OK;
    status = settleCaches(id);
    out(REC_ENTRIES, settledEntries());
    if (status != OK) return OK;
    // Also one that never made a claim may have held the latch, been closing a budget or giving a shared Block back.
    releaseBlocks(index, last);
    out(REC_BLOCKS, releasedBlocks());
    out(REC_BLOCK_BYTES, <u32>releasedBlockBytes());
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
  // It may have died between leaving a budget's slab empty and saying so.
  const isSpare = newestChunk(H_NODES) != 0;
  if (isSpare) store32(H_SPARE, 1);
  letGo();
  if (isSpare) giveSpareBack();
  return OK;
}

/** Gives back the owner's reservations, and goes on with the budgets it was closing. False: not all is done. */
function releaseCharges(id: u32, index: u32, last: u64): bool {
  if (load64(H_LEAVING) != 0) sweepLeaving();
  const status = releaseReservations(index, last);
  out(REC_RESERVATIONS, releasedCount());
  out64(REC_RESERVED_BYTES, releasedBytes());
  return status == OK && finishClosing(id) == OK;
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
