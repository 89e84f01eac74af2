// BackpressureHandler and adaptCapacity. Goal: five strategies, watermarks that act, the specification's names, and a live limit that loses nothing
// by itself (T05, T24–T27). Method: exact states; a clock that the test sets.
import { describe, expect, it, vi } from "vitest";
import {
  AdaptiveSizes,
  adaptCapacity,
  BackpressureHandler,
  type BackpressureStrategy,
  ObjectRing,
} from "../../src/flow/index.js";
import { Region, RingClosedError } from "../../src/index.js";
import { MIB } from "../lib/regions.js";
import { outcome, turns } from "../ring/scene.js";
import { FakeGauge } from "./gauge.js";

const filled = (strategy: BackpressureStrategy, more = {}) => {
  let now = 1000;
  const dropped: number[] = [];
  const handler = new BackpressureHandler<number>({
    strategy,
    bufferSize: 4,
    now: () => now,
    onDropped: (event) => dropped.push(event),
    ...more,
  });
  for (let i = 0; i < 4; i++) expect(handler.trySend(i)).toBe(true);
  return { handler, dropped, at: (ms: number) => void (now = ms) };
};
const left = (handler: BackpressureHandler<number>): number[] => {
  const all: number[] = [];
  for (let event = handler.tryReceive(); event !== undefined; event = handler.tryReceive()) all.push(event);
  return all;
};

describe("a strategy", () => {
  const cases: [BackpressureStrategy, boolean, number[], number[]][] = [
    ["none", false, [4], [0, 1, 2, 3]],
    ["drop_oldest", true, [0], [1, 2, 3, 4]],
    ["drop_newest", false, [4], [0, 1, 2, 3]],
    ["block", false, [4], [0, 1, 2, 3]],
    ["block_timeout", false, [4], [0, 1, 2, 3]],
  ];
  it.each(cases)("%s: trySend in a full buffer answers %s, drops %j and leaves %j", (strategy, answer, gone, there) => {
    const { handler, dropped, at } = filled(strategy);
    at(2000);
    expect([handler.trySend(4), dropped]).toEqual([answer, gone]);
    expect(handler.metrics()).toMatchObject({
      events_dropped: 1,
      last_drop_time: 2000,
      current_buffer_size: 4,
      max_buffer_size: 4,
    });
    expect(left(handler)).toEqual(there);
  });

  it("none refuses a send with an error, drop_newest answers false", async () => {
    await expect(filled("none").handler.send(4)).rejects.toMatchObject({ code: "ERR_RING_FULL" });
    expect(await filled("drop_newest").handler.send(4)).toBe(false);
  });

  it("block waits for room, in order, and says how long", async () => {
    const { handler, at } = filled("block");
    const sent = [outcome(handler.send(4)), outcome(handler.send(5))];
    await turns();
    expect([sent[0]!.state, handler.metrics().events_blocked, handler.metrics().last_block_time]).toEqual([
      "pending",
      2,
      1000,
    ]);
    at(1500);
    expect([handler.tryReceive(), handler.tryReceive()]).toEqual([0, 1]);
    await Promise.all(sent.map(({ settled }) => settled));
    expect(left(handler)).toEqual([2, 3, 4, 5]);
    expect(handler.metrics()).toMatchObject({ blocked_duration: 1000, events_dropped: 0 });
  });

  it("block_timeout gives up after its time: the event was dropped, and is told", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { handler, dropped } = filled("block_timeout", { blockTimeout: 50 });
    const late = outcome(handler.send(4));
    vi.advanceTimersByTime(50);
    vi.useRealTimers();
    await late.settled;
    expect([(late.error as { code: string }).code, dropped, left(handler)]).toEqual([
      "ERR_RING_TIMEOUT",
      [4],
      [0, 1, 2, 3],
    ]);
  });
});

describe("watermarks", () => {
  it("pause and resume who makes the events, once each", () => {
    const calls: string[] = [];
    const handler = new BackpressureHandler<number>({
      bufferSize: 10,
      pause: () => calls.push("pause"),
      resume: () => calls.push("resume"),
    });
    for (let i = 0; i < 9; i++) handler.trySend(i);
    expect([calls, handler.isActive, handler.metrics().backpressure_active]).toEqual([["pause"], true, true]);
    for (let i = 0; i < 8; i++) handler.tryReceive();
    expect([calls, handler.isActive]).toEqual([["pause", "resume"], false]);
    expect(handler.metrics()).toMatchObject({ high_water_mark_hits: 1, low_water_mark_hits: 1 });
  });

  it("whose hooks throw stop nothing: the errors have a channel of their own", async () => {
    const handler = new BackpressureHandler<number>({
      bufferSize: 1,
      pause: () => {
        throw new Error("mine");
      },
    });
    expect([handler.trySend(1), await handler.errors.receive(), handler.tryReceive()]).toEqual([
      true,
      new Error("mine"),
      1,
    ]);
    handler.fail("yours");
    handler.close();
    expect([handler.errors.pop(), await handler.receive()]).toEqual(["yours", undefined]);
  });
});

it("closing wakes who waits; what is there can be taken", async () => {
  const { handler, dropped } = filled("block");
  const waiting = outcome(handler.send(4));
  handler.close();
  await waiting.settled;
  expect([(waiting.error as { code: string }).code, dropped]).toEqual(["ERR_RING_CLOSED", [4]]);
  const all: number[] = [];
  for await (const event of handler) all.push(event);
  expect(all).toEqual([0, 1, 2, 3]);
});

it("what can be no event or no wait, or comes after the close, is refused and not counted as dropped", async () => {
  const { handler, dropped } = filled("block");
  const wrong = [
    handler.send(undefined as never),
    handler.send(5, { timeout: -1 }),
    handler.send(5, { signal: 1 as never }),
  ];
  for (const sending of wrong) await expect(sending).rejects.toThrow(/undefined|timeout|signal/);
  const signal = AbortSignal.abort(new TypeError("mine"));
  await expect(handler.send(6, { signal })).rejects.toThrow("mine");
  expect([handler.close(), handler.fail(new Error("late"))]).toEqual([true, false]);
  await expect(handler.send(7)).rejects.toMatchObject({ code: "ERR_RING_CLOSED" });
  expect(() => handler.trySend(8)).toThrow(RingClosedError);
  expect([dropped, handler.metrics().events_dropped]).toEqual([[6], 1]);
});

it("wrong options are refused", () => {
  for (const options of [
    { strategy: "drop" },
    { bufferSize: 0 },
    { highWaterMark: 2 },
    { lowWaterMark: 0.9 },
    { blockTimeout: -1 },
  ])
    expect(() => new BackpressureHandler(options as never)).toThrow(RangeError);
  for (const options of [{ pause: 1 }, { now: 5 }, { nope: 1 }, { bufferSize: "5" }])
    expect(() => new BackpressureHandler(options as never)).toThrow(TypeError);
});

describe("a queue that follows a gauge", () => {
  it("needs sizes and a queue, and says so", () => {
    const queue = new ObjectRing();
    for (const [sizes, ring] of [
      [{}, queue],
      [null, queue],
      [new AdaptiveSizes(new FakeGauge()), null],
    ])
      expect(() => adaptCapacity(sizes as never, ring as never)).toThrow(/adaptCapacity needs/);
  });

  it("holds less while memory is short, keeps what it has, and drops by its policy only", () => {
    const pressure = new FakeGauge();
    const sizes = new AdaptiveSizes(pressure);
    const ring = Region.createSync({ size: MIB }).ring<string>("frames", { codec: "utf8", capacity: 8 });
    const events = new BackpressureHandler<number>({ bufferSize: 8, strategy: "drop_newest" });
    const dropped: string[] = [];
    ring.onDropped((value) => dropped.push(value));
    adaptCapacity(sizes, ring);
    const stop = adaptCapacity(sizes, events.buffer, { key: "events", min: 4 });
    ring.pushMany(Array.from({ length: 8 }, (_, i) => String(i)));
    for (let i = 0; i < 8; i++) events.trySend(i);
    pressure.become("critical");
    expect([ring.capacity, ring.size, events.metrics().max_buffer_size, events.metrics().current_buffer_size]).toEqual([
      2, 8, 4, 8,
    ]);
    expect([dropped, events.trySend(8)]).toEqual([[], false]);
    ring.push("8");
    expect([dropped.length, ring.drain()]).toEqual([7, ["7", "8"]]);
    stop();
    pressure.become("none");
    expect([ring.capacity, events.metrics().max_buffer_size]).toEqual([8, 4]);
    expect(() => adaptCapacity(sizes, new ObjectRing({ name: "frames" }))).toThrow(/registered already/);
  });
});
