// Cache: one cache as a thread uses it. Owns this thread's hooks and loads; what is in stands in the region, for all threads. Hooks run after a call has
// done its work, outside of everything, and may call the cache again; one that throws does so in a turn of its own.

import {
  aboutOf,
  type CacheKey,
  type CacheNote,
  type CachePort,
  type GoneEntry,
  LOAD_UNCLAIMED,
  PINS_MAX,
  NO_LIMIT,
} from "../../bindings/caches.js";
import { OK } from "../../bindings/status.js";
import { RegionBusyError } from "../errors.js";
import { integer, ownOptions } from "../options.js";
import type { RingCodec } from "../ring/codec.js";
import { alone, requireSignal } from "../ring/listeners.js";
import { describe } from "../size.js";
import { CacheClosedError, CachePinsError, tooLong } from "./errors.js";
import { type EvictionListener, Teller } from "./evictions.js";
import { Flights, nameOf } from "./flights.js";
import { type Loader, Loads } from "./loads.js";
import { bytesLimit, expiryOf, itemsLimit, retentionOf, type SetOptions, setOptions, sizeOf } from "./options.js";
import type { CacheParts } from "./parts.js";
import { Pin } from "./pin.js";
import {
  CACHE_PRIORITIES,
  type CacheFavour,
  type CachePolicyName,
  type CustomPolicy,
  type EvictionCandidate,
  favourNumber,
  isCandidate,
  policyNumber,
} from "./policies.js";
import { type CacheStats, statsOf } from "./stats.js";

/** The last place of a thread's is kept for its deletes. */
const OWN_PINS_MAX = PINS_MAX - 1;
const ASKED_MAX = 3;

/**
 * One cache of the region as this thread uses it (M11–M12, M26–M28, C12–C14, C19–C22, C25–C26): from `region.cache`. Any thread may open the same and call
 * anything at any time; nothing here waits for another thread longer than the region's `busyMs`. Every method throws CacheClosedError after `close`, and
 * TypeError or RangeError for wrong arguments before anything changed.
 */
// What every value passes through has plain fields: a #private one is looked up by a name that is loaded and compared each time.
export class Cache<V = Uint8Array> {
  readonly name: string;
  private readonly port: CachePort;
  private readonly codec: RingCodec<V>;
  private readonly parts: CacheParts<V>;
  private readonly ttl: number;
  private readonly now: () => number;
  private readonly flights = new Flights<V>();
  private custom: CustomPolicy | undefined;
  private isLeft = false;
  /** Whether nobody in this thread is to be told or asked of a value that is put in; not once this thread has left. */
  private isPlain: boolean;
  readonly #loads: Loads<V>;
  readonly #teller: Teller;
  readonly #subscriptions = new Set<() => void>();

  /** @internal */
  constructor(parts: CacheParts<V>) {
    this.name = parts.name;
    this.parts = parts;
    this.port = parts.port;
    this.codec = parts.codec;
    this.ttl = parts.ttl;
    this.now = parts.now;
    this.custom = parts.custom;
    this.isPlain = this.asksNobody();
    const { port } = parts;
    this.#loads = new Loads<V>({ port, look: (key) => this.peek(key), isLeft: () => this.isLeft });
    this.#teller = new Teller(port, parts.rings);
    port.expired = (key, bytes) => {
      if (this.#teller.isHeard) this.#teller.tell([{ key, bytes, isExpired: true }]);
    };
  }

  private asksNobody(): boolean {
    const { onEvict, onInsert, charged } = this.parts;
    return onEvict === undefined && onInsert === undefined && charged === undefined && this.custom === undefined;
  }

  /** How many entries there are (C14), those that expired and were not met since counted. O(1). */
  get size(): number {
    this.#requireOpen();
    return this.port.items;
  }

  /**
   * The value of this key, a copy of one's own; undefined: there is none. O(value). Waits for nobody: under `lru`, `lfu` and `priority` it takes the
   * latch to order the hit, if nobody has it. Throws what the codec throws.
   */
  get(key: CacheKey): V | undefined {
    if (this.isLeft) this.#requireOpen();
    const bytes = this.port.get(key, 0, this.now);
    return bytes === undefined ? undefined : this.codec.decode(bytes);
  }

  /** As `get`, but it is no hit or miss, and changes no order. O(value). */
  peek(key: CacheKey): V | undefined {
    this.#requireOpen();
    const bytes = this.port.get(key, 1, this.now);
    return bytes === undefined ? undefined : this.codec.decode(bytes);
  }

  /**
   * Copies the bytes of this key's value to `target` from `offset` on, without making anything. Its length; where that is more than `target` has room
   * for, nothing was copied; −1: there is none. Counts as `get` does. O(value). No codec: the bytes as they lie.
   * @throws TypeError, RangeError for what is no place.
   */
  getInto(key: CacheKey, target: Uint8Array, offset: number = 0): number {
    if (this.isLeft) this.#requireOpen();
    if (!(target instanceof Uint8Array)) throw new TypeError(`getInto needs a Uint8Array, got ${describe(target)}`);
    if (offset !== 0) integer("offset", offset, 0, target.length);
    return this.port.getInto(key, target, offset, this.now);
  }

  /**
   * The value of this key, to be read in place until the pin is released; undefined: there is none. A pinned value stays where it is, evicted or not;
   * a thread that dies lets go of its pins by its recovery. Counts as `get` does. O(1); takes no lock.
   * @throws CachePinsError when this thread has 47 values pinned.
   */
  pin(key: CacheKey): Pin | undefined {
    if (this.isLeft) this.#requireOpen();
    const entry = this.port.pin(key, this.now);
    if (entry < 0) throw new CachePinsError(this.name, OWN_PINS_MAX);
    return entry === 0 ? undefined : new Pin(this.port, entry);
  }

  /** Whether there is a value of this key that has not expired. Counts as no lookup. O(1); takes no lock. */
  has(key: CacheKey): boolean {
    this.#requireOpen();
    return this.port.has(key, this.now);
  }

  /**
   * Puts a value in, in place of what had this key. False: it was not taken (`stats().refused` says why), and what had this key is out, so nothing
   * older is ever found; the caller has the value still (C21). What goes for it is told to `onEvict`, then it to `onInsert`. O(value + what goes for it).
   * Waits for the latch, `busyMs` at most; then it is refused as `busy`.
   * @throws TypeError, RangeError for wrong keys and options, and what the codec throws: then nothing was changed.
   */
  set(key: CacheKey, value: V, options?: SetOptions): boolean {
    if (this.isLeft) this.#requireOpen();
    const bytes = this.codec.encode(value);
    const isPlain = this.isPlain && options === undefined && this.flights.count === 0 && !this.#teller.isHeard;
    if (!isPlain || !(bytes instanceof Uint8Array)) return this.#setWith(key, value, bytes, options, 0);
    const now = this.now();
    const { ttl, port } = this;
    const expires = ttl === Number.POSITIVE_INFINITY ? 0 : now + ttl + port.staleMs;
    const status = port.put(key, bytes, PLAIN, expires, now);
    return status === OK || this.#isRefused(status, key);
  }

  /** Never answers true. */
  #isRefused(status: number, key: CacheKey): boolean {
    if (status === -1) throw tooLong(key);
    this.parts.requireSound(status);
    return false;
  }

  /** As `set`, with all that may be said and asked; `load`: by which claim the value was loaded, 0: it was not. */
  #setWith(key: CacheKey, value: V, bytes: Uint8Array, options: SetOptions | undefined, load: number): boolean {
    if (!(bytes instanceof Uint8Array))
      throw new TypeError(`the codec's encode must answer a Uint8Array, got ${describe(bytes)}`);
    if (this.isLeft) this.#requireOpen();
    const now = this.now();
    const note = this.#noteOf(options, now, load);
    const { onEvict, onInsert } = this.parts;
    const gone: GoneEntry[] | undefined = onEvict === undefined && !this.#teller.isHeard ? undefined : [];
    const asker = this.#asker(bytes.length, gone);
    let status: number;
    try {
      const put = (): number => this.port.set(key, bytes, note, now, gone, asker, onEvict !== undefined);
      status = this.parts.fitted(bytes.length, put);
    } catch (error) {
      if (load !== 0) this.port.forgetLoad();
      throw error;
    }
    if (status !== OK) this.#isRefused(status, key);
    if (this.flights.count > 0 && load === 0) this.flights.overtake(key);
    this.parts.charged?.();
    if (gone !== undefined && gone.length > 0) this.#tellGone(gone);
    if (status === OK && onInsert !== undefined) alone(() => onInsert({ key, value }));
    return status === OK;
  }

  /** What is said of a value that is put in at `now`. */
  #noteOf(options: SetOptions | undefined, now: number, load: number): CacheNote {
    const { ttl, priority, namespace } = options === undefined ? NO_OPTIONS : setOptions(options);
    const space = namespace === undefined ? 0 : this.#space(namespace);
    return { space, priority, tag: 0, expires: expiryOf(ttl, this.ttl, now, this.port.staleMs), load };
  }

  /** Asks the caller's own policy what is to go, a few times for one value. */
  #asker(bytes: number, gone: GoneEntry[] | undefined): (() => boolean) | undefined {
    const custom = this.custom;
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
        if (this.isLeft) return;
        const key = isCandidate(one) ? one.key : one;
        const value = gone === undefined ? undefined : this.port.get(key, 1, this.now);
        if (!this.port.drop(key, this.now())) continue;
        count++;
        if (value !== undefined) gone?.push({ key, bytes: value.length, value, tag: 0, isExpired: false });
      }
    });
    return count;
  }

  #tellGone(gone: readonly GoneEntry[]): void {
    const { onEvict } = this.parts;
    if (this.#teller.isHeard) this.#teller.tell(gone);
    if (onEvict === undefined) return;
    for (const { key, value, isExpired } of gone) {
      alone(() => onEvict({ key, value: this.codec.decode(value) }, isExpired ? "expired" : "evicted"));
    }
  }

  /**
   * Calls `listener` with what other threads evict, or find expired: key, length of its value, and how many more there were that could not be told (`missed`).
   * Soon after, in a turn of its own, one after the other; it may do with the cache whatever it likes, and does not keep the process alive. By a ring of the
   * region, 1,024 records and 256 KiB at most, of which the oldest go; a set costs other threads more only while somebody listens. What this thread evicts:
   * `onEvict`. Returns the function that ends it, as does `signal`, `close`, or the thread's end.
   * @throws TypeError; MemoryLimitExceededError where there is no memory for the ring; RegionBusyError.
   */
  subscribe(listener: EvictionListener, options?: { signal?: AbortSignal }): () => void {
    this.#requireOpen();
    if (typeof listener !== "function")
      throw new TypeError(`subscribe needs a function to call, got ${describe(listener)}`);
    const { signal } = ownOptions<{ signal?: AbortSignal }>("subscribe", options, ["signal"]);
    requireSignal("subscribe", signal);
    if (this.isLeft || signal?.aborted) return () => {};
    const end = this.parts.hearer.add(listener, this.port);
    const stop = (): void => {
      if (!this.#subscriptions.delete(stop)) return;
      signal?.removeEventListener("abort", stop);
      end();
    };
    this.#subscriptions.add(stop);
    signal?.addEventListener("abort", stop);
    return stop;
  }

  /**
   * Takes the entry of this key out. False: there was none. O(1). Gone it is at once; to take it out waits for the latch, `busyMs` at most. Where the key is being loaded it takes the latch first, so that the load is
   * either in by then and goes too, or never put in. Where that is not to be had within `busyMs`, what was loaded may be seen until its holder goes on.
   */
  delete(key: CacheKey): boolean {
    this.#requireOpen();
    const isGone = this.port.delete(key);
    if (this.flights.count > 0) this.flights.overtake(key);
    return isGone;
  }

  /** Takes everything out. O(entries). @throws RegionBusyError when another thread that has the latch does not go on. */
  clear(): void {
    this.#requireOpen();
    this.flights.overtakeAll();
    if (!this.port.clear()) throw new RegionBusyError("clear");
  }

  /** The keys, as they were when this was called; what others put in or take out meanwhile may be among them or not. O(entries). */
  keys(): IterableIterator<CacheKey> {
    this.#requireOpen();
    const now = this.now();
    const { buckets } = this.port;
    const all: CacheKey[] = [];
    for (let bucket = 0; ; bucket++) {
      const keys = this.port.keysIn(bucket, now);
      if (keys === undefined) break;
      for (const key of keys) all.push(key);
    }
    // While the table grew a key may have been met in its old bucket and in its new one.
    return (this.port.buckets === buckets ? all : [...new Map(all.map((key) => [nameOf(key), key])).values()]).values();
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
   * The value of this key, or what `load` makes of it, which is put in. Of all threads one loads a key: the others wait, look again, and load themselves if
   * it is not there then, because the load failed, its thread ended, or its value was not taken. What any thread sets, deletes or clears meanwhile is newer
   * than what is being loaded, which is then answered and not put in. A stale value (`staleWhileRevalidate`) is answered at once, and one thread loads a newer one.
   * What `load` throws is thrown to all of this thread that wait for it, and nothing is kept. `signal` ends the waiting, not the load; without one a load that is
   * slow is waited for, and loads that fetch each other's keys wait for each other. Counts as `get` does, a stale
   * value as a hit. Beyond 64 loads at once a key's is each thread's own, and put in only where nothing is.
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
    this.#noteOf(rest, 0, 0);
    if (!this.port.isKey(key)) throw tooLong(key);
    const found = this.port.getStale(key, this.now);
    if (found !== undefined && !this.port.isStale) return this.codec.decode(found);
    // The caller may change its bytes meanwhile.
    const own = typeof key === "object" ? key.slice() : key;
    const loader: Loader<V> = {
      load: () => load(own),
      put: (value, claim) => void this.#setWith(own, value, this.codec.encode(value), rest, claim),
    };
    if (found === undefined) return this.flights.join(own, (flight) => this.#loads.run(own, loader, flight), signal);
    this.#refresh(own, loader);
    return this.codec.decode(found);
  }

  /** Loads the key anew, unless any thread is at it. */
  #refresh(key: CacheKey, loader: Loader<V>): void {
    if (this.flights.has(key)) return;
    const claim = this.#loads.claim(key);
    if (claim.number <= 0 || claim.number === LOAD_UNCLAIMED) return;
    const failed = (error: unknown): void =>
      alone(() => {
        if (this.parts.onRefreshError === undefined) throw error;
        this.parts.onRefreshError(error, key);
      });
    this.flights.begin(key, (flight) => this.#loads.load(key, loader, flight, claim), failed);
  }

  /**
   * Whether there is room for a value, in the cache, its budget and the region, without anything going: `bytes` of key and value together (C19), of which
   * `keyBytes` are the key's; unless told, all count for `maxValueBytes`. As of this instant, and to the page: the table may grow by one for it, and `hybrid`
   * and `s3-fifo` let go by their parts. O(1), and O(free runs) where it takes new pages.
   */
  canAdd(namespace: string | undefined, bytes: number, keyBytes?: number): { ok: boolean; reason?: "items" | "bytes" } {
    this.#requireOpen();
    integer("bytes", bytes, 0, Number.MAX_SAFE_INTEGER);
    if (keyBytes !== undefined) integer("keyBytes", keyBytes, 0, bytes);
    const { maxItems, maxValues } = this.port.limits;
    const space = this.port.space(namespace === undefined ? 0 : this.#space(namespace));
    if (this.port.items >= maxItems || space.items >= space.maxItems) return { ok: false, reason: "items" };
    const { slot, ways } = this.port.costOf(bytes, keyBytes);
    const values = this.port.numbers().valueBytes + bytes - (keyBytes ?? 0);
    const isWithin = space.bytes + slot <= space.maxBytes && values <= maxValues;
    const isRoom = isWithin && ways.some((way) => this.port.hasRoom(way, this.parts.availableBytes()));
    return isRoom ? { ok: true } : { ok: false, reason: "bytes" };
  }

  /**
   * What may go (M28), up to 64 entries: of each of the policy's lists those at its end, the next to go first; between lists in no order. `bytes` is
   * what one's going frees, `age` milliseconds to a tenth of a second. O(64). Empty when the latch is not to be had.
   */
  candidates(): EvictionCandidate[] {
    this.#requireOpen();
    return this.port.candidates(this.now());
  }

  /**
   * Evicts, in the policy's order, until the cache holds at least `bytes` bytes less (C13), whole pages, or nothing more may go. How many bytes it holds less;
   * 0 also when the latch is not to be had. A size or a share of what it holds, `"25%"`. O(what goes).
   */
  evict(bytes: number | string): number {
    this.#requireOpen();
    const wanted = Math.min(sizeOf("bytes", bytes, this.port.heldBytes), NO_LIMIT);
    const { onEvict } = this.parts;
    const gone: GoneEntry[] | undefined = onEvict === undefined && !this.#teller.isHeard ? undefined : [];
    const freed = this.port.evict(wanted, this.now(), gone, onEvict !== undefined);
    if (gone !== undefined) this.#tellGone(gone);
    return freed;
  }

  /**
   * Changes what it may hold (C25), for every thread at once; what is too much goes at once, what is protected of it when it may, with the next `set` or
   * `evict`. What is left out stays; `Infinity` lifts a limit of items or values. Sizes in bytes, as texts, or as shares of the region. O(what goes).
   * @throws RangeError for fewer bytes than the table has and a page; RegionBusyError.
   */
  setLimits(limits: { maxBytes?: number | string; maxValueBytes?: number | string; maxItems?: number }): void {
    const own = ownOptions("setLimits", limits, ["maxBytes", "maxValueBytes", "maxItems"]);
    this.#requireOpen();
    const before = this.port.limits;
    const whole = this.parts.capacityBytes;
    const bytes = own.maxBytes === undefined ? before.maxBytes : sizeOf("maxBytes", own.maxBytes, whole);
    const { maxValueBytes } = own;
    const values = maxValueBytes === undefined ? before.maxValues : bytesLimit("maxValueBytes", maxValueBytes, whole);
    const items = own.maxItems === undefined ? before.maxItems : itemsLimit(own.maxItems, 1);
    const { leastBytes: least } = this.port;
    if (bytes < least)
      throw new RangeError(`maxBytes must be at least ${least}, for the table and a page, got ${bytes}`);
    if (!this.port.setLimits(Math.min(bytes, NO_LIMIT), values, items)) throw new RegionBusyError("setLimits");
    this.evict(Math.max(0, this.port.heldBytes - bytes));
  }

  /**
   * Changes by what it evicts (C26), for every thread at once; what is in is ranked anew. `critical` lets go also what is protected by its priority (M27) or
   * its age, until it is left out. A policy of the caller's own is asked in this thread only. O(entries). @throws RegionBusyError.
   */
  setPolicy(
    policy: CachePolicyName | CustomPolicy,
    options?: { favour?: CacheFavour; minRetention?: number; critical?: boolean },
  ): void {
    const number = policyNumber(policy);
    const own = ownOptions("setPolicy", options, ["favour", "minRetention", "critical"]);
    this.#requireOpen();
    const favour = own.favour === undefined ? this.port.favour : favourNumber(own.favour);
    const retention = own.minRetention === undefined ? this.port.retention : retentionOf(own.minRetention);
    if (!this.port.setPolicy(number, favour, retention, own.critical === true)) throw new RegionBusyError("setPolicy");
    this.custom = typeof policy === "string" ? undefined : policy;
    this.isPlain = this.asksNobody();
  }

  /** Changes what one namespace may have (C04–C06, C25), for all threads; what is too much goes with its next `set`. O(1). @throws RegionBusyError. */
  setNamespace(namespace: string, limits: { maxItems?: number; maxBytes?: number | string }): void {
    const own = ownOptions("setNamespace", limits, ["maxItems", "maxBytes"]);
    this.#requireOpen();
    const index = this.#space(namespace);
    const before = this.port.space(index);
    const items = own.maxItems === undefined ? before.maxItems : itemsLimit(own.maxItems, 0);
    const bytes = own.maxBytes === undefined ? before.maxBytes : bytesLimit("maxBytes", own.maxBytes, NO_LIMIT);
    if (!this.port.setSpace(index, items, bytes)) throw new RegionBusyError("setNamespace");
  }

  /** What it holds and did (C10, C14), all threads together. Read word by word: exact when nobody is at work. O(threads). */
  stats(): CacheStats {
    this.#requireOpen();
    return statsOf(this.port, this.parts.spaces);
  }

  /**
   * This thread uses the cache no more, and its pins of it are over; with the last thread that leaves its memory goes back, O(pages). A second call does
   * nothing. @throws RegionBusyError.
   */
  close(): void {
    if (this.isLeft) return;
    this.#teller.close();
    if (!this.port.leave(false)) throw new RegionBusyError("close");
    this.#left();
  }

  /** @internal As `close`, for a region that is being closed: what cannot be done now, its detaching does. */
  leave(): void {
    if (this.isLeft) return;
    this.#teller.close();
    this.port.leave(true);
    this.#left();
  }

  #left(): void {
    this.isLeft = true;
    this.isPlain = false;
    for (const stop of [...this.#subscriptions]) stop();
    this.#loads.close();
    this.parts.left();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #space(namespace: string): number {
    const index = this.parts.spaces.indexOf(namespace);
    if (index >= 0) return index + 1;
    const known = this.parts.spaces.map((name) => `"${name}"`).join(", ") || "none";
    throw new RangeError(`cache "${this.name}" has no namespace ${describe(namespace)}; there are ${known}`);
  }

  #requireOpen(): void {
    if (this.isLeft) throw new CacheClosedError(this.name);
  }
}

/** What the core is told of a value of which nothing is said. */
const PLAIN = aboutOf(0, CACHE_PRIORITIES.normal, 0);
const FETCH_KNOWN = ["ttl", "priority", "namespace", "signal"] as const;
const NO_OPTIONS = { ttl: undefined, priority: CACHE_PRIORITIES.normal, namespace: undefined } as const;
