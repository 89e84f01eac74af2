// Cache: what a thread does with one: look up, put in, delete, pin. Owns the order of the steps; what is in is said by the places in the table
// alone (table.ts), all else follows from them.
//
//   a lookup takes no lock: version, place, entry, version again; a hit is a count in the table
//   putting in:  a slot is taken, filled, and linked in one change whose commit is its place in the table; then what stood there goes like any
//                other that comes out (entries.ts). Who fills it without the latch takes it in a change of its own: then U_RESERVED names it
//   a delete is one byte of the entry, under a pin; so it needs no latch. Who has that takes the entry out. Where a copy took the entry's place
//   meanwhile, either the copy's byte says so too, or who deletes finds DEAD_MOVED and looks for the copy
//   a pin is the entry's address in the user's own words; who takes out looks at those after it has emptied the place, who pins looks at the
//   place after it has said so: at least one sees the other
//
// Who dies leaves at most: a slot in U_RESERVED, pins, K_DEAD, and what the log, K_NEW, K_OLD, K_SPLIT and K_PAGE say; recovery and the next holder of
// the latch see to all of it (cachelife.ts, cachelatch.ts).

import { copyValue, get32, get64, get8, put32, put64 } from "./memory";
import { add32, cas8, load32, load8, store32 } from "./atomic";
import { letCacheGo, lockCache, tryCache } from "./cachelatch";
import {
  hasLoad,
  isOutdated,
  isOutdatedKey,
  noteLoad,
  overtake,
  overtakeAll,
  overtakeBeside,
  settleLoad,
} from "./cacheloads";
import { dropEmptyPage, dropSpare, givePageBack, takeSlot } from "./cachepage";
import { endPin, freePin, setPin, userOf } from "./cachepin";
import { countEntry, finishRemoval, listOf, remove, removeAll } from "./entries";
import { frequencyOf, mayGo, place } from "./eviction";
import { countHit, countMiss, isMissing, note } from "./lookup";
import { giveEntryBack, valueAt, writeValue } from "./pieces";
import { age, hasExpired, hasMoved, old } from "./going";
import { evictBytes, goOn, isForWindow, makePieces, makeRoom, pieces, slots } from "./room";
import {
  bucketFor,
  enter,
  find,
  foundBucket,
  foundVersion,
  grow,
  hasText,
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
  ABOUT_GOES_ON,
  BUCKET_VERSION,
  CACHE_HYBRID,
  DEAD_DELETED,
  DEAD_MOVED,
  ENTRY_LIVE,
  ENTRY_RESERVED,
  E_CREATED,
  E_DEAD,
  E_EXPIRES,
  E_HASH,
  E_KEY,
  E_PIECES,
  E_PLACE,
  E_STATE,
  E_TEXT,
  E_VALUE_LENGTH,
  GONE_CLEARED,
  GONE_DELETED,
  GONE_EVICTED,
  GONE_EXPIRED,
  GONE_REPLACED,
  K_DEAD,
  K_LIMBO,
  K_LOADING,
  K_NEW,
  K_OLD,
  K_REFUSED,
  REFUSED_MEMORY,
  K_REPLACED,
  K_SETS,
  PINS_MAX,
  TAG_MASK,
  U_ENTRY,
  U_PIECES,
  U_LOAD,
  U_RESERVED,
  U_VALUE,
  LIST_SHIFT,
  FREQUENCY_SHIFT,
  FREQUENCY_MASK,
  PRIORITY_SHIFT,
  KEY_LENGTH_MASK,
} from "./shared/caches";
import {
  BUSY,
  CACHE_ASKED,
  CACHE_OVERTAKEN,
  CACHE_SHOWN,
  CACHE_SPACE_FULL,
  CACHE_TOO_LARGE,
  FULL,
  NOT_LIVE,
  OK,
} from "./shared/status";

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
  status = prepare(cache, at, key, bytes, about, now);
  if (status == OK) {
    status =
      pieces == 0 ? putIn(cache, at, key, bytes, about, expires) : putInPieces(cache, at, key, bytes, about, expires);
  }
  letCacheGo(cache);
  return status;
}

/**
 * Takes a slot for such a value: U_VALUE says where the caller is to write it, in pieces if U_PIECES says so; then `cacheCommit` or `cacheAbort`. As
 * `cacheSet`.
 */
export function cacheReserve(cache: usize, at: usize, key: u32, bytes: u32, about: u32, expires: f64, now: f64): u32 {
  hashKey(cache, at, key);
  let status = lockCache(cache);
  if (status != OK) return refuseUnlatched(cache, at, key, status);
  status = prepare(cache, at, key, bytes, about, now);
  if (status == OK) status = reserve(cache, at, key, bytes, about, expires);
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
  giveEntryBack(cache, user + U_RESERVED);
  letCacheGo(cache);
}

/** Makes room for such a value: then a slot is there. Under the latch. */
function prepare(cache: usize, at: usize, key: u32, bytes: u32, about: u32, now: f64): u32 {
  const user = userOf(cache);
  const inHand = <usize>get32(user + U_RESERVED);
  if (inHand != 0) {
    if (about & ABOUT_GOES_ON && isForSame(inHand, at, key, bytes))
      return goOn(cache, find(cache, at, key), about, bytes, now);
    // An exception may have left one.
    giveEntryBack(cache, user + U_RESERVED);
  }
  if (isOutdatedKey(cache, user, at, key)) return CACHE_OVERTAKEN;
  const status = makeRoom(cache, at, key, <u32>valueAt(key) + bytes, bytes, about, now);
  return status == OK ? OK : notIn(cache, at, key, status);
}

/** Whether the entry in this owner's hand is for the same key, and as long a value: a call that goes on has its slot, and pieces, already. */
function isForSame(e: usize, at: usize, key: u32, bytes: u32): bool {
  return (
    (get32(e + E_KEY) & 0xffff) == key && get32(e + E_VALUE_LENGTH) == bytes && hasText(e, at, key & KEY_LENGTH_MASK)
  );
}

/** What to say where there is no room: an answer to go on with, or why the value is refused. */
function notIn(cache: usize, at: usize, key: u32, status: u32): u32 {
  return status == CACHE_SHOWN || status == CACHE_ASKED ? status : refuse(cache, at, key, status);
}

/** A slot with the key and all that is said about the value, and its pieces if it is to have some, which U_RESERVED names. */
function reserve(cache: usize, at: usize, key: u32, bytes: u32, about: u32, expires: f64): u32 {
  const user = userOf(cache);
  let e = <usize>get32(user + U_RESERVED);
  if (e == 0) {
    begin(cache);
    e = fill(cache, at, key, bytes, about, expires, ENTRY_RESERVED);
    set32(user + U_RESERVED, <u32>e);
    end();
  }
  const status = makePieces(cache, e);
  // Who looks at what goes, or says what is to go, goes on with what is in hand.
  if (status == CACHE_SHOWN || status == CACHE_ASKED) return status;
  if (status != OK) {
    giveEntryBack(cache, user + U_RESERVED);
    return refuse(cache, at, key, status);
  }
  put32(user + U_VALUE, <u32>(e + valueAt(key)));
  put32(user + U_PIECES, pieces);
  return OK;
}

/** Puts in what stands at `at`, in pieces. */
function putInPieces(cache: usize, at: usize, key: u32, bytes: u32, about: u32, expires: f64): u32 {
  const status = reserve(cache, at, key, bytes, about, expires);
  if (status != OK) return status;
  const user = userOf(cache);
  writeValue(<usize>get32(user + U_RESERVED), at + valueAt(key) - E_TEXT, bytes);
  // What was there may have moved since.
  return commit(cache, user, old == 0 && !hasMoved ? 0 : find(cache, at, key));
}

/** Puts in what stands at `at`, in one change. */
function putIn(cache: usize, at: usize, key: u32, bytes: u32, about: u32, expires: f64): u32 {
  // What was there may have moved since.
  const before = old == 0 && !hasMoved ? 0 : find(cache, at, key);
  const p = before != 0 ? <usize>get32(before + E_PLACE) : placeFor(cache);
  if (p == 0) {
    givePageBack(cache);
    dropEmptyPage(cache);
    return refuse(cache, at, key, FULL);
  }
  begin(cache);
  const e = fill(cache, at, key, bytes, about, expires, ENTRY_LIVE);
  const value = valueAt(key);
  copyValue(e + value, at + value - E_TEXT, bytes);
  return link(cache, e, p, before);
}

/** Takes the slot that room was made for, and writes to it all but the value. In a change: takeSlot has in the log what of it means something when it is free. */
function fill(cache: usize, at: usize, key: u32, bytes: u32, about: u32, expires: f64, state: u32): usize {
  const e = takeSlot(cache, slots);
  put32(e + E_HASH, low);
  put32(e + E_PLACE, 0);
  put32(e + E_VALUE_LENGTH, bytes);
  put32(e + E_KEY, get32(e + E_KEY) | key);
  const priority = (about >>> 8) & 0xff;
  const list: u32 = isForWindow ? 0 : 1;
  put32(e + E_STATE, state | (list << LIST_SHIFT) | (1 << FREQUENCY_SHIFT) | (priority << PRIORITY_SHIFT));
  put32(e + E_CREATED, age);
  put64(e + E_EXPIRES, reinterpret<u64>(expires));
  put32(e + E_PIECES, 0);
  put32(e + E_DEAD, ((about & 0xff) << 8) | (((about >>> 16) & 0xff) << 16));
  copyKey(e + E_TEXT, at, key & KEY_LENGTH_MASK);
  return e;
}

/** Copies a key, and what stands behind it up to a multiple of 8. */
function copyKey(to: usize, from: usize, bytes: u32): void {
  for (let i: usize = 0; i < <usize>bytes; i += 8) put64(to + i, get64(from + i));
}

/** Puts in what is reserved, where the entry at `before` (0: none) has its key. Under the latch; the key was hashed. */
function commit(cache: usize, user: usize, before: usize): u32 {
  const e = <usize>get32(user + U_RESERVED);
  if (isOutdated(cache, user, before)) {
    giveEntryBack(cache, user + U_RESERVED);
    return CACHE_OVERTAKEN;
  }
  const p = before != 0 ? <usize>get32(before + E_PLACE) : placeFor(cache);
  if (p == 0) {
    const status = refuse(cache, e + E_TEXT, get32(e + E_KEY) & 0xffff, FULL);
    giveEntryBack(cache, user + U_RESERVED);
    return status;
  }
  begin(cache);
  set32(e + E_STATE, (get32(e + E_STATE) & ~0xff) | ENTRY_LIVE);
  set32(user + U_RESERVED, 0);
  return link(cache, e, p, before);
}

/** Links the entry at `e`, and puts it in the place at `p`, where the entry at `before` (0: none) has its key. Ends the change that its state stands in. */
function link(cache: usize, e: usize, p: usize, before: usize): u32 {
  const isWindow = inherit(e, before);
  put32(e + E_PLACE, <u32>p);
  noteLoad(cache, e);
  put32(cache + K_NEW, <u32>e);
  place(cache, e, isWindow);
  countEntry(cache, e, 1);
  put32(cache + K_OLD, <u32>before);
  put32(cache + K_SETS, get32(cache + K_SETS) + 1);
  enter(p, e, tag); // commit
  end();
  put32(cache + K_NEW, 0);
  if (before != 0) {
    raise(bucketFor(cache, before));
    put32(cache + K_REPLACED, get32(cache + K_REPLACED) + 1);
    finishRemoval(cache, before);
  }
  grow(cache);
  settleLoad(cache);
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
  if (get32(userOf(cache) + U_LOAD) == 0) overtake(cache);
  countRefused(cache, status);
  return status;
}

function refuseUnlatched(cache: usize, at: usize, key: u32, status: u32): u32 {
  // Of a load's value nobody knows now whether it is older than what is there.
  if (get32(userOf(cache) + U_LOAD) == 0) {
    hashKey(cache, at, key);
    if (load32(cache + K_LOADING) != 0) overtakeBeside(cache);
    // The latch was waited for once.
    if (markDeleted(cache, at, key)) store32(cache + K_DEAD, 1);
  }
  countRefused(cache, status);
  return status;
}

function countRefused(cache: usize, status: u32): void {
  const which: u32 =
    status == BUSY
      ? 5
      : status < <u32>CACHE_TOO_LARGE || status > <u32>CACHE_SPACE_FULL
        ? REFUSED_MEMORY
        : status - CACHE_TOO_LARGE;
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
  hashKey(cache, at, key);
  while (true) {
    const e = find(cache, at, key);
    if (e == 0) {
      if (!isMissing(cache, user)) continue;
      put32(user + U_ENTRY, 0);
      if (!isPeek) countMiss(user);
      return 0;
    }
    note(user, e, key);
    if (pin == 0) return 0;
    setPin(cache, pin, e);
    if (load32(foundBucket + BUCKET_VERSION) == foundVersion) break;
    store32(pin, 0);
  }
  const e = <usize>get32(user + U_ENTRY);
  if (!isPeek) countHit(cache, user, e);
  return e + valueAt(key);
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
  if (load32(cache + K_LOADING) != 0) overtakeDeleted(cache, at, key);
  if (!markDeleted(cache, at, key)) return false;
  if (lockCache(cache) == OK) {
    takeOutDead(cache);
    letCacheGo(cache);
  } else store32(cache + K_DEAD, 1);
  return true;
}

/** Marks the entry with the key at `at` as deleted: from then on nobody finds it. False: there is none, or another was quicker. */
function markDeleted(cache: usize, at: usize, key: u32): bool {
  while (true) {
    // The last place for a pin is kept for this.
    if (pinUpTo(cache, at, key, true, PINS_MAX) == 0) return false;
    const e = <usize>get32(userOf(cache) + U_ENTRY);
    const isWon = cas8(e + E_DEAD, 0, DEAD_DELETED); // commit
    const isMoved = !isWon && load8(e + E_DEAD) == DEAD_MOVED;
    endPin(cache, e);
    if (isWon || !isMoved) return isWon;
  }
  return false;
}

/** Marks the load of the key, if there is one: under the latch, so that what was loaded is in by now, or never is; without it only where that is not to be had. */
function overtakeDeleted(cache: usize, at: usize, key: u32): void {
  hashKey(cache, at, key);
  if (!hasLoad(cache)) return;
  if (lockCache(cache) == OK) {
    overtake(cache);
    letCacheGo(cache);
  } else overtakeBeside(cache);
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

/** Takes out the entry with the key at `at` if it expired by `now`, and nobody has the latch: then it goes with some later value. */
export function cacheExpire(cache: usize, at: usize, key: u32, now: f64): bool {
  hashKey(cache, at, key);
  if (!tryCache(cache)) return false;
  const e = find(cache, at, key);
  const goes = e != 0 && hasExpired(e, now);
  if (goes) remove(cache, e, GONE_EXPIRED, 0);
  letCacheGo(cache);
  return goes;
}

/** Evicts the entry with the key at `at`, by a policy of the caller's, if it may go. */
export function cacheDrop(cache: usize, at: usize, key: u32, now: f64): bool {
  hashKey(cache, at, key);
  if (lockCache(cache) != OK) return false;
  const e = find(cache, at, key);
  const since = <u32>(<u64>now / 100);
  const goes = e != 0 && mayGo(cache, e, CACHE_HYBRID, since);
  if (goes) remove(cache, e, GONE_EVICTED, since);
  letCacheGo(cache);
  return goes;
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
  overtakeAll(cache);
  removeAll(cache, GONE_CLEARED, false);
  dropSpare(cache);
  letCacheGo(cache);
  return true;
}
