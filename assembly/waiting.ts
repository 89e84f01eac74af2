// Waiting: reservations that wait for room, first come first served. Owns the queues of the budgets and the tickets. Who finds no room
// waits in the queue of the budget that had none; who comes later, and would need room there, waits behind it or is refused. Whoever
// makes room charges for the first in line and grants it, in one charge, so nobody who is slow or dead holds up anybody.
//
// In a budget that lets some pass (B_BYPASS) who comes later may be granted before who waits first, if it fits, so many times: V_PASSED counts them
// in the record of who is first, before the charge that it counts.
//
//   a record whose claim says WAITING stands in the queue of the budget V_WAITS, once, in the order of the tickets      (I4:)
//   when the latch is let go, the first of each queue has no room, or waits for one with an earlier ticket further up; so do those behind it
//   while it may be passed, V_PASSED < B_BYPASS
//
// The record is the truth; the queues follow from it and are made anew by who takes the latch from a dead holder, who then also goes on
// with what that one had not: granting, waking.

import { get32, get64, put32, put64 } from "./memory";
import { load32, load64, notify, store32 } from "./atomic";
import { charge, countPasses, mayFit, neverFits, riseBeside, setLevel, setLevels } from "./budget";
import { chunkEnd, newestChunk, nextChunk } from "./pool";
import { nextClaim } from "./claim";
import { maxOwners } from "./header";
import { ownerState, slot, slotOf } from "./owners";
import {
  BUDGET_FREE,
  BUDGET_OPEN,
  B_BYPASS,
  B_FLAGS,
  B_ITEMS_MAX,
  B_PARENT,
  FLAG_BELOW,
  FLAG_QUEUE,
  B_QUEUE,
  B_STATE,
  B_USED,
  CHUNK_HEADER,
  CLAIM_LIVE,
  CLAIM_STATE_SHIFT,
  CLAIM_WAITING,
  H_NODES,
  H_RECORDS,
  H_TICKET,
  NODE_BYTES,
  OWNER_DEAD,
  OWNER_FREE,
  RESERVATION_BYTES,
  S_CLAIM,
  S_WAKE,
  V_BUDGET,
  V_BYTES,
  V_NEXT,
  V_PASSED,
  V_TICKET,
  V_WAITS,
} from "./shared/layout";

const B_LAST = B_QUEUE + 4;
// From the claim of one that waits to that of one that is granted, and back.
const STATES: u64 = (<u64>(CLAIM_WAITING ^ CLAIM_LIVE)) << CLAIM_STATE_SHIFT;

/** Makes the first free record, behind which `rest` is free, one that waits in the queue of `node`. Under the latch, as all below. */
export function queueUp(at: usize, node: usize, rest: u32): void {
  const ticket = get32(H_TICKET) + 1;
  // 0 is the ticket of who does not wait.
  put32(H_TICKET, ticket == 0 ? 1 : ticket);
  put32(at + V_TICKET, get32(H_TICKET));
  put32(at + V_WAITS, <u32>node);
  put32(at + V_PASSED, 0);
  const claim = nextClaim() ^ STATES;
  put64(slot + S_CLAIM, claim);
  charge(0, at, claim, H_RECORDS, rest);
  const isFirst = get32(node + B_QUEUE) == 0;
  line(at);
  // Somewhere there may be something to give back for it.
  if (isFirst) wakeAll();
}

/** Puts the record into its queue: nearly always behind the last. */
function line(at: usize): void {
  const node = <usize>get32(at + V_WAITS);
  const ticket = get32(at + V_TICKET);
  let before = <usize>get32(node + B_LAST);
  if (before != 0 && isEarlier(ticket, before)) before = lastBefore(node, ticket);
  const after = get32(before == 0 ? node + B_QUEUE : before + V_NEXT);
  put32(at + V_NEXT, after);
  put32(before == 0 ? node + B_QUEUE : before + V_NEXT, <u32>at);
  if (after == 0) put32(node + B_LAST, <u32>at);
  put32(node + B_FLAGS, get32(node + B_FLAGS) | FLAG_QUEUE);
}

/** The last in the queue of those with earlier tickets; 0: there is none. */
function lastBefore(node: usize, ticket: u32): usize {
  let before: usize = 0;
  for (let at = <usize>get32(node + B_QUEUE); at != 0 && !isEarlier(ticket, at); at = <usize>get32(at + V_NEXT))
    before = at;
  return before;
}

function isEarlier(ticket: u32, other: usize): bool {
  return <i32>(ticket - get32(other + V_TICKET)) < 0;
}

/** Ends the waiting of a record, which is free then; returns the budget it waited in. */
export function stopWaiting(at: usize): usize {
  const node = leaveQueue(at);
  const owner = <u32>load64(at) & 0xff;
  put32(at + V_NEXT, get32(H_RECORDS));
  charge(0, at, 0, H_RECORDS, <u32>at);
  wake(owner);
  return node;
}

/** Takes the record out of its queue; returns the budget it waited in. O(queue). */
function leaveQueue(at: usize): usize {
  const node = <usize>get32(at + V_WAITS);
  let before: usize = 0;
  for (let other = <usize>get32(node + B_QUEUE); other != at && other != 0; other = <usize>get32(other + V_NEXT))
    before = other;
  const after = get32(at + V_NEXT);
  put32(before == 0 ? node + B_QUEUE : before + V_NEXT, after);
  if (after == 0) put32(node + B_LAST, <u32>before);
  if (get32(node + B_QUEUE) == 0) put32(node + B_FLAGS, get32(node + B_FLAGS) & ~FLAG_QUEUE);
  return node;
}

/** Grants, from `node` to the root, whoever has room now and is first. */
export function serve(node: usize): void {
  for (let at = node; at != 0; at = <usize>get32(at + B_PARENT)) {
    let first = <usize>get32(at + B_QUEUE);
    while (first != 0 && serveOne(first, at)) first = <usize>get32(at + B_QUEUE);
    if (first != 0 && mayGoPast(at)) servePast(first, at);
  }
}

/** Whether somebody behind the first here may have to be granted before it: who may pass it, or needs none of the bytes that it waits for. */
function mayGoPast(node: usize): bool {
  const isOfItems = get32(node + B_ITEMS_MAX) != u32.MAX_VALUE; // no bytes, and there is place for an item now
  return get32(node + B_BYPASS) != 0 || isOfItems || (get32(node + B_FLAGS) & FLAG_BELOW) != 0; // or a minimum further down covers them now
}

/** Grants, of those behind `first`, whoever has room. O(queue). */
function servePast(first: usize, node: usize): void {
  let next = <usize>get32(first + V_NEXT);
  while (next != 0) {
    const at = next;
    next = <usize>get32(at + V_NEXT);
    serveOne(at, node);
  }
}

/** Grants what waits in the queue of `node`, or sends it to the queue where it must wait now; false: it stays. */
function serveOne(at: usize, node: usize): bool {
  const budget = <usize>get32(at + V_BUDGET);
  // Of a dead one too: what its recovery gives back must not be granted to it.
  if ((get32(budget + B_STATE) & 3) != BUDGET_OPEN || ownerState(<u32>load64(at) & 0xff) == OWNER_DEAD) {
    stopWaiting(at);
    return true;
  }
  const refuser = riseBeside(budget, get64(at + V_BYTES), 1, 0, get32(at + V_TICKET));
  if (refuser != 0 && !mayFit()) {
    // A limit was lowered: it would keep others waiting for nothing.
    stopWaiting(at);
    return true;
  }
  if (refuser == node) return false;
  if (refuser != 0) {
    leaveQueue(at);
    put32(at + V_WAITS, <u32>refuser);
    line(at);
    takeTurns(at, refuser);
    return true;
  }
  countPasses(budget, get32(at + V_TICKET));
  charge(budget, at, load64(at) ^ STATES, 0, 0);
  leaveQueue(at);
  wakeOwner(at);
  setLevels();
  return true;
}

/**
 * The one that was sent to the queue of `node` goes on with what was counted of it, and of the one before which it came: or else each sending would
 * give others k turns anew, and who had none behind that one would have some behind this.
 */
function takeTurns(at: usize, node: usize): void {
  const next = <usize>get32(at + V_NEXT);
  if (get32(node + B_QUEUE) != <u32>at || next == 0) return;
  if (get32(next + V_PASSED) > get32(at + V_PASSED)) put32(at + V_PASSED, get32(next + V_PASSED));
}

/** Ends the waiting of whoever can never be granted since a limit was lowered; those behind go on. O(reservations). */
export function stopImpossible(): void {
  for (let chunk = newestChunk(H_RECORDS); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, RESERVATION_BYTES);
    for (let at = chunk + CHUNK_HEADER; at < end; at += RESERVATION_BYTES) {
      if (load64(at) >> CLAIM_STATE_SHIFT != CLAIM_WAITING) continue;
      if (neverFits(<usize>get32(at + V_BUDGET), get64(at + V_BYTES)) != 0) serve(stopWaiting(at));
    }
  }
}

/** Something that the owner of the record waited for is decided. */
function wakeOwner(at: usize): void {
  wake(<u32>load64(at) & 0xff);
}

function wake(index: u32): void {
  const word = slotOf(index) + S_WAKE;
  store32(word, load32(word) + 1);
  notify(word);
}

/** Makes all queues anew from the records, goes on where a dead holder was, and wakes whoever it may have granted something. */
export function rebuildQueues(): void {
  clearQueues();
  for (let chunk = newestChunk(H_RECORDS); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, RESERVATION_BYTES);
    for (let at = chunk + CHUNK_HEADER; at < end; at += RESERVATION_BYTES) {
      if (load64(at) >> CLAIM_STATE_SHIFT == CLAIM_WAITING) line(at);
    }
  }
  stopImpossible(); // it may have been lowering a limit
  for (let chunk = newestChunk(H_NODES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NODE_BYTES);
    for (let node = chunk + CHUNK_HEADER; node < end; node += NODE_BYTES) {
      if (get32(node + B_QUEUE) != 0) serve(node);
      if ((get32(node + B_STATE) & 3) != BUDGET_FREE) setLevel(node, get64(node + B_USED));
    }
  }
  wakeAll();
}

/** Something is to be looked at by every thread. */
export function wakeAll(): void {
  for (let index: u32 = 1; index <= maxOwners; index++) if (ownerState(index) != OWNER_FREE) wake(index);
}

function clearQueues(): void {
  for (let chunk = newestChunk(H_NODES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NODE_BYTES);
    for (let node = chunk + CHUNK_HEADER; node < end; node += NODE_BYTES) {
      put64(node + B_QUEUE, 0);
      put32(node + B_FLAGS, get32(node + B_FLAGS) & ~FLAG_QUEUE);
    }
  }
}
