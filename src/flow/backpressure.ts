// BackpressureHandler: a bounded buffer of events between who makes them and who handles them, by the transport specification's names (T24–T27).
// Owns the counts; the buffer is an ObjectRing, whose watermarks act: they pause and resume who makes the events.

import { integer, ownOptions } from "../options.js";
import { ObjectRing } from "../ring/object-ring.js";
import { RingFullError } from "../ring/errors.js";
import type { Overflow } from "../ring/options.js";
import type { RingWaitOptions } from "../ring/queue.js";
import { describe } from "../size.js";
import { callable, finite } from "./arguments.js";
import type { AdaptiveSizes } from "./adaptive.js";

/** What becomes of an event that there is no place for (T24). `none`: it is refused with an error, and nothing waits or is dropped. */
export type BackpressureStrategy = "none" | "drop_oldest" | "drop_newest" | "block" | "block_timeout";

const OVERFLOWS: Readonly<Record<BackpressureStrategy, Overflow>> = {
  none: "error",
  drop_oldest: "drop-oldest",
  drop_newest: "drop-newest",
  block: "block",
  block_timeout: "block-timeout",
};

export interface BackpressureOptions<T> {
  /** `none` unless told. */
  strategy?: BackpressureStrategy;
  /** Most events at once; 1024 unless told. */
  bufferSize?: number;
  /** Shares of the buffer at which `pause` and `resume` are called, 0–1; 0.8 and 0.2 unless told (T25). */
  highWaterMark?: number;
  lowWaterMark?: number;
  /** How long `send` waits with `block_timeout`, in milliseconds; 5,000 unless told. */
  blockTimeout?: number;
  /** Called when the high watermark is reached: who makes the events should stop. */
  pause?: () => void;
  /** Called when the low watermark is reached again. */
  resume?: () => void;
  /** Called with each event that is dropped or refused. */
  onDropped?: (event: T) => void;
  /** Milliseconds since 1970; `Date.now` unless told. */
  now?: () => number;
}

/** The specification's names (T26). Times are milliseconds, of moments since 1970; 0: never. */
export interface BackpressureMetrics {
  events_dropped: number;
  events_blocked: number;
  /** Milliseconds that events waited for room, all together. */
  blocked_duration: number;
  current_buffer_size: number;
  max_buffer_size: number;
  high_water_mark_hits: number;
  low_water_mark_hits: number;
  last_drop_time: number;
  last_block_time: number;
  backpressure_active: boolean;
}

const KNOWN = [
  "strategy",
  "bufferSize",
  "highWaterMark",
  "lowWaterMark",
  "blockTimeout",
  "pause",
  "resume",
  "onDropped",
  "now",
] as const;

export class BackpressureHandler<T> {
  readonly strategy: BackpressureStrategy;
  /** What is wrong but nobody's answer: a second channel, beside the events. */
  readonly errors: ObjectRing<unknown>;
  readonly #events: ObjectRing<T>;
  readonly #now: () => number;
  readonly #refused: ((event: T) => void) | undefined;
  #dropped = 0;
  #blocked = 0;
  #blockedMs = 0;
  #highHits = 0;
  #lowHits = 0;
  #lastDrop = 0;
  #lastBlock = 0;

  /** @throws TypeError, RangeError. */
  constructor(options?: BackpressureOptions<T>) {
    const own = ownOptions<BackpressureOptions<T>>("BackpressureHandler", options, KNOWN);
    const { strategy = "none", bufferSize = 1024, highWaterMark = 0.8, blockTimeout = 5000, now = Date.now } = own;
    if (!Object.hasOwn(OVERFLOWS, strategy))
      throw new RangeError(`strategy must be one of ${Object.keys(OVERFLOWS).join(", ")}, got ${describe(strategy)}`);
    for (const hook of ["pause", "resume", "onDropped"] as const)
      if (own[hook] !== undefined) callable(hook, own[hook]);
    this.strategy = strategy;
    this.#now = callable("now", now);
    this.#refused = own.onDropped;
    const high = finite("highWaterMark", highWaterMark, 0, 1);
    this.#events = new ObjectRing<T>({
      name: "events",
      capacity: integer("bufferSize", bufferSize, 1, 2 ** 24),
      overflow: OVERFLOWS[strategy],
      highWatermark: high,
      lowWatermark: finite("lowWaterMark", own.lowWaterMark ?? Math.min(0.2, high), 0, high),
      timeout: integer("blockTimeout", blockTimeout, 0, 2 ** 31 - 1),
    });
    this.errors = new ObjectRing<unknown>({ name: "errors", capacity: 64 });
    this.#events.onDropped((event) => this.#drop(event));
    this.#events.on("high", () => {
      this.#highHits++;
      this.#guard(own.pause);
    });
    this.#events.on("low", () => {
      this.#lowHits++;
      this.#guard(own.resume);
    });
  }

  /** Adds an event at once. False: there was no place, and it was not added. Never waits, and throws only for what can be no event, or once closed. */
  trySend(event: T): boolean {
    try {
      if (this.#events.push(event)) return true;
    } catch (error) {
      if (!(error instanceof RingFullError)) throw error;
    }
    this.#drop(event);
    return false;
  }

  /**
   * Adds an event, and waits for room with `block` and `block_timeout`. False: it was dropped (`drop_newest`).
   * @throws (rejects) RingFullError with `none`; RingTimeoutError, RingClosedError, the signal's reason: it was not added then.
   */
  async send(event: T, options?: RingWaitOptions): Promise<boolean> {
    const isBlocked = (this.strategy === "block" || this.strategy === "block_timeout") && this.#events.isFull;
    const began = this.#now();
    if (isBlocked) {
      this.#blocked++;
      this.#lastBlock = began;
    }
    let isLost = !this.#events.isClosed;
    try {
      const isIn = await this.#events.send(event, options);
      isLost = !isIn;
      return isIn;
    } catch (error) {
      // What can be no event, or no wait, is not dropped: as with trySend.
      const isWrong = error instanceof TypeError || error instanceof RangeError;
      if (isWrong && error !== options?.signal?.reason) isLost = false;
      throw error;
    } finally {
      if (isBlocked) this.#blockedMs += Math.max(0, this.#now() - began);
      if (isLost) this.#drop(event);
    }
  }

  /** The oldest event; undefined when there is none. */
  tryReceive(): T | undefined {
    return this.#events.pop();
  }

  /** The oldest event, as soon as there is one; undefined once it was closed and is empty. */
  receive(options?: RingWaitOptions): Promise<T | undefined> {
    return this.#events.receive(options);
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#events[Symbol.asyncIterator]();
  }

  /** Tells of an error beside the events. The oldest of 64 goes when nobody reads them. False: it was closed, and nothing is told any more. */
  fail(error: unknown): boolean {
    return !this.errors.isClosed && this.errors.push(error ?? new Error("unknown"));
  }

  /** Whether it reached its high watermark, and not its low one since. */
  get isActive(): boolean {
    return this.#events.isHigh;
  }

  /** What `adaptCapacity` needs: the buffer as a queue. */
  get buffer(): { readonly name: string; readonly capacity: number; setLimits(limits: { capacity: number }): void } {
    return this.#events;
  }

  metrics(): BackpressureMetrics {
    return {
      events_dropped: this.#dropped,
      events_blocked: this.#blocked,
      blocked_duration: this.#blockedMs,
      current_buffer_size: this.#events.size,
      max_buffer_size: this.#events.capacity,
      high_water_mark_hits: this.#highHits,
      low_water_mark_hits: this.#lowHits,
      last_drop_time: this.#lastDrop,
      last_block_time: this.#lastBlock,
      backpressure_active: this.isActive,
    };
  }

  /** No event is added any more; those that are there can be taken. Who waits to send is told RingClosedError. False: it was closed before. */
  close(): boolean {
    this.errors.close();
    return this.#events.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #drop(event: T): void {
    this.#dropped++;
    this.#lastDrop = this.#now();
    const told = this.#refused;
    if (told !== undefined) this.#guard(() => told(event));
  }

  /** A hook that throws is told in the errors, and stops nothing. */
  #guard(hook: (() => void) | undefined): void {
    try {
      hook?.();
    } catch (error) {
      this.fail(error);
    }
  }
}

/**
 * Lets what a queue may hold follow a gauge (T05): its capacity now is the most, and `sizes` changes it at each change of level. What is queued
 * stays; beyond the limit the queue's policy decides. A ring with `resize` grows again by itself: choose another policy. Returns the function
 * that ends that.
 * @throws TypeError for what are no sizes, or no queue.
 */
export function adaptCapacity(
  sizes: AdaptiveSizes,
  queue: { readonly name: string; readonly capacity: number; setLimits(limits: { capacity: number }): void },
  options: { key?: string; min?: number } = {},
): () => void {
  if (typeof sizes?.register !== "function")
    throw new TypeError(`adaptCapacity needs an AdaptiveSizes, got ${describe(sizes)}`);
  if (typeof queue?.setLimits !== "function")
    throw new TypeError(`adaptCapacity needs a Ring or an ObjectRing, got ${describe(queue)}`);
  const { key = queue.name, min = 1 } = ownOptions<{ key?: string; min?: number }>("adaptCapacity", options, [
    "key",
    "min",
  ]);
  return sizes.register(key, { base: queue.capacity, min, resize: (capacity) => queue.setLimits({ capacity }) });
}
