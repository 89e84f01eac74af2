// Admission: whether to take on new work (§8.6, M33, M41). Owns the reasons for a pause and its counts, and nothing of the memory: it
// reads the pressure anew in each `admit`, so a monitor that a blocked loop starves cannot make it answer from the past (D36).

import { ownOptions } from "../options.js";
import { callable, finite, label } from "./arguments.js";
import type { PressureReading } from "./reading.js";

export interface AdmissionOptions {
  /** What is read for each answer: a gauge, or a function that gives the pressure (1 is the limit). Take an exact one, such as a budget's. */
  pressure: PressureReading | (() => number);
  /** Below it everything is admitted; 0.8 (M06) unless told. */
  soft?: number;
  /** From it on nothing is; 0.95 (M07) unless told. */
  hard?: number;
  /** Numbers from 0 to below 1; `Math.random` unless told. */
  random?: () => number;
}

export interface AdmissionStats {
  admitted: number;
  /** Refused, by why: paused, at or over the hard mark, by chance between the marks. */
  refused: { paused: number; hard: number; soft: number };
  /** Readings that threw or were no number. */
  failedReadings: number;
  /** The last good reading. */
  pressure: number | undefined;
  /** Who paused. */
  pausedBy: string[];
}

export class Admission {
  readonly #read: () => number;
  readonly #random: () => number;
  readonly #soft: number;
  readonly #hard: number;
  readonly #pausedBy = new Set<string>();
  readonly #refused = { paused: 0, hard: 0, soft: 0 };
  #pressure: number | undefined;
  #admitted = 0;
  #failedReadings = 0;

  /** @throws TypeError, RangeError. */
  constructor(options: AdmissionOptions) {
    const {
      pressure,
      soft = 0.8,
      hard = 0.95,
      random = Math.random,
    } = ownOptions<AdmissionOptions>("Admission", options, ["pressure", "soft", "hard", "random"]);
    if (typeof pressure === "object" && pressure !== null) {
      // Else each reading fails, and before the first good one all is admitted.
      if (!("pressure" in pressure))
        throw new TypeError("pressure must be a function, or an object that has pressure: a gauge, got an object");
      this.#read = () => pressure.pressure;
    } else this.#read = callable("pressure", pressure as () => number);
    this.#soft = finite("soft", soft, 0);
    this.#hard = finite("hard", hard, 0);
    if (!(soft < hard)) throw new RangeError(`soft must be below hard, got ${soft} and ${hard}`);
    this.#random = callable("random", random);
  }

  get paused(): boolean {
    return this.#pausedBy.size > 0;
  }

  /**
   * Whether to take on one piece of work. Between the marks it is refused with probability (pressure − soft) ÷ (hard − soft), so
   * load falls gradually where a bare threshold would cut all of it at once. A reading that throws or is no number leaves the last
   * good one standing; before the first good one, work is admitted. O(1).
   */
  admit(): boolean {
    if (this.paused) return this.#refuse("paused");
    const pressure = this.#current();
    if (pressure >= this.#hard) return this.#refuse("hard");
    const chance = (pressure - this.#soft) / (this.#hard - this.#soft);
    if (chance > 0 && this.#random() < chance) return this.#refuse("soft");
    this.#admitted++;
    return true;
  }

  /** Admits nothing until whoever is named `by` resumes; several may pause, each for itself. Idempotent. @throws TypeError. */
  pause(by = "caller"): void {
    this.#pausedBy.add(label("by", by));
  }

  /** Takes back the pause of `by`. Whether it had paused. @throws TypeError. */
  resume(by = "caller"): boolean {
    return this.#pausedBy.delete(label("by", by));
  }

  stats(): AdmissionStats {
    return {
      admitted: this.#admitted,
      refused: { ...this.#refused },
      failedReadings: this.#failedReadings,
      pressure: this.#pressure,
      pausedBy: [...this.#pausedBy],
    };
  }

  #refuse(why: keyof AdmissionStats["refused"]): false {
    this.#refused[why]++;
    return false;
  }

  #current(): number {
    try {
      const pressure = this.#read();
      if (typeof pressure === "number" && !Number.isNaN(pressure)) return (this.#pressure = pressure);
    } catch {
      // Counted below: a source that fails must not fail the request that asked.
    }
    this.#failedReadings++;
    return this.#pressure ?? 0;
  }
}
