// Flights: what this thread is loading, or waits for while another thread loads it. Owns one promise for each key; whoever asks meanwhile gets the same. What a
// load throws is not kept. A caller that gives up leaves the flight to the others; one that nobody waits for any more, and that is not loading, ends. A key that
// is set or deleted meanwhile overtakes its flight: who waits for that gets its value, who asks from then on does not.

import type { CacheKey } from "../../bindings/caches.js";

/** @internal One flight, as its load sees it. */
export interface Flight {
  /** Whether this thread said something of its key since it began. */
  readonly isOvertaken: boolean;
  /** Ends when nobody waits for it any more, before it loads. */
  readonly unwanted: AbortSignal;
  /** Whether it loads: then it goes on, whoever waits. */
  isLoading: boolean;
  /** The load's own claim in the region says that it is overtaken. */
  isOutdated: () => boolean;
}

interface Entry<V> extends Flight {
  promise: Promise<V>;
  isOvertaken: boolean;
  readonly abandon: AbortController;
  asking: number;
}

/** @internal A text or a number that only this key has. */
export function nameOf(key: CacheKey): string | number {
  if (typeof key === "number") return key;
  return typeof key === "string" ? `t${key}` : `b${key.join()}`;
}

/** @internal */
export class Flights<V> {
  readonly #flights = new Map<string | number, Entry<V>>();

  get count(): number {
    return this.#flights.size;
  }

  has(key: CacheKey): boolean {
    return this.#flights.size > 0 && this.#flights.has(nameOf(key));
  }

  /** What `load` answers, or the flight of this key that is under way. */
  async join(key: CacheKey, load: (flight: Flight) => Promise<V>, signal: AbortSignal | undefined): Promise<V> {
    signal?.throwIfAborted();
    const name = nameOf(key);
    const there = this.#flights.get(name);
    const flight = there === undefined || there.isOutdated() ? this.#begin(name, load) : there;
    flight.asking++;
    if (signal === undefined) return flight.promise;
    return orAborted(flight.promise, signal, () => {
      if (--flight.asking > 0 || flight.isLoading) return;
      if (this.#flights.get(name) === flight) this.#flights.delete(name);
      flight.abandon.abort();
    });
  }

  /** Begins a flight that nobody waits for; what it fails with is for `failed`, unless somebody joined it. */
  begin(key: CacheKey, load: (flight: Flight) => Promise<V>, failed: (error: unknown) => void): void {
    const flight = this.#begin(nameOf(key), load);
    flight.promise.catch((error: unknown) => {
      if (flight.asking === 0) failed(error);
    });
  }

  #begin(name: string | number, load: (flight: Flight) => Promise<V>): Entry<V> {
    const abandon = new AbortController();
    const flight: Entry<V> = {
      isOvertaken: false,
      unwanted: abandon.signal,
      abandon,
      asking: 0,
      isLoading: false,
      isOutdated: () => false,
      promise: Promise.resolve().then(() => load(flight)),
    };
    this.#flights.set(name, flight);
    const landed = (): void => {
      if (this.#flights.get(name) === flight) this.#flights.delete(name);
    };
    flight.promise.then(landed, landed);
    return flight;
  }

  /** The key was set or deleted: what is being loaded for it may be older. */
  overtake(key: CacheKey): void {
    const name = nameOf(key);
    const flight = this.#flights.get(name);
    if (flight === undefined) return;
    flight.isOvertaken = true;
    this.#flights.delete(name);
  }

  overtakeAll(): void {
    for (const flight of this.#flights.values()) flight.isOvertaken = true;
    this.#flights.clear();
  }
}

function orAborted<T>(flight: Promise<T>, signal: AbortSignal, gaveUp: () => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => {
      gaveUp();
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", stop, { once: true });
    flight.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
