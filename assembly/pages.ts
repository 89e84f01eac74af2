// Pages: runs of grains of exact length. Owns the chain of head words (the truth) and what is derived from it: the bins, the tail
// marks in aux[], and the counters H_COMMITTED, H_PEAK, H_TAIL. Everything here runs under the page lock.
//
//   the heads from H_FIRST on, each followed by the next at head + length, cover the heap exactly; no two free runs touch
//   H_COMMITTED = Σ lengths of runs and slabs,  H_PEAK ≥ H_COMMITTED always
//
// Each change of the chain is one aligned store of one head; heads that become reachable by it are written before it, heads that
// it absorbs are cleared after it. A caller that dies (or is cut by an exception) anywhere leaves a chain that is right before
// or after the change, and `rebuild` makes all else from it.

import { get32, get64, put32, put64, zero } from "./memory";
import { cas32, load32, load64, store32, store64 } from "./atomic";
import { log2 } from "./bits";
import { isNamed } from "./counters";
import { bitmapOf, hintSet } from "./hint";
import { auxes, firstGrain, grains, poison, scrubs, slabBits, words } from "./header";
import { geometry } from "./sizeclass";
import {
  AUX_IN_FLIGHT,
  AUX_TAIL,
  BIN_COUNT,
  B_TAG_SHIFT,
  C_BYTES,
  C_FULL,
  C_GRAINS,
  GRAIN_SHIFT,
  H_BINS,
  H_BIN_BITS,
  H_COMMITTED,
  H_DEFERRED,
  H_NAMES,
  H_NAMING,
  H_NODES,
  H_PEAK,
  H_REBUILDS,
  H_RECORDS,
  H_SPARE,
  H_TAIL,
  HINT_EMPTY,
  KIND_BLOCK,
  KIND_BUDGET,
  KIND_INTERNAL,
  T_FREE,
  T_FREED,
  T_MASK,
  T_NONE,
  T_RUN,
  T_SLAB,
  W_BACK_SHIFT,
  W_KIND_SHIFT,
  W_LENGTH_SHIFT,
  W_TAG_SHIFT,
} from "./shared/layout";
import { BAD_CHAIN } from "./shared/status";

const BIN_WORDS = 3;
// Slabs live long: kept low they leave long runs above. Looking at this many free runs finds a low one nearly always.
const LOW_PROBES: u32 = 32;
const BEST_PROBES: u32 = 16;

/** A free run's bits[] word: previous << LINK_BITS | next. */
export const LINK_BITS: u64 = 28;
export const LINK_MASK: u64 = (1 << 28) - 1;

export function wordAt(g: u32): usize {
  return words + ((<usize>g) << 2);
}

export function auxAt(g: u32): usize {
  return auxes + ((<usize>g) << 2);
}

export function bitsAt(g: u32): usize {
  return slabBits + ((<usize>g) << 3);
}

export function runWord(type: u32, kind: u32, length: u32): u32 {
  return (length << W_LENGTH_SHIFT) | (kind << 3) | type;
}

/** The word of a slab's grain, `back` grains after its head. */
export function slabWord(tag: u32, back: u32): u32 {
  return (tag << W_TAG_SHIFT) | (back << W_BACK_SHIFT) | T_SLAB;
}

export function slabTag(word: u32): u32 {
  return (word >>> W_TAG_SHIFT) & 0xff;
}

/** Kind of what a grain's word is about, a run or a slab. */
export function kindOf(word: u32): u32 {
  return (word & T_MASK) == T_SLAB ? slabTag(word) & 3 : (word >>> W_KIND_SHIFT) & 3;
}

/** Length in grains of what a head word begins. */
export function lengthOf(word: u32): u32 {
  if ((word & T_MASK) == T_SLAB) return get32(geometry(slabTag(word)) + C_GRAINS);
  return word >>> W_LENGTH_SHIFT;
}

/** Bytes at the end of a slab with this tag that no block can use. */
export function slabTail(tag: u32): u32 {
  const at = geometry(tag);
  return (get32(at + C_GRAINS) << GRAIN_SHIFT) - get32(at + C_BYTES);
}

export function freeGrains(): u32 {
  return grains - firstGrain - get32(H_COMMITTED);
}

/** Bin of free runs of `length` grains: exact below 64, then 8 for each doubling. */
export function binOf(length: u32): u32 {
  if (length < 64) return length;
  const e = log2(length);
  return 64 + ((e - 6) << 3) + ((length >>> (e - 3)) & 7);
}

/** Makes the heap one free run. */
export function buildPages(): void {
  const length = grains - firstGrain;
  store32(wordAt(firstGrain), runWord(T_FREE, 0, length));
  link(firstGrain, length);
}

/** A free run of at least `length` grains, nearly always the shortest; 0 only if there is none. */
export function findRun(length: u32): u32 {
  const bin = binOf(length);
  const own = bestIn(bin, length, BEST_PROBES);
  if (own != 0) return own;
  const longer = longerBin(bin + 1);
  return longer == 0 ? bestIn(bin, length, ~0) : bestIn(longer, length, BEST_PROBES);
}

/** The shortest of the first `limit` runs of a bin that are long enough. */
function bestIn(bin: u32, length: u32, limit: u32): u32 {
  let best: u32 = 0;
  let bestLength: u32 = 0xffffffff;
  for (let g = get32(H_BINS + ((<usize>bin) << 2)); g != 0 && limit != 0; g = next(g), limit--) {
    const has = get32(wordAt(g)) >>> W_LENGTH_SHIFT;
    if (has >= length && has < bestLength) {
      best = g;
      bestLength = has;
      if (has == length) return g;
    }
  }
  return best;
}

/** The lowest of the first free runs of at least `length` grains that the bins give; 0 if there is none. */
export function findLow(length: u32): u32 {
  let best: u32 = 0;
  let probes: u32 = 0;
  for (let bin = longerBin(binOf(length)); bin != 0 && probes < LOW_PROBES; bin = longerBin(bin + 1)) {
    for (let g = get32(H_BINS + ((<usize>bin) << 2)); g != 0 && probes < LOW_PROBES; g = next(g)) {
      probes++;
      if (get32(wordAt(g)) >>> W_LENGTH_SHIFT >= length && (best == 0 || g < best)) best = g;
    }
  }
  return best == 0 ? findRun(length) : best;
}

/** A free run that has `length` grains beginning at a multiple of `step`; the caller finds the place in it. 0: none. */
export function findAligned(length: u32, step: u32): u32 {
  const sure = findRun(length + step - 1);
  if (sure != 0) return sure;
  for (let bin = binOf(length); bin < <u32>BIN_COUNT; bin++) {
    for (let g = get32(H_BINS + ((<usize>bin) << 2)); g != 0; g = next(g)) {
      const start = (g + step - 1) & ~(step - 1);
      if (start + length <= g + (get32(wordAt(g)) >>> W_LENGTH_SHIFT)) return g;
    }
  }
  return 0;
}

/**
 * Takes the grains [start, start + length) out of the free run at `head` and makes `word` their head word, `aux` its aux.
 * The counters rise before the chain changes, so the limit and the peak are never behind it.
 */
export function carve(head: u32, start: u32, length: u32, word: u32, aux: u32): void {
  const whole = get32(wordAt(head)) >>> W_LENGTH_SHIFT;
  const front = start - head;
  const back = whole - front - length;
  unlink(head, whole);
  if (back != 0) {
    put32(wordAt(start + length), runWord(T_FREE, 0, back));
    link(start + length, back);
  }
  put64(bitsAt(start), 0);
  put32(auxAt(start), aux);
  addCommitted(length);
  if (front != 0) {
    link(head, front);
    store32(wordAt(start), word);
    store32(wordAt(head), runWord(T_FREE, 0, front)); // commit
  } else store32(wordAt(start), word); // commit
}

/** Makes the grains [start, start + length) free and merges them with free neighbours; they are a whole run or closed slab. */
export function giveBack(start: u32, length: u32): void {
  let head = start;
  let whole = length;
  const right = start + length;
  let absorbed: u32 = 0;
  if (right < grains && (get32(wordAt(right)) & T_MASK) == T_FREE) {
    absorbed = right;
    const extra = get32(wordAt(right)) >>> W_LENGTH_SHIFT;
    unlink(right, extra);
    whole += extra;
  }
  const mark = start > firstGrain ? get32(auxAt(start - 1)) : 0;
  if (mark & AUX_TAIL) {
    head = mark & ~AUX_TAIL;
    const extra = start - head;
    unlink(head, extra);
    whole += extra;
  }
  store32(wordAt(head), runWord(T_FREE, 0, whole)); // commit
  if (head != start) put32(wordAt(start), 0);
  if (absorbed != 0) put32(wordAt(absorbed), 0);
  put32(H_COMMITTED, get32(H_COMMITTED) - length);
  link(head, whole);
}

/** Adds `extra` grains of the free run that follows to the run with this head word; false if they are not there. */
export function growRun(start: u32, word: u32, extra: u32): bool {
  const right = start + (word >>> W_LENGTH_SHIFT);
  if (right >= grains || (get32(wordAt(right)) & T_MASK) != T_FREE) return false;
  const whole = get32(wordAt(right)) >>> W_LENGTH_SHIFT;
  if (whole < extra) return false;
  unlink(right, whole);
  if (whole != extra) {
    put32(wordAt(right + extra), runWord(T_FREE, 0, whole - extra));
    link(right + extra, whole - extra);
  }
  addCommitted(extra);
  if (cas32(wordAt(start), word, word + (extra << W_LENGTH_SHIFT))) {
    // commit
    store32(wordAt(right), 0);
    return true;
  }
  // Its block was freed by another thread this instant.
  store32(H_COMMITTED, get32(H_COMMITTED) - extra);
  if (whole != extra) {
    unlink(right + extra, whole - extra);
    put32(wordAt(right + extra), 0);
  }
  link(right, whole);
  return false;
}

/** Cuts the run with this head word to `length`; the rest becomes a FREED run. False if its block was freed this instant. */
export function shrinkRun(start: u32, word: u32, length: u32): bool {
  const rest = (word >>> W_LENGTH_SHIFT) - length;
  put32(auxAt(start + length), 0);
  store32(wordAt(start + length), runWord(T_FREED, 0, rest));
  if (!cas32(wordAt(start), word, word - (rest << W_LENGTH_SHIFT))) {
    // commit
    store32(wordAt(start + length), 0);
    return false;
  }
  return true;
}

export function addCommitted(length: u32): void {
  const committed = get32(H_COMMITTED) + length;
  if (committed > get32(H_PEAK)) put32(H_PEAK, committed);
  put32(H_COMMITTED, committed);
}

export function addTail(bytes: i32): void {
  put32(H_TAIL, get32(H_TAIL) + bytes);
}

/** How many runs of `length` grains the free runs could be cut into; counted no further than `enough`. O(free runs). */
export function countRuns(length: u32, enough: u32): u32 {
  let count: u32 = 0;
  for (let bin = longerBin(binOf(length)); bin != 0 && count < enough; bin = longerBin(bin + 1)) {
    for (let g = get32(H_BINS + ((<usize>bin) << 2)); g != 0 && count < enough; g = next(g)) {
      count += (get32(wordAt(g)) >>> W_LENGTH_SHIFT) / length;
    }
  }
  return count;
}

function next(g: u32): u32 {
  return <u32>(get64(bitsAt(g)) & LINK_MASK);
}

function longerBin(from: u32): u32 {
  if (from >= <u32>BIN_COUNT) return 0;
  let index = from >>> 6;
  let bits = get64(H_BIN_BITS + ((<usize>index) << 3)) & ((<u64>-1) << (from & 63));
  while (bits == 0) {
    index++;
    if (index == <u32>BIN_WORDS) return 0;
    bits = get64(H_BIN_BITS + ((<usize>index) << 3));
  }
  return (index << 6) + <u32>ctz(bits);
}

/** Puts the free run at `g` into its bin and marks its last grain. */
export function link(g: u32, length: u32): void {
  const bin = binOf(length);
  const at = H_BINS + ((<usize>bin) << 2);
  const head = get32(at);
  put64(bitsAt(g), head);
  if (head != 0) put64(bitsAt(head), (get64(bitsAt(head)) & LINK_MASK) | ((<u64>g) << LINK_BITS));
  put32(at, g);
  const bits = H_BIN_BITS + ((<usize>(bin >>> 6)) << 3);
  put64(bits, get64(bits) | ((<u64>1) << (bin & 63)));
  put32(auxAt(g + length - 1), AUX_TAIL | g);
}

/** Takes the free run at `g` out of its bin and clears the mark on its last grain. */
export function unlink(g: u32, length: u32): void {
  const links = get64(bitsAt(g));
  const after = <u32>(links & LINK_MASK);
  const before = <u32>((links >> LINK_BITS) & LINK_MASK);
  if (after != 0) put64(bitsAt(after), (get64(bitsAt(after)) & LINK_MASK) | ((<u64>before) << LINK_BITS));
  if (before != 0) put64(bitsAt(before), (get64(bitsAt(before)) & (LINK_MASK << LINK_BITS)) | after);
  else unlinkHead(binOf(length), after);
  put32(auxAt(g + length - 1), 0);
}

function unlinkHead(bin: u32, after: u32): void {
  put32(H_BINS + ((<usize>bin) << 2), after);
  if (after != 0) return;
  const bits = H_BIN_BITS + ((<usize>(bin >>> 6)) << 3);
  put64(bits, get64(bits) & ~((<u64>1) << (bin & 63)));
}

/**
 * Makes all that is derived anew from the chain of heads: merges free runs, counts a slab whose bits are closed (half made or
 * half given back) and a run that was never handed out as free, and rewrites the words inside slabs. May be cut anywhere and run again.
 */
export function rebuild(): void {
  for (let bin: usize = 0; bin < <usize>BIN_COUNT; bin++) put32(H_BINS + (bin << 2), 0);
  for (let i: usize = 0; i < <usize>BIN_WORDS; i++) put64(H_BIN_BITS + (i << 3), 0);
  let committed: u32 = 0;
  let tail: u32 = 0;
  let free: u32 = 0;
  let g = firstGrain;
  while (g < grains) {
    const word = get32(wordAt(g));
    const length = lengthOf(word);
    if (length == 0 || length > grains - g || !isHead(word)) {
      poison(BAD_CHAIN);
      return;
    }
    if (isHeld(g, word)) {
      if (free != 0) settleFree(free, g - free);
      free = 0;
      committed += length;
      tail += settleHeld(g, word, length);
    } else {
      // A chunk that was never named, or is no more, has something in it.
      if (scrubs && (word & T_MASK) == T_RUN) zero((<usize>g) << GRAIN_SHIFT, length << GRAIN_SHIFT);
      if (free == 0) free = g;
    }
    g += length;
  }
  if (free != 0) settleFree(free, grains - free);
  if (committed > get32(H_PEAK)) store32(H_PEAK, committed);
  store32(H_COMMITTED, committed);
  store32(H_TAIL, tail);
  store32(H_REBUILDS, get32(H_REBUILDS) + 1);
}

/** Whether this word can begin something. */
export function isHead(word: u32): bool {
  const type = word & T_MASK;
  return type != T_NONE && type <= <u32>T_FREED && (type != T_SLAB || ((word >>> W_BACK_SHIFT) & 63) == 0);
}

function isHeld(g: u32, word: u32): bool {
  const type = word & T_MASK;
  if (type == T_RUN) {
    const isBudgets = ((word >>> W_KIND_SHIFT) & 3) == KIND_BUDGET;
    if (!isBudgets) return get32(auxAt(g)) != AUX_IN_FLIGHT || isNewChunk(g);
    if ((get32(auxAt(g)) & AUX_IN_FLIGHT) == 0) return true;
    if (!isCharged(g)) return false;
    // Charged, but its taker never had it: as if it had given it back.
    const freed = (word & ~T_MASK) | T_FREED;
    store32(wordAt(g), freed);
    return isFreedOfBudget(g, freed);
  }
  if (type == T_FREED) return isFreedOfBudget(g, word);
  if (type != T_SLAB) return false;
  const tag = slabTag(word);
  if (<u32>(load64(bitsAt(g)) >> B_TAG_SHIFT) == tag) {
    hintSet(bitmapOf(tag), g); // its maker may have died before it did
    return true;
  }
  // Closed by a thread that died before it looked for readers of the records: there is one. Or closed, or not opened yet, while it is charged
  // to a budget: who gives it back takes it off that.
  const isToStay = (tag & 3) == KIND_BLOCK ? isNamed(g, lengthOf(word)) : (tag & 3) == KIND_BUDGET && isCharged(g);
  if (isToStay) openWhole(g, tag);
  return isToStay;
}

/** Whether the run or slab at `g` is charged to a budget. */
function isCharged(g: u32): bool {
  return (get32(auxAt(g)) & ~AUX_IN_FLIGHT) != 0;
}

/** Whether a run that was given back is charged still: whoever merges it takes it off its budget. */
function isFreedOfBudget(g: u32, word: u32): bool {
  if (((word >>> W_KIND_SHIFT) & 3) != KIND_BUDGET || !isCharged(g)) return false;
  put32(auxAt(g), get32(auxAt(g)) & ~AUX_IN_FLIGHT);
  hintSet(HINT_EMPTY, g);
  store32(H_DEFERRED, 1);
  store32(H_SPARE, 1);
  return true;
}

/** Opens the closed slab at `g`, in which nothing is taken. */
export function openWhole(g: u32, tag: u32): void {
  // Before it: nobody clears these without the page lock, and who dies here leaves a slab that looks like any other.
  hintSet(HINT_EMPTY, g);
  if ((tag & 3) == KIND_BUDGET) store32(H_SPARE, 1);
  store64(bitsAt(g), ((<u64>tag) << B_TAG_SHIFT) | get64(geometry(tag) + C_FULL));
  hintSet(bitmapOf(tag), g);
}

/** Whether the run in flight at `g` is a chunk that its pool names already, or is named where H_NAMING says: then it is held. */
function isNewChunk(g: u32): bool {
  const chunk = g << GRAIN_SHIFT;
  const isThere = load32(<usize>get32(H_NAMING)) == chunk;
  if (!isThere && load32(H_NODES + 4) != chunk && load32(H_RECORDS + 4) != chunk && load32(H_NAMES + 4) != chunk)
    return false;
  store32(auxAt(g), 0);
  return true;
}

/** Rewrites what a run or slab that is held says inside; returns the bytes of its tail. */
function settleHeld(g: u32, word: u32, length: u32): u32 {
  const isSlab = (word & T_MASK) == T_SLAB;
  const tag = slabTag(word);
  for (let back: u32 = 1; back < length; back++) store32(wordAt(g + back), isSlab ? slabWord(tag, back) : 0);
  for (let back: u32 = 0; back < length; back++) {
    if (get32(auxAt(g + back)) & AUX_TAIL) put32(auxAt(g + back), 0);
  }
  const kind = kindOf(word);
  const isCharged = kind == KIND_BUDGET || (kind == KIND_BLOCK && !isSlab);
  if (!isCharged) put32(auxAt(g), 0);
  if (isSlab) return slabTail(tag);
  return kind == KIND_INTERNAL ? length << GRAIN_SHIFT : 0;
}

function settleFree(g: u32, length: u32): void {
  store32(wordAt(g), runWord(T_FREE, 0, length)); // commit
  for (let i = g + 1; i < g + length; i++) store32(wordAt(i), 0);
  for (let i = g; i < g + length; i++) {
    put32(auxAt(i), 0);
    put64(bitsAt(i), 0);
  }
  link(g, length);
}
