// Ring life: a ring comes by its name, is used by owners, ends, and goes with the last of them; whoever dies while a ring comes or goes leaves
// nothing behind. And what check finds of a broken one.

import { get32, get64, put32, put64 } from "../memory";
import { load32, load64, store32, store64 } from "../atomic";
import { carveNamed, giveBackNamed } from "../chunk";
import { lock, unlock } from "../lock";
import { ownerState } from "../owners";
import { auxAt } from "../pages";
import { recover } from "../recover";
import { detachRegion } from "../region";
import { descriptorWord, partyOf, ringPop, ringRelease, ringReserve, slotAt } from "../ring";
import { descriptorAt } from "../ringpool";
import { closeRing, leaveRing, leaveRings } from "../ringlife";
import { AUX_IN_FLIGHT, GRAIN_SHIFT, H_NAMING, H_RINGS, OWNER_DEAD, OWNER_FREE, REC_DONE } from "../shared/layout";
import {
  D_BLOCK,
  D_CLAIM,
  D_FREE,
  D_HELD,
  D_LENGTH,
  D_READY,
  D_TAKEN,
  D_WORD,
  PARTY_BYTES,
  P_OWNER,
  Q_CHUNKS,
  Q_GRAINS,
  Q_NEXT,
  Q_PARTIES,
  Q_STATE,
  Q_TAIL,
  RING_BEFORE,
  RING_GOING,
  RING_OPEN,
} from "../shared/rings";
import { BAD_RING, CLOSED, OK, RING_EMPTY, RING_ENDED } from "../shared/status";
import { become, fresh, idOf, is, outWord, problems, reopen, same, setState, sound, text } from "./lib";
import {
  Shape,
  TARGET,
  dropped,
  gone,
  inHand,
  keepSums,
  lost,
  nothing,
  open,
  popped,
  push,
  pushed,
  reserved,
  sameSums,
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

describe("a ring", () => {
  it("is opened by its name, once", () => {
    fresh(16, 4);
    keepSums();
    const one = open(new Shape(4), 1);
    same(outWord(RING_BEFORE), 0, "new", 0);
    const two = open(new Shape(5), 2);
    is(one != two, true, "another", 0);
    same(open(new Shape(9), 1), one, "the first again", 0);
    same(outWord(RING_BEFORE), 1, "it was there", 0);
    pushed(one, 1, 5);
    nothing(two, RING_EMPTY, 0);
    sound("two", 0);
    gone2(one, two);
  });

  it("that has ended is there for who comes, until all have left it; then the name is another's", () => {
    const one = shared(new Shape(4));
    pushed(one, 1, 5);
    closeRing(one);
    become(3);
    same(open(new Shape(9)), one, "the same", 0);
    same(outWord(RING_BEFORE), 1, "it was there", 0);
    same(push(one, 2, 5), CLOSED, "nothing is added", 0);
    popped(one, 1, 5);
    nothing(one, RING_ENDED, 0);
    for (let index: u32 = 1; index <= 3; index++) {
      become(index);
      same(leaveRing(one), OK, "left", index);
    }
    const two = open(new Shape(4));
    same(outWord(RING_BEFORE), 0, "a new one", 0);
    gone(two, "both");
  });

  it("stays while somebody uses it, and while it has not ended", () => {
    for (let order: u32 = 0; order < 2; order++) {
      const ring = shared(new Shape(4));
      pushed(ring, 1, 50);
      same(leaveRing(ring), OK, "left", 0);
      become(1);
      if (order == 0) {
        same(leaveRing(ring), OK, "left, the last", 0);
        same(open(new Shape(4)), ring, "there still", 0);
        popped(ring, 1, 50);
      }
      gone(ring, "stayed");
    }
  });

  it("goes with the last of the owners that leave it, in any order and with anything in hand", () => {
    for (let first: u32 = 1; first <= 2; first++) {
      const ring = shared(new Shape(9));
      for (let i: u32 = 0; i < 9; i++) pushed(ring, i, 100 + i);
      taken(ring, 0, 100);
      reserved(ring, 9, 100);
      become(1);
      taken(ring, 1, 101);
      reserved(ring, 9, 3000);
      closeRing(ring);
      become(first);
      same(leaveRing(ring), OK, "left", first);
      same(load32(H_RINGS), <u32>ring, "there", first);
      sound("one left", first);
      become(3 - first);
      same(leaveRing(ring), OK, "left too", first);
      same(load32(H_RINGS), 0, "gone", first);
      sameSums("gone");
    }
  });

  it("is left by who detaches, also by who leaves all", () => {
    const ring = shared(new Shape(4));
    pushed(ring, 1, 50);
    const other = open(new Shape(4), 2);
    pushed(other, 1, 50);
    closeRing(other);
    same(leaveRings(), OK, "all", 0);
    same(load32(party(ring, 2) + P_OWNER), 0, "not used", 0);
    same(load32(H_RINGS), <u32>ring, "the other is gone", 0);
    same(open(new Shape(4)), ring, "again", 0);
    taken(ring, 1, 50);
    closeRing(ring);
    same(detachRegion(), OK, "detached", 0);
    same(reopen(), OK, "openHeader", 0);
    become(1);
    same(lost(ring), 0, "not lost with a dead one", 0);
    same(leaveRings(), OK, "all of the other", 0);
    same(load32(H_RINGS), 0, "gone", 0);
    sameSums("gone");
  });

  it("is found, and left, in a list of any length", () => {
    for (let first: u32 = 0; first < 3; first++) {
      fresh(16, 4);
      keepSums();
      const rings = new StaticArray<usize>(3);
      for (let i: u32 = 0; i < 3; i++) rings[i] = open(new Shape(3), 1 + i);
      for (let i: u32 = 0; i < 3; i++) {
        const ring = rings[(first + i) % 3];
        pushed(ring, i, 9);
        closeRing(ring);
        same(leaveRing(ring), OK, "left", i);
        sound("one less", i);
      }
      sameSums("none");
    }
  });
});

function gone2(one: usize, two: usize): void {
  closeRing(one);
  closeRing(two);
  same(leaveRing(one), OK, "left one", 0);
  same(leaveRing(two), OK, "left two", 0);
  sameSums("both");
}

describe("a ring that has ended", () => {
  it("goes with the recovery of the last that used it", () => {
    const ring = shared(new Shape(4));
    pushed(ring, 0, 100);
    taken(ring, 0, 100);
    closeRing(ring);
    become(1);
    same(leaveRing(ring), OK, "left", 0);
    same(load32(H_RINGS), <u32>ring, "there", 0);
    bury("the last");
    same(load32(H_RINGS), 0, "gone", 0);
    sameSums("gone");
  });

  it("and whose end another died over, goes with its recovery", () => {
    for (let chunk: u32 = 0; chunk < 2; chunk++) {
      const ring = shared(new Shape(100));
      for (let i: u32 = 0; i < 50; i++) pushed(ring, i, 20);
      closeRing(ring);
      become(1);
      leaveRing(ring);
      become(2);
      // What leaveRing does, up to some point.
      for (let i: u32 = 0; i < 64; i++) store64(descriptorAt(ring, i) + D_WORD, 0);
      store32(party(ring, 2) + P_OWNER, 0);
      store64(ring + Q_STATE, ((<u64>idOf(2)) << 32) | RING_GOING);
      sound("going", chunk);
      if (chunk) {
        for (let i: u32 = 0; i < 64; i++) store64(descriptorAt(ring, i) + D_WORD, descriptorWord(0, D_HELD, 2));
        for (let i: u32 = 0; i < 50; i++) ringRelease(ring, descriptorAt(ring, i));
      }
      bury("going");
      same(load32(H_RINGS), 0, "gone", chunk);
      sameSums("gone");
    }
  });

  it("is not found by its name while it goes", () => {
    const ring = shared(new Shape(4));
    become(1);
    store64(ring + Q_STATE, ((<u64>idOf(1)) << 32) | RING_GOING);
    const other = open(new Shape(4));
    is(other != ring, true, "another", 0);
    same(get32(other + Q_NEXT), <u32>ring, "in the list", 0);
    store64(ring + Q_STATE, RING_OPEN);
  });
});

describe("a run that is to be named", () => {
  it("is held if it is named already, and free if not, by who takes the page lock over", () => {
    for (let isNamed: u32 = 0; isNamed < 2; isNamed++) {
      fresh(16, 4);
      keepSums();
      become(2);
      same(lock(), OK, "lock", 0);
      const run = carveNamed(H_RINGS, 3);
      is(run != 0, true, "carved", 0);
      store64(run + Q_STATE, RING_OPEN);
      put32(run + Q_GRAINS, 3);
      if (isNamed) store32(H_RINGS, <u32>run);
      setState(2, OWNER_DEAD);
      become(1);
      same(lock(), OK, "lock of the survivor", isNamed);
      same(get32(auxAt(<u32>(run >>> GRAIN_SHIFT))), 0, "in flight no more", isNamed);
      if (isNamed) {
        giveBackNamed(H_RINGS, 3, 0);
        same(load32(H_NAMING), 0, "nothing is named now", 0);
      }
      unlock();
      same(load32(H_RINGS), 0, "the name", isNamed);
      sameSums("named");
    }
  });

  it("and goes, is free if it is named no more, and held if it is", () => {
    for (let isNamed: u32 = 0; isNamed < 2; isNamed++) {
      fresh(16, 4);
      keepSums();
      const ring = open(new Shape(4));
      pushed(ring, 1, 0);
      become(2);
      same(lock(), OK, "lock", 0);
      const naming = ring + Q_CHUNKS;
      const g = load32(naming) >>> GRAIN_SHIFT;
      store32(H_NAMING, <u32>naming);
      store32(auxAt(g), AUX_IN_FLIGHT);
      if (!isNamed) store32(naming, 0);
      setState(2, OWNER_DEAD);
      become(1);
      same(lock(), OK, "lock of the survivor", isNamed);
      unlock();
      same(get32(auxAt(g)), 0, "in flight no more", isNamed);
      if (isNamed) popped(ring, 1, 0);
      if (isNamed) gone(ring, "held");
    }
  });
});

/** One thing is broken, and check says so; then it is as before. */
function found(ring: usize, at: usize, value: u64, what: string): void {
  const before = get64(at);
  put64(at, value);
  same(problems() == text(BAD_RING) + "@" + text(ring) ? 1 : 0, 1, "found: " + what, 0);
  put64(at, before);
}

describe("check", () => {
  it("finds what is broken of a ring", () => {
    const ring = shared(new Shape(4));
    for (let i: u32 = 0; i < 3; i++) pushed(ring, i, 100);
    sound("whole", 0);
    const d = <usize>(<u32>load64(slotAt(ring, 1)));
    found(ring, d + D_LENGTH, get64(d + D_LENGTH) + 1, "a length");
    found(ring, d + D_WORD, descriptorWord(1, D_TAKEN, 2), "one that is taken behind the head");
    found(ring, d + D_WORD, descriptorWord(2, D_READY, 2), "another sequence");
    found(ring, slotAt(ring, 1), ((<u64>1) << 32) | 7, "no descriptor");
    found(ring, slotAt(ring, 1), ((<u64>5) << 32) | <u64>d, "another lap");
    found(ring, d + D_CLAIM, 0x123, "a claim that holds nothing");
    found(ring, d + D_BLOCK, <u64>get32(d + D_BLOCK), "no room");
    found(ring, ring + Q_TAIL, load64(ring + Q_TAIL) + 1, "a byte too many");
    found(ring, ring + Q_TAIL, load64(ring + Q_TAIL) + ((<u64>9) << 32), "a tail too far");
    const last = descriptorAt(ring, 31);
    found(ring, last + D_WORD, descriptorWord(0, D_HELD, 3), "held by who does not use it");
    found(ring, last + D_WORD, descriptorWord(0, D_HELD, 200), "held by nobody that there is");
    found(ring, last + D_CLAIM, 0x123, "a free one's claim");
    same(get64(last + D_WORD) & 255, D_FREE, "free", 0);
    sound("whole again", 0);
    const head = load32(H_RINGS);
    store32(H_RINGS, head + 1024 * 900);
    is(problems() != "", true, "no ring", 0);
    store32(H_RINGS, head);
    same(ringPop(ring, TARGET, 5000), 100, "whole still", 0);
    same(ringReserve(ring, 8, false) != 0 ? 1 : 0, 1, "reserved", 0);
    inHand(taken(ring, 1, 100), 1, 100);
    same(dropped(ring), 0, "dropped", 0);
    same(partyOf(ring), party(ring, 2), "party", 0);
  });
});
