// Stage: one scenario on one machine: its actors, its set-up, and what one schedule of it is, from the snapshot to the audit.
//
// A scenario: { name, setup(stage)?, programs: { a, b, c? }, pages?, owners?, mayBeFull?, hasMemory?, bounds?,
// share?, pending?, about? }. `share` says how many times as much of a quick run's time it gets as any other. Each program is a generator of
// an actor's calls; the names a, b, c are threads 0, 1, 2. Where deaths are explored, a fourth thread, the undertaker, begins when one
// died: it announces the death and recovers, beside the others, and may die too.

import { Actor } from "./actor.mjs";
import { Audit } from "./audit.mjs";
import { DEAD, FINISHED, UNDERTAKER, Violation } from "./thread.mjs";
import { Model } from "./model.mjs";

const NAMES = ["a", "b", "c"];
const RECOVER_TRIES = 3;
// The instance that owners use who died before the schedule: that of the third thread, or where there is one the undertaker's, who must
// be detached then.
const GHOST = 2;
// A size that no scenario uses: taking one goes through the whole slow path.
const RARE_BYTES = 5000;

export class Stage {
  constructor(machine, scenario) {
    this.machine = machine;
    this.scenario = scenario;
    this.constants = machine.c;
    const pages = scenario.pages ?? 2;
    machine.clear(pages);
    this.model = new Model(machine.view, machine.main);
    this.main = new Actor("main", this.model, undefined, machine.main);
    this.names = NAMES.filter((name) => scenario.programs[name]);
    this.actors = this.names.map((name, i) => this.#actor(name, i));
    this.undertaker = this.#actor("undertaker", UNDERTAKER);
    for (const actor of this.actors) this[actor.name] = actor;
    /** Owners whose threads died before the schedule begins; nobody has been told. */
    this.ghosts = [];
    const owners = scenario.owners ?? this.names.length + 2;
    const id = machine.main.createRegion(pages, owners, 1, 1, this.main.host, Number(scenario.scrub ?? false));
    if (id <= 0) throw new Error(`createRegion answered ${id}`);
    this.main.setOwner(id);
    for (const actor of [...this.actors, this.undertaker]) {
      if (!scenario.detached?.includes(actor.name)) actor.now(actor.attach(scenario.busyMs));
    }
    machine.isWatching = scenario.mayBeFull ?? false;
    machine.isImpatient = scenario.isImpatient ?? false;
    machine.budgets.view.hasMemory = scenario.hasMemory ?? false;
    machine.onDeath = (thread) => this.#died(thread);
    scenario.setup?.(this);
    this.model.keep();
    this.owners = [...this.actors, this.undertaker].map(({ ownerId }) => ownerId);
    this.mainOwner = this.main.ownerId;
    this.model.isAlone = this.mainOwner === 0;
    machine.snapshot();
    this.audit = new Audit(machine, this.model, this.main, this.ghosts);
  }

  #actor(name, index) {
    const thread = this.machine.threads[index];
    const actor = new Actor(name, this.model, thread, thread.exports);
    actor.mayBeFull = this.scenario.mayBeFull ?? false;
    actor.mayBeClosed = this.scenario.mayBeClosed ?? false;
    return actor;
  }

  /**
   * An owner whose thread died before the schedule begins. `calls` are [steps, write, where]: each is cut before its write of that number, or
   * goes to its end. With a function's name as `where` only the writes there count, with a word of the slot or the header only those after it
   * was set.
   */
  ghost(...calls) {
    const actor = this.#actor("ghost", this.scenario.programs.c ? UNDERTAKER : GHOST);
    actor.now(actor.attach());
    for (const [steps, write = 0, where = undefined] of calls) {
      const word = this.#wordOf(actor, where);
      this.machine.cut = { left: write, where: word === undefined ? where : undefined, word };
      actor.now(steps(actor));
      // A mutant may go another way.
      if (this.machine.cut.left > 0 && !this.machine.isMutant)
        throw new Error(`${this.scenario.name}: the call that a ghost died in has ended before write ${write}`);
    }
    this.machine.cut.left = 0;
    this.model.openOwner(actor.ownerId);
    this.machine.ghosts++;
    this.ghosts.push(actor.ownerId);
    return actor.ownerId;
  }

  #wordOf({ slot }, name) {
    if (name?.startsWith("S_")) return (slot + this.constants[name]) >>> 2;
    return name?.startsWith("H_") ? this.constants[name] >>> 2 : undefined;
  }

  /** Runs one schedule: "done" or "redundant", or throws the Violation. */
  run(strategy, { deaths = false } = {}) {
    this.model.reset();
    this.closeStatus = undefined;
    const everyone = [...this.actors, this.undertaker];
    this.main.setOwner(this.mainOwner);
    everyone.forEach((actor, i) => {
      actor.thread.giving = undefined;
      actor.isHalfOut = false;
      actor.setOwner(this.owners[i]);
    });
    const programs = [];
    for (const actor of this.actors) {
      programs[actor.thread.index] = { steps: this.#program(actor), isMortal: true, isLatent: false };
    }
    if (deaths && !this.scenario.buriesItself)
      programs[UNDERTAKER] = { steps: this.#bury(), isMortal: true, isLatent: true };
    strategy.start();
    const outcome = this.machine.run(programs, strategy);
    if (outcome === "done") this.#finish(everyone);
    return outcome;
  }

  #finish(everyone) {
    this.#leaveCut();
    if (this.scenario.finish) this.scenario.finish(this);
    else this.audit.run(everyone, () => this.#leaveCut(true));
    this.scenario.verify?.(this);
  }

  /** What an exception kept from its caller is still its owner's: leaving gives it back, and (`isSure`) is refused by nobody. */
  #leaveCut(isSure = false) {
    for (const actor of this.actors) {
      const isCut = actor.thread.traps > 0 || actor.isHalfOut;
      if (!isCut || actor.thread.status !== FINISHED || actor.ownerId === 0) continue;
      this.model.openOwner(actor.ownerId);
      // Who died with the latch may not be recovered yet.
      const status = actor.exports.detachRegion();
      if (isSure && status !== 0) throw new Violation(`detachRegion answers ${status} at the quiet end`);
      if (status !== 0) continue;
      this.model.releaseOwner(actor.ownerId);
      actor.setOwner(0);
    }
  }

  *#program(actor) {
    yield* this.scenario.programs[actor.name](actor, this);
    // After an exception the next calls heal what it cut: some that take the page lock, and one that looks for a slab.
    if (actor.thread.traps > 0 && actor.ownerId !== 0) yield* this.#heal(actor);
  }

  *#heal(actor) {
    for (const bytes of [8200, 8200, RARE_BYTES]) {
      const block = yield* actor.alloc(bytes, { scarce: true });
      if (block) yield* actor.free(block);
    }
    // And one that takes the latch of the budgets, and finds nothing to close.
    if (this.machine.budgets.isOn) yield { name: "closeBudget", args: [0, 1 << 2] };
  }

  /** Blocks that a thread took and may not have told of are recovery's as well. */
  #died(thread) {
    const actor = this.actors[thread.index] ?? this.undertaker;
    if (actor.ownerId !== 0) this.model.openOwner(actor.ownerId);
    if (thread.isInCall && thread.giving) this.model.openBlock(thread.giving);
    if (thread.isInCall) this.model.ledger.cut(thread.deed);
  }

  /** The undertaker's program: the host saw a thread end. */
  *#bury() {
    const actor = this.undertaker;
    const { machine } = this;
    for (let i = 0; i < machine.dead.length; i++) {
      const thread = machine.dead[i];
      machine.races.join(UNDERTAKER, thread.index);
      const id = this.audit.ownerOf(this.actors[thread.index] ?? actor);
      if (id === 0) continue;
      const status = yield { name: "markDead", args: [id] };
      if (status === this.constants.OWNER_ALIVE)
        throw new Violation("markDead says that the dead thread is the caller");
      if (actor.exports.recover) yield* this.#recover(id);
    }
  }

  *#recover(id) {
    const { thread } = this.undertaker;
    for (let i = 0; i < RECOVER_TRIES; i++) {
      const before = this.#stepsOfOthers();
      const status = yield { name: "recover", args: [id] };
      if (status === this.constants.BUSY) {
        if (this.machine.isLockLeft(thread))
          throw new Violation('recover said "busy" although the holder was known to be dead');
        continue;
      }
      if (status !== 0 && status !== this.constants.NOT_LIVE) throw new Violation(`recover(${id}) answers ${status}`);
      // Who was at work when it looked may have come to the end of its call since.
      if (this.#stepsOfOthers() === before) this.#requireDone(id);
      return;
    }
  }

  #stepsOfOthers() {
    return this.actors.reduce((sum, { thread }) => sum + thread.steps, 0);
  }

  /** Only what a living thread is about to decide, a lock that it has and no time to wait for it, or another death, may keep a recovery from its end. */
  #requireDone(id) {
    const { running, dead, view, isImpatient } = this.machine;
    // Who has no patience gives up at a latch, and its holder may be at its end by now.
    if (isImpatient && this.undertaker.thread.sawForeignLatch) return;
    const isAlone = running.every(
      (thread) => thread.index === UNDERTAKER || !thread.isInCall || thread.status === DEAD,
    );
    if (isAlone && dead.length === 1 && this.ghosts.length === 0 && view.isStillDead(id)) {
      throw new Violation(`recover(${id}) left the slot taken, although nobody else was at work`);
    }
  }
}
