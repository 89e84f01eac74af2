// Leaving: reservations that are given back while another holds the latch. Giving back is never refused for that; whoever lets the latch
// go, in whatever call, takes them out, once; and until then nobody is refused for their sake.

import { get32, get64, put32 } from "../memory";
import { load32, load64, store32 } from "../atomic";
import { fall, lockBudgets } from "../budget";
import { addChunk } from "../chunk";
import { takeLarge } from "../heap";
import { intern } from "../names";
import { closeBudget, openBudget, setBudgetLimit } from "../nodes";
import { leave, markDead, slot } from "../owners";
import { recover } from "../recover";
import { detachRegion } from "../region";
import { sweepLeaving, unlockBudgets } from "../leaving";
import {
  reservationFree,
  reservationIsLive,
  reservationMove,
  reservationPass,
  reservationResize,
  reservationSplit,
  reserve,
  reserveOrWait,
} from "../reservation";
import {
  CLAIM_LIVE,
  CLAIM_STATE_SHIFT,
  CLOSED_BYTES,
  CLOSED_COUNT,
  GRAIN_SHIFT,
  H_BUDGET_LOCK,
  H_LEAVING,
  H_LOCK,
  H_RECORDS,
  KIND_RAW,
  NODE_BYTES,
  NODE_CHUNK_GRAINS,
  B_NEXT,
  H_NODES,
  OWNER_DEAD,
  S_OUT,
  V_NEXT,
} from "../shared/layout";
import { FULL, NOT_LIVE, OK } from "../shared/status";
import { charging, dyingCharge } from "./charging";
import { cutAfter, isWhole } from "./dying";
import {
  attach,
  become,
  checkAll,
  fresh,
  idOf,
  is,
  longestRun,
  outWord,
  same,
  setState,
  smallHeap,
  sound,
} from "./lib";
import {
  ANY,
  NONE,
  budget,
  claim,
  counts,
  give,
  heldRecords,
  high,
  image,
  isAtRest,
  isImage,
  isRefused,
  items,
  latchedBy,
  leaving,
  limits,
  low,
  refusals,
  setItemsMax,
  stateOf,
  take,
  used,
} from "./tree";

let root: usize = 0;
let leaf: usize = 0;
let other: usize = 0;
/** Reservations of owner 1: of 30 in `leaf`, to be given back; of 5 in `root`. */
let left: usize = 0;
let kept: usize = 0;

/** Owners 1 to 4 and two trees; this thread acts as owner 1. */
function trees(): void {
  become(4);
  become(3);
  become(2);
  become(1);
  root = budget(0, 1, NONE, 0);
  leaf = budget(root, 2, NONE, 20);
  other = budget(0, 3, NONE, 0);
  left = take(leaf, 30);
  kept = take(root, 5);
}

/** Owner 1 gives `left` back while owner 3 holds the latch. */
function givenBack(): void {
  latchedBy(3);
  const by = claim(left);
  is(give(left), true, "given back", 0);
  same(claim(left), leaving(by), "its claim", 0);
}

/** As if owner 3 had let the latch go and gone no further. */
function abandoned(): void {
  givenBack();
  store32(H_BUDGET_LOCK, 0);
}

/** `left` is out, once, and nothing says any more that somebody is leaving. */
function isOut(what: string, where: u64): void {
  same(load64(left), 0, "record, " + what, where);
  same(load32(H_LEAVING), 0, "sign, " + what, where);
  let places: u32 = 0;
  for (let at = <usize>get32(H_RECORDS); at != 0; at = <usize>get32(at + V_NEXT)) if (at == left) places++;
  same(places, 1, "places in the free list, " + what, where);
  same(used(leaf), 0, "used, " + what, where);
  same(items(leaf), 0, "items, " + what, where);
  isAtRest(what, where);
}

describe("giving back while another holds the latch", () => {
  it("is done at once for who does it: the claim holds nothing any more, and the second time is false", () => {
    fresh(4, 4);
    trees();
    const before = claim(left);
    givenBack();
    same(load32(H_LEAVING), 1, "sign", 0);
    same(load32(H_BUDGET_LOCK), idOf(3), "holder", 0);
    counts(leaf, 30, 1, 30, "leaf", 0);
    const now = image();
    is(reservationFree(left, low(before), high(before)), false, "again", 0);
    is(reservationIsLive(left, low(before), high(before)), false, "live", 0);
    isImage(now, "again", 0);
    store32(H_BUDGET_LOCK, 0);
    is(reservationResize(left, low(before), high(before), 1), false, "resized", 0);
    isRefused(NOT_LIVE, 0, "resized", 0);
    isOut("afterwards", 0);
  });

  it("is refused for every claim that does not hold the reservation, and then nothing is marked", () => {
    fresh(4, 4);
    trees();
    latchedBy(3);
    const by = claim(left);
    const before = image();
    for (let bit: u64 = 0; bit < 64; bit++) {
      const wrong = by ^ ((<u64>1) << bit);
      is(reservationFree(left, low(wrong), high(wrong)), false, "bit", bit);
    }
    is(reservationFree(<usize>get32(H_RECORDS), 0, 0), false, "no claim on a free record", 0);
    isImage(before, "refused", 0);
    same(load32(H_LEAVING), 0, "sign", 0);
  });

  it("of many leaves all of them to whoever lets the latch go, by any thread that has their claims, in any order", () => {
    for (let n: u32 = 0; n < 64; n++) {
      fresh(4, 4);
      trees();
      const held = new Array<usize>();
      for (let i: u64 = 0; i < 6; i++) {
        become(1 + (<u32>i & 1));
        held.push(take(i < 3 ? leaf : other, 100 << i));
      }
      become(3);
      same(lockBudgets(), OK, "latch", n);
      let count: u32 = 0;
      for (let i = 0; i < 6; i++) {
        if (!((n >> i) & 1)) continue;
        become(4 - 2 * (i & 1));
        is(give(held[(i * 5) % 6]), true, "given back", n);
        count++;
      }
      become(3);
      same(heldRecords(), 8, "held before", n);
      unlockBudgets();
      same(heldRecords(), 8 - count, "held", n);
      for (let i = 0; i < 6; i++) is(claim(held[(i * 5) % 6]) == 0, ((n >> i) & 1) != 0, "out", n);
      isAtRest("many", n);
      sound("many", n);
    }
  });

  it("of one that belongs to the region is the same", () => {
    fresh(4, 4);
    trees();
    const by = claim(left);
    is(reservationPass(left, low(by), high(by), true), true, "shared", 0);
    become(2);
    latchedBy(3);
    is(give(left), true, "given back by another", 0);
    become(3);
    unlockBudgets();
    isOut("shared", 0);
    sound("shared", 0);
  });
});

// All calls in which the latch is let go; what each does is not the matter here.
const CALLS = 24;

function call(which: i32): void {
  const by = claim(kept);
  if (which == 0) reserve(other, stateOf(other), 9, 0);
  else if (which == 1) reserve(other, stateOf(other) ^ 8, 9, 0);
  else if (which == 2) reservationFree(kept, low(by), high(by));
  else if (which == 3) reservationFree(kept, low(by) ^ 0x100, high(by));
  else if (which == 4) reservationResize(kept, low(by), high(by), 6);
  else if (which == 5) reservationResize(kept, low(by), high(by), 4);
  else if (which == 6) reservationResize(kept, low(by) ^ 0x100, high(by), 4);
  else if (which == 7) reservationSplit(kept, low(by), high(by), 2);
  else if (which == 8) reservationMove(kept, low(by), high(by), other, stateOf(other));
  else if (which == 9) reservationMove(kept, low(by), high(by), other, stateOf(other) ^ 8);
  else if (which == 10) reservationPass(kept, low(by), high(by), false);
  else if (which == 11) reservationPass(kept, low(by), high(by), true);
  else if (which == 12) {
    limits(NONE, 8, ANY);
    openBudget(other, stateOf(other), 7);
  } else if (which == 13) openBudget(root, stateOf(root), 2);
  else if (which == 14) openBudget(root, stateOf(root) ^ 8, 2);
  else if (which == 15) setBudgetLimit(other, stateOf(other), 1000);
  else if (which == 16) setBudgetLimit(other, stateOf(other) ^ 8, 1000);
  else if (which == 17) closeBudget(other, stateOf(other));
  else if (which == 18) closeBudget(root, stateOf(root));
  else if (which == 19) closeBudget(leaf, stateOf(leaf) ^ 8);
  else if (which == 20) intern(5, 1);
  else if (which == 21) reserveOrWait(other, stateOf(other), 9, 0);
  else if (which == 22) same(checkAll(), OK, "check", 0);
  else sweepLeaving();
}

describe("what was given back", () => {
  it("is taken out, once, by every call that lets the latch go, whether it does what it was for or not", () => {
    for (let which = 0; which < CALLS; which++) {
      fresh(4, 4);
      trees();
      abandoned();
      become(3);
      call(which);
      isOut("call", which);
      sound("call", which);
    }
  });

  it("is taken out by who adds a chunk, and by who finds no room for one", () => {
    for (let isFull = 0; isFull < 2; isFull++) {
      smallHeap(24, 4);
      trees();
      if (isFull) is(takeLarge(longestRun() << GRAIN_SHIFT, 1, KIND_RAW) != 0, true, "the rest of the heap", 0);
      abandoned();
      become(3);
      same(addChunk(H_NODES, NODE_CHUNK_GRAINS, NODE_BYTES, B_NEXT), isFull ? FULL : OK, "status", isFull);
      isOut("chunk", isFull);
      same(load32(H_LOCK), 0, "page lock", isFull);
    }
  });

  it("is taken out when the holder detaches, or dies and is recovered", () => {
    fresh(4, 4);
    trees();
    givenBack();
    become(3);
    detachRegion();
    is(attach() > 0, true, "attached", 0);
    isOut("the holder detached", 0);
    fresh(4, 4);
    trees();
    givenBack();
    same(markDead(idOf(3)), OK, "said", 0);
    same(recover(idOf(3)), OK, "recovered", 0);
    isOut("the holder was recovered", 0);
    sound("the holder was recovered", 0);
  });

  it("is taken out when its holder's life ended before: who gave it back is gone, detached or dead", () => {
    for (let way = 0; way < 2; way++) {
      fresh(4, 4);
      trees();
      givenBack();
      if (way == 0) leave();
      else setState(1, OWNER_DEAD);
      become(3);
      unlockBudgets();
      isOut("its holder is gone", way);
    }
  });

  it("is not in the way of who needs its room: bytes or items, for whatever they are needed", () => {
    for (let what = 0; what < 6; what++) {
      for (let isDead = 0; isDead < 2; isDead++) {
        fresh(4, 4);
        trees();
        const by = claim(kept);
        // Room for what is there and no more.
        if (what == 4) setItemsMax(root, 2);
        else setBudgetLimit(root, stateOf(root), <f64>used(root));
        givenBack();
        if (isDead) setState(3, OWNER_DEAD);
        else store32(H_BUDGET_LOCK, 0);
        become(2);
        let isDone: bool = false;
        if (what == 0) isDone = reserve(root, stateOf(root), 10, 0) != 0;
        else if (what == 1) {
          const at = reserveOrWait(root, stateOf(root), 10, 0);
          isDone = at != 0 && claim(at) >> CLAIM_STATE_SHIFT == CLAIM_LIVE;
        } else if (what == 2) isDone = reservationResize(kept, low(by), high(by), 15);
        else if (what == 3) {
          const beside = take(other, 10);
          const ofBeside = claim(beside);
          isDone = reservationMove(beside, low(ofBeside), high(ofBeside), root, stateOf(root));
        } else if (what == 4) isDone = reservationSplit(kept, low(by), high(by), 1) != 0;
        else {
          limits(NONE, 10, ANY);
          isDone = openBudget(root, stateOf(root), 7) != 0;
        }
        is(isDone, true, "granted", what * 10 + isDead);
        same(refusals(root), 0, "refusals", what * 10 + isDead);
        same(used(leaf) | items(leaf) | load32(H_LEAVING), 0, "what was given back", what * 10 + isDead);
        sound("granted", what * 10 + isDead);
      }
    }
  });
});

describe("taking out what was given back", () => {
  it("is gone on with when it was cut by a death or an exception, at each store, and each is taken out once", () => {
    for (let way = 0; way < 2; way++) {
      for (let stores = 0, isAll: bool = false; !isAll; stores++) {
        fresh(4, 4);
        trees();
        const second = take(other, 11);
        givenBack();
        is(give(second), true, "another", 0);
        become(3);
        store32(H_LEAVING, 0);
        fall(leaf, 30, 1);
        put32(left + V_NEXT, get32(H_RECORDS));
        charging(leaf, left, 0, H_RECORDS, <u32>left);
        cutAfter(stores);
        dyingCharge();
        isAll = isWhole(stores);
        if (way == 0) {
          setState(3, OWNER_DEAD);
          become(2);
        }
        same(lockBudgets(), OK, "latch", stores);
        unlockBudgets();
        isOut(way == 0 ? "death" : "exception", stores);
        same(load64(second), 0, "the other", stores);
        same(used(other), 0, "used of the other", stores);
        sound(way == 0 ? "death" : "exception", stores);
      }
    }
  });
});

describe("a closing of a budget", () => {
  it("takes out what another is giving back at the time, whatever says so already, and counts it as given back", () => {
    for (let sign: u32 = 0; sign < 2; sign++) {
      fresh(4, 4);
      trees();
      abandoned();
      store32(H_LEAVING, sign);
      become(3);
      same(closeBudget(leaf, stateOf(leaf)), OK, "status", sign);
      same(outWord(CLOSED_COUNT), 0, "count", sign);
      same(get64(slot + S_OUT + (CLOSED_BYTES << 2)), 0, "bytes", sign);
      counts(root, 5, 1, 35, "root", sign);
      same(heldRecords(), 1, "held", sign);
      sound("closed", sign);
    }
  });
});
