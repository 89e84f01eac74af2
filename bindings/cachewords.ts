// Cache words: what a cache's words in the region say of it, to whoever uses it: limits, counters, namespaces, what an entry costs. Writes nothing.

import {
  AGES,
  E_TEXT,
  K_AGES,
  K_BUCKETS,
  K_BUDGET,
  K_BUDGET_STATE,
  K_BYTES,
  K_CONFIG,
  K_FAVOUR,
  K_GONE,
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
  REFUSED_REASONS,
  SPACE_BYTES,
  U_HITS,
  U_MISSES,
  USER_BYTES,
  SLOT_MAX,
  PAGE_ROOM,
} from "../assembly/shared/caches.js";
import type { Node } from "./budgets.js";
import type { Core } from "./core.js";

export const CONFIG_WORDS = 16;

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

  protected constructor(core: Core, at: number) {
    this.core = core;
    this.at = at;
  }

  protected word(offset: number): number {
    return Atomics.load(this.core.i32, (this.at + offset) >>> 2) >>> 0;
  }

  protected words(offset: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.word(offset + 4 * i));
  }

  get config(): number[] {
    return this.words(K_CONFIG, CONFIG_WORDS);
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
   * 8, so it may be one of two lengths: the answer is for whichever takes more.
   */
  costOf(bytes: number): { slot: number; pages: number } {
    const least = this.#costOf(E_TEXT + bytes);
    const most = this.#costOf(E_TEXT + bytes + 7);
    return { slot: Math.max(least.slot, most.slot), pages: Math.max(least.pages, most.pages) };
  }

  #costOf(need: number): { slot: number; pages: number } {
    if (need > SLOT_MAX) {
      const pages = Math.ceil((need + PAGE_HEADER) / 1024) * 1024;
      return { slot: pages - PAGE_HEADER, pages };
    }
    const slots = Math.min(Math.floor(PAGE_ROOM / ((need + 15) & ~15)), PAGE_SLOTS_MAX);
    const isRoom = this.word(K_ROOM + 4 * slots) !== 0 || this.word(K_SPARE) !== 0;
    return { slot: Math.floor(PAGE_ROOM / slots) & ~15, pages: isRoom ? 0 : PAGE_BYTES };
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
