// Patience: how a call of a queue waits, as its options say, and how a thread blocks. Owns nothing.

import type { Doorbell } from "../../bindings/parking.js";
import { integer, ownOptions } from "../options.js";
import { requireSignal } from "./listeners.js";
import type { RingWaitOptions } from "./queue.js";
import type { Found, Patience, Waits } from "./waits.js";

/** @internal */
export const FOREVER = Number.POSITIVE_INFINITY;

// Looks before a thread goes to sleep, some 50 µs at most once this is compiled, which is what a sleep and a wake would cost. Each after a
// longer pause, in turns of an empty loop: a look takes the lines that the other side works on away from it, and left alone it works on
// many records at once. That they are many is also what has `block` compiled early: woken in the interpreter a thread goes on a fifth later.
const LOOKS = 200;
const LONGER = 4;
const TIMEOUT_MAX = 2 ** 31 - 1;

/** @internal What the options say; `timeout` is how long it waits unless told. @throws TypeError, RangeError, the signal's reason. */
export function patienceOf(
  what: string,
  options: RingWaitOptions | undefined,
  timeout: number,
  whyLate: (ms: number) => Error,
): Patience {
  if (options === undefined) return { signal: undefined, timeoutMs: timeout, whyLate };
  const isBlocking = what.endsWith("Sync");
  const own = ownOptions<RingWaitOptions>(what, options, isBlocking ? ["timeout"] : ["timeout", "signal"]);
  requireSignal(what, own.signal);
  const { signal, timeout: given = timeout } = own;
  const timeoutMs = given === FOREVER ? FOREVER : integer("timeout", given, 0, TIMEOUT_MAX);
  signal?.throwIfAborted();
  return { signal, timeoutMs, whyLate };
}

/** @internal What is asked before a blocked thread tries: who waits in this thread already comes first. */
export interface Blocking<V> {
  readonly waits: Waits;
  readonly bell: Doorbell;
  /** Whether a try is worth it: a look that costs next to nothing. */
  readonly isLikely: () => boolean;
  readonly attempt: () => Found<V>;
  readonly note: (ms: number, isLate: boolean) => void;
}

let turned = 0;

function pause(turns: number): void {
  for (let i = turns; i > 0; i--) turned = (turned + i) | 0;
}

/** @internal Tries until `attempt` answers, asleep in between. */
export function block<V>({ waits, bell, isLikely, attempt, note }: Blocking<V>, { timeoutMs, whyLate }: Patience): V {
  const turn = (): Found<V> => {
    waits.serve();
    return waits.count > 0 ? undefined : attempt();
  };
  const first = turn();
  if (first !== undefined) return first.value;
  const began = performance.now();
  const looks = timeoutMs > 0 ? LOOKS : 0;
  for (let look = 0; look < looks && !isLikely(); look++) pause(LONGER * look);
  while (true) {
    const seen = bell.listen();
    const found = turn();
    const waited = performance.now() - began;
    const isLate = found === undefined && waited >= timeoutMs;
    if (found !== undefined || isLate) note(waited, isLate);
    if (found !== undefined) return found.value;
    if (isLate) throw whyLate(timeoutMs);
    bell.park(seen, timeoutMs - waited);
  }
}
