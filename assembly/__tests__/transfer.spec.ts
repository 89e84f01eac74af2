// Transfer: reservations that become longer or shorter, are split, move to another budget or change hands. Each with what all levels of
// both trees say afterwards, each limit met exactly and passed by one, and what stays as it was.

import { get32, get64, put32, put64 } from "../memory";
import { store32 } from "../atomic";
import { newestChunk } from "../pool";
import { markDead } from "../owners";
import { recover } from "../recover";
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
  BUDGET_OPEN,
  B_STATE,
  CHUNK_HEADER,
  CLAIM_LIVE,
  CLAIM_SEQUENCE_SHIFT,
  CLAIM_SHARED,
  CLAIM_STATE_SHIFT,
  GRAIN_BYTES,
  H_BUDGET_LOCK,
  H_RECORDS,
  RECORD_CHUNK_GRAINS,
  REC_RESERVATIONS,
  RESERVATION_BYTES,
  S_SEQUENCE,
  V_BUDGET,
  V_BYTES,
  V_NEXT,
  V_TAG,
} from "../shared/layout";
import { BUDGET_GONE, BUSY, NEVER, NOT_LIVE, OK, OVER_ITEMS, OVER_LIMIT } from "../shared/status";
import { slot } from "../owners";
import { become, fresh, idOf, is, outWord, same, sound } from "./lib";
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
  refusals,
  setItemsMax,
  setLimit,
  stateOf,
  take,
  used,
} from "./tree";

function resize(at: usize, bytes: u64): bool {
  const by = claim(at);
  return reservationResize(at, low(by), high(by), <f64>bytes);
}

function split(at: usize, bytes: u64): usize {
  const by = claim(at);
  return reservationSplit(at, low(by), high(by), <f64>bytes);
}

function move(at: usize, node: usize): bool {
  const by = claim(at);
  return reservationMove(at, low(by), high(by), node, stateOf(node));
}

function pass(at: usize, shared: bool): bool {
  const by = claim(at);
  return reservationPass(at, low(by), high(by), shared);
}

function setNodeState(node: usize, state: u32): void {
  put32(node + B_STATE, (stateOf(node) & ~3) | state);
}

let root: usize = 0;
let leaf: usize = 0;
let side: usize = 0;
let other: usize = 0;
let below: usize = 0;

/** Two trees: a root with two leaves, of which the first has a minimum of 20; and a root with a leaf. */
function trees(): void {
  fresh(4, 3);
  root = budget(0, 1, NONE, 0);
  leaf = budget(root, 2, NONE, 20);
  side = budget(root, 3, NONE, 0);
  other = budget(0, 4, NONE, 0);
  below = budget(other, 5, NONE, 0);
}

describe("reservationResize", () => {
  it("makes every level what it is with so much more or less, and keeps claim, budget, tag and items", () => {
    for (let from: u64 = 0; from <= 40; from += 4) {
      for (let to: u64 = 0; to <= 40; to += 5) {
        trees();
        const at = reserve(leaf, stateOf(leaf), <f64>from, 88);
        const by = claim(at);
        is(resize(at, to), true, "resized to", to);
        same(claim(at), by, "claim", to);
        same(get64(at + V_BYTES), to, "bytes", to);
        same(get32(at + V_BUDGET), leaf, "budget", to);
        same(get32(at + V_TAG), 88, "tag", to);
        counts(leaf, to, 1, max(from, to), "leaf", to);
        counts(root, max<u64>(to, 20), 1, max<u64>(max(from, to), 20), "root", to);
        isAtRest("resized", to);
        sound("resized", from * 100 + to);
      }
    }
  });

  it("meets the limit of each level exactly, and is refused one byte more with nothing changed", () => {
    for (let level = 0; level < 2; level++) {
      for (let to: u64 = 21; to < 60; to++) {
        trees();
        const at = take(leaf, 10);
        take(root, 7);
        const node = level == 0 ? leaf : root;
        const use = level == 0 ? to : to + 7;
        setLimit(node, use - 1);
        const before = image();
        is(resize(at, to), false, "one byte more than", use - 1);
        isRefused(OVER_LIMIT, node, "one byte more", to);
        isImage(before, "one byte more", to);
        same(refusals(node), 1, "refusals", to);
        setLimit(node, use);
        is(resize(at, to), true, "exactly", use);
        counts(node, use, level == 0 ? 1 : 2, use, "exactly", to);
      }
    }
    trees();
    const at = take(leaf, 10);
    setLimit(leaf, 9);
    is(resize(at, 20), false, "never", 0);
    isRefused(NEVER, leaf, "never", 0);
  });

  it("needs no item, and makes shorter also where the limit is below what is used", () => {
    trees();
    const at = take(leaf, 50);
    setItemsMax(leaf, 0);
    setItemsMax(root, 0);
    is(resize(at, 60), true, "longer", 0);
    setLimit(leaf, 5);
    setLimit(root, 5);
    is(resize(at, 60), true, "as long", 0);
    is(resize(at, 59), true, "shorter", 0);
    counts(root, 59, 1, 60, "root", 0);
  });

  it("makes shorter, and not longer, what is in a budget that is closing", () => {
    trees();
    const at = take(leaf, 50);
    setNodeState(leaf, BUDGET_CLOSING);
    const before = image();
    is(resize(at, 51), false, "longer", 0);
    isRefused(BUDGET_GONE, 0, "longer", 0);
    isImage(before, "longer", 0);
    is(resize(at, 49), true, "shorter", 0);
    counts(leaf, 49, 1, 50, "shorter", 0);
  });
});

describe("reservationSplit", () => {
  it("makes two of one: what they hold together, their budget and their tag are as before, and the part is the caller's", () => {
    for (let bytes: u64 = 0; bytes <= 30; bytes++) {
      trees();
      become(2);
      const at = reserve(leaf, stateOf(leaf), 30, 88);
      const by = claim(at);
      become(1);
      const sequence = get64(slot + S_SEQUENCE);
      const free = get32(H_RECORDS);
      const part = reservationSplit(at, low(by), high(by), <f64>bytes);
      same(part, free, "its record", bytes);
      const expected = ((<u64>CLAIM_LIVE) << CLAIM_STATE_SHIFT) | ((sequence + 1) << CLAIM_SEQUENCE_SHIFT) | 1;
      same(claim(part), expected, "its claim", bytes);
      same(newClaim(), expected, "S_CLAIM", bytes);
      same(claim(at), by, "claim of the rest", bytes);
      same(get64(part + V_BYTES), bytes, "its bytes", bytes);
      same(get64(at + V_BYTES), 30 - bytes, "bytes of the rest", bytes);
      same(get64(part + V_BUDGET), get64(at + V_BUDGET), "budget and tag", bytes);
      counts(leaf, 30, 2, 30, "leaf", bytes);
      counts(root, 30, 2, 30, "root", bytes);
      isAtRest("split", bytes);
      sound("split", bytes);
      is(give(at) && give(part), true, "given back", bytes);
      counts(leaf, 0, 0, 30, "given back", bytes);
    }
  });

  it("is refused by each level that may have no item more, and by a budget that is closing, with nothing changed", () => {
    trees();
    const at = take(leaf, 30);
    setItemsMax(root, 1);
    const before = image();
    same(split(at, 10), 0, "part", 0);
    isRefused(OVER_ITEMS, root, "root", 0);
    isImage(before, "root", 0);
    setItemsMax(leaf, 1);
    same(split(at, 10), 0, "part", 1);
    isRefused(OVER_ITEMS, leaf, "leaf", 0);
    setItemsMax(root, 2);
    setItemsMax(leaf, 2);
    setNodeState(leaf, BUDGET_CLOSING);
    same(split(at, 10), 0, "part", 2);
    isRefused(BUDGET_GONE, 0, "closing", 0);
    setNodeState(leaf, BUDGET_OPEN);
    setLimit(leaf, 5);
    is(split(at, 10) != 0, true, "above the limit: no byte more is used", 0);
    counts(root, 30, 2, 30, "root", 0);
  });

  it("takes its record from a new chunk when none is free", () => {
    trees();
    const at = take(leaf, 30);
    while (get32(H_RECORDS) != 0) take(side, 1);
    const chunk = newestChunk(H_RECORDS);
    const part = split(at, 12);
    is(newestChunk(H_RECORDS) != chunk, true, "a new chunk", 0);
    same(part, newestChunk(H_RECORDS) + CHUNK_HEADER, "its first record", 0);
    same(get64(at + V_BYTES), 18, "bytes of the rest", 0);
    const records: u32 = (RECORD_CHUNK_GRAINS * GRAIN_BYTES - CHUNK_HEADER) / RESERVATION_BYTES;
    same(heldRecords() + freeElements(H_RECORDS, V_NEXT), 2 * records, "records of two chunks", 0);
    sound("a new chunk", 0);
  });

  it("of one that belongs to the region makes a part that is the caller's", () => {
    trees();
    const at = take(leaf, 30);
    is(pass(at, true), true, "shared", 0);
    const part = split(at, 10);
    same(claim(part) >> CLAIM_STATE_SHIFT, CLAIM_LIVE, "state of the part", 0);
    same(claim(at) >> CLAIM_STATE_SHIFT, CLAIM_SHARED, "state of the rest", 0);
    sound("shared", 0);
  });

  // Who shares a claim may have made the reservation shorter since the caller looked.
  it("of more than there is takes nothing", () => {
    for (let more: u64 = 1; more <= 1 << 53; more <<= 1) {
      trees();
      const at = take(leaf, 30);
      const before = image();
      same(split(at, 30 + more), 0, "part, bytes more", more);
      isImage(before, "bytes more", more);
      isAtRest("bytes more", more);
    }
  });
});

describe("reservationMove", () => {
  it("charges the one tree and no more the other, at every level, and keeps claim, bytes and tag", () => {
    for (let bytes: u64 = 0; bytes <= 40; bytes++) {
      trees();
      take(leaf, 3);
      take(below, 2);
      const at = reserve(leaf, stateOf(leaf), <f64>bytes, 88);
      const by = claim(at);
      is(move(at, below), true, "moved", bytes);
      same(claim(at), by, "claim", bytes);
      same(get64(at + V_BYTES), bytes, "bytes", bytes);
      same(get32(at + V_BUDGET), below, "budget", bytes);
      same(get32(at + V_TAG), 88, "tag", bytes);
      counts(leaf, 3, 1, 3 + bytes, "leaf", bytes);
      counts(root, 20, 1, max<u64>(20, 3 + bytes), "root", bytes);
      counts(below, 2 + bytes, 2, 2 + bytes, "below", bytes);
      counts(other, 2 + bytes, 2, 2 + bytes, "other", bytes);
      isAtRest("moved", bytes);
      sound("moved", bytes);
    }
  });

  it("within a tree leaves what both have above them as it is, but for minimums; and up and down a path, and to where it is", () => {
    const nodes = new StaticArray<usize>(3);
    for (let bytes: u64 = 0; bytes <= 30; bytes += 3) {
      for (let from = 0; from < 3; from++) {
        for (let to = 0; to < 3; to++) {
          trees();
          nodes[0] = root;
          nodes[1] = leaf;
          nodes[2] = side;
          const at = take(nodes[from], bytes);
          const most = used(root);
          is(move(at, nodes[to]), true, "moved", to);
          const inLeaf: u64 = to == 1 ? bytes : 0;
          const inRoot = max<u64>(inLeaf, 20) + (to == 1 ? 0 : bytes);
          counts(leaf, inLeaf, to == 1 ? 1 : 0, from == 1 ? bytes : inLeaf, "leaf", bytes);
          counts(side, to == 2 ? bytes : 0, to == 2 ? 1 : 0, from == 2 || to == 2 ? bytes : 0, "side", bytes);
          counts(root, inRoot, 1, max(most, inRoot), "root", bytes);
          sound("within a tree", bytes);
        }
      }
    }
  });

  it("meets the limits of the other tree exactly, of bytes and of items, and is refused beyond with nothing changed", () => {
    for (let level = 0; level < 2; level++) {
      trees();
      const at = take(leaf, 30);
      take(below, 5);
      take(other, 6);
      const node = level == 0 ? below : other;
      const use: u64 = level == 0 ? 35 : 41;
      setLimit(node, use - 1);
      const before = image();
      is(move(at, below), false, "one byte more, level", level);
      isRefused(OVER_LIMIT, node, "one byte more, level", level);
      isImage(before, "one byte more, level", level);
      setLimit(node, 29);
      is(move(at, below), false, "never, level", level);
      isRefused(NEVER, node, "never, level", level);
      setLimit(node, use);
      setItemsMax(node, items(node));
      is(move(at, below), false, "one item more, level", level);
      isRefused(OVER_ITEMS, node, "one item more, level", level);
      same(refusals(node), 3, "refusals, level", level);
      setItemsMax(node, items(node) + 1);
      is(move(at, below), true, "exactly, level", level);
      same(used(node), use, "used, level", level);
      sound("exactly, level", level);
    }
  });

  it("within a tree is not in the way of itself: the limits above both need no room for it twice", () => {
    trees();
    const at = take(side, 30);
    setLimit(root, used(root));
    setItemsMax(root, 1);
    is(move(at, root), true, "up", 0);
    setLimit(side, 30);
    setItemsMax(side, 1);
    is(move(at, side), true, "down", 0);
    is(move(at, side), true, "to where it is", 0);
    counts(root, 50, 1, 50, "root", 0);
    counts(side, 30, 1, 30, "side", 0);
  });

  it("goes out of a budget that is closing, and into none that is not open or is known by another state word", () => {
    trees();
    const at = take(leaf, 30);
    const by = claim(at);
    setNodeState(below, BUDGET_CLOSING);
    const before = image();
    is(
      reservationMove(at, low(by), high(by), below, (stateOf(below) & ~3) | BUDGET_OPEN),
      false,
      "into a closing one",
      0,
    );
    isRefused(BUDGET_GONE, 0, "into a closing one", 0);
    for (let bit: u32 = 0; bit < 32; bit++) {
      is(reservationMove(at, low(by), high(by), other, stateOf(other) ^ (1 << bit)), false, "state word, bit", bit);
      isRefused(BUDGET_GONE, 0, "state word, bit", bit);
    }
    isImage(before, "refused", 0);
    isAtRest("refused", 0);
    setNodeState(leaf, BUDGET_CLOSING);
    is(move(at, other), true, "out of a closing one", 0);
    counts(leaf, 0, 0, 30, "leaf", 0);
    setNodeState(below, BUDGET_OPEN);
    setNodeState(leaf, BUDGET_OPEN);
    sound("moved", 0);
  });
});

describe("reservationPass", () => {
  it("makes a reservation the caller's, under a new claim; the old one holds nothing, and nothing else changes", () => {
    trees();
    become(2);
    const at = reserve(leaf, stateOf(leaf), 30, 88);
    const old = claim(at);
    become(1);
    const sequence = get64(slot + S_SEQUENCE);
    is(pass(at, false), true, "adopted", 0);
    const expected = ((<u64>CLAIM_LIVE) << CLAIM_STATE_SHIFT) | ((sequence + 1) << CLAIM_SEQUENCE_SHIFT) | 1;
    same(claim(at), expected, "claim", 0);
    same(newClaim(), expected, "S_CLAIM", 0);
    is(reservationIsLive(at, low(old), high(old)), false, "the old claim", 0);
    is(reservationFree(at, low(old), high(old)), false, "freed by the old claim", 0);
    is(get64(at + V_BYTES) == 30 && get32(at + V_BUDGET) == leaf && get32(at + V_TAG) == 88, true, "the rest", 0);
    counts(leaf, 30, 1, 30, "leaf", 0);
    isAtRest("adopted", 0);
    sound("adopted", 0);
    is(give(at), true, "freed by the new claim", 0);
  });

  it("makes it the region's: it outlives whoever shared it, and any thread that knows its claim may give it back or adopt it", () => {
    for (let isAdopted = 0; isAdopted < 2; isAdopted++) {
      trees();
      become(3);
      become(2);
      const at = take(leaf, 30);
      const old = claim(at);
      is(pass(at, true), true, "shared", 0);
      const by = claim(at);
      same(by, newClaim(), "S_CLAIM", 0);
      same(by >> CLAIM_STATE_SHIFT, CLAIM_SHARED, "state", 0);
      is(reservationIsLive(at, low(old), high(old)), false, "the old claim", 0);
      become(1);
      same(markDead(idOf(2)), OK, "said", 0);
      same(recover(idOf(2)), OK, "recovered", 0);
      same(outWord(REC_RESERVATIONS), 0, "reservations that it held", 0);
      is(reservationIsLive(at, low(by), high(by)), true, "live", 0);
      sound("shared by one who is gone", 0);
      become(3);
      if (isAdopted) is(pass(at, false), true, "adopted", 0);
      is(give(at), true, "given back", 0);
      counts(root, 20, 0, 30, "root", 0);
    }
  });

  it("is refused at every place where no record begins", () => {
    trees();
    const at = take(leaf, 30);
    const by = claim(at);
    for (let word: usize = 8; word < <usize>RESERVATION_BYTES; word += 8) put64(at + word, by);
    for (let away: usize = 1; away < <usize>RESERVATION_BYTES; away++) {
      is(reservationPass(at + away, low(by), high(by), false), false, "inside a record, bytes", away);
      isRefused(NOT_LIVE, 0, "inside a record, bytes", away);
    }
    const places: StaticArray<usize> = [0, 8, newestChunk(H_RECORDS), newestChunk(H_RECORDS) - 32, leaf, 0xfffffff8];
    for (let i = 0; i < places.length; i++) {
      is(reservationPass(places[i], low(by), high(by), true), false, "at", places[i]);
      isRefused(NOT_LIVE, 0, "at", places[i]);
    }
    same(claim(at), by, "claim", 0);
  });
});

describe("a reservation while another holds the latch", () => {
  it("is not resized, split, moved or passed: BUSY, with nothing changed", () => {
    trees();
    become(2);
    become(1);
    const at = take(leaf, 30);
    latchedBy(2);
    const before = image();
    is(resize(at, 31), false, "resized", 0);
    isRefused(BUSY, 0, "resized", 0);
    same(split(at, 10), 0, "split", 0);
    isRefused(BUSY, 0, "split", 0);
    is(move(at, below), false, "moved", 0);
    isRefused(BUSY, 0, "moved", 0);
    is(pass(at, false) || pass(at, true), false, "passed", 0);
    isRefused(BUSY, 0, "passed", 0);
    isImage(before, "busy", 0);
    same(get32(H_BUDGET_LOCK), idOf(2), "holder", 0);
    store32(H_BUDGET_LOCK, 0);
    is(resize(at, 31) && split(at, 10) != 0 && move(at, below) && pass(at, true), true, "afterwards", 0);
    sound("afterwards", 0);
  });
});
