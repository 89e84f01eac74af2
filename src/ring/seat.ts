// Seat: one Ring's place at the ring. Owns this thread's waits and leases, and how they end: by `leave`, or when the ring was closed and is
// empty. From then on nothing touches the ring's memory, which may be another's.

import type { RingPort } from "../../bindings/rings.js";
import { RingClosedError } from "./errors.js";
import type { LeaseSource } from "./leases.js";
import { metricsOf } from "./metrics.js";
import type { RingRules } from "./options.js";
import { FOREVER } from "./patience.js";
import type { RingMetrics } from "./queue.js";
import { type Found, Waits } from "./waits.js";

/** @internal What a ring needs of its region. */
export interface RingHost {
  readonly port: RingPort;
  readonly name: string;
  readonly rules: RingRules;
  readonly mayBlock: boolean;
  /** After a push that may have charged a budget: tells of the levels that it changed. */
  readonly charged: (() => void) | undefined;
  /** There was no memory for a record: tries again while full hooks or reclaimers make room. What the last try answered; undefined: there was none. */
  retry(bytes: number, attempt: () => number): number | undefined;
  /** Throws the error for a refusal that is no want of memory. */
  requireWantOfRoom(reason: number): void;
  /** The error for a record that there is no memory for, by the core's reason. */
  refusal(reason: number, bytes: number): Error;
  /** This thread uses the ring no more. */
  left(): void;
}

// After the page lock was not to be had.
const RETRY_MS = 10;

/** @internal */
export class Seat implements LeaseSource {
  readonly host: RingHost;
  readonly port: RingPort;
  readonly name: string;
  readonly items: Waits;
  readonly room: Waits;
  /** For what this thread wants to know without anybody waiting for it: that it is low again, that it is drained. */
  readonly low: Waits;
  readonly #drained: Waits;
  /** Marks what it has in hand, where several use the ring in this thread: 0: there is no need. */
  readonly mark: number;
  /** Nothing but the core has to be asked or told of what is put in. */
  isStraight = false;
  /** Up to which length a place is handed out as this thread keeps it; −1: there is more to do. */
  straightBytes = -1;
  /** A record is taken by one call: this thread has not left the ring, and what it takes needs no mark. */
  takesStraight: boolean;
  commit: (descriptor: number, bytes: number) => boolean = () => false;
  answer: (status: number, bytes: number) => boolean = () => false;
  isLeft = false;
  /** It was seen closed and empty. */
  isEnded = false;
  #last: RingMetrics | undefined;

  constructor(host: RingHost) {
    this.host = host;
    this.port = host.port;
    this.name = host.name;
    this.mark = this.port.hands.newMark();
    this.takesStraight = this.mark === 0;
    this.items = new Waits(this.port.bell(true), this.note, true);
    this.room = new Waits(this.port.bell(false), this.note, true);
    this.low = new Waits(this.port.bell(false), () => {}, false);
    this.#drained = new Waits(this.port.bell(false), () => {}, false);
  }

  /** Whether nothing will be taken here any more. */
  get isOver(): boolean {
    return this.isLeft || this.isEnded;
  }

  readonly note = (ms: number, isLate: boolean): void => {
    if (!this.isLeft) this.port.counters.noteWait(ms, isLate);
  };

  requireUsed(): void {
    if (this.isLeft) throw new RingClosedError(this.name);
  }

  /** Whether it is enough to tell the core of what is put in, and to answer what it answers. */
  straighten(isStraight: boolean): void {
    const { port, mark } = this;
    this.isStraight = isStraight && !this.isOver;
    // What is reserved in a region that scrubs is zeroed; one that is not the first here marks what it has in hand.
    this.straightBytes = this.isStraight && !port.scrubs && mark === 0 ? this.host.rules.maxBytes : -1;
  }

  /** Marks what was just reserved or taken. */
  marks(descriptor: number): void {
    if (this.mark !== 0) this.port.hands.mark(descriptor, this.mark);
  }

  /** As it was when this thread left, since then. */
  metrics(): RingMetrics {
    return this.#last ?? metricsOf(this.port);
  }

  /** Uses the ring no more; what waits for it here is told. */
  leave(): void {
    if (this.isLeft) return;
    this.#go();
    const why = (): Error => new RingClosedError(this.name);
    this.items.end(why);
    this.room.end(why);
  }

  /** It was closed and is empty. Leases that are out keep this thread in it until they are back. */
  ended(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.straighten(false);
    this.room.end(() => new RingClosedError(this.name));
    this.leaseDone();
    this.items.serve();
  }

  leaseDone(): void {
    if (this.isEnded && !this.isLeft && this.port.inHandOf(this.mark).length === 0) this.#go();
  }

  /** It was closed: leaves when what is in it has been taken, by whatever thread. */
  leaveWhenDrained(): void {
    if (this.#drained.count > 0 || this.isOver) return;
    const look = (): Found<undefined> => (this.port.available === 0 ? { value: undefined } : undefined);
    const done = this.#drained.add(look, { timeoutMs: FOREVER, signal: undefined, whyLate: () => new Error() });
    done.then(
      () => this.ended(),
      () => {},
    );
  }

  #go(): void {
    this.isLeft = true;
    this.takesStraight = false;
    this.straighten(false);
    this.#last = metricsOf(this.port);
    // With its last user the ring takes back itself what is in hand.
    if (this.port.isShared) for (const descriptor of this.port.inHandOf(this.mark)) this.port.passOn(descriptor);
    const over = (): Error => new RingClosedError(this.name);
    this.low.end(over);
    this.#drained.end(over);
    this.#leavePort();
    this.host.left();
  }

  #leavePort(): void {
    if (this.port.leave(this.mark)) return;
    const timer: unknown = setTimeout(() => this.#leavePort(), RETRY_MS);
    (timer as { unref?: () => void }).unref?.();
  }
}
