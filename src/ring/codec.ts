// Codec: what a ring's values are as bytes. Owns the four that are built in. A codec works before a record is put in and after it was taken
// out, never while the ring has it in hand, so one that throws or takes long holds up nobody; what it cannot decode is handed out as bytes, with
// the error.

import { honest } from "../../bindings/honest.js";
import { describe } from "../size.js";
import { RingDecodeError } from "./errors.js";

/** How values become bytes and back. `decode` gets bytes of its own, which it may keep. */
export interface RingCodec<T> {
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/**
 * Bytes as they are; the same as Node's Buffers, short ones of which share their `buffer`, as Buffers do; UTF-8; JSON; structured clone (in Node: maps, sets,
 * dates, typed arrays, cycles).
 */
export type RingCodecName = "bytes" | "buffer" | "utf8" | "json" | "clone";

const CODEC_NAMES: readonly RingCodecName[] = ["bytes", "buffer", "utf8", "json", "clone"];

const bytes: RingCodec<Uint8Array> = {
  encode(value) {
    if (value instanceof Uint8Array) return value;
    const way = ArrayBuffer.isView(value)
      ? "wrap it: new Uint8Array(it.buffer, it.byteOffset, it.byteLength)"
      : "give it a codec for other values";
    throw new TypeError(`codec "bytes" takes a Uint8Array, got ${describe(value)}; ${way}`);
  },
  decode: (own) => own,
};

/** Node's Buffer, as far as it is used. */
interface BufferMaker {
  allocUnsafe(length: number): Uint8Array<ArrayBuffer>;
  isBuffer(value: unknown): boolean;
  from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array;
}

/** @internal Values that are Buffers. */
export interface BufferCodec extends RingCodec<Uint8Array> {
  /** A Buffer of these bytes, cut from the one that the host keeps for short ones. */
  copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
}

const buffer = once((): BufferCodec => {
  const { Buffer: maker } = globalThis as unknown as { Buffer?: BufferMaker };
  if (maker === undefined) throw new TypeError('codec "buffer" needs Buffer, which this host has not; use "bytes"');
  return {
    encode: bytes.encode,
    decode: (own) => (maker.isBuffer(own) ? own : maker.from(own.buffer, own.byteOffset, own.length)),
    copyOf(given) {
      const copy = maker.allocUnsafe(given.length);
      copy.set(given);
      return copy;
    },
  };
});

/** @internal The codec if its values are Buffers. */
export function buffersOf(codec: unknown): BufferCodec | undefined {
  return typeof (codec as Partial<BufferCodec>).copyOf === "function" && codec === buffer() ? buffer() : undefined;
}

/** Made when a ring first wants texts: an AudioWorklet has neither of the two. */
const textCoders = once(() => {
  const { TextEncoder: Encoder, TextDecoder: Decoder } = globalThis;
  if (Encoder === undefined || Decoder === undefined)
    throw new TypeError('codecs "utf8" and "json" need TextEncoder, which this host has not; use "bytes"');
  const encoder = new Encoder();
  const decoder = new Decoder("utf-8", { ignoreBOM: true });
  const encode = (text: string): Uint8Array => encoder.encode(text);
  const decode = (own: Uint8Array): string => decoder.decode(own);
  return { encode, decode };
});

const utf8 = once((): RingCodec<string> => {
  const { encode, decode } = textCoders();
  return {
    encode(value) {
      if (typeof value !== "string") throw new TypeError(`codec "utf8" takes a text, got ${describe(value)}`);
      return encode(value);
    },
    decode,
  };
});

const json = once((): RingCodec<unknown> => {
  const { encode, decode } = textCoders();
  return {
    encode(value) {
      const text = JSON.stringify(value) as string | undefined;
      if (text === undefined) throw new TypeError(`codec "json" takes what JSON can say, got ${describe(value)}`);
      return encode(text);
    },
    decode: (own) => JSON.parse(decode(own)) as unknown,
  };
});

interface V8 {
  serialize(value: unknown): Uint8Array;
  deserialize(bytes: Uint8Array): unknown;
}

function clone(): RingCodec<unknown> {
  const host = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } };
  const v8 = host.process?.getBuiltinModule?.("node:v8") as V8 | undefined;
  if (v8 === undefined)
    throw new TypeError('codec "clone" needs node:v8, which this host has not; use "json" or a codec of your own');
  return { encode: (value) => v8.serialize(value), decode: (own) => v8.deserialize(own) };
}

/** @internal The codec that the option `codec` names or is. */
export function codecOf<T>(codec: RingCodec<T> | RingCodecName | undefined): RingCodec<T> {
  if (codec === undefined || codec === "bytes") return bytes as unknown as RingCodec<T>;
  if (codec === "buffer") return buffer() as unknown as RingCodec<T>;
  if (codec === "utf8") return utf8() as unknown as RingCodec<T>;
  if (codec === "json") return json() as RingCodec<T>;
  if (codec === "clone") return clone() as RingCodec<T>;
  const { encode, decode } = (codec as Partial<RingCodec<T>> | null) ?? {};
  if (typeof encode === "function" && typeof decode === "function") return codec;
  const names = CODEC_NAMES.map((name) => `"${name}"`).join(", ");
  throw new TypeError(`codec is one of ${names}, or an object with encode and decode, got ${describe(codec)}`);
}

/** @internal Whether its values are the records themselves. */
export const isOfBytes = (codec: unknown): boolean => codec === bytes;

/** @internal What a value is as a record. @throws TypeError for a codec that makes something else. */
export function encoded<T>(codec: RingCodec<T>, value: T): Uint8Array {
  if (value === undefined) throw new TypeError("a ring takes no undefined: that is what receive answers at its end");
  const record = codec.encode(value);
  if (record instanceof Uint8Array) return honest(record);
  throw new TypeError(`the codec's encode must answer a Uint8Array, got ${describe(record)}`);
}

/** @internal What a record of this ring is as a value. @throws RingDecodeError with the record. */
export function decoded<T>(codec: RingCodec<T>, name: string, record: Uint8Array): T {
  let cause: unknown;
  try {
    const value = codec.decode(record);
    if (value !== undefined) return value;
    cause = new TypeError("the codec's decode answered undefined");
  } catch (error) {
    cause = error;
  }
  throw new RingDecodeError(name, [record], [], cause);
}

/** @internal The same of several: those that can be decoded, unless one cannot. */
export function decodedAll<T>(codec: RingCodec<T>, name: string, records: readonly Uint8Array[]): T[] {
  const values: T[] = [];
  const failed: Uint8Array[] = [];
  let first: unknown;
  for (const record of records) {
    try {
      values.push(decoded(codec, name, record));
    } catch (error) {
      first ??= (error as RingDecodeError).cause;
      failed.push(record);
    }
  }
  if (failed.length === 0) return values;
  throw new RingDecodeError(name, failed, values, first);
}

/** What `make` makes, made when it is first asked for. */
function once<V>(make: () => V): () => V {
  let made: V | undefined;
  return () => (made ??= make());
}
