// Region: create, attach, detach, close. Owns no memory of its own: the order in which the layers are built and left.
// A creator that dies before `publish` leaves a memory that is no region; a thread that dies while it detaches leaves an owner that
// the host marks dead, and whose recovery does the rest again.

import { get32, put32 } from "./memory";
import { cas32, load32, store32 } from "./atomic";
import { forgetHeader, format, openHeader, publish } from "./header";
import { join, leave, me, myId, otherOwners, slot } from "./owners";
import { lockBudgets } from "./budget";
import { releaseBlocks } from "./charged";
import { endAlloc, endFree } from "./counters";
import { holderOf } from "./latch";
import { settleMark } from "./hint";
import { forgetRecent } from "./heap";
import { lock } from "./lock";
import { buildPages } from "./pages";
import { finishClosing } from "./nodes";
import { publishHints } from "./recover";
import { unlockBudgets } from "./leaving";
import { leaveReservations } from "./reservation";
import { leaveCaches } from "./cachelife";
import { leaveRings } from "./ringlife";
import { buildClasses } from "./sizeclass";
import { letGo } from "./trim";
import { H_BUDGET_LOCK, H_CLOSED, H_CREATOR, H_LOCK, REGION_CLOSED, REGION_CLOSING, S_REASON } from "./shared/layout";
import { BUSY, CLOSED, NOT_ATTACHED, NO_SLOT, OK } from "./shared/status";

export function buildId(): i32 {
  return BUILD_ID;
}

/** Makes a fresh memory of `pages` pages a region, whose free bytes are all zero if it is to `scrub`, and attaches to it. Returns the owner's id, or −status. */
export function createRegion(pages: u32, owners: u32, block: bool, busyMs: u32, thread: u32, scrub: bool): i32 {
  const status = format(pages, owners, scrub);
  if (status != OK) return -(<i32>status);
  buildClasses();
  buildPages();
  forgetRecent();
  const id = join(block, busyMs, thread);
  put32(H_CREATOR, id);
  publish();
  return <i32>id;
}

/** Attaches to the region in this memory. Returns the owner's id, or −status. */
export function attachRegion(block: bool, busyMs: u32, thread: u32): i32 {
  const status = openHeader();
  if (status != OK) return -(<i32>status);
  forgetRecent();
  const id = join(block, busyMs, thread);
  const refused = id == 0 ? NO_SLOT : isClosed() ? CLOSED : OK;
  if (refused == OK) return <i32>id;
  if (id != 0) leave();
  forgetHeader();
  return -(<i32>refused);
}

/**
 * Whether the region was closed before this owner took its slot; a closing that is not yet done is taken back. Of a creator that closes and
 * a thread that attaches at least one sees the other: the one says REGION_CLOSING before it looks at the slots, the other takes its
 * slot before it looks at that word.
 */
function isClosed(): bool {
  while (true) {
    const closed = load32(H_CLOSED);
    if (closed != REGION_CLOSING) return closed == REGION_CLOSED;
    cas32(H_CLOSED, REGION_CLOSING, 0);
  }
  return false;
}

/** Gives this owner's Blocks back and leaves its slot. */
export function detachRegion(): u32 {
  if (me == 0) return NOT_ATTACHED;
  // An exception may have cut an operation of ours under the page lock.
  if (holderOf(H_LOCK) == myId && lock() == OK) letGo();
  if (holderOf(H_BUDGET_LOCK) == myId && lockBudgets() == OK) unlockBudgets();
  if (leaveRings() != OK || leaveCaches() != OK) return BUSY;
  releaseBlocks(me, ~0);
  // What waits, and a budget that is half closed, nobody else would see to; both need the latch.
  if (leaveReservations(me) == BUSY || finishClosing(myId) == BUSY) return BUSY;
  publishHints(me);
  endAlloc(0);
  endFree(0);
  settleMark();
  forgetRecent();
  leave();
  forgetHeader();
  return OK;
}

/** Ends the region: only while no other owner is attached. From then on nobody can attach. */
export function closeRegion(): u32 {
  if (me == 0) return NOT_ATTACHED;
  // Asked first, so that a close that is refused does not turn away who attaches meanwhile.
  if (otherOwners() != 0) return BUSY;
  if (load32(H_CLOSED) != REGION_CLOSED) {
    store32(H_CLOSED, REGION_CLOSING);
    const isAlone = otherOwners() == 0;
    if (!isAlone) cas32(H_CLOSED, REGION_CLOSING, 0);
    if (!isAlone || !cas32(H_CLOSED, REGION_CLOSING, REGION_CLOSED)) return BUSY; // commit
  }
  return detachRegion();
}

/** Why this owner's last allocation answered 0. */
export function reason(): u32 {
  return me == 0 ? NOT_ATTACHED : get32(slot + S_REASON);
}
