// Bits: arithmetic on words that several layers need. Pure functions.

/** Rounds `value` up to a multiple of `step`, a power of two. */
export function alignUp(value: u32, step: u32): u32 {
  return (value + step - 1) & ~(step - 1);
}

/** Floor of the binary logarithm of `value` > 0. */
export function log2(value: u32): u32 {
  return 31 - clz(value);
}

/** For each byte of `bytes` that equals `byte`: 0xff in its place, else 0. */
export function equalBytes(bytes: u64, byte: u32): u64 {
  const x = bytes ^ (<u64>byte * 0x0101010101010101);
  const high = ~(((x & 0x7f7f7f7f7f7f7f7f) + 0x7f7f7f7f7f7f7f7f) | x | 0x7f7f7f7f7f7f7f7f);
  return (high >> 7) * 0xff;
}
