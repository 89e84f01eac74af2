// The random sequences of the heap workloads. Two tables of co-prime lengths are read side by side, so that the same slot
// meets other sizes in every round.
import { logUniform, permutation, tableOf, uniform } from "../lib/rng.mjs";

const SLOT_DRAWS = 65536;
const SIZE_DRAWS = 65521;

const draws = (length, draw, seed) => Uint16Array.from(tableOf(length, draw, seed));
const slots = (count, seed) => draws(SLOT_DRAWS, uniform(0, count - 1), seed);

export const small = uniform(16, 1024);
export const logarithmic = logUniform(16, 65536);

export const replaceTables = () => ({ slots: slots(10_000, 1), sizes: draws(SIZE_DRAWS, small, 2) });
export const logTables = () => ({ slots: slots(4260, 3), sizes: draws(SIZE_DRAWS, logarithmic, 4) });
export const larsonTables = () => ({ slots: slots(5000, 5), sizes: draws(SIZE_DRAWS, uniform(8, 1000), 6) });
export const stressTables = () => ({
  slots: slots(1000, 7),
  sizes: draws(SIZE_DRAWS, logUniform(16, 1024), 8),
  order: permutation(1000, 9),
});
export const threadTables = (index) => ({
  slots: slots(4000, 10 + index),
  sizes: draws(SIZE_DRAWS, small, 20 + index),
});

export const orders = {
  fifo: () => Int32Array.from({ length: 1000 }, (_, i) => i),
  lifo: () => Int32Array.from({ length: 1000 }, (_, i) => 999 - i),
  random: () => permutation(1000, 11),
};
