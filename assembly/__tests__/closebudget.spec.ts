// Closing of budgets: what is left in one is given back, whoever holds it, waits in it or hands it on at the time; then its place is free,
// and before that it is not.

import { get32, get64, put32, put64 } from "../memory";
import { load64, store32, store64 } from "../atomic";
import { closeBudget, finishClosing } from "../nodes";
import { slot, slotOf } from "../owners";
import { reservationIsLive, reservationResize, reserve, reserveOrWait } from "../reservation";
import {
  BUDGET_CLOSING,
  BUDGET_FREE,
  BUDGET_OPEN,
  B_STATE,
  CLAIM_LIVE,
  CLAIM_SHARED,
  CLAIM_SEQUENCE_SHIFT,
  CLAIM_STATE_SHIFT,
  CLAIM_WAITING,
  CLOSED_BYTES,
  CLOSED_COUNT,
  H_BUDGET_LOCK,
  H_CHARGE,
  H_CHARGE_AT,
  H_CHARGE_LIST,
  H_CHARGE_VALUE,
  H_LEAVING,
  H_NODES,
  OWNER_DEAD,
  S_OUT,
  S_SEQUENCE,
} from "../shared/layout";
import { BUDGET_GONE, BUSY, HAS_CHILDREN, OK } from "../shared/status";
import { become, fresh, idOf, is, outWord, same, setState, sound } from "./lib";
import {
  NONE,
  budget,
  claim,
  counts,
  give,
  high,
  image,
  isAtRest,
  isImage,
  isRefused,
  latchedBy,
  leaving,
  low,
  peak,
  stateOf,
  take,
} from "./tree";

function close(node: usize): u32 {
  return closeBudget(node, stateOf(node));
}

function closedBytes(): u64 {
  return get64(slot + S_OUT + (CLOSED_BYTES << 2));
}

describe("closeBudget", () => {
  it("gives back what is left in it, says how many and how much, and then its place is free", () => {
    for (let count: u32 = 0; count <= 120; count += 7) {
      fresh(4, 3);
      const root = budget(0, 1, NONE, 0);
      const leaf = budget(root, 2, NONE, 50);
      const beside = take(root, 5);
      let bytes: u64 = 0;
      for (let i: u32 = 0; i < count; i++) {
        become(2 + (i & 1));
        take(leaf, (<u64>i) << 30);
        bytes += (<u64>i) << 30;
      }
      become(1);
      const state = stateOf(leaf);
      same(closeBudget(leaf, state), OK, "status", count);
      same(outWord(CLOSED_COUNT), count, "count", count);
      same(closedBytes(), bytes, "bytes", count);
      same(load64(leaf + B_STATE), state & ~3, "state word and closer", count);
      same(get32(H_NODES), leaf, "first of the free places", count);
      counts(root, 5, 1, peak(root), "root", count);
      same(claim(beside) >> CLAIM_STATE_SHIFT, CLAIM_LIVE, "what is beside", count);
      isAtRest("closed", count);
      sound("closed", count);
      same(closeBudget(leaf, state), BUDGET_GONE, "twice", count);
    }
  });

  it("is refused for a budget that has others below it, open or closing, and for one that is gone; nothing is given back then", () => {
    fresh(4, 2);
    const root = budget(0, 1, NONE, 0);
    const middle = budget(root, 2, NONE, 0);
    const leaf = budget(middle, 3, NONE, 0);
    take(leaf, 10);
    take(middle, 20);
    const spare = budget(0, 4, NONE, 0);
    take(spare, 1);
    same(close(spare), OK, "something is closed before", 0);
    const before = image();
    for (let state: u32 = BUDGET_OPEN; state <= <u32>BUDGET_CLOSING; state++) {
      put32(leaf + B_STATE, (stateOf(leaf) & ~3) | state);
      same(close(middle), HAS_CHILDREN, "status, child in state", state);
      same(close(root), HAS_CHILDREN, "status of the root, child in state", state);
      same(outWord(CLOSED_COUNT), 0, "count, child in state", state);
      same(closedBytes(), 0, "bytes, child in state", state);
    }
    put32(leaf + B_STATE, (stateOf(leaf) & ~3) | BUDGET_OPEN);
    for (let bit: u32 = 2; bit < 32; bit++) {
      same(closeBudget(leaf, stateOf(leaf) ^ (1 << bit)), BUDGET_GONE, "another state word, bit", bit);
      same(outWord(CLOSED_COUNT), 0, "count, bit", bit);
    }
    isImage(before, "refused", 0);
    isAtRest("refused", 0);
    same(close(leaf) | close(middle) | close(root), OK, "from below", 0);
    sound("from below", 0);
  });

  it("is BUSY while another holds the latch, with nothing changed; what it began goes on in the next call, of any thread", () => {
    fresh(4, 3);
    const root = budget(0, 1, NONE, 0);
    const leaf = budget(root, 2, NONE, 50);
    take(leaf, 10);
    become(3);
    become(1);
    const state = stateOf(leaf);
    latchedBy(3);
    const before = image();
    same(closeBudget(leaf, state), BUSY, "status", 0);
    isImage(before, "busy", 0);
    // It was begun by owner 1, which then did not get the latch again.
    store64(leaf + B_STATE, ((<u64>idOf(1)) << 32) | ((state & ~3) | BUDGET_CLOSING));
    same(closeBudget(leaf, state), BUSY, "status of what was begun", 0);
    store32(H_BUDGET_LOCK, 0);
    become(3);
    same(reserve(leaf, state, 1, 0), 0, "reserved meanwhile", 0);
    isRefused(BUDGET_GONE, 0, "reserved meanwhile", 0);
    same(closeBudget(leaf, state), OK, "another thread's call", 0);
    same(outWord(CLOSED_COUNT), 1, "count", 0);
    become(1);
    same(closeBudget(leaf, state), BUDGET_GONE, "its own next call", 0);
    counts(root, 0, 0, 50, "root", 0);
    sound("closed", 0);
  });

  it("ends the waiting of all who wait in it, grants none of them, and counts none as what was left in it", () => {
    fresh(4, 2);
    const root = budget(0, 1, NONE, 0);
    const leaf = budget(root, 2, 10, 0);
    const early = take(leaf, 0);
    take(leaf, 10);
    is(give(early), true, "a record before the others", 0);
    const waiting = new Array<usize>();
    for (let i = 0; i < 3; i++) waiting.push(reserveOrWait(leaf, stateOf(leaf), 9, 0));
    for (let i = 0; i < 3; i++) same(claim(waiting[i]) >> CLAIM_STATE_SHIFT, CLAIM_WAITING, "waits", i);
    same(close(leaf), OK, "status", 0);
    for (let i = 0; i < 3; i++) same(claim(waiting[i]), 0, "record", i);
    same(outWord(CLOSED_COUNT), 1, "count", 0);
    same(closedBytes(), 10, "bytes", 0);
    counts(root, 0, 0, 10, "root", 0);
    sound("closed", 0);
  });

  it("lets what is left be made shorter and given back meanwhile, and nothing be added", () => {
    fresh(4, 2);
    const leaf = budget(0, 2, NONE, 0);
    const one = take(leaf, 10);
    const two = take(leaf, 20);
    store64(leaf + B_STATE, ((<u64>idOf(1)) << 32) | ((stateOf(leaf) & ~3) | BUDGET_CLOSING));
    is(give(one), true, "given back", 0);
    is(reservationResize(two, low(claim(two)), high(claim(two)), 5), true, "shorter", 0);
    is(reservationIsLive(two, low(claim(two)), high(claim(two))), true, "live", 0);
    same(closeBudget(leaf, (stateOf(leaf) & ~3) | BUDGET_OPEN), OK, "closed", 0);
    same(outWord(CLOSED_COUNT), 1, "count", 0);
    same(closedBytes(), 5, "bytes", 0);
    sound("closed", 0);
  });
});

// What another thread does to a reservation after the closer has looked at its claim and before the closer has the latch: adopts it,
// makes it the region's, gives it back and goes on, or gives it back and has not said so yet.
const MEANWHILES = 4;

describe("closing a budget whose reservation changes hands while the closer waits for the latch", () => {
  it("gives it back all the same: a budget's place is free only when nothing is charged to it", () => {
    for (let what = 0; what < MEANWHILES; what++) {
      fresh(4, 4);
      become(4);
      become(3);
      become(1);
      const root = budget(0, 1, NONE, 0);
      const leaf = budget(root, 2, NONE, 50);
      const at = take(leaf, 60);
      const claims = ((get64(slotOf(3) + S_SEQUENCE) + 1) << CLAIM_SEQUENCE_SHIFT) | 3;
      let becomes = leaving(claim(at));
      if (what == 0) becomes = ((<u64>CLAIM_LIVE) << CLAIM_STATE_SHIFT) | claims;
      if (what == 1) becomes = ((<u64>CLAIM_SHARED) << CLAIM_STATE_SHIFT) | claims;
      store64(leaf + B_STATE, ((<u64>idOf(2)) << 32) | ((stateOf(leaf) & ~3) | BUDGET_CLOSING));
      // The other's store stands in the journal of a dead holder, so it is made when the closer takes the latch.
      latchedBy(4);
      setState(4, OWNER_DEAD);
      put32(H_CHARGE_AT, <u32>at);
      put64(H_CHARGE_VALUE, becomes);
      put32(H_CHARGE_LIST, 0);
      if (what == 2) store32(H_LEAVING, 1);
      put32(H_CHARGE, 1);
      same(finishClosing(idOf(2)), OK, "status", what);
      same(stateOf(leaf) & 3, BUDGET_FREE, "state", what);
      same(load64(at), 0, "record", what);
      counts(root, 0, 0, 60, "root", what);
      isAtRest("closed", what);
      sound("closed", what);
    }
  });
});
