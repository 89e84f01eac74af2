// Pin: a value that is read in place. Owns one of this thread's pins until it is released: so long the value stays where it is, evicted or not.

import type { CachePort } from "../../bindings/caches.js";
import { StalePinError } from "./errors.js";

/**
 * A pinned value (zero-copy), of the thread that pinned it, up to 47 at a time. Its bytes are shared memory: not to be written to, not to be kept beyond `release`.
 * Evicted or replaced it stays where it is, and counts, until it is released; a dead thread's are released by its recovery.
 */
export class Pin {
  readonly #port: CachePort;
  readonly #entry: number;
  #bytes: Uint8Array | undefined;
  #isReleased = false;

  /** @internal */
  constructor(port: CachePort, entry: number) {
    this.#port = port;
    this.#entry = entry;
  }

  /** The value, where it lies. @throws StalePinError after `release`, and once this thread has left the cache. */
  get bytes(): Uint8Array {
    if (this.#isReleased || this.#port.isLeft) throw new StalePinError();
    return (this.#bytes ??= this.#port.viewOf(this.#entry));
  }

  /** The value in the pieces in which it lies; one, as this version keeps every value in one. */
  get views(): readonly Uint8Array[] {
    return [this.bytes];
  }

  /** Its length in bytes. @throws StalePinError as `bytes`. */
  get size(): number {
    return this.bytes.length;
  }

  /** Ends the pin. A second call does nothing. O(pins). */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#bytes = undefined;
    this.#port.unpin(this.#entry);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
