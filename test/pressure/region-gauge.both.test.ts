// The region's own gauge, in Node and in a cross-origin isolated page. Goal: `region.pressure` is right whenever it is read, and who listens
// is told without asking. Method: regions filled to a share of what they can grant, timers that the test moves.
import { afterEach, describe, expect, it, vi } from "vitest";
import { MemoryLimitExceededError, type PressureEvent, type PressurePreset, Region } from "../../src/index.js";
import { PressureGauge, PRESSURE_PRESETS, presetBands } from "../../src/pressure/index.js";
import { KIB, region } from "../lib/regions.js";

afterEach(() => vi.useRealTimers());

/** Takes blocks until all that is not free is at least `share` of the region. */
function fillTo(r: Region, share: number): number[] {
  const taken: number[] = [];
  while (1 - r.freeBytes / r.capacityBytes < share) {
    const offset = r.heap.allocUnsafe(KIB);
    if (offset === 0) throw new Error("the region is full");
    taken.push(offset);
  }
  return taken;
}

const emptied = (r: Region, taken: number[]): void => taken.splice(0).forEach((offset) => r.heap.free(offset));

/** `from>to` of what is told from here on. */
function heard(r: Region, signal?: AbortSignal): string[] {
  const changes: string[] = [];
  r.pressure.on("level", ({ from, to }) => changes.push(`${from}>${to}`), signal ? { signal } : {});
  return changes;
}

describe("region.pressure", () => {
  it("is one gauge, made when it is first read: the share of the region that is not free", () => {
    const r = region({ name: "mine" });
    const { pressure: gauge } = r;
    expect(gauge.bands).toEqual(new PressureGauge().bands);
    expect(r.pressure).toBe(gauge);
    expect(gauge.pressure).toBe((r.usedBytes + r.overheadBytes) / r.capacityBytes);
    expect([gauge.level, gauge.label, gauge.advice]).toEqual(["none", "none", "Normal operation"]);
  });

  it("is right at each read, up and down, also through a gauge that was kept", () => {
    const r = region();
    const gauge = r.pressure;
    const taken = fillTo(r, 0.82);
    expect([gauge.level, gauge.ordinal, gauge.advice]).toEqual([
      "moderate",
      2,
      "Begin soft eviction of low-priority data",
    ]);
    expect(gauge.factor).toBe(0.75);
    expect(gauge.scaled(0.8, 0.84)).toBeGreaterThan(0.4);
    taken.push(...fillTo(r, 0.96));
    expect(gauge.label).toBe("high");
    emptied(r, taken);
    expect([gauge.label, gauge.scaled(0.8, 0.84)]).toEqual(["none", 0]);
  });

  it.each(PRESSURE_PRESETS)("has the bands of the preset %s, in every thread that attaches", (preset) => {
    const r = region({ preset });
    const other = Region.attachSync(structuredClone(r.handle()));
    for (const { pressure } of [r, other]) expect(pressure.bands).toEqual(presetBands(preset));
  });

  it("refuses a preset that is none before anything is made, and names those there are", () => {
    for (const preset of ["fast", "", "toString", 5, {}])
      expect(() => region({ preset: preset as PressurePreset })).toThrow(TypeError);
    expect(() => region({ preset: "fast" as PressurePreset })).toThrow(/"fast".*there are dataframe, stream/);
    const { preset: _, ...older } = region().handle();
    expect(() => Region.attachSync(older as ReturnType<Region["handle"]>)).toThrow(TypeError);
  });

  it("says how long it takes until the region is full, however often it is asked", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const r = region();
    for (let second = 0; second < 8; second++) {
      r.heap.allocUnsafe(10 * KIB);
      vi.advanceTimersByTime(1000);
      for (let i = 0; i < 20; i++) void r.pressure.level;
    }
    const seconds = r.freeBytes / (10 * KIB);
    expect(r.pressure.timeToLimit / 1000).toBeCloseTo(seconds, 0);
  });
});

describe("who listens to region.pressure", () => {
  it("is told within 100 ms of each change of level, and of nothing else", () => {
    vi.useFakeTimers();
    const r = region();
    const changes = heard(r);
    const taken = fillTo(r, 0.62);
    vi.advanceTimersByTime(100);
    expect(changes).toEqual(["none>low"]);
    vi.advanceTimersByTime(10_000);
    expect(changes).toHaveLength(1);
    emptied(r, taken);
    vi.advanceTimersByTime(100);
    expect(changes).toEqual(["none>low", "low>none"]);
  });

  it("is told in the allocation that does not fit, and what it frees there is what the allocation gets", () => {
    const r = region();
    const taken: number[] = [];
    const events: PressureEvent[] = [];
    r.pressure.on("level", (event) => {
      events.push(event);
      emptied(r, taken);
    });
    taken.push(...fillTo(r, 0.97));
    expect(r.heap.alloc(r.freeBytes + 8 * KIB)).not.toBe(0);
    expect(events[0]).toMatchObject({ from: "none", to: "high", source: "region" });
    expect(events).toHaveLength(1);
  });

  it("changes nothing for an allocation that fits in no way", () => {
    const r = region();
    const changes = heard(r);
    fillTo(r, 0.97);
    expect(r.heap.alloc(512 * KIB)).toBe(0);
    expect([changes, r.heap.lastFailure]).toEqual([["none>high"], "ERR_FULL"]);
    expect(() => r.allocate(512 * KIB)).toThrow(MemoryLimitExceededError);
  });

  it("costs a timer only while it listens: none before, none after its signal, none after the close", () => {
    vi.useFakeTimers();
    const r = region();
    void r.pressure.level;
    expect(vi.getTimerCount()).toBe(0);
    const controller = new AbortController();
    const changes = heard(r, controller.signal);
    heard(r, controller.signal);
    expect(vi.getTimerCount()).toBe(1);
    controller.abort();
    vi.advanceTimersByTime(100);
    expect(vi.getTimerCount()).toBe(0);
    heard(r);
    expect(vi.getTimerCount()).toBe(1);
    r.close();
    expect(vi.getTimerCount()).toBe(0);
    heard(r);
    expect([vi.getTimerCount(), changes]).toEqual([0, []]);
  });

  it("is refused for another event or what is no function", () => {
    const { pressure } = region();
    expect(() => pressure.on("change" as "level", () => {})).toThrow(/"change".*"level"/);
    expect(() => pressure.on("level", 5 as never)).toThrow(TypeError);
    expect(() => pressure.scaled(0.9, 0.8)).toThrow(RangeError);
  });
});
