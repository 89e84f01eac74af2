// Budget gauge: a gauge on one budget that needs no timer. The region notices when the budget's use enters or leaves a band, in the charge
// that does it; this thread's own charges move the gauge before their call returns, other threads' soon after. (G10, M29)

import { ownOptions } from "../options.js";
import { describe } from "../size.js";
import { OPTIONS as GAUGE_OPTIONS, PressureGauge, type PressureGaugeOptions } from "./gauge.js";
import { budgetSource } from "./sources/budget.js";

/** What is asked of a budget: that it counts, and that it tells when it crosses shares of its limit. */
export interface LevelledBudget {
  readonly name: string;
  readonly usedBytes: number;
  readonly limitBytes: number;
  onLevel(entries: readonly number[], listener: () => void, gap?: number): () => void;
}

const OPTIONS = GAUGE_OPTIONS.filter((option) => option !== "sources");

/** A gauge of one budget: `new BudgetGauge(budget, { preset: "stream" })`. `close` it, or it hears of the budget for ever. */
export class BudgetGauge extends PressureGauge {
  readonly #stop: () => void;

  /**
   * Counters are exact, so one reading is enough to fall: `dwell` is 1 unless told. All gauges of one budget, in whatever thread, should have the
   * same bands and gap: the budget has one set of entries, those which were given last.
   * @throws as PressureGauge; RangeError for more than four bands above the lowest; what `budget.onLevel` throws.
   */
  constructor(budget: LevelledBudget, options?: Omit<PressureGaugeOptions, "sources">) {
    if (typeof budget?.onLevel !== "function")
      throw new TypeError(
        `BudgetGauge needs a Budget of a region, got ${describe(budget)}; new PressureGauge reads others`,
      );
    const own = ownOptions<PressureGaugeOptions>("BudgetGauge", options, OPTIONS);
    super({ dwell: 1, ...own, sources: [budgetSource(budget)] });
    const entries = this.bands.slice(1).map(({ enter }) => enter);
    this.#stop = budget.onLevel(entries, () => this.sample(), options?.hysteresis ?? 0.05);
    this.sample();
  }

  override close(): void {
    this.#stop();
    super.close();
  }
}
