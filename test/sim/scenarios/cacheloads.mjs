// Cache loads: who fetches a key beside who fetches it too, and beside who sets, deletes or clears it; with one death anywhere, told or not; loaders that died
// before, recovered beside who waits for them; and who hears of evictions, and dies.

import { finish } from "../cacheaudit.mjs";
import { cacheOf, expire, openCache, plantCache } from "../cachecalls.mjs";
import { clearOlder, fetch, find, removeOlder, requireTrue, setNewer } from "../loadcalls.mjs";
import { openRing } from "../ringcalls.mjs";
import { leaveCut } from "../ringaudit.mjs";
import { Violation } from "../thread.mjs";
import { empty, growing, healed, two } from "./caches.mjs";
import { burial } from "./ghosts.mjs";

const LONG = 2500;

const CALLS = {
  fetch: (t) => fetch(t, "m"),
  "fetch a long one": (t) => fetch(t, "m", { bytes: LONG }),
  /** What was freed is another's at once, and written over. */
  *"delete, and use its memory"(t) {
    yield* removeOlder(t, "m");
    const block = yield* t.alloc(LONG + 512, { scarce: true });
    yield* find(t, "m");
    yield* t.free(block);
  },
  *"fetch twice"(t) {
    yield* fetch(t, "m");
    yield* fetch(t, "m");
  },
  *"set, and find"(t) {
    yield* setNewer(t, "m");
    yield* find(t, "m");
  },
  *"delete, and find"(t) {
    yield* removeOlder(t, "m");
    yield* find(t, "m");
  },
  *"delete, and fetch"(t) {
    yield* removeOlder(t, "m");
    yield* fetch(t, "m");
  },
  *"clear, and find"(t) {
    yield* clearOlder(t);
    yield* find(t, "m");
  },
  *"fetch, and delete"(t) {
    yield* fetch(t, "m");
    yield* removeOlder(t, "m");
  },
  "fetch another": (t) => fetch(t, "x"),
};

/** The cache's own end, after what must be true of loads. */
function ends(stage) {
  const { audit, main } = stage;
  audit.recoverDead([...stage.actors, stage.undertaker]);
  leaveCut(stage);
  // Takes the latch: what others left to be done for want of it is done.
  main.now(expire(main, "-", 0));
  requireTrue(stage);
  finish(stage);
}

const calm = { calm: 2, exception: -1, death: -1, second: -1 };

const pairOf = (first, second, state, more = {}) => {
  const { shape, ...planted } = state;
  return {
    bounds: calm,
    isCalm: true,
    pages: 3,
    setup: (stage) => plantCache(stage, shape, planted),
    programs: { a: healed(CALLS[first]), b: healed(CALLS[second]) },
    finish: ends,
    ...more,
  };
};

const NAMES = new Map(Object.entries({ empty, two, growing }).map(([name, state]) => [state, name]));

const PAIRS = [
  ["fetch", "fetch", empty],
  ["fetch twice", "fetch", two],
  ["fetch", "fetch another", empty],
  ["fetch", "set, and find", empty],
  ["fetch", "delete, and find", empty],
  ["fetch twice", "delete, and find", empty],
  ["fetch", "delete, and fetch", empty],
  ["fetch", "clear, and find", empty],
  ["fetch", "fetch, and delete", empty],
  ["fetch a long one", "delete, and find", empty],
  ["fetch a long one", "set, and find", empty],
  ["fetch", "delete, and find", growing],
  ["fetch, and delete", "fetch, and delete", empty],
];

const pairs = PAIRS.map(([first, second, state]) => ({
  name: `cache loads/${first} + ${second}, ${NAMES.get(state)}`,
  ...pairOf(first, second, state),
}));

/** One death anywhere, recovered beside the other; or nobody is told of it before the other is done. */
const DEATHS = [
  ["fetch", "fetch", empty],
  ["fetch", "delete, and find", empty],
  ["fetch", "set, and find", empty],
  ["fetch, and delete", "fetch", empty],
  ["fetch a long one", "delete, and fetch", empty],
];
const mortal = { isCalm: false, bounds: { calm: 0, exception: -1, death: 0, second: -1 } };
const deaths = DEATHS.flatMap(([first, second, state]) => [
  { name: `cache loads/one dies: ${first} + ${second}`, ...pairOf(first, second, state, mortal) },
  {
    name: `cache loads/one dies, nobody recovers: ${first} + ${second}`,
    ...pairOf(first, second, state, { ...mortal, buriesItself: true }),
  },
]);

/** Who finds the latch taken gives up at once: so a delete marks without it, and who puts in looks again. What was put in may be gone again. */
const impatient = { isImpatient: true, mayVanish: true };

const opening = function* (g) {
  yield* openCache(g, cacheOf(g).shape);
};

/** A loader died before that write; it is recovered beside who wants the key. */
const buried = (write, first, second) => ({
  name: `cache loads/a loader died at write ${write}, recovered beside ${second}`,
  ...pairOf("fetch", second, two, {
    owners: 5,
    bounds: { calm: 2, exception: -1, death: -1, second: -1 },
    setup(stage) {
      plantCache(stage, two.shape, { entries: two.entries });
      stage.ghost([opening], [CALLS[first], write]);
    },
  }),
  programs: { a: burial([0]), b: healed(CALLS[second]) },
});

const EAR = 77;
const SHAPE = { capacity: 4, drops: true };

function* hears(t) {
  const cache = cacheOf(t).at;
  yield { name: "cacheHear", args: [cache, EAR, 0] };
  const ring = yield* openRing(t, SHAPE, EAR);
  if (ring) yield { name: "cacheHear", args: [cache, EAR, 1] };
}

function* hearsAndEnds(t) {
  const cache = cacheOf(t).at;
  yield { name: "cacheHear", args: [cache, EAR, 0] };
  const ring = yield* openRing(t, SHAPE, EAR);
  if (!ring) return;
  yield { name: "cacheHear", args: [cache, EAR, 1] };
  yield { name: "closeRing", args: [ring.at] };
  yield { name: "cacheHear", args: [cache, 0, 0] };
  yield { name: "leaveRing", args: [ring.at] };
}

function* leaves(t) {
  yield* hears(t);
  yield { name: "leaveCache", args: [cacheOf(t).at] };
  yield* t.detach();
}

/** Nobody hears, so there is no ring. */
function requireSilence(stage) {
  const { audit, machine } = stage;
  const { view, c } = machine;
  audit.recoverDead([...stage.actors, stage.undertaker]);
  if (view.word(c.H_RINGS) !== 0) throw new Violation("the ring of who heard is there, and nobody hears");
  if (view.word(cacheOf(stage).at + c.K_HEARING) !== 0) throw new Violation("somebody is said to hear");
  finish(stage);
}

const ears = (name, a, more = {}) => ({
  name: `cache loads/${name}`,
  pages: 4,
  bounds: { calm: 1, exception: -1, death: 0, second: -1 },
  setup: (stage) => plantCache(stage, two.shape, { entries: two.entries }),
  programs: { a, b: CALLS["fetch another"] },
  finish: requireSilence,
  ...more,
});

export default [
  ...pairs,
  ...deaths,
  {
    name: "cache loads/fetch + delete, and find, without patience",
    ...pairOf("fetch", "delete, and find", empty, impatient),
  },
  {
    name: "cache loads/one dies, nobody recovers, without patience: fetch + delete, and find",
    ...pairOf("fetch", "delete, and find", empty, { ...mortal, ...impatient, buriesItself: true }),
  },
  {
    name: "cache loads/one dies, nobody recovers, without patience: fetch a long one + delete, and use its memory",
    ...pairOf("fetch a long one", "delete, and use its memory", empty, { ...mortal, ...impatient, buriesItself: true }),
  },
  {
    name: "cache loads/an exception anywhere",
    ...pairOf("fetch", "delete, and fetch", empty, {
      isCalm: false,
      bounds: { calm: 0, exception: 0, death: -1, second: -1 },
    }),
  },
  ...[3, 20, 40, 60].map((write) => buried(write, "fetch", "fetch")),
  ...[40, 60].map((write) => buried(write, "fetch", "delete, and fetch")),
  ears("who hears ends it, and may die", hearsAndEnds),
  ears("who hears leaves the cache", leaves, {
    isCalm: true,
    bounds: { calm: 1, exception: -1, death: -1, second: -1 },
  }),
  ears("who heard died, and is recovered", burial([0]), {
    owners: 5,
    setup(stage) {
      plantCache(stage, two.shape, { entries: two.entries });
      stage.ghost([opening], [hears]);
    },
  }),
];
