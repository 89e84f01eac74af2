// Cache hear: who wants to hear what others evict. Owns an ear for each owner index, the name of the ring by which it hears, and one bit for each, by which
// who evicts sees without a lock whether there is anybody to tell.
//
//   the ear is written before its ring is there, and cleared after that was ended; the bit is set only in between
//   so whoever recovers a dead owner finds in its ear the ring to end, whatever it was about

import { cas32, load32, store32 } from "./atomic";
import { get32 } from "./memory";
import { maxOwners } from "./header";
import { me } from "./owners";
import { endNamed } from "./ringlife";
import { EAR_BYTES, EAR_MISSED, EAR_NAME, K_HEARING, K_USERS, USER_BYTES } from "./shared/caches";
import { OK } from "./shared/status";

export function earAt(cache: usize, index: u32): usize {
  return <usize>get32(cache + K_USERS) + <usize>(maxOwners + 1) * USER_BYTES + <usize>index * EAR_BYTES;
}

/** Says by the ring of which name (0: none) this owner, which uses the cache, hears what others evict, and whether it is there to be told by. */
export function cacheHear(cache: usize, name: u32, isThere: bool): void {
  if (me == 0) return;
  const ear = earAt(cache, me);
  if (!isThere) {
    setBit(cache, me, false);
    store32(ear + EAR_MISSED, 0);
  }
  store32(ear + EAR_NAME, name);
  if (isThere) setBit(cache, me, true);
}

/** The owner at `index`, dead or this one, hears no more: its ring is ended. OK, or BUSY: to be called again. */
export function stopHearing(cache: usize, index: u32): u32 {
  const ear = earAt(cache, index);
  const name = load32(ear + EAR_NAME);
  if (name == 0) return OK;
  setBit(cache, index, false);
  const status = endNamed(name);
  if (status == OK) store32(ear + EAR_NAME, 0); // commit
  return status;
}

function setBit(cache: usize, index: u32, isSet: bool): void {
  const at = cache + K_HEARING + ((<usize>(index >>> 5)) << 2);
  const bit: u32 = 1 << (index & 31);
  while (true) {
    const word = load32(at);
    const next = isSet ? word | bit : word & ~bit;
    if (word == next || cas32(at, word, next)) return; // commit
  }
}
