// Spare: how what a budget has of slabs and runs comes back: when it is empty and somebody wants the room, or when the budget is closed; and to whom
// it never comes: a budget that was closed, another in its place, a thread that is attached to nothing.

import { get32, get64, put32 } from "../memory";
import { load32, load64, store32 } from "../atomic";
import { allocIn, allocUnsafeIn, releaseRawIn } from "../arena";
import { blockAllocIn, releaseBlocksIn } from "../charged";
import { alloc, allocUnsafe, free, usableSize } from "../heap";
import { realloc } from "../resize";
import { lock } from "../lock";
import { closeBudget, openBudget } from "../nodes";
import { slot, slotOf } from "../owners";
import { bitsAt } from "../pages";
import { recover } from "../recover";
import { detachRegion } from "../region";
import { releaseReservationsIn, reserve, reserveOrWait } from "../reservation";
import { classOf } from "../sizeclass";
import { letGo } from "../trim";
import {
  BUDGET_CLOSING,
  BUDGET_FREE,
  BUDGET_OPEN,
  B_SLABS,
  B_STATE,
  CLOSED_BYTES,
  CLOSED_COUNT,
  H_BUDGET_LOCK,
  H_LOCK,
  H_SPARE,
  OUT_USED,
  OWNER_DEAD,
  REC_DONE,
  S_ALLOC_JOURNAL,
  S_OUT,
  S_REASON,
  S_WAKE,
} from "../shared/layout";
import { BUDGET_GONE, BUSY, OK } from "../shared/status";
import { attach, become, checkAll, idOf, is, outWord, regionHash, same, setState, sound } from "./lib";
import { ANY, NONE, budget, isWaitingAt, latchedBy, limits, setLimit, stateOf, used } from "./tree";
import { bytesOfHead, empty, headOf, leaf, other, root, take, tree } from "./arenas";

describe("what is empty", () => {
  it("is given back for a reservation that would be refused, and for one that waits", () => {
    for (let way = 0; way < 3; way++) {
      tree(16, 2);
      const p = take(other, 64);
      setLimit(root, used(root));
      if (way < 2) is(free(p), true, "freed", way);
      if (way == 0) is(reserve(leaf, stateOf(leaf), <f64>used(root), 0) != 0, true, "granted", way);
      else {
        const waiter = reserveOrWait(leaf, stateOf(leaf), <f64>used(root), 0);
        is(isWaitingAt(waiter), way == 2, "waits", way);
        if (way == 2) is(free(p), true, "freed while it waits", way);
        is(isWaitingAt(waiter), false, "waits still", way);
      }
      same(used(other), 0, "used of the other", way);
      sound("afterwards", way);
    }
  });

  it("goes at once where its budget takes from another slab next", () => {
    tree(16, 2);
    const all = new Array<usize>();
    for (let i = 0; i < 300; i++) all.push(take(leaf, 64));
    for (let i = 0; i < 300; i++) is(free(all[i]), true, "freed", i);
    same(used(leaf), bytesOfHead(all[299]), "used: the one slab it takes from next", 0);
    empty("afterwards", 0);
  });

  it("of a run goes at once, or with whoever lets the page lock or the latch go", () => {
    for (let way = 0; way < 3; way++) {
      tree(16, 2);
      const p = take(leaf, 20000);
      if (way == 1) store32(H_LOCK, idOf(2));
      if (way == 2) latchedBy(2);
      is(free(p), true, "freed", way);
      if (way == 1) {
        become(2);
        letGo();
      }
      if (way == 2) {
        same(used(leaf), 20480, "used meanwhile", way);
        store32(H_BUDGET_LOCK, 0);
        is(reserve(leaf, stateOf(leaf), 1, 0) != 0, true, "another charge", way);
        lock();
        letGo();
      }
      same(used(leaf), way == 2 ? 1 : 0, "used", way);
      sound("afterwards", way);
    }
  });
});

describe("closeBudget", () => {
  it("gives every raw block back, and says how many and how large they were", () => {
    tree(16, 2);
    const kept = take(other, 64);
    let bytes: u64 = 0;
    let count: u32 = 0;
    for (let size: u32 = 1; size < 60000; size = size * 2 + 3) {
      for (let i = 0; i < 20; i++) {
        const p = take(leaf, size);
        if (p == 0) break;
        bytes += usableSize(p);
        count++;
      }
    }
    same(closeBudget(leaf, stateOf(leaf)), OK, "status", 0);
    same(outWord(CLOSED_COUNT), count, "count", 0);
    same(get64(slot + S_OUT + (CLOSED_BYTES << 2)), bytes, "bytes", 0);
    same(get32(leaf + B_STATE) & 3, BUDGET_FREE, "state", 0);
    same(used(root), used(other), "used", 0);
    checkAll();
    same(outWord(OUT_USED), usableSize(kept), "used bytes of the heap", 0);
    sound("afterwards", 0);
  });

  it("waits for who is taking a block there, and says BUSY when that lasts; then it goes on", () => {
    tree(16, 2);
    become(2);
    become(1);
    const p = take(leaf, 64);
    const state = stateOf(leaf);
    store32(slotOf(2) + S_ALLOC_JOURNAL, <u32>p + 64);
    same(closeBudget(leaf, state), BUSY, "status", 0);
    store32(slotOf(2) + S_ALLOC_JOURNAL, 0);
    same(closeBudget(leaf, state + 4), BUDGET_GONE, "by another state", 0);
    same(closeBudget(leaf, state), OK, "status of the second", 0);
    empty("afterwards", 0);
  });

  it("of a dead closer is finished by its recovery", () => {
    tree(16, 3);
    become(3);
    become(2);
    const p = take(leaf, 64);
    is(take(leaf, 30000) != 0, true, "taken", 0);
    store32(slotOf(3) + S_ALLOC_JOURNAL, <u32>p + 64);
    same(closeBudget(leaf, stateOf(leaf)), BUSY, "status", 0);
    store32(slotOf(3) + S_ALLOC_JOURNAL, 0);
    setState(2, OWNER_DEAD);
    become(1);
    same(recover(idOf(2)), OK, "status of the recovery", 0);
    same(outWord(REC_DONE), 1, "done", 0);
    same(get32(leaf + B_STATE) & 3, BUDGET_FREE, "state", 0);
    empty("afterwards", 0);
  });
});

describe("a budget's place that is another budget's by now", () => {
  it("keeps all that is the other's, whoever goes on closing the one before", () => {
    tree(16, 2);
    const state = stateOf(leaf);
    const closing = (state & ~3) | BUDGET_CLOSING;
    same(closeBudget(leaf, state), OK, "close", 0);
    const next = budget(root, 4, NONE, 0);
    same(next, leaf, "place", 0);
    const raw = take(next, 64);
    const run = take(next, 20000);
    const block = blockAllocIn(next, stateOf(next), 100, 1);
    const record = reserve(next, stateOf(next), 10, 0);
    const bytes = used(next);
    same(releaseRawIn(next, closing) | releaseReservationsIn(next, closing), OK, "status", 0);
    releaseBlocksIn(next, closing);
    same(used(next), bytes, "used", 0);
    is(usableSize(raw) != 0 && usableSize(run) != 0 && usableSize(block) != 0, true, "live", 0);
    is(load64(record) != 0, true, "reservation", 0);
    sound("afterwards", 0);
  });

  it("grants nothing by a state that is not open, nor to a block that is to move", () => {
    tree(16, 2);
    const p = take(leaf, 64);
    const state = stateOf(leaf);
    for (let other: u32 = 0; other < 4; other++) {
      if (other == BUDGET_OPEN) continue;
      store32(leaf + B_STATE, (state & ~3) | other);
      same(allocUnsafeIn(leaf, (state & ~3) | other, 3000), 0, "small, state", other);
      same(allocUnsafeIn(leaf, (state & ~3) | other, 30000), 0, "large, state", other);
      same(blockAllocIn(leaf, (state & ~3) | other, 100, 1), 0, "Block, state", other);
      same(realloc(p, 5000), 0, "moved, state", other);
      same(get32(slot + S_REASON), BUDGET_GONE, "reason, state", other);
    }
    store32(leaf + B_STATE, state);
    sound("afterwards", 0);
  });
});

describe("who is attached to nothing", () => {
  it("gets nothing of a budget, and changes nothing", () => {
    tree(16, 2);
    const p = take(leaf, 64);
    const state = stateOf(leaf);
    is(p != 0, true, "taken", 0);
    become(2);
    same(detachRegion(), OK, "detached", 0);
    const before = regionHash();
    same(allocUnsafeIn(leaf, state, 64) | allocIn(leaf, state, 64, 1), 0, "taken by nobody", 0);
    same(regionHash(), before, "bytes of the region", 0);
    is(attach() > 0, true, "attached", 0);
    sound("afterwards", 0);
  });
});

describe("what is spare", () => {
  it("is said again by whoever put a block back there", () => {
    tree(16, 2);
    const theirs = take(other, 64);
    const at = <u32>bitsAt(headOf(theirs));
    is(free(theirs), true, "freed", 0);
    store32(H_SPARE, 0);
    put32(leaf + B_SLABS + ((<usize>classOf(64)) << 2), at);
    is(take(leaf, 64) != 0, true, "taken", 0);
    same(load32(H_SPARE), 1, "spare", 0);
  });

  it("is given back by who lets the page lock go, if the lock was held when it became so and somebody waits", () => {
    tree(16, 2);
    const p = take(other, 64);
    setLimit(root, used(root));
    const waiter = reserveOrWait(leaf, stateOf(leaf), <f64>used(root), 0);
    is(isWaitingAt(waiter), true, "waits", 0);
    become(2);
    become(1);
    store32(H_LOCK, idOf(2));
    is(free(p), true, "freed", 0);
    is(isWaitingAt(waiter), true, "waits while the lock is held", 0);
    become(2);
    letGo();
    is(isWaitingAt(waiter), false, "waits still", 0);
    become(1);
    sound("afterwards", 0);
  });

  it("is given back for a chunk before the latch is taken, which stays its taker's", () => {
    tree(4, 2);
    while (take(other, 60000) != 0) {}
    while (take(other, 1024) != 0) {}
    const all = new Array<usize>();
    const spare = take(leaf, 16);
    if (spare != 0) is(free(spare), true, "freed", 0);
    all.push(spare);
    const wake = load32(slot + S_WAKE);
    let opened: u32 = 0;
    limits(NONE, 0, ANY);
    while (openBudget(root, stateOf(root), 100 + opened) != 0 && opened < 50) {
      opened++;
      limits(NONE, 0, ANY);
    }
    same(load32(slot + S_WAKE), wake, "calls to look: nobody was taken for one that was cut", 0);
    same(get32(H_BUDGET_LOCK), 0, "latch", 0);
    sound("afterwards", 0);
  });

  it("is a run that fits where a slab does not, also when the region is full of slabs that are empty", () => {
    tree(4, 2);
    // Pages are full: one raw slab is empty, all else is taken.
    const raw = alloc(100);
    while (allocUnsafe(60000) != 0) {}
    while (allocUnsafe(1024) != 0) {}
    is(free(raw), true, "freed", 0);
    setLimit(leaf, 1024);
    is(take(leaf, 700) != 0, true, "taken", 0);
    same(used(leaf), 1024, "used", 0);
    sound("afterwards", 0);
  });
});
