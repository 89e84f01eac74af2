// Dying: each operation of pages.ts and slab.ts once more, store by store in the order of docs/protocols.md § 4, so that it can be
// cut after each store.

import { get32, get64, put32, put64, zero } from "../memory";
import { lastClaim, nextClaim, recordIn } from "../claim";
import { firstGrain, grains } from "../header";
import { hintSet, bitmapOf } from "../hint";
import { lock, unlock } from "../lock";
import { slotOf } from "../owners";
import { auxAt, binOf, bitsAt, runWord, slabTail, slabWord, wordAt } from "../pages";
import { geometry } from "../sizeclass";
import {
  AUX_TAIL,
  B_TAG_SHIFT,
  C_BLOCKS,
  C_FULL,
  C_GRAINS,
  C_SIZE,
  GRAIN_SHIFT,
  HINT_EMPTY,
  H_BINS,
  H_BIN_BITS,
  H_COMMITTED,
  H_PEAK,
  H_REBUILDS,
  H_TAIL,
  J_BLOCK,
  KIND_BLOCK,
  OWNER_DEAD,
  RECORD_BYTES,
  S_ALLOC,
  S_ALLOC_JOURNAL,
  T_FREE,
  T_FREED,
  T_MASK,
  W_LENGTH_SHIFT,
} from "../shared/layout";
import { OK } from "../shared/status";
import { become, same, setState } from "./lib";

const LINK_BITS: u64 = 28;
const LINK_MASK: u64 = (1 << 28) - 1;

// The dying thread: how many of its stores still happen, and whether one of them was the commit.
let left: i32 = 0;
let done: i32 = 0;
export let committed: bool = false;

/** One store of the dying thread, if it still happens. */
export function w32(at: usize, value: u32): void {
  done++;
  if (left-- > 0) put32(at, value);
}

export function w64(at: usize, value: u64): void {
  done++;
  if (left-- > 0) put64(at, value);
}

/** The store that the operation hangs on. */
function commit32(at: usize, value: u32): void {
  if (left > 0) committed = true;
  w32(at, value);
}

export function dyingLink(g: u32, length: u32): void {
  const bin = binOf(length);
  const at = H_BINS + ((<usize>bin) << 2);
  const head = get32(at);
  w64(bitsAt(g), head);
  if (head != 0) w64(bitsAt(head), (get64(bitsAt(head)) & LINK_MASK) | ((<u64>g) << LINK_BITS));
  w32(at, g);
  const bits = H_BIN_BITS + ((<usize>(bin >>> 6)) << 3);
  w64(bits, get64(bits) | ((<u64>1) << (bin & 63)));
  w32(auxAt(g + length - 1), AUX_TAIL | g);
}

export function dyingUnlink(g: u32, length: u32): void {
  const links = get64(bitsAt(g));
  const after = <u32>(links & LINK_MASK);
  const before = <u32>((links >> LINK_BITS) & LINK_MASK);
  if (after != 0) w64(bitsAt(after), (get64(bitsAt(after)) & LINK_MASK) | ((<u64>before) << LINK_BITS));
  if (before != 0) w64(bitsAt(before), (get64(bitsAt(before)) & (LINK_MASK << LINK_BITS)) | after);
  else {
    const bin = binOf(length);
    w32(H_BINS + ((<usize>bin) << 2), after);
    const bits = H_BIN_BITS + ((<usize>(bin >>> 6)) << 3);
    if (after == 0) w64(bits, get64(bits) & ~((<u64>1) << (bin & 63)));
  }
  w32(auxAt(g + length - 1), 0);
}

export function dyingAddCommitted(length: u32): void {
  const sum = get32(H_COMMITTED) + length;
  if (sum > get32(H_PEAK)) w32(H_PEAK, sum);
  w32(H_COMMITTED, sum);
}

export function dyingCarve(head: u32, start: u32, length: u32, word: u32, aux: u32): void {
  const whole = get32(wordAt(head)) >>> W_LENGTH_SHIFT;
  const front = start - head;
  const rest = whole - front - length;
  dyingUnlink(head, whole);
  if (rest != 0) {
    w32(wordAt(start + length), runWord(T_FREE, 0, rest));
    dyingLink(start + length, rest);
  }
  w64(bitsAt(start), 0);
  w32(auxAt(start), aux);
  dyingAddCommitted(length);
  if (front == 0) {
    commit32(wordAt(start), word);
    return;
  }
  w32(wordAt(start), word);
  commit32(wordAt(head), runWord(T_FREE, 0, front));
  dyingLink(head, front);
}

export function dyingGiveBack(start: u32, length: u32): void {
  let head = start;
  let whole = length;
  const right = start + length;
  let absorbed: u32 = 0;
  if (right < grains && (get32(wordAt(right)) & T_MASK) == T_FREE) {
    absorbed = right;
    const extra = get32(wordAt(right)) >>> W_LENGTH_SHIFT;
    dyingUnlink(right, extra);
    whole += extra;
  }
  const mark = start > firstGrain ? get32(auxAt(start - 1)) : 0;
  if (mark & AUX_TAIL) {
    head = mark & ~AUX_TAIL;
    dyingUnlink(head, start - head);
    whole += start - head;
  }
  commit32(wordAt(head), runWord(T_FREE, 0, whole));
  if (head != start) w32(wordAt(start), 0);
  if (absorbed != 0) w32(wordAt(absorbed), 0);
  w32(H_COMMITTED, get32(H_COMMITTED) - length);
  dyingLink(head, whole);
}

export function dyingGrow(start: u32, extra: u32): void {
  const word = get32(wordAt(start));
  const right = start + (word >>> W_LENGTH_SHIFT);
  const whole = get32(wordAt(right)) >>> W_LENGTH_SHIFT;
  dyingUnlink(right, whole);
  if (whole != extra) {
    w32(wordAt(right + extra), runWord(T_FREE, 0, whole - extra));
    dyingLink(right + extra, whole - extra);
  }
  dyingAddCommitted(extra);
  commit32(wordAt(start), word + (extra << W_LENGTH_SHIFT));
  w32(wordAt(right), 0);
}

export function dyingShrink(start: u32, length: u32): void {
  const word = get32(wordAt(start));
  const rest = (word >>> W_LENGTH_SHIFT) - length;
  w32(auxAt(start + length), 0);
  w32(wordAt(start + length), runWord(T_FREED, 0, rest));
  commit32(wordAt(start), word - (rest << W_LENGTH_SHIFT));
  if (left > 0) dyingGiveBack(start + length, rest);
}

/** The slab opens with its first block taken and, of a Block slab, claimed. */
export function dyingNewSlab(head: u32, start: u32, tag: u32): void {
  dyingBareSlab(head, start, tag);
  committed = false;
  const journal = slotOf(2) + S_ALLOC_JOURNAL;
  const full = get64(geometry(tag) + C_FULL);
  const isBlock = (tag & 3) == KIND_BLOCK;
  if (isBlock && left > 0) nextClaim();
  w32(journal, (start << GRAIN_SHIFT) | (isBlock ? J_BLOCK : 0));
  if (isBlock) w64(recordIn(start, geometry(tag), 0), lastClaim());
  if (left > 0) committed = true;
  w64(bitsAt(start), ((<u64>tag) << B_TAG_SHIFT) | (full & ~1));
  if (left > 0) hintSet(bitmapOf(tag), start);
  w64(slotOf(2) + S_ALLOC, get32(geometry(tag) + C_SIZE));
}

function dyingBareSlab(head: u32, start: u32, tag: u32): void {
  const length = get32(geometry(tag) + C_GRAINS);
  if (left > 0 && (tag & 3) == KIND_BLOCK) {
    zero(recordIn(start, geometry(tag), 0), get32(geometry(tag) + C_BLOCKS) * RECORD_BYTES);
  }
  for (let i: u32 = 1; i < length; i++) w32(wordAt(start + i), slabWord(tag, i));
  dyingCarve(head, start, length, slabWord(tag, 0), 0);
  w32(H_TAIL, get32(H_TAIL) + slabTail(tag));
}

export function dyingClose(g: u32, tag: u32): void {
  const length = get32(geometry(tag) + C_GRAINS);
  if (left > 0) committed = true;
  w64(bitsAt(g), 0);
  for (let i: u32 = 1; i < length; i++) w32(wordAt(g + i), 0);
  w32(H_TAIL, get32(H_TAIL) - slabTail(tag));
  if (left > 0) dyingGiveBack(g, length);
}

/** The next stores are those of a thread that dies after so many of them. */
export function cutAfter(stores: i32): void {
  left = stores;
  done = 0;
  committed = false;
}

/** Whether the dying thread still runs. */
export function isRunning(): bool {
  return left > 0;
}

/** Whether all of the operation's stores have happened. */
export function isWhole(stores: i32): bool {
  return stores >= done;
}

/** Owner 2 takes the lock and is about to die after `stores` stores. */
export function beginDying(stores: i32): void {
  become(2);
  same(lock(), OK, "lock of the dying", stores);
  cutAfter(stores);
}

/** Owner 2 is dead; owner 1 takes the lock from it. Whether all of the operation's stores had happened. */
export function endDying(what: string, stores: i32): bool {
  setState(2, OWNER_DEAD);
  become(1);
  same(lock(), OK, "lock of the survivor, " + what, stores);
  same(get32(H_REBUILDS), 1, "rebuilds, " + what, stores);
  unlock();
  return isWhole(stores);
}

/** A whole slab with all blocks free. */
export function makeSlab(g: u32, tag: u32): void {
  left = 1000;
  dyingBareSlab(g, g, tag);
  hintSet(bitmapOf(tag), g);
  hintSet(HINT_EMPTY, g);
  put64(bitsAt(g), ((<u64>tag) << B_TAG_SHIFT) | get64(geometry(tag) + C_FULL));
}
