// Arena: raw blocks of a budget. What they are charged is what the budget's slabs and runs are long; they are found by free, by close and by check, and
// no budget ever gets a block of another's slab, whatever its hints say.

import { get32, get64, put32 } from "../memory";
import { load32, load64, store32 } from "../atomic";
import { allocIn, allocSlowIn, allocUnsafeIn } from "../arena";
import { pendingAlloc } from "../counters";
import { allocUnsafe, free, usableSize } from "../heap";
import { realloc } from "../resize";
import { lock } from "../lock";
import { closeBudget } from "../nodes";
import { slot } from "../owners";
import { auxAt, bitsAt, slabTag, wordAt } from "../pages";
import { classOf, classSize, geometry } from "../sizeclass";
import { letGo } from "../trim";
import {
  AUX_IN_FLIGHT,
  B_SLABS,
  GRAIN_BYTES,
  H_BUDGET_LOCK,
  H_LOCK,
  H_SPARE,
  KIND_BUDGET,
  OWNER_DEAD,
  S_REASON,
  T_MASK,
} from "../shared/layout";
import { CLASS_COUNT } from "../shared/limits";
import { BUDGET_GONE, BUSY, FULL, NEVER, OK, OVER_LIMIT } from "../shared/status";
import { become, idOf, is, isZero, same, setState, sound, trimNow } from "./lib";
import { isRefused, latchedBy, setLimit, stateOf, used } from "./tree";
import { bytesOfHead, empty, headOf, leaf, other, ownerOf, root, take, tree } from "./arenas";

describe("allocUnsafeIn", () => {
  it("takes blocks of every class from slabs that are the budget's, charged whole, to it and all above it", () => {
    tree(16, 2);
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
      const p = take(leaf, classSize(c));
      is(p != 0, true, "taken, class", c);
      same(usableSize(p), classSize(c), "usable, class", c);
      same(ownerOf(p), leaf, "whose, class", c);
      same(used(leaf), bytesOfHead(p), "used of the leaf, class", c);
      same(used(root), bytesOfHead(p), "used of the root, class", c);
      sound("while it lives, class", c);
      is(free(p), true, "freed, class", c);
      is(free(p), false, "freed again, class", c);
      empty("afterwards, class", c);
    }
  });

  it("takes runs that are charged by their length", () => {
    tree(16, 2);
    for (let bytes: u32 = 8193; bytes < 200000; bytes += 12345) {
      const p = take(leaf, bytes);
      is(p != 0, true, "taken", bytes);
      same(used(leaf), (bytes + GRAIN_BYTES - 1) & ~(GRAIN_BYTES - 1), "used", bytes);
      same(ownerOf(p), leaf, "whose", bytes);
      sound("while it lives", bytes);
      is(free(p), true, "freed", bytes);
      same(used(root), 0, "used afterwards", bytes);
    }
    empty("afterwards", 0);
  });

  it("goes on in one slab until it is full, then in the next", () => {
    tree(16, 2);
    const first = take(leaf, 64);
    const blocks = popcnt(load64(bitsAt(headOf(first))) & 0xffffffffffffff);
    const bytes = used(leaf);
    for (let i: u64 = 0; i < blocks; i++) same(headOf(take(leaf, 64)), headOf(first), "slab, block", i);
    same(used(leaf), bytes, "used", 0);
    is(headOf(take(leaf, 64)) != headOf(first), true, "another slab", 0);
    same(used(leaf), 2 * bytes, "used with another", 0);
    sound("afterwards", 0);
  });

  it("finds a block that was freed in a slab it has left", () => {
    tree(16, 2);
    const all = new Array<usize>();
    for (let i = 0; i < 400; i++) all.push(take(leaf, 64));
    const bytes = used(leaf);
    for (let i = 3; i < 400; i += 7) is(free(all[i]), true, "freed", i);
    for (let i = 3; i < 400; i += 7) {
      const p = take(leaf, 64);
      is(p != 0, true, "taken again", i);
      same(used(leaf), bytes, "used", i);
    }
    sound("afterwards", 0);
  });

  it("keeps what one budget has apart from what another has, in blocks of one size", () => {
    tree(16, 2);
    for (let i = 0; i < 300; i++) {
      const node = i % 3 == 0 ? leaf : i % 3 == 1 ? other : root;
      same(ownerOf(take(node, 48)), node, "whose, block", i);
    }
    sound("afterwards", 0);
  });

  it("never takes from another's slab, whatever its hint says, and puts the block back", () => {
    tree(16, 2);
    const theirs = take(other, 64);
    const before = load64(bitsAt(headOf(theirs)));
    put32(leaf + B_SLABS + ((<usize>classOf(64)) << 2), <u32>bitsAt(headOf(theirs)));
    const p = take(leaf, 64);
    same(ownerOf(p), leaf, "whose", 0);
    same(load64(bitsAt(headOf(theirs))), before, "the other's slab", 0);
    same(pendingAlloc(1), 0, "journal", 0);
    is(free(p) && free(theirs), true, "freed", 0);
    empty("afterwards", 0);
  });

  it("never takes from a slab of another kind or class by its hint", () => {
    tree(16, 2);
    const raw = allocUnsafe(64);
    const large = take(leaf, 256);
    for (let i = 0; i < 2; i++) {
      put32(leaf + B_SLABS + ((<usize>classOf(64)) << 2), <u32>bitsAt(headOf(i == 0 ? raw : large)));
      const p = take(leaf, 64);
      same(usableSize(p), 64, "usable", i);
      same(ownerOf(p), leaf, "whose", i);
      same(slabTag(load32(wordAt(headOf(p)))) & 3, KIND_BUDGET, "kind", i);
    }
    sound("afterwards", 0);
  });

  it("fills a budget of 100 KiB with at least 96 blocks of 1 KiB, and then says which budget has no room", () => {
    tree(16, 2);
    setLimit(leaf, 100 << 10);
    let count: u32 = 0;
    while (take(leaf, 1024) != 0) count++;
    is(count >= 96, true, "blocks", count);
    isRefused(OVER_LIMIT, leaf, "the next", count);
    is(used(leaf) <= 100 << 10, true, "used", used(leaf));
    sound("full", 0);
  });

  it("takes a smaller run where a whole slab does not fit", () => {
    tree(16, 2);
    setLimit(root, 1024);
    for (let c: u32 = 1; classSize(c) <= 1024; c++) {
      const p = take(leaf, classSize(c));
      is(p != 0, true, "taken, class", c);
      same(used(root), 1024, "used, class", c);
      is(free(p), true, "freed, class", c);
      trimNow();
      same(used(root), 0, "used afterwards, class", c);
    }
    same(take(leaf, 1025), 0, "more", 0);
    isRefused(NEVER, root, "more", 0);
    sound("afterwards", 0);
  });

  it("gives back what is empty before it refuses: its own of other sizes, and that of other budgets", () => {
    tree(16, 2);
    const theirs = take(other, 64);
    is(free(theirs), true, "freed", 0);
    is(used(root) > 0, true, "kept", used(root));
    setLimit(root, used(root));
    is(take(leaf, 64) != 0, true, "taken", 0);
    same(used(other), 0, "used of the other", 0);
    sound("afterwards", 0);
  });

  it("grants nothing in a budget that was closed", () => {
    tree(16, 2);
    const state = stateOf(leaf);
    same(closeBudget(leaf, state), OK, "close", 0);
    for (let bytes: u32 = 64; bytes < 100000; bytes *= 4) {
      same(allocUnsafeIn(leaf, state, bytes), 0, "taken", bytes);
      same(get32(slot + S_REASON), BUDGET_GONE, "reason", bytes);
    }
    empty("afterwards", 0);
  });

  it("answers FULL when the heap has no run, and BUSY when the latch is not to be had; nothing is taken or charged", () => {
    tree(4, 2);
    same(take(leaf, 4 << 20), 0, "larger than the region", 0);
    while (take(leaf, 60000) != 0) {}
    isRefused(FULL, 0, "full", 0);
    while (take(leaf, 1000) != 0) {}
    isRefused(FULL, 0, "full to the last block", 0);
    sound("full", 0);
    tree(4, 2);
    const state = stateOf(leaf);
    latchedBy(2);
    same(allocUnsafeIn(leaf, state, 64), 0, "taken", 0);
    same(get32(slot + S_REASON), BUSY, "reason", 0);
    store32(H_BUDGET_LOCK, 0);
    empty("afterwards", 0);
  });
});

describe("allocIn", () => {
  it("reads zero to the end of what may be used, also where others wrote before", () => {
    tree(4, 2);
    for (let round = 0; round < 2; round++) {
      for (let bytes: u32 = 1; bytes < 30000; bytes = bytes * 3 + 1) {
        const p = allocIn(leaf, stateOf(leaf), bytes, 1);
        isZero(p, usableSize(p), "bytes", bytes);
        memory.fill(p, 0xa5, usableSize(p));
        is(free(p), true, "freed", bytes);
      }
      trimNow();
    }
    empty("afterwards", 0);
  });

  it("keeps an alignment", () => {
    tree(16, 2);
    for (let align: u32 = 16; align <= 65536; align <<= 1) {
      for (let bytes: u32 = 1; bytes < 20000; bytes = bytes * 4 + 3) {
        const p = allocSlowIn(leaf, stateOf(leaf), bytes, align);
        same(p & (align - 1), 0, "place", align);
        is(usableSize(p) >= bytes, true, "usable", bytes);
        is(free(p), true, "freed", bytes);
      }
    }
    empty("afterwards", 0);
  });
});

describe("realloc", () => {
  it("stays in the budget, keeps what lay there, and charges what it has", () => {
    tree(16, 2);
    let p = take(leaf, 20);
    for (let bytes: u32 = 40; bytes < 100000; bytes = bytes * 2 + 7) {
      put32(p, bytes);
      p = realloc(p, bytes);
      is(p != 0, true, "moved", bytes);
      same(get32(p), bytes, "bytes", bytes);
      same(ownerOf(p), leaf, "whose", bytes);
      sound("moved", bytes);
    }
    for (let bytes: u32 = 50000; bytes > 10; bytes /= 3) p = realloc(p, bytes);
    is(free(p), true, "freed", 0);
    empty("afterwards", 0);
  });

  it("that does not fit leaves the block as it was", () => {
    tree(16, 2);
    const p = take(leaf, 20);
    setLimit(leaf, used(leaf));
    same(realloc(p, 9000), 0, "moved", 0);
    isRefused(NEVER, leaf, "why", 0);
    is(usableSize(p) >= 20, true, "usable", 0);
    sound("afterwards", 0);
  });
});

describe("who takes the page lock from the dead", () => {
  it("opens again what is charged and closed, keeps what was freed and is charged, and frees what is in flight", () => {
    tree(16, 2);
    const slab = take(leaf, 64);
    const run = take(leaf, 20000);
    const flying = take(leaf, 30000);
    const g = headOf(slab);
    is(free(slab), true, "freed", 0);
    memory.fill(bitsAt(g), 0, 8); // closed, and not yet off its budget
    const word = load32(wordAt(headOf(run)));
    store32(wordAt(headOf(run)), (word & ~T_MASK) | 4); // freed
    const bytes = used(leaf);
    // In flight: carved, and its charge not made; so it is off the counters here.
    store32(auxAt(headOf(flying)), AUX_IN_FLIGHT);
    setUsed(bytes - 30720);
    become(2);
    setState(2, OWNER_DEAD);
    store32(H_LOCK, idOf(2));
    become(1);
    same(lock(), OK, "lock", 0);
    same(load64(bitsAt(g)) & 0xffffffffffffff, get64(geometry(slabTag(load32(wordAt(g)))) + 16), "slab is open", 0);
    same(load32(H_SPARE), 1, "spare", 0);
    letGo();
    trimNow();
    same(used(leaf), 0, "used", 0);
    same(used(root), 0, "used of the root", 0);
  });
});

/** The counters of the leaf and the root, as if they had never been more. */
function setUsed(bytes: u64): void {
  setUsedOf(leaf, bytes);
  setUsedOf(root, bytes);
}

function setUsedOf(node: usize, bytes: u64): void {
  memory.copy(node + 24, changetype<usize>(one(bytes)), 8);
}

function one(value: u64): StaticArray<u64> {
  const box = new StaticArray<u64>(1);
  box[0] = value;
  return box;
}
