// Explore: all that is tried on one scenario within a share of time, form by form. Each form ends complete, or says how far it came.
//
//   calm        no death: exhaustive at 0, 1, 2, 3 preemptions
//   death       one death: at every hook of every thread once, then exhaustive at ≤ 1 preemption
//   two deaths  exhaustive at ≤ 1 preemption, the second death anywhere, recovery included
//   exception   an exception in a living thread, at every function's beginning and loop's head
//   random      seeded schedules for what time is left

import { hunt } from "./hunt.mjs";
import { ENTRY } from "./instrument.mjs";
import { derive } from "./random.mjs";
import { Exhaustive, Fault, Priorities, Random, Recorder, Script } from "./strategies.mjs";
import { Stage } from "./stage.mjs";
import { DEAD, Violation } from "./thread.mjs";

const WARM_UP = 24;

/** The bounds of the exhaustive forms, where the scenario does not say otherwise. */
const BOUNDS = { calm: 3, exception: 0, death: 1, second: 1 };

export class Exploration {
  constructor(machine, scenario, options = {}) {
    const { seed = 1, milliseconds = Infinity, schedules = Infinity, stopAt = undefined, isBrief = false } = options;
    this.machine = machine;
    this.scenario = scenario;
    this.seed = seed;
    this.started = performance.now();
    this.deadline = this.started + milliseconds;
    this.schedulesMax = schedules;
    /** Whether to stop at a violation with this message: a mutant is dead. */
    this.stopAt = stopAt;
    /** Whether it matters only that there is one, not how to get there. */
    this.isBrief = isBrief;
    this.isStopped = false;
    this.bounds = { ...BOUNDS, ...scenario.bounds };
    this.stage = new Stage(machine, scenario);
    this.schedules = 0;
    this.equivalent = 0;
    this.deaths = 0;
    this.violations = [];
    this.forms = [];
    /** Place → the way there: decisions, or the schedule of which they are to be found out. */
    this.ways = new Map();
    machine.fresh.length = 0;
    machine.executed.fill(0);
    machine.died.fill(0);
    machine.raceKinds.clear();
    machine.totalSteps = 0;
  }

  get isOver() {
    return this.isStopped || performance.now() >= this.deadline || this.schedules >= this.schedulesMax;
  }

  /** One schedule; a violation is recorded with what it takes to replay it. */
  once(strategy, options = {}, deep = false) {
    this.machine.setDeep(deep);
    const { mark } = this.machine.sharing;
    try {
      const outcome = this.stage.run(strategy, options);
      if (outcome === "redundant") this.equivalent++;
      return outcome;
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.found(error, { strategy, options, mark }, deep);
      return "violation";
    } finally {
      this.remember({ strategy, options, mark }, deep);
      this.schedules++;
      this.deaths += this.machine.running.filter(({ status }) => status === DEAD).length;
    }
  }

  /**
   * Keeps for each place that was passed for the first time how to get there, for the hunt. The decisions are found out by running the schedule
   * again at full depth, which takes ten times as long: where somebody has died in another scenario, only if the hunt asks for them.
   */
  remember({ strategy, options, mark }, deep) {
    const { fresh, everDied } = this.machine;
    if (fresh.length === 0) return;
    if (deep) this.claim(strategy.decisions);
    else if (fresh.some((site) => everDied[site] === 0)) this.record({ strategy, options, mark }, true);
    else this.claim({ strategy: strategy.again(), options, mark });
  }

  /** The decisions that lead to a place. */
  wayTo(site) {
    const way = this.ways.get(site);
    if (Array.isArray(way)) return way;
    way.decisions ??= this.#findOut(way);
    return way.decisions;
  }

  /** Runs a schedule of which only the strategy was kept, knowing of sharing what was known then. */
  #findOut(way) {
    const { sharing } = this.machine;
    const since = sharing.rollBack(way.mark);
    const recorder = new Recorder(way.strategy);
    this.attempt(recorder, way.options);
    // In the order in which it was learnt first: other marks refer to that.
    sharing.remember([...since, ...sharing.rollBack(way.mark)]);
    return recorder.decisions;
  }

  /** This way led to what was passed for the first time. */
  claim(way) {
    for (const site of this.machine.fresh.splice(0)) this.ways.set(site, way);
  }

  found(error, { strategy, options, mark }, deep) {
    const { message } = error;
    const kind = kindOf(message);
    const isEnough = this.stopAt?.(kind) ?? false;
    const isRace = message.startsWith("race");
    // "Full" is judged at the hooks that were passed; seen at every hook there may have been an instant without room.
    const isDoubtful = isRace || message.includes('said "full"') || message.includes("although it would have fitted");
    if (isEnough && this.isBrief && !isDoubtful) {
      this.violations.push({ message: kind });
      this.isStopped = true;
      return;
    }
    if (this.violations.some((known) => kindOf(known.message) === kind)) return;
    const decisions = deep ? strategy.decisions : this.record({ strategy, options, mark });
    if (!decisions && isDoubtful) return;
    if (isRace && !this.#isRaceStill(error, decisions, options)) return;
    const schedule = decisions ? this.minimise(decisions, options, message) : undefined;
    this.violations.push({ scenario: this.scenario.name, message, deaths: options.deaths === true, schedule });
    this.isStopped ||= isEnough;
  }

  /**
   * Whether the race is there with all that is known now. What orders two accesses is only seen at words that are known to be shared, and a thread
   * that runs for the first time shares the lock itself only from then on.
   */
  #isRaceStill({ message, key }, decisions, options) {
    const again = this.attempt(new Script(decisions), options);
    if (again !== undefined && kindOf(again) === kindOf(message)) return true;
    this.machine.raceKinds.delete(key);
    return false;
  }

  /**
   * The schedule's decisions, counted in all hooks of each thread, so that they do not depend on what is known to be shared. That is forgotten
   * as far as the schedule learnt it, so that it takes the same course again.
   */
  record({ strategy, options, mark }, always = false) {
    this.machine.sharing.rollBack(mark);
    const recorder = new Recorder(strategy.again());
    let message = this.attempt(recorder, options);
    // Of a race the first access may have been one that was not known to be shared.
    if (message === undefined && !always) message = this.attempt(new Script(recorder.decisions), options);
    return message === undefined && !always ? undefined : recorder.decisions;
  }

  /** Runs a schedule at full depth; the violation's message, if there is one. */
  attempt(strategy, options) {
    this.machine.setDeep(true);
    try {
      this.stage.run(strategy, options);
      return undefined;
    } catch (error) {
      if (error instanceof Violation) return error.message;
      throw error;
    } finally {
      this.claim(strategy.decisions);
    }
  }

  /** Leaves out each decision that is not needed for the same kind of violation. */
  minimise(decisions, options, message) {
    let kept = decisions;
    for (let i = kept.length - 1; i >= 0; i--) {
      const fewer = kept.toSpliced(i, 1);
      const again = this.attempt(new Script(fewer), options);
      if (again !== undefined && kindOf(again) === kindOf(message)) kept = fewer;
    }
    return kept;
  }

  /** Learns which words are shared: random schedules, dense in switches. */
  warmUp(deaths) {
    for (let i = 0; i < WARM_UP && !this.isOver; i++) {
      const bounds = { preemptions: 1 + (i % 8), deaths: deaths ? i % 3 : 0 };
      this.once(new Random(bounds, derive(this.seed, i), 40), { deaths: deaths > 0 });
    }
  }

  /** Everything within the bounds; again from the start while more turns out to be shared. */
  exhaust(preemptions, deaths) {
    const options = { deaths: deaths > 0 };
    const { sharing } = this.machine;
    while (true) {
      const strategy = new Exhaustive({ preemptions, deaths });
      sharing.grown = false;
      do {
        this.once(strategy, options);
        if (sharing.grown || this.isOver) break;
      } while (strategy.advance());
      if (this.isOver) return false;
      if (!sharing.grown) return true;
    }
  }

  note(form, complete, bound) {
    this.forms.push({ form, complete, bound });
  }

  calm() {
    // Once with every hook, so that words which one thread alone touches are passed as well.
    this.once(new Script([]), {}, true);
    this.warmUp(0);
    for (let bound = 0; bound <= this.bounds.calm; bound++) {
      if (!this.exhaust(bound, 0)) return this.note("calm", false, bound - 1);
    }
    return this.note("calm", true, this.bounds.calm);
  }

  /** One death at each place in the code that a thread passes and where nobody has died, the threads one after the other. */
  sweep(order) {
    const { died } = this.machine;
    const options = { deaths: true };
    const script = order > 0 ? [`start~${order}`] : [];
    if (this.attempt(new Script(script), options) !== undefined) return true;
    const threads = this.stage.actors.map(({ thread }) => thread);
    const trails = threads.map((thread) => this.trail(thread, script, options));
    for (const thread of threads) {
      for (const [i, site] of trails[thread.index].entries()) {
        if (this.isOver) return false;
        if (site !== undefined && !died[site])
          this.once(new Script([...script, `${thread.index}@${i + 1}!`]), options, true);
      }
    }
    return true;
  }

  /** The sites of a thread's hooks in the order in which it passes them. */
  trail(thread, script, options) {
    const sites = [];
    const inner = new Script(script);
    const spy = {
      everywhere: true,
      prunes: false,
      decisions: script,
      start() {},
      at(machine, t, site, ...rest) {
        if (t === thread) sites[t.steps - 1] = site;
        return inner.at(machine, t, site, ...rest);
      },
      next: (machine, enabled) => inner.next(machine, enabled),
    };
    this.attempt(spy, options);
    return sites;
  }

  death() {
    this.warmUp(1);
    let complete = true;
    for (let order = 0; order < this.stage.actors.length; order++) complete &&= this.sweep(order);
    hunt(this);
    for (let bound = 0; bound <= this.bounds.death && complete; bound++) {
      if (this.exhaust(bound, 1)) continue;
      return this.note("death", false, bound - 1);
    }
    return this.note("death", complete, complete ? this.bounds.death : -1);
  }

  twoDeaths() {
    for (let bound = 0; bound <= this.bounds.second; bound++) {
      if (!this.exhaust(bound, 2)) return this.note("two deaths", false, bound - 1);
    }
    return this.note("two deaths", true, this.bounds.second);
  }

  /**
   * One exception at each function's beginning and loop's head that each thread passes, in each order of the threads. The first of all scenarios at
   * a place in the code is thrown at full depth, so that each place is known that is passed then; the others as schedules like any.
   */
  exception() {
    let complete = true;
    for (let order = 0; order < this.stage.actors.length && complete; order++) complete = this.#throwEverywhere(order);
    return this.note("exception", complete, 0);
  }

  #throwEverywhere(order) {
    const { kinds, everThrown } = this.machine;
    const script = order > 0 ? [`start~${order}`] : [];
    if (this.attempt(new Script(script), {}) !== undefined) return true;
    for (const { thread } of this.stage.actors) {
      let nth = 0;
      for (const [i, site] of this.trail(thread, script, {}).entries()) {
        if (!(kinds[site] >= ENTRY)) continue;
        if (this.isOver) return false;
        nth++;
        if (everThrown[site]) this.once(new Fault(script, thread.index, nth));
        else this.once(new Script([...script, `${thread.index}@${i + 1}^`]), {}, true);
        everThrown[site] = 1;
      }
    }
    return true;
  }

  now() {
    return performance.now();
  }

  /** A little of each form first, then all of each: a mutant mostly dies at once, if it is looked at from the right side. */
  runForMutant() {
    this.warmUp(0);
    // Where somebody died before it begins, it takes preemptions of those who live.
    this.exhaust(this.machine.ghosts > 0 ? this.bounds.calm : 1, 0);
    this.exception();
    this.warmUp(1);
    this.exhaust(0, 1);
    this.run({ fill: true });
  }

  random(until = this.deadline) {
    let i = 0;
    while (!this.isOver && performance.now() < until) {
      const seed = derive(this.seed, 1000 + i);
      const bounds = { preemptions: 2 + (i % 6), deaths: this.scenario.isCalm ? 0 : i % 3 };
      const Strategy = i & 1 ? Priorities : Random;
      this.once(new Strategy(bounds, seed, 100), { deaths: bounds.deaths > 0 });
      i++;
    }
  }

  run({ fill = false } = {}) {
    // Where no exhaustive form can be completed, random schedules get their share of the time all the same.
    if (this.scenario.randomShare) this.random(this.now() + (this.deadline - this.now()) * this.scenario.randomShare);
    this.calm();
    if (!this.scenario.isCalm) {
      if (this.bounds.exception >= 0) this.exception();
      this.death();
      this.twoDeaths();
    }
    if (fill) this.random();
    if (!this.scenario.isCalm) hunt(this);
    return this.result();
  }

  result() {
    const { machine } = this;
    // A scenario without deaths has no place to die at.
    const passed = [...machine.executed.keys()].filter((site) => machine.executed[site]);
    const sites = this.scenario.isCalm ? [] : passed;
    const hit = sites.filter((site) => machine.died[site]);
    return {
      name: this.scenario.name,
      schedules: this.schedules,
      equivalent: this.equivalent,
      steps: machine.totalSteps,
      deaths: this.deaths,
      deathSites: sites.length,
      deathSitesHit: hit.length,
      races: this.violations.filter(({ message }) => message.startsWith("race")).length,
      violations: this.violations.length,
      seed: this.seed,
      milliseconds: performance.now() - this.started,
      isHeapAlone: !machine.budgets.isOn,
      complete: this.forms.every(({ complete }) => complete),
      forms: this.forms,
      found: this.violations,
      kinds: this.violations.map(({ message }) => kindOf(message)),
      passed,
      sites,
      hit,
      allowedRaces: [...machine.raceKinds.values()].filter(({ entry }) => entry.reason).map(({ entry }) => entry.where),
    };
  }
}

/** A message without its numbers: two violations of one kind are one finding. */
export const kindOf = (message) => message.replace(/\d+/g, "#");
