// Limits: what a budget is made with and asked for, checked at the edge, and the numbers of its texts. Owns nothing.

import { type Limits, NAME_BYTES_MAX } from "../bindings/budgets.js";
import { FULL } from "../bindings/status.js";
import { toUtf8 } from "../bindings/utf8.js";
import { MemoryLimitExceededError } from "./errors.js";
import { integer, ownOptions } from "./options.js";
import { type ReservationSource, throwUnlessFull } from "./reservation.js";
import { describe, parseSize } from "./size.js";

/** How a budget is made. */
export interface BudgetOptions {
  /** Most bytes that it and all below it may have taken: bytes, a text such as `"64MiB"`, or `"25%"` of its parent's limit (of a root: of the
   *  machine's memory). None unless told. May be more than the region is large: it limits what lies elsewhere too. */
  limit?: number | string;
  /** Bytes that are its own whatever its siblings do: charged to its parent at once. 0 unless told. */
  min?: number | string;
  /** Where it begins to be full, for `isOverSoft`: bytes, or a share of whatever its limit is: a fraction (above 0 to 1) or a text such as `"80%"`. */
  soft?: number | string;
  /** Higher is kept longer when memory is short, 0 … 100; 50 unless told. */
  priority?: number;
  /**
   * How many requests that fit may be granted before one that waits for more room than there is, for each that waits first (D26); 0 unless told:
   * strictly first come, first served. With a few, small requests need not stand behind a large one.
   */
  bypass?: number;
  /** Most reservations that it and all below it may have at once. */
  maxItems?: number;
  /** Tags that its requests will have: room for their names is taken now, so that none is refused later because the region is full. */
  tags?: readonly string[];
}

/** @internal */
export const BUDGET_OPTIONS = ["limit", "min", "soft", "priority", "bypass", "maxItems", "tags"] as const;
const PRIORITY = 50;
const BYPASS_MAX = 1_000_000;

/** @internal A budget's options with all that was left out; `whole` is what 100 % are. */
export function settleLimits(
  options: BudgetOptions | undefined,
  whole: number | undefined,
): Limits & { readonly isGiven: boolean; readonly tags: readonly string[] } {
  const own = ownOptions<BudgetOptions>("budget", options, BUDGET_OPTIONS);
  const limit = own.limit === undefined ? Number.POSITIVE_INFINITY : limitBytes("limit", own.limit, whole);
  const min = own.min === undefined ? 0 : limitBytes("min", own.min, limit);
  if (min === Number.POSITIVE_INFINITY) throw new RangeError(`min must be bytes, got ${min}`);
  if (min > limit) throw new RangeError(`min must be at most the limit, got ${min} > ${limit}`);
  const tags = own.tags ?? [];
  if (!Array.isArray(tags)) throw new TypeError(`tags must be an array of texts, got ${describe(tags)}`);
  for (const tag of tags) checkText("a tag", tag);
  return {
    tags,
    limit,
    min,
    soft: softOf(own.soft, limit),
    items:
      own.maxItems === undefined || own.maxItems === Number.POSITIVE_INFINITY
        ? Number.POSITIVE_INFINITY
        : integer("maxItems", own.maxItems, 0, 0xfffffffe),
    priority: integer("priority", own.priority ?? PRIORITY, 0, 100),
    bypass: integer("bypass", own.bypass ?? 0, 0, BYPASS_MAX),
    isGiven: own.limit !== undefined,
  };
}

function softOf(soft: number | string | undefined, limit: number): Limits["soft"] {
  if (soft === undefined) return Number.POSITIVE_INFINITY;
  const share = typeof soft === "string" && soft.trim().endsWith("%") ? Number.parseFloat(soft) / 100 : soft;
  const bytes = limitBytes("soft", soft, limit);
  // Smaller shares are no bytes of any limit.
  return typeof share === "number" && share > 1e-300 && (share <= 1 || typeof soft === "string") ? { share } : bytes;
}

/** @internal Shares of a limit at which levels are entered. */
export function checkEntries(entries: readonly number[], gap: number): void {
  if (!Array.isArray(entries) || !entries.every((entry) => typeof entry === "number"))
    throw new TypeError(`entries must be an array of shares such as [0.8, 0.95], got ${describe(entries)}`);
  const isAscending = entries.every((entry, i) => entry > (entries[i - 1] ?? 0));
  if (entries.length === 0 || entries.length > 4 || !isAscending)
    throw new RangeError(`entries are one to four shares of the limit, ascending, above 0, got ${entries.join(", ")}`);
  if (!(typeof gap === "number" && gap >= 0 && gap < (entries[0] as number)))
    throw new RangeError(`gap must be a share from 0 to below the lowest entry, got ${describe(gap)}`);
}

/** @internal @throws TypeError, RangeError for what is no name. */
export function checkText(what: string, text: unknown): void {
  if (typeof text !== "string") throw new TypeError(`${what} must be a text, got ${describe(text)}`);
  const bytes = text.length > NAME_BYTES_MAX ? text.length : toUtf8(text).length;
  if (bytes === 0 || bytes > NAME_BYTES_MAX)
    throw new RangeError(`${what} has 1 to ${NAME_BYTES_MAX} bytes in UTF-8, got ${describe(text)}`);
}

/**
 * @internal The number that all threads know a text by: for what is made of it next, before another is asked for; for ever if it `isKept`, and
 * then its memory is never had for another.
 */
export function textNumber(
  source: ReservationSource,
  what: string,
  text: string,
  isKept = false,
  exhaustion = source.exhaustion,
): number {
  checkText(what, text);
  const number = askingHooks(source, () => source.budgets.numberOf(text, isKept), exhaustion);
  if (number !== 0) return number;
  throwUnlessFull(source.budgets.core.exports.reason(), what, source, "");
  throw noRoom(source);
}

// What is told to the hooks: books come by pages.
const BOOKS_BYTES = 4096;

/**
 * @internal What `attempt` answers; while that is nothing (0, undefined) for want of room in the region, the full hooks are asked and it is repeated.
 */
export function askingHooks<T>(source: ReservationSource, attempt: () => T, exhaustion = source.exhaustion): T {
  const { exports } = source.budgets.core;
  let answer = attempt();
  const isFull = (): boolean => exports.reason() === FULL;
  if (answer || source.isLeft || !isFull()) return answer;
  const again = (): number => {
    answer = attempt();
    return answer ? 1 : 0;
  };
  exhaustion.retry(BOOKS_BYTES, again, isFull);
  return answer;
}

/** @internal The same of what answers with a status where it is refused. */
export function askingHooksFor<T extends object>(
  source: ReservationSource,
  attempt: () => T | number,
  exhaustion = source.exhaustion,
): T | number {
  let status = 0;
  const open = (): T | undefined => {
    const answer = attempt();
    if (typeof answer !== "number") return answer;
    status = answer;
    return undefined;
  };
  return askingHooks(source, open, exhaustion) ?? status;
}

/** @internal The region has no room for a budget, a name or a record, or for `requested` bytes of something else. */
export function noRoom(source: ReservationSource, requested: number = 4096): MemoryLimitExceededError {
  const { core } = source.budgets;
  const limit = core.capacityBytes;
  return new MemoryLimitExceededError({
    requested,
    limit,
    current: core.usedBytes + core.overheadBytes,
    budgetPath: source.regionName,
  });
}

/** @internal A limit as bytes. */
export function limitBytes(name: string, value: number | string, whole: number | undefined): number {
  if (value === Number.POSITIVE_INFINITY) return value;
  if (typeof value !== "number" && typeof value !== "string")
    throw new TypeError(`${name} must be bytes or a text like "64MiB", got ${describe(value)}`);
  return parseSize(value, whole === Number.POSITIVE_INFINITY ? undefined : whole);
}
