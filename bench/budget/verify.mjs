// A short proof that a tree does the job it is timed at: limits of all levels to the byte and past 32 bits, refusal without a trace,
// release once, and (where it keeps records) what a thread held, found by its number from outside and given back once.
import assert from "node:assert/strict";

const TIB = 2 ** 40;
const OWNER = 1;
const MANY = 3000;

export async function verify(name, tree) {
  const root = tree.budget(TIB + 100);
  const middle = tree.budget(2 * TIB, root);
  const leaf = tree.budget(TIB + 90, middle);
  const other = tree.budget(1000, root);
  const all = [root, middle, leaf, other];
  const holds = (...bytes) =>
    assert.deepEqual(
      all.map((budget) => budget.usedBytes),
      bytes,
      `${name}: used bytes`,
    );

  const large = leaf.tryReserve(TIB);
  const small = leaf.tryReserve(90, "tile");
  holds(TIB + 90, TIB + 90, TIB + 90, 0);
  assert.equal(leaf.tryReserve(1), null, `${name}: its own limit`);
  assert.equal(other.tryReserve(11), null, `${name}: the root's limit`);
  assert.notEqual(other.check(11), null);
  assert.equal(other.check(10), null);
  holds(TIB + 90, TIB + 90, TIB + 90, 0);
  const last = other.tryReserve(10, "tile");
  holds(TIB + 100, TIB + 90, TIB + 90, 10);
  for (const bytes of [-1, 0.5, NaN])
    assert.throws(() => leaf.tryReserve(bytes), RangeError, `${name}: ${bytes} bytes`);

  if (tree.heldBy) verifyRecords(name, tree, last);
  for (const reservation of [small, last, large]) reservation.release();
  for (const reservation of [small, last, large])
    assert.equal(reservation.release(), false, `${name}: a second release`);
  holds(0, 0, 0, 0);

  const many = Array.from({ length: MANY }, (_, i) => leaf.tryReserve(i));
  holds(...[1, 1, 1, 0].map((factor) => (factor * MANY * (MANY - 1)) / 2));
  for (const reservation of many) assert.equal(reservation.release(), true, `${name}: a release`);
  holds(0, 0, 0, 0);
  tree.close?.();
}

// What another thread would do after the owner's death.
function verifyRecords(name, tree, last) {
  const held = tree.heldBy(OWNER);
  assert.deepEqual(
    held.map(({ bytes }) => bytes).toSorted((a, b) => a - b),
    [10, 90, TIB],
    `${name}: its records`,
  );
  const mine = tree.open(held.find(({ bytes }) => bytes === 10));
  assert.equal(mine.release(), true);
  assert.equal(last.release(), false, `${name}: released by another`);
}
