// Trend: how fast a number has grown of late, from its last few samples, and 0 where that could be noise. The slope is Theil and Sen's
// (the median of the slopes of all pairs: one wild sample does not move it); whether it is one at all is Mann and Kendall's test.

/** Samples it looks back over: enough to tell a ramp from noise, few enough to see one begin. */
const SAMPLES = 8;

/** Samples that follow closer than this are one, the last of them: who looks often must not look back over microseconds. */
const GAP_MS = 10;

/** How many standard deviations the count of rising pairs must stand from what no trend would give: 2 % of flat, noisy windows do. */
const DEVIATIONS = 2;

/** @internal */
export class Trend {
  readonly #at: number[] = [];
  readonly #values: number[] = [];

  /** Adds a sample, at a time in milliseconds. */
  add(at: number, value: number): void {
    if (at - (this.#at.at(-2) ?? Number.NEGATIVE_INFINITY) < GAP_MS) {
      this.#at.pop();
      this.#values.pop();
    }
    if (this.#at.push(at) > SAMPLES) this.#at.shift();
    if (this.#values.push(value) > SAMPLES) this.#values.shift();
  }

  /** Growth per millisecond; 0 while there are fewer than five samples, or no trend that stands out. O(samples²), 28 pairs. */
  slope(): number {
    const slopes = this.#slopes();
    const middle = slopes.length >> 1;
    if (slopes.length % 2 === 1) return slopes[middle]!;
    return slopes.length === 0 ? 0 : (slopes[middle - 1]! + slopes[middle]!) / 2;
  }

  /** Growth per millisecond that three quarters of the pairs exceed, rising or falling; 0 where they do not agree on the direction. What
   *  is acted on: a trend by chance has a steep median, but not this. */
  sureSlope(): number {
    const slopes = this.#slopes();
    const quarter = slopes.length >> 2;
    const low = slopes[quarter] ?? 0;
    const high = slopes[slopes.length - 1 - quarter] ?? 0;
    return low > 0 ? low : Math.min(0, high);
  }

  /** The slopes of all pairs in order; none where they may be noise. */
  #slopes(): number[] {
    const count = this.#at.length;
    const slopes: number[] = [];
    let rising = 0;
    for (let later = 1; later < count; later++) {
      for (let earlier = 0; earlier < later; earlier++) {
        const time = this.#at[later]! - this.#at[earlier]!;
        if (!(time > 0)) continue;
        const growth = this.#values[later]! - this.#values[earlier]!;
        rising += Math.sign(growth);
        slopes.push(growth / time);
      }
    }
    const deviation = Math.sqrt((count * (count - 1) * (2 * count + 5)) / 18);
    return Math.abs(rising) - 1 < DEVIATIONS * deviation ? [] : slopes.sort((a, b) => a - b);
  }
}
