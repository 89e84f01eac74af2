// The region through its public face, in Node and in a cross-origin isolated page. Goal: how it is made, attached to and closed,
// and what its counters say. Method: exact states; every error by its class, its code and what it left.
import { describe, expect, it } from "vitest";
import coreBytes from "../build/core.wasm";
import {
  CisternError,
  NoOwnerSlotError,
  NotARegionError,
  Region,
  RegionClosedError,
  RegionInUseError,
  type RegionHandle,
  type RegionOptions,
} from "../src/index.js";
import { KIB, MIB, expectSound, isAll, opens, region } from "./lib/regions.js";

const create = (options: unknown): Region => Region.createSync(options as RegionOptions);
const attach = (handle: unknown): Region => Region.attachSync(handle as RegionHandle);

/** What `act` throws. */
function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("create", () => {
  it.each([
    [128 * KIB, 128 * KIB],
    ["128KiB", 128 * KIB],
    ["1MiB", MIB],
    ["1.5 MB", 1.5 * MIB],
    [MIB + 65_535, MIB],
    [String(2 * MIB), 2 * MIB],
  ])("makes a region of size %j", (size, capacity) => {
    const r = create({ size });
    expect(r.capacityBytes).toBe(capacity);
    expect(r.heap.u8.length).toBe(capacity);
    expect(r.usedBytes).toBe(0);
    expectSound(r, 0);
  });

  it("is the same asynchronously", async () => {
    const r = await Region.create({ size: "1MiB", name: "later", maxOwners: 3 });
    expect([r.capacityBytes, r.name, r.stats().maxOwners]).toEqual([MIB, "later", 3]);
    expect(r.heap.alloc(100)).not.toBe(0);
    expectSound(r);
    await expect(Region.create({ size: 1 })).rejects.toThrow(RangeError);
    await expect(Region.create({ sise: MIB } as unknown as RegionOptions)).rejects.toThrow(TypeError);
  });

  it("takes a share of the machine's memory", () => {
    const r = create({ size: "0.01%" });
    expect(r.capacityBytes).toBeGreaterThanOrEqual(128 * KIB);
    expect(() => create({ size: "101%" })).toThrow(RangeError);
  });

  it("makes the smallest region with one owner nearly all heap, the largest as large as 32 bits allow", () => {
    expect(create({ size: 128 * KIB, maxOwners: 1 }).freeBytes).toBeGreaterThan(64 * KIB);
    const largest = create({ size: 2 ** 32 - 65_536, maxOwners: 1 });
    expect(largest.capacityBytes).toBe(2 ** 32 - 65_536);
    const end = largest.heap.allocUnsafe(1000);
    largest.heap.u8[end] = 1;
    const far = largest.allocate(9000);
    expect(far.offset).toBeGreaterThan(2 ** 31);
    expect(isAll(far.bytes, 0)).toBe(true);
    expectSound(largest);
  });

  const noOptions: [string, unknown][] = [
    ["an empty object", {}],
    ["undefined", undefined],
    ["null", null],
    ["a bare size", "1MiB"],
    ["an undefined size", { size: undefined }],
    ["a null size", { size: null }],
    ["a size that is no size", { size: "lots" }],
    ["an empty size", { size: "" }],
    ["NaN", { size: Number.NaN }],
    ["a BigInt", { size: 5n }],
    ["an object with valueOf", { size: { valueOf: () => MIB } }],
    ["an inherited size", Object.create({ size: MIB })],
    ["an unknown key", { size: MIB, sizes: 1 }],
    ["__proto__ as a key", JSON.parse(`{"size":${MIB},"__proto__":{"maxOwners":2}}`)],
    ["constructor as a key", { size: MIB, constructor: 1 }],
    ["a name that is a number", { size: MIB, name: 5 }],
    ["maxOwners as a text", { size: MIB, maxOwners: "4" }],
    ["busyMs as a text", { size: MIB, busyMs: "5" }],
    ["a module that is none", { size: MIB, module: {} }],
  ];
  it.each(noOptions)("refuses %s with a TypeError", (_, options) => {
    expect(() => create(options)).toThrow(TypeError);
  });

  it.each([
    [{ size: 0 }],
    [{ size: -1 }],
    [{ size: 128 * KIB - 1 }],
    [{ size: 2 ** 32 - 65_535 }],
    [{ size: 2 ** 32 + MIB }],
    [{ size: "4GiB" }],
    [{ size: Infinity }],
    [{ size: MIB, maxOwners: 0 }],
    [{ size: MIB, maxOwners: 251 }],
    [{ size: MIB, maxOwners: 1.5 }],
    [{ size: MIB, maxOwners: 2 ** 32 + 1 }],
    [{ size: MIB, busyMs: -1 }],
    [{ size: MIB, busyMs: 60_001 }],
    [{ size: 128 * KIB, maxOwners: 250 }],
  ])("refuses %j with a RangeError", (options) => {
    expect(() => create(options)).toThrow(RangeError);
  });

  it("takes the core compiled elsewhere", () => {
    const module = new WebAssembly.Module(coreBytes);
    const r = create({ size: MIB, module });
    expect(r.handle().module).toBe(module);
    expect(r.heap.alloc(10)).not.toBe(0);
    expect(attach(r.handle()).heap.alloc(10)).not.toBe(0);
  });

  it("refuses a module that is not the core with a sentence", () => {
    const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    expect(() => create({ size: MIB, module: empty })).toThrow(/module/);
  });
});

describe("attach", () => {
  it("sees the same bytes and blocks, as an owner of its own", async () => {
    const first = region({ name: "shared" });
    const second = attach(first.handle());
    const third = await Region.attach(second.handle());
    expect(new Set([first.ownerId, second.ownerId, third.ownerId]).size).toBe(3);
    expect([second.name, second.capacityBytes, third.stats().owners]).toEqual(["shared", MIB, 3]);
    const offset = first.heap.alloc(100);
    second.heap.u8[offset] = 77;
    expect(third.heap.read(offset)[0]).toBe(77);
    expect(third.heap.free(offset)).toBe(true);
    expect(first.heap.free(offset)).toBe(false);
    expect([first.usedBytes, second.usedBytes, third.usedBytes]).toEqual([0, 0, 0]);
    expectSound(second, 0);
  });

  it("fails when all owner slots are taken, and works again when one was left", () => {
    const r = region({ maxOwners: 2, name: "narrow" });
    const second = attach(r.handle());
    const error = errorOf(() => attach(r.handle()));
    expect(error).toBeInstanceOf(NoOwnerSlotError);
    expect(error).toMatchObject({ code: "ERR_NO_OWNER_SLOT", maxOwners: 2, name: "NoOwnerSlotError" });
    second.close();
    const third = attach(r.handle());
    expect(third.ownerId).not.toBe(second.ownerId);
    expect(third.heap.alloc(100)).not.toBe(0);
    expectSound(r);
  });

  it("gives 250 owners a slot each, and any slot again after it was left", () => {
    const r = region({ size: 16 * MIB, maxOwners: 250 });
    const others = Array.from({ length: 249 }, () => attach(r.handle()));
    expect(new Set([r, ...others].map(({ ownerId }) => ownerId & 0xff)).size).toBe(250);
    const offsets = others.map(({ heap }, i) => heap.alloc(10 + i * 30));
    expect(offsets.every((offset) => offset !== 0)).toBe(true);
    expectSound(r);
    offsets.forEach((offset, i) => expect(others[(i * 7) % 249]!.heap.free(offset)).toBe(true));
    for (const other of others) other.close();
    expectSound(r, 0);
    expect(r.heap.alloc(r.stats().largestFreeBytes)).not.toBe(0);
    r.close();
  });

  it.each([[undefined], [null], [5], ["handle"], [{}], [{ memory: {}, module: {}, name: "x", busyMs: 1 }]])(
    "refuses %j with a TypeError",
    (handle) => {
      expect(() => attach(handle)).toThrow(TypeError);
    },
  );

  it("refuses a handle with a changed field", () => {
    const handle = region().handle();
    expect(() => attach({ ...handle, name: 5 })).toThrow(TypeError);
    expect(() => attach({ ...handle, busyMs: "1" })).toThrow(TypeError);
    expect(() => attach({ ...handle, busyMs: -1 })).toThrow(RangeError);
    expect(() => attach({ ...handle, memory: handle.memory.buffer })).toThrow(TypeError);
  });

  it.each([
    ["zeroed", { initial: 16, maximum: 16, shared: true }],
    ["growable", { initial: 16, maximum: 32, shared: true }],
    ["tiny", { initial: 0, maximum: 1, shared: true }],
    ["unshared", { initial: 16, maximum: 16 }],
  ])("refuses a %s memory that holds no region", async (_, type) => {
    const handle = region().handle();
    const memory = new WebAssembly.Memory(type);
    expect(errorOf(() => attach({ ...handle, memory }))).toBeInstanceOf(NotARegionError);
    await expect(Region.attach({ ...handle, memory })).rejects.toThrow(NotARegionError);
    expect(isAll(new Uint8Array(memory.buffer), 0)).toBe(true);
  });

  it("refuses a region whose header was changed: magic, layout, build, capacity", () => {
    const r = region();
    for (const at of [8, 12, 16, 20]) {
      r.heap.u8[at]! ^= 1;
      expect(errorOf(() => attach(r.handle()))).toBeInstanceOf(NotARegionError);
      r.heap.u8[at]! ^= 1;
    }
    expect(attach(r.handle()).heap.alloc(8)).not.toBe(0);
  });
});

describe("close", () => {
  it("is refused in the creating thread while others are attached, and changes nothing", () => {
    const r = region();
    const other = attach(r.handle());
    const error = errorOf(() => r.close());
    expect(error).toBeInstanceOf(RegionInUseError);
    expect(error).toMatchObject({ code: "ERR_REGION_IN_USE", owners: 1 });
    const third = attach(r.handle());
    expect(r.heap.alloc(100)).not.toBe(0);
    third.close();
    other.close();
    r.close();
  });

  it("makes every later call say so, and a second close do nothing", async () => {
    const r = region({ name: "ended" });
    const handle = r.handle();
    const block = r.allocate(50);
    const offset = r.heap.alloc(50);
    r.close();
    r.close();
    const calls = [
      () => r.heap.alloc(8),
      () => r.heap.alloc(9000),
      () => r.heap.alloc(8, { align: 64 }),
      () => r.heap.alloc(2 ** 40),
      () => r.heap.allocUnsafe(8),
      () => r.heap.free(offset),
      () => r.allocate(8),
      () => r.open({ offset, size: 1, claim: [1, 1] }),
      () => r.check(),
      () => r.stats(),
      () => r.handle(),
      () => attach(handle),
    ];
    for (const call of calls) {
      const error = errorOf(call);
      expect(error, String(call)).toBeInstanceOf(RegionClosedError);
      expect(error).toMatchObject({ code: "ERR_REGION_CLOSED", message: 'region "ended" is closed' });
      expect(error).toBeInstanceOf(CisternError);
    }
    await expect(Region.attach(handle)).rejects.toThrow(RegionClosedError);
    expect(() => r.heap.realloc(offset, 60)).toThrow();
    expect([block.isLive, block.release(), r.heap.isLive(offset)]).toEqual([false, false, false]);
  });

  it("of one that attached leaves the others and its raw blocks alone, and gives its Blocks back", () => {
    const r = region();
    const other = attach(r.handle());
    const raw = other.heap.alloc(100);
    const blocks = [16, 1000, 8192, 8193, 100_000].map((bytes) => other.allocate(bytes));
    const ours = r.allocate(333);
    const used = r.usedBytes;
    const theirs = blocks.reduce((sum, block) => sum + r.heap.usableSize(block.offset), 0);
    const handles = blocks.map((block) => block.handle());
    other.close();
    expectSound(r, used - theirs);
    expect(r.heap.isLive(raw)).toBe(true);
    expect(ours.isLive).toBe(true);
    for (const handle of handles) expect(opens(r, handle)).toBe(false);
    expect(() => other.heap.alloc(8)).toThrow(RegionClosedError);
    expect(r.heap.free(raw)).toBe(true);
    ours.release();
    expectSound(r, 0);
    expect(r.heap.alloc(region().stats().largestFreeBytes)).not.toBe(0);
  });

  it("happens at the end of a using declaration", () => {
    let kept: Region;
    {
      using r = region();
      kept = r;
      expect(r.heap.alloc(8)).not.toBe(0);
    }
    expect(() => kept.handle()).toThrow(RegionClosedError);
  });
});

describe("the counters", () => {
  it("are what the walk finds, before and after everything", () => {
    const r = region();
    expectSound(r, 0);
    const raw = r.heap.alloc(100);
    expectSound(r, r.heap.usableSize(raw));
    const block = r.allocate(20_000);
    expectSound(r, r.heap.usableSize(raw) + r.heap.usableSize(block.offset));
    const stats = r.stats();
    expect(stats).toMatchObject({
      blocks: 2,
      slabs: 1,
      runs: 1,
      owners: 1,
      capacityBytes: MIB,
      usedBytes: r.usedBytes,
    });
    expect(stats.freeBytes + stats.usedBytes + stats.overheadBytes).toBe(MIB);
    expect(stats.largestFreeBytes).toBeLessThanOrEqual(stats.freeBytes);
    expect(stats).toMatchObject({ rebuilds: 0, committedBytes: r.committedBytes, peakBytes: r.peakBytes });
    r.heap.free(raw);
    block.release();
    expectSound(r, 0);
  });

  it("keep the highest peak", () => {
    const r = region();
    const large = r.heap.alloc(500_000);
    const peak = r.peakBytes;
    expect(peak).toBeGreaterThanOrEqual(500_000);
    r.heap.free(large);
    r.heap.free(r.heap.alloc(300_000));
    expect(r.peakBytes).toBe(peak);
    r.heap.alloc(700_000);
    expect(r.peakBytes).toBeGreaterThanOrEqual(700_000);
  });

  it("survive 2^32 bytes of traffic", () => {
    const r = region({ size: 16 * MIB });
    for (let i = 0; i < 600; i++) r.heap.free(r.heap.allocUnsafe(8 * MIB));
    expectSound(r, 0);
    const kept = r.heap.alloc(1000);
    expectSound(r, r.heap.usableSize(kept));
  });
});
