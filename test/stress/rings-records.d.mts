/** Most words of a record. */
export const WORDS_MAX: number;
/** How many words record `number` has. */
export function wordsOf(number: number): number;
/** Writes record `number` of `source` from index `at` on; how many bytes it has. */
export function fill(i32: Int32Array, at: number, source: number, number: number): number;
/** Whether the `bytes` bytes from index `at` on are a record as it was written; its source and number go to `found`. */
export function isWhole(
  i32: Int32Array,
  at: number,
  bytes: number,
  found: { source?: number; number?: number },
): boolean;
/** Notes that a record came, in a bit of its own; false: it came before. */
export function isFirst(marks: Int32Array, index: number): boolean;
