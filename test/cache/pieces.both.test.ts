// Long values in pieces. Goal: where a region has free pages but no run, long values come in all the same, and are read, pinned and let go like any
// other. Method: all memory but single pages is taken through the heap; every way to ask is compared with what was put in, and every byte counted.
import { describe, expect, it } from "vitest";
import type { CacheOptions, Region } from "../../src/index.js";
import { expectSound } from "../lib/regions.js";
import { bytes, KIB, scene, type Scene } from "./scene.js";

const PAGE = 4 * KIB;
const LENGTHS = [2500, PAGE, PAGE + 1, 3 * PAGE, 10_000, 65_537];

/** Takes all free memory but this many pages, none beside another; returns what is to be freed. */
function scatter({ heap }: Region, holes: number): number[] {
  const pages = Array.from({ length: 2 * holes }, () => heap.alloc(PAGE));
  const taken: number[] = [];
  for (let size = 512 * KIB; size >= KIB; size >>= 1)
    for (let at = heap.allocUnsafe(size); at !== 0; at = heap.allocUnsafe(size)) taken.push(at);
  pages.forEach((at, i) => (i % 2 === 0 ? heap.free(at) : taken.push(at)));
  return taken;
}

function scattered(holes: number, options: CacheOptions<Uint8Array> = {}): Scene<Uint8Array> & { gather: () => void } {
  const made = scene({ maxBytes: 512 * KIB, ...options });
  made.cache.set("first", bytes(10));
  made.cache.delete("first");
  const taken = scatter(made.r, holes);
  return { ...made, gather: () => taken.forEach((at) => made.r.heap.free(at)) };
}

/** Whether it is what was put in for that key, byte by byte; a matcher takes milliseconds for it. */
function isValue(found: Uint8Array, key: number, length: number | undefined): boolean {
  return found.length === length && bytes(length, key + length).every((byte, i) => byte === found[i]);
}

describe("a long value where no run is free", () => {
  it.each(LENGTHS)("of %d bytes is found by every way to ask", (length) => {
    const { cache, gather, expectExact } = scattered(30);
    const value = bytes(length, length);
    expect(cache.set("k", value)).toBe(true);
    expect(cache.get("k")).toEqual(value);
    expect(cache.peek("k")).toEqual(value);
    const target = new Uint8Array(length + 6);
    expect(cache.getInto("k", target, 3)).toBe(length);
    expect(target.subarray(3, -3)).toEqual(value);
    expect(cache.stats().valueBytes).toBe(length);
    gather();
    expectExact();
  });

  it("is pinned in the pieces where it lies, and as one copy that is made once", () => {
    const { cache, gather, expectExact } = scattered(30);
    const value = bytes(10_000, 3);
    cache.set("k", value);
    const pin = cache.pin("k")!;
    expect(pin.views.map(({ length }) => length)).toEqual([PAGE, PAGE, 10_000 - 2 * PAGE]);
    expect(pin.size).toBe(10_000);
    expect(pin.bytes).toEqual(value);
    expect(pin.bytes).toBe(pin.bytes);
    cache.delete("k");
    for (let i = 0; i < 20; i++) cache.set(i, bytes(9000, i));
    expect(pin.views.flatMap((view) => [...view])).toEqual([...value]);
    pin.release();
    expect(() => pin.views).toThrow();
    gather();
    expectExact();
  });

  it("of at most 2 KiB lies so too, under a key with which it is longer than that", () => {
    const { cache, gather, expectExact } = scattered(30);
    // A page with room for what is no value.
    for (let i = 0; i < 4; i++) cache.set(`${i}`.padEnd(120), bytes(10, i));
    for (let length = 1780; length <= 2020; length += 8) {
      const key = `${length}`.padEnd(120);
      expect(cache.set(key, bytes(length, length))).toBe(true);
      expect(isValue(cache.get(key)!, 0, length), `${length}`).toBe(true);
      const target = new Uint8Array(length);
      expect(cache.getInto(key, target)).toBe(length);
      expect(isValue(target, 0, length), `${length}`).toBe(true);
    }
    gather();
    expectExact();
  });

  it("is one view where its pieces happen to lie one behind the other", () => {
    const { cache, gather, r } = scattered(30);
    const [one, two] = [bytes(2 * PAGE, 1), bytes(2 * PAGE, 2)];
    cache.set("one", one);
    gather();
    cache.set("two", two);
    using pin = cache.pin("two")!;
    expect(pin.views).toHaveLength(1);
    expect(pin.bytes.buffer).toBe(cache.pin("one")!.views[0]!.buffer);
    expect(r.usedBytes).toBeGreaterThan(0);
  });

  it("pushes out what the policy says, and is told whole to who asked", () => {
    const gone: [unknown, number][] = [];
    const { cache, gather, expectExact } = scattered(12, {
      policy: "fifo",
      onEvict: ({ key, value }) => gone.push([key, value[9999] as number]),
    });
    for (let i = 0; i < 12; i++) expect(cache.set(i, bytes(10_000, i))).toBe(true);
    expect(gone.length).toBeGreaterThanOrEqual(8);
    for (const [key, last] of gone) expect(last).toBe(bytes(10_000, key as number)[9999]);
    expect(gone.map(([key]) => key)).toEqual(gone.map((_, i) => i));
    gather();
    expectExact();
  });

  it("of many pieces is put in by who is told what goes, as by who is not", () => {
    const gone: unknown[] = [];
    const { cache, gather, expectExact } = scattered(60, { policy: "fifo", onEvict: ({ key }) => gone.push(key) });
    for (let i = 0; i < 200; i++) cache.set(i, bytes(800, i));
    const value = bytes(200_000, 7);
    expect(cache.set("long", value)).toBe(true);
    expect(cache.get("long")!.every((byte, i) => byte === value[i])).toBe(true);
    expect(gone.length).toBeGreaterThan(50);
    expect(new Set(gone).size).toBe(gone.length);
    gather();
    expectExact();
  });

  it("goes through a thousand random sets, gets and deletes beside short ones", () => {
    const { cache, gather, expectExact, r } = scattered(40);
    const known = new Map<number, number>();
    let seed = 7;
    const next = (below: number): number => (seed = (seed * 48_271) % 0x7fffffff) % below;
    for (let i = 0; i < 1000; i++) {
      const [key, length] = [next(30), next(3) === 0 ? 2100 + next(14_000) : next(400)];
      if (next(5) === 0) {
        cache.delete(key);
        known.delete(key);
      } else if (cache.set(key, bytes(length, key + length))) known.set(key, length);
      else known.delete(key);
      const found = cache.get(key);
      if (found !== undefined) expect(isValue(found, key, known.get(key))).toBe(true);
      if (i % 100 === 0) expectSound(r);
    }
    for (const [key, length] of known) {
      const found = cache.get(key);
      if (found !== undefined) expect(isValue(found, key, length)).toBe(true);
    }
    cache.clear();
    gather();
    expectExact();
  });

  it("is refused for want of memory where there are not pages enough, and what had its key is out", () => {
    const { cache, gather, expectExact } = scattered(6);
    cache.set("k", bytes(100));
    expect(cache.set("k", bytes(60_000))).toBe(false);
    expect(cache.get("k")).toBeUndefined();
    expect(cache.stats().refused.memory).toBe(1);
    gather();
    expectExact();
  });
});
