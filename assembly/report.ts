// Report: where `check` and `recover` put what they found, for the caller outside to read. Owns S_OUT of this owner's slot; valid
// until this owner's next call of either.

import { get32, put32, put64 } from "./memory";
import { slot } from "./owners";
import { OUT_LIST, OUT_LIST_MAX, OUT_PROBLEMS, S_OUT, S_OUT_WORDS } from "./shared/layout";

export function clearReport(): void {
  for (let i: usize = 0; i < <usize>S_OUT_WORDS; i++) put32(slot + S_OUT + (i << 2), 0);
}

export function out(index: usize, value: u32): void {
  put32(slot + S_OUT + (index << 2), value);
}

export function out64(index: usize, value: u64): void {
  put64(slot + S_OUT + (index << 2), value);
}

export function add(index: usize, value: u32): void {
  out(index, get32(slot + S_OUT + (index << 2)) + value);
}

/** One of the problems that `check` lists: a code (BAD_…) and where. */
export function problem(code: u32, where: u32): void {
  const count = get32(slot + S_OUT + (OUT_PROBLEMS << 2));
  out(OUT_PROBLEMS, count + 1);
  if (count >= <u32>OUT_LIST_MAX) return;
  out(OUT_LIST + count * 2, code);
  out(OUT_LIST + count * 2 + 1, where);
}
