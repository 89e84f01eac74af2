// Claim: the word that says whose a Block is: state << 52 | sequence << 8 | owner, 56 bits. The sequence belongs to the owner's
// slot and only grows, whoever holds the slot, so no claim is ever used twice and a stale handle is refused by comparison.
// A thread that dies in nextClaim loses a number, nothing else.

import { get32, get64, put64 } from "./memory";
import { me, slot } from "./owners";
import {
  CLAIM_LEAVING,
  CLAIM_LIVE,
  CLAIM_SEQUENCE_SHIFT,
  CLAIM_SHARED,
  CLAIM_STATE_SHIFT,
  CLAIM_WAITING,
  C_RECORDS,
  GRAIN_SHIFT,
  RECORD_BYTES,
  S_CLAIM,
  S_SEQUENCE,
} from "./shared/layout";

/** A claim's bits below its state. */
export const CLAIM_REST: u64 = (1 << CLAIM_STATE_SHIFT) - 1;

/** A new claim of this owner; S_CLAIM holds it for the caller outside. */
export function nextClaim(): u64 {
  const sequence = get64(slot + S_SEQUENCE) + 1;
  put64(slot + S_SEQUENCE, sequence);
  const bits = (sequence << CLAIM_SEQUENCE_SHIFT) & CLAIM_REST;
  const claim = ((<u64>CLAIM_LIVE) << CLAIM_STATE_SHIFT) | bits | me;
  put64(slot + S_CLAIM, claim);
  return claim;
}

/** The claim that nextClaim (or who changed S_CLAIM since) left. */
export function lastClaim(): u64 {
  return get64(slot + S_CLAIM);
}

export function claimOf(low: u32, high: u32): u64 {
  return ((<u64>high) << 32) | low;
}

/** The claim once its holder has given back what it holds. */
export function leaving(claim: u64): u64 {
  return (claim & CLAIM_REST) | ((<u64>CLAIM_LEAVING) << CLAIM_STATE_SHIFT);
}

export function isLeaving(claim: u64): bool {
  return claim >> CLAIM_STATE_SHIFT == CLAIM_LEAVING;
}

/** Whether the claim is a reservation's that waits for room. */
export function isWaiting(claim: u64): bool {
  return claim >> CLAIM_STATE_SHIFT == CLAIM_WAITING;
}

/** Whether the claim is that of one thread, which does one thing at a time. */
export function isOne(claim: u64): bool {
  return claim >> CLAIM_STATE_SHIFT == CLAIM_LIVE;
}

/** Whether several threads may hold the claim. */
export function isShared(claim: u64): bool {
  return claim >> CLAIM_STATE_SHIFT == CLAIM_SHARED;
}

/** Whether the claim is one that owner `index` holds, made before it had counted past `last`. */
export function isClaimOf(claim: u64, index: u32, last: u64): bool {
  const state = <u32>(claim >> CLAIM_STATE_SHIFT);
  if ((state != CLAIM_LIVE && state != CLAIM_WAITING) || (<u32>claim & 0xff) != index) return false;
  return (claim & CLAIM_REST) >> CLAIM_SEQUENCE_SHIFT <= last;
}

/** Address of the record of block `index` in the slab at grain `g`, whose geometry is at `shape`. */
export function recordIn(g: u32, shape: usize, index: u32): usize {
  return ((<usize>g) << GRAIN_SHIFT) + get32(shape + C_RECORDS) + <usize>(index * RECORD_BYTES);
}
