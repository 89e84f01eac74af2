// The cases that Keyv's published test suite for stores covers (api, values, namespaces, iterator, compression, TTL), written anew for this cache.
// docs/cache-conformance.md lists what of them does not apply, and why.
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { Region } from "../../src/index.js";
import { MIB } from "../lib/regions.js";
import { scene } from "./scene.js";

const open = () => scene<unknown>({ codec: "clone" });

describe("api", () => {
  it("set answers true, get what was set, and undefined for what never was", () => {
    const { cache } = open();
    expect([cache.set("foo", "bar"), cache.get("foo"), cache.get("fizz")]).toEqual([true, "bar", undefined]);
  });

  it("a value with a time to live is there until it is over, beside others that stay", () => {
    const { cache, clock } = open();
    cache.set("foo", "bar");
    cache.set("foo1", "bar1", { ttl: 1 });
    cache.set("foo2", "bar2", { ttl: 1000 });
    expect(["foo", "foo1", "foo2"].map((key) => cache.get(key))).toEqual(["bar", "bar1", "bar2"]);
    clock.ms += 30;
    expect(["foo", "foo1", "foo2", "none"].map((key) => cache.get(key))).toEqual(["bar", undefined, "bar2", undefined]);
    clock.ms += 971;
    expect(cache.get("foo2")).toBeUndefined();
  });

  it("delete answers whether there was one, of several each for itself, and it is gone", () => {
    const { cache } = open();
    for (const key of ["foo", "foo1", "foo2"]) cache.set(key, key);
    expect(["foo", "foo1", "none"].map((key) => cache.delete(key))).toEqual([true, true, false]);
    expect(["foo", "foo1", "foo2"].map((key) => cache.get(key))).toEqual([undefined, undefined, "foo2"]);
    expect(cache.delete("foo")).toBe(false);
  });

  it("clear answers nothing, empty or not, and leaves nothing", () => {
    const { cache, expectExact } = open();
    expect(cache.clear()).toBeUndefined();
    cache.set("foo", "bar");
    cache.set("fizz", "buzz");
    expect(cache.clear()).toBeUndefined();
    expect([cache.get("foo"), cache.get("fizz"), cache.size]).toEqual([undefined, undefined, 0]);
    expectExact();
  });

  it("has answers for the key that is asked for, also when its time is over", () => {
    const { cache, clock } = open();
    cache.set("foo", "bar", { ttl: 10 });
    expect([cache.has("foo"), cache.has("fizz")]).toEqual([true, false]);
    clock.ms += 10;
    expect(cache.has("foo")).toBe(false);
  });

  it("a key that is set again has the new value, and with a longer time the longer one", () => {
    const { cache, clock } = open();
    cache.set("foo", "bar", { ttl: 10 });
    cache.set("foo", "baz", { ttl: 20 });
    clock.ms += 15;
    expect(cache.get("foo")).toBe("baz");
    cache.set("foo", "for ever");
    clock.ms += 1e9;
    expect(cache.get("foo")).toBe("for ever");
  });

  it("close lets go of it: what is asked after that is told so, and a second close does nothing", () => {
    const { r, cache } = open();
    cache.set("foo", "bar");
    cache.close();
    cache.close();
    expect(() => cache.get("foo")).toThrow("was left by this thread");
    expect(r.usedBytes).toBe(0);
  });
});

describe("values", () => {
  const VALUES: [string, unknown][] = [
    ["false", false],
    ["null", null],
    ["zero", 0],
    ["a number", 1.5],
    ["an empty text", ""],
    ["a text", "bar"],
    ["double quotes", '"'],
    ["single quotes", "''"],
    ["what looks like an escape of the store's own", ":base64:YmFy"],
    ["an object", { fizz: "buzz" }],
    ["nested objects and arrays", { a: [1, { b: [null, "x"] }] }],
    ["bytes", new Uint8Array([98, 97, 114])],
    ["an object with bytes in it", { bytes: new Uint8Array([1, 2, 3]) }],
    ["a big integer", 9_223_372_036_854_775_807n],
    ["a date", new Date(86_400_000)],
    ["a map and a set", new Map([["a", new Set([1])]])],
    ["emoji", "😀 👩‍👩‍👧"],
  ];

  it.each(VALUES)("%s comes back as it was", (_, value) => {
    const { cache } = open();
    expect(cache.set("foo", value)).toBe(true);
    expect(cache.get("foo")).toEqual(value);
    expect(cache.peek("foo")).toEqual(value);
    expect([...cache]).toEqual([["foo", value]]);
  });

  it("a Buffer comes back as the same bytes", () => {
    const { cache } = scene();
    cache.set("foo", Buffer.from("bar"));
    expect(Buffer.from(cache.get("foo")!).toString()).toBe("bar");
  });

  it("what cannot be said as bytes is refused with what the codec says, and changes nothing", () => {
    const { cache } = open();
    cache.set("foo", "bar");
    expect(() => cache.set("foo", Symbol("value"))).toThrow();
    expect(() => cache.set("foo", () => 1)).toThrow();
    expect(cache.get("foo")).toBe("bar");
    const json = scene<unknown>({ codec: "json" }).cache;
    expect(() => json.set("foo", 5n)).toThrow(TypeError);
    expect(() => json.set("foo", Symbol("value"))).toThrow(TypeError);
    expect(json.size).toBe(0);
  });

  it("keys may have quotes, spaces, colons, slashes, line ends and any script in them", () => {
    const { cache } = open();
    const keys = ["'", '"', "`", "a b", "a:b", "../a", "a\nb", "a\0b", "ключ", "キー", "%", "$where", "*"];
    for (const key of keys) cache.set(key, key);
    expect(keys.map((key) => cache.get(key))).toEqual(keys);
    expect([...cache.keys()].sort()).toEqual([...keys].sort());
  });
});

describe("namespaces, which are caches of their own names", () => {
  const two = () => {
    const r = Region.createSync({ size: MIB });
    return ["one", "two"].map((name) => r.cache<string>(name, { maxBytes: 64 * 1024, codec: "utf8" })) as [
      ReturnType<typeof r.cache<string>>,
      ReturnType<typeof r.cache<string>>,
    ];
  };

  it("do not collide, and delete, clear and iteration stay in one", () => {
    const [one, second] = two();
    for (const key of ["foo", "bar", "baz"]) {
      one.set(key, `one ${key}`);
      second.set(key, `two ${key}`);
    }
    expect([one.get("foo"), second.get("foo")]).toEqual(["one foo", "two foo"]);
    expect([one.delete("foo"), one.get("foo"), second.get("foo")]).toEqual([true, undefined, "two foo"]);
    expect([...second].every(([, value]) => value.startsWith("two"))).toBe(true);
    one.clear();
    expect([one.get("bar"), second.get("bar"), second.size]).toEqual([undefined, "two bar", 3]);
  });
});

describe("iterator", () => {
  it("comes by all entries once, whatever their number, none for none", () => {
    const { cache } = open();
    expect([...cache]).toEqual([]);
    const map = new Map(Array.from({ length: 200 }, (_, i) => [String(i), String(i + 10)]));
    for (const [key, value] of map) cache.set(key, value);
    const entries = [...cache];
    expect([entries.length, new Map(entries as [string, string][])]).toEqual([200, map]);
  });

  it("does not come by what is expired", () => {
    const { cache, clock } = open();
    for (let i = 0; i < 5; i++) cache.set(String(i), i, { ttl: 200 });
    cache.set("foo", "bar");
    clock.ms += 250;
    expect([...cache]).toEqual([["foo", "bar"]]);
  });
});

describe("compression, which is a codec", () => {
  it("takes and gives what it was given, and is smaller in between", () => {
    const codec = {
      encode: (value: unknown): Uint8Array => gzipSync(JSON.stringify(value)),
      decode: (own: Uint8Array): unknown => JSON.parse(gunzipSync(own).toString()),
    };
    const { cache } = scene<unknown>({ codec });
    const values = [null, 5, "text", { a: "x".repeat(5000) }];
    for (const [key, value] of values.entries()) cache.set(key, value);
    expect(values.map((_, key) => cache.get(key))).toEqual(values);
    expect(cache.stats().valueBytes).toBeLessThan(500);
  });
});
