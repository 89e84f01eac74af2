// Ring hands: what a record in hand says, and which of several who use a ring in one thread has it. The core knows the thread only, so they mark
// it above the descriptor's flags; who is alone, or came first, has mark 0 and need not. Nobody but the thread itself changes the word of what it
// has in hand.

import {
  CHUNK_FIRST,
  D_HELD,
  D_MARK_SHIFT,
  D_OWNER_SHIFT,
  D_STATE_MASK,
  D_TAKEN,
  D_WORD,
  DESCRIPTOR_SHIFT,
  GROUP_LENGTH_SHIFT,
  GROUP_SHIFT,
  IN_GROUP,
  Q_CHUNKS,
  Q_DESCRIPTORS,
} from "../assembly/shared/rings.js";
import type { Core } from "./core.js";

const OWNER_MASK = 0xff << D_OWNER_SHIFT;
const MARKS = 2 ** (32 - D_MARK_SHIFT);

export class RingHands {
  readonly #i32: Int32Array<ArrayBufferLike>;
  readonly #at: number;
  readonly #owner: number;
  readonly #marks = new Set<number>();

  constructor(core: Core, at: number) {
    this.#i32 = core.i32;
    this.#at = at;
    this.#owner = (core.ownerId & 0xff) << D_OWNER_SHIFT;
  }

  /** A mark that nobody else here has. */
  newMark(): number {
    let mark = 0;
    while (this.#marks.has(mark)) mark++;
    if (mark === MARKS) throw new RangeError(`a thread can open a ring ${MARKS} times at once`);
    this.#marks.add(mark);
    return mark;
  }

  /** Whoever had it has nothing in hand any more. */
  freeMark(mark: number): void {
    this.#marks.delete(mark);
  }

  /** Marks what was just reserved or taken. */
  mark(d: number, mark: number): void {
    const at = (d + D_WORD) >>> 2;
    this.#i32[at] = (this.#i32[at] as number) | (mark << D_MARK_SHIFT);
  }

  /** What is in hand with this mark, but for those descriptors, which are nobody's but the ring's. O(descriptors). */
  withMark(mark: number, but: readonly number[]): number[] {
    const found: number[] = [];
    let left = Atomics.load(this.#i32, (this.#at + Q_DESCRIPTORS) >>> 2);
    for (let chunk = 0; left > 0; chunk++) {
      const length = chunk < 2 ? CHUNK_FIRST : CHUNK_FIRST << (chunk - 1);
      const first = this.#i32[((this.#at + Q_CHUNKS) >>> 2) + chunk] as number;
      for (let i = 0; i < length; i++) {
        const d = first + ((i >>> GROUP_LENGTH_SHIFT) << GROUP_SHIFT) + ((i & IN_GROUP) << DESCRIPTOR_SHIFT);
        const word = this.#i32[(d + D_WORD) >>> 2] as number;
        const state = word & D_STATE_MASK;
        const isInHand = (word & OWNER_MASK) === this.#owner && (state === D_TAKEN || state === D_HELD);
        if (isInHand && word >>> D_MARK_SHIFT === mark && !but.includes(d)) found.push(d);
      }
      left -= length;
    }
    return found;
  }
}
