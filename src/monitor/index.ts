// The entry of watching over time: re-exports only.

export { Monitor } from "./monitor.js";
export type { LateLook, MonitorEvents, MonitorFailure, MonitorGc, MonitorOptions, MonitorStats } from "./monitor.js";
export type { GaugeSample, MonitorSample, RegionMemory } from "./sample.js";
export type { ProcessMemory, SystemMemory } from "./host.js";
export type { GcEvent, GcKind, GcSummary, ObserveGc } from "./gc.js";

/** What grows, and what leaks. */
export { trackLeaks, type LeakTracker } from "./leaks.js";
export type { Finalization, LeakAlert, LeakEvents, LeakFailure, LeakFilter, LeakOptions } from "./leaks.js";
export { formatLeaks, type AgeRange, type LeakGroup, type LeakLevel, type LeakReport } from "./leak-report.js";
export { HeapSnapshots, type HeapSnapshotsOptions, type HeapSnapshotsStats, type SnapshotHost } from "./snapshots.js";
export { GrowthDetector, type GrowthAlert, type GrowthOptions } from "./growth.js";
export { LeakLedger, type LeakLedgerOptions, type LedgerAlert, type LedgerStats, type LiveTag } from "./ledger.js";
export { LeakTrend, type LeakSeverity, type LeakTrendAlert, type LeakTrendOptions } from "./trend.js";
