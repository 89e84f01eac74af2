// Reservations through their public face, in Node and in a cross-origin isolated page. Goal: bytes change hands only through one that is
// held, and each is given back once, whoever does it; a refused call leaves everything as it was. Method: exact states on fresh
// regions, a second attachment as the other thread. What names a reservation elsewhere: reservation-handle.both.test.ts.
import { describe, expect, it } from "vitest";
import { type Budget, BudgetClosedError, type Region, Reservation } from "../src/index.js";
import { BudgetWords, errorOf, expectStale, expectUntouched, expectUsed, pair, take } from "./budget-scene.js";
import { expectSound } from "./lib/regions.js";

const LARGEST = Number.MAX_SAFE_INTEGER;

interface Scene {
  r: Region;
  other: Region;
  root: Budget;
  a: Budget;
  b: Budget;
}

function scene(): Scene {
  const { r, other } = pair({ maxOwners: 4 });
  const root = r.budget("root", { limit: 1000 });
  return { r, other, root, a: root.child("a", { limit: 600 }), b: root.child("b", { limit: 500 }) };
}

const refusedBy = (budget: Budget): number => budget.stats().refused;

describe("a reservation", () => {
  it("says its size, its tag and its budget", () => {
    const { a, r } = scene();
    const held = take(a, 40, "frames");
    expect(held).toBeInstanceOf(Reservation);
    expect([held.isLive, held.size, held.tag, held.budgetPath]).toEqual([true, 40, "frames", "root/a"]);
    expect([take(a, 0).size, take(a, 0).tag]).toEqual([0, ""]);
    expectSound(r);
  });

  it("is released once: the second time is false and gives nothing back (D09)", () => {
    const { r, root, a } = scene();
    const [held, kept] = [take(a, 40), take(a, 2)];
    expect([held.release(), held.release(), held.release()]).toEqual([true, false, false]);
    expectStale(held, a);
    expectUsed(r, [
      [root, 2],
      [a, 2],
    ]);
    // Its record is another's by now, which is not given back by the old one.
    const next = take(a, 7);
    expect(held.release()).toBe(false);
    expect([next.isLive, kept.isLive, a.usedBytes]).toEqual([true, true, 9]);
    expectSound(r);
  });

  it("is released at the end of a using declaration, also when it was released before or its budget closed", () => {
    const { r, root, a } = scene();
    const gone = root.child("gone");
    let kept: Reservation;
    {
      using one = take(a, 1);
      using two = take(a, 20);
      using three = take(gone, 300);
      kept = one;
      expect(root.usedBytes).toBe(321);
      two.release();
      gone.close();
      expect(three.isLive).toBe(false);
    }
    expectStale(kept, a);
    expectUsed(r, [
      [root, 0],
      [a, 0],
    ]);
  });

  it("does not outlive its region", () => {
    const { r, other } = scene();
    const held = take(other.budget("root"), 40);
    other.close();
    expect([held.isLive, held.size, held.release()]).toEqual([false, 0, false]);
    expectSound(r);
  });
});

describe("tryResize", () => {
  it("charges the difference, on every level, to the byte", () => {
    const { r, root, a } = scene();
    const held = take(a, 100, "x");
    for (const bytes of [600, 0, 1, 599, 599, 600, 30]) {
      expect(held.tryResize(bytes)).toBe(true);
      expect(held.size).toBe(bytes);
      expectUsed(r, [
        [root, bytes],
        [a, bytes],
      ]);
    }
    expect([a.peakBytes, a.stats().items, held.tag]).toEqual([600, 1, "x"]);
  });

  it("for which there is no room is false and leaves everything as it was but for what was refused", () => {
    const { r, root, a } = scene();
    const held = take(a, 500);
    take(root, 450);
    const before = [root.stats(), { ...a.stats(), refused: 1 }];
    expect(held.tryResize(601)).toBe(false);
    expect([root.stats(), a.stats()]).toEqual(before);
    expect(held.tryResize(LARGEST)).toBe(false);
    expect(held.tryResize(551)).toBe(false);
    expect([refusedBy(root), refusedBy(a), held.size]).toEqual([1, 2, 500]);
    expect(held.tryResize(550)).toBe(true);
    expectUsed(r, [
      [root, 1000],
      [a, 550],
    ]);
  });

  it("of one that was released or whose budget was closed is a StaleReservationError", () => {
    const { root } = scene();
    const gone = root.child("gone");
    const held = take(gone, 5);
    gone.close();
    expectStale(held, root);
  });
});

describe("split", () => {
  it("takes a part into a reservation of its own: no byte is charged anew", () => {
    const { r, root, a } = scene();
    const held = take(a, 600, "frames");
    const part = held.split(250)!;
    expect([held.size, part.size, part.tag, part.budgetPath]).toEqual([350, 250, "frames", "root/a"]);
    expect([root.stats().items, a.peakBytes]).toEqual([2, 600]);
    const [none, all] = [held.split(0)!, part.split(250)!];
    expect([none.size, part.size, all.size, a.stats().items]).toEqual([0, 0, 250, 4]);
    expectUsed(r, [
      [root, 600],
      [a, 600],
    ]);
    for (const reservation of [none, all, held, part]) expect(reservation.release()).toBe(true);
    expectUsed(r, [
      [root, 0],
      [a, 0],
    ]);
  });

  it("is refused where another item would be one too many, and then nothing is changed", () => {
    const { r, root } = scene();
    const few = root.child("few", { maxItems: 1 });
    const held = take(few, 10);
    expect(held.split(4)).toBe(null);
    expect([held.size, few.stats().items, few.usedBytes]).toEqual([10, 1, 10]);
    expectSound(r);
  });

  it("works in a budget that is over its limit, and while others wait for room in it", async () => {
    const { r, root, a } = scene();
    const held = take(a, 600);
    const waits = root.reserve(900);
    a.setLimit(10);
    const part = held.split(599)!;
    expect([held.size, part.size]).toEqual([1, 599]);
    part.release();
    expect((await waits).size).toBe(900);
    expectSound(r);
  });
});

describe("moveTo", () => {
  it("charges it to another budget of the tree: both at once, nothing above them is charged twice", () => {
    const { r, root, a, b } = scene();
    take(root, 500);
    const held = take(a, 500, "x");
    // The root is full: there is no room for a second 500 for an instant.
    expect(held.moveTo(b)).toBe(true);
    expect([held.budgetPath, held.tag, held.size]).toEqual(["root/b", "x", 500]);
    expectUsed(r, [
      [root, 1000],
      [a, 0],
      [b, 500],
    ]);
    expect([root.peakBytes, root.stats().items, a.stats().items, b.stats().items]).toEqual([1000, 2, 0, 1]);
    expect([held.moveTo(root), held.budgetPath]).toEqual([true, "root"]);
    expect([held.moveTo(root), held.budgetPath]).toEqual([true, "root"]);
    const deep = b.child("deep");
    expect([held.moveTo(deep), held.budgetPath]).toEqual([true, "root/b/deep"]);
    expectUsed(r, [
      [root, 1000],
      [a, 0],
      [b, 500],
      [deep, 500],
    ]);
    expect(held.release()).toBe(true);
    expectUsed(r, [
      [root, 500],
      [b, 0],
      [deep, 0],
    ]);
  });

  it("to another tree takes it out of this one", () => {
    const { r, root, a } = scene();
    const far = r.budget("far", { limit: 50 }).child("deep", { min: 20 });
    const held = take(a, 30);
    expect(held.moveTo(far)).toBe(true);
    expectUsed(r, [
      [root, 0],
      [a, 0],
      [far.parent!, 30],
      [far, 30],
    ]);
    expect([held.tryResize(51), held.tryResize(50)]).toEqual([false, true]);
    expect(held.moveTo(a)).toBe(true);
    expectUsed(r, [
      [a, 50],
      [far.parent!, 20],
      [far, 0],
    ]);
  });

  it("that is refused leaves it, and every counter but that of the refusals, as it was", () => {
    const { r, root, a, b } = scene();
    const held = take(a, 501);
    const items = root.child("items", { maxItems: 0 });
    const before = [root, a, b, items].map((budget) => ({ ...budget.stats(), refused: 0 }));
    expect([held.moveTo(b), held.moveTo(items)]).toEqual([false, false]);
    expect([root, a, b, items].map((budget) => ({ ...budget.stats(), refused: 0 }))).toEqual(before);
    expect([refusedBy(b), refusedBy(items), held.budgetPath, held.size]).toEqual([1, 1, "root/a", 501]);
    const closed = root.child("closed");
    closed.close();
    expect(errorOf(() => held.moveTo(closed))).toBeInstanceOf(BudgetClosedError);
    expect([held.isLive, held.budgetPath]).toEqual([true, "root/a"]);
    expectSound(r);
  });

  it("takes minimums into account on both sides", () => {
    const { r, root } = scene();
    const [from, to] = [root.child("from", { min: 100 }), root.child("to", { min: 80 })];
    const held = take(from, 90);
    expect(root.usedBytes).toBe(180);
    expect(held.moveTo(to)).toBe(true);
    expectUsed(r, [
      [root, 190],
      [from, 0],
      [to, 90],
    ]);
    expect(held.moveTo(from)).toBe(true);
    expectUsed(r, [
      [root, 180],
      [from, 90],
      [to, 0],
    ]);
  });

  it("beside who waits further up: a budget above both that is used no more by it refuses nothing", async () => {
    const { r, root, a, b } = scene();
    const held = take(a, 400);
    const waits = root.reserve(700);
    expect(held.moveTo(b)).toBe(true);
    expectUsed(r, [
      [root, 400],
      [a, 0],
      [b, 400],
    ]);
    held.release();
    expect((await waits).size).toBe(700);
    expectSound(r);
  });

  it("grants what it frees to who waits there", async () => {
    const { r, root, a, b } = scene();
    const held = take(a, 500);
    const waits = a.reserve(300);
    expect(held.moveTo(b)).toBe(true);
    expect((await waits).size).toBe(300);
    expectUsed(r, [
      [root, 800],
      [a, 300],
      [b, 500],
    ]);
  });

  it("refuses what is no budget of this region with a TypeError, and changes nothing", () => {
    const { r, a } = scene();
    const held = take(a, 5);
    const far = scene();
    const wrong: unknown[] = [
      undefined,
      null,
      5,
      {},
      "root",
      { at: a.at },
      { at: String(a.at), state: a.state },
      { at: a.at + 8, state: a.state },
      { at: -a.at, state: a.state },
      { at: a.at + 2 ** 32, state: a.state },
      { at: 0, state: 0 },
      { at: 8, state: 5 },
      r,
      // In the same place there, so only who it belongs to tells it apart.
      far.b,
    ];
    for (const budget of wrong)
      expectUntouched(r, String(budget), () =>
        expect(errorOf(() => held.moveTo(budget as Budget))).toBeInstanceOf(TypeError),
      );
    expect(held.budgetPath).toBe("root/a");
  });
});

describe("giving back", () => {
  it("never says busy: while another holds the latch the reservation is stale at once, and its bytes are back with the latch", () => {
    const { r, other, root, a } = scene();
    const held = [take(a, 40), take(a, 50), take(a, 60)];
    const words = new BudgetWords(r);
    words.latch = other.ownerId;
    expect([held[0]!.release(), held[0]!.release(), held[1]!.release()]).toEqual([true, false, true]);
    expectStaleWithoutLatch(held[0]!);
    expect(root.usedBytes, "still charged, for nobody has had the latch").toBe(150);
    words.latch = 0;
    expect(take(a, 540).size).toBe(540);
    expectUsed(r, [
      [root, 600],
      [a, 600],
    ]);
  });

  it("by a thread that dies before it could say so is ended by its recovery (D06)", () => {
    const { r, other, root } = scene();
    const [left, held] = [take(other.budget("root"), 40), take(other.budget("root"), 5)];
    new BudgetWords(r).startLeaving(left);
    expect(left.isLive).toBe(false);
    r.markDead(other.ownerId);
    expect(r.recover(other.ownerId)).toMatchObject({ done: true });
    expect(held.isLive).toBe(false);
    expectUsed(r, [[root, 0]]);
  });
});

function expectStaleWithoutLatch({ isLive, size, tag }: Reservation): void {
  expect([isLive, size, tag]).toEqual([false, 0, ""]);
}
