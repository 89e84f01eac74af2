// Throttle: a token bucket in bytes per second (M13, M38). Owns the bucket, the queue of those who wait and one timer. Between calls:
// tokens are at most the burst; nobody behind the head of the queue is served before it; the timer exists exactly while somebody
// waits, and is the head's. Over any t seconds it grants at most max(burst, the largest request above it) + rate × t bytes.

import { CisternError } from "../errors.js";
import { integer, ownOptions } from "../options.js";
import { parseSize } from "../size.js";
import { abortSignal, bytesPerSecond, callable, finite, having } from "./arguments.js";
import { type Place, Queue } from "./queue.js";
import { type Clock, type Timers, hostTimers, monotonicMs } from "./time.js";

export interface ThrottleOptions {
  /** Bytes per second: a number above 0, or a text like `"10MiB"`. */
  rate: number | string;
  /** What may be taken at once after a rest, in bytes; at least one second of the rate, which is the default. */
  burst?: number | string;
  /** Monotonic milliseconds; `performance.now` unless told. */
  clock?: Clock;
  /** The host's, unref'ed, unless told. */
  timers?: Timers;
}

export interface SetRateOptions {
  /** Bytes; unless told, the burst keeps its length in seconds. */
  burst?: number | string;
}

export interface TakeOptions {
  /** Leaves the queue: the promise rejects with the signal's reason, and nothing was taken. */
  signal?: AbortSignal;
}

export interface ThrottleStats {
  /** Bytes per second. */
  rate: number;
  burstBytes: number;
  /** What could be taken now; 0 in debt. */
  availableBytes: number;
  /** What a request above the burst has taken ahead of time. */
  debtBytes: number;
  /** How many wait in `take`. */
  waiting: number;
  grants: number;
  grantedBytes: number;
  /** How often `tryTake` said no. */
  refusals: number;
  /** How many left the queue by their signal. */
  aborted: number;
  /** How long those who were served had waited, added up. */
  waitedMs: number;
}

/** The throttle was closed: who waited, and whoever comes, gets this. */
export class ThrottleClosedError extends CisternError {
  constructor() {
    super("ERR_THROTTLE_CLOSED", "the throttle is closed: it grants nothing any more; make a new one");
  }
}

interface Waiter {
  readonly bytes: number;
  readonly sinceMs: number;
  readonly granted: () => void;
  readonly refused: (reason: unknown) => void;
}

// A clock in floating point is off by about 2e-9 of a second's tokens after months: a hair of the burst is never what is missing.
const HAIR = 1e-8;

export class Throttle {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #queue = new Queue<Waiter>();
  #rate: number;
  #burst: number;
  /** Bytes, with fractions; below 0 is debt. */
  #tokens: number;
  /** The latest moment that was accounted for. */
  #atMs: number;
  #timer: unknown;
  /** Whom the timer is for. */
  #timedFor: Place<Waiter> | undefined;
  #closed = false;
  #grants = 0;
  #grantedBytes = 0;
  #refusals = 0;
  #aborted = 0;
  #waitedMs = 0;

  /** The bucket starts full. @throws TypeError, RangeError. */
  constructor(options: ThrottleOptions) {
    const {
      rate,
      burst,
      clock = monotonicMs,
      timers = hostTimers,
    } = ownOptions<ThrottleOptions>("Throttle", options, ["rate", "burst", "clock", "timers"]);
    this.#rate = bytesPerSecond("rate", rate);
    this.#burst = burst === undefined ? this.#rate : burstOf(burst, this.#rate);
    this.#clock = callable("clock", clock);
    this.#timers = having("timers", timers, ["set", "clear"]);
    this.#tokens = this.#burst;
    this.#atMs = this.#clock();
  }

  /** Bytes per second. */
  get rate(): number {
    return this.#rate;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Takes `bytes` now, or answers false and takes nothing: not enough tokens, somebody waits in `take`, or closed (M38). A request
   * above the burst is granted from a full bucket, and is paid for afterwards. Who polls every p seconds and takes n bytes at a time
   * until refused gets the full rate where burst ≥ n + rate × p; with n above the burst, at least n ÷ (n + rate × p) of it. `take` has no
   * such loss. O(1), plus whoever of the queue is due.
   * @throws TypeError, RangeError for bytes that are no integer ≥ 0.
   */
  tryTake(bytes: number): boolean {
    integer("bytes", bytes, 0, Number.MAX_SAFE_INTEGER);
    if (!this.#closed) {
      this.#serve();
      if (this.#queue.size === 0 && this.#spend(bytes)) return true;
    }
    this.#refusals++;
    return false;
  }

  /**
   * Waits until `bytes` may be taken, in order of arrival, and takes them. A request above the burst waits for a full bucket and
   * leaves a debt. Rejects with the signal's reason when it aborts first, with ThrottleClosedError when the throttle is closed
   * first; in both cases nothing was taken. The timer does not keep a process alive. O(1).
   * @throws TypeError, RangeError (as rejections) for bytes that are no integer ≥ 0.
   */
  async take(bytes: number, options?: TakeOptions): Promise<void> {
    integer("bytes", bytes, 0, Number.MAX_SAFE_INTEGER);
    const { signal } = ownOptions<TakeOptions>("take", options, ["signal"]);
    abortSignal("signal", signal)?.throwIfAborted();
    if (this.#closed) throw new ThrottleClosedError();
    this.#serve();
    if (this.#queue.size === 0 && this.#spend(bytes)) return;
    await this.#wait(bytes, signal);
  }

  /**
   * Changes the rate from now on; what was earned so far was earned at the old one. Tokens above a smaller burst are lost, a debt
   * stays. Who waits is timed anew.
   * @throws TypeError, RangeError, and then nothing has changed.
   */
  setRate(rate: number | string, options?: SetRateOptions): void {
    const { burst } = ownOptions<SetRateOptions>("setRate", options, ["burst"]);
    const newRate = bytesPerSecond("rate", rate);
    const newBurst = burst === undefined ? newRate * (this.#burst / this.#rate) : burstOf(burst, newRate);
    this.#earn();
    this.#rate = newRate;
    this.#burst = newBurst;
    this.#tokens = Math.min(this.#tokens, newBurst);
    this.#disarm();
    this.#serve();
  }

  stats(): ThrottleStats {
    this.#earn();
    return {
      rate: this.#rate,
      burstBytes: this.#burst,
      availableBytes: Math.max(0, Math.floor(this.#tokens)),
      debtBytes: Math.max(0, Math.ceil(-this.#tokens)),
      waiting: this.#queue.size,
      grants: this.#grants,
      grantedBytes: this.#grantedBytes,
      refusals: this.#refusals,
      aborted: this.#aborted,
      waitedMs: this.#waitedMs,
    };
  }

  /** Grants nothing any more: who waits is rejected with ThrottleClosedError, in order. A second call does nothing. */
  close(): void {
    this.#closed = true;
    for (let place = this.#queue.head; place !== undefined; place = this.#queue.head) {
      this.#queue.remove(place);
      place.value.refused(new ThrottleClosedError());
    }
    this.#arm();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Stands in the queue until served, aborted or closed: exactly one of them, after which neither place nor listener is left. */
  #wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#queue.remove(place);
        this.#aborted++;
        reject(signal?.reason);
        this.#serve();
      };
      const ending =
        <Value>(end: (value: Value) => void) =>
        (value: Value): void => {
          signal?.removeEventListener("abort", onAbort);
          end(value);
        };
      const place = this.#queue.push({
        bytes,
        sinceMs: this.#atMs,
        granted: ending<void>(resolve),
        refused: ending(reject),
      });
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#arm();
    });
  }

  /** Serves who is due, first come first served, and times who is next. */
  #serve(): void {
    this.#earn();
    for (
      let place = this.#queue.head;
      place !== undefined && this.#spend(place.value.bytes);
      place = this.#queue.head
    ) {
      this.#queue.remove(place);
      this.#waitedMs += this.#atMs - place.value.sinceMs;
      place.value.granted();
    }
    this.#arm();
  }

  /** What the time since the last look has earned. A clock that went back, or is no number, changes nothing. */
  #earn(): void {
    const nowMs = this.#clock();
    if (!(nowMs > this.#atMs && nowMs < Infinity)) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) * this.#rate) / 1000);
    this.#atMs = nowMs;
  }

  #spend(bytes: number): boolean {
    if (bytes > 0 && this.#missing(bytes) > this.#burst * HAIR) return false;
    // commit
    this.#tokens -= bytes;
    this.#grants++;
    this.#grantedBytes += bytes;
    return true;
  }

  /** Tokens still to be earned before `bytes` are granted. */
  #missing(bytes: number): number {
    return Math.min(bytes, this.#burst) - this.#tokens;
  }

  /** One timer, for the head of the queue; none when nobody waits. */
  #arm(): void {
    const { head } = this.#queue;
    if (head === this.#timedFor) return;
    this.#disarm();
    if (head === undefined) return;
    this.#timedFor = head;
    this.#timer = this.#timers.set(() => this.#due(), (this.#missing(head.value.bytes) / this.#rate) * 1000);
  }

  #disarm(): void {
    if (this.#timedFor === undefined) return;
    this.#timedFor = undefined;
    this.#timers.clear(this.#timer);
  }

  #due(): void {
    this.#timedFor = undefined;
    this.#serve();
  }
}

function burstOf(value: number | string, rate: number): number {
  const burst = typeof value === "string" ? parseSize(value) : finite("burst", value, 0);
  if (burst >= rate) return burst;
  throw new RangeError(
    `burst must be at least one second of the rate, ${rate} bytes, got ${burst}: who polls once a second would never reach the rate; lower the rate instead`,
  );
}
