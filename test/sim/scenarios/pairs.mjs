// Pairs: every two of the heap's mutating operations side by side, one in each of two threads.
//
// Each operation has a set-up that puts its thread into the state in which the operation takes the path it is named after, and steps
// that run it. `x` is the thread's own name, so that the two halves of a pair do not share what they set up.

// In a region of two pages a slab of this class is one grain and holds four blocks, of Blocks three; one of 320 bytes holds three.
const SMALL = 256;
const PER_SLAB = 4;
const RARE = 320;

/** Takes blocks of `bytes` until the slab is full; returns them. */
function fillSlab(actor, bytes, count) {
  return Array.from({ length: count }, () => actor.now(actor.alloc(bytes)));
}

export const OPERATIONS = {
  "alloc-hot": {
    setup: (t) => t.now(t.alloc(SMALL)),
    *steps(t) {
      const block = yield* t.alloc(SMALL, { zeroed: true });
      yield* t.free(block);
    },
  },
  "alloc-slow": {
    *steps(t) {
      yield* t.alloc(RARE);
    },
  },
  "alloc-hinted": {
    // Its own slab is full; another of the class, the main thread's, has room.
    setup(t, x, stage) {
      const blocks = fillSlab(stage.main, SMALL, PER_SLAB);
      stage.main.now(stage.main.free(blocks[0]));
    },
    *steps(t) {
      yield* t.alloc(SMALL);
    },
  },
  "alloc-run": {
    *steps(t) {
      yield* t.alloc(9000);
    },
  },
  "alloc-aligned": {
    *steps(t) {
      yield* t.alloc(3000, { align: 2048 });
    },
  },
  "ask-for-runs": {
    // One at once; then more than there are, for which everything that is empty is given back.
    *steps(t) {
      yield* t.call("hasRuns", 1, 1);
      yield* t.call("hasRuns", 4, 32);
    },
  },
  "free-edge": {
    // The slab is full: giving a block back makes it usable again.
    setup(t, x) {
      const blocks = fillSlab(t, SMALL, PER_SLAB);
      t.put(x, blocks[1]);
    },
    *steps(t, x) {
      yield* t.free(t.look(x));
    },
  },
  "free-last": {
    setup: (t, x) => t.put(x, t.now(t.alloc(SMALL))),
    *steps(t, x) {
      yield* t.free(t.look(x));
    },
  },
  "free-foreign": {
    // The last block of a slab that is the main thread's current one.
    setup: (t, x, stage) => t.put(x, stage.main.now(stage.main.alloc(SMALL))),
    *steps(t, x) {
      yield* t.free(t.look(x));
    },
  },
  "free-run": {
    setup: (t, x) => t.put(x, t.now(t.alloc(9000))),
    *steps(t, x) {
      yield* t.free(t.look(x));
    },
  },
  "realloc-grow": {
    // Runs are carved off the end of a free one: the run behind must be given back for there to be room to grow into.
    setup(t, x) {
      const behind = t.now(t.alloc(9000));
      t.put(x, t.now(t.alloc(9000)));
      t.now(t.free(behind));
    },
    *steps(t, x) {
      yield* t.realloc(t.look(x), 12000);
    },
  },
  "realloc-shrink": {
    setup: (t, x) => t.put(x, t.now(t.alloc(12000))),
    *steps(t, x) {
      yield* t.realloc(t.look(x), 9000);
    },
  },
  "realloc-move": {
    setup: (t, x) => t.put(x, t.now(t.alloc(SMALL))),
    *steps(t, x) {
      yield* t.realloc(t.look(x), 400);
    },
  },
  "block-alloc": {
    *steps(t) {
      yield* t.blockAlloc(SMALL);
    },
  },
  "block-free": {
    setup: (t, x) => t.put(x, t.now(t.blockAlloc(SMALL))),
    *steps(t, x) {
      yield* t.free(t.look(x));
    },
  },
  "block-run": {
    *steps(t) {
      const block = yield* t.blockAlloc(9000);
      yield* t.free(block);
    },
  },
  check: {
    *steps(t) {
      yield* t.check();
    },
  },
  detach: {
    setup: (t) => t.now(t.alloc(SMALL)),
    *steps(t) {
      yield* t.detach();
    },
  },
  attach: {
    detached: true,
    *steps(t) {
      if ((yield* t.attach()) > 0) yield* t.alloc(SMALL);
    },
  },
};

function pair(first, second) {
  const one = OPERATIONS[first];
  const two = OPERATIONS[second];
  return {
    name: `pair/${first}+${second}`,
    detached: [one.detached && "a", two.detached && "b"].filter(Boolean),
    setup(stage) {
      one.setup?.(stage.a, "a", stage);
      two.setup?.(stage.b, "b", stage);
    },
    programs: { a: (t) => one.steps(t, "a"), b: (t) => two.steps(t, "b") },
  };
}

const names = Object.keys(OPERATIONS);
export default names.flatMap((first, i) => names.slice(i).map((second) => pair(first, second)));
