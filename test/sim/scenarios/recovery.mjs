// Recovery: a thread dies, and others go on: they recover it while they work, wait for its lock, and may die in it.

function* churn(t) {
  const one = yield* t.alloc(256);
  const two = yield* t.alloc(9000);
  yield* t.free(one);
  const three = yield* t.blockAlloc(256);
  yield* t.free(two);
  yield* t.free(three);
}

export default [
  {
    name: "recovery/beside a living allocator",
    bounds: { calm: 2, death: 1, second: 1 },
    programs: {
      *a(t) {
        t.put("x", yield* t.blockAlloc(256));
        yield* t.alloc(9000);
      },
      b: churn,
    },
  },
  {
    name: "recovery/beside one who waits for the lock",
    busyMs: 1,
    bounds: { calm: 2, death: 1, second: 0 },
    programs: {
      *a(t) {
        yield* t.free(yield* t.alloc(9000));
      },
      *b(t) {
        yield* t.free(yield* t.alloc(9000));
        yield* t.check();
      },
    },
  },
  {
    name: "recovery/Blocks that the dead held",
    bounds: { calm: 1 },
    setup(stage) {
      stage.a.now(stage.a.blockAlloc(256));
      stage.a.now(stage.a.blockAlloc(256));
      stage.a.now(stage.a.blockAlloc(9000));
    },
    programs: {
      *a(t) {
        yield* t.blockAlloc(256);
      },
      *b(t) {
        yield* t.free(yield* t.blockAlloc(256));
      },
    },
  },
  {
    name: "recovery/a slot taken again at once",
    owners: 4,
    detached: ["b"],
    bounds: { calm: 2 },
    programs: {
      *a(t) {
        yield* t.blockAlloc(256);
        yield* t.detach();
      },
      *b(t) {
        if ((yield* t.attach()) > 0) yield* t.blockAlloc(256);
      },
    },
  },
  {
    name: "recovery/death while detaching with Blocks",
    bounds: { calm: 2 },
    setup(stage) {
      stage.a.now(stage.a.blockAlloc(256));
      stage.a.now(stage.a.blockAlloc(9000));
    },
    programs: {
      *a(t) {
        yield* t.detach();
      },
      *b(t) {
        yield* t.check();
      },
    },
  },
  {
    name: "recovery/after an exception the thread goes on",
    isExceptional: true,
    bounds: { calm: 1 },
    programs: {
      a: churn,
      *b(t) {
        yield* t.free(yield* t.alloc(9000));
      },
    },
  },
  {
    name: "recovery/an empty slab that only the dead knew of",
    bounds: { calm: 1 },
    setup(stage) {
      const { a, main } = stage;
      const block = a.now(a.alloc(256));
      // Looks everywhere and clears every hint at empty slabs; what a then leaves empty is its own current slab, which needs none.
      main.now(main.alloc(stage.machine.view.heapBytes));
      a.now(a.free(block));
    },
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
    name: "recovery/a Block that the dead was releasing is released and taken again",
    bounds: { calm: 2 },
    setup(stage) {
      stage.main.put("x", stage.main.now(stage.main.blockAlloc(256)));
    },
    programs: {
      *a(t) {
        yield* t.releaseStale(t.look("x"));
      },
      *b(t) {
        yield* t.releaseStale(t.look("x"));
        yield* t.blockAlloc(256);
      },
    },
  },
];
