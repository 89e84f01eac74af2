// Cache loads: of all owners one loads a key; what is said of the key meanwhile overtakes it; a claim ends by its owner, or its owner's recovery, and so does
// an ear, with the ring that it names.

import { get32, put32 } from "../memory";
import { load32, load64, store32, store64 } from "../atomic";
import { cacheClear, cacheCommit, cacheDelete, cacheReserve } from "../cache";
import { cacheClaim, cacheEndLoad } from "../cachefetch";
import { cacheHear, earAt } from "../cachehear";
import { leaveCache } from "../cachelife";
import { cacheIsLoading, claimAt, isOvertaken, loaderOf } from "../cacheloads";
import { userOf } from "../cachepin";
import { openRing } from "../ringlife";
import { detachRegion } from "../region";
import { recover } from "../recover";
import { find, hashKey } from "../table";
import { me, slot } from "../owners";
import {
  EAR_NAME,
  K_BELL,
  K_HEARING,
  K_LATCH,
  K_LOAD,
  K_LOADED,
  K_LOADING,
  LOADS_MAX,
  LOAD_UNCLAIMED,
  U_LOAD,
  U_VALUE,
} from "../shared/caches";
import { H_RINGS, OWNER_DEAD, S_OUT } from "../shared/layout";
import { RING_BYTES, RING_CAPACITY, RING_CAPACITY_MAX, RING_HIGH } from "../shared/rings";
import { CACHE_OVERTAKEN, CACHE_TOO_LARGE, OK } from "../shared/status";
import { become, idOf, is, reopen, same, setState, sound } from "./lib";
import { KEY, NOW, SOURCE, Shape, fill, gone, has, key, put, putIn, shared } from "./caches";

function claim(cache: usize, number: u32): i32 {
  return cacheClaim(cache, key(number), KEY);
}

function hashOf(cache: usize): u32 {
  return get32(userOf(cache) + U_VALUE);
}

/** Puts in what was loaded by that claim. */
function putLoaded(cache: usize, number: u32, by: u32, bytes: u32 = 16): u32 {
  put32(userOf(cache) + U_LOAD, by);
  const status = put(cache, number, bytes);
  put32(userOf(cache) + U_LOAD, 0);
  return status;
}

/** Owner 2, the other, leaves; owner 1, the last, too: nothing of it is left. */
function end(cache: usize, what: string): void {
  become(2);
  same(leaveCache(cache), OK, "left, " + what, 2);
  become(1);
  gone(cache, what);
}

describe("the load of a key", () => {
  it("is claimed by one owner, for which the others wait, until that has ended it", () => {
    const cache = shared();
    same(claim(cache, 1), 1, "claimed", 0);
    const hash = hashOf(cache);
    same(loaderOf(load64(claimAt(cache, 1))), idOf(2), "its owner", 0);
    same(claim(cache, 1), -1, "once", 0);
    same(claim(cache, 2), 2, "another key", 0);
    become(1);
    same(claim(cache, 1), -1, "by another owner", 0);
    is(cacheIsLoading(cache, 1, hash, idOf(2)), true, "waited for", 0);
    cacheEndLoad(cache, 1);
    is(cacheIsLoading(cache, 1, hash, idOf(2)), true, "not another's to end", 0);
    sound("loading", 0);
    become(2);
    store32(cache + K_BELL + 4, 1);
    cacheEndLoad(cache, 1);
    same(load32(cache + K_BELL), 1, "the bell", 0);
    is(cacheIsLoading(cache, 1, hash, idOf(2)), false, "over", 0);
    become(1);
    same(claim(cache, 1), 1, "claimed by the other", 0);
    is(cacheIsLoading(cache, 1, hash, idOf(2)), false, "it is not who was waited for", 0);
    cacheEndLoad(cache, 1);
    become(2);
    cacheEndLoad(cache, 2);
    end(cache, "claims");
  });

  it("is put in where nothing was said of the key since, also over what was in", () => {
    const cache = shared();
    putIn(cache, 1, 40);
    const number = claim(cache, 1);
    same(putLoaded(cache, 1, number), OK, "over what was in", 0);
    is(has(cache, 1), true, "in", 0);
    same(get32(cache + K_LOAD), 0, "no second look is due", 0);
    cacheEndLoad(cache, number);
    end(cache, "put in");
  });

  it("is overtaken by a set, a refused one too, a delete, and by who clears; then another may claim it", () => {
    const shape = new Shape();
    shape.values = 1000;
    const cache = shared(shape);
    for (let how: u32 = 0; how < 4; how++) {
      become(2);
      const number = claim(cache, 1);
      is(number > 0, true, "claimed", how);
      const hash = hashOf(cache);
      become(1);
      store32(cache + K_BELL + 4, 1);
      const bell = load32(cache + K_BELL);
      if (how == 0) putIn(cache, 1, 40);
      else if (how == 1) same(put(cache, 1, 2000), CACHE_TOO_LARGE, "refused", 0);
      else if (how == 2) is(cacheDelete(cache, key(1), KEY), false, "not there", 0);
      else cacheClear(cache);
      is(isOvertaken(load64(claimAt(cache, number))), true, "overtaken", how);
      same(load32(cache + K_BELL), bell + 1, "the bell", how);
      is(cacheIsLoading(cache, number, hash, idOf(2)), false, "not waited for", how);
      const other = claim(cache, 1);
      is(other > 0 && other != number, true, "another claim", how);
      cacheEndLoad(cache, other);
      become(2);
      same(putLoaded(cache, 1, number, 24), CACHE_OVERTAKEN, "not put in", how);
      is(has(cache, 1), how == 0, "what was said", how);
      sound("overtaken", how);
      cacheEndLoad(cache, number);
      cacheDelete(cache, key(1), KEY);
    }
    end(cache, "overtaken");
  });

  it("is not overtaken by what is said of other keys, and nobody looks for claims once they are over", () => {
    const cache = shared();
    const number = claim(cache, 1);
    for (let i: u32 = 2; i < 50; i++) {
      putIn(cache, i);
      cacheDelete(cache, key(i), KEY);
    }
    same(putLoaded(cache, 1, number), OK, "put in", 0);
    cacheEndLoad(cache, number);
    same(get32(cache + K_LOADING), 1, "until somebody looks", 0);
    putIn(cache, 2);
    same(get32(cache + K_LOADING), 0, "nobody does", 0);
    end(cache, "other keys");
  });

  it("of a long value is overtaken also once that has its slot", () => {
    const cache = shared();
    const number = claim(cache, 1);
    put32(userOf(cache) + U_LOAD, number);
    same(cacheReserve(cache, key(1), KEY, 3000, 50 << 8, 0, NOW), OK, "reserved", 0);
    fill(<usize>get32(userOf(cache) + U_VALUE), 1, 3000);
    become(1);
    putIn(cache, 1, 40);
    become(2);
    same(cacheCommit(cache), CACHE_OVERTAKEN, "not put in", 0);
    put32(userOf(cache) + U_LOAD, 0);
    is(has(cache, 1), true, "what was set", 0);
    sound("its slot is back", 0);
    cacheEndLoad(cache, number);
    end(cache, "a long one");
  });

  it("without a claim is put in where nothing is", () => {
    const cache = shared();
    for (let i: u32 = 0; i < <u32>LOADS_MAX; i++) same(claim(cache, 100 + i), <i32>i + 1, "claim", i);
    same(claim(cache, 1), LOAD_UNCLAIMED, "none is left", 0);
    same(claim(cache, 100), -1, "of a key that has one", 0);
    sound("all claims", 0);
    same(putLoaded(cache, 1, LOAD_UNCLAIMED), OK, "where nothing is", 0);
    same(putLoaded(cache, 1, LOAD_UNCLAIMED, 24), CACHE_OVERTAKEN, "over what is", 0);
    is(has(cache, 1), true, "the first", 0);
    for (let i: u32 = 0; i < <u32>LOADS_MAX; i++) cacheEndLoad(cache, i + 1);
    same(claim(cache, 1), 1, "the first again", 0);
    end(cache, "all claims");
  });
});

describe("who loads, and leaves or dies", () => {
  it("has no claim any more once it left the cache", () => {
    const cache = shared();
    same(claim(cache, 1), 1, "claimed", 0);
    same(leaveCache(cache), OK, "left", 0);
    become(1);
    same(claim(cache, 1), 1, "another's", 0);
    gone(cache, "left");
  });

  it("leaves its claim to whoever wants the key, before it is recovered, and to nobody after", () => {
    const cache = shared();
    same(claim(cache, 1), 1, "claimed", 1);
    const hash = hashOf(cache);
    same(claim(cache, 2), 2, "claimed", 2);
    setState(2, OWNER_DEAD);
    become(1);
    is(cacheIsLoading(cache, 1, hash, idOf(2)), false, "nobody waits for the dead", 0);
    same(claim(cache, 1), 1, "taken over", 0);
    same(recover(idOf(2)), OK, "recovered", 0);
    same(loaderOf(load64(claimAt(cache, 1))), idOf(1), "its new owner's", 0);
    is(load64(claimAt(cache, 2)) == 0, true, "over", 0);
    gone(cache, "died");
  });

  it("with the latch, once what it loaded is in: who mends takes that out if it is overtaken", () => {
    const cache = shared();
    const number = claim(cache, 1);
    same(putLoaded(cache, 1, number), OK, "in", 0);
    // As it is where it died before its second look, while somebody deleted the key without the latch.
    hashKey(cache, key(1), KEY);
    put32(cache + K_LOADED, <u32>find(cache, SOURCE, KEY));
    put32(cache + K_LOAD, number);
    store64(claimAt(cache, number), load64(claimAt(cache, number)) | 0x8000000000000000);
    store32(cache + K_LATCH, idOf(2));
    setState(2, OWNER_DEAD);
    become(1);
    putIn(cache, 3);
    same(get32(cache + K_LOAD), 0, "looked at", 0);
    is(has(cache, 1), false, "out", 0);
    is(has(cache, 3), true, "in", 0);
    same(recover(idOf(2)), OK, "recovered", 0);
    gone(cache, "mended");
  });
});

describe("an ear", () => {
  it("is of who uses the cache; once it leaves, the ring that it names has ended", () => {
    const cache = shared();
    cacheHear(cache, 7, false);
    same(get32(cache + K_HEARING), 0, "not yet", 0);
    put32(slot + S_OUT + (RING_CAPACITY << 2), 4);
    put32(slot + S_OUT + (RING_CAPACITY_MAX << 2), 4);
    put32(slot + S_OUT + (RING_BYTES << 2), 1000);
    put32(slot + S_OUT + (RING_HIGH << 2), 100);
    is(openRing(7) != 0, true, "its ring", 0);
    cacheHear(cache, 7, true);
    same(get32(cache + K_HEARING), 1 << me, "worth telling", 0);
    same(get32(earAt(cache, me) + EAR_NAME), 7, "by that ring", 0);
    sound("heard", 0);
    same(detachRegion(), OK, "detached", 0);
    same(reopen(), OK, "the header", 0);
    become(1);
    same(get32(cache + K_HEARING) | load32(H_RINGS), 0, "silence", 0);
    gone(cache, "heard");
  });

  it("of a dead owner is cleared by its recovery, whether its ring was there yet or not", () => {
    const cache = shared();
    cacheHear(cache, 7, false);
    setState(2, OWNER_DEAD);
    become(1);
    same(recover(idOf(2)), OK, "recovered", 0);
    same(get32(earAt(cache, 2) + EAR_NAME), 0, "cleared", 0);
    gone(cache, "no ring");
  });
});
