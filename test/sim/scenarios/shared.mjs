// Shared: two threads at work on one slab or one run: the compare-and-swaps meet.

// Four to a slab in a region of two pages; of Blocks three.
const BYTES = 256;

/** Fills the main thread's slab of a class with `count` blocks and hands them out as x0, x1, … */
function handOut(stage, count, bytes, take = (t, size) => t.alloc(size)) {
  for (let i = 0; i < count; i++) stage.main.put(`x${i}`, stage.main.now(take(stage.main, bytes)));
}

const freeing = (name) =>
  function* (t) {
    yield* t.free(t.look(name));
  };

export default [
  {
    name: "shared/free two blocks of a slab",
    setup: (stage) => handOut(stage, 2, BYTES),
    programs: { a: freeing("x0"), b: freeing("x1") },
  },
  {
    name: "shared/free the same block twice",
    setup: (stage) => handOut(stage, 2, BYTES),
    programs: { a: freeing("x0"), b: freeing("x0") },
  },
  {
    name: "shared/free the last block twice",
    setup: (stage) => handOut(stage, 1, BYTES),
    programs: { a: freeing("x0"), b: freeing("x0") },
  },
  {
    name: "shared/free the same run twice",
    setup: (stage) => handOut(stage, 1, 9000),
    programs: { a: freeing("x0"), b: freeing("x0") },
  },
  {
    name: "shared/release the same Block twice",
    setup: (stage) => handOut(stage, 1, BYTES, (t, size) => t.blockAlloc(size)),
    programs: { a: freeing("x0"), b: freeing("x0") },
  },
  {
    name: "shared/release two Blocks of a slab",
    setup: (stage) => handOut(stage, 2, BYTES, (t, size) => t.blockAlloc(size)),
    programs: { a: freeing("x0"), b: freeing("x1") },
  },
  {
    name: "shared/release the same Block run twice",
    setup: (stage) => handOut(stage, 1, 9000, (t, size) => t.blockAlloc(size)),
    programs: { a: freeing("x0"), b: freeing("x0") },
  },
  {
    name: "shared/free into the slab another allocates from",
    setup(stage) {
      for (let i = 0; i < 3; i++) stage.main.put(`x${i}`, stage.a.now(stage.a.alloc(BYTES)));
    },
    programs: {
      *a(t) {
        const one = yield* t.alloc(BYTES);
        yield* t.alloc(BYTES);
        yield* t.free(one);
      },
      *b(t) {
        yield* t.free(t.look("x0"));
        yield* t.free(t.look("x1"));
      },
    },
  },
  {
    name: "shared/two threads allocate from one slab",
    setup(stage) {
      // Both come to the main thread's slab by its hint: their own are full.
      for (let i = 0; i < 4; i++) stage.main.put(`x${i}`, stage.main.now(stage.main.alloc(BYTES)));
      stage.main.now(stage.main.free(stage.main.look("x1")));
      stage.main.now(stage.main.free(stage.main.look("x2")));
    },
    programs: {
      *a(t) {
        yield* t.alloc(BYTES);
      },
      *b(t) {
        yield* t.alloc(BYTES);
      },
    },
  },
  {
    name: "shared/one allocates, the other frees it",
    programs: {
      *a(t) {
        t.put("x", yield* t.alloc(BYTES));
        t.put("y", yield* t.alloc(9000));
      },
      *b(t) {
        yield* t.free(t.get("x"));
        yield* t.free(t.get("y"));
        yield* t.free(t.get("x"));
        yield* t.free(t.get("y"));
      },
    },
  },
  {
    name: "shared/one allocates Blocks, the other releases them",
    programs: {
      *a(t) {
        t.put("x", yield* t.blockAlloc(BYTES));
        t.put("y", yield* t.blockAlloc(9000));
      },
      *b(t) {
        yield* t.free(t.get("x"));
        yield* t.free(t.get("y"));
        yield* t.free(t.get("x"));
      },
    },
  },
  {
    name: "shared/close an empty Block slab beside a stale release",
    setup(stage) {
      stage.main.put("x0", stage.a.now(stage.a.blockAlloc(BYTES)));
    },
    programs: {
      *a(t) {
        yield* t.free(t.look("x0"));
        yield* t.alloc(9000);
        yield* t.blockAlloc(BYTES);
      },
      *b(t) {
        yield* t.releaseStale(t.look("x0"));
      },
    },
  },
  {
    name: "shared/alloc gives zeroes",
    setup(stage) {
      // What was written there before must not be seen.
      const blocks = [2048, 9000].map((bytes) => stage.main.now(stage.main.alloc(bytes)));
      for (const block of blocks) stage.main.now(stage.main.free(block));
    },
    programs: {
      *a(t) {
        yield* t.alloc(2048, { zeroed: true });
        yield* t.alloc(9000, { zeroed: true });
      },
      *b(t) {
        yield* t.free(yield* t.alloc(40, { zeroed: true }));
        yield* t.free(yield* t.alloc(40, { zeroed: true }));
      },
    },
  },
  {
    name: "shared/one grows a run, another frees it",
    // A caller's mistake: one of the two wins, and nothing else is touched.
    setup(stage) {
      handOut(stage, 2, 9000);
      stage.main.now(stage.main.free(stage.main.look("x0")));
    },
    programs: {
      *a(t) {
        yield* t.reallocRacing(t.look("x1"), 12000);
      },
      *b(t) {
        yield* t.freeRacing(t.look("x1"));
      },
    },
  },
  {
    name: "shared/free into a full slab while its owner looks for room",
    setup(stage) {
      for (let i = 0; i < 4; i++) stage.main.put(`x${i}`, stage.a.now(stage.a.alloc(BYTES)));
    },
    programs: {
      *a(t) {
        yield* t.alloc(BYTES);
      },
      *b(t) {
        yield* t.free(t.look("x0"));
      },
    },
  },
  {
    name: "shared/free the last block of a slab that nobody works on",
    setup(stage) {
      handOut(stage, 5, BYTES);
      for (let i = 1; i < 4; i++) stage.main.now(stage.main.free(stage.main.look(`x${i}`)));
    },
    programs: {
      *a(t) {
        yield* t.free(t.look("x0"));
      },
      *b(t) {
        yield* t.free(yield* t.alloc(9000));
      },
    },
  },
  {
    name: "shared/release the last Block of a slab that nobody works on",
    setup(stage) {
      handOut(stage, 4, BYTES, (t, size) => t.blockAlloc(size));
      for (let i = 1; i < 3; i++) stage.main.now(stage.main.free(stage.main.look(`x${i}`)));
    },
    programs: {
      *a(t) {
        yield* t.free(t.look("x0"));
      },
      *b(t) {
        yield* t.free(yield* t.alloc(9000));
      },
    },
  },
];
