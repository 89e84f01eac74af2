// One run of random commands on a cache, beside a map of what was put in last (fuzz.test.ts).
import { expect } from "vitest";
import { type Cache, type CacheKey, type CachePolicyName, type CacheStats, type Pin, Region } from "../../src/index.js";
import { type Random, random } from "../lib/random.js";
import { expectSound, KIB, MIB } from "../lib/regions.js";

/** What the runs came to. */
export interface Totals {
  evictions: number;
  expirations: number;
  moved: number;
  refused: number;
  long: number;
  grown: number;
  pinned: number;
  hooks: number;
}

interface Known {
  readonly key: CacheKey;
  readonly length: number;
  readonly seed: number;
  /** From when on it is expired. */
  readonly expires: number;
  readonly space: string | undefined;
}

interface Held {
  readonly pin: Pin;
  readonly known: Known;
}

const POLICIES: CachePolicyName[] = ["hybrid", "lru", "fifo", "lfu", "ttl", "size", "priority", "sieve", "s3-fifo"];
const SPACES = ["a", "b"] as const;
/** Of those that a value may push out none goes for a value that there is room for. */
const STRICT: CachePolicyName[] = ["lru", "fifo", "lfu", "ttl", "size", "sieve"];
const LONG = 2048;

const fill = (target: Uint8Array, seed: number): Uint8Array => {
  for (let i = 0; i < target.length; i++) target[i] = (seed + i * 13) & 255;
  return target;
};
const isFilled = (bytes: Uint8Array, { length, seed }: Known): boolean => {
  if (bytes.length !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[i] !== ((seed + i * 13) & 255)) return false;
  return true;
};
const nameOf = (key: CacheKey): string => (typeof key === "object" ? `b${key.join()}` : `${typeof key}${key}`);

export class FuzzRun {
  readonly trail: string[] = [];
  readonly #by: Random;
  readonly #r: Region;
  readonly #caches: Cache[];
  readonly #most: number;
  readonly #totals: Totals;
  /** The last value of each key that may be in. */
  readonly #known = new Map<string, Known>();
  readonly #pins: Held[] = [];
  readonly #target = new Uint8Array(24 * KIB);
  readonly #weights: readonly string[];
  readonly #beside: number;
  readonly #table: number;
  #policy: CachePolicyName;
  #now = 1_690_000_000_000;
  #isMortal = false;
  #cleared = 0;
  /** Most entries that values that were refused may have taken with them. */
  #lost = 0;
  #seeds = 0;
  #usual = 100;

  constructor(policy: CachePolicyName, seed: number, totals: Totals) {
    this.#by = random(seed);
    this.#totals = totals;
    this.#policy = policy;
    this.#r = Region.createSync({ size: MIB, maxOwners: 4 });
    this.#most = this.#by.size(40 * KIB, 400 * KIB);
    const counts = this.#by.below(4);
    const limits = {
      ...(counts === 1 ? { maxItems: 5 + this.#by.below(100) } : {}),
      ...(counts === 2 ? { maxValueBytes: this.#by.size(4 * KIB, 100 * KIB) } : {}),
    };
    const options = {
      maxBytes: this.#most,
      policy,
      ...limits,
      namespaces: { a: this.#by.below(2) ? { maxItems: 10 } : {}, b: this.#by.below(2) ? { maxBytes: 20 * KIB } : {} },
      now: () => this.#now,
    };
    const before = this.#r.usedBytes;
    const hook = this.#by.below(2) ? { onEvict: this.#gone } : {};
    this.#caches = [this.#r.cache("fuzz", { ...options, ...hook })];
    const other = Region.attachSync(this.#r.handle());
    this.#caches.push(other.cache("fuzz", { namespaces: options.namespaces, now: options.now }));
    this.#beside = this.#r.usedBytes - before - this.#stats().heldBytes;
    this.#table = this.#stats().tableBytes;
    const all = Object.keys(this.#commands);
    const chosen = all.filter((name) => name === "set" || this.#by.below(4) > 0);
    this.#weights = chosen.flatMap((name) => Array<string>(this.#weightOf(name)).fill(name));
  }

  #weightOf(name: string): number {
    const often: Record<string, number> = {
      set: 30,
      get: 20,
      getInto: 8,
      pin: 4,
      unpin: 5,
      delete: 6,
      has: 4,
      later: 4,
      peek: 4,
    };
    return often[name] ?? 1;
  }

  get #cache(): Cache {
    return this.#by.pick(this.#caches);
  }

  #stats(): CacheStats {
    return this.#caches[0]!.stats();
  }

  /** Few enough that keys come again, of every kind and some long. */
  #key(): CacheKey {
    const { next, below } = this.#by;
    const number = Math.floor(below(4) ? below(60) : next() % 3000);
    switch (number % 8) {
      case 0:
        return number / 3;
      case 1:
        return new Uint8Array([number & 255, number >> 8, 7]);
      case 2:
        return `κλειδί ${number}`;
      case 3:
        return `${"long ".repeat(1 + (number % 97))}${number}`;
      default:
        return `k${number}`;
    }
  }

  #length(): number {
    const { below, size } = this.#by;
    const kind = below(20);
    if (kind === 0) return 0;
    if (kind < 3) return size(LONG, 16 * KIB);
    return kind < 6 ? size(1, 1200) : this.#usual + below(20);
  }

  #isExpired = ({ expires }: Known): boolean => expires <= this.#now;

  /** An entry was pushed out: it was what the map says, and is gone. */
  #gone = ({ key, value }: { key: CacheKey; value: Uint8Array }): void => {
    this.#totals.hooks++;
    const known = this.#known.get(nameOf(key));
    expect(known, `pushed out: ${nameOf(key)}`).toBeDefined();
    expect(isFilled(value, known!), `what was pushed out of ${nameOf(key)}`).toBe(true);
    if (!this.#caches[0]!.has(key)) this.#known.delete(nameOf(key));
  };

  /** What a lookup found must be the key's last value; what it did not find is not in any more. */
  #found(key: CacheKey, value: Uint8Array | undefined): void {
    const known = this.#known.get(nameOf(key));
    if (value === undefined) this.#known.delete(nameOf(key));
    else {
      expect(known, `there is a value under ${nameOf(key)}`).toBeDefined();
      expect(this.#isExpired(known!), `${nameOf(key)} expired`).toBe(false);
      expect(isFilled(value, known!), `the value under ${nameOf(key)} is the last one`).toBe(true);
    }
  }

  readonly #commands: Record<string, () => void> = {
    set: () => {
      const key = this.#key();
      const length = this.#length();
      const seed = ++this.#seeds;
      const { below } = this.#by;
      const ttl = below(8) === 0 ? 1 + below(5000) : undefined;
      const space = below(4) === 0 ? this.#by.pick(SPACES) : undefined;
      const priority = below(6) === 0 ? below(101) : 50;
      const options = {
        priority,
        ...(ttl === undefined ? {} : { ttl }),
        ...(space === undefined ? {} : { namespace: space }),
      };
      const cache = this.#cache;
      const isNew = !cache.has(key);
      const room =
        typeof key === "string" && isNew
          ? cache.canAdd(space, new TextEncoder().encode(key).length + length)
          : undefined;
      const before = this.#stats();
      if (ttl !== undefined) this.#isMortal = true;
      const known = {
        key,
        length,
        seed,
        space,
        expires: ttl === undefined ? Number.POSITIVE_INFINITY : this.#now + ttl,
      };
      // Those it pushes out are told while it is not known.
      const old = this.#known.get(nameOf(key));
      const isIn = cache.set(key, fill(new Uint8Array(length), seed), options);
      if (isIn) this.#known.set(nameOf(key), known);
      else {
        this.#known.delete(nameOf(key));
        this.#lost += old === undefined ? 0 : 1;
        expect(cache.has(key), "a value that was refused leaves nothing of its key").toBe(false);
      }
      if (isIn && length > LONG) this.#totals.long++;
      const after = this.#stats();
      expect(after.sets - before.sets).toBe(+isIn);
      const refused = (stats: CacheStats): number => Object.values(stats.refused).reduce((a, b) => a + b);
      expect(refused(after) - refused(before)).toBe(+!isIn);
      if (room?.ok && STRICT.includes(this.#policy) && after.tableBytes === before.tableBytes) {
        expect(isIn, `there was room for ${length} bytes: ${JSON.stringify(after.refused)}`).toBe(true);
        expect(
          after.evictions,
          `nothing goes where there is room: ${length} ${String(key)} ${JSON.stringify([options, before, after])}`,
        ).toBe(before.evictions);
      }
    },
    get: () => {
      const key = this.#key();
      this.#found(key, this.#cache.get(key));
    },
    peek: () => {
      const key = this.#key();
      this.#found(key, this.#cache.peek(key));
    },
    getInto: () => {
      const key = this.#key();
      const offset = this.#by.below(64);
      const length = this.#cache.getInto(key, this.#target, offset);
      this.#found(key, length < 0 ? undefined : this.#target.slice(offset, offset + length));
    },
    has: () => {
      const key = this.#key();
      if (!this.#cache.has(key)) this.#known.delete(nameOf(key));
      else expect(this.#known.has(nameOf(key)), `there is ${nameOf(key)}`).toBe(true);
    },
    pin: () => {
      if (this.#pins.length > 20) return;
      const key = this.#key();
      const pin = this.#cache.pin(key);
      this.#found(key, pin?.bytes);
      if (pin === undefined) return;
      this.#totals.pinned++;
      this.#pins.push({ pin, known: this.#known.get(nameOf(key))! });
    },
    unpin: () => {
      const [held] = this.#pins.splice(this.#by.below(this.#pins.length), 1);
      if (held === undefined) return;
      expect(isFilled(held.pin.bytes, held.known), "what is pinned stays as it was").toBe(true);
      held.pin.release();
    },
    delete: () => {
      const key = this.#key();
      const known = this.#known.get(nameOf(key));
      if (this.#cache.delete(key)) expect(known, `there was ${nameOf(key)}`).toBeDefined();
      this.#known.delete(nameOf(key));
      expect(this.#cache.has(key)).toBe(false);
    },
    clear: () => {
      if (this.#by.below(6)) return;
      this.#cleared += this.#stats().items;
      this.#cache.clear();
      this.#known.clear();
      expect(this.#stats()).toMatchObject({ items: 0, valueBytes: 0 });
    },
    keys: () => this.#walk(),
    evict: () => {
      const before = this.#stats().heldBytes;
      const wanted = this.#by.below(30 * KIB);
      const freed = this.#cache.evict(wanted);
      expect(before - this.#stats().heldBytes).toBe(freed);
    },
    setLimits: () => {
      const maxBytes = Math.max(this.#stats().tableBytes + 4096, this.#by.size(40 * KIB, this.#most));
      this.#cache.setLimits({ maxBytes });
      if (this.#pins.length === 0 && !this.#stats().refused.protected) expect(this.#stats().maxBytes).toBe(maxBytes);
    },
    setPolicy: () => {
      const { below, pick } = this.#by;
      if (below(3)) return;
      const isOwn = below(6) === 0;
      this.#policy = isOwn ? "hybrid" : pick(POLICIES);
      const options = { critical: below(4) === 0, minRetention: below(3) === 0 ? below(2000) : 0 };
      this.#cache.setPolicy(
        isOwn ? { evict: (_, candidates) => candidates.slice(0, below(3)) } : this.#policy,
        options,
      );
    },
    setNamespace: () => this.#cache.setNamespace("a", { maxItems: this.#by.below(30) }),
    later: () => void (this.#now += this.#by.size(1, 3000)),
    check: () => this.#check(),
  };

  step(number: number): void {
    // Most values are about as long as one another for a while, and then others are: pages of one length are to become pages of another.
    if (number % 150 === 0) this.#usual = this.#by.size(20, 900);
    const name = this.#by.pick(this.#weights);
    this.trail.push(`${number} ${name}`);
    this.#commands[name]!();
    if (number % 64 === 0) this.#check();
  }

  /** The keys that are listed are those that are found, and their values the last ones. */
  #walk(): void {
    const listed = new Set([...this.#cache.keys()].map(nameOf));
    const cache = this.#cache;
    let bytes = 0;
    for (const [name, known] of this.#known) {
      const value = cache.peek(known.key);
      expect(listed.has(name), `${name} is listed exactly if it is found`).toBe(value !== undefined);
      bytes += value?.length ?? 0;
      this.#found(known.key, value);
    }
    for (const name of listed) expect(this.#known.has(name), `${name} was put in`).toBe(true);
    const { items, valueBytes, namespaces } = this.#stats();
    if (this.#isMortal) return expect(items).toBeGreaterThanOrEqual(listed.size);
    expect([items, valueBytes]).toEqual([listed.size, bytes]);
    for (const space of SPACES) {
      const count = [...this.#known.values()].filter((known) => known.space === space).length;
      expect(namespaces[space]!.items, `namespace ${space}`).toBe(count);
    }
  }

  #check(): void {
    expectSound(this.#r);
    const { heldBytes, peakBytes, items, sets, replaced, evictions, expirations, deletions } = this.#stats();
    expect(this.#r.usedBytes - heldBytes, "used bytes that are not the cache's").toBe(this.#beside);
    expect(peakBytes).toBeLessThanOrEqual(this.#most);
    const rest = sets - replaced - evictions - expirations - deletions - this.#cleared - items;
    expect(rest, "put in = in + gone").toBeGreaterThanOrEqual(0);
    expect(rest, "put in = in + gone").toBeLessThanOrEqual(this.#lost);
  }

  end(): void {
    this.#walk();
    for (const { pin, known } of this.#pins.splice(0)) {
      expect(isFilled(pin.bytes, known)).toBe(true);
      pin.release();
    }
    this.#check();
    const { evictions, expirations, moved, refused, tableBytes } = this.#stats();
    this.#totals.evictions += evictions;
    this.#totals.expirations += expirations;
    this.#totals.moved += moved;
    this.#totals.grown += +(tableBytes > this.#table);
    this.#totals.refused += refused.protected + refused.namespace + refused.tooLarge;
    for (const cache of this.#caches) cache.close();
    expectSound(this.#r, 0);
  }
}
