// The error classes. Goal: each is a CisternError with its name, a stable code and a sentence that holds the values. Method: one
// table; the codes below are a contract, so a changed code fails here.
import { describe, expect, it } from "vitest";
import * as cistern from "../src/index.js";

const { CisternError, MemoryLimitExceededError } = cistern;

const facts = { requested: 5000, limit: 65_536, current: 49_152, budgetPath: "root/tiles" };

describe("the errors", () => {
  it.each([
    [new MemoryLimitExceededError(facts), "MemoryLimitExceededError", "ERR_MEMORY_LIMIT", /5000.*65536.*49152.*75\.0/],
    [
      new MemoryLimitExceededError({ ...facts, isImpossible: true }),
      "MemoryLimitExceededError",
      "ERR_MEMORY_LIMIT_NEVER",
      /5000.*65536/,
    ],
    [
      new MemoryLimitExceededError({ ...facts, waitedMs: 250 }),
      "MemoryLimitExceededError",
      "ERR_MEMORY_LIMIT_TIMEOUT",
      /5000.*65536.*waited 250 ms.*root\/tiles/,
    ],
    [
      new cistern.ItemLimitExceededError("root/tiles", 7),
      "ItemLimitExceededError",
      "ERR_ITEM_LIMIT",
      /"root\/tiles".*7/,
    ],
    [new cistern.BudgetClosedError("root/tiles"), "BudgetClosedError", "ERR_BUDGET_CLOSED", /"root\/tiles".*closed/],
    [
      new cistern.StaleReservationError(),
      "StaleReservationError",
      "ERR_RESERVATION_STALE",
      /released.*adopted.*shared/,
    ],
    [new cistern.RegionBusyError("check"), "RegionBusyError", "ERR_REGION_BUSY", /check.*busyMs/],
    [new cistern.RegionClosedError("web"), "RegionClosedError", "ERR_REGION_CLOSED", /"web"/],
    [new cistern.RegionInUseError("web", 3), "RegionInUseError", "ERR_REGION_IN_USE", /"web".*3/],
    [new cistern.NoOwnerSlotError("web", 4), "NoOwnerSlotError", "ERR_NO_OWNER_SLOT", /"web".*4/],
    [new cistern.NotARegionError(), "NotARegionError", "ERR_NOT_A_REGION", /no region/],
    [new cistern.RegionPoisonedError("web"), "RegionPoisonedError", "ERR_REGION_POISONED", /"web"/],
    [new cistern.OwnerAliveError(513), "OwnerAliveError", "ERR_OWNER_ALIVE", /513.*markDead/],
    [
      new cistern.BudgetInUseError("top", "top/ring:a"),
      "BudgetInUseError",
      "ERR_BUDGET_IN_USE",
      /"top".*"top\/ring:a"/,
    ],
    [new cistern.RingClosedError("a"), "RingClosedError", "ERR_RING_CLOSED", /"a" is closed/],
    [new cistern.RingFullError("a", 4, 100), "RingFullError", "ERR_RING_FULL", /"a".*4.*100/],
    [new cistern.RingTimeoutError("a", "room", 5), "RingTimeoutError", "ERR_RING_TIMEOUT", /"a".*5 ms for room/],
    [
      new cistern.RingDecodeError("a", [new Uint8Array(1)], [], new Error("why")),
      "RingDecodeError",
      "ERR_RING_DECODE",
      /"a".*1 record.*why/,
    ],
    [new cistern.StaleLeaseError("a"), "StaleLeaseError", "ERR_LEASE_STALE", /"a".*before/],
    [new cistern.CacheClosedError("a"), "CacheClosedError", "ERR_CACHE_CLOSED", /"a" was left/],
    [new cistern.CachePinsError("a", 47), "CachePinsError", "ERR_CACHE_PINS", /"a".*47 values pinned/],
    [new cistern.StalePinError(), "StalePinError", "ERR_CACHE_PIN_RELEASED", /was released/],
    [new cistern.StaleBlockError(4096), "StaleBlockError", "ERR_BLOCK_STALE", /4096/],
  ])("%s", (error, name, code, message) => {
    expect(error).toBeInstanceOf(CisternError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe(name);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(Object.prototype.toString.call(error)).toBe("[object Error]");
    expect(error.stack).toContain(name);
  });

  it("are all of them in the table above", () => {
    const classes = Object.values(cistern).filter(
      (value) => typeof value === "function" && value.prototype instanceof CisternError,
    );
    expect(classes).toHaveLength(21);
  });
});

describe("MemoryLimitExceededError", () => {
  it("says in G06's words what was asked for, how much there may be and how much there is", () => {
    expect(new MemoryLimitExceededError({ ...facts, requested: 20_000 }).message).toBe(
      "memory limit exceeded: requested 20000 bytes, limit 65536 bytes, currently allocated 49152 bytes (75.0% used)",
    );
  });

  it("formats the facts as G07's block of lines", () => {
    expect(new MemoryLimitExceededError(facts).format()).toBe(
      [
        "Memory limit exceeded:",
        "  Requested: 5000 bytes",
        "  Limit:     65536 bytes",
        "  Current:   49152 bytes (75.0% used)",
        "  Available: 16384 bytes",
      ].join("\n"),
    );
  });

  it("says what was available and how much of the limit is used", () => {
    expect(new MemoryLimitExceededError(facts)).toMatchObject({ ...facts, available: 16_384, usagePercent: 75 });
    expect(new MemoryLimitExceededError({ ...facts, current: 70_000 }).available).toBe(0);
    expect(new MemoryLimitExceededError({ ...facts, limit: 0, current: 0 }).usagePercent).toBe(100);
  });

  it("says so when enough is free, but not in one piece", () => {
    expect(new MemoryLimitExceededError(facts).message).toMatch(/pieces/);
    expect(new MemoryLimitExceededError({ ...facts, requested: 16_385 }).message).not.toMatch(/pieces/);
  });

  it("names what holds the most, by tag, and what has no tag as untagged", () => {
    const consumers = [
      { tag: "tiles", bytes: 40_000, count: 10 },
      { tag: "", bytes: 9152, count: 2 },
    ];
    const error = new MemoryLimitExceededError({ ...facts, requested: 20_000, consumers });
    expect(error.consumers).toEqual(consumers);
    expect(error.message).toMatch(/; held by tiles: 40000, untagged: 9152$/);
    expect(new MemoryLimitExceededError(facts).consumers).toEqual([]);
  });
});
