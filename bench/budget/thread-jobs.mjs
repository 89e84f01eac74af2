// What a member of a two-thread row can be told to do; the numbers are what the team's control words carry.
export const PAIRS = 0;
export const TIGHT = 1;
export const LEAVE = 2;

export const BYTES = 64;

// A lock may let one thread through again and again while the other spins or sleeps. So a round ends when the first is done: until then
// all want in, and what all did and spent counts.
const STEP = 32;
const DONE = 32;
const SPACING = 32;

export const makeBoard = () => new Int32Array(new SharedArrayBuffer(4 * (DONE + 2 * SPACING)));

export function pairsJob(run, board, index) {
  return (operations) => {
    let done = 0;
    while (done < operations && Atomics.load(board, 0) === 0) {
      run(STEP);
      done += STEP;
    }
    Atomics.store(board, 0, 1);
    board[DONE + SPACING * index] = done;
  };
}

export const openBoard = (board) => Atomics.store(board, 0, 0);
export const doneOn = (board) => board[DONE] + board[DONE + SPACING];

// Requests on this thread's leaf, of which no more than one at a time fits in the root: who is let in counts who else is.
export function tightJob(budget, inside) {
  return (operations) => {
    for (let i = 0; i < operations; i++) {
      const reservation = budget.tryReserve(BYTES);
      if (reservation === null) continue;
      if (Atomics.add(inside, 0, 1) !== 0) throw new Error("a limit was passed");
      Atomics.sub(inside, 0, 1);
      if (!reservation.release()) throw new Error("a release was refused");
    }
  };
}
