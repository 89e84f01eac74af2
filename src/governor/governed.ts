// Governed: one thing that exists without the budget, such as a cache, and the reservation that stands for it there. Owns that reservation and
// the thing's place among the budget's reclaimers. Between calls the charge is what `bytes()` said last, as far as the budget had room;
// what there was no room for was shed, or is reported. Neither `bytes` nor `shed` is ever entered again from within.

import type { Budget } from "../budget.js";
import { BudgetClosedError } from "../errors.js";
import { callable, label } from "../flow/arguments.js";
import type { Clock } from "../flow/time.js";
import type { Reservation } from "../reservation.js";
import { ownOptions } from "../options.js";
import { describe } from "../size.js";

/** Something that holds memory and can let some of it go: a cache, a pool, a map of tiles. */
export interface Governed {
  /** What reports call it, and the tag of its reservation: unique in its governor, 1 to 56 bytes in UTF-8. */
  name: string;
  /** Bytes that it holds now, fractions rounded up. It is believed: what it leaves out, no budget counts. Should be O(1). */
  bytes(): number;
  /**
   * Lets go of memory until `bytes()` is at most `target` bytes, if it can. What counts is what `bytes()` says before and after; a number
   * that it answers is only compared with that. May answer a promise: then nothing that happens at once waits for it.
   */
  shed(target: number): number | void | Promise<number | void>;
  /** Who sheds first: lower goes first, 0 … 100; 50 unless told. Among all reclaimers of the budget. */
  priority?: number;
  /** How dear a byte is to make again, to choose among equal priorities: lower goes first; 1 unless told. */
  cost?: number;
  /** Sheds for others only when the budget that has no room is at this level at least, as `budget.onLevel` counts them: 0 … 4; 0 unless told. */
  minLevel?: number;
}

/** Where a governed thing stands; bytes. */
export interface GovernedStats {
  name: string;
  /** What `bytes()` said last. */
  claimedBytes: number;
  /** What the budget counts for it. */
  chargedBytes: number;
  /** What it held beyond that: there was no room, and shedding has not brought it down (yet). */
  unchargedBytes: number;
  /** How often it was asked to shed, and what `bytes()` fell by. */
  sheds: number;
  shedBytes: number;
  /** Sheds that answered a number above 0 after which `bytes()` had not fallen. */
  mismatches: number;
  /** What `bytes` or `shed` threw, or answered that is no size; and what the budget threw where nobody waited for it. */
  failures: number;
}

/** A thing holds more than the budget has room for, and shedding did not help. */
export interface GovernedOver {
  name: string;
  claimedBytes: number;
  chargedBytes: number;
}

export interface GovernedFailure {
  name: string;
  /** Which of its functions failed; `charge`: the budget could not be asked, because it is closed or its latch was not to be had. */
  what: "bytes" | "shed" | "charge";
  error: unknown;
}

/** What it tells of. */
export interface GovernedListener {
  over(over: GovernedOver): void;
  failed(failure: GovernedFailure): void;
}

// How often room is made anew: another thread may take what was just made, and the thing may grow meanwhile.
const ATTEMPTS = 3;
const REST_MS = 100;
const REST_MS_MAX = 30_000;

/** @internal One registered thing. */
export class GovernedThing {
  readonly name: string;
  readonly #thing: Governed;
  readonly #budget: Budget;
  readonly #listener: GovernedListener;
  readonly #clock: Clock;
  readonly #reservation: Reservation;
  readonly #unregister: () => void;
  readonly #counts = { sheds: 0, shedBytes: 0, mismatches: 0, failures: 0 };
  #claimed = 0;
  #isFitting = false;
  /** Asks the budget for room for itself, at this moment: what it sheds meanwhile is for its own growth. */
  #isGrowing = false;
  #isShedding = false;
  #isReading = false;
  #isOver = false;
  #isClosed = false;
  #restUntil = 0;
  #restMs = REST_MS;

  /** @throws as `governor.register`. */
  constructor(thing: Governed, budget: Budget, listener: GovernedListener, clock: Clock) {
    this.#thing = thing;
    this.#budget = budget;
    this.#listener = listener;
    this.#clock = clock;
    this.name = thing.name;
    // Who cannot say it now is wired wrongly.
    sizeOf(thing);
    const { priority, cost, minLevel } = thing;
    this.#unregister = budget.registerReclaimer({
      name: thing.name,
      reclaim: (bytes) => this.#give(bytes),
      reclaimable: () => this.charged,
      ...(priority !== undefined && { priority }),
      ...(cost !== undefined && { cost }),
      ...(minLevel !== undefined && { minLevel }),
    });
    try {
      this.#reservation = nothingOf(budget, thing.name);
    } catch (error) {
      this.#unregister();
      throw error;
    }
  }

  get claimed(): number {
    return this.#claimed;
  }

  get charged(): number {
    return this.#reservation.size;
  }

  stats(): GovernedStats {
    const { name, claimed: claimedBytes, charged: chargedBytes } = this;
    const unchargedBytes = Math.max(0, claimedBytes - chargedBytes);
    return { name, claimedBytes, chargedBytes, unchargedBytes, ...this.#counts };
  }

  /** Gives back what the thing holds no more. @throws BudgetClosedError, RegionBusyError. */
  shrink(): void {
    if (this.#isBusy) return;
    this.#isFitting = true;
    try {
      const claimed = this.#read();
      if (claimed !== undefined && claimed <= this.charged) this.#charge(claimed);
    } finally {
      this.#isFitting = false;
    }
  }

  /**
   * Charges what the thing holds now. For what there is no room, whoever is first in the reclaimers' order sheds, it or another; what there
   * is no room for even then it sheds itself. @throws BudgetClosedError, RegionBusyError.
   */
  fit(): void {
    if (this.#isBusy) return;
    this.#isFitting = true;
    try {
      for (let left = ATTEMPTS; left > 0; left--) {
        const claimed = this.#read();
        if (claimed === undefined) return;
        if (this.#charge(claimed)) return this.#fits();
        if (!this.#makeRoom(claimed - this.charged)) break;
      }
      // Asked among the others it may have begun to shed, and take longer: it goes on when that is over.
      if (!this.#isShedding) this.#shedOwn();
    } finally {
      this.#isFitting = false;
    }
  }

  /** `shrink` or `fit` where nobody waits for the answer: what the budget throws is told to the listener. */
  attempt(what: "shrink" | "fit"): void {
    try {
      this[what]();
    } catch (error) {
      this.#failed("charge", error);
    }
  }

  /** Takes it out of the budget: nothing is shed, and its memory is counted no more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unregister();
    this.#reservation.release();
  }

  get #isBusy(): boolean {
    return this.#isFitting || this.#isReading || this.#isShedding || this.#isClosed;
  }

  /** What the thing says that it holds; undefined when it fails to: then the last good answer stands. */
  #read(): number | undefined {
    this.#isReading = true;
    try {
      return (this.#claimed = sizeOf(this.#thing));
    } catch (error) {
      this.#failed("bytes", error);
      return undefined;
    } finally {
      this.#isReading = false;
    }
  }

  /** Makes the charge `bytes` long. False: the budget has no room. */
  #charge(bytes: number): boolean {
    if (this.#isClosed) return true;
    if (!this.#reservation.isLive) throw new BudgetClosedError(this.#budget.path);
    return this.#reservation.resize(bytes, false);
  }

  /**
   * Asks for room for `more` bytes as any other request does, so that the reclaimers go in their order, this one among them. The room is taken and
   * let go: only then can the one reservation have it. Another thread that comes between is why the caller tries again.
   */
  #makeRoom(more: number): boolean {
    this.#isGrowing = true;
    try {
      return this.#budget.tryReserve(more, this.name)?.release() ?? false;
    } finally {
      this.#isGrowing = false;
    }
  }

  /** Takes what room there is, and sheds what the thing holds beyond. */
  #shedOwn(): void {
    const more = this.#claimed - this.charged;
    this.#charge(this.charged + Math.min(Math.max(0, more), this.#budget.availableBytes));
    const held = this.#claimed;
    if (held <= this.charged) return this.#fits();
    if (this.#clock() < this.#restUntil) return this.#over();
    const later = this.#shed(this.charged, () => {
      if (this.#claimed <= this.charged) this.#charge(this.#claimed);
      this.#rest(held - this.#claimed);
      if (this.#claimed > this.charged) this.#over();
      else this.#fits();
    });
    void later?.catch((error: unknown) => this.#failed("charge", error));
  }

  /** One that let nothing go is left alone for a while, each time twice as long. */
  #rest(released: number): void {
    this.#restUntil = released > 0 ? 0 : this.#clock() + this.#restMs;
    this.#restMs = released > 0 ? REST_MS : Math.min(2 * this.#restMs, REST_MS_MAX);
  }

  /** The budget's reclaimer: gives back `bytes` bytes of the charge, as far as the thing lets go of them. What it answers is what went. */
  #give(bytes: number): number | Promise<number> {
    if (this.#isReading || this.#isShedding || this.#isClosed) return 0;
    const before = this.charged;
    try {
      const held = this.#read();
      if (held === undefined) return 0;
      // What it sheds while it grows makes its own request smaller, not its charge: it goes down from what it holds.
      const target = Math.max(0, (this.#isGrowing ? held : before) - bytes);
      const settle = (): void => {
        const released = this.#isGrowing ? held - this.#claimed : before - this.#claimed;
        if (released > 0) this.#charge(Math.max(0, before - released));
      };
      const later = held <= target ? settle() : this.#shed(target, settle);
      if (later === undefined) return Math.max(0, before - this.charged);
      return later.then(
        () => Math.max(0, before - this.charged),
        (error: unknown) => this.#failed("charge", error),
      );
    } catch (error) {
      return this.#failed("charge", error);
    }
  }

  /** Lets the thing shed, looks at what it holds then, and calls `settle`; at once, or when its promise is settled, after which it is fitted again. */
  #shed(target: number, settle: () => void): Promise<void> | undefined {
    const held = this.#claimed;
    this.#counts.sheds++;
    this.#isShedding = true;
    let answer: unknown;
    try {
      answer = this.#thing.shed(target);
    } catch (error) {
      this.#failed("shed", error);
    }
    if (typeof (answer as { then?: unknown } | undefined)?.then !== "function") {
      this.#endShed(held, answer);
      settle();
      return undefined;
    }
    return Promise.resolve(answer)
      .catch((error: unknown) => void this.#failed("shed", error))
      .then((said) => {
        this.#endShed(held, said);
        settle();
        this.attempt("fit");
      });
  }

  #endShed(held: number, answer: unknown): void {
    this.#isShedding = false;
    const released = held - (this.#read() ?? held);
    if (released > 0) this.#counts.shedBytes += released;
    else if (typeof answer === "number" && answer > 0) this.#counts.mismatches++;
  }

  #fits(): void {
    this.#isOver = false;
  }

  /** Told once, until it fits again. */
  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.over({ name: this.name, claimedBytes: this.#claimed, chargedBytes: this.charged });
  }

  #failed(what: GovernedFailure["what"], error: unknown): 0 {
    this.#counts.failures++;
    this.#listener.failed({ name: this.name, what, error });
    return 0;
  }
}

/** @internal The thing as it was given, checked. @throws TypeError. */
export function checkedThing(thing: Governed): Governed {
  const own = ownOptions<Governed>("register", thing, ["name", "bytes", "shed", "priority", "cost", "minLevel"]);
  label("name", own.name);
  callable(`bytes of "${own.name}"`, own.bytes);
  callable(`shed of "${own.name}"`, own.shed);
  return thing;
}

/** What `bytes()` says, in whole bytes. @throws TypeError, RangeError for what is no size; whatever it throws. */
function sizeOf(thing: Governed): number {
  const bytes: unknown = thing.bytes();
  if (typeof bytes !== "number") throw new TypeError(`bytes() of "${thing.name}" answered ${describe(bytes)}`);
  if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER))
    throw new RangeError(`bytes() of "${thing.name}" answered ${bytes}, which is no size`);
  return Math.ceil(bytes);
}

/** A reservation of no bytes, which grows and shrinks with the thing. */
function nothingOf(budget: Budget, tag: string): Reservation {
  const reservation = budget.tryReserve(0, tag);
  if (reservation !== null) return reservation;
  throw budget.check(0) ?? new RangeError(`the region of budget "${budget.path}" has no room for a reservation`);
}
