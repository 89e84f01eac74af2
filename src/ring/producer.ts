// Producer: what a ring's producer does: puts records in, by the ring's policy, tells what is dropped for them, hears of the watermarks, and
// says how much the ring may hold. Owns nothing but who listens in this thread.

import { lengthOf } from "../../bindings/honest.js";
import { RING_DROPPED, RING_FULL, RING_IS_HIGH, type RingPort } from "../../bindings/rings.js";
import { CLOSED, OK } from "../../bindings/status.js";
import { integer, ownOptions } from "../options.js";
import { describe } from "../size.js";
import { decoded, encoded, isOfBytes, type RingCodec } from "./codec.js";
import { RingClosedError, RingFullError } from "./errors.js";
import { requireSpare, WriteLease } from "./leases.js";
import { Listeners } from "./listeners.js";
import { bytesOf, dropsOldest, marksOf, type Overflow, type RingRules } from "./options.js";
import { FOREVER } from "./patience.js";
import type { Seat } from "./seat.js";
import type { Found } from "./waits.js";

/** @internal */
export class Producer<T> {
  readonly listeners = new Listeners<T>();
  private readonly seat: Seat;
  private readonly port: RingPort;
  readonly #rules: RingRules;
  readonly #codec: RingCodec<T>;
  readonly #charged: (() => void) | undefined;
  private readonly maxBytes: number;
  /** Whether its values are the records. */
  private readonly isOfBytes: boolean;
  /** What was dropped in this call, to be told when it is done. */
  #dropped: Uint8Array[] = [];
  #isHigh = false;

  constructor(seat: Seat, codec: RingCodec<T>) {
    const { rules, charged } = seat.host;
    this.seat = seat;
    this.port = seat.port;
    this.#rules = rules;
    this.#codec = codec;
    this.#charged = charged;
    this.maxBytes = rules.maxBytes;
    this.isOfBytes = isOfBytes(codec);
    seat.commit = (descriptor, bytes) => this.#commitLease(descriptor, bytes);
    seat.answer = (status, bytes) => this.#answer(status, bytes);
    this.#straighten();
  }

  /** The policy there is now: that of `resize` is its fallback, for it is only asked when there is nothing to resize. */
  get #policy(): Overflow {
    return this.#rules.overflow === "resize" ? this.#rules.fallback : this.#rules.overflow;
  }

  get waitsForRoom(): boolean {
    return this.#policy === "block" || this.#policy === "block-timeout";
  }

  get sendTimeout(): number {
    return this.#policy === "block-timeout" ? this.#rules.timeoutMs : FOREVER;
  }

  #straighten(): void {
    const { rules } = this.seat.host;
    const isAlone = this.#charged === undefined && !this.listeners.wantsDropped;
    this.seat.straighten(isAlone && rules.overflow !== "resize");
  }

  onDropped(listener: (value: T) => void): () => void {
    const stop = this.listeners.onDropped(listener);
    this.#straighten();
    return () => {
      stop();
      this.#straighten();
    };
  }

  /** A straight line for bytes; all else is rarer, or takes longer by itself. */
  push(value: T): boolean {
    if (!this.seat.isStraight || !this.isOfBytes || !(value instanceof Uint8Array))
      return this.#add(encoded(this.#codec, value));
    const bytes = lengthOf(value);
    if (bytes > this.maxBytes) return this.#add(encoded(this.#codec, value));
    const status = this.port.push(value, bytes);
    if (status === OK || (status === RING_IS_HIGH && !this.listeners.hearsMarks)) return true;
    return this.#pushed(encoded(this.#codec, value), status);
  }

  #pushed(record: Uint8Array, status: number): boolean {
    return this.#answer(this.#settle(record, status), record.length);
  }

  /** Adds one record, or what it asks each time that it is called; undefined: there is no place, and it waits for some. */
  sender(value: T): () => Found<boolean> {
    const record = encoded(this.#codec, value);
    this.#requireFits(record.length);
    return () => {
      const isIn = this.#add(record);
      if (isIn || !this.waitsForRoom) return { value: isIn };
      this.port.counters.notRefused();
      return undefined;
    };
  }

  /** Whether a try to send is worth it. */
  readonly isRoomLikely = (): boolean => this.seat.isLeft || this.port.size < this.port.limit;

  pushMany(values: readonly T[]): number {
    if (!Array.isArray(values)) throw new TypeError(`pushMany takes an array, got ${describe(values)}`);
    const records = Array.from(values as readonly T[], (value) => encoded(this.#codec, value));
    for (const { length } of records) this.#requireFits(length);
    this.seat.requireUsed();
    let done = 0;
    // Who is told of what was dropped may leave.
    while (done < records.length && !this.seat.isLeft) {
      // Who wants what is dropped must have it handed out, one by one.
      if (!this.listeners.wantsDropped) done += this.port.pushMany(records, done);
      const record = records[done];
      if (record === undefined) break;
      // Too long for a batch, or the first for which there was no place.
      const status = this.#put(record);
      if (done > 0 && status !== OK && status !== RING_IS_HIGH) break;
      if (!this.#answer(status, record.length)) break;
      done++;
    }
    this.#after();
    this.#noteHigh();
    return done;
  }

  /** The straight line: what this thread keeps in hand is one for so many bytes. */
  reserve(bytes: number, again: WriteLease | undefined): WriteLease | undefined {
    const { seat } = this;
    if (again?.place !== 0 || !(again instanceof WriteLease) || bytes >>> 0 !== bytes || bytes > seat.straightBytes)
      return this.reserveElse(bytes, again);
    const kept = seat.port.keptFor(bytes, true);
    return kept === 0 ? this.reserveElse(bytes, again) : again.hold(seat, kept, bytes);
  }

  private reserveElse(bytes: number, again: WriteLease | undefined): WriteLease | undefined {
    const { seat } = this;
    const isFine = again === undefined && bytes >>> 0 === bytes && bytes <= seat.straightBytes;
    const kept = isFine ? this.port.keptFor(bytes, true) : 0;
    return kept === 0 ? this.#reserveAny(bytes, again) : new WriteLease(seat).hold(seat, kept, bytes);
  }

  #reserveAny(bytes: number, old: WriteLease | undefined): WriteLease | undefined {
    if (old !== undefined) requireSpare("reserve", old);
    this.#requireFits(integer("bytes", bytes, 0, Number.MAX_SAFE_INTEGER));
    this.seat.requireUsed();
    if (this.port.hasEnded) throw new RingClosedError(this.seat.name);
    let descriptor = this.#makeRoom(bytes);
    const again = (): number => {
      if (this.seat.isLeft) return CLOSED;
      descriptor = this.#makeRoom(bytes);
      return descriptor === 0 ? this.port.reason() : OK;
    };
    const why = descriptor === 0 ? (this.seat.host.retry(bytes, again) ?? this.port.reason()) : OK;
    if (this.port.scrubs && descriptor !== 0) this.port.viewOf(this.port.offsetOf(descriptor), bytes).fill(0);
    // Before others are told, who may leave the ring: then the lease goes with it.
    const lease = descriptor === 0 ? undefined : this.#leaseOf(descriptor, bytes, old);
    this.#after();
    if (why === CLOSED) throw new RingClosedError(this.seat.name);
    this.seat.host.requireWantOfRoom(why);
    return lease;
  }

  /** The old one, if a hook that made room has not taken it meanwhile, and nobody will be told who might. */
  #leaseOf(descriptor: number, bytes: number, old: WriteLease | undefined): WriteLease {
    const { seat } = this;
    seat.marks(descriptor);
    const tells = this.listeners.wantsDropped || this.#charged !== undefined;
    const lease = !tells && old?.isHeld === false ? old : new WriteLease(seat);
    return lease.hold(seat, descriptor, bytes);
  }

  setLimits(limits: { capacity?: number; maxBytes?: number | string }): void {
    type Limits = typeof limits;
    const own = ownOptions<Limits>("setLimits", limits, ["capacity", "maxBytes"]);
    this.seat.requireUsed();
    const capacity = integer("capacity", own.capacity ?? this.port.limit, 1, this.port.maxCapacity);
    const maxBytes = own.maxBytes === undefined ? this.port.limitBytes : bytesOf(own.maxBytes, this.#rules.maxBytes);
    this.#limit(capacity, maxBytes);
  }

  #limit(capacity: number, maxBytes: number): void {
    const { high, low } = marksOf(this.#rules, capacity);
    this.port.setLimits(capacity, maxBytes, high, low, dropsOldest(this.#rules, capacity));
  }

  #add(record: Uint8Array): boolean {
    this.#requireFits(record.length);
    this.seat.requireUsed();
    return this.#answer(this.#put(record), record.length);
  }

  #put(record: Uint8Array): number {
    return this.#settle(record, this.#try(record));
  }

  /** Goes on where the first try ended like this. */
  #settle(record: Uint8Array, first: number): number {
    const status = this.#tryHarder(record, first);
    if (status === OK || status === RING_IS_HIGH || status === RING_FULL || status === CLOSED) return status;
    // Who is asked for memory may give it by leaving this very ring.
    const again = (): number => (this.seat.isLeft ? CLOSED : this.#tryHarder(record, this.#try(record)));
    return this.seat.host.retry(record.length, again) ?? status;
  }

  /** With the policy `resize` again with a larger limit, until there is none. */
  #tryHarder(record: Uint8Array, first: number): number {
    let status = first;
    while (status === RING_FULL && this.#rules.overflow === "resize" && this.#enlarge()) {
      this.port.counters.notRefused();
      status = this.#try(record);
    }
    return status;
  }

  #try(record: Uint8Array): number {
    if (!this.listeners.wantsDropped) return this.port.push(record, record.length);
    const descriptor = this.#makeRoom(record.length);
    if (descriptor === 0) return this.port.reason();
    this.port.viewOf(this.port.offsetOf(descriptor), record.length).set(record);
    return this.#commit(descriptor, record.length);
  }

  /** A place for a record; for its memory the oldest may have to go. */
  #makeRoom(bytes: number): number {
    const wants = +this.listeners.wantsDropped;
    let descriptor = this.port.reserve(bytes, wants);
    while (descriptor === 0 && this.port.reason() === RING_DROPPED) {
      this.#keepDropped();
      descriptor = this.port.reserve(bytes, wants);
    }
    return descriptor;
  }

  #commit(descriptor: number, bytes: number): number {
    const wants = +this.listeners.wantsDropped;
    let status = this.port.commit(descriptor, bytes, wants);
    while (status === RING_DROPPED) {
      this.#keepDropped();
      status = this.port.commit(descriptor, bytes, wants);
    }
    return status;
  }

  #keepDropped(): void {
    const oldest = this.port.inHand;
    this.#dropped.push(this.port.copyOf(oldest));
    this.port.release(oldest);
  }

  /** A record that finds no place is given back by the core, so it is enlarged before. */
  #commitLease(descriptor: number, bytes: number): boolean {
    while (this.#rules.overflow === "resize" && this.port.size >= this.port.limit && this.#enlarge());
    return this.#answer(this.#commit(descriptor, bytes), bytes);
  }

  /** The limit times the factor; false: it is as large as it may be. */
  #enlarge(): boolean {
    const { limit, maxCapacity, limitBytes } = this.port;
    if (limit >= maxCapacity) return false;
    this.port.counters.noteResize();
    this.#limit(Math.min(maxCapacity, Math.max(limit + 1, Math.ceil(limit * this.#rules.factor))), limitBytes);
    return true;
  }

  /** What a push answers that ended like this. */
  #answer(status: number, bytes: number): boolean {
    const why =
      status === OK || status === RING_IS_HIGH || status === RING_FULL ? undefined : this.#whyNot(status, bytes);
    this.#after();
    if (why !== undefined) throw why;
    if (status === RING_IS_HIGH) this.#noteHigh();
    if (status === RING_FULL && this.#policy === "error")
      throw new RingFullError(this.seat.name, this.port.limit, this.port.limitBytes);
    return status !== RING_FULL;
  }

  #whyNot(status: number, bytes: number): Error {
    if (status !== CLOSED) return this.seat.host.refusal(status, bytes);
    this.seat.leaveWhenDrained();
    return new RingClosedError(this.seat.name);
  }

  /** After all is done, and what it answers is known: others are told, who may do anything. */
  #after(): void {
    this.#charged?.();
    if (this.#dropped.length === 0) return;
    const dropped = this.#dropped;
    this.#dropped = [];
    for (const record of dropped) this.listeners.tellDropped(() => decoded(this.#codec, this.seat.name, record));
  }

  on(event: "high" | "low", listener: () => void, options: { signal?: AbortSignal } | undefined): () => void {
    const stop = this.listeners.on(event, listener, options);
    // Who comes while it is high hears when it is low again.
    if (!this.seat.isLeft && this.port.isHigh && this.listeners.hearsMarks) this.#watchLow();
    return stop;
  }

  /** The first push that reached the watermark tells; and when it is low again, this thread hears of it by the same word as of room. */
  #noteHigh(): void {
    if (this.#isHigh || !this.listeners.hearsMarks || this.seat.isLeft || !this.port.isHigh) return;
    this.#watchLow();
    this.listeners.tell("high");
  }

  #watchLow(): void {
    if (this.#isHigh) return;
    this.#isHigh = true;
    const look = (): Found<undefined> => (this.port.isHigh ? undefined : { value: undefined });
    const isLow = this.seat.low.add(look, { timeoutMs: FOREVER, signal: undefined, whyLate: () => new Error() });
    isLow.then(
      () => {
        this.#isHigh = false;
        this.listeners.tell("low");
      },
      () => {},
    );
  }

  #requireFits(bytes: number): void {
    if (bytes > this.maxBytes)
      throw new RangeError(
        `ring "${this.seat.name}" holds at most ${this.maxBytes} bytes, a record of ${bytes} never fits: make it with a larger maxBytes, or send it in parts`,
      );
  }
}
