// Rate: how fast something goes lately, from amounts at uneven intervals. Owns one exponential moving average, which forgets by time and
// not by sample, so that a period that adapts does not change what it means.

import { finite } from "../flow/arguments.js";

export class Rate {
  readonly #memoryMs: number;
  #perMs = 0;
  #atMs: number | undefined;

  /** What happened `memoryMs` milliseconds ago counts 1/e of what happens now. @throws TypeError, RangeError. */
  constructor(memoryMs: number) {
    this.#memoryMs = finite("memoryMs", memoryMs, 1);
  }

  /** What was averaged, a second. 0 before the second call of `add`. */
  get perSecond(): number {
    return this.#perMs * 1000;
  }

  /** `amount` came since the call before, at `atMs`. The first call only says when it begins; no time, or time that went back, nothing. O(1). */
  add(amount: number, atMs: number): void {
    const sinceMs = atMs - (this.#atMs ?? atMs);
    if (this.#atMs === undefined) this.#atMs = atMs;
    if (!(sinceMs > 0) || !Number.isFinite(amount)) return;
    this.#atMs = atMs;
    this.#perMs += (1 - Math.exp(-sinceMs / this.#memoryMs)) * (amount / sinceMs - this.#perMs);
  }
}
