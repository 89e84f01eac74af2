// Cache deaths: the calls on a cache with one death anywhere, and recovery beside the other; or with nobody told of it; and owners that died before,
// with a slot in hand, with pins, or while they had the latch, recovered beside others, by two, and where who recovers dies too.

import { plant } from "../budgettree.mjs";
import { finish } from "../cacheaudit.mjs";
import { cacheOf, commit, openCache, pin, plantCache, remove, reserve, set, unpin } from "../cachecalls.mjs";
import { burial } from "./ghosts.mjs";
import { CALLS, full, growing, healed, hybrid, loose, lru, pairOf, two } from "./caches.mjs";

const LONG = 2500;

/** Two calls, one death anywhere, recovered beside the other. */
const recovered = (first, second, state, name, more) => ({
  name: `cache deaths/${first} + ${second}, ${name}`,
  ...pairOf(first, second, state, more),
  isCalm: false,
  bounds: { calm: 0, exception: -1, death: 0, second: -1 },
});

/** One dies, and nobody recovers it before the other is done. */
const alone = (first, second, state, name) => ({
  ...recovered(first, second, state, name),
  name: `cache deaths/nobody recovers: ${first} + ${second}, ${name}`,
  buriesItself: true,
});

const PAIRS = [
  ["set another", "get", full, "full"],
  ["set", "get twice", two, "two"],
  ["delete", "get twice", two, "two"],
  ["pin, and delete", "set", two, "two"],
  ["set another", "delete", growing, "growing"],
  ["evict", "get a moved one", loose, "loose"],
  ["evict", "delete a moved one", loose, "loose"],
  ["clear", "get", two, "two"],
  ["reserve and commit another", "get", full, "full"],
  ["set policy", "get", two, "two"],
  ["get", "get another", lru, "lru"],
  ["set two", "get", hybrid, "hybrid"],
];

/** Nobody else dies. */
const calm = { isCalm: true, bounds: { calm: 1, exception: -1, death: -1, second: -1 } };

/** One that died in the last of these calls, before that write of it. */
const ghost = (stage, ...calls) =>
  stage.ghost(
    [
      function* (g) {
        yield* openCache(g, cacheOf(g).shape);
      },
    ],
    ...calls,
  );

/** Who died so is recovered beside this; by two if that is `burial([0])` too. */
const buried = (name, state, calls, b, more = {}) => ({
  name: `cache deaths/${name}`,
  pages: 3,
  owners: 4 + calls.length,
  bounds: { calm: 2, exception: -1, death: 0, second: -1 },
  setup(stage) {
    const { shape, ...planted } = state;
    plantCache(stage, shape, planted);
    for (const these of calls) ghost(stage, ...these);
  },
  programs: { a: burial(calls.map((_, i) => i)), b: healed(b) },
  finish,
  ...more,
});

const setting = (g) => set(g, "m");
const replacing = (g) => set(g, "k");
const reserving = (g) => reserve(g, "m", 8);
const committing = function* (g) {
  yield* commit(g, yield* reserve(g, "m", 8));
};
const deleting = (g) => remove(g, "k");
const pinning = (g) => pin(g, "k");
/** The slots of what is taken out are others' at once. */
const churn = function* (t) {
  yield* set(t, "n");
  yield* set(t, "k");
};
const PINS = 47;

const at = (what, call, writes, state, b) =>
  writes.map((write) => buried(`died ${what}, at write ${write}`, state, [[[call, write]]], b, calm));

/** Fewer of what is in by then belong in the bucket that is added. */
function* exchange(t) {
  for (const key of "klnopqr") yield* remove(t, key);
  for (const key of "stuvwxy") yield* set(t, key);
}

/** Every place for a pin but the last is taken, one of them by what is deleted: that one is not the place kept for who deletes. */
function* fillPins(t) {
  const hands = [];
  for (let i = 0; i < PINS; i++) hands.push(yield* pin(t, i === 0 ? "k" : "l"));
  yield* remove(t, "k");
  yield* remove(t, "l");
  for (const hand of hands) yield* unpin(t, hand);
}

export default [
  ...PAIRS.map(([first, second, state, name]) => recovered(first, second, state, name)),
  ...PAIRS.map(([first, second, state, name]) => alone(first, second, state, name)),
  alone("set another", "delete and get", two, "two"),
  {
    name: "cache deaths/a long value comes and goes",
    pages: 3,
    bounds: { calm: 1, exception: -1, death: 0, second: -1 },
    setup: (stage) => plantCache(stage, {}, { entries: [["k", LONG]] }),
    programs: {
      *a(t) {
        yield* remove(t, "k");
        yield* commit(t, yield* reserve(t, "m", LONG));
      },
      b: CALLS.get,
    },
    finish,
  },
  {
    name: "cache deaths/a value comes and goes, charged",
    pages: 3,
    hasMemory: true,
    isCalm: true,
    bounds: { calm: 2, exception: -1, death: -1, second: -1 },
    setup(stage) {
      const budget = plant(stage.main, "r", undefined, { limit: 100_000 });
      plantCache(stage, { budget: stage.model.ledger.of(budget) }, { entries: [["k", LONG]] });
    },
    programs: { a: CALLS.delete, b: CALLS["set another"] },
    finish,
  },
  {
    name: "cache deaths/a value comes and goes, charged, and nobody recovers",
    pages: 3,
    hasMemory: true,
    buriesItself: true,
    bounds: { calm: 0, exception: -1, death: 0, second: -1 },
    setup(stage) {
      const budget = plant(stage.main, "r", undefined, { limit: 100_000 });
      plantCache(stage, { budget: stage.model.ledger.of(budget) }, { entries: [["k", LONG]] });
    },
    programs: { a: CALLS.delete, b: CALLS["set another"] },
    finish,
  },
  {
    name: "cache deaths/an exception anywhere",
    pages: 3,
    bounds: { calm: 0, exception: 0, death: -1, second: -1 },
    setup: (stage) => plantCache(stage, full.shape, { entries: full.entries }),
    programs: {
      a: healed(function* (t) {
        yield* set(t, "m");
        yield* remove(t, "k");
      }),
      b: healed(function* (t) {
        yield* set(t, "n");
        yield* unpin(t, yield* pin(t, "k"));
      }),
    },
    finish,
  },
  {
    name: "cache deaths/an exception while it grows, and while entries move",
    pages: 3,
    bounds: { calm: 0, exception: 0, death: -1, second: -1 },
    setup: (stage) =>
      plantCache(stage, loose.shape, { entries: [...loose.entries, ["a"], ["b"], ["c"]], gone: loose.gone }),
    programs: { a: healed(CALLS.evict), b: healed(CALLS["set two"]) },
    finish,
  },
  buried("a slot in hand, and it is the next one's", full, [[[reserving]]], churn),
  buried("a slot in hand, two recover it", two, [[[reserving]]], burial([0]), { isCalm: true }),
  buried("a pin on what is deleted", two, [[[pinning]]], CALLS["delete and set"]),
  buried("a pin on what is evicted", full, [[[pinning]]], churn),
  buried("two pins on one entry, two recover them", two, [[[pinning]], [[pinning]]], burial([1, 0]), calm),
  buried("a pin, two recover it beside a set", two, [[[pinning]]], burial([0]), {
    programs: { a: burial([0]), b: burial([0]), c: CALLS.set },
    owners: 6,
    isCalm: true,
    detached: ["undertaker"],
    bounds: { calm: 1, exception: -1, death: -1, second: -1 },
  }),
  ...at("putting in", setting, [27, 45, 74, 75, 76, 77], two, churn),
  ...at("replacing", replacing, [82, 90, 94, 102, 110, 119], two, CALLS["get twice"]),
  ...at("putting in what pushes out", setting, [12, 30, 45, 60], full, churn),
  ...at("deleting", deleting, [5, 7, 8, 10, 12, 20, 40, 50], two, CALLS["delete and set"]),
  ...at("committing", committing, [100], full, churn),
  ...at("adding a bucket", setting, [78, 82, 86, 89, 92, 94, 96, 98, 99], growing, CALLS["delete and set"]),
  ...at("adding a bucket, and others come in", setting, [78, 82, 86, 89, 92, 94, 96, 98, 99], growing, exchange),
  ...at(
    "evicting, and moving",
    CALLS.evict,
    [60, 90, 105, 115, 120, 125, 130, 135, 150, 160],
    loose,
    CALLS["delete a moved one"],
  ),
  {
    name: "cache deaths/every place for a pin is taken, and who has them deletes",
    pages: 3,
    isCalm: true,
    bounds: { calm: 0, exception: -1, death: -1, second: -1 },
    setup: (stage) => plantCache(stage, {}, { entries: two.entries }),
    programs: { a: fillPins, b: CALLS["get another"] },
    finish,
  },
  {
    name: "cache deaths/who recovers dies too",
    pages: 3,
    owners: 6,
    bounds: { calm: 1, exception: -1, death: 0, second: -1 },
    setup(stage) {
      plantCache(stage, two.shape, { entries: two.entries });
      ghost(stage, [pinning], [reserving]);
    },
    programs: { a: burial([0]), b: CALLS["delete and set"] },
    finish,
  },
];
