// Random: long sequences of all calls by three owners that come, go and die, in a small region, against a list of what must be live.
// Contents are marked and compared, and check() runs every so often. A failure names the seed and the step; the seeds are fixed.

import { get8 } from "../memory";
import { lastClaim } from "../claim";
import { countedBytes } from "../counters";
import { alloc, allocAligned, allocUnsafe, free, usableSize } from "../heap";
import { realloc } from "../resize";
import { lock } from "../lock";
import { leave, ownerState } from "../owners";
import { blockAlloc, blockFree, blockIsLive, blockMove } from "../record";
import { releaseBlocks } from "../charged";
import { publishHints, recover } from "../recover";
import { letGo, trim } from "../trim";
import { CLAIM_SHARED, CLAIM_STATE_SHIFT, OWNER_DEAD, OWNER_FREE, OWNER_LIVE, REC_DONE } from "../shared/layout";
import { OK } from "../shared/status";
import { become, fresh, idOf, is, outWord, same, setState, sound, text, whoAmI } from "./lib";

const OWNERS: u32 = 3;
const BLOCKS_MAX = 300;

const places = new StaticArray<usize>(BLOCKS_MAX);
const sizes = new StaticArray<u32>(BLOCKS_MAX);
const claims = new StaticArray<u64>(BLOCKS_MAX); // 0: a raw block
let count = 0;
let seed: u32 = 0;
let state: u32 = 0;
let step: u32 = 0;

/** A number below `limit`. */
function random(limit: u32): u32 {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state % limit;
}

/** Mostly small, some large. */
function randomSize(): u32 {
  const kind = random(10);
  if (kind < 6) return 1 + random(300);
  return kind < 9 ? 1 + random(9000) : 1 + random(60000);
}

function where(): string {
  return "seed " + text(seed) + ", step";
}

function mark(i: i32): void {
  memory.fill(places[i], <u8>(places[i] >>> 3), sizes[i]);
}

function isMarked(p: usize, bytes: u32, value: u32): void {
  for (let i: u32 = 0; i < bytes; i += i < 64 ? 1 : 61) {
    if (get8(p + i) != value) same(get8(p + i), value, "content, " + where(), step);
  }
}

function add(p: usize, bytes: u32, claim: u64): void {
  if (p == 0) return;
  is(usableSize(p) >= bytes, true, "usable, " + where(), step);
  places[count] = p;
  sizes[count] = bytes;
  claims[count] = claim;
  mark(count++);
}

function remove(i: i32): void {
  count--;
  places[i] = places[count];
  sizes[i] = sizes[count];
  claims[i] = claims[count];
}

function takeOne(): void {
  if (count == BLOCKS_MAX) return;
  const bytes = randomSize();
  const how = random(5);
  if (how == 0) {
    const p = alloc(bytes);
    if (p != 0) isMarked(p, bytes, 0);
    add(p, bytes, 0);
  } else if (how == 1) add(allocAligned(bytes, (<u32>1) << random(13)), bytes, 0);
  else if (how == 2) add(allocUnsafe(bytes), bytes, 0);
  else {
    const p = blockAlloc(bytes, 8);
    add(p, bytes, p == 0 ? 0 : lastClaim());
  }
}

function giveOne(): void {
  if (count == 0) return;
  const i = <i32>random(count);
  const p = places[i];
  const claim = claims[i];
  isMarked(p, sizes[i], <u32>(p >>> 3) & 0xff);
  if (claim == 0) {
    is(free(p), true, "freed, " + where(), step);
    is(free(p), false, "freed twice, " + where(), step);
  } else {
    is(free(p), false, "a Block freed as raw, " + where(), step);
    is(blockFree(p, <u32>claim, <u32>(claim >> 32)), true, "released, " + where(), step);
    is(blockIsLive(p, <u32>claim, <u32>(claim >> 32)), false, "live, " + where(), step);
  }
  remove(i);
}

function resizeOne(): void {
  if (count == 0) return;
  const i = <i32>random(count);
  if (claims[i] != 0) return;
  const p = places[i];
  const bytes = randomSize();
  const q = realloc(p, bytes);
  isMarked(q == 0 ? p : q, q == 0 ? sizes[i] : min(sizes[i], bytes), <u32>(p >>> 3) & 0xff);
  if (q == 0) return;
  remove(i);
  add(q, bytes, 0);
}

/** The present owner makes a Block its own, or the region's; the claim that it had is stale. */
function moveOne(): void {
  if (count == 0) return;
  const i = <i32>random(count);
  const p = places[i];
  const claim = claims[i];
  const shared = random(4) == 0;
  is(blockMove(p, <u32>claim, <u32>(claim >> 32), shared), claim != 0, "moved, " + where(), step);
  if (claim == 0) return;
  claims[i] = lastClaim();
  is(blockMove(p, <u32>claim, <u32>(claim >> 32), shared), false, "moved by a stale claim, " + where(), step);
  is(blockIsLive(p, <u32>claims[i], <u32>(claims[i] >> 32)), true, "live, " + where(), step);
  isMarked(p, sizes[i], <u32>(p >>> 3) & 0xff);
}

/** What the leaving or recovery of `owner` must have given back is no longer live. */
function forgetBlocksOf(owner: u32): void {
  for (let i = count - 1; i >= 0; i--) {
    if (claims[i] == 0 || (<u32>claims[i] & 0xff) != owner || claims[i] >> CLAIM_STATE_SHIFT == CLAIM_SHARED) continue;
    same(usableSize(places[i]), 0, "a Block of the gone, " + where(), step);
    remove(i);
  }
}

/** The present owner leaves, or dies and is recovered by another. */
function goAway(): void {
  const gone = whoAmI();
  const next = 1 + (gone % OWNERS);
  if (random(2)) {
    releaseBlocks(gone, ~0);
    publishHints(gone);
    leave();
    become(next);
  } else {
    setState(gone, OWNER_DEAD);
    if (ownerState(next) != OWNER_FREE) setState(next, OWNER_LIVE);
    become(next);
    same(recover(idOf(gone)), OK, "recovered, " + where(), step);
    same(outWord(REC_DONE), 1, "done, " + where(), step);
    same(ownerState(gone), OWNER_FREE, "slot, " + where(), step);
  }
  forgetBlocksOf(gone);
}

function stepOnce(): void {
  const what = random(1000);
  if (what < 430) takeOne();
  else if (what < 820) giveOne();
  else if (what < 900) resizeOne();
  else if (what < 920) moveOne();
  else if (what < 985) become(1 + random(OWNERS));
  else if (what < 990) {
    same(lock(), OK, "lock", step);
    trim();
    letGo();
  } else if (what < 993) goAway();
  else if (what < 996) while (count > 0) giveOne();
}

function runSeed(): void {
  fresh(6, OWNERS);
  count = 0;
  state = seed * 2654435761 + 1;
  for (step = 0; step < 4000; step++) {
    stepOnce();
    if (step % 100 == 0) sound(where(), step);
  }
  while (count > 0) giveOne();
  for (let owner: u32 = 1; owner <= OWNERS; owner++) releaseBlocks(owner, ~0);
  same(countedBytes(), 0, "counted at the end, seed", seed);
  sound("at the end, seed", seed);
}

describe("any sequence of calls", () => {
  it("leaves every invariant, every content and every count right", () => {
    for (seed = 1; seed <= 12; seed++) runSeed();
  });
});
