// Budget source: what a budget, a cache or anything else counts of itself. Exact and synchronous: what admission decides by. What it frees
// it says at once, while the process keeps the pages for a while: a gauge on it recovers when the memory is free to use again. (D30)

import { ownOptions } from "../../options.js";
import { describe } from "../../size.js";
import type { PressureSource } from "../source.js";

/** What is asked of a budget: one pair or the other. Read at each reading, so a limit that is changed counts from then on (D49). */
export type BudgetLike =
  | { readonly name?: string; readonly usedBytes: number; readonly limitBytes: number }
  | { readonly name?: string; readonly used: number; readonly limit: number };

/**
 * A source named after the budget, `budget` when it has no name. O(1).
 * @throws TypeError for what has neither `usedBytes` and `limitBytes` nor `used` and `limit`.
 */
export function budgetSource(budget: BudgetLike, options?: { name?: string }): PressureSource {
  const has = (key: string): boolean => typeof budget === "object" && budget !== null && key in budget;
  const own = ownOptions("budgetSource", options, ["name"]);
  const name = own.name ?? (has("name") ? budget.name : undefined) ?? "budget";
  if (has("usedBytes") && has("limitBytes")) {
    const bytes = budget as { usedBytes: number; limitBytes: number };
    return { name, read: () => ({ used: bytes.usedBytes, limit: bytes.limitBytes }) };
  }
  if (has("used") && has("limit")) {
    const plain = budget as { used: number; limit: number };
    return { name, read: () => ({ used: plain.used, limit: plain.limit }) };
  }
  throw new TypeError(
    `budgetSource needs an object with usedBytes and limitBytes, or used and limit, got ${describe(budget)}`,
  );
}
