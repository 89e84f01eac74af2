// Rings: every two calls on one ring side by side, with room for one record more, for none, or with none in it; where sequences come round; and
// with one death anywhere.

import { finish } from "../ringaudit.mjs";
import {
  close,
  commit,
  leave,
  plantRing,
  pop,
  popMany,
  push,
  pushMany,
  passOn,
  leaveWith,
  receive,
  release,
  reserve,
  setLimits,
  take,
  trim,
} from "../ringcalls.mjs";

const bounds = { calm: 2, death: 1, second: 0 };

const SIZE = 8;

export const CALLS = {
  push: (t) => push(t, SIZE),
  /** From the second on it takes the next descriptor ahead of time. */
  *"push thrice"(t) {
    for (let i = 0; i < 3; i++) yield* push(t, SIZE - i);
  },
  /** The second goes in when the next is there already. */
  *"push twice, and two from hand"(t) {
    for (let i = 0; i < 2; i++) yield* push(t, SIZE - i);
    const hands = [yield* reserve(t, SIZE), yield* reserve(t, SIZE)];
    for (const hand of hands) yield* commit(t, hand);
  },
  pop: (t) => pop(t),
  *"take and release"(t) {
    yield* release(t, yield* take(t));
  },
  *"reserve and commit"(t) {
    yield* commit(t, yield* reserve(t, SIZE));
  },
  *"reserve and release"(t) {
    yield* release(t, yield* reserve(t, SIZE));
  },
  *"commit, and want what is dropped"(t) {
    yield* commit(t, yield* reserve(t, SIZE), true);
  },
  /** What it took is used again for a longer one, which others find where they look for the length of what was there. */
  *"pop, and push a longer one"(t) {
    yield* pop(t);
    yield* push(t, 3 * SIZE);
  },
  *"take, and pass it on"(t) {
    yield* passOn(t, yield* take(t));
  },
  *"take, and leave with it"(t) {
    yield* leaveWith(t, yield* take(t));
  },
  "push many": (t) => pushMany(t, [SIZE, 5, 0]),
  *"pop many"(t) {
    yield* release(t, yield* popMany(t, 3, 40));
  },
  "set limits": (t) => setLimits(t, 1),
  "set higher limits": (t) => setLimits(t, 3),
  receive: (t) => receive(t),
  close: (t) => close(t),
  leave: (t) => leave(t),
  trim: (t) => trim(t),
  check: (t) => t.check(),
};

/** Two calls on a ring of this shape, in which there are so many records. */
export function pairOf(first, second, shape, { records = 1, ...more } = {}) {
  return {
    bounds,
    setup: (stage) => plantRing(stage, shape, { records }),
    programs: { a: CALLS[first], b: CALLS[second] },
    finish,
    ...more,
  };
}

const WRAP = 0xffffffff;

const plain = (capacity, first = 0) => ({ capacity, most: 3, first });
const high = (capacity) => ({ ...plain(capacity), high: capacity });
const again = (capacity) => ({ ...plain(capacity), again: true });
const dropping = (capacity, first = 0) => ({ ...plain(capacity, first), drops: true });

/** First, second, shape, records in it. */
const PAIRS = [
  ["push", "push", plain(2), 1],
  ["push", "push", plain(3, WRAP), 0],
  ["push", "push", dropping(1), 1],
  ["push thrice", "pop", plain(3), 0],
  ["push thrice", "pop many", high(3), 0],
  ["push thrice", "push thrice", dropping(3), 0],
  ["push thrice", "trim", plain(3), 0],
  ["push twice, and two from hand", "pop", { ...plain(4), most: 4 }, 0],
  ["push", "pop", plain(1), 1],
  ["push", "pop", plain(2), 0],
  ["push", "pop", dropping(1, WRAP), 1],
  ["pop", "pop", plain(2), 1],
  ["pop", "pop", plain(3, WRAP - 1), 3],
  ["push", "take and release", plain(1, WRAP), 1],
  ["push", "take and release", dropping(1), 1],
  ["commit, and want what is dropped", "pop", dropping(1), 1],
  ["commit, and want what is dropped", "take and release", dropping(2), 2],
  ["commit, and want what is dropped", "push", dropping(1), 1],
  ["reserve and commit", "push many", plain(3), 1],
  ["reserve and release", "push", plain(2), 1],
  ["push many", "pop many", plain(2), 1],
  ["push many", "pop many", dropping(2, WRAP - 1), 2],
  ["pop many", "pop", plain(3), 3],
  ["set limits", "push", plain(2), 1],
  ["set limits", "push", dropping(2), 2],
  ["set limits", "pop", plain(2), 2],
  ["set limits", "set higher limits", plain(2), 2],
  ["set higher limits", "push", plain(1), 1],
  ["push", "pop", high(1), 0],
  ["push", "pop many", high(2), 1],
  ["set higher limits", "push", high(1), 0],
  ["push", "receive", plain(2), 0],
  ["push many", "receive", plain(3), 0],
  ["reserve and commit", "receive", dropping(1), 0],
  ["close", "push", plain(2), 1],
  ["close", "push", dropping(1, WRAP), 1],
  ["close", "pop", plain(2), 1],
  ["close", "close", plain(2), 1],
  ["close", "set limits", plain(2), 1],
  ["trim", "push", plain(2), 1],
  ["trim", "pop", plain(2), 1],
  ["trim", "reserve and commit", plain(2), 1],
  ["check", "push", plain(2), 1],
  ["check", "pop", plain(2), 2],
  ["check", "commit, and want what is dropped", dropping(1), 1],
  ["check", "trim", plain(2), 1],
  ["check", "close", plain(2), 1],
  ["leave", "push", plain(2), 1],
  ["leave", "pop", plain(2), 1],
  ["leave", "close", plain(2), 1],
  ["take, and pass it on", "receive", again(2), 1],
  ["take, and pass it on", "pop", again(2), 2],
  ["take, and pass it on", "take, and pass it on", again(2), 1],
  ["take, and leave with it", "receive", again(2), 1],
  ["take, and pass it on", "push", plain(1), 1],
];

const nameOf = (first, second, { capacity, drops, again: twice, high: top, first: sequence }, records) =>
  `${first} + ${second}, ${records} of ${capacity}${drops ? ", drops" : ""}${twice ? ", again" : ""}${top ? ", high" : ""}${sequence > 9 ? ", come round" : ""}`;

const pairs = PAIRS.map(([first, second, shape, records]) => ({
  name: `rings/${nameOf(first, second, shape, records)}`,
  ...pairOf(first, second, shape, { records }),
}));

/** One dies, and nobody recovers it: the other goes on as if nothing had been. */
const ALONE = [
  ["push", "push many", plain(3), 1],
  ["push", "pop many", plain(2), 1],
  ["pop", "push many", plain(2), 2],
  ["pop many", "pop many", plain(3), 3],
  ["take and release", "push many", dropping(2), 2],
  ["commit, and want what is dropped", "push many", dropping(2), 2],
  ["push many", "pop many", dropping(2, WRAP - 2), 1],
  ["close", "push many", plain(3), 1],
  ["close", "pop many", plain(3), 2],
  ["set limits", "push many", plain(2), 1],
];

const alone = ALONE.map(([first, second, shape, records]) => ({
  name: `rings/nobody recovers: ${nameOf(first, second, shape, records)}`,
  ...pairOf(first, second, shape, { records }),
  buriesItself: true,
  bounds: { calm: 0, exception: -1, death: 2, second: -1 },
}));

/** Nobody keeps a descriptor, so what is taken is what is put in next. */
const reused = {
  name: "rings/what was taken is put in again, longer",
  bounds,
  setup: (stage) => plantRing(stage, plain(3), { records: 2, cold: ["a", "b"] }),
  programs: { a: CALLS["pop, and push a longer one"], b: CALLS.pop },
  finish,
};

export default [...pairs, ...alone, reused];
