// Memory: plain loads and stores, and the two bulk operations. The only file besides atomic.ts that touches an address; what
// goes through here is either private to one thread, guarded by the page lock, or a hint that a compare-and-swap validates.

export function get8(at: usize): u32 {
  return load<u8>(at);
}

export function put8(at: usize, value: u32): void {
  store<u8>(at, <u8>value);
}

export function get32(at: usize): u32 {
  return load<u32>(at);
}

export function put32(at: usize, value: u32): void {
  store<u32>(at, value);
}

export function get64(at: usize): u64 {
  return load<u64>(at);
}

export function getFloat(at: usize): f64 {
  return reinterpret<f64>(get64(at));
}

export function put64(at: usize, value: u64): void {
  store<u64>(at, value);
}

// A call of memory.fill costs as much as some ten stores of 16 bytes; up to here the stores win.
const STORES_MAX: usize = 256;

/** Zeroes `bytes` bytes at `at`; both are multiples of 8. */
export function zero(at: usize, bytes: usize): void {
  if (bytes > STORES_MAX) {
    memory.fill(at, 0, bytes);
    return;
  }
  const end = at + bytes;
  if (bytes & 8) {
    store<u64>(at, 0);
    at += 8;
  }
  while (at < end) {
    v128.store(at, i64x2.splat(0));
    at += 16;
  }
}

/** Zeroes without a loop or a call of ours, where an exception must not fall. */
export function wipe(at: usize, bytes: usize): void {
  memory.fill(at, 0, bytes);
}

/**
 * Zeroes `bytes` bytes at `at`, a multiple of 8 from 16 to 128, without a loop (each turn of one costs a stack check): stores from both
 * ends that meet or overlap in the middle.
 */
export function zeroShort(at: usize, bytes: usize): void {
  const end = at + bytes;
  const none = i64x2.splat(0);
  v128.store(at, none);
  v128.store(end - 16, none);
  if (bytes <= 32) return;
  v128.store(at + 16, none);
  v128.store(end - 32, none);
  if (bytes <= 64) return;
  v128.store(at + 32, none);
  v128.store(at + 48, none);
  v128.store(end - 48, none);
  v128.store(end - 64, none);
}

const SHORT_MAX: usize = 128;

/** Copies `bytes` ≤ 128 bytes by loads and stores from both ends that meet or overlap in the middle: a call of memory.copy costs as much as ten. */
export function copyShort(to: usize, from: usize, bytes: usize): void {
  if (bytes >= 16) {
    const last = bytes - 16;
    const a = v128.load(from);
    const z = v128.load(from + last);
    if (bytes > 32) {
      const b = v128.load(from + 16);
      const y = v128.load(from + last - 16);
      if (bytes > 64) {
        const c = v128.load(from + 32);
        const d = v128.load(from + 48);
        const w = v128.load(from + last - 48);
        const x = v128.load(from + last - 32);
        v128.store(to + 32, c);
        v128.store(to + 48, d);
        v128.store(to + last - 48, w);
        v128.store(to + last - 32, x);
      }
      v128.store(to + 16, b);
      v128.store(to + last - 16, y);
    }
    v128.store(to, a);
    v128.store(to + last, z);
  } else if (bytes >= 8) {
    const a = load<u64>(from);
    const z = load<u64>(from + bytes - 8);
    store<u64>(to, a);
    store<u64>(to + bytes - 8, z);
  } else if (bytes >= 4) {
    const a = load<u32>(from);
    const z = load<u32>(from + bytes - 4);
    store<u32>(to, a);
    store<u32>(to + bytes - 4, z);
  } else {
    for (let i: usize = 0; i < bytes; i++) store<u8>(to + i, load<u8>(from + i));
  }
}

/** As `copy`, for what is mostly short. */
export function copyValue(to: usize, from: usize, bytes: usize): void {
  if (bytes <= SHORT_MAX) copyShort(to, from, bytes);
  else memory.copy(to, from, bytes);
}

/** Which of the twelve 64-bit words at `at` have `value` in those bits of their upper half that are set in `mask`: a bit for each. */
export function matchUpper(at: usize, value: u32, mask: u32): u32 {
  const wanted = i32x4.splat(value);
  const those = i32x4.splat(mask);
  return (
    oddLanes(v128.and(v128.load(at), those), wanted) |
    (oddLanes(v128.and(v128.load(at, 16), those), wanted) << 2) |
    (oddLanes(v128.and(v128.load(at, 32), those), wanted) << 4) |
    (oddLanes(v128.and(v128.load(at, 48), those), wanted) << 6) |
    (oddLanes(v128.and(v128.load(at, 64), those), wanted) << 8) |
    (oddLanes(v128.and(v128.load(at, 80), those), wanted) << 10)
  );
}

/** Which of the twelve 64-bit words at `at` have `value` in their lower half: a bit for each. */
export function matchLower(at: usize, value: u32): u32 {
  const wanted = i32x4.splat(value);
  return (
    evenLanes(v128.load(at), wanted) |
    (evenLanes(v128.load(at, 16), wanted) << 2) |
    (evenLanes(v128.load(at, 32), wanted) << 4) |
    (evenLanes(v128.load(at, 48), wanted) << 6) |
    (evenLanes(v128.load(at, 64), wanted) << 8) |
    (evenLanes(v128.load(at, 80), wanted) << 10)
  );
}

/** Whether the first and the third lane are as wanted, in two bits. */
function evenLanes(lanes: v128, wanted: v128): u32 {
  const same = i32x4.bitmask(i32x4.eq(lanes, wanted));
  return (same & 1) | ((same >>> 1) & 2);
}

/** Whether the second and the fourth lane are as wanted, in two bits. */
function oddLanes(lanes: v128, wanted: v128): u32 {
  const same = i32x4.bitmask(i32x4.eq(lanes, wanted));
  return ((same >>> 1) & 1) | ((same >>> 2) & 2);
}

export function copy(to: usize, from: usize, bytes: usize): void {
  memory.copy(to, from, bytes);
}
