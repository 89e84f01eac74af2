// Cache life: a cache comes by its name, is used by owners, and goes with the last of them; pins, deletions and slots in hand of who dies are given
// back by its recovery, and so is the latch, whoever had it.

import { get32, get64, put32 } from "../memory";
import { cas32, load32, store32, store64 } from "../atomic";
import { cacheAbort, cacheCommit, cacheDelete, cachePin, cacheReserve, cacheUnpin } from "../cache";
import { cacheKeys } from "../cachekeys";
import { leaveCache } from "../cachelife";
import { userOf } from "../cachepin";
import { ownerState } from "../owners";
import { recover } from "../recover";
import { detachRegion } from "../region";
import { find, foundBucket, hashKey } from "../table";
import {
  BUCKET_VERSION,
  CACHE_BEFORE,
  CACHE_GOING,
  DEAD_DELETED,
  E_DEAD,
  E_PLACE,
  KEYS_HEADER,
  KEYS_VALUE_LENGTH,
  K_BYTES,
  K_CLOSER,
  K_DEAD,
  K_ITEMS,
  K_LATCH,
  K_LIMBO,
  K_LOG,
  K_NEW,
  K_OLD,
  K_PAGE,
  K_STATE,
  PINS_MAX,
  U_ENTRY,
  U_OWNER,
  U_RESERVED,
  U_VALUE,
} from "../shared/caches";
import { H_CACHES, OWNER_DEAD, OWNER_FREE, REC_DONE, REC_ENTRIES } from "../shared/layout";
import { NOT_LIVE, OK } from "../shared/status";
import { become, fresh, idOf, is, outWord, reopen, same, setState, sound } from "./lib";
import {
  KEY,
  NOW,
  SOURCE,
  Shape,
  cleared,
  fill,
  gone,
  has,
  items,
  keepSums,
  key,
  open,
  putIn,
  sameSums,
  shared,
} from "./caches";

const TARGET: usize = heap.alloc(8192);

/** Owner `index` is dead; owner 1 recovers it. */
function bury(what: string, index: u32 = 2): void {
  setState(index, OWNER_DEAD);
  become(1);
  same(recover(idOf(index)), OK, "recovered, " + what, 0);
  same(outWord(REC_DONE), 1, "done, " + what, 0);
  same(ownerState(index), OWNER_FREE, "state, " + what, 0);
}

function entryOf(cache: usize, number: u32): usize {
  hashKey(cache, key(number), KEY);
  return find(cache, SOURCE, KEY);
}

function reserve(cache: usize, number: u32, bytes: u32): void {
  same(cacheReserve(cache, key(number), KEY, bytes, 50 << 8, 0, NOW), OK, "reserved", number);
  fill(<usize>get32(userOf(cache) + U_VALUE), number, bytes);
}

describe("a cache", () => {
  it("is opened by its name, once", () => {
    fresh(16, 4);
    keepSums();
    const one = open(new Shape(), 1);
    same(outWord(CACHE_BEFORE), 0, "new", 0);
    const two = open(new Shape(), 2);
    is(one != two, true, "another", 0);
    same(open(new Shape(), 1), one, "the first again", 0);
    same(outWord(CACHE_BEFORE), 1, "it was there", 0);
    putIn(one, 1);
    is(has(two, 1), false, "not in the other", 0);
    same(leaveCache(one), OK, "left", 1);
    same(leaveCache(two), OK, "left", 2);
    sameSums("two");
  });

  it("stays while somebody uses it, and who leaves twice has left", () => {
    const cache = shared();
    putIn(cache, 1, 3000);
    same(leaveCache(cache), OK, "left", 0);
    become(1);
    is(has(cache, 1), true, "there still", 0);
    same(leaveCache(cache), OK, "left", 1);
    same(load32(H_CACHES), 0, "none is there", 0);
    same(leaveCache(cache), OK, "again", 0);
    sameSums("left");
  });

  it("is left by who detaches", () => {
    const cache = shared();
    putIn(cache, 1);
    reserve(cache, 2, 3000);
    same(detachRegion(), OK, "detached", 0);
    same(reopen(), OK, "the header", 0);
    become(1);
    is(has(cache, 1), true, "what it put in stays", 0);
    gone(cache, "detached");
  });

  it("takes what was reserved and filled, and gives it back where it is not put in", () => {
    const cache = shared();
    reserve(cache, 1, 3000);
    is(has(cache, 1), false, "not in yet", 0);
    sound("in hand", 0);
    same(cacheCommit(cache), OK, "put in", 0);
    is(has(cache, 1), true, "in", 0);
    same(cacheCommit(cache), NOT_LIVE, "nothing in hand", 0);
    reserve(cache, 2, 100);
    cacheAbort(cache);
    is(has(cache, 2), false, "given back", 0);
    sound("given back", 0);
    leaveCache(cache);
    become(1);
    gone(cache, "reserved");
  });

  it("says its keys, bucket by bucket", () => {
    const cache = shared();
    for (let i: u32 = 0; i < 500; i++) putIn(cache, i, i % 50);
    let sum: u32 = 0;
    for (let index: u32 = 0; ; index++) {
      const bytes = cacheKeys(cache, index, TARGET, 8192, 0);
      if (bytes == -1) break;
      is(bytes >= 0, true, "bucket", index);
      for (let at = TARGET; at < TARGET + bytes; at += KEYS_HEADER + KEY) {
        same(get32(at), KEY, "length of a key", index);
        const number = <u32>(get64(at + KEYS_HEADER) >> 32);
        same(get32(at + KEYS_VALUE_LENGTH), number % 50, "of a value", number);
        sum += number;
      }
    }
    same(sum, (499 * 500) / 2, "all", 0);
    same(cacheKeys(cache, 0, TARGET, 8, 0), 0, "no room", 0);
    leaveCache(cache);
    become(1);
    gone(cache, "keys");
  });

  it("keeps what is pinned as it was, whatever becomes of its key", () => {
    const cache = shared();
    putIn(cache, 1, 900);
    is(cachePin(cache, key(1), KEY, false) != 0, true, "pinned", 0);
    const e = <usize>get32(userOf(cache) + U_ENTRY);
    is(cacheDelete(cache, key(1), KEY), true, "deleted", 0);
    is(has(cache, 1), false, "not found", 0);
    same(get32(cache + K_LIMBO), <u32>e, "in limbo", 0);
    putIn(cache, 1, 900);
    is(<usize>get32(userOf(cache) + U_ENTRY) == e && entryOf(cache, 1) != e, true, "in another slot", 0);
    sound("pinned", 0);
    is(cacheUnpin(cache, e), true, "unpinned", 0);
    same(get32(cache + K_LIMBO), 0, "freed", 0);
    leaveCache(cache);
    become(1);
    gone(cache, "pinned");
  });

  it("always has a place for the pin of who deletes", () => {
    const cache = shared();
    putIn(cache, 1);
    putIn(cache, 2);
    const first = entryOf(cache, 1);
    const second = entryOf(cache, 2);
    is(cachePin(cache, key(1), KEY, true) != 0, true, "the first", 0);
    for (let i: u32 = 2; i < <u32>PINS_MAX; i++) is(cachePin(cache, key(2), KEY, true) != 0, true, "pin", i);
    same(cachePin(cache, key(2), KEY, true), 0, "one more", 0);
    is(get32(userOf(cache) + U_ENTRY) != 0, true, "though it is there", 0);
    is(cacheDelete(cache, key(1), KEY), true, "deleted, pinned by the first", 0);
    is(cacheDelete(cache, key(2), KEY), true, "deleted, by the others", 0);
    is(cacheUnpin(cache, first), true, "unpinned", 1);
    for (let i: u32 = 2; i < <u32>PINS_MAX; i++) is(cacheUnpin(cache, second), true, "unpinned", i);
    is(cacheUnpin(cache, second), false, "no more", 0);
    leaveCache(cache);
    become(1);
    gone(cache, "pins");
  });
});

describe("a dead owner of a cache", () => {
  it("gives back the slot that it was filling", () => {
    const cache = shared();
    putIn(cache, 1);
    const before = get32(cache + K_BYTES);
    reserve(cache, 2, 300);
    bury("a slot");
    same(outWord(REC_ENTRIES), 1, "given back", 0);
    same(get32(cache + K_BYTES), before, "bytes", 0);
    is(has(cache, 1), true, "what it put in stays", 0);
    gone(cache, "a slot");
  });

  it("gives back the run that it was filling", () => {
    const cache = shared();
    reserve(cache, 2, 30000);
    bury("a run");
    gone(cache, "a run");
  });

  it("pins nothing any more", () => {
    const cache = shared();
    putIn(cache, 1);
    is(cachePin(cache, key(1), KEY, false) != 0, true, "pinned", 0);
    become(1);
    cacheDelete(cache, key(1), KEY);
    is(get32(cache + K_LIMBO) != 0, true, "in limbo", 0);
    bury("a pin");
    same(outWord(REC_ENTRIES), 1, "given back", 0);
    same(get32(cache + K_LIMBO), 0, "freed", 0);
    gone(cache, "a pin");
  });

  it("leaves nothing deleted that is in still", () => {
    const cache = shared();
    putIn(cache, 1);
    putIn(cache, 2);
    // As it is where it died once it had deleted it.
    store<u8>(entryOf(cache, 1) + E_DEAD, <u8>DEAD_DELETED);
    is(has(cache, 1), false, "not found", 0);
    same(items(cache), 2, "in still", 0);
    bury("deleted");
    same(items(cache), 1, "out", 0);
    same(get32(cache + K_DEAD), 0, "all is looked through", 0);
    gone(cache, "deleted");
  });

  it("leaves the latch to whoever wants it next, and what it had changed as it was", () => {
    const cache = shared();
    putIn(cache, 1);
    const held = get32(cache + K_ITEMS);
    is(cas32(cache + K_LATCH, 0, idOf(2)), true, "it has the latch", 0);
    // Half a change: one word of it.
    store<u64>(cache + K_LOG + 8, 0);
    store<u64>(cache + K_LOG, ((<u64>held) << 32) | (cache + K_ITEMS));
    put32(cache + K_ITEMS, 99);
    setState(2, OWNER_DEAD);
    become(1);
    putIn(cache, 2);
    same(items(cache), held + 1, "written back", 0);
    same(get32(cache + K_LOG) | get32(cache + K_NEW) | get32(cache + K_OLD) | get32(cache + K_PAGE), 0, "whole", 0);
    bury("the latch");
    gone(cache, "the latch");
  });

  it("leaves what it was taking out to whoever mends, who says so to readers before its slot is another's", () => {
    const cache = shared();
    putIn(cache, 1);
    const e = entryOf(cache, 1);
    const bucket = foundBucket;
    const version = load32(bucket + BUCKET_VERSION);
    is(cas32(cache + K_LATCH, 0, idOf(2)), true, "it has the latch", 0);
    put32(cache + K_OLD, <u32>e);
    store64(<usize>get32(e + E_PLACE), 0);
    setState(2, OWNER_DEAD);
    become(1);
    putIn(cache, 2);
    is(load32(bucket + BUCKET_VERSION) != version, true, "another version", 0);
    same(items(cache), 1, "out", 0);
    bury("taking out");
    gone(cache, "taking out");
  });

  it("leaves the latch of a cache that it did not use, too", () => {
    const cache = shared();
    putIn(cache, 1);
    is(cas32(cache + K_LATCH, 0, idOf(3)), true, "who recovered another, or checked, has the latch", 0);
    bury("who did not use it", 3);
    same(load32(cache + K_LATCH), 0, "nobody has it", 0);
    putIn(cache, 2);
    become(2);
    leaveCache(cache);
    become(1);
    gone(cache, "not its own");
  });

  it("that was the last takes it with it", () => {
    const cache = shared();
    putIn(cache, 1, 3000);
    become(1);
    same(leaveCache(cache), OK, "left", 0);
    bury("the last");
    same(load32(H_CACHES), 0, "none is there", 0);
    sameSums("the last");
  });

  it("that was taking it apart is gone on for", () => {
    const cache = shared();
    putIn(cache, 1, 3000);
    become(1);
    leaveCache(cache);
    become(2);
    store32(userOf(cache) + U_OWNER, 0);
    put32(cache + K_CLOSER, idOf(2));
    store32(cache + K_STATE, CACHE_GOING);
    bury("taking it apart");
    same(load32(H_CACHES), 0, "none is there", 0);
    sameSums("taken apart");
  });

  it("is not who has its place since", () => {
    const cache = shared();
    reserve(cache, 1, 100);
    const id = idOf(2);
    bury("the first");
    become(2);
    is(idOf(2) != id, true, "another", 0);
    same(open(new Shape()), cache, "uses it too", 0);
    reserve(cache, 2, 100);
    become(1);
    same(recover(id), OK, "it was recovered before", 0);
    become(2);
    is(get32(userOf(cache) + U_RESERVED) != 0, true, "in hand still", 0);
    same(cacheCommit(cache), OK, "put in", 0);
    is(has(cache, 2), true, "in", 0);
    leaveCache(cache);
    become(1);
    gone(cache, "another");
  });

  it("has nothing that a cleared cache would keep", () => {
    const cache = shared();
    putIn(cache, 1);
    is(cachePin(cache, key(1), KEY, true) != 0, true, "pinned", 0);
    reserve(cache, 2, 100);
    bury("cleared");
    cleared(cache, "after it");
    putIn(cache, 3);
    gone(cache, "cleared");
  });
});
