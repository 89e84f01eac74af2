// Caches: one cache as numbers in and numbers out. What a lookup found is copied straight out of the region; then the core says whether it was there
// all the time, else the copy is made again.

import {
  CACHE_BEFORE,
  CACHE_BUDGET,
  CACHE_BUDGET_STATE,
  CACHE_CONFIG,
  CACHE_FAVOUR,
  CACHE_MAX_BYTES,
  CACHE_MAX_ITEMS,
  CACHE_MAX_VALUES,
  CACHE_MEASURE,
  CACHE_POLICY,
  CACHE_RETENTION,
  CACHE_SEED,
  CACHE_SPACES,
  CANDIDATE_AGE,
  CANDIDATE_BYTES,
  CANDIDATE_FREQUENCY,
  CANDIDATE_HEADER,
  CANDIDATE_PRIORITY,
  E_TAG,
  E_TEXT,
  E_KEY,
  E_VALUE_LENGTH,
  K_USERS,
  KEYS_EXPIRES,
  KEYS_HEADER,
  U_ENTRY,
  U_EXPIRES,
  U_LENGTH,
  U_SHOWN,
  U_TAG,
  U_VALUE,
  U_WHY,
  USER_BYTES,
  ABOUT_LOOKS,
  ABOUT_GOES_ON,
  ABOUT_ASKS,
} from "../assembly/shared/caches.js";
import { BUSY, CACHE_ASKED, CACHE_SHOWN, OK } from "../assembly/shared/status.js";
import type { Node } from "./budgets.js";
import { type CacheKey, KEY_BYTES_MAX, KeyDesk } from "./cachekeys.js";
import { CacheWords } from "./cachewords.js";
import type { Core } from "./core.js";

export { type CacheKey, KEY_BYTES_MAX } from "./cachekeys.js";
export { CONFIG_WORDS } from "./cachewords.js";
export { MEASURE_BYTES, MEASURE_ITEMS, MEASURE_VALUES, PAGE_BYTES, PINS_MAX } from "../assembly/shared/caches.js";

/** Stands for "no limit". */
export const NO_LIMIT = 0xffffffff;

/** How a cache is made. */
export interface CachePlan {
  readonly maxBytes: number;
  readonly maxValues: number;
  readonly maxItems: number;
  readonly policy: number;
  readonly measure: number;
  readonly favour: number;
  /** In tenths of a second. */
  readonly retention: number;
  readonly spaces: number;
  readonly seed: readonly number[];
  readonly config: readonly number[];
  readonly node: Node;
}

/** What is said of a value that is put in. */
export interface CacheNote {
  readonly space: number;
  readonly priority: number;
  readonly tag: number;
  /** In milliseconds; 0: never. */
  readonly expires: number;
}

/** What was evicted, with its bytes. */
export interface GoneEntry {
  readonly key: CacheKey;
  readonly value: Uint8Array;
  readonly tag: number;
  readonly isExpired: boolean;
}

export interface Candidate {
  readonly key: CacheKey;
  readonly bytes: number;
  readonly ageMs: number;
  readonly priority: number;
  readonly frequency: number;
}

/** What this thread's ports of one cache share: it is left with the last of them, and from then on its memory may be another's. */
interface Seat {
  ports: number;
  isLeft: boolean;
}
const seats = new WeakMap<Core, Map<number, Seat>>();

function seatAt(core: Core, at: number): Seat {
  let known = seats.get(core);
  if (known === undefined) seats.set(core, (known = new Map()));
  let seat = known.get(at);
  if (seat === undefined) known.set(at, (seat = { ports: 0, isLeft: false }));
  seat.ports++;
  return seat;
}

// Values up to here are copied by the core from behind the key; longer ones are written straight to their slot.
const STAGED_MAX = 4096;

export class CachePort extends CacheWords {
  readonly #desk: KeyDesk;
  /** Word index of what this owner notes of the cache. */
  readonly #user: number;
  readonly #u8: Uint8Array;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #stage: number;
  readonly #seat: Seat;
  readonly wasThere: boolean;

  private constructor(core: Core, at: number, desk: KeyDesk, wasThere: boolean) {
    super(core, at);
    this.#desk = desk;
    this.#stage = desk.at;
    this.#u8 = core.u8;
    this.#i32 = core.i32;
    this.#f64 = core.whole(Float64Array);
    this.#user = (this.word(K_USERS) + (core.ownerId & 0xff) * USER_BYTES) >>> 2;
    this.#seat = seatAt(core, at);
    this.wasThere = wasThere;
  }

  /** Whether this thread has left the cache. */
  get isLeft(): boolean {
    return this.#seat.isLeft;
  }

  /** The cache of this name, or a new one; or why there is none. */
  static open(core: Core, name: number, plan: CachePlan): CachePort | number {
    const desk = KeyDesk.open(core, STAGED_MAX);
    if (typeof desk === "number") return desk;
    const out = core.outAt;
    const words = core.i32;
    words[out + CACHE_MAX_BYTES] = plan.maxBytes;
    words[out + CACHE_MAX_VALUES] = plan.maxValues;
    words[out + CACHE_MAX_ITEMS] = plan.maxItems;
    words[out + CACHE_POLICY] = plan.policy;
    words[out + CACHE_MEASURE] = plan.measure;
    words[out + CACHE_FAVOUR] = plan.favour;
    words[out + CACHE_RETENTION] = plan.retention;
    words[out + CACHE_SPACES] = plan.spaces;
    words[out + CACHE_BUDGET] = plan.node.at;
    words[out + CACHE_BUDGET_STATE] = plan.node.state;
    words.set(plan.seed, out + CACHE_SEED);
    words.set(plan.config, out + CACHE_CONFIG);
    const at = core.exports.openCache(name) >>> 0;
    if (at !== 0) return new CachePort(core, at, desk, words[out + CACHE_BEFORE] === 1);
    const why = core.exports.reason();
    desk.close();
    return why;
  }

  /** Looks the key up; where its value lies, 0: nowhere, −1: it is longer than a key may be. */
  #look(key: CacheKey, isPeek: number, now: () => number): number {
    const word = this.#desk.write(key);
    if (word < 0) return -1;
    const at = this.core.exports.cacheGet(this.at, this.#stage, word, isPeek) >>> 0;
    if (at === 0 || !this.#isMortal) return at;
    const time = now();
    if (this.#expires > time) return at;
    if (isPeek === 0) this.core.exports.cacheMissed(this.at);
    this.core.exports.cacheExpire(this.at, this.#stage, word, time);
    return 0;
  }

  get #isMortal(): boolean {
    const at = this.#user + (U_EXPIRES >>> 2);
    return ((this.#i32[at] as number) | (this.#i32[at + 1] as number)) !== 0;
  }

  get #expires(): number {
    return this.#f64[(this.#user + (U_EXPIRES >>> 2)) >>> 1] as number;
  }

  /** What is said of the value that the last lookup found. */
  get tag(): number {
    return this.#i32[this.#user + (U_TAG >>> 2)] as number;
  }

  get #length(): number {
    return (this.#i32[this.#user + (U_LENGTH >>> 2)] as number) >>> 0;
  }

  has(key: CacheKey, now: () => number): boolean {
    return this.#look(key, 1, now) > 0;
  }

  /** A copy of the value; undefined: there is none. */
  get(key: CacheKey, isPeek: number, now: () => number): Uint8Array<ArrayBuffer> | undefined {
    for (let peek = isPeek; ; peek = 1) {
      const at = this.#look(key, peek, now);
      if (at <= 0) return undefined;
      const copy = this.#u8.slice(at, at + this.#length);
      if (this.core.exports.cacheStill(this.at) !== 0) return copy;
    }
  }

  /** Copies the value to `target`; its length, more than `target` has: nothing was copied; −1: there is none. */
  getInto(key: CacheKey, target: Uint8Array, offset: number, now: () => number): number {
    for (let peek = 0; ; peek = 1) {
      const at = this.#look(key, peek, now);
      if (at <= 0) return -1;
      const length = this.#length;
      if (length > target.length - offset) return length;
      copyTo(target, offset, this.#u8, at, length);
      if (this.core.exports.cacheStill(this.at) !== 0) return length;
    }
  }

  /** Pins the value; its entry, 0: there is none, −1: as many are pinned as may be. */
  pin(key: CacheKey, now: () => number): number {
    const word = this.#desk.write(key);
    if (word < 0) return 0;
    const at = this.core.exports.cachePin(this.at, this.#stage, word, 0) >>> 0;
    const entry = (this.#i32[this.#user + (U_ENTRY >>> 2)] as number) >>> 0;
    if (at === 0) return entry === 0 ? 0 : -1;
    if (!this.#isMortal || this.#expires > now()) return entry;
    this.unpin(entry);
    this.core.exports.cacheMissed(this.at);
    this.core.exports.cacheExpire(this.at, this.#stage, word, now());
    return 0;
  }

  unpin(entry: number): boolean {
    return !this.#seat.isLeft && this.core.exports.cacheUnpin(this.at, entry) === 1;
  }

  /** The value of the pinned entry, where it lies. */
  viewOf(entry: number): Uint8Array {
    const key = (this.#i32[(entry + E_KEY) >>> 2] as number) & KEY_BYTES_MAX;
    const at = entry + E_TEXT + ((key + 7) & ~7);
    return this.#u8.subarray(at, at + ((this.#i32[(entry + E_VALUE_LENGTH) >>> 2] as number) >>> 0));
  }

  /**
   * Puts a value in; what goes for it is told to `gone`, and `ask` says what is to go, if they are there. OK, or why it is not in: then neither is what
   * had that key before. −1: the key is longer than one may be.
   */
  set(
    key: CacheKey,
    value: Uint8Array,
    note: CacheNote,
    now: number,
    gone: GoneEntry[] | undefined,
    ask: (() => boolean) | undefined,
  ): number {
    const { exports } = this.core;
    const bytes = value.length;
    const about = note.space | (note.priority << 8) | (note.tag << 16) | (gone === undefined ? 0 : ABOUT_LOOKS);
    let asks = ask === undefined ? 0 : ABOUT_ASKS;
    for (let goesOn = 0; ; goesOn = ABOUT_GOES_ON) {
      const word = this.#desk.write(key);
      if (word < 0) return -1;
      const what = about | goesOn | asks;
      let status: number;
      if (bytes <= STAGED_MAX) {
        copyTo(this.#u8, this.#stage + (((word & KEY_BYTES_MAX) + 7) & ~7), value, 0, bytes);
        status = exports.cacheSet(this.at, this.#stage, word, bytes, what, note.expires, now);
      } else {
        status = exports.cacheReserve(this.at, this.#stage, word, bytes, what, note.expires, now);
        if (status === OK) {
          this.#u8.set(value, (this.#i32[this.#user + (U_VALUE >>> 2)] as number) >>> 0);
          status = exports.cacheCommit(this.at);
        }
      }
      if (status === CACHE_SHOWN) gone?.push(this.#takeShown());
      else if (status !== CACHE_ASKED) return status;
      else if (ask?.() !== true) asks = 0;
    }
  }

  /** What was evicted last for a caller that looks at it. */
  #takeShown(): GoneEntry {
    const entry = (this.#i32[this.#user + (U_SHOWN >>> 2)] as number) >>> 0;
    const isExpired = this.#i32[this.#user + (U_WHY >>> 2)] === 1;
    const key = this.#desk.read((this.#i32[(entry + E_KEY) >>> 2] as number) & 0xffff, entry + E_TEXT);
    const gone = { key, value: this.viewOf(entry).slice(), tag: this.#u8[entry + E_TAG] as number, isExpired };
    this.#i32[this.#user + (U_SHOWN >>> 2)] = 0;
    this.unpin(entry);
    return gone;
  }

  /** Whether it is no longer than a key may be. @throws TypeError for what is no key. */
  isKey(key: CacheKey): boolean {
    return this.#desk.write(key) >= 0;
  }

  delete(key: CacheKey): boolean {
    const word = this.#desk.write(key);
    return word >= 0 && this.core.exports.cacheDelete(this.at, this.#stage, word) === 1;
  }

  clear(): boolean {
    return this.core.exports.cacheClear(this.at) === 1;
  }

  /** Evicts until it holds `bytes` bytes less, and no more entries and bytes of values than it may; how many bytes it holds less. */
  evict(bytes: number, now: number, gone: GoneEntry[] | undefined): number {
    const { exports } = this.core;
    const before = this.heldBytes;
    const first = exports.cacheEvict(this.at, bytes, gone === undefined ? 0 : ABOUT_LOOKS, now) >>> 0;
    if (gone === undefined) return first;
    const freed = (): number => Math.max(0, before - this.heldBytes);
    while (this.#i32[this.#user + (U_SHOWN >>> 2)] !== 0) {
      gone.push(this.#takeShown());
      exports.cacheEvict(this.at, Math.max(0, bytes - freed()), ABOUT_LOOKS, now);
    }
    return freed();
  }

  setLimits(bytes: number, values: number, items: number): boolean {
    return this.core.exports.cacheSetLimits(this.at, bytes, values, items) === 1;
  }

  setSpace(space: number, items: number, bytes: number): boolean {
    return this.core.exports.cacheSetSpace(this.at, space, items, bytes) === 1;
  }

  setPolicy(policy: number, favour: number, retention: number, isCritical: boolean): boolean {
    return this.core.exports.cacheSetPolicy(this.at, policy, favour, retention, +isCritical) === 1;
  }

  /** The keys of the bucket; undefined: there is no such bucket. */
  keysIn(bucket: number, now: number): CacheKey[] | undefined {
    const keys: CacheKey[] = [];
    let from = 0;
    do {
      const bytes = this.core.exports.cacheKeys(this.at, bucket, this.#stage, KEY_BYTES_MAX + STAGED_MAX, from);
      if (bytes < 0) return undefined;
      from = this.#i32[this.#user + (U_VALUE >>> 2)] as number;
      this.#readKeys(bytes, now, keys);
    } while (from !== 0);
    return keys;
  }

  #readKeys(bytes: number, now: number, keys: CacheKey[]): void {
    for (let at = this.#stage; at < this.#stage + bytes;) {
      const key = this.#i32[at >>> 2] as number;
      const expires = this.#f64[(at + KEYS_EXPIRES) >>> 3] as number;
      if (expires === 0 || expires > now) keys.push(this.#desk.read(key, at + KEYS_HEADER));
      at += KEYS_HEADER + (((key & KEY_BYTES_MAX) + 7) & ~7);
    }
  }

  candidates(now: number): Candidate[] {
    const bytes = this.core.exports.cacheCandidates(this.at, this.#stage, KEY_BYTES_MAX + STAGED_MAX, now);
    const all: Candidate[] = [];
    const word = (at: number): number => (this.#i32[at >>> 2] as number) >>> 0;
    for (let at = this.#stage; at < this.#stage + bytes;) {
      const key = word(at);
      all.push({
        key: this.#desk.read(key, at + CANDIDATE_HEADER),
        bytes: word(at + CANDIDATE_BYTES),
        ageMs: word(at + CANDIDATE_AGE) * 100,
        priority: word(at + CANDIDATE_PRIORITY),
        frequency: word(at + CANDIDATE_FREQUENCY),
      });
      at += CANDIDATE_HEADER + (((key & KEY_BYTES_MAX) + 7) & ~7);
    }
    return all;
  }

  /** Uses the cache no more. False: BUSY, to be said again, unless the thread leaves the region. */
  leave(isForGood: boolean): boolean {
    if (this.#seat.ports === 1) {
      if (this.core.exports.leaveCache(this.at) === BUSY && !isForGood) return false;
      this.#seat.isLeft = true;
      seats.get(this.core)?.delete(this.at);
    }
    this.#seat.ports--;
    this.#desk.close();
    return true;
  }
}

// A native copy costs as much as a loop over this many bytes.
const LOOP_MAX = 0;

function copyTo(target: Uint8Array, offset: number, source: Uint8Array, at: number, bytes: number): void {
  if (bytes <= LOOP_MAX) for (let i = 0; i < bytes; i++) target[offset + i] = source[at + i] as number;
  else target.set(source.length === bytes && at === 0 ? source : source.subarray(at, at + bytes), offset);
}
