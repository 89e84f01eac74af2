// Cache words: what a cache's words in the region say of it, to whoever uses it: limits, counters, namespaces, what an entry costs. Writes nothing.

import {
  AGES,
  CONFIG_WORDS,
  EAR_BYTES,
  EAR_MISSED,
  EAR_NAME,
  E_TEXT,
  K_AGES,
  K_BUCKETS,
  K_BUDGET,
  K_BUDGET_STATE,
  K_BYTES,
  K_CONFIG,
  K_FAVOUR,
  K_GONE,
  K_HEARING,
  K_HELD,
  K_ITEMS,
  K_MAX_BYTES,
  K_MAX_ITEMS,
  K_MAX_VALUES,
  K_MOVED,
  K_PEAK,
  K_POLICY,
  K_REFUSED,
  K_REPLACED,
  K_RETENTION,
  K_ROOM,
  K_SPARE,
  K_SETS,
  K_SPACES,
  K_TABLE,
  K_USERS,
  K_VALUES,
  N_BYTES,
  N_ITEMS,
  N_MAX_BYTES,
  N_MAX_ITEMS,
  PAGE_BYTES,
  PAGE_HEADER,
  PAGE_SLOTS_MAX,
  REFUSED_MEMORY,
  REFUSED_REASONS,
  SPACE_BYTES,
  U_HITS,
  U_MISSES,
  USER_BYTES,
  SLOT_MAX,
  PAGE_ROOM,
} from "../assembly/shared/caches.js";
import { GRAIN_BYTES } from "../assembly/shared/layout.js";
import type { Node } from "./budgets.js";
import type { Core } from "./core.js";

const KEY_FORESEEN = 256;
/** The last word that means something to the bindings only. */
const TUNED = CONFIG_WORDS - 1;

export interface CacheNumbers {
  readonly items: number;
  readonly bytes: number;
  readonly valueBytes: number;
  readonly heldBytes: number;
  readonly peakBytes: number;
  readonly tableBytes: number;
  readonly sets: number;
  readonly replaced: number;
  readonly moved: number;
  readonly gone: readonly number[];
  readonly refused: readonly number[];
  readonly ages: readonly number[];
  readonly hits: number;
  readonly misses: number;
}

export class CacheWords {
  protected readonly core: Core;
  protected readonly at: number;
  /** Words with a bit for each of 32 owner indexes from `first` on, and which of those bits are not this owner's. */
  readonly #hearing: { readonly first: number; readonly at: number; readonly mask: number }[] = [];

  protected constructor(core: Core, at: number) {
    this.core = core;
    this.at = at;
    const own = core.ownerId & 0xff;
    for (let first = 0; first <= core.maxOwners; first += 32) {
      const mask = own >>> 5 === first >>> 5 ? ~(1 << (own & 31)) : -1;
      this.#hearing.push({ first, at: (at + K_HEARING + (first >>> 3)) >>> 2, mask });
    }
  }

  /** What was refused for want of memory last is tried again: it does not count as refused. */
  notRefused(): void {
    Atomics.sub(this.core.i32, (this.at + K_REFUSED + 4 * REFUSED_MEMORY) >>> 2, 1);
  }

  /** A log of what leads here shows no memory. */
  toJSON(): undefined {}

  protected word(offset: number): number {
    return Atomics.load(this.core.i32, (this.at + offset) >>> 2) >>> 0;
  }

  protected words(offset: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.word(offset + 4 * i));
  }

  get config(): number[] {
    return this.words(K_CONFIG, CONFIG_WORDS);
  }

  /** Whether any owner but this one hears of evictions. One look where there are up to 31 owners. */
  get isHeard(): boolean {
    const { i32 } = this.core;
    for (const { at, mask } of this.#hearing) if (((i32[at] as number) & mask) !== 0) return true;
    return false;
  }

  /** The owner indexes, but this owner's, that hear of evictions. */
  get hearers(): number[] {
    const found: number[] = [];
    for (const { first, at, mask } of this.#hearing)
      for (let bits = Atomics.load(this.core.i32, at) & mask; bits !== 0; bits &= bits - 1)
        found.push(first + 31 - Math.clz32(bits & -bits));
    return found;
  }

  #ear(index: number): number {
    const { maxOwners } = this.core;
    return this.word(K_USERS) + (maxOwners + 1) * USER_BYTES + index * EAR_BYTES - this.at;
  }

  /** The name of the ring by which the owner at this index hears; 0: it does not. */
  earOf(index: number): number {
    return this.word(this.#ear(index) + EAR_NAME);
  }

  /** Counts one eviction that could not be told to the owner at this index. */
  noteMissed(index: number): void {
    Atomics.add(this.core.i32, (this.at + this.#ear(index) + EAR_MISSED) >>> 2, 1);
  }

  /** How many evictions could not be told to this owner. */
  get missed(): number {
    return this.word(this.#ear(this.core.ownerId & 0xff) + EAR_MISSED);
  }

  /** Whether limits or policy were changed since it was opened. */
  get isTuned(): boolean {
    return this.word(K_CONFIG + 4 * TUNED) !== 0;
  }

  protected tuned(): true {
    Atomics.store(this.core.i32, (this.at + K_CONFIG + 4 * TUNED) >>> 2, 1);
    return true;
  }

  get policy(): number {
    return this.word(K_POLICY);
  }

  get favour(): number {
    return this.word(K_FAVOUR);
  }

  /** In tenths of a second. */
  get retention(): number {
    return this.word(K_RETENTION);
  }

  /** The budget that it is charged to. */
  get node(): Node {
    return { at: this.word(K_BUDGET), state: this.word(K_BUDGET_STATE) };
  }

  get items(): number {
    return this.word(K_ITEMS);
  }

  get limits(): { maxBytes: number; maxValues: number; maxItems: number } {
    return {
      maxBytes: this.word(K_MAX_BYTES),
      maxValues: this.word(K_MAX_VALUES),
      maxItems: this.word(K_MAX_ITEMS),
    };
  }

  get heldBytes(): number {
    return this.word(K_HELD);
  }

  get tableBytes(): number {
    return this.word(K_TABLE);
  }

  space(index: number): { items: number; bytes: number; maxItems: number; maxBytes: number } {
    const at = this.word(K_SPACES) - this.at + index * SPACE_BYTES;
    return {
      items: this.word(at + N_ITEMS),
      bytes: this.word(at + N_BYTES),
      maxItems: this.word(at + N_MAX_ITEMS),
      maxBytes: this.word(at + N_MAX_BYTES),
    };
  }

  get buckets(): number {
    return this.word(K_BUCKETS);
  }

  /**
   * What an entry of so many bytes of key and value takes: of its slot, and of pages that are not there yet. The key is filled up to a multiple of
   * 8, so it may be one of two lengths: the answer is for whichever takes more. A long value
   * may be in pieces, for which its namespace must have room, with a key of up to 256 bytes.
   */
  costOf(bytes: number): { slot: number; pages: number } {
    const least = this.#costOf(E_TEXT + bytes);
    const most = this.#costOf(E_TEXT + bytes + 7);
    return { slot: Math.max(least.slot, most.slot), pages: Math.max(least.pages, most.pages) };
  }

  #costOf(need: number): { slot: number; pages: number } {
    if (need > SLOT_MAX) return this.#costOfLong(need);
    const slots = Math.min(Math.floor(PAGE_ROOM / ((need + 15) & ~15)), PAGE_SLOTS_MAX);
    const isRoom = this.word(K_ROOM + 4 * slots) !== 0 || this.word(K_SPARE) !== 0;
    return { slot: Math.floor(PAGE_ROOM / slots) & ~15, pages: isRoom ? 0 : PAGE_BYTES };
  }

  #costOfLong(need: number): { slot: number; pages: number } {
    const run = Math.ceil((need + PAGE_HEADER) / GRAIN_BYTES) * GRAIN_BYTES;
    const count = Math.ceil((need - E_TEXT) / PAGE_BYTES);
    const headNeed = E_TEXT + KEY_FORESEEN + 4 * count;
    const head =
      headNeed > SLOT_MAX
        ? Math.ceil((headNeed + PAGE_HEADER) / GRAIN_BYTES) * GRAIN_BYTES - PAGE_HEADER
        : this.#costOf(headNeed).slot;
    return { slot: Math.max(run - PAGE_HEADER, head + count * PAGE_BYTES), pages: run };
  }

  numbers(): CacheNumbers {
    let hits = 0;
    let misses = 0;
    const users = this.word(K_USERS) - this.at;
    for (let index = 1; index <= this.core.maxOwners; index++) {
      hits += this.word(users + index * USER_BYTES + U_HITS);
      misses += this.word(users + index * USER_BYTES + U_MISSES);
    }
    return {
      items: this.items,
      bytes: this.word(K_BYTES),
      valueBytes: this.word(K_VALUES),
      heldBytes: this.heldBytes,
      peakBytes: this.word(K_PEAK),
      tableBytes: this.tableBytes,
      sets: this.word(K_SETS),
      replaced: this.word(K_REPLACED),
      moved: this.word(K_MOVED),
      gone: this.words(K_GONE, 5),
      refused: this.words(K_REFUSED, REFUSED_REASONS),
      ages: this.words(K_AGES, AGES),
      hits,
      misses,
    };
  }
}
