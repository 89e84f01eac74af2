// Policies: by what a cache evicts, by name and by the core's number.

import { describe } from "../size.js";
import type { CacheKey } from "../../bindings/caches.js";

/**
 * By what a cache evicts (C12, M11, M26–M27): what is worth least for its size (`hybrid`); what was used the longest ago (`lru`), came the longest ago (`fifo`), was
 * used the least, ageing (`lfu`), expires next (`ttl`), is largest (`size`), has the lowest priority (`priority`); `sieve` and `s3-fifo` as published.
 */
export type CachePolicyName = "hybrid" | "lru" | "fifo" | "lfu" | "ttl" | "size" | "priority" | "sieve" | "s3-fifo";

/** What may go (M28). */
export interface EvictionCandidate {
  readonly key: CacheKey;
  /** Bytes that its going frees. */
  readonly bytes: number;
  /** For how many milliseconds it has been in. */
  readonly age: number;
  /** 0 … 100; higher is kept longer. */
  readonly priority: number;
  /** How often it was hit, as the policy counts: exact under `lfu`. */
  readonly frequency: number;
}

/**
 * A policy of the caller's (M28): says which of the candidates go so that `bytesNeeded` come free, as candidates or as keys. Asked in the thread that gave it, up to
 * three times for a value, outside of every lock; what it leaves open, or throws over, `hybrid` decides.
 */
export interface CustomPolicy {
  evict(bytesNeeded: number, candidates: readonly EvictionCandidate[]): Iterable<EvictionCandidate | CacheKey>;
}

/** @internal In the order of the core's numbers. */
export const POLICIES: readonly CachePolicyName[] = [
  "hybrid",
  "lru",
  "fifo",
  "lfu",
  "ttl",
  "size",
  "priority",
  "sieve",
  "s3-fifo",
];

/** What `hybrid` spares more: requests that miss, bytes that miss, or both alike. */
export type CacheFavour = "both" | "bytes" | "requests";
/** @internal In the order of the core's numbers. */
export const FAVOURS: readonly CacheFavour[] = ["both", "bytes", "requests"];

/** Priorities by name, and those of the stream controller's specification (M27). */
export const CACHE_PRIORITIES = {
  low: 20,
  normal: 50,
  high: 80,
  critical: 100,
  keyframe: 100,
  "p-frame": 80,
  "b-frame": 60,
  metadata: 40,
  packet: 20,
} as const;
export type CachePriority = keyof typeof CACHE_PRIORITIES | number;

/** @internal */
export function priorityOf(priority: CachePriority | undefined): number {
  if (priority === undefined) return CACHE_PRIORITIES.normal;
  if (typeof priority === "number") {
    if (Number.isInteger(priority) && priority >= 0 && priority <= 100) return priority;
    throw new RangeError(`priority must be an integer from 0 to 100, got ${priority}`);
  }
  if (typeof priority === "string" && Object.hasOwn(CACHE_PRIORITIES, priority)) return CACHE_PRIORITIES[priority];
  const names = Object.keys(CACHE_PRIORITIES).join(", ");
  throw new TypeError(`priority must be a number from 0 to 100 or one of ${names}, got ${describe(priority)}`);
}

/** @internal */
export function policyNumber(policy: CachePolicyName | CustomPolicy): number {
  if (typeof policy === "string") {
    const number = POLICIES.indexOf(policy);
    if (number >= 0) return number;
    throw new RangeError(`policy must be one of ${POLICIES.join(", ")}, or an object with evict, got "${policy}"`);
  }
  if (typeof (policy as Partial<CustomPolicy> | null)?.evict === "function") return 0;
  throw new TypeError(`policy must be one of ${POLICIES.join(", ")}, or an object with evict, got ${describe(policy)}`);
}

/** @internal */
export function isCandidate(one: EvictionCandidate | CacheKey): one is EvictionCandidate {
  return typeof one === "object" && !(one instanceof Uint8Array);
}

/** @internal */
export function favourNumber(favour: CacheFavour): number {
  const number = FAVOURS.indexOf(favour);
  if (number >= 0) return number;
  throw new RangeError(`favour must be one of ${FAVOURS.join(", ")}, got ${describe(favour)}`);
}
