// Ring, in hand: what is reserved or taken is its holder's, until it puts it in or gives it back; many records in one call; and what an exception
// left in hand.

import { get32, put32 } from "../memory";
import { load64, store64 } from "../atomic";
import { descriptorWord, isReadyAs, partyOf, ringCommit, ringPop, ringPush, ringRelease, slotAt } from "../ring";
import { ringPopMany, ringPushMany } from "../ringbatch";
import { closeRing } from "../ringlife";
import {
  D_BLOCK,
  D_DROPPING,
  D_HELD,
  D_LENGTH,
  D_TAKEN,
  D_WORD,
  FRAME_BYTES,
  FRAME_TAG,
  POLICY_DROP_OLDEST,
  P_DROPPED,
  P_HAND,
  P_KEPT,
  RING_WRITTEN,
  DESCRIPTOR_SHIFT,
  DROPPED_SHIFT,
} from "../shared/rings";
import { CLOSED, OK, RING_DROPPED, RING_EMPTY, RING_ENDED, RING_FULL, RING_TOO_LONG } from "../shared/status";
import { fresh, is, outWord, same, sound } from "./lib";
import {
  SOURCE,
  Shape,
  TARGET,
  bytesIn,
  countOf,
  depth,
  dropped,
  fill,
  gone,
  handed,
  inHand,
  isRecord,
  keepSums,
  nothing,
  open,
  popped,
  push,
  pushed,
  reserved,
  taken,
  why,
} from "./rings";

/** A fresh region and a ring of this shape in it. */
function ringOf(shape: Shape): usize {
  fresh(16, 4);
  keepSums();
  const ring = open(shape);
  is(ring != 0, true, "a ring", shape.capacity);
  return ring;
}

function dropping(capacity: u32, bytes: u32): Shape {
  const shape = new Shape(capacity);
  shape.policy = POLICY_DROP_OLDEST;
  shape.bytes = bytes;
  return shape;
}

describe("a record in hand", () => {
  it("is filled in place and put in, shorter than reserved, or given back", () => {
    const ring = ringOf(new Shape(2));
    const one = reserved(ring, 1, 300);
    const two = reserved(ring, 2, 40);
    nothing(ring, RING_EMPTY, 0);
    fill(<usize>get32(two + D_BLOCK), 2, 30);
    same(ringCommit(ring, two, 30, 2, false), OK, "the second first", 0);
    ringRelease(ring, one);
    popped(ring, 2, 30);
    nothing(ring, RING_EMPTY, 0);
    gone(ring, "reserved");
  });

  it("is given back where there is no place for it", () => {
    const ring = ringOf(new Shape(1));
    pushed(ring, 1, 10);
    const d = reserved(ring, 2, 10);
    same(ringCommit(ring, d, 10, 2, false), RING_FULL, "refused", 0);
    same(get32(partyOf(ring) + P_KEPT), <u32>d, "kept for the next", 0);
    is(closeRing(ring), true, "closed", 0);
    const e = reserved(ring, 3, 10);
    same(ringCommit(ring, e, 10, 3, false), CLOSED, "ended", 0);
    same(countOf(ring, D_HELD), 1, "in hand", 0);
    gone(ring, "no place");
  });

  it("takes no place in the ring, and is its holder's until it gives it back", () => {
    const ring = ringOf(new Shape(2));
    const leases = new StaticArray<usize>(20);
    for (let i: u32 = 0; i < 20; i++) {
      pushed(ring, i, 100 + i);
      leases[i] = taken(ring, i, 100 + i);
      same(depth(ring), 0, "depth", i);
    }
    same(countOf(ring, D_TAKEN), 20, "held", 0);
    sound("leases", 0);
    for (let i: u32 = 0; i < 20; i++) {
      pushed(ring, 100 + i, 100 + i);
      for (let j = i; j < 20; j++) inHand(leases[j], j, 100 + j);
      ringRelease(ring, leases[i]);
      popped(ring, 100 + i, 100 + i);
    }
    gone(ring, "leases");
  });

  it("is what a pop found no place for", () => {
    const ring = ringOf(new Shape(2));
    pushed(ring, 1, 30);
    same(<u32>-ringPop(ring, TARGET, 29), RING_TOO_LONG, "too long", 0);
    inHand(handed(), 1, 30);
    nothing(ring, RING_EMPTY, 0);
    ringRelease(ring, handed());
    pushed(ring, 2, 30);
    same(ringPop(ring, TARGET, 30), 30, "just long enough", 0);
    gone(ring, "too long");
  });
});

describe("many records in one call", () => {
  it("stand one after the other, each at a multiple of eight", () => {
    const ring = ringOf(new Shape(9));
    let at = SOURCE;
    for (let i: u32 = 0; i < 12; i++) {
      put32(at, i * 5);
      put32(at + FRAME_TAG, i);
      fill(at + FRAME_BYTES, i, i * 5);
      at += FRAME_BYTES + ((i * 5 + 7) & ~7);
    }
    same(ringPushMany(ring, SOURCE, 12), 9, "put in", 0);
    same(why(), RING_FULL, "why no more", 0);
    same(ringPopMany(ring, TARGET, 5000, 4), 4, "taken", 0);
    same(handed(), 0, "in hand", 0);
    let from = TARGET;
    for (let i: u32 = 0; i < 4; i++) {
      same(get32(from), i * 5, "length", i);
      same(get32(from + FRAME_TAG), i, "tag", i);
      isRecord(from + FRAME_BYTES, i, i * 5, "bytes");
      from += FRAME_BYTES + ((i * 5 + 7) & ~7);
    }
    same(outWord(RING_WRITTEN), <u32>(from - TARGET), "written", 0);
    same(ringPopMany(ring, TARGET, 5000, 99), 5, "the rest", 0);
    same(why(), RING_EMPTY, "why no more", 0);
    same(ringPushMany(ring, SOURCE, 0), 0, "none", 0);
    closeRing(ring);
    same(ringPushMany(ring, SOURCE, 2), 0, "put in an ended one", 0);
    same(why(), CLOSED, "why", 0);
    same(ringPopMany(ring, TARGET, 5000, 1), 0, "taken from an ended one", 0);
    same(why(), RING_ENDED, "why", 0);
    gone(ring, "many");
  });

  it("are taken as far as there is place; the one after them is in hand", () => {
    for (let room: u32 = 0; room <= 64; room++) {
      const ring = ringOf(new Shape(9));
      for (let i: u32 = 0; i < 4; i++) pushed(ring, i, 9);
      const count = ringPopMany(ring, TARGET, room, 4);
      const expected = room < 17 ? 0 : min<u32>(4, 1 + (room - 17) / 24);
      same(count, expected, "taken", room);
      is(handed() != 0, count < 4, "in hand", room);
      is(outWord(RING_WRITTEN) <= room, true, "written", room);
      if (count < 4) inHand(handed(), count, 9);
      same(depth(ring), count < 4 ? 3 - count : 0, "left", room);
      gone(ring, "room");
    }
  });
});

describe("a call that an exception cut", () => {
  it("has what it had in hand given back by the next", () => {
    const ring = ringOf(dropping(2, 100));
    const party = partyOf(ring);
    const d = reserved(ring, 1, 10);
    put32(party + P_HAND, <u32>d);
    nothing(ring, RING_EMPTY, 0);
    same(get32(party + P_HAND), 0, "in hand", 0);
    same(get32(party + P_KEPT), <u32>d, "kept", 0);
    pushed(ring, 2, 10);
    put32(party + P_HAND, <u32>taken(ring, 2, 10));
    nothing(ring, RING_EMPTY, 1);
    same(countOf(ring, D_TAKEN), 0, "taken", 0);
    gone(ring, "cut");
  });

  it("has it given back too where the next gives back another", () => {
    const ring = ringOf(new Shape(4));
    const party = partyOf(ring);
    const one = reserved(ring, 1, 10);
    const two = reserved(ring, 2, 10);
    put32(party + P_HAND, <u32>one);
    ringRelease(ring, two);
    same(get32(party + P_HAND), 0, "in hand", 0);
    same(countOf(ring, D_HELD), 1, "only what is kept", 0);
    const three = reserved(ring, 3, 10);
    put32(party + P_HAND, <u32>three);
    ringRelease(ring, three);
    same(countOf(ring, D_HELD), 1, "once, where it is the same", 0);
    gone(ring, "released");
  });

  it("leaves a record where it is that it put in, or that another has since", () => {
    const ring = ringOf(new Shape(1));
    const party = partyOf(ring);
    pushed(ring, 1, 10);
    const d = <usize>(<u32>load64(slotAt(ring, 0)));
    is(isReadyAs(load64(d + D_WORD), 0), true, "put in", 0);
    put32(party + P_HAND, <u32>d);
    same(push(ring, 2, 10), RING_FULL, "it is there still", 0);
    popped(ring, 1, 10);
    // Another's by now.
    store64(d + D_WORD, descriptorWord(0, D_TAKEN, 3));
    put32(party + P_KEPT, 0);
    put32(party + P_HAND, <u32>d);
    nothing(ring, RING_EMPTY, 0);
    same(load64(d + D_WORD), descriptorWord(0, D_TAKEN, 3), "another's", 0);
    same(get32(party + P_KEPT), 0, "not kept", 0);
  });

  it("counts what it was dropping once", () => {
    for (let counted: u32 = 0; counted < 2; counted++) {
      const ring = ringOf(dropping(1, 100));
      const party = partyOf(ring);
      pushed(ring, 0, 10);
      const d = reserved(ring, 1, 10);
      same(ringCommit(ring, d, 10, 1, true), RING_DROPPED, "dropped", 0);
      const old = handed();
      put32(party + P_HAND, <u32>old);
      if (counted) store64(party + P_DROPPED, (1 << DROPPED_SHIFT) | (<u64>old >> DESCRIPTOR_SHIFT));
      nothing(ring, RING_EMPTY, 0);
      same(dropped(ring), 1, "dropped", counted);
      same(countOf(ring, D_DROPPING), 0, "in hand", counted);
      ringRelease(ring, d);
      gone(ring, "dropping");
    }
  });
});

describe("a record's length", () => {
  it("is what it was put in with, where it was reserved longer", () => {
    const ring = ringOf(new Shape(2));
    const d = reserved(ring, 1, 500);
    same(ringCommit(ring, d, 0, 7, false), OK, "none at all", 0);
    same(get32(d + D_LENGTH), 0, "length", 0);
    same(bytesIn(ring), 0, "bytes", 0);
    same(ringPop(ring, TARGET, 0), 0, "taken", 0);
    same(ringPush(ring, SOURCE, 0, 1), OK, "put in", 0);
    gone(ring, "length");
  });
});
