// Arena: raw blocks of budgets. Each two of the calls that take them, give them back, give back what is empty, and close their budgets, side by
// side; budgets whose hints lead to each other's slabs; and who died in such a call.

import { closeBudget, find, release, reserve } from "../budgeting.mjs";
import { bind, plant } from "../budgettree.mjs";
import { allocIn, reallocIn } from "../charging.mjs";
import { DEAD, Violation } from "../thread.mjs";

const SMALL = 256;
const GRAIN = 1024;
const RUN = 9000;

const take = (t, name, bytes, more) => allocIn(t, find(t, name), bytes, more);

/** A raw block of the budget of that name, left as `name`. */
function put(owner, name, budget, bytes = SMALL) {
  owner.put(name, owner.now(take(owner, budget, bytes)));
}

/**
 * r ── m ── leafa, leafb: in each leaf a slab with one block taken, xa and xb, and a run, ya and yb. m has room for exactly so much.
 */
function planted(stage, room = GRAIN) {
  const { main, actors } = stage;
  plant(main, "r", undefined, { limit: 200_000 });
  plant(main, "m", "r");
  for (const actor of actors) {
    plant(main, `leaf${actor.name}`, "m");
    if (actor.ownerId === 0) continue;
    put(actor, `x${actor.name}`, `leaf${actor.name}`);
    put(actor, `y${actor.name}`, `leaf${actor.name}`, RUN);
  }
  bind(stage, room);
}

const own = (x) => `leaf${x}`;
const others = (x) => (x === "a" ? "leafb" : "leafa");

const CALLS = {
  take: { steps: (t, x) => take(t, own(x), SMALL) },
  "take of the other's": { steps: (t, x) => take(t, others(x), SMALL, { zeroed: true }) },
  // A slab of another class: the budget must grow by a grain.
  grow: { steps: (t, x) => take(t, own(x), 512) },
  "take a run": { steps: (t, x) => take(t, own(x), GRAIN, { align: 2 * GRAIN }) },
  // More than there is room for, but for what is empty.
  "take two grains": { steps: (t, x) => take(t, own(x), 2 * GRAIN, { align: 2 * GRAIN }) },
  free: { steps: (t, x) => t.free(t.look(`x${x}`)) },
  "free a run": { steps: (t, x) => t.free(t.look(`y${x}`)) },
  move: { steps: (t, x) => reallocIn(t, find(t, own(x)), t.look(`x${x}`), 500) },
  reserve: { steps: (t, x) => reserve(t, find(t, own(x)), GRAIN) },
  "reserve two grains": { steps: (t, x) => reserve(t, find(t, own(x)), 2 * GRAIN) },
  close: { steps: (t, x) => closeBudget(t, find(t, own(x))) },
  "close the other's": { steps: (t, x) => closeBudget(t, find(t, others(x))) },
  trim: { steps: (t) => t.alloc(t.view.heapBytes, { scarce: true }) },
  check: { steps: (t) => t.check() },
};

const bounds = { calm: 2, death: 0, second: -1 };
const names = Object.keys(CALLS);

const sideBySide = (first, second, more = {}) => ({
  hasMemory: true,
  bounds,
  setup: (stage) => planted(stage),
  programs: { a: (t) => CALLS[first].steps(t, "a"), b: (t) => CALLS[second].steps(t, "b") },
  ...more,
});

const pairs = names.flatMap((first, i) =>
  names.slice(i).map((second) => ({ ...sideBySide(first, second), name: `arena/${first}+${second}` })),
);

const impatient = [
  "take",
  "grow",
  "take two grains",
  "reserve two grains",
  "close",
  "close the other's",
  "trim",
].flatMap((second) =>
  ["free", "free a run"].map((first) => ({
    ...sideBySide(first, second, { isImpatient: true }),
    name: `arena/nobody has time: ${first}+${second}`,
  })),
);

// Deaths.

const bury = (t, stage) => t.recover(stage.ghosts[0]);

/** Wants all the room there is, of the budget and of the heap. */
function* survive(t) {
  yield* t.free(yield* take(t, "leafb", 512));
  yield* t.free(t.look("xb"));
  yield* release(t, yield* reserve(t, find(t, "leafb"), GRAIN));
}

const HELD = "H_LOCK";
const LATCHED = "H_BUDGET_LOCK";
const CHARGED = "H_CHARGE";
const mortal = { bounds: { calm: 1, exception: -1, death: 0, second: -1 } };
const under = (where, ...writes) => writes.map((write) => [write, where]);

function* takeOwn(g) {
  g.put("xg", yield* take(g, "leafg", SMALL));
  g.put("yg", yield* take(g, "leafg", RUN));
}

const dying = (name, steps, writes, prepare = takeOwn) =>
  writes.map(([write, where], i) => ({
    name: `arena/died: ${name}, at write ${write}${where ? ` of ${where}` : ""}`,
    owners: 5,
    hasMemory: true,
    ...(i % 3 === 2 ? mortal : { isCalm: true, bounds: { calm: 1 } }),
    setup(stage) {
      planted(stage);
      plant(stage.main, "leafg", "m");
      bind(stage, 100_000);
      const calls = prepare ? [[prepare]] : [];
      calls.push([() => bound(stage)]);
      const id = stage.ghost(...calls, [steps, write, where]);
      stage.main.now(stage.main.markDead(id));
    },
    programs: { a: bury, b: survive },
  }));

// eslint-disable-next-line require-yield
function* bound(stage, room = GRAIN) {
  bind(stage, room);
}

const deaths = [
  ...dying("taking a block", (g) => take(g, "leafg", SMALL), under(undefined, 1, 2, 3)),
  ...dying("a new slab", (g) => take(g, "leafg", 512), [
    ...under(HELD, 1, 2),
    ...under(LATCHED, 1, 6, 12, 16, 18),
    ...under(CHARGED, 1, 2, 3, 5, 8, 9, 10, 11, 12),
  ]),
  ...dying("a new run", (g) => take(g, "leafg", GRAIN, { align: 2 * GRAIN }), [
    ...under(LATCHED, 1, 6, 12),
    ...under(CHARGED, 1, 2, 3, 5, 8, 9, 10),
  ]),
  ...dying("an empty slab is left", (g) => g.free(g.look("xg")), [...under(undefined, 1, 2, 3, 4, 5)]),
  ...dying("a run is freed", (g) => g.free(g.look("yg")), [
    ...under(undefined, 1, 2, 3, 4, 5, 6),
    ...under(LATCHED, 1, 4, 8),
    ...under(CHARGED, 1, 2, 3, 5, 8, 9),
  ]),
  ...dying("what is empty is given back", giveEmptyBack, [
    ...under(LATCHED, 1, 4, 8),
    ...under(CHARGED, 1, 2, 3, 5, 8, 9, 10, 11, 12),
  ]),
  ...dying("closing", (g) => closeBudget(g, find(g, "leafg")), [
    ...under(LATCHED, 1, 2, 3),
    ...under(HELD, 1, 2, 3, 4, 5),
    ...under(CHARGED, 1, 2, 3, 8, 9, 10, 11, 14, 20, 24),
  ]),
];

function* giveEmptyBack(g) {
  yield* g.free(g.look("xg"));
  yield* reserve(g, find(g, "leafg"), 2 * GRAIN);
}

/** Waits for room if there is none; who waits for what a slab is charged is granted when it is empty. */
function* wait(t, stage) {
  const { at, state } = find(t, "m");
  stage.record = yield { name: "reserveOrWait", args: [at, state, GRAIN, 0] };
}

function requireGranted({ machine: { view, c, running }, record }) {
  if (running.some(({ traps, status }) => traps > 0 || status === DEAD)) return;
  if (view.pair(record)[1] >>> (c.CLAIM_STATE_SHIFT - 32) === c.CLAIM_WAITING)
    throw new Violation("a reservation waits for bytes that are charged for an empty slab");
}

/** Two budgets, each of whose hints leads to what is by now the other's slab, or was. */
function crossed(stage, room = 100_000) {
  planted(stage, room);
  const { main, machine, constants: c } = stage;
  const { view } = machine;
  const current = (name) => (find(main, name).at + c.B_SLABS + 4 * view.classOf(SMALL)) >>> 2;
  const [one, two] = [current("leafa"), current("leafb")];
  [view.u32[one], view.u32[two]] = [view.u32[two], view.u32[one]];
}

export default [
  ...pairs,
  ...impatient,
  ...deaths,
  ...[
    ["take", (t) => take(t, "leafa", SMALL)],
    ["free", (t) => t.free(t.look("xa"))],
    ["close", (t) => closeBudget(t, find(t, "leafa"))],
    ["trim", (t) => t.alloc(t.view.heapBytes, { scarce: true })],
  ].map(([name, first]) => ({
    name: `arena/hints lead to another's slab, beside ${name}`,
    hasMemory: true,
    bounds: { calm: 2, death: 1, second: -1 },
    setup: crossed,
    programs: { a: first, b: (t) => take(t, "leafb", SMALL) },
  })),
  {
    // The budget works on no slab of the class and has room for no other: one looks for what a hint names, the other under the lock.
    name: "arena/a hint leads both to one slab",
    hasMemory: true,
    bounds: { calm: 2, death: 0, second: -1 },
    setup(stage) {
      planted(stage, 0);
      const { machine, main, constants: c } = stage;
      const { at } = find(main, "leafa");
      const number = machine.view.classOf(SMALL);
      machine.u32[(at + c.B_SLABS + 4 * number) >>> 2] = 0;
      machine.u32[(at + c.B_ROOMY) >>> 2] |= 1 << number;
    },
    programs: { a: (t) => take(t, "leafa", SMALL), b: (t) => take(t, "leafa", SMALL) },
  },
  {
    name: "arena/a bit that was taken in another's slab goes back, and leaves that empty",
    hasMemory: true,
    bounds: { calm: 2, death: 0, second: -1 },
    setup: (stage) => crossed(stage, 0),
    programs: {
      a: (t) => t.free(t.look("xa")),
      *b(t) {
        yield* take(t, "leafb", SMALL);
        yield* reserve(t, find(t, "m"), GRAIN);
      },
    },
  },
  {
    // Who closes cannot wait for ever for one who has taken a bit by mistake and will put it back: so the slab stays.
    name: "arena/a bit goes back into a slab whose budget is being closed, and that somebody wants to give back",
    hasMemory: true,
    isImpatient: true,
    bounds: { calm: 2, death: 0, second: -1 },
    setup: crossed,
    programs: {
      a: (t) => take(t, "leafa", SMALL),
      *b(t) {
        yield* closeBudget(t, find(t, "leafb"));
        yield* t.alloc(t.view.heapBytes, { scarce: true });
      },
    },
  },
  ...under(undefined, 1, 2, 3, 4, 5).map(([write]) => ({
    name: `arena/who left a slab empty died at write ${write}, and its bytes are wanted`,
    hasMemory: true,
    owners: 5,
    bounds: { calm: 1, death: 0, second: -1 },
    setup(stage) {
      planted(stage, 100_000);
      plant(stage.main, "leafg", "m");
      const id = stage.ghost([takeOwn], [() => bound(stage, 0)], [(g) => g.free(g.look("xg")), write]);
      stage.main.now(stage.main.markDead(id));
    },
    programs: {
      *a(t, stage) {
        yield* bury(t, stage);
        yield* reserve(t, find(t, "m"), GRAIN);
      },
      b: (t) => t.check(),
    },
  })),
  ...["xb", "yb"].map((name) => ({
    name: `arena/one waits for what another frees, ${name === "xb" ? "a slab's last block" : "a run"}`,
    hasMemory: true,
    isCalm: true,
    bounds: { calm: 3 },
    setup: (stage) => planted(stage, 0),
    programs: { a: wait, b: (t) => t.free(t.look(name)) },
    finish: requireGranted,
  })),
  // Who frees finds the latch held, and does not wait for it: whoever lets it go sees to what is charged still.
  ...["xb", "yb"].map((name) => ({
    name: `arena/nobody has time: one waits for what another frees, ${name === "xb" ? "a slab's last block" : "a run"}`,
    hasMemory: true,
    isImpatient: true,
    bounds: { calm: 2, death: 0, second: -1 },
    setup: (stage) => planted(stage, 0),
    programs: {
      a: wait,
      *b(t) {
        yield* t.free(t.look(name));
      },
      *c(t) {
        yield* reserve(t, find(t, "m"), 0);
      },
    },
    finish(stage) {
      // Where the one that waits was refused for the latch there is nobody to be granted anything.
      if (stage.record !== 0) requireGranted(stage);
    },
  })),
];
