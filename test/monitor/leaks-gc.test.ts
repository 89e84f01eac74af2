// LeakTracker and the real garbage collector. Goal: what was dropped is found, what is held or released is not, and being tracked keeps nothing from
// being collected, places included. Method: collections are forced until the alert comes, at most so many; and the packed files in a process of their own.
import { spawnSync } from "node:child_process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, it } from "vitest";
import type { LeakAlert } from "../../src/monitor/index.js";
import { type LeakLevel, trackLeaks } from "../../src/monitor/index.js";
import { region } from "../lib/regions.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const COLLECTIONS_MAX = 50;

const trackers: { stop(): void }[] = [];
afterEach(() => trackers.splice(0).forEach((tracker) => tracker.stop()));

/** A tracker of everything that is told of real collections. */
function tracked(level: LeakLevel) {
  const r = region();
  const leaks = trackLeaks(r, { level, interval: 1 });
  trackers.push(leaks);
  const alerts: LeakAlert[] = [];
  leaks.on("leak", (alert) => alerts.push(alert));
  return { r, leaks, alerts, budget: r.budget("b") };
}

/** Collects until `isDone`, or so often that what can be collected was. */
async function collectUntil(isDone: () => boolean): Promise<void> {
  for (let i = 0; i < COLLECTIONS_MAX && !isDone(); i++) {
    // What a WeakRef was asked for lives until the end of the turn.
    await new Promise(setImmediate);
    collectGarbage();
    await new Promise(setImmediate);
  }
}

it.each(["simple", "advanced", "paranoid"] as const)(
  "at the level %s finds what was dropped, and only that",
  async (level) => {
    const { r, leaks, alerts, budget } = tracked(level);
    const kept = [budget.tryReserve(1, "kept")!, r.allocate(8)];
    (() => {
      budget.tryReserve(100, "dropped");
      budget.tryReserve(1000, "released")!.release();
      r.allocate(8).release();
    })();
    await collectUntil(() => alerts.length > 0);
    expect(alerts).toMatchObject([{ kind: "reservation", tag: "dropped", count: 1, bytes: 100 }]);
    expect(alerts[0]!.site === "").toBe(level === "simple");
    expect(leaks.report().count).toBe(3);
    expect(kept.every(({ isLive }) => isLive)).toBe(true);
  },
);

it("finds a Block, and a reservation whose request had waited and was forgotten", async () => {
  const { r, alerts, budget } = tracked("advanced");
  await (async () => {
    const limited = budget.child("limited", { limit: 10 });
    const first = limited.tryReserve(10)!;
    const later = limited.reserve(10, { tag: "forgotten" });
    first.release();
    await later;
    r.allocate(2000);
  })();
  await collectUntil(() => alerts.length === 2);
  expect(alerts.map(({ kind, tag, bytes }) => [kind, tag, bytes]).sort()).toEqual([
    ["block", "", r.usedBytes],
    ["reservation", "forgotten", 10],
  ]);
});

it("keeps no object from being collected that a frame of the place belonged to", async () => {
  const { budget, leaks } = tracked("paranoid");
  class Owner {
    readonly room = budget.tryReserve(10, "owned");
  }
  const collected = (() => new WeakRef(new Owner()))();
  await collectUntil(() => collected.deref() === undefined);
  expect(collected.deref()).toBeUndefined();
  expect(leaks.report().groups[0]!.site).toMatch(/^new Owner /m);
});

it("tells nothing of what is held, however often it is collected", async () => {
  const { alerts, budget } = tracked("paranoid");
  const held = Array.from({ length: 100 }, () => budget.tryReserve(1)!);
  let collections = 0;
  await collectUntil(() => ++collections > 5);
  expect(alerts).toEqual([]);
  expect(held.every((room) => room.release())).toBe(true);
});

it("works from the packed files, whose two entries share one hook", () => {
  const args = ["--expose-gc", "test/monitor/drop-worker.mjs", "advanced"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 50_000 });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const { alerts, live, isKept } = JSON.parse(stdout) as { alerts: LeakAlert[]; live: number; isKept: boolean };
  expect(alerts).toMatchObject([{ budgetPath: "service", tag: "dropped", count: 1, bytes: 100 }]);
  expect(alerts[0]!.site).toMatch(/^drop \(.*drop-worker\.mjs:\d+:\d+\)\n.*drop-worker\.mjs:\d+:\d+/);
  expect([live, isKept]).toEqual([2, true]);
});
