// Memory: every width at every alignment, and both ways of zeroing, with the bytes around them watched.

import { copy, get32, get64, get8, put32, put64, put8, zero, zeroShort } from "../memory";
import { same, text } from "./lib";

const AT: usize = 65536;
const AROUND: usize = 64;

function dirty(bytes: usize): void {
  memory.fill(AT - AROUND, 0xa5, bytes + 2 * AROUND);
}

/** Each byte of [AT, AT + bytes) is 0, and AROUND bytes before and after are as they were. */
function isZeroed(bytes: usize): void {
  for (let p = AT - AROUND; p < AT + bytes + AROUND; p++) {
    const inside = p >= AT && p < AT + bytes;
    same(get8(p), inside ? 0 : 0xa5, "byte after zeroing " + text(bytes) + " at offset", p - AT);
  }
}

describe("plain loads and stores", () => {
  it("keep every byte value and touch no other byte", () => {
    for (let value: u32 = 0; value < 256; value++) {
      dirty(8);
      put8(AT, value | 0x100);
      same(get8(AT), value, "byte", value);
      same(get8(AT - 1), 0xa5, "byte before", value);
      same(get8(AT + 1), 0xa5, "byte after", value);
    }
  });

  it("are little-endian and as wide as their names say", () => {
    dirty(16);
    put64(AT, 0x0807060504030201);
    for (let i: u32 = 0; i < 8; i++) same(get8(AT + i), i + 1, "byte", i);
    same(get8(AT + 8), 0xa5, "byte", 8);
    same(get32(AT), 0x04030201, "low word", 0);
    same(get32(AT + 4), 0x08070605, "high word", 4);
    put32(AT, 0xfffffffe);
    same(get64(AT), 0x08070605fffffffe, "double word", 0);
  });
});

describe("zero", () => {
  it("zeroes each multiple of 8 up to beyond the length at which it changes its way, and nothing else", () => {
    for (let bytes: usize = 0; bytes <= 544; bytes += 8) {
      dirty(bytes);
      zero(AT, bytes);
      isZeroed(bytes);
    }
  });

  it("needs no alignment beyond 8", () => {
    for (let bytes: usize = 8; bytes <= 64; bytes += 8) {
      dirty(bytes + 8);
      zero(AT + 8, bytes);
      same(get64(AT), 0xa5a5a5a5a5a5a5a5, "before", bytes);
      same(get64(AT + bytes), 0, "last word", bytes);
      same(get64(AT + 8 + bytes), 0xa5a5a5a5a5a5a5a5, "after", bytes);
    }
  });
});

describe("zeroShort", () => {
  it("zeroes each multiple of 8 from 16 to 128, and nothing else", () => {
    for (let bytes: usize = 16; bytes <= 128; bytes += 8) {
      dirty(bytes);
      zeroShort(AT, bytes);
      isZeroed(bytes);
    }
  });
});

describe("copy", () => {
  it("copies overlapping ranges as if through a third place, in both directions", () => {
    for (let i: u32 = 0; i < 32; i++) put8(AT + i, i);
    copy(AT + 4, AT, 24);
    for (let i: u32 = 0; i < 24; i++) same(get8(AT + 4 + i), i, "byte moved up", i);
    copy(AT, AT + 4, 24);
    for (let i: u32 = 0; i < 24; i++) same(get8(AT + i), i, "byte moved down", i);
  });
});
