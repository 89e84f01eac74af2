// Blocks that change hands, in Node and in a cross-origin isolated page. Goal: a Block is one thread's at every instant, or the
// region's; it goes when its holder goes, and no other handle to it works. Method: second attachments in this thread give, take
// and die; forged handles with the region's bytes compared before and after, as in hostile.both.test.ts.
import { describe, expect, it } from "vitest";
import { SLOTS, SLOT_BYTES, S_CLAIM, S_REASON, S_SEQUENCE } from "../assembly/shared/layout.js";
import { type Block, type BlockHandle, Region, StaleBlockError } from "../src/index.js";
import { random } from "./lib/random.js";
import { expectSound, isAll, opens, region, releases } from "./lib/regions.js";

const SEED = 20_260_104;
const SIZES = [16, 1000, 8192, 8193, 100_000];

interface Scene {
  r: Region;
  whole: number;
  giver: Region;
  taker: Region;
}

function scene(): Scene {
  const r = region({ maxOwners: 4, busyMs: 0 });
  const whole = r.stats().largestFreeBytes;
  return { r, whole, giver: Region.attachSync(r.handle()), taker: Region.attachSync(r.handle()) };
}

function die(r: Region, { ownerId }: Region): ReturnType<Region["recover"]> {
  expect(r.markDead(ownerId)).toBe(true);
  const report = r.recover(ownerId);
  expect(report.done).toBe(true);
  return report;
}

function expectStale(block: Block): void {
  expect(block.isLive).toBe(false);
  for (const use of [() => block.bytes, () => block.offset, () => block.handle(), () => block.resize(9)])
    expect(use).toThrow(StaleBlockError);
  expect(() => block.share()).toThrow(StaleBlockError);
  expect(block.release()).toBe(false);
}

function expectWhole({ r, whole }: Scene): void {
  expectSound(r, 0);
  expect(r.heap.alloc(whole)).not.toBe(0);
}

describe("adopt", () => {
  it.each(SIZES)("moves a Block of %i bytes: same place, same bytes, and the giver's handles are stale", (bytes) => {
    const s = scene();
    const given = s.giver.allocate(bytes);
    given.bytes.fill(7);
    const { offset } = given;
    const handle = structuredClone(given.handle());
    const used = s.r.usedBytes;
    const taken = s.taker.adopt(handle);
    expectStale(given);
    expect([opens(s.r, handle), releases(s.r, handle)]).toEqual([false, false]);
    expect([taken.isLive, taken.offset, taken.size]).toEqual([true, offset, bytes]);
    expect(isAll(taken.bytes, 7)).toBe(true);
    expectSound(s.r, used);
    expect(taken.release()).toBe(true);
    expectStale(taken);
    expectWhole(s);
  });

  it.each(SIZES)("lets a Block of %i bytes outlive its giver's death, and not its taker's", (bytes) => {
    const s = scene();
    const given = s.giver.allocate(bytes);
    const granted = s.r.heap.usableSize(given.offset);
    const taken = s.taker.adopt(given.handle());
    taken.bytes.fill(3);
    expect(die(s.r, s.giver)).toMatchObject({ blocks: 0, blockBytes: 0 });
    expect(isAll(taken.bytes, 3)).toBe(true);
    expectSound(s.r, granted);
    expect(die(s.r, s.taker)).toMatchObject({ blocks: 1, blockBytes: granted });
    expectStale(taken);
    expectWhole(s);
  });

  it.each(SIZES)("lets a Block of %i bytes outlive its giver's close, and not its taker's", (bytes) => {
    const s = scene();
    const taken = s.taker.adopt(s.giver.allocate(bytes).handle());
    s.giver.close();
    expect(taken.isLive).toBe(true);
    s.taker.close();
    expectStale(taken);
    expectWhole(s);
  });

  it("of one handle twice gives the Block to the first: the second is refused", () => {
    const s = scene();
    const handle = s.giver.allocate(100).handle();
    const first = s.r.adopt(handle);
    expect(() => s.taker.adopt(handle)).toThrow(StaleBlockError);
    expect(() => s.r.adopt(handle)).toThrow(StaleBlockError);
    expect(first.isLive).toBe(true);
    expect(s.taker.adopt(first.handle()).isLive).toBe(true);
    expectStale(first);
  });

  it("by its own thread makes the handles that it gave away stale, and keeps the Block", () => {
    const s = scene();
    const block = s.giver.allocate(100);
    const handle = block.handle();
    const again = s.giver.adopt(handle);
    expectStale(block);
    expect(releases(s.r, handle)).toBe(false);
    expect(again.release()).toBe(true);
    expectWhole(s);
  });

  it("passes a Block on and on, and it is the last one's", () => {
    const s = scene();
    let block = s.r.allocate(100);
    block.bytes.fill(5);
    const seen: BlockHandle[] = [];
    for (let round = 0; round < 300; round++) {
      seen.push(block.handle());
      block = (round % 2 === 0 ? s.giver : s.taker).adopt(block.handle());
    }
    for (const handle of seen) expect(releases(s.r, handle)).toBe(false);
    expect(isAll(block.bytes, 5)).toBe(true);
    expect(die(s.r, s.giver)).toMatchObject({ blocks: 0 });
    expect(die(s.r, s.taker)).toMatchObject({ blocks: 1 });
    expectWhole(s);
  });

  it("of a Block whose holder died is refused after the recovery, and saves it before", () => {
    const s = scene();
    const saved = s.giver.allocate(100);
    const lost = s.giver.allocate(100).handle();
    s.r.markDead(s.giver.ownerId);
    const mine = s.taker.adopt(saved.handle());
    expect(s.r.recover(s.giver.ownerId)).toMatchObject({ done: true, blocks: 1 });
    expect(() => s.taker.adopt(lost)).toThrow(StaleBlockError);
    expect(mine.release()).toBe(true);
    expectWhole(s);
  });

  it("leaves the Block as resizable as it was, with its alignment", () => {
    const s = scene();
    const given = s.giver.allocate(100, { align: 4096 });
    const taken = s.taker.adopt(given.handle());
    taken.bytes.fill(1);
    taken.resize(9000);
    expect(taken.offset % 4096).toBe(0);
    expect(isAll(taken.bytes.subarray(0, 100), 1)).toBe(true);
    expect(isAll(taken.bytes.subarray(100), 0)).toBe(true);
    expect(die(s.r, s.taker)).toMatchObject({ blocks: 1 });
    expectWhole(s);
  });
});

describe("share", () => {
  it.each(SIZES)("lets a Block of %i bytes outlive its thread, by close and by death", (bytes) => {
    for (const end of [(s: Scene) => s.giver.close(), (s: Scene) => void die(s.r, s.giver)]) {
      const s = scene();
      const block = s.giver.allocate(bytes);
      const granted = s.r.heap.usableSize(block.offset);
      block.bytes.fill(8);
      const handle = block.share().handle();
      end(s);
      expectSound(s.r, granted);
      const found = s.r.open(structuredClone(handle));
      expect(isAll(found.bytes, 8)).toBe(true);
      expect(found.release()).toBe(true);
      expectWhole(s);
    }
  });

  it("makes the handles from before stale, and the Block itself keeps working", () => {
    const s = scene();
    const block = s.giver.allocate(100);
    const before = block.handle();
    const opened = s.taker.open(before);
    expect(block.share()).toBe(block);
    expectStale(opened);
    expect([opens(s.r, before), releases(s.r, before)]).toEqual([false, false]);
    expect(() => s.taker.adopt(before)).toThrow(StaleBlockError);
    block.bytes.fill(1);
    expect(isAll(s.taker.open(block.handle()).bytes, 1)).toBe(true);
    expect(block.release()).toBe(true);
    expectWhole(s);
  });

  it("lets any thread release it, once", () => {
    const s = scene();
    const block = s.giver.allocate(100).share();
    const handle = block.handle();
    expect(s.taker.open(handle).release()).toBe(true);
    expect([s.r.open(handle).release(), releases(s.giver, handle), block.release()]).toEqual([false, false, false]);
    expectWhole(s);
  });

  it("again leaves it the region's, under a new handle", () => {
    const s = scene();
    const block = s.giver.allocate(100).share();
    const first = block.handle();
    block.share();
    expect(releases(s.r, first)).toBe(false);
    expect(die(s.r, s.giver)).toMatchObject({ blocks: 0 });
    expect(releases(s.r, block.handle())).toBe(true);
    expectWhole(s);
  });

  it("is undone by adopt: the Block goes with the thread that adopted it", () => {
    const s = scene();
    const shared = s.giver.allocate(20_000).share();
    const mine = s.taker.adopt(shared.handle());
    expectStale(shared);
    die(s.r, s.giver);
    expect(mine.isLive).toBe(true);
    expect(die(s.r, s.taker)).toMatchObject({ blocks: 1 });
    expectWhole(s);
  });

  it("by a thread that opened the Block makes it the region's as well", () => {
    const s = scene();
    const block = s.giver.allocate(100);
    const opened = s.taker.open(block.handle()).share();
    expectStale(block);
    expect(die(s.r, s.giver)).toMatchObject({ blocks: 0 });
    expect(die(s.r, s.taker)).toMatchObject({ blocks: 0 });
    expect(opens(s.r, opened.handle())).toBe(true);
    expect(releases(s.r, opened.handle())).toBe(true);
    expectWhole(s);
  });

  it("leaves nothing of a later owner of the slot to the Block, nor the other way", () => {
    const s = scene();
    const block = s.giver.allocate(100).share();
    const handle = block.handle();
    const slot = s.giver.ownerId & 0xff;
    die(s.r, s.giver);
    for (let round = 0; round < 3; round++) {
      const next = Region.attachSync(s.r.handle());
      expect(next.ownerId & 0xff).toBe(slot);
      next.allocate(100);
      expect(die(s.r, next)).toMatchObject({ blocks: 1 });
      expect(opens(s.r, handle)).toBe(true);
    }
    expect(releases(s.r, handle)).toBe(true);
    expectWhole(s);
  });

  it("stays shared when resize moves the Block", () => {
    const s = scene();
    const block = s.giver.allocate(100).share();
    block.bytes.fill(7);
    block.resize(50_000);
    const handle = block.handle();
    expect(die(s.r, s.giver)).toMatchObject({ blocks: 0 });
    const kept = s.taker.open(handle);
    expect([kept.isLive, isAll(kept.bytes.subarray(0, 100), 7)]).toEqual([true, true]);
    expect(kept.release()).toBe(true);
    s.taker.close();
    expectWhole(s);
  });
});

/** Calls `act` and says which words of the region it changed, but for the caller's own sequence, last claim and reason. */
function changedBy(r: Region, act: () => unknown): number[] {
  const before = r.heap.u32.slice();
  act();
  const slot = SLOTS + (r.ownerId & 0xff) * SLOT_BYTES;
  const own = [S_REASON, S_CLAIM, S_CLAIM + 4, S_SEQUENCE, S_SEQUENCE + 4].map((at) => (slot + at) >>> 2);
  const changed: number[] = [];
  for (let i = 0; i < before.length; i++) if (before[i] !== r.heap.u32[i] && !own.includes(i)) changed.push(i * 4);
  return changed;
}

/** Whether `handle` was adopted, or shared; a handle that names no live Block is refused. */
function moves(r: Region, handle: BlockHandle): boolean {
  let moved = false;
  for (const act of [() => r.adopt(handle), () => r.open(handle).share()]) {
    try {
      act();
      moved = true;
    } catch (error) {
      expect(error).toBeInstanceOf(StaleBlockError);
    }
  }
  return moved;
}

describe("a forged handle", () => {
  it("adopts and shares nothing, and changes no byte: stale, of another Block, of a raw block, off by one or by 2^32", () => {
    const { r, giver } = scene();
    const live = [16, 100, 1000, 8192, 8193, 20_000].map((bytes) => giver.allocate(bytes));
    const raw = [16, 100, 1000, 8193].map((bytes) => r.heap.alloc(bytes));
    const gone = [16, 100, 8193].map((bytes) => {
      const block = giver.allocate(bytes);
      const handle = block.handle();
      block.release();
      return handle;
    });
    const shared = giver.allocate(100);
    gone.push(shared.handle());
    shared.share();
    const forged: BlockHandle[] = [...gone];
    const handles = live.map((block) => block.handle());
    handles.forEach(({ offset, size, claim: [low, high] }, i) => {
      const other = handles[(i + 1) % handles.length]!.claim;
      for (const claim of [other, [0, 0], [low + 1, high], [low, high ^ (1 << 20)], [low, high ^ (3 << 20)], [0, high]])
        forged.push({ offset, size, claim: claim as [number, number] });
      for (const at of [offset + 8, offset + 1, offset - 8, 0, r.capacityBytes, offset + 2 ** 32])
        forged.push({ offset: at, size, claim: [low, high] });
      forged.push({ offset, size, claim: [low + 2 ** 32, high] });
    });
    for (const offset of raw) forged.push({ offset, size: 8, claim: handles[0]!.claim });
    for (const handle of forged)
      expect(
        changedBy(r, () => expect(moves(r, handle)).toBe(false)),
        JSON.stringify(handle),
      ).toEqual([]);
    expect(live.every((block) => block.isLive)).toBe(true);
    expectSound(r);
  });

  it("with a changed size is refused before the Block moves", () => {
    const { r, giver } = scene();
    const block = giver.allocate(100);
    const usable = r.heap.usableSize(block.offset);
    for (const size of [0, -1, usable + 1, 2 ** 32]) {
      expect(changedBy(r, () => expect(() => r.adopt({ ...block.handle(), size })).toThrow(TypeError))).toEqual([]);
    }
    expect(block.isLive).toBe(true);
  });

  it("that is no handle is a TypeError, and changes no byte", () => {
    const { r, giver } = scene();
    const good = giver.allocate(100).handle();
    const wrong: unknown[] = [undefined, null, 5, "x", {}, { ...good, claim: undefined }, { ...good, claim: [1] }];
    wrong.push({ ...good, claim: [1.5, 2] }, { ...good, offset: "8" }, { ...good, size: undefined });
    for (const handle of wrong)
      expect(changedBy(r, () => expect(() => r.adopt(handle as BlockHandle)).toThrow(TypeError))).toEqual([]);
  });

  it("with random words moves nothing, 20 000 times", () => {
    const { r, giver } = scene();
    const by = random(SEED);
    const blocks = Array.from({ length: 50 }, () => giver.allocate(by.size(1, 9000)));
    let moved = 0;
    const changed = changedBy(r, () => {
      for (let i = 0; i < 20_000; i++) {
        const { offset, claim } = by.pick(blocks).handle();
        const forged: [number, number] = [claim[0], claim[1]];
        forged[by.below(2)]! ^= 1 << by.below(32);
        if (moves(r, { offset: by.below(8) ? offset : by.next() & ~7, size: 1, claim: forged })) moved++;
      }
    });
    expect([moved, changed], `seed ${SEED}`).toEqual([0, []]);
    expect(blocks.every((block) => block.isLive)).toBe(true);
    expectSound(r);
  });
});
