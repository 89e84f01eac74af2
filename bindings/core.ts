// Core: one attached instance of the core over one region's memory, as numbers in and numbers out. Holds the views (the buffer of
// a fixed shared memory is one object for ever) and knows where the counters stand, so that they are read without a wasm call.

import {
  CLAIM_SHARED,
  CLAIM_STATE_SHIFT,
  CLASSES,
  CLASS_ENTRY_SHIFT,
  C_SIZE,
  GRAIN_SHIFT,
  H_ADJUST,
  H_CAPACITY,
  H_COMMITTED,
  H_DEFERRED,
  H_FIRST,
  H_MAX_OWNERS,
  H_PEAK,
  H_REBUILDS,
  H_SCRUB,
  H_TAIL,
  H_UNDECIDED,
  J_MASK,
  OUT_BLOCKS,
  OUT_FREE,
  OUT_FREE_RUNS,
  OUT_LARGEST,
  OUT_LIST,
  OUT_LIST_MAX,
  OUT_OVERHEAD,
  OUT_PROBLEMS,
  OUT_QUIET,
  OUT_RUNS,
  OUT_SLABS,
  OUT_USED,
  OWNER_DEAD,
  OWNER_FREE,
  OWNER_LIVE,
  REC_BLOCKS,
  REC_BLOCK_BYTES,
  REC_DONE,
  REC_IN_FLIGHT_BYTES,
  REC_LOCK,
  REC_RECORDS,
  REC_RESERVATIONS,
  REC_RESERVED_BYTES,
  REC_UNDECIDED,
  REC_UNDECIDED_BYTES,
  SLOTS,
  SLOT_BYTES,
  S_ALLOC,
  S_CLAIM,
  S_FREE,
  S_FREE_JOURNAL,
  S_GIVEN,
  S_MOVED,
  S_OUT,
  S_STATE,
  S_THREAD,
} from "../assembly/shared/layout.js";
import {
  ALIGN_MAX,
  CLASS_COUNT,
  OWNERS_MAX,
  REGION_PAGES_MAX,
  REGION_PAGES_MIN,
  WASM_PAGE_BYTES,
} from "../assembly/shared/limits.js";
import type { CoreExports } from "./exports.js";
import { problemText } from "./status.js";

export { ALIGN_MAX, OWNERS_MAX };
export { J_BLOCK as LOOKS_AT_BLOCK } from "../assembly/shared/layout.js";
export const REGION_BYTES_MIN: number = REGION_PAGES_MIN * WASM_PAGE_BYTES;
export const REGION_BYTES_MAX: number = REGION_PAGES_MAX * WASM_PAGE_BYTES;

/** What a walk over the whole region found. */
export interface Survey {
  problems: string[];
  /** Whether nothing else was at work, so that all counters could be compared. */
  quiet: boolean;
  usedBytes: number;
  freeBytes: number;
  overheadBytes: number;
  largestFreeBytes: number;
  freeRuns: number;
  slabs: number;
  runs: number;
  blocks: number;
}

/** What a recovery did. */
export interface Recovered {
  done: boolean;
  blocks: number;
  blockBytes: number;
  inFlightBytes: number;
  /** Reservations that it held, and their bytes. */
  reservations: number;
  reservedBytes: number;
  /** Records of rings, and places for such, that it had in hand. */
  ringRecords: number;
  heldLock: boolean;
  undecided: { offset: number; bytes: number } | null;
}

/** A fixed shared memory of `bytes` bytes, rounded down to whole WebAssembly pages. */
export function createMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.floor(bytes / WASM_PAGE_BYTES);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** Whether this thread may sleep; never found out by trying, for some hosts let it pass and others trap. */
export function mayBlock(): boolean {
  const host = globalThis as {
    process?: { versions?: { node?: string } };
    DedicatedWorkerGlobalScope?: unknown;
    SharedWorkerGlobalScope?: unknown;
  };
  if (host.process?.versions?.node !== undefined) return true;
  return host.DedicatedWorkerGlobalScope !== undefined || host.SharedWorkerGlobalScope !== undefined;
}

export class Core {
  readonly exports: CoreExports;
  readonly memory: WebAssembly.Memory;
  readonly i32: Int32Array<ArrayBufferLike>;
  readonly u8: Uint8Array<ArrayBufferLike>;
  /** generation << 8 | index of this thread's owner slot; negative: −status of the attempt to attach. */
  readonly ownerId: number;

  // Indexes in i32[], for who catches an exception that cut a call: there nothing can be called.
  /** The raw block that the call had given back by then; 0: none. Who reads it clears it. */
  readonly givenAt: number;
  /** Where the block is that a realloc had moved, or shortened, by then; 0: in none. Who reads it clears it. */
  readonly movedAt: number;
  /** The block whose record the call was looking at, with the marks of a Block's (LOOKS_AT_BLOCK): none may keep it from others while nothing goes on. */
  readonly lookingAt: number;

  /** Set to 1: whoever lets the page lock go next sees to what such a call left undone. */
  readonly deferredAt: number = H_DEFERRED >>> 2;

  private constructor(exports: CoreExports, memory: WebAssembly.Memory, ownerId: number) {
    this.exports = exports;
    this.memory = memory;
    this.i32 = new Int32Array(memory.buffer);
    this.u8 = new Uint8Array(memory.buffer);
    this.ownerId = ownerId;
    const slot = SLOTS + (ownerId & 0xff) * SLOT_BYTES;
    this.givenAt = (slot + S_GIVEN) >>> 2;
    this.movedAt = (slot + S_MOVED) >>> 2;
    this.lookingAt = (slot + S_FREE_JOURNAL) >>> 2;
  }

  /** Makes a fresh memory a region and attaches to it. */
  static create(
    exports: CoreExports,
    memory: WebAssembly.Memory,
    owners: number,
    busyMs: number,
    thread: number,
    scrub: boolean,
  ): Core {
    const pages = memory.buffer.byteLength / WASM_PAGE_BYTES;
    return new Core(exports, memory, exports.createRegion(pages, owners, +mayBlock(), busyMs, thread, +scrub));
  }

  /** Attaches to the region in this memory. */
  static attach(exports: CoreExports, memory: WebAssembly.Memory, busyMs: number, thread: number): Core {
    return new Core(exports, memory, exports.attachRegion(+mayBlock(), busyMs, thread));
  }

  /** A log of what leads here shows no memory. */
  toJSON(): undefined {}

  #word(at: number): number {
    return Atomics.load(this.i32, at >>> 2) >>> 0;
  }

  #slot(index: number): number {
    return SLOTS + index * SLOT_BYTES;
  }

  get capacityBytes(): number {
    return this.#word(H_CAPACITY);
  }

  /** Whether free memory is zero. */
  get scrubs(): boolean {
    return this.#word(H_SCRUB) !== 0;
  }

  get maxOwners(): number {
    return this.#word(H_MAX_OWNERS);
  }

  /**
   * Bytes granted to live blocks: the owners' counters, summed modulo 2^32. Read one after the other: what was freed first, so that
   * under load the sum is never below what lives.
   */
  get usedBytes(): number {
    let sum = this.#word(H_ADJUST);
    for (let index = this.maxOwners; index > 0; index--) sum = (sum - this.#word(this.#slot(index) + S_FREE)) | 0;
    for (let index = this.maxOwners; index > 0; index--) sum = (sum + this.#word(this.#slot(index) + S_ALLOC)) | 0;
    return Math.min(sum >>> 0, this.capacityBytes - this.overheadBytes);
  }

  /** Header, tables, owner slots, and what no block of a slab can use. */
  get overheadBytes(): number {
    return this.#word(H_FIRST) * (1 << GRAIN_SHIFT) + this.#word(H_TAIL);
  }

  get committedBytes(): number {
    return this.#word(H_COMMITTED) * (1 << GRAIN_SHIFT);
  }

  get peakBytes(): number {
    return this.#word(H_PEAK) * (1 << GRAIN_SHIFT);
  }

  get rebuilds(): number {
    return this.#word(H_REBUILDS);
  }

  /** Bytes by which the owners' counters may be off since a thread died, until a walk has settled it. */
  get undecidedBytes(): number {
    return this.#word(H_UNDECIDED);
  }

  /** How many owners have a slot. */
  get owners(): number {
    return this.#count((state) => state !== OWNER_FREE);
  }

  /** How many owners are marked dead and not yet recovered. */
  get deadOwners(): number {
    return this.#count((state) => state === OWNER_DEAD);
  }

  #count(is: (state: number) => boolean): number {
    let count = 0;
    for (let index = this.maxOwners; index > 0; index--) if (is(this.#word(this.#slot(index) + S_STATE) & 3)) count++;
    return count;
  }

  /** The ids of the owners that the host's thread `thread` has, living or dead. */
  ownersOf(thread: number): number[] {
    const ids: number[] = [];
    for (let index = 1; index <= this.maxOwners; index++) {
      const state = this.#word(this.#slot(index) + S_STATE);
      if ((state & 3) !== OWNER_FREE && this.#word(this.#slot(index) + S_THREAD) === thread)
        ids.push((state >>> 2) * 256 + index);
    }
    return ids;
  }

  /** What the host calls the thread of this living owner; 0: nothing; undefined: no such owner lives. */
  threadOf(ownerId: number): number | undefined {
    const index = ownerId & 0xff;
    if (index === 0 || index > this.maxOwners) return undefined;
    const state = this.#word(this.#slot(index) + S_STATE);
    return state === (ownerId >>> 8) * 4 + OWNER_LIVE ? this.#word(this.#slot(index) + S_THREAD) : undefined;
  }

  /** Gives back what a dead owner held. Returns a status instead when that was not to be done. */
  recover(ownerId: number): Recovered | number {
    const status = this.exports.recover(ownerId);
    if (status !== 0) return status;
    const out = this.#out();
    const undecided = out(REC_UNDECIDED_BYTES);
    return {
      done: out(REC_DONE) === 1,
      blocks: out(REC_BLOCKS),
      blockBytes: out(REC_BLOCK_BYTES),
      inFlightBytes: out(REC_IN_FLIGHT_BYTES),
      reservations: out(REC_RESERVATIONS),
      ringRecords: out(REC_RECORDS),
      reservedBytes: out(REC_RESERVED_BYTES + 1) * 2 ** 32 + out(REC_RESERVED_BYTES),
      heldLock: out(REC_LOCK) === 1,
      undecided: undecided === 0 ? null : { offset: (out(REC_UNDECIDED) & ~J_MASK) >>> 0, bytes: undecided },
    };
  }

  /** Where this thread's slot begins. */
  get slotAt(): number {
    return this.#slot(this.ownerId & 0xff);
  }

  /** Where calls of this thread read from and write to what is more than a number, as an index of 32-bit words. */
  get outAt(): number {
    return (this.slotAt + S_OUT) >>> 2;
  }

  /** Reads what the last check or recover of this owner wrote. */
  #out(): (index: number) => number {
    const at = this.outAt;
    return (index) => (this.i32[at + index] ?? 0) >>> 0;
  }

  /** The claim of the Block that this thread allocated last. */
  lastClaim(): { low: number; high: number } {
    const at = (this.slotAt + S_CLAIM) >>> 2;
    return { low: this.i32[at] ?? 0, high: this.i32[at + 1] ?? 0 };
  }

  /** Whether a claim's high half says that the Block belongs to the region. */
  isShared(claimHigh: number): boolean {
    return claimHigh >>> (CLAIM_STATE_SHIFT - 32) === CLAIM_SHARED;
  }

  /** The whole region as another type of numbers. */
  whole<T>(View: new (buffer: ArrayBufferLike) => T): T {
    return new View(this.memory.buffer);
  }

  view(offset: number, bytes: number): Uint8Array<ArrayBufferLike> {
    return new Uint8Array(this.memory.buffer, offset, bytes);
  }

  /** The block sizes there are, ascending. */
  classSizes(): number[] {
    return Array.from({ length: CLASS_COUNT }, (_, c) => this.#word(CLASSES + ((c + 1) << CLASS_ENTRY_SHIFT) + C_SIZE));
  }

  /** Walks every invariant. Returns a status instead when the page lock was not to be had. */
  survey(): Survey | number {
    const status = this.exports.check();
    if (status !== 0) return status;
    const out = this.#out();
    const count = Math.min(out(OUT_PROBLEMS), OUT_LIST_MAX);
    return {
      problems: Array.from({ length: count }, (_, i) => problemText(out(OUT_LIST + 2 * i), out(OUT_LIST + 2 * i + 1))),
      quiet: out(OUT_QUIET) === 1,
      usedBytes: out(OUT_USED),
      freeBytes: out(OUT_FREE),
      overheadBytes: out(OUT_OVERHEAD),
      largestFreeBytes: out(OUT_LARGEST),
      freeRuns: out(OUT_FREE_RUNS),
      slabs: out(OUT_SLABS),
      runs: out(OUT_RUNS),
      blocks: out(OUT_BLOCKS),
    };
  }
}
