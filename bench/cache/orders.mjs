// In which order entries are asked for.
import { makeRandom } from "../lib/rng.mjs";

const ORDER = 2 ** 18;
const SKEW = 0.9;

export function uniform(entries) {
  const random = makeRandom(0xcac4e);
  return Uint32Array.from({ length: ORDER }, () => random() * entries);
}

// How often entry i is asked for falls with 1 / (i + 1)^0.9; which entry that is, is shuffled.
export function zipf(entries) {
  const random = makeRandom(0xcac4e);
  const sums = new Float64Array(entries);
  for (let i = 0, sum = 0; i < entries; i++) sums[i] = sum += (i + 1) ** -SKEW;
  const names = Uint32Array.from({ length: entries }, (_, i) => i);
  for (let i = entries - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [names[i], names[j]] = [names[j], names[i]];
  }
  return Uint32Array.from({ length: ORDER }, () => names[rankOf(sums, random() * sums[entries - 1])]);
}

function rankOf(sums, wanted) {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
