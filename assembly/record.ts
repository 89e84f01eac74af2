// Records: who holds each Block. A Block's record is one word, its claim: state << 52 | sequence << 8 | owner. It stands in the
// tail of the block's slab, or for a run in the run's bits[] word. Owns those words. A claim is never used twice (its sequence
// belongs to the owner's slot and only grows), so a stale handle is refused by comparison.
//
//   a taken bit of kind Block has a live record, or a journal names the block;  a free bit has an empty record
//
// Taking: journal, bit, record, count.  Giving back: journal, record → 0, journal "won", bit, count.  The bit takes the memory, the
// record says whose it is; between the two the journal names the block, and what a dead owner's journal names is decided by the record.
// A Block changes hands by one compare-and-swap of its record, from the old claim to one of the new holder.

import { get32, put64 } from "./memory";
import { cas64, load32, load64, store32 } from "./atomic";
import { grains } from "./header";
import { endFreeVisibly } from "./counters";
import { giveBackRun, takeLarge, takeSmall, zeroTaken } from "./heap";
import { me, slot } from "./owners";
import { auxAt, bitsAt, slabTag, wordAt } from "./pages";
import { alignedClass, classOf, classSize, geometry } from "./sizeclass";
import { giveBackBlock } from "./slab";
import { hasTooMuchIdle, shedIdle } from "./trim";
import { nodeOf, releaseCharged } from "./charged";
import { claimOf, isLeaving, isOne, isShared, lastClaim, nextClaim, recordIn } from "./claim";
import { FREE_MASK } from "./hint";
import {
  B_TAG_SHIFT,
  C_BYTES,
  C_RECIPROCAL,
  C_SIZE,
  GRAIN_BYTES,
  CLAIM_LIVE,
  CLAIM_SHARED,
  CLAIM_STATE_SHIFT,
  GRAIN_SHIFT,
  H_BUDGET_LOCK,
  J_BLOCK,
  J_MASK,
  KIND_BLOCK,
  RECORD_CHARGE,
  S_CLAIM,
  S_FREE_JOURNAL,
  T_MASK,
  T_RUN,
  T_SLAB,
  W_BACK_SHIFT,
  W_KIND_SHIFT,
  W_LENGTH_SHIFT,
  W_TAG_SHIFT,
} from "./shared/layout";
import { SMALL_BYTES_MAX } from "./shared/limits";

/**
 * Takes a zeroed Block of `bytes` ≥ 1 bytes at a multiple of `align` (0: a run of its own, wherever) for this owner; its claim is in S_CLAIM.
 * 0: S_REASON says why.
 */
export function blockAlloc(bytes: u32, align: u32): usize {
  // A slab begins on a grain, its records stand in its tail: so its blocks lie on multiples of what their size is a multiple of.
  const isSmall = bytes <= <u32>SMALL_BYTES_MAX && align - 1 < <u32>GRAIN_BYTES;
  const c = isSmall ? (align <= 8 ? classOf(bytes) : alignedClass(bytes, align)) : 0;
  const p = c != 0 ? takeSmall((c << 2) | KIND_BLOCK) : takeLarge(bytes, max(align >>> GRAIN_SHIFT, 1), KIND_BLOCK);
  if (p != 0) zeroTaken(p, c != 0 ? classSize(c) : (bytes + GRAIN_BYTES - 1) & ~(GRAIN_BYTES - 1));
  return p;
}

/** Gives the Block at `p` back. False: this claim does not hold it; nothing was changed. */
export function blockFree(p: usize, low: u32, high: u32): bool {
  const claim = claimOf(low, high);
  return me != 0 && (p & J_MASK) == 0 && (isOne(claim) || isShared(claim)) && release(p, claim);
}

/** The same for any claim but 0, also one that says LEAVING: then what is left to be done. */
export function release(p: usize, claim: u64): bool {
  if (!pin(p)) return unpinned(false);
  // Only looked at: whoever takes it off the budget looks again. Another may have been taking it off, and have died over it: then what the journal
  // says is still to be written to its charge, and whoever has the latch does that first. Looked at in this order: what is found off the
  // counters, and then nobody at them, is so for good.
  const node = nodeOf(load32(foundCharge));
  if (node == 0 && !(isLeaving(claim) && load32(H_BUDGET_LOCK) != 0)) return freeFound(p, claim);
  unpinned(true);
  return releaseCharged(p, claim);
}

/** Gives the memory of a Block back that is not charged. */
export function freePinned(p: usize, claim: u64): bool {
  return pin(p) ? freeFound(p, claim) : unpinned(false);
}

/** Gives back what `pin` found. */
function freeFound(p: usize, claim: u64): bool {
  if ((foundWord & T_MASK) == T_RUN) return giveBackRun(p, <u32>(p >>> GRAIN_SHIFT), foundWord, claim);
  if (!giveBackBlock(p, foundHead, slabTag(foundWord), foundIndex, foundRecord, claim)) return false;
  if (hasTooMuchIdle()) shedIdle();
  return true;
}

/** Names the Block at `p` in this owner's journal, which keeps its slab from being given back, and finds it; false: there is none any more. */
export function pin(p: usize): bool {
  store32(slot + S_FREE_JOURNAL, <u32>p | J_BLOCK);
  return find(p);
}

/** Ends what `pin` began, and answers `answer`. */
export function unpinned(answer: bool): bool {
  endFreeVisibly(0);
  return answer;
}

/**
 * Makes the Block at `p` this owner's, or (`isToShare`) the region's, so that it outlives its holder. False: this claim does not hold it;
 * nothing was changed. Else S_CLAIM has the claim that holds it now.
 */
export function blockMove(p: usize, low: u32, high: u32, isToShare: bool): bool {
  const claim = claimOf(low, high);
  if (me == 0 || !(isOne(claim) || isShared(claim)) || !isBlock(p)) return false;
  const next = nextClaim();
  if (isToShare) put64(slot + S_CLAIM, shared(next));
  return pass(p, claim, lastClaim());
}

/** Makes the Block at `p`, held by the claim `from`, one held by the claim `to`. False: it is not held by that. */
export function pass(p: usize, from: u64, to: u64): bool {
  return unpinned(pin(p) && cas64(foundRecord, from, to)); // commit
}

/** The claim of one thread, as a claim of the region's that no recovery takes for that thread's, and the other way about. */
export function shared(claim: u64): u64 {
  return claim ^ ((<u64>(CLAIM_LIVE ^ CLAIM_SHARED)) << CLAIM_STATE_SHIFT);
}

/** Whether this claim holds the Block at `p`. */
export function blockIsLive(p: usize, low: u32, high: u32): bool {
  return find(p) && load64(foundRecord) == claimOf(low, high);
}

/** Whether a taken block of kind Block begins at `p`. */
export function isBlock(p: usize): bool {
  return find(p);
}

// What `find`, or `isPlace`, found last: the grain's word, where claim and charge stand, what was granted; of a slab its head, and which block.
// Private to the thread, and good only for the straight line that follows.
let foundAt: usize = 0;
// Never found again: no slab begins at grain 0. Written out, for what must be computed would need a start function.
let foundTag: u64 = 0xffffffffffffffff;
let foundWord: u32 = 0;
let foundRecord: usize = 0;
let foundCharge: usize = 0;
let foundBytes: u32 = 0;
let foundHead: u32 = 0;
let foundIndex: u32 = 0;

/** Looks up the Block at `p`; false: no taken block of kind Block begins there. */
export function find(p: usize): bool {
  // A slab's word says what lives there: where it says the same as when this block was found last, all of that still holds. Not for who has left:
  // it has no grains any more.
  if (p == foundAt && foundHead < grains && isTakenThere()) return true;
  return isPlace(p) && (!isOfSlab() || isTakenThere());
}

/** Whether the slab's word says that what was found last is taken. */
function isTakenThere(): bool {
  return ((load64(bitsAt(foundHead)) ^ foundTag) & (~FREE_MASK | ((<u64>1) << foundIndex))) == 0;
}

/** Looks up a run of kind Block, or a block of a Block slab, taken or free; false: none begins at `p`. */
export function isPlace(p: usize): bool {
  const grain = <u32>(p >>> GRAIN_SHIFT);
  if (grain >= grains) return false;
  const word = load32(wordAt(grain));
  if ((word & (T_MASK | (3 << W_TAG_SHIFT))) != (T_SLAB | (KIND_BLOCK << W_TAG_SHIFT))) return isRunAt(p, grain, word);
  const tag = slabTag(word);
  const shape = geometry(tag);
  const g = grain - ((word >>> W_BACK_SHIFT) & 63);
  const offset = <u32>p - (g << GRAIN_SHIFT);
  const index = indexIn(p, g, shape);
  const size = get32(shape + C_SIZE);
  if (index * size != offset || offset >= get32(shape + C_BYTES)) return false;
  foundWord = word;
  foundAt = p;
  foundTag = (<u64>tag) << B_TAG_SHIFT;
  foundHead = g;
  foundIndex = index;
  foundBytes = size;
  foundRecord = recordIn(g, shape, index);
  foundCharge = foundRecord + RECORD_CHARGE;
  return true;
}

function isRunAt(p: usize, grain: u32, word: u32): bool {
  if ((word & T_MASK) != T_RUN || p & (GRAIN_BYTES - 1) || ((word >>> W_KIND_SHIFT) & 3) != KIND_BLOCK) return false;
  foundWord = word;
  foundAt = 0;
  foundHead = 0;
  foundTag = u64.MAX_VALUE;
  foundBytes = (word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT;
  foundRecord = bitsAt(grain);
  foundCharge = auxAt(grain);
  return true;
}

/** Where the claim of what was found stands. */
export function claimFound(): usize {
  return foundRecord;
}

/** Where the word stands that says which budget it is charged to. */
export function chargeFound(): usize {
  return foundCharge;
}

/** Whether it lies in a slab, its claim and its charge beside each other; else it is a run. */
export function isOfSlab(): bool {
  return (foundWord & T_MASK) == T_SLAB;
}

/** What it was granted. */
export function bytesFound(): u32 {
  return foundBytes;
}

/**
 * Address of the claim of the Block at `p`. A journal keeps a slab, not a run: where a run was and a slab of another kind may be by now it is the
 * grain's word in bits[], in which no claim is ever found again.
 */
export function recordAt(p: usize): usize {
  return isPlace(p) ? foundRecord : bitsAt(<u32>(p >>> GRAIN_SHIFT));
}

/** Which block of the slab at `g` begins at `p`, a block's start. */
export function indexIn(p: usize, g: u32, shape: usize): u32 {
  return <u32>((<u64>(<u32>p - (g << GRAIN_SHIFT)) * get32(shape + C_RECIPROCAL)) >> 32);
}
