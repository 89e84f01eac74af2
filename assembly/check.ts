// Check: walks every invariant of the heap and says which do not hold. Owns nothing; writes what it found to its owner's S_OUT.
// Runs under the page lock; what only holds when no operation is in flight is compared only if none completed meanwhile and no
// journal is pending, and S_OUT says whether that was so.

import { get32, get64 } from "./memory";
import { load32, load64, store32 } from "./atomic";
import {
  auxes,
  firstGrain,
  grains,
  hintWords,
  hints,
  homes,
  maxOwners,
  scrubs,
  slabBits,
  tableBytes,
  words,
} from "./header";
import { activity, countedBytes, markOf, pendingAlloc, pendingFree } from "./counters";
import { lockBudgets } from "./budget";
import { checkBudgets, isHeldAt } from "./checkbudgets";
import { checkCaches } from "./checkcaches";
import { checkRings } from "./checkrings";
import { letLatchGo } from "./latch";
import { add, clearReport, out, problem } from "./report";
import { sweepLeaving } from "./leaving";
import { isWaiting, recordIn } from "./claim";
import { FREE_MASK, bitmapOf, hintIsSet } from "./hint";
import { lock } from "./lock";
import { me, slot, slotOf } from "./owners";
import {
  LINK_BITS,
  LINK_MASK,
  auxAt,
  binOf,
  bitsAt,
  isHead,
  lengthOf,
  slabTag,
  slabTail,
  slabWord,
  wordAt,
} from "./pages";
import { geometry } from "./sizeclass";
import { letGo } from "./trim";
import {
  AUX_IN_FLIGHT,
  AUX_TAIL,
  BIN_COUNT,
  B_TAG_SHIFT,
  C_BLOCKS,
  C_FULL,
  C_SIZE,
  GRAIN_SHIFT,
  HINT_EMPTY,
  H_ADJUST,
  H_AUX,
  H_BINS,
  H_BIN_BITS,
  H_BITS,
  H_BUDGET_LOCK,
  H_BUILD,
  H_CAPACITY,
  H_COMMITTED,
  H_FIRST,
  H_GRAINS,
  H_HINTS,
  H_HINT_WORDS,
  H_HOMES,
  H_LEAVING,
  H_MAGIC,
  H_MAX_OWNERS,
  H_NULL,
  H_PEAK,
  H_SCRUB,
  H_TAIL,
  H_UNDECIDED,
  H_WORD,
  KIND_BLOCK,
  KIND_BUDGET,
  KIND_INTERNAL,
  MAGIC,
  OUT_BLOCKS,
  OUT_FREE,
  OUT_FREE_RUNS,
  OUT_LARGEST,
  OUT_OVERHEAD,
  OUT_PROBLEMS,
  OUT_QUIET,
  OUT_RUNS,
  OUT_SLABS,
  OUT_USED,
  RECORD_CHARGE,
  R_SLAB,
  S_BLOCK_HINTS,
  S_BLOCK_HINT_SHIFT,
  S_HINTS,
  S_HINT_SHIFT,
  S_OUT,
  T_FREE,
  T_FREED,
  T_MASK,
  T_RUN,
  T_SLAB,
  W_KIND_SHIFT,
  W_LENGTH_SHIFT,
} from "./shared/layout";
import { WASM_PAGE_BYTES } from "./shared/limits";
import {
  BAD_ADJACENT_FREE,
  BAD_AUX,
  BAD_BIN,
  BAD_CHAIN,
  BAD_COMMITTED,
  BAD_EMPTY_HINT,
  BAD_FREE_BYTES,
  BAD_HEADER,
  BAD_HINT,
  BAD_PEAK,
  BAD_RECORD,
  BAD_RUN_WORD,
  BAD_SLAB_BITS,
  BAD_SLAB_TAG,
  BAD_SLAB_WORD,
  BAD_TAIL_BYTES,
  BAD_TAIL_MARK,
  BAD_USED,
  OK,
} from "./shared/status";

// What the walk has added up so far; private to the thread, like all module variables.
let used: u32 = 0;
let tail: u32 = 0;
let committed: u32 = 0;
let freeRuns: u32 = 0;
let freeLength: u32 = 0;
let longest: u32 = 0;
let quiet: bool = false;

/** Walks everything; S_OUT holds the sums and up to OUT_LIST_MAX problems. Returns OK, or why the lock was not to be had. */
export function check(): u32 {
  let status = lock();
  if (status != OK) return status;
  status = lockBudgets();
  if (status != OK) {
    letGo();
    return status;
  }
  clearReport();
  quiet = nobodyIsBusy();
  const before = activity();
  const counted = countedBytes();
  walk();
  if (quiet && !(nobodyIsBusy() && activity() == before)) {
    // Somebody began to work during the walk: what only holds at rest may have been seen half done.
    quiet = false;
    clearReport();
    walk();
  }
  const settled = settleUndecided(counted);
  if (get32(H_COMMITTED) != committed) problem(BAD_COMMITTED, committed);
  if (get32(H_PEAK) < committed) problem(BAD_PEAK, committed);
  if (get32(H_TAIL) != tail) problem(BAD_TAIL_BYTES, tail);
  if (quiet && settled != used) problem(BAD_USED, used);
  checkBins();
  checkHeader();
  checkBudgets();
  checkRings();
  checkCaches();
  const overhead = tableBytes() + tail;
  out(OUT_USED, used);
  out(OUT_OVERHEAD, overhead);
  out(OUT_FREE, (grains << GRAIN_SHIFT) - overhead - used);
  out(OUT_LARGEST, longest << GRAIN_SHIFT);
  out(OUT_FREE_RUNS, freeRuns);
  out(OUT_QUIET, quiet ? 1 : 0);
  letLatchGo(H_BUDGET_LOCK);
  letGo();
  // Now that the page lock is free: what was given back meanwhile.
  if (load64(H_LEAVING) != 0) sweepLeaving();
  return OK;
}

/** What dead owners' journals left open is settled by counting, at an instant at which nobody is at work. Returns what is counted now. */
function settleUndecided(counted: u32): u32 {
  const isWhole = get32(slot + S_OUT + (OUT_PROBLEMS << 2)) == 0;
  if (!quiet || !isWhole || get32(H_UNDECIDED) == 0) return counted;
  store32(H_ADJUST, get32(H_ADJUST) + used - counted); // commit: counted again it would find no difference
  store32(H_UNDECIDED, 0);
  return used;
}

function nobodyIsBusy(): bool {
  for (let index: u32 = 1; index <= maxOwners; index++) {
    if (index != me && (pendingAlloc(index) | pendingFree(index) | markOf(index)) != 0) return false;
  }
  return true;
}

function walk(): void {
  used = 0;
  tail = 0;
  committed = 0;
  freeRuns = 0;
  freeLength = 0;
  longest = 0;
  let afterFree = false;
  let g = firstGrain;
  while (g < grains) {
    const word = load32(wordAt(g));
    const type = word & T_MASK;
    const length = lengthOf(word);
    if (!isHead(word) || length == 0 || length > grains - g) {
      problem(BAD_CHAIN, g);
      return;
    }
    if (type == T_FREE) {
      if (afterFree) problem(BAD_ADJACENT_FREE, g);
      if (get32(auxAt(g + length - 1)) != (AUX_TAIL | g)) problem(BAD_TAIL_MARK, g);
      freeRuns++;
      freeLength += length;
      longest = max(longest, length);
    } else {
      committed += length;
      if (get32(auxAt(g + length - 1)) & AUX_TAIL) problem(BAD_TAIL_MARK, g);
      if (type == T_SLAB) walkSlab(g, slabTag(word), length);
      else if (type == T_RUN) walkRun(g, word);
      else if (!hintIsSet(HINT_EMPTY, g) && quiet) problem(BAD_EMPTY_HINT, g);
    }
    const isFree = type == T_FREE || type == T_FREED;
    if (isFree && mustBeZero() && !isZero((<usize>g) << GRAIN_SHIFT, length << GRAIN_SHIFT)) problem(BAD_FREE_BYTES, g);
    if (type != T_SLAB) walkInside(g, length);
    afterFree = type == T_FREE;
    g += length;
  }
}

function walkInside(g: u32, length: u32): void {
  for (let inside = g + 1; inside < g + length; inside++) {
    if (load32(wordAt(inside)) != 0) problem(BAD_RUN_WORD, inside);
  }
}

/** On a head stands which budget it is charged to, of kinds that can be, and nothing else at rest: whoever rebuilds the page layer goes by it. */
function walkAux(g: u32, kind: u32): void {
  const aux = load32(auxAt(g)) & ~AUX_TAIL;
  const isCharged = kind == KIND_BLOCK || kind == KIND_BUDGET;
  if (quiet && (isCharged ? aux & AUX_IN_FLIGHT : aux) != 0) problem(BAD_AUX, g);
}

function walkRun(g: u32, word: u32): void {
  const kind = (word >>> W_KIND_SHIFT) & 3;
  walkAux(g, kind);
  if (kind == KIND_INTERNAL) {
    tail += (word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT;
    return;
  }
  add(OUT_RUNS, 1);
  add(OUT_BLOCKS, 1);
  used += (word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT;
  if (kind == KIND_BLOCK && quiet && !isHeldAt(bitsAt(g))) problem(BAD_RECORD, g);
}

function walkSlab(g: u32, tag: u32, length: u32): void {
  walkAux(g, tag & 3);
  const shape = geometry(tag);
  const full = get64(shape + C_FULL);
  const free = load64(bitsAt(g)) ^ ((<u64>tag) << B_TAG_SHIFT);
  if (free > FREE_MASK) {
    problem(BAD_SLAB_TAG, g);
    return;
  }
  if (free & ~full) problem(BAD_SLAB_BITS, g);
  for (let back: u32 = 1; back < length; back++) {
    if (load32(wordAt(g + back)) != slabWord(tag, back)) problem(BAD_SLAB_WORD, g + back);
  }
  const taken = get32(shape + C_BLOCKS) - <u32>popcnt(free);
  used += taken * get32(shape + C_SIZE);
  tail += slabTail(tag);
  add(OUT_SLABS, 1);
  add(OUT_BLOCKS, taken);
  if (!quiet) return;
  if (mustBeZero()) walkFree(g, shape, free);
  if (free != 0 && !hintIsSet(bitmapOf(tag), g)) problem(BAD_HINT, g);
  // An owner that leaves sets the hint before the slab is no longer its current one: so the hint is looked at once more.
  if (free == full && !hintIsSet(HINT_EMPTY, g) && !isSomeonesCurrent(g, tag) && !hintIsSet(HINT_EMPTY, g))
    problem(BAD_EMPTY_HINT, g);
  if ((tag & 3) == KIND_BLOCK) walkRecords(g, shape, free);
}

/** Whether free memory must be zero, and nobody is at work who may have just taken it. */
function mustBeZero(): bool {
  return scrubs && quiet;
}

function walkFree(g: u32, shape: usize, free: u64): void {
  const size = get32(shape + C_SIZE);
  for (let left = free; left != 0; left &= left - 1) {
    if (!isZero(((<usize>g) << GRAIN_SHIFT) + <usize>(<u32>ctz(left) * size), size)) problem(BAD_FREE_BYTES, g);
  }
}

function isZero(at: usize, bytes: u32): bool {
  let bits: u64 = 0;
  for (let end = at + bytes; at < end; at += 8) bits |= get64(at);
  return bits == 0;
}

/** A taken Block has a live claim of an owner that has a slot; a free one has none. */
function walkRecords(g: u32, shape: usize, free: u64): void {
  for (let i: u32 = 0; i < get32(shape + C_BLOCKS); i++) {
    const claim = load64(recordIn(g, shape, i));
    const isFree = ((free >> i) & 1) != 0;
    const charge = load32(recordIn(g, shape, i) + RECORD_CHARGE);
    if (isFree ? (claim | charge) != 0 : !isHeldAt(recordIn(g, shape, i)) || isWaiting(claim)) problem(BAD_RECORD, g);
  }
}

function isSomeonesCurrent(g: u32, tag: u32): bool {
  const c = <usize>(tag >>> 2);
  const at = <u32>(slabBits + ((<usize>g) << 3));
  for (let index: u32 = 1; index <= maxOwners; index++) {
    const owner = slotOf(index);
    if (load32(owner + S_HINTS + (c << S_HINT_SHIFT) + R_SLAB) == at) return true;
    if (load32(owner + S_BLOCK_HINTS + (c << S_BLOCK_HINT_SHIFT) + R_SLAB) == at) return true;
  }
  return false;
}

/** Every free run stands in the bin of its length, once, linked both ways; a bin's bit is set if something stands in it. */
function checkBins(): void {
  let count: u32 = 0;
  let length: u32 = 0;
  for (let bin: u32 = 0; bin < <u32>BIN_COUNT; bin++) {
    const first = get32(H_BINS + ((<usize>bin) << 2));
    const bits = get64(H_BIN_BITS + ((<usize>(bin >>> 6)) << 3));
    if ((((bits >> (bin & 63)) & 1) != 0) != (first != 0)) problem(BAD_BIN, bin);
    let before: u32 = 0;
    for (let g = first; g != 0;) {
      const word = g < grains ? load32(wordAt(g)) : 0;
      const links = g < grains ? get64(bitsAt(g)) : 0;
      const isInPlace =
        (word & T_MASK) == T_FREE && binOf(word >>> W_LENGTH_SHIFT) == bin && <u32>(links >> LINK_BITS) == before;
      if (!isInPlace || count > freeRuns) {
        problem(BAD_BIN, bin);
        return;
      }
      count++;
      length += word >>> W_LENGTH_SHIFT;
      before = g;
      g = <u32>(links & LINK_MASK);
    }
  }
  if (count != freeRuns || length != freeLength) problem(BAD_BIN, BIN_COUNT);
}

/** The header's constants are what this instance read when it attached. */
function checkHeader(): void {
  if (get32(H_CAPACITY) != <u32>memory.size() * <u32>WASM_PAGE_BYTES) problem(BAD_HEADER, H_CAPACITY);
  if (get32(H_GRAINS) != grains) problem(BAD_HEADER, H_GRAINS);
  if (get32(H_FIRST) != firstGrain) problem(BAD_HEADER, H_FIRST);
  if (get32(H_BITS) != <u32>slabBits) problem(BAD_HEADER, H_BITS);
  if (get32(H_WORD) != <u32>words) problem(BAD_HEADER, H_WORD);
  if (get32(H_AUX) != <u32>auxes) problem(BAD_HEADER, H_AUX);
  if (get32(H_HINTS) != <u32>hints) problem(BAD_HEADER, H_HINTS);
  if (get32(H_HINT_WORDS) != hintWords) problem(BAD_HEADER, H_HINT_WORDS);
  if (get32(H_HOMES) != <u32>homes) problem(BAD_HEADER, H_HOMES);
  if (get32(H_MAX_OWNERS) != maxOwners) problem(BAD_HEADER, H_MAX_OWNERS);
  if ((get32(H_SCRUB) != 0) != scrubs) problem(BAD_HEADER, H_SCRUB);
  if (load32(H_MAGIC) != MAGIC) problem(BAD_HEADER, H_MAGIC);
  if (get32(H_BUILD) != <u32>BUILD_ID) problem(BAD_HEADER, H_BUILD);
  if (get64(H_NULL) != 0) problem(BAD_HEADER, H_NULL);
}
