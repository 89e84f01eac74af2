// Eviction: which entry goes first, by each policy.

import { cacheSetPolicy } from "../cachelife";
import {
  CACHE_FIFO,
  CACHE_HYBRID,
  CACHE_LFU,
  CACHE_LRU,
  CACHE_PRIORITY,
  CACHE_S3_FIFO,
  CACHE_SIEVE,
  CACHE_SIZE,
  CACHE_TTL,
  K_GONE,
  GONE_EVICTED,
  K_MAX_ITEMS,
  MEASURE_ITEMS,
} from "../shared/caches";
import { get32 } from "../memory";
import { fresh, is, same, sound, text } from "./lib";
import { About, NOW, Shape, few, gone, has, items, keepSums, keysBelow, open, putIn } from "./caches";

function start(): void {
  fresh(16, 2);
  keepSums();
}

/** Of four entries, 0 to 3, that came in in this order, so many are left when others came in. */
function four(policy: u32): usize {
  start();
  const cache = few(4, policy);
  for (let i: u32 = 0; i < 4; i++) putIn(cache, i);
  return cache;
}

function isLeft(cache: usize, expected: string, what: string): void {
  expect<string>(keysBelow(cache, 4)).toBe(expected, what);
}

/** A new one comes in, and this is left of the four. */
function pushedOut(cache: usize, newcomer: u32, expected: string): void {
  putIn(cache, newcomer);
  isLeft(cache, expected, "after " + text(newcomer));
  sound("pushed out", newcomer);
}

describe("what goes first", () => {
  it("is what came first, by fifo, however often it was asked for", () => {
    const cache = four(CACHE_FIFO);
    for (let i = 0; i < 5; i++) has(cache, 0, false);
    pushedOut(cache, 10, "1 2 3");
    pushedOut(cache, 11, "2 3");
    same(get32(cache + K_GONE + GONE_EVICTED * 4), 2, "evicted", 0);
    gone(cache, "fifo");
  });

  it("is what was asked for least recently, by lru", () => {
    const cache = four(CACHE_LRU);
    has(cache, 0, false);
    pushedOut(cache, 10, "0 2 3");
    has(cache, 2, true);
    pushedOut(cache, 11, "0 3");
    gone(cache, "lru");
  });

  it("is what was asked for least often, by lfu", () => {
    const cache = four(CACHE_LFU);
    for (let i: u32 = 0; i < 4; i++) for (let n: u32 = 0; n < 4 - i; n++) has(cache, i, false);
    pushedOut(cache, 10, "0 1 2");
    gone(cache, "lfu");
  });

  it("is what expires soonest, by ttl, and what never does last", () => {
    start();
    const cache = few(4, CACHE_TTL);
    for (let i: u32 = 0; i < 4; i++) {
      const about = new About();
      // Within one octave of time to live the first that came goes first.
      about.expires = i == 0 ? 0 : NOW + <f64>(100000 << (2 * (4 - i)));
      putIn(cache, i, 16, about);
    }
    pushedOut(cache, 10, "0 1 2");
    pushedOut(cache, 11, "0 1");
    gone(cache, "ttl");
  });

  it("is what is longest, by size", () => {
    start();
    const shape = new Shape();
    shape.items = 4;
    shape.policy = CACHE_SIZE;
    shape.measure = 1;
    const cache = open(shape);
    for (let i: u32 = 0; i < 4; i++) putIn(cache, i, i == 2 ? 900 : 100 - i * 20);
    putIn(cache, 10, 1);
    isLeft(cache, "0 1 3", "the longest is gone");
    putIn(cache, 11, 1);
    isLeft(cache, "1 3", "and the next");
    gone(cache, "size");
  });

  it("is of the lowest priority, by priority; above sixty it stays", () => {
    start();
    const cache = few(4, CACHE_PRIORITY);
    for (let i: u32 = 0; i < 4; i++) {
      const about = new About();
      about.priority = i == 3 ? 90 : 40 - i * 10;
      putIn(cache, i, 16, about);
    }
    const about = new About();
    about.priority = 60;
    putIn(cache, 10, 16, about);
    isLeft(cache, "0 1 3", "the lowest is gone");
    putIn(cache, 11, 16, about);
    putIn(cache, 12, 16, about);
    isLeft(cache, "3", "the others too");
    gone(cache, "priority");
  });

  it("is what was not asked for since the hand was there, by sieve", () => {
    const cache = four(CACHE_SIEVE);
    has(cache, 0, false);
    has(cache, 2, false);
    pushedOut(cache, 10, "0 2 3");
    pushedOut(cache, 11, "0 2");
    // The hand is past them; now it begins anew with what it passed, unmarked.
    pushedOut(cache, 12, "0 2");
    gone(cache, "sieve");
  });

  it("is what was not asked for twice while it was new, by s3-fifo", () => {
    start();
    const cache = few(20, CACHE_S3_FIFO);
    for (let i: u32 = 0; i < 20; i++) putIn(cache, i);
    for (let n = 0; n < 3; n++) has(cache, 1, false);
    for (let i: u32 = 20; i < 24; i++) putIn(cache, i);
    is(has(cache, 1), true, "asked for", 0);
    is(has(cache, 0), false, "not asked for", 0);
    same(items(cache), 20, "as many as may be", 0);
    gone(cache, "s3-fifo");
  });

  it("is not what is asked for often, by hybrid, whatever comes in once", () => {
    start();
    const cache = few(20, CACHE_HYBRID);
    for (let i: u32 = 0; i < 10; i++) putIn(cache, i);
    for (let n = 0; n < 6; n++) for (let i: u32 = 0; i < 4; i++) has(cache, i, false);
    for (let i: u32 = 100; i < 300; i++) {
      putIn(cache, i);
      for (let k: u32 = 0; k < 4; k++) has(cache, k, false);
    }
    for (let i: u32 = 0; i < 4; i++) is(has(cache, i), true, "asked for", i);
    is(items(cache) <= 20, true, "no more than may be", items(cache));
    sound("a scan", 0);
    gone(cache, "hybrid");
  });

  it("is by another policy from when that is set; nothing is lost by it", () => {
    const cache = four(CACHE_FIFO);
    const policies: u32[] = [
      CACHE_LRU,
      CACHE_HYBRID,
      CACHE_LFU,
      CACHE_TTL,
      CACHE_SIZE,
      CACHE_PRIORITY,
      CACHE_SIEVE,
      CACHE_S3_FIFO,
      CACHE_FIFO,
    ];
    for (let i = 0; i < policies.length; i++) {
      is(cacheSetPolicy(cache, policies[i], 0, 0, false), true, "set", i);
      sound("set", i);
      same(items(cache), 4, "entries", i);
    }
    isLeft(cache, "0 1 2 3", "all");
    same(get32(cache + K_MAX_ITEMS), 4, "limit", MEASURE_ITEMS);
    pushedOut(cache, 10, "1 2 3");
    gone(cache, "set anew");
  });
});
