// Wake: hears of what was decided for this thread. The core changes a word of the owner's slot and notifies; a promise on that word
// (Atomics.waitAsync) runs the listener without blocking the thread. Hosts without it are asked every few milliseconds instead.

import { CLAIM_LIVE, CLAIM_WAITING, S_WAKE, SLOT_BYTES, SLOTS } from "../assembly/shared/layout.js";
import type { Core } from "./core.js";

const POLL_MS = 5;
const STATE_SHIFT = 20;
const GRANTING = (CLAIM_WAITING ^ CLAIM_LIVE) << STATE_SHIFT;

type WaitAsync = (
  words: Int32Array<ArrayBufferLike>,
  index: number,
  value: number,
) => { async: boolean; value: Promise<string> | string };

const { waitAsync } = Atomics as typeof Atomics & { waitAsync?: WaitAsync };

/** Calls `listener` after each change until the function that comes back is called. It does not keep the process alive. */
export function onWake(core: Core, listener: () => void): () => void {
  const at = (SLOTS + (core.ownerId & 0xff) * SLOT_BYTES + S_WAKE) >>> 2;
  let isOver = false;
  if (waitAsync === undefined) {
    const timer = setInterval(listener, POLL_MS);
    return () => clearInterval(timer);
  }
  let seen = Atomics.load(core.i32, at);
  const sleep = (): void => {
    if (isOver) return;
    const { async, value } = waitAsync(core.i32, at, seen);
    if (async) void (value as Promise<string>).then(look);
    else queueMicrotask(look);
  };
  const look = (): void => {
    if (isOver) return;
    seen = Atomics.load(core.i32, at);
    listener();
    sleep();
  };
  sleep();
  return () => {
    isOver = true;
  };
}

/** Whether the high half of a claim says that it waits. */
export function isWaiting(high: number): boolean {
  return high >>> STATE_SHIFT === CLAIM_WAITING;
}

/** The high half of the claim that a waiting one becomes when it is granted. */
export function grantedHigh(high: number): number {
  return high ^ GRANTING;
}
