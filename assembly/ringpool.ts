// Ring pool: the descriptors of a ring and the payload that stands behind each. Owns the descriptors' words while they are in hand. A
// descriptor keeps its payload, a Block of the region's, while it is free, so a record costs no allocation once the pool has grown to what is
// queued; it shrinks with that too.
//
//   D_WORD says whose the descriptor is: a compare-and-swap of FREE takes it, one store gives it back
//   it has payload ⇔ D_CLAIM ≠ 0 and the Block at D_BLOCK is held by that claim;  D_ROOM bytes of it, none while it comes or goes
//
// Who dies with a descriptor in hand leaves its word, by which recovery finds it; who dies on the way to a payload leaves a Block of its
// own, which recovery gives back like any other, and a claim that holds nothing (docs/protocols.md § 12).

import { get32, get64, put32, put64 } from "./memory";
import { cas32, cas64, load32, load64, store32, store64 } from "./atomic";
import { blockAllocIn } from "./charged";
import { addNamed } from "./chunk";
import { lastClaim } from "./claim";
import { usableSize } from "./heap";
import { me, slot } from "./owners";
import { blockAlloc, blockFree, claimFound, find, pass, shared } from "./record";
import { GRAIN_SHIFT, S_REASON } from "./shared/layout";
import {
  CHUNK_FIRST,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_SHIFT,
  D_AGAIN,
  D_BLOCK,
  D_CLAIM,
  D_FREE,
  D_HELD,
  D_OWNER_SHIFT,
  D_REDELIVERED,
  D_ROOM,
  D_STATE_MASK,
  D_TAKEN,
  D_WORD,
  GROUP_LENGTH_SHIFT,
  GROUP_SHIFT,
  IN_GROUP,
  P_AGAIN,
  P_AHEAD,
  P_CURSOR,
  P_HAND,
  P_IDLE,
  P_KEPT,
  Q_AGAIN,
  Q_BUDGET,
  Q_BUDGET_STATE,
  Q_CHUNKS,
  Q_DESCRIPTORS,
  Q_HEAD,
  Q_TAIL,
  Q_WINDOW,
  RING_CHUNKS_MAX,
  ROOMY_MIN,
  ROOMY_SHIFT,
} from "./shared/rings";
import { FULL, OK, OTHERS_FIRST, OVER_ITEMS, OVER_LIMIT, RING_NO_DESCRIPTOR } from "./shared/status";

const CHUNK_FIRST_SHIFT: u32 = 5;
// A thread looks at this many before it asks for more.
const LOOKS: u32 = 32;
// Ahead of time, at this many: one may be what another thread keeps.
const LOOKS_AHEAD: u32 = 2;
const WINDOW_MIN: u32 = 8;
const IDLE_ROUNDS: u32 = 32;
const PAYLOAD_MIN: u32 = 16;

/** Address of descriptor `index` of the ring. */
export function descriptorAt(ring: usize, index: u32): usize {
  const chunk = chunkOf(index);
  const first = chunk == 0 ? 0 : (<u32>CHUNK_FIRST) << (chunk - 1);
  const at = <usize>(index - first);
  const group = <usize>get32(ring + Q_CHUNKS + ((<usize>chunk) << 2)) + ((at >>> GROUP_LENGTH_SHIFT) << GROUP_SHIFT);
  return group + ((at & IN_GROUP) << DESCRIPTOR_SHIFT);
}

function chunkOf(index: u32): u32 {
  return 32 - <u32>clz(index >>> CHUNK_FIRST_SHIFT);
}

/** How many descriptors chunk `chunk` has. */
export function chunkLength(chunk: u32): u32 {
  return chunk < 2 ? CHUNK_FIRST : (<u32>CHUNK_FIRST) << (chunk - 1);
}

/** The word of a descriptor of this owner's in the state `state`, with the sequence of `from`. */
function held(from: u64, state: u32): u64 {
  return ((from >> 32) << 32) | (me << D_OWNER_SHIFT) | state;
}

/** Frees the descriptor in hand, whose word is `word`: what is left of that is its sequence. */
export function setFree(d: usize, word: u64): void {
  store64(d + D_WORD, (word >> 32) << 32);
}

function isFree(word: u64): bool {
  return (<u32>word & D_STATE_MASK) == D_FREE;
}

/** Takes a descriptor with a payload of `bytes` bytes. 0: S_REASON says why there is none. O(1) but where the pool grows. */
export function descriptorFor(ring: usize, party: usize, bytes: u32): usize {
  let d = <usize>get32(party + P_KEPT);
  if (d != 0) {
    put32(party + P_HAND, <u32>d);
    put32(party + P_KEPT, 0);
  } else {
    put32(party + P_AHEAD, get32(party + P_AHEAD) + 1);
    d = findFree(ring, party);
  }
  if (d == 0) return 0;
  if (fits(get32(d + D_ROOM), bytes)) return d;
  if (exchange(ring, party, d, bytes)) return d;
  giveDescriptorBack(party, d);
  return 0;
}

/** Whether a refusal for this reason is for want of room, which records that go can give: not for a lock, nor for what can never fit. */
export function isForRoom(reason: u32): bool {
  return (
    reason == FULL ||
    reason == OVER_LIMIT ||
    reason == OVER_ITEMS ||
    reason == OTHERS_FIRST ||
    reason == RING_NO_DESCRIPTOR
  );
}

/** Whether a payload with this room is one for so many bytes. */
export function fits(room: u32, bytes: u32): bool {
  return room >= bytes && (room <= <u32>ROOMY_MIN || room >>> ROOMY_SHIFT <= bytes);
}

/** Takes the descriptor at `d` if it is free. */
function takeDescriptor(party: usize, d: usize): bool {
  const word = load64(d + D_WORD);
  if (!isFree(word)) return false;
  put32(party + P_HAND, <u32>d);
  if (cas64(d + D_WORD, word, held(word, D_HELD))) return true; // commit
  put32(party + P_HAND, 0);
  return false;
}

/** Takes the next descriptor for the record after this one, if there is a free one at once. Not one with much memory, which others may want before. */
export function keepNext(ring: usize, party: usize): void {
  if (get32(party + P_KEPT) != 0) return;
  const d = lookFor(ring, party, LOOKS_AHEAD);
  if (d == 0) return;
  if (get32(d + D_ROOM) <= <u32>ROOMY_MIN) put64(party + P_KEPT, <u64>d); // and nothing in hand
  else {
    setFree(d, get64(d + D_WORD)); // commit
    put32(party + P_HAND, 0);
  }
}

/** Gives the descriptor in hand back, with its payload; the first one this thread keeps for its next record. */
export function giveDescriptorBack(party: usize, d: usize): void {
  const word = get64(d + D_WORD);
  put32(party + P_AHEAD, 0);
  if (get32(party + P_KEPT) == 0) {
    put64(d + D_WORD, held(word, D_HELD));
    put64(party + P_KEPT, <u64>d); // and nothing in hand
    return;
  }
  setFree(d, word); // commit
  put32(party + P_HAND, 0);
}

/** A free descriptor: the next in turn of those in use, else one more; 0: there is none, and none can be added. */
function findFree(ring: usize, party: usize): usize {
  while (true) {
    const window = load32(ring + Q_WINDOW);
    const d = lookFor(ring, party, min(window, LOOKS));
    if (d != 0) return d;
    const all = load32(ring + Q_DESCRIPTORS);
    if (window < all) {
      store32(ring + Q_WINDOW, min(max(window << 1, WINDOW_MIN), all));
      put32(party + P_CURSOR, window);
      continue;
    }
    const status = addDescriptors(ring, all);
    if (status == OK) continue;
    const last = lookFor(ring, party, all);
    if (last == 0) put32(slot + S_REASON, status);
    return last;
  }
  return 0;
}

/** Looks at `count` descriptors, from the cursor on. */
function lookFor(ring: usize, party: usize, count: u32): usize {
  let at = get32(party + P_CURSOR);
  for (; count != 0; count--) {
    if (at >= load32(ring + Q_WINDOW)) {
      at = 0;
      narrow(ring, party);
    }
    const d = descriptorAt(ring, at++);
    if (!takeDescriptor(party, d)) continue;
    put32(party + P_CURSOR, at);
    return d;
  }
  put32(party + P_CURSOR, at);
  return 0;
}

/**
 * Once round the window: where little of it was in use often enough in a row, half of it is enough, and the payload of the other half goes back. Not at
 * once: what is put in and taken in batches is in use now and then only, and its payload would come and go with each.
 */
function narrow(ring: usize, party: usize): void {
  const window = load32(ring + Q_WINDOW);
  const depth = <u32>(load64(ring + Q_TAIL) >> 32) - <u32>(load64(ring + Q_HEAD) >> 32);
  const idle: u32 = window <= WINDOW_MIN || depth > window >>> 2 ? 0 : get32(party + P_IDLE) + 1;
  put32(party + P_IDLE, idle % IDLE_ROUNDS);
  if (idle < IDLE_ROUNDS) return;
  store32(ring + Q_WINDOW, window >>> 1);
  shed(ring, party, window >>> 1, window);
}

/** Adds a chunk, as many descriptors as there are, if there are still `all`. OK, or why not. */
function addDescriptors(ring: usize, all: u32): u32 {
  const chunk = chunkOf(all);
  if (chunk >= <u32>RING_CHUNKS_MAX) return RING_NO_DESCRIPTOR;
  const naming = ring + Q_CHUNKS + ((<usize>chunk) << 2);
  const status = addNamed(naming, (chunkLength(chunk) * DESCRIPTOR_BYTES) >>> GRAIN_SHIFT);
  // Whoever finds it there says so: who added it may be dead.
  if (status == OK) cas32(ring + Q_DESCRIPTORS, all, all + chunkLength(chunk));
  return status;
}

/** Gives the descriptor in hand a payload of `bytes` bytes instead of the one it has. False: it has none now, S_REASON says why. */
function exchange(ring: usize, party: usize, d: usize, bytes: u32): bool {
  dropPayload(d);
  if (takePayload(ring, d, bytes)) return true;
  // What lies idle in this ring's pool goes first.
  const reason = get32(slot + S_REASON);
  if (shed(ring, party, 0, load32(ring + Q_DESCRIPTORS)) && takePayload(ring, d, bytes)) return true;
  put32(slot + S_REASON, reason);
  return false;
}

function takePayload(ring: usize, d: usize, bytes: u32): bool {
  const node = <usize>get32(ring + Q_BUDGET);
  const wanted = max(bytes, PAYLOAD_MIN);
  const p = node == 0 ? blockAlloc(wanted, 8) : blockAllocIn(node, get32(ring + Q_BUDGET_STATE), wanted, 8);
  if (p == 0) return false;
  const claim = lastClaim();
  const room = usableSize(p);
  put32(d + D_BLOCK, <u32>p);
  put64(d + D_CLAIM, shared(claim));
  if (!pass(p, claim, shared(claim))) return false; // commit
  // Last: an exception may cut this anywhere, and without room nothing is put there.
  put32(d + D_ROOM, room);
  return true;
}

/** Gives back the payload of the descriptor in hand. Also what an exception has left of it: then the claim may hold nothing. */
export function dropPayload(d: usize): void {
  const claim = get64(d + D_CLAIM);
  if (claim == 0) return;
  put32(d + D_ROOM, 0);
  blockFree(<usize>get32(d + D_BLOCK), <u32>claim, <u32>(claim >> 32));
  put64(d + D_CLAIM, 0);
}

/** Gives back the payload of the free descriptors from `from` to `to`. False: none had any. */
export function shed(ring: usize, party: usize, from: u32, to: u32): bool {
  const hand = get32(party + P_HAND);
  let isAny: bool = false;
  for (let index = from; index < to; index++) {
    const d = descriptorAt(ring, index);
    const word = load64(d + D_WORD);
    if (!isFree(word)) continue;
    put32(party + P_HAND, <u32>d);
    if (cas64(d + D_WORD, word, held(word, D_HELD))) {
      if (get64(d + D_CLAIM) != 0) isAny = true;
      dropPayload(d);
      setFree(d, word);
    }
    put32(party + P_HAND, hand);
  }
  return isAny;
}

/** The oldest record that is to be delivered again, in hand; 0: none. O(descriptors). */
export function findAgain(ring: usize, party: usize): usize {
  while (true) {
    // Before the look: who adds one says so after it.
    const added = load32(ring + Q_AGAIN);
    let oldest: usize = 0;
    let first: u64 = 0;
    const all = load32(ring + Q_DESCRIPTORS);
    for (let index: u32 = 0; index < all; index++) {
      const d = descriptorAt(ring, index);
      const word = load64(d + D_WORD);
      if ((<u32>word & D_STATE_MASK) != D_AGAIN) continue;
      if (oldest != 0 && <i32>(<u32>(first >> 32) - <u32>(word >> 32)) <= 0) continue;
      oldest = d;
      first = word;
    }
    if (oldest == 0) {
      put32(party + P_AGAIN, added);
      return 0;
    }
    put32(party + P_HAND, <u32>oldest);
    const taken = ((first >> 32) << 32) | D_REDELIVERED | (me << D_OWNER_SHIFT) | D_TAKEN;
    if (cas64(oldest + D_WORD, first, taken)) return oldest; // commit
    put32(party + P_HAND, 0);
  }
  return 0;
}

/** Whether the payload that the descriptor names is its own. Under the page lock. */
export function hasPayload(d: usize): bool {
  const claim = get64(d + D_CLAIM);
  const p = <usize>get32(d + D_BLOCK);
  return claim != 0 && find(p) && load64(claimFound()) == claim;
}
