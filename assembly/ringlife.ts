// Ring life: how rings come, are used by owners, end, and go. Owns the list of rings and of each the control's words that say so. A thread
// works on a ring only while its party says that it uses it, so its memory goes back when the ring has ended and the last party has left;
// who dies is made to leave by its recovery.
//
//   H_RINGS → newest → … → oldest, each named by the word before it; it changes under the page lock
//   open → ended: the mark in its slots (ringend.ts)  ·  ended → going: nobody uses it any more
//   going → gone: payload, budget, descriptors, control, in this order; who dies on the way leaves Q_CLOSER, whose recovery goes on

import { get32, get64, put32, put64 } from "./memory";
import { add32, cas64, load32, load64, store32, store64 } from "./atomic";
import { carveNamed, giveBackNamed, name } from "./chunk";
import { maxOwners } from "./header";
import { lock } from "./lock";
import { closeBudget } from "./nodes";
import { isDead, me, myId, slot } from "./owners";
import { enter, giveUp, helpHead, isQueued, partyOf } from "./ring";
import { noteLow, wakeParties } from "./ringbell";
import { endRing, hasEnded } from "./ringend";
import { chunkLength, descriptorAt, dropPayload, hasPayload, setFree, shed } from "./ringpool";
import { letGo } from "./trim";
import { GRAIN_BYTES, GRAIN_SHIFT, H_RINGS, S_OUT, S_REASON } from "./shared/layout";
import {
  DELIVER_AGAIN,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_SHIFT,
  DROPPED_SHIFT,
  D_AGAIN,
  D_CLAIM,
  D_DROPPING,
  D_FREE,
  D_OWNER_SHIFT,
  D_READY,
  D_ROOM,
  D_STATE_MASK,
  D_TAKEN,
  D_WORD,
  PARTY_BYTES,
  P_AGAIN,
  P_AHEAD,
  P_DROPPED,
  P_HAND,
  P_HEAD,
  P_KEPT,
  P_LOST,
  P_OWNER,
  P_TAIL,
  Q_AGAIN,
  Q_BUDGET,
  Q_BUDGET_STATE,
  Q_CAPACITY_MAX,
  Q_CHUNKS,
  Q_CONFIG,
  Q_DELIVERY,
  Q_DESCRIPTORS,
  Q_GRAINS,
  Q_HEAD,
  Q_HIGH,
  Q_IS_HIGH,
  Q_LIMIT,
  Q_LIMIT_BYTES,
  Q_LOW,
  Q_MASK,
  Q_NAME,
  Q_NEXT,
  Q_PARTIES,
  Q_POLICY,
  Q_SLOTS,
  Q_STATE,
  Q_TAIL,
  RING_BEFORE,
  RING_BUDGET,
  RING_BUDGET_STATE,
  RING_BYTES,
  RING_CAPACITY,
  RING_CAPACITY_MAX,
  RING_CHUNKS_MAX,
  RING_CONFIG,
  RING_CONTROL_BYTES,
  RING_DELIVERY,
  RING_FIRST,
  RING_GOING,
  RING_HIGH,
  RING_LOW,
  RING_OPEN,
  RING_POLICY,
} from "./shared/rings";
import { BUSY, FULL, OK } from "./shared/status";

/**
 * The ring of this name (a number of names.ts), which this owner uses from now on, also if it has ended and somebody still uses it; if there is
 * none, a new one as S_OUT says (RING_…). Writes to S_OUT whether it was there (RING_BEFORE). 0: S_REASON says why not. O(rings); a new one O(slots).
 */
export function openRing(text: u32): usize {
  const status = lock();
  if (status != OK) return refused(status);
  let ring = findRing(text);
  const isNew = ring == 0;
  if (isNew) ring = build(text);
  if (ring != 0) {
    const party = partyOf(ring);
    if (get32(party + P_HAND) != 0) giveUp(ring, party);
    const head = load64(ring + Q_HEAD);
    put64(party + P_HEAD, head);
    // Nothing is known of the tail: a zero there would be ahead of a sequence that is about to come round.
    put32(party + P_TAIL, <u32>(head >> 32));
    put32(party + P_AHEAD, 0);
    store32(party + P_OWNER, myId);
    put32(slot + S_OUT + (RING_BEFORE << 2), isNew ? 0 : 1);
  } else put32(slot + S_REASON, FULL);
  letGo();
  return ring;
}

function refused(reason: u32): usize {
  if (me != 0) put32(slot + S_REASON, reason);
  return 0;
}

function findRing(text: u32): usize {
  for (let ring = <usize>load32(H_RINGS); ring != 0; ring = <usize>get32(ring + Q_NEXT)) {
    if (get32(ring + Q_NAME) == text && load32(ring + Q_STATE) == RING_OPEN) return ring;
  }
  return 0;
}

function given(word: usize): u32 {
  return get32(slot + S_OUT + (word << 2));
}

/** Under the page lock. 0: there is no run for it. */
function build(text: u32): usize {
  // One more than may be queued, for the mark of its end.
  const slots: u32 = 1 << (32 - <u32>clz(given(RING_CAPACITY_MAX)));
  const parties = RING_CONTROL_BYTES + (maxOwners + 1) * PARTY_BYTES;
  const length = (parties + (slots << 3) + GRAIN_BYTES - 1) >>> GRAIN_SHIFT;
  const ring = carveNamed(H_RINGS, length);
  if (ring == 0) return 0;
  store32(ring + Q_STATE, RING_OPEN);
  put32(ring + Q_NEXT, load32(H_RINGS));
  put32(ring + Q_NAME, text);
  put32(ring + Q_MASK, slots - 1);
  put32(ring + Q_SLOTS, <u32>ring + parties);
  put32(ring + Q_PARTIES, <u32>ring + RING_CONTROL_BYTES);
  put32(ring + Q_BUDGET, given(RING_BUDGET));
  put32(ring + Q_BUDGET_STATE, given(RING_BUDGET_STATE));
  put32(ring + Q_POLICY, given(RING_POLICY));
  put32(ring + Q_DELIVERY, given(RING_DELIVERY));
  put32(ring + Q_CAPACITY_MAX, given(RING_CAPACITY_MAX));
  put32(ring + Q_GRAINS, length);
  for (let i: usize = 0; i < 8; i++) put32(ring + Q_CONFIG + (i << 2), given(RING_CONFIG + i));
  setLimits(ring, given(RING_CAPACITY), given(RING_BYTES), given(RING_HIGH), given(RING_LOW));
  const first = given(RING_FIRST);
  for (let i: u32 = 0; i < slots; i++) {
    put64(ring + parties + ((<usize>((first + i) & (slots - 1))) << 3), (<u64>(first + i - slots)) << 32);
  }
  store64(ring + Q_TAIL, (<u64>first) << 32);
  store64(ring + Q_HEAD, (<u64>first) << 32);
  name(H_RINGS, ring); // commit
  return ring;
}

/** Changes how much the ring may hold, up to its largest capacity, from where to where it is high, and what becomes of what has no place. What is queued stays. */
export function ringSetLimits(ring: usize, records: u32, bytes: u32, high: u32, low: u32, policy: u32): void {
  if (me == 0) return;
  store32(ring + Q_POLICY, policy);
  setLimits(ring, min(records, get32(ring + Q_CAPACITY_MAX)), bytes, high, low);
  if (load32(ring + Q_IS_HIGH) != 0) noteLow(ring, <u32>(load64(ring + Q_HEAD) >> 32));
  wakeParties(ring);
}

function setLimits(ring: usize, records: u32, bytes: u32, high: u32, low: u32): void {
  store32(ring + Q_LIMIT, records);
  store32(ring + Q_LIMIT_BYTES, bytes);
  store32(ring + Q_HIGH, high);
  store32(ring + Q_LOW, low);
}

/** Gives back what payload lies idle in the ring's pool, what this owner keeps for its next record included. False: there was none. O(descriptors). */
export function ringTrim(ring: usize): bool {
  if (me == 0) return false;
  const party = enter(ring);
  const kept = <usize>get32(party + P_KEPT);
  const isAny = kept != 0 && get64(kept + D_CLAIM) != 0;
  if (isAny) dropPayload(kept);
  return shed(ring, party, 0, load32(ring + Q_DESCRIPTORS)) || isAny;
}

/** How many records are to be delivered again. O(descriptors) while this owner has not looked in vain since one was added, else O(1). */
export function ringAgain(ring: usize): u32 {
  if (me == 0) return 0;
  const party = partyOf(ring);
  // Before the look: who adds one says so after it.
  const added = load32(ring + Q_AGAIN);
  if (added == get32(party + P_AGAIN)) return 0;
  let count: u32 = 0;
  const all = load32(ring + Q_DESCRIPTORS);
  for (let i: u32 = 0; i < all; i++) {
    if ((<u32>load64(descriptorAt(ring, i) + D_WORD) & D_STATE_MASK) == D_AGAIN) count++;
  }
  if (count == 0) put32(party + P_AGAIN, added);
  return count;
}

/** Ends the ring: what is in it may be taken still. False: it had ended. */
export function closeRing(ring: usize): bool {
  if (me == 0) return false;
  const isFirst = endRing(ring);
  wakeParties(ring);
  return isFirst;
}

/** This owner uses the ring no more: what it has in hand goes back, and with the last one a ring that has ended. OK, or BUSY: to be called again. */
export function leaveRing(ring: usize): u32 {
  const status = lock();
  if (status != OK) return status;
  if (get32(partyOf(ring) + P_OWNER) == myId && settleParty(ring, me)) wakeParties(ring);
  const isGoing = load64(ring + Q_STATE) == goingBy(myId) || beginToGo(ring);
  letGo();
  return isGoing ? takeApart(ring) : OK;
}

/** Ends the ring of this name, if there is one, for whoever opened it; if nobody uses it, it goes. OK, or BUSY: to be called again. */
export function endNamed(text: u32): u32 {
  const status = lock();
  if (status != OK) return status;
  const ring = findRing(text);
  if (ring != 0) {
    endRing(ring);
    wakeParties(ring);
  }
  const isGoing = ring != 0 && beginToGo(ring);
  letGo();
  return isGoing ? takeApart(ring) : OK;
}

// How many descriptors the last settleRings gave back.
let settled: u32 = 0;

export function settledRecords(): u32 {
  return settled;
}

/** Leaves all rings. OK, or BUSY: not all is done. */
export function leaveRings(): u32 {
  // Without the page lock, which may be held: where there is no ring, this owner uses none.
  return load32(H_RINGS) == 0 ? OK : settleRings(myId);
}

/** Does for owner `id`, which is dead or this one, what leaveRing does, of each ring. OK, or BUSY when not all is done. */
export function settleRings(id: u32): u32 {
  settled = 0;
  while (true) {
    let status = lock();
    if (status != OK) return status;
    const isOurs = id == myId || isDead(id);
    let going: usize = 0;
    for (let ring = <usize>load32(H_RINGS); ring != 0 && isOurs; ring = <usize>get32(ring + Q_NEXT)) {
      const isAgain = settleParty(ring, id & 0xff);
      // From the dead one's hands, or a call before this one that was busy.
      if (cas64(ring + Q_STATE, goingBy(id), goingBy(myId)) || beginToGo(ring)) going = ring;
      if (isAgain || id != myId) wakeParties(ring); // it may have died between what it did and the wake
      if (going != 0) break;
    }
    letGo();
    if (going == 0) return OK;
    status = takeApart(going);
    if (status != OK) return status;
  }
  return OK;
}

function goingBy(id: u32): u64 {
  return ((<u64>id) << 32) | RING_GOING;
}

/** If the ring has ended and nobody uses it, it is this owner's to take apart. Under the page lock. */
function beginToGo(ring: usize): bool {
  if (load64(ring + Q_STATE) != RING_OPEN || !hasEnded(ring)) return false;
  for (let index: u32 = 1; index <= maxOwners; index++) {
    if (load32(<usize>get32(ring + Q_PARTIES) + <usize>index * PARTY_BYTES + P_OWNER) != 0) return false;
  }
  store64(ring + Q_STATE, goingBy(myId)); // commit
  return true;
}

/**
 * Gives back what owner `index`, dead or this one, has of the ring in hand; it uses it no more. Whether something is to be delivered again. Under
 * the page lock. O(descriptors).
 */
function settleParty(ring: usize, index: u32): bool {
  const party = <usize>get32(ring + Q_PARTIES) + <usize>index * PARTY_BYTES;
  if (get32(party + P_OWNER) == 0) return false;
  // First: an exception may cut this, and what is given back by then is not to be found in hand again.
  put32(party + P_HAND, 0);
  put32(party + P_KEPT, 0);
  const all = load32(ring + Q_DESCRIPTORS);
  let isAgain: bool = false;
  for (let i: u32 = 0; i < all; i++) {
    const d = descriptorAt(ring, i);
    const word = load64(d + D_WORD);
    if (((<u32>word >>> D_OWNER_SHIFT) & 0xff) == index) settleDescriptor(ring, party, d, word, index != me);
    if ((<u32>load64(d + D_WORD) & D_STATE_MASK) == D_AGAIN) isAgain = true;
  }
  // Also for what another made so, who died before it said it.
  if (isAgain) add32(ring + Q_AGAIN, 1);
  uncounted(party + P_DROPPED);
  uncounted(party + P_LOST);
  store32(party + P_OWNER, 0); // commit
  return isAgain;
}

/** What this owner has in hand, `d`, is worked on here no more, as if it left with that alone: it goes back, or is delivered again. O(1). */
export function ringReturn(ring: usize, d: usize): void {
  if (me == 0) return;
  settleDescriptor(ring, partyOf(ring), d, load64(d + D_WORD), false);
  if (get32(ring + Q_DELIVERY) != DELIVER_AGAIN) return;
  add32(ring + Q_AGAIN, 1);
  wakeParties(ring);
}

/** Nothing is being counted there any more. */
function uncounted(at: usize): void {
  put64(at, (get64(at) >> DROPPED_SHIFT) << DROPPED_SHIFT);
}

/** A descriptor whose word, `word`, names this owner: of its own it is in hand, unless it is queued. */
function settleDescriptor(ring: usize, party: usize, d: usize, word: u64, isLost: bool): void {
  const state = <u32>word & D_STATE_MASK;
  if (state == D_FREE || state == D_AGAIN || (state == D_READY && isQueued(ring, d, word))) return;
  if (state == D_TAKEN || state == D_DROPPING) helpHead(ring, load64(ring + Q_HEAD));
  if (!hasPayload(d)) {
    put32(d + D_ROOM, 0);
    put64(d + D_CLAIM, 0);
  }
  settled++;
  let next = (word >> 32) << 32;
  if (state == D_TAKEN && get32(ring + Q_DELIVERY) == DELIVER_AGAIN) next |= D_AGAIN;
  const counted = state == D_DROPPING ? party + P_DROPPED : party + P_LOST;
  const isCounted = state == D_DROPPING || (state == D_TAKEN && isLost && next == (word >> 32) << 32);
  const named = <u64>d >> DESCRIPTOR_SHIFT;
  const count = get64(counted) >> DROPPED_SHIFT;
  // What names it already was counted by who died before it gave it back.
  const after = (get64(counted) & ((1 << DROPPED_SHIFT) - 1)) == named ? count : count + 1;
  if (isCounted) put64(counted, (after << DROPPED_SHIFT) | named);
  store64(d + D_WORD, next); // commit: nobody else changes what is in hand
  if (isCounted) put64(counted, after << DROPPED_SHIFT);
}

/** Takes a ring apart that is going by this owner. OK, or BUSY: to be gone on with. */
function takeApart(ring: usize): u32 {
  freePayload(ring);
  const node = <usize>get32(ring + Q_BUDGET);
  if (node != 0 && closeBudget(node, get32(ring + Q_BUDGET_STATE)) == BUSY) return BUSY;
  const status = lock();
  if (status != OK) return status;
  for (let chunk: u32 = 0; chunk < <u32>RING_CHUNKS_MAX; chunk++) {
    const naming = ring + Q_CHUNKS + ((<usize>chunk) << 2);
    if (load32(naming) != 0) giveBackNamed(naming, (chunkLength(chunk) * DESCRIPTOR_BYTES) >>> GRAIN_SHIFT, 0);
  }
  giveBackNamed(namingOf(ring), get32(ring + Q_GRAINS), get32(ring + Q_NEXT));
  letGo();
  return OK;
}

/** Nobody else is at work in the ring; what is queued in it still is lost. */
function freePayload(ring: usize): void {
  const all: u32 = load32(ring + Q_CHUNKS) == 0 ? 0 : load32(ring + Q_DESCRIPTORS);
  for (let i: u32 = 0; i < all; i++) {
    const d = descriptorAt(ring, i);
    setFree(d, get64(d + D_WORD));
  }
  if (all != 0) shed(ring, partyOf(ring), 0, all);
}

/** Where the ring's address stands in the list. Under the page lock. */
function namingOf(ring: usize): usize {
  let at: usize = H_RINGS;
  while (<usize>load32(at) != ring) at = <usize>load32(at) + Q_NEXT;
  return at;
}
