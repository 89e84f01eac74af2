// Budget tree: the set-up that the scenarios on budgets share, and the calls that they set side by side.
//
//   r 1000 ── m ┬─ leafa 500     a's own reservation of 100 bytes, ha; with a minimum of 150 where the scenario wants minimums
//               ├─ leafb 500     b's, hb
//               └─ the main thread's hm, 100 bytes         m has room for exactly 100 bytes more
//   s 300 ───── the main thread's hs, 200 bytes            so it has room for exactly 100
//
// `x` is the thread's own name; each call takes what lies in its own leaf, and m, s or a leaf of the other is where they meet.

import {
  closeBudget,
  find,
  intern,
  leave,
  move,
  openBudget,
  pass,
  release,
  reserve,
  resize,
  setLimit,
  split,
} from "./budgeting.mjs";

export const ROOM = 100;
export const OWN = 100;
const LEAST = 150;

/** A budget by the name that it is left by; below `parent`, a name too, or a root. */
export function plant(t, name, parent, limits) {
  const budget = t.now(openBudget(t, parent && find(t, parent), name, limits));
  leave(t, name, budget);
  return budget;
}

/** A reservation of `owner`, left as `name`. */
export function hold(owner, name, budget, bytes) {
  const held = owner.now(reserve(owner, find(owner, budget), bytes));
  leave(owner, name, held);
  return held;
}

export function plantTree({ main, actors }, { least = 0 } = {}) {
  plant(main, "r", undefined, { limit: 1000 });
  plant(main, "m", "r");
  for (const actor of actors) {
    plant(main, `leaf${actor.name}`, "m", { limit: 500, min: least });
    if (actor.ownerId !== 0) hold(actor, `h${actor.name}`, `leaf${actor.name}`, OWN);
  }
  hold(main, "hm", "m", OWN);
  plant(main, "s", undefined, { limit: 300 });
  hold(main, "hs", "s", 200);
}

/** From here on m has room for exactly so much. */
export function bind({ main, machine, constants }, room = ROOM) {
  const m = find(main, "m");
  const limit = machine.budgets.view.long(m.at + constants.B_USED) + room;
  main.now(setLimit(main, m, limit));
  return limit;
}

/** No record is free: the next that is wanted needs another chunk. */
export function useAllRecords({ main, machine, constants }) {
  if (!find(main, "f")) plant(main, "f");
  const budget = find(main, "f");
  while (machine.u32[constants.H_RECORDS >>> 2] !== 0) main.now(reserve(main, budget, 0));
}

const own = (t, x) => find(t, `leaf${x}`);
const held = (t, x) => find(t, `h${x}`);
const others = (t, x) => find(t, x === "a" ? "leafb" : "leafa");

const limitOf = (t, stage) => stage.machine.budgets.view.long(find(t, "m").at + t.c.B_LIMIT);

export const CALLS = {
  reserve: { steps: (t, x) => reserve(t, own(t, x), ROOM) },
  // One byte more than there is room for.
  refused: { steps: (t, x) => reserve(t, own(t, x), ROOM + 1) },
  free: { steps: (t, x) => release(t, held(t, x)) },
  up: { steps: (t, x) => resize(t, held(t, x), OWN + ROOM) },
  down: { steps: (t, x) => resize(t, held(t, x), 40) },
  split: { steps: (t, x) => split(t, held(t, x), 30) },
  within: { steps: (t, x) => move(t, held(t, x), others(t, x)) },
  away: { steps: (t, x) => move(t, held(t, x), find(t, "s")) },
  pass: { steps: (t) => pass(t, find(t, "hm")) },
  share: { steps: (t, x) => pass(t, held(t, x), true) },
  lower: { steps: (t, x, stage) => setLimit(t, find(t, "m"), limitOf(t, stage) - 150) },
  raise: { steps: (t, x, stage) => setLimit(t, find(t, "m"), limitOf(t, stage) + 50) },
  open: {
    setup: (t, x, { main }) => main.now(intern(main, `new${x}`)),
    steps: (t, x) => openBudget(t, find(t, "m"), `new${x}`, { limit: 200, min: 60 }),
  },
  existing: { steps: (t, x) => openBudget(t, find(t, "m"), `leaf${x}`) },
  "close-empty": {
    setup: (t, x, stage) => plant(stage.main, `empty${x}`, "m", { min: 60 }),
    steps: (t, x) => closeBudget(t, find(t, `empty${x}`)),
  },
  close: { steps: (t, x) => closeBudget(t, own(t, x)) },
  check: { steps: (t) => t.check() },
  detach: { steps: (t) => t.detach() },
  grow: {
    setup: (t, x, stage) => useAllRecords(stage),
    steps: (t, x) => reserve(t, own(t, x), ROOM),
  },
};

/** Two calls side by side. */
export function pairOf(first, second, more = {}) {
  const [one, two] = [CALLS[first], CALLS[second]];
  return {
    setup(stage) {
      plantTree(stage, { least: more.least });
      one.setup?.(stage.a, "a", stage);
      two.setup?.(stage.b, "b", stage);
      bind(stage);
    },
    programs: { a: (t, stage) => one.steps(t, "a", stage), b: (t, stage) => two.steps(t, "b", stage) },
    ...more,
  };
}

export { LEAST };
