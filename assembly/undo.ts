// Undo: the log of what the holder of a cache's latch is changing, so that a change of many words is made whole or not at all. Owns K_LOG. A word
// that others can reach is written through here; what it was stands in the log before it is changed.
//
//   the log's first entry is 0   ⇔ no change is half done
//   who takes the latch from a dead holder writes back what the log says, the last first, and only then empties it: as often as that is
//   begun, the same comes of it
//
// An entry is what a word was << 32 | its address, and 0 ends the log. So the end is said first, then the entry, then the word is changed.
// A word that is in the log of this change already, or that nobody looks at once the change is undone, needs no entry (again).
//
// Not in the log: places in the table, which are the truth of what is in (cache.ts), and bytes that nothing names yet.

import { get32, get64, put32, put64 } from "./memory";
import { K_LOG, LOG_MAX } from "./shared/caches";
import { BAD_CACHE } from "./shared/status";
import { poison } from "./header";

let first: usize = 0;
let last: usize = 0;

/** Begins a change of the cache at `cache`. */
export function begin(cache: usize): void {
  first = cache + K_LOG;
  last = first;
}

/** What was changed stands. */
export function end(): void {
  // The longest change there is has some sixty words: this is for those to come.
  if (last - first > (<usize>LOG_MAX) << 3) poison(BAD_CACHE);
  put64(first, 0); // commit
  last = first;
}

/** Writes `value` to the word at `at`, which the log can write back. */
export function set32(at: usize, value: u32): void {
  last = write(last, at, value);
}

// Where the log goes on stands in memory, and each word's writing would wait for the one before to have it stored. Who writes several keeps it itself:
//   let log = opened();  log = write(log, …);  …  closed(log);      and between those two nothing else may write through the log

/** Where the log of this change goes on. */
export function opened(): usize {
  return last;
}

/** As `set32`, to a log that goes on at `log`; where it goes on then. */
export function write(log: usize, at: usize, value: u32): usize {
  put64(log + 8, 0);
  put64(log, ((<u64>get32(at)) << 32) | at);
  put32(at, value);
  return log + 8;
}

export function closed(log: usize): void {
  last = log;
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
  put64(cache + K_LOG, 0); // commit
}

/** Writes back what was changed. */
export function rollBack(cache: usize): void {
  const start = cache + K_LOG;
  let stop = start;
  while (get32(stop) != 0) stop += 8;
  for (let at = stop; at != start;) {
    at -= 8;
    const entry = get64(at);
    put32(<usize>(<u32>entry), <u32>(entry >> 32));
  }
  put64(start, 0); // commit
}
