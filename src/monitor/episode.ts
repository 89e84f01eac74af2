// Episode: one alert for one trouble, however often it is looked at (D41). Owns whether one is going on, whether it was told, and when
// the last was. Between calls: an episode is told at most once, and no two alerts are closer than the cooldown.

import { finite } from "../flow/arguments.js";

/** What a look found: trouble; none; or neither for sure, which keeps what is going on going on. */
export type Look = "trouble" | "unsure" | "over";

export class Episode {
  readonly #cooldownMs: number;
  #open = false;
  #told = false;
  #toldAtMs = -Infinity;

  /** @throws TypeError, RangeError. */
  constructor(cooldownMs: number) {
    this.#cooldownMs = finite("cooldownMs", cooldownMs, 0);
  }

  /** Whether an episode is going on. */
  get open(): boolean {
    return this.#open;
  }

  /** Whether to raise the alert now. One that comes within the cooldown of the last is raised after it, if it still goes on then. O(1). */
  update(look: Look, atMs: number): boolean {
    if (look === "over") this.#open = this.#told = false;
    if (look !== "trouble") return false;
    this.#open = true;
    if (this.#told || atMs - this.#toldAtMs < this.#cooldownMs) return false;
    this.#told = true;
    this.#toldAtMs = atMs;
    return true;
  }
}
