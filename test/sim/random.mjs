// Random: a small seeded generator, so that every run can be run again.

/** A generator of numbers in [0, 1) that depends on the seed alone (mulberry32). */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A seed for the `n`-th part of something that has a seed. */
export const derive = (seed, n) => (Math.imul(seed ^ (n + 0x9e3779b9), 0x85ebca6b) ^ (n << 7)) >>> 0;
