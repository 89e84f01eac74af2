// Moving: Blocks change hands while others release them, take them too, or die. A record has one word, so one of all wins.

const SMALL = 256;
const RUN = 9000;

/** x: a Block that `who` holds. */
const held = (who, bytes) => (stage) => stage.main.put("x", stage[who].now(stage[who].blockAlloc(bytes)));

const adopting = function* (t) {
  yield* t.move(t.look("x"));
};

const sharing = function* (t) {
  yield* t.move(t.look("x"), true);
};

const releasing = function* (t) {
  yield* t.free(t.look("x"));
};

/** Of each, one with a block of a slab and one with a run. */
const both = (name, who, programs) =>
  [
    ["Block", SMALL],
    ["run", RUN],
  ].map(([what, bytes]) => ({ name: `moving/${name}, a ${what}`, setup: held(who, bytes), programs }));

export default [
  ...both("adopted while its holder releases it", "a", { a: releasing, b: adopting }),
  ...both("adopted by two at once", "main", { a: adopting, b: adopting }),
  ...both("shared while another adopts it", "a", { a: sharing, b: adopting }),
  ...both("adopted from one who works on, or dies, and released", "a", {
    *a(t) {
      yield* t.free(yield* t.alloc(RUN));
    },
    *b(t) {
      yield* t.move(t.look("x"));
      yield* t.free(t.look("x"));
    },
  }),
  ...both("adopted from one who leaves", "a", {
    *a(t) {
      yield* t.detach();
    },
    b: adopting,
  }),
  ...both("shared by one who leaves, or dies, then", "a", {
    *a(t) {
      yield* t.move(t.look("x"), true);
      yield* t.free(yield* t.alloc(RUN));
      yield* t.detach();
    },
    *b(t) {
      yield* t.free(yield* t.blockAlloc(SMALL));
    },
  }),
  {
    name: "moving/an adopter whose handle is stale, and the slab is given back",
    mayBeFull: true,
    setup(stage) {
      held("a", SMALL)(stage);
      // No other room: what is taken next lies where the slab lay.
      const { view } = stage.machine;
      stage.main.now(stage.main.alloc(view.heapBytes - stage.constants.GRAIN_BYTES));
    },
    programs: {
      *a(t) {
        yield* t.free(t.look("x"));
        yield* t.alloc(1024, { zeroed: true });
      },
      b: adopting,
    },
  },
  {
    name: "moving/an adopter whose handle is stale, and the run is a slab by now",
    mayBeFull: true,
    bounds: { calm: 2 },
    setup(stage) {
      held("a", RUN)(stage);
      // No other room: what is taken next lies where the run lay.
      const bytes = stage.machine.view.heapBytes - 9 * stage.constants.GRAIN_BYTES;
      stage.main.now(stage.main.alloc(bytes));
    },
    programs: {
      *a(t) {
        yield* t.free(t.look("x"));
        yield* t.alloc(SMALL, { zeroed: true });
        yield* t.blockAlloc(SMALL);
      },
      b: adopting,
    },
  },
  {
    name: "moving/handed to a third while the adopter releases",
    setup: held("main", SMALL),
    bounds: { calm: 2, death: 0, second: 0 },
    programs: {
      *a(t) {
        yield* t.move(t.look("x"));
        t.put("y", t.look("x"));
        yield* t.free(t.look("x"));
      },
      *b(t) {
        yield* t.move(t.get("y"));
      },
    },
  },
  {
    // A Block is resized by taking another and giving the old one back.
    name: "moving/a Block resized beside another that releases it",
    setup: held("a", SMALL),
    programs: {
      *a(t) {
        const larger = yield* t.blockAlloc(400);
        yield* t.free(t.look("x"));
        yield* t.move(larger, true);
      },
      b: releasing,
    },
  },
  {
    name: "moving/a Block resized from a slab to a run and back",
    bounds: { calm: 2, death: 0, second: 0 },
    setup: held("a", SMALL),
    programs: {
      *a(t) {
        const larger = yield* t.blockAlloc(RUN);
        yield* t.free(t.look("x"));
        const smaller = yield* t.blockAlloc(SMALL);
        yield* t.free(larger);
        yield* t.free(smaller);
      },
      *b(t) {
        yield* t.free(yield* t.blockAlloc(SMALL));
      },
    },
  },
];
