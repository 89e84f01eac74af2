// Cache lives: caches are opened, left and taken apart by owners side by side, by who detaches, and by who recovers; with one death anywhere.

import { detach, leave, NOW, openCache, pin, plantCache, cacheOf, reserve, set } from "../cachecalls.mjs";
import { leaveCut } from "../ringaudit.mjs";
import { sumOfInternal } from "../ringcalls.mjs";
import { FINISHED, Violation } from "../thread.mjs";
import { burial } from "./ghosts.mjs";

/** One death at each place that is passed, and no more preemptions than that: what is opened is zeroed, so a schedule is long. */
const bounds = { calm: 1, exception: -1, death: -1, second: -1 };
const long = { bounds: { ...bounds, calm: 0 } };
const SHAPE = {};

/** Whoever still uses a cache leaves it: then none is there, and nothing is lost. */
function allGone(stage) {
  const everyone = [...stage.actors, stage.undertaker];
  const { audit, main, machine } = stage;
  audit.recoverDead(everyone);
  leaveCut(stage);
  audit.survey("beside caches");
  for (const actor of [...stage.actors, main]) {
    if (actor.thread && actor.thread.status !== FINISHED) continue;
    for (const at of usedBy(stage, actor)) {
      const status = actor.exports.leaveCache(at);
      if (status !== 0) throw new Violation(`leaveCache answers ${status} to ${actor.name} at the quiet end`);
    }
  }
  if (machine.view.word(machine.c.H_CACHES) !== 0) throw new Violation("a cache is there when everybody has left it");
  audit.run(everyone, () => {});
  if (sumOfInternal(machine.view) !== stage.internal) throw new Violation("something of a cache is left");
}

/** The caches that an owner says it uses. */
function usedBy({ machine: { view, c } }, { ownerId }) {
  const found = [];
  for (let cache = view.word(c.H_CACHES), i = 0; cache !== 0 && i < 9; cache = view.word(cache + c.K_NEXT), i++) {
    const user = view.word(cache + c.K_USERS) + (ownerId & 0xff) * c.USER_BYTES;
    if (ownerId !== 0 && view.word(user + c.U_OWNER) === ownerId) found.push(cache);
  }
  return found;
}

/** The thread opens a cache that it may find, or make, and works on it. */
function* opens(t) {
  const cache = yield* openCache(t, SHAPE);
  if (cache) yield* works(t, cache);
}

/** What the model knows by one name are several caches here, so what is put in is not looked up again. */
function* works(t, { at }) {
  const { u8 } = t.view;
  const key = t.slot + t.c.S_OUT + 128;
  u8.fill(7, key, key + 16);
  yield { name: "cacheSet", args: [at, key, 1 | (1 << 14), 8, 50 << 8, 0, NOW] };
}

function* opensAndLeaves(t) {
  const cache = yield* openCache(t, SHAPE);
  if (!cache) return;
  yield* works(t, cache);
  yield* leaveFor(t, cache);
}

/** Leaves until it is done, or somebody who is dead keeps it from that. */
function* leaveFor(t, cache = cacheOf(t)) {
  for (let i = 0; i < 2; i++) if ((yield* leave(t, cache)) === 0) return;
}

export const leaves = (t) => leaveFor(t);

/** Nobody has a cache yet. */
const bare = (stage) => {
  stage.internal = sumOfInternal(stage.machine.view);
};

/** The main thread has left it: the actors are its last users. */
function shared(stage) {
  plantCache(stage, SHAPE, { entries: [["k"], ["l", 2500]] });
  stage.main.now(leave(stage.main));
}

/** A scenario of caches that come and go. */
export const life = (name, setup, programs, more = {}) => ({
  name: `cache lives/${name}`,
  pages: 3,
  owners: 7,
  bounds,
  setup,
  programs,
  finish: allGone,
  ...more,
});

export default [
  life("open + open", bare, { a: opens, b: opens }, long),
  life("open + open, and leave", bare, { a: opens, b: opensAndLeaves }, long),
  life("open and leave + open and leave", bare, { a: opensAndLeaves, b: opensAndLeaves }, long),
  life("leave + leave", shared, { a: leaves, b: leaves }),
  life("leave + detach", shared, { a: leaves, b: detach }),
  life("detach + open", (stage) => plantCache(stage, SHAPE, { entries: [["k"]], users: ["a"] }), {
    *a(t) {
      yield* set(t, "k");
      yield* detach(t);
    },
    b: opens,
  }),
  life("leave, with a slot in hand and a pin + leave", shared, {
    *a(t) {
      yield* reserve(t, "m", 8);
      yield* pin(t, "k");
      yield* leaveFor(t);
    },
    b: leaves,
  }),
  life(
    "the last user died, two recover it",
    (stage) => {
      plantCache(stage, SHAPE, { entries: [["k"]], users: [] });
      stage.ghost([
        function* (g) {
          yield* openCache(g, SHAPE);
        },
      ]);
      stage.main.now(leave(stage.main));
    },
    { a: burial([0]), b: burial([0]) },
  ),
  life(
    "who took it apart died, and it is opened anew",
    (stage) => {
      plantCache(stage, SHAPE, { entries: [["k"], ["l", 2500]], users: [] });
      stage.main.now(leave(stage.main));
      const steps = function* (g) {
        yield* openCache(g, SHAPE);
      };
      stage.ghost([steps], [(g) => set(g, "k")], [(g) => leave(g), 40]);
    },
    { a: burial([0]), b: opens },
    long,
  ),
  {
    ...life("an exception while it comes and goes", bare, { a: opensAndLeaves, *b() {} }),
    bounds: { calm: 0, exception: 0, death: -1, second: -1 },
  },
];
