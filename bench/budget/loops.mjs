// The timed loops of the budget suite. Each takes budgets and gives { run, wrong }: `run(operations)` does that many operations, `wrong` says how
// many answered otherwise than they had to. This module is evaluated once per subject (lib/separate.mjs).

export function pair(budget) {
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      const reservation = budget.tryReserve(64);
      if (reservation === null || !reservation.release()) wrong++;
    }
  };
  return { run, wrong: () => wrong };
}

export function pairTagged(budget) {
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      const reservation = budget.tryReserve(64, "tile");
      if (reservation === null || !reservation.release()) wrong++;
    }
  };
  return { run, wrong: () => wrong };
}

export function refuse(budget) {
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) if (budget.tryReserve(64) !== null) wrong++;
  };
  return { run, wrong: () => wrong };
}

export function check(budget) {
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) if (budget.check(64) !== null) wrong++;
  };
  return { run, wrong: () => wrong };
}

// A raw block that is charged to the budget by the slab it lies in, beside another one there; and the same without a budget.
export function rawPair(budget, region) {
  const { heap } = region;
  const options = budget && { budget };
  const other = heap.allocUnsafe(64, options);
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      const offset = heap.allocUnsafe(64, options);
      if (offset === 0 || !heap.free(offset)) wrong++;
    }
  };
  return { run, wrong: () => wrong, end: () => heap.free(other) };
}

export function blockPair(budget, region) {
  const options = budget && { budget };
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) if (!region.allocate(64, options).release()) wrong++;
  };
  return { run, wrong: () => wrong };
}

// What a program without a region does: bytes of the JavaScript heap, counted in the budget.
export function bufferPair(budget) {
  let wrong = 0;
  let buffer;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      const reservation = budget.tryReserve(64);
      buffer = new Uint8Array(64);
      if (reservation === null || buffer.length !== 64 || !reservation.release()) wrong++;
    }
  };
  return { run, wrong: () => wrong };
}

// The floors: as many empty calls as the work needs at least.
export function emptyPair({ alloc, free }) {
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      const record = alloc(64);
      if (record === 0 || free(record) === 0) wrong++;
    }
  };
  return { run, wrong: () => wrong };
}

export function emptyCall({ alloc }) {
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) if (alloc(64) === 0) wrong++;
  };
  return { run, wrong: () => wrong };
}
