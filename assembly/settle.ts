// Settle: decides what a dead owner had begun and not finished, from its two journals. Owns nothing. Runs under the page lock, so only
// one thread settles at a time, and what it decides becomes true by one store into the dead owner's own words, exactly the store
// the dead thread would have made next. Who dies here leaves a journal that is read again.
//
//   a Block being taken         its record is the claim the dead one made last  ⇒ taken: counted for it
//                               its bit is taken, its record empty, nobody living names it  ⇒ taken by the dead: the bit goes back
//   a Block being given back    the journal says "won", or the record is empty and the bit taken  ⇒ finished for it
//   a raw block                 no word says whose a taken bit is  ⇒ H_UNDECIDED, until check has counted
//   two dead owners in one Block, where the words fit both          ⇒ given back at once, H_UNDECIDED
//
// While a living thread names the same block, its next step decides: then nothing is done and the answer is "not yet".

import { get32, get64, wipe } from "./memory";
import { cas32, cas64, load32, load64, or64, store32, store64 } from "./atomic";
import { grains, maxOwners, scrubs } from "./header";
import { pendingAlloc, pendingFree, markOf } from "./counters";
import { bitmapOf, hintAll, hintSet } from "./hint";
import { me, ownerState, slotOf } from "./owners";
import { bitsAt, slabTag, wordAt } from "./pages";
import { claimFound, find, indexIn, isBlock, isPlace, recordAt } from "./record";
import { add, out } from "./report";
import { geometry } from "./sizeclass";
import { usableSize } from "./heap";
import {
  CLAIM_SETTLING,
  CLAIM_STATE_SHIFT,
  C_SIZE,
  GRAIN_SHIFT,
  HINT_EMPTY,
  H_UNDECIDED,
  J_BLOCK,
  J_MASK,
  J_WON,
  KIND_BUDGET,
  OWNER_DEAD,
  OWNER_FREE,
  REC_IN_FLIGHT_BYTES,
  REC_UNDECIDED,
  REC_UNDECIDED_BYTES,
  S_ALLOC,
  S_CLAIM,
  S_FREE,
  S_FREE_BYTES,
  S_FREE_JOURNAL,
  S_MARK,
  T_FREED,
  T_MASK,
  T_RUN,
  T_SLAB,
  W_BACK_SHIFT,
  W_KIND_SHIFT,
  W_LENGTH_SHIFT,
} from "./shared/layout";

// Whose doing a Block is that is half taken or half given back.
const NOT_YET: u32 = 0;
const ANOTHERS: u32 = 1;
const THE_DEADS: u32 = 2;

/** Settles both journals of the dead owner `index`; false: a living thread's next step must be awaited. Under the page lock. */
export function settleFlight(index: u32): bool {
  const taking = pendingAlloc(index);
  if (taking != 0 && !settleTaking(index, taking)) return false;
  const giving = pendingFree(index);
  return giving == 0 || settleGiving(index, giving);
}

/** Says in all bitmaps what the dead owner may have been about to say of the unit it had marked. */
export function settleMarkOf(index: u32): void {
  const mark = markOf(index);
  if (mark == 0) return;
  hintAll(mark);
  store32(slotOf(index) + S_MARK, 0);
}

function settleTaking(index: u32, journal: usize): bool {
  const at = slotOf(index) + S_ALLOC;
  const p = journal & ~(<usize>J_MASK);
  let counted: u32 = 0;
  if ((journal & J_BLOCK) == 0) leaveUndecided(journal, rawBytes(p));
  else if (find(p) && load64(claimFound()) == get64(slotOf(index) + S_CLAIM)) counted = usableSize(p);
  else {
    const whose = whoseHalf(p, index);
    if (whose == NOT_YET) return false;
    if (whose == THE_DEADS) {
      if (isNamedByDead(p, index)) leaveUndecided(journal, usableSize(p));
      giveBack(p);
    }
  }
  hintAt(p);
  store64(at, <u64>(get32(at) + counted)); // commit: counts and clears
  return true;
}

function settleGiving(index: u32, journal: usize): bool {
  const owner = slotOf(index);
  const p = journal & ~(<usize>J_MASK);
  let counted: u32 = 0;
  if ((journal & J_BLOCK) == 0) leaveUndecided(journal, rawBytes(p));
  else {
    const whose = whoseHalf(p, index);
    if (whose == NOT_YET) return false;
    if (whose == THE_DEADS) finishRelease(index, journal);
    if (pendingFree(index) & J_WON) counted = get32(owner + S_FREE_BYTES);
    if (whose != THE_DEADS) add(REC_IN_FLIGHT_BYTES, counted);
  }
  hintAt(p);
  store64(owner + S_FREE, <u64>(get32(owner + S_FREE) + counted)); // commit: counts and clears
  return true;
}

/** Gives the memory back whose record the dead owner emptied, after it said for it that the release was won. */
function finishRelease(index: u32, journal: usize): void {
  const owner = slotOf(index);
  const p = journal & ~(<usize>J_MASK);
  // When another dead owner names it too, the words do not say whose release it was that is half done; a "won" is counted anyway.
  if (isNamedByDead(p, index)) leaveUndecided(journal, usableSize(p));
  else if ((journal & J_WON) == 0) {
    store32(owner + S_FREE_BYTES, usableSize(p));
    store32(owner + S_FREE_JOURNAL, <u32>(p | (J_BLOCK | J_WON)));
  }
  giveBack(p);
}

/**
 * Whose doing it is that the Block at `p` is taken and claimed by nobody: THE_DEADS, ANOTHERS (or it is not so), or NOT_YET. A run is only
 * ever taken under the page lock, so who emptied its record is named, or it is the dead one.
 *
 * In a slab a mark of ours in the record makes two looks at the journals a proof. Whoever living took the block before the mark is named
 * until its claim stands over the mark; whoever took it between the first look and the look at the bit is named in the second; whoever
 * emptied the record before the mark is named in the first until the bit is free; and nobody can release a block that has no claim.
 */
function whoseHalf(p: usize, index: u32): u32 {
  if (!isPlace(p)) return ANOTHERS;
  const record = claimFound();
  const claim = load64(record);
  if (!isUnclaimed(claim)) return ANOTHERS;
  if (isRun(p)) {
    if (isNamedByLiving(p, index)) return NOT_YET;
    return isBlock(p) && load64(record) == 0 ? THE_DEADS : ANOTHERS;
  }
  if (claim == 0 && !isBlock(p)) return ANOTHERS; // free, and nothing to clear
  const mark = ((<u64>CLAIM_SETTLING) << CLAIM_STATE_SHIFT) | me;
  if (!cas64(record, claim, mark)) return NOT_YET;
  let whose = NOT_YET;
  if (!isNamedByLiving(p, index)) {
    const isTaken = isBlock(p);
    if (!isNamedByLiving(p, index)) whose = isTaken && load64(record) == mark ? THE_DEADS : ANOTHERS;
  }
  if (whose != THE_DEADS) cas64(record, mark, 0);
  return whose;
}

/** Bytes of the raw block or run that the journal names, as far as the words still say; 0 where nothing raw can be. */
function rawBytes(p: usize): u32 {
  const grain = <u32>(p >>> GRAIN_SHIFT);
  if (grain >= grains) return 0;
  const word = load32(wordAt(grain));
  const type = word & T_MASK;
  if (type == T_SLAB) return (slabTag(word) & 3) <= <u32>KIND_BUDGET ? get32(geometry(slabTag(word)) + C_SIZE) : 0;
  const isRaw = (type == T_RUN || type == T_FREED) && ((word >>> W_KIND_SHIFT) & 3) <= <u32>KIND_BUDGET;
  return isRaw ? (word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT : 0;
}

function leaveUndecided(journal: usize, bytes: u32): void {
  store32(H_UNDECIDED, get32(H_UNDECIDED) + max(bytes, 1));
  out(REC_UNDECIDED, <u32>journal);
  add(REC_UNDECIDED_BYTES, max(bytes, 1));
}

function isRun(p: usize): bool {
  return (load32(wordAt(<u32>(p >>> GRAIN_SHIFT))) & T_MASK) == T_RUN;
}

/** Whether nobody's claim stands in a record, or only the mark of a thread that settled and died. */
function isUnclaimed(claim: u64): bool {
  return claim == 0 || <u32>(claim >> CLAIM_STATE_SHIFT) == CLAIM_SETTLING;
}

/** Whether a journal of a living owner names the block at `p`. */
function isNamedByLiving(p: usize, index: u32): bool {
  return isNamedBy(p, index, false);
}

/** Whether a journal of another dead owner names the block at `p`. */
function isNamedByDead(p: usize, index: u32): bool {
  return isNamedBy(p, index, true);
}

function isNamedBy(p: usize, index: u32, dead: bool): bool {
  for (let other: u32 = 1; other <= maxOwners; other++) {
    const state = ownerState(other);
    if (other == index || other == me || state == OWNER_FREE || (state == OWNER_DEAD) != dead) continue;
    if (isAt(pendingAlloc(other), p) || isAt(pendingFree(other), p)) return true;
  }
  return false;
}

function isAt(journal: usize, p: usize): bool {
  return journal != 0 && (journal & ~(<usize>J_MASK)) == p;
}

/** Gives the memory of a Block back that nobody claims, without counting: it never was counted as taken, or the caller counts. */
function giveBack(p: usize): void {
  add(REC_IN_FLIGHT_BYTES, usableSize(p));
  const grain = <u32>(p >>> GRAIN_SHIFT);
  const word = load32(wordAt(grain));
  if (scrubs) wipe(p, usableSize(p));
  if ((word & T_MASK) == T_RUN) {
    cas32(wordAt(grain), word, (word & ~T_MASK) | T_FREED); // commit
    return;
  }
  const g = grain - ((word >>> W_BACK_SHIFT) & 63);
  store64(recordAt(p), 0);
  or64(bitsAt(g), (<u64>1) << indexIn(p, g, geometry(slabTag(word)))); // commit
}

/** Says in the hints what the dead owner's journal stood for: there may be a free block, an empty slab or a freed run at `p`. */
function hintAt(p: usize): void {
  const grain = <u32>(p >>> GRAIN_SHIFT);
  if (grain >= grains) return;
  const word = load32(wordAt(grain));
  if ((word & T_MASK) == T_SLAB) {
    const g = grain - ((word >>> W_BACK_SHIFT) & 63);
    hintSet(bitmapOf(slabTag(word)), g);
    hintSet(HINT_EMPTY, g);
  } else if ((word & T_MASK) == T_FREED) hintSet(HINT_EMPTY, grain);
}
