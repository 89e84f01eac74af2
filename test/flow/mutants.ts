// Mutants of flow control: what the specifications write, or what is easily written, and what is wrong with it. They work otherwise; the
// tests show that the assertions which ours pass fail for them.
import type { Clock, Timers } from "../../src/flow/time.js";

/** What the assertions about rates ask of a limiter. */
export interface Limiter {
  tryTake(bytes: number): boolean;
}

/** M38 as the specification has it: whole tokens, so time that earned less than one is lost; starts empty; nothing above the rate, ever. */
export class TruncatingLimiter implements Limiter {
  #bucket = 0;
  #lastMs: number;
  readonly #rate: number;
  readonly #clock: Clock;

  constructor(rate: number, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#lastMs = clock();
  }

  tryTake(bytes: number): boolean {
    const nowMs = this.#clock();
    const tokens = Math.trunc(((nowMs - this.#lastMs) / 1000) * this.#rate);
    this.#bucket = Math.min(this.#bucket + tokens, this.#rate);
    this.#lastMs = nowMs;
    if (this.#bucket < bytes) return false;
    this.#bucket -= bytes;
    return true;
  }
}

/** A bucket that believes its clock: one that goes back and forth earns the same second twice. */
export class CredulousLimiter implements Limiter {
  #tokens: number;
  #lastMs: number;
  readonly #rate: number;
  readonly #clock: Clock;

  constructor(rate: number, clock: Clock) {
    this.#rate = this.#tokens = rate;
    this.#clock = clock;
    this.#lastMs = clock();
  }

  tryTake(bytes: number): boolean {
    const nowMs = this.#clock();
    if (nowMs > this.#lastMs)
      this.#tokens = Math.min(this.#rate, this.#tokens + ((nowMs - this.#lastMs) * this.#rate) / 1000);
    this.#lastMs = nowMs;
    if (this.#tokens < bytes) return false;
    this.#tokens -= bytes;
    return true;
  }
}

/** What the assertions about waiting ask. */
export interface Waitable {
  take(bytes: number, options?: { signal?: AbortSignal }): Promise<void>;
}

/** Everybody who waits looks again every 10 ms, on its own (Mirror's `ratelimit`): whoever asks for little wins, and large requests starve. */
export class PollingLimiter implements Waitable {
  #tokens: number;
  #lastMs: number;
  readonly #rate: number;
  readonly #clock: Clock;
  readonly #timers: Timers;

  constructor(rate: number, clock: Clock, timers: Timers) {
    this.#rate = this.#tokens = rate;
    this.#clock = clock;
    this.#timers = timers;
    this.#lastMs = clock();
  }

  take(bytes: number, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const nowMs = this.#clock();
        this.#tokens = Math.min(this.#rate, this.#tokens + ((nowMs - this.#lastMs) * this.#rate) / 1000);
        this.#lastMs = nowMs;
        if (signal?.aborted) return reject(signal.reason);
        if (this.#tokens < bytes) return void this.#timers.set(look, 10);
        this.#tokens -= bytes;
        resolve();
      };
      look();
    });
  }
}

/** First in, first out, but who aborts stays in the queue (D04), and the one behind an aborted head is not looked at (D08). */
export class ForgetfulLimiter implements Waitable {
  #tokens: number;
  readonly #timers: Timers;
  readonly #rate: number;
  readonly #queue: { bytes: number; resolve: () => void }[] = [];

  constructor(rate: number, timers: Timers) {
    this.#rate = this.#tokens = rate;
    this.#timers = timers;
  }

  take(bytes: number, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#queue.length === 0 && this.#tokens >= bytes) {
        this.#tokens -= bytes;
        return resolve();
      }
      this.#queue.push({ bytes, resolve });
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      if (this.#queue.length === 1) this.#arm();
    });
  }

  #arm(): void {
    const head = this.#queue[0]!;
    this.#timers.set(
      () => {
        this.#queue.shift();
        this.#tokens = 0;
        head.resolve();
        if (this.#queue.length > 0) this.#arm();
      },
      ((head.bytes - this.#tokens) / this.#rate) * 1000,
    );
  }
}

/** G17 as the specification has it: halves without a floor. 10 000 halved fourteen times is 0, and a chunk of 0 never gets on. */
export function* halvingChunks(total: number, usagePercent: () => number): Generator<{ start: number; end: number }> {
  let chunk = 10_000;
  for (let start = 0; start < total; start += chunk) {
    if (usagePercent() > 80) chunk = Math.trunc(chunk / 2);
    yield { start, end: Math.min(total, start + chunk) };
  }
}

/** T07 as the specification has it: a collection at each look while pressure is high. */
export class EagerGc {
  readonly #gc: () => void;

  constructor(gc: () => void) {
    this.#gc = gc;
  }

  hint(): void {
    this.#gc();
  }
}

/** Decides by what a monitor saw last, and not by what is: blind while the loop is blocked. */
export class SampledAdmission {
  #pressure = 0;

  /** The monitor's event. */
  sampled(pressure: number): void {
    this.#pressure = pressure;
  }

  admit(): boolean {
    return this.#pressure < 0.95;
  }
}
