// What a Ring of a region and an ObjectRing have in common, and random commands against a plain array. Goal: one set of policies, told truthfully
// by both, and no sequence of commands finds a difference. Method: the same tests for both; a model that knows nothing of slots; the seed
// is printed with a failure. CISTERN_FUZZ_SEED repeats one.
import { describe, expect, it } from "vitest";
import { ObjectRing } from "../../src/flow/index.js";
import { type Overflow, type Queue, Region, type RingOptions } from "../../src/index.js";
import { random } from "../lib/random.js";
import { expectSound, MIB } from "../lib/regions.js";
import { codeOf, expectCounted, numbers, outcome, turns } from "./scene.js";

type Options = Pick<RingOptions, "capacity" | "maxCapacity" | "overflow" | "fallback" | "resizeFactor" | "timeout">;

const KINDS: [string, (options: Options) => { queue: Queue<string>; sound: () => void }][] = [
  [
    "Ring",
    (options) => {
      const r = Region.createSync({ size: MIB });
      return { queue: r.ring<string>("ring", { codec: "utf8", ...options }), sound: () => expectSound(r) };
    },
  ],
  ["ObjectRing", (options) => ({ queue: new ObjectRing<string>(options), sound: () => {} })],
];
const OVERFLOWS: Overflow[] = ["drop-oldest", "drop-newest", "block", "block-timeout", "resize", "error"];
const ROUNDS = 40;
const COMMANDS = 300;
const env = typeof process === "undefined" ? {} : process.env;

type Rules = Required<Pick<Options, "overflow" | "capacity" | "maxCapacity">> & { fallback: Overflow };

/** What a queue by these options must do, as an array. */
class Model {
  readonly #options: Rules;
  items: string[] = [];
  dropped: string[] = [];
  capacity: number;

  constructor(options: Rules) {
    this.#options = options;
    this.capacity = options.capacity;
  }

  push(value: string): boolean | "ERR_RING_FULL" {
    const { overflow, maxCapacity, fallback } = this.#options;
    while (overflow === "resize" && this.items.length >= this.capacity && this.capacity < maxCapacity)
      this.capacity = Math.min(maxCapacity, Math.max(this.capacity + 1, Math.ceil(this.capacity * 1.5)));
    const policy = overflow === "resize" ? fallback : overflow;
    while (this.items.length >= this.capacity) {
      if (policy === "error") return "ERR_RING_FULL";
      if (policy !== "drop-oldest") return false;
      this.dropped.push(this.items.shift()!);
    }
    this.items.push(value);
    return true;
  }
}

describe.each(KINDS)("a %s", (_, make) => {
  it.each(OVERFLOWS)("with %s does what an array does, command by command", (overflow) => {
    const first = Number(env["CISTERN_FUZZ_SEED"] ?? 20_260_301);
    for (let seed = first; seed < first + ROUNDS; seed++) {
      const by = random(seed);
      const capacity = 1 + by.below(12);
      const fallback = by.pick(["drop-oldest", "drop-newest", "error"] as const);
      const options = { capacity, maxCapacity: capacity + by.below(20), overflow, fallback };
      const { queue, sound } = make(options);
      const model = new Model(options);
      const dropped: string[] = [];
      if (by.below(2)) queue.onDropped((value) => dropped.push(value));
      else model.dropped = dropped;
      const push = (value: string): boolean | string | undefined => {
        let answer: boolean | undefined;
        const code = codeOf(() => {
          answer = queue.push(value);
          throw new Error("none");
        });
        return answer ?? code;
      };
      const commands: (() => [unknown, unknown])[] = [
        () => [push("p"), model.push("p")],
        () => [push("x".repeat(seed % 9)), model.push("x".repeat(seed % 9))],
        () => [queue.pop(), model.items.shift()],
        () => {
          const max = by.below(5);
          return [queue.drain(max), model.items.splice(0, max)];
        },
        () => {
          const values = numbers(0, by.below(8));
          let count = 0;
          while (count < values.length && model.push(values[count]!) === true) count++;
          let answer = 0;
          try {
            answer = queue.pushMany(values);
          } catch (error) {
            expect((error as { code: string }).code).toBe("ERR_RING_FULL");
          }
          return [answer, count];
        },
        () => {
          model.capacity = 1 + by.below(options.maxCapacity);
          return [queue.setLimits({ capacity: model.capacity }), undefined];
        },
        () => (by.below(20) ? [0, 0] : [queue.clear(), model.items.splice(0).length]),
      ];
      const weights = [0, 0, 0, 1, 2, 2, 2, 3, 4, 4, 5, 6].filter(() => by.below(4) > 0);
      for (let i = 0; i < COMMANDS; i++) {
        const command = weights.length === 0 ? 0 : by.pick(weights);
        const [got, expected] = commands[command]!();
        expect(got, `command ${command}, CISTERN_FUZZ_SEED=${seed}`).toEqual(expected);
        if (i % 16 === 0 || queue.size !== model.items.length)
          expect([queue.size, queue.capacity, dropped], `CISTERN_FUZZ_SEED=${seed}`).toEqual([
            model.items.length,
            model.capacity,
            model.dropped,
          ]);
      }
      expectCounted(queue);
      expect(queue.drain(), `CISTERN_FUZZ_SEED=${seed}`).toEqual(model.items);
      sound();
    }
  });

  it("sends and receives in order, waits, and ends", async () => {
    const { queue } = make({ capacity: 2, overflow: "block" });
    const sent = numbers(0, 6).map((value) => outcome(queue.send(value)));
    await turns();
    expect([queue.size, queue.isFull, queue.push("x")]).toEqual([2, true, false]);
    const got: string[] = [];
    const reading = (async () => {
      for await (const value of queue) got.push(value);
    })();
    await Promise.all(sent.map(({ settled }) => settled));
    queue.close();
    await reading;
    expect([got, queue.close(), codeOf(() => queue.push("x")), await queue.receive()]).toEqual([
      numbers(0, 6),
      false,
      "ERR_RING_CLOSED",
      undefined,
    ]);
    await expect(queue.send("x")).rejects.toMatchObject({ code: "ERR_RING_CLOSED" });
  });

  it("loses nothing by waits that were cancelled", async () => {
    const { queue } = make({ capacity: 1, overflow: "block" });
    const abort = new AbortController();
    const receiving = outcome(queue.receive({ signal: abort.signal }));
    queue.push("a");
    abort.abort("enough");
    await receiving.settled;
    const again = new AbortController();
    const sending = outcome(queue.send("b", { signal: again.signal }));
    again.abort("enough");
    await sending.settled;
    expect([receiving.error, sending.error, queue.drain(), queue.metrics().pushes]).toEqual([
      "enough",
      "enough",
      ["a"],
      1,
    ]);
    await expect(queue.receive({ timeout: 0 })).rejects.toMatchObject({ code: "ERR_RING_TIMEOUT" });
    queue.push("b");
    await expect(queue.send("c", { timeout: 0 })).rejects.toMatchObject({ code: "ERR_RING_TIMEOUT" });
    expectCounted(queue);
  });

  it("is a web stream both ways: one value at a time, and a stream that is cancelled takes none with it", async () => {
    const { queue } = make({ capacity: 2, overflow: "block" });
    const source = numbers(0, 20);
    const got: string[] = [];
    const feeding = new ReadableStream<string>({
      pull(controller) {
        const value = source.shift();
        if (value === undefined) controller.close();
        else controller.enqueue(value);
      },
    }).pipeTo(queue.writable);
    const reader = queue.readable.getReader();
    for (let i = 0; i < 5; i++) {
      got.push((await reader.read()).value!);
      // What the streams hold beside the queue: at most one written, one being sent, one read ahead of its pipe.
      expect(queue.size).toBeLessThanOrEqual(2);
      expect(20 - source.length - got.length).toBeLessThanOrEqual(2 + 4);
    }
    await reader.cancel();
    const waiting = queue.readable.getReader();
    for await (const batch of queue.batches()) got.push(...batch);
    await feeding;
    expect([got, (await waiting.read()).done]).toEqual([numbers(0, 20), true]);
  });

  it("gives a stream that is cancelled while it waits nothing, also in the turn of a push", async () => {
    const { queue } = make({ capacity: 2, overflow: "block" });
    const reader = queue.readable.getReader();
    const read = reader.read();
    await turns();
    queue.push("a");
    await reader.cancel();
    expect([(await read).done, queue.pop()]).toEqual([true, "a"]);
    const writer = queue.writable.getWriter();
    void writer.write("b");
    void writer.write("c");
    const stuck = outcome(writer.write("d"));
    await turns();
    await writer.abort("enough");
    await stuck.settled;
    expect([stuck.error, queue.drain(), queue.push("e")]).toEqual(["enough", ["b", "c"], true]);
  });

  it("adapts to what it is told of high and low", async () => {
    const { queue } = make({ capacity: 10 });
    const told: string[] = [];
    queue.on("high", () => told.push("high"));
    queue.on("low", () => told.push("low"));
    queue.pushMany(numbers(0, 9));
    queue.drain(7);
    while (told.length < 2) await turns();
    expect([told, queue.isHigh]).toEqual([["high", "low"], false]);
  });

  it("is low too where what it may hold is raised: who paused for it goes on", async () => {
    const { queue } = make({ capacity: 4, maxCapacity: 100 });
    const told: string[] = [];
    queue.on("high", () => told.push("high"));
    queue.on("low", () => told.push("low"));
    queue.pushMany(numbers(0, 4));
    queue.setLimits({ capacity: 100 });
    while (told.length < 2) await turns();
    expect([told, queue.isHigh, queue.size]).toEqual([["high", "low"], false, 4]);
  });
});

describe("an ObjectRing", () => {
  it("keeps no reference to what was taken or dropped, and any value but undefined as it is", () => {
    const queue = new ObjectRing<unknown>({ capacity: 3 });
    const values = [null, Number.NaN, { a: 1 }, () => 1];
    const dropped: unknown[] = [];
    queue.onDropped((value) => dropped.push(value));
    expect(queue.pushMany(values)).toBe(4);
    expect([dropped, queue.drain()]).toEqual([[null], values.slice(1)]);
    expect(() => queue.push(undefined)).toThrow(TypeError);
    expect(() => queue.pushMany([1, undefined])).toThrow(TypeError);
    expect(queue.size).toBe(0);
  });

  it("refuses wrong options, those of a region's ring too", () => {
    for (const options of [{ maxBytes: 5 }, { codec: "json" }, { name: 5 }, { capacity: "5" }, 5])
      expect(() => new ObjectRing(options as never)).toThrow(TypeError);
    for (const options of [{ capacity: 0 }, { overflow: "none" }])
      expect(() => new ObjectRing(options as never)).toThrow(RangeError);
    const queue = new ObjectRing({ capacity: 2, maxCapacity: 4 });
    for (const capacity of [0, 5, 1.5]) expect(() => queue.setLimits({ capacity })).toThrow(RangeError);
    expect(queue.capacity).toBe(2);
  });
});
