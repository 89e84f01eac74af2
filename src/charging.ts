// Charging: what an allocation of the region needs of the budget that it is charged to. Owns nothing: the core charges, the reclaimers make room.

import { LIMIT, type Node, USED } from "../bindings/budgets.js";
import { BUSY, NEVER, NOT_ATTACHED, OTHERS_FIRST, OVER_ITEMS, OVER_LIMIT } from "../bindings/status.js";
import { BudgetClosedError, ItemLimitExceededError, MemoryLimitExceededError } from "./errors.js";
import { type ReservationSource, throwUnlessFull } from "./reservation.js";

const CONSUMERS = 5;

/** @internal Why the budget at `at` has no room for `bytes` bytes (G05, G06). */
export function limitError(
  { budgets }: ReservationSource,
  at: number,
  bytes: number,
  more: { isImpossible?: boolean; waitedMs?: number } = {},
): MemoryLimitExceededError {
  return new MemoryLimitExceededError({
    requested: bytes,
    limit: budgets.number(at, LIMIT),
    current: budgets.number(at, USED),
    budgetPath: budgets.path(at),
    isBudget: true,
    consumers: budgets.held(at).slice(0, CONSUMERS),
    ...more,
  });
}

/**
 * @internal After the core refused for want of bytes: this thread's reclaimers give something back and `attempt` is repeated while they do; others
 * are asked, who answer when they can. Answers what `attempt` did last, 0: refused.
 */
export function makeRoom(source: ReservationSource, bytes: number, attempt: () => number): number {
  return source.budgets.core.exports.reason() === OVER_LIMIT ? source.reclaimers.tryHarder(bytes, attempt) : 0;
}

/** @internal Why an allocation that is charged to `node` was refused; undefined when not by a budget. */
export function refusalOf(
  source: ReservationSource,
  node: Node,
  bytes: number,
  what: string,
): BudgetClosedError | ItemLimitExceededError | MemoryLimitExceededError | undefined {
  const { budgets } = source;
  const reason = budgets.core.exports.reason();
  const { at } = budgets.refuser;
  if (reason !== BUSY && reason !== NOT_ATTACHED) throwUnlessFull(reason, what, source, budgets.path(node.at));
  if (at === 0) return undefined;
  if (reason === OVER_ITEMS) return new ItemLimitExceededError(budgets.path(at), budgets.itemsMax(at));
  const isBudgets = reason === OVER_LIMIT || reason === NEVER || reason === OTHERS_FIRST;
  return isBudgets ? limitError(source, at, bytes, { isImpossible: reason === NEVER }) : undefined;
}
