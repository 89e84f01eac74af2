// Check of the budgets: a tree in every state is passed, and each damage to it, made by hand, is reported with its code and its place.

import { get32, get64, put32, put64 } from "../memory";
import { store32, store64 } from "../atomic";
import { addChunk } from "../chunk";
import { newestChunk, nextChunk } from "../pool";
import { grains, maxOwners } from "../header";
import { intern } from "../names";
import { closeBudget } from "../nodes";
import { slot } from "../owners";
import { runWord, wordAt } from "../pages";
import { reservationPass, reserveOrWait } from "../reservation";
import {
  BUDGET_CLOSING,
  BUDGET_FREE,
  B_BAND_LOW,
  B_BAND_WIDTH,
  B_FLAGS,
  B_ITEMS,
  B_MIN,
  B_NEXT,
  B_PARENT,
  B_PEAK,
  B_STATE,
  B_USED,
  CHUNK_HEADER,
  CHUNK_NEXT,
  CLAIM_LEAVING,
  CLAIM_LIVE,
  CLAIM_SHARED,
  CLAIM_STATE_SHIFT,
  CLAIM_WAITING,
  FLAG_BELOW,
  FLAG_MIN,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  H_BUDGET_LOCK,
  H_CHARGE,
  H_NAMES,
  H_NODES,
  H_RECORDS,
  KIND_BLOCK,
  KIND_BUDGET,
  KIND_INTERNAL,
  KIND_RAW,
  NAME_BYTES,
  NAME_CHUNK_GRAINS,
  NODE_BYTES,
  NODE_CHUNK_GRAINS,
  OUT_PROBLEMS,
  OWNER_DEAD,
  OWNER_FREE,
  OWNER_LIVE,
  RECORD_CHUNK_GRAINS,
  RESERVATION_BYTES,
  S_OUT,
  T_FREED,
  T_RUN,
  V_BUDGET,
  V_BYTES,
  V_NEXT,
} from "../shared/layout";
import { BAD_BUDGET, BAD_POOL, BAD_RESERVATION, BUSY, OK } from "../shared/status";
import { become, checkAll, countOf, fresh, is, outWord, same, setState, sound } from "./lib";
import { reports, reportsOnly } from "./mixed";
import {
  NONE,
  budget,
  claim,
  freeElements,
  give,
  high,
  latchedBy,
  leaving,
  low,
  peak,
  stateOf,
  take,
  used,
} from "./tree";

const COUNT = 5;
/** A root; below it one with a minimum that is not used up, one with one that is, and one that is closing; another root. */
const nodes = new StaticArray<usize>(COUNT);
/** Reservations: live, of an owner that is dead, the region's, given back, and in the closing budget. */
const records = new StaticArray<usize>(COUNT);
/** A budget's place and a record that are free. */
let freeNode: usize = 0;
let freeRecord: usize = 0;

/** A state of every sort, in two chunks of budgets and of records each. Owner 1 acts, 2 is dead, 3 lives, 4 is nobody. */
function everySort(): void {
  fresh(8, 4);
  become(3);
  become(2);
  become(1);
  nodes[0] = budget(0, 1, NONE, 0);
  nodes[1] = budget(nodes[0], 2, NONE, 100);
  nodes[2] = budget(nodes[0], 3, NONE, 10);
  nodes[3] = budget(nodes[0], 4, NONE, 0);
  nodes[4] = budget(0, 5, 30, 0);
  freeNode = budget(0, 6, NONE, 0);
  same(closeBudget(freeNode, stateOf(freeNode)), OK, "closed", 0);
  records[0] = take(nodes[1], 40);
  become(2);
  records[1] = take(nodes[2], 50);
  setState(2, OWNER_DEAD);
  become(1);
  records[2] = take(nodes[0], 60);
  is(reservationPass(records[2], low(claim(records[2])), high(claim(records[2])), true), true, "shared", 0);
  records[3] = take(nodes[4], 25);
  records[4] = take(nodes[3], 80);
  freeRecord = take(nodes[0], 9);
  is(give(freeRecord), true, "given back", 0);
  same(claim(reserveOrWait(nodes[4], stateOf(nodes[4]), 20, 0)) >> CLAIM_STATE_SHIFT, CLAIM_WAITING, "waits", 0);
  put64(slot + S_OUT, 0x6162636465666768);
  is(intern(8, 1) != 0, true, "a name", 0);
  store64(nodes[3] + B_STATE, (0x103 << 32) | ((stateOf(nodes[3]) & ~3) | BUDGET_CLOSING));
  same(addChunk(H_NODES, NODE_CHUNK_GRAINS, NODE_BYTES, B_NEXT), OK, "a chunk of budgets", 0);
  same(addChunk(H_RECORDS, RECORD_CHUNK_GRAINS, RESERVATION_BYTES, V_NEXT), OK, "a chunk of records", 0);
  same(addChunk(H_NAMES, NAME_CHUNK_GRAINS, NAME_BYTES, 0), OK, "a chunk of names", 0);
  store64(records[3], leaving(claim(records[3])));
  sound("every sort", 0);
}

/** The budget's parent counts it another way: it uses more than its minimum, or uses as much now. */
function isSeenAbove(node: usize, was: u64, now: u64): bool {
  const least = get64(node + B_MIN);
  return get32(node + B_PARENT) != 0 && max(was, least) != max(now, least);
}

/** check() reports this code at these two places, and nothing else. */
function reportsBoth(code: u32, one: usize, two: usize, what: string): void {
  reports(code, <u32>one, what);
  reports(code, <u32>two, what);
  same(outWord(OUT_PROBLEMS), 2, "problems, " + what, code);
}

describe("a tree of budgets", () => {
  it("in every state is passed, and with nothing in it", () => {
    fresh(4, 2);
    sound("no budgets", 0);
    budget(0, 1, NONE, 5);
    sound("one budget", 0);
    everySort();
    same(used(nodes[0]), 100 + 50 + 80 + 60, "the root", 0);
    same(freeElements(H_NODES, B_NEXT) > 0 && freeElements(H_RECORDS, V_NEXT) > 0 ? 1 : 0, 1, "free ones", 0);
    setState(3, OWNER_DEAD);
    sound("another dead owner", 0);
  });

  it("is not looked at while another holds the latch", () => {
    everySort();
    latchedBy(3);
    same(checkAll(), BUSY, "status", 0);
    store32(H_BUDGET_LOCK, 0);
    give(records[0]);
    sound("afterwards", 0);
  });
});

describe("BAD_BUDGET", () => {
  it("is reported for each budget that says it uses more or less than its reservations and children do", () => {
    everySort();
    const others: StaticArray<u64> = [1, <u64>-1, 1 << 32, 1 << 62];
    for (let i = 0; i < COUNT; i++) {
      const was = used(nodes[i]);
      const most = peak(nodes[i]);
      put64(nodes[i] + B_PEAK, <u64>-1);
      for (let j = 0; j < others.length; j++) {
        put64(nodes[i] + B_USED, was + others[j]);
        if (isSeenAbove(nodes[i], was, was + others[j])) reportsBoth(BAD_BUDGET, nodes[i], nodes[0], "used");
        else reportsOnly(BAD_BUDGET, <u32>nodes[i], "used");
      }
      put64(nodes[i] + B_USED, was);
      put64(nodes[i] + B_PEAK, most);
    }
    sound("restored", 0);
  });

  it("is reported for each budget whose reservations say other bytes", () => {
    everySort();
    for (let i = 0; i < COUNT; i++) {
      const was = get64(records[i] + V_BYTES);
      for (let bit: u64 = 0; bit < 64; bit++) {
        put64(records[i] + V_BYTES, was ^ ((<u64>1) << bit));
        reportsOnly(BAD_BUDGET, get32(records[i] + V_BUDGET), "bytes");
      }
      put64(records[i] + V_BYTES, was);
    }
    sound("restored", 0);
  });

  it("is reported for each budget whose peak is below what it uses, and not for one whose peak is that", () => {
    everySort();
    for (let i = 0; i < COUNT; i++) {
      const most = peak(nodes[i]);
      put64(nodes[i] + B_PEAK, used(nodes[i]));
      sound("at its peak", i);
      put64(nodes[i] + B_PEAK, used(nodes[i]) - 1);
      reportsOnly(BAD_BUDGET, <u32>nodes[i], "peak");
      put64(nodes[i] + B_PEAK, most);
    }
  });

  it("is reported for each budget whose items are one more or less", () => {
    everySort();
    for (let i = 0; i < COUNT; i++) {
      for (let by = -1; by <= 1; by += 2) {
        put32(nodes[i] + B_ITEMS, get32(nodes[i] + B_ITEMS) + by);
        reportsOnly(BAD_BUDGET, <u32>nodes[i], "items");
        put32(nodes[i] + B_ITEMS, get32(nodes[i] + B_ITEMS) - by);
      }
    }
    sound("restored", 0);
  });

  it("is reported for the parent of a budget whose minimum is another, where that is more than it uses", () => {
    everySort();
    put32(nodes[0] + B_FLAGS, get32(nodes[0] + B_FLAGS) | FLAG_BELOW);
    for (let i = 1; i < 4; i++) {
      const least = get64(nodes[i] + B_MIN);
      const below = get32(nodes[i] + B_FLAGS) & FLAG_BELOW;
      for (let other: u64 = 0; other <= 200; other += 20) {
        put64(nodes[i] + B_MIN, other);
        put32(nodes[i] + B_FLAGS, below | (other == 0 ? 0 : FLAG_MIN));
        if (max(other, used(nodes[i])) == max(least, used(nodes[i]))) sound("as much", other);
        else reportsOnly(BAD_BUDGET, <u32>nodes[0], "minimum");
      }
      put64(nodes[i] + B_MIN, least);
      put32(nodes[i] + B_FLAGS, below | (least == 0 ? 0 : FLAG_MIN));
    }
  });

  it("is reported for each budget whose flags say otherwise than its minimum and its queue", () => {
    everySort();
    for (let i = 0; i < COUNT; i++) {
      for (let bit: u32 = 0; bit < 32; bit++) {
        if (1 << bit == FLAG_BELOW) continue; // only that it is missing is wrong
        put32(nodes[i] + B_FLAGS, get32(nodes[i] + B_FLAGS) ^ (1 << bit));
        reportsOnly(BAD_BUDGET, <u32>nodes[i], "flags");
        put32(nodes[i] + B_FLAGS, get32(nodes[i] + B_FLAGS) ^ (1 << bit));
      }
    }
    sound("restored", 0);
  });

  it("is reported for each budget that uses less or more than the band of its level", () => {
    everySort();
    for (let i = 0; i < COUNT; i++) {
      const use = used(nodes[i]);
      const width = get64(nodes[i] + B_BAND_WIDTH);
      put64(nodes[i] + B_BAND_LOW, use);
      put64(nodes[i] + B_BAND_WIDTH, 1);
      sound("just in it", i);
      put64(nodes[i] + B_BAND_WIDTH, 0);
      reportsOnly(BAD_BUDGET, <u32>nodes[i], "above");
      put64(nodes[i] + B_BAND_WIDTH, width);
      put64(nodes[i] + B_BAND_LOW, use + 1);
      reportsOnly(BAD_BUDGET, <u32>nodes[i], "below");
      put64(nodes[i] + B_BAND_LOW, 0);
    }
    sound("restored", 0);
  });

  it("is reported for a budget whose parent is free, or no budget", () => {
    everySort();
    // Nothing is in it, so nothing else is another way.
    const node = budget(nodes[0], 7, NONE, 0);
    sound("one with nothing in it", 0);
    const parents: StaticArray<usize> = [freeNode, nodes[0] + 8, newestChunk(H_NODES), records[0], 8];
    for (let i = 0; i < parents.length; i++) {
      put32(node + B_PARENT, <u32>parents[i]);
      reportsOnly(BAD_BUDGET, <u32>node, "parent");
    }
    put32(node + B_PARENT, 0);
    sound("a root", 0);
  });

  it("is reported at 0 for a charge that nobody finishes", () => {
    everySort();
    put32(H_CHARGE, 1);
    reportsOnly(BAD_BUDGET, 0, "journal");
  });
});

describe("BAD_RESERVATION", () => {
  it("is reported for a reservation of a budget that is free, or that is none", () => {
    everySort();
    const homes: StaticArray<usize> = [freeNode, 0, 8, nodes[0] + 64, newestChunk(H_NODES), records[1], 0xfffffff8];
    for (let i = 0; i < COUNT; i++) {
      const home = get32(records[i] + V_BUDGET);
      for (let j = 0; j < homes.length; j++) {
        put32(records[i] + V_BUDGET, <u32>homes[j]);
        reports(BAD_RESERVATION, <u32>records[i], "home");
        same(countOf(BAD_RESERVATION), 1, "of all", j);
        reports(BAD_BUDGET, home, "the budget that it was of");
      }
      put32(records[i] + V_BUDGET, home);
    }
    sound("restored", 0);
  });

  it("is reported for a live one of nobody, of no slot or of a free one, and not for the region's or one given back", () => {
    everySort();
    for (let i = 0; i < COUNT; i++) {
      const by = claim(records[i]);
      const state = <u32>(by >> CLAIM_STATE_SHIFT);
      for (let owner: u64 = 0; owner < 256; owner++) {
        store64(records[i], (by & ~(<u64>0xff)) | owner);
        const isSomeones = owner > 0 && owner < 4;
        if (isSomeones || state == CLAIM_SHARED || state == CLAIM_LEAVING) sound("owner", owner);
        else reports(BAD_RESERVATION, <u32>records[i], "owner");
      }
      store64(records[i], by);
    }
    setState(2, OWNER_FREE);
    reports(BAD_RESERVATION, <u32>records[1], "an owner that left");
    setState(2, OWNER_DEAD);
    // Behind the last slot no owner lives, whatever stands there.
    store64(records[0], (claim(records[0]) & ~(<u64>0xff)) | (maxOwners + 1));
    setState(maxOwners + 1, OWNER_LIVE);
    reports(BAD_RESERVATION, <u32>records[0], "no slot");
  });

  it("is reported for a claim in a state that no reservation has", () => {
    everySort();
    for (let i = 0; i < COUNT; i++) {
      const by = claim(records[i]);
      for (let state: u64 = 0; state < 16; state++) {
        if (state == CLAIM_WAITING) continue;
        store64(records[i], (by & (((<u64>1) << CLAIM_STATE_SHIFT) - 1)) | (state << CLAIM_STATE_SHIFT));
        const isHeld = state == CLAIM_LIVE || state == CLAIM_SHARED || state == CLAIM_LEAVING;
        if (isHeld) sound("state", state);
        else reports(BAD_RESERVATION, <u32>records[i], "state");
      }
      store64(records[i], by);
    }
  });

  it("is reported at 0 for one that waits in no queue", () => {
    everySort();
    const by = claim(records[0]);
    store64(records[0], by ^ ((<u64>(CLAIM_LIVE ^ CLAIM_WAITING)) << CLAIM_STATE_SHIFT));
    reports(BAD_RESERVATION, 0, "waits");
  });
});

// Of budgets and of records: the pool, the link in its free elements, a held element and a free one.
const POOLS: StaticArray<usize> = [H_NODES, H_RECORDS];
const LINKS: StaticArray<usize> = [B_NEXT, V_NEXT];

function heldOf(pool: i32): usize {
  return pool == 0 ? nodes[0] : records[0];
}

describe("BAD_POOL", () => {
  it("is reported for a free list that ends too early, where it ends", () => {
    everySort();
    for (let pool = 0; pool < 2; pool++) {
      const first = get32(POOLS[pool]);
      put32(POOLS[pool], 0);
      reportsOnly(BAD_POOL, 0, "empty");
      put32(POOLS[pool], first);
      for (let at = <usize>first; get32(at + LINKS[pool]) != 0;) {
        const next = get32(at + LINKS[pool]);
        put32(at + LINKS[pool], 0);
        reportsOnly(BAD_POOL, 0, "cut");
        put32(at + LINKS[pool], next);
        at = <usize>next;
      }
    }
    sound("restored", 0);
  });

  it("is reported for a free list that leads in a circle, from each element to each before it and to itself", () => {
    everySort();
    for (let pool = 0; pool < 2; pool++) {
      let steps = 0;
      for (let at = <usize>get32(POOLS[pool]); at != 0;) {
        const next = get32(at + LINKS[pool]);
        for (let to = <usize>get32(POOLS[pool]); ; to = <usize>get32(to + LINKS[pool])) {
          const isSelf = to == at;
          put32(at + LINKS[pool], <u32>to);
          same(checkAll(), OK, "check", steps);
          is(outWord(OUT_PROBLEMS) == 1 && countOf(BAD_POOL) == 1, true, "reported alone", steps);
          put32(at + LINKS[pool], next);
          if (isSelf) break;
        }
        at = <usize>next;
        // All of the first elements, and then some: pairs of all would be thousands.
        for (let skip = 0; steps > 5 && skip < 11 && at != 0; skip++) at = <usize>get32(at + LINKS[pool]);
        steps++;
      }
    }
    sound("restored", 0);
  });

  it("is reported for a free list that leads to what is no element, where that is", () => {
    everySort();
    for (let pool = 0; pool < 2; pool++) {
      const chunk = newestChunk(POOLS[pool]);
      const first = <usize>get32(POOLS[pool]);
      const next = get32(first + LINKS[pool]);
      const places: StaticArray<usize> = [
        8,
        chunk,
        first + 8,
        first + 1,
        heldOf(1 - pool),
        chunk + GRAIN_BYTES * 8,
        0xfffffff8,
      ];
      for (let i = 0; i < places.length; i++) {
        put32(first + LINKS[pool], <u32>places[i]);
        reportsOnly(BAD_POOL, <u32>places[i], "link");
        put32(first + LINKS[pool], next);
        put32(POOLS[pool], <u32>places[i]);
        reportsOnly(BAD_POOL, <u32>places[i], "first");
        put32(POOLS[pool], <u32>first);
      }
    }
    sound("restored", 0);
  });

  it("is reported for a free list with one element too many, and for one with a held element in a free one's place", () => {
    everySort();
    for (let pool = 0; pool < 2; pool++) {
      const first = get32(POOLS[pool]);
      const held = heldOf(pool);
      const was = get32(held + LINKS[pool]);
      put32(held + LINKS[pool], first);
      put32(POOLS[pool], <u32>held);
      same(checkAll(), OK, "check", pool);
      is(outWord(OUT_PROBLEMS) == 1 && countOf(BAD_POOL) == 1, true, "one too many, alone", pool);
      put32(held + LINKS[pool], get32(first + LINKS[pool]));
      same(checkAll(), OK, "check", pool);
      is(outWord(OUT_PROBLEMS) == 1 && countOf(BAD_POOL) == 1, true, "in a free one's place, alone", pool);
      put32(held + LINKS[pool], was);
      put32(POOLS[pool], first);
    }
    sound("restored", 0);
  });

  it("is reported for a free element that is in no list: a budget's place or a record without a holder", () => {
    everySort();
    put32(nodes[4] + B_STATE, stateOf(nodes[4]) & ~3);
    reports(BAD_POOL, 0, "a budget's place");
    everySort();
    store64(records[0], 0);
    reports(BAD_POOL, 0, "a record");
  });

  it("is reported for each chunk, newest and older, whose grains say that they are no run of ours, and then nothing in it is looked at", () => {
    everySort();
    const pools: StaticArray<usize> = [H_NODES, H_RECORDS, H_NAMES];
    for (let pool = 0; pool < 3; pool++) {
      for (let chunk = newestChunk(pools[pool]); chunk != 0; chunk = nextChunk(chunk)) {
        const at = wordAt(<u32>(chunk >>> GRAIN_SHIFT));
        const word = get32(at);
        const length = word >>> 5;
        const others: StaticArray<u32> = [
          0,
          runWord(T_RUN, KIND_RAW, length),
          runWord(T_RUN, KIND_BUDGET, length),
          runWord(T_RUN, KIND_BLOCK, length),
          runWord(T_FREED, KIND_INTERNAL, length),
        ];
        for (let i = 0; i < others.length; i++) {
          put32(at, others[i]);
          reports(BAD_POOL, <u32>chunk, "word");
          same(countOf(BAD_POOL), 1, "of all", i);
        }
        put32(at, word);
      }
    }
    sound("restored", 0);
  });

  it("is reported for a pool, and a chunk, that lead to no chunk, wherever that is", () => {
    everySort();
    const pools: StaticArray<usize> = [H_NODES, H_RECORDS, H_NAMES];
    const places: StaticArray<u32> = [GRAIN_BYTES, (grains - 1) << GRAIN_SHIFT, grains << GRAIN_SHIFT, 0xfffffc00];
    for (let pool = 0; pool < 3; pool++) {
      const newest = newestChunk(pools[pool]);
      const older = get32(newest + CHUNK_NEXT);
      is(older != 0, true, "two chunks", pool);
      for (let i = 0; i < places.length; i++) {
        put32(pools[pool] + 4, places[i]);
        reportsOnly(BAD_POOL, places[i], "pool");
        put32(pools[pool] + 4, <u32>newest);
        put32(newest + CHUNK_NEXT, places[i]);
        reportsOnly(BAD_POOL, places[i], "chunk");
        put32(newest + CHUNK_NEXT, older);
      }
    }
    sound("restored", 0);
    same(get32(newestChunk(H_NODES) + CHUNK_HEADER) & 3, BUDGET_FREE, "the newest chunk's first", 0);
  });
});
