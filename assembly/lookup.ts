// Lookup: from a key to where its value lies, without a lock. Owns what its thread notes of the last one. Version, place, entry, version again:
// if the version is the same, what was read was the entry; a hit is a count in the table, beside the place, so a late one counts for whoever
// stands there then and hurts nobody.

import { copyValue, get32, get64, get8, put32, put64, put8 } from "./memory";
import { add32, load32 } from "./atomic";
import { letCacheGo, tryCache } from "./cachelatch";
import { userOf } from "./cachepin";
import { ordersHits, touch } from "./eviction";
import { valueAt } from "./pieces";
import { find, foundBucket, foundCount, foundPlace, foundVersion, hashKey, hitsOf } from "./table";
import {
  BUCKET_VERSION,
  E_EXPIRES,
  E_PIECES,
  E_TAG,
  E_VALUE_LENGTH,
  K_BUCKETS,
  K_POLICY,
  U_ENTRY,
  U_EXPIRES,
  U_HITS,
  U_LENGTH,
  U_MISSES,
  U_PIECES,
  U_TAG,
  U_VALUE,
  U_FENCE,
} from "./shared/caches";

const HITS_MAX: u32 = 3;

/** Looks for the key at `at`; its user's words say where its value lies (U_VALUE), how long it is, what it is, when it expires. */
function look(cache: usize, user: usize, at: usize, key: u32): usize {
  hashKey(cache, at, key);
  while (true) {
    const e = find(cache, at, key);
    if (e == 0 && isMissing(cache, user)) return 0;
    if (e == 0) continue;
    note(user, e, key);
    if (isSame(user)) return e;
  }
  return 0;
}

/** Notes what is said of the entry at `e` in its user's words: it is so if the bucket's version is the same after that. */
export function note(user: usize, e: usize, key: u32): void {
  put32(user + U_LENGTH, get32(e + E_VALUE_LENGTH));
  put32(user + U_TAG, get8(e + E_TAG));
  put64(user + U_EXPIRES, get64(e + E_EXPIRES));
  put32(user + U_PIECES, get32(e + E_PIECES));
  put32(user + U_ENTRY, <u32>e);
  put32(user + U_VALUE, <u32>(e + valueAt(key)));
}

/** Whether what the last lookup did not find is not there: asked once more when all that it read is read, for beside who replaces an entry it may be missed. */
export function isMissing(cache: usize, user: usize): bool {
  return isSame(user) && load32(cache + K_BUCKETS) == foundCount;
}

/** Whether the bucket of the last lookup is as it was; what was read of the entry before is the entry's then. */
export function isSame(user: usize): bool {
  // A write that says nothing, to a word of its own: on some machines a plain read may otherwise come after the version's.
  add32(user + U_FENCE, 0);
  return load32(foundBucket + BUCKET_VERSION) == foundVersion;
}

/**
 * Where the value of the key at `at` (kind << 14 | length) lies, 0 if there is none; U_LENGTH bytes, the caller's to copy and then to ask `cacheStill`.
 * `isPeek`: without a hit. O(1); takes no lock but under a policy that orders hits, and then only if nobody has it.
 */
export function cacheGet(cache: usize, at: usize, key: u32, isPeek: bool): usize {
  const user = userOf(cache);
  const e = look(cache, user, at, key);
  if (isPeek) return e == 0 ? 0 : <usize>get32(user + U_VALUE);
  if (e == 0) {
    countMiss(user);
    return 0;
  }
  countHit(cache, user, e);
  return <usize>get32(user + U_VALUE);
}

export function countMiss(user: usize): void {
  put32(user + U_MISSES, get32(user + U_MISSES) + 1);
}

export function countHit(cache: usize, user: usize, e: usize): void {
  put32(user + U_HITS, get32(user + U_HITS) + 1);
  const hits = hitsOf(foundPlace);
  const before = get8(hits);
  if (before < HITS_MAX) put8(hits, before + 1);
  if (ordersHits(get32(cache + K_POLICY))) touchFound(cache, e);
}

/**
 * Copies the value of the key at `at` to `to`, if it has at most `room` bytes. Its length; −1: there is none; −2: it is longer, or in pieces, and nothing was counted:
 * `cacheGet` says where it lies. Else as that.
 */
export function cacheCopy(cache: usize, at: usize, key: u32, isPeek: bool, to: usize, room: u32): i32 {
  const user = userOf(cache);
  hashKey(cache, at, key);
  while (true) {
    const e = find(cache, at, key);
    if (e == 0 && isMissing(cache, user)) break;
    if (e == 0) continue;
    const bytes = get32(e + E_VALUE_LENGTH);
    const value = e + valueAt(key);
    put32(user + U_TAG, get8(e + E_TAG));
    put64(user + U_EXPIRES, get64(e + E_EXPIRES));
    // What lies there may be another's by now, of any length: only what is there can be read.
    const isShort = bytes <= room && get32(e + E_PIECES) == 0 && <u64>value + bytes <= (<u64>memory.size()) << 16;
    if (isShort) copyValue(to, value, bytes);
    if (!isSame(user)) continue;
    if (!isShort) return -2;
    if (!isPeek) countHit(cache, user, e);
    return <i32>bytes;
  }
  if (!isPeek) countMiss(user);
  return -1;
}

/** What was counted as a hit was none: it had expired. */
export function cacheMissed(cache: usize): void {
  const user = userOf(cache);
  put32(user + U_HITS, get32(user + U_HITS) - 1);
  countMiss(user);
}

function touchFound(cache: usize, e: usize): void {
  if (!tryCache(cache)) return;
  if (load32(foundBucket + BUCKET_VERSION) == foundVersion) touch(cache, e);
  letCacheGo(cache);
}

/** Whether what the last lookup found was there all the time until now. */
export function cacheStill(cache: usize): bool {
  return isSame(userOf(cache));
}
