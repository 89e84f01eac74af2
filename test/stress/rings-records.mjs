// Records that say whose they are and which, and whose every word follows from that: one that is torn, or shown beyond its end, is seen. Lengths vary
// with the number; now and then one is too long for the short path.

const LEAST_WORDS = 4;
export const WORDS_MAX = LEAST_WORDS + 15 + 320;

/** How many words record `number` has. */
export const wordsOf = (number) => LEAST_WORDS + ((number * 7) & 15) + ((number & 255) === 129 ? 320 : 0);

const mixed = (source, number) => Math.imul(number, 0x9e3779b1) ^ Math.imul(source + 1, 0x85ebca6b);

/** Writes record `number` of `source` from index `at` on; how many bytes it has. */
export function fill(i32, at, source, number) {
  const words = wordsOf(number);
  i32[at] = source;
  i32[at + 1] = number;
  let word = mixed(source, number);
  for (let i = 2; i < words; i++) i32[at + i] = word = (word + 0x61c88647) | 0;
  return words * 4;
}

/** Whether the `bytes` bytes from index `at` on are a record as it was written; its source and number go to `found`. */
export function isWhole(i32, at, bytes, found) {
  const [source, number] = [i32[at], i32[at + 1]];
  found.source = source;
  found.number = number;
  const words = wordsOf(number);
  if (bytes !== words * 4) return false;
  let word = mixed(source, number);
  for (let i = 2; i < words; i++) if (i32[at + i] !== (word = (word + 0x61c88647) | 0)) return false;
  return true;
}

/** Notes that a record came, in a bit of its own; false: it came before. */
export function isFirst(marks, index) {
  const bit = 1 << (index & 31);
  return (Atomics.or(marks, index >>> 5, bit) & bit) === 0;
}

/** Whole numbers from 0 to below `limit`, from a seed. */
export function randomBelow(seed) {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}
