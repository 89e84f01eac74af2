// Tree: budgets and reservations of chosen sizes, and all that they say as one list of numbers, for the specs that compare before and after.

import { get32, get64, put32, put64 } from "../memory";
import { load64, store32 } from "../atomic";
import { chunkEnd, newestChunk, nextChunk } from "../pool";
import { openBudget } from "../nodes";
import { slot } from "../owners";
import { reservationFree, reserve } from "../reservation";
import {
  BUDGET_FREE,
  B_ITEMS,
  B_ITEMS_MAX,
  B_LIMIT,
  B_MIN,
  B_NEXT,
  B_PARENT,
  B_PEAK,
  B_REFUSED,
  B_STATE,
  B_USED,
  CHUNK_HEADER,
  CLAIM_LEAVING,
  CLAIM_STATE_SHIFT,
  CLAIM_WAITING,
  H_BUDGET_LOCK,
  H_CHARGE,
  H_CHARGE_AT_TOO,
  H_NODES,
  H_RECORDS,
  NODE_BYTES,
  OPEN_ITEMS_MAX,
  OPEN_LIMIT,
  OPEN_MIN,
  OPEN_BYPASS,
  OPEN_PRIORITY,
  OPEN_SOFT,
  RESERVATION_BYTES,
  S_CLAIM,
  S_OUT,
  S_REASON,
  S_REFUSER,
  V_BUDGET,
  V_BYTES,
  V_NEXT,
} from "../shared/layout";
import { idOf, is, same, text } from "./lib";

/** No limit of bytes, and none of items. */
export const NONE: u64 = 0x7fffffffffffffff;
export const ANY: u32 = 0xffffffff;

/** Says in S_OUT what a budget that is opened next is made with. */
export function limits(limit: u64, min: u64, itemsMax: u32): void {
  put64(slot + S_OUT + (OPEN_LIMIT << 2), limit);
  put64(slot + S_OUT + (OPEN_MIN << 2), min);
  put64(slot + S_OUT + (OPEN_SOFT << 2), 0);
  put32(slot + S_OUT + (OPEN_ITEMS_MAX << 2), itemsMax);
  put32(slot + S_OUT + (OPEN_PRIORITY << 2), 0);
  put32(slot + S_OUT + (OPEN_BYPASS << 2), 0);
}

/** A new budget below `parent` (0: a root); its name is any number that its siblings have not. */
export function budget(parent: usize, name: u32, limit: u64, min: u64): usize {
  limits(limit, min, ANY);
  const node = openBudget(parent, parent == 0 ? 0 : stateOf(parent), name);
  is(node != 0, true, "opened, name", name);
  return node;
}

export function stateOf(node: usize): u32 {
  return get32(node + B_STATE);
}

export function used(node: usize): u64 {
  return get64(node + B_USED);
}

export function peak(node: usize): u64 {
  return get64(node + B_PEAK);
}

export function items(node: usize): u32 {
  return get32(node + B_ITEMS);
}

/** How many charges the budget refused. */
export function refusals(node: usize): u32 {
  return get32(node + B_REFUSED);
}

export function setLimit(node: usize, limit: u64): void {
  put64(node + B_LIMIT, limit);
}

export function setItemsMax(node: usize, count: u32): void {
  put32(node + B_ITEMS_MAX, count);
}

/** A reservation of this owner; its claim is `claim(at)`. */
export function take(node: usize, bytes: u64): usize {
  const at = reserve(node, stateOf(node), <f64>bytes, 0);
  is(at != 0, true, "reserved, bytes", bytes);
  return at;
}

/** The claim that holds the reservation now; 0: none. */
export function claim(at: usize): u64 {
  return load64(at);
}

export function low(claim: u64): u32 {
  return <u32>claim;
}

export function high(claim: u64): u32 {
  return <u32>(claim >> 32);
}

/** Gives back the reservation by the claim that it has. */
export function give(at: usize): bool {
  const holder = load64(at);
  return reservationFree(at, low(holder), high(holder));
}

/** The claim of this owner's last reservation, split or pass. */
export function newClaim(): u64 {
  return get64(slot + S_CLAIM);
}

/** The claim, marked as given back. */
export function leaving(claim: u64): u64 {
  const state = (<u64>CLAIM_LEAVING) << CLAIM_STATE_SHIFT;
  return (claim & (((<u64>1) << CLAIM_STATE_SHIFT) - 1)) | state;
}

/** Why this owner was refused, and by which budget (0: none). */
export function isRefused(reason: u32, refuser: usize, what: string, where: u64): void {
  if (get32(slot + S_REASON) == reason && get32(slot + S_REFUSER) == <u32>refuser) return;
  same(get32(slot + S_REASON), reason, "reason, " + what, where);
  same(get32(slot + S_REFUSER), refuser, "refuser, " + what, where);
}

/** Owner `index`, whatever it is, holds the latch of the budgets. */
export function latchedBy(index: u32): void {
  store32(H_BUDGET_LOCK, idOf(index));
}

/** Nobody holds the latch, and no charge is being made. */
export function isAtRest(what: string, where: u64): void {
  same(get32(H_BUDGET_LOCK) | get32(H_CHARGE) | get32(H_CHARGE_AT_TOO), 0, "latch and journal, " + what, where);
}

/** The counters of one budget. */
export function counts(node: usize, bytes: u64, count: u32, most: u64, what: string, where: u64): void {
  if (used(node) == bytes && items(node) == count && peak(node) == most) return;
  same(used(node), bytes, "used, " + what, where);
  same(items(node), count, "items, " + what, where);
  same(peak(node), most, "peak, " + what, where);
}

/** All that budgets, reservations and their free lists say: of what is free only that it is, and where it stands in its list. */
export function image(): Array<u64> {
  const all = new Array<u64>();
  for (let chunk = newestChunk(H_NODES); chunk != 0; chunk = nextChunk(chunk)) {
    all.push(chunk);
    for (let node = chunk + CHUNK_HEADER; node < chunkEnd(chunk, NODE_BYTES); node += NODE_BYTES) addNode(all, node);
  }
  for (let chunk = newestChunk(H_RECORDS); chunk != 0; chunk = nextChunk(chunk)) {
    all.push(chunk);
    const end = chunkEnd(chunk, RESERVATION_BYTES);
    for (let at = chunk + CHUNK_HEADER; at < end; at += RESERVATION_BYTES) {
      all.push(get64(at));
      if (get64(at) == 0) continue;
      all.push(get64(at + V_BYTES));
      all.push(get64(at + V_BUDGET));
    }
  }
  addList(all, H_NODES, B_NEXT);
  addList(all, H_RECORDS, V_NEXT);
  return all;
}

function addNode(all: Array<u64>, node: usize): void {
  all.push(get64(node + B_STATE));
  if ((stateOf(node) & 3) == BUDGET_FREE) return;
  all.push(get64(node + B_PARENT));
  all.push(get64(node + B_LIMIT));
  all.push(used(node));
  all.push(peak(node));
  all.push(get64(node + B_MIN));
  all.push(items(node));
  all.push(get32(node + B_ITEMS_MAX));
}

// More elements than any spec has.
const LONG = 2000;

function addList(all: Array<u64>, pool: usize, link: usize): void {
  let left = LONG;
  for (let at = <usize>get32(pool); at != 0 && left > 0; at = <usize>get32(at + link)) {
    all.push(at);
    left--;
  }
  all.push(0);
}

export function isEqual(one: Array<u64>, two: Array<u64>): bool {
  if (one.length != two.length) return false;
  for (let i = 0; i < one.length; i++) if (unchecked(one[i]) != unchecked(two[i])) return false;
  return true;
}

/** All says what it said when `before` was taken. */
export function isImage(before: Array<u64>, what: string, where: u64): void {
  const now = image();
  if (isEqual(now, before)) return;
  same(now.length, before.length, "length of the image, " + what, where);
  for (let i = 0; i < min(now.length, before.length); i++) {
    if (now[i] != before[i]) same(now[i], before[i], "number " + text(i) + " of the image, " + what, where);
  }
}

/** How many reservations there are, given back or not. */
export function heldRecords(): u32 {
  let count: u32 = 0;
  for (let chunk = newestChunk(H_RECORDS); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, RESERVATION_BYTES);
    for (let at = chunk + CHUNK_HEADER; at < end; at += RESERVATION_BYTES) if (get64(at) != 0) count++;
  }
  return count;
}

/** How many elements the free list of a pool has. */
export function freeElements(pool: usize, link: usize): u32 {
  let count: u32 = 0;
  for (let at = <usize>get32(pool); at != 0 && count < <u32>LONG; at = <usize>get32(at + link)) count++;
  return count;
}

/** Whether the reservation at `at` waits for room. */
export function isWaitingAt(at: usize): bool {
  return load64(at) >> CLAIM_STATE_SHIFT == CLAIM_WAITING;
}
