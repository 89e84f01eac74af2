// Hash: SipHash-1-3 of a key under a cache's own secret, so that nobody who does not know it can choose keys that collide. Owns nothing.

import { get64 } from "./memory";

/**
 * The hash of the `bytes` bytes at `at`, under the two words at `seed`; keys of different `kind` (0 … 3) have different ones. May read up to 7
 * bytes further.
 */
export function hash(at: usize, bytes: u32, kind: u32, seed: usize): u64 {
  const k0 = get64(seed);
  const k1 = get64(seed + 8);
  let a: u64 = k0 ^ 0x736f6d6570736575;
  let b: u64 = k1 ^ 0x646f72616e646f6d;
  let c: u64 = k0 ^ 0x6c7967656e657261;
  let d: u64 = k1 ^ 0x7465646279746573;
  const rest = bytes & 7;
  const last = (<u64>((bytes + (kind << 6)) & 0xff)) << 56;
  // The words of the key, and one that ends it.
  for (let left: i32 = <i32>(bytes >>> 3); left >= 0; left--) {
    const word = left > 0 ? get64(at) : last | (rest == 0 ? 0 : get64(at) & (((<u64>1) << (rest << 3)) - 1));
    at += 8;
    d ^= word;
    a += b;
    b = rotl(b, 13) ^ a;
    a = rotl(a, 32);
    c += d;
    d = rotl(d, 16) ^ c;
    a += d;
    d = rotl(d, 21) ^ a;
    c += b;
    b = rotl(b, 17) ^ c;
    c = rotl(c, 32);
    a ^= word;
  }
  c ^= 0xff;
  // Three rounds more, one behind the other: each turn of a loop costs as much as half of one.
  a += b;
  b = rotl(b, 13) ^ a;
  a = rotl(a, 32);
  c += d;
  d = rotl(d, 16) ^ c;
  a += d;
  d = rotl(d, 21) ^ a;
  c += b;
  b = rotl(b, 17) ^ c;
  c = rotl(c, 32);
  a += b;
  b = rotl(b, 13) ^ a;
  a = rotl(a, 32);
  c += d;
  d = rotl(d, 16) ^ c;
  a += d;
  d = rotl(d, 21) ^ a;
  c += b;
  b = rotl(b, 17) ^ c;
  c = rotl(c, 32);
  a += b;
  b = rotl(b, 13) ^ a;
  a = rotl(a, 32);
  c += d;
  d = rotl(d, 16) ^ c;
  a += d;
  d = rotl(d, 21) ^ a;
  c += b;
  b = rotl(b, 17) ^ c;
  c = rotl(c, 32);
  return a ^ b ^ c ^ d;
}
