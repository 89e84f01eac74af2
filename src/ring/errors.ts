// Errors of rings: states that a program can meet, each with a stable code.

import { CisternError } from "../errors.js";

/** The ring was closed: nothing is added any more. Or this thread has left it. */
export class RingClosedError extends CisternError {
  constructor(name: string) {
    super(
      "ERR_RING_CLOSED",
      `ring "${name}" is closed, or was left by this thread: nothing is added any more; a new one of the name can be opened when all have left it`,
    );
  }
}

/** There is no place for the record, and the ring's policy is `error`. It was not added. */
export class RingFullError extends CisternError {
  readonly capacity: number;
  readonly maxBytes: number;

  constructor(name: string, capacity: number, maxBytes: number) {
    super("ERR_RING_FULL", `ring "${name}" is full: it holds ${capacity} records, or ${maxBytes} bytes`);
    this.capacity = capacity;
    this.maxBytes = maxBytes;
  }
}

/** The time to wait for room, or for a record, is over. Nothing was added or taken. */
export class RingTimeoutError extends CisternError {
  readonly waitedMs: number;

  constructor(name: string, what: "room" | "a record", waitedMs: number) {
    super("ERR_RING_TIMEOUT", `ring "${name}": waited ${waitedMs} ms for ${what}`);
    this.waitedMs = waitedMs;
  }
}

/** The codec made nothing of records that were taken: they are here, as bytes, with what it threw as the `cause`. Those behind them are not touched. */
export class RingDecodeError extends CisternError {
  readonly records: readonly Uint8Array[];
  /** What was taken in the same call and could be decoded. */
  readonly values: readonly unknown[];

  constructor(name: string, records: readonly Uint8Array[], values: readonly unknown[], cause: unknown) {
    super(
      "ERR_RING_DECODE",
      `ring "${name}": the codec could not decode ${records.length} record(s): ${String(cause)}`,
    );
    this.cause = cause;
    this.records = records;
    this.values = values;
  }
}

/** A lease that was committed, aborted or released, or whose ring this thread has left. */
export class StaleLeaseError extends CisternError {
  constructor(name: string) {
    super("ERR_LEASE_STALE", `ring "${name}": the lease was committed, aborted or released before`);
  }
}
