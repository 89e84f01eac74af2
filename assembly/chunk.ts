// Chunk: where the elements of a pool come from: page runs of kind INTERNAL, each a header and elements of one size. Owns the chunks'
// headers. A pool is one word, the newest chunk above the first free element, so a chunk appears with its elements by one store. Chunks
// stay as long as the region.
//
// While its aux says AUX_IN_FLIGHT and no pool names it, a chunk is nobody's: who rebuilds the page layer takes it back (pages.ts).

import { put32, zero } from "./memory";
import { load64, store32, store64 } from "./atomic";
import { lockBudgets } from "./budget";
import { letLatchGo } from "./latch";
import { lock } from "./lock";
import { chunkEnd } from "./pool";
import { sweepLeaving } from "./leaving";
import { addTail, auxAt, carve, findLow, runWord } from "./pages";
import { letGo, trim } from "./trim";
import {
  AUX_IN_FLIGHT,
  CHUNK_COUNT,
  CHUNK_HEADER,
  CHUNK_NEXT,
  GRAIN_SHIFT,
  H_BUDGET_LOCK,
  H_LEAVING,
  KIND_INTERNAL,
  T_RUN,
} from "./shared/layout";
import { FULL, OK } from "./shared/status";

/**
 * Adds a chunk of `length` grains to a pool of elements of `bytes` bytes. With a `link` they are strung together by the word there, and are
 * the first of the pool's free ones; without (0) none counts as there yet. OK, or FULL, BUSY, POISONED, NOT_ATTACHED.
 */
export function addChunk(pool: usize, length: u32, bytes: usize, link: usize): u32 {
  let status = lock();
  if (status != OK) return status;
  // Not under the latch: what is given back may be a budget's, and is taken off it.
  if (findLow(length) == 0) trim();
  // The latch inside the page lock, never the other way about.
  status = lockBudgets();
  if (status == OK) {
    status = addUnderLatch(pool, length, bytes, link);
    letLatchGo(H_BUDGET_LOCK);
  }
  letGo();
  if (load64(H_LEAVING) != 0) sweepLeaving();
  return status;
}

function addUnderLatch(pool: usize, length: u32, bytes: usize, link: usize): u32 {
  const head = findLow(length);
  if (head == 0) return FULL;
  carve(head, head, length, runWord(T_RUN, KIND_INTERNAL, length), AUX_IN_FLIGHT);
  addTail(length << GRAIN_SHIFT);
  const chunk = (<usize>head) << GRAIN_SHIFT;
  zero(chunk, (<usize>length) << GRAIN_SHIFT);
  const before = load64(pool);
  put32(chunk + CHUNK_NEXT, <u32>(before >> 32));
  const first = link == 0 ? 0 : stringUp(chunk, length, bytes, link, <u32>before);
  store64(pool, ((<u64>chunk) << 32) | first); // commit
  store32(auxAt(head), 0);
  return OK;
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
