// Joining: threads that attach, detach and close at the same time.

import { Violation } from "../thread.mjs";

/** The region is closed, and nobody is in it; or it is open, and everyone who was let in is. */
function closedOrAttached(stage) {
  const { view, c } = stage.machine;
  const closed = view.word(c.H_CLOSED) === 1;
  const inside = [stage.a, stage.b].filter(({ ownerId }) => ownerId !== 0).length;
  if (closed && inside > 0) throw new Violation("the region is closed and a thread is attached to it");
  if (stage.closeStatus === 0 && !closed) throw new Violation("close succeeded, but the region is open");
}

function* close(t, stage) {
  const status = yield { name: "closeRegion", args: [] };
  if (typeof status === "symbol") return;
  stage.closeStatus = status;
  if (status === 0) t.setOwner(0);
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
    isCalm: true,
    setup(stage) {
      stage.main.now(stage.main.detach());
      // Only the creator closes: let that be a.
      stage.machine.u32[stage.constants.H_CREATOR >>> 2] = stage.a.ownerId;
    },
    programs: {
      a: close,
      *b(t) {
        yield* t.attach();
      },
    },
    finish: closedOrAttached,
  },
  {
    name: "joining/two close",
    detached: ["undertaker"],
    isCalm: true,
    setup: (stage) => stage.main.now(stage.main.detach()),
    programs: {
      a: close,
      b: close,
    },
    finish: closedOrAttached,
  },
];
