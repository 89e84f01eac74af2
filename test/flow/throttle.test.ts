// Throttle, its rate. Goal: over any time it grants its rate, and nothing more than burst and rate allow. Method: time moved by hand; each
// promise is a function of a limiter, which ours keeps and a mutant breaks. Who waits stands in throttle-waits.test.ts.
import { describe, expect, it } from "vitest";
import { Throttle } from "../../src/flow/throttle.js";
import { random } from "../lib/random.js";
import { CredulousLimiter, type Limiter, TruncatingLimiter } from "./mutants.js";
import { FakeTime, settled } from "./time.js";

function made(rate: number, burst?: number): { time: FakeTime; throttle: Throttle } {
  const time = new FakeTime();
  const { clock, timers } = time;
  return { time, throttle: new Throttle({ rate, clock, timers, ...(burst !== undefined && { burst }) }) };
}

/** Bytes granted in `seconds` to somebody who polls every `pollMs` and takes requests of `bytes` until refused. */
function granted(limiter: Limiter, time: FakeTime, pollMs: number, bytes: number, seconds: number): number {
  let sum = 0;
  for (let polls = Math.round((seconds * 1000) / pollMs); polls > 0; polls--) {
    time.advance(pollMs);
    while (limiter.tryTake(bytes)) sum += bytes;
  }
  return sum;
}

/** The assertion of D39: 100 ± 5 % of the rate. The bucket is emptied first, its first burst is no rate. */
function expectRate(limiter: Limiter, time: FakeTime, rate: number, pollMs: number, bytes: number): void {
  while (limiter.tryTake(1));
  const seconds = Math.max(20, (5 * bytes) / rate);
  const share = granted(limiter, time, pollMs, bytes, seconds) / (rate * seconds);
  expect(share).toBeGreaterThanOrEqual(0.95);
  expect(share).toBeLessThanOrEqual(1.05);
}

const truncating = (rate: number): { time: FakeTime; limiter: Limiter } => {
  const time = new FakeTime();
  return { time, limiter: new TruncatingLimiter(rate, time.clock) };
};

describe("the rate", () => {
  const POLLS_MS = [0.05, 0.1, 0.5, 1, 7, 10, 100, 333, 1000];

  it.each(POLLS_MS)("D39: polled every %d ms it grants 100 ± 5 % of the rate", (pollMs) => {
    for (const rate of [1000, 10_000, 1_000_000]) {
      const { time, throttle } = made(rate);
      expectRate(throttle, time, rate, pollMs, Math.max(1, rate / 1000));
    }
  });

  it("D39: the specification's limiter, which truncates, grants nothing when polled faster than it earns a token", () => {
    for (const [rate, pollMs] of [
      [1000, 0.5],
      [10_000, 0.05],
    ] as const) {
      const { time, limiter } = truncating(rate);
      expect(granted(limiter, time, pollMs, 1, 20)).toBe(0);
      expect(() => expectRate(limiter, time, rate, pollMs, 1)).toThrow();
    }
  });

  it.each([0.05, 1, 10, 100, 1000])(
    "D39: a request of 20 bursts, polled for every %d ms, is served by debt at 100 ± 5 %",
    (pollMs) => {
      const { time, throttle } = made(1000);
      expectRate(throttle, time, 1000, pollMs, 20_000);
    },
  );

  it("D39: the specification's limiter never serves a request above its rate", () => {
    const { time, limiter } = truncating(1000);
    expect(granted(limiter, time, 1000, 1001, 3600)).toBe(0);
    expect(() => expectRate(limiter, time, 1000, 1000, 1001)).toThrow();
  });

  it("grants at most max(burst, request) + rate × t in any time t, whatever is asked when", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const by = random(seed);
      const { time, throttle } = made(1000, by.pick([1000, 1500, 4000]));
      const { burstBytes } = throttle.stats();
      const grants: { atMs: number; bytes: number }[] = [];
      for (let i = 0; i < 600; i++) {
        time.advance(by.pick([0, 0, 1, 13, 250, 4000]));
        const bytes = by.size(1, 6000);
        if (throttle.tryTake(bytes)) grants.push({ atMs: time.nowMs, bytes });
      }
      let excess = -Infinity;
      for (let from = 0; from < grants.length; from++) {
        let sum = 0;
        let most = burstBytes;
        for (let to = from; to < grants.length; to++) {
          sum += grants[to]!.bytes;
          most = Math.max(most, grants[to]!.bytes);
          const seconds = (grants[to]!.atMs - grants[from]!.atMs) / 1000;
          excess = Math.max(excess, sum - most - 1000 * seconds);
        }
      }
      expect({ seed, isWithin: excess <= 0.001 }).toEqual({ seed, isWithin: true });
    }
  });

  it("starts full, and rests to no more than the burst", () => {
    const { time, throttle } = made(1000, 3000);
    expect(throttle.tryTake(3000)).toBe(true);
    expect(throttle.tryTake(1)).toBe(false);
    time.advance(3_600_000);
    expect(throttle.stats().availableBytes).toBe(3000);
    expect(throttle.tryTake(3000)).toBe(true);
    expect(throttle.tryTake(1)).toBe(false);
  });

  it("grants a request above the burst from a full bucket only, and nothing until its debt is paid", () => {
    const { time, throttle } = made(1000);
    expect(throttle.tryTake(1)).toBe(true);
    expect(throttle.tryTake(5000)).toBe(false);
    time.advance(1);
    expect(throttle.tryTake(5000)).toBe(true);
    expect(throttle.stats()).toMatchObject({ availableBytes: 0, debtBytes: 4000 });
    time.advance(4000);
    expect(throttle.tryTake(1)).toBe(false);
    time.advance(1);
    expect(throttle.tryTake(1)).toBe(true);
  });

  it("gives nothing for nothing: 0 bytes are granted at once, also in debt", async () => {
    const { throttle } = made(1000);
    expect(throttle.tryTake(5000)).toBe(true);
    expect(throttle.tryTake(0)).toBe(true);
    await throttle.take(0);
    expect(throttle.stats()).toMatchObject({ debtBytes: 4000, grantedBytes: 5000, grants: 3 });
  });
});

describe("a clock that goes back", () => {
  /** The assertion: an hour of a clock that jumps between now and a minute ago earns no more than the latest moment it showed. */
  function expectNothingEarnedTwice(limiter: Limiter, time: FakeTime): void {
    let sum = 0;
    while (limiter.tryTake(1)) sum++;
    for (let i = 0; i < 60; i++) {
      time.nowMs -= 60_000;
      while (limiter.tryTake(1)) sum++;
      time.nowMs += 60_000;
      while (limiter.tryTake(1)) sum++;
    }
    expect(sum).toBe(1000);
    time.nowMs += 500;
    while (limiter.tryTake(1)) sum++;
    expect(sum).toBe(1500);
  }

  it("D39: changes nothing: no second is earned twice, none is lost", () => {
    const { time, throttle } = made(1000);
    expectNothingEarnedTwice(throttle, time);
  });

  it("D39: a limiter that believes its clock grants a burst for each jump", () => {
    const time = new FakeTime();
    expect(() => expectNothingEarnedTwice(new CredulousLimiter(1000, time.clock), time)).toThrow();
  });

  it("may also be no number, or infinite: nothing is earned by that", () => {
    const { time, throttle } = made(1000);
    expect(throttle.tryTake(1000)).toBe(true);
    for (const nowMs of [Number.NaN, Infinity, -Infinity]) {
      time.nowMs = nowMs;
      expect(throttle.tryTake(1)).toBe(false);
    }
    time.nowMs = 1000;
    expect(throttle.tryTake(1000)).toBe(true);
  });
});

describe("setRate", () => {
  it("D39: pays what was earned so far at the old rate, and the rest at the new one", () => {
    const { time, throttle } = made(1000);
    expect(throttle.tryTake(1000)).toBe(true);
    time.advance(500);
    throttle.setRate(4000);
    expect(throttle.stats()).toMatchObject({ rate: 4000, burstBytes: 4000, availableBytes: 500 });
    time.advance(500);
    expect(throttle.stats().availableBytes).toBe(2500);
  });

  it("D39: keeps 100 ± 5 % of the rate it has, through changes", () => {
    const { time, throttle } = made(1000);
    while (throttle.tryTake(1));
    for (const rate of [10_000, 50, 1000, 200_000]) {
      throttle.setRate(rate);
      expectRate(throttle, time, rate, 5, 1);
    }
  });

  it("takes tokens above a smaller burst, keeps a debt, and keeps the burst's length in seconds unless told", () => {
    const { throttle } = made(1000, 4000);
    throttle.setRate(100);
    expect(throttle.stats()).toMatchObject({ burstBytes: 400, availableBytes: 400 });
    throttle.setRate(100, { burst: 150 });
    expect(throttle.stats()).toMatchObject({ burstBytes: 150, availableBytes: 150 });
    expect(throttle.tryTake(1000)).toBe(true);
    throttle.setRate(10_000);
    expect(throttle.stats()).toMatchObject({ burstBytes: 15_000, debtBytes: 850 });
  });

  it("times who waits anew, faster and slower", async () => {
    for (const [rate, atMs] of [
      [10_000, 550],
      [100, 5500],
    ] as const) {
      const { time, throttle } = made(1000);
      expect(throttle.tryTake(1000)).toBe(true);
      let isServed = false;
      void throttle.take(1000).then(() => (isServed = true));
      time.advance(500);
      throttle.setRate(rate, { burst: 10_000 });
      expect(time.pending).toBe(1);
      time.advance(atMs - 500 - 1);
      await settled();
      expect(isServed).toBe(false);
      time.advance(1);
      await settled();
      expect(isServed).toBe(true);
    }
  });

  it("serves at once who waits, when the bucket holds enough for the smaller burst", async () => {
    const { throttle } = made(1000);
    expect(throttle.tryTake(500)).toBe(true);
    const taken = throttle.take(5000);
    throttle.setRate(400);
    await taken;
    expect(throttle.stats()).toMatchObject({ waiting: 0, debtBytes: 4600 });
  });

  it("refuses a wrong rate and leaves the old one", () => {
    const { throttle } = made(1000);
    expect(() => throttle.setRate(0)).toThrow(RangeError);
    expect(() => throttle.setRate(2000, { burst: 1999 })).toThrow(RangeError);
    expect(() => throttle.setRate(Number.NaN)).toThrow(RangeError);
    expect(throttle.stats()).toMatchObject({ rate: 1000, burstBytes: 1000 });
  });
});

describe("the host's clock and timers", () => {
  it("serve who waits, and leave the process free to end", async () => {
    const throttle = new Throttle({ rate: "1MiB" });
    expect(throttle.rate).toBe(2 ** 20);
    await throttle.take(2 ** 20);
    const begin = performance.now();
    await Promise.race([throttle.take(1 + 2 ** 12), new Promise((_, reject) => setTimeout(reject, 30_000).unref())]);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(3);
    throttle.close();
  });
});

describe("wrong arguments", () => {
  it.each([
    ["no options", undefined, TypeError],
    ["an unknown option", { rate: 1, rat: 2 }, TypeError],
    ["no rate", {}, TypeError],
    ["a rate of 0", { rate: 0 }, RangeError],
    ["a rate of 0 as text", { rate: "0MB" }, RangeError],
    ["a negative rate", { rate: -1 }, RangeError],
    ["an infinite rate", { rate: Infinity }, RangeError],
    ["NaN", { rate: Number.NaN }, RangeError],
    ["a share of nothing", { rate: "10%" }, TypeError],
    ["a burst below a second", { rate: 1000, burst: 999 }, RangeError],
    ["a burst that is no size", { rate: 1000, burst: "much" }, TypeError],
    ["a clock that is none", { rate: 1000, clock: 5 }, TypeError],
    ["timers without clear", { rate: 1000, timers: { set: () => {} } }, TypeError],
  ])("to the constructor: %s", (_, options, kind) => {
    expect(() => new Throttle(options as never)).toThrow(kind);
  });

  it("to tryTake and take", async () => {
    const { throttle } = made(1000);
    for (const bytes of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
      expect(() => throttle.tryTake(bytes)).toThrow(RangeError);
      await expect(throttle.take(bytes)).rejects.toThrow(RangeError);
    }
    for (const bytes of ["1", undefined, null, 1n, {}]) {
      expect(() => throttle.tryTake(bytes as never)).toThrow(TypeError);
      await expect(throttle.take(bytes as never)).rejects.toThrow(TypeError);
    }
    await expect(throttle.take(1, { signal: {} as never })).rejects.toThrow(TypeError);
    await expect(throttle.take(1, { sigal: null } as never)).rejects.toThrow(/"signal"/);
    expect(throttle.stats()).toMatchObject({ availableBytes: 1000, waiting: 0, grants: 0, refusals: 0 });
  });
});
