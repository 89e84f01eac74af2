// Loads: which thread loads a key. Owns this thread's claims while it loads by them, and its waits for the loads of others. A claim stands in the region, so of
// all threads one loads a key, and what any thread says of the key meanwhile overtakes it; one whose thread ended is anybody's. What is waited for is that
// a claim is over: then the key is looked up again, and who still finds nothing loads it.

import { type CacheKey, type CachePort, LOAD_UNCLAIMED } from "../../bindings/caches.js";
import { FOREVER } from "../ring/patience.js";
import { type Found, Waits } from "../ring/waits.js";
import type { Flight } from "./flights.js";

/** @internal What a load needs of its cache. */
export interface LoadSource<V> {
  readonly port: CachePort;
  /** The value of the key that is fresh, in no lookup's count. */
  readonly look: (key: CacheKey) => V | undefined;
  readonly isLeft: () => boolean;
}

/** @internal A claim in the region; 0: none, and what is loaded is not put in. */
export interface Claim {
  readonly number: number;
  readonly hash: number;
  /** Whose it is, where it is another's. */
  readonly owner: number;
}

/** @internal How one key is loaded: `put` puts the value in that was loaded by a claim. */
export interface Loader<V> {
  readonly load: () => Promise<V> | V;
  readonly put: (value: V, claim: number) => void;
}

// Who waited so often, and found nothing, loads beside whoever does, and puts nothing in: values that are never taken would make a queue of all threads.
const WAITS_MAX = 2;
const NO_CLAIM: Claim = { number: 0, hash: 0, owner: 0 };

/** @internal */
export class Loads<V> {
  readonly #source: LoadSource<V>;
  #waits: Waits | undefined;

  constructor(source: LoadSource<V>) {
    this.#source = source;
  }

  /** The value of this key: another thread's, once its load is over, or what this thread loads. */
  async run(key: CacheKey, loader: Loader<V>, flight: Flight): Promise<V> {
    const { look, isLeft } = this.#source;
    for (let waited = 0; !isLeft(); waited++) {
      flight.unwanted.throwIfAborted();
      const claim = this.claim(key);
      if (claim.number >= 0) return this.load(key, loader, flight, claim);
      if (waited === WAITS_MAX) return this.load(key, loader, flight, NO_CLAIM);
      await this.#over(claim, flight.unwanted);
      const found = isLeft() ? undefined : look(key);
      if (found !== undefined) return found;
    }
    return loader.load();
  }

  /** Claims the load of this key; −n: it is being loaded by claim n; LOAD_UNCLAIMED: all are taken; 0: the latch was not to be had. */
  claim(key: CacheKey): Claim {
    const { port } = this.#source;
    const number = port.claim(key);
    return { number, hash: port.claimHash, owner: port.claimOwner };
  }

  /** Loads by this claim, which it ends. */
  async load(key: CacheKey, { load, put }: Loader<V>, flight: Flight, { number, hash }: Claim): Promise<V> {
    const { port, look, isLeft } = this.#source;
    try {
      // Since it was looked for another thread may have put it in, and ended its claim.
      const found = isLeft() ? undefined : look(key);
      if (found !== undefined) return found;
      flight.isLoading = true;
      const isClaimed = number > 0 && number !== LOAD_UNCLAIMED;
      if (isClaimed) flight.isOutdated = () => !port.isLoading(number, hash);
      const value = await load();
      if (!isLeft() && (isClaimed || (number !== 0 && !flight.isOvertaken))) put(value, number);
      return value;
    } finally {
      if (number > 0 && number !== LOAD_UNCLAIMED) port.endLoad(number);
    }
  }

  /** Resolves when the load by this claim can be waited for no more. @throws (rejects) when nobody wants it any more. */
  #over({ number, hash, owner }: Claim, signal: AbortSignal): Promise<true> {
    const { port, isLeft } = this.#source;
    this.#waits ??= new Waits(port.loadBell(), () => {}, true, false);
    const attempt = (): Found<true> =>
      isLeft() || !port.isLoading(-number, hash, owner) ? { value: true } : undefined;
    return this.#waits.add(attempt, { timeoutMs: FOREVER, signal, whyLate: () => new Error() });
  }

  /** This thread uses the cache no more: who waits here loads for itself. */
  close(): void {
    this.#waits?.serve();
  }
}
