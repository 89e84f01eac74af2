// Cache keys: what a key is as bytes. Holds the place outside the cache in which a key, and a short value behind it, stands for a call. A text is UTF-8,
// so that one key has one form in every thread and host; one with half a surrogate pair, which UTF-8 cannot say, is UTF-16; a number is its eight
// bytes. Keys of different kinds are different keys.

import { honest } from "./honest.js";
import { KEY_KIND_SHIFT, KEY_LENGTH_MASK as KEY_BYTES_MAX } from "../assembly/shared/caches.js";
import type { Core } from "./core.js";
import { fromUtf8 } from "./utf8.js";

/** What values are kept under. */
export type CacheKey = string | number | Uint8Array;

/** Longest key in bytes. */
export { KEY_BYTES_MAX };

const BYTES = 0;
const TEXT = 1 << KEY_KIND_SHIFT;
const NUMBER = 2 << KEY_KIND_SHIFT;
const BROKEN_TEXT = 3 << KEY_KIND_SHIFT;
// Up to here a loop over the characters is quicker than a call of the host's encoder.
const SHORT = 28;

/** Through here go texts on their way to the region: some hosts refuse to encode into shared memory. Made when first wanted: there are hosts without. */
let coder: { readonly encoder: TextEncoder; readonly scratch: Uint8Array<ArrayBuffer> } | undefined;
const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);
const SURROGATE = /\p{Surrogate}/u;

function kindOf(key: unknown): string {
  if (typeof key === "object" && key !== null) return Array.isArray(key) ? "an array" : "an object";
  return typeof key === "function" || typeof key === "symbol" ? `a ${typeof key}` : String(key);
}

export class KeyDesk {
  readonly at: number;
  private u8: Uint8Array;
  readonly #claim: { low: number; high: number };
  readonly #core: Core;

  private constructor(core: Core, at: number) {
    this.#core = core;
    this.at = at;
    this.u8 = core.u8;
    this.#claim = core.lastClaim();
  }

  /** A place of `bytes` bytes behind the longest key; or why there is none. */
  static open(core: Core, bytes: number): KeyDesk | number {
    const at = core.exports.blockAlloc(KEY_BYTES_MAX + 9 + bytes, 8) >>> 0;
    return at === 0 ? core.exports.reason() : new KeyDesk(core, at);
  }

  /** From now on whoever writes or reads a key here, in the middle of a call too, is refused, and nothing is written. */
  close(refuse: () => never): void {
    this.#core.exports.blockFree(this.at, this.#claim.low, this.#claim.high);
    this.write = refuse;
    this.read = refuse;
    this.u8 = new Uint8Array(0);
  }

  /** Writes the key; kind << 14 | length, or −1: it is longer than a key may be. */
  write(key: CacheKey): number {
    if (typeof key === "string") {
      const { length } = key;
      if (length > SHORT) return this.#writeLong(key);
      const u8 = this.u8;
      const { at } = this;
      let seen = 0;
      for (let i = 0; i < length; i++) {
        const code = key.charCodeAt(i);
        u8[at + i] = code;
        seen |= code;
      }
      return seen < 128 ? TEXT | length : this.#writeLong(key);
    }
    if (typeof key === "number") {
      // One form each of 0 and −0, and of all that is no number.
      float[0] = key === 0 ? 0 : Number.isNaN(key) ? Number.NaN : key;
      this.u8.set(floatBytes, this.at);
      return NUMBER | 8;
    }
    if (!(key instanceof Uint8Array))
      throw new TypeError(`a key is a text, a number or a Uint8Array, got ${kindOf(key)}`);
    const bytes = honest(key);
    if (bytes.length > KEY_BYTES_MAX) return -1;
    this.u8.set(bytes, this.at);
    return BYTES | bytes.length;
  }

  #writeLong(text: string): number {
    if (text.length > KEY_BYTES_MAX) return -1;
    coder ??= { encoder: new TextEncoder(), scratch: new Uint8Array(KEY_BYTES_MAX + 3) };
    const { scratch } = coder;
    const { read, written } = coder.encoder.encodeInto(text, scratch);
    if (read < text.length || written > KEY_BYTES_MAX) return -1;
    // Of three bytes for one character some may stand for half a pair.
    if (written > text.length && SURROGATE.test(text)) return this.#writeBroken(text);
    this.u8.set(scratch.subarray(0, written), this.at);
    return TEXT | written;
  }

  #writeBroken(text: string): number {
    if (text.length * 2 > KEY_BYTES_MAX) return -1;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      this.u8[this.at + 2 * i] = code & 255;
      this.u8[this.at + 2 * i + 1] = code >> 8;
    }
    return BROKEN_TEXT | (text.length * 2);
  }

  /** The key whose bytes stand at `at`. */
  read(key: number, at: number): CacheKey {
    const bytes = this.u8.slice(at, at + (key & KEY_BYTES_MAX));
    const kind = key & (3 << KEY_KIND_SHIFT);
    if (kind === BYTES) return bytes;
    if (kind === TEXT) return fromUtf8(bytes);
    if (kind === NUMBER) return new Float64Array(bytes.buffer)[0] as number;
    let text = "";
    for (let i = 0; i < bytes.length; i += 2)
      text += String.fromCharCode((bytes[i] as number) | ((bytes[i + 1] as number) << 8));
    return text;
  }
}
