// Charging: what budget.ts does to make a charge once more, store by store in its order, so that it can be cut after each; and every
// change of budgets and reservations that is made by one, prepared up to the charge.

import { get32, get64, put32, put64 } from "../memory";
import { store64 } from "../atomic";
import { fall, rise, riseBeside } from "../budget";
import { nextClaim } from "../claim";
import { closeBudget, openBudget } from "../nodes";
import { reservationFree, reservationMove, reservationResize, reservationSplit, reserve } from "../reservation";
import {
  BUDGET_CLOSING,
  BUDGET_OPEN,
  B_AFTER,
  B_FLAGS,
  B_ITEMS,
  B_ITEMS_AFTER,
  B_NEXT,
  B_PARENT,
  B_PEAK,
  B_STATE,
  B_USED,
  FLAG_BELOW,
  H_CHARGE,
  H_CHARGE_ALSO,
  H_CHARGE_AT,
  H_CHARGE_AT_TOO,
  H_CHARGE_FIRST,
  H_CHARGE_LIST,
  H_CHARGE_VALUE,
  H_CHARGE_VALUE_TOO,
  H_NODES,
  H_RECORDS,
  NODE_BYTES,
  V_BUDGET,
  V_BYTES,
  V_NEXT,
  V_TAG,
} from "../shared/layout";
import { OK } from "../shared/status";
import { w32, w64 } from "./dying";
import { become, fresh, idOf, is, same } from "./lib";
import { ANY, NONE, budget, claim, give, high, limits, low, stateOf, take, used } from "./tree";

// What is done. The last three change two words, or the counters of two budgets.
export const RESERVE = 0;
export const GIVE = 1;
export const GROW = 2;
export const SHRINK = 3;
export const OPEN = 4;
export const CLOSE = 5;
export const SPLIT = 6;
export const MOVE = 7;
/** Between trees. */
export const MOVE_FAR = 8;
export const CHANGES = 9;

/** A root with a minimum-holding child and a grandchild; beside the child another; another root. */
export let root: usize = 0;
export let child: usize = 0;
export let leaf: usize = 0;
export let beside: usize = 0;
export let other: usize = 0;
/** A reservation of 30 in `leaf` that the change is about, and one of 5 in `root` that it is not, both of owner 2. */
export let held: usize = 0;
export let kept: usize = 0;

/** Two trees with reservations and a freed record, for owners 1 to 4 and for this change; this thread acts as owner 2. */
export function twoTrees(what: i32): void {
  fresh(4, 4);
  become(4);
  become(3);
  become(2);
  root = budget(0, 1, 1000, 0);
  child = budget(root, 2, 500, 40);
  leaf = budget(child, 3, NONE, 0);
  beside = budget(root, 4, NONE, 25);
  other = budget(0, 5, NONE, 0);
  held = take(leaf, 30);
  const left = take(beside, 7);
  const given = take(other, 11);
  kept = take(root, 5);
  is(give(given), true, "a freed record", 0);
  if (what != CLOSE) return;
  // All of a closing but its last charge was done before.
  is(give(left), true, "emptied", 0);
  store64(beside + B_STATE, ((<u64>idOf(2)) << 32) | ((stateOf(beside) & ~3) | BUDGET_CLOSING));
}

/** Does the change; it is granted. */
export function change(what: i32): void {
  const holder = claim(held);
  let done: bool = false;
  if (what == RESERVE) done = reserve(leaf, stateOf(leaf), 50, 9) != 0;
  else if (what == GIVE) done = reservationFree(held, low(holder), high(holder));
  else if (what == GROW) done = reservationResize(held, low(holder), high(holder), 77);
  else if (what == SHRINK) done = reservationResize(held, low(holder), high(holder), 3);
  else if (what == SPLIT) done = reservationSplit(held, low(holder), high(holder), 12) != 0;
  else if (what == MOVE) done = reservationMove(held, low(holder), high(holder), beside, stateOf(beside));
  else if (what == MOVE_FAR) done = reservationMove(held, low(holder), high(holder), other, stateOf(other));
  else if (what == OPEN) {
    limits(NONE, 60, ANY);
    done = openBudget(child, stateOf(child), 6) != 0;
  } else done = closeBudget(beside, (stateOf(beside) & ~3) | BUDGET_OPEN) == OK;
  is(done, true, "done, change", what);
}

// The charge that was prepared last.
let isDouble: bool = false;
let node: usize = 0;
let at: usize = 0;
let value: u64 = 0;
let list: usize = 0;
let first: u32 = 0;
let nodeToo: usize = 0;
let too: usize = 0;
let valueToo: u64 = 0;

/** Prepares a charge of any form that changes one word. */
export function charging(up: usize, truth: usize, becomes: u64, pool: usize, begins: u32): void {
  isDouble = false;
  node = up;
  at = truth;
  value = becomes;
  list = pool;
  first = begins;
}

function both(up: usize, truth: usize, becomes: u64): void {
  isDouble = true;
  nodeToo = up;
  too = truth;
  valueToo = becomes;
}

/** Does of the change what comes before its charge: all that is written is beside what counts. */
export function prepare(what: i32): void {
  const record = <usize>get32(H_RECORDS);
  const after = get32(record + V_NEXT);
  if (what == RESERVE) {
    same(rise(leaf, 50), 0, "rise", what);
    fill(record, 50, 9);
    charging(leaf, record, nextClaim(), H_RECORDS, after);
  } else if (what == GIVE) {
    fall(leaf, 30, 1);
    put32(held + V_NEXT, <u32>record);
    charging(leaf, held, 0, H_RECORDS, <u32>held);
  } else if (what == GROW) {
    same(riseBeside(leaf, 47, 0, 0, 0), 0, "rise", what);
    charging(leaf, held + V_BYTES, 77, 0, 0);
  } else if (what == SHRINK) {
    fall(leaf, 27, 0);
    charging(leaf, held + V_BYTES, 3, 0, 0);
  } else if (what == SPLIT) {
    same(riseBeside(leaf, 0, 1, 0, 0), 0, "rise", what);
    fill(record, 12, 0);
    charging(leaf, record, nextClaim(), H_RECORDS, after);
    both(0, held + V_BYTES, 18);
  } else if (what == MOVE || what == MOVE_FAR) {
    const to = what == MOVE ? beside : other;
    fall(leaf, 30, 1);
    same(riseBeside(to, 30, 1, leaf, 0), 0, "rise", what);
    charging(to, held + V_BUDGET, to, 0, 0);
    both(leaf, held + V_BUDGET, to);
  } else if (what == OPEN) prepareOpen();
  else prepareClose();
}

function fill(record: usize, bytes: u64, tag: u32): void {
  put64(record + V_BYTES, bytes);
  put32(record + V_BUDGET, <u32>leaf);
  put32(record + V_TAG, tag);
}

// What a region of this spec has.
const REGION_BYTES: usize = 4 << 16;

/** What is written into a free place before it is a budget is what stands there once it is one. */
function prepareOpen(): void {
  const free = <usize>get32(H_NODES);
  const before = heap.alloc(REGION_BYTES);
  const opened = heap.alloc(NODE_BYTES);
  memory.copy(before, 0, REGION_BYTES);
  change(OPEN);
  memory.copy(opened, free, NODE_BYTES);
  memory.copy(0, before, REGION_BYTES);
  put64(opened + B_STATE, get64(free + B_STATE));
  put32(opened + B_NEXT, get32(free + B_NEXT));
  memory.copy(free, opened, NODE_BYTES);
  heap.free(before);
  heap.free(opened);
  for (let above = child; above != 0; above = <usize>get32(above + B_PARENT))
    put32(above + B_FLAGS, get32(above + B_FLAGS) | FLAG_BELOW);
  same(riseBeside(child, 60, 0, 0, 0), 0, "rise", OPEN);
  charging(child, free + B_STATE, ((stateOf(free) & ~3) + 4) | BUDGET_OPEN, H_NODES, get32(free + B_NEXT));
}

function prepareClose(): void {
  same(used(beside), 0, "left in it", CLOSE);
  fall(root, 25, 0);
  put32(beside + B_NEXT, get32(H_NODES));
  charging(root, beside + B_STATE, stateOf(beside) & ~3, H_NODES, <u32>beside);
}

/** After how many of its stores the charge that was prepared counts. */
export function storesToCommit(): i32 {
  return isDouble ? 8 : 5;
}

/** The last charge that was made was the one that was prepared: its journal said all of it. */
export function isPrepared(what: i32): void {
  same(get32(H_CHARGE_AT), at, "the word, change", what);
  same(get64(H_CHARGE_VALUE), value, "what it becomes, change", what);
  same(get32(H_CHARGE_LIST), list, "the list, change", what);
  same(get32(H_CHARGE_FIRST), first, "its first, change", what);
  if (!isDouble) return;
  same(get64(H_CHARGE_VALUE_TOO), valueToo, "what the second word becomes, change", what);
  same(get32(H_CHARGE_ALSO), nodeToo, "the second budget, change", what);
}

/** Makes the charge that was prepared, as charge and chargeBoth do, as far as the dying thread gets. */
export function dyingCharge(): void {
  w32(H_CHARGE_AT, <u32>at);
  w64(H_CHARGE_VALUE, value);
  w32(H_CHARGE_LIST, <u32>list);
  w32(H_CHARGE_FIRST, first);
  if (isDouble) {
    w32(H_CHARGE_AT_TOO, <u32>too);
    w64(H_CHARGE_VALUE_TOO, valueToo);
    w32(H_CHARGE_ALSO, <u32>nodeToo);
  }
  w32(H_CHARGE, <u32>node + 1);
  w64(at, value);
  if (list != 0) w32(list, first);
  dyingCarry(node);
  if (isDouble) {
    w64(too, valueToo);
    dyingCarry(nodeToo);
  }
  w32(H_CHARGE, 0);
  if (isDouble) w32(H_CHARGE_AT_TOO, 0);
}

/** Does what the journal says, as finishCharge, as far as the dying thread gets. */
export function dyingFinish(): void {
  const up = get32(H_CHARGE);
  const second = <usize>get32(H_CHARGE_AT_TOO);
  if (up != 0) {
    w64(<usize>get32(H_CHARGE_AT), get64(H_CHARGE_VALUE));
    const pool = <usize>get32(H_CHARGE_LIST);
    if (pool != 0) w32(pool, get32(H_CHARGE_FIRST));
    dyingCarry(<usize>up - 1);
    if (second != 0) w64(second, get64(H_CHARGE_VALUE_TOO));
    if (second != 0) dyingCarry(<usize>get32(H_CHARGE_ALSO));
    w32(H_CHARGE, 0);
  }
  if (second != 0) w32(H_CHARGE_AT_TOO, 0);
}

function dyingCarry(up: usize): void {
  for (let above = up; above != 0; above = <usize>get32(above + B_PARENT)) {
    const after = get64(above + B_AFTER);
    if (after > get64(above + B_PEAK)) w64(above + B_PEAK, after);
    w64(above + B_USED, after);
    w32(above + B_ITEMS, get32(above + B_ITEMS_AFTER));
  }
}
