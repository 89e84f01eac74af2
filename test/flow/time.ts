// Time that a test moves by hand: a clock and timers for whatever takes them injected. No test here waits for the machine's.
import type { Clock, Timers } from "../../src/flow/time.js";

interface Pending {
  readonly atMs: number;
  readonly callback: () => void;
}

export class FakeTime {
  nowMs = 0;
  readonly #pending = new Set<Pending>();
  /** Timers set so far. */
  set = 0;

  readonly clock: Clock = () => this.nowMs;

  readonly timers: Timers = {
    set: (callback, ms) => {
      const timer: Pending = { atMs: this.nowMs + ms, callback };
      this.#pending.add(timer);
      this.set++;
      return timer;
    },
    clear: (timer) => void this.#pending.delete(timer as Pending),
  };

  /** Timers that are ahead. */
  get pending(): number {
    return this.#pending.size;
  }

  /** When the next timer is due. */
  get nextMs(): number | undefined {
    return this.#next()?.atMs;
  }

  /** Moves on by `ms`, firing what comes due on the way at its own moment. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let timer = this.#next(); timer !== undefined && timer.atMs <= untilMs; timer = this.#next()) {
      this.nowMs = Math.max(this.nowMs, timer.atMs);
      this.#fire(timer);
    }
    this.nowMs = untilMs;
  }

  /** The thread is busy for `ms`: what came due in it fires once, at its end. */
  block(ms: number): void {
    this.nowMs += ms;
    for (const timer of [...this.#pending]) {
      if (timer.atMs <= this.nowMs && this.#pending.has(timer)) this.#fire(timer);
    }
  }

  #fire(timer: Pending): void {
    this.#pending.delete(timer);
    timer.callback();
  }

  #next(): Pending | undefined {
    let next: Pending | undefined;
    for (const timer of this.#pending) if (next === undefined || timer.atMs < next.atMs) next = timer;
    return next;
  }
}

/** Lets everything run that waits for promises which are settled. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
