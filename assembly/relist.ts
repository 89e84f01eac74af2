// Relist: ranks the entries of a cache anew, when its policy changed. Owns nothing. Each entry is moved by a change of its own, so who dies here leaves
// some ranked by the old policy and some by the new one, each in one list.

import { get32 } from "./memory";
import { lastOf, spaceAt, unlink } from "./entries";
import { place } from "./eviction";
import { begin, end, set32, setFloat } from "./undo";
import { E_BEFORE, K_AGE, K_HAND, K_SPACE_COUNT, LISTS } from "./shared/caches";

/** Puts every entry into the list where it belongs, the oldest of each list first, the window's last. Under the latch. O(entries). */
export function relist(cache: usize): void {
  begin(cache);
  setFloat(cache + K_AGE, 0);
  set32(cache + K_HAND, 0);
  end();
  for (let s: u32 = 0; s < get32(cache + K_SPACE_COUNT); s++) {
    const space = spaceAt(cache, s);
    for (let list: u32 = 1; list < <u32>LISTS; list++) relistOne(cache, space, list);
    relistOne(cache, space, 0);
  }
}

function relistOne(cache: usize, space: usize, list: u32): void {
  let count: u32 = 0;
  for (let e = lastOf(space, list); e != 0; e = <usize>get32(e + E_BEFORE)) count++;
  // Those that come to the front of this very list are not counted.
  for (; count != 0; count--) {
    const e = lastOf(space, list);
    begin(cache);
    unlink(cache, e);
    place(cache, e, false);
    end();
  }
}
