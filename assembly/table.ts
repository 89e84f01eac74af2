// Table: from a key to its entry. Owns the pages of buckets, the places in them, how often each place was hit, and how many buckets there are. A
// place is one word, hits << 56 | tag << 32 | address, and the truth of what is in the cache. It grows by one bucket at a time (linear hashing), so no call
// pays for all.
//
//   an entry stands in one place: in the bucket of its hash, or where that goes on            E_PLACE of the entry ⇔ its place
//   an entry's memory is given on only after its place was emptied and its bucket's version raised
//
// Readers take no lock: they read the version, the places, the entry, and then the version again; if it is the same, what they read was
// the entry. Who dies while adding a bucket leaves K_SPLIT: until K_BUCKETS counts it, it is emptied again; afterwards the old one is.

import { get32, get64, matchLower, matchUpper, put32, put64 } from "./memory";
import { load8, load32, load64, store32, store64 } from "./atomic";
import { hash } from "./hash";
import { placed, takePage } from "./cachepage";
import { copySketch } from "./sketch";
import { add32, begin, end, set32 } from "./undo";
import {
  ADDRESS_PAGES_MAX,
  BUCKET_BYTES,
  BUCKET_LOAD,
  BUCKET_NEXT,
  BUCKET_PLACES,
  BUCKET_SHIFT,
  BUCKET_VERSION,
  CHAIN_MAX,
  MORE_NEXT,
  E_DEAD,
  E_HASH,
  E_KEY,
  E_PLACE,
  E_TEXT,
  K_BUCKETS,
  K_ITEMS,
  K_MORE,
  K_MORE_PAGES,
  K_PAGES,
  K_SEED,
  K_SPLIT,
  K_TABLE,
  PAGE_BYTES,
  PLACES,
  PLACE_HITS,
  TAG_MASK,
  TABLE_PAGE_BUCKETS,
  KEY_KIND_SHIFT,
  KEY_LENGTH_MASK,
} from "./shared/caches";

const KEY_MASK: u32 = 0xffff;
const PAGE_SHIFT: u32 = 5;
const ADDRESS_SHIFT: u32 = 15;

// Of the key that was hashed last: both halves of its hash, the second never 0.
export let low: u32 = 0;
export let tag: u32 = 0;
// Of the last lookup.
export let foundBucket: usize = 0;
export let foundVersion: u32 = 0;
export let foundCount: u32 = 0;
export let foundPlace: usize = 0;

/** Hashes the key at `at`, kind << 14 | length. */
export function hashKey(cache: usize, at: usize, key: u32): void {
  const h = hash(at, key & KEY_LENGTH_MASK, key >>> KEY_KIND_SHIFT, cache + K_SEED);
  low = <u32>h;
  tag = (<u32>(h >> 32) & TAG_MASK) | 1;
}

/** Address of bucket `index`, whose page is there. */
export function bucketAt(cache: usize, index: u32): usize {
  const addresses = <usize>get32(cache + K_PAGES + ((<usize>(index >>> ADDRESS_SHIFT)) << 2));
  const page = <usize>get32(addresses + ((<usize>((index >>> PAGE_SHIFT) & 1023)) << 2));
  return page + ((<usize>(index & (TABLE_PAGE_BUCKETS - 1))) << BUCKET_SHIFT);
}

/** Which of `count` buckets a hash belongs to. */
export function bucketOf(count: u32, h: u32): u32 {
  const mask = 0xffffffff >>> <u32>clz((count - 1) | 1);
  const index = h & mask;
  return index < count ? index : index & (mask >>> 1);
}

/** Address of how often the entry in the place at `p` was hit. A late hit may stand there when the place is empty again. */
export function hitsOf(p: usize): usize {
  return p + PLACE_HITS;
}

/** End of the places of the bucket at `bucket`. */
export function placesEnd(bucket: usize): usize {
  return bucket + BUCKET_PLACES + (PLACES << 3);
}

/** The bucket, the first of its chain, of the entry at `e`. Under the latch. */
export function bucketFor(cache: usize, e: usize): usize {
  return bucketAt(cache, bucketOf(get32(cache + K_BUCKETS), get32(e + E_HASH)));
}

/** That of the key that was hashed last. Under the latch. */
export function bucketOfKey(cache: usize): usize {
  return bucketAt(cache, bucketOf(get32(cache + K_BUCKETS), low));
}

/**
 * The entry with the key at `at` that was hashed last, with where and at which version its bucket was found; 0: there is none. Also beside
 * who changes the table: then the caller compares the version again after it has read the entry, and how many buckets there are where it found none.
 */
export function find(cache: usize, at: usize, key: u32): usize {
  foundCount = load32(cache + K_BUCKETS);
  foundBucket = bucketAt(cache, bucketOf(foundCount, low));
  foundVersion = load32(foundBucket + BUCKET_VERSION);
  return lookIn(foundBucket, foundVersion, at, key);
}

function lookIn(bucket: usize, version: u32, at: usize, key: u32): usize {
  for (let part = bucket; part != 0; part = <usize>load32(part + BUCKET_NEXT)) {
    // The first word is no place.
    for (let may = matchUpper(part, tag, TAG_MASK) & ~1; may != 0; may &= may - 1) {
      const p = part + ((<usize>ctz(may)) << 3);
      const word = load64(p);
      const e = <usize>(<u32>word);
      if ((<u32>(word >> 32) & TAG_MASK) != tag || !isKey(e, bucket, version, at, key)) continue;
      foundPlace = p;
      // What was compared: by now the place may be empty, while the entry stands in a new bucket.
      return e;
    }
  }
  return 0;
}

/** Whether the entry at `e` has that key and was not deleted. What lies there is compared only if it is an entry of that length still. */
function isKey(e: usize, bucket: usize, version: u32, at: usize, key: u32): bool {
  if ((get32(e + E_KEY) & KEY_MASK) != key || load8(e + E_DEAD) != 0) return false;
  return load32(bucket + BUCKET_VERSION) == version && hasText(e, at, key & KEY_LENGTH_MASK);
}

/** Whether the key of the entry at `e`, which is as long, is what stands at `at`. */
export function hasText(e: usize, at: usize, length: u32): bool {
  const whole = length & ~7;
  for (let i: usize = 0; i < <usize>whole; i += 8) if (get64(e + E_TEXT + i) != get64(at + i)) return false;
  const rest = length & 7;
  if (rest == 0) return true;
  // An entry's text is a multiple of 8 bytes long.
  return (get64(e + E_TEXT + whole) ^ get64(at + whole)) << ((8 - rest) << 3) == 0;
}

/** An empty place for the key that was hashed last; 0: there is none, nor memory for one. Under the latch. */
export function placeFor(cache: usize): usize {
  let part = bucketOfKey(cache);
  for (let chain: u32 = 0; ; chain++) {
    const p = emptyIn(part);
    if (p != 0) return p;
    const next = <usize>get32(part + BUCKET_NEXT);
    if (next == 0) return chain < <u32>CHAIN_MAX ? goOn(cache, part) : 0;
    part = next;
  }
  return 0;
}

function emptyIn(bucket: usize): usize {
  // The first word is no place.
  const empty = matchLower(bucket, 0) & ~1;
  return empty == 0 ? 0 : bucket + ((<usize>ctz(empty)) << 3);
}

/** Adds a bucket where the one at `part` goes on; its first place. */
function goOn(cache: usize, part: usize): usize {
  if (get32(cache + K_MORE) == 0 && !addMore(cache)) return 0;
  const more = <usize>get32(cache + K_MORE);
  begin(cache);
  set32(cache + K_MORE, get32(more + BUCKET_NEXT));
  set32(more + BUCKET_NEXT, 0);
  set32(part + BUCKET_NEXT, <u32>more);
  end();
  return more + BUCKET_PLACES;
}

/** Takes a page of buckets in which others go on. */
function addMore(cache: usize): bool {
  const page = takePage(cache, PAGE_BYTES);
  if (page == 0) return false;
  for (let at = page + BUCKET_BYTES; at < page + PAGE_BYTES; at += BUCKET_BYTES) {
    const next = at + BUCKET_BYTES;
    put32(at + BUCKET_NEXT, next < page + PAGE_BYTES ? <u32>next : 0);
  }
  put32(page + MORE_NEXT, get32(cache + K_MORE_PAGES));
  begin(cache);
  placed(cache, PAGE_BYTES);
  set32(cache + K_MORE, <u32>(page + BUCKET_BYTES));
  set32(cache + K_MORE_PAGES, <u32>page);
  add32(cache + K_TABLE, PAGE_BYTES);
  end();
  return true;
}

/** Names the entry at `e` in the place at `p`: from then on it is in. Under the latch. */
export function enter(p: usize, e: usize, t: u32): void {
  store64(p, ((<u64>t) << 32) | e); // commit
}

/** Empties the place of the entry at `e`, if it names it: from then on it is out. Under the latch. */
export function takeOut(cache: usize, e: usize): void {
  const p = <usize>get32(e + E_PLACE);
  if (<usize>(<u32>get64(p)) == e) store64(p, 0); // commit
  raise(bucketFor(cache, e));
}

/** Says that something in the bucket changed: who reads in it reads again. */
export function raise(bucket: usize): void {
  store32(bucket + BUCKET_VERSION, load32(bucket + BUCKET_VERSION) + 1);
}

/** Whether the place that the entry at `e` says it has names it. Under the latch. */
export function isIn(e: usize): bool {
  return <usize>(<u32>get64(<usize>get32(e + E_PLACE))) == e;
}

/** The tag of the entry at `e`. Under the latch. */
export function tagOf(e: usize): u32 {
  return <u32>(get64(<usize>get32(e + E_PLACE)) >> 32) & TAG_MASK;
}

/** Whether there is memory for what the table needs when one entry more comes in. Under the latch. */
export function isReady(cache: usize): bool {
  if (get32(cache + K_MORE) == 0 && !addMore(cache)) return false;
  const count = get32(cache + K_BUCKETS);
  return get32(cache + K_ITEMS) < count * BUCKET_LOAD || hasBucket(cache, count);
}

/** Adds a bucket if there are many entries to each; nothing is lost if there is no memory for one. Under the latch. */
export function grow(cache: usize): void {
  const count = get32(cache + K_BUCKETS);
  if (get32(cache + K_ITEMS) <= count * BUCKET_LOAD || !hasBucket(cache, count) || !hasPlaces(cache, count)) return;
  put32(cache + K_SPLIT, count);
  fillSplit(cache, count);
  store32(cache + K_BUCKETS, count + 1); // commit
  clearSplit(cache, count);
  put32(cache + K_SPLIT, 0);
}

/** What a death left of a bucket that was being added. */
export function settleSplit(cache: usize): void {
  const count = get32(cache + K_SPLIT);
  if (count == 0) return;
  if (get32(cache + K_BUCKETS) > count) clearSplit(cache, count);
  else emptyBucket(bucketAt(cache, count));
  put32(cache + K_SPLIT, 0);
}

/** Whether there is memory for bucket `index`, the next one. */
export function hasBucket(cache: usize, index: u32): bool {
  if ((index & (TABLE_PAGE_BUCKETS - 1)) != 0) return true;
  if (index >>> ADDRESS_SHIFT >= <u32>ADDRESS_PAGES_MAX) return false;
  const naming = cache + K_PAGES + ((<usize>(index >>> ADDRESS_SHIFT)) << 2);
  if (get32(naming) == 0 && !addTablePage(cache, naming, PAGE_BYTES)) return false;
  const place = <usize>get32(naming) + ((<usize>((index >>> PAGE_SHIFT) & 1023)) << 2);
  return get32(place) != 0 || addTablePage(cache, place, PAGE_BYTES);
}

function addTablePage(cache: usize, naming: usize, bytes: u32): bool {
  const page = takePage(cache, bytes);
  if (page == 0) return false;
  begin(cache);
  placed(cache, bytes);
  set32(naming, <u32>page);
  add32(cache + K_TABLE, bytes);
  end();
  return true;
}

/** Index of the bucket out of which bucket `index` is filled. */
function sourceOf(index: u32): u32 {
  return bucketOf(index, index);
}

/** Whether what `word` names belongs in the new bucket `index`. */
function belongs(word: u64, index: u32): bool {
  return <u32>word != 0 && bucketOf(index + 1, get32(<usize>(<u32>word) + E_HASH)) == index;
}

/** Whether bucket `index`, in which nobody looks yet, has places for all that belongs there. */
function hasPlaces(cache: usize, index: u32): bool {
  let count: i32 = 0;
  for (let part = bucketAt(cache, sourceOf(index)); part != 0; part = <usize>get32(part + BUCKET_NEXT)) {
    for (let p = part + BUCKET_PLACES; p < placesEnd(part); p += 8) if (belongs(get64(p), index)) count++;
  }
  for (let part = bucketAt(cache, index); ; part = <usize>get32(part + BUCKET_NEXT)) {
    count -= PLACES;
    if (count <= 0) return true;
    if (get32(part + BUCKET_NEXT) == 0 && goOn(cache, part) == 0) return false;
  }
  return false;
}

/** Writes into bucket `index`, which is empty and in which nobody looks, all that belongs there. */
function fillSplit(cache: usize, index: u32): void {
  let target = bucketAt(cache, index);
  let to = target + BUCKET_PLACES;
  for (let part = bucketAt(cache, sourceOf(index)); part != 0; part = <usize>get32(part + BUCKET_NEXT)) {
    for (let p = part + BUCKET_PLACES; p < placesEnd(part); p += 8) {
      const word = get64(p);
      if (!belongs(word, index)) continue;
      if (to == placesEnd(target)) {
        target = <usize>get32(target + BUCKET_NEXT);
        to = target + BUCKET_PLACES;
      }
      put64(to, word);
      to += 8;
    }
  }
  copySketch(bucketAt(cache, index), bucketAt(cache, sourceOf(index)));
}

/** Takes out of the old bucket what stands in bucket `index` since that counts. */
function clearSplit(cache: usize, index: u32): void {
  for (let part = bucketAt(cache, index); part != 0; part = <usize>get32(part + BUCKET_NEXT)) {
    for (let p = part + BUCKET_PLACES; p < placesEnd(part); p += 8) {
      const word = get64(p);
      if (<u32>word != 0) put32(<usize>(<u32>word) + E_PLACE, <u32>p);
    }
  }
  const source = bucketAt(cache, sourceOf(index));
  for (let part = source; part != 0; part = <usize>get32(part + BUCKET_NEXT)) {
    for (let p = part + BUCKET_PLACES; p < placesEnd(part); p += 8) if (belongs(get64(p), index)) store64(p, 0);
  }
  raise(source);
}

function emptyBucket(bucket: usize): void {
  for (let part = bucket; part != 0; part = <usize>get32(part + BUCKET_NEXT)) {
    for (let p = part + BUCKET_PLACES; p < placesEnd(part); p += 8) put64(p, 0);
  }
}
