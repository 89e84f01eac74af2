// Ring counters: what a ring counts, of all threads that ever used it. Each thread writes its own party's words; they are read without a wasm
// call. What a thread counts of its waits it writes itself, from here.

import {
  DROPPED_SHIFT,
  LAPS,
  P_AGAIN,
  P_DROPPED,
  P_LOST,
  P_PEAK,
  P_REFUSED,
  P_RESIZES,
  P_TIMEOUTS,
  P_WAITED,
  P_WAITS,
  PARTY_BYTES,
  Q_HEAD,
  Q_PARTIES,
  Q_TAIL,
} from "../assembly/shared/rings.js";
import type { Core } from "./core.js";

/** What they say. */
export interface RingCounts {
  readonly pushed: number;
  readonly taken: number;
  readonly dropped: number;
  readonly refused: number;
  readonly lost: number;
  readonly peak: number;
  readonly waits: number;
  readonly timeouts: number;
  readonly resizes: number;
  readonly waitedMs: number;
}

// Where the core's sequences come round, and how often that was counted.
const LAP = 2 ** 30;

export class RingCounters {
  readonly #core: Core;
  readonly #at: number;
  readonly #party: number;
  readonly #i64: BigInt64Array<ArrayBufferLike>;
  readonly #f64: Float64Array<ArrayBufferLike>;

  constructor(core: Core, at: number) {
    this.#core = core;
    this.#at = at;
    this.#party = (core.i32[(at + Q_PARTIES) >>> 2] as number) + (core.ownerId & 0xff) * PARTY_BYTES;
    this.#i64 = core.whole(BigInt64Array);
    this.#f64 = core.whole(Float64Array);
  }

  #add(offset: number): void {
    const { i32 } = this.#core;
    const at = (this.#party + offset) >>> 2;
    i32[at] = (i32[at] as number) + 1;
  }

  noteWait(ms: number, isLate: boolean): void {
    this.#add(P_WAITS);
    if (isLate) this.#add(P_TIMEOUTS);
    const at = (this.#party + P_WAITED) >>> 3;
    this.#f64[at] = (this.#f64[at] as number) + ms;
  }

  noteResize(): void {
    this.#add(P_RESIZES);
  }

  /** What the core counted as refused last waits for room, or is tried once more. */
  notRefused(): void {
    const at = (this.#party + P_REFUSED) >>> 3;
    this.#i64[at] = (this.#i64[at] as bigint) - 1n;
  }

  /** Up to which count of records to be delivered again this attachment has looked for them in vain. */
  get lookedFor(): number {
    return (this.#core.i32[(this.#party + P_AGAIN) >>> 2] as number) >>> 0;
  }

  read(): RingCounts {
    const sum = { dropped: 0, lost: 0, refused: 0, peak: 0, waits: 0, timeouts: 0, resizes: 0, waitedMs: 0 };
    const { i32, maxOwners } = this.#core;
    const at = i32[(this.#at + Q_PARTIES) >>> 2] as number;
    for (let index = 1; index <= maxOwners; index++) {
      const party = at + index * PARTY_BYTES;
      sum.dropped += this.#wide(party + P_DROPPED, DROPPED_SHIFT);
      sum.lost += this.#wide(party + P_LOST, DROPPED_SHIFT);
      sum.refused += this.#wide(party + P_REFUSED, 0);
      sum.peak = Math.max(sum.peak, i32[(party + P_PEAK) >>> 2] as number);
      sum.waits += i32[(party + P_WAITS) >>> 2] as number;
      sum.timeouts += i32[(party + P_TIMEOUTS) >>> 2] as number;
      sum.resizes += i32[(party + P_RESIZES) >>> 2] as number;
      sum.waitedMs += this.#f64[(party + P_WAITED) >>> 3] as number;
    }
    // The tail first: the head only moves on, so what is queued is never more than there was room for.
    const pushed = this.#counted(Q_TAIL);
    return { ...sum, pushed, taken: Math.min(pushed, this.#counted(Q_HEAD)) };
  }

  #wide(at: number, shift: number): number {
    const word = Atomics.load(this.#i64, at >>> 3);
    return Number(BigInt.asUintN(64, word) >> BigInt(shift));
  }

  /** All that ever passed the tail or the head. A round may have been counted late, or by nobody, where a thread died. */
  #counted(offset: number): number {
    const sequence = this.#word(offset + 4);
    let rounds = this.#word(offset + LAPS);
    if (Math.floor(this.#word(offset + 4) / LAP) !== Math.floor(sequence / LAP)) return this.#counted(offset);
    while (rounds % 4 !== Math.floor(sequence / LAP)) rounds++;
    return rounds * LAP + (sequence % LAP);
  }

  #word(offset: number): number {
    return Atomics.load(this.#core.i32, (this.#at + offset) >>> 2) >>> 0;
  }
}
