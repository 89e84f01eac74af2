// Parts: what a cache is made of, as it is opened. Owns nothing.

import type { CacheKey, CachePort } from "../../bindings/caches.js";
import type { RingCodec } from "../ring/codec.js";
import type { EvictionRings, Hearer } from "./evictions.js";
import type { CacheEntry, EvictReason } from "./options.js";
import type { CustomPolicy } from "./policies.js";

/** @internal What a cache is made of. */
export interface CacheParts<V> {
  readonly port: CachePort;
  readonly name: string;
  readonly codec: RingCodec<V>;
  readonly ttl: number;
  readonly spaces: readonly string[];
  readonly capacityBytes: number;
  /** How many bytes more its budget has room for. */
  readonly availableBytes: () => number;
  readonly custom: CustomPolicy | undefined;
  readonly onEvict: ((entry: CacheEntry<V>, reason: EvictReason) => void) | undefined;
  readonly onInsert: ((entry: CacheEntry<V>) => void) | undefined;
  readonly onRefreshError: ((error: unknown, key: CacheKey) => void) | undefined;
  readonly rings: EvictionRings;
  /** How this thread hears of evictions, in this Cache or another of the same cache. */
  readonly hearer: Hearer;
  readonly now: () => number;
  /** Lowers what is held, for the budget's sake; after a set. */
  readonly charged: (() => void) | undefined;
  /** What `put` answers; where the budget has no memory for so many bytes, after its reclaimers made room. */
  readonly fitted: (bytes: number, put: () => number) => number;
  /** Throws where the core answered that nothing works any more. */
  readonly requireSound: (status: number) => void;
  readonly left: () => void;
}
