// Ring end: the mark behind the last record, after which nothing is put in. Owns it. It stands in the slot that the tail is at, whose record of a
// lap ago is taken, for there are more slots than records may be queued; one compare-and-swap against whoever would put a record there.

import { cas64, load64 } from "./atomic";
import { Q_TAIL, SLOT_CLOSED } from "./shared/rings";
import { helpTail, sequenceOf, slotAt } from "./ring";

/** Ends the ring: what is in it can be taken still, nothing is added. False: it had ended before. */
export function endRing(ring: usize): bool {
  while (true) {
    const tail = load64(ring + Q_TAIL);
    const t = sequenceOf(tail);
    const at = slotAt(ring, t);
    const before = load64(at);
    const ahead = <i32>(sequenceOf(before) - t);
    if (ahead == 0 && <u32>before == SLOT_CLOSED) return false;
    if (ahead == 0) helpTail(ring, tail, before);
    // There are more slots than records may be queued: what stood in this one is taken, and the head past it.
    else if (ahead < 0 && cas64(at, before, ((<u64>t) << 32) | SLOT_CLOSED)) return true; // commit
  }
  return false;
}

/** Whether nothing is added to the ring any more. */
export function hasEnded(ring: usize): bool {
  while (true) {
    const tail = load64(ring + Q_TAIL);
    const there = load64(slotAt(ring, sequenceOf(tail)));
    if (there == (((tail >> 32) << 32) | SLOT_CLOSED)) return true;
    if (sequenceOf(there) == sequenceOf(tail)) helpTail(ring, tail, there);
    else if (<i32>(sequenceOf(there) - sequenceOf(tail)) < 0) return false;
  }
  return false;
}
