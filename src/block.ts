// Block: memory with a holder. Its claim (owner and sequence, one word in the region) says whose it is, so it is given back when
// its owner detaches or dies, and a stale handle is refused. In JavaScript it is disposable: `using block = region.allocate(64)`.

import type { Node } from "../bindings/budgets.js";
import type { Core } from "../bindings/core.js";
import { StaleBlockError } from "./errors.js";
import { integer } from "./options.js";
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

/** @internal What a Block needs of its region. */
export interface BlockSource {
  readonly core: Core;
  readonly charges: ReservationSource;
  /** A new block, charged to the budget `node` (at 0: to none); throws what `region.allocate` throws. */
  claim(bytes: number, align: number, node: Node): BlockHandle;
  /** The same without asking anybody to make room; undefined when it does not fit now. */
  tryClaim(bytes: number, align: number, node: Node): BlockHandle | undefined;
}

/** A claimed block of a region: `region.allocate(bytes)`. */
export class Block {
  readonly #source: BlockSource;
  #handle: BlockHandle;

  /** @internal */
  constructor(source: BlockSource, handle: BlockHandle) {
    this.#source = source;
    this.#handle = handle;
  }

  /** Bytes asked for. */
  get size(): number {
    return this.#handle.size;
  }

  /** Where the block begins, in bytes from the region's start. @throws StaleBlockError after its release. */
  get offset(): number {
    this.#requireLive();
    return this.#handle.offset;
  }

  /** The block's `size` bytes. Its `.buffer` is the whole region. @throws StaleBlockError after its release. */
  get bytes(): Uint8Array<ArrayBufferLike> {
    this.#requireLive();
    return this.#source.core.view(this.#handle.offset, this.#handle.size);
  }

  /** Names of the budgets from the root down to the one it is charged to, joined by `/`; empty when to none, and after its release. */
  get budgetPath(): string {
    const { budgets } = this.#source.charges;
    return this.isLive ? budgets.path(budgets.chargedFor(this.#handle.offset).at) : "";
  }

  /** Whether this handle still holds the block. */
  get isLive(): boolean {
    const { offset, claim } = this.#handle;
    return this.#source.core.exports.blockIsLive(offset, claim[0], claim[1]) !== 0;
  }

  /**
   * What names this block in another thread. There `region.adopt(handle)` makes it that thread's; `region.open(handle)` leaves it this
   * thread's, and whoever releases first, releases.
   */
  handle(): BlockHandle {
    this.#requireLive();
    tracker?.named(this);
    return this.#handle;
  }

  /**
   * Makes the block `bytes` long, in place where its usable size allows, else by moving it; what lay in it is kept, bytes beyond the
   * old size are zero. When it does not fit the block is untouched. A Block that moves is this thread's afterwards, also if another
   * held it; a shared one stays shared. It stays charged to its budget.
   * @throws MemoryLimitExceededError, RegionBusyError, StaleBlockError, RangeError for a size that is no integer ≥ 1.
   */
  resize(bytes: number): void {
    this.#requireLive();
    integer("bytes", bytes, 1, Number.MAX_SAFE_INTEGER);
    const { core } = this.#source;
    const old = this.#handle;
    const moved = this.#moved(bytes, core.exports.usableSize(old.offset) >>> 0);
    const { offset } = moved ?? old;
    if (moved !== undefined) core.view(offset, bytes).set(core.view(old.offset, Math.min(old.size, bytes)));
    if (bytes > old.size) core.view(offset + old.size, bytes - old.size).fill(0);
    if (moved === undefined) this.#requireLive();
    else this.#replace(moved);
    this.#handle = { ...this.#handle, size: bytes };
  }

  /** Takes `moved` in place of the old block, whose holder keeps holding it. Another thread or a full hook may have released that meanwhile. */
  #replace(moved: BlockHandle): void {
    const { core } = this.#source;
    const old = this.#handle;
    this.#handle = moved;
    if (core.isShared(old.claim[1])) this.move(true);
    if (core.exports.blockFree(old.offset, old.claim[0], old.claim[1]) !== 0) return tracker?.made(this, core);
    this.release();
    this.#handle = old;
    throw new StaleBlockError(old.offset);
  }

  /** Another block of `bytes` bytes, or undefined where this one, of `usable` bytes, is right: it always is when nothing smaller is free. */
  #moved(bytes: number, usable: number): BlockHandle | undefined {
    const { align = 8, offset } = this.#handle;
    if (bytes <= usable && bytes > usable / 2) return undefined;
    const node = this.#source.charges.budgets.chargedFor(offset);
    return bytes > usable ? this.#source.claim(bytes, align, node) : this.#source.tryClaim(bytes, align, node);
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
    const { offset, claim } = this.#handle;
    if (core.exports.blockMove(offset, claim[0], claim[1], +shared) === 0) throw new StaleBlockError(offset);
    const { low, high } = core.lastClaim();
    this.#handle = { ...this.#handle, claim: [low, high] };
  }

  /** Gives the block back. True the first time, false ever after, whoever released it. Any thread. */
  release(): boolean {
    const { offset, claim } = this.#handle;
    const isDone = this.#source.core.exports.blockFree(offset, claim[0], claim[1]) !== 0;
    tellLevels(this.#source.charges);
    return isDone;
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #requireLive(): void {
    if (!this.isLive) throw new StaleBlockError(this.#handle.offset);
  }
}
