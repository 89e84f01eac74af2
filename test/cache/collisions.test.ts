// Keys that an attacker chose. Goal: keys that all collide under a hash that is no secret (FNV-1a, or times 31) are to a cache like any others, so nobody
// makes it slow from outside. Method: 10^5 of them beside 10^5 random ones; not times are compared but the table: how long its chains are, how much
// it grew, whether all came in.
import { describe, expect, it } from "vitest";
import { BUCKET_BYTES, BUCKET_NEXT, K_BUCKETS, K_PAGES, PLACES, BUCKET_PLACES } from "../../assembly/shared/caches.js";
import { H_CACHES } from "../../assembly/shared/layout.js";
import { type Cache, Region } from "../../src/index.js";
import { random } from "../lib/random.js";
import { expectSound, MIB } from "../lib/regions.js";

const COUNT = 100_000;

const times31 = (key: string): number => {
  let h = 0;
  for (let i = 0; i < key.length; i++) h = (Math.imul(h, 31) + key.charCodeAt(i)) | 0;
  return h;
};
const fnv = (bytes: Uint8Array): number => {
  let h = 0x811c9dc5;
  for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
};

/** Texts of 34 letters that are all one number times 31: "Aa" and "BB" are. */
function collidingTexts(): string[] {
  return Array.from({ length: COUNT }, (_, i) =>
    Array.from({ length: 17 }, (__, bit) => ((i >>> bit) & 1 ? "BB" : "Aa")).join(""),
  );
}

/** Bytes that are all alike in the low 17 bits of FNV-1a, so in one of 131 072 buckets: the last three bytes make up for the others. */
function collidingBytes(): Uint8Array[] {
  const keys: Uint8Array[] = [];
  const mask = (1 << 17) - 1;
  const inverse = inverseOf(0x01000193);
  for (let i = 0; keys.length < COUNT; i++) {
    const key = new Uint8Array(7);
    new DataView(key.buffer).setUint32(0, i, true);
    const prefix = fnv(key.subarray(0, 4));
    // Backwards from the hash that is wanted over the last byte; the two before it are tried.
    const wanted = Math.imul(0x5bd1e, inverse) & mask;
    for (let x = 0; x < 65_536; x++) {
      const h = Math.imul(Math.imul(prefix ^ (x & 255), 0x01000193) ^ (x >>> 8), 0x01000193);
      const last = (h ^ wanted) & mask;
      if (last > 255) continue;
      key.set([x & 255, x >>> 8, last], 4);
      keys.push(key);
      break;
    }
  }
  return keys;
}

function inverseOf(odd: number): number {
  let inverse = odd;
  for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return inverse;
}

interface Shape {
  items: number;
  buckets: number;
  /** Buckets that go on in others, and the longest of them. */
  chained: number;
  longest: number;
  refused: number;
}

/** The table of the region's newest cache, as its words say. */
function shapeOf(r: Region, cache: Cache): Shape {
  const word = (at: number): number => r.heap.i32[at >>> 2]! >>> 0;
  const at = word(H_CACHES);
  const buckets = word(at + K_BUCKETS);
  let chained = 0;
  let longest = 0;
  let items = 0;
  for (let index = 0; index < buckets; index++) {
    const addresses = word(at + K_PAGES + 4 * (index >>> 15));
    let part = word(addresses + 4 * ((index >>> 5) & 1023)) + (index & 31) * BUCKET_BYTES;
    let parts = 0;
    for (; part !== 0; part = word(part + BUCKET_NEXT), parts++)
      for (let place = 0; place < PLACES; place++) if (word(part + BUCKET_PLACES + 8 * place) !== 0) items++;
    if (parts > 1) chained++;
    longest = Math.max(longest, parts);
  }
  const { refused } = cache.stats();
  return { items, buckets, chained, longest, refused: Object.values(refused).reduce((a, b) => a + b) };
}

function fill(keys: readonly (string | Uint8Array)[]): Shape {
  const r = Region.createSync({ size: 48 * MIB });
  const cache = r.cache("c", { maxBytes: 48 * MIB, policy: "lru" });
  const value = new Uint8Array(8);
  for (const key of keys) if (!cache.set(key, value)) break;
  const shape = shapeOf(r, cache);
  expect(cache.size).toBe(keys.length);
  for (let i = 0; i < keys.length; i += 97) expect(cache.has(keys[i]!)).toBe(true);
  expectSound(r);
  r.close();
  return shape;
}

describe(`${COUNT} keys that collide`, () => {
  const by = random(7);
  const letters = Array.from({ length: COUNT }, (_, i) => `${i}:${by.next().toString(36)}`.padEnd(34, "x"));
  const usual = fill(letters);

  it.each([
    ["under times 31", collidingTexts, (key: never) => times31(key)],
    ["under FNV-1a", collidingBytes, (key: never) => fnv(key) & 0x1ffff],
  ] as const)("%s make the table that random ones make", (_, keysOf, hash) => {
    const keys = keysOf() as (string | Uint8Array)[];
    expect(new Set(keys.map((key) => hash(key as never))).size, "they do collide").toBe(1);
    expect(new Set(keys.map(String)).size, "they do differ").toBe(COUNT);
    const shape = fill(keys);
    expect(shape).toMatchObject({ items: COUNT, buckets: usual.buckets, refused: 0 });
    // Just before it is split a bucket has fourteen on average, of thirteen that it has places for: some go on in a second one.
    for (const one of [usual, shape]) {
      expect(one.chained / one.buckets).toBeLessThan(0.3);
      expect(one.longest).toBeLessThanOrEqual(3);
    }
    expect(Math.abs(shape.chained - usual.chained) / usual.buckets).toBeLessThan(0.02);
  });
});
