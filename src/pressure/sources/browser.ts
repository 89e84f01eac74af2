// Page source: what a page's JavaScript uses, as far as browsers tell. A slow source: the exact number takes a collection and is asked for
// every minute at most, in the background; between, and where a page may not ask, the old and coarse `performance.memory` answers.

import { ownOptions } from "../../options.js";
import { describe, parseSize } from "../../size.js";
import type { PressureSource } from "../source.js";

/** What is used of a page's global object. */
export interface PageHost {
  readonly crossOriginIsolated?: boolean;
  readonly performance?: {
    now(): number;
    /** Chromium's, in all its pages: quantised. */
    readonly memory?: { readonly usedJSHeapSize: number; readonly jsHeapSizeLimit: number };
    /** Chromium's, in isolated pages: frames and workers too. */
    measureUserAgentSpecificMemory?(): Promise<{ readonly bytes: number }>;
  };
}

export interface BrowserSourceOptions {
  /** Bytes that the page should stay below, or a text such as `"512MiB"`; the limit of its JavaScript heap unless told. */
  limit?: number | string;
  /** How often the exact number is asked for at most, in milliseconds, 1 000 or more; 60 000 unless told. */
  everyMs?: number;
  /** The global object unless told. */
  host?: PageHost;
}

const EVERY_MS_MIN = 1000;

/** How many times `everyMs` an exact number may be old: a measurement that never comes back must not stand for ever. (D33) */
const PERIODS_MAX = 3;

/**
 * A source named `browser`. No reading where the browser tells nothing (others than Chromium), or nothing but a limit is known. The first
 * reading is of `performance.memory`: the exact number comes later.
 * @throws TypeError, RangeError for a limit that is no size, or a period that is none.
 */
export function browserSource(options?: BrowserSourceOptions): PressureSource {
  const given = ownOptions<BrowserSourceOptions>("browserSource", options, ["limit", "everyMs", "host"]);
  const everyMs = period(given.everyMs ?? 60_000);
  const limit = given.limit === undefined ? undefined : parseSize(given.limit);
  const { crossOriginIsolated, performance } = given.host ?? (globalThis as PageHost);
  let bytes: number | undefined;
  let measuredAt = -Infinity;
  let askedAt = -Infinity;
  let isAsking = false;
  let closed = false;

  const measure = async (): Promise<void> => {
    isAsking = true;
    try {
      bytes = (await performance!.measureUserAgentSpecificMemory!()).bytes;
      measuredAt = performance!.now();
    } catch {
      // The page may not ask (any more): what it told before grows old.
    } finally {
      isAsking = false;
    }
  };

  return {
    name: "browser",
    read() {
      if (closed || performance === undefined) return null;
      const now = performance.now();
      if (crossOriginIsolated && performance.measureUserAgentSpecificMemory && !isAsking && now - askedAt >= everyMs) {
        askedAt = now;
        void measure();
      }
      const exact = now - measuredAt <= everyMs * PERIODS_MAX ? bytes : undefined;
      const used = exact ?? performance.memory?.usedJSHeapSize;
      const most = limit ?? performance.memory?.jsHeapSizeLimit;
      return used === undefined || most === undefined ? null : { used, limit: most };
    },
    close() {
      closed = true;
    },
  };
}

function period(value: unknown): number {
  if (typeof value !== "number") throw new TypeError(`everyMs must be a number, got ${describe(value)}`);
  if (!(value >= EVERY_MS_MIN)) throw new RangeError(`everyMs must be ${EVERY_MS_MIN} or more, got ${value}`);
  return value;
}
