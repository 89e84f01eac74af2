// Atomic: the named atomic operations, all sequentially consistent. The only file that uses the `atomic` builtins, so the
// simulator and a reader find every synchronising access by the callers of these names.

export function load32(at: usize): u32 {
  return atomic.load<u32>(at);
}

export function load64(at: usize): u64 {
  return atomic.load<u64>(at);
}

export function store32(at: usize, value: u32): void {
  atomic.store<u32>(at, value);
}

export function store64(at: usize, value: u64): void {
  atomic.store<u64>(at, value);
}

export function load8(at: usize): u32 {
  return atomic.load<u8>(at);
}

/** Compare-and-swap: true when the word held `expected` and now holds `value`. */
export function cas32(at: usize, expected: u32, value: u32): bool {
  return atomic.cmpxchg<u32>(at, expected, value) == expected;
}

/** Compare-and-swap: true when the word held `expected` and now holds `value`. */
export function cas64(at: usize, expected: u64, value: u64): bool {
  return atomic.cmpxchg<u64>(at, expected, value) == expected;
}

/** Compare-and-swap: true when the byte held `expected` and now holds `value`. */
export function cas8(at: usize, expected: u32, value: u32): bool {
  return atomic.cmpxchg<u8>(at, <u8>expected, <u8>value) == <u8>expected;
}

/** Writes `value`; returns the word before. */
export function swap32(at: usize, value: u32): u32 {
  return atomic.xchg<u32>(at, value);
}

/** Writes `value`; returns the byte before. */
export function swap8(at: usize, value: u32): u32 {
  return atomic.xchg<u8>(at, <u8>value);
}

/** Sets these bits. */
export function or32(at: usize, bits: u32): void {
  atomic.or<u32>(at, bits);
}

export function add32(at: usize, value: u32): void {
  atomic.add<u32>(at, value);
}

/** Sets these bits; returns the word before. */
export function or64(at: usize, bits: u64): u64 {
  return atomic.or<u64>(at, bits);
}

export function and64(at: usize, bits: u64): void {
  atomic.and<u64>(at, bits);
}

/** Sleeps while the word at `at` holds `expected`; true if `nanoseconds` went by. Only where the host allows a thread to block. */
export function wait32(at: usize, expected: u32, nanoseconds: i64): bool {
  return atomic.wait<i32>(at, <i32>expected, nanoseconds) == 2;
}

/** Wakes all who sleep at `at`. */
export function notify(at: usize): void {
  atomic.notify(at, -1);
}
