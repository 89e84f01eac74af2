// Wait watch: what must be true of the reservations that wait for room, whoever is in the middle of whatever. Asked by the budget watch: at each
// change, and whenever nobody holds the latch (at rest).
//
//   granted in order: nobody who came earlier waits where the granted one needed room, but in a budget that lets some pass, and there no more
//   than those · at rest: each queue has just those that wait there, in the order of their tickets; the budget where the first waits, and where any
//   waits who may pass it, has no room for it (I4); none waits for what can never be · whose request was decided is told after the decision can
//   be seen

import { Violation } from "./thread.mjs";

const isEarlier = (one, other) => ((one.ticket - other.ticket) | 0) < 0;

const isSame = (one, two) => one[0] === two[0] && one[1] === two[1];

export class WaitWatch {
  constructor(machine, view) {
    this.machine = machine;
    this.view = view;
    this.words = machine.view;
    this.c = machine.c;
    this.u32 = machine.u32;
    this.begin();
  }

  /** A schedule begins. */
  begin() {
    /** Those that wait, by their record: as it is when what the journal says is done, and as anybody sees it. */
    this.settled = new Map(this.view.waiters.map((waiter) => [waiter.at, waiter]));
    this.seen = new Map(this.settled);
    /** Owners whose requests were decided: { owner, at, wake }, and what their word said by then. */
    this.untold = [];
    /** Claims of those that at some instant could never be granted. */
    this.never = new Set();
    /** Of each budget that lets some pass: who waits first, what is used, and how often that rose since that one is first. */
    this.passes = new Map();
  }

  /** Something has changed. */
  look() {
    const { view, words } = this;
    if (this.settled.size + this.seen.size + view.waiters.length === 0) return;
    const now = new Map(view.waiters.map((waiter) => [waiter.at, waiter]));
    for (const [at, waiter] of this.settled) {
      const after = now.get(at);
      if (!after || !isSame(after.claim, waiter.claim)) this.#decided(waiter);
    }
    this.settled = now;
    for (const i of view.open) this.#countPasses(i);
    for (const [at, { claim, owner }] of this.seen) {
      if (isSame(words.pair(at), claim)) continue;
      this.seen.delete(at);
      this.untold.push({ owner, at, wake: this.#wakeOf(owner) });
    }
    for (const waiter of view.waiters) {
      if (isSame(words.pair(waiter.at), waiter.claim)) this.seen.set(waiter.at, waiter);
      if (view.isImpossible(waiter.i, waiter.bytes)) this.never.add(String(waiter.claim));
    }
  }

  /** Whoever needs room in a budget while somebody waits first there passes that one. */
  #countPasses(i) {
    const { view, c } = this;
    const bypass = view.field(i, c.B_BYPASS);
    if (bypass === 0) return;
    const node = view.nodes[i];
    const here = view.waiters.filter(({ waits }) => waits === node);
    const first = here.reduce((one, other) => (isEarlier(other, one) ? other : one), here[0]);
    const before = this.passes.get(node);
    const used = view.all.used[i];
    const isSameFirst = first !== undefined && before?.first !== undefined && isSame(first.claim, before.first.claim);
    const count = isSameFirst ? before.count + (used > before.used ? 1 : 0) : 0;
    if (count > bypass)
      throw new Violation(`${count} were granted before the request at ${first.at}, of which ${bypass} may`);
    this.passes.set(node, { first, used, count });
  }

  #wakeOf(owner) {
    return this.words.word(this.words.slot(owner) + this.c.S_WAKE);
  }

  /** One waits no more: if it was granted, was it its turn? */
  #decided(waiter) {
    const { view, c } = this;
    const [low, high] = view.settled(() => this.words.pair(waiter.at));
    const rest = (1 << (c.CLAIM_STATE_SHIFT - 32)) - 1;
    const isGranted = low === waiter.claim[0] && ((high ^ waiter.claim[1]) & rest) === 0;
    if (!isGranted || high >>> (c.CLAIM_STATE_SHIFT - 32) !== c.CLAIM_LIVE) return;
    if ((view.field(waiter.i, c.B_STATE) & 3) !== c.BUDGET_OPEN)
      throw new Violation(`the reservation at ${waiter.at} was granted in a budget that is being closed`);
    // Without it, who stands where it needed room?
    const without = view.tryOn(waiter.i, -waiter.bytes);
    for (const other of view.waiters) {
      const i = view.numbers.get(other.waits);
      if (!isEarlier(other, waiter) || !view.isAbove(i, waiter.i) || without.used[i] === view.all.used[i]) continue;
      if (view.field(i, c.B_BYPASS) > 0) continue; // how many may, is counted
      throw new Violation(`the reservation at ${waiter.at} was granted before that at ${other.at}, which came earlier`);
    }
  }

  /** Nobody holds the latch. */
  atRest() {
    this.#checkTold();
    this.checkQueues();
  }

  #checkTold() {
    if (this.untold.length === 0) return;
    for (const { owner, at, wake } of this.untold.splice(0)) {
      if (this.#wakeOf(owner) === wake && !this.isGone(owner))
        throw new Violation(`the request at ${at} was decided, and its owner was not told`);
    }
  }

  /** Whether nobody lives who could be told. */
  isGone(owner) {
    const state = this.words.word(this.words.slot(owner) + this.c.S_STATE) & 3;
    return state === this.c.OWNER_FREE || state === this.c.OWNER_DEAD;
  }

  /** What must be so of the queues at rest; what was read last is what is there. */
  checkQueues() {
    const { view } = this;
    for (const i of view.open) this.#checkQueue(i);
    for (const waiter of view.waiters) {
      const i = view.numbers.get(waiter.waits);
      if (!view.isAbove(i, waiter.i))
        throw new Violation(`the request at ${waiter.at} waits in a budget beside its own`);
      if (view.isImpossible(waiter.i, waiter.bytes))
        throw new Violation(`the request at ${waiter.at} waits, and can never be granted`);
    }
  }

  #checkQueue(i) {
    const { c, u32, view } = this;
    const node = view.nodes[i];
    const here = view.waiters.filter(({ waits }) => waits === node);
    if (here.length > 1) here.sort((one, two) => (isEarlier(one, two) ? -1 : 1));
    let at = node + c.B_QUEUE;
    for (const waiter of here) {
      if (u32[at >>> 2] !== waiter.at)
        throw new Violation(`the queue of the budget at ${node} has ${u32[at >>> 2]} where ${waiter.at} waits`);
      at = waiter.at + c.V_NEXT;
    }
    const last = here.at(-1)?.at ?? 0;
    if (u32[at >>> 2] !== 0 || u32[(node + c.B_QUEUE + 4) >>> 2] !== last)
      throw new Violation(`the queue of the budget at ${node} does not end where it should`);
    if (Boolean(view.field(i, c.B_FLAGS) & c.FLAG_QUEUE) !== here.length > 0)
      throw new Violation(`the budget at ${node} does not say rightly whether somebody waits in it`);
    if (here.length === 0) return;
    const isPassed = u32[(here[0].at + c.V_PASSED) >>> 2] >= view.field(i, c.B_BYPASS);
    for (const waiter of isPassed ? here.slice(0, 1) : here) this.#checkFirst(waiter, i, node);
  }

  /** The budget in which one waits first, or may pass who does, has no room for it. */
  #checkFirst({ at, i: own, bytes }, i, node) {
    const { c, view } = this;
    const trial = view.tryOn(own, bytes);
    const isOver = trial.used[i] > view.long(node + c.B_LIMIT) && trial.used[i] > view.all.used[i];
    if (isOver || trial.items[i] > view.field(i, c.B_ITEMS_MAX)) return;
    throw new Violation(`the request at ${at} waits first in the budget at ${node}, which has room for it`);
  }
}
