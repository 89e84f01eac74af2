// Exhaustion: what a thread does when an allocation does not fit. Owns this thread's full hooks of one region. A hook runs only
// after the heap is consistent again, in the thread whose allocation it was; the allocation is repeated while hooks make progress.

/**
 * Releases memory for an allocation of `bytes` bytes that does not fit; returns the bytes it released, 0 for "nothing more". It is
 * believed: one that always claims to have released something is asked for ever.
 */
export type FullHook = (bytes: number) => number;

export class Exhaustion {
  readonly #hooks: FullHook[] = [];
  #running = false;
  /** Is called whenever an allocation does not fit, before anybody is asked to make room, and may run listeners. */
  look: (() => void) | undefined;

  /** Adds a hook, asked after those already there. Returns the function that takes it away. */
  add(hook: FullHook): () => void {
    if (typeof hook !== "function") throw new TypeError(`onFull needs a function, got ${typeof hook}`);
    const own: FullHook = (bytes) => hook(bytes);
    this.#hooks.push(own);
    return () => {
      const index = this.#hooks.indexOf(own);
      if (index >= 0) this.#hooks.splice(index, 1);
    };
  }

  /**
   * Repeats `attempt` (0 = refused) while hooks release something and `isFull` says that room is what is missing. A hook that
   * allocates itself gets a plain answer: hooks are not asked for what a hook needs. A hook that throws ends the allocation with
   * its error; nothing is lost.
   */
  retry(bytes: number, attempt: () => number, isFull: () => boolean): number {
    if (this.#running) return 0;
    if (this.look !== undefined) {
      this.look();
      const offset = attempt();
      if (offset !== 0 || !isFull()) return offset;
    }
    if (this.#hooks.length === 0) return 0;
    this.#running = true;
    try {
      for (let progress = true; progress;) {
        progress = false;
        for (const hook of [...this.#hooks]) {
          if (!(hook(bytes) > 0)) continue;
          progress = true;
          const offset = attempt();
          if (offset !== 0) return offset;
          if (!isFull()) return 0;
        }
      }
      return 0;
    } finally {
      this.#running = false;
    }
  }
}
