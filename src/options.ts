// Options: what callers pass, checked at the edge. Only own properties count and unknown keys are refused, so a misspelt option is
// an error and nothing inherited (or injected into a prototype) is ever an option.

import { describe } from "./size.js";

/** The own properties of `options`, all of them among `known`; a copy without a prototype. */
export function ownOptions<T extends object>(
  what: string,
  options: T | undefined,
  known: readonly (keyof T & string)[],
): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== "object" || options === null)
    throw new TypeError(`${what}: options must be an object, got ${describe(options)}`);
  const copy = Object.create(null) as Partial<T>;
  for (const key of Object.keys(options)) {
    if (!(known as readonly string[]).includes(key)) {
      throw new TypeError(`${what}: unknown option "${key}"; there are ${known.map((k) => `"${k}"`).join(", ")}`);
    }
    copy[key as keyof T] = options[key as keyof T];
  }
  return copy;
}

/** `value` as an integer from `least` to `most`. */
export function integer(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, got ${describe(value)}`);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} must be an integer from ${least} to ${most}, got ${value}`);
  }
  return value;
}

/** What an allocation's options ask for: an alignment, 8 unless told, and the budget that it is charged to. */
export function allocOptions<T>(
  what: string,
  options: { align?: number; budget?: T } | undefined,
  most: number,
): { align: number; budget: T | undefined } {
  if (options === undefined) return { align: 8, budget: undefined };
  const { align, budget } = ownOptions(what, options, ["align", "budget"]);
  return { align: powerOfTwo("align", align ?? 8, most), budget };
}

/** `value` as a power of two of at most `most`. */
export function powerOfTwo(name: string, value: unknown, most: number): number {
  const number = integer(name, value, 1, most);
  if ((number & (number - 1)) !== 0) throw new RangeError(`${name} must be a power of two, got ${number}`);
  return number;
}
