// A counter of what is free below a limit, taken from by compare-and-swap, in plain JavaScript. It stands in two words, because the only
// 64-bit atomic calls are those of BigInt at several times the price: LOW is what requests take from and releases add to, HIGH counts
// units of 16 MiB that LOW borrows from and carries to. Together they are exact to 2^53, and never is more granted than both hold; while
// a unit is between the two, it is nobody's.

// Indices of 32-bit words from the counter's first; LIMIT one of 64-bit words, which never changes.
const LOW = 0;
const HIGH = 1;
const LIMIT = 1;

// 64 threads that each add up to a unit at once do not pass 2^31.
const UNIT = 2 ** 24;

export function openCounters(i32, f64) {
  // The first look may be stale: the compare-and-swap says what there is. Small integers all along: the atomic calls are slow with others.
  const take = (at, bytes) => {
    if (bytes >= UNIT) return takeSlowly(at, bytes);
    const wanted = bytes | 0;
    let low = i32[at + LOW];
    while (low >= wanted) {
      const seen = Atomics.compareExchange(i32, at + LOW, low, low - wanted);
      if (seen === low) return true;
      low = seen;
    }
    return takeSlowly(at, bytes);
  };
  const takeSlowly = (at, bytes) => {
    const units = Math.floor(bytes / UNIT);
    const rest = bytes - units * UNIT;
    while (true) {
      const low = Atomics.load(i32, at + LOW);
      const high = Atomics.load(i32, at + HIGH);
      const borrowed = Math.min(high, low >= rest ? units : units + 1);
      // Less than nothing where a borrowed unit leaves a remainder.
      const fromLow = bytes - borrowed * UNIT;
      if (fromLow > low) {
        if (Atomics.load(i32, at + LOW) === low) return false;
        continue;
      }
      if (borrowed > 0 && Atomics.compareExchange(i32, at + HIGH, high, high - borrowed) !== high) continue;
      if (fromLow < 0) {
        Atomics.add(i32, at + LOW, -fromLow);
        return true;
      }
      if (Atomics.compareExchange(i32, at + LOW, low, low - fromLow) === low) return true;
      Atomics.add(i32, at + HIGH, borrowed);
    }
  };
  const give = (at, bytes) => {
    let rest = bytes;
    if (bytes >= UNIT) {
      const units = Math.floor(bytes / UNIT);
      rest -= units * UNIT;
      Atomics.add(i32, at + HIGH, units);
    }
    const added = rest | 0;
    const low = Atomics.add(i32, at + LOW, added) + added;
    if (low >= 2 * UNIT) carry(at, low);
  };
  const carry = (at, seen) => {
    let low = seen;
    while (low >= 2 * UNIT) {
      const now = Atomics.compareExchange(i32, at + LOW, low, low - UNIT);
      if (now === low) Atomics.add(i32, at + HIGH, 1);
      low = now === low ? low - UNIT : now;
    }
  };
  const lacks = (at, bytes) => {
    const low = Atomics.load(i32, at + LOW);
    return low < bytes && low + Atomics.load(i32, at + HIGH) * UNIT < bytes;
  };
  const used = (at) => f64[(at >> 1) + LIMIT] - Atomics.load(i32, at + HIGH) * UNIT - Atomics.load(i32, at + LOW);
  const limitTo = (at, limit) => {
    f64[(at >> 1) + LIMIT] = limit;
    // At least a unit in LOW and less than two, so that small requests neither borrow nor carry.
    const units = Math.max(0, Math.floor(limit / UNIT) - 1);
    i32[at + HIGH] = units;
    i32[at + LOW] = limit - units * UNIT;
  };
  return { limitTo, take, give, lacks, used };
}
