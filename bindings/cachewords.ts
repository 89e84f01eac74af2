// Cache words: what a cache's words in the region say of it, to whoever uses it: limits, counters, namespaces, what an entry costs. Writes nothing.

import {
  AGES,
  CACHE_CONTROL_BYTES,
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
  K_SPACE_COUNT,
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
/** Of a table that is as small as one is: addresses, buckets, and where those go on. */
const TABLE_PAGES = 3;
/** The last word that means something to the bindings only. */
const TUNED = CONFIG_WORDS - 1;
/** What can be changed of a cache that is open: its limits and its policy, and the limits of its namespaces. */
export const TUNED_CACHE = 1;
export const TUNED_SPACES = 2;

/** One way to lay an entry: bytes of pages that are not there yet, and the runs of the region that they are. */
export interface CacheWay {
  readonly bytes: number;
  readonly runs: readonly { readonly grains: number; readonly count: number }[];
}

const NO_PAGES: CacheWay = { bytes: 0, runs: [] };
const pagesOf = (count: number): CacheWay => ({
  bytes: count * PAGE_BYTES,
  runs: [{ grains: PAGE_BYTES / GRAIN_BYTES, count }],
});

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

  /** Whether these, TUNED_CACHE or TUNED_SPACES, were changed since it was opened. */
  isTuned(what: number): boolean {
    return (this.word(K_CONFIG + 4 * TUNED) & what) !== 0;
  }

  protected tuned(what: number): true {
    Atomics.or(this.core.i32, (this.at + K_CONFIG + 4 * TUNED) >>> 2, what);
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

  /** The fewest bytes with which it still holds something. */
  get leastBytes(): number {
    return Math.max(this.tableBytes + PAGE_BYTES, leastBytes(this.core, this.word(K_SPACE_COUNT) - 1));
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
   * What an entry of so many bytes of key and value takes: of its namespace, and in which ways it can be laid, the first that there is room for. The key,
   * `keyBytes` of them, is filled up to a multiple of 8; where it is not said how long it is, the answer is for what takes more.
   */
  costOf(bytes: number, keyBytes?: number): { slot: number; ways: readonly CacheWay[] } {
    if (keyBytes !== undefined) return this.#costOf(E_TEXT + bytes + (-keyBytes & 7), bytes - keyBytes, keyBytes);
    const least = this.#costOf(E_TEXT + bytes, bytes, KEY_FORESEEN);
    const most = this.#costOf(E_TEXT + bytes + 7, bytes, KEY_FORESEEN);
    const isMost = (most.ways[0] as CacheWay).bytes >= (least.ways[0] as CacheWay).bytes;
    return { slot: Math.max(least.slot, most.slot), ways: (isMost ? most : least).ways };
  }

  #costOf(need: number, valueBytes: number, keyBytes: number): { slot: number; ways: readonly CacheWay[] } {
    if (need <= SLOT_MAX) return { slot: slotBytes(need), ways: [this.#hasSlot(need) ? NO_PAGES : pagesOf(1)] };
    const grains = grainsFor(need);
    const count = Math.ceil(valueBytes / PAGE_BYTES);
    const head = E_TEXT + ((keyBytes + 7) & ~7) + 4 * count;
    const whole: CacheWay = { bytes: grains * GRAIN_BYTES, runs: [{ grains, count: 1 }] };
    return {
      slot: Math.max(grains * GRAIN_BYTES - PAGE_HEADER, slotBytes(head) + count * PAGE_BYTES),
      ways: [whole, this.#inPieces(head, count)],
    };
  }

  #inPieces(head: number, count: number): CacheWay {
    if (head <= SLOT_MAX) return pagesOf(count + (this.#hasSlot(head) ? 0 : 1));
    const grains = grainsFor(head);
    const all = pagesOf(count + Math.ceil((grains * GRAIN_BYTES) / PAGE_BYTES));
    return { bytes: count * PAGE_BYTES + grains * GRAIN_BYTES, runs: [...all.runs, { grains, count: 1 }] };
  }

  #hasSlot(need: number): boolean {
    return this.word(K_ROOM + 4 * slotsFor(need)) !== 0 || this.word(K_SPARE) !== 0;
  }

  /** Whether the limit and the region have room for that, and `otherBytes` are as many. What is kept empty can be given back for it. */
  hasRoom({ bytes, runs }: CacheWay, otherBytes: number): boolean {
    if (bytes === 0) return true;
    const held = this.heldBytes - (this.word(K_SPARE) === 0 ? 0 : PAGE_BYTES);
    if (held + bytes > this.word(K_MAX_BYTES) || bytes > otherBytes) return false;
    return runs.every(({ grains, count }) => this.core.exports.hasRuns(grains, count) === 1);
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

/** The fewest bytes of which a cache with so many namespaces holds anything: its books, a table and a page. */
export function leastBytes(core: Core, spaces: number): number {
  const books = CACHE_CONTROL_BYTES + (spaces + 1) * SPACE_BYTES + (core.maxOwners + 1) * (USER_BYTES + EAR_BYTES);
  return Math.ceil(books / GRAIN_BYTES) * GRAIN_BYTES + (TABLE_PAGES + 1) * PAGE_BYTES;
}

/** As the core's slotsFor and slotBytes (cachepage.ts), which no call crosses for: how many slots a page has for so many bytes, and bytes of one. */
function slotsFor(need: number): number {
  return Math.min(Math.floor(PAGE_ROOM / ((need + 15) & ~15)), PAGE_SLOTS_MAX);
}

function slotBytes(need: number): number {
  return need > SLOT_MAX ? grainsFor(need) * GRAIN_BYTES - PAGE_HEADER : Math.floor(PAGE_ROOM / slotsFor(need)) & ~15;
}

function grainsFor(need: number): number {
  return Math.ceil((need + PAGE_HEADER) / GRAIN_BYTES);
}
