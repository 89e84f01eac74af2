// Waiting deaths: a thread died before the schedule begins, in the middle of a grant, of beginning or ending to wait, of a close or of a limit, or
// while it waited; and then another in taking the latch over from it. One recovers it, beside those that wait.

import { closeBudget, find, leave, release, reserve, resize, setLimit } from "../budgeting.mjs";
import { plant } from "../budgettree.mjs";
import { cancel, decided, reserveOrWait } from "../waitcalls.mjs";
import { plantFull, wait } from "../waittree.mjs";

const HELD = "H_BUDGET_LOCK";
const REBUILD = "waiting/rebuildQueues";

/** a recovers, and each waits for the decision. */
const both = {
  *a(t, stage) {
    for (const ghost of stage.ghosts) yield* t.recover(ghost);
    yield* decided(t, find(t, "wa"));
  },
  b: (t) => decided(t, find(t, "wb")),
};

/** A ghost that holds hg, 100 bytes of m; wa (60 bytes) and wb (40) wait for them, and with `third` its own wg too; then it dies in a call. */
function die(stage, steps, cut, { first = 60, second = 40, third = 0 } = {}) {
  const { main, a, b } = stage;
  plantFull(stage);
  plant(main, "leafg", "m");
  main.now(resize(main, find(main, "hm"), 0));
  function* prepare(g) {
    leave(g, "hg", yield* reserve(g, find(g, "leafg"), 100));
    wait(a, "wa", "leafa", first);
    wait(b, "wb", "leafb", second);
    if (third > 0) leave(g, "wg", yield* reserveOrWait(g, find(g, "leafg"), third));
  }
  const ghost = stage.ghost([prepare], ...(steps ? [[steps, ...cut]] : []));
  if (steps) main.now(main.markDead(ghost));
}

const scenario = (name, setup, programs = both, more = {}) => ({
  name: `waiting deaths/${name}`,
  owners: 6,
  isCalm: true,
  bounds: { calm: 2 },
  setup,
  programs,
  ...more,
});

const gives = (g) => release(g, find(g, "hg"));
const ends = (g) => cancel(g, find(g, "wg"));
const begins = (g) => reserveOrWait(g, find(g, "leafg"), 70);

/** What the ghost died in, and before which writes under the latch. */
const CUTS = [
  ["granting, before anybody is granted", gives, 22],
  ["granting, the claim still to come", gives, 33],
  ["granting, the granted one still in its queue", gives, 42],
  ["granting, the granted one not told", gives, 43],
  ["granting, only one of two granted", gives, 50],
  ["ending to wait, half out of the queue", ends, 2, { third: 10 }],
  ["ending to wait, the claim still there", ends, 9, { third: 10 }],
  ["ending to wait, the owner not told", ends, 12, { third: 10 }],
  ["beginning to wait, the claim still to come", begins, 21],
  ["beginning to wait, in no queue", begins, 24],
  ["beginning to wait, half in a queue", begins, 26],
  ["closing a budget in which one waits", (g) => closeBudget(g, find(g, "leafb")), 8],
  ["raising a limit", (g) => setLimit(g, find(g, "m"), 400), 2],
  ["lowering a limit that the first never fits", (g) => setLimit(g, find(g, "m"), 50), 2],
  ["leaving", (g) => g.detach(), 34],
];

const cuts = CUTS.map(([name, steps, write, more]) =>
  scenario(`${name}, at write ${write}`, (stage) => die(stage, steps, [write, HELD], more)),
);

/** Another takes the latch over from who died granting, and dies in that. */
const inherited = [3, 24, 28].map((write) =>
  scenario(`taking over from one that died granting, at write ${write}`, (stage) => {
    die(stage, gives, [42, HELD]);
    const id = stage.ghost([(g) => reserve(g, find(g, "s"), 10), write, REBUILD]);
    stage.main.now(stage.main.markDead(id));
  }),
);

export default [
  ...cuts,
  ...inherited,
  scenario(
    "lowering a limit that the second never fits, at write 2",
    (stage) => die(stage, (g) => setLimit(g, find(g, "m"), 250), [2, HELD], { first: 60, second: 260 }),
    both,
  ),
  scenario(
    "one that waits dies, beside a grant to it",
    (stage) => die(stage, undefined, [], { third: 30, first: 100, second: 100 }),
    {
      *a(t, stage) {
        yield* t.markDead(stage.ghosts[0]);
        yield* t.recover(stage.ghosts[0]);
        yield* decided(t, find(t, "wa"));
      },
      *b(t) {
        yield* setLimit(t, find(t, "m"), 550);
        yield* decided(t, find(t, "wb"));
      },
    },
  ),
];
