// Estimate: how many bytes a value will take before it is made one (C23). Owns nothing.

import { describe } from "../size.js";

const DEFAULT = 1024;
const NUMBER = 8;
const DEPTH_MAX = 64;

/**
 * Bytes that a value takes, as the cache specification counts (C23, `compat`): a text or bytes by length, an object the sum of its keys and values, an
 * array of its items, all else 1,024. By default nearer to the truth: texts by their UTF-8 bytes, numbers 8, booleans and null 4; what was met
 * before in the same value, and what is nested deeper than 64, counts nothing.
 * @throws TypeError for options that are none.
 */
export function estimateSize(value: unknown, options?: { compat?: boolean }): number {
  if (options !== undefined && (typeof options !== "object" || options === null))
    throw new TypeError(`estimateSize: options must be an object, got ${describe(options)}`);
  return options?.compat === true ? compat(value, new Set()) : better(value, new Set(), 0);
}

function compat(value: unknown, seen: Set<object>): number {
  if (typeof value === "string") return value.length;
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null || seen.has(value)) return DEFAULT;
  seen.add(value);
  let size = 0;
  if (Array.isArray(value)) for (const item of value) size += compat(item, seen);
  else if (isPlain(value)) for (const [key, item] of Object.entries(value)) size += key.length + compat(item, seen);
  else size = DEFAULT;
  seen.delete(value);
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
      return value === null ? 4 : objectSize(value, seen, depth);
    default:
      return 4;
  }
}

function objectSize(value: object, seen: Set<object>, depth: number): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (value instanceof ArrayBuffer) return value.byteLength;
  if (seen.has(value) || depth >= DEPTH_MAX) return 0;
  seen.add(value);
  let size = 0;
  const add = (part: unknown): void => void (size += better(part, seen, depth + 1));
  if (value instanceof Map) for (const pair of value) pair.forEach(add);
  else if (value instanceof Set || Array.isArray(value)) for (const item of value) add(item);
  else if (value instanceof Date) size = NUMBER;
  else for (const pair of Object.entries(value)) pair.forEach(add);
  return size;
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
