// Budget recovery: a thread dies in a call on budgets, others go on and recover it, with a preemption anywhere, and who recovers may die; and who
// sleeps for the latch is woken.

import { closeBudget, find, leave, move, openBudget, release, reserve, resize } from "../budgeting.mjs";
import { LEAST, ROOM, bind, hold, pairOf, plant, plantTree } from "../budgettree.mjs";

const bounds = { calm: 2, death: 1, second: 0 };

const beside = (name, first, second, least = 0) => ({
  ...pairOf(first, second, { least, bounds }),
  name: `budget recovery/${name}`,
});

function planted(stage) {
  plantTree(stage);
  bind(stage);
}

function* churn(t) {
  const one = yield* reserve(t, find(t, "leafb"), 60);
  yield* release(t, find(t, "hb"));
  const two = yield* reserve(t, find(t, "m"), 100);
  yield* resize(t, two, 30);
  yield* release(t, one);
  yield* move(t, two, find(t, "s"));
}

/** Who finds the latch taken sleeps, and whoever lets it go wakes. */
const sleeping = (name, a, b, setup = planted) => ({
  name: `budget recovery/asleep, ${name}`,
  busyMs: 1,
  bounds: { calm: 2, death: 0, second: -1 },
  setup,
  programs: { a, b },
});

const taking = function* (t) {
  yield* release(t, yield* reserve(t, find(t, `leaf${t.name}`), ROOM));
};

export default [
  beside("of one that reserves, beside one that gives back", "reserve", "free"),
  beside("of one that moves, beside one that closes where it moves to", "within", "close", LEAST),
  beside("of one that opens, beside one that closes", "open", "close-empty", LEAST),
  beside("of one that leaves, beside one that reserves", "detach", "refused"),
  beside("of one that splits, beside one that shares", "split", "share"),
  {
    name: "budget recovery/of one that goes on, beside one that goes on",
    bounds: { calm: 1, death: 0, second: 0 },
    setup: planted,
    programs: {
      *a(t) {
        const one = yield* reserve(t, find(t, "leafa"), 60);
        yield* move(t, find(t, "ha"), find(t, "s"));
        yield* release(t, one);
      },
      b: churn,
    },
  },
  {
    name: "budget recovery/of one that holds much, beside one that wants it",
    bounds: { calm: 1, death: 1, second: 1 },
    setup(stage) {
      plantTree(stage);
      hold(stage.a, "ha2", "s", 100);
      bind(stage, 0);
    },
    programs: {
      *a(t) {
        yield* release(t, find(t, "ha"));
      },
      *b(t) {
        yield* reserve(t, find(t, "leafb"), 100);
        yield* reserve(t, find(t, "s"), 100);
      },
    },
  },
  {
    name: "budget recovery/of one that closes a budget full of others'",
    bounds: { calm: 2, death: 1, second: 0 },
    setup(stage) {
      plantTree(stage, { least: LEAST });
      hold(stage.b, "hb2", "leafa", 70);
      hold(stage.main, "hm2", "leafa", 0);
      bind(stage);
    },
    programs: {
      *a(t) {
        yield* closeBudget(t, find(t, "leafa"));
      },
      *b(t) {
        yield* release(t, find(t, "hb2"));
        leave(t, "again", yield* openBudget(t, find(t, "m"), "leafa", { limit: 10, min: 10 }));
      },
    },
  },
  {
    name: "budget recovery/of one that holds the only budget's all",
    bounds: { calm: 3, death: 1, second: 1 },
    setup({ main }) {
      plant(main, "only", undefined, { limit: 100 });
    },
    programs: {
      a: (t) => reserve(t, find(t, "only"), 100),
      b: (t) => reserve(t, find(t, "only"), 1),
    },
  },
  sleeping("two reserve", taking, taking),
  sleeping(
    "one gives back, one resizes",
    (t) => release(t, find(t, "ha")),
    (t) => resize(t, find(t, "hb"), 200),
  ),
  sleeping(
    "one closes, one checks",
    (t) => closeBudget(t, find(t, "leafa")),
    (t) => t.check(),
  ),
  sleeping(
    "one leaves, one opens",
    (t) => t.detach(),
    (t) => openBudget(t, find(t, "m"), "s", { min: 10 }),
  ),
];
