// Sampler: one in so many, at random, so that no pattern of the program's hides from it. Owns how many are left out until the next one: drawn
// once for each one chosen, so that one left out costs a subtraction.

import { callable } from "../flow/arguments.js";
import { integer } from "../options.js";

export class Sampler {
  readonly interval: number;
  readonly #random: () => number;
  #left: number;

  /** `random` answers from 0 to below 1. @throws TypeError, RangeError. */
  constructor(interval: number, random: () => number) {
    this.interval = integer("interval", interval, 1, 1_000_000);
    this.#random = callable("random", random);
    this.#left = this.#draw();
  }

  /** Whether this one is chosen: each with the chance 1 / interval, whatever came before. O(1). */
  next(): boolean {
    if (this.#left > 0) {
      this.#left--;
      return false;
    }
    this.#left = this.#draw();
    return true;
  }

  /** How many coins of that chance fall wrong before one falls right. */
  #draw(): number {
    if (this.interval === 1) return 0;
    return Math.floor(Math.log(1 - this.#random()) / Math.log(1 - 1 / this.interval));
  }
}
