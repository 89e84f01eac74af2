// Parking: how a thread sleeps for a word of the region that others change. Asynchronously (Atomics.waitAsync; where that is missing, by a look
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
