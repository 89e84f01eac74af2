// Heap: sizes to blocks. Chooses between slabs and runs, runs the ladder from the current slab to "full", and holds the raw calls
// behind the exports. Owns no memory: what it does is done by one compare-and-swap in slab.ts or one head store in pages.ts.
//
//   alloc:  current slab → own stack → own home → new slab (while there is plenty) → any hint
//           → under the page lock: new slab → trim → new slab → a run for the one block → any hint → what journals name → FULL
//
// "Full" is only said when, in one hold of the page lock, no run was there after trimming, each slab of the class was seen without a
// free block, and no other owner completed a free meanwhile: so, what others took first aside, nothing fitted since the lock was taken.

import { get32, get64, put32, put64, wipe, zero, zeroShort } from "./memory";
import { cas32, cas64, load32, load64, store32, store64 } from "./atomic";
import { freeIn } from "./arena";
import { isWeary } from "./charged";
import { nextClaim } from "./claim";
import { firstGrain, grains, scrubs } from "./header";
import { beginAlloc, beginFree, endAlloc, endAllocVisibly, endFree, endFreeVisibly, freedByOthers } from "./counters";
import { FREE_MASK, hintSet, isHome, settleMark } from "./hint";
import { lock } from "./lock";
import { me, slot } from "./owners";
import {
  auxAt,
  bitsAt,
  carve,
  countRuns,
  findAligned,
  findRun,
  freeGrains,
  kindOf,
  runWord,
  slabTag,
  wordAt,
} from "./pages";
import { alignedClass, classOf, classSize, geometry } from "./sizeclass";
import {
  giveBackAtEdge,
  hintRecord,
  newSlab,
  noteReuse,
  pushHint,
  takeCurrent,
  takeHinted,
  takeJournalled,
  winRelease,
} from "./slab";
import { hasTooMuchIdle, letGo, shedIdle, trim, trimNow } from "./trim";
import {
  AUX_IN_FLIGHT,
  B_TAG_SHIFT,
  C_BYTES,
  C_FULL,
  C_RECIPROCAL,
  C_SIZE,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  HINT_EMPTY,
  H_SPARE,
  J_BLOCK,
  KIND_BLOCK,
  KIND_BUDGET,
  KIND_INTERNAL,
  KIND_RAW,
  R_BASE,
  R_BYTES,
  R_FULL,
  R_RECIPROCAL,
  R_SIZE,
  R_SLAB,
  R_STACK,
  R_TAG,
  R_TOP,
  S_ALLOC,
  S_ALLOC_JOURNAL,
  S_FREE,
  S_FREE_JOURNAL,
  S_GIVEN,
  S_HINTS,
  S_HINT_SHIFT,
  S_REASON,
  S_RECENT_IN,
  T_FREED,
  T_MASK,
  T_RUN,
  T_SLAB,
  W_BACK_SHIFT,
  W_CLASS_SHIFT,
  W_KIND_SHIFT,
  W_LENGTH_SHIFT,
  W_TAG_SHIFT,
} from "./shared/layout";
import { SMALL_BYTES_MAX } from "./shared/limits";
import { BUSY, FULL, NOT_ATTACHED, OK, TOO_LARGE } from "./shared/status";

// How often "full" is looked for again when other owners gave something back meanwhile and a third took it; then it is BUSY.
export const FULL_ATTEMPTS: u32 = 64;

// Up to here a class is its size rounded up to 8, and zeroing needs no loop.
const ZERO_SHORT_MAX: u32 = 128;

// The slab this thread freed into last: what it frees next is likely there too. Its first byte, the address of its word, and this
// thread's record of hints for its class; the tag in the slab's word validates all of it.
let recentBase: u32 = 0;
let recentSlab: usize = 0;
let recent: usize = 8192; // SLOTS, where nothing matches

// The two straight lines below are the hot path: some sixty machine instructions each. What they spare is written where it is
// spared: the slab's word is read plainly, for the compare-and-swap validates it; `word − tag − 1 < FREE_MASK` says in one comparison
// that the tag is right and that a bit is set; the journal is one 32-bit store, for the 64-bit count clears it.

/** The slot has changed: what was remembered is another owner's now. */
export function forgetRecent(): void {
  recent = 8192;
}

/** Takes `bytes` ≥ 1 bytes, content unspecified. 0: not taken, S_REASON says why. */
export function allocUnsafe(bytes: u32): usize {
  if (bytes - 1 < <u32>SMALL_BYTES_MAX) {
    const p = takeHot(recordFor(bytes));
    if (p != 0) return p;
  }
  return allocNext(bytes);
}

/** Takes `bytes` ≥ 1 zeroed bytes. 0: not taken, S_REASON says why. */
export function alloc(bytes: u32): usize {
  let p: usize = 0;
  if (bytes - 1 < <u32>SMALL_BYTES_MAX) p = takeHot(recordFor(bytes));
  if (p == 0) {
    p = allocNext(bytes);
    if (p == 0) return 0;
  }
  zeroTaken(p, bytes);
  return p;
}

/** Zeroes a block that was taken for `bytes` bytes. */
export function zeroTaken(p: usize, bytes: u32): void {
  if (bytes <= ZERO_SHORT_MAX) zeroShort(p, max((bytes + 7) & ~7, 16));
  else zero(p, roundUp(bytes));
}

function recordFor(bytes: u32): usize {
  return slot + S_HINTS + ((<usize>classOf(bytes)) << S_HINT_SHIFT);
}

/** Takes a block of the current slab; 0: it is full, gone, or another thread was quicker. */
function takeHot(record: usize): usize {
  const at = <usize>get32(record + R_SLAB);
  const word = get64(at);
  if (word - get64(record + R_TAG) - 1 >= FREE_MASK) return 0;
  const size = get32(record + R_SIZE);
  const p = <usize>(get32(record + R_BASE) + <u32>ctz(word) * size);
  put32(slot + S_ALLOC_JOURNAL, <u32>p);
  if (!cas64(at, word, word & (word - 1))) {
    // commit
    put32(slot + S_ALLOC_JOURNAL, 0);
    return 0;
  }
  put64(slot + S_ALLOC, <u64>(get32(slot + S_ALLOC) + size));
  return p;
}

/** Goes on with the slab that this owner freed into last, when the current one is full. */
export function allocNext(bytes: u32): usize {
  if (bytes - 1 >= <u32>SMALL_BYTES_MAX) return allocSlow(bytes);
  const record = recordFor(bytes);
  const top = get32(record + R_TOP);
  // Only a slab that was seen full may be left: what another thread frees into it from then on, that thread hints at.
  if (top == 0 || (load64(get32(record + R_SLAB)) & FREE_MASK) != 0) return allocSlow(bytes);
  const g = get32(record + R_STACK - 4 + ((<usize>top) << 2));
  put32(record + R_TOP, top - 1);
  const word = get64(bitsAt(g));
  if (word - get64(record + R_TAG) - 1 >= FREE_MASK) return allocSlow(bytes);
  noteReuse(word, record);
  put32(record + R_BASE, g << GRAIN_SHIFT);
  put32(record + R_SLAB, <u32>bitsAt(g));
  const p = takeHot(record);
  return p == 0 ? allocSlow(bytes) : p;
}

/** Takes `bytes` at a multiple of `align`, a power of two. 0: not taken, S_REASON says why. */
export function allocAligned(bytes: u32, align: u32): usize {
  if (align <= 8) return allocUnsafe(bytes);
  if (bytes <= <u32>SMALL_BYTES_MAX && align <= <u32>GRAIN_BYTES) {
    const c = alignedClass(bytes, align);
    if (c != 0) return allocUnsafe(classSize(c));
  }
  return takeLarge(bytes, max(align >>> GRAIN_SHIFT, 1), KIND_RAW);
}

export function allocSlow(bytes: u32): usize {
  if (bytes > <u32>SMALL_BYTES_MAX) return takeLarge(bytes, 1, KIND_RAW);
  return takeSmall((classOf(bytes) << 2) | KIND_RAW);
}

/** Takes a block of the class and kind of `tag`, by all means there are. 0: S_REASON says why. */
export function takeSmall(tag: u32): usize {
  if (me == 0) return refuse(NOT_ATTACHED);
  const record = hintRecord(tag);
  settleMark();
  endFree(0); // an exception may have left it
  // A lost race is no reason to leave the current slab: it is left only when it was seen full.
  let p = takeCurrent(record, tag);
  if (p == 0) p = takeHinted(record, tag, false);
  if (p == 0 && freeGrains() > (grains - firstGrain) >>> 2) {
    const status = lock();
    if (status == BUSY) p = takeHinted(record, tag, true);
    if (status != OK) return p == 0 ? refuse(status) : p;
    p = newSlab(record, tag);
    letGo();
  }
  return p == 0 ? takeAnywhere(record, tag) : p;
}

function takeAnywhere(record: usize, tag: u32): usize {
  let p = takeHinted(record, tag, true);
  for (let attempt: u32 = 0; p == 0 && attempt < FULL_ATTEMPTS; attempt++) {
    const status = lock();
    if (status != OK) return refuse(status);
    const before = freedByOthers();
    p = newSlab(record, tag);
    const isTrimmed = p != 0 || trim();
    if (p == 0) p = takeLocked(record, tag);
    const isFull = p == 0 && isTrimmed && freedByOthers() == before;
    const isLate = p == 0 && !isTrimmed && isWeary();
    letGo();
    if (isFull) return refuse(FULL);
    if (isLate) break;
  }
  return p == 0 ? refuse(BUSY) : p;
}

/** Takes a block of the class and kind of `tag` if anything in the trimmed region can become one. Under the page lock. */
function takeLocked(record: usize, tag: u32): usize {
  let p = newSlab(record, tag);
  if (p == 0) p = takeRunFor(tag);
  if (p == 0) p = takeHinted(record, tag, true);
  return p == 0 ? takeJournalled(record, tag) : p;
}

/** A run for one block of a class whose slab fits nowhere. Under the page lock. */
function takeRunFor(tag: u32): usize {
  const size = get32(geometry(tag) + C_SIZE);
  const length = (size + GRAIN_BYTES - 1) >>> GRAIN_SHIFT;
  const p = takeRun(length, 1, tag & 3);
  if (p != 0) zero(p + size, (length << GRAIN_SHIFT) - size); // alloc zeroes only the class's size
  return p;
}

/** Takes a run for `bytes` bytes whose first grain is a multiple of `step`. 0: S_REASON says why. */
export function takeLarge(bytes: u32, step: u32, kind: u32): usize {
  if (me == 0) return refuse(NOT_ATTACHED);
  if (bytes > (grains - firstGrain) << GRAIN_SHIFT) return refuse(TOO_LARGE);
  const length = (bytes + GRAIN_BYTES - 1) >>> GRAIN_SHIFT;
  for (let attempt: u32 = 0; attempt < FULL_ATTEMPTS; attempt++) {
    const status = lock();
    if (status != OK) return refuse(status);
    let p = takeRun(length, step, kind);
    let isFull: bool = false;
    let isLate: bool = false;
    if (p == 0) {
      const before = freedByOthers();
      const isTrimmed = trim();
      p = takeRun(length, step, kind);
      isFull = p == 0 && isTrimmed && freedByOthers() == before;
      isLate = !isTrimmed && isWeary();
    }
    letGo();
    if (p != 0) return p;
    if (isFull) return refuse(FULL);
    if (isLate) break;
  }
  return refuse(BUSY);
}

/** Whether `count` runs of `length` grains could be taken this instant; also false where another thread has the page lock and does not go on. O(free runs). */
export function hasRuns(length: u32, count: u32): bool {
  if (me == 0 || lock() != OK) return false;
  let isThere = countRuns(length, count) >= count;
  if (!isThere) {
    trim();
    isThere = countRuns(length, count) >= count;
  }
  letGo();
  return isThere;
}

/**
 * Carves a run and counts it. While its aux says AUX_IN_FLIGHT it is nobody's, and who rebuilds the page layer takes it back; from there
 * to the count it is one straight line, so only a death can fall between. Under the page lock.
 */
function takeRun(length: u32, step: u32, kind: u32): usize {
  const claim = kind == KIND_BLOCK ? nextClaim() : 0;
  const start = carveRun(length, step, kind);
  if (start == 0) return 0;
  if (kind == KIND_BLOCK) store64(bitsAt(start), claim);
  store32(auxAt(start), 0); // commit
  if (kind == KIND_BLOCK) endAllocVisibly(length << GRAIN_SHIFT);
  else endAlloc(length << GRAIN_SHIFT);
  return (<usize>start) << GRAIN_SHIFT;
}

/** Carves a run off the end of the best fit: in flight, named in the journal and not counted. 0: there is none. Under the page lock. */
export function carveRun(length: u32, step: u32, kind: u32): u32 {
  const head = step == 1 ? findRun(length) : findAligned(length, step);
  if (head == 0) return 0;
  const start = (head + (get32(wordAt(head)) >>> W_LENGTH_SHIFT) - length) & ~(step - 1);
  beginAlloc(((<usize>start) << GRAIN_SHIFT) | (kind == KIND_BLOCK ? J_BLOCK : 0));
  carve(head, start, length, runWord(T_RUN, kind, length), AUX_IN_FLIGHT);
  return start;
}

export function refuse(reason: u32): usize {
  if (me != 0) put32(slot + S_REASON, reason);
  return 0;
}

/** Gives a raw block back. False: `p` is not the start of a live raw block; nothing was changed. */
export function free(p: usize): bool {
  // Most often the block lies in the slab that this thread freed into last; then its record says all that word[] would.
  let record = recent;
  let offset = <u32>p - recentBase;
  if (offset < get32(record + R_BYTES)) {
    const at = recentSlab;
    const word = get64(at);
    // Nested, with a load in each condition, so that the compiler branches instead of computing all of them.
    if (word - get64(record + R_TAG) - 1 < FREE_MASK) {
      const index = <u32>((<u64>offset * get32(record + R_RECIPROCAL)) >> 32);
      const size = get32(record + R_SIZE);
      if (index * size == offset) {
        const given = word | ((<u64>1) << index);
        if (given != word) {
          // An empty slab is left alone only while it is the current one.
          if (given != get64(record + R_FULL) || get32(record + R_SLAB) == <u32>at) {
            put32(slot + S_FREE_JOURNAL, <u32>p);
            if (cas64(at, word, given)) {
              // commit
              put64(slot + S_FREE, <u64>(get32(slot + S_FREE) + size));
              return true;
            }
            put32(slot + S_FREE_JOURNAL, 0);
          }
        }
      }
    }
  }
  const grain = <u32>(p >>> GRAIN_SHIFT);
  if (grain >= grains) return false;
  const head = load32(wordAt(grain));
  if ((head & (T_MASK | (3 << W_TAG_SHIFT))) != T_SLAB) return freeOther(p, grain, head);
  const c = (head >>> W_CLASS_SHIFT) & 63;
  record = slot + S_HINTS + ((<usize>c) << S_HINT_SHIFT);
  const g = grain - ((head >>> W_BACK_SHIFT) & 63);
  offset = <u32>p - (g << GRAIN_SHIFT);
  const size = get32(record + R_SIZE);
  const index = <u32>((<u64>offset * get32(record + R_RECIPROCAL)) >> 32);
  if (index * size != offset || offset >= get32(record + R_BYTES)) return false;
  const at = bitsAt(g);
  const word = get64(at);
  const left = word ^ get64(record + R_TAG);
  const given = word | ((<u64>1) << index);
  const isCurrent = get32(record + R_SLAB) == <u32>at;
  // What is not the plain case looks again, atomically.
  if (left > FREE_MASK || given == word || (given == get64(record + R_FULL) && !isCurrent))
    return freeAtEdge(p, g, c << 2, index);
  put32(slot + S_FREE_JOURNAL, <u32>p);
  if (!cas64(at, word, given)) {
    // commit
    put32(slot + S_FREE_JOURNAL, 0);
    return freeAtEdge(p, g, c << 2, index);
  }
  if (left == 0) {
    hintSet(c, g);
    if (!isCurrent && isHome(g)) pushHint(record, g);
  }
  recent = record;
  recentBase = g << GRAIN_SHIFT;
  recentSlab = at;
  put64(slot + S_FREE, <u64>(get32(slot + S_FREE) + size));
  return true;
}

/** As `free`; in a region that scrubs, zeroes it first: from the store that frees it on it may be another's. */
export function freeScrubbed(p: usize): bool {
  if (!scrubs) return free(p);
  const bytes = usableSize(p);
  if (bytes == 0 || kindOf(load32(wordAt(<u32>(p >>> GRAIN_SHIFT)))) > <u32>KIND_BUDGET) return false;
  zero(p, bytes);
  return free(p);
}

/** From here on `free` knows the slab at `g`, a budget's, as the one that was freed into last. */
export function rememberIn(g: u32, tag: u32, shape: usize): void {
  recent = slot + S_RECENT_IN;
  put64(recent + R_TAG, (<u64>tag) << B_TAG_SHIFT);
  put64(recent + R_FULL, ((<u64>tag) << B_TAG_SHIFT) | get64(shape + C_FULL));
  put32(recent + R_SLAB, 0); // emptied, it is more than this one's own affair
  put32(recent + R_SIZE, get32(shape + C_SIZE));
  put32(recent + R_RECIPROCAL, get32(shape + C_RECIPROCAL));
  put32(recent + R_BYTES, get32(shape + C_BYTES));
  recentBase = g << GRAIN_SHIFT;
  recentSlab = bitsAt(g);
}

/** Gives a run back, or a block of a budget's slab. */
function freeOther(p: usize, grain: u32, head: u32): bool {
  if ((head & T_MASK) != T_SLAB) return freeRun(p, grain, head);
  const tag = slabTag(head);
  if ((tag & 3) != KIND_BUDGET) return false; // a Block's or ours
  const g = grain - ((head >>> W_BACK_SHIFT) & 63);
  const shape = geometry(tag);
  const offset = <u32>p - (g << GRAIN_SHIFT);
  const index = <u32>((<u64>offset * get32(shape + C_RECIPROCAL)) >> 32);
  if (index * get32(shape + C_SIZE) != offset || offset >= get32(shape + C_BYTES)) return false;
  return freeIn(p, g, tag, index);
}

/** The rarer half of free, kept out of the export's straight line. */
export function freeAtEdge(p: usize, g: u32, tag: u32, index: u32): bool {
  if (me == 0 || !giveBackAtEdge(p, g, tag, index)) return false;
  put32(slot + S_GIVEN, <u32>p);
  if (hasTooMuchIdle()) shedIdle();
  put32(slot + S_GIVEN, 0);
  return true;
}

function freeRun(p: usize, g: u32, word: u32): bool {
  if ((word & T_MASK) != T_RUN || p & (GRAIN_BYTES - 1) || ((word >>> W_KIND_SHIFT) & 3) > <u32>KIND_BUDGET || me == 0)
    return false;
  return giveBackRun(p, g, word, 0);
}

/**
 * Marks the run freed, by one compare-and-swap, and merges it now or leaves that to the lock's holder. Of a Block, which the own
 * journal names, `claim` is what its record must hold; else it is 0.
 */
export function giveBackRun(p: usize, g: u32, word: u32, claim: u64): bool {
  if (claim == 0) beginFree(p);
  else {
    const bytes = (word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT;
    if (!winRelease(p, bitsAt(g), claim, bytes)) return false;
    if (scrubs) wipe(p, bytes);
  }
  if (!cas32(wordAt(g), word, (word & ~T_MASK) | T_FREED)) {
    // commit
    endFree(0);
    return false;
  }
  hintSet(HINT_EMPTY, g);
  if (claim != 0) endFreeVisibly((word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT);
  else {
    endFree((word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT);
    put32(slot + S_GIVEN, <u32>p);
  }
  // Before anything that an exception could cut: nobody looks for it otherwise, and its budget would go on refusing.
  if (((word >>> W_KIND_SHIFT) & 3) == KIND_BUDGET) store32(H_SPARE, 1);
  trimNow(g);
  put32(slot + S_GIVEN, 0);
  return true;
}

/** Bytes that may be used at `p`; 0: no live block begins there. */
export function usableSize(p: usize): u32 {
  const grain = <u32>(p >>> GRAIN_SHIFT);
  if (grain >= grains) return 0;
  const word = load32(wordAt(grain));
  if ((word & T_MASK) == T_RUN && (p & (GRAIN_BYTES - 1)) == 0 && ((word >>> W_KIND_SHIFT) & 3) != KIND_INTERNAL)
    return (word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT;
  if ((word & T_MASK) != T_SLAB) return 0;
  const tag = slabTag(word);
  const g = grain - ((word >>> W_BACK_SHIFT) & 63);
  const shape = geometry(tag);
  const offset = <u32>p - (g << GRAIN_SHIFT);
  const size = get32(shape + C_SIZE);
  const index = <u32>((<u64>offset * get32(shape + C_RECIPROCAL)) >> 32);
  if (index * size != offset || offset >= get32(shape + C_BYTES)) return 0;
  const left = load64(bitsAt(g)) ^ ((<u64>tag) << B_TAG_SHIFT);
  return left > FREE_MASK || (left >> index) & 1 ? 0 : size;
}

/** What a block for `bytes` bytes is granted. */
export function roundUp(bytes: u32): u32 {
  if (bytes <= <u32>SMALL_BYTES_MAX) return classSize(classOf(bytes));
  return bytes > 0xffff0000 ? 0 : (bytes + GRAIN_BYTES - 1) & ~(GRAIN_BYTES - 1);
}
