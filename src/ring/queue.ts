// Queue: what all bounded queues of this package are to those who use them: a Ring in a region, an ObjectRing in one thread.

import type { Overflow } from "./options.js";

/** How a call waits. */
export interface RingWaitOptions {
  /** Ends the waiting; it rejects with the signal's reason. Only where it does not block. */
  signal?: AbortSignal;
  /** Milliseconds. */
  timeout?: number;
}

/** What a queue tells of. */
export interface RingEvents {
  /** It holds as much as its high watermark: who can should produce less. */
  high: () => void;
  /** It holds as little as its low watermark again. */
  low: () => void;
}

/** What a queue did so far (T15). Exact at rest: pushes = pops + droppedOldest + lost + size. */
export interface RingMetrics {
  readonly size: number;
  readonly capacity: number;
  readonly bytes: number;
  /** Most records ever queued at once. */
  readonly highWater: number;
  /** Records that were added. */
  readonly pushes: number;
  /** Records that a consumer took. */
  readonly pops: number;
  /** Records dropped to make room for newer ones. */
  readonly droppedOldest: number;
  /** Records that found no place and were not added. */
  readonly refused: number;
  /** Records that a thread had in hand when it died. */
  readonly lost: number;
  readonly resizes: number;
  readonly waits: number;
  readonly timeouts: number;
  readonly waitedMs: number;
}

/** A bounded queue: first in, first out, with one of the overflow policies (T10–T14). */
export interface Queue<T> extends AsyncIterable<T> {
  readonly name: string;
  readonly overflow: Overflow;
  readonly capacity: number;
  readonly size: number;
  readonly isEmpty: boolean;
  readonly isFull: boolean;
  readonly isHigh: boolean;
  readonly isClosed: boolean;
  push(value: T): boolean;
  pushMany(values: readonly T[]): number;
  send(value: T, options?: RingWaitOptions): Promise<boolean>;
  pop(): T | undefined;
  drain(max?: number): T[];
  receive(options?: RingWaitOptions): Promise<T | undefined>;
  deliver(take: (value: T | undefined) => void, options?: RingWaitOptions): Promise<void>;
  batches(max?: number): AsyncIterableIterator<T[]>;
  clear(): number;
  close(): boolean;
  setLimits(limits: { capacity?: number }): void;
  on<E extends keyof RingEvents>(event: E, listener: RingEvents[E], options?: { signal?: AbortSignal }): () => void;
  onDropped(listener: (value: T) => void): () => void;
  metrics(): RingMetrics;
  readonly readable: ReadableStream<T>;
  readonly writable: WritableStream<T>;
}
