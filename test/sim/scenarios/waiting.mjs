// Waiting: requests that wait for room beside who makes it, takes it, ends the waiting, closes the budget or changes its limit. Each that waits
// looks and sleeps as a thread does, so that one who is not told sleeps on.

import { closeBudget, find, move, openBudget, release, reserve, resize, setLimit, split } from "../budgeting.mjs";
import { hold, plant, useAllRecords } from "../budgettree.mjs";
import { await_, cancel, decided, reserveOrWait } from "../waitcalls.mjs";
import { plantFull, wait } from "../waittree.mjs";

const bounds = { calm: 2, death: 1, second: 0 };
const brief = { calm: 2, death: 0, second: -1 };
const OF_THREE = { calm: 1, death: 0, second: -1 };

/** wa: a's, of 100 bytes in leafa; behind it wb: b's, of 60 in leafb. */
function one(stage, more) {
  plantFull(stage, more);
  wait(stage.a, "wa", "leafa", 100);
}

function two(stage, more) {
  one(stage, more);
  wait(stage.b, "wb", "leafb", 60);
}

const scenario = (name, setup, programs, more = {}) => ({
  name: `waiting/${name}`,
  bounds: brief,
  setup,
  programs,
  ...more,
});

const keeps = (name) => (t) => decided(t, find(t, name));
const ends = (name) => (t) => cancel(t, find(t, name));
const gives = (name) => (t) => release(t, find(t, name));
const closes = (name) => (t) => closeBudget(t, find(t, name));

function* last(t) {
  yield* release(t, find(t, "hb"));
  yield* decided(t, find(t, "wb"));
}

/** What b does beside the one request wa, of which a waits for the decision. */
const BESIDE = {
  "room is given back": gives("hm"),
  "a reservation shrinks": (t) => resize(t, find(t, "hb"), 90),
  "a reservation moves away": (t) => move(t, find(t, "hm"), find(t, "s")),
  "the limit is raised": (t) => setLimit(t, find(t, "m"), 400),
  "the limit is lowered, so that it is never granted": (t) => setLimit(t, find(t, "m"), 90),
  "the limit is lowered, but not so far": (t) => setLimit(t, find(t, "m"), 200),
  "its budget is closed": closes("leafa"),
  "who holds the room leaves": (t) => t.detach(),
  "another checks the region": (t) => t.check(),
};

const beside = Object.entries(BESIDE).map(([name, b], i) =>
  scenario(`one waits, ${name}`, one, { a: keeps("wa"), b }, { bounds: i < 1 ? bounds : brief }),
);

/** What b does while a ends wa. */
const AGAINST = {
  "a grant": gives("hm"),
  "a grant by a limit": (t) => setLimit(t, find(t, "m"), 400),
  "a close, and another takes the record": function* (t) {
    yield* closeBudget(t, find(t, "leafa"));
    yield* reserve(t, find(t, "s"), 10);
  },
  "a limit that it never fits": (t) => setLimit(t, find(t, "m"), 90),
};

const against = Object.entries(AGAINST).map(([name, b], i) =>
  scenario(`the end of waiting against ${name}`, one, { a: ends("wa"), b }, { bounds: i < 1 ? bounds : brief }),
);

/** Some room is there, but not enough for wa. */
function scarce(stage) {
  plantFull(stage);
  stage.main.now(setLimit(stage.main, find(stage.main, "m"), 350));
  wait(stage.a, "wa", "leafa", 100);
}

/** What b asks for that has room, but for wa. */
const BEHIND = {
  "a request": (t) => reserve(t, find(t, "leafb"), 50),
  "a request that may wait": (t) => await_(t, find(t, "leafb"), 50),
  "a minimum": (t) => openBudget(t, find(t, "m"), "new", { min: 50 }),
  "more of a reservation": (t) => resize(t, find(t, "hb"), 210),
  "a part, and a move out and in": function* (t) {
    const part = yield* split(t, find(t, "hb"), 20);
    yield* move(t, part, find(t, "s"));
    yield* move(t, part, find(t, "leafb"));
  },
  "no bytes at all": (t) => reserve(t, find(t, "leafb"), 0),
};

const behind = Object.entries(BEHIND).map(([name, b]) =>
  scenario(`others first: ${name}, beside one that ends its waiting`, scarce, { a: ends("wa"), b }),
);

/** As scarce; one may go before wa. */
function passable(stage) {
  plantFull(stage, { bypass: 1 });
  stage.main.now(setLimit(stage.main, find(stage.main, "m"), 350));
  wait(stage.a, "wa", "leafa", 100);
}

/** wb is behind wa, and has no room either. */
function passableByTwo(stage) {
  plantFull(stage, { bypass: 1 });
  wait(stage.a, "wa", "leafa", 150);
  wait(stage.b, "wb", "leafb", 60);
}

/** What is asked for in m while one may go before wa. */
const PAST = {
  "two requests": function* (t) {
    yield* reserve(t, find(t, "leafb"), 10);
    yield* reserve(t, find(t, "leafb"), 10);
  },
  "a minimum and a request": function* (t) {
    yield* openBudget(t, find(t, "m"), "new", { min: 10 });
    yield* reserve(t, find(t, "leafb"), 10);
  },
  "more of a reservation, twice": function* (t) {
    yield* resize(t, find(t, "hb"), 210);
    yield* resize(t, find(t, "hb"), 220);
  },
  "a move in, and out, and in": function* (t) {
    const part = yield* split(t, find(t, "hb"), 20);
    yield* move(t, part, find(t, "s"));
    yield* move(t, part, find(t, "leafb"));
    yield* move(t, part, find(t, "s"));
    yield* move(t, part, find(t, "leafb"));
  },
};

const past = [
  ...Object.entries(PAST).map(([name, b], i) =>
    scenario(
      `one may pass: ${name}, beside one that ends its waiting`,
      passable,
      { a: ends("wa"), b },
      i < 1 ? { bounds } : {},
    ),
  ),
  scenario("one may pass, and two ask at once", passable, {
    a: (t) => reserve(t, find(t, "leafa"), 10),
    b: (t) => reserve(t, find(t, "leafb"), 10),
  }),
  scenario(
    "one may pass, and room for the second in line comes",
    passableByTwo,
    { a: gives("hm"), b: keeps("wb") },
    { bounds },
  ),
];

/** wa waits in leafa, which is full, wb in m. */
function levels(stage, more = {}) {
  const { main, a, b } = stage;
  plantFull(stage, { limitA: 100, ...more });
  main.now(resize(main, find(main, "hm"), 0));
  hold(main, "ha", "leafa", 100);
  wait(a, "wa", "leafa", 80);
  wait(b, "wb", "leafb", 50);
}

/** leafa has a minimum: what it takes of it needs no room in m. */
function covered(stage) {
  const { main } = stage;
  plantFull(stage, { least: 60 });
  hold(main, "ha", "leafa", 40);
}

export default [
  ...beside,
  ...against,
  ...behind,
  ...past,
  scenario(
    "two wait in order, room for the second comes first",
    two,
    {
      a: keeps("wa"),
      *b(t) {
        yield* resize(t, find(t, "hb"), 140);
        yield* last(t);
      },
    },
    { bounds },
  ),
  scenario("two wait in order, the first ends it beside room for the second", two, {
    a: ends("wa"),
    *b(t) {
      yield* resize(t, find(t, "hb"), 140);
      yield* decided(t, find(t, "wb"));
    },
  }),
  scenario("two wait in order, the first's budget is closed", two, {
    *a(t) {
      yield* release(t, find(t, "hm"));
      yield* decided(t, find(t, "wa"));
    },
    *b(t) {
      yield* closeBudget(t, find(t, "leafa"));
      yield* decided(t, find(t, "wb"));
    },
  }),
  scenario("two wait in order, the first leaves", two, {
    a: (t) => t.detach(),
    *b(t) {
      yield* resize(t, find(t, "hb"), 150);
      yield* decided(t, find(t, "wb"));
    },
  }),
  scenario(
    "what was granted is given back",
    one,
    {
      *a(t) {
        yield* release(t, yield* decided(t, find(t, "wa")));
      },
      b: gives("hm"),
    },
    { isImpatient: true },
  ),
  scenario(
    "two wait in order, only the second can never be granted",
    (stage) => {
      plantFull(stage);
      wait(stage.a, "wa", "leafa", 60);
      wait(stage.b, "wb", "leafb", 250);
    },
    {
      *a(t) {
        yield* setLimit(t, find(t, "m"), 200);
        yield* decided(t, find(t, "wa"));
      },
      *b(t) {
        yield* release(t, find(t, "hb"));
        yield* decided(t, find(t, "wb"));
      },
    },
  ),
  scenario(
    "two wait at two levels, room below sends the first up before the other",
    levels,
    {
      *a(t) {
        yield* release(t, find(t, "ha"));
        yield* decided(t, find(t, "wa"));
      },
      *b(t) {
        yield* resize(t, find(t, "hb"), 130);
        yield* decided(t, find(t, "wb"));
      },
    },
    { bounds },
  ),
  scenario("two wait at two levels, the limits of both are raised", levels, {
    *a(t) {
      yield* setLimit(t, find(t, "leafa"), 200);
      yield* decided(t, find(t, "wa"));
    },
    *b(t) {
      yield* setLimit(t, find(t, "m"), 400);
      yield* decided(t, find(t, "wb"));
    },
  }),
  scenario(
    "one is sent down, where a minimum was used up meanwhile",
    (stage) => {
      covered(stage);
      stage.main.now(setLimit(stage.main, find(stage.main, "leafa"), 90));
      wait(stage.a, "wa", "leafa", 50);
      wait(stage.b, "wb", "leafb", 50);
    },
    {
      *a(t) {
        yield* reserve(t, find(t, "leafa"), 20);
        yield* decided(t, find(t, "wa"));
      },
      *b(t) {
        yield* release(t, find(t, "hm"));
        yield* decided(t, find(t, "wb"));
        yield* release(t, find(t, "ha"));
      },
    },
  ),
  scenario(
    "one needs less above when a minimum is covered less",
    (stage) => {
      covered(stage);
      stage.main.now(setLimit(stage.main, find(stage.main, "m"), 320));
      wait(stage.a, "wa", "leafa", 60);
    },
    {
      a: keeps("wa"),
      b: (t) => resize(t, find(t, "ha"), 10),
    },
  ),
  scenario(
    "as many items as there may be, and two wait for one",
    (stage) => {
      plantFull(stage, { items: 2 });
      stage.main.now(setLimit(stage.main, find(stage.main, "m"), 1000));
      wait(stage.a, "wa", "leafa", 0);
      wait(stage.b, "wb", "leafb", 10);
    },
    {
      *a(t) {
        yield* release(t, find(t, "hm"));
        yield* decided(t, find(t, "wa"));
      },
      b: keeps("wb"),
    },
  ),
  scenario(
    "both begin to wait where there is room for one",
    (stage) => {
      plantFull(stage);
      stage.main.now(resize(stage.main, find(stage.main, "hm"), 40));
    },
    {
      *a(t) {
        yield* await_(t, find(t, "leafa"), 60);
      },
      *b(t) {
        yield* await_(t, find(t, "leafb"), 50);
      },
    },
    { bounds },
  ),
  scenario(
    "one begins to wait beside who gives back",
    plantFull,
    {
      *a(t) {
        yield* await_(t, find(t, "leafa"), 100);
      },
      b: gives("hm"),
    },
    { bounds },
  ),
  scenario(
    "one begins to wait beside who gives back without the latch",
    plantFull,
    {
      a: (t) => await_(t, find(t, "leafa"), 100),
      *b(t) {
        yield* release(t, find(t, "hb"));
        yield* await_(t, find(t, "leafb"), 250);
      },
    },
    { isImpatient: true },
  ),
  scenario("one begins to wait beside who closes its budget", plantFull, {
    a: (t) => await_(t, find(t, "leafa"), 100),
    b: closes("leafa"),
  }),
  scenario(
    "one begins to wait and needs another chunk",
    (stage) => {
      plantFull(stage);
      useAllRecords(stage);
    },
    {
      a: (t) => await_(t, find(t, "leafa"), 100),
      b: gives("hm"),
    },
  ),
  scenario(
    "what can never be, and what is no more, does not wait",
    (stage) => {
      plantFull(stage);
      plant(stage.main, "gone", "m");
      stage.main.now(closeBudget(stage.main, find(stage.main, "gone")));
    },
    {
      *a(t) {
        yield* reserveOrWait(t, find(t, "leafa"), 301);
        yield* reserveOrWait(t, find(t, "gone"), 10);
        yield* reserveOrWait(t, find(t, "s"), 10);
      },
      b: (t) => setLimit(t, find(t, "m"), 310),
    },
  ),
  scenario(
    "a grant, a close and an end at once",
    two,
    {
      a: ends("wa"),
      b: gives("hb"),
      c: closes("leafb"),
    },
    { bounds: OF_THREE },
  ),
  scenario(
    "a third wants room beside two that wait and who makes it",
    two,
    {
      a: keeps("wa"),
      b: last,
      c: (t) => reserve(t, find(t, "m"), 30),
    },
    { bounds: OF_THREE },
  ),
  scenario(
    "one that waits leaves beside who makes room, without the latch",
    one,
    {
      a: (t) => t.detach(),
      b: gives("hm"),
    },
    { isImpatient: true },
  ),
];
