// Rings between real threads. Goal: threads that block pass everything on, in each producer's order, none lost or twice; what a thread had in hand
// when it was terminated is counted as lost, or delivered once more, and its memory is back. Method: workers that send and receive by
// blocking; a worker that is terminated with records in hand, and watched. What is waited for is a message or a promise, never time.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it, vi } from "vitest";
import { type RecoveryReport, Region, type Ring, RingClosedError, type RingOptions } from "../../src/index.js";
import { expectSound, MIB } from "../lib/regions.js";
import { expectCounted, numbers, outcome, turns } from "./scene.js";

const worker = (r: Region, job: string, more = {}): Worker =>
  new Worker(new URL("ring-worker.mjs", import.meta.url), { workerData: { handle: r.handle(), job, ...more } });

const texts = (r: Region, name: string, options: RingOptions<string> = {}): Ring<string> =>
  r.ring<string>(name, { codec: "utf8", ...options });

const exits = (threads: Worker[]): Promise<unknown> => Promise.all(threads.map((thread) => once(thread, "exit")));

describe("threads that block", () => {
  it("pass all records on through two rings, in each producer's order", async () => {
    const COUNT = 3000;
    const r = Region.createSync({ size: 4 * MIB, maxOwners: 8 });
    const to = texts(r, "to", { capacity: 16, overflow: "block" });
    const back = texts(r, "back", { capacity: 16, overflow: "block" });
    const senders = [0, 1].map((from) => worker(r, "send", { count: COUNT, from }));
    const passers = [worker(r, "pass"), worker(r, "pass")];
    const seen: number[][] = [[], []];
    let last = { pushes: 0, pops: 0 };
    const ended = exits(passers);
    void exits(senders).then(() => to.close());
    void ended.then(() => back.close());
    for await (const batch of back.batches()) {
      // Numbers while others are at it (D52): none goes back, and nobody waits for whoever reads them.
      const { pushes, pops, size } = to.metrics();
      expect([pushes >= last.pushes, pops >= last.pops, size >= 0]).toEqual([true, true, true]);
      last = { pushes, pops };
      for (const value of batch) {
        const [from, i] = value.split(":").map(Number);
        seen[from!]!.push(i!);
      }
    }
    await ended;
    for (const all of seen) {
      // Two threads passed them on: each may be a little late, none is missing or doubled.
      expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    }
    expect(back.metrics()).toMatchObject({ pushes: 2 * COUNT, pops: 2 * COUNT, lost: 0, refused: 0 });
    to.leave();
    expectSound(r, 0);
    r.close();
  });

  it("give one consumer each producer's records in order", async () => {
    const r = Region.createSync({ size: 4 * MIB, maxOwners: 8 });
    const to = texts(r, "to", { capacity: 4, overflow: "block" });
    const senders = [0, 1].map((from) => worker(r, "send", { count: 500, from }));
    void exits(senders).then(() => to.close());
    const seen: string[][] = [[], []];
    for await (const value of to) seen[Number(value[0])]!.push(value.slice(2));
    expect(seen).toEqual([numbers(0, 500), numbers(0, 500)]);
    expectSound(r, 0);
  });
});

describe("metrics", () => {
  it("are read while another thread overflows the ring: they only rise, and are exact at rest (D52)", async () => {
    const r = Region.createSync({ size: MIB, maxOwners: 4 });
    const ring = texts(r, "to", { capacity: 8 });
    const thread = worker(r, "flood", { count: 20_000 });
    let isDone = false;
    thread.once("message", () => void (isDone = true));
    let before = ring.metrics();
    while (!isDone) {
      const now = ring.metrics();
      for (const key of ["pushes", "droppedOldest", "highWater"] as const)
        expect(now[key]).toBeGreaterThanOrEqual(before[key]);
      expect(now.highWater).toBeLessThanOrEqual(8);
      before = now;
      await turns(1);
    }
    expect(ring.metrics()).toMatchObject({ pushes: 20_000, droppedOldest: 19_992, size: 8, highWater: 8, refused: 0 });
    expectCounted(ring);
  });
});

describe("a thread that is terminated with records in hand", () => {
  const scene = async (
    options: RingOptions<string>,
  ): Promise<{ r: Region; ring: Ring<string>; report: RecoveryReport }> => {
    const r = Region.createSync({ size: MIB, maxOwners: 4 });
    const ring = texts(r, "to", { capacity: 8, overflow: "drop-newest", ...options });
    ring.pushMany(numbers(0, 6));
    const thread = worker(r, "hold", { count: 4 });
    const recovered = new Promise<RecoveryReport>((resolve) => {
      r.watch(thread, { onRecovered: resolve });
    });
    await once(thread, "message");
    expect(ring.size).toBe(2);
    await thread.terminate();
    return { r, ring, report: await recovered };
  };

  it("has lost them, which is counted, and no byte", async () => {
    const { r, ring, report } = await scene({});
    expect(report.done).toBe(true);
    expect(ring.metrics()).toMatchObject({ pushes: 6, pops: 0, lost: 4, size: 2 });
    expectCounted(ring);
    expect(ring.drain()).toEqual(["4", "5"]);
    ring.close();
    expect(ring.pop()).toBe(undefined);
    expectSound(r, 0);
    r.close();
  });

  it("with at-least-once has not: they are delivered once more, first and in order, marked, beside a full ring", async () => {
    const { r, ring } = await scene({ delivery: "at-least-once" });
    expect(ring.pushMany(numbers(6, 20))).toBe(6);
    expect([ring.isEmpty, ring.metrics().lost]).toEqual([false, 0]);
    const again = ring.take()!;
    expect([again.isRedelivered, new TextDecoder().decode(again.bytes.slice())]).toEqual([true, "0"]);
    again.release();
    expect([ring.pop(), ...ring.drain()]).toEqual(numbers(1, 12));
    expectCounted(ring);
    ring.push("x");
    expect(ring.take()!.isRedelivered).toBe(false);
    ring.close();
    ring.leave();
    expectSound(r, 0);
    r.close();
  });

  it("with at-least-once gives them to who is there, also after the ring was closed, before its end", async () => {
    const { r, ring } = await scene({ delivery: "at-least-once" });
    ring.close();
    const got: string[] = [];
    for await (const value of ring) got.push(value);
    expect([got, ring.isLeft]).toEqual([numbers(0, 6), true]);
    expectSound(r, 0);
  });

  it("with at-least-once keeps no producer in the ring that never took anything, once others have emptied it", async () => {
    const { r, ring } = await scene({ delivery: "at-least-once" });
    const theirs = texts(Region.attachSync(r.handle()), "to");
    theirs.close();
    expect(() => ring.push("x")).toThrow(RingClosedError);
    expect([ring.isEmpty, theirs.drain(), theirs.isLeft, ring.isEmpty]).toEqual([false, numbers(0, 6), true, true]);
    await vi.waitFor(() => expect(ring.isLeft).toBe(true));
  });
});

describe("a blocking call of who is called while the ring serves one that waits", () => {
  it("gives a blocking call in there what comes next", async () => {
    const ring = texts(Region.createSync({ size: MIB }), "ring");
    const got: unknown[] = [];
    const waiting = ring.deliver((value) => got.push(value, ring.receiveSync({ timeout: 0 })));
    ring.pushMany(["a", "b", "c"]);
    await waiting;
    expect([got, ring.drain()]).toEqual([["a", "b"], ["c"]]);
  });

  it("puts in once what it sends, though another is sent in there", async () => {
    const marks = { overflow: "block", capacity: 10, maxBytes: 100, highWatermark: 0.2, lowWatermark: 0 } as const;
    const ring = texts(Region.createSync({ size: MIB }), "ring", marks);
    ring.push("x".repeat(90));
    const sends = ["a".repeat(40), "b".repeat(20)].map((value) => outcome(ring.send(value)));
    await turns();
    const high: unknown[] = [];
    ring.on("high", () => high.push(ring.sendSync("c", { timeout: 0 })));
    ring.pop();
    for (const { settled } of sends) await settled;
    expect([high, ring.drain().map((text) => text[0])]).toEqual([[true], ["a", "b", "c"]]);
  });
});
