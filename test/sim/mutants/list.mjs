// List: the mutants, each a plausible mistake in one place of the core, with the scenarios that must show it. One that cannot be told
// from the core says why in `equivalent`. `canary` marks the planted bug of each layer that has to be found in the quick run.

import { ARENA_MUTANTS } from "./arena.mjs";
import { BUDGET_MUTANTS } from "./budgets.mjs";
import { CACHE_MUTANTS } from "./caches.mjs";
import { CHARGED_MUTANTS } from "./charged.mjs";
import { LOAD_MUTANTS } from "./loads.mjs";
import { PAGE_MUTANTS } from "./pages.mjs";
import { SLAB_MUTANTS } from "./slabs.mjs";
import { MOVE_MUTANTS } from "./moves.mjs";
import { NAME_MUTANTS } from "./names.mjs";
import { OWNER_MUTANTS } from "./owners.mjs";
import { RING_MUTANTS } from "./rings.mjs";
import { SCRUBBING_MUTANTS } from "./scrubbing.mjs";
import { WAITING_MUTANTS } from "./waiting.mjs";

export const MUTANTS = [
  ...SLAB_MUTANTS,
  ...PAGE_MUTANTS,
  ...OWNER_MUTANTS,
  ...MOVE_MUTANTS,
  ...BUDGET_MUTANTS,
  ...NAME_MUTANTS,
  ...WAITING_MUTANTS,
  ...CHARGED_MUTANTS,
  ...ARENA_MUTANTS,
  ...RING_MUTANTS,
  ...CACHE_MUTANTS,
  ...LOAD_MUTANTS,
  ...SCRUBBING_MUTANTS,
];
