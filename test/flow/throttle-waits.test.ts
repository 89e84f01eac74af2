// Throttle, who waits. Goal: served in order and in time, with one timer; whoever leaves, by signal or close, leaves nothing behind, at
// whatever point. Method: time moved by hand; the same assertions for limiters that poll, or forget who left.
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { Throttle, ThrottleClosedError } from "../../src/flow/throttle.js";
import { random } from "../lib/random.js";
import { ForgetfulLimiter, PollingLimiter, type Waitable } from "./mutants.js";
import { FakeTime, settled } from "./time.js";

function made(rate: number, burst?: number): { time: FakeTime; throttle: Throttle } {
  const time = new FakeTime();
  const { clock, timers } = time;
  return { time, throttle: new Throttle({ rate, clock, timers, ...(burst !== undefined && { burst }) }) };
}

describe("take", () => {
  /** The assertion: a request of nearly a burst, among small ones that always want more, is served in the turn in which it came. */
  async function expectNoStarvation(limiter: Waitable, time: FakeTime): Promise<void> {
    await limiter.take(1000);
    let isServed = false;
    const small = async (): Promise<void> => {
      for (;;) await limiter.take(50);
    };
    for (let i = 0; i < 4; i++) void small();
    void limiter.take(900).then(() => (isServed = true));
    for (let i = 0; i < 400 && !isServed; i++) {
      time.advance(10);
      await settled();
    }
    expect(isServed).toBe(true);
    expect(time.nowMs).toBeLessThanOrEqual(1200);
  }

  it("serves a large request among small ones in its turn", async () => {
    const { time, throttle } = made(1000);
    await expectNoStarvation(throttle, time);
  });

  it("would starve it if those who wait polled for themselves", async () => {
    const time = new FakeTime();
    const limiter = new PollingLimiter(1000, time.clock, time.timers);
    await expect(expectNoStarvation(limiter, time)).rejects.toThrow();
  });

  it("serves first come first served, each when its bytes are earned, with one timer", async () => {
    const { time, throttle } = made(1000);
    expect(throttle.tryTake(1000)).toBe(true);
    const by = random(7);
    const order: number[] = [];
    let dueMs = 0;
    const due: number[] = [];
    const served: number[] = [];
    for (let i = 0; i < 1000; i++) {
      const bytes = by.size(1, 900);
      dueMs += bytes;
      due.push(dueMs);
      void throttle.take(bytes).then(() => (order.push(i), served.push(time.nowMs)));
      expect(time.pending).toBe(1);
    }
    await settled();
    while (time.pending > 0) {
      expect(time.pending).toBe(1);
      time.advance(time.nextMs! - time.nowMs);
      await settled();
    }
    expect(order).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    for (const [i, atMs] of served.entries()) expect(Math.abs(atMs - due[i]!)).toBeLessThan(0.1);
    expect(throttle.stats()).toMatchObject({ waiting: 0, grants: 1001, grantedBytes: 1000 + dueMs });
  });

  it("lets nobody past who waits: tryTake is refused meanwhile, however little it asks for", async () => {
    const { time, throttle } = made(1000);
    expect(throttle.tryTake(500)).toBe(true);
    const taken = throttle.take(1000);
    expect(throttle.tryTake(1)).toBe(false);
    expect(throttle.tryTake(0)).toBe(false);
    time.advance(500);
    await taken;
    expect(throttle.tryTake(1)).toBe(false);
    expect(throttle.stats()).toMatchObject({ refusals: 3, waitedMs: 500 });
  });

  it("serves at a poll who is due although the timer is late, before the one who polls", async () => {
    const { time, throttle } = made(1000);
    expect(throttle.tryTake(1000)).toBe(true);
    const taken = throttle.take(400);
    time.nowMs += 1000;
    expect(throttle.tryTake(700)).toBe(false);
    expect(throttle.tryTake(600)).toBe(true);
    await taken;
    expect(time.pending).toBe(0);
  });

  it("waits on for the rest when the timer fires early, or the clock went back meanwhile", async () => {
    const time = new FakeTime();
    const set: { callback: () => void; ms: number }[] = [];
    const timers = { set: (callback: () => void, ms: number) => set.push({ callback, ms }), clear: () => {} };
    const throttle = new Throttle({ rate: 1000, clock: time.clock, timers });
    expect(throttle.tryTake(1000)).toBe(true);
    const taken = throttle.take(100);
    for (const nowMs of [40, 39, -7000, 99.5, 100]) {
      time.nowMs = nowMs;
      set.at(-1)!.callback();
    }
    await taken;
    expect(set.map(({ ms }) => Math.round(ms * 10) / 10)).toEqual([100, 60, 60, 60, 0.5]);
  });
});

describe("abort", () => {
  const reason = new Error("no longer needed");

  /** Somebody holds the bucket empty; three wait; the middle one, the head or the last aborts. Everybody else is served as if it had not been there. */
  async function expectGone(limiter: Waitable, time: FakeTime, who: number): Promise<void> {
    await limiter.take(1000);
    const aborts = [0, 1, 2].map(() => new AbortController());
    const outcome: unknown[] = [];
    for (const [i, { signal }] of aborts.entries()) {
      limiter.take(500, { signal }).then(
        () => (outcome[i] = time.nowMs),
        (error: unknown) => (outcome[i] = error),
      );
    }
    time.advance(250);
    aborts[who]!.abort(reason);
    for (let i = 0; i < 4; i++) {
      await settled();
      time.advance(i === 3 ? 0 : 250);
    }
    expect(outcome).toEqual([0, 1, 2].map((i) => (i === who ? reason : i - +(i > who) === 0 ? 500 : 1000)));
    expect(time.pending).toBe(0);
    for (const { signal } of aborts) expect(getEventListeners(signal, "abort")).toHaveLength(0);
  }

  it.each([0, 1, 2])(
    "of the waiter in place %d leaves no place, no timer, no listener, and moves up who comes behind",
    async (who) => {
      const { time, throttle } = made(1000);
      await expectGone(throttle, time, who);
      expect(throttle.stats()).toMatchObject({ waiting: 0, aborted: 1, grantedBytes: 2000 });
    },
  );

  it.each([0, 1, 2])("of the waiter in place %d is missed by a queue that keeps who aborted", async (who) => {
    const time = new FakeTime();
    await expect(expectGone(new ForgetfulLimiter(1000, time.timers), time, who)).rejects.toThrow();
  });

  it("before take rejects at once and takes nothing", async () => {
    const { time, throttle } = made(1000);
    await expect(throttle.take(10, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(throttle.stats()).toMatchObject({ availableBytes: 1000, waiting: 0, grants: 0 });
    expect(time.set).toBe(0);
  });

  it("in the same tick as take rejects, and leaves nothing behind", async () => {
    const { time, throttle } = made(1000);
    expect(throttle.tryTake(1000)).toBe(true);
    const abort = new AbortController();
    const taken = throttle.take(10, { signal: abort.signal });
    abort.abort(reason);
    await expect(taken).rejects.toBe(reason);
    expect(throttle.stats()).toMatchObject({ waiting: 0, grants: 1 });
    expect(time.pending).toBe(0);
  });

  it("in the same tick as the grant changes nothing: exactly one outcome", async () => {
    const { time, throttle } = made(1000);
    expect(throttle.tryTake(1000)).toBe(true);
    const abort = new AbortController();
    const taken = throttle.take(10, { signal: abort.signal });
    time.advance(10);
    abort.abort(reason);
    await taken;
    expect(throttle.stats()).toMatchObject({ waiting: 0, aborted: 0, grants: 2 });
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
  });

  it("of a take that was served at once leaves no listener", async () => {
    const { throttle } = made(1000);
    const abort = new AbortController();
    await throttle.take(10, { signal: abort.signal });
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
    abort.abort();
  });

  it("of a head that asked for much serves at once who fits behind it (D08)", async () => {
    const { time, throttle } = made(1000);
    expect(throttle.tryTake(500)).toBe(true);
    const abort = new AbortController();
    const much = throttle.take(1000, { signal: abort.signal });
    const little = throttle.take(400);
    abort.abort(reason);
    await expect(much).rejects.toBe(reason);
    await little;
    expect(time.nowMs).toBe(0);
    expect(time.pending).toBe(0);
  });

  it("of 10,000 behind one who waits leaves just that one (D04)", async () => {
    const { time, throttle } = made(1000);
    expect(throttle.tryTake(1000)).toBe(true);
    const one = throttle.take(1000);
    const aborts = Array.from({ length: 10_000 }, () => new AbortController());
    const rest = aborts.map(({ signal }) => throttle.take(5, { signal }));
    expect(time.pending).toBe(1);
    for (const abort of aborts) abort.abort(reason);
    const outcomes = await Promise.allSettled(rest);
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
    expect(throttle.stats()).toMatchObject({ waiting: 1, aborted: 10_000 });
    time.advance(1000);
    await one;
    expect(time.pending).toBe(0);
  });

  it("at random moments never loses or doubles a byte", async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const by = random(seed);
      const { time, throttle } = made(1000);
      let granted = 0;
      const open: AbortController[] = [];
      for (let i = 0; i < 500; i++) {
        const abort = new AbortController();
        const bytes = by.size(1, 3000);
        open.push(abort);
        throttle.take(bytes, { signal: abort.signal }).then(
          () => (granted += bytes),
          () => {},
        );
        if (by.below(3) === 0) by.pick(open).abort();
        time.advance(by.pick([0, 1, 40, 700]));
        if (by.below(2) === 0) await settled();
        if (by.below(20) === 0) throttle.setRate(by.pick([500, 1000, 3000]));
      }
      for (const abort of open) abort.abort();
      await settled();
      const { waiting, grantedBytes } = throttle.stats();
      expect({ seed, waiting, grantedBytes }).toEqual({ seed, waiting: 0, grantedBytes: granted });
      expect(time.pending).toBe(0);
    }
  });
});

describe("close", () => {
  it("rejects who waits and who comes with ERR_THROTTLE_CLOSED, grants nothing more, and leaves no timer", async () => {
    const { time, throttle } = made(1000);
    const { signal } = new AbortController();
    expect(throttle.tryTake(1000)).toBe(true);
    const waiting = [throttle.take(10, { signal }), throttle.take(20)];
    throttle.close();
    throttle.close();
    for (const outcome of await Promise.allSettled(waiting)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "ERR_THROTTLE_CLOSED" } });
    }
    await expect(throttle.take(1)).rejects.toBeInstanceOf(ThrottleClosedError);
    time.advance(10_000);
    expect(throttle.tryTake(0)).toBe(false);
    expect(throttle.closed).toBe(true);
    expect(time.pending).toBe(0);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("is what `using` does", () => {
    const { throttle } = made(1000);
    throttle[Symbol.dispose]();
    expect(throttle.closed).toBe(true);
  });
});
