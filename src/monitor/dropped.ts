// Dropped: what was collected without a release and is still charged, by kind, budget, tag and place: each such group is one leak, told of once
// for each episode (D41). Owns the groups. An episode begins with the first that is dropped and is over once nothing of the group is charged.

import type { Holding } from "./claim.js";
import { Episode } from "./episode.js";
import type { Tracked } from "./tracking.js";

/** What makes a group. */
interface Leak extends Pick<Holding, "kind" | "budgetPath" | "tag"> {
  /** Frames of the program where they were taken, the innermost first, one a line; empty where that is not known. */
  site: string;
}

/** A leak of which somebody is to be told. */
export interface DroppedGroup extends Leak {
  /** All of the group that is charged, also what came after the episode began. */
  count: number;
  bytes: number;
  /** Age of the oldest. */
  oldestMs: number;
}

interface Group {
  readonly leak: Leak;
  readonly episode: Episode;
  /** Those of which was known at the last look, and those that came since. */
  readonly dropped: Set<Tracked>;
  readonly fresh: Set<Tracked>;
}

// Groups that are kept apart; beyond, all the rest is one.
const GROUPS_MAX = 1000;
const OTHER = "other";

export class Dropped {
  readonly #cooldownMs: number;
  readonly #groups = new Map<string, Group>();

  constructor(cooldownMs: number) {
    this.#cooldownMs = cooldownMs;
  }

  /** Its handle is gone. O(1). */
  add(tracked: Tracked): void {
    const holding = tracked.claim.look();
    if (holding === undefined) return;
    const { kind, budgetPath, tag } = holding;
    this.#group({ kind, budgetPath, tag, site: tracked.site }).fresh.add(tracked);
  }

  /** What is to be told now: each group that has something charged, and whose episode was not told of. O(dropped + groups). */
  look(atMs: number): DroppedGroup[] {
    const told: DroppedGroup[] = [];
    for (const { leak, episode, dropped, fresh } of this.#groups.values()) {
      if (charged(dropped, atMs).count === 0) episode.update("over", atMs);
      for (const tracked of fresh) dropped.add(tracked);
      fresh.clear();
      const sums = charged(dropped, atMs);
      if (sums.count > 0 && episode.update("trouble", atMs)) told.push({ ...leak, ...sums });
    }
    return told;
  }

  clear(): void {
    this.#groups.clear();
  }

  #group(leak: Leak): Group {
    const key = JSON.stringify([leak.kind, leak.budgetPath, leak.tag, leak.site]);
    return this.#groups.get(key) ?? this.#newGroup(key, leak);
  }

  #newGroup(key: string, leak: Leak): Group {
    if (this.#groups.size >= GROUPS_MAX) {
      for (const [name, { dropped, fresh }] of this.#groups)
        if (dropped.size + fresh.size === 0) this.#groups.delete(name);
    }
    const isOther = this.#groups.size >= GROUPS_MAX;
    const name = isOther ? OTHER : key;
    const group = this.#groups.get(name) ?? {
      leak: isOther ? { ...leak, budgetPath: "", tag: OTHER, site: "" } : leak,
      episode: new Episode(this.#cooldownMs),
      dropped: new Set(),
      fresh: new Set(),
    };
    this.#groups.set(name, group);
    return group;
  }
}

/** What of these is charged; the rest is forgotten. */
function charged(dropped: Set<Tracked>, atMs: number): Pick<DroppedGroup, "count" | "bytes" | "oldestMs"> {
  let bytes = 0;
  let oldestMs = 0;
  for (const tracked of dropped) {
    const holding = tracked.claim.look();
    if (holding === undefined) {
      dropped.delete(tracked);
      continue;
    }
    bytes += holding.bytes;
    oldestMs = Math.max(oldestMs, atMs - tracked.atMs);
  }
  return { count: dropped.size, bytes, oldestMs };
}
