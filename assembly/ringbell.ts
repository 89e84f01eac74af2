// Ring bell: how full a ring is, and who is woken for that. Owns the two words that threads sleep on, for something to take and for room, the
// ones behind them that say that somebody does, and Q_IS_HIGH. Who sleeps says so, looks once more, and sleeps; who brings something looks
// whether somebody said so after that. Who dies in between leaves a sleeper to its slice, or to the recovery, which wakes all.

import { get32, put32, put64 } from "./memory";
import { add32, load32, load64, notify, store32, swap32 } from "./atomic";
import { P_HEAD, P_PEAK, P_TAIL, Q_HEAD, Q_HIGH, Q_IS_HIGH, Q_ITEMS, Q_LOW, Q_ROOM, Q_TAIL } from "./shared/rings";
import { OK, RING_IS_HIGH } from "./shared/status";
import { sequenceOf } from "./ring";

/** After record `t` was put in: notes how many there are if never so many were seen, or more than are said to be high. */
export function noteDepth(ring: usize, party: usize, t: u32): u32 {
  const high = load32(ring + Q_HIGH);
  // By the head that was seen last they are as many or more. Once it is said, the head is left to those who move it.
  const most = t + 1 - get32(party + P_HEAD + 4);
  if (most >= high && most <= get32(party + P_PEAK) && load32(ring + Q_IS_HIGH) != 0) return RING_IS_HIGH;
  const head = load64(ring + Q_HEAD);
  put64(party + P_HEAD, head);
  // The head may have passed it by now.
  const depth = <i32>(t + 1 - sequenceOf(head));
  if (depth > <i32>get32(party + P_PEAK)) put32(party + P_PEAK, depth);
  if (depth < <i32>high) return OK;
  if (load32(ring + Q_IS_HIGH) == 0) {
    store32(ring + Q_IS_HIGH, 1);
    // Who took the last one that matters may have looked before.
    noteLow(ring, sequenceOf(load64(ring + Q_HEAD)));
  }
  return RING_IS_HIGH;
}

/**
 * After record `h − 1` was taken of a ring that was said to be high. The tail that was seen last is at or before the tail: while it is more
 * than `low` ahead, the tail's own line is left to those who move it.
 */
export function noteTaken(ring: usize, party: usize, h: u32): void {
  const low = <i32>load32(ring + Q_LOW);
  if (<i32>(get32(party + P_TAIL) - h) > low) return;
  const tail = sequenceOf(load64(ring + Q_TAIL));
  put32(party + P_TAIL, tail);
  noteLow(ring, h);
}

/** The ring was said to be high: tells who waits for room when it is low, with its head at `h`. */
export function noteLow(ring: usize, h: u32): void {
  if (<i32>(sequenceOf(load64(ring + Q_TAIL)) - h) > <i32>load32(ring + Q_LOW)) return;
  if (swap32(ring + Q_IS_HIGH, 0) == 0) return;
  add32(ring + Q_ROOM, 1);
  notify(ring + Q_ROOM);
}

/** Wakes all who said that they sleep at `at`. Each looks, and says so again if there is nothing; so no wake is lost with who was woken. */
export function wake(at: usize): void {
  if (swap32(at + 4, 0) == 0) return;
  add32(at, 1);
  notify(at);
}

/** Wakes all who may sleep for something of this ring. */
export function wakeParties(ring: usize): void {
  store32(ring + Q_ITEMS + 4, 1);
  wake(ring + Q_ITEMS);
  store32(ring + Q_ROOM + 4, 1);
  wake(ring + Q_ROOM);
}
