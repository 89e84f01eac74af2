// Owners: each transition of a slot's state word, and the ids that come out of it.

import { get32, get64, put32, put64 } from "../memory";
import { load32, store32 } from "../atomic";
import {
  isDead,
  isLiving,
  isPast,
  join,
  leave,
  markDead,
  mayBlock,
  me,
  otherOwners,
  ownerState,
  release,
  slot,
  slotOf,
  waitMs,
} from "../owners";
import { classSize, geometry } from "../sizeclass";
import {
  B_TAG_SHIFT,
  KIND_BLOCK,
  OWNER_DEAD,
  OWNER_FREE,
  OWNER_JOINING,
  OWNER_LIVE,
  C_BYTES,
  C_RECIPROCAL,
  R_BYTES,
  R_RECIPROCAL,
  R_SIZE,
  R_SLAB,
  R_TAG,
  R_TOP,
  SLOTS,
  SLOT_BYTES,
  S_ALLOC,
  S_BLOCK_HINTS,
  S_GIVEN,
  S_MOVED,
  S_BLOCK_HINT_SHIFT,
  S_BUMP,
  S_FREE,
  S_HINTS,
  S_HINT_SHIFT,
  S_IDLE,
  S_REASON,
  S_SEQUENCE,
  S_STATE,
} from "../shared/layout";
import { CLASS_COUNT } from "../shared/limits";
import { NOT_LIVE, OK, OWNER_ALIVE } from "../shared/status";
import { become, fresh, is, same, setState, text } from "./lib";

describe("join", () => {
  it("hands out each slot once, in order, and 0 when none is free", () => {
    fresh(8, 5);
    for (let index: u32 = 2; index <= 5; index++) {
      same(join(false, 0, 0), 0x100 | index, "id", index);
      same(me, index, "me", index);
      same(slot, slotOf(index), "slot", index);
      same(ownerState(index), OWNER_LIVE, "state", index);
      same(otherOwners(), index - 1, "others", index);
    }
    same(join(false, 0, 0), 0, "id when all slots are taken", 0);
    same(me, 5, "me after a refusal", 0);
  });

  it("takes only free slots: neither a dead owner's nor one that is being handed out", () => {
    fresh(8, 3);
    setState(1, OWNER_DEAD);
    setState(2, OWNER_JOINING);
    same(join(false, 0, 0), 0x103, "id", 0);
    same(join(false, 0, 0), 0, "id when the rest is dead or joining", 0);
  });

  it("raises the generation each time a slot is handed out, and wraps it within 23 bits", () => {
    fresh(8, 1);
    leave();
    for (let generation: u32 = 2; generation <= 40; generation++) {
      same(join(false, 0, 0), (generation << 8) | 1, "id", generation);
      leave();
    }
    store32(SLOTS + SLOT_BYTES + S_STATE, (0x7fffff << 2) | OWNER_FREE);
    const id = join(false, 0, 0);
    same(id, (1 << 8) | 1, "id after the last generation: 0 is nobody's", 0);
    same(load32(SLOTS + SLOT_BYTES + S_STATE), (1 << 2) | OWNER_LIVE, "state word after the last generation", 0);
    leave();
    is(isPast(id), true, "past", id);
  });

  it("gives a slot in which nothing is said of what a call of the one before had given back, or moved", () => {
    fresh(8, 1);
    put32(slot + S_GIVEN, 4096);
    put32(slot + S_MOVED, 8192);
    leave();
    join(false, 0, 0);
    same(get32(slot + S_GIVEN), 0, "given back", 0);
    same(get32(slot + S_MOVED), 0, "moved", 0);
  });

  it("gives an id that is a positive signed number in the last generation too", () => {
    fresh(8, 1);
    leave();
    store32(SLOTS + SLOT_BYTES + S_STATE, (0x7ffffe << 2) | OWNER_FREE);
    is(<i32>join(false, 0, 0) > 0, true, "positive", 0);
  });

  it("keeps what the thread said about sleeping", () => {
    fresh(8, 2);
    is(mayBlock, false, "the creator", 1);
    join(true, 7, 0);
    is(mayBlock, true, "the second", 2);
    same(waitMs, 7, "milliseconds of the second", 2);
  });

  it("resets every hint, and neither counters nor the sequence of claims", () => {
    fresh(8, 2);
    const at = slotOf(2);
    memory.fill(at + 8, 0xff, SLOT_BYTES - 8);
    put64(at + S_ALLOC, 77);
    put64(at + S_FREE, 33);
    put64(at + S_SEQUENCE, 99);
    join(false, 0, 0);
    same(get64(at + S_ALLOC), 77, "allocated", 0);
    same(get64(at + S_FREE), 33, "freed", 0);
    same(get64(at + S_SEQUENCE), 99, "sequence", 0);
    same(get32(at + S_BUMP) | get32(at + S_IDLE) | get32(at + S_REASON), 0, "bump, idle, reason", 0);
    for (let c: usize = 1; c <= <usize>CLASS_COUNT; c++) {
      const raw = at + S_HINTS + (c << S_HINT_SHIFT);
      same(get64(raw + R_TAG), (<u64>c) << (B_TAG_SHIFT + 2), "raw tag of class", c);
      const shape = geometry((<u32>c) << 2);
      same(get32(raw + R_SIZE), classSize(<u32>c), "block size of class", c);
      same(get32(raw + R_RECIPROCAL), get32(shape + C_RECIPROCAL), "reciprocal of class", c);
      same(get32(raw + R_BYTES), get32(shape + C_BYTES), "bytes of class", c);
      same(get32(raw + R_SLAB) | get32(raw + R_TOP), 0, "raw slab and stack of class", c);
      const block = at + S_BLOCK_HINTS + (c << S_BLOCK_HINT_SHIFT);
      same(get64(block + R_TAG), (((<u64>c) << 2) | KIND_BLOCK) << B_TAG_SHIFT, "Block tag of class", c);
      same(get32(block + R_SLAB), 0, "Block slab of class", c);
    }
  });
});

describe("leave", () => {
  it("frees the slot, keeps its generation, and leaves this instance attached to nothing", () => {
    fresh(8, 2);
    const at = slot;
    leave();
    same(load32(at + S_STATE), (1 << 2) | OWNER_FREE, "state word", 0);
    same(me, 0, "me", 0);
    same(slot, SLOTS, "slot", 0);
  });
});

describe("markDead", () => {
  it("marks a living and a joining owner dead, and says OK again for one that is dead already", () => {
    fresh(8, 3);
    const second = join(false, 0, 0);
    const third = join(false, 0, 0);
    same(markDead(second), OK, "a living owner", 0);
    same(ownerState(2), OWNER_DEAD, "state", 2);
    same(markDead(second), OK, "a dead owner", 0);
    setState(1, OWNER_JOINING);
    same(markDead(0x101), OK, "a joining owner", 0);
    same(ownerState(1), OWNER_DEAD, "state", 1);
    same(markDead(third), OWNER_ALIVE, "itself", 0);
    same(ownerState(3), OWNER_LIVE, "state", 3);
  });

  it("refuses an id of an earlier or later generation, of a free slot, of nobody and of no slot", () => {
    fresh(8, 3);
    leave();
    join(false, 0, 0);
    join(false, 0, 0);
    same(me, 2, "me", 0);
    same(markDead(0x101), NOT_LIVE, "an earlier generation", 0);
    same(markDead(0x301), NOT_LIVE, "a later generation", 0);
    same(markDead(0x003), NOT_LIVE, "a free slot", 0);
    same(markDead(0x100), NOT_LIVE, "nobody", 0);
    same(markDead(0x104), NOT_LIVE, "beyond the last slot", 0);
    same(markDead(0x1ff), NOT_LIVE, "far beyond the last slot", 0);
    same(ownerState(1), OWNER_LIVE, "state", 1);
    same(ownerState(3), OWNER_FREE, "state", 3);
  });

  it("refuses the caller's own id, and says of an earlier or later holder of its slot that it is gone", () => {
    fresh(8, 1);
    leave();
    same(join(false, 0, 0), 0x201, "id", 0);
    for (let generation: u32 = 0; generation < 8; generation++) {
      same(markDead((generation << 8) | 1), generation == 2 ? OWNER_ALIVE : NOT_LIVE, "generation", generation);
    }
    same(load32(slot + S_STATE), (2 << 2) | OWNER_LIVE, "state word", 0);
  });
});

describe("what an id says of its owner", () => {
  it("is that it is dead, that it lives or is about to, or that it is past, for each state and generation", () => {
    fresh(4, 2);
    for (let generation: u32 = 1; generation <= 6; generation++) {
      for (let state: u32 = OWNER_FREE; state <= <u32>OWNER_JOINING; state++) {
        store32(slotOf(2) + S_STATE, (generation << 2) | state);
        for (let asked: u32 = 1; asked <= 8; asked++) {
          const id = (asked << 8) | 2;
          const isIt = asked == generation;
          const what = "generation " + text(generation) + ", state " + text(state) + ", asked of";
          is(isDead(id), isIt && state == OWNER_DEAD, "dead, " + what, asked);
          is(isLiving(id), isIt && (state == OWNER_LIVE || state == OWNER_JOINING), "living, " + what, asked);
          is(isPast(id), asked < generation || (isIt && state == OWNER_FREE), "past, " + what, asked);
        }
      }
    }
  });

  it("goes on over the last generation", () => {
    fresh(4, 2);
    store32(slotOf(2) + S_STATE, (2 << 2) | OWNER_LIVE);
    is(isPast(0x7fffff02) && isPast(0x7ffffe02) && isPast(0x102), true, "past", 0);
    is(isPast(0x202) || isPast(0x302) || isPast(0x40000102), false, "not past", 0);
  });
});

describe("release", () => {
  it("frees the slot of that owner, keeps its generation and touches nothing else of it", () => {
    fresh(4, 3);
    join(false, 0, 5);
    become(1);
    same(markDead(0x102), OK, "dead", 0);
    put64(slotOf(2) + S_ALLOC, 77);
    release(0x102);
    same(get64(slotOf(2) + S_STATE), ((<u64>5) << 32) | (1 << 2) | OWNER_FREE, "state and thread", 0);
    same(get64(slotOf(2) + S_ALLOC), 77, "allocated", 0);
    same(ownerState(1), OWNER_LIVE, "the caller", 0);
  });
});

describe("otherOwners", () => {
  it("counts living, dead and joining owners, and neither free slots nor the caller", () => {
    fresh(8, 4);
    same(otherOwners(), 0, "alone", 0);
    setState(2, OWNER_LIVE);
    setState(3, OWNER_DEAD);
    same(otherOwners(), 2, "with two", 0);
    setState(4, OWNER_JOINING);
    same(otherOwners(), 3, "with three", 0);
  });
});
