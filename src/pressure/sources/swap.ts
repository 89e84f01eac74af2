// Swap source: how much of what may be swapped out is. Long before swap is full the machine is too slow to use. About
// 10 µs a reading. (X17)

import { ownOptions } from "../../options.js";
import { describe } from "../../size.js";
import type { PressureSource } from "../source.js";
import { HOST_OPTIONS, type HostOptions } from "./host.js";
import { MemoryInfo } from "./memory-info.js";

export interface SwapSourceOptions extends HostOptions {
  /** How much of the swap space may be used, above 0 to 100; 10 unless told. The specification's example has 5. */
  limitPercent?: number;
}

/**
 * A source named `swap`: pressure 1 is `limitPercent` of the swap space. Without swap space nothing is used of nothing: pressure 0. No
 * reading elsewhere than on Linux. It holds one file open.
 * @throws TypeError, RangeError for a percentage that is none.
 */
export function swapSource(options?: SwapSourceOptions): PressureSource {
  const own = ownOptions<SwapSourceOptions>("swapSource", options, ["limitPercent", ...HOST_OPTIONS]);
  const share = percent("limitPercent", own.limitPercent ?? 10) / 100;
  const info = new MemoryInfo("SwapTotal", "SwapFree", own);
  return {
    name: "swap",
    read() {
      const pair = info.pair();
      if (pair === undefined) return null;
      const [total, free] = pair;
      return { used: Math.max(0, total - free), limit: total * share };
    },
    close: () => info.close(),
  };
}

/** `value` as a percentage above 0, to 100. */
export function percent(name: string, value: unknown): number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, got ${describe(value)}`);
  if (!(value > 0 && value <= 100)) throw new RangeError(`${name} must be above 0 and at most 100, got ${value}`);
  return value;
}
