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

import { get32, get64 } from "./memory";
import { cas32, cas64, load32, load64, store32, store64 } from "./atomic";
import { grains, maxOwners } from "./header";
import { pendingAlloc, pendingFree, markOf } from "./counters";
import { bitmapOf, hintSet } from "./hint";
import { me, ownerState, slotOf } from "./owners";
import { bitsAt, slabTag, wordAt } from "./pages";
import { indexIn, isBlock, isPlace, recordAt } from "./record";
import { add, out } from "./report";
import { geometry } from "./sizeclass";
import { usableSize } from "./heap";
import {
  CLAIM_SETTLING,
  CLAIM_STATE_SHIFT,
  C_SIZE,
  GRAIN_SHIFT,
  HINT_BITMAPS,
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
  for (let bitmap: u32 = 0; bitmap < <u32>HINT_BITMAPS; bitmap++) hintSet(bitmap, <u32>(mark >>> GRAIN_SHIFT));
  store32(slotOf(index) + S_MARK, 0);
}

function settleTaking(index: u32, journal: usize): bool {
  const at = slotOf(index) + S_ALLOC;
  const p = journal & ~(<usize>J_MASK);
  let counted: u32 = 0;
  if ((journal & J_BLOCK) == 0) leaveUndecided(journal, rawBytes(p));
  else if (isBlock(p)) {
    const record = recordAt(p);
    const claim = load64(record);
    if (isOpen(claim)) {
      if (!isRun(p) && !giveBackUnclaimed(p, record, index, journal)) return false;
    } else if (claim == get64(slotOf(index) + S_CLAIM)) counted = usableSize(p);
  } else clearMark(p);
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
    let won = (journal & J_WON) != 0;
    const isHalfDone = isBlock(p) && isOpen(load64(recordAt(p)));
    if (isHalfDone) {
      if (isNamedBy(p, index, 0)) return false;
      // When another dead owner names it too, the words do not say whose release it was that is half done; a "won" is counted anyway.
      const isShared = isNamedBy(p, index, OWNER_DEAD);
      if (!won && !isShared) {
        // Nobody else can have emptied the record: say what the dead one was about to say.
        store32(owner + S_FREE_BYTES, usableSize(p));
        store32(owner + S_FREE_JOURNAL, <u32>(p | (J_BLOCK | J_WON)));
        won = true;
      }
      if (isRun(p)) {
        if (isShared) leaveUndecided(journal, usableSize(p));
        giveBackFreed(p);
      } else if (!giveBackUnclaimed(p, recordAt(p), index, journal)) return false;
    } else clearMark(p);
    if (won) counted = get32(owner + S_FREE_BYTES);
    if (!isHalfDone) add(REC_IN_FLIGHT_BYTES, counted);
  }
  hintAt(p);
  store64(owner + S_FREE, <u64>(get32(owner + S_FREE) + counted)); // commit: counts and clears
  return true;
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

/** Whether nobody's claim stands in a record, or only that of a thread that settled and died. */
function isOpen(claim: u64): bool {
  return claim == 0 || <u32>(claim >> CLAIM_STATE_SHIFT) == CLAIM_SETTLING;
}

/** Whether a journal of another owner names the block at `p`: of a dead one with `state` OWNER_DEAD, else of a living one. */
function isNamedBy(p: usize, index: u32, state: u32): bool {
  for (let other: u32 = 1; other <= maxOwners; other++) {
    const is = ownerState(other);
    if (other == index || other == me || is == OWNER_FREE || (is == OWNER_DEAD) != (state == OWNER_DEAD)) continue;
    if (isAt(pendingAlloc(other), p) || isAt(pendingFree(other), p)) return true;
  }
  return false;
}

function isAt(journal: usize, p: usize): bool {
  return journal != 0 && (journal & ~(<usize>J_MASK)) == p;
}

/**
 * Gives back the block of a Block slab whose bit is taken and whose record is empty, if that is the dead owner's doing; false when
 * a living thread may be about to write the record. The mark in the record shows whether somebody did: a living thread that took the
 * block journalled it before and writes its claim over the mark, and nobody can release a block without a claim.
 */
function giveBackUnclaimed(p: usize, record: usize, index: u32, journal: usize): bool {
  const mark = ((<u64>CLAIM_SETTLING) << CLAIM_STATE_SHIFT) | me;
  const claim = load64(record);
  if (!isOpen(claim) || !cas64(record, claim, mark)) return false;
  const isTaken = isBlock(p);
  if (isNamedBy(p, index, 0)) {
    cas64(record, mark, 0);
    return false;
  }
  if (load64(record) != mark) return true; // another's by now
  // Two dead owners may be in one block: whose count lacks it is left to counting.
  if (isNamedBy(p, index, OWNER_DEAD)) leaveUndecided(journal, usableSize(p));
  store64(record, 0);
  if (isTaken) openBit(p);
  return true;
}

/** Clears the mark that a settling thread left on a block which was free in the end; who takes the block writes over it. */
function clearMark(p: usize): void {
  if (!isPlace(p) || isRun(p)) return;
  const record = recordAt(p);
  const claim = load64(record);
  if (<u32>(claim >> CLAIM_STATE_SHIFT) == CLAIM_SETTLING) cas64(record, claim, 0);
}

/** Sets the block's bit and says so in the hints, without counting: it was never counted as taken, or is counted by the caller. */
function openBit(p: usize): void {
  const grain = <u32>(p >>> GRAIN_SHIFT);
  const word = load32(wordAt(grain));
  const tag = slabTag(word);
  const g = grain - ((word >>> W_BACK_SHIFT) & 63);
  const bit = (<u64>1) << indexIn(p, g, geometry(tag));
  while (true) {
    const bits = load64(bitsAt(g));
    if (cas64(bitsAt(g), bits, bits | bit)) break; // commit
  }
  add(REC_IN_FLIGHT_BYTES, get32(geometry(tag) + C_SIZE));
}

/** Marks a Block's run freed whose record is empty. */
function giveBackFreed(p: usize): void {
  const at = wordAt(<u32>(p >>> GRAIN_SHIFT));
  const word = load32(at);
  if (!cas32(at, word, (word & ~T_MASK) | T_FREED)) return; // commit
  add(REC_IN_FLIGHT_BYTES, (word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT);
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
