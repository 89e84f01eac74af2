// Estimate: how many bytes a value will take before it is made one (C23). Owns nothing. Whatever it is given it ends, in a time that grows with the
// number of different parts, and runs no code of theirs: an accessor is not called, and what cannot be looked at counts as what is not known.

import { describe } from "../size.js";

const UNKNOWN = 1024;
const NUMBER = 8;
const REST = 4;
const DEPTH_MAX = 64;
// As deep as calls go wherever this runs.
const COMPAT_DEPTH_MAX = 1000;

/**
 * Bytes that a value takes, as the cache specification counts (C23, `compat`): a text or bytes by length, an object the sum of its keys and values, an
 * array of its items, all else 1,024; what holds itself, or is nested deeper than 1,000, counts 1,024 there. By default nearer to the truth: texts by
 * their UTF-8 bytes, numbers 8, booleans, null and accessors 4, a proxy that throws 1,024; what was met before in the same value, and what is
 * nested deeper than 64, counts nothing. O(parts).
 * @throws TypeError for options that are none.
 */
export function estimateSize(value: unknown, options?: { compat?: boolean }): number {
  if (options !== undefined && (typeof options !== "object" || options === null))
    throw new TypeError(`estimateSize: options must be an object, got ${describe(options)}`);
  return options?.compat === true ? compat(value, new Map(), 0) : better(value, new Set(), 0);
}

/** `sizes`: of what was met; UNKNOWN while it is being looked at. What is shared counts wherever it is, and is looked at once. */
function compat(value: unknown, sizes: Map<object, number>, depth: number): number {
  if (typeof value === "string") return value.length;
  // A proxy is no view; to ask what it is an instance of may throw.
  if (ArrayBuffer.isView(value) && value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null || depth >= COMPAT_DEPTH_MAX) return UNKNOWN;
  const known = sizes.get(value);
  if (known !== undefined) return known;
  sizes.set(value, UNKNOWN);
  const size = looked(() => {
    const isArray = Array.isArray(value);
    if (!isArray && !isPlain(value)) return UNKNOWN;
    return sumOf(value, (key, item) => (isArray ? 0 : key.length) + compat(item, sizes, depth + 1));
  });
  sizes.set(value, size);
  return size;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function better(value: unknown, seen: Set<object>, depth: number): number {
  switch (typeof value) {
    case "string":
      return utf8Length(value);
    case "number":
    case "bigint":
      return NUMBER;
    case "object":
      return value === null ? REST : looked(() => objectSize(value, seen, depth));
    default:
      return REST;
  }
}

function objectSize(value: object, seen: Set<object>, depth: number): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (value instanceof ArrayBuffer) return value.byteLength;
  if (seen.has(value) || depth >= DEPTH_MAX) return 0;
  seen.add(value);
  const size = (part: unknown): number => better(part, seen, depth + 1);
  if (value instanceof Date) return NUMBER;
  if (Array.isArray(value)) return sumOf(value, (_, item) => size(item));
  if (!(value instanceof Map || value instanceof Set)) return sumOf(value, (key, item) => size(key) + size(item));
  let sum = 0;
  // What a class made of it may do otherwise is not asked.
  if (value instanceof Map) Map.prototype.forEach.call(value, (item, key) => (sum += size(key) + size(item)));
  else Set.prototype.forEach.call(value, (item) => (sum += size(item)));
  return sum;
}

/** Sum over what an object, or an array with holes, has of its own; of an accessor only that it is there. */
function sumOf(value: object, size: (key: string, item: unknown) => number): number {
  let sum = 0;
  for (const key of Object.keys(value)) sum += size(key, Object.getOwnPropertyDescriptor(value, key)?.value);
  return sum;
}

/** A proxy may throw at each look. */
function looked(look: () => number): number {
  try {
    return look();
  } catch {
    return UNKNOWN;
  }
}

function utf8Length(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
    // A pair of halves is four bytes.
    if (code >= 0xd800 && code < 0xdc00 && i + 1 < text.length && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      length++;
      i++;
    }
  }
  return length;
}
