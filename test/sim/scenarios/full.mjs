// Full: a region with hardly any room. "Full" may be said only where nothing fitted at some instant of the call, and what is given
// back or left empty must be found by whoever needs it.

/** Takes runs until only `left` grains are free; they are named r0, r1, … */
function fill(stage, left) {
  const { main } = stage;
  const { GRAIN_BYTES } = stage.constants;
  const bytes = stage.machine.view.heapBytes - left * GRAIN_BYTES;
  const half = Math.floor(bytes / 2 / GRAIN_BYTES) * GRAIN_BYTES;
  main.put("r0", main.now(main.alloc(half)));
  main.put("r1", main.now(main.alloc(bytes - half)));
}

/** The last slab, which holds `count`, is full: one is given back while two are wanted. */
const besideGiving = (name, count, take) => ({
  name: `full/${name}`,
  mayBeFull: true,
  setup(stage) {
    fill(stage, 1);
    const blocks = Array.from({ length: count }, () => stage.main.now(take(stage.main)));
    stage.main.put("x", blocks[1]);
  },
  programs: {
    *a(t) {
      yield* take(t);
      yield* take(t);
    },
    *b(t) {
      yield* t.free(t.look("x"));
    },
  },
});

export default [
  {
    name: "full/two want the last run",
    mayBeFull: true,
    setup: (stage) => fill(stage, 10),
    programs: {
      *a(t) {
        yield* t.free(yield* t.alloc(9000));
      },
      *b(t) {
        yield* t.free(yield* t.alloc(9000));
      },
    },
  },
  {
    name: "full/two want the last slab",
    mayBeFull: true,
    setup: (stage) => fill(stage, 1),
    programs: {
      *a(t) {
        yield* t.alloc(400);
      },
      *b(t) {
        yield* t.alloc(256);
      },
    },
  },
  {
    name: "full/two want the last block",
    mayBeFull: true,
    setup(stage) {
      fill(stage, 1);
      const blocks = Array.from({ length: 4 }, () => stage.main.now(stage.main.alloc(256)));
      stage.main.now(stage.main.free(blocks[2]));
    },
    programs: {
      *a(t) {
        yield* t.alloc(256);
      },
      *b(t) {
        yield* t.free(yield* t.alloc(256));
      },
    },
  },
  besideGiving("an allocation beside the free that makes room", 4, (t) => t.alloc(256)),
  besideGiving("a Block beside the release that makes room", 3, (t) => t.blockAlloc(256)),
  {
    name: "full/a run beside the free of a run",
    mayBeFull: true,
    setup: (stage) => fill(stage, 2),
    programs: {
      *a(t) {
        yield* t.alloc(9000);
      },
      *b(t) {
        yield* t.free(t.look("r0"));
      },
    },
  },
  {
    name: "full/a run needs the slab another leaves empty",
    mayBeFull: true,
    setup(stage) {
      fill(stage, 9);
      stage.main.put("x", stage.b.now(stage.b.alloc(256)));
    },
    programs: {
      *a(t) {
        yield* t.alloc(9 * 1024);
      },
      *b(t) {
        yield* t.free(t.look("x"));
        yield* t.alloc(256);
      },
    },
  },
  {
    name: "full/Blocks in the last slab",
    mayBeFull: true,
    setup(stage) {
      fill(stage, 9);
      stage.main.put("x", stage.b.now(stage.b.blockAlloc(256)));
    },
    programs: {
      *a(t) {
        yield* t.alloc(9 * 1024);
      },
      *b(t) {
        yield* t.free(t.look("x"));
        yield* t.blockAlloc(256);
      },
    },
  },
  {
    name: "full/another takes the new slab's blocks first",
    mayBeFull: true,
    setup: (stage) => fill(stage, 1),
    programs: {
      *a(t) {
        yield* t.free(yield* t.alloc(400));
      },
      *b(t) {
        const one = yield* t.alloc(400);
        const two = yield* t.alloc(400);
        yield* t.free(one);
        yield* t.free(two);
      },
    },
  },
];
