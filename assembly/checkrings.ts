// Check of the rings: what must hold of each at every instant, and what only at rest. Owns nothing. Under the page lock, beside threads that go
// on putting in and taking; what they move meanwhile is not looked at.
//
//   each record from head to tail stands in its slot, READY at its sequence (the first may be taken); their lengths sum up to tail − head
//   who has a descriptor in hand uses the ring; a descriptor in nobody's hand has the payload it names, or none

import { get32, get64 } from "./memory";
import { load32, load64 } from "./atomic";
import { firstGrain, grains, maxOwners } from "./header";
import { wordAt } from "./pages";
import { problem } from "./report";
import { isQueued, isReadyAs, sequenceOf, slotAt } from "./ring";
import { descriptorAt, hasPayload } from "./ringpool";
import { GRAIN_SHIFT, H_RINGS, KIND_INTERNAL, T_MASK, T_RUN, W_KIND_SHIFT } from "./shared/layout";
import {
  DESCRIPTOR_SHIFT,
  D_AGAIN,
  D_BLOCK,
  D_CLAIM,
  D_FREE,
  D_LENGTH,
  D_OWNER_SHIFT,
  D_READY,
  D_ROOM,
  D_STATE_MASK,
  D_WORD,
  GROUP_SHIFT,
  PARTY_BYTES,
  P_OWNER,
  Q_DESCRIPTORS,
  Q_HEAD,
  Q_MASK,
  Q_NEXT,
  Q_PARTIES,
  Q_STATE,
  Q_TAIL,
  RING_OPEN,
} from "./shared/rings";
import { BAD_RING } from "./shared/status";

/** Reports what does not hold of the rings. O(slots that are used + descriptors). */
export function checkRings(): void {
  for (let ring = <usize>load32(H_RINGS); ring != 0; ring = <usize>get32(ring + Q_NEXT)) {
    const g = <u32>(ring >>> GRAIN_SHIFT);
    const word = g >= firstGrain && g < grains ? load32(wordAt(g)) : 0;
    if ((word & T_MASK) != T_RUN || ((word >>> W_KIND_SHIFT) & 3) != KIND_INTERNAL) {
      problem(BAD_RING, <u32>ring);
      return;
    }
    // One that is going has no descriptors that may be looked at.
    if (load32(ring + Q_STATE) != RING_OPEN) continue;
    if (!isInOrder(ring) || !areHeld(ring)) problem(BAD_RING, <u32>ring);
  }
}

/** Whether the records from head to tail are in place; true if either moved meanwhile. */
function isInOrder(ring: usize): bool {
  const head = load64(ring + Q_HEAD);
  const tail = load64(ring + Q_TAIL);
  const count = sequenceOf(tail) - sequenceOf(head);
  let isRight: bool = count <= get32(ring + Q_MASK);
  let bytes: u32 = 0;
  for (let i: u32 = 0; i < count && isRight; i++) {
    const s = sequenceOf(head) + i;
    const there = load64(slotAt(ring, s));
    const d = <usize>(<u32>there);
    isRight = sequenceOf(there) == s && isDescriptor(d) && (i == 0 || isReadyAs(load64(d + D_WORD), s));
    if (isRight) bytes += load32(d + D_LENGTH);
  }
  if (isRight && bytes == <u32>tail - <u32>head) return true;
  return load64(ring + Q_HEAD) != head || load64(ring + Q_TAIL) != tail;
}

function isDescriptor(d: usize): bool {
  const g = <u32>(d >>> GRAIN_SHIFT);
  const isPlace = <u32>(d & ((1 << GROUP_SHIFT) - 1)) < <u32>D_BLOCK && (d & ((1 << DESCRIPTOR_SHIFT) - 1)) == 0;
  return g >= firstGrain && g < grains && isPlace;
}

function areHeld(ring: usize): bool {
  const all = load32(ring + Q_DESCRIPTORS);
  for (let i: u32 = 0; i < all; i++) {
    const d = descriptorAt(ring, i);
    const word = load64(d + D_WORD);
    const claim = get64(d + D_CLAIM);
    const state = <u32>word & D_STATE_MASK;
    const owner = (<u32>word >>> D_OWNER_SHIFT) & 0xff;
    const isAnybodys = state == D_FREE || state == D_AGAIN || (state == D_READY && isQueued(ring, d, word));
    const isRight: bool = isAnybodys ? isWhole(d, state != D_FREE) : isParty(ring, owner);
    // Taken, and free again, it has the same word, but never the same claim.
    if (!isRight && load64(d + D_WORD) == word && get64(d + D_CLAIM) == claim) return false;
  }
  return true;
}

/** Whether a descriptor that is in nobody's hand has the payload it names, or none; and if it is a record, place for it. */
function isWhole(d: usize, isRecord: bool): bool {
  if (get64(d + D_CLAIM) != 0 && !hasPayload(d)) return false;
  return !isRecord || get32(d + D_LENGTH) <= get32(d + D_ROOM);
}

/** Whether this owner uses the ring. */
function isParty(ring: usize, owner: u32): bool {
  return owner <= maxOwners && load32(<usize>get32(ring + Q_PARTIES) + <usize>owner * PARTY_BYTES + P_OWNER) != 0;
}
