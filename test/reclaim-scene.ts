// What the tests of reclaimers share: a clock that they set forward, holders that give bytes back, and what was thrown where nobody waits.
import { vi } from "vitest";
import type { Budget, ReclaimContext, Reclaimer, Region, Reservation } from "../src/index.js";
import { take } from "./budget-scene.js";
import { region } from "./lib/regions.js";

export interface Scene {
  r: Region;
  budget: Budget;
}

const regions: Region[] = [];

/** A fresh region with one budget; closed by `startTime`. */
export function scene(limit: number): Scene {
  const r = region();
  regions.push(r);
  return { r, budget: r.budget("root", { limit }) };
}

/** Lets so many milliseconds pass, and all come in that was due. */
export async function pass(ms: number): Promise<void> {
  await turns();
  await vi.advanceTimersByTimeAsync(ms);
  await turns();
}

/** Timers, clock and the rounds' time-outs stand still until the test moves them. */
export function stopTime(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new DOMException("over", "TimeoutError")), ms);
    return controller.signal;
  });
}

/** Time goes on, and no round of one test is asked for in another. */
export function startTime(): void {
  for (const r of regions.splice(0)) r.close();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
}

/** Lets what waits for settled promises run; timers stay where they are. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

/** What is thrown in a microtask of its own from here on, where a host would report it. */
export function reported(): unknown[] {
  const errors: unknown[] = [];
  const queue = globalThis.queueMicrotask;
  vi.stubGlobal("queueMicrotask", (act: () => void) =>
    queue(() => {
      try {
        act();
      } catch (error) {
        errors.push(error);
      }
    }),
  );
  return errors;
}

/** Entries of a budget, each a reservation: given back oldest first, down to what was asked for. */
export class Shelf {
  readonly entries: Reservation[];
  /** What it was asked for, each time. */
  readonly asked: number[] = [];
  readonly contexts: ReclaimContext[] = [];

  constructor(
    budget: Budget,
    count: number,
    readonly each = 1,
  ) {
    this.entries = Array.from({ length: count }, () => take(budget, each));
  }

  get bytes(): number {
    return this.entries.length * this.each;
  }

  drop(bytes: number): number {
    const dropped = this.entries.splice(0, Math.ceil(bytes / this.each));
    for (const entry of dropped) entry.release();
    return dropped.length * this.each;
  }

  reclaimer(more: Partial<Reclaimer> = {}): Reclaimer {
    return {
      name: "shelf",
      reclaim: (bytes, context) => {
        this.asked.push(bytes);
        this.contexts.push(context);
        return this.drop(bytes);
      },
      ...more,
    };
  }
}
