// Reservation: a claimed record that says how many bytes of a budget its owner has taken, for memory that may lie anywhere. Owns the
// records. The record is the truth, the budgets' counters follow from it (budget.ts):
//
//   claim: state << 52 | sequence << 8 | owner (0: free)  ·  bytes  ·  budget  ·  tag
//
// A claim changes under the budgets' latch, as part of a charge; but for one step: who gives a reservation back while the latch is
// not to be had marks its claim LEAVING by a compare-and-swap, and whoever lets the latch go next takes it out. So giving back never
// fails for a lock. Who dies holding reservations leaves their claims, by which recovery finds them.

import { get32, get64, put64 } from "./memory";
import { cas32, cas64, load64, store32 } from "./atomic";
import {
  charge,
  chargeBoth,
  countPasses,
  isCrossed,
  isEased,
  fall,
  lockBudgets,
  mayFit,
  refuseBy,
  refuseCharge,
  rise,
  riseBeside,
  setLevels,
} from "./budget";
import { giveSpareBack, mayTryAgain } from "./arena";
import { addChunk } from "./chunk";
import { chunkEnd, newestChunk, nextChunk } from "./pool";
import {
  CLAIM_REST,
  claimOf,
  isClaimOf,
  isLeaving,
  isOne,
  isShared,
  isWaiting,
  lastClaim,
  leaving,
  nextClaim,
} from "./claim";
import { isPoisoned } from "./header";
import { letLatchGo } from "./latch";
import { findRoom, giveBack, giveOn, hasRoom, sweepLeaving, takeOutLeaving, unlockBudgets } from "./leaving";
import { me, myId, slot } from "./owners";
import { queueUp, serve, stopWaiting } from "./waiting";
import {
  BUDGET_OPEN,
  B_STATE,
  CHUNK_HEADER,
  CLAIM_SHARED,
  CLAIM_STATE_SHIFT,
  H_BUDGET_LOCK,
  H_LEAVING,
  H_RECORDS,
  RECORD_CHUNK_GRAINS,
  RESERVATION_BYTES,
  S_CLAIM,
  V_BUDGET,
  V_BYTES,
  V_NEXT,
  V_TAG,
} from "./shared/layout";
import { BUDGET_GONE, BUSY, NEVER, NOT_LIVE, OK } from "./shared/status";

/**
 * Takes `bytes` bytes of the budget at `node`, whose state word the caller knows as `state`. Returns the record, its claim is in S_CLAIM;
 * 0: nothing was taken, S_REASON says why and S_REFUSER which budget had no room. O(depth).
 */
export function reserve(node: usize, state: u32, bytes: f64, tag: u32): usize {
  // As lockBudgets, and at the end unlockBudgets, without a call where nobody else is there.
  if (me == 0 || !cas32(H_BUDGET_LOCK, 0, myId) || isPoisoned()) {
    const status = lockBudgets();
    if (status != OK) return refused(status);
  }
  if (get32(H_RECORDS) == 0) {
    const status = moreRecords();
    if (status != OK) return refused(status);
  }
  let at: usize = 0;
  if (get32(node + B_STATE) != state) refuseCharge(BUDGET_GONE);
  else {
    let refuser = rise(node, bytesOf(bytes));
    // Asked here first, for most often nothing is, and the call takes longer; and not `rise` again, which is compiled into its only caller.
    if (refuser != 0 && load64(H_LEAVING) != 0 && takeOutLeaving()) refuser = riseBeside(node, bytesOf(bytes), 1, 0, 0);
    if (refuser != 0) refuseBy(refuser);
    else {
      at = <usize>get32(H_RECORDS);
      fill(at, node, bytesOf(bytes), tag);
      countPasses(node, 0);
      charge(node, at, nextClaim(), H_RECORDS, get32(at + V_NEXT));
    }
  }
  if (isCrossed()) setLevels();
  letLatchGo(H_BUDGET_LOCK);
  if (load64(H_LEAVING) != 0) sweepLeaving();
  return at == 0 ? reserveAgain(node, state, bytes, tag) : at;
}

// Whether the request is one that is made a second time.
let isAgain: bool = false;

/** After a refusal: the same once more, if what is empty was given back meanwhile. */
function reserveAgain(node: usize, state: u32, bytes: f64, tag: u32): usize {
  const isOver = isAgain || !mayTryAgain();
  isAgain = false; // an exception may have left it
  if (isOver) return 0;
  isAgain = true;
  const at = reserve(node, state, bytes, tag);
  isAgain = false;
  return at;
}

/**
 * As `reserve`; what has no room now, but may have some time, waits for it: its claim, in S_CLAIM, says CLAIM_WAITING until it is granted
 * (then CLAIM_LIVE) or can be no more (then it is another's, or none), and S_WAKE of its owner changes.
 */
export function reserveOrWait(node: usize, state: u32, bytes: f64, tag: u32): usize {
  const at = reserveOrQueue(node, state, bytes, tag);
  // After it stands in the queue: who leaves a slab empty looks at the queue after it said so.
  if (at != 0 && isWaiting(lastClaim())) giveSpareBack();
  return at;
}

function reserveOrQueue(node: usize, state: u32, bytes: f64, tag: u32): usize {
  let status = lockBudgets();
  if (status == OK && get32(H_RECORDS) == 0) status = moreRecords();
  if (status != OK) return refused(status);
  let at: usize = 0;
  if (get32(node + B_STATE) != state) refuseCharge(BUDGET_GONE);
  else {
    const refuser = findRoom(node, bytesOf(bytes), 1);
    if (refuser != 0) refuseBy(refuser);
    if (refuser == 0 || mayFit()) {
      at = <usize>get32(H_RECORDS);
      fill(at, node, bytesOf(bytes), tag);
      if (refuser != 0) queueUp(at, refuser, get32(at + V_NEXT));
      else {
        countPasses(node, 0);
        charge(node, at, nextClaim(), H_RECORDS, get32(at + V_NEXT));
      }
    }
  }
  unlockBudgets();
  return at;
}

/** Ends the waiting of a reservation: OK; NOT_LIVE when it was decided before; BUSY when the latch was not to be had. */
export function reservationCancel(at: usize, low: u32, high: u32): u32 {
  const status = lockBudgets();
  if (status != OK) return status;
  const claim = claimOf(low, high);
  const waits = isWaiting(claim) && load64(at) == claim;
  if (waits) takeOut(at);
  unlockBudgets();
  return waits ? OK : NOT_LIVE;
}

const TWO_52: f64 = 4503599627370496.0;
const FRACTION: u64 = 0xfffffffffffff;

/** A number of bytes from outside, an integer from 0 to 2^53. */
function bytesOf(bytes: f64): u64 {
  // From 2^52 on the lowest bit of a float is worth 1 (then 2), so the integer can be read off; a conversion takes longer than the charge.
  if (bytes < TWO_52) return reinterpret<u64>(bytes + TWO_52) & FRACTION;
  const bits = reinterpret<u64>(bytes);
  return ((bits & FRACTION) | (1 << 52)) << ((bits >> 52) - 1075);
}

/** What a free record will say once it has a claim. */
function fill(at: usize, node: usize, bytes: u64, tag: u32): void {
  put64(at + V_BYTES, bytes);
  put64(at + V_BUDGET, ((<u64>tag) << 32) | node); // and V_TAG
}

function refused(reason: u32): usize {
  refuseCharge(reason);
  return 0;
}

/** Lets the latch go until there is a free record, and takes it again: OK, or it is not held and this is why. */
function moreRecords(): u32 {
  while (get32(H_RECORDS) == 0) {
    unlockBudgets();
    let status = addChunk(H_RECORDS, RECORD_CHUNK_GRAINS, RESERVATION_BYTES, V_NEXT);
    if (status == OK) status = lockBudgets();
    if (status != OK) return status;
  }
  return OK;
}

/** Gives a reservation back. False: this claim does not hold it; nothing was changed. O(depth); never waits in vain, never BUSY. */
export function reservationFree(at: usize, low: u32, high: u32): bool {
  const claim = claimOf(low, high);
  if (me == 0 || !cas32(H_BUDGET_LOCK, 0, myId) || isPoisoned()) {
    const status = lockBudgets();
    if (status == BUSY) return leave(at, claim);
    if (status != OK) return false;
  }
  const isHeld = isOne(claim) ? load64(at) == claim : isShared(claim) && cas64(at, claim, leaving(claim));
  if (isHeld) giveBack(at);
  if (isCrossed()) setLevels();
  letLatchGo(H_BUDGET_LOCK);
  if (load64(H_LEAVING) != 0) sweepLeaving();
  return isHeld;
}

/** Empties the record of one that may be waiting still. Under the latch. */
function takeOut(at: usize): void {
  if (isWaiting(load64(at))) serve(stopWaiting(at));
  else giveBack(at);
}

/** Marks the reservation as given back, for whoever has the latch to take out. */
function leave(at: usize, claim: u64): bool {
  if (!(isOne(claim) || isShared(claim)) || !cas64(at, claim, leaving(claim))) return false; // commit
  store32(H_LEAVING, 1);
  sweepLeaving();
  return true;
}

/** Makes the reservation `bytes` long. False: it is untouched, S_REASON says why. */
export function reservationResize(at: usize, low: u32, high: u32, bytes: f64): bool {
  return resize(at, low, high, bytes) || (mayTryAgain() && resize(at, low, high, bytes));
}

function resize(at: usize, low: u32, high: u32, bytes: f64): bool {
  if (!lockHeld(at, claimOf(low, high))) return false;
  const node = <usize>get32(at + V_BUDGET);
  const before = get64(at + V_BYTES);
  const after = bytesOf(bytes);
  let isDone: bool = true;
  if (after <= before) fall(node, before - after, 0);
  else isDone = isOpen(node) && hasRoom(node, after - before, 0) && isStill(at, claimOf(low, high));
  if (isDone && after > before) countPasses(node, 0);
  if (isDone) charge(node, at + V_BYTES, after, 0, 0);
  if (isEased()) giveOn(node);
  unlockBudgets();
  return isDone;
}

/** Takes `bytes` bytes of the reservation into one of their own: its record, its claim is in S_CLAIM; 0: S_REASON says why. */
export function reservationSplit(at: usize, low: u32, high: u32, bytes: f64): usize {
  const claim = claimOf(low, high);
  if (!lockHeld(at, claim)) return 0;
  if (get32(H_RECORDS) == 0) {
    const status = moreRecords();
    if (status != OK) return refused(status);
  }
  const node = <usize>get32(at + V_BUDGET);
  let part: usize = 0;
  // The latch was let go for a moment, and another who has its claim may have made it shorter.
  if (isStill(at, claim) && bytesOf(bytes) > get64(at + V_BYTES)) refuseCharge(NEVER);
  else if (isStill(at, claim) && isOpen(node) && hasRoom(node, 0, 1) && isStill(at, claim)) {
    part = <usize>get32(H_RECORDS);
    const rest = get64(at + V_BYTES) - bytesOf(bytes);
    fill(part, node, bytesOf(bytes), get32(at + V_TAG));
    chargeBoth(node, part, nextClaim(), H_RECORDS, get32(part + V_NEXT), 0, at + V_BYTES, rest);
  }
  unlockBudgets();
  return part;
}

/** Charges the reservation to another budget instead. False: it is untouched, S_REASON says why. */
export function reservationMove(at: usize, low: u32, high: u32, node: usize, state: u32): bool {
  return move(at, low, high, node, state) || (mayTryAgain() && move(at, low, high, node, state));
}

function move(at: usize, low: u32, high: u32, node: usize, state: u32): bool {
  if (!lockHeld(at, claimOf(low, high))) return false;
  const from = <usize>get32(at + V_BUDGET);
  const bytes = get64(at + V_BYTES);
  let isDone: bool = false;
  if (get32(node + B_STATE) != state) refuseCharge(BUDGET_GONE);
  else {
    fall(from, bytes, 1);
    let refuser = riseBeside(node, bytes, 1, from, 0);
    let isHeld: bool = true;
    if (refuser != 0 && takeOutLeaving()) {
      isHeld = isStill(at, claimOf(low, high));
      fall(from, bytes, 1);
      refuser = riseBeside(node, bytes, 1, from, 0);
    }
    if (isHeld && refuser != 0) refuseBy(refuser);
    isDone = isHeld && refuser == 0;
  }
  if (isDone) {
    const home = ((<u64>get32(at + V_TAG)) << 32) | node;
    countPasses(node, 0);
    chargeBoth(node, at + V_BUDGET, home, 0, 0, from, at + V_BUDGET, home);
    if (isEased()) giveOn(from);
  } else isEased(); // what was to fall did not
  unlockBudgets();
  return isDone;
}

/** Makes the reservation this owner's, or (`shared`) the region's. False: S_REASON says why; else S_CLAIM has its new claim. */
export function reservationPass(at: usize, low: u32, high: u32, shared: bool): bool {
  if (!isRecord(at)) return refused(NOT_LIVE) != 0;
  if (!lockHeld(at, claimOf(low, high))) return false;
  const next = nextClaim();
  if (shared) put64(slot + S_CLAIM, (next & CLAIM_REST) | ((<u64>CLAIM_SHARED) << CLAIM_STATE_SHIFT));
  const isPassed = cas64(at, claimOf(low, high), lastClaim()); // commit
  unlockBudgets();
  return isPassed || refused(NOT_LIVE) != 0;
}

/** Whether this claim holds the reservation at `at`. */
export function reservationIsLive(at: usize, low: u32, high: u32): bool {
  const claim = claimOf(low, high);
  return isRecord(at) && load64(at) == claim && claim != 0 && !isWaiting(claim);
}

/** Takes the latch if the claim holds the reservation; else S_REASON says why not. */
function lockHeld(at: usize, claim: u64): bool {
  const status = lockBudgets();
  if (status == OK && claim != 0 && load64(at) == claim && !isWaiting(claim)) return true;
  if (status == OK) unlockBudgets();
  refuseCharge(status == OK ? NOT_LIVE : status);
  return false;
}

/** Whether the claim still holds the reservation, after the latch was let go or what was given back was taken out. */
function isStill(at: usize, claim: u64): bool {
  if (load64(at) == claim) return true;
  refuseCharge(NOT_LIVE);
  return false;
}

function isOpen(node: usize): bool {
  if ((get32(node + B_STATE) & 3) == BUDGET_OPEN) return true;
  refuseCharge(BUDGET_GONE);
  return false;
}

/** Whether a record stands at `at`, a number from outside. O(chunks). */
function isRecord(at: usize): bool {
  for (let chunk = newestChunk(H_RECORDS); chunk != 0; chunk = nextChunk(chunk)) {
    const first = chunk + CHUNK_HEADER;
    if (at >= first && at < chunkEnd(chunk, RESERVATION_BYTES)) return (at - first) % RESERVATION_BYTES == 0;
  }
  return false;
}

// The state of the budget whose reservations are being released.
let closing: u32 = 0;
// What the last release added up.
let count: u32 = 0;
let sum: u64 = 0;

/** How many reservations `releaseReservations` or `releaseReservationsIn` gave back, and their bytes. */
export function releasedCount(): u32 {
  return count;
}

export function releasedBytes(): u64 {
  return sum;
}

/**
 * Marks every reservation that owner `index` holds as given back, and takes them out if the latch is to be had. OK, or BUSY when one is
 * waiting and the latch is not to be had.
 */
export function leaveReservations(index: u32): u32 {
  let isAny = false;
  let isWaiter = false;
  for (let chunk = newestChunk(H_RECORDS); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, RESERVATION_BYTES);
    for (let at = chunk + CHUNK_HEADER; at < end; at += RESERVATION_BYTES) {
      const claim = load64(at);
      // One that is marked already may be one that an exception cut here.
      if (isLeaving(claim)) isAny = true;
      if (!isClaimOf(claim, index, ~0)) continue;
      if (isWaiting(claim)) isWaiter = true;
      else if (cas64(at, claim, leaving(claim))) isAny = true;
    }
  }
  if (isAny) store32(H_LEAVING, 1);
  if (isAny) sweepLeaving();
  // An exception may have kept a waiting one from its caller, who would have cancelled it.
  return isWaiter ? releaseReservations(index, ~0) : OK;
}

/** Gives back every reservation that owner `index` holds by a claim of a sequence up to `last`. OK, or BUSY when not all is done. */
export function releaseReservations(index: u32, last: u64): u32 {
  return releaseWhere(0, index, last);
}

/** Gives back every reservation of the budget at `node`, as long as that is in the state `state`, in which none is added. OK, or BUSY when not all is done. */
export function releaseReservationsIn(node: usize, state: u32): u32 {
  closing = state;
  return releaseWhere(node, 0, 0);
}

function releaseWhere(node: usize, index: u32, last: u64): u32 {
  count = 0;
  sum = 0;
  // What waits goes first: else what is given back would be granted to it.
  const status = releaseThose(node, index, last, true);
  return status == OK ? releaseThose(node, index, last, false) : status;
}

function releaseThose(node: usize, index: u32, last: u64, onlyWaiting: bool): u32 {
  for (let chunk = newestChunk(H_RECORDS); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, RESERVATION_BYTES);
    for (let at = chunk + CHUNK_HEADER; at < end; at += RESERVATION_BYTES) {
      const claim = load64(at);
      // Looked at without the latch first, for most are others'.
      if (claim == 0 || (onlyWaiting && !isWaiting(claim))) continue;
      if (node == 0 && !isLeaving(claim) && !isClaimOf(claim, index, last)) continue;
      const status = lockBudgets();
      if (status != OK) return status;
      // Since then it may have been granted, passed on or given back.
      const now = load64(at);
      const isIn = node != 0 && get32(at + V_BUDGET) == <u32>node && get32(node + B_STATE) == closing;
      if (now != 0 && (node != 0 ? isIn : isLeaving(now) || isClaimOf(now, index, last))) {
        if (!isWaiting(now) && (node != 0 ? !isLeaving(now) : (<u32>now & 0xff) == index)) {
          count++;
          sum += get64(at + V_BYTES);
        }
        takeOut(at);
      }
      unlockBudgets();
    }
  }
  return OK;
}
