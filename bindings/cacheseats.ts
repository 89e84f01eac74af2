// Cache seats: that a thread may open one cache several times, and leaves it once. Owns, of each region and cache, what this thread's ports of it share.

import type { Core } from "./core.js";

/** What this thread's ports of one cache share: it is left with the last of them, and from then on its memory may be another's. */
export interface Seat {
  ports: number;
  isLeft: boolean;
}
const seats = new WeakMap<Core, Map<number, Seat>>();

/** The seat of one port more. */
export function seatAt(core: Core, at: number): Seat {
  let known = seats.get(core);
  if (known === undefined) seats.set(core, (known = new Map()));
  let seat = known.get(at);
  if (seat === undefined) known.set(at, (seat = { ports: 0, isLeft: false }));
  seat.ports++;
  return seat;
}

/** The last port is closed. */
export function leaveSeat(core: Core, at: number): void {
  seats.get(core)?.delete(at);
}
