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

export function copy(to: usize, from: usize, bytes: usize): void {
  memory.copy(to, from, bytes);
}
