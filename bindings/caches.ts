// Caches: one cache as numbers in and numbers out. What a lookup found is copied straight out of the region; then the core says whether it was there
// all the time, else the copy is made again.

import {
  CACHE_BEFORE,
  CACHE_BUDGET,
  CACHE_BUDGET_STATE,
  CACHE_CONFIG,
  CACHE_FAVOUR,
  CACHE_LIMITS,
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
  K_BELL,
  KEYS_EXPIRES,
  KEYS_HEADER,
  U_ENTRY,
  U_LOAD,
  U_SHOWN,
  U_VALUE,
  U_WHY,
  ABOUT_LOOKS,
  ABOUT_GOES_ON,
  ABOUT_ASKS,
} from "../assembly/shared/caches.js";
import { BUSY, CACHE_ASKED, CACHE_SHOWN, OK } from "../assembly/shared/status.js";
import type { Node } from "./budgets.js";
import { type CacheKey, KEY_BYTES_MAX, KeyDesk } from "./cachekeys.js";
import { leaveSeat, type Seat, seatAt } from "./cacheseats.js";
import { TUNED_CACHE, TUNED_SPACES } from "./cachewords.js";
import { CacheValues, type Candidate, type GoneEntry, joined } from "./cachevalues.js";
import type { Core } from "./core.js";
import type { CoreExports } from "./exports.js";
import { honest } from "./honest.js";
import { Doorbell } from "./parking.js";

export { type CacheKey, KEY_BYTES_MAX } from "./cachekeys.js";
export type { GoneEntry } from "./cachevalues.js";
export { leastBytes, TUNED_CACHE, TUNED_SPACES } from "./cachewords.js";
export {
  CACHE_SPACES_MAX,
  CONFIG_WORDS,
  LOAD_UNCLAIMED,
  MEASURE_BYTES,
  MEASURE_ITEMS,
  MEASURE_VALUES,
  PAGE_BYTES,
  PINS_MAX,
} from "../assembly/shared/caches.js";

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
  /** Of each namespace: how many entries, and how many bytes of them, it may have. */
  readonly spaces: readonly number[];
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
  /** By which claim it was loaded, LOAD_UNCLAIMED: by none; 0, as unless told: it was not loaded. */
  readonly load?: number;
}

const NOTHING = new Uint8Array(0);

// Values up to here are copied by the core from behind the key; longer ones are written straight to their slot.
const STAGED_MAX = 4096;
// For values up to here a view of the stage is kept for each length.
const VIEWS_MAX = 1024;

// Named once: to find it in an array's prototypes costs a fifth of what it does for a short value.
const { set: setBytes } = Uint8Array.prototype;

function wasLeft(): never {
  throw new TypeError("the cache was left");
}

const ownCopy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

/** What is said of a value that is put in, as the core is told it. */
export function aboutOf(space: number, priority: number, tag: number): number {
  return space | (priority << 8) | (tag << 16);
}

// What every value passes through has plain fields: a #private one is looked up by a name that is loaded and compared each time.
export class CachePort extends CacheValues {
  private readonly desk: KeyDesk;
  /** Refuses all once this opening was left: code of others runs in the middle of calls, and may do that. */
  private exports: CoreExports;
  /** Where a key and a short value behind it stand for a call, and where a short value that was found does. */
  private readonly stage: number;
  private readonly out: number;
  private readonly views: Uint8Array[] = [];
  private readonly seat: Seat;
  private hasLeft = false;
  /** Throws what is said to who uses it after that. */
  refuse: () => never = wasLeft;
  readonly wasThere: boolean;
  /** Makes the copy of a short value that a lookup answers. */
  copyOf: (bytes: Uint8Array) => Uint8Array<ArrayBuffer> = ownCopy;
  /** For how long a value is kept after its time: of those milliseconds only who asks for what is stale hears. */
  staleMs = 0;
  /** Whether what the last lookup found is stale. */
  isStale = false;
  /** Told of keys whose entry this thread found expired while it looked them up. */
  expired: ((key: CacheKey, bytes: number) => void) | undefined;

  private constructor(core: Core, at: number, desk: KeyDesk, wasThere: boolean) {
    super(core, at);
    this.exports = core.exports;
    this.desk = desk;
    this.stage = desk.at;
    this.out = desk.at + KEY_BYTES_MAX + 1;
    this.seat = seatAt(core, at);
    this.wasThere = wasThere;
  }

  /** Whether this thread has left the cache. */
  get isLeft(): boolean {
    return this.seat.isLeft;
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
    words[out + CACHE_SPACES] = plan.spaces.length / 2 + 1;
    words.set(plan.spaces, out + CACHE_LIMITS);
    words[out + CACHE_BUDGET] = plan.node.at;
    words[out + CACHE_BUDGET_STATE] = plan.node.state;
    words.set(plan.seed, out + CACHE_SEED);
    words.set(plan.config, out + CACHE_CONFIG);
    const at = core.exports.openCache(name) >>> 0;
    if (at !== 0) return new CachePort(core, at, desk, words[out + CACHE_BEFORE] === 1);
    const why = core.exports.reason();
    desk.close(wasLeft);
    return why;
  }

  /** Looks the key that was written up; where its value lies, 0: nowhere, −1: it is longer than a key may be. */
  #look(key: CacheKey, isPeek: number, now: () => number): number {
    const word = this.desk.write(key);
    if (word < 0) return -1;
    const at = this.exports.cacheGet(this.at, this.stage, word, isPeek) >>> 0;
    return at === 0 || !this.isMortal || !this.#hasExpired(key, word, this.length, isPeek, now) ? at : 0;
  }

  /** What a clock says, which may be anybody's. */
  private timeBy(now: () => number): number {
    const time = now();
    if (this.hasLeft) this.refuse();
    return time;
  }

  /** Takes out what was found if it has expired. */
  #hasExpired(key: CacheKey, word: number, bytes: number, isPeek: number, now: () => number): boolean {
    const time = this.timeBy(now);
    if (this.expires - this.staleMs > time) return false;
    if (isPeek === 0) this.exports.cacheMissed(this.at);
    this.#expire(key, word, bytes, time);
    return true;
  }

  /** Takes out what the last lookup found, if its time is over altogether. */
  #expire(key: CacheKey, word: number, bytes: number, time: number): void {
    if (this.expires <= time && this.exports.cacheExpire(this.at, this.stage, word, time) === 1)
      this.expired?.(key, bytes);
  }

  /** As `get`, and also what is stale: `isStale` says so. */
  getStale(key: CacheKey, now: () => number): Uint8Array<ArrayBuffer> | undefined {
    const { staleMs } = this;
    this.staleMs = 0;
    try {
      const found = this.get(key, 0, now);
      this.isStale = found !== undefined && this.isMortal && this.expires - staleMs <= this.timeBy(now);
      return found;
    } finally {
      this.staleMs = staleMs;
    }
  }

  /** Copies the value of the key to the stage; its length, −1: there is none, −2: it is longer than `room`. */
  private stageValue(key: CacheKey, isPeek: number, room: number, now: () => number): number {
    const word = this.desk.write(key);
    if (word < 0) return -1;
    const bytes = this.exports.cacheCopy(this.at, this.stage, word, isPeek, this.out, room);
    return bytes < 0 || !this.isMortal || !this.#hasExpired(key, word, bytes, isPeek, now) ? bytes : -1;
  }

  /** The first bytes of the stage. A view made for each value costs more than the value. */
  private staged(bytes: number): Uint8Array {
    const known = this.views[bytes];
    if (known !== undefined) return known;
    const view = this.u8.subarray(this.out, this.out + bytes);
    if (bytes <= VIEWS_MAX) this.views[bytes] = view;
    return view;
  }

  has(key: CacheKey, now: () => number): boolean {
    return this.#look(key, 1, now) > 0;
  }

  /** A copy of the value; undefined: there is none. */
  get(key: CacheKey, isPeek: number, now: () => number): Uint8Array<ArrayBuffer> | undefined {
    const bytes = this.stageValue(key, isPeek, STAGED_MAX, now);
    if (bytes >= 0) return this.copyOf(this.staged(bytes));
    return bytes === -1 ? undefined : this.#getLong(key, isPeek, now);
  }

  #getLong(key: CacheKey, isPeek: number, now: () => number): Uint8Array<ArrayBuffer> | undefined {
    for (let peek = isPeek; ; peek = 1) {
      const at = this.#look(key, peek, now);
      if (at <= 0) return undefined;
      const copy = new Uint8Array(this.length);
      this.copyTo(at, copy.length, copy, 0);
      if (this.exports.cacheStill(this.at) !== 0) return copy;
    }
  }

  /** Copies the value to `target`; its length, more than `target` has: nothing was copied; −1: there is none. */
  getInto(key: CacheKey, target: Uint8Array, offset: number, now: () => number): number {
    const room = target.length - offset;
    const bytes = this.stageValue(key, 0, room < STAGED_MAX ? room : STAGED_MAX, now);
    if (bytes === -2) return this.#getLongInto(key, target, offset, now);
    if (bytes > 0) setBytes.call(target, this.staged(bytes), offset);
    return bytes;
  }

  #getLongInto(key: CacheKey, target: Uint8Array, offset: number, now: () => number): number {
    for (let peek = 0; ; peek = 1) {
      const at = this.#look(key, peek, now);
      if (at <= 0) return -1;
      const { length } = this;
      if (length > target.length - offset) return length;
      this.copyTo(at, length, target, offset);
      if (this.exports.cacheStill(this.at) !== 0) return length;
    }
  }

  /** Pins the value; its entry, 0: there is none, −1: as many are pinned as may be. */
  pin(key: CacheKey, now: () => number): number {
    const word = this.desk.write(key);
    if (word < 0) return 0;
    const at = this.exports.cachePin(this.at, this.stage, word, 0) >>> 0;
    const entry = (this.i32[this.user + (U_ENTRY >>> 2)] as number) >>> 0;
    if (at === 0) return entry === 0 ? 0 : -1;
    if (!this.isMortal || !this.#hasExpired(key, word, this.length, 0, now)) return entry;
    this.unpin(entry);
    return 0;
  }

  unpin(entry: number): boolean {
    return !this.seat.isLeft && this.core.exports.cacheUnpin(this.at, entry) === 1;
  }

  /** Puts a value in; `about` as the core is told it. OK, or why it is not in: then neither is what had that key before. −1: the key is longer than one may be. */
  put(key: CacheKey, given: Uint8Array, about: number, expires: number, now: number): number {
    const value = honest(given);
    const bytes = value.length;
    const word = this.desk.write(key);
    if (word < 0) return -1;
    const { stage } = this;
    if (bytes > STAGED_MAX) return this.#putLong(word, value, bytes, about, expires, now);
    setBytes.call(this.u8, value, stage + (((word & KEY_BYTES_MAX) + 7) & ~7));
    return this.exports.cacheSet(this.at, stage, word, bytes, about, expires, now);
  }

  /** Writes the value straight to its slot. */
  #putLong(word: number, value: Uint8Array, bytes: number, about: number, expires: number, now: number): number {
    const status = this.exports.cacheReserve(this.at, this.stage, word, bytes, about, expires, now);
    if (status !== OK) return status;
    this.fillReserved(value);
    return this.exports.cacheCommit(this.at);
  }

  /** As `put`; what goes for it is told to `gone`, and `ask` says what is to go, if they are there. */
  set(
    key: CacheKey,
    value: Uint8Array,
    note: CacheNote,
    now: number,
    gone: GoneEntry[] | undefined,
    ask: (() => boolean) | undefined,
    wantsValues = true,
  ): number {
    const about = aboutOf(note.space, note.priority, note.tag) | (gone === undefined ? 0 : ABOUT_LOOKS);
    const load = note.load ?? 0;
    let asks = ask === undefined ? 0 : ABOUT_ASKS;
    for (let goesOn = 0; ; goesOn = ABOUT_GOES_ON) {
      // By who was asked.
      if (this.hasLeft) this.refuse();
      if (load !== 0) this.i32[this.user + (U_LOAD >>> 2)] = load;
      const status = this.put(key, value, about | goesOn | asks, note.expires, now);
      // What is asked in between may put in what was not loaded.
      if (load !== 0) this.i32[this.user + (U_LOAD >>> 2)] = 0;
      if (status === CACHE_SHOWN) gone?.push(this.#takeShown(wantsValues));
      else if (status !== CACHE_ASKED) return status;
      else if (ask?.() !== true) asks = 0;
    }
  }

  /** After an exception in `set`, of a value that was loaded: what is put in from now on was not. */
  forgetLoad(): void {
    if (!this.seat.isLeft) this.i32[this.user + (U_LOAD >>> 2)] = 0;
  }

  /** What was evicted last for a caller that looks at it. */
  #takeShown(wantsValue: boolean): GoneEntry {
    const entry = (this.i32[this.user + (U_SHOWN >>> 2)] as number) >>> 0;
    const isExpired = this.i32[this.user + (U_WHY >>> 2)] === 1;
    const key = this.desk.read((this.i32[(entry + E_KEY) >>> 2] as number) & 0xffff, entry + E_TEXT);
    try {
      const value = wantsValue ? joined(this.viewsOf(entry)) : NOTHING;
      return { key, bytes: this.lengthOf(entry), value, tag: this.u8[entry + E_TAG] as number, isExpired };
    } finally {
      this.i32[this.user + (U_SHOWN >>> 2)] = 0;
      this.unpin(entry);
    }
  }

  /** Claims the load of a key: its claim's number, −n: it is being loaded by claim n of hash `claimHash`; 0: there is none to be had. */
  claim(key: CacheKey): number {
    const word = this.desk.write(key);
    return word < 0 ? 0 : this.exports.cacheClaim(this.at, this.stage, word);
  }

  get claimHash(): number {
    return this.i32[this.user + (U_VALUE >>> 2)] as number;
  }

  /** Whose claim that is; where it is this owner's, this owner. */
  get claimOwner(): number {
    return this.i32[this.user + (U_ENTRY >>> 2)] as number;
  }

  /** Whether the load by that claim can still be waited for. */
  isLoading(claim: number, hash: number, owner = this.core.ownerId): boolean {
    return !this.seat.isLeft && this.core.exports.cacheIsLoading(this.at, claim, hash, owner) === 1;
  }

  /** This thread's load by that claim is over. */
  endLoad(claim: number): void {
    if (!this.seat.isLeft) this.core.exports.cacheEndLoad(this.at, claim);
  }

  /** What rings when a load is over. */
  loadBell(): Doorbell {
    return new Doorbell(this.i32, (this.at + K_BELL) >>> 2);
  }

  /** Says by the ring of which name (0: none) this thread hears what others evict, and whether it is there. */
  hear(name: number, isThere: boolean): void {
    if (!this.seat.isLeft) this.core.exports.cacheHear(this.at, name, +isThere);
  }

  /** Whether it is no longer than a key may be. @throws TypeError for what is no key. */
  isKey(key: CacheKey): boolean {
    return this.desk.write(key) >= 0;
  }

  delete(key: CacheKey): boolean {
    const word = this.desk.write(key);
    return word >= 0 && this.exports.cacheDelete(this.at, this.stage, word) === 1;
  }

  /** Evicts the entry of this key, by a policy of the caller's. False: there is none, or the latch was not to be had. */
  drop(key: CacheKey, now: number): boolean {
    const word = this.desk.write(key);
    return word >= 0 && this.exports.cacheDrop(this.at, this.stage, word, now) === 1;
  }

  clear(): boolean {
    return this.exports.cacheClear(this.at) === 1;
  }

  /** Evicts until it holds `bytes` bytes less, and no more entries and bytes of values than it may; how many bytes it holds less. */
  evict(bytes: number, now: number, gone: GoneEntry[] | undefined, wantsValues = true): number {
    const { exports } = this;
    const before = this.heldBytes;
    const first = exports.cacheEvict(this.at, bytes, gone === undefined ? 0 : ABOUT_LOOKS, now) >>> 0;
    if (gone === undefined) return first;
    const freed = (): number => Math.max(0, before - this.heldBytes);
    while (this.i32[this.user + (U_SHOWN >>> 2)] !== 0) {
      gone.push(this.#takeShown(wantsValues));
      exports.cacheEvict(this.at, Math.max(0, bytes - freed()), ABOUT_LOOKS, now);
    }
    return freed();
  }

  setLimits(bytes: number, values: number, items: number): boolean {
    return this.exports.cacheSetLimits(this.at, bytes, values, items) === 1 && this.tuned(TUNED_CACHE);
  }

  setSpace(space: number, items: number, bytes: number): boolean {
    return this.exports.cacheSetSpace(this.at, space, items, bytes) === 1 && this.tuned(TUNED_SPACES);
  }

  setPolicy(policy: number, favour: number, retention: number, isCritical: boolean): boolean {
    return (
      this.exports.cacheSetPolicy(this.at, policy, favour, retention, +isCritical) === 1 && this.tuned(TUNED_CACHE)
    );
  }

  /** The keys of the bucket; undefined: there is no such bucket. */
  keysIn(bucket: number, now: number): CacheKey[] | undefined {
    const keys: CacheKey[] = [];
    let from = 0;
    do {
      const bytes = this.exports.cacheKeys(this.at, bucket, this.stage, KEY_BYTES_MAX + STAGED_MAX, from);
      if (bytes < 0) return undefined;
      from = this.i32[this.user + (U_VALUE >>> 2)] as number;
      this.#readKeys(bytes, now, keys);
    } while (from !== 0);
    return keys;
  }

  #readKeys(bytes: number, now: number, keys: CacheKey[]): void {
    for (let at = this.stage; at < this.stage + bytes;) {
      const key = this.i32[at >>> 2] as number;
      const expires = this.f64[(at + KEYS_EXPIRES) >>> 3] as number;
      if (expires === 0 || expires - this.staleMs > now) keys.push(this.desk.read(key, at + KEYS_HEADER));
      at += KEYS_HEADER + (((key & KEY_BYTES_MAX) + 7) & ~7);
    }
  }

  candidates(now: number): Candidate[] {
    const bytes = this.exports.cacheCandidates(this.at, this.stage, KEY_BYTES_MAX + STAGED_MAX, now);
    const all: Candidate[] = [];
    const word = (at: number): number => (this.i32[at >>> 2] as number) >>> 0;
    for (let at = this.stage; at < this.stage + bytes;) {
      const key = word(at);
      all.push({
        key: this.desk.read(key, at + CANDIDATE_HEADER),
        bytes: word(at + CANDIDATE_BYTES),
        age: word(at + CANDIDATE_AGE) * 100,
        priority: word(at + CANDIDATE_PRIORITY),
        frequency: word(at + CANDIDATE_FREQUENCY),
      });
      at += CANDIDATE_HEADER + (((key & KEY_BYTES_MAX) + 7) & ~7);
    }
    return all;
  }

  /** Uses the cache no more. False: BUSY, to be said again, unless the thread leaves the region. */
  leave(isForGood: boolean): boolean {
    if (this.seat.ports === 1) {
      if (this.exports.leaveCache(this.at) === BUSY && !isForGood) return false;
      this.seat.isLeft = true;
      leaveSeat(this.core, this.at);
    }
    this.seat.ports--;
    this.hasLeft = true;
    this.exports = new Proxy({} as CoreExports, { get: () => this.refuse });
    this.desk.close(this.refuse);
    return true;
  }
}
