// Slab: a run of grains cut into blocks of one class and kind, and one tagged word in bits[] that says all about it:
//
//   63      58 57  56 55                                             0
//   ├─ class ─┼ kind ┼─ one bit for each block, 1 = free ────────────┤
//
// Owns that word. Taking a block, giving it back and closing an empty slab are each one compare-and-swap on it, and the tag makes
// each success a proof: at this instant a slab of this class and kind lives here, and this block was free (taken). So there is
// no ABA, a stale hint is harmless and a double free is a bit that is already set. Nothing is held by a thread: its record of
// hints may be lost at any time.
//
// A thread that dies between the compare-and-swap and the count leaves its journal, which names the block.

import { get32, get64, put32, wipe, zero } from "./memory";
import { cas64, load64, or64, store64 } from "./atomic";
import { alignUp } from "./bits";
import { nextClaim, recordIn } from "./claim";
import { firstGrain, grains, scrubs, slabBits } from "./header";
import { beginAlloc, beginFree, endAlloc, endAllocVisibly, endFree, endFreeVisibly } from "./counters";
import { FREE_MASK, bitmapOf, hintFind, hintSet, homeOf, isHome, journalFind, setHome } from "./hint";
import { slot } from "./owners";
import { addTail, bitsAt, carve, findLow, findRun, freeGrains, slabTail, slabWord, wordAt } from "./pages";
import { geometry } from "./sizeclass";
import {
  B_TAG_SHIFT,
  C_BLOCKS,
  C_FULL,
  C_GRAINS,
  C_SIZE,
  GRAIN_SHIFT,
  HINT_EMPTY,
  HOME_SHIFT,
  J_BLOCK,
  J_WON,
  KIND_BLOCK,
  KIND_BUDGET,
  KIND_RAW,
  RECORD_BYTES,
  R_BASE,
  R_SLAB,
  R_STACK,
  R_STACK_MAX,
  R_TAG,
  R_TOP,
  S_BLOCK_HINTS,
  S_BLOCK_HINT_SHIFT,
  S_BUMP,
  S_FREE_BYTES,
  S_HINTS,
  S_HINT_SHIFT,
  S_IDLE,
  T_FREE,
  T_MASK,
  W_LENGTH_SHIFT,
} from "./shared/layout";

/** This owner's record of hints for slabs with this tag (only raw and Block slabs have one). */
export function hintRecord(tag: u32): usize {
  return (tag & 3) == KIND_RAW
    ? slot + S_HINTS + ((<usize>(tag >>> 2)) << S_HINT_SHIFT)
    : slot + S_BLOCK_HINTS + ((<usize>(tag >>> 2)) << S_BLOCK_HINT_SHIFT);
}

/**
 * Takes a free block of the slab at `g` and counts it; 0 when it has none or is no slab with this tag. From the journal to the
 * count it is one straight line, so an exception (which only falls where a function or a loop begins) cannot fall between them.
 */
export function take(g: u32, tag: u32): usize {
  const at = bitsAt(g);
  const want = (<u64>tag) << B_TAG_SHIFT;
  const shape = geometry(tag);
  const size = get32(shape + C_SIZE);
  const marks: usize = (tag & 3) == KIND_BLOCK ? J_BLOCK : 0;
  const claim: u64 = marks != 0 ? nextClaim() : 0;
  while (true) {
    const word = load64(at);
    const free = word ^ want;
    if (free - 1 >= FREE_MASK) return 0;
    const index = <u32>ctz(free);
    const p = ((<usize>g) << GRAIN_SHIFT) + <usize>(index * size);
    beginAlloc(p | marks);
    if (cas64(at, word, word & (word - 1))) {
      // commit
      if (marks != 0) {
        store64(recordIn(g, shape, index), claim);
        endAllocVisibly(size);
      } else endAlloc(size);
      return p;
    }
    endAlloc(0);
  }
  return 0;
}

/** Takes a block of this owner's current slab. */
export function takeCurrent(record: usize, tag: u32): usize {
  const at = get32(record + R_SLAB);
  return at == 0 ? 0 : take((at - <u32>slabBits) >>> 3, tag);
}

/** Takes a block by way of hints: this owner's stack, its home, then (when `anywhere`) every unit. 0: no hint led to one. */
export function takeHinted(record: usize, tag: u32, anywhere: bool): usize {
  if ((tag & 3) == KIND_RAW) {
    let top = get32(record + R_TOP);
    while (top != 0) {
      top--;
      put32(record + R_TOP, top);
      const p = takeAsCurrent(record, get32(record + R_STACK + ((<usize>top) << 2)), tag);
      if (p != 0) return p;
    }
  }
  const from = (get32(record + R_BASE) >>> GRAIN_SHIFT) % grains;
  while (true) {
    const g = hintFind(tag, from, !anywhere);
    if (g == 0) return 0;
    const p = takeAsCurrent(record, g, tag);
    if (p != 0) return p;
  }
  return 0;
}

/** Takes a block from a unit that another owner's journal names. */
export function takeJournalled(record: usize, tag: u32): usize {
  while (true) {
    const g = journalFind(tag);
    if (g == 0) return 0;
    const p = takeAsCurrent(record, g, tag);
    if (p != 0) return p;
  }
  return 0;
}

/** Takes a block of the slab at `g` and makes that slab this owner's current one. */
function takeAsCurrent(record: usize, g: u32, tag: u32): usize {
  const before = load64(bitsAt(g));
  const p = take(g, tag);
  if (p == 0) return 0;
  makeCurrent(record, tag, g);
  noteReuse(before, record);
  return p;
}

/**
 * Goes on with the slab at `g`. The one before was full when that was decided; but since then this thread may have given back, for others, what
 * lay in it, and while it is the current one an empty slab says so to nobody.
 */
function makeCurrent(record: usize, tag: u32, g: u32): void {
  const before = <usize>get32(record + R_SLAB);
  if (before != 0 && (load64(before) ^ ((<u64>tag) << B_TAG_SHIFT)) == get64(geometry(tag) + C_FULL)) {
    hintSet(HINT_EMPTY, <u32>((before - slabBits) >>> 3));
    noteIdle(geometry(tag));
  }
  put32(record + R_BASE, g << GRAIN_SHIFT);
  put32(record + R_SLAB, <u32>bitsAt(g));
}

/** If a slab's word says that it was empty: it is in use again. */
export function noteReuse(word: u64, record: usize): void {
  const shape = geometry(<u32>(get64(record + R_TAG) >> B_TAG_SHIFT));
  if ((word & FREE_MASK) != get64(shape + C_FULL)) return;
  const bytes = get32(shape + C_GRAINS) << GRAIN_SHIFT;
  const idle = get32(slot + S_IDLE);
  put32(slot + S_IDLE, idle > bytes ? idle - bytes : 0);
}

/**
 * Carves a slab, takes its first block and makes it this owner's current one; 0 when no run is long enough. The slab opens with that
 * block taken, so nobody can take it away from who made room for it. Under the page lock.
 */
export function newSlab(record: usize, tag: u32): usize {
  const start = carveSlab(tag, 0);
  if (start == 0) return 0;
  makeCurrent(record, tag, start);
  return openSlab(start, geometry(tag), tag);
}

/** Carves a slab that is closed yet; 0 when no run is long enough. Under the page lock. */
export function carveSlab(tag: u32, aux: u32): u32 {
  const shape = geometry(tag);
  const length = get32(shape + C_GRAINS);
  const head = runForSlab(length);
  if (head == 0) return 0;
  const start = isOurs(head) ? head : awayFromOthers(head, length);
  if ((tag & 3) == KIND_BLOCK) zero(recordIn(start, shape, 0), get32(shape + C_BLOCKS) * RECORD_BYTES);
  for (let back: u32 = 1; back < length; back++) put32(wordAt(start + back), slabWord(tag, back));
  carve(head, start, length, slabWord(tag, 0), aux);
  addTail(slabTail(tag));
  put32(slot + S_BUMP, start + length);
  setHome(start);
  return start;
}

/** From the journal to the count one straight line, as in take. */
export function openSlab(g: u32, shape: usize, tag: u32): usize {
  const p = (<usize>g) << GRAIN_SHIFT;
  const full = get64(shape + C_FULL);
  const marks: usize = (tag & 3) == KIND_BLOCK ? J_BLOCK : 0;
  const claim: u64 = marks != 0 ? nextClaim() : 0;
  beginAlloc(p | marks);
  store64(bitsAt(g), ((<u64>tag) << B_TAG_SHIFT) | (full & (full - 1))); // commit
  if (marks != 0) store64(recordIn(g, shape, 0), claim);
  hintSet(bitmapOf(tag), g); // after it: who clears a hint looks at the slab
  endAllocVisibly(get32(shape + C_SIZE));
  return p;
}

function isOurs(g: u32): bool {
  return g == get32(slot + S_BUMP) || homeOf(g) == 0 || isHome(g);
}

/** A free run for a slab: where this owner carved last, else fresh ground while there is plenty, else the best fit. */
function runForSlab(length: u32): u32 {
  const bump = get32(slot + S_BUMP);
  if (bump >= firstGrain && bump < grains && (bump & ((1 << HOME_SHIFT) - 1)) != 0) {
    const word = get32(wordAt(bump));
    if ((word & T_MASK) == T_FREE && word >>> W_LENGTH_SHIFT >= length) return bump;
  }
  if (freeGrains() > (grains - firstGrain) >>> 2) {
    const fresh = findRun((2 << HOME_SHIFT) + length);
    if (fresh != 0) return fresh;
  }
  return findLow(length);
}

/** Where to begin in a run whose first grains another owner calls home: at the next home, if the run reaches far enough. */
function awayFromOthers(head: u32, length: u32): u32 {
  const start = alignUp(head, 1 << HOME_SHIFT);
  return start + length <= head + (get32(wordAt(head)) >>> W_LENGTH_SHIFT) ? start : head;
}

/**
 * Gives raw block `index` of the slab at `g` back, where that may make a full slab usable or leave a slab empty. Journal, bit, hints and count
 * are one straight line without a call, so an exception cannot fall between them. Returns false when the block is not taken.
 */
export function giveBackAtEdge(p: usize, g: u32, tag: u32, index: u32): bool {
  const at = bitsAt(g);
  const shape = geometry(tag);
  const want = (<u64>tag) << B_TAG_SHIFT;
  const bit = (<u64>1) << index;
  let free: u64;
  while (true) {
    free = load64(at) ^ want;
    if (free > FREE_MASK || free & bit) {
      endFree(0);
      return false;
    }
    beginFree(p);
    if (cas64(at, free ^ want, (free ^ want) | bit)) break; // commit
    endFree(0);
  }
  if (free == 0) hintSet(bitmapOf(tag), g);
  if ((free | bit) == get64(shape + C_FULL)) {
    hintSet(HINT_EMPTY, g);
    if ((tag & 3) != KIND_BUDGET) noteIdle(shape);
  }
  if (free == 0 && (tag & 3) == KIND_RAW && isHome(g)) pushHint(hintRecord(tag), g);
  endFreeVisibly(get32(shape + C_SIZE));
  return true;
}

/**
 * Gives back the Block at `p`, block `index` of the slab at `g`, which this owner's journal names, if `claim` is what its record holds. One
 * straight line as above. Returns false when it is not taken, or not by this claim.
 */
export function giveBackBlock(p: usize, g: u32, tag: u32, index: u32, record: usize, claim: u64): bool {
  const at = bitsAt(g);
  const shape = geometry(tag);
  const bit = (<u64>1) << index;
  const size = get32(shape + C_SIZE);
  if (!winRelease(p, record, claim, size)) return false;
  if (scrubs) wipe(p, size);
  const free = or64(at, bit) ^ ((<u64>tag) << B_TAG_SHIFT); // commit: from the win on the bit is this thread's alone, and it keeps the slab
  if (free == 0) hintSet(bitmapOf(tag), g);
  // An empty slab is left alone while it is the current one.
  if ((free | bit) == get64(shape + C_FULL) && get32(hintRecord(tag) + R_SLAB) != <u32>at) {
    hintSet(HINT_EMPTY, g);
    noteIdle(shape);
  }
  endFreeVisibly(size);
  return true;
}

function noteIdle(shape: usize): void {
  put32(slot + S_IDLE, get32(slot + S_IDLE) + (get32(shape + C_GRAINS) << GRAIN_SHIFT));
}

/**
 * Empties the record of the Block at `p`, which this owner's journal names, if `claim` is what it holds, and journals that the release was won, so
 * that nobody has to guess if this thread dies before the memory is back: one of the racing releases wins, a stale handle loses. Inlined,
 * for it stands in straight lines.
 */
export function winRelease(p: usize, record: usize, claim: u64, bytes: u32): bool {
  if (!cas64(record, claim, 0)) {
    endFreeVisibly(0);
    return false;
  }
  put32(slot + S_FREE_BYTES, bytes);
  beginFree(p | (J_BLOCK | J_WON));
  return true;
}

/** Remembers that the slab at `g` is usable again; forgotten when the stack is full. */
export function pushHint(record: usize, g: u32): void {
  const top = get32(record + R_TOP);
  if (top == <u32>R_STACK_MAX) return;
  put32(record + R_STACK + ((<usize>top) << 2), g);
  put32(record + R_TOP, top + 1);
}
