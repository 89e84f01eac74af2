// Names of budgets and rings. Goal: a name goes with what is called so, however many there were, and is never read as another's. Method: more names
// than a region could keep; two attachments, one of which reads by number what the other calls anew.
import { expect, it } from "vitest";
import { type MemoryLimitExceededError, Region } from "../src/index.js";
import { expectSound, MIB } from "./lib/regions.js";

const MANY = 20_000;

it("of a budget for each request take no memory once they are closed", () => {
  const region = Region.createSync({ size: MIB });
  const root = region.budget("requests", { limit: MIB });
  const budgets = Array.from({ length: 20 }, (_, i) => root.child(`first-${i}`));
  for (const budget of budgets) budget.close();
  root.tryReserve(10, "rows")!.release();
  const before = region.overheadBytes;
  for (let i = 0; i < MANY; i++) {
    const budget = root.child(`request-${i}`, { limit: 1000 });
    expect(budget.tryReserve(10, "rows")?.tag).toBe("rows");
    budget.close();
  }
  expect(region.overheadBytes).toBe(before);
  expectSound(region);
});

it("of a ring for each request take no memory once they have ended", () => {
  const region = Region.createSync({ size: MIB });
  const budget = region.budget("rings");
  const once = (i: number): void => {
    const ring = region.ring<string>(`ring-${i}`, { codec: "utf8", capacity: 2, budget });
    ring.push("a");
    expect([ring.pop(), ring.close(), ring.isLeft]).toEqual(["a", true, true]);
  };
  for (let i = 0; i < 50; i++) once(i);
  const before = region.overheadBytes;
  for (let i = 0; i < MANY / 10; i++) once(i);
  expect(region.overheadBytes).toBe(before);
  expectSound(region);
});

it("are read anew once others have gone, also by who remembers them", () => {
  const region = Region.createSync({ size: MIB });
  const other = Region.attachSync(region.handle());
  for (let i = 0; i < 300; i++) {
    const root = region.budget(`root-${i}`, { limit: 100 });
    const leaf = other.budget(`root-${i}`).child(`leaf-${i}`, { limit: 1000 });
    const error = leaf.check(200) as MemoryLimitExceededError;
    expect(error.budgetPath).toBe(`root-${i}`);
    root.close();
  }
});

it("of tags stay: what is held by them is told by them, whatever came and went", () => {
  const region = Region.createSync({ size: MIB });
  const root = region.budget("root", { limit: MIB });
  const held = Array.from({ length: 40 }, (_, i) => root.tryReserve(100 + i, `tag-${i}`)!);
  for (let i = 0; i < 1000; i++) root.child(`request-${i}`).close();
  expect(held.map(({ tag }) => tag)).toEqual(Array.from({ length: 40 }, (_, i) => `tag-${i}`));
  expect(root.topConsumers(3).map(({ tag }) => tag)).toEqual(["tag-39", "tag-38", "tag-37"]);
});
