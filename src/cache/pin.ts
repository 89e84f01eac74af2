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
  #views: readonly Uint8Array[] | undefined;
  #bytes: Uint8Array | undefined;
  #isReleased = false;

  /** @internal */
  constructor(port: CachePort, entry: number) {
    this.#port = port;
    this.#entry = entry;
  }

  /**
   * The value, where it lies. One that lies in several pieces (of an entry above 2 KiB, put in where no memory was free in one) is copied, once; `views` has
   * it where it lies in any case. @throws StalePinError after `release`, and once this thread has left the cache.
   */
  get bytes(): Uint8Array {
    this.#requireHeld();
    return (this.#bytes ??= this.#port.wholeOf(this.#entry));
  }

  /** The value where it lies, in as many pieces as it does: nearly always one. @throws StalePinError as `bytes`. */
  get views(): readonly Uint8Array[] {
    this.#requireHeld();
    return (this.#views ??= this.#port.viewsOf(this.#entry));
  }

  /** Its length in bytes. @throws StalePinError as `bytes`. */
  get size(): number {
    this.#requireHeld();
    return this.#port.lengthOf(this.#entry);
  }

  /** Ends the pin. A second call does nothing. O(pins). */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#bytes = undefined;
    this.#views = undefined;
    this.#port.unpin(this.#entry);
  }

  #requireHeld(): void {
    if (this.#isReleased || this.#port.isLeft) throw new StalePinError();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
