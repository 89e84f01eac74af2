// Handles to reservations, in Node and in a cross-origin isolated page. Goal: a reservation is one thread's at every instant, or the
// region's, and goes when its holder goes; what is stale, forged or guessed names nothing. Method: a second attachment as the other
// thread, deaths between two operations, forged handles with the region's bytes compared before and after.
import { describe, expect, it } from "vitest";
import { type Budget, type Region, type ReservationHandle, StaleReservationError } from "../src/index.js";
import {
  changedBy,
  errorOf,
  expectStale,
  expectUntouched,
  expectUsed,
  pair,
  rejectionOf,
  take,
} from "./budget-scene.js";
import { random } from "./lib/random.js";
import { expectSound } from "./lib/regions.js";

const SEED = 20_260_107;

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

describe("handle and adoptReservation", () => {
  it("make a reservation another attachment's: the giver's handles are stale, and it goes with the taker", () => {
    const { r, other, root, a } = scene();
    const given = take(a, 40, "x");
    const handle = structuredClone(given.handle());
    const taken = other.adoptReservation(handle);
    expectStale(given, a);
    expect([taken.isLive, taken.size, taken.tag, taken.budgetPath]).toEqual([true, 40, "x", "root/a"]);
    expect(() => r.adoptReservation(handle)).toThrow(StaleReservationError);
    expect(() => other.adoptReservation(handle)).toThrow(StaleReservationError);
    expect([taken.tryResize(50), a.usedBytes]).toEqual([true, 50]);
    r.markDead(other.ownerId);
    expect(r.recover(other.ownerId)).toMatchObject({ done: true, reservations: 1, reservedBytes: 50 });
    expect(taken.isLive).toBe(false);
    expectUsed(r, [
      [root, 0],
      [a, 0],
    ]);
  });

  it("by its own thread renews the handle", () => {
    const { r, a } = scene();
    const held = take(a, 40);
    const again = r.adoptReservation(held.handle());
    expectStale(held, a);
    expect([again.release(), again.release()]).toEqual([true, false]);
    expectSound(r);
  });

  it("pass it on and on, and it is the last one's", () => {
    const { r, other, a } = scene();
    let held = take(a, 40);
    const seen: ReservationHandle[] = [];
    for (let round = 0; round < 300; round++) {
      seen.push(held.handle());
      held = (round % 2 ? r : other).adoptReservation(held.handle());
    }
    for (const handle of seen) expect(() => r.adoptReservation(handle)).toThrow(StaleReservationError);
    expect([held.size, a.usedBytes, a.stats().items]).toEqual([40, 40, 1]);
    expectSound(r);
  });

  it("of a dead thread's reservation save it before the recovery, and not after it (D46)", () => {
    const { r, other, a } = scene();
    const root = other.budget("root");
    const [saved, lost] = [take(root, 3), take(root, 40)];
    r.markDead(other.ownerId);
    const mine = r.adoptReservation(saved.handle());
    expect(r.recover(other.ownerId)).toMatchObject({ reservations: 1, reservedBytes: 40 });
    expect(r.recover(other.ownerId)).toMatchObject({ done: true, reservations: 0, reservedBytes: 0 });
    expect([lost.isLive, mine.isLive]).toEqual([false, true]);
    expectUsed(r, [[a.parent!, 3]]);
  });
});

describe("share", () => {
  it("makes it the region's: it outlives its thread, and whoever has the handle gives it back, once", () => {
    const { r, other, root } = scene();
    const held = take(other.budget("root"), 40, "x");
    const before = held.handle();
    expect(held.share()).toBe(held);
    expect([held.isLive, held.size, held.tag]).toEqual([true, 40, "x"]);
    expect(() => r.adoptReservation(before)).toThrow(StaleReservationError);
    const handle = held.handle();
    r.markDead(other.ownerId);
    expect(r.recover(other.ownerId)).toMatchObject({ done: true, reservations: 0, reservedBytes: 0 });
    expect(held.isLive).toBe(true);
    expectUsed(r, [[root, 40]]);
    const mine = r.adoptReservation(handle);
    expect([mine.tryResize(30), mine.share().release(), held.isLive]).toEqual([true, true, false]);
    expectUsed(r, [[root, 0]]);
  });

  it("leaves it to close of its budget like any other", () => {
    const { r, root } = scene();
    const held = take(root, 40).share();
    expect(root.close()).toMatchObject({ leaked: 1, leakedBytes: 40 });
    expect(held.release()).toBe(false);
    expectSound(r);
  });
});

describe("a handle", () => {
  it("that is none is a TypeError", () => {
    const { r, a } = scene();
    const { record, claim } = take(a, 5).handle();
    const [low, high] = claim;
    const wrong: unknown[] = [
      undefined,
      null,
      5,
      "handle",
      {},
      { record },
      { claim },
      { record, claim: [] },
      { record, claim: [low] },
      { record, claim: [low, 0.5] },
      { record, claim: [low, Number.NaN] },
      { record, claim: [low, "1"] },
      { record: String(record), claim },
      { record: Number.NaN, claim },
      { record: record + 0.5, claim },
      { record: record + 2 ** 32, claim },
      { record: 2 ** 32 + 1, claim },
      { record: -(2 ** 32) + record, claim },
      { record: BigInt(record), claim },
      { record, claim: [low + 2 ** 32, high] },
      { record, claim: [low, high - 2 ** 32] },
      { record: Infinity, claim },
    ];
    for (const handle of wrong) {
      const changed = changedBy(r, () =>
        expect(errorOf(() => r.adoptReservation(handle as ReservationHandle))).toBeInstanceOf(TypeError),
      );
      expect(changed).toEqual([]);
    }
  });

  it("that was forged names nothing and changes no byte: other claims, other records, places between, before and beyond", async () => {
    const { r, other, root, a, b } = scene();
    const live = [take(a, 40), take(b, 50), take(other.budget("root"), 60), take(root, 5).share()];
    const gone = take(a, 7);
    const goneHandle = gone.handle();
    gone.release();
    const waits = rejectionOf(root.reserve(990, { timeout: Infinity }));
    const handles = live.map((reservation) => reservation.handle());
    const forged: ReservationHandle[] = [goneHandle];
    handles.forEach(({ record, claim: [low, high] }, i) => {
      const next = handles[(i + 1) % handles.length]!;
      forged.push({ record, claim: next.claim }, { record: next.record, claim: [low, high] });
      for (const claim of [
        [0, 0],
        [low + 1, high],
        [low, high + 1],
        [low ^ (1 << 8), high],
        [low ^ 3, high],
        [0, high],
        [-1, -1],
        [low, high ^ (3 << 20)],
      ] as [number, number][])
        forged.push({ record, claim });
      for (const place of [1, 4, 8, 16, 39, 41, -1, -8, -40, 40 * 200, 1024])
        forged.push({ record: record + place, claim: [low, high] });
      for (const place of [0, 8, -8, -record, -(2 ** 31), 2 ** 31 - 1, r.capacityBytes, r.capacityBytes - 8, a.at])
        forged.push({ record: place, claim: [low, high] });
    });
    for (const handle of forged)
      expectUntouched(r, JSON.stringify(handle), () => {
        expect(errorOf(() => r.adoptReservation(handle))).toBeInstanceOf(StaleReservationError);
      });
    expect(live.every((reservation) => reservation.isLive)).toBe(true);
    expectUsed(r, [[root, 155]]);
    r.budget("root").close();
    await waits;
    expectSound(r);
  });

  it("drawn at random names nothing, 20 000 times", () => {
    const by = random(SEED);
    const { r, a } = scene();
    const held = Array.from({ length: 10 }, () => take(a, 1).handle());
    let accepted = 0;
    expectUntouched(r, `random handles, seed ${SEED}`, () => {
      for (let i = 0; i < 20_000; i++) {
        const named = by.pick(held);
        const record = by.below(2) ? named.record + (by.below(100) - 50) * 8 : by.next() | 0;
        const claim: [number, number] = by.below(2)
          ? [(by.below(1000) << 8) | (r.ownerId & 0xff), (1 + by.below(5)) << 20]
          : [by.next() | 0, by.next() | 0];
        if (held.some(({ claim: [low, high] }) => low === claim[0] && high === claim[1])) continue;
        try {
          r.adoptReservation({ record, claim });
          accepted++;
        } catch (error) {
          if (!(error instanceof StaleReservationError)) throw error;
        }
      }
    });
    expect(accepted).toBe(0);
    expectSound(r);
  });
});
