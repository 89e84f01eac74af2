// Charge: every change of budgets and reservations cut by a death after each store of its charge. Whoever takes the latch finds it
// done or not begun, never between, whatever it does next.

import { get32, put32 } from "../memory";
import { load32, store32 } from "../atomic";
import { lockBudgets, tryBudgets } from "../budget";
import { leave } from "../owners";
import { poison } from "../header";
import { closeBudget, openBudget } from "../nodes";
import { unlockBudgets } from "../leaving";
import { reservationFree, reservationMove, reservationResize, reservationSplit, reserve } from "../reservation";
import {
  H_BUDGET_LOCK,
  H_CHARGE,
  H_CHARGE_ALSO,
  H_CHARGE_AT,
  H_CHARGE_AT_TOO,
  H_CHARGE_FIRST,
  H_CHARGE_LIST,
  H_CHARGE_VALUE,
  H_CHARGE_VALUE_TOO,
  LATCH_MARK,
  OWNER_DEAD,
  OWNER_JOINING,
} from "../shared/layout";
import { BAD_CHAIN, BUSY, NOT_ATTACHED, OK, POISONED } from "../shared/status";
import {
  CHANGES,
  change,
  child,
  dyingCharge,
  dyingFinish,
  held,
  isPrepared,
  kept,
  leaf,
  other,
  prepare,
  storesToCommit,
  twoTrees,
} from "./charging";
import { cutAfter, isWhole } from "./dying";
import { become, becomeWith, fresh, idOf, is, same, setState, sound } from "./lib";
import { ANY, NONE, claim, high, image, isAtRest, isImage, latchedBy, limits, low, stateOf } from "./tree";

/** What all says when the change is done. */
function done(what: i32): Array<u64> {
  twoTrees(what);
  change(what);
  return image();
}

/** What all says when it is not. */
function notDone(what: i32): Array<u64> {
  twoTrees(what);
  return image();
}

/** Owner 2 makes the change and its thread ends after `stores` stores of the charge. Whether all had happened. */
function dieIn(what: i32, stores: i32): bool {
  twoTrees(what);
  same(lockBudgets(), OK, "latch of the dying", what);
  prepare(what);
  cutAfter(stores);
  dyingCharge();
  const isAll = isWhole(stores);
  setState(2, OWNER_DEAD);
  return isAll;
}

// What the next does: each with another form of journal, and none with what the change before was about.
const NEXTS = 8;

function next(what: i32): void {
  const holder = claim(kept);
  let isDone: bool = true;
  if (what == 0) isDone = reserve(other, stateOf(other), 21, 3) != 0;
  else if (what == 1) isDone = reservationFree(kept, low(holder), high(holder));
  else if (what == 2) isDone = reservationResize(kept, low(holder), high(holder), 6);
  else if (what == 3) isDone = reservationResize(kept, low(holder), high(holder), 4);
  else if (what == 4) isDone = reservationSplit(kept, low(holder), high(holder), 2) != 0;
  else if (what == 5) isDone = reservationMove(kept, low(holder), high(holder), other, stateOf(other));
  else if (what == 6) {
    limits(NONE, 8, ANY);
    isDone = openBudget(other, stateOf(other), 7) != 0;
  } else isDone = closeBudget(other, stateOf(other)) == OK;
  is(isDone, true, "done, next", what);
}

describe("a charge that a death cut", () => {
  it("is wholly done by whoever takes the latch, if its journal was complete, and else not begun", () => {
    for (let what = 0; what < CHANGES; what++) {
      const before = notDone(what);
      sound("not done", what);
      const after = done(what);
      sound("done", what);
      for (let stores = 0, isAll: bool = false; !isAll; stores++) {
        isAll = dieIn(what, stores);
        become(1);
        same(lockBudgets(), OK, "status", stores);
        same(load32(H_BUDGET_LOCK), idOf(1), "holder", stores);
        isImage(stores < storesToCommit() ? before : after, "taken over", what * 100 + stores);
        unlockBudgets();
        isAtRest("taken over", what * 100 + stores);
        sound("taken over", what * 100 + stores);
      }
    }
  });

  it("is the same after the second death, of whoever was carrying it out, at each store", () => {
    for (let what = 0; what < CHANGES; what++) {
      const before = notDone(what);
      const after = done(what);
      for (let stores = 0, isAll: bool = false; !isAll; stores++) {
        for (let more = 0, isAllToo: bool = false; !isAllToo; more++) {
          isAll = dieIn(what, stores);
          become(3);
          latchedBy(3);
          cutAfter(more);
          dyingFinish();
          isAllToo = isWhole(more);
          setState(3, OWNER_DEAD);
          become(1);
          same(lockBudgets(), OK, "status", stores);
          isImage(stores < storesToCommit() ? before : after, "after two deaths", (what * 100 + stores) * 100 + more);
          unlockBudgets();
          isAtRest("after two deaths", stores);
        }
        sound("after two deaths", what * 100 + stores);
      }
    }
  });

  it("is not seen by what is done next, of any form: nothing of its journal is left over", () => {
    for (let what = 0; what < CHANGES; what++) {
      for (let then = 0; then < NEXTS; then++) {
        twoTrees(what);
        setState(2, OWNER_DEAD);
        become(1);
        next(then);
        const before = image();
        twoTrees(what);
        change(what);
        setState(2, OWNER_DEAD);
        become(1);
        next(then);
        const after = image();
        for (let stores = 0, isAll: bool = false; !isAll; stores++) {
          isAll = dieIn(what, stores);
          become(1);
          next(then);
          isImage(stores < storesToCommit() ? before : after, "and the next", (what * 100 + stores) * 10 + then);
          isAtRest("and the next", what * 100 + stores);
          if (then == stores % NEXTS) sound("and the next", what * 100 + stores);
        }
      }
    }
  });

  it("is done once, also when it is carried out again", () => {
    for (let what = 0; what < CHANGES; what++) {
      dieIn(what, storesToCommit());
      const node = get32(H_CHARGE);
      const too = get32(H_CHARGE_AT_TOO);
      become(1);
      same(lockBudgets(), OK, "first", what);
      const after = image();
      same(get32(H_CHARGE) | get32(H_CHARGE_AT_TOO), 0, "journal", what);
      put32(H_CHARGE, node);
      put32(H_CHARGE_AT_TOO, too);
      same(lockBudgets(), OK, "again", what);
      isImage(after, "again", what);
      unlockBudgets();
      isAtRest("again", what);
    }
  });
});

describe("a charge that an exception cut", () => {
  it("is wholly done, or not begun, when its own thread takes the latch again, by waiting for it or by trying", () => {
    for (let what = 0; what < CHANGES; what++) {
      const before = notDone(what);
      const after = done(what);
      for (let stores = 0, isAll: bool = false; !isAll; stores++) {
        isAll = dieIn(what, stores);
        become(2);
        if (stores & 1) is(tryBudgets(), true, "tried", stores);
        else same(lockBudgets(), OK, "status", stores);
        isImage(stores < storesToCommit() ? before : after, "taken again", what * 100 + stores);
        unlockBudgets();
        isAtRest("taken again", what * 100 + stores);
      }
    }
  });

  it("keeps all others out until then", () => {
    dieIn(0, 7);
    become(2);
    become(1);
    same(lockBudgets(), BUSY, "status", 0);
    is(tryBudgets(), false, "tried", 0);
    same(load32(H_BUDGET_LOCK), idOf(2), "holder", 0);
  });
});

describe("a journal", () => {
  it("says all of its charge, whatever an earlier one left in its words", () => {
    for (let what = 0; what < CHANGES; what++) {
      twoTrees(what);
      same(lockBudgets(), OK, "latch", what);
      prepare(what);
      twoTrees(what);
      put32(H_CHARGE_AT, <u32>held + 16);
      put32(H_CHARGE_VALUE, 111);
      put32(H_CHARGE_LIST, <u32>held + 8);
      put32(H_CHARGE_FIRST, 222);
      put32(H_CHARGE_VALUE_TOO, 333);
      put32(H_CHARGE_ALSO, <u32>child);
      change(what);
      isPrepared(what);
      isAtRest("changed", what);
    }
  });

  it("that its thread did not complete is read by nobody, whatever stands in it", () => {
    for (let then = 0; then < NEXTS; then++) {
      twoTrees(0);
      setState(2, OWNER_DEAD);
      become(1);
      next(then);
      const expected = image();
      twoTrees(0);
      latchedBy(2);
      put32(H_CHARGE_AT, <u32>held);
      put32(H_CHARGE_VALUE, 111);
      put32(H_CHARGE_LIST, <u32>held + 8);
      put32(H_CHARGE_FIRST, 222);
      put32(H_CHARGE_AT_TOO, <u32>leaf);
      put32(H_CHARGE_VALUE_TOO, 333);
      put32(H_CHARGE_ALSO, <u32>child);
      setState(2, OWNER_DEAD);
      become(1);
      next(then);
      isImage(expected, "next", then);
      isAtRest("next", then);
      sound("next", then);
    }
  });
});

describe("the latch of the budgets", () => {
  it("is its taker's until it is let go", () => {
    fresh(4, 3);
    for (let owner: u32 = 1; owner <= 3; owner++) {
      become(owner);
      for (let way = 0; way < 2; way++) {
        if (way == 0) same(lockBudgets(), OK, "status, owner", owner);
        else is(tryBudgets(), true, "tried, owner", owner);
        same(load32(H_BUDGET_LOCK), idOf(owner), "word, owner", owner);
        unlockBudgets();
        same(load32(H_BUDGET_LOCK), 0, "word afterwards, owner", owner);
      }
    }
  });

  it("is refused while a living or joining owner has it, after a bounded wait, and asking changes nothing", () => {
    for (let ms: u32 = 0; ms <= 2; ms++) {
      for (let mayBlock = 0; mayBlock < 2; mayBlock++) {
        twoTrees(0);
        latchedBy(2);
        const before = image();
        becomeWith(1, mayBlock == 1, ms);
        same(lockBudgets(), BUSY, "status, ms", ms);
        is(tryBudgets(), false, "tried, ms", ms);
        setState(2, OWNER_JOINING);
        same(lockBudgets(), BUSY, "status of one that joins, ms", ms);
        const sign: u32 = mayBlock == 1 && ms > 0 ? LATCH_MARK : 0;
        same(load32(H_BUDGET_LOCK), idOf(2) | sign, "holder and sign of a sleeper, ms", ms);
        store32(H_BUDGET_LOCK, idOf(2));
        isImage(before, "ms", ms);
      }
    }
  });

  it("is taken from a dead holder by who waits for it, and not by who only tries", () => {
    twoTrees(0);
    latchedBy(2);
    setState(2, OWNER_DEAD);
    become(1);
    is(tryBudgets(), false, "tried", 0);
    same(lockBudgets(), OK, "status", 0);
    same(load32(H_BUDGET_LOCK), idOf(1), "holder", 0);
  });

  it("is not taken for a dead owner's when another generation of its slot has it", () => {
    twoTrees(0);
    store32(H_BUDGET_LOCK, idOf(2) + 0x100);
    setState(2, OWNER_DEAD);
    become(1);
    same(lockBudgets(), BUSY, "status", 0);
  });

  it("of a poisoned region is refused and left free, and of none is not there", () => {
    twoTrees(0);
    poison(BAD_CHAIN);
    same(lockBudgets(), POISONED, "status", 0);
    is(tryBudgets(), false, "tried", 0);
    same(load32(H_BUDGET_LOCK), 0, "word", 0);
    leave();
    same(lockBudgets(), NOT_ATTACHED, "attached to nothing", 0);
  });

  it("of a poisoned region is let go by whoever takes it from the dead, with the charge done", () => {
    const after = done(0);
    dieIn(0, storesToCommit());
    poison(BAD_CHAIN);
    become(1);
    same(lockBudgets(), POISONED, "status", 0);
    isImage(after, "done", 0);
    isAtRest("done", 0);
  });
});
