// Evictions: what threads tell each other of what they evict. Owns this thread's places at the rings by which it tells others, and the ring by which it hears. Each
// owner that wants to hear has a ring of its own, dropping the oldest, and a bit in the cache that says so; who evicts reads the bits, so a set costs a
// look at a word where nobody hears. A thread that died is cleared from them by its recovery, and who told it leaves its ring with the next set.

import { type GoneNote, readGone, writeGone } from "../../bindings/cachegone.js";
import type { CacheKey, CachePort } from "../../bindings/caches.js";
import { RegionBusyError } from "../errors.js";
import { alone } from "../ring/listeners.js";
import type { Ring } from "../ring/ring.js";
import type { EvictReason } from "./options.js";

/** What another thread evicted, or found expired. */
export interface RemoteEviction {
  readonly key: CacheKey;
  /** How many bytes its value had. */
  readonly bytes: number;
  /** How many more went since the last that was told, and could not be: this thread was too slow, or there was no memory. */
  readonly missed: number;
}

/** Hears what other threads evict, and why. */
export type EvictionListener = (entry: RemoteEviction, reason: EvictReason) => void;

/** @internal The rings by which threads hear of evictions in one cache, by the numbers of their names. */
export interface EvictionRings {
  /** A name for this owner's; one of NAMES. */
  readonly nameOf: (turn: number) => number;
  readonly open: (name: number) => Ring;
}

// An ended ring keeps its name until all have left it, who do that with the next thing they evict.
const NAMES = 8;

/** @internal How many evictions can be on their way to a thread, and how many bytes they take. */
export const EVICTION_RING = { capacity: 1024, maxBytes: 262_144, overflow: "drop-oldest" } as const;

/** @internal How this thread tells others. */
export class Teller {
  readonly #port: CachePort;
  readonly #rings: EvictionRings;
  /** By owner index. */
  readonly #told = new Map<number, { readonly name: number; readonly ring: Ring }>();

  constructor(port: CachePort, rings: EvictionRings) {
    this.#port = port;
    this.#rings = rings;
  }

  /** Whether others hear. Leaves the rings of those that do no more. */
  get isHeard(): boolean {
    const { isHeard } = this.#port;
    if (!isHeard && this.#told.size > 0) this.close();
    return isHeard;
  }

  /** Tells who wants to hear. Does not throw: what cannot be told is counted. */
  tell(gone: readonly GoneNote[]): void {
    const hearers = this.#port.hearers;
    for (const index of this.#told.keys()) if (!hearers.includes(index)) this.#leave(index);
    for (const index of hearers) {
      const ring = this.#ringOf(index);
      for (const one of gone) if (!pushed(ring, one)) this.#port.noteMissed(index);
    }
  }

  #ringOf(index: number): Ring | undefined {
    const name = this.#port.earOf(index);
    const known = this.#told.get(index);
    if (known?.name === name && !known.ring.isLeft) return known.ring;
    this.#leave(index);
    if (name === 0) return undefined;
    try {
      const ring = this.#rings.open(name);
      this.#told.set(index, { name, ring });
      return ring;
    } catch {
      return undefined;
    }
  }

  /** Who heard by it has ended it; if it came too late and made one of that name, nobody else does. */
  #leave(index: number): void {
    const told = this.#told.get(index);
    if (told === undefined) return;
    this.#told.delete(index);
    told.ring.close();
    told.ring.leave();
  }

  /** Leaves all rings, before the port is left. */
  close(): void {
    for (const [index, { name, ring }] of this.#told) {
      if (this.#port.earOf(index) !== name) this.#leave(index);
      this.#told.delete(index);
      ring.leave();
    }
  }
}

function pushed(ring: Ring | undefined, gone: GoneNote): boolean {
  try {
    return ring?.push(writeGone(gone)) === true;
  } catch {
    return false;
  }
}

/** @internal How this thread hears, whichever of its Caches is asked: one ring for all of one cache. */
export class Hearer {
  readonly #rings: EvictionRings;
  readonly #listeners = new Set<EvictionListener>();
  #port: CachePort | undefined;
  #ring: Ring | undefined;
  #turn = 0;
  /** How many were missed when this was looked at last. */
  #missed = 0;

  constructor(rings: EvictionRings) {
    this.#rings = rings;
  }

  /** Calls `listener` until the function that comes back is called, at the latest when the port is left. */
  add(listener: EvictionListener, port: CachePort): () => void {
    const mine: EvictionListener = (entry, reason) => listener(entry, reason);
    if (this.#ring === undefined) this.#begin(port);
    this.#listeners.add(mine);
    return () => {
      if (this.#listeners.delete(mine) && this.#listeners.size === 0) this.#end();
    };
  }

  #begin(port: CachePort): void {
    let name = 0;
    let ring: Ring | undefined;
    try {
      for (let i = 0; i < NAMES && ring === undefined; i++) {
        name = this.#rings.nameOf(this.#turn);
        this.#turn = (this.#turn + 1) % NAMES;
        port.hear(name, false);
        const there = this.#rings.open(name);
        if (there.isClosed) there.leave();
        else ring = there.unref();
      }
      if (ring === undefined) throw new RegionBusyError("subscribe");
    } catch (error) {
      port.hear(0, false);
      throw error;
    }
    this.#ring = ring;
    this.#port = port;
    this.#missed = this.#missedAt(ring, port);
    port.hear(name, true);
    void this.#pump(ring, port);
  }

  #end(): void {
    const ring = this.#ring;
    this.#ring = undefined;
    ring?.close();
    this.#port?.hear(0, false);
    ring?.leave();
  }

  #missedAt(ring: Ring, port: CachePort): number {
    return ring.metrics().droppedOldest + port.missed;
  }

  async #pump(ring: Ring, port: CachePort): Promise<void> {
    while (this.#ring === ring) {
      const first = await ring.receive().catch(() => undefined);
      if (this.#ring !== ring) return;
      if (first === undefined) return this.#again(port);
      for (const record of [first, ...ring.drain()]) this.#tell(ring, port, readGone(record));
    }
  }

  /** The ring was ended by who was late to hear that an earlier one of its name was over. */
  #again(port: CachePort): void {
    this.#end();
    if (!port.isLeft) alone(() => this.#begin(port));
  }

  #tell(ring: Ring, port: CachePort, { key, bytes, isExpired }: GoneNote): void {
    if (this.#ring !== ring) return;
    const all = this.#missedAt(ring, port);
    const missed = all - this.#missed;
    this.#missed = all;
    for (const listener of [...this.#listeners])
      alone(() => listener({ key, bytes, missed }, isExpired ? "expired" : "evicted"));
  }
}
