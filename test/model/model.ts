// The reference model of the heap: a map of what lives and a sorted array of where it lies. It knows nothing of slabs, classes or
// runs; it only holds the heap to its promises: no overlap, at least what was asked for, exactly what was counted.
import type { Block, BlockHandle } from "../../src/index.js";

export interface Live {
  offset: number;
  /** Bytes that the heap grants, all of them filled with this block's pattern. */
  usable: number;
  /** Where in the shared noise this block's pattern begins. */
  phase: number;
  /** What the program holds of it, and what names it anywhere; a raw block has neither. */
  block?: Block;
  handle?: BlockHandle;
}

export class Model {
  readonly byOffset = new Map<number, Live>();
  /** Live blocks in order of address. */
  readonly #sorted: Live[] = [];
  /** Live blocks in any order, for picking one at random. */
  readonly #any: Live[] = [];
  readonly #places = new Map<Live, number>();
  usedBytes = 0;

  constructor(
    readonly firstByte: number,
    readonly capacityBytes: number,
  ) {}

  get count(): number {
    return this.#any.length;
  }

  /** A live block, the same for the same number. */
  pick(number: number): Live | undefined {
    return this.#any[number % Math.max(1, this.#any.length)];
  }

  all(): readonly Live[] {
    return this.#sorted;
  }

  /** The heap says that `live` is handed out. Throws when that cannot be. */
  add(live: Live): void {
    const { offset, usable } = live;
    if (offset % 8 !== 0) throw new Error(`offset ${offset} is no multiple of 8`);
    if (offset < this.firstByte || offset + usable > this.capacityBytes)
      throw new Error(`${offset} + ${usable} is not in the heap`);
    const index = this.#indexOf(offset);
    const before = this.#sorted[index - 1];
    const after = this.#sorted[index];
    if (before && before.offset + before.usable > offset) {
      throw new Error(`the block at ${offset} overlaps the one of ${before.usable} bytes at ${before.offset}`);
    }
    if (after && offset + usable > after.offset) {
      throw new Error(`the block of ${usable} bytes at ${offset} overlaps the one at ${after.offset}`);
    }
    this.#sorted.splice(index, 0, live);
    this.byOffset.set(offset, live);
    this.#places.set(live, this.#any.push(live) - 1);
    this.usedBytes += usable;
  }

  remove(live: Live): void {
    if (!this.byOffset.delete(live.offset)) throw new Error(`the model holds no block at ${live.offset}`);
    this.#sorted.splice(this.#indexOf(live.offset), 1);
    const place = this.#places.get(live)!;
    const last = this.#any.pop()!;
    if (last !== live) {
      this.#any[place] = last;
      this.#places.set(last, place);
    }
    this.#places.delete(live);
    this.usedBytes -= live.usable;
  }

  /** Whether `offset` is where a live block begins. */
  has(offset: number): boolean {
    return this.byOffset.has(offset);
  }

  /** Index of the first live block at `offset` or above. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle]!.offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
