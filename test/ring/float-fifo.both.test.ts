// FloatFifo, in Node and in a page. Goal: frames are whole and in order, and neither side waits. Method: the same for both
// forms, and two attachments of a region.
import { describe, expect, it } from "vitest";
import { FloatFifo } from "../../src/flow/index.js";
import { Region } from "../../src/index.js";
import { expectSound, MIB } from "../lib/regions.js";

const FRAME = 128;
const frame = (value: number): Float32Array => new Float32Array(FRAME).fill(value);

describe.each(["over a ring", "in one thread"])("a FloatFifo %s", (form) => {
  const made = (capacity: number) => {
    const r = Region.createSync({ size: MIB });
    const ring = r.ring("audio", { capacity, overflow: "drop-newest" });
    const other = Region.attachSync(r.handle()).ring("audio");
    const one = new FloatFifo(FRAME, form === "over a ring" ? ring : capacity);
    return { r, writer: one, reader: form === "over a ring" ? new FloatFifo(FRAME, other) : one };
  };

  it("gives whole frames in their order, round its end, and answers false where there is no place or no frame", () => {
    const { r, writer, reader } = made(3);
    const target = frame(-1);
    expect([reader.popInto(target), target[0]]).toEqual([false, -1]);
    for (let round = 0; round < 20; round++) {
      const answers = [0, 1, 2, 3].map((i) => writer.push(frame(round * 10 + i + 0.5)));
      expect([answers, reader.size]).toEqual([[true, true, true, false], 3]);
      for (let i = 0; i < 3; i++) {
        expect(reader.popInto(target)).toBe(true);
        expect(target.every((float) => float === round * 10 + i + 0.5)).toBe(true);
      }
    }
    expectSound(r);
  });

  it("takes frames of its length only, and changes nothing for others", () => {
    const { writer, reader } = made(2);
    for (const wrong of [new Float64Array(FRAME), undefined, [1]]) {
      expect(() => writer.push(wrong as never)).toThrow(TypeError);
      expect(() => reader.popInto(wrong as never)).toThrow(TypeError);
    }
    expect(() => writer.push(new Float32Array(5))).toThrow(RangeError);
    expect(writer.size).toBe(0);
  });
});

it.each([4, 12])(
  "says so when what it takes from the ring is no frame but %d bytes, and goes on with the next",
  (bytes) => {
    const ring = Region.createSync({ size: MIB }).ring("audio");
    const fifo = new FloatFifo(2, ring);
    ring.push(new Uint8Array(bytes));
    fifo.push(Float32Array.of(1, 2));
    const frame = new Float32Array(2);
    expect(() => fifo.popInto(frame)).toThrow(RangeError);
    expect([fifo.popInto(frame), [...frame], fifo.popInto(frame)]).toEqual([true, [1, 2], false]);
  },
);

it("is made over a ring of bytes only", () => {
  const region = Region.createSync({ size: MIB });
  const texts = region.ring("texts", { codec: "utf8" });
  expect(() => new FloatFifo(2, texts as never)).toThrow(/"texts" has a codec: open it without one/);
  expect(new FloatFifo(2, region.ring("named", { codec: "bytes" })).size).toBe(0);
});

it("is made of a length and a ring or a number", () => {
  for (const over of [undefined, "ring", {}]) expect(() => new FloatFifo(1, over as never)).toThrow(TypeError);
  for (const length of [0, 1.5]) expect(() => new FloatFifo(length, 1)).toThrow(RangeError);
  expect(() => new FloatFifo(1, 0)).toThrow(RangeError);
});
