// Queues as streams of Node (`cistern/streams`). Goal: they work in pipelines, hold nothing themselves, and memory stays at the ring's size with a
// slow consumer, as the region's own numbers say; errors and ends go where they should. Method: real streams; a consumer that is slow by
// turns, not by time.
import { once } from "node:events";
import { Duplex, PassThrough, Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, expect, it } from "vitest";
import { ObjectRing } from "../../src/flow/index.js";
import { Region, type Ring } from "../../src/index.js";
import {
  nodeDuplex,
  nodeReadable,
  type NodeReadable,
  nodeWritable,
  webReadable,
  webWritable,
} from "../../src/streams/index.js";
import { MIB } from "../lib/regions.js";
import { numbers, outcome, texts, turns } from "./scene.js";

const RECORD = 1000;
const CAPACITY = 8;

const bytes = (r: Region): Ring => r.ring("ring", { capacity: CAPACITY, overflow: "block" });

describe("a pipeline through a ring", () => {
  it("brings everything, in order, and keeps memory at the ring's size behind a slow consumer", async () => {
    const r = Region.createSync({ size: MIB });
    const ring = bytes(r);
    // What the full ring needs: as many records as it holds, and one in each hand.
    const before = r.usedBytes;
    let made = 0;
    let seen = 0;
    let most = 0;
    let between = 0;
    const source = new Readable({
      objectMode: true,
      highWaterMark: 1,
      read() {
        this.push(made < 500 ? new Uint8Array(RECORD).fill(made++) : null);
      },
    });
    const sink = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write(chunk: Uint8Array, _encoding, done) {
        expect(chunk[0]).toBe(seen++ & 0xff);
        most = Math.max(most, r.usedBytes - before);
        between = Math.max(between, made - seen);
        void turns(2).then(() => done());
      },
    });
    await Promise.all([pipeline(source, nodeWritable(ring)), pipeline(nodeReadable(ring), sink)]);
    expect([made, seen]).toEqual([500, 500]);
    expect(most).toBeGreaterThan(CAPACITY * RECORD);
    expect(most).toBeLessThanOrEqual((CAPACITY + 8) * (RECORD + 100));
    // In the streams' own hands: what is made, written and being sent on one side, what was read on the other.
    expect(between).toBeLessThanOrEqual(CAPACITY + 6);
    expect(ring.isLeft).toBe(true);
  });

  it("is bounded by the same numbers through web streams, by bytes", async () => {
    const r = Region.createSync({ size: MIB });
    const ring = bytes(r);
    const before = r.usedBytes;
    let most = 0;
    let count = 0;
    const sink = new WritableStream<Uint8Array>(
      {
        async write() {
          most = Math.max(most, r.usedBytes - before);
          count++;
          await turns(2);
        },
      },
      { highWaterMark: 1 },
    );
    const writer = webWritable(ring, { maxBytes: 4 * RECORD }).getWriter();
    const piping = webReadable(ring, { maxBytes: 2 * RECORD }).pipeTo(sink);
    const desired: number[] = [];
    for (let i = 0; i < 200; i++) {
      await writer.ready;
      desired.push(writer.desiredSize!);
      void writer.write(new Uint8Array(RECORD));
    }
    await writer.close();
    await piping;
    expect([count, Math.max(...desired), Math.min(...desired) > 0]).toEqual([200, 4 * RECORD, true]);
    expect(most).toBeLessThanOrEqual((CAPACITY + 8) * (RECORD + 100));
  });

  it("works for an ObjectRing as well", async () => {
    const queue = new ObjectRing<{ n: number }>({ capacity: 2, overflow: "block" });
    const got: number[] = [];
    const reading = (async () => {
      for await (const { n } of nodeReadable(queue)) got.push(n);
    })();
    await pipeline(Readable.from([1, 2, 3, 4, 5].map((n) => ({ n }))), nodeWritable(queue));
    await reading;
    expect(got).toEqual([1, 2, 3, 4, 5]);
  });

  it("goes both ways through a Duplex", async () => {
    const [to, from] = [texts({ overflow: "block", capacity: 2 }).ring, texts({ overflow: "block", capacity: 2 }).ring];
    const answering = (async () => {
      for await (const value of to) await from.send(value.toUpperCase());
      from.close();
    })();
    const got: string[] = [];
    const duplex = nodeDuplex({ readable: from, writable: to });
    expect(duplex).toBeInstanceOf(Duplex);
    await pipeline(Readable.from(["a", "b", "c", "d"]), duplex, async (source) => {
      for await (const value of source) got.push(value as string);
    });
    await answering;
    expect(got).toEqual(["A", "B", "C", "D"]);
  });

  it("is one flow of bytes where objectMode is off", async () => {
    const r = Region.createSync({ size: MIB });
    const ring = bytes(r);
    const flow = nodeWritable(ring, { objectMode: false });
    flow.write(Buffer.from("abc"));
    flow.end(Buffer.from("def"));
    const out = nodeReadable(ring, { objectMode: false }).pipe(new PassThrough());
    expect(Buffer.concat(await out.toArray()).toString()).toBe("abcdef");
  });
});

describe("a flow of texts", () => {
  it("goes into a ring of bytes as bytes, into one of texts as it is", async () => {
    const r = Region.createSync({ size: MIB });
    const ring = bytes(r);
    const text = r.ring<string>("texts", { codec: "utf8" });
    await pipeline(Readable.from(["ab", "ü"]), nodeWritable(ring, { objectMode: false }));
    await pipeline(Readable.from(["ab"]), nodeWritable(text, { objectMode: false }));
    expect([Buffer.concat(ring.drain()).toString(), text.pop()]).toEqual(["abü", "ab"]);
  });
});

describe("to the types of Node", () => {
  it("they are its own streams", () => {
    const queue = new ObjectRing<string>();
    const [from, to]: [Readable, Writable] = [nodeReadable(queue), nodeWritable(queue)];
    const both: Duplex = nodeDuplex({ readable: queue, writable: queue });
    expect([from, to, both].map((stream) => stream.constructor)).toEqual([Readable, Writable, Duplex]);
    for (const stream of [from, to, both]) stream.destroy();
  });
});

describe("an empty record in a flow of bytes", () => {
  it("is passed over, whether the reader asks, listens or iterates", async () => {
    for (const read of [
      (stream: NodeReadable) => stream.toArray(),
      (stream: NodeReadable) => stream.pipe(new PassThrough()).toArray(),
      async (stream: NodeReadable) => {
        const got: Uint8Array[] = [];
        stream.on("readable", () => {
          for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) got.push(chunk as Uint8Array);
        });
        await once(stream, "end");
        return got;
      },
    ]) {
      const r = Region.createSync({ size: MIB });
      const ring = bytes(r);
      const reading = read(nodeReadable(ring, { objectMode: false }));
      for (const length of [0, 3, 0, 0, 2, 0]) await ring.send(new Uint8Array(length).fill(length));
      ring.close();
      expect([...Buffer.concat(await reading)]).toEqual([3, 3, 3, 2, 2]);
    }
  });

  it("is a value like any other where values are read", async () => {
    const { ring } = texts();
    ring.pushMany(["a", "", "b"]);
    ring.close();
    expect(await nodeReadable(ring).toArray()).toEqual(["a", "", "b"]);
  });
});

describe("the end of a stream", () => {
  it("closes the queue, unless told; a stream that is destroyed never does", async () => {
    const { ring } = texts({ overflow: "block" });
    await pipeline(Readable.from(["a"]), nodeWritable(ring, { end: false }));
    const destroyed = nodeWritable(ring);
    destroyed.destroy();
    await turns();
    expect([ring.push("b"), ring.drain()]).toEqual([true, ["a", "b"]]);
    await pipeline(Readable.from(["c"]), nodeWritable(ring));
    expect([ring.pop(), ring.pop(), ring.isLeft]).toEqual(["c", undefined, true]);
  });

  it("by destroy loses nothing that is queued, also while it waits", async () => {
    const { ring } = texts();
    const stream = nodeReadable(ring);
    stream.on("data", () => expect.unreachable());
    await turns();
    ring.push("a");
    stream.destroy();
    await turns();
    expect([stream.destroyed, ring.pop()]).toEqual([true, "a"]);
  });

  it("by an error of the source or the sink is told to the pipeline, and the queue is there for others", async () => {
    const { ring } = texts({ capacity: 2, overflow: "block" });
    const broken = async function* () {
      yield "a";
      throw new Error("source");
    };
    await expect(pipeline(broken, nodeWritable(ring))).rejects.toThrow("source");
    const sink = new Writable({ objectMode: true, write: (_chunk, _encoding, done) => done(new Error("sink")) });
    await expect(pipeline(nodeReadable(ring), sink)).rejects.toThrow("sink");
    expect([ring.push("b"), ring.pop()]).toEqual([true, "b"]);
  });

  it("by a ring that was closed is the writer's error, and by a codec's the reader's", async () => {
    const { ring } = texts({ capacity: 1, overflow: "block" });
    ring.push("a");
    const writing = outcome(pipeline(Readable.from(["b", "c"]), nodeWritable(ring)));
    await turns();
    ring.close();
    await writing.settled;
    expect(writing.error).toMatchObject({ code: "ERR_RING_CLOSED" });
    const r = Region.createSync({ size: MIB });
    const odd = r.ring<unknown>("odd", { codec: "json" });
    odd.push(null);
    await expect(nodeReadable(odd).toArray()).rejects.toThrow(/cannot carry null/);
  });

  it("with a record that is refused is as the policy says", async () => {
    const { ring } = texts({ capacity: 2, overflow: "drop-newest" });
    await pipeline(Readable.from(numbers(0, 5)), nodeWritable(ring, { end: false }));
    expect([ring.drain(), ring.metrics().refused]).toEqual([["0", "1"], 3]);
    const full = texts({ capacity: 1, overflow: "error" }).ring;
    await expect(pipeline(Readable.from(["a", "b"]), nodeWritable(full))).rejects.toMatchObject({
      code: "ERR_RING_FULL",
    });
  });
});

it("what is no queue, and unknown options, are refused", () => {
  const { ring } = texts();
  for (const make of [nodeReadable, nodeWritable, webReadable, webWritable] as ((
    queue: never,
    options?: never,
  ) => unknown)[]) {
    for (const queue of [undefined, {}, "ring"]) expect(() => make(queue as never)).toThrow(TypeError);
    expect(() => make(ring as never, { nope: 1 } as never)).toThrow(TypeError);
  }
  expect(() => nodeDuplex({ readable: ring } as never)).toThrow(TypeError);
  expect(() => webReadable(ring as never, { maxBytes: -1 })).toThrow(RangeError);
});
