// Overflow policies of a ring, in Node and in a page. Goal: what becomes of a record that there is no place for is what the policy says, the
// caller is told the truth, and each record is counted once. Method: exact states of small rings, by records and by bytes.
import { describe, expect, it } from "vitest";
import { MemoryLimitExceededError, type Overflow, Region, RingFullError, type RingOptions } from "../../src/index.js";
import { expectSound, fillUp, MIB } from "../lib/regions.js";
import { Words } from "../lib/words.js";
import { codeOf, expectCounted, numbers, pair, texts, thrown } from "./scene.js";

/** A full ring of four, after it was asked to take two more. */
function overfull(options: RingOptions<string>): { ring: ReturnType<typeof texts>["ring"]; answers: boolean[] } {
  const { ring } = texts({ capacity: 4, ...options });
  const answers = numbers(0, 6).map((value) => ring.push(value));
  expectCounted(ring);
  return { ring, answers };
}

describe("a full ring", () => {
  it.each(["records", "bytes"])(
    "with drop-oldest, of %s, takes what is new and drops what is oldest, in order",
    (by) => {
      const { ring, answers } = overfull(by === "bytes" ? { capacity: 100, maxBytes: 4 } : {});
      expect(answers).toEqual([true, true, true, true, true, true]);
      expect(ring.metrics()).toMatchObject({ pushes: 6, droppedOldest: 2, refused: 0, size: 4 });
      expect(ring.drain()).toEqual(["2", "3", "4", "5"]);
      expectCounted(ring);
    },
  );

  it("of bytes drops as many as the new record needs, and no more", () => {
    const { ring } = texts({ maxBytes: 10, capacity: 10 });
    ring.pushMany(["aaa", "bb", "ccc", "dd"]);
    expect(ring.push("eeeee")).toBe(true);
    expect([ring.bytes, ring.drain()]).toEqual([10, ["ccc", "dd", "eeeee"]]);
  });

  it.each(["drop-newest", "block", "block-timeout"] as Overflow[])(
    "with %s answers push false, and keeps what it has",
    (overflow) => {
      const { ring, answers } = overfull({ overflow });
      expect(answers).toEqual([true, true, true, true, false, false]);
      expect(ring.metrics()).toMatchObject({ pushes: 4, refused: 2, droppedOldest: 0 });
      expect(ring.isFull).toBe(true);
      expect(ring.drain()).toEqual(numbers(0, 4));
    },
  );

  it("with error throws ERR_RING_FULL with what it may hold, and takes again once there is place", () => {
    const { ring } = texts({ capacity: 1, overflow: "error" });
    ring.push("a");
    const error = thrown(() => ring.push("b")) as RingFullError;
    expect(error).toBeInstanceOf(RingFullError);
    expect(error).toMatchObject({ code: "ERR_RING_FULL", capacity: 1 });
    expect(ring.pop()).toBe("a");
    expect(ring.push("b")).toBe(true);
  });

  it("with resize grows by its factor, up to maxCapacity", () => {
    const { ring } = texts({ capacity: 4, maxCapacity: 10, overflow: "resize", resizeFactor: 1.5 });
    const seen = new Set<number>();
    for (const value of numbers(0, 10)) {
      expect(ring.push(value)).toBe(true);
      seen.add(ring.capacity);
    }
    expect([...seen]).toEqual([4, 6, 9, 10]);
    expect(ring.metrics()).toMatchObject({ resizes: 3, refused: 0, pushes: 10, droppedOldest: 0 });
    expect(ring.drain()).toEqual(numbers(0, 10));
  });

  it("grows by at least one, in order, across the end of its slots (D51)", () => {
    const { ring } = texts({ capacity: 1, maxCapacity: 6, overflow: "resize", resizeFactor: 1.01 });
    for (let round = 0; round < 20; round++) {
      for (const value of numbers(round, round + 1 + (round % 6))) ring.push(value);
      expect(ring.drain()).toEqual(numbers(round, round + 1 + (round % 6)));
    }
    expect(ring.capacity).toBe(6);
  });

  const fallbacks: [Exclude<Overflow, "resize">, (boolean | string)[], string[]][] = [
    ["drop-oldest", [true, true, true, true], numbers(2, 4)],
    ["drop-newest", [true, true, false, false], numbers(0, 2)],
    ["block", [true, true, false, false], numbers(0, 2)],
    ["block-timeout", [true, true, false, false], numbers(0, 2)],
    ["error", [true, true, "ERR_RING_FULL", "ERR_RING_FULL"], numbers(0, 2)],
  ];
  it.each(fallbacks)("that cannot grow any more falls back to %s", (fallback, answers, left) => {
    for (const capacity of [1, 2]) {
      const { ring } = texts({ capacity, maxCapacity: 2, overflow: "resize", fallback });
      const push = (value: string): boolean | string | undefined => {
        try {
          return ring.push(value);
        } catch (error) {
          return (error as RingFullError).code;
        }
      };
      expect(numbers(0, 4).map(push)).toEqual(answers);
      expect(ring.drain()).toEqual(left);
      expectCounted(ring);
    }
  });

  it("with resize grows for a lease too, and one that finds no place is told so", () => {
    const { ring } = texts({ capacity: 1, maxCapacity: 2, overflow: "resize", fallback: "drop-newest" });
    const answers = [1, 2, 3].map((length) => ring.reserve(length)!.commit());
    expect([answers, ring.size]).toEqual([[true, true, false], 2]);
  });
});

describe("pushMany", () => {
  it.each(["drop-newest", "block", "error"] as Overflow[])(
    "with %s says how many were added before one was not",
    (overflow) => {
      const { ring } = texts({ capacity: 4, overflow });
      expect([ring.pushMany(numbers(0, 3)), ring.pushMany(numbers(3, 6))]).toEqual([3, 1]);
      expect(ring.metrics()).toMatchObject({ pushes: 4, refused: 1 });
      expect(ring.drain()).toEqual(numbers(0, 4));
    },
  );

  it("throws what push would when not even the first was added", () => {
    const { ring } = texts({ capacity: 1, overflow: "error" });
    expect(ring.pushMany(["a", "b"])).toBe(1);
    expect(() => ring.pushMany(["b"])).toThrow(RingFullError);
    ring.close();
    expect(thrown(() => ring.pushMany(["b"]))).toMatchObject({ code: "ERR_RING_CLOSED" });
  });

  it("adds nothing when one of them is no record of the ring", () => {
    const { ring } = texts({ maxBytes: 10 });
    expect(() => ring.pushMany(["a", 1 as never])).toThrow(TypeError);
    expect(() => ring.pushMany(["a", "x".repeat(11)])).toThrow(RangeError);
    // oxlint-disable-next-line no-sparse-arrays
    expect(() => ring.pushMany(["a", , "b"] as never)).toThrow(TypeError);
    expect(() => ring.pushMany("ab" as never)).toThrow(TypeError);
    expect(ring.metrics()).toMatchObject({ pushes: 0, size: 0 });
  });

  it("is one push each for the policies: grows with resize, drops with drop-oldest", () => {
    const growing = texts({ capacity: 2, maxCapacity: 5, overflow: "resize" }).ring;
    expect([growing.pushMany(numbers(0, 9)), growing.drain()]).toEqual([9, numbers(4, 9)]);
    const dropping = texts({ capacity: 3 }).ring;
    expect([dropping.pushMany(numbers(0, 9)), dropping.drain()]).toEqual([9, numbers(6, 9)]);
  });

  it("takes short records, long ones and empty ones in their order, more than one batch holds", () => {
    const { ring } = texts({ capacity: 1000 });
    const values = Array.from({ length: 300 }, (_, i) => String(i % 10).repeat((i * 37) % 2500));
    expect(ring.pushMany(values)).toBe(300);
    expect(ring.drain(7)).toEqual(values.slice(0, 7));
    expect(ring.drain()).toEqual(values.slice(7));
    expectCounted(ring);
  });
});

describe("a limit that is changed", () => {
  it("below what is queued keeps it all, and takes nothing until there is place", () => {
    const { ring, theirs } = pair({ capacity: 8, overflow: "drop-newest" });
    ring.pushMany(numbers(0, 8));
    ring.setLimits({ capacity: 3 });
    expect([theirs.capacity, theirs.size, theirs.isFull, theirs.push("x")]).toEqual([3, 8, true, false]);
    expect(theirs.drain(5)).toEqual(numbers(0, 5));
    expect(ring.push("8")).toBe(false);
    ring.pop();
    expect([ring.push("8"), ring.drain()]).toEqual([true, ["6", "7", "8"]]);
  });

  it("below what is queued drops the oldest at the next push, no more than the policy asks, each of them told", () => {
    const { ring } = texts({ capacity: 8 });
    const dropped: string[] = [];
    ring.onDropped((value) => dropped.push(value));
    ring.pushMany(numbers(0, 8));
    ring.setLimits({ capacity: 3 });
    expect([dropped, ring.size]).toEqual([[], 8]);
    ring.push("8");
    expect([dropped, ring.drain()]).toEqual([numbers(0, 6), ["6", "7", "8"]]);
    expectCounted(ring);
  });

  it.each([true, false])(
    "of bytes below the new record drops nothing for it and says so; listened to: %s",
    (isHeard) => {
      const { ring } = texts({ maxBytes: "1KB" });
      const dropped: string[] = [];
      if (isHeard) ring.onDropped((value) => dropped.push(value));
      ring.push("a");
      ring.setLimits({ maxBytes: 4 });
      expect(ring.push("12345")).toBe(false);
      expect([ring.size, dropped, ring.metrics().refused]).toEqual([1, [], 1]);
      ring.setLimits({ maxBytes: "1KB" });
      expect([ring.push("12345"), ring.drain()]).toEqual([true, ["a", "12345"]]);
    },
  );

  it("is refused beyond maxCapacity, below 1 and for what is no number; nothing is changed", () => {
    const { ring } = texts({ capacity: 4, maxCapacity: 8, maxBytes: 100 });
    for (const capacity of [0, 9, 1.5, -1])
      expect(() => ring.setLimits({ capacity, maxBytes: 50 })).toThrow(RangeError);
    expect(() => ring.setLimits({ capacity: "4" as never })).toThrow(TypeError);
    expect(() => ring.setLimits({ capacity: 8, maxBytes: 101 })).toThrow(RangeError);
    expect(() => ring.setLimits({ capcity: 8 } as never)).toThrow(TypeError);
    expect(ring.capacity).toBe(4);
    ring.leave();
    expect(thrown(() => ring.setLimits({ capacity: 8 }))).toMatchObject({ code: "ERR_RING_CLOSED" });
  });
});

describe("a region without memory for a record", () => {
  it("refuses it with what was asked for, and keeps what is queued", () => {
    const { r, ring } = texts({ capacity: 1000, overflow: "drop-newest" });
    ring.push("first");
    const error = thrown(() => {
      for (;;) ring.push("x".repeat(50_000));
    }) as MemoryLimitExceededError;
    expect(error).toBeInstanceOf(MemoryLimitExceededError);
    expect(error).toMatchObject({ requested: 50_000, limit: r.capacityBytes });
    expect(ring.pop()).toBe("first");
    expectCounted(ring);
    expectSound(r);
  });

  it.each([true, false])("drops the oldest for it with drop-oldest, and says which if asked: %s", (isHeard) => {
    const { r, ring } = texts({ capacity: 1000 });
    const dropped: number[] = [];
    if (isHeard) ring.onDropped((value) => dropped.push(Number(value.slice(0, 6))));
    const record = (i: number): string => String(i).padStart(6, "0").repeat(10_000);
    for (let i = 0; i < 100; i++) expect(ring.push(record(i))).toBe(true);
    const { droppedOldest, size, refused } = ring.metrics();
    expect([droppedOldest + size, refused]).toEqual([100, 0]);
    expect(size).toBeGreaterThan(5);
    expect(dropped).toEqual(isHeard ? Array.from({ length: droppedOldest }, (_, i) => i) : []);
    expect(ring.drain().map((value) => Number(value.slice(0, 6)))).toEqual(
      Array.from({ length: size }, (_, i) => droppedOldest + i),
    );
    expectSound(r);
  });

  it("drops nothing for a record that can never fit, in the region or in the budget", () => {
    const { r, ring } = texts({ capacity: 1000 });
    const budget = r.budget("small", { limit: "32KiB" });
    const charged = r.ring<string>("charged", { codec: "utf8", budget });
    for (const each of [ring, charged]) {
      const dropped: string[] = [];
      each.pushMany(["a", "b"]);
      expect(codeOf(() => each.push("x".repeat(2 * MIB)))).toMatch(/^ERR_MEMORY_LIMIT/);
      expect(each.reserve(2 * MIB)).toBe(undefined);
      each.onDropped((value) => dropped.push(value));
      expect(codeOf(() => each.push("x".repeat(2 * MIB)))).toMatch(/^ERR_MEMORY_LIMIT/);
      expect([dropped, each.drain()]).toEqual([[], ["a", "b"]]);
    }
  });

  it.each(["push", "pushMany", "reserve"] as const)("asks the full hooks before it refuses: %s", (how) => {
    const { r, ring } = texts({ overflow: "drop-newest" });
    const taken: number[] = [];
    for (let offset = r.heap.allocUnsafe(8192); offset !== 0; offset = r.heap.allocUnsafe(8192)) taken.push(offset);
    const asked: number[] = [];
    r.onFull((bytes) => {
      asked.push(bytes);
      const offset = taken.pop();
      return offset !== undefined && r.heap.free(offset) ? 8192 : 0;
    });
    const record = "x".repeat(60_000);
    if (how === "push") expect(ring.push(record)).toBe(true);
    if (how === "pushMany") expect(ring.pushMany(["a", record])).toBe(2);
    if (how === "reserve") expect(ring.reserve(60_000)?.commit()).toBe(true);
    expect([asked[0], asked.length > 5, ring.size]).toEqual([60_000, true, how === "pushMany" ? 2 : 1]);
    expectSound(r);
  });

  it("is told so where who is asked for memory leaves the ring", () => {
    for (const how of ["push", "reserve"] as const) {
      const { r, ring } = texts({ overflow: "error" });
      fillUp(r);
      r.onFull(() => {
        ring.close();
        ring.leave();
        return 1;
      });
      const act = (): unknown => (how === "push" ? ring.push("x".repeat(60_000)) : ring.reserve(60_000));
      expect([codeOf(act), ring.isLeft]).toEqual(["ERR_RING_CLOSED", true]);
      expectSound(r);
    }
  });

  it("is not what a page lock is that is not to be had: that is ERR_REGION_BUSY, and nothing is dropped for it", () => {
    const r = Region.createSync({ size: MIB, busyMs: 0 });
    const other = Region.attachSync(r.handle());
    const ring = r.ring<string>("ring", { codec: "utf8" });
    ring.pushMany(["a", "b"]);
    const words = new Words(r);
    words.lock = other.ownerId;
    for (const act of [() => ring.push("x".repeat(60_000)), () => ring.reserve(60_000)])
      expect(codeOf(act)).toBe("ERR_REGION_BUSY");
    ring.onDropped(() => expect.unreachable());
    expect(codeOf(() => ring.push("x".repeat(60_000)))).toBe("ERR_REGION_BUSY");
    words.lock = 0;
    expect([ring.push("x".repeat(60_000)), ring.size, ring.metrics().droppedOldest]).toEqual([true, 3, 0]);
    expectSound(r);
  });

  it("has no lease to give, or with drop-oldest gives it for the oldest, which are told", () => {
    const kept = texts({ overflow: "drop-newest" }).ring;
    while (kept.reserve(50_000)?.commit());
    expect(kept.reserve(50_000)).toBe(undefined);
    const { ring } = texts();
    const dropped: string[] = [];
    ring.onDropped((value) => dropped.push(value));
    const held = [];
    for (let lease = ring.reserve(50_000); lease !== undefined; lease = ring.reserve(50_000)) held.push(lease);
    held.pop()!.abort();
    held.pop()!.abort();
    ring.push("y".repeat(50_000));
    expect([ring.reserve(50_000) !== undefined, dropped.length]).toEqual([true, 0]);
    expect([ring.reserve(50_000) !== undefined, dropped, ring.size]).toEqual([true, ["y".repeat(50_000)], 0]);
  });
});

describe("a ring that is limited by bytes", () => {
  it("is full when they are", () => {
    const { ring } = texts({ capacity: 10, maxBytes: 10, overflow: "block" });
    ring.push("x".repeat(9));
    expect(ring.isFull).toBe(false);
    ring.push("y");
    expect([ring.isFull, ring.push("")]).toEqual([true, true]);
    ring.pop();
    expect(ring.isFull).toBe(false);
  });
});
