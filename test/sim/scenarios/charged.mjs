// Charged: Blocks that are charged to budgets. Every two of the calls on them, and on what they share their budgets with, side by side, where both
// want the same room; who has no time to wait for the latch, and leaves what it gives back to others; and who died in such a call.

import { closeBudget, find, openBudget, release, reserve, setLimit } from "../budgeting.mjs";
import { bind, plant } from "../budgettree.mjs";
import { blockAllocIn } from "../charging.mjs";
import { TRAPPED, Violation } from "../thread.mjs";
import { await_ } from "../waitcalls.mjs";
import { crowd } from "./ghosts.mjs";
import { CALLS, RUN, SMALL, charge, pairOf, plantMemory } from "../memorytree.mjs";

const names = Object.keys(CALLS);
const bounds = { calm: 3, death: 0, second: -1 };
const mortal = { bounds: { calm: 1, exception: -1, death: 0, second: -1 } };

const pairs = names.flatMap((first, i) =>
  names.slice(i).map((second) => ({ ...pairOf(first, second, { bounds }), name: `charged/${first}+${second}` })),
);

/** Who finds the latch taken marks its claim and goes; who lets the latch go does the rest. */
const leaving = names.map((name) => ({
  ...pairOf("free", name, { bounds: { calm: 2, death: 0, second: -1 }, isImpatient: true }),
  name: `charged/left to others, beside ${name}`,
}));

const bury = (t, stage) => t.recover(stage.ghosts[0]);

/** Wants all the room there is, and gives it back. */
function* survive(t) {
  yield* t.free(yield* blockAllocIn(t, find(t, "leafb"), SMALL));
  yield* t.blockFree(t.look("bb"));
  yield* release(t, yield* reserve(t, find(t, "leafb"), SMALL));
}

const dying = (name, steps, writes, prepare = undefined) =>
  writes.map(([write, where], i) => ({
    name: `charged/died: ${name}, at write ${write}${where ? ` of ${where}` : ""}`,
    owners: 5,
    hasMemory: true,
    ...(i % 3 === 2 ? mortal : { isCalm: true, bounds: { calm: 1 } }),
    setup(stage) {
      plantMemory(stage);
      plant(stage.main, "leafg", "m");
      const calls = prepare ? [[prepare]] : [];
      // eslint-disable-next-line require-yield
      calls.push([() => bound(stage)]);
      const id = stage.ghost(...calls, [(g) => steps(g), write, where]);
      stage.main.now(stage.main.markDead(id));
    },
    programs: { a: bury, b: survive },
  }));

// eslint-disable-next-line require-yield
function* bound(stage) {
  bind(stage, SMALL);
}

const HELD = "H_BUDGET_LOCK";
const CHARGED = "H_CHARGE";
const under = (where, ...writes) => writes.map((write) => [write, where]);

function* takeOwn(g) {
  g.put("bg", yield* blockAllocIn(g, find(g, "leafg"), SMALL));
}

const deaths = [
  ...dying("taking a Block", (g) => blockAllocIn(g, find(g, "leafg"), SMALL), [
    ...under(undefined, 3, 5, 7),
    ...under(HELD, 1, 8),
    ...under(CHARGED, 1, 2, 3, 5, 8, 10),
  ]),
  ...dying("taking a run", (g) => blockAllocIn(g, find(g, "leafg"), RUN), under(HELD, 1, 2, 3)),
  ...dying(
    "giving a Block back",
    (g) => g.blockFree(g.look("bg")),
    [...under(undefined, 1, 2, 3, 4, 5, 6), ...under(HELD, 1, 2, 3, 4, 5, 8), ...under(CHARGED, 1, 2, 3, 5, 8, 9)],
    takeOwn,
  ),
  ...dying(
    "leaving",
    (g) => g.detach(),
    [...under(undefined, 1, 2, 3), ...under(HELD, 2, 5, 8), ...under(CHARGED, 1, 2, 5, 8)],
    takeOwn,
  ),
  ...dying(
    "closing",
    (g) => closeBudget(g, find(g, "leafg")),
    [...under(HELD, 2, 3, 4, 6, 8), ...under(CHARGED, 1, 2, 5, 9, 11, 13)],
    takeOwn,
  ),
];

/** Moves the Block to a smaller place, as a Block that is resized does. */
function* shrink(t, old) {
  const q = yield* t.blockAlloc(64);
  if (!q) return;
  const done = yield { name: "chargeInstead", args: [old.p, ...old.claim, q.p] };
  const node = done === 1 ? yield { name: "budgetAt", args: [q.p] } : TRAPPED;
  if (node === 0) throw new Violation(`the Block at ${q.p} is charged to nothing, in place of one that was charged`);
  if (done !== TRAPPED) yield* t.free(old);
  yield* t.free(q);
}

/** What b does while a's Block becomes smaller, where nothing else has room. */
const BESIDE_SHRINK = {
  "another releases it": (t) => t.blockFree(t.look("ba")),
  "another wants the room": (t) => reserve(t, find(t, "leafb"), SMALL - 64),
  "another waits for the room": (t) => await_(t, find(t, "leafb"), SMALL - 64),
  "another gives room back": (t) => release(t, find(t, "hb")),
  "another's becomes smaller": (t) => shrink(t, t.look("bb")),
  "another shares it": (t) => t.move(t.look("ba"), true),
  "the limit is lowered": (t, stage) => CALLS.lower.steps(t, "b", stage),
};

const shrinking = Object.entries(BESIDE_SHRINK).map(([name, b], i) => ({
  ...pairOf("check", "check", { room: 0, bounds: { calm: 2, death: i < 2 ? 1 : 0, second: -1 } }),
  name: `charged/one becomes smaller, ${name}`,
  programs: { a: (t) => shrink(t, t.look("ba")), b },
}));

export default [
  ...pairs,
  ...shrinking,
  ...leaving,
  ...deaths,
  {
    name: "charged/with little room, each takes what the other gives back",
    hasMemory: true,
    bounds: { calm: 2, death: 1, second: 0 },
    setup(stage) {
      plantMemory(stage);
      bind(stage, 0);
    },
    programs: {
      *a(t) {
        yield* t.blockFree(t.look("ba"));
        yield* blockAllocIn(t, find(t, "leafa"), 2 * SMALL);
      },
      *b(t) {
        yield* t.blockFree(t.look("bb"));
        yield* reserve(t, find(t, "leafb"), 2 * SMALL);
      },
    },
  },
  {
    name: "charged/the same, and nobody has time",
    hasMemory: true,
    isImpatient: true,
    bounds: { calm: 2, death: 1, second: -1 },
    setup(stage) {
      plantMemory(stage);
      bind(stage, 0);
    },
    programs: {
      *a(t) {
        yield* t.blockFree(t.look("ba"));
        yield* blockAllocIn(t, find(t, "leafa"), 2 * SMALL);
      },
      *b(t) {
        yield* t.blockFree(t.look("bb"));
        yield* reserve(t, find(t, "leafb"), 2 * SMALL);
      },
    },
  },
  {
    // What is off the counters but for the rest of the journal is met by one who leaves, and its place is another's when that is done.
    name: "charged/died giving a Block back, and its place is taken before anybody has the latch",
    hasMemory: true,
    owners: 6,
    bounds: { calm: 1, exception: -1, death: 0, second: -1 },
    setup(stage) {
      plantMemory(stage);
      plant(stage.main, "leafg", "m");
      // Who leaves holds nothing for which it would need the latch.
      stage.b.now(stage.b.blockFree(stage.b.look("bb")));
      stage.b.now(release(stage.b, find(stage.b, "hb")));
      const id = stage.ghost([takeOwn], [(g) => g.blockFree(g.look("bg")), 3, CHARGED]);
      crowd(stage, 0);
      stage.main.now(stage.main.markDead(id));
    },
    programs: {
      a: bury,
      *b(t) {
        const isGone = (yield* t.detach()) === 0;
        if (!isGone || (yield* t.attach()) <= 0) return;
        yield* t.alloc(1024, { scarce: true });
        yield* t.alloc(1024, { scarce: true });
      },
    },
  },
  {
    // Of all that give one Block back by the claim that both know, one does, and its bytes go once.
    name: "charged/two give one Block back",
    hasMemory: true,
    bounds: { calm: 2, death: 1, second: 0 },
    setup(stage) {
      plantMemory(stage);
      bind(stage, 0);
    },
    programs: {
      a: (t) => t.blockFree(t.look("bm")),
      *b(t) {
        yield* t.blockFree(t.look("bm"));
        yield* blockAllocIn(t, find(t, "m"), SMALL);
      },
    },
  },
  {
    name: "charged/two give one Block back, and nobody has time",
    hasMemory: true,
    isImpatient: true,
    bounds: { calm: 2, death: 0, second: -1 },
    setup(stage) {
      plantMemory(stage);
      bind(stage, 0);
    },
    programs: {
      *a(t) {
        yield* t.blockFree(t.look("bm"));
        yield* reserve(t, find(t, "leafa"), SMALL);
      },
      *b(t) {
        yield* t.blockFree(t.look("bm"));
        yield* reserve(t, find(t, "leafb"), SMALL);
      },
    },
  },
  {
    // There is no room but for what was left to others while one had the latch who died with it.
    name: "charged/left to others, and wanted at once",
    hasMemory: true,
    owners: 5,
    bounds: { calm: 2, death: 0, second: 0 },
    setup(stage) {
      plantMemory(stage);
      bind(stage, 0);
      const id = stage.ghost([(g) => reserve(g, find(g, "m"), 0), 1, HELD]);
      stage.a.now(stage.a.blockFree(stage.a.look("ba")));
      stage.main.now(stage.main.markDead(id));
    },
    programs: {
      a: bury,
      b: (t) => blockAllocIn(t, find(t, "leafb"), SMALL),
    },
  },
  {
    name: "charged/a dead one's Blocks are recovered beside who closes their budget",
    hasMemory: true,
    owners: 5,
    bounds: { calm: 2, death: 0, second: 0 },
    setup(stage) {
      plantMemory(stage);
      const id = stage.ghost([takeIn("leafa", SMALL)], [takeIn("leafa", RUN)], [takeIn("leafb", SMALL)]);
      stage.main.now(stage.main.markDead(id));
      bind(stage, 0);
    },
    programs: {
      a: bury,
      *b(t) {
        yield* closeBudget(t, find(t, "leafa"));
        yield* reserve(t, find(t, "leafb"), SMALL);
      },
    },
  },
  {
    name: "charged/a budget is closed while its Block changes hands",
    hasMemory: true,
    bounds: { calm: 3, death: 0, second: -1 },
    setup(stage) {
      plantMemory(stage);
      stage.main.now(stage.main.move(charge(stage.main, "bn", "leafa"), true));
      bind(stage, SMALL);
    },
    programs: {
      *a(t) {
        yield* closeBudget(t, find(t, "leafa"));
        yield* openBudget(t, find(t, "m"), "leafa", { limit: SMALL });
      },
      *b(t) {
        yield* t.move(t.look("bn"));
        yield* blockAllocIn(t, find(t, "leafa"), SMALL);
      },
    },
  },
  {
    name: "charged/the heap is full, and then there is room",
    hasMemory: true,
    mayBeFull: true,
    bounds: { calm: 2, death: 0, second: -1 },
    setup(stage) {
      const { main } = stage;
      plantMemory(stage);
      main.put("x", main.now(main.alloc(4096)));
      crowd(stage, 1);
      bind(stage, 50_000);
    },
    programs: {
      *a(t) {
        yield* blockAllocIn(t, find(t, "leafa"), 3000);
        yield* blockAllocIn(t, find(t, "leafa"), 3000);
      },
      *b(t) {
        yield* t.free(t.look("x"));
        yield* setLimit(t, find(t, "leafa"), 3072);
      },
    },
  },
];

function takeIn(budget, bytes) {
  return (g) => blockAllocIn(g, find(g, budget), bytes);
}
