// Options of a ring, checked at the edge, and how they stand in the region so that every thread that opens the ring works by the same.

import { RING_BYTES_MAX, RING_RECORDS_MAX } from "../../bindings/rings.js";
import type { Budget } from "../budget.js";
import { integer, ownOptions } from "../options.js";
import { describe, parseSize } from "../size.js";
import type { RingCodec, RingCodecName } from "./codec.js";

/** What becomes of a record that there is no place for (T10–T13). */
export type Overflow = "drop-oldest" | "drop-newest" | "block" | "block-timeout" | "resize" | "error";

/** How a ring is made (T09). */
export interface RingOptions<T = Uint8Array> {
  /** Most records at once; 1024 unless told. */
  capacity?: number;
  /** How far `resize` and `setLimits` may raise that; `capacity` unless told, 8 × that with `overflow: "resize"`. */
  maxCapacity?: number;
  /** Most bytes of records at once: bytes or a text such as `"4MiB"`. 2 GiB unless told. */
  maxBytes?: number | string;
  /** `drop-oldest` unless told. */
  overflow?: Overflow;
  /** By what `resize` multiplies the capacity; 1.5 unless told. */
  resizeFactor?: number;
  /** What `resize` does at `maxCapacity`, and at `maxBytes`, where the capacity goes to `maxCapacity` at once; `drop-oldest` unless told. */
  fallback?: Exclude<Overflow, "resize">;
  /** How long `send` waits with `block-timeout`, in milliseconds; 5,000 unless told. */
  timeout?: number;
  /** From which share of its capacity on it is high (0–1; 0.8 unless told), and down to which that lasts (0.2). */
  highWatermark?: number;
  lowWatermark?: number;
  /** What its values are as bytes; `"bytes"` unless told. Each thread says this for itself. */
  codec?: RingCodec<T> | RingCodecName;
  /** What becomes of a record that a thread died with in hand: lost and counted (`at-most-once`), or delivered once more. */
  delivery?: "at-most-once" | "at-least-once";
  /** What the memory of its records is charged to, by what its pool holds. */
  budget?: Budget;
}

/** @internal What a ring works by. */
export interface RingRules {
  readonly capacity: number;
  readonly maxCapacity: number;
  readonly maxBytes: number;
  readonly overflow: Overflow;
  readonly fallback: Overflow;
  readonly factor: number;
  readonly timeoutMs: number;
  readonly high: number;
  readonly low: number;
  readonly again: boolean;
}

const KNOWN = [
  "capacity",
  "maxCapacity",
  "maxBytes",
  "overflow",
  "resizeFactor",
  "fallback",
  "timeout",
  "highWatermark",
  "lowWatermark",
  "codec",
  "delivery",
  "budget",
] as const;
const OVERFLOWS: readonly Overflow[] = ["drop-oldest", "drop-newest", "block", "block-timeout", "resize", "error"];
const DELIVERIES = ["at-most-once", "at-least-once"] as const;
const TIMEOUT_MAX = 2 ** 31 - 1;
// Shares and factors stand in the region as millionths.
const MILLION = 1_000_000;

/** @internal The options of `region.ring`, without a prototype. */
export function ringOptions<T>(options: RingOptions<T> | undefined): Partial<RingOptions<T>> {
  return ownOptions<RingOptions<T>>("ring", options, KNOWN);
}

/** @internal What the options say. */
export function rulesOf(own: Partial<RingOptions<unknown>>): RingRules {
  // Not `??`: null is a wrong value like any other.
  const { overflow = "drop-oldest", capacity = 1024, resizeFactor: factor = 1.5 } = own;
  const { timeout = 5000, delivery = "at-most-once", highWatermark: high = 0.8 } = own;
  oneOf("overflow", overflow, OVERFLOWS);
  const fallback = oneOf<Overflow>("fallback", own.fallback === undefined ? "drop-oldest" : own.fallback, OVERFLOWS);
  if (fallback === "resize")
    throw new RangeError('fallback is what "resize" does at maxCapacity, so not "resize" again');
  integer("capacity", capacity, 1, RING_RECORDS_MAX);
  const { maxCapacity = overflow === "resize" ? Math.min(capacity * 8, RING_RECORDS_MAX) : capacity } = own;
  share("highWatermark", high);
  const { lowWatermark: low = Math.min(0.2, high) } = own;
  share("lowWatermark", low);
  if (low > high) throw new RangeError(`lowWatermark must be at most highWatermark, got ${low} > ${high}`);
  if (!(typeof factor === "number" && factor > 1 && factor <= 1000))
    throw new RangeError(`resizeFactor must be a number above 1, at most 1000, got ${describe(factor)}`);
  return {
    capacity,
    maxCapacity: integer("maxCapacity", maxCapacity, capacity, RING_RECORDS_MAX),
    maxBytes: own.maxBytes === undefined ? RING_BYTES_MAX : bytesOf(own.maxBytes, RING_BYTES_MAX),
    overflow,
    fallback,
    factor: rounded(factor),
    timeoutMs: integer("timeout", timeout, 0, TIMEOUT_MAX),
    high: rounded(high),
    low: rounded(low),
    again: oneOf("delivery", delivery, DELIVERIES) === "at-least-once",
  };
}

/** As it stands in the region. */
const rounded = (value: number): number => Math.round(value * MILLION) / MILLION;

/** @internal */
export function bytesOf(value: number | string, most: number): number {
  if (typeof value !== "number" && typeof value !== "string")
    throw new TypeError(`maxBytes must be bytes or a text like "4MiB", got ${describe(value)}`);
  return integer("maxBytes", parseSize(value), 1, most);
}

function share(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  throw new RangeError(`${name} must be a share of the capacity, 0 to 1, got ${describe(value)}`);
}

function oneOf<V extends string>(name: string, value: V, known: readonly V[]): V {
  if (known.includes(value)) return value;
  throw new RangeError(`${name} must be one of ${known.map((v) => `"${v}"`).join(", ")}, got ${describe(value)}`);
}

/** @internal From how many records on a ring of this limit is high, and down to how many. */
export function marksOf(rules: RingRules, limit: number): { high: number; low: number } {
  const high = Math.max(1, Math.ceil(rules.high * limit));
  return { high, low: Math.min(high - 1, Math.floor(rules.low * limit)) };
}

/** @internal Whether the oldest goes when there is no place, at this limit: with `resize` its fallback counts once there is nothing to resize. */
export function dropsOldest({ overflow, fallback, maxCapacity }: RingRules, limit: number): boolean {
  return (overflow === "resize" && limit >= maxCapacity ? fallback : overflow) === "drop-oldest";
}

/** @internal The part of the rules that only the bindings' side needs, as eight words in the region. */
export function configOf(rules: RingRules): number[] {
  return [
    OVERFLOWS.indexOf(rules.overflow),
    OVERFLOWS.indexOf(rules.fallback),
    Math.round(rules.factor * MILLION),
    rules.timeoutMs,
    Math.round(rules.high * MILLION),
    Math.round(rules.low * MILLION),
    rules.capacity,
    rules.maxBytes,
  ];
}

/** @internal The rules of a ring that was there before. */
export function rulesIn(config: readonly number[], maxCapacity: number, again: boolean): RingRules {
  const [overflow = 0, fallback = 0, factor = 0, timeoutMs = 0, high = 0, low = 0, capacity = 0, maxBytes = 0] = config;
  return {
    capacity,
    maxCapacity,
    maxBytes,
    overflow: OVERFLOWS[overflow] as Overflow,
    fallback: OVERFLOWS[fallback] as Overflow,
    factor: factor / MILLION,
    timeoutMs,
    high: high / MILLION,
    low: low / MILLION,
    again,
  };
}

const FREE_WHEN =
  "it has ended, and its name is free for a new one when each thread that opened it has taken what is left, or called leave()";

/** @internal Refuses options that say something else than the ring that is there; only what was given is compared. */
export function requireSame(
  name: string,
  own: Partial<RingOptions<unknown>>,
  asked: RingRules,
  there: RingRules,
  hasEnded: boolean,
): void {
  const pairs: readonly [keyof RingOptions, keyof RingRules][] = [
    ["capacity", "capacity"],
    ["maxCapacity", "maxCapacity"],
    ["maxBytes", "maxBytes"],
    ["overflow", "overflow"],
    ["fallback", "fallback"],
    ["resizeFactor", "factor"],
    ["timeout", "timeoutMs"],
    ["highWatermark", "high"],
    ["lowWatermark", "low"],
    ["delivery", "again"],
  ];
  for (const [option, rule] of pairs) {
    if (own[option] !== undefined && asked[rule] !== there[rule])
      throw new RangeError(
        `ring "${name}" is there with another ${option} (${String(there[rule])}, not ${String(asked[rule])}): ${
          hasEnded ? FREE_WHEN : "leave it out, or say the same"
        }`,
      );
  }
}
