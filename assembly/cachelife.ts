// Cache life: how caches come, are used by owners, and go. Owns the list of caches and of each the control's words that say so. A thread works on a
// cache only while its user's words say that it uses it, so its memory goes back when the last user has left; who dies is made to leave by its
// recovery.
//
//   H_CACHES → newest → … → oldest, each named by the word before it; it changes under the page lock
//   open → going: nobody uses it any more  ·  going → gone: entries, table, budget, control, in this order; who dies on the way leaves K_CLOSER,
//   whose recovery goes on

import { get32, put32 } from "./memory";
import { cas32, cas64, load32, load64, store32, store64, swap32 } from "./atomic";
import { letCacheGo, lockCache, mendInherited, takeFrom } from "./cachelatch";
import { endLoadsOf } from "./cacheloads";
import { stopHearing } from "./cachehear";
import { displaced, dropSpare, givePageBack } from "./cachepage";
import { carveNamed, giveBackNamed, name } from "./chunk";
import { spaceAt, stateOf } from "./entries";
import { maxOwners } from "./header";
import { letLatchGo } from "./latch";
import { lock } from "./lock";
import { closeBudget } from "./nodes";
import { isDead, me, myId, slot } from "./owners";
import { dropPieces, giveEntryBack } from "./pieces";
import { relist } from "./relist";
import { hasBucket } from "./table";
import { letGo } from "./trim";
import { begin, end, set32 } from "./undo";
import { GRAIN_BYTES, GRAIN_SHIFT, H_CACHES, S_OUT, S_REASON } from "./shared/layout";
import {
  ADDRESS_PAGES_MAX,
  CACHE_BEFORE,
  CACHE_BUDGET,
  CACHE_BUDGET_STATE,
  CACHE_CONFIG,
  CACHE_CONTROL_BYTES,
  CACHE_FAVOUR,
  CACHE_GOING,
  CACHE_LIMITS,
  CACHE_MAX_BYTES,
  CACHE_MAX_ITEMS,
  CACHE_MAX_VALUES,
  CACHE_MEASURE,
  CACHE_OPEN,
  CACHE_POLICY,
  CACHE_RETENTION,
  CACHE_SEED,
  CACHE_SPACES,
  CONFIG_WORDS,
  EAR_BYTES,
  ENTRY_FREE,
  K_ALL,
  K_BUCKETS,
  K_BUDGET,
  K_BUDGET_STATE,
  K_CONFIG,
  K_CRITICAL,
  K_DEAD,
  K_FAVOUR,
  K_GRAINS,
  K_LATCH,
  K_HELD,
  K_MAX_BYTES,
  K_MAX_ITEMS,
  K_MAX_VALUES,
  K_MEASURE,
  K_MORE_PAGES,
  K_NAME,
  K_NEXT,
  K_PAGES,
  K_PEAK,
  K_POLICY,
  K_RETENTION,
  K_SEED,
  K_SPACES,
  K_SPACE_COUNT,
  K_STATE,
  K_TABLE,
  K_USERS,
  MORE_NEXT,
  N_MAX_BYTES,
  N_MAX_ITEMS,
  PAGE_ALL_NEXT,
  PAGE_BYTES,
  PAGE_FRESH,
  PAGE_GRAINS,
  PAGE_HEADER,
  PAGE_LENGTH,
  PINS_MAX,
  SPACE_BYTES,
  TABLE_PAGE_BUCKETS,
  USER_BYTES,
  U_LOAD,
  U_OWNER,
  U_PINNED,
  U_RESERVED,
} from "./shared/caches";
import { BUSY, FULL, OK } from "./shared/status";

const NO_LIMIT: u32 = 0xffffffff;

function given(word: usize): u32 {
  return get32(slot + S_OUT + (word << 2));
}

/**
 * The cache of this name (a number of names.ts), which this owner uses from now on; if there is none, a new one as S_OUT says (CACHE_…). Writes to
 * S_OUT whether it was there (CACHE_BEFORE). 0: S_REASON says why not. O(caches).
 */
export function openCache(text: u32): usize {
  let status = lock();
  if (status != OK) return refused(status);
  let cache = findCache(text);
  const isNew = cache == 0;
  if (isNew) cache = build(text);
  if (cache != 0) store32(userAt(cache, me) + U_OWNER, myId);
  letGo();
  if (cache == 0) return refused(FULL);
  // Always: a recovery of who had this place before may still be at work in it, under the latch.
  status = furnish(cache);
  if (status != OK) {
    leaveCache(cache);
    return refused(status);
  }
  put32(slot + S_OUT + (CACHE_BEFORE << 2), isNew ? 0 : 1);
  return cache;
}

function refused(reason: u32): usize {
  if (me != 0) put32(slot + S_REASON, reason);
  return 0;
}

function userAt(cache: usize, index: u32): usize {
  return <usize>get32(cache + K_USERS) + <usize>index * USER_BYTES;
}

function findCache(text: u32): usize {
  for (let cache = <usize>load32(H_CACHES); cache != 0; cache = <usize>get32(cache + K_NEXT)) {
    if (get32(cache + K_NAME) == text && load32(cache + K_STATE) == CACHE_OPEN) return cache;
  }
  return 0;
}

/** Under the page lock. 0: there is no run for it. */
function build(text: u32): usize {
  const spaces = given(CACHE_SPACES);
  const users = CACHE_CONTROL_BYTES + spaces * SPACE_BYTES;
  const length = (users + (maxOwners + 1) * (USER_BYTES + EAR_BYTES) + GRAIN_BYTES - 1) >>> GRAIN_SHIFT;
  const cache = carveNamed(H_CACHES, length);
  if (cache == 0) return 0;
  store32(cache + K_STATE, CACHE_OPEN);
  put32(cache + K_NEXT, load32(H_CACHES));
  put32(cache + K_NAME, text);
  put32(cache + K_GRAINS, length);
  put32(cache + K_BUDGET, given(CACHE_BUDGET));
  put32(cache + K_BUDGET_STATE, given(CACHE_BUDGET_STATE));
  put32(cache + K_SPACES, <u32>cache + CACHE_CONTROL_BYTES);
  put32(cache + K_USERS, <u32>cache + users);
  put32(cache + K_SPACE_COUNT, spaces);
  for (let i: usize = 0; i < 4; i++) put32(cache + K_SEED + (i << 2), given(CACHE_SEED + i));
  for (let i: usize = 0; i < <usize>CONFIG_WORDS; i++) put32(cache + K_CONFIG + (i << 2), given(CACHE_CONFIG + i));
  put32(cache + K_MAX_BYTES, given(CACHE_MAX_BYTES));
  put32(cache + K_MAX_VALUES, given(CACHE_MAX_VALUES));
  put32(cache + K_MAX_ITEMS, given(CACHE_MAX_ITEMS));
  put32(cache + K_POLICY, given(CACHE_POLICY));
  put32(cache + K_MEASURE, given(CACHE_MEASURE));
  put32(cache + K_FAVOUR, given(CACHE_FAVOUR));
  put32(cache + K_RETENTION, given(CACHE_RETENTION));
  put32(cache + K_HELD, length << GRAIN_SHIFT);
  put32(cache + K_TABLE, length << GRAIN_SHIFT);
  put32(cache + K_PEAK, length << GRAIN_SHIFT);
  for (let i: u32 = 0; i < spaces; i++) {
    const limits = CACHE_LIMITS + <usize>(i - 1) * 2;
    put32(spaceAt(cache, i) + N_MAX_ITEMS, i == 0 ? NO_LIMIT : given(limits));
    put32(spaceAt(cache, i) + N_MAX_BYTES, i == 0 ? NO_LIMIT : given(limits + 1));
  }
  name(H_CACHES, cache); // commit
  return cache;
}

/** Gives a cache that has no table yet its first page of one. */
function furnish(cache: usize): u32 {
  const status = lockCache(cache);
  if (status != OK) return status;
  let isThere = get32(cache + K_BUCKETS) != 0;
  if (!isThere && hasBucket(cache, 0)) {
    store32(cache + K_BUCKETS, TABLE_PAGE_BUCKETS); // commit
    isThere = true;
  }
  letCacheGo(cache);
  return isThere ? OK : FULL;
}

/** Changes what the cache may hold; what is too much goes by the policy with the next value that comes in, or by `cacheEvict`. False: BUSY. */
export function cacheSetLimits(cache: usize, bytes: u32, values: u32, items: u32): bool {
  if (lockCache(cache) != OK) return false;
  store32(cache + K_MAX_BYTES, bytes);
  store32(cache + K_MAX_VALUES, values);
  store32(cache + K_MAX_ITEMS, items);
  letCacheGo(cache);
  return true;
}

/** Changes how many entries, and how many bytes of them, namespace `index` may have. */
export function cacheSetSpace(cache: usize, index: u32, items: u32, bytes: u32): bool {
  if (lockCache(cache) != OK) return false;
  store32(spaceAt(cache, index) + N_MAX_ITEMS, items);
  store32(spaceAt(cache, index) + N_MAX_BYTES, bytes);
  letCacheGo(cache);
  return true;
}

/** Changes by what entries go; those that are in are ranked anew. False: BUSY. O(entries). */
export function cacheSetPolicy(cache: usize, policy: u32, favour: u32, retention: u32, isCritical: bool): bool {
  if (lockCache(cache) != OK) return false;
  const isOther = get32(cache + K_POLICY) != policy || get32(cache + K_FAVOUR) != favour;
  store32(cache + K_RETENTION, retention);
  store32(cache + K_CRITICAL, isCritical ? 1 : 0);
  store32(cache + K_FAVOUR, favour);
  store32(cache + K_POLICY, policy);
  if (isOther) relist(cache);
  letCacheGo(cache);
  return true;
}

/** This owner uses the cache no more; with its last user it goes. OK, or BUSY: to be called again. */
export function leaveCache(cache: usize): u32 {
  let status = lock();
  if (status != OK) return status;
  // A call before this one may have been cut by an exception when all but its answer was done.
  const isThere = isListed(cache);
  letGo();
  if (!isThere) return OK;
  status = settleUser(cache, myId);
  if (status != OK) return status;
  status = lock();
  if (status != OK) return status;
  store32(userAt(cache, me) + U_OWNER, 0);
  const isGoing = load64(cache + K_STATE) == goingBy(myId) || beginToGo(cache);
  letGo();
  return isGoing ? takeApart(cache) : OK;
}

// How many slots and pins the last settleCaches gave back.
let settled: u32 = 0;

export function settledEntries(): u32 {
  return settled;
}

/** Leaves all caches. OK, or BUSY: not all is done. */
export function leaveCaches(): u32 {
  return load32(H_CACHES) == 0 ? OK : settleCaches(myId);
}

/** Does for owner `id`, which is dead or this one, what leaveCache does, of each cache. OK, or BUSY when not all is done. */
export function settleCaches(id: u32): u32 {
  settled = 0;
  while (true) {
    let status = lock();
    if (status != OK) return status;
    const isOurs = id == myId || isDead(id);
    let held: usize = 0;
    let going: usize = 0;
    let found: usize = 0;
    for (let cache = <usize>load32(H_CACHES); cache != 0 && isOurs; cache = <usize>get32(cache + K_NEXT)) {
      if (takeFrom(cache, id)) held = cache;
      else if (cas64(cache + K_STATE, goingBy(id), goingBy(myId)) || beginToGo(cache)) going = cache;
      else if (load32(userAt(cache, id & 0xff) + U_OWNER) == id) found = cache;
      if ((held | going | found) != 0) break;
    }
    // Kept from going by the dead one's own word, until that is cleared below.
    letGo();
    if ((held | going | found) == 0) return OK;
    if (held != 0) mendInherited(held);
    else if (going != 0) status = takeApart(going);
    else {
      status = settleUser(found, id);
      if (status == OK) status = forget(found, id);
    }
    if (status != OK) return status;
  }
  return OK;
}

function forget(cache: usize, id: u32): u32 {
  const status = lock();
  if (status == OK) {
    // Another recovery may have been quicker, and the cache be gone since.
    if (isListed(cache)) cas32(userAt(cache, id & 0xff) + U_OWNER, id, 0); // commit
    letGo();
  }
  return status;
}

function isListed(cache: usize): bool {
  for (let at = <usize>load32(H_CACHES); at != 0; at = <usize>get32(at + K_NEXT)) if (at == cache) return true;
  return false;
}

function goingBy(id: u32): u64 {
  return ((<u64>id) << 32) | CACHE_GOING;
}

/** If nobody uses the cache, it is this owner's to take apart. Under the page lock. */
function beginToGo(cache: usize): bool {
  if (load64(cache + K_STATE) != CACHE_OPEN) return false;
  for (let index: u32 = 1; index <= maxOwners; index++) if (load32(userAt(cache, index) + U_OWNER) != 0) return false;
  store64(cache + K_STATE, goingBy(myId)); // commit
  return true;
}

/** Gives back what owner `id`, dead or this one, has of the cache: the slot it was filling, and its pins. OK, or BUSY. */
function settleUser(cache: usize, id: u32): u32 {
  let status = lockCache(cache);
  if (status != OK) return status;
  const user = userAt(cache, id & 0xff);
  // Another recovery may have been quicker; who has the place since waits for the latch before it does anything.
  const isStill = load32(user + U_OWNER) == id;
  if (isStill && get32(user + U_RESERVED) != 0) {
    giveEntryBack(cache, user + U_RESERVED);
    settled++;
  }
  for (let i: u32 = 0; i < <u32>PINS_MAX && isStill; i++) {
    if (swap32(user + U_PINNED + ((<usize>i) << 2), 0) != 0) settled++;
  }
  if (isStill) {
    endLoadsOf(cache, id);
    put32(user + U_LOAD, 0);
    status = stopHearing(cache, id & 0xff);
  }
  // It may have died between a deletion and taking out what it deleted.
  if (isStill && id != myId) store32(cache + K_DEAD, 1);
  letCacheGo(cache);
  return status;
}

/** Takes a cache apart that is going by this owner; nobody else is at work in it. OK, or BUSY: to be gone on with. */
function takeApart(cache: usize): u32 {
  let status = lockCache(cache);
  if (status != OK) return status;
  dropSpare(cache);
  for (let page = <usize>get32(cache + K_ALL); page != 0; page = <usize>get32(cache + K_ALL)) {
    dropPiecesIn(cache, page);
    giveBack(cache, cache + K_ALL, get32(page + PAGE_ALL_NEXT), get32(page + PAGE_GRAINS) << GRAIN_SHIFT);
  }
  for (let page = <usize>get32(cache + K_MORE_PAGES); page != 0; page = <usize>get32(cache + K_MORE_PAGES)) {
    giveBack(cache, cache + K_MORE_PAGES, get32(page + MORE_NEXT), PAGE_BYTES);
  }
  for (let i: usize = 0; i < <usize>ADDRESS_PAGES_MAX; i++) giveTableBack(cache, cache + K_PAGES + (i << 2));
  letLatchGo(cache + K_LATCH);
  const node = <usize>get32(cache + K_BUDGET);
  if (node != 0 && closeBudget(node, get32(cache + K_BUDGET_STATE)) == BUSY) return BUSY;
  status = lock();
  if (status != OK) return status;
  giveBackNamed(namingOf(cache), get32(cache + K_GRAINS), get32(cache + K_NEXT));
  letGo();
  return OK;
}

/** Gives back all pieces of the entries in a page. */
function dropPiecesIn(cache: usize, page: usize): void {
  const length = get32(page + PAGE_LENGTH);
  for (let e = page + PAGE_HEADER; e < <usize>get32(page + PAGE_FRESH); e += length) {
    if (stateOf(e) != ENTRY_FREE) dropPieces(cache, e);
  }
}

/** Gives back a page of addresses, and the pages of the table that it names. */
function giveTableBack(cache: usize, naming: usize): void {
  const addresses = <usize>get32(naming);
  if (addresses == 0) return;
  for (let at = addresses; at < addresses + PAGE_BYTES; at += 4) {
    if (get32(at) != 0) giveBack(cache, at, 0, PAGE_BYTES);
  }
  giveBack(cache, naming, 0, PAGE_BYTES);
}

/** Gives back the Block of `bytes` bytes whose address stands at `naming`, where `next` stands from then on. */
function giveBack(cache: usize, naming: usize, next: u32, bytes: u32): void {
  const page = <usize>get32(naming);
  begin(cache);
  set32(naming, next);
  displaced(cache, page, bytes);
  end();
  givePageBack(cache);
}

/** Where the cache's address stands in the list. Under the page lock. */
function namingOf(cache: usize): usize {
  let at: usize = H_CACHES;
  while (<usize>load32(at) != cache) at = <usize>load32(at) + K_NEXT;
  return at;
}
