// Chunk: the runs in which budgets, reservations and names stand. Adding one is cut by a death after each store: it is whole and named by
// its pool, or its grains are free again. And what a chunk is for all else in the heap: ours, and nobody's to free.

import { get32, get64, put32 } from "../memory";
import { store32 } from "../atomic";
import { addChunk } from "../chunk";
import { chunkEnd, newestChunk, nextChunk } from "../pool";
import { lockBudgets } from "../budget";
import { lastClaim } from "../claim";
import { beginFree } from "../counters";
import { firstGrain, grains, tableBytes } from "../header";
import { allocUnsafe, free, takeLarge, usableSize } from "../heap";
import { lock } from "../lock";
import { leave } from "../owners";
import { auxAt, findLow, lengthOf, rebuild, runWord, wordAt } from "../pages";
import { blockAlloc, blockFree } from "../record";
import { unlockBudgets } from "../leaving";
import { letGo } from "../trim";
import {
  AUX_IN_FLIGHT,
  B_NEXT,
  CHUNK_COUNT,
  CHUNK_HEADER,
  CHUNK_NEXT,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  H_BUDGET_LOCK,
  H_COMMITTED,
  H_LOCK,
  H_NAMES,
  H_NODES,
  H_PEAK,
  H_RECORDS,
  H_TAIL,
  J_BLOCK,
  KIND_INTERNAL,
  KIND_RAW,
  NAME_BYTES,
  NAME_CHUNK_GRAINS,
  NODE_BYTES,
  NODE_CHUNK_GRAINS,
  OUT_BLOCKS,
  OUT_OVERHEAD,
  OUT_RUNS,
  OUT_USED,
  OWNER_DEAD,
  RECORD_CHUNK_GRAINS,
  RESERVATION_BYTES,
  T_RUN,
  V_BYTES,
  V_NEXT,
} from "../shared/layout";
import { BUSY, FULL, NOT_ATTACHED, OK } from "../shared/status";
import { beginDying, dyingCarve, endDying, isRunning, w32, w64 } from "./dying";
import {
  become,
  chain,
  checkAll,
  grain,
  is,
  isChain,
  isZero,
  longestRun,
  outWord,
  regionHash,
  same,
  setState,
  smallHeap,
  sound,
  trimNow,
} from "./lib";
import { NONE, budget, freeElements, latchedBy, take } from "./tree";

// The three pools, and what each is made of.
const POOLS: StaticArray<usize> = [H_NODES, H_RECORDS, H_NAMES];
const LENGTHS: StaticArray<u32> = [NODE_CHUNK_GRAINS, RECORD_CHUNK_GRAINS, NAME_CHUNK_GRAINS];
const BYTES: StaticArray<usize> = [NODE_BYTES, RESERVATION_BYTES, NAME_BYTES];
const LINKS: StaticArray<usize> = [B_NEXT, V_NEXT, 0];

function addTo(pool: i32): u32 {
  return addChunk(POOLS[pool], LENGTHS[pool], BYTES[pool], LINKS[pool]);
}

/** How many elements a chunk of this pool has room for. */
function roomIn(pool: i32): u32 {
  return (LENGTHS[pool] * GRAIN_BYTES - CHUNK_HEADER) / <u32>BYTES[pool];
}

function chunksOf(pool: i32): u32 {
  let count: u32 = 0;
  for (let chunk = newestChunk(POOLS[pool]); chunk != 0; chunk = nextChunk(chunk)) count++;
  return count;
}

/** The pool has `count` chunks, each whole, and all elements of all are free, once. */
function isPool(pool: i32, count: u32, what: string, where: u64): void {
  same(chunksOf(pool), count, "chunks, " + what, where);
  for (let chunk = newestChunk(POOLS[pool]); chunk != 0; chunk = nextChunk(chunk)) {
    const g = <u32>(chunk >>> GRAIN_SHIFT);
    same(chunk & (GRAIN_BYTES - 1), 0, "where in its grain, " + what, where);
    same(get32(wordAt(g)), runWord(T_RUN, KIND_INTERNAL, LENGTHS[pool]), "word, " + what, where);
    same(get32(auxAt(g)), 0, "aux, " + what, where);
    same(get32(chunk + CHUNK_COUNT), LINKS[pool] == 0 ? 0 : roomIn(pool), "elements, " + what, where);
  }
  if (LINKS[pool] == 0) return;
  same(freeElements(POOLS[pool], LINKS[pool]), count * roomIn(pool), "free elements, " + what, where);
  sound(what, where);
}

describe("addChunk", () => {
  it("makes the lowest grains that are free a run of ours, zeroed, whose elements are the pool's first free ones, in order", () => {
    for (let pool = 0; pool < 3; pool++) {
      for (let count: u32 = 1; count <= 4; count++) {
        smallHeap(40, 2);
        memory.fill((<usize>firstGrain) << GRAIN_SHIFT, 0xff, 40 * GRAIN_BYTES);
        for (let i: u32 = 0; i < count; i++) same(addTo(pool), OK, "status", i);
        const newest = newestChunk(POOLS[pool]);
        same(newest, (<usize>grain((count - 1) * LENGTHS[pool])) << GRAIN_SHIFT, "where", pool);
        isPool(pool, count, "added", pool * 10 + count);
        same(get32(POOLS[pool]), LINKS[pool] == 0 ? 0 : newest + CHUNK_HEADER, "the first free one", pool);
        if (LINKS[pool] == 0) {
          isZero(newest + 8, LENGTHS[pool] * GRAIN_BYTES - 8, "a chunk of names", pool);
          same(chunkEnd(newest, NAME_BYTES), newest + CHUNK_HEADER, "its end", pool);
        }
        let at = <usize>get32(POOLS[pool]);
        for (let chunk = newest; chunk != 0 && LINKS[pool] != 0; chunk = nextChunk(chunk)) {
          for (let i: usize = 0; i < roomIn(pool); i++) {
            same(at, chunk + CHUNK_HEADER + i * BYTES[pool], "element", i);
            at = <usize>get32(at + LINKS[pool]);
          }
        }
        same(at, 0, "behind the last", pool);
        const length = count * LENGTHS[pool];
        same(get32(H_COMMITTED), length, "committed", pool);
        same(get32(H_PEAK), length, "peak", pool);
        same(get32(H_TAIL), length * GRAIN_BYTES, "tail", pool);
        for (let other = 0; other < 3; other++) if (other != pool) same(get64(POOLS[other]), 0, "another pool", other);
        same(get32(H_LOCK) | get32(H_BUDGET_LOCK), 0, "lock and latch", pool);
      }
    }
  });

  it("puts the elements before those that are free already, which stay the pool's", () => {
    for (let pool = 0; pool < 2; pool++) {
      smallHeap(40, 2);
      same(addTo(pool), OK, "first", pool);
      // Some are taken.
      const third = newestChunk(POOLS[pool]) + CHUNK_HEADER + 3 * BYTES[pool];
      put32(POOLS[pool], <u32>third);
      same(addTo(pool), OK, "second", pool);
      const newest = newestChunk(POOLS[pool]);
      const last = chunkEnd(newest, BYTES[pool]) - BYTES[pool];
      same(get32(last + LINKS[pool]), third, "behind the last of the new ones", pool);
      same(freeElements(POOLS[pool], LINKS[pool]), 2 * roomIn(pool) - 3, "free elements", pool);
    }
  });

  it("answers FULL where no run is long enough, and then nothing is changed", () => {
    for (let pool = 0; pool < 3; pool++) {
      for (let room: u32 = 0; room <= LENGTHS[pool]; room++) {
        smallHeap(20, 2);
        if (room < 20) is(takeLarge((20 - room) * GRAIN_BYTES, 1, KIND_RAW) != 0, true, "the rest", room);
        const before = regionHash();
        const now = chain();
        same(addTo(pool), room == LENGTHS[pool] ? OK : FULL, "status, room", room);
        same(get32(H_LOCK) | get32(H_BUDGET_LOCK), 0, "lock and latch, room", room);
        if (room < LENGTHS[pool]) {
          isChain(now, "room", room);
          same(regionHash(), before, "words, room", room);
        } else isPool(pool, 1, "room", room);
      }
    }
  });

  it("trims first what is empty, also when a living thread's journal keeps another empty slab standing", () => {
    for (let isPinned = 0; isPinned < 2; isPinned++) {
      smallHeap(40, 2);
      become(2);
      const kept = blockAlloc(64, 8);
      const by = lastClaim();
      is(blockFree(kept, <u32>by, <u32>(by >> 32)), true, "an empty slab of Blocks", 0);
      const p = allocUnsafe(1000);
      is(free(p), true, "an empty slab of raw blocks", 0);
      while (longestRun() > 0) takeLarge(longestRun() * GRAIN_BYTES, 1, KIND_RAW);
      if (isPinned) beginFree(kept | J_BLOCK);
      become(1);
      isChain("slab 1, slab 1, run 38", "before", isPinned);
      same(addTo(2), OK, "status", isPinned);
      isPool(2, 1, "trimmed", isPinned);
    }
  });

  it("is BUSY while another holds the page lock or the latch, and refused where it is attached to nothing; nothing is changed", () => {
    smallHeap(20, 2);
    become(2);
    become(1);
    const before = regionHash();
    store32(H_LOCK, 0x102);
    same(addTo(0), BUSY, "page lock", 0);
    store32(H_LOCK, 0);
    latchedBy(2);
    same(addTo(0), BUSY, "latch", 0);
    same(get32(H_LOCK), 0, "the page lock, when the latch is not to be had", 0);
    store32(H_BUDGET_LOCK, 0);
    same(regionHash(), before, "words", 0);
    leave();
    same(addTo(0), NOT_ATTACHED, "attached to nothing", 0);
    isChain("free 20", "attached to nothing", 0);
  });
});

// What the dying thread had stored into the pool when it was cut.
let isNamed: bool = false;

/** addChunk's work under both locks once more, store by store. */
function dyingAdd(pool: i32): void {
  const length = LENGTHS[pool];
  const head = findLow(length);
  const chunk = (<usize>head) << GRAIN_SHIFT;
  dyingCarve(head, head, length, runWord(T_RUN, KIND_INTERNAL, length), AUX_IN_FLIGHT);
  w32(H_TAIL, get32(H_TAIL) + (length << GRAIN_SHIFT));
  if (isRunning()) memory.fill(chunk, 0, length << GRAIN_SHIFT);
  const before = get64(POOLS[pool]);
  w32(chunk + CHUNK_NEXT, <u32>(before >> 32));
  if (LINKS[pool] != 0) {
    const count = roomIn(pool);
    w32(chunk + CHUNK_COUNT, count);
    for (let i: u32 = 0; i < count; i++) {
      const at = chunk + CHUNK_HEADER + i * BYTES[pool];
      w32(at + LINKS[pool], i + 1 < count ? <u32>(at + BYTES[pool]) : <u32>before);
    }
  }
  isNamed = isRunning();
  w64(POOLS[pool], ((<u64>chunk) << 32) | (LINKS[pool] == 0 ? 0 : chunk + CHUNK_HEADER));
  w32(auxAt(head), 0);
}

/** A heap with a run, and so many chunks in this pool and one in each other; owner 2 dies while it adds another. Whether it was done. */
function dieAdding(pool: i32, count: u32, stores: i32): bool {
  smallHeap(40, 2);
  is(takeLarge(3 * GRAIN_BYTES, 1, KIND_RAW) != 0, true, "a run", 0);
  for (let i: u32 = 0; i < count; i++) for (let p = 0; p < 3; p++) same(addTo(p), OK, "chunks before", i);
  beginDying(stores);
  same(lockBudgets(), OK, "latch of the dying", stores);
  dyingAdd(pool);
  return endDying("added", stores);
}

describe("a death while a chunk is added", () => {
  it("leaves, after each store, a whole chunk that its pool names, or none and its grains free", () => {
    for (let pool = 0; pool < 3; pool++) {
      for (let count: u32 = 0; count < 3; count++) {
        for (let stores = 0, isAll: bool = false; !isAll; stores++) {
          isAll = dieAdding(pool, count, stores);
          const where = (pool * 10 + count) * 1000 + stores;
          same(lockBudgets(), OK, "latch of the survivor", where);
          unlockBudgets();
          isPool(pool, count + (isNamed ? 1 : 0), "after a death", where);
          for (let other = 0; other < 3; other++) if (other != pool) isPool(other, count, "another pool", where);
          const length: u32 = 7 * count + 3 + (isNamed ? LENGTHS[pool] : 0);
          same(get32(H_COMMITTED), length, "committed", where);
          same(get32(H_TAIL), (length - 3) * GRAIN_BYTES, "tail", where);
          is(get32(H_PEAK) >= length, true, "peak", where);
          for (let g = firstGrain; g < grains; g += lengthOf(get32(wordAt(g)))) {
            is(get32(auxAt(g)) != AUX_IN_FLIGHT, true, "in flight", where);
          }
          sound("after a death", where);
        }
      }
    }
  });

  it("takes nothing from those who use the chunk before the pages are rebuilt, once its pool names it", () => {
    smallHeap(40, 2);
    become(2);
    same(lock(), OK, "lock", 0);
    same(lockBudgets(), OK, "latch", 0);
    for (let pool = 0; pool < 2; pool++) {
      const head = findLow(LENGTHS[pool]);
      unlockBudgets();
      same(addTo(pool), OK, "added", pool);
      same(lock(), OK, "lock", 0);
      same(lockBudgets(), OK, "latch", 0);
      put32(auxAt(head), AUX_IN_FLIGHT);
    }
    setState(2, OWNER_DEAD);
    become(1);
    const node = budget(0, 1, NONE, 0);
    const at = take(node, 7);
    same(lock(), OK, "the pages rebuilt", 0);
    letGo();
    sound("rebuilt", 0);
    for (let pool = 0; pool < 2; pool++) same(chunksOf(pool), 1, "chunks", pool);
    same(get64(at + V_BYTES), 7, "what was reserved", 0);
  });

  it("is all that rebuilding frees of ours: older chunks stay, and a run in flight that no pool names goes", () => {
    smallHeap(40, 2);
    for (let i: u32 = 0; i < 3; i++) for (let pool = 0; pool < 3; pool++) addTo(pool);
    same(lock(), OK, "lock", 0);
    rebuild();
    letGo();
    for (let pool = 0; pool < 3; pool++) isPool(pool, 3, "rebuilt", pool);
    const before = chain();
    const g = <u32>(takeLarge(2 * GRAIN_BYTES, 1, KIND_RAW) >>> GRAIN_SHIFT);
    put32(wordAt(g), runWord(T_RUN, KIND_INTERNAL, 2));
    put32(auxAt(g), AUX_IN_FLIGHT);
    same(lock(), OK, "lock", 0);
    rebuild();
    letGo();
    isChain(before, "one that no pool names", 0);
  });
});

describe("a chunk", () => {
  it("is nobody's block: it has no usable size, is not freed, and is overhead in what check counts", () => {
    smallHeap(40, 2);
    const p = allocUnsafe(20000);
    same(checkAll(), OK, "check", 0);
    const used = outWord(OUT_USED);
    const overhead = outWord(OUT_OVERHEAD);
    const runs = outWord(OUT_RUNS);
    const blocks = outWord(OUT_BLOCKS);
    for (let pool = 0; pool < 3; pool++) same(addTo(pool), OK, "added", pool);
    same(checkAll(), OK, "check", 0);
    same(outWord(OUT_USED), used, "used", 0);
    same(outWord(OUT_RUNS), runs, "runs", 0);
    same(outWord(OUT_BLOCKS), blocks, "blocks", 0);
    same(outWord(OUT_OVERHEAD), overhead + 7 * GRAIN_BYTES, "overhead", 0);
    same(outWord(OUT_OVERHEAD), tableBytes() + get32(H_TAIL), "tables and tails", 0);
    const before = regionHash();
    for (let pool = 0; pool < 3; pool++) {
      const chunk = newestChunk(POOLS[pool]);
      for (let at = chunk; at < chunk + LENGTHS[pool] * GRAIN_BYTES; at += 8) {
        same(usableSize(at), 0, "usable size", at);
        is(free(at), false, "freed", at);
        is(blockFree(at, 1, 1), false, "freed as a Block", at);
      }
    }
    same(regionHash(), before, "words", 0);
    trimNow();
    for (let pool = 0; pool < 3; pool++) same(chunksOf(pool), 1, "chunks after a trim", pool);
    is(free(p), true, "the run beside", 0);
    sound("the run beside", 0);
  });
});
