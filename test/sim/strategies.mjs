// Strategies: who decides at a hook. Each has `start` (a schedule begins), `at` (a hook: go on, switch, die, throw) and `next` (a thread
// ended or waits: who goes on), and says with `everywhere` whether it wants to be asked at hooks that do not matter to the others.

import { DIE, GO_ON, READY, THROW, UNDERTAKER } from "./thread.mjs";
import { generator } from "./random.mjs";

const mayRun = (machine, other, thread) =>
  other !== thread && other.status === READY && other.yieldEpoch !== machine.epoch;

const others = (machine, thread) => machine.running.filter((other) => mayRun(machine, other, thread));

/** How many others could run: asked at nearly every hook. */
function countOthers(machine, thread) {
  let count = 0;
  for (let i = 0; i < machine.running.length; i++) if (mayRun(machine, machine.running[i], thread)) count++;
  return count;
}

/** Where the schedule is when a thread has ended or waits. */
const restPlace = (machine) =>
  machine.schedSteps === 0 ? "start" : `${machine.current.index}@${machine.current.steps}`;

/** What an exploration may spend in one schedule. */
const spend = (bounds) => ({ preemptions: bounds.preemptions, deaths: bounds.deaths ?? 0 });

/** With two deaths the second is the undertaker's, inside the recovery of the first. */
const mayDieNow = (thread, left, bounds) =>
  thread.isMortal && (bounds.deaths < 2 || (left === 2) !== (thread.index === UNDERTAKER));

/**
 * Every schedule within the bounds, one after the other: replays a stack of choices, then takes the first choice everywhere;
 * `advance` increments the rightmost choice that can be. Wholly stateless: nothing of a schedule is kept but its choices.
 */
export class Exhaustive {
  everywhere = false;
  prunes = true;

  constructor(bounds) {
    this.bounds = bounds;
    this.choices = [];
    this.counts = [];
  }

  start() {
    this.depth = 0;
    this.left = spend(this.bounds);
    this.diverged = false;
  }

  #choose(count) {
    if (count === 1) return 0;
    const depth = this.depth++;
    if (depth < this.choices.length) {
      if (this.counts[depth] !== count) this.diverged = true;
      return Math.min(this.choices[depth], count - 1);
    }
    this.choices.push(0);
    this.counts.push(count);
    return 0;
  }

  at(machine, thread, site, isChoice, isDeathPoint) {
    const { left } = this;
    const canDie = isDeathPoint && left.deaths > 0 && mayDieNow(thread, left.deaths, this.bounds);
    const rest = isChoice && left.preemptions > 0 ? countOthers(machine, thread) : 0;
    if (!canDie && rest === 0) return GO_ON;
    const choice = this.#choose(1 + rest + (canDie ? 1 : 0));
    if (choice === 0) return GO_ON;
    if (choice <= rest) {
      left.preemptions--;
      return others(machine, thread)[choice - 1].index;
    }
    left.deaths--;
    return DIE;
  }

  next(machine, enabled) {
    return this.#choose(enabled.length);
  }

  /** On to the next schedule; false when there is none. */
  advance() {
    // What the last schedule did not reach is no choice any more.
    this.choices.length = this.depth;
    this.counts.length = this.depth;
    while (this.choices.length > 0) {
      const last = this.choices.length - 1;
      if (++this.choices[last] < this.counts[last]) return true;
      this.choices.pop();
      this.counts.pop();
    }
    return false;
  }

  /** The same schedule again, for replays. */
  again() {
    const copy = new Exhaustive(this.bounds);
    copy.choices = [...this.choices];
    copy.counts = [...this.counts];
    return copy;
  }
}

/** Random switches and deaths: at each place that matters with some probability, within the bounds. */
export class Random {
  everywhere = false;
  prunes = false;

  constructor(bounds, seed, expectedSteps = 100) {
    this.bounds = bounds;
    this.seed = seed;
    this.expected = expectedSteps;
  }

  start() {
    this.random = generator(this.seed);
    this.left = spend(this.bounds);
    this.rate = (1 + this.left.preemptions) / Math.max(4, this.expected);
    this.deathRate = (1 + this.left.deaths) / Math.max(4, this.expected);
  }

  at(machine, thread, site, isChoice, isDeathPoint) {
    if (isDeathPoint && this.left.deaths > 0 && thread.isMortal && this.random() < this.deathRate) {
      this.left.deaths--;
      return DIE;
    }
    if (!isChoice || this.left.preemptions === 0 || this.random() >= this.rate) return GO_ON;
    const rest = others(machine, thread);
    if (rest.length === 0) return GO_ON;
    this.left.preemptions--;
    return rest[Math.floor(this.random() * rest.length)].index;
  }

  next(machine, enabled) {
    return Math.floor(this.random() * enabled.length);
  }

  again() {
    return new Random(this.bounds, this.seed, this.expected);
  }
}

/** PCT: threads have random priorities, and at d random places the running one drops to the lowest. */
export class Priorities {
  everywhere = false;
  prunes = false;

  constructor(bounds, seed, expectedSteps = 200) {
    this.bounds = bounds;
    this.seed = seed;
    this.expected = expectedSteps;
  }

  start() {
    this.random = generator(this.seed);
    this.priority = Array.from({ length: 8 }, () => 1 + this.random());
    const place = () => Math.floor(this.random() * this.expected);
    this.drops = new Set(Array.from({ length: this.bounds.preemptions }, place));
    this.deaths = new Set(Array.from({ length: this.bounds.deaths ?? 0 }, place));
    this.step = 0;
    this.lowest = 0;
  }

  #highest(threads) {
    return threads.reduce((best, t) => (this.priority[t.index] > this.priority[best.index] ? t : best));
  }

  at(machine, thread, site, isChoice, isDeathPoint) {
    const step = this.step++;
    if (isDeathPoint && thread.isMortal && this.deaths.delete(step)) return DIE;
    if (!isChoice) return GO_ON;
    if (this.drops.has(step)) this.priority[thread.index] = --this.lowest;
    const rest = others(machine, thread);
    if (rest.length === 0) return GO_ON;
    const best = this.#highest(rest);
    return this.priority[best.index] > this.priority[thread.index] ? best.index : GO_ON;
  }

  next(machine, enabled) {
    return enabled.indexOf(this.#highest(enabled));
  }

  again() {
    return new Priorities(this.bounds, this.seed, this.expected);
  }
}

/**
 * An exception at the n-th function's beginning or loop's head that a thread passes; else what a script says. Where not every hook is called the
 * thread's fuel counts them, so that it costs no more than any other schedule.
 */
export class Fault {
  everywhere = true;
  prunes = false;

  constructor(script, index, nth) {
    this.script = script;
    this.index = index;
    this.nth = nth;
    this.inner = new Script(script);
  }

  start() {
    this.left = this.nth;
  }

  /** After how many of them its hook is to be called; undefined: as always. */
  fuelOf({ index }) {
    return index === this.index ? this.nth : undefined;
  }

  /** The hook was called because the fuel was used up. */
  isDue({ index }) {
    if (index !== this.index || this.left === 0) return false;
    this.left = 0;
    return true;
  }

  at(machine, thread, site, isChoice, isDeathPoint, isFaultPoint) {
    if (isFaultPoint && thread.index === this.index && this.left > 0 && --this.left === 0) return THROW;
    return this.inner.at(machine, thread, site, isChoice, isDeathPoint, isFaultPoint);
  }

  next(machine, enabled) {
    return this.inner.next(machine, enabled);
  }

  again() {
    return new Fault(this.script, this.index, this.nth);
  }
}

/**
 * Follows another strategy, counting every hook, and writes down each decision that is not the plain one: as text such as
 * "0@12>1" (thread 0 at its 12th hook: switch to 1), "0@12!" (dies), "0@12^" (an exception), "0@12~1" (it ended or waits: 1 goes on).
 */
export class Recorder {
  everywhere = true;
  prunes = false;

  constructor(inner) {
    this.inner = inner;
    this.decisions = [];
    this.inner.start();
  }

  start() {}

  at(machine, thread, site, isChoice, isDeathPoint, isFaultPoint) {
    if (!isChoice && !isDeathPoint && !this.inner.everywhere) return GO_ON;
    const action = this.inner.at(machine, thread, site, isChoice, isDeathPoint, isFaultPoint);
    const here = `${thread.index}@${thread.steps}`;
    if (action === DIE) this.decisions.push(`${here}!`);
    else if (action === THROW) this.decisions.push(`${here}^`);
    else if (action >= 0) this.decisions.push(`${here}>${action}`);
    return action;
  }

  next(machine, enabled) {
    const choice = this.inner.next(machine, enabled);
    if (choice > 0) this.decisions.push(`${restPlace(machine)}~${enabled[choice].index}`);
    return choice;
  }
}

const DECISION = /^(start(?=~)|[0-3]@\d+)(?:([>~])([0-3])|([!^]))$/;

const numberOf = (index, step) => step * 4 + index;

/** Does what decisions in a Recorder's notation say, and the plain thing elsewhere. */
export class Script {
  everywhere = true;
  prunes = false;

  constructor(decisions) {
    this.decisions = decisions;
    // By thread and step as one number: this is asked at every hook.
    this.actions = new Map();
    this.rests = new Map();
    for (const text of decisions) {
      const [, place, going, target, kind = going] = DECISION.exec(text) ?? [];
      if (place === undefined) throw new Error(`"${text}" is no decision`);
      const [index, step] = place.split("@").map(Number);
      if (kind === "~") this.rests.set(place, Number(target));
      else this.actions.set(numberOf(index, step), { kind, target: Number(target) });
    }
  }

  start() {}

  at(machine, thread, site, isChoice, isDeathPoint, isFaultPoint) {
    const action = this.actions.get(numberOf(thread.index, thread.steps));
    if (action === undefined) return GO_ON;
    if (action.kind === "!") return DIE;
    // In another core something else may stand there, where no exception falls.
    if (action.kind === "^") return isFaultPoint ? THROW : GO_ON;
    return machine.threads[action.target].status === READY ? action.target : GO_ON;
  }

  next(machine, enabled) {
    const target = this.rests.get(restPlace(machine));
    return Math.max(
      0,
      enabled.findIndex(({ index }) => index === target),
    );
  }

  again() {
    return new Script(this.decisions);
  }
}
