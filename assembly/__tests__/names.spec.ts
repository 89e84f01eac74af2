// Names: texts that threads share by number. Equal texts have equal numbers, whoever asks and however many there are; a name that a
// death cut is none.

import { get32, get8, put32, put8 } from "../memory";
import { load32, store32 } from "../atomic";
import { chunkEnd, newestChunk, nextChunk } from "../pool";
import { poison } from "../header";
import { takeLarge } from "../heap";
import { intern } from "../names";
import { closeBudget } from "../nodes";
import { leave, slot } from "../owners";
import { closeRing, leaveRing } from "../ringlife";
import {
  B_STATE,
  CHUNK_COUNT,
  CHUNK_HEADER,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  H_BUDGET_LOCK,
  H_COMMITTED,
  H_NAMES,
  H_NAMES_GONE,
  H_NODES,
  H_RECORDS,
  KIND_RAW,
  NAME_BYTES,
  NAME_CHUNK_GRAINS,
  N_LENGTH,
  N_TEXT,
  OWNER_DEAD,
  S_OUT,
} from "../shared/layout";
import { NAME_BYTES_MAX } from "../shared/limits";
import { BAD_BUDGET, BAD_CHAIN, BUSY, FULL, OK, POISONED } from "../shared/status";
import {
  become,
  checkAll,
  countOf,
  fresh,
  is,
  longestRun,
  problemWhere,
  regionHash,
  same,
  setState,
  smallHeap,
  sound,
} from "./lib";
import { Shape, open } from "./rings";
import { budget as newBudget, isAtRest, isRefused, latchedBy } from "./tree";

const NAMES_OF_CHUNK: u32 = (NAME_CHUNK_GRAINS * GRAIN_BYTES - CHUNK_HEADER) / NAME_BYTES;

/** Byte `i` of text number `n`: two texts of one length differ in one byte at most places, first or last. */
function byteOf(n: u32, i: u32, length: u32): u32 {
  if (i == 0) return n & 0xff;
  return i + 1 == length ? (n >>> 8) & 0xff : 0x61 + (i % 26);
}

/** The number of text `n` of this length, as this owner asks for it: for ever, or (0) to make something of it. */
function name(n: u32, length: u32, kept: u32 = 1): usize {
  for (let i: u32 = 0; i < length; i++) put8(slot + S_OUT + i, byteOf(n, i, length));
  return intern(length, kept);
}

/** The name says the text. */
function says(at: usize, n: u32, length: u32): void {
  same(get32(at + N_LENGTH), length, "length, text", n);
  for (let i: u32 = 0; i < length; i++) {
    if (get8(at + N_TEXT + i) != byteOf(n, i, length)) same(get8(at + N_TEXT + i), byteOf(n, i, length), "byte", i);
  }
}

function chunks(): u32 {
  let count: u32 = 0;
  for (let chunk = newestChunk(H_NAMES); chunk != 0; chunk = nextChunk(chunk)) count++;
  return count;
}

/** How many names there are. */
function names(): u32 {
  let count: u32 = 0;
  for (let chunk = newestChunk(H_NAMES); chunk != 0; chunk = nextChunk(chunk)) count += get32(chunk + CHUNK_COUNT);
  return count;
}

describe("intern", () => {
  it("gives every length from 1 byte to the longest a number, and the same again to any owner", () => {
    fresh(4, 3);
    const numbers = new Array<usize>();
    for (let length: u32 = 1; length <= <u32>NAME_BYTES_MAX; length++) numbers.push(name(7, length));
    for (let owner: u32 = 1; owner <= 3; owner++) {
      become(owner);
      for (let length: u32 = 1; length <= <u32>NAME_BYTES_MAX; length++) {
        same(name(7, length), numbers[length - 1], "again, length", length);
        says(numbers[length - 1], 7, length);
      }
    }
    same(names(), NAME_BYTES_MAX, "names", 0);
    isAtRest("interned", 0);
    sound("interned", 0);
  });

  it("refuses no text and one that is too long, and then nothing is changed", () => {
    fresh(4, 2);
    is(name(1, 5) != 0, true, "a name", 0);
    const lengths: StaticArray<u32> = [0, NAME_BYTES_MAX + 1, 64, 255, 256 + 5, 0x80000005, 0xffffffff];
    const before = regionHash();
    for (let i = 0; i < lengths.length; i++) same(intern(lengths[i], 1), 0, "length", lengths[i]);
    same(regionHash(), before, "words", 0);
  });

  it("tells texts apart by each byte and by their length", () => {
    fresh(4, 2);
    for (let length: u32 = 1; length <= <u32>NAME_BYTES_MAX; length += 11) {
      const first = name(0, length);
      for (let i: u32 = 0; i < length; i++) {
        for (let j: u32 = 0; j < length; j++) put8(slot + S_OUT + j, byteOf(0, j, length) ^ (i == j ? 1 : 0));
        is(intern(length, 1) != first, true, "another byte", i);
      }
      same(name(0, length), first, "the first", length);
    }
    // What stands behind a text in S_OUT is not of it.
    const short = name(3, 4);
    put8(slot + S_OUT + 4, 0xff);
    same(intern(4, 1), short, "a byte behind it", 0);
    sound("apart", 0);
  });

  it("begins a new chunk when the newest is full, and finds a name in whichever chunk it stands", () => {
    fresh(4, 2);
    const numbers = new Array<usize>();
    const committed = get32(H_COMMITTED);
    const count: u32 = 7 * NAMES_OF_CHUNK + 3;
    for (let n: u32 = 0; n < count; n++) {
      numbers.push(name(n, 3 + (n % 50)));
      same(chunks(), n / NAMES_OF_CHUNK + 1, "chunks", n);
      same(numbers[n], chunkEnd(newestChunk(H_NAMES), NAME_BYTES) - NAME_BYTES, "the last of the newest", n);
    }
    same(get32(H_COMMITTED), committed + 8 * NAME_CHUNK_GRAINS, "committed", 0);
    same(get32(H_NODES) | get32(H_RECORDS), 0, "the other pools", 0);
    for (let n: u32 = 0; n < count; n++) {
      says(numbers[n], n, 3 + (n % 50));
      same(name(n, 3 + (n % 50)), numbers[n], "again", n);
    }
    same(names(), count, "names", 0);
    sound("many", 0);
  });

  it("answers FULL for a new text when there is no room for a chunk, with nothing changed, and finds every old one", () => {
    smallHeap(8, 2);
    for (let n: u32 = 0; n < NAMES_OF_CHUNK; n++) is(name(n, 9) != 0, true, "a name", n);
    is(takeLarge(longestRun() << GRAIN_SHIFT, 1, KIND_RAW) != 0, true, "the rest of the heap", 0);
    const first = newestChunk(H_NAMES) + CHUNK_HEADER;
    same(name(NAMES_OF_CHUNK, 9), 0, "one more", 0);
    isRefused(FULL, 0, "one more", 0);
    isAtRest("one more", 0);
    same(names(), NAMES_OF_CHUNK, "names", 0);
    for (let n: u32 = 0; n < NAMES_OF_CHUNK; n++) same(name(n, 9), first + n * NAME_BYTES, "an old one", n);
    sound("full", 0);
  });

  it("is BUSY while another holds the latch, and refused where the region is poisoned or it is attached to nothing", () => {
    fresh(4, 2);
    const first = name(1, 9);
    become(2);
    become(1);
    latchedBy(2);
    same(name(2, 9), 0, "a new one", 0);
    isRefused(BUSY, 0, "a new one", 0);
    same(name(1, 9), 0, "an old one", 0);
    store32(H_BUDGET_LOCK, 0);
    same(name(1, 9), first, "afterwards", 0);
    poison(BAD_CHAIN);
    same(name(1, 9), 0, "poisoned", 0);
    isRefused(POISONED, 0, "poisoned", 0);
    leave();
    same(intern(5, 1), 0, "attached to nothing", 0);
    same(names(), 1, "names", 0);
  });
});

describe("a name that nobody uses", () => {
  it("goes when there is no room for another: not one that is kept, asked for last, a budget's or a ring's", () => {
    fresh(4, 3);
    const kept = name(0, 9);
    become(2);
    const theirs = name(1, 9, 0);
    become(1);
    const budget = name(2, 9, 0);
    const node = newBudget(0, <u32>budget, 100, 0);
    const ring = name(3, 9, 0);
    const at = open(new Shape(2), <u32>ring);
    const first = name(4, 9, 0);
    for (let n: u32 = 5; n < NAMES_OF_CHUNK; n++) is(name(n, 9, 0) != 0, true, "a name", n);
    same(chunks(), 1, "chunks", 0);
    const before = load32(H_NAMES_GONE);
    const next = name(100, 20, 0);
    is(next != 0 && chunks() == 1, true, "in the place of another", 0);
    says(next, 100, 20);
    same(load32(H_NAMES_GONE), before + 1, "it is said", 0);
    same(name(0, 9, 0), kept, "kept", 0);
    same(name(1, 9, 0), theirs, "asked for last", 0);
    same(name(2, 9, 0), budget, "a budget's", 0);
    same(name(3, 9, 0), ring, "a ring's", 0);
    sound("some went", 0);
    // As many again: what went makes room for them.
    for (let n: u32 = 200; n < 200 + 10 * NAMES_OF_CHUNK; n++) is(name(n, 5, 0) != 0, true, "one more", n);
    same(chunks(), 1, "chunks", 1);
    is(first != 0, true, "it was there", 0);
    closeRing(at);
    same(leaveRing(at), OK, "left", 0);
    same(closeBudget(node, get32(node + B_STATE)), OK, "closed", 0);
    for (let n: u32 = 500; n < 500 + 2 * NAMES_OF_CHUNK; n++) is(name(n, 5, 0) != 0, true, "and more", n);
    is(get32(budget + N_LENGTH) != 9 && get32(ring + N_LENGTH) != 9, true, "theirs went too", 0);
    same(name(0, 9), kept, "kept", 1);
    sound("all went", 0);
  });

  it("makes room for more where less than a quarter goes", () => {
    fresh(4, 2);
    for (let n: u32 = 0; n < NAMES_OF_CHUNK - 2; n++) name(n, 9);
    name(100, 9, 0);
    name(101, 9, 0);
    name(102, 9, 0);
    same(chunks(), 2, "chunks", 0);
    for (let n: u32 = 0; n < NAMES_OF_CHUNK - 2; n++) says(name(n, 9), n, 9);
    sound("kept", 0);
  });

  it("found again is kept from then on, if that is asked", () => {
    fresh(4, 2);
    const first = name(1, 9, 0);
    same(name(1, 9, 1), first, "the same", 0);
    for (let n: u32 = 10; n < 10 + 4 * NAMES_OF_CHUNK; n++) name(n, 9, 0);
    same(name(1, 9, 0), first, "there still", 0);
    says(first, 1, 9);
  });

  it("that went though a budget is called so, is told by check", () => {
    fresh(4, 2);
    const budget = name(2, 9, 0);
    const node = newBudget(0, <u32>budget, 100, 0);
    put32(budget + N_LENGTH, 0);
    checkAll();
    same(countOf(BAD_BUDGET), 1, "a budget without a name", 0);
    same(problemWhere(0), <u32>node, "which", 0);
  });
});

describe("a death while a name is written", () => {
  it("leaves the name whole, or none: the next one is written over it, and no text is taken for another", () => {
    for (let bytes: u32 = 0; bytes <= 10; bytes++) {
      fresh(4, 2);
      const first = name(1, 9);
      become(2);
      latchedBy(2);
      const chunk = newestChunk(H_NAMES);
      const at = chunkEnd(chunk, NAME_BYTES);
      // Its length, then so many of its nine bytes, then the count.
      put32(at + N_LENGTH, 9);
      for (let i: u32 = 0; i < min<u32>(bytes, 9); i++) put8(at + N_TEXT + i, byteOf(2, i, 9));
      if (bytes == 10) put32(chunk + CHUNK_COUNT, 2);
      setState(2, OWNER_DEAD);
      become(1);
      same(name(3, 9), at + (bytes == 10 ? NAME_BYTES : 0), "another text, bytes", bytes);
      same(name(2, 9), at + (bytes == 10 ? 0 : NAME_BYTES), "the same text, bytes", bytes);
      same(name(1, 9), first, "the first, bytes", bytes);
      same(names(), 3, "names, bytes", bytes);
      isAtRest("written", bytes);
      sound("written", bytes);
    }
  });
});
