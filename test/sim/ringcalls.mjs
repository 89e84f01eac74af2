// Ring calls: the calls on a ring that a scenario's program makes, as generators that take the actor: each yields the export to run, checks the
// bytes it answers and notes in the ring's history what it said. A record's bytes say which it is and how long.

import { DEAD, FINISHED, LATENT, TRAPPED, Violation } from "./thread.mjs";
import { History } from "./ringhistory.mjs";

const NO_LIMIT = 0x7fffffff;
// In words of S_OUT, behind what calls answer there: records on their way in, and on their way out.
const SOURCE = 16;
const TARGET = 40;
const ROOM = 96;

const histories = new WeakMap();
const bases = new WeakMap();

/** The history of this schedule, which begins with what the set-up did. */
export function historyOf({ model }) {
  let found = histories.get(model.blocks);
  if (found) return found;
  const base = bases.get(model);
  found = new History(base);
  if (!base) bases.set(model, found);
  histories.set(model.blocks, found);
  return found;
}

export const ringOf = (t) => t.model.ledger.names.get("ring");

const out = (t, word) => t.view.u32[((t.slot + t.c.S_OUT) >>> 2) + word];

/** Opens the ring of this name, for this thread. */
export function* openRing(t, shape, name = 1) {
  const { c } = t;
  const {
    capacity,
    most = capacity,
    bytes = NO_LIMIT,
    drops = false,
    again = false,
    high = NO_LIMIT,
    low = 0,
    budget,
    first = 0,
  } = shape;
  const at = (t.slot + c.S_OUT) >>> 2;
  t.view.u32.set(
    [capacity, most, bytes, drops ? 1 : 0, again ? 1 : 0, high, low, budget?.at ?? 0, budget?.state ?? 0, first],
    at,
  );
  t.request(4 * c.GRAIN_BYTES, c.KIND_INTERNAL, 1, t.mayBeFull);
  const ring = yield { name: "openRing", args: [name] };
  if (ring === TRAPPED) return undefined;
  if (ring === 0) return t.refused("openRing", 0);
  return { at: ring >>> 0, shape, wasThere: out(t, c.RING_BEFORE) === 1 };
}

/**
 * The set-up: the main thread's ring, which these actors use too, with some records in it. Each has `warm` descriptors to go on with, but who is
 * `cold`; where a thread looks for more is `window`.
 */
export function plantRing(stage, shape, { records = 0, size = 8, warm = 2, cold = [], window } = {}) {
  const { main, machine } = stage;
  stage.internal = sumOfInternal(machine.view);
  const ring = main.now(openRing(main, shape));
  main.model.ledger.names.set("ring", ring);
  const history = historyOf(main);
  history.limit = shape.capacity;
  for (const actor of stage.actors) {
    actor.now(openRing(actor, shape));
    // So that its next records cost no allocation.
    const hands = Array.from({ length: cold.includes(actor.name) ? 0 : warm }, () =>
      actor.exports.ringReserve(ring.at, size),
    );
    for (const d of hands) actor.exports.ringRelease(ring.at, d);
  }
  for (let i = 0; i < records; i++) main.now(push(main, size));
  if (window) machine.u32[(ring.at + main.c.Q_WINDOW) >>> 2] = window;
  history.queue = history.ops.flatMap(({ ids }) => ids);
  history.ops.length = 0;
  return ring;
}

/** Grains of runs that are the core's own. */
export function sumOfInternal(view) {
  let sum = 0;
  view.walk((grain, type, length, word) => {
    if (view.runKind(type, word) === view.c.KIND_INTERNAL) sum += length;
  });
  return sum;
}

const byteOf = (id, bytes, i) => (id * 37 + bytes * 11 + i * 7) & 255;

function fill(t, at, id, bytes) {
  for (let i = 0; i < bytes; i++) t.view.u8[at + i] = byteOf(id, bytes, i);
}

function requireRecord(t, at, id, bytes) {
  const history = historyOf(t);
  if (history.sizes.get(id) !== bytes) throw new Violation(`a record of ${bytes} bytes says that it is record ${id}`);
  for (let i = 0; i < bytes; i++) {
    if (t.view.u8[at + i] !== byteOf(id, bytes, i))
      throw new Violation(`byte ${i} of record ${id} is not what was put in`);
  }
}

const sourceOf = (t) => t.slot + t.c.S_OUT + SOURCE * 4;
const targetOf = (t) => t.slot + t.c.S_OUT + TARGET * 4;

/** Whether nobody else is at work, nor will be while this call is: those who died included. */
const isAlone = ({ machine, thread }) =>
  machine?.running.every((other) => other === thread || [LATENT, FINISHED, DEAD].includes(other.status)) ?? false;

/** Records that can be taken. */
function readyIn({ view, c }, { at }) {
  const [, head] = view.pair(at + c.Q_HEAD);
  const mask = view.word(at + c.Q_MASK);
  let count = 0;
  for (let i = 0; i <= mask; i++) {
    const [d, sequence] = view.pair(view.word(at + c.Q_SLOTS) + (((head + i) & mask) >>> 0) * 8);
    if ((sequence ^ (head + i)) !== 0 || d === c.SLOT_CLOSED) break;
    const [state, its] = view.pair(d);
    if (its === sequence && (state & c.D_STATE_MASK) === c.D_READY) count++;
  }
  return count;
}

/** Why a push did not put its record in. */
function refusal(t, status, name, wasAlone = false) {
  const { c } = t;
  const ring = ringOf(t);
  if (status === c.RING_FULL) {
    // Where others are at work the order of all calls says whether it was full.
    if (wasAlone && !ring.shape.bytes && readyIn(t, ring) < t.view.word(ring.at + c.Q_LIMIT))
      throw new Violation(`${name} said "full" of a ring in which there is place`);
    return "full";
  }
  if (status === c.CLOSED) return "closed";
  if (status === c.BUSY) {
    t.requireBusy(name, true);
    return "busy";
  }
  if (status === c.FULL && t.mayBeFull) return "busy";
  if (status === c.OVER_LIMIT && t.mayBeOver) return "busy";
  throw new Violation(`${name} answers ${status}`);
}

const isIn = (t, status) => status === t.c.OK || status === t.c.RING_IS_HIGH;

export function* push(t, bytes) {
  const history = historyOf(t);
  const id = history.next(t.name, bytes);
  fill(t, sourceOf(t), id, bytes);
  const wasAlone = isAlone(t);
  const op = history.begin(t.name, "push", { ids: [id] });
  const status = yield { name: "ringPush", args: [ringOf(t).at, sourceOf(t), bytes, id] };
  if (status === TRAPPED) return undefined;
  history.end(op, isIn(t, status) ? { count: 1 } : { count: 0, why: refusal(t, status, "ringPush", wasAlone) });
  return isIn(t, status);
}

export function* pushMany(t, sizes) {
  const history = historyOf(t);
  const ids = sizes.map((bytes) => history.next(t.name, bytes));
  let at = sourceOf(t);
  ids.forEach((id, i) => {
    t.view.u32.set([sizes[i], id], at >>> 2);
    fill(t, at + t.c.FRAME_BYTES, id, sizes[i]);
    at += t.c.FRAME_BYTES + ((sizes[i] + 7) & ~7);
  });
  const wasAlone = isAlone(t);
  const op = history.begin(t.name, "push", { ids });
  const count = yield { name: "ringPushMany", args: [ringOf(t).at, sourceOf(t), ids.length] };
  if (count === TRAPPED) return;
  const why = count < ids.length ? refusal(t, t.view.word(t.slot + t.c.S_REASON), "ringPushMany", wasAlone) : undefined;
  history.end(op, { count, why });
}

/** A descriptor with this record in it, in hand. */
export function* reserve(t, bytes) {
  const d = yield { name: "ringReserve", args: [ringOf(t).at, bytes] };
  if (d === TRAPPED) return undefined;
  if (d === 0) {
    refusal(t, t.view.word(t.slot + t.c.S_REASON), "ringReserve");
    return undefined;
  }
  const history = historyOf(t);
  const id = history.next(t.name, bytes);
  fill(t, t.view.word(d + t.c.D_BLOCK), id, bytes);
  return { d: d >>> 0, id, bytes };
}

/** Puts in what was reserved; with `wants`, what is dropped for it is looked at and given back. */
export function* commit(t, hand, wants = false) {
  if (!hand) return;
  const history = historyOf(t);
  requireRecord(t, t.view.word(hand.d + t.c.D_BLOCK), hand.id, hand.bytes);
  while (true) {
    const op = history.begin(t.name, "push", { ids: [hand.id] });
    const args = [ringOf(t).at, hand.d, hand.bytes, hand.id, wants ? 1 : 0];
    const status = yield { name: "ringCommit", args };
    if (status === TRAPPED) return;
    if (status !== t.c.RING_DROPPED) {
      history.end(op, isIn(t, status) ? { count: 1 } : { count: 0, why: refusal(t, status, "ringCommit") });
      return;
    }
    const old = handed(t, out(t, t.c.RING_IN_HAND), true);
    history.end(op, { count: 0, why: "dropped", old: old.id });
    yield* release(t, old);
  }
}

/** A record is in the thread's hand. */
function handed(t, d, isDrop = false) {
  const { c, view } = t;
  const id = view.word(d + c.D_TAG);
  const hand = { d, id, bytes: view.word(d + c.D_LENGTH), by: t.name, isDrop };
  requireRecord(t, view.word(d + c.D_BLOCK), id, hand.bytes);
  historyOf(t).leases.add(hand);
  return hand;
}

/** Gives back what is in hand; a record that was taken is as it was until then. */
export function* release(t, hand) {
  if (!hand) return;
  const { leases } = historyOf(t);
  if (leases.has(hand)) requireRecord(t, t.view.word(hand.d + t.c.D_BLOCK), hand.id, hand.bytes);
  hand.isGoing = true;
  const answer = yield { name: "ringRelease", args: [ringOf(t).at, hand.d] };
  if (answer === TRAPPED) return;
  leases.delete(hand);
}

const reasonOf = (t, status) => {
  if (status === t.c.RING_EMPTY) return "empty";
  if (status === t.c.RING_ENDED) return "ended";
  throw new Violation(`a call that takes answers ${status}`);
};

/** Copies the oldest record; with `room` too small it is in hand. */
export function* pop(t, room = ROOM) {
  const history = historyOf(t);
  const op = history.begin(t.name, "pop", { most: 1 });
  const bytes = yield { name: "ringPop", args: [ringOf(t).at, targetOf(t), room] };
  if (bytes === TRAPPED) return undefined;
  if (bytes === -t.c.RING_TOO_LONG) {
    const hand = handed(t, out(t, t.c.RING_IN_HAND));
    op.hand = hand;
    history.end(op, { ids: [hand.id] });
    return hand;
  }
  if (bytes < 0) {
    history.end(op, { ids: [], why: reasonOf(t, -bytes) });
    return undefined;
  }
  const id = out(t, t.c.RING_POPPED_TAG);
  requireRecord(t, targetOf(t), id, bytes);
  history.end(op, { ids: [id] });
  return id;
}

/** Takes a record, or says that it sleeps for one, looks once more, and sleeps. */
export function* receive(t) {
  const word = (ringOf(t).at + t.c.Q_ITEMS) >>> 2;
  t.machine.worldEpoch++;
  const seen = t.view.u32[word];
  t.view.u32[word + 1] = 1;
  const id = yield* pop(t);
  const { result } = historyOf(t).ops.findLast(({ by }) => by === t.name);
  if (id === undefined && result?.why === "empty") historyOf(t).sleepers.push({ by: t.name, seen });
}

export function* take(t) {
  const history = historyOf(t);
  const op = history.begin(t.name, "pop", { most: 1 });
  const d = yield { name: "ringTake", args: [ringOf(t).at] };
  if (d === TRAPPED) return undefined;
  if (d === 0) {
    history.end(op, { ids: [], why: reasonOf(t, t.view.word(t.slot + t.c.S_REASON)) });
    return undefined;
  }
  const hand = handed(t, d >>> 0);
  op.hand = hand;
  history.end(op, { ids: [hand.id] });
  return hand;
}

/** Copies up to `max` records; what there is no place for is in hand. */
export function* popMany(t, max, room = ROOM) {
  const history = historyOf(t);
  const { c, view } = t;
  const op = history.begin(t.name, "pop", { most: max });
  const count = yield { name: "ringPopMany", args: [ringOf(t).at, targetOf(t), room, max] };
  if (count === TRAPPED) return undefined;
  const ids = [];
  let at = targetOf(t);
  for (let i = 0; i < count; i++) {
    const [bytes, id] = [view.word(at), view.word(at + c.FRAME_TAG)];
    requireRecord(t, at + c.FRAME_BYTES, id, bytes);
    ids.push(id);
    at += c.FRAME_BYTES + ((bytes + 7) & ~7);
  }
  const d = out(t, c.RING_IN_HAND);
  const hand = d === 0 ? undefined : handed(t, d);
  if (hand) ids.push(hand.id);
  op.hand = hand;
  const why = count < max && !hand ? reasonOf(t, view.word(t.slot + c.S_REASON)) : undefined;
  history.end(op, { ids, why });
  return hand;
}

export function* setLimits(t, limit, { high = NO_LIMIT, low = 0, bytes = NO_LIMIT } = {}) {
  const history = historyOf(t);
  const { capacity, most = capacity, drops = false } = ringOf(t).shape;
  const op = history.begin(t.name, "limit", { limit: Math.min(limit, most), before: history.limit });
  history.limit = op.limit;
  const answer = yield {
    name: "ringSetLimits",
    args: [ringOf(t).at, limit, bytes, high, low, drops ? t.c.POLICY_DROP_OLDEST : t.c.POLICY_REFUSE],
  };
  if (answer !== TRAPPED) history.end(op, true);
}

export function* close(t) {
  const history = historyOf(t);
  const op = history.begin(t.name, "close", {});
  const answer = yield { name: "closeRing", args: [ringOf(t).at] };
  if (answer !== TRAPPED) history.end(op, answer === 1);
}

/** The thread uses the ring no more. */
export function* leave(t, ring = ringOf(t)) {
  const status = yield { name: "leaveRing", args: [ring.at] };
  if (status === TRAPPED) return status;
  if (status === t.c.BUSY) t.requireBusy("leaveRing", true);
  else if (status !== 0) throw new Violation(`leaveRing answers ${status}`);
  return status;
}

/** A record in hand is not worked on any more: another gets it, where the ring delivers again. */
export function* passOn(t, hand, call = { name: "ringReturn", args: [ringOf(t).at, hand?.d] }) {
  if (!hand) return undefined;
  hand.isGoing = hand.isPassedOn = true;
  const answer = yield call;
  if (answer === TRAPPED) return answer;
  hand.isBack = true;
  historyOf(t).leases.delete(hand);
  return answer;
}

/** The thread uses the ring no more, with this in hand. */
export function* leaveWith(t, hand) {
  if (!hand) return;
  const status = yield* passOn(t, hand, { name: "leaveRing", args: [ringOf(t).at] });
  if (status === t.c.BUSY) t.requireBusy("leaveRing", true);
}

/** How many records are to be delivered again: from `least` to `most`. */
export function* countAgain(t, least, most) {
  const count = yield { name: "ringAgain", args: [ringOf(t).at] };
  if (count !== TRAPPED && !(count >= least && count <= most))
    throw new Violation(`${count} records are to be delivered again, not ${least} to ${most}`);
}

export function* trim(t) {
  yield { name: "ringTrim", args: [ringOf(t).at] };
}
