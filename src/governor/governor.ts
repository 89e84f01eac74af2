// Governor: lets memory that exists anyway, such as the caches a program already has, take part in a budget (§8.5). Owns what is registered,
// each with one reservation. Nothing is intercepted: a thing has grown before anybody hears of it, so the budget is exact as of the last
// look. It looks when it is told (`changed`, `sync`), when its gauge changes level, and at a thing that a request without room asks to shed.

import type { Budget } from "../budget.js";
import { callable, having } from "../flow/arguments.js";
import { Events } from "../flow/events.js";
import type { LevelReading } from "../flow/reading.js";
import { type Clock, monotonicMs } from "../flow/time.js";
import { ownOptions } from "../options.js";
import {
  checkedThing,
  type Governed,
  type GovernedFailure,
  type GovernedOver,
  type GovernedStats,
  GovernedThing,
} from "./governed.js";

export interface GovernorOptions {
  /** A gauge of anything (the budget, the process, the container): all things are looked at soon after each change of its level. */
  gauge?: Pick<LevelReading, "on">;
  /** Monotonic milliseconds; `performance.now` unless told. */
  clock?: Clock;
}

/** A thing's place in its governor. */
export interface Registration {
  readonly name: string;
  /** Says that the thing has grown or shrunk. It is looked at once in this turn (a microtask), however often this is called. O(1). */
  changed(): void;
  /**
   * Looks at the thing now, and sheds now if there is no room; what it holds by then, in bytes. From within its own `bytes` or `shed` it does
   * nothing. @throws BudgetClosedError, RegionBusyError (the latch was not to be had: try again).
   */
  sync(): number;
  stats(): GovernedStats;
  /** Takes it out: its memory is counted no more, and it is not asked to shed. Idempotent. */
  close(): void;
  [Symbol.dispose](): void;
}

export interface GovernorStats {
  /** What the things said that they hold, when they were last asked; what the budget counts of that; and the rest, thing by thing. */
  claimedBytes: number;
  chargedBytes: number;
  unchargedBytes: number;
  things: GovernedStats[];
}

export interface GovernorEvents {
  /** A thing holds more than there is room for, and did not shed it. Once, until it fits again. */
  over: GovernedOver;
  /** `bytes`, `shed` or the budget failed. It stops nothing else. */
  error: GovernedFailure;
}

/**
 * Charges a budget for what things of this thread hold, and lets them shed where there is no room: each is a reclaimer of the budget, so
 * other requests make it shed, in whatever thread they are.
 */
export class Governor extends Events<GovernorEvents> {
  readonly #budget: Budget;
  readonly #clock: Clock;
  readonly #things = new Map<string, GovernedThing>();
  readonly #changed = new Set<GovernedThing>();
  readonly #ended = new AbortController();
  #isClosed = false;

  /** @throws TypeError. */
  constructor(budget: Budget, options: GovernorOptions = {}) {
    super(["over", "error"]);
    const { gauge, clock = monotonicMs } = ownOptions<GovernorOptions>("Governor", options, ["gauge", "clock"]);
    this.#budget = having("budget", budget, ["tryReserve", "registerReclaimer", "check"]);
    this.#clock = callable("clock", clock);
    if (gauge === undefined) return;
    having("gauge", gauge, ["on"]);
    gauge.on("level", () => this.#things.forEach((thing) => this.#soon(thing)), { signal: this.#ended.signal });
  }

  /**
   * Lets `thing` take part: charges what it holds now, and from here on what it holds whenever it is looked at. Several governors, in this
   * thread or in others, may share one budget. O(1) and one item of the budget.
   * @throws TypeError, RangeError for what is no such thing, a `bytes` that answers no size, a name that is registered; what `bytes` throws;
   * BudgetClosedError, ItemLimitExceededError, RegionBusyError.
   */
  register(thing: Governed): Registration {
    const { name } = checkedThing(thing);
    if (this.#isClosed) throw new TypeError(`register("${name}"): the governor is closed`);
    if (this.#things.has(name))
      throw new TypeError(
        `register: "${name}" is registered already; close that registration first, or choose another name`,
      );
    const listener = {
      over: (over: GovernedOver) => this.emit("over", over),
      failed: (failure: GovernedFailure) => this.emit("error", failure),
    };
    const governed = new GovernedThing(thing, this.#budget, listener, this.#clock);
    this.#things.set(name, governed);
    try {
      governed.fit();
    } catch (error) {
      this.#remove(governed);
      throw error;
    }
    const close = (): void => this.#remove(governed);
    return {
      name,
      changed: () => this.#soon(governed),
      sync: () => {
        governed.fit();
        return governed.claimed;
      },
      stats: () => governed.stats(),
      close,
      [Symbol.dispose]: close,
    };
  }

  /**
   * Looks at all things now: first what was let go is given back, then what has grown is charged or shed. Answers the bytes that they hold by
   * then, so that it can stand as a monitor's probe: `monitor.addProbe("caches", () => governor.sync())`. Two calls of `bytes` a thing.
   * @throws BudgetClosedError, RegionBusyError.
   */
  sync(): number {
    for (const thing of this.#things.values()) thing.shrink();
    for (const thing of this.#things.values()) thing.fit();
    return this.stats().claimedBytes;
  }

  stats(): GovernorStats {
    const things = [...this.#things.values()].map((thing) => thing.stats());
    const sum = (field: "claimedBytes" | "chargedBytes" | "unchargedBytes"): number =>
      things.reduce((bytes, thing) => bytes + thing[field], 0);
    return {
      claimedBytes: sum("claimedBytes"),
      chargedBytes: sum("chargedBytes"),
      unchargedBytes: sum("unchargedBytes"),
      things,
    };
  }

  /** Takes all things out and stops listening to the gauge; the things keep what they hold. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#ended.abort();
    for (const thing of [...this.#things.values()]) this.#remove(thing);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal A listener's error is its own: whoever changed or asked a thing must not fail by it. */
  protected override listenerFailed(_type: string, error: unknown): void {
    queueMicrotask(() => {
      throw error;
    });
  }

  #remove(thing: GovernedThing): void {
    if (this.#things.get(thing.name) === thing) this.#things.delete(thing.name);
    this.#changed.delete(thing);
    thing.close();
  }

  /** One look in this turn for all that changed in it. */
  #soon(thing: GovernedThing): void {
    if (this.#changed.size === 0) queueMicrotask(() => this.#look());
    this.#changed.add(thing);
  }

  #look(): void {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const thing of changed) thing.attempt("shrink");
    for (const thing of changed) thing.attempt("fit");
  }
}
