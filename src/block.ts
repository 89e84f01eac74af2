// Block: memory with a holder. Its claim (owner and sequence, one word in the region) says whose it is, so it is given back when
// its owner detaches or dies, and a stale handle is refused. In JavaScript it is disposable: `using block = region.allocate(64)`.

import { NO_NODE, type Node } from "../bindings/budgets.js";
import { ALIGN_MAX, type Core, LOOKS_AT_BLOCK } from "../bindings/core.js";
import { StaleBlockError } from "./errors.js";
import { integer, powerOfTwo } from "./options.js";
import { type ReservationSource, tellLevels } from "./reservation.js";
import { tracker } from "./tracker.js";

/** What names a Block in another thread: structured-cloneable. */
export interface BlockHandle {
  readonly offset: number;
  readonly size: number;
  /** What it was allocated with; 8 unless told. */
  readonly align?: number;
  readonly claim: readonly [number, number];
}

// Numbers outside the words of a claim cannot name a Block: no claim is 0.
const NO_BLOCK: BlockHandle = { offset: 0, size: 1, claim: [0, 0] };

/** @internal What a handle says, read once. @throws TypeError for what is none. */
export function requireBlockHandle(handle: BlockHandle): BlockHandle {
  const { offset, size, align = 8, claim } = handle ?? {};
  const [low, high] = Array.isArray(claim) ? (claim as number[]) : [];
  if (![offset, size, align, low, high].every(Number.isInteger))
    throw new TypeError("open needs what block.handle() returned");
  powerOfTwo("align", align, ALIGN_MAX);
  const isWord = offset >>> 0 === offset && ((low as number) | 0) === low && ((high as number) | 0) === high;
  return isWord ? { offset, size, align, claim: [low as number, high as number] } : NO_BLOCK;
}

/** @internal What a Block needs of its region. */
export interface BlockSource {
  readonly core: Core;
  readonly charges: ReservationSource;
  /** A new block, charged to the budget `node` (at 0: to none); throws what `region.allocate` throws. */
  claim(bytes: number, align: number, node: Node): Block;
  /** The same without asking anybody to make room; undefined when it does not fit now. */
  tryClaim(bytes: number, align: number, node: Node): Block | undefined;
}

/** A claimed block of a region: `region.allocate(bytes)`. */
export class Block {
  readonly #source: BlockSource;
  // Fields, not a handle: who allocates seldom wants one, and a Block is then one object.
  #offset: number;
  #size: number;
  readonly #align: number;
  #low: number;
  #high: number;

  /** @internal */
  constructor(source: BlockSource, offset: number, size: number, align: number, low: number, high: number) {
    this.#source = source;
    this.#offset = offset;
    this.#size = size;
    this.#align = align;
    this.#low = low;
    this.#high = high;
  }

  /** Bytes asked for. */
  get size(): number {
    return this.#size;
  }

  /** Where the block begins, in bytes from the region's start. @throws StaleBlockError after its release. */
  get offset(): number {
    this.#requireLive();
    return this.#offset;
  }

  /** The block's `size` bytes. Its `.buffer` is the whole region. @throws StaleBlockError after its release. */
  get bytes(): Uint8Array<ArrayBufferLike> {
    this.#requireLive();
    return this.#source.core.view(this.#offset, this.#size);
  }

  /** Names of the budgets from the root down to the one it is charged to, joined by `/`; empty when to none, and after its release. */
  get budgetPath(): string {
    const { budgets } = this.#source.charges;
    return this.isLive ? budgets.path(budgets.chargedFor(this.#offset).at) : "";
  }

  /** Whether this handle still holds the block. */
  get isLive(): boolean {
    return this.#source.core.exports.blockIsLive(this.#offset, this.#low, this.#high) !== 0;
  }

  /**
   * What names this block in another thread. There `region.adopt(handle)` makes it that thread's; `region.open(handle)` leaves it this
   * thread's, and whoever releases first, releases.
   */
  handle(): BlockHandle {
    this.#requireLive();
    tracker?.named(this);
    return { offset: this.#offset, size: this.#size, align: this.#align, claim: [this.#low, this.#high] };
  }

  /**
   * Makes the block `bytes` long, in place where its usable size allows, else by moving it; what lay in it is kept, bytes beyond the
   * old size are zero. To grow by moving, region and budget need room for both; to shrink, only the region does. When it does not fit the block is
   * untouched; one that cannot shrink keeps its place. A Block that moves is this thread's afterwards, also if another
   * held it; a shared one stays shared. It stays charged to its budget.
   * @throws MemoryLimitExceededError, RegionBusyError, StaleBlockError, RangeError for a size that is no integer ≥ 1.
   */
  resize(bytes: number): void {
    this.#requireLive();
    integer("bytes", bytes, 1, Number.MAX_SAFE_INTEGER);
    const { core } = this.#source;
    const old = this.#offset;
    const size = this.#size;
    const [low, high] = [this.#low, this.#high];
    const moved = this.#moved(bytes, core.exports.usableSize(old) >>> 0);
    // Whoever was told of levels meanwhile, or asked for room, may have resized or moved it.
    if (this.#offset !== old || this.#low !== low || this.#high !== high || this.#size !== size) {
      moved?.release();
      return this.resize(bytes);
    }
    const offset = moved === undefined ? old : moved.#offset;
    if (moved !== undefined) core.view(offset, bytes).set(core.view(old, Math.min(size, bytes)));
    if (bytes > size) core.view(offset + size, bytes - size).fill(0);
    if (moved === undefined) this.#requireLive();
    else this.#replace(moved);
    this.#size = bytes;
    tellLevels(this.#source.charges);
  }

  /** Takes what `moved` holds in place of the old block, whose holder keeps holding it. Another thread or a full hook may have released that meanwhile. */
  #replace(moved: Block): void {
    const { core } = this.#source;
    if (core.isShared(this.#high)) moved.move(true);
    if (core.exports.blockFree(this.#offset, this.#low, this.#high) === 0) {
      moved.release();
      throw new StaleBlockError(this.#offset);
    }
    this.#offset = moved.#offset;
    this.#low = moved.#low;
    this.#high = moved.#high;
    tracker?.made(this, core);
  }

  /** Another block of `bytes` bytes, or undefined where this one, of `usable` bytes, is right: it always is when nothing smaller is free. */
  #moved(bytes: number, usable: number): Block | undefined {
    if (bytes <= usable && bytes > usable / 2) return undefined;
    const node = this.#source.charges.budgets.chargedFor(this.#offset);
    return bytes > usable ? this.#source.claim(bytes, this.#align, node) : this.#smaller(bytes, node);
  }

  /** Its budget need not have room for both: the charge moves. */
  #smaller(bytes: number, { at }: Node): Block | undefined {
    const { core, tryClaim } = this.#source;
    const moved = tryClaim(bytes, this.#align, NO_NODE);
    if (moved === undefined || at === 0) return moved;
    if (core.exports.chargeInstead(this.#offset, this.#low, this.#high, moved.#offset) !== 0) return moved;
    moved.release();
    return undefined;
  }

  /**
   * Declares the block the region's: it outlives this thread, and goes when any thread releases it. Other handles to it are stale from
   * here on: hand out `handle()` anew. @throws StaleBlockError.
   */
  share(): this {
    this.move(true);
    return this;
  }

  /** @internal Makes the block this thread's, or (`shared`) the region's. */
  move(shared: boolean): void {
    const { core } = this.#source;
    if (core.exports.blockMove(this.#offset, this.#low, this.#high, +shared) === 0)
      throw new StaleBlockError(this.#offset);
    const { low, high } = core.lastClaim();
    this.#low = low;
    this.#high = high;
  }

  /** Gives the block back. True the first time, false ever after, whoever released it. Any thread. */
  release(): boolean {
    const { core, charges } = this.#source;
    let isDone: boolean;
    try {
      isDone = core.exports.blockFree(this.#offset, this.#low, this.#high) !== 0;
    } catch (error) {
      // Cut at the end of the stack while it looked at the record: nobody does any more, so the slab need not stay for that.
      const { i32, lookingAt, deferredAt } = core;
      i32[deferredAt] = 1;
      if (!charges.isLeft && i32[lookingAt] === (this.#offset | LOOKS_AT_BLOCK)) i32[lookingAt] = 0;
      throw error;
    }
    tellLevels(charges);
    return isDone;
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #requireLive(): void {
    if (!this.isLive) throw new StaleBlockError(this.#offset);
  }
}
