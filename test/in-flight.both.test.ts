// Deaths inside an operation, in Node and in a cross-origin isolated page. Goal: whatever step a thread died at, recovery gives a
// Block back exactly and at once; of a raw block it says what stays undecided, and counting settles it. Method: the operation is done, then
// the words that its last steps wrote are taken back, as docs/protocols.md § 1–6 list them: what a death before them leaves.
import { describe, expect, it } from "vitest";
import { J_BLOCK, J_RESIZE, J_WON } from "../assembly/shared/layout.js";
import { type Block, Region } from "../src/index.js";
import { expectSound, isAll, region } from "./lib/regions.js";
import { Words } from "./lib/words.js";

interface Scene {
  r: Region;
  dead: Region;
  words: Words;
  whole: number;
}

function scene(maxOwners = 2): Scene {
  const r = region({ maxOwners, busyMs: 0 });
  const whole = r.stats().largestFreeBytes;
  return { r, whole, dead: Region.attachSync(r.handle()), words: new Words(r) };
}

const id = ({ dead }: Scene): number => dead.ownerId;

/** Recovers at once, and expects exact books without a walk, then with one, then all of the region in one block. */
function expectRecovered(s: Scene, expected: object, used = 0): void {
  const { r, whole } = s;
  r.markDead(id(s));
  expect(r.recover(id(s))).toMatchObject({ done: true, undecided: null, ...expected });
  expect(r.usedBytes, "used bytes before any walk").toBe(used);
  expect(r.stats()).toMatchObject({ owners: 1, deadOwners: 0, undecidedBytes: 0 });
  expectSound(r, used);
  if (used === 0) expect(r.heap.alloc(whole)).not.toBe(0);
}

const SMALL = [16, 100, 1000, 8192];
const LARGE = [8193, 20_000, 100_000];

/** A Block's bytes, and what is left of it once the steps after a death are taken back. */
type Cut = (s: Scene, block: Block, p: number, bytes: number) => void;

const TAKING_SMALL: [string, { blocks: number; inFlight: boolean }, Cut][] = [
  [
    "the block is journalled",
    { blocks: 0, inFlight: false },
    (s, block, p) => {
      block.release();
      s.words.take(id(s), p | J_BLOCK);
    },
  ],
  [
    "the bit is taken",
    { blocks: 0, inFlight: true },
    (s, _, p, bytes) => {
      s.words.setClaim(p, 0n);
      s.words.take(id(s), p | J_BLOCK, bytes);
    },
  ],
  [
    "the record is written",
    { blocks: 1, inFlight: false },
    (s, _, p, bytes) => s.words.take(id(s), p | J_BLOCK, bytes),
  ],
  ["all is counted", { blocks: 1, inFlight: false }, () => {}],
];

const TAKING_LARGE: [string, { blocks: number }, Cut][] = [
  [
    "the run is journalled",
    { blocks: 0 },
    (s, block, p) => {
      block.release();
      s.words.take(id(s), p | J_BLOCK);
      s.words.lock = id(s);
    },
  ],
  [
    "the run is carved",
    { blocks: 0 },
    (s, _, p, bytes) => {
      s.words.setClaim(p, 0n);
      s.words.markInFlight(p);
      s.words.take(id(s), p | J_BLOCK, bytes);
      s.words.lock = id(s);
    },
  ],
  [
    "the record is written",
    { blocks: 0 },
    (s, _, p, bytes) => {
      s.words.markInFlight(p);
      s.words.take(id(s), p | J_BLOCK, bytes);
      s.words.lock = id(s);
    },
  ],
  [
    "the run is the taker's",
    { blocks: 1 },
    (s, _, p, bytes) => {
      s.words.take(id(s), p | J_BLOCK, bytes);
      s.words.lock = id(s);
    },
  ],
  ["all is counted", { blocks: 1 }, (s) => void (s.words.lock = id(s))],
];

const GIVING: [string, { blocks: number; inFlight: boolean }, Cut][] = [
  ["the release is journalled", { blocks: 1, inFlight: false }, (s, _, p) => s.words.give(id(s), p | J_BLOCK)],
  [
    "the record is empty",
    { blocks: 0, inFlight: true },
    (s, _, p) => {
      s.words.setClaim(p, 0n);
      s.words.give(id(s), p | J_BLOCK);
    },
  ],
  [
    "the release is won",
    { blocks: 0, inFlight: true },
    (s, _, p, bytes) => {
      s.words.setClaim(p, 0n);
      s.words.give(id(s), p | J_BLOCK | J_WON);
      s.words.wonBytes(id(s), bytes);
    },
  ],
];

describe("a Block in the middle of allocate", () => {
  for (const bytes of SMALL)
    it.each(TAKING_SMALL)(`of ${bytes} bytes, when %s`, (_, { blocks, inFlight }, cut) => {
      const s = scene();
      const block = s.dead.allocate(bytes);
      const p = block.offset;
      const granted = s.r.heap.usableSize(p);
      cut(s, block, p, granted);
      expectRecovered(s, { blocks, blockBytes: blocks * granted, inFlightBytes: inFlight ? granted : 0 });
    });

  for (const bytes of LARGE)
    it.each(TAKING_LARGE)(`of ${bytes} bytes, when %s`, (_, { blocks }, cut) => {
      const s = scene();
      const block = s.dead.allocate(bytes);
      const p = block.offset;
      const granted = s.r.heap.usableSize(p);
      cut(s, block, p, granted);
      expectRecovered(s, { blocks, blockBytes: blocks * granted, inFlightBytes: 0, heldLock: true });
    });
});

describe("a Block in the middle of release", () => {
  for (const bytes of [...SMALL, ...LARGE])
    it.each(GIVING)(`of ${bytes} bytes, when %s`, (_, { blocks, inFlight }, cut) => {
      const s = scene();
      const block = s.dead.allocate(bytes);
      const p = block.offset;
      const granted = s.r.heap.usableSize(p);
      cut(s, block, p, granted);
      expectRecovered(s, { blocks, blockBytes: blocks * granted, inFlightBytes: inFlight ? granted : 0 });
    });

  it.each(SMALL)("of %i bytes, when the bit is free and not counted", (bytes) => {
    const s = scene();
    const block = s.dead.allocate(bytes);
    const p = block.offset;
    const granted = s.r.heap.usableSize(p);
    block.release();
    s.words.give(id(s), p | J_BLOCK | J_WON, granted);
    expectRecovered(s, { blocks: 0, inFlightBytes: granted });
  });

  it.each(LARGE)("of %i bytes, when the run is marked freed and not counted", (bytes) => {
    const s = scene();
    const block = s.dead.allocate(bytes);
    const p = block.offset;
    const granted = s.r.heap.usableSize(p);
    s.words.setClaim(p, 0n);
    s.words.markFreed(p);
    s.words.give(id(s), p | J_BLOCK | J_WON);
    s.words.wonBytes(id(s), granted);
    expectRecovered(s, { blocks: 0, inFlightBytes: granted });
  });

  it.each([100, 20_000])("of %i bytes that is another's: it stays that one's until it is won", (bytes) => {
    const s = scene();
    const block = s.r.allocate(bytes);
    const granted = s.r.heap.usableSize(block.offset);
    block.bytes.fill(7);
    s.words.give(id(s), block.offset | J_BLOCK);
    expectRecovered(s, { blocks: 0, inFlightBytes: 0 }, granted);
    expect(isAll(block.bytes, 7)).toBe(true);
    expect(block.release()).toBe(true);
    expectSound(s.r, 0);
  });

  it("beside living Blocks of the same slab, which keep their bytes", () => {
    for (const [, { blocks }, cut] of GIVING) {
      const s = scene();
      const beside = Array.from({ length: 20 }, () => s.r.allocate(100));
      for (const other of beside) other.bytes.fill(9);
      const used = s.r.usedBytes;
      const block = s.dead.allocate(100);
      const granted = s.r.heap.usableSize(block.offset);
      cut(s, block, block.offset, granted);
      expectRecovered(s, { blocks }, used);
      for (const other of beside) {
        if (!isAll(other.bytes, 9)) expect.fail("a Block beside it was changed");
        expect(other.release()).toBe(true);
      }
      expectSound(s.r, 0);
    }
  });
});

describe("a Block that a dead and a living thread were both about to take", () => {
  it("is left to the living one's next step: recovery is not done, and done after it", () => {
    const s = scene(3);
    const living = Region.attachSync(s.r.handle());
    s.dead.allocate(100).release();
    const block = living.allocate(100);
    const p = block.offset;
    const bytes = s.r.heap.usableSize(p);
    const claim = s.words.claim(p);
    s.words.setClaim(p, 0n);
    s.words.take(living.ownerId, p | J_BLOCK, bytes);
    s.words.take(id(s), p | J_BLOCK);
    s.r.markDead(id(s));
    for (let again = 0; again < 3; again++) {
      expect(s.r.recover(id(s))).toMatchObject({ done: false, blocks: 0, inFlightBytes: 0 });
      expect(s.r.stats()).toMatchObject({ owners: 3, deadOwners: 1 });
    }
    s.words.setClaim(p, claim);
    s.words.take(living.ownerId, 0, -bytes);
    expect(s.r.recover(id(s))).toMatchObject({ done: true, blocks: 0, inFlightBytes: 0, undecided: null });
    expect(block.isLive).toBe(true);
    expectSound(s.r, bytes);
    expect(block.release()).toBe(true);
    living.close();
    expectSound(s.r, 0);
    expect(s.r.heap.alloc(s.whole)).not.toBe(0);
  });

  it.each([[[0, 1]], [[1, 0]]])("and both died: the books are exact in the order %j", (order) => {
    const s = scene(3);
    const second = Region.attachSync(s.r.handle());
    s.dead.allocate(100).release();
    const block = second.allocate(100);
    const p = block.offset;
    const bytes = s.r.heap.usableSize(p);
    s.words.setClaim(p, 0n);
    s.words.take(second.ownerId, p | J_BLOCK, bytes);
    s.words.take(id(s), p | J_BLOCK);
    const ids = [id(s), second.ownerId];
    for (const ownerId of ids) s.r.markDead(ownerId);
    for (const index of order) expect(s.r.recover(ids[index]!).done).toBe(true);
    expectSound(s.r, 0);
    expect(s.r.stats()).toMatchObject({ owners: 1, deadOwners: 0, undecidedBytes: 0, blocks: 0 });
    expect(s.r.heap.alloc(s.whole)).not.toBe(0);
  });
});

/** Recovers, and expects that the report names the raw block, that no byte beyond it is off, and that a walk settles it. */
function expectUndecided(s: Scene, p: number, used: number, most: number): void {
  const { r } = s;
  // One that is at work keeps every walk from settling anything.
  const witness = Region.attachSync(r.handle());
  const holder = s.words.lock;
  s.words.lock = 0;
  const busy = witness.heap.alloc(64);
  s.words.lock = holder;
  const busyBytes = r.heap.usableSize(busy);
  s.words.take(witness.ownerId, busy, busyBytes);
  r.markDead(id(s));
  const report = r.recover(id(s));
  expect(report).toMatchObject({ done: true, blocks: 0, undecided: { offset: p } });
  const { undecidedBytes } = r.stats();
  expect(undecidedBytes).toBe(report.undecided!.bytes);
  expect(undecidedBytes).toBeGreaterThan(0);
  expect(undecidedBytes).toBeLessThanOrEqual(most);
  expect(r.check().ok).toBe(true);
  expect(r.stats().undecidedBytes).toBe(undecidedBytes);
  expect(Math.abs(r.usedBytes - used)).toBeLessThanOrEqual(most);
  s.words.take(witness.ownerId, 0, -busyBytes);
  expect(r.heap.free(busy)).toBe(true);
  expect(r.check().usedBytes).toBe(used);
  expect(r.stats().undecidedBytes).toBe(0);
  expectSound(r, used);
  witness.close();
  if (used !== 0) expect(r.heap.free(p)).toBe(true);
  expectSound(r, 0);
  expect(r.heap.alloc(s.whole)).not.toBe(0);
}

describe("a raw block in flight", () => {
  it.each([...SMALL, ...LARGE])("of %i bytes that was only journalled stays free", (bytes) => {
    const s = scene(3);
    const p = s.dead.heap.alloc(bytes);
    const granted = s.r.heap.usableSize(p);
    s.dead.heap.free(p);
    s.words.take(id(s), p);
    expectUndecided(s, p, 0, granted);
  });

  it.each([...SMALL, ...LARGE])("of %i bytes, taken and not counted, stays live", (bytes) => {
    const s = scene(3);
    const p = s.dead.heap.alloc(bytes);
    const granted = s.r.heap.usableSize(p);
    s.words.take(id(s), p, granted);
    expectUndecided(s, p, granted, granted);
  });

  it.each(LARGE)("of %i bytes that its taker had carved and not yet got goes back", (bytes) => {
    const s = scene();
    const p = s.dead.heap.alloc(bytes);
    s.words.take(id(s), p, s.r.heap.usableSize(p));
    s.words.markInFlight(p);
    s.words.lock = id(s);
    expectRecovered(s, { blocks: 0, heldLock: true, undecided: { offset: p } });
  });

  it.each([...SMALL, ...LARGE])("of %i bytes, about to be freed, stays live", (bytes) => {
    const s = scene(3);
    const p = s.dead.heap.alloc(bytes);
    const granted = s.r.heap.usableSize(p);
    s.words.give(id(s), p);
    expectUndecided(s, p, granted, granted);
  });

  it.each(SMALL)("of %i bytes, freed and not counted, is free", (bytes) => {
    const s = scene(3);
    const p = s.dead.heap.alloc(bytes);
    const granted = s.r.heap.usableSize(p);
    s.dead.heap.free(p);
    s.words.give(id(s), p, granted);
    expectUndecided(s, p, 0, granted);
  });

  it.each(LARGE)("of %i bytes, marked freed and not counted, is free", (bytes) => {
    const s = scene(3);
    const p = s.dead.heap.alloc(bytes);
    s.words.markFreed(p);
    s.words.give(id(s), p);
    expectUndecided(s, p, 0, s.r.heap.usableSize(p) || bytes + 1024);
  });

  it("whose run had grown, or shrunk, and was not counted, is counted", () => {
    for (const [from, to] of [
      [20_000, 60_000],
      [60_000, 20_000],
    ] as const) {
      const s = scene(3);
      // Runs come from the end of what is free: what is freed behind this one is what it grows into.
      const behind = s.dead.heap.alloc(100_000);
      const p = s.dead.heap.alloc(from);
      s.dead.heap.free(behind);
      const before = s.r.heap.usableSize(p);
      expect(s.dead.heap.realloc(p, to)).toBe(p);
      const after = s.r.heap.usableSize(p);
      if (after > before) s.words.take(id(s), p | J_RESIZE, after - before);
      else s.words.give(id(s), p | J_RESIZE, before - after);
      s.words.lock = id(s);
      expectUndecided(s, p, after, Math.max(before, after));
    }
  });

  it("of each of many dead is settled by one walk", () => {
    const r = region({ maxOwners: 12 });
    const words = new Words(r);
    const dead = Array.from({ length: 11 }, () => Region.attachSync(r.handle()));
    let used = 0;
    for (const [i, { heap, ownerId }] of dead.entries()) {
      const p = heap.alloc(50 + i * 100);
      const bytes = heap.usableSize(p);
      if (i % 3 === 0) words.take(ownerId, p, bytes);
      else if (i % 3 === 1) words.give(ownerId, p);
      else {
        heap.free(p);
        words.give(ownerId, p, bytes);
      }
      if (i % 3 !== 2) used += bytes;
      r.markDead(ownerId);
    }
    for (const { ownerId } of dead) expect(r.recover(ownerId)).toMatchObject({ done: true });
    expect(r.check()).toMatchObject({ ok: true, usedBytes: used });
    expectSound(r, used);
    expect(r.stats()).toMatchObject({ undecidedBytes: 0, owners: 1 });
  });
});
