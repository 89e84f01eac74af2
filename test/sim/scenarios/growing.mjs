// Growing: a pool of budgets, reservations or names has no free element left, and takes a chunk of the heap, beside calls on the heap that look
// for room, merge, rebuild, or leave hardly any.

import { closeBudget, find, intern, openBudget, release, reserve, split, stats } from "../budgeting.mjs";
import { ROOM, bind, hold, plant, plantTree, useAllRecords } from "../budgettree.mjs";
import { OPERATIONS } from "./pairs.mjs";

const bounds = { calm: 2, death: 0, second: -1 };

const planted = (setup) => (stage) => {
  plantTree(stage);
  useAllRecords(stage);
  setup?.(stage);
  bind(stage);
};

/** No node is free: six names, and below each of these budgets six more. */
function useAllNodes({ main, machine, constants }) {
  const made = [];
  while (machine.u32[constants.H_NODES >>> 2] !== 0) {
    const parent = made[Math.floor(made.length / 6) - 1];
    made.push(main.now(openBudget(main, parent, `other ${made.length % 6}`)));
  }
}

const grow = (t) => reserve(t, find(t, `leaf${t.name}`), ROOM);

/** A reservation, which takes a chunk, beside one of the heap's operations. */
const BESIDE = ["alloc-slow", "alloc-run", "free-run", "free-last", "block-run", "realloc-grow", "check", "detach"];

const beside = BESIDE.map((name) => ({
  name: `growing/reservations beside ${name}`,
  bounds,
  setup: planted((stage) => OPERATIONS[name].setup?.(stage.b, "b", stage)),
  programs: { a: grow, b: (t) => OPERATIONS[name].steps(t, "b") },
}));

/** Runs are taken until only so many grains are free; they are r0 and r1. */
function fill({ main, machine, constants }, left) {
  const { GRAIN_BYTES } = constants;
  const half = Math.floor(machine.view.longestStretch / 2 / GRAIN_BYTES) * GRAIN_BYTES;
  main.put("r0", main.now(main.alloc(half)));
  const rest = machine.view.heapBytes - sum(machine) - left * GRAIN_BYTES;
  main.put("r1", main.now(main.alloc(rest)));
}

/** Bytes that something holds. */
function sum({ view }) {
  let held = 0;
  view.walk((grain, type, length) => (held += type === view.c.T_FREE ? 0 : length));
  return held * view.c.GRAIN_BYTES;
}

const full = (name, left, a, b, setup = undefined) => ({
  name: `growing/${name}`,
  mayBeFull: true,
  bounds,
  setup: planted((stage) => {
    setup?.(stage);
    fill(stage, left);
  }),
  programs: { a, b },
});

export default [
  ...beside,
  {
    name: "growing/names, and what anybody reads of a budget",
    bounds: { calm: 2, death: 1, second: 0 },
    setup(stage) {
      plantTree(stage);
      // A chunk has room for 15.
      for (let i = stage.main.model.ledger.numbers.size; i < 15; i++) stage.main.now(intern(stage.main, `name ${i}`));
    },
    programs: {
      *a(t) {
        yield* intern(t, "cache");
        yield* release(t, find(t, "ha"));
      },
      *b(t) {
        yield* stats(t, find(t, "m"));
        yield* intern(t, "cache");
        yield* intern(t, "m");
      },
    },
  },
  {
    name: "growing/budgets, two of one name",
    bounds,
    setup(stage) {
      const { main } = stage;
      plantTree(stage);
      main.now(intern(main, "new"));
      useAllNodes(stage);
    },
    programs: {
      a: (t) => openBudget(t, find(t, "m"), "new", { limit: 100, min: 10 }),
      *b(t) {
        const made = yield* openBudget(t, find(t, "m"), "new", { limit: 100, min: 10 });
        yield* reserve(t, made, 20);
        yield* closeBudget(t, made);
      },
    },
  },
  {
    name: "growing/reservations, by a split",
    bounds,
    setup: planted(),
    programs: {
      a: (t) => split(t, find(t, "ha"), 10),
      *b(t) {
        yield* release(t, find(t, "hb"));
        yield* grow(t);
      },
    },
  },
  full("hardly any room, and a run goes back", 1, grow, (t) => t.free(t.look("r0"))),
  full("the last room for a chunk, and a run wants it", 2, grow, function* (t) {
    yield* t.free(yield* t.alloc(2048 + 7000));
    yield* t.free(yield* t.alloc(1500, { align: 2048 }));
  }),
  full(
    "no room but an empty slab",
    0,
    grow,
    function* (t) {
      yield* t.free(t.look("x"));
      yield* t.alloc(256);
    },
    ({ main, b }) => main.put("x", b.now(b.alloc(640))),
  ),
  full(
    "no room but a slab of Blocks that another looks at",
    1,
    grow,
    function* (t) {
      yield* t.blockFree(t.look("x"));
      yield* t.blockFree(t.look("x"));
    },
    ({ main, b }) => main.put("x", b.now(b.blockAlloc(256))),
  ),
  {
    name: "growing/a small root, limits of items",
    bounds: { calm: 3, death: 0, second: -1 },
    setup({ main, a }) {
      plant(main, "few", undefined, { items: 3 });
      plant(main, "leaf", "few", { limit: 100, items: 2 });
      hold(a, "ha", "few", 5);
    },
    programs: {
      *a(t) {
        yield* split(t, find(t, "ha"), 1);
        yield* reserve(t, find(t, "leaf"), 101);
        yield* release(t, yield* reserve(t, find(t, "leaf"), 10));
      },
      *b(t) {
        const one = yield* reserve(t, find(t, "leaf"), 50);
        const two = yield* reserve(t, find(t, "leaf"), 50);
        yield* reserve(t, find(t, "leaf"), 0);
        yield* release(t, one);
        yield* release(t, two);
      },
    },
  },
];
