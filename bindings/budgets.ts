// Budgets: the core's budget tree as numbers in and numbers out. Knows where names, nodes and records stand, so that they are read
// without a wasm call. What it reads of other threads' doing is as it was at some instant of the read.

import {
  B_BYPASS,
  B_DEPTH,
  B_ITEMS,
  B_ITEMS_MAX,
  B_LEVEL,
  B_LIMIT,
  B_MIN,
  B_NAME,
  B_PARENT,
  B_PEAK,
  B_PRIORITY,
  B_QUEUE,
  B_REFUSED,
  B_SOFT,
  B_STATE,
  B_USED,
  B_WANTED,
  BUDGET_FREE,
  BUDGET_LEVELS,
  CHUNK_COUNT,
  CHUNK_HEADER,
  CHUNK_NEXT,
  CLOSED_BYTES,
  CLOSED_COUNT,
  H_NODES,
  H_RECORDS,
  LEVELS_ENTRIES,
  LEVELS_GAP,
  H_NAMES_GONE,
  N_LENGTH,
  N_TEXT,
  NODE_BYTES,
  OPEN_BYPASS,
  OPEN_ITEMS_MAX,
  OPEN_LIMIT,
  OPEN_MIN,
  OPEN_PRIORITY,
  OPEN_SOFT,
  OPENED_BEFORE,
  OPENED_STATE,
  RESERVATION_BYTES,
  S_CLAIM,
  S_CROSSED,
  S_REASON,
  S_REFUSER,
  V_BUDGET,
  V_BYTES,
  V_NEXT,
  V_PASSED,
  V_TAG,
} from "../assembly/shared/layout.js";
import { NAME_BYTES_MAX } from "../assembly/shared/limits.js";
import type { Core } from "./core.js";
import { NOT_ATTACHED } from "./status.js";
import { fromUtf8, toUtf8 } from "./utf8.js";
import { isWaiting } from "./wake.js";

export { NAME_BYTES_MAX };

/** The fields of a budget that `number` reads. */
export const LIMIT = B_LIMIT;
export const USED = B_USED;
export const PEAK = B_PEAK;
export const MIN = B_MIN;

/** A budget: where it stands, and the state word that tells this life of the place from later ones. 0: none. */
export interface Node {
  readonly at: number;
  readonly state: number;
}

/** No budget. */
export const NO_NODE: Node = { at: 0, state: 0 };

/** What a budget is made with; limits are bytes, Infinity for none. */
export interface Limits {
  readonly limit: number;
  readonly min: number;
  /** Bytes, or a share of whatever the limit is. */
  readonly soft: number | { readonly share: number };
  readonly items: number;
  readonly priority: number;
  readonly bypass: number;
}

/** What reservations of one tag hold. */
export interface Held {
  tag: string;
  bytes: number;
  count: number;
}

const TWO_32 = 2 ** 32;
/** What the core takes for "no limit": 2^63 − 1. */
const NO_LIMIT_HIGH = 0x7fffffff;
const NO_LIMIT_LEAST = 2 ** 62;
const ITEMS_MAX = 0xffffffff;
// A soft limit that is a share stands as a 64-bit float, whose high half is above that of all bytes, and below that of "no limit".
const BYTES_HIGH_MAX = 0x1fffff;
const QUEUE_READ_MAX = 100_000;

export class Budgets {
  readonly core: Core;
  /** Where the claim of what was reserved last stands, as an index of 32-bit words. */
  readonly claimAt: number;
  /** Where the core says that a charge of this thread changed a level, likewise; whoever has looked sets it to 0. */
  readonly crossedAt: number;
  /** Where the core says why the last call of this thread was refused, likewise; another's once this thread has left. */
  readonly reasonAt: number;
  readonly #claims: BigUint64Array<ArrayBufferLike>;
  readonly #floats: Float64Array<ArrayBufferLike>;
  readonly #out: number;
  readonly #refuser: number;
  /** The numbers of texts that are kept, and the texts of numbers; those may be others' once names have gone. */
  readonly #numbers = new Map<string, number>();
  readonly #texts = new Map<number, string>();
  #gone = 0;

  constructor(core: Core) {
    this.core = core;
    this.#claims = core.whole(BigUint64Array);
    this.#floats = core.whole(Float64Array);
    const slot = core.slotAt;
    this.claimAt = (slot + S_CLAIM) >>> 2;
    this.crossedAt = (slot + S_CROSSED) >>> 2;
    this.reasonAt = (slot + S_REASON) >>> 2;
    this.#out = core.outAt;
    this.#refuser = (slot + S_REFUSER) >>> 2;
  }

  #word(at: number): number {
    return (this.core.i32[at >>> 2] ?? 0) >>> 0;
  }

  #long(at: number): number {
    return this.#word(at + 4) * TWO_32 + this.#word(at);
  }

  /** Whether the owner slot is this attachment's: after its close it is another's, where nothing may be written. */
  get #isAttached(): boolean {
    return this.core.exports.reason() !== NOT_ATTACHED;
  }

  /** The number of a text that is kept and that this thread has asked for before. */
  known(text: string): number | undefined {
    return this.#numbers.get(text);
  }

  /**
   * The number that all threads know this text by, of at most NAME_BYTES_MAX bytes in UTF-8; 0: `reason()` says why there is none. It stands for
   * that as long as a budget or a ring is called so, and until this thread asks for another; for ever if it `isKept`.
   */
  numberOf(text: string, isKept: boolean): number {
    const bytes = toUtf8(text);
    if (!this.#isAttached) return 0;
    this.core.u8.set(bytes, this.#out << 2);
    const number = this.core.exports.intern(bytes.length, +isKept) >>> 0;
    if (number !== 0 && isKept) this.#numbers.set(text, number);
    return number;
  }

  textOf(number: number): string {
    if (number === 0) return "";
    const gone = this.#word(H_NAMES_GONE);
    if (gone !== this.#gone) this.#texts.clear();
    this.#gone = gone;
    let text = this.#texts.get(number);
    if (text === undefined) {
      // A decoder does not take shared memory everywhere.
      const length = this.#word(number + N_LENGTH);
      text = fromUtf8(this.core.u8.slice(number + N_TEXT, number + N_TEXT + length));
      // Without a length it is nobody's, or not yet.
      if (length !== 0) this.#texts.set(number, text);
    }
    return text;
  }

  #put(word: number, value: number): void {
    const isNone = value === Number.POSITIVE_INFINITY;
    this.core.i32[this.#out + word] = isNone ? -1 : (value % TWO_32) | 0;
    this.core.i32[this.#out + word + 1] = isNone ? NO_LIMIT_HIGH : Math.floor(value / TWO_32);
  }

  /** The open budget of this name below `parent`, or a new one; undefined: `reason()` says why there is none. */
  open(parent: Node, name: number, limits: Limits): { node: Node; wasOpen: boolean } | undefined {
    if (!this.#isAttached) return undefined;
    this.#put(OPEN_LIMIT, limits.limit);
    this.#put(OPEN_MIN, limits.min);
    if (typeof limits.soft === "number") this.#put(OPEN_SOFT, limits.soft);
    else this.#floats[(this.#out + OPEN_SOFT) / 2] = limits.soft.share;
    this.core.i32[this.#out + OPEN_ITEMS_MAX] = Math.min(limits.items, ITEMS_MAX) | 0;
    this.core.i32[this.#out + OPEN_PRIORITY] = limits.priority;
    this.core.i32[this.#out + OPEN_BYPASS] = limits.bypass | 0;
    const at = this.core.exports.openBudget(parent.at, parent.state, name) >>> 0;
    if (at === 0) return undefined;
    const state = this.#word((this.#out + OPENED_STATE) << 2);
    return { node: { at, state }, wasOpen: this.#word((this.#out + OPENED_BEFORE) << 2) === 1 };
  }

  /** Says where the levels of a budget are entered, up to four, ascending, and how far below they are left: shares of its limit. */
  setLevels({ at, state }: Node, entries: readonly number[], gap: number): boolean {
    if (!this.#isAttached) return false;
    for (let i = 0; i < BUDGET_LEVELS; i++)
      this.#floats[(this.#out + LEVELS_ENTRIES) / 2 + i] = entries[i] ?? Number.POSITIVE_INFINITY;
    this.#floats[(this.#out + LEVELS_GAP) / 2] = gap;
    return this.core.exports.setBudgetLevels(at, state) !== 0;
  }

  level(at: number): number {
    return Atomics.load(this.core.i32, (at + B_LEVEL) >>> 2);
  }

  /** Closes a budget: the core's status, and what it had to give back. */
  close({ at, state }: Node): { status: number; count: number; bytes: number } {
    const status = this.core.exports.closeBudget(at, state);
    return {
      status,
      count: this.#word((this.#out + CLOSED_COUNT) << 2),
      bytes: this.#long((this.#out + CLOSED_BYTES) << 2),
    };
  }

  /** Whether somebody was asked already to give back bytes of the budget that had no room for the last request, and has not answered. */
  get isCalled(): boolean {
    const at = this.#word(this.#refuser << 2);
    return at === 0 || this.#long(at + B_WANTED) !== 0;
  }

  /** The budget that had no room for the last request; 0: none. */
  get refuser(): Node {
    return this.#node(this.#word(this.#refuser << 2));
  }

  isOpen({ at, state }: Node): boolean {
    return Atomics.load(this.core.i32, (at + B_STATE) >>> 2) >>> 0 === state;
  }

  /** A 64-bit field, whole; Infinity for a limit that is none. */
  number(at: number, field: number): number {
    const value = this.core.exports.budgetNumber(at, field);
    return value >= NO_LIMIT_LEAST ? Number.POSITIVE_INFINITY : value;
  }

  /** Where a budget begins to be full: bytes, Infinity for nowhere. */
  soft(at: number): number {
    const high = this.#word(at + B_SOFT + 4);
    if (high <= BYTES_HIGH_MAX || high === NO_LIMIT_HIGH) return this.number(at, B_SOFT);
    return Math.floor(this.number(at, LIMIT) * (this.#floats[(at + B_SOFT) / 8] as number));
  }

  items(at: number): number {
    return this.#word(at + B_ITEMS);
  }

  itemsMax(at: number): number {
    const most = this.#word(at + B_ITEMS_MAX);
    return most === ITEMS_MAX ? Number.POSITIVE_INFINITY : most;
  }

  refused(at: number): number {
    return this.#word(at + B_REFUSED);
  }

  priority(at: number): number {
    return this.#word(at + B_PRIORITY) | 0;
  }

  depth(at: number): number {
    return this.#word(at + B_DEPTH);
  }

  parent(at: number): Node {
    return this.#node(this.#word(at + B_PARENT));
  }

  /** The largest request that the budget would grant this instant, as far as bytes go; of none, Infinity. O(depth). */
  available(at: number): number {
    let least = Number.POSITIVE_INFINITY;
    // What is below a budget's minimum costs its parents nothing.
    let free = 0;
    for (let node = at; node !== 0; node = this.parent(node).at) {
      const used = this.number(node, B_USED);
      least = Math.min(least, free + Math.max(0, this.number(node, B_LIMIT) - used));
      free += Math.max(0, this.number(node, B_MIN) - used);
    }
    return least;
  }

  #node(at: number): Node {
    return { at, state: at === 0 ? 0 : this.#word(at + B_STATE) };
  }

  /** The budget that the live block at `offset` is charged to. */
  chargedFor(offset: number): Node {
    return this.#node(this.core.exports.budgetAt(offset) >>> 0);
  }

  name(at: number): string {
    return this.textOf(this.#word(at + B_NAME));
  }

  /** Names from the root down, joined by `/`. */
  path(at: number): string {
    const names: string[] = [];
    for (let node = at; node !== 0; node = this.parent(node).at) names.unshift(this.name(node));
    return names.join("/");
  }

  /** The budgets directly below `at` that are open, or that somebody began to close. O(budgets). */
  children(at: number): Node[] {
    const found: Node[] = [];
    for (const node of this.#elements(H_NODES, NODE_BYTES)) {
      const state = this.#word(node + B_STATE);
      if ((state & 3) !== BUDGET_FREE && this.#word(node + B_PARENT) === at) found.push({ at: node, state });
    }
    return found;
  }

  /** Whether `above` is this budget, or stands above it. */
  isBelow(node: number, above: number): boolean {
    for (let at = node; at !== 0; at = this.#word(at + B_PARENT)) {
      if (at === above) return (this.#word(node + B_STATE) & 3) !== BUDGET_FREE;
    }
    return false;
  }

  /** Asks all threads to give back so many bytes of a budget; 0: enough were. */
  call({ at, state }: Node, bytes: number): void {
    this.core.exports.callForBytes(at, state, bytes);
  }

  /** Whether somebody waits for room in this budget whom nobody may pass. */
  isHeld(at: number): boolean {
    const first = this.#word(at + B_QUEUE);
    return first !== 0 && this.#word(first + V_PASSED) >= this.#word(at + B_BYPASS);
  }

  /** How many may be granted before one that waits first here. */
  bypass(at: number): number {
    return this.#word(at + B_BYPASS);
  }

  /** Bytes that are used here, and that those who wait here want. */
  demand(at: number): number {
    let bytes = this.number(at, B_USED);
    let record = this.#word(at + B_QUEUE);
    // Others change the queue while it is read.
    for (let left = QUEUE_READ_MAX; record !== 0 && left > 0; left--) {
      bytes += this.#long(record + V_BYTES);
      record = this.#word(record + V_NEXT);
    }
    return bytes;
  }

  /** Bytes that must go so that who waits in this budget, and whoever was refused there last, has room; 0: nobody wants any. */
  wanted(at: number): number {
    const missing = this.#word(at + B_QUEUE) === 0 ? 0 : this.demand(at) - this.number(at, B_LIMIT);
    return Math.max(0, missing, this.#long(at + B_WANTED));
  }

  /**
   * What is held in this budget and below it, largest first: reservations by tag, and the region's own memory, Blocks and raw blocks, as "(heap)".
   * O(reservations + budgets).
   */
  held(at: number): Held[] {
    const byTag = new Map<number, Held>();
    const heap: Held = { tag: "(heap)", bytes: this.number(at, B_USED), count: this.items(at) };
    for (const node of this.#elements(H_NODES, NODE_BYTES)) {
      if (node !== at && this.isBelow(node, at))
        heap.bytes -= Math.max(0, this.number(node, B_MIN) - this.number(node, B_USED));
    }
    for (const record of this.#elements(H_RECORDS, RESERVATION_BYTES)) {
      if (
        this.#long(record) === 0 ||
        isWaiting(this.#word(record + 4)) ||
        !this.isBelow(this.#word(record + V_BUDGET), at)
      )
        continue;
      const tag = this.#word(record + V_TAG);
      const sum = byTag.get(tag) ?? { tag: this.textOf(tag), bytes: 0, count: 0 };
      sum.bytes += this.#long(record + V_BYTES);
      sum.count++;
      byTag.set(tag, sum);
      heap.bytes -= this.#long(record + V_BYTES);
      heap.count--;
    }
    // What others take and give back while this is read is in it, or not.
    if (heap.bytes > 0) byTag.set(-1, { ...heap, count: Math.max(0, heap.count) });
    return [...byTag.values()].sort((one, two) => two.bytes - one.bytes);
  }

  /** The claim that a record holds, as two halves. */
  claim(record: number): [number, number] {
    const claim = Atomics.load(this.#claims, record >>> 3);
    return [Number(BigInt.asIntN(32, claim)), Number(BigInt.asIntN(32, claim >> 32n))];
  }

  /** What a reservation's record says. */
  reserved(record: number): { bytes: number; tag: string; node: number } {
    return {
      bytes: this.#long(record + V_BYTES),
      tag: this.textOf(this.#word(record + V_TAG)),
      node: this.#word(record + V_BUDGET),
    };
  }

  /** Whether a budget stands or stood at `at`, a number from outside. */
  isNode(at: number): boolean {
    for (const { first, count } of this.#chunks(H_NODES)) {
      const index = (at - first) / NODE_BYTES;
      if (Number.isInteger(index) && index >= 0 && index < count) return true;
    }
    return false;
  }

  *#elements(pool: number, bytes: number): Generator<number> {
    for (const { first, count } of this.#chunks(pool)) for (let i = 0; i < count; i++) yield first + i * bytes;
  }

  *#chunks(pool: number): Generator<{ first: number; count: number }> {
    for (let chunk = this.#word(pool + 4); chunk !== 0; chunk = this.#word(chunk + CHUNK_NEXT))
      yield { first: chunk + CHUNK_HEADER, count: this.#word(chunk + CHUNK_COUNT) };
  }
}
