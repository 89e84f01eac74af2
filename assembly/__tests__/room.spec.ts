// Room: the limits of a cache, of its values and of its namespaces; what may not go; and what is shown to who puts in.

import { get32 } from "../memory";
import { cacheEvict, cachePin, cacheUnpin } from "../cache";
import { cacheSetLimits, cacheSetPolicy, cacheSetSpace } from "../cachelife";
import { userOf } from "../cachepin";
import {
  CACHE_FIFO,
  E_KEY,
  E_TEXT,
  GONE_EVICTED,
  GONE_EXPIRED,
  GONE_REPLACED,
  K_GONE,
  K_ITEMS,
  K_LIMBO,
  K_MORTAL,
  K_REFUSED,
  K_VALUES,
  U_ENTRY,
  U_SHOWN,
  U_WHY,
} from "../shared/caches";
import { CACHE_PROTECTED, CACHE_SHOWN, CACHE_SPACE_FULL, CACHE_TOO_LARGE, OK } from "../shared/status";
import { fresh, is, same, sound } from "./lib";
import { About, KEY, NOW, NO_LIMIT, Shape, few, gone, has, items, keepSums, key, open, put, putIn } from "./caches";

const LOOKS: u32 = 1 << 24;
const GOES_ON: u32 = 1 << 25;

function start(): void {
  fresh(16, 2);
  keepSums();
}

function goneOf(cache: usize, why: u32): u32 {
  return get32(cache + K_GONE + ((<usize>why) << 2));
}

function refused(cache: usize, status: u32): u32 {
  return get32(cache + K_REFUSED + ((<usize>(status - CACHE_TOO_LARGE)) << 2));
}

describe("room", () => {
  it("is for so many entries", () => {
    start();
    const cache = few(3, CACHE_FIFO);
    for (let i: u32 = 0; i < 10; i++) {
      putIn(cache, i);
      same(items(cache), min(i + 1, 3), "entries", i);
    }
    is(has(cache, 6), false, "gone", 0);
    is(has(cache, 7) && has(cache, 8) && has(cache, 9), true, "left", 0);
    gone(cache, "entries");
  });

  it("is for so many bytes of values; what takes another's place counts the difference", () => {
    start();
    const shape = new Shape();
    shape.values = 1000;
    const cache = open(shape);
    for (let i: u32 = 0; i < 4; i++) putIn(cache, i, 250);
    same(get32(cache + K_VALUES), 1000, "full", 0);
    putIn(cache, 3, 250);
    same(items(cache), 4, "the same again", 0);
    putIn(cache, 3, 251);
    is(has(cache, 0), false, "one byte more", 0);
    same(put(cache, 9, 1001), CACHE_TOO_LARGE, "more than all", 0);
    same(refused(cache, CACHE_TOO_LARGE), 1, "counted", 0);
    gone(cache, "values");
  });

  it("that is not had leaves nothing older of the key", () => {
    start();
    const shape = new Shape();
    shape.values = 1000;
    const cache = open(shape);
    putIn(cache, 1, 10);
    same(put(cache, 1, 1001), CACHE_TOO_LARGE, "too large", 0);
    is(has(cache, 1), false, "the older one", 0);
    same(goneOf(cache, GONE_REPLACED), 1, "counted", 0);
    gone(cache, "refused");
  });

  it("is what a lower limit leaves, from the next value on", () => {
    start();
    const cache = few(10, CACHE_FIFO);
    for (let i: u32 = 0; i < 10; i++) putIn(cache, i);
    is(cacheSetLimits(cache, NO_LIMIT, NO_LIMIT, 2), true, "set", 0);
    same(items(cache), 10, "entries still", 0);
    putIn(cache, 10);
    same(items(cache), 2, "entries", 0);
    is(has(cache, 9) && has(cache, 10), true, "the newest", 0);
    gone(cache, "lower");
  });

  it("of a namespace is its own: what is too much there goes there", () => {
    start();
    const shape = new Shape();
    shape.spaces = 3;
    const cache = open(shape);
    is(cacheSetSpace(cache, 1, 2, NO_LIMIT) && cacheSetSpace(cache, 2, 0, NO_LIMIT), true, "set", 0);
    const about = new About();
    putIn(cache, 0, 16, about);
    about.space = 1;
    for (let i: u32 = 1; i < 5; i++) putIn(cache, i, 16, about);
    is(has(cache, 0) && has(cache, 3) && has(cache, 4), true, "left", 0);
    same(items(cache), 3, "entries", 0);
    about.space = 2;
    same(put(cache, 9, 16, about), CACHE_SPACE_FULL, "none may", 0);
    same(refused(cache, CACHE_SPACE_FULL), 1, "counted", 0);
    gone(cache, "namespaces");
  });

  it("is not made by what is too young, until it is old enough", () => {
    start();
    const shape = new Shape();
    shape.items = 1;
    shape.retention = 100;
    const cache = open(shape);
    const about = new About();
    putIn(cache, 1, 16, about);
    about.now = NOW + 9900;
    same(put(cache, 2, 16, about), CACHE_PROTECTED, "too young", 0);
    same(refused(cache, CACHE_PROTECTED), 1, "counted", 0);
    is(has(cache, 1), true, "there still", 0);
    about.now = NOW + 10000;
    putIn(cache, 2, 16, about);
    is(has(cache, 1), false, "old enough", 0);
    gone(cache, "retention");
  });

  it("is not made by what is of the highest priority, but in critical mode", () => {
    start();
    const cache = few(1, CACHE_FIFO);
    const about = new About();
    about.priority = 100;
    putIn(cache, 1, 16, about);
    same(put(cache, 2), CACHE_PROTECTED, "protected", 0);
    is(cacheSetPolicy(cache, CACHE_FIFO, 0, 0, true), true, "critical", 0);
    putIn(cache, 2);
    is(has(cache, 1), false, "gone", 0);
    gone(cache, "priority");
  });

  it("is not made by what is pinned; unpinned it is", () => {
    start();
    const cache = few(1, CACHE_FIFO);
    putIn(cache, 1);
    is(cachePin(cache, key(1), KEY, true) != 0, true, "pinned", 0);
    const e = <usize>get32(userOf(cache) + U_ENTRY);
    same(put(cache, 2), CACHE_PROTECTED, "pinned", 0);
    is(cacheUnpin(cache, e), true, "unpinned", 0);
    is(cacheUnpin(cache, e), false, "once", 0);
    putIn(cache, 2);
    gone(cache, "pinned");
  });

  it("is made by what expired before anything else goes", () => {
    start();
    const cache = few(2, CACHE_FIFO);
    const about = new About();
    putIn(cache, 1, 16, about);
    about.expires = NOW + 500;
    putIn(cache, 2, 16, about);
    same(get32(cache + K_MORTAL), 1, "mortal", 0);
    about.now = NOW + 500;
    about.expires = 0;
    putIn(cache, 3, 16, about);
    is(has(cache, 1) && has(cache, 3), true, "left", 0);
    same(goneOf(cache, GONE_EXPIRED), 1, "expired", 0);
    same(goneOf(cache, GONE_EVICTED) + get32(cache + K_MORTAL), 0, "nothing else", 0);
    gone(cache, "expired");
  });

  it("is made one by one where each that goes is looked at", () => {
    start();
    const cache = few(2, CACHE_FIFO);
    putIn(cache, 1);
    putIn(cache, 2);
    is(cacheSetLimits(cache, NO_LIMIT, NO_LIMIT, 1), true, "set", 0);
    const about = new About();
    about.flags = LOOKS;
    for (let i: u32 = 1; i <= 2; i++) {
      same(put(cache, 3, 16, about), CACHE_SHOWN, "shown", i);
      const e = <usize>get32(userOf(cache) + U_SHOWN);
      same(get32(userOf(cache) + U_WHY), GONE_EVICTED, "why", i);
      same(get32(e + E_KEY) & 0xffff, KEY, "key of", i);
      same(load<u32>(e + E_TEXT + 4), i, "key", i);
      same(get32(cache + K_LIMBO), <u32>e, "in limbo", i);
      sound("shown", i);
      is(cacheUnpin(cache, e), true, "let go", i);
      same(get32(cache + K_LIMBO), 0, "freed", i);
      about.flags = LOOKS | GOES_ON;
    }
    same(put(cache, 3, 16, about), OK, "in", 0);
    same(items(cache), 1, "entries", 0);
    gone(cache, "shown");
  });

  it("is given back as far as it is asked for", () => {
    start();
    const cache = few(1000, CACHE_FIFO);
    for (let i: u32 = 0; i < 60; i++) putIn(cache, i, 900);
    is(cacheEvict(cache, 20000, 50 << 8, NOW) >= 20000, true, "so much", 0);
    is(items(cache) > 30, true, "and not much more", items(cache));
    sound("evicted", 0);
    is(cacheEvict(cache, 0xffffffff, 50 << 8, NOW) > 0, true, "all", 0);
    same(get32(cache + K_ITEMS), 0, "entries", 0);
    gone(cache, "evicted");
  });
});
