// Size classes: every size, every class, every offset in every slab, in the smallest and in larger regions.

import { get32, get64, get8 } from "../memory";
import { grains } from "../header";
import { alignedClass, buildClasses, classOf, classSize, geometry } from "../sizeclass";
import {
  CLASSES,
  CLASSES_RECORD,
  CLASS_ENTRY_SHIFT,
  C_BLOCKS,
  C_BYTES,
  C_FULL,
  C_GRAINS,
  C_RECIPROCAL,
  C_RECORDS,
  C_SIZE,
  GRAIN_BYTES,
  KIND_BLOCK,
  RECORD_BYTES,
  SIZE_TABLE,
} from "../shared/layout";
import { CLASS_COUNT, SLAB_BLOCKS_MAX, SLAB_GRAINS_MAX, SMALL_BYTES_MAX } from "../shared/limits";
import { fresh, is, same, text } from "./lib";

/** Fills the tables for a region of `pages` pages. */
function tablesFor(pages: u32): void {
  fresh(pages, 1);
  buildClasses();
}

/** One geometry: blocks and records fit, nothing wraps, and one block more would not fit. */
function geometryHolds(c: u32, recordBytes: u32): void {
  const shape = geometry((c << 2) | (recordBytes ? KIND_BLOCK : 0));
  const what = "class " + text(c) + (recordBytes ? " with records: " : ": ");
  const size = get32(shape + C_SIZE);
  const blocks = get32(shape + C_BLOCKS);
  const bytes = get32(shape + C_GRAINS) * <u32>GRAIN_BYTES;
  same(size, classSize(c), what + "size", c);
  is(blocks >= 1 && blocks <= <u32>SLAB_BLOCKS_MAX, true, what + "blocks", blocks);
  is(get32(shape + C_GRAINS) >= 1 && get32(shape + C_GRAINS) <= <u32>SLAB_GRAINS_MAX, true, what + "grains", bytes);
  same(get32(shape + C_BYTES), blocks * size, what + "bytes of blocks", c);
  same(get64(shape + C_FULL), ((<u64>1) << blocks) - 1, what + "all free", c);
  is(blocks * (size + recordBytes) <= bytes, true, what + "blocks and records fit", c);
  is(
    blocks == <u32>SLAB_BLOCKS_MAX || (blocks + 1) * (size + recordBytes) > bytes,
    true,
    what + "no block more would fit",
    c,
  );
  const records = get32(shape + C_RECORDS);
  if (recordBytes == 0) same(records, 0, what + "records", c);
  else {
    same(records + blocks * recordBytes, bytes, what + "records end with the slab", c);
    is(records >= blocks * size && records % 8 == 0, true, what + "records behind the blocks, aligned", c);
  }
}

/** The reciprocal divides every offset in the slab, multiples or not. */
function reciprocalDivides(shape: usize, c: u32): void {
  const size = get32(shape + C_SIZE);
  const reciprocal = <u64>get32(shape + C_RECIPROCAL);
  const bytes = get32(shape + C_GRAINS) * <u32>GRAIN_BYTES;
  for (let offset: u32 = 0; offset < bytes; offset++) {
    const index = <u32>((<u64>offset * reciprocal) >> 32);
    if (index != offset / size) same(index, offset / size, "class " + text(c) + ", offset", offset);
  }
}

describe("classes", () => {
  it("are 16 to 128 bytes in steps of 8, then eight steps for each doubling to 8 KiB", () => {
    tablesFor(4);
    let size: u32 = 16;
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
      same(classSize(c), size, "size of class", c);
      if (size < 128) size += 8;
      else size += (<u32>1) << (28 - clz(size));
    }
    same(classSize(CLASS_COUNT), SMALL_BYTES_MAX, "size of the last class", CLASS_COUNT);
  });

  it("fit every size from 1 to 8192: the smallest class that is large enough", () => {
    tablesFor(4);
    for (let bytes: u32 = 1; bytes <= <u32>SMALL_BYTES_MAX; bytes++) {
      const c = classOf(bytes);
      is(c >= 1 && c <= <u32>CLASS_COUNT, true, "a class, bytes", bytes);
      is(classSize(c) >= bytes, true, "large enough, bytes", bytes);
      is(c == 1 || classSize(c - 1) < bytes, true, "the smallest, bytes", bytes);
    }
  });

  it("waste at most an eighth of the block from 64 bytes up, and less than 16 bytes below", () => {
    tablesFor(4);
    for (let bytes: u32 = 1; bytes <= <u32>SMALL_BYTES_MAX; bytes++) {
      const waste = classSize(classOf(bytes)) - bytes;
      is(bytes >= 64 ? waste * 8 <= classSize(classOf(bytes)) : waste < 16, true, "waste, bytes", bytes);
    }
  });

  it("leave the rest of the tables untouched", () => {
    tablesFor(4);
    for (let at: usize = 0; at < 32; at += 4) {
      same(get32(CLASSES + at), 0, "class 0, at", at);
      same(get32(CLASSES + CLASSES_RECORD + at), 0, "class 0 with records, at", at);
    }
    same(get8(SIZE_TABLE + (SMALL_BYTES_MAX >>> 3)), CLASS_COUNT, "last entry of the size table", 0);
    same(get8(SIZE_TABLE + (SMALL_BYTES_MAX >>> 3) + 1), 0, "behind the size table", 0);
    same(CLASSES + (64 << CLASS_ENTRY_SHIFT), CLASSES + CLASSES_RECORD, "the second table follows the first", 0);
  });
});

describe("geometry", () => {
  it("holds for every class and kind in regions of 2, 16 and 256 pages", () => {
    for (let pages: u32 = 2; pages <= 256; pages = pages == 2 ? 16 : pages << 4) {
      tablesFor(pages);
      for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
        geometryHolds(c, 0);
        geometryHolds(c, RECORD_BYTES);
      }
    }
  });

  it("divides every offset of every slab by a multiplication", () => {
    tablesFor(256);
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
      reciprocalDivides(geometry(c << 2), c);
      reciprocalDivides(geometry((c << 2) | KIND_BLOCK), c);
    }
  });

  it("makes slabs no longer in a smaller region", () => {
    tablesFor(2);
    const small = new StaticArray<u32>(CLASS_COUNT + 1);
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) small[c] = get32(geometry(c << 2) + C_GRAINS);
    same(grains, 128, "grains", 0);
    tablesFor(256);
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++)
      is(small[c] <= get32(geometry(c << 2) + C_GRAINS), true, "length, class", c);
  });
});

describe("alignedClass", () => {
  it("is the smallest class of enough bytes whose size is a multiple, for every size and alignment", () => {
    tablesFor(4);
    for (let align: u32 = 1; align <= <u32>GRAIN_BYTES; align <<= 1) {
      for (let bytes: u32 = 1; bytes <= <u32>SMALL_BYTES_MAX; bytes += bytes < 256 ? 1 : 13) {
        const c = alignedClass(bytes, align);
        is(
          c != 0 && classSize(c) >= bytes && classSize(c) % align == 0,
          true,
          "align " + text(align) + ", bytes",
          bytes,
        );
        for (let smaller = classOf(bytes); smaller < c; smaller++) {
          is(classSize(smaller) % align != 0, true, "no smaller class, align " + text(align) + ", bytes", bytes);
        }
      }
    }
  });

  it("is 0 when no class is a multiple", () => {
    tablesFor(4);
    same(alignedClass(16, 16384), 0, "class for 16 KiB", 0);
  });
});
