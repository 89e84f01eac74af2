// How rings begin and end, in Node and in a page. Goal: wrong arguments change nothing; opening is the same ring or a refusal; what a ring took is
// back to the byte when it was closed and left, whatever was in hand. Method: exact states; the page lock held by another for BUSY.
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Overflow, Region, type Ring, type RingOptions, StaleLeaseError } from "../../src/index.js";
import { expectSound, fillUp, MIB } from "../lib/regions.js";
import { Words } from "../lib/words.js";
import { codeOf, expectCounted, expectGone, largest, numbers, pair, texts, thrown } from "./scene.js";

afterEach(() => {
  vi.useRealTimers();
});

describe("options", () => {
  const refused: [string, unknown, typeof TypeError | typeof RangeError][] = [
    ["a capacity of 0", { capacity: 0 }, RangeError],
    ["a capacity with a fraction", { capacity: 1.5 }, RangeError],
    ["a capacity as a text", { capacity: "8" }, TypeError],
    ["a capacity beyond all slots", { capacity: 2 ** 31 }, RangeError],
    ["maxCapacity below capacity", { capacity: 8, maxCapacity: 4 }, RangeError],
    ["maxBytes of 0", { maxBytes: 0 }, RangeError],
    ["maxBytes that are no size", { maxBytes: "many" }, TypeError],
    ["maxBytes as a percentage", { maxBytes: "25%" }, TypeError],
    ["maxBytes as an object", { maxBytes: {} }, TypeError],
    ["null for a policy", { overflow: null }, RangeError],
    ["null for a number", { capacity: null }, TypeError],
    ["null for a time-out", { timeout: null }, TypeError],
    ["an unknown policy", { overflow: "drop" }, RangeError],
    ["resize as its own fallback", { overflow: "resize", fallback: "resize" }, RangeError],
    ["a factor of 1", { resizeFactor: 1 }, RangeError],
    ["a factor as a text", { resizeFactor: "2" }, RangeError],
    ["a negative time-out", { timeout: -1 }, RangeError],
    ["a watermark above 1", { highWatermark: 1.1 }, RangeError],
    ["a low watermark above the high one", { highWatermark: 0.5, lowWatermark: 0.6 }, RangeError],
    ["an unknown codec", { codec: "xml" }, TypeError],
    ["half a codec", { codec: { encode: () => new Uint8Array(0) } }, TypeError],
    ["an unknown delivery", { delivery: "exactly-once" }, RangeError],
    ["what is no budget", { budget: { at: 1 } }, TypeError],
    ["a misspelt option", { capcity: 8 }, TypeError],
    ["what is no object", 8, TypeError],
  ];
  it.each(refused)("with %s are refused before anything is made", (_, options, kind) => {
    const r = Region.createSync({ size: MIB });
    const before = r.heap.u8.slice();
    expect(() => r.ring("ring", options as RingOptions)).toThrow(kind);
    expect(r.heap.u8.every((byte, i) => byte === before[i])).toBe(true);
  });

  it("a name is a text that is not empty", () => {
    const r = Region.createSync({ size: MIB });
    expect(() => r.ring("")).toThrow(RangeError);
    expect(() => r.ring(5 as never)).toThrow(TypeError);
    expect(thrown(() => r.ring("x".repeat(5000))).message).toMatch(
      /1 to 56 bytes in UTF-8, got "x{80}"… \(5000 characters\)/,
    );
  });

  it("of a second opener are those of the ring, or left out", () => {
    const { other, ring } = pair({
      capacity: 8,
      maxCapacity: 16,
      overflow: "block-timeout",
      timeout: 7,
      maxBytes: 100,
    });
    const same: RingOptions = { capacity: 8, maxCapacity: 16, overflow: "block-timeout", timeout: 7, maxBytes: "100B" };
    const theirs = other.ring("ring", same);
    expect([theirs.capacity, theirs.overflow]).toEqual([8, "block-timeout"]);
    const others: RingOptions[] = [
      { capacity: 9, maxCapacity: 16 },
      { maxBytes: 99 },
      { overflow: "block" },
      { timeout: 8 },
      { highWatermark: 0.5 },
      { lowWatermark: 0.1 },
      { delivery: "at-least-once" },
    ];
    for (const options of others) {
      const [option] = Object.keys(options);
      expect(() => other.ring("ring", options), option).toThrow(new RegExp(`another ${option} `));
    }
    // The refusals left it as it was, and its openers in it.
    expect([ring.push("a"), theirs.size]).toEqual([true, 1]);
  });

  it("of another ring of the same thread, opened and refused, leave the first in it", () => {
    const { r, ring } = texts({ capacity: 8 });
    expect(() => r.ring("ring", { capacity: 9 })).toThrow(RangeError);
    expect([ring.push("a"), ring.pop(), ring.isLeft]).toEqual([true, "a", false]);
  });

  it("that need more memory than there is are refused, and nothing stays of them", () => {
    const r = Region.createSync({ size: MIB });
    r.ring("ring").close();
    const whole = largest(r);
    expect(codeOf(() => r.ring("ring", { capacity: 1_000_000 }))).toBe("ERR_MEMORY_LIMIT");
    expectGone(r, whole);
  });
});

describe("memory", () => {
  it.each(["drop-oldest", "drop-newest", "block", "block-timeout", "resize", "error"] as Overflow[])(
    "of a ring with %s is back when it was closed, emptied and left",
    (overflow) => {
      const r = Region.createSync({ size: MIB });
      r.ring("ring").close();
      const whole = largest(r);
      for (let round = 0; round < 3; round++) {
        const ring = r.ring<string>("ring", { codec: "utf8", capacity: 16, overflow, delivery: "at-least-once" });
        for (let i = 0; i < 16; i++) ring.push("x".repeat(i * 300));
        expect(r.usedBytes).toBeGreaterThan(10_000);
        ring.close();
        expect(ring.isLeft).toBe(false);
        ring.drain();
        ring.pop();
        expect(ring.isLeft).toBe(true);
        expectGone(r, whole);
      }
    },
  );

  it("is back when it was closed and left by all, full as it is, with leases in hand", () => {
    const { r, other, ring, theirs } = pair();
    ring.leave();
    theirs.close();
    theirs.leave();
    const whole = largest(r);
    const [a, b] = [r.ring("ring"), other.ring("ring")];
    for (let i = 0; i < 20; i++) a.push(new Uint8Array(1000));
    const leases = [a.take()!, b.take()!, a.reserve(100)!, b.reserve(5000)!];
    b.close();
    a.leave();
    expectSound(r);
    b.leave();
    expectGone(r, whole);
    expect(leases.map((lease) => lease[Symbol.dispose]())).toEqual(leases.map(() => undefined));
    expect(() => leases[2]!.bytes).toThrow(StaleLeaseError);
    expectGone(r, whole);
  });

  it("of the pool is given back by trim, and shrinks by itself with what is queued", () => {
    const { r, ring } = texts({ capacity: 1000 });
    const before = r.usedBytes;
    for (let i = 0; i < 100; i++) ring.push("x".repeat(2000));
    const full = r.usedBytes;
    ring.drain();
    expect([ring.trim(), ring.trim(), r.usedBytes]).toEqual([true, false, before]);
    expect(full).toBeGreaterThan(200_000);
    expect(ring.push("a")).toBe(true);
    for (let i = 0; i < 100; i++) ring.push("x".repeat(2000));
    for (let i = 0; i < 1000; i++) {
      ring.pop();
      if (i < 900) ring.push("y".repeat(2000));
    }
    expectSound(r);
  });

  it("of the pool is what a full hook or a reclaimer gives by trim", () => {
    const { r, ring } = texts();
    const budget = r.budget("budget", { limit: "64KiB" });
    const charged = r.ring("charged", { budget });
    ring.push("x".repeat(30_000));
    charged.push(new Uint8Array(30_000));
    expect([ring.clear(), charged.clear()]).toEqual([1, 1]);
    expect(budget.tryReserve(60_000)).toBe(null);
    budget.registerReclaimer({ name: "charged", reclaim: () => void charged.trim() });
    expect(budget.tryReserve(60_000)?.release()).toBe(true);
    const taken = fillUp(r);
    expect(r.heap.alloc(25_000)).toBe(0);
    r.onFull((bytes) => (ring.trim() ? bytes : 0));
    expect(r.heap.alloc(25_000)).not.toBe(0);
    expect(taken.length).toBeGreaterThan(0);
  });

  it("goes when who closed it takes what is left, all of it at once", () => {
    for (const empty of [(ring: Ring<string>) => ring.drain(), (ring: Ring<string>) => ring.clear()]) {
      const { r, ring } = texts();
      ring.pushMany(["a", "b"]);
      ring.close();
      expect(ring.isLeft).toBe(false);
      empty(ring);
      expect(ring.isLeft).toBe(true);
      expectSound(r, 0);
    }
  });

  it("is the same ring for who comes after it was closed: what is left, then the end; then the name is free", () => {
    const { r, other, ring, theirs } = pair({ capacity: 7 });
    ring.push("old");
    expect([ring.isClosed, ring.close(), ring.isClosed, theirs.isClosed]).toEqual([false, true, true, true]);
    const late = other.ring<string>("ring", { codec: "utf8" });
    expect([late.isClosed, late.capacity, codeOf(() => late.push("new"))]).toEqual([true, 7, "ERR_RING_CLOSED"]);
    expect([late.pop(), late.pop(), late.isLeft, theirs.pop()]).toEqual(["old", undefined, true, undefined]);
    expect(() => r.ring("ring", { capacity: 5 })).toThrow(/has ended, and its name is free .* leave\(\)/);
    ring.leave();
    const fresh = r.ring<string>("ring", { capacity: 5, codec: "utf8" });
    expect([fresh.isClosed, fresh.push("new"), fresh.pop()]).toEqual([false, true, "new"]);
  });
});

describe("two Ring objects of one name in a thread", () => {
  it("are the same ring; each is left for itself, and gives its leases back", () => {
    const { r, ring } = texts();
    const second = r.ring<string>("ring", { codec: "utf8" });
    ring.pushMany(["a", "b"]);
    expect([second.size, second.pop()]).toEqual([2, "a"]);
    const lease = ring.take()!;
    const place = ring.reserve(10)!;
    ring.leave();
    expect([lease.release(), place.abort(), ring.isLeft, second.isLeft]).toEqual([false, false, true, false]);
    expect(thrown(() => place.commit())).toBeInstanceOf(StaleLeaseError);
    expect([second.push("c"), second.pop()]).toEqual([true, "c"]);
    expectCounted(second);
    expectSound(r);
  });

  it("both see the end, also where one has a lease out", () => {
    const r = Region.createSync({ size: MIB });
    r.ring("ring").close();
    const whole = largest(r);
    const [a, b] = [r.ring("ring"), r.ring("ring")];
    a.push(new Uint8Array([1]));
    const lease = a.take()!;
    b.close();
    expect([a.pop(), a.isLeft, b.isLeft]).toEqual([undefined, false, true]);
    expect([...lease.bytes]).toEqual([1]);
    expect([lease.release(), a.isLeft]).toEqual([true, true]);
    expectGone(r, whole);
  });
});

describe("a page lock that is not to be had", () => {
  it("makes leaving take longer, and nothing is forgotten", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const r = Region.createSync({ size: MIB, busyMs: 0 });
    const other = Region.attachSync(r.handle());
    r.ring("ring").close();
    const whole = largest(r);
    const ring = r.ring("ring");
    const words = new Words(r);
    words.lock = other.ownerId;
    ring.close();
    expect([ring.isLeft, ring.push.bind(ring, new Uint8Array(1))].map((x) => typeof x)).toEqual([
      "boolean",
      "function",
    ]);
    vi.advanceTimersByTime(100);
    words.lock = 0;
    expect(r.overheadBytes).toBeGreaterThan(0);
    vi.advanceTimersByTime(10);
    expect(vi.getTimerCount()).toBe(0);
    expectGone(r, whole);
    other.close();
  });

  it("makes opening answer ERR_REGION_BUSY, and nothing is left of that", () => {
    const r = Region.createSync({ size: MIB, busyMs: 0 });
    const other = Region.attachSync(r.handle());
    const budget = r.budget("budget");
    r.ring("ring").close();
    const whole = largest(r);
    const words = new Words(r);
    words.lock = other.ownerId;
    expect(codeOf(() => r.ring("ring", { budget }))).toBe("ERR_REGION_BUSY");
    words.lock = 0;
    // The budget that was to be the ring's could not be closed either: it is empty, and goes with the one above.
    expect(r.ring("ring", { budget }).close()).toBe(true);
    expect(budget.close()).toMatchObject({ leakedBytes: 0 });
    expect(largest(r)).toBeGreaterThan(whole - 20_000);
  });
});

describe("a ring in a budget", () => {
  const inBudget = (limit: number | string, options: RingOptions<string> = {}) => {
    const r = Region.createSync({ size: MIB });
    const budget = r.budget("service", { limit });
    const ring = r.ring<string>("frames", { codec: "utf8", budget, ...options });
    return { r, budget, ring };
  };

  it("charges it what its pool holds, in a child of its own, and gives all back", () => {
    const { r, budget, ring } = inBudget("64KiB");
    ring.pushMany(numbers(0, 100));
    expect(budget.usedBytes).toBeGreaterThan(100);
    expect(budget.child("ring:frames").usedBytes).toBe(budget.usedBytes);
    ring.drain();
    ring.trim();
    expect(budget.usedBytes).toBeLessThan(100);
    ring.close();
    expect([budget.usedBytes, budget.close().children]).toEqual([0, []]);
    expectSound(r);
  });

  it("refuses a record over the limit with the budget's error, and keeps what it has", () => {
    const { budget, ring } = inBudget(4096, { overflow: "drop-newest" });
    ring.push("first");
    const error = thrown(() => ring.push("x".repeat(5000)));
    expect(error).toMatchObject({ code: "ERR_MEMORY_LIMIT_NEVER", budgetPath: "service" });
    const full = thrown(() => {
      for (;;) ring.push("x".repeat(1000));
    });
    expect(full).toMatchObject({ code: "ERR_MEMORY_LIMIT", budgetPath: "service" });
    expect(budget.usedBytes).toBeLessThanOrEqual(4096);
    expect([ring.pop(), ring.size > 0]).toEqual(["first", true]);
    expectCounted(ring);
  });

  it("drops the oldest for the limit with drop-oldest, and never passes it", () => {
    const { budget, ring } = inBudget(8192);
    for (let i = 0; i < 100; i++) {
      expect(ring.push("x".repeat(1000))).toBe(true);
      expect(budget.usedBytes).toBeLessThanOrEqual(8192);
    }
    expect(ring.size).toBeGreaterThan(4);
    expectCounted(ring);
  });

  it("asks the budget's reclaimers before it refuses, and tells of its levels in the push that crosses one", () => {
    const { budget, ring } = inBudget(8192, { overflow: "drop-newest" });
    const levels: number[] = [];
    budget.onLevel([0.5], (level) => levels.push(level));
    const held = budget.tryReserve(6000)!;
    expect(levels).toEqual([1]);
    held.release();
    expect(levels).toEqual([1, 0]);
    ring.push("x".repeat(5000));
    expect(levels).toEqual([1, 0, 1]);
    const more = budget.tryReserve(2500)!;
    budget.registerReclaimer({ name: "more", reclaim: () => void more.release() });
    expect([ring.push("x".repeat(2000)), more.isLive]).toEqual([true, false]);
  });

  it("keeps the budget open while it stands: closing it, or one above, is refused and closes nothing", () => {
    const { r, budget, ring } = inBudget("64KiB");
    const other = Region.attachSync(r.handle());
    const top = r.budget("top");
    const below = top.child("below");
    const second = r.ring("second", { budget: below });
    for (const one of [budget, budget.child("ring:frames"), below, top, other.budget("service")])
      expect(codeOf(() => one.close())).toBe("ERR_BUDGET_IN_USE");
    expect([below.isOpen, ring.push("a"), second.push(new Uint8Array(5))]).toEqual([true, true, true]);
    ring.close();
    expect(codeOf(() => budget.close())).toBe("ERR_BUDGET_IN_USE");
    ring.clear();
    expect(ring.pop()).toBe(undefined);
    budget.close();
    second.close();
    second.leave();
    top.close();
    expectSound(r);
  });

  it("is opened again with the same budget or none, and not with another", () => {
    const { r, budget, ring } = inBudget("64KiB");
    expect(r.ring("frames", { budget }).size).toBe(0);
    expect(r.ring("frames").size).toBe(0);
    const another = r.budget("another");
    expect(() => r.ring("frames", { budget: another })).toThrow(/is there in service\/ring:frames/);
    r.ring("free");
    expect(() => r.ring("free", { budget })).toThrow(/in no budget/);
    expect(another.close().children).toEqual([]);
    expect(ring.push("a")).toBe(true);
  });

  it("has one of its own, also where the name of that is taken already", () => {
    const r = Region.createSync({ size: MIB });
    const budget = r.budget("budget", { limit: "64KiB" });
    const taken = budget.child("ring:frames", { limit: 1000 });
    const ring = r.ring<string>("frames", { codec: "utf8", budget });
    ring.push("new");
    expect([taken.usedBytes, budget.usedBytes > 0, ring.pop()]).toEqual([0, true, "new"]);
    ring.close();
    taken.close();
    expect([budget.usedBytes, budget.close().children]).toEqual([0, []]);
    expectSound(r);
  });
});

describe("metrics", () => {
  it("are the same for all threads, and stay after this one has left", () => {
    const { ring, theirs } = pair({ capacity: 4 });
    ring.pushMany(numbers(0, 6));
    theirs.drain(3);
    const expected = { pushes: 6, pops: 3, droppedOldest: 2, lost: 0, size: 1, highWater: 4, capacity: 4, bytes: 1 };
    expect(ring.metrics()).toMatchObject(expected);
    expect(theirs.metrics()).toEqual(ring.metrics());
    ring.leave();
    theirs.pop();
    expect(ring.metrics()).toMatchObject(expected);
    expect(theirs.metrics()).toMatchObject({ pops: 4, size: 0 });
  });

  it("are never reset: clearing, closing and opening once more only add to them (D58)", () => {
    const { ring, theirs } = pair({ capacity: 4 });
    ring.pushMany(numbers(0, 6));
    const counted = { pushes: 6, droppedOldest: 2, highWater: 4 };
    expect([ring.clear(), ring.metrics()]).toMatchObject([4, { ...counted, pops: 4, size: 0 }]);
    ring.setLimits({ capacity: 2 });
    ring.close();
    expect([ring.isLeft, ring.metrics()]).toMatchObject([true, { ...counted, capacity: 2 }]);
    expect([theirs.pop(), theirs.metrics()]).toMatchObject([undefined, counted]);
  });
});

describe("a ring that was left", () => {
  it("holds nothing, and says so everywhere", () => {
    const { ring } = texts();
    ring.push("a");
    ring.leave();
    ring.leave();
    const ask = (one: Ring<string>): unknown[] => [
      one.size,
      one.bytes,
      one.capacity,
      one.isEmpty,
      one.isFull,
      one.isHigh,
      one.pop(),
      one.popInto(new Uint8Array(8)),
      one.take(),
      one.drain(),
      one.clear(),
      one.close(),
      one.trim(),
    ];
    expect(ask(ring)).toEqual([0, 0, 0, true, false, false, undefined, -1, undefined, [], 0, false, false]);
    for (const act of [() => ring.reserve(1), () => ring.pushMany([]), () => ring.sendSync("a")])
      if (typeof window === "undefined") expect(codeOf(act)).toBe("ERR_RING_CLOSED");
  });
});
