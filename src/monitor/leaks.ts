// LeakTracker: what this thread took and still holds, and above all what it dropped without a release (§8.7). Owns the chosen handles' claims, and no
// handle: who is chosen is collected as if nobody looked. What is live is asked of the region's records, never inferred from calls: a release
// here, by another thread, by `budget.close` or by a recovery all end a claim alike, so what is reported is charged at that instant.

import type { Core } from "../../bindings/core.js";
import type { Block } from "../block.js";
import type { Budget } from "../budget.js";
import { callable, finite, having } from "../flow/arguments.js";
import { Events } from "../flow/events.js";
import { type Clock, monotonicMs } from "../flow/time.js";
import { integer, ownOptions } from "../options.js";
import type { Region } from "../region.js";
import type { Reservation } from "../reservation.js";
import { describe } from "../size.js";
import { claimOf } from "./claim.js";
import { Dropped, type DroppedGroup } from "./dropped.js";
import { formatLeaks, groupsOf, type LeakLevel, type LeakReport, leakText, type Row } from "./leak-report.js";
import { Sampler } from "./sampler.js";
import { callSite } from "./site.js";
import { hook, listen, remember, type Tracked, trackedOf } from "./tracking.js";

export interface LeakOptions {
  /**
   * `off`: nothing is tracked. `simple` (unless told): one in `interval`, without its place. `advanced`: with the place where it was taken.
   * `paranoid`: every one, with the place.
   */
  level?: LeakLevel;
  /** One in so many is tracked in `simple` and `advanced`; 128 unless told. */
  interval?: number;
  /** Frames of the program that a place has, at most; 4 unless told. */
  frames?: number;
  /** Bounds between ages in reports, in ms, ascending; 1 s, 10 s, 1 min, 10 min and 1 h unless told. */
  agesMs?: readonly number[];
  /** Least milliseconds between alerts of one kind, budget, tag and place; 600 000 unless told. */
  cooldownMs?: number;
  /** Monotonic milliseconds; `performance.now` unless told. */
  clock?: Clock;
  /** From 0 to below 1: who is chosen; `Math.random` unless told. */
  random?: () => number;
  /** Tells when handles are collected; the host's FinalizationRegistry unless told. */
  finalization?: Finalization;
}

/** Makes what calls `collected` with `held` after `target` was collected. */
export type Finalization = <T>(collected: (held: T) => void) => { register(target: object, held: T): void };

/** Handles were collected that nobody had released: their bytes stay charged until the budget is closed or the thread ends. */
export interface LeakAlert extends DroppedGroup {
  atMs: number;
  level: LeakLevel;
  interval: number;
  /** All of it as a text. */
  message: string;
}

export interface LeakFailure {
  what: string;
  error: unknown;
}

export interface LeakEvents {
  leak: LeakAlert;
  error: LeakFailure;
}

export interface LeakFilter {
  /** Only what is charged to this budget and to those below it. */
  budget?: Budget;
  /** Only what was taken so long ago. */
  minAgeMs?: number;
}

const LEVELS: readonly LeakLevel[] = ["off", "simple", "advanced", "paranoid"];
const INTERVAL = 128;
const AGES_MS = [1000, 10_000, 60_000, 600_000, 3_600_000];
const FRAMES_MAX = 50;
// Claims that have ended are forgotten when there are twice as many as lived, and so many more.
const SWEEP_LEAST = 1024;
const OPTIONS: readonly (keyof LeakOptions)[] = [
  "level",
  "interval",
  "frames",
  "agesMs",
  "cooldownMs",
  "clock",
  "random",
  "finalization",
];

/**
 * Tracks the Blocks and reservations that this thread takes of `region` from here on: `allocate`, `adopt`, `tryReserve`, `reserve`, `split`,
 * `adoptReservation`, through any of its attachments to it. Raw blocks have no handle to lose and are not tracked.
 * @throws TypeError when this thread tracks the region already; TypeError, RangeError for wrong options.
 */
export function trackLeaks(region: Region, options?: LeakOptions): LeakTracker {
  return new LeakTracker(region, options);
}

export class LeakTracker extends Events<LeakEvents> {
  readonly #memory: WebAssembly.Memory;
  readonly #regionId: string;
  readonly #interval: number;
  readonly #frames: number;
  readonly #agesMs: readonly number[];
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #registry: { register(target: object, held: Tracked): void };
  readonly #dropped: Dropped;
  readonly #tracked = new Set<Tracked>();
  #level: LeakLevel = "off";
  #sampler: Sampler;
  #unlisten: (() => void) | undefined;
  #isTelling = false;
  #sweepAt = SWEEP_LEAST;

  /** @internal */
  constructor(region: Region, options?: LeakOptions) {
    super(["leak", "error"]);
    const own = ownOptions<LeakOptions>("trackLeaks", options, OPTIONS);
    const { memory, id } = having("region", region, ["handle", "allocate"]).handle();
    this.#memory = memory;
    this.#regionId = id;
    this.#interval = own.interval ?? INTERVAL;
    this.#frames = integer("frames", own.frames ?? 4, 1, FRAMES_MAX);
    this.#agesMs = ages(own.agesMs ?? AGES_MS);
    this.#clock = callable("clock", own.clock ?? monotonicMs);
    this.#random = callable("random", own.random ?? Math.random);
    this.#sampler = new Sampler(this.#interval, this.#random);
    this.#dropped = new Dropped(finite("cooldownMs", own.cooldownMs ?? 600_000, 0));
    const finalization = callable("finalization", own.finalization ?? hostFinalization);
    this.#registry = finalization((held: Tracked) => this.#guard("finalization", () => this.#collected(held)));
    this.setLevel(own.level ?? "simple");
  }

  get level(): LeakLevel {
    return this.#level;
  }

  /** What it remembers: all that it tracks and is live, and at most as much and 1024 again that was released since. */
  get size(): number {
    return this.#tracked.size;
  }

  /**
   * Tracks at another level from here on. What is tracked stays so; `off` forgets it. @throws TypeError for what is no level, and when
   * another tracker has the region meanwhile.
   */
  setLevel(level: LeakLevel): void {
    if (!LEVELS.includes(level))
      throw new TypeError(`level must be one of ${LEVELS.map((one) => `"${one}"`).join(", ")}, got ${describe(level)}`);
    if (level === "off") this.#forget();
    else this.#listen(new Sampler(level === "paranoid" ? 1 : this.#interval, this.#random));
    this.#level = level;
  }

  /** Ends it: the same as the level `off`. Idempotent. */
  stop(): void {
    this.setLevel("off");
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /**
   * What is tracked and live this instant, by kind, budget, tag, age and place, the largest first; with a budget also what all threads hold in
   * it, which is exact whatever is tracked. O(tracked), with a budget O(tracked + reservations).
   * @throws TypeError, RangeError for a wrong filter; BudgetClosedError.
   */
  report(filter?: LeakFilter): LeakReport {
    const own = ownOptions<LeakFilter>("report", filter, ["budget", "minAgeMs"]);
    const { budget } = own;
    const consumers = budget && this.#ownBudget(budget).topConsumers(Number.MAX_SAFE_INTEGER);
    const minAgeMs = finite("minAgeMs", own.minAgeMs ?? 0, 0);
    const report = this.#report(
      ({ claim, atMs }, nowMs) => nowMs - atMs >= minAgeMs && (budget === undefined || claim.isBelow(budget.at)),
    );
    return consumers === undefined ? report : { ...report, consumers };
  }

  /** The same of those only whose handle was collected without a release: nobody can release them any more. O(tracked). */
  leaks(): LeakReport {
    return this.#report(({ isDropped }) => isDropped);
  }

  /** `report(filter)` as lines. */
  format(filter?: LeakFilter): string {
    return formatLeaks(this.report(filter));
  }

  /**
   * Bytes that were dropped without a release and are still charged: a probe of the monitor, which also ends the episodes that are over
   * and tells what a cooldown held back. O(tracked).
   */
  check(): number {
    this.#tell();
    return this.leaks().bytes;
  }

  /** @internal */
  protected override listenerFailed(type: string, error: unknown): void {
    if (type !== "error") this.emit("error", { what: `listener of ${type}`, error });
  }

  #listen(sampler: Sampler): void {
    this.#unlisten ??= listen(this.#memory, {
      made: (handle, core) => this.#made(handle, core),
      later: (granted, core) => this.#later(granted, core),
      closing: ({ at }) => this.#guard("closing", () => this.#report(({ claim }) => claim.isBelow(at)).groups),
    });
    this.#sampler = sampler;
  }

  #made(handle: Block | Reservation, core: Core): void {
    this.#guard("tracking", () => {
      const tracked = trackedOf(handle);
      if (tracked !== undefined) this.#moved(handle, tracked, core);
      else if (this.#sampler.next()) this.#track(handle, core, this.#site(hook.made));
    });
  }

  /** The place is where the request was made: what grants it runs elsewhere. */
  #later(granted: Promise<Reservation>, core: Core): Promise<Reservation> {
    const site = this.#guard("tracking", () => (this.#sampler.next() ? this.#site(hook.later) : undefined));
    if (site === undefined) return granted;
    return granted.then((reservation) => {
      this.#guard("tracking", () => this.#track(reservation, core, site));
      return reservation;
    });
  }

  #site(below: (...args: never[]) => unknown): string {
    return this.#level === "simple" ? "" : callSite(this.#frames, below);
  }

  #track(handle: Block | Reservation, core: Core, site: string): void {
    // A budget may have been closed between the grant and this.
    if (!handle.isLive || this.#level === "off") return;
    const tracked: Tracked = {
      claim: claimOf(handle, core),
      site,
      atMs: this.#clock(),
      isNamed: false,
      isDropped: false,
    };
    this.#registry.register(handle, tracked);
    remember(handle, tracked);
    if (this.#tracked.size >= this.#sweepAt) this.#sweep();
    this.#tracked.add(tracked);
  }

  /** A Block has left its place, and has another claim. */
  #moved(handle: Block | Reservation, tracked: Tracked, core: Core): void {
    // Another tracker's, which is over.
    if (!this.#tracked.has(tracked)) return;
    // The region's own outlives all handles.
    if (core.isShared(handle.handle().claim[1])) this.#tracked.delete(tracked);
    tracked.claim = claimOf(handle, core);
    // What others were told is stale, and asking for the new name was no giving away.
    tracked.isNamed = false;
  }

  #sweep(): void {
    for (const tracked of this.#tracked) if (!tracked.claim.isLive) this.#tracked.delete(tracked);
    this.#sweepAt = 2 * this.#tracked.size + SWEEP_LEAST;
  }

  #collected(tracked: Tracked): void {
    if (!this.#tracked.has(tracked)) return;
    if (!tracked.claim.isLive) {
      this.#tracked.delete(tracked);
      return;
    }
    if (tracked.isNamed) return;
    tracked.isDropped = true;
    this.#dropped.add(tracked);
    if (this.#isTelling) return;
    // Once for all that one collection found.
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      this.#tell();
    });
  }

  #tell(): void {
    this.#guard("telling", () => {
      const atMs = this.#clock();
      const level = this.#level;
      const { interval } = this.#sampler;
      for (const group of this.#dropped.look(atMs))
        this.emit("leak", { atMs, level, interval, ...group, message: leakText({ level, interval, ...group }) });
    });
  }

  #report(isWanted: (tracked: Tracked, nowMs: number) => boolean): LeakReport {
    const atMs = this.#clock();
    const rows: Row[] = [];
    for (const tracked of this.#tracked) {
      const holding = tracked.claim.look();
      if (holding === undefined) this.#tracked.delete(tracked);
      else if (isWanted(tracked, atMs))
        rows.push({ holding, site: tracked.site, ageMs: atMs - tracked.atMs, isDropped: tracked.isDropped });
    }
    const groups = groupsOf(rows, this.#agesMs);
    const sums = { count: 0, bytes: 0, droppedCount: 0, droppedBytes: 0 };
    for (const group of groups) for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += group[key];
    return { atMs, level: this.#level, interval: this.#sampler.interval, ...sums, groups };
  }

  #forget(): void {
    this.#unlisten?.();
    this.#unlisten = undefined;
    this.#tracked.clear();
    this.#dropped.clear();
  }

  #ownBudget(budget: Budget): Budget {
    if (having("budget", budget, ["topConsumers"]).regionId !== this.#regionId)
      throw new TypeError("report: budget must be a Budget of the tracked region");
    return budget;
  }

  /** Whatever goes wrong here must not reach who only wanted memory. */
  #guard<T>(what: string, run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      this.emit("error", { what, error });
      return undefined;
    }
  }
}

const hostFinalization: Finalization = (collected) => new FinalizationRegistry(collected);

function ages(agesMs: readonly number[]): readonly number[] {
  if (!Array.isArray(agesMs)) throw new TypeError(`agesMs must be an array of milliseconds, got ${describe(agesMs)}`);
  agesMs.forEach((bound, i) => {
    finite(`agesMs[${i}]`, bound, 0);
    if (!(bound > (agesMs[i - 1] ?? 0)))
      throw new RangeError(`agesMs must ascend from above 0, got ${agesMs.join(", ")}`);
  });
  return [...agesMs];
}
