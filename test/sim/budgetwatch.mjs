// Budget watch: what must be true of the budgets at every step, whoever is in the middle of whatever, and whether a request that may be
// refused has fitted all the while. Asked before each access; adds up anew only after a write to what the sums depend on.
//
//   no budget's use rises above its limit, by its counter or by the records · peak ≥ used · nothing that the latch guards is written by
//   another than its holder, but claims: without it a claim only becomes LEAVING · when nobody holds the latch, counters = records

import { BudgetView } from "./budgetview.mjs";
import { LevelWatch } from "./levelwatch.mjs";
import { UNITS } from "./map.mjs";
import { DEAD, Violation } from "./thread.mjs";
import { WaitWatch } from "./waitwatch.mjs";

// What a unit of 8 bytes is.
const GUARDED = 1;
const CLAIM = 2;
const WATCHED = 4;
const HOOKED = 8;
// Beside WATCHED: it says nothing of who waits, nor of a level.
const MEMORY = 16;

/** Calls that may leave something empty, and say so a moment later. */
const GIVING = new Set([
  "free",
  "freeScrubbed",
  "realloc",
  "allocUnsafeIn",
  "allocIn",
  "allocSlowIn",
  "closeBudget",
  "recover",
]);

export class BudgetWatch {
  constructor(machine) {
    this.machine = machine;
    this.view = new BudgetView(machine.view);
    this.c = machine.c;
    this.u32 = machine.u32;
    this.marks = new Uint8Array(UNITS);
    this.markedChunks = [];
    this.chunksKept = 0;
    /** Units marked since the schedule began. */
    this.later = [];
    /** Claims that a thread without the latch was about to change, and what they were. */
    this.loose = [];
    /** What each budget used when this looked last. */
    this.before = new Map();
    this.isChanged = false;
    /** Whether that was more than memory that is charged. */
    this.isBudgetChanged = false;
    this.isOn = false;
    this.latchAt = this.c.H_BUDGET_LOCK >>> 2;
    this.waits = new WaitWatch(machine, this.view);
    this.levels = new LevelWatch(machine, this.view);
  }

  get holder() {
    return this.u32[this.latchAt] & 0xff;
  }

  /** Another scenario is set up: what a schedule that ended in a violation left to be looked at is nobody's. */
  clear() {
    this.loose.length = 0;
    this.before.clear();
    this.isChanged = false;
    this.isBudgetChanged = false;
    this.isOn = false;
    this.view.waiters = [];
    this.view.open = [];
    this.waits.begin();
    this.levels.begin();
  }

  /** The state that every schedule begins with is there: what stands in it has its marks for good. */
  keep() {
    const { c } = this;
    this.marks.fill(0);
    this.markedChunks = [];
    this.later = [];
    this.#mark(c.H_BUDGET_LOCK, WATCHED);
    this.#mark(c.H_LEAVING, WATCHED);
    for (let at = c.H_CHARGE; at < c.H_NAMES + 8; at += 8) this.#mark(at, GUARDED);
    for (const at of [c.H_CHARGE, c.H_NODES, c.H_RECORDS]) this.#mark(at, GUARDED | WATCHED);
    // Who is told something is told under the latch, and each time that is looked at.
    for (let index = 1; index <= this.u32[c.H_MAX_OWNERS >>> 2]; index++)
      this.#mark(this.machine.view.slot(index) + c.S_WAKE, GUARDED | HOOKED);
    if (this.view.hasMemory) this.#markMemory();
    this.#markChunks();
    this.chunksKept = this.markedChunks.length;
    this.later = [];
  }

  /** A schedule begins. */
  begin() {
    for (const unit of this.later.splice(0)) this.marks[unit] = 0;
    this.markedChunks.length = this.chunksKept;
    this.loose.length = 0;
    this.before.clear();
    this.isChanged = false;
    this.isBudgetChanged = false;
    this.view.learn();
    this.view.forget();
    this.isOn = this.view.nodes.length > 0;
    if (!this.isOn) return;
    this.view.read();
    for (const i of this.view.open) this.#remember(i);
    this.waits.begin();
    this.levels.begin();
  }

  /** The mark of the unit at `at`; what is watched is hooked at every write, also of a thread that is alone there. */
  #mark(at, mark) {
    const unit = at >>> 3;
    if (this.marks[unit] === 0) this.later.push(unit);
    this.marks[unit] = mark;
    if (mark & (WATCHED | HOOKED)) this.machine.sharing.watch(unit);
  }

  /** What says which slabs are empty, and whether anybody is at work there. */
  #markMemory() {
    const { c, machine } = this;
    const { view } = machine;
    for (const table of [c.H_BITS, c.H_WORD, c.H_AUX]) {
      const bytes = table === c.H_BITS ? 8 : 4;
      for (let grain = view.firstGrain; grain < view.grains; grain++)
        this.#mark(view.word(table) + grain * bytes, WATCHED | MEMORY);
    }
    for (let index = 1; index <= view.word(c.H_MAX_OWNERS); index++) {
      for (const journal of [c.S_ALLOC, c.S_FREE]) this.#mark(view.slot(index) + journal, WATCHED | MEMORY);
    }
    this.#mark(c.H_LOCK, WATCHED | MEMORY);
    this.#mark(c.H_SPARE, WATCHED | MEMORY);
  }

  #markChunks() {
    const { c, view } = this;
    const isNews = view.learn();
    if (!isNews && this.markedChunks.length === view.nodeChunks.length + view.recordChunks.length) return;
    for (const chunk of view.nodeChunks) this.#markChunk(chunk, c.NODE_BYTES, [c.B_STATE, c.B_LIMIT, c.B_USED]);
    const ofRecord = [c.V_BYTES, c.V_BUDGET, c.V_WAITS];
    for (const chunk of view.recordChunks) this.#markChunk(chunk, c.RESERVATION_BYTES, ofRecord);
  }

  #markChunk(chunk, bytes, watched) {
    const { c } = this;
    if (this.markedChunks.includes(chunk)) return;
    this.markedChunks.push(chunk);
    const count = this.u32[(chunk + c.CHUNK_COUNT) >>> 2];
    for (let i = 0; i < count; i++) {
      const at = chunk + c.CHUNK_HEADER + i * bytes;
      for (let offset = 0; offset < bytes; offset += 8) {
        // Whose slabs are whose are hints, that anybody may change.
        if (bytes === c.NODE_BYTES && offset >= c.B_ROOMY) continue;
        this.#mark(at + offset, GUARDED | (watched.includes(offset) ? WATCHED : 0));
      }
      if (bytes === c.RESERVATION_BYTES) this.#mark(at + c.V_CLAIM, CLAIM | WATCHED);
      else for (const offset of [c.B_LEVEL, c.B_WANTED]) this.#mark(at + offset, GUARDED | HOOKED);
    }
  }

  /** Whether a word is one that nobody waits for, but who looks at it for something else. */
  isNoLatch(address) {
    return (this.marks[address >>> 3] & (GUARDED | CLAIM)) !== 0;
  }

  /** A thread is about to write to a unit that has a mark. */
  wrote(thread, site, address) {
    const mark = this.marks[address >>> 3];
    if (mark & WATCHED) {
      this.isChanged = true;
      this.isBudgetChanged ||= (mark & MEMORY) === 0;
    }
    if (mark & HOOKED) this.levels.wrote(thread, address);
    if (!(mark & (GUARDED | CLAIM)) || this.holder === thread.ownerIndex) return;
    if (mark & CLAIM) {
      this.loose.push([address, this.u32[address >>> 2], this.u32[(address >>> 2) + 1]]);
      return;
    }
    const { name } = this.machine.sites[site];
    throw new Violation(`${name} writes what the latch of the budgets guards, which ${this.holder || "nobody"} holds`);
  }

  /** Something was written since this was asked last. */
  look() {
    this.isChanged = false;
    if (this.loose.length > 0) for (const claim of this.loose.splice(0)) this.#checkLoose(...claim);
    this.#markChunks();
    this.isOn = this.view.nodes.length > 0;
    if (!this.isOn) return;
    this.#look();
    for (const thread of this.machine.running) if (thread.charge) this.judge(thread.charge, thread);
  }

  /** Without the latch a claim may only become LEAVING. */
  #checkLoose(address, low, high) {
    const { c, u32 } = this;
    const now = u32[(address >>> 2) + 1];
    if (u32[address >>> 2] === low && now === high) return;
    const shift = c.CLAIM_STATE_SHIFT - 32;
    const isSame = u32[address >>> 2] === low && ((now ^ high) & ((1 << shift) - 1)) === 0;
    if (!isSame || now >>> shift !== c.CLAIM_LEAVING)
      throw new Violation(`the claim at ${address} was changed by a thread that does not hold the latch`);
  }

  #look() {
    const { c, view } = this;
    const problem = view.read();
    if (problem) throw new Violation(problem);
    for (const i of view.open) this.#checkLimit(i, view.nodes[i]);
    const isMore = this.isBudgetChanged;
    this.isBudgetChanged = false;
    if (isMore) {
      this.waits.look();
      this.levels.look();
    }
    if (this.u32[this.latchAt] !== 0) return;
    if (this.u32[c.H_CHARGE >>> 2] !== 0) throw new Violation("the latch was let go before the charge was done");
    const miscount = view.findMiscount();
    if (miscount) throw new Violation(miscount);
    if (!isMore) return;
    this.waits.atRest();
    this.levels.atRest();
  }

  #checkLimit(i, node) {
    const { c, view } = this;
    const limit = view.long(node + c.B_LIMIT);
    const used = view.all.used[i];
    const counted = view.long(node + c.B_USED);
    const items = view.all.items[i];
    const last = this.before.get(node);
    if (counted > view.long(node + c.B_PEAK))
      throw new Violation(`the peak of the budget at ${node} is below what is used`);
    // What was lowered below what is used lets nothing more in.
    if (used > limit && !(used <= last?.used))
      throw new Violation(`the reservations in the budget at ${node} have ${used} bytes, its limit is ${limit}`);
    if (counted > limit && !(counted <= last?.counted))
      throw new Violation(`the budget at ${node} counts ${counted} bytes, its limit is ${limit}`);
    if (items > view.field(i, c.B_ITEMS_MAX) && !(items <= last?.items))
      throw new Violation(`the budget at ${node} has ${items} reservations, more than it may have`);
    this.#remember(i);
  }

  #remember(i) {
    const { c, view } = this;
    const node = view.nodes[i];
    const counted = view.long(node + c.B_USED);
    const last = this.before.get(node);
    if (last === undefined) this.before.set(node, { used: view.all.used[i], counted, items: view.all.items[i] });
    else {
      last.used = view.all.used[i];
      last.counted = counted;
      last.items = view.all.items[i];
    }
  }

  /** Looks whether a request that is being made could be granted at this instant; what once could not stays so. */
  judge(charge, thread) {
    const { view } = this;
    charge.sawOpen ||= charge.state === undefined || view.isState(charge.node, charge.state);
    charge.wasOpen &&= charge.state === undefined || view.isState(charge.node, charge.state);
    charge.sawTaking ||= charge.kind === "close" && this.machine.running.some((t) => this.#isTaking(t, thread));
    charge.wasWhole &&= !(charge.kind === "close" && view.hasChildren(charge.node));
    view.isOthersFirst = false;
    const fits = charge.wasOpen && this.#fits(charge, !this.#maySpare(thread));
    charge.fits &&= fits;
    charge.sawOthers ||= view.isOthersFirst;
    charge.wasFirst ||= !view.isOthersFirst;
    charge.sawNever ||= charge.kind !== "move" && view.isNever(charge.node, charge.total);
    charge.sawNever ||= charge.kind === "move" && view.isNever(charge.node, view.long(charge.at + this.c.V_BYTES));
  }

  /** Whether what is empty can be given back by this thread: nobody else has the lock for it, or is about to say that there is any. */
  #maySpare(thread) {
    const { machine, c } = this;
    const holder = this.u32[c.H_LOCK >>> 2] & 0xff;
    if ((holder !== 0 && holder !== thread.ownerIndex) || machine.view.hasDead) return false;
    return machine.running.every((other) => other === thread || !other.isInCall || this.#isSettled(other));
  }

  /** Whether another's journal says that it is taking a block. */
  #isTaking(other, thread) {
    const { c, machine } = this;
    return other !== thread && machine.view.word(machine.view.slot(other.ownerIndex) + c.S_ALLOC_JOURNAL) !== 0;
  }

  /** Whether a thread is none that gives memory back, or died and was recovered. */
  #isSettled({ status, call, ownerIndex }) {
    const { c, machine } = this;
    if (status === DEAD) return (machine.view.word(machine.view.slot(ownerIndex) + c.S_STATE) & 3) === c.OWNER_FREE;
    return !GIVING.has(call.name);
  }

  #fits(charge, isSpareLeft) {
    const { kind, node, at, claim, bytes, items, name } = charge;
    const { view } = this;
    if (kind === "open" && view.findNamed(node, name) !== undefined) return true;
    if (kind === "raw" && view.memory.hasFree(node, charge.size)) return true;
    if (at === undefined) return view.fits({ node, bytes, items }, isSpareLeft);
    const record = view.recordAt(at);
    if (String(record.claim) !== String(claim)) return false;
    if (kind === "move") return view.fits({ node, bytes: record.bytes, items: 1, from: record.node }, isSpareLeft);
    if (kind === "resize")
      return (
        bytes <= record.bytes || view.fits({ node: record.node, bytes: bytes - record.bytes, items: 0 }, isSpareLeft)
      );
    charge.sawNever ||= record.bytes < charge.part;
    return record.bytes >= charge.part && view.fits({ node: record.node, bytes: 0, items: 1 }, isSpareLeft); // split
  }

  /** A request begins: { kind, node, state, bytes, items, … }. */
  open(charge, thread) {
    Object.assign(charge, {
      fits: true,
      wasOpen: true,
      wasWhole: true,
      sawOpen: false,
      sawNever: false,
      sawOthers: false,
      wasFirst: false,
    });
    charge.total ??= charge.bytes;
    this.view.read();
    this.judge(charge, thread);
    return charge;
  }
}
