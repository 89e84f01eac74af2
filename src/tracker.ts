// Tracker: where a leak report listens to what this thread takes. Owns the thread's one listener, which `cistern/monitor` sets while it tracks;
// while there is none, a reservation costs one look at an empty variable. Who listens throws nothing.

import type { Core } from "../bindings/core.js";
import type { Block } from "./block.js";
import type { Budget } from "./budget.js";
import type { LeakGroup } from "./monitor/leak-report.js";
import type { Reservation } from "./reservation.js";

/** Hears of this thread's handles. */
export interface Tracker {
  /** What the handle holds is this thread's from here on; or the Block it is moved, and holds another place. */
  made(handle: Block | Reservation, core: Core): void;
  /** Somebody begins to wait. Answers what is to be waited for instead. */
  later(granted: Promise<Reservation>, core: Core): Promise<Reservation>;
  /** The budget is about to be closed: what is known of what that will give back. */
  closing(budget: Budget, core: Core): readonly LeakGroup[] | undefined;
  /** `handle.handle()` was given away: it can be released without this object. */
  named(handle: Block | Reservation): void;
}

/** @internal */
export let tracker: Tracker | undefined;

/** @internal */
export function setTracker(next: Tracker | undefined): void {
  tracker = next;
}
