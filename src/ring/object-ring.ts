// ObjectRing: a bounded queue of any values in one thread, with a Ring's methods and policies, and without a region. Owns the values; one that is
// taken or dropped is referred to no more (T16).
//
//   pushed = taken + queued;  values are first in, first out

import { integer, ownOptions } from "../options.js";
import { describe } from "../size.js";
import { RingClosedError, RingFullError, RingTimeoutError } from "./errors.js";
import { Listeners } from "./listeners.js";
import { marksOf, type Overflow, type RingOptions, type RingRules, rulesOf } from "./options.js";
import { FOREVER, patienceOf } from "./patience.js";
import type { Queue, RingEvents, RingMetrics, RingWaitOptions } from "./queue.js";
import { batchesOf, valuesOf } from "./reading.js";
import { readableOf, writableOf } from "./streams.js";
import { type Found, Waits } from "./waits.js";

const KNOWN = [
  "name",
  "capacity",
  "maxCapacity",
  "overflow",
  "resizeFactor",
  "fallback",
  "timeout",
  "highWatermark",
  "lowWatermark",
] as const;

/** How an ObjectRing is made: as a Ring, but for what is of bytes and of threads. */
export type ObjectRingOptions = { name?: string } & Pick<RingOptions, Exclude<(typeof KNOWN)[number], "name">>;

/** A bell for those who wait in this thread. */
class ThreadBell {
  #count = 0;
  #sleepers: (() => void)[] = [];

  listen(): number {
    return this.#count;
  }

  sleep(seen: number): Promise<void> {
    if (seen !== this.#count) return Promise.resolve();
    return new Promise((resolve) => this.#sleepers.push(resolve));
  }

  ring(): void {
    this.#count++;
    for (const wake of this.#sleepers.splice(0)) wake();
  }
}

/** A bounded queue of any values in one thread. */
export class ObjectRing<T> implements Queue<T> {
  readonly name: string;
  readonly overflow: Overflow;
  readonly #rules: RingRules;
  readonly #listeners = new Listeners<T>();
  readonly #itemsBell = new ThreadBell();
  readonly #roomBell = new ThreadBell();
  readonly #items: Waits;
  readonly #room: Waits;
  /** A power of two of slots; the oldest is at `head`. */
  #slots: (T | undefined)[] = Array.from({ length: 8 });
  #head = 0;
  #size = 0;
  #capacity: number;
  #isHigh = false;
  #isClosed = false;
  readonly #counts = {
    pushes: 0,
    droppedOldest: 0,
    refused: 0,
    highWater: 0,
    resizes: 0,
    waits: 0,
    timeouts: 0,
    waitedMs: 0,
  };

  /** @throws TypeError, RangeError, as `region.ring`. */
  constructor(options?: ObjectRingOptions) {
    const { name = "objects", ...own } = ownOptions<ObjectRingOptions>("ObjectRing", options, KNOWN);
    if (typeof name !== "string") throw new TypeError(`name must be a text, got ${describe(name)}`);
    this.name = name;
    this.#rules = rulesOf(own as Partial<RingOptions<unknown>>);
    this.overflow = this.#rules.overflow;
    this.#capacity = this.#rules.capacity;
    const note = (ms: number, isLate: boolean): void => {
      this.#counts.waits++;
      if (isLate) this.#counts.timeouts++;
      this.#counts.waitedMs += ms;
    };
    this.#items = new Waits(this.#itemsBell, note, true);
    this.#room = new Waits(this.#roomBell, note, true);
  }

  get capacity(): number {
    return this.#capacity;
  }

  get size(): number {
    return this.#size;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  get isFull(): boolean {
    return this.#size >= this.#capacity;
  }

  get isHigh(): boolean {
    return this.#isHigh;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Adds a value, at once or not at all, as `ring.push`. @throws RingClosedError; RingFullError with `error`; TypeError for undefined. */
  push(value: T): boolean {
    requireValue(value);
    if (this.#isClosed) throw new RingClosedError(this.name);
    const isIn = this.#put(value);
    if (!isIn) this.#counts.refused++;
    if (!isIn && this.#policy === "error") throw new RingFullError(this.name, this.#capacity, FOREVER);
    return isIn;
  }

  /** As `push` of each; how many were added before one was not. @throws as `push`, when not even the first was added. */
  pushMany(values: readonly T[]): number {
    if (!Array.isArray(values)) throw new TypeError(`pushMany takes an array, got ${describe(values)}`);
    const all = Array.from(values as readonly T[], requireValue);
    let done = 0;
    for (const value of all) {
      try {
        if (!this.push(value)) break;
      } catch (error) {
        if (done === 0) throw error;
        break;
      }
      done++;
    }
    return done;
  }

  /** Adds a value, and with `block` and `block-timeout` waits for room: first come, first served. @throws (rejects) as `ring.send`. */
  async send(value: T, options?: RingWaitOptions): Promise<boolean> {
    const timeout = this.#policy === "block-timeout" ? this.#rules.timeoutMs : FOREVER;
    const whyLate = (ms: number): Error => new RingTimeoutError(this.name, "room", ms);
    const patience = patienceOf("send", options, timeout, whyLate);
    requireValue(value);
    const attempt = (): Found<boolean> => {
      if (!this.#waitsForRoom) return { value: this.push(value) };
      if (this.#isClosed) throw new RingClosedError(this.name);
      return this.#put(value) ? { value: true } : undefined;
    };
    const first = this.#room.count === 0 ? attempt() : undefined;
    return first === undefined ? this.#room.add(attempt, patience) : first.value;
  }

  /** The oldest value, which is taken off; undefined when there is none. */
  pop(): T | undefined {
    if (this.#size === 0) return undefined;
    const value = this.#shift();
    this.#taken();
    return value;
  }

  /** Up to `max` values, oldest first. */
  drain(max: number = FOREVER): T[] {
    if (max !== FOREVER) integer("max", max, 0, Number.MAX_SAFE_INTEGER);
    const values = Array.from({ length: Math.min(max, this.#size) }, () => this.#shift());
    if (values.length > 0) this.#taken();
    return values;
  }

  /** The oldest value, as soon as there is one; undefined when it was closed and is empty. */
  async receive(options?: RingWaitOptions): Promise<T | undefined> {
    return this.#receive(options, (value) => value);
  }

  /** As `receive`, but hands the value to `take` in the turn in which it is taken off. */
  async deliver(take: (value: T | undefined) => void, options?: RingWaitOptions): Promise<void> {
    if (typeof take !== "function") throw new TypeError(`deliver takes a function, got ${describe(take)}`);
    return this.#receive(options, take);
  }

  #receive<V>(options: RingWaitOptions | undefined, take: (value: T | undefined) => V): V | Promise<V> {
    const whyLate = (ms: number): Error => new RingTimeoutError(this.name, "a record", ms);
    const patience = patienceOf("receive", options, FOREVER, whyLate);
    const attempt = (): Found<V> => (this.#size > 0 || this.#isClosed ? { value: take(this.pop()) } : undefined);
    const first = this.#items.count === 0 ? attempt() : undefined;
    return first === undefined ? this.#items.add(attempt, patience) : first.value;
  }

  batches(max: number = 256): AsyncIterableIterator<T[]> {
    return batchesOf(this, max);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return valuesOf(this);
  }

  /** Takes off all that is there; how many. */
  clear(): number {
    return this.drain().length;
  }

  /** Nothing is added any more; what is queued can still be taken. False: it was closed before. */
  close(): boolean {
    if (this.#isClosed) return false;
    this.#isClosed = true;
    this.#room.end(() => new RingClosedError(this.name));
    this.#itemsBell.ring();
    return true;
  }

  /** Changes how much it may hold, up to `maxCapacity` (T05). What is queued stays, also if that is more. */
  setLimits(limits: { capacity?: number }): void {
    const own = ownOptions<{ capacity?: number }>("setLimits", limits, ["capacity"]);
    this.#capacity = integer("capacity", own.capacity ?? this.#capacity, 1, this.#rules.maxCapacity);
    // It may be low by that, as by what is taken.
    this.#taken();
  }

  on<E extends keyof RingEvents>(event: E, listener: RingEvents[E], options?: { signal?: AbortSignal }): () => void {
    return this.#listeners.on(event, listener, options);
  }

  onDropped(listener: (value: T) => void): () => void {
    return this.#listeners.onDropped(listener);
  }

  metrics(): RingMetrics {
    const { pushes, droppedOldest } = this.#counts;
    return {
      size: this.#size,
      capacity: this.#capacity,
      bytes: 0,
      pops: pushes - droppedOldest - this.#size,
      lost: 0,
      ...this.#counts,
    };
  }

  get readable(): ReadableStream<T> {
    return readableOf(this);
  }

  get writable(): WritableStream<T> {
    return writableOf(this);
  }

  get #policy(): Overflow {
    return this.overflow === "resize" ? this.#rules.fallback : this.overflow;
  }

  get #waitsForRoom(): boolean {
    return this.#policy === "block" || this.#policy === "block-timeout";
  }

  /** Adds it if there is place, or if the policy makes some. */
  #put(value: T): boolean {
    while (this.#size >= this.#capacity && this.overflow === "resize" && this.#capacity < this.#rules.maxCapacity) {
      const larger = Math.max(this.#capacity + 1, Math.ceil(this.#capacity * this.#rules.factor));
      this.#capacity = Math.min(this.#rules.maxCapacity, larger);
      this.#counts.resizes++;
    }
    const dropped: T[] = [];
    while (this.#size >= this.#capacity) {
      if (this.#policy !== "drop-oldest") return false;
      dropped.push(this.#shift());
    }
    this.#counts.droppedOldest += dropped.length;
    this.#append(value);
    for (const one of dropped) this.#listeners.tellDropped(() => one);
    return true;
  }

  #append(value: T): void {
    const { length } = this.#slots;
    if (this.#size === length) {
      this.#slots = [
        ...this.#slots.slice(this.#head),
        ...this.#slots.slice(0, this.#head),
        ...Array.from<undefined>({ length }),
      ];
      this.#head = 0;
    }
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = value;
    this.#size++;
    this.#counts.pushes++;
    this.#counts.highWater = Math.max(this.#counts.highWater, this.#size);
    this.#itemsBell.ring();
    if (this.#isHigh || this.#size < marksOf(this.#rules, this.#capacity).high) return;
    this.#isHigh = true;
    this.#listeners.tell("high");
  }

  #shift(): T {
    const value = this.#slots[this.#head] as T;
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#size--;
    return value;
  }

  #taken(): void {
    this.#roomBell.ring();
    if (!this.#isHigh || this.#size > marksOf(this.#rules, this.#capacity).low) return;
    this.#isHigh = false;
    this.#listeners.tell("low");
  }
}

function requireValue<T>(value: T): T {
  if (value === undefined) throw new TypeError("a ring takes no undefined: that is what receive answers at its end");
  return value;
}
