// What a worker does for one request: looks the object up in the shared cache, and on a miss makes it and puts it in. Each
// object that comes back is compared to its last byte.
import type { Cache } from "../index.js";
import { holdsPayload, writePayload } from "./payload.js";
import type { Tally } from "./tally.js";

export class Service {
  readonly #cache: Cache;
  readonly #tally: Tally;
  /** What the object in hand is copied to, or made in. Larger objects are in no cache. */
  readonly #desk: Uint8Array;

  constructor(cache: Cache, tally: Tally, largestBytes: number) {
    this.#cache = cache;
    this.#tally = tally;
    this.#desk = new Uint8Array(largestBytes);
  }

  request(key: string, size: number): void {
    const tally = this.#tally;
    tally.add("requests");
    tally.add("requestedBytes", size);
    const length = this.#cache.getInto(key, this.#desk);
    if (length >= 0 && !holdsPayload(this.#desk.subarray(0, length), key)) tally.add("payloadErrors");
    // One of another length is the object as it was before its size changed.
    if (length !== size) return this.#load(key, size);
    tally.add("hits");
    tally.add("hitBytes", size);
  }

  #load(key: string, size: number): void {
    this.#tally.add("misses");
    if (!this.#store(key, size)) this.#tally.add("refused");
  }

  #store(key: string, size: number): boolean {
    if (size > this.#desk.length) {
      this.#cache.delete(key);
      return false;
    }
    const value = this.#desk.subarray(0, size);
    writePayload(value, key);
    return this.#cache.set(key, value);
  }
}
