// LeakTracker and the real garbage collector. Goal: what was dropped is found, what is held or released is not, and being tracked keeps nothing from
// being collected, places included. Method: a process for each scene, in which collections are forced until the alerts come, at most so many.
import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import type { LeakAlert, LeakLevel } from "../../src/monitor/index.js";

interface Found {
  alerts: LeakAlert[];
  /** How many handles were tracked and live at the end, and where they were taken. */
  live: number;
  places: string[];
  [more: string]: unknown;
}

function run(scenario: string, level: LeakLevel, alerts = 0): Found {
  const args = ["--expose-gc", "test/monitor/drop-worker.mjs", scenario, level, `${alerts}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 50_000 });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return JSON.parse(stdout) as Found;
}

it.each(["simple", "advanced", "paranoid"] as const)(
  "at the level %s what was dropped is found, and only that",
  (level) => {
    const { alerts, live, isKept } = run("dropped", level, 1);
    expect(alerts).toMatchObject([
      { kind: "reservation", budgetPath: "service", tag: "dropped", count: 1, bytes: 100, level },
    ]);
    const place = /^drop \(.*drop-worker\.mjs:\d+:\d+\)\n.*drop-worker\.mjs:\d+:\d+/;
    expect(alerts[0]!.site).toMatch(level === "simple" ? /^$/ : place);
    expect([live, isKept]).toEqual([3, true]);
  },
);

it("a Block is found, and a reservation whose request had waited and was forgotten", () => {
  const { alerts, usedBytes } = run("waited", "advanced", 2);
  expect(alerts.map(({ kind, budgetPath, tag, bytes }) => [kind, budgetPath, tag, bytes]).sort()).toEqual([
    ["block", "", "", usedBytes],
    ["reservation", "service/limited", "forgotten", 10],
  ]);
});

it("no object is kept from being collected that a frame of the place belonged to", () => {
  const { isCollected, live, places } = run("owner", "paranoid");
  expect(isCollected).toBe(true);
  expect(live).toBe(1);
  expect(places[0]).toMatch(/^Owner\.take /);
});

it("nothing is told of what is held, however often garbage is collected", () => {
  expect(run("held", "paranoid")).toMatchObject({ alerts: [], released: 100, live: 0 });
});
