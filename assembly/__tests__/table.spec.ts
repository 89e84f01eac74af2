// Table: from a key to its entry, while buckets are added one by one, and where one bucket goes on in others.

import { get32 } from "../memory";
import { bucketAt, bucketFor, bucketOf, find, hashKey, isIn, low } from "../table";
import { cacheDelete } from "../cache";
import { userOf } from "../cachepin";
import { cacheCopy } from "../lookup";
import {
  BUCKET_LOAD,
  BUCKET_NEXT,
  CHAIN_MAX,
  K_BUCKETS,
  K_MORE_PAGES,
  PLACES,
  U_HITS,
  U_MISSES,
} from "../shared/caches";
import { FULL, OK } from "../shared/status";
import { fresh, is, same, sound } from "./lib";
import { KEY, SOURCE, Shape, gone, has, items, keepSums, key, open, put, putIn } from "./caches";

function cacheHere(pages: u32 = 64): usize {
  fresh(pages, 2);
  keepSums();
  return open(new Shape());
}

describe("a hash", () => {
  it("belongs in one bucket of any number, and moves to the one that is added or stays", () => {
    for (let count: u32 = 1; count < 200; count++) {
      for (let h: u32 = 0; h < 600; h++) {
        const before = bucketOf(count, h * 0x9e3779b1);
        const after = bucketOf(count + 1, h * 0x9e3779b1);
        is(before < count, true, "there, of", count);
        if (after != before) {
          same(after, count, "moves to the new one, of", count);
          same(before, bucketOf(count, count), "out of one, of", count);
        }
      }
    }
  });
});

describe("a table", () => {
  it("finds what is in, and nothing else, however much that is", () => {
    const cache = cacheHere();
    for (let i: u32 = 0; i < 3000; i++) {
      putIn(cache, i);
      if (i % 500 == 0) sound("growing", i);
    }
    for (let i: u32 = 0; i < 3000; i++) is(has(cache, i), true, "in", i);
    for (let i: u32 = 3000; i < 4000; i++) is(has(cache, i), false, "not in", i);
    is(get32(cache + K_BUCKETS) * BUCKET_LOAD >= items(cache), true, "buckets", get32(cache + K_BUCKETS));
    for (let i: u32 = 0; i < 3000; i += 3) is(cacheDelete(cache, key(i), KEY), true, "deleted", i);
    for (let i: u32 = 0; i < 3000; i++) same(has(cache, i) ? 1 : 0, i % 3 == 0 ? 0 : 1, "left", i);
    gone(cache, "a table");
  });

  it("copies what it finds, and counts that as a look at it does", () => {
    const cache = cacheHere();
    putIn(cache, 1, 40);
    const user = userOf(cache);
    same(cacheCopy(cache, key(1), KEY, false, SOURCE + 64, 64), 40, "found", 0);
    same(cacheCopy(cache, key(2), KEY, false, SOURCE + 64, 64), -1, "not there", 0);
    same(cacheCopy(cache, key(1), KEY, false, SOURCE + 64, 39), -2, "no room", 0);
    same(cacheCopy(cache, key(2), KEY, true, SOURCE + 64, 64), -1, "looked for", 0);
    same(get32(user + U_HITS), 1, "hits", 0);
    same(get32(user + U_MISSES), 1, "misses", 0);
    gone(cache, "a copy");
  });

  it("says of an entry in which bucket it is, and that it is in", () => {
    const cache = cacheHere();
    putIn(cache, 7);
    hashKey(cache, key(7), KEY);
    const e = find(cache, SOURCE, KEY);
    is(e != 0 && isIn(e), true, "in", 0);
    same(bucketFor(cache, e), bucketAt(cache, bucketOf(get32(cache + K_BUCKETS), low)), "bucket", 0);
    gone(cache, "one");
  });

  it("goes on in other buckets where many keys belong in one, up to a number", () => {
    const cache = cacheHere();
    const most: u32 = PLACES * (CHAIN_MAX + 1);
    let count: u32 = 0;
    let number: u32 = 0;
    for (; count < most; number++) {
      hashKey(cache, key(number), KEY);
      if (bucketOf(get32(cache + K_BUCKETS), low) != 0) continue;
      putIn(cache, number);
      count++;
    }
    let chain: u32 = 0;
    for (let part = bucketAt(cache, 0); part != 0; part = <usize>get32(part + BUCKET_NEXT)) chain++;
    same(chain, CHAIN_MAX + 1, "buckets in a row", 0);
    is(get32(cache + K_MORE_PAGES) != 0, true, "of a page of their own", 0);
    sound("full", 0);
    let next = number;
    for (; ; next++) {
      hashKey(cache, key(next), KEY);
      if (bucketOf(get32(cache + K_BUCKETS), low) == 0) break;
    }
    same(put(cache, next), FULL, "one more", 0);
    is(has(cache, next), false, "is not in", 0);
    same(items(cache), most, "the others are", 0);
    for (let i: u32 = 0; i < number; i++) {
      hashKey(cache, key(i), KEY);
      is(has(cache, i), bucketOf(get32(cache + K_BUCKETS), low) == 0, "found", i);
    }
    // A place that comes free is had again, wherever in the row.
    let victim: u32 = 0;
    while (!has(cache, victim)) victim++;
    cacheDelete(cache, key(victim), KEY);
    same(put(cache, next), OK, "in its place", 0);
    gone(cache, "a row");
  });

  it("keeps a value that is put in again in its place", () => {
    const cache = cacheHere();
    putIn(cache, 1, 16);
    hashKey(cache, key(1), KEY);
    putIn(cache, 1, 900);
    is(has(cache, 1), true, "the new one", 0);
    same(items(cache), 1, "one", 0);
    gone(cache, "replaced");
  });
});
