// Cache pieces: long values where no run is free for one: calls side by side on values that lie in pages of their own, with one death anywhere, with
// an exception, and with owners that died before with such a value in hand, or while they took one out.

import { finish } from "../cacheaudit.mjs";
import {
  abort,
  cacheOf,
  clear,
  evict,
  get,
  historyOf,
  leave,
  openCache,
  pin,
  plantCache,
  remove,
  reserve,
  setLong,
  unpin,
} from "../cachecalls.mjs";
import { leaves, life } from "./cachelives.mjs";
import { burial } from "./ghosts.mjs";
import { healed } from "./caches.mjs";

// Two pieces each.
const LONG = 5000;
// Pages that stay free, none beside another.
const HOLES = 12;

const CALLS = {
  get: (t) => get(t, "k"),
  *pin(t) {
    yield* unpin(t, yield* pin(t, "k"));
  },
  *"pin, and delete"(t) {
    const hand = yield* pin(t, "k");
    yield* remove(t, "k");
    yield* unpin(t, hand);
  },
  set: (t) => setLong(t, "k", LONG),
  "set another": (t) => setLong(t, "m", LONG),
  *"reserve and abort"(t) {
    yield* abort(t, yield* reserve(t, "m", LONG));
  },
  delete: (t) => remove(t, "k"),
  *"delete and set another"(t) {
    yield* remove(t, "k");
    yield* setLong(t, "m", LONG);
  },
  evict: (t) => evict(t),
  clear: (t) => clear(t),
  check: (t) => t.check(),
};

/** All the region's free memory but this many pages is taken, so that nothing longer is free. */
function scatter({ main, machine: { view } }, holes) {
  const { GRAIN_BYTES, PAGE_BYTES, H_COMMITTED } = main.c;
  const free = () => (view.grains - view.firstGrain - view.word(H_COMMITTED)) * GRAIN_BYTES;
  const pages = [];
  while (pages.length < 2 * holes) pages.push(main.now(main.alloc(PAGE_BYTES)));
  main.now(main.alloc(free()));
  pages.sort((one, two) => one.p - two.p);
  for (let i = 0; i < pages.length; i += 2) main.now(main.free(pages[i]));
}

/** A cache of these long values in a region where only so many pages are free. */
const scattered =
  (shape, keys, holes = HOLES) =>
  (stage) => {
    const { main } = stage;
    plantCache(stage, { inPieces: true, ...shape });
    scatter(stage, holes);
    for (const key of keys) main.now(setLong(main, key, LONG));
    historyOf(main).settle();
  };

const one = scattered({}, "k");
/** There is no page for what comes in but those of what goes: two for each value, one for their slots, one for the table. */
const full = scattered({ evicts: true }, "kl", 6);
const evicting = scattered({ evicts: true }, "k");

const base = { pages: 3, finish };
const calm = { isCalm: true, bounds: { calm: 2, exception: -1, death: -1, second: -1 } };
const deadly = { bounds: { calm: 0, exception: -1, death: 0, second: -1 } };

const pairOf = ([first, second, setup], more) => ({
  ...base,
  setup,
  programs: { a: healed(CALLS[first]), b: healed(CALLS[second]) },
  ...more,
});

const PAIRS = [
  ["get", "set", one],
  ["get", "delete and set another", one],
  ["pin", "delete and set another", one],
  ["pin, and delete", "set another", one],
  ["delete", "set", one],
  ["reserve and abort", "get", one],
  ["set another", "evict", evicting],
  ["set another", "clear", one],
  ["check", "delete and set another", one],
  ["get", "set another", full],
  ["set another", "set another", full],
  ["pin, and delete", "set another", full],
];

const nameOf = ([first, second, setup]) => `${first} + ${second}, ${setup === full ? "full" : "one"}`;

const ghostOf =
  (setup, ...calls) =>
  (stage) => {
    setup(stage);
    stage.ghost(
      [
        function* (g) {
          yield* openCache(g, cacheOf(g).shape);
        },
      ],
      ...calls,
    );
  };

/** One died before that write of it, and is recovered beside this. */
const buried = (what, write, setup, call, b) => ({
  ...base,
  name: `cache pieces/died ${what}, at write ${write}`,
  owners: 5,
  isCalm: true,
  bounds: { calm: 1, exception: -1, death: -1, second: -1 },
  setup: ghostOf(setup, [call, write]),
  programs: { a: burial([0]), b: healed(b) },
});

const at = (what, writes, ...rest) => writes.map((write) => buried(what, write, ...rest));

const inHand = (g) => reserve(g, "m", LONG);

export default [
  ...PAIRS.map((pair) => pairOf(pair, { name: `cache pieces/${nameOf(pair)}`, ...calm })),
  ...PAIRS.map((pair) => pairOf(pair, { name: `cache pieces/one dies: ${nameOf(pair)}`, ...deadly })),
  ...PAIRS.slice(0, 5).map((pair) =>
    pairOf(pair, { name: `cache pieces/nobody recovers: ${nameOf(pair)}`, ...deadly, buriesItself: true }),
  ),
  pairOf(["delete and set another", "get", one], {
    name: "cache pieces/an exception anywhere",
    bounds: { calm: 0, exception: 0, death: -1, second: -1 },
  }),
  {
    ...base,
    name: "cache pieces/in a dead one's hand, and its pages are the next one's",
    owners: 5,
    bounds: { calm: 1, exception: -1, death: 0, second: -1 },
    setup: ghostOf(full, [inHand]),
    programs: { a: burial([0]), b: healed(CALLS["set another"]) },
  },
  life(
    "leave + leave, with values in pieces",
    (stage) => {
      full(stage);
      stage.main.now(leave(stage.main));
    },
    { a: leaves, b: leaves },
  ),
  ...at("taking pieces", [60, 70, 80, 90, 100, 110, 120], one, inHand, CALLS["set another"]),
  ...at("giving pieces back", [30, 40, 50, 60, 70, 80, 90, 100], one, CALLS.delete, CALLS["set another"]),
];
