// Reservation: the record of each, who holds it by which claim, and where records come from. Every call with every claim that is not
// the one that holds it, and every state in which nothing may be reserved.

import { get32, get64, put32, put64 } from "../memory";
import { load64, store32 } from "../atomic";
import { newestChunk, nextChunk } from "../pool";
import { poison } from "../header";
import { takeLarge } from "../heap";
import { closeBudget } from "../nodes";
import { leave, slot } from "../owners";
import {
  reservationFree,
  reservationIsLive,
  reservationMove,
  reservationPass,
  reservationResize,
  reservationSplit,
  reserve,
} from "../reservation";
import {
  BUDGET_CLOSING,
  BUDGET_FREE,
  BUDGET_OPEN,
  B_STATE,
  CHUNK_HEADER,
  CLAIM_LIVE,
  CLAIM_SEQUENCE_SHIFT,
  CLAIM_STATE_SHIFT,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  H_BUDGET_LOCK,
  H_COMMITTED,
  H_LOCK,
  H_NODES,
  H_RECORDS,
  H_TAIL,
  KIND_RAW,
  OWNER_DEAD,
  RECORD_CHUNK_GRAINS,
  RESERVATION_BYTES,
  S_REFUSER,
  S_SEQUENCE,
  V_BUDGET,
  V_BYTES,
  V_NEXT,
  V_TAG,
} from "../shared/layout";
import { BAD_CHAIN, BUDGET_GONE, BUSY, FULL, NEVER, NOT_LIVE, OK, OVER_ITEMS, POISONED } from "../shared/status";
import { become, fresh, idOf, is, longestRun, same, setState, smallHeap, sound } from "./lib";
import {
  NONE,
  budget,
  claim,
  counts,
  freeElements,
  give,
  heldRecords,
  high,
  image,
  isAtRest,
  isImage,
  isRefused,
  items,
  latchedBy,
  low,
  newClaim,
  setItemsMax,
  setLimit,
  stateOf,
  take,
  used,
} from "./tree";

const RECORDS_OF_CHUNK: u32 = (RECORD_CHUNK_GRAINS * GRAIN_BYTES - CHUNK_HEADER) / RESERVATION_BYTES;

/** Calls number 0 to 5: everything that is done to a reservation by a claim. Whether it was done. */
const CALLS = 6;

function call(which: i32, at: usize, by: u64, node: usize): bool {
  if (which == 0) return reservationFree(at, low(by), high(by));
  if (which == 1) return reservationResize(at, low(by), high(by), 1);
  if (which == 2) return reservationSplit(at, low(by), high(by), 1) != 0;
  if (which == 3) return reservationMove(at, low(by), high(by), node, stateOf(node));
  if (which == 4) return reservationPass(at, low(by), high(by), false);
  return reservationPass(at, low(by), high(by), true);
}

/** No call is done by this claim, nothing is changed, and (but for giving back) the reason is said. */
function isStale(at: usize, by: u64, node: usize, what: string, where: u64): void {
  const before = image();
  for (let which = 0; which < CALLS; which++) {
    is(call(which, at, by, node), false, "call, " + what, which);
    if (which > 0) isRefused(NOT_LIVE, 0, "call, " + what, which);
  }
  is(reservationIsLive(at, low(by), high(by)), false, "live, " + what, where);
  isImage(before, what, where);
  isAtRest(what, where);
}

describe("reserve", () => {
  it("writes bytes, budget and tag beside a new claim of its owner, which it leaves in S_CLAIM", () => {
    fresh(4, 3);
    const node = budget(0, 1, NONE, 0);
    for (let owner: u32 = 1; owner <= 3; owner++) {
      become(owner);
      const before = get64(slot + S_SEQUENCE);
      for (let i: u64 = 1; i <= 20; i++) {
        const at = reserve(node, stateOf(node), <f64>(i * 1000003), 70 + <u32>i);
        const expected = ((<u64>CLAIM_LIVE) << CLAIM_STATE_SHIFT) | ((before + i) << CLAIM_SEQUENCE_SHIFT) | owner;
        same(claim(at), expected, "claim", i);
        same(newClaim(), expected, "S_CLAIM", i);
        same(get64(at + V_BYTES), i * 1000003, "bytes", i);
        same(get32(at + V_BUDGET), node, "budget", i);
        same(get32(at + V_TAG), 70 + i, "tag", i);
        is(reservationIsLive(at, low(expected), high(expected)), true, "live", i);
        isAtRest("reserved", i);
      }
    }
    same(items(node), 60, "items", 0);
    same(used(node), 3 * 210 * 1000003, "used", 0);
    sound("reserved", 0);
  });

  it("takes the first free record: of a chunk in order, of those given back the last first", () => {
    fresh(4, 2);
    const node = budget(0, 1, NONE, 0);
    const first = take(node, 0);
    same(first, newestChunk(H_RECORDS) + CHUNK_HEADER, "the first of the chunk", 0);
    for (let i: usize = 1; i < 10; i++) same(take(node, i), first + i * RESERVATION_BYTES, "in order", i);
    for (let i: usize = 0; i < 10; i += 3) is(give(first + i * RESERVATION_BYTES), true, "given back", i);
    for (let i: isize = 9; i >= 0; i -= 3) same(take(node, 1), first + i * RESERVATION_BYTES, "last given first", i);
    same(take(node, 1), first + 10 * RESERVATION_BYTES, "then on in order", 0);
    sound("in order", 0);
  });

  it("begins a new chunk when no record is free, in its own pool, as often as need be, and no record is lost", () => {
    fresh(4, 2);
    const node = budget(0, 1, NONE, 0);
    const committed = get32(H_COMMITTED);
    const tail = get32(H_TAIL);
    const nodes = get64(H_NODES);
    let chunks: u32 = 0;
    for (let i: u32 = 0; i < 5 * RECORDS_OF_CHUNK + 1; i++) {
      const older = newestChunk(H_RECORDS);
      const isNew = i % RECORDS_OF_CHUNK == 0;
      const at = take(node, 1);
      if (!isNew) continue;
      chunks++;
      const chunk = newestChunk(H_RECORDS);
      is(chunk != older && nextChunk(chunk) == older, true, "a new chunk before the older, record", i);
      same(at, chunk + CHUNK_HEADER, "its first record", i);
      same(freeElements(H_RECORDS, V_NEXT), RECORDS_OF_CHUNK - 1, "free records", i);
      same(get32(H_COMMITTED), committed + chunks * RECORD_CHUNK_GRAINS, "committed", i);
      same(get32(H_TAIL), tail + chunks * RECORD_CHUNK_GRAINS * GRAIN_BYTES, "tail", i);
    }
    same(get64(H_NODES), nodes, "the pool of budgets", 0);
    same(heldRecords(), 5 * RECORDS_OF_CHUNK + 1, "held", 0);
    sound("five chunks and one", 0);
    for (let chunk = newestChunk(H_RECORDS); chunk != 0; chunk = nextChunk(chunk)) {
      for (let i: usize = 0; i < RECORDS_OF_CHUNK; i++) give(chunk + CHUNK_HEADER + i * RESERVATION_BYTES);
    }
    same(freeElements(H_RECORDS, V_NEXT), 6 * RECORDS_OF_CHUNK, "free afterwards", 0);
    counts(node, 0, 0, 5 * RECORDS_OF_CHUNK + 1, "afterwards", 0);
    sound("afterwards", 0);
  });

  it("answers FULL, with nothing changed, when no record is free and no chunk has room, and goes on with what is given back", () => {
    smallHeap(20, 2);
    const node = budget(0, 1, NONE, 0);
    const first = take(node, 1);
    for (let i: u32 = 1; i < RECORDS_OF_CHUNK; i++) take(node, 1);
    is(takeLarge(longestRun() << GRAIN_SHIFT, 1, KIND_RAW) != 0, true, "the rest of the heap", 0);
    const before = image();
    same(reserve(node, stateOf(node), 1, 0), 0, "reserved", 0);
    isRefused(FULL, 0, "no room for a record", 0);
    isImage(before, "no room for a record", 0);
    same(get32(H_LOCK), 0, "page lock", 0);
    isAtRest("no room for a record", 0);
    sound("no room for a record", 0);
    is(give(first), true, "given back", 0);
    same(take(node, 1), first, "its record", 0);
  });

  it("of no bytes is an item and nothing more", () => {
    fresh(4, 2);
    const node = budget(0, 1, 0, 0);
    setItemsMax(node, 2);
    take(node, 0);
    take(node, 0);
    counts(node, 0, 2, 0, "two of nothing", 0);
    same(reserve(node, stateOf(node), 0, 0), 0, "a third", 0);
    isRefused(OVER_ITEMS, node, "a third", 0);
    same(reserve(node, stateOf(node), 1, 0), 0, "a byte", 0);
    isRefused(NEVER, node, "a byte", 0);
  });

  it("is refused by a budget whose state word is another, in every state and for every generation, with nothing changed", () => {
    fresh(4, 2);
    const node = budget(0, 1, NONE, 0);
    take(node, 10);
    const before = image();
    for (let bit: u32 = 0; bit < 32; bit++) {
      same(reserve(node, stateOf(node) ^ (1 << bit), 1, 0), 0, "known by another state word, bit", bit);
      isRefused(BUDGET_GONE, 0, "state word, bit", bit);
    }
    isImage(before, "another state word", 0);
    for (let state: u32 = BUDGET_FREE; state <= <u32>BUDGET_CLOSING; state++) {
      const known = stateOf(node);
      put32(node + B_STATE, (known & ~3) | state);
      is((reserve(node, known, 1, 0) != 0) == (state == BUDGET_OPEN), true, "reserved in state", state);
      put32(node + B_STATE, known);
    }
  });

  it("is BUSY while another holds the latch, and refused where it is attached to nothing or the region is poisoned; nothing is changed", () => {
    fresh(4, 2);
    const node = budget(0, 1, NONE, 0);
    take(node, 10);
    become(2);
    become(1);
    put32(slot + S_REFUSER, 5);
    const before = image();
    latchedBy(2);
    same(reserve(node, stateOf(node), 1, 0), 0, "held", 0);
    isRefused(BUSY, 0, "held", 0);
    same(get32(H_BUDGET_LOCK), idOf(2), "holder", 0);
    store32(H_BUDGET_LOCK, 0);
    poison(BAD_CHAIN);
    same(reserve(node, stateOf(node), 1, 0), 0, "poisoned", 0);
    isRefused(POISONED, 0, "poisoned", 0);
    isAtRest("poisoned", 0);
    leave();
    same(reserve(node, stateOf(node), 1, 0), 0, "attached to nothing", 0);
    isImage(before, "refused", 0);
    isAtRest("attached to nothing", 0);
  });

  it("that the budget refuses changes nothing but the count of refusals, and says which budget it was", () => {
    fresh(4, 2);
    const root = budget(0, 1, 10, 0);
    const leaf = budget(root, 2, NONE, 0);
    take(leaf, 4);
    const before = image();
    same(reserve(leaf, stateOf(leaf), 11, 0), 0, "never", 0);
    isRefused(NEVER, root, "never", 0);
    isImage(before, "never", 0);
    isAtRest("never", 0);
    setLimit(leaf, 3);
    same(reserve(leaf, stateOf(leaf), 11, 0), 0, "by the lower", 0);
    isRefused(NEVER, leaf, "by the lower", 0);
  });
});

describe("a claim", () => {
  it("that is another in any bit holds nothing", () => {
    fresh(4, 2);
    const node = budget(0, 1, NONE, 0);
    const other = budget(0, 2, NONE, 0);
    const at = take(node, 10);
    const holder = claim(at);
    for (let bit: u64 = 0; bit < 64; bit++) isStale(at, holder ^ ((<u64>1) << bit), other, "bit", bit);
    is(reservationIsLive(at, low(holder), high(holder)), true, "the right one", 0);
  });

  it("of a reservation that was given back holds nothing, nor when its record is another's", () => {
    fresh(4, 2);
    const node = budget(0, 1, NONE, 0);
    const other = budget(0, 2, NONE, 0);
    const at = take(node, 10);
    const old = claim(at);
    is(reservationFree(at, low(old), high(old)), true, "given back", 0);
    isStale(at, old, other, "given back", 0);
    same(take(node, 20), at, "the same record", 0);
    isStale(at, old, other, "another's", 0);
    counts(node, 20, 1, 20, "the other", 0);
  });

  it("that is none holds no free record", () => {
    fresh(4, 2);
    const node = budget(0, 1, NONE, 0);
    const other = budget(0, 2, NONE, 0);
    take(node, 1);
    const at = take(node, 10);
    is(give(at), true, "given back", 0);
    isStale(at, 0, other, "a record that was one's", 0);
    isStale(at + RESERVATION_BYTES, 0, other, "a record that never was", 0);
    sound("no claim", 0);
  });

  it("holds its reservation for whoever has it: other threads, and after its owner's death", () => {
    fresh(4, 3);
    const node = budget(0, 1, NONE, 0);
    become(2);
    const one = take(node, 10);
    const two = take(node, 5);
    const ofOne = claim(one);
    const ofTwo = claim(two);
    become(3);
    is(reservationFree(one, low(ofOne), high(ofOne)), true, "by another thread", 0);
    setState(2, OWNER_DEAD);
    is(reservationFree(two, low(ofTwo), high(ofTwo)), true, "after a death", 0);
    counts(node, 0, 0, 15, "given back", 0);
    sound("given back", 0);
  });
});

describe("reservationFree", () => {
  it("empties the record and takes the bytes off every level; the second time it is false and changes nothing", () => {
    for (let bytes: u64 = 0; bytes <= 40; bytes++) {
      fresh(4, 2);
      const root = budget(0, 1, NONE, 0);
      const leaf = budget(root, 2, NONE, 20);
      take(leaf, 3);
      const at = take(leaf, bytes);
      const holder = claim(at);
      is(reservationFree(at, low(holder), high(holder)), true, "first, bytes", bytes);
      same(load64(at), 0, "record, bytes", bytes);
      counts(leaf, 3, 1, bytes + 3, "leaf, bytes", bytes);
      counts(root, 20, 1, max<u64>(20, bytes + 3), "root, bytes", bytes);
      const before = image();
      is(reservationFree(at, low(holder), high(holder)), false, "second, bytes", bytes);
      isImage(before, "second, bytes", bytes);
      isAtRest("second, bytes", bytes);
    }
  });

  it("is done in a budget that is closing, and in one whose limit is below what is used", () => {
    fresh(4, 2);
    const root = budget(0, 1, NONE, 0);
    const leaf = budget(root, 2, NONE, 0);
    const one = take(leaf, 10);
    const two = take(leaf, 20);
    setLimit(leaf, 5);
    is(give(one), true, "above the limit", 0);
    counts(leaf, 20, 1, 30, "above the limit", 0);
    put32(leaf + B_STATE, (stateOf(leaf) & ~3) | BUDGET_CLOSING);
    is(give(two), true, "closing", 0);
    counts(root, 0, 0, 30, "root", 0);
  });

  it("is false where it is attached to nothing or the region is poisoned", () => {
    fresh(4, 2);
    const node = budget(0, 1, NONE, 0);
    const at = take(node, 10);
    const before = image();
    poison(BAD_CHAIN);
    is(give(at), false, "poisoned", 0);
    leave();
    is(give(at), false, "attached to nothing", 0);
    isImage(before, "refused", 0);
  });
});

describe("reservationIsLive", () => {
  it("finds a record nowhere but where one stands, whatever lies at other places", () => {
    fresh(4, 2);
    const node = budget(0, 1, NONE, 0);
    for (let i: u32 = 0; i <= RECORDS_OF_CHUNK; i++) take(node, i);
    let found: u32 = 0;
    for (let at: usize = 0; at < 4 << 16; at += 4) {
      const by = get64(at);
      if (by != 0 && reservationIsLive(at, low(by), high(by))) found++;
    }
    same(found, heldRecords(), "found", 0);
    const at = newestChunk(H_RECORDS) + CHUNK_HEADER;
    const by = claim(at);
    put64(at + V_BYTES, by);
    for (let away: usize = 1; away < <usize>RESERVATION_BYTES; away++) {
      is(reservationIsLive(at + away, low(by), high(by)), false, "inside a record, bytes", away);
    }
    is(reservationIsLive(0xfffffff8, low(by), high(by)), false, "beyond the memory", 0);
  });

  it("does not hold of a budget that is closed", () => {
    fresh(4, 2);
    const node = budget(0, 1, NONE, 0);
    const at = take(node, 10);
    const by = claim(at);
    same(closeBudget(node, stateOf(node)), OK, "closed", 0);
    is(reservationIsLive(at, low(by), high(by)), false, "live", 0);
    sound("closed", 0);
  });
});
