// Audit: the end of a schedule. The main thread recovers who died, compares the region with the model, gives everything back, and
// asks for all of the heap at once: not a byte may be lost.

import { BudgetAudit } from "./budgetaudit.mjs";
import { DEAD, Violation } from "./thread.mjs";

// Calls that leave a block nobody knows of, if they are cut after they took it.
const TAKING = ["alloc", "blockAlloc"];

/** Whether a call that was cut may or may not have given this block back. */
const isOpen = (block) => (block.isUndecided || block.state === 1 ? 1 : 0);

export class Audit {
  constructor(machine, model, main, ghosts) {
    this.machine = machine;
    this.ghosts = ghosts;
    this.model = model;
    this.main = main;
    this.view = model.view;
    this.c = model.view.c;
    this.exports = main.exports;
    this.budgets = new BudgetAudit(machine, model, main);
  }

  /** Announces and recovers every dead owner that still has its slot. */
  recoverDead(actors) {
    const dead = actors.filter(({ thread }) => thread.status === DEAD);
    for (const actor of dead) this.settleCut(actor);
    const ids = [...this.ghosts, ...dead.map((actor) => this.ownerOf(actor)).filter((id) => id !== 0)];
    for (const id of ids) {
      const status = this.exports.markDead(id);
      if (status === this.c.OWNER_ALIVE) throw new Violation(`markDead(${id}) says that the dead thread is the caller`);
    }
    if (this.exports.recover) this.recoverAll(ids);
    if (this.exports.settle) this.exports.settle();
  }

  /** What one recovery leaves to be decided may wait for another's. */
  recoverAll(ids) {
    let left = ids;
    for (let round = 0; round <= ids.length && left.length > 0; round++) {
      for (const id of left) this.recover(id);
      left = left.filter((id) => this.view.isStillDead(id));
    }
    if (left.length > 0) throw new Violation(`owner ${left[0]} has its slot still, recovered at the quiet end`);
  }

  recover(id) {
    const status = this.exports.recover(id);
    if (status !== 0 && status !== this.c.NOT_LIVE)
      throw new Violation(`recover(${id}) answers ${status} at the quiet end`);
  }

  /** The id of the slot that a dead thread held; one that died while attaching never learnt it, the slot says whose it is. */
  ownerOf({ ownerId, host }) {
    if (ownerId !== 0) return ownerId;
    for (let index = 1; index <= this.view.word(this.c.H_MAX_OWNERS); index++) {
      const at = this.view.slot(index);
      const state = this.view.word(at + this.c.S_STATE);
      if ((state & 3) !== this.c.OWNER_FREE && this.view.word(at + this.c.S_THREAD) === host) {
        return ((state >>> 2) << 8) | index;
      }
    }
    return 0;
  }

  /** What a dead thread was doing is undecided. */
  settleCut(actor) {
    const call = actor.thread.call;
    if (!actor.thread.isInCall || !call) return;
    const { model } = this;
    if (actor.thread.giving) model.cut(call.name, actor.thread.giving);
    else if (call.name === "realloc") {
      const block = [...model.blocks.values()].find(({ p, state }) => p === call.args[0] && state === 1);
      model.cut("alloc");
      model.cut("realloc", block);
    } else if (/alloc/i.test(call.name)) model.cut("alloc");
  }

  /** `settle` is called when the dead are recovered. */
  run(actors, settle) {
    this.recoverDead(actors);
    settle();
    if (this.view.word(this.c.H_POISON) !== 0)
      throw new Violation(`the region is poisoned: ${this.view.word(this.c.H_POISON)}`);
    for (const actor of actors) if (actor.thread.status === DEAD) this.dropDead(actor.ownerId);
    for (const id of this.ghosts) this.dropDead(id);
    this.compare();
    this.survey("at the end");
    this.budgets.compare();
    this.giveAllBack();
    this.budgets.giveAllBack();
    this.survey("after everything was freed");
    this.takeAll();
  }

  /** With recovery, a dead owner's Blocks have gone back. */
  dropDead(id) {
    if (this.exports.recover && id !== 0) this.model.releaseOwner(id);
  }

  /** The region's live blocks are the model's, but for one for each call that was cut. */
  compare() {
    const all = this.view.liveBlocks();
    const live = new Map(all.map((block) => [block[0], block]));
    const blocks = [...this.model.blocks.values()];
    // What is certain comes first: an undecided block may have been given back, and its place be another's.
    blocks.sort((one, two) => isOpen(one) - isOpen(two));
    for (const block of blocks) {
      const found = live.get(block.p);
      if (isOpen(block) && !this.mayBe(block, found)) {
        this.model.blocks.delete(block.id);
        continue;
      }
      live.delete(block.p);
      // A run may have been resized before the call was cut.
      if (isOpen(block)) this.takeAsFound(block, found[1]);
      else this.requireSame(block, found);
    }
    const allowed = this.model.undecided.filter(({ kind }) => TAKING.includes(kind)).length;
    if (live.size > allowed) {
      const list = [...live.values()].map(([p, bytes]) => `${bytes} bytes at ${p}`).join(", ");
      throw new Violation(`lost: ${list}; ${allowed} calls were cut`);
    }
    this.extras = [...live.values()];
    this.liveBytes = all.reduce((sum, block) => sum + block[1], 0);
  }

  /** Whether what stands at an open block's place is that block: where it was given back another's may be by now. */
  mayBe({ claim, isFreed }, found) {
    return found !== undefined && !isFreed && (found[2] === this.c.KIND_BLOCK) === Boolean(claim);
  }

  requireSame(block, found) {
    if (!found) throw new Violation(`the live block at ${block.p} is not taken in the region`);
    if (found[1] !== block.size)
      throw new Violation(`the block at ${block.p} has ${found[1]} bytes, not ${block.size}`);
    if (block.claim && String(this.view.claimAt(block.p)) !== String(block.claim))
      throw new Violation(`the record of the Block at ${block.p} holds another claim`);
    this.model.requireIntact(block);
  }

  /** What a cut call left is as the region says. */
  takeAsFound(block, size) {
    block.size = size;
    if (block.claim) block.claim = this.view.claimAt(block.p);
  }

  survey(when) {
    const { c, main, view } = this;
    const status = this.exports.check();
    if (status !== 0) throw new Violation(`check answers ${status} ${when}`);
    main.requireNoProblems(`check ${when}`);
    const at = (main.slot + c.S_OUT) >>> 2;
    const out = (index) => view.u32[at + index];
    const capacity = view.word(c.H_CAPACITY);
    const [used, free, overhead] = [out(c.OUT_USED), out(c.OUT_FREE), out(c.OUT_OVERHEAD)];
    if (used + free + overhead !== capacity)
      throw new Violation(`${used} + ${free} + ${overhead} ≠ ${capacity} ${when}`);
    if (this.liveBytes !== undefined && used !== this.liveBytes) {
      throw new Violation(`check counts ${used} bytes, the walk ${this.liveBytes} ${when}`);
    }
    const mayBeUnquiet = this.model.undecided.length > 0 && !this.exports.recover;
    if (out(c.OUT_QUIET) !== 1 && !mayBeUnquiet) throw new Violation(`a journal is pending ${when}`);
  }

  giveAllBack() {
    // Without recovery a dead thread's journals keep what they name.
    this.left = this.exports.recover ? 0 : this.model.undecided.length;
    for (const block of this.model.blocks.values()) {
      const done = block.claim ? this.exports.blockFree(block.p, ...block.claim) : this.exports.freeScrubbed(block.p);
      if (done !== 1 && block.isUndecided && !this.exports.recover) this.left++;
      else if (done !== 1) throw new Violation(`the block at ${block.p} cannot be freed at the end`);
    }
    this.model.blocks.clear();
    for (const [p, , kind] of this.extras) {
      if (kind === this.c.KIND_BLOCK) {
        // A dead thread's Block in flight: recovery's to give back.
        if (this.exports.recover) throw new Violation(`recovery left a Block of the dead at ${p}`);
        this.left++;
      } else if (this.exports.freeScrubbed(p) !== 1) throw new Violation(`the undecided block at ${p} cannot be freed`);
    }
    this.liveBytes = undefined;
  }

  takeAll() {
    if (this.left > 0) return;
    const bytes = this.view.longestStretch;
    const p = this.exports.allocUnsafe(bytes);
    if (p === 0) {
      const largest = this.view.word(this.main.slot + this.c.S_OUT + 4 * this.c.OUT_LARGEST);
      throw new Violation(`all is free, but ${bytes} bytes cannot be had at once (the largest run has ${largest})`);
    }
    if (this.exports.freeScrubbed(p) !== 1) throw new Violation("the run of all bytes cannot be freed");
  }
}
