// What only looks right. Goal: no call believes what it did not check: budgets, handles and options that are forged, inherited, or answer otherwise when they
// are read again change no byte. Method: each is offered to everything that takes one, beside words in a user's block that look like a budget.
import { describe, expect, it } from "vitest";
import { type Budget, Region } from "../src/index.js";
import { expectSound, MIB } from "./lib/regions.js";

/** How many bytes of the region are not as they were. */
function changed({ heap: { u8 } }: Region, before: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < u8.length; i++) count += +(u8[i] !== before[i]);
  return count;
}

/** Everything that takes a budget. */
function takers(r: Region, real: Budget): ((budget: Budget) => unknown)[] {
  const { heap } = r;
  const reservation = real.tryReserve(10)!;
  return [
    (budget) => heap.alloc(64, { budget }),
    (budget) => heap.allocUnsafe(64, { budget }),
    (budget) => r.allocate(64, { budget }),
    (budget) => r.ring("new ring", { budget }),
    (budget) => r.cache("new cache", { budget }),
    (parent) => r.budget("new budget", { parent }),
    (budget) => reservation.moveTo(budget),
  ];
}

describe("a forged budget", () => {
  it("is refused by everything that takes one, and no byte changes", () => {
    const r = Region.createSync({ size: MIB, maxOwners: 4 });
    const real = r.budget("real", { limit: "512KiB" });
    const { regionId, at, state } = real;
    const block = r.heap.alloc(4096);
    // Words that look like a budget's: a copy of them.
    r.heap.u8.copyWithin(block, at, at + 512);
    for (const take of takers(r, real)) {
      const before = r.heap.u8.slice();
      for (const where of [block, block + 8, at + 1, at + 8, at - 8, 0, -1, 0.5, 2 ** 31 + 8, 0xfffffff0, 2 ** 40]) {
        expect(() => take({ regionId, at: where, state } as Budget), `${take} at ${where}`).toThrow(TypeError);
      }
      for (const forged of [
        { regionId, at: `${at}`, state },
        { regionId, at, state: "5" },
        { regionId: "", at, state },
      ])
        expect(() => take(forged as never)).toThrow(TypeError);
      expect(changed(r, before)).toBe(0);
    }
    expectSound(r);
  });

  it("that answers otherwise when it is read again is what it was the first time", () => {
    const r = Region.createSync({ size: MIB, maxOwners: 4 });
    const real = r.budget("real", { limit: "512KiB" });
    let reads = 0;
    const options = {
      get budget(): Budget {
        return reads++ % 2 === 0 ? ({ regionId: real.regionId, at: 0xfffffff0, state: 5 } as Budget) : real;
      },
    };
    for (let i = 0; i < 20; i++)
      try {
        r.heap.allocUnsafe(64, options);
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    expectSound(r);
  });

  it("of another copy of the package, or of another attachment here, is that budget", () => {
    const r = Region.createSync({ size: MIB, maxOwners: 4 });
    const { regionId, at, state } = r.budget("real", { limit: "512KiB" });
    const twin = { regionId, at, state } as Budget;
    expect(r.heap.alloc(64, { budget: twin })).toBeGreaterThan(0);
    expect(r.budget("below", { parent: twin }).limitBytes).toBe(Number.POSITIVE_INFINITY);
    expectSound(r);
  });
});

describe("an inherited budget", () => {
  it("is no option, also where the same object is given again", () => {
    const r = Region.createSync({ size: MIB, maxOwners: 4 });
    const budget = r.budget("b", { limit: "512KiB" });
    const options = Object.create({ budget }) as { budget?: Budget };
    const hidden = Object.defineProperty({}, "budget", { value: budget, enumerable: false });
    for (const given of [options, hidden])
      for (let i = 0; i < 5; i++) {
        for (const offset of [r.heap.allocUnsafe(64, given), r.heap.alloc(64, given)]) r.heap.free(offset);
        r.allocate(64, given).release();
        expect(budget.peakBytes).toBe(0);
      }
    expectSound(r, 0);
  });
});

describe("a handle", () => {
  it("of a Block that answers otherwise when it is read again gives no Block that is longer than its own", () => {
    const r = Region.createSync({ size: MIB, maxOwners: 4 });
    const [mine, other] = [r.allocate(100), r.allocate(100)];
    const { offset, claim } = mine.handle();
    let reads = 0;
    const handle = {
      offset,
      claim,
      get size(): number {
        return reads++ % 2 === 0 ? 4096 : 100;
      },
    };
    expect(() => r.open(handle)).toThrow(/size was changed/);
    expect(other.isLive).toBe(true);
    expect(() => r.open({ offset, size: 100, claim: 5 as never })).toThrow(/open needs what block.handle\(\) returned/);
    expect(() => r.adoptReservation({ record: 1, claim: 5 as never })).toThrow(/reservation.handle\(\)/);
    expectSound(r);
  });

  it("of a region is what it was when attach was called, and cannot be changed for others", async () => {
    const r = Region.createSync({ size: MIB, maxOwners: 4 });
    const other = Region.createSync({ size: MIB, maxOwners: 4 });
    expect(() => ((r.handle() as { preset: string }).preset = "none")).toThrow(TypeError);
    const handle = { ...r.handle() };
    const attaching = Region.attach(handle);
    Object.assign(handle, { memory: other.handle().memory, busyMs: -1 });
    const guest = await attaching;
    expect([guest.capacityBytes, guest.stats().owners]).toEqual([MIB, 2]);
    guest.close();
    expectSound(r, 0);
  });
});

describe("what is no number", () => {
  it("is named in the error", () => {
    const { heap } = Region.createSync({ size: MIB, maxOwners: 4 });
    for (const call of [heap.free, (p: number) => heap.isLive(p), (p: number) => heap.usableSize(p)]) {
      expect(() => call(5n as never)).toThrow(/an offset is a number, got .*5/);
      expect(() => call(Symbol("here") as never)).toThrow(/an offset is a number, got /);
    }
  });

  it("or a budget that is closed, is named in the error", () => {
    const r = Region.createSync({ size: MIB, maxOwners: 4 });
    const budget = r.budget("jobs", { limit: "64KiB" });
    budget.close();
    expect(() => r.heap.alloc(10, { budget })).toThrow(/budget "jobs" is closed/);
    expect(() => r.heap.realloc(5, 10)).toThrow(/no live block/);
    r.close();
    expect(() => r.heap.realloc(5, 10)).toThrow(/is closed/);
    expect(() => r.onFull(() => 0)).toThrow(/is closed/);
    expect(() => budget.registerReclaimer({ name: "x", reclaim: () => 0 })).toThrow(/is closed/);
  });
});
