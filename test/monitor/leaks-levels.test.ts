// LeakTracker: levels, chance and places. Goal: each level chooses whom it says and records what it says; places are the program's frames whatever
// engine or bundler made the stack. Method: counts of what was chosen under a seed, and stacks as engines write them.
import { afterEach, describe, expect, it } from "vitest";
import { type LeakLevel, trackLeaks } from "../../src/monitor/index.js";
import { Sampler } from "../../src/monitor/sampler.js";
import { callSite, siteOf } from "../../src/monitor/site.js";
import { random } from "../lib/random.js";
import { region } from "../lib/regions.js";
import { scene, stopAll } from "./leaks-scene.js";

const SEED = 5;
const uniform = (): (() => number) => {
  const numbers = random(SEED);
  return () => numbers.next() / 2 ** 32;
};

afterEach(stopAll);

/** How many of twice so many are chosen, half of which live; and how many places there are in the report. */
function chosenAt(level: LeakLevel, pairs = 6400): { chosen: number; live: number; places: number } {
  const { r, leaks, gc } = scene({ level, random: uniform() });
  const budget = r.budget("b");
  for (let i = 0; i < pairs; i++) {
    budget.tryReserve(1);
    r.allocate(1).release();
  }
  const { count, groups } = leaks.report();
  return { chosen: gc.chosen, live: count, places: new Set(groups.map(({ site }) => site).filter(Boolean)).size };
}

describe("the level", () => {
  it("off tracks nothing", () => {
    expect(chosenAt("off")).toEqual({ chosen: 0, live: 0, places: 0 });
  });

  it("simple tracks one in 128, without its place", () => {
    const { chosen, live, places } = chosenAt("simple");
    expect(chosen).toBeGreaterThan(70);
    expect(chosen).toBeLessThan(130);
    expect(live).toBeLessThan(chosen);
    expect(places).toBe(0);
  });

  it("advanced tracks one in 128, with its place", () => {
    const { chosen, places } = chosenAt("advanced");
    expect(chosen).toBe(chosenAt("simple").chosen);
    expect(places).toBe(1);
  });

  it("paranoid tracks every one, with its place", () => {
    expect(chosenAt("paranoid", 640)).toEqual({ chosen: 1280, live: 640, places: 1 });
  });

  it("is simple unless told, and can be changed: what is tracked stays tracked", () => {
    const plain = trackLeaks(region());
    expect(plain.level).toBe("simple");
    plain.stop();
    const { r, leaks } = scene({ level: "simple", interval: 2, random: () => 0 });
    r.allocate(1);
    leaks.setLevel("paranoid");
    r.allocate(1);
    leaks.setLevel("advanced");
    r.allocate(1);
    const { interval, groups } = leaks.report();
    expect(interval).toBe(2);
    expect(groups.map(({ site, count }) => [site !== "", count]).sort()).toEqual([
      [false, 1],
      [true, 1],
      [true, 1],
    ]);
  });

  it("chooses who waits with the same chance", async () => {
    const { r, gc } = scene({ level: "simple", interval: 8, random: uniform() });
    const budget = r.budget("b", { limit: 1 });
    for (let i = 0; i < 800; i++) {
      const first = budget.tryReserve(1)!;
      const later = budget.reserve(1);
      first.release();
      (await later).release();
    }
    expect(gc.chosen).toBeGreaterThan(150);
    expect(gc.chosen).toBeLessThan(250);
  });
});

describe("a sampler", () => {
  const chosen = (sampler: Sampler, of: number): number[] =>
    Array.from({ length: of }, (_, i) => i).filter(() => sampler.next());

  it("chooses each with the same chance, whatever came before", () => {
    const all = chosen(new Sampler(16, uniform()), 160_000);
    expect(Math.abs(all.length - 10_000)).toBeLessThan(400);
    const gaps = all.slice(1).map((at, i) => at - all[i]! - 1);
    // Of a gap of at least k, the same share is longer by 16: (15/16)^16 = 0.356.
    for (const k of [0, 10, 30]) {
      const reached = gaps.filter((gap) => gap >= k);
      const share = reached.filter((gap) => gap >= k + 16).length / reached.length;
      expect(share, `${k}`).toBeCloseTo(0.356, 1);
    }
    for (let phase = 0; phase < 16; phase++) {
      const here = all.filter((at) => at % 16 === phase).length;
      expect(Math.abs(here - 625)).toBeLessThan(125);
    }
  });

  it("chooses also what comes in step with it, which one that counts never does (control)", () => {
    let count = 0;
    const expectInStep = (next: () => boolean): void => {
      const even = Array.from({ length: 1600 }, (_, i) => i).filter((i) => next() && i % 2 === 0);
      expect(even.length).toBeGreaterThan(25);
    };
    const sampler = new Sampler(16, uniform());
    expectInStep(() => sampler.next());
    expect(() => expectInStep(() => ++count % 16 === 0)).toThrow("expected 0 to be greater than 25");
  });

  it("of 1 chooses all and draws nothing", () => {
    let drawn = 0;
    const sampler = new Sampler(1, () => drawn++);
    expect(chosen(sampler, 100)).toHaveLength(100);
    expect(drawn).toBe(0);
  });
});

describe("the place", () => {
  it("is the program's innermost frames, without this library's and the host's", () => {
    const stack = [
      "Error",
      "    at reservationAt (file:///app/node_modules/cistern/dist/node/chunks/chunk-A.js:10:5)",
      "    at Budget.tryReserve (file:///app/node_modules/cistern/dist/node/index.js:10:5)",
      "    at load (file:///app/src/load.js:3:9)",
      "    at Array.map (<anonymous>)",
      "    at async Server.handle (file:///app/src/server.js:8:1)",
      "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
      "    at file:///app/src/main.js:1:1",
    ].join("\n");
    expect(siteOf(stack, 2)).toBe("load (file:///app/src/load.js:3:9)\nServer.handle (file:///app/src/server.js:8:1)");
    expect(siteOf(stack, 9).split("\n")).toHaveLength(3);
    expect(siteOf(stack.replaceAll("async ", ""), 9)).toBe(siteOf(stack, 9));
  });

  it("is found in a bundle of everything, by the method that was called", () => {
    const stack = [
      "Error",
      "    at Qe (file:///app/out.js:1:100)",
      "    at t.tryReserve (file:///app/out.js:1:200)",
      "    at a (file:///app/out.js:1:300)",
    ].join("\n");
    expect(siteOf(stack, 4)).toBe("a (file:///app/out.js:1:300)");
  });

  it.each(["reserve", "split", "allocate", "adopt", "adoptReservation", "resize"])("is below %s", (method) => {
    const v8 = `Error\n    at a (f:///x.js:1:1)\n    at b.${method} (f:///x.js:2:2)\n    at c (f:///x.js:3:3)`;
    expect(siteOf(v8, 4)).toBe("c (f:///x.js:3:3)");
    expect(siteOf(`a@f:///x.js:1:1\n${method}@f:///x.js:2:2\nc@f:///x.js:3:3`, 4)).toBe("c@f:///x.js:3:3");
  });

  it("is found by the folder where the engine does not name the method", () => {
    const stack = [
      "reservationAt@https://x.test/cistern/dist/browser/chunks/chunk-A.js:10:5",
      "#reserver/<@https://x.test/cistern/dist/browser/index.js:10:5",
      "load@https://x.test/load.js:3:9",
      "",
    ].join("\n");
    expect(siteOf(stack, 4)).toBe("load@https://x.test/load.js:3:9");
  });

  it("is empty where there is no stack, and all there is where nothing in it is known", () => {
    expect(siteOf("", 4)).toBe("");
    expect(siteOf("Error: at the end", 4)).toBe("");
    expect(siteOf("Error\n    at f (g:1:1)", 4)).toBe("f (g:1:1)");
  });

  it("is this test's here", () => {
    const tryReserve = (): string => callSite(1, tryReserve);
    const site = tryReserve();
    expect(site).toMatch(/leaks-levels\.test\.ts/);
  });
});
