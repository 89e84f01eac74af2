// Blocks through their public face, in Node and in a cross-origin isolated page. Goal: a Block has one holder, a stale handle is
// refused for ever, and a Block goes with its owner. Method: exact states on fresh regions; all sizes of the size classes.
import { describe, expect, it } from "vitest";
import {
  type Block,
  type BlockHandle,
  MemoryLimitExceededError,
  Region,
  RegionClosedError,
  StaleBlockError,
} from "../src/index.js";
import { random, shuffle } from "./lib/random.js";
import { KIB, MIB, expectSound, fillUp, isAll, opens, region, releases } from "./lib/regions.js";

const SEED = 20_260_102;

const expectStale = (block: Block): void => {
  expect(block.isLive).toBe(false);
  for (const use of [() => block.bytes, () => block.offset, () => block.handle(), () => block.resize(10)]) {
    expect(use).toThrow(StaleBlockError);
  }
  expect(block.release()).toBe(false);
};

describe("allocate", () => {
  it("gives zeroed bytes of the size asked for, for every size of the size classes", () => {
    const r = region();
    const dirty = fillUp(r);
    for (const offset of dirty) r.heap.view(offset).fill(0xff);
    for (const offset of dirty) r.heap.free(offset);
    for (let bytes = 1; bytes <= 8200; bytes++) {
      const block = r.allocate(bytes);
      if (block.size !== bytes || block.bytes.length !== bytes || block.offset % 8 !== 0) expect.fail(`size ${bytes}`);
      if (!isAll(block.bytes, 0)) expect.fail(`size ${bytes} is not zero`);
      block.bytes.fill(0xff);
      if (!block.release()) expect.fail(`size ${bytes} was not released`);
    }
    expectSound(r, 0);
  });

  it("wastes at most an eighth of a granted block from 64 bytes up", () => {
    const r = region();
    for (let bytes = 64; bytes < 100_000; bytes += bytes < 8200 ? 1 : 97) {
      const block = r.allocate(bytes);
      const usable = r.heap.usableSize(block.offset);
      if (usable < bytes || (usable - bytes) / usable > 0.125) expect.fail(`${bytes} bytes are granted ${usable}`);
      block.release();
    }
  });

  it("grants a Block that is aligned what it would grant a raw block, zeroed to its end", () => {
    const r = region();
    for (let align = 1; align <= 4096; align *= 2) {
      for (const bytes of [1, 40, 64, 100, 600, 1000, 5000, 9000]) {
        const raw = r.heap.allocUnsafe(bytes, { align });
        const usable = r.heap.usableSize(raw);
        r.heap.view(raw).fill(0xff);
        r.heap.free(raw);
        const budget = r.budget("aligned", { limit: 100_000 });
        const block = r.allocate(bytes, { align, budget });
        expect([block.offset % align, r.heap.usableSize(block.offset)], `${bytes} at ${align}`).toEqual([0, usable]);
        expect(budget.usedBytes).toBe(usable);
        expect(isAll(r.heap.view(block.offset), 0)).toBe(true);
        block.release();
        budget.close();
      }
    }
    expectSound(r, 0);
  });

  it("aligns to every power of two up to 1 MiB", () => {
    const r = region({ size: 16 * MIB });
    for (let align = 1; align <= MIB; align *= 2) {
      for (const bytes of [1, 100, 5000, 100_000]) {
        const block = r.allocate(bytes, { align });
        expect(block.offset % align).toBe(0);
        expect(isAll(block.bytes, 0)).toBe(true);
        block.bytes.fill(0xff);
        block.release();
      }
    }
    expectSound(r, 0);
  });

  it("throws what it knew when nothing fits, and nothing was taken", () => {
    const r = region({ size: 128 * KIB, name: "small" });
    fillUp(r);
    const used = r.usedBytes;
    for (const bytes of [1, 8192, 8193, 128 * KIB, 2 ** 31, 2 ** 32, 2 ** 32 + 16, Number.MAX_SAFE_INTEGER]) {
      let error: unknown;
      try {
        r.allocate(bytes);
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(MemoryLimitExceededError);
      expect(error).toMatchObject({
        requested: bytes,
        limit: 128 * KIB,
        budgetPath: "small",
        code: "ERR_MEMORY_LIMIT",
      });
    }
    expectSound(r, used);
  });

  it.each([[0], [-1], [1.5], [Number.NaN], [Infinity], [2 ** 53]])("refuses the size %d", (bytes) => {
    expect(() => region().allocate(bytes)).toThrow(RangeError);
  });

  it("fills the region and gives all of it back", () => {
    const r = region({ size: 256 * KIB });
    const by = random(SEED);
    for (let round = 0; round < 3; round++) {
      const blocks: Block[] = [];
      for (let misses = 0; misses < 20;) {
        try {
          blocks.push(r.allocate(by.size(1, 20_000)));
        } catch {
          misses++;
        }
      }
      expectSound(r);
      const spans = blocks.map(({ offset, size }) => [offset, offset + size] as const).sort((a, b) => a[0] - b[0]);
      for (let i = 1; i < spans.length; i++) expect(spans[i]![0]).toBeGreaterThanOrEqual(spans[i - 1]![1]);
      for (const block of shuffle(blocks, by)) expect(block.release()).toBe(true);
      const all = r.heap.alloc(region({ size: 256 * KIB }).stats().largestFreeBytes);
      expect(all).not.toBe(0);
      r.heap.free(all);
    }
    expectSound(r, 0);
  });
});

describe("a Block", () => {
  it.each([[16], [1000], [8192], [8193], [100_000]])("of %i bytes is released once", (bytes) => {
    const r = region();
    const block = r.allocate(bytes);
    expect(block.isLive).toBe(true);
    expect(block.release()).toBe(true);
    expectStale(block);
    expectSound(r, 0);
  });

  it.each([[16], [1000], [8192], [8193], [100_000]])(
    "of %i bytes stays stale when its place is given out again",
    (bytes) => {
      const r = region();
      const first = r.allocate(bytes);
      const { offset } = first;
      first.release();
      const later: Block[] = [];
      while (!later.some((block) => block.offset === offset)) later.push(r.allocate(bytes));
      expectStale(first);
      expect(later.every((block) => block.isLive)).toBe(true);
      expectSound(r);
    },
  );

  it("is no raw block: free and realloc refuse its offset", () => {
    const r = region();
    for (const bytes of [16, 8192, 8193, 100_000]) {
      const block = r.allocate(bytes);
      expect(r.heap.free(block.offset)).toBe(false);
      expect(() => r.heap.realloc(block.offset, 500)).toThrow(RangeError);
      expect(block.isLive).toBe(true);
    }
  });

  it("is released at the end of a using declaration, also when it was released before", () => {
    const r = region();
    let kept: Block;
    {
      using block = r.allocate(100);
      using other = r.allocate(9000);
      kept = block;
      other.release();
      block.bytes[0] = 1;
    }
    expectStale(kept);
    expectSound(r, 0);
  });

  it("keeps its bytes and its size, and knows them of the region's views", () => {
    const r = region();
    const block = r.allocate(100);
    block.bytes.set([1, 2, 3]);
    expect([...r.heap.u8.subarray(block.offset, block.offset + 3)]).toEqual([1, 2, 3]);
    expect(block.bytes.buffer).toBe(r.heap.u8.buffer);
    block.release();
    expect(block.size).toBe(100);
  });

  it("is nothing to who has left, though it was looked at last and lives on", () => {
    const r = region();
    const guest = Region.attachSync(r.handle());
    const block = r.allocate(100);
    const opened = guest.open(block.handle());
    expect([opened.isLive, block.isLive]).toEqual([true, true]);
    guest.close();
    expect([opened.isLive, opened.release(), block.isLive]).toEqual([false, false, true]);
    expect(() => opened.bytes).toThrow(StaleBlockError);
    expect(block.release()).toBe(true);
    expectSound(r, 0);
  });

  it("does not outlive its region", () => {
    const r = region();
    const block = r.allocate(100);
    r.close();
    expectStale(block);
    expect(() => r.allocate(100)).toThrow(RegionClosedError);
  });
});

describe("resize", () => {
  const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 13 + 5) & 0xff);

  it("keeps the bytes and zeroes what is new, from every size to every size", () => {
    const r = region();
    const sizes = [1, 16, 100, 104, 1000, 8192, 8193, 9000, 40_000];
    for (const from of sizes) {
      for (const to of sizes) {
        const dirty = r.heap.alloc(200_000);
        r.heap.view(dirty).fill(0xff);
        r.heap.free(dirty);
        const block = r.allocate(from);
        block.bytes.set(pattern(from));
        block.resize(to);
        expect(block.size).toBe(to);
        const kept = Math.min(from, to);
        expect([...block.bytes.subarray(0, kept)]).toEqual([...pattern(kept)]);
        if (!isAll(block.bytes.subarray(kept), 0)) expect.fail(`${from} → ${to}: not zero`);
        block.resize(from);
        if (!isAll(block.bytes.subarray(kept), 0)) expect.fail(`${from} → ${to} → ${from}: not zero`);
        expect(block.release()).toBe(true);
      }
    }
    expectSound(r, 0);
  });

  it("makes earlier handles stale when it moves the block, and never loses it", () => {
    const r = region();
    const block = r.allocate(100);
    const other = r.open(block.handle());
    block.resize(50_000);
    expectStale(other);
    expect(block.isLive).toBe(true);
    expect(r.stats().blocks).toBe(1);
  });

  it("that does not fit leaves the block untouched", () => {
    const r = region({ size: 128 * KIB });
    const block = r.allocate(3000);
    block.bytes.set(pattern(3000));
    fillUp(r);
    const used = r.usedBytes;
    for (const bytes of [10_000, 128 * KIB, 2 ** 33])
      expect(() => block.resize(bytes)).toThrow(MemoryLimitExceededError);
    for (const bytes of [0, -1, 1.5, Number.NaN, Infinity]) expect(() => block.resize(bytes)).toThrow(RangeError);
    expect(() => block.resize("5" as unknown as number)).toThrow(TypeError);
    expect(block.size).toBe(3000);
    expect([...block.bytes]).toEqual([...pattern(3000)]);
    expectSound(r, used);
  });

  it("always shrinks, in a full region too", () => {
    const r = region({ size: 128 * KIB });
    const blocks = [3000, 9000, 40_000].map((bytes) => r.allocate(bytes));
    fillUp(r);
    for (const block of blocks) {
      block.bytes.set(pattern(10));
      block.resize(10);
      expect(block.size).toBe(10);
      expect([...block.bytes]).toEqual([...pattern(10)]);
    }
    expectSound(r);
  });

  it("keeps the alignment the block was asked with", () => {
    const r = region();
    const block = r.allocate(100, { align: 65_536 });
    block.resize(5000);
    expect(block.offset % 65_536).toBe(0);
  });

  it("asks the full hooks, and a hook that releases the block itself gets no second block back", () => {
    const r = region({ size: 128 * KIB });
    const taken = [r.allocate(60_000)];
    const block = r.allocate(1000);
    fillUp(r);
    r.onFull(() => (taken.pop()?.release() ? 60_000 : 0));
    block.resize(20_000);
    expect(block.size).toBe(20_000);
    const other = r.allocate(20_000);
    fillUp(r);
    const used = r.usedBytes;
    r.onFull(() => (other.release() && block.release() ? 40_960 : 0));
    expect(() => block.resize(20_481)).toThrow();
    expectStale(block);
    expectSound(r);
    expect(r.usedBytes).toBeLessThan(used);
  });
});

describe("handle and open", () => {
  it("name the same block for another owner; whoever releases first, releases", () => {
    const r = region();
    const other = Region.attachSync(r.handle());
    for (const bytes of [100, 20_000]) {
      const mine = r.allocate(bytes);
      const theirs = other.open(structuredClone(mine.handle()));
      expect([theirs.isLive, theirs.size, theirs.offset]).toEqual([true, bytes, mine.offset]);
      theirs.bytes[0] = 42;
      expect(mine.bytes[0]).toBe(42);
      expect(theirs.release()).toBe(true);
      expectStale(mine);
      expectStale(theirs);
    }
    expectSound(r, 0);
  });

  it("leave the block its first owner's: it goes when that one leaves, not when another does", () => {
    const r = region();
    const owner = Region.attachSync(r.handle());
    const guest = Region.attachSync(r.handle());
    const block = owner.allocate(100);
    const seen = guest.open(block.handle());
    guest.close();
    expect(block.isLive).toBe(true);
    expect(seen.release()).toBe(false);
    const again = r.open(block.handle());
    owner.close();
    expectStale(again);
    expectSound(r, 0);
  });

  it("give nothing to a later owner of the same slot", () => {
    const r = region({ maxOwners: 2 });
    const first = Region.attachSync(r.handle());
    const stale = first.allocate(100).handle();
    first.close();
    const second = Region.attachSync(r.handle());
    expect(second.ownerId & 0xff).toBe(first.ownerId & 0xff);
    const fresh = second.allocate(100);
    expect(fresh.offset).toBe(stale.offset);
    expect([opens(second, stale), releases(second, stale)]).toEqual([false, false]);
    expect(fresh.isLive).toBe(true);
  });

  it("refuse what is no handle", () => {
    const r = region();
    const good = r.allocate(100).handle();
    const wrong: unknown[] = [
      undefined,
      null,
      5,
      {},
      { ...good, claim: undefined },
      { ...good, claim: [] },
      { ...good, claim: [1] },
      { ...good, claim: [1.5, 2] },
      { ...good, offset: "8" },
      { ...good, offset: Number.NaN },
      { ...good, size: undefined },
    ];
    for (const handle of wrong) expect(() => r.open(handle as BlockHandle)).toThrow(TypeError);
  });

  it("never lead beyond the block, whatever size a handle claims", () => {
    const r = region();
    const block = r.allocate(100);
    const usable = r.heap.usableSize(block.offset);
    for (const size of [usable + 1, 50_000, MIB, 2 ** 32, -1, 0]) {
      let length = 0;
      try {
        length = r.open({ ...block.handle(), size }).bytes.length;
      } catch {
        // Refused: right.
      }
      expect(length).toBeLessThanOrEqual(usable);
    }
  });

  it("mean one block only: a handle that is off by 2^32 names none", () => {
    const r = region();
    const block = r.allocate(100);
    const { offset, size, claim } = block.handle();
    const forged: BlockHandle[] = [
      { offset: offset + 2 ** 32, size, claim },
      { offset: offset - 2 ** 32, size, claim },
      { offset, size, claim: [claim[0] + 2 ** 32, claim[1]] },
      { offset, size, claim: [claim[0], claim[1] - 2 ** 32] },
    ];
    for (const handle of forged) {
      expect(opens(r, handle)).toBe(false);
      expect(releases(r, handle)).toBe(false);
    }
    expect(block.isLive).toBe(true);
  });
});
