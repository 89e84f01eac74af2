// Recovery, in Node and in a cross-origin isolated page. Goal: what a dead owner held comes back, to the byte and once; what is not
// its own stays; a living owner keeps what it holds. Method: second attachments in this thread stand for threads that died between
// two operations. Deaths inside an operation: in-flight.both.test.ts; real threads: watch*.test.ts and stress/kill.test.ts.
import { describe, expect, it } from "vitest";
import {
  type Block,
  CisternError,
  OwnerAliveError,
  Region,
  RegionBusyError,
  RegionClosedError,
  RegionInUseError,
  type RegionHandle,
} from "../src/index.js";
import { expectSound, fillUp, isAll, opens, region } from "./lib/regions.js";
import { Words } from "./lib/words.js";

const SIZES = [1, 16, 100, 1000, 5000, 8192, 8193, 20_000, 100_000];

/** A region of two owners, of which the second one dies. */
function pair(maxOwners = 2): { r: Region; whole: number; dead: Region } {
  const r = region({ maxOwners, busyMs: 0 });
  const whole = r.stats().largestFreeBytes;
  return { r, whole, dead: Region.attachSync(r.handle()) };
}

const granted = (r: Region, blocks: readonly Block[]): number =>
  blocks.reduce((sum, { offset }) => sum + r.heap.usableSize(offset), 0);

function expectWhole(r: Region, whole: number): void {
  expectSound(r, 0);
  const all = r.heap.alloc(whole);
  expect(all, "one block of all that was free at the start").not.toBe(0);
  expect(r.heap.free(all)).toBe(true);
  expectSound(r, 0);
}

function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("recover", () => {
  it("gives the Blocks of every size back and reports their number and bytes", () => {
    const { r, whole, dead } = pair();
    const blocks = SIZES.map((bytes) => dead.allocate(bytes));
    const handles = blocks.map((block) => block.handle());
    const bytes = granted(r, blocks);
    expect(r.markDead(dead.ownerId)).toBe(true);
    expect(r.usedBytes).toBe(bytes);
    expect(r.recover(dead.ownerId)).toEqual({
      ownerId: dead.ownerId,
      done: true,
      blocks: SIZES.length,
      blockBytes: bytes,
      inFlightBytes: 0,
      reservations: 0,
      reservedBytes: 0,
      heldLock: false,
      ringRecords: 0,
      undecided: null,
    });
    for (const handle of handles) expect(opens(r, handle)).toBe(false);
    expectWhole(r, whole);
  });

  it("gives back a thousand Blocks that lie between others' Blocks and raw blocks, which keep their bytes", () => {
    const { r, dead } = pair();
    const theirs: Block[] = [];
    const ours: Block[] = [];
    const raw: number[] = [];
    for (let i = 0; i < 1000; i++) {
      theirs.push(dead.allocate(1 + ((i * 37) % 600)));
      ours.push(r.allocate(1 + ((i * 53) % 150)));
      raw.push(dead.heap.alloc(1 + ((i * 29) % 100)));
      ours[i]!.bytes.fill(i & 0xff);
      r.heap.view(raw[i]!).fill((i + 1) & 0xff);
    }
    const bytes = granted(r, theirs);
    const used = r.usedBytes;
    r.markDead(dead.ownerId);
    expect(r.recover(dead.ownerId)).toMatchObject({ done: true, blocks: 1000, blockBytes: bytes });
    expectSound(r, used - bytes);
    for (let i = 0; i < 1000; i++) {
      if (!isAll(ours[i]!.bytes, i & 0xff)) expect.fail(`our Block ${i} was changed`);
      if (!isAll(r.heap.view(raw[i]!), (i + 1) & 0xff)) expect.fail(`the dead one's raw block ${i} was changed`);
    }
  });

  it("leaves raw blocks live: they are the region's, and anyone frees them", () => {
    const { r, whole, dead } = pair();
    const raw = SIZES.map((bytes) => dead.heap.alloc(bytes));
    for (const offset of raw) r.heap.view(offset).fill(0x33);
    const used = r.usedBytes;
    r.markDead(dead.ownerId);
    expect(r.recover(dead.ownerId)).toMatchObject({ done: true, blocks: 0, blockBytes: 0, undecided: null });
    expectSound(r, used);
    for (const offset of raw) {
      expect(isAll(r.heap.view(offset), 0x33)).toBe(true);
      expect(r.heap.free(offset)).toBe(true);
    }
    expectWhole(r, whole);
  });

  it("gives back what a thread held that had filled the region", () => {
    const { r, whole, dead } = pair();
    const blocks: Block[] = [];
    for (const bytes of [50_000, 3000, 40, 8]) {
      try {
        for (;;) blocks.push(dead.allocate(bytes));
      } catch (error) {
        expect(error).toMatchObject({ code: "ERR_MEMORY_LIMIT" });
      }
    }
    expect(r.heap.alloc(8)).toBe(0);
    r.markDead(dead.ownerId);
    expect(r.recover(dead.ownerId)).toMatchObject({ done: true, blocks: blocks.length });
    expectWhole(r, whole);
    for (const offset of fillUp(r)) expect(r.heap.free(offset)).toBe(true);
    expectWhole(r, whole);
  });

  it("makes the empty slabs known that the dead one had freed its blocks into", () => {
    const { r, whole, dead } = pair();
    for (const bytes of [16, 100, 1000, 5000]) {
      const raw = Array.from({ length: 60 }, () => dead.heap.alloc(bytes));
      const blocks = Array.from({ length: 60 }, () => dead.allocate(bytes));
      for (const offset of raw) dead.heap.free(offset);
      for (const block of blocks) block.release();
    }
    r.markDead(dead.ownerId);
    r.recover(dead.ownerId);
    expectWhole(r, whole);
  });

  it("frees the slot by the end, again and again", () => {
    const r = region({ maxOwners: 2 });
    const whole = r.stats().largestFreeBytes;
    const ids = new Set<number>();
    for (let round = 0; round < 50; round++) {
      const dead = Region.attachSync(r.handle());
      ids.add(dead.ownerId);
      for (const bytes of SIZES) dead.allocate(bytes);
      expect(errorOf(() => Region.attachSync(r.handle()))).toMatchObject({ code: "ERR_NO_OWNER_SLOT" });
      r.markDead(dead.ownerId);
      expect(errorOf(() => Region.attachSync(r.handle()))).toMatchObject({ code: "ERR_NO_OWNER_SLOT" });
      expect(r.stats()).toMatchObject({ owners: 2, deadOwners: 1 });
      expect(r.recover(dead.ownerId)).toMatchObject({ done: true, blocks: SIZES.length });
      expect(r.stats()).toMatchObject({ owners: 1, deadOwners: 0, undecidedBytes: 0, blocks: 0 });
    }
    expect(ids.size).toBe(50);
    expectWhole(r, whole);
  });

  it("twice is once: the second one finds nothing and is done, also when another holds the slot", () => {
    const { r, dead } = pair();
    const { ownerId } = dead;
    dead.allocate(100);
    r.markDead(ownerId);
    expect(r.recover(ownerId)).toMatchObject({ done: true, blocks: 1 });
    const nothing = {
      done: true,
      blocks: 0,
      blockBytes: 0,
      inFlightBytes: 0,
      reservations: 0,
      reservedBytes: 0,
      heldLock: false,
      ringRecords: 0,
      undecided: null,
    };
    expect(r.recover(ownerId)).toEqual({ ownerId, ...nothing });
    const next = Region.attachSync(r.handle());
    expect(next.ownerId & 0xff).toBe(ownerId & 0xff);
    const block = next.allocate(100);
    expect(r.recover(ownerId)).toEqual({ ownerId, ...nothing });
    expect(block.isLive).toBe(true);
    expect(r.markDead(ownerId)).toBe(false);
    expectSound(r);
  });

  it("works from any thread that is attached, not only from the creator's", () => {
    const { r, whole, dead } = pair(3);
    const other = Region.attachSync(r.handle());
    dead.allocate(100);
    other.markDead(dead.ownerId);
    expect(other.recover(dead.ownerId)).toMatchObject({ done: true, blocks: 1 });
    expect(r.recover(dead.ownerId)).toMatchObject({ done: true, blocks: 0 });
    other.close();
    expectWhole(r, whole);
  });

  it("works for the creator too, and the others go on", () => {
    const { r, dead: other } = pair();
    const block = other.allocate(100);
    r.allocate(5000);
    expect(other.markDead(r.ownerId)).toBe(true);
    expect(other.recover(r.ownerId)).toMatchObject({ done: true, blocks: 1 });
    expect(block.isLive).toBe(true);
    block.release();
    expectSound(other, 0);
    const next = Region.attachSync(other.handle());
    expect(next.heap.alloc(100)).not.toBe(0);
  });

  it("of one of many dead leaves the Blocks of the others", () => {
    const r = region({ maxOwners: 6 });
    const whole = r.stats().largestFreeBytes;
    const dead = Array.from({ length: 5 }, () => Region.attachSync(r.handle()));
    const blocks = dead.map((owner) => SIZES.slice(0, 7).map((bytes) => owner.allocate(bytes).handle()));
    for (const { ownerId } of dead) r.markDead(ownerId);
    expect(r.stats().deadOwners).toBe(5);
    for (const [i, { ownerId }] of dead.entries()) {
      expect(r.recover(ownerId)).toMatchObject({ done: true, blocks: 7 });
      for (const [j, handles] of blocks.entries()) for (const handle of handles) expect(opens(r, handle)).toBe(j > i);
    }
    expectWhole(r, whole);
  });

  it("takes the page lock over that the dead one held, and says so", () => {
    const { r, whole, dead } = pair();
    dead.allocate(20_000);
    const words = new Words(r);
    words.lock = dead.ownerId;
    r.markDead(dead.ownerId);
    expect(r.recover(dead.ownerId)).toMatchObject({ done: true, blocks: 1, heldLock: true });
    expect(words.lock).toBe(0);
    expect(r.stats().rebuilds).toBe(1);
    expectWhole(r, whole);
  });

  it("says busy while a living one holds the page lock, has changed nothing, and works afterwards", () => {
    const { r, whole, dead } = pair(3);
    const holder = Region.attachSync(r.handle());
    const block = dead.allocate(100);
    r.markDead(dead.ownerId);
    const words = new Words(r);
    words.lock = holder.ownerId;
    expect(errorOf(() => r.recover(dead.ownerId))).toBeInstanceOf(RegionBusyError);
    expect(block.isLive).toBe(true);
    words.lock = 0;
    expect(r.recover(dead.ownerId)).toMatchObject({ done: true, blocks: 1, heldLock: false });
    holder.close();
    expectWhole(r, whole);
  });
});

describe("recover refuses", () => {
  it("an owner that lives, and says the way out; nothing is changed", () => {
    const { r, dead: living } = pair();
    const block = living.allocate(100);
    for (const id of [living.ownerId, r.ownerId]) {
      const error = errorOf(() => r.recover(id));
      expect(error).toBeInstanceOf(OwnerAliveError);
      expect(error).toBeInstanceOf(CisternError);
      expect(error).toMatchObject({ code: "ERR_OWNER_ALIVE", ownerId: id });
      expect((error as Error).message).toMatch(new RegExp(`owner ${id} is alive.*markDead`));
    }
    expect(block.isLive).toBe(true);
    expect(r.stats()).toMatchObject({ owners: 2, deadOwners: 0 });
  });

  it("numbers that never were an owner's", () => {
    const { r, dead } = pair();
    const { ownerId } = dead;
    const never = [0, 1, 2, 3, 255, ownerId + 256, ownerId & 0xff, ownerId + 1, 0x7fffffff];
    for (const id of never) {
      const error = errorOf(() => r.recover(id));
      expect(error, String(id)).toBeInstanceOf(RangeError);
      expect((error as Error).message).toContain(`${id} never was an owner`);
    }
    dead.close();
    expect(() => r.recover(ownerId + 256)).toThrow(RangeError);
    expect(r.recover(ownerId)).toMatchObject({ done: true, blocks: 0 });
  });

  it("what is no number of an owner", () => {
    const { r } = pair();
    for (const id of [-1, 1.5, Number.NaN, Infinity, 2 ** 31, 2 ** 32 + 257])
      expect(() => r.recover(id)).toThrow(RangeError);
    for (const id of ["257", null, undefined, {}, [257], 257n])
      expect(() => r.recover(id as number)).toThrow(TypeError);
  });
});

describe("closing a region", () => {
  it("with a dead owner that is not recovered is refused; after the recovery it closes", () => {
    const { r, dead } = pair();
    dead.allocate(100);
    expect(errorOf(() => r.close())).toBeInstanceOf(RegionInUseError);
    r.markDead(dead.ownerId);
    const error = errorOf(() => r.close());
    expect(error).toBeInstanceOf(RegionInUseError);
    expect(error).toMatchObject({ owners: 1 });
    expect(r.heap.alloc(100)).not.toBe(0);
    r.recover(dead.ownerId);
    r.close();
    expect(() => r.check()).toThrow(RegionClosedError);
  });

  it("makes recover, watch, markDead, adopt and share say so", () => {
    const r = region({ name: "ended" });
    const dead = Region.attachSync(r.handle());
    const { ownerId } = dead;
    dead.close();
    const block = r.allocate(100);
    const handle = block.handle();
    r.close();
    for (const act of [
      () => r.recover(ownerId),
      () => r.watch(ownerId),
      () => r.markDead(ownerId),
      () => r.adopt(handle),
    ]) {
      const error = errorOf(act);
      expect(error, String(act)).toBeInstanceOf(RegionClosedError);
      expect(error).toMatchObject({ code: "ERR_REGION_CLOSED", message: 'region "ended" is closed' });
    }
    // A Block of a closed region is stale before it is anything else.
    expect(errorOf(() => block.share())).toMatchObject({ code: "ERR_BLOCK_STALE" });
  });
});

describe("a region's handle", () => {
  it("survives structuredClone with its id, which is another for each region", () => {
    const r = region({ name: "same" });
    const copy = structuredClone(r.handle()) as RegionHandle;
    expect(copy.id).toBe(r.handle().id);
    expect(copy.id).not.toBe(region({ name: "same" }).handle().id);
    const dead = Region.attachSync(copy);
    expect(dead.handle().id).toBe(r.handle().id);
    r.markDead(dead.ownerId);
    expect(r.recover(dead.ownerId).done).toBe(true);
    expect(() => Region.attachSync({ ...copy, id: 5 as unknown as string })).toThrow(TypeError);
  });
});
