// Slabs: the word that is the slab, bit by bit: every block taken and given back, every double and stale free, every way to a block.

import { get32, get64, get8, put32, put64 } from "../memory";
import { load64, store64 } from "../atomic";
import { lastClaim } from "../claim";
import { pendingAlloc } from "../counters";
import { firstGrain } from "../header";
import { free as freeRaw } from "../heap";
import { bitmapOf, hintClear, hintIsSet, homeOf } from "../hint";
import { lock } from "../lock";
import { slot, slotOf } from "../owners";
import { bitsAt, slabTail, slabWord, wordAt } from "../pages";
import { recordAt } from "../record";
import { classOf, classSize, geometry } from "../sizeclass";
import { giveBackAtEdge, hintRecord, newSlab, take, takeCurrent, takeHinted, takeJournalled } from "../slab";
import { letGo } from "../trim";
import {
  B_TAG_SHIFT,
  C_BYTES,
  C_GRAINS,
  GRAIN_SHIFT,
  HINT_EMPTY,
  HOME_SHIFT,
  H_COMMITTED,
  H_TAIL,
  KIND_BLOCK,
  KIND_RAW,
  R_SLAB,
  R_STACK_MAX,
  R_TOP,
  S_ALLOC,
  S_BUMP,
  S_FREE,
  S_IDLE,
} from "../shared/layout";
import { CLASS_COUNT } from "../shared/limits";
import { become, fresh, is, isChain, permutation, same, smallHeap, sound, text, trimNow } from "./lib";
import { blockAt, blocksOf, forget, freeBits, full, newSlabOf, rawTag, slabOf } from "./slabs";

describe("newSlab", () => {
  it("writes every word of a slab of each class and kind, and takes its first block", () => {
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
      for (let kind: u32 = KIND_RAW; kind <= <u32>KIND_BLOCK; kind += KIND_BLOCK) {
        fresh(16, 1);
        const tag = (c << 2) | kind;
        const g = newSlabOf(tag);
        const length = get32(geometry(tag) + C_GRAINS);
        same(g, firstGrain, "where, tag", tag);
        same(load64(bitsAt(g)), ((<u64>tag) << B_TAG_SHIFT) | (full(tag) & ~1), "bits, tag", tag);
        same(get64(slot + S_ALLOC), classSize(c), "counted, tag", tag);
        if (kind == KIND_BLOCK) same(load64(recordAt(blockAt(g, tag, 0))), lastClaim(), "claim, tag", tag);
        for (let i: u32 = 0; i < length; i++)
          same(get32(wordAt(g + i)), slabWord(tag, i), "word, tag " + text(tag) + ", grain", i);
        same(get32(H_COMMITTED), length, "committed, tag", tag);
        same(get32(H_TAIL), slabTail(tag), "tail, tag", tag);
        same(get32(slot + S_BUMP), g + length, "bump, tag", tag);
        is(hintIsSet(bitmapOf(tag), g), true, "hint, tag", tag);
        same(homeOf(g), 1, "home, tag", tag);
        same(get32(hintRecord(tag) + R_SLAB), bitsAt(g), "current slab, tag", tag);
        sound("slab of tag", tag);
      }
    }
  });

  it("zeroes the records of a Block slab, whatever was there", () => {
    fresh(16, 1);
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c += 7) {
      memory.fill((<usize>firstGrain) << GRAIN_SHIFT, 0xff, 40000);
      const tag = (c << 2) | KIND_BLOCK;
      const g = slabOf(tag);
      for (
        let at = blockAt(g, tag, 0) + get32(geometry(tag) + C_BYTES);
        at < blockAt(g, tag, 0) + <usize>(get32(geometry(tag) + C_GRAINS) << GRAIN_SHIFT);
        at++
      ) {
        // Between the last block and the first record a few bytes belong to nobody.
        if (get8(at) != 0)
          is(at < <usize>get32(geometry(tag) + 28) + blockAt(g, tag, 0), true, "not a record, class", c);
      }
      sound("class", c);
      trimNow();
    }
  });

  it("is refused when no run is long enough, and changes nothing", () => {
    smallHeap(3, 1);
    const tag = rawTag(CLASS_COUNT);
    lock();
    same(newSlab(hintRecord(tag), tag), 0, "carved", 0);
    letGo();
    isChain("free 3", "chain", 0);
    sound("refused", 0);
  });

  it("begins where the owner carved last, and away from another owner's home", () => {
    fresh(16, 2);
    const tag = rawTag(1);
    const first = slabOf(tag);
    const second = slabOf(tag);
    same(second, first + get32(geometry(tag) + C_GRAINS), "behind the first", 0);
    become(2);
    const other = slabOf(tag);
    same(other & ((1 << HOME_SHIFT) - 1), 0, "begins a home", 0);
    is(homeOf(other) == 2 && homeOf(first) == 1, true, "homes", 0);
    const next = slabOf(tag);
    same(next, other + get32(geometry(tag) + C_GRAINS), "behind the other's first", 0);
    become(1);
    same(slabOf(tag), second + get32(geometry(tag) + C_GRAINS), "behind the second", 0);
    sound("two owners", 0);
  });
});

describe("take", () => {
  it("takes all blocks of a slab of each class and kind from the lowest up, then answers 0", () => {
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
      for (let kind: u32 = KIND_RAW; kind <= <u32>KIND_BLOCK; kind += KIND_BLOCK) {
        fresh(16, 1);
        const tag = (c << 2) | kind;
        const g = slabOf(tag);
        for (let i: u32 = 0; i < blocksOf(tag); i++) {
          same(take(g, tag), blockAt(g, tag, i), "block " + text(i) + ", tag", tag);
          same(freeBits(g, tag), full(tag) & ~(((<u64>2) << i) - 1), "free bits after " + text(i) + ", tag", tag);
          same(get64(slot + S_ALLOC), (i + 1) * classSize(c), "counted after " + text(i) + ", tag", tag);
        }
        same(take(g, tag), 0, "a block of a full slab, tag", tag);
        same(pendingAlloc(1), 0, "journal, tag", tag);
        sound("full slab of tag", tag);
      }
    }
  });

  it("takes nothing where no slab of that class and kind is", () => {
    fresh(16, 1);
    const tag = rawTag(5);
    const g = slabOf(tag);
    for (let other: u32 = 4; other < (<u32>CLASS_COUNT + 1) << 2; other++) {
      if (other != tag) same(take(g, other), 0, "with tag", other);
    }
    same(take(g + 1, tag), 0, "beside its head", 0);
    same(freeBits(g, tag), full(tag), "free bits", 0);
    same(take(g, tag), (<usize>g) << GRAIN_SHIFT, "with its own tag", 0);
  });

  it("takes the only free block wherever it is", () => {
    fresh(16, 1);
    const tag = rawTag(1);
    const g = slabOf(tag);
    for (let i: u32 = 0; i < 56; i++) take(g, tag);
    for (let i: u32 = 0; i < 56; i++) {
      is(freeRaw(blockAt(g, tag, i)), true, "freed", i);
      same(take(g, tag), blockAt(g, tag, i), "taken again", i);
    }
    sound("full again", 0);
  });
});

describe("giving back", () => {
  it("sets exactly its bit, for every block of every class, and refuses it the second time", () => {
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
      fresh(16, 1);
      const tag = rawTag(c);
      const g = slabOf(tag);
      const count = blocksOf(tag);
      for (let i: u32 = 0; i < count; i++) take(g, tag);
      for (let i: u32 = 0; i < count; i++) {
        const before = freeBits(g, tag);
        is(freeRaw(blockAt(g, tag, i)), true, "freed, class " + text(c) + ", block", i);
        same(freeBits(g, tag), before | ((<u64>1) << i), "free bits, class " + text(c) + ", block", i);
        is(freeRaw(blockAt(g, tag, i)), false, "freed twice, class " + text(c) + ", block", i);
        same(freeBits(g, tag), before | ((<u64>1) << i), "free bits afterwards, class " + text(c) + ", block", i);
      }
      same(get64(slot + S_FREE), count * classSize(c), "counted, class", c);
      sound("class", c);
    }
  });

  it("frees five blocks in every order, beside none or some that stay", () => {
    for (let kept: u32 = 0; kept <= 2; kept++) {
      for (let order: u32 = 0; order < 120; order++) {
        smallHeap(20, 1);
        const tag = rawTag(classOf(128));
        const g = slabOf(tag);
        const blocks = new StaticArray<usize>(5);
        for (let i = 0; i < 5; i++) blocks[i] = take(<u32>g, tag);
        for (let i: u32 = 0; i < kept; i++) is(take(g, tag) != 0, true, "kept", i);
        let bits = freeBits(g, tag);
        const freed = permutation(order, 5);
        for (let i = 0; i < 5; i++) {
          is(freeRaw(blocks[freed[i]]), true, "freed " + text(i) + " in order", order);
          bits |= (<u64>1) << freed[i];
          same(freeBits(g, tag), bits, "free bits in order", order);
          is(freeRaw(blocks[freed[i]]), false, "freed again, in order", order);
          sound("after " + text(i) + " in order", order);
        }
        trimNow();
        isChain(
          kept == 0
            ? "free 20"
            : "slab " + text(get32(geometry(tag) + C_GRAINS)) + ", free " + text(20 - get32(geometry(tag) + C_GRAINS)),
          "order",
          order,
        );
        sound("trimmed, order", order);
      }
    }
  });

  it("is refused for every address of a slab that begins no block, and for every free block", () => {
    fresh(4, 1);
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c += 2) {
      const tag = rawTag(c);
      const g = slabOf(tag);
      take(g, tag);
      const bytes = get32(geometry(tag) + C_GRAINS) << GRAIN_SHIFT;
      const bits = freeBits(g, tag);
      for (let offset: u32 = 1; offset < bytes; offset++) {
        if (freeRaw(((<usize>g) << GRAIN_SHIFT) + offset))
          is(true, false, "freed, class " + text(c) + ", offset", offset);
      }
      same(freeBits(g, tag), bits, "free bits, class", c);
      freeRaw((<usize>g) << GRAIN_SHIFT);
      trimNow();
    }
    sound("at the end", 0);
  });

  it("is refused for every block of a slab that has changed its class since", () => {
    const tags: StaticArray<u32> = [
      rawTag(1),
      rawTag(2),
      rawTag(9),
      rawTag(20),
      rawTag(40),
      rawTag(63),
      rawTag(1) | KIND_BLOCK,
    ];
    for (let a = 0; a < tags.length; a++) {
      for (let b = 0; b < tags.length; b++) {
        if (a == b) continue;
        fresh(16, 1);
        const before = tags[a];
        const g = slabOf(before);
        trimNow();
        put32(slot + S_BUMP, g);
        const after = tags[b];
        same(slabOf(after), g, "the same place", b);
        for (let i: u32 = 0; i < blocksOf(before); i++) {
          is(
            freeRaw(blockAt(g, before, i)),
            false,
            "stale free, tag " + text(before) + " under " + text(after) + ", block",
            i,
          );
          is(giveBackAtEdge(blockAt(g, before, i), g, before, i), false, "stale free at the edge, block", i);
        }
        same(freeBits(g, after), full(after), "free bits", b);
        sound("stale frees", b);
      }
    }
  });

  it("hints at a slab that was full, and at one that is empty now", () => {
    fresh(16, 1);
    const tag = rawTag(CLASS_COUNT - 8);
    const g = slabOf(tag);
    const count = blocksOf(tag);
    for (let i: u32 = 0; i < count; i++) take(g, tag);
    hintClear(bitmapOf(tag), g);
    hintClear(HINT_EMPTY, g);
    forget(tag);
    sound("full without hints", 0);
    for (let i: u32 = 0; i < count; i++) {
      freeRaw(blockAt(g, tag, i));
      is(hintIsSet(bitmapOf(tag), g), true, "hint of the class after", i);
      is(hintIsSet(HINT_EMPTY, g), i == count - 1, "hint of the empty after", i);
      sound("freed", i);
    }
    same(get32(slot + S_IDLE), get32(geometry(tag) + C_GRAINS) << GRAIN_SHIFT, "idle bytes", 0);
  });

  it("keeps the full slabs it opened on the owner's stack, as many as it holds, and finds them again from there", () => {
    fresh(64, 1);
    const tag = rawTag(1);
    const count: u32 = R_STACK_MAX + 4;
    const slabs = new StaticArray<u32>(count);
    for (let i: u32 = 0; i < count; i++) {
      slabs[i] = slabOf(tag);
      while (take(slabs[i], tag) != 0) continue;
    }
    forget(tag);
    for (let i: u32 = 0; i < count; i++) freeRaw(blockAt(slabs[i], tag, 0));
    const record = hintRecord(tag);
    same(get32(record + R_TOP), R_STACK_MAX, "stack", 0);
    for (let i: u32 = 0; i < <u32>R_STACK_MAX; i++) {
      same(takeHinted(record, tag, false), blockAt(slabs[R_STACK_MAX - 1 - i], tag, 0), "from the stack", i);
      same(get32(record + R_TOP), <u32>R_STACK_MAX - 1 - i, "stack", i);
    }
    sound("stack empty", 0);
  });
});

describe("finding a block", () => {
  it("finds the single free block by hints wherever its slab lies, at home first", () => {
    fresh(32, 2);
    const tag = rawTag(1);
    const slabs = new StaticArray<u32>(40);
    for (let i = 0; i < 40; i++) {
      if (i == 20) become(2);
      slabs[i] = slabOf(tag);
      while (take(slabs[i], tag) != 0) continue;
    }
    for (let i = 0; i < 40; i++) {
      freeRaw(blockAt(slabs[i], tag, 7));
      forget(tag);
      const atHome = i >= 20;
      const record = hintRecord(tag);
      same(takeHinted(record, tag, false), atHome ? blockAt(slabs[i], tag, 7) : 0, "at home, slab", i);
      if (!atHome) same(takeHinted(record, tag, true), blockAt(slabs[i], tag, 7), "anywhere, slab", i);
      same(get32(record + R_SLAB), bitsAt(slabs[i]), "current, slab", i);
    }
    same(takeHinted(hintRecord(tag), tag, true), 0, "when all are full", 0);
    sound("all full", 0);
  });

  it("finds by another owner's journal a block whose hint is not set yet", () => {
    fresh(16, 2);
    const tag = rawTag(30);
    const g = slabOf(tag);
    for (let i: u32 = 0; i < blocksOf(tag); i++) {
      while (take(g, tag) != 0) continue;
      const p = blockAt(g, tag, i);
      store64(bitsAt(g), load64(bitsAt(g)) | ((<u64>1) << i));
      put64(slot + S_FREE, ((<u64>p) << 32) | get32(slot + S_FREE));
      hintClear(bitmapOf(tag), g);
      become(2);
      const record = hintRecord(tag);
      same(takeHinted(record, tag, true), 0, "by hints", i);
      same(takeJournalled(record, tag), p, "by the journal", i);
      become(1);
      put64(slot + S_FREE, <u64>(get32(slot + S_FREE) + classSize(30)));
      sound("block", i);
    }
  });

  it("takes no block from a current slab that is another's now", () => {
    fresh(16, 1);
    const tag = rawTag(3);
    const g = slabOf(tag);
    const record = hintRecord(tag);
    trimNow();
    same(takeCurrent(record, tag), 0, "from a slab given back", 0);
    put32(slot + S_BUMP, g);
    slabOf(rawTag(4));
    same(takeCurrent(record, tag), 0, "from a slab of another class", 0);
    same(takeCurrent(slotOf(1) + 0, 0), 0, "without a slab", 0);
  });
});
