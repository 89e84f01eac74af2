// Governed things that fail: they free nothing, throw, lie, take long, come back in. Goal: the books stay right, what has no room is reported,
// and one's failure is not the others'. Method: exact states, a clock that the test sets forward.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Governed, type GovernedFailure, type GovernedOver, Governor } from "../../src/governor/index.js";
import { BudgetClosedError, ItemLimitExceededError } from "../../src/index.js";
import { allWoken, errorOf, expectUsed, take, waits } from "../budget-scene.js";
import { expectSound } from "../lib/regions.js";
import { pass, reported, scene, startTime, stopTime, turns } from "../reclaim-scene.js";
import { Store } from "./store.js";

beforeEach(stopTime);
afterEach(startTime);

/** What the governor told of. */
function told(governor: Governor): { over: GovernedOver[]; errors: GovernedFailure[] } {
  const all: { over: GovernedOver[]; errors: GovernedFailure[] } = { over: [], errors: [] };
  governor.on("over", (over) => all.over.push(over));
  governor.on("error", (failure) => all.errors.push(failure));
  return all;
}

describe("a thing that sheds nothing", () => {
  it("is charged what there is room for; the rest is reported, once, until it fits again", () => {
    const { r, budget } = scene(1000);
    const governor = new Governor(budget);
    const { over } = told(governor);
    const store = new Store("pinned");
    const pinned = governor.register(store.governed());
    store.pinned = 1200;
    expect([pinned.sync(), pinned.sync()]).toEqual([1200, 1200]);
    expect(over).toEqual([{ name: "pinned", claimedBytes: 1200, chargedBytes: 1000 }]);
    expect(pinned.stats()).toMatchObject({ claimedBytes: 1200, chargedBytes: 1000, unchargedBytes: 200 });
    expectUsed(r, [[budget, 1000]]);
    store.pinned = 900;
    expect([pinned.sync(), pinned.stats().unchargedBytes]).toEqual([900, 0]);
    store.pinned = 1100;
    pinned.sync();
    expect(over.length).toBe(2);
    expectSound(r);
  });

  it("is not asked at each look: each time it frees nothing it rests twice as long, 30 s at most", async () => {
    const { budget } = scene(1000);
    take(budget, 1000);
    const times: number[] = [];
    const pinned = new Governor(budget).register({
      name: "pinned",
      bytes: () => 100,
      shed: () => void times.push(performance.now()),
      // Only its own looks are measured here.
      minLevel: 4,
    });
    for (let i = 0; i < 2000; i++) {
      await pass(50);
      pinned.sync();
    }
    const rests = times.slice(1).map((time, i) => time - times[i]!);
    expect(rests).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000]);
  });

  it("and says that it did is not believed", () => {
    const { budget } = scene(1000);
    const governor = new Governor(budget);
    governor.register({ name: "liar", bytes: () => 1000, shed: () => 500 });
    expect(budget.tryReserve(100)).toBe(null);
    expect(governor.stats().things).toMatchObject([{ sheds: 1, shedBytes: 0, mismatches: 1, chargedBytes: 1000 }]);
    expect(budget.usedBytes).toBe(1000);
  });

  it("leaves what others are asked for as it is", () => {
    const { budget } = scene(1000);
    const governor = new Governor(budget);
    governor.register({ name: "stuck", priority: 0, bytes: () => 500, shed: () => {} });
    const store = new Store("tiles").fill(500);
    governor.register(store.governed());
    take(budget, 100);
    expect(store.held).toBe(350);
  });

  it("and grows while it sheds is charged no more than there is room for", () => {
    const { r, budget } = scene(1000);
    const governor = new Governor(budget);
    let bytes = 900;
    const growing = governor.register({ name: "growing", bytes: () => bytes, shed: () => void (bytes += 100) });
    bytes = 1100;
    growing.sync();
    expect(growing.stats().unchargedBytes).toBe(bytes - 1000);
    expectUsed(r, [[budget, 1000]]);
  });
});

describe("a thing that fails", () => {
  it("in bytes keeps its last charge; in shed, what it let go counts; both are told, and the others go on", () => {
    const { r, budget } = scene(1000);
    const governor = new Governor(budget);
    const { errors } = told(governor);
    const [first, second] = [new Store("first").fill(400), new Store("second").fill(600)];
    let answer: unknown;
    const broken = new Error("broken");
    governor.register(
      first.governed({
        priority: 0,
        bytes: () => (answer ?? first.held) as number,
        shed: () => {
          first.dropTo(300);
          throw broken;
        },
      }),
    );
    governor.register(second.governed());
    take(budget, 200);
    expect([first.held, second.held, budget.usedBytes]).toEqual([300, 450, 950]);
    expect(errors).toEqual([{ name: "first", what: "shed", error: broken }]);
    for (const wrong of ["12", Number.NaN, -1, Infinity, 2 ** 60, {}]) {
      answer = wrong;
      expect(governor.sync()).toBe(750);
    }
    expect(errors.slice(1).every(({ what, error }) => what === "bytes" && error instanceof Error)).toBe(true);
    expect(errors.slice(1).map(({ error }) => (error as Error).name)).toEqual(
      ["TypeError", "RangeError", "RangeError", "RangeError", "RangeError", "TypeError"].flatMap((name) => [
        name,
        name,
      ]),
    );
    expect(governor.stats().things[0]).toMatchObject({ failures: 13, chargedBytes: 300 });
    expectSound(r);
  });

  it("at its registration is refused with what is wrong, and leaves nothing behind", () => {
    const { r, budget } = scene(100);
    const governor = new Governor(budget);
    const good: Governed = { name: "tiles", bytes: () => 0, shed: () => {} };
    const wrong: [unknown, RegExp][] = [
      [undefined, /name/],
      [{ ...good, name: "" }, /name.*""/],
      [{ ...good, bytes: 5 }, /bytes.*5/],
      [{ ...good, shed: undefined }, /shed.*undefined/],
      [{ ...good, sheds: 1 }, /sheds/],
      [{ ...good, bytes: () => "5" }, /"tiles".*"5"/],
      [{ ...good, cost: "dear" }, /dear/],
      [{ ...good, priority: 101 }, /101/],
      [{ ...good, minLevel: 5 }, /5/],
      [{ ...good, bytes: () => -3 }, /-3/],
      [{ ...good, name: "x".repeat(57) }, /56/],
    ];
    for (const [thing, text] of wrong) {
      const error = errorOf(() => governor.register(thing as Governed));
      expect(error instanceof TypeError || error instanceof RangeError, String(text)).toBe(true);
      expect((error as Error).message).toMatch(text);
    }
    const broken = new Error("not open yet");
    const throwing = (): number => {
      throw broken;
    };
    expect(errorOf(() => governor.register({ ...good, bytes: throwing }))).toBe(broken);
    governor.register(good);
    expect(() => governor.register(good)).toThrow(/"tiles" is registered already/);
    expect(budget.reclaimerStats().map(({ name }) => name)).toEqual(["tiles"]);
    expect(budget.stats().items).toBe(1);
    expect(() => new Governor({} as never)).toThrow(TypeError);
    expect(() => new Governor(budget, { gauge: {} as never })).toThrow(TypeError);
    expect(() => new Governor(budget, { clock: 5 as never })).toThrow(TypeError);
    expectSound(r);
  });

  it("where the budget allows no further item is told so", () => {
    const { r } = scene(1);
    const budget = r.budget("few", { limit: 100, maxItems: 1 });
    const governor = new Governor(budget);
    governor.register(new Store("one").governed());
    expect(errorOf(() => governor.register(new Store("two").governed()))).toBeInstanceOf(ItemLimitExceededError);
    expect(budget.reclaimerStats().length).toBe(1);
  });

  it("in a listener fails nobody else's call", async () => {
    const errors = reported();
    const { budget } = scene(100);
    const governor = new Governor(budget);
    const deaf = new Error("deaf");
    governor.on("over", () => {
      throw deaf;
    });
    governor.register({ name: "pinned", bytes: () => 200, shed: () => {} });
    await turns();
    expect(errors).toEqual([deaf]);
    expect(budget.usedBytes).toBe(100);
  });
});

describe("a shed that comes back in", () => {
  it("finds everything in order: no second shed, no second look, no room", async () => {
    const { r, budget } = scene(1000);
    const governor = new Governor(budget);
    const store = new Store("tiles").fill(1000);
    let depth = 0;
    let deepest = 0;
    const inside: unknown[] = [];
    const tiles = governor.register(
      store.governed({
        shed: (target) => {
          deepest = Math.max(deepest, ++depth);
          inside.push(budget.tryReserve(10), tiles.sync(), governor.sync());
          tiles.changed();
          store.dropTo(target);
          depth--;
        },
      }),
    );
    store.fill(100);
    tiles.sync();
    expect([deepest, store.held, budget.usedBytes]).toEqual([1, 950, 950]);
    expect(inside).toEqual([null, 1100, 1100]);
    await turns();
    expect(store.held).toBe(950);
    expectSound(r);
  });

  it("and asks for room further up, where it would be asked itself, is not entered again", async () => {
    const { r, budget } = scene(1000);
    const child = budget.child("caches", { limit: 500 });
    const held = take(child, 400);
    budget.onLevel([0.1, 0.2, 0.3, 0.4], () => {});
    const store = new Store("tiles").fill(50);
    let depth = 0;
    let deepest = 0;
    const tiles = new Governor(child).register(
      store.governed({
        minLevel: 4,
        shed: (target) => {
          deepest = Math.max(deepest, ++depth);
          expect(budget.tryReserve(800)).toBe(null);
          store.dropTo(target);
          depth--;
        },
      }),
    );
    // Somebody waits, so what grows makes room by itself, out of any round.
    const outcome = waits(child, 300);
    await pass(0);
    store.fill(10);
    expect([tiles.sync(), deepest]).toEqual([50, 1]);
    held.release();
    await allWoken(r);
    expect(outcome.state).toBe("granted");
    expectSound(r);
  });

  it("in bytes is not looked at again from within", () => {
    const { budget } = scene(1000);
    const governor = new Governor(budget);
    let depth = 0;
    let deepest = 0;
    governor.register({
      name: "curious",
      bytes: () => {
        deepest = Math.max(deepest, ++depth);
        governor.sync();
        budget.tryReserve(2000);
        depth--;
        return 500;
      },
      shed: () => {},
    });
    governor.sync();
    expect(budget.tryReserve(600)).toBe(null);
    expect([deepest, budget.usedBytes]).toEqual([1, 500]);
  });

  it("and closes its registration, the governor or the budget leaves nothing charged", async () => {
    for (const close of ["registration", "governor", "budget"] as const) {
      const { r, budget } = scene(1000);
      const child = budget.child("caches");
      const governor = new Governor(child);
      const { errors } = told(governor);
      const store = new Store("tiles").fill(1000);
      const closing = (target: number): void => {
        store.dropTo(target);
        if (close === "budget") child.close();
        else if (close === "governor") governor.close();
        else tiles.close();
      };
      const tiles = governor.register(store.governed({ shed: closing }));
      expect(take(budget, 100).size, close).toBe(100);
      expectUsed(r, [[budget, 100]]);
      const closed = close === "budget" ? [true] : [];
      expect(errors.splice(0).map(({ error }) => error instanceof BudgetClosedError)).toEqual(closed);
      store.fill(1);
      tiles.changed();
      await turns();
      // Where nobody waits for the answer it is told.
      expect(errors.map(({ error }) => error instanceof BudgetClosedError)).toEqual(closed);
      if (close === "budget") expect(() => tiles.sync()).toThrow(BudgetClosedError);
      else expect(tiles.sync()).toBe(store.held - 1);
    }
  });
});

describe("a shed that takes longer", () => {
  it("is waited for by a request that waits; at its end the thing is charged what it holds then", async () => {
    const { r, budget } = scene(1000);
    const governor = new Governor(budget);
    const store = new Store("tiles").fill(1000);
    let finish = (): void => {};
    const started: number[] = [];
    const tiles = governor.register(
      store.governed({
        shed: (target) => {
          started.push(target);
          return new Promise((resolve) => {
            finish = () => resolve(store.dropTo(target));
          });
        },
      }),
    );
    const outcome = waits(budget, 100);
    await turns();
    expect([started, outcome.state]).toEqual([[850], "pending"]);
    // Nothing is asked of it a second time meanwhile, and no look disturbs it.
    store.fill(20);
    expect(tiles.sync()).toBe(1000);
    expect([budget.tryReserve(10), started.length]).toEqual([null, 1]);
    finish();
    await pass(0);
    await allWoken(r);
    expect([outcome.state, store.held, tiles.stats().chargedBytes]).toEqual(["granted", 850, 850]);
    expectUsed(r, [[budget, 950]]);
  });

  it("for its own growth is one shed, after which it is charged what it holds", async () => {
    const { r, budget } = scene(1000);
    const store = new Store("tiles").fill(1000);
    const started: number[] = [];
    let finish = (): void => {};
    const tiles = new Governor(budget).register(
      store.governed({
        shed: (target) => {
          started.push(target);
          return new Promise((resolve) => {
            finish = () => resolve(store.dropTo(target));
          });
        },
      }),
    );
    store.fill(100);
    tiles.sync();
    tiles.sync();
    expect([started, tiles.stats().unchargedBytes]).toEqual([[950], 100]);
    finish();
    await turns();
    expect([store.held, tiles.stats().unchargedBytes, started.length]).toEqual([950, 0, 1]);
    expectUsed(r, [[budget, 950]]);
  });

  it("and is rejected is told, and what it grew by is shed when it has rested", async () => {
    const { budget } = scene(1000);
    const governor = new Governor(budget);
    const { errors, over } = told(governor);
    const store = new Store("tiles").fill(1000);
    const broken = new Error("broken later");
    let isBroken = true;
    const tiles = governor.register(
      store.governed({
        shed: async (target) => {
          if (isBroken) throw broken;
          store.dropTo(target);
        },
      }),
    );
    store.fill(100);
    tiles.sync();
    await turns();
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.every(({ what, error }) => what === "shed" && error === broken)).toBe(true);
    expect([over.length, tiles.stats().unchargedBytes, budget.usedBytes]).toEqual([1, 100, 1000]);
    isBroken = false;
    await pass(1000);
    tiles.sync();
    await turns();
    expect([tiles.stats().unchargedBytes, store.held <= 1000]).toEqual([0, true]);
    expect(budget.usedBytes).toBe(store.held);
  });
});

describe("the end", () => {
  it("of a registration or a governor gives back what was charged, and nothing is asked of the thing after it", () => {
    const { r, budget } = scene(1000);
    const governor = new Governor(budget);
    const [one, two] = [new Store("one").fill(400), new Store("two").fill(600)];
    const first = governor.register(one.governed());
    governor.register(two.governed());
    first.close();
    first[Symbol.dispose]();
    expectUsed(r, [[budget, 600]]);
    take(budget, 400);
    expect([one.held, two.held]).toEqual([400, 600]);
    governor.register(one.governed());
    governor.close();
    governor.close();
    expectUsed(r, [[budget, 400]]);
    expect(governor.stats()).toEqual({ claimedBytes: 0, chargedBytes: 0, unchargedBytes: 0, things: [] });
    expect(() => governor.register(one.governed())).toThrow(/closed/);
    expect(budget.reclaimerStats()).toEqual([]);
  });
});
