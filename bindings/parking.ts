// Parking: how a thread waits for a word of the region that others change: looking for a moment, then asleep. Asynchronously (Atomics.waitAsync; where that is missing, by a look
// every few milliseconds), or by blocking, where the host lets it. Every sleep is sliced: who was to wake it may have died on the way.

type WaitAsync = (
  words: Int32Array<ArrayBufferLike>,
  index: number,
  value: number,
  timeout: number,
) => { async: boolean; value: Promise<string> | string };

const { waitAsync } = Atomics as typeof Atomics & { waitAsync?: WaitAsync };
const SLICE_MS = 100;
const POLL_MS = 5;

// Turns of an empty loop, each some half a nanosecond to a nanosecond.
const PAUSE_MIN = 128;
const PAUSE_MAX = 8192;
const PAUSES = 12;

let turned = 0;

/**
 * Looks until `isLikely`, some 50 µs at most, which is what a sleep and a wake would cost. Pauses in between, longer each time: a look takes the lines that
 * the other side works on away from it, and while it is left alone it works on many records at once.
 */
export function spinUntil(isLikely: () => boolean): void {
  let turns = PAUSE_MIN;
  for (let look = 0; look < PAUSES && !isLikely(); look++) {
    for (let i = 0; i < turns; i++) turned = (turned + i) | 0;
    turns = Math.min(turns * 2, PAUSE_MAX);
  }
}

/** A word to sleep on, and behind it the one that says that somebody does. */
export class Doorbell {
  readonly #i32: Int32Array<ArrayBufferLike>;
  readonly #at: number;

  constructor(i32: Int32Array<ArrayBufferLike>, at: number) {
    this.#i32 = i32;
    this.#at = at;
  }

  /** Says that somebody is about to sleep; what comes back is to be given to `sleep` or `park`, after one more look at what is waited for. */
  listen(): number {
    const seen = Atomics.load(this.#i32, this.#at);
    Atomics.store(this.#i32, this.#at + 1, 1);
    return seen;
  }

  /** Resolves when the word is no longer `seen`, or after a slice. Does not keep the process alive. */
  sleep(seen: number): Promise<unknown> {
    if (waitAsync === undefined) return new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const { async, value } = waitAsync(this.#i32, this.#at, seen, SLICE_MS);
    return async ? (value as Promise<unknown>) : Promise.resolve();
  }

  /** Sleeps until the word is no longer `seen`, at most `ms` milliseconds and at most a slice. */
  park(seen: number, ms: number): void {
    Atomics.wait(this.#i32, this.#at, seen, Math.min(ms, SLICE_MS));
  }
}
