// Status: the core's numbers as words. The only place where a status code becomes text.

import * as S from "../assembly/shared/status.js";

export {
  BUDGET_GONE,
  BUSY,
  CLOSED,
  FULL,
  HAS_CHILDREN,
  NEVER,
  NOT_ATTACHED,
  NOT_LIVE,
  NO_SLOT,
  OK,
  OTHERS_FIRST,
  OVER_ITEMS,
  OVER_LIMIT,
  OWNER_ALIVE,
  POISONED,
  TOO_DEEP,
  TOO_LARGE,
} from "../assembly/shared/status.js";

const PROBLEMS: Record<number, string> = {
  [S.BAD_CHAIN]: "broken chain at grain",
  [S.BAD_ADJACENT_FREE]: "free runs touch at grain",
  [S.BAD_BIN]: "free runs differ from bin",
  [S.BAD_TAIL_MARK]: "wrong tail mark of the run at grain",
  [S.BAD_SLAB_TAG]: "wrong tag of the slab at grain",
  [S.BAD_SLAB_BITS]: "bits beyond the blocks of the slab at grain",
  [S.BAD_SLAB_WORD]: "wrong word in a slab at grain",
  [S.BAD_HINT]: "no hint leads to the slab at grain",
  [S.BAD_FREE_BYTES]: "free memory is not zero, in a region that scrubs, at grain",
  [S.BAD_EMPTY_HINT]: "no hint leads to the empty slab or freed run at grain",
  [S.BAD_COMMITTED]: "the committed counter is wrong, the runs' grains are",
  [S.BAD_TAIL_BYTES]: "the tail counter is wrong, the slabs' tails are",
  [S.BAD_USED]: "the owners' counters are wrong, the live bytes are",
  [S.BAD_RECORD]: "a Block's bit and record disagree at grain",
  [S.BAD_PEAK]: "the peak is below the committed grains",
  [S.BAD_HEADER]: "changed header field",
  [S.BAD_AUX]: "wrong mark or charge of the run or slab at grain",
  [S.BAD_RUN_WORD]: "wrong word in a run at grain",
  [S.BAD_BUDGET]: "the counters differ from the reservations of the budget at",
  [S.BAD_RESERVATION]: "no owner or no budget for the reservation at",
  [S.BAD_POOL]: "a broken list of budgets, reservations or names at",
  [S.BAD_RING]: "slots, descriptors or counters differ in the ring at",
  [S.BAD_CACHE]: "entries, table, lists or counters differ in the cache at",
};

/** A sentence for one problem that `check` found. */
export function problemText(code: number, where: number): string {
  return `${PROBLEMS[code] ?? `problem ${code} at`} ${where}`;
}
