// Thread: what the machine knows of one simulated thread, and the words in which explorers and machine speak of threads.

import { SAVED, SAVED_BYTES, STACKS, STACK_BYTES } from "./map.mjs";

export const GO_ON = -1;
export const DIE = -2;
export const THROW = -3;

export const LATENT = 0;
export const READY = 1;
export const BLOCKED = 2;
export const FINISHED = 3;
export const DEAD = 4;

/** The thread that announces deaths and recovers. */
export const UNDERTAKER = 3;

/** What a call answers that an exception ended. */
export const TRAPPED = Symbol("trapped");

/** A finding; it ends the schedule. */
export class Violation extends Error {}
// Thrown often, so they are made once and carry no stack.
/** Ends a schedule that another one stands for. */
export const REDUNDANT = Object.freeze({ name: "redundant" });
/** The exception that is thrown through a living thread. */
export const OVERFLOW = Object.freeze({ name: "overflow" });

export const STEPS_MAX = 100_000;
export const LOOPS_MAX = 3_000_000;
// Reading the same word at the same place so often, with nothing written meanwhile, is waiting.
export const SPIN_READS = 4;

export class Thread {
  constructor(machine, index, instance) {
    this.machine = machine;
    this.index = index;
    this.exports = instance.exports;
    this.saved = SAVED + index * SAVED_BYTES;
    this.stack = STACKS + index * STACK_BYTES;
    const sites = machine.sites.length;
    this.spinAddress = new Int32Array(sites);
    this.spinEpoch = new Int32Array(sites).fill(-1);
    this.spinCount = new Int32Array(sites);
    this.exports.simReadMask.value = 1 << index;
    this.exports.simWriteMask.value = 16 << index;
    this.reset();
  }

  reset() {
    this.status = LATENT;
    this.program = undefined;
    this.call = undefined;
    this.result = undefined;
    this.isInCall = false;
    this.isRewinding = false;
    this.wakeValue = 0;
    this.steps = 0;
    this.callSteps = 0;
    this.yieldEpoch = -1;
    this.waitAddress = 0;
    this.vainEpoch = -1;
    this.pendingUnit = -1;
    this.pendingWrites = false;
    this.pendingWorld = 0;
    this.isDisturbed = false;
    this.sawForeignLock = false;
    this.sawForeignLatch = false;
    this.deadHolder = 0;
    this.deadLatch = 0;
    this.request = undefined;
    /** What its call does to reservations and budgets (budgeting.mjs), and whether that may be refused (budgetwatch.mjs). */
    this.deed = undefined;
    this.charge = undefined;
    this.traps = 0;
  }
}
