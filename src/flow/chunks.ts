// Chunks: a long piece of work in pieces that shrink while memory is short (G17). Owns the current chunk size. Between steps it is from
// `min` to `chunk`, and every step ends behind where it began: it is over after at most total ÷ min steps, whatever the pressure (D54).

import { integer, ownOptions } from "../options.js";
import { abortSignal, callable, finite, having } from "./arguments.js";

/** A half-open piece of the work: from `start` to before `end`. */
export interface Chunk {
  start: number;
  end: number;
}

export interface ChunkOptions {
  /** Items in a chunk without pressure; 10 000 unless told. */
  chunk?: number;
  /** Percent of the limit from which on chunks shrink; 80 unless told. */
  threshold?: number;
  /** Fewest items in a chunk but the last; 1 unless told. */
  min?: number;
  /** What a chunk grows by after one without pressure, as a factor; 1.25 unless told, 1 for never. */
  grow?: number;
  /** Percent of the limit that is used. What is no number counts as pressure. */
  usagePercent: () => number;
  /** Asked before a chunk is halved: a GcHint. */
  gcHint?: { hint(): unknown };
  /** Ends the iteration with its reason. */
  signal?: AbortSignal;
}

/**
 * Goes from 0 to `total` in chunks (G17). Before each, at `threshold` or above: asks for a collection, and if that did not help halves
 * the chunk, down to `min`; otherwise lets it grow back, up to `chunk`. At `min` it goes on with `min`: who wants to stop there, stops.
 * An error of `usagePercent` or of the hint ends the iteration with it.
 *
 *     for await (const { start, end } of processInChunks(rows, { usagePercent: () => budgetPercent() })) await load(start, end);
 *
 * @throws TypeError, RangeError, before the first step.
 */
export function processInChunks(total: number, options: ChunkOptions): AsyncGenerator<Chunk, void, undefined> {
  integer("total", total, 0, Number.MAX_SAFE_INTEGER);
  const own = ownOptions<ChunkOptions>("processInChunks", options, [
    "chunk",
    "threshold",
    "min",
    "grow",
    "usagePercent",
    "gcHint",
    "signal",
  ]);
  const most = integer("chunk", own.chunk ?? 10_000, 1, Number.MAX_SAFE_INTEGER);
  const signal = abortSignal("signal", own.signal);
  const settled: Settled = {
    most,
    least: integer("min", own.min ?? 1, 1, most),
    threshold: finite("threshold", own.threshold ?? 80, 0),
    grow: finite("grow", own.grow ?? 1.25, 1),
    usagePercent: callable("usagePercent", own.usagePercent!),
    ...(own.gcHint !== undefined && { gcHint: having("gcHint", own.gcHint, ["hint"]) }),
    ...(signal && { signal }),
  };
  return chunks(total, settled);
}

interface Settled extends Required<Pick<ChunkOptions, "threshold" | "grow" | "usagePercent">> {
  readonly most: number;
  readonly least: number;
  readonly gcHint?: { hint(): unknown };
  readonly signal?: AbortSignal;
}

async function* chunks(total: number, settled: Settled): AsyncGenerator<Chunk, void, undefined> {
  const { most, least, grow, signal } = settled;
  let size = most;
  for (let start = 0; start < total;) {
    signal?.throwIfAborted();
    if (await isPressed(settled)) size = Math.max(least, Math.floor(size / 2));
    else if (start > 0 && grow > 1) size = Math.min(most, Math.max(size + 1, Math.floor(size * grow)));
    const end = Math.min(total, start + size);
    yield { start, end };
    start = end;
  }
}

/** Whether usage is at the threshold, also after asking for a collection. */
async function isPressed({ usagePercent, threshold, gcHint }: Settled): Promise<boolean> {
  if (usagePercent() < threshold) return false;
  if (gcHint === undefined) return true;
  await gcHint.hint();
  return !(usagePercent() < threshold);
}
