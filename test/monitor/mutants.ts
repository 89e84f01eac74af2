// Mutants of the monitor: rules of the specifications' sources, and what is easily written, that alarm always, for ever or too late. The tests
// show that the assertions which ours pass fail for them.
import type { Timers } from "../../src/flow/time.js";
import type { Finalization } from "../../src/monitor/leaks.js";

/** XyPriss' `detectMemoryLeak`: ten samples of raw use, last against first; more than 10 % up is a leak, at each sample anew. */
export class RisingLeakRule {
  readonly #history: number[] = [];

  observe(usedBytes: number): boolean {
    this.#history.push(usedBytes);
    if (this.#history.length > 10) this.#history.shift();
    if (this.#history.length < 5) return false;
    return (usedBytes - this.#history[0]!) / this.#history[0]! > 0.1;
  }
}

/** The rule of the package memwatch: five collections in a row after each of which more is in use than before. */
export class FiveRisesRule {
  #last = Infinity;
  #rises = 0;

  observe(floorBytes: number): boolean {
    this.#rises = floorBytes > this.#last ? this.#rises + 1 : 0;
    this.#last = floorBytes;
    return this.#rises >= 5;
  }
}

/** M42 as the specification has it: what is outstanding is a leak, though it lives, and is told of at each look. */
export class PlainLedger {
  #allocated = 0;
  #freed = 0;
  readonly #leakThreshold: number;

  constructor(leakThreshold: number) {
    this.#leakThreshold = leakThreshold;
  }

  allocated(bytes: number): void {
    this.#allocated += bytes;
  }

  freed(bytes: number): void {
    this.#freed += bytes;
  }

  check(): { difference: number } | undefined {
    const difference = this.#allocated - this.#freed;
    return difference > this.#leakThreshold ? { difference } : undefined;
  }
}

/** Growth by the last step alone: any step is an emergency, and each look tells of it. */
export class LastStepGrowth {
  #used: number | undefined;
  #atMs = 0;

  observe(usedBytes: number, limitBytes: number, atMs: number): { timeToLimitMs: number } | undefined {
    const perMs = this.#used === undefined ? 0 : (usedBytes - this.#used) / (atMs - this.#atMs);
    this.#used = usedBytes;
    this.#atMs = atMs;
    const timeToLimitMs = (limitBytes - usedBytes) / perMs;
    return perMs > 0 && timeToLimitMs <= 10_000 ? { timeToLimitMs } : undefined;
  }
}

/** Looks that were missed are made up for, one after the other at once, and nobody is told. */
export class CatchingUpMonitor {
  looks = 0;
  #dueMs: number;
  readonly #clock: () => number;
  readonly #timers: Timers;

  constructor(clock: () => number, timers: Timers) {
    this.#clock = clock;
    this.#timers = timers;
    this.#dueMs = clock();
    this.#schedule();
  }

  #schedule(): void {
    this.#dueMs += 1000;
    const look = (): void => {
      this.looks++;
      this.#schedule();
    };
    const waitMs = this.#dueMs - this.#clock();
    if (waitMs > 0) this.#timers.set(look, waitMs);
    else look();
  }
}

/** A leak detector that tells of each handle that was collected: of one leak as often as it leaks. */
export class ToldAtEachCollection {
  readonly #registry: { register(target: object, held: number): void };
  alerts = 0;

  constructor(finalization: Finalization) {
    this.#registry = finalization(() => this.alerts++);
  }

  track(handle: object): void {
    this.#registry.register(handle, 0);
  }
}
