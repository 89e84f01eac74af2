// Allocation failed at every ordinal. Goal: whichever allocation of a program is refused, once or for ever, nothing else changes.
// Method: a scenario is a list of steps. For each step the region is filled to the brim just before it, so that exactly from there on
// nothing can be had; and, the other way, with exactly k KiB left at the start, for k from 0 until the scenario passes.
import { describe, expect, it } from "vitest";
import { type Block, MemoryLimitExceededError, type Region } from "../src/index.js";
import { KIB, expectSound, fillUp, isAll, region } from "./lib/regions.js";

const SIZE = 256 * KIB;

/** What a scenario holds: raw blocks and Blocks by name, and the byte each is filled with. */
class State {
  readonly raw = new Map<string, number>();
  readonly blocks = new Map<string, Block>();
  readonly filled = new Map<string, [value: number, bytes: number]>();

  constructor(readonly r: Region) {}

  bytes(name: string): Uint8Array {
    const offset = this.raw.get(name);
    return offset === undefined ? this.blocks.get(name)!.bytes : this.r.heap.view(offset);
  }

  fill(name: string): void {
    const value = (name.charCodeAt(0) % 250) + 1;
    const bytes = this.bytes(name);
    bytes.fill(value);
    this.filled.set(name, [value, bytes.length]);
  }

  verify(): void {
    for (const [name, [value, length]] of this.filled) {
      const bytes = this.bytes(name);
      expect(bytes.length).toBe(length);
      if (!isAll(bytes, value)) expect.fail(`block ${name} was changed`);
    }
  }

  freeAll(): void {
    for (const offset of this.raw.values()) expect(this.r.heap.free(offset)).toBe(true);
    for (const block of this.blocks.values()) expect(block.release()).toBe(true);
  }
}

/** Does one thing; false: it was refused. */
type Step = (s: State) => boolean;

const refused = (act: () => void): boolean => {
  try {
    act();
    return false;
  } catch (error) {
    if (!(error instanceof MemoryLimitExceededError)) throw error;
    return true;
  }
};

const alloc =
  (name: string, bytes: number, align?: number): Step =>
  (s) => {
    const offset = align ? s.r.heap.alloc(bytes, { align }) : s.r.heap.alloc(bytes);
    if (offset === 0) return false;
    if (!isAll(s.r.heap.view(offset), 0)) expect.fail(`block ${name} is not zero`);
    s.raw.set(name, offset);
    s.fill(name);
    return true;
  };

const realloc =
  (name: string, bytes: number): Step =>
  (s) => {
    const offset = s.r.heap.realloc(s.raw.get(name)!, bytes);
    if (offset === 0) return false;
    const [value, before] = s.filled.get(name)!;
    const kept = Math.min(before, bytes);
    if (!isAll(s.r.heap.view(offset, kept), value)) expect.fail(`realloc lost bytes of ${name}`);
    s.raw.set(name, offset);
    s.fill(name);
    return true;
  };

const allocate =
  (name: string, bytes: number, align?: number): Step =>
  (s) =>
    !refused(() => {
      s.blocks.set(name, align ? s.r.allocate(bytes, { align }) : s.r.allocate(bytes));
      if (!isAll(s.bytes(name), 0)) expect.fail(`Block ${name} is not zero`);
      s.fill(name);
    });

const resize =
  (name: string, bytes: number): Step =>
  (s) =>
    !refused(() => {
      const [value, before] = s.filled.get(name)!;
      s.blocks.get(name)!.resize(bytes);
      const now = s.bytes(name);
      if (!isAll(now.subarray(0, Math.min(before, bytes)), value)) expect.fail(`resize lost bytes of ${name}`);
      if (!isAll(now.subarray(before), 0)) expect.fail(`resize of ${name}: what is new is not zero`);
      s.fill(name);
    });

const free =
  (name: string): Step =>
  (s) => {
    const block = s.blocks.get(name);
    expect(block ? block.release() : s.r.heap.free(s.raw.get(name)!)).toBe(true);
    for (const map of [s.raw, s.blocks, s.filled]) map.delete(name);
    return true;
  };

const SCENARIO: readonly Step[] = [
  alloc("a", 100),
  alloc("b", 3000),
  allocate("c", 100),
  alloc("d", 20_000),
  realloc("a", 500),
  allocate("e", 9000),
  realloc("d", 30_000),
  alloc("f", 700, 1024),
  free("b"),
  resize("c", 2000),
  realloc("a", 10_000),
  allocate("g", 600, 4096),
  resize("e", 25_000),
  alloc("h", 8193, 16_384),
  free("d"),
  realloc("f", 8192),
  resize("c", 12_000),
  alloc("i", 24),
  allocate("j", 8192),
  resize("g", 4000),
  realloc("i", 60_000),
];

/** Steps that must be refused when nothing is free: all but giving back. */
const isGiveBack = (index: number): boolean => index === 8 || index === 14;

const run = (s: State, from: number, to: number): void => {
  for (let i = from; i < to; i++) if (!SCENARIO[i]!(s)) expect.fail(`step ${i} was refused in a roomy region`);
};

describe("the scenario", () => {
  it("passes where there is room", () => {
    const s = new State(region({ size: SIZE }));
    run(s, 0, SCENARIO.length);
    s.verify();
    expectSound(s.r);
    s.freeAll();
    expectSound(s.r, 0);
  });

  it.each(SCENARIO.map((_, index) => index))(
    "refused once at step %i leaves all as it was, and passes when there is room again",
    (index) => {
      const s = new State(region({ size: SIZE }));
      run(s, 0, index);
      const ballast = fillUp(s.r);
      const before = { used: s.r.usedBytes, blocks: s.r.stats().blocks };
      if (isGiveBack(index)) return;
      expect(SCENARIO[index]!(s)).toBe(false);
      expectSound(s.r, before.used);
      expect(s.r.stats().blocks).toBe(before.blocks);
      s.verify();
      for (const offset of ballast) expect(s.r.heap.free(offset)).toBe(true);
      run(s, index, SCENARIO.length);
      s.verify();
      s.freeAll();
      expectSound(s.r, 0);
    },
  );

  it.each(SCENARIO.map((_, index) => index))(
    "refused for ever from step %i on changes nothing but what is given back",
    (index) => {
      const s = new State(region({ size: SIZE }));
      run(s, 0, index);
      const ballast = fillUp(s.r);
      for (let i = index; i < SCENARIO.length; i++) {
        const used = s.r.usedBytes;
        // What a refused step would have made is missing for the steps after it.
        let done: boolean;
        try {
          done = SCENARIO[i]!(s);
        } catch (error) {
          if (error instanceof TypeError || error instanceof RangeError) continue;
          throw error;
        }
        if (!done) expectSound(s.r, used);
        s.verify();
        ballast.push(...fillUp(s.r));
      }
      for (const offset of ballast) expect(s.r.heap.free(offset)).toBe(true);
      s.freeAll();
      expectSound(s.r, 0);
      const whole = region({ size: SIZE }).stats().largestFreeBytes;
      expect(s.r.heap.alloc(whole)).not.toBe(0);
    },
  );

  it("with k KiB left fails at some step and leaves all as it was, for each k until it passes", () => {
    const failedAt = new Set<number>();
    let passedWith = -1;
    for (let k = 0; passedWith < 0; k++) {
      const s = new State(region({ size: SIZE }));
      const whole = s.r.stats().largestFreeBytes;
      if (k * KIB >= whole) expect.fail("the scenario never passed");
      const ballast = s.r.heap.allocUnsafe(whole - k * KIB);
      let index = 0;
      for (; index < SCENARIO.length; index++) {
        const used = s.r.usedBytes;
        if (SCENARIO[index]!(s)) continue;
        expectSound(s.r, used);
        s.verify();
        break;
      }
      if (index === SCENARIO.length) passedWith = k;
      else failedAt.add(index);
      s.verify();
      expect(s.r.heap.free(ballast)).toBe(true);
      s.freeAll();
      expectSound(s.r, 0);
      expect(s.r.heap.alloc(whole)).not.toBe(0);
    }
    expect(failedAt.size).toBeGreaterThanOrEqual(5);
    expect(failedAt.has(0)).toBe(true);
  });
});

describe("a hook that makes room at the last moment", () => {
  it.each(SCENARIO.map((_, index) => index).filter((index) => !isGiveBack(index)))("lets step %i pass", (index) => {
    const s = new State(region({ size: SIZE }));
    run(s, 0, index);
    const ballast = fillUp(s.r);
    let asked = 0;
    s.r.onFull(() => {
      asked++;
      expectSound(s.r);
      s.verify();
      return ballast.splice(0).filter((offset) => s.r.heap.free(offset)).length;
    });
    expect(SCENARIO[index]!(s)).toBe(true);
    expect(asked).toBe(1);
    s.verify();
    run(s, index + 1, SCENARIO.length);
    expectSound(s.r);
  });
});
