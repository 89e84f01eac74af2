// Room: what goes so that a value comes in. Owns the limits of a cache: bytes of everything, bytes of values, entries, and each namespace's; and the
// order of the steps: what expired goes first, then its namespace's, then what the policy says, until there is a slot. All under the latch.

import { get32, get8, put32 } from "./memory";
import { dropSpare, hasRun, hasSlot, pageOf, slotBytes, slotsFor } from "./cachepage";
import { userOf } from "./cachepin";
import { lastOf, listOf, sizeOf, spaceAt } from "./entries";
import { ANY_SPACE, beginVictims, leaveWindow, mayGo, nextVictim, popularity, promote, countAsGhost } from "./eviction";
import { addPiece, bytesAt, headBytes, piecesFor } from "./pieces";
import { count, countOf, REMEMBER_LONG } from "./sketch";
import { about, age, begun, drop, expireSome, hasGathered, lastDropped, noteOld, old } from "./going";
import { find, isReady, tag, bucketOfKey } from "./table";
import {
  CACHE_HYBRID,
  CACHE_S3_FIFO,
  E_BEFORE,
  E_PIECES,
  E_PLACE,
  E_SPACE,
  E_VALUE_LENGTH,
  GONE_EVICTED,
  K_HELD,
  K_ITEMS,
  K_MAIN,
  K_MAX_BYTES,
  K_MAX_ITEMS,
  K_MAX_VALUES,
  K_MEASURE,
  K_MORTAL,
  K_POLICY,
  K_SETS,
  K_SLOTS,
  K_SPACE_COUNT,
  K_SPARE,
  K_TABLE,
  K_VALUES,
  K_VICTIMS,
  K_WINDOW,
  MEASURE_BYTES,
  MEASURE_ITEMS,
  N_BYTES,
  N_ITEMS,
  N_MAX_BYTES,
  N_MAX_ITEMS,
  PAGE_BYTES,
  PAGE_FREE,
  PAGE_HEADER,
  U_FENCE,
  VICTIMS_MAX,
  PAGE_ROOM,
  ABOUT_GOES_ON,
  ABOUT_ASKS,
} from "./shared/caches";
import {
  CACHE_ASKED,
  CACHE_NOT_ADMITTED,
  CACHE_PROTECTED,
  CACHE_SHOWN,
  CACHE_SPACE_FULL,
  CACHE_TOO_LARGE,
  FULL,
  OK,
} from "./shared/status";

const NEED_MAX: u32 = 0x7fffffff;
const NEVER_OUTDONE: u32 = 0xffff;
// How many pages are looked through for what expired before something else is evicted, and between two such looks.
const PAGES_SWEPT: u32 = 8;
const SETS_SWEPT: u32 = 15;
// A long value may push out this many times its length and this much more before its run is given up.
const PUSHED_OUT: u32 = 4;
const PUSHED_OUT_MIN: u32 = 262144;
// How many leave the window for one that goes.
const LEAVES_MAX: u32 = 16;

// How much was pushed out for the value that comes in, by the calls that went on for it too.
let pushed: u64 = 0;

/** Whether what room was made for last belongs in the window. */
export let isForWindow: bool = false;
/** How many pieces it is to have beside its slot. */
export let pieces: u32 = 0;

/** How many slots a page has of those for which room was made last; 0: it is a long entry. */
export let slots: u32 = 0;

/**
 * Reads a word of each line that the next to go leads to, where that is the last of one list: its bucket, its page, who stands before it. So they come
 * from memory together, and with the bucket of the key that is looked for next; else each would be waited for alone, before a store that all wait for.
 */
function touchNext(cache: usize): void {
  const policy = get32(cache + K_POLICY);
  const isWindowed = policy == CACHE_HYBRID || policy == CACHE_S3_FIFO;
  const e = lastOf(spaceAt(cache, about & 0xff), isWindowed ? 0 : 1);
  if (e == 0) return;
  const place = <usize>get32(e + E_PLACE);
  const before = <usize>get32(e + E_BEFORE);
  const there = get32(place) ^ get32(place ^ 64) ^ get32(pageOf(e) + PAGE_FREE);
  // No optimizer leaves out a read of which something is written down.
  put32(userOf(cache) + U_FENCE, there ^ get32((before == 0 ? e : before) + E_PLACE));
}

/**
 * Makes room for an entry of `need` bytes, `bytes` of them its value, with the key at `at`, which was hashed last. OK, then
 * there is a slot, in a page with `slots`, and `pieces` follow by `makePieces`; or why there is none; CACHE_SHOWN.
 */
export function makeRoom(cache: usize, at: usize, key: u32, need: u32, bytes: u32, what: u32, now: f64): u32 {
  begun(what, now);
  pieces = 0;
  if ((what & ABOUT_GOES_ON) == 0) pushed = 0;
  touchNext(cache);
  noteOld(find(cache, at, key));
  isForWindow = false;
  slots = slotsFor(need);
  // A division costs as much as ten other instructions.
  const length = slotBytes(need, slots);
  if (isTooLarge(cache, need, bytes, length)) return CACHE_TOO_LARGE;
  if (get32(cache + K_MORTAL) != 0 && (get32(cache + K_SETS) & SETS_SWEPT) == 0) {
    if (expireSome(cache, 1) == CACHE_SHOWN) return CACHE_SHOWN;
  }
  let status = makeSpaceRoom(cache, what & 0xff, entryBytes(key, length, bytes));
  if (status == OK) status = makePolicyRoom(cache, length, bytes);
  if (status == OK) status = makeCountRoom(cache, bytes);
  return status == OK ? makeMemory(cache, key, need, bytes, length) : status;
}

/** Goes on with a value whose slot this owner has in hand, after what went for it was looked at; `before` has its key. */
export function goOn(cache: usize, before: usize, what: u32, bytes: u32, now: f64): u32 {
  begun(what, now);
  noteOld(before);
  pieces = piecesFor(bytes);
  return OK;
}

/** How many bytes an entry that takes `length` bytes in one takes at most: a long one's value may be in pieces. */
function entryBytes(key: u32, length: u32, bytes: u32): u32 {
  if (slots != 0) return length;
  const count = piecesFor(bytes);
  const head = headBytes(key, count);
  return max(length, slotBytes(head, slotsFor(head)) + count * PAGE_BYTES);
}

/** Whether it would not fit in a cache that holds nothing else. */
function isTooLarge(cache: usize, need: u32, bytes: u32, length: u32): bool {
  if (bytes > get32(cache + K_MAX_VALUES) || get32(cache + K_MAX_ITEMS) == 0) return true;
  const most = get32(cache + K_MAX_BYTES);
  return need > NEED_MAX || <u64>length + PAGE_HEADER > <u64>(most - min(most, get32(cache + K_TABLE)));
}

/** Lets entries of namespace `index` go until it may have one of `length` bytes more. */
function makeSpaceRoom(cache: usize, index: u32, length: u32): u32 {
  const space = spaceAt(cache, index);
  if (length > get32(space + N_MAX_BYTES) || get32(space + N_MAX_ITEMS) == 0) return CACHE_SPACE_FULL;
  while (true) {
    const isSame = old != 0 && get8(old + E_SPACE) == index;
    const items = get32(space + N_ITEMS) + (isSame ? 0 : 1);
    const all = <i64>get32(space + N_BYTES) + length - (isSame ? bytesAt(old) : 0);
    if (items <= get32(space + N_MAX_ITEMS) && all <= <i64>get32(space + N_MAX_BYTES)) return OK;
    const status = evictOne(cache, index);
    if (status != OK) return status == CACHE_PROTECTED ? CACHE_SPACE_FULL : status;
  }
  return OK;
}

/** Lets go what the policy says for a cache whose size is measured. */
function makePolicyRoom(cache: usize, length: u32, bytes: u32): u32 {
  const measure = get32(cache + K_MEASURE);
  const policy = get32(cache + K_POLICY);
  const size = measure == MEASURE_BYTES ? length : measure == MEASURE_ITEMS ? 1 : bytes;
  if (policy == CACHE_HYBRID) return makeHybridRoom(cache, size);
  if (policy == CACHE_S3_FIFO) {
    // What was pushed out of the small part lately is counted in the sketch, in place of a list of ghosts.
    isForWindow = countOf(bucketOfKey(cache), tag) == 0;
  }
  if (measure == MEASURE_BYTES) return OK;
  const most = capacityOf(cache);
  while (
    <u64>get32(cache + K_WINDOW) + get32(cache + K_MAIN) + size >
    <u64>most + (old == 0 ? 0 : sizeOf(cache, old))
  ) {
    const status = evictOne(cache, ANY_SPACE);
    if (status != OK) return status;
  }
  return OK;
}

/** How much the policy may have in, in what it measures. */
function capacityOf(cache: usize): u32 {
  const measure = get32(cache + K_MEASURE);
  if (measure == MEASURE_ITEMS) return get32(cache + K_MAX_ITEMS);
  if (measure != MEASURE_BYTES) return get32(cache + K_MAX_VALUES);
  const most = get32(cache + K_MAX_BYTES);
  const held = get32(cache + K_HELD);
  const pages = (most > held ? (most - held) / PAGE_BYTES : 0) + (get32(cache + K_SPARE) != 0 ? 1 : 0);
  return <u32>min(<u64>get32(cache + K_SLOTS) + <u64>pages * PAGE_ROOM, 0xffffffff);
}

/** A tenth of the size is the window; what has no place there leaves it for the main part, or goes. */
function makeHybridRoom(cache: usize, size: u32): u32 {
  const bucket = bucketOfKey(cache);
  if ((about & ABOUT_GOES_ON) == 0) count(bucket, tag, REMEMBER_LONG);
  const most = capacityOf(cache);
  const window = most / 10;
  const main = most - window;
  if (get32(cache + K_MORTAL) != 0 && <u64>get32(cache + K_MAIN) + size > <u64>main) {
    const status = expireSome(cache, PAGES_SWEPT);
    if (status != OK) return status;
  }
  // What takes another's place in the main part needs no room there but the difference.
  if (old != 0 && listOf(old) != 0) {
    const had = sizeOf(cache, old);
    return size <= had ? OK : displace(cache, size - had, main, NEVER_OUTDONE, old);
  }
  if (size > window) {
    if (size > main) return CACHE_TOO_LARGE;
    return displace(cache, size, main, countOf(bucket, tag), old);
  }
  isForWindow = true;
  while (<u64>get32(cache + K_WINDOW) + size > <u64>window + (old == 0 ? 0 : sizeOf(cache, old))) {
    const e = windowLast(cache);
    if (e == 0) return OK;
    const status = leave(cache, e, main);
    if (status != OK) return status;
  }
  return OK;
}

/** The last entry of the window, of the caller's namespace if that has any in it, but not `old`. */
function windowLast(cache: usize): usize {
  const own = lastOf(spaceAt(cache, about & 0xff), 0);
  if (own != 0 && own != old) return own;
  for (let s: u32 = 0; s < get32(cache + K_SPACE_COUNT); s++) {
    let e = lastOf(spaceAt(cache, s), 0);
    if (e != 0 && e == old) e = <usize>get32(e + E_BEFORE);
    if (e != 0) return e;
  }
  return 0;
}

/** An entry leaves the window: for the main part, if it was hit or is worth what it would displace there; else it goes. */
function leave(cache: usize, e: usize, main: u32): u32 {
  const wasHit = leaveWindow(cache, e) > 1;
  const worth: u32 = wasHit ? NEVER_OUTDONE : popularity(cache, e);
  const status = displace(cache, sizeOf(cache, e), main, worth, e);
  if (status == OK) promote(cache, e);
  else if (status == CACHE_ASKED) return status;
  else if (status != CACHE_SHOWN && mayGo(cache, e, CACHE_HYBRID, age)) return drop(cache, e, GONE_EVICTED);
  else if (status != CACHE_SHOWN) promote(cache, e);
  return status == CACHE_SHOWN ? status : OK;
}

/** Lets go of the main part what `size` more would displace, if those together are asked for less often than `worth`. Not `kept`. */
function displace(cache: usize, size: u32, main: u32, worth: u32, kept: usize): u32 {
  if (<u64>get32(cache + K_MAIN) + size <= <u64>main) return OK;
  let sum: u32 = 0;
  let freed: u32 = 0;
  let found: u32 = 0;
  beginVictims(cache);
  while (<u64>get32(cache + K_MAIN) + size > <u64>main + freed && found < <u32>VICTIMS_MAX) {
    const e = nextVictim(cache, ANY_SPACE, age);
    if (e == 0) return found == 0 ? CACHE_PROTECTED : CACHE_NOT_ADMITTED;
    if (e == kept) continue;
    sum += popularity(cache, e);
    if (about & ABOUT_ASKS) return CACHE_ASKED;
    if (sum >= worth) return CACHE_NOT_ADMITTED;
    put32(cache + K_VICTIMS + ((<usize>found) << 2), <u32>e);
    found++;
    freed += sizeOf(cache, e);
  }
  for (let i: u32 = 0; i < found; i++) {
    const status = drop(cache, <usize>get32(cache + K_VICTIMS + ((<usize>i) << 2)), GONE_EVICTED);
    if (status != OK) return status;
  }
  // More than are counted together: the others go for what they are.
  while (<u64>get32(cache + K_MAIN) + size > <u64>main) {
    beginVictims(cache);
    const e = nextVictim(cache, ANY_SPACE, age);
    if (e == 0 || e == kept) return CACHE_PROTECTED;
    const status = drop(cache, e, GONE_EVICTED);
    if (status != OK) return status;
  }
  return OK;
}

/** Lets go until there may be one entry, and these bytes of values, more. */
function makeCountRoom(cache: usize, bytes: u32): u32 {
  while (true) {
    const items = <u64>get32(cache + K_ITEMS) + (old == 0 ? 1 : 0);
    const values = <i64>get32(cache + K_VALUES) + bytes - (old == 0 ? 0 : get32(old + E_VALUE_LENGTH));
    if (items <= <u64>get32(cache + K_MAX_ITEMS) && values <= <i64>get32(cache + K_MAX_VALUES)) return OK;
    const status = evictOne(cache, ANY_SPACE);
    if (status != OK) return status;
  }
  return OK;
}

/** Finds a slot for an entry of `need` bytes; a long one's is a run, or what its key and the addresses of its pieces need. */
function makeMemory(cache: usize, key: u32, need: u32, bytes: u32, length: u32): u32 {
  const most = max(<u64>length * PUSHED_OUT, PUSHED_OUT_MIN);
  while (true) {
    if (isReady(cache) && (slots != 0 ? hasSlot(cache, slots) : hasRun(cache, need))) return OK;
    if ((slots == 0 && dropSpare(cache)) || hasGathered(cache)) continue;
    if (slots == 0 && isInPieces(cache, key, bytes)) return OK;
    // It is not the limit that has no room, but the region or the budget, which may never have any.
    const isWithin = <u64>get32(cache + K_HELD) + length + PAGE_HEADER <= <u64>get32(cache + K_MAX_BYTES);
    if (isWithin && pushed > most) return FULL;
    const status = evictOne(cache, ANY_SPACE);
    if (status != OK) return status == CACHE_PROTECTED && get32(cache + K_ITEMS) == 0 ? FULL : status;
    pushed += lastDropped;
  }
  return FULL;
}

/** Whether the limit has room for a long value's pieces, and there is a slot for their addresses; then it is to be in pieces. */
function isInPieces(cache: usize, key: u32, bytes: u32): bool {
  const count = piecesFor(bytes);
  const need = headBytes(key, count);
  const many = slotsFor(need);
  // The slot may be in a new page, or in a run.
  const head = many != 0 ? PAGE_BYTES : slotBytes(need, many) + PAGE_HEADER;
  const held = <u64>get32(cache + K_HELD) + <u64>count * PAGE_BYTES + head;
  if (held > <u64>get32(cache + K_MAX_BYTES) || !(many != 0 ? hasSlot(cache, many) : hasRun(cache, need))) return false;
  slots = many;
  pieces = count;
  return true;
}

/** Takes the pieces of the entry at `e`, which is in this owner's hand, and lets go what must. OK, or why there is no memory for them. */
export function makePieces(cache: usize, e: usize): u32 {
  const most = max(<u64>pieces * PAGE_BYTES * PUSHED_OUT, PUSHED_OUT_MIN);
  while (get32(e + E_PIECES) < pieces) {
    if (addPiece(cache, e)) continue;
    if (!dropSpare(cache) && !hasGathered(cache)) {
      if (pushed > most) return FULL;
      const status = evictOne(cache, ANY_SPACE);
      if (status != OK) return status == CACHE_PROTECTED && get32(cache + K_ITEMS) == 0 ? FULL : status;
      pushed += lastDropped;
    }
  }
  return OK;
}

/** One entry goes: what expired first, else by the policy. OK, CACHE_SHOWN, or CACHE_PROTECTED: none may. */
function evictOne(cache: usize, only: u32): u32 {
  if (get32(cache + K_MORTAL) != 0) {
    const before = get32(cache + K_ITEMS);
    const status = expireSome(cache, PAGES_SWEPT);
    if (status != OK || get32(cache + K_ITEMS) != before) return status;
  }
  if (about & ABOUT_ASKS) return CACHE_ASKED;
  const policy = get32(cache + K_POLICY);
  if (policy == CACHE_S3_FIFO) {
    const status = evictSmall(cache, only);
    if (status != CACHE_PROTECTED) return status;
  }
  if (policy == CACHE_HYBRID) {
    const status = evictBeside(cache, only);
    if (status != CACHE_PROTECTED) return status;
  }
  const e = victim(cache, only);
  return e == 0 ? CACHE_PROTECTED : drop(cache, e, GONE_EVICTED);
}

/** What the policy lets go first, of one namespace or any; of the window where nothing else may. */
function victim(cache: usize, only: u32): usize {
  beginVictims(cache);
  const e = nextVictim(cache, only, age);
  return e == 0 ? fromWindow(cache, only) : e;
}

/**
 * Of the hybrid, where another limit than that of what it measures is reached: then a tenth of what stays is the window. What is more than that leaves
 * it as ever. CACHE_PROTECTED: it is the main part's turn.
 */
function evictBeside(cache: usize, only: u32): u32 {
  for (let i: u32 = 0; i < LEAVES_MAX; i++) {
    const e = fromWindow(cache, only);
    if (e == 0 || e == old) return CACHE_PROTECTED;
    // What there will be, once one has gone.
    const all = <u64>get32(cache + K_WINDOW) + get32(cache + K_MAIN) - sizeOf(cache, e);
    if (get32(cache + K_WINDOW) <= all / 10) return CACHE_PROTECTED;
    const wasHit = leaveWindow(cache, e) > 1;
    beginVictims(cache);
    const other = get32(cache + K_MAIN) + sizeOf(cache, e) <= all - all / 10 ? 0 : nextVictim(cache, only, age);
    if (other != 0 && !wasHit && popularity(cache, e) <= popularity(cache, other)) return drop(cache, e, GONE_EVICTED);
    promote(cache, e);
    if (other != 0) return drop(cache, other, GONE_EVICTED);
  }
  return CACHE_PROTECTED;
}

/** The last of a window that may go. */
function fromWindow(cache: usize, only: u32): usize {
  const policy = get32(cache + K_POLICY);
  for (let s: u32 = 0; s < get32(cache + K_SPACE_COUNT); s++) {
    if (only != ANY_SPACE && only != s) continue;
    for (let e = lastOf(spaceAt(cache, s), 0); e != 0; e = <usize>get32(e + E_BEFORE)) {
      if (mayGo(cache, e, policy, age)) return e;
    }
  }
  return 0;
}

/** Of s3-fifo: what leaves the small part, a tenth, goes unless it was hit twice. CACHE_PROTECTED: it is the main part's turn. */
function evictSmall(cache: usize, only: u32): u32 {
  // Where another limit than that of what is measured is reached, of what is there.
  const small = <u32>(min(<u64>capacityOf(cache), <u64>get32(cache + K_WINDOW) + get32(cache + K_MAIN)) / 10);
  for (let e = fromWindow(cache, only); e != 0 && get32(cache + K_WINDOW) > small; e = fromWindow(cache, only)) {
    if (leaveWindow(cache, e) > 2) {
      promote(cache, e);
      continue;
    }
    countAsGhost(cache, e);
    return drop(cache, e, GONE_EVICTED);
  }
  return CACHE_PROTECTED;
}

/** Whether there are more entries, or more bytes of values, than there may be. */
function hasTooMany(cache: usize): bool {
  return get32(cache + K_ITEMS) > get32(cache + K_MAX_ITEMS) || get32(cache + K_VALUES) > get32(cache + K_MAX_VALUES);
}

/** Evicts until the cache holds `bytes` bytes less and no more than it may, or nothing may go; how many bytes it holds less. */
export function evictBytes(cache: usize, bytes: u32, what: u32, now: f64): u32 {
  begun(what, now);
  const before = get32(cache + K_HELD);
  dropSpare(cache);
  while (before - min(before, get32(cache + K_HELD)) < bytes || hasTooMany(cache)) {
    const status = evictOne(cache, ANY_SPACE);
    while (hasGathered(cache));
    dropSpare(cache);
    if (status != OK) break;
  }
  return before - min(before, get32(cache + K_HELD));
}
