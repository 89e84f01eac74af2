// Closing: of a creator that closes and a thread that attaches at least one sees the other, and a creator that dies in between is found out.

import { get32 } from "../memory";
import { load32, store32 } from "../atomic";
import { countedBytes } from "../counters";
import { allocUnsafe, free } from "../heap";
import { join, leave, me, ownerState, slotOf } from "../owners";
import { recover } from "../recover";
import { closeRegion } from "../region";
import {
  H_CLOSED,
  OWNER_DEAD,
  OWNER_FREE,
  OWNER_JOINING,
  OWNER_LIVE,
  REGION_CLOSED,
  REGION_CLOSING,
  S_STATE,
  S_THREAD,
} from "../shared/layout";
import { BUSY, CLOSED, NO_SLOT, OK } from "../shared/status";
import { join as waitForOther, put } from "./host";
import { attach, become, fresh, is, reopen, same, setState, sound } from "./lib";

describe("attachRegion", () => {
  it("takes back a closing that is not done, whoever began it and whether he lives, and is attached", () => {
    for (let state: u32 = OWNER_FREE; state <= <u32>OWNER_JOINING; state++) {
      fresh(4, 3);
      setState(1, state);
      store32(H_CLOSED, REGION_CLOSING);
      const id = attach();
      same(id & 0xff, state == OWNER_FREE ? 1 : 2, "slot, creator", state);
      same(load32(H_CLOSED), 0, "open, creator", state);
    }
  });

  it("takes the closing of a dead creator back, and is attached", () => {
    fresh(4, 3);
    store32(H_CLOSED, REGION_CLOSING);
    setState(1, OWNER_DEAD);
    same(attach(), 0x102, "id", 0);
    same(load32(H_CLOSED), 0, "open", 0);
    same(recover(0x101), OK, "the creator recovered", 0);
    same(attach(), 0x201, "another", 0);
    sound("attached", 0);
  });

  it("takes the closing of a creator back that died and was recovered by one who had attached just before", () => {
    fresh(4, 3);
    become(2); // attached, and saw an open region, after the creator had looked at the slots for the first time
    store32(H_CLOSED, REGION_CLOSING); // and here the creator dies
    setState(1, OWNER_DEAD);
    same(recover(0x101), OK, "recovered", 0);
    is(attach() > 0, true, "attached", 0);
    same(load32(H_CLOSED), 0, "open", 0);
  });

  it("answers CLOSED without taking a slot once the region is closed", () => {
    fresh(4, 2);
    store32(H_CLOSED, REGION_CLOSED);
    same(attach(), -CLOSED, "closed", 0);
    same(load32(slotOf(2) + S_STATE), 0, "no slot was taken", 0);
  });

  it("sees the close of a creator that it met closing, and gives the slot back", () => {
    for (let last: u32 = 0; last <= <u32>REGION_CLOSED; last++) {
      fresh(4, 2);
      store32(H_CLOSED, REGION_CLOSING);
      put(H_CLOSED, last); // by another thread, at some instant from here on
      const id = attach();
      waitForOther();
      // The other thread's word may come before the attempt, or after it took the closing back.
      is(id == -CLOSED || (id & 0xff) == 2, true, "status", last);
      if (last == 0) is(id > 0, true, "attached", last);
      same(ownerState(2), id < 0 ? OWNER_FREE : OWNER_LIVE, "slot", last);
    }
  });

  it("answers NO_SLOT before it looks whether the region is being closed", () => {
    fresh(4, 1);
    store32(H_CLOSED, REGION_CLOSING);
    same(attach(), -NO_SLOT, "status", 0);
    same(load32(H_CLOSED), REGION_CLOSING, "closing", 0);
  });

  it("leaves what the host calls the thread in the slot, from the same store that takes it", () => {
    fresh(4, 3);
    same(get32(slotOf(1) + S_THREAD), 0, "nothing", 0);
    same(join(false, 0, 77), 0x102, "id", 0);
    same(get32(slotOf(2) + S_THREAD), 77, "thread", 0);
    leave();
    same(join(false, 0, 0xffffffff), 0x202, "id of the next", 0);
    same(get32(slotOf(2) + S_THREAD), 0xffffffff, "thread of the next", 0);
    same(load32(slotOf(2) + S_STATE), (2 << 2) | OWNER_LIVE, "state word beside it", 0);
  });
});

describe("closeRegion", () => {
  it("beside an owner in any state but free is BUSY and leaves the region open, as it was", () => {
    for (let state: u32 = OWNER_LIVE; state <= <u32>OWNER_JOINING; state++) {
      for (let owner: u32 = 2; owner <= 4; owner++) {
        fresh(4, 4);
        setState(owner, state);
        same(closeRegion(), BUSY, "status, state", state);
        same(load32(H_CLOSED), 0, "closed, owner", owner);
        same(me, 1, "me", owner);
        const p = allocUnsafe(100);
        is(p != 0 && free(p), true, "works", owner);
        setState(owner, OWNER_FREE);
        same(closeRegion(), OK, "alone", owner);
        same(load32(H_CLOSED), REGION_CLOSED, "closed afterwards, owner", owner);
      }
    }
  });

  it("turns away who attaches afterwards, for ever, and holds nothing", () => {
    fresh(4, 2);
    is(allocUnsafe(100) != 0, true, "a raw block", 0);
    same(closeRegion(), OK, "status", 0);
    for (let tries = 0; tries < 3; tries++) {
      same(attach(), -CLOSED, "status", tries);
      same(ownerState(1) | ownerState(2), OWNER_FREE, "slots", tries);
    }
    store32(H_CLOSED, 0);
    same(reopen(), OK, "opened by force", 0);
    same(countedBytes(), 104, "the raw block is the region's", 0);
  });
});
