// Ring audit: the end of a schedule with a ring. The dead are recovered, check finds nothing, the main thread takes what is left; then there is an
// order in which a plain queue would have answered so, counts and sums are right, and when everybody has left nothing of the ring is there.

import { DEAD, FINISHED, Violation } from "./thread.mjs";
import { historyOf, pop, release, ringOf, sumOfInternal } from "./ringcalls.mjs";
import { isCut, requireOrder } from "./ringhistory.mjs";
import { descriptorsOf } from "./ringwords.mjs";

const DRAIN_MAX = 50;

/** Instead of the audit of scenarios without a ring, which it ends with. */
export function finish(stage) {
  const everyone = [...stage.actors, stage.undertaker];
  const { audit, main } = stage;
  markLeases(stage);
  const was = queueOf(stage);
  audit.recoverDead(everyone);
  leaveCut(stage);
  audit.survey("beside a ring");
  const drained = drain(stage);
  checkOrder(stage);
  checkCounts(stage, drained);
  checkRest(stage, was);
  takeApart(stage);
  audit.run(everyone, () => {});
  if (main.exports.openRing && sumOfInternal(stage.machine.view) !== stage.internal && !stage.scenario.mayGrow)
    throw new Violation("something of the ring is left");
}

/** What a thread has in hand when it dies, or leaves, is lost, or delivered again. */
function markLeases(stage) {
  const history = historyOf(stage);
  for (const op of history.ops) op.isLost = history.leases.has(op.hand) || op.hand?.isPassedOn === true;
}

const isAlive = (stage, name) => name === "main" || (name !== "ghost" && stage[name].thread.status !== DEAD);

/** How many records are to be delivered again. */
function againIn(view, at) {
  const { c } = view;
  return descriptorsOf(view, at).filter((d) => (view.word(d + c.D_WORD) & c.D_STATE_MASK) === c.D_AGAIN).length;
}

function queueOf({ machine: { view }, model }) {
  const { c } = view;
  const { at } = model.ledger.names.get("ring");
  const depth = (view.word(at + c.Q_TAIL + 4) - view.word(at + c.Q_HEAD + 4)) >>> 0;
  return { depth: depth + againIn(view, at), isHigh: view.word(at + c.Q_IS_HIGH) === 1, low: view.word(at + c.Q_LOW) };
}

/** Who was cut by an exception leaves the region. */
export function leaveCut({ actors, model }) {
  for (const actor of actors) {
    if (actor.thread.traps === 0 || actor.thread.status !== FINISHED || actor.ownerId === 0) continue;
    model.openOwner(actor.ownerId);
    const status = actor.exports.detachRegion();
    if (status !== 0) throw new Violation(`detachRegion answers ${status} at the quiet end`);
    model.releaseOwner(actor.ownerId);
    actor.setOwner(0);
  }
}

function drain({ main }) {
  const history = historyOf(main);
  const ids = [];
  while (history.ops.at(-1)?.result?.why === undefined || history.ops.at(-1).by !== "main") {
    const id = main.now(pop(main));
    // One that is long is in hand.
    if (id?.d) main.now(release(main, id));
    if (id !== undefined) ids.push(id);
    if (ids.length > DRAIN_MAX) throw new Violation("the ring gives records for ever");
  }
  return ids;
}

function checkOrder(stage) {
  const history = historyOf(stage);
  const { shape } = ringOf(stage);
  const { queue, closed } = history;
  const limit = shape.capacity;
  requireOrder(
    history.ops,
    { queue, closed, limit },
    {
      bytesMax: shape.bytes ?? Infinity,
      sizes: history.sizes,
      drops: shape.drops,
      again: shape.again,
      isLenient: stage.scenario.isLenient,
    },
  );
}

/** Sum of a count that stands in every party. */
function sum({ machine: { view } }, at, field) {
  const { c } = view;
  let total = 0;
  for (let index = 0; index <= view.word(c.H_MAX_OWNERS); index++) {
    const party = view.word(at + c.Q_PARTIES) + index * c.PARTY_BYTES;
    const [low, high] = view.pair(party + field);
    if (low % (1 << c.DROPPED_SHIFT) !== 0) throw new Violation(`owner ${index} has a record half counted`);
    total += (high * 2 ** 32 + low) / 2 ** c.DROPPED_SHIFT;
  }
  return total;
}

const most = (ops) => ops.reduce((count, op) => count + (op.kind === "pop" ? op.most : (op.ids?.length ?? 0)), 0);

function checkCounts(stage, drained) {
  const history = historyOf(stage);
  const { c } = stage.machine.view;
  const ring = ringOf(stage);
  const cut = history.ops.filter(isCut);
  const cutPops = most(cut.filter(({ kind }) => kind === "pop"));
  const cutPushes = most(cut.filter(({ kind }) => kind === "push"));
  const whole = history.ops.filter((op) => !isCut(op));
  const pushed =
    history.queue.length + whole.filter(({ kind }) => kind === "push").reduce((n, { result }) => n + result.count, 0);
  const got = whole.filter(({ kind }) => kind === "pop").flatMap(({ result }) => result.ids);
  const leases = [...history.leases].filter(({ by }) => !isAlive(stage, by));
  const held = leases.filter(({ isDrop }) => !isDrop);
  const sure = held.filter(({ isGoing }) => !isGoing).length;
  const [dropped, lost] = [sum(stage, ring.at, c.P_DROPPED), sum(stage, ring.at, c.P_LOST)];
  // A dropped record in the hand of who is cut by an exception is counted when it leaves.
  const missing = pushed - new Set(got).size - dropped;
  if (missing > cutPops || missing < -cutPushes)
    throw new Violation(
      `${pushed} records put in, ${got.length} taken, ${dropped} dropped, ${drained.length} of them left`,
    );
  if (lost > held.length + cutPops || (!ring.shape.again && lost < sure) || (ring.shape.again && lost > 0))
    throw new Violation(`${lost} records are said to be lost, ${sure} to ${held.length + cutPops} were`);
  if (!ring.shape.again) return;
  const back = history.ops.map(({ hand }) => hand).filter((hand) => hand?.isBack);
  const due = [...held.filter(({ isGoing }) => !isGoing), ...back];
  const missed = due.filter(({ id }) => got.filter((other) => other === id).length < 2);
  // Of what a cut call took again nobody was told.
  if (missed.length > cutPops)
    throw new Violation(`record ${missed[0].id} was in the hand of who died or left, and is not delivered again`);
}

/** Who slept for records was woken if there are any, where nobody died that was to do that. */
function checkSleepers({ machine: { view }, model }, { depth }) {
  const { at } = model.ledger.names.get("ring");
  for (const { by, seen } of historyOf({ model }).sleepers) {
    if (depth > 0 && view.word(at + view.c.Q_ITEMS) === seen)
      throw new Violation(`${by} sleeps for records, ${depth} are there, and it was not woken`);
  }
}

function checkRest(stage, was) {
  const { view, running } = stage.machine;
  const { c } = view;
  const { at } = ringOf(stage);
  if (String(view.pair(at + c.Q_TAIL)) !== String(view.pair(at + c.Q_HEAD)))
    throw new Violation(
      `head and tail of an empty ring are ${view.pair(at + c.Q_HEAD)} and ${view.pair(at + c.Q_TAIL)}`,
    );
  const isWhole = running.every(({ status, traps }) => status !== DEAD && traps === 0) && stage.ghosts.length === 0;
  if (isWhole) checkSleepers(stage, was);
  if (isWhole && was.isHigh && was.depth <= was.low)
    throw new Violation(`${was.depth} records are queued, and the ring is said to be high`);
}

/** Everybody leaves, and the ring has ended. */
function takeApart(stage) {
  const { actors, main, machine } = stage;
  const { at } = ringOf(stage);
  const leave = ({ exports, ownerId, name }) => {
    const status = ownerId === 0 ? 0 : exports.leaveRing(at);
    if (status !== 0) throw new Violation(`leaveRing answers ${status} to ${name} at the quiet end`);
  };
  for (const actor of actors) if (actor.thread.status === FINISHED) leave(actor);
  main.exports.closeRing(at);
  leave(main);
  const { budget } = ringOf(stage).shape;
  if (budget) {
    stage.model.ledger.beginClose(budget);
    stage.model.ledger.endClose(budget, true);
  }
  if (machine.view.word(machine.c.H_RINGS) !== 0) throw new Violation("the ring is there when everybody has left it");
}
