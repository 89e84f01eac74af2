// Heap: raw blocks by offset, as malloc gives them out by address. Any thread may free any thread's block; blocks outlive the thread
// that took them. Wrong arguments are refused before they reach the core (wasm would make 0 of NaN and 5 of 2^32 + 5).

import type { Core } from "../bindings/core.js";
import { NO_NODE, type Node } from "../bindings/budgets.js";
import {
  BUDGET_GONE,
  BUSY,
  FULL,
  NEVER,
  NOT_ATTACHED,
  NOT_LIVE,
  OTHERS_FIRST,
  OVER_LIMIT,
  POISONED,
  TOO_LARGE,
} from "../bindings/status.js";
import type { CoreExports } from "../bindings/exports.js";
import type { Budget } from "./budget.js";
import { type Asked, askedBy } from "./budget-node.js";
import { makeRoom } from "./charging.js";
import { BudgetClosedError, RegionClosedError, RegionPoisonedError } from "./errors.js";
import { type ReservationSource, tellLevels } from "./reservation.js";
import { describe } from "./size.js";

/** How a block is allocated. */
export interface AllocOptions {
  /** A power of two up to 1 MiB; 8 unless told. Blocks of 16 bytes and more that are multiples of 16 are not thereby aligned to 16. */
  align?: number;
  /**
   * The budget that it is charged to. A `Block` is charged what it was granted; raw blocks lie in slabs and runs of their own of that budget,
   * which is charged for those: one slab of a size it uses may stay, empty, until somebody wants the room. `free` finds the budget itself.
   */
  budget?: Budget;
}

/** Why the last allocation of this thread answered 0. */
export type AllocFailure = "ERR_FULL" | "ERR_TOO_LARGE" | "ERR_BUSY" | "ERR_MEMORY_LIMIT";

/** The largest request that is passed to the core; anything above is larger than any region. */
const REQUEST_MAX = 0xffffffff;

type CoreAlloc = (bytes: number) => number;

/** The heap of one region as this thread sees it: `region.heap`. All sizes are bytes, all offsets count from the region's start. */
export class Heap {
  readonly #core: Core;
  readonly #exports: CoreExports;
  readonly #charges: ReservationSource;
  #closed = false;

  /** The whole region as bytes. What lies outside live blocks belongs to the heap: writing there damages others' data. */
  readonly u8: Uint8Array<ArrayBufferLike>;
  readonly i32: Int32Array<ArrayBufferLike>;
  readonly u32: Uint32Array<ArrayBufferLike>;
  readonly f32: Float32Array<ArrayBufferLike>;
  readonly f64: Float64Array<ArrayBufferLike>;

  /**
   * Takes a zeroed block of at least `bytes` bytes. Returns its offset, or 0 when it does not fit (`lastFailure` says why): full is
   * an answer, not a crash. Asks the region's full hooks before it gives up. O(1) but for the zeroing. Any thread.
   * @throws TypeError, RangeError for a size that is no integer ≥ 1; RegionClosedError; what a full hook throws.
   */
  readonly alloc: (bytes: number, options?: AllocOptions) => number;
  /** Like `alloc`, but the bytes are what they were: fast, and only right where all of them are written before any is read. */
  readonly allocUnsafe: (bytes: number, options?: AllocOptions) => number;
  /**
   * Gives a block back; its size is not needed. False: no raw block is live at `offset` (freed before, never handed out, inside a
   * block, or a `Block`'s), and nothing was changed. O(1), never waits. Any thread, whoever allocated it.
   * @throws TypeError for what is no number; RegionClosedError.
   */
  readonly free: (offset: number) => boolean;

  /** @internal */
  constructor(core: Core, charges: ReservationSource) {
    this.#core = core;
    this.#exports = core.exports;
    this.#charges = charges;
    this.u8 = core.u8;
    this.i32 = core.i32;
    this.u32 = core.whole(Uint32Array);
    this.f32 = core.whole(Float32Array);
    this.f64 = core.whole(Float64Array);
    // The three hot calls are closures over the exports themselves: with methods, which find them in a field, a pair costs a nanosecond
    // of its fifteen more.
    const { alloc, allocUnsafe, allocUnsafeIn } = core.exports;
    const free = core.scrubs ? core.exports.freeScrubbed : core.exports.free;
    // The options that the last allocation in a budget was given: who passes the same ones again need not have them looked through again.
    let known: AllocOptions | undefined;
    let knownBudget: Budget | undefined;
    let { at, state } = NO_NODE;
    const { i32, givenAt, deferredAt } = core;
    const { crossedAt } = charges.budgets;
    this.alloc = (bytes, options) => {
      if (options === undefined && (bytes | 0) === bytes && bytes > 0) {
        const offset = alloc(bytes);
        return offset === 0 ? this.#exhausted(bytes, alloc) : offset >>> 0;
      }
      return this.#allocSlow(bytes, askedBy(charges, "alloc", options), true);
    };
    this.allocUnsafe = (bytes, options) => {
      if (options === undefined && (bytes | 0) === bytes && bytes > 0) {
        const offset = allocUnsafe(bytes);
        return offset === 0 ? this.#exhausted(bytes, allocUnsafe) : offset >>> 0;
      }
      if (known !== undefined && options === known) {
        const isSame = known.budget === knownBudget && known.align === undefined;
        const offset = isSame && (bytes | 0) === bytes && bytes > 0 ? allocUnsafeIn(at, state, bytes) : 0;
        if (offset !== 0) return i32[crossedAt] === 0 ? offset >>> 0 : this.#told(offset);
      }
      const asked = askedBy(charges, "alloc", options);
      const offset = this.#allocSlow(bytes, asked, false);
      // Whoever was asked to make room may have changed them.
      if (asked.budget !== undefined && options?.budget === asked.budget) {
        ({ at, state } = asked.node);
        known = options;
        knownBudget = asked.budget;
      }
      return offset;
    };
    this.free = (offset) => {
      let isFreed: boolean;
      try {
        isFreed =
          (typeof offset === "number" && offset >>> 0 === offset && free(offset) !== 0) || this.#notLive(offset);
      } catch (error) {
        // At the end of the stack it may be free already: who tried again would give back what is another's by then. No call: that would fail as well.
        if (this.#closed || offset === 0 || (i32[givenAt] as number) >>> 0 !== offset) throw error;
        i32[givenAt] = 0;
        // Somebody may wait for it.
        i32[deferredAt] = 1;
        isFreed = true;
      }
      if (known !== undefined && i32[crossedAt] !== 0) tellLevels(charges);
      return isFreed;
    };
  }

  /**
   * Makes the block at `offset` hold `bytes` bytes, in place where its class or the run behind it allows. Returns where it is now;
   * what lay in it is kept, bytes beyond the old usable size are zero. 0: it does not fit, and the block is untouched.
   * An alignment asked for is kept only in place.
   * @throws TypeError, RangeError as `alloc`, and RangeError when no raw block is live at `offset`; RegionClosedError.
   */
  realloc(offset: number, bytes: number): number {
    this.#requireSize(bytes);
    if (this.#closed) throw new RegionClosedError(this.#charges.regionName);
    if (!this.isLive(offset)) throw new RangeError(`realloc: no live block at offset ${describe(offset)}`);
    const { i32, givenAt, movedAt, deferredAt } = this.#core;
    const { free } = this;
    const attempt: CoreAlloc = (asked) => {
      i32[movedAt] = 0;
      i32[givenAt] = 0;
      try {
        return this.#exports.realloc(offset, asked);
      } catch (error) {
        // At the end of the stack it may be done already, and the block be here. No call: that would fail as well.
        const moved = (i32[movedAt] as number) >>> 0;
        const given = (i32[givenAt] as number) >>> 0;
        i32[movedAt] = 0;
        i32[givenAt] = 0;
        i32[deferredAt] = 1;
        if (moved === 0) throw error;
        let isDone = moved === offset || given === offset;
        try {
          isDone ||= free(offset);
        } catch {
          // Still no room for it: the block stays behind where it was.
          isDone = true;
        }
        if (isDone) return moved;
        throw error; // another thread freed it meanwhile
      }
    };
    const moved = attempt(Math.min(bytes, REQUEST_MAX));
    return moved === 0 ? this.#exhausted(bytes, attempt) : moved >>> 0;
  }

  /** A log of what leads here shows no memory. */
  toJSON(): undefined {}

  /** Bytes that may be used at `offset`, at least what was asked for; 0 when no block is live there, or this thread has left. O(1). @throws TypeError. */
  usableSize(offset: number): number {
    if (typeof offset !== "number") this.#notLive(offset);
    return offset >>> 0 === offset ? this.#exports.usableSize(offset) >>> 0 : 0;
  }

  /** Whether a live block begins at `offset`, which may be any number. O(1). @throws TypeError. */
  isLive(offset: number): boolean {
    return this.usableSize(offset) !== 0;
  }

  /**
   * A view of the block at `offset`, `bytes` long or all of it. It stays valid memory after the block was freed, so drop it first.
   * Its `.buffer` is the whole region.
   * @throws RangeError when no block is live there or it is shorter than `bytes`; RegionClosedError.
   */
  view(offset: number, bytes?: number): Uint8Array<ArrayBufferLike> {
    const usable = this.usableSize(offset);
    if (usable === 0 && this.#closed) throw new RegionClosedError(this.#charges.regionName);
    if (usable === 0) throw new RangeError(`no live block at offset ${describe(offset)}`);
    const length = bytes ?? usable;
    if (!Number.isInteger(length) || length < 0 || length > usable) {
      throw new RangeError(
        `the block at offset ${offset} has ${usable} bytes, a view of ${describe(length)} is not possible`,
      );
    }
    return this.#core.view(offset, length);
  }

  /** Copies `source` into the block at `offset`, from its byte `at` on. */
  write(offset: number, source: Uint8Array<ArrayBufferLike>, at = 0): void {
    if (!(source instanceof Uint8Array)) throw new TypeError(`write needs a Uint8Array, got ${describe(source)}`);
    const target = this.view(offset);
    if (!Number.isInteger(at) || at < 0 || at + source.length > target.length) {
      throw new RangeError(
        `${source.length} bytes at ${describe(at)} do not fit into the block of ${target.length} bytes at offset ${offset}`,
      );
    }
    target.set(source, at);
  }

  /** A copy of the block at `offset`, `bytes` long or all of it, in memory of its own. */
  read(offset: number, bytes?: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.view(offset, bytes));
  }

  /** Why this thread's last allocation answered 0. Only meaningful right after one did. */
  get lastFailure(): AllocFailure {
    const reason = this.#exports.reason();
    if (reason === BUSY) return "ERR_BUSY";
    if (reason === OVER_LIMIT || reason === NEVER || reason === OTHERS_FIRST) return "ERR_MEMORY_LIMIT";
    return reason === TOO_LARGE ? "ERR_TOO_LARGE" : "ERR_FULL";
  }

  /** @internal The region was closed or left: from here on every call says so. */
  close(): void {
    this.#closed = true;
  }

  #allocSlow(bytes: number, { align, budget, node }: Asked, zeroed: boolean): number {
    this.#requireSize(bytes);
    const attempt = budget === undefined ? this.#plain(align, zeroed) : this.#charged(node, align, zeroed);
    const offset = attempt(Math.min(bytes, REQUEST_MAX));
    const taken = offset === 0 ? this.#exhausted(bytes, attempt, node) : offset >>> 0;
    const mustZero = taken !== 0 && align > 8 && zeroed && budget === undefined;
    if (mustZero) this.u8.fill(0, taken, taken + this.#exports.usableSize(taken));
    return budget === undefined ? taken : this.#told(taken);
  }

  #plain(align: number, zeroed: boolean): CoreAlloc {
    const { alloc, allocUnsafe, allocAligned } = this.#exports;
    return align <= 8 ? (zeroed ? alloc : allocUnsafe) : (asked) => allocAligned(asked, align);
  }

  #charged({ at, state }: Node, align: number, zeroed: boolean): CoreAlloc {
    const { allocIn, allocSlowIn } = this.#exports;
    return (asked) => (zeroed ? allocIn : allocSlowIn)(at, state, asked, align);
  }

  /** Tells of the levels that the allocation changed. */
  #told(offset: number): number {
    tellLevels(this.#charges);
    return offset >>> 0;
  }

  /** The core refused: asks the full hooks if room is what is missing, and says what it was if it was something else. */
  #exhausted(bytes: number, alloc: CoreAlloc, { at }: Node = NO_NODE): number {
    const isFull = (): boolean => this.#exports.reason() === FULL;
    const attempt = (): number => alloc(Math.min(bytes, REQUEST_MAX)) >>> 0;
    const room = isFull() ? this.#charges.exhaustion.retry(bytes, attempt, isFull) : 0;
    const offset = room === 0 ? makeRoom(this.#charges, bytes, attempt) : room;
    if (offset !== 0) return offset;
    const reason = this.#exports.reason();
    if (reason === NOT_ATTACHED) throw new RegionClosedError(this.#charges.regionName);
    if (reason === POISONED) throw new RegionPoisonedError(this.#charges.regionName);
    if (reason === NOT_LIVE) throw new RangeError("realloc: no live raw block at this offset");
    if (reason === BUDGET_GONE) throw new BudgetClosedError(this.#charges.budgets.path(at));
    return 0;
  }

  #requireSize(bytes: unknown): void {
    if (typeof bytes !== "number") throw new TypeError(`bytes must be a number, got ${describe(bytes)}`);
    if (!Number.isSafeInteger(bytes) || bytes < 1)
      throw new RangeError(`bytes must be an integer of at least 1, got ${bytes}`);
  }

  #notLive(offset: unknown): false {
    if (typeof offset !== "number") throw new TypeError(`an offset is a number, got ${describe(offset)}`);
    if (this.#closed) throw new RegionClosedError(this.#charges.regionName);
    return false;
  }
}
