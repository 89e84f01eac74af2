// Ring desk: what one attachment has of all its rings together: each ring's port once, however often it opens it, and a place in the region, the
// stage, through which short records and batches are copied (a view made for each record costs more than the record). The stage is a Block: it
// goes with the last ring, or with the recovery of a thread that ended.

import type { Core } from "./core.js";
import type { RingPort } from "./rings.js";

export const STAGE_BYTES = 16384;

export interface Desk {
  readonly stage: number;
  readonly claim: { low: number; high: number };
  /** As large as the stage, and not shared. */
  readonly own: Uint8Array;
  readonly ports: Map<number, RingPort>;
}

const desks = new WeakMap<Core, Desk>();

/** Undefined: there is no memory for the stage; the core's `reason` says why. */
export function deskOf(core: Core): Desk | undefined {
  const known = desks.get(core);
  if (known !== undefined) return known;
  const stage = core.exports.blockAlloc(STAGE_BYTES, 8) >>> 0;
  if (stage === 0) return undefined;
  const desk = { stage, claim: core.lastClaim(), own: new Uint8Array(STAGE_BYTES), ports: new Map() };
  desks.set(core, desk);
  return desk;
}

/** The ring at `at` is used no more here (0: it was never opened); with the last one the stage goes too. */
export function leaveDesk(core: Core, at: number): void {
  const desk = desks.get(core);
  if (desk === undefined) return;
  desk.ports.delete(at);
  if (desk.ports.size > 0) return;
  desks.delete(core);
  core.exports.blockFree(desk.stage, desk.claim.low, desk.claim.high);
}
