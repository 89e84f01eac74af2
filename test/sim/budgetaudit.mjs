// Budget audit: the end of a schedule as to budgets. Compares the region's records and budgets with the ledger, by a walk that shares no code
// with the core; gives every reservation back, and closes every budget: then each node and record must be free.

import { Violation } from "./thread.mjs";

export class BudgetAudit {
  constructor(machine, model, main) {
    this.watch = machine.budgets;
    this.view = machine.budgets.view;
    this.words = machine.view;
    this.ledger = model.ledger;
    this.exports = main.exports;
    this.main = main;
    this.c = machine.c;
  }

  /** Each chunk is one of a pool's, and each pool's chunk is one. */
  checkChunks() {
    const { c, view } = this;
    const named = [c.H_NODES, c.H_RECORDS, c.H_NAMES].flatMap((pool) => view.chunksOf(pool)).sort((a, b) => a - b);
    const there = this.words.chunks();
    if (named.length !== there.length || named.some((chunk, i) => chunk !== there[i]))
      throw new Violation(`there are chunks at ${there}, the pools have ${named}`);
    const links = [c.H_NODES, c.H_RECORDS].map((pool) => this.words.word(pool));
    return links.every((link) => link === 0) && named.length === 0;
  }

  /** The records and the budgets are what the ledger says, but for what a call that was cut had done or not. */
  compare() {
    if (this.checkChunks()) return;
    const { view, ledger } = this;
    const problem = view.read() ?? view.findMiscount();
    if (problem) throw new Violation(`${problem}, at the end`);
    this.watch.waits.checkQueues();
    this.holds = [];
    const records = new Map(view.held().map((record) => [record.at, record]));
    for (const entry of ledger.all("reservation")) this.#compareRecord(entry, records);
    for (const entry of ledger.all("waiting")) this.#compareWaiting(entry, records);
    for (const { at, state, owner, bytes } of records.values()) {
      if (state === this.c.CLAIM_LEAVING)
        throw new Violation(`the reservation at ${at} was given back and is charged still`);
      throw new Violation(`lost: a reservation of ${bytes} bytes at ${at}, of owner ${owner}`);
    }
    this.#compareBudgets();
  }

  #compareRecord(entry, records) {
    const found = records.get(entry.at);
    const fate = this.ledger.fateOf(entry);
    const isIt = found !== undefined && this.#isIt(entry, found);
    if (fate === "held" && !isIt) throw new Violation(`the reservation at ${entry.at} is held no more`);
    if (fate === "gone" && isIt) throw new Violation(`the reservation at ${entry.at} is held still`);
    if (!isIt) return;
    records.delete(entry.at);
    if (!entry.sizes.has(found.bytes))
      throw new Violation(
        `the reservation at ${entry.at} has ${found.bytes} bytes, not ${[...entry.sizes].join(" or ")}`,
      );
    if (![...entry.budgets].some((id) => this.ledger.entries.get(id).at === found.node))
      throw new Violation(`the reservation at ${entry.at} is charged to another budget`);
    if (entry.tag !== found.tag) throw new Violation(`the reservation at ${entry.at} has another tag`);
    this.holds.push(found);
  }

  /** A request that its owner has not seen decided waits still, or was granted, or was ended by whoever may have. */
  #compareWaiting(entry, records) {
    const { c } = this;
    const found = records.get(entry.at);
    const [low, high] = entry.claim;
    const rest = (1 << (c.CLAIM_STATE_SHIFT - 32)) - 1;
    const isIt = found !== undefined && found.claim[0] === low && ((found.claim[1] ^ high) & rest) === 0;
    const fate = this.ledger.fateOf(entry);
    if (fate === "gone" && isIt) throw new Violation(`the request at ${entry.at} was ended and is there still`);
    if (fate === "held" && !isIt && !this.watch.waits.never.has(String(entry.claim)))
      throw new Violation(`the request at ${entry.at} was neither granted nor ended, and is not there`);
    if (!isIt) return;
    records.delete(entry.at);
    if (found.state !== c.CLAIM_LIVE && found.state !== c.CLAIM_WAITING)
      throw new Violation(`the request at ${entry.at} is in the state ${found.state}`);
    const isRight = entry.sizes.has(found.bytes) && entry.tag === found.tag;
    if (!isRight || ![...entry.budgets].some((id) => this.ledger.entries.get(id).at === found.node))
      throw new Violation(`the request at ${entry.at} is for other bytes than were asked for`);
    if (found.state === c.CLAIM_LIVE) this.holds.push(found);
  }

  /** Whether a record is that reservation; what was being shared when its call was cut may have another claim. */
  #isIt({ claim, isPassCut }, found) {
    if (String(claim) === String(found.claim)) return found.state !== this.c.CLAIM_LEAVING;
    return isPassCut && found.state === this.c.CLAIM_SHARED;
  }

  #compareBudgets() {
    const { c, view, ledger } = this;
    const open = new Map(view.open.map((i) => [view.nodes[i], i]));
    for (const entry of ledger.all("budget")) {
      const i = open.get(entry.at);
      const state = i === undefined ? 0 : view.field(i, c.B_STATE);
      const isOpen = state === entry.state;
      // Half closed: by a thread that went on after an exception, or was refused.
      const isClosing = state === (entry.state & ~3) + c.BUDGET_CLOSING;
      if (entry.closing === 0 && !isOpen) throw new Violation(`the budget at ${entry.at} is open no more`);
      if (entry.closing === 2 && (isOpen || isClosing))
        throw new Violation(`the budget at ${entry.at} was closed and is there`);
      if (isClosing && this.words.isStillDead(view.field(i, c.B_CLOSER)))
        throw new Violation(`the budget at ${entry.at} was left half closed by a dead owner`);
      if (!isOpen && !isClosing) continue;
      open.delete(entry.at);
      this.#compareFields(entry, i);
    }
    for (const i of open.values()) {
      const name = `${view.field(i, c.B_PARENT)}/${view.field(i, c.B_NAME)}`;
      if (!ledger.opened.has(name)) throw new Violation(`there is a budget at ${view.nodes[i]} that nobody opened`);
    }
  }

  #compareFields({ at, node, number, limits, min, isMade }, i) {
    const { c, view } = this;
    if (view.field(i, c.B_PARENT) !== node || view.field(i, c.B_NAME) !== number)
      throw new Violation(`the budget at ${at} has another name or parent`);
    const limit = view.long(at + c.B_LIMIT);
    if (isMade && ![...limits].some((own) => own === limit || (own === Infinity && limit > 2 ** 62)))
      throw new Violation(`the budget at ${at} has the limit ${limit}, not ${[...limits].join(" or ")}`);
    if (isMade && view.long(at + c.B_MIN) !== min) throw new Violation(`the budget at ${at} has another minimum`);
  }

  /** Gives every reservation back, and closes every budget: nothing stays but empty chunks. */
  giveAllBack() {
    const { c, view } = this;
    if (this.checkChunks()) return;
    for (const { at, claim } of this.holds) {
      if (this.exports.reservationFree(at, ...claim) !== 1)
        throw new Violation(`the reservation at ${at} cannot be given back at the end`);
    }
    this.#endWaiting();
    this.#requireSums("when everything was given back");
    if (view.hasMemory) for (const i of view.open) this.#takeAll(i, view.nodes[i]);
    for (const i of view.open) {
      const at = view.nodes[i];
      const state = view.field(i, c.B_STATE);
      const status = this.exports.closeBudget(at, (state & ~3) + c.BUDGET_OPEN);
      if (status !== 0) throw new Violation(`closeBudget answers ${status} for the budget at ${at} at the end`);
    }
    this.#requireSums("when every budget was closed");
    if (view.open.length > 0) throw new Violation("a budget was closed and is there");
    if (view.countFree(c.H_NODES, view.nodes, c.B_NEXT) !== view.nodes.length) throw new Violation("a node is lost");
    if (view.countFree(c.H_RECORDS, view.records, c.V_NEXT) !== view.records.length)
      throw new Violation("a record is lost");
  }

  /** Who waited was granted by now, but for who has no room beside the budgets' minimums. */
  #endWaiting() {
    const { c, view, watch } = this;
    while (true) {
      const problem = view.read() ?? view.findMiscount();
      if (problem) throw new Violation(`${problem}, while everything was given back`);
      watch.waits.checkQueues();
      const [record] = view.held();
      if (!record) return;
      const isWaiting = record.state === c.CLAIM_WAITING;
      const { at, claim } = record;
      const isDone = isWaiting
        ? this.exports.reservationCancel(at, ...claim) === c.OK
        : this.exports.reservationFree(at, ...claim) === 1;
      if (!isDone) throw new Violation(`the request at ${at} cannot be ended at the end`);
    }
  }

  /** Nothing is taken any more: so all that a budget has can be reserved, whatever is charged still for slabs in which nothing is. */
  #takeAll(i, at) {
    const { c, view } = this;
    const state = view.field(i, c.B_STATE);
    const bytes = view.roomOf(i);
    if ((state & 3) !== c.BUDGET_OPEN || bytes > 2 ** 52) return;
    const record = this.exports.reserve(at, state, bytes, 0);
    if (record === 0)
      throw new Violation(`${bytes} bytes of the budget at ${at} are lost: they cannot be reserved at the end`);
    if (this.exports.reservationFree(record, ...this.words.pair(this.main.slot + c.S_CLAIM)) !== 1)
      throw new Violation(`the reservation of all of the budget at ${at} cannot be given back`);
    view.read();
  }

  #requireSums(when) {
    const { view } = this;
    const problem = view.read() ?? view.findMiscount();
    if (problem) throw new Violation(`${problem}, ${when}`);
    if (view.held().length > 0) throw new Violation(`a reservation is left ${when}`);
  }
}
