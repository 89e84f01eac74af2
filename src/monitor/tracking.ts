// Tracking: which tracker hears of which region's handles in this thread. Owns the hook of the library while there is a tracker, and what is
// known of each handle that one has chosen. Holds neither a region nor a handle.

import type { Core } from "../../bindings/core.js";
import type { Block } from "../block.js";
import type { Budget } from "../budget.js";
import type { Reservation } from "../reservation.js";
import { setTracker, type Tracker } from "../tracker.js";
import type { Claim } from "./claim.js";

/** What is known of a handle that was chosen. */
export interface Tracked {
  claim: Claim;
  readonly site: string;
  readonly atMs: number;
  /** It can be released without this handle: another thread may have been told its name. */
  isNamed: boolean;
  /** Its handle was collected, and it is live. */
  isDropped: boolean;
}

/** Hears of one region's handles; throws nothing. */
export type RegionTracker = Omit<Tracker, "named">;

const trackers = new WeakMap<WebAssembly.Memory, RegionTracker>();
const known = new WeakMap<Block | Reservation, Tracked>();
let count = 0;

/** What the library calls. */
export const hook: Tracker = {
  made: (handle: Block | Reservation, core: Core) => trackers.get(core.memory)?.made(handle, core),
  later: (granted: Promise<Reservation>, core: Core) => trackers.get(core.memory)?.later(granted, core) ?? granted,
  closing: (budget: Budget, core: Core) => trackers.get(core.memory)?.closing(budget, core),
  named(handle: Block | Reservation) {
    const tracked = known.get(handle);
    if (tracked !== undefined) tracked.isNamed = true;
  },
};

/** What is known of this handle. */
export const trackedOf = (handle: Block | Reservation): Tracked | undefined => known.get(handle);

export function remember(handle: Block | Reservation, tracked: Tracked): void {
  known.set(handle, tracked);
}

/** Tells `tracker` of all that this thread takes of the region in `memory`. Returns what ends it. @throws TypeError when another hears of it. */
export function listen(memory: WebAssembly.Memory, tracker: RegionTracker): () => void {
  if (trackers.has(memory))
    throw new TypeError("trackLeaks: this region is tracked already in this thread; stop that tracker first");
  trackers.set(memory, tracker);
  count++;
  setTracker(hook);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    trackers.delete(memory);
    count--;
    if (count === 0) setTracker(undefined);
  };
}
