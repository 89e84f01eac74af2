// Seeded randomness for the tests: the same numbers for the same seed, in Node and in a page.

export interface Random {
  /** The next 32 bits. */
  next(): number;
  /** An integer from 0 to `below` − 1. */
  below(below: number): number;
  /** An integer from `least` to `most`, every binary order of magnitude equally often. */
  size(least: number, most: number): number;
  pick<T>(of: readonly T[]): T;
}

/** The generator "mulberry32". */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return {
    next,
    below,
    size: (least, most) => Math.min(most, Math.floor(least * (most / least) ** (next() / 2 ** 32) + below(2))),
    pick: (of) => of[below(of.length)]!,
  };
}

/** The order of `items` mixed in place. */
export function shuffle<T>(items: T[], by: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = by.below(i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
