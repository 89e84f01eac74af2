// Waiting at a ring, in Node and in a page. Goal: first come, first served in a thread; each wait has one outcome, and one that is cancelled
// takes neither a record nor a wake-up with it. Method: two attachments in this thread; each wait ends by what another does, or by a clock
// that the test sets forward. Real threads that block: test/stress/rings.test.ts.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Budgets, NO_NODE } from "../../bindings/budgets.js";
import { Core } from "../../bindings/core.js";
import { instantiateSync } from "../../bindings/module.js";
import { RingPort } from "../../bindings/rings.js";
import { ObjectRing } from "../../src/flow/index.js";
import { type Queue, RingClosedError, RingTimeoutError } from "../../src/index.js";
import { expectSound } from "../lib/regions.js";
import { codeOf, expectCounted, numbers, outcome, pair, texts, turns } from "./scene.js";

/** What a ring that is there is opened with. */
const PLAN = {
  capacity: 1,
  maxCapacity: 1,
  maxBytes: 1,
  dropsOldest: false,
  again: false,
  high: 1,
  low: 0,
  node: NO_NODE,
  config: [],
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("receive", () => {
  it("takes at once what is there, and waits for what is not, whoever sends it", async () => {
    const { ring, theirs } = pair();
    ring.push("a");
    expect(await theirs.receive()).toBe("a");
    const waiting = outcome(ring.receive());
    await turns();
    expect(waiting.state).toBe("pending");
    theirs.push("b");
    await waiting.settled;
    expect(waiting.value).toBe("b");
    expectCounted(ring);
  });

  it("serves those who wait in a thread in their order, each once", async () => {
    const { ring, theirs } = pair();
    const got: string[] = [];
    const all = Array.from({ length: 30 }, () => ring.receive().then((value) => got.push(value!)));
    for (const value of numbers(0, 30)) theirs.push(value);
    await Promise.all(all);
    expect(got).toEqual(numbers(0, 30));
  });

  it("ends with its time-out, and the next record is for who comes next", async () => {
    const { ring, theirs } = pair();
    const late = outcome(ring.receive({ timeout: 10 }));
    const patient = outcome(ring.receive({ timeout: Number.POSITIVE_INFINITY }));
    vi.advanceTimersByTime(9);
    await turns();
    expect(late.state).toBe("pending");
    vi.advanceTimersByTime(1);
    await late.settled;
    expect(late.error).toMatchObject({ code: "ERR_RING_TIMEOUT", waitedMs: 10 });
    theirs.push("x");
    await patient.settled;
    expect(patient.value).toBe("x");
    expect(ring.metrics()).toMatchObject({ waits: 2, timeouts: 1 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("beside a producer that drops the oldest gets the oldest that is left, and what went is counted (D51)", async () => {
    const { ring, theirs } = pair({ capacity: 2 });
    const waiting = outcome(theirs.receive());
    await turns();
    ring.pushMany(numbers(0, 5));
    await waiting.settled;
    expect([waiting.value, theirs.pop(), theirs.pop()]).toEqual(["3", "4", undefined]);
    expect(ring.metrics()).toMatchObject({ pushes: 5, pops: 2, droppedOldest: 3 });
  });

  it("that was aborted rejects with the reason and takes nothing with it, in whatever turn that is", async () => {
    for (const when of ["before", "after the push", "waiting"]) {
      const { ring, theirs } = pair();
      const abort = new AbortController();
      if (when === "before") abort.abort("enough");
      const cancelled = outcome(ring.receive({ signal: abort.signal }));
      await turns(1);
      if (when === "after the push") theirs.push("x");
      abort.abort("enough");
      await cancelled.settled;
      expect(cancelled.error, when).toBe("enough");
      if (when !== "after the push") theirs.push("x");
      expect(ring.pop(), when).toBe("x");
      expect(ring.metrics().timeouts).toBe(0);
      expectCounted(ring);
    }
  });

  it("hands a value over in the turn in which it takes it: who is gone by then has taken none", async () => {
    const { ring, theirs } = pair();
    const abort = new AbortController();
    const taken: unknown[] = [];
    const delivered = outcome(ring.deliver((value) => taken.push(value), { signal: abort.signal }));
    theirs.push("x");
    abort.abort("gone");
    await delivered.settled;
    expect([delivered.error, taken, ring.pop()]).toEqual(["gone", [], "x"]);
    ring.push("y");
    await ring.deliver((value) => taken.push(value));
    expect(taken).toEqual(["y"]);
    await expect(ring.deliver(undefined as never)).rejects.toThrow(TypeError);
  });
});

describe("send", () => {
  it.each(["drop-oldest", "drop-newest", "error", "resize"] as const)(
    "with %s answers at once, as push does",
    async (overflow) => {
      const { ring } = texts({ capacity: 1, maxCapacity: 1, overflow, fallback: "drop-newest" });
      expect(await ring.send("a")).toBe(true);
      const second = outcome(ring.send("b"));
      await turns(1);
      if (overflow === "error") expect(second.error).toMatchObject({ code: "ERR_RING_FULL" });
      else expect(second.value).toBe(overflow === "drop-oldest");
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it("waits for room with block, in order, and what waited is not counted as refused", async () => {
    const { ring, theirs } = pair({ capacity: 2, overflow: "block" });
    const sent = numbers(0, 20).map((value) => outcome(ring.send(value)));
    await turns();
    expect(sent.filter(({ state }) => state === "pending")).toHaveLength(18);
    const got: string[] = [];
    for (let value = await theirs.receive(); got.push(value!) < 20; value = await theirs.receive());
    await Promise.all(sent.map(({ settled }) => settled));
    expect([got, sent.every(({ value }) => value === true)]).toEqual([numbers(0, 20), true]);
    expect(ring.metrics()).toMatchObject({ refused: 0, pushes: 20 });
    expectCounted(ring);
  });

  it("is not overtaken by a short record where a long one waits, nor by sendSync", async () => {
    const { ring, theirs } = pair({ maxBytes: 10, overflow: "block" });
    ring.push("12345678");
    const sent = [outcome(ring.send("abcde")), outcome(ring.send("f"))];
    await turns();
    expect(sent.map(({ state }) => state)).toEqual(["pending", "pending"]);
    theirs.pop();
    await Promise.all(sent.map(({ settled }) => settled));
    expect(theirs.drain()).toEqual(["abcde", "f"]);
  });

  it("with block-timeout gives up after the ring's time, or its own; the next in line goes on", async () => {
    const { ring, theirs } = pair({ capacity: 1, overflow: "block-timeout", timeout: 50 });
    ring.push("a");
    const [one, two] = [outcome(ring.send("b")), outcome(ring.send("c", { timeout: 60 }))];
    vi.advanceTimersByTime(50);
    await one.settled;
    expect(one.error).toBeInstanceOf(RingTimeoutError);
    theirs.pop();
    await two.settled;
    expect([two.value, theirs.drain()]).toEqual([true, ["c"]]);
    expect(ring.metrics()).toMatchObject({ timeouts: 1, pushes: 2 });
  });

  it("that was aborted has added nothing, and holds up nobody behind it", async () => {
    const { ring, theirs } = pair({ capacity: 1, overflow: "block" });
    ring.push("a");
    const abort = new AbortController();
    const [one, two] = [outcome(ring.send("b", { signal: abort.signal })), outcome(ring.send("c"))];
    await turns();
    theirs.pop();
    abort.abort("enough");
    await Promise.all([one.settled, two.settled]);
    expect([one.error, two.value, ring.drain()]).toEqual(["enough", true, ["c"]]);
  });

  it("of what never fits is refused at once", async () => {
    const { ring } = texts({ maxBytes: 3, overflow: "block" });
    await expect(ring.send("1234")).rejects.toThrow(RangeError);
    await expect(ring.send(1 as never)).rejects.toThrow(TypeError);
  });

  it("goes on when the limit is raised, and when the ring is cleared (D51)", async () => {
    const { ring, theirs } = pair({ capacity: 1, maxCapacity: 2, overflow: "block" });
    ring.push("a");
    const one = outcome(ring.send("b"));
    await turns();
    theirs.setLimits({ capacity: 2 });
    await one.settled;
    const two = outcome(ring.send("c"));
    await turns();
    expect([two.state, theirs.clear()]).toEqual(["pending", 2]);
    await two.settled;
    expect(ring.drain()).toEqual(["c"]);
    expectCounted(ring);
  });

  it("is woken by a record taken that is longer than what is copied in one piece, in whatever way", () => {
    const { r, ring } = texts({ capacity: 1, overflow: "block" });
    const { module, memory, busyMs } = r.handle();
    const core = Core.attach(instantiateSync(module, memory), memory, busyMs, 1);
    const port = RingPort.open(core, new Budgets(core).numberOf("ring", false), PLAN) as RingPort;
    for (const take of [() => ring.pop(), () => ring.take()!.release(), () => ring.drain(), () => ring.clear()]) {
      ring.push("x".repeat(5000));
      const seen = port.bell(false).listen();
      take();
      expect(port.bell(false).listen(), String(take)).not.toBe(seen);
    }
  });
});

describe("a ring that is closed", () => {
  it("lets what is queued be taken, then answers undefined, in every thread (D51)", async () => {
    const { ring, theirs } = pair();
    ring.pushMany(["a", "b"]);
    expect([theirs.close(), ring.close(), theirs.close()]).toEqual([true, false, false]);
    expect([await ring.receive(), theirs.pop(), await ring.receive(), theirs.pop()]).toEqual([
      "a",
      "b",
      undefined,
      undefined,
    ]);
    expect([ring.isLeft, theirs.isLeft]).toEqual([true, true]);
  });

  it("takes nothing any more: push, pushMany, send, commit", async () => {
    const { ring, theirs } = pair();
    const lease = ring.reserve(1)!;
    ring.push("a");
    theirs.close();
    for (const act of [() => ring.push("x"), () => ring.pushMany(["x"]), () => lease.commit()])
      expect(codeOf(act)).toBe("ERR_RING_CLOSED");
    await expect(ring.send("x")).rejects.toThrow(RingClosedError);
    expect(theirs.drain()).toEqual(["a"]);
  });

  it("wakes who waits for a record, with undefined, and who waits for room, with ERR_RING_CLOSED (D51)", async () => {
    const { ring, theirs } = pair({ capacity: 1, overflow: "block" });
    const receiving = [outcome(ring.receive()), outcome(ring.receive())];
    await turns();
    theirs.push("a");
    await receiving[0]!.settled;
    theirs.push("b");
    await receiving[1]!.settled;
    theirs.push("c");
    const sending = [outcome(ring.send("d")), outcome(ring.send("e"))];
    await turns();
    theirs.close();
    await Promise.all(sending.map(({ settled }) => settled));
    expect(sending.map(({ error }) => (error as RingClosedError).code)).toEqual(["ERR_RING_CLOSED", "ERR_RING_CLOSED"]);
    const last = [outcome(theirs.receive()), outcome(theirs.receive())];
    await Promise.all(last.map(({ settled }) => settled));
    expect(last.map(({ value }) => value)).toEqual(["c", undefined]);
  });

  it("ends many who wait for a record in one attachment, all of them", async () => {
    const { ring, theirs } = pair();
    const all = Array.from({ length: 10 }, () => outcome(ring.receive()));
    await turns();
    theirs.close();
    await Promise.all(all.map(({ settled }) => settled));
    expect(all.map(({ state, value }) => [state, value])).toEqual(all.map(() => ["fulfilled", undefined]));
  });

  it("is left by who closed it when others have emptied it", async () => {
    const { r, other, ring, theirs } = pair();
    ring.push("a");
    ring.close();
    expect([theirs.pop(), theirs.pop(), theirs.isLeft]).toEqual(["a", undefined, true]);
    await vi.waitFor(() => expect(ring.isLeft).toBe(true));
    other.close();
    expectSound(r, 0);
  });

  it("has none left of its producers when others have emptied it", async () => {
    const { ring, theirs } = pair();
    ring.push("a");
    theirs.close();
    for (let i = 0; i < 3; i++) expect(codeOf(() => ring.push("x"))).toBe("ERR_RING_CLOSED");
    expect(ring.isLeft).toBe(false);
    theirs.pop();
    expect(theirs.pop()).toBe(undefined);
    // By its own wait, at the latest after a slice of sleep.
    await vi.waitFor(() => expect(ring.isLeft).toBe(true));
  });
});

describe("leaving", () => {
  it("ends this thread's waits with ERR_RING_CLOSED, and nothing is taken for them", async () => {
    const { ring, theirs } = pair({ capacity: 1, overflow: "block" });
    const receiving = outcome(ring.receive());
    await turns();
    ring.leave();
    await receiving.settled;
    expect(receiving.error).toBeInstanceOf(RingClosedError);
    theirs.push("a");
    expect([theirs.size, ring.size, await ring.receive(), ring.pop()]).toEqual([1, 0, undefined, undefined]);
    expect(codeOf(() => ring.push("x"))).toBe("ERR_RING_CLOSED");
  });

  it("by closing the region ends them too", async () => {
    const { r, other, ring, theirs } = pair({ capacity: 1, overflow: "block" });
    ring.push("a");
    const sending = outcome(theirs.send("b"));
    const receiving = outcome(other.ring("other").receive());
    await turns();
    other.close();
    await Promise.all([sending.settled, receiving.settled]);
    expect([sending.error, receiving.error]).toEqual([new RingClosedError("ring"), new RingClosedError("other")]);
    expect([ring.drain(), theirs.isLeft, r.stats().owners]).toEqual([["a"], true, 1]);
  });
});

describe("an iterator", () => {
  it("gives each value until the ring was closed and is empty", async () => {
    const { ring, theirs } = pair();
    const got: string[] = [];
    const reading = (async () => {
      for await (const value of ring) got.push(value);
    })();
    for (const value of numbers(0, 10)) {
      theirs.push(value);
      await turns(1);
    }
    theirs.close();
    await reading;
    expect(got).toEqual(numbers(0, 10));
  });

  it("that is left in the middle loses nothing", async () => {
    const { ring } = texts();
    ring.pushMany(numbers(0, 5));
    for await (const value of ring) if (value === "2") break;
    expect(ring.drain()).toEqual(["3", "4"]);
  });

  it.each(["values", "batches"])("of %s that is left while it waits ends, and takes nothing", async (what) => {
    const { ring, theirs } = pair();
    const iterator: AsyncIterator<unknown> = what === "values" ? ring[Symbol.asyncIterator]() : ring.batches();
    const next = iterator.next();
    await turns();
    theirs.push("x");
    expect(await iterator.return!()).toEqual({ done: true, value: undefined });
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(ring.pop()).toBe("x");
  });

  it("of batches gives what is there at once, at most so many, and ends with the ring", async () => {
    const { ring } = texts();
    ring.pushMany(numbers(0, 7));
    const got: string[][] = [];
    for await (const batch of ring.batches(3)) if (got.push(batch) === 3) ring.close();
    expect(got).toEqual([numbers(0, 3), numbers(3, 6), ["6"]]);
    expect(() => texts().ring.batches(0)).toThrow(RangeError);
  });
});

describe("blocking", () => {
  it("takes and sends at once what can be, and ends with its time-out", () => {
    const { ring } = texts({ capacity: 1, overflow: "block-timeout", timeout: 1 });
    if (typeof window !== "undefined") {
      for (const act of [() => ring.sendSync("a"), () => ring.receiveSync()]) expect(act).toThrow(/may not block/);
      return;
    }
    expect([ring.sendSync("a"), codeOf(() => ring.sendSync("b"))]).toEqual([true, "ERR_RING_TIMEOUT"]);
    expect(codeOf(() => ring.sendSync("b", { timeout: 2 }))).toBe("ERR_RING_TIMEOUT");
    expect([ring.receiveSync(), codeOf(() => ring.receiveSync({ timeout: 1 }))]).toEqual(["a", "ERR_RING_TIMEOUT"]);
    expect(ring.metrics()).toMatchObject({ waits: 3, timeouts: 3, refused: 0 });
    expect(() => ring.receiveSync({ signal: AbortSignal.abort() } as never)).toThrow(TypeError);
    ring.close();
    expect([ring.receiveSync(), codeOf(() => ring.sendSync("c"))]).toEqual([undefined, "ERR_RING_CLOSED"]);
  });

  it("comes after those who wait in the thread already", async () => {
    if (typeof window !== "undefined") return;
    const { ring, theirs } = pair({ capacity: 1, overflow: "block" });
    const first = outcome(ring.receive());
    theirs.push("a");
    // The one that waits is served before the thread sleeps.
    expect(codeOf(() => ring.receiveSync({ timeout: 1 }))).toBe("ERR_RING_TIMEOUT");
    await first.settled;
    theirs.push("b");
    const sending = outcome(ring.send("c"));
    await turns();
    theirs.pop();
    expect(codeOf(() => ring.sendSync("d", { timeout: 1 }))).toBe("ERR_RING_TIMEOUT");
    await sending.settled;
    expect([first.value, theirs.drain()]).toEqual(["a", ["c"]]);
  });
});

describe("how long a call waits", () => {
  it("is milliseconds up to 2^31 − 1 or Infinity, and a signal is an AbortSignal; nothing is done with others", async () => {
    const { ring } = texts({ overflow: "block" });
    for (const timeout of [-1, 1.5, 2 ** 31, Number.NaN])
      await expect(ring.send("a", { timeout })).rejects.toThrow(RangeError);
    await expect(ring.send("a", { timeout: "1" as never })).rejects.toThrow(TypeError);
    await expect(ring.send("a", { signal: {} as never })).rejects.toThrow(TypeError);
    await expect(ring.receive({ abort: 1 } as never)).rejects.toThrow(TypeError);
    await expect(ring.receive(5 as never)).rejects.toThrow(TypeError);
    expect(ring.size).toBe(0);
  });
});

// Who is handed a record, or told that the queue is high, while a wait is served may do anything with the queue.
describe.each([
  ["Ring", (options: object) => texts({ overflow: "block", ...options }).ring as Queue<string>],
  ["ObjectRing", (options: object) => new ObjectRing<string>({ overflow: "block", ...options }) as Queue<string>],
])("in the middle of being served, at a %s", (_, make) => {
  const full = (): Queue<string> => {
    const queue = make({ capacity: 1, maxCapacity: 4, highWatermark: 1, lowWatermark: 0 });
    queue.push("a");
    return queue;
  };

  it("what was handed over is answered, whatever its taker does: once", async () => {
    for (const how of ["closes", "aborts", "takes more"] as const) {
      const queue = make({ capacity: 4 });
      const gone = new AbortController();
      const got: unknown[] = [];
      const waiting = queue.deliver(
        (value) => {
          got.push(value);
          if (how === "closes") queue.close();
          if (how === "aborts") gone.abort();
          if (how === "takes more") got.push(queue.pop());
        },
        { signal: gone.signal },
      );
      queue.push("a");
      queue.push("b");
      await waiting;
      expect(got).toEqual(how === "takes more" ? ["a", "b"] : ["a"]);
      expect(queue.drain()).toEqual(how === "takes more" ? [] : ["b"]);
    }
  });

  it("what was added is sent, though its sender stops itself for the high mark, and who came after it does not", async () => {
    const queue = full();
    const stop = new AbortController();
    const sends = ["b", "c"].map((value) => outcome(queue.send(value, { signal: stop.signal })));
    await turns();
    queue.on("high", () => stop.abort());
    queue.setLimits({ capacity: 4 });
    while (queue.size < 4 && sends.some(({ state }) => state === "pending")) await turns();
    const added = queue.drain();
    expect(sends.map(({ state }) => state === "fulfilled")).toEqual(["b", "c"].map((value) => added.includes(value)));
  });
});

describe("a Ring, by who is called while it serves one that waits,", () => {
  it("may be left: the record was handed over all the same", async () => {
    const { ring } = texts();
    const got: unknown[] = [];
    const waiting = ring.deliver((value) => {
      got.push(value);
      ring.leave();
    });
    const other = ring.receive();
    ring.push("a");
    await waiting;
    await expect(other).rejects.toThrow(RingClosedError);
    expect(got).toEqual(["a"]);
  });
});
