// Budget: the tree of limits. Owns the nodes' counters, the latch that guards them, and the journal of the one charge that is being made.
//
//   used = Σ bytes of its own reservations + Σ over its children max(used, min)         items = Σ over all reservations below
//   used ≤ limit, unless the limit was lowered            peak ≥ used
//
// A charge changes a reservation's record (the truth) and the counters of all budgets from its own to the root (derived). Under the
// latch: look at all of them and write beside each what it becomes; write the journal; then do what the journal says. From the
// journal's one store on the charge is made: who takes the latch from a dead holder does what is written again, which changes nothing that
// was done. Before that store nothing was changed. So no limit is passed at any instant, nothing that fits is refused, and a death costs
// a survivor O(depth).

import { get32, get64, put32, put64, getFloat } from "./memory";
import { cas32, load64, or32, store32 } from "./atomic";
import { leaving } from "./claim";
import { isPoisoned } from "./header";
import { LATCHED, REENTERED, REFUSED, glimpseLatch, letLatchGo, takeLatch, tryLatch } from "./latch";
import { me, myId, slot } from "./owners";
import { rebuildQueues, wakeAll } from "./waiting";
import {
  BUDGET_LEVELS,
  B_AFTER,
  B_BAND_LOW,
  B_BAND_WIDTH,
  B_BYPASS,
  B_FLAGS,
  B_ITEMS,
  B_ITEMS_AFTER,
  B_ITEMS_MAX,
  B_LEVEL,
  B_LEVEL_ENTRIES,
  B_LEVEL_GAP,
  B_LIMIT,
  B_MIN,
  B_PARENT,
  B_PEAK,
  B_QUEUE,
  B_REFUSED,
  B_USED,
  FLAG_QUEUE,
  H_BUDGET_LOCK,
  H_CHARGE,
  H_CHARGE_ALSO,
  H_CHARGE_AT,
  H_CHARGE_AT_TOO,
  H_CHARGE_FIRST,
  H_CHARGE_LIST,
  H_CHARGE_VALUE,
  H_CHARGE_VALUE_TOO,
  H_LEAVING,
  H_LEAVING_BLOCKS,
  H_NULL,
  LEFT_BLOCKS,
  LEFT_GRAINS,
  S_CROSSED,
  S_REASON,
  S_REFUSER,
  V_PASSED,
  V_TICKET,
} from "./shared/layout";
import { BUSY, NEVER, NOT_ATTACHED, OK, OTHERS_FIRST, OVER_ITEMS, OVER_LIMIT, POISONED } from "./shared/status";

/** Takes the latch of the budgets: OK, or BUSY, POISONED, NOT_ATTACHED. */
export function lockBudgets(): u32 {
  if (me == 0) return NOT_ATTACHED;
  return latched(cas32(H_BUDGET_LOCK, 0, myId) ? LATCHED : takeLatch(H_BUDGET_LOCK));
}

/** Takes the latch of the budgets if it is to be had within some 50 µs. */
export function glimpseBudgets(): bool {
  return me != 0 && latched(glimpseLatch(H_BUDGET_LOCK)) == OK;
}

/** The latch was taken so: what its holder before left is mended. OK, or why it is not had. */
function latched(taken: u32): u32 {
  if (taken == REFUSED) return BUSY;
  if (taken != LATCHED) mend();
  if (!isPoisoned()) return OK;
  letLatchGo(H_BUDGET_LOCK);
  return POISONED;
}

/** Lets the latch of the budgets go. What was given back meanwhile is the caller's to see to (leaving.ts). */
export function letBudgetsGo(): void {
  if (isCrossed()) setLevels();
  letLatchGo(H_BUDGET_LOCK);
}

/** Takes the latch of the budgets if nobody holds it, or this owner since an exception cut its operation. */
export function tryBudgets(): bool {
  if (isPoisoned()) return false;
  const taken = tryLatch(H_BUDGET_LOCK);
  if (taken == REENTERED) mend();
  return taken != REFUSED;
}

/** The holder before this one died, or was cut, in the middle of something. */
function mend(): void {
  finishCharge();
  // It may have been taking out what was given back.
  store32(H_LEAVING, 1);
  or32(H_LEAVING_BLOCKS, LEFT_BLOCKS | LEFT_GRAINS);
  rebuildQueues();
}

/** 2^63 − 1: no sum of bytes reaches it. */
export const NO_LIMIT: u64 = 0x7fffffffffffffff;

// Why the last rise found no room.
let why: u32 = 0;
// Whether the last fall passed a budget in which somebody waits.
let eased: bool = false;
// Whether the last rise goes past somebody who waits: where it is charged, that is counted first.
let isPast: bool = false;
// A budget from which on a level may have changed; 0: none. Whoever charges in two trees sets the levels in between.
let left: usize = 0;

/**
 * Writes beside the counters from `node` to the root what they become with one reservation of `bytes` bytes more. Returns the budget that
 * has no room, or where others wait for it; or 0.
 */
export function rise(node: usize, bytes: u64): usize {
  let more = bytes;
  isPast = false;
  for (let at = node; at != 0; at = <usize>get32(at + B_PARENT)) {
    const used = get64(at + B_USED);
    const count = get32(at + B_ITEMS) + 1;
    if (used + more > get64(at + B_LIMIT) && more != 0) return noRoom(at, used, more, node, bytes);
    if (count > get32(at + B_ITEMS_MAX)) return tooMany(at, node, bytes);
    put64(at + B_AFTER, used + more);
    put32(at + B_ITEMS_AFTER, count);
    const flags = get32(at + B_FLAGS);
    if (flags == 0) continue;
    if (flags & FLAG_QUEUE && more != 0 && isBehind(at, 0)) return noRoom(at, used, more, node, bytes);
    more = climbing(at, used, more);
  }
  return 0;
}

/**
 * The same for any number of items; for a charge (`left` ≠ 0) whose fall from another budget was written before; and for one that has
 * waited since `ticket` (0: it has not), which only those who came before it keep waiting.
 */
export function riseBeside(node: usize, bytes: u64, items: u32, left: usize, ticket: u32): usize {
  let more = bytes;
  isPast = false;
  for (let at = node; at != 0; at = <usize>get32(at + B_PARENT)) {
    const isShared = left != 0 && isAbove(at, left);
    const used = get64(at + (isShared ? B_AFTER : B_USED));
    const count = get32(at + (isShared ? B_ITEMS_AFTER : B_ITEMS)) + items;
    // What falls and rises again in the same budget needs no room there.
    const isMore = more != 0 && used + more > get64(at + B_USED);
    if (isMore && (used + more > get64(at + B_LIMIT) || isBehind(at, ticket)))
      return noRoom(at, used, more, node, bytes);
    if (items != 0 && count > get32(at + B_ITEMS_MAX)) return tooMany(at, node, bytes);
    put64(at + B_AFTER, used + more);
    put32(at + B_ITEMS_AFTER, count);
    more = climbing(at, used, more);
  }
  return 0;
}

/**
 * Before the charge of what the last rise found room for: counts, with whoever waits first where it needs room, that it is granted before them (`ticket` as
 * above). Ahead of it, so that a death costs a turn.
 */
export function countPasses(node: usize, ticket: u32): void {
  if (isPast) notePasses(node, ticket);
}

function notePasses(node: usize, ticket: u32): void {
  for (let at = node; at != 0; at = <usize>get32(at + B_PARENT)) {
    const first = whoIsBefore(at, ticket);
    if (first != 0 && get64(at + B_AFTER) > get64(at + B_USED)) put32(first + V_PASSED, get32(first + V_PASSED) + 1);
  }
}

/** How much of `more` bytes above `used` counts further up: what is within a budget's minimum was charged there when it was opened. */
function climbing(node: usize, used: u64, more: u64): u64 {
  const least = get64(node + B_MIN);
  return max(used + more, least) - max(used, least);
}

/** Whether somebody waits in this budget who came before who has this ticket, and whom no more may pass. */
function isBehind(node: usize, ticket: u32): bool {
  const first = whoIsBefore(node, ticket);
  if (first == 0) return false;
  if (get32(first + V_PASSED) >= get32(node + B_BYPASS)) return true;
  isPast = true;
  return false;
}

/** Who waits first in this budget, if that one came before who has this ticket (0: who has not waited); else 0. */
function whoIsBefore(node: usize, ticket: u32): usize {
  const first = <usize>get32(node + B_QUEUE);
  return first != 0 && (ticket == 0 || <i32>(get32(first + V_TICKET) - ticket) < 0) ? first : 0;
}

/** Says why `node` has no room for `more` of the `bytes` bytes that are wanted of `leaf`; answers the budget that refuses. */
function noRoom(node: usize, used: u64, more: u64, leaf: usize, bytes: u64): usize {
  const never = neverFits(leaf, bytes);
  why = never != 0 ? NEVER : used + more > get64(node + B_LIMIT) ? OVER_LIMIT : OTHERS_FIRST;
  return never != 0 ? never : node;
}

/**
 * The budget from `node` to the root whose limit `bytes` bytes pass whatever is given back; 0: there is none. What a minimum further down
 * covers is charged there already.
 */
export function neverFits(node: usize, bytes: u64): usize {
  let covered: u64 = 0;
  for (let at = node; at != 0; at = <usize>get32(at + B_PARENT)) {
    if (bytes > get64(at + B_LIMIT) && bytes > covered) return at;
    covered = max(covered, get64(at + B_MIN));
  }
  return 0;
}

function tooMany(node: usize, leaf: usize, bytes: u64): usize {
  const never = neverFits(leaf, bytes);
  why = never != 0 || get32(node + B_ITEMS_MAX) == 0 ? NEVER : OVER_ITEMS;
  return never != 0 ? never : node;
}

/** Whether what the last rise was for could ever fit. */
export function mayFit(): bool {
  return why != NEVER;
}

/** Writes beside the counters from `node` to the root what they become with `bytes` and `items` less. */
export function fall(node: usize, bytes: u64, items: u32): void {
  let less = bytes;
  for (let at = node; at != 0; at = <usize>get32(at + B_PARENT)) {
    const used = get64(at + B_USED);
    put64(at + B_AFTER, used - less);
    put32(at + B_ITEMS_AFTER, get32(at + B_ITEMS) - items);
    const flags = get32(at + B_FLAGS);
    if (flags == 0) continue;
    if (flags & FLAG_QUEUE) eased = true;
    less = climbing(at, used - less, less);
  }
}

/** After a fall from `node`, of no fewer bytes: writes what the counters become with `bytes` and `items` more there. Nobody is asked. */
export function riseAgain(node: usize, bytes: u64, items: u32): void {
  let more = bytes;
  for (let at = node; at != 0; at = <usize>get32(at + B_PARENT)) {
    const used = get64(at + B_AFTER);
    put64(at + B_AFTER, used + more);
    put32(at + B_ITEMS_AFTER, get32(at + B_ITEMS_AFTER) + items);
    more = climbing(at, used, more);
  }
}

/** Whether somebody waits where a fall was since this was asked last. */
export function isEased(): bool {
  const was = eased;
  eased = false;
  return was;
}

/** Whether `above` is `node` or an ancestor of it. */
function isAbove(above: usize, node: usize): bool {
  for (let at = node; at != 0; at = <usize>get32(at + B_PARENT)) if (at == above) return true;
  return false;
}

/** Says that the budget at `node`, which the last rise answered, refused. */
export function refuseBy(node: usize): void {
  put32(node + B_REFUSED, get32(node + B_REFUSED) + 1);
  put32(slot + S_REASON, why);
  put32(slot + S_REFUSER, <u32>node);
}

/** Leaves the reason for the caller outside. */
export function refuseCharge(reason: u32): void {
  if (me == 0) return;
  put32(slot + S_REASON, reason);
  put32(slot + S_REFUSER, 0);
}

/**
 * Makes the charge: the word at `at` becomes `value`, the counters from `node` (0: none) to the root become what stands beside them, and
 * the list at `list` (0: none) begins with `first`.
 */
export function charge(node: usize, at: usize, value: u64, list: usize, first: u32): void {
  put32(H_CHARGE_AT, <u32>at);
  put64(H_CHARGE_VALUE, value);
  put32(H_CHARGE_LIST, <u32>list);
  put32(H_CHARGE_FIRST, first);
  put32(H_CHARGE, <u32>node + 1); // commit
  put64(at, value);
  if (list != 0) put32(list, first);
  carryUp(node);
  put32(H_CHARGE, 0);
}

/** As `charge`, of memory in the region: the 32-bit word at `at` says which budget it is charged to, and becomes `ref`. */
export function chargeMemory(node: usize, at: usize, ref: u32): void {
  charge(node, H_NULL, 0, at, ref);
}

/** As `charge`; a second word `too` becomes `valueToo` as well, and so do the counters from `nodeToo` (0: none) to the root. */
export function chargeBoth(
  node: usize,
  at: usize,
  value: u64,
  list: usize,
  first: u32,
  nodeToo: usize,
  too: usize,
  valueToo: u64,
): void {
  put32(H_CHARGE_AT, <u32>at);
  put64(H_CHARGE_VALUE, value);
  put32(H_CHARGE_LIST, <u32>list);
  put32(H_CHARGE_FIRST, first);
  put32(H_CHARGE_AT_TOO, <u32>too);
  put64(H_CHARGE_VALUE_TOO, valueToo);
  put32(H_CHARGE_ALSO, <u32>nodeToo);
  put32(H_CHARGE, <u32>node + 1); // commit
  finishCharge();
}

/** Does what the journal says, if it says anything; as often as it is done, the same comes of it. */
function finishCharge(): void {
  const node = get32(H_CHARGE);
  const too = <usize>get32(H_CHARGE_AT_TOO);
  if (node != 0) {
    const at = <usize>get32(H_CHARGE_AT);
    const value = get64(H_CHARGE_VALUE);
    // Who was granted something may have given it back already, without the latch.
    if (load64(at) != leaving(value)) put64(at, value);
    const list = <usize>get32(H_CHARGE_LIST);
    if (list != 0) put32(list, get32(H_CHARGE_FIRST));
    carryUp(<usize>node - 1);
    if (too != 0) setLevels();
    if (too != 0) put64(too, get64(H_CHARGE_VALUE_TOO));
    if (too != 0) carryUp(<usize>get32(H_CHARGE_ALSO));
    put32(H_CHARGE, 0);
  }
  if (too != 0) put32(H_CHARGE_AT_TOO, 0);
}

function carryUp(node: usize): void {
  for (let at = node; at != 0; at = <usize>get32(at + B_PARENT)) {
    const after = get64(at + B_AFTER);
    if (after > get64(at + B_PEAK)) put64(at + B_PEAK, after);
    put64(at + B_USED, after);
    put32(at + B_ITEMS, get32(at + B_ITEMS_AFTER));
    if (after - get64(at + B_BAND_LOW) >= get64(at + B_BAND_WIDTH)) left = node;
  }
}

/** Whether a charge since this was asked last took a budget out of its level's band; then their levels are set. Under the latch. */
export function isCrossed(): bool {
  return left != 0;
}

/** Sets the levels that the charges since the last call changed. */
export function setLevels(): void {
  for (let at = left; at != 0; at = <usize>get32(at + B_PARENT)) setLevel(at, get64(at + B_USED));
  left = 0;
}

/** The budget's level may be another now: says so to all threads if it is, to this one by S_CROSSED. */
export function setLevel(node: usize, used: u64): void {
  const before = get32(node + B_LEVEL);
  const level = levelOf(node, used, before);
  const low = level == 0 ? 0 : leftAt(node, level);
  const high = level == BUDGET_LEVELS ? NO_LIMIT : entryOf(node, level + 1);
  put64(node + B_BAND_LOW, low);
  put64(node + B_BAND_WIDTH, high - low);
  if (level == before) return;
  store32(node + B_LEVEL, level);
  put32(slot + S_CROSSED, get32(slot + S_CROSSED) + 1);
  wakeAll();
}

/** Rises to the highest level that is entered, falls as long as one is left. */
function levelOf(node: usize, used: u64, before: u32): u32 {
  let level: u32 = 0;
  while (level < <u32>BUDGET_LEVELS && used >= entryOf(node, level + 1)) level++;
  if (level >= before) return level;
  level = before;
  while (level > 0 && used < leftAt(node, level)) level--;
  return level;
}

/** From how many bytes on a level is entered; never, without a limit. */
function entryOf(node: usize, level: u32): u64 {
  return bytesAt(node, getFloat(node + B_LEVEL_ENTRIES - 8 + ((<usize>level) << 3)));
}

/** Below how many bytes a level is left. */
function leftAt(node: usize, level: u32): u64 {
  const share = getFloat(node + B_LEVEL_ENTRIES - 8 + ((<usize>level) << 3)) - getFloat(node + B_LEVEL_GAP);
  return share > 0 ? bytesAt(node, share) : 0;
}

/** A share of the budget's limit, rounded up. */
function bytesAt(node: usize, share: f64): u64 {
  const limit = get64(node + B_LIMIT);
  if (limit == 0 || limit == NO_LIMIT) return NO_LIMIT;
  const bytes = Math.ceil(<f64>limit * share);
  return bytes < 9223372036854775807.0 ? <u64>(<i64>bytes) : NO_LIMIT;
}
