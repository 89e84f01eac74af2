// Ghosts: an owner died before the schedule begins, at each write of a call in turn, so that what its recoverers do beside each other is
// explored exhaustively from there, and the recoverers themselves may die. The host marks owners dead in any order: it is told late.

import { Violation } from "../thread.mjs";
import { OPERATIONS } from "./pairs.mjs";

const SMALL = 256;
const RUN = 9000;

/** What a ghost was doing: prepared calls, and the call that its death cuts. */
const CUT = {
  "a Block": { steps: (g) => g.blockAlloc(SMALL), before: (g) => g.blockAlloc(SMALL), writes: [3, 4, 5, 6, 7] },
  "a Block's run": { steps: (g) => g.blockAlloc(RUN), writes: [4, 9, 14, 16, 17, 18] },
  "a block": { steps: (g) => g.alloc(SMALL), before: (g) => g.alloc(SMALL), writes: [2, 3] },
  "a run": { steps: (g) => g.alloc(RUN), writes: [2, 12, 14, 15] },
};

const releasing = (name) => (t) => t.blockFree(t.look(name));
const adopting = (name) => (t) => t.move(t.look(name));

/** Leaves so few grains that whoever wants a block takes one of a slab that is there, even another's. */
export function crowd({ main, machine: { view }, constants: { H_COMMITTED, GRAIN_BYTES } }, spare = 4) {
  const free = view.grains - view.firstGrain - view.word(H_COMMITTED);
  main.now(main.alloc((free - spare) * GRAIN_BYTES));
}

/** Marks owners dead, all before any is recovered, as a host does that watches them; then recovers them. */
function* bury(t, ids) {
  for (const id of ids) yield* t.markDead(id);
  for (const id of ids) yield* t.recover(id);
}

export const burial = (order) => (t, stage) =>
  bury(
    t,
    order.map((i) => stage.ghosts[i]),
  );

const dying = (what, { steps, before, writes }) =>
  writes.map((write) => ({
    name: `ghosts/died taking ${what}, at write ${write}; two recover it`,
    owners: 5,
    bounds: { calm: 2, death: 0, second: 0 },
    setup: (stage) => stage.ghost(...[before && [before], [steps, write]].filter(Boolean)),
    programs: { a: burial([0]), b: burial([0]) },
  }));

/** x: the main thread's Block; a ghost died releasing it. */
const giving = (name, bytes, b) =>
  [2, 3, 4, 5, 6, 7].map((write) => ({
    name: `ghosts/died releasing ${name}, at write ${write}; recovered beside ${b.what}`,
    owners: 5,
    bounds: { calm: 2, death: 0, second: 0 },
    setup(stage) {
      stage.main.put("x", stage.main.now(stage.main.blockAlloc(bytes)));
      stage.ghost([releasing("x"), write]);
    },
    programs: { a: burial([0]), b: b.program },
  }));

const RELEASER = {
  what: "who releases it and takes another",
  *program(t) {
    yield* t.blockFree(t.look("x"));
    yield* t.blockAlloc(SMALL);
  },
};

const ADOPTER = {
  what: "who adopts it",
  *program(t) {
    yield* t.move(t.look("x"));
  },
};

/** Two died in one Block, at these writes; one thread recovers both, the other the second of them. */
const twice = (bytes, first, second, call = releasing) => ({
  name: `ghosts/two died in one Block of ${bytes} bytes, ${call.name} it at write ${first}, releasing it at write ${second}`,
  owners: 6,
  bounds: { calm: 2, death: 0, second: 0 },
  setup(stage) {
    stage.main.put("x", stage.main.now(stage.main.blockAlloc(bytes)));
    stage.ghost([call("x"), first]);
    stage.ghost([releasing("x"), second]);
  },
  programs: { a: burial([0, 1]), b: burial([1]) },
});

/** Closed by one who died before it looked for readers of the records; another has the block in its journal, and nobody knows of its death. */
function closedByTheDead(stage) {
  const { main } = stage;
  main.put("x", main.now(main.blockAlloc(SMALL)));
  stage.ghost([releasing("x"), 2]);
  main.now(main.blockFree(main.look("x")));
  stage.ghost([(g) => g.alloc(main.view.heapBytes, { scarce: true }), 1, "pages/openWhole"]);
}

/** Whoever has the lock may be closing the slab, to open it again. */
function requireStanding({ machine: { view, c }, ghosts }) {
  if (view.word(c.H_LOCK) !== 0 || view.isStillDead(ghosts[1])) return;
  const journal = view.word(view.slot(ghosts[0] & 0xff) + c.S_FREE_JOURNAL);
  if (view.recordAt(journal & ~c.J_MASK) === 0)
    throw new Violation(`the slab in which a release names ${journal} is gone`);
}

export default [
  ...Object.entries(CUT).flatMap(([what, cut]) => dying(what, cut)),
  ...giving("a Block", SMALL, RELEASER),
  ...giving("a run", RUN, ADOPTER),
  ...[
    [2, 2],
    [3, 2],
    [5, 2],
    [4, 3],
  ].map(([first, second]) => twice(SMALL, first, second)),
  twice(RUN, 2, 2),
  twice(RUN, 4, 2),
  twice(RUN, 2, 4),
  twice(SMALL, 5, 2, adopting),
  twice(SMALL, 4, 2, adopting),
  {
    // Both chose the same candidate, and one of them took it: whose the bit is cannot be told.
    name: "ghosts/two died taking one Block",
    owners: 6,
    bounds: { calm: 2, death: 0, second: 0 },
    setup(stage) {
      const { main } = stage;
      main.put("x", main.now(main.blockAlloc(SMALL)));
      // Hardly any room: so both look for a slab that is there.
      main.now(main.alloc(48 * 1024));
      const take = (g) => g.blockAlloc(SMALL);
      stage.ghost([take, 1, "S_ALLOC_JOURNAL"]);
      stage.ghost([take, 2, "S_ALLOC_JOURNAL"]);
    },
    programs: { a: burial([0, 1]), b: burial([1, 0]) },
  },
  ...[3, 6, 9, 12].map((write) => ({
    name: `ghosts/died in a recovery, at write ${write}; two recover both`,
    owners: 6,
    bounds: { calm: 2, death: 0, second: 0 },
    setup(stage) {
      const { main } = stage;
      main.put("x", main.now(main.blockAlloc(SMALL)));
      const first = stage.ghost([(g) => g.blockAlloc(SMALL)], [releasing("x"), 2]);
      stage.ghost([(g) => bury(g, [first]), write]);
    },
    programs: { a: burial([0, 1]), b: burial([1, 0]) },
  })),
  {
    // One died in a recovery with its mark in a record, and the block that the mark stands for is free: it is what is taken next.
    name: "ghosts/the mark of one who died in a recovery, on a free Block",
    owners: 5,
    mayBeFull: true,
    bounds: { calm: 2, death: 0, second: 0 },
    setup(stage) {
      const { view, u32, c } = stage.machine;
      const take = (g) => g.blockAlloc(SMALL);
      stage.ghost([take], [take, 1, "S_ALLOC_JOURNAL"]);
      crowd(stage);
      const record = view.recordAt(u32[(view.slot(stage.ghosts[0] & 0xff) + c.S_ALLOC_JOURNAL) >>> 2] & ~c.J_MASK);
      u32[record >>> 2] = stage.main.ownerId & 0xff;
      u32[(record >>> 2) + 1] = c.CLAIM_SETTLING << (c.CLAIM_STATE_SHIFT - 32);
    },
    programs: {
      a: burial([0]),
      *b(t) {
        yield* t.free(yield* t.blockAlloc(SMALL));
      },
    },
  },
  {
    // An exception left the lock with it, it went on, and then it died.
    name: "ghosts/died with a lock that an exception had left it",
    owners: 5,
    bounds: { calm: 2, death: 0, second: 0 },
    setup(stage) {
      const one = (g) => g.alloc(SMALL);
      stage.ghost([one], [(g) => g.alloc(RUN), 12], [one, 2]);
    },
    programs: { a: burial([0]), b: (t) => OPERATIONS["alloc-run"].steps(t, "b") },
  },
  {
    name: "ghosts/a Block slab was closed by one who died, and a release names it",
    owners: 6,
    bounds: { calm: 2, death: 0, second: 0 },
    setup: closedByTheDead,
    programs: { a: burial([1]), b: burial([0]) },
  },
  {
    // Whom nobody knows to be dead may be about to change a record there.
    name: "ghosts/a Block slab was closed by one who died, and it stands while a release names it",
    owners: 6,
    bounds: { calm: 2, death: 0, second: -1 },
    setup: closedByTheDead,
    programs: {
      *a(t, stage) {
        yield* bury(t, [stage.ghosts[1]]);
        requireStanding(stage);
      },
      *b(t) {
        yield* t.free(yield* t.blockAlloc(SMALL));
        yield* t.free(yield* t.alloc(RUN));
      },
    },
  },
];
