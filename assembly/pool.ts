// Pool: budgets, reservations and names stand in chunks, a chain of them to each kind. Owns nothing: the reading of what chunk.ts makes.

import { get32 } from "./memory";
import { load32 } from "./atomic";
import { CHUNK_COUNT, CHUNK_HEADER, CHUNK_NEXT } from "./shared/layout";

/** The newest chunk of a pool; 0: none. */
export function newestChunk(pool: usize): usize {
  return <usize>load32(pool + 4);
}

export function nextChunk(chunk: usize): usize {
  return <usize>get32(chunk + CHUNK_NEXT);
}

/** One past the last of a chunk's elements, which have `bytes` bytes. */
export function chunkEnd(chunk: usize, bytes: usize): usize {
  return chunk + CHUNK_HEADER + <usize>get32(chunk + CHUNK_COUNT) * bytes;
}
