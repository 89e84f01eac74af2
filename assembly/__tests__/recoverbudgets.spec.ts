// Recover, of budgets: what a dead owner held of them, was doing to them or was waiting for comes back, to the last of it before its slot
// is free; and what one gives back who detaches.

import { get32, get64, put32, put64 } from "../memory";
import { load32, load64, store32, store64 } from "../atomic";
import { lockBudgets } from "../budget";
import { closeBudget } from "../nodes";
import { ownerState, slot, slotOf } from "../owners";
import { recover } from "../recover";
import { detachRegion } from "../region";
import { sweepLeaving, unlockBudgets } from "../leaving";
import { reservationPass, reserve, reserveOrWait } from "../reservation";
import {
  BUDGET_CLOSING,
  BUDGET_FREE,
  BUDGET_OPEN,
  B_QUEUE,
  B_STATE,
  CLAIM_LIVE,
  CLAIM_SHARED,
  CLAIM_STATE_SHIFT,
  CLAIM_WAITING,
  H_BUDGET_LOCK,
  H_CHARGE,
  H_CHARGE_AT,
  H_CHARGE_LIST,
  H_CHARGE_VALUE,
  H_LEAVING,
  H_LOCK,
  OWNER_DEAD,
  OWNER_FREE,
  OWNER_LIVE,
  REC_BLOCKS,
  REC_DONE,
  REC_RESERVATIONS,
  REC_RESERVED_BYTES,
  S_OUT,
  S_SEQUENCE,
} from "../shared/layout";
import { BUSY, OK } from "../shared/status";
import {
  CHANGES,
  CLOSE,
  GIVE,
  OPEN,
  RESERVE,
  SPLIT,
  child,
  dyingCharge,
  held,
  prepare,
  root,
  storesToCommit,
  twoTrees,
} from "./charging";
import { cutAfter, isWhole } from "./dying";
import { attach, become, fresh, idOf, is, outWord, same, setState, sound } from "./lib";
import {
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
  items,
  latchedBy,
  leaving,
  low,
  stateOf,
  take,
  used,
} from "./tree";

function reservedBytes(): u64 {
  return get64(slot + S_OUT + (REC_RESERVED_BYTES << 2));
}

/** Owner `index` is dead; this thread recovers it, and all of it. */
function recovered(index: u32, what: string, where: u64): void {
  same(recover(idOf(index)), OK, "status, " + what, where);
  same(outWord(REC_DONE), 1, "done, " + what, where);
  same(ownerState(index), OWNER_FREE, "state, " + what, where);
  isAtRest(what, where);
}

/** A second recovery finds nothing and changes nothing. */
function isIdempotent(index: u32, what: string, where: u64): void {
  const before = image();
  same(recover(idOf(index)), OK, "again, " + what, where);
  same(outWord(REC_DONE), 1, "done again, " + what, where);
  same(outWord(REC_RESERVATIONS), 0, "reservations again, " + what, where);
  same(reservedBytes(), 0, "bytes again, " + what, where);
  isImage(before, what, where);
}

function isClosing(node: usize, closer: u32): void {
  store64(node + B_STATE, ((<u64>closer) << 32) | ((stateOf(node) & ~3) | BUDGET_CLOSING));
}

/** Owners 1 to 4; this thread acts as owner 1. */
function owners(): void {
  fresh(8, 5);
  become(4);
  become(3);
  become(2);
  become(1);
}

describe("recover gives back", () => {
  it("the reservations that the dead owner holds, of all budgets and chunks, says how many and how much, and no other's", () => {
    for (let count: u32 = 0; count <= 130; count += 13) {
      owners();
      const top = budget(0, 1, NONE, 0);
      const leaf = budget(top, 2, NONE, 1000);
      become(3);
      const theirs = take(leaf, 70);
      become(2);
      let bytes: u64 = 0;
      for (let i: u32 = 0; i < count; i++) {
        take(i & 1 ? top : leaf, (<u64>i) << 31);
        bytes += (<u64>i) << 31;
      }
      const shared = take(top, 5);
      is(reservationPass(shared, low(claim(shared)), high(claim(shared)), true), true, "shared", count);
      const given = take(top, 6);
      become(3);
      is(reservationPass(given, low(claim(given)), high(claim(given)), false), true, "given away", count);
      const got = take(top, 7);
      become(2);
      is(reservationPass(got, low(claim(got)), high(claim(got)), false), true, "adopted", count);
      setState(2, OWNER_DEAD);
      become(1);
      recovered(2, "reservations", count);
      same(outWord(REC_RESERVATIONS), count + 1, "reservations", count);
      same(reservedBytes(), bytes + 7, "bytes", count);
      same(outWord(REC_BLOCKS), 0, "Blocks", count);
      same(heldRecords(), 3, "held", count);
      same(claim(theirs) >> CLAIM_STATE_SHIFT, CLAIM_LIVE, "another's", count);
      same(claim(shared) >> CLAIM_STATE_SHIFT, CLAIM_SHARED, "the shared one", count);
      same(claim(given) & 0xff, 3, "the one given away", count);
      same(claim(got), 0, "the adopted one", count);
      same(used(leaf), 70, "leaf", count);
      same(used(top), 1011, "top", count);
      sound("recovered", count);
      isIdempotent(2, "reservations", count);
    }
  });

  it("nothing of a later owner of the slot", () => {
    owners();
    const node = budget(0, 1, NONE, 0);
    become(2);
    take(node, 10);
    const first = idOf(2);
    setState(2, OWNER_DEAD);
    become(1);
    recovered(2, "first", 0);
    become(2);
    take(node, 20);
    become(1);
    same(recover(first), OK, "the first again", 0);
    same(outWord(REC_RESERVATIONS), 0, "reservations", 0);
    counts(node, 20, 1, 20, "the second's", 0);
  });

  it("what the dead owner was giving back, with the sign that it did and without, and counts the latter as held", () => {
    for (let sign: u32 = 0; sign < 2; sign++) {
      owners();
      const node = budget(0, 1, NONE, 0);
      become(2);
      const one = take(node, 10);
      take(node, 20);
      store64(one, leaving(claim(one)));
      store32(H_LEAVING, sign);
      setState(2, OWNER_DEAD);
      become(1);
      recovered(2, "leaving", sign);
      is(outWord(REC_RESERVATIONS) == 2 || (sign == 1 && outWord(REC_RESERVATIONS) == 1), true, "reservations", sign);
      if (sign == 0) same(reservedBytes(), 30, "bytes", sign);
      counts(node, 0, 0, 30, "node", sign);
      same(heldRecords() | load32(H_LEAVING), 0, "held, and sign", sign);
      sound("leaving", sign);
      isIdempotent(2, "leaving", sign);
    }
  });

  it("and says of a living owner's reservation that is being given back at the time not that the dead one held it", () => {
    owners();
    const node = budget(0, 1, NONE, 0);
    become(3);
    const theirs = take(node, 10);
    become(2);
    take(node, 20);
    store64(theirs, leaving(claim(theirs)));
    setState(2, OWNER_DEAD);
    become(1);
    recovered(2, "beside one who leaves", 0);
    same(outWord(REC_RESERVATIONS), 1, "reservations", 0);
    same(reservedBytes(), 20, "bytes", 0);
  });

  it("what an owner that made no claim ever has left: its hold of the latch, a charge, a closing, what it gave back of the region's", () => {
    for (let what = 0; what < 4; what++) {
      owners();
      const node = budget(0, 1, NONE, 0);
      const at = take(node, 10);
      is(reservationPass(at, low(claim(at)), high(claim(at)), true), true, "the region's", what);
      same(get64(slotOf(2) + S_SEQUENCE), 0, "claims ever made", what);
      if (what < 2) latchedBy(2);
      if (what == 1) {
        put32(H_CHARGE_AT, <u32>at + 8);
        put64(H_CHARGE_VALUE, 10);
        put32(H_CHARGE_LIST, 0);
        put32(H_CHARGE, 1);
      }
      if (what == 2) isClosing(node, idOf(2));
      if (what == 3) store64(at, leaving(claim(at)));
      setState(2, OWNER_DEAD);
      recovered(2, "without claims", what);
      same(stateOf(node) & 3, what == 2 ? BUDGET_FREE : BUDGET_OPEN, "the budget's state", what);
      same(heldRecords(), what < 2 ? 1 : 0, "held", what);
      sound("without claims", what);
    }
  });
});

describe("recover of the latch's holder", () => {
  it("takes the latch from it with its charge done or not begun, at each store of each change, and gives its reservations back", () => {
    for (let what = 0; what < CHANGES; what++) {
      for (let stores = 0, isAll: bool = false; !isAll; stores++) {
        twoTrees(what);
        become(3);
        same(lockBudgets(), OK, "latch of the dying", stores);
        prepare(what);
        cutAfter(stores);
        dyingCharge();
        isAll = isWhole(stores);
        const isDone = stores >= storesToCommit();
        const taken = (what == RESERVE || what == SPLIT) && isDone;
        setState(3, OWNER_DEAD);
        become(1);
        const where = what * 100 + stores;
        recovered(3, "holder", where);
        same(outWord(REC_RESERVATIONS), taken ? 1 : 0, "reservations", where);
        same(load64(held) == 0 ? 1 : 0, what == GIVE && isDone ? 1 : 0, "what another held", where);
        sound("holder", where);
        isIdempotent(3, "holder", where);
        setState(2, OWNER_DEAD);
        recovered(2, "the other", where);
        same(heldRecords(), 0, "held", where);
        same(used(root), (what == OPEN && isDone ? 60 : 40) + (what == CLOSE ? 0 : 25), "root", where);
        same(items(root) | items(child), 0, "items", where);
        sound("the other", where);
      }
    }
  });

  it("takes the latch also when it was not the holder, and the holder is dead too", () => {
    twoTrees(0);
    latchedBy(3);
    setState(3, OWNER_DEAD);
    setState(2, OWNER_DEAD);
    become(1);
    recovered(2, "not the holder", 0);
    same(outWord(REC_RESERVATIONS), 3, "reservations", 0);
    recovered(3, "the holder", 0);
    sound("both", 0);
  });

  it("says that it is not done while a living owner holds the latch, and is done by the next call, with nothing lost or twice", () => {
    twoTrees(0);
    setState(2, OWNER_DEAD);
    become(1);
    latchedBy(4);
    const before = image();
    same(recover(idOf(2)), OK, "status", 0);
    same(outWord(REC_DONE), 0, "done", 0);
    same(outWord(REC_RESERVATIONS), 0, "reservations", 0);
    same(ownerState(2), OWNER_DEAD, "state", 0);
    same(load32(H_LOCK), 0, "page lock", 0);
    isImage(before, "busy", 0);
    store32(H_BUDGET_LOCK, 0);
    recovered(2, "then", 0);
    same(outWord(REC_RESERVATIONS), 3, "reservations", 0);
    sound("then", 0);
  });

  it("is gone on with when the recoverer dies in it, at each store of what it takes out", () => {
    for (let stores = 0, isAll: bool = false; !isAll; stores++) {
      twoTrees(GIVE);
      setState(2, OWNER_DEAD);
      become(1);
      same(lockBudgets(), OK, "latch of the dying", stores);
      prepare(GIVE);
      cutAfter(stores);
      dyingCharge();
      isAll = isWhole(stores);
      setState(1, OWNER_DEAD);
      become(3);
      recovered(2, "the first", stores);
      same(outWord(REC_RESERVATIONS), stores < storesToCommit() ? 3 : 2, "reservations", stores);
      recovered(1, "the recoverer", stores);
      same(heldRecords(), 0, "held", stores);
      sound("both", stores);
    }
  });
});

describe("recover of one who was closing budgets", () => {
  it("closes them, with what living owners hold in them, and no budget that another closes or that is open", () => {
    owners();
    const top = budget(0, 1, NONE, 0);
    const nodes = new Array<usize>();
    for (let i: u32 = 0; i < 40; i++) nodes.push(budget(top, 2 + i, NONE, 3));
    become(3);
    for (let i = 0; i < 40; i++) take(nodes[i], 10);
    become(2);
    for (let i = 0; i < 40; i += 7) take(nodes[i], 100);
    for (let i = 0; i < 40; i++) {
      if (i % 4 == 0) isClosing(nodes[i], idOf(2));
      if (i % 4 == 1) isClosing(nodes[i], idOf(3));
      if (i % 4 == 2) isClosing(nodes[i], idOf(2) + 0x100);
    }
    setState(2, OWNER_DEAD);
    become(1);
    recovered(2, "closer", 0);
    same(outWord(REC_RESERVATIONS), 6, "reservations", 0);
    same(reservedBytes(), 600, "bytes", 0);
    for (let i = 0; i < 40; i++) {
      const state: u32 = i % 4 == 0 ? BUDGET_FREE : i % 4 == 3 ? BUDGET_OPEN : BUDGET_CLOSING;
      same(stateOf(nodes[i]) & 3, state, "state", i);
    }
    same(used(top), 300, "top", 0);
    same(items(top), 30, "items of top", 0);
    sound("closed", 0);
    isIdempotent(2, "closed", 0);
    become(3);
    for (let i = 1; i < 40; i++) {
      if (i % 4 == 0) continue;
      same(closeBudget(nodes[i], (stateOf(nodes[i]) & ~3) | BUDGET_OPEN), OK, "the rest", i);
    }
    counts(top, 0, 0, 1000, "top afterwards", 0);
  });
});

describe("recover of one who waits", () => {
  it("ends its waiting, and grants who waits behind it; what it waited for it did not hold", () => {
    owners();
    const node = budget(0, 1, 10, 0);
    const all = take(node, 4);
    become(2);
    const waits = reserveOrWait(node, stateOf(node), 9, 0);
    become(3);
    const behind = reserveOrWait(node, stateOf(node), 6, 0);
    same(claim(waits) >> CLAIM_STATE_SHIFT, CLAIM_WAITING, "waits", 0);
    same(claim(behind) >> CLAIM_STATE_SHIFT, CLAIM_WAITING, "waits behind it", 0);
    setState(2, OWNER_DEAD);
    become(1);
    recovered(2, "waiting", 0);
    same(outWord(REC_RESERVATIONS), 0, "reservations", 0);
    same(claim(waits), 0, "record", 0);
    same(claim(behind) >> CLAIM_STATE_SHIFT, CLAIM_LIVE, "granted", 0);
    counts(node, 10, 2, 10, "node", 0);
    is(give(all), true, "given back", 0);
    sound("waiting", 0);
  });

  it("gives back what it is granted only when the recoverer takes the latch", () => {
    owners();
    const node = budget(0, 1, 10, 0);
    const all = take(node, 10);
    become(2);
    const waits = reserveOrWait(node, stateOf(node), 9, 0);
    same(claim(waits) >> CLAIM_STATE_SHIFT, CLAIM_WAITING, "waits", 0);
    become(1);
    // Owner 4 gave room for it and died before it granted it.
    const queue = get64(node + B_QUEUE);
    put64(node + B_QUEUE, 0);
    is(give(all), true, "given back", 0);
    put64(node + B_QUEUE, queue);
    latchedBy(4);
    setState(4, OWNER_DEAD);
    setState(2, OWNER_DEAD);
    recovered(2, "granted", 0);
    same(claim(waits), 0, "record", 0);
    counts(node, 0, 0, 10, "node", 0);
    sound("granted", 0);
  });
});

describe("detach", () => {
  it("gives back the owner's reservations, and none that are another's or the region's", () => {
    owners();
    const node = budget(0, 1, NONE, 0);
    become(3);
    const theirs = take(node, 1);
    become(2);
    for (let i: u64 = 0; i < 70; i++) take(node, 100 + i);
    const shared = take(node, 2);
    is(reservationPass(shared, low(claim(shared)), high(claim(shared)), true), true, "shared", 0);
    same(detachRegion(), OK, "status", 0);
    same(ownerState(2), OWNER_FREE, "state", 0);
    is(attach() > 0, true, "attached", 0);
    same(items(node), 2, "items", 0);
    same(used(node), 3, "used", 0);
    is(claim(theirs) != 0 && claim(shared) != 0, true, "the others", 0);
    isAtRest("detached", 0);
    sound("detached", 0);
  });

  it("leaves them to whoever lets the latch go when another holds it, and its slot is free at once", () => {
    owners();
    const node = budget(0, 1, NONE, 0);
    become(2);
    const at = take(node, 10);
    take(node, 20);
    const by = claim(at);
    latchedBy(3);
    same(detachRegion(), OK, "status", 0);
    same(ownerState(2), OWNER_FREE, "state", 0);
    same(claim(at), leaving(by), "claim", 0);
    same(attach(), 0x202, "the next owner of the slot", 0);
    const next = reserve(node, stateOf(node), 5, 0);
    same(next, 0, "reserved while the latch is held", 0);
    become(3);
    unlockBudgets();
    counts(node, 0, 0, 30, "node", 0);
    same(heldRecords(), 0, "held", 0);
    sound("let go", 0);
  });

  it("ends the owner's waiting; when another holds the latch it may be BUSY instead, and is still attached then", () => {
    for (let isHeld = 0; isHeld < 2; isHeld++) {
      owners();
      const node = budget(0, 1, 10, 0);
      const all = take(node, 10);
      become(2);
      const waits = reserveOrWait(node, stateOf(node), 9, 0);
      if (isHeld) latchedBy(3);
      const status = detachRegion();
      if (isHeld) store32(H_BUDGET_LOCK, 0);
      if (isHeld && status == BUSY) {
        same(ownerState(2), OWNER_LIVE, "state", isHeld);
        same(detachRegion(), OK, "then", isHeld);
      }
      is(attach() > 0, true, "attached", isHeld);
      sweepLeaving();
      become(1);
      is(give(all), true, "given back", isHeld);
      same(claim(waits), 0, "record", isHeld);
      counts(node, 0, 0, 10, "node", isHeld);
      sound("waiting", isHeld);
    }
  });

  it("finishes a charge of the owner that an exception cut, and lets the latch go", () => {
    for (let what = 0; what < CHANGES; what++) {
      for (let stores = 0, isAll: bool = false; !isAll; stores += 3) {
        twoTrees(what);
        same(lockBudgets(), OK, "latch", stores);
        prepare(what);
        cutAfter(stores);
        dyingCharge();
        isAll = isWhole(stores);
        same(detachRegion(), OK, "status", stores);
        is(attach() > 0, true, "attached", stores);
        isAtRest("cut", what * 100 + stores);
        same(heldRecords(), 0, "held", what * 100 + stores);
        sound("cut", what * 100 + stores);
      }
    }
  });

  it("closes the budgets that the owner was closing", () => {
    owners();
    const node = budget(0, 1, NONE, 0);
    take(node, 10);
    become(2);
    isClosing(node, idOf(2));
    detachRegion();
    is(attach() > 0, true, "attached", 0);
    same(stateOf(node) & 3, BUDGET_FREE, "state", 0);
    same(get32(node + B_STATE + 4), 0, "closer", 0);
    sound("detached", 0);
  });
});
