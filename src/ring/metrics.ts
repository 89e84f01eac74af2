// Metrics of a ring: counters that stand in the region, of all threads that ever used it. pushed = taken + size; what was dropped or lost with
// a thread that died counts as taken too, and is told apart.

import type { RingPort } from "../../bindings/rings.js";
import type { RingMetrics } from "./queue.js";

/** @internal */
export function metricsOf(port: RingPort): RingMetrics {
  const { pushed, taken, dropped, refused, lost, peak, waits, timeouts, resizes, waitedMs } = port.counters.read();
  return {
    size: Math.max(0, pushed - taken),
    capacity: port.limit,
    bytes: port.bytes,
    highWater: peak,
    pushes: pushed,
    pops: taken - dropped - lost,
    droppedOldest: dropped,
    refused,
    lost,
    resizes,
    waits,
    timeouts,
    waitedMs,
  };
}
