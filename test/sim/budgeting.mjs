// Budgeting: the calls on budgets and reservations that a scenario's program makes, as generators that take the actor: each yields the
// export to run, checks its answer against the ledger and hands it on.
//
// A budget is the ledger's entry for it, a reservation a hold: { id, claim }. What programs hand to each other goes by name.

import { TRAPPED, Violation } from "./thread.mjs";

const NO_LIMIT = [0xffffffff, 0x7fffffff];
const ITEMS_MAX = 0xffffffff;
const TWO_32 = 4294967296;
const encoder = new TextEncoder();

export const ledgerOf = (t) => t.model.ledger;

/** Leaves a budget or a hold for others, by name. */
export function leave(t, name, what) {
  if (t.machine) t.machine.worldEpoch++;
  ledgerOf(t).names.set(name, what);
}

/** What was left by that name; undefined when it is not there (yet). */
export function find(t, name) {
  const ledger = ledgerOf(t);
  const found = ledger.names.get(name);
  // A budget changes with the schedule, a hold never does.
  return found?.claim ? found : found && ledger.of(found);
}

/** A call begins that a death may cut, and that may be refused for want of room if there is a `charge`. */
export function begin(t, deed, charge = undefined) {
  ledgerOf(t).begin(deed);
  if (!t.thread) return deed;
  t.thread.deed = deed;
  t.thread.charge = charge && t.machine.budgets.open(charge, t.thread);
  return deed;
}

/** It has ended; true: by an exception. */
export function isCut(t, deed, answer) {
  if (t.machine?.budgets.isChanged) t.machine.budgets.look();
  deed.charge = t.thread?.charge;
  if (t.thread) {
    t.thread.deed = undefined;
    t.thread.charge = undefined;
  }
  if (answer !== TRAPPED) return false;
  ledgerOf(t).cut(deed);
  return true;
}

export const reasonOf = (t) => t.view.word(t.slot + t.c.S_REASON);

const nameOf = (t, reason) =>
  Object.keys(t.c).find(
    (key) => t.c[key] === reason && /^(FULL|BUSY|N|O(VER|THERS)|BUDGET_GONE|HAS|TOO|POI)/.test(key),
  ) ?? reason;

/** A charge was refused: the reason must hold. */
export function refuse(t, deed, reason) {
  const { charge } = deed;
  const { c } = t;
  const said = () => `${deed.name} said ${nameOf(t, reason)}`;
  // A thread may be put aside in the middle of taking a block, where none but it can say whether it did.
  if (reason === c.BUSY && charge?.sawTaking) return undefined;
  if (reason === c.BUSY) {
    t.requireBusy(deed.name, true);
    return undefined;
  }
  if (!charge) throw new Error(`${said()} in a set-up`);
  if (reason === c.FULL && t.mayBeFull && !t.thread.request?.fits) return undefined;
  if (reason === c.BUDGET_GONE && (!charge.wasOpen || deed.isBeside)) return undefined;
  if (reason === c.HAS_CHILDREN && !charge.wasWhole) return undefined;
  if (reason === c.OTHERS_FIRST && charge.sawOthers) return undefined;
  const isNoRoom = reason === c.OVER_LIMIT || reason === c.OVER_ITEMS || reason === c.NEVER;
  if (!isNoRoom) throw new Violation(`${said()}, and that is not so`);
  if (charge.fits) throw new Violation(`${said()} although it would have fitted at each instant of the call`);
  if (reason === c.NEVER && !charge.sawNever) throw new Violation(`${said()} although no limit is so low`);
  return undefined;
}

/** A charge was made: then nobody waited where it needed room, at some instant of the call. */
export function requireFirst({ name, charge }) {
  if (charge && !charge.wasFirst)
    throw new Violation(`${name} was granted although others waited for room at each instant of the call`);
}

/** The heap's room for another chunk is judged as that for an allocation. */
export function mayGrow(t, grains) {
  t.request(grains * t.c.GRAIN_BYTES, t.c.KIND_INTERNAL, 1, t.mayBeFull);
}

/** The number of a text: for ever, or to make something of it. */
export function* intern(t, text, isKept = true) {
  const bytes = encoder.encode(text);
  t.view.u8.set(bytes, t.slot + t.c.S_OUT);
  const deed = begin(t, { kind: "intern", name: "intern" }, { kind: "intern", node: 0, bytes: 0, items: 0 });
  mayGrow(t, t.c.NAME_CHUNK_GRAINS);
  const number = yield { name: "intern", args: [bytes.length, isKept ? 1 : 0] };
  if (isCut(t, deed, number)) return undefined;
  if (number === 0) return refuse(t, deed, reasonOf(t));
  const { numbers } = ledgerOf(t);
  const isOthers = [...numbers].some(([known, its]) => (known === text) !== (its === number));
  if (isOthers && (isKept || [...numbers.values()].includes(number)))
    throw new Violation(`intern("${text}") answers ${number}, which is not one text's own number`);
  requireName(t, number, text);
  if (isKept) numbers.set(text, number);
  return number;
}

/** That text stands there. */
export function requireName(t, number, text) {
  const { view, c } = t;
  const at = number + c.N_TEXT;
  const stands = new TextDecoder().decode(view.u8.slice(at, at + view.word(number + c.N_LENGTH)));
  if (stands !== text) throw new Violation(`"${stands}" stands at ${number}, not "${text}"`);
}

export const requireCalled = (t, budget, text) => requireName(t, t.view.word(budget.at + t.c.B_NAME), text);

/** Asks for a name, and opens a budget that is called so. */
export function* openNamed(t, parent, text, limits = {}) {
  const number = yield* intern(t, text, false);
  if (!number) return undefined;
  const opened = yield* openBudget(t, parent, text, { ...limits, number });
  if (opened) requireCalled(t, opened, text);
  return opened;
}

/** Opens a budget below `parent` (undefined: a root); undefined when it was refused. */
export function* openBudget(
  t,
  parent,
  text,
  { limit = Infinity, min = 0, items = ITEMS_MAX, bypass = 0, number: given = undefined } = {},
) {
  const number = given ?? ledgerOf(t).numbers.get(text) ?? (yield* intern(t, text));
  if (!number) return undefined;
  const { c } = t;
  const node = parent?.at ?? 0;
  const state = parent?.state ?? 0;
  const out = (t.slot + c.S_OUT) >>> 2;
  const put = (word, [low, high]) => t.view.u32.set([low, high], out + word);
  put(c.OPEN_LIMIT, limit === Infinity ? NO_LIMIT : halves(limit));
  put(c.OPEN_MIN, halves(min));
  put(c.OPEN_SOFT, [0, 0]);
  t.view.u32[out + c.OPEN_ITEMS_MAX] = items;
  t.view.u32[out + c.OPEN_PRIORITY] = 0;
  t.view.u32[out + c.OPEN_BYPASS] = bypass;
  const deed = begin(
    t,
    { kind: "open", name: "openBudget", node, number },
    { kind: "open", node, state: parent && state, name: number, bytes: min, items: 0 },
  );
  mayGrow(t, c.NODE_CHUNK_GRAINS);
  const at = yield { name: "openBudget", args: [node, state, number] };
  if (isCut(t, deed, at)) return undefined;
  if (at === 0) return refuse(t, deed, reasonOf(t));
  requireFirst(deed);
  const opened = t.view.u32[out + c.OPENED_STATE];
  const wasThere = t.view.u32[out + c.OPENED_BEFORE] === 1;
  return ledgerOf(t).open({ at: at >>> 0, state: opened, node, number, limit, min, wasThere });
}

const halves = (value) => [value % TWO_32, Math.floor(value / TWO_32)];

/** Takes bytes of a budget; undefined when there was no room. */
export function* reserve(t, budget, bytes, tag = 0) {
  if (!budget) return undefined;
  const { at: node, state } = budget;
  const deed = begin(
    t,
    { kind: "reserve", name: `reserve(${bytes})` },
    { kind: "reserve", node, state, bytes, items: 1 },
  );
  mayGrow(t, t.c.RECORD_CHUNK_GRAINS);
  const at = yield { name: "reserve", args: [node, state, bytes, tag] };
  if (isCut(t, deed, at)) return undefined;
  if (at === 0) return refuse(t, deed, reasonOf(t));
  requireFirst(deed);
  return ledgerOf(t).take(granted(t, at >>> 0, { bytes, budget, tag }));
}

/** A record was handed out: nobody else may know it. What the ledger is to be told of it. */
export function granted(t, at, { bytes, budget, tag }) {
  const ledger = ledgerOf(t);
  const claim = t.view.pair(t.slot + t.c.S_CLAIM);
  // Its budget may have been closed by now, and the record be another's.
  const isThere = String(t.view.pair(at)) === String(claim);
  for (const entry of ledger.all("reservation")) {
    if (
      isThere &&
      entry.at === at &&
      ledger.fateOf(entry) === "held" &&
      entry.deeds.size === 0 &&
      !ledger.leaving.has(entry.owner)
    )
      throw new Violation(`the record at ${at} was handed out twice`);
  }
  return { at, claim, bytes, budget, owner: t.ownerId, tag };
}

/** Gives a reservation back. */
export function* release(t, hold) {
  if (!hold) return undefined;
  const deed = begin(t, { kind: "free", name: "reservationFree", hold, isStale: true });
  const done = yield { name: "reservationFree", args: [ledgerOf(t).of(hold).at, ...hold.claim] };
  if (isCut(t, deed, done)) return undefined;
  ledgerOf(t).end(deed, done === 1);
  return done === 1;
}

/** One of the budgets that the reservation may be charged to. */
function budgetOf(t, hold) {
  const ledger = ledgerOf(t);
  const [id] = ledger.of(hold).budgets;
  return ledger.entries.get(id);
}

/** What was said of a held reservation: false, and why. */
function endRefused(t, deed) {
  const reason = reasonOf(t);
  deed.isStale = reason === t.c.NOT_LIVE;
  ledgerOf(t).end(deed, false);
  if (!deed.isStale) refuse(t, deed, reason);
}

export function* resize(t, hold, bytes) {
  if (!hold) return undefined;
  const ledger = ledgerOf(t);
  const { at } = ledger.of(hold);
  const { at: node, state } = budgetOf(t, hold);
  const deed = begin(
    t,
    { kind: "resize", name: `reservationResize(${bytes})`, hold, bytes },
    { kind: "resize", node, state, at, claim: hold.claim, bytes },
  );
  const done = yield { name: "reservationResize", args: [at, ...hold.claim, bytes] };
  if (isCut(t, deed, done)) return undefined;
  if (done === 1) endDone(t, deed);
  else endRefused(t, deed);
  return done === 1;
}

function endDone(t, deed) {
  // What others changed meanwhile may have needed less.
  if (!deed.isBeside) requireFirst(deed);
  ledgerOf(t).end(deed, true);
}

/** Takes a part of a reservation into one of its own. */
export function* split(t, hold, bytes) {
  if (!hold) return undefined;
  const ledger = ledgerOf(t);
  const { at, tag } = ledger.of(hold);
  const budget = budgetOf(t, hold);
  const { at: node, state } = budget;
  const deed = begin(
    t,
    { kind: "split", name: `reservationSplit(${bytes})`, hold, bytes },
    { kind: "split", node, state, at, claim: hold.claim, bytes: 0, part: bytes },
  );
  mayGrow(t, t.c.RECORD_CHUNK_GRAINS);
  const part = yield { name: "reservationSplit", args: [at, ...hold.claim, bytes] };
  if (isCut(t, deed, part)) return undefined;
  if (part === 0) return endRefused(t, deed);
  ledger.end(deed, true);
  const taken = ledger.take(granted(t, part >>> 0, { bytes, budget, tag }));
  // Of what another moves, or was moving when it was cut, the part may be charged to either budget.
  for (const id of ledger.placesOf(hold)) ledger.of(taken).budgets.add(id);
  return taken;
}

export function* move(t, hold, budget) {
  if (!hold || !budget) return undefined;
  const ledger = ledgerOf(t);
  const { at } = ledger.of(hold);
  const deed = begin(
    t,
    { kind: "move", name: "reservationMove", hold, budget },
    { kind: "move", node: budget.at, state: budget.state, at, claim: hold.claim, bytes: 0 },
  );
  const done = yield { name: "reservationMove", args: [at, ...hold.claim, budget.at, budget.state] };
  if (isCut(t, deed, done)) return undefined;
  if (done === 1) endDone(t, deed);
  else endRefused(t, deed);
  return done === 1;
}

/** Makes a reservation this thread's, or (`shared`) the region's: the new hold; undefined when it was another's first. */
export function* pass(t, hold, shared = false) {
  if (!hold) return undefined;
  const ledger = ledgerOf(t);
  const deed = begin(t, { kind: "pass", name: "reservationPass", hold, owner: shared ? 0 : t.ownerId });
  const done = yield { name: "reservationPass", args: [ledger.of(hold).at, ...hold.claim, shared ? 1 : 0] };
  if (isCut(t, deed, done)) return undefined;
  if (done !== 1) return endRefused(t, deed);
  deed.claim = t.view.pair(t.slot + t.c.S_CLAIM);
  ledger.end(deed, true);
  return { id: hold.id, claim: deed.claim };
}

/** Whether a hold still has its reservation: not, if that was given back before the call began. */
export function* isLive(t, hold) {
  const ledger = ledgerOf(t);
  const entry = ledger.of(hold);
  const wasGone = ledger.fateOf(entry) === "gone";
  const live = yield { name: "reservationIsLive", args: [entry.at, ...hold.claim] };
  if (live === 1 && wasGone)
    throw new Violation(`reservationIsLive says that the released reservation at ${entry.at} lives`);
}

export function* setLimit(t, budget, limit) {
  if (!budget) return undefined;
  const { at: node, state } = budget;
  const deed = begin(
    t,
    { kind: "limit", name: "setBudgetLimit", budget, limit },
    { kind: "limit", node, state, bytes: 0, items: 0 },
  );
  const done = yield { name: "setBudgetLimit", args: [node, state, limit] };
  if (isCut(t, deed, done)) return undefined;
  if (done !== 1) {
    ledgerOf(t).of(budget).deeds.delete(deed);
    return refuse(t, deed, reasonOf(t));
  }
  ledgerOf(t).endLimit(deed);
  return true;
}

/** Closes a budget: what was in it is gone. */
export function* closeBudget(t, budget) {
  if (!budget) return undefined;
  const ledger = ledgerOf(t);
  const { at: node, state } = budget;
  ledger.beginClose(budget);
  t.model.openCharged(budget.id);
  const deed = begin(
    t,
    { kind: "close", name: "closeBudget", budget },
    { kind: "close", node, state, bytes: 0, items: 0 },
  );
  const status = yield { name: "closeBudget", args: [node, state] };
  if (isCut(t, deed, status)) return undefined;
  if (status === 0) {
    ledger.endClose(budget, true);
    t.model.releaseCharged(budget.id);
    return true;
  }
  if (status === t.c.BUSY) ledger.cut(deed);
  else if (status === t.c.HAS_CHILDREN) ledger.refuseClose(budget);
  else ledger.endClose(budget, false);
  refuse(t, deed, status);
  return false;
}

/** What anybody reads of a budget, in the middle of whatever. */
export function* stats(t, budget) {
  const { B_USED, B_PEAK, B_LIMIT } = t.c;
  for (const field of [B_USED, B_PEAK, B_LIMIT]) yield { name: "budgetNumber", args: [budget.at, field] };
}
