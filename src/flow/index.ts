// The entry of flow control: re-exports only.

export { AdaptiveSizes, CANONICAL_FACTORS, TRANSPORT_FACTORS } from "./adaptive.js";
export type { AdaptiveSizesOptions, AdaptiveSizesStats, Resizable, SizeFactors, SizeOptions } from "./adaptive.js";
export { Admission, type AdmissionOptions, type AdmissionStats } from "./admission.js";
export { processInChunks, type Chunk, type ChunkOptions } from "./chunks.js";
export { GcHint, type GcHintOptions, type GcHintStats, type GcOutcome, type GcReport } from "./gc-hint.js";
export { RateController, type RateControllerOptions, type RateControllerStats } from "./rate-controller.js";
export { Throttle, ThrottleClosedError } from "./throttle.js";
export type { SetRateOptions, TakeOptions, ThrottleOptions, ThrottleStats } from "./throttle.js";

/** What they are given: a gauge, a clock, timers. */
export type { Level, LevelReading, PressureReading } from "./reading.js";
export type { Clock, Timers } from "./time.js";
export {
  adaptCapacity,
  BackpressureHandler,
  type BackpressureMetrics,
  type BackpressureOptions,
  type BackpressureStrategy,
} from "./backpressure.js";
export { ObjectRing, type ObjectRingOptions } from "../ring/object-ring.js";
export { FloatFifo } from "./float-fifo.js";
