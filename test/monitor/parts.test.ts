// The monitor's small parts, each against its formula or a model: the ring, the moving average, the host's numbers.
import { describe, expect, it } from "vitest";
import { Episode } from "../../src/monitor/episode.js";
import { observeGc } from "../../src/monitor/gc.js";
import { History } from "../../src/monitor/history.js";
import { readProcess, readSystem } from "../../src/monitor/host.js";
import { AdaptivePeriod } from "../../src/monitor/period.js";
import { Rate } from "../../src/monitor/rate.js";
import { random } from "../lib/random.js";

describe("the ring", () => {
  it("is the end of an array, at each capacity and fill", () => {
    for (const capacity of [1, 2, 3, 7]) {
      const history = new History<number>(capacity);
      const model: number[] = [];
      expect([history.latest, history.size]).toEqual([undefined, 0]);
      for (let i = 0; i < 3 * capacity + 2; i++) {
        history.push(i);
        model.push(i);
        expect(history.latest).toBe(i);
        expect(history.size).toBe(Math.min(capacity, model.length));
        for (let count = 0; count <= capacity + 1; count++) {
          expect(history.last(count)).toEqual(count === 0 ? [] : model.slice(-Math.min(count, capacity)));
        }
      }
    }
  });
});

describe("the moving average", () => {
  it("means the same at any interval", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const by = random(seed);
      const rate = new Rate(10_000);
      let atMs = 500;
      rate.add(1e9, atMs);
      expect(rate.perSecond).toBe(0);
      while (atMs < 60_500) {
        const stepMs = Math.min(by.size(1, 5000), 60_500 - atMs);
        atMs += stepMs;
        rate.add(stepMs * 3, atMs);
      }
      expect(rate.perSecond).toBeCloseTo(3000 * (1 - Math.exp(-6)), 6);
    }
  });

  it("passes over what has no time or is no number", () => {
    const rate = new Rate(1000);
    rate.add(0, 0);
    rate.add(1000, 1000);
    const before = rate.perSecond;
    rate.add(5, 1000);
    rate.add(5, 500);
    rate.add(Number.NaN, 2000);
    rate.add(5, Number.NaN);
    expect(rate.perSecond).toBe(before);
  });
});

describe("the adaptive period", () => {
  it("is the shortest that anything asks for, from the least to the configured", () => {
    const period = new AdaptivePeriod(100, 10_000);
    expect(period.nextMs()).toBe(10_000);
    for (const [name, from, to, atMs] of [
      ["slow", 0.2, 0.21, 1000],
      ["fast", 0.5, 0.6, 1000],
      ["falling", 0.9, 0.8, 1000],
      ["unknown", 0.9, Number.NaN, 1000],
    ] as const) {
      period.observe(name, from, 0);
      period.observe(name, to, atMs);
    }
    expect(period.nextMs()).toBeCloseTo(1000, 6);
    period.forget("fast");
    expect(period.nextMs()).toBe(10_000);
    period.observe("slow", 1.2, 2000);
    expect(period.nextMs()).toBe(100);
  });
});

describe("an episode", () => {
  it("D41: is told once, ends only when it is over, and keeps the cooldown", () => {
    const episode = new Episode(100);
    const said = (["trouble", "trouble", "unsure", "trouble", "over", "trouble", "trouble", "trouble"] as const).map(
      (look, i) => [episode.update(look, i * 20), episode.open],
    );
    expect(said.map(([raised]) => raised)).toEqual([true, false, false, false, false, true, false, false]);
    expect(said.map(([, open]) => open)).toEqual([true, true, true, true, false, true, true, true]);
    expect(() => new Episode(-1)).toThrow(RangeError);
  });
});

describe("the host's numbers", () => {
  const GIB = 2 ** 30;
  const system = (constrained: number, available: number) =>
    readSystem({
      totalmem: () => 8 * GIB,
      freemem: () => GIB,
      constrainedMemory: () => constrained,
      availableMemory: () => available,
    });

  it("D31: are the machine's where the limit is none: 0, 2^64, 2^63 rounded, more than there is, negative or no number", () => {
    for (const none of [0, 2 ** 64, 9_223_372_036_854_771_712, 9 * GIB, 8 * GIB, -1, Number.NaN, Infinity]) {
      expect(system(none, 3 * GIB)).toEqual({ totalBytes: 8 * GIB, availableBytes: 3 * GIB, usedBytes: 5 * GIB });
    }
  });

  it("are the container's where it has a limit, and what is available is from nothing to that", () => {
    expect(system(2 * GIB, GIB)).toEqual({ totalBytes: 2 * GIB, availableBytes: GIB, usedBytes: GIB });
    expect(system(2 * GIB, 3 * GIB)).toEqual({ totalBytes: 2 * GIB, availableBytes: 2 * GIB, usedBytes: 0 });
    for (const none of [-5, Number.NaN]) expect(system(2 * GIB, none)!.availableBytes).toBe(0);
    expect(readSystem({ totalmem: () => GIB, freemem: () => 100 })!.availableBytes).toBe(100);
  });

  it("are not there in a host that tells none", () => {
    const host = globalThis as { process?: unknown; PerformanceObserver?: unknown };
    const { process, PerformanceObserver } = host;
    delete host.process;
    delete host.PerformanceObserver;
    try {
      expect([readProcess(), readSystem(), observeGc(() => {})]).toEqual([undefined, undefined, undefined]);
    } finally {
      host.process = process;
      host.PerformanceObserver = PerformanceObserver;
    }
    expect(readSystem()!.totalBytes).toBeGreaterThan(0);
  });
});
