// Cache: what a thread does with one: look up, put in, delete, pin. Owns the order of the steps; what is in is said by the places in the table
// alone (table.ts), all else follows from them.
//
//   a lookup takes no lock: version, place, entry, version again; a hit is a count in the table
//   putting in:  a slot is taken (U_RESERVED names it), filled, and linked in one change whose commit is its place in the table; then what
//                stood there goes like any other that comes out (entries.ts)
//   a delete is one byte of the entry, under a pin; so it needs no latch. Who has that takes the entry out. Where a copy took the entry's place
//   meanwhile, either the copy's byte says so too, or who deletes finds DEAD_MOVED and looks for the copy
//   a pin is the entry's address in the user's own words; who takes out looks at those after it has emptied the place, who pins looks at the
//   place after it has said so: at least one sees the other
//
// Who dies leaves at most: a slot in U_RESERVED, pins, K_DEAD, and what the log, K_NEW, K_OLD, K_SPLIT and K_PAGE say; recovery and the next holder of
// the latch see to all of it (cachelife.ts, cachelatch.ts).

import { copy, get32, get64, get8, put32, put64 } from "./memory";
import { add32, cas8, load32, load8, store32 } from "./atomic";
import { letCacheGo, lockCache, tryCache } from "./cachelatch";
import { dropSpare, slotsFor, takeSlot, giveSlotBack } from "./cachepage";
import { endPin, freePin, setPin, userOf } from "./cachepin";
import { countEntry, finishRemoval, listOf, remove, removeAll } from "./entries";
import { frequencyOf, place } from "./eviction";
import { cacheGet, valueAt } from "./lookup";
import { evictBytes, hasExpired, isForWindow, makeRoom, old } from "./room";
import {
  bucketFor,
  enter,
  find,
  foundBucket,
  foundVersion,
  grow,
  hashKey,
  hitsOf,
  low,
  placeFor,
  placesEnd,
  raise,
  tag,
  bucketOfKey,
} from "./table";
import { begin, end, set32 } from "./undo";
import {
  BUCKET_NEXT,
  BUCKET_PLACES,
  BUCKET_VERSION,
  DEAD_DELETED,
  DEAD_MOVED,
  ENTRY_LIVE,
  ENTRY_RESERVED,
  E_CREATED,
  E_DEAD,
  E_EXPIRES,
  E_HASH,
  E_KEY,
  E_PLACE,
  E_STATE,
  E_TEXT,
  E_VALUE_LENGTH,
  GONE_CLEARED,
  GONE_DELETED,
  GONE_EXPIRED,
  GONE_REPLACED,
  K_DEAD,
  K_LIMBO,
  K_NEW,
  K_OLD,
  K_REFUSED,
  K_REPLACED,
  K_SETS,
  PINS_MAX,
  TAG_MASK,
  U_ENTRY,
  U_RESERVED,
  U_VALUE,
  LIST_SHIFT,
  FREQUENCY_SHIFT,
  FREQUENCY_MASK,
  PRIORITY_SHIFT,
  KEY_LENGTH_MASK,
} from "./shared/caches";
import { BUSY, CACHE_ASKED, CACHE_SHOWN, CACHE_SPACE_FULL, CACHE_TOO_LARGE, FULL, NOT_LIVE, OK } from "./shared/status";

const FREQUENCY_MAX: u32 = 15;

/**
 * Puts in the value of `bytes` bytes that stands behind the key at `at` (at the next multiple of 8). `about`: namespace | priority << 8 | tag << 16 |
 * 1 << 24 if the caller looks at what is evicted | 1 << 25 if this call goes on with one that answered CACHE_SHOWN | 1 << 26 if it wants to be asked
 * what is to go (CACHE_ASKED). `expires` and `now` in
 * milliseconds. OK, or why it is not in: then neither is what had this key before. O(1) but for what is evicted.
 */
export function cacheSet(cache: usize, at: usize, key: u32, bytes: u32, about: u32, expires: f64, now: f64): u32 {
  hashKey(cache, at, key);
  let status = lockCache(cache);
  if (status != OK) return refuseUnlatched(cache, at, key, status);
  const user = userOf(cache);
  status = reserve(cache, user, at, key, bytes, about, expires, now);
  if (status == OK) {
    copy(<usize>get32(user + U_RESERVED) + valueAt(key), at + valueAt(key) - E_TEXT, bytes);
    // What was there may have moved since.
    status = commit(cache, user, old == 0 ? 0 : find(cache, at, key));
  }
  letCacheGo(cache);
  return status;
}

/** Takes a slot for such a value: U_RESERVED says where, and the caller writes it behind the key there; then `cacheCommit` or `cacheAbort`. As `cacheSet`. */
export function cacheReserve(cache: usize, at: usize, key: u32, bytes: u32, about: u32, expires: f64, now: f64): u32 {
  hashKey(cache, at, key);
  let status = lockCache(cache);
  if (status != OK) return refuseUnlatched(cache, at, key, status);
  const user = userOf(cache);
  status = reserve(cache, user, at, key, bytes, about, expires, now);
  if (status == OK) put32(user + U_VALUE, get32(user + U_RESERVED) + <u32>valueAt(key));
  letCacheGo(cache);
  return status;
}

/** Puts in what this owner reserved and filled. OK, or why it is not in: then its slot is given back. */
export function cacheCommit(cache: usize): u32 {
  const user = userOf(cache);
  const e = <usize>get32(user + U_RESERVED);
  if (e == 0) return NOT_LIVE;
  hashKey(cache, e + E_TEXT, get32(e + E_KEY) & 0xffff);
  const status = lockCache(cache);
  if (status != OK) return refuseUnlatched(cache, e + E_TEXT, get32(e + E_KEY) & 0xffff, status);
  const answer = commit(cache, user, find(cache, e + E_TEXT, get32(e + E_KEY) & 0xffff));
  letCacheGo(cache);
  return answer;
}

/** Gives back what this owner reserved, if anything; what had its key is out. */
export function cacheAbort(cache: usize): void {
  const user = userOf(cache);
  if (get32(user + U_RESERVED) == 0 || lockCache(cache) != OK) return;
  giveSlotBack(cache, user + U_RESERVED);
  letCacheGo(cache);
}

/** A slot for the value, with its key and all that is said about it, which U_RESERVED names. Under the latch. */
function reserve(cache: usize, user: usize, at: usize, key: u32, bytes: u32, about: u32, expires: f64, now: f64): u32 {
  // An exception may have left one.
  if (get32(user + U_RESERVED) != 0) giveSlotBack(cache, user + U_RESERVED);
  const need = <u32>valueAt(key) + bytes;
  const status = makeRoom(cache, at, key, need, bytes, about, now);
  if (status == CACHE_SHOWN || status == CACHE_ASKED) return status;
  if (status != OK) return refuse(cache, at, key, status);
  begin(cache);
  const e = takeSlot(cache, slotsFor(need));
  set32(e + E_HASH, low);
  put32(e + E_PLACE, 0);
  put32(e + E_VALUE_LENGTH, bytes);
  put32(e + E_KEY, get32(e + E_KEY) | key);
  const priority = (about >>> 8) & 0xff;
  const list: u32 = isForWindow ? 0 : 1;
  set32(e + E_STATE, ENTRY_RESERVED | (list << LIST_SHIFT) | (1 << FREQUENCY_SHIFT) | (priority << PRIORITY_SHIFT));
  put32(e + E_CREATED, <u32>(<u64>now / 100));
  put64(e + E_EXPIRES, reinterpret<u64>(expires));
  put32(e + E_DEAD, ((about & 0xff) << 8) | (((about >>> 16) & 0xff) << 16));
  copyKey(e + E_TEXT, at, key & KEY_LENGTH_MASK);
  set32(user + U_RESERVED, <u32>e);
  end();
  return OK;
}

/** Copies a key, and what stands behind it up to a multiple of 8. */
function copyKey(to: usize, from: usize, bytes: u32): void {
  for (let i: usize = 0; i < <usize>bytes; i += 8) put64(to + i, get64(from + i));
}

/** Links what is reserved, and puts it in, where the entry at `before` (0: none) has its key. Under the latch; the key was hashed. */
function commit(cache: usize, user: usize, before: usize): u32 {
  const e = <usize>get32(user + U_RESERVED);
  const at = before != 0 ? <usize>get32(before + E_PLACE) : placeFor(cache);
  if (at == 0) {
    const status = refuse(cache, e + E_TEXT, get32(e + E_KEY) & 0xffff, FULL);
    giveSlotBack(cache, user + U_RESERVED);
    return status;
  }
  const isWindow = inherit(e, before);
  put32(e + E_PLACE, <u32>at);
  put32(cache + K_NEW, <u32>e);
  begin(cache);
  set32(e + E_STATE, (get32(e + E_STATE) & ~0xff) | ENTRY_LIVE);
  place(cache, e, isWindow);
  countEntry(cache, e, 1);
  set32(user + U_RESERVED, 0);
  put32(cache + K_OLD, <u32>before);
  put32(cache + K_SETS, get32(cache + K_SETS) + 1);
  enter(at, e, tag); // commit
  end();
  put32(cache + K_NEW, 0);
  if (before != 0) {
    raise(bucketFor(cache, before));
    put32(cache + K_REPLACED, get32(cache + K_REPLACED) + 1);
    finishRemoval(cache, before);
  }
  grow(cache);
  return OK;
}

/** What takes the place of one in the main part stands there too, with its frequency and one more; whether it stands in the window. */
function inherit(e: usize, old: usize): bool {
  if (old == 0 || listOf(old) == 0) return listOf(e) == 0;
  const hits = get8(hitsOf(<usize>get32(old + E_PLACE)));
  const frequency = min(frequencyOf(old) + hits + 1, FREQUENCY_MAX);
  put32(e + E_STATE, (get32(e + E_STATE) & ~FREQUENCY_MASK) | (frequency << FREQUENCY_SHIFT));
  return false;
}

/** A value that is not put in leaves nothing older of its key. Under the latch. */
function refuse(cache: usize, at: usize, key: u32, status: u32): u32 {
  const old = find(cache, at, key);
  if (old != 0) remove(cache, old, GONE_REPLACED, 0);
  countRefused(cache, status);
  return status;
}

function refuseUnlatched(cache: usize, at: usize, key: u32, status: u32): u32 {
  cacheDelete(cache, at, key);
  countRefused(cache, status);
  return status;
}

function countRefused(cache: usize, status: u32): void {
  const which: u32 =
    status == BUSY ? 5 : status < <u32>CACHE_TOO_LARGE || status > <u32>CACHE_SPACE_FULL ? 4 : status - CACHE_TOO_LARGE;
  add32(cache + K_REFUSED + ((<usize>which) << 2), 1);
}

/**
 * Pins the entry with the key at `at`: its value stays where U_VALUE says, in the cache or out of it, until `cacheUnpin` of U_ENTRY. 0: there is none;
 * if U_ENTRY is not 0, this owner has as many pins as it may.
 */
export function cachePin(cache: usize, at: usize, key: u32, isPeek: bool): usize {
  return pinUpTo(cache, at, key, isPeek, PINS_MAX - 1);
}

function pinUpTo(cache: usize, at: usize, key: u32, isPeek: bool, most: u32): usize {
  const user = userOf(cache);
  const pin = freePin(user, most);
  while (true) {
    const value = cacheGet(cache, at, key, isPeek);
    if (value == 0) put32(user + U_ENTRY, 0);
    if (value == 0 || pin == 0) return 0;
    setPin(cache, pin, <usize>get32(user + U_ENTRY));
    if (load32(foundBucket + BUCKET_VERSION) == foundVersion) return value;
    store32(pin, 0);
  }
  return 0;
}

/** Ends one pin of the entry at `e` by this owner. False: it has none. */
export function cacheUnpin(cache: usize, e: usize): bool {
  if (!endPin(cache, e)) return false;
  if (load32(cache + K_LIMBO) != 0 && tryCache(cache)) letCacheGo(cache);
  return true;
}

/**
 * Deletes the entry with the key at `at`. False: there was none. Does not need the latch: who has it takes out what is marked. What was found may
 * have been copied elsewhere before it was marked: then its bucket's version is another, and the copy is looked for.
 */
export function cacheDelete(cache: usize, at: usize, key: u32): bool {
  while (true) {
    // The last place for a pin is kept for this.
    if (pinUpTo(cache, at, key, true, PINS_MAX) == 0) return false;
    const e = <usize>get32(userOf(cache) + U_ENTRY);
    const isWon = cas8(e + E_DEAD, 0, DEAD_DELETED); // commit
    const isMoved = !isWon && load8(e + E_DEAD) == DEAD_MOVED;
    endPin(cache, e);
    if (isWon) break;
    if (!isMoved) return false;
  }
  if (lockCache(cache) == OK) {
    hashKey(cache, at, key);
    takeOutDead(cache);
    letCacheGo(cache);
  } else store32(cache + K_DEAD, 1);
  return true;
}

/** Takes out what is marked as deleted, of the key that was hashed last. Under the latch. */
function takeOutDead(cache: usize): void {
  const bucket = bucketOfKey(cache);
  for (let part = bucket; part != 0; part = <usize>get32(part + BUCKET_NEXT)) {
    for (let p = part + BUCKET_PLACES; p < placesEnd(part); p += 8) {
      const word = get64(p);
      if ((<u32>(word >> 32) & TAG_MASK) == tag && get8(<usize>(<u32>word) + E_DEAD) == DEAD_DELETED) {
        remove(cache, <usize>(<u32>word), GONE_DELETED, 0);
      }
    }
  }
}

/** Takes out the entry with the key at `at` if it expired by `now`. */
export function cacheExpire(cache: usize, at: usize, key: u32, now: f64): bool {
  hashKey(cache, at, key);
  if (lockCache(cache) != OK) return false;
  const e = find(cache, at, key);
  const isExpired = e != 0 && hasExpired(e, now);
  if (isExpired) remove(cache, e, GONE_EXPIRED, 0);
  letCacheGo(cache);
  return isExpired;
}

/** Evicts in the policy's order until the cache holds `bytes` bytes less, or nothing may go; how many it holds less. `about` as of `cacheSet`: it may answer earlier, with something to look at. */
export function cacheEvict(cache: usize, bytes: u32, about: u32, now: f64): u32 {
  if (lockCache(cache) != OK) return 0;
  const freed = evictBytes(cache, bytes, about, now);
  letCacheGo(cache);
  return freed;
}

/** Takes everything out. False: the latch was not to be had. O(entries). */
export function cacheClear(cache: usize): bool {
  if (lockCache(cache) != OK) return false;
  removeAll(cache, GONE_CLEARED, false);
  dropSpare(cache);
  letCacheGo(cache);
  return true;
}
