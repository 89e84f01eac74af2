// Chunk: where the elements of a pool come from: page runs of kind INTERNAL, each a header and elements of one size. Owns the chunks'
// headers. A pool is one word, the newest chunk above the first free element, so a chunk appears with its elements by one store. Chunks
// stay as long as the region.
//
// While its aux says AUX_IN_FLIGHT and no pool names it, a chunk is nobody's: who rebuilds the page layer takes it back (pages.ts).

import { put32, zero } from "./memory";
import { scrubs } from "./header";
import { load32, load64, store32, store64 } from "./atomic";
import { lockBudgets } from "./budget";
import { isWeary } from "./charged";
import { freedByOthers } from "./counters";
import { FULL_ATTEMPTS } from "./heap";
import { letLatchGo } from "./latch";
import { lock } from "./lock";
import { chunkEnd } from "./pool";
import { sweepLeaving } from "./leaving";
import { addTail, auxAt, carve, findLow, giveBack, runWord } from "./pages";
import { letGo, trim } from "./trim";
import {
  AUX_IN_FLIGHT,
  CHUNK_COUNT,
  CHUNK_HEADER,
  CHUNK_NEXT,
  GRAIN_SHIFT,
  H_BUDGET_LOCK,
  H_LEAVING,
  H_NAMING,
  KIND_INTERNAL,
  T_RUN,
} from "./shared/layout";
import { BUSY, FULL, OK } from "./shared/status";

/**
 * Adds a chunk of `length` grains to a pool of elements of `bytes` bytes. With a `link` they are strung together by the word there, and are
 * the first of the pool's free ones; without (0) none counts as there yet. OK, or FULL, BUSY, POISONED, NOT_ATTACHED.
 */
export function addChunk(pool: usize, length: u32, bytes: usize, link: usize): u32 {
  for (let attempt: u32 = 0; attempt < FULL_ATTEMPTS; attempt++) {
    let status = lock();
    if (status != OK) return status;
    const before = freedByOthers();
    // Not under the latch: what is given back may be a budget's, and is taken off it.
    const isLate = findLow(length) == 0 && !trim() && isWeary();
    // The latch inside the page lock, never the other way about.
    status = isLate ? BUSY : lockBudgets();
    if (status == OK) {
      status = addUnderLatch(pool, length, bytes, link);
      letLatchGo(H_BUDGET_LOCK);
    }
    // As of a block: full is only said when nobody gave anything back meanwhile.
    const isFinal = status != FULL || freedByOthers() == before;
    letGo();
    if (load64(H_LEAVING) != 0) sweepLeaving();
    if (isFinal) return status;
  }
  return BUSY;
}

function addUnderLatch(pool: usize, length: u32, bytes: usize, link: usize): u32 {
  const chunk = carveInFlight(findLow(length), length);
  if (chunk == 0) return FULL;
  const before = load64(pool);
  put32(chunk + CHUNK_NEXT, <u32>(before >> 32));
  const first = link == 0 ? 0 : stringUp(chunk, length, bytes, link, <u32>before);
  store64(pool, ((<u64>chunk) << 32) | first); // commit
  store32(auxAt(<u32>(chunk >>> GRAIN_SHIFT)), 0);
  return OK;
}

/** Carves a run of ours at the free run at `head`: zeroed, and nobody's until it is named somewhere; 0: there is no free run (0). Under the page lock. */
function carveInFlight(head: u32, length: u32): usize {
  if (head == 0) return 0;
  carve(head, head, length, runWord(T_RUN, KIND_INTERNAL, length), AUX_IN_FLIGHT);
  addTail(length << GRAIN_SHIFT);
  const run = (<usize>head) << GRAIN_SHIFT;
  zero(run, (<usize>length) << GRAIN_SHIFT);
  return run;
}

/** Links a chunk's elements one after the other, the last to `rest`; returns the first. */
function stringUp(chunk: usize, length: u32, bytes: usize, link: usize, rest: u32): u32 {
  const count = (((<usize>length) << GRAIN_SHIFT) - CHUNK_HEADER) / bytes;
  put32(chunk + CHUNK_COUNT, <u32>count);
  const end = chunkEnd(chunk, bytes);
  for (let at = chunk + CHUNK_HEADER; at < end; at += bytes) {
    put32(at + link, at + bytes < end ? <u32>(at + bytes) : rest);
  }
  return <u32>(chunk + CHUNK_HEADER);
}

/**
 * Adds a run of `length` grains, zeroed, whose address the word at `naming` has from then on, if that has none yet. OK, or FULL, BUSY, POISONED,
 * NOT_ATTACHED.
 */
export function addNamed(naming: usize, length: u32): u32 {
  for (let attempt: u32 = 0; attempt < FULL_ATTEMPTS; attempt++) {
    const status = lock();
    if (status != OK) return status;
    const before = freedByOthers();
    const run = load32(naming) == 0 ? carveNamed(naming, length) : 0;
    if (run != 0) name(naming, run);
    const isThere = load32(naming) != 0;
    const isFinal = isThere || isWeary() || freedByOthers() == before;
    const why = isWeary() ? BUSY : FULL;
    letGo();
    if (isFinal) return isThere ? OK : why;
  }
  return BUSY;
}

/** A run in flight, which is to be named at `naming`; 0: there is none. Under the page lock. */
export function carveNamed(naming: usize, length: u32): usize {
  if (findLow(length) == 0) trim();
  const head = findLow(length);
  if (head == 0) return 0;
  store32(H_NAMING, <u32>naming);
  return carveInFlight(head, length);
}

/** Names the run in flight. Under the page lock. */
export function name(naming: usize, run: usize): void {
  store32(naming, <u32>run); // commit
  store32(auxAt(<u32>(run >>> GRAIN_SHIFT)), 0);
  store32(H_NAMING, 0);
}

/** Gives back the run of `length` grains that is named at `naming`, where `next` stands from then on. Under the page lock. */
export function giveBackNamed(naming: usize, length: u32, next: u32): void {
  const g = load32(naming) >>> GRAIN_SHIFT;
  store32(H_NAMING, <u32>naming);
  store32(auxAt(g), AUX_IN_FLIGHT);
  store32(naming, next); // commit
  addTail(-(<i32>(length << GRAIN_SHIFT)));
  if (scrubs) zero((<usize>g) << GRAIN_SHIFT, length << GRAIN_SHIFT);
  giveBack(g, length);
  store32(H_NAMING, 0);
}
