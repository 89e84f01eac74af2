// Cache fetch: how a load begins and ends, so that of all threads one loads a key. Owns nothing: the claims are cacheloads.ts's. Who dies here leaves at most
// a claim, and the latch.

import { put32 } from "./memory";
import { load64 } from "./atomic";
import { letCacheGo, lockCache, tryCache } from "./cachelatch";
import { claimAt, claimBeside, endLoad, loaderOf, takeClaim } from "./cacheloads";
import { userOf } from "./cachepin";
import { holderOf } from "./latch";
import { myId } from "./owners";
import { hashKey, low } from "./table";
import { K_LATCH, U_ENTRY, U_VALUE } from "./shared/caches";
import { OK } from "./shared/status";

/**
 * Claims the load of the key at `at` for this owner: the claim's number, to be ended by `cacheEndLoad`; −n: another owner loads it, by claim n (U_VALUE says
 * the hash and U_ENTRY the owner, for `cacheIsLoading`); LOAD_UNCLAIMED: there is no claim left; 0: the latch was not to be had. O(claims).
 */
export function cacheClaim(cache: usize, at: usize, key: u32): i32 {
  const user = userOf(cache);
  hashKey(cache, at, key);
  put32(user + U_VALUE, low);
  let claim = claimBeside(cache);
  if (claim == 0 && lockCache(cache) == OK) {
    claim = takeClaim(cache);
    letCacheGo(cache);
  }
  if (claim < 0) put32(user + U_ENTRY, loaderOf(load64(claimAt(cache, -claim))));
  return claim;
}

/** This owner's load by claim `number` is over, and who waits for it looks again. */
export function cacheEndLoad(cache: usize, number: u32): void {
  // An exception may have cut it between putting the value in and the look whether that was overtaken, which the claim still says.
  if (holderOf(cache + K_LATCH) == myId && tryCache(cache)) letCacheGo(cache);
  endLoad(cache, number);
}
