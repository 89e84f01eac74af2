// Sleeping: threads that may sleep until the page lock is free, and who wakes them: in each kind of call that lets the lock go.

const SMALL = 256;
const PER_SLAB = 4;
const RUN = 9000;

const run = function* (t) {
  yield* t.free(yield* t.alloc(RUN));
};

/** Who finds the lock taken sleeps, and whoever lets it go wakes. */
const sleeping = (name, a, b, setup = undefined, more = {}) => ({
  name: `sleeping/${name}`,
  busyMs: 1,
  bounds: { calm: 2, death: 0, second: -1 },
  setup,
  programs: { a, b },
  ...more,
});

/** x: a run with room behind it. */
function roomBehind({ a, main }) {
  const behind = a.now(a.alloc(RUN));
  main.put("x", a.now(a.alloc(RUN)));
  a.now(a.free(behind));
}

/** x0, x4, x8: the last blocks of three slabs of a's. */
function almostIdle({ a, main }) {
  const blocks = Array.from({ length: 4 * PER_SLAB }, () => a.now(a.alloc(SMALL)));
  for (let i = 0; i < 3 * PER_SLAB; i++) {
    if (i % PER_SLAB === 0) main.put(`x${i}`, blocks[i]);
    else a.now(a.free(blocks[i]));
  }
}

const ghostWithLock = (stage) => stage.ghost([(g) => g.blockAlloc(SMALL)], [(g) => g.alloc(RUN), 12]);

const dead = { owners: 5 };

export default [
  sleeping("a run is taken", run, run),
  sleeping(
    "a run is given back",
    function* (t) {
      yield* t.free(t.look("x"));
    },
    run,
    roomBehind,
  ),
  sleeping(
    "a run grows",
    function* (t) {
      yield* t.realloc(t.look("x"), 12_000);
    },
    run,
    roomBehind,
  ),
  sleeping(
    "a run shrinks",
    function* (t) {
      yield* t.realloc(t.look("x"), 8500);
    },
    function* (t) {
      yield* t.realloc(t.look("y"), 8500);
    },
    ({ b, main, a }) => {
      main.put("x", a.now(a.alloc(12_000)));
      main.put("y", b.now(b.alloc(12_000)));
    },
  ),
  sleeping(
    "the first block of a class",
    function* (t) {
      yield* t.alloc(320);
    },
    function* (t) {
      yield* t.blockAlloc(400);
    },
  ),
  sleeping(
    "the last room for a small block",
    function* (t) {
      yield* t.alloc(320);
    },
    function* (t) {
      yield* t.alloc(RUN);
    },
    ({ main }) => main.now(main.alloc(main.view.heapBytes - 10 * 1024)),
    { mayBeFull: true },
  ),
  sleeping(
    "check, and a thread that leaves",
    function* (t) {
      yield* t.check();
      yield* t.detach();
    },
    function* (t) {
      yield* t.check();
    },
  ),
  sleeping(
    "idle slabs go back",
    function* (t) {
      for (const i of [0, 4, 8]) yield* t.free(t.look(`x${i}`));
    },
    run,
    almostIdle,
  ),
  sleeping(
    "two recover one who died with the lock",
    function* (t, stage) {
      yield* t.markDead(stage.ghosts[0]);
      yield* t.recover(stage.ghosts[0]);
    },
    function* (t, stage) {
      yield* t.check();
      yield* t.recover(stage.ghosts[0], true);
    },
    ghostWithLock,
    dead,
  ),
  sleeping(
    "a run is wanted while nobody says that the holder is dead",
    run,
    function* (t, stage) {
      yield* t.alloc(RUN);
      yield* t.markDead(stage.ghosts[0]);
      yield* t.check();
    },
    ghostWithLock,
    dead,
  ),
  sleeping(
    "a run is wanted while another says that the holder is dead and takes the lock over",
    run,
    function* (t, stage) {
      yield* t.markDead(stage.ghosts[0]);
      yield* t.check();
    },
    ghostWithLock,
    // Who wants the run has looked often enough before anybody says anything.
    { ...dead, isImpatient: true },
  ),
  sleeping(
    "a recovery that does not need the lock",
    function* (t, stage) {
      yield* t.markDead(stage.ghosts[0]);
      yield* t.recover(stage.ghosts[0]);
    },
    run,
    (stage) => stage.ghost([(g) => g.blockAlloc(SMALL)], [(g) => g.blockAlloc(SMALL), 4]),
    dead,
  ),
];
