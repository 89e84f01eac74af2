// Budget deaths: a thread died in a call on budgets before the schedule begins, at one write after the other, and its death is known. One thread
// recovers it, another goes on with the tree, or finds the latch first; and who recovers may die too.

import { closeBudget, find, intern, leave, openBudget, pass, release, reserve, setLimit } from "../budgeting.mjs";
import { CALLS, OWN, ROOM, bind, hold, plant, plantTree, useAllRecords } from "../budgettree.mjs";

// Who recovers dies too, but not in each of them.
const calm = { isCalm: true, bounds: { calm: 1 } };
const mortal = { bounds: { calm: 1, exception: -1, death: 0, second: -1 } };

const bury = (...order) =>
  function* (t, stage) {
    for (const i of order) yield* t.recover(stage.ghosts[i]);
  };

/** Goes on with the tree: wants all the room there is, and gives it back. */
function* survive(t) {
  yield* release(t, yield* reserve(t, find(t, "leafb"), ROOM));
}

/** The tree, and a leaf with a reservation of the ghost's. */
function plantForGhost(stage, { least }) {
  plantTree(stage, { least });
  plant(stage.main, "leafg", "m", { limit: 500, min: least });
}

function* takeOwn(g) {
  leave(g, "hg", yield* reserve(g, find(g, "leafg"), OWN));
}

/** What the ghost did before it died in a call. */
const PREPARED = [takeOwn];

/**
 * A ghost that died in a call, at this write: `where` counts those in a function, or after a word of the header was set. From that call on m has
 * so much room; null: what it has.
 */
function die(stage, steps, [write, where], { prepared = PREPARED, room = ROOM } = {}) {
  const calls = prepared.map((own) => [own]);
  if (room !== null) calls.push([() => bindLast(stage, room)]);
  const id = stage.ghost(...calls, [(g) => steps(g, "g", stage), write, where]);
  stage.main.now(stage.main.markDead(id));
}

// eslint-disable-next-line require-yield
function* bindLast(stage, room) {
  bind(stage, room);
}

const HELD = "H_BUDGET_LOCK";
const CHARGED = "H_CHARGE";

/**
 * Writes at which a call of one charge is cut: the latch taken and nothing done; all written but the journal; and in what the journal says, where
 * two counters of one budget are as good as one.
 */
const cuts = (commit, ...charged) => [[1, HELD], [commit, HELD], ...charged.map((write) => [write, CHARGED])];

const CUT = {
  reserve: cuts(16, 1, 2, 3, 5, 8, 10),
  free: cuts(13, 1, 2, 3, 5, 9),
  up: cuts(11, 1, 2, 4, 7, 11),
  down: cuts(11, 1, 2, 4, 8),
  split: cuts(19, 1, 2, 3, 9, 10),
  within: cuts(20, 1, 2, 4, 6, 9, 11, 16),
  away: cuts(16, 1, 2, 4, 8, 12),
  pass: [
    [1, HELD],
    [3, HELD],
    [4, HELD],
  ],
  share: [
    [3, HELD],
    [4, HELD],
    [5, HELD],
  ],
  lower: [
    [1, HELD],
    [2, HELD],
  ],
  open: cuts(22, 1, 2, 4, 7, 9),
  "close-empty": cuts(17, 1, 2, 3, 5, 7),
  close: cuts(18, 1, 2, 4, 9, 10, 11, 14, 16),
};

// Calls that need no reservation: then it holds none when it dies, but for what the call takes.
const ALONE = ["reserve", "open", "lower", "close-empty"];

const between = ([write, where]) => `write ${write} ${where === HELD ? "under the latch" : "of the charge"}`;

const ghosts = Object.entries(CUT).flatMap(([name, writes], i) =>
  writes.map((cut, j) => ({
    name: `budget deaths/${name}, cut at ${between(cut)}`,
    owners: 5,
    ...(j === 2 ? mortal : calm),
    setup(stage) {
      plantForGhost(stage, { least: (i + j) & 1 ? 150 : 0 });
      CALLS[name].setup?.(stage.main, "g", stage);
      die(stage, CALLS[name].steps, cut, { prepared: ALONE.includes(name) ? [] : PREPARED });
    },
    programs: { a: bury(0), b: survive },
  })),
);

/** Who never made a claim dies at the latch. */
const newcomers = Object.entries({
  reserve: [(g) => reserve(g, find(g, "leafg"), 10), [1, HELD]],
  openBudget: [(g) => openBudget(g, find(g, "m"), "leafa"), [1, HELD]],
  setLimit: [(g) => setLimit(g, find(g, "leafg"), 77), [2, HELD]],
  intern: [(g) => intern(g, "another"), [2, HELD]],
  closeBudget: [(g) => closeBudget(g, find(g, "leafg")), [3, HELD]],
}).map(([name, [steps, cut]]) => ({
  name: `budget deaths/one that never made a claim, in ${name}`,
  owners: 5,
  ...mortal,
  setup(stage) {
    plantForGhost(stage, { least: 50 });
    die(stage, steps, cut, { prepared: [] });
  },
  programs: { a: bury(0), b: survive },
}));

const GROWTH = [2, 9, 14, 15, 80, 81, 82];

/** At these writes of the growth of a pool: before the run is the chunk's, before the pool names it, and before it is its own. */
const growing = GROWTH.map((write) => ({
  name: `budget deaths/a pool grows, cut at write ${write}`,
  owners: 5,
  ...mortal,
  setup(stage) {
    plantForGhost(stage, { least: 0 });
    useAllRecords(stage);
    die(stage, (g) => reserve(g, find(g, "leafg"), 10), [write, HELD], { prepared: [] });
  },
  programs: {
    a: bury(0),
    *b(t) {
      yield* t.free(yield* t.alloc(9000));
      yield* survive(t);
    },
  },
}));

export default [
  ...ghosts,
  ...newcomers,
  ...growing,
  ...[[1], [2], [3], [4], [1, CHARGED], [2, CHARGED], [12, CHARGED]].map((cut) => ({
    name: `budget deaths/detach with reservations, cut at write ${cut[0]}${cut[1] ? " of the charge" : ""}`,
    owners: 5,
    ...mortal,
    setup(stage) {
      plantForGhost(stage, { least: 0 });
      const second = (g) => reserve(g, find(g, "s"), 50);
      die(stage, (g) => g.detach(), cut, { prepared: [takeOwn, second], room: 0 });
    },
    programs: { a: bury(0), b: survive },
  })),
  {
    name: "budget deaths/with reservations, recovered beside who wants their room",
    owners: 5,
    bounds: { calm: 2, death: 1, second: -1 },
    setup(stage) {
      plantForGhost(stage, { least: 0 });
      die(stage, (g) => reserve(g, find(g, "s"), 60), [0], { room: 0 });
    },
    programs: {
      a: bury(0),
      *b(t) {
        yield* reserve(t, find(t, "leafb"), 100);
        yield* reserve(t, find(t, "s"), 100);
      },
    },
  },
  {
    name: "budget deaths/with reservations, recovered by two, beside who adopts one",
    owners: 6,
    isCalm: true,
    detached: ["undertaker"],
    bounds: { calm: 1 },
    setup(stage) {
      plantForGhost(stage, { least: 0 });
      die(stage, (g) => reserve(g, find(g, "s"), 60), [0], { room: 0 });
    },
    programs: { a: bury(0), b: bury(0), c: (t) => pass(t, find(t, "hg")) },
  },
  {
    name: "budget deaths/who took out what others gave back",
    owners: 5,
    isImpatient: true,
    ...mortal,
    setup(stage) {
      const { main, machine, constants } = stage;
      plantForGhost(stage, { least: 0 });
      hold(stage.a, "ha2", "leafa", 50);
      bind(stage, 0);
      // Given back while the latch was another's, who is gone.
      machine.u32[constants.H_BUDGET_LOCK >>> 2] = 1;
      machine.threads[0].exports.reservationFree(...handle(main, "ha"));
      machine.threads[0].exports.reservationFree(...handle(main, "ha2"));
      machine.u32[constants.H_BUDGET_LOCK >>> 2] = 0;
      for (const name of ["ha", "ha2"]) main.model.ledger.of(find(main, name)).freed = 2;
      die(stage, (g) => reserve(g, find(g, "leafg"), 10), [1, "leaving/giveBack"], { prepared: [], room: null });
    },
    programs: {
      a: bury(0),
      *b(t) {
        yield* reserve(t, find(t, "leafb"), 150);
      },
    },
  },
];

function handle(t, name) {
  const hold = find(t, name);
  return [t.model.ledger.of(hold).at, ...hold.claim];
}
