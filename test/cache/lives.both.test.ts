// How caches come, are shared and go; pins; budgets. Goal: one cache to all who say its name; what one handle does, the others see; a handle that is
// closed touches nothing any more, and the last one gives every byte back. Method: handles of one thread and of two attachments; budgets whose
// bytes are compared before, meanwhile and after.
import { describe, expect, it } from "vitest";
import { CachePinsError, Region, StalePinError } from "../../src/index.js";
import { expectSound } from "../lib/regions.js";
import { bytes, Clock, KIB, MIB, scene, texts, thrown } from "./scene.js";

describe("opening a cache", () => {
  it("finds the one of that name, also from another attachment, whatever is left out", () => {
    const r = Region.createSync({ size: MIB });
    const other = Region.attachSync(r.handle());
    const cache = r.cache<string>("c", {
      maxBytes: 128 * KIB,
      policy: "lru",
      codec: "utf8",
      ttl: 1000,
      minRetention: 500,
    });
    const theirs = other.cache<string>("c", { codec: "utf8" });
    cache.set("k", "v");
    expect([theirs.get("k"), theirs.stats().policy, theirs.stats().maxBytes]).toEqual(["v", "lru", 128 * KIB]);
    theirs.set("k", "w");
    expect(cache.get("k")).toBe("w");
    expect(theirs.delete("k")).toBe(true);
    expect([cache.get("k"), cache.size]).toEqual([undefined, 0]);
    for (const one of [cache, theirs]) one.close();
    expectSound(r, 0);
  });

  it("with other options is a RangeError that says what is there, and leaves everything as it was", () => {
    const r = Region.createSync({ size: MIB });
    const budget = r.budget("b", { limit: 512 * KIB });
    const options = {
      maxBytes: 128 * KIB,
      maxItems: 50,
      policy: "lru",
      favour: "bytes",
      ttl: 1000,
      minRetention: 500,
    } as const;
    const cache = r.cache("c", { ...options, namespaces: { a: {}, b: { maxItems: 9, maxBytes: "50KiB" } } });
    const used = r.usedBytes;
    const others: [object, RegExp][] = [
      [{ maxBytes: 64 * KIB }, /maxBytes 131072, not 65536/],
      [{ maxValueBytes: 5000 }, /maxValueBytes/],
      [{ maxItems: 5 }, /maxItems 50, not 5/],
      [{ policy: "fifo" }, /policy "lru", not "fifo"/],
      [{ favour: "both" }, /favour "bytes", not "both"/],
      [{ ttl: 5 }, /ttl 1000, not 5/],
      [{ minRetention: 5000 }, /minRetention 500, not 5000/],
      [{ namespaces: { a: {} } }, /other namespaces/],
      [{ namespaces: { b: {}, a: {} } }, /other namespaces/],
      [{ namespaces: { a: {}, b: { maxItems: 8, maxBytes: "50KiB" } } }, /maxItems of namespace "b" 9, not 8/],
      [{ namespaces: { a: { maxBytes: 5 }, b: { maxItems: 9, maxBytes: "50KiB" } } }, /maxBytes of namespace "a"/],
      [{ namespaces: { a: {}, b: {} } }, /maxItems of namespace "b" 9, not Infinity/],
      [{ budget }, /cache "c" is there in no budget/],
    ];
    for (const [other, message] of others) {
      expect(thrown(() => r.cache("c", other))).toBeInstanceOf(RangeError);
      expect(thrown(() => r.cache("c", other)).message).toMatch(message);
      expect(r.usedBytes).toBe(used);
    }
    cache.set("k", bytes(5));
    r.cache("c", { ...options, namespaces: { a: {}, b: { maxItems: 9, maxBytes: 50 * KIB } } }).close();
    cache.setNamespace("a", { maxItems: 7 });
    r.cache("c", { namespaces: { a: {}, b: {} } }).close();
    expect(thrown(() => r.cache("c", { maxBytes: 64 * KIB })).message).toMatch(/maxBytes 131072/);
    const plain = r.cache("c");
    expect([plain.set("n", bytes(5), { namespace: "b" }), plain.stats().namespaces?.["b"]?.items]).toEqual([true, 1]);
    plain.close();
    expect(cache.get("k")).toEqual(bytes(5));
    cache.close();
    expectSound(r, 0);
  });

  it("twice in one thread gives two handles, of which each may be closed by itself", () => {
    const { r, cache, expectExact } = texts();
    const again = r.cache<string>("cache", { codec: "utf8" });
    cache.set("k", "v");
    const pin = again.pin("k")!;
    again.close();
    expect(thrown(() => again.get("k"))).toMatchObject({ code: "ERR_CACHE_CLOSED" });
    expect([cache.get("k"), cache.set("j", "w"), new TextDecoder().decode(pin.bytes.slice())]).toEqual([
      "v",
      true,
      "v",
    ]);
    pin.release();
    expect(cache.size).toBe(2);
    expectExact();
    cache.close();
    expectSound(r, 0);
  });

  it("keeps what setPolicy was not told by somebody who opened it without options", () => {
    const r = Region.createSync({ size: MIB });
    const clock = new Clock();
    const other = Region.attachSync(r.handle());
    const cache = r.cache("c", { maxItems: 2, policy: "lru", favour: "bytes", minRetention: 10_000, now: clock.now });
    const theirs = other.cache("c", { now: clock.now });
    theirs.setPolicy("fifo");
    for (const key of [1, 2, 3]) cache.set(key, bytes(5));
    expect([[...cache.keys()].sort(), cache.stats().refused.protected]).toEqual([[1, 2], 1]);
    expect(() => r.cache("c", { favour: "bytes", minRetention: 10_000, policy: "fifo" })).not.toThrow();
  });

  it("anew after the last has left is a new one, with nothing in it and other limits", () => {
    const { r, cache } = texts();
    cache.set("k", "v");
    cache.close();
    const next = r.cache<string>("cache", { maxBytes: 64 * KIB, codec: "utf8", policy: "fifo" });
    expect([next.get("k"), next.size, next.stats().maxBytes]).toEqual([undefined, 0, 64 * KIB]);
  });

  it("of which there are several in a region keeps them apart", () => {
    const { r, cache, expectExact } = texts();
    const others = Array.from({ length: 5 }, (_, i) =>
      r.cache<string>(`other ${i}`, { maxBytes: 48 * KIB, codec: "utf8" }),
    );
    for (let i = 0; i < 400; i++) for (const [n, one] of [cache, ...others].entries()) one.set(i % 50, `${n}:${i}`);
    for (const [n, one] of [cache, ...others].entries())
      for (const [key, value] of one) expect(value).toBe(`${n}:${350 + Number(key)}`);
    for (const other of others) other.close();
    expectExact();
  });

  it("where the region has no room for it is a MemoryLimitExceededError that costs no byte", () => {
    const r = Region.createSync({ size: 128 * KIB });
    const budget = r.budget("b", { limit: 64 * KIB });
    const offset = r.heap.alloc(r.stats().largestFreeBytes - 12 * KIB);
    const used = r.usedBytes;
    for (const options of [{}, { budget }])
      expect(thrown(() => r.cache("c", { maxBytes: 64 * KIB, ...options }))).toMatchObject({
        code: "ERR_MEMORY_LIMIT",
      });
    expect(r.usedBytes).toBe(used);
    r.heap.free(offset);
    r.cache("c", { maxBytes: 64 * KIB, budget }).close();
    expectSound(r, 0);
  });
});

describe("closing", () => {
  it("a region closes its caches; what another attachment has open goes on", () => {
    const r = Region.createSync({ size: MIB });
    const other = Region.attachSync(r.handle());
    const cache = r.cache<string>("c", { maxBytes: 64 * KIB, codec: "utf8" });
    const theirs = other.cache<string>("c", { codec: "utf8" });
    theirs.set("k", "v");
    const pin = theirs.pin("k")!;
    other.close();
    expect(thrown(() => theirs.get("k"))).toMatchObject({ code: "ERR_CACHE_CLOSED" });
    pin.release();
    expect([cache.get("k"), cache.delete("k"), cache.size]).toEqual(["v", true, 0]);
    expectSound(r);
    cache.close();
    expectSound(r, 0);
    r.close();
  });

  it("a region whose thread was the cache's last user gives all of it back, its budget too", () => {
    const r = Region.createSync({ size: MIB });
    const other = Region.attachSync(r.handle());
    const budget = other.budget("b", { limit: 256 * KIB });
    const cache = other.cache("c", { budget });
    for (let i = 0; i < 300; i++) cache.set(i, bytes(700, i));
    cache.pin(299);
    expect(r.budget("b", { limit: 256 * KIB }).usedBytes).toBeGreaterThan(200 * KIB);
    other.close();
    expect(r.budget("b", { limit: 256 * KIB }).usedBytes).toBe(0);
    expectSound(r, 0);
  });

  it("is done by the recovery for who died: its pins end, and with the last user every byte comes back", () => {
    const r = Region.createSync({ size: MIB });
    const [first, last] = [Region.attachSync(r.handle()), Region.attachSync(r.handle())];
    const budget = r.budget("b", { limit: 256 * KIB });
    const theirs = first.cache("c", { budget: first.budget("b", { limit: 256 * KIB }), policy: "lru" });
    const cache = last.cache("c", { policy: "lru" });
    for (let i = 0; i < 300; i++) theirs.set(i, bytes(700, i));
    theirs.pin(299);
    theirs.pin(298);
    cache.clear();
    const { heldBytes, tableBytes } = cache.stats();
    expect(heldBytes).toBeGreaterThan(tableBytes);
    expect(r.markDead(first.ownerId)).toBe(true);
    expect(r.recover(first.ownerId).done).toBe(true);
    cache.set("k", bytes(700));
    cache.clear();
    expect(cache.stats().heldBytes).toBe(tableBytes);
    expectSound(r);
    expect(r.markDead(last.ownerId)).toBe(true);
    expect(r.recover(last.ownerId).done).toBe(true);
    expect(budget.usedBytes).toBe(0);
    expectSound(r, 0);
    expect(r.cache("c").size).toBe(0);
  });

  it("by `using` leaves as close does", () => {
    const r = Region.createSync({ size: MIB });
    {
      using cache = r.cache("c", { maxBytes: 64 * KIB });
      cache.set("k", bytes(5000));
    }
    expectSound(r, 0);
  });
});

describe("a pin", () => {
  it("holds its value where it is, whatever becomes of the key: set, deleted, evicted, cleared", () => {
    const { cache, expectExact } = scene({ policy: "lru" });
    const values = [10, 500, 3000, 20_000].map((length, i) => [`k${i}`, bytes(length, i)] as const);
    for (const [key, value] of values) cache.set(key, value);
    const pins = values.map(([key]) => cache.pin(key)!);
    cache.set("k0", bytes(11));
    cache.delete("k1");
    cache.evict("1MiB");
    for (let i = 0; i < 500; i++) cache.set(i, bytes(700, i));
    cache.clear();
    for (const [i, pin] of pins.entries()) {
      expect(pin.bytes).toEqual(values[i]![1]);
      expectExact();
      pin.release();
      expectExact();
    }
    expect(cache.stats()).toMatchObject({ items: 0, entryBytes: 0 });
  });

  it("of an entry that is in keeps it from being evicted, so that a set may be refused", () => {
    const { cache } = scene({ maxItems: 2, policy: "lru" });
    cache.set("a", bytes(5));
    cache.set("b", bytes(6));
    const pins = [cache.pin("a")!, cache.pin("b")!];
    expect([cache.set("c", bytes(7)), cache.stats().refused.protected, cache.has("a")]).toEqual([false, 1, true]);
    pins[0]!.release();
    expect([cache.set("c", bytes(7)), cache.has("a"), cache.has("b")]).toEqual([true, false, true]);
  });

  it("may be had 47 times by a thread, and by another 47 times more", () => {
    const { r, cache } = scene();
    const theirs = Region.attachSync(r.handle()).cache("cache");
    for (let i = 0; i < 50; i++) cache.set(i, bytes(i));
    const pins = Array.from({ length: 47 }, (_, i) => cache.pin(i)!);
    expect(thrown(() => cache.pin(1))).toBeInstanceOf(CachePinsError);
    expect(thrown(() => cache.pin(1))).toMatchObject({ code: "ERR_CACHE_PINS" });
    expect(cache.pin("none")).toBeUndefined();
    expect([cache.delete(3), cache.set(4, bytes(9)), cache.get(5)]).toEqual([true, true, bytes(5)]);
    theirs.pin(7)!.release();
    pins[9]!.release();
    using again = cache.pin(49)!;
    expect(again.bytes).toEqual(bytes(49));
    expect(pins[3]!.bytes).toEqual(bytes(3));
    for (const pin of pins) pin.release();
  });

  it("of the same value twice is two", () => {
    const { cache } = scene();
    cache.set("k", bytes(100));
    const [one, two] = [cache.pin("k")!, cache.pin("k")!];
    one.release();
    one.release();
    cache.delete("k");
    for (let i = 0; i < 2000; i++) cache.set(i, bytes(100, i));
    expect(two.bytes).toEqual(bytes(100));
    two.release();
  });

  it("says nothing of its value once it is released, or its cache left", () => {
    const { r, cache } = scene();
    cache.set("k", bytes(100));
    const [released, left] = [cache.pin("k")!, cache.pin("k")!];
    released.release();
    for (const use of [() => released.bytes, () => released.views, () => released.size])
      expect(thrown(use)).toBeInstanceOf(StalePinError);
    expect(left.size).toBe(100);
    cache.close();
    expect(thrown(() => left.bytes)).toMatchObject({ code: "ERR_CACHE_PIN_RELEASED" });
    // The next cache lies where that one lay; a release that comes late does not touch it.
    const next = r.cache("cache", { maxBytes: 256 * KIB });
    next.set("k", bytes(100, 3));
    const pin = next.pin("k")!;
    left.release();
    next.delete("k");
    for (let i = 0; i < 2000; i++) next.set(i, bytes(100, i));
    expect(pin.bytes).toEqual(bytes(100, 3));
    pin.release();
    next.close();
    expectSound(r, 0);
  });
});

describe("a cache that is bound to a budget", () => {
  const open = (limit: number, size = 2 * MIB) => {
    const r = Region.createSync({ size });
    const budget = r.budget("b", { limit });
    return { r, budget, cache: r.cache("c", { maxBytes: MIB, budget, policy: "lru" }) };
  };

  it("asks the budget's other reclaimers for its first entries, and counts as refused only what was", () => {
    const { r, budget, cache } = open(MIB);
    for (let i = 0; cache.stats().evictions === 0; i++) cache.set(`k${i}`, bytes(1000));
    const full = cache.size;
    const late = r.cache("late", { maxBytes: MIB, budget });
    const taken = Array.from({ length: 50 }, (_, i) => late.set(`k${i}`, bytes(1000)));
    expect([taken.every(Boolean), late.stats().refused.memory, late.size > 0, cache.size < full]).toEqual([
      true,
      0,
      true,
      true,
    ]);
    budget.registerReclaimer({ name: "nothing", reclaim: () => 0 });
    cache.close();
    const rest = budget.tryReserve(budget.availableBytes)!;
    late.clear();
    const more = budget.tryReserve(budget.availableBytes)!;
    expect([late.set("k", bytes(1000)), late.stats().refused.memory]).toEqual([false, 1]);
    for (const one of [rest, more]) one.release();
    expect(late.set("k", bytes(1000))).toBe(true);
    late.close();
    expectSound(r, 0);
  });

  it("charges it each page, nothing else, and gives all of it back when it is closed", () => {
    const { r, budget, cache } = open(MIB);
    const first = budget.usedBytes;
    const held = cache.stats().heldBytes;
    for (let i = 0; i < 3000; i++) {
      cache.set(i % 700, bytes((i * 37) % 3000, i));
      if (i % 500 === 0) expect(budget.usedBytes - first).toBe(cache.stats().heldBytes - held);
    }
    expectSound(r);
    cache.close();
    expect(budget.usedBytes).toBe(0);
    budget.close();
    expectSound(r, 0);
  });

  it("goes by the budget's limit where that is the smaller one: it evicts, and does not fail", () => {
    const { r, budget, cache } = open(200 * KIB);
    for (let i = 0; i < 1000; i++) {
      expect(cache.set(i, bytes(1000, i))).toBe(true);
      expect(budget.usedBytes).toBeLessThanOrEqual(200 * KIB);
    }
    expect(cache.stats().evictions).toBeGreaterThan(700);
    expect(cache.get(999)).toEqual(bytes(1000, 999));
    expectSound(r);
  });

  it("is made smaller by whoever needs room there, and by nobody else", async () => {
    const { r, budget, cache } = open(512 * KIB);
    const fill = (): void => {
      for (let i = 0; i < 1000; i++) cache.set(i, bytes(1000, i));
    };
    fill();
    const full = cache.stats().heldBytes;
    r.heap.free(r.heap.alloc(256 * KIB));
    expect(cache.stats().heldBytes).toBe(full);
    const reservation = await budget.reserve(300 * KIB);
    expect(cache.stats().heldBytes).toBeLessThanOrEqual(full - 290 * KIB);
    expect(budget.usedBytes).toBeLessThanOrEqual(512 * KIB);
    fill();
    expect(budget.usedBytes).toBeLessThanOrEqual(512 * KIB);
    reservation.release();
    fill();
    expect(cache.stats().heldBytes).toBeGreaterThan(full - 8 * KIB);
    expectSound(r);
  });

  it("is asked no more once it is closed", () => {
    const { budget, cache } = open(128 * KIB);
    cache.set("k", bytes(50_000));
    cache.close();
    expect(budget.tryReserve(128 * KIB)?.size).toBe(128 * KIB);
    expect(budget.tryReserve(KIB)).toBeNull();
  });

  it("shares the budget with a second one and with the thread that opens it too", async () => {
    const { r, budget, cache } = open(512 * KIB);
    const second = r.cache("d", { maxBytes: MIB, budget, policy: "lru" });
    const again = r.cache("c", { budget });
    for (let i = 0; i < 600; i++) {
      cache.set(i, bytes(500, i));
      second.set(i, bytes(500, i));
    }
    expect(budget.usedBytes).toBeLessThanOrEqual(512 * KIB);
    again.close();
    expect(cache.get(599)).toEqual(bytes(500, 599));
    const reservation = await budget.reserve(400 * KIB);
    reservation.release();
    for (const one of [cache, second]) one.close();
    expect(budget.usedBytes).toBe(0);
    expectSound(r, 0);
  });
});
