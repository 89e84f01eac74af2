// Ring: a bounded queue that all threads of a region share, as one thread sees it. Owns nothing but this thread's place at it (seat.ts) and its
// producer's side (producer.ts): slots, records and counters stand in the region, so a thread that stalls or ends holds up nobody, and what
// is queued stays (promise 2).
//
//   pushed = taken + queued,  queued ≤ capacity and ≤ maxBytes at every instant;  FIFO in the order of commit, from each producer to each consumer

import { RING_ENDED, type RingPort } from "../../bindings/rings.js";
import { integer } from "../options.js";
import { describe } from "../size.js";
import { decoded, decodedAll, isOfBytes, type RingCodec } from "./codec.js";
import { RingTimeoutError } from "./errors.js";
import { ReadLease, requireSpare, type WriteLease } from "./leases.js";
import type { Overflow } from "./options.js";
import { block, FOREVER, patienceOf } from "./patience.js";
import { Producer } from "./producer.js";
import type { Queue, RingEvents, RingMetrics, RingWaitOptions } from "./queue.js";
import { batchesOf, valuesOf } from "./reading.js";
import { type RingHost, Seat } from "./seat.js";
import { readableOf, writableOf } from "./streams.js";
import type { Found } from "./waits.js";

/** A bounded queue of values, shared by all threads that open it by its name. Made by `region.ring(name, options)`. */
export class Ring<T = Uint8Array> implements Queue<T> {
  readonly name: string;
  /** What happens to a record that there is no place for. */
  readonly overflow: Overflow;
  /** @internal */
  private readonly seat: Seat;
  /** @internal */
  private readonly port: RingPort;
  readonly #codec: RingCodec<T>;
  /** @internal */
  private readonly producer: Producer<T>;

  /** @internal */
  constructor(host: RingHost, codec: RingCodec<T>) {
    this.name = host.name;
    this.overflow = host.rules.overflow;
    this.port = host.port;
    this.#codec = codec;
    this.seat = new Seat(host);
    this.producer = new Producer<T>(this.seat, codec);
  }

  /** @internal Whether its values are its records' bytes. */
  get isOfBytes(): boolean {
    return isOfBytes(this.#codec);
  }

  /** Most records at once, now. */
  get capacity(): number {
    return this.isLeft ? 0 : this.port.limit;
  }

  /** How many records are queued. Exact whenever nobody pushes or pops; records in leases, and those to be delivered again, are not counted. */
  get size(): number {
    return this.isLeft ? 0 : this.port.size;
  }

  /** Bytes of the records that are queued. */
  get bytes(): number {
    return this.isLeft ? 0 : this.port.bytes;
  }

  get isEmpty(): boolean {
    return this.isLeft || this.port.available === 0;
  }

  /** Whether it holds as many records, or bytes, as it may. */
  get isFull(): boolean {
    return !this.isLeft && (this.port.size >= this.port.limit || this.port.bytes >= this.port.limitBytes);
  }

  /** Whether it reached its high watermark, and not its low one since. */
  get isHigh(): boolean {
    return !this.isLeft && this.port.isHigh;
  }

  /** Whether it was closed, by whatever thread: nothing is added any more; or this thread has left it. */
  get isClosed(): boolean {
    return this.isLeft || this.port.hasEnded;
  }

  /** Whether this thread uses the ring no more: it was closed and has been emptied, or `leave` was called. */
  get isLeft(): boolean {
    return this.seat.isLeft;
  }

  /**
   * Adds a value, at once or not at all (T14). True: it is in the ring. False: there was no place (`drop-newest`, `block`, `block-timeout`), and it
   * was not added; with `drop-oldest` the oldest made place. O(1). Never waits.
   * @throws RingClosedError; RingFullError with `error`; MemoryLimitExceededError when the region or the budget has no memory for it and nothing
   * to drop; RegionBusyError; RangeError for more than `maxBytes`; what the codec throws. Nothing was added then.
   */
  push(value: T): boolean {
    return this.producer.push(value);
  }

  /**
   * As `push` of each, in as few calls of the core as may be; how many were added before one was not.
   * @throws as `push`, when not even the first was added.
   */
  pushMany(values: readonly T[]): number {
    return this.producer.pushMany(values);
  }

  /**
   * Adds a value, and with `block` and `block-timeout` waits for room (T12): first come, first served in a thread. True once it is in the ring;
   * false as `push` is for the other policies. An array of bytes is read when it goes in: leave it as it is until then.
   * @throws (rejects) RingTimeoutError, the signal's reason, RingClosedError, and what `push` throws. Nothing was added then.
   */
  async send(value: T, options?: RingWaitOptions): Promise<boolean> {
    const patience = patienceOf("send", options, this.producer.sendTimeout, this.#noRoom);
    const attempt = this.producer.sender(value);
    const { room } = this.seat;
    const first = room.count === 0 ? attempt() : undefined;
    return first === undefined ? room.add(attempt, patience) : first.value;
  }

  /** As `send`, in a thread that may block, after those that wait in it already. @throws TypeError in one that may not: a page's main thread. */
  sendSync(value: T, options?: Omit<RingWaitOptions, "signal">): boolean {
    const patience = patienceOf("sendSync", options, this.producer.sendTimeout, this.#noRoom);
    this.#requireBlocking("sendSync");
    const attempt = this.producer.sender(value);
    const { room: waits, note } = this.seat;
    return block({ waits, bell: this.port.bell(false), isLikely: this.producer.isRoomLikely, attempt, note }, patience);
  }

  readonly #noRoom = (ms: number): Error => new RingTimeoutError(this.name, "room", ms);
  readonly #noRecord = (ms: number): Error => new RingTimeoutError(this.name, "a record", ms);

  /** The oldest value, which is taken off; undefined when there is none. O(1). Never waits. @throws RingDecodeError with the record. */
  pop(): T | undefined {
    const record = this.#tryPop();
    return record === undefined ? undefined : decoded(this.#codec, this.name, record);
  }

  /**
   * Copies the oldest record, as bytes, to `target` and takes it off; its length, or −1 when there is none. O(bytes), without an object made.
   * @throws RangeError when it is longer than `target`: then it is the next that this thread takes; TypeError.
   */
  popInto(target: Uint8Array): number {
    if (!(target instanceof Uint8Array))
      throw new TypeError(`popInto takes a Uint8Array to copy to, got ${describe(target)}`);
    if (this.seat.isLeft) return -1;
    const bytes = this.port.popInto(target);
    return bytes >= -1 ? bytes : this.#notPopped(target, bytes);
  }

  #notPopped(target: Uint8Array, bytes: number): number {
    if (bytes === -2) {
      this.seat.ended();
      return -1;
    }
    throw new RangeError(
      `popInto: the record has ${-3 - bytes} bytes, the target ${target.length}: give a larger one, or use pop or take`,
    );
  }

  /**
   * Up to `max` values, oldest first, all that there are unless told.
   * @throws RingDecodeError, with those that the codec could not decode, and those that it could.
   */
  drain(max: number = FOREVER): T[] {
    if (max !== FOREVER) integer("max", max, 0, Number.MAX_SAFE_INTEGER);
    const records: Uint8Array[] = [];
    this.#take(max, (u8, offset, bytes) => records.push(u8.slice(offset, offset + bytes)));
    return decodedAll(this.#codec, this.name, records);
  }

  /** Takes off at most `max` records, and no more than are there now and the one that comes after them, if that is the end: producers may be as quick. */
  #take(max: number, each: (u8: Uint8Array, offset: number, bytes: number) => void): void {
    if (this.isLeft) return;
    const why = this.port.popMany(Math.min(max, this.port.available + 1), each);
    if (why === RING_ENDED) this.seat.ended();
  }

  /**
   * The oldest value, as soon as there is one; undefined when the ring was closed and is empty.
   * @throws (rejects) RingTimeoutError, the signal's reason, RingDecodeError; RingClosedError when this thread leaves meanwhile.
   */
  async receive(options?: RingWaitOptions): Promise<T | undefined> {
    return this.#receive(options, (value) => value);
  }

  /**
   * As `receive`, but hands the value to `take` in the very turn in which it is taken off: whoever stops waiting before that loses nothing.
   * What `take` throws it rejects with.
   */
  async deliver(take: (value: T | undefined) => void, options?: RingWaitOptions): Promise<void> {
    if (typeof take !== "function") throw new TypeError(`deliver takes a function, got ${describe(take)}`);
    return this.#receive(options, take);
  }

  #receive<V>(options: RingWaitOptions | undefined, take: (value: T | undefined) => V): V | Promise<V> {
    const patience = patienceOf("receive", options, FOREVER, this.#noRecord);
    const attempt = (): Found<V> => {
      const found = this.#next();
      return found && { value: take(found.value) };
    };
    const { items } = this.seat;
    const first = items.count === 0 ? attempt() : undefined;
    return first === undefined ? items.add(attempt, patience) : first.value;
  }

  /** As `receive`, in a thread that may block. @throws RingTimeoutError, RingDecodeError; TypeError in a page's main thread. */
  receiveSync(options?: Omit<RingWaitOptions, "signal">): T | undefined {
    const patience = patienceOf("receiveSync", options, FOREVER, this.#noRecord);
    this.#requireBlocking("receiveSync");
    const { items: waits, note } = this.seat;
    const isLikely = (): boolean => this.isLeft || this.port.available > 0;
    return block({ waits, bell: this.port.bell(true), isLikely, attempt: () => this.#next(), note }, patience);
  }

  /**
   * Takes a place for a record of `bytes` bytes, to be filled where it lies and then committed; undefined when there is no memory for it, also
   * after full hooks and reclaimers were asked. It holds up nobody: records are in the order of their commits. O(1). Makes no object where it is
   * given a lease that was committed or aborted, to be used `again` (but another one where a budget is charged, or a listener told of drops: those might use it).
   * @throws RegionBusyError when the page lock was not to be had: try again; RingClosedError (at the latest `commit` says it, of a ring that another
   * thread closed); TypeError, RangeError for a length that can never
   * be; TypeError for a lease that is still in hand; what a full hook throws.
   */
  reserve(bytes: number, again?: WriteLease): WriteLease | undefined {
    return this.producer.reserve(bytes, again);
  }

  /**
   * Takes the oldest record, to be read where it lies; undefined when there is none. Its place in the ring is free at once, its memory with
   * `release`. Makes no object where it is given a lease that was released, to be used `again`.
   * @throws TypeError for a lease that is still in hand.
   */
  take(again?: ReadLease): ReadLease | undefined {
    const { seat } = this;
    if (again?.record !== 0 || !(again instanceof ReadLease) || !seat.takesStraight) return this.takeElse(again);
    const record = seat.port.take();
    return record === 0 ? this.noneTaken() : again.hold(seat, record);
  }

  /** @internal */
  private takeElse(again: ReadLease | undefined): ReadLease | undefined {
    const { seat } = this;
    if (again !== undefined) requireSpare("take", again);
    if (seat.isLeft) return undefined;
    const record = seat.port.take();
    if (record === 0) return this.noneTaken();
    seat.marks(record);
    return (again ?? new ReadLease(seat)).hold(seat, record);
  }

  /** @internal */
  private noneTaken(): undefined {
    if (this.port.reason() === RING_ENDED) this.seat.ended();
  }

  /** Takes off all records that are there now; how many. They count as taken. */
  clear(): number {
    let count = 0;
    this.#take(FOREVER, () => count++);
    return count;
  }

  /**
   * Ends the ring for all threads: nothing is added any more, what is queued can still be taken, and then `receive` answers undefined. Its
   * memory goes back when every thread that opened it has seen its end, or left. False: it was closed before.
   */
  close(): boolean {
    if (this.isLeft) return false;
    const isFirst = this.port.close();
    this.seat.straighten(false);
    if (this.port.available === 0) this.seat.ended();
    else this.seat.leaveWhenDrained();
    return isFirst;
  }

  /**
   * This thread uses the ring no more: its leases go back (with `at-least-once` another gets the records), what it waits for is told
   * RingClosedError. The ring stays for the others.
   */
  leave(): void {
    this.seat.leave();
  }

  [Symbol.dispose](): void {
    this.seat.leave();
  }

  /**
   * Changes how much it may hold, for all threads, up to its `maxCapacity` and the `maxBytes` that it was made with (T05). What is queued stays,
   * also if that is more.
   * @throws TypeError, RangeError, RingClosedError.
   */
  setLimits(limits: { capacity?: number; maxBytes?: number | string }): void {
    this.producer.setLimits(limits);
  }

  /** Gives back memory that its pool keeps for records to come. False: it kept none. */
  trim(): boolean {
    return !this.isLeft && this.port.trim();
  }

  /** Its counters, of all threads (T15); once this thread has left, as they were then. O(owners). */
  metrics(): RingMetrics {
    return this.seat.metrics();
  }

  /**
   * Calls `listener` for what happens: `high` in the thread whose push reached the high watermark, and then there `low` (T25).
   * Returns the function that ends that.
   */
  on<E extends keyof RingEvents>(event: E, listener: RingEvents[E], options?: { signal?: AbortSignal }): () => void {
    return this.producer.on(event, listener, options);
  }

  /** Calls `listener` with each value that a push of this thread drops to make room, once that is done. Returns the function that ends that. */
  onDropped(listener: (value: T) => void): () => void {
    return this.producer.onDropped(listener);
  }

  /** Waiting for this ring keeps the process alive (as it does unless told). */
  ref(): this {
    return this.#hold(true);
  }

  /** Waiting for this ring does not keep the process alive. */
  unref(): this {
    return this.#hold(false);
  }

  #hold(isRef: boolean): this {
    this.seat.items.ref = isRef;
    this.seat.room.ref = isRef;
    return this;
  }

  /** Each value as it comes, until the ring was closed and is empty. Leaving the loop loses nothing. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return valuesOf(this);
  }

  /** Values as they come, all that are there at once, at most `max`; until the ring was closed and is empty. */
  batches(max: number = 256): AsyncIterableIterator<T[]> {
    return batchesOf(this, max);
  }

  /** A stream of its values, which takes one when it is asked for one (WHATWG). */
  get readable(): ReadableStream<T> {
    return readableOf(this);
  }

  /** A stream that sends what is written, and is ready while there is room; closing it closes the ring. */
  get writable(): WritableStream<T> {
    return writableOf(this);
  }

  /** A value that was taken, or undefined inside when the ring has ended; undefined: there is none yet. */
  #next(): Found<T | undefined> {
    const record = this.#tryPop();
    if (record !== undefined) return { value: decoded(this.#codec, this.name, record) };
    return this.seat.isOver ? { value: undefined } : undefined;
  }

  #tryPop(): Uint8Array | undefined {
    if (this.isLeft) return undefined;
    const record = this.port.pop();
    if (typeof record !== "number") return record;
    if (record === RING_ENDED) this.seat.ended();
    return undefined;
  }

  #requireBlocking(what: string): void {
    if (!this.seat.host.mayBlock)
      throw new TypeError(`${what}: this thread may not block; use ${what.replace("Sync", "")}`);
  }
}
