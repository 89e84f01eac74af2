// Arena: raw blocks of a budget. They lie in slabs and runs of kind BUDGET that belong to it whole and are charged as such, so free finds the
// budget without being told and a budget that is closed takes them all back. Owns B_ROOMY, B_SLABS and H_SPARE, all hints.
//
//   a block is taken from a slab of this budget        a slab's tag proves class and kind, not the budget: that stands in aux[]
//
// So who has taken a bit looks whose slab it is, and whether the budget is open still: the bit keeps the slab and its budget. If it is another's,
// the bit goes back. Only the closing of a budget takes a slab away in which bits are taken: it closes the slab, then waits for those whose
// journals say that they are taking there. A slab or run comes and goes under the page lock, charged and named by one charge of the journal,
// which who rebuilds the page layer carries out first (lock.ts). Who dies here leaves a raw block in flight, as of any raw block.

import { get32, get64, put32, put64, zero } from "./memory";
import { and64, cas32, cas64, load32, load64, or64, store32 } from "./atomic";
import { chargeMemory, countPasses, letBudgetsGo, lockBudgets, refuseBy } from "./budget";
import { bePatient, nodeOf, refTo } from "./charged";
import {
  beginFree,
  beginMark,
  endAlloc,
  endAllocVisibly,
  endFree,
  endMark,
  freedByOthers,
  isTakenFrom,
} from "./counters";
import { firstGrain, grains, scrubs, slabBits } from "./header";
import { FREE_MASK, hintFindIn, hintSet, settleMark } from "./hint";
import { FULL_ATTEMPTS, carveRun, refuse, rememberIn } from "./heap";
import { findRoom } from "./leaving";
import { lock, tryLock } from "./lock";
import { me, slot } from "./owners";
import { auxAt, bitsAt, lengthOf, slabTag, wordAt } from "./pages";
import { alignedClass, classOf, classSize, geometry } from "./sizeclass";
import { carveSlab, giveBackAtEdge, openSlab } from "./slab";
import { dissolve, letGo, reopen, trim, trimGrain, trimNow } from "./trim";
import {
  AUX_IN_FLIGHT,
  BUDGET_OPEN,
  B_FLAGS,
  B_PARENT,
  B_ROOMY,
  B_SLABS,
  B_STATE,
  B_TAG_SHIFT,
  C_BLOCKS,
  C_BYTES,
  C_FULL,
  C_GRAINS,
  C_SIZE,
  FLAG_QUEUE,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  HINT_EMPTY,
  H_DEFERRED,
  H_SPARE,
  KIND_BUDGET,
  S_ALLOC,
  S_ALLOC_JOURNAL,
  S_FREE,
  S_FREE_JOURNAL,
  S_GIVEN,
  S_REASON,
  T_FREED,
  T_MASK,
  T_RUN,
  T_SLAB,
  UNIT_SHIFT,
  W_BACK_SHIFT,
  W_KIND_SHIFT,
  W_LENGTH_SHIFT,
} from "./shared/layout";
import { SMALL_BYTES_MAX } from "./shared/limits";
import { BUDGET_GONE, BUSY, FULL, NOT_ATTACHED, NOT_LIVE, OK, OVER_LIMIT, TOO_LARGE } from "./shared/status";

/** As allocUnsafe, in the budget at `node`, whose state word the caller knows as `state`. 0: S_REASON says why, S_REFUSER who refused. */
export function allocUnsafeIn(node: usize, state: u32, bytes: u32): usize {
  if (me != 0 && bytes - 1 < <u32>SMALL_BYTES_MAX) {
    // As takeAt of its current slab, without a call.
    const c = classOf(bytes);
    const at = <usize>get32(currentOf(node, c));
    const word = get64(at);
    const want = (<u64>((c << 2) | KIND_BUDGET)) << B_TAG_SHIFT;
    if ((word ^ want) - 1 < FREE_MASK) {
      const g = <u32>((at - slabBits) >>> 3);
      const size = classSize(c);
      const p = ((<usize>g) << GRAIN_SHIFT) + <usize>(<u32>ctz(word) * size);
      put32(slot + S_ALLOC_JOURNAL, <u32>p);
      if (cas64(at, word, word & (word - 1))) {
        if (load32(auxAt(g)) == refTo(node) && load32(node + B_STATE) == state) {
          put64(slot + S_ALLOC, <u64>(get32(slot + S_ALLOC) + size)); // commit
          return p;
        }
        // Back with it, in one straight line too; the mark names the unit until the hints are there.
        const bit = word & -word;
        beginMark(g & ~((1 << UNIT_SHIFT) - 1));
        const before = or64(at, bit) ^ want;
        endAllocVisibly(before > FREE_MASK || (before & bit) != 0 ? size : 0);
        noteBack(g, c, before, bit);
      } else put32(slot + S_ALLOC_JOURNAL, 0);
    }
  }
  return allocSlowIn(node, state, bytes, 1);
}

/** The same, zeroed. */
export function allocIn(node: usize, state: u32, bytes: u32, align: u32): usize {
  const p = align <= 8 ? allocUnsafeIn(node, state, bytes) : allocSlowIn(node, state, bytes, align);
  if (p != 0) zero(p, sizeFor(bytes, align));
  return p;
}

/** What a block for so many bytes has. Not to be asked of the words where it lies, for its budget may be closed by now. */
function sizeFor(bytes: u32, align: u32): u32 {
  if (bytes <= <u32>SMALL_BYTES_MAX && align <= <u32>GRAIN_BYTES) {
    const c = align <= 8 ? classOf(bytes) : alignedClass(bytes, align);
    if (c != 0) return classSize(c);
  }
  return (bytes + GRAIN_BYTES - 1) & ~(GRAIN_BYTES - 1);
}

/** The same, at a multiple of `align`, a power of two. */
export function allocSlowIn(node: usize, state: u32, bytes: u32, align: u32): usize {
  if (me == 0) return refuse(NOT_ATTACHED);
  settleMark();
  endAlloc(0); // an exception may have left it
  endFree(0);
  if (bytes <= <u32>SMALL_BYTES_MAX && align <= <u32>GRAIN_BYTES) {
    const c = align <= 8 ? classOf(bytes) : alignedClass(bytes, align);
    if (c != 0) {
      const p = takeSmallIn(node, state, c);
      if (isStray) giveStrayBack();
      return p;
    }
  }
  if (bytes > (grains - firstGrain) << GRAIN_SHIFT) return refuse(TOO_LARGE);
  const length = (bytes + GRAIN_BYTES - 1) >>> GRAIN_SHIFT;
  return takeUnderLock(node, state, 0, length, max(align >>> GRAIN_SHIFT, 1));
}

/** Where it stands which slab of class `c` the budget takes from next: an address in bits[], or 0. */
function currentOf(node: usize, c: u32): usize {
  return node + B_SLABS + ((<usize>c) << 2);
}

/** Takes a block of the budget's current slab; 0: it is full, gone or another's, or another thread was quicker. */
function takeCurrent(node: usize, state: u32, c: u32): usize {
  return takeAt(node, state, c, <usize>get32(currentOf(node, c)));
}

/**
 * Takes a block of the slab whose word stands at `at` if it is of class `c` and the budget's, and the budget is open. From the journal to the
 * count one straight line, as in slab.ts.
 */
function takeAt(node: usize, state: u32, c: u32, at: usize): usize {
  const word = get64(at);
  const want = (<u64>((c << 2) | KIND_BUDGET)) << B_TAG_SHIFT;
  if ((word ^ want) - 1 >= FREE_MASK) return 0;
  const g = <u32>((at - slabBits) >>> 3);
  const size = classSize(c);
  const bit = word & -word;
  const p = ((<usize>g) << GRAIN_SHIFT) + <usize>(<u32>ctz(word) * size);
  put32(slot + S_ALLOC_JOURNAL, <u32>p);
  if (!cas64(at, word, word ^ bit)) {
    put32(slot + S_ALLOC_JOURNAL, 0);
    return 0;
  }
  if (load32(auxAt(g)) == refTo(node) && load32(node + B_STATE) == state) {
    put64(slot + S_ALLOC, <u64>(get32(slot + S_ALLOC) + size)); // commit
    return p;
  }
  // Back with it. Whoever closed the budget that it belongs to counted it as taken, and so does this then: the slab is closed, or the bit free.
  beginMark(g & ~((1 << UNIT_SHIFT) - 1));
  const before = or64(at, bit) ^ want;
  endAllocVisibly(before > FREE_MASK || (before & bit) != 0 ? size : 0);
  noteBack(g, c, before, bit);
  return 0;
}

/** A bit of another's slab, whose free ones were `before`, went back. */
function noteBack(g: u32, c: u32, before: u64, bit: u64): void {
  const node = nodeOf(load32(auxAt(g)));
  hintSet((KIND_BUDGET << 6) | c, g);
  if (node != 0) or64(node + B_ROOMY, (<u64>1) << c);
  noteSpare(g);
  endMark();
  if (node == 0 || (before | bit) != get64(geometry(c << 2) + C_FULL) || !hasWaiting(node)) return;
  // The page lock may be this thread's here: later.
  store32(H_DEFERRED, 1);
  isStray = true;
}

// Whether a bit that went back left a slab empty that is waited for: who freed the last block beside it did not find it empty.
let isStray: bool = false;

function giveStrayBack(): void {
  isStray = false;
  if (tryLock()) letGo();
}

/** The raw block of a budget at `p`, whose grain's word is `word`, is to move: another of `bytes` bytes of the same budget. */
export function allocBeside(p: usize, word: u32, bytes: u32): usize {
  const g = <u32>(p >>> GRAIN_SHIFT) - ((word & T_MASK) == T_SLAB ? (word >>> W_BACK_SHIFT) & 63 : 0);
  const charge = load32(auxAt(g));
  const node = nodeOf(charge);
  const state = node == 0 ? 0 : load32(node + B_STATE);
  // Looked at again: only while it is charged to this one is it this one's state.
  if ((state & 3) != BUDGET_OPEN || load32(auxAt(g)) != charge) return refuse(node == 0 ? NOT_LIVE : BUDGET_GONE);
  return allocUnsafeIn(node, state, bytes);
}

/** From here on the budget takes blocks of class `c` from the slab at `g`; the one before may have some left. */
function goOnWith(node: usize, c: u32, g: u32): void {
  const before = <usize>get32(currentOf(node, c));
  if (load64(before) & FREE_MASK) or64(node + B_ROOMY, (<u64>1) << c);
  put32(currentOf(node, c), <u32>bitsAt(g));
}

function takeSmallIn(node: usize, state: u32, c: u32): usize {
  let p = takeCurrent(node, state, c);
  const bit = (<u64>1) << c;
  if (p == 0 && load64(node + B_ROOMY) & bit) {
    and64(node + B_ROOMY, ~bit);
    p = takeFound(node, state, c);
    if (p != 0) or64(node + B_ROOMY, bit);
  }
  if (p != 0) return p;
  return takeUnderLock(node, state, c, (classSize(c) + GRAIN_BYTES - 1) >>> GRAIN_SHIFT, 1);
}

/** Takes a block of any slab of this class and budget. O(slabs of this class of all budgets). */
function takeFound(node: usize, state: u32, c: u32): usize {
  let from: u32 = firstGrain;
  while (true) {
    const g = hintFindIn((c << 2) | KIND_BUDGET, from, refTo(node));
    if (g == 0) return 0;
    const p = takeAt(node, state, c, bitsAt(g));
    if (p != 0) {
      goOnWith(node, c, g);
      return p;
    }
    if (load32(node + B_STATE) != state) return 0;
    from = g; // another was quicker, and may have left some
  }
  return 0;
}

// Why the last attempt to charge grains failed: FULL, OVER_LIMIT, or what lockBudgets says.
let verdict: u32 = 0;

/**
 * Takes a block for which the budget must grow: of a new slab of class `c` (0: none), or a run of `length` grains. Before it gives up all that
 * is empty was given back, of all budgets, and each slab of the class and budget was seen without a free block.
 */
function takeUnderLock(node: usize, state: u32, c: u32, length: u32, step: u32): usize {
  let wasFull: bool = false;
  for (let attempt: u32 = 0; attempt < FULL_ATTEMPTS; attempt++) {
    const status = lock();
    if (status != OK) return refuse(status);
    const before = freedByOthers();
    let p = takeNew(node, state, c, length, step, false);
    let isTrimmed: bool = false;
    if (p == 0 && verdict != BUDGET_GONE && verdict != BUSY) {
      if (verdict == FULL || wasFull || load32(H_SPARE) != 0) {
        store32(H_SPARE, 0);
        isTrimmed = trim();
      }
      if (c != 0) p = takeFound(node, state, c);
      if (p == 0) p = takeNew(node, state, c, length, step, true);
      wasFull = verdict == FULL;
    }
    const isFinal = p == 0 && (verdict != FULL || (isTrimmed && freedByOthers() == before));
    letGo();
    if (p != 0) return p;
    if (isFinal) return verdict == OVER_LIMIT ? 0 : refuse(verdict);
  }
  return refuse(BUSY);
}

/** Takes the first block of a new slab, or where none can be, a run for the one block. Under the page lock. */
function takeNew(node: usize, state: u32, c: u32, length: u32, step: u32, isLast: bool): usize {
  if (c != 0) {
    const shape = geometry((c << 2) | KIND_BUDGET);
    const isOne = get32(shape + C_GRAINS) == length;
    const g = chargedGrains(node, state, (c << 2) | KIND_BUDGET, get32(shape + C_GRAINS), 1, isLast && isOne);
    if (g != 0) {
      goOnWith(node, c, g);
      return openSlab(g, shape, (c << 2) | KIND_BUDGET);
    }
    // A run for one block is what remains where a slab cannot be.
    if (!isLast || isOne || (verdict != FULL && verdict != OVER_LIMIT)) return 0;
  }
  const p = (<usize>chargedGrains(node, state, 0, length, step, isLast)) << GRAIN_SHIFT;
  if (p != 0 && c != 0) zero(p + classSize(c), (length << GRAIN_SHIFT) - classSize(c)); // who zeroes it knows the class's size only
  return p;
}

/**
 * Charges `length` grains to the budget and makes them a slab (with a tag; closed yet) or a run, which is counted; 0: `verdict` says why not, and
 * if `isLast` the budget that refuses counts it. Under the page lock.
 */
function chargedGrains(node: usize, state: u32, tag: u32, length: u32, step: u32, isLast: bool): u32 {
  verdict = lockBudgets();
  if (verdict != OK) return 0;
  let g: u32 = 0;
  if (get32(node + B_STATE) != state || (state & 3) != BUDGET_OPEN) verdict = BUDGET_GONE;
  else {
    const refuser = findRoom(node, (<u64>length) << GRAIN_SHIFT, 0);
    if (refuser == 0) {
      verdict = FULL;
      g = tag != 0 ? carveSlab(tag, AUX_IN_FLIGHT) : carveRun(length, step, KIND_BUDGET);
      if (g != 0) {
        countPasses(node, 0);
        chargeMemory(node, auxAt(g), refTo(node) | (tag == 0 ? AUX_IN_FLIGHT : 0));
      }
      if (g != 0 && tag == 0) {
        store32(auxAt(g), refTo(node)); // commit
        endAlloc(length << GRAIN_SHIFT);
      }
    } else {
      verdict = OVER_LIMIT;
      if (isLast) refuseBy(refuser);
    }
  }
  letBudgetsGo();
  return g;
}

/** Gives a block of a budget's slab back. False: it is not taken. */
export function freeIn(p: usize, g: u32, tag: u32, index: u32): bool {
  const at = bitsAt(g);
  const word = get64(at);
  const left = word ^ ((<u64>tag) << B_TAG_SHIFT);
  const given = word | ((<u64>1) << index);
  const shape = geometry(tag);
  const isEmptied = (given & FREE_MASK) == get64(shape + C_FULL);
  // A slab that was full or is now empty needs more than this, but where it is the one its budget takes from next.
  if (left - 1 < FREE_MASK && given != word) {
    const node = isEmptied ? nodeOf(load32(auxAt(g))) : 0;
    if (!isEmptied || (node != 0 && get32(currentOf(node, tag >>> 2)) == <u32>at)) {
      put32(slot + S_FREE_JOURNAL, <u32>p);
      if (cas64(at, word, given)) {
        // commit
        if (isEmptied) noteSpare(g);
        put64(slot + S_FREE, <u64>(get32(slot + S_FREE) + get32(shape + C_SIZE)));
        if (!isEmptied) rememberIn(g, tag, shape);
        else {
          put32(slot + S_GIVEN, <u32>p);
          if (hasWaiting(node)) trimNow(g);
          put32(slot + S_GIVEN, 0);
        }
        return true;
      }
      put32(slot + S_FREE_JOURNAL, 0);
    }
  }
  return freeAtEdgeIn(p, g, tag, index);
}

function noteSpare(g: u32): void {
  hintSet(HINT_EMPTY, g);
  if (load32(H_SPARE) == 0) store32(H_SPARE, 1);
}

/**
 * Whether somebody waits for what is charged to the budget. Asked after a slab was said to be spare: who begins to wait says so first, and
 * looks for spare ones then.
 */
function hasWaiting(node: usize): bool {
  for (let at = node; at != 0; at = <usize>get32(at + B_PARENT)) if (load32(at + B_FLAGS) & FLAG_QUEUE) return true;
  return false;
}

/** The rarer half of freeIn, kept out of its straight line. */
export function freeAtEdgeIn(p: usize, g: u32, tag: u32, index: u32): bool {
  // While the block is taken it says whose slab this is.
  const node = nodeOf(load32(auxAt(g)));
  if (me == 0 || !giveBackAtEdge(p, g, tag, index)) return false;
  put32(slot + S_GIVEN, <u32>p);
  noteGivenBack(g, tag, node);
  put32(slot + S_GIVEN, 0);
  return true;
}

/** Sees to what follows from a block of the slab at `g`, of the budget at `node`, that was given back. */
function noteGivenBack(g: u32, tag: u32, node: usize): void {
  const free = load64(bitsAt(g)) ^ ((<u64>tag) << B_TAG_SHIFT);
  if (node != 0 && free <= FREE_MASK) or64(node + B_ROOMY, (<u64>1) << (tag >>> 2));
  if (free != get64(geometry(tag) + C_FULL)) return;
  noteSpare(g);
  if (node == 0 || get32(currentOf(node, tag >>> 2)) != <u32>bitsAt(g) || hasWaiting(node)) trimNow(g);
}

/** After a refusal for want of bytes: gives back what budgets have of slabs that are empty; false: there was none, or another reason. */
export function mayTryAgain(): bool {
  return me != 0 && get32(slot + S_REASON) == OVER_LIMIT && giveSpareBack();
}

/** Gives back what budgets have of slabs that are empty, and of runs that were freed; false: none has any. */
export function giveSpareBack(): bool {
  if (load32(H_SPARE) == 0) return false;
  if (lock() != OK) {
    store32(H_DEFERRED, 1); // who holds it sees to that, unless it has let it go just now
    if (!tryLock()) return false;
  }
  store32(H_SPARE, 0);
  trim();
  letGo();
  return true;
}

// What releaseRawIn gave back.
let count: u32 = 0;
let sum: u64 = 0;

export function releasedRaw(): u32 {
  return count;
}

export function releasedRawBytes(): u64 {
  return sum;
}

/**
 * Gives all slabs and runs of the budget at `node` back, which is in the state `state`, so none is added any more. BUSY: not all, for a thread is at work in one, or the
 * page lock or the latch was not to be had.
 */
export function releaseRawIn(node: usize, state: u32): u32 {
  count = 0;
  sum = 0;
  const ref = refTo(node);
  let isDone: bool = true;
  const status = lock();
  if (status != OK) return status;
  bePatient();
  // Another may have closed it meanwhile, and the place be another budget's. What is to be given back can only become more under this lock.
  const end = load32(node + B_STATE) == state ? grains : 0;
  for (let g = firstGrain; g < end;) {
    const word = get32(wordAt(g));
    const length = lengthOf(word);
    if (get32(auxAt(g)) == ref && (word & T_MASK) == T_SLAB && (slabTag(word) & 3) == KIND_BUDGET) {
      if (!closeSlab(g, slabTag(word))) isDone = false;
    } else if (get32(auxAt(g)) == ref && ((word >>> W_KIND_SHIFT) & 3) == KIND_BUDGET) closeRun(g, word);
    // What was given back may have merged with a free run behind it, in which there are no heads any more.
    g += max(length, 1);
  }
  letGo();
  return isDone ? OK : BUSY;
}

function closeRun(g: u32, word: u32): void {
  if ((word & T_MASK) == T_RUN) {
    if (scrubs) zero((<usize>g) << GRAIN_SHIFT, (word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT);
    beginFree((<usize>g) << GRAIN_SHIFT);
    const isOurs = cas32(wordAt(g), word, (word & ~T_MASK) | T_FREED); // commit
    hintSet(HINT_EMPTY, g);
    endFree(isOurs ? (word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT : 0);
    if (isOurs) {
      count++;
      sum += (word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT;
    }
  }
  trimGrain(g);
}

/** Closes a slab whatever is taken in it, and counts that as freed. False: it stays, empty, for somebody is at work in it. */
function closeSlab(g: u32, tag: u32): bool {
  const shape = geometry(tag);
  const at = bitsAt(g);
  if (scrubs) zero((<usize>g) << GRAIN_SHIFT, get32(shape + C_BYTES));
  beginFree((<usize>g) << GRAIN_SHIFT);
  let word = load64(at);
  while (!cas64(at, word, 0)) word = load64(at); // commit
  const isOpen = <u32>(word >> B_TAG_SHIFT) == tag;
  const taken = isOpen ? get32(shape + C_BLOCKS) - <u32>popcnt(word & FREE_MASK) : 0;
  endFree(taken * get32(shape + C_SIZE));
  count += taken;
  sum += taken * get32(shape + C_SIZE);
  if (!isBeingTaken(g, get32(shape + C_GRAINS))) return dissolve(g, tag);
  reopen(g, tag);
  return false;
}

// A taking lasts some nanoseconds unless its thread is put aside in the middle of it.
const LOOKS: u32 = 1000;

/** Whether a living owner is taking a block in these grains, and goes on doing so. */
function isBeingTaken(g: u32, length: u32): bool {
  for (let look: u32 = 0; look < LOOKS; look++) if (!isTakenFrom(g, length)) return false;
  return true;
}
