// The raw heap through its public face, in Node and in a cross-origin isolated page. Goal: every documented answer of every method.
// Method: exact states on fresh regions; small domains (all sizes of the size classes, all alignments) exhaustively.
import { describe, expect, it } from "vitest";
import { random, shuffle } from "./lib/random.js";
import { KIB, MIB, expectSound, fillUp, isAll, region } from "./lib/regions.js";

const SMALL_MAX = 8192;
const SEED = 20_260_101;

describe("alloc", () => {
  it("gives at least what was asked for, for every size of the size classes", () => {
    const r = region();
    for (let bytes = 1; bytes <= SMALL_MAX; bytes++) {
      const offset = r.heap.alloc(bytes);
      if (offset === 0 || r.heap.usableSize(offset) < bytes || offset % 8 !== 0)
        expect.fail(`size ${bytes}: ${offset}`);
      if (!r.heap.free(offset)) expect.fail(`size ${bytes} was not freed`);
    }
    expectSound(r, 0);
  });

  it("wastes at most an eighth of a granted block from 64 bytes up", () => {
    const r = region({ size: 4 * MIB });
    const by = random(SEED);
    const sizes = Array.from({ length: SMALL_MAX - 63 }, (_, i) => 64 + i);
    for (let bytes = SMALL_MAX + 1; bytes < MIB; bytes += 1 + by.below(900)) sizes.push(bytes);
    for (const bytes of sizes) {
      const offset = r.heap.allocUnsafe(bytes);
      const usable = r.heap.usableSize(offset);
      if (usable < bytes || (usable - bytes) / usable > 0.125) expect.fail(`${bytes} bytes are granted ${usable}`);
      r.heap.free(offset);
    }
  });

  it("has 63 block sizes up to 8 KiB, then whole kibibytes", () => {
    const r = region();
    const sizes = new Set<number>();
    for (let bytes = 1; bytes <= SMALL_MAX; bytes++) {
      const offset = r.heap.allocUnsafe(bytes);
      sizes.add(r.heap.usableSize(offset));
      r.heap.free(offset);
    }
    expect(sizes.size).toBe(63);
    expect(Math.max(...sizes)).toBe(SMALL_MAX);
    for (const [bytes, granted] of [
      [8193, 9216],
      [9216, 9216],
      [9217, 10_240],
      [100_000, 100_352],
    ] as const) {
      expect(r.heap.usableSize(r.heap.allocUnsafe(bytes))).toBe(granted);
    }
  });

  it("reads zero over the whole usable size, where dirty blocks of all sizes lay before", () => {
    const r = region({ size: 256 * KIB });
    const by = random(SEED);
    for (let round = 0; round < 4; round++) {
      const dirty = fillUp(r);
      for (const offset of dirty) r.heap.view(offset).fill(0xff);
      for (const offset of shuffle(dirty, by)) r.heap.free(offset);
      const taken: number[] = [];
      for (let misses = 0; misses < 40;) {
        const bytes = by.size(1, 40_000);
        const offset = by.below(4) === 0 ? r.heap.alloc(bytes, { align: 2 ** by.below(13) }) : r.heap.alloc(bytes);
        if (offset === 0) misses++;
        else if (isAll(r.heap.view(offset), 0)) taken.push(offset);
        else expect.fail(`${bytes} bytes are not zero, seed ${SEED}, round ${round}`);
      }
      for (const offset of taken) r.heap.view(offset).fill(0xee);
      for (const offset of shuffle(taken, by)) r.heap.free(offset);
    }
    expectSound(r, 0);
  });

  it("never gives out offset 0 or anything inside the tables", () => {
    const r = region({ size: 128 * KIB });
    const tables = r.overheadBytes;
    for (const offset of fillUp(r)) {
      expect(offset).toBeGreaterThanOrEqual(tables);
      expect(offset + r.heap.usableSize(offset)).toBeLessThanOrEqual(r.capacityBytes);
    }
  });

  it("gives no byte to two blocks", () => {
    const r = region({ size: 256 * KIB });
    const taken = fillUp(r).sort((a, b) => a - b);
    taken.forEach((offset, i) => {
      const next = taken[i + 1] ?? r.capacityBytes;
      if (offset + r.heap.usableSize(offset) > next) expect.fail(`the block at ${offset} reaches into ${next}`);
    });
    expectSound(r);
  });

  it("aligns to every power of two up to 1 MiB, small and large blocks", () => {
    const r = region({ size: 32 * MIB });
    for (let align = 1; align <= MIB; align *= 2) {
      const taken = [1, 24, 100, 1000, 5000, 8192, 8193, 100_000].map((bytes) => {
        const offset = r.heap.alloc(bytes, { align });
        expect(offset).not.toBe(0);
        expect(offset % align).toBe(0);
        expect(r.heap.usableSize(offset)).toBeGreaterThanOrEqual(bytes);
        const unsafe = r.heap.allocUnsafe(bytes, { align });
        expect(unsafe).not.toBe(0);
        expect(unsafe % align).toBe(0);
        return [offset, unsafe];
      });
      expectSound(r);
      for (const offset of taken.flat()) expect(r.heap.free(offset)).toBe(true);
    }
    expectSound(r, 0);
  });

  it("aligns in a full region where an aligned block is what is left", () => {
    const r = region();
    const aligned = r.heap.alloc(4096, { align: 65_536 });
    fillUp(r);
    expect(r.heap.alloc(4096, { align: 65_536 })).toBe(0);
    r.heap.free(aligned);
    expect(r.heap.alloc(4096, { align: 65_536 })).toBe(aligned);
  });

  it.each([[3], [0], [-8], [1.5], [2 * MIB], [2 ** 32], [Number.NaN], [Infinity]])(
    "refuses the alignment %d",
    (align) => {
      const r = region();
      expect(() => r.heap.alloc(8, { align })).toThrow(RangeError);
      expect(() => r.heap.allocUnsafe(8, { align })).toThrow(RangeError);
      expect(() => r.allocate(8, { align })).toThrow(RangeError);
      expectSound(r, 0);
    },
  );

  it("takes only own, known options", () => {
    const r = region();
    expect(() => r.heap.alloc(8, { aling: 64 } as object)).toThrow(/unknown option "aling"/);
    expect(() => r.heap.alloc(8, JSON.parse('{"__proto__":{"align":64}}') as object)).toThrow(
      /unknown option "__proto__"/,
    );
    expect(() => r.heap.alloc(8, { align: "64" } as unknown as object)).toThrow(TypeError);
    expect(() => r.heap.alloc(8, null as unknown as object)).toThrow(TypeError);
    expect(() => r.heap.alloc(8, 64 as unknown as object)).toThrow(TypeError);
    const inherited = Object.create({ align: 3, aling: 5 }) as object;
    expect(r.heap.alloc(8, inherited)).not.toBe(0);
    expect(r.heap.alloc(8, {})).not.toBe(0);
    expect(r.heap.alloc(8, { align: undefined } as object)).not.toBe(0);
  });
});

describe("a full heap", () => {
  it("answers 0 and says why, and works on", () => {
    const r = region({ size: 128 * KIB });
    const taken = fillUp(r);
    for (const bytes of [1, 100, 8192, 8193, 50_000]) {
      expect(r.heap.alloc(bytes)).toBe(0);
      expect(r.heap.lastFailure).toBe("ERR_FULL");
      expect(r.heap.allocUnsafe(bytes)).toBe(0);
      expect(r.heap.alloc(bytes, { align: 4096 })).toBe(0);
      expect(r.heap.lastFailure).toBe("ERR_FULL");
    }
    expectSound(r);
    for (const offset of taken) expect(r.heap.free(offset)).toBe(true);
    expect(r.heap.alloc(100)).not.toBe(0);
  });

  it("says that a request beyond the region is too large, not that it is full", () => {
    const r = region();
    for (const bytes of [
      r.capacityBytes,
      r.capacityBytes + 1,
      2 ** 31 - 1,
      2 ** 31,
      2 ** 32,
      2 ** 32 + 1,
      2 ** 53 - 1,
    ]) {
      expect(r.heap.alloc(bytes)).toBe(0);
      expect(r.heap.lastFailure).toBe("ERR_TOO_LARGE");
      expect(r.heap.alloc(bytes, { align: 64 })).toBe(0);
      expect(r.heap.lastFailure).toBe("ERR_TOO_LARGE");
    }
    fillUp(r);
    expect(r.heap.alloc(16)).toBe(0);
    expect(r.heap.lastFailure).toBe("ERR_FULL");
  });

  it.each([[128 * KIB], [MIB], [5 * MIB]])("of %i bytes is one block again after everything was freed", (size) => {
    const r = region({ size });
    const { largestFreeBytes: whole } = r.stats();
    expect(whole).toBe(r.freeBytes);
    const by = random(SEED + size);
    for (let round = 0; round < 5; round++) {
      const taken: number[] = [];
      for (let misses = 0; misses < 30;) {
        const offset = r.heap.allocUnsafe(by.size(1, round % 2 ? 300 : 30_000));
        if (offset === 0) misses++;
        else taken.push(offset);
      }
      for (const offset of shuffle(taken, by)) if (!r.heap.free(offset)) expect.fail(`seed ${SEED + size}`);
      const all = r.heap.alloc(whole);
      expect(all).not.toBe(0);
      expect(r.heap.usableSize(all)).toBe(whole);
      expect(r.freeBytes).toBe(0);
      expectSound(r, whole);
      expect(r.heap.free(all)).toBe(true);
    }
    expectSound(r, 0);
  });

  it("in a region of nearly 4 GiB is one raw block of all that was free", () => {
    const r = region({ size: 2 ** 32 - 65_536, maxOwners: 1 });
    const { largestFreeBytes: whole } = r.stats();
    const offset = r.heap.allocUnsafe(whole);
    expect(offset).not.toBe(0);
    expect(r.heap.usableSize(offset)).toBe(whole);
    expectSound(r, whole);
  });
});

describe("free", () => {
  it("is true once, then false", () => {
    const r = region();
    for (const bytes of [1, 64, 1000, 8192, 8193, 200_000]) {
      const offset = r.heap.alloc(bytes);
      expect(r.heap.free(offset)).toBe(true);
      expect(r.heap.free(offset)).toBe(false);
    }
    expectSound(r, 0);
  });

  it("refuses what is inside a block", () => {
    const r = region();
    for (const bytes of [16, 24, 1000, 4096, 8192, 8193, 100_000]) {
      const offset = r.heap.alloc(bytes);
      for (let inside = offset + 1; inside < offset + bytes; inside += bytes > 9000 ? 256 : 1) {
        if (r.heap.free(inside) || r.heap.isLive(inside)) expect.fail(`${inside} is inside the block at ${offset}`);
      }
      expect(r.heap.isLive(offset)).toBe(true);
    }
    expectSound(r);
  });
});

describe("usableSize and isLive", () => {
  it("know exactly the live blocks among all offsets of the region", () => {
    const r = region({ size: 128 * KIB });
    const by = random(SEED);
    const taken = fillUp(r);
    const live = new Set(shuffle(taken, by).slice(0, taken.length / 2));
    for (const offset of taken) if (!live.has(offset)) r.heap.free(offset);
    for (let offset = 0; offset < r.capacityBytes + 100; offset++) {
      if (r.heap.isLive(offset) !== live.has(offset)) expect.fail(`offset ${offset}`);
      if ((r.heap.usableSize(offset) !== 0) !== live.has(offset)) expect.fail(`offset ${offset}`);
    }
  });

  it("are false and 0 for any other number", () => {
    const r = region();
    for (const offset of [
      -1,
      -0,
      0.5,
      Number.NaN,
      Infinity,
      -Infinity,
      2 ** 31,
      2 ** 32,
      2 ** 32 + 16,
      2 ** 53,
      -(2 ** 32),
    ]) {
      expect(r.heap.isLive(offset)).toBe(false);
      expect(r.heap.usableSize(offset)).toBe(0);
      expect(r.heap.free(offset)).toBe(false);
    }
  });
});

describe("realloc", () => {
  const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + 7) & 0xff);

  it("keeps the bytes and zeroes what is new, from every size to every size", () => {
    const r = region({ size: 2 * MIB });
    const sizes = [1, 16, 17, 100, 1000, 1024, 1025, 8192, 8193, 9000, 40_000, 200_000];
    for (const from of sizes) {
      for (const to of sizes) {
        const dirty = [fillRest(r)];
        for (const offset of dirty.flat()) r.heap.free(offset);
        const offset = r.heap.alloc(from);
        const before = r.heap.usableSize(offset);
        r.heap.view(offset).set(pattern(before));
        const moved = r.heap.realloc(offset, to);
        const usable = r.heap.usableSize(moved);
        expect(usable).toBeGreaterThanOrEqual(to);
        const kept = Math.min(before, to);
        expect(r.heap.read(moved).subarray(0, kept)).toEqual(pattern(before).subarray(0, kept));
        if (usable > before && !isAll(r.heap.view(moved).subarray(before), 0)) expect.fail(`${from} → ${to}: not zero`);
        if (moved !== offset) expect(r.heap.isLive(offset)).toBe(false);
        expect(r.heap.free(moved)).toBe(true);
        expectSound(r, 0);
      }
    }
  });

  /** Takes all that is left, full of ones. */
  function fillRest(r: ReturnType<typeof region>): number[] {
    const taken = fillUp(r);
    for (const offset of taken) r.heap.view(offset).fill(0xff);
    return taken;
  }

  it("stays in place where the class is the same, and where the run behind is free", () => {
    const r = region();
    const small = r.heap.alloc(1100);
    expect(r.heap.realloc(small, 1030)).toBe(small);
    const behind = r.heap.alloc(50_000);
    const run = r.heap.alloc(20_000);
    expect(run).toBeLessThan(behind);
    r.heap.view(behind).fill(0xff);
    expect(r.heap.free(behind)).toBe(true);
    expect(r.heap.realloc(run, 40_000)).toBe(run);
    expect(isAll(r.heap.view(run), 0)).toBe(true);
    expect(r.heap.realloc(run, 10_000)).toBe(run);
    expect(r.heap.usableSize(run)).toBe(10_240);
    expectSound(r);
  });

  it("answers 0 and leaves the block untouched when it does not fit", () => {
    const r = region({ size: 128 * KIB });
    const blocks = [100, 3000, 10_000].map((bytes) => r.heap.alloc(bytes));
    for (const offset of blocks) r.heap.view(offset).set(pattern(r.heap.usableSize(offset)));
    fillUp(r);
    const used = r.usedBytes;
    for (const offset of blocks) {
      const usable = r.heap.usableSize(offset);
      for (const bytes of [usable + 1, usable * 2, 60_000]) {
        expect(r.heap.realloc(offset, bytes)).toBe(0);
        expect(r.heap.lastFailure).toBe("ERR_FULL");
      }
      for (const bytes of [r.capacityBytes, 2 ** 31, 2 ** 40]) {
        expect(r.heap.realloc(offset, bytes)).toBe(0);
        expect(r.heap.lastFailure).toBe("ERR_TOO_LARGE");
      }
      expect(r.heap.usableSize(offset)).toBe(usable);
      expect(r.heap.read(offset)).toEqual(pattern(usable));
    }
    expectSound(r, used);
  });

  it("always shrinks, in a full heap too", () => {
    const r = region({ size: 128 * KIB });
    const blocks = [100, 3000, 10_000].map((bytes) => r.heap.alloc(bytes));
    for (const offset of blocks) r.heap.view(offset).set(pattern(16), 0);
    fillUp(r);
    for (const offset of blocks) {
      const moved = r.heap.realloc(offset, 16);
      expect(moved).not.toBe(0);
      expect(r.heap.read(moved, 16)).toEqual(pattern(16));
    }
    expectSound(r);
  });

  it("refuses what is no live raw block: freed, interior, a Block's", () => {
    const r = region();
    const offset = r.heap.alloc(100);
    const block = r.allocate(100);
    const large = r.allocate(100_000);
    r.heap.free(offset);
    for (const wrong of [offset, 0, -1, offset + 8, block.offset, large.offset, Number.NaN, 2 ** 32 + block.offset]) {
      expect(() => r.heap.realloc(wrong, 200)).toThrow(RangeError);
      expect(() => r.heap.realloc(wrong, 2 ** 40)).toThrow(RangeError);
    }
    expect([block.isLive, large.isLive]).toEqual([true, true]);
    expectSound(r);
  });
});

describe("views", () => {
  it("cover the whole region in five types of number over one buffer", () => {
    const { heap, capacityBytes } = region();
    const views = [heap.u8, heap.i32, heap.u32, heap.f32, heap.f64];
    for (const view of views) {
      expect(view.byteLength).toBe(capacityBytes);
      expect(view.buffer).toBe(heap.u8.buffer);
    }
    const offset = heap.alloc(64);
    heap.f64[offset / 8] = Math.PI;
    expect(new DataView(heap.u8.buffer).getFloat64(offset, true)).toBe(Math.PI);
    heap.u32[offset / 4] = 0xdeadbeef;
    expect(heap.i32[offset / 4]).toBe(0xdeadbeef | 0);
  });

  it("of a block are as long as asked, at most as long as it", () => {
    const { heap } = region();
    const offset = heap.alloc(100);
    expect(heap.view(offset).length).toBe(heap.usableSize(offset));
    expect(heap.view(offset, 100).length).toBe(100);
    expect(heap.view(offset, 0).length).toBe(0);
    expect(heap.view(offset).byteOffset).toBe(offset);
    for (const bytes of [-1, 1.5, 105, Number.NaN, 2 ** 40]) expect(() => heap.view(offset, bytes)).toThrow(RangeError);
    heap.free(offset);
    expect(() => heap.view(offset)).toThrow(RangeError);
    expect(() => heap.read(offset)).toThrow(RangeError);
    expect(() => heap.write(offset, new Uint8Array(1))).toThrow(RangeError);
  });

  it("write and read copy, within the block only", () => {
    const { heap } = region();
    const offset = heap.alloc(100);
    const usable = heap.usableSize(offset);
    heap.write(offset, Uint8Array.of(1, 2, 3));
    heap.write(offset, Uint8Array.of(9), usable - 1);
    const copy = heap.read(offset);
    expect([...copy.subarray(0, 4), copy[usable - 1]]).toEqual([1, 2, 3, 0, 9]);
    heap.view(offset).fill(0);
    expect(copy[0]).toBe(1);
    expect(copy.buffer).not.toBe(heap.u8.buffer);
    for (const at of [usable, usable - 1, -1, 0.5, Number.NaN]) {
      expect(() => heap.write(offset, Uint8Array.of(1, 2), at)).toThrow(RangeError);
    }
    expect(() => heap.write(offset, [1] as unknown as Uint8Array)).toThrow(TypeError);
    expect(isAll(heap.view(offset), 0)).toBe(true);
  });
});
