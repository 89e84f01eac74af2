// Flights: what this thread is loading. Owns one promise for each key; whoever asks meanwhile gets the same. What a load throws is not kept. A caller that
// gives up leaves the load to the others. A key that is set or deleted meanwhile overtakes its load: who waits for that gets its value, but what was
// loaded may be older than what was said since, so it is not put in.

import type { CacheKey } from "../../bindings/caches.js";

interface Flight<V> {
  promise: Promise<V>;
  isOvertaken: boolean;
}

/** @internal A text or a number that only this key has. */
export function nameOf(key: CacheKey): string | number {
  if (typeof key === "number") return key;
  return typeof key === "string" ? `t${key}` : `b${key.join()}`;
}

/** @internal */
export class Flights<V> {
  readonly #loads = new Map<string | number, Flight<V>>();

  get count(): number {
    return this.#loads.size;
  }

  /** What `load` answers, or the load of this key that is under way. */
  async join(
    key: CacheKey,
    load: (isOvertaken: () => boolean) => Promise<V>,
    signal: AbortSignal | undefined,
  ): Promise<V> {
    signal?.throwIfAborted();
    const name = nameOf(key);
    const { promise } = this.#loads.get(name) ?? this.#begin(name, load);
    return signal === undefined ? promise : orAborted(promise, signal);
  }

  #begin(name: string | number, load: (isOvertaken: () => boolean) => Promise<V>): Flight<V> {
    const flight = { isOvertaken: false } as Flight<V>;
    flight.promise = Promise.resolve().then(() => load(() => flight.isOvertaken));
    this.#loads.set(name, flight);
    const landed = (): void => {
      if (this.#loads.get(name) === flight) this.#loads.delete(name);
    };
    flight.promise.then(landed, landed);
    return flight;
  }

  /** The key was set or deleted: what is being loaded for it may be older. */
  overtake(key: CacheKey): void {
    const name = nameOf(key);
    const flight = this.#loads.get(name);
    if (flight === undefined) return;
    flight.isOvertaken = true;
    this.#loads.delete(name);
  }

  overtakeAll(): void {
    for (const flight of this.#loads.values()) flight.isOvertaken = true;
    this.#loads.clear();
  }
}

function orAborted<T>(flight: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    flight.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
