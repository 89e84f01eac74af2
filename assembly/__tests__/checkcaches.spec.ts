// Check of the caches: each number of what is wrong, found where something of it was broken, and nothing else.

import { earAt } from "../cachehear";
import { cacheClaim, cacheEndLoad } from "../cachefetch";
import { claimAt } from "../cacheloads";
import { get32, get64, put32, put64 } from "../memory";
import { store32 } from "../atomic";
import { cacheSetPolicy } from "../cachelife";
import { pageOf } from "../cachepage";
import { userOf } from "../cachepin";
import { find, hashKey, placesEnd } from "../table";
import {
  BUCKET_BYTES,
  BUCKET_PLACES,
  CACHE_LRU,
  E_BEFORE,
  E_KEY,
  E_PLACE,
  E_STATE,
  K_ALL,
  K_BYTES,
  K_HELD,
  K_ITEMS,
  K_LATCH,
  K_LIMBO,
  K_LOG,
  K_LONG,
  K_MAIN,
  K_MORE_PAGES,
  K_MORTAL,
  K_NEW,
  K_OLD,
  EAR_NAME,
  K_HEARING,
  K_LOAD,
  K_LOADING,
  K_PAGE,
  K_PAGES,
  K_ROOM,
  K_SLOTS,
  K_SPARE,
  K_SPACES,
  K_SPLIT,
  K_TABLE,
  K_VALUES,
  K_WINDOW,
  N_BYTES,
  N_ITEMS,
  N_LISTS,
  PAGE_ALL_BEFORE,
  PAGE_BEFORE,
  PAGE_COUNT,
  PAGE_USED,
  U_RESERVED,
} from "../shared/caches";
import { BAD_CACHE } from "../shared/status";
import { fresh, is, problems, same, sound, text } from "./lib";
import { KEY, SOURCE, Shape, gone, has, keepSums, key, open, putIn } from "./caches";

let cache: usize = 0;

function entryOf(number: u32): usize {
  hashKey(cache, key(number), KEY);
  return find(cache, SOURCE, KEY);
}

function start(): void {
  fresh(16, 4);
  keepSums();
  cache = open(new Shape());
  for (let i: u32 = 0; i < 6; i++) putIn(cache, i, 40);
  putIn(cache, 6, 5000);
  sound("before", 0);
}

/** With another word there check finds problem `number`; with the one that was there, nothing. */
function finds(number: u32, at: usize, value: u32, what: string): void {
  const before = get32(at);
  is(before != value, true, "another word, " + what, 0);
  put32(at, value);
  expect<string>(problems()).toBe(text(BAD_CACHE) + "@" + text(cache | number), what);
  put32(at, before);
  sound(what, number);
}

function findsMore(number: u32, at: usize, what: string): void {
  finds(number, at, get32(at) + 16, what);
}

describe("check", () => {
  it("finds a change that nobody made whole", () => {
    start();
    finds(1, cache + K_LOG, 1, "a log");
    finds(1, cache + K_NEW, <u32>entryOf(1), "what comes in");
    finds(2, cache + K_OLD, <u32>entryOf(1), "what comes out");
    finds(2, cache + K_SPLIT, 32, "a bucket");
    finds(2, cache + K_PAGE, 4096, "a page");
    gone(cache, "a change");
  });

  it("finds a table whose pages are none", () => {
    start();
    finds(3, cache + K_PAGES + 4, <u32>cache, "addresses");
    finds(3, <usize>get32(cache + K_PAGES) + 4, <u32>cache, "buckets");
    finds(3, cache + K_MORE_PAGES, <u32>cache, "others");
    findsMore(4, cache + K_TABLE, "bytes of it");
    gone(cache, "a table");
  });

  it("finds pages of entries that are broken", () => {
    start();
    const e = entryOf(3);
    const page = pageOf(e);
    finds(5, cache + K_SPARE, <u32>cache, "one that is kept, and is none");
    finds(5, <usize>get32(cache + K_ALL) + PAGE_ALL_BEFORE, 64, "a link");
    finds(5, page + PAGE_USED, get32(page + PAGE_USED) + 1, "how many slots are taken");
    finds(5, e + E_PLACE, get32(entryOf(2) + E_PLACE), "a place that names another");
    finds(5, e + E_STATE, (get32(e + E_STATE) & ~0xff) | 3, "a state that nothing has at rest");
    finds(5, e + E_KEY, get32(e + E_KEY) + 0x10000, "the distance from the page");
    gone(cache, "pages");
  });

  it("finds counters that are not what they count", () => {
    start();
    findsMore(6, cache + K_ITEMS, "entries");
    findsMore(6, cache + K_BYTES, "bytes");
    findsMore(6, cache + K_SLOTS, "slots");
    findsMore(7, cache + K_VALUES, "values");
    findsMore(7, cache + K_MORTAL, "mortal");
    findsMore(7, cache + K_LONG, "long");
    findsMore(8, cache + K_HELD, "held");
    gone(cache, "counters");
  });

  it("finds lists in which not every entry stands once", () => {
    start();
    const space = <usize>get32(cache + K_SPACES);
    findsMore(9, cache + K_WINDOW, "the window");
    findsMore(9, cache + K_MAIN, "the others");
    findsMore(9, space + N_ITEMS, "entries of a namespace");
    findsMore(9, space + N_BYTES, "its bytes");
    finds(9, space + N_LISTS, get32(space + N_LISTS) ^ 8, "which lists are not empty");
    finds(9, entryOf(2) + E_BEFORE, <u32>entryOf(5), "a link");
    gone(cache, "lists");
  });

  it("finds a place that names what stands in another", () => {
    start();
    const place = <usize>get32(entryOf(2) + E_PLACE);
    let empty: usize = 0;
    const bucket = place & ~(BUCKET_BYTES - 1);
    for (let p = bucket + BUCKET_PLACES; p < placesEnd(bucket); p += 8) if (<u32>get64(p) == 0) empty = p;
    put64(empty, get64(place));
    expect<string>(problems()).toBe(text(BAD_CACHE) + "@" + text(cache | 10), "twice");
    put64(empty, 0);
    sound("once", 0);
    gone(cache, "places");
  });

  it("finds what is taken and nobody's", () => {
    start();
    finds(11, userOf(cache) + U_RESERVED, 64, "in hand");
    finds(11, cache + K_LIMBO, <u32>entryOf(1), "in limbo");
    gone(cache, "nobody's");
  });

  it("finds pages with room that are in no list of those", () => {
    start();
    const page = pageOf(entryOf(1));
    finds(12, page + PAGE_BEFORE, 64, "a link");
    finds(12, cache + K_ROOM + ((<usize>get32(page + PAGE_COUNT)) << 2), 0, "no list");
    gone(cache, "room");
  });

  it("does not look at what somebody is at work on", () => {
    start();
    store32(cache + K_LATCH, 0x204);
    put32(cache + K_ITEMS, 99);
    sound("at work", 0);
    put32(cache + K_ITEMS, 7);
    store32(cache + K_LATCH, 0);
    is(cacheSetPolicy(cache, CACHE_LRU, 0, 0, false) && has(cache, 1), true, "goes on", 0);
    same(get32(cache + K_LATCH), 0, "let go", 0);
    gone(cache, "at work");
  });

  it("finds claims of nobody's, or that nobody looks at, and ears of nobody's", () => {
    start();
    same(cacheClaim(cache, key(1), KEY), 1, "claimed", 0);
    same(cacheClaim(cache, key(2), KEY), 2, "claimed", 1);
    finds(13, cache + K_LOADING, 1, "one behind the last");
    finds(13, cache + K_LOAD, 1, "a second look that is due");
    finds(13, claimAt(cache, 1) + 4, get32(claimAt(cache, 1) + 4) + 256, "of an owner that is gone");
    finds(13, claimAt(cache, 1), get32(claimAt(cache, 2)), "two for one key");
    cacheEndLoad(cache, 1);
    cacheEndLoad(cache, 2);
    finds(13, earAt(cache, 2) + EAR_NAME, 7, "an ear of nobody's");
    finds(13, cache + K_HEARING, 2, "a bit without an ear");
    finds(13, cache + K_HEARING + 28, 0x80000000, "a bit of no owner's");
    gone(cache, "claims");
  });
});
