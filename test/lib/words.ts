// The words of a region in which a death shows: the lock, an owner's journals and counters, a block's bit, record and head word.
// Lets a test write what a thread that died at one step of docs/protocols.md leaves behind.
import * as L from "../../assembly/shared/layout.js";
import type { Region } from "../../src/index.js";

export class Words {
  readonly #i32: Int32Array<ArrayBufferLike>;
  readonly #u64: BigUint64Array<ArrayBufferLike>;

  constructor({ heap }: Region) {
    this.#i32 = heap.i32;
    this.#u64 = new BigUint64Array(heap.u8.buffer);
  }

  #get(at: number): number {
    return Atomics.load(this.#i32, at >>> 2) >>> 0;
  }

  #put(at: number, value: number): void {
    Atomics.store(this.#i32, at >>> 2, value);
  }

  #slot(ownerId: number): number {
    return L.SLOTS + (ownerId & 0xff) * L.SLOT_BYTES;
  }

  /** The owner that holds the page lock; 0: nobody. */
  get lock(): number {
    return this.#get(L.H_LOCK);
  }

  set lock(ownerId: number) {
    this.#put(L.H_LOCK, ownerId);
  }

  /** Whether an owner is marked dead and not recovered. */
  isDead(ownerId: number): boolean {
    return this.#get(this.#slot(ownerId) + L.S_STATE) === (((ownerId >>> 8) << 2) | L.OWNER_DEAD);
  }

  /** The block that an owner is taking, with the journal's marks; 0: none. */
  taking(ownerId: number): number {
    return this.#get(this.#slot(ownerId) + L.S_ALLOC_JOURNAL);
  }

  /** The block that an owner is giving back, with the journal's marks; 0: none. */
  giving(ownerId: number): number {
    return this.#get(this.#slot(ownerId) + L.S_FREE_JOURNAL);
  }

  /** Writes that an owner is taking a block, and that `uncounted` of what it took is not counted yet. */
  take(ownerId: number, journal: number, uncounted = 0): void {
    const at = this.#slot(ownerId) + L.S_ALLOC;
    this.#put(at, this.#get(at) - uncounted);
    this.#put(this.#slot(ownerId) + L.S_ALLOC_JOURNAL, journal);
  }

  /** Writes that an owner is giving a block back, and that `uncounted` of what it gave back is not counted yet. */
  give(ownerId: number, journal: number, uncounted = 0): void {
    const at = this.#slot(ownerId) + L.S_FREE;
    this.#put(at, this.#get(at) - uncounted);
    this.#put(this.#slot(ownerId) + L.S_FREE_JOURNAL, journal);
    this.#put(this.#slot(ownerId) + L.S_FREE_BYTES, uncounted);
  }

  /** Writes how many bytes the Block has whose release was won. */
  wonBytes(ownerId: number, bytes: number): void {
    this.#put(this.#slot(ownerId) + L.S_FREE_BYTES, bytes);
  }

  /** The head word of the run, or of the grain of the slab, that `offset` lies in. */
  #head(offset: number): { at: number; word: number } {
    const at = this.#get(L.H_WORD) + (offset >>> L.GRAIN_SHIFT) * 4;
    return { at, word: this.#get(at) };
  }

  /** Makes a live run one that was given back and that nobody merged yet. */
  markFreed(offset: number): void {
    const { at, word } = this.#head(offset);
    this.#put(at, (word & ~L.T_MASK) | L.T_FREED);
  }

  /** Makes a run one that its taker has carved and not yet got. */
  markInFlight(offset: number): void {
    this.#put(this.#get(L.H_AUX) + (offset >>> L.GRAIN_SHIFT) * 4, L.AUX_IN_FLIGHT);
  }

  /** Whether the live block at `offset` is a Block, not a raw one. */
  isBlock(offset: number): boolean {
    const { word } = this.#head(offset);
    const shift = (word & L.T_MASK) === L.T_SLAB ? L.W_TAG_SHIFT : L.W_KIND_SHIFT;
    return ((word >>> shift) & 3) === L.KIND_BLOCK;
  }

  #slab(offset: number): { shape: number; start: number; index: number } | undefined {
    const { word } = this.#head(offset);
    if ((word & L.T_MASK) !== L.T_SLAB) return undefined;
    const head = (offset >>> L.GRAIN_SHIFT) - ((word >>> L.W_BACK_SHIFT) & 63);
    const tag = (word >>> L.W_TAG_SHIFT) & 0xff;
    const entry = L.CLASSES + ((tag >>> 2) << L.CLASS_ENTRY_SHIFT);
    const shape = (tag & 3) === L.KIND_BLOCK ? entry + L.CLASSES_RECORD : entry;
    const start = head << L.GRAIN_SHIFT;
    const index = Math.floor((offset - start) / this.#get(shape + L.C_SIZE));
    return { shape, start, index };
  }

  /** Where the claim of the Block at `offset` stands. */
  #record(offset: number): number {
    const slab = this.#slab(offset);
    if (slab === undefined) return (this.#get(L.H_BITS) + (offset >>> L.GRAIN_SHIFT) * 8) / 8;
    return (slab.start + this.#get(slab.shape + L.C_RECORDS) + slab.index * L.RECORD_BYTES) / 8;
  }

  /** The claim that holds the Block at `offset`. */
  claim(offset: number): bigint {
    return Atomics.load(this.#u64, this.#record(offset));
  }

  /** Whose the Block at `offset` is: an owner's index; 0: the region's. */
  holder(offset: number): number {
    const claim = this.claim(offset);
    return Number(claim >> BigInt(L.CLAIM_STATE_SHIFT)) === L.CLAIM_SHARED ? 0 : Number(claim & 0xffn);
  }

  setClaim(offset: number, claim: bigint): void {
    Atomics.store(this.#u64, this.#record(offset), claim);
  }
}
