// Leaving: a thread gives a reservation back while another holds the latch of the budgets, and has no time to wait: it marks its claim, and
// whoever has the latch takes it out. And one reservation that two threads know by the same claim: of all that end what it holds, one is done.

import {
  closeBudget,
  find,
  isLive,
  leave,
  move,
  openBudget,
  pass,
  release,
  reserve,
  resize,
  split,
} from "../budgeting.mjs";
import { CALLS, LEAST, ROOM, bind, hold, pairOf, plant, plantTree } from "../budgettree.mjs";

const bounds = { calm: 2, death: 0, second: -1 };

/** Beside each call; the thread goes on and takes what it gave back. */
const beside = Object.keys(CALLS).map((name, i) => ({
  ...pairOf("free", name, { least: i & 1 ? LEAST : 0, bounds, isImpatient: true }),
  name: `leaving/free beside ${name}`,
}));

/** What two threads do to the main thread's reservation hm, each by the claim it had first. */
const SHARED = {
  free: (t) => release(t, find(t, "hm")),
  pass: (t) => pass(t, find(t, "hm")),
  share: (t) => pass(t, find(t, "hm"), true),
  up: (t) => resize(t, find(t, "hm"), 100 + ROOM),
  // More than there is room for, but for what another gives back.
  far: (t) => resize(t, find(t, "hm"), 101 + ROOM),
  down: (t) => resize(t, find(t, "hm"), 60),
  split: (t) => split(t, find(t, "hm"), 80),
  move: (t) => move(t, find(t, "hm"), find(t, "s")),
  // There is no room there, but for what another gives back.
  "move in vain": (t) => move(t, find(t, "hm"), find(t, "full")),
  live: (t) => isLive(t, find(t, "hm")),
};

const names = Object.keys(SHARED);

const shared = names.flatMap((first, i) =>
  names.slice(i).map((second) => ({
    name: `leaving/one reservation: ${first} and ${second}`,
    bounds,
    isImpatient: true,
    setup(stage) {
      plantTree(stage);
      plant(stage.main, "full", "m", { limit: 70 });
      // The region's: only such a claim do two threads hold.
      leave(stage.main, "hm", stage.main.now(pass(stage.main, find(stage.main, "hm"), true)));
      bind(stage);
    },
    programs: { a: SHARED[first], b: SHARED[second] },
  })),
);

/** b closes the budget in which a's reservation is, while that is given back, passed on, or changed. */
const closing = Object.entries({
  free: (t) => release(t, find(t, "ha")),
  pass: (t) => pass(t, find(t, "ha")),
  share: (t) => pass(t, find(t, "ha"), true),
  resize: (t) => resize(t, find(t, "ha"), 120),
  split: (t) => split(t, find(t, "ha"), 50),
  "move out": (t) => move(t, find(t, "ha"), find(t, "s")),
  "move in": (t) => move(t, find(t, "hm"), find(t, "leafa")),
  reserve: (t) => reserve(t, find(t, "leafa"), 10),
  open: (t) => openBudget(t, find(t, "leafa"), "s"),
  close: (t) => closeBudget(t, find(t, "leafa")),
}).map(([name, steps]) => ({
  name: `leaving/${name} in a budget that is closed`,
  bounds,
  isImpatient: true,
  setup(stage) {
    plantTree(stage);
    bind(stage);
  },
  programs: {
    a: steps,
    *b(t) {
      yield* closeBudget(t, find(t, "leafa"));
      yield* reserve(t, find(t, "leafb"), 200);
    },
  },
}));

export default [
  ...beside,
  ...shared,
  ...closing,
  {
    // What was given back is taken out by who needs the room, and never twice.
    name: "leaving/two give back, each wants what the other gave",
    isImpatient: true,
    bounds,
    setup(stage) {
      plantTree(stage);
      bind(stage, 0);
    },
    programs: {
      *a(t) {
        yield* release(t, find(t, "ha"));
        yield* reserve(t, find(t, "leafa"), 200);
      },
      *b(t) {
        yield* release(t, find(t, "hb"));
        yield* reserve(t, find(t, "leafb"), 200);
      },
    },
  },
  {
    name: "leaving/a budget is closed and opened again, and handles to the old one are used",
    isImpatient: true,
    bounds,
    setup(stage) {
      plantTree(stage);
      bind(stage);
    },
    programs: {
      *a(t) {
        const old = find(t, "leafa");
        yield* closeBudget(t, old);
        leave(t, "again", yield* openBudget(t, find(t, "m"), "leafa", { limit: 100 }));
        yield* reserve(t, find(t, "again"), 50);
      },
      *b(t) {
        yield* reserve(t, find(t, "leafa"), 60);
        yield* move(t, find(t, "hb"), find(t, "leafa"));
        yield* release(t, find(t, "ha"));
      },
    },
  },
  {
    name: "leaving/a thread leaves while another is at the latch",
    isImpatient: true,
    bounds,
    setup(stage) {
      plantTree(stage);
      hold(stage.a, "ha2", "s", 50);
      bind(stage, 0);
    },
    programs: {
      *a(t) {
        yield* t.detach();
      },
      *b(t) {
        yield* reserve(t, find(t, "leafb"), 100);
        yield* reserve(t, find(t, "s"), 100);
      },
    },
  },
  {
    name: "leaving/a root alone",
    isImpatient: true,
    bounds,
    setup({ main, a, b }) {
      plant(main, "only", undefined, { limit: 100 });
      hold(a, "ha", "only", 60);
      hold(b, "hb", "only", 40);
    },
    programs: {
      *a(t) {
        yield* release(t, find(t, "ha"));
        yield* reserve(t, find(t, "only"), 100);
      },
      *b(t) {
        yield* release(t, find(t, "hb"));
        yield* reserve(t, find(t, "only"), 61);
      },
    },
  },
];
