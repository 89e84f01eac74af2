// What goes through a ring, in Node and in a page: values by codec, copies, what is told. Goal: what comes out is what went in; a codec or a listener
// that throws loses no record and breaks no later one. Method: exact states.
import { afterEach, describe, expect, it, vi } from "vitest";
import { Region, type RingCodec, type RingDecodeError } from "../../src/index.js";
import { expectSound, MIB } from "../lib/regions.js";
import { reported } from "../reclaim-scene.js";
import { expectCounted, numbers, pair, texts, thrown, turns } from "./scene.js";

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

  it("of bytes takes them for what they are, whatever they say of their length", () => {
    class Liar extends Uint8Array {
      override get length(): number {
        return 400;
      }
    }
    const own = ring<Uint8Array>("bytes", { overflow: "drop-newest", capacity: 8 });
    own.push(new Uint8Array(1000).fill(7));
    own.pop();
    const short = Object.defineProperty(new Uint8Array(5000).fill(9), "length", { value: 3 });
    for (const put of [(value: Uint8Array) => own.push(value), (value: Uint8Array) => own.pushMany([value]) === 1])
      for (const value of [new Liar([1, 2, 3, 4]), short]) {
        expect(put(value)).toBe(true);
        const bytes = own.pop()!;
        expect([bytes.length, bytes.every((byte, i) => byte === value[i])]).toEqual([value.byteLength, true]);
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
