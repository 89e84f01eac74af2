// Wait tree: the set-up that the scenarios on waiting share: a tree in which there is no room, and requests that wait in it.
//
//   r 1000 ── m 300 ┬─ leafa 500                        with a minimum where the scenario wants one
//                   ├─ leafb 500
//                   ├─ the main thread's hm, 100 bytes
//                   └─ b's hb, 200 bytes                so m is full
//   s 300                                               and there is room

import { find, leave } from "./budgeting.mjs";
import { hold, plant } from "./budgettree.mjs";
import { reserveOrWait } from "./waitcalls.mjs";

export function plantFull({ main, b }, { least = 0, items = undefined, limitA = 500, bypass = 0 } = {}) {
  plant(main, "r", undefined, { limit: 1000 });
  plant(main, "m", "r", { limit: 300, items, bypass });
  plant(main, "leafa", "m", { limit: limitA, min: least });
  plant(main, "leafb", "m", { limit: 500 });
  hold(main, "hm", "m", 100);
  if (b.ownerId !== 0) hold(b, "hb", "m", 200 - least);
  plant(main, "s", undefined, { limit: 300 });
}

/** A request of `owner` that waits, left as `name`. */
export function wait(owner, name, budget, bytes) {
  const waiting = owner.now(reserveOrWait(owner, find(owner, budget), bytes));
  if (!waiting.waits) throw new Error(`${bytes} bytes of ${budget} were granted at once in a set-up`);
  leave(owner, name, waiting);
}
