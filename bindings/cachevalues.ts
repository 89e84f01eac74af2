// Cache values: where the values of a cache lie, and what this owner's words say of the one that was found last. Owns the views of the region that every
// value passes through.

import {
  E_KEY,
  E_PIECES,
  E_TEXT,
  E_VALUE_LENGTH,
  K_USERS,
  PAGE_BYTES,
  USER_BYTES,
  U_EXPIRES,
  U_LENGTH,
  U_PIECES,
  U_TAG,
  U_VALUE,
} from "../assembly/shared/caches.js";
import { type CacheKey, KEY_BYTES_MAX } from "./cachekeys.js";
import { CacheWords } from "./cachewords.js";
import type { Core } from "./core.js";

/** What was evicted; its bytes, if the caller wants those, or nothing. */
export interface GoneEntry {
  readonly key: CacheKey;
  readonly bytes: number;
  readonly value: Uint8Array;
  readonly tag: number;
  readonly isExpired: boolean;
}

export interface Candidate {
  readonly key: CacheKey;
  readonly bytes: number;
  /** In milliseconds. */
  readonly age: number;
  readonly priority: number;
  readonly frequency: number;
}

// What every value passes through has plain fields: a #private one is looked up by a name that is loaded and compared each time.
export class CacheValues extends CacheWords {
  /** Word index of what this owner notes of the cache. */
  protected readonly user: number;
  protected readonly u8: Uint8Array;
  private readonly memory: ArrayBufferLike;
  protected readonly i32: Int32Array;
  protected readonly f64: Float64Array;

  protected constructor(core: Core, at: number) {
    super(core, at);
    this.u8 = core.u8;
    this.memory = core.u8.buffer;
    this.i32 = core.i32;
    this.f64 = core.whole(Float64Array);
    this.user = (this.word(K_USERS) + (core.ownerId & 0xff) * USER_BYTES) >>> 2;
  }

  protected get isMortal(): boolean {
    const at = this.user + (U_EXPIRES >>> 2);
    return ((this.i32[at] as number) | (this.i32[at + 1] as number)) !== 0;
  }

  protected get expires(): number {
    return this.f64[(this.user + (U_EXPIRES >>> 2)) >>> 1] as number;
  }

  /** What is said of the value that the last lookup found. */
  get tag(): number {
    return this.i32[this.user + (U_TAG >>> 2)] as number;
  }

  protected get length(): number {
    return (this.i32[this.user + (U_LENGTH >>> 2)] as number) >>> 0;
  }

  /** In how many pieces the value is that was found last, or is to be written; 0: in one, where it was said. A short one under a long key may be in one piece. */
  private get pieces(): number {
    return this.i32[this.user + (U_PIECES >>> 2)] as number;
  }

  /** Copies the value that was found last, at `at`. It is another value's if that went meanwhile, and so may be the addresses of its pieces. */
  protected copyTo(at: number, length: number, target: Uint8Array, offset: number): void {
    if (this.pieces === 0) {
      target.set(this.u8.subarray(at, at + length), offset);
      return;
    }
    for (let done = 0; done < length; done += PAGE_BYTES) {
      const piece = this.#pieceAt(at, done);
      target.set(this.u8.subarray(piece, piece + Math.min(PAGE_BYTES, length - done)), offset + done);
    }
  }

  /** Address of the piece of a value from byte `done` on, of those that stand at `at`. */
  #pieceAt(at: number, done: number): number {
    return (this.i32[(at >>> 2) + done / PAGE_BYTES] as number) >>> 0;
  }

  /** Writes a value to what was reserved for it. */
  protected fillReserved(value: Uint8Array): void {
    const at = (this.i32[this.user + (U_VALUE >>> 2)] as number) >>> 0;
    if (this.pieces === 0) this.u8.set(value, at);
    else
      for (let done = 0; done < value.length; done += PAGE_BYTES)
        this.u8.set(value.subarray(done, done + PAGE_BYTES), this.#pieceAt(at, done));
  }

  /** Length of the value of the pinned entry. */
  lengthOf(entry: number): number {
    return (this.i32[(entry + E_VALUE_LENGTH) >>> 2] as number) >>> 0;
  }

  /** Where its value stands, or the addresses of its pieces. */
  #valueAt(entry: number): number {
    const key = (this.i32[(entry + E_KEY) >>> 2] as number) & KEY_BYTES_MAX;
    return entry + E_TEXT + ((key + 7) & ~7);
  }

  /** The value of the pinned entry, where it lies if that is in one, else a copy. */
  wholeOf(entry: number): Uint8Array {
    if (this.i32[(entry + E_PIECES) >>> 2] !== 0) return joined(this.viewsOf(entry));
    // At half the cost of a subarray.
    return new Uint8Array(this.memory, this.#valueAt(entry), this.lengthOf(entry));
  }

  /** The value of the pinned entry, where it lies: in as few views as may be. */
  viewsOf(entry: number): Uint8Array[] {
    if (this.i32[(entry + E_PIECES) >>> 2] === 0) return [this.wholeOf(entry)];
    const at = this.#valueAt(entry);
    const length = this.lengthOf(entry);
    const views: Uint8Array[] = [];
    for (let done = 0; done < length;) {
      const from = this.#pieceAt(at, done);
      let bytes = 0;
      // Pages that lie one behind the other are one view.
      do bytes += PAGE_BYTES;
      while (done + bytes < length && this.#pieceAt(at, done + bytes) === from + bytes);
      views.push(this.u8.subarray(from, from + Math.min(bytes, length - done)));
      done += bytes;
    }
    return views;
  }
}

/** A copy of what stands in these views. */
export function joined(views: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(views.reduce((bytes, view) => bytes + view.length, 0));
  let at = 0;
  for (const view of views) {
    whole.set(view, at);
    at += view.length;
  }
  return whole;
}
