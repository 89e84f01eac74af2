// Check of the caches: walks every structure of each and says whether they agree. Owns nothing. A cache whose latch another has is not looked at:
// it is in the middle of something; nor is one whose last holder died, before it is mended.
//
//   Σ bytes of taken slots = K_BYTES, Σ of all slots = K_SLOTS, the run and all Blocks = K_HELD; each Block is held by a shared claim
//   entries that are in = K_ITEMS: each in one list of its namespace, and in the one place that E_PLACE says; nothing else is in either
//   what is taken and not in is reserved by its user, or in limbo
//   who loads a key, or hears of evictions, uses the cache

import { get32, get64, get8 } from "./memory";
import { load32, load64 } from "./atomic";
import { isShared } from "./claim";
import { tryLatch, LATCHED, letLatchGo } from "./latch";
import { firstGrain, grains, maxOwners } from "./header";
import { wordAt } from "./pages";
import { pageOf } from "./cachepage";
import { earAt } from "./cachehear";
import { claimAt, isOvertaken, loaderOf } from "./cacheloads";
import { firstOf, lastOf, listOf, sizeOf, spaceAt, stateOf } from "./entries";
import { bytesAt, piecesAt, piecesFor } from "./pieces";
import { claimFound, find } from "./record";
import { problem } from "./report";
import { bucketAt, bucketOf, placesEnd } from "./table";
import { GRAIN_SHIFT, H_CACHES, KIND_INTERNAL, T_MASK, T_RUN, W_KIND_SHIFT } from "./shared/layout";
import {
  ADDRESS_PAGES_MAX,
  BUCKET_NEXT,
  BUCKET_PLACES,
  CACHE_OPEN,
  EAR_NAME,
  ENTRY_FREE,
  ENTRY_LIMBO,
  ENTRY_LIVE,
  ENTRY_RESERVED,
  E_BEFORE,
  E_EXPIRES,
  E_HASH,
  E_NEXT,
  E_PIECES,
  E_PLACE,
  E_SPACE,
  E_VALUE_LENGTH,
  K_ALL,
  K_BUCKETS,
  K_BYTES,
  K_GRAINS,
  K_HEARING,
  K_HELD,
  K_ITEMS,
  K_LATCH,
  K_LIMBO,
  K_LOAD,
  K_LOADING,
  K_LOG,
  K_LONG,
  K_MAIN,
  K_MAX_BYTES,
  K_MORE_PAGES,
  K_MORTAL,
  K_NEW,
  K_NEXT,
  K_OLD,
  K_PAGE,
  K_PAGES,
  K_ROOM,
  K_SLOTS,
  K_SPACE_COUNT,
  K_SPARE,
  K_SPLIT,
  K_STATE,
  K_TABLE,
  K_USERS,
  K_VALUES,
  K_WINDOW,
  LISTS,
  LOADS_MAX,
  MORE_NEXT,
  N_BYTES,
  N_ITEMS,
  N_LISTS,
  PAGE_ALL_BEFORE,
  PAGE_ALL_NEXT,
  PAGE_BEFORE,
  PAGE_BYTES,
  PAGE_COUNT,
  PAGE_FRESH,
  PAGE_GRAINS,
  PAGE_HEADER,
  PAGE_LENGTH,
  PAGE_NEXT,
  PAGE_SLOTS_MAX,
  PAGE_USED,
  USER_BYTES,
  U_OWNER,
  U_RESERVED,
} from "./shared/caches";
import { BAD_CACHE } from "./shared/status";

// What the walk over one cache has added up; private to the thread.
let items: u32 = 0;
let bytes: u32 = 0;
let slots: u32 = 0;
let values: u32 = 0;
let held: u32 = 0;
let mortal: u32 = 0;
let longs: u32 = 0;
let limbo: u32 = 0;
let reserved: u32 = 0;
let roomy: u32 = 0;

/** Reports what does not hold of the caches. O(their memory). */
export function checkCaches(): void {
  for (let cache = <usize>load32(H_CACHES); cache != 0; cache = <usize>get32(cache + K_NEXT)) {
    const g = <u32>(cache >>> GRAIN_SHIFT);
    const word = g >= firstGrain && g < grains ? load32(wordAt(g)) : 0;
    if ((word & T_MASK) != T_RUN || ((word >>> W_KIND_SHIFT) & 3) != KIND_INTERNAL) {
      problem(BAD_CACHE, <u32>cache);
      return;
    }
    if (load32(cache + K_STATE) != CACHE_OPEN || tryLatch(cache + K_LATCH) != LATCHED) continue;
    const wrong = get32(cache + K_BUCKETS) == 0 ? 0 : whatIsWrong(cache);
    // The cache's address is a multiple of the grain, so the number of what is wrong stands below it.
    if (wrong != 0) problem(BAD_CACHE, <u32>cache | wrong);
    letLatchGo(cache + K_LATCH);
  }
}

/** 0, or the number of the first thing that does not hold. */
function whatIsWrong(cache: usize): u32 {
  items = 0;
  bytes = 0;
  slots = 0;
  values = 0;
  mortal = 0;
  longs = 0;
  limbo = 0;
  reserved = 0;
  roomy = 0;
  held = get32(cache + K_GRAINS) << GRAIN_SHIFT;
  if (get64(cache + K_LOG) != 0 || get32(cache + K_NEW) != 0) return 1;
  if (get32(cache + K_OLD) != 0 || get32(cache + K_SPLIT) != 0 || get32(cache + K_PAGE) != 0) return 2;
  if (!isTableRight(cache)) return 3;
  if (get32(cache + K_TABLE) != held) return 4;
  if (!arePagesRight(cache)) return 5;
  if (get32(cache + K_ITEMS) != items || get32(cache + K_BYTES) != bytes || get32(cache + K_SLOTS) != slots) return 6;
  if (get32(cache + K_VALUES) != values || get32(cache + K_MORTAL) != mortal || get32(cache + K_LONG) != longs)
    return 7;
  if (get32(cache + K_HELD) != held || held > get32(cache + K_MAX_BYTES)) return get32(cache + K_HELD) != held ? 8 : 0;
  if (!areListsRight(cache)) return 9;
  if (countPlaces(cache) != items) return 10;
  if (!isRestRight(cache)) return 11;
  if (countRoomy(cache) != roomy) return 12;
  return areLoadsRight(cache) && isHearingRight(cache) ? 0 : 13;
}

/** Each claim is of an owner that uses the cache, none stands behind those that are looked at, and no hash has two that can be waited for. */
function areLoadsRight(cache: usize): bool {
  if (get32(cache + K_LOAD) != 0 || get32(cache + K_LOADING) > <u32>LOADS_MAX) return false;
  for (let n: u32 = 1; n <= <u32>LOADS_MAX; n++) {
    const word = load64(claimAt(cache, n));
    if (word == 0) continue;
    if (n > get32(cache + K_LOADING) || !isUser(cache, loaderOf(word) & 0xff, loaderOf(word))) return false;
    for (let other: u32 = 1; other < n && !isOvertaken(word); other++) {
      const before = load64(claimAt(cache, other));
      if (before != 0 && !isOvertaken(before) && <u32>before == <u32>word) return false;
    }
  }
  return true;
}

/** Only who uses the cache has an ear, and a bit only who has one. */
function isHearingRight(cache: usize): bool {
  for (let index: u32 = 0; index < 256; index++) {
    const isHearing = ((load32(cache + K_HEARING + ((<usize>(index >>> 5)) << 2)) >>> (index & 31)) & 1) != 0;
    const hasEar = index <= maxOwners && load32(earAt(cache, index) + EAR_NAME) != 0;
    if ((isHearing && !hasEar) || (hasEar && isUser(cache, index, 0))) return false;
  }
  return true;
}

/** Whether owner `id`, or nobody (0), uses the cache at this index. */
function isUser(cache: usize, index: u32, id: u32): bool {
  return index <= maxOwners && load32(<usize>get32(cache + K_USERS) + <usize>index * USER_BYTES + U_OWNER) == id;
}

/** Whether the cache holds this Block; counts its bytes. */
function isHeld(p: usize, length: u32): bool {
  held += length;
  return find(p) && isShared(load64(claimFound()));
}

function isTableRight(cache: usize): bool {
  for (let i: usize = 0; i < <usize>ADDRESS_PAGES_MAX; i++) {
    const addresses = <usize>get32(cache + K_PAGES + (i << 2));
    if (addresses == 0) continue;
    if (!isHeld(addresses, PAGE_BYTES)) return false;
    for (let at = addresses; at < addresses + PAGE_BYTES; at += 4) {
      if (get32(at) != 0 && !isHeld(<usize>get32(at), PAGE_BYTES)) return false;
    }
  }
  for (let page = <usize>get32(cache + K_MORE_PAGES); page != 0; page = <usize>get32(page + MORE_NEXT)) {
    if (!isHeld(page, PAGE_BYTES)) return false;
  }
  return true;
}

function arePagesRight(cache: usize): bool {
  const spare = <usize>get32(cache + K_SPARE);
  if (spare != 0 && !isHeld(spare, PAGE_BYTES)) return false;
  let before: usize = 0;
  for (let page = <usize>get32(cache + K_ALL); page != 0; page = <usize>get32(page + PAGE_ALL_NEXT)) {
    if (!isHeld(page, get32(page + PAGE_GRAINS) << GRAIN_SHIFT)) return false;
    if (<usize>get32(page + PAGE_ALL_BEFORE) != before || !isPageRight(cache, page)) return false;
    before = page;
  }
  return true;
}

function isPageRight(cache: usize, page: usize): bool {
  const count = max(get32(page + PAGE_COUNT), 1);
  const length = get32(page + PAGE_LENGTH);
  if (get32(page + PAGE_COUNT) == 0) longs++;
  else if (get32(page + PAGE_USED) < count) roomy++;
  slots += count * length;
  let used: u32 = 0;
  for (let e = page + PAGE_HEADER; e < <usize>get32(page + PAGE_FRESH); e += length) {
    if (stateOf(e) == ENTRY_FREE) continue;
    used++;
    bytes += length;
    if (pageOf(e) != page || !isEntryRight(cache, e) || !arePiecesRight(e)) return false;
  }
  return used == get32(page + PAGE_USED);
}

/** Whether its pieces are the cache's, and no more than its value has; counts their bytes. */
function arePiecesRight(e: usize): bool {
  const count = get32(e + E_PIECES);
  const most = piecesFor(get32(e + E_VALUE_LENGTH));
  if (count > most || (count != most && count != 0 && stateOf(e) == ENTRY_LIVE)) return false;
  for (let i: u32 = 0; i < count; i++) {
    if (!isHeld(<usize>get32(piecesAt(e) + ((<usize>i) << 2)), PAGE_BYTES)) return false;
  }
  bytes += count * PAGE_BYTES;
  slots += count * PAGE_BYTES;
  return true;
}

function isEntryRight(cache: usize, e: usize): bool {
  const state = stateOf(e);
  if (state == ENTRY_LIMBO) limbo++;
  else if (state == ENTRY_RESERVED) reserved++;
  else if (state == ENTRY_LIVE) {
    items++;
    values += get32(e + E_VALUE_LENGTH);
    if (get64(e + E_EXPIRES) != 0) mortal++;
    return <usize>(<u32>load64(<usize>get32(e + E_PLACE))) == e;
  } else return false;
  return true;
}

/** Each entry that is in stands in one list; the sums of lists and namespaces are theirs. */
function areListsRight(cache: usize): bool {
  let all: u32 = 0;
  let window: u32 = 0;
  let main: u32 = 0;
  for (let s: u32 = 0; s < get32(cache + K_SPACE_COUNT); s++) {
    const space = spaceAt(cache, s);
    let count: u32 = 0;
    let sum: u32 = 0;
    for (let list: u32 = 0; list < <u32>LISTS; list++) {
      let before: usize = 0;
      for (let e = firstOf(space, list); e != 0; e = <usize>get32(e + E_NEXT)) {
        if (<usize>get32(e + E_BEFORE) != before || stateOf(e) != ENTRY_LIVE || listOf(e) != list) return false;
        if (get8(e + E_SPACE) != s || ++count > items) return false;
        sum += bytesAt(e);
        if (list == 0) window += sizeOf(cache, e);
        else main += sizeOf(cache, e);
        before = e;
      }
      if (lastOf(space, list) != before) return false;
      if (((get64(space + N_LISTS) >> list) & 1) != (before != 0 ? 1 : 0)) return false;
    }
    if (get32(space + N_ITEMS) != count || get32(space + N_BYTES) != sum) return false;
    all += count;
  }
  return all == items && get32(cache + K_WINDOW) == window && get32(cache + K_MAIN) == main;
}

/** How many places name an entry that is in, in the bucket where it belongs; more than there can be if one names anything else. */
function countPlaces(cache: usize): u32 {
  const buckets = get32(cache + K_BUCKETS);
  let count: u32 = 0;
  for (let index: u32 = 0; index < buckets; index++) {
    for (let part = bucketAt(cache, index); part != 0; part = <usize>get32(part + BUCKET_NEXT)) {
      for (let p = part + BUCKET_PLACES; p < placesEnd(part); p += 8) {
        const e = <usize>(<u32>load64(p));
        if (e == 0) continue;
        count++;
        if (<usize>get32(e + E_PLACE) != p || bucketOf(buckets, get32(e + E_HASH)) != index) return 0xffffffff;
      }
    }
  }
  return count;
}

/** What is taken and not in is named by a user, or in limbo. */
function isRestRight(cache: usize): bool {
  let named: u32 = 0;
  for (let index: u32 = 1; index <= maxOwners; index++) {
    if (get32(<usize>get32(cache + K_USERS) + <usize>index * USER_BYTES + U_RESERVED) != 0) named++;
  }
  let out: u32 = 0;
  for (let e = <usize>get32(cache + K_LIMBO); e != 0 && out <= limbo; e = <usize>get32(e + E_NEXT)) out++;
  return named == reserved && out == limbo;
}

/** How many pages stand in the lists of those with room. */
function countRoomy(cache: usize): u32 {
  let count: u32 = 0;
  for (let many: u32 = 1; many <= <u32>PAGE_SLOTS_MAX; many++) {
    let before: usize = 0;
    for (
      let page = <usize>get32(cache + K_ROOM + ((<usize>many) << 2));
      page != 0;
      page = <usize>get32(page + PAGE_NEXT)
    ) {
      const isRight = get32(page + PAGE_COUNT) == many && <usize>get32(page + PAGE_BEFORE) == before;
      if (!isRight || count > roomy) return 0xffffffff;
      before = page;
      count++;
    }
  }
  return count;
}
