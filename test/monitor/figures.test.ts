// Monitor, its figures. Goal: rates, shares and fragmentation are what they say, at any period. Method: counters and collections that the
// test sets; a real region, and a real collection at the end.
import { describe, expect, it } from "vitest";
import { GcHint } from "../../src/flow/gc-hint.js";
import { Region } from "../../src/index.js";
import type { GcEvent } from "../../src/monitor/gc.js";
import { Monitor } from "../../src/monitor/monitor.js";
import { made } from "./made.js";

const MIB = 2 ** 20;

describe("rates", () => {
  it("of allocation follow a counter, whatever the period", () => {
    let allocatedBytes = 5e9;
    const { monitor, time } = made({ allocatedBytes: () => allocatedBytes });
    monitor.sample();
    for (const stepMs of [100, 1000, 30, 4000, 700, 10_000, 20_000, 30_000]) {
      time.nowMs += stepMs;
      allocatedBytes += stepMs * 50;
      monitor.sample();
    }
    expect(monitor.latest!.allocationRate).toBeGreaterThan(49_000);
    expect(monitor.latest!.allocationRate).toBeLessThanOrEqual(50_000.001);
    time.nowMs += 60_000;
    expect(monitor.sample().allocationRate).toBeLessThan(150);
  });

  it("of allocation are what heap and region have grown by, where there is no counter; falls do not count", () => {
    const process = { rssBytes: 0, heapTotalBytes: 0, heapUsedBytes: 0, externalBytes: 0, arrayBuffersBytes: 0 };
    const region = { capacityBytes: 9e9, usedBytes: 0, freeBytes: 9e9, overheadBytes: 0, largestFreeBytes: 9e9 };
    const { monitor, time } = made({ readProcess: () => ({ ...process }), region: { stats: () => region } });
    monitor.sample();
    for (let i = 0; i < 200; i++) {
      time.nowMs += 1000;
      process.heapUsedBytes = (i % 10) * 1000;
      region.usedBytes = i * 500;
      monitor.sample();
    }
    // Nine steps of 1500 and one fall in ten seconds.
    expect(monitor.latest!.allocationRate).toBeGreaterThan(1200);
    expect(monitor.latest!.allocationRate).toBeLessThan(1500);
  });

  it("of time in collections are counted from the observer, and forget", () => {
    const { monitor, time, collected } = made();
    const heard: GcEvent[] = [];
    monitor.on("gc", (event) => heard.push(event));
    monitor.start();
    time.advance(100);
    for (let i = 0; i < 120; i++) {
      collected[0]!({ kind: "major", durationMs: 300, forced: false });
      collected[0]!({ kind: "minor", durationMs: 100, forced: true });
      time.advance(1000);
    }
    expect(monitor.latest!.gc).toEqual({
      count: 240,
      majorCount: 120,
      pauseTotalMs: 48_000,
      pauseAverageMs: 200,
      share: monitor.gcShare,
    });
    expect(monitor.gcShare).toBeCloseTo(0.4, 3);
    expect(heard).toHaveLength(240);
    time.advance(60_000);
    expect(monitor.gcShare).toBeLessThan(0.002);
  });

  it("D35: stop the hints of a GcHint while collections take too much of the time", () => {
    const { monitor, time, collected } = made();
    const hint = new GcHint({ gc: () => {}, clock: time.clock, usedBytes: () => 1, gcShare: () => monitor.gcShare });
    monitor.start();
    time.advance(100);
    for (let i = 0; i < 30; i++) {
      collected[0]!({ kind: "major", durationMs: 600, forced: false });
      time.advance(1000);
    }
    expect(hint.hint().outcome).toBe("gc-share");
    time.advance(15_000);
    expect(hint.hint().outcome).toBe("ran");
  });

  it("of a collection hand on the floor after a major one, for the trend", () => {
    const readProcess = (): never => ({ heapUsedBytes: 42 * MIB }) as never;
    const { monitor, collected } = made({ readProcess });
    const floors: (number | undefined)[] = [];
    monitor.on("gc", ({ usedBytes }) => floors.push(usedBytes));
    monitor.start();
    for (const kind of ["minor", "major", "incremental"] as const)
      collected[0]!({ kind, durationMs: 1, forced: false });
    expect(floors).toEqual([undefined, 42 * MIB, undefined]);
  });
});

describe("fragmentation", () => {
  it("is 1 − largest free ÷ free (M14), 0 when nothing is free", () => {
    const of = (freeBytes: number, largestFreeBytes: number): number | null => {
      const stats = { capacityBytes: 1000, usedBytes: 0, overheadBytes: 0, freeBytes, largestFreeBytes };
      return made({ region: { stats: () => stats } }).monitor.sample().fragmentation;
    };
    expect([of(1000, 1000), of(1000, 250), of(1000, 0), of(0, 0), of(100, 120)]).toEqual([0, 0.75, 1, 0, 0]);
  });

  it("of a real region rises when every second block is given back, and falls when all are", () => {
    using region = disposable(Region.createSync({ size: "4MiB" }));
    const { monitor } = made({ region: region.value });
    const blocks: number[] = [];
    for (let at = region.value.heap.alloc(40_000); at !== 0; at = region.value.heap.alloc(40_000)) blocks.push(at);
    for (const [i, at] of blocks.entries()) if (i % 2 === 0) region.value.heap.free(at);
    const broken = monitor.sample();
    expect(broken.fragmentation).toBeGreaterThan(0.9);
    expect(broken.region).toEqual({
      capacityBytes: region.value.capacityBytes,
      usedBytes: region.value.usedBytes,
      freeBytes: region.value.freeBytes,
      overheadBytes: region.value.overheadBytes,
      largestFreeBytes: region.value.stats().largestFreeBytes,
    });
    for (const [i, at] of blocks.entries()) if (i % 2 === 1) region.value.heap.free(at);
    expect(monitor.sample().fragmentation).toBeLessThan(0.1);
  });
});

const disposable = (value: Region): { value: Region } & Disposable => ({
  value,
  [Symbol.dispose]: () => value.close(),
});

describe("the real host", () => {
  it("tells of collections, of the process and of a system that fits together", async () => {
    const monitor = new Monitor().start();
    const hint = new GcHint({ enable: true });
    const collected = new Promise((resolve) => monitor.on("gc", (event) => event.kind === "major" && resolve(event)));
    expect(hint.hint().outcome).toBe("ran");
    expect(await collected).toMatchObject({ kind: "major", forced: true, usedBytes: expect.any(Number) });
    const { gc, process, system } = monitor.sample();
    monitor.stop();
    expect(gc.majorCount).toBeGreaterThan(0);
    expect(gc.pauseTotalMs).toBeGreaterThan(0);
    expect(process!.rssBytes).toBeGreaterThan(10 * MIB);
    expect(process!.heapUsedBytes).toBeLessThanOrEqual(process!.heapTotalBytes);
    expect(system!.totalBytes).toBeLessThan(2 ** 50);
    expect(system!.usedBytes + system!.availableBytes).toBe(system!.totalBytes);
  });
});
