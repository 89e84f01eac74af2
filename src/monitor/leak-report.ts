// Leak report: what is live, added up by what it is, how old, and where it was taken; and the sentences that say so. Owns nothing.

import { formatSize } from "../size.js";
import type { Consumer } from "../budget.js";
import type { Holding } from "./claim.js";

export type LeakLevel = "off" | "simple" | "advanced" | "paranoid";

/** Ages from `fromMs` on, below `belowMs`, which is Infinity for the oldest. */
export interface AgeRange {
  fromMs: number;
  belowMs: number;
}

/** What was tracked of one kind, budget, tag, age and place. */
export interface LeakGroup {
  kind: "reservation" | "block";
  /** Names of the budgets from the root down, joined by `/`; empty for a Block that is charged to none. */
  budgetPath: string;
  /** Empty for none; Blocks have none. */
  tag: string;
  age: AgeRange;
  /** Frames of the program, the innermost first, one a line; empty where that is not known. */
  site: string;
  count: number;
  bytes: number;
  /** Of them, those whose handle was collected without a release: nobody can release them any more. */
  droppedCount: number;
  droppedBytes: number;
  /** Age of the oldest. */
  oldestMs: number;
}

export interface LeakReport {
  atMs: number;
  level: LeakLevel;
  /** One in so many is tracked: what there is in all is about so many times as much. */
  interval: number;
  count: number;
  bytes: number;
  droppedCount: number;
  droppedBytes: number;
  /** The largest first. */
  groups: LeakGroup[];
  /** Of a budget: what all threads hold in it and below it, by tag. Exact, whatever is tracked. */
  consumers?: Consumer[];
}

/** One live thing that is tracked. */
export interface Row {
  readonly holding: Holding;
  readonly site: string;
  readonly ageMs: number;
  readonly isDropped: boolean;
}

/** What is told of handles that were dropped. */
export interface LeakText extends Pick<
  LeakGroup,
  "kind" | "budgetPath" | "tag" | "site" | "count" | "bytes" | "oldestMs"
> {
  level: LeakLevel;
  interval: number;
}

/** Adds up rows; `agesMs` are the bounds between ages, ascending. O(rows + groups × log groups). */
export function groupsOf(rows: Iterable<Row>, agesMs: readonly number[]): LeakGroup[] {
  const groups = new Map<string, LeakGroup>();
  for (const { holding, site, ageMs, isDropped } of rows) {
    const { kind, budgetPath, tag, bytes } = holding;
    const age = rangeOf(ageMs, agesMs);
    const key = JSON.stringify([kind, budgetPath, tag, age.fromMs, site]);
    let group = groups.get(key);
    if (group === undefined) {
      const sums = { count: 0, bytes: 0, droppedCount: 0, droppedBytes: 0, oldestMs: 0 };
      groups.set(key, (group = { kind, budgetPath, tag, age, site, ...sums }));
    }
    group.count++;
    group.bytes += bytes;
    group.droppedCount += +isDropped;
    group.droppedBytes += isDropped ? bytes : 0;
    group.oldestMs = Math.max(group.oldestMs, ageMs);
  }
  return [...groups.values()].sort((one, two) => two.bytes - one.bytes || two.oldestMs - one.oldestMs);
}

function rangeOf(ageMs: number, agesMs: readonly number[]): AgeRange {
  const next = agesMs.findIndex((bound) => ageMs < bound);
  const index = next < 0 ? agesMs.length : next;
  return { fromMs: agesMs[index - 1] ?? 0, belowMs: agesMs[index] ?? Infinity };
}

/** A report as lines: what is held, by whom, how old, taken where. */
export function formatLeaks(report: LeakReport): string {
  const { level, count, bytes, droppedCount, droppedBytes, groups } = report;
  const head = `Live: ${count} of ${formatSize(bytes)}; dropped without release: ${droppedCount} of ${formatSize(droppedBytes)} (level ${level}${sampled(report)})`;
  return [head, ...groups.map(groupText)].join("\n");
}

function groupText(group: LeakGroup): string {
  const { age, droppedCount, site } = group;
  const ages =
    age.belowMs === Infinity ? `${ageText(age.fromMs)} and older` : `${ageText(age.fromMs)} to ${ageText(age.belowMs)}`;
  const dropped = droppedCount === 0 ? "" : `, ${droppedCount} dropped`;
  return `  ${what(group)}, ${ages}${dropped}${site === "" ? "" : indented(site)}`;
}

/** The sentence of an alert. */
export function leakText(leak: LeakText): string {
  const { count, level, oldestMs, site } = leak;
  const were = count === 1 ? "was" : "were";
  const where =
    site !== ""
      ? `at${indented(site)}`
      : level === "simple"
        ? "somewhere: the level advanced says where"
        : "where no stack says";
  return `LEAK: ${what(leak)} ${were} collected without release() and ${count === 1 ? "is" : "are"} still charged; taken ${ageText(oldestMs)} ago${sampled(leak)} ${where}`;
}

function what({
  kind,
  count,
  bytes,
  tag,
  budgetPath,
}: Pick<LeakGroup, "kind" | "count" | "bytes" | "tag" | "budgetPath">): string {
  const noun = `${kind === "block" ? "Block" : "reservation"}${count === 1 ? "" : "s"}`;
  return `${count} ${noun}${tag === "" ? "" : ` "${tag}"`} of ${formatSize(bytes)}${budgetPath === "" ? "" : ` in ${budgetPath}`}`;
}

const sampled = ({ interval }: { interval: number }): string => (interval > 1 ? `, 1 in ${interval} tracked` : "");

const indented = (site: string): string =>
  site
    .split("\n")
    .map((line) => `\n    ${line}`)
    .join("");

const UNITS = [
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"],
] as const;

function ageText(ms: number): string {
  const [unitMs, unit] = UNITS.find(([unitMs]) => ms >= unitMs) ?? [1, "ms"];
  return `${Math.round((ms / unitMs) * 10) / 10} ${unit}`;
}
