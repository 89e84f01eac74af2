// Ring, recovered: what a dead owner had in hand of a ring comes back, is counted, or is delivered again, once; what it put in stays.

import { get32, get64, put32, put64 } from "../memory";
import { load32, load64, store64 } from "../atomic";
import { ownerState } from "../owners";
import { recover } from "../recover";
import { descriptorWord, partyOf, ringCommit, ringRelease, sequenceOf, slotAt } from "../ring";
import { leaveRing, ringAgain, ringReturn } from "../ringlife";
import { descriptorAt, findAgain } from "../ringpool";
import { OWNER_DEAD, OWNER_FREE, REC_DONE } from "../shared/layout";
import {
  DELIVER_AGAIN,
  DROPPED_SHIFT,
  D_AGAIN,
  D_CLAIM,
  D_DROPPING,
  D_HELD,
  D_READY,
  D_REDELIVERED,
  D_ROOM,
  D_TAKEN,
  D_WORD,
  PARTY_BYTES,
  P_AGAIN,
  POLICY_DROP_OLDEST,
  P_DROPPED,
  P_KEPT,
  P_LOST,
  P_OWNER,
  Q_HEAD,
  Q_ITEMS,
  Q_PARTIES,
  Q_TAIL,
  DESCRIPTOR_SHIFT,
} from "../shared/rings";
import { OK, RING_DROPPED, RING_EMPTY } from "../shared/status";
import { become, fresh, idOf, is, outWord, same, setState, sound } from "./lib";
import {
  Shape,
  countOf,
  depth,
  gone,
  handed,
  keepSums,
  lost,
  nothing,
  open,
  popped,
  pushed,
  reserved,
  taken,
} from "./rings";

/** A fresh region, a ring of this shape in it that owners 2 and 1 use; this thread acts as owner 2. */
function shared(shape: Shape): usize {
  fresh(16, 4);
  become(2);
  become(1);
  keepSums();
  const ring = open(shape);
  become(2);
  is(open(shape) == ring && ring != 0, true, "one ring", 0);
  return ring;
}

/** Owner 2 is dead; owner 1 recovers it. */
function bury(what: string): void {
  setState(2, OWNER_DEAD);
  become(1);
  same(recover(idOf(2)), OK, "recovered, " + what, 0);
  same(outWord(REC_DONE), 1, "done, " + what, 0);
  same(ownerState(2), OWNER_FREE, "state, " + what, 0);
  sound(what, 0);
}

/** The party of an owner, whoever this thread acts as. */
function party(ring: usize, index: u32): usize {
  return <usize>get32(ring + Q_PARTIES) + <usize>index * PARTY_BYTES;
}

function again(capacity: u32): Shape {
  const shape = new Shape(capacity);
  shape.delivery = DELIVER_AGAIN;
  return shape;
}

function dropping(capacity: u32): Shape {
  const shape = new Shape(capacity);
  shape.policy = POLICY_DROP_OLDEST;
  return shape;
}

function findTaken(ring: usize): usize {
  for (let i: u32 = 0; i < 32; i++) {
    if ((get64(descriptorAt(ring, i) + D_WORD) & 255) == D_TAKEN) return descriptorAt(ring, i);
  }
  return 0;
}

describe("what a dead owner had in hand", () => {
  it("reserved, kept or about to be put in, comes back, and what it put in stays", () => {
    const ring = shared(new Shape(9));
    pushed(ring, 1, 100);
    for (let i: u32 = 2; i < 6; i++) reserved(ring, i, 100);
    const d = reserved(ring, 6, 100);
    // Its word says what it was about to be.
    store64(d + D_WORD, descriptorWord(1, D_READY, 2));
    become(1);
    pushed(ring, 7, 100);
    const e = <usize>(<u32>load64(slotAt(ring, 1)));
    is(e != d, true, "another's record", 0);
    become(2);
    ringRelease(ring, reserved(ring, 8, 100));
    is(get32(party(ring, 2) + P_KEPT) != 0, true, "kept", 0);
    bury("reserved");
    same(countOf(ring, D_HELD, 2) + countOf(ring, D_READY, 2), 1, "the one that is queued", 0);
    same(lost(ring), 0, "lost", 0);
    popped(ring, 1, 100);
    popped(ring, 7, 100);
    nothing(ring, RING_EMPTY, 0);
    gone(ring, "reserved");
  });

  it("taken, is lost and counted", () => {
    const ring = shared(new Shape(9));
    for (let i: u32 = 0; i < 5; i++) pushed(ring, i, 100);
    for (let i: u32 = 0; i < 3; i++) taken(ring, i, 100);
    bury("taken");
    same(lost(ring), 3, "lost", 0);
    same(countOf(ring, D_TAKEN), 0, "taken", 0);
    popped(ring, 3, 100);
    popped(ring, 4, 100);
    same(recover(idOf(2)), OK, "again", 0);
    same(lost(ring), 3, "lost, once", 0);
    gone(ring, "taken");
  });

  it("taken, is delivered again, before all others and in its order, and says so", () => {
    const ring = shared(again(9));
    for (let i: u32 = 0; i < 6; i++) pushed(ring, i, 100 + i);
    for (let i: u32 = 0; i < 4; i++) taken(ring, i, 100 + i);
    bury("taken");
    same(lost(ring), 0, "lost", 0);
    same(countOf(ring, D_AGAIN), 4, "to be delivered again", 0);
    same(depth(ring), 2, "they take no place", 0);
    for (let i: u32 = 0; i < 2; i++) same(ringAgain(ring), 4, "seen", i);
    for (let i: u32 = 0; i < 3; i++) {
      const d = taken(ring, i, 100 + i);
      is((<u32>load64(d + D_WORD) & D_REDELIVERED) != 0, true, "said", i);
      ringRelease(ring, d);
    }
    popped(ring, 3, 103);
    const d = taken(ring, 4, 104);
    is((<u32>load64(d + D_WORD) & D_REDELIVERED) == 0, true, "for the first time", 0);
    ringRelease(ring, d);
    popped(ring, 5, 105);
    nothing(ring, RING_EMPTY, 0);
    become(3);
    open(again(9));
    same(ringAgain(ring), 0, "none, also for who never took one", 0);
    same(get32(partyOf(ring) + P_AGAIN), 1, "looked for in vain", 0);
    same(leaveRing(ring), OK, "left", 0);
    become(1);
    gone(ring, "again");
  });

  it("taken again, is delivered again", () => {
    const ring = shared(again(9));
    pushed(ring, 0, 10);
    pushed(ring, 1, 11);
    taken(ring, 0, 10);
    bury("once");
    become(2);
    open(again(9));
    taken(ring, 0, 10);
    taken(ring, 1, 11);
    bury("twice");
    popped(ring, 0, 10);
    popped(ring, 1, 11);
    nothing(ring, RING_EMPTY, 0);
    gone(ring, "twice");
  });

  it("passed on by who stays, or taken along by who leaves, is another's, who is told", () => {
    const ring = shared(again(9));
    for (let i: u32 = 0; i < 3; i++) pushed(ring, i, 10 + i);
    const first = taken(ring, 0, 10);
    const place = reserved(ring, 9, 7);
    taken(ring, 1, 11);
    const bell = load32(ring + Q_ITEMS);
    ringReturn(ring, first);
    is(load32(ring + Q_ITEMS) != bell, true, "who sleeps for one is woken", 0);
    ringReturn(ring, place);
    same(countOf(ring, D_AGAIN), 1, "one to be delivered again", 0);
    same(countOf(ring, D_HELD, 2), 0, "no place in hand", 0);
    become(1);
    same(ringAgain(ring), 1, "seen", 0);
    popped(ring, 0, 10);
    same(ringAgain(ring), 0, "none is left", 0);
    become(2);
    const before = load32(ring + Q_ITEMS);
    same(leaveRing(ring), OK, "left", 0);
    is(load32(ring + Q_ITEMS) != before, true, "and are by who leaves", 0);
    become(1);
    popped(ring, 1, 11);
    popped(ring, 2, 12);
    nothing(ring, RING_EMPTY, 0);
    same(lost(ring), 0, "lost", 0);
    gone(ring, "passed on");
  });

  it("passed on where nothing is delivered again, goes back", () => {
    const ring = shared(new Shape(9));
    pushed(ring, 0, 10);
    ringReturn(ring, taken(ring, 0, 10));
    same(countOf(ring, D_TAKEN, 2), 0, "in hand", 0);
    same(lost(ring), 0, "it was not lost", 0);
    nothing(ring, RING_EMPTY, 0);
    same(leaveRing(ring), OK, "left", 0);
    become(1);
    gone(ring, "given back");
  });

  it("to be delivered again, is found by one who looked before, and after who died over it", () => {
    const ring = shared(again(9));
    become(3);
    open(again(9));
    nothing(ring, RING_EMPTY, 0);
    become(2);
    pushed(ring, 0, 10);
    taken(ring, 0, 10);
    bury("taken");
    // One finds it, and dies before it takes it.
    become(4);
    open(again(9));
    same(findAgain(ring, partyOf(ring)), countOf(ring, D_AGAIN) == 0 ? findTaken(ring) : 0, "found", 0);
    store64(findTaken(ring) + D_WORD, D_AGAIN);
    become(3);
    popped(ring, 0, 10);
    nothing(ring, RING_EMPTY, 0);
    become(1);
    nothing(ring, RING_EMPTY, 1);
  });

  it("being dropped, is counted as dropped, once", () => {
    for (let counted: u32 = 0; counted < 3; counted++) {
      const ring = shared(dropping(1));
      pushed(ring, 0, 100);
      const d = reserved(ring, 1, 100);
      same(ringCommit(ring, d, 100, 1, true), RING_DROPPED, "dropped", 0);
      const old = handed();
      const at = party(ring, 2) + P_DROPPED;
      if (counted > 0) put64(at, (1 << DROPPED_SHIFT) | (<u64>old >> DESCRIPTOR_SHIFT));
      if (counted == 2) store64(old + D_WORD, 0);
      bury("dropping");
      same(get64(at), 1 << DROPPED_SHIFT, "dropped", counted);
      same(lost(ring), 0, "lost", counted);
      same(countOf(ring, D_DROPPING), 0, "in hand", counted);
      gone(ring, "dropping");
    }
  });

  it("lost, is counted once, where who recovered it died over it", () => {
    for (let at: u32 = 0; at < 2; at++) {
      const ring = shared(new Shape(4));
      pushed(ring, 0, 100);
      pushed(ring, 1, 100);
      const d = taken(ring, 0, 100);
      become(3);
      open(new Shape(4));
      taken(ring, 1, 100);
      // Owner 3 was recovering owner 2.
      put64(party(ring, 2) + P_LOST, (1 << DROPPED_SHIFT) | (<u64>d >> DESCRIPTOR_SHIFT));
      if (at == 1) store64(d + D_WORD, 0);
      setState(2, OWNER_DEAD);
      setState(3, OWNER_DEAD);
      become(1);
      same(recover(idOf(3)), OK, "the one", at);
      same(recover(idOf(2)), OK, "the other", at);
      same(lost(ring), 2, "lost", at);
      gone(ring, "lost");
    }
  });

  it("with the head or the tail left behind, comes back when they have moved", () => {
    const ring = shared(new Shape(4));
    const tail = load64(ring + Q_TAIL);
    const head = load64(ring + Q_HEAD);
    pushed(ring, 0, 100);
    store64(ring + Q_TAIL, tail);
    bury("behind the slot");
    pushed(ring, 1, 50);
    same(sequenceOf(load64(ring + Q_TAIL)), 2, "the tail", 0);
    popped(ring, 0, 100);
    become(2);
    open(new Shape(4));
    const before = load64(ring + Q_HEAD);
    is(before != head, true, "moved", 0);
    taken(ring, 1, 50);
    store64(ring + Q_HEAD, before);
    bury("behind the take");
    same(sequenceOf(load64(ring + Q_HEAD)), 2, "the head", 0);
    same(<u32>load64(ring + Q_HEAD), 150, "its bytes", 0);
    same(lost(ring), 1, "lost", 0);
    gone(ring, "behind");
  });

  it("of payload that came or went, comes back or never was", () => {
    for (let what: u32 = 0; what < 2; what++) {
      const ring = shared(new Shape(4));
      const d = reserved(ring, 0, 100);
      const claim = get64(d + D_CLAIM);
      // The claim holds nothing: it is gone already, or was not the ring's yet.
      put64(d + D_CLAIM, claim ^ ((<u64>(what + 1)) << 40));
      put32(d + D_ROOM, 0);
      if (what == 1) put64(d + D_CLAIM, claim);
      bury("payload");
      same(get64(d + D_CLAIM), what == 1 ? claim : 0, "claim", what);
      if (what == 1) gone(ring, "payload");
    }
  });

  it("is nothing where another has its slot by now", () => {
    const ring = shared(new Shape(4));
    pushed(ring, 0, 10);
    const id = idOf(2);
    bury("one");
    become(2);
    open(new Shape(4));
    const d = reserved(ring, 1, 10);
    become(1);
    same(recover(id), OK, "again", 0);
    same(get64(d + D_WORD) & 255, D_HELD, "in the new one's hand", 0);
    same(load32(party(ring, 2) + P_OWNER), idOf(2), "it uses the ring", 0);
  });
});
