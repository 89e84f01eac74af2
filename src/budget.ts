// Budget: a limit on bytes, below other limits. The tree stands in the region, so all threads see one; a charge takes every budget from
// this one to its root or none, no limit is passed at any instant, and nothing that fits is refused (G01–G09, M04–M05, M18–M22). What
// is charged may lie anywhere: only a reservation moves bytes, and eviction, cancelling and closing go through it.

import { type Budgets, type Held, LIMIT, MIN, NO_NODE, type Node, PEAK, USED } from "../bindings/budgets.js";
import { nodesInside } from "../bindings/inside.js";
import { BUDGET_GONE, BUSY, FULL, HAS_CHILDREN, NEVER, OK, OVER_LIMIT, TOO_DEEP } from "../bindings/status.js";
import { budgetNode } from "./budget-node.js";
import { limitError } from "./charging.js";
import {
  BudgetClosedError,
  BudgetInUseError,
  ItemLimitExceededError,
  MemoryLimitExceededError,
  RegionBusyError,
  RegionClosedError,
} from "./errors.js";
import { isWaiting } from "../bindings/wake.js";
import type { LevelListener } from "./levels.js";
import {
  askingHooks,
  type BudgetOptions,
  checkEntries,
  limitBytes,
  noRoom,
  settleLimits,
  textNumber,
} from "./limits.js";
import { machineBytes } from "./machine.js";
import type { LeakGroup } from "./monitor/leak-report.js";
import { integer, ownOptions } from "./options.js";
import type { Reclaimer, ReclaimerStats } from "./reclaim.js";
import { type Reservation, reservationAt, type ReservationSource, tellLevels, throwUnlessFull } from "./reservation.js";
import { describe } from "./size.js";
import { tracker } from "./tracker.js";

/** How a request waits. */
export interface ReserveOptions {
  /** What it is for, in reports and errors. */
  tag?: string;
  /** How long it waits at most, in milliseconds; 5 000 unless told, Infinity for ever. */
  timeout?: number;
  /** Ends the waiting: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

/** Where a budget stands. Bytes, all of one instant each. */
export interface BudgetStats {
  name: string;
  path: string;
  limitBytes: number;
  usedBytes: number;
  /** The most that ever was used at once. */
  peakBytes: number;
  /** What a request may still have, its ancestors' limits considered. */
  availableBytes: number;
  minBytes: number;
  softBytes: number;
  /** Share of the limit that is used, 0–100; 0 without a limit (G09). */
  usagePercent: number;
  items: number;
  maxItems: number;
  /** Requests that this budget had no room for. */
  refused: number;
  /** Bytes that are used above the limit, since that was lowered (D49). */
  overLimitBytes: number;
  priority: number;
  /** How many requests may be granted before one that waits first (D26). */
  bypass: number;
  depth: number;
}

/** What reservations of one tag hold; of tag "(heap)": Blocks and raw blocks of the region. */
export type Consumer = Held;

/** What was still reserved when a budget was closed (D13). */
export interface CloseReport {
  path: string;
  /** Reservations, Blocks and raw blocks that were given back for their holders, whose handles are stale now; their bytes; by tag. */
  leaked: number;
  leakedBytes: number;
  consumers: Consumer[];
  /** While leaks are tracked (`cistern/monitor`): what of it this thread took, by tag, age and place, the largest first. */
  tracked?: readonly LeakGroup[];
  /** The reports of the budgets below it, which were closed first. */
  children: CloseReport[];
}

const TIMEOUT_MS = 5000;
const CONSUMERS = 5;

/** A node of the region's budget tree: `region.budget(name, options)`. */
export class Budget {
  readonly name: string;
  readonly parent: Budget | null;
  /**
   * Takes `bytes` bytes here and in every budget above, or nothing: null when one of them has no room. O(depth); any thread.
   * @throws BudgetClosedError; RegionBusyError when the latch of the tree was not to be had; RegionClosedError; TypeError, RangeError for what
   * is no size or no tag.
   */
  readonly tryReserve: (bytes: number, tag?: string) => Reservation | null;
  readonly #source: ReservationSource;
  readonly #budgets: Budgets;
  readonly #node: Node;

  /** @internal */
  constructor(source: ReservationSource, node: Node, name: string, parent: Budget | null) {
    this.#source = source;
    this.#budgets = source.budgets;
    this.#node = node;
    this.name = name;
    this.parent = parent;
    this.tryReserve = this.#reserver();
  }

  // One closure with what it needs in it: through private fields each call would cost two nanoseconds more.
  #reserver(): (bytes: number, tag?: string) => Reservation | null {
    const source = this.#source;
    const { at, state } = this.#node;
    const { core, reasonAt } = source.budgets;
    const { i32, reclaimers } = source;
    const { reserve } = core.exports;
    const numberOf = (tag: string): number => source.budgets.known(tag) ?? textNumber(source, "a tag", tag, true);
    return (bytes, tag) => {
      // What is a number from 0 to 2^53 − 1 without a fraction.
      if (typeof bytes !== "number" || !(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER && Math.floor(bytes) === bytes))
        integer("bytes", bytes, 0, Number.MAX_SAFE_INTEGER);
      const number = tag === undefined ? 0 : numberOf(tag);
      const record = reserve(at, state, bytes, number);
      if (record === 0) {
        // Most often: it is full, and who could change that knows.
        if (i32[reasonAt] === OVER_LIMIT && !source.isLeft && reclaimers.areAsked) return null;
        return this.#tryHarder(bytes, number);
      }
      return reservationAt(source, record);
    };
  }

  /** A request was refused: whoever can gives something back for it, in this thread now, in others soon. */
  #tryHarder(bytes: number, tag: number): Reservation | null {
    const { exports } = this.#budgets.core;
    const { at, state } = this.#node;
    const attempt = (): number => exports.reserve(at, state, bytes, tag);
    // The region may have no room for the record.
    let record = exports.reason() === FULL ? askingHooks(this.#source, attempt) : 0;
    const reason = record === 0 ? exports.reason() : OVER_LIMIT;
    if (reason !== OVER_LIMIT) throwUnlessFull(reason, "tryReserve", this.#source, this.path);
    else if (record === 0) record = this.#source.reclaimers.tryHarder(bytes, attempt);
    return record === 0 ? null : reservationAt(this.#source, record);
  }

  /**
   * Takes `bytes` bytes here and in every budget above, and waits for them if it must: first come, first served, whatever thread it comes
   * from. While somebody waits in a budget whom nobody may pass, `tryReserve` answers null there. Grant and time-out exclude each other; after an abort nothing
   * is held.
   * @throws (rejects) MemoryLimitExceededError with code ERR_MEMORY_LIMIT_NEVER at once for what is larger than a limit,
   * ERR_MEMORY_LIMIT_TIMEOUT; BudgetClosedError, RegionClosedError, also while it waits; RegionBusyError; the signal's reason.
   */
  async reserve(bytes: number, options?: ReserveOptions): Promise<Reservation> {
    integer("bytes", bytes, 0, Number.MAX_SAFE_INTEGER);
    const {
      tag,
      timeout = TIMEOUT_MS,
      signal,
    } = ownOptions<ReserveOptions>("reserve", options, ["tag", "timeout", "signal"]);
    if (timeout !== Number.POSITIVE_INFINITY) integer("timeout", timeout, 0, 0x7fffffff);
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw new TypeError(`reserve: signal must be an AbortSignal, got ${describe(signal)}`);
    signal?.throwIfAborted();
    const { core, claimAt } = this.#budgets;
    const number = tag === undefined ? 0 : textNumber(this.#source, "a tag", tag, true);
    const { at, state } = this.#node;
    const record = askingHooks(this.#source, () => core.exports.reserveOrWait(at, state, bytes, number));
    if (record === 0) throw this.#refused(bytes, `reserve(${bytes})`);
    const low = core.i32[claimAt] as number;
    const high = core.i32[claimAt + 1] as number;
    if (!isWaiting(high)) {
      return reservationAt(this.#source, record);
    }
    const refuser = this.#budgets.refuser.at;
    this.#source.reclaimers.soon();
    const granted = this.#source.waiting.add(record, low, high, {
      timeoutMs: timeout,
      signal,
      whyLate: () => limitError(this.#source, refuser, bytes, { waitedMs: timeout }),
      whyGone: () =>
        this.isOpen
          ? limitError(this.#source, refuser, bytes, { isImpossible: true })
          : new BudgetClosedError(this.path),
    });
    return tracker?.later(granted, core) ?? granted;
  }

  /** Why the core granted nothing and lets nobody wait. */
  #refused(bytes: number, what: string): Error {
    throwUnlessFull(this.#budgets.core.exports.reason(), what, this.#source, this.path);
    const refuser = this.#budgets.refuser.at;
    if (refuser === 0) return noRoom(this.#source);
    const maxItems = this.#budgets.itemsMax(refuser);
    if (maxItems === 0) return new ItemLimitExceededError(this.#budgets.path(refuser), maxItems);
    return limitError(this.#source, refuser, bytes, { isImpossible: true });
  }

  /** @internal */
  get at(): number {
    return this.#node.at;
  }

  /** @internal */
  get regionId(): string {
    return this.#source.regionId;
  }

  /** @internal */
  get state(): number {
    return this.#node.state;
  }

  /** Names from the root down, joined by `/`. */
  get path(): string {
    return this.parent === null ? this.name : `${this.parent.path}/${this.name}`;
  }

  /** Whether it was not closed, in whatever thread. */
  get isOpen(): boolean {
    return this.#budgets.isOpen(this.#node);
  }

  /** Bytes; Infinity without a limit, 0 once closed. */
  get limitBytes(): number {
    return this.#number(LIMIT);
  }

  /** Bytes taken here and below, minimums of the budgets below included (G08). Exact at every instant. */
  get usedBytes(): number {
    return this.#number(USED);
  }

  /** The most bytes that ever were taken at once. */
  get peakBytes(): number {
    return this.#number(PEAK);
  }

  /** The largest request that would be granted this instant, as far as bytes go. O(depth). */
  get availableBytes(): number {
    return this.isOpen ? this.#budgets.available(this.#node.at) : 0;
  }

  /** Share of the limit that is used, 0–100; 0 without a limit (G09). */
  get usagePercent(): number {
    return percent(this.usedBytes, this.limitBytes);
  }

  /** Whether more is used than the soft limit says. */
  get isOverSoft(): boolean {
    return this.isOpen && this.usedBytes > this.#budgets.soft(this.#node.at);
  }

  #number(field: number): number {
    return this.isOpen ? this.#budgets.number(this.#node.at, field) : 0;
  }

  /** The budget of this name below this one: that which is open there, or a new one. @throws as `region.budget`. */
  child(name: string, options?: BudgetOptions): Budget {
    return openBudget(this.#source, this, name, options);
  }

  /**
   * What a request of so many bytes would be refused with right now, or null (G04). Advice: by the time of the request it may be otherwise;
   * `tryReserve` is the form without a race. O(depth), with an error O(reservations).
   */
  check(bytes: number): MemoryLimitExceededError | ItemLimitExceededError | null {
    integer("bytes", bytes, 0, Number.MAX_SAFE_INTEGER);
    if (this.#budgets.core.exports.wouldRefuse(this.#node.at, this.#node.state, bytes) === 0) return null;
    this.#requireOpen();
    const never = this.#neverFits(bytes);
    if (never !== 0) return limitError(this.#source, never, bytes, { isImpossible: true });
    let more = bytes;
    for (let at = this.#node.at; at !== 0; at = this.#budgets.parent(at).at) {
      const used = this.#budgets.number(at, USED);
      const limit = this.#budgets.number(at, LIMIT);
      if (more > 0 && (used + more > limit || this.#budgets.isHeld(at))) return limitError(this.#source, at, bytes);
      const maxItems = this.#budgets.itemsMax(at);
      if (this.#budgets.items(at) + 1 > maxItems) return new ItemLimitExceededError(this.#budgets.path(at), maxItems);
      const min = this.#budgets.number(at, MIN);
      more = Math.max(used + more, min) - Math.max(used, min);
    }
    return null;
  }

  /** The budget from this one to its root whose limit so many bytes pass whatever is given back; 0: there is none. */
  #neverFits(bytes: number): number {
    let covered = 0;
    for (let at = this.#node.at; at !== 0; at = this.#budgets.parent(at).at) {
      if (bytes > this.#budgets.number(at, LIMIT) && bytes > covered) return at;
      covered = Math.max(covered, this.#budgets.number(at, MIN));
    }
    return 0;
  }

  /**
   * Changes the limit: any thread, at once for all. What is used stays, also if that is more: the reclaimers are asked for what is over (this
   * thread's before it returns, except who answers a promise; others soon), and nothing is granted until enough was given back (C25, D49).
   * @throws TypeError, RangeError for what is no size; BudgetClosedError, RegionBusyError.
   */
  setLimit(limit: number | string): void {
    const bytes = limitBytes("limit", limit, this.parent?.limitBytes ?? machineBytes());
    if (this.#budgets.core.exports.setBudgetLimit(this.#node.at, this.#node.state, bytes) === 0)
      throwUnlessFull(this.#budgets.core.exports.reason(), "setLimit", this.#source, this.path);
    tellLevels(this.#source);
    this.#source.reclaimers.lowered(this.#node);
  }

  /**
   * Registers something of this thread that holds bytes of this budget, or of one below it, and can give some back: a request that
   * finds no room here or above runs it (`tryReserve` in this thread at once; for a request that waits, or of another thread, soon). One
   * round at a time; measured by the budget's own counter. Returns the function that takes it away.
   * @throws TypeError, RangeError for what is no reclaimer; BudgetClosedError.
   */
  registerReclaimer(reclaimer: Reclaimer): () => void {
    this.#requireOpen();
    return this.#source.reclaimers.add(this.#node, reclaimer);
  }

  /**
   * Tells `listener` whenever the budget's use enters one of these shares of its limit (up to four, ascending, each above 0), or falls below
   * one by more than `gap`: the level is how many are entered. In the thread whose request or release it is before that call returns, in every
   * other one soon; a listener that gives something back is told of what came of it. One set of entries a budget: that which was given last, in
   * whatever thread. Returns the function that ends it.
   * @throws TypeError, RangeError for what are no shares; BudgetClosedError, RegionBusyError.
   */
  onLevel(entries: readonly number[], listener: LevelListener, gap: number = 0): () => void {
    checkEntries(entries, gap);
    if (typeof listener !== "function") throw new TypeError(`onLevel needs a function, got ${describe(listener)}`);
    const stop = this.#source.levels.add(this.#node, entries, gap, listener);
    if (stop !== undefined) return stop;
    throwUnlessFull(this.#budgets.core.exports.reason(), "onLevel", this.#source, this.path);
    throw new BudgetClosedError(this.path);
  }

  /** What the reclaimers that this thread registered here did so far. */
  reclaimerStats(): ReclaimerStats[] {
    return this.#source.reclaimers.stats(this.#node);
  }

  /** What holds the most here and below, by tag, largest first (M25). O(reservations). */
  topConsumers(count: number = CONSUMERS): Consumer[] {
    integer("count", count, 1, Number.MAX_SAFE_INTEGER);
    this.#requireOpen();
    return this.#budgets.held(this.#node.at).slice(0, count);
  }

  /** @throws BudgetClosedError. */
  stats(): BudgetStats {
    this.#requireOpen();
    const { at } = this.#node;
    const number = (field: number): number => this.#budgets.number(at, field);
    const usedBytes = number(USED);
    const limit = number(LIMIT);
    return {
      name: this.name,
      path: this.path,
      limitBytes: limit,
      usedBytes,
      peakBytes: number(PEAK),
      availableBytes: this.availableBytes,
      minBytes: number(MIN),
      softBytes: this.#budgets.soft(at),
      usagePercent: percent(usedBytes, limit),
      items: this.#budgets.items(at),
      maxItems: this.#budgets.itemsMax(at),
      refused: this.#budgets.refused(at),
      overLimitBytes: Math.max(0, usedBytes - limit),
      priority: this.#budgets.priority(at),
      bypass: this.#budgets.bypass(at),
      depth: this.#budgets.depth(at),
    };
  }

  /**
   * Closes it, and first all below it: from here on nothing is granted in any thread; what is still reserved is given back to the budgets
   * above and reported, its holders' handles are stale. A second close reports nothing. O(budgets + reservations).
   * @throws BudgetInUseError while a ring stands in it or below it: close the ring, and leave or empty it in each thread; RegionBusyError when the
   * latch was not to be had: call it again, it goes on where it was.
   */
  close(): CloseReport {
    const { path } = this;
    const children: CloseReport[] = [];
    for (;;) {
      const isOpen = this.isOpen;
      if (isOpen) this.#requireNoneInside();
      if (isOpen) children.push(...this.#budgets.children(this.#node.at).map((node) => this.#closeBelow(node)));
      const consumers = isOpen ? this.#budgets.held(this.#node.at) : [];
      const tracked = isOpen ? tracker?.closing(this, this.#budgets.core) : undefined;
      const { status, count, bytes } = this.#budgets.close(this.#node);
      if (status === BUSY) throw new RegionBusyError(`close of budget "${path}"`);
      // Another thread opened one below it meanwhile.
      if (status === HAS_CHILDREN) continue;
      if (status !== OK && status !== BUDGET_GONE) throwUnlessFull(status, "close", this.#source, path);
      const isMine = status === OK;
      this.#source.reclaimers.forgetClosed();
      this.#source.levels.look();
      return {
        path,
        leaked: isMine ? count : 0,
        leakedBytes: isMine ? bytes : 0,
        consumers: isMine ? consumers : [],
        children,
        ...(isMine && tracked && { tracked }),
      };
    }
  }

  /** A ring or cache gives back what it is charged for itself, when it goes. */
  #requireNoneInside(): void {
    const budgets = this.#budgets;
    for (const inside of nodesInside(budgets.core)) {
      for (let { at } = inside; at !== 0; at = budgets.parent(at).at)
        if (at === this.#node.at) throw new BudgetInUseError(this.path, budgets.path(inside.at));
    }
  }

  #closeBelow(node: Node): CloseReport {
    return new Budget(this.#source, node, this.#budgets.name(node.at), this).close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #requireOpen(): void {
    if (this.#source.isLeft) throw new RegionClosedError(this.#source.regionName);
    if (!this.isOpen) throw new BudgetClosedError(this.path);
  }
}

const percent = (used: number, limit: number): number =>
  limit === Number.POSITIVE_INFINITY || limit === 0 ? 0 : (used / limit) * 100;

/** @internal Opens a budget. */
export function openBudget(
  source: ReservationSource,
  parent: Budget | undefined,
  name: string,
  options: BudgetOptions | undefined,
): Budget {
  const above = parent === undefined ? NO_NODE : budgetNode(source, "budget", parent, "parent");
  const whole = parent === undefined ? machineBytes() : source.budgets.number(above.at, LIMIT);
  const limits = settleLimits(options, whole);
  for (const tag of limits.tags) textNumber(source, "a tag", tag, true);
  const number = textNumber(source, "a budget's name", name);
  const opened = askingHooks(source, () => source.budgets.open(above, number, limits));
  if (opened === undefined) throw openRefusal(source, parent, name, limits.min);
  const budget = new Budget(source, opened.node, name, parent ?? null);
  if (opened.wasOpen && limits.isGiven && budget.limitBytes !== limits.limit)
    throw new RangeError(
      `budget "${budget.path}" is open with a limit of ${budget.limitBytes} bytes, not ${limits.limit}: leave the limit out, or change it with setLimit`,
    );
  return budget;
}

/** @internal Why a budget could not be opened. */
export function openRefusal(source: ReservationSource, parent: Budget | undefined, name: string, min: number): Error {
  const reason = source.budgets.core.exports.reason();
  if (reason === TOO_DEEP) return new RangeError(`budget "${name}" would stand deeper than budgets may`);
  throwUnlessFull(reason, `budget("${name}")`, source, parent?.path ?? name);
  const { at } = source.budgets.refuser;
  if (at === 0) return noRoom(source);
  return new MemoryLimitExceededError({
    requested: min,
    limit: source.budgets.number(at, LIMIT),
    current: source.budgets.number(at, USED),
    budgetPath: source.budgets.path(at),
    isBudget: true,
    isImpossible: reason === NEVER,
  });
}
