// Beside: an owner died in the middle of a call before the schedule begins, and the living work at that very place, before and while it is
// recovered. There is so little room that whoever wants a block takes the one that the dead one's journal names.

import { burial, crowd } from "./ghosts.mjs";

const SMALL = 256;
const RUN = 9000;
const PER_SLAB = 4;
const BOUNDS = { calm: 3, death: 1, second: 0 };
const BOUNDS_OF_PAGES = { calm: 3, death: 1, second: -1 };

const taking = (t) => t.blockAlloc(SMALL);
const adopting = (t) => t.move(t.look("x"));
const sharing = (t) => t.move(t.look("x"), true);
const giving = (t) => t.free(t.look("x"));

/** Takes, gives back and takes again: each time what is free first, and that is the dead one's place if it is free. */
function* churn(t, take = taking) {
  yield* t.free(yield* take(t));
  yield* take(t);
}

/** The main thread takes so many blocks; x is the first, with it the slab's first. */
function takeFirst({ main }, count, take) {
  main.put("x", main.now(take(main)));
  for (let i = 1; i < count; i++) main.now(take(main));
}

const scenario = (name, setup, programs, more = {}) => ({
  name: `beside/${name}`,
  owners: 5,
  bounds: BOUNDS,
  setup,
  programs,
  ...more,
});

// The instance of the undertaker was the dead one's.
const OF_THREE = { detached: ["undertaker"], buriesItself: true, bounds: { calm: 2, death: 0, second: -1 } };

/** The place was free when somebody chose it, and died. */
const diedTaking = (write) => (stage) => {
  takeFirst(stage, 2, taking);
  stage.main.now(giving(stage.main));
  crowd(stage);
  stage.ghost([taking, write, "S_ALLOC_JOURNAL"]);
};

const takes = (write, where) =>
  scenario(
    `died taking a Block, before its ${where}; another takes it, releases it and takes it again`,
    diedTaking(write),
    { a: burial([0]), b: (t) => churn(t) },
    // What a swap of the mark in two would do takes this death and two preemptions: that bound is to be reached in a quick run too.
    { share: 5 },
  );

/** Its record is empty, and the dead one's journal says that it won. */
const diedReleasing = (write) => (stage) => {
  takeFirst(stage, 2, taking);
  crowd(stage);
  stage.ghost([giving, write]);
};

const releases = (write, where) => [
  scenario(
    `died releasing a Block, before its ${where}; another takes it, releases it and takes it again`,
    diedReleasing(write),
    { a: burial([0]), b: (t) => churn(t) },
  ),
  scenario(
    `died releasing a Block, before its ${where}; two take and release there, then one recovers`,
    diedReleasing(write),
    {
      *a(t, stage) {
        yield* t.free(yield* taking(t));
        yield* burial([0])(t, stage);
      },
      b: (t) => churn(t),
    },
  ),
  scenario(
    `died releasing a Block, before its ${where}; two take and release there beside a third that recovers`,
    diedReleasing(write),
    { a: burial([0]), b: (t) => churn(t), c: (t) => churn(t) },
    OF_THREE,
  ),
];

/** x is the main thread's, and somebody died making it another's. Before the swap it does not matter whose. */
const diedMoving = (what, bytes, bounds) =>
  [
    ["adopting", adopting, 1, "before"],
    ["adopting", adopting, 2, "after"],
    ["sharing", sharing, 2, "after"],
  ].flatMap(([doing, move, write, where]) => {
    const setup = (stage) => {
      takeFirst(stage, 2, (t) => t.blockAlloc(bytes));
      crowd(stage);
      stage.ghost([move, write, "S_FREE_JOURNAL"]);
    };
    const name = `died ${doing} a ${what}, ${where} the swap; another`;
    const more = { bounds, mayBeFull: true };
    const releaser = function* (t) {
      yield* giving(t);
      yield* t.free(yield* t.blockAlloc(bytes));
    };
    const adopter = function* (t) {
      yield* adopting(t);
      yield* giving(t);
    };
    return [
      scenario(`${name} releases it and takes another`, setup, { a: burial([0]), b: releaser }, more),
      scenario(`${name} adopts it and releases it`, setup, { a: burial([0]), b: adopter }, more),
    ];
  });

/** x was a dead one's, and who recovers it gives it back. */
const diedHolding = (what, bytes, bounds) =>
  scenario(
    `died holding a ${what}; another adopts it and releases it`,
    (stage) => {
      stage.ghost([
        function* (t) {
          t.put("x", yield* t.blockAlloc(bytes));
        },
      ]);
    },
    {
      a: burial([0]),
      *b(t) {
        yield* adopting(t);
        yield* giving(t);
      },
    },
    { bounds },
  );

/** x is a raw block, and somebody died freeing it: whether that was done, counting decides. */
const diedFreeing = (what, write, { bytes = SMALL, count = 2, spare, bounds = BOUNDS, ...more }) =>
  scenario(
    `died freeing ${what}, at write ${write}; another takes the place and frees it`,
    (stage) => {
      takeFirst(stage, count, (t) => t.alloc(bytes));
      crowd(stage, spare);
      stage.ghost([giving, write, "S_FREE_JOURNAL"]);
    },
    {
      *a(t, stage) {
        yield* burial([0])(t, stage);
        yield* t.check();
      },
      *b(t) {
        yield* t.freeRacing(t.look("x"));
        yield* churn(t, more.take ?? ((who) => who.alloc(bytes)));
      },
    },
    { mayBeFull: true, bounds },
  );

export default [
  takes(1, "bit"),
  takes(2, "record"),
  takes(3, "count"),
  scenario(
    "died taking a Block, before its bit; two recover it beside a third that takes it and releases it",
    diedTaking(1),
    { a: burial([0]), b: burial([0]), c: (t) => churn(t) },
    OF_THREE,
  ),
  ...releases(5, "bit"),
  ...releases(6, "count"),
  ...diedMoving("Block", SMALL, BOUNDS),
  ...diedMoving("run", RUN, BOUNDS_OF_PAGES),
  diedHolding("Block", SMALL, BOUNDS),
  diedHolding("run", RUN, BOUNDS_OF_PAGES),
  ...[1, 2].map((write) => diedFreeing("a block", write, {})),
  // Nothing but its journal leads to what it freed: its hint was still to come.
  diedFreeing("a block of a full slab", 2, { count: PER_SLAB, spare: 0 }),
  ...[2, 4].map((write) =>
    diedFreeing("the last block of a slab, and Blocks come there", write, {
      count: 1,
      spare: 0,
      take: taking,
      bounds: BOUNDS_OF_PAGES,
    }),
  ),
  ...[1, 2, 3].map((write) => diedFreeing("a run", write, { bytes: RUN, spare: 0, bounds: BOUNDS_OF_PAGES })),
];
