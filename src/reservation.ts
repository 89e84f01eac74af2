// Reservation: bytes of a budget that somebody has taken, for memory that may lie anywhere: a Buffer, a tile, a frame. Only a reservation
// moves a budget's bytes, and it releases once. In the region it is a claimed record of this thread, given back when the thread
// ends; in JavaScript it is disposable: `using room = budget.tryReserve(bytes)`.

import type { Budgets } from "../bindings/budgets.js";
import type { CoreExports } from "../bindings/exports.js";
import type { Exhaustion } from "./exhaustion.js";
import { budgetNode } from "./budget-node.js";
import type { Budget } from "./budget.js";
import { BUDGET_GONE, BUSY, NOT_ATTACHED, NOT_LIVE, OVER_LIMIT, POISONED } from "../bindings/status.js";
import {
  BudgetClosedError,
  RegionBusyError,
  RegionClosedError,
  RegionPoisonedError,
  StaleReservationError,
} from "./errors.js";
import { integer } from "./options.js";
import type { Levels } from "./levels.js";
import type { Reclaimers } from "./reclaim.js";
import { tracker } from "./tracker.js";
import type { WakeHub } from "./wake.js";
import type { Waiting } from "./waiting.js";

/** What names a reservation in another thread: structured-cloneable. */
export interface ReservationHandle {
  readonly record: number;
  readonly claim: readonly [number, number];
}

/** @internal What a reservation needs of its region. */
export interface ReservationSource {
  readonly budgets: Budgets;
  // What each request and each release needs, one step away.
  readonly i32: Int32Array<ArrayBufferLike>;
  readonly claimAt: number;
  readonly crossedAt: number;
  readonly free: CoreExports["reservationFree"];
  readonly regionName: string;
  readonly regionId: string;
  readonly wake: WakeHub;
  readonly waiting: Waiting;
  readonly reclaimers: Reclaimers;
  readonly levels: Levels;
  /** The rings, and the caches, that this attachment uses. */
  readonly rings: Set<{ leave(): void }>;
  readonly caches: Set<{ leave(): void }>;
  /** Who makes room here when the region is full. */
  readonly exhaustion: Exhaustion;
  /** Set when this thread has left the region: what its slot says is another's then. */
  isLeft: boolean;
}

/** @internal After a charge: tells of the levels that it changed. */
export function tellLevels({ i32, crossedAt, levels }: ReservationSource): void {
  if (i32[crossedAt] === 0) return;
  i32[crossedAt] = 0;
  levels.look();
}

/** Bytes of a budget, taken by `budget.tryReserve(bytes)`. */
export class Reservation {
  // Plain fields: one of these is made for each request, and private ones cost a nanosecond each.
  /** @internal */
  readonly source: ReservationSource;
  /** @internal 0: released. */
  private record: number;
  /** @internal */
  private low: number;
  /** @internal */
  private high: number;

  /** @internal */
  constructor(source: ReservationSource, record: number, low: number, high: number) {
    this.source = source;
    this.record = record;
    this.low = low;
    this.high = high;
  }

  /** Bytes that it holds; 0 after its release. */
  get size(): number {
    return this.isLive ? this.source.budgets.reserved(this.record).bytes : 0;
  }

  /** What it was tagged with; empty for nothing, and after its release. */
  get tag(): string {
    return this.isLive ? this.source.budgets.reserved(this.record).tag : "";
  }

  /** Names of the budgets from the root down to the one it is charged to, joined by `/`; empty after its release. */
  get budgetPath(): string {
    return this.isLive ? this.source.budgets.path(this.source.budgets.reserved(this.record).node) : "";
  }

  /** Whether this handle still holds it: not after its release, here or by `budget.close`, nor once another thread adopted it. */
  get isLive(): boolean {
    if (this.record === 0) return false;
    return this.source.budgets.core.exports.reservationIsLive(this.record, this.low, this.high) !== 0;
  }

  /** What a log shows of it. */
  toJSON(): { size: number; tag: string; budgetPath: string } {
    const { size, tag, budgetPath } = this;
    return { size, tag, budgetPath };
  }

  /** Gives the bytes back: true the first time, false ever after, and when `budget.close` was quicker. O(depth). */
  release(): boolean {
    const { record, source } = this;
    if (record === 0) return false;
    this.record = 0;
    const done = source.free(record, this.low, this.high) !== 0;
    tellLevels(source);
    return done;
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * Makes it `bytes` long. False: there is no room for more, and it is as before. Runs reclaimers before it gives up, as `budget.tryReserve`. O(depth).
   * @throws StaleReservationError after its release; BudgetClosedError, RegionBusyError; TypeError, RangeError for what is no size.
   */
  tryResize(bytes: number): boolean {
    return this.resize(bytes, true);
  }

  /** @internal As tryResize; asks nobody for room unless `mayAsk`. */
  resize(bytes: number, mayAsk: boolean): boolean {
    integer("bytes", bytes, 0, Number.MAX_SAFE_INTEGER);
    if (this.source.budgets.core.exports.reservationResize(this.record, this.low, this.high, bytes) === 0)
      return this.#isFull("tryResize") && mayAsk && this.#growHarder(bytes);
    tellLevels(this.source);
    return true;
  }

  // Apart, so that who has room makes no closure.
  #growHarder(bytes: number): boolean {
    const { exports } = this.source.budgets.core;
    const attempt = (): number => exports.reservationResize(this.record, this.low, this.high, bytes);
    return this.#harder(bytes - this.size, attempt);
  }

  /** Room for `more` bytes is made, and `attempt` repeated while there is progress. */
  #harder(more: number, attempt: () => number): boolean {
    const isDone = this.source.reclaimers.tryHarder(more, attempt) !== 0;
    // Whoever was asked may have closed its budget.
    if (!isDone) this.#requireLive();
    tellLevels(this.source);
    return isDone;
  }

  /**
   * Takes `bytes` of its bytes into a reservation of their own, of the same budget and tag. No byte is charged anew; as an item it counts.
   * Null: the budget, or one above it, has as many items as it may have.
   * @throws as tryResize; RangeError for more than it has.
   */
  split(bytes: number): Reservation | null {
    const { budgets } = this.source;
    this.#requireLive();
    integer("bytes", bytes, 0, this.size);
    const record = budgets.core.exports.reservationSplit(this.record, this.low, this.high, bytes);
    if (record !== 0) return reservationAt(this.source, record);
    this.#isFull("split");
    return null;
  }

  /**
   * Charges it to another budget of the region instead: both happen at once, or neither. False: there is no room there, and it is as before.
   * Runs reclaimers before it gives up.
   * @throws as tryResize.
   */
  moveTo(budget: Budget): boolean {
    const { at, state } = budgetNode(this.source, "moveTo", budget);
    const { exports } = this.source.budgets.core;
    const attempt = (): number => exports.reservationMove(this.record, this.low, this.high, at, state);
    if (attempt() === 0) return this.#isFull("moveTo") && this.#harder(this.size, attempt);
    tellLevels(this.source);
    return true;
  }

  /** What names it in another thread, where `region.adoptReservation(handle)` makes it that thread's. @throws StaleReservationError. */
  handle(): ReservationHandle {
    this.#requireLive();
    tracker?.named(this);
    return { record: this.record, claim: [this.low, this.high] };
  }

  /**
   * Declares it the region's: it outlives this thread, and goes when any thread releases it. Other handles to it are stale from here on: hand
   * out `handle()` anew. @throws StaleReservationError, RegionBusyError.
   */
  share(): this {
    this.pass(true);
    return this;
  }

  /** @internal Makes it this thread's, or (`shared`) the region's. */
  pass(shared: boolean): void {
    const { budgets } = this.source;
    if (budgets.core.exports.reservationPass(this.record, this.low, this.high, +shared) === 0) {
      this.#isFull("adopt");
      throw new StaleReservationError();
    }
    const { low, high } = budgets.core.lastClaim();
    this.low = low;
    this.high = high;
  }

  /** Whether a refusal is for want of bytes that may yet be given back; throws for one that is no lack of room. */
  #isFull(what: string): boolean {
    const reason = this.source.budgets.core.exports.reason();
    if (reason === OVER_LIMIT) return true;
    if (reason === NOT_LIVE) throw new StaleReservationError();
    throwUnlessFull(reason, what, this.source, this.isLive ? this.budgetPath : "");
    return false;
  }

  #requireLive(): void {
    if (!this.isLive) throw new StaleReservationError();
  }
}

/** @internal Throws the error for a refusal that is no lack of room. */
export function throwUnlessFull(reason: number, what: string, source: ReservationSource, path: string): void {
  if (reason === BUSY) throw new RegionBusyError(what);
  if (reason === BUDGET_GONE) throw new BudgetClosedError(path);
  if (reason === POISONED) {
    const why = (): Error => new RegionPoisonedError(source.regionName);
    source.waiting.abandon(why);
    throw why();
  }
  if (reason === NOT_ATTACHED) throw new RegionClosedError(source.regionName);
}

/** @internal The reservation that this thread's last call of the core made; tells of the levels that it changed. */
export function reservationAt(source: ReservationSource, record: number): Reservation {
  const { i32, claimAt } = source;
  const reservation = new Reservation(source, record, i32[claimAt] as number, i32[claimAt + 1] as number);
  tracker?.made(reservation, source.budgets.core);
  tellLevels(source);
  return reservation;
}
