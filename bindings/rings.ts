// Rings: one ring as numbers in and numbers out. Short records come out, and batches go in, through the stage on the thread's desk (ringdesk.ts).

import {
  D_BLOCK,
  D_FREE,
  D_HELD,
  D_LENGTH,
  D_OWNER_SHIFT,
  D_REDELIVERED,
  D_ROOM,
  D_WORD,
  DELIVER_AGAIN,
  DELIVER_ONCE,
  FRAME_BYTES,
  FRAME_TAG,
  P_AHEAD,
  P_KEPT,
  PARTY_BYTES,
  POLICY_DROP_OLDEST,
  POLICY_REFUSE,
  Q_AGAIN,
  Q_BUDGET,
  Q_BUDGET_STATE,
  Q_CAPACITY_MAX,
  Q_CONFIG,
  Q_DELIVERY,
  Q_HEAD,
  Q_IS_HIGH,
  Q_ITEMS,
  Q_LIMIT,
  Q_LIMIT_BYTES,
  Q_LOW,
  Q_PARTIES,
  Q_ROOM,
  Q_TAIL,
  RING_BEFORE,
  RING_BUDGET,
  RING_BUDGET_STATE,
  RING_BYTES,
  RING_CAPACITY,
  RING_CAPACITY_MAX,
  RING_CONFIG,
  RING_DELIVERY,
  RING_FIRST,
  RING_HIGH,
  RING_IN_HAND,
  RING_LOW,
  RING_POLICY,
  RING_WRITTEN,
  ROOMY_MIN,
  ROOMY_SHIFT,
} from "../assembly/shared/rings.js";
import { RING_BYTES_MAX, RING_RECORDS_MAX } from "../assembly/shared/limits.js";
import { BUSY, OK, RING_EMPTY, RING_ENDED, RING_FULL, RING_TOO_LONG } from "../assembly/shared/status.js";
import type { Node } from "./budgets.js";
import type { Core } from "./core.js";
import type { CoreExports } from "./exports.js";
import { Doorbell } from "./parking.js";
import { RingCounters } from "./ringcounters.js";
import { type Desk, deskOf, leaveDesk, STAGE_BYTES } from "./ringdesk.js";
import { RingHands } from "./ringhands.js";

export { RING_BYTES_MAX, RING_RECORDS_MAX };
export { RING_DROPPED, RING_ENDED, RING_FULL, RING_IS_HIGH } from "../assembly/shared/status.js";

/** How a ring is made. */
export interface RingPlan {
  readonly capacity: number;
  readonly maxCapacity: number;
  readonly maxBytes: number;
  readonly dropsOldest: boolean;
  readonly again: boolean;
  readonly high: number;
  readonly low: number;
  readonly node: Node;
  readonly config: readonly number[];
}

// Named once: to find it in an array's prototypes costs a fifth of what it does for a short record.
const { set } = Uint8Array.prototype;
// Records up to here come out through the stage, and go in through it where no descriptor is kept for them; above it the second copy costs more
// than a call.
const STAGED_MAX = 1024;

// What every record passes through has plain fields: a #private one is looked up by a name that is loaded and compared each time.
export class RingPort {
  private readonly core: Core;
  private readonly exports: CoreExports;
  readonly i32: Int32Array<ArrayBufferLike>;
  private readonly u8: Uint8Array<ArrayBufferLike>;
  readonly scrubs: boolean;
  private readonly at: number;
  private readonly stage: number;
  /** Where this attachment's party keeps a descriptor, as an index of words, and what such a one's word says (its lower half). */
  private readonly kept: number;
  private readonly held: number;
  readonly #own: Uint8Array;
  readonly #out: number;
  /** A view of the stage for each length. */
  private readonly views: Uint8Array<ArrayBufferLike>[] = [];
  readonly wasThere: boolean;
  #users = 0;
  /** A record in hand that was too long for its target: the next to be taken here. */
  private over = 0;

  private constructor(core: Core, at: number, { stage, own }: Desk, wasThere: boolean) {
    this.core = core;
    this.exports = core.exports;
    this.i32 = core.i32;
    this.u8 = core.u8;
    this.scrubs = core.scrubs;
    this.at = at;
    this.stage = stage;
    this.#own = own;
    const index = core.ownerId & 0xff;
    this.kept = ((core.i32[(at + Q_PARTIES) >>> 2] as number) + index * PARTY_BYTES + P_KEPT) >>> 2;
    this.held = (index << D_OWNER_SHIFT) | D_HELD;
    this.#out = core.outAt;
    this.wasThere = wasThere;
    this.counters = new RingCounters(core, at);
    this.hands = new RingHands(core, at);
  }

  /** The ring of this name, or a new one; or why there is none. */
  static open(core: Core, name: number, plan: RingPlan): RingPort | number {
    const desk = deskOf(core);
    if (desk === undefined) return core.exports.reason();
    const out = core.outAt;
    const words = core.i32;
    words[out + RING_CAPACITY] = plan.capacity;
    words[out + RING_CAPACITY_MAX] = plan.maxCapacity;
    words[out + RING_BYTES] = plan.maxBytes;
    words[out + RING_POLICY] = plan.dropsOldest ? POLICY_DROP_OLDEST : POLICY_REFUSE;
    words[out + RING_DELIVERY] = plan.again ? DELIVER_AGAIN : DELIVER_ONCE;
    words[out + RING_HIGH] = plan.high;
    words[out + RING_LOW] = plan.low;
    words[out + RING_BUDGET] = plan.node.at;
    words[out + RING_BUDGET_STATE] = plan.node.state;
    words[out + RING_FIRST] = 0;
    words.set(plan.config, out + RING_CONFIG);
    const at = core.exports.openRing(name) >>> 0;
    if (at === 0) {
      const why = core.exports.reason();
      leaveDesk(core, 0);
      return why;
    }
    const port = desk.ports.get(at) ?? new RingPort(core, at, desk, words[out + RING_BEFORE] === 1);
    desk.ports.set(at, port);
    port.#users++;
    return port;
  }

  /** A log of what leads here shows no memory. */
  toJSON(): undefined {}

  #word(offset: number): number {
    return Atomics.load(this.i32, (this.at + offset) >>> 2) >>> 0;
  }

  get config(): number[] {
    return [...this.i32.subarray((this.at + Q_CONFIG) >>> 2, ((this.at + Q_CONFIG) >>> 2) + 8)];
  }

  get maxCapacity(): number {
    return this.#word(Q_CAPACITY_MAX);
  }

  get limit(): number {
    return this.#word(Q_LIMIT);
  }

  get limitBytes(): number {
    return this.#word(Q_LIMIT_BYTES);
  }

  /** The budget that it is charged to. */
  get node(): Node {
    return { at: this.#word(Q_BUDGET), state: this.#word(Q_BUDGET_STATE) };
  }

  get again(): boolean {
    return this.#word(Q_DELIVERY) === DELIVER_AGAIN;
  }

  /** Whether it was said to be high and is not low yet. */
  get isHigh(): boolean {
    // Who took the last one that matters may have died before it said so.
    return this.#word(Q_IS_HIGH) !== 0 && this.size > this.#word(Q_LOW);
  }

  /** How many records are queued, as it was at one instant between the call and its return, or nearly. */
  get size(): number {
    // The head first: it only moves on, so the answer is never below what was queued when the tail was read, but for what was taken since.
    const head = this.#word(Q_HEAD + 4);
    return Math.max(0, (this.#word(Q_TAIL + 4) - head) | 0);
  }

  get bytes(): number {
    const head = this.#word(Q_HEAD);
    return Math.max(0, (this.#word(Q_TAIL) - head) | 0);
  }

  setLimits(records: number, bytes: number, high: number, low: number, dropsOldest: boolean): void {
    const policy = dropsOldest ? POLICY_DROP_OLDEST : POLICY_REFUSE;
    this.exports.ringSetLimits(this.at, records, bytes, high, low, policy);
  }

  /** Puts a record of `bytes` bytes in: OK, RING_IS_HIGH, RING_FULL, CLOSED, or why there is no memory for it. */
  push(record: Uint8Array, bytes: number): number {
    const d = this.keptFor(bytes, false);
    if (d === 0) return this.#pushElse(record, bytes);
    // It is kept until it is in: an exception before that leaves nothing in hand.
    set.call(this.u8, record, this.i32[(d + D_BLOCK) >>> 2] as number);
    return this.commit(d, bytes, 0);
  }

  #pushElse(record: Uint8Array, bytes: number): number {
    if (bytes <= STAGED_MAX) {
      set.call(this.u8, record, this.stage);
      return this.exports.ringPush(this.at, this.stage, bytes, 0);
    }
    const d = this.reserve(bytes, 0);
    if (d === 0) return this.reason();
    set.call(this.u8, record, this.offsetOf(d));
    return this.commit(d, bytes, 0);
  }

  // A record in hand is a descriptor, as the core says it: a signed number. What the core would do for keptFor and giveBack by one store is
  // done here where there is nothing else to do: the call costs more.

  /** The descriptor that this thread keeps, which it may keep or take in hand as the place for a record; 0: it keeps none for so many bytes. */
  keptFor(bytes: number, isTaken: boolean): number {
    const { i32, kept } = this;
    const d = i32[kept] as number;
    const room = i32[(d + D_ROOM) >>> 2] as number;
    if (room < bytes || (room > ROOMY_MIN && room >>> ROOMY_SHIFT > bytes) || i32[kept + 1] !== 0) return 0;
    if (isTaken) i32[kept] = 0;
    return d;
  }

  /** Takes a place for a record in hand; 0: `reason` says why there is none. RING_DROPPED if it `wants` (1) what is dropped: as with `commit`. */
  reserve(bytes: number, wants: number): number {
    return this.exports.ringReserve(this.at, bytes, wants);
  }

  /** Gives back what was reserved, or taken. */
  giveBack(d: number): void {
    const { i32, kept } = this;
    if (i32[kept] !== 0 || i32[kept + 1] !== 0) {
      this.giveBackElse(d);
      return;
    }
    i32[kept + ((P_AHEAD - P_KEPT) >>> 2)] = 0;
    i32[(d + D_WORD) >>> 2] = this.held;
    i32[kept] = d;
  }

  private giveBackElse(d: number): void {
    const { i32, kept } = this;
    if (i32[kept + 1] !== 0) {
      this.exports.ringRelease(this.at, d);
      return;
    }
    i32[kept + ((P_AHEAD - P_KEPT) >>> 2)] = 0;
    Atomics.store(i32, (d + D_WORD) >>> 2, D_FREE); // its sequence, the upper half, stays
  }

  reason(): number {
    return this.exports.reason();
  }

  /** As `push` of the record in hand; RING_DROPPED if it `wants` (1) what is dropped: then that is in hand too, and this is to be called again. */
  commit(d: number, bytes: number, wants: number): number {
    return this.exports.ringCommit(this.at, d, bytes, 0, wants);
  }

  /** What is in hand is worked on here no more, though this attachment stays: with `again` it is delivered again. */
  passOn(d: number): void {
    this.exports.ringReturn(this.at, d);
  }

  /** What RING_DROPPED left in hand. */
  get inHand(): number {
    return this.i32[this.#out + RING_IN_HAND] as number;
  }

  /** What the leases with this mark have in hand: not what is kept, what an exception left, what is to be taken next. */
  inHandOf(mark: number): number[] {
    const { i32, kept, over } = this;
    return this.hands.withMark(mark, [i32[kept] as number, i32[kept + 1] as number, over]);
  }

  /** Gives back what RING_DROPPED left in hand, which counts it. */
  release(d: number): void {
    this.exports.ringRelease(this.at, d);
  }

  /** The oldest record, in hand; 0: `reason` says RING_EMPTY or RING_ENDED. */
  take(): number {
    return this.over === 0 ? this.exports.ringTake(this.at) : this.takeOver();
  }

  private takeOver(): number {
    const d = this.over;
    this.over = 0;
    return d;
  }

  /** Where the record in hand lies in the region. */
  offsetOf(d: number): number {
    return (this.i32[(d + D_BLOCK) >>> 2] as number) >>> 0;
  }

  lengthOf(d: number): number {
    return this.i32[(d + D_LENGTH) >>> 2] as number;
  }

  /** Whether it was in hand before, in a thread that died. */
  isAgain(d: number): boolean {
    return ((this.i32[(d + D_WORD) >>> 2] as number) & D_REDELIVERED) !== 0;
  }

  /** Which record of the ring it is, modulo 2^32. */
  numberOf(d: number): number {
    return (this.i32[(d + D_WORD + 4) >>> 2] as number) >>> 0;
  }

  viewOf(offset: number, bytes: number): Uint8Array {
    return this.u8.subarray(offset, offset + bytes);
  }

  copyOf(d: number): Uint8Array {
    const offset = this.offsetOf(d);
    return this.u8.slice(offset, offset + this.lengthOf(d));
  }

  /** A copy of the oldest record, which is taken off; else why there is none: RING_EMPTY or RING_ENDED. */
  pop(): Uint8Array | number {
    if (this.over !== 0) return this.#copyOut(this.takeOver());
    const bytes = this.exports.ringPop(this.at, this.stage, STAGED_MAX);
    if (bytes >= 0) return this.u8.slice(this.stage, this.stage + bytes);
    return bytes === -RING_TOO_LONG ? this.#copyOut(this.inHand) : -bytes;
  }

  #copyOut(d: number): Uint8Array {
    const copy = this.copyOf(d);
    this.giveBack(d);
    return copy;
  }

  /**
   * Copies the oldest record to `target` and takes it off; its length, or −1: RING_EMPTY, −2: RING_ENDED, −3 − length: it is longer, and the
   * next to be taken here.
   */
  popInto(target: Uint8Array): number {
    if (this.over !== 0) return this.#popLong(target, -RING_TOO_LONG);
    const room = target.length < STAGED_MAX ? target.length : STAGED_MAX;
    const bytes = this.exports.ringPop(this.at, this.stage, room);
    if (bytes > 0) {
      set.call(target, this.views[bytes] ?? this.#view(bytes));
      return bytes;
    }
    return bytes === 0 ? 0 : this.#popLong(target, bytes);
  }

  #view(bytes: number): Uint8Array {
    return (this.views[bytes] = this.u8.subarray(this.stage, this.stage + bytes));
  }

  #popLong(target: Uint8Array, status: number): number {
    if (status === -RING_EMPTY) return -1;
    if (status === -RING_ENDED) return -2;
    const d = this.over || this.inHand;
    const bytes = this.lengthOf(d);
    this.over = bytes > target.length ? d : 0;
    if (this.over !== 0) return -3 - bytes;
    target.set(this.viewOf(this.offsetOf(d), bytes));
    this.giveBack(d);
    return bytes;
  }

  /**
   * Takes up to `max` records off and calls `each` with where each lies in which bytes; what is shown is overwritten by the next call. Returns why there are no more (RING_EMPTY, RING_ENDED), or OK.
   */
  popMany(max: number, each: (u8: Uint8Array, offset: number, bytes: number) => void): number {
    const { u8, i32, exports } = this;
    let left = max;
    if (this.over !== 0 && left > 0) {
      this.#show(this.takeOver(), each);
      left--;
    }
    while (left > 0) {
      const asked = Math.min(left, STAGE_BYTES / FRAME_BYTES);
      const count = exports.ringPopMany(this.at, this.stage, STAGE_BYTES, asked);
      const why = exports.reason();
      const hand = this.inHand;
      const written = i32[this.#out + RING_WRITTEN] as number;
      // To memory that is not shared, at once: a copy of each record from there costs half of one from here.
      set.call(this.#own, u8.subarray(this.stage, this.stage + written));
      for (let at = 0; at < written;) {
        const bytes = i32[(this.stage + at) >>> 2] as number;
        each(this.#own, at + FRAME_BYTES, bytes);
        at += FRAME_BYTES + ((bytes + 7) & ~7);
      }
      if (hand !== 0) this.#show(hand, each);
      left -= count + (hand === 0 ? 0 : 1);
      if (hand === 0 && count < asked) return why;
    }
    return OK;
  }

  #show(d: number, each: (u8: Uint8Array, offset: number, bytes: number) => void): void {
    each(this.u8, this.offsetOf(d), this.lengthOf(d));
    this.giveBack(d);
  }

  /** Puts in as many of these records as fit, none that is too long for a batch; how many. What comes after them is not counted as refused. */
  pushMany(records: readonly Uint8Array[], from: number): number {
    const { u8, i32, exports } = this;
    let at = this.stage;
    let count = 0;
    for (let i = from; i < records.length; i++) {
      const record = records[i] as Uint8Array;
      const whole = FRAME_BYTES + ((record.length + 7) & ~7);
      if (at + whole > this.stage + STAGE_BYTES) break;
      i32[at >>> 2] = record.length;
      i32[(at + FRAME_TAG) >>> 2] = 0;
      u8.set(record, at + FRAME_BYTES);
      at += whole;
      count++;
    }
    if (count === 0) return 0;
    const done = exports.ringPushMany(this.at, this.stage, count);
    if (done < count && exports.reason() === RING_FULL) this.counters.notRefused();
    return done;
  }

  close(): boolean {
    return this.exports.closeRing(this.at) === 1;
  }

  /** Whether nothing is added any more. */
  get hasEnded(): boolean {
    return this.exports.hasEnded(this.at) === 1;
  }

  /** Uses the ring no more, once all who opened it here say so. False: BUSY, to be said again. */
  leave(mark: number): boolean {
    if (this.#users > 1) {
      this.#users--;
      this.hands.freeMark(mark);
      return true;
    }
    if (this.exports.leaveRing(this.at) === BUSY) return false;
    this.#users = 0;
    leaveDesk(this.core, this.at);
    return true;
  }

  /** Whether others of this attachment opened it too, and use it still. */
  get isShared(): boolean {
    return this.#users > 1;
  }

  trim(): boolean {
    return this.exports.ringTrim(this.at) === 1;
  }

  /** How many can be taken, those included that are to be delivered again. */
  get available(): number {
    const again = this.#word(Q_AGAIN) === this.counters.lookedFor ? 0 : this.exports.ringAgain(this.at);
    return this.size + again + (this.over === 0 ? 0 : 1);
  }

  /** Rings when there is something to take (`items`), or room. Not to be listened to once this attachment left the ring. */
  bell(items: boolean): Doorbell {
    return new Doorbell(this.i32, (this.at + (items ? Q_ITEMS : Q_ROOM)) >>> 2);
  }

  /** What of its counters is this attachment's. */
  readonly counters: RingCounters;
  readonly hands: RingHands;
}
