// Mixed: a heap with a piece of every sort in it, and what check() must say once one of them is corrupted by hand.

import { put32 } from "../memory";
import { allocUnsafe, free } from "../heap";
import { slot } from "../owners";
import { blockAlloc } from "../record";
import {
  GRAIN_SHIFT,
  OUT_LIST_MAX,
  OUT_PROBLEMS,
  R_SLAB,
  S_BLOCK_HINTS,
  S_BLOCK_HINT_SHIFT,
  S_HINTS,
  S_HINT_SHIFT,
} from "../shared/layout";
import { CLASS_COUNT } from "../shared/limits";
import { OK } from "../shared/status";
import { checkAll, fresh, is, outWord, problemCode, problemWhere, problems, same, sound, text } from "./lib";

export let slab: u32 = 0; // a raw slab with taken and free blocks, several grains long
export let emptySlab: u32 = 0; // a raw slab without a taken block that is nobody's current
export let blockSlab: u32 = 0; // a Block slab with a taken and free blocks
export let run: u32 = 0;
export let blockRun: u32 = 0;
export let hole: u32 = 0; // a free run between two runs

export function grainOf(p: usize): u32 {
  return <u32>(p >>> GRAIN_SHIFT);
}

/** Forgets the current slabs of this owner. */
export function forgetCurrents(): void {
  for (let c: usize = 1; c <= <usize>CLASS_COUNT; c++) {
    put32(slot + S_HINTS + (c << S_HINT_SHIFT) + R_SLAB, 0);
    put32(slot + S_BLOCK_HINTS + (c << S_BLOCK_HINT_SHIFT) + R_SLAB, 0);
  }
}

/** A heap with a piece of every sort in it. */
export function mixed(): void {
  fresh(16, 3);
  const p = allocUnsafe(1400);
  slab = grainOf(p);
  const q = allocUnsafe(700);
  emptySlab = grainOf(q);
  forgetCurrents();
  free(q);
  blockSlab = grainOf(blockAlloc(50, 8));
  const a = allocUnsafe(10000);
  const b = allocUnsafe(12000);
  const c = allocUnsafe(14000);
  run = grainOf(a);
  hole = grainOf(b);
  is(c != 0 && free(b), true, "hole", 0);
  blockRun = grainOf(blockAlloc(9000, 8));
  forgetCurrents();
  sound("mixed", 0);
}

/** check() reports this code, at this place, and at first or alone. */
export function reports(code: u32, where: u32, what: string): void {
  same(checkAll(), OK, "check, " + what, code);
  is(outWord(OUT_PROBLEMS) > 0, true, "a problem, " + what, code);
  for (let i: u32 = 0; i < min(outWord(OUT_PROBLEMS), <u32>OUT_LIST_MAX); i++) {
    if (problemCode(i) == code && problemWhere(i) == where) return;
  }
  expect<string>(problems()).toBe(text(code) + "@" + text(where), what);
}

/** The same, and nothing else. */
export function reportsOnly(code: u32, where: u32, what: string): void {
  reports(code, where, what);
  if (outWord(OUT_PROBLEMS) != 1) expect<string>(problems()).toBe(text(code) + "@" + text(where), what);
}
