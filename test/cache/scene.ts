// Caches for the tests: a region with a cache and a clock that only the test moves, and what holds of every cache at rest.
import { expect } from "vitest";
import { type Cache, type CacheKey, type CacheOptions, Region } from "../../src/index.js";
import { expectSound, KIB, MIB } from "../lib/regions.js";

export { KIB, MIB } from "../lib/regions.js";

/** A clock that stands still until the test moves it. It begins at a time of day, as clocks do: what counts in 32 bits must bear that. */
export class Clock {
  ms = 1_700_000_000_000;
  readonly now = (): number => this.ms;
}

export interface Scene<V> {
  readonly r: Region;
  readonly cache: Cache<V>;
  readonly clock: Clock;
  /** Every invariant holds, no byte is counted twice or not at all, and the cache never held more than it may. */
  readonly expectExact: () => void;
}

/** A region of 1 MiB with a cache of 256 KiB, unless told. */
export function scene<V = Uint8Array>(options: CacheOptions<V> = {}, size = MIB): Scene<V> {
  const clock = new Clock();
  const r = Region.createSync({ size, maxOwners: 4, busyMs: 100 });
  const isCounted = options.maxItems !== undefined || options.maxValueBytes !== undefined;
  const cache = r.cache<V>("cache", { ...(isCounted ? {} : { maxBytes: 256 * KIB }), now: clock.now, ...options });
  // What this thread has beside what the cache holds: the place for its keys.
  const beside = r.usedBytes - cache.stats().heldBytes;
  const most = cache.stats().maxBytes;
  return {
    r,
    cache,
    clock,
    expectExact() {
      expectSound(r);
      const { heldBytes, peakBytes, items, entryBytes, valueBytes, tableBytes } = cache.stats();
      expect(r.usedBytes - heldBytes, "used bytes that are not the cache's").toBe(beside);
      expect(peakBytes).toBeLessThanOrEqual(most);
      expect(heldBytes).toBeLessThanOrEqual(peakBytes);
      expect(entryBytes + tableBytes).toBeLessThanOrEqual(heldBytes);
      expect(valueBytes).toBeLessThanOrEqual(entryBytes);
      expect(cache.size).toBe(items);
    },
  };
}

/** A cache of texts. */
export const texts = (options: CacheOptions<string> = {}, size = MIB): Scene<string> =>
  scene<string>({ codec: "utf8", ...options }, size);

/** `count` bytes that follow from `seed`. */
export function bytes(count: number, seed = 1): Uint8Array {
  const made = new Uint8Array(count);
  for (let i = 0; i < count; i++) made[i] = (seed * 31 + i * 7) & 255;
  return made;
}

/** The error that `act` throws. */
export function thrown(act: () => unknown): Error & { code?: string } {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not throw");
}

/** Which of these keys are in. Counts as no lookup. */
export const present = <K extends CacheKey>(cache: Cache<any>, keys: readonly K[]): K[] =>
  keys.filter((key) => cache.has(key));
