// Eviction: which entry goes when there is no room, by the cache's policy. Owns the ranks, the lists an entry is put in, and how old the cache is.
// All under the latch; a death leaves every entry in some list, which is all that must hold.
//
//   hybrid      list 0 is the window, a tenth of the size, first in first out. What leaves it goes to the main part if it was hit there, or if it is
//               asked for more often than all that it would displace together (TinyLFU with aggregated victims). The main part has a list for
//               each half octave of size; of their last entries the one of lowest rank goes, rank = age + weight × frequency / size^α. A hit is
//               a count in the table that is looked at only then: what was hit goes to the front again.
//   lru, fifo   list 1, ranked by when they were put in or touched            lfu   a list for each frequency, rank = age + frequency (aged)
//   ttl         a list for each octave of time to live, ranked by expiry      size  a list for each half octave of size, the largest first
//   priority    a list for each priority, the lowest first; two of those above the gate                       sieve, s3-fifo: as published
//
// In a list where what came first is not what goes first, the lowest rank of the 64 that came first goes: exact up to so many of about one size or life.

import { get32, get64, get8, put32, put8, getFloat } from "./memory";
import { bucketFor, hitsOf, tagOf } from "./table";
import { bytesAt } from "./pieces";
import { count, countOf, REMEMBER_LONG, REMEMBER_SHORT } from "./sketch";
import { isPinned, lastOf, listOf, pushFirst, sizeOf, spaceAt, unlink } from "./entries";
import { begin, end, set32, setFloat } from "./undo";
import {
  CACHE_HYBRID,
  CACHE_LFU,
  CACHE_LRU,
  CACHE_PRIORITY,
  CACHE_S3_FIFO,
  CACHE_SIEVE,
  CACHE_SIZE,
  CACHE_TTL,
  E_BEFORE,
  E_CREATED,
  E_EXPIRES,
  E_PLACE,
  E_RANK,
  E_STATE,
  E_VALUE_LENGTH,
  FAVOUR_BYTES,
  FAVOUR_REQUESTS,
  K_AGE,
  K_CRITICAL,
  K_FAVOUR,
  K_HAND,
  K_MEASURE,
  K_POLICY,
  K_RETENTION,
  K_SPACE_COUNT,
  K_TICK,
  LISTS,
  MEASURE_ITEMS,
  N_CURSORS,
  N_LISTS,
  FREQUENCY_SHIFT,
  FREQUENCY_MASK,
  PRIORITY_SHIFT,
} from "./shared/caches";

const FREQUENCY_MAX: u32 = 15;
/** Above it an entry goes only in critical mode (M27). */
const PRIORITY_GATE: u32 = 60;
const PRIORITY_HIGH: u32 = 80;
const PRIORITY_CRITICAL: u32 = 100;
// How many entries are passed over at the end of a list, for being pinned, young or protected.
const PASSED_MAX: u32 = 16;
// How many of those that were hit go to the front of a list at once.
const SECOND_CHANCES: u32 = 256;
// How many at the end of a list are compared, where they do not stand in the order of their ranks.
const COMPARED: u32 = 64;

/** All namespaces. */
export const ANY_SPACE: u32 = 0xffffffff;

export function frequencyOf(e: usize): u32 {
  return (get32(e + E_STATE) >>> FREQUENCY_SHIFT) & 0xff;
}

export function priorityOf(e: usize): u32 {
  return get32(e + E_STATE) >>> PRIORITY_SHIFT;
}

function setFrequency(e: usize, frequency: u32): void {
  set32(e + E_STATE, (get32(e + E_STATE) & ~FREQUENCY_MASK) | (frequency << FREQUENCY_SHIFT));
}

/** 2 · log2 of a size, rounded down. */
function halfOctave(size: u32): u32 {
  const octave: u32 = 31 - <u32>clz(size | 1);
  const square = <u64>size * <u64>size;
  return (octave << 1) + (square >> ((octave << 1) + 1) != 0 ? 1 : 0);
}

/** What multiplies the frequency of an entry of this priority. */
function weightOf(priority: u32): f64 {
  return priority <= 25 ? 0.25 : priority <= PRIORITY_GATE ? 1 : 8;
}

function hybridRank(cache: usize, e: usize): f64 {
  const size = <f64>max(sizeOf(cache, e), 1);
  const favour = get32(cache + K_FAVOUR);
  const divisor = favour == FAVOUR_BYTES ? 1 : favour == FAVOUR_REQUESTS ? size : sqrt(size);
  return getFloat(cache + K_AGE) + (weightOf(priorityOf(e)) * <f64>frequencyOf(e)) / divisor;
}

function nextTick(cache: usize): f64 {
  const tick = getFloat(cache + K_TICK) + 1;
  setFloat(cache + K_TICK, tick);
  return tick;
}

/** Puts an entry that is new, or is to be ranked anew, into the list where it belongs. In a change. */
export function place(cache: usize, e: usize, isWindow: bool): void {
  const policy = get32(cache + K_POLICY);
  let list: u32 = 1;
  let rank: f64 = 0;
  if (policy == CACHE_HYBRID) {
    rank = hybridRank(cache, e);
    list = isWindow ? 0 : 1 + halfOctave(sizeOf(cache, e));
  } else if (policy == CACHE_LFU) {
    rank = getFloat(cache + K_AGE) + <f64>frequencyOf(e);
    list = min(max(frequencyOf(e), 1), LISTS - 1);
  } else if (policy == CACHE_TTL) {
    const expires = getFloat(e + E_EXPIRES);
    rank = expires == 0 ? 1e300 : expires;
    // In tenths of a second, of which E_CREATED has the low 32 bits.
    const life = <u32>(<u64>expires / 100) - get32(e + E_CREATED);
    list = expires == 0 ? LISTS - 1 : 1 + (31 - <u32>clz(life | 1));
  } else if (policy == CACHE_SIZE) {
    // Also where entries are what is measured.
    const size = get32(cache + K_MEASURE) == MEASURE_ITEMS ? bytesAt(e) : sizeOf(cache, e);
    // Of those whose slots are as long, the longer value goes first.
    rank = -(<f64>size + <f64>get32(e + E_VALUE_LENGTH) / 4294967296.0);
    list = 1 + halfOctave(size);
  } else if (policy == CACHE_PRIORITY) {
    // Each priority that goes without critical mode has a list of its own.
    const priority = priorityOf(e);
    list = priority <= PRIORITY_GATE ? 1 + priority : priority <= PRIORITY_HIGH ? LISTS - 2 : LISTS - 1;
    rank = <f64>priority * 17592186044416.0 + nextTick(cache);
  } else {
    rank = nextTick(cache);
    if (policy == CACHE_S3_FIFO && isWindow) list = 0;
  }
  setFloat(e + E_RANK, rank);
  pushFirst(cache, e, list);
}

/** Whether a hit changes the order at once, and so needs the latch. */
export function ordersHits(policy: u32): bool {
  return policy == CACHE_LRU || policy == CACHE_LFU || policy == CACHE_PRIORITY;
}

/** The entry was hit, under a policy that orders hits. */
export function touch(cache: usize, e: usize): void {
  begin(cache);
  unlink(cache, e);
  setFrequency(e, min(frequencyOf(e) + 1, LISTS - 1));
  place(cache, e, false);
  end();
}

/** Counts the hits since the last look into frequency and sketch; whether there were any. */
function settleHits(cache: usize, e: usize): u32 {
  const at = hitsOf(<usize>get32(e + E_PLACE));
  const hits = get8(at);
  if (hits == 0) return 0;
  const policy = get32(cache + K_POLICY);
  // There a hit is a further chance, and the sketch holds what went.
  if (policy == CACHE_S3_FIFO) put8(at, hits - 1);
  else put8(at, 0);
  if (policy != CACHE_HYBRID) return hits;
  const bucket = bucketFor(cache, e);
  const tag = tagOf(e);
  for (let i: u32 = 0; i < hits; i++) count(bucket, tag, REMEMBER_LONG);
  return hits;
}

/** How often the entry's key was asked for lately. */
export function popularity(cache: usize, e: usize): u32 {
  return countOf(bucketFor(cache, e), tagOf(e));
}

/** Of an entry that leaves the window: makes its frequency what it is worth in the main part, one more than its hits in the window. Returns that. */
export function leaveWindow(cache: usize, e: usize): u32 {
  const frequency = min(frequencyOf(e) + settleHits(cache, e), FREQUENCY_MAX);
  put32(e + E_STATE, (get32(e + E_STATE) & ~FREQUENCY_MASK) | (frequency << FREQUENCY_SHIFT));
  return frequency;
}

/** Counts that the entry's key was in the cache lately, when it goes. */
export function countAsGhost(cache: usize, e: usize): void {
  count(bucketFor(cache, e), tagOf(e), REMEMBER_SHORT);
}

/** Moves an entry from the window to the main part. */
export function promote(cache: usize, e: usize): void {
  begin(cache);
  unlink(cache, e);
  place(cache, e, false);
  end();
}

/** Begins to count together what would be displaced: `nextVictim` answers one after the other. */
export function beginVictims(cache: usize): void {
  for (let s: u32 = 0; s < get32(cache + K_SPACE_COUNT); s++) {
    const space = spaceAt(cache, s);
    for (let bits = get64(space + N_LISTS); bits != 0; bits &= bits - 1) {
      const list = <u32>ctz(bits);
      put32(space + N_CURSORS + ((<usize>list) << 2), <u32>lastOf(space, list));
    }
  }
}

/** The next entry that the policy lets go, of one namespace or any; 0: there is none that may. `age` is the time in tenths of a second. */
export function nextVictim(cache: usize, only: u32, age: u32): usize {
  const policy = get32(cache + K_POLICY);
  if (policy == CACHE_SIEVE && only == ANY_SPACE) return sieveVictim(cache, age);
  let best: usize = 0;
  let least: f64 = Infinity;
  let bestCursor: usize = 0;
  for (let s: u32 = 0; s < get32(cache + K_SPACE_COUNT); s++) {
    if (only != ANY_SPACE && only != s) continue;
    const space = spaceAt(cache, s);
    // The window of the hybrid is not what is displaced.
    const isWindowed = policy == CACHE_HYBRID || policy == CACHE_S3_FIFO;
    for (let bits = get64(space + N_LISTS) & (isWindowed ? ~(<u64>1) : ~(<u64>0)); bits != 0; bits &= bits - 1) {
      const list = <u32>ctz(bits);
      const cursor = space + N_CURSORS + ((<usize>list) << 2);
      const e = isUnordered(policy, list) ? lowest(cache, cursor, policy, age) : candidate(cache, cursor, policy, age);
      if (e == 0) continue;
      const rank = getFloat(e + E_RANK);
      if (rank >= least) continue;
      least = rank;
      best = e;
      bestCursor = cursor;
    }
  }
  if (best != 0) put32(bestCursor, get32(best + E_BEFORE));
  return best;
}

/** Whether the entries of such a list do not stand in the order of their ranks. */
function isUnordered(policy: u32, list: u32): bool {
  return policy == CACHE_SIZE || policy == CACHE_TTL || (policy == CACHE_PRIORITY && list >= <u32>LISTS - 2);
}

/** The entry of lowest rank that may go, of the last ones of a list from its cursor on. */
function lowest(cache: usize, cursor: usize, policy: u32, age: u32): usize {
  let best: usize = 0;
  let e = <usize>get32(cursor);
  for (let seen: u32 = 0; e != 0 && seen < COMPARED; seen++) {
    const isLower = best == 0 || getFloat(e + E_RANK) < getFloat(best + E_RANK);
    if (isLower && mayGo(cache, e, policy, age)) best = e;
    e = <usize>get32(e + E_BEFORE);
  }
  return best;
}

/** The last entry of a list, from its cursor on, that may go; the cursor names it then. Those that were hit get a second chance on the way. */
function candidate(cache: usize, cursor: usize, policy: u32, age: u32): usize {
  const isLazy = policy == CACHE_HYBRID || policy == CACHE_S3_FIFO || policy == CACHE_SIEVE;
  let chances = SECOND_CHANCES;
  let passed: u32 = 0;
  let first: usize = 0;
  let e = <usize>get32(cursor);
  while (e != 0) {
    const before = <usize>get32(e + E_BEFORE);
    if (isLazy && chances != 0 && get8(hitsOf(<usize>get32(e + E_PLACE))) != 0) {
      const hits = settleHits(cache, e);
      begin(cache);
      unlink(cache, e);
      setFrequency(e, min(frequencyOf(e) + hits, FREQUENCY_MAX));
      place(cache, e, false);
      end();
      chances--;
      if (first == 0) first = e;
      // Where all were hit, the one that came to the front first is the last now.
      e = before != 0 ? before : first;
      put32(cursor, <u32>e);
      continue;
    }
    put32(cursor, <u32>e);
    if (mayGo(cache, e, policy, age)) return e;
    if (++passed > PASSED_MAX) return 0;
    e = before;
  }
  return 0;
}

/** Whether the entry may be evicted: it is old enough, not protected, and nobody reads it in place. */
export function mayGo(cache: usize, e: usize, policy: u32, age: u32): bool {
  if (isPinned(cache, e)) return false;
  if (get32(cache + K_CRITICAL) != 0) return true;
  if (policy == CACHE_PRIORITY ? priorityOf(e) > PRIORITY_GATE : priorityOf(e) == PRIORITY_CRITICAL) return false;
  const retention = get32(cache + K_RETENTION);
  return retention == 0 || age - get32(e + E_CREATED) >= retention;
}

/** One list in the order of arrival, and a hand that goes over it from the oldest on: what was hit stays, once. */
function sieveVictim(cache: usize, age: u32): usize {
  let passed: u32 = 0;
  let isWrapped: bool = false;
  let e = <usize>get32(cache + K_HAND);
  if (e == 0) e = oldest(cache);
  for (let turns: u32 = SECOND_CHANCES; e != 0; turns--) {
    const at = hitsOf(<usize>get32(e + E_PLACE));
    const before = <usize>get32(e + E_BEFORE);
    if (get8(at) != 0 && turns != 0) settleHits(cache, e);
    else if (mayGo(cache, e, CACHE_SIEVE, age)) {
      put32(cache + K_HAND, <u32>e);
      return e;
    } else if (++passed > PASSED_MAX) return 0;
    e = before;
    if (e == 0 && !isWrapped) {
      isWrapped = true;
      e = oldest(cache);
    }
    if (turns == 0) turns = 1;
  }
  return 0;
}

/** The oldest entry of list 1 of all namespaces. */
function oldest(cache: usize): usize {
  let best: usize = 0;
  for (let s: u32 = 0; s < get32(cache + K_SPACE_COUNT); s++) {
    const e = lastOf(spaceAt(cache, s), 1);
    if (e != 0 && (best == 0 || getFloat(e + E_RANK) < getFloat(best + E_RANK))) best = e;
  }
  return best;
}

/** An entry goes by the policy: the cache is as old as its rank. */
export function grewOld(cache: usize, e: usize): void {
  const policy = get32(cache + K_POLICY);
  if (policy != CACHE_HYBRID && policy != CACHE_LFU) return;
  const rank = getFloat(e + E_RANK);
  if (listOf(e) == 0 || rank <= getFloat(cache + K_AGE)) return;
  begin(cache);
  setFloat(cache + K_AGE, rank);
  end();
}
