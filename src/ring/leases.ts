// Leases: a record in this thread's hand. A WriteLease is a place to fill, which nobody sees until it is committed; a ReadLease is a record that
// was taken, to be read where it lies. Either costs its memory and no place in the ring, and is given back once: by its holder, by leaving
// the ring, or by the recovery of the thread that ended with it.

import type { RingPort } from "../../bindings/rings.js";
import { integer } from "../options.js";
import { StaleLeaseError } from "./errors.js";

/** @internal What a lease needs of its ring. */
export interface LeaseSource {
  readonly port: RingPort;
  readonly name: string;
  /** The lease that was made last. */
  leases: Lease | undefined;
  /** There is one lease less. */
  leaseDone(): void;
  /** Puts the record in hand into the ring; whatever it answers, it is in hand no more. */
  commit(descriptor: number, bytes: number): boolean;
}

/** What is in hand, and its place among the leases of its ring: a list, for a set would cost more than the lease. */
export class Lease {
  /** @internal */
  protected readonly source: LeaseSource;
  /** @internal 0: given back. */
  protected descriptor: number;
  #before: Lease | undefined;
  #after: Lease | undefined;

  /** @internal */
  constructor(source: LeaseSource, descriptor: number) {
    this.source = source;
    this.descriptor = descriptor;
    this.#after = source.leases;
    if (source.leases !== undefined) source.leases.#before = this;
    source.leases = this;
  }

  /** @internal It is in hand no more; its descriptor. */
  protected end(): number {
    const { descriptor, source } = this;
    this.descriptor = 0;
    if (this.#before === undefined) source.leases = this.#after;
    else this.#before.#after = this.#after;
    if (this.#after !== undefined) this.#after.#before = this.#before;
    return descriptor;
  }

  /** @internal Gives it back. */
  giveBack(): boolean {
    if (this.descriptor === 0) return false;
    this.source.port.release(this.end());
    this.source.leaseDone();
    return true;
  }

  /** @internal This thread leaves the ring, which gives back all that it has in hand. */
  forget(): void {
    this.end();
  }
}

/** A place for a record of `size` bytes, taken by `ring.reserve(bytes)`. Not zeroed. */
export class WriteLease extends Lease {
  /** Bytes that it was asked for. */
  readonly size: number;

  /** @internal */
  constructor(source: LeaseSource, descriptor: number, size: number) {
    super(source, descriptor);
    this.size = size;
  }

  /** Where it begins in the region: for the views of `region.heap`. */
  get offset(): number {
    return this.source.port.offsetOf(this.#held());
  }

  /** Its bytes, to be written. A view of shared memory: of no use once it was committed or aborted. */
  get bytes(): Uint8Array {
    return this.source.port.viewOf(this.#held(), this.size);
  }

  /**
   * Puts its first `bytes` bytes into the ring as a record; all of them unless told. Answers as `push` does: where there is no place, what was
   * written is gone.
   * @throws RingClosedError; RingFullError with the policy `error`; TypeError, RangeError for a wrong length: then it is still in hand.
   */
  commit(bytes: number = this.size): boolean {
    integer("bytes", bytes, 0, this.size);
    this.#held();
    try {
      return this.source.commit(this.end(), bytes);
    } finally {
      this.source.leaseDone();
    }
  }

  /** Gives it back. False: it was committed or given back before. */
  abort(): boolean {
    return this.giveBack();
  }

  [Symbol.dispose](): void {
    this.giveBack();
  }

  #held(): number {
    if (this.descriptor !== 0) return this.descriptor;
    throw new StaleLeaseError(this.source.name);
  }
}

/** The oldest record, taken by `ring.take()`. */
export class ReadLease extends Lease {
  /** Its length. */
  readonly size: number;
  /** Which record of the ring it is: they are counted from 0 on, modulo 2^32. */
  readonly sequence: number;
  /** Whether it was in a thread's hand before that died (`delivery: "at-least-once"`). */
  readonly isRedelivered: boolean;

  /** @internal */
  constructor(source: LeaseSource, descriptor: number) {
    super(source, descriptor);
    const { port } = source;
    this.size = port.lengthOf(descriptor);
    this.sequence = port.sequenceOf(descriptor);
    this.isRedelivered = port.isRedelivered(descriptor);
  }

  /** Where it begins in the region; 0 after its release. */
  get offset(): number {
    return this.descriptor === 0 ? 0 : this.source.port.offsetOf(this.descriptor);
  }

  /** Its bytes, where they lie: a view of shared memory, of no use after its release. Empty after it. */
  get bytes(): Uint8Array {
    return this.descriptor === 0 ? new Uint8Array(0) : this.source.port.viewOf(this.descriptor, this.size);
  }

  /** Gives its memory back to the ring's pool. False: it was before. */
  release(): boolean {
    return this.giveBack();
  }

  [Symbol.dispose](): void {
    this.giveBack();
  }
}
