// Budget: what one charge does to the counters of all budgets from its own to the root, against sums that are made from the reservations
// alone. Chains of one to four budgets and all forests of four, each with every choice of minimums and of what is used of them.

import { get32, get64, put32, put64 } from "../memory";
import { charge, fall, refuseBy, rise, riseBeside } from "../budget";
import { budgetNumber } from "../nodes";
import { slot } from "../owners";
import { reserve } from "../reservation";
import {
  B_AFTER,
  B_FLAGS,
  B_ITEMS,
  B_ITEMS_AFTER,
  B_LIMIT,
  B_MIN,
  B_PARENT,
  B_PEAK,
  B_REFUSED,
  B_USED,
  FLAG_BELOW,
  FLAG_MIN,
  H_CHARGE,
  S_OUT,
} from "../shared/layout";
import { NEVER, OVER_ITEMS, OVER_LIMIT } from "../shared/status";
import { fresh, is, same, sound, text } from "./lib";
import {
  ANY,
  NONE,
  budget,
  counts,
  give,
  image,
  isImage,
  isRefused,
  items,
  peak,
  refusals,
  setItemsMax,
  setLimit,
  stateOf,
  take,
  used,
} from "./tree";

const COUNT = 4;
const nodes = new StaticArray<usize>(COUNT);
// Of each budget: its parent (−1: none), what it is made with, what is its own, and by the sums of I1 what is used and how many.
const parents = new StaticArray<i32>(COUNT);
const mins = new StaticArray<u64>(COUNT);
const owns = new StaticArray<u64>(COUNT);
const ownItems = new StaticArray<u32>(COUNT);
const sums = new StaticArray<u64>(COUNT);
const sumItems = new StaticArray<u32>(COUNT);

// How many forests of four budgets there are, each behind its parent: none, or one of those before it.
const FORESTS: u32 = 24;
// Units of bytes, so that sums pass 2^32, 2^40 and 2^53.
const SCALES: StaticArray<u64> = [1, 0xffffffff, (1 << 40) + 1, (1 << 51) + 3];
// What there is more to be charged, in units, below.
const MORE: StaticArray<u64> = [0, 1, 2, 5];

/** Four budgets in a fresh region. */
function four(): void {
  fresh(4, 2);
  for (let i = 0; i < COUNT; i++) nodes[i] = budget(0, i + 1, NONE, 0);
}

/** used = own + Σ max(used, min) over the children, which stand behind their parents. */
function addUp(): void {
  for (let i = 0; i < COUNT; i++) {
    sums[i] = owns[i];
    sumItems[i] = ownItems[i];
  }
  for (let i = COUNT - 1; i >= 0; i--) {
    if (parents[i] < 0) continue;
    sums[parents[i]] += max(sums[i], mins[i]);
    sumItems[parents[i]] += sumItems[i];
  }
}

/** Writes the sums into the budgets. */
function write(): void {
  addUp();
  for (let i = 0; i < COUNT; i++) {
    const node = nodes[i];
    put32(node + B_PARENT, parents[i] < 0 ? 0 : <u32>nodes[parents[i]]);
    put64(node + B_MIN, mins[i]);
    put32(node + B_FLAGS, (mins[i] == 0 ? 0 : FLAG_MIN) | FLAG_BELOW);
    put64(node + B_LIMIT, NONE);
    setItemsMax(node, ANY);
    put64(node + B_USED, sums[i]);
    put64(node + B_PEAK, sums[i] + 1);
    put32(node + B_ITEMS, sumItems[i]);
    put32(node + B_REFUSED, 0);
  }
}

/** Number `n` of 6^depth states of a chain of `depth` budgets, the deepest at depth − 1; how many there are. */
function chainState(depth: i32, n: u32, scale: u64): void {
  for (let i = 0; i < COUNT; i++) {
    const kind = i < depth ? n % 6 : 0;
    n /= 6;
    parents[i] = i == 0 || i >= depth ? -1 : i - 1;
    mins[i] = kind < 3 ? 0 : 4 * scale;
    ownItems[i] = kind % 3;
    owns[i] = kind % 3 == 0 ? 0 : kind % 3 == 1 ? 3 * scale : 7 * scale;
  }
  write();
}

function states(depth: i32): u32 {
  return depth == 0 ? 1 : 6 * states(depth - 1);
}

/** The counters say what the sums were when they were written. */
function isUntouched(before: StaticArray<u64>, beforeItems: StaticArray<u32>, what: string, where: u64): void {
  for (let i = 0; i < COUNT; i++) {
    const isSame = used(nodes[i]) == before[i] && items(nodes[i]) == beforeItems[i] && peak(nodes[i]) == before[i] + 1;
    if (!isSame) counts(nodes[i], before[i], beforeItems[i], before[i] + 1, what + ", budget " + text(i), where);
  }
}

/** What stands beside the counters of the first `depth` budgets is what the sums are now. */
function isAfter(depth: i32, what: string, where: u64): void {
  for (let i = 0; i < depth; i++) {
    const isSame = get64(nodes[i] + B_AFTER) == sums[i] && get32(nodes[i] + B_ITEMS_AFTER) == sumItems[i];
    if (isSame) continue;
    same(get64(nodes[i] + B_AFTER), sums[i], "after, budget " + text(i) + ", " + what, where);
    same(get32(nodes[i] + B_ITEMS_AFTER), sumItems[i], "items after, budget " + text(i) + ", " + what, where);
  }
}

/** The last rise answered this budget, and says why. */
function isRefusal(refuser: usize, node: usize, reason: u32, what: string, where: u64): void {
  same(refuser, node, what, where);
  refuseBy(refuser);
  isRefused(reason, node, what, where);
}

describe("rise", () => {
  it("writes beside the counters of each level what they become by one reservation more, and changes none", () => {
    four();
    for (let s = 0; s < SCALES.length; s++) {
      for (let depth = 1; depth <= (s == 0 ? COUNT : 3); depth++) {
        for (let n: u32 = 0; n < states(depth); n++) {
          for (let m = 0; m < MORE.length; m++) {
            chainState(depth, n, SCALES[s]);
            const before = sums.slice<StaticArray<u64>>();
            const beforeItems = sumItems.slice<StaticArray<u32>>();
            same(rise(nodes[depth - 1], MORE[m] * SCALES[s]), 0, "refuser", n);
            owns[depth - 1] += MORE[m] * SCALES[s];
            ownItems[depth - 1]++;
            addUp();
            isAfter(depth, "rise", n);
            isUntouched(before, beforeItems, "rise", n);
          }
        }
      }
    }
  });

  it("and a charge make each level what it becomes, and the peak no less", () => {
    four();
    for (let depth = 1; depth <= COUNT; depth++) {
      for (let n: u32 = 0; n < states(depth); n++) {
        for (let m = 0; m < MORE.length; m++) {
          chainState(depth, n, 1);
          const before = sums.slice<StaticArray<u64>>();
          rise(nodes[depth - 1], MORE[m]);
          charge(nodes[depth - 1], slot + S_OUT, n, slot + S_OUT + 16, 4321);
          same(get64(slot + S_OUT), n, "the word", n);
          same(get32(slot + S_OUT + 16), 4321, "the list", n);
          put32(slot + S_OUT + 16, 0);
          owns[depth - 1] += MORE[m];
          ownItems[depth - 1]++;
          addUp();
          for (let i = 0; i < COUNT; i++) {
            counts(nodes[i], sums[i], sumItems[i], max(before[i] + 1, sums[i]), "charged", n);
          }
          same(get32(H_CHARGE), 0, "journal", n);
        }
      }
    }
  });

  it("grants at each level what meets its limit exactly, and refuses one byte more there with the right reason", () => {
    four();
    for (let s = 0; s < SCALES.length; s++) {
      for (let depth = 1; depth <= (s == 0 ? COUNT : 3); depth++) {
        for (let n: u32 = 0; n < states(depth); n++) {
          for (let level = 0; level < depth; level++) isLimited(depth, n, SCALES[s], level);
        }
      }
    }
  });

  it("refuses as one that never fits what alone is more than a limit, and else as one that does not fit now", () => {
    four();
    for (let limit: u64 = 0; limit <= 8; limit++) {
      for (let own: u64 = 0; own <= 8; own++) {
        for (let more: u64 = 1; more <= 9; more++) {
          chainState(1, 0, 1);
          put64(nodes[0] + B_USED, own);
          setLimit(nodes[0], limit);
          const isGranted = own + more <= limit;
          if (isGranted) same(rise(nodes[0], more), 0, "refuser, more", more);
          else isRefusal(rise(nodes[0], more), nodes[0], more > limit ? NEVER : OVER_LIMIT, "more", more);
        }
      }
    }
  });

  it("grants the last item that a level may have, and refuses the one after it, of any size, in favour of the limit's reason", () => {
    four();
    for (let depth = 1; depth <= COUNT; depth++) {
      for (let n: u32 = 0; n < states(depth); n++) {
        for (let level = 0; level < depth; level++) {
          chainState(depth, n, 1);
          setItemsMax(nodes[level], sumItems[level] + 1);
          same(rise(nodes[depth - 1], n & 1), 0, "the last item, state", n);
          setItemsMax(nodes[level], sumItems[level]);
          for (let more: u64 = 0; more < 2; more++) {
            const isNever = sumItems[level] == 0;
            isRefusal(rise(nodes[depth - 1], more), nodes[level], isNever ? NEVER : OVER_ITEMS, "one more, state", n);
          }
          same(refusals(nodes[level]), 2, "refusals, state", n);
          isUntouched(sums, sumItems, "one more, state", n);
        }
      }
    }
    chainState(1, 0, 1);
    setLimit(nodes[0], 0);
    setItemsMax(nodes[0], 1);
    put32(nodes[0] + B_ITEMS, 1);
    isRefusal(rise(nodes[0], 1), nodes[0], NEVER, "limit and items", 0);
  });

  it("names of several levels without room the lowest", () => {
    four();
    for (let full: u32 = 1; full < 16; full++) {
      chainState(4, 0, 1);
      for (let i = 0; i < COUNT; i++) if ((full >> i) & 1) setLimit(nodes[i], 1);
      const lowest = 31 - clz(full);
      isRefusal(rise(nodes[3], 2), nodes[lowest], NEVER, "levels", full);
      for (let i = 0; i < COUNT; i++) same(refusals(nodes[i]), i == <i32>lowest ? 1 : 0, "refusals, levels", full);
    }
  });
});

/** At this level of the state the limit is met exactly by each amount, and by one byte more it is not. */
function isLimited(depth: i32, n: u32, scale: u64, level: i32): void {
  for (let m = 0; m < MORE.length; m++) {
    chainState(depth, n, scale);
    const before = sums.slice<StaticArray<u64>>();
    const node = nodes[level];
    const bytes = MORE[m] * scale;
    owns[depth - 1] += bytes;
    addUp();
    const more = sums[level] - before[level];
    setLimit(node, sums[level]);
    same(rise(nodes[depth - 1], bytes), 0, "refuser at the limit, state", n);
    if (sums[level] == 0) continue;
    setLimit(node, more == 0 ? 0 : sums[level] - 1);
    const refuser = rise(nodes[depth - 1], bytes);
    isUntouched(before, sumItems, "beyond, state", n);
    same(refusals(node), 0, "refusals before it is said, state", n);
    if (more == 0) same(refuser, 0, "refuser of nothing more, state", n);
    else
      isRefusal(refuser, node, isNever(depth, level, bytes, sums[level] - 1) ? NEVER : OVER_LIMIT, "beyond, state", n);
    same(refusals(node), more == 0 ? 0 : 1, "refusals, state", n);
    isUntouched(before, sumItems, "beyond, state", n);
  }
}

/** Whether this level's limit is passed by `bytes` bytes whatever is given back: no minimum further down covers them. */
function isNever(depth: i32, level: i32, bytes: u64, limit: u64): bool {
  let covered: u64 = 0;
  for (let below = level + 1; below < depth; below++) covered = max(covered, get64(nodes[below] + B_MIN));
  return bytes > limit && bytes > covered;
}

describe("fall", () => {
  it("writes beside the counters of each level what they become by so much less, and changes none", () => {
    four();
    for (let s = 0; s < SCALES.length; s++) {
      for (let depth = 1; depth <= (s == 0 ? COUNT : 3); depth++) {
        for (let n: u32 = 0; n < states(depth); n++) {
          for (let m = 0; m < MORE.length; m++) {
            chainState(depth, n, SCALES[s]);
            const less = min(MORE[m] * SCALES[s], owns[depth - 1]);
            const count = min<u32>(m & 1, ownItems[depth - 1]);
            const before = sums.slice<StaticArray<u64>>();
            const beforeItems = sumItems.slice<StaticArray<u32>>();
            fall(nodes[depth - 1], less, count);
            owns[depth - 1] -= less;
            ownItems[depth - 1] -= count;
            addUp();
            isAfter(depth, "fall", n);
            isUntouched(before, beforeItems, "fall", n);
          }
        }
      }
    }
  });
});

describe("riseBeside", () => {
  it("of one item alone is rise, and of none asks no budget how many items it may have", () => {
    four();
    for (let n: u32 = 0; n < states(3); n++) {
      for (let m = 0; m < MORE.length; m++) {
        for (let count: u32 = 0; count < 4; count++) {
          chainState(3, n, 1);
          for (let i = 0; count == 0 && i < COUNT; i++) setItemsMax(nodes[i], 0);
          same(riseBeside(nodes[2], MORE[m], count, 0, 0), 0, "refuser, state", n);
          owns[2] += MORE[m];
          ownItems[2] += count;
          addUp();
          isAfter(3, "riseBeside", n);
          if (count == 0) continue;
          setItemsMax(nodes[1], sumItems[1] - 1);
          const refuser = riseBeside(nodes[2], MORE[m], count, 0, 0);
          isRefusal(refuser, nodes[1], sumItems[1] == 1 ? NEVER : OVER_ITEMS, "items, state", n);
        }
      }
    }
  });

  it("after a fall makes of both paths, shared or not, what they are after a move, and no limit that is kept is in its way", () => {
    four();
    for (let n: u32 = 0; n < FORESTS << 12; n++) {
      forest(n);
      const from = (n >> 8) & 3;
      const to = (n >> 10) & 3;
      owns[from] += 3;
      ownItems[from]++;
      write();
      const most = sums.slice<StaticArray<u64>>();
      owns[from] -= 3;
      owns[to] += 3;
      ownItems[from]--;
      ownItems[to]++;
      addUp();
      for (let i = 0; i < COUNT; i++) {
        setLimit(nodes[i], max(most[i], sums[i]));
        setItemsMax(nodes[i], max<u32>(items(nodes[i]), sumItems[i]));
      }
      fall(nodes[from], 3, 1);
      same(riseBeside(nodes[to], 3, 1, nodes[from], 0), 0, "refuser, forest", n);
      for (let i = 0; i < COUNT; i++) {
        if (!isOnPath(i, from) && !isOnPath(i, to)) continue;
        same(get64(nodes[i] + B_AFTER), sums[i], "after, forest", n);
        same(get32(nodes[i] + B_ITEMS_AFTER), sumItems[i], "items after, forest", n);
      }
    }
  });

  it("after a fall is refused by a budget that is on its path alone and has no room, by its own reason", () => {
    four();
    for (let n: u32 = 0; n < FORESTS << 12; n += 3) {
      forest(n);
      const from = (n >> 8) & 3;
      const to = (n >> 10) & 3;
      owns[from] += 3;
      ownItems[from]++;
      write();
      const before = sums.slice<StaticArray<u64>>();
      owns[from] -= 3;
      owns[to] += 3;
      addUp();
      for (let i = 0; i < COUNT; i++) {
        if (!isOnPath(i, to) || isOnPath(i, from) || sums[i] == before[i]) continue;
        fall(nodes[from], 3, 1);
        setLimit(nodes[i], sums[i] - 1);
        const refuser = riseBeside(nodes[to], 3, 1, nodes[from], 0);
        isRefusal(refuser, nodes[i], sums[i] - before[i] > sums[i] - 1 ? NEVER : OVER_LIMIT, "forest", n);
        setLimit(nodes[i], NONE);
      }
    }
  });

  // A limit may be lowered below what is used; a charge that leaves the use as it is passes it, as a child's minimum does in rise.
  it("after a fall is not refused by a budget above both whose limit was lowered: what it uses does not rise", () => {
    four();
    chainState(1, 0, 1);
    parents[1] = 0;
    parents[2] = 0;
    owns[1] = 10;
    ownItems[1] = 1;
    write();
    setLimit(nodes[0], 9);
    fall(nodes[1], 10, 1);
    same(riseBeside(nodes[2], 10, 1, nodes[1], 0), 0, "refuser", 0);
  });
});

/** Forest number n >> 12, with a minimum or none (4 bits) and something of its own or nothing (4 bits) in each budget. */
function forest(n: u32): void {
  let which = n >> 12;
  for (let i = 0; i < COUNT; i++) {
    parents[i] = <i32>(which % (i + 1)) - 1;
    which /= i + 1;
    mins[i] = (n >> i) & 1 ? 4 : 0;
    owns[i] = (n >> (4 + i)) & 1 ? 2 : 0;
    ownItems[i] = (n >> (4 + i)) & 1;
  }
  addUp();
}

/** Whether budget `i` is budget `node` or above it. */
function isOnPath(i: i32, node: i32): bool {
  for (let at = node; at >= 0; at = parents[at]) if (at == i) return true;
  return false;
}

describe("a tree of budgets", () => {
  it("counts what is reserved in it, at every level and after every step of every short history, and its peak is the most that was", () => {
    fresh(4, 2);
    const root = budget(0, 1, 12, 0);
    const middle = budget(root, 2, 9, 4);
    const leaf = budget(middle, 3, NONE, 2);
    const held = new Array<usize>();
    const where = new Array<usize>();
    const bytes = new Array<u64>();
    for (let n: u32 = 0; n < 7776; n++) {
      put64(root + B_PEAK, used(root));
      put64(middle + B_PEAK, used(middle));
      let most: u64 = used(root);
      let mostBelow: u64 = used(middle);
      for (let step: u32 = 0, code = n; step < 5; step++) {
        const what = code % 6;
        code /= 6;
        if (what < 4) {
          const node = what == 0 ? root : what == 1 ? middle : leaf;
          const size: u64 = what == 3 ? 4 : 3;
          const at = reserve(node, stateOf(node), <f64>size, 0);
          if (at != 0) {
            held.push(at);
            where.push(node);
            bytes.push(size);
          }
        } else if (held.length > 0) {
          const which = what == 4 ? 0 : held.length - 1;
          is(give(held[which]), true, "given back, history", n);
          held.splice(which, 1);
          where.splice(which, 1);
          bytes.splice(which, 1);
        }
        const inLeaf = heldIn(where, bytes, leaf, false);
        const inMiddle = heldIn(where, bytes, middle, false) + max(inLeaf, 2);
        const inRoot = heldIn(where, bytes, root, false) + max(inMiddle, 4);
        most = max(most, inRoot);
        mostBelow = max(mostBelow, inMiddle);
        same(used(leaf), inLeaf, "leaf, history", n);
        counts(
          middle,
          inMiddle,
          items(leaf) + <u32>heldIn(where, bytes, middle, true),
          mostBelow,
          "middle, history",
          n,
        );
        counts(root, inRoot, held.length, most, "root, history", n);
        is(inRoot <= 12 && inMiddle <= 9, true, "limits, history", n);
      }
      while (held.length > 0) is(give(held.pop()), true, "given back at the end, history", n);
      where.length = 0;
      bytes.length = 0;
    }
    sound("histories", 0);
  });

  it("holds 2^53 bytes in one reservation and many times as much in all, exactly", () => {
    fresh(4, 2);
    const most: u64 = 1 << 53;
    const root = budget(0, 1, NONE, 0);
    const leaf = budget(root, 2, 5 * most + 1, 0);
    const one = take(leaf, 1);
    for (let i: u64 = 1; i <= 5; i++) {
      take(leaf, most);
      same(used(root), i * most + 1, "root", i);
      same(used(leaf), i * most + 1, "leaf", i);
    }
    const before = image();
    same(reserve(leaf, stateOf(leaf), 1, 0), 0, "one more", 0);
    isRefused(OVER_LIMIT, leaf, "one more", 0);
    isImage(before, "one more", 0);
    is(give(one), true, "given back", 0);
    same(<u64>budgetNumber(leaf, B_USED), 5 * most, "read from outside", 0);
    sound("large", 0);
  });
});

/** What is held in this budget: bytes, or (`isCount`) how many. */
function heldIn(where: Array<usize>, bytes: Array<u64>, node: usize, isCount: bool): u64 {
  let sum: u64 = 0;
  for (let i = 0; i < where.length; i++) if (where[i] == node) sum += isCount ? 1 : bytes[i];
  return sum;
}
