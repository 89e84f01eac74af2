// Hash: SipHash-1-3, as it is published, of every length and kind of key; held against an implementation of its own that goes byte by byte.

import { put64, put8 } from "../memory";
import { hash } from "../hash";
import { same } from "./lib";

const AT: usize = heap.alloc(256);
const SEED: usize = heap.alloc(16);
const v = new StaticArray<u64>(4);

function round(): void {
  v[0] += v[1];
  v[2] += v[3];
  v[1] = rotl(v[1], 13) ^ v[0];
  v[3] = rotl(v[3], 16) ^ v[2];
  v[0] = rotl(v[0], 32);
  v[2] += v[1];
  v[0] += v[3];
  v[1] = rotl(v[1], 17) ^ v[2];
  v[3] = rotl(v[3], 21) ^ v[0];
  v[2] = rotl(v[2], 32);
}

function block(word: u64): void {
  v[3] ^= word;
  round();
  v[0] ^= word;
}

/** SipHash with one round for each word and three at the end; the last word's upper byte is `last`. */
function reference(bytes: u32, last: u64): u64 {
  const k0 = load<u64>(SEED);
  const k1 = load<u64>(SEED + 8);
  v[0] = k0 ^ 0x736f6d6570736575;
  v[1] = k1 ^ 0x646f72616e646f6d;
  v[2] = k0 ^ 0x6c7967656e657261;
  v[3] = k1 ^ 0x7465646279746573;
  let word: u64 = 0;
  for (let i: u32 = 0; i < bytes; i++) {
    word |= (<u64>load<u8>(AT + i)) << ((i & 7) << 3);
    if ((i & 7) != 7) continue;
    block(word);
    word = 0;
  }
  block(word | (last << 56));
  v[2] ^= 0xff;
  for (let i = 0; i < 3; i++) round();
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

function countingSeed(): void {
  put64(SEED, 0x0706050403020100);
  put64(SEED + 8, 0x0f0e0d0c0b0a0908);
  for (let i: usize = 0; i < 256; i++) put8(AT + i, <u32>i);
}

describe("the hash", () => {
  it("is SipHash-1-3", () => {
    countingSeed();
    // The first of the published vectors: nothing, under the key 00 01 … 0f.
    same(hash(AT, 0, 0, SEED), 0xabac0158050fc4dc, "of nothing", 0);
    for (let bytes: u32 = 0; bytes < 200; bytes++)
      same(hash(AT, bytes, 0, SEED), reference(bytes, bytes & 0xff), "of bytes", bytes);
  });

  it("does not depend on what stands behind the key", () => {
    countingSeed();
    for (let bytes: u32 = 0; bytes < 40; bytes++) {
      const before = hash(AT, bytes, 0, SEED);
      put8(AT + bytes, 0xee);
      same(hash(AT, bytes, 0, SEED), before, "of bytes", bytes);
      put8(AT + bytes, bytes);
    }
  });

  it("is another for another kind of key", () => {
    countingSeed();
    for (let kind: u32 = 1; kind < 4; kind++) {
      for (let bytes: u32 = 0; bytes < 40; bytes++) {
        same(hash(AT, bytes, kind, SEED), reference(bytes, (bytes + (kind << 6)) & 0xff), "of bytes", bytes);
      }
    }
  });

  it("is another under another secret", () => {
    countingSeed();
    const before = hash(AT, 11, 1, SEED);
    put64(SEED, 1);
    expect<bool>(hash(AT, 11, 1, SEED) == before).toBe(false);
    same(hash(AT, 11, 1, SEED), reference(11, 11 + 64), "under another", 0);
  });
});
