// Going: one entry goes for what comes in, or because its time is over. Owns what the call at work is about. All under the latch.
//
// Where the caller looks at what goes, each goes by itself: it is pinned for the caller before it comes out, and the call begins anew.

import { get32, put32, getFloat } from "./memory";
import { pageOf } from "./cachepage";
import { gather } from "./cachemove";
import { freePin, setPin, userOf } from "./cachepin";
import { isPinned, remove, stateOf } from "./entries";
import { grewOld } from "./eviction";
import { bytesAt } from "./pieces";
import {
  ENTRY_LIVE,
  E_EXPIRES,
  ENTRY_FREE,
  GONE_EVICTED,
  GONE_EXPIRED,
  K_ALL,
  K_SWEEP,
  PAGE_ALL_NEXT,
  PAGE_COUNT,
  PAGE_FRESH,
  PAGE_HEADER,
  PAGE_LENGTH,
  PAGE_USED,
  PINS_MAX,
  U_SHOWN,
  U_WHY,
  ABOUT_LOOKS,
} from "./shared/caches";
import { CACHE_SHOWN, OK } from "./shared/status";

// When the call at work was begun, in milliseconds and in tenths of a second, and what it is about (ABOUT_…); private to the thread, and only while it has
// the latch.
let time: f64 = 0;
export let age: u32 = 0;
export let about: u32 = 0;
/** What has the key of the value that comes in; 0: nothing (any more). */
export let old: usize = 0;
/** How many bytes the entry had that went last. */
export let lastDropped: u32 = 0;
/** Whether entries may have moved since; then `old` need not be where it was. */
export let hasMoved: bool = false;
// One bit for each number of slots of whose pages something went lately.
let loosened: u64 = 0;

export function begun(what: u32, now: f64): void {
  about = what;
  time = now;
  age = <u32>(<u64>now / 100);
  old = 0;
  loosened = 0;
  hasMoved = false;
}

export function noteOld(e: usize): void {
  old = e;
}

export function hasExpired(e: usize, now: f64): bool {
  const expires = getFloat(e + E_EXPIRES);
  return expires != 0 && expires <= now;
}

/** Takes the entry out, after it was pinned for a caller that looks at it: then the answer is CACHE_SHOWN. */
export function drop(cache: usize, e: usize, why: u32): u32 {
  const page = pageOf(e);
  loosened |= (<u64>1) << get32(page + PAGE_COUNT);
  loosened &= ~(<u64>1); // a long entry's page goes with it
  lastDropped = bytesAt(e);
  if (e == old && !hasMoved) old = 0;
  let isShown: bool = false;
  if (about & ABOUT_LOOKS) {
    const user = userOf(cache);
    // Also the last place, which is for who deletes: it is shown, and let go, before this owner deletes anything.
    const pin = freePin(user, PINS_MAX);
    isShown = pin != 0;
    if (isShown) {
      setPin(cache, pin, e);
      put32(user + U_WHY, why);
      put32(user + U_SHOWN, <u32>e);
    }
  }
  if (why == GONE_EVICTED) grewOld(cache, e);
  remove(cache, e, why, age);
  return isShown ? CACHE_SHOWN : OK;
}

/** Takes out what expired in the next `pages` pages. OK, or CACHE_SHOWN. */
export function expireSome(cache: usize, pages: u32): u32 {
  for (let i: u32 = 0; i < pages; i++) {
    const page = <usize>(get32(cache + K_SWEEP) != 0 ? get32(cache + K_SWEEP) : get32(cache + K_ALL));
    if (page == 0) return OK;
    const isLast = get32(page + PAGE_ALL_NEXT) == 0;
    put32(cache + K_SWEEP, <u32>page);
    const status = expireIn(cache, page);
    if (status != OK) return status;
    // Once nothing was left in it, it is gone.
    if (<usize>get32(cache + K_SWEEP) == page) put32(cache + K_SWEEP, get32(page + PAGE_ALL_NEXT));
    if (isLast) return OK;
  }
  return OK;
}

function expireIn(cache: usize, page: usize): u32 {
  const length = get32(page + PAGE_LENGTH);
  const last = <usize>get32(page + PAGE_FRESH);
  for (let e = page + PAGE_HEADER, left = get32(page + PAGE_USED); e < last && left != 0; e += length) {
    const state = stateOf(e);
    if (state == ENTRY_FREE) continue;
    left--;
    if (state != ENTRY_LIVE || !hasExpired(e, time) || isPinned(cache, e)) continue;
    const status = drop(cache, e, GONE_EXPIRED);
    if (status != OK) return status;
  }
  return OK;
}

/** Whether a page of those of which something went lately could be cleared. */
export function hasGathered(cache: usize): bool {
  while (loosened != 0) {
    const slots = <u32>ctz(loosened);
    loosened &= loosened - 1;
    hasMoved = true;
    if (gather(cache, slots)) return true;
  }
  return false;
}
