// Memory of the region that is charged to a budget, in Node and in a cross-origin isolated page: Blocks by what they are granted, raw blocks by the
// slabs and runs that are the budget's. Goal: no limit is passed, nothing that fits is refused, and every byte comes back: by free, by
// the end of its owner, by the closing of its budget. Method: exact states, the walk over every invariant, a seeded mix against a model.
import { describe, expect, it, vi } from "vitest";
import {
  type Block,
  type Budget,
  BudgetClosedError,
  ItemLimitExceededError,
  MemoryLimitExceededError,
  Region,
  StaleBlockError,
} from "../src/index.js";
import { errorOf, pair } from "./budget-scene.js";
import { random } from "./lib/random.js";
import { KIB, MIB, expectSound, isAll, region } from "./lib/regions.js";

const SEED = 20_261_121;

const grantedOf = (r: Region, block: Block): number => r.heap.usableSize(block.offset);

describe("region.allocate with a budget", () => {
  it("charges what is granted to the budget and all above it, and takes it off with the release", () => {
    const r = region({ size: 4 * MIB });
    const service = r.budget("service", { limit: "2MiB" });
    const frames = service.child("frames");
    for (const bytes of [1, 16, 100, 1000, 5000, 100_000]) {
      const block = r.allocate(bytes, { budget: frames });
      const granted = grantedOf(r, block);
      expect([frames.usedBytes, service.usedBytes, frames.stats().items]).toEqual([granted, granted, 1]);
      expect(block.budgetPath).toBe("service/frames");
      expect(isAll(block.bytes, 0)).toBe(true);
      expectSound(r, granted);
      expect([block.release(), block.release(), block.budgetPath]).toEqual([true, false, ""]);
      expect(service.usedBytes).toBe(0);
    }
    expectSound(r, 0);
  });

  it("names the budget that has no room, what is asked for and what is used, and leaves nothing taken", () => {
    const r = region({ size: 4 * MIB });
    const service = r.budget("service", { limit: 10 * KIB });
    const frames = service.child("frames", { maxItems: 3 });
    const held = [r.allocate(4096, { budget: frames }), r.allocate(4096, { budget: frames })];
    expect(errorOf(() => r.allocate(4096, { budget: frames }))).toMatchObject({
      name: "MemoryLimitExceededError",
      code: "ERR_MEMORY_LIMIT",
      budgetPath: "service",
      requested: 4096,
      limit: 10 * KIB,
      current: 8192,
    });
    expect(errorOf(() => r.allocate(20_000, { budget: frames }))).toMatchObject({ code: "ERR_MEMORY_LIMIT_NEVER" });
    held.push(r.allocate(16, { budget: frames }));
    expect(errorOf(() => r.allocate(16, { budget: frames }))).toBeInstanceOf(ItemLimitExceededError);
    expectSound(r, service.usedBytes);
    expect(service.topConsumers()).toEqual([{ tag: "(heap)", bytes: 8208, count: 3 }]);
    for (const block of held) block.release();
    expectSound(r, 0);
  });

  it("resizes in the same budget, or not at all", () => {
    const r = region({ size: 4 * MIB });
    const budget = r.budget("b", { limit: 10 * KIB });
    const block = r.allocate(100, { budget });
    block.bytes.fill(7);
    block.resize(3000);
    expect(budget.usedBytes).toBe(grantedOf(r, block));
    expect([isAll(block.bytes.subarray(0, 100), 7), isAll(block.bytes.subarray(100), 0)]).toEqual([true, true]);
    const before = budget.usedBytes;
    expect(errorOf(() => block.resize(9000))).toBeInstanceOf(MemoryLimitExceededError);
    expect([block.size, budget.usedBytes]).toEqual([3000, before]);
    block.resize(10);
    expect(budget.usedBytes).toBe(grantedOf(r, block));
    block.release();
    expectSound(r, 0);
  });

  it("becomes smaller in a budget that has no room, or is over its limit, and what is left over is there at once", async () => {
    const r = region({ size: 4 * MIB });
    const root = r.budget("root", { limit: 102_400 });
    const budget = root.child("small");
    const block = r.allocate(102_400, { budget });
    block.bytes.fill(7);
    const theirs = Region.attachSync(r.handle());
    const waiting = Promise.all([theirs.budget("root").reserve(40_000), theirs.budget("root").reserve(50_000)]);
    for (const bytes of [60_000, 6000, 600, 60, 6]) {
      block.resize(bytes);
      expect([budget.usedBytes, budget.stats().items, block.budgetPath]).toEqual([
        grantedOf(r, block),
        1,
        "root/small",
      ]);
      expect(isAll(block.bytes, 7)).toBe(true);
      expectSound(r);
    }
    expect(root.usedBytes).toBe(grantedOf(r, block) + 90_000);
    expect((await waiting).map(({ size }) => size)).toEqual([40_000, 50_000]);
    root.setLimit(10);
    const shared = r.allocate(3000, { budget: r.budget("other") }).share();
    block.resize(1);
    shared.resize(100);
    expect([budget.usedBytes, r.budget("other").usedBytes]).toEqual([grantedOf(r, block), grantedOf(r, shared)]);
    theirs.close();
    expect([block.release(), shared.release(), root.usedBytes]).toEqual([true, true, 0]);
    expectSound(r, 0);
  });

  it("stays charged when another thread adopts it, and goes with that one", () => {
    const { r, other } = pair({ size: 4 * MIB });
    const budget = r.budget("b", { limit: MIB });
    const block = r.allocate(1000, { budget });
    const adopted = other.adopt(block.handle());
    expect([budget.usedBytes, block.release(), adopted.budgetPath]).toEqual([grantedOf(r, adopted), false, "b"]);
    other.close();
    expect(budget.usedBytes).toBe(0);
    expectSound(r, 0);
  });

  it("comes back with its owner: 0 bytes charged after the recovery", () => {
    const { r, other } = pair({ size: 4 * MIB });
    const theirs = other.budget("b", { limit: MIB });
    const shared = other.allocate(500, { budget: theirs }).share();
    let bytes = 0;
    for (let size = 1; size < 50_000; size = size * 3 + 1)
      bytes += grantedOf(other, other.allocate(size, { budget: theirs }));
    r.markDead(other.ownerId);
    expect(r.recover(other.ownerId)).toMatchObject({ done: true, blocks: 10, blockBytes: bytes });
    expect(r.budget("b").usedBytes).toBe(grantedOf(r, r.open(shared.handle())));
    expectSound(r, r.budget("b").usedBytes);
  });

  it("is refused in a budget that was closed, that is of another region, or that is none", () => {
    const r = region({ size: 4 * MIB });
    const budget = r.budget("b");
    budget.close();
    expect(errorOf(() => r.allocate(1, { budget }))).toBeInstanceOf(BudgetClosedError);
    expect(errorOf(() => r.heap.alloc(1, { budget }))).toBeInstanceOf(BudgetClosedError);
    const foreign = region().budget("b");
    for (const wrong of [foreign, {}, 1, "b", null] as Budget[]) {
      expect(() => r.allocate(1, { budget: wrong }), String(wrong)).toThrow(TypeError);
      expect(() => r.heap.allocUnsafe(1, { budget: wrong }), String(wrong)).toThrow(TypeError);
    }
    expectSound(r, 0);
  });

  it("lets any number of small budgets share slabs: 1 000 of 64 KiB commit at most 1.15 times what they are charged", () => {
    const r = region({ size: 96 * MIB });
    const { below } = random(SEED);
    const budgets = Array.from({ length: 1000 }, (_, i) => r.budget(`b${i}`, { limit: 64 * KIB }));
    const before = r.committedBytes;
    for (const budget of budgets) {
      for (;;) {
        const bytes = 16 + below(1009);
        if (errorOf2(() => r.allocate(bytes, { budget })) !== undefined) break;
      }
    }
    const charged = budgets.reduce((sum, budget) => sum + budget.usedBytes, 0);
    expect(charged / budgets.length).toBeGreaterThan(63 * KIB);
    expect((r.committedBytes - before) / charged).toBeLessThanOrEqual(1.15);
    expectSound(r, charged);
    for (const budget of budgets) budget.close();
    expectSound(r, 0);
  });
});

/** What `act` throws; undefined for nothing. */
function errorOf2(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("heap.alloc with a budget", () => {
  it("takes slabs and runs of the budget's own, and free finds it without being told", () => {
    const { r, other } = pair({ size: 4 * MIB });
    const service = r.budget("service", { limit: "2MiB" });
    const budget = service.child("job");
    const offsets = [1, 64, 1000, 8192, 8193, 100_000].map((bytes) => r.heap.alloc(bytes, { budget }));
    expect(offsets.every((offset) => offset > 0)).toBe(true);
    expect(budget.usedBytes % KIB).toBe(0);
    expect(service.usedBytes).toBe(budget.usedBytes);
    for (const offset of offsets) {
      expect(isAll(r.heap.view(offset), 0)).toBe(true);
      expect([other.heap.free(offset), r.heap.free(offset)]).toEqual([true, false]);
    }
    // What is left is one empty slab of a size, which goes when somebody wants the room.
    expect(service.tryReserve(2 * MIB)?.release()).toBe(true);
    expect(budget.usedBytes).toBe(0);
    expectSound(r, 0);
  });

  it("fills 100 KiB with at least 96 blocks of 1 KiB, and says that a budget has no room", () => {
    const r = region({ size: 4 * MIB });
    const budget = r.budget("b", { limit: "100KiB" });
    const options = { budget };
    let count = 0;
    while (r.heap.allocUnsafe(1024, options) !== 0) count++;
    expect(count).toBeGreaterThanOrEqual(96);
    expect([r.heap.lastFailure, budget.usedBytes]).toEqual(["ERR_MEMORY_LIMIT", count * KIB]);
    expect(budget.close()).toMatchObject({ leaked: count, leakedBytes: count * KIB });
    expectSound(r, 0);
  });

  it("aligns, reallocates in its budget, and says in which budget a block lies", () => {
    const r = region({ size: 4 * MIB });
    const budget = r.budget("b", { limit: "64KiB" });
    const offset = r.heap.alloc(100, { budget, align: 4096 });
    expect(offset % 4096).toBe(0);
    r.heap.view(offset, 100).fill(9);
    const moved = r.heap.realloc(offset, 20_000);
    expect(isAll(r.heap.view(moved, 100), 9)).toBe(true);
    expect(budget.usedBytes).toBe(20_480);
    expect(r.heap.realloc(moved, 80_000)).toBe(0);
    expect(r.heap.lastFailure).toBe("ERR_MEMORY_LIMIT");
    expect(r.heap.free(moved)).toBe(true);
    expectSound(r, 0);
  });

  it("looks at the options again when they say something else", () => {
    const r = region({ size: 4 * MIB });
    const [one, two] = [r.budget("one"), r.budget("two")];
    const options: { budget?: Budget; align?: number } = { budget: one };
    const first = r.heap.allocUnsafe(64, options);
    expect(one.usedBytes).toBeGreaterThan(0);
    options.budget = two;
    const second = r.heap.allocUnsafe(64, options);
    expect(two.usedBytes).toBeGreaterThan(0);
    options.align = 65_536;
    const third = r.heap.allocUnsafe(64, options);
    expect(third % 65_536).toBe(0);
    delete options.budget;
    delete options.align;
    const used = [one.usedBytes, two.usedBytes];
    const fourth = r.heap.allocUnsafe(64, options);
    expect([one.usedBytes, two.usedBytes]).toEqual(used);
    for (const bytes of [0, -1, 1.5, NaN, 2 ** 32 + 5, "64" as unknown as number])
      expect(() => r.heap.allocUnsafe(bytes, { budget: one }) === 0 && expect.fail(String(bytes))).toThrow();
    for (const offset of [first, second, third, fourth]) expect(r.heap.free(offset)).toBe(true);
    expect(() => r.heap.alloc(1, { budget: one, aling: 8 } as never)).toThrow(/unknown option "aling"/);
    expectSound(r, 0);
  });

  it("runs this thread's reclaimers before it says 0, and tells of the levels it crosses, in the same call", () => {
    const r = region({ size: 4 * MIB });
    const budget = r.budget("b", { limit: "64KiB" });
    const options = { budget };
    const held: number[] = [];
    const levels: number[] = [];
    budget.onLevel([0.5, 0.9], (level) => levels.push(level));
    budget.registerReclaimer({ name: "oldest", reclaim: () => void r.heap.free(held.shift() ?? 0) });
    for (let i = 0; i < 40; i++) {
      const offset = r.heap.allocUnsafe(8000, options);
      expect(offset, `allocation ${i}`).toBeGreaterThan(0);
      held.push(offset);
      if (i === 4) expect(levels.at(-1)).toBe(1);
    }
    expect(levels).toContain(2);
    expect(budget.reclaimerStats()[0]?.reclaimedBytes).toBeGreaterThan(0);
    for (const offset of held) r.heap.free(offset);
    expect(levels.at(-1)).toBe(0);
    expectSound(r, 0);
  });

  it("asks the full hooks when the region is what is full, and says ERR_FULL", () => {
    const r = region({ size: MIB });
    const budget = r.budget("b");
    const hook = vi.fn(() => 0);
    r.onFull(hook);
    expect(r.heap.alloc(2 * MIB, { budget })).toBe(0);
    expect([hook.mock.calls.length, r.heap.lastFailure]).toEqual([0, "ERR_TOO_LARGE"]);
    while (r.heap.alloc(10_000, { budget }) !== 0) continue;
    expect([hook.mock.calls.length, r.heap.lastFailure]).toEqual([1, "ERR_FULL"]);
    budget.close();
    expectSound(r, 0);
  });
});

describe("a seeded mix of Blocks, raw blocks and reservations in a tree of budgets", () => {
  it("keeps every limit and every byte, whoever allocates and whatever is closed in between", () => {
    const { r, other } = pair({ size: 8 * MIB });
    const { below, pick, size } = random(SEED);
    const root = r.budget("root", { limit: 3 * MIB });
    const names = ["a", "b", "c", "d"];
    const open = (): Budget[] => names.map((name) => root.child(name, { limit: 1 * MIB }));
    let budgets = open();
    let held: { release(): unknown; budget: Budget }[] = [];
    for (let step = 0; step < 20_000; step++) {
      const by = pick([r, other]);
      const budget = by === r ? pick(budgets) : other.budget("root").child(pick(names));
      const bytes = size(1, 40_000);
      const what = below(1000) / 1000;
      if (what < 0.25) {
        const offset = by.heap.allocUnsafe(bytes, { budget });
        if (offset !== 0) held.push({ release: () => pick([r, other]).heap.free(offset), budget });
      } else if (what < 0.4) {
        try {
          const block = by.allocate(bytes, { budget });
          held.push({ release: () => block.release(), budget });
        } catch (error) {
          expect(error).toBeInstanceOf(MemoryLimitExceededError);
        }
      } else if (what < 0.5) {
        const reservation = budget.tryReserve(bytes);
        if (reservation) held.push({ release: () => reservation.release(), budget });
      } else if (what < 0.999) {
        const [gone] = held.splice(below(held.length), 1);
        if (gone) expect(gone.release(), `seed ${SEED}, step ${step}`).toBe(true);
      } else {
        const closed = pick(budgets);
        closed.close();
        held = held.filter((entry) => entry.budget.path !== closed.path);
        budgets = open();
      }
      expect(root.usedBytes).toBeLessThanOrEqual(3 * MIB);
      if (step % 500 === 0) expect(r.check(), `seed ${SEED}, step ${step}`).toMatchObject({ ok: true, problems: [] });
    }
    for (const { release } of held) expect(release()).toBe(true);
    root.close();
    expectSound(r, 0);
  });
});

describe("what is stale", () => {
  it("is a Block whose budget was closed", () => {
    const r = region({ size: 4 * MIB });
    const budget = r.budget("b");
    const block = r.allocate(100, { budget });
    expect(budget.close()).toMatchObject({
      leaked: 1,
      leakedBytes: 104,
      consumers: [{ tag: "(heap)", bytes: 104, count: 1 }],
    });
    expect(block.isLive).toBe(false);
    expect(() => block.bytes).toThrow(StaleBlockError);
    expect(block.release()).toBe(false);
    expectSound(r, 0);
  });
});
