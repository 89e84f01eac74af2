// Header: where the tables of a region of each size stand, and which memories may be opened.

import { get32, put32 } from "../memory";
import { load32, store32 } from "../atomic";
import {
  auxes,
  forgetHeader,
  format,
  grains,
  hintWords,
  hints,
  homes,
  isPoisoned,
  maxOwners,
  openHeader,
  poison,
  publish,
  slabBits,
  tableBytes,
  words,
} from "../header";
import {
  GRAIN_BYTES,
  HINT_BITMAPS,
  HOME_SHIFT,
  H_BUILD,
  H_CAPACITY,
  H_CLOSED,
  H_LAYOUT,
  H_MAGIC,
  H_POISON,
  MAGIC,
  SLOTS,
  SLOT_BYTES,
  UNIT_SHIFT,
} from "../shared/layout";
import { OWNERS_MAX, REGION_PAGES_MAX, REGION_PAGES_MIN, WASM_PAGE_BYTES } from "../shared/limits";
import { BAD_BIN, BAD_CHAIN, CLOSED, NOT_A_REGION, OK, POISONED, TOO_LARGE } from "../shared/status";
import { fresh, is, reopen, same, wipe } from "./lib";

/** The tables stand one behind the other, each long enough, and the heap begins at the next grain. */
function tablesFit(pages: u32): void {
  const total: u32 = pages * (WASM_PAGE_BYTES / GRAIN_BYTES);
  same(grains, total, "grains of pages", pages);
  is(hintWords * 64 >= (total + (1 << UNIT_SHIFT) - 1) >>> UNIT_SHIFT, true, "a hint bit for each unit, pages", pages);
  same(hints, SLOTS + (maxOwners + 1) * SLOT_BYTES, "hints behind the slots, pages", pages);
  same(homes, hints + HINT_BITMAPS * hintWords * 8, "homes behind the hints, pages", pages);
  is(slabBits >= homes + ((total + 63) >>> HOME_SHIFT), true, "a home for each 64 grains, pages", pages);
  same(
    hintWords << 3,
    (hintWords << (UNIT_SHIFT + 6)) >>> HOME_SHIFT,
    "a home byte for each byte of hints, pages",
    pages,
  );
  same(slabBits & 63, 0, "bits[] begins at a cache line, pages", pages);
  same(words, slabBits + total * 8, "word[] behind bits[], pages", pages);
  same(auxes, words + total * 4, "aux[] behind word[], pages", pages);
  is(<usize>tableBytes() >= auxes + total * 4, true, "the heap behind aux[], pages", pages);
  is(tableBytes() - <u32>(auxes + total * 4) < <u32>GRAIN_BYTES, true, "no grain wasted, pages", pages);
}

describe("format", () => {
  it("lays the tables out without overlap for every number of pages up to 256", () => {
    for (let pages: u32 = REGION_PAGES_MIN; pages <= 256; pages++) {
      wipe();
      same(format(pages, 1, false), OK, "format, pages", pages);
      tablesFit(pages);
    }
  });

  it("lays the tables out without overlap for every number of owners", () => {
    for (let owners: u32 = 1; owners <= <u32>OWNERS_MAX; owners++) {
      wipe();
      same(format(64, owners, false), OK, "format, owners", owners);
      same(maxOwners, owners, "owners", owners);
      tablesFit(64);
    }
  });

  it("keeps every address of the largest region below 2^32", () => {
    wipe();
    same(format(REGION_PAGES_MAX, OWNERS_MAX, false), OK, "format", 0);
    same(get32(H_CAPACITY), <u32>REGION_PAGES_MAX * <u32>WASM_PAGE_BYTES, "capacity", 0);
    tablesFit(REGION_PAGES_MAX);
    is(auxes > words && words > slabBits && slabBits > homes, true, "no address wrapped", 0);
  });

  it("refuses too few and too many pages and owners", () => {
    wipe();
    same(format(REGION_PAGES_MIN - 1, 1, false), NOT_A_REGION, "too few pages", 0);
    same(format(REGION_PAGES_MAX + 1, 1, false), NOT_A_REGION, "too many pages", 0);
    same(format(4, 0, false), NOT_A_REGION, "no owner", 0);
    same(format(4, OWNERS_MAX + 1, false), NOT_A_REGION, "too many owners", 0);
    same(get32(H_CAPACITY), 0, "capacity after refusals", 0);
  });

  it("says TOO_LARGE exactly when the tables leave no grain", () => {
    for (let owners: u32 = 1; owners <= <u32>OWNERS_MAX; owners++) {
      wipe();
      const status = format(2, owners, false);
      const tables = SLOTS + (owners + 1) * SLOT_BYTES + HINT_BITMAPS * 8 + 64 + 128 * 16;
      const fits = tables <= 127 * <u32>GRAIN_BYTES;
      same(status, fits ? OK : TOO_LARGE, "format, owners", owners);
    }
  });

  it("refuses a memory that is a region already", () => {
    fresh(4, 2);
    same(format(4, 2, false), NOT_A_REGION, "format", 0);
  });
});

describe("openHeader", () => {
  it("opens what was published, and finds the same tables", () => {
    fresh(16, 3);
    const wordsWere = words;
    const auxesWere = auxes;
    const slabBitsWere = slabBits;
    forgetHeader();
    same(grains, 0, "grains after forgetting", 0);
    same(reopen(), OK, "status", 0);
    same(words, wordsWere, "word[]", 0);
    same(auxes, auxesWere, "aux[]", 0);
    same(slabBits, slabBitsWere, "bits[]", 0);
    tablesFit(16);
  });

  it("opens nothing before the magic is stored", () => {
    wipe();
    format(4, 1, false);
    same(reopen(), NOT_A_REGION, "before", 0);
    publish();
    same(get32(H_MAGIC), MAGIC, "magic", 0);
    same(reopen(), OK, "after", 0);
  });

  it("refuses another layout, another build, another capacity", () => {
    fresh(4, 1);
    same(openHeader(), NOT_A_REGION, "with a capacity that is not the memory's", 0);
    put32(H_LAYOUT, get32(H_LAYOUT) + 1);
    same(reopen(), NOT_A_REGION, "with another layout", 0);
    put32(H_LAYOUT, get32(H_LAYOUT) - 1);
    put32(H_BUILD, get32(H_BUILD) ^ 1);
    same(reopen(), NOT_A_REGION, "with another build", 0);
    put32(H_BUILD, get32(H_BUILD) ^ 1);
    same(reopen(), OK, "as it was", 0);
  });

  it("refuses a closed and a poisoned region, and says which", () => {
    fresh(4, 1);
    store32(H_CLOSED, 1);
    same(reopen(), CLOSED, "closed", 0);
    store32(H_CLOSED, 0);
    poison(BAD_CHAIN);
    same(reopen(), POISONED, "poisoned", 0);
  });
});

describe("poison", () => {
  it("keeps the first code", () => {
    fresh(4, 1);
    is(isPoisoned(), false, "at first", 0);
    poison(BAD_CHAIN);
    poison(BAD_BIN);
    is(isPoisoned(), true, "afterwards", 0);
    same(load32(H_POISON), BAD_CHAIN, "code", 0);
  });
});
