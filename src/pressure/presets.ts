// Presets: each specification's own thresholds, labels and advice over the five levels. A table and its look-up.
// Where a specification contradicts itself, governance.md §2.1 says which side was taken: entered at `>=`, every band reachable.

import { describe } from "../size.js";
import type { Band } from "./bands.js";
import { FACTORS, levelOrdinal, type PressureLevel } from "./levels.js";

/** A specification's ladder; `name.variant` is the same ladder with the entries of one of its recipes. */
export type PressurePreset =
  | "dataframe"
  | "stream"
  | "stream.dev"
  | "cache"
  | "transport"
  | "transport.dev"
  | "cluster"
  | "cluster.advanced"
  | "cluster.conservative"
  | "cluster.lowMemory"
  | "cluster.highMemory";

type Row = readonly [percent: number, level: PressureLevel, label: string, advice: string, factor?: number];

const NORMAL = "Normal operation";

const LADDERS: Record<string, readonly Row[]> = {
  // G10, G11.
  dataframe: [
    [0, "none", "low", NORMAL],
    [60, "low", "medium", "Monitor closely, consider reducing batch size"],
    [80, "high", "high", "Use memory-efficient algorithms, trigger GC"],
    [95, "critical", "critical", "Abort non-essential operations, scale up"],
  ],
  // M06–M08, M29–M34. The specification's own loop never reached "low".
  stream: [
    [0, "none", "none", NORMAL],
    [60, "low", "low", "Start background cleanup"],
    [80, "moderate", "moderate", "Begin soft eviction of low-priority data"],
    [95, "high", "high", "Evict non-essential data, request GC"],
    [98, "critical", "critical", "Emergency eviction, pause new allocations, notify backpressure"],
  ],
  // C08, C09, C28: 80 warns, 90 evicts, 95 stops admitting.
  cache: [
    [0, "none", "normal", NORMAL],
    [80, "moderate", "warning", "Warn about memory usage"],
    [90, "high", "critical", "Evict by policy"],
    [95, "critical", "emergency", "Evict by policy, stop admitting"],
  ],
  // T02, T03; the factors are T05's and stand on the band: here "low" is 75 %, elsewhere "moderate" is.
  transport: [
    [0, "none", "normal", NORMAL, 1],
    [70, "low", "low", "Reduce adaptive buffers to 75 %", 0.75],
    [85, "high", "high", "Collect garbage, reduce adaptive buffers to 50 %", 0.5],
    [95, "critical", "critical", "Force garbage collection, shed resources, reduce adaptive buffers to 25 %", 0.25],
  ],
  // X10, X11; "healthy" is X28's word.
  cluster: [
    [0, "none", "healthy", NORMAL],
    [80, "moderate", "warning", "Warn about memory usage"],
    [95, "critical", "critical", "Scale down, enable low memory mode"],
  ],
};

/** Entries of the variants, in percent, from the second band on. */
const VARIANTS: Record<string, readonly number[]> = {
  "stream.dev": [60, 70, 90, 98], // M45; it leaves low and critical as they were
  "transport.dev": [50, 70, 90], // T33
  "cluster.advanced": [70, 85], // X34
  "cluster.conservative": [70, 85], // X36
  "cluster.lowMemory": [60, 75], // X32
  "cluster.highMemory": [85, 95], // X33
};

/** All presets there are. */
export const PRESSURE_PRESETS = [...Object.keys(LADDERS), ...Object.keys(VARIANTS)] as readonly PressurePreset[];

/** @internal @throws TypeError for what is no preset. */
export function checkedPreset(preset: PressurePreset): PressurePreset {
  if (PRESSURE_PRESETS.includes(preset)) return preset;
  throw new TypeError(`there is no preset ${describe(preset)}; there are ${PRESSURE_PRESETS.join(", ")}`);
}

/** @internal A preset's bands, lowest first and from 0 on. @throws TypeError for what is no preset. */
export function presetLadder(preset: PressurePreset): readonly Band[] {
  const entries = VARIANTS[preset];
  return Object.freeze(
    LADDERS[checkedPreset(preset).split(".")[0]!]!.map(([percent, level, label, advice, factor], index) =>
      Object.freeze({
        enter: ((index > 0 && entries?.[index - 1]) || percent) / 100,
        level,
        label,
        advice,
        factor: factor ?? FACTORS[levelOrdinal(level)]!,
      }),
    ),
  );
}
