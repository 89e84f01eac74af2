// Charged: a Block that is charged to a budget is taken, given back, passed on, recovered and closed with its budget; whoever holds the latch, or
// dies, the counters say what stands in the records.

import { get32, get64 } from "../memory";
import { load32, load64, store32 } from "../atomic";
import { lockBudgets } from "../budget";
import { blockAllocIn, nodeOf, refTo, unchargeLeft } from "../charged";
import { leaving } from "../claim";
import { holderOf } from "../latch";
import { unlockBudgets } from "../leaving";
import { closeBudget } from "../nodes";
import { ownerState, slot } from "../owners";
import { blockAlloc, blockFree, blockIsLive, blockMove, chargeFound, isPlace, recordAt } from "../record";
import { recover } from "../recover";
import { detachRegion } from "../region";
import { reserve, reserveOrWait } from "../reservation";
import { usableSize } from "../heap";
import {
  BUDGET_FREE,
  B_STATE,
  CLOSED_BYTES,
  CLOSED_COUNT,
  H_BUDGET_LOCK,
  H_LEAVING_BLOCKS,
  OUT_USED,
  OWNER_DEAD,
  OWNER_FREE,
  REC_BLOCKS,
  REC_BLOCK_BYTES,
  REC_DONE,
  S_CLAIM,
  S_OUT,
} from "../shared/layout";
import { BUDGET_GONE, FULL, NEVER, OK, OVER_LIMIT } from "../shared/status";
import { attach, checkAll, become, fresh, idOf, is, outWord, same, setState, sound } from "./lib";
import { NONE, budget, counts, high, isRefused, isWaitingAt, latchedBy, low, setLimit, stateOf, used } from "./tree";

// Sizes of blocks in slabs, of one in a run, and of one in a run of several grains.
const SIZES: StaticArray<u32> = [1, 16, 100, 256, 1000, 4000, 9000, 70000];

let root: usize = 0;
let leaf: usize = 0;

/** A root and a leaf without limits. */
function tree(pages: u32, owners: u32): void {
  fresh(pages, owners);
  root = budget(0, 1, NONE, 0);
  leaf = budget(root, 2, NONE, 0);
}

function takeIn(node: usize, bytes: u32): usize {
  return blockAllocIn(node, stateOf(node), bytes, 1);
}

function lastClaim(): u64 {
  return get64(slot + S_CLAIM);
}

function free(p: usize, claim: u64): bool {
  return blockFree(p, low(claim), high(claim));
}

function chargeOf(p: usize): usize {
  isPlace(p);
  return nodeOf(load32(chargeFound()));
}

/** Everything is sound, and nothing is charged or taken. */
function empty(what: string, where: u64): void {
  sound(what, where);
  same(used(leaf) | used(root), 0, "used, " + what, where);
  same(outWord(OUT_USED), 0, "used bytes of the heap, " + what, where);
}

describe("what a charge says", () => {
  it("names any place a budget can stand at, and never looks like a mark of the page layer", () => {
    for (let node: usize = 64; node < 0xffff0000; node += 64 * 9973) {
      same(nodeOf(refTo(node)), node, "node", node);
      same(refTo(node) & 1, 0, "in flight", node);
      is(refTo(node) < 1 << 27, true, "tail mark", node);
    }
    same(nodeOf(0) | nodeOf(1), 0, "none", 0);
  });
});

describe("blockAllocIn", () => {
  it("charges what is granted, to the budget and all above it, and takes it off again", () => {
    tree(8, 2);
    for (let i = 0; i < SIZES.length; i++) {
      const p = takeIn(leaf, SIZES[i]);
      is(p != 0, true, "taken", SIZES[i]);
      const claim = lastClaim();
      const granted = usableSize(p);
      is(granted >= SIZES[i], true, "granted", SIZES[i]);
      same(chargeOf(p), leaf, "charge", SIZES[i]);
      is(blockIsLive(p, low(claim), high(claim)), true, "live", SIZES[i]);
      same(used(leaf), granted, "used of the leaf", SIZES[i]);
      same(used(root), granted, "used of the root", SIZES[i]);
      sound("while it lives", SIZES[i]);
      is(free(p, claim), true, "given back", SIZES[i]);
      is(free(p, claim), false, "given back again", SIZES[i]);
      empty("afterwards", SIZES[i]);
    }
  });

  it("shares slabs among any number of budgets and with Blocks of none", () => {
    tree(4, 2);
    const other = budget(0, 3, NONE, 0);
    const ours = takeIn(leaf, 100);
    const mine = lastClaim();
    const theirs = takeIn(other, 100);
    const yours = lastClaim();
    const nobodys = blockAlloc(100, 1);
    const its = lastClaim();
    same(theirs - ours, 104, "distance", 0);
    same(nobodys - theirs, 104, "distance of the next", 0);
    counts(leaf, 104, 1, 104, "leaf", 0);
    counts(other, 104, 1, 104, "other", 0);
    sound("with all three", 0);
    is(free(nobodys, its) && free(ours, mine) && free(theirs, yours), true, "given back", 0);
    empty("afterwards", 0);
    same(used(other), 0, "used of the other", 0);
  });

  it("refuses to the byte, names the budget that refuses, and leaves nothing taken", () => {
    for (let i = 0; i < SIZES.length; i++) {
      tree(8, 2);
      const first = takeIn(leaf, SIZES[i]);
      const granted = usableSize(first);
      setLimit(root, 2 * granted);
      is(takeIn(leaf, SIZES[i]) != 0, true, "the second, which fits to the byte", SIZES[i]);
      setLimit(root, 2 * granted - 1);
      same(takeIn(leaf, SIZES[i]), 0, "the third", SIZES[i]);
      isRefused(OVER_LIMIT, root, "of the third", SIZES[i]);
      counts(root, 2 * granted, 2, 2 * granted, "root", SIZES[i]);
      sound("afterwards", SIZES[i]);
      same(outWord(OUT_USED), 2 * granted, "used bytes of the heap", SIZES[i]);
    }
  });

  it("says that what is larger than a limit never fits", () => {
    tree(4, 2);
    setLimit(leaf, 1000);
    same(takeIn(leaf, 2000), 0, "taken", 0);
    isRefused(NEVER, leaf, "larger", 0);
    empty("afterwards", 0);
  });

  it("grants nothing in a budget that was closed, nor by the state of another life", () => {
    tree(4, 2);
    const state = stateOf(leaf);
    same(closeBudget(leaf, state), OK, "close", 0);
    same(blockAllocIn(leaf, state, 100, 1), 0, "taken", 0);
    isRefused(BUDGET_GONE, 0, "gone", 0);
    same(blockAllocIn(root, stateOf(root) + 4, 100, 1), 0, "taken by the state of another life", 0);
    sound("afterwards", 0);
    same(outWord(OUT_USED), 0, "used bytes of the heap", 0);
  });

  it("answers FULL when the heap has no room, and charges nothing", () => {
    tree(4, 2);
    same(takeIn(leaf, 4 << 20), 0, "taken", 0);
    while (takeIn(leaf, 4096) != 0) {}
    isRefused(FULL, 0, "full", 0);
    checkAll();
    same(used(leaf), outWord(OUT_USED), "charged is what is taken", 0);
    sound("full", 0);
  });

  it("refuses when the latch is not to be had, and leaves nothing taken", () => {
    tree(4, 2);
    const state = stateOf(leaf);
    latchedBy(2);
    same(blockAllocIn(leaf, state, 100, 1), 0, "taken", 0);
    store32(H_BUDGET_LOCK, 0);
    empty("afterwards", 0);
  });
});

describe("blockFree of a charged Block", () => {
  it("never fails for the latch: it is off the counters and its memory back as soon as that is let go", () => {
    for (let i = 0; i < SIZES.length; i++) {
      tree(8, 2);
      const p = takeIn(leaf, SIZES[i]);
      const claim = lastClaim();
      const granted = usableSize(p);
      latchedBy(2);
      is(free(p, claim), true, "given back", SIZES[i]);
      is(free(p, claim), false, "given back again", SIZES[i]);
      is(blockIsLive(p, low(claim), high(claim)), false, "live", SIZES[i]);
      same(load64(recordAt(p)), leaving(claim), "claim", SIZES[i]);
      same(used(leaf), granted, "used while the latch is held", SIZES[i]);
      same(load32(H_LEAVING_BLOCKS), 1, "flag", SIZES[i]);
      become(2);
      unlockBudgets();
      same(used(leaf), 0, "used", SIZES[i]);
      same(load32(H_LEAVING_BLOCKS) | holderOf(H_BUDGET_LOCK), 0, "flag and latch", SIZES[i]);
      empty("afterwards", SIZES[i]);
    }
  });

  it("makes room at once for a request that would be refused", () => {
    tree(4, 2);
    const p = takeIn(leaf, 1000);
    const claim = lastClaim();
    setLimit(root, 1500);
    latchedBy(2);
    is(free(p, claim), true, "given back", 0);
    store32(H_BUDGET_LOCK, 0);
    is(reserve(leaf, stateOf(leaf), 1200, 0) != 0, true, "granted", 0);
    sound("afterwards", 0);
    same(outWord(OUT_USED), 0, "used bytes of the heap", 0);
  });

  it("grants what became free to who waits for it", () => {
    tree(4, 2);
    const p = takeIn(leaf, 1000);
    const claim = lastClaim();
    setLimit(root, 1500);
    const waiter = reserveOrWait(leaf, stateOf(leaf), 600, 0);
    is(isWaitingAt(waiter), true, "waits", 0);
    is(free(p, claim), true, "given back", 0);
    is(isWaitingAt(waiter), false, "waits still", 0);
    same(used(root), 600, "used", 0);
    sound("afterwards", 0);
  });

  it("is refused to a claim that says LEAVING, whoever made it up", () => {
    tree(4, 2);
    const p = takeIn(leaf, 1000);
    const claim = lastClaim();
    is(free(p, leaving(claim)), false, "by a claim made up", 0);
    same(used(leaf), usableSize(p), "used", 0);
    is(free(p, claim), true, "by the right one", 0);
  });

  it("is whose claim it is after it was passed on", () => {
    for (let shared = 0; shared < 2; shared++) {
      tree(4, 2);
      const p = takeIn(leaf, 300);
      const claim = lastClaim();
      if (shared == 0) become(2);
      is(blockMove(p, low(claim), high(claim), shared == 1), true, "passed", shared);
      const next = lastClaim();
      is(free(p, claim), false, "by the old claim", shared);
      same(used(root), usableSize(p), "used", shared);
      is(free(p, next), true, "by the new one", shared);
      empty("afterwards", shared);
    }
  });
});

describe("recovery", () => {
  it("gives back a dead owner's charged Blocks and what they were charged, and leaves what is shared", () => {
    tree(8, 3);
    become(2);
    let bytes: u64 = 0;
    for (let i = 0; i < SIZES.length; i++) bytes += usableSize(takeIn(leaf, SIZES[i]));
    const shared = takeIn(root, 500);
    const claim = lastClaim();
    is(blockMove(shared, low(claim), high(claim), true), true, "shared", 0);
    become(1);
    setState(2, OWNER_DEAD);
    same(recover(idOf(2)), OK, "status", 0);
    same(outWord(REC_DONE), 1, "done", 0);
    same(outWord(REC_BLOCKS), SIZES.length, "Blocks", 0);
    same(outWord(REC_BLOCK_BYTES), bytes, "bytes", 0);
    same(ownerState(2), OWNER_FREE, "slot", 0);
    same(used(leaf), 0, "used of the leaf", 0);
    same(used(root), usableSize(shared), "used of the root", 0);
    sound("afterwards", 0);
  });

  it("finishes what a dead thread had begun to give back, charged still or not, whoever the Block was", () => {
    for (let uncharged = 0; uncharged < 2; uncharged++) {
      tree(4, 3);
      become(2);
      become(3);
      const p = takeIn(leaf, 300);
      const claim = lastClaim();
      // Owner 2 marked it, and died before or after the charge was off.
      latchedBy(2);
      is(free(p, claim), true, "marked", uncharged);
      store32(H_LEAVING_BLOCKS, 0);
      if (uncharged == 1) {
        store32(H_BUDGET_LOCK, 0);
        lockBudgets();
        unchargeLeft();
        same(used(leaf), 0, "used once it is off", 0);
        latchedBy(2);
      }
      setState(2, OWNER_DEAD);
      become(1);
      same(recover(idOf(2)), OK, "status", uncharged);
      same(outWord(REC_DONE), 1, "done", uncharged);
      empty("afterwards", uncharged);
    }
  });

  it("beside a latch that is held leaves them to whoever lets it go", () => {
    tree(4, 3);
    become(2);
    const p = takeIn(leaf, 300);
    is(p != 0, true, "taken", 0);
    setState(2, OWNER_DEAD);
    latchedBy(3);
    become(1);
    same(recover(idOf(2)), OK, "status", 0);
    same(outWord(REC_DONE), 0, "done", 0);
    become(3);
    unlockBudgets();
    become(1);
    same(recover(idOf(2)), OK, "status of the second", 0);
    same(outWord(REC_DONE), 1, "done", 1);
    empty("afterwards", 0);
  });

  it("is the same for one that detaches", () => {
    tree(4, 2);
    become(2);
    for (let i = 0; i < 40; i++) takeIn(leaf, 100 + i * 50);
    same(detachRegion(), OK, "status", 0);
    is(attach() > 0, true, "attached", 0);
    empty("afterwards", 0);
  });
});

describe("closeBudget", () => {
  it("gives back every Block that is charged to it, whoever holds it, and says how many and how large", () => {
    tree(8, 3);
    const other = takeIn(root, 100);
    let bytes: u64 = 0;
    for (let i = 0; i < SIZES.length; i++) bytes += usableSize(takeIn(leaf, SIZES[i]));
    become(2);
    const theirs = takeIn(leaf, 256);
    const claim = lastClaim();
    bytes += usableSize(theirs);
    become(1);
    same(closeBudget(leaf, stateOf(leaf)), OK, "status", 0);
    same(outWord(CLOSED_COUNT), SIZES.length + 1, "count", 0);
    same(get64(slot + S_OUT + (CLOSED_BYTES << 2)), bytes, "bytes", 0);
    same(get32(leaf + B_STATE) & 3, BUDGET_FREE, "state", 0);
    same(used(root), usableSize(other), "used of the root", 0);
    become(2);
    is(free(theirs, claim), false, "by who held it", 0);
    become(1);
    sound("afterwards", 0);
  });
});
