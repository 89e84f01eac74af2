// Undo: the log of what the holder of a cache's latch is changing, so that a change of many words is made whole or not at all. Owns K_LOG. A word
// that others can reach is written through here; what it was stands in the log before it is changed.
//
//   K_LOG_COUNT = 0   ⇔ nothing is half done
//   who takes the latch from a dead holder writes back what the log says, the last first, and only then empties it: as often as that is
//   begun, the same comes of it
//
// Not in the log: places in the table, which are the truth of what is in (cache.ts), and bytes that nothing names yet.

import { get32, get64, put32, put64 } from "./memory";
import { K_LOG, K_LOG_COUNT, LOG_MAX } from "./shared/caches";
import { BAD_CACHE } from "./shared/status";
import { poison } from "./header";

let log: usize = 0;
let count: u32 = 0;

/** Begins a change of the cache at `cache`. */
export function begin(cache: usize): void {
  log = cache;
  count = 0;
}

/** What was changed stands. */
export function end(): void {
  put32(log + K_LOG_COUNT, 0); // commit
  count = 0;
}

/** Writes `value` to the word at `at`, which the log can write back. */
export function set32(at: usize, value: u32): void {
  if (count == <u32>LOG_MAX) poison(BAD_CACHE);
  const entry = log + K_LOG + ((<usize>count) << 3);
  put64(entry, ((<u64>get32(at)) << 32) | at);
  put32(log + K_LOG_COUNT, ++count);
  put32(at, value);
}

export function add32(at: usize, value: u32): void {
  set32(at, get32(at) + value);
}

export function setFloat(at: usize, value: f64): void {
  const bits = reinterpret<u64>(value);
  set32(at, <u32>bits);
  set32(at + 4, <u32>(bits >> 32));
}

/** What was changed by a holder before stands. */
export function keep(cache: usize): void {
  put32(cache + K_LOG_COUNT, 0); // commit
  count = 0;
}

/** Writes back what was changed. */
export function rollBack(cache: usize): void {
  for (let i = get32(cache + K_LOG_COUNT); i != 0; i--) {
    const entry = get64(cache + K_LOG + ((<usize>(i - 1)) << 3));
    put32(<usize>(<u32>entry), <u32>(entry >> 32));
  }
  put32(cache + K_LOG_COUNT, 0); // commit
  count = 0;
}
