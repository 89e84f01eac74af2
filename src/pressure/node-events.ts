// Node events: Bun's process event `memoryPressure` for everybody. Bun raises it itself when the system runs short; elsewhere a gauge's
// level does. Names and levels are Bun's, so that one listener serves both.

import { ownOptions } from "../options.js";
import { describe } from "../size.js";
import type { PressureListener } from "./events.js";
import { levelOrdinal, type PressureLevel } from "./levels.js";

/** What a listener of `memoryPressure` gets. */
export type MemoryPressureSignal = "warning" | "critical";

/** What is used of `process`. */
export interface ProcessEvents {
  emit(event: string, ...args: unknown[]): unknown;
  readonly versions?: Readonly<Record<string, string | undefined>>;
}

/** What is used of a gauge. */
export interface LevelEvents {
  on(type: "level", listener: PressureListener, options?: { signal?: AbortSignal }): () => void;
}

export interface MemoryPressureOptions {
  /** Node's `process` unless told. */
  process?: ProcessEvents;
  /** Ends it. */
  signal?: AbortSignal;
}

/** 0: nothing to tell, 1: `warning`, 2: `critical`. */
const severity = (level: PressureLevel): number =>
  level === "critical" ? 2 : levelOrdinal(level) >= levelOrdinal("moderate") ? 1 : 0;

/**
 * Emits `memoryPressure` on Node's process when the gauge rises: `warning` when it enters moderate or high from below, `critical` when it
 * enters critical. Falling emits nothing: Bun has no word for it. On Bun it does nothing: the event is Bun's own there. Returns the
 * function that ends it. What a listener of the process throws goes to the gauge's `onError`.
 * @throws TypeError where there is no process: listen to the gauge itself there.
 */
export function emitMemoryPressure(gauge: LevelEvents, options?: MemoryPressureOptions): () => void {
  const given = ownOptions<MemoryPressureOptions>("emitMemoryPressure", options, ["process", "signal"]);
  const process = given.process ?? (globalThis as unknown as { process?: ProcessEvents }).process;
  if (typeof process?.emit !== "function")
    throw new TypeError(
      `emitMemoryPressure needs Node's process, got ${describe(process)}; elsewhere use gauge.on("level")`,
    );
  if (process.versions?.bun !== undefined) return () => {};
  const tell: PressureListener = ({ from, to }) => {
    if (severity(to) <= severity(from)) return;
    const signal: MemoryPressureSignal = severity(to) === 2 ? "critical" : "warning";
    process.emit("memoryPressure", signal);
  };
  return gauge.on("level", tell, given.signal ? { signal: given.signal } : {});
}
