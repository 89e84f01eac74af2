// Goal: the notice of a death reaches the page lock, and nothing else is changed by it. Method: a second attachment in this thread
// stands for the thread that died; its index is written into the lock word, as its death inside the page layer leaves it.
import { describe, expect, it } from "vitest";
import { H_LOCK } from "../assembly/shared/layout.js";
import { Region } from "../src/index.js";

function holdLock(region: Region, ownerId: number): void {
  Atomics.store(region.heap.i32, H_LOCK >>> 2, ownerId);
}

describe("markDead", () => {
  it("lets others take the page lock over that the dead one held", () => {
    const region = Region.createSync({ size: "1MiB", busyMs: 0 });
    const dead = Region.attachSync(region.handle());
    const kept = dead.heap.alloc(100);
    holdLock(region, dead.ownerId);
    expect(region.heap.alloc(50_000)).toBe(0);
    expect(region.heap.lastFailure).toBe("ERR_BUSY");
    expect(region.markDead(dead.ownerId)).toBe(true);
    expect(region.heap.alloc(50_000)).not.toBe(0);
    expect(region.heap.isLive(kept)).toBe(true);
    expect(region.stats().rebuilds).toBe(1);
    expect(region.check().problems).toEqual([]);
  });

  it("is refused for this thread, for one that left, and for numbers that are no owner's", () => {
    const region = Region.createSync({ size: "1MiB" });
    const other = Region.attachSync(region.handle());
    const { ownerId } = other;
    other.close();
    for (const id of [region.ownerId, ownerId, 0, 255, 0x7fffffff]) expect(region.markDead(id)).toBe(false);
    for (const id of [-1, 1.5, Number.NaN, 2 ** 32 + 1]) expect(() => region.markDead(id)).toThrow(RangeError);
    expect(region.heap.alloc(100)).not.toBe(0);
  });
});

describe("an alignment", () => {
  it("in a Block's handle is checked like one in the options", () => {
    const region = Region.createSync({ size: "1MiB" });
    const handle = region.allocate(100).handle();
    for (const align of [0, 3, -8, 7168, 2 ** 31, 2 ** 40])
      expect(() => region.open({ ...handle, align })).toThrow(RangeError);
    expect(region.check().ok).toBe(true);
  });

  it("that answers differently each time it is read is read once, and the block is zeroed", () => {
    const region = Region.createSync({ size: "1MiB" });
    const dirty = region.heap.alloc(4096, { align: 4096 });
    region.heap.view(dirty).fill(7);
    region.heap.free(dirty);
    let reads = 0;
    const options = {
      get align(): number {
        reads++;
        return reads === 1 ? 4096 : (undefined as unknown as number);
      },
    };
    const offset = region.heap.alloc(4096, options);
    expect(offset % 4096).toBe(0);
    expect(region.heap.read(offset).every((byte) => byte === 0)).toBe(true);
  });
});
