// Leases of a ring, in Node and in a page: places that are filled and records that are read where they lie, and leases that are used again. Goal:
// each is given back once, holds up nobody, and leads to nothing once it is stale; what is refused changed nothing. Method: exact states.
import { describe, expect, it } from "vitest";
import { type ReadLease, Region, StaleLeaseError, type WriteLease } from "../../src/index.js";
import { expectSound } from "../lib/regions.js";
import { codeOf, expectCounted, pair, texts, thrown } from "./scene.js";

describe("leases", () => {
  it("are written and read where they lie, in the order of their commits", () => {
    const { r, ring: own } = texts();
    const [first, second] = [own.reserve(10)!, own.reserve(4)!];
    r.heap.u8.set(new TextEncoder().encode("second"), first.offset);
    second.bytes.set(new TextEncoder().encode("1st!"));
    expect([own.size, second.commit(3), first.commit(6), own.size]).toEqual([0, true, true, 2]);
    const [a, b] = [own.take()!, own.take()!];
    expect([own.size, a.size, a.sequence, b.sequence, a.isRedelivered]).toEqual([0, 3, 0, 1, false]);
    expect([a, b].map(({ bytes }) => new TextDecoder().decode(bytes.slice()))).toEqual(["1st", "second"]);
    expect([b.release(), a.release(), a.release(), a.bytes.length, a.offset]).toEqual([true, true, false, 0, 0]);
    expect(own.take()).toBe(undefined);
    expectCounted(own);
    expectSound(r);
  });

  it("cost no place in the ring: it is as full as what is queued", () => {
    const { ring: own } = texts({ capacity: 2, overflow: "drop-newest" });
    own.pushMany(["a", "b"]);
    const held = own.take()!;
    expect([own.push("c"), own.push("d"), own.size]).toEqual([true, false, 2]);
    held.release();
    expect(own.push("d")).toBe(false);
  });

  it("are given back once; what was given back or committed is stale", () => {
    const { r, ring: own } = texts();
    const lease = own.reserve(100)!;
    expect([lease.abort(), lease.abort(), lease.size]).toEqual([true, false, 100]);
    const used = own.reserve(5)!;
    expect(used.commit()).toBe(true);
    for (const stale of [lease, used])
      for (const act of [() => stale.bytes, () => stale.offset, () => stale.commit()])
        expect(act).toThrow(StaleLeaseError);
    expect([used.abort(), own.size]).toEqual([false, 1]);
    expectSound(r);
  });

  it("are not to be had of a ring that was closed, whether one is kept or not", () => {
    const { ring: own } = texts();
    own.push("a");
    const kept = own.reserve(1)!;
    kept.abort();
    own.close();
    for (const old of [undefined, kept]) expect(codeOf(() => own.reserve(1, old))).toBe("ERR_RING_CLOSED");
    expect([own.pop(), own.pop(), own.isLeft]).toEqual(["a", undefined, true]);
    const { ring, theirs } = pair();
    ring.push("a");
    theirs.close();
    expect(codeOf(() => ring.reserve(1))).toBe("ERR_RING_CLOSED");
  });

  it("refuse a wrong length and are still in hand", () => {
    const { ring: own } = texts({ maxBytes: 50 });
    for (const bytes of [-1, 1.5, 51]) expect(() => own.reserve(bytes)).toThrow(RangeError);
    expect(() => own.reserve("1" as never)).toThrow(TypeError);
    const lease = own.reserve(5)!;
    for (const bytes of [-1, 6, 0.5]) expect(() => lease.commit(bytes)).toThrow(RangeError);
    expect([lease.commit(0), own.pop()]).toEqual([true, ""]);
  });

  it("answer as push: with drop-oldest the oldest goes and is told, with others there is no place", () => {
    const { ring: own } = texts({ capacity: 1 });
    const dropped: string[] = [];
    own.onDropped((value) => dropped.push(value));
    own.push("a");
    expect([own.reserve(0)!.commit(), dropped, own.size]).toEqual([true, ["a"], 1]);
    const other = texts({ capacity: 1, overflow: "error" }).ring;
    other.push("a");
    const lease = other.reserve(1)!;
    expect([codeOf(() => lease.commit()), lease.abort(), other.size]).toEqual(["ERR_RING_FULL", false, 1]);
  });

  it("of who leaves are given back; with at-least-once what was taken is another's, who may be waiting for it", async () => {
    for (const delivery of ["at-most-once", "at-least-once"] as const)
      for (const isOpenTwice of [false, true]) {
        const { r, ring: own } = texts({ delivery });
        const theirs = Region.attachSync(r.handle()).ring<string>("ring", { codec: "utf8" });
        if (isOpenTwice) r.ring("ring", { codec: "utf8" });
        own.pushMany(["a", "b"]);
        const [taken, place] = [own.take()!, own.reserve(5)!];
        expect(theirs.pop()).toBe("b");
        const waiting = theirs.receive();
        own.leave();
        theirs.push("c");
        expect(await waiting).toBe(delivery === "at-least-once" ? "a" : "c");
        expect([taken.release(), place.abort(), theirs.metrics().lost]).toEqual([false, false, 0]);
        expect(theirs.drain()).toEqual(delivery === "at-least-once" ? ["c"] : []);
        expectSound(r);
      }
  });

  it("that are out keep this thread in a ring that has ended, until they are back", () => {
    const { r, ring: own } = texts();
    own.pushMany(["a", "b"]);
    const leases: ReadLease[] = [own.take()!, own.take()!];
    own.close();
    expect([own.pop(), own.isLeft]).toEqual([undefined, false]);
    for (const lease of leases) lease.release();
    expect(own.isLeft).toBe(true);
    expectSound(r, 0);
  });
});

describe("a lease that is used again", () => {
  it("is the same object for another record, on any ring, and stale in between", () => {
    const { r, ring: own } = texts();
    const other = r.ring("other", { capacity: 4 });
    const place = own.reserve(3)!;
    place.bytes.set([97, 98, 99]);
    place.commit();
    expect(own.reserve(2, place)).toBe(place);
    place.bytes.set([100, 101]);
    expect([place.size, place.commit()]).toEqual([2, true]);
    expect(other.reserve(1, place)).toBe(place);
    place.bytes[0] = 7;
    expect([place.commit(), other.size, own.size]).toEqual([true, 1, 2]);

    const record = own.take()!;
    expect([record.size, record.sequence, record.bytes[0], record.release()]).toEqual([3, 0, 97, true]);
    for (const act of [() => record.sequence, () => record.isRedelivered]) expect(act).toThrow(StaleLeaseError);
    expect(own.take(record)).toBe(record);
    expect([record.size, record.sequence, record.bytes[0], record.release()]).toEqual([2, 1, 100, true]);
    expect([own.take(record), record.release(), other.take(record)]).toEqual([undefined, false, record]);
    expect([record.bytes[0], record.release()]).toEqual([7, true]);
    expectSound(r);
  });

  it("has nothing in hand: one that has is refused, and so is what is no lease of that kind; nothing changed", () => {
    const { r, ring: own } = texts();
    own.pushMany(["a", "b"]);
    const [place, record] = [own.reserve(5)!, own.take()!];
    // One is kept for the next: what goes straight is asked too.
    const [spare, read] = [own.reserve(1)!, own.take()!];
    spare.abort();
    read.release();
    own.push("c");
    for (const wrong of [place, record, read, { ...spare }, {}, { place: 0 }, null, 1])
      expect(() => own.reserve(1, wrong as never)).toThrow(TypeError);
    for (const wrong of [record, place, spare, { ...read }, {}, { record: 0 }, null])
      expect(() => own.take(wrong as never)).toThrow(TypeError);
    expect(thrown(() => own.take(record)).message).toMatch(/still has a record in hand/);
    expect(thrown(() => own.take(null as never)).message).toMatch(/got null/);
    expect([own.size, record.bytes[0], record.release(), place.abort()]).toEqual([1, 97, true, true]);
    expect([own.take(read)?.bytes[0], read.release()]).toEqual([99, true]);
    own.close();
    // With anything in hand it would stay.
    expect(own.isLeft).toBe(true);
    expectSound(r, 0);
  });

  it("may be one whose ring this thread has left, with what it had in hand", () => {
    const { r, ring: own } = texts();
    own.push("a");
    const [place, record] = [own.reserve(5)!, own.take()!];
    own.leave();
    const next = r.ring("next", { codec: "utf8" });
    next.push("b");
    expect([next.reserve(5, place), next.take(record)]).toEqual([place, record]);
    expect([record.bytes[0], record.release(), place.abort()]).toEqual([98, true, true]);
    expectSound(r);
  });

  it.each(["leaves", "gives it back"])("is another where who is told might use it: a listener %s", (how) => {
    const { r, ring: own } = texts();
    const other = r.ring("other", { overflow: "drop-newest" });
    const spare = own.reserve(1)!;
    spare.abort();
    while (own.reserve(50_000)?.commit() && own.metrics().droppedOldest === 0);
    const taken: unknown[] = [];
    own.onDropped(() => {
      if (taken.length > 0) return;
      if (how === "leaves") own.leave();
      taken.push(other.reserve(4, spare));
    });
    const place = own.reserve(60_000, spare)!;
    expect([taken, place === spare, spare.size, place.size]).toEqual([[spare], false, 4, 60_000]);
    if (how === "leaves") expect(() => place.commit()).toThrow(StaleLeaseError);
    else expect(place.abort()).toBe(true);
    expect([spare.commit(), other.size]).toEqual([true, 1]);
    expectSound(r);
  });

  it("is another where a full hook has used it while it made room", () => {
    const { r, ring: own } = texts({ overflow: "drop-newest" });
    const spare = own.reserve(1)!;
    spare.abort();
    const held: WriteLease[] = [];
    for (let lease = own.reserve(50_000); lease !== undefined; lease = own.reserve(50_000)) held.push(lease);
    const taken: unknown[] = [];
    r.onFull((bytes) => {
      taken.push(own.reserve(1, spare));
      return held.pop()!.abort() && own.trim() ? bytes : 0;
    });
    const place = own.reserve(50_000, spare)!;
    expect([taken, place === spare, place.size, spare.size]).toEqual([[spare], false, 50_000, 1]);
    expect([place.abort(), spare.abort()]).toEqual([true, true]);
    expectSound(r);
  });
});
