// Charges: what the budgets of one attachment need of each other, wired together.

import { Budgets } from "../bindings/budgets.js";
import type { Core } from "../bindings/core.js";
import { Exhaustion } from "./exhaustion.js";
import { Levels } from "./levels.js";
import type { RegionHandle } from "./making.js";
import { Reclaimers } from "./reclaim.js";
import type { ReservationSource } from "./reservation.js";
import { Waiting } from "./waiting.js";
import { WakeHub } from "./wake.js";

/** @internal */
export function chargesOf(core: Core, { name: regionName, id: regionId }: RegionHandle): ReservationSource {
  const budgets = new Budgets(core);
  const { claimAt, crossedAt } = budgets;
  const { i32, exports } = core;
  const wake = new WakeHub(core);
  const source = {
    budgets,
    i32,
    claimAt,
    crossedAt,
    free: exports.reservationFree,
    regionName,
    regionId,
    wake,
    rings: new Set(),
    caches: new Set(),
    exhaustion: new Exhaustion(),
    isLeft: false,
  } as {
    -readonly [K in keyof ReservationSource]: ReservationSource[K];
  };
  source.waiting = new Waiting(source);
  source.levels = new Levels(source.budgets, source.wake);
  source.reclaimers = new Reclaimers(source.budgets, source.wake);
  return source;
}
