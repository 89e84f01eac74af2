// Actor: the calls that a scenario's program makes, as generators: each yields the export to run, checks its answer against the
// model and hands it on. The same generators set a scenario up, run to their end at once.

import { OVERFLOW, TRAPPED, Violation } from "./thread.mjs";

const MAIN = 99;

export class Actor {
  constructor(name, model, thread, exports) {
    this.name = name;
    this.model = model;
    this.view = model.view;
    this.c = model.view.c;
    /** The machine's thread; undefined for the main thread. */
    this.thread = thread;
    this.exports = exports;
    /** What the host calls this thread. */
    this.host = thread ? 1 + thread.index : MAIN;
    this.ownerId = 0;
    this.mayBeFull = false;
    this.mayBeBusy = false;
    this.machine = thread?.machine;
  }

  get slot() {
    return this.view.slot(this.ownerId & 0xff);
  }

  /** Runs a generator of calls to its end, without the scheduler. */
  now(steps) {
    let next = steps.next();
    while (!next.done) next = steps.next(this.#callNow(next.value));
    return next.value;
  }

  #callNow({ name, args }) {
    try {
      return this.exports[name](...args);
    } catch (error) {
      if (error === OVERFLOW) return TRAPPED;
      throw error;
    }
  }

  /** Blocks handed from program to program, by name. */
  put(name, block) {
    if (this.machine) this.machine.worldEpoch++;
    this.model.slots[name] = block;
  }

  /** Takes what was put there; undefined when it is not there (yet, or any more). */
  get(name) {
    if (this.machine) this.machine.worldEpoch++;
    const block = this.model.slots[name];
    this.model.slots[name] = undefined;
    return block;
  }

  /** What the set-up left there; it stays for others too. */
  look(name) {
    return this.model.slots[name];
  }

  *call(name, ...args) {
    return yield { name, args };
  }

  *attach(busyMs = 0) {
    const id = yield { name: "attachRegion", args: [1, busyMs, this.host] };
    if (id === TRAPPED) {
      this.model.cut("attach");
      return 0;
    }
    this.setOwner(id > 0 ? id : 0);
    return id;
  }

  setOwner(id) {
    this.ownerId = id;
    if (this.thread) this.thread.ownerIndex = id & 0xff;
  }

  *detach() {
    this.model.openOwner(this.ownerId);
    const status = yield { name: "detachRegion", args: [] };
    if (status === TRAPPED) this.model.cut("detach");
    else if (status === this.c.BUSY) {
      // Something waits that could not be ended: it is to be called again.
      this.requireBusy("detachRegion", true);
      this.isHalfOut = true;
    } else {
      this.model.releaseOwner(this.ownerId);
      this.setOwner(0);
    }
    return status;
  }

  /** Takes a raw block; undefined when there was none to be had. */
  *alloc(bytes, { zeroed = false, align = 0, scarce = this.mayBeFull } = {}) {
    const step = align > this.c.GRAIN_BYTES ? align / this.c.GRAIN_BYTES : 1;
    this.request(bytes, 0, step, scarce);
    const name = align > 8 ? "allocAligned" : zeroed ? "alloc" : "allocUnsafe";
    const p = yield { name, args: align > 8 ? [bytes, align] : [bytes] };
    if (p === TRAPPED) return this.model.cut("alloc");
    if (p === 0) return this.refused(name, bytes);
    return this.model.take(p >>> 0, bytes, { zeroed, align: Math.max(8, align), owner: this.ownerId });
  }

  *blockAlloc(bytes, align = 8) {
    this.request(bytes, this.c.KIND_BLOCK, 1, this.mayBeFull);
    const p = yield { name: "blockAlloc", args: [bytes, align] };
    if (p === TRAPPED) return this.model.cut("blockAlloc");
    if (p === 0) return this.refused("blockAlloc", bytes);
    const claim = this.view.pair(this.slot + this.c.S_CLAIM);
    return this.model.take(p >>> 0, bytes, { claim, owner: this.ownerId, align: Math.max(8, align) });
  }

  *free(block) {
    if (!block) return undefined;
    if (block.claim) return yield* this.blockFree(block);
    return yield* this.giveBack(block, this.freeing, [block.p]);
  }

  *blockFree(block) {
    return yield* this.giveBack(block, "blockFree", [block.p, ...block.claim]);
  }

  *giveBack(block, name, args) {
    const { claim } = block;
    this.model.startFree(block);
    if (this.thread) this.thread.giving = block;
    const done = yield { name, args };
    if (this.thread) this.thread.giving = undefined;
    if (done === TRAPPED) {
      this.model.cut(name, block);
      return undefined;
    }
    this.model.endFree(block, done === 1, claim);
    return done === 1;
  }

  /** Makes a Block this owner's, or (`shared`) the region's; others may move or release it at the same time. */
  *move(block, shared = false) {
    if (!block) return;
    const { claim } = block;
    this.model.startMove(block);
    if (this.thread) this.thread.giving = block;
    const done = yield { name: "blockMove", args: [block.p, ...claim, shared ? 1 : 0] };
    if (this.thread) this.thread.giving = undefined;
    if (done === TRAPPED) this.model.cut("blockMove", block);
    else {
      const next = this.view.pair(this.slot + this.c.S_CLAIM);
      this.model.endMove(block, done === 1, claim, next, shared ? 0 : this.ownerId);
    }
  }

  /** The export that gives a raw block back. */
  get freeing() {
    return this.view.word(this.c.H_SCRUB) === 0 ? "free" : "freeScrubbed";
  }

  /** A request that no heap of this size could serve. */
  *tooLarge(bytes) {
    const p = yield { name: "allocUnsafe", args: [bytes] };
    if (p !== 0 && p !== TRAPPED) throw new Violation(`${bytes} bytes were granted, which is more than there are`);
  }

  /** Whether a claim holds a Block: no, if it was given back before the call began. */
  *isLive(block) {
    const wasGone = !this.model.blocks.has(block.id);
    const live = yield { name: "blockIsLive", args: [block.p, ...block.claim] };
    if (live === 1 && wasGone) throw new Violation(`blockIsLive says that the released Block at ${block.p} lives`);
  }

  /** A free of what is no live block: it must say so. */
  *freeNothing(p) {
    const done = yield { name: this.freeing, args: [p] };
    if (done === 1) throw new Violation(`free accepted ${p}, where no block begins`);
  }

  /** A release by a claim that another thread is giving back, or has: one of the two wins. */
  *releaseStale(block) {
    yield* this.blockFree(block);
  }

  *realloc(block, bytes) {
    if (!block) return undefined;
    this.request(bytes, 0, 1, this.mayBeFull);
    this.model.requireIntact(block);
    block.state = 1;
    block.tries++;
    const p = yield { name: "realloc", args: [block.p, bytes] };
    if (p === TRAPPED) {
      this.model.cut("alloc");
      this.model.cut("realloc", block);
      return undefined;
    }
    block.tries--;
    if (p === 0) {
      block.state = 0;
      this.model.requireIntact(block);
      this.refused("realloc", bytes);
      return block;
    }
    return this.moved(block, p >>> 0, bytes);
  }

  /** A realloc of a block that another thread may be freeing: its answer is a block of its own, or nothing. */
  *reallocRacing(block, bytes) {
    block.state = 1;
    block.isUndecided = true;
    this.request(bytes, 0, 1, true);
    const p = yield { name: "realloc", args: [block.p, bytes] };
    if (p === TRAPPED) return this.model.cut("alloc");
    if (p === 0) return undefined;
    if (p >>> 0 !== block.p) return this.model.take(p >>> 0, bytes, { owner: this.ownerId });
    return undefined;
  }

  *freeRacing(block) {
    block.state = 1;
    block.isUndecided = true;
    const done = yield { name: this.freeing, args: [block.p] };
    if (done === TRAPPED) this.model.cut("free", block);
    else if (done === 1) block.isFreed = true;
  }

  moved(block, p, bytes) {
    this.model.blocks.delete(block.id);
    const fresh = this.model.take(p, bytes, { owner: this.ownerId, keep: 1 });
    const kept = Math.min(block.size, fresh.size, bytes);
    fresh.mark = block.mark;
    this.model.requireIntact(fresh, kept);
    this.view.u8.fill(fresh.mark, p, p + fresh.size);
    return fresh;
  }

  /** The host saw the thread of this owner end. */
  *markDead(id) {
    let status = TRAPPED;
    while (status === TRAPPED) status = yield { name: "markDead", args: [id] };
    if (status === this.c.OWNER_ALIVE) throw new Violation(`markDead(${id}) says that the dead thread is the caller`);
  }

  /** Gives back what an owner held that is marked dead, or (`mayLive`) that nobody may have been told of. */
  *recover(id, mayLive = false) {
    const status = yield { name: "recover", args: [id] };
    if (status === TRAPPED || status === 0 || (mayLive && status === this.c.OWNER_ALIVE)) return;
    if (status !== this.c.BUSY) throw new Violation(`recover(${id}) answers ${status}`);
    this.requireBusy("recover");
  }

  /** Walks the region while others work: it may be refused, but never finds a problem. */
  *check() {
    const status = yield { name: "check", args: [] };
    if (status === TRAPPED) return this.model.cut("check");
    if (status === this.c.BUSY) return this.requireBusy("check", true);
    if (status === 0) this.requireNoProblems("check on a busy region");
    return status;
  }

  requireNoProblems(when) {
    const at = (this.slot + this.c.S_OUT) >>> 2;
    const { u32 } = this.view;
    const count = u32[at + this.c.OUT_PROBLEMS];
    if (count === 0) return;
    const list = [];
    for (let i = 0; i < Math.min(count, 4); i++) {
      const code = u32[at + this.c.OUT_LIST + 2 * i];
      const name = Object.keys(this.c).find((key) => key.startsWith("BAD_") && this.c[key] === code);
      list.push(`${name} at ${u32[at + this.c.OUT_LIST + 2 * i + 1]}`);
    }
    throw new Violation(`${when}: ${list.join(", ")}`);
  }

  request(bytes, kind, step, scarce) {
    if (!this.thread) return;
    const fits = !scarce || this.view.fits(bytes, kind, step);
    const sawPinned = scarce && this.view.hasPinned;
    this.thread.request = { bytes, kind, step, isScarce: scarce, fits, sawPinned };
  }

  /** An allocation answered 0: the reason must hold. */
  refused(name, bytes) {
    const reason = this.view.word(this.slot + this.c.S_REASON);
    // A slab of Blocks that stays only because somebody is looking at a record in it: it neither fits nor is it full.
    if (reason === this.c.BUSY && (this.thread?.request.sawPinned || this.view.hasPinned)) return undefined;
    if (reason === this.c.BUSY) return this.requireBusy(name);
    if (reason === this.c.FULL) {
      this.model.refusedFull++;
      if (!this.thread?.request.fits) return undefined;
      throw new Violation(`${name}(${bytes}) said "full" although it would have fitted at each instant of the call`);
    }
    if (this.mayBeClosed) return undefined;
    throw new Violation(`${name}(${bytes}) answered 0 with reason ${reason}`);
  }

  /** "Busy" was said: of the page lock, or (`orLatch`) of the budgets' latch. */
  requireBusy(name, orLatch = false) {
    const { machine, thread } = this;
    const isAtFault = machine && (machine.isImpatient || machine.hasDead || machine.running.some((t) => t.traps > 0));
    const isLockBusy = isAtFault && thread.sawForeignLock && !machine.isLockLeft(thread);
    const isLatchBusy = isAtFault && orLatch && thread.sawForeignLatch && !machine.isLatchLeft(thread);
    if (isLockBusy || isLatchBusy) return undefined;
    if (isAtFault && (machine.isLockLeft(thread) || machine.isLatchLeft(thread)))
      throw new Violation(`${name} said "busy" although its holder was known to be dead`);
    throw new Violation(
      `${name} said "busy" although ${isAtFault ? "nobody held the lock" : "its holder was at work"}`,
    );
  }
}
