// Ring: a bounded queue of records for any number of threads. Owns the slots, the tail and the head. In it nothing is ever "busy": who stalls
// or dies anywhere holds up nobody, and nothing has to be repaired before the others go on (docs/protocols.md § 12).
//
//   slot of s:   s << 32 | descriptor, once record s is there; before that what stood there a lap ago
//   tail, head:  sequence << 32 | bytes of all records before it: hints, which anybody moves on by what slots and descriptors say
//
//   record s is queued ⇔ its slot says s and its descriptor says READY at s;  taken ⇔ the slot says s and the descriptor does not
//   a descriptor leaves READY at s only when the tail is past s, and what it becomes then only when the head is        (A, B)
//
// By A and B whoever moves the tail or the head finds the record's length still there, so the bytes queued are exact, and nobody who died on
// the way has a share in them. Putting a record in is one compare-and-swap of its slot, taking it one of its descriptor's word.

import { copyValue, get32, get64, put32, put64 } from "./memory";
import { add32, cas64, load32, load64 } from "./atomic";
import { me, slot } from "./owners";
import { noteDepth, noteTaken, wake } from "./ringbell";
import { descriptorFor, dropPayload, findAgain, fits, giveDescriptorBack, isForRoom, keepNext } from "./ringpool";
import { S_OUT, S_REASON } from "./shared/layout";
import {
  DESCRIPTOR_SHIFT,
  DROPPED_SHIFT,
  D_BLOCK,
  D_DROPPING,
  D_HELD,
  D_LENGTH,
  D_OWNER_SHIFT,
  D_READY,
  D_ROOM,
  D_STATE_MASK,
  D_TAG,
  D_TAKEN,
  D_WORD,
  PARTY_BYTES,
  POLICY_DROP_OLDEST,
  P_AGAIN,
  P_AHEAD,
  P_DROPPED,
  P_HAND,
  P_HEAD,
  P_KEPT,
  P_PEAK,
  P_REFUSED,
  P_HEAD_LAPS,
  P_TAIL,
  P_TAIL_LAPS,
  Q_AGAIN,
  Q_HEAD,
  Q_HIGH,
  Q_IS_HIGH,
  Q_ITEMS,
  LAPS,
  Q_LIMIT,
  Q_LIMIT_BYTES,
  Q_MASK,
  Q_PARTIES,
  Q_POLICY,
  Q_ROOM,
  Q_SLOTS,
  Q_TAIL,
  RING_IN_HAND,
  RING_POPPED_TAG,
  SLOT_CLOSED,
} from "./shared/rings";
import {
  BUSY,
  CLOSED,
  NOT_ATTACHED,
  OK,
  RING_DROPPED,
  RING_EMPTY,
  RING_ENDED,
  RING_FULL,
  RING_TOO_LONG,
} from "./shared/status";

// The sequences are counted on in steps of 2^30, so that who dies between two words is never a whole lap of them behind.
const LAP_MASK: u32 = 0x3fffffff;

/** What this owner notes of the ring. */
export function partyOf(ring: usize): usize {
  return <usize>get32(ring + Q_PARTIES) + <usize>me * PARTY_BYTES;
}

export function descriptorWord(sequence: u32, state: u32, owner: u32): u64 {
  return ((<u64>sequence) << 32) | (owner << D_OWNER_SHIFT) | state;
}

/** The sequence in the tail, the head, a slot or a descriptor's word. */
export function sequenceOf(word: u64): u32 {
  return <u32>(word >> 32);
}

export function slotAt(ring: usize, sequence: u32): usize {
  return <usize>get32(ring + Q_SLOTS) + ((<usize>(sequence & get32(ring + Q_MASK))) << 3);
}

/** Whether this word is that of a record in its place, as record `sequence`. */
export function isReadyAs(word: u64, sequence: u32): bool {
  return sequenceOf(word) == sequence && (<u32>word & D_STATE_MASK) == D_READY;
}

/** The tail or head `at` once the next record, of `bytes` bytes, is before it. */
function past(at: u64, bytes: u32): u64 {
  return ((<u64>(sequenceOf(at) + 1)) << 32) | (<u32>at + bytes);
}

// The straight lines, Hot.put and Hot.take, are compiled into what calls them, which saves a fifth of it. Everything that is rarer, loops above
// all, stands in functions that two places call, for what one place calls is compiled into it, and makes it slower. What they read of tail,
// head and descriptor they read plainly: an atomic load costs four times as much, and the compare-and-swap that follows fails on anything
// that is not so any more. Where they moved tail or head themselves they note it as seen, so that a thread that both puts in and takes looks
// at neither again.

/** Copies `bytes` bytes at `from` into the ring: OK, RING_IS_HIGH, RING_FULL, CLOSED, or why there is no memory for it. O(1). */
export function ringPush(ring: usize, from: usize, bytes: u32, tag: u32): u32 {
  if (me == 0) return NOT_ATTACHED;
  const party = enter(ring);
  let d = <usize>get32(party + P_KEPT);
  if (d == 0 || !fits(get32(d + D_ROOM), bytes)) {
    d = reserve(ring, party, bytes, false);
    if (d == 0) return get32(slot + S_REASON);
  }
  copyValue(<usize>get32(d + D_BLOCK), from, bytes);
  put32(d + D_LENGTH, bytes);
  put32(d + D_TAG, tag);
  const status = Hot.put(ring, party, d, bytes);
  return status == BUSY ? put(ring, party, d, bytes, false) : status;
}

/**
 * A descriptor with place for `bytes` bytes, in the caller's hand; 0: S_REASON says why there is none. RING_DROPPED, only if the caller `wants` what is
 * dropped for its memory: as with ringCommit.
 */
export function ringReserve(ring: usize, bytes: u32, wants: bool): usize {
  if (me == 0) return 0;
  const party = enter(ring);
  let d = <usize>get32(party + P_KEPT);
  if (d != 0 && fits(get32(d + D_ROOM), bytes)) put32(party + P_KEPT, 0);
  else {
    d = reserve(ring, party, bytes, wants);
    put32(party + P_HAND, 0);
  }
  return d;
}

/** A descriptor from the pool; with the policy to drop the oldest, these give their memory where there is no other. */
function reserve(ring: usize, party: usize, bytes: u32, wants: bool): usize {
  let d = descriptorFor(ring, party, bytes);
  const reason = get32(slot + S_REASON);
  while (d == 0 && load32(ring + Q_POLICY) == POLICY_DROP_OLDEST && isForRoom(get32(slot + S_REASON))) {
    const old = take(ring, party, D_DROPPING);
    if (old == 0 || wants) {
      put32(slot + S_OUT + (RING_IN_HAND << 2), <u32>old);
      put32(slot + S_REASON, old == 0 ? reason : RING_DROPPED);
      return 0;
    }
    drop(ring, party, old);
    d = descriptorFor(ring, party, bytes);
  }
  return d;
}

/**
 * Puts the record in hand, of `bytes` bytes, into the ring. RING_FULL and CLOSED: it was given back. RING_DROPPED, only if the caller
 * `wants` what is dropped: the oldest is in hand too (S_OUT, RING_IN_HAND), and this is to be called again when that was seen to.
 */
export function ringCommit(ring: usize, d: usize, bytes: u32, tag: u32, wants: bool): u32 {
  if (me == 0) return NOT_ATTACHED;
  const party = partyOf(ring);
  if (get32(party + P_HAND) != 0) giveUp(ring, party);
  put32(party + P_HAND, <u32>d);
  put32(d + D_LENGTH, bytes);
  put32(d + D_TAG, tag);
  const status = Hot.put(ring, party, d, bytes);
  return status == BUSY ? put(ring, party, d, bytes, wants) : status;
}

// A class, for only the functions of one can be told in TypeScript's grammar to be compiled into their callers.
// oxlint-disable-next-line typescript/no-extraneous-class
class Hot {
  /** The straight line of `put`, where nobody else is quicker and there is place; BUSY: nothing was changed. */
  @inline
  static put(ring: usize, party: usize, d: usize, bytes: u32): u32 {
    const tail = get64(ring + Q_TAIL);
    const t = sequenceOf(tail);
    const at = slotAt(ring, t);
    const before = get64(at);
    const head = get64(party + P_HEAD);
    if (<i32>(sequenceOf(before) - t) >= 0) return BUSY;
    if (get32(party + P_TAIL_LAPS) != get32(ring + Q_TAIL + LAPS)) return BUSY;
    if (!hasPlace(ring, tail, head, bytes)) return BUSY;
    put64(d + D_WORD, descriptorWord(t, D_READY, me));
    if (!cas64(at, before, ((<u64>t) << 32) | <u64>d)) return BUSY; // commit
    const next = past(tail, bytes);
    if (cas64(ring + Q_TAIL, tail, next)) {
      put32(party + P_TAIL, sequenceOf(next));
      if ((sequenceOf(next) & LAP_MASK) == 0) add32(ring + Q_TAIL + LAPS, 1);
    }
    noLongerInHand(party, d);
    if (load32(ring + Q_ITEMS + 4) != 0) wake(ring + Q_ITEMS);
    if (get32(party + P_AHEAD) > 1) keepNext(ring, party);
    const depth = t + 1 - sequenceOf(head);
    return depth <= get32(party + P_PEAK) && depth < get32(ring + Q_HIGH) ? OK : noteDepth(ring, party, t);
  }

  /** The straight line of `take`, where a record is there and nobody else is quicker; 0: nothing was changed. */
  @inline
  static take(ring: usize, party: usize): usize {
    const head = get64(ring + Q_HEAD);
    const h = sequenceOf(head);
    // Not plainly: what its producer stored before it put the record there is seen by who sees it there.
    const there = load64(slotAt(ring, h));
    const d = <usize>(<u32>there);
    if (sequenceOf(there) != h || d == SLOT_CLOSED || get32(ring + Q_AGAIN) != get32(party + P_AGAIN)) return 0;
    const word = get64(d + D_WORD);
    if (!isReadyAs(word, h)) return 0;
    const laps = get32(ring + Q_HEAD + LAPS);
    if (<i32>(get32(party + P_TAIL) - h) <= 0 || get32(party + P_HEAD_LAPS) != laps) {
      const tail = sequenceOf(get64(ring + Q_TAIL));
      if (<i32>(tail - h) <= 0) return 0;
      put32(party + P_HEAD_LAPS, laps);
      put32(party + P_TAIL, tail);
    }
    put32(party + P_HAND, <u32>d);
    if (!cas64(d + D_WORD, word, descriptorWord(h, D_TAKEN, me))) {
      // commit
      put32(party + P_HAND, 0);
      return 0;
    }
    const next = past(head, get32(d + D_LENGTH));
    if (cas64(ring + Q_HEAD, head, next)) {
      put64(party + P_HEAD, next);
      if ((sequenceOf(next) & LAP_MASK) == 0) add32(ring + Q_HEAD + LAPS, 1);
    }
    if (load32(ring + Q_IS_HIGH) != 0) noteTaken(ring, party, h + 1);
    return d;
  }
}

/** The record `d` is in the ring: it is neither what a call has in hand any more nor what the party keeps. */
function noLongerInHand(party: usize, d: usize): void {
  if (get32(party + P_KEPT) == <u32>d) put32(party + P_KEPT, 0);
  put32(party + P_HAND, 0);
}

/** As ringCommit, whatever comes between. */
function put(ring: usize, party: usize, d: usize, bytes: u32, wants: bool): u32 {
  if (get32(party + P_KEPT) == <u32>d) put32(party + P_KEPT, 0);
  put32(party + P_HAND, <u32>d);
  let status = publish(ring, party, d, bytes);
  while (status == RING_FULL && load32(ring + Q_POLICY) == POLICY_DROP_OLDEST) {
    // The limit may have been lowered since: then room for it would not come if all were dropped.
    if (bytes > load32(ring + Q_LIMIT_BYTES)) break;
    const old = take(ring, party, D_DROPPING);
    if (old != 0 && wants) {
      put32(party + P_HAND, 0);
      put32(slot + S_OUT + (RING_IN_HAND << 2), <u32>old);
      return RING_DROPPED;
    }
    if (old != 0) drop(ring, party, old);
    else if (load32(ring + Q_LIMIT) == 0) break;
    put32(party + P_HAND, <u32>d);
    status = publish(ring, party, d, bytes);
  }
  if (status == RING_FULL || status == CLOSED) {
    if (status == RING_FULL) put64(party + P_REFUSED, get64(party + P_REFUSED) + 1);
    giveDescriptorBack(party, d);
    return status;
  }
  put32(party + P_HAND, 0);
  if (load32(ring + Q_ITEMS + 4) != 0) wake(ring + Q_ITEMS);
  if (get32(party + P_AHEAD) > 1) keepNext(ring, party);
  return noteDepth(ring, party, published);
}

/** Gives the record in hand back: one that is not in the ring yet, or that was taken from it. */
export function ringRelease(ring: usize, d: usize): void {
  if (me == 0) return;
  const party = partyOf(ring);
  const hand = <usize>get32(party + P_HAND);
  // What a call that an exception cut had in hand, before its name is written over.
  if (hand != 0 && hand != d) giveUp(ring, party);
  if ((<u32>get64(d + D_WORD) & D_STATE_MASK) == D_DROPPING) drop(ring, party, d);
  else giveDescriptorBack(party, d);
}

/**
 * Copies the oldest record to `to`, where there is place for `room` bytes, and takes it off the ring: OK, and S_OUT has its length and tag;
 * RING_EMPTY; RING_ENDED; RING_TOO_LONG: it is in the caller's hand instead, as by ringTake. O(1).
 */
export function ringPop(ring: usize, to: usize, room: u32): i32 {
  if (me == 0) return -(<i32>NOT_ATTACHED);
  const party = partyOf(ring);
  if (get32(party + P_HAND) != 0) giveUp(ring, party);
  let d = Hot.take(ring, party);
  if (d == 0) d = take(ring, party, D_TAKEN);
  if (d == 0) return -(<i32>took);
  const bytes = get32(d + D_LENGTH);
  if (bytes > room) {
    put32(party + P_HAND, 0);
    put32(slot + S_OUT + (RING_IN_HAND << 2), <u32>d);
    if (load32(ring + Q_ROOM + 4) != 0) wake(ring + Q_ROOM);
    return -(<i32>RING_TOO_LONG);
  }
  put32(slot + S_OUT + (RING_POPPED_TAG << 2), get32(d + D_TAG));
  copyValue(to, <usize>get32(d + D_BLOCK), bytes);
  giveDescriptorBack(party, d);
  if (load32(ring + Q_ROOM + 4) != 0) wake(ring + Q_ROOM);
  return <i32>bytes;
}

/** The oldest record, in the caller's hand; 0: S_REASON says RING_EMPTY or RING_ENDED. */
export function ringTake(ring: usize): usize {
  if (me == 0) return 0;
  const party = partyOf(ring);
  if (get32(party + P_HAND) != 0) giveUp(ring, party);
  let d = Hot.take(ring, party);
  if (d == 0) d = take(ring, party, D_TAKEN);
  put32(party + P_HAND, 0);
  if (d == 0) put32(slot + S_REASON, took);
  else if (load32(ring + Q_ROOM + 4) != 0) wake(ring + Q_ROOM);
  return d;
}

/** An exception may have cut the call before this one. */
export function enter(ring: usize): usize {
  const party = partyOf(ring);
  if (get32(party + P_HAND) != 0) giveUp(ring, party);
  return party;
}

/** Gives back what a call that was cut had in hand, if it is this owner's still. */
export function giveUp(ring: usize, party: usize): void {
  const d = <usize>get32(party + P_HAND);
  const word = load64(d + D_WORD);
  const state = <u32>word & D_STATE_MASK;
  if (((<u32>word >>> D_OWNER_SHIFT) & 0xff) == me) {
    if (state == D_DROPPING) {
      helpHead(ring, load64(ring + Q_HEAD));
      drop(ring, party, d);
    } else if (state == D_TAKEN || state == D_HELD || (state == D_READY && !isQueued(ring, d, word))) {
      helpHead(ring, load64(ring + Q_HEAD));
      if (get32(d + D_ROOM) == 0) dropPayload(d);
      giveDescriptorBack(party, d);
    }
  }
  put32(party + P_HAND, 0);
}

/**
 * Whether the record whose word was `word`, READY, stands in its slot, or was taken from there since: a lap later the slot says so no more. Of
 * one that is in hand nobody else can put it there meanwhile.
 */
export function isQueued(ring: usize, d: usize, word: u64): bool {
  return load64(slotAt(ring, sequenceOf(word))) == (((word >> 32) << 32) | <u64>d) || load64(d + D_WORD) != word;
}

// The sequence of the record that this thread put in last.
let published: u32 = 0;

/** Puts record `d` into the ring, which is this owner's still if that fails: OK, RING_FULL or CLOSED. */
function publish(ring: usize, party: usize, d: usize, bytes: u32): u32 {
  while (true) {
    const tail = load64(ring + Q_TAIL);
    const t = sequenceOf(tail);
    const at = slotAt(ring, t);
    const before = load64(at);
    const ahead = <i32>(sequenceOf(before) - t);
    if (ahead > 0) continue; // the tail has moved on since
    if (ahead == 0) {
      if (<u32>before == SLOT_CLOSED) return CLOSED;
      helpTail(ring, tail, before);
      continue;
    }
    // Seen a lap ago, the head would look like one just seen.
    const isOld = get32(party + P_TAIL_LAPS) != load32(ring + Q_TAIL + LAPS);
    if (isOld || !hasPlace(ring, tail, get64(party + P_HEAD), bytes)) {
      put32(party + P_TAIL_LAPS, load32(ring + Q_TAIL + LAPS));
      const head = load64(ring + Q_HEAD);
      put64(party + P_HEAD, head);
      if (!hasPlace(ring, tail, head, bytes)) {
        if (helpHead(ring, head) || load64(ring + Q_TAIL) != tail) continue;
        return RING_FULL;
      }
    }
    // Plainly, for the slot's compare-and-swap comes after it; and every record that this descriptor ever was is before the tail, so nobody who
    // finds it in an old slot takes it for that one.
    put64(d + D_WORD, descriptorWord(t, D_READY, me));
    if (cas64(at, before, ((<u64>t) << 32) | <u64>d)) {
      // commit
      moveTail(ring, tail, bytes);
      published = t;
      return OK;
    }
  }
  return RING_FULL;
}

/** Whether a record of `bytes` bytes may be the next while the head stands at `head` or further: never wrongly true. */
function hasPlace(ring: usize, tail: u64, head: u64, bytes: u32): bool {
  return (
    sequenceOf(tail) - sequenceOf(head) < get32(ring + Q_LIMIT) &&
    <u64>(<u32>tail - <u32>head) + bytes <= <u64>get32(ring + Q_LIMIT_BYTES)
  );
}

// Why the last `take` of this thread answered 0.
export let took: u32 = 0;

/** Takes the oldest record: it is this owner's, in the state `state`, and the head is past it. 0: there is none, `took` says why. */
export function take(ring: usize, party: usize, state: u32): usize {
  if (load32(ring + Q_AGAIN) != get32(party + P_AGAIN) && state == D_TAKEN) {
    const d = findAgain(ring, party);
    if (d != 0) return d;
  }
  while (true) {
    const head = load64(ring + Q_HEAD);
    const h = sequenceOf(head);
    const there = load64(slotAt(ring, h));
    if (sequenceOf(there) != h) {
      if (<i32>(sequenceOf(there) - h) > 0) continue; // the head has moved on since
      took = RING_EMPTY;
      return 0;
    }
    if (<u32>there == SLOT_CLOSED) {
      took = RING_ENDED;
      return 0;
    }
    const d = <usize>(<u32>there);
    const word = load64(d + D_WORD);
    if (!isReadyAs(word, h)) {
      moveHead(ring, head, load32(d + D_LENGTH));
      continue;
    }
    const bytes = load32(d + D_LENGTH);
    // Seen a lap ago, the tail would look like one just seen.
    const laps = load32(ring + Q_HEAD + LAPS);
    if (<i32>(get32(party + P_TAIL) - h) <= 0 || get32(party + P_HEAD_LAPS) != laps) {
      put32(party + P_HEAD_LAPS, laps);
      const tail = load64(ring + Q_TAIL);
      if (sequenceOf(tail) == h) moveTail(ring, tail, bytes);
      put32(party + P_TAIL, sequenceOf(tail) == h ? h + 1 : sequenceOf(tail));
    }
    put32(party + P_HAND, <u32>d);
    if (cas64(d + D_WORD, word, descriptorWord(h, state, me))) {
      // commit
      moveHead(ring, head, bytes);
      if (load32(ring + Q_IS_HIGH) != 0) noteTaken(ring, party, h + 1);
      return d;
    }
    put32(party + P_HAND, 0);
  }
  return 0;
}

/** Moves the tail past the record in its slot, whose word is `there`. If the tail is still `tail` then, by A, the length was the record's. */
export function helpTail(ring: usize, tail: u64, there: u64): void {
  moveTail(ring, tail, load32(<usize>(<u32>there) + D_LENGTH));
}

function moveTail(ring: usize, tail: u64, bytes: u32): void {
  move(ring + Q_TAIL, tail, bytes);
}

/** By B the length was the record's, if the head is still `head`. */
function moveHead(ring: usize, head: u64, bytes: u32): void {
  move(ring + Q_HEAD, head, bytes);
}

function move(at: usize, from: u64, bytes: u32): void {
  const to = past(from, bytes);
  if (cas64(at, from, to) && (sequenceOf(to) & LAP_MASK) == 0) add32(at + LAPS, 1);
}

/** Moves the head on if the record there is taken, or it has moved since; false: there is none, or it is queued. */
export function helpHead(ring: usize, head: u64): bool {
  const h = sequenceOf(head);
  const there = load64(slotAt(ring, h));
  if (sequenceOf(there) != h) return <i32>(sequenceOf(there) - h) > 0;
  if (<u32>there == SLOT_CLOSED) return false;
  const d = <usize>(<u32>there);
  if (isReadyAs(load64(d + D_WORD), h)) return false;
  moveHead(ring, head, load32(d + D_LENGTH));
  return true;
}

/** Counts the record in hand as dropped, and gives it back. A death in between leaves in the count which record it is of. */
export function drop(ring: usize, party: usize, d: usize): void {
  const before = get64(party + P_DROPPED);
  const named = <u64>d >> DESCRIPTOR_SHIFT;
  // What names it already was counted by a call that an exception cut before it gave it back.
  const count = (before >> DROPPED_SHIFT) + ((before & ((1 << DROPPED_SHIFT) - 1)) == named ? 0 : 1);
  put64(party + P_DROPPED, (count << DROPPED_SHIFT) | named);
  giveDescriptorBack(party, d);
  put64(party + P_DROPPED, count << DROPPED_SHIFT);
}
