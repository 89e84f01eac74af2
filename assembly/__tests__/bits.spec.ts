// Bits: exhaustive over small words, and over every byte value for the byte comparison.

import { alignUp, equalBytes, log2 } from "../bits";
import { is, same, text } from "./lib";

/** equalBytes, one byte at a time. */
function slowEqualBytes(bytes: u64, byte: u32): u64 {
  let mask: u64 = 0;
  for (let i: u64 = 0; i < 64; i += 8) {
    if (((bytes >> i) & 0xff) == byte) mask |= (<u64>0xff) << i;
  }
  return mask;
}

describe("alignUp", () => {
  it("gives the next multiple of each power of two, for every value up to 4096", () => {
    for (let step: u32 = 1; step <= 2048; step <<= 1) {
      for (let value: u32 = 0; value <= 4096; value++) {
        const up = alignUp(value, step);
        is(up % step == 0 && up >= value && up - value < step, true, "multiple of " + text(step), value);
      }
    }
  });
});

describe("log2", () => {
  it("is the position of the highest bit, on and beside every power of two", () => {
    for (let e: u32 = 0; e < 32; e++) {
      const power = (<u32>1) << e;
      same(log2(power), e, "log2 of 2 to the", e);
      if (e > 1) same(log2(power - 1), e - 1, "log2 of one less than 2 to the", e);
      if (e > 0) same(log2(power + 1), e, "log2 of one more than 2 to the", e);
    }
  });
});

describe("equalBytes", () => {
  it("finds every byte value at every place among bytes that differ by one bit", () => {
    for (let byte: u32 = 0; byte < 256; byte++) {
      for (let bit: u32 = 0; bit < 8; bit++) {
        const other = <u64>(byte ^ (1 << bit)) * 0x0101010101010101;
        same(equalBytes(other, byte), 0, "mask where nothing equals", byte);
        for (let place: u64 = 0; place < 64; place += 8) {
          const bytes = (other & ~((<u64>0xff) << place)) | ((<u64>byte) << place);
          same(equalBytes(bytes, byte), (<u64>0xff) << place, "mask of byte", byte);
        }
      }
    }
  });

  it("agrees with a comparison byte by byte on all patterns of eight bytes that equal or differ", () => {
    for (let pattern: u32 = 0; pattern < 256; pattern++) {
      let bytes: u64 = 0;
      for (let i: u32 = 0; i < 8; i++) bytes |= (<u64>((pattern >> i) & 1 ? 7 : 0x87 + i)) << (i << 3);
      same(equalBytes(bytes, 7), slowEqualBytes(bytes, 7), "mask for pattern", pattern);
      same(equalBytes(bytes, 0x80), slowEqualBytes(bytes, 0x80), "mask of 0x80 for pattern", pattern);
    }
  });
});
