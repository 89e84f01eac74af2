// Recover: gives back what an owner held. Owns nothing; works on the structures of the layers below through their own calls.
// Every step is idempotent, so a thread that dies half-way leaves work that the next call does again.

import { get32, put32 } from "./memory";
import { load32, load64, store32 } from "./atomic";
import { firstGrain, grains, slabBits } from "./header";
import { hintSet } from "./hint";
import { recordIn } from "./claim";
import { slotOf } from "./owners";
import { bitsAt, lengthOf, slabTag, wordAt } from "./pages";
import { blockFree } from "./record";
import { geometry } from "./sizeclass";
import {
  CLAIM_LIVE,
  CLAIM_STATE_SHIFT,
  C_BLOCKS,
  C_SIZE,
  GRAIN_SHIFT,
  HINT_EMPTY,
  KIND_BLOCK,
  R_SLAB,
  R_TOP,
  S_BLOCK_HINTS,
  S_BLOCK_HINT_SHIFT,
  S_HINTS,
  S_HINT_SHIFT,
  T_MASK,
  T_NONE,
  T_RUN,
  T_SLAB,
  W_BACK_SHIFT,
  W_KIND_SHIFT,
} from "./shared/layout";
import { CLASS_COUNT } from "./shared/limits";

/** Gives back every Block that owner `index` holds; returns their bytes. The owner must not be taking any. */
export function releaseBlocks(index: u32): u32 {
  let bytes: u32 = 0;
  for (let g = firstGrain; g < grains;) {
    const word = load32(wordAt(g));
    const length = lengthOf(word);
    let next = g + length;
    if ((word & T_MASK) == T_RUN && ((word >>> W_KIND_SHIFT) & 3) == KIND_BLOCK) {
      bytes += releaseIfOf(index, (<usize>g) << GRAIN_SHIFT, load64(bitsAt(g)), length << GRAIN_SHIFT);
    } else if ((word & T_MASK) == T_SLAB) {
      // A length read while others work may be stale and lead into the middle of a slab: its words lead back to its head.
      const head = g - ((word >>> W_BACK_SHIFT) & 63);
      if ((slabTag(word) & 3) == KIND_BLOCK) bytes += releaseInSlab(index, head, geometry(slabTag(word)));
      next = head + length;
    } else if ((word & T_MASK) == T_NONE) next = g + 1;
    g = max(next, g + 1);
  }
  return bytes;
}

function releaseInSlab(index: u32, g: u32, shape: usize): u32 {
  const blocks = get32(shape + C_BLOCKS);
  const size = get32(shape + C_SIZE);
  let bytes: u32 = 0;
  for (let i: u32 = 0; i < blocks; i++) {
    bytes += releaseIfOf(index, ((<usize>g) << GRAIN_SHIFT) + <usize>(i * size), load64(recordIn(g, shape, i)), size);
  }
  return bytes;
}

function releaseIfOf(index: u32, p: usize, claim: u64, bytes: u32): u32 {
  if (<u32>(claim >> CLAIM_STATE_SHIFT) != CLAIM_LIVE || (<u32>claim & 0xff) != index) return 0;
  return blockFree(p, <u32>claim, <u32>(claim >> 32)) ? bytes : 0;
}

/** Makes what only this owner's record of hints knew known to all: the empty slabs it was working on. */
export function publishHints(index: u32): void {
  const at = slotOf(index);
  for (let c: usize = 1; c <= <usize>CLASS_COUNT; c++) {
    publishCurrent(at + S_HINTS + (c << S_HINT_SHIFT) + R_SLAB);
    put32(at + S_HINTS + (c << S_HINT_SHIFT) + R_TOP, 0);
    publishCurrent(at + S_BLOCK_HINTS + (c << S_BLOCK_HINT_SHIFT) + R_SLAB);
  }
}

function publishCurrent(at: usize): void {
  const current = load32(at);
  if (current == 0) return;
  const g = (current - <u32>slabBits) >>> 3;
  if (g >= firstGrain && g < grains) hintSet(HINT_EMPTY, g);
  store32(at, 0);
}
