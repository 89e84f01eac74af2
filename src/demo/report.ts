// The report of a replay: the contract's JSON object, and the same figures for people.
import { formatSize } from "../index.js";
import type { LevelName } from "./levels.js";
import type { Counts } from "./tally.js";

/** All that a replay leaves behind. */
export interface Outcome {
  readonly counts: Counts;
  readonly levels: Readonly<Record<LevelName, number>>;
  readonly evictions: number;
  /** How often the books were wrong at a meeting. */
  readonly mistakes: number;
  readonly highestBytes: number;
  readonly problems: readonly string[];
  readonly limitBytes: number;
  readonly peakBytes: number;
  readonly usedBytes: number;
  readonly workers: number;
  readonly seconds: number;
}

export interface Report {
  readonly limitBytes: number;
  readonly peakBytes: number;
  /** At the end of the replay, before everything is given back. */
  readonly usedBytes: number;
  readonly overLimitBytes: number;
  /** hits + misses; refused ones are misses too. */
  readonly requests: number;
  readonly hits: number;
  readonly misses: number;
  readonly objectHitRatio: number;
  readonly byteHitRatio: number;
  readonly evictions: number;
  readonly refused: number;
  readonly workers: number;
  readonly opsPerSecond: number;
  /** How many samples stood in each pressure level. */
  readonly levels: Readonly<Record<LevelName, number>>;
  readonly accountingErrors: number;
  readonly check: string;
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : Math.round((part / whole) * 1e6) / 1e6);

export function reportOf(outcome: Outcome): Report {
  const { counts, limitBytes, peakBytes, usedBytes, workers, levels, problems } = outcome;
  return {
    limitBytes,
    peakBytes,
    usedBytes,
    overLimitBytes: Math.max(0, outcome.highestBytes - limitBytes),
    requests: counts.requests,
    hits: counts.hits,
    misses: counts.misses,
    objectHitRatio: ratio(counts.hits, counts.requests),
    byteHitRatio: ratio(counts.hitBytes, counts.requestedBytes),
    evictions: outcome.evictions,
    refused: counts.refused,
    workers,
    opsPerSecond: outcome.seconds > 0 ? Math.round(counts.requests / outcome.seconds) : 0,
    levels,
    accountingErrors: outcome.mistakes + counts.payloadErrors,
    check: problems.length === 0 ? "ok" : problems.join("; "),
  };
}

/** Whether the promise was kept: never over, no byte unaccounted for, every invariant whole. */
export const isSound = (report: Report): boolean =>
  report.overLimitBytes === 0 && report.accountingErrors === 0 && report.check === "ok";

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const count = (amount: number): string => amount.toLocaleString("en-US");

export function textOf(report: Report): string {
  const levels = Object.entries(report.levels).map(([level, samples]) => `${level} ${count(samples)}`);
  return [
    `${count(report.requests)} requests by ${report.workers} threads through one cache, ${count(report.opsPerSecond)} per second`,
    `  limit     ${formatSize(report.limitBytes)}, peak ${formatSize(report.peakBytes)}, used at the end ${formatSize(report.usedBytes)}, over the limit ${report.overLimitBytes} bytes`,
    `  hits      ${percent(report.objectHitRatio)} of the requests, ${percent(report.byteHitRatio)} of the bytes`,
    `  evictions ${count(report.evictions)}, refused ${count(report.refused)}`,
    `  pressure  ${levels.join(", ")} (samples)`,
    `  accounts  ${report.accountingErrors} errors, check ${report.check}`,
  ].join("\n");
}
