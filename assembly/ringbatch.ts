// Ring batch: many records in one call. Owns nothing: each is put in or taken as alone, and who dies in between has put in or taken those before.

import { copyValue, get32, put32 } from "./memory";
import { load32 } from "./atomic";
import { me, slot } from "./owners";
import { giveDescriptorBack } from "./ringpool";
import { S_OUT, S_REASON } from "./shared/layout";
import {
  D_BLOCK,
  D_LENGTH,
  D_TAG,
  D_TAKEN,
  P_HAND,
  Q_ROOM,
  FRAME_BYTES,
  FRAME_TAG,
  RING_IN_HAND,
  RING_WRITTEN,
} from "./shared/rings";
import { OK, RING_IS_HIGH } from "./shared/status";
import { enter, ringPush, take, took } from "./ring";
import { wake } from "./ringbell";

/**
 * Copies up to `max` records to `to`, where there are `room` bytes, one after the other (FRAME_…), and takes them off the ring. Returns how
 * many; S_OUT says how many bytes that are, and what is in the caller's hand (RING_IN_HAND) since there was no place for it; with
 * fewer than `max` and nothing in hand, S_REASON says RING_EMPTY or RING_ENDED.
 */
export function ringPopMany(ring: usize, to: usize, room: u32, max: u32): u32 {
  if (me == 0) return 0;
  const party = enter(ring);
  let count: u32 = 0;
  let written: u32 = 0;
  let hand: u32 = 0;
  while (count < max && hand == 0) {
    const d = take(ring, party, D_TAKEN);
    if (d == 0) break;
    const bytes = get32(d + D_LENGTH);
    if (<u64>bytes + FRAME_BYTES > <u64>(room - written)) hand = <u32>d;
    else {
      put32(to + written, bytes);
      put32(to + written + FRAME_TAG, get32(d + D_TAG));
      copyValue(to + written + FRAME_BYTES, <usize>get32(d + D_BLOCK), bytes);
      giveDescriptorBack(party, d);
      written = min(room, written + FRAME_BYTES + ((bytes + 7) & ~7));
      count++;
    }
  }
  put32(party + P_HAND, 0);
  put32(slot + S_REASON, took);
  put32(slot + S_OUT + (RING_IN_HAND << 2), hand);
  put32(slot + S_OUT + (RING_WRITTEN << 2), written);
  if ((count | hand) != 0 && load32(ring + Q_ROOM + 4) != 0) wake(ring + Q_ROOM);
  return count;
}

/** Copies `count` records that stand at `from` one after the other (FRAME_…) into the ring. Returns how many; of the one after them S_REASON says why not. */
export function ringPushMany(ring: usize, from: usize, count: u32): u32 {
  if (me == 0) return 0;
  let at = from;
  for (let done: u32 = 0; done < count; done++) {
    const bytes = get32(at);
    const status = ringPush(ring, at + FRAME_BYTES, bytes, get32(at + FRAME_TAG));
    if (status != OK && status != RING_IS_HIGH) {
      put32(slot + S_REASON, status);
      return done;
    }
    at += FRAME_BYTES + ((<usize>bytes + 7) & ~7);
  }
  return count;
}
