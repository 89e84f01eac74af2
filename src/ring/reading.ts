// Reading: a queue's values as iterators. They hold nothing between two steps, so leaving one loses nothing.

import { integer } from "../options.js";
import { FOREVER } from "./patience.js";
import type { Queue } from "./queue.js";

type Source<T> = Pick<Queue<T>, "receive" | "drain">;

/** @internal Each value as it comes. */
export function valuesOf<T>(queue: Source<T>): AsyncIterableIterator<T> {
  return stepsOf((signal) => queue.receive({ signal }));
}

/** @internal What is there at once, at most `max` values. @throws TypeError, RangeError for what is no number of at least 1. */
export function batchesOf<T>(queue: Source<T>, max: number): AsyncIterableIterator<T[]> {
  if (max !== FOREVER) integer("max", max, 1, Number.MAX_SAFE_INTEGER);
  return stepsOf(async (signal) => {
    const values = queue.drain(max);
    if (values.length > 0) return values;
    const value = await queue.receive({ signal });
    return value === undefined ? undefined : [value];
  });
}

/** An iterator whose `return` ends a `next` that waits, too, and takes nothing with it. `step` answers undefined at the end. */
function stepsOf<V>(step: (signal: AbortSignal) => Promise<V | undefined>): AsyncIterableIterator<V> {
  const left = new AbortController();
  const done: IteratorReturnResult<undefined> = { done: true, value: undefined };
  return {
    async next() {
      if (left.signal.aborted) return done;
      try {
        const value = await step(left.signal);
        if (value !== undefined) return { done: false, value };
        left.abort();
      } catch (error) {
        if (error !== left.signal.reason) throw error;
      }
      return done;
    },
    return() {
      left.abort();
      return Promise.resolve(done);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
