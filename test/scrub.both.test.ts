// Regions that scrub, in Node and in a cross-origin isolated page. Goal: of what is given back no byte can be found again, whichever way it goes, and
// what is not given back stays. Method: every byte that is written is a secret that nothing else in the region looks like; after each way back it
// is looked for in the whole memory, and check() walks all free memory.
import { describe, expect, it } from "vitest";
import { Region } from "../src/index.js";
import { expectSound, region } from "./lib/regions.js";

const SECRET = 0xa7;
const MANY = 12;

const scrubbing = (size: number | string = "1MiB"): Region => region({ size, scrub: true, busyMs: 0 });

/** How many runs of the secret there are in the region. */
function secrets({ heap: { u8 } }: Region): number {
  let count = 0;
  let run = 0;
  for (const byte of u8) {
    run = byte === SECRET ? run + 1 : 0;
    if (run === MANY) count++;
  }
  return count;
}

function tell(r: Region, offset: number, bytes: number): number {
  r.heap.u8.fill(SECRET, offset, offset + bytes);
  return offset;
}

const told = (r: Region, bytes: number): number => tell(r, r.heap.allocUnsafe(bytes), bytes);

function toldBlock(r: Region, bytes: number, options?: Parameters<Region["allocate"]>[1]) {
  const block = r.allocate(bytes, options);
  block.bytes.fill(SECRET);
  return block;
}

function expectNothingLeft(r: Region, others = 0): void {
  expect(secrets(r)).toBe(others);
  expectSound(r);
}

describe("a region that scrubs keeps nothing of", () => {
  it.each([16, 100, 1000, 8000, 9000, 70_000])(
    "a block of %i bytes that is freed, and all of its neighbour",
    (bytes) => {
      const r = scrubbing();
      const [one, other] = [told(r, bytes), told(r, bytes)];
      expect(r.heap.free(one)).toBe(true);
      expectNothingLeft(r, 1);
      // Refused, it changes nothing: freed before, no start of a block, a Block's.
      const block = toldBlock(r, bytes);
      expect([r.heap.free(one), r.heap.free(other + 8), r.heap.free(block.offset)]).toEqual([false, false, false]);
      expectNothingLeft(r, 2);
      expect([r.heap.free(other), block.release()]).toEqual([true, true]);
      expectNothingLeft(r);
    },
  );

  it("a block that moved, or became shorter", () => {
    const r = scrubbing();
    const grown = r.heap.realloc(told(r, 200), 5000);
    expectNothingLeft(r, 1);
    const run = r.heap.realloc(told(r, 60_000), 20_000);
    expect(r.heap.u8.subarray(run, run + 20_000).every((byte) => byte === SECRET)).toBe(true);
    expectNothingLeft(r, 2);
    expect([r.heap.free(grown), r.heap.free(run)]).toEqual([true, true]);
    expectNothingLeft(r);
  });

  it.each([64, 3000, 30_000])("a Block of %i bytes, released or resized", (bytes) => {
    const r = scrubbing();
    const block = toldBlock(r, bytes);
    block.resize(bytes * 3);
    block.bytes.fill(SECRET, 0, bytes);
    expectNothingLeft(r, 1);
    block.resize(Math.ceil(bytes / 4));
    block.release();
    expectNothingLeft(r);
  });

  it("what was charged to a budget, freed or closed with it", () => {
    const r = scrubbing();
    const budget = r.budget("secret", { limit: "512KiB" });
    const offsets = [40, 700, 20_000].map((bytes) => tell(r, r.heap.allocUnsafe(bytes, { budget }), bytes));
    for (const bytes of [40, 700, 20_000]) tell(r, r.heap.alloc(bytes, { budget }), bytes);
    toldBlock(r, 500, { budget });
    toldBlock(r, 9000, { budget });
    for (const offset of offsets) r.heap.free(offset);
    expectNothingLeft(r, 5);
    expect(budget.close()).toMatchObject({ path: "secret" });
    expectNothingLeft(r);
  });

  it("the Blocks of a thread that left, or was seen dead", () => {
    const r = scrubbing();
    const [leaves, dies] = [Region.attachSync(r.handle()), Region.attachSync(r.handle())];
    for (const other of [leaves, dies]) for (const bytes of [48, 2000, 40_000]) toldBlock(other, bytes);
    expect(secrets(r)).toBe(6);
    leaves.close();
    expect(secrets(r)).toBe(3);
    r.markDead(dies.ownerId);
    r.recover(dies.ownerId);
    expectNothingLeft(r);
  });

  it("a ring that has ended, and hands no old bytes out to be filled", () => {
    const r = scrubbing();
    const ring = r.ring("r", { capacity: 8, codec: "bytes" });
    const record = new Uint8Array(64).fill(SECRET);
    for (let i = 0; i < 8; i++) ring.push(record);
    while (ring.pop() !== undefined);
    for (let i = 0; i < 8; i++) {
      const lease = ring.reserve(64)!;
      expect(lease.bytes.every((byte) => byte === 0)).toBe(true);
      lease.bytes.fill(SECRET);
      lease.commit();
    }
    ring.clear();
    ring.close();
    ring.leave();
    expectNothingLeft(r);
  });

  it("a cache that was closed", () => {
    const r = scrubbing("2MiB");
    const cache = r.cache("c", { maxBytes: "256KiB" });
    for (let i = 0; i < 500; i++) cache.set(`key ${i}`, new Uint8Array(900).fill(SECRET));
    cache.close();
    expectNothingLeft(r);
  });
});

describe("scrub", () => {
  it("is the region's, whoever attaches, and off unless told", () => {
    const r = scrubbing();
    const other = Region.attachSync(r.handle());
    other.heap.free(tell(r, r.heap.alloc(100), 100));
    expectNothingLeft(r);
    const plain = region();
    plain.heap.free(told(plain, 100));
    expect(secrets(plain)).toBe(1);
  });

  it("is true or false", () => {
    expect(() => region({ scrub: 1 as unknown as boolean })).toThrow(/scrub must be true or false, got 1/);
  });

  it("keeps no secret through a random life of everything", () => {
    const r = scrubbing("4MiB");
    const budget = r.budget("b", { limit: "1MiB" });
    let seed = 20261122;
    const random = (below: number): number => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % below;
    const held: (() => unknown)[] = [];
    for (let i = 0; i < 4000; i++) {
      if (held.length > 60 || (held.length > 0 && random(2) === 0)) held.splice(random(held.length), 1)[0]!();
      else {
        const bytes = 16 + random(random(8) === 0 ? 40_000 : 1200);
        const options = random(2) === 0 ? { budget } : undefined;
        if (random(2) === 0) {
          const block = toldBlock(r, bytes, options);
          held.push(() => block.release());
        } else {
          const offset = tell(r, r.heap.allocUnsafe(bytes, options), bytes);
          held.push(() => r.heap.free(offset));
        }
      }
      if (i % 500 === 0) expectSound(r);
    }
    for (const give of held) give();
    expectNothingLeft(r);
  });
});
