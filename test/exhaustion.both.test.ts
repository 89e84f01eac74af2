// Full hooks, in Node and in a cross-origin isolated page. Goal: when a region is full its hooks are asked in order while they release
// something, may do anything, and whatever they do nothing is lost. Method: regions filled to the brim, hooks that note what they saw.
import { describe, expect, it } from "vitest";
import { type Budget, MemoryLimitExceededError, Region, RegionClosedError, type RegionHandle } from "../src/index.js";
import { KIB, MIB, expectSound, fillUp, region } from "./lib/regions.js";

const attach = (handle: RegionHandle): Region => Region.attachSync(handle);

/** What `act` throws. */
function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("a full hook", () => {
  const full = (): { r: Region; taken: number[] } => {
    const r = region({ size: 128 * KIB });
    return { r, taken: fillUp(r) };
  };
  /** Frees one block; 0 when there is none. */
  const evict = (r: Region, taken: number[]): number => {
    const offset = taken.pop();
    if (offset === undefined) return 0;
    const bytes = r.heap.usableSize(offset);
    return r.heap.free(offset) ? bytes : 0;
  };

  it("is asked while it releases something, for every way to allocate", () => {
    const ways: ((r: Region) => unknown)[] = [
      (r) => r.heap.alloc(30_000),
      (r) => r.heap.allocUnsafe(30_000),
      (r) => r.heap.alloc(3000, { align: 8192 }),
      (r) => r.allocate(30_000).offset,
    ];
    for (const way of ways) {
      const { r, taken } = full();
      const asked: number[] = [];
      r.onFull((bytes) => {
        asked.push(bytes);
        return evict(r, taken);
      });
      expect(way(r)).not.toBe(0);
      expect(asked.length).toBeGreaterThan(0);
      expect(new Set(asked).size).toBe(1);
      expectSound(r);
    }
  });

  it("serves realloc, and the block's bytes are kept", () => {
    const { r, taken } = full();
    evict(r, taken);
    const offset = r.heap.alloc(16);
    r.heap.write(offset, Uint8Array.of(1, 2, 3));
    fillUp(r);
    taken.sort((a, b) => r.heap.usableSize(a) - r.heap.usableSize(b));
    r.onFull(() => evict(r, taken));
    const moved = r.heap.realloc(offset, 5000);
    expect([...r.heap.read(moved, 4)]).toEqual([1, 2, 3, 0]);
    expectSound(r);
  });

  it("comes after those added before it, and only while nothing fits", () => {
    const { r, taken } = full();
    const order: string[] = [];
    r.onFull(() => (order.push("first"), 0));
    r.onFull(() => (order.push("second"), evict(r, taken)));
    r.onFull(() => (order.push("third"), 0));
    expect(r.heap.alloc(16)).not.toBe(0);
    expect(order).toEqual(["first", "second"]);
  });

  it("that releases nothing ends the attempt with 0 or the error, each hook asked once", () => {
    const { r } = full();
    let asked = 0;
    for (const answer of [0, -5, Number.NaN, undefined, "no"]) r.onFull(() => (asked++, answer as number));
    expect(r.heap.alloc(5000)).toBe(0);
    expect(r.heap.lastFailure).toBe("ERR_FULL");
    expect(asked).toBe(5);
    const error = errorOf(() => r.allocate(5000));
    expect(error).toBeInstanceOf(MemoryLimitExceededError);
    expect(error).toMatchObject({
      code: "ERR_MEMORY_LIMIT",
      requested: 5000,
      limit: 128 * KIB,
      available: r.freeBytes,
    });
    expectSound(r);
  });

  it("is not asked when something fits, nor for what can never fit", () => {
    const r = region();
    r.onFull(() => expect.fail("asked"));
    expect(r.heap.alloc(1000)).not.toBe(0);
    expect(r.heap.alloc(MIB)).toBe(0);
    expect(r.heap.alloc(2 ** 40)).toBe(0);
    expect(() => r.allocate(MIB + 1)).toThrow(MemoryLimitExceededError);
  });

  it("that throws ends the allocation with its error, and nothing is lost", () => {
    const { r, taken } = full();
    const used = r.usedBytes;
    const remove = r.onFull(() => {
      throw new Error("from the hook");
    });
    expect(() => r.heap.alloc(100)).toThrow("from the hook");
    expect(() => r.allocate(100)).toThrow("from the hook");
    expect(() => r.heap.realloc(taken.at(-1)!, 50_000)).toThrow("from the hook");
    expectSound(r, used);
    remove();
    r.onFull(() => evict(r, taken));
    expect(r.heap.alloc(100)).not.toBe(0);
  });

  it("may do anything the region can, and gets a plain answer where it is full", () => {
    const { r, taken } = full();
    const seen: unknown[] = [];
    r.onFull(() => {
      seen.push(r.heap.alloc(5000), r.heap.lastFailure);
      expect(() => r.allocate(5000)).toThrow(MemoryLimitExceededError);
      expectSound(r);
      const freed = evict(r, taken);
      const inner = r.heap.alloc(8);
      seen.push(inner !== 0, r.heap.free(inner));
      return freed;
    });
    expect(r.heap.alloc(1)).not.toBe(0);
    expect(seen).toEqual([0, "ERR_FULL", true, true]);
    expectSound(r);
  });

  it("may remove itself and others, and add others, while it runs", () => {
    const { r, taken } = full();
    const order: string[] = [];
    const remove = r.onFull(() => {
      order.push("one");
      remove();
      remove();
      r.onFull(() => (order.push("late"), evict(r, taken)));
      return 0;
    });
    expect(r.heap.alloc(16)).toBe(0);
    expect(r.heap.alloc(16)).not.toBe(0);
    expect(order).toEqual(["one", "late"]);
  });

  it("is a thread's own: another owner's is not asked", () => {
    const { r, taken } = full();
    r.onFull(() => evict(r, taken));
    expect(attach(r.handle()).heap.alloc(16)).toBe(0);
    expect(r.heap.alloc(16)).not.toBe(0);
  });

  it("may be added twice, and each is removed by its own function", () => {
    const { r } = full();
    let asked = 0;
    const hook = (): number => (asked++, 0);
    const removes = [r.onFull(hook), r.onFull(hook)];
    r.heap.alloc(16);
    removes[0]!();
    r.heap.alloc(16);
    removes[1]!();
    r.heap.alloc(16);
    expect(asked).toBe(3);
    for (const wrong of [undefined, null, 5, "f", {}])
      expect(() => r.onFull(wrong as unknown as () => number)).toThrow(TypeError);
  });

  it("that closes the region leads to an error that says so", () => {
    const { r } = full();
    let asked = 0;
    r.onFull(() => {
      if (++asked > 100) throw new Error("asked without end");
      r.close();
      return 1;
    });
    expect(() => r.heap.alloc(16)).toThrow(RegionClosedError);
  });
});

describe("onFull of a full region", () => {
  /** A region in which nothing is free, and whose hook gives back 64 KiB a time. */
  function full() {
    const r = Region.createSync({ size: MIB, maxOwners: 4 });
    const budget = r.budget("service", { limit: "10GiB" });
    const kept: number[] = [];
    for (let offset: number; (offset = r.heap.alloc(64 * KIB)) !== 0;) kept.push(offset);
    for (let bytes = 32 * KIB; bytes >= 8; bytes /= 2) while (r.heap.alloc(bytes) !== 0);
    let asked = 0;
    r.onFull(() => {
      asked++;
      return r.heap.free(kept.pop() ?? 0) ? 64 * KIB : 0;
    });
    return { r, budget, asked: () => asked };
  }

  it("is asked for what a reservation, a budget, a ring and a cache need, too", async () => {
    const uses: ((r: Region, budget: Budget) => unknown)[] = [
      (_, budget) => expect(budget.tryReserve(1)).not.toBeNull(),
      async (_, budget) => expect((await budget.reserve(1, { timeout: 0 })).size).toBe(1),
      (_, budget) => expect(budget.tryReserve(1, "a tag that is new")).not.toBeNull(),
      (r) => {
        for (let i = 0; i < 200; i++) r.budget(`budget ${i}`, { limit: 5 });
      },
      (r) => r.ring("ring", { capacity: 64 }).push(new Uint8Array(9)),
      (r, budget) => r.ring("ring", { capacity: 64, budget }).push(new Uint8Array(9)),
      (r) => r.cache("cache", { maxBytes: 64 * KIB }).set("k", new Uint8Array(9)),
      (r, budget) => r.cache("cache", { maxBytes: 64 * KIB, budget }).set("k", new Uint8Array(9)),
    ];
    for (const use of uses) {
      const { r, budget, asked } = full();
      await use(r, budget);
      expect(asked(), `${use}`).toBeGreaterThan(0);
      expectSound(r);
    }
  });

  it("says the reason where hooks give nothing, and asks them no more than once each", () => {
    const { r, budget } = full();
    for (let i = 0; i < 100; i++) r.heap.alloc(64 * KIB);
    expect(budget.tryReserve(1)).toBeNull();
    expect(() => r.ring("ring")).toThrow(MemoryLimitExceededError);
    expect(() => r.cache("cache", { maxBytes: 64 * KIB })).toThrow(MemoryLimitExceededError);
    expectSound(r);
  });
});
