// What goes through a ring, in Node and in a page: values by codec, leases, copies. Goal: what comes out is what went in; a codec or a listener
// that throws loses no record and breaks no later one; a lease is given back once. Method: exact states.
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  type ReadLease,
  Region,
  type RingCodec,
  type RingDecodeError,
  StaleLeaseError,
  type WriteLease,
} from "../../src/index.js";
import { expectSound, MIB } from "../lib/regions.js";
import { reported } from "../reclaim-scene.js";
import { codeOf, expectCounted, numbers, pair, texts, thrown, turns } from "./scene.js";

const ring = <T>(codec: RingCodec<T> | string, options = {}) =>
  Region.createSync({ size: MIB }).ring<T>("ring", { codec: codec as RingCodec<T>, ...options });

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a codec", () => {
  const isNode = typeof process !== "undefined" && process.versions?.node !== undefined;
  it("of bytes gives bytes of one's own, of any length, none included", () => {
    const own = ring<Uint8Array>("bytes");
    for (const length of [0, 1, 7, 128, 129, 1024, 1025, 5000, 100_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
      own.push(bytes);
      bytes.fill(0);
      const copy = own.pop()!;
      expect(copy.length).toBe(length);
      expect(copy.every((byte, i) => byte === ((i * 7) & 0xff))).toBe(true);
      expect(copy.buffer).toBeInstanceOf(ArrayBuffer);
    }
  });

  it("of bytes says what it got instead, and how to give it", () => {
    const own = Region.createSync({ size: MIB }).ring("ring");
    const push = (value: unknown) => thrown(() => own.push(value as Uint8Array)).message;
    expect(push(new Uint16Array(2))).toMatch(/got a Uint16Array; wrap it: new Uint8Array/);
    expect(push(new ArrayBuffer(2))).toMatch(/got an ArrayBuffer; give it a codec/);
  });

  it("of texts keeps every character, a byte order mark too", () => {
    const { ring: own } = texts();
    for (const text of ["", "a", "häß", "\ufeffmark", "😀".repeat(400)])
      expect([own.push(text), own.pop()]).toEqual([true, text]);
  });

  it("says by its name what the values are: no type has to be written", () => {
    const r = Region.createSync({ size: MIB });
    const word: string | undefined = r.ring("texts", { codec: "utf8" }).pop();
    const own: number | undefined = r
      .ring("own", { codec: { encode: (n: number) => Uint8Array.of(n), decode: ([n]) => n! } })
      .pop();
    const raw: Uint8Array | undefined = r.ring("bytes").pop();
    const any = r.ring("any", { codec: "json" });
    any.push({ id: 1 });
    const job = r.ring<{ id: number }>("any", { codec: "json" }).pop()?.id;
    expect([word, own, raw, job]).toEqual([undefined, undefined, undefined, 1]);
    // @ts-expect-error: a text is no Uint8Array
    expect(() => r.ring("bytes").push("x")).toThrow(TypeError);
  });

  it("json gives what JSON can say", () => {
    const own = ring<unknown>("json");
    for (const value of [null, 0, "", [], { a: [1, { b: null }] }]) {
      own.push(value);
      expect(own.pop()).toEqual(value);
    }
    expect(() => own.push(() => {})).toThrow(TypeError);
    expect(() => own.push(1n)).toThrow(TypeError);
  });

  it("buffer gives Buffers where there are any, and says so where there are none", () => {
    if (!isNode) {
      expect(() => ring("buffer")).toThrow(/Buffer/);
      return;
    }
    const own = ring<Uint8Array>("buffer");
    own.push(new TextEncoder().encode("text"));
    expect(String(own.pop())).toBe("text");
    expect(() => own.push("text" as never)).toThrow(TypeError);
  });

  it("clone gives maps, dates and cycles where node:v8 is, and says so where it is not", () => {
    if (!isNode) {
      expect(() => ring("clone")).toThrow(/node:v8/);
      return;
    }
    const own = ring<unknown>("clone");
    const value: Record<string, unknown> = { map: new Map([[1, new Date(5)]]), bytes: new Float64Array([1.5]) };
    value["self"] = value;
    own.push(value);
    const copy = own.pop() as typeof value;
    expect(copy).toEqual(value);
    expect(copy["self"]).toBe(copy);
  });

  it.each(["bytes", "utf8"])("%s refuses other values, and undefined is refused by all; nothing is added", (codec) => {
    const own = ring<unknown>(codec);
    for (const value of [undefined, null, 5, {}, [1]]) expect(() => own.push(value)).toThrow(TypeError);
    expect(() => ring<unknown>("json").push(undefined)).toThrow(/no undefined/);
    expect(() => ring<unknown>({ encode: () => "no bytes" as never, decode: () => 1 }).push(1)).toThrow(
      /must answer a Uint8Array/,
    );
    expect(own.size).toBe(0);
  });

  it("that throws in encode adds nothing; in decode it hands the record out as bytes, and the next is as it was", () => {
    const codec: RingCodec<number> = {
      encode: (value) => {
        if (value < 0) throw new Error("negative");
        return new Uint8Array([value]);
      },
      decode: (own) => {
        if (own[0] === 13) throw new Error("unlucky");
        return own[0] === 99 ? (undefined as never) : own[0]!;
      },
    };
    const own = ring(codec);
    expect(() => own.push(-1)).toThrow("negative");
    own.pushMany([1, 13, 2, 99, 3]);
    expect(own.pop()).toBe(1);
    const error = thrown(() => own.pop()) as RingDecodeError;
    expect(error).toMatchObject({
      code: "ERR_RING_DECODE",
      records: [new Uint8Array([13])],
      cause: new Error("unlucky"),
    });
    expect(own.pop()).toBe(2);
    expect(thrown(() => own.pop())).toMatchObject({ records: [new Uint8Array([99])] });
    expect(own.pop()).toBe(3);
    own.pushMany([4, 13, 5]);
    expect(thrown(() => own.drain())).toMatchObject({ records: [new Uint8Array([13])], values: [4, 5] });
    expectCounted(own);
  });

  it("that throws ends one wait, not those behind it", async () => {
    const own = ring<string>({
      encode: (v) => new TextEncoder().encode(v),
      decode: (b) => JSON.parse(new TextDecoder().decode(b)) as string,
    });
    const waits = Promise.allSettled([own.receive(), own.receive()]);
    await turns();
    own.pushMany(["}", '"b"']);
    const [bad, good] = await waits;
    expect([bad.status, (good as { value: string }).value]).toEqual(["rejected", "b"]);
    expect(own.metrics()).toMatchObject({ waits: 2, timeouts: 0 });
  });

  it("may use the ring that it works for", () => {
    const own = ring<string>({
      encode: (value) => {
        if (value === "outer") own.push("inner");
        return new TextEncoder().encode(value);
      },
      decode: (b) => new TextDecoder().decode(b),
    });
    own.push("outer");
    expect(own.drain()).toEqual(["inner", "outer"]);
  });
});

describe("popInto", () => {
  it("copies and says how long it was; −1 where there is none", () => {
    const own = ring<Uint8Array>("bytes");
    const target = new Uint8Array(6000);
    for (const length of [3, 0, 1500, 5000]) own.push(new Uint8Array(length).fill(length & 0xff));
    for (const length of [3, 0, 1500, 5000]) {
      expect(own.popInto(target)).toBe(length);
      expect(target.subarray(0, length).every((byte) => byte === (length & 0xff))).toBe(true);
    }
    expect(own.popInto(target)).toBe(-1);
    own.close();
    expect([own.popInto(target), own.isLeft]).toEqual([-1, true]);
  });

  it.each([20, 3000])(
    "refuses a record of %d bytes that is longer than the target, and it is the next to be taken",
    (length) => {
      const take: [string, (own: ReturnType<typeof texts>["ring"]) => unknown][] = [
        ["pop", (own) => own.pop()],
        ["drain", (own) => own.drain(1)[0]],
        ["take", (own) => new TextDecoder().decode(own.take()!.bytes.slice())],
        ["popInto", (own) => "x".repeat(own.popInto(new Uint8Array(5000)))],
      ];
      for (const [name, act] of take) {
        const { r, ring: own } = texts();
        own.pushMany(["x".repeat(length), "y"]);
        for (let i = 0; i < 2; i++) expect(() => own.popInto(new Uint8Array(5)), name).toThrow(RangeError);
        expect([act(own), own.pop(), own.isEmpty], name).toEqual(["x".repeat(length), "y", true]);
        expectCounted(own);
        expectSound(r);
      }
    },
  );

  it("takes a Uint8Array only, and nothing is taken for others", () => {
    const { ring: own } = texts();
    own.push("a");
    for (const target of [undefined, 8, new Uint16Array(8), []])
      expect(() => own.popInto(target as never)).toThrow(TypeError);
    expect(own.size).toBe(1);
  });
});

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
    const spare = own.reserve(1)!;
    spare.abort();
    for (const wrong of [place, record, {}, { place: 0 }, null, 1])
      expect(() => own.reserve(1, wrong as never)).toThrow(TypeError);
    for (const wrong of [record, place, spare, {}, null]) expect(() => own.take(wrong as never)).toThrow(TypeError);
    expect(thrown(() => own.take(record)).message).toMatch(/still has a record in hand/);
    expect([own.size, record.bytes[0], record.release(), place.abort()]).toEqual([1, 97, true, true]);
    expectSound(r);
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

  it("may be used again by who hears of the record that it put in", () => {
    const { ring: own } = texts({ capacity: 2 });
    const place = own.reserve(1)!;
    own.pushMany(["a", "b"]);
    const taken: unknown[] = [];
    own.onDropped(() => taken.push(own.reserve(1, place)));
    expect([place.commit(), taken]).toEqual([true, [place]]);
    expect([place.abort(), own.size]).toEqual([true, 2]);
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

describe("what is dropped", () => {
  it("is handed to who asked, in order, after the push is done, and no more once that was ended", () => {
    const { ring: own } = texts({ capacity: 2 });
    const dropped: [string, number][] = [];
    const stop = own.onDropped((value) => dropped.push([value, own.size]));
    own.pushMany(numbers(0, 4));
    expect(dropped).toEqual([
      ["0", 2],
      ["1", 2],
    ]);
    stop();
    own.push("4");
    expect(dropped).toHaveLength(2);
    expect(() => own.onDropped(5 as never)).toThrow(TypeError);
  });

  it("is not handed out for what is refused, taken or cleared", () => {
    const { ring: own } = texts({ capacity: 1, overflow: "drop-newest" });
    own.onDropped(() => expect.unreachable());
    own.pushMany(["a", "b"]);
    own.clear();
  });

  it("may be told to who leaves the ring over it: the rest of many is not added, and no lease is left", () => {
    const { r, ring: many } = texts({ capacity: 2 });
    many.pushMany(["a", "b"]);
    many.onDropped(() => {
      many.close();
      many.leave();
    });
    expect([many.pushMany(["c", "d", "e"]), many.isLeft]).toEqual([1, true]);
    expectSound(r, 0);
  });

  it("reaches the others when a listener throws or pushes itself, and the push is done", async () => {
    const errors = reported();
    const { ring: own } = texts({ capacity: 2 });
    const seen: string[] = [];
    own.onDropped(() => {
      throw new Error("mine");
    });
    own.onDropped((value) => {
      if (seen.push(value) < 5) own.push(`again ${value}`);
    });
    expect([own.pushMany(["a", "b"]), own.push("c"), own.size]).toEqual([2, true, 2]);
    expect([seen.length, own.metrics().droppedOldest]).toEqual([5, 5]);
    await turns();
    expect(errors).toEqual(seen.map(() => new Error("mine")));
    expectCounted(own);
  });
});

describe("watermarks", () => {
  it("are told once, high in the thread whose push reached it, low there when others have emptied it", async () => {
    const { ring: own, theirs } = pair({ capacity: 10, highWatermark: 0.8, lowWatermark: 0.2 });
    const told: string[] = [];
    own.on("high", () => told.push("high"));
    own.on("low", () => told.push("low"));
    theirs.on("high", () => expect.unreachable());
    own.pushMany(numbers(0, 7));
    expect([told, own.isHigh]).toEqual([[], false]);
    own.push("7");
    own.push("8");
    expect([told, own.isHigh, theirs.isHigh]).toEqual([["high"], true, true]);
    theirs.drain(6);
    await turns();
    expect(told).toEqual(["high"]);
    theirs.pop();
    await vi.waitFor(() => expect(told).toEqual(["high", "low"]));
    expect(own.isHigh).toBe(false);
    own.pushMany(numbers(0, 6));
    expect(told).toEqual(["high", "low", "high"]);
  });

  it("follow a limit that is changed", () => {
    const { ring: own } = texts({ capacity: 10 });
    const told: string[] = [];
    own.on("high", () => told.push("high"));
    own.pushMany(numbers(0, 5));
    own.setLimits({ capacity: 5 });
    own.push("5");
    expect(told).toEqual(["high"]);
  });

  it("are heard by who comes while it is high, and no more by who has stopped", async () => {
    const { ring: own } = texts({ capacity: 2 });
    own.pushMany(["a", "b"]);
    const low = vi.fn<() => void>();
    const abort = new AbortController();
    own.on("low", low);
    own.on("low", () => expect.unreachable(), { signal: abort.signal });
    own.on("low", () => expect.unreachable())();
    own.on("low", () => expect.unreachable(), { signal: AbortSignal.abort() });
    abort.abort();
    own.drain();
    await vi.waitFor(() => expect(low).toHaveBeenCalledTimes(1));
  });

  it("leave a push done whose listener throws", async () => {
    const errors = reported();
    const { ring: own } = texts({ capacity: 1 });
    const second = vi.fn<() => void>();
    own.on("high", () => {
      throw new Error("mine");
    });
    own.on("high", second);
    expect([own.push("a"), own.size]).toEqual([true, 1]);
    await turns();
    expect([errors, second.mock.calls.length]).toEqual([[new Error("mine")], 1]);
  });

  it("are high or low, and listeners are functions", () => {
    const { ring: own } = texts();
    expect(() => own.on("full" as "high", () => {})).toThrow(TypeError);
    expect(() => own.on("high", 1 as never)).toThrow(TypeError);
    expect(() => own.on("high", () => {}, { signal: {} as never })).toThrow(TypeError);
    expect(() => own.on("toString" as "high", () => {})).toThrow(TypeError);
  });
});
