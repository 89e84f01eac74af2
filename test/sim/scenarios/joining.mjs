// Joining: threads that attach, detach and close at the same time.

import { DEAD, Violation } from "../thread.mjs";

/** The region is closed, and nobody who lives is in it; or it is open, and nothing was lost. */
function closedOrWhole(stage) {
  const { view, c } = stage.machine;
  const state = view.word(c.H_CLOSED);
  const inside = stage.actors.filter(({ ownerId, thread }) => ownerId !== 0 && thread.status !== DEAD);
  if (state === c.REGION_CLOSED && inside.length > 0)
    throw new Violation("the region is closed and a thread is attached to it");
  if (stage.closeStatus === 0 && state !== c.REGION_CLOSED)
    throw new Violation("close succeeded, but the region is open");
  if (state === c.REGION_CLOSED) return;
  const dead = stage.actors.filter(({ thread }) => thread.status === DEAD);
  if (state === c.REGION_CLOSING && dead.length > 0) {
    // Its creator died, and there is nobody in it who could be told of it: it has ended.
    if (inside.length === 0) return;
    for (const { ownerId } of dead) inside[0].now(inside[0].markDead(ownerId));
  }
  if (stage.main.now(stage.main.attach()) <= 0) throw new Violation("the region is open, but nobody can attach to it");
  stage.audit.run([...stage.actors, stage.undertaker], () => {});
}

function* close(t, stage) {
  const status = yield { name: "closeRegion", args: [] };
  if (typeof status === "symbol") return;
  stage.closeStatus = status;
  if (status === 0) t.setOwner(0);
}

/** A thread that is attached does what an undertaker does elsewhere: nobody else can be while the region is being closed. */
function* bury(t, stage) {
  for (const { index } of stage.machine.dead) {
    const id = stage.audit.ownerOf(stage.actors[index]);
    if (id === 0) continue;
    stage.machine.races.join(t.thread.index, index);
    yield* t.markDead(id);
    yield* t.recover(id);
  }
}

/** Who attaches is not turned away as "busy" by a creator of whom it was known beforehand that it is dead. */
function* join(t, { machine: { view, c } }) {
  const wasDead = view.isStillDead(view.word(c.H_CREATOR));
  if ((yield* t.attach()) === -c.BUSY && wasDead)
    throw new Violation("a region whose creator died closing it stays closing");
}

/** Only the creator closes: let that be a, and the main thread be gone. */
function leaveTo(stage) {
  stage.main.now(stage.main.detach());
  stage.machine.u32[stage.constants.H_CREATOR >>> 2] = stage.a.ownerId;
}

/** The slot of who died is the only one left. */
const leaveOneSlot = (stage) => stage.ghost([(g) => g.blockAlloc(256)], [(g) => g.blockAlloc(256), 4]);

function* recoverGhost(t, stage) {
  yield* t.markDead(stage.ghosts[0]);
  yield* t.recover(stage.ghosts[0]);
}

function* joinAgain(t) {
  let id = yield* t.attach();
  if (id <= 0) id = yield* t.attach();
  if (id > 0) yield* t.blockAlloc(256);
}

export default [
  {
    name: "joining/two attach",
    detached: ["a", "b"],
    programs: {
      *a(t) {
        if ((yield* t.attach()) > 0) yield* t.alloc(256);
      },
      *b(t) {
        if ((yield* t.attach()) > 0) yield* t.alloc(256);
      },
    },
  },
  {
    name: "joining/attach beside detach with one slot",
    owners: 3,
    detached: ["b"],
    programs: {
      *a(t) {
        yield* t.alloc(256);
        yield* t.detach();
      },
      *b(t) {
        if ((yield* t.attach()) > 0) yield* t.alloc(256);
      },
    },
  },
  {
    name: "joining/attach beside close",
    detached: ["b", "undertaker"],
    buriesItself: true,
    setup: leaveTo,
    programs: { a: close, b: join },
    finish: closedOrWhole,
  },
  {
    name: "joining/two attach beside close, one recovers who closes",
    detached: ["b", "c", "undertaker"],
    buriesItself: true,
    bounds: { calm: 2, death: 1, second: -1 },
    setup: leaveTo,
    programs: {
      a: close,
      *b(t, stage) {
        if ((yield* t.attach()) <= 0) return;
        yield* t.blockAlloc(256);
        yield* bury(t, stage);
      },
      c: join,
    },
    finish: closedOrWhole,
  },
  {
    // It died after it had said that it closes and before it looked again: then somebody had come in meanwhile.
    name: "joining/attach to a region whose creator died closing it",
    owners: 5,
    detached: ["b"],
    bounds: { calm: 3, death: 0, second: -1 },
    setup(stage) {
      const { machine, constants } = stage;
      machine.u32[constants.H_CREATOR >>> 2] = stage.ghost([(g) => g.blockAlloc(256)]);
      machine.u32[constants.H_CLOSED >>> 2] = constants.REGION_CLOSING;
    },
    programs: { a: recoverGhost, b: join },
  },
  {
    name: "joining/two close",
    detached: ["undertaker"],
    buriesItself: true,
    setup: (stage) => stage.main.now(stage.main.detach()),
    programs: { a: close, b: close },
    finish: closedOrWhole,
  },
  {
    name: "joining/attach while a slot is being recovered",
    owners: 4,
    detached: ["b"],
    bounds: { calm: 2, death: 0, second: 0 },
    setup: leaveOneSlot,
    programs: { a: recoverGhost, b: joinAgain },
  },
  {
    name: "joining/attach while a slot is recovered twice",
    owners: 4,
    detached: ["b", "undertaker"],
    buriesItself: true,
    bounds: { calm: 2, death: 0, second: -1 },
    setup: leaveOneSlot,
    programs: { a: recoverGhost, b: joinAgain, c: recoverGhost },
  },
];
