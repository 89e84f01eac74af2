// Reclaim: who gives bytes back when a budget has no room. Owns the reclaimers of this thread in one region, and the one round that runs
// at a time. A round asks them in order (priority, then cost, then who holds most) and believes what the budget's counter says, never
// what a reclaimer says. No reclaimer runs inside accounting; one that allocates meanwhile gets a plain answer.

import { type Budgets, LIMIT, type Node, USED } from "../bindings/budgets.js";
import { OVER_LIMIT } from "../bindings/status.js";
import { integer, ownOptions } from "./options.js";
import { describe } from "./size.js";
import type { WakeHub } from "./wake.js";

/** What a reclaimer is told. */
export interface ReclaimContext {
  /** Ends when the round's time is over. */
  readonly signal: AbortSignal;
  /** Until when the round lasts, as `performance.now()`. */
  readonly deadline: number;
  /** The budget that has no room: names from the root down, joined by `/`. */
  readonly budgetPath: string;
  /** That budget's level, 0 … 4: how many of the shares that `budget.onLevel` gave it are entered. */
  readonly level: number;
}

/** Something that holds bytes of a budget and can give some back: a cache, a pool, a history. */
export interface Reclaimer {
  /** What reports call it. */
  name: string;
  /**
   * Gives back at least `bytes` bytes if it can. What counts is what the budget's reservations then hold less; the answer is only compared
   * with it. May answer a promise: then only `budget.reserve` waits for it.
   */
  reclaim(bytes: number, context: ReclaimContext): number | void | Promise<number | void>;
  /** Who is asked first: lower goes first, 0 … 100; 50 unless told. */
  priority?: number;
  /** How dear a byte is to make again, to choose among equal priorities: lower goes first; 1 unless told. */
  cost?: number;
  /**
   * Asked only when the budget that has no room is at this level at least, 0 … 4; 0 unless told. A budget to which nobody gave shares
   * (`budget.onLevel`) stays at 0, however full it is.
   */
  minLevel?: number;
  /** How many bytes it could give back now, to choose among the rest: larger goes first. */
  reclaimable?(): number;
}

/** What one reclaimer did so far. */
export interface ReclaimerStats {
  name: string;
  rounds: number;
  reclaimedBytes: number;
  /** Rounds in which it said it had released something and the budget's counter did not move. */
  mismatches: number;
  failures: number;
}

interface Entry {
  readonly budget: Node;
  readonly reclaimer: Reclaimer;
  readonly stats: ReclaimerStats;
  isAsync: boolean;
  /** It was asked and has not finished: it is not asked again meanwhile, by whatever it does nor past the round's time. */
  isBusy: boolean;
  /** Not asked before this time, since it released nothing. */
  restUntil: number;
  restMs: number;
}

const ROUND_MS = 250;
const REST_MS = 100;
const REST_MS_MAX = 30_000;
// A round goes on below the limit by this share of it, so that the next requests need none (D20).
const HEADROOM = 0.05;
const PRIORITY = 50;

/** @internal The reclaimers of one attachment. */
export class Reclaimers {
  readonly #budgets: Budgets;
  readonly #hub: WakeHub;
  readonly #entries: Entry[] = [];
  #unhear: (() => void) | undefined;
  #isRunning = false;
  #isCalled = false;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(budgets: Budgets, hub: WakeHub) {
    this.#budgets = budgets;
    this.#hub = hub;
  }

  add(budget: Node, reclaimer: Reclaimer): () => void {
    this.forgetClosed();
    const entry: Entry = {
      budget,
      reclaimer: checked(reclaimer),
      stats: { name: reclaimer.name, rounds: 0, reclaimedBytes: 0, mismatches: 0, failures: 0 },
      isAsync: false,
      isBusy: false,
      restUntil: 0,
      restMs: REST_MS,
    };
    this.#entries.push(entry);
    this.#unhear ??= this.#hub.add(() => this.answerCalls());
    return () => this.#remove(entry);
  }

  #remove(entry: Entry): void {
    const index = this.#entries.indexOf(entry);
    if (index >= 0) this.#entries.splice(index, 1);
    if (this.#entries.length > 0) return;
    this.close();
  }

  /** Those of budgets that are closed, whoever closed them. */
  forgetClosed(): void {
    for (const entry of [...this.#entries]) if (!this.#budgets.isOpen(entry.budget)) this.#remove(entry);
  }

  close(): void {
    this.#entries.length = 0;
    this.#unhear?.();
    this.#unhear = undefined;
    clearTimeout(this.#again);
    this.#again = undefined;
  }

  stats({ at, state }: Node): ReclaimerStats[] {
    return this.#entries
      .filter(({ budget }) => budget.at === at && budget.state === state)
      .map(({ stats }) => ({ ...stats }));
  }

  /** After the core refused for want of bytes: whether there is nobody here to ask, and others were asked already. */
  get areAsked(): boolean {
    return this.#entries.length === 0 && this.#budgets.isCalled;
  }

  /** After the core refused for want of bytes: as `makeRoom`, for who refused. Answers what `attempt` did last, 0: refused. */
  tryHarder(bytes: number, attempt: () => number): number {
    const { refuser } = this.#budgets;
    if (refuser.at === 0 || this.areAsked) return 0;
    return this.makeRoom(refuser, bytes, () => attempt() || undefined) ?? 0;
  }

  /**
   * For a request that `refuser` has no room for: runs the synchronous reclaimers of this thread while they make progress, and `attempt` after
   * each that did, until it answers something. Then others are asked, who answer when they can.
   */
  makeRoom<T>(refuser: Node, bytes: number, attempt: () => T | undefined): T | undefined {
    if (this.#isRunning) return undefined;
    const room = this.#entries.length > 0 ? this.#roundSync(refuser, bytes, attempt) : undefined;
    if (room !== undefined) return room;
    // Said once, until somebody has answered.
    const missing = this.#missing(refuser, bytes);
    if (this.#budgets.wanted(refuser.at) < missing) this.#budgets.call(refuser, missing);
    return undefined;
  }

  #roundSync<T>(refuser: Node, bytes: number, attempt: () => T | undefined): T | undefined {
    const deadline = performance.now() + ROUND_MS;
    const signal = AbortSignal.timeout(ROUND_MS);
    this.#isRunning = true;
    try {
      for (let progress = true; progress;) {
        progress = false;
        for (const entry of this.#inOrder(refuser)) {
          if (entry.isAsync || !this.#mayAsk(entry, refuser)) continue;
          if (performance.now() > deadline) return undefined;
          const before = this.#budgets.demand(refuser.at);
          void this.#ask(entry, refuser, this.#missing(refuser, bytes), deadline, signal);
          if (this.#budgets.demand(refuser.at) >= before) continue;
          progress = true;
          const done = attempt();
          // What is missing now may be something else than bytes, or bytes of a budget further up, which has others to ask.
          if (done !== undefined || this.#budgets.core.exports.reason() !== OVER_LIMIT) return done;
          const { at } = refuser;
          refuser = this.#budgets.refuser;
          if (refuser.at !== at) break;
        }
      }
      return undefined;
    } finally {
      this.#isRunning = false;
    }
  }

  /** Asks one reclaimer; the end of one that takes longer. What fails is its own. */
  #ask(entry: Entry, refuser: Node, missing: number, deadline: number, signal: AbortSignal): Promise<void> | undefined {
    const before = this.#budgets.demand(refuser.at);
    const settle = (answer: unknown): void => {
      entry.isBusy = false;
      this.#settle(entry, refuser, before, answer);
    };
    const failed = (error: unknown): void => {
      entry.stats.failures++;
      reportError(error);
      settle(undefined);
    };
    entry.stats.rounds++;
    entry.isBusy = true;
    try {
      const answer: unknown = entry.reclaimer.reclaim(this.#goal(refuser, missing), {
        signal,
        deadline,
        budgetPath: this.#budgets.path(refuser.at),
        level: this.#budgets.level(refuser.at),
      });
      if (isPromise(answer)) {
        entry.isAsync = true;
        return Promise.resolve(answer)
          .then(settle, failed)
          .then(() => {
            // After its round it is an answer to whoever did not wait, and lets the next round begin.
            if (!this.#isRunning && this.#budgets.demand(refuser.at) < before) this.#budgets.call(refuser, 0);
            this.answerCalls();
          });
      }
      settle(answer);
    } catch (error) {
      failed(error);
    }
    return undefined;
  }

  /**
   * Counts what the budget says was released (what went at once to who waited for it, too); who released nothing rests, each time twice
   * as long.
   */
  #settle(entry: Entry, refuser: Node, before: number, answer: unknown): void {
    const released = before - this.#budgets.demand(refuser.at);
    if (released > 0) {
      entry.stats.reclaimedBytes += released;
      entry.restMs = REST_MS;
      entry.restUntil = 0;
      return;
    }
    if (typeof answer === "number" && answer > 0) entry.stats.mismatches++;
    entry.restUntil = performance.now() + entry.restMs;
    entry.restMs = Math.min(2 * entry.restMs, REST_MS_MAX);
  }

  /** Whether it is still registered and idle, and has to do with this budget at its level. */
  #mayAsk(entry: Entry, { at }: Node): boolean {
    const { budget, reclaimer, isBusy } = entry;
    return (
      !isBusy &&
      this.#entries.includes(entry) &&
      this.#budgets.isOpen(budget) &&
      this.#budgets.isBelow(budget.at, at) &&
      this.#budgets.level(at) >= (reclaimer.minLevel ?? 0)
    );
  }

  /** Who may be asked for bytes of this budget and is not resting. */
  #inOrder(refuser: Node): Entry[] {
    this.forgetClosed();
    const now = performance.now();
    return this.#entries
      .filter((entry) => entry.restUntil <= now && this.#mayAsk(entry, refuser))
      .map((entry) => ({ entry, reclaimable: this.#reclaimable(entry) }))
      .sort(
        (one, two) =>
          priorityOf(one.entry) - priorityOf(two.entry) ||
          costOf(one.entry) - costOf(two.entry) ||
          two.reclaimable - one.reclaimable,
      )
      .map(({ entry }) => entry);
  }

  #reclaimable({ budget, reclaimer }: Entry): number {
    try {
      return reclaimer.reclaimable?.() ?? this.#used(budget);
    } catch (error) {
      reportError(error);
      return 0;
    }
  }

  #used({ at }: Node): number {
    return this.#budgets.number(at, USED);
  }

  /** Bytes that must go so that the request fits. */
  #missing(refuser: Node, bytes: number): number {
    return this.#used(refuser) + bytes - this.#budgets.number(refuser.at, LIMIT);
  }

  /** What is missing, and a little more. */
  #goal(refuser: Node, missing: number): number {
    const limit = this.#budgets.number(refuser.at, LIMIT);
    const headroom = Number.isFinite(limit) ? Math.floor(limit * HEADROOM) : 0;
    return Math.min(this.#used(refuser), missing + headroom);
  }

  /** Somebody here begins to wait: one round for all that begin now. */
  soon(): void {
    if (this.#isCalled || this.#entries.length === 0) return;
    this.#isCalled = true;
    queueMicrotask(() => {
      this.#isCalled = false;
      this.answerCalls();
    });
  }

  /** The limit of this budget was lowered, maybe below what is used: this thread's reclaimers give back what is over, others are asked for the rest. */
  lowered(budget: Node): void {
    const over = (): number => this.#missing(budget, 0);
    if (over() > 0 && !this.#isRunning) {
      const deadline = performance.now() + ROUND_MS;
      const signal = AbortSignal.timeout(ROUND_MS);
      this.#isRunning = true;
      try {
        for (const entry of this.#inOrder(budget)) {
          if (!(over() > 0) || performance.now() > deadline) break;
          if (!entry.isAsync && this.#mayAsk(entry, budget)) void this.#ask(entry, budget, over(), deadline, signal);
        }
      } finally {
        this.#isRunning = false;
      }
    }
    if (this.#budgets.wanted(budget.at) < over()) this.#budgets.call(budget, over());
  }

  /** Somebody, in whatever thread, has no room: gives back what this thread can, in its own time. */
  answerCalls(): void {
    if (this.#isRunning) return;
    const now = performance.now();
    for (const entry of this.#entries) {
      const node = entry.restUntil <= now ? this.#wantedOf(entry) : undefined;
      if (node !== undefined) return void this.#round(node);
    }
    this.#goOnLater();
  }

  /** A budget in which bytes are wanted that this reclaimer may have. */
  #wantedOf(entry: Entry): Node | undefined {
    for (let node = entry.budget; node.at !== 0; node = this.#budgets.parent(node.at))
      if (this.#budgets.wanted(node.at) > 0 && this.#mayAsk(entry, node)) return node;
    return undefined;
  }

  async #round(refuser: Node): Promise<void> {
    this.#isRunning = true;
    const deadline = performance.now() + ROUND_MS;
    const signal = AbortSignal.timeout(ROUND_MS);
    const over = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    const target = this.#budgets.demand(refuser.at) - this.#budgets.wanted(refuser.at);
    const missing = (): number =>
      this.#budgets.wanted(refuser.at) === 0 ? 0 : this.#budgets.demand(refuser.at) - target;
    try {
      for (const entry of this.#inOrder(refuser)) {
        const bytes = missing();
        if (bytes <= 0 || performance.now() > deadline) break;
        const later = this.#mayAsk(entry, refuser) && this.#ask(entry, refuser, bytes, deadline, signal);
        if (later) await Promise.race([later, over]);
      }
    } finally {
      this.#isRunning = false;
    }
    // Who is asked next is asked for the rest.
    const left = Math.max(0, missing());
    if (left < this.#budgets.wanted(refuser.at)) this.#budgets.call(refuser, left);
    this.#goOnLater();
  }

  /** As long as bytes are wanted that somebody here may have: the next round when the first of those who rest has rested. */
  #goOnLater(): void {
    const next = Math.min(...this.#entries.filter((entry) => this.#wantedOf(entry)).map(({ restUntil }) => restUntil));
    clearTimeout(this.#again);
    if (next === Number.POSITIVE_INFINITY) return;
    this.#again = setTimeout(() => this.answerCalls(), Math.max(0, next - performance.now()));
    (this.#again as { unref?: () => void }).unref?.();
  }
}

const priorityOf = ({ reclaimer }: Entry): number => reclaimer.priority ?? PRIORITY;
const costOf = ({ reclaimer }: Entry): number => reclaimer.cost ?? 1;

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | undefined)?.then === "function";
}

function reportError(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

function checked(reclaimer: Reclaimer): Reclaimer {
  const own = ownOptions<Reclaimer>("registerReclaimer", reclaimer, [
    "name",
    "reclaim",
    "priority",
    "cost",
    "minLevel",
    "reclaimable",
  ]);
  if (typeof own.name !== "string") throw new TypeError(`a reclaimer needs a name, got ${describe(own.name)}`);
  if (typeof own.reclaim !== "function")
    throw new TypeError(`reclaimer "${own.name}" needs a function reclaim(bytes), got ${describe(own.reclaim)}`);
  if (own.reclaimable !== undefined && typeof own.reclaimable !== "function")
    throw new TypeError(`reclaimer "${own.name}": reclaimable must be a function, got ${describe(own.reclaimable)}`);
  if (own.priority !== undefined) integer("priority", own.priority, 0, 100);
  if (own.minLevel !== undefined) integer("minLevel", own.minLevel, 0, 4);
  if (own.cost !== undefined && !(typeof own.cost === "number" && own.cost >= 0))
    throw new RangeError(`cost must be a number of at least 0, got ${describe(own.cost)}`);
  return reclaimer;
}
