// Cache keys: which keys a cache has, bucket by bucket, without a lock. Owns nothing. What a bucket holds is read as a lookup reads it: version, places,
// entries, version again. While the table grows an entry may be met twice, in its old bucket and in its new one, never not at all.

import { get32, get64, put32, put64 } from "./memory";
import { add32, load8, load32, load64 } from "./atomic";
import { letCacheGo, lockCache } from "./cachelatch";
import { bytesAt } from "./pieces";
import { userOf } from "./cachepin";
import { lastOf, spaceAt } from "./entries";
import { frequencyOf, mayGo, priorityOf } from "./eviction";
import { bucketAt, placesEnd } from "./table";
import {
  BUCKET_NEXT,
  BUCKET_PLACES,
  BUCKET_VERSION,
  CACHE_HYBRID,
  CANDIDATE_AGE,
  CANDIDATE_BYTES,
  CANDIDATE_FREQUENCY,
  CANDIDATE_HEADER,
  CANDIDATE_PRIORITY,
  E_BEFORE,
  E_CREATED,
  E_DEAD,
  E_EXPIRES,
  E_KEY,
  E_TEXT,
  E_VALUE_LENGTH,
  KEYS_EXPIRES,
  KEYS_HEADER,
  KEYS_VALUE_LENGTH,
  K_BUCKETS,
  K_SPACE_COUNT,
  N_LISTS,
  U_FENCE,
  U_VALUE,
  KEY_LENGTH_MASK,
} from "./shared/caches";

import { OK } from "./shared/status";

const CANDIDATES_MAX: u32 = 64;

/**
 * Writes to `at` the keys in bucket `index` from its place `from` on, one behind the other (KEYS_…), as far as `room` bytes go. Returns how many bytes;
 * −1: there is no such bucket. U_VALUE says at which place it is to be gone on; 0: those were all.
 */
export function cacheKeys(cache: usize, index: u32, at: usize, room: u32, from: u32): i32 {
  if (index >= load32(cache + K_BUCKETS)) return -1;
  const bucket = bucketAt(cache, index);
  while (true) {
    const version = load32(bucket + BUCKET_VERSION);
    const bytes = copyKeys(cache, bucket, version, at, room, from);
    // As in a lookup: a plain read may otherwise come after the version's.
    add32(userOf(cache) + U_FENCE, 0);
    if (load32(bucket + BUCKET_VERSION) == version) return bytes;
  }
  return 0;
}

function copyKeys(cache: usize, bucket: usize, version: u32, at: usize, room: u32, from: u32): i32 {
  let to = at;
  let place: u32 = 0;
  put32(userOf(cache) + U_VALUE, 0);
  for (let part = bucket; part != 0; part = <usize>load32(part + BUCKET_NEXT)) {
    for (let p = part + BUCKET_PLACES; p < placesEnd(part); p += 8, place++) {
      const e = <usize>(<u32>load64(p));
      if (place < from || e == 0 || load8(e + E_DEAD) != 0) continue;
      const key = get32(e + E_KEY) & 0xffff;
      const length = ((key & KEY_LENGTH_MASK) + 7) & ~7;
      if (to + KEYS_HEADER + length > at + room) {
        put32(userOf(cache) + U_VALUE, place);
        return <i32>(to - at);
      }
      put32(to, key);
      put32(to + KEYS_VALUE_LENGTH, get32(e + E_VALUE_LENGTH));
      put64(to + KEYS_EXPIRES, get64(e + E_EXPIRES));
      // What is copied is a key's length of the entry only if it is one still.
      if (load32(bucket + BUCKET_VERSION) != version) return 0;
      for (let i: usize = 0; i < <usize>length; i += 8) put64(to + KEYS_HEADER + i, get64(e + E_TEXT + i));
      to += KEYS_HEADER + length;
    }
  }
  return <i32>(to - at);
}

/**
 * Writes to `at` what of the cache would go first, list by list, up to 64 entries and `room` bytes: as `cacheKeys`, with what an eviction frees, age in
 * tenths of a second, priority and frequency (CANDIDATE_…). Returns how many bytes. Takes the latch; 0 where that is not to be had.
 */
export function cacheCandidates(cache: usize, at: usize, room: u32, now: f64): u32 {
  if (lockCache(cache) != OK) return 0;
  let to = at;
  let left = CANDIDATES_MAX;
  for (let s: u32 = 0; s < get32(cache + K_SPACE_COUNT); s++) {
    const space = spaceAt(cache, s);
    for (let bits = get64(space + N_LISTS); bits != 0; bits &= bits - 1) {
      // As many of each list as leaves some for those that follow.
      let many = max(left >>> 1, 1);
      let e = lastOf(space, <u32>ctz(bits));
      for (
        let seen: u32 = 0;
        e != 0 && many != 0 && left != 0 && seen < CANDIDATES_MAX;
        seen++, e = <usize>get32(e + E_BEFORE)
      ) {
        if (!mayGo(cache, e, CACHE_HYBRID, <u32>(<u64>now / 100))) continue;
        const next = copyCandidate(e, to, at + room, <u32>(<u64>now / 100));
        if (next == 0) break;
        to = next;
        many--;
        left--;
      }
    }
  }
  letCacheGo(cache);
  return <u32>(to - at);
}

function copyCandidate(e: usize, to: usize, end: usize, age: u32): usize {
  const key = get32(e + E_KEY) & 0xffff;
  const length = ((key & KEY_LENGTH_MASK) + 7) & ~7;
  if (to + CANDIDATE_HEADER + length > end) return 0;
  put32(to, key);
  put32(to + KEYS_VALUE_LENGTH, get32(e + E_VALUE_LENGTH));
  put32(to + CANDIDATE_BYTES, bytesAt(e));
  put32(to + CANDIDATE_AGE, age - get32(e + E_CREATED));
  put32(to + CANDIDATE_PRIORITY, priorityOf(e));
  put32(to + CANDIDATE_FREQUENCY, frequencyOf(e));
  for (let i: usize = 0; i < <usize>length; i += 8) put64(to + CANDIDATE_HEADER + i, get64(e + E_TEXT + i));
  return to + CANDIDATE_HEADER + length;
}
