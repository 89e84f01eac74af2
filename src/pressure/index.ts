// The pressure gauge's own entry: re-exports only.

/** The gauge, its levels and its events. */
export { PressureGauge, type Combine, type CombinedReading, type PressureGaugeOptions } from "./gauge.js";
export type { LevelGauge } from "./level-gauge.js";
export { BudgetGauge, type LevelledBudget } from "./budget-gauge.js";
export {
  PressureEvent,
  PressureEvents,
  type Listener,
  type ListenOptions,
  type PressureChange,
  type PressureListener,
} from "./events.js";
export { levelOrdinal, PRESSURE_LEVELS, type PressureLevel } from "./levels.js";
export { PRESSURE_PRESETS, type PressurePreset } from "./presets.js";
export { presetBands, type Band, type PressureBand } from "./bands.js";

/** What it reads. */
export type { PressureSource, SourceReading, SourceState } from "./source.js";
export { browserSource, type BrowserSourceOptions, type PageHost } from "./sources/browser.js";
export { budgetSource, type BudgetLike } from "./sources/budget.js";
export { cgroupSource } from "./sources/cgroup.js";
export { customSource } from "./sources/custom.js";
export { heapSource, type HeapStatistics } from "./sources/heap.js";
export type { HostFiles, HostOptions, HostProcess } from "./sources/host.js";
export { psiSource, type PsiSourceOptions } from "./sources/psi.js";
export { rssSource, type RssSourceOptions } from "./sources/rss.js";
export { swapSource, type SwapSourceOptions } from "./sources/swap.js";
export { systemSource } from "./sources/system.js";
export { effectiveMemory } from "./effective-memory.js";

/** Bun's process event on Node. */
export {
  emitMemoryPressure,
  type LevelEvents,
  type MemoryPressureOptions,
  type MemoryPressureSignal,
  type ProcessEvents,
} from "./node-events.js";
