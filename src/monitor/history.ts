// History: the last so many values, for the page and the `/history` endpoint. A ring; owns its slots. Between calls it holds the newest
// `size` ≤ `capacity` values and nothing of those before.

import { integer } from "../options.js";

export class History<T> {
  readonly capacity: number;
  readonly #slots: T[] = [];
  /** Where the next value goes once the ring is full. */
  #next = 0;

  /** @throws TypeError, RangeError. */
  constructor(capacity: number) {
    this.capacity = integer("history", capacity, 1, 1_000_000);
  }

  get size(): number {
    return this.#slots.length;
  }

  /** The newest value. */
  get latest(): T | undefined {
    return this.#slots.at(this.#next - 1);
  }

  /** Adds a value; the oldest goes when the ring is full. O(1). */
  push(value: T): void {
    if (this.#slots.length < this.capacity) {
      this.#slots.push(value);
      return;
    }
    this.#slots[this.#next] = value;
    this.#next = (this.#next + 1) % this.capacity;
  }

  /** A copy of the newest `count` values, oldest first. O(count). */
  last(count: number = this.capacity): T[] {
    integer("count", count, 0, Number.MAX_SAFE_INTEGER);
    const { length } = this.#slots;
    const begin = this.#next + Math.max(0, length - count);
    return Array.from({ length: Math.min(count, length) }, (_, i) => this.#slots[(begin + i) % length]!);
  }
}
