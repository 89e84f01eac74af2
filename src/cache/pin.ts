// Pin: a value that is read in place. Owns one of this thread's pins until it is released: so long the value stays where it is, evicted or not.

import type { CachePort } from "../../bindings/caches.js";
import { StalePinError } from "./errors.js";

/**
 * A pinned value (zero-copy), of the thread that pinned it, up to 47 at a time. Its bytes are shared memory: not to be written to, not to be kept beyond `release`.
 * Evicted or replaced it stays where it is, and counts, until it is released; a dead thread's are released by its recovery.
 */
export class Pin {
  readonly #port: CachePort;
  /** 0: released. */
  #entry: number;
  #seen: readonly Uint8Array[] | undefined;
  #whole: Uint8Array | undefined;

  /** @internal */
  constructor(port: CachePort, entry: number) {
    this.#port = port;
    this.#entry = entry;
    this.#seen = undefined;
    this.#whole = undefined;
  }

  /**
   * The value, where it lies. One that lies in several pieces (of an entry above 2 KiB, put in where no memory was free in one) is copied, once; `views` has
   * it where it lies in any case. @throws StalePinError after `release`, and once this thread has left the cache.
   */
  get bytes(): Uint8Array {
    return this.#whole === undefined || this.#port.isLeft ? this.#wholeNow() : this.#whole;
  }

  #wholeNow(): Uint8Array {
    return (this.#whole = this.#port.wholeOf(this.#held()));
  }

  /** The value where it lies, in as many pieces as it does: nearly always one. @throws StalePinError as `bytes`. */
  get views(): readonly Uint8Array[] {
    const entry = this.#held();
    return (this.#seen ??= this.#port.viewsOf(entry));
  }

  /** Its length in bytes. @throws StalePinError as `bytes`. */
  get size(): number {
    return this.#port.lengthOf(this.#held());
  }

  /** Ends the pin. A second call does nothing. O(pins). */
  release(): void {
    const entry = this.#entry;
    if (entry === 0) return;
    this.#entry = 0;
    this.#whole = undefined;
    this.#seen = undefined;
    this.#port.unpin(entry);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #held(): number {
    if (this.#entry === 0 || this.#port.isLeft) throw new StalePinError();
    return this.#entry;
  }
}
