// Ring: records go in and come out in order, as long as they were, up to the limits and no further; what there is no place for is refused, or
// the oldest makes room; sequences come round.

import { get32, get64 } from "../memory";
import { load32, load64, store32, store64 } from "../atomic";
import { detachRegion } from "../region";
import { partyOf, ringCommit, ringRelease, ringReserve, ringTake, sequenceOf } from "../ring";
import { ringPopMany, ringPushMany } from "../ringbatch";
import { closeRing, leaveRing, ringSetLimits } from "../ringlife";
import {
  D_DROPPING,
  D_READY,
  D_WORD,
  LAPS,
  POLICY_DROP_OLDEST,
  P_PEAK,
  P_REFUSED,
  Q_HEAD,
  Q_IS_HIGH,
  Q_ITEMS,
  Q_POLICY,
  Q_ROOM,
  Q_TAIL,
} from "../shared/rings";
import {
  CLOSED,
  NOT_ATTACHED,
  OK,
  RING_DROPPED,
  RING_EMPTY,
  RING_ENDED,
  RING_FULL,
  RING_IS_HIGH,
} from "../shared/status";
import { become, fresh, is, same, sound } from "./lib";
import {
  LONGEST,
  SOURCE,
  Shape,
  TARGET,
  bytesIn,
  countOf,
  depth,
  dropped,
  gone,
  handed,
  inHand,
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

let seed: u32 = 1;

function random(below: u32): u32 {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed % below;
}

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

describe("a ring", () => {
  it("hands records over in order, of any lengths, and is full and empty exactly at its limits", () => {
    const ring = ringOf(new Shape(7));
    const lengths = new StaticArray<u32>(3000);
    let first: u32 = 0;
    let next: u32 = 0;
    seed = 4711;
    while (next < 3000) {
      if (random(2) == 0) {
        lengths[next] = random(4) == 0 ? random(LONGEST + 1) : random(40);
        const status = push(ring, next, lengths[next]);
        same(status, next - first == 7 ? RING_FULL : OK, "put in", next);
        if (status == OK) next++;
      } else if (first < next) {
        popped(ring, first, lengths[first]);
        first++;
      } else nothing(ring, RING_EMPTY, next);
      same(depth(ring), next - first, "depth", next);
    }
    sound("half way", 0);
    for (; first < next; first++) popped(ring, first, lengths[first]);
    gone(ring, "in order");
  });

  it("holds exactly so many bytes", () => {
    const shape = new Shape(100);
    shape.bytes = 100;
    const ring = ringOf(shape);
    same(push(ring, 0, 101), RING_FULL, "longer than all there may be", 0);
    pushed(ring, 1, 60);
    same(push(ring, 2, 41), RING_FULL, "one byte too many", 0);
    pushed(ring, 2, 40);
    same(bytesIn(ring), 100, "bytes", 0);
    same(push(ring, 3, 1), RING_FULL, "one byte more", 0);
    pushed(ring, 3, 0);
    popped(ring, 1, 60);
    same(push(ring, 4, 61), RING_FULL, "more than was taken", 0);
    pushed(ring, 4, 60);
    popped(ring, 2, 40);
    popped(ring, 3, 0);
    popped(ring, 4, 60);
    same(bytesIn(ring), 0, "bytes at the end", 0);
    same(get64(partyOf(ring) + P_REFUSED), 4, "refused", 0);
    gone(ring, "bytes");
  });

  it("counts on beyond 2^32 records and bytes, and how often it came round", () => {
    for (let before: u32 = 0; before < 12; before++) {
      const shape = new Shape(3);
      shape.first = <u32>0 - before;
      const ring = ringOf(shape);
      // As if nearly 2^32 bytes had gone through.
      store64(ring + Q_TAIL, load64(ring + Q_TAIL) | 0xfffffff0);
      store64(ring + Q_HEAD, load64(ring + Q_HEAD) | 0xfffffff0);
      for (let i: u32 = 0; i < 20; i++) {
        pushed(ring, i, i);
        if (i >= 2) same(push(ring, 99, 1), RING_FULL, "a fourth", i);
        if (i >= 2) popped(ring, i - 2, i - 2);
      }
      same(sequenceOf(load64(ring + Q_TAIL)), 20 - before, "the tail", before);
      same(load32(ring + Q_TAIL + LAPS), before > 0 ? 1 : 0, "times the tail came round", before);
      same(load32(ring + Q_HEAD + LAPS), before > 0 ? 1 : 0, "times the head came round", before);
      sound("come round", before);
      gone(ring, "round");
    }
  });

  it("takes no head or tail that was seen a lap ago for the one that is there", () => {
    const ring = ringOf(new Shape(2));
    pushed(ring, 0, 8);
    popped(ring, 0, 8);
    // This owner saw the head at 0 and the tail at 1; since then others put in and took 2^32 records, and two.
    pushed(ring, 1, 8);
    pushed(ring, 2, 8);
    store32(ring + Q_TAIL + LAPS, 4);
    store32(ring + Q_HEAD + LAPS, 4);
    same(push(ring, 3, 8), RING_FULL, "a third", 0);
    popped(ring, 1, 8);
    popped(ring, 2, 8);
    gone(ring, "laps");
  });

  it("lets others go on where one died before it moved the tail or the head", () => {
    for (let first: u32 = 0; first < 2; first++) {
      const shape = new Shape(4);
      shape.first = first == 0 ? 0 : 0xfffffffe;
      const ring = ringOf(shape);
      for (let i: u32 = 0; i < 9; i++) {
        const tail = load64(ring + Q_TAIL);
        pushed(ring, i, 10 + i);
        store64(ring + Q_TAIL, tail);
        become(2 + (i & 1));
        is(open(shape) == ring, true, "the same", i);
        if ((i & 1) == 0) pushed(ring, 100, 3);
        const head = load64(ring + Q_HEAD);
        popped(ring, i, 10 + i);
        same(sequenceOf(load64(ring + Q_TAIL)) - sequenceOf(tail), (i & 1) == 0 ? 2 : 1, "the tail is past it", i);
        store64(ring + Q_HEAD, head);
        if ((i & 1) == 0) popped(ring, 100, 3);
        else nothing(ring, RING_EMPTY, i);
        same(depth(ring), 0, "depth", i);
        same(bytesIn(ring), 0, "bytes", i);
        become(1);
      }
      sound("helped", first);
    }
  });

  it("moves the tail past a record before it takes it", () => {
    const shape = new Shape(4);
    shape.first = 0xfffffff0;
    const ring = ringOf(shape);
    become(2);
    open(shape);
    become(1);
    const tail = load64(ring + Q_TAIL);
    pushed(ring, 1, 5);
    store64(ring + Q_TAIL, tail);
    become(2);
    const d = taken(ring, 1, 5);
    same(sequenceOf(load64(ring + Q_TAIL)), 0xfffffff1, "the tail", 0);
    ringRelease(ring, d);
    same(bytesIn(ring), 0, "bytes", 0);
  });

  it("answers what is attached to nothing", () => {
    const ring = ringOf(new Shape(4));
    pushed(ring, 1, 5);
    same(detachRegion(), OK, "detached", 0);
    same(push(ring, 2, 5), NOT_ATTACHED, "put in", 0);
    nothing(ring, NOT_ATTACHED, 0);
    same(ringTake(ring) + ringReserve(ring, 1, false), 0, "in hand", 0);
    same(ringPopMany(ring, TARGET, 100, 9) + ringPushMany(ring, SOURCE, 1), 0, "many", 0);
    same(ringCommit(ring, 0, 0, 0, false), NOT_ATTACHED, "committed", 0);
    same(leaveRing(ring), NOT_ATTACHED, "left", 0);
    is(closeRing(ring), false, "closed", 0);
  });
});

describe("a ring that drops the oldest", () => {
  it("makes room for each record, of as many as that takes, and counts them", () => {
    const ring = ringOf(dropping(3, 100));
    for (let i: u32 = 0; i < 5; i++) pushed(ring, i, 20);
    same(dropped(ring), 2, "dropped for places", 0);
    pushed(ring, 5, 81);
    same(dropped(ring), 5, "dropped for bytes", 0);
    popped(ring, 5, 81);
    nothing(ring, RING_EMPTY, 0);
    same(get64(partyOf(ring) + P_REFUSED), 0, "refused", 0);
    gone(ring, "dropped");
  });

  it("refuses a record that there is never place for", () => {
    const ring = ringOf(dropping(3, 100));
    pushed(ring, 0, 20);
    same(push(ring, 1, 101), RING_FULL, "too long", 0);
    same(depth(ring), 1, "nothing was dropped for it", 0);
    same(dropped(ring), 0, "dropped", 0);
    pushed(ring, 2, 100);
    ringSetLimits(ring, 0, 100, 9, 0, get32(ring + Q_POLICY));
    same(push(ring, 3, 1), RING_FULL, "no record at all", 0);
    gone(ring, "never");
  });

  it("hands what it drops to who wants it, one after the other", () => {
    const ring = ringOf(dropping(4, 100));
    for (let i: u32 = 0; i < 4; i++) pushed(ring, i, 25);
    const d = reserved(ring, 4, 60);
    for (let i: u32 = 0; i < 3; i++) {
      same(ringCommit(ring, d, 60, 4, true), RING_DROPPED, "dropped", i);
      inHand(handed(), i, 25);
      same(<u32>load64(handed() + D_WORD) & 255, D_DROPPING, "state", i);
      same(dropped(ring), i, "counted when it is given back", i);
      ringRelease(ring, handed());
      same(dropped(ring), i + 1, "counted", i);
    }
    same(ringCommit(ring, d, 60, 4, true), OK, "put in", 0);
    popped(ring, 3, 25);
    popped(ring, 4, 60);
    gone(ring, "wanted");
  });

  it("drops nothing where another made room meanwhile", () => {
    const ring = ringOf(dropping(1, 100));
    pushed(ring, 0, 9);
    const d = reserved(ring, 1, 9);
    same(ringCommit(ring, d, 9, 1, true), RING_DROPPED, "dropped", 0);
    ringRelease(ring, handed());
    become(2);
    open(dropping(1, 100));
    pushed(ring, 2, 9);
    popped(ring, 2, 9);
    become(1);
    same(ringCommit(ring, d, 9, 1, true), OK, "put in", 0);
    same(dropped(ring), 1, "dropped", 0);
  });
});

describe("limits", () => {
  it("are lowered below what is queued, which stays, and raised up to the most", () => {
    const shape = new Shape(6);
    shape.most = 8;
    const ring = ringOf(shape);
    for (let i: u32 = 0; i < 6; i++) pushed(ring, i, 10);
    ringSetLimits(ring, 2, 1000, 9, 0, get32(ring + Q_POLICY));
    for (let i: u32 = 0; i < 4; i++) {
      same(push(ring, 9, 1), RING_FULL, "above the limit", i);
      popped(ring, i, 10);
    }
    same(push(ring, 9, 1), RING_FULL, "at the limit", 0);
    popped(ring, 4, 10);
    pushed(ring, 6, 10);
    ringSetLimits(ring, 99, 1000, 9, 0, get32(ring + Q_POLICY));
    for (let i: u32 = 7; i < 13; i++) pushed(ring, i, 10);
    same(push(ring, 99, 1), RING_FULL, "at the most", 0);
    ringSetLimits(ring, 8, 25, 9, 0, get32(ring + Q_POLICY));
    for (let i: u32 = 5; i < 11; i++) {
      same(push(ring, 99, 6), RING_FULL, "too many bytes", i);
      popped(ring, i, 10);
    }
    pushed(ring, 13, 5);
    gone(ring, "limits");
  });

  it("say from when on it is high, and until when", () => {
    const shape = new Shape(8);
    shape.high = 4;
    shape.low = 1;
    const ring = ringOf(shape);
    store32(ring + Q_ROOM + 4, 0);
    for (let i: u32 = 0; i < 7; i++) {
      same(push(ring, i, 1), i < 3 ? OK : RING_IS_HIGH, "put in", i);
      same(load32(ring + Q_IS_HIGH), i < 3 ? 0 : 1, "high", i);
    }
    same(get32(partyOf(ring) + P_PEAK), 7, "most ever", 0);
    const before = load32(ring + Q_ROOM);
    for (let i: u32 = 0; i < 7; i++) {
      popped(ring, i, 1);
      same(load32(ring + Q_IS_HIGH), i < 5 ? 1 : 0, "high still", i);
      same(load32(ring + Q_ROOM) - before, i < 5 ? 0 : 1, "told", i);
    }
    pushed(ring, 7, 1);
    same(load32(ring + Q_IS_HIGH), 0, "not high again", 0);
    same(get32(partyOf(ring) + P_PEAK), 7, "most ever still", 0);
    gone(ring, "high");
  });

  it("that change tell who was told that it is high, if it is low by then", () => {
    const shape = new Shape(8);
    shape.high = 3;
    const ring = ringOf(shape);
    for (let i: u32 = 0; i < 3; i++) push(ring, i, 1);
    same(load32(ring + Q_IS_HIGH), 1, "high", 0);
    ringSetLimits(ring, 8, 100, 6, 4, get32(ring + Q_POLICY));
    same(load32(ring + Q_IS_HIGH), 0, "low now", 0);
  });
});

describe("who sleeps for a ring", () => {
  it("is woken by what it sleeps for, once", () => {
    const ring = ringOf(new Shape(2));
    const items = load32(ring + Q_ITEMS);
    const room = load32(ring + Q_ROOM);
    store32(ring + Q_ITEMS + 4, 1);
    pushed(ring, 0, 1);
    same(load32(ring + Q_ITEMS) - items, 1, "a record", 0);
    same(load32(ring + Q_ITEMS + 4), 0, "said", 0);
    pushed(ring, 1, 1);
    same(load32(ring + Q_ITEMS) - items, 1, "nobody sleeps", 0);
    store32(ring + Q_ROOM + 4, 1);
    popped(ring, 0, 1);
    same(load32(ring + Q_ROOM) - room, 1, "a place, by pop", 0);
    store32(ring + Q_ROOM + 4, 1);
    ringRelease(ring, taken(ring, 1, 1));
    same(load32(ring + Q_ROOM) - room, 2, "a place, by take", 0);
    pushed(ring, 2, 1);
    store32(ring + Q_ROOM + 4, 1);
    same(ringPopMany(ring, TARGET, 100, 1), 1, "taken", 0);
    same(load32(ring + Q_ROOM) - room, 3, "a place, by many", 0);
    store32(ring + Q_ITEMS + 4, 1);
    store32(ring + Q_ROOM + 4, 1);
    closeRing(ring);
    same(load32(ring + Q_ITEMS) - items, 2, "the end, for who takes", 0);
    same(load32(ring + Q_ROOM) - room, 4, "the end, for who puts in", 0);
    gone(ring, "woken");
  });
});

describe("an ended ring", () => {
  it("gives what is in it, takes nothing, and then says that it has ended", () => {
    for (let count: u32 = 0; count <= 3; count++) {
      const ring = ringOf(new Shape(3));
      pushed(ring, 9, 9);
      popped(ring, 9, 9);
      for (let i: u32 = 0; i < count; i++) pushed(ring, i, 10);
      is(closeRing(ring), true, "the first", count);
      is(closeRing(ring), false, "the second", count);
      same(push(ring, 9, 1), CLOSED, "put in", count);
      for (let i: u32 = 0; i < count; i++) popped(ring, i, 10);
      nothing(ring, RING_ENDED, count);
      same(push(ring, 9, 1), CLOSED, "put in after all", count);
      same(ringTake(ring), 0, "taken", count);
      same(why(), RING_ENDED, "why", count);
      gone(ring, "ended");
    }
  });

  it("ends also where one died before it moved the tail", () => {
    const ring = ringOf(new Shape(3));
    const tail = load64(ring + Q_TAIL);
    pushed(ring, 1, 10);
    store64(ring + Q_TAIL, tail);
    is(closeRing(ring), true, "closed", 0);
    popped(ring, 1, 10);
    nothing(ring, RING_ENDED, 0);
    gone(ring, "a tail behind");
  });
});

describe("several owners", () => {
  it("put in and take in one order, whatever each holds", () => {
    for (let policy: u32 = 0; policy < 2; policy++) {
      const shape = policy == 0 ? new Shape(5) : dropping(5, 3000);
      const ring = ringOf(shape);
      for (let index: u32 = 4; index >= 1; index--) {
        become(index);
        is(open(shape) == ring, true, "the same", index);
      }
      const numbers = new Array<u32>();
      const lengths = new Array<u32>();
      const leases = new StaticArray<usize>(5);
      let drops: u64 = 0;
      seed = 99 + policy;
      for (let i: u32 = 0; i < 4000; i++) {
        const index = 1 + random(4);
        become(index);
        const what = random(4);
        if (what < 2) {
          const bytes = random(900);
          let sum: u32 = 0;
          for (let j = 0; j < lengths.length; j++) sum += lengths[j];
          while (policy == 1 && (lengths.length == 5 || sum + bytes > 3000)) {
            sum -= lengths[0];
            numbers.shift();
            lengths.shift();
            drops++;
          }
          same(push(ring, i, bytes), lengths.length == 5 ? RING_FULL : OK, "put in", i);
          if (lengths.length == 5) continue;
          numbers.push(i);
          lengths.push(bytes);
        } else if (numbers.length == 0) nothing(ring, RING_EMPTY, i);
        else if (what == 2) popped(ring, numbers.shift(), lengths.shift());
        else {
          if (leases[index] != 0) ringRelease(ring, leases[index]);
          leases[index] = taken(ring, numbers.shift(), lengths.shift());
        }
        same(depth(ring), numbers.length, "depth", i);
      }
      let counted: u64 = 0;
      for (let index: u32 = 4; index >= 1; index--) {
        become(index);
        counted += dropped(ring);
        if (index > 1) same(leaveRing(ring), OK, "left", index);
      }
      same(counted, drops, "dropped", policy);
      sound("several", policy);
      same(countOf(ring, D_READY), numbers.length, "queued", policy);
      gone(ring, "several");
    }
  });
});

// A descriptor that is queued says how long its record is.
