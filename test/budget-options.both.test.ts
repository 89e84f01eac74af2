// What budgets, requests and reservations are given, in Node and in a cross-origin isolated page. Goal: every wrong argument is the
// documented error, thrown before anything changed; every right spelling means what the documentation says. Method: tables; the
// region's bytes copied before each wrong call and compared after it.
import { describe, expect, it } from "vitest";
import { type Budget, type BudgetOptions, type Region, type ReserveOptions } from "../src/index.js";
import { errorOf, expectUntouched, rejectionOf, take } from "./budget-scene.js";
import { KIB, expectSound, fillUp, region } from "./lib/regions.js";

const show = (value: unknown): string =>
  typeof value === "object"
    ? JSON.stringify(value, (_, v: unknown) => (typeof v === "bigint" ? `${v}n` : v))
    : String(value);

/** What is no size at all, and numbers and texts that no size may be. */
const NO_SIZE: readonly unknown[] = [
  Number.NaN,
  null,
  true,
  {},
  [5],
  5n,
  () => 5,
  Symbol("5"),
  "",
  "abc",
  "5 apples",
  "-5",
  "1e3",
  "%",
  "NaN",
];
const WRONG_SIZE: readonly unknown[] = [-1, -0.5, -Infinity, 2 ** 53, 1e300, "9007199254740992", "9PB"];
/** Values of other types that wasm would take for 5, and others. */
const NO_NUMBER: readonly unknown[] = [
  "5",
  null,
  true,
  {},
  [5],
  5n,
  Object(5),
  { valueOf: () => 5 },
  () => 5,
  Symbol("5"),
];
const WRONG_BYTES = [-1, 0.5, 1.5, Number.NaN, Infinity, -Infinity, 2 ** 53, 1e300, -(2 ** 31)];

interface Scene {
  r: Region;
  root: Budget;
  child: Budget;
}

function scene(): Scene {
  const r = region({ size: 128 * KIB, maxOwners: 4 });
  const root = r.budget("root", { limit: 1000 });
  return { r, root, child: root.child("child") };
}

/** Both ways to make a budget refuse `options`, and nothing is changed. */
function expectRefused(
  { r, root }: Scene,
  what: string,
  options: unknown,
  error: typeof TypeError | typeof RangeError,
): void {
  expectUntouched(r, what, () => {
    expect(
      errorOf(() => r.budget("new", options as BudgetOptions)),
      `budget: ${what}`,
    ).toBeInstanceOf(error);
    expect(
      errorOf(() => root.child("new", options as BudgetOptions)),
      `child: ${what}`,
    ).toBeInstanceOf(error);
  });
}

describe("an option of a budget", () => {
  it.each(["limit", "min", "soft"])("%s that is no size is a TypeError, one out of range a RangeError", (name) => {
    const s = scene();
    for (const value of NO_SIZE) expectRefused(s, `${name}: ${show(value)}`, { [name]: value }, TypeError);
    for (const value of WRONG_SIZE) expectRefused(s, `${name}: ${show(value)}`, { [name]: value }, RangeError);
    expectSound(s.r);
  });

  it.each(["priority", "bypass", "maxItems"])(
    "%s that is no number is a TypeError, one out of range a RangeError",
    (name) => {
      const s = scene();
      const wrong = name === "priority" ? [101, 1e9, Infinity] : [2 ** 32 - 1, 2 ** 32, 2 ** 53];
      for (const value of NO_NUMBER.filter((value) => value !== null))
        expectRefused(s, `${name}: ${show(value)}`, { [name]: value }, TypeError);
      for (const value of [-1, 0.5, Number.NaN, -Infinity, ...wrong])
        expectRefused(s, `${name}: ${show(value)}`, { [name]: value }, RangeError);
      expectSound(s.r);
    },
  );

  it("min larger than the limit is a RangeError that names both, and so is one without an end", () => {
    const s = scene();
    expectRefused(s, "min > limit", { limit: 100, min: 101 }, RangeError);
    expectRefused(s, "min: 110 % of the limit", { limit: 100, min: "110%" }, RangeError);
    expectRefused(s, "min: Infinity below a limit", { limit: 100, min: Infinity }, RangeError);
    expect((errorOf(() => s.r.budget("new", { limit: 100, min: 101 })) as Error).message).toMatch(/101 > 100/);
    expectRefused(s, "min: Infinity", { min: Infinity }, RangeError);
    expect(s.root.usedBytes).toBe(0);
    expect(s.root.child("equal", { limit: 100, min: 100 }).stats()).toMatchObject({ limitBytes: 100, minBytes: 100 });
  });

  it("that nobody knows is a TypeError that names it and those there are", () => {
    const s = scene();
    for (const options of [{ limits: 5 }, { Limit: 5 }, { limit: 5, tag: [] }, { constructor: 1 }])
      expectRefused(s, show(options), options, TypeError);
    expect((errorOf(() => s.root.child("new", { limits: 5 } as BudgetOptions)) as Error).message).toMatch(
      /"limits".*"limit".*"min".*"soft".*"priority".*"bypass".*"maxItems"/,
    );
    expectRefused(s, "child: parent", { parent: 5 }, TypeError);
  });

  it("tags that are no array of texts, or texts that are too long, are refused before anything is changed", () => {
    const s = scene();
    for (const tags of [5, "gop", {}, [5], ["gop", null]]) expectRefused(s, show(tags), { tags }, TypeError);
    for (const tags of [[""], ["gop", "x".repeat(57)]]) expectRefused(s, show(tags), { tags }, RangeError);
  });

  it("tags are made room for: requests that have them are granted in a region that is full, others are not", () => {
    const { r } = scene();
    const tags = Array.from({ length: 200 }, (_, i) => `tag ${i}`);
    const budget = r.budget("tagged", { tags });
    // Records for as many requests, which are given back.
    for (const held of tags.map(() => budget.tryReserve(1))) held!.release();
    fillUp(r);
    for (const tag of tags) expect(budget.tryReserve(1, tag)?.tag).toBe(tag);
    expect(errorOf(() => tags.forEach((tag) => budget.tryReserve(1, `${tag} too`)?.release()))).toMatchObject({
      code: "ERR_MEMORY_LIMIT",
      budgetPath: "region",
    });
    expectSound(r);
  });

  it("is one of the object's own: what it inherits is none, wrong or right", () => {
    const { r, root } = scene();
    const inherited = Object.create({ limit: 5, min: -1, unknown: 1, parent: root }) as BudgetOptions;
    const budget = r.budget("own", inherited);
    expect(budget.limitBytes).toBe(Number.POSITIVE_INFINITY);
    expect(budget.parent).toBe(null);
    expect(root.child("own", inherited).limitBytes).toBe(Number.POSITIVE_INFINITY);
  });

  it("stands in an object: anything else is a TypeError", () => {
    const s = scene();
    for (const options of [null, 5, "limit", true, () => ({})]) expectRefused(s, show(options), options, TypeError);
  });

  it("left out means: no limit, no minimum, no soft limit, priority 50, any number of items", () => {
    const { r } = scene();
    for (const options of [undefined, {}, { limit: undefined, min: undefined, soft: undefined, maxItems: undefined }])
      expect(r.budget(`plain ${show(options)}`, options as BudgetOptions).stats()).toMatchObject({
        limitBytes: Infinity,
        minBytes: 0,
        softBytes: Infinity,
        priority: 50,
        maxItems: Infinity,
        usagePercent: 0,
        availableBytes: Infinity,
      });
  });

  it("is kept as it was given", () => {
    const { r } = scene();
    const options = { limit: "64MiB", min: "1 KiB", soft: "80%", priority: 0, maxItems: 0 };
    expect(r.budget("kept", options).stats()).toMatchObject({
      limitBytes: 64 * 2 ** 20,
      minBytes: 1024,
      softBytes: Math.floor(0.8 * 64 * 2 ** 20),
      priority: 0,
      maxItems: 0,
    });
    const most = { limit: 2 ** 53 - 1, min: 2 ** 53 - 1, soft: 2 ** 53 - 1, priority: 100, maxItems: 2 ** 32 - 2 };
    const { limit, min, soft, ...same } = most;
    expect(r.budget("most", most).stats()).toMatchObject({
      limitBytes: limit,
      minBytes: min,
      softBytes: soft,
      ...same,
    });
    const none = { limit: Infinity, soft: Infinity, maxItems: Infinity };
    expect(r.budget("none", none).stats()).toMatchObject({
      limitBytes: Infinity,
      softBytes: Infinity,
      maxItems: Infinity,
    });
    expect(r.budget("nothing", { limit: 0, soft: 0 }).stats()).toMatchObject({ limitBytes: 0, softBytes: 0 });
    expectSound(r);
  });

  it("drops a fraction of a byte, as every size here does", () => {
    expect(scene().root.child("floored", { limit: 10.9, min: 2.5 }).stats()).toMatchObject({
      limitBytes: 10,
      minBytes: 2,
    });
  });
});

describe("a percentage", () => {
  it("of limit is one of the parent's limit, and of the machine's memory at the root", () => {
    const { r, root } = scene();
    const quarter = root.child("quarter", { limit: "25%" });
    expect(quarter.limitBytes).toBe(250);
    expect(quarter.child("half", { limit: "50 %" }).limitBytes).toBe(125);
    expect(root.child("more", { limit: "120%" }).limitBytes).toBe(1200);
    const machine = r.budget("machine", { limit: "100%" }).limitBytes;
    expect(machine).toBeGreaterThan(2 ** 20);
    expect(r.budget("half the machine", { limit: "50%" }).limitBytes).toBe(Math.floor(machine / 2));
  });

  it("of min and soft is one of the budget's own limit", () => {
    const { root } = scene();
    expect(root.child("own", { limit: 200, min: "25%", soft: "75%" }).stats()).toMatchObject({
      minBytes: 50,
      softBytes: 150,
    });
  });

  it("of a limit that there is not is a TypeError", () => {
    const s = scene();
    const open = s.r.budget("open");
    const below = open.child("below");
    for (const options of [{ limit: "25%" }, { min: "25%" }, { soft: "25%" }])
      expectUntouched(s.r, show(options), () => {
        expect(errorOf(() => open.child("new", options))).toBeInstanceOf(TypeError);
      });
    expectUntouched(s.r, "setLimit", () => expect(errorOf(() => below.setLimit("25%"))).toBeInstanceOf(TypeError));
  });

  it("of setLimit is one of the parent's limit", () => {
    const { root, child } = scene();
    child.setLimit("30%");
    expect(child.limitBytes).toBe(300);
    root.setLimit(500);
    expect(child.limitBytes).toBe(300);
    child.setLimit("30%");
    expect(child.limitBytes).toBe(150);
  });
});

describe("soft", () => {
  it("up to 1 is a fraction of the limit, above 1 it is bytes", () => {
    const { root } = scene();
    const soft = (name: string, value: number | string): number =>
      root.child(name, { limit: 200, soft: value }).stats().softBytes;
    expect([soft("a", 0.5), soft("b", 1), soft("c", 2), soft("d", "1"), soft("e", 0)]).toEqual([100, 200, 2, 1, 0]);
    expect(root.child("f", { soft: 0.5 }).stats().softBytes).toBe(Infinity);
  });
});

describe("a name", () => {
  it("has 1 to 56 bytes in UTF-8; any other is a RangeError, what is no text a TypeError", () => {
    const { r, root } = scene();
    for (const name of ["", "x".repeat(57), "é".repeat(29), "😀".repeat(15), "x".repeat(10_000)]) {
      expectUntouched(r, `the name ${name.slice(0, 60)}`, () => {
        expect(errorOf(() => r.budget(name))).toBeInstanceOf(RangeError);
        expect(errorOf(() => root.child(name))).toBeInstanceOf(RangeError);
        expect(errorOf(() => root.tryReserve(1, name))).toBeInstanceOf(RangeError);
      });
    }
    for (const name of [undefined, null, 5, {}, ["a"], Symbol("a")] as unknown as string[]) {
      expectUntouched(r, show(name), () => {
        expect(errorOf(() => r.budget(name))).toBeInstanceOf(TypeError);
        expect(errorOf(() => root.child(name))).toBeInstanceOf(TypeError);
        if (name !== undefined) expect(errorOf(() => root.tryReserve(1, name))).toBeInstanceOf(TypeError);
      });
    }
    for (const name of ["x", "x".repeat(56), "é".repeat(28), "😀".repeat(14), "a b\n\0", "__proto__"]) {
      expect(root.child(name).path).toBe(`root/${name}`);
      expect(take(root, 1, name).tag).toBe(name);
    }
    expectSound(r);
  });

  it("tells names apart that begin alike, and is one number for all threads", () => {
    const { r } = scene();
    const names = Array.from({ length: 100 }, (_, i) => `tenant ${i}`.padEnd(1 + (i % 56), "é").slice(0, 30));
    const budgets = [...new Set(names)].map((name) => r.budget(name));
    expect(new Set(budgets.map(({ at }) => at)).size).toBe(budgets.length);
    expect(budgets.map(({ path }) => path)).toEqual([...new Set(names)]);
    expectSound(r);
  });
});

describe("parent", () => {
  it("that is no Budget is a TypeError", () => {
    const { r, root } = scene();
    const fakes: unknown[] = [null, 5, "root", {}, { at: root.at, state: root.state }, Object.create(root), r];
    for (const parent of fakes.filter((fake) => !Object.prototype.isPrototypeOf.call(root, fake as object))) {
      expectUntouched(r, show(typeof parent), () =>
        expect(errorOf(() => r.budget("new", { parent: parent as Budget }))).toBeInstanceOf(TypeError),
      );
    }
  });

  it("of another region is a TypeError, and neither region is changed", () => {
    const { r } = scene();
    const far = scene();
    expectUntouched(far.r, "a child for another region", () =>
      expectUntouched(r, "a parent of another region", () =>
        expect(errorOf(() => r.budget("new", { parent: far.root }))).toBeInstanceOf(TypeError),
      ),
    );
  });
});

describe("bytes", () => {
  it("of tryReserve, check, tryResize and split are an integer from 0 to 2^53 − 1; nothing is changed by others", () => {
    const { r, root } = scene();
    const held = take(root, 100);
    const acts = (bytes: number): (() => unknown)[] => [
      () => root.tryReserve(bytes),
      () => root.tryReserve(bytes, "a new tag"),
      () => root.check(bytes),
      () => held.tryResize(bytes),
      () => held.split(bytes),
    ];
    for (const bytes of WRONG_BYTES)
      expectUntouched(r, show(bytes), () => {
        for (const act of acts(bytes)) expect(errorOf(act), `${show(bytes)} ${String(act)}`).toBeInstanceOf(RangeError);
      });
    for (const bytes of [...NO_NUMBER, undefined] as number[])
      expectUntouched(r, show(bytes), () => {
        for (const act of acts(bytes)) {
          const error = errorOf(act);
          expect(error, `${show(bytes)} ${String(act)}`).toBeInstanceOf(TypeError);
          expect((error as Error).message).toMatch(/^bytes must be a number, got /);
        }
      });
    expectUntouched(r, "split", () => expect(errorOf(() => held.split(101))).toBeInstanceOf(RangeError));
    expect(held.size).toBe(100);
    expect(take(root, -0).size).toBe(0);
  });

  it("and options of reserve are checked before it asks, and reject it", async () => {
    const { r, root } = scene();
    const wrong: [unknown, unknown, typeof TypeError | typeof RangeError][] = [
      ...WRONG_BYTES.map((bytes): [unknown, unknown, typeof RangeError] => [bytes, undefined, RangeError]),
      ...NO_NUMBER.map((bytes): [unknown, unknown, typeof TypeError] => [bytes, undefined, TypeError]),
      ...[-1, 0.5, Number.NaN, -Infinity, 2 ** 31].map((timeout): [unknown, unknown, typeof RangeError] => [
        1,
        { timeout },
        RangeError,
      ]),
      ...NO_NUMBER.map((timeout): [unknown, unknown, typeof TypeError] => [1, { timeout }, TypeError]),
      ...[{}, "abort", 5, null, new EventTarget()].map((signal): [unknown, unknown, typeof TypeError] => [
        1,
        { signal },
        TypeError,
      ]),
      ...[null, 5, "tag", { tags: "x" }, { bytes: 1 }].map((options): [unknown, unknown, typeof TypeError] => [
        1,
        options,
        TypeError,
      ]),
      [1, { tag: "" }, RangeError],
      [1, { tag: 5 }, TypeError],
    ];
    for (const [bytes, options, error] of wrong) {
      let promise: Promise<unknown> = Promise.resolve();
      expectUntouched(r, `${show(bytes)}, ${show(options)}`, () => {
        promise = rejectionOf(root.reserve(bytes as number, options as ReserveOptions));
      });
      expect(await promise, `${show(bytes)}, ${show(options)}`).toBeInstanceOf(error);
    }
    expect((await root.reserve(1, Object.create({ timeout: -1 }) as ReserveOptions)).size).toBe(1);
  });

  it("of setLimit are a size; a wrong one leaves the limit", () => {
    const { r, root } = scene();
    for (const [sizes, error] of [
      [NO_SIZE, TypeError],
      [[...WRONG_SIZE], RangeError],
    ] as const)
      for (const size of [...sizes, ...(error === TypeError ? [undefined] : [])])
        expectUntouched(r, `setLimit(${show(size)})`, () =>
          expect(
            errorOf(() => root.setLimit(size as number)),
            show(size),
          ).toBeInstanceOf(error),
        );
    expect(root.limitBytes).toBe(1000);
    for (const [size, bytes] of [
      ["1 KiB", 1024],
      [0, 0],
      [2 ** 53 - 1, 2 ** 53 - 1],
      [Infinity, Infinity],
    ] as const) {
      root.setLimit(size);
      expect(root.limitBytes).toBe(bytes);
    }
  });

  it("of topConsumers are how many, at least 1", () => {
    const { root } = scene();
    for (const count of [0, -1, 1.5, Number.NaN, Infinity]) expect(() => root.topConsumers(count)).toThrow(RangeError);
    for (const count of ["1", null, {}] as unknown as number[])
      expect(() => root.topConsumers(count)).toThrow(TypeError);
    expect(root.topConsumers(1)).toEqual([]);
  });
});
