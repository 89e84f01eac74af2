// Keys and values of a cache. Goal: what is put in comes out, under that key and no other, whatever both look like. Method: keys of every kind, at the
// bounds of each form they have in memory; values around each length at which another way is taken; answers by every way to ask.
import { describe, expect, it } from "vitest";
import { type CacheKey, Region } from "../../src/index.js";
import { bytes, Clock, KIB, MIB, scene, texts } from "./scene.js";

const LONGEST = 16_383;
const at = (length: number, unit = "a"): string => unit.repeat(length);

const KEYS: [string, CacheKey][] = [
  ["an empty text", ""],
  ["a letter", "a"],
  ["a NUL", "\0"],
  ["28 letters", at(28)],
  ["29 letters", at(29)],
  ["the longest text", at(LONGEST)],
  ["two bytes a letter", "ä"],
  ["three bytes a letter", at(5461, "€")],
  ["a pair of surrogates", "😀"],
  ["the first half of a pair", "\ud83d"],
  ["the second half of a pair", "\ude00"],
  ["halves of a pair the wrong way round", "\ude00\ud83d"],
  ["half a pair behind much else", `${at(3000, "é")}\ud800`],
  ["the replacement character", "�"],
  ["a byte order mark", "\ufeff"],
  ["a byte order mark before a text", "\ufeffa"],
  ["__proto__", "__proto__"],
  ["a digit", "1"],
  ["one", 1],
  ["one and a half", 1.5],
  ["minus one", -1],
  ["the largest number", Number.MAX_VALUE],
  ["the smallest number", Number.MIN_VALUE],
  ["infinity", Number.POSITIVE_INFINITY],
  ["minus infinity", Number.NEGATIVE_INFINITY],
  ["no number", Number.NaN],
  ["2^53", 2 ** 53],
  ["no bytes", new Uint8Array(0)],
  ["the byte of a letter", new Uint8Array([97])],
  ["the bytes of one", new Uint8Array(new Float64Array([1]).buffer)],
  ["the bytes of half a pair", new Uint8Array([0x3d, 0xd8])],
  ["seven bytes", bytes(7)],
  ["eight bytes", bytes(8)],
  ["nine bytes", bytes(9)],
  ["the most bytes", bytes(LONGEST)],
];
const LENGTHS = [
  0,
  1,
  7,
  8,
  9,
  63,
  64,
  65,
  1000,
  1944,
  1960,
  1961,
  2016,
  2017,
  4032,
  4095,
  4096,
  4097,
  65_536,
  MIB - 1,
  MIB,
];

describe("a key", () => {
  it("of any kind is that key and no other", () => {
    const { cache, expectExact } = texts();
    for (const [name, key] of KEYS) expect(cache.set(key, name), name).toBe(true);
    expect(cache.size).toBe(KEYS.length);
    for (const [name, key] of KEYS) {
      expect(cache.has(key), name).toBe(true);
      expect(cache.get(key), name).toBe(name);
    }
    expect(new Map([...cache.keys()].map((key) => [cache.get(key), key]))).toEqual(new Map(KEYS));
    for (const [name, key] of KEYS) {
      expect(cache.delete(key), name).toBe(true);
      expect([cache.has(key), cache.get(key), cache.delete(key)], name).toEqual([false, undefined, false]);
    }
    expect(cache.size).toBe(0);
    expectExact();
  });

  it("is the same for −0 and 0, and for every NaN there is", () => {
    const { cache } = texts();
    cache.set(-0, "zero");
    cache.set(Number.NaN, "none");
    const odd = new Float64Array(new Uint32Array([1, 0x7ff80000]).buffer)[0]!;
    expect([cache.get(0), cache.get(odd), cache.size]).toEqual(["zero", "none", 2]);
    expect(
      Object.is(
        [...cache.keys()].find((key) => key === 0),
        0,
      ),
    ).toBe(true);
  });

  it("is found by a text that was put together another way, and by bytes that lie elsewhere", () => {
    const { cache } = texts();
    cache.set("abc", "text");
    cache.set(new Uint8Array([1, 2, 3]), "bytes");
    expect(cache.get(["a", "b", "c"].join(""))).toBe("text");
    expect(cache.get(new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 4))).toBe("bytes");
    expect(cache.get(new Uint8Array([1, 2, 3, 0]))).toBeUndefined();
  });

  it("of bytes is kept as it was, whatever becomes of the array", () => {
    const { cache } = texts();
    const key = new Uint8Array([1, 2, 3]);
    cache.set(key, "value");
    key[0] = 9;
    expect([cache.get(key), cache.get(new Uint8Array([1, 2, 3]))]).toEqual([undefined, "value"]);
  });

  it("that is longer than one may be is refused by set with its length, and is nowhere", () => {
    const { cache, expectExact } = texts();
    for (const key of [at(LONGEST + 1), at(5462, "€"), `${at(8192)}\ud800`, new Uint8Array(LONGEST + 1)]) {
      expect(() => cache.set(key, "value")).toThrow(RangeError);
      expect(() => cache.set(key, "value")).toThrow(`at most ${LONGEST} bytes, got ${key.length}`);
      expect([cache.get(key), cache.peek(key), cache.has(key), cache.pin(key), cache.delete(key)]).toEqual([
        undefined,
        undefined,
        false,
        undefined,
        false,
      ]);
      expect(cache.getInto(key, new Uint8Array(9))).toBe(-1);
    }
    expect(cache.size).toBe(0);
    expectExact();
  });

  it("of the longest kind is listed however many of them there are", () => {
    const { cache, expectExact } = texts({ maxBytes: 3 * MIB, policy: "lru" }, 4 * MIB);
    const keys = Array.from({ length: 100 }, (_, i) => `${i}:${at(16_000)}`);
    for (const key of keys) expect(cache.set(key, key.slice(0, 5))).toBe(true);
    expect([...cache.keys()].sort()).toEqual([...keys].sort());
    expect([...cache].length).toBe(100);
    expectExact();
  });
});

describe("a value", () => {
  it.each(LENGTHS)("of %i bytes comes out of get, getInto, peek, pin and entries as it went in", (length) => {
    const { cache, expectExact } = scene({ maxBytes: 4 * MIB, policy: "lru" }, 8 * MIB);
    for (let i = 0; i < 3; i++) expect(cache.set(i, bytes(length, i))).toBe(true);
    for (let i = 0; i < 3; i++) {
      const value = bytes(length, i);
      const target = new Uint8Array(length + 5).fill(7);
      expect(cache.getInto(i, target, 2)).toBe(length);
      const pin = cache.pin(i)!;
      const found = [cache.get(i)!, cache.peek(i)!, target.subarray(2, 2 + length), pin.bytes, pin.views[0]!];
      for (const one of found) expect(isSame(one, value)).toBe(true);
      expect([target[1], target[2 + length], pin.size, pin.views.length]).toEqual([7, 7, length, 1]);
      pin.release();
    }
    expect([...cache].map(([key, value]) => [key, value.length]).sort()).toEqual([0, 1, 2].map((key) => [key, length]));
    expect(cache.stats().valueBytes).toBe(3 * length);
    expectExact();
    cache.clear();
    expect(cache.stats()).toMatchObject({ items: 0, valueBytes: 0, entryBytes: 0 });
    expectExact();
  });

  it("is copied in and out: what is done to either array afterwards changes nothing", () => {
    const { cache } = scene();
    const given = bytes(10);
    cache.set("k", given);
    given.fill(0);
    const got = cache.get("k")!;
    expect(got).toEqual(bytes(10));
    got.fill(0);
    expect(cache.get("k")).toEqual(bytes(10));
    expect(got.buffer.byteLength).toBe(10);
  });

  it("may be a part of another array, a view of the region, or another value's own place", () => {
    const { r, cache } = scene();
    cache.set("part", bytes(100).subarray(10, 20));
    expect(cache.get("part")).toEqual(bytes(100).slice(10, 20));
    using pin = cache.pin("part")!;
    cache.set("copy", pin.bytes);
    cache.set("part", pin.bytes.subarray(0, 3));
    expect([cache.get("copy"), cache.get("part")]).toEqual([bytes(100).slice(10, 20), bytes(100).slice(10, 13)]);
    const offset = r.heap.alloc(64);
    r.heap.view(offset, 64).set(bytes(64));
    cache.set("view", r.heap.view(offset, 64));
    expect(cache.get("view")).toEqual(bytes(64));
  });

  it("takes the place of the one before, shorter or longer, and is counted as one", () => {
    const { cache, expectExact } = scene();
    for (const length of [10, 2000, 0, 50_000, 3000, 3001, 12]) {
      expect(cache.set("k", bytes(length))).toBe(true);
      expect(cache.get("k")).toEqual(bytes(length));
      expect(cache.stats()).toMatchObject({ items: 1, valueBytes: length });
      expectExact();
    }
    expect(cache.stats()).toMatchObject({ sets: 7, replaced: 6, evictions: 0, deletions: 0 });
  });
});

describe("getInto", () => {
  it("says the length of what does not fit, and copies nothing then", () => {
    const { cache } = scene();
    cache.set("k", bytes(100));
    const target = new Uint8Array(100).fill(7);
    expect(cache.getInto("k", target, 1)).toBe(100);
    expect(cache.getInto("k", new Uint8Array(0))).toBe(100);
    expect(target.every((byte) => byte === 7)).toBe(true);
    expect(cache.getInto("k", target)).toBe(100);
    expect(target).toEqual(bytes(100));
    expect(cache.getInto("none", target)).toBe(-1);
    cache.set("empty", bytes(0));
    expect(cache.getInto("empty", target, 100)).toBe(0);
  });
});

describe("lookups", () => {
  it("count: get, getInto and pin do; peek, has, keys and entries do not", () => {
    const { cache } = texts();
    cache.set("a", "1");
    for (const key of ["a", "b"]) {
      cache.get(key);
      cache.getInto(key, new Uint8Array(9));
      cache.pin(key)?.release();
      cache.peek(key);
      cache.has(key);
    }
    expect([...cache.keys(), ...cache.entries()]).toEqual(["a", ["a", "1"]]);
    expect(cache.stats()).toMatchObject({ hits: 3, misses: 3, hitRatio: 0.5 });
  });

  it("find nothing in a cache that holds nothing, and a hit ratio of none is 0", () => {
    const { cache } = texts();
    expect([[...cache.keys()], cache.stats().hitRatio, cache.delete("a")]).toEqual([[], 0, false]);
    cache.clear();
    expect(cache.size).toBe(0);
  });
});

describe("keys and entries", () => {
  it("are those that were in when they were asked for", () => {
    const { cache } = texts();
    for (const key of ["a", "b", "c"]) cache.set(key, key);
    const keys = cache.keys();
    const entries = cache.entries();
    cache.delete("b");
    cache.set("d", "d");
    cache.set("a", "changed");
    expect([...keys].sort()).toEqual(["a", "b", "c"]);
    expect([...entries].sort()).toEqual([
      ["a", "changed"],
      ["c", "c"],
    ]);
  });

  it("come once each, while the loop over them puts in and takes out", () => {
    const { cache, expectExact } = texts();
    for (let i = 0; i < 300; i++) cache.set(i, "x");
    const seen: CacheKey[] = [];
    for (const [key] of cache) {
      seen.push(key);
      cache.delete(key);
      cache.set(`new ${String(key)}`, "x");
    }
    expect(seen.length).toBe(300);
    expect(new Set(seen).size).toBe(300);
    expect([...cache.keys()].every((key) => typeof key === "string")).toBe(true);
    expectExact();
  });
});

describe("a codec", () => {
  const open = <V>(codec: object | string) => {
    const clock = new Clock();
    const r = Region.createSync({ size: MIB });
    return r.cache<V>("cache", { maxBytes: 256 * KIB, codec: codec as never, now: clock.now });
  };

  it("of bytes, UTF-8 and JSON gives back what was given", () => {
    const utf8 = open<string>("utf8");
    for (const text of ["", "ä€😀", "x".repeat(5000)]) {
      utf8.set("k", text);
      expect(utf8.get("k")).toBe(text);
    }
    const json = open<unknown>("json");
    for (const value of [null, 0, false, "", [1, { a: "b" }], { "": [] }]) {
      json.set("k", value);
      expect(json.get("k")).toEqual(value);
    }
  });

  it("buffer answers Buffers of one's own of any length, where there are any", () => {
    if (!("Buffer" in globalThis)) {
      expect(() => open("buffer")).toThrow(/Buffer/);
      return;
    }
    const cache = open<Uint8Array>("buffer");
    for (const length of [0, 1, 100, 1024, 5000, 20_000]) {
      cache.set("k", bytes(length));
      const [one, two] = [cache.get("k")!, cache.peek("k")!];
      expect([Buffer.isBuffer(one), Buffer.isBuffer(two)]).toEqual([true, true]);
      one.fill(0);
      expect(Buffer.compare(two, bytes(length)), `${length}`).toBe(0);
      expect(Buffer.compare(cache.get("k")!, bytes(length)), `${length}`).toBe(0);
    }
  });

  it("of the caller's own is asked for each value, and what it throws is thrown before anything changed", () => {
    let fails = false;
    const cache = open<number>({
      encode(value: number) {
        if (fails) throw new Error("cannot");
        return new Uint8Array(new Float64Array([value]).buffer);
      },
      decode: (own: Uint8Array) => new Float64Array(own.buffer)[0],
    });
    cache.set("k", 1.5);
    expect(cache.get("k")).toBe(1.5);
    fails = true;
    expect(() => cache.set("k", 2)).toThrow("cannot");
    expect([cache.get("k"), cache.stats().sets]).toEqual([1.5, 1]);
  });

  it("that answers no bytes, and a value that it does not take, are TypeErrors that change nothing", () => {
    const odd = open<unknown>({ encode: () => "text", decode: () => 1 });
    expect(() => odd.set("k", 1)).toThrow(TypeError);
    const plain = open<unknown>("bytes");
    plain.set("k", bytes(3));
    for (const value of ["text", 5, undefined, null, [1, 2], new Uint16Array(2), new ArrayBuffer(8)])
      expect(() => plain.set("k", value)).toThrow(TypeError);
    expect(() => open<unknown>("json").set("k", undefined)).toThrow(TypeError);
    expect(() => open<unknown>("utf8").set("k", 5)).toThrow(TypeError);
    expect([plain.get("k"), plain.stats().sets]).toEqual([bytes(3), 1]);
  });

  it("may use the cache itself", () => {
    const cache = open<string>({
      encode(value: string): Uint8Array {
        if (value === "outer") cache.set("inner", "inner");
        return new TextEncoder().encode(value);
      },
      decode: (own: Uint8Array) => new TextDecoder().decode(own),
    });
    cache.set("outer", "outer");
    expect([cache.get("inner"), cache.get("outer")]).toEqual(["inner", "outer"]);
  });
});

/** Quicker than an expectation for each byte. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

describe("bytes that say something else of their length", () => {
  class Liar extends Uint8Array {
    override get length(): number {
      return 3;
    }
  }
  it("are taken for what they are, as values and as keys", () => {
    const region = Region.createSync({ size: MIB });
    const cache = region.cache("c", { maxBytes: 256 * KIB });
    for (const length of [10, 5000, 40_000]) {
      const value = new Liar(length).fill(length & 0xff);
      expect(cache.set("k", value)).toBe(true);
      expect(cache.get("k")).toEqual(new Uint8Array(length).fill(length & 0xff));
    }
    const key = new Liar(100).fill(1);
    expect([
      cache.set(key, bytes(5)),
      cache.has(new Uint8Array(100).fill(1)),
      cache.has(new Uint8Array(3).fill(1)),
    ]).toEqual([true, true, false]);
    expect(region.check().problems).toEqual([]);
  });
});
