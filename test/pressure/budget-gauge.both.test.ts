// The gauge of a budget, in Node and in a cross-origin isolated page. Goal: a level is that of the budget in every thread, told in the very call
// that crosses, without a timer. Method: two attachments to one region, whose calls cross on purpose; no clock is asked.
import { describe, expect, it } from "vitest";
import { BudgetClosedError } from "../../src/index.js";
import { BudgetGauge, type PressureEvent, PRESSURE_PRESETS, presetBands } from "../../src/pressure/index.js";
import { allWoken, errorOf, pair, take } from "../budget-scene.js";
import { region } from "../lib/regions.js";

function heard(gauge: BudgetGauge): string[] {
  const changes: string[] = [];
  gauge.on("level", ({ from, to }) => changes.push(`${from}>${to}`));
  return changes;
}

describe("a budget's gauge", () => {
  it("tells of each level in the request, the resize or the release that crosses it", () => {
    const budget = region().budget("root", { limit: 1000 });
    const gauge = new BudgetGauge(budget);
    const changes = heard(gauge);
    const held = take(budget, 599);
    expect([gauge.level, changes.length]).toEqual(["none", 0]);
    for (const [bytes, level] of [
      [600, "low"],
      [800, "moderate"],
      [950, "high"],
      [980, "critical"],
      // Five points below the entry it is left.
      [931, "critical"],
      [929, "high"],
    ] as const) {
      held.tryResize(bytes);
      expect([bytes, gauge.level]).toEqual([bytes, level]);
    }
    expect(gauge.pressure).toBe(0.929);
    held.release();
    expect([gauge.level, changes.at(-1), changes.length]).toEqual(["none", "high>none", 6]);
  });

  it.each(PRESSURE_PRESETS)("has the levels, labels and advice of the preset %s", (preset) => {
    const budget = region().budget("root", { limit: 10_000 });
    const gauge = new BudgetGauge(budget, { preset });
    const held = take(budget, 0);
    for (const { enter, level, label, advice, factor } of presetBands(preset)) {
      held.tryResize(Math.ceil(enter * 10_000));
      expect([gauge.level, gauge.label, gauge.advice, gauge.factor]).toEqual([level, label, advice, factor]);
    }
  });

  it("moves for what another thread takes, and for a limit that is changed, by who is woken", async () => {
    const { r, other } = pair();
    const [mine, theirs] = [r.budget("root", { limit: 100 }), other.budget("root")];
    const [here, there] = [new BudgetGauge(mine), new BudgetGauge(theirs)];
    const changes = heard(there);
    const held = take(mine, 85);
    expect([here.level, there.level]).toEqual(["moderate", "none"]);
    await allWoken(r, other);
    expect(changes).toEqual(["none>moderate"]);
    theirs.setLimit(86);
    expect(there.level).toBe("critical");
    await allWoken(r, other);
    expect(here.level).toBe("critical");
    held.release();
    await allWoken(r, other);
    expect([here.level, there.level]).toEqual(["none", "none"]);
  });

  it("lets a listener give bytes back: each sees one alternating sequence (D38)", () => {
    const budget = region().budget("root", { limit: 100 });
    const gauge = new BudgetGauge(budget);
    const old = take(budget, 50);
    gauge.on("level", ({ to }: PressureEvent) => void (to === "moderate" && old.release()));
    const changes = heard(gauge);
    take(budget, 35);
    expect([budget.usedBytes, gauge.level, changes]).toEqual([35, "none", ["none>moderate", "moderate>none"]]);
  });

  it("hears of nothing once it is closed, and cannot be made of a budget that is", () => {
    const budget = region().budget("root", { limit: 100 });
    const gauge = new BudgetGauge(budget);
    const changes = heard(gauge);
    gauge.close();
    take(budget, 99);
    expect([changes, gauge.level]).toEqual([[], "none"]);
    budget.close();
    expect(errorOf(() => new BudgetGauge(budget))).toBeInstanceOf(BudgetClosedError);
  });

  it("refuses what is no budget, and more bands than a budget tells of", () => {
    for (const wrong of [undefined, null, 5, {}, { usedBytes: 1, limitBytes: 2 }])
      expect(errorOf(() => new BudgetGauge(wrong as never))).toBeInstanceOf(TypeError);
    const bands = (["none", "low", "moderate", "high", "critical"] as const).map((level, i) => ({
      enter: i / 5,
      level,
    }));
    const budget = region().budget("root", { limit: 100 });
    expect(new BudgetGauge(budget, { bands }).bands).toHaveLength(5);
    expect(errorOf(() => new BudgetGauge(budget, { bands: [], preset: "stream" }))).toBeInstanceOf(TypeError);
    expect(errorOf(() => new BudgetGauge(budget, { sources: [] } as never))).toBeInstanceOf(TypeError);
  });
});
