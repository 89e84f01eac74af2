// Rings: rings of chosen shapes, records whose bytes say which they are, and what a ring's words say, for the specs of rings.

import { get32, get64, get8, put32, put8 } from "../memory";
import { load32, load64 } from "../atomic";
import { maxOwners } from "../header";
import { me, slot } from "../owners";
import { partyOf, ringPop, ringPush, ringReserve, ringTake, sequenceOf } from "../ring";
import { closeRing, leaveRing, openRing } from "../ringlife";
import { OUT_OVERHEAD, OUT_USED, S_OUT, S_REASON } from "../shared/layout";
import {
  DELIVER_ONCE,
  DROPPED_SHIFT,
  D_BLOCK,
  D_LENGTH,
  D_TAG,
  POLICY_REFUSE,
  PARTY_BYTES,
  P_DROPPED,
  P_LOST,
  Q_DESCRIPTORS,
  Q_HEAD,
  Q_PARTIES,
  Q_TAIL,
  RING_BUDGET,
  RING_BUDGET_STATE,
  RING_BYTES,
  RING_CAPACITY,
  RING_CAPACITY_MAX,
  RING_DELIVERY,
  RING_FIRST,
  RING_HIGH,
  RING_IN_HAND,
  RING_LOW,
  RING_POLICY,
  RING_POPPED_TAG,
} from "../shared/rings";
import { RING_BYTES_MAX } from "../shared/limits";
import { OK, RING_IS_HIGH } from "../shared/status";
import { descriptorAt } from "../ringpool";
import { is, outWord, same, sound, trimNow } from "./lib";

export const LONGEST: u32 = 5000;
/** Where records stand outside a ring: what is put in, and behind it what is taken. */
export const SOURCE: usize = heap.alloc(1 << 17);
export const TARGET: usize = SOURCE + (1 << 16);

/** What a ring is opened with. */
export class Shape {
  most: u32 = 0;
  bytes: u32 = RING_BYTES_MAX;
  policy: u32 = POLICY_REFUSE;
  delivery: u32 = DELIVER_ONCE;
  high: u32 = 0x7fffffff;
  low: u32 = 0;
  budget: usize = 0;
  budgetState: u32 = 0;
  first: u32 = 0;
  constructor(public capacity: u32) {}
}

/** The ring `name`, for this owner; 0: there is no memory for it. */
export function open(shape: Shape, name: u32 = 1): usize {
  give(RING_CAPACITY, shape.capacity);
  give(RING_CAPACITY_MAX, max(shape.most, shape.capacity));
  give(RING_BYTES, shape.bytes);
  give(RING_POLICY, shape.policy);
  give(RING_DELIVERY, shape.delivery);
  give(RING_HIGH, shape.high);
  give(RING_LOW, shape.low);
  give(RING_BUDGET, <u32>shape.budget);
  give(RING_BUDGET_STATE, shape.budgetState);
  give(RING_FIRST, shape.first);
  return openRing(name);
}

function give(word: usize, value: u32): void {
  put32(slot + S_OUT + (word << 2), value);
}

/** Bytes that are all different from those of the next record and of one that is longer or shorter. */
function byteOf(number: u32, bytes: u32, i: u32): u8 {
  return <u8>(number * 37 + bytes * 11 + i * 7 + (i >>> 8));
}

export function fill(to: usize, number: u32, bytes: u32): void {
  for (let i: u32 = 0; i < bytes; i++) put8(to + i, byteOf(number, bytes, i));
}

export function isRecord(at: usize, number: u32, bytes: u32, what: string): void {
  for (let i: u32 = 0; i < bytes; i++) {
    if (<u8>get8(at + i) != byteOf(number, bytes, i)) return same(get8(at + i), byteOf(number, bytes, i), what, i);
  }
}

/** Puts record `number` in; its tag is its number. */
export function push(ring: usize, number: u32, bytes: u32): u32 {
  fill(SOURCE, number, bytes);
  return ringPush(ring, SOURCE, bytes, number);
}

export function pushed(ring: usize, number: u32, bytes: u32): void {
  const status = push(ring, number, bytes);
  is(status == OK || status == RING_IS_HIGH, true, "put in, record", number);
}

/** The oldest record is this one. */
export function popped(ring: usize, number: u32, bytes: u32): void {
  memory.fill(TARGET, 0xee, LONGEST + 8);
  same(ringPop(ring, TARGET, LONGEST), bytes, "length of record", number);
  same(outWord(RING_POPPED_TAG), number, "tag of record", number);
  isRecord(TARGET, number, bytes, "bytes of record");
  same(get8(TARGET + bytes), 0xee, "what stands behind record", number);
}

/** Nothing is taken, and this is why. */
export function nothing(ring: usize, reason: u32, where: u64): void {
  same(<u32>-ringPop(ring, TARGET, LONGEST), reason, "nothing to take", where);
}

/** A descriptor in hand whose payload is filled in as record `number`. */
export function reserved(ring: usize, number: u32, bytes: u32): usize {
  const d = ringReserve(ring, bytes, false);
  is(d != 0, true, "place for record", number);
  fill(<usize>get32(d + D_BLOCK), number, bytes);
  return d;
}

/** The oldest record, in hand, is this one. */
export function taken(ring: usize, number: u32, bytes: u32): usize {
  const d = ringTake(ring);
  is(d != 0, true, "taken, record", number);
  inHand(d, number, bytes);
  return d;
}

export function inHand(d: usize, number: u32, bytes: u32): void {
  same(get32(d + D_LENGTH), bytes, "length in hand of record", number);
  same(get32(d + D_TAG), number, "tag in hand of record", number);
  isRecord(<usize>get32(d + D_BLOCK), number, bytes, "bytes in hand");
}

/** What the last call has in hand for its caller. */
export function handed(): usize {
  return outWord(RING_IN_HAND);
}

export function why(): u32 {
  return get32(slot + S_REASON);
}

export function depth(ring: usize): u32 {
  return sequenceOf(load64(ring + Q_TAIL)) - sequenceOf(load64(ring + Q_HEAD));
}

export function bytesIn(ring: usize): u32 {
  return <u32>load64(ring + Q_TAIL) - <u32>load64(ring + Q_HEAD);
}

/** What this owner dropped. */
export function dropped(ring: usize): u64 {
  return get64(partyOf(ring) + P_DROPPED) >> DROPPED_SHIFT;
}

export function lost(ring: usize): u64 {
  let sum: u64 = 0;
  for (let index: u32 = 1; index <= maxOwners; index++) {
    sum += load64(<usize>get32(ring + Q_PARTIES) + <usize>index * PARTY_BYTES + P_LOST) >> DROPPED_SHIFT;
  }
  return sum;
}

/** How many descriptors are in the state `state`, of owner `index` (0: anybody). */
export function countOf(ring: usize, state: u32, index: u32 = 0): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < load32(ring + Q_DESCRIPTORS); i++) {
    const word = <u32>load64(descriptorAt(ring, i));
    if ((word & 255) == state && (index == 0 || ((word >>> 8) & 255) == index)) count++;
  }
  return count;
}

let usedBefore: u32 = 0;
let overheadBefore: u32 = 0;

/** Keeps what the region holds now. */
export function keepSums(): void {
  sound("before", 0);
  usedBefore = outWord(OUT_USED);
  overheadBefore = outWord(OUT_OVERHEAD);
}

/** Nothing is broken, and the region holds what it held then. */
export function sameSums(what: string): void {
  trimNow();
  sound(what, 0);
  same(outWord(OUT_USED), usedBefore, "used, " + what, 0);
  same(outWord(OUT_OVERHEAD), overheadBefore, "overhead, " + what, 0);
}

export function usedNow(): u32 {
  sound("used now", 0);
  return outWord(OUT_USED) - usedBefore;
}

/** Ends the ring, and this owner, the last, leaves it: nothing of it is left. */
export function gone(ring: usize, what: string): void {
  closeRing(ring);
  same(leaveRing(ring), OK, "left, " + what, me);
  sameSums(what);
}
