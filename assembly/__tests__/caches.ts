// Caches: caches of chosen shapes, entries whose key and bytes say which they are, and what a cache's words say, for the specs of caches.

import { get32, get64, get8, put32, put64, put8 } from "../memory";
import { cacheCopy, cacheGet, cacheStill } from "../lookup";
import { cacheSet } from "../cache";
import { userOf } from "../cachepin";
import { cacheClear } from "../cache";
import { leaveCache, openCache } from "../cachelife";
import { allocUnsafe, free } from "../heap";
import { slot } from "../owners";
import {
  CACHE_BUDGET,
  CACHE_BUDGET_STATE,
  CACHE_FAVOUR,
  CACHE_FIFO,
  CACHE_MAX_BYTES,
  CACHE_MAX_ITEMS,
  CACHE_MAX_VALUES,
  CACHE_MEASURE,
  CACHE_POLICY,
  CACHE_RETENTION,
  CACHE_SEED,
  CACHE_LIMITS,
  CACHE_SPACES,
  K_BYTES,
  K_HELD,
  K_ITEMS,
  K_LONG,
  K_SLOTS,
  K_TABLE,
  MEASURE_ITEMS,
  U_LENGTH,
  U_PIECES,
} from "../shared/caches";
import { OUT_OVERHEAD, OUT_USED, S_OUT } from "../shared/layout";
import { OK } from "../shared/status";
import { become, fresh, is, outWord, same, sound, text, trimNow } from "./lib";

export const NO_LIMIT: u32 = 0xffffffff;
export const NOW: f64 = 1000000;
/** Every key has so many bytes. */
export const KEY: u32 = 8;
/** Where a key stands, and behind it the value. */
export const SOURCE: usize = heap.alloc(1 << 16);

// Longer values are not copied to where it is compared.
const COPY_ROOM: usize = 600;

/** What a cache is opened with. */
export class Shape {
  bytes: u32 = NO_LIMIT;
  values: u32 = NO_LIMIT;
  items: u32 = NO_LIMIT;
  policy: u32 = CACHE_FIFO;
  measure: u32 = MEASURE_ITEMS;
  favour: u32 = 0;
  retention: u32 = 0;
  budget: usize = 0;
  budgetState: u32 = 0;
  spaces: u32 = 1;
}

/** What is said of a value that is put in. */
export class About {
  space: u32 = 0;
  priority: u32 = 50;
  flags: u32 = 0;
  expires: f64 = 0;
  now: f64 = NOW;
}

/** The cache `name`, for this owner; 0: there is no memory for it. */
export function open(shape: Shape, name: u32 = 1): usize {
  give(CACHE_MAX_BYTES, shape.bytes);
  give(CACHE_MAX_VALUES, shape.values);
  give(CACHE_MAX_ITEMS, shape.items);
  give(CACHE_POLICY, shape.policy);
  give(CACHE_MEASURE, shape.measure);
  give(CACHE_FAVOUR, shape.favour);
  give(CACHE_RETENTION, shape.retention);
  give(CACHE_BUDGET, <u32>shape.budget);
  give(CACHE_BUDGET_STATE, shape.budgetState);
  give(CACHE_SPACES, shape.spaces);
  for (let i: u32 = 0; i < 2 * (shape.spaces - 1); i++) give(CACHE_LIMITS + i, 0xffffffff);
  for (let i: u32 = 0; i < 4; i++) give(CACHE_SEED + i, 0x1234567 * (i + 1));
  return openCache(name);
}

function give(word: usize, value: u32): void {
  put32(slot + S_OUT + (word << 2), value);
}

/** A cache of which at most so many entries are in, which go in this order. */
export function few(items: u32, policy: u32): usize {
  const shape = new Shape();
  shape.items = items;
  shape.policy = policy;
  return open(shape);
}

/** Writes key `number` to where keys stand. */
export function key(number: u32): usize {
  put64(SOURCE, ((<u64>number) << 32) | 0x6b65793a);
  return SOURCE;
}

function byteOf(number: u32, bytes: u32, i: u32): u8 {
  return <u8>(number * 37 + bytes * 11 + i * 7 + (i >>> 8));
}

export function fill(at: usize, number: u32, bytes: u32): void {
  for (let i: u32 = 0; i < bytes; i++) put8(at + i, byteOf(number, bytes, i));
}

/** Puts a value of `bytes` bytes in for key `number`; the status. */
export function put(cache: usize, number: u32, bytes: u32 = 16, about: About = new About()): u32 {
  key(number);
  fill(SOURCE + KEY, number, bytes);
  const what = about.space | (about.priority << 8) | about.flags;
  return cacheSet(cache, SOURCE, KEY, bytes, what, about.expires, about.now);
}

export function putIn(cache: usize, number: u32, bytes: u32 = 16, about: About = new About()): void {
  same(put(cache, number, bytes, about), OK, "put in", number);
}

/** What stands at `value`, in so many pieces or in one, is the value of key `number`. */
export function sameBytes(value: usize, pieces: u32, number: u32, bytes: u32): void {
  for (let i: u32 = 0; i < bytes; i++) {
    const at = pieces == 0 ? value + i : <usize>get32(value + ((i >>> 12) << 2)) + (i & 4095);
    if (<u8>get8(at) != byteOf(number, bytes, i)) same(get8(at), byteOf(number, bytes, i), "byte", i);
  }
}

/** Takes all free memory but `holes` pages, of which none lies beside another; those blocks, for `unscatter`. */
export function scatter(holes: i32): Array<usize> {
  const pages = new Array<usize>();
  for (let i = 0; i < 2 * holes; i++) pages.push(allocUnsafe(4096));
  const rest = new Array<usize>();
  for (let bytes: u32 = 1 << 20; bytes >= 1024; bytes >>= 1) {
    for (let p = allocUnsafe(bytes); p != 0; p = allocUnsafe(bytes)) rest.push(p);
  }
  for (let i = 0; i < 2 * holes; i++) {
    if ((i & 1) == 0) is(free(pages[i]), true, "freed", i);
    else rest.push(pages[i]);
  }
  return rest;
}

/** Frees what `scatter` took. */
export function unscatter(blocks: Array<usize>): void {
  for (let i = 0; i < blocks.length; i++) is(free(blocks[i]), true, "freed", i);
}

/** Whether key `number` has a value; if it has, its bytes are those that were put in. */
export function has(cache: usize, number: u32, isPeek: bool = true): bool {
  const value = cacheGet(cache, key(number), KEY, isPeek);
  if (value == 0) return false;
  const bytes = get32(userOf(cache) + U_LENGTH);
  const pieces = get32(userOf(cache) + U_PIECES);
  sameBytes(value, pieces, number, bytes);
  is(cacheStill(cache), true, "there still", number);
  sameCopy(cache, number, bytes, pieces != 0);
  return true;
}

const COPY: usize = heap.alloc(COPY_ROOM + 8);

/** A copy of that value is as long, and of the same bytes, and nothing is written behind it; if there is no room for it, or it is in pieces, nothing is copied. */
function sameCopy(cache: usize, number: u32, bytes: u32, isInPieces: bool): void {
  const end = bytes <= <u32>COPY_ROOM && !isInPieces ? bytes : 0;
  put64(COPY + end, 0x5a5a5a5a5a5a5a5a);
  same(cacheCopy(cache, key(number), KEY, true, COPY, COPY_ROOM), end == bytes ? bytes : -2, "copied", number);
  for (let i: u32 = 0; i < end; i++) same(get8(COPY + i), byteOf(number, bytes, i), "byte of a copy", i);
  is(get64(COPY + end) == 0x5a5a5a5a5a5a5a5a, true, "nothing behind it", number);
  if (bytes != 0) same(cacheCopy(cache, key(number), KEY, true, COPY, bytes - 1), -2, "no room", number);
}

/** Which of the keys below `end` have a value, as a text. */
export function keysBelow(cache: usize, end: u32): string {
  let found = "";
  for (let i: u32 = 0; i < end; i++) if (has(cache, i)) found += (found.length > 0 ? " " : "") + text(i);
  return found;
}

export function items(cache: usize): u32 {
  return get32(cache + K_ITEMS);
}

let usedBefore: u32 = 0;
let overheadBefore: u32 = 0;

/** A fresh region, a cache in it that owners 2 and 1 use; this thread acts as owner 2. */
export function shared(shape: Shape = new Shape()): usize {
  fresh(16, 5);
  become(3);
  become(2);
  become(1);
  keepSums();
  const cache = open(shape);
  become(2);
  is(open(shape) == cache && cache != 0, true, "one cache", 0);
  return cache;
}

/** Keeps what the region holds now. */
export function keepSums(): void {
  sound("before", 0);
  usedBefore = outWord(OUT_USED);
  overheadBefore = outWord(OUT_OVERHEAD);
}

/** Nothing is broken, and the region holds what it held then. */
export function sameSums(what: string): void {
  trimNow();
  sound(what, 0);
  same(outWord(OUT_USED), usedBefore, "used, " + what, 0);
  same(outWord(OUT_OVERHEAD), overheadBefore, "overhead, " + what, 0);
}

/** Cleared, it holds its table only. */
export function cleared(cache: usize, what: string): void {
  is(cacheClear(cache), true, "cleared, " + what, 0);
  same(get32(cache + K_HELD), get32(cache + K_TABLE), "held, " + what, 0);
  same(
    get32(cache + K_ITEMS) | get32(cache + K_BYTES) | get32(cache + K_SLOTS) | get32(cache + K_LONG),
    0,
    "counts",
    0,
  );
  sound(what, 0);
}

/** This owner, the last, leaves it: nothing of it is left. */
export function gone(cache: usize, what: string): void {
  sound(what, 1);
  cleared(cache, what);
  same(leaveCache(cache), OK, "left, " + what, 0);
  sameSums(what);
}
