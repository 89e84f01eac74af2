// Caches: every two calls on one cache side by side: of one key, of two, with something evicted whose slot is another's at once, while a bucket is
// added, and while entries move; and each with one death anywhere that nobody is told of.

import { finish } from "../cacheaudit.mjs";
import {
  abort,
  cacheOf,
  clear,
  commit,
  copyOut,
  evict,
  expire,
  get,
  keys,
  NOW,
  pin,
  plantCache,
  remove,
  reserve,
  set,
  setLimits,
  setPolicy,
  setSpace,
  unpin,
} from "../cachecalls.mjs";
import { Violation } from "../thread.mjs";

const LRU = 1;
const SIEVE = 7;
const LATER = NOW + 1000;
// Three of these lie in a page.
const THIRD = 1000;

/** Nobody pins anything any more: who has the latch once more frees what was pinned. */
function* requireFreed(t) {
  if ((yield* expire(t, "-", NOW, "cacheDrop")) !== false || t.thread.traps > 0 || t.machine.hasDead) return;
  if (t.view.word(cacheOf(t).at + t.c.K_LIMBO) !== 0) throw new Violation("what nobody pins stays out of use");
}

export const CALLS = {
  get: (t) => get(t, "k"),
  *"get twice"(t) {
    yield* get(t, "k");
    yield* get(t, "k");
  },
  copy: (t) => copyOut(t, "k"),
  *"copy twice"(t) {
    yield* copyOut(t, "k");
    yield* copyOut(t, "k");
  },
  "get another": (t) => get(t, "l"),
  "get a moved one": (t) => get(t, "n"),
  "get what expired": (t) => get(t, "k", { now: LATER }),
  set: (t) => set(t, "k"),
  "set longer": (t) => set(t, "k", 40),
  "set another": (t) => set(t, "m"),
  *"set two"(t) {
    yield* set(t, "m");
    yield* set(t, "k");
  },
  *"replace, and use its slot"(t) {
    yield* set(t, "k");
    yield* set(t, "m");
  },
  *"delete and get"(t) {
    yield* remove(t, "k");
    yield* get(t, "k");
  },
  /** What comes into the slot has another key, and another length. */
  *"delete, and use its slot"(t) {
    yield* remove(t, "k");
    yield* set(t, "m", 16);
  },
  *"grow, delete and set"(t) {
    yield* set(t, "m");
    yield* remove(t, "k");
    yield* set(t, "x");
  },
  *"evict, and use its slot"(t) {
    yield* evict(t);
    yield* commit(t, yield* reserve(t, "m", THIRD));
    yield* commit(t, yield* reserve(t, "l", THIRD));
  },
  "set mortal": (t) => set(t, "m", 8, { expires: NOW + 500 }),
  *"set, and look at what goes"(t) {
    yield* set(t, "m", 8, { looks: true });
  },
  delete: (t) => remove(t, "k"),
  "delete another": (t) => remove(t, "l"),
  "delete a moved one": (t) => remove(t, "n"),
  *"delete and set"(t) {
    yield* remove(t, "k");
    yield* set(t, "k");
  },
  *pin(t) {
    yield* unpin(t, yield* pin(t, "k"));
  },
  *"pin a moved one"(t) {
    yield* unpin(t, yield* pin(t, "n"));
  },
  *"pin, and delete"(t) {
    const hand = yield* pin(t, "k");
    yield* remove(t, "k");
    yield* unpin(t, hand);
    yield* requireFreed(t);
  },
  *"pin, and set"(t) {
    const hand = yield* pin(t, "k");
    yield* set(t, "k");
    yield* unpin(t, hand);
  },
  *"reserve and commit"(t) {
    yield* commit(t, yield* reserve(t, "k", 8));
  },
  *"reserve and commit another"(t) {
    yield* commit(t, yield* reserve(t, "m", 8));
  },
  *"reserve and abort"(t) {
    yield* abort(t, yield* reserve(t, "m", 8));
  },
  evict: (t) => evict(t),
  clear: (t) => clear(t),
  expire: (t) => expire(t, "k", LATER),
  drop: (t) => expire(t, "k", NOW, "cacheDrop"),
  keys: (t) => keys(t),
  "set limits": (t) => setLimits(t, { items: 1 }),
  "set a namespace": (t) => setSpace(t, 0, { items: 1 }),
  "set policy": (t) => setPolicy(t, LRU),
  check: (t) => t.check(),
};

/** One entry: nothing is looked at after it. */
export const one = { shape: {}, entries: [["k"]] };
/** Two entries, and room for more. */
export const two = { shape: {}, entries: [["k"], ["l"]] };
/** Two entries, and room for no more: the older, k, goes. */
export const full = { shape: { items: 2, evicts: true }, entries: [["k"], ["l"]] };
export const lru = { shape: { items: 2, evicts: true, policy: LRU }, entries: [["k"], ["l"]] };
export const sieve = { shape: { items: 2, evicts: true, policy: SIEVE }, entries: [["k"], ["l"]] };
/** The next entry makes it grow; what belongs in the new bucket is about half. */
export const growing = { shape: {}, entries: [..."klnop"].map((key) => [key]) };
/** Two pages of three entries with two in each; the first that goes, k, leaves so much room that n moves. */
export const loose = {
  shape: { evicts: true },
  entries: [..."kxnoyz"].map((key) => [key, THIRD]),
  gone: ["x", "y"],
};
/** Two entries that the other call makes too many. */
export const evicting = { shape: { evicts: true }, entries: [["k"], ["l"]] };
/** Hits are counted together, and what comes in may be refused for what it would push out. */
export const hybrid = {
  shape: { items: 3, evicts: true, mayRefuse: true, policy: 0 },
  entries: [["k"], ["l"], ["n"]],
};
/** What came last has a part of its own. */
export const s3 = { shape: { items: 3, evicts: true, mayRefuse: true, policy: 8 }, entries: [["k"], ["l"], ["n"]] };
/** Entries are sought that expired, and there is none. */
export const mortal = { shape: { items: 2, evicts: true }, entries: [["k"], ["l"]] };
export const empty = { shape: {} };

const NAMES = new Map(
  Object.entries({ one, two, full, lru, sieve, hybrid, s3, growing, loose, evicting, mortal, empty }).map(
    ([name, state]) => [state, name],
  ),
);

const bounds = { calm: 2, exception: -1, death: -1, second: -1 };

/** Whom an exception left the latch takes it once more. */
export const healed = (program) =>
  function* (t, stage) {
    yield* program(t, stage);
    for (let i = 0; i < 3 && t.thread.traps > 0; i++) yield* expire(t, "-", NOW, "cacheDrop");
  };

/** Two calls on such a cache. */
export function pairOf(first, second, state, more = {}) {
  const { shape, ...planted } = state;
  return {
    bounds,
    isCalm: true,
    pages: 3,
    setup: (stage) => plantCache(stage, shape, planted),
    programs: { a: healed(CALLS[first]), b: healed(CALLS[second]) },
    finish,
    ...more,
  };
}

const PAIRS = [
  ["get", "get", two],
  ["get", "get", lru],
  ["get twice", "set", two],
  ["get", "set longer", two],
  ["get", "set another", full],
  ["get another", "set two", full],
  ["get", "set another", sieve],
  ["get twice", "delete", two],
  ["get", "delete and set", two],
  ["get twice", "replace, and use its slot", two],
  ["pin", "replace, and use its slot", two],
  ["get", "set two", lru],
  ["get", "set two", full],
  ["copy", "set two", full],
  ["copy", "set two", lru],
  ["copy twice", "replace, and use its slot", two],
  ["copy", "delete, and use its slot", one],
  ["copy", "set another", growing],
  ["get what expired", "set mortal", mortal],
  ["set mortal", "get", mortal],
  ["get twice", "set two", hybrid],
  ["get twice", "set two", s3],
  ["pin", "set two", hybrid],
  ["set policy", "set two", hybrid],
  ["get", "evict", evicting],
  ["set", "set", two],
  ["set", "set", empty],
  ["set another", "set two", full],
  ["set", "delete", two],
  ["set", "delete and set", full],
  ["delete", "delete", two],
  ["delete", "delete another", two],
  ["pin", "set another", full],
  ["pin", "delete and set", two],
  ["pin", "delete", two],
  ["pin", "set", two],
  ["pin", "set longer", two],
  ["pin", "clear", two],
  ["pin, and delete", "set", two],
  ["pin, and set", "set another", full],
  ["pin", "pin, and set", two],
  ["set, and look at what goes", "get", full],
  ["set, and look at what goes", "set two", full],
  ["reserve and commit", "set", two],
  ["reserve and commit another", "set two", full],
  ["reserve and abort", "set another", full],
  ["reserve and commit", "delete", two],
  ["reserve and commit", "clear", two],
  ["get", "set another", growing],
  ["get twice", "set another", growing],
  ["delete", "set another", growing],
  ["set", "set another", growing],
  ["pin", "set another", growing],
  ["pin", "grow, delete and set", growing],
  ["get", "grow, delete and set", growing],
  ["keys", "set another", growing],
  ["keys", "set two", two],
  ["keys", "delete and set", two],
  ["keys", "delete, and use its slot", one],
  ["get a moved one", "evict", loose],
  ["get a moved one", "evict, and use its slot", loose],
  ["delete a moved one", "evict", loose],
  ["pin a moved one", "evict", loose],
  ["keys", "evict", loose],
  ["set limits", "set another", evicting],
  ["set a namespace", "set another", evicting],
  ["set policy", "set two", two],
  ["set policy", "get", lru],
  ["clear", "get", two],
  ["clear", "set two", two],
  ["clear", "clear", two],
  ["clear", "delete", two],
  ["expire", "get", two],
  ["drop", "get", evicting],
  ["drop", "set another", evicting],
  ["check", "set two", full],
  ["check", "evict", loose],
  ["evict", "evict", loose],
];

const nameOf = (first, second, state) => `${first} + ${second}, ${NAMES.get(state)}`;

const seen = new Set();
const pairs = PAIRS.map(([first, second, state]) => ({
  name: `caches/${nameOf(first, second, state)}`,
  ...pairOf(first, second, state),
})).filter(({ name }) => !seen.has(name) && seen.add(name));

/** Who finds the latch taken gives up at once. */
const impatient = {
  name: "caches/delete + set two, without patience",
  ...pairOf("delete", "set two", two, { isImpatient: true }),
};

export default [...pairs, impatient];
