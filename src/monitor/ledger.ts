// LeakLedger: what was taken and never given back, by its books (M15, M42). Owns two sums for each tag. What lives is no leak: what a tag
// has outstanding is explained as far as its live reservations and blocks reach, and only the rest counts.

import { callable, finite, label } from "../flow/arguments.js";
import { type Clock, monotonicMs } from "../flow/time.js";
import { integer, ownOptions } from "../options.js";
import { parseSize } from "../size.js";
import { Episode, type Look } from "./episode.js";

/** What a tag holds now: a row of `budget.topConsumers()`. */
export interface LiveTag {
  readonly tag: string;
  readonly bytes: number;
}

export interface LeakLedgerOptions {
  /** Unexplained bytes above which it is a leak (M15); a number or a text like `"64MiB"`. */
  leakThreshold: number | string;
  /** What lives, by tag; nothing unless told. */
  live?: () => Iterable<LiveTag>;
  /** Tags that are kept apart, later ones are booked as `other`; 256 unless told. */
  maxTags?: number;
  /** Least milliseconds between alerts; 600 000 unless told. */
  cooldownMs?: number;
  clock?: Clock;
}

/** "Potential memory leak detected" (M42). Bytes. */
export interface LedgerAlert extends LedgerStats {
  atMs: number;
}

export interface LedgerStats {
  allocated: number;
  deallocated: number;
  /** Of the two before: above 0, given back less than taken. */
  difference: number;
  /** Of the difference, what lives and what does not. */
  explained: number;
  unexplained: number;
  /** Given back more than taken, added up over the tags: something is freed twice, or under another's tag. */
  overFreed: number;
  /** The tags with the most that is unexplained, most first. */
  tags: LiveTag[];
}

interface Account {
  allocated: number;
  freed: number;
}

const OTHER = "other";
const TAGS_SHOWN = 5;
// An episode is over once this share of the threshold is left.
const RELEASE = 0.5;

export class LeakLedger {
  readonly #leakThreshold: number;
  readonly #live: () => Iterable<LiveTag>;
  readonly #maxTags: number;
  readonly #clock: Clock;
  readonly #episode: Episode;
  readonly #accounts = new Map<string, Account>();

  /** @throws TypeError, RangeError. */
  constructor(options: LeakLedgerOptions) {
    const own = ownOptions<LeakLedgerOptions>("LeakLedger", options, [
      "leakThreshold",
      "live",
      "maxTags",
      "cooldownMs",
      "clock",
    ]);
    this.#leakThreshold = parseSize(own.leakThreshold!);
    this.#live = callable("live", own.live ?? (() => []));
    this.#maxTags = integer("maxTags", own.maxTags ?? 256, 1, 1_000_000);
    this.#episode = new Episode(own.cooldownMs ?? 600_000);
    this.#clock = callable("clock", own.clock ?? monotonicMs);
  }

  /** Whether there is a leak, since the alert and until half the threshold is left. */
  get leaking(): boolean {
    return this.#episode.open;
  }

  /** `bytes` were taken. O(1). @throws TypeError, RangeError. */
  allocated(bytes: number, tag: string = OTHER): void {
    this.#account(tag).allocated += finite("bytes", bytes, 0);
  }

  /** `bytes` were given back. O(1). @throws TypeError, RangeError. */
  freed(bytes: number, tag: string = OTHER): void {
    this.#account(tag).freed += finite("bytes", bytes, 0);
  }

  /**
   * Compares, as often as one likes: a probe of the monitor. Answers once for each episode. What `live` throws goes to the caller.
   * O(tags × log tags).
   */
  check(atMs: number = this.#clock()): LedgerAlert | undefined {
    const stats = this.stats();
    return this.#episode.update(this.#look(stats.unexplained), atMs) ? { atMs, ...stats } : undefined;
  }

  stats(): LedgerStats {
    const live = new Map<string, number>();
    for (const { tag, bytes } of this.#live()) {
      const name = this.#accounts.has(tag) ? tag : OTHER;
      live.set(name, (live.get(name) ?? 0) + bytes);
    }
    const sums = { allocated: 0, deallocated: 0, explained: 0, unexplained: 0, overFreed: 0 };
    const tags: LiveTag[] = [];
    for (const [tag, { allocated, freed }] of this.#accounts) {
      const outstanding = Math.max(0, allocated - freed);
      const explained = Math.min(outstanding, Math.max(0, live.get(tag) ?? 0));
      sums.allocated += allocated;
      sums.deallocated += freed;
      sums.explained += explained;
      sums.unexplained += outstanding - explained;
      sums.overFreed += Math.max(0, freed - allocated);
      if (outstanding > explained) tags.push({ tag, bytes: outstanding - explained });
    }
    tags.sort((a, b) => b.bytes - a.bytes);
    return { ...sums, difference: sums.allocated - sums.deallocated, tags: tags.slice(0, TAGS_SHOWN) };
  }

  #look(unexplained: number): Look {
    if (unexplained > this.#leakThreshold) return "trouble";
    return unexplained <= this.#leakThreshold * RELEASE ? "over" : "unsure";
  }

  #account(tag: string): Account {
    label("tag", tag);
    const name = this.#accounts.has(tag) || this.#accounts.size < this.#maxTags ? tag : OTHER;
    let account = this.#accounts.get(name);
    if (account === undefined) this.#accounts.set(name, (account = { allocated: 0, freed: 0 }));
    return account;
  }
}
