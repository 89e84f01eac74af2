// estimateSize (C23). Goal: `compat` counts exactly as the cache specification does; without, the answer is near what a value takes as bytes. Method: the
// specification's cases by hand; cycles, depth, shared parts.
import { describe, expect, it } from "vitest";
import { estimateSize } from "../../src/index.js";

describe("estimateSize, compat", () => {
  it.each([
    ["a text is its length", "äbc", 3],
    ["bytes are their length", new Uint8Array(17), 17],
    ["an object is its keys and values", { ab: "cde", f: "g" }, 7],
    ["an array is its items", ["ab", "c"], 3],
    ["nothing in them is nothing", [{}, [], ""], 0],
    ["a number is 1024", 5, 1024],
    ["true, null and undefined are 1024 each", [true, null, undefined], 3072],
    ["a date is 1024, as everything else", new Date(0), 1024],
    ["a map is 1024", new Map([["a", "b"]]), 1024],
    ["nested ones are their sum", { a: ["bc", { d: new Uint8Array(5) }], e: 1 }, 1 + 2 + 1 + 5 + 1 + 1024],
  ])("%s", (_, value, size) => {
    expect(estimateSize(value, { compat: true })).toBe(size);
  });

  it("ends for a value that holds itself, and counts what is shared as often as it is there", () => {
    const cycle: Record<string, unknown> = { a: "b" };
    cycle["self"] = cycle;
    expect(estimateSize(cycle, { compat: true })).toBe(1 + 1 + 4 + 1024);
    const shared = ["abc"];
    expect(estimateSize([shared, shared], { compat: true })).toBe(6);
  });
});

// The ways in which estimators are known to fail (D55).
describe.each([true, false])("estimateSize of hostile values, compat: %s", (compat) => {
  const size = (value: unknown): number => estimateSize(value, { compat });

  it("calls no accessor and no iterator, and counts that they are there (D55)", () => {
    const trap = (): never => expect.unreachable();
    const value = Object.defineProperty({ a: "bc" }, "get", { get: trap, enumerable: true });
    expect(size(value)).toBe(3 + 3 + (compat ? 1024 : 4));
    class Hostile extends Map<string, string> {
      override [Symbol.iterator] = trap;
      override forEach = trap;
    }
    expect(size(new Hostile().set("ab", "c"))).toBe(compat ? 1024 : 3);
    const array = Object.assign(["ab"], { [Symbol.iterator]: trap });
    expect(size(array)).toBe(2);
  });

  it("counts a proxy that throws, or was revoked, as what is not known (D55)", () => {
    const fail = (): never => {
      throw new Error("mine");
    };
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const value of [
      proxy,
      new Proxy({}, { ownKeys: fail }),
      new Proxy([], { getPrototypeOf: fail, ownKeys: fail }),
    ])
      expect(size(["ab", value])).toBe(2 + 1024);
  });

  it("looks once at what is shared, however often, and at no hole (D55)", () => {
    let shared: unknown = "abc";
    for (let i = 0; i < 60; i++) shared = [shared, shared];
    expect(size(shared)).toBe(compat ? 3 * 2 ** 60 : 6);
    const holes: string[] = [];
    holes[2 ** 32 - 2] = "ab";
    expect(size(holes)).toBe(2);
  });

  it("ends for what is nested without end, and for many parts (D55)", () => {
    let deep: unknown = "x";
    for (let i = 0; i < 100_000; i++) deep = { a: deep };
    expect(size(deep)).toBe(compat ? 1000 + 1024 : 64);
    expect(size(Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, "v"])))).toBe(688_890);
  });

  it("counts a slice of a buffer by its own bytes (D55)", () => {
    expect(size([Buffer.from("abc"), new Uint8Array(1000).subarray(5, 9)])).toBe(7);
  });
});

describe("estimateSize", () => {
  it.each([
    ["a text is its UTF-8 bytes", "aä€😀", 10],
    ["half a pair is three", "\ud83d", 3],
    ["numbers are 8", [1, 2.5, 5n], 24],
    ["true and null are 4", [true, null], 8],
    [
      "typed arrays and buffers are their bytes",
      [new Float64Array(3), new ArrayBuffer(5), new DataView(new ArrayBuffer(7))],
      36,
    ],
    ["maps and sets are their parts", [new Map([["ab", 1]]), new Set(["c"])], 11],
    ["a date is 8", new Date(0), 8],
  ])("%s", (_, value, size) => {
    expect(estimateSize(value)).toBe(size);
  });

  it("ends for what holds itself, counts what is shared once, and stops at some depth", () => {
    const cycle: unknown[] = ["abc"];
    cycle.push(cycle, [cycle]);
    expect(estimateSize(cycle)).toBe(3);
    let deep: unknown = "x".repeat(1000);
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(estimateSize(deep)).toBe(0);
    const shared = ["abc"];
    expect(estimateSize([shared, shared])).toBe(3);
  });

  it("is a TypeError for options that are none", () => {
    for (const options of [5, null, "compat"]) expect(() => estimateSize("a", options as never)).toThrow(TypeError);
  });
});
