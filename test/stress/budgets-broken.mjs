// Budgets that are broken on purpose, as the specifications and their peers have them: controls, which the stress tests must catch. One
// counter of one limit, shared by all threads.

/** How a counter is kept; `used` is the word at `at` of `words`. */
const BROKEN = {
  /** D01: another thread may add between the look and the addition. */
  checkThenAdd: (words, at, limit) => (bytes) => {
    if (Atomics.load(words, at) + bytes > limit) return false;
    Atomics.add(words, at, bytes);
    return true;
  },
  /** D02: what is about to be taken back is seen by others, who are refused for it. */
  addThenTakeBack: (words, at, limit) => (bytes) => {
    if (Atomics.add(words, at, bytes) + bytes <= limit) return true;
    Atomics.sub(words, at, bytes);
    return false;
  },
};

/** A budget of this kind, as far as the threads use one. */
export function brokenBudget(kind, words, at, limit) {
  const charge = BROKEN[kind](words, at, limit);
  return {
    tryReserve(size) {
      if (!charge(size)) return null;
      return {
        size,
        release() {
          Atomics.sub(words, at, size);
          return true;
        },
      };
    },
  };
}
