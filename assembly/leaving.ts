// Leaving: what was given back while another thread held the budgets' latch. Owns H_LEAVING, H_LEAVING_BLOCKS and, of a reservation's or a
// charged Block's claim, the step LEAVING. Its holder takes that step alone, by a compare-and-swap; all that follows (off the counters,
// memory back) anybody may do, and does at most once. So giving back never fails for a lock.
//
//   a claim says LEAVING, not by who holds the latch or finishes it this instant   ⇒ a flag is set, or recovery of a dead owner meets it
//
// Who dies between the claim and the flag, or while it takes out, leaves claims that recovery finds by their state.

import { get32, get64, put32 } from "./memory";
import { load32, load64, store32, swap32 } from "./atomic";
import { charge, fall, isCrossed, isEased, letBudgetsGo, refuseBy, riseBeside, setLevels, tryBudgets } from "./budget";
import { freeLeft, unchargeLeft } from "./charged";
import { isLeaving } from "./claim";
import { chunkEnd, newestChunk, nextChunk } from "./pool";
import { mergeDeferred } from "./trim";
import { serve } from "./waiting";
import {
  CHUNK_HEADER,
  H_LEAVING,
  H_LEAVING_BLOCKS,
  H_RECORDS,
  LEFT_BLOCKS,
  LEFT_GRAINS,
  RESERVATION_BYTES,
  V_BUDGET,
  V_BYTES,
  V_NEXT,
} from "./shared/layout";

/** Lets the latch of the budgets go, and takes out what others gave back meanwhile. */
export function unlockBudgets(): void {
  letBudgetsGo();
  if (load64(H_LEAVING) != 0) sweepLeaving();
}

/** Takes out what was given back, and gives the memory of such Blocks back, if the latch is to be had. */
export function sweepLeaving(): void {
  while (load64(H_LEAVING) != 0 && tryBudgets()) {
    const left = load32(H_LEAVING_BLOCKS) == 0 ? 0 : swap32(H_LEAVING_BLOCKS, 0);
    takeOutReservations();
    if (left & LEFT_BLOCKS) unchargeLeft();
    letBudgetsGo();
    // Not under the latch: the page lock is never taken inside it.
    if (left & LEFT_BLOCKS) freeLeft();
    if (left & LEFT_GRAINS) mergeDeferred();
  }
}

/** Takes what was given back while others held the latch off the counters; false: nothing was. Under the latch. */
export function takeOutLeaving(): bool {
  if (load64(H_LEAVING) == 0) return false;
  takeOutReservations();
  // Their flag goes on standing: whoever lets the latch go gives the memory back.
  if (load32(H_LEAVING_BLOCKS) & LEFT_BLOCKS) unchargeLeft();
  return true;
}

function takeOutReservations(): void {
  if (load32(H_LEAVING) == 0) return;
  store32(H_LEAVING, 0);
  for (let chunk = newestChunk(H_RECORDS); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, RESERVATION_BYTES);
    for (let at = chunk + CHUNK_HEADER; at < end; at += RESERVATION_BYTES) if (isLeaving(load64(at))) giveBack(at);
  }
}

/** Writes the rise of a charge; if there is no room for it once what was given back is taken out: the budget that has none. */
export function findRoom(node: usize, bytes: u64, items: u32): usize {
  const refuser = riseBeside(node, bytes, items, 0, 0);
  return refuser != 0 && takeOutLeaving() ? riseBeside(node, bytes, items, 0, 0) : refuser;
}

/** Writes the rise of a charge, or says which budget refused it. */
export function hasRoom(node: usize, bytes: u64, items: u32): bool {
  const refuser = findRoom(node, bytes, items);
  if (refuser != 0) refuseBy(refuser);
  return refuser == 0;
}

/** Empties a reservation's record, takes its bytes off the counters, and grants them to who waits for them. Under the latch. */
export function giveBack(at: usize): void {
  const node = <usize>get32(at + V_BUDGET);
  fall(node, get64(at + V_BYTES), 1);
  put32(at + V_NEXT, get32(H_RECORDS));
  charge(node, at, 0, H_RECORDS, <u32>at);
  if (isCrossed()) setLevels();
  if (isEased()) giveOn(node);
}

/** Grants what became free from `node` to the root. Under the latch. */
export function giveOn(node: usize): void {
  setLevels();
  serve(node);
}
