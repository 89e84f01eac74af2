// Lookup: from a key to where its value lies, without a lock. Owns what its thread notes of the last one. Version, place, entry, version again:
// if the version is the same, what was read was the entry; a hit is a count in the table, beside the place, so a late one counts for whoever
// stands there then and hurts nobody.

import { get32, get64, get8, put32, put64, put8 } from "./memory";
import { add32, load32 } from "./atomic";
import { letCacheGo, tryCache } from "./cachelatch";
import { userOf } from "./cachepin";
import { ordersHits, touch } from "./eviction";
import { find, foundBucket, foundPlace, foundVersion, hashKey, hitsOf } from "./table";
import {
  BUCKET_VERSION,
  E_EXPIRES,
  E_TAG,
  E_TEXT,
  E_VALUE_LENGTH,
  K_POLICY,
  U_ENTRY,
  U_EXPIRES,
  U_HITS,
  U_LENGTH,
  U_MISSES,
  U_TAG,
  U_VALUE,
  U_FENCE,
  KEY_LENGTH_MASK,
} from "./shared/caches";

const HITS_MAX: u32 = 3;

/** Distance of an entry's value from its beginning. */
export function valueAt(key: u32): usize {
  return E_TEXT + (((key & KEY_LENGTH_MASK) + 7) & ~7);
}

/** Looks for the key at `at`; its user's words say where its value lies (U_VALUE), how long it is, what it is, when it expires. */
function look(cache: usize, user: usize, at: usize, key: u32): usize {
  hashKey(cache, at, key);
  while (true) {
    const e = find(cache, at, key);
    if (e == 0) return 0;
    put32(user + U_LENGTH, get32(e + E_VALUE_LENGTH));
    put32(user + U_TAG, get8(e + E_TAG));
    put64(user + U_EXPIRES, get64(e + E_EXPIRES));
    if (!isSame(user)) continue;
    put32(user + U_ENTRY, <u32>e);
    put32(user + U_VALUE, <u32>(e + valueAt(key)));
    return e;
  }
  return 0;
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
    put32(user + U_MISSES, get32(user + U_MISSES) + 1);
    return 0;
  }
  put32(user + U_HITS, get32(user + U_HITS) + 1);
  const hits = hitsOf(foundPlace);
  const before = get8(hits);
  if (before < HITS_MAX) put8(hits, before + 1);
  if (ordersHits(get32(cache + K_POLICY))) touchFound(cache, e);
  return <usize>get32(user + U_VALUE);
}

/** What was counted as a hit was none: it had expired. */
export function cacheMissed(cache: usize): void {
  const user = userOf(cache);
  put32(user + U_HITS, get32(user + U_HITS) - 1);
  put32(user + U_MISSES, get32(user + U_MISSES) + 1);
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
