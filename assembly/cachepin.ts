// Cache pin: who reads an entry in place. Owns, of each user, the addresses of the entries it pins. A pin is its user's own word, and the truth of it:
// who takes an entry out looks at all of them after its place was emptied; who pins looks at the place after it has written the word. At least
// one sees the other. A dead user's pins are ended by its recovery.

import { get32 } from "./memory";
import { load32, or32, store32 } from "./atomic";
import { me } from "./owners";
import { K_PINNING, K_USERS, USER_BYTES, U_PINNED, U_PINS } from "./shared/caches";

/** What this owner notes of the cache. */
export function userOf(cache: usize): usize {
  return <usize>get32(cache + K_USERS) + <usize>me * USER_BYTES;
}

/** A free place among this owner's first `most` for pins; 0: there is none. */
export function freePin(user: usize, most: u32): usize {
  for (let i: u32 = 0; i < most; i++) {
    const at = user + U_PINNED + ((<usize>i) << 2);
    if (get32(at) != 0) continue;
    if (get32(user + U_PINS) <= i) store32(user + U_PINS, i + 1);
    return at;
  }
  return 0;
}

/** Says that this owner reads the entry at `e` in place. */
export function setPin(cache: usize, pin: usize, e: usize): void {
  const word = cache + K_PINNING + ((<usize>(me >>> 5)) << 2);
  const bit: u32 = 1 << (me & 31);
  if ((load32(word) & bit) == 0) or32(word, bit);
  store32(pin, <u32>e);
}

/** Ends one pin of the entry at `e` by this owner; false: it has none. */
export function endPin(cache: usize, e: usize): bool {
  const first = userOf(cache) + U_PINNED;
  // The last one first: the last place of all, which is for who deletes, is free again after it.
  for (let at = first + ((<usize>get32(first - U_PINNED + U_PINS)) << 2); at != first && e != 0;) {
    at -= 4;
    if (<usize>get32(at) != e) continue;
    store32(at, 0); // commit
    return true;
  }
  return false;
}
