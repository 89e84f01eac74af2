// Flight: a Block, in a slab or a run of its own, in every state in which a dead owner can leave it, with what others were doing to it.
// Owner 1 recovers, owner 2 is dead, owner 3 is the other, owner 4 holds a Block beside it.

import { get32, get64, put32, put64 } from "../memory";
import { load64, store32, store64 } from "../atomic";
import { firstGrain } from "../header";
import { usableSize } from "../heap";
import { bitmapOf, hintSet } from "../hint";
import { slotOf } from "../owners";
import { bitsAt, giveBack, slabTag, wordAt } from "../pages";
import { blockAlloc, isBlock, recordAt } from "../record";
import {
  CLAIM_LIVE,
  CLAIM_SEQUENCE_SHIFT,
  CLAIM_SETTLING,
  CLAIM_STATE_SHIFT,
  GRAIN_SHIFT,
  H_DEFERRED,
  HINT_EMPTY,
  J_BLOCK,
  J_WON,
  OWNER_DEAD,
  S_ALLOC,
  S_ALLOC_JOURNAL,
  S_CLAIM,
  S_FREE,
  S_FREE_BYTES,
  S_FREE_JOURNAL,
  S_SEQUENCE,
  T_FREED,
  T_MASK,
  W_LENGTH_SHIFT,
} from "../shared/layout";
import { become, fresh, is, same, setState } from "./lib";

// What an owner's journals say of the Block.
export const NOTHING: u32 = 0;
export const TAKING: u32 = 1;
export const GIVING: u32 = 2;
export const WON: u32 = 3;

// What stands in the record.
export const EMPTY: u32 = 0;
export const LAST: u32 = 1; // the dead owner's last claim
export const OLDER: u32 = 2; // an older claim of the dead owner
export const FOREIGN: u32 = 3; // a claim of owner 4
export const SETTLING: u32 = 4; // the mark of a thread that settled this Block and died

// Where the memory is.
export const FREE: u32 = 0; // the bit is set, or the run is merged
export const TAKEN: u32 = 1;
export const FREED: u32 = 2; // a run that nobody has merged

export const RECOVERER: u32 = 1;
export const DEAD: u32 = 2;
export const OTHER: u32 = 3;
export const HOLDER: u32 = 4;

/** The Block, what it is granted, the address of its record, and the bytes of the Block beside it. */
export let block: usize = 0;
export let size: u32 = 0;
export let record: usize = 0;
export let beside: u32 = 0;
/** Where its memory's truth stands, and what it says while the Block is taken. */
let truth: usize = 0;
let index: u32 = 0;
let isRun: bool = false;

export function claimOf(owner: u32, sequence: u64): u64 {
  return ((<u64>CLAIM_LIVE) << CLAIM_STATE_SHIFT) | (sequence << CLAIM_SEQUENCE_SHIFT) | owner;
}

export function claimText(what: u32): u64 {
  if (what == EMPTY) return 0;
  if (what == LAST) return claimOf(DEAD, 9);
  if (what == OLDER) return claimOf(DEAD, 5);
  return what == FOREIGN ? claimOf(HOLDER, 2) : ((<u64>CLAIM_SETTLING) << CLAIM_STATE_SHIFT) | OTHER;
}

/** Says in an owner's journals what it does to the Block. */
export function journal(owner: u32, what: u32): void {
  const at = slotOf(owner);
  put32(at + S_ALLOC_JOURNAL, what == TAKING ? <u32>block | J_BLOCK : 0);
  put32(at + S_FREE_JOURNAL, what == GIVING ? <u32>block | J_BLOCK : what == WON ? <u32>block | J_BLOCK | J_WON : 0);
  if (what == WON) put32(at + S_FREE_BYTES, size);
}

/** A heap with two Blocks of owner 4, of which one is to be the Block in question; owners 1, 2 and 4 live, and 3 if it is wanted. */
export function twoBlocks(run: bool, withOther: bool): void {
  fresh(4, 5);
  become(HOLDER);
  isRun = run;
  const q = blockAlloc(100, 8);
  block = blockAlloc(run ? 9000 : 100, 8);
  size = usableSize(block);
  beside = usableSize(q);
  record = recordAt(block);
  const grain = <u32>(block >>> GRAIN_SHIFT);
  truth = run ? wordAt(grain) : bitsAt(grain);
  index = run ? 0 : <u32>((block - ((<usize>grain) << GRAIN_SHIFT)) / size);
  is(grain >= firstGrain && get32(wordAt(grain)) != 0 && (run || index == 1), true, "where the Block is", grain);
  become(DEAD);
  put64(slotOf(DEAD) + S_SEQUENCE, 9);
  put64(slotOf(DEAD) + S_CLAIM, claimOf(DEAD, 9));
  if (withOther) become(OTHER);
  put64(slotOf(OTHER) + S_CLAIM, claimOf(OTHER, 1));
  become(RECOVERER);
}

/** Makes the memory of the Block what `where` says; what a free one's record holds is `what`. */
export function place(where: u32, what: u32): void {
  store64(record, claimText(what));
  if (where == TAKEN) return;
  open();
  if (where != FREE || !isRun) return;
  const grain = <u32>(block >>> GRAIN_SHIFT);
  giveBack(grain, get32(wordAt(grain)) >>> W_LENGTH_SHIFT);
}

/** Gives the memory back by the one store that does it, without a hint or a count. */
export function open(): void {
  if (isRun) store32(truth, (get32(truth) & ~T_MASK) | T_FREED);
  else store64(truth, load64(truth) | ((<u64>1) << index));
}

/** Says in the hints that the memory was given back. */
export function hinted(): void {
  const grain = <u32>(block >>> GRAIN_SHIFT);
  hintSet(HINT_EMPTY, grain);
  if (!isRun) hintSet(bitmapOf(slabTag(get32(wordAt(grain)))), grain);
  store32(H_DEFERRED, 0);
}

/** The counters say that owner 4 took the Block beside, and `count` times as much as this Block. */
export function counted(count: u32): void {
  put64(slotOf(HOLDER) + S_ALLOC, beside + count * size);
}

export function addTo(owner: u32, field: usize): void {
  put64(slotOf(owner) + field, (get64(slotOf(owner) + field) + size) & 0xffffffff);
}

export function die(owner: u32): void {
  setState(owner, OWNER_DEAD);
}

/** The memory of the Block is taken or not, and if not, its record is empty. */
export function isTaken(taken: bool, what: string, where: u64): void {
  is(isBlock(block), taken, "taken, " + what, where);
  if (!taken && !isRun) same(load64(record), 0, "record of the free Block, " + what, where);
}

/** The counters and the journal of an owner, as one number. */
export function wordsOf(owner: u32): u64 {
  return get64(slotOf(owner) + S_ALLOC) * 31 + get64(slotOf(owner) + S_FREE);
}
