// Ring pool: descriptors and the payload behind them follow how much is queued, up and down; what there is no memory for is refused, and
// nothing is lost over it.

import { get32, get64, put32, put64 } from "../memory";
import { load32, load64, store32 } from "../atomic";
import { blockAlloc } from "../record";
import { lastClaim } from "../claim";
import { partyOf, ringCommit, ringRelease, ringReserve, ringTake } from "../ring";
import { chunkLength, descriptorAt, hasPayload } from "../ringpool";
import { closeRing, leaveRing, ringTrim } from "../ringlife";
import { alloc, free } from "../heap";
import { BUDGET_OPEN, B_STATE } from "../shared/layout";
import {
  D_BLOCK,
  D_CLAIM,
  D_FREE,
  D_HELD,
  D_ROOM,
  D_WORD,
  POLICY_DROP_OLDEST,
  P_AHEAD,
  P_HAND,
  P_KEPT,
  Q_DESCRIPTORS,
  Q_WINDOW,
  D_TAG,
} from "../shared/rings";
import { FULL, OK, OVER_LIMIT, RING_EMPTY, TOO_LARGE } from "../shared/status";
import { become, fresh, is, longestRun, same, smallHeap, sound } from "./lib";
import {
  Shape,
  countOf,
  depth,
  dropped,
  gone,
  keepSums,
  nothing,
  open,
  popped,
  push,
  pushed,
  reserved,
  sameSums,
  taken,
  usedNow,
  why,
} from "./rings";
import { NONE, budget, items, stateOf, used } from "./tree";

/** A fresh region and a ring of this shape in it. */
function ringOf(shape: Shape): usize {
  fresh(16, 4);
  keepSums();
  const ring = open(shape);
  is(ring != 0, true, "a ring", shape.capacity);
  return ring;
}

/** How many descriptors have payload. */
function paid(ring: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < load32(ring + Q_DESCRIPTORS); i++) {
    const d = descriptorAt(ring, i);
    if (get64(d + D_CLAIM) == 0) continue;
    is(hasPayload(d), true, "payload of", i);
    count++;
  }
  return count;
}

describe("descriptors", () => {
  it("stand in chunks, each as long as all before it", () => {
    const ring = ringOf(new Shape(1000));
    let all: u32 = 0;
    for (let i: u32 = 0; i < 1000; i++) {
      if (i == all) {
        pushed(ring, i, 0);
        same(load32(ring + Q_DESCRIPTORS), all == 0 ? 32 : all << 1, "descriptors", i);
        all = load32(ring + Q_DESCRIPTORS);
      } else pushed(ring, i, 0);
    }
    same(
      chunkLength(0) + chunkLength(1) + chunkLength(2) + chunkLength(3) + chunkLength(4) + chunkLength(5),
      1024,
      "chunks",
      0,
    );
    // All are different, and each lies in its chunk.
    for (let i: u32 = 0; i < 1024; i++) put32(descriptorAt(ring, i) + D_TAG, i);
    for (let i: u32 = 0; i < 1024; i++) same(get32(descriptorAt(ring, i) + D_TAG), i, "descriptor", i);
    for (let i: u32 = 1; i < 32; i++)
      same(descriptorAt(ring, i) - descriptorAt(ring, i - 1), (i & 3) == 0 ? 80 : 16, "descriptors apart", i);
    sound("grown", 0);
    gone(ring, "chunks");
  });

  it("are used over and over while few records are queued", () => {
    const ring = ringOf(new Shape(100));
    for (let i: u32 = 0; i < 5000; i++) {
      pushed(ring, i, 64);
      popped(ring, i, 64);
    }
    same(load32(ring + Q_DESCRIPTORS), 32, "descriptors", 0);
    is(paid(ring) <= 8, true, "payloads", paid(ring));
    gone(ring, "few");
  });

  it("are taken ahead of the next record by who puts in what others take, and by nobody else", () => {
    const shape = new Shape(8);
    const ring = ringOf(shape);
    become(2);
    is(open(shape) == ring, true, "the same", 0);
    for (let i: u32 = 0; i < 100; i++) {
      become(1);
      pushed(ring, i, 24);
      is((get32(partyOf(ring) + P_KEPT) != 0) == i > 0, true, "kept", i);
      same(countOf(ring, D_HELD), i > 0 ? 2 : 0, "kept by both", i);
      same(get32(partyOf(ring) + P_HAND), 0, "in hand", i);
      become(2);
      popped(ring, i, 24);
      sound("ahead", i);
    }
    // One is kept, not one for each that comes back from hand to the ring.
    become(1);
    const first = reserved(ring, 0, 24);
    const second = reserved(ring, 1, 24);
    same(ringCommit(ring, first, 24, 0, false), OK, "the first", 0);
    same(ringCommit(ring, second, 24, 1, false), OK, "the second", 0);
    same(countOf(ring, D_HELD), 2, "kept by both, still", 0);
    become(2);
    popped(ring, 0, 24);
    popped(ring, 1, 24);
    // Who takes as well keeps what it took, and gives back what it had ahead with the second.
    become(1);
    pushed(ring, 100, 24);
    pushed(ring, 101, 24);
    popped(ring, 100, 24);
    popped(ring, 101, 24);
    same(get32(partyOf(ring) + P_AHEAD), 0, "no more", 0);
    pushed(ring, 102, 24);
    same(get32(partyOf(ring) + P_KEPT), 0, "what was kept is in the ring", 0);
    popped(ring, 102, 24);
    same(leaveRing(ring), OK, "left", 0);
    become(2);
    gone(ring, "ahead");
  });

  it("are had where all that are in use are held", () => {
    const ring = ringOf(new Shape(4));
    const leases = new StaticArray<usize>(200);
    for (let i: u32 = 0; i < 200; i++) leases[i] = reserved(ring, i, 8);
    same(countOf(ring, D_HELD), 200, "held", 0);
    for (let i: u32 = 0; i < 200; i++)
      for (let j: u32 = 0; j < i; j++) is(leases[i] != leases[j], true, "different", i);
    for (let i: u32 = 0; i < 200; i++) ringRelease(ring, leases[i]);
    same(countOf(ring, D_HELD), 1, "kept", 0);
    gone(ring, "held");
  });
});

describe("payload", () => {
  it("grows with what is queued and shrinks when that does", () => {
    const ring = ringOf(new Shape(200));
    for (let i: u32 = 0; i < 200; i++) pushed(ring, i, 1000);
    is(usedNow() >= 200 * 1000, true, "bytes for all", 0);
    same(paid(ring), 200, "payloads", 0);
    for (let i: u32 = 0; i < 200; i++) popped(ring, i, 1000);
    nothing(ring, RING_EMPTY, 0);
    for (let i: u32 = 0; i < 20000; i++) {
      pushed(ring, i, 1000);
      pushed(ring, i, 900);
      popped(ring, i, 1000);
      popped(ring, i, 900);
    }
    is(usedNow() <= 20 * 1024, true, "bytes once few are queued", usedNow());
    is(load32(ring + Q_WINDOW) <= 16, true, "descriptors in turn", load32(ring + Q_WINDOW));
    for (let i: u32 = 0; i < 200; i++) pushed(ring, i, 500);
    for (let i: u32 = 0; i < 200; i++) popped(ring, i, 500);
    gone(ring, "grown");
  });

  it("of a long record is not kept for a short one", () => {
    const ring = ringOf(new Shape(4));
    pushed(ring, 1, 5000);
    popped(ring, 1, 5000);
    is(usedNow() >= 5000, true, "kept for the next", 0);
    pushed(ring, 2, 2000);
    is(usedNow() >= 5000, true, "long enough", 0);
    popped(ring, 2, 2000);
    pushed(ring, 3, 100);
    is(usedNow() < 2048, true, "not for a short one", usedNow());
    popped(ring, 3, 100);
    pushed(ring, 4, 120);
    popped(ring, 4, 120);
    pushed(ring, 5, 0);
    popped(ring, 5, 0);
    gone(ring, "roomy");
  });

  it("that lies idle goes back when it is asked for, and no other", () => {
    const ring = ringOf(new Shape(50));
    for (let i: u32 = 0; i < 50; i++) pushed(ring, i, 600);
    for (let i: u32 = 0; i < 40; i++) popped(ring, i, 600);
    const lease = taken(ring, 40, 600);
    is(ringTrim(ring), true, "some was", 0);
    is(ringTrim(ring), false, "none is", 0);
    // Nine queued, one taken, none kept.
    same(paid(ring), 10, "payloads", 0);
    for (let i: u32 = 41; i < 50; i++) popped(ring, i, 600);
    pushed(ring, 50, 600);
    popped(ring, 50, 600);
    ringRelease(ring, lease);
    is(ringTrim(ring), true, "the rest", 0);
    same(paid(ring), 0, "payloads, at rest", 0);
    pushed(ring, 51, 0);
    popped(ring, 51, 0);
    pushed(ring, 52, 600);
    popped(ring, 52, 600);
    gone(ring, "idle");
  });
});

describe("no memory", () => {
  it("for a record is said, and nothing is lost over it", () => {
    smallHeap(24, 3);
    const whole = longestRun();
    keepSums();
    const ring = open(new Shape(4));
    is(ring != 0, true, "a ring", 0);
    pushed(ring, 1, 5000);
    pushed(ring, 2, 5000);
    for (let i: u32 = 0; i < 3; i++) {
      same(push(ring, 3, 15000), FULL, "put in", i);
      same(ringReserve(ring, 15000, false), 0, "reserved", i);
      same(why(), FULL, "why", i);
    }
    same(depth(ring), 2, "queued", 0);
    sound("refused", 0);
    popped(ring, 1, 5000);
    popped(ring, 2, 5000);
    // What lies idle is given up for it.
    pushed(ring, 3, 15000);
    const d = ringTake(ring);
    ringRelease(ring, d);
    gone(ring, "refused");
    same(longestRun(), whole, "all in one piece", 0);
  });

  it("for a ring, or for more descriptors, is said", () => {
    smallHeap(6, 3);
    keepSums();
    same(open(new Shape(2000)), 0, "a ring", 0);
    same(why(), FULL, "why", 0);
    sameSums("no ring");
    const ring = open(new Shape(100));
    is(ring != 0, true, "a small one", 0);
    let count: u32 = 0;
    while (push(ring, count, 0) == OK) count++;
    const left = longestRun();
    same(push(ring, count, 0), FULL, "why", 0);
    is(left < 2, true, "nothing left", left);
    is(count >= 32, true, "some", count);
    sound("no descriptors", 0);
    for (let i: u32 = 0; i < count; i++) popped(ring, i, 0);
    gone(ring, "descriptors");
  });

  it("is had from the oldest records of a ring that drops them", () => {
    smallHeap(24, 3);
    keepSums();
    const shape = new Shape(20);
    shape.policy = POLICY_DROP_OLDEST;
    const ring = open(shape);
    const count: u32 = 20;
    for (let i: u32 = 0; i < count; i++) pushed(ring, i, 3000);
    const left = depth(ring);
    is(left > 1 && left < 8, true, "as many as there is memory for", left);
    same(dropped(ring), count - left, "dropped", 0);
    for (let i = count - left; i < count; i++) popped(ring, i, 3000);
    nothing(ring, RING_EMPTY, 0);
    // Never enough, whatever goes.
    pushed(ring, 1, 10);
    same(push(ring, 2, 30000), TOO_LARGE, "longer than all of the heap", 0);
    same(depth(ring), 1, "dropped for what can never fit", 0);
    same(push(ring, 2, 21600), FULL, "too long for the heap", 0);
    same(depth(ring), 0, "dropped for nothing", 0);
    pushed(ring, 3, 10);
    gone(ring, "from the oldest");
  });

  it("lost to others while a record was reserved is no matter", () => {
    smallHeap(24, 3);
    keepSums();
    const ring = open(new Shape(4));
    const d = reserved(ring, 1, 3000);
    const rest = alloc(longestRun() << 10);
    is(rest != 0, true, "the rest", 0);
    same(ringCommit(ring, d, 3000, 1, false), OK, "put in", 0);
    same(push(ring, 2, 3000), FULL, "another", 0);
    popped(ring, 1, 3000);
    pushed(ring, 2, 3000);
    popped(ring, 2, 3000);
    is(free(rest), true, "given back", 0);
    gone(ring, "others");
  });
});

describe("a budget", () => {
  it("is charged for what the pool holds, refuses, and is closed with the ring", () => {
    fresh(16, 4);
    const root = budget(0, 1, NONE, 0);
    keepSums();
    const node = budget(root, 2, 10000, 0);
    const shape = new Shape(20);
    shape.budget = node;
    shape.budgetState = stateOf(node);
    const ring = open(shape);
    same(used(node), 0, "nothing yet", 0);
    pushed(ring, 0, 3000);
    const one = used(node);
    is(one >= 3000 && one < 3600, true, "one", one);
    pushed(ring, 1, 3000);
    pushed(ring, 2, 3000);
    same(used(node), 3 * one, "three", 0);
    same(push(ring, 3, 3000), OVER_LIMIT, "a fourth", 0);
    same(items(node), 3, "items", 0);
    same(used(node), 3 * one, "three still", 0);
    for (let i: u32 = 0; i < 3; i++) popped(ring, i, 3000);
    same(used(node), 3 * one, "idle, and charged", 0);
    // Idle payload is given up before it is refused.
    pushed(ring, 3, 4900);
    is(used(node) >= 4900, true, "a longer one", used(node));
    popped(ring, 3, 4900);
    ringTrim(ring);
    sound("charged", 0);
    closeRing(ring);
    same(leaveRing(ring), OK, "left", 0);
    same(used(root), 0, "at the end", 0);
    is((load32(node + B_STATE) & 3) != BUDGET_OPEN, true, "closed", 0);
    sameSums("charged");
  });
});

describe("a call that an exception cut", () => {
  it("while payload came or went leaves none, and none is lost", () => {
    for (let what: u32 = 0; what < 4; what++) {
      const ring = ringOf(new Shape(4));
      const party = partyOf(ring);
      const d = reserved(ring, 1, 100);
      // The Block went back, or not; it is the ring's, or not yet.
      put32(d + D_ROOM, 0);
      let own: usize = 0;
      if (what == 1) {
        const claim = get64(d + D_CLAIM);
        put32(party + P_HAND, <u32>d);
        nothing(ring, RING_EMPTY, 0);
        same(get64(d + D_CLAIM), 0, "gone back", 0);
        is(claim != 0, true, "had one", 0);
        const e = reserved(ring, 2, 0);
        same(e, d, "the same", 0);
        put64(d + D_CLAIM, claim);
      }
      if (what == 2) {
        put32(party + P_HAND, <u32>d);
        nothing(ring, RING_EMPTY, 0);
        ringReserve(ring, 0, false);
        own = blockAlloc(100, 8);
        put32(d + D_BLOCK, <u32>own);
        put64(d + D_CLAIM, lastClaim() ^ 1);
      }
      put32(party + P_HAND, <u32>d);
      nothing(ring, RING_EMPTY, what);
      same(get64(d + D_CLAIM), 0, "no claim", what);
      same(get32(d + D_ROOM), 0, "no room", what);
      same(get32(party + P_KEPT), <u32>d, "kept", what);
      pushed(ring, 2, 100);
      is(get32(d + D_BLOCK) != <u32>own, true, "another Block", what);
      popped(ring, 2, 100);
      if (own == 0) gone(ring, "cut");
    }
  });

  it("keeps what a thread was shedding, or was to shed, in somebody's hands", () => {
    const ring = ringOf(new Shape(4));
    become(2);
    open(new Shape(4));
    pushed(ring, 1, 100);
    pushed(ring, 2, 100);
    popped(ring, 1, 100);
    popped(ring, 2, 100);
    same(countOf(ring, D_FREE), 31, "free", 0);
    const free = countOf(ring, D_FREE);
    store32(ring + Q_WINDOW, 32);
    become(1);
    for (let i: u32 = 0; i < 40; i++) {
      pushed(ring, i, 100);
      popped(ring, i, 100);
    }
    same(countOf(ring, D_FREE), free - 1, "free, but the one kept here", 0);
    is(load64(descriptorAt(ring, 31) + D_WORD) >> 32 == 0, true, "never used", 0);
    same(leaveRing(ring), OK, "left", 0);
    become(2);
    gone(ring, "shed");
  });
});
