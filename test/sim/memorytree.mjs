// Memory tree: the set-up that the scenarios on charged memory share, and the calls on charged Blocks that they set side by side.
//
//   r ── m ┬─ leafa      a's own Block of 256 bytes, ba, and a's reservation of 256 bytes, ha
//          ├─ leafb      b's, bb and hb
//          └─ the main thread's Block bm, the region's          m has room for exactly 256 bytes more

import { closeBudget, find, release, reserve, setLimit } from "./budgeting.mjs";
import { bind, hold, plant } from "./budgettree.mjs";
import { blockAllocIn } from "./charging.mjs";

export const SMALL = 256;
export const RUN = 9000;

/** A Block of `owner`, charged to the budget of that name, left as `name`. */
export function charge(owner, name, budget, bytes = SMALL) {
  const block = owner.now(blockAllocIn(owner, find(owner, budget), bytes));
  owner.put(name, block);
  return block;
}

export function plantMemory({ main, actors }) {
  plant(main, "r", undefined, { limit: 100_000 });
  plant(main, "m", "r");
  for (const actor of actors) {
    plant(main, `leaf${actor.name}`, "m");
    if (actor.ownerId === 0) continue;
    charge(actor, `b${actor.name}`, `leaf${actor.name}`);
    hold(actor, `h${actor.name}`, `leaf${actor.name}`, SMALL);
  }
  main.now(main.move(charge(main, "bm", "m"), true));
}

const own = (t, x) => find(t, `leaf${x}`);
const others = (t, x) => find(t, x === "a" ? "leafb" : "leafa");
const limitOf = (t, stage) => stage.machine.budgets.view.long(find(t, "m").at + t.c.B_LIMIT);

export const CALLS = {
  take: { steps: (t, x) => blockAllocIn(t, own(t, x), SMALL) },
  // More than there is room for.
  "take a run": { steps: (t, x) => blockAllocIn(t, own(t, x), RUN) },
  free: { steps: (t, x) => t.blockFree(t.look(`b${x}`)) },
  adopt: { steps: (t) => t.move(t.look("bm")) },
  share: { steps: (t, x) => t.move(t.look(`b${x}`), true) },
  reserve: { steps: (t, x) => reserve(t, own(t, x), SMALL) },
  release: { steps: (t, x) => release(t, find(t, `h${x}`)) },
  close: { steps: (t, x) => closeBudget(t, own(t, x)) },
  "close the other's": { steps: (t, x) => closeBudget(t, others(t, x)) },
  lower: { steps: (t, x, stage) => setLimit(t, find(t, "m"), limitOf(t, stage) - 300) },
  detach: { steps: (t) => t.detach() },
  check: { steps: (t) => t.check() },
};

/** Two calls side by side. */
export function pairOf(first, second, more = {}) {
  return {
    hasMemory: true,
    setup(stage) {
      plantMemory(stage);
      bind(stage, more.room ?? SMALL);
    },
    programs: {
      a: (t, stage) => CALLS[first].steps(t, "a", stage),
      b: (t, stage) => CALLS[second].steps(t, "b", stage),
    },
    ...more,
  };
}
