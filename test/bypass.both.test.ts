// A bounded way past who waits first, in Node and in a cross-origin isolated page. Goal: in a budget with a bypass of k, k that fit are granted before
// each that waits first, and no more. Method: exact states, with both attachments in this thread. Any order of calls: budget.fuzz.test.ts.
import { describe, expect, it } from "vitest";
import type { Reservation } from "../src/index.js";
import { allWoken, pair, take, waits } from "./budget-scene.js";
import { expectSound } from "./lib/regions.js";

describe("bypass", () => {
  it("lets so many that fit go first as were allowed, then nobody, and as many again for the next in line (D26)", async () => {
    const { r, other } = pair();
    const root = r.budget("root", { limit: 100, bypass: 2 });
    const theirs = other.budget("root");
    const held = take(root, 60);
    const first = waits(root, 50);
    const small = take(theirs, 10);
    // Nothing is not in anybody's way, and what does not fit passes nobody.
    expect([take(root, 0).release(), root.tryReserve(31)]).toEqual([true, null]);
    expect(root.check(30)).toBe(null);
    expect((await root.reserve(10)).size).toBe(10);
    expect([root.tryReserve(1), theirs.child("a").tryReserve(1)]).toEqual([null, null]);
    expect(root.check(1)).toMatchObject({ code: "ERR_MEMORY_LIMIT", budgetPath: "root" });
    const [second, third] = [waits(theirs, 90), waits(root, 1)];
    small.release();
    expect([root.usedBytes, first.state, third.state]).toEqual([70, "pending", "pending"]);
    held.release();
    // The first has its 50; of the next in line it is counted anew, and who is behind that goes first.
    expect(root.usedBytes).toBe(61);
    expect(take(theirs, 9).release()).toBe(true);
    expect([root.tryReserve(1), root.stats().bypass]).toEqual([null, 2]);
    await allWoken(r, other);
    expect([first.state, second.state, third.state]).toEqual(["granted", "pending", "granted"]);
    expectSound(r);
  });

  it("counts anew who waits in the place of one that was passed and gave up", async () => {
    const { r } = pair();
    const root = r.budget("root", { limit: 100, bypass: 1 });
    take(root, 60);
    const patience = new AbortController();
    const first = waits(root, 50, patience.signal);
    take(root, 1);
    expect(root.tryReserve(1)).toBe(null);
    patience.abort();
    const second = waits(root, 50);
    take(root, 1);
    expect([root.tryReserve(1), second.state]).toEqual([null, "pending"]);
    await allWoken(r);
    expect((first.error as Error).name).toBe("AbortError");
    expectSound(r);
  });

  it("counts nobody who was let past and got nothing after all: the region was full", () => {
    const { r } = pair({ size: "1MiB" });
    const root = r.budget("root", { limit: "8MiB", bypass: 2 });
    take(root, 7 * 2 ** 20);
    const first = waits(root, 2 * 2 ** 20);
    expect(r.heap.alloc(600_000)).not.toBe(0);
    for (let i = 0; i < 9; i++) expect(r.heap.alloc(600_000, { budget: root })).toBe(0);
    expect(r.heap.alloc(9000, { budget: root })).not.toBe(0);
    expect([take(root, 1).release(), root.tryReserve(1), first.state]).toEqual([true, null, "pending"]);
    expectSound(r);
  });

  it("goes on with what was counted when who waits is sent on, down and up, and forgets nobody behind (I4)", () => {
    const { r } = pair();
    const p = r.budget("p", { limit: 100, bypass: 5 });
    const [c, o] = [p.child("c", { limit: 60, bypass: 1 }), p.child("o")];
    const held = take(o, 60);
    take(c, 20);
    const w = waits(c, 30);
    take(c, 10);
    const x = waits(c, 35);
    take(c, 5);
    const y = waits(c, 3);
    held.release();
    expectSound(r);
    expectSound(r);
    // Who came later is not granted before who waits and fits.
    expect([w.state, x.state, y.state, c.tryReserve(3)]).toEqual(["pending", "pending", "pending", null]);
  });

  it("lets nobody wait for ever who is sent on and back: what was counted stays (D25)", async () => {
    const { r } = pair();
    const p = r.budget("p", { limit: 100, bypass: 1 });
    const [c, o] = [p.child("c", { limit: 60, bypass: 1 }), p.child("o")];
    take(c, 30);
    take(o, 40);
    let ten: Reservation | null = take(c, 10);
    const w = waits(c, 30);
    for (let i = 0; i < 10 && w.state === "pending"; i++) {
      const twenty = o.tryReserve(20);
      ten?.release();
      ten = c.tryReserve(10);
      twenty?.release();
      await allWoken(r);
    }
    expect(w.state).toBe("granted");
    expectSound(r);
  });

  it("grants who needs no room there any more, whoever is before it: a minimum below covers it now", async () => {
    const { r } = pair();
    const p = r.budget("p", { limit: 14 });
    const c = p.child("c", { min: 10 });
    const one = take(c, 1);
    const [w, y] = [waits(p, 5), waits(c, 10)];
    one.release();
    await allWoken(r);
    expect([w.state, y.state]).toEqual(["pending", "granted"]);
    expectSound(r);
  });

  it("counts nobody who is granted where who waits needs no room", async () => {
    const { r } = pair();
    const root = r.budget("root", { limit: 1000 });
    const a = root.child("a", { limit: 100, bypass: 1 });
    const held = take(a, 90);
    const first = waits(a, 60);
    for (let i = 0; i < 5; i++) expect(take(root.child("b"), 10).release()).toBe(true);
    expect(a.tryReserve(0)?.release()).toBe(true);
    // So there is a turn left.
    expect([take(a, 5).size, a.tryReserve(5), first.state]).toEqual([5, null, "pending"]);
    held.tryResize(80);
    expectSound(r);
  });
});
