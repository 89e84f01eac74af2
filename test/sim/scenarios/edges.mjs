// Edges: set-ups that lead into branches which small programs do not come to: an owner with too many idle slabs, with a stack of slabs, a
// request for the last aligned place, threads that sleep for the lock in every kind of call.

const SMALL = 256;
const PER_SLAB = 4;
const RUN = 9000;

/** Takes `count` blocks; they are named x0, x1, … */
function take(stage, who, count, bytes = SMALL) {
  const actor = stage[who];
  return Array.from({ length: count }, (_, i) => {
    const block = actor.now(actor.alloc(bytes));
    stage.main.put(`x${i}`, block);
    return block;
  });
}

const giveBack = (actor, blocks) => blocks.forEach((block) => actor.now(actor.free(block)));

/** Gives back what lies around the runs of these lengths (in grains), so that each is free by itself; all else is taken. */
function leaveFree(stage, lengths) {
  const { main } = stage;
  const { GRAIN_BYTES } = stage.constants;
  const gaps = [];
  for (const length of lengths) {
    gaps.push(main.now(main.alloc(length * GRAIN_BYTES)));
    main.now(main.alloc(9 * GRAIN_BYTES));
  }
  main.now(main.alloc(main.view.heapBytes, { scarce: true }));
  return gaps;
}

export default [
  {
    name: "edges/an owner leaves more slabs idle than it may",
    bounds: { calm: 2, death: 0, second: -1 },
    setup(stage) {
      const blocks = take(stage, "a", 4 * PER_SLAB);
      // Of each slab but the last, which is current, one block is left.
      giveBack(
        stage.a,
        blocks.filter((_, i) => i % PER_SLAB !== 0 && i < 3 * PER_SLAB),
      );
    },
    programs: {
      *a(t) {
        for (const i of [0, 4, 8]) yield* t.free(t.look(`x${i}`));
      },
      *b(t) {
        yield* t.free(yield* t.alloc(SMALL));
        yield* t.free(yield* t.alloc(RUN));
      },
    },
  },
  {
    name: "edges/the own stack of slabs",
    setup(stage) {
      const blocks = take(stage, "a", 3 * PER_SLAB);
      giveBack(stage.a, [blocks[1], blocks[5], blocks[6]]);
    },
    programs: {
      *a(t) {
        yield* t.alloc(SMALL, { zeroed: true });
        yield* t.alloc(SMALL);
        yield* t.alloc(SMALL);
      },
      *b(t) {
        yield* t.alloc(SMALL);
        yield* t.alloc(SMALL);
      },
    },
  },
  {
    name: "edges/a stack whose slabs another has filled or given back",
    bounds: { calm: 2 },
    setup(stage) {
      const { a, main } = stage;
      const blocks = take(stage, "a", 5 * PER_SLAB);
      giveBack(a, [blocks[1], blocks[5], blocks[9]]);
      giveBack(main, [blocks[4], blocks[6], blocks[7]]);
      giveBack(main, [blocks[8], blocks[10], blocks[11]]);
      main.now(main.alloc(main.view.heapBytes, { scarce: true }));
      main.put("y", blocks[0]);
    },
    programs: {
      *a(t) {
        yield* t.alloc(SMALL);
        yield* t.alloc(SMALL);
      },
      *b(t) {
        yield* t.alloc(SMALL);
        yield* t.free(t.look("y"));
      },
    },
  },
  {
    name: "edges/zeroed blocks of every shape",
    bounds: { calm: 1, death: 0, second: -1 },
    setup(stage) {
      for (const bytes of [16, 32, 64, 104, 128, 200]) giveBack(stage.a, [stage.a.now(stage.a.alloc(bytes))]);
    },
    programs: {
      *a(t) {
        for (const bytes of [16, 32, 64, 104, 128, 200]) yield* t.free(yield* t.alloc(bytes, { zeroed: true }));
      },
      *b(t) {
        yield* t.free(yield* t.alloc(64, { zeroed: true }));
      },
    },
  },
  {
    name: "edges/aligned blocks from a class",
    bounds: { calm: 2, death: 0, second: -1 },
    programs: {
      *a(t) {
        yield* t.free(yield* t.alloc(40, { align: 32 }));
        yield* t.free(yield* t.alloc(600, { align: 512 }));
      },
      *b(t) {
        yield* t.free(yield* t.alloc(64, { align: 64 }));
      },
    },
  },
  {
    name: "edges/the last aligned place",
    mayBeFull: true,
    bounds: { calm: 2, death: 0, second: -1 },
    setup(stage) {
      for (const gap of leaveFree(stage, [9, 11, 9, 10])) stage.main.now(stage.main.free(gap));
    },
    programs: {
      *a(t) {
        yield* t.free(yield* t.alloc(8193, { align: 2048 }));
        yield* t.free(yield* t.alloc(8193, { align: 4096 }));
      },
      *b(t) {
        yield* t.free(yield* t.alloc(10_000));
        yield* t.alloc(8193, { align: 2048 });
      },
    },
  },
  {
    name: "edges/a run where a shorter one comes first in the list",
    bounds: { calm: 1, death: 0, second: -1 },
    pages: 4,
    mayBeFull: true,
    setup(stage) {
      // 64 and 65 share a bin; what is freed last comes first in it.
      for (const gap of leaveFree(stage, [65, 64, 9])) stage.main.now(stage.main.free(gap));
    },
    programs: {
      *a(t) {
        yield* t.alloc(65 * 1024);
        yield* t.alloc(65 * 1024);
      },
      *b(t) {
        yield* t.alloc(64 * 1024);
        yield* t.alloc(SMALL);
      },
    },
  },
  {
    name: "edges/a slab of several grains is given back, and larger requests than there ever was room for",
    mayBeFull: true,
    bounds: { calm: 2, death: 0, second: -1 },
    setup: (stage) => take(stage, "a", 1, 640),
    programs: {
      *a(t, stage) {
        yield* t.free(t.look("x0"));
        yield* t.tooLarge(stage.machine.view.heapBytes + 1);
        yield* t.free(yield* t.alloc(stage.machine.view.heapBytes - 4096));
      },
      *b(t) {
        yield* t.free(yield* t.alloc(640));
      },
    },
  },
  {
    name: "edges/a run for one block, the rest of which is zeroed",
    mayBeFull: true,
    setup(stage) {
      const { main } = stage;
      main.now(main.alloc(main.view.heapBytes - 1024));
    },
    programs: {
      *a(t) {
        yield* t.free(yield* t.alloc(640, { zeroed: true }));
      },
      *b(t) {
        yield* t.free(yield* t.alloc(640));
      },
    },
  },
  {
    name: "edges/Blocks whose records fill half a slab",
    bounds: { calm: 2, death: 0, second: -1 },
    programs: {
      *a(t) {
        yield* t.free(yield* t.blockAlloc(16));
      },
      *b(t) {
        yield* t.free(yield* t.blockAlloc(24));
      },
    },
  },
  {
    name: "edges/an exception, and then the thread leaves",
    isExceptional: true,
    bounds: { calm: 1, death: 0, second: -1 },
    setup(stage) {
      for (let i = 0; i < PER_SLAB; i++) stage.a.now(stage.a.alloc(SMALL));
    },
    programs: {
      *a(t) {
        yield* t.alloc(SMALL);
        yield* t.free(yield* t.alloc(RUN));
        yield* t.detach();
      },
      *b(t) {
        yield* t.free(yield* t.alloc(RUN));
      },
    },
  },
  {
    name: "edges/a small realloc beside a free of the same block",
    setup: (stage) => take(stage, "main", 2),
    programs: {
      *a(t) {
        yield* t.reallocRacing(t.look("x1"), 400);
      },
      *b(t) {
        yield* t.freeRacing(t.look("x1"));
        yield* t.alloc(400);
      },
    },
  },
  {
    name: "edges/a run shrinks while another frees it",
    setup: (stage) => take(stage, "main", 2, 12_000),
    programs: {
      *a(t) {
        yield* t.reallocRacing(t.look("x1"), 9000);
      },
      *b(t) {
        yield* t.freeRacing(t.look("x1"));
        yield* t.alloc(11_000);
      },
    },
  },
  {
    name: "edges/a run grows to the last grain while another frees it",
    setup(stage) {
      const blocks = take(stage, "main", 2, 9000);
      stage.main.put("x1", blocks[1]);
      stage.main.now(stage.main.free(blocks[0]));
    },
    programs: {
      *a(t) {
        yield* t.reallocRacing(t.look("x1"), 17_000);
      },
      *b(t) {
        yield* t.freeRacing(t.look("x1"));
      },
    },
  },
  {
    name: "edges/an empty slab on the own stack",
    bounds: { calm: 2, death: 0, second: -1 },
    setup(stage) {
      const blocks = take(stage, "a", 2 * PER_SLAB);
      giveBack(stage.a, [blocks[1]]);
      giveBack(stage.main, [blocks[0], blocks[2], blocks[3]]);
    },
    programs: {
      *a(t) {
        yield* t.alloc(SMALL);
      },
      *b(t) {
        yield* t.alloc(SMALL);
      },
    },
  },
  {
    name: "edges/the unit that a dead owner had marked is trimmed",
    mayBeFull: true,
    owners: 5,
    bounds: { calm: 2, death: 0, second: -1 },
    setup(stage) {
      // An empty slab that is nobody's current one: it has a hint, which a trim clears.
      giveBack(stage.main, take(stage, "main", PER_SLAB + 1).slice(0, PER_SLAB));
      stage.ghost([(g) => g.alloc(stage.machine.view.heapBytes, { scarce: true }), 1, "S_MARK"]);
    },
    programs: {
      *a(t, stage) {
        yield* t.markDead(stage.ghosts[0]);
        yield* t.alloc(t.view.heapBytes);
      },
      *b(t, stage) {
        yield* t.recover(stage.ghosts[0], true);
      },
    },
  },
  {
    name: "edges/an exception while everything is trimmed",
    isExceptional: true,
    mayBeFull: true,
    bounds: { calm: 1, death: 0, second: -1 },
    setup(stage) {
      const blocks = take(stage, "main", PER_SLAB + 1);
      giveBack(stage.main, blocks.slice(0, PER_SLAB));
      stage.main.put("y", stage.a.now(stage.a.alloc(RUN)));
    },
    programs: {
      *a(t) {
        yield* t.alloc(t.view.heapBytes - 1024);
        yield* t.free(t.look("y"));
        yield* t.alloc(t.view.heapBytes - 1024);
        yield* t.check();
      },
      *b(t) {
        yield* t.alloc(SMALL);
      },
    },
  },
  {
    name: "edges/an exception while hints are cleared, and then idle slabs go back",
    isExceptional: true,
    bounds: { calm: 1, death: 0, second: -1 },
    setup(stage) {
      const blocks = take(stage, "a", 4 * PER_SLAB);
      giveBack(
        stage.a,
        blocks.filter((_, i) => i % PER_SLAB !== 0 && i < 3 * PER_SLAB),
      );
      // The hint of a class whose one slab is full again.
      const [y, ...rest] = Array.from({ length: 3 }, () => stage.a.now(stage.a.alloc(320)));
      giveBack(stage.main, [y]);
      stage.main.now(stage.main.alloc(320));
      stage.main.put("rest", rest[0]);
    },
    programs: {
      *a(t) {
        yield* t.alloc(320);
        for (const i of [0, 4, 8]) yield* t.free(t.look(`x${i}`));
      },
      *b(t) {
        yield* t.free(t.look("rest"));
      },
    },
  },
  {
    name: "edges/what only reads",
    bounds: { calm: 1, death: 0, second: -1 },
    setup: (stage) => stage.main.put("x", stage.a.now(stage.a.blockAlloc(SMALL))),
    programs: {
      *a(t) {
        yield* t.free(t.look("x"));
      },
      *b(t) {
        yield* t.isLive(t.look("x"));
        yield* t.call("reason");
        yield* t.call("buildId");
        yield* t.call("markDead", t.ownerId);
      },
    },
  },
  // Nothing keeps the slab in which these look at a record: it goes meanwhile, and what comes there is zeroed.
  ...[
    ["one leaves, and a slab that it looks through", (t) => t.detach()],
    ["one asks after a Block, and the slab", (t) => t.isLive(t.look("x"))],
  ].map(([what, a]) => ({
    name: `edges/${what} is given back and zeroed`,
    mayBeFull: true,
    bounds: { calm: 3, death: 0, second: -1 },
    setup(stage) {
      stage.main.put("x", stage.b.now(stage.b.blockAlloc(SMALL)));
      stage.main.now(stage.main.alloc(stage.machine.view.heapBytes - stage.constants.GRAIN_BYTES));
    },
    programs: {
      a,
      *b(t) {
        yield* t.free(t.look("x"));
        yield* t.alloc(1024, { zeroed: true });
      },
    },
  })),
];
