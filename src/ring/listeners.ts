// Listeners: who wants to hear what of a queue. Each is on its own: one that throws does so in a turn of its own, and neither the others nor the
// push that it hears of are the worse for it.

import { ownOptions } from "../options.js";
import { describe } from "../size.js";
import type { RingEvents } from "./queue.js";

const EVENTS = ["high", "low"] as const;

/** @internal */
export class Listeners<T> {
  readonly #events = { high: new Set<() => void>(), low: new Set<() => void>() };
  readonly #dropped = new Set<(value: T) => void>();

  /** Whether anybody wants to hear of watermarks. */
  get hearsMarks(): boolean {
    return this.#events.high.size + this.#events.low.size > 0;
  }

  /** Whether anybody wants what is dropped. */
  get wantsDropped(): boolean {
    return this.#dropped.size > 0;
  }

  on(event: keyof RingEvents, listener: () => void, options: { signal?: AbortSignal } | undefined): () => void {
    if (!EVENTS.includes(event)) throw new TypeError(`a ring tells of "high" and "low", not of ${describe(event)}`);
    requireFunction(listener);
    const { signal } = ownOptions<{ signal?: AbortSignal }>("on", options, ["signal"]);
    requireSignal("on", signal);
    if (signal?.aborted) return () => {};
    // A listener that is given twice is heard twice.
    const mine = (): void => listener();
    const listeners = this.#events[event];
    listeners.add(mine);
    const stop = (): void => {
      listeners.delete(mine);
      signal?.removeEventListener("abort", stop);
    };
    signal?.addEventListener("abort", stop);
    return stop;
  }

  onDropped(listener: (value: T) => void): () => void {
    requireFunction(listener);
    const mine = (value: T): void => listener(value);
    this.#dropped.add(mine);
    return () => void this.#dropped.delete(mine);
  }

  tell(event: keyof RingEvents): void {
    for (const listener of [...this.#events[event]]) alone(listener);
  }

  /** Tells of what was dropped; `value` makes it of what lay in the queue. */
  tellDropped(value: () => T): void {
    alone(() => {
      const dropped = value();
      for (const listener of [...this.#dropped]) alone(() => listener(dropped));
    });
  }
}

/** @internal Calls what is the caller's: what it throws is thrown in a turn of its own. */
export function alone(act: () => void): void {
  try {
    act();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function requireFunction(listener: unknown): void {
  if (typeof listener !== "function") throw new TypeError(`a listener must be a function, got ${describe(listener)}`);
}

/** @internal */
export function requireSignal(what: string, signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError(`${what}: signal must be an AbortSignal, got ${describe(signal)}`);
}
