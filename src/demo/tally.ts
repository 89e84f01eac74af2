// What each worker has counted so far, in shared memory: a worker writes its own row, the main thread reads them all, at any
// time for the progress bar and at rest for the report.

const FIELDS = ["requests", "hits", "misses", "requestedBytes", "hitBytes", "refused", "payloadErrors"] as const;

type Field = (typeof FIELDS)[number];
export type Counts = Record<Field, number>;

const COLUMN = Object.fromEntries(FIELDS.map((field, column) => [field, column])) as Counts;

const ROW = 16;
const ROW_BYTES = ROW * Float64Array.BYTES_PER_ELEMENT;

export const createTallies = (workers: number): SharedArrayBuffer => new SharedArrayBuffer(workers * ROW_BYTES);

/** One worker's row. */
export class Tally {
  readonly #row: Float64Array;

  constructor(shared: SharedArrayBuffer, worker: number) {
    this.#row = new Float64Array(shared, worker * ROW_BYTES, FIELDS.length);
  }

  add(field: Field, amount = 1): void {
    const column = COLUMN[field];
    this.#row[column] = this.#row[column]! + amount;
  }
}

/** All rows added up. */
export function totalOf(shared: SharedArrayBuffer): Counts {
  const rows = new Float64Array(shared);
  const sum = (column: number): number => {
    let total = 0;
    for (let at = column; at < rows.length; at += ROW) total += rows[at]!;
    return total;
  };
  return Object.fromEntries(FIELDS.map((field, column) => [field, sum(column)])) as Counts;
}
