// Leases: a record in this thread's hand. A WriteLease is a place to fill, which nobody sees until it is committed; a ReadLease is a record that
// was taken, to be read where it lies. Either costs its memory and no place in the ring, and is given back once: by its holder, by leaving
// the ring, or by the recovery of the thread that ended with it.
//
// One is made for each record, so they are as small as can be: two classes without a third below them, and fields that are declared, for one that is
// defined costs as much as the rest of the lease (it is defined by its name, before the constructor gives it a value).

import { BLOCK_AT, isRedelivered, LENGTH_AT, NUMBER_AT } from "../../bindings/ringhands.js";
import type { RingPort } from "../../bindings/rings.js";
import { integer } from "../options.js";
import { StaleLeaseError } from "./errors.js";

/** @internal What a lease needs of its ring. */
export interface LeaseSource {
  readonly port: RingPort;
  readonly name: string;
  /** Marks what it has in hand, where several use the ring in this thread: 0: there is no need. */
  readonly mark: number;
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

/** A place for a record of `size` bytes, taken by `ring.reserve(bytes)`. Not zeroed. */
export class WriteLease {
  /** @internal */
  declare private readonly source: LeaseSource;
  /** @internal 0: given back. */
  declare private descriptor: number;
  /** Bytes that it was asked for. */
  declare readonly size: number;

  /** @internal */
  constructor(source: LeaseSource, descriptor: number, size: number) {
    this.source = source;
    this.descriptor = descriptor;
    this.size = size;
    if (source.mark !== 0) source.port.hands.mark(descriptor, source.mark);
  }

  /** Where it begins in the region: for the views of `region.heap`. */
  get offset(): number {
    const { source, descriptor } = this;
    if (descriptor === 0 || source.isLeft) this.held();
    return (source.port.i32[(descriptor >>> 2) + BLOCK_AT] as number) >>> 0;
  }

  /** Its bytes, to be written. A view of shared memory: of no use once it was committed or aborted. */
  get bytes(): Uint8Array {
    return this.source.port.viewOf(this.held(), this.size);
  }

  /**
   * Puts its first `bytes` bytes into the ring as a record; all of them unless told. Answers as `push` does: where there is no place, what was
   * written is gone.
   * @throws RingClosedError; RingFullError with the policy `error`; TypeError, RangeError for a wrong length: then it is still in hand.
   */
  commit(bytes: number = this.size): boolean {
    const { source, descriptor } = this;
    if (bytes !== this.size || descriptor === 0 || !source.isStraight) return this.#commit(bytes);
    this.descriptor = 0;
    const status = source.port.commit(descriptor, bytes, 0);
    return status === 0 || source.answer(status, bytes);
  }

  #commit(bytes: number): boolean {
    const { source } = this;
    integer("bytes", bytes, 0, this.size);
    const descriptor = this.held();
    this.descriptor = 0;
    try {
      return source.commit(descriptor, bytes);
    } finally {
      if (source.isEnded) source.leaseDone();
    }
  }

  /** Gives it back. False: it was committed or given back before. */
  abort(): boolean {
    const { source, descriptor } = this;
    if (descriptor === 0 || source.isLeft) return false;
    this.descriptor = 0;
    source.port.giveBack(descriptor);
    if (source.isEnded) source.leaseDone();
    return true;
  }

  [Symbol.dispose](): void {
    this.abort();
  }

  /** @internal */
  private held(): number {
    if (this.descriptor !== 0 && !this.source.isLeft) return this.descriptor;
    throw new StaleLeaseError(this.source.name);
  }
}

/** The oldest record, taken by `ring.take()`. */
export class ReadLease {
  /** @internal */
  declare private readonly source: LeaseSource;
  /** @internal 0: given back. */
  declare private descriptor: number;
  /** Its length. */
  declare readonly size: number;
  // The two halves of the descriptor's word as it was taken, as they come: what they say is made of them when somebody asks.
  /** @internal */
  declare private readonly flags: number;
  /** @internal */
  declare private readonly number: number;

  /** @internal */
  constructor(source: LeaseSource, descriptor: number) {
    const { i32 } = source.port;
    const at = descriptor >>> 2;
    this.source = source;
    this.descriptor = descriptor;
    this.size = i32[at + LENGTH_AT] as number;
    this.flags = i32[at] as number;
    this.number = i32[at + NUMBER_AT] as number;
    if (source.mark !== 0) source.port.hands.mark(descriptor, source.mark);
  }

  /** Which record of the ring it is: they are counted from 0 on, modulo 2^32. */
  get sequence(): number {
    return this.number >>> 0;
  }

  /** Whether it was in a thread's hand before that died (`delivery: "at-least-once"`). */
  get isRedelivered(): boolean {
    return isRedelivered(this.flags);
  }

  /** Where it begins in the region; 0 after its release. */
  get offset(): number {
    const { source, descriptor } = this;
    if (descriptor === 0 || source.isLeft) return 0;
    return (source.port.i32[(descriptor >>> 2) + BLOCK_AT] as number) >>> 0;
  }

  /** Its bytes, where they lie: a view of shared memory, of no use after its release. Empty after it. */
  get bytes(): Uint8Array {
    const isHeld = this.descriptor !== 0 && !this.source.isLeft;
    return isHeld ? this.source.port.viewOf(this.descriptor, this.size) : new Uint8Array(0);
  }

  /** Gives its memory back to the ring's pool. False: it was before. */
  release(): boolean {
    const { source, descriptor } = this;
    if (descriptor === 0 || source.isLeft) return false;
    this.descriptor = 0;
    source.port.giveBack(descriptor);
    if (source.isEnded) source.leaseDone();
    return true;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
