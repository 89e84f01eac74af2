// Wait calls: what a scenario's program calls to wait for room, to end that, and for a budget's levels, as generators (budgeting.mjs).
//
// A request that waits is a hold with `waits` set; `decided` answers the reservation that it becomes.

import { begin, granted, isCut, ledgerOf, mayGrow, reasonOf, refuse, requireFirst } from "./budgeting.mjs";
import { TRAPPED, Violation } from "./thread.mjs";

const stateOf = (t, [, high]) => high >>> (t.c.CLAIM_STATE_SHIFT - 32);

/** The claim that one that waits has once it is granted. */
function grantedClaim(t, [low, high]) {
  const shift = t.c.CLAIM_STATE_SHIFT - 32;
  return [low, ((high & ((1 << shift) - 1)) | (t.c.CLAIM_LIVE << shift)) >>> 0];
}

/** As `reserve`; a hold that waits where there was no room. */
export function* reserveOrWait(t, budget, bytes, tag = 0) {
  if (!budget) return undefined;
  const { c } = t;
  const { at: node, state } = budget;
  const deed = begin(
    t,
    { kind: "reserve", name: `reserveOrWait(${bytes})` },
    { kind: "reserve", node, state, bytes, items: 1 },
  );
  mayGrow(t, c.RECORD_CHUNK_GRAINS);
  const at = yield { name: "reserveOrWait", args: [node, state, bytes, tag] };
  if (isCut(t, deed, at)) return undefined;
  if (at === 0) {
    const reason = reasonOf(t);
    if ([c.OVER_LIMIT, c.OVER_ITEMS, c.OTHERS_FIRST].includes(reason))
      throw new Violation(`${deed.name} refused what could have waited`);
    return refuse(t, deed, reason);
  }
  const taken = granted(t, at >>> 0, { bytes, budget, tag });
  if (stateOf(t, taken.claim) !== c.CLAIM_WAITING) {
    requireFirst(deed);
    return ledgerOf(t).take(taken);
  }
  if (deed.charge?.fits && !deed.charge.sawOthers)
    throw new Violation(`${deed.name} waits although it would have fitted at each instant of the call`);
  return ledgerOf(t).wait(taken);
}

/** What was found in the record of a request that waits no more: the reservation, or undefined if it was ended. */
function settle(t, hold, claim) {
  const ledger = ledgerOf(t);
  const granted = grantedClaim(t, hold.claim);
  if (String(claim) === String(granted)) return ledger.grant(hold, granted);
  // What was given back while another held the latch is marked.
  const isOnes = claim[0] === hold.claim[0] && stateOf(t, claim) === t.c.CLAIM_LEAVING;
  const isNever = t.machine.budgets.waits.never.has(String(hold.claim));
  if (isNever || ledger.mayBeEnded(hold)) return undefined;
  const how = isOnes ? "given back" : "ended";
  throw new Violation(`the request at ${ledger.of(hold).at} was ${how} by nobody who had a reason`);
}

/** Ends a request; the reservation, if it was granted before. */
export function* cancel(t, hold) {
  if (!hold?.waits) return hold;
  const entry = ledgerOf(t).of(hold);
  const deed = begin(t, { kind: "cancel", name: "reservationCancel", hold });
  const status = yield { name: "reservationCancel", args: [entry.at, ...hold.claim] };
  if (isCut(t, deed, status)) return undefined;
  entry.deeds.delete(deed);
  if (status === t.c.BUSY) return t.requireBusy("reservationCancel", true);
  if (status === t.c.OK) return ledgerOf(t).endWait(hold);
  const claim = t.view.pair(entry.at);
  if (status !== t.c.NOT_LIVE || String(claim) === String(hold.claim))
    throw new Violation(`reservationCancel answers ${status} for a request that waits`);
  return settle(t, hold, claim);
}

const halvesOf = (claim) => [Number(claim & 0xffffffffn), Number((claim >> 32n) & 0xffffffffn)];

/**
 * Waits until a request is decided, as a thread does: looks at the word that tells it, at the claim, and sleeps while the word is what it was.
 * The reservation; or undefined when it was ended, or when nobody was left to make room, so that its time was up and it ended it.
 */
export function* decided(t, hold) {
  if (!hold?.waits) return hold;
  const word = t.slot + t.c.S_WAKE;
  const { at } = ledgerOf(t).of(hold);
  while (true) {
    const seen = yield { name: "simLook", args: [word] };
    const claim = yield { name: "simClaim", args: [at] };
    // An exception fell there.
    if (seen === TRAPPED || claim === TRAPPED) continue;
    const found = halvesOf(claim);
    if (String(found) !== String(hold.claim)) return settle(t, hold, found);
    const why = yield { name: "simSleep", args: [word, seen] };
    if (why !== 2) continue;
    if (String(t.view.pair(at)) !== String(hold.claim) && t.view.word(t.c.H_BUDGET_LOCK) === 0)
      throw new Violation(`the request at ${at} was decided, and who waits sleeps on`);
    return yield* cancel(t, hold);
  }
}

/** Waits for room and for the decision. */
export function* await_(t, budget, bytes) {
  return yield* decided(t, yield* reserveOrWait(t, budget, bytes));
}

/** Sets where a budget's levels are entered, as shares of its limit, and how far below they are left. */
export function* setLevels(t, budget, entries, gap) {
  if (!budget) return undefined;
  const { c } = t;
  const { at: node, state } = budget;
  const out = new Float64Array(t.view.u8.buffer, t.slot + c.S_OUT, c.LEVELS_GAP / 2 + 1);
  out.set([...entries, ...Array(c.BUDGET_LEVELS - entries.length).fill(Infinity), gap]);
  const deed = begin(
    t,
    { kind: "levels", name: "setBudgetLevels" },
    { kind: "limit", node, state, bytes: 0, items: 0 },
  );
  const done = yield { name: "setBudgetLevels", args: [node, state] };
  if (isCut(t, deed, done)) return undefined;
  return done === 1 || refuse(t, deed, reasonOf(t));
}

/** Asks all threads to give back. */
export function* callFor(t, { at: node, state }, bytes) {
  yield { name: "callForBytes", args: [node, state, bytes] };
}

/** Sleeps until it is told of something and `isSo`: then somebody must tell it, or (when nobody else is left) it was never so. */
export function* told(t, isSo) {
  const word = t.slot + t.c.S_WAKE;
  while (true) {
    const seen = yield { name: "simLook", args: [word] };
    if (seen === TRAPPED) continue;
    if (isSo()) return;
    const why = yield { name: "simSleep", args: [word, seen] };
    if (why !== 2) continue;
    if (isSo() && t.view.word(t.c.H_BUDGET_LOCK) === 0) throw new Violation("who sleeps was not told");
    return;
  }
}
