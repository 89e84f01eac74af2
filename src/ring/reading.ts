// Reading: a queue's values as iterators. They hold nothing between two steps, so leaving one loses nothing.

import { integer } from "../options.js";
import type { Queue } from "./queue.js";

type Source<T> = Pick<Queue<T>, "receive" | "drain">;

/** @internal Each value as it comes. Its `return` ends a `next` that waits, too. */
export function valuesOf<T>(queue: Source<T>): AsyncIterator<T> {
  const left = new AbortController();
  const done: IteratorReturnResult<undefined> = { done: true, value: undefined };
  return {
    async next() {
      if (left.signal.aborted) return done;
      try {
        const value = await queue.receive({ signal: left.signal });
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
  };
}

/** @internal What is there at once, at most `max` values. */
export function batchesOf<T>(queue: Source<T>, max: number): AsyncGenerator<T[], void, undefined> {
  integer("max", max, 1, Number.MAX_SAFE_INTEGER);
  return batches(queue, max);
}

async function* batches<T>(queue: Source<T>, max: number): AsyncGenerator<T[], void, undefined> {
  while (true) {
    const values = queue.drain(max);
    if (values.length === 0) {
      const value = await queue.receive();
      if (value === undefined) return;
      values.push(value);
    }
    yield values;
  }
}
