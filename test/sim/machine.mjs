// Machine: runs the threads of a scenario in one JavaScript thread, one schedule after the other. Owns the memory, one instance of
// the instrumented core for each thread and one plain instance for the main thread, which sets up and looks at the end.
//
// A thread is a generator of calls. It runs until a hook decides otherwise: the instance is unwound there, and rewound when the
// thread goes on. A thread that dies is unwound and never rewound; an exception is thrown through the instance from a hook.

import { BudgetWatch } from "./budgetwatch.mjs";
import { HeapView } from "./heapview.mjs";
import { Hooks } from "./hooks.mjs";
import { PAGE, PAGES_AT, SAVED, SAVED_BYTES, STACKS, STACK_BYTES, THREADS_MAX, TOTAL_PAGES } from "./map.mjs";
import { Races } from "./races.mjs";
import { Sharing } from "./sharing.mjs";
import {
  BLOCKED,
  FINISHED,
  LATENT,
  LOOPS_MAX,
  OVERFLOW,
  READY,
  REDUNDANT,
  TRAPPED,
  Thread,
  Violation,
} from "./thread.mjs";

export class Machine extends Hooks {
  constructor(bundle) {
    super();
    this.sites = bundle.sites;
    this.kinds = Uint8Array.from(bundle.sites, ({ kind }) => kind);
    this.c = bundle.constants;
    this.memory = new WebAssembly.Memory({ initial: TOTAL_PAGES, maximum: TOTAL_PAGES });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.view = new HeapView(this.c, this.memory.buffer);
    this.u32 = this.view.u32;
    const env = { memory: this.memory };
    const sim = {
      point: (site, address) => this.point(site, address),
      range: (site, address, bytes) => this.range(site, address, bytes),
      wait: (site, address, expected) => this.wait(site, address, expected),
      notify: (site, address) => this.notify(site, address),
    };
    this.main = new WebAssembly.Instance(bundle.plain, { env }).exports;
    this.mainSaved = SAVED + THREADS_MAX * SAVED_BYTES;
    this.sharing = new Sharing(this.bytes, [this.c.H_LOCK, this.c.H_COMMITTED, this.c.H_BUDGET_LOCK]);
    this.threads = Array.from(
      { length: THREADS_MAX },
      (_, i) => new Thread(this, i, new WebAssembly.Instance(bundle.module, { env, sim })),
    );
    this.races = new Races(this.sites, (address, before, now) => this.race(address, before, now), bundle.edges ?? true);
    this.guarded = this.guardedRanges();
    this.lockAt = this.c.H_LOCK >>> 2;
    this.latchAt = this.c.H_BUDGET_LOCK >>> 2;
    this.budgets = new BudgetWatch(this);
    this.committedAt = this.c.H_COMMITTED >>> 2;
    this.peakAt = this.c.H_PEAK >>> 2;
    this.headerEnd = this.c.CLASSES;
    this.running = [];
    this.dead = [];
    this.executed = new Uint8Array(this.sites.length);
    this.died = new Uint8Array(this.sites.length);
    /** The same over all scenarios that this machine ran. */
    this.everDied = new Uint8Array(this.sites.length);
    this.everThrown = new Uint8Array(this.sites.length);
    /** Sites passed for the first time since somebody asked. */
    this.fresh = [];
    this.raceKinds = new Map();
    this.totalSteps = 0;
    this.epoch = 0;
    this.isQuiet = true;
    this.isDeep = false;
    /** Whether this scenario's requests may be refused as "full". */
    this.isWatching = false;
    /** Whether who waits for a latch gives up before the others come in: its time is up. */
    this.isImpatient = false;
    this.isBlank = true;
    /** How many threads died before the schedule began, and the writes (Stage.ghost) that the next of them has left. */
    this.ghosts = 0;
    this.cut = { left: 0, where: undefined, word: undefined };
    this.capacity = 0;
    this.setMutant(bundle.mutant ?? 0);
  }

  /** Switches a mutant on, by its number in the list from 1 on, and every other off; 0: the core as it is. */
  setMutant(number) {
    this.isMutant = number !== 0;
    for (const { exports } of this.threads) exports.simMutant.value = number;
  }

  /** A fresh memory of so many pages; every thread is as if just instantiated. */
  clear(pages) {
    this.bytes.fill(0);
    this.sharing.clear();
    this.budgets.clear();
    this.u32[PAGES_AT >>> 2] = pages;
    this.regionBytes = pages * PAGE;
    this.isQuiet = true;
    this.ghosts = 0;
    this.current = this.threads[0];
    if (this.isBlank) {
      // The thread-locals as the instances were born with them.
      this.saveLocals();
      this.born = this.bytes.slice(SAVED, STACKS);
      this.isBlank = false;
    } else {
      this.bytes.set(this.born, SAVED);
      this.loadLocals();
    }
  }

  saveLocals() {
    for (const thread of this.threads) thread.exports.simSave(thread.saved);
    this.main.simSave(this.mainSaved);
  }

  loadLocals() {
    for (const thread of this.threads) thread.exports.simLoad(thread.saved);
    this.main.simLoad(this.mainSaved);
  }

  get hasDead() {
    return this.ghosts > 0 || this.dead.length > 0;
  }

  /** Keeps the state that every schedule begins with. */
  snapshot() {
    this.saveLocals();
    this.imageRegion = this.bytes.slice(0, this.regionBytes);
    this.imageLocals = this.bytes.slice(SAVED, STACKS);
    this.capacity = this.view.grains - this.view.firstGrain;
    this.heapTables = this.view.word(this.c.H_BITS);
    this.budgets.keep();
  }

  restore() {
    this.bytes.set(this.imageRegion, 0);
    this.bytes.set(this.imageLocals, SAVED);
    this.loadLocals();
  }

  /** Every access reaches its hook (deep), or only those that sharing asks for. */
  setDeep(deep) {
    if (this.isDeep === deep) return;
    this.isDeep = deep;
    for (const { exports, index } of this.threads) {
      exports.simReadMask.value = deep ? 0 : 1 << index;
      exports.simWriteMask.value = deep ? 0 : 16 << index;
    }
  }

  /**
   * Runs one schedule from the snapshot. `programs` are generators by thread index; one that is marked latent begins when a thread
   * died. Returns "done" or "redundant"; throws a Violation.
   */
  run(programs, strategy) {
    this.restore();
    this.races.reset();
    this.strategy = strategy;
    this.epoch = (this.epoch + 1) & 0x3fffffff;
    this.dead = [];
    this.running = [];
    this.worldEpoch = 0;
    this.isHeapChanged = false;
    this.schedSteps = 0;
    this.budgets.begin();
    for (const thread of this.threads) {
      thread.reset();
      thread.exports.simFuel.value = this.isDeep ? 0 : (strategy.fuelOf?.(thread) ?? LOOPS_MAX);
      const program = programs[thread.index];
      if (!program) continue;
      thread.program = program.steps;
      thread.isMortal = program.isMortal;
      thread.status = program.isLatent ? LATENT : READY;
      this.running.push(thread);
    }
    this.isQuiet = false;
    try {
      return this.schedule();
    } catch (error) {
      if (error === REDUNDANT) return "redundant";
      if (error instanceof WebAssembly.RuntimeError) throw new Violation(`the core trapped: ${error.message}`);
      throw error;
    } finally {
      this.isQuiet = true;
      this.totalSteps += this.schedSteps;
      this.abandon();
    }
  }

  /** Unwinding may have been cut by an exception of ours: asyncify must be at rest before the next schedule. */
  abandon() {
    this.isUnwinding = false;
    for (const thread of this.running) {
      const state = thread.exports.asyncify_get_state();
      if (state === 1) thread.exports.asyncify_stop_unwind();
      if (state === 2) thread.exports.asyncify_stop_rewind();
    }
  }

  schedule() {
    let thread = this.choose(this.enabled());
    while (thread) {
      this.current = thread;
      this.next = undefined;
      this.advance(thread);
      thread = this.next ?? this.choose(this.enabled());
    }
    return "done";
  }

  /** Who may run; when nobody may, spinning goes on, and then the first sleeper's time is up. */
  enabled() {
    const ready = this.running.filter((thread) => thread.status === READY);
    const fresh = ready.filter((thread) => thread.yieldEpoch !== this.epoch);
    if (fresh.length > 0) return fresh;
    if (ready.length > 0) return ready.slice(0, 1);
    const sleeper = this.running.find((thread) => thread.status === BLOCKED);
    if (!sleeper) return [];
    this.requireMark(sleeper);
    this.wake(sleeper, 2);
    return [sleeper];
  }

  /** Whose time is up at a latch left a mark there, and it stands: else who took it away forgot to wake (and did not die over it). */
  requireMark({ waitAddress }) {
    const isLatch = waitAddress === this.c.H_LOCK || waitAddress === this.c.H_BUDGET_LOCK;
    if (!isLatch || this.dead.length > 0 || this.running.some(({ traps }) => traps > 0)) return;
    if (this.u32[waitAddress >>> 2] >>> 31 === 0)
      throw new Violation("a thread sleeps for a latch, and nobody knows of it");
  }

  choose(enabled) {
    if (enabled.length === 0) return undefined;
    const thread = enabled.length === 1 ? enabled[0] : enabled[this.strategy.next(this, enabled)];
    this.resumes(thread);
    return thread;
  }

  /** A thread was preempted before an access that nothing done since conflicts with: preempting it later is the same. */
  resumes(thread) {
    if (thread.pendingUnit < 0) return;
    if (!thread.isDisturbed && thread.pendingWorld === this.worldEpoch && this.strategy.prunes) throw REDUNDANT;
    thread.pendingUnit = -1;
  }

  /** Runs a thread until it is left. */
  advance(thread) {
    while (true) {
      if (!thread.isInCall) {
        const { value, done } = thread.program.next(thread.result);
        if (done) {
          thread.status = FINISHED;
          return;
        }
        thread.call = value;
        thread.callSteps = 0;
        thread.sawForeignLock = false;
        thread.sawForeignLatch = false;
        thread.deadHolder = this.hasDead ? this.view.deadLockWord : 0;
        thread.deadLatch = this.hasDead ? this.view.deadHolder(this.c.H_BUDGET_LOCK) : 0;
      } else {
        thread.isRewinding = true;
        thread.exports.asyncify_start_rewind(thread.stack);
      }
      const { name, args } = thread.call;
      thread.isInCall = true;
      let result;
      try {
        result = thread.exports[name](...args);
      } catch (error) {
        if (error !== OVERFLOW) throw error;
        result = TRAPPED;
        thread.traps++;
      }
      if (this.isUnwinding) {
        this.isUnwinding = false;
        thread.exports.asyncify_stop_unwind();
        return;
      }
      thread.isInCall = false;
      thread.result = result;
    }
  }

  unwind(thread) {
    const at = thread.stack >>> 2;
    this.u32[at] = thread.stack + 8;
    this.u32[at + 1] = thread.stack + STACK_BYTES;
    this.isUnwinding = true;
    thread.exports.asyncify_start_unwind(thread.stack);
  }
}
