// Counters: how many bytes live, and which block each owner is taking or giving back this instant. Owns S_ALLOC and S_FREE of
// every slot; only the slot's thread writes them. A journal is set by one plain 32-bit store; the plain 64-bit store that counts
// clears it, so sum and journal change together.
//
//   Σ over slots (allocated − freed) + H_ADJUST = Σ bytes of taken blocks and live runs        (when no journal is pending)
//
// A thread that dies with a journal pending leaves its sums off by that one block, or not: of a Block the words say which of the two,
// of a raw block counting does (docs/protocols.md § 6).

import { get32, put32, put64 } from "./memory";
import { load32, load64, store64 } from "./atomic";
import { maxOwners } from "./header";
import { me, ownerState, slot, slotOf } from "./owners";
import {
  GRAIN_SHIFT,
  H_ADJUST,
  J_BLOCK,
  OWNER_DEAD,
  S_ALLOC,
  S_ALLOC_JOURNAL,
  S_FREE,
  S_FREE_JOURNAL,
  S_MARK,
} from "./shared/layout";

/** Journals that this owner is about to take the block at `p`; the marks below its offset say what it is (J_…). */
export function beginAlloc(p: usize): void {
  put32(slot + S_ALLOC_JOURNAL, <u32>p);
}

/** Counts `bytes` as allocated and clears the journal: one store. `bytes` 0 gives the attempt up. */
export function endAlloc(bytes: u32): void {
  put64(slot + S_ALLOC, <u64>(get32(slot + S_ALLOC) + bytes));
}

/** The same where others decide by this journal: it must not be seen clear before what was stored ahead of it is seen. */
export function endAllocVisibly(bytes: u32): void {
  store64(slot + S_ALLOC, <u64>(get32(slot + S_ALLOC) + bytes));
}

export function beginFree(p: usize): void {
  put32(slot + S_FREE_JOURNAL, <u32>p);
}

/** Counts `bytes` as freed and clears the journal: one store. */
export function endFree(bytes: u32): void {
  put64(slot + S_FREE, <u64>(get32(slot + S_FREE) + bytes));
}

/** As endAllocVisibly. */
export function endFreeVisibly(bytes: u32): void {
  store64(slot + S_FREE, <u64>(get32(slot + S_FREE) + bytes));
}

/** Marks the unit that begins at grain `unit` while its hint bit is cleared and looked at again. */
export function beginMark(unit: u32): void {
  put32(slot + S_MARK, (unit << GRAIN_SHIFT) | 1);
}

export function endMark(): void {
  put32(slot + S_MARK, 0);
}

/** The unit that owner `index` has marked, as an address | 1; 0: none. */
export function markOf(index: u32): usize {
  return <usize>load32(slotOf(index) + S_MARK);
}

/** What the owners' counters say is live, modulo 2^32. */
export function countedBytes(): u32 {
  let sum = get32(H_ADJUST);
  for (let index: u32 = 1; index <= maxOwners; index++) {
    const at = slotOf(index);
    sum += <u32>load64(at + S_ALLOC) - <u32>load64(at + S_FREE);
  }
  return sum;
}

/** The block that owner `index` is taking right now, with its marks; 0: none. */
export function pendingAlloc(index: u32): usize {
  return <usize>(load64(slotOf(index) + S_ALLOC) >> 32);
}

/** The block that owner `index` is giving back right now, with its marks; 0: none. */
export function pendingFree(index: u32): usize {
  return <usize>(load64(slotOf(index) + S_FREE) >> 32);
}

/**
 * A number that changes whenever another owner completes an operation: each counter only ever grows. Two equal answers around a
 * scan prove that nothing was taken or given back between them, but by operations that are still in their journals.
 */
export function activity(): u64 {
  return countedByOthers(S_ALLOC) + countedByOthers(S_FREE);
}

/**
 * A number that changes whenever another owner completes a free. Two equal answers around a scan under the page lock prove that what
 * the scan did not see was not free when it began: what is being given back is named by a journal until it is counted.
 */
export function freedByOthers(): u64 {
  return countedByOthers(S_FREE);
}

/** Sum of the other owners' counters at offset `counter` of their slots, without their journals. */
function countedByOthers(counter: usize): u64 {
  let sum: u64 = 0;
  for (let index: u32 = 1; index <= maxOwners; index++) {
    if (index != me) sum += load64(slotOf(index) + counter) & 0xffffffff;
  }
  return sum;
}

/** Whether a living owner's journal says that it is taking a block in these grains: it may still give back a bit there. */
export function isTakenFrom(g: u32, length: u32): bool {
  for (let index: u32 = 1; index <= maxOwners; index++) {
    if (index == me || ownerState(index) == OWNER_DEAD) continue;
    const grain = <u32>(pendingAlloc(index) >>> GRAIN_SHIFT);
    if (grain >= g && grain < g + length) return true;
  }
  return false;
}

/**
 * Whether a living owner's journal says that it is giving back a Block in these grains: it may still read their records. (A dead one
 * reads nothing any more, and in an empty slab it holds nothing.)
 */
export function isNamed(g: u32, length: u32): bool {
  for (let index: u32 = 1; index <= maxOwners; index++) {
    if (index == me || ownerState(index) == OWNER_DEAD) continue;
    const journal = pendingFree(index);
    const grain = <u32>(journal >>> GRAIN_SHIFT);
    if (journal & J_BLOCK && grain >= g && grain < g + length) return true;
  }
  return false;
}
