// Header: what a region is, where its tables stand, and whether it may still be used. Owns the header's constant fields and
// this instance's copies of them; they are written once, before the magic that makes the memory a region, and never change.
// A creator that dies before the magic leaves a memory that is no region: nobody can attach to it.

import { alignUp } from "./bits";
import { get32, put32 } from "./memory";
import { cas32, load32, store32 } from "./atomic";
import {
  GRAIN_BYTES,
  GRAIN_SHIFT,
  HINT_BITMAPS,
  HOME_SHIFT,
  H_AUX,
  H_BITS,
  H_BUILD,
  H_CAPACITY,
  H_CLOSED,
  H_FIRST,
  H_GRAINS,
  H_HINTS,
  H_HINT_WORDS,
  H_HOMES,
  H_LAYOUT,
  H_MAGIC,
  H_MAX_OWNERS,
  H_POISON,
  H_SCRUB,
  H_WORD,
  LAYOUT_VERSION,
  MAGIC,
  REGION_CLOSED,
  SLOTS,
  SLOT_BYTES,
  UNIT_SHIFT,
} from "./shared/layout";
import { OWNERS_MAX, REGION_PAGES_MAX, REGION_PAGES_MIN, WASM_PAGE_BYTES } from "./shared/limits";
import { CLOSED, NOT_A_REGION, OK, POISONED, TOO_LARGE } from "./shared/status";

// This instance's copies: module variables are per instance, so each thread has its own.
export let grains: u32 = 0;
export let firstGrain: u32 = 0;
export let words: usize = 0;
export let auxes: usize = 0;
export let slabBits: usize = 0;
export let hints: usize = 0;
export let hintWords: u32 = 0;
export let homes: usize = 0;
export let maxOwners: u32 = 0;
/** Whether who gives memory back zeroes it first. */
export let scrubs: bool = false;

/** Lays out a fresh, zeroed memory of `pages` pages; the caller makes it a region with `publish`. */
export function format(pages: u32, owners: u32, scrub: bool): u32 {
  if (pages < <u32>REGION_PAGES_MIN || pages > <u32>REGION_PAGES_MAX || owners == 0 || owners > <u32>OWNERS_MAX)
    return NOT_A_REGION;
  if (load32(H_MAGIC) != 0) return NOT_A_REGION;
  const total = (pages * <u32>WASM_PAGE_BYTES) >>> GRAIN_SHIFT;
  const perWord = 64 << UNIT_SHIFT;
  const wordCount = (total + perWord - 1) / perWord;

  let at: u32 = SLOTS + (owners + 1) * SLOT_BYTES;
  put32(H_HINTS, at);
  at += HINT_BITMAPS * wordCount * 8;
  put32(H_HOMES, at);
  at = alignUp(at + (wordCount << (UNIT_SHIFT + 6 - HOME_SHIFT)), 64);
  put32(H_BITS, at);
  at += total << 3;
  put32(H_WORD, at);
  at += total << 2;
  put32(H_AUX, at);
  at += total << 2;
  const first = alignUp(at, GRAIN_BYTES) >>> GRAIN_SHIFT;
  if (first >= total) return TOO_LARGE;

  put32(H_LAYOUT, LAYOUT_VERSION);
  put32(H_BUILD, BUILD_ID);
  put32(H_CAPACITY, pages * <u32>WASM_PAGE_BYTES);
  put32(H_MAX_OWNERS, owners);
  put32(H_GRAINS, total);
  put32(H_FIRST, first);
  put32(H_HINT_WORDS, wordCount);
  put32(H_SCRUB, scrub ? 1 : 0);
  readHeader();
  return OK;
}

/** Makes the formatted memory a region: from this store on others may attach. */
export function publish(): void {
  store32(H_MAGIC, MAGIC); // commit
}

/** Whether the memory holds a region that this code may work on; reads the tables' addresses if so. */
export function openHeader(): u32 {
  if (load32(H_MAGIC) != MAGIC) return NOT_A_REGION;
  if (get32(H_LAYOUT) != LAYOUT_VERSION || get32(H_BUILD) != <u32>BUILD_ID) return NOT_A_REGION;
  if (get32(H_CAPACITY) != <u32>memory.size() * <u32>WASM_PAGE_BYTES) return NOT_A_REGION;
  if (load32(H_CLOSED) == REGION_CLOSED) return CLOSED;
  if (load32(H_POISON) != 0) return POISONED;
  readHeader();
  return OK;
}

function readHeader(): void {
  grains = get32(H_GRAINS);
  firstGrain = get32(H_FIRST);
  words = get32(H_WORD);
  auxes = get32(H_AUX);
  slabBits = get32(H_BITS);
  hints = get32(H_HINTS);
  hintWords = get32(H_HINT_WORDS);
  homes = get32(H_HOMES);
  maxOwners = get32(H_MAX_OWNERS);
  scrubs = get32(H_SCRUB) != 0;
}

/** Forgets the tables: from here on every call of this instance finds nothing to work on. */
export function forgetHeader(): void {
  grains = 0;
}

/** Bytes that are never part of the heap: header, tables, owner slots. */
export function tableBytes(): u32 {
  return firstGrain << GRAIN_SHIFT;
}

/** Says that an invariant of ours is broken. The first code stays; nothing is repaired. */
export function poison(code: u32): void {
  cas32(H_POISON, 0, code);
}

export function isPoisoned(): bool {
  return load32(H_POISON) != 0;
}
