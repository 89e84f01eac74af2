// A bounded way past who waits first, in Node and in a cross-origin isolated page. Goal: in a budget with a bypass of k, k that fit are granted before
// each that waits first, and no more. Method: exact states, with both attachments in this thread. Any order of calls: budget.fuzz.test.ts.
import { describe, expect, it } from "vitest";
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

  it("counts nobody who is granted where who waits needs no room", async () => {
    const { r } = pair();
    const root = r.budget("root", { limit: 1000 });
    const a = root.child("a", { limit: 100, bypass: 1 });
    take(a, 100);
    const first = waits(a, 60);
    for (let i = 0; i < 5; i++) expect(take(root.child("b"), 10).release()).toBe(true);
    expect([a.tryReserve(0)?.release(), a.tryReserve(1), first.state]).toEqual([true, null, "pending"]);
    expectSound(r);
  });
});
