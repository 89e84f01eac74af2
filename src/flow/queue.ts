// Queue: first in, first out, where anybody may leave from the middle at no cost. A doubly linked list; owns its links. Between
// calls `size` is the number of places linked in, and a place that left holds on to nothing in the queue.

/** A value's place in a queue. */
export interface Place<T> {
  readonly value: T;
  before: Place<T> | undefined;
  after: Place<T> | undefined;
  /** Whether it still stands in the queue. */
  queued: boolean;
}

export class Queue<T> {
  #head: Place<T> | undefined;
  #tail: Place<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Who came first. */
  get head(): Place<T> | undefined {
    return this.#head;
  }

  /** Stands at the end. O(1). */
  push(value: T): Place<T> {
    const place: Place<T> = { value, before: this.#tail, after: undefined, queued: true };
    if (this.#tail === undefined) this.#head = place;
    else this.#tail.after = place;
    this.#tail = place;
    this.#size++;
    return place;
  }

  /** Leaves, from wherever it stands. False when it had left. O(1). */
  remove(place: Place<T>): boolean {
    if (!place.queued) return false;
    if (place.before === undefined) this.#head = place.after;
    else place.before.after = place.after;
    if (place.after === undefined) this.#tail = place.before;
    else place.after.before = place.before;
    place.before = place.after = undefined;
    place.queued = false;
    this.#size--;
    return true;
  }
}
