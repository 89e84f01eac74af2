// Options of a cache, checked at the edge, and how they stand in the region so that every thread that opens the cache works by the same.

import {
  CACHE_SPACES_MAX,
  CONFIG_WORDS,
  leastBytes,
  MEASURE_BYTES,
  MEASURE_ITEMS,
  MEASURE_VALUES,
  NO_LIMIT,
} from "../../bindings/caches.js";
import type { Core } from "../../bindings/core.js";
import type { Budget } from "../budget.js";
import { integer, ownOptions } from "../options.js";
import type { RingCodec, RingCodecName } from "../ring/codec.js";
import { describe, parseSize } from "../size.js";
import {
  type CacheFavour,
  type CachePolicyName,
  type CachePriority,
  type CustomPolicy,
  favourNumber,
  policyNumber,
  priorityOf,
} from "./policies.js";

/** What one namespace of a cache may have (C04–C06): no limit unless told. */
export interface NamespaceLimits {
  /** Most entries. */
  maxItems?: number;
  /** Most bytes of the slots in which its entries lie: keys, values and their headers. */
  maxBytes?: number | string;
}

/** What goes, and why. */
export interface CacheEntry<V> {
  readonly key: string | number | Uint8Array;
  readonly value: V;
}
/** By the policy, or because its time was over. */
export type EvictReason = "evicted" | "expired";

/**
 * How a cache is made. Limits, policy, `ttl`, `staleWhileRevalidate`, `minRetention`, `favour` and `namespaces` are the cache's, for all threads; who opens it after the first says the
 * same, or nothing. `codec`, `onEvict`, `onInsert`, `onRefreshError`, `now` and a policy of one's own are each thread's.
 */
export interface CacheOptions<V = Uint8Array> {
  /** Most bytes of everything: keys, values, table and bookkeeping. Bytes, a text such as `"64MiB"`, or `"25%"` of the region. Half the region
   *  unless told, all of it where `maxValueBytes` or `maxItems` is. At least what the books of that many owners take, a table and a page: 40 KB at 64 owners. */
  maxBytes?: number | string;
  /** Most bytes of values alone. */
  maxValueBytes?: number | string;
  /** Most entries. */
  maxItems?: number;
  /** `"hybrid"` unless told. One of the caller's own is asked in the thread that gave it. */
  policy?: CachePolicyName | CustomPolicy;
  /** What `hybrid` spares more; `"both"` unless told. */
  favour?: CacheFavour;
  /** For how many milliseconds a value is there; for ever unless told. */
  ttl?: number;
  /** For how many milliseconds after its time a value is kept for `fetch`, which answers it at once and loads a newer one beside; 0 unless told. To all
   *  else it has expired. It counts, and goes by the policy, like any other. */
  staleWhileRevalidate?: number;
  /** For how many milliseconds nothing that came in is evicted (M12); 0 unless told. Where nothing may go, a value is not taken. */
  minRetention?: number;
  /** Kinds of entries with limits of their own, up to 12. */
  namespaces?: Record<string, NamespaceLimits>;
  /** Told of each entry that this thread pushed out or found expired while it put one in, after that is done. */
  onEvict?: (entry: CacheEntry<V>, reason: EvictReason) => void;
  /** Told of each entry that this thread put in. */
  onInsert?: (entry: CacheEntry<V>) => void;
  /** Told of what a load threw that was to make a stale value new, and which nobody waited for. Unless told it is thrown in a turn of its own. */
  onRefreshError?: (error: unknown, key: string | number | Uint8Array) => void;
  /** What its values are as bytes; `"bytes"` unless told. Each thread says this for itself. */
  codec?: RingCodec<V> | RingCodecName;
  /** What its memory is charged to: whoever needs room there makes the cache smaller. */
  budget?: Budget;
  /** The clock, in milliseconds; `Date.now` unless told. */
  now?: () => number;
}

/** What is said of one value. */
export interface SetOptions {
  /** For how many milliseconds it is there; as the cache says unless told. `Infinity`: for ever. */
  ttl?: number;
  /** How long it is kept, 0 … 100 or by name; `"normal"` (50) unless told. */
  priority?: CachePriority;
  /** Of which kind it is. */
  namespace?: string;
}

/** @internal What a cache works by. */
export interface CacheRules {
  readonly maxBytes: number;
  readonly maxValues: number;
  readonly maxItems: number;
  readonly policy: number;
  readonly measure: number;
  readonly favour: number;
  readonly ttl: number;
  readonly stale: number;
  readonly retention: number;
  readonly spaces: readonly { readonly name: string; readonly maxItems: number; readonly maxBytes: number }[];
}

const KNOWN = [
  "maxBytes",
  "maxValueBytes",
  "maxItems",
  "policy",
  "favour",
  "ttl",
  "staleWhileRevalidate",
  "minRetention",
  "namespaces",
  "onEvict",
  "onInsert",
  "onRefreshError",
  "codec",
  "budget",
  "now",
] as const;
const SET_KNOWN = ["ttl", "priority", "namespace"] as const;
const TTL_MAX = 8.64e15;
const RETENTION_MAX = NO_LIMIT * 50;

/** @internal The options of `region.cache`, without a prototype. */
export function cacheOptions<V>(options: CacheOptions<V> | undefined): Partial<CacheOptions<V>> {
  const own = ownOptions<CacheOptions<V>>("cache", options, KNOWN);
  for (const hook of ["onEvict", "onInsert", "onRefreshError", "now"] as const) {
    if (own[hook] !== undefined && typeof own[hook] !== "function")
      throw new TypeError(`${hook} must be a function, got ${describe(own[hook])}`);
  }
  return own;
}

/** @internal What the options say. */
export function rulesOf(own: Partial<CacheOptions<never>>, core: Core): CacheRules {
  const { capacityBytes } = core;
  const spaces = spacesOf(own.namespaces);
  const isCounted = own.maxValueBytes !== undefined || own.maxItems !== undefined;
  const whole = isCounted ? capacityBytes : Math.floor(capacityBytes / 2);
  const maxBytes = own.maxBytes === undefined ? whole : sizeOf("maxBytes", own.maxBytes, capacityBytes);
  const least = leastBytes(core, spaces.length);
  if (maxBytes < least) throw new RangeError(`maxBytes must be at least ${least} here, got ${maxBytes}`);
  const maxValues = bytesLimit("maxValueBytes", own.maxValueBytes ?? Number.POSITIVE_INFINITY, capacityBytes);
  const maxItems = itemsLimit(own.maxItems ?? Number.POSITIVE_INFINITY, 1);
  return {
    maxBytes: Math.min(maxBytes, NO_LIMIT),
    maxValues,
    maxItems,
    policy: policyNumber(own.policy ?? "hybrid"),
    measure:
      own.maxBytes !== undefined || !isCounted
        ? MEASURE_BYTES
        : own.maxValueBytes === undefined
          ? MEASURE_ITEMS
          : MEASURE_VALUES,
    favour: favourNumber(own.favour ?? "both"),
    ttl: own.ttl === undefined ? Number.POSITIVE_INFINITY : lifeOf("ttl", own.ttl),
    stale: staleOf(own.staleWhileRevalidate),
    retention: retentionOf(own.minRetention),
    spaces,
  };
}

/** @internal In tenths of a second, so many that what came in at the end of one is as old: one more than it has. */
export function retentionOf(minRetention: number | undefined): number {
  if (minRetention === undefined || integer("minRetention", minRetention, 0, RETENTION_MAX) === 0) return 0;
  return Math.ceil(minRetention / 100) + 1;
}

/** @internal The most that so many tenths stand for. */
export function millisecondsOf(retention: number): number {
  return Math.max(0, retention - 1) * 100;
}

/** @internal */
export function sizeOf(name: string, size: number | string, whole: number): number {
  const bytes = parseSize(size, whole);
  if (Number.isFinite(bytes) && bytes >= 0) return Math.floor(bytes);
  throw new RangeError(`${name} must be bytes, got ${describe(size)}`);
}

/** @internal A limit in bytes; `Infinity`: none. */
export function bytesLimit(name: string, size: number | string, whole: number): number {
  return size === Number.POSITIVE_INFINITY ? NO_LIMIT : Math.min(sizeOf(name, size, whole), NO_LIMIT);
}

/** @internal A limit of entries; `Infinity`: none. */
export function itemsLimit(items: number, least: number): number {
  return items === Number.POSITIVE_INFINITY ? NO_LIMIT : integer("maxItems", items, least, NO_LIMIT);
}

function lifeOf(name: string, life: number): number {
  if (typeof life !== "number") throw new TypeError(`${name} must be a number of milliseconds, got ${describe(life)}`);
  if (life > 0 && (life <= TTL_MAX || life === Number.POSITIVE_INFINITY)) return life;
  throw new RangeError(`${name} must be above 0 and up to ${TTL_MAX} milliseconds, or Infinity, got ${life}`);
}

/** 0: nothing is kept beyond its time. */
function staleOf(stale: number | undefined): number {
  if (stale === undefined) return 0;
  if (typeof stale === "number" && stale >= 0 && stale <= TTL_MAX) return stale;
  const what = `staleWhileRevalidate must be 0 to ${TTL_MAX} milliseconds, got ${describe(stale)}`;
  throw typeof stale === "number" ? new RangeError(what) : new TypeError(what);
}

function spacesOf(namespaces: Record<string, NamespaceLimits> | undefined): CacheRules["spaces"] {
  if (namespaces === undefined) return [];
  if (typeof namespaces !== "object" || namespaces === null)
    throw new TypeError(`namespaces must be an object of limits, got ${describe(namespaces)}`);
  const names = Object.keys(namespaces);
  if (names.length > CACHE_SPACES_MAX)
    throw new RangeError(`a cache has at most ${CACHE_SPACES_MAX} namespaces, got ${names.length}`);
  return names.map((name) => {
    const own = ownOptions<NamespaceLimits>(`namespace "${name}"`, namespaces[name], ["maxItems", "maxBytes"]);
    return {
      name,
      maxItems: itemsLimit(own.maxItems ?? Number.POSITIVE_INFINITY, 0),
      maxBytes: bytesLimit("maxBytes", own.maxBytes ?? Number.POSITIVE_INFINITY, NO_LIMIT),
    };
  });
}

/** @internal What stands in the region of the rules: the time to live, that beyond it, and the names of the namespaces by number. */
export function configOf(rules: CacheRules, names: readonly number[]): number[] {
  const config = [...new Uint32Array(new Float64Array([rules.ttl, rules.stale]).buffer), names.length, ...names];
  while (config.length < CONFIG_WORDS) config.push(0);
  return config;
}

/** @internal */
export function configIn(config: readonly number[]): { ttl: number; stale: number; names: number[] } {
  const [ttl, stale] = new Float64Array(new Uint32Array(config.slice(0, 4)).buffer) as Iterable<number>;
  return { ttl: ttl as number, stale: stale as number, names: config.slice(5, 5 + (config[4] as number)) };
}

/** @internal When a value that is put in at `now` goes, `stale` milliseconds after it expires; 0: never. */
export function expiryOf(ttl: number | undefined, by: number, now: number, stale: number): number {
  const life = ttl === undefined ? by : lifeOf("ttl", ttl);
  return life === Number.POSITIVE_INFINITY ? 0 : now + life + stale;
}

/** @internal */
export function setOptions(options: SetOptions | undefined): {
  ttl: number | undefined;
  priority: number;
  namespace: string | undefined;
} {
  const { ttl, priority, namespace } = ownOptions<SetOptions>("set", options, SET_KNOWN);
  return { ttl, priority: priorityOf(priority), namespace };
}
