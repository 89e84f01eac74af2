// Ring deaths: who dies with records in hand, or while a ring's memory comes and goes; recovered beside others, by two, and where who recovers
// dies too.

import { finish } from "../ringaudit.mjs";
import {
  close,
  commit,
  countAgain,
  leave,
  openRing,
  plantRing,
  pop,
  popMany,
  push,
  pushMany,
  release,
  reserve,
  ringOf,
  take,
  trim,
} from "../ringcalls.mjs";
import { plant } from "../budgettree.mjs";
import { DEAD, Violation } from "../thread.mjs";
import { burial } from "./ghosts.mjs";

const SIZE = 8;
const RUN = 9000;

/** The ghost uses the ring. */
const joins = function* (g) {
  yield* openRing(g, ringOf(g).shape);
};

/** An owner that died in the last of these calls, before that write of it; the calls before went to their end. */
const ghost = (stage, ...calls) => stage.ghost([joins], ...calls);

const recovered = (name, shape, records, calls, b, more = {}) => ({
  name: `ring deaths/${name}`,
  owners: 4 + calls.length,
  bounds: { calm: 2, death: 0, second: 0 },
  setup(stage) {
    plantRing(stage, shape, { records, cold: more.cold, window: more.window });
    for (const these of calls) ghost(stage, ...these);
  },
  programs: { a: burial(calls.map((_, i) => i)), b },
  finish,
  ...more,
});

const once = { capacity: 2 };
const again = { capacity: 2, again: true };
const narrow = { capacity: 1 };
const drops = { capacity: 1, drops: true };

const WANTED = [(g) => wanting(g)];

/** Has the oldest in hand, which it was to drop, and its own record. */
function* wanting(g) {
  const hand = yield* reserve(g, SIZE);
  const steps = commit(g, hand, true);
  let next = steps.next();
  while (!next.done && next.value.name !== "ringRelease") next = steps.next(yield next.value);
}

function* churn(t) {
  yield* pop(t);
  yield* push(t, SIZE);
  yield* push(t, SIZE);
}

const popping = (write) => [(g) => pop(g), write];
const pushing = (write) => [(g) => push(g, SIZE), write];
const reserving = (write) => [(g) => reserve(g, SIZE), write];

const cuts = (what, call, writes, shape, records, b, more) =>
  writes.map((write) => recovered(`${what}, at write ${write}`, shape, records, [[call(write)]], b, more));

/** What it takes it puts in again, a lap further. */
function* rounds(t) {
  yield* pop(t);
  yield* push(t, SIZE);
  yield* pop(t);
  yield* push(t, SIZE);
}

/** What comes back is another record's at once, of another length. */
function* reuses(t) {
  yield* push(t, 5);
  yield* pop(t);
  yield* push(t, 3);
}

/** Payload is had, is too small, and goes back. */
const exchange = {
  *a(t) {
    yield* push(t, 20);
    yield* release(t, yield* take(t));
  },
  *b(t) {
    yield* release(t, yield* take(t));
    yield* pushMany(t, [16, 3]);
  },
};

export default [
  recovered("one taken, beside who takes", once, 2, [[[take]]], (t) => popMany(t, 2, 40)),
  recovered("one taken, delivered again beside who takes", again, 2, [[[take]]], (t) => popMany(t, 3, 96)),
  recovered("two taken, delivered again beside who takes", again, 2, [[[take], [take]]], function* (t) {
    yield* pop(t);
    yield* pop(t);
    yield* pop(t);
  }),
  recovered("one taken, delivered again beside who asks for that, and then takes", again, 2, [[[take]]], function* (t) {
    yield* countAgain(t, 0, 1);
    yield* popMany(t, 3, 96);
    yield* countAgain(t, 0, 1);
  }),
  recovered("two of two, delivered again", again, 2, [[[take]], [[take]]], (t) => popMany(t, 3, 96)),
  recovered("two of two, lost", once, 2, [[[take]], [[take]]], (t) => push(t, SIZE)),
  recovered("one being dropped, beside who puts in", drops, 1, [[WANTED]], (t) => push(t, SIZE)),
  ...cuts("taking", popping, [2, 3, 4, 5, 6, 7, 8], once, 2, churn),
  ...cuts("taking, delivered again", popping, [2, 3, 4, 6, 7, 8], again, 2, churn),
  // Records come and go in the slot of the one that it was about to put in, or had.
  ...cuts("putting in", pushing, [8, 9, 10, 11, 12], narrow, 0, churn),
  ...cuts("putting in, and a lap goes by", pushing, [11, 12], narrow, 0, rounds, { cold: ["b"] }),
  ...cuts("taking, and it is wanted at once", popping, [5, 6], once, 2, reuses, { cold: ["a", "b"], window: 2 }),
  {
    name: "ring deaths/nobody recovers who put in, and what it put in is used again",
    buriesItself: true,
    bounds: { calm: 1, exception: -1, death: 2, second: -1 },
    setup: (stage) => plantRing(stage, { capacity: 2 }, { cold: ["b"] }),
    programs: {
      a: (t) => push(t, SIZE),
      *b(t) {
        yield* pop(t);
        yield* push(t, 5);
        yield* pop(t);
      },
    },
    finish,
  },
  {
    name: "ring deaths/a descriptor comes back, and another wants it",
    bounds: { calm: 2, death: 1, second: 0 },
    setup: (stage) => plantRing(stage, { capacity: 3 }, { records: 1, warm: 1, window: 3 }),
    programs: { a: (t) => pushMany(t, [SIZE, 7]), b: (t) => pop(t) },
    finish,
  },
  ...cuts("reserving", reserving, [2, 4, 21, 34, 36, 37, 38, 39, 40, 41, 42], once, 1, churn),
  {
    name: "ring deaths/one taken, two recover it",
    owners: 5,
    bounds: { calm: 2, death: 1, second: -1 },
    setup(stage) {
      plantRing(stage, again, { records: 2 });
      ghost(stage, [take]);
    },
    programs: { a: burial([0]), b: burial([0]) },
    finish,
  },
  {
    name: "ring deaths/two taken, lost, two recover them in either order, one dies over it",
    owners: 6,
    bounds: { calm: 1, death: 1, second: -1 },
    setup(stage) {
      plantRing(stage, once, { records: 2 });
      ghost(stage, [take]);
      ghost(stage, [take]);
    },
    programs: { a: burial([0, 1]), b: burial([1, 0]) },
    finish,
  },
  {
    name: "ring deaths/a recoverer that had one in hand too",
    owners: 6,
    bounds: { calm: 1, death: 2, second: 1 },
    setup(stage) {
      plantRing(stage, once, { records: 2 });
      ghost(stage, [take]);
    },
    programs: {
      *a(t, stage) {
        yield* take(t);
        yield* burial([0])(t, stage);
      },
      b: (t) => push(t, SIZE),
    },
    finish,
  },
  {
    name: "ring deaths/who looks for what is delivered again",
    owners: 5,
    bounds: { calm: 2, death: 1, second: 0 },
    setup(stage) {
      plantRing(stage, again, { records: 2 });
      const id = ghost(stage, [take]);
      stage.main.now(stage.main.markDead(id));
      stage.main.now(stage.main.recover(id));
      stage.ghosts.length = 0;
    },
    programs: { a: (t) => pop(t), b: (t) => pop(t) },
    finish,
  },
  {
    name: "ring deaths/who asks what is delivered again, takes it, and asks again",
    owners: 5,
    bounds: { calm: 2, death: 1, second: 0 },
    setup(stage) {
      plantRing(stage, again, { records: 2 });
      const id = ghost(stage, [take]);
      stage.main.now(stage.main.markDead(id));
      stage.main.now(stage.main.recover(id));
      stage.ghosts.length = 0;
    },
    programs: {
      *a(t) {
        yield* countAgain(t, 1, 1);
        const hand = yield* take(t);
        // An exception may have cut it.
        if (hand) yield* countAgain(t, 0, 0);
        yield* release(t, hand);
      },
      b: (t) => push(t, SIZE),
    },
    finish,
  },
  {
    name: "ring deaths/memory comes and goes",
    bounds: { calm: 1, death: 1, second: 0 },
    setup: (stage) => plantRing(stage, { capacity: 2 }, { records: 1, warm: 0 }),
    programs: exchange,
    finish,
  },
  {
    name: "ring deaths/memory comes and goes, charged",
    hasMemory: true,
    bounds: { calm: 1, death: 1, second: 0 },
    setup(stage) {
      const budget = plant(stage.main, "r", undefined, { limit: 100_000 });
      plantRing(stage, { capacity: 2, budget: stage.model.ledger.of(budget) }, { records: 1, warm: 0 });
    },
    programs: exchange,
    finish,
  },
  {
    name: "ring deaths/payload that lies idle goes back, and the thread goes on",
    bounds: { calm: 1, death: 1, second: 0 },
    setup(stage) {
      const { at } = plantRing(stage, { capacity: 3 }, { records: 1 });
      const hands = [SIZE, RUN].map((bytes) => stage.a.exports.ringReserve(at, bytes));
      for (const d of hands) stage.a.exports.ringRelease(at, d);
    },
    programs: {
      *a(t) {
        yield* trim(t);
        const one = yield* reserve(t, SIZE);
        const two = yield* reserve(t, RUN);
        yield* commit(t, two);
        yield* commit(t, one);
        yield* release(t, yield* take(t));
        yield* release(t, yield* take(t));
      },
      b: (t) => t.alloc(RUN),
    },
    finish,
  },
  {
    name: "ring deaths/more descriptors for both",
    bounds: { calm: 2, death: 1, second: 0 },
    setup: (stage) => plantRing(stage, { capacity: 2 }, { warm: 0 }),
    programs: { a: (t) => push(t, 8), b: (t) => push(t, 0) },
    finish,
  },
  {
    name: "ring deaths/three at work",
    randomShare: 0.3,
    bounds: { calm: 1, death: 1, second: -1 },
    setup: (stage) => plantRing(stage, { capacity: 2, drops: true, first: 0xffffffff }, { records: 1 }),
    programs: {
      a: (t) => push(t, SIZE),
      b: (t) => push(t, SIZE),
      *c(t) {
        yield* release(t, yield* take(t));
        yield* pop(t);
      },
    },
    finish,
  },
  {
    name: "ring deaths/the last two leave an ended ring",
    bounds: { calm: 2, death: 1, second: 1 },
    setup(stage) {
      plantRing(stage, { capacity: 2 }, { records: 2 });
      stage.main.now(close(stage.main));
      stage.main.now(leave(stage.main));
    },
    programs: {
      *a(t) {
        yield* take(t);
        yield* leaving(t, "b");
      },
      b: (t) => leaving(t, "a"),
    },
    finish: (stage) => gone(stage),
  },
  {
    name: "ring deaths/a ring is opened, ended and left beside another",
    bounds: { calm: 1, death: 1, second: 0 },
    setup: (stage) => plantRing(stage, { capacity: 2 }, { records: 1 }),
    programs: { a: visits, b: visits },
    finish: (stage) => gone(stage, true),
  },
  {
    name: "ring deaths/who uses it detaches, the last",
    bounds: { calm: 2, death: 1, second: 1 },
    setup(stage) {
      plantRing(stage, { capacity: 2 }, { records: 2 });
      stage.main.now(close(stage.main));
      stage.main.now(leave(stage.main));
    },
    programs: {
      *a(t) {
        yield* take(t);
        yield* t.detach();
      },
      *b(t) {
        yield* reserve(t, 8);
        yield* t.detach();
      },
    },
    finish: (stage) => gone(stage),
  },
];

/** Leaves; while the other has not begun to, the ring is there. */
function* leaving(t, other) {
  const { machine, model, c } = t;
  const ring = ringOf(t);
  model.ledger.names.set(`${t.name} leaves`, true);
  const status = yield* leave(t, ring);
  const isAlone = model.ledger.names.has(`${other} leaves`) || machine.dead.length > 0;
  if (status === 0 && !isAlone && t.view.word(c.H_RINGS) !== ring.at)
    throw new Violation("the ring is gone, and another uses it");
}

/** Opens a ring by a name, puts something in, ends it and leaves it. */
function* visits(t) {
  const ring = yield* openRing(t, { capacity: 1 }, 2);
  if (!ring) return;
  const d = yield { name: "ringReserve", args: [ring.at, 8] };
  if (typeof d === "number" && d !== 0) yield { name: "ringCommit", args: [ring.at, d, 8, 1, 0] };
  yield { name: "closeRing", args: [ring.at] };
  yield* leave(t, ring);
}

/** Everybody leaves all rings: nothing is left of them. */
function gone(stage, isOpen = false) {
  const everyone = [...stage.actors, stage.undertaker];
  const { audit, machine, main } = stage;
  audit.recoverDead(everyone);
  if (isOpen) main.exports.closeRing(ringOf(main).at);
  for (const actor of stage.actors) {
    if (actor.ownerId === 0 || actor.thread.status === DEAD) continue;
    stage.model.openOwner(actor.ownerId);
    const status = actor.exports.detachRegion();
    if (status !== 0) throw new Violation(`detachRegion answers ${status}`);
    stage.model.releaseOwner(actor.ownerId);
    actor.setOwner(0);
  }
  if (isOpen) main.exports.leaveRing(ringOf(main).at);
  endNameless(stage);
  if (machine.view.word(machine.c.H_RINGS) !== 0) throw new Violation("a ring is left");
  audit.run(everyone, () => {});
}

/** A thread that died after it made a ring, and before it said that it uses it, leaves one that nobody uses: it is there by its name. */
function endNameless({ main, machine }) {
  const { c, view } = machine;
  const at = view.word(c.H_RINGS);
  if (at === 0 || view.word(at + c.Q_NAME) !== 2) return;
  const ring = main.now(openRing(main, { capacity: 1 }, 2));
  main.exports.closeRing(ring.at);
  main.exports.leaveRing(ring.at);
}
