// Errors: what can go wrong, each with a stable `code`. Wrong arguments are TypeError and RangeError, thrown before anything
// changed; the classes here are states a program can meet and handle.

/** What every error of this package is. */
export class CisternError extends Error {
  /** Stable, for programs: `ERR_…`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = new.target.name;
    this.code = code;
  }
}

/** What a refused allocation knew. Sizes are bytes. */
export interface LimitFacts {
  requested: number;
  limit: number;
  current: number;
  budgetPath: string;
  /** What holds the most there, by tag. */
  consumers?: readonly { tag: string; bytes: number; count: number }[];
  /** Whether it can never fit, however much is given back. */
  isImpossible?: boolean;
  /** Whether the limit is a budget's: what is free there is a count, not a place. */
  isBudget?: boolean;
  /** How long it waited for room, in milliseconds, and found none. */
  waitedMs?: number;
}

function limitCode({ isImpossible, waitedMs }: LimitFacts): string {
  if (isImpossible) return "ERR_MEMORY_LIMIT_NEVER";
  return waitedMs === undefined ? "ERR_MEMORY_LIMIT" : "ERR_MEMORY_LIMIT_TIMEOUT";
}

/** What the numbers do not say. */
function whyNot({ requested, budgetPath, isBudget, isImpossible, waitedMs }: LimitFacts, available: number): string {
  if (waitedMs !== undefined) return `; waited ${waitedMs} ms for room in ${budgetPath}`;
  if (!isBudget) return requested <= available ? `; what is free in ${budgetPath} lies in pieces too small` : "";
  return isImpossible ? `; more than all of ${budgetPath}` : `; no room in ${budgetPath}`;
}

/** A request does not fit under a limit (G05; the text is G06's). Nothing was taken. */
export class MemoryLimitExceededError extends CisternError {
  readonly requested: number;
  readonly limit: number;
  readonly current: number;
  readonly available: number;
  /** Share of the limit that is used, 0–100. */
  readonly usagePercent: number;
  /** Names of the budgets from the root down to the one that refused, joined by `/`. */
  readonly budgetPath: string;
  /** What holds the most there, by tag, largest first. */
  readonly consumers: readonly { tag: string; bytes: number; count: number }[];

  constructor(facts: LimitFacts) {
    const available = Math.max(0, facts.limit - facts.current);
    const usagePercent = facts.limit === 0 ? 100 : (facts.current / facts.limit) * 100;
    const { requested, limit, current } = facts;
    const consumers = facts.consumers ?? [];
    super(
      limitCode(facts),
      `memory limit exceeded: requested ${requested} bytes, limit ${limit} bytes, currently allocated ${current} bytes (${usagePercent.toFixed(1)}% used)` +
        whyNot(facts, available) +
        consumers.map(({ tag, bytes }, i) => `${i === 0 ? "; held by " : ", "}${tag || "untagged"}: ${bytes}`).join(""),
    );
    this.requested = facts.requested;
    this.limit = facts.limit;
    this.current = facts.current;
    this.available = available;
    this.usagePercent = usagePercent;
    this.budgetPath = facts.budgetPath;
    this.consumers = consumers;
  }

  /** The facts as a block of lines (G07). */
  format(): string {
    return [
      "Memory limit exceeded:",
      `  Requested: ${this.requested} bytes`,
      `  Limit:     ${this.limit} bytes`,
      `  Current:   ${this.current} bytes (${this.usagePercent.toFixed(1)}% used)`,
      `  Available: ${this.available} bytes`,
    ].join("\n");
  }
}

/** A budget has as many reservations as it may have. Nothing was taken. */
export class ItemLimitExceededError extends CisternError {
  readonly budgetPath: string;
  readonly maxItems: number;

  constructor(budgetPath: string, maxItems: number) {
    super("ERR_ITEM_LIMIT", `budget "${budgetPath}" has as many items as it may have: ${maxItems}`);
    this.budgetPath = budgetPath;
    this.maxItems = maxItems;
  }
}

/** The budget was closed, here or in another thread: it grants nothing any more. */
export class BudgetClosedError extends CisternError {
  readonly budgetPath: string;

  constructor(budgetPath: string) {
    super("ERR_BUDGET_CLOSED", `budget "${budgetPath}" is closed`);
    this.budgetPath = budgetPath;
  }
}

/** A ring stands in the budget that should be closed, or below it. Nothing was closed. */
export class BudgetInUseError extends CisternError {
  readonly budgetPath: string;

  constructor(budgetPath: string, ringPath: string) {
    super(
      "ERR_BUDGET_IN_USE",
      `budget "${budgetPath}" cannot be closed: a ring or cache stands in "${ringPath}"; close it in each thread that opened it, a ring once it is empty`,
    );
    this.budgetPath = budgetPath;
  }
}

/** A reservation that was released, here or by closing its budget, or that another thread adopted. */
export class StaleReservationError extends CisternError {
  constructor() {
    super("ERR_RESERVATION_STALE", "the reservation was released, adopted by another thread or shared");
  }
}

/** The holder of the page lock, or of the budgets' latch, did not let go within `busyMs`. Nothing was changed; trying again is right. */
export class RegionBusyError extends CisternError {
  constructor(what: string) {
    super(
      "ERR_REGION_BUSY",
      `${what}: the region's lock was not free within busyMs; nothing was changed, try again (if its holder's thread has ended, region.watch or region.markDead must say so)`,
    );
  }
}

/** The region was closed, or this thread detached from it. */
export class RegionClosedError extends CisternError {
  constructor(name: string) {
    super("ERR_REGION_CLOSED", `region "${name}" is closed`);
  }
}

/** Other threads are attached to the region that should be closed. */
export class RegionInUseError extends CisternError {
  readonly owners: number;

  constructor(name: string, owners: number) {
    super(
      "ERR_REGION_IN_USE",
      `region "${name}" cannot be closed: ${owners} other owner(s) are attached; close it in their threads first, and markDead and recover those whose threads have ended`,
    );
    this.owners = owners;
  }
}

/** All owner slots are taken. */
export class NoOwnerSlotError extends CisternError {
  readonly maxOwners: number;

  constructor(name: string, maxOwners: number) {
    super(
      "ERR_NO_OWNER_SLOT",
      `region "${name}" has no free owner slot: all ${maxOwners} are taken; create it with a larger maxOwners`,
    );
    this.maxOwners = maxOwners;
  }
}

/** The memory holds no region that this build can work on. */
export class NotARegionError extends CisternError {
  constructor() {
    super(
      "ERR_NOT_A_REGION",
      "the memory holds no region of this build of cistern: all threads must use the same version",
    );
  }
}

/** A broken invariant was found; the region refuses further work. */
export class RegionPoisonedError extends CisternError {
  constructor(name: string) {
    super(
      "ERR_REGION_POISONED",
      `region "${name}" is poisoned: an invariant of the heap is broken; this is a bug in cistern, please report it`,
    );
  }
}

/** The owner's thread lives, as far as the host has said: it keeps what it holds. */
export class OwnerAliveError extends CisternError {
  readonly ownerId: number;

  constructor(ownerId: number) {
    super(
      "ERR_OWNER_ALIVE",
      `owner ${ownerId} is alive: call markDead first, once the host has told that its thread ended`,
    );
    this.ownerId = ownerId;
  }
}

/** A Block that was released, here or by another thread. */
export class StaleBlockError extends CisternError {
  constructor(offset: number) {
    super(
      "ERR_BLOCK_STALE",
      `the Block at offset ${offset} was released, adopted by another thread or shared, or this thread has left its region`,
    );
  }
}
