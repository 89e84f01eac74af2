// Cache loads: who is loading what is not in a cache, so that of all threads one does. Owns the claims, one word each: overtaken << 63 | owner << 32 | hash.
// One is taken under the latch, so no key has two that can be waited for; it ends by one store of its owner's, or by that owner's recovery. Whoever
// says something of the key meanwhile marks the claim, and what was loaded is not put in.
//
//   K_LOADING = 0 ⇔ nobody need look: it is raised before a claim is taken, lowered by who looks through all of them under the latch
//   a claim of a dead owner is anybody's who wants its key; a hash is not the key, so who waited looks the key up again
//
// Who dies leaves its claims, and K_LOAD where it was putting a load's value in: the next holder of the latch sees to that (cachelatch.ts).

import { get32, put32 } from "./memory";
import { cas64, load32, load64, store32, store64 } from "./atomic";
import { userOf } from "./cachepin";
import { finishRemoval, noteGone } from "./entries";
import { isDead, myId } from "./owners";
import { wake } from "./ringbell";
import { find, isIn, low, takeOut } from "./table";
import {
  E_PLACE,
  GONE_DELETED,
  K_BELL,
  K_LOAD,
  K_LOADED,
  K_LOADING,
  K_LOADS,
  K_OLD,
  LOADS_MAX,
  LOAD_UNCLAIMED,
  U_LOAD,
} from "./shared/caches";

const OVERTAKEN: u64 = 0x8000000000000000;

/** Claim `number`, counted from 1. */
export function claimAt(cache: usize, number: u32): usize {
  if (LOAD_UNCLAIMED != LOADS_MAX + 1) ERROR("LOAD_UNCLAIMED is the number of a claim");
  if (K_BELL != K_LOADS + LOADS_MAX * 8) ERROR("the bell does not stand behind the claims");
  return cache + K_LOADS - 8 + ((<usize>number) << 3);
}

export function loaderOf(word: u64): u32 {
  return <u32>(word >> 32) & 0x7fffffff;
}

export function isOvertaken(word: u64): bool {
  return <i64>word < 0;
}

function mine(): u64 {
  return ((<u64>myId) << 32) | low;
}

/** Whether this is a claim of the key that was hashed last, and what it stands for is not over. */
function isForKey(word: u64): bool {
  return <u32>word == low && word != 0 && !isOvertaken(word);
}

/** Claims the key that was hashed last: its claim's number; −n: claim n of a living owner is for it; LOAD_UNCLAIMED: there is none left. Under the latch. */
export function takeClaim(cache: usize): i32 {
  let free: u32 = 0;
  const loading = get32(cache + K_LOADING);
  for (let n: u32 = 1; n <= loading; n++) {
    const word = load64(claimAt(cache, n));
    if (word == 0 && free == 0) free = n;
    if (!isForKey(word)) continue;
    if (!isDead(loaderOf(word))) return -(<i32>n);
    // By then its recovery may have ended it.
    if (cas64(claimAt(cache, n), word, mine())) return <i32>n;
  }
  if (free == 0) {
    if (loading == <u32>LOADS_MAX) return LOAD_UNCLAIMED;
    free = loading + 1;
    store32(cache + K_LOADING, free);
  }
  // Nobody else takes one without the latch; whose it is stands in it from the instant that it is taken.
  return cas64(claimAt(cache, free), 0, mine()) ? <i32>free : 0; // commit
}

/** Whether claim `number` is still owner `id`'s for the key of hash `hash`, whose load can be waited for. Takes no lock. */
export function cacheIsLoading(cache: usize, number: u32, hash: u32, id: u32): bool {
  const word = load64(claimAt(cache, number));
  return word != 0 && <u32>word == hash && loaderOf(word) == id && !isOvertaken(word) && !isDead(id);
}

/** −n: claim n of a living owner is for the key that was hashed last, as far as can be seen without the latch; 0: none is. */
export function claimBeside(cache: usize): i32 {
  const loading = load32(cache + K_LOADING);
  for (let n: u32 = 1; n <= loading; n++) {
    const word = load64(claimAt(cache, n));
    if (isForKey(word) && !isDead(loaderOf(word))) return -(<i32>n);
  }
  return 0;
}

/** This owner's load by claim `number` is over, and who waits for it looks again. Takes no lock. */
export function endLoad(cache: usize, number: u32): void {
  if (loaderOf(load64(claimAt(cache, number))) != myId || myId == 0) return;
  store64(claimAt(cache, number), 0); // commit
  wake(cache + K_BELL);
}

/** Ends the claims of owner `id`, dead or this one. Under the latch. */
export function endLoadsOf(cache: usize, id: u32): void {
  const loading = get32(cache + K_LOADING);
  for (let n: u32 = 1; n <= loading; n++) {
    const word = load64(claimAt(cache, n));
    if (loaderOf(word) != id) continue;
    // Somebody may just be making it another's, or marking it.
    if (!cas64(claimAt(cache, n), word, 0)) n--;
  }
  wake(cache + K_BELL);
}

/** Something is said of the key that was hashed last: what is being loaded for it may be older. Under the latch. */
export function overtake(cache: usize): void {
  if (get32(cache + K_LOADING) != 0) store32(cache + K_LOADING, markAll(cache, false));
}

/** As `overtake`, of every key. Under the latch. */
export function overtakeAll(cache: usize): void {
  if (get32(cache + K_LOADING) != 0) store32(cache + K_LOADING, markAll(cache, true));
}

/** As `overtake`, without the latch. */
export function overtakeBeside(cache: usize): void {
  markAll(cache, false);
}

/** Whether anybody loads the key that was hashed last. Takes no lock. */
export function hasLoad(cache: usize): bool {
  const loading = load32(cache + K_LOADING);
  for (let n: u32 = 1; n <= loading; n++) if (isForKey(load64(claimAt(cache, n)))) return true;
  return false;
}

/** Marks the claims of that key, or all; the last that is taken. */
function markAll(cache: usize, isForAll: bool): u32 {
  let last: u32 = 0;
  let isMarked = false;
  const loading = load32(cache + K_LOADING);
  for (let n: u32 = 1; n <= loading; n++) {
    const word = load64(claimAt(cache, n));
    if (word == 0) continue;
    last = n;
    if (isOvertaken(word) || !(isForAll || <u32>word == low)) continue;
    // One that is another word by now is over, was marked by somebody else, or was begun since.
    if (cas64(claimAt(cache, n), word, word | OVERTAKEN)) isMarked = true; // commit
  }
  if (isMarked) wake(cache + K_BELL);
  return last;
}

/** Whether the value that this user puts in was loaded, and is not to be put in: it is overtaken, or has no claim and `old` stands there. Under the latch. */
export function isOutdated(cache: usize, user: usize, old: usize): bool {
  const number = get32(user + U_LOAD);
  if (number == 0) return false;
  return number == <u32>LOAD_UNCLAIMED ? old != 0 : load64(claimAt(cache, number)) != mine();
}

/** As `isOutdated`, of the key at `at`, before there is an entry for it. */
export function isOutdatedKey(cache: usize, user: usize, at: usize, key: u32): bool {
  return get32(user + U_LOAD) != 0 && isOutdated(cache, user, find(cache, at, key));
}

/** The entry at `e` is about to be put in: if its value was not loaded, it overtakes what is; else it is noted until `settleLoad`. Under the latch. */
export function noteLoad(cache: usize, e: usize): void {
  const number = get32(userOf(cache) + U_LOAD);
  if (number == 0) overtake(cache);
  else if (number != <u32>LOAD_UNCLAIMED) {
    put32(cache + K_LOADED, <u32>e);
    put32(cache + K_LOAD, number);
  }
}

/** A load's value was put in, or was to be when its holder died. Who deleted the key without the latch meanwhile has not seen it. Under the latch. */
export function settleLoad(cache: usize): void {
  const number = get32(cache + K_LOAD);
  if (number == 0) return;
  if (!isOvertaken(load64(claimAt(cache, number)))) {
    put32(cache + K_LOAD, 0);
    return;
  }
  const e = <usize>get32(cache + K_LOADED);
  put32(cache + K_OLD, <u32>e);
  takeOut(cache, e);
  // Once it is out, its memory may be another's.
  put32(cache + K_LOAD, 0);
  noteGone(cache, e, GONE_DELETED, 0);
  finishRemoval(cache, e);
}

/** What a death left of a load's value: if it is not in, it needs no further look. Before any memory goes back. Under the latch. */
export function forgetLoad(cache: usize): void {
  if (get32(cache + K_LOAD) == 0) return;
  const e = <usize>get32(cache + K_LOADED);
  // Before it has a place it is in none.
  if (get32(e + E_PLACE) == 0 || !isIn(e)) put32(cache + K_LOAD, 0);
}
