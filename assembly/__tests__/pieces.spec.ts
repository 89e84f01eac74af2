// Pieces: long values where no run is free for one: how they come in, are read, stay for who reads them, and give every page back.

import { get32, put32 } from "../memory";
import { cacheAbort, cacheCommit, cacheDelete, cacheEvict, cachePin, cacheReserve, cacheUnpin } from "../cache";
import { leaveCache } from "../cachelife";
import { gather } from "../cachemove";
import { userOf } from "../cachepin";
import { slotsFor } from "../cachepage";
import { bytesAt, headBytes, piecesAt, valueAt, writeValue } from "../pieces";
import { recover } from "../recover";
import { find, hashKey } from "../table";
import {
  CACHE_LRU,
  E_PIECES,
  K_BYTES,
  K_HELD,
  K_LIMBO,
  K_LONG,
  K_MAX_BYTES,
  K_REFUSED,
  MEASURE_BYTES,
  PAGE_BYTES,
  U_ENTRY,
  U_PIECES,
  U_VALUE,
} from "../shared/caches";
import { OWNER_DEAD } from "../shared/layout";
import { BAD_CACHE, FULL, OK } from "../shared/status";
import { become, fresh, idOf, is, problems, same, setState, sound, text } from "./lib";
import {
  KEY,
  NOW,
  SOURCE,
  Shape,
  fill,
  gone,
  has,
  items,
  keepSums,
  key,
  open,
  put,
  putIn,
  sameBytes,
  sameSums,
  scatter,
  unscatter,
} from "./caches";

const LONG: u32 = 10000;
const PIECES: u32 = 3;
const OUT_OF_MEMORY: usize = 4;

let taken: Array<usize> = [];

/** A cache, and so many pages that are free one by one. */
function scattered(holes: i32, shape: Shape = new Shape()): usize {
  fresh(16, 3);
  become(2);
  become(1);
  keepSums();
  const cache = open(shape);
  // The first value takes a page for the table.
  putIn(cache, 0);
  is(cacheDelete(cache, key(0), KEY), true, "deleted", 0);
  is(get32(cache + K_HELD) != 0, true, "held", 0);
  taken = scatter(holes);
  return cache;
}

function ends(cache: usize, what: string): void {
  unscatter(taken);
  gone(cache, what);
}

function entryOf(cache: usize, number: u32): usize {
  hashKey(cache, key(number), KEY);
  return find(cache, SOURCE, KEY);
}

function piecesOf(cache: usize, number: u32): u32 {
  return get32(entryOf(cache, number) + E_PIECES);
}

/** With another word there check finds that an entry is wrong; with the one that was there, nothing. */
function finds(cache: usize, at: usize, value: u32): void {
  const before = get32(at);
  put32(at, value);
  expect<string>(problems()).toBe(text(BAD_CACHE) + "@" + text(<u32>cache | 5), "found " + text(value));
  put32(at, before);
  sound("whole again", value);
}

function reserve(cache: usize, number: u32, bytes: u32): u32 {
  return cacheReserve(cache, key(number), KEY, bytes, 50 << 8, 0, NOW);
}

describe("a long value", () => {
  it("is in one run where one is free", () => {
    fresh(16, 3);
    keepSums();
    const cache = open(new Shape());
    putIn(cache, 1, LONG);
    same(piecesOf(cache, 1), 0, "pieces", 0);
    same(get32(cache + K_LONG), 1, "runs", 0);
    gone(cache, "one run");
  });

  it("is in pages of its own where no run is free, every byte of it", () => {
    const cache = scattered(12);
    putIn(cache, 1, LONG);
    putIn(cache, 2, PAGE_BYTES);
    putIn(cache, 3, PAGE_BYTES + 1);
    same(piecesOf(cache, 1), PIECES, "pieces", 1);
    same(piecesOf(cache, 2), 1, "pieces", 2);
    same(piecesOf(cache, 3), 2, "pieces", 3);
    is(has(cache, 1) && has(cache, 2) && has(cache, 3), true, "found", 0);
    same(get32(cache + K_LONG), 0, "runs", 0);
    same(
      get32(cache + K_BYTES),
      bytesAt(entryOf(cache, 1)) + bytesAt(entryOf(cache, 2)) + bytesAt(entryOf(cache, 3)),
      "bytes",
      0,
    );
    sound("in pieces", 0);
    ends(cache, "in pieces");
  });

  it("gives its pages back when it is deleted, replaced, evicted, or cleared", () => {
    const cache = scattered(8);
    for (let round: u32 = 0; round < 20; round++) {
      putIn(cache, 1, LONG);
      putIn(cache, 1, LONG - 4000 + round);
      putIn(cache, 1);
      putIn(cache, 2, LONG);
      is(cacheDelete(cache, key(2), KEY), true, "deleted", round);
      putIn(cache, 3, LONG);
      same(items(cache), 2, "entries", round);
      is(cacheEvict(cache, 0x7fffffff, 0, NOW) > 0, true, "evicted", round);
      same(items(cache), 0, "entries left", round);
      sound("round", round);
    }
    putIn(cache, 4, LONG);
    ends(cache, "given back");
  });

  it("pushes out what the policy says until there are pages enough", () => {
    const cache = scattered(8);
    // One page for their slots, three each.
    putIn(cache, 1, LONG);
    putIn(cache, 2, LONG);
    putIn(cache, 3, LONG);
    is(has(cache, 1), false, "gone", 1);
    is(has(cache, 2) && has(cache, 3), true, "left", 0);
    ends(cache, "pushed out");
  });

  it("is refused where there is not so much memory; then nothing is left of it, nor of what had its key", () => {
    const cache = scattered(4);
    putIn(cache, 1, 300);
    same(put(cache, 1, LONG * 3), FULL, "refused", 0);
    is(has(cache, 1), false, "what had its key", 0);
    same(get32(cache + K_REFUSED + (OUT_OF_MEMORY << 2)), 1, "counted", 0);
    same(items(cache), 0, "entries", 0);
    putIn(cache, 2, 300);
    ends(cache, "refused");
  });

  it("counts with its pages, to the byte, and never lets the cache pass its limit", () => {
    const shape = new Shape();
    shape.measure = MEASURE_BYTES;
    shape.policy = CACHE_LRU;
    shape.bytes = 80000;
    const cache = scattered(40, shape);
    for (let i: u32 = 1; i < 40; i++) {
      same(put(cache, i, 3000 + ((i * 977) % 9000)), OK, "put in", i);
      is(get32(cache + K_HELD) <= get32(cache + K_MAX_BYTES), true, "within", i);
      sound("within", i);
    }
    is(items(cache) > 3, true, "some are in", items(cache));
    ends(cache, "limit");
  });

  it("stays where it is for who reads it in place, pages and all", () => {
    const cache = scattered(9);
    putIn(cache, 1, LONG);
    const value = cachePin(cache, key(1), KEY, false);
    const e = <usize>get32(userOf(cache) + U_ENTRY);
    same(get32(userOf(cache) + U_PIECES), PIECES, "pieces", 0);
    putIn(cache, 1);
    same(put(cache, 2, LONG), OK, "beside it", 0);
    sameBytes(value, PIECES, 1, LONG);
    is(get32(cache + K_LIMBO) == <u32>e, true, "in limbo", 0);
    sound("pinned", 0);
    is(cacheUnpin(cache, e), true, "let go", 0);
    same(get32(cache + K_LIMBO), 0, "nothing in limbo", 0);
    ends(cache, "pinned");
  });

  it("is reserved in pieces, written there, and committed or given back", () => {
    const cache = scattered(9);
    same(reserve(cache, 1, LONG), OK, "reserved", 0);
    const user = userOf(cache);
    same(get32(user + U_PIECES), PIECES, "pieces", 0);
    const e = <usize>get32(user + U_VALUE) - valueAt(KEY);
    fill(SOURCE, 1, LONG);
    writeValue(e, SOURCE, LONG);
    same(cacheCommit(cache), OK, "committed", 0);
    is(has(cache, 1), true, "in", 0);
    const held = get32(cache + K_HELD);
    same(reserve(cache, 2, LONG), OK, "reserved", 1);
    cacheAbort(cache);
    same(get32(cache + K_HELD), held, "held", 0);
    ends(cache, "reserved");
  });

  it("in a dead owner's hand is given back by its recovery", () => {
    const cache = scattered(9);
    const held = get32(cache + K_HELD);
    become(2);
    is(open(new Shape()) == cache, true, "one cache", 0);
    same(reserve(cache, 1, LONG), OK, "reserved", 0);
    setState(2, OWNER_DEAD);
    become(1);
    same(recover(idOf(2)), OK, "recovered", 0);
    is(get32(cache + K_HELD) <= held + PAGE_BYTES, true, "given back", get32(cache + K_HELD));
    ends(cache, "recovered");
  });

  it("has a slot that is not moved", () => {
    const cache = scattered(12);
    const slots = slotsFor(headBytes(KEY, PIECES));
    putIn(cache, 1, LONG);
    // It has the first slot of a page, and short values all others, and half of the next page.
    for (let i: u32 = 2; i <= slots + (slots >>> 1); i++) putIn(cache, i);
    for (let i: u32 = 2; i < slots - 2; i++) is(cacheDelete(cache, key(i), KEY), true, "deleted", i);
    is(gather(cache, slots), false, "gathered", 0);
    is(cacheDelete(cache, key(1), KEY), true, "deleted", 1);
    is(gather(cache, slots), true, "gathered", 1);
    ends(cache, "not moved");
  });

  it("whose pieces are miscounted, or another's, is found by check", () => {
    const cache = scattered(12);
    putIn(cache, 1, LONG);
    const e = entryOf(cache, 1);
    finds(cache, e + E_PIECES, PIECES - 1);
    finds(cache, e + E_PIECES, PIECES + 1);
    finds(cache, piecesAt(e), <u32>taken[0]);
    ends(cache, "found");
  });

  it("is taken apart with its cache", () => {
    const cache = scattered(12);
    putIn(cache, 1, LONG);
    unscatter(taken);
    same(leaveCache(cache), OK, "left", 0);
    sameSums("apart");
  });
});
