// LeakLedger. Goal: what is taken and not given back is told of, once, unless it is known to live. Method: small books, and the
// specification's beside them.
import { describe, expect, it } from "vitest";
import { LeakLedger, type LeakLedgerOptions } from "../../src/monitor/ledger.js";
import { PlainLedger } from "./mutants.js";

const made = (options: Partial<LeakLedgerOptions> = {}): LeakLedger =>
  new LeakLedger({ leakThreshold: 1000, clock: () => 0, ...options });

/** What the assertions ask of a ledger. */
interface Books {
  allocated(bytes: number, tag?: string): void;
  freed(bytes: number, tag?: string): void;
  check(atMs?: number): unknown;
}

/** The assertion: a cache that holds 5000 bytes and says so is no leak. */
function expectNoLeakOf(live: { tag: string; bytes: number }[], books: Books): void {
  for (let i = 0; i < 50; i++) {
    books.allocated(1000, "cache");
    if (i >= 5) books.freed(1000, "cache");
    live[0] = { tag: "cache", bytes: Math.min(i + 1, 5) * 1000 };
    expect(books.check()).toBeUndefined();
  }
}

/** The assertion of D41: a leak that goes on is told of once. */
function expectOneAlert(books: Books): void {
  let alerts = 0;
  for (let i = 0; i < 100; i++) {
    books.allocated(100);
    alerts += +(books.check(i * 60_000) !== undefined);
  }
  expect(alerts).toBe(1);
}

describe("what is outstanding", () => {
  it("is a leak above the threshold, and says which tags (M42)", () => {
    const ledger = made();
    ledger.allocated(5000, "frames");
    ledger.freed(4700, "frames");
    ledger.allocated(700, "gop_buffer");
    expect(ledger.check()).toBeUndefined();
    ledger.allocated(1, "gop_buffer");
    expect(ledger.check(7)).toEqual({
      atMs: 7,
      allocated: 5701,
      deallocated: 4700,
      difference: 1001,
      explained: 0,
      unexplained: 1001,
      overFreed: 0,
      tags: [
        { tag: "gop_buffer", bytes: 701 },
        { tag: "frames", bytes: 300 },
      ],
    });
    expect(ledger.leaking).toBe(true);
  });

  it("is none as far as its tags live", () => {
    const live: { tag: string; bytes: number }[] = [];
    expectNoLeakOf(live, made({ live: () => live }));
  });

  it("is one by the specification's rule, though it lives", () => {
    expect(() => expectNoLeakOf([], new PlainLedger(1000))).toThrow();
  });

  it("is explained by the same tag only, and by no more than is outstanding", () => {
    const ledger = made({
      live: () => [
        { tag: "a", bytes: 10_000 },
        { tag: "a", bytes: 5 },
        { tag: "never seen", bytes: 10_000 },
      ],
    });
    ledger.allocated(2000, "a");
    ledger.allocated(900, "b");
    ledger.allocated(400, "a");
    ledger.freed(100, "c");
    expect(ledger.check()).toBeUndefined();
    expect(ledger.stats()).toMatchObject({
      difference: 3200,
      explained: 2400,
      unexplained: 900,
      overFreed: 100,
      tags: [{ tag: "b", bytes: 900 }],
    });
  });

  it("is kept for so many tags, and together for those that come later", () => {
    const ledger = made({ maxTags: 2, live: () => [{ tag: "e", bytes: 50 }] });
    for (const tag of ["a", "b", "c", "d", "e"]) ledger.allocated(100, tag);
    ledger.freed(100, "c");
    expect(ledger.stats()).toMatchObject({
      explained: 50,
      unexplained: 350,
      tags: [
        { tag: "other", bytes: 150 },
        { tag: "a", bytes: 100 },
        { tag: "b", bytes: 100 },
      ],
    });
  });
});

describe("one alert", () => {
  it("D41: is raised for a leak that goes on", () => {
    expectOneAlert(made());
  });

  it("D41: is raised at each check by the specification's rule", () => {
    expect(() => expectOneAlert(new PlainLedger(1000))).toThrow();
  });

  it("D41: is raised again after half of the threshold was reached, and not within the cooldown", () => {
    const ledger = made({ cooldownMs: 1000 });
    ledger.allocated(1500);
    expect(ledger.check(0)).toBeDefined();
    ledger.freed(999);
    expect([ledger.check(3000), ledger.leaking]).toEqual([undefined, true]);
    ledger.allocated(999);
    expect(ledger.check(5000)).toBeUndefined();
    ledger.freed(1000);
    expect([ledger.check(5001), ledger.leaking]).toEqual([undefined, false]);
    ledger.allocated(1000);
    expect(ledger.check(5002)).toBeDefined();
    ledger.freed(1500);
    ledger.check(5003);
    ledger.allocated(1500);
    expect(ledger.check(5004)).toBeUndefined();
    expect(ledger.check(6002)).toBeDefined();
  });
});

describe("wrong arguments", () => {
  it("are refused", () => {
    expect(() => new LeakLedger(undefined as never)).toThrow(TypeError);
    expect(() => new LeakLedger({} as never)).toThrow(TypeError);
    expect(() => made({ leakThreshold: "a lot" })).toThrow(TypeError);
    expect(() => made({ leakThreshold: -1 })).toThrow(RangeError);
    expect(() => made({ live: [] as never })).toThrow(TypeError);
    expect(() => made({ maxTags: 0 })).toThrow(RangeError);
    const ledger = made({ leakThreshold: "1KiB" });
    expect(() => ledger.allocated(-1)).toThrow(RangeError);
    expect(() => ledger.freed(Number.NaN)).toThrow(RangeError);
    expect(() => ledger.allocated("1" as never)).toThrow(TypeError);
    expect(() => ledger.allocated(1, "")).toThrow(TypeError);
    ledger.allocated(1024);
    expect(ledger.check()).toBeUndefined();
    ledger.allocated(1);
    expect(ledger.check()).toBeDefined();
  });
});
