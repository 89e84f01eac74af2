// The ends of waiting, in Node and in a cross-origin isolated page: abort, close, a detached or dead attachment. Goal: each request has
// exactly one outcome, and after it nothing is held, queued or listened to that should not be. Method: exact states, each end before,
// in the same turn as, and after the grant; whoever gives back is another attachment in this thread.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type Budget,
  Region,
  RegionBusyError,
  RegionClosedError,
  RegionInUseError,
  RegionPoisonedError,
} from "../src/index.js";
import {
  allWoken,
  BudgetWords,
  codeOf,
  errorOf,
  expectAtRest,
  expectUsed,
  type Outcome,
  pair,
  take,
  waits,
  watched,
} from "./budget-scene.js";
import { expectSound } from "./lib/regions.js";

interface Scene {
  r: Region;
  other: Region;
  root: Budget;
  /** The same budget for the other attachment. */
  theirs: Budget;
}

function scene(limit = 100): Scene {
  const { r, other } = pair();
  return { r, other, root: r.budget("root", { limit }), theirs: other.budget("root") };
}

/** A signal of which the test knows how many listen to it. */
function counted(): { abort: (reason?: unknown) => void; signal: AbortSignal; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]): void => {
    count++;
    Reflect.apply(addEventListener, signal, args);
  };
  signal.removeEventListener = (...args: unknown[]): void => {
    count--;
    Reflect.apply(removeEventListener, signal, args);
  };
  return { abort: (reason) => controller.abort(reason), signal, listeners: () => count };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  expect(vi.getTimerCount(), "timers that are left").toBe(0);
  vi.useRealTimers();
});

describe("an abort", () => {
  it("before the call rejects with the signal's reason and asks nothing of the region (D03)", async () => {
    const { r, root } = scene();
    const reason = new Error("too late");
    const outcome = waits(root, 10, AbortSignal.abort(reason));
    await allWoken(r);
    expect([outcome.state, outcome.error]).toEqual(["refused", reason]);
    expectAtRest(r, root);
  });

  it("while it waits rejects with the signal's reason, and nothing is held (D03)", async () => {
    const { r, root } = scene();
    const held = take(root, 100);
    const { abort, signal, listeners } = counted();
    const outcome = waits(root, 60, signal);
    expect(listeners()).toBe(1);
    const reason = { why: "changed my mind" };
    abort(reason);
    // It left the queue at once: who comes next is not behind it.
    held.tryResize(60);
    expect(take(root, 40).release()).toBe(true);
    await allWoken(r);
    expect([outcome.state, outcome.error, listeners()]).toEqual(["refused", reason, 0]);
    held.release();
    expectAtRest(r, root);
  });

  it.each(["abort, then release", "release, then abort"])(
    "in the turn of the grant: of %s exactly one outcome comes, and nothing is leaked (D03, D07)",
    async (order) => {
      const { r, root, theirs } = scene();
      const held = take(theirs, 100);
      const controller = new AbortController();
      const outcome = waits(root, 60, controller.signal);
      const acts = [(): unknown => controller.abort("no more"), (): unknown => held.release()];
      for (const act of order.startsWith("abort") ? acts : acts.toReversed()) act();
      await allWoken(r);
      // After an abort nothing is held, so a grant that nobody had heard of yet goes back.
      expect([outcome.state, outcome.error, outcome.reservation]).toEqual(["refused", "no more", undefined]);
      expectAtRest(r, root);
    },
  );

  it("in the turn of the grant passes what was granted on to the next in line (D08)", async () => {
    const { r, root } = scene();
    const held = take(root, 100);
    const controller = new AbortController();
    const [first, second] = [waits(root, 80, controller.signal), waits(root, 90)];
    held.release();
    expect(root.usedBytes).toBe(80);
    controller.abort("no more");
    expect(root.usedBytes).toBe(90);
    await allWoken(r);
    expect([first.error, second.state]).toEqual(["no more", "granted"]);
    expectUsed(r, [[root, 90]]);
  });

  it("after the grant was told changes nothing: the reservation is its holder's (D03)", async () => {
    const { r, root } = scene();
    const { abort, signal, listeners } = counted();
    const held = take(root, 100);
    const outcome = waits(root, 60, signal);
    held.release();
    await allWoken(r);
    expect(listeners()).toBe(0);
    abort("late");
    await allWoken(r);
    expect([outcome.state, outcome.reservation!.isLive, root.usedBytes]).toEqual(["granted", true, 60]);
    outcome.reservation!.release();
    expectAtRest(r, root);
  });

  it("of one that was granted at once changes nothing either, and nobody listens to its signal", async () => {
    const { r, root } = scene();
    const { abort, signal, listeners } = counted();
    const outcome = waits(root, 60, signal);
    expect(listeners()).toBe(0);
    abort("late");
    await allWoken(r);
    expect([outcome.state, root.usedBytes]).toEqual(["granted", 60]);
  });

  it("of the first in line lets those behind go on, as far as there is room (D04, D08)", async () => {
    const { r, root } = scene();
    take(root, 50);
    const controller = new AbortController();
    const [first, second, third, fourth] = [
      waits(root, 60, controller.signal),
      waits(root, 30),
      waits(root, 20),
      waits(root, 1),
    ];
    controller.abort();
    await allWoken(r);
    expect([first, second, third, fourth].map(({ state }) => state)).toEqual([
      "refused",
      "granted",
      "granted",
      "pending",
    ]);
    expectUsed(r, [[root, 100]]);
    root.setLimit(101);
    await allWoken(r);
    expect(fourth.state).toBe("granted");
  });

  it("of one in the middle or at the end keeps the order of the rest (D04)", async () => {
    const { r, root } = scene();
    const held = take(root, 100);
    const controllers = Array.from({ length: 5 }, () => new AbortController());
    const all = controllers.map(({ signal }) => waits(root, 100, signal));
    for (const i of [4, 1, 3]) controllers[i]!.abort(i);
    expectSound(r);
    held.release();
    await allWoken(r);
    expect(all.map(({ state }) => state)).toEqual(["granted", "refused", "pending", "refused", "refused"]);
    all[0]!.reservation!.release();
    await allWoken(r);
    expect(all[2]!.state).toBe("granted");
    all[2]!.reservation!.release();
    expectAtRest(r, root);
  });

  it("when the latch cannot be had rejects a little later, and nothing is held", async () => {
    const { r, other, root } = scene();
    const held = take(root, 100);
    const controller = new AbortController();
    const outcome = waits(root, 60, controller.signal);
    const words = new BudgetWords(r);
    words.latch = other.ownerId;
    controller.abort("no more");
    expect(outcome.state).toBe("pending");
    words.latch = 0;
    vi.advanceTimersByTime(50);
    await allWoken(r);
    expect(outcome.error).toBe("no more");
    held.release();
    expectAtRest(r, root);
  });

  it.each(["in the order they came", "the other way round"])(
    "of 10 000 behind one that waits, %s, gives all their records back (D04)",
    async (order) => {
      const { r, root } = scene();
      const held = take(root, 60);
      const living = waits(root, 50);
      const round = async (): Promise<number> => {
        const controllers = Array.from({ length: 10_000 }, () => new AbortController());
        const all = controllers.map(({ signal }) => waits(root, 1, signal));
        const { committedBytes } = r;
        for (const controller of order.startsWith("in") ? controllers : controllers.toReversed())
          controller.abort("gone");
        await allWoken(r);
        expect(all.every(({ state, error }) => state === "refused" && error === "gone")).toBe(true);
        expectSound(r);
        return committedBytes;
      };
      // A second round finds the records of the first: the tables do not grow.
      expect(await round()).toBe(await round());
      expect([living.state, root.stats().items]).toEqual(["pending", 1]);
      held.release();
      await allWoken(r);
      expect([living.state, root.usedBytes]).toEqual(["granted", 50]);
    },
  );
});

describe("a budget that is closed while requests wait in it", () => {
  it("rejects each of them once with BudgetClosedError, whatever attachment it came from", async () => {
    const { r, other, root, theirs } = scene();
    const child = root.child("child", { limit: 50 });
    const late = theirs.child("child");
    const held = take(child, 50);
    const all = [waits(child, 10), waits(late, 20), waits(child, 30)];
    child.close();
    await allWoken(r, other);
    expect(all.map(codeOf)).toEqual(["ERR_BUDGET_CLOSED", "ERR_BUDGET_CLOSED", "ERR_BUDGET_CLOSED"]);
    expect(all.map(({ error }) => error)).toMatchObject(all.map(() => ({ budgetPath: "root/child" })));
    expect(held.isLive).toBe(false);
    expectAtRest(r, root);
  });

  it("rejects also those of its requests that wait further up, and lets others there go on", async () => {
    const { r, root } = scene();
    const child = root.child("child");
    const held = take(root, 60);
    const [mine, others] = [waits(child, 90), waits(root, 40)];
    child.close();
    await allWoken(r);
    expect([codeOf(mine), others.state]).toEqual(["ERR_BUDGET_CLOSED", "granted"]);
    held.release();
    expectUsed(r, [[root, 40]]);
  });

  it("rejects one that was granted and not told yet: it is gone with the budget (D11)", async () => {
    const { r, root } = scene();
    const child = root.child("child");
    const held = take(root, 100);
    const outcome = waits(child, 60);
    held.release();
    expect(child.usedBytes).toBe(60);
    child.close();
    await allWoken(r);
    expect(codeOf(outcome)).toBe("ERR_BUDGET_CLOSED");
    expectAtRest(r, root);
  });

  it("settles each request although its record is another's in the same turn (D07)", async () => {
    const { r, root, theirs } = scene();
    const [child, next] = [root.child("child", { limit: 10 }), root.child("next", { limit: 10 })];
    take(child, 10);
    const held = take(next, 10);
    const first = watched(child.reserve(5, { timeout: 50 }));
    theirs.child("child").close();
    // The first free record is the one that just waited.
    const second = watched(next.reserve(5, { timeout: 5000 }));
    await allWoken(r);
    expect([codeOf(first), second.state]).toEqual(["ERR_BUDGET_CLOSED", "pending"]);
    // The time-out of the first is not the second's.
    vi.advanceTimersByTime(50);
    await allWoken(r);
    expect(second.state).toBe("pending");
    held.release();
    await allWoken(r);
    expect(second.state).toBe("granted");
    expectUsed(r, [[root, 5]]);
  });
});

describe("a region that is closed while requests wait", () => {
  it("rejects each of the attachment that leaves with RegionClosedError, and serves the others", async () => {
    const { r, other, root, theirs } = scene();
    const held = take(root, 60);
    const [leaving, staying] = [waits(theirs, 50), waits(root, 40)];
    other.close();
    await allWoken(r);
    expect(leaving.error).toBeInstanceOf(RegionClosedError);
    expect(staying.state).toBe("granted");
    held.release();
    expectUsed(r, [[root, 40]]);
    expect(r.stats().owners).toBe(1);
  });

  it("gives back what was granted to it and not told yet", async () => {
    const { r, other, root, theirs } = scene();
    const held = take(root, 100);
    const outcome = waits(theirs, 60);
    held.release();
    expect(root.usedBytes).toBe(60);
    other.close();
    await allWoken(r);
    expect(outcome.error).toBeInstanceOf(RegionClosedError);
    expectAtRest(r, root);
  });

  it("by a close that is refused since others are attached, ends no request", async () => {
    const { r, other, root } = scene();
    const held = take(root, 100);
    const outcome = waits(root, 60);
    expect(errorOf(() => r.close())).toBeInstanceOf(RegionInUseError);
    await allWoken(r);
    expect([outcome.state, codeOf(outcome)]).toEqual(["pending", undefined]);
    held.release();
    await allWoken(r);
    expect(outcome.state).toBe("granted");
    outcome.reservation?.release();
    other.close();
    r.close();
  });

  it("by a close that finds the latch taken, says busy, ends no request and works when called again", async () => {
    const { r, other, root, theirs } = scene();
    take(root, 100);
    const outcome = waits(theirs, 60);
    const words = new BudgetWords(r);
    words.latch = r.ownerId;
    expect(errorOf(() => other.close())).toBeInstanceOf(RegionBusyError);
    words.latch = 0;
    // Nor does it end one later: the region is open.
    vi.advanceTimersByTime(1000);
    await allWoken(r, other);
    expect(outcome.state).toBe("pending");
    other.close();
    await allWoken(r);
    expect(outcome.error).toBeInstanceOf(RegionClosedError);
    vi.advanceTimersByTime(1000);
    expectUsed(r, [[root, 100]]);
  });
});

describe("a region that is poisoned while requests wait", () => {
  it("ends them by their time-out, with RegionPoisonedError: nobody waits for ever", async () => {
    const { r, root } = scene();
    take(root, 100);
    const outcome = watched(root.reserve(60, { timeout: 10 }));
    new BudgetWords(r).poison();
    vi.advanceTimersByTime(10);
    // Nothing can be decided any more, so there is no event to wait for but a turn of this thread's own.
    await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    await Promise.resolve();
    expect(outcome.error).toBeInstanceOf(RegionPoisonedError);
  });
});

describe("a region that a call finds poisoned", () => {
  it("ends at once all that wait in that thread, also those without a time-out, and nobody's turn comes (D22)", async () => {
    const { r, root } = scene();
    const held = take(root, 100);
    const all = [waits(root, 60), waits(root, 10), watched(root.reserve(5, { timeout: 1000 }))];
    new BudgetWords(r).poison();
    expect(errorOf(() => root.tryReserve(1))).toBeInstanceOf(RegionPoisonedError);
    await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    await Promise.resolve();
    for (const { error } of all) expect(error).toBeInstanceOf(RegionPoisonedError);
    expect(vi.getTimerCount()).toBe(0);
    expect(held.release()).toBe(false);
  });
});

describe("an attachment that dies while its requests wait", () => {
  it("holds up nobody once it is recovered, and what it was granted meanwhile goes back (D06, D47)", async () => {
    const { r, other, root, theirs } = scene();
    const held = take(root, 100);
    const dead = [waits(theirs, 100), waits(theirs, 80)];
    const living = waits(root, 90);
    // As long as nobody said that it died it is granted like any other.
    held.release();
    expect([root.usedBytes, living.state]).toEqual([100, "pending"]);
    r.markDead(other.ownerId);
    const report = r.recover(other.ownerId);
    await allWoken(r);
    expect([living.state, root.usedBytes]).toEqual(["granted", 90]);
    expect(report).toMatchObject({ done: true, reservations: 1, reservedBytes: 100 });
    expect(dead.map(({ state }) => state)).not.toContain("granted");
    living.reservation!.release();
    expectAtRest(r, root);
  });

  it("is reported with what it held, not with what it waited for (D46)", async () => {
    const { r, other, root, theirs } = scene();
    take(theirs, 70);
    take(theirs, 30);
    for (const bytes of [50, 60, 100]) waits(theirs, bytes);
    const living = waits(root, 100);
    r.markDead(other.ownerId);
    expect(r.recover(other.ownerId)).toMatchObject({ done: true, reservations: 2, reservedBytes: 100 });
    await allWoken(r);
    expect(living.state).toBe("granted");
    expectUsed(r, [[root, 100]]);
  });

  it("is granted nothing by its own recovery: what one of its requests leaves is not the next one's (D46)", async () => {
    const { r, other, root, theirs } = scene();
    take(root, 50);
    const dead = [60, 30, 20].map((bytes) => waits(theirs, bytes));
    const living = waits(root, 45);
    r.markDead(other.ownerId);
    expect(r.recover(other.ownerId)).toMatchObject({ done: true, reservations: 0, reservedBytes: 0 });
    await allWoken(r);
    expect(living.state).toBe("granted");
    expect(dead.map(({ state }) => state)).not.toContain("granted");
    expectUsed(r, [[root, 95]]);
    expect(root.peakBytes).toBe(95);
  });

  it("in the middle of granting, waking or queueing leaves queues that the next one makes anew", async () => {
    const { r, other, root } = scene();
    const third = Region.attachSync(r.handle());
    take(other.budget("root"), 1).release();
    const held = take(root, 100);
    const outcomes: Outcome[] = [waits(root, 60), waits(third.budget("root"), 40), waits(root, 10)];
    const words = new BudgetWords(r);
    // The dead one had the latch: whoever takes it over lines everybody up again.
    words.latch = other.ownerId;
    r.markDead(other.ownerId);
    held.release();
    await allWoken(r, third);
    expect(outcomes.map(({ state }) => state)).toEqual(["granted", "granted", "pending"]);
    expect(r.recover(other.ownerId)).toMatchObject({ done: true });
    outcomes[0]!.reservation!.release();
    await allWoken(r);
    expect(outcomes[2]!.state).toBe("granted");
    expectUsed(r, [[root, 50]]);
  });
});
