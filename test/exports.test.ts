// The seam between the core and TypeScript. Goal: what one side believes of the other is true. Method: the exports by name, and the
// shared constants against what the module writes into a fresh region.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as layout from "../assembly/shared/layout.js";
import * as limits from "../assembly/shared/limits.js";
import * as status from "../assembly/shared/status.js";
import { Core, createMemory } from "../bindings/core.js";
import { coreModuleSync, instantiateSync } from "../bindings/module.js";
import { problemText } from "../bindings/status.js";
import * as cistern from "../src/index.js";

const { CLASSES, CLASS_ENTRY_SHIFT, CLASSES_RECORD, GRAIN_BYTES } = layout;
const { CLASS_COUNT, SMALL_BYTES_MAX, WASM_PAGE_BYTES } = limits;

function fresh(pages: number, owners: number): Core {
  const memory = createMemory(pages * WASM_PAGE_BYTES);
  return Core.create(instantiateSync(coreModuleSync(), memory), memory, owners, 0, 0, false);
}

describe("the core's exports", () => {
  it("are those that CoreExports lists, with as many parameters", () => {
    const text = readFileSync(new URL("../bindings/exports.ts", import.meta.url), "utf8");
    const listed = [...text.matchAll(/^ {2}(\w+)\(([^)]*)\): \w+;$/gm)].map(([, name, parameters]) => ({
      name: name!,
      count: parameters!.split(",").filter((parameter) => parameter.trim() !== "").length,
    }));
    const { exports } = fresh(16, 4);
    const found = WebAssembly.Module.exports(coreModuleSync());
    expect(found.every(({ kind }) => kind === "function")).toBe(true);
    expect(listed.map(({ name }) => name).sort()).toEqual(found.map(({ name }) => name).sort());
    for (const { name, count } of listed) expect(exports[name as keyof typeof exports].length, name).toBe(count);
  });

  it("answer that nothing is there while their instance is attached to nothing", () => {
    const memory = createMemory(16 * WASM_PAGE_BYTES);
    const exports = instantiateSync(coreModuleSync(), memory);
    expect(exports.reason()).toBe(status.NOT_ATTACHED);
    expect([
      exports.alloc(8),
      exports.allocUnsafe(9000),
      exports.allocAligned(8, 64),
      exports.blockAlloc(8, 8),
    ]).toEqual([0, 0, 0, 0]);
    expect([exports.free(70_000), exports.usableSize(70_000), exports.realloc(70_000, 8)]).toEqual([0, 0, 0]);
    expect([exports.blockFree(70_000, 1, 1), exports.blockIsLive(70_000, 1, 1)]).toEqual([0, 0]);
    expect([exports.intern(4, 0), exports.openBudget(0, 0, 70_000)]).toEqual([0, 0]);
    expect([exports.setBudgetLimit(70_000, 1, 8), exports.budgetNumber(70_000, 24)]).toEqual([0, 0]);
    expect([exports.reserve(70_000, 1, 8, 0), exports.reserveOrWait(70_000, 1, 8, 0)]).toEqual([0, 0]);
    expect([exports.reservationFree(70_000, 1, 1), exports.reservationIsLive(70_000, 1, 1)]).toEqual([0, 0]);
    expect([exports.reservationMove(70_000, 1, 1, 70_000, 1), exports.reservationPass(70_000, 1, 1, 0)]).toEqual([
      0, 0,
    ]);
    expect([exports.reservationResize(70_000, 1, 1, 8), exports.reservationSplit(70_000, 1, 1, 4)]).toEqual([0, 0]);
    expect(exports.reservationCancel(70_000, 1, 1)).toBe(status.NOT_ATTACHED);
    expect(exports.closeBudget(70_000, 1)).toBe(status.NOT_ATTACHED);
    expect(exports.check()).toBe(status.NOT_ATTACHED);
    expect(exports.detachRegion()).toBe(status.NOT_ATTACHED);
    expect(exports.closeRegion()).toBe(status.NOT_ATTACHED);
    expect(exports.attachRegion(1, 0, 0)).toBe(-status.NOT_A_REGION);
    expect(new Uint8Array(memory.buffer).every((byte) => byte === 0)).toBe(true);
  });

  it("make no region in a memory that is one, nor of impossible numbers", () => {
    const core = fresh(16, 4);
    const { exports } = core;
    const again = instantiateSync(coreModuleSync(), core.memory);
    expect(again.createRegion(16, 4, 1, 0, 0, 0)).toBe(-status.NOT_A_REGION);
    expect(exports.alloc(8)).not.toBe(0);
    for (const [pages, owners] of [
      [1, 4],
      [16, 0],
      [16, limits.OWNERS_MAX + 1],
      [limits.REGION_PAGES_MAX + 1, 4],
    ] as const) {
      const other = instantiateSync(coreModuleSync(), createMemory(16 * WASM_PAGE_BYTES));
      expect(other.createRegion(pages, owners, 1, 0, 0, 0)).toBeLessThan(0);
    }
  });

  it("mark an owner dead only when it is another's, and that generation's", () => {
    const core = fresh(16, 4);
    const other = Core.attach(instantiateSync(coreModuleSync(), core.memory), core.memory, 0, 0);
    const { markDead } = core.exports;
    expect(markDead(core.ownerId)).toBe(status.OWNER_ALIVE);
    for (const wrong of [0, 3, 5, 255, other.ownerId + 256, other.ownerId & 0xff, -1])
      expect(markDead(wrong)).toBe(status.NOT_LIVE);
    expect(markDead(other.ownerId)).toBe(status.OK);
    expect(markDead(other.ownerId)).toBe(status.OK);
  });
});

describe("the shared constants", () => {
  const core = fresh(16, 4);
  const word = (at: number): number => core.i32[at >>> 2]! >>> 0;

  it("are what the module writes into the header", () => {
    expect(word(layout.H_NULL)).toBe(0);
    expect(word(layout.H_MAGIC)).toBe(layout.MAGIC);
    expect(word(layout.H_LAYOUT)).toBe(layout.LAYOUT_VERSION);
    expect(word(layout.H_BUILD)).toBe(core.exports.buildId());
    expect(word(layout.H_CAPACITY)).toBe(16 * WASM_PAGE_BYTES);
    expect(word(layout.H_MAX_OWNERS)).toBe(4);
    expect(word(layout.H_GRAINS)).toBe((16 * WASM_PAGE_BYTES) / GRAIN_BYTES);
    expect(word(layout.H_CREATOR)).toBe(core.ownerId);
    expect([word(layout.H_LOCK), word(layout.H_POISON), word(layout.H_CLOSED)]).toEqual([0, 0, 0]);
  });

  it("describe size classes that ascend to the largest small request, in both geometries", () => {
    const sizes = core.classSizes();
    expect(sizes).toHaveLength(CLASS_COUNT);
    expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
    expect(sizes.at(-1)).toBe(SMALL_BYTES_MAX);
    for (const [index, size] of sizes.entries()) {
      for (const geometry of [0, CLASSES_RECORD]) {
        const at = CLASSES + geometry + ((index + 1) << CLASS_ENTRY_SHIFT);
        const [bytes, grains, blocks, records] = [
          layout.C_BYTES,
          layout.C_GRAINS,
          layout.C_BLOCKS,
          layout.C_RECORDS,
        ].map((field) => word(at + field)) as [number, number, number, number];
        expect(word(at + layout.C_SIZE)).toBe(size);
        expect(bytes).toBe(blocks * size);
        expect(blocks).toBeGreaterThan(0);
        expect(blocks).toBeLessThanOrEqual(limits.SLAB_BLOCKS_MAX);
        expect(grains).toBeLessThanOrEqual(limits.SLAB_GRAINS_MAX);
        expect(records === 0).toBe(geometry === 0);
        if (geometry !== 0) expect(records).toBeGreaterThanOrEqual(bytes);
        expect((records || bytes) + (records ? blocks * layout.RECORD_BYTES : 0)).toBeLessThanOrEqual(
          grains * GRAIN_BYTES,
        );
        // The reciprocal divides exactly: for each offset in the slab the index is the true quotient.
        const reciprocal = BigInt(word(at + layout.C_RECIPROCAL));
        for (let offset = 0; offset < grains * GRAIN_BYTES; offset++) {
          if (Number((BigInt(offset) * reciprocal) >> 32n) !== Math.floor(offset / size))
            expect.fail(`${offset} / ${size}`);
        }
      }
    }
  });

  it("leave room: no table reaches into the next", () => {
    const { H_BIN_BITS, H_BINS, BIN_COUNT, SIZE_TABLE, SLOTS, SLOT_BYTES, S_HINTS, S_BLOCK_HINTS, S_OUT, S_OUT_WORDS } =
      layout;
    expect(H_BIN_BITS + Math.ceil(BIN_COUNT / 64) * 8).toBeLessThanOrEqual(H_BINS);
    expect(H_BINS + BIN_COUNT * 4).toBeLessThanOrEqual(CLASSES);
    expect(CLASSES + ((CLASS_COUNT + 1) << CLASS_ENTRY_SHIFT)).toBeLessThanOrEqual(CLASSES + CLASSES_RECORD);
    expect(CLASSES + CLASSES_RECORD + ((CLASS_COUNT + 1) << CLASS_ENTRY_SHIFT)).toBeLessThanOrEqual(SIZE_TABLE);
    expect(SIZE_TABLE + SMALL_BYTES_MAX / 8 + 1).toBeLessThanOrEqual(SLOTS);
    expect(layout.S_REASON + 4).toBeLessThanOrEqual(S_OUT);
    expect(S_OUT + S_OUT_WORDS * 4).toBeLessThanOrEqual(S_HINTS);
    expect(layout.OUT_LIST + layout.OUT_LIST_MAX * 2).toBeLessThanOrEqual(S_OUT_WORDS);
    expect(S_HINTS + ((CLASS_COUNT + 1) << layout.S_HINT_SHIFT)).toBeLessThanOrEqual(S_BLOCK_HINTS);
    expect(S_BLOCK_HINTS + ((CLASS_COUNT + 1) << layout.S_BLOCK_HINT_SHIFT)).toBeLessThanOrEqual(SLOT_BYTES);
    expect(layout.R_STACK + layout.R_STACK_MAX * 4).toBeLessThanOrEqual(1 << layout.S_HINT_SHIFT);
    expect(SLOT_BYTES % 64).toBe(0);
  });

  it("leave room for the budgets: no field reaches into the next element, no word into the next table", () => {
    const { H_BINS, BIN_COUNT, H_BUDGET_LOCK, H_LEAVING, H_LEAVING_BLOCKS, CLASSES } = layout;
    expect(H_BINS + BIN_COUNT * 4).toBeLessThanOrEqual(H_BUDGET_LOCK);
    // Who lets the latch go reads both of these words by one load.
    expect([H_LEAVING % 8, H_LEAVING_BLOCKS]).toEqual([0, H_LEAVING + 4]);
    for (const [name, at] of Object.entries(layout))
      if (name.startsWith("H_")) expect(at, name).toBeLessThanOrEqual(CLASSES - 8);
    const least = (prefix: RegExp): number =>
      Math.max(...Object.entries(layout).flatMap(([name, at]) => (prefix.test(name) ? [at + 4] : [])));
    expect(least(/^B_(?!TAG_SHIFT)/)).toBeLessThanOrEqual(layout.NODE_BYTES);
    expect(least(/^V_/)).toBeLessThanOrEqual(layout.RESERVATION_BYTES);
    expect(layout.N_TEXT + limits.NAME_BYTES_MAX).toBeLessThanOrEqual(layout.NAME_BYTES);
    // Claims and 64-bit counters are read atomically, so each element stands at a multiple of 8.
    for (const bytes of [layout.CHUNK_HEADER, layout.NODE_BYTES, layout.RESERVATION_BYTES]) expect(bytes % 8).toBe(0);
    const { S_OUT, S_OUT_WORDS, S_WAKE, S_HINTS, S_REFUSER } = layout;
    expect(S_REFUSER + 4).toBeLessThanOrEqual(S_OUT);
    expect(S_OUT + S_OUT_WORDS * 4).toBeLessThanOrEqual(S_WAKE);
    expect(S_WAKE + 4).toBeLessThanOrEqual(S_HINTS);
    expect(limits.NAME_BYTES_MAX).toBeLessThanOrEqual(S_OUT_WORDS * 4);
  });

  it("have a sentence for each problem that check can find", () => {
    const codes = Object.entries(status).filter(([name]) => name.startsWith("BAD_"));
    expect(codes.length).toBeGreaterThan(10);
    for (const [name, code] of codes) expect(problemText(code, 5), name).not.toMatch(/^problem/);
    expect(problemText(999, 5)).toBe("problem 999 at 5");
    expect(new Set(Object.values(status)).size).toBe(Object.values(status).length);
  });
});

describe("the package's entry", () => {
  it("exports the documented names and no others", () => {
    expect(Object.keys(cistern).sort()).toEqual(
      [
        "Block",
        "Budget",
        "BudgetClosedError",
        "BudgetInUseError",
        "CACHE_PRIORITIES",
        "Cache",
        "CacheClosedError",
        "CachePinsError",
        "CisternError",
        "Heap",
        "ItemLimitExceededError",
        "MemoryLimitExceededError",
        "NoOwnerSlotError",
        "NotARegionError",
        "OwnerAliveError",
        "Region",
        "RegionBusyError",
        "RegionClosedError",
        "RegionInUseError",
        "RegionPoisonedError",
        "Reservation",
        "Ring",
        "RingClosedError",
        "RingDecodeError",
        "RingFullError",
        "RingTimeoutError",
        "StaleBlockError",
        "StaleLeaseError",
        "StalePinError",
        "StaleReservationError",
        "estimateSize",
        "formatSize",
        "parseSize",
      ].sort(),
    );
  });
});
