// Streams: a queue as WHATWG streams. They hold nothing themselves: a readable takes a value when it is asked for one, in the turn in which it
// hands it on; a writable is ready when what was written before is in. So a slow consumer keeps memory at the queue's size.

import type { Queue } from "./queue.js";

/** @internal */
export function readableOf<T>(queue: Pick<Queue<T>, "deliver">, strategy?: QueuingStrategy<T>): ReadableStream<T> {
  const left = new AbortController();
  return new ReadableStream<T>(
    {
      pull(controller) {
        const take = (value: T | undefined): void =>
          value === undefined ? controller.close() : controller.enqueue(value);
        return queue.deliver(take, { signal: left.signal });
      },
      cancel() {
        left.abort();
      },
    },
    strategy ?? { highWaterMark: 0 },
  );
}

/** @internal */
export function writableOf<T>(
  queue: Pick<Queue<T>, "send" | "close">,
  strategy?: QueuingStrategy<T>,
  end = true,
): WritableStream<T> {
  return new WritableStream<T>(
    {
      async write(value, { signal }) {
        await queue.send(value, { signal });
      },
      close() {
        if (end) queue.close();
      },
    },
    strategy ?? { highWaterMark: 1 },
  );
}
