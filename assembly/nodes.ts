// Nodes: budgets come, change and go. Owns the nodes' constant fields and their states. A budget belongs to the region, not to a
// thread: whose thread dies leaves its budgets open, and one that it was closing to recovery, which goes on with it.
//
//   free → open: one charge, that of its minimum to its parent · open → closing: one store; nothing is granted any more ·
//   closing → free: when all that is charged to it is given back, one charge that takes the minimum off again

import { get32, get64, put32, put64, zero } from "./memory";
import { load32, load64, store64 } from "./atomic";
import {
  NO_LIMIT,
  charge,
  countPasses,
  fall,
  isCrossed,
  isEased,
  lockBudgets,
  refuseCharge,
  setLevel,
  setLevels,
} from "./budget";
import { releaseBlocksIn, releasedBlockBytes, releasedBlocks } from "./charged";
import { giveSpareBack, mayTryAgain, releaseRawIn, releasedRaw, releasedRawBytes } from "./arena";
import { addChunk } from "./chunk";
import { chunkEnd, newestChunk, nextChunk } from "./pool";
import { myId, slot } from "./owners";
import { serve, stopImpossible, wakeAll } from "./waiting";
import { hasRoom, unlockBudgets } from "./leaving";
import { releaseReservationsIn, releasedBytes, releasedCount } from "./reservation";
import {
  BUDGET_CLOSING,
  BUDGET_FREE,
  BUDGET_OPEN,
  B_BAND_LOW,
  B_BAND_WIDTH,
  B_BYPASS,
  B_DEPTH,
  B_FLAGS,
  FLAG_BELOW,
  FLAG_MIN,
  FLAG_QUEUE,
  B_ITEMS,
  B_ITEMS_MAX,
  B_LEVEL,
  B_LEVEL_ENTRIES,
  B_LEVEL_GAP,
  B_LIMIT,
  B_MIN,
  B_NAME,
  B_NEXT,
  B_PARENT,
  B_PEAK,
  B_PRIORITY,
  B_QUEUE,
  B_REFUSED,
  B_ROOMY,
  B_SLABS,
  B_SOFT,
  B_STATE,
  B_USED,
  B_WANTED,
  BUDGET_LEVELS,
  CHUNK_HEADER,
  CLOSED_BYTES,
  CLOSED_COUNT,
  H_NODES,
  LEVELS_ENTRIES,
  LEVELS_GAP,
  NODE_BYTES,
  NODE_CHUNK_GRAINS,
  OPENED_BEFORE,
  OPENED_STATE,
  OPEN_BYPASS,
  OPEN_ITEMS_MAX,
  OPEN_LIMIT,
  OPEN_MIN,
  OPEN_PRIORITY,
  OPEN_SOFT,
  S_OUT,
  V_PASSED,
} from "./shared/layout";
import { BUDGET_DEPTH_MAX, CLASS_COUNT } from "./shared/limits";
import { BUDGET_GONE, BUSY, HAS_CHILDREN, OK, TOO_DEEP } from "./shared/status";

/**
 * The open budget of this name (a number of names.ts) below `parent` (0: a root), or a new one with the limits that stand in S_OUT
 * (OPEN_…). Writes its state and whether it was there before to S_OUT (OPENED_…). 0: S_REASON says why not. O(budgets).
 */
export function openBudget(parent: usize, parentState: u32, name: u32): usize {
  const node = openNow(parent, parentState, name);
  return node == 0 && mayTryAgain() ? openNow(parent, parentState, name) : node;
}

function openNow(parent: usize, parentState: u32, name: u32): usize {
  let status = lockBudgets();
  if (status != OK) return refused(status);
  let isThere = isOpenAs(parent, parentState);
  let node = isThere ? findBelow(parent, name) : 0;
  if (isThere && node == 0 && get32(H_NODES) == 0) {
    status = moreNodes();
    if (status != OK) return refused(status);
    // The latch was let go for a moment.
    isThere = isOpenAs(parent, parentState);
    if (isThere) node = findBelow(parent, name);
  }
  const isNew = node == 0;
  if (!isThere) refuseCharge(BUDGET_GONE);
  else if (isNew) node = open(parent, name);
  if (node != 0) {
    put32(slot + S_OUT + (OPENED_BEFORE << 2), isNew ? 0 : 1);
    put32(slot + S_OUT + (OPENED_STATE << 2), get32(node + B_STATE));
  }
  unlockBudgets();
  return node;
}

function isOpenAs(parent: usize, state: u32): bool {
  return parent == 0 || get32(parent + B_STATE) == state;
}

function refused(reason: u32): usize {
  refuseCharge(reason);
  return 0;
}

/** Lets the latch go until there is a free node, and takes it again: OK, or it is not held and this is why. */
function moreNodes(): u32 {
  while (get32(H_NODES) == 0) {
    unlockBudgets();
    let status = addChunk(H_NODES, NODE_CHUNK_GRAINS, NODE_BYTES, B_NEXT);
    if (status == OK) status = lockBudgets();
    if (status != OK) return status;
  }
  return OK;
}

/** An open budget below `parent`, of this name or (0) of any. */
function findBelow(parent: usize, name: u32): usize {
  for (let chunk = newestChunk(H_NODES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NODE_BYTES);
    for (let node = chunk + CHUNK_HEADER; node < end; node += NODE_BYTES) {
      const state = get32(node + B_STATE) & 3;
      if (state == BUDGET_FREE || get32(node + B_PARENT) != <u32>parent) continue;
      if (name == 0 || (state == BUDGET_OPEN && get32(node + B_NAME) == name)) return node;
    }
  }
  return 0;
}

function given(word: usize): u64 {
  return get64(slot + S_OUT + (word << 2));
}

/** Makes the first free node a budget. 0: its parents have no room for its minimum, or it would stand too deep. */
function open(parent: usize, name: u32): usize {
  const depth: u32 = parent == 0 ? 1 : get32(parent + B_DEPTH) + 1;
  if (depth > <u32>BUDGET_DEPTH_MAX) return refused(TOO_DEEP);
  if (!hasRoom(parent, given(OPEN_MIN), 0)) return 0;
  const node = <usize>get32(H_NODES);
  put32(node + B_PARENT, <u32>parent);
  put32(node + B_NAME, name);
  put32(node + B_DEPTH, depth);
  put64(node + B_LIMIT, given(OPEN_LIMIT));
  put64(node + B_MIN, given(OPEN_MIN));
  put64(node + B_SOFT, given(OPEN_SOFT));
  put32(node + B_ITEMS_MAX, <u32>given(OPEN_ITEMS_MAX));
  put32(node + B_PRIORITY, <u32>given(OPEN_PRIORITY));
  put32(node + B_BYPASS, <u32>given(OPEN_BYPASS));
  put64(node + B_USED, 0);
  put64(node + B_PEAK, 0);
  put64(node + B_QUEUE, 0);
  put32(node + B_FLAGS, given(OPEN_MIN) == 0 ? 0 : FLAG_MIN);
  put32(node + B_ITEMS, 0);
  put32(node + B_REFUSED, 0);
  put64(node + B_WANTED, 0);
  for (let i: usize = 0; i < <usize>BUDGET_LEVELS; i++) put64(node + B_LEVEL_ENTRIES + (i << 3), NO_SHARE);
  put64(node + B_LEVEL_GAP, 0);
  put32(node + B_LEVEL, 0);
  put64(node + B_ROOMY, 0);
  zero(node + B_SLABS, (CLASS_COUNT + 1) << 2);
  put64(node + B_BAND_LOW, 0);
  put64(node + B_BAND_WIDTH, NO_LIMIT);
  if (given(OPEN_MIN) != 0) flagAbove(parent);
  countPasses(parent, 0);
  charge(parent, node + B_STATE, nextState(node, BUDGET_OPEN), H_NODES, get32(node + B_NEXT));
  return node;
}

function flagAbove(parent: usize): void {
  for (let at = parent; at != 0; at = <usize>get32(at + B_PARENT))
    put32(at + B_FLAGS, get32(at + B_FLAGS) | FLAG_BELOW);
}

/** The state word of the node's next life, or of this one's next state. */
function nextState(node: usize, state: u32): u32 {
  const now = get32(node + B_STATE);
  return ((now & ~3) + (state == BUDGET_OPEN ? 4 : 0)) | state;
}

/** Changes a budget's limit, and where its levels begin; what is used stays, also if that is more. False: S_REASON says why. */
export function setBudgetLimit(node: usize, state: u32, limit: f64): bool {
  const status = lockBudgets();
  if (status != OK) return refused(status) != 0;
  const isOpen = get32(node + B_STATE) == state;
  if (isOpen) {
    const before = get64(node + B_LIMIT);
    put64(node + B_LIMIT, limit < 9007199254740992.0 ? <u64>(<i64>limit) : NO_LIMIT);
    setLevel(node, get64(node + B_USED));
    if (get64(node + B_LIMIT) < before) stopImpossible();
    serve(node);
  } else refuseCharge(BUDGET_GONE);
  const isOver = isOpen && get64(node + B_USED) > get64(node + B_LIMIT);
  unlockBudgets();
  if (isOver) giveSpareBack();
  return isOpen;
}

/** Asks all threads to give back `bytes` bytes (0: enough were) of what is charged to the budget or below it. */
export function callForBytes(node: usize, state: u32, bytes: f64): void {
  if (lockBudgets() != OK) return;
  if (get32(node + B_STATE) == state) {
    put64(node + B_WANTED, <u64>(<i64>bytes));
    if (bytes != 0) wakeAll();
  }
  unlockBudgets();
}

/** Changes where the budget's levels are entered, and how far below they are left, to what stands in S_OUT (LEVELS_…). */
export function setBudgetLevels(node: usize, state: u32): bool {
  const status = lockBudgets();
  if (status != OK) return refused(status) != 0;
  const isOpen = get32(node + B_STATE) == state;
  if (isOpen) {
    for (let i: usize = 0; i < <usize>BUDGET_LEVELS; i++)
      put64(node + B_LEVEL_ENTRIES + (i << 3), given(LEVELS_ENTRIES + i * 2));
    put64(node + B_LEVEL_GAP, given(LEVELS_GAP));
    setLevel(node, get64(node + B_USED));
  } else refuseCharge(BUDGET_GONE);
  unlockBudgets();
  return isOpen;
}

// Infinity as a 64-bit float: a share that is never reached.
const NO_SHARE: u64 = 0x7ff0000000000000;

/** Whether a request of `bytes` bytes would be refused this instant, or its budget is closed: once what is empty was given back, as a request does. */
export function wouldRefuse(node: usize, state: u32, bytes: f64): bool {
  return isRefused(node, state, bytes) && !(giveSpareBack() && !isRefused(node, state, bytes));
}

/** Without the latch, so others may change it meanwhile. */
function isRefused(node: usize, state: u32, bytes: f64): bool {
  if (load32(node + B_STATE) != state) return true;
  let more = <u64>(<i64>bytes);
  for (let at = node; at != 0; at = <usize>get32(at + B_PARENT)) {
    const used = load64(at + B_USED);
    const isFull = used + more > load64(at + B_LIMIT) || (load32(at + B_FLAGS) & FLAG_QUEUE && !mayPass(at));
    if ((isFull && more != 0) || load32(at + B_ITEMS) >= load32(at + B_ITEMS_MAX)) return true;
    const least = load64(at + B_MIN);
    more = max(used + more, least) - max(used, least);
  }
  return false;
}

/** Whether one more may be granted before who waits first in this budget; a hint, for it may have ended meanwhile. */
function mayPass(node: usize): bool {
  const bypass = load32(node + B_BYPASS);
  return bypass != 0 && load32(<usize>load32(node + B_QUEUE) + V_PASSED) < bypass;
}

/** A 64-bit field of a budget, as it is this instant. */
export function budgetNumber(node: usize, field: u32): f64 {
  return <f64>get64(node + field);
}

/**
 * Closes a budget that has none below it: gives back what is left in it (S_OUT says how much, CLOSED_…) and its minimum to its
 * parent. OK; BUSY when the rest is for another call, in this thread or in a recovery of it; BUDGET_GONE, HAS_CHILDREN.
 */
export function closeBudget(node: usize, state: u32): u32 {
  const status = lockBudgets();
  if (status != OK) return status;
  let answer: u32 = OK;
  const closing = (state & ~3) | BUDGET_CLOSING;
  if (get32(node + B_STATE) == state) {
    if (findBelow(node, 0) != 0) answer = HAS_CHILDREN;
    else store64(node + B_STATE, ((<u64>myId) << 32) | closing); // commit
  } else if (get32(node + B_STATE) != closing) answer = BUDGET_GONE;
  unlockBudgets();
  leftCount = 0;
  leftBytes = 0;
  if (answer == OK) answer = finishClose(node, closing);
  put32(slot + S_OUT + (CLOSED_COUNT << 2), leftCount);
  put64(slot + S_OUT + (CLOSED_BYTES << 2), leftBytes);
  return answer;
}

// What was left in the budget that this thread closed last.
let leftCount: u32 = 0;
let leftBytes: u64 = 0;

/** Gives back all that is charged to a budget in which nothing is granted any more, and then the budget. */
function finishClose(node: usize, closing: u32): u32 {
  let status = releaseReservationsIn(node, closing);
  leftCount += releasedCount();
  leftBytes += releasedBytes();
  if (status != OK) return status;
  releaseBlocksIn(node, closing);
  leftCount += releasedBlocks();
  leftBytes += releasedBlockBytes();
  status = releaseRawIn(node, closing);
  leftCount += releasedRaw();
  leftBytes += releasedRawBytes();
  if (status == OK) status = lockBudgets();
  if (status != OK) return status;
  // What another thread gives back this instant counts until it has.
  const isEmpty = (get64(node + B_USED) | get32(node + B_ITEMS)) == 0;
  if (get32(node + B_STATE) == closing && isEmpty) free(node);
  else if (get32(node + B_STATE) == closing) status = BUSY;
  unlockBudgets();
  return status;
}

/** Makes an empty budget a free node. Under the latch. */
function free(node: usize): void {
  const parent = <usize>get32(node + B_PARENT);
  fall(parent, get64(node + B_MIN), 0);
  put32(node + B_NEXT, get32(H_NODES));
  charge(parent, node + B_STATE, nextState(node, BUDGET_FREE), H_NODES, <u32>node);
  if (isCrossed()) setLevels();
  if (isEased()) serve(parent);
}

/** Goes on with the budgets that the dead owner `id` was closing. OK, or BUSY when not all is done. */
export function finishClosing(id: u32): u32 {
  for (let chunk = newestChunk(H_NODES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NODE_BYTES);
    for (let node = chunk + CHUNK_HEADER; node < end; node += NODE_BYTES) {
      const word = load64(node + B_STATE);
      const state = <u32>word;
      if ((state & 3) != BUDGET_CLOSING || <u32>(word >> 32) != id) continue;
      const status = finishClose(node, state);
      if (status != OK) return status;
    }
  }
  return OK;
}
