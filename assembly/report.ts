// Report: where `check` and `recover` put what they found, for the caller outside to read. Owns S_OUT of this owner's slot; valid
// until this owner's next call of either.

import { get32, put32 } from "./memory";
import { slot } from "./owners";
import { S_OUT, S_OUT_WORDS } from "./shared/layout";

export function clearReport(): void {
  for (let i: usize = 0; i < <usize>S_OUT_WORDS; i++) put32(slot + S_OUT + (i << 2), 0);
}

export function out(index: usize, value: u32): void {
  put32(slot + S_OUT + (index << 2), value);
}

export function add(index: usize, value: u32): void {
  out(index, get32(slot + S_OUT + (index << 2)) + value);
}
