// FloatFifo: frames of floats between a real-time thread (an AudioWorklet) and another. Neither side waits, and with frames of up
// to 256 floats neither makes an object after its first frame (a longer one costs a view when it is taken from a ring). Over a Ring
// of a region it is between threads; without one, in one thread, over an array of its own. Frames are whole or not at all.

import { integer } from "../options.js";
import type { Ring } from "../ring/ring.js";
import { describe } from "../size.js";

/** A bounded queue of frames of `length` floats each. */
export class FloatFifo {
  /** Floats of a frame. */
  readonly length: number;
  readonly #ring: Ring | undefined;
  readonly #floats: Float32Array;
  readonly #bytes: Uint8Array;
  /** In one thread: how many frames there are places for, which is the oldest, and how many there are. */
  readonly #capacity: number;
  #head = 0;
  #size = 0;

  /**
   * @param length floats of a frame, such as 128.
   * @param over a Ring of bytes, which is the same in each thread (its `push` never waits); or how many frames one thread may queue.
   * @throws TypeError, RangeError.
   */
  constructor(length: number, over: Ring | number) {
    this.length = integer("length", length, 1, 2 ** 24);
    if (typeof over === "number") {
      this.#capacity = integer("over", over, 1, 2 ** 24);
    } else {
      if (typeof over?.popInto !== "function")
        throw new TypeError(`a FloatFifo is made over a Ring or a number of frames, got ${describe(over)}`);
      if (!over.isOfBytes)
        throw new TypeError(`a FloatFifo needs a ring of bytes, and "${over.name}" has a codec: open it without one`);
      this.#capacity = 0;
      this.#ring = over;
    }
    const own = new ArrayBuffer(length * Math.max(1, this.#capacity) * Float32Array.BYTES_PER_ELEMENT);
    this.#floats = new Float32Array(own);
    this.#bytes = new Uint8Array(own);
  }

  /** Frames that are queued. */
  get size(): number {
    return this.#ring === undefined ? this.#size : this.#ring.size;
  }

  /** Puts a frame in. False: there was no place. Never waits. @throws TypeError, RangeError for what is no frame; as `ring.push`. */
  push(frame: Float32Array): boolean {
    this.#requireFrame(frame);
    if (this.#ring !== undefined) {
      this.#floats.set(frame);
      return this.#ring.push(this.#bytes);
    }
    if (this.#size === this.#capacity) return false;
    this.#floats.set(frame, ((this.#head + this.#size) % this.#capacity) * this.length);
    this.#size++;
    return true;
  }

  /**
   * Copies the oldest frame to `frame` and takes it off. False: there is none, and `frame` is as it was. Never waits.
   * @throws TypeError, RangeError for what is no frame; RangeError for a record that is none, which is taken off.
   */
  popInto(frame: Float32Array): boolean {
    this.#requireFrame(frame);
    if (this.#ring !== undefined) {
      const bytes = this.#popRecord(this.#ring);
      if (bytes < 0) return false;
      if (bytes !== this.#bytes.length)
        throw new RangeError(
          `ring "${this.#ring.name}" held ${bytes} bytes that are no frame of ${this.length} floats`,
        );
      frame.set(this.#floats);
      return true;
    }
    if (this.#size === 0) return false;
    // By hand: a view of the place would be an object.
    const at = this.#head * this.length;
    for (let i = 0; i < this.length; i++) frame[i] = this.#floats[at + i] as number;
    this.#head = (this.#head + 1) % this.#capacity;
    this.#size--;
    return true;
  }

  #popRecord(ring: Ring): number {
    try {
      return ring.popInto(this.#bytes);
    } catch (error) {
      // Longer than a frame: it would be the next for ever.
      ring.take()?.release();
      throw error;
    }
  }

  #requireFrame(frame: Float32Array): void {
    if (!(frame instanceof Float32Array)) throw new TypeError(`a frame is a Float32Array, got ${describe(frame)}`);
    if (frame.length !== this.length)
      throw new RangeError(`a frame here has ${this.length} floats, got ${frame.length}`);
  }
}
