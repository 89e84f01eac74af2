// Bands: which share of a limit is which level. Half-open: a band begins at its `enter` and ends where the next begins. Owns their check;
// what leaves it ascends in entry and level and begins at 0, which all that climbs them relies on.

import { ownOptions } from "../options.js";
import { describe } from "../size.js";
import { FACTORS, levelOrdinal, type PressureLevel, PRESSURE_LEVELS } from "./levels.js";
import { presetLadder, type PressurePreset } from "./presets.js";

/** A band as callers write it. */
export interface PressureBand {
  /** The share of the limit at which it is entered (`>=`), 0–1: 80 % is 0.8. */
  readonly enter: number;
  readonly level: PressureLevel;
  /** What a specification calls it; the level's name unless told. */
  readonly label?: string;
  /** What to do about it, in words. */
  readonly advice?: string;
  /** What adaptive sizes are multiplied by here, above 0 to 1 (T05); 1, 1, 0.75, 0.5, 0.25 by level unless told. */
  readonly factor?: number;
}

/** A band with everything told. */
export type Band = Required<PressureBand>;

const KEYS = ["enter", "level", "label", "advice", "factor"] as const;

/**
 * These bands, complete and in order; below the first stands `none` from 0 on.
 * @throws TypeError, RangeError for entries that are no fractions 0–1 or do not ascend, or levels that do not. O(bands).
 */
export function checkedBands(bands: readonly PressureBand[]): readonly Band[] {
  if (!Array.isArray(bands)) throw new TypeError(`bands must be an array of bands, got ${describe(bands)}`);
  if (bands.length === 0) throw new RangeError("bands must hold at least one band: [{ enter: 0.8, level: 'high' }]");
  const checked = bands.map((band, index) => checkedBand(band, `bands[${index}]`));
  if (checked[0]!.enter > 0) checked.unshift(checkedBand({ enter: 0, level: "none" }, "bands"));
  for (const [index, { enter, level }] of checked.entries()) {
    const below = checked[index - 1];
    if (below === undefined) continue;
    if (!(enter > below.enter))
      throw new RangeError(`bands must ascend: ${enter} does not come after ${below.enter}; write the lowest first`);
    if (levelOrdinal(level) <= levelOrdinal(below.level))
      throw new RangeError(`bands must ascend in level: "${level}" does not come after "${below.level}"`);
  }
  return Object.freeze(checked);
}

/**
 * A preset's bands, lowest first and from 0 on. `enter` replaces the entries of all bands but the lowest, as a specification's own
 * configuration does: `presetBands("transport", [0.6, 0.8, 0.9])`.
 * @throws TypeError for what is no preset, RangeError for entries that are too many, too few, no fractions, or do not ascend.
 */
export function presetBands(preset: PressurePreset, enter?: readonly number[]): readonly Band[] {
  const bands = presetLadder(preset);
  if (enter === undefined) return bands;
  if (!Array.isArray(enter)) throw new TypeError(`entries must be an array of fractions, got ${describe(enter)}`);
  if (enter.length !== bands.length - 1)
    throw new RangeError(`preset "${preset}" takes ${bands.length - 1} entries, got ${enter.length}`);
  return checkedBands(bands.map((band, index) => ({ ...band, enter: index > 0 ? (enter[index - 1] as number) : 0 })));
}

function checkedBand(band: PressureBand, name: string): Band {
  const { enter, level, label, advice, factor } = ownOptions<PressureBand>(name, band, KEYS);
  const ordinal = levelOrdinal(level as PressureLevel);
  if (ordinal < 0)
    throw new TypeError(`${name}.level must be one of ${PRESSURE_LEVELS.join(", ")}, got ${describe(level)}`);
  return Object.freeze({
    enter: fraction(`${name}.enter`, enter),
    level: level!,
    label: text(`${name}.label`, label, level!),
    advice: text(`${name}.advice`, advice, ""),
    factor: factorOf(name, factor, FACTORS[ordinal]!),
  });
}

/** `value` as a fraction from 0 to 1. */
export function fraction(name: string, value: unknown): number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, got ${describe(value)}`);
  if (!(value >= 0 && value <= 1))
    throw new RangeError(`${name} must be a fraction from 0 to 1, got ${value}; 80 % is 0.8`);
  return value;
}

function factorOf(name: string, value: number | undefined, otherwise: number): number {
  const factor = fraction(`${name}.factor`, value ?? otherwise);
  if (factor === 0) throw new RangeError(`${name}.factor must be above 0: adaptive sizes never reach 0`);
  return factor;
}

function text(name: string, value: unknown, otherwise: string): string {
  if (value === undefined) return otherwise;
  if (typeof value !== "string") throw new TypeError(`${name} must be a text, got ${describe(value)}`);
  return value;
}
