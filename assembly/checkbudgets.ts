// Check of the budgets: counts them anew from the reservations' records and says which counters differ. Owns nothing: B_AFTER and
// B_ITEMS_AFTER, which mean nothing between two charges, hold the sums. Under the page lock and the budgets' latch.
//
//   used = Σ bytes of own reservations, Blocks, slabs and runs + Σ children max(used, min)     items = Σ of the first two below     peak ≥ used     (I1, I3, I8)
//   every record and node is held or in its pool's free list, once; who holds one has a slot, and its budget is not free

import { get32, get64, put32, put64 } from "./memory";
import { load32, load64 } from "./atomic";
import { riseBeside } from "./budget";
import { chunkEnd, newestChunk, nextChunk } from "./pool";
import { nodeOf } from "./charged";
import { recordIn } from "./claim";
import { firstGrain, grains, maxOwners } from "./header";
import { isName } from "./names";
import { ownerState } from "./owners";
import { auxAt, bitsAt, kindOf, lengthOf, slabTag, wordAt } from "./pages";
import { problem } from "./report";
import { geometry } from "./sizeclass";
import {
  BUDGET_FREE,
  B_AFTER,
  B_BAND_LOW,
  B_BAND_WIDTH,
  B_FLAGS,
  B_ITEMS,
  B_ITEMS_AFTER,
  B_MIN,
  B_NAME,
  B_NEXT,
  B_PARENT,
  B_PEAK,
  B_QUEUE,
  B_STATE,
  B_USED,
  CHUNK_HEADER,
  CLAIM_LEAVING,
  CLAIM_LIVE,
  CLAIM_SHARED,
  CLAIM_STATE_SHIFT,
  CLAIM_WAITING,
  C_BLOCKS,
  C_SIZE,
  FLAG_BELOW,
  FLAG_MIN,
  FLAG_QUEUE,
  GRAIN_SHIFT,
  H_CHARGE,
  H_NAMES,
  H_NODES,
  H_RECORDS,
  KIND_BLOCK,
  KIND_BUDGET,
  KIND_INTERNAL,
  NODE_BYTES,
  N_LENGTH,
  OWNER_FREE,
  RECORD_CHARGE,
  RESERVATION_BYTES,
  T_FREE,
  T_FREED,
  T_MASK,
  T_RUN,
  T_SLAB,
  V_BUDGET,
  V_BYTES,
  V_NEXT,
  V_TICKET,
  V_WAITS,
  W_KIND_SHIFT,
} from "./shared/layout";
import { BUDGET_DEPTH_MAX } from "./shared/limits";
import { BAD_BUDGET, BAD_POOL, BAD_RECORD, BAD_RESERVATION } from "./shared/status";

let waiting: u32 = 0;
let freeNodes: u32 = 0;
let freeRecords: u32 = 0;

/** Reports what does not hold; false: a pool's chunks are not what they should be, so nothing in them was looked at. */
export function checkBudgets(): void {
  if (!isPool(H_NODES) || !isPool(H_RECORDS) || !isPool(H_NAMES)) return;
  if (get32(H_CHARGE) != 0) problem(BAD_BUDGET, 0);
  clearSums();
  addRecords();
  addMemory();
  addChildren();
  compareSums();
  checkQueues();
  checkList(H_NODES, B_NEXT, freeNodes, NODE_BYTES);
  checkList(H_RECORDS, V_NEXT, freeRecords, RESERVATION_BYTES);
}

/** Whether each chunk of a pool is a run of ours. */
function isPool(pool: usize): bool {
  let left = grains;
  for (let chunk = newestChunk(pool); chunk != 0; chunk = nextChunk(chunk)) {
    const g = <u32>(chunk >>> GRAIN_SHIFT);
    const word = g < grains && left-- != 0 ? load32(wordAt(g)) : 0;
    if ((word & T_MASK) == T_RUN && ((word >>> W_KIND_SHIFT) & 3) == KIND_INTERNAL) continue;
    problem(BAD_POOL, <u32>chunk);
    return false;
  }
  return true;
}

function clearSums(): void {
  freeNodes = 0;
  for (let chunk = newestChunk(H_NODES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NODE_BYTES);
    for (let node = chunk + CHUNK_HEADER; node < end; node += NODE_BYTES) {
      put64(node + B_AFTER, 0);
      put32(node + B_ITEMS_AFTER, 0);
      if (isFree(node)) freeNodes++;
      else if (!isNamed(get32(node + B_NAME))) problem(BAD_BUDGET, <u32>node);
    }
  }
}

/** Whether a name stands there. */
function isNamed(name: u32): bool {
  return !isName(name) || (name < grains << GRAIN_SHIFT && get32(name + N_LENGTH) != 0);
}

function isFree(node: usize): bool {
  return (get32(node + B_STATE) & 3) == BUDGET_FREE;
}

function addRecords(): void {
  freeRecords = 0;
  waiting = 0;
  for (let chunk = newestChunk(H_RECORDS); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, RESERVATION_BYTES);
    for (let at = chunk + CHUNK_HEADER; at < end; at += RESERVATION_BYTES) {
      const claim = load64(at);
      const node = <usize>get32(at + V_BUDGET);
      if (claim == 0) freeRecords++;
      // Looked at twice: its owner may leave meanwhile, and marks it before.
      else if (!(isHeld(claim) || isHeld(load64(at))) || !isNode(node) || isFree(node))
        problem(BAD_RESERVATION, <u32>at);
      else if (claim >> CLAIM_STATE_SHIFT == CLAIM_WAITING) waiting++;
      else add(node, get64(at + V_BYTES));
    }
  }
}

/** Adds what is charged for memory of the region. */
function addMemory(): void {
  for (let g = firstGrain; g < grains;) {
    const word = load32(wordAt(g));
    const length = lengthOf(word);
    if (length == 0) return; // said before
    const type = word & T_MASK;
    if (type == T_RUN && ((word >>> W_KIND_SHIFT) & 3) == KIND_BLOCK)
      addBlock(g, bitsAt(g), nodeOf(load32(auxAt(g))), length << GRAIN_SHIFT);
    if (type == T_SLAB && (slabTag(word) & 3) == KIND_BLOCK) addBlocks(g, geometry(slabTag(word)));
    const kind = kindOf(word);
    if (type != T_FREE && kind == KIND_BUDGET) addGrains(g, type, length);
    g += length;
  }
}

/** A slab, run or freed run of a budget. */
function addGrains(g: u32, type: u32, length: u32): void {
  const node = nodeOf(load32(auxAt(g)));
  if (node == 0 && type == T_FREED) return;
  if (!isNode(node) || isFree(node)) problem(BAD_BUDGET, g);
  else put64(node + B_AFTER, get64(node + B_AFTER) + ((<u64>length) << GRAIN_SHIFT));
}

/** Only what is taken is charged: a record that is empty has no charge. */
function addBlocks(g: u32, shape: usize): void {
  for (let i: u32 = 0; i < get32(shape + C_BLOCKS); i++) {
    const record = recordIn(g, shape, i);
    addBlock(g, record, nodeOf(load32(record + RECORD_CHARGE)), get32(shape + C_SIZE));
  }
}

function addBlock(g: u32, record: usize, node: usize, bytes: u32): void {
  if (node == 0) return;
  if (!isHeldAt(record) || !isNode(node) || isFree(node)) problem(BAD_RECORD, g);
  else add(node, bytes);
}

/** Adds one item of `bytes` bytes to the sums of the budget and those above it. */
function add(node: usize, bytes: u64): void {
  put64(node + B_AFTER, get64(node + B_AFTER) + bytes);
  let depth: u32 = 0;
  for (let up = node; up != 0 && depth <= <u32>BUDGET_DEPTH_MAX; up = <usize>get32(up + B_PARENT), depth++)
    put32(up + B_ITEMS_AFTER, get32(up + B_ITEMS_AFTER) + 1);
  if (depth > <u32>BUDGET_DEPTH_MAX) problem(BAD_BUDGET, <u32>node);
}

/** Whether what stands at `record` is a claim that somebody holds. Looked at twice: its owner may leave meanwhile, and marks it before. */
export function isHeldAt(record: usize): bool {
  return isHeld(load64(record)) || isHeld(load64(record));
}

/** Whether the claim is one that somebody holds, or that is being given back. */
export function isHeld(claim: u64): bool {
  const state = <u32>(claim >> CLAIM_STATE_SHIFT);
  if (state == CLAIM_SHARED || state == CLAIM_LEAVING) return true;
  const owner = <u32>claim & 0xff;
  return (
    (state == CLAIM_LIVE || state == CLAIM_WAITING) &&
    owner != 0 &&
    owner <= maxOwners &&
    ownerState(owner) != OWNER_FREE
  );
}

function isNode(node: usize): bool {
  return isElement(H_NODES, node, NODE_BYTES);
}

/** Whether an element of the pool begins at `at`. */
function isElement(pool: usize, at: usize, bytes: usize): bool {
  for (let chunk = newestChunk(pool); chunk != 0; chunk = nextChunk(chunk)) {
    const first = chunk + CHUNK_HEADER;
    if (at >= first && at < chunkEnd(chunk, bytes)) return (at - first) % bytes == 0;
  }
  return false;
}

function addChildren(): void {
  for (let chunk = newestChunk(H_NODES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NODE_BYTES);
    for (let node = chunk + CHUNK_HEADER; node < end; node += NODE_BYTES) {
      const parent = <usize>get32(node + B_PARENT);
      if (isFree(node) || parent == 0) continue;
      if (!isNode(parent) || isFree(parent)) problem(BAD_BUDGET, <u32>node);
      else put64(parent + B_AFTER, get64(parent + B_AFTER) + max(get64(node + B_USED), get64(node + B_MIN)));
    }
  }
}

function compareSums(): void {
  for (let chunk = newestChunk(H_NODES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NODE_BYTES);
    for (let node = chunk + CHUNK_HEADER; node < end; node += NODE_BYTES) {
      if (isFree(node)) continue;
      const used = get64(node + B_USED);
      const isRight = used == get64(node + B_AFTER) && get32(node + B_ITEMS) == get32(node + B_ITEMS_AFTER);
      const flags = (get64(node + B_MIN) == 0 ? 0 : FLAG_MIN) | (get32(node + B_QUEUE) == 0 ? 0 : FLAG_QUEUE);
      const isMarked =
        get64(node + B_PEAK) >= used && (get32(node + B_FLAGS) & ~FLAG_BELOW) == flags && isFlaggedAbove(node);
      const isInBand = used - get64(node + B_BAND_LOW) < get64(node + B_BAND_WIDTH);
      if (!isRight || !isMarked || !isInBand) problem(BAD_BUDGET, <u32>node);
    }
  }
}

/** Who looks behind the first in line above knows that a minimum below may cover somebody there. */
function isFlaggedAbove(node: usize): bool {
  if (get64(node + B_MIN) == 0) return true;
  for (let at = <usize>get32(node + B_PARENT); at != 0; at = <usize>get32(at + B_PARENT))
    if ((get32(at + B_FLAGS) & FLAG_BELOW) == 0) return false;
  return true;
}

/** Each record that waits stands in one queue, in the order of the tickets, and the first of each has no room (I4). */
function checkQueues(): void {
  let left = waiting;
  for (let chunk = newestChunk(H_NODES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NODE_BYTES);
    for (let node = chunk + CHUNK_HEADER; node < end; node += NODE_BYTES) {
      if (isFree(node)) continue;
      const length = queueLength(node, left);
      if (length > left) {
        problem(BAD_BUDGET, <u32>node);
        return;
      }
      left -= length;
    }
  }
  if (left != 0) problem(BAD_RESERVATION, 0);
}

/** How many wait in this budget; more than `most`: its queue is broken, or its first need not wait. */
function queueLength(node: usize, most: u32): u32 {
  let length: u32 = 0;
  let last: usize = 0;
  for (let at = <usize>get32(node + B_QUEUE); at != 0; at = <usize>get32(at + V_NEXT)) {
    const isRecord = isElement(H_RECORDS, at, RESERVATION_BYTES);
    const waits = isRecord && load64(at) >> CLAIM_STATE_SHIFT == CLAIM_WAITING && get32(at + V_WAITS) == <u32>node;
    const isInOrder = last == 0 || <i32>(get32(at + V_TICKET) - get32(last + V_TICKET)) > 0;
    if (!waits || !isInOrder || length == most) return most + 1;
    length++;
    last = at;
  }
  if (get32(node + B_QUEUE + 4) != <u32>last) return most + 1;
  return length != 0 && isSomebodyForgotten(node) ? most + 1 : length;
}

/** Whether the first of a queue has room, or somebody behind it who may pass it or needs nothing there. */
function isSomebodyForgotten(node: usize): bool {
  const first = <usize>get32(node + B_QUEUE);
  if (hasRoomNow(first)) return true;
  for (let at = <usize>get32(first + V_NEXT); at != 0; at = <usize>get32(at + V_NEXT)) if (hasRoomNow(at)) return true;
  return false;
}

function hasRoomNow(at: usize): bool {
  return riseBeside(<usize>get32(at + V_BUDGET), get64(at + V_BYTES), 1, 0, get32(at + V_TICKET)) == 0;
}

/** The free list of a pool has `count` elements, each once, and ends. */
function checkList(pool: usize, link: usize, count: u32, bytes: usize): void {
  let left = count;
  let at = <usize>get32(pool);
  while (at != 0 && left != 0 && isElement(pool, at, bytes) && (pool == H_NODES ? isFree(at) : load64(at) == 0)) {
    left--;
    at = <usize>get32(at + link);
  }
  if (at != 0 || left != 0) problem(BAD_POOL, <u32>at);
}
