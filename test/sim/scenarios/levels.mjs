// Levels: budgets whose levels are entered and left by charges, grants, moves and limits, in two trees at once and beside each other; who died in
// the middle of that; and who is asked for bytes is told.

import { closeBudget, find, leave, move, openBudget, release, reserve, resize, setLimit } from "../budgeting.mjs";
import { hold, plant } from "../budgettree.mjs";
import { callFor, decided, setLevels, told } from "../waitcalls.mjs";
import { wait } from "../waittree.mjs";

const bounds = { calm: 2, death: 0, second: -1 };

const ENTRIES = [0.25, 0.5, 0.75, 0.9];
const GAP = 0.1;

/**
 * r 1000 ── m 400 ┬─ leafa       ha, 90 bytes: a tenth more enters m's first level
 *                 └─ hb, 100 bytes, b's
 * s 400 ── hs, 100 bytes, the main thread's
 */
function planted({ main, a, b }, { min = 0 } = {}) {
  plant(main, "r", undefined, { limit: 1000 });
  plant(main, "m", "r", { limit: 400 });
  plant(main, "leafa", "m", { min });
  plant(main, "s", undefined, { limit: 400 });
  for (const name of ["r", "m", "s"]) main.now(setLevels(main, find(main, name), ENTRIES, GAP));
  hold(a, "ha", "leafa", 90);
  hold(b, "hb", "m", 100);
  hold(main, "hs", "s", 100);
}

const scenario = (name, programs, { setup = planted, ...more } = {}) => ({
  name: `levels/${name}`,
  bounds,
  setup,
  programs,
  ...more,
});

const gives = (name) => (t) => release(t, find(t, name));

/** The calls that take m, r or s over a level's entry, or below it. */
const CALLS = {
  reserve: (t) => reserve(t, find(t, "m"), 110),
  free: gives("hb"),
  resize: (t) => resize(t, find(t, "hb"), 300),
  move: (t) => move(t, find(t, "hb"), find(t, "s")),
  lower: (t) => setLimit(t, find(t, "m"), 200),
  raise: (t) => setLimit(t, find(t, "m"), 900),
  set: (t) => setLevels(t, find(t, "m"), [0.1, 0.2], 0),
  open: (t) => openBudget(t, find(t, "m"), "s", { min: 150 }),
};

const beside = [
  ["reserve", "free"],
  ["resize", "move"],
  ["lower", "reserve"],
  ["raise", "set"],
  ["open", "free"],
].map(([first, second], i) => {
  const own = { free: gives("ha"), resize: (t) => resize(t, find(t, "ha"), 200) };
  const a = own[first] ?? CALLS[first];
  return scenario(
    `${first} beside ${second}`,
    { a, b: CALLS[second] },
    i === 0 ? { bounds: { ...bounds, death: 1, second: 0 } } : {},
  );
});

/** One died at this write of a function, changing m's level. */
const died = (name, steps, write, where) =>
  scenario(
    `died ${name}, at write ${write} of ${where}`,
    {
      *a(t, stage) {
        yield* t.recover(stage.ghosts[0]);
      },
      *b(t) {
        yield* release(t, yield* reserve(t, find(t, "m"), 60));
      },
    },
    {
      owners: 5,
      isCalm: true,
      bounds: { calm: 1 },
      setup(stage) {
        planted(stage);
        const id = stage.ghost([steps, write, where]);
        stage.main.now(stage.main.markDead(id));
      },
    },
  );

/** From one half to the rest of it, where it stays: it is neither entered nor left. */
function* within(t) {
  const own = yield* reserve(t, find(t, "m"), 20);
  yield* release(t, own);
  yield* release(t, yield* reserve(t, find(t, "m"), 15));
}

export default [
  ...beside,
  ...[1, 3, 4].map((write) => died("reserving", CALLS.reserve, write, "budget/setLevel")),
  ...[5].map((write) => died("setting levels", CALLS.set, write, "nodes/setBudgetLevels")),
  died("calling for bytes", (t) => callFor(t, find(t, "m"), 50), 2, "H_BUDGET_LOCK"),
  scenario("within a gap", { a: within, b: within }),
  scenario(
    "two give back without the latch, in two trees",
    {
      *a(t) {
        yield* release(t, find(t, "ha"));
        yield* release(t, find(t, "hs2"));
      },
      b: CALLS.reserve,
    },
    {
      isImpatient: true,
      setup(stage) {
        planted(stage);
        hold(stage.a, "hs2", "s", 100);
      },
    },
  ),
  scenario(
    "a budget is closed, and its minimum is granted to another",
    {
      *a(t) {
        yield* closeBudget(t, find(t, "leafa"));
      },
      b: (t) => decided(t, find(t, "wb")),
    },
    {
      setup(stage) {
        const { main, b } = stage;
        planted(stage, { min: 150 });
        plant(main, "beside", "r", { limit: 200 });
        main.now(setLevels(main, find(main, "beside"), ENTRIES, GAP));
        hold(main, "hr", "r", 700);
        wait(b, "wb", "beside", 100);
      },
    },
  ),
  scenario(
    "a grant beside who leaves the level again",
    {
      a: gives("ha"),
      *b(t) {
        yield* decided(t, find(t, "wb"));
        yield* release(t, find(t, "hb"));
      },
    },
    {
      setup(stage) {
        planted(stage);
        hold(stage.main, "hm", "m", 150);
        wait(stage.b, "wb", "leafa", 140);
      },
    },
  ),
  scenario("bytes are called for", {
    *a(t) {
      yield* callFor(t, find(t, "m"), 50);
      yield* callFor(t, find(t, "m"), 0);
      yield* callFor(t, { ...find(t, "s"), state: 1 }, 50);
    },
    b: (t) => told(t, () => t.view.word(find(t, "m").at + t.c.B_WANTED) !== 0),
  }),
  scenario("one sleeps until a level is entered", {
    *a(t) {
      leave(t, "big", yield* reserve(t, find(t, "m"), 110));
    },
    b: (t) => told(t, () => t.view.word(find(t, "m").at + t.c.B_LEVEL) > 1),
  }),
];
