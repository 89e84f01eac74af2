// Room: what goes so that a value comes in. Owns the limits of a cache: bytes of everything, bytes of values, entries, and each namespace's; and the
// order of the steps: what expired goes first, then its namespace's, then what the policy says, until there is a slot. All under the latch.
//
// Where the caller looks at what is evicted, each goes by itself: it is pinned for the caller before it comes out, and the call begins anew.

import { get32, get8, put32, getFloat } from "./memory";
import { dropSpare, hasRun, hasSlot, lengthAt, pageOf, slotBytes, slotsFor } from "./cachepage";
import { gather } from "./cachemove";
import { freePin, setPin, userOf } from "./cachepin";
import { isPinned, lastOf, listOf, remove, sizeOf, spaceAt, stateOf } from "./entries";
import {
  ANY_SPACE,
  beginVictims,
  grewOld,
  leaveWindow,
  mayGo,
  nextVictim,
  popularity,
  promote,
  countAsGhost,
} from "./eviction";
import { count, countOf, REMEMBER_LONG } from "./sketch";
import { find, isReady, tag, bucketOfKey } from "./table";
import {
  CACHE_HYBRID,
  CACHE_S3_FIFO,
  ENTRY_LIVE,
  E_BEFORE,
  E_EXPIRES,
  E_SPACE,
  ENTRY_FREE,
  E_VALUE_LENGTH,
  GONE_EVICTED,
  GONE_EXPIRED,
  K_ALL,
  K_HELD,
  K_ITEMS,
  K_MAIN,
  K_MAX_BYTES,
  K_MAX_ITEMS,
  K_MAX_VALUES,
  K_MEASURE,
  K_MORTAL,
  K_POLICY,
  K_SETS,
  K_SLOTS,
  K_SPACE_COUNT,
  K_SPARE,
  K_SWEEP,
  K_TABLE,
  K_VALUES,
  K_VICTIMS,
  K_WINDOW,
  MEASURE_BYTES,
  MEASURE_ITEMS,
  N_BYTES,
  N_ITEMS,
  N_MAX_BYTES,
  N_MAX_ITEMS,
  PAGE_ALL_NEXT,
  PAGE_BYTES,
  PAGE_COUNT,
  PAGE_FRESH,
  PAGE_HEADER,
  PAGE_LENGTH,
  PAGE_USED,
  PINS_MAX,
  U_SHOWN,
  U_WHY,
  VICTIMS_MAX,
  PAGE_ROOM,
  ABOUT_LOOKS,
  ABOUT_GOES_ON,
  ABOUT_ASKS,
} from "./shared/caches";
import {
  CACHE_ASKED,
  CACHE_NOT_ADMITTED,
  CACHE_PROTECTED,
  CACHE_SHOWN,
  CACHE_SPACE_FULL,
  CACHE_TOO_LARGE,
  FULL,
  OK,
} from "./shared/status";

const NEED_MAX: u32 = 0x7fffffff;
const NEVER_OUTDONE: u32 = 0xffff;
// How many pages are looked through for what expired before something else is evicted, and between two such looks.
const PAGES_SWEPT: u32 = 8;
const SETS_SWEPT: u32 = 15;
// A long value may push out this many times its length and this much more before its run is given up.
const PUSHED_OUT: u32 = 4;
const PUSHED_OUT_MIN: u32 = 262144;

/** Whether what room was made for last belongs in the window. */
export let isForWindow: bool = false;

// What the call that makes room is about; private to the thread, and only while it has the latch.
let about: u32 = 0;
let age: u32 = 0;
let time: f64 = 0;
/** What has the key of the value that comes in; 0: nothing (any more). */
export let old: usize = 0;
// One bit for each number of slots of whose pages something went lately.
let loosened: u64 = 0;
// How many bytes the entry had that went last.
let lastDropped: u32 = 0;

function begun(what: u32, now: f64): void {
  about = what;
  time = now;
  age = <u32>(<u64>now / 100);
  old = 0;
  loosened = 0;
}

export function hasExpired(e: usize, now: f64): bool {
  const expires = getFloat(e + E_EXPIRES);
  return expires != 0 && expires <= now;
}

/** Makes room for an entry of `need` bytes, `bytes` of them its value, with the key at `at`, which was hashed last. OK, or why there is none; CACHE_SHOWN. */
export function makeRoom(cache: usize, at: usize, key: u32, need: u32, bytes: u32, what: u32, now: f64): u32 {
  begun(what, now);
  old = find(cache, at, key);
  isForWindow = false;
  if (isTooLarge(cache, need, bytes)) return CACHE_TOO_LARGE;
  if (get32(cache + K_MORTAL) != 0 && (get32(cache + K_SETS) & SETS_SWEPT) == 0) {
    if (expireSome(cache, 1) == CACHE_SHOWN) return CACHE_SHOWN;
  }
  let status = makeSpaceRoom(cache, what & 0xff, slotBytes(need));
  if (status == OK) status = makePolicyRoom(cache, need, bytes);
  if (status == OK) status = makeCountRoom(cache, bytes);
  return status == OK ? makeMemory(cache, need) : status;
}

/** Whether it would not fit in a cache that holds nothing else. */
function isTooLarge(cache: usize, need: u32, bytes: u32): bool {
  if (bytes > get32(cache + K_MAX_VALUES) || get32(cache + K_MAX_ITEMS) == 0) return true;
  const most = get32(cache + K_MAX_BYTES);
  return need > NEED_MAX || <u64>slotBytes(need) + PAGE_HEADER > <u64>(most - min(most, get32(cache + K_TABLE)));
}

/** Lets entries of namespace `index` go until it may have one of `length` bytes more. */
function makeSpaceRoom(cache: usize, index: u32, length: u32): u32 {
  const space = spaceAt(cache, index);
  if (length > get32(space + N_MAX_BYTES) || get32(space + N_MAX_ITEMS) == 0) return CACHE_SPACE_FULL;
  while (true) {
    const isSame = old != 0 && get8(old + E_SPACE) == index;
    const items = get32(space + N_ITEMS) + (isSame ? 0 : 1);
    const all = <i64>get32(space + N_BYTES) + length - (isSame ? lengthAt(old) : 0);
    if (items <= get32(space + N_MAX_ITEMS) && all <= <i64>get32(space + N_MAX_BYTES)) return OK;
    const status = evictOne(cache, index);
    if (status != OK) return status == CACHE_PROTECTED ? CACHE_SPACE_FULL : status;
  }
  return OK;
}

/** Lets go what the policy says for a cache whose size is measured. */
function makePolicyRoom(cache: usize, need: u32, bytes: u32): u32 {
  const measure = get32(cache + K_MEASURE);
  const policy = get32(cache + K_POLICY);
  const size = measure == MEASURE_BYTES ? slotBytes(need) : measure == MEASURE_ITEMS ? 1 : bytes;
  if (policy == CACHE_HYBRID) return makeHybridRoom(cache, size);
  if (policy == CACHE_S3_FIFO) {
    // What was pushed out of the small part lately is counted in the sketch, in place of a list of ghosts.
    isForWindow = countOf(bucketOfKey(cache), tag) == 0;
  }
  if (measure == MEASURE_BYTES) return OK;
  const most = capacityOf(cache);
  while (
    <u64>get32(cache + K_WINDOW) + get32(cache + K_MAIN) + size >
    <u64>most + (old == 0 ? 0 : sizeOf(cache, old))
  ) {
    const status = evictOne(cache, ANY_SPACE);
    if (status != OK) return status;
  }
  return OK;
}

/** How much the policy may have in, in what it measures. */
function capacityOf(cache: usize): u32 {
  const measure = get32(cache + K_MEASURE);
  if (measure == MEASURE_ITEMS) return get32(cache + K_MAX_ITEMS);
  if (measure != MEASURE_BYTES) return get32(cache + K_MAX_VALUES);
  const most = get32(cache + K_MAX_BYTES);
  const held = get32(cache + K_HELD);
  const pages = (most > held ? (most - held) / PAGE_BYTES : 0) + (get32(cache + K_SPARE) != 0 ? 1 : 0);
  return <u32>min(<u64>get32(cache + K_SLOTS) + <u64>pages * PAGE_ROOM, 0xffffffff);
}

/** A tenth of the size is the window; what has no place there leaves it for the main part, or goes. */
function makeHybridRoom(cache: usize, size: u32): u32 {
  const bucket = bucketOfKey(cache);
  if ((about & ABOUT_GOES_ON) == 0) count(bucket, tag, REMEMBER_LONG);
  const most = capacityOf(cache);
  const window = most / 10;
  const main = most - window;
  if (get32(cache + K_MORTAL) != 0 && <u64>get32(cache + K_MAIN) + size > <u64>main) {
    const status = expireSome(cache, PAGES_SWEPT);
    if (status != OK) return status;
  }
  // What takes another's place in the main part needs no room there but the difference.
  if (old != 0 && listOf(old) != 0) {
    const had = sizeOf(cache, old);
    return size <= had ? OK : displace(cache, size - had, main, NEVER_OUTDONE, old);
  }
  if (size > window) {
    if (size > main) return CACHE_TOO_LARGE;
    return displace(cache, size, main, countOf(bucket, tag), old);
  }
  isForWindow = true;
  while (<u64>get32(cache + K_WINDOW) + size > <u64>window + (old == 0 ? 0 : sizeOf(cache, old))) {
    const e = windowLast(cache);
    if (e == 0) return OK;
    const status = leave(cache, e, main);
    if (status != OK) return status;
  }
  return OK;
}

/** The last entry of the window, of the caller's namespace if that has any in it, but not `old`. */
function windowLast(cache: usize): usize {
  const own = lastOf(spaceAt(cache, about & 0xff), 0);
  if (own != 0 && own != old) return own;
  for (let s: u32 = 0; s < get32(cache + K_SPACE_COUNT); s++) {
    let e = lastOf(spaceAt(cache, s), 0);
    if (e != 0 && e == old) e = <usize>get32(e + E_BEFORE);
    if (e != 0) return e;
  }
  return 0;
}

/** An entry leaves the window: for the main part, if it was hit or is worth what it would displace there; else it goes. */
function leave(cache: usize, e: usize, main: u32): u32 {
  const wasHit = leaveWindow(cache, e) > 1;
  const worth: u32 = wasHit ? NEVER_OUTDONE : popularity(cache, e);
  const status = displace(cache, sizeOf(cache, e), main, worth, e);
  if (status == OK) promote(cache, e);
  else if (status == CACHE_ASKED) return status;
  else if (status != CACHE_SHOWN && mayGo(cache, e, CACHE_HYBRID, age)) return drop(cache, e, GONE_EVICTED);
  else if (status != CACHE_SHOWN) promote(cache, e);
  return status == CACHE_SHOWN ? status : OK;
}

/** Lets go of the main part what `size` more would displace, if those together are asked for less often than `worth`. Not `kept`. */
function displace(cache: usize, size: u32, main: u32, worth: u32, kept: usize): u32 {
  if (<u64>get32(cache + K_MAIN) + size <= <u64>main) return OK;
  let sum: u32 = 0;
  let freed: u32 = 0;
  let found: u32 = 0;
  beginVictims(cache);
  while (<u64>get32(cache + K_MAIN) + size > <u64>main + freed && found < <u32>VICTIMS_MAX) {
    const e = nextVictim(cache, ANY_SPACE, age);
    if (e == 0) return found == 0 ? CACHE_PROTECTED : CACHE_NOT_ADMITTED;
    if (e == kept) continue;
    sum += popularity(cache, e);
    if (about & ABOUT_ASKS) return CACHE_ASKED;
    if (sum >= worth) return CACHE_NOT_ADMITTED;
    put32(cache + K_VICTIMS + ((<usize>found) << 2), <u32>e);
    found++;
    freed += sizeOf(cache, e);
  }
  for (let i: u32 = 0; i < found; i++) {
    const status = drop(cache, <usize>get32(cache + K_VICTIMS + ((<usize>i) << 2)), GONE_EVICTED);
    if (status != OK) return status;
  }
  // More than are counted together: the others go for what they are.
  while (<u64>get32(cache + K_MAIN) + size > <u64>main) {
    beginVictims(cache);
    const e = nextVictim(cache, ANY_SPACE, age);
    if (e == 0 || e == kept) return CACHE_PROTECTED;
    const status = drop(cache, e, GONE_EVICTED);
    if (status != OK) return status;
  }
  return OK;
}

/** Lets go until there may be one entry, and these bytes of values, more. */
function makeCountRoom(cache: usize, bytes: u32): u32 {
  while (true) {
    const items = <u64>get32(cache + K_ITEMS) + (old == 0 ? 1 : 0);
    const values = <i64>get32(cache + K_VALUES) + bytes - (old == 0 ? 0 : get32(old + E_VALUE_LENGTH));
    if (items <= <u64>get32(cache + K_MAX_ITEMS) && values <= <i64>get32(cache + K_MAX_VALUES)) return OK;
    const status = evictOne(cache, ANY_SPACE);
    if (status != OK) return status;
  }
  return OK;
}

/** Finds a slot, or a run, for an entry of `need` bytes. */
function makeMemory(cache: usize, need: u32): u32 {
  const slots = slotsFor(need);
  const length = slotBytes(need);
  const most = <u64>max(length * PUSHED_OUT, PUSHED_OUT_MIN);
  for (let pushed: u64 = 0; ;) {
    if (isReady(cache) && (slots != 0 ? hasSlot(cache, slots) : hasRun(cache, need))) return OK;
    if ((slots == 0 && dropSpare(cache)) || hasGathered(cache)) continue;
    // It is not the limit that has no room, but the region or the budget; a run as long may never come together.
    const isWithin = <u64>get32(cache + K_HELD) + length + PAGE_HEADER <= <u64>get32(cache + K_MAX_BYTES);
    if (isWithin && pushed > most) return FULL;
    const status = evictOne(cache, ANY_SPACE);
    if (status != OK) return status == CACHE_PROTECTED && get32(cache + K_ITEMS) == 0 ? FULL : status;
    pushed += lastDropped;
  }
  return FULL;
}

/** Whether a page of those of which something went lately could be cleared. */
function hasGathered(cache: usize): bool {
  while (loosened != 0) {
    const slots = <u32>ctz(loosened);
    loosened &= loosened - 1;
    if (gather(cache, slots)) return true;
  }
  return false;
}

/** One entry goes: what expired first, else by the policy. OK, CACHE_SHOWN, or CACHE_PROTECTED: none may. */
function evictOne(cache: usize, only: u32): u32 {
  if (get32(cache + K_MORTAL) != 0) {
    const before = get32(cache + K_ITEMS);
    const status = expireSome(cache, PAGES_SWEPT);
    if (status != OK || get32(cache + K_ITEMS) != before) return status;
  }
  if (about & ABOUT_ASKS) return CACHE_ASKED;
  const policy = get32(cache + K_POLICY);
  if (policy == CACHE_S3_FIFO && only == ANY_SPACE) {
    const status = evictSmall(cache);
    if (status != CACHE_PROTECTED) return status;
  }
  beginVictims(cache);
  let e = nextVictim(cache, only, age);
  if (e == 0) e = fromWindow(cache, only);
  return e == 0 ? CACHE_PROTECTED : drop(cache, e, GONE_EVICTED);
}

/** The last of a window that may go. */
function fromWindow(cache: usize, only: u32): usize {
  const policy = get32(cache + K_POLICY);
  for (let s: u32 = 0; s < get32(cache + K_SPACE_COUNT); s++) {
    if (only != ANY_SPACE && only != s) continue;
    for (let e = lastOf(spaceAt(cache, s), 0); e != 0; e = <usize>get32(e + E_BEFORE)) {
      if (mayGo(cache, e, policy, age)) return e;
    }
  }
  return 0;
}

/** Of s3-fifo: what leaves the small part, a tenth, goes unless it was hit twice. CACHE_PROTECTED: it is the main part's turn. */
function evictSmall(cache: usize): u32 {
  const small = capacityOf(cache) / 10;
  for (
    let e = fromWindow(cache, ANY_SPACE);
    e != 0 && get32(cache + K_WINDOW) > small;
    e = fromWindow(cache, ANY_SPACE)
  ) {
    if (leaveWindow(cache, e) > 2) {
      promote(cache, e);
      continue;
    }
    countAsGhost(cache, e);
    return drop(cache, e, GONE_EVICTED);
  }
  return CACHE_PROTECTED;
}

/** Takes the entry out, after it was pinned for a caller that looks at it: then the answer is CACHE_SHOWN. */
function drop(cache: usize, e: usize, why: u32): u32 {
  const page = pageOf(e);
  loosened |= (<u64>1) << get32(page + PAGE_COUNT);
  loosened &= ~(<u64>1); // a long entry's page goes with it
  lastDropped = get32(page + PAGE_LENGTH);
  if (e == old) old = 0;
  let isShown: bool = false;
  if (about & ABOUT_LOOKS) {
    const user = userOf(cache);
    // The last place is for who deletes.
    const pin = freePin(user, PINS_MAX - 1);
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
function expireSome(cache: usize, pages: u32): u32 {
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

/** Whether there are more entries, or more bytes of values, than there may be. */
function hasTooMany(cache: usize): bool {
  return get32(cache + K_ITEMS) > get32(cache + K_MAX_ITEMS) || get32(cache + K_VALUES) > get32(cache + K_MAX_VALUES);
}

/** Evicts until the cache holds `bytes` bytes less and no more than it may, or nothing may go; how many bytes it holds less. */
export function evictBytes(cache: usize, bytes: u32, what: u32, now: f64): u32 {
  begun(what, now);
  const before = get32(cache + K_HELD);
  dropSpare(cache);
  while (before - min(before, get32(cache + K_HELD)) < bytes || hasTooMany(cache)) {
    const status = evictOne(cache, ANY_SPACE);
    while (hasGathered(cache));
    dropSpare(cache);
    if (status != OK) break;
  }
  return before - min(before, get32(cache + K_HELD));
}
