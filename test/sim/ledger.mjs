// Ledger: what budgets and reservations of a schedule must be like, kept in JavaScript beside the region: who holds how much of what, and what
// a death or an exception left undecided.
//
//   by one claim a reservation is given back or passed on once · who holds it is never told that it does not · what is whose ends with its
//   owner, or with its budget · what a call was cut in is as before it, or as after it
//
// A hold is what a thread knows a reservation by: { id, claim }. Entries refer to each other by id, so that each schedule begins with copies.

import { Violation } from "./thread.mjs";

const NO = 0;
const MAYBE = 1;
const YES = 2;

/** Every schedule begins with such copies, so only what changes is copied. */
function copyOf(entry) {
  const copy = { ...entry, deeds: new Set(entry.deeds) };
  if (entry.kind === "budget") copy.limits = new Set(entry.limits);
  else {
    copy.sizes = new Set(entry.sizes);
    copy.parts = new Set(entry.parts);
    copy.budgets = new Set(entry.budgets);
  }
  return copy;
}

/** Whether a call ends what the claim holds: of all of them one is done. */
const isConsuming = ({ kind }) => kind === "free" || kind === "pass";

const sameClaim = (one, two) => one[0] === two[0] && one[1] === two[1];

export class Ledger {
  constructor() {
    this.base = { entries: [], names: [], numbers: [], opened: [], leaving: [], left: [], nextId: 1 };
    this.reset();
  }

  keep() {
    this.base = {
      entries: [...this.entries.values()].map(copyOf),
      names: [...this.names],
      numbers: [...this.numbers],
      opened: [...this.opened],
      leaving: [...this.leaving],
      left: [...this.left],
      nextId: this.nextId,
    };
  }

  reset() {
    const { base } = this;
    this.entries = new Map(base.entries.map((entry) => [entry.id, copyOf(entry)]));
    /** What programs know holds and budgets by. */
    this.names = new Map(base.names);
    /** Texts and their numbers. */
    this.numbers = new Map(base.numbers);
    /** Budgets that calls were opening when they were cut: "parent/name". */
    this.opened = new Set(base.opened);
    /** Owners that leave or have died, and those that are gone. */
    this.leaving = new Set(base.leaving);
    this.left = new Set(base.left);
    this.nextId = base.nextId;
  }

  get isEmpty() {
    return this.entries.size === 0 && this.numbers.size === 0 && this.opened.size === 0;
  }

  of({ id }) {
    return this.entries.get(id);
  }

  *all(kind) {
    for (const entry of this.entries.values()) if (entry.kind === kind) yield entry;
  }

  add(entry) {
    const added = { ...entry, id: this.nextId++ };
    this.entries.set(added.id, added);
    return added;
  }

  // Reservations.

  take({ at, claim, bytes, budget, owner, tag }) {
    const entry = this.add({
      kind: "reservation",
      at,
      claim,
      owner,
      tag,
      sizes: new Set([bytes]),
      /** What others may have split off since its size was known. */
      parts: new Set(),
      budgets: new Set([budget.id]),
      deeds: new Set(),
      freed: NO,
      isPassCut: false,
    });
    return { id: entry.id, claim };
  }

  /** A request waits for room: what `take` is told, by the claim that waits. */
  wait(request) {
    const { id, claim } = this.take(request);
    this.entries.get(id).kind = "waiting";
    return { id, claim, waits: true };
  }

  /** It was granted, and has this claim. */
  grant(hold, claim) {
    const entry = this.of(hold);
    if (entry.kind !== "waiting" || entry.freed === YES)
      throw new Violation(`the request at ${entry.at} was ended before, and is granted`);
    Object.assign(entry, { kind: "reservation", claim });
    return { id: hold.id, claim };
  }

  /** It was ended by who waited. */
  endWait(hold) {
    const entry = this.of(hold);
    if (entry.kind !== "waiting" || entry.freed === YES)
      throw new Violation(`the request at ${entry.at} was decided before, and is ended`);
    entry.freed = YES;
  }

  /** Whether somebody else may have ended it: who closes its budget, who recovers its owner, or a call that was cut. */
  mayBeEnded(hold) {
    const entry = this.of(hold);
    return (
      entry.freed !== NO ||
      [...entry.deeds].length > 0 ||
      this.leaving.has(entry.owner) ||
      [...entry.budgets].some((id) => this.entries.get(id).closing !== NO)
    );
  }

  /** The reservation that a call is about, or the budget whose limit it changes. */
  #subjectOf({ kind, hold, budget }) {
    const what = hold ?? (kind === "limit" ? budget : undefined);
    return what && this.of(what);
  }

  /** A call on a reservation begins; with another one on it at the same time neither knows what comes of it. */
  begin(deed) {
    const entry = this.#subjectOf(deed);
    if (!entry) return;
    for (const other of entry.deeds) {
      other.isBeside = true;
      deed.isBeside = true;
    }
    entry.deeds.add(deed);
  }

  /** Whether the hold may have lost its reservation: it was given back, passed on, its owner or its budget is no more, or that happens now. */
  mayBeGone(deed) {
    const entry = this.of(deed.hold);
    return (
      entry.freed !== NO ||
      entry.isPassCut ||
      !sameClaim(entry.claim, deed.hold.claim) ||
      [...entry.deeds].some((other) => other !== deed && isConsuming(other)) ||
      (entry.owner !== 0 && this.leaving.has(entry.owner)) ||
      [...entry.budgets].some((id) => this.entries.get(id).closing !== NO)
    );
  }

  /** A limit was changed. */
  endLimit(deed) {
    const { limits, deeds } = this.of(deed.budget);
    deeds.delete(deed);
    if (!deed.isBeside) limits.clear();
    limits.add(deed.limit);
  }

  /** The call has answered that it was done, or (false) that the hold has nothing. */
  end(deed, done) {
    const entry = this.of(deed.hold);
    const isLost = entry.freed === YES || !sameClaim(entry.claim, deed.hold.claim);
    if (!done && deed.isStale && !this.mayBeGone(deed)) {
      entry.deeds.delete(deed);
      throw new Violation(`${deed.name} said that the reservation at ${entry.at} is not its holder's`);
    }
    entry.deeds.delete(deed);
    if (!done) return;
    if (isLost && (isConsuming(deed) || !deed.isBeside))
      throw new Violation(`${deed.name} by a claim that held the reservation at ${entry.at} no more`);
    this.#apply(entry, deed);
  }

  #apply(entry, deed) {
    if (deed.kind === "free") entry.freed = YES;
    else if (deed.kind === "pass") Object.assign(entry, { claim: deed.claim, owner: deed.owner, isPassCut: false });
    else if (deed.kind === "move") {
      if (!deed.isBeside) entry.budgets.clear();
      entry.budgets.add(deed.budget.id);
    } else this.#changeSize(entry, deed, !deed.isBeside);
  }

  /** A resize or a split that was done (`isSure`), or one of which nobody knows whether it was, or whether before another's. */
  #changeSize({ sizes, parts }, { kind, bytes }, isSure) {
    const before = [...sizes];
    if (isSure) {
      sizes.clear();
      parts.clear();
    }
    if (kind === "resize") sizes.add(bytes);
    else for (const size of before) sizes.add(size - bytes);
    if (isSure) return;
    if (kind === "split") parts.add(bytes);
    for (const size of [...sizes]) for (const part of parts) sizes.add(size - part);
  }

  /** The budgets that a reservation may be charged to by now. */
  placesOf(hold) {
    const { budgets, deeds } = this.of(hold);
    return [...budgets, ...[...deeds].filter(({ kind }) => kind === "move").map(({ budget }) => budget.id)];
  }

  // Budgets.

  /** A call has answered that this budget is open; it made it, or (`wasThere`) another did. */
  open({ at, state, node, number, limit, min, wasThere }) {
    let entry = [...this.all("budget")].find((known) => known.at === at && known.state === state);
    // Who made it may not have answered yet, or never will.
    entry ??= this.add({
      kind: "budget",
      at,
      state,
      node,
      number,
      limits: new Set(),
      deeds: new Set(),
      closing: NO,
      closers: 0,
    });
    if (entry.node !== node || entry.number !== number)
      throw new Violation(`openBudget answers the budget at ${at}, which is another`);
    if (wasThere) return entry;
    if (entry.isMade) throw new Violation(`the budget at ${at} was made twice`);
    entry.limits.add(limit);
    return Object.assign(entry, { min, isMade: true });
  }

  /** A call closes it: from here on it may be closed. */
  beginClose(budget) {
    const entry = this.of(budget);
    entry.closers++;
    entry.closing ||= MAYBE;
  }

  endClose(budget, done) {
    const entry = this.of(budget);
    entry.closers--;
    if (done) entry.closing = YES;
  }

  /** It was not closed, for budgets stand below it. */
  refuseClose(budget) {
    const entry = this.of(budget);
    if (--entry.closers === 0 && entry.closing === MAYBE && !entry.isCloseCut) entry.closing = NO;
  }

  // Cuts and ends.

  /** A death or an exception cut a call: it was done, or not. */
  cut(deed) {
    if (!deed) return;
    this.#subjectOf(deed)?.deeds.delete(deed);
    const entry = deed.hold && this.of(deed.hold);
    if (deed.kind === "free" || deed.kind === "cancel") entry.freed ||= MAYBE;
    else if (deed.kind === "resize" || deed.kind === "split") this.#changeSize(entry, deed, false);
    else if (deed.kind === "move") entry.budgets.add(deed.budget.id);
    else if (deed.kind === "pass") entry.isPassCut = true;
    else if (deed.kind === "open") this.opened.add(`${deed.node}/${deed.number}`);
    else if (deed.kind === "close") this.#cutClose(this.of(deed.budget));
    else if (deed.kind === "limit") this.of(deed.budget).limits.add(deed.limit);
  }

  #cutClose(entry) {
    entry.closers--;
    entry.isCloseCut = true;
    entry.closing ||= MAYBE;
  }

  /** An owner leaves or has died: what it holds may be given back at any instant from now on. */
  openOwner(owner) {
    this.leaving.add(owner);
  }

  /** An owner is gone, and what it held. */
  releaseOwner(owner) {
    this.leaving.add(owner);
    this.left.add(owner);
  }

  /** In the end, whether a reservation must be there: "held", "gone", or "either". */
  fateOf(entry) {
    const budgets = [...entry.budgets].map((id) => this.entries.get(id).closing);
    const isOwnerGone = entry.owner !== 0 && this.left.has(entry.owner);
    if (entry.freed === YES || budgets.every((closing) => closing === YES)) return "gone";
    if (isOwnerGone && !entry.isPassCut) return "gone";
    if (entry.freed === MAYBE || entry.isPassCut || budgets.some((closing) => closing !== NO)) return "either";
    return "held";
  }
}
