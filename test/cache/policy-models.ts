// What policies do, as plainly as it can be written: a map from key to size in the order of what goes first. Know nothing of the product.

export interface PolicyModel {
  /** Whether the key is in; a request that finds it is a hit of the policy's. */
  get(key: number): boolean;
  /** Puts it in; false: it is larger than all there may be, and what had the key is out. */
  set(key: number, size: number): boolean;
  readonly keys: number[];
}

abstract class Ordered implements PolicyModel {
  protected readonly sizes = new Map<number, number>();
  readonly #most: number;
  #sum = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get keys(): number[] {
    return [...this.sizes.keys()];
  }

  abstract get(key: number): boolean;
  /** Which one goes next. */
  protected abstract victim(): number;
  protected came(_key: number): void {}
  protected went(_key: number): void {}

  set(key: number, size: number): boolean {
    if (size > this.#most) {
      this.#drop(key);
      return false;
    }
    while (this.#sum - (this.sizes.get(key) ?? 0) + size > this.#most) this.#drop(this.victim());
    this.#drop(key);
    this.sizes.set(key, size);
    this.#sum += size;
    this.came(key);
    return true;
  }

  #drop(key: number): void {
    const size = this.sizes.get(key);
    if (size === undefined) return;
    this.went(key);
    this.sizes.delete(key);
    this.#sum -= size;
  }
}

/** First in, first out; what is put in anew is the newest. */
export class Fifo extends Ordered {
  get(key: number): boolean {
    return this.sizes.has(key);
  }

  protected victim(): number {
    return this.sizes.keys().next().value!;
  }
}

/** Least recently used. */
export class Lru extends Fifo {
  override get(key: number): boolean {
    const size = this.sizes.get(key);
    if (size === undefined) return false;
    this.sizes.delete(key);
    this.sizes.set(key, size);
    return true;
  }
}

/** SIEVE: first in, first out, but a hand goes from the oldest to the newest, spares what was hit, once, and stays where it took one. */
export class Sieve extends Fifo {
  readonly #hit = new Set<number>();
  #hand: number | undefined;

  override get(key: number): boolean {
    if (this.sizes.has(key)) this.#hit.add(key);
    return this.sizes.has(key);
  }

  protected override victim(): number {
    const keys = this.keys;
    let at = this.#hand === undefined ? 0 : keys.indexOf(this.#hand);
    while (this.#hit.delete(keys[at]!)) at = (at + 1) % keys.length;
    this.#hand = keys[at + 1];
    return keys[at]!;
  }

  protected override went(key: number): void {
    this.#hit.delete(key);
  }
}

/** Least frequently used, with aging (LFU-DA): rank = how old the cache is + how often it was asked for; what goes makes the cache as old as its rank. */
export class AgingLfu extends Ordered {
  readonly #entries = new Map<number, { rank: number; count: number }>();
  #age = 0;

  #rank(key: number, count: number): void {
    // Behind all that came to their ranks earlier.
    this.#entries.delete(key);
    this.#entries.set(key, { rank: this.#age + count, count });
  }

  get(key: number): boolean {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#rank(key, entry.count + 1);
    return entry !== undefined;
  }

  protected victim(): number {
    let best: [number, { rank: number; count: number }] | undefined;
    for (const [key, entry] of this.#entries) {
      const isLess = best === undefined || entry.rank < best[1].rank;
      if (isLess || (entry.rank === best![1].rank && entry.count < best![1].count)) best = [key, entry];
    }
    this.#age = best![1].rank;
    return best![0];
  }

  protected override came(key: number): void {
    this.#rank(key, 1);
  }

  protected override went(key: number): void {
    this.#entries.delete(key);
  }
}
