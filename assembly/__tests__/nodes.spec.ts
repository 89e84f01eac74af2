// Nodes: budgets are opened, found again and changed; and what is refused, with which reason and nothing changed. The budgets' places are
// used again under other state words, in as many chunks as there are budgets.

import { get32, get64, put32, put64 } from "../memory";
import { newestChunk, nextChunk } from "../pool";
import { takeLarge } from "../heap";
import { budgetNumber, closeBudget, openBudget, setBudgetLimit } from "../nodes";
import { slot } from "../owners";
import { reserve } from "../reservation";
import {
  BUDGET_FREE,
  BUDGET_OPEN,
  B_BYPASS,
  B_CLOSER,
  B_DEPTH,
  B_ITEMS_MAX,
  B_LIMIT,
  B_MIN,
  B_NAME,
  B_NEXT,
  B_PARENT,
  B_PRIORITY,
  B_SOFT,
  CHUNK_HEADER,
  GRAIN_BYTES,
  GRAIN_SHIFT,
  H_NODES,
  KIND_RAW,
  NODE_BYTES,
  NODE_CHUNK_GRAINS,
  OPENED_BEFORE,
  OPENED_STATE,
  OPEN_ITEMS_MAX,
  OPEN_LIMIT,
  OPEN_MIN,
  OPEN_BYPASS,
  OPEN_PRIORITY,
  OPEN_SOFT,
  S_OUT,
} from "../shared/layout";
import { BUDGET_DEPTH_MAX } from "../shared/limits";
import { BUDGET_GONE, BUSY, FULL, NEVER, OK, OVER_LIMIT, TOO_DEEP } from "../shared/status";
import { become, fresh, is, longestRun, outWord, same, smallHeap, sound } from "./lib";
import {
  ANY,
  NONE,
  budget,
  counts,
  freeElements,
  give,
  image,
  isAtRest,
  isImage,
  isRefused,
  latchedBy,
  limits,
  refusals,
  setLimit,
  stateOf,
  take,
  used,
} from "./tree";

const NODES_OF_CHUNK: u32 = (NODE_CHUNK_GRAINS * GRAIN_BYTES - CHUNK_HEADER) / NODE_BYTES;

function open(parent: usize, name: u32): usize {
  return openBudget(parent, parent == 0 ? 0 : stateOf(parent), name);
}

function close(node: usize): u32 {
  return closeBudget(node, stateOf(node));
}

describe("openBudget", () => {
  it("makes a budget of what stands in S_OUT, and says its state there", () => {
    fresh(4, 2);
    const parent = budget(0, 1, NONE, 0);
    const out = slot + S_OUT;
    put64(out + (OPEN_LIMIT << 2), (1 << 41) + 5);
    put64(out + (OPEN_MIN << 2), (1 << 33) + 6);
    put64(out + (OPEN_SOFT << 2), (1 << 34) + 7);
    put32(out + (OPEN_ITEMS_MAX << 2), 8);
    put32(out + (OPEN_PRIORITY << 2), <u32>-9);
    put32(out + (OPEN_BYPASS << 2), 10);
    const node = open(parent, 77);
    same(outWord(OPENED_BEFORE), 0, "was open", 0);
    same(outWord(OPENED_STATE), stateOf(node), "state", 0);
    same(stateOf(node) & 3, BUDGET_OPEN, "is open", 0);
    same(get32(node + B_PARENT), parent, "parent", 0);
    same(get32(node + B_NAME), 77, "name", 0);
    same(get32(node + B_DEPTH), 2, "depth", 0);
    same(get64(node + B_LIMIT), (1 << 41) + 5, "limit", 0);
    same(get64(node + B_MIN), (1 << 33) + 6, "min", 0);
    same(get64(node + B_SOFT), (1 << 34) + 7, "soft", 0);
    same(get32(node + B_ITEMS_MAX), 8, "items", 0);
    same(get32(node + B_PRIORITY), <u32>-9, "priority", 0);
    same(get32(node + B_BYPASS), 10, "bypass", 0);
    counts(node, 0, 0, 0, "new", 0);
    counts(parent, (1 << 33) + 6, 0, (1 << 33) + 6, "its parent", 0);
    same(<u64>budgetNumber(node, B_LIMIT), (1 << 41) + 5, "read from outside", 0);
    isAtRest("opened", 0);
    sound("opened", 0);
  });

  it("finds the one of this name below this parent, as it is, and no other's", () => {
    fresh(4, 2);
    const one = budget(0, 1, 100, 0);
    const two = budget(0, 2, NONE, 0);
    const inOne = budget(one, 5, 50, 10);
    const inTwo = budget(two, 5, 60, 0);
    is(inOne != inTwo && one != two, true, "four", 0);
    take(inOne, 20);
    become(2);
    limits(7, 7, 7);
    const before = image();
    same(open(one, 5), inOne, "in one", 0);
    same(outWord(OPENED_BEFORE), 1, "was open", 0);
    same(outWord(OPENED_STATE), stateOf(inOne), "state", 0);
    same(open(two, 5), inTwo, "in two", 0);
    same(open(0, 2), two, "a root", 0);
    isImage(before, "found", 0);
    is(budget(0, 5, NONE, 0) != inOne, true, "a root of the same name", 0);
  });

  it("finds what is open also when there is no place for another", () => {
    smallHeap(12, 2);
    const first = budget(0, 1, NONE, 0);
    for (let i: u32 = 2; i <= NODES_OF_CHUNK; i++) budget(0, i, NONE, 0);
    is(takeLarge(longestRun() << GRAIN_SHIFT, 1, KIND_RAW) != 0, true, "the rest of the heap", 0);
    same(open(0, 1), first, "found", 0);
    same(outWord(OPENED_BEFORE), 1, "was open", 0);
  });

  it("is refused below a budget that is closed, closing or known by another state word, with nothing changed", () => {
    fresh(4, 2);
    const parent = budget(0, 1, NONE, 0);
    const child = budget(parent, 2, NONE, 0);
    const before = image();
    for (let bit: u32 = 0; bit < 32; bit++) {
      same(openBudget(parent, stateOf(parent) ^ (1 << bit), 3), 0, "opened, bit", bit);
      isRefused(BUDGET_GONE, 0, "bit", bit);
      same(openBudget(parent, stateOf(parent) ^ (1 << bit), 2), 0, "found, bit", bit);
    }
    isImage(before, "refused", 0);
    isAtRest("refused", 0);
    const known = stateOf(child);
    same(close(child), OK, "closed", 0);
    same(openBudget(child, known, 3), 0, "below a closed one", 0);
    isRefused(BUDGET_GONE, 0, "below a closed one", 0);
  });

  it("goes as deep as a tree may be, and no deeper", () => {
    fresh(4, 2);
    let node: usize = 0;
    for (let depth: u32 = 1; depth <= <u32>BUDGET_DEPTH_MAX; depth++) {
      node = budget(node, 1, NONE, 0);
      same(get32(node + B_DEPTH), depth, "depth", depth);
    }
    const before = image();
    limits(NONE, 0, ANY);
    same(open(node, 1), 0, "too deep", 0);
    isRefused(TOO_DEEP, 0, "too deep", 0);
    isImage(before, "too deep", 0);
    isAtRest("too deep", 0);
    take(node, 9);
    for (let up = node; up != 0; up = <usize>get32(up + B_PARENT)) counts(up, 9, 1, 9, "level", get32(up + B_DEPTH));
    sound("deep", 0);
  });

  it("charges the minimum to all above as far as their own minimums do not hold it, and closing takes it off again", () => {
    for (let above: u64 = 0; above <= 60; above += 10) {
      for (let least: u64 = 0; least <= 60; least += 5) {
        fresh(4, 2);
        const root = budget(0, 1, NONE, 0);
        const middle = budget(root, 2, NONE, above);
        take(middle, 15);
        same(used(root), max<u64>(15, above), "root before", least);
        const leaf = budget(middle, 3, NONE, least);
        counts(middle, 15 + least, 1, 15 + least, "middle", least);
        counts(root, max(above, 15 + least), 1, max(above, 15 + least), "root", least);
        sound("opened", least);
        same(close(leaf), OK, "closed", least);
        counts(middle, 15, 1, 15 + least, "middle afterwards", least);
        counts(root, max<u64>(15, above), 1, max(above, 15 + least), "root afterwards", least);
        sound("closed", least);
      }
    }
  });

  it("is refused where the minimum has no room above, at any level, with nothing changed, and is not an item", () => {
    for (let level = 0; level < 2; level++) {
      fresh(4, 2);
      const root = budget(0, 1, NONE, 0);
      const middle = budget(root, 2, NONE, 0);
      take(middle, 15);
      const node = level == 0 ? middle : root;
      put32(node + B_ITEMS_MAX, 1);
      setLimit(node, 34);
      const before = image();
      limits(NONE, 20, ANY);
      same(open(middle, 3), 0, "opened", level);
      isRefused(OVER_LIMIT, node, "no room", level);
      isImage(before, "no room", level);
      same(refusals(node), 1, "refusals", level);
      limits(NONE, 35, ANY);
      same(open(middle, 3), 0, "opened", level);
      isRefused(NEVER, node, "never", level);
      limits(NONE, 19, ANY);
      is(open(middle, 3) != 0, true, "exactly", level);
      counts(node, 34, 1, 34, "exactly", level);
      sound("exactly", level);
    }
  });

  it("is BUSY while another holds the latch", () => {
    fresh(4, 2);
    budget(0, 1, NONE, 0);
    become(2);
    become(1);
    latchedBy(2);
    const before = image();
    limits(NONE, 0, ANY);
    same(open(0, 2), 0, "opened", 0);
    isRefused(BUSY, 0, "opened", 0);
    same(open(0, 1), 0, "found", 0);
    isImage(before, "busy", 0);
  });
});

describe("the places of budgets", () => {
  it("are as many as are needed, in chunks that are added when none is free, and all are told apart", () => {
    fresh(4, 2);
    const root = budget(0, 1, NONE, 0);
    let last: usize = root;
    // One place of the last chunk stays free.
    const count: u32 = 4 * NODES_OF_CHUNK - 1;
    for (let i: u32 = 1; i < count; i++) {
      const older = newestChunk(H_NODES);
      const node = budget(root, 1 + i, NONE, 3);
      if (i % NODES_OF_CHUNK == 0) {
        is(newestChunk(H_NODES) != older && nextChunk(newestChunk(H_NODES)) == older, true, "a new chunk", i);
        same(node, newestChunk(H_NODES) + CHUNK_HEADER, "its first place", i);
        same(freeElements(H_NODES, B_NEXT), NODES_OF_CHUNK - 1, "free places", i);
      } else same(node, last + NODE_BYTES, "the next place", i);
      last = node;
    }
    same(used(root), (count - 1) * 3, "used", 0);
    for (let i: u32 = 1; i < count; i++) {
      const node = open(root, 1 + i);
      same(outWord(OPENED_BEFORE), 1, "found again", i);
      same(get32(node + B_NAME), 1 + i, "name", i);
    }
    sound("four chunks", 0);
    for (let i: u32 = 1; i < count; i++) same(close(open(root, 1 + i)), OK, "closed", i);
    same(freeElements(H_NODES, B_NEXT), count, "free afterwards", 0);
    counts(root, 0, 0, (count - 1) * 3, "root afterwards", 0);
    sound("closed", 0);
  });

  it("are used again under a new state word each time; what knows an older one finds nothing", () => {
    fresh(4, 2);
    const root = budget(0, 1, NONE, 0);
    const node = budget(root, 2, NONE, 10);
    const states = new Array<u32>();
    for (let life = 0; life < 50; life++) {
      states.push(stateOf(node));
      for (let old = 0; old < life; old++) is(states[old] != stateOf(node), true, "a new state word, life", life);
      take(node, 20);
      limits(1000 + life, 10, ANY);
      same(close(node), OK, "closed, life", life);
      same(stateOf(node) & 3, BUDGET_FREE, "free, life", life);
      same(get32(node + B_CLOSER), 0, "closer, life", life);
      limits(1000 + life, 10, ANY);
      same(open(root, 2), node, "the same place, life", life);
      same(outWord(OPENED_BEFORE), 0, "was open, life", life);
      same(get64(node + B_LIMIT), 1000 + life, "limit, life", life);
      counts(node, 0, 0, 0, "life", life);
      same(refusals(node), 0, "refusals, life", life);
    }
    const before = image();
    for (let old = 0; old < states.length; old++) {
      same(reserve(node, states[old], 1, 0), 0, "reserved, life", old);
      isRefused(BUDGET_GONE, 0, "reserved, life", old);
      same(openBudget(node, states[old], 3), 0, "opened, life", old);
      is(setBudgetLimit(node, states[old], 1), false, "limit, life", old);
      isRefused(BUDGET_GONE, 0, "limit, life", old);
      same(closeBudget(node, states[old]), BUDGET_GONE, "closed, life", old);
    }
    isImage(before, "older state words", 0);
    sound("older state words", 0);
  });

  it("are not found: FULL, with nothing changed, when the heap has no room for another chunk", () => {
    smallHeap(12, 2);
    const first = budget(0, 1, NONE, 0);
    for (let i: u32 = 2; i <= NODES_OF_CHUNK; i++) budget(0, i, NONE, 0);
    is(takeLarge(longestRun() << GRAIN_SHIFT, 1, KIND_RAW) != 0, true, "the rest of the heap", 0);
    const before = image();
    limits(NONE, 0, ANY);
    same(open(0, NODES_OF_CHUNK + 1), 0, "one more", 0);
    isRefused(FULL, 0, "one more", 0);
    isImage(before, "one more", 0);
    isAtRest("one more", 0);
    same(close(first), OK, "closed", 0);
    same(budget(0, NODES_OF_CHUNK + 1, NONE, 0), first, "in the place that is free then", 0);
  });
});

describe("setBudgetLimit", () => {
  it("changes the limit, also below what is used, which stays; from then on nothing is granted that raises it", () => {
    for (let limit: u64 = 0; limit <= 60; limit++) {
      fresh(4, 2);
      const root = budget(0, 1, NONE, 0);
      const leaf = budget(root, 2, 50, 10);
      const at = take(leaf, 30);
      is(setBudgetLimit(leaf, stateOf(leaf), <f64>limit), true, "set", limit);
      same(get64(leaf + B_LIMIT), limit, "limit", limit);
      counts(leaf, 30, 1, 30, "used", limit);
      counts(root, 30, 1, 30, "root", limit);
      is(reserve(leaf, stateOf(leaf), 1, 0) != 0, limit >= 31, "a byte more", limit);
      is(reserve(leaf, stateOf(leaf), 0, 0) != 0, true, "an item of nothing", limit);
      is(give(at), true, "given back", limit);
      isAtRest("set", limit);
      sound("set", limit);
    }
  });

  it("takes whatever is 2^53 or more for no limit, and every number below as it is", () => {
    fresh(4, 2);
    const node = budget(0, 1, NONE, 0);
    const most: f64 = 9007199254740992;
    const values: StaticArray<f64> = [0, 1, 4294967295, 4294967296, 1099511627777, most - 1, most, most * 2, Infinity];
    for (let i = 0; i < values.length; i++) {
      is(setBudgetLimit(node, stateOf(node), values[i]), true, "set", i);
      same(get64(node + B_LIMIT), values[i] < most ? <u64>values[i] : NONE, "limit", i);
    }
  });

  it("is refused for a budget that is gone, and while another holds the latch", () => {
    fresh(4, 2);
    const node = budget(0, 1, 10, 0);
    for (let bit: u32 = 0; bit < 32; bit++) {
      is(setBudgetLimit(node, stateOf(node) ^ (1 << bit), 99), false, "bit", bit);
      isRefused(BUDGET_GONE, 0, "bit", bit);
    }
    become(2);
    become(1);
    latchedBy(2);
    is(setBudgetLimit(node, stateOf(node), 99), false, "held", 0);
    isRefused(BUSY, 0, "held", 0);
    same(get64(node + B_LIMIT), 10, "limit", 0);
  });
});
