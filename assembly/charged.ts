// Charged: memory of the region that is charged to a budget: Blocks, by what they were granted, and whole slabs and runs of raw blocks
// (arena.ts). Owns the word that says to which, the charge: 0, or a reference to the budget. It stands beside a Block's claim, of a run or of a
// budget's slab in aux[].
//
//   used of a budget = … + Σ granted bytes of the Blocks, and Σ lengths of the slabs and runs, whose charge names it
//   a free place has no charge; a slab, run or FREED run of kind BUDGET has one, until it is nobody's
//
// The charge is the truth; it changes under the budgets' latch, by the charge that changes the counters. Taking: the Block first, then
// its charge; who dies between leaves a Block without one. Giving back: claim → LEAVING, charge → 0 and off the counters, then the memory, as
// of any Block. From LEAVING on anybody may go on: each step is a compare-and-swap that one of them wins, or happens under the latch after a look.

import { get32 } from "./memory";
import { cas64, load32, load64, or32 } from "./atomic";
import {
  charge,
  chargeMemory,
  countPasses,
  fall,
  glimpseBudgets,
  isCrossed,
  isEased,
  letBudgetsGo,
  lockBudgets,
  refuseBy,
  refuseCharge,
  riseAgain,
  setLevels,
} from "./budget";
import { mayTryAgain } from "./arena";
import { claimOf, isClaimOf, isLeaving, lastClaim, leaving, recordIn } from "./claim";
import { firstGrain, grains } from "./header";
import { usableSize } from "./heap";
import { findRoom, giveOn, sweepLeaving, unlockBudgets } from "./leaving";
import { me } from "./owners";
import { auxAt, bitsAt, lengthOf, slabTag, wordAt } from "./pages";
import {
  blockAlloc,
  bytesFound,
  chargeFound,
  claimFound,
  find,
  freePinned,
  isOfSlab,
  pin,
  release,
  unpinned,
} from "./record";
import { geometry } from "./sizeclass";
import {
  AUX_IN_FLIGHT,
  AUX_TAIL,
  BUDGET_OPEN,
  B_STATE,
  CHARGE_SHIFT,
  C_BLOCKS,
  C_SIZE,
  GRAIN_SHIFT,
  H_LEAVING_BLOCKS,
  KIND_BLOCK,
  KIND_BUDGET,
  LEFT_BLOCKS,
  RECORD_CHARGE,
  T_MASK,
  T_NONE,
  T_RUN,
  T_SLAB,
  W_BACK_SHIFT,
  W_KIND_SHIFT,
} from "./shared/layout";
import { BUDGET_GONE, BUSY, OK } from "./shared/status";

/** What a charge says of the budget at `node`. It never looks like a mark of the page layer (AUX_TAIL, AUX_IN_FLIGHT). */
export function refTo(node: usize): u32 {
  return <u32>((node >>> CHARGE_SHIFT) << 1);
}

/** The budget that a charge names; 0: none, also for a tail mark, which a stale look at aux[] may meet. */
export function nodeOf(charge: u32): usize {
  return charge & AUX_TAIL ? 0 : (<usize>(charge >>> 1)) << CHARGE_SHIFT;
}

// How long who takes grains off a budget may wait for the latch, in one hold of the page lock, for which others wait: once as others do, some 50 µs,
// or not any more, for it was not to be had.
const PATIENT: u32 = 2;
const BRISK: u32 = 1;
const WEARY: u32 = 0;
let patience: u32 = 0;

/** In the hold of the page lock that begins nobody waits for the latch to take grains off a budget. */
export function beBrisk(): void {
  patience = BRISK;
}

/** From here on that may be waited for, once. */
export function bePatient(): void {
  patience = PATIENT;
}

/** Whether the latch was not to be had since then. */
export function isWeary(): bool {
  return patience == WEARY;
}

function hasLatch(): bool {
  if (patience == WEARY) return false;
  const isHad = patience == PATIENT ? lockBudgets() == OK : glimpseBudgets();
  if (!isHad) patience = WEARY;
  return isHad;
}

/**
 * Takes the slab (closed) or run (freed) at `g` off its budget, if it has one; then it is nobody's, and who rebuilds the page layer takes it
 * back. False: the latch was not to be had. Under the page lock, inside which the latch is taken, never the other way about; who lets the
 * page lock go sees to what was given back meanwhile.
 */
export function unchargeGrains(g: u32, length: u32): bool {
  const node = nodeOf(get32(auxAt(g)));
  if (node == 0) return true;
  if (!hasLatch()) return false;
  fall(node, (<u64>length) << GRAIN_SHIFT, 0);
  chargeMemory(node, auxAt(g), AUX_IN_FLIGHT);
  if (isEased()) giveOn(node);
  letBudgetsGo();
  return true;
}

/** As blockAlloc, charged to the budget at `node`, whose state word the caller knows as `state`. 0: S_REASON says why, S_REFUSER who refused. */
export function blockAllocIn(node: usize, state: u32, bytes: u32, align: u32): usize {
  const p = allocCharged(node, state, bytes, align);
  return p == 0 && mayTryAgain() ? allocCharged(node, state, bytes, align) : p;
}

function allocCharged(node: usize, state: u32, bytes: u32, align: u32): usize {
  const p = blockAlloc(bytes, align);
  if (p == 0) return 0;
  let reason = lockBudgets();
  let refuser: usize = 0;
  if (reason == OK) {
    if (get32(node + B_STATE) != state || (state & 3) != BUDGET_OPEN) reason = BUDGET_GONE;
    else {
      find(p);
      const at = chargeFound(); // who makes room finds others
      refuser = findRoom(node, bytesFound(), 1);
      if (refuser == 0) {
        countPasses(node, 0);
        chargeMemory(node, at, refTo(node));
      } else refuseBy(refuser);
    }
    unlockBudgets();
  }
  if (reason == OK && refuser == 0) return p;
  release(p, lastClaim());
  if (refuser == 0) refuseCharge(reason);
  return 0;
}

/**
 * Charges the Block at `q`, which is this thread's and charged to none, in place of the one at `p`, which this claim holds and which is no smaller:
 * what moves to a smaller place needs no room for both, and nobody is granted anything in between. False: it is not so, or its budget is not open.
 */
export function chargeInstead(p: usize, low: u32, high: u32, q: usize): bool {
  if (me == 0 || !find(q)) return false;
  const to = chargeFound();
  const bytes = bytesFound();
  const isSlabs = isOfSlab();
  if (lockBudgets() != OK) return false;
  const isHeld = pin(p) && load64(claimFound()) == claimOf(low, high);
  const at = chargeFound();
  const before = bytesFound();
  const node = isHeld ? nodeOf(load32(at)) : 0;
  unpinned(true); // a Block that is charged cannot go, nor its slab
  const isDone = node != 0 && bytes <= before && (get32(node + B_STATE) & 3) == BUDGET_OPEN;
  if (isDone) {
    fall(node, before, 1);
    // The journal has place for one word of 32 bits: aux[] of a run, or the charge beside a claim. Beside a claim nothing stands behind it, so the new
    // one may be a word of 64. Of two runs the old charge goes first: used falls, and rises to less than it was.
    if (!isSlabs) chargeMemory(node, at, 0);
    riseAgain(node, bytes, 1);
    if (isSlabs) charge(node, to, refTo(node), at, 0);
    else chargeMemory(node, to, refTo(node));
    if (isEased()) giveOn(node);
  }
  unlockBudgets();
  return isDone;
}

/** The budget that the live block at `p`, raw or a Block, is charged to; 0: none. */
export function budgetAt(p: usize): usize {
  if (usableSize(p) == 0) return 0;
  const grain = <u32>(p >>> GRAIN_SHIFT);
  const word = load32(wordAt(grain));
  if ((word & T_MASK) == T_RUN) return nodeOf(load32(auxAt(grain)));
  const kind = slabTag(word) & 3;
  if (kind == KIND_BLOCK) return find(p) ? nodeOf(load32(chargeFound())) : 0;
  return kind == KIND_BUDGET ? nodeOf(load32(auxAt(grain - ((word >>> W_BACK_SHIFT) & 63)))) : 0;
}

/** As `release`, of a Block that was seen charged. */
export function releaseCharged(p: usize, claim: u64): bool {
  const status = lockBudgets();
  // Only under the latch is it sure that the budget being closed is the one that it is charged to.
  if (status == BUSY) return task != OF_BUDGET && leave(p, claim);
  if (status != OK) return false;
  if (isHalf) or32(H_LEAVING_BLOCKS, LEFT_BLOCKS);
  isHalf = true;
  const isWon = uncharge(p, claim);
  unlockBudgets();
  // From the mark on others may give the memory back as well; whose claim it was, gave it back.
  const isFreed = isWon && freePinned(p, leaving(claim));
  isHalf = false;
  return isWon && (isFreed || !isLeaving(claim));
}

// Whether this thread is between the mark and the memory; found set later, an exception cut it there, and what it left is to be swept.
let isHalf: bool = false;

/** Marks the Block as given back, for whoever has the latch to go on with. */
function leave(p: usize, claim: u64): bool {
  const isWon = !isLeaving(claim) && markLeaving(p, claim);
  if (!isWon && !isLeaving(claim)) return false;
  or32(H_LEAVING_BLOCKS, LEFT_BLOCKS);
  sweepLeaving();
  return isWon;
}

function markLeaving(p: usize, claim: u64): bool {
  return unpinned(pin(p) && cas64(claimFound(), claim, leaving(claim))); // commit
}

/** Marks the Block as given back, where that is not done, and takes it off the counters if nobody has. False: this claim does not hold it. Under the latch. */
function uncharge(p: usize, claim: u64): bool {
  let isThere: bool = pin(p) && (task != OF_BUDGET || get32(nodeOf(budget) + B_STATE) == budgetState);
  if (isThere) isThere = isLeaving(claim) ? load64(claimFound()) == claim : cas64(claimFound(), claim, leaving(claim)); // commit
  const at = chargeFound();
  const node = isThere ? nodeOf(load32(at)) : 0;
  unpinned(true); // a Block that is charged cannot go, nor its slab
  if (node == 0) return isThere;
  fall(node, bytesFound(), 1);
  chargeMemory(node, at, 0);
  if (isCrossed()) setLevels();
  if (isEased()) giveOn(node);
  return true;
}

// What a walk over all Blocks is for; private to the thread, like all module variables.
const OF_OWNER: u32 = 0;
const OF_BUDGET: u32 = 1;
const LEFT: u32 = 2;
const LEFT_CHARGED: u32 = 3;
let task: u32 = 0;
let owner: u32 = 0;
let newest: u64 = 0;
let budget: u32 = 0;
let budgetState: u32 = 0;
let count: u32 = 0;
let sum: u64 = 0;

/** How many Blocks the last releaseBlocks gave back for their owner, or releaseBlocksIn for their budget; and their bytes. */
export function releasedBlocks(): u32 {
  return count;
}

export function releasedBlockBytes(): u64 {
  return sum;
}

/**
 * Gives back every Block that owner `index` holds by a claim of a sequence up to `last`, who must not be taking any; and every one that was
 * given back and is still there, whoever began that.
 */
export function releaseBlocks(index: u32, last: u64): void {
  owner = index;
  newest = last;
  count = 0;
  sum = 0;
  walk(OF_OWNER);
}

/** Gives back every Block that is charged to the budget at `node`, as long as that is in the state `state`, in which none is added. */
export function releaseBlocksIn(node: usize, state: u32): void {
  budget = refTo(node);
  budgetState = state;
  count = 0;
  sum = 0;
  walk(OF_BUDGET);
}

/** Takes the Blocks that were given back while others held the latch off the counters. Under the latch. */
export function unchargeLeft(): void {
  walk(LEFT_CHARGED);
}

/** Gives the memory of such Blocks back. */
export function freeLeft(): void {
  const before = isHalf;
  isHalf = true;
  walk(LEFT);
  isHalf = before;
}

/** In a walk that releases another may have to see to what is left, so this one's task is put back at the end. */
function walk(what: u32): void {
  const before = task;
  task = what;
  for (let g = firstGrain; g < grains;) {
    const word = load32(wordAt(g));
    const length = lengthOf(word);
    let next = g + length;
    if ((word & T_MASK) == T_RUN && ((word >>> W_KIND_SHIFT) & 3) == KIND_BLOCK) {
      visit((<usize>g) << GRAIN_SHIFT, bitsAt(g), auxAt(g), length << GRAIN_SHIFT);
    } else if ((word & T_MASK) == T_SLAB) {
      // A length read while others work may be stale and lead into the middle of a slab: its words lead back to its head.
      const head = g - ((word >>> W_BACK_SHIFT) & 63);
      if ((slabTag(word) & 3) == KIND_BLOCK) visitSlab(head, geometry(slabTag(word)));
      next = head + length;
    } else if ((word & T_MASK) == T_NONE) next = g + 1;
    g = max(next, g + 1);
  }
  task = before;
}

function visitSlab(g: u32, shape: usize): void {
  const blocks = get32(shape + C_BLOCKS);
  const size = get32(shape + C_SIZE);
  for (let i: u32 = 0; i < blocks; i++) {
    const record = recordIn(g, shape, i);
    visit(((<usize>g) << GRAIN_SHIFT) + <usize>(i * size), record, record + RECORD_CHARGE, size);
  }
}

/** Does what the walk is for with the Block at `p`, if it is one of those; what was read here is looked at again there. */
function visit(p: usize, record: usize, at: usize, bytes: u32): void {
  let claim = load64(record);
  while (task == OF_BUDGET ? load32(at) == budget : isWanted(claim)) {
    if (task == LEFT_CHARGED) uncharge(p, claim);
    else if (release(p, claim) && (task == OF_BUDGET ? !isLeaving(claim) : (<u32>claim & 0xff) == owner)) {
      count++;
      sum += bytes;
    }
    // It may have changed hands meanwhile.
    const now = load64(record);
    if (task != OF_BUDGET || now == claim) return;
    claim = now;
  }
}

function isWanted(claim: u64): bool {
  return isLeaving(claim) || (task == OF_OWNER && isClaimOf(claim, owner, newest));
}
