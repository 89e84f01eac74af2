// Errors of caches: states that a program can meet, each with a stable code.

import { type CacheKey, KEY_BYTES_MAX } from "../../bindings/caches.js";
import { CisternError } from "../errors.js";

/** The cache was left by this thread. */
export class CacheClosedError extends CisternError {
  constructor(name: string) {
    super("ERR_CACHE_CLOSED", `cache "${name}" was left by this thread`);
  }
}

/** This thread has as many values pinned as it may. Release some, or copy instead. */
export class CachePinsError extends CisternError {
  constructor(name: string, most: number) {
    super(
      "ERR_CACHE_PINS",
      `cache "${name}": this thread has ${most} values pinned, as many as it may: release some, or use get`,
    );
  }
}

/** The pin was released: its bytes may be another value's by now. */
export class StalePinError extends CisternError {
  constructor() {
    super("ERR_CACHE_PIN_RELEASED", "this pin was released: its bytes may be another value's by now");
  }
}

/** @internal A key that is longer than one may be. */
export function tooLong(key: CacheKey): RangeError {
  const length = typeof key === "number" ? 8 : key.length;
  const unit = typeof key === "string" ? "characters" : "bytes";
  return new RangeError(`a key has at most ${KEY_BYTES_MAX} bytes, got ${length} ${unit}: use a hash of it`);
}
