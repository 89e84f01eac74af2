// The governor, in Node and in a cross-origin isolated page. Goal: what things hold is what the budget counts, as of the last look; who has to
// let go is who is first in the reclaimers' order, and no more than is missing. Method: stores of known sizes, exact states, random commands
// against the sums. How sheds fail: governor-failures.both.test.ts.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Governor } from "../../src/governor/index.js";
import { Monitor } from "../../src/monitor/index.js";
import { BudgetGauge } from "../../src/pressure/index.js";
import { allWoken, expectUsed, pair, take, waits } from "../budget-scene.js";
import { expectSound } from "../lib/regions.js";
import { random } from "../lib/random.js";
import { pass, scene, startTime, stopTime, turns } from "../reclaim-scene.js";
import { Store } from "./store.js";

beforeEach(stopTime);
afterEach(startTime);

describe("a governed thing", () => {
  it("is charged what it says it holds, under its name, and gives back what it holds no more", () => {
    const { r, budget } = scene(1000);
    const governor = new Governor(budget);
    const store = new Store("tiles").fill(300);
    const tiles = governor.register(store.governed());
    expect(budget.topConsumers()).toEqual([{ tag: "tiles", bytes: 300, count: 1 }]);
    store.fill(100);
    expect(budget.usedBytes).toBe(300);
    expect(tiles.sync()).toBe(400);
    store.dropTo(50);
    expect(governor.sync()).toBe(50);
    expect(tiles.stats()).toEqual({
      name: "tiles",
      claimedBytes: 50,
      chargedBytes: 50,
      unchargedBytes: 0,
      sheds: 0,
      shedBytes: 0,
      mismatches: 0,
      failures: 0,
    });
    store.entries[0] = 1.25;
    expect([tiles.sync(), budget.usedBytes]).toEqual([51, 51]);
    expectSound(r);
  });

  it("that says it changed is looked at once in that turn", async () => {
    const { budget } = scene(1000);
    const store = new Store("tiles");
    const tiles = new Governor(budget).register(store.governed());
    const { looks } = store;
    for (let i = 0; i < 100; i++) {
      store.fill(1);
      tiles.changed();
    }
    expect([store.looks, budget.usedBytes]).toEqual([looks, 0]);
    await turns();
    // Once for what it gives back, once for what it has grown by.
    expect([store.looks, budget.usedBytes]).toEqual([looks + 2, 100]);
  });

  it("sheds for a request that finds no room, measured by what it holds before and after", () => {
    const { r, budget } = scene(1000);
    const store = new Store("tiles").fill(1000);
    const governor = new Governor(budget);
    governor.register(store.governed());
    expect(take(budget, 200).size).toBe(200);
    // What is missing, and a twentieth of the limit.
    expect([store.targets, store.held]).toEqual([[750], 750]);
    expect(governor.stats()).toMatchObject({ claimedBytes: 750, chargedBytes: 750, unchargedBytes: 0 });
    expect(governor.stats().things).toMatchObject([{ sheds: 1, shedBytes: 250 }]);
    expectUsed(r, [[budget, 950]]);
  });

  it("that shrank by itself gives that back for such a request, and sheds only the rest", () => {
    const { budget } = scene(1000);
    const store = new Store("tiles").fill(1000);
    new Governor(budget).register(store.governed());
    store.dropTo(700);
    take(budget, 200);
    expect([store.targets, store.held]).toEqual([[], 700]);
    take(budget, 300);
    expect([store.targets, store.held]).toEqual([[450], 450]);
  });

  it("that grew since the last look has that to shed too", () => {
    const { budget } = scene(1000);
    const store = new Store("tiles").fill(1000);
    new Governor(budget).register(store.governed());
    store.fill(500);
    take(budget, 200);
    expect([store.targets, store.held, budget.usedBytes]).toEqual([[750], 750, 950]);
  });

  it("sheds for a request of another thread", async () => {
    const { r, other } = pair();
    const budget = r.budget("root", { limit: 1000 });
    const store = new Store("tiles").fill(1000);
    new Governor(budget).register(store.governed());
    const outcome = waits(other.budget("root"), 100);
    await allWoken(r, other);
    expect([outcome.state, store.held]).toEqual(["granted", 850]);
    expectUsed(r, [[budget, 950]]);
  });

  it("is asked for others from its minLevel on, and for what a budget further up misses", () => {
    const { r, budget } = scene(1000);
    const child = budget.child("caches", { limit: 900 });
    const store = new Store("tiles").fill(500);
    new Governor(child).register(store.governed({ minLevel: 1 }));
    const held = take(budget, 300);
    budget.onLevel([0.9], () => {});
    expect(budget.tryReserve(400)).toBe(null);
    held.tryResize(450);
    expect(take(budget, 100).size).toBe(100);
    expect(store.held).toBe(400);
    expectSound(r);
  });
});

describe("growth without room", () => {
  it("is shed by the thing itself where it is alone: what is missing and a twentieth of the limit", () => {
    const { r, budget } = scene(1000);
    const store = new Store("tiles").fill(1000);
    const tiles = new Governor(budget).register(store.governed());
    store.fill(30);
    expect(tiles.sync()).toBe(950);
    expect(store.targets).toEqual([950]);
    expectUsed(r, [[budget, 950]]);
    // The room that was made is used before anything is shed again.
    store.fill(50);
    expect([tiles.sync(), store.targets.length]).toEqual([1000, 1]);
  });

  it("is shed by who is first in order: by priority, then cost, then size, whoever grew", () => {
    const { budget } = scene(1000);
    const governor = new Governor(budget);
    const [cheap, dear, kept] = [new Store("cheap"), new Store("dear"), new Store("kept")];
    governor.register(kept.fill(500).governed({ priority: 90 }));
    governor.register(dear.fill(300).governed({ cost: 5 }));
    governor.register(cheap.fill(200).governed());
    kept.fill(40);
    governor.sync();
    expect([cheap.held, dear.held, kept.held]).toEqual([110, 300, 540]);
    cheap.fill(70);
    governor.sync();
    expect([cheap.held, dear.held, kept.held]).toEqual([110, 300, 540]);
    kept.fill(170);
    governor.sync();
    // 120 are missing, 50 are headroom: 110 are the cheap one's, the rest comes from who is next.
    expect([cheap.held, dear.held, kept.held]).toEqual([0, 240, 710]);
    expect(governor.stats()).toMatchObject({ claimedBytes: 950, chargedBytes: 950, unchargedBytes: 0 });
  });

  it("is the budget's matter with its other reclaimers: theirs comes first where they are first", () => {
    const { budget } = scene(1000);
    const history = take(budget, 400);
    let fitted = 0;
    budget.registerReclaimer({
      name: "history",
      priority: 10,
      reclaim: (bytes) => {
        // Who looks at it now finds it at its own request: it is not done yet.
        governor.sync();
        fitted++;
        history.tryResize(Math.max(0, history.size - bytes));
      },
    });
    const governor = new Governor(budget);
    const store = new Store("tiles").fill(600);
    const tiles = governor.register(store.governed());
    store.fill(100);
    expect([tiles.sync(), history.size, store.targets]).toEqual([700, 250, []]);
    expect(fitted).toBe(1);
  });

  it("first takes what other things have let go", () => {
    const { budget } = scene(1000);
    const governor = new Governor(budget);
    const [grows, shrinks] = [new Store("grows").fill(500), new Store("shrinks").fill(500)];
    governor.register(grows.governed());
    governor.register(shrinks.governed());
    grows.fill(300);
    shrinks.dropTo(200);
    expect([governor.sync(), grows.targets, shrinks.targets]).toEqual([1000, [], []]);
  });

  it("does not push in where others wait: what has no room is shed", async () => {
    const { r, budget } = scene(1000);
    const held = take(budget, 900);
    const store = new Store("tiles").fill(50);
    const tiles = new Governor(budget).register(store.governed({ minLevel: 4 }));
    const outcome = waits(budget, 500);
    await pass(0);
    expect(outcome.state).toBe("pending");
    store.fill(40);
    expect([tiles.sync(), store.targets]).toEqual([50, [50]]);
    held.release();
    await allWoken(r);
    expect(outcome.state).toBe("granted");
    expectUsed(r, [[budget, 550]]);
  });

  it("is shed by itself where the budget allows no further item: no more than makes room for all", () => {
    const { r } = scene(1);
    const budget = r.budget("narrow", { limit: 100, maxItems: 1 });
    const store = new Store("tiles").fill(90);
    const tiles = new Governor(budget).register(store.governed());
    store.fill(30);
    expect([tiles.sync(), store.targets, budget.usedBytes]).toEqual([95, [95], 95]);
    expectSound(r);
  });
});

describe("the looks", () => {
  it("follow a gauge's level, and a monitor's probe", async () => {
    const { budget } = scene(1000);
    const gauge = new BudgetGauge(budget, { preset: "stream" });
    const governor = new Governor(budget, { gauge });
    const store = new Store("tiles");
    governor.register(store.governed());
    store.fill(100);
    await turns();
    expect(budget.usedBytes).toBe(0);
    const held = take(budget, 880);
    await turns();
    expect(budget.usedBytes).toBe(980);
    governor.close();
    held.release();
    gauge.close();

    const other = new Governor(budget);
    other.register(store.governed());
    store.fill(50);
    const monitor = new Monitor({ readProcess: () => undefined, readSystem: () => undefined });
    monitor.addProbe("caches", () => other.sync());
    expect(monitor.sample().probes).toEqual({ caches: 150 });
    expect(budget.usedBytes).toBe(150);
  });
});

describe("any sequence", () => {
  it.each([1, 2, 3, 4])("of growth, shrinking and requests leaves the sums right, seed %i", (seed) => {
    const by = random(seed);
    const { r, budget } = scene(2000);
    const governor = new Governor(budget);
    const stores = [0, 1, 2].map((i) => new Store(`store ${i}`));
    for (const store of stores) governor.register(store.governed({ priority: by.below(3), cost: by.below(3) }));
    const held: ReturnType<typeof take>[] = [];
    for (let i = 0; i < 1500; i++) {
      const store = by.pick(stores);
      const what = by.below(6);
      if (what === 0) store.dropTo(by.below(store.held + 1));
      else if (what === 1) held.splice(by.below(held.length + 1), 1)[0]?.release();
      else if (what === 2) held.push(...[budget.tryReserve(by.below(200))].filter((one) => one !== null));
      else store.add(...Array.from({ length: by.below(8) }, () => by.below(50)));
      expect(budget.usedBytes).toBeLessThanOrEqual(2000);
      if (by.below(3) > 0) continue;
      governor.sync();
      const { claimedBytes, chargedBytes, unchargedBytes } = governor.stats();
      expect([claimedBytes, unchargedBytes]).toEqual([chargedBytes, 0]);
      expect(claimedBytes).toBe(stores.reduce((sum, { held }) => sum + held, 0));
      expect(budget.usedBytes).toBe(claimedBytes + held.reduce((sum, { size }) => sum + size, 0));
    }
    expect(stores.reduce((sum, { targets }) => sum + targets.length, 0)).toBeGreaterThan(20);
    governor.close();
    for (const one of held) one.release();
    expectUsed(r, [[budget, 0]]);
  });
});
