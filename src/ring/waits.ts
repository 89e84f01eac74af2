// Waits: this thread's promises that wait for one thing of a queue, for something to take or for room; or for loads of a cache. Owns their order, timers and signals. One
// pump for all of them sleeps on one bell; a promise is only ever settled by an attempt that was made for it here, so one that is cancelled
// never takes a record or a wake-up with it. Once they are over nothing looks at the bell any more: its memory may be another's.
//
// An attempt runs code of others (who is handed the record, who is told that the queue is high), which may wait, abort, close or leave here itself.
// So who is at its attempt is neither tried nor counted beside it, and ends as the attempt does: what was taken or added is answered, whatever
// was said meanwhile; only if it was in vain does that count.

/** What rings when a look is worth it. */
export interface Bell {
  /** Says that somebody is about to sleep; what comes back is to be given to `sleep`, after one more look at what is waited for. */
  listen(): number;
  /** Resolves when it rang since, or now and then without. */
  sleep(seen: number): Promise<unknown>;
}

/** When a wait ends without what it waits for. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly whyLate: (waitedMs: number) => Error;
}

/** An answer, in a box: what is waited for may be undefined itself. */
export type Found<V> = { value: V } | undefined;

type Timer = ReturnType<typeof setTimeout> | undefined;

interface Waiter {
  /** Its attempt is running, further down the stack. */
  isTrying: boolean;
  /** Tries; true: it is settled. */
  readonly attempt: () => boolean;
  readonly stop: () => void;
  readonly reject: (error: unknown) => void;
  readonly timer: Timer;
}

const LONG_MS = 2 ** 30;

/** @internal One side of a queue, as one thread waits for it. */
export class Waits {
  readonly #bell: Bell;
  readonly #note: (ms: number, isLate: boolean) => void;
  readonly #waiters = new Set<Waiter>();
  #isPumping = false;
  /** How many are at their attempt. */
  #trying = 0;
  readonly #isOrdered: boolean;
  #isRef: boolean;
  #alive: Timer;

  constructor(bell: Bell, note: (ms: number, isLate: boolean) => void, isRef: boolean, isOrdered = true) {
    this.#bell = bell;
    this.#note = note;
    this.#isRef = isRef;
    this.#isOrdered = isOrdered;
  }

  /** How many wait, but for who is at its attempt. */
  get count(): number {
    return this.#waiters.size - this.#trying;
  }

  /** What `attempt` answers, as soon as it answers something; first come, first served. */
  add<V>(attempt: () => Found<V>, { timeoutMs, signal, whyLate }: Patience): Promise<V> {
    return new Promise((resolve, reject) => {
      const began = performance.now();
      const settle = (isLate: boolean, how: () => void): void => {
        if (!this.#waiters.delete(waiter)) return;
        waiter.stop();
        this.#keepAlive();
        this.#note(performance.now() - began, isLate);
        how();
      };
      let end: (() => void) | undefined;
      const over = (error: unknown, isLate = false): void => {
        if (waiter.isTrying) end ??= () => over(error, isLate);
        else settle(isLate, () => reject(error));
      };
      const late = (): void => over(whyLate(timeoutMs), true);
      const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(late, timeoutMs);
      const aborted = (): void => over((signal as AbortSignal).reason);
      signal?.addEventListener("abort", aborted, { once: true });
      const waiter: Waiter = {
        isTrying: false,
        attempt: () => {
          waiter.isTrying = true;
          this.#trying++;
          try {
            const found = attempt();
            if (found !== undefined) end = () => settle(false, () => resolve(found.value));
          } catch (error) {
            end = () => settle(false, () => reject(error));
          } finally {
            waiter.isTrying = false;
            this.#trying--;
          }
          end?.();
          return end !== undefined;
        },
        stop: () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", aborted);
        },
        reject: over,
        timer,
      };
      this.#waiters.add(waiter);
      hold(timer, this.#isRef);
      this.#keepAlive();
      if (!this.#isPumping) void this.#pump();
    });
  }

  /** Serves them in their order, as long as there is something for the first; each by itself where they wait for different things. */
  serve(): void {
    for (const waiter of this.#waiters) if (!waiter.isTrying && !waiter.attempt() && this.#isOrdered) return;
  }

  /** Ends all waiting. */
  end(why: () => Error): void {
    for (const { reject } of [...this.#waiters]) reject(why());
  }

  /** Whether waiting keeps the process alive. */
  set ref(isRef: boolean) {
    this.#isRef = isRef;
    this.#keepAlive();
    for (const { timer } of this.#waiters) hold(timer, isRef);
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    while (this.#waiters.size > 0) {
      const seen = this.#bell.listen();
      this.serve();
      if (this.#waiters.size > 0) await this.#bell.sleep(seen);
    }
    this.#isPumping = false;
  }

  /** A promise of Atomics.waitAsync does not keep Node alive, so a timer does. */
  #keepAlive(): void {
    const isNeeded = this.#isRef && this.#waiters.size > 0;
    if (isNeeded) this.#alive ??= setInterval(() => {}, LONG_MS);
    else {
      clearInterval(this.#alive);
      this.#alive = undefined;
    }
  }
}

/** Where timers are objects: whether this one keeps the process alive. */
function hold(timer: unknown, isRef: boolean): void {
  (timer as { ref?: () => void; unref?: () => void } | undefined)?.[isRef ? "ref" : "unref"]?.();
}
