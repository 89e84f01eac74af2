// Arguments: what flow control and the monitor accept, beside src/options.ts. Owns no state; nothing is converted on the way in, and
// every refusal names the value, what it was and what would do.

import { describe, parseSize } from "../size.js";

/** `value` as a finite number from `least` to `most`. @throws TypeError, RangeError. */
export function finite(name: string, value: unknown, least: number, most: number = Number.MAX_VALUE): number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, got ${describe(value)}`);
  if (!(value >= least && value <= most)) {
    const range = most === Number.MAX_VALUE ? `a finite number of at least ${least}` : `from ${least} to ${most}`;
    throw new RangeError(`${name} must be ${range}, got ${value}`);
  }
  return value;
}

/** Bytes per second: a finite number above 0, fractions allowed, or a size as text such as `"10MiB"`. @throws TypeError, RangeError. */
export function bytesPerSecond(name: string, value: unknown): number {
  const rate = typeof value === "string" ? parseSize(value) : finite(name, value, 0);
  if (rate === 0) throw new RangeError(`${name} must be above 0 bytes per second, got ${describe(value)}`);
  return rate;
}

/** `value` as a function. @throws TypeError. */
export function callable<T>(name: string, value: T): T {
  if (typeof value !== "function") throw new TypeError(`${name} must be a function, got ${describe(value)}`);
  return value;
}

/** `value` as a text that names something. @throws TypeError. */
export function label(name: string, value: unknown): string {
  if (typeof value !== "string" || value === "")
    throw new TypeError(`${name} must be a text that is not empty, got ${describe(value)}`);
  return value;
}

/** `value` as an object whose `methods` are functions. @throws TypeError. */
export function having<T extends object>(name: string, value: T, methods: readonly (keyof T & string)[]): T {
  const missing = methods.find((method) => typeof value?.[method] !== "function");
  if (typeof value !== "object" || value === null || missing !== undefined)
    throw new TypeError(`${name} must be an object with ${methods.join("(), ")}(), got ${describe(value)}`);
  return value;
}

/** `value` as an AbortSignal, if there is one. @throws TypeError. */
export function abortSignal(name: string, value: AbortSignal | undefined): AbortSignal | undefined {
  if (value !== undefined && !(value instanceof AbortSignal))
    throw new TypeError(`${name} must be an AbortSignal, got ${describe(value)}`);
  return value;
}
