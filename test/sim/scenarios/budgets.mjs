// Budgets: every two of the calls on budgets and reservations side by side, on one tree in which both want the same room.

import { CALLS, LEAST, pairOf } from "../budgettree.mjs";

const names = Object.keys(CALLS);

export default names.flatMap((first, i) =>
  names.slice(i).map((second, j) => ({
    name: `budgets/${first}+${second}`,
    // Every other pair with minimums.
    ...pairOf(first, second, { least: (i + j) & 1 ? LEAST : 0, bounds: { calm: 3, death: 0, second: -1 } }),
  })),
);
