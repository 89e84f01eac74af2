// Budget view: an independent reading of a region's budgets, from the layout alone: what each uses by the records of reservations, which are
// the truth, and whether a request would fit in the tree as it is. Changes nothing, and shares no code with the core.
//
//   used = Σ bytes of its own reservations, Blocks, slabs and runs + Σ over its children max(used, min)
//   items = Σ over all reservations and Blocks below
//
// A charge is made from the instant at which the journal says so: the tree is read as if what the journal says were done.

import { MemoryView } from "./memoryview.mjs";

const TWO_32 = 4294967296;

const isSame = (one, two) => one.length === two.length && one.every((value, i) => value === two[i]);

/** What reservations add up to: of each budget its own, and with all below it. */
class Sums {
  constructor(count) {
    this.own = new Float64Array(count);
    this.ownItems = new Float64Array(count);
    this.used = new Float64Array(count);
    this.items = new Float64Array(count);
  }

  clear() {
    this.own.fill(0);
    this.ownItems.fill(0);
  }

  add(i, bytes, items) {
    this.own[i] += bytes;
    this.ownItems[i] += items;
  }

  /** `open` are the budgets there are, the deepest first. */
  addUp(open, above, least) {
    this.used.set(this.own);
    this.items.set(this.ownItems);
    for (const i of open) {
      if (above[i] < 0) continue;
      this.used[above[i]] += Math.max(this.used[i], least[i]);
      this.items[above[i]] += this.items[i];
    }
  }
}

export class BudgetView {
  constructor(view) {
    this.view = view;
    this.c = view.c;
    this.u32 = view.u32;
    this.memory = new MemoryView(view);
    /** Whether anything of the region's memory is charged: then it is walked whenever this adds up. */
    this.hasMemory = false;
    this.nodeChunks = [];
    this.recordChunks = [];
    this.nodes = [];
    this.records = [];
    this.numbers = new Map();
    /** Reservations that wait for room: { at, claim, owner, i (their budget), bytes, waits, ticket }. */
    this.waiters = [];
    /** Whether the last request that was tried needs room in a budget where somebody waits. */
    this.isOthersFirst = false;
    /** What a set of chunks holds, by their addresses and counts: schedules begin with the same ones again and again. */
    this.shapes = new Map();
    this.#resize();
  }

  #resize() {
    const count = this.nodes.length;
    /** What each budget's state was when `open` was found out. */
    this.states = new Int32Array(count).fill(-1);
    /** Bytes of empty slabs and freed runs, which are given back before anything is refused. */
    this.spare = new Float64Array(count);
    /** What is reserved; that without what was given back already and is taken out by whoever needs the room; and a trial. */
    this.all = new Sums(count);
    this.granted = new Sums(count);
    this.trial = new Sums(count);
    this.above = new Int32Array(count);
    this.least = new Float64Array(count);
    /** Numbers of the budgets that are not free, the deepest first. */
    this.open = [];
  }

  /** Chunks of the pool whose word is at `pool`, the newest first. */
  chunksOf(pool) {
    const found = [];
    const end = this.view.grains * this.c.GRAIN_BYTES;
    for (let chunk = this.u32[(pool >>> 2) + 1]; chunk !== 0; chunk = this.u32[(chunk + this.c.CHUNK_NEXT) >>> 2]) {
      if (found.includes(chunk) || chunk >= end) return [];
      found.push(chunk);
    }
    return found;
  }

  #elementsOf(chunks, bytes) {
    const { CHUNK_HEADER, CHUNK_COUNT } = this.c;
    return chunks.flatMap((chunk) =>
      Array.from({ length: this.u32[(chunk + CHUNK_COUNT) >>> 2] }, (_, i) => chunk + CHUNK_HEADER + i * bytes),
    );
  }

  /** Whether a pool's chunks are these still. */
  #areChunks(pool, chunks) {
    let i = 0;
    for (let chunk = this.u32[(pool >>> 2) + 1]; chunk !== 0; chunk = this.u32[(chunk + this.c.CHUNK_NEXT) >>> 2])
      if (chunks[i++] !== chunk) return false;
    return i === chunks.length;
  }

  /** Learns which budgets and records there can be; whether that has changed. */
  learn() {
    const { c } = this;
    if (this.#areChunks(c.H_NODES, this.nodeChunks) && this.#areChunks(c.H_RECORDS, this.recordChunks)) return false;
    const nodeChunks = this.chunksOf(c.H_NODES);
    const recordChunks = this.chunksOf(c.H_RECORDS);
    if (isSame(nodeChunks, this.nodeChunks) && isSame(recordChunks, this.recordChunks)) return false;
    this.nodeChunks = nodeChunks;
    this.recordChunks = recordChunks;
    const counted = (chunk) => `${chunk}:${this.u32[(chunk + c.CHUNK_COUNT) >>> 2]}`;
    const key = `${nodeChunks.map(counted).join()}|${recordChunks.map(counted).join()}`;
    const known = this.shapes.get(key) ?? this.#shapeOf(nodeChunks, recordChunks);
    this.shapes.set(key, known);
    Object.assign(this, known);
    this.#resize();
    return true;
  }

  #shapeOf(nodeChunks, recordChunks) {
    const nodes = this.#elementsOf(nodeChunks, this.c.NODE_BYTES);
    const records = this.#elementsOf(recordChunks, this.c.RESERVATION_BYTES);
    return { nodes, records, numbers: new Map(nodes.map((at, i) => [at, i])) };
  }

  long(address) {
    return this.u32[address >>> 2] + this.u32[(address >>> 2) + 1] * TWO_32;
  }

  field(i, offset) {
    return this.u32[(this.nodes[i] + offset) >>> 2];
  }

  isOpen(i) {
    return (this.field(i, this.c.B_STATE) & 3) !== this.c.BUDGET_FREE;
  }

  #write(address, low, high) {
    const i = address >>> 2;
    const before = [address, this.u32[i], this.u32[i + 1]];
    this.u32[i] = low;
    this.u32[i + 1] = high;
    return before;
  }

  #doJournalled(at, value) {
    const address = this.u32[at >>> 2];
    return this.#write(address, this.u32[value >>> 2], this.u32[(value >>> 2) + 1]);
  }

  /** Runs `look` on the region as it will be when what the journal says is done. */
  settled(look) {
    const { c, u32 } = this;
    if (u32[c.H_CHARGE >>> 2] === 0) return look();
    const undo = [this.#doJournalled(c.H_CHARGE_AT, c.H_CHARGE_VALUE)];
    const list = u32[c.H_CHARGE_LIST >>> 2];
    if (list !== 0) undo.unshift(this.#write(list, u32[c.H_CHARGE_FIRST >>> 2], u32[(list >>> 2) + 1]));
    if (u32[c.H_CHARGE_AT_TOO >>> 2] !== 0) undo.unshift(this.#doJournalled(c.H_CHARGE_AT_TOO, c.H_CHARGE_VALUE_TOO));
    try {
      return look();
    } finally {
      for (const words of undo) this.#write(...words);
    }
  }

  /** Adds everything up anew. Returns what is wrong: a reservation or a budget that belongs nowhere. */
  read() {
    this.learn();
    return this.settled(() => this.#findOpen() ?? this.#addUp());
  }

  /** The budgets there are, the deepest first, and what is above each: that changes when one is opened or closed. */
  #findOpen() {
    if (this.#hasOtherStates()) {
      const problem = this.#findAbove();
      if (problem) {
        this.forget();
        return problem;
      }
    }
    for (const i of this.open) this.least[i] = this.long(this.nodes[i] + this.c.B_MIN);
    return undefined;
  }

  /** Another schedule begins: the same state may be another budget's. */
  forget() {
    this.states.fill(-1);
  }

  #hasOtherStates() {
    const { nodes, states, u32 } = this;
    const { B_STATE } = this.c;
    let isOther = false;
    for (let i = 0; i < nodes.length; i++) {
      const state = u32[(nodes[i] + B_STATE) >>> 2] | 0;
      if (states[i] === state) continue;
      states[i] = state;
      isOther = true;
    }
    return isOther;
  }

  #findAbove() {
    const { c } = this;
    this.open = [];
    for (let i = 0; i < this.nodes.length; i++) {
      if (!this.isOpen(i)) continue;
      this.open.push(i);
      const parent = this.field(i, c.B_PARENT);
      this.above[i] = parent === 0 ? -1 : (this.numbers.get(parent) ?? -2);
      if (this.above[i] === -2 || (parent !== 0 && !this.isOpen(this.above[i])))
        return `the budget at ${this.nodes[i]} stands below one that was closed`;
    }
    this.open.sort((i, j) => this.field(j, c.B_DEPTH) - this.field(i, c.B_DEPTH));
    return undefined;
  }

  #addUp() {
    const { c, u32, all, granted } = this;
    const isLeavingTakenOut = u32[c.H_LEAVING >>> 2] !== 0;
    all.clear();
    granted.clear();
    this.waiters = [];
    for (const at of this.records) {
      const high = u32[(at >>> 2) + 1];
      if ((u32[at >>> 2] | high) === 0) continue;
      const i = this.numbers.get(u32[(at + c.V_BUDGET) >>> 2]);
      if (i === undefined || !this.isOpen(i)) return `the reservation at ${at} is charged to no budget`;
      const bytes = this.long(at + c.V_BYTES);
      const state = high >>> (c.CLAIM_STATE_SHIFT - 32);
      if (state === c.CLAIM_WAITING) {
        this.waiters.push(this.#waiterAt(at, i, bytes));
        continue;
      }
      all.add(i, bytes, 1);
      if (!isLeavingTakenOut || state !== c.CLAIM_LEAVING) granted.add(i, bytes, 1);
    }
    const problem = this.hasMemory ? this.#addMemory() : undefined;
    all.addUp(this.open, this.above, this.least);
    granted.addUp(this.open, this.above, this.least);
    return problem;
  }

  #addMemory() {
    const { all, granted, spare } = this;
    const isLeavingTakenOut = (this.u32[this.c.H_LEAVING_BLOCKS >>> 2] & this.c.LEFT_BLOCKS) !== 0;
    let problem;
    spare.fill(0);
    const broken = this.memory.each(({ at, node, bytes, items, isLeaving, isSpare }) => {
      const i = this.numbers.get(node);
      if (i === undefined || !this.isOpen(i)) problem ??= `the memory at ${at} is charged to no budget`;
      else {
        all.add(i, bytes, items);
        if (!isLeaving || !isLeavingTakenOut) granted.add(i, bytes, items);
        if (isSpare) spare[i] += bytes;
      }
    });
    return broken ?? problem;
  }

  #waiterAt(at, i, bytes) {
    const { c, u32 } = this;
    const waits = u32[(at + c.V_WAITS) >>> 2];
    const ticket = u32[(at + c.V_TICKET) >>> 2];
    return { at, claim: this.view.pair(at), owner: u32[at >>> 2] & 0xff, i, bytes, waits, ticket };
  }

  /** Where the counters differ from what was added up; undefined: nowhere. */
  findMiscount() {
    const { c } = this;
    const i = this.open.find(
      (i) => this.long(this.nodes[i] + c.B_USED) !== this.all.used[i] || this.field(i, c.B_ITEMS) !== this.all.items[i],
    );
    if (i === undefined) return undefined;
    const [used, items] = [this.long(this.nodes[i] + c.B_USED), this.field(i, c.B_ITEMS)];
    return (
      `the budget at ${this.nodes[i]} counts ${used} bytes of ${items} reservations; ` +
      `its reservations have ${this.all.used[i]}, and there are ${this.all.items[i]}`
    );
  }

  /** An open budget of this name below `parent`. */
  findNamed(parent, name) {
    const { c } = this;
    return this.open.find(
      (i) =>
        (this.field(i, c.B_STATE) & 3) === c.BUDGET_OPEN &&
        this.field(i, c.B_PARENT) === parent &&
        this.field(i, c.B_NAME) === name,
    );
  }

  hasChildren(node) {
    const i = this.numbers.get(node);
    return this.open.some((j) => this.above[j] === i);
  }

  isState(node, state) {
    const at = (node + this.c.B_STATE) >>> 2;
    return this.settled(() => this.u32[at]) === state;
  }

  /**
   * Whether what was read last has room for more: { node, bytes, items }, charged to `node`; with `from` that much goes from there. `why`
   * then says what is short. Nothing is asked of a budget whose sum does not rise, even if it is over its limit.
   */
  fits({ node, bytes, items, from = 0 }, isSpareLeft = false) {
    const { c, trial, granted } = this;
    const target = this.numbers.get(node);
    this.isOthersFirst = false;
    if (node === 0) return true;
    trial.own.set(granted.own);
    if (!isSpareLeft) for (const i of this.open) trial.own[i] -= this.spare[i];
    trial.ownItems.set(granted.ownItems);
    if (from !== 0) trial.add(this.numbers.get(from), -bytes, -items);
    trial.add(target, bytes, items);
    trial.addUp(this.open, this.above, this.least);
    this.isOthersFirst = this.waiters.some(({ waits }) => {
      const i = this.numbers.get(waits);
      return this.isAbove(i, target) && trial.used[i] > granted.used[i] && !this.#mayPass(i);
    });
    for (let i = target; i >= 0; i = this.above[i]) {
      const limit = this.long(this.nodes[i] + c.B_LIMIT);
      if (trial.used[i] > limit && trial.used[i] > granted.used[i]) return false;
      if (trial.items[i] > this.field(i, c.B_ITEMS_MAX) && trial.items[i] > granted.items[i]) return false;
    }
    return true;
  }

  /** Whether who waits first in budget `i` may be passed once more. */
  #mayPass(i) {
    const { c } = this;
    const first = this.field(i, c.B_QUEUE);
    return first !== 0 && this.u32[(first + c.V_PASSED) >>> 2] < this.field(i, c.B_BYPASS);
  }

  /** Whether budget `above` is `i` or one that stands above it. */
  isAbove(above, i) {
    for (let up = i; up >= 0; up = this.above[up]) if (up === above) return true;
    return false;
  }

  /**
   * Which of the budgets above `i`, and of `i` itself, has no room for one more reservation of so many bytes in `i`, by what is charged: { used,
   * items } is what each would have.
   */
  tryOn(i, bytes) {
    const { all, trial } = this;
    trial.own.set(all.own);
    trial.ownItems.set(all.ownItems);
    trial.add(i, bytes, 1);
    trial.addUp(this.open, this.above, this.least);
    return trial;
  }

  /** Whether so many bytes fit in budget `i` whatever is given back: what a minimum further down covers is charged above it already. */
  isImpossible(i, bytes) {
    const { c, nodes } = this;
    let covered = 0;
    for (let up = i; up >= 0; up = this.above[up]) {
      if (bytes > this.long(nodes[up] + c.B_LIMIT) && bytes > covered) return true;
      if (this.field(up, c.B_ITEMS_MAX) === 0) return true;
      covered = Math.max(covered, this.long(nodes[up] + c.B_MIN));
    }
    return false;
  }

  /** How much the budget has room for when all that is empty is given back; without minimums. */
  roomOf(i) {
    let room = Infinity;
    this.trial.own.set(this.granted.own);
    for (const j of this.open) this.trial.own[j] -= this.spare[j];
    this.trial.addUp(this.open, this.above, this.least);
    for (let j = i; j >= 0; j = this.above[j])
      room = Math.min(room, this.long(this.nodes[j] + this.c.B_LIMIT) - this.trial.used[j]);
    return Math.max(room, 0);
  }

  /** Whether a budget from `node` up has a limit below `bytes`: then so much never fits. */
  isNever(node, bytes) {
    for (let i = this.numbers.get(node) ?? -1; i >= 0; i = this.above[i]) {
      if (bytes > this.long(this.nodes[i] + this.c.B_LIMIT)) return true;
    }
    return false;
  }

  /** The claim, bytes, budget and tag that a record holds. */
  recordAt(at) {
    const { c, u32 } = this;
    return {
      at,
      claim: this.view.pair(at),
      state: u32[(at >>> 2) + 1] >>> (c.CLAIM_STATE_SHIFT - 32),
      owner: u32[at >>> 2] & 0xff,
      bytes: this.long(at + c.V_BYTES),
      node: u32[(at + c.V_BUDGET) >>> 2],
      tag: u32[(at + c.V_TAG) >>> 2],
    };
  }

  /** All records that are held. */
  held() {
    return this.records
      .filter((at) => (this.u32[at >>> 2] | this.u32[(at >>> 2) + 1]) !== 0)
      .map((at) => this.recordAt(at));
  }

  /** How many elements the list of a pool's free ones has; −1: one of them twice, or none of the pool's. */
  countFree(pool, elements, link) {
    const left = new Set(elements);
    let count = 0;
    for (let at = this.u32[pool >>> 2]; at !== 0; at = this.u32[(at + link) >>> 2]) {
      if (!left.delete(at)) return -1;
      count++;
    }
    return count;
  }
}
