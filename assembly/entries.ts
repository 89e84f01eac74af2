// Entries: the lists in which they stand, and how they come out of them. Owns the links, and the counts of what is in: of the cache and of each
// namespace. All through the undo log, under the latch.
//
//   an entry that is in stands in one list of its namespace; an entry in limbo in K_LIMBO; K_WINDOW and K_MAIN are Σ sizes in the lists 0 and above
//
// An entry comes out in this order: K_OLD names it; its place is emptied (now it is out); its bucket's version is raised; then links, counts and
// slot, in one change that also clears K_OLD. Who dies before the change is done leaves K_OLD, and the next holder does it again.

import { get32, get64, get8, put32 } from "./memory";
import { cas8, load8, load32, load64, swap8 } from "./atomic";
import { freeSlot, givePageBack } from "./cachepage";
import { maxOwners } from "./header";
import { bytesAt, freeEntry } from "./pieces";
import { isIn, raise, bucketFor, takeOut } from "./table";
import { add32, begin, closed, end, opened, set32, write } from "./undo";
import {
  AGES,
  DEAD_DELETED,
  DEAD_MOVED,
  ENTRY_LIMBO,
  ENTRY_MOVED,
  E_BEFORE,
  E_CREATED,
  E_DEAD,
  E_EXPIRES,
  E_NEXT,
  E_PIECES,
  E_PLACE,
  E_SPACE,
  E_STATE,
  E_VALUE_LENGTH,
  GONE_DELETED,
  GONE_EVICTED,
  K_AGES,
  K_GONE,
  K_HAND,
  K_ITEMS,
  K_LIMBO,
  K_MAIN,
  K_MEASURE,
  K_MORTAL,
  K_OLD,
  K_PINNING,
  K_SPACES,
  K_USERS,
  K_VALUES,
  K_WINDOW,
  MEASURE_BYTES,
  MEASURE_ITEMS,
  N_BYTES,
  N_HEADS,
  N_ITEMS,
  N_LISTS,
  SPACE_BYTES,
  USER_BYTES,
  U_PINNED,
  U_PINS,
  LIST_SHIFT,
  LIST_MASK,
  ENTRY_FREE,
  ENTRY_LIVE,
  K_ALL,
  PAGE_ALL_NEXT,
  PAGE_FRESH,
  PAGE_HEADER,
  PAGE_LENGTH,
  PAGE_USED,
} from "./shared/caches";

export function spaceAt(cache: usize, index: u32): usize {
  return <usize>get32(cache + K_SPACES) + <usize>index * SPACE_BYTES;
}

export function spaceOf(cache: usize, e: usize): usize {
  return spaceAt(cache, get8(e + E_SPACE));
}

export function stateOf(e: usize): u32 {
  return get32(e + E_STATE) & 0xff;
}

export function listOf(e: usize): u32 {
  return (get32(e + E_STATE) >>> LIST_SHIFT) & 0xff;
}

/** What counts as the entry's size to the policy. */
export function sizeOf(cache: usize, e: usize): u32 {
  const measure = get32(cache + K_MEASURE);
  return measure == MEASURE_BYTES ? bytesAt(e) : measure == MEASURE_ITEMS ? 1 : get32(e + E_VALUE_LENGTH);
}

export function firstOf(space: usize, list: u32): usize {
  return <usize>get32(space + N_HEADS + ((<usize>list) << 3));
}

export function lastOf(space: usize, list: u32): usize {
  return <usize>get32(space + N_HEADS + ((<usize>list) << 3) + 4);
}

/** Makes the entry the first of list `list` of its namespace. In a change. */
export function pushFirst(cache: usize, e: usize, list: u32): void {
  const space = spaceOf(cache, e);
  const head = space + N_HEADS + ((<usize>list) << 3);
  const first = <usize>get32(head);
  const sum = cache + (list == 0 ? K_WINDOW : K_MAIN);
  let log = opened();
  log = write(log, e + E_STATE, (get32(e + E_STATE) & ~LIST_MASK) | (list << LIST_SHIFT));
  log = write(log, e + E_NEXT, <u32>first);
  log = write(log, e + E_BEFORE, 0);
  log = write(log, first != 0 ? first + E_BEFORE : head + 4, <u32>e);
  log = write(log, head, <u32>e);
  log = write(log, sum, get32(sum) + sizeOf(cache, e));
  closed(log);
  if (first == 0) mark(space, list);
}

/** Takes the entry out of its list. In a change. */
export function unlink(cache: usize, e: usize): void {
  const space = spaceOf(cache, e);
  const list = listOf(e);
  const head = space + N_HEADS + ((<usize>list) << 3);
  const next = <usize>get32(e + E_NEXT);
  const before = <usize>get32(e + E_BEFORE);
  const sum = cache + (list == 0 ? K_WINDOW : K_MAIN);
  let log = opened();
  log = write(log, before != 0 ? before + E_NEXT : head, <u32>next);
  log = write(log, next != 0 ? next + E_BEFORE : head + 4, <u32>before);
  log = write(log, sum, get32(sum) - sizeOf(cache, e));
  closed(log);
  if ((next | before) == 0) mark(space, list);
  if (<usize>get32(cache + K_HAND) == e) set32(cache + K_HAND, <u32>before);
}

/** The list is not empty any more, or is empty now. */
function mark(space: usize, list: u32): void {
  const at = space + N_LISTS + ((<usize>(list >>> 5)) << 2);
  set32(at, get32(at) ^ (1 << (list & 31)));
}

/** Counts an entry that comes in (1), or goes out (−1). In a change. */
export function countEntry(cache: usize, e: usize, by: i32): void {
  const space = spaceOf(cache, e);
  let log = opened();
  log = write(log, cache + K_ITEMS, get32(cache + K_ITEMS) + by);
  log = write(log, cache + K_VALUES, get32(cache + K_VALUES) + by * <i32>get32(e + E_VALUE_LENGTH));
  log = write(log, space + N_ITEMS, get32(space + N_ITEMS) + by);
  log = write(log, space + N_BYTES, get32(space + N_BYTES) + by * <i32>bytesAt(e));
  closed(log);
  if (get64(e + E_EXPIRES) != 0) add32(cache + K_MORTAL, by);
}

/** Takes the entry out of the cache, for the reason `why`. */
export function remove(cache: usize, e: usize, why: u32, now: u32): void {
  put32(cache + K_OLD, <u32>e);
  takeOut(cache, e);
  noteGone(cache, e, load8(e + E_DEAD) != 0 ? GONE_DELETED : why, now);
  finishRemoval(cache, e);
}

/** Takes every entry out, or only those that are marked as deleted. O(entries). */
export function removeAll(cache: usize, why: u32, isOnlyDead: bool): void {
  for (let page = <usize>get32(cache + K_ALL); page != 0;) {
    const next = <usize>get32(page + PAGE_ALL_NEXT);
    const end = <usize>get32(page + PAGE_FRESH);
    const length = get32(page + PAGE_LENGTH);
    // Once its last entry is out the page is gone, and its words may be another's.
    for (let e = page + PAGE_HEADER, left = get32(page + PAGE_USED); e < end && left != 0; e += length) {
      if (stateOf(e) == ENTRY_FREE) continue;
      left--;
      if (stateOf(e) == ENTRY_LIVE && (!isOnlyDead || get8(e + E_DEAD) != 0)) remove(cache, e, why, 0);
    }
    page = next;
  }
}

/** Counts why an entry goes, and how old it is. */
export function noteGone(cache: usize, e: usize, why: u32, now: u32): void {
  const at = cache + K_GONE + ((<usize>why) << 2);
  put32(at, get32(at) + 1);
  if (why != GONE_EVICTED) return;
  const seconds = (now - get32(e + E_CREATED)) / 10;
  const age = cache + K_AGES + ((<usize>min(32 - <u32>clz(seconds), AGES - 1)) << 2);
  put32(age, get32(age) + 1);
}

/** What is left to do once the entry that K_OLD names is out. */
export function finishRemoval(cache: usize, e: usize): void {
  const isMoved = stateOf(e) == ENTRY_MOVED;
  if (isMoved) passDeletion(e);
  begin(cache);
  if (!isMoved) {
    unlink(cache, e);
    countEntry(cache, e, -1);
  }
  const isRead = isPinned(cache, e);
  const isLong = get32(e + E_PIECES) != 0;
  if (isRead || isLong) {
    set32(e + E_STATE, ENTRY_LIMBO);
    set32(e + E_NEXT, get32(cache + K_LIMBO));
    set32(cache + K_LIMBO, <u32>e);
  } else freeSlot(cache, e);
  set32(cache + K_OLD, 0);
  end();
  givePageBack(cache);
  if (isLong && !isRead) freeEntry(cache, e, cache + K_LIMBO, get32(e + E_NEXT));
}

/** Whoever found the entry at `e` before its copy took its place may be deleting it: from here on it finds that it is to look for the copy. */
function passDeletion(e: usize): void {
  if (cas8(e + E_DEAD, 0, DEAD_MOVED) || load8(e + E_DEAD) != DEAD_DELETED) return;
  swap8(<usize>(<u32>load64(<usize>get32(e + E_PLACE))) + E_DEAD, DEAD_DELETED);
}

/** What a death left of an entry that was to come out. */
export function settleRemoval(cache: usize): void {
  const e = <usize>get32(cache + K_OLD);
  if (e == 0) return;
  if (isIn(e)) put32(cache + K_OLD, 0);
  else {
    raise(bucketFor(cache, e));
    finishRemoval(cache, e);
  }
}

/** Frees the entries in limbo that nobody pins any more. O(entries in limbo × pins, and their pieces). */
export function reap(cache: usize): void {
  let before: usize = 0;
  for (let e = <usize>get32(cache + K_LIMBO); e != 0;) {
    const next = <usize>get32(e + E_NEXT);
    if (isPinned(cache, e)) before = e;
    else freeEntry(cache, e, before == 0 ? cache + K_LIMBO : before + E_NEXT, <u32>next);
    e = next;
  }
}

/** Whether somebody reads the entry in place. Asked after its place was emptied: who pins looks at its place after that. */
export function isPinned(cache: usize, e: usize): bool {
  const users = cache + K_PINNING;
  // Mostly nobody ever pinned anything; each turn of a loop costs.
  if ((load64(users) | load64(users + 8) | load64(users + 16) | load64(users + 24)) == 0) return false;
  return isPinnedBySome(cache, e);
}

function isPinnedBySome(cache: usize, e: usize): bool {
  for (let word: u32 = 0; word << 5 <= maxOwners; word++) {
    for (let bits = load32(cache + K_PINNING + ((<usize>word) << 2)); bits != 0; bits &= bits - 1) {
      const user = <usize>get32(cache + K_USERS) + <usize>((word << 5) + <u32>ctz(bits)) * USER_BYTES;
      const end = user + U_PINNED + ((<usize>load32(user + U_PINS)) << 2);
      for (let at = user + U_PINNED; at < end; at += 4) if (<usize>load32(at) == e) return true;
    }
  }
  return false;
}
