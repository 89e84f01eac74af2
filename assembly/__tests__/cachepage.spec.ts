// Cache page: slots of every length, pages that fill, empty, are kept and go back, and long entries with a run to themselves.

import { get32 } from "../memory";
import { cacheDelete, cacheEvict } from "../cache";
import { roomOf, slotBytes, slotsFor } from "../cachepage";
import {
  SLOT_MAX,
  K_BYTES,
  K_HELD,
  K_LONG,
  K_MOVED,
  K_PEAK,
  K_SLOTS,
  K_SPARE,
  K_TABLE,
  PAGE_BYTES,
  PAGE_HEADER,
  PAGE_SLOTS_MAX,
} from "../shared/caches";
import { GRAIN_BYTES } from "../shared/layout";
import { CACHE_TOO_LARGE, OK } from "../shared/status";
import { fresh, is, same, sound } from "./lib";
import { KEY, NOW, Shape, gone, has, keepSums, key, open, put, putIn } from "./caches";

// What an entry has before its value.
const BEFORE: u32 = 56 + KEY;

function cacheHere(): usize {
  fresh(64, 2);
  keepSums();
  return open(new Shape());
}

/** Bytes of entries' Blocks. */
function pages(cache: usize): u32 {
  return get32(cache + K_HELD) - get32(cache + K_TABLE);
}

describe("a page", () => {
  it("has slots that are long enough, and as many as go in", () => {
    for (let bytes: u32 = 1; bytes <= <u32>SLOT_MAX; bytes++) {
      const slots = slotsFor(bytes);
      const length = slotBytes(bytes, slotsFor(bytes));
      is(slots >= 2 && slots <= <u32>PAGE_SLOTS_MAX, true, "slots for", bytes);
      is(length >= bytes && length % 16 == 0, true, "length for", bytes);
      is(slots * length + PAGE_HEADER <= <u32>PAGE_BYTES, true, "in a page, for", bytes);
      is(
        slots == <u32>PAGE_SLOTS_MAX || (slots + 1) * ((bytes + 15) & ~15) + PAGE_HEADER > <u32>PAGE_BYTES,
        true,
        "no more",
        bytes,
      );
    }
    same(slotsFor(SLOT_MAX + 1), 0, "a long one", 0);
  });

  it("gives a long entry whole grains", () => {
    for (let bytes: u32 = SLOT_MAX + 1; bytes < 20000; bytes += 13) {
      const length = slotBytes(bytes, slotsFor(bytes));
      is(length >= bytes && length - bytes < <u32>GRAIN_BYTES, true, "length for", bytes);
      same((length + PAGE_HEADER) % GRAIN_BYTES, 0, "grains for", bytes);
    }
  });

  it("is taken when the others are full, kept when it is the first that empties, and goes back after that", () => {
    const cache = cacheHere();
    const slots = slotsFor(BEFORE + 1000);
    for (let i: u32 = 0; i < slots * 3; i++) {
      putIn(cache, i, 1000);
      same(pages(cache), (i / slots + 1) * PAGE_BYTES, "pages at", i);
      same(get32(roomOf(cache, slots)) != 0 ? 1 : 0, i % slots == slots - 1 ? 0 : 1, "room at", i);
    }
    sound("three", 0);
    for (let i: u32 = 0; i < slots * 3; i++) {
      is(cacheDelete(cache, key(i), KEY), true, "deleted", i);
      // One that is empty is kept.
      const emptied = (i + 1) / slots;
      same(pages(cache), (3 - max(emptied, 1) + 1 - (emptied == 0 ? 0 : 0)) * PAGE_BYTES, "pages after", i);
      sound("deleted", i);
    }
    is(get32(cache + K_SPARE) != 0, true, "kept", 0);
    putIn(cache, 1, 10);
    same(get32(cache + K_SPARE), 0, "used for slots of another length", 0);
    gone(cache, "pages");
  });

  it("is counted by the bytes of its slots, and of those that are taken", () => {
    const cache = cacheHere();
    for (let i: u32 = 0; i < 10; i++) putIn(cache, i, 100);
    same(get32(cache + K_BYTES), 10 * slotBytes(BEFORE + 100, slotsFor(BEFORE + 100)), "taken", 0);
    same(get32(cache + K_SLOTS), slotsFor(BEFORE + 100) * slotBytes(BEFORE + 100, slotsFor(BEFORE + 100)), "all", 0);
    gone(cache, "counted");
    fresh(64, 2);
  });

  it("of a long entry comes and goes with it", () => {
    const cache = cacheHere();
    const empty = pages(cache);
    for (let round = 0; round < 2; round++) {
      putIn(cache, 1, 5000);
      putIn(cache, 2, 40000);
      same(get32(cache + K_LONG), 2, "long ones", 0);
      is(has(cache, 1) && has(cache, 2), true, "both", 0);
      putIn(cache, 1, 6000);
      same(get32(cache + K_LONG), 2, "replaced", 0);
      is(cacheDelete(cache, key(1), KEY) && cacheDelete(cache, key(2), KEY), true, "deleted", 0);
      same(get32(cache + K_LONG) + pages(cache), empty, "nothing left", 0);
    }
    is(get32(cache + K_PEAK) >= get32(cache + K_TABLE) + 46000, true, "the peak", 0);
    gone(cache, "long ones");
  });

  it("goes back when what lies in it has place in others", () => {
    const cache = cacheHere();
    for (let i: u32 = 0; i < 6; i++) putIn(cache, i, 1000);
    cacheDelete(cache, key(1), KEY);
    cacheDelete(cache, key(4), KEY);
    same(pages(cache), 2 * PAGE_BYTES, "two", 0);
    same(cacheEvict(cache, 1, 50 << 8, NOW), PAGE_BYTES, "one less", 0);
    same(get32(cache + K_MOVED), 1, "moved", 0);
    is(has(cache, 0), false, "evicted", 0);
    is(has(cache, 2) && has(cache, 3) && has(cache, 5), true, "the others", 0);
    sound("gathered", 0);
    gone(cache, "gathered");
  });

  it("never takes more than the cache may hold", () => {
    fresh(64, 2);
    keepSums();
    const shape = new Shape();
    shape.bytes = 40000;
    const cache = open(shape);
    same(put(cache, 1, 39000), CACHE_TOO_LARGE, "with its table it would not fit", 0);
    for (let i: u32 = 0; i < 100; i++) {
      same(put(cache, i, (i * 397) % 3000), OK, "in", i);
      is(get32(cache + K_HELD) <= 40000, true, "held", get32(cache + K_HELD));
      is(has(cache, i), true, "there", i);
    }
    gone(cache, "limited");
  });
});
