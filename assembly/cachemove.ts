// Cache move: pages change hands between lengths, so that where the memory lies never bends the policy's order. Owns nothing: when those of one
// length have a page's worth of free slots among them, what lies in the emptiest moves to the others, and it goes back. Under the latch.
//
// A move: the copy is made in a slot that nothing names; links lead to it, the old one says MOVED, and K_OLD names that, in one change, whose
// commit is the place that names the copy. Then the old slot is freed like any other.

import { copy, get32, get8, put32 } from "./memory";
import { bringForward, lengthAt, roomOf, takeSlot } from "./cachepage";
import { finishRemoval, isPinned, listOf, spaceOf, stateOf } from "./entries";
import { bucketFor, enter, hitsOf, raise, tagOf } from "./table";
import { begin, end, set32 } from "./undo";
import {
  ENTRY_FREE,
  ENTRY_LIVE,
  ENTRY_MOVED,
  E_BEFORE,
  E_HASH,
  E_KEY,
  E_NEXT,
  E_PIECES,
  E_PLACE,
  E_STATE,
  K_HAND,
  K_MOVED,
  K_NEW,
  K_OLD,
  N_HEADS,
  PAGE_FRESH,
  PAGE_HEADER,
  PAGE_LENGTH,
  PAGE_NEXT,
  PAGE_USED,
} from "./shared/caches";

// How many of the pages with room of a length are looked at.
const PAGES_LOOKED_AT: u32 = 8;

/** Gives a page of this many slots back if those with room have enough of it for what lies in one. False: they have not. */
export function gather(cache: usize, slots: u32): bool {
  let emptiest: usize = 0;
  let least = slots;
  let room: u32 = 0;
  let page = <usize>get32(roomOf(cache, slots));
  for (let i: u32 = 0; page != 0 && i < PAGES_LOOKED_AT; i++) {
    const used = get32(page + PAGE_USED);
    room += slots - used;
    if (used < least) {
      least = used;
      emptiest = page;
    }
    page = <usize>get32(page + PAGE_NEXT);
  }
  // The emptiest one's own free slots do not count.
  if (emptiest == 0 || room < slots) return false;
  return clearOut(cache, emptiest, slots);
}

/** Moves all that lies in the page elsewhere. False: something in it stays. */
function clearOut(cache: usize, page: usize, slots: u32): bool {
  const length = get32(page + PAGE_LENGTH);
  for (let e = page + PAGE_HEADER; e < <usize>get32(page + PAGE_FRESH); e += length) {
    if (stateOf(e) == ENTRY_FREE) continue;
    // With its last entry the page is gone.
    const isLast = get32(page + PAGE_USED) == 1;
    if (stateOf(e) != ENTRY_LIVE || !move(cache, page, e, slots)) return false;
    if (isLast) return true;
  }
  return false;
}

function move(cache: usize, page: usize, e: usize, slots: u32): bool {
  // Who pins it after this look reads the old one, which stays for that; its pieces would be the copy's, and not stay.
  if (isPinned(cache, e) || get32(e + E_PIECES) != 0) return false;
  if (!isAnotherFirst(cache, page, slots)) return false;
  begin(cache);
  const to = takeSlot(cache, slots);
  const place = <usize>get32(e + E_PLACE);
  const key = get32(to + E_KEY);
  set32(to + E_STATE, get32(e + E_STATE));
  set32(to + E_HASH, get32(e + E_HASH));
  copy(to + E_PLACE, e + E_PLACE, E_KEY - E_PLACE);
  put32(to + E_KEY, (key & 0xffff0000) | (get32(e + E_KEY) & 0xffff));
  copy(to + E_STATE + 4, e + E_STATE + 4, lengthAt(e) - E_STATE - 4);
  relink(cache, e, to);
  set32(e + E_STATE, ENTRY_MOVED);
  put32(cache + K_OLD, <u32>e);
  put32(cache + K_NEW, <u32>to);
  const tag = tagOf(e);
  const hits = get8(hitsOf(place));
  enter(place, to, (hits << 24) | tag); // commit
  end();
  put32(cache + K_NEW, 0);
  raise(bucketFor(cache, to));
  finishRemoval(cache, e);
  put32(cache + K_MOVED, get32(cache + K_MOVED) + 1);
  return true;
}

/** Makes another page than this one the first of those with room; false: there is no other. */
function isAnotherFirst(cache: usize, page: usize, slots: u32): bool {
  if (<usize>get32(roomOf(cache, slots)) != page) return true;
  const next = <usize>get32(page + PAGE_NEXT);
  if (next == 0) return false;
  begin(cache);
  bringForward(cache, next);
  end();
  return true;
}

/** What leads to the entry at `e` in its list leads to the one at `to`. In a change. */
function relink(cache: usize, e: usize, to: usize): void {
  const head = spaceOf(cache, e) + N_HEADS + ((<usize>listOf(e)) << 3);
  const next = <usize>get32(e + E_NEXT);
  const before = <usize>get32(e + E_BEFORE);
  set32(before != 0 ? before + E_NEXT : head, <u32>to);
  set32(next != 0 ? next + E_BEFORE : head + 4, <u32>to);
  if (<usize>get32(cache + K_HAND) == e) set32(cache + K_HAND, <u32>to);
}
