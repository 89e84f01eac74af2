// Leases: a record in this thread's hand. A WriteLease is a place to fill, which nobody sees until it is committed; a ReadLease is a record that
// was taken, to be read where it lies. Either costs its memory and no place in the ring, and is given back once: by its holder, by leaving
// the ring, or by the recovery of the thread that ended with it.
//
// One is made for each record unless an old one is given to be used again, so they are as small as can be: two classes without a third below them.
// What each record passes is short, for V8 puts only so much into one loop: what is rare stands in methods of its own. Which record it has in hand a
// lease learns last: who is cut before that (a call too deep) is left with one that has none, not with another's memory.

import type { RingPort } from "../../bindings/rings.js";
import { integer } from "../options.js";
import { describe } from "../size.js";
import { StaleLeaseError } from "./errors.js";

/** @internal What a lease needs of its ring. */
export interface LeaseSource {
  readonly port: RingPort;
  readonly name: string;
  /** Nothing but the core has to be asked or told of what is put in: it was not left, its limit is fixed, no budget, nobody listens. */
  readonly isStraight: boolean;
  /** This thread uses the ring no more, and has nothing of it in hand. */
  readonly isLeft: boolean;
  /** It was seen closed and empty: the last lease that comes back ends this thread's part in it. */
  readonly isEnded: boolean;
  /** There is one lease less. */
  leaseDone(): void;
  /** Puts the record in hand into the ring; whatever it answers, it is in hand no more. */
  commit(descriptor: number, bytes: number): boolean;
  /** What `commit` answers when the core answered this. */
  answer(status: number, bytes: number): boolean;
}

/** @internal What reserve and take were given to use again. @throws TypeError for what has something in hand, or is no such lease. */
export function requireSpare(what: "reserve" | "take", again: unknown): void {
  const lease = what === "take" ? ReadLease : WriteLease;
  if (!(again instanceof lease))
    throw new TypeError(`${what} can use a lease of ${what} again, got ${describe(again)}`);
  if (again.isHeld)
    throw new TypeError(`${what}: the lease to be used again still has a record in hand: give that back first`);
}

/** A place for a record of `size` bytes, taken by `ring.reserve(bytes)`. Not zeroed. */
export class WriteLease {
  /** @internal */
  private source: LeaseSource;
  /** @internal */
  private at: number;
  /** @internal */
  private length: number;
  /** @internal The descriptor of the place; 0: given back. */
  place: number;

  /** @internal */
  constructor(source: LeaseSource) {
    this.source = source;
    this.at = 0;
    this.length = 0;
    this.place = 0;
  }

  /** @internal Gives it a place, whatever it had before. */
  hold(source: LeaseSource, place: number, length: number): this {
    this.at = source.port.offsetOf(place);
    this.length = length;
    if (this.source !== source) this.source = source;
    this.place = place;
    return this;
  }

  /** @internal */
  get isHeld(): boolean {
    return this.place !== 0 && !this.source.isLeft;
  }

  /** Bytes that it was asked for. */
  get size(): number {
    return this.length;
  }

  /** Where it begins in the region: for the views of `region.heap`. @throws StaleLeaseError once it was committed or given back. */
  get offset(): number {
    return this.place === 0 || this.source.isLeft ? this.stale() : this.at;
  }

  /** Its bytes, to be written. A view of shared memory: of no use once it was committed or aborted. @throws StaleLeaseError after that. */
  get bytes(): Uint8Array {
    return this.source.port.viewOf(this.offset, this.length);
  }

  /**
   * Puts its first `bytes` bytes into the ring as a record; all of them unless told. Answers as `push` does: where there is no place, what was
   * written is gone.
   * @throws RingClosedError; RingFullError with the policy `error`; TypeError, RangeError for a wrong length: then it is still in hand.
   */
  commit(bytes: number = this.length): boolean {
    const { source, place } = this;
    if (bytes !== this.length || place === 0 || !source.isStraight) return this.commitElse(bytes);
    this.place = 0;
    const status = source.port.commit(place, bytes, 0);
    return status === 0 || source.answer(status, bytes);
  }

  /** @internal */
  private commitElse(bytes: number): boolean {
    const { source, place } = this;
    integer("bytes", bytes, 0, this.length);
    if (!this.isHeld) this.stale();
    this.place = 0;
    try {
      return source.commit(place, bytes);
    } finally {
      if (source.isEnded) source.leaseDone();
    }
  }

  /** Gives it back. False: it was committed or given back before. */
  abort(): boolean {
    const { source, place } = this;
    if (place === 0 || source.isLeft) return false;
    this.place = 0;
    source.port.giveBack(place);
    if (source.isEnded) source.leaseDone();
    return true;
  }

  [Symbol.dispose](): void {
    this.abort();
  }

  /** @internal */
  private stale(): never {
    throw new StaleLeaseError(this.source.name);
  }
}

/** The oldest record, taken by `ring.take()`. */
export class ReadLease {
  /** @internal */
  private source: LeaseSource;
  /** @internal */
  private at: number;
  /** @internal */
  private length: number;
  /** @internal The descriptor of the record; 0: given back. */
  record: number;

  /** @internal */
  constructor(source: LeaseSource) {
    this.source = source;
    this.at = 0;
    this.length = 0;
    this.record = 0;
  }

  /** @internal Gives it a record, whatever it had before. */
  hold(source: LeaseSource, record: number): this {
    const { port } = source;
    this.at = port.offsetOf(record);
    this.length = port.lengthOf(record);
    if (this.source !== source) this.source = source;
    this.record = record;
    return this;
  }

  /** @internal */
  get isHeld(): boolean {
    return this.record !== 0 && !this.source.isLeft;
  }

  /** Its length. */
  get size(): number {
    return this.length;
  }

  /** Which record of the ring it is: they are counted from 0 on, modulo 2^32. @throws StaleLeaseError after its release. */
  get sequence(): number {
    return this.source.port.numberOf(this.#held());
  }

  /** Whether it was in a thread's hand before that died (`delivery: "at-least-once"`). @throws StaleLeaseError after its release. */
  get isRedelivered(): boolean {
    return this.source.port.isAgain(this.#held());
  }

  /** Where it begins in the region; 0 after its release. */
  get offset(): number {
    return this.record === 0 || this.source.isLeft ? 0 : this.at;
  }

  /** Its bytes, where they lie: a view of shared memory, of no use after its release. Empty after it. */
  get bytes(): Uint8Array {
    return this.isHeld ? this.source.port.viewOf(this.at, this.length) : new Uint8Array(0);
  }

  /** Gives its memory back to the ring's pool. False: it was before. */
  release(): boolean {
    const { source, record } = this;
    if (record === 0 || source.isLeft) return false;
    this.record = 0;
    source.port.giveBack(record);
    if (source.isEnded) source.leaseDone();
    return true;
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #held(): number {
    if (!this.isHeld) throw new StaleLeaseError(this.source.name);
    return this.record;
  }
}
