// Hostile input, in Node and in a cross-origin isolated page. Goal: garbage at any entry point gets the documented answer or error,
// and not one byte of the region changes. Method: a region with live and freed neighbours of every kind, its bytes copied before
// each case and compared after it. One word is left out of the comparison: S_REASON in the caller's owner slot, where a refused
// allocation writes why it was refused, for `lastFailure`.
import { describe, expect, it } from "vitest";
import { SLOTS, SLOT_BYTES, S_REASON } from "../assembly/shared/layout.js";
import { type Block, type BlockHandle, MemoryLimitExceededError, type Region } from "../src/index.js";
import { random } from "./lib/random.js";
import { KIB, expectSound, opens, region, releases } from "./lib/regions.js";

const SEED = 20_260_103;

interface Scene {
  r: Region;
  live: number[];
  freed: number[];
  blocks: Block[];
  released: BlockHandle[];
}

/** Raw blocks and Blocks of many sizes, every other one given back. */
function scene(): Scene {
  const r = region({ size: 256 * KIB });
  const s: Scene = { r, live: [], freed: [], blocks: [], released: [] };
  for (const bytes of [1, 16, 24, 100, 1000, 1024, 5000, 8192, 8193, 20_000]) {
    const [a, b] = [r.heap.alloc(bytes), r.heap.alloc(bytes)];
    const [c, d] = [r.allocate(bytes), r.allocate(bytes)];
    s.live.push(a);
    s.freed.push(b);
    s.blocks.push(c);
    s.released.push(d.handle());
    r.heap.free(b);
    d.release();
  }
  for (const offset of s.live) r.heap.view(offset).fill(0x5a);
  for (const block of s.blocks) block.bytes.fill(0xa5);
  return s;
}

/** Calls `act` and says which words of the region it changed. */
function changedBy(r: Region, act: () => unknown): number[] {
  const before = r.heap.u32.slice();
  act();
  const reason = (SLOTS + (r.ownerId & 0xff) * SLOT_BYTES + S_REASON) >>> 2;
  const changed: number[] = [];
  for (let i = 0; i < before.length; i++) if (before[i] !== r.heap.u32[i] && i !== reason) changed.push(i * 4);
  return changed;
}

const expectUntouched = (r: Region, what: string, act: () => unknown): void =>
  expect(changedBy(r, act), `bytes changed by ${what}`).toEqual([]);

/** What is no offset of a live block, as a number. */
function wrongNumbers({ r, live, freed, blocks, released }: Scene): number[] {
  const starts = [...live, ...blocks.map(({ offset }) => offset)];
  return [
    0,
    -0,
    1,
    7,
    8,
    -1,
    -8,
    0.5,
    Number.NaN,
    Infinity,
    -Infinity,
    Number.MIN_VALUE,
    Number.MAX_VALUE,
    Number.MAX_SAFE_INTEGER,
    2 ** 31,
    -(2 ** 31),
    2 ** 32 - 8,
    2 ** 32,
    2 ** 32 + 1,
    r.capacityBytes,
    r.capacityBytes - 8,
    r.capacityBytes + 8,
    r.overheadBytes - 8,
    8192,
    1536,
    ...freed,
    ...released.map(({ offset }) => offset),
    ...starts.flatMap((p) => [p + 1, p + 8, p - 8, p + 0.5, -p, p + 2 ** 32, p - 2 ** 32, p + 2 ** 33, p * 2 ** 32]),
    ...live.flatMap((p) => [p + 1024, p + 4096].filter((inside) => inside < p + r.heap.usableSize(p))),
  ].filter((offset) => !starts.includes(offset));
}

/** Values of other types that wasm would take for the number `n`. */
const disguised = (n: number): unknown[] => [
  String(n),
  ` ${n} `,
  BigInt(n),
  [n],
  { valueOf: () => n },
  { toString: () => String(n) },
  { [Symbol.toPrimitive]: () => n },
  Object(n) as unknown,
  new Date(n),
  null,
  undefined,
  true,
  false,
  Symbol("n"),
  () => n,
  Object.create(null) as unknown,
];

describe("a wrong offset", () => {
  it("is refused by free, realloc, usableSize, isLive, view, read and write, and changes no byte", () => {
    const s = scene();
    const { heap } = s.r;
    const one = Uint8Array.of(1);
    for (const offset of wrongNumbers(s)) {
      expectUntouched(s.r, String(offset), () => {
        expect(heap.free(offset)).toBe(false);
        expect(heap.usableSize(offset)).toBe(0);
        expect(heap.isLive(offset)).toBe(false);
        for (const act of [
          () => heap.realloc(offset, 10),
          () => heap.realloc(offset, 10_000),
          () => heap.realloc(offset, 2 ** 32 + 8),
          () => heap.view(offset),
          () => heap.view(offset, 1),
          () => heap.read(offset),
          () => heap.write(offset, one),
        ]) {
          expect(act).toThrow(RangeError);
        }
      });
    }
    expectSound(s.r);
  });

  it("of another type is a TypeError everywhere, though it would convert to a live block", () => {
    const s = scene();
    const { heap } = s.r;
    for (const start of [s.live[3]!, s.live[9]!, s.blocks[3]!.offset]) {
      for (const value of disguised(start)) {
        const offset = value as number;
        expectUntouched(s.r, typeof value, () => {
          for (const act of [
            () => heap.free(offset),
            () => heap.usableSize(offset),
            () => heap.isLive(offset),
            () => heap.realloc(offset, 100),
            () => heap.view(offset),
            () => heap.read(offset),
            () => heap.write(offset, Uint8Array.of(1)),
          ]) {
            expect(act, `${typeof value} ${String(act)}`).toThrow(TypeError);
          }
        });
      }
    }
    expect(s.live.every((offset) => heap.isLive(offset))).toBe(true);
  });
});

describe("a wrong size", () => {
  const wrong = [0, -0, -1, 0.5, 1.5, Number.NaN, Infinity, -Infinity, -(2 ** 31), -(2 ** 32) + 16, 2 ** 53, 1e300];

  it("is a RangeError for alloc, allocUnsafe, realloc, allocate and resize, and changes no byte", () => {
    const s = scene();
    const { r } = s;
    for (const bytes of wrong) {
      expectUntouched(r, String(bytes), () => {
        for (const act of [
          () => r.heap.alloc(bytes),
          () => r.heap.allocUnsafe(bytes),
          () => r.heap.alloc(bytes, { align: 64 }),
          () => r.heap.realloc(s.live[4]!, bytes),
          () => r.allocate(bytes),
          () => s.blocks[4]!.resize(bytes),
        ]) {
          expect(act, `${bytes} ${String(act)}`).toThrow(RangeError);
        }
      });
    }
  });

  it("of another type is a TypeError, though it would convert to a right one", () => {
    const s = scene();
    const { r } = s;
    for (const value of disguised(100)) {
      const bytes = value as number;
      expectUntouched(r, typeof value, () => {
        for (const act of [
          () => r.heap.alloc(bytes),
          () => r.heap.allocUnsafe(bytes),
          () => r.heap.alloc(bytes, { align: 64 }),
          () => r.heap.realloc(s.live[4]!, bytes),
          () => r.allocate(bytes),
          () => s.blocks[4]!.resize(bytes),
        ]) {
          expect(act, `${typeof value} ${String(act)}`).toThrow(TypeError);
        }
      });
    }
  });

  it("that only wraps to a small one in 32 bits is too large, and changes no byte", () => {
    const s = scene();
    const { r } = s;
    for (const bytes of [2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 32 + 64, 2 ** 33 + 1000, 2 ** 53 - 1]) {
      expectUntouched(r, String(bytes), () => {
        expect(r.heap.alloc(bytes)).toBe(0);
        expect(r.heap.lastFailure).toBe("ERR_TOO_LARGE");
        expect(r.heap.allocUnsafe(bytes)).toBe(0);
        expect(r.heap.alloc(bytes, { align: 4096 })).toBe(0);
        expect(r.heap.realloc(s.live[4]!, bytes)).toBe(0);
        expect(() => r.allocate(bytes)).toThrow(MemoryLimitExceededError);
        expect(() => s.blocks[4]!.resize(bytes)).toThrow(MemoryLimitExceededError);
        expect(() => r.heap.view(s.live[4]!, bytes)).toThrow(RangeError);
        expect(() => r.heap.write(s.live[4]!, Uint8Array.of(1), bytes)).toThrow(RangeError);
      });
    }
    expectSound(r);
  });
});

describe("a Block's offset", () => {
  it("is refused by free and realloc, and changes no byte", () => {
    const s = scene();
    for (const block of s.blocks) {
      expectUntouched(s.r, `a Block of ${block.size}`, () => {
        expect(s.r.heap.free(block.offset)).toBe(false);
        expect(() => s.r.heap.realloc(block.offset, 30_000)).toThrow(RangeError);
        expect(() => s.r.heap.realloc(block.offset, 1)).toThrow(RangeError);
      });
      expect(block.isLive).toBe(true);
    }
  });
});

describe("a wrong handle", () => {
  it("releases nothing, opens nothing and changes no byte: stale, forged, of another block, of a raw one", () => {
    const s = scene();
    const { r } = s;
    const handles = s.blocks.map((block) => block.handle());
    const forged: BlockHandle[] = [...s.released];
    handles.forEach(({ offset, size, claim: [low, high] }, i) => {
      const other = handles[(i + 1) % handles.length]!;
      forged.push(
        { offset, size, claim: other.claim },
        { offset, size, claim: [0, 0] },
        { offset, size, claim: [low + 1, high] },
        { offset, size, claim: [low, high + 1] },
        { offset, size, claim: [low ^ (1 << 8), high] },
        { offset, size, claim: [0, high] },
        { offset, size, claim: [-1, -1] },
        { offset: offset + 8, size, claim: [low, high] },
        { offset: offset + 1, size, claim: [low, high] },
        { offset: 0, size, claim: [low, high] },
        { offset: -offset, size, claim: [low, high] },
        { offset: r.capacityBytes, size, claim: [low, high] },
        { offset: 2 ** 32 - 8, size, claim: [low, high] },
      );
    });
    for (const offset of [...s.live, ...s.freed]) forged.push({ offset, size: 8, claim: handles[0]!.claim });
    for (const handle of forged) {
      expectUntouched(r, JSON.stringify(handle), () => {
        expect(opens(r, handle)).toBe(false);
        expect(releases(r, handle)).toBe(false);
      });
    }
    expect(s.blocks.every((block) => block.isLive)).toBe(true);
    expectSound(r);
  });
});

describe("100 000 random offsets", () => {
  it("free nothing and open nothing", () => {
    const s = scene();
    const by = random(SEED);
    const { r } = s;
    const live = new Set(s.live);
    const owner = r.ownerId & 0xff;
    let accepted = 0;
    expectUntouched(r, `random offsets, seed ${SEED}`, () => {
      for (let i = 0; i < 100_000; i++) {
        const kind = by.below(4);
        let offset = by.below(r.capacityBytes);
        if (kind === 1) offset &= ~7;
        if (kind === 2) offset &= ~1023;
        if (kind === 3) offset = by.next() * (by.below(2) ? 1 : -1);
        if (!live.has(offset) && r.heap.free(offset)) accepted++;
        const claim: [number, number] = [(by.below(64) << 8) | owner, 1 << 20];
        if (by.below(2)) claim[by.below(2)] = by.next();
        const named = s.blocks.find((block) => block.handle().offset === offset)?.handle().claim;
        if (named?.[0] === claim[0] && named[1] === claim[1]) continue;
        if (releases(r, { offset, size: 8, claim })) accepted++;
      }
    });
    expect(accepted).toBe(0);
    expectSound(r);
  });
});

describe("a live block", () => {
  it("is read, viewed and measured without a byte changed", () => {
    const s = scene();
    const { heap } = s.r;
    expectUntouched(s.r, "reading", () => {
      for (const offset of s.live) {
        expect(heap.usableSize(offset)).toBeGreaterThan(0);
        expect(heap.isLive(offset)).toBe(true);
        heap.view(offset);
        heap.read(offset);
      }
      for (const block of s.blocks) {
        block.handle();
        expect(s.r.open(block.handle()).isLive).toBe(true);
        block.bytes.at(-1);
      }
      expect([s.r.usedBytes, s.r.freeBytes, s.r.peakBytes, s.r.committedBytes].every((bytes) => bytes > 0)).toBe(true);
    });
  });
});
