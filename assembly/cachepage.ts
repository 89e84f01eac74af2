// Cache page: where entries lie. Owns a cache's Blocks: pages of slots of one length each, and long entries that have a run to themselves; and of
// each the header. A page is a Block of the region's, so it is charged and found like any other; all under the cache's latch.
//
//   K_HELD = the cache's own run + Σ granted bytes of its Blocks        K_SLOTS = Σ bytes of all slots       K_BYTES = Σ bytes of the taken ones
//   a page that has a free slot stands in the list of its length, K_ROOM; every page in K_ALL, but the one kept empty, K_SPARE
//
// Between the region and the lists a Block is named by K_PAGE: who dies there leaves it to the next holder, who gives it back.

import { get32, get64, put32, put64 } from "./memory";
import { load64 } from "./atomic";
import { blockAllocIn } from "./charged";
import { lastClaim } from "./claim";
import { blockAlloc, blockFree, pass, recordAt, shared } from "./record";
import { add32, begin, closed, end, opened, set32, write } from "./undo";
import { GRAIN_BYTES, GRAIN_SHIFT } from "./shared/layout";
import {
  ENTRY_FREE,
  E_HASH,
  E_KEY,
  E_STATE,
  K_ALL,
  K_BUDGET,
  K_BUDGET_STATE,
  K_BYTES,
  K_HELD,
  K_LONG,
  K_MAX_BYTES,
  K_PAGE,
  K_PAGE_CLAIM,
  K_PEAK,
  K_ROOM,
  K_SLOTS,
  K_SPARE,
  K_SWEEP,
  PAGE_ALL_BEFORE,
  PAGE_ALL_NEXT,
  PAGE_BEFORE,
  PAGE_BYTES,
  PAGE_COUNT,
  PAGE_FREE,
  PAGE_FRESH,
  PAGE_GRAINS,
  PAGE_HEADER,
  PAGE_LENGTH,
  PAGE_NEXT,
  PAGE_SLOTS_MAX,
  PAGE_USED,
  SLOT_MAX,
  PAGE_ROOM,
} from "./shared/caches";

// What asks for a run of its own.
const AS_RUN: u32 = 0;

/** How many slots a page has that are long enough for `bytes` bytes; 0: it is a long entry. */
export function slotsFor(bytes: u32): u32 {
  if (bytes > <u32>SLOT_MAX) return 0;
  return min(<u32>PAGE_ROOM / ((bytes + 15) & ~15), PAGE_SLOTS_MAX);
}

/** Bytes of each of a page's slots. */
function slotLength(slots: u32): u32 {
  return (<u32>PAGE_ROOM / slots) & ~15;
}

/** Bytes that an entry of `bytes` bytes takes, of which a page has `slots`. */
export function slotBytes(bytes: u32, slots: u32): u32 {
  return slots == 0 ? (longGrains(bytes) << GRAIN_SHIFT) - PAGE_HEADER : slotLength(slots);
}

function longGrains(bytes: u32): u32 {
  return (bytes + PAGE_HEADER + GRAIN_BYTES - 1) >>> GRAIN_SHIFT;
}

/** The page in which the entry at `e` lies. */
export function pageOf(e: usize): usize {
  return e - ((<usize>(get32(e + E_KEY) >>> 16)) << 4);
}

/** Bytes of the slot at `e`. */
export function lengthAt(e: usize): u32 {
  return get32(pageOf(e) + PAGE_LENGTH);
}

/** Takes a Block of `bytes` bytes, which K_PAGE names from then on; 0: the limit, the budget or the region has no room for it. */
export function takePage(cache: usize, bytes: u32): usize {
  if (<u64>get32(cache + K_HELD) + bytes > <u64>get32(cache + K_MAX_BYTES)) return 0;
  const node = <usize>get32(cache + K_BUDGET);
  const p = node == 0 ? blockAlloc(bytes, AS_RUN) : blockAllocIn(node, get32(cache + K_BUDGET_STATE), bytes, AS_RUN);
  if (p == 0) return 0;
  const claim = lastClaim();
  put64(cache + K_PAGE_CLAIM, shared(claim));
  put32(cache + K_PAGE, <u32>p);
  return pass(p, claim, shared(claim)) ? p : 0;
}

/** What K_PAGE names has its place now. In a change. */
export function placed(cache: usize, bytes: u32): void {
  add32(cache + K_HELD, bytes);
  set32(cache + K_PAGE, 0);
  if (get32(cache + K_HELD) > get32(cache + K_PEAK)) put32(cache + K_PEAK, get32(cache + K_HELD));
}

/** The Block of `bytes` bytes at `p` has its place no longer; `givePageBack` follows the change. In a change. */
export function displaced(cache: usize, p: usize, bytes: u32): void {
  const claim = load64(recordAt(p));
  add32(cache + K_HELD, -(<i32>bytes));
  set32(cache + K_PAGE_CLAIM, <u32>claim);
  set32(cache + K_PAGE_CLAIM + 4, <u32>(claim >> 32));
  set32(cache + K_PAGE, <u32>p);
}

/** Gives back what K_PAGE names. Also what a death left there. */
export function givePageBack(cache: usize): void {
  const p = <usize>get32(cache + K_PAGE);
  if (p == 0) return;
  const claim = get64(cache + K_PAGE_CLAIM);
  blockFree(p, <u32>claim, <u32>(claim >> 32));
  put32(cache + K_PAGE, 0);
}

/** Whether there is a free slot of a page with `slots` slots, if need be in a page that is added. */
export function hasSlot(cache: usize, slots: u32): bool {
  if (get32(roomOf(cache, slots)) != 0) return true;
  const spare = <usize>get32(cache + K_SPARE);
  const page = spare != 0 ? spare : takePage(cache, PAGE_BYTES);
  if (page == 0) return false;
  const length = slotLength(slots);
  begin(cache);
  if (spare != 0) set32(cache + K_SPARE, 0);
  else placed(cache, PAGE_BYTES);
  put32(page + PAGE_COUNT, slots);
  put32(page + PAGE_LENGTH, length);
  put32(page + PAGE_USED, 0);
  put32(page + PAGE_FREE, 0);
  put32(page + PAGE_FRESH, <u32>page + PAGE_HEADER);
  put32(page + PAGE_GRAINS, PAGE_BYTES >>> GRAIN_SHIFT);
  linkAll(cache, page);
  linkRoom(cache, page);
  add32(cache + K_SLOTS, slots * length);
  end();
  return true;
}

/** Takes a run for a long entry, which K_PAGE names; false: there is no room for it. */
export function hasRun(cache: usize, bytes: u32): bool {
  const grains = longGrains(bytes);
  const page = takePage(cache, grains << GRAIN_SHIFT);
  if (page == 0) return false;
  put32(page + PAGE_COUNT, 0);
  put32(page + PAGE_LENGTH, (grains << GRAIN_SHIFT) - PAGE_HEADER);
  put32(page + PAGE_USED, 0);
  put32(page + PAGE_FREE, 0);
  put32(page + PAGE_FRESH, <u32>page + PAGE_HEADER);
  put32(page + PAGE_GRAINS, grains);
  return true;
}

/** A free slot of a page with `slots` slots, or the run that K_PAGE names. In a change. */
export function takeSlot(cache: usize, slots: u32): usize {
  const page = <usize>get32(slots == 0 ? cache + K_PAGE : roomOf(cache, slots));
  const length = get32(page + PAGE_LENGTH);
  if (slots == 0) {
    linkAll(cache, page);
    add32(cache + K_SLOTS, length);
    add32(cache + K_LONG, 1);
    placed(cache, get32(page + PAGE_GRAINS) << GRAIN_SHIFT);
  }
  const free = <usize>get32(page + PAGE_FREE);
  const e = free != 0 ? free : <usize>get32(page + PAGE_FRESH);
  const used = get32(page + PAGE_USED) + 1;
  let log = opened();
  if (free != 0) log = write(log, page + PAGE_FREE, get32(e + E_HASH));
  else log = write(log, page + PAGE_FRESH, <u32>e + length);
  log = write(log, page + PAGE_USED, used);
  log = write(log, cache + K_BYTES, get32(cache + K_BYTES) + length);
  // Both words mean something in a free slot too; the caller writes them.
  log = write(log, e + E_HASH, 0);
  log = write(log, e + E_STATE, ENTRY_FREE);
  closed(log);
  put32(e + E_KEY, (<u32>((e - page) >> 4)) << 16);
  if (slots != 0 && used == slots) unlinkRoom(cache, page);
  return e;
}

/** Frees the slot at `e`, and its page if nothing is in it any more: `givePageBack` follows the change. In a change. */
export function freeSlot(cache: usize, e: usize): void {
  const page = pageOf(e);
  const used = get32(page + PAGE_USED);
  let log = opened();
  log = write(log, cache + K_BYTES, get32(cache + K_BYTES) - get32(page + PAGE_LENGTH));
  log = write(log, e + E_STATE, ENTRY_FREE);
  log = write(log, e + E_HASH, get32(page + PAGE_FREE));
  log = write(log, page + PAGE_FREE, <u32>e);
  log = write(log, page + PAGE_USED, used - 1);
  closed(log);
  if (used == get32(page + PAGE_COUNT)) linkRoom(cache, page);
  if (used == 1) leavePage(cache, page);
}

/** An empty page goes back to the region, or is kept if there is none kept. In the change that emptied it: a death leaves no page that nobody would ever empty again. */
function leavePage(cache: usize, page: usize): void {
  const slots = get32(page + PAGE_COUNT);
  const isKept = slots != 0 && get32(cache + K_SPARE) == 0;
  if (slots != 0) unlinkRoom(cache, page);
  else add32(cache + K_LONG, -1);
  unlinkAll(cache, page);
  add32(cache + K_SLOTS, -(<i32>(max(slots, 1) * get32(page + PAGE_LENGTH))));
  if (get32(cache + K_SWEEP) == <u32>page) set32(cache + K_SWEEP, 0);
  if (isKept) set32(cache + K_SPARE, <u32>page);
  else displaced(cache, page, get32(page + PAGE_GRAINS) << GRAIN_SHIFT);
}

/** Drops the page that was added last if nothing is in it: who added it died, or was cut, before its entry was. */
export function dropEmptyPage(cache: usize): void {
  const page = <usize>get32(cache + K_ALL);
  if (page == 0 || get32(page + PAGE_USED) != 0) return;
  begin(cache);
  leavePage(cache, page);
  end();
  givePageBack(cache);
}

/** Gives the page back that is kept; false: there is none. */
export function dropSpare(cache: usize): bool {
  const page = <usize>get32(cache + K_SPARE);
  if (page == 0) return false;
  begin(cache);
  set32(cache + K_SPARE, 0);
  displaced(cache, page, PAGE_BYTES);
  end();
  givePageBack(cache);
  return true;
}

/** Where the first page with room stands, of those with `slots` slots. */
export function roomOf(cache: usize, slots: u32): usize {
  return cache + K_ROOM + ((<usize>slots) << 2);
}

/** Makes the page the first of those with room, of which it is one. In a change. */
export function bringForward(cache: usize, page: usize): void {
  unlinkRoom(cache, page);
  linkRoom(cache, page);
}

function linkRoom(cache: usize, page: usize): void {
  link(roomOf(cache, get32(page + PAGE_COUNT)), page, PAGE_NEXT, PAGE_BEFORE);
}

function unlinkRoom(cache: usize, page: usize): void {
  unlink(roomOf(cache, get32(page + PAGE_COUNT)), page, PAGE_NEXT, PAGE_BEFORE);
}

function linkAll(cache: usize, page: usize): void {
  link(cache + K_ALL, page, PAGE_ALL_NEXT, PAGE_ALL_BEFORE);
}

function unlinkAll(cache: usize, page: usize): void {
  unlink(cache + K_ALL, page, PAGE_ALL_NEXT, PAGE_ALL_BEFORE);
}

/** Makes what is at `p` the first of the list that begins at `head`. */
function link(head: usize, p: usize, next: usize, before: usize): void {
  const first = <usize>get32(head);
  let log = opened();
  log = write(log, p + next, <u32>first);
  log = write(log, p + before, 0);
  if (first != 0) log = write(log, first + before, <u32>p);
  log = write(log, head, <u32>p);
  closed(log);
}

function unlink(head: usize, p: usize, next: usize, before: usize): void {
  const after = <usize>get32(p + next);
  const left = <usize>get32(p + before);
  let log = opened();
  log = write(log, left != 0 ? left + next : head, <u32>after);
  if (after != 0) log = write(log, after + before, <u32>left);
  closed(log);
}
