// Hooks: what the instrumented core calls before each access. Decides with the explorer whether the thread goes on, and does for each
// access what is to be done once it is certain to happen now: sharing, races, invariants.

import { isAllowed } from "./allowed.mjs";
import { ATOMIC, ENTRY, KIND_NAMES, WRITES } from "./instrument.mjs";
import {
  BLOCKED,
  DEAD,
  DIE,
  GO_ON,
  LATENT,
  LOOPS_MAX,
  OVERFLOW,
  READY,
  SPIN_READS,
  STEPS_MAX,
  THROW,
  Violation,
} from "./thread.mjs";

export class Hooks {
  /** The hook before a load, store or atomic, at a function's beginning and at a loop's head. */
  point(site, address) {
    if (this.isQuiet) {
      if (this.cut.left > 0) this.cutQuietly(site);
      return;
    }
    const thread = this.current;
    const kind = this.kinds[site];
    if (thread.isRewinding) {
      thread.isRewinding = false;
      thread.exports.asyncify_stop_rewind();
      this.perform(thread, site, address, kind);
      return;
    }
    this.address = address;
    if (this.isHeapChanged) this.watchRequests();
    if (this.budgets.isChanged) this.budgets.look();
    this.count(thread, site);
    if (kind >= ENTRY) {
      this.pass(thread, site);
      return;
    }
    const unit = address >>> 3;
    const shared = this.sharing.note(thread.index, unit, WRITES[kind]);
    const isChoice = shared && (ATOMIC[kind] || this.sharing.racy[unit] !== 0);
    if (shared) this.invariants(thread);
    const isSpinning = isChoice && this.isSpinning(thread, site, address, kind);
    if (isSpinning && this.isUnwinding) return;
    if (this.decide(thread, site, isChoice && !isSpinning, shared && WRITES[kind], false, unit, WRITES[kind])) return;
    this.perform(thread, site, address, kind);
  }

  /** In a set-up: the thread ends before the write of which that was said. */
  cutQuietly(site) {
    const { cut } = this;
    if (!WRITES[this.kinds[site]] || (cut.where && this.sites[site].functionName !== cut.where)) return;
    if (cut.word && this.u32[cut.word] === 0) return;
    if (--cut.left === 0) throw OVERFLOW;
  }

  count(thread, site) {
    thread.steps++;
    thread.callSteps++;
    this.schedSteps++;
    if (this.executed[site] === 0) {
      this.executed[site] = 1;
      this.fresh.push(site);
    }
    if (this.schedSteps > STEPS_MAX * (this.isDeep ? 10 : 1)) {
      throw new Violation(
        `${thread.call.name} goes on for ever: ${thread.callSteps} steps at ${this.sites[site].name}`,
      );
    }
  }

  pass(thread, site) {
    if (!this.isDeep) {
      thread.exports.simFuel.value = LOOPS_MAX;
      if (this.strategy.isDue?.(thread)) throw OVERFLOW;
      throw new Violation(`${thread.call.name} goes on for ever: ${LOOPS_MAX} loops, now at ${this.sites[site].name}`);
    }
    this.decide(thread, site, false, false, true, -1, false);
  }

  /** Asks the explorer; true when the thread was left. */
  decide(thread, site, isChoice, isDeathPoint, isFaultPoint, unit, writes) {
    const { strategy } = this;
    if (!isChoice && !isDeathPoint && !strategy.everywhere) return false;
    const action = strategy.at(this, thread, site, isChoice, isDeathPoint, isFaultPoint);
    if (action === GO_ON) return false;
    if (action === THROW) throw OVERFLOW;
    if (action === DIE) {
      this.die(thread, site);
      return true;
    }
    thread.pendingUnit = unit;
    thread.pendingWrites = writes;
    thread.pendingWorld = this.worldEpoch;
    thread.isDisturbed = false;
    this.next = this.threads[action];
    this.unwind(thread);
    this.resumes(this.next);
    return true;
  }

  die(thread, site) {
    this.died[site] = 1;
    this.everDied[site] = 1;
    thread.status = DEAD;
    this.dead.push(thread);
    this.onDeath(thread);
    for (const other of this.running) {
      if (other.status !== LATENT) continue;
      other.status = READY;
    }
    // The host has seen the thread end before anybody is told.
    for (const other of this.running) if (other !== thread) other.isDisturbed = true;
    this.unwind(thread);
  }

  /** What every access does once it is certain to happen now. */
  perform(thread, site, address, kind) {
    if (kind >= ENTRY) return;
    const unit = address >>> 3;
    const writes = WRITES[kind];
    if (writes && this.isWatching && address >= this.heapTables) this.isHeapChanged = true;
    if (writes && this.budgets.marks[unit]) this.budgets.wrote(thread, site, address);
    if (!this.sharing.isShared(unit)) return;
    this.races.access(thread.index, site, address);
    this.disturb(thread, unit, writes);
    if (!writes) return;
    this.epoch++;
    if (address < this.headerEnd) this.checkGuarded(thread, site, address);
  }

  disturb(thread, unit, writes) {
    for (const other of this.running) {
      if (other.pendingUnit === unit && other !== thread && (writes || other.pendingWrites)) other.isDisturbed = true;
    }
  }

  range(site, address, bytes) {
    if (this.isQuiet) {
      if (this.cut.left > 0) this.cutQuietly(site);
      return;
    }
    const thread = this.current;
    if (!thread.isRewinding) {
      this.address = address;
      this.count(thread, site);
      let shared = false;
      const writes = WRITES[this.kinds[site]];
      for (let unit = address >>> 3; unit < (address + bytes + 7) >>> 3; unit++) {
        if (this.sharing.note(thread.index, unit, writes)) shared = true;
      }
      if (this.decide(thread, site, false, shared && writes, false, -1, false)) return;
    } else {
      thread.isRewinding = false;
      thread.exports.asyncify_stop_rewind();
    }
    this.performRange(thread, site, address, bytes);
  }

  performRange(thread, site, address, bytes) {
    const writes = WRITES[this.kinds[site]];
    for (let word = address >>> 2; word < (address + bytes) >>> 2; word++) {
      if (!this.sharing.isShared(word >>> 1)) continue;
      this.races.range(thread.index, site, word);
      if (!(word & 1)) this.disturb(thread, word >>> 1, writes);
    }
    if (writes) this.epoch++;
  }

  wait(site, address, expected) {
    const thread = this.current;
    if (this.isQuiet) return 2;
    if (thread.isRewinding) {
      thread.isRewinding = false;
      thread.exports.asyncify_stop_rewind();
      this.races.access(thread.index, site, address);
      return thread.wakeValue;
    }
    this.count(thread, site);
    if (this.u32[address >>> 2] !== expected >>> 0) {
      if (thread.vainEpoch === this.epoch)
        throw new Violation("a thread tries to sleep again and again, and is never where who lets go would wake it");
      thread.vainEpoch = this.epoch;
      return 1;
    }
    if (this.decide(thread, site, false, false, false, -1, false)) return 0;
    thread.status = BLOCKED;
    thread.waitAddress = address;
    thread.wakeValue = 0;
    this.unwind(thread);
    return 0;
  }

  notify(site, address) {
    if (this.isQuiet) return 0;
    const current = this.current;
    this.address = address;
    this.count(current, site);
    if (this.decide(current, site, false, false, false, -1, false)) return 0;
    for (const thread of this.running) {
      if (thread.status === BLOCKED && thread.waitAddress === address) this.wake(thread, 0);
    }
    return 0;
  }

  wake(thread, value) {
    thread.status = READY;
    thread.wakeValue = value;
  }

  /** A thread that reads one word again and again while nothing is written lets others go on, and that costs no preemption. */
  isSpinning(thread, site, address, kind) {
    // Nobody waits for a word of the budgets but for their latch.
    if (WRITES[kind] || this.budgets.isNoLatch(address)) return false;
    if (thread.spinAddress[site] !== address || thread.spinEpoch[site] !== this.epoch) {
      thread.spinAddress[site] = address;
      thread.spinEpoch[site] = this.epoch;
      thread.spinCount[site] = 0;
      return false;
    }
    if (++thread.spinCount[site] < SPIN_READS) return false;
    // Who has no patience looks on until its time is up, and nobody else comes in meanwhile.
    if (this.isImpatient) return true;
    thread.spinCount[site] = 0;
    const others = this.running.some((t) => t !== thread && t.status === READY && t.yieldEpoch !== this.epoch);
    if (!others) return false;
    thread.yieldEpoch = this.epoch;
    this.unwind(thread);
    return true;
  }

  /** Whether the lock is held all through the call by one who was known to be dead when it began. */
  isLockLeft(thread) {
    return thread.deadHolder !== 0 && (this.u32[this.lockAt] & ~this.c.LATCH_MARK) === thread.deadHolder;
  }

  /** The same of the budgets' latch. */
  isLatchLeft(thread) {
    return thread.deadLatch !== 0 && (this.u32[this.latchAt] & ~this.c.LATCH_MARK) === thread.deadLatch;
  }

  /** True at every instant, whoever is in the middle of whatever. */
  invariants(thread) {
    const { u32 } = this;
    const committed = u32[this.committedAt];
    if (committed > this.capacity) throw new Violation(`H_COMMITTED is ${committed} of ${this.capacity} grains`);
    if (u32[this.peakAt] < committed) throw new Violation("H_PEAK is below H_COMMITTED");
    const holder = u32[this.lockAt] & 0xff;
    if (holder !== 0 && holder !== thread.ownerIndex) thread.sawForeignLock = true;
    const latch = u32[this.latchAt] & 0xff;
    if (latch !== 0 && latch !== thread.ownerIndex) thread.sawForeignLatch = true;
  }

  /** A request that may be refused as "full" is looked at again whenever the heap has changed: does it fit at this instant too? */
  watchRequests() {
    this.isHeapChanged = false;
    for (const { isInCall, request } of this.running) {
      if (!isInCall || !request?.isScarce) continue;
      request.sawPinned ||= this.view.hasPinned;
      if (request.fits) request.fits = this.view.fits(request.bytes, request.kind, request.step);
    }
  }

  /** Header words and tables that only the page lock's holder may write. */
  guardedRanges() {
    const { H_COMMITTED, H_REBUILDS, H_BIN_BITS, H_BINS, BIN_COUNT } = this.c;
    return [
      [H_COMMITTED, H_COMMITTED + 12],
      [H_REBUILDS, H_REBUILDS + 4],
      [H_BIN_BITS, H_BINS + BIN_COUNT * 4],
    ];
  }

  checkGuarded(thread, site, address) {
    for (const [from, to] of this.guarded) {
      if (address < from || address >= to) continue;
      const holder = this.u32[this.lockAt] & 0xff;
      if (holder === thread.ownerIndex) return;
      throw new Violation(
        `${this.sites[site].name} writes what the page lock guards, which ${holder || "nobody"} holds`,
      );
    }
  }

  race(address, before, now) {
    this.sharing.noteRace(address >>> 3);
    const key = before * 65536 + now;
    // Each is reported once, and whenever its schedule is replayed.
    if (this.raceKinds.has(key) && !this.isDeep) return;
    const entry = isAllowed(this.view, address, this.sites[before], this.sites[now]);
    this.raceKinds.set(key, { entry, address, before: this.sites[before].name, now: this.sites[now].name });
    if (entry.reason) return;
    const kinds = `${KIND_NAMES[this.kinds[before]]}/${KIND_NAMES[this.kinds[now]]}`;
    const names = `${this.sites[before].name} and ${this.sites[now].name}`;
    throw Object.assign(new Violation(`race on ${entry.where} (${kinds}): ${names}`), { key });
  }
}
