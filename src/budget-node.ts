// Budget node: from a budget that options name to its place in the tree. Owns nothing. Told by what it has, not by its class: that would lead from the heap
// to all that budgets need, and a second copy of this package makes Budgets of its own. The core believes what it is given, so it is looked up.

import { NO_NODE, type Node } from "../bindings/budgets.js";
import { ALIGN_MAX } from "../bindings/core.js";
import type { Budget } from "./budget.js";
import type { AllocOptions } from "./heap.js";
import { allocOptions } from "./options.js";
import type { ReservationSource } from "./reservation.js";
import { describe } from "./size.js";

/** @internal The budget that options name. What it says is read once. O(chunks of budgets). @throws TypeError for what is none of this region. */
export function budgetNode(source: ReservationSource, what: string, budget: Budget, name: string = "budget"): Node {
  const { regionId, at, state } = (budget ?? {}) as Partial<Budget>;
  const isWords = typeof at === "number" && typeof state === "number" && Number.isInteger(state);
  if (isWords && regionId === source.regionId && source.budgets.isNode(at)) return { at, state };
  throw new TypeError(`${what}: ${name} must be a Budget of this region, got ${describe(budget)}`);
}

/** @internal What an allocation's options were found to ask for. */
export interface Asked {
  readonly align: number;
  readonly budget: Budget | undefined;
  readonly node: Node;
}

/** @internal What an allocation's options ask for: own properties, read once. */
export function askedBy(source: ReservationSource, what: string, options: AllocOptions | undefined): Asked {
  const { align, budget } = allocOptions(what, options, ALIGN_MAX);
  return { align, budget, node: budget === undefined ? NO_NODE : budgetNode(source, what, budget) };
}
