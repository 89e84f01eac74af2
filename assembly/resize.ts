// Resize: a raw block becomes longer or shorter, in place where its class or the run behind it allows, else by moving. Owns nothing. A failure
// leaves the block as it was; who dies here leaves a resize in flight (J_RESIZE), or a copy that was never handed out.

import { copy, put32, wipe, zero } from "./memory";
import { load32 } from "./atomic";
import { allocBeside } from "./arena";
import { firstGrain, grains, scrubs } from "./header";
import { beginAlloc, beginFree, endAlloc, endFree } from "./counters";
import { lock } from "./lock";
import { slot } from "./owners";
import { growRun, kindOf, shrinkRun, wordAt } from "./pages";
import { letGo, trimGrain } from "./trim";
import {
  GRAIN_BYTES,
  GRAIN_SHIFT,
  J_RESIZE,
  KIND_BUDGET,
  KIND_RAW,
  S_MOVED,
  T_MASK,
  T_RUN,
  W_LENGTH_SHIFT,
} from "./shared/layout";
import { SMALL_BYTES_MAX } from "./shared/limits";
import { NOT_LIVE, OK } from "./shared/status";
import { allocUnsafe, freeScrubbed, refuse, roundUp, usableSize } from "./heap";

// So many grains are zeroed under the page lock, some 50 µs.
const ZEROED_LOCKED: u32 = 1024;

/**
 * Makes the raw block at `p` hold `bytes` ≥ 1 bytes, in place where its class or the run behind it allows. Returns where it is
 * now; bytes beyond the old usable size are zero. 0: it could not, and the block at `p` is untouched.
 */
export function realloc(p: usize, bytes: u32): usize {
  const before = usableSize(p);
  if (before == 0) return refuse(NOT_LIVE);
  const word = load32(wordAt(<u32>(p >>> GRAIN_SHIFT)));
  const kind = kindOf(word);
  if (kind > <u32>KIND_BUDGET) return refuse(NOT_LIVE);
  if (roundUp(bytes) == before) return p;
  if (bytes > <u32>SMALL_BYTES_MAX && (word & T_MASK) == T_RUN && kind == KIND_RAW && resizeRun(p, word, bytes))
    return p;
  const moved = kind == KIND_BUDGET ? allocBeside(p, word, bytes) : allocUnsafe(bytes);
  if (moved == 0) return bytes <= before ? p : 0; // a block that cannot shrink still holds what was asked for
  const kept = min(before, bytes);
  copy(moved, p, kept);
  // Not what the words say where it lies: it may be a budget's that is closed by now.
  const granted = roundUp(bytes);
  if (granted > before) zero(moved + before, granted - before);
  put32(slot + S_MOVED, <u32>moved);
  const isFreed = moved != p && freeScrubbed(p);
  put32(slot + S_MOVED, 0);
  if (isFreed) return moved;
  freeScrubbed(moved); // another thread freed the block meanwhile, and what was given out may be that very block
  return refuse(NOT_LIVE);
}

/** Moves the end of the run at `p`, if the run behind it allows. */
function resizeRun(p: usize, word: u32, bytes: u32): bool {
  const g = <u32>(p >>> GRAIN_SHIFT);
  const length = word >>> W_LENGTH_SHIFT;
  if (bytes > (grains - firstGrain) << GRAIN_SHIFT) return false;
  const wanted = (bytes + GRAIN_BYTES - 1) >>> GRAIN_SHIFT;
  if (lock() != OK) return false;
  // Freed, and perhaps something else by now, while this thread waited: only RUN → FREED happens without the lock.
  if (load32(wordAt(g)) != word) {
    letGo();
    return false;
  }
  let done: bool;
  const isShort = wanted - length <= ZEROED_LOCKED;
  if (wanted > length) {
    beginAlloc(p | J_RESIZE);
    done = growRun(g, word, wanted - length);
    endAlloc(done ? (wanted - length) << GRAIN_SHIFT : 0);
    // In that straight line too; others would wait too long for what is long.
    if (done && isShort) {
      wipe(p + ((<usize>length) << GRAIN_SHIFT), (wanted - length) << GRAIN_SHIFT);
      put32(slot + S_MOVED, <u32>p);
    }
  } else {
    // From here to the count one straight line: an exception must find the block whole, or short already.
    if (scrubs) wipe(p + ((<usize>wanted) << GRAIN_SHIFT), (length - wanted) << GRAIN_SHIFT);
    beginFree(p | J_RESIZE);
    done = shrinkRun(g, word, wanted);
    endFree(done ? (length - wanted) << GRAIN_SHIFT : 0);
    if (done) put32(slot + S_MOVED, <u32>p);
    if (done) trimGrain(g + wanted);
  }
  letGo();
  put32(slot + S_MOVED, 0);
  if (done && wanted > length && !isShort) zero(p + ((<usize>length) << GRAIN_SHIFT), (wanted - length) << GRAIN_SHIFT);
  return done;
}
