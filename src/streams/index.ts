// The entry `cistern/streams`: queues as streams of Node and of the web. A stream holds nothing itself: it takes a value when it is asked for
// one, in the turn in which it hands it on, and takes the next when the last is in; so with a slow consumer memory stays at the queue's size.

import { ownOptions } from "../options.js";
import type { Queue } from "../ring/queue.js";
import { readableOf, writableOf } from "../ring/streams.js";
import { describe } from "../size.js";

export type { Queue } from "../ring/queue.js";

export interface ReadableOptions {
  /** Values as they are (true unless told), or their bytes, as one flow without borders. */
  objectMode?: boolean;
}

export interface WritableOptions {
  objectMode?: boolean;
  /** Whether the end of the stream closes the queue, for all threads; true unless told. A stream that is destroyed never does. */
  end?: boolean;
}

export interface DuplexOptions<R, W> extends WritableOptions {
  /** What is read from. */
  readable: Queue<R>;
  /** What is written to. */
  writable: Queue<W>;
}

type Done = (error?: unknown) => void;

/** @ts-ignore: `any` where the types of Node are not installed. */
export type NodeReadable = import("node:stream").Readable;
/** @ts-ignore: as NodeReadable. */
export type NodeWritable = import("node:stream").Writable;
/** @ts-ignore: as NodeReadable. */
export type NodeDuplex = import("node:stream").Duplex;

interface StreamModule {
  Readable: new (options: object) => NodeReadable;
  Writable: new (options: object) => NodeWritable;
  Duplex: new (options: object) => NodeDuplex;
}

function streams(): StreamModule {
  const host = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } };
  const found = host.process?.getBuiltinModule?.("node:stream") as StreamModule | undefined;
  if (found === undefined) throw new TypeError("this host has no node:stream; use readable and writable of the queue");
  return found;
}

/**
 * A `stream.Readable` of the queue's values, which ends when that was closed and is empty. Destroying it takes nothing more: what is queued is there for
 * the next; what it was given for a reader that then paused, or did not read it, is gone with it.
 * @throws TypeError for what is no queue, and where there is no node:stream.
 */
export function nodeReadable<T>(queue: Queue<T>, options?: ReadableOptions): NodeReadable {
  const { objectMode = true } = ownOptions<ReadableOptions>("nodeReadable", options, ["objectMode"]);
  const { Readable } = streams();
  return new Readable({ ...reading(queue, objectMode), objectMode, highWaterMark: 0 });
}

/**
 * A `stream.Writable` whose values are sent to the queue: it is ready again when what was written is in.
 * @throws TypeError for what is no queue, and where there is no node:stream.
 */
export function nodeWritable<T>(queue: Queue<T>, options?: WritableOptions): NodeWritable {
  const { objectMode = true, end = true } = ownOptions<WritableOptions>("nodeWritable", options, ["objectMode", "end"]);
  const { Writable } = streams();
  return new Writable({
    ...writing(queue, end),
    objectMode,
    highWaterMark: 1,
    decodeStrings: areBytes(queue, objectMode),
  });
}

/** A `stream.Duplex` over two queues, such as those to and from a worker. @throws TypeError. */
export function nodeDuplex<R, W>(options: DuplexOptions<R, W>): NodeDuplex {
  const own = ownOptions<DuplexOptions<R, W>>("nodeDuplex", options, ["readable", "writable", "objectMode", "end"]);
  const { objectMode = true, end = true } = own;
  const [from, to] = [reading(own.readable as Queue<R>, objectMode), writing(own.writable as Queue<W>, end)];
  const { Duplex } = streams();
  return new Duplex({
    ...from,
    ...to,
    destroy(error: unknown, done: Done) {
      from.destroy(error, () => to.destroy(error, done));
    },
    objectMode,
    readableHighWaterMark: 0,
    writableHighWaterMark: 1,
    decodeStrings: areBytes(own.writable as Queue<W>, objectMode),
  });
}

export interface WebOptions {
  /** How many bytes (of chunks that have a byteLength) the stream may hold beside the queue; none unless told, as far as streams can. */
  maxBytes?: number;
}

/** A ReadableStream of a queue of bytes, which asks for more while it holds less than `maxBytes` bytes. @throws TypeError, RangeError. */
export function webReadable<T extends ArrayBufferView>(queue: Queue<T>, options?: WebOptions): ReadableStream<T> {
  requireQueue(queue);
  return readableOf(queue, byBytes("webReadable", options, 0));
}

/** A WritableStream to a queue of bytes, which is ready while it holds less than `maxBytes` bytes. @throws TypeError, RangeError. */
export function webWritable<T extends ArrayBufferView>(
  queue: Queue<T>,
  options?: WebOptions & { end?: boolean },
): WritableStream<T> {
  requireQueue(queue);
  const { end = true, ...rest } = ownOptions<WebOptions & { end?: boolean }>("webWritable", options, [
    "maxBytes",
    "end",
  ]);
  return writableOf(queue, byBytes("webWritable", rest, 1), end);
}

function byBytes(what: string, options: WebOptions | undefined, usual: number): QueuingStrategy<ArrayBufferView> {
  const { maxBytes = usual } = ownOptions<WebOptions>(what, options, ["maxBytes"]);
  if (!(typeof maxBytes === "number" && maxBytes >= 0))
    throw new RangeError(`${what}: maxBytes must be a number of at least 0, got ${describe(maxBytes)}`);
  return new ByteLengthQueuingStrategy({ highWaterMark: maxBytes });
}

function reading<T>(queue: Queue<T>, objectMode: boolean) {
  requireQueue(queue);
  const left = new AbortController();
  const { signal } = left;
  return {
    read(this: NodeReadable) {
      let isNothing = false;
      const take = (value: T | undefined): void => {
        if (value === null)
          throw new TypeError("a stream of Node cannot carry null, which is its end; use another codec");
        // A flow of bytes would take it for an answer that is still to come, and never ask again.
        isNothing = !objectMode && isEmpty(value);
        if (!isNothing) this.push(value === undefined ? null : value);
      };
      const next = async (): Promise<void> => {
        do await queue.deliver(take, { signal });
        while (isNothing);
      };
      next().catch((error: Error) => {
        if (!signal.aborted) this.destroy(error);
      });
    },
    destroy(error: unknown, done: Done) {
      left.abort();
      done(error);
    },
  };
}

/** Whether texts of a flow of bytes are to be made bytes: a ring of texts takes them as they are. */
function areBytes<T>(queue: Queue<T>, objectMode: boolean): boolean {
  return !objectMode && (queue as { isOfBytes?: boolean }).isOfBytes === true;
}

/** Whether there are no bytes in it: an empty text or array. */
const isEmpty = (value: unknown): boolean => value !== undefined && (value as { length?: unknown }).length === 0;

function writing<T>(queue: Queue<T>, end: boolean) {
  requireQueue(queue);
  const left = new AbortController();
  return {
    write(value: T, _encoding: unknown, done: Done) {
      queue.send(value, { signal: left.signal }).then(() => done(), done);
    },
    final(done: Done) {
      if (end) queue.close();
      done();
    },
    destroy(error: unknown, done: Done) {
      left.abort();
      done(error);
    },
  };
}

function requireQueue(queue: unknown): void {
  const { deliver, send } = (queue ?? {}) as Partial<Queue<unknown>>;
  if (typeof deliver !== "function" || typeof send !== "function")
    throw new TypeError(`a stream is made of a Ring or an ObjectRing, got ${describe(queue)}`);
}
