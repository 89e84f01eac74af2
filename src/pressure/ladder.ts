// Ladder: which band a pressure stands in, given where it stood. Up at once; down only when a band was left by more than the gap for
// `dwell` samples in a row. Each band counts for itself, so a fall goes as far as the last `dwell` samples allow and no further.
// Between calls: `index` is at or above the band of the last pressure.

import type { Band } from "./bands.js";

/** @internal */
export class Ladder {
  readonly #enter: readonly number[];
  /** Below it a sample counts as outside the band. */
  readonly #leave: readonly number[];
  readonly #dwell: number;
  /** By band, how many samples in a row lay below `leave`. */
  readonly #outside: number[];
  #index = 0;

  constructor(bands: readonly Band[], hysteresis: number, dwell: number) {
    this.#enter = bands.map(({ enter }) => enter);
    this.#leave = this.#enter.map((enter) => enter - hysteresis);
    this.#dwell = dwell;
    this.#outside = bands.map(() => 0);
  }

  /** The band it stands in. */
  get index(): number {
    return this.#index;
  }

  /** A sample: up at once, down after the dwell. O(bands). */
  step(pressure: number): void {
    this.raise(pressure);
    for (let band = 1; band <= this.#index; band++) if (pressure < this.#leave[band]!) this.#outside[band]!++;
    while (this.#index > 0 && this.#outside[this.#index]! >= this.#dwell) this.#index--;
  }

  /** A pressure between samples: up at once, never down. It begins the dwell of every band it lies in anew. O(bands). */
  raise(pressure: number): void {
    for (let band = this.#enter.length - 1; band > 0; band--) {
      if (pressure < this.#leave[band]!) continue;
      this.#outside[band] = 0;
      if (pressure >= this.#enter[band]! && band > this.#index) this.#index = band;
    }
  }
}
