// What a running replay shows on standard error: a bar on a terminal, elsewhere a line now and then.
import { SingleBar } from "cli-progress";
import { formatSize } from "../index.js";
import type { Glimpse, Replay } from "./replay.js";

const BAR_MS = 100;
const LINE_MS = 5000;

/** Starts showing; the answer stops it. */
export function showProgress(replay: Replay, traceLength: number, quiet: boolean): () => void {
  const isTerminal = process.stderr.isTTY && !quiet;
  return isTerminal ? showBar(replay, traceLength) : showLines(replay);
}

function showBar(replay: Replay, traceLength: number): () => void {
  const isEndless = replay.totalRequests === Infinity;
  const total = isEndless ? traceLength : replay.totalRequests;
  const bar = new SingleBar({
    format: "{bar} {percentage} % | {text}",
    hideCursor: true,
    barsize: 24,
    stream: process.stderr,
  });
  const update = (): void => {
    const glimpse = replay.glimpse();
    const { requests } = glimpse.counts;
    const pass = isEndless ? `pass ${1 + Math.floor(requests / total)} | ` : "";
    bar.update(isEndless ? requests % total : requests, { text: pass + textOf(glimpse) });
  };
  bar.start(total, 0, { text: "starting" });
  const timer = setInterval(update, BAR_MS);
  return () => {
    clearInterval(timer);
    update();
    bar.stop();
  };
}

function showLines(replay: Replay): () => void {
  const timer = setInterval(() => {
    const glimpse = replay.glimpse();
    console.error(`${glimpse.counts.requests} requests | ${textOf(glimpse)}`);
  }, LINE_MS);
  return () => clearInterval(timer);
}

function textOf({ counts, evictions, usedBytes, limitBytes, seconds }: Glimpse): string {
  const hits = ((100 * counts.hits) / Math.max(1, counts.requests)).toFixed(1);
  const speed = Math.round(counts.requests / Math.max(0.001, seconds));
  const used = `${formatSize(usedBytes)} of ${formatSize(limitBytes)}`;
  return `${used} | hits ${hits} % | ${speed} ops/s | ${evictions} evictions`;
}
