// Names: threads ask for names where no place is free, so that what nobody uses goes, beside others that ask, open, and close what is called so.

import { closeBudget, find, intern, leave, openNamed, requireCalled, requireName } from "../budgeting.mjs";
import { plantTree } from "../budgettree.mjs";

const bounds = { calm: 1, death: 0, second: -1 };
const ROOM = 15;

/** All places of the chunk are taken: by the tree's names, a tag, a budget's, and by names that nobody uses. */
function planted(stage) {
  const { main, machine } = stage;
  plantTree(stage);
  main.now(intern(main, "a tag"));
  leave(main, "theirs", main.now(openNamed(main, undefined, "theirs", { limit: 100 })));
  for (let i = main.model.ledger.numbers.size + 1; i < ROOM; i++) main.now(intern(main, `unused ${i}`, false));
  if (machine.u32[(machine.u32[(machine.c.H_NAMES + 4) >>> 2] + machine.c.CHUNK_COUNT) >>> 2] !== ROOM)
    throw new Error("there is a place for another name");
}

/** Needs a place, and what it opens is called so at the end too, as is what was there. */
const opens = (name) =>
  function* opening(t) {
    const opened = yield* openNamed(t, undefined, name, { limit: 100 });
    yield* t.alloc(16);
    if (opened) requireCalled(t, opened, name);
    requireCalled(t, find(t, "theirs"), "theirs");
    requireName(t, t.model.ledger.numbers.get("a tag"), "a tag");
  };

export default [
  { name: "names/two open what needs a place", bounds, setup: planted, programs: { a: opens("a"), b: opens("bb") } },
  {
    name: "names/one opens what is there, another closes it and makes room",
    bounds,
    setup: planted,
    programs: {
      a: (t) => openNamed(t, undefined, "theirs", { limit: 100 }),
      *b(t) {
        yield* closeBudget(t, find(t, "theirs"));
        yield* intern(t, "bb", false);
      },
    },
  },
];
