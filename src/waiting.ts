// Waiting: this thread's requests that wait for room in a budget. Owns their promises and timers. The queue itself stands in the region:
// whoever makes room there grants the first in line, and this thread learns of it by the change of a word. Grant, time-out, abort and close
// compete for one record, and the core says which was first.

import { grantedHigh } from "../bindings/wake.js";
import { BUSY, OK, POISONED } from "../bindings/status.js";
import { RegionBusyError, RegionPoisonedError } from "./errors.js";
import { Reservation, type ReservationSource } from "./reservation.js";

/** One request that waits. */
interface Waiter {
  readonly record: number;
  readonly low: number;
  readonly high: number;
  readonly resolve: (reservation: Reservation) => void;
  readonly reject: (error: unknown) => void;
  /** Why it can be granted no more, when nobody here cancelled it. */
  readonly whyGone: () => Error;
  readonly end: () => void;
}

/** When a request stops to wait. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly whyLate: () => Error;
  readonly whyGone: () => Error;
}

const RETRY_MS = 10;

/** @internal This thread's requests that wait in one region. */
export class Waiting {
  readonly #source: ReservationSource;
  readonly #waiters = new Map<number, Waiter>();
  /** What each signal ends: one listener a signal, however many requests it is given to. */
  readonly #signals = new Map<AbortSignal, Set<number>>();
  #stop: (() => void) | undefined;

  constructor(source: ReservationSource) {
    this.#source = source;
  }

  /** How many wait. */
  get count(): number {
    return this.#waiters.size;
  }

  /** The reservation that the waiting record becomes. */
  add(record: number, low: number, high: number, patience: Patience): Promise<Reservation> {
    const { timeoutMs, signal, whyLate, whyGone } = patience;
    // The record may have been that of a request which was decided and which nobody here has looked at since.
    this.#settle(record);
    return new Promise((resolve, reject) => {
      const late = (): void => this.#cancel(record, whyLate);
      const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(late, timeoutMs);
      const end = (): void => {
        clearTimeout(timer);
        if (signal !== undefined) this.#unhear(signal, record);
      };
      this.#waiters.set(record, { record, low, high, resolve, reject, whyGone, end });
      if (signal !== undefined) this.#hear(signal, record);
      this.#stop ??= this.#source.wake.add(() => this.#settleAll());
      // It may have been granted before anybody listened.
      this.#settle(record);
    });
  }

  #settleAll(): void {
    for (const record of this.#waiters.keys()) this.#settle(record);
  }

  /** Answers a request that was decided; the reservation, if it was granted. */
  #settle(record: number): void {
    const waiter = this.#waiters.get(record);
    if (waiter === undefined) return;
    const [low, high] = this.#source.budgets.claim(record);
    if (low === waiter.low && high === waiter.high) return;
    this.#forget(waiter);
    if (low === waiter.low && high === grantedHigh(waiter.high))
      waiter.resolve(new Reservation(this.#source, record, low, high));
    else waiter.reject(waiter.whyGone());
  }

  #forget(waiter: Waiter): void {
    this.#waiters.delete(waiter.record);
    waiter.end();
    if (this.#waiters.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #hear(signal: AbortSignal, record: number): void {
    const records = this.#signals.get(signal);
    if (records !== undefined) {
      records.add(record);
      return;
    }
    this.#signals.set(signal, new Set([record]));
    signal.addEventListener("abort", this.#aborted);
  }

  #unhear(signal: AbortSignal, record: number): void {
    const records = this.#signals.get(signal);
    records?.delete(record);
    if (records?.size !== 0) return;
    this.#signals.delete(signal);
    signal.removeEventListener("abort", this.#aborted);
  }

  readonly #aborted = ({ target }: Event): void => {
    const signal = target as AbortSignal;
    for (const record of this.#signals.get(signal) ?? []) this.#cancel(record, () => signal.reason, true);
  };

  /** Ends the waiting; one that was granted this instant goes to its caller, or (`unwanted`) back. */
  #cancel(record: number, why: () => unknown, unwanted = false): void {
    // The latch's holder may be dead, and nobody told yet.
    if (!this.#tryCancel(record, why, unwanted)) setTimeout(() => this.#cancel(record, why, unwanted), RETRY_MS);
  }

  /** As `#cancel`; false: the latch was not to be had, and nothing was done. */
  #tryCancel(record: number, why: () => unknown, unwanted: boolean): boolean {
    const waiter = this.#waiters.get(record);
    if (waiter === undefined) return true;
    const { exports } = this.#source.budgets.core;
    const status = exports.reservationCancel(record, waiter.low, waiter.high);
    if (status === BUSY) return false;
    if (status === OK || unwanted) {
      this.#forget(waiter);
      if (status !== OK) exports.reservationFree(record, waiter.low, grantedHigh(waiter.high));
      waiter.reject(why());
    } else if (status === POISONED) {
      this.#forget(waiter);
      waiter.reject(new RegionPoisonedError(this.#source.regionName));
    } else this.#settle(record);
    return true;
  }

  /** The region is poisoned: nothing is granted any more, and no waiting goes on for ever. */
  abandon(why: () => Error): void {
    for (const waiter of this.#waiters.values()) {
      this.#forget(waiter);
      waiter.reject(why());
    }
  }

  /** Ends all waiting, before this thread leaves the region. @throws RegionBusyError: nothing is closed then, try again. */
  close(why: () => Error): void {
    for (const { record } of this.#waiters.values()) {
      if (!this.#tryCancel(record, why, true)) throw new RegionBusyError("close");
    }
  }
}
