// Stats: what a cache did, as its counters in the region say (C14, M47). Owns nothing.

import type { CachePort } from "../../bindings/caches.js";
import { NO_LIMIT } from "../../bindings/caches.js";
import { type CachePolicyName, POLICIES } from "./policies.js";

/** Counters are modulo 2^32; all threads' together, read one after the other. */
export interface CacheStats {
  readonly policy: CachePolicyName;
  /** Entries, those that expired and were not met since among them. */
  readonly items: number;
  /** Bytes of everything the cache holds, the most it ever held, and the most it may. */
  readonly heldBytes: number;
  readonly peakBytes: number;
  readonly maxBytes: number;
  /** Bytes of the slots in which entries lie, of values alone, and of table and bookkeeping. */
  readonly entryBytes: number;
  readonly valueBytes: number;
  readonly tableBytes: number;
  /** Lookups by `get`, `getInto`, `pin` and `fetch`. */
  readonly hits: number;
  readonly misses: number;
  /** hits / (hits + misses); 0 before the first lookup. */
  readonly hitRatio: number;
  /**
   * Values that came in, how many of them in place of another, and entries that went: by the policy, by their time, by `delete`, by `clear`, and by a `set` of
   * their key that was refused. What came in less what went is `items`.
   */
  readonly sets: number;
  readonly replaced: number;
  readonly evictions: number;
  readonly expirations: number;
  readonly deletions: number;
  readonly cleared: number;
  readonly withdrawn: number;
  /** Entries that moved to another page so that one came free. */
  readonly moved: number;
  /** Values that were not taken, by why. */
  readonly refused: {
    /** Larger than the cache may hold at all. */
    readonly tooLarge: number;
    /** Nothing might go: all was protected, too young or pinned. */
    readonly protected: number;
    /** What it would have displaced is asked for more often. */
    readonly notAdmitted: number;
    /** Its namespace has no room, and nothing in it might go. */
    readonly namespace: number;
    /** The region or the budget had no room, in one piece, although much went for it. */
    readonly memory: number;
    /** Another thread had the latch for longer than the region's `busyMs`. */
    readonly busy: number;
  };
  /** How old entries were when they were evicted: how many below 1 s, 2 s, 4 s …, and more. */
  readonly evictionAges: readonly number[];
  readonly namespaces: Readonly<Record<string, NamespaceStats>>;
}

/** What a namespace has and may have; without a limit Infinity. */
export interface NamespaceStats {
  readonly items: number;
  readonly bytes: number;
  readonly maxItems: number;
  readonly maxBytes: number;
}

const limit = (most: number): number => (most === NO_LIMIT ? Number.POSITIVE_INFINITY : most);

/** @internal */
export function statsOf(port: CachePort, names: readonly string[]): CacheStats {
  const { hits, misses, gone, refused, ages, ...rest } = port.numbers();
  const namespaces: Record<string, NamespaceStats> = {};
  names.forEach((name, i) => {
    const { items, bytes, maxItems, maxBytes } = port.space(i + 1);
    namespaces[name] = { items, bytes, maxItems: limit(maxItems), maxBytes: limit(maxBytes) };
  });
  return {
    policy: POLICIES[port.policy] as CachePolicyName,
    items: rest.items,
    heldBytes: rest.heldBytes,
    peakBytes: rest.peakBytes,
    maxBytes: port.limits.maxBytes,
    entryBytes: rest.bytes,
    valueBytes: rest.valueBytes,
    tableBytes: rest.tableBytes,
    hits,
    misses,
    hitRatio: hits + misses === 0 ? 0 : hits / (hits + misses),
    sets: rest.sets,
    replaced: rest.replaced,
    evictions: gone[0] as number,
    expirations: gone[1] as number,
    deletions: gone[2] as number,
    withdrawn: gone[3] as number,
    cleared: gone[4] as number,
    moved: rest.moved,
    refused: {
      tooLarge: refused[0] as number,
      protected: refused[1] as number,
      notAdmitted: refused[2] as number,
      namespace: refused[3] as number,
      memory: refused[4] as number,
      busy: refused[5] as number,
    },
    evictionAges: ages,
    namespaces,
  };
}
