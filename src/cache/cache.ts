// Cache: one cache as a thread uses it. Owns this thread's hooks and loads; what is in stands in the region, for all threads. Hooks run after a call has
// done its work, outside of everything, and may call the cache again; one that throws does so in a turn of its own.

import {
  type CacheKey,
  type CacheNote,
  type CachePort,
  type GoneEntry,
  KEY_BYTES_MAX,
  PAGE_BYTES,
  PINS_MAX,
  NO_LIMIT,
} from "../../bindings/caches.js";
import { OK } from "../../bindings/status.js";
import { RegionBusyError } from "../errors.js";
import { integer, ownOptions } from "../options.js";
import type { RingCodec } from "../ring/codec.js";
import { alone, requireSignal } from "../ring/listeners.js";
import { describe } from "../size.js";
import { CacheClosedError, CachePinsError } from "./errors.js";
import { Flights, nameOf } from "./flights.js";
import {
  type CacheEntry,
  type EvictReason,
  expiryOf,
  retentionOf,
  type SetOptions,
  setOptions,
  sizeOf,
} from "./options.js";
import { Pin } from "./pin.js";
import {
  type CacheFavour,
  type CachePolicyName,
  type CustomPolicy,
  type EvictionCandidate,
  FAVOURS,
  policyNumber,
} from "./policies.js";
import { type CacheStats, statsOf } from "./stats.js";

/** @internal What a cache is made of. */
export interface CacheParts<V> {
  readonly port: CachePort;
  readonly name: string;
  readonly codec: RingCodec<V>;
  readonly ttl: number;
  readonly spaces: readonly string[];
  readonly capacityBytes: number;
  readonly custom: CustomPolicy | undefined;
  readonly onEvict: ((entry: CacheEntry<V>, reason: EvictReason) => void) | undefined;
  readonly onInsert: ((entry: CacheEntry<V>) => void) | undefined;
  readonly now: () => number;
  /** Lowers what is held, for the budget's sake; after a set. */
  readonly charged: () => void;
  /** Throws where the core answered that nothing works any more. */
  readonly requireSound: (status: number) => void;
  readonly left: () => void;
}

/** The last place of a thread's is kept for its deletes. */
const OWN_PINS_MAX = PINS_MAX - 1;
const ASKED_MAX = 3;

/**
 * One cache of the region as this thread uses it (M11–M12, M26–M28, C12–C14, C19–C22, C25–C26): from `region.cache`. Any thread may open the same and call
 * anything at any time; nothing here waits for another thread longer than the region's `busyMs`. Every method throws CacheClosedError after `close`, and
 * TypeError or RangeError for wrong arguments before anything changed.
 */
export class Cache<V = Uint8Array> {
  readonly name: string;
  readonly #port: CachePort;
  readonly #codec: RingCodec<V>;
  readonly #parts: CacheParts<V>;
  readonly #now: () => number;
  readonly #flights = new Flights<V>();
  #custom: CustomPolicy | undefined;
  #isLeft = false;

  /** @internal */
  constructor(parts: CacheParts<V>) {
    this.name = parts.name;
    this.#parts = parts;
    this.#port = parts.port;
    this.#codec = parts.codec;
    this.#now = parts.now;
    this.#custom = parts.custom;
  }

  /** How many entries there are (C14), those that expired and were not met since counted. O(1). */
  get size(): number {
    this.#requireOpen();
    return this.#port.items;
  }

  /**
   * The value of this key, a copy of one's own; undefined: there is none. O(value). Waits for nobody: under `lru`, `lfu` and `priority` it takes the
   * latch to order the hit, if nobody has it. Throws what the codec throws.
   */
  get(key: CacheKey): V | undefined {
    if (this.#isLeft) this.#requireOpen();
    const bytes = this.#port.get(key, 0, this.#now);
    return bytes === undefined ? undefined : this.#codec.decode(bytes);
  }

  /** As `get`, but it is no hit or miss, and changes no order. O(value). */
  peek(key: CacheKey): V | undefined {
    this.#requireOpen();
    const bytes = this.#port.get(key, 1, this.#now);
    return bytes === undefined ? undefined : this.#codec.decode(bytes);
  }

  /**
   * Copies the bytes of this key's value to `target` from `offset` on, without making anything. Its length; where that is more than `target` has room
   * for, nothing was copied; −1: there is none. Counts as `get` does. O(value). No codec: the bytes as they lie.
   * @throws TypeError, RangeError for what is no place.
   */
  getInto(key: CacheKey, target: Uint8Array, offset: number = 0): number {
    if (this.#isLeft) this.#requireOpen();
    if (!(target instanceof Uint8Array)) throw new TypeError(`getInto needs a Uint8Array, got ${describe(target)}`);
    if (offset !== 0) integer("offset", offset, 0, target.length);
    return this.#port.getInto(key, target, offset, this.#now);
  }

  /**
   * The value of this key, to be read in place until the pin is released; undefined: there is none. A pinned value stays where it is, evicted or not;
   * a thread that dies lets go of its pins by its recovery. Counts as `get` does. O(1); takes no lock.
   * @throws CachePinsError when this thread has 47 values pinned.
   */
  pin(key: CacheKey): Pin | undefined {
    this.#requireOpen();
    const entry = this.#port.pin(key, this.#now);
    if (entry < 0) throw new CachePinsError(this.name, OWN_PINS_MAX);
    return entry === 0 ? undefined : new Pin(this.#port, entry);
  }

  /** Whether there is a value of this key that has not expired. Counts as no lookup. O(1); takes no lock. */
  has(key: CacheKey): boolean {
    this.#requireOpen();
    return this.#port.has(key, this.#now);
  }

  /**
   * Puts a value in, in place of what had this key. False: it was not taken (`stats().refused` says why), and what had this key is out, so nothing
   * older is ever found; the caller has the value still (C21). What goes for it is told to `onEvict`, then it to `onInsert`. O(value + what goes for it).
   * Waits for the latch, `busyMs` at most; then it is refused as `busy`.
   * @throws TypeError, RangeError for wrong keys and options, and what the codec throws: then nothing was changed.
   */
  set(key: CacheKey, value: V, options?: SetOptions): boolean {
    const bytes = this.#bytesOf(value);
    if (this.#isLeft) this.#requireOpen();
    const now = this.#now();
    const note = this.#noteOf(options, now);
    const gone: GoneEntry[] | undefined = this.#parts.onEvict === undefined ? undefined : [];
    const status = this.#port.set(key, bytes, note, now, gone, this.#asker(bytes.length, gone));
    if (status === -1) throw tooLong(key);
    if (status !== OK) this.#parts.requireSound(status);
    if (this.#flights.count > 0) this.#flights.overtake(key);
    this.#parts.charged();
    if (gone !== undefined && gone.length > 0) this.#tellGone(gone);
    const { onInsert } = this.#parts;
    if (status === OK && onInsert !== undefined) alone(() => onInsert({ key, value }));
    return status === OK;
  }

  /** What is said of a value that is put in at `now`. */
  #noteOf(options: SetOptions | undefined, now: number): CacheNote {
    const { ttl, priority, namespace } = options === undefined ? NO_OPTIONS : setOptions(options);
    const space = namespace === undefined ? 0 : this.#space(namespace);
    return { space, priority, tag: 0, expires: expiryOf(ttl, this.#parts.ttl, now) };
  }

  #bytesOf(value: V): Uint8Array {
    const bytes = this.#codec.encode(value);
    if (bytes instanceof Uint8Array) return bytes;
    throw new TypeError(`the codec's encode must answer a Uint8Array, got ${describe(bytes)}`);
  }

  /** Asks the caller's own policy what is to go, a few times for one value. */
  #asker(bytes: number, gone: GoneEntry[] | undefined): (() => boolean) | undefined {
    const custom = this.#custom;
    if (custom === undefined) return undefined;
    let asked = 0;
    return () => {
      const isLess = asked++ < ASKED_MAX && this.#evictBy(custom, bytes, gone) > 0;
      this.#requireOpen();
      return isLess;
    };
  }

  #evictBy(custom: CustomPolicy, bytes: number, gone: GoneEntry[] | undefined): number {
    let count = 0;
    alone(() => {
      for (const one of custom.evict(bytes, this.candidates())) {
        if (this.#isLeft) return;
        const key = isCandidate(one) ? one.key : one;
        const value = gone === undefined ? undefined : this.#port.get(key, 1, this.#now);
        if (!this.#port.delete(key)) continue;
        count++;
        if (value !== undefined) gone?.push({ key, value, tag: 0, isExpired: false });
      }
    });
    return count;
  }

  #tellGone(gone: readonly GoneEntry[]): void {
    const { onEvict } = this.#parts;
    for (const { key, value, isExpired } of gone) {
      alone(() => onEvict?.({ key, value: this.#codec.decode(value) }, isExpired ? "expired" : "evicted"));
    }
  }

  /** Takes the entry of this key out. False: there was none. O(1). Needs no lock: waits for nobody. */
  delete(key: CacheKey): boolean {
    this.#requireOpen();
    const isGone = this.#port.delete(key);
    if (this.#flights.count > 0) this.#flights.overtake(key);
    return isGone;
  }

  /** Takes everything out. O(entries). @throws RegionBusyError when another thread that has the latch does not go on. */
  clear(): void {
    this.#requireOpen();
    this.#flights.overtakeAll();
    if (!this.#port.clear()) throw new RegionBusyError("clear");
  }

  /** The keys, as they were when this was called; what others put in or take out meanwhile may be among them or not. O(entries). */
  keys(): IterableIterator<CacheKey> {
    this.#requireOpen();
    const now = this.#now();
    const { buckets } = this.#port;
    const all: CacheKey[] = [];
    for (let bucket = 0; ; bucket++) {
      const keys = this.#port.keysIn(bucket, now);
      if (keys === undefined) break;
      for (const key of keys) all.push(key);
    }
    // While the table grew a key may have been met in its old bucket and in its new one.
    return (
      this.#port.buckets === buckets ? all : [...new Map(all.map((key) => [nameOf(key), key])).values()]
    ).values();
  }

  /** Keys with copies of their values, of those that were there when this was called and are still when their turn comes. */
  entries(): IterableIterator<[CacheKey, V]> {
    return this.#entriesOf(this.keys());
  }

  *#entriesOf(keys: Iterable<CacheKey>): IterableIterator<[CacheKey, V]> {
    for (const key of keys) {
      const value = this.peek(key);
      if (value !== undefined) yield [key, value];
    }
  }

  [Symbol.iterator](): IterableIterator<[CacheKey, V]> {
    return this.entries();
  }

  /**
   * The value of this key, or what `load` makes of it, which is put in, unless the key was set or deleted here meanwhile. Who asks for a key that this
   * thread is loading waits for that load. What `load` throws is thrown to all of them, and nothing is kept. `signal` ends the waiting, not the load.
   * @throws TypeError, RangeError for wrong keys and options: then nothing was loaded.
   */
  async fetch(
    key: CacheKey,
    load: (key: CacheKey) => Promise<V> | V,
    options?: SetOptions & { signal?: AbortSignal },
  ): Promise<V> {
    this.#requireOpen();
    if (typeof load !== "function") throw new TypeError(`fetch needs a function that loads, got ${describe(load)}`);
    const { signal, ...rest } = ownOptions<SetOptions & { signal?: AbortSignal }>("fetch", options, FETCH_KNOWN);
    requireSignal("fetch", signal);
    this.#noteOf(rest, 0);
    if (!this.#port.isKey(key)) throw tooLong(key);
    const found = this.get(key);
    if (found !== undefined) return found;
    // The caller may change its bytes meanwhile.
    const own = typeof key === "object" ? key.slice() : key;
    const loaded = async (isOvertaken: () => boolean): Promise<V> => {
      const value = await load(own);
      if (!this.#isLeft && !isOvertaken()) this.set(own, value, rest);
      return value;
    };
    return this.#flights.join(own, loaded, signal);
  }

  /**
   * Whether a value could be put in without anything going for it: `bytes` of key and value together (C19). As of this instant, and exact to the page;
   * the next value may still let the table grow by one.
   */
  canAdd(namespace: string | undefined, bytes: number): { ok: boolean; reason?: "items" | "bytes" } {
    this.#requireOpen();
    integer("bytes", bytes, 0, Number.MAX_SAFE_INTEGER);
    const { maxItems, maxBytes, maxValues } = this.#port.limits;
    const cost = this.#port.costOf(bytes);
    const space = this.#port.space(namespace === undefined ? 0 : this.#space(namespace));
    if (this.#port.items >= maxItems || space.items >= space.maxItems) return { ok: false, reason: "items" };
    const { valueBytes } = this.#port.numbers();
    const isOver = space.bytes + cost.slot > space.maxBytes || valueBytes + bytes > maxValues;
    if (isOver || this.#port.heldBytes + cost.pages > maxBytes) return { ok: false, reason: "bytes" };
    return { ok: true };
  }

  /**
   * What may go (M28), up to 64 entries: of each of the policy's lists those at its end, the next to go first; between lists in no order. `bytes` is
   * what one's going frees, `age` milliseconds to a tenth of a second. O(64). Empty when the latch is not to be had.
   */
  candidates(): EvictionCandidate[] {
    this.#requireOpen();
    return this.#port
      .candidates(this.#now())
      .map(({ key, bytes, ageMs, priority, frequency }) => ({ key, bytes, age: ageMs, priority, frequency }));
  }

  /**
   * Evicts, in the policy's order, until the cache holds at least `bytes` bytes less (C13), whole pages, or nothing more may go. How many bytes it holds less;
   * 0 also when the latch is not to be had. A size or a share of what it holds, `"25%"`. O(what goes).
   */
  evict(bytes: number | string): number {
    this.#requireOpen();
    const wanted = Math.min(sizeOf("bytes", bytes, this.#port.heldBytes), NO_LIMIT);
    const gone: GoneEntry[] | undefined = this.#parts.onEvict === undefined ? undefined : [];
    const freed = this.#port.evict(wanted, this.#now(), gone);
    if (gone !== undefined) this.#tellGone(gone);
    return freed;
  }

  /**
   * Changes what it may hold (C25), for every thread at once; what is too much goes at once. What is left out stays. Sizes in bytes, as texts, or as shares of
   * the region. O(what goes).
   * @throws RangeError for fewer bytes than the table has and a page; RegionBusyError.
   */
  setLimits(limits: { maxBytes?: number | string; maxValueBytes?: number | string; maxItems?: number }): void {
    this.#requireOpen();
    const own = ownOptions("setLimits", limits, ["maxBytes", "maxValueBytes", "maxItems"]);
    const before = this.#port.limits;
    const bytes =
      own.maxBytes === undefined ? before.maxBytes : sizeOf("maxBytes", own.maxBytes, this.#parts.capacityBytes);
    const values =
      own.maxValueBytes === undefined
        ? before.maxValues
        : sizeOf("maxValueBytes", own.maxValueBytes, this.#parts.capacityBytes);
    const items = own.maxItems === undefined ? before.maxItems : integer("maxItems", own.maxItems, 1, NO_LIMIT);
    if (bytes < this.#port.tableBytes + PAGE_BYTES)
      throw new RangeError(
        `maxBytes must be at least ${this.#port.tableBytes + PAGE_BYTES}, for the table and a page, got ${bytes}`,
      );
    if (!this.#port.setLimits(Math.min(bytes, NO_LIMIT), Math.min(values, NO_LIMIT), items))
      throw new RegionBusyError("setLimits");
    this.evict(Math.max(0, this.#port.heldBytes - bytes));
  }

  /**
   * Changes by what it evicts (C26), for every thread at once; what is in is ranked anew. `critical` lets go also what is protected by its priority (M27) or
   * its age, until it is left out. A policy of the caller's own is asked in this thread only. O(entries). @throws RegionBusyError.
   */
  setPolicy(
    policy: CachePolicyName | CustomPolicy,
    options?: { favour?: CacheFavour; minRetention?: number; critical?: boolean },
  ): void {
    this.#requireOpen();
    const number = policyNumber(policy);
    const own = ownOptions("setPolicy", options, ["favour", "minRetention", "critical"]);
    const favour = own.favour === undefined ? this.#port.favour : FAVOURS.indexOf(own.favour);
    if (favour < 0) throw new RangeError(`favour must be one of ${FAVOURS.join(", ")}, got ${describe(own.favour)}`);
    const retention = own.minRetention === undefined ? this.#port.retention : retentionOf(own.minRetention);
    const isCritical = own.critical === true;
    if (!this.#port.setPolicy(number, favour, retention, isCritical)) throw new RegionBusyError("setPolicy");
    this.#custom = typeof policy === "string" ? undefined : policy;
  }

  /** Changes what one namespace may have (C04–C06, C25), for all threads; what is too much goes with its next `set`. O(1). @throws RegionBusyError. */
  setNamespace(namespace: string, limits: { maxItems?: number; maxBytes?: number | string }): void {
    this.#requireOpen();
    const index = this.#space(namespace);
    const own = ownOptions("setNamespace", limits, ["maxItems", "maxBytes"]);
    const before = this.#port.space(index);
    const items = own.maxItems === undefined ? before.maxItems : integer("maxItems", own.maxItems, 0, NO_LIMIT);
    const bytes =
      own.maxBytes === undefined ? before.maxBytes : Math.min(sizeOf("maxBytes", own.maxBytes, NO_LIMIT), NO_LIMIT);
    if (!this.#port.setSpace(index, items, bytes)) throw new RegionBusyError("setNamespace");
  }

  /** What it holds and did (C10, C14), all threads together. Read word by word: exact when nobody is at work. O(threads). */
  stats(): CacheStats {
    this.#requireOpen();
    return statsOf(this.#port, this.#parts.spaces);
  }

  /**
   * This thread uses the cache no more, and its pins of it are over; with the last thread that leaves its memory goes back, O(pages). A second call does
   * nothing. @throws RegionBusyError.
   */
  close(): void {
    if (this.#isLeft) return;
    if (!this.#port.leave(false)) throw new RegionBusyError("close");
    this.#isLeft = true;
    this.#parts.left();
  }

  /** @internal As `close`, for a region that is being closed: what cannot be done now, its detaching does. */
  leave(): void {
    if (this.#isLeft) return;
    this.#port.leave(true);
    this.#isLeft = true;
    this.#parts.left();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #space(namespace: string): number {
    const index = this.#parts.spaces.indexOf(namespace);
    if (index >= 0) return index + 1;
    const known = this.#parts.spaces.map((name) => `"${name}"`).join(", ") || "none";
    throw new RangeError(`cache "${this.name}" has no namespace ${describe(namespace)}; there are ${known}`);
  }

  #requireOpen(): void {
    if (this.#isLeft) throw new CacheClosedError(this.name);
  }
}

const FETCH_KNOWN = ["ttl", "priority", "namespace", "signal"] as const;
const NO_OPTIONS = { ttl: undefined, priority: 50, namespace: undefined } as const;

function isCandidate(one: EvictionCandidate | CacheKey): one is EvictionCandidate {
  return typeof one === "object" && !(one instanceof Uint8Array);
}

function tooLong(key: CacheKey): RangeError {
  const length = typeof key === "number" ? 8 : key.length;
  const unit = typeof key === "string" ? "characters" : "bytes";
  return new RangeError(`a key has at most ${KEY_BYTES_MAX} bytes, got ${length} ${unit}: use a hash of it`);
}
