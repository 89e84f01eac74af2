// Custom source: any two numbers of one's own.

import { describe } from "../../size.js";
import type { PressureSource, SourceReading } from "../source.js";

/**
 * A source that asks `read`. It is called once a sample, so it should answer from what it has: a slow number is measured elsewhere and
 * handed over here, null while there is none.
 * @throws TypeError for a name that is no text, or what is no function.
 */
export function customSource(name: string, read: () => SourceReading | null, close?: () => void): PressureSource {
  if (typeof name !== "string" || name === "")
    throw new TypeError(`customSource needs a name, a text, got ${describe(name)}`);
  if (typeof read !== "function")
    throw new TypeError(`customSource needs a function that reads, got ${describe(read)}`);
  if (close !== undefined && typeof close !== "function")
    throw new TypeError(`customSource: close must be a function, got ${describe(close)}`);
  return close === undefined ? { name, read } : { name, read, close };
}
