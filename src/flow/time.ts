// Time: the host's clock and timers, and the shape in which a test brings its own. Owns nothing; a timer of the host never keeps a
// process alive.

/** Milliseconds since some fixed moment, never going back. */
export type Clock = () => number;

/** One-shot timers. */
export interface Timers {
  /** Calls `callback` once, not before `ms` milliseconds have passed. Returns what `clear` takes. */
  set(callback: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

// Beyond it the host's timers fire at once.
const DELAY_MS_MAX = 2 ** 31 - 1;

export const monotonicMs: Clock = () => performance.now();

/** The host's timers, unref'ed where that exists. They truncate: a delay is rounded up, so that none fires early. */
export const hostTimers: Timers = {
  set(callback, ms) {
    const timer: unknown = setTimeout(callback, Math.min(Math.max(1, Math.ceil(ms)), DELAY_MS_MAX));
    (timer as { unref?: () => void }).unref?.();
    return timer;
  },
  clear(timer) {
    clearTimeout(timer as number);
  },
};
