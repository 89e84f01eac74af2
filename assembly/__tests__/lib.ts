// Lib: what the specs share. Regions of chosen sizes in the low part of the memory, one thread that acts as several owners, the
// chain of heads as a text, and assertions that stay silent (and fast) over exhaustive loops.

import { get32, get64, get8, put32 } from "../memory";
import { load32, store32 } from "../atomic";
import { check } from "../check";
import { endAlloc, endFree } from "../counters";
import { firstGrain, format, grains, openHeader, publish } from "../header";
import { lock } from "../lock";
import { join, me, slot, slotOf } from "../owners";
import { buildPages, carve, giveBack, lengthOf, runWord, wordAt } from "../pages";
import { attachRegion, createRegion } from "../region";
import { buildClasses } from "../sizeclass";
import { letGo, trim } from "../trim";
import {
  GRAIN_BYTES,
  GRAIN_SHIFT,
  H_CAPACITY,
  H_FIRST,
  KIND_RAW,
  OUT_FREE,
  OUT_LIST,
  OUT_LIST_MAX,
  OUT_OVERHEAD,
  OUT_PROBLEMS,
  OUT_QUIET,
  OUT_USED,
  OWNER_FREE,
  OWNER_LIVE,
  SLOT_BYTES,
  S_ALLOC,
  S_FREE,
  S_OUT,
  S_OUT_WORDS,
  S_STATE,
  T_FREE,
  T_FREED,
  T_MASK,
  T_RUN,
  T_SLAB,
} from "../shared/layout";
import { OK } from "../shared/status";

/** Regions lie in [0, 16 MiB); above begin the statics and the heap of the tests. */
export const LOW_PAGES: u32 = 256;
const WASM_PAGE_SHIFT = 16;

let dirtyPages: u32 = LOW_PAGES;

/** Zeroes what the last region used. */
export function wipe(): void {
  memory.fill(0, 0, (<usize>dirtyPages) << WASM_PAGE_SHIFT);
}

/** A fresh region of `pages` pages; owner 1 is attached and may not sleep. */
export function fresh(pages: u32, owners: u32): void {
  wipe();
  dirtyPages = pages;
  same(createRegion(pages, owners, false, 0, 0, false), 0x101, "id of the creator", 0);
}

/** A fresh region whose heap has exactly `length` grains; owner 1 is attached and may not sleep. */
export function smallHeap(length: u32, owners: u32): void {
  wipe();
  dirtyPages = 3 + (length >>> 6);
  same(format(dirtyPages, owners, false), OK, "format", 0);
  put32(H_FIRST, grains - length);
  publish();
  same(reopen(), OK, "openHeader", 0);
  buildClasses();
  buildPages();
  same(join(false, 0, 0), 0x101, "id of the first owner", 0);
}

/**
 * The regions under test are smaller than the memory, which a real one never is: says in the header that this one is as large.
 * Returns what stood there.
 */
export function hideSmallness(): u32 {
  const capacity = get32(H_CAPACITY);
  put32(H_CAPACITY, (<u32>memory.size()) << WASM_PAGE_SHIFT);
  return capacity;
}

/** Reads the header as an attaching thread does. */
export function reopen(): u32 {
  const capacity = hideSmallness();
  const status = openHeader();
  put32(H_CAPACITY, capacity);
  return status;
}

/** Attaches as another thread would. */
export function attach(): i32 {
  const capacity = hideSmallness();
  const id = attachRegion(false, 0, 0);
  put32(H_CAPACITY, capacity);
  return id;
}

/** check(), which compares the header too. */
export function checkAll(): u32 {
  const capacity = hideSmallness();
  const status = check();
  put32(H_CAPACITY, capacity);
  return status;
}

/** From here on this thread acts as owner `index`, whose slot stays as it is; a free slot becomes a living owner's. */
export function become(index: u32): void {
  becomeWith(index, false, 0);
}

/** Like `become`, with the right to sleep and the patience that an owner is given when it joins. */
export function becomeWith(index: u32, block: bool, ms: u32): void {
  const at = slotOf(index);
  const kept = heap.alloc(SLOT_BYTES);
  memory.copy(kept, at, SLOT_BYTES);
  const state = load32(at + S_STATE);
  const generation = (state & 3) == OWNER_FREE ? (state >>> 2) + 1 : state >>> 2;
  const others = hideOthers(index);
  store32(at + S_STATE, ((generation - 1) << 2) | OWNER_FREE);
  same(join(block, ms, 0), (generation << 8) | index, "id of the owner to be", index);
  showOthers(others);
  if ((state & 3) != OWNER_FREE) memory.copy(at, kept, SLOT_BYTES);
  store32(at + S_STATE, (generation << 2) | OWNER_LIVE);
  heap.free(kept);
}

/** Makes each owner slot before `index` look taken, so that the next join gets that one. */
function hideOthers(index: u32): StaticArray<u32> {
  const states = new StaticArray<u32>(index);
  for (let i: u32 = 1; i < index; i++) {
    states[i] = load32(slotOf(i) + S_STATE);
    store32(slotOf(i) + S_STATE, OWNER_LIVE);
  }
  return states;
}

function showOthers(states: StaticArray<u32>): void {
  for (let i = 1; i < states.length; i++) store32(slotOf(i) + S_STATE, states[i]);
}

/** Says of owner `index` what the host would say when its thread ended. */
export function setState(index: u32, state: u32): void {
  const at = slotOf(index) + S_STATE;
  store32(at, (load32(at) & ~3) | state);
}

/** Id of the owner that has slot `index` now, or had it last. */
export function idOf(index: u32): u32 {
  return ((load32(slotOf(index) + S_STATE) >>> 2) << 8) | index;
}

/** A number as a text. */
export function text(value: u64): string {
  return `${value}`;
}

/** Compares two numbers; says something only when they differ. */
export function same(actual: u64, expected: u64, what: string, where: u64): void {
  if (actual == expected) return;
  expect<u64>(actual).toBe(expected, what + " " + text(where));
}

/** Like `same`, for truth values. */
export function is(actual: bool, expected: bool, what: string, where: u64): void {
  same(actual ? 1 : 0, expected ? 1 : 0, what, where);
}

/** One word of what the last check wrote. */
export function outWord(index: u32): u32 {
  return get32(slot + S_OUT + ((<usize>index) << 2));
}

/** Code of problem `i` that the last check found. */
export function problemCode(i: u32): u32 {
  return outWord(OUT_LIST + i * 2);
}

export function problemWhere(i: u32): u32 {
  return outWord(OUT_LIST + i * 2 + 1);
}

/** What checkAll() finds, as a text: "" or "code@where …". */
export function problems(): string {
  const status = checkAll();
  if (status != OK) return "check answers " + text(status);
  let found = "";
  const count = min(outWord(OUT_PROBLEMS), <u32>OUT_LIST_MAX);
  for (let i: u32 = 0; i < count; i++) {
    found += (i > 0 ? " " : "") + text(problemCode(i)) + "@" + text(problemWhere(i));
  }
  return found;
}

/** check() finds nothing, with all counters compared, and every byte is used, free or overhead. */
export function sound(what: string, where: u64): void {
  const status = checkAll();
  if (status == OK && outWord(OUT_PROBLEMS) == 0 && outWord(OUT_QUIET) == 1) {
    same(
      outWord(OUT_USED) + outWord(OUT_FREE) + outWord(OUT_OVERHEAD),
      grains << GRAIN_SHIFT,
      "used + free + overhead",
      where,
    );
    return;
  }
  expect<string>(problems() + (outWord(OUT_QUIET) == 1 ? "" : " not quiet")).toBe("", what + " " + text(where));
}

/** How many problems with this code the last check listed. */
export function countOf(code: u32): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < min(outWord(OUT_PROBLEMS), <u32>OUT_LIST_MAX); i++) {
    if (problemCode(i) == code) count++;
  }
  return count;
}

/** Length in grains of the longest free run there is in the chain. */
export function longestRun(): u32 {
  let best: u32 = 0;
  for (let g = firstGrain; g < grains; g += lengthOf(get32(wordAt(g)))) {
    const word = get32(wordAt(g));
    if ((word & T_MASK) == T_FREE) best = max(best, lengthOf(word));
  }
  return best;
}

/** The chain of heads as a text, such as "run 3, free 9": types and lengths in grains. */
export function chain(): string {
  let result = "";
  for (let g = firstGrain; g < grains;) {
    const word = get32(wordAt(g));
    const length = lengthOf(word);
    if (length == 0 || length > grains - g) return result + "broken at " + text(g - firstGrain);
    result += (g == firstGrain ? "" : ", ") + typeName(word & T_MASK) + " " + text(length);
    g += length;
  }
  return result;
}

function typeName(type: u32): string {
  if (type == T_FREE) return "free";
  if (type == T_RUN) return "run";
  if (type == T_SLAB) return "slab";
  return type == T_FREED ? "freed" : "type " + text(type);
}

export function isChain(expected: string, what: string, where: u64): void {
  const actual = chain();
  if (actual != expected) expect<string>(actual).toBe(expected, what + " " + text(where));
}

/** Grain `offset` of the heap. */
export function grain(offset: u32): u32 {
  return firstGrain + offset;
}

/** Address of grain `offset` of the heap. */
export function address(offset: u32): usize {
  return (<usize>(firstGrain + offset)) << GRAIN_SHIFT;
}

/** Permutation number `n` (0 … size! − 1) of 0 … size − 1. */
export function permutation(n: u32, size: u32): StaticArray<u32> {
  const left = new Array<u32>();
  for (let i: u32 = 0; i < size; i++) left.push(i);
  const result = new StaticArray<u32>(size);
  for (let i: u32 = 0; i < size; i++) {
    const count = size - i;
    result[i] = left.splice(n % count, 1)[0];
    n /= count;
  }
  return result;
}

/** The owner this thread acts as. */
export function whoAmI(): u32 {
  return me;
}

/** Gives back all that is empty. */
export function trimNow(): void {
  same(lock(), OK, "lock", 0);
  trim();
  letGo();
}

/** A counted raw run of `length` grains from heap grain `at` on, out of the free run that begins at heap grain `head`. */
export function run(head: u32, at: u32, length: u32): void {
  carve(grain(head), grain(at), length, runWord(T_RUN, KIND_RAW, length), 0);
  endAlloc(length * GRAIN_BYTES);
}

/** Gives such a run back. */
export function back(at: u32, length: u32): void {
  giveBack(grain(at), length);
  endFree(length * GRAIN_BYTES);
}

/** Every word below the heap, but what reports say and whose turn the lock was, as one number. */
export function regionHash(): u64 {
  let hash: u64 = 14695981039346656037;
  const out = slot + S_OUT;
  for (let at: usize = 0; at < (<usize>firstGrain) << GRAIN_SHIFT; at += 8) {
    if (at < out || at >= out + (S_OUT_WORDS << 2)) hash = (hash ^ get64(at)) * 1099511628211;
  }
  return hash;
}

/** All these bytes are zero. */
export function isZero(p: usize, bytes: u32, what: string, where: u64): void {
  for (let i: u32 = 0; i < bytes; i++) {
    if (get8(p + i) != 0) same(get8(p + i), 0, what + ", byte " + text(i) + " of", where);
  }
}

/** Whether this owner's own journals are clear. */
export function ownJournalClear(): bool {
  return (get64(slot + S_ALLOC) | get64(slot + S_FREE)) >> 32 == 0;
}
