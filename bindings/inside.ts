// Inside: the budgets that rings and caches opened for themselves, and close themselves. Owns nothing: a look at lists that others may change meanwhile.

import { K_BUDGET, K_BUDGET_STATE, K_NEXT } from "../assembly/shared/caches.js";
import { H_CACHES, H_RINGS } from "../assembly/shared/layout.js";
import { Q_BUDGET, Q_BUDGET_STATE, Q_NEXT } from "../assembly/shared/rings.js";
import type { Node } from "./budgets.js";
import type { Core } from "./core.js";

const READ_MAX = 100_000;

/** The budgets that rings and caches of the region are charged to. O(rings + caches). */
export function nodesInside(core: Core): Node[] {
  return [
    ...nodesOf(core, H_RINGS, Q_NEXT, Q_BUDGET, Q_BUDGET_STATE),
    ...nodesOf(core, H_CACHES, K_NEXT, K_BUDGET, K_BUDGET_STATE),
  ];
}

function nodesOf({ i32 }: Core, list: number, next: number, budget: number, state: number): Node[] {
  const nodes: Node[] = [];
  const word = (at: number): number => Atomics.load(i32, at >>> 2) >>> 0;
  for (let at = word(list); at !== 0 && nodes.length < READ_MAX; at = word(at + next))
    nodes.push({ at: word(at + budget), state: word(at + state) });
  return nodes;
}
