// Names: texts that threads share by number: the names of budgets, rings and caches, and the tags of reservations. Owns the pool of names. A name is
// there from the store of its length on (a new one from that of its chunk's count), and goes by one when nobody uses it:
//
//   gone ⇒ not kept (a tag is, which threads remember), no budget's and no ring's, and not what a living owner asked for last (S_NAMED)
//
// All under the budgets' latch; what goes is looked for under the page lock too, under which rings come. A caller that dies in it leaves at most
// bytes that the next name writes over, and marks, by which a name stays until the look after the next.

import { add32, load32, load64 } from "./atomic";
import { put32, get32, get8, copy } from "./memory";
import { addChunk } from "./chunk";
import { firstGrain, maxOwners } from "./header";
import { letLatchGo } from "./latch";
import { lock } from "./lock";
import { chunkEnd, newestChunk, nextChunk } from "./pool";
import { lockBudgets, refuseCharge } from "./budget";
import { sweepLeaving, unlockBudgets } from "./leaving";
import { slot, slotOf } from "./owners";
import { letGo } from "./trim";
import {
  B_NAME,
  B_STATE,
  BUDGET_FREE,
  CHUNK_COUNT,
  CHUNK_HEADER,
  GRAIN_SHIFT,
  H_BUDGET_LOCK,
  H_LEAVING,
  H_NAMES,
  H_NAMES_GONE,
  H_NODES,
  H_RINGS,
  NAME_BYTES,
  NAME_CHUNK_GRAINS,
  NAME_KEPT,
  NAME_USED,
  NODE_BYTES,
  N_LENGTH,
  N_TEXT,
  N_USE,
  S_NAMED,
  S_OUT,
} from "./shared/layout";
import { NAME_BYTES_MAX } from "./shared/limits";
import { Q_NAME, Q_NEXT } from "./shared/rings";
import { FULL, OK } from "./shared/status";

/**
 * The number of the text of `length` bytes in S_OUT; 0: S_REASON says why there is none. It is that text's as long as a budget or a ring is
 * called so, and until this owner asks for another; for ever if it is `kept`. O(names).
 */
export function intern(length: u32, kept: u32): usize {
  if (length == 0 || length > <u32>NAME_BYTES_MAX) return 0;
  while (true) {
    let status = lockBudgets();
    if (status == OK) {
      let name = find(length);
      if (name == 0) name = write(length);
      if (name != 0) {
        if (kept != 0) put32(name + N_USE, NAME_KEPT);
        else put32(slot + S_NAMED, <u32>name);
      }
      unlockBudgets();
      if (name != 0) return name;
      status = makeRoom();
    }
    if (status == OK) continue;
    refuseCharge(status);
    return 0;
  }
  return 0;
}

// A place among the names that is free, which the last search passed; 0: none.
let spare: usize = 0;

function find(length: u32): usize {
  spare = 0;
  for (let chunk = newestChunk(H_NAMES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NAME_BYTES);
    for (let name = chunk + CHUNK_HEADER; name < end; name += NAME_BYTES) {
      const itsLength = get32(name + N_LENGTH);
      if (itsLength == 0) spare = name;
      if (itsLength == length && isSame(name + N_TEXT, slot + S_OUT, length)) return name;
    }
  }
  return 0;
}

function isSame(one: usize, two: usize, length: u32): bool {
  for (let i: usize = 0; i < <usize>length; i++) if (get8(one + i) != get8(two + i)) return false;
  return true;
}

/** Writes the text where a name is free, or behind the last name of the newest chunk; 0: there is no room. */
function write(length: u32): usize {
  const chunk = newestChunk(H_NAMES);
  const isNew = spare == 0;
  if (isNew && chunk == 0) return 0;
  const name = isNew ? chunkEnd(chunk, NAME_BYTES) : spare;
  if (isNew && name + NAME_BYTES > chunk + (NAME_CHUNK_GRAINS << GRAIN_SHIFT)) return 0;
  // Who remembers what stood here forgets it before this can be met, and remembers nothing of what has no length.
  if (!isNew) add32(H_NAMES_GONE, 1);
  copy(name + N_TEXT, slot + S_OUT, length);
  put32(name + N_USE, 0);
  put32(name + N_LENGTH, length); // commit, where there was one before
  if (isNew) put32(chunk + CHUNK_COUNT, get32(chunk + CHUNK_COUNT) + 1); // commit
  return name;
}

// How many names there were when it was looked last, and how many of them went.
let all: u32 = 0;
let gone: u32 = 0;

/** What nobody uses goes; where that is less than a quarter, there is room for more. OK, or why there is none. */
function makeRoom(): u32 {
  const status = clear();
  if (status != OK || gone > all >>> 2) return status;
  const added = addChunk(H_NAMES, NAME_CHUNK_GRAINS, NAME_BYTES, 0);
  return added == FULL && gone != 0 ? OK : added;
}

function clear(): u32 {
  let status = lock();
  if (status != OK) return status;
  // The latch inside the page lock, never the other way about.
  status = lockBudgets();
  if (status == OK) {
    mark();
    sweep();
    letLatchGo(H_BUDGET_LOCK);
  }
  letGo();
  if (load64(H_LEAVING) != 0) sweepLeaving();
  return status;
}

/** Marks what is used. O(budgets + rings + owners). */
function mark(): void {
  for (let chunk = newestChunk(H_NODES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NODE_BYTES);
    for (let node = chunk + CHUNK_HEADER; node < end; node += NODE_BYTES) {
      if ((get32(node + B_STATE) & 3) != BUDGET_FREE) use(get32(node + B_NAME));
    }
  }
  for (let ring = <usize>load32(H_RINGS); ring != 0; ring = <usize>get32(ring + Q_NEXT)) use(get32(ring + Q_NAME));
  for (let index: u32 = 1; index <= maxOwners; index++) use(get32(slotOf(index) + S_NAMED));
}

/** Whether it may be a name's number. What lies below the heap is none: an owner's that asked for none yet, a test's own. */
export function isName(name: u32): bool {
  return name >= firstGrain << GRAIN_SHIFT;
}

function use(name: u32): void {
  if (isName(name)) put32(<usize>name + N_USE, get32(<usize>name + N_USE) | NAME_USED);
}

/** What is neither marked nor kept goes; the marks go too. O(names). */
function sweep(): void {
  all = 0;
  gone = 0;
  for (let chunk = newestChunk(H_NAMES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NAME_BYTES);
    for (let name = chunk + CHUNK_HEADER; name < end; name += NAME_BYTES) {
      all++;
      const isThere = get32(name + N_LENGTH) != 0;
      const marks = get32(name + N_USE);
      put32(name + N_USE, marks & NAME_KEPT);
      if (isThere && marks != 0) continue;
      gone++;
      if (isThere) put32(name + N_LENGTH, 0); // commit
    }
  }
}
