// Reads a trace: lines of `key[,sizeBytes]`, plain or gzip. A key without a size gets one drawn from the key itself,
// 64 to 2048 bytes, so that every run of every thread agrees on it.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { hashOf } from "./hash.js";

/** Requests in order: `ids[i]` is an index into `keys`, `sizes[i]` the bytes of that request's object. Both are shared with whom they are sent to. */
export interface Trace {
  readonly keys: readonly string[];
  readonly ids: Uint32Array<SharedArrayBuffer>;
  readonly sizes: Uint32Array<SharedArrayBuffer>;
}

/** A trace that cannot be read; the message says where and why, on one line. */
export class TraceError extends Error {
  override readonly name = "TraceError";
}

const SIZE_MIN = 64;
const SIZE_MAX = 2048;
const SIZE_LIMIT = 0xffff_ffff;

/** The size of an object that the trace gives none for. */
export const defaultSizeOf = (key: string): number => SIZE_MIN + (hashOf(key) % (SIZE_MAX - SIZE_MIN + 1));

export function readTrace(file: string): Trace {
  return parseTrace(textOf(file), file);
}

function textOf(file: string): string {
  try {
    const bytes = readFileSync(file);
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return (isGzip ? gunzipSync(bytes) : bytes).toString("utf8");
  } catch (error) {
    throw new TraceError(`cannot read the trace ${file}: ${(error as Error).message}`);
  }
}

const sharedNumbers = (count: number): Uint32Array<SharedArrayBuffer> =>
  new Uint32Array(new SharedArrayBuffer(4 * count));

export function parseTrace(text: string, file = "trace"): Trace {
  const lines = text.split(/\r?\n/);
  while (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw new TraceError(`${file} holds no requests`);
  const known = new Map<string, number>();
  const ids = sharedNumbers(lines.length);
  const sizes = sharedNumbers(lines.length);
  for (const [index, line] of lines.entries()) {
    const { key, size } = parseLine(line, `${file}, line ${index + 1}`);
    let id = known.get(key);
    if (id === undefined) known.set(key, (id = known.size));
    ids[index] = id;
    sizes[index] = size;
  }
  return { keys: [...known.keys()], ids, sizes };
}

/** A key may hold commas itself: the size stands behind the last one. */
function parseLine(line: string, where: string): { key: string; size: number } {
  const comma = line.lastIndexOf(",");
  const key = comma < 0 ? line : line.slice(0, comma);
  if (key === "") throw new TraceError(`${where}: a request needs a key`);
  if (comma < 0) return { key, size: defaultSizeOf(key) };
  const digits = line.slice(comma + 1);
  const size = /^\d+$/.test(digits) ? Number(digits) : 0;
  if (size >= 1 && size <= SIZE_LIMIT) return { key, size };
  throw new TraceError(
    `${where}: the size must be a whole number from 1 to ${SIZE_LIMIT}, not "${digits.slice(0, 40)}"`,
  );
}
