// Owners: the threads attached to a region. Owns the state word of each slot, `generation << 2 | state`, which is the only
// truth of who lives; index 0 is nobody. A slot is taken by one compare-and-swap, which also says which thread of the host it is
// now, and freed by the last store of whoever gives its holdings back, so while a slot is not free every journal in it belongs to this
// generation. A thread that dies while joining leaves a slot that the host finds by its thread and marks dead like any other.

import { get32, get64, put32, put64 } from "./memory";
import { cas32, cas64, load32, load64, notify, store32 } from "./atomic";
import { maxOwners } from "./header";
import {
  B_TAG_SHIFT,
  CLASSES,
  CLASS_ENTRY_SHIFT,
  C_BYTES,
  C_FULL,
  C_RECIPROCAL,
  C_SIZE,
  H_BUDGET_LOCK,
  H_LOCK,
  KIND_BLOCK,
  OWNER_DEAD,
  OWNER_FREE,
  OWNER_JOINING,
  OWNER_LIVE,
  R_BASE,
  R_BYTES,
  R_FULL,
  R_RECIPROCAL,
  R_SIZE,
  R_SLAB,
  R_TAG,
  R_TOP,
  SLOTS,
  SLOT_BYTES,
  S_BLOCK_HINTS,
  S_BLOCK_HINT_SHIFT,
  S_BUMP,
  S_GIVEN,
  S_HINTS,
  S_HINT_SHIFT,
  S_IDLE,
  S_MOVED,
  S_REASON,
  S_STATE,
} from "./shared/layout";
import { CLASS_COUNT } from "./shared/limits";
import { NOT_LIVE, OK, OWNER_ALIVE } from "./shared/status";

/** This instance's slot; slot 0 while it is attached to nothing. */
export let slot: usize = 8192; // SLOTS: an initial value that is no literal would need a start function
/** This instance's owner index; 0 while it is attached to nothing. */
export let me: u32 = 0;
/** This instance's owner id, generation << 8 | index; 0 while it is attached to nothing. */
export let myId: u32 = 0;
/** Whether this thread may sleep (`memory.atomic.wait32` traps where it may not). */
export let mayBlock: bool = false;
/** How many milliseconds a thread that may sleep waits for the page lock. */
export let waitMs: u32 = 0;

// Generations have 23 bits, so that an owner's id is a positive number.
const GENERATION_MASK: u32 = 0x7fffff;

export function slotOf(index: u32): usize {
  if (SLOTS != 8192) ERROR("the initial value of slot is not SLOTS");
  return SLOTS + <usize>index * SLOT_BYTES;
}

/** The state of an owner: OWNER_FREE, OWNER_LIVE, OWNER_DEAD or OWNER_JOINING. */
export function ownerState(index: u32): u32 {
  return load32(slotOf(index) + S_STATE) & 3;
}

/**
 * Takes a free slot for the thread that the host calls `thread`: one compare-and-swap. Returns the owner's id (generation << 8 | index),
 * or 0 when none is free.
 */
export function join(block: bool, busyMs: u32, thread: u32): u32 {
  for (let index: u32 = 1; index <= maxOwners; index++) {
    const at = slotOf(index) + S_STATE;
    const state = load64(at);
    if ((<u32>state & 3) != OWNER_FREE) continue;
    // 0 is nobody's.
    const generation = max(((<u32>state >>> 2) + 1) & GENERATION_MASK, 1);
    const taken = ((<u64>thread) << 32) | ((generation << 2) | OWNER_JOINING);
    if (!cas64(at, state, taken)) continue;
    slot = slotOf(index);
    me = index;
    myId = (generation << 8) | index;
    mayBlock = block;
    waitMs = busyMs;
    resetHints(slot);
    store32(at, (generation << 2) | OWNER_LIVE); // commit
    return myId;
  }
  return 0;
}

/** Frees this instance's slot: the last store of a detach. */
export function leave(): void {
  const at = slot + S_STATE;
  const state = load32(at);
  slot = SLOTS;
  me = 0;
  myId = 0;
  store32(at, (state & ~3) | OWNER_FREE); // commit
}

/** Whether the owner `id` was marked dead and is not yet recovered. */
export function isDead(id: u32): bool {
  return load32(slotOf(id & 0xff) + S_STATE) == stateWord(id, OWNER_DEAD);
}

/** Whether the owner `id` is attached, or about to be. */
export function isLiving(id: u32): bool {
  const state = load32(slotOf(id & 0xff) + S_STATE);
  return state == stateWord(id, OWNER_LIVE) || state == stateWord(id, OWNER_JOINING);
}

/** Frees the slot of the dead owner `id`: the last store of its recovery. */
export function release(id: u32): void {
  store32(slotOf(id & 0xff) + S_STATE, stateWord(id, OWNER_FREE)); // commit
}

/** Whether the slot of owner `id` has been used by it and is past it. */
export function isPast(id: u32): bool {
  const state = load32(slotOf(id & 0xff) + S_STATE);
  const behind = ((state >>> 2) - (id >>> 8)) & GENERATION_MASK;
  if (id >>> 8 == 0) return false; // no owner has it
  return behind == 0 ? state == stateWord(id, OWNER_FREE) : behind <= GENERATION_MASK >>> 1;
}

/** The state word that the owner `id` has while it lives, with `state` in place of OWNER_LIVE. */
function stateWord(id: u32, state: u32): u32 {
  return ((id >>> 8) << 2) | state;
}

/** Records that the host saw this owner's thread end. From here on anyone may take over a lock it holds. */
export function markDead(id: u32): u32 {
  const index = id & 0xff;
  if (index == 0 || index > maxOwners) return NOT_LIVE;
  const at = slotOf(index) + S_STATE;
  if (index == me) return load32(at) == stateWord(id, OWNER_LIVE) ? OWNER_ALIVE : NOT_LIVE;
  if (!cas32(at, stateWord(id, OWNER_LIVE), stateWord(id, OWNER_DEAD)))
    cas32(at, stateWord(id, OWNER_JOINING), stateWord(id, OWNER_DEAD));
  if (load32(at) != stateWord(id, OWNER_DEAD)) return NOT_LIVE;
  // Who sleeps for a latch looks again whether its holder lives.
  notify(H_LOCK);
  notify(H_BUDGET_LOCK);
  return OK;
}

/** How many owners besides this one have a slot, living or dead. */
export function otherOwners(): u32 {
  let count: u32 = 0;
  for (let index: u32 = 1; index <= maxOwners; index++) {
    if (index != me && ownerState(index) != OWNER_FREE) count++;
  }
  return count;
}

function resetHints(at: usize): void {
  // Whoever had the slot may have died between.
  put32(at + S_GIVEN, 0);
  put32(at + S_MOVED, 0);
  put32(at + S_BUMP, 0);
  put32(at + S_IDLE, 0);
  put32(at + S_REASON, 0);
  for (let c: usize = 1; c <= <usize>CLASS_COUNT; c++) {
    const record = at + S_HINTS + (c << S_HINT_SHIFT);
    put64(record + R_TAG, (<u64>c) << (B_TAG_SHIFT + 2));
    const shape = CLASSES + (c << CLASS_ENTRY_SHIFT);
    put32(record + R_SLAB, 0);
    put32(record + R_BASE, 0);
    put32(record + R_SIZE, get32(shape + C_SIZE));
    put32(record + R_RECIPROCAL, get32(shape + C_RECIPROCAL));
    put32(record + R_BYTES, get32(shape + C_BYTES));
    put32(record + R_TOP, 0);
    put64(record + R_FULL, get64(record + R_TAG) | get64(shape + C_FULL));
    const block = at + S_BLOCK_HINTS + (c << S_BLOCK_HINT_SHIFT);
    put64(block + R_TAG, (((<u64>c) << 2) | KIND_BLOCK) << B_TAG_SHIFT);
    put32(block + R_SLAB, 0);
    put32(block + R_BASE, 0);
  }
}
