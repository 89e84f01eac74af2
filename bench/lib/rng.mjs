// Seeded random numbers and the tables made of them. Loops read tables, so that no generator's cost enters a figure.
export function makeRandom(seed) {
  let state = seed >>> 0 || 1;
  // Mulberry32: 32 bits of state, passes the usual tests, the same on every engine.
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// Whole numbers from `least` to `most`, both included.
export const uniform = (least, most) => (random) => least + Math.floor(random() * (most - least + 1));

// Whole numbers whose logarithm is uniform: as many from 16 to 32 as from 32 Ki to 64 Ki.
export const logUniform = (least, most) => (random) => Math.floor(least * (most / least) ** random());

export function tableOf(length, draw, seed) {
  const random = makeRandom(seed);
  return Int32Array.from({ length }, () => draw(random));
}

export function shuffle(items, random) {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}

export const permutation = (length, seed) =>
  shuffle(
    Int32Array.from({ length }, (_, i) => i),
    makeRandom(seed),
  );
