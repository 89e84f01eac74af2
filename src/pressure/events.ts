// Events: a gauge's changes of level, delivered in order, each to everybody. Owns the queue and the isolation of listeners. A change that a
// listener causes waits until the one being delivered has reached all others, so every listener sees one alternating sequence, nothing
// skipped or twice (D38, I7). What a listener throws is reported and stops neither the others nor the caller, which may be an allocation (D37).

import { ownOptions } from "../options.js";
import { describe } from "../size.js";
import type { PressureLevel } from "./levels.js";

/** A change of level. */
export interface PressureChange {
  readonly from: PressureLevel;
  readonly to: PressureLevel;
  /** The pressure at the change. */
  readonly pressure: number;
  /** The name of the source that decided. */
  readonly source: string;
  /** When, by the gauge's clock: milliseconds since the epoch unless it has another. */
  readonly at: number;
}

/** The event `level`: each `from` is the `to` of the one before. */
export class PressureEvent extends Event implements PressureChange {
  readonly from: PressureLevel;
  readonly to: PressureLevel;
  readonly pressure: number;
  readonly source: string;
  readonly at: number;

  constructor(change: PressureChange) {
    super("level");
    this.from = change.from;
    this.to = change.to;
    this.pressure = change.pressure;
    this.source = change.source;
    this.at = change.at;
  }
}

export type PressureListener = (event: PressureEvent) => unknown;

/** What `addEventListener` takes for an event of class E. */
export type Listener<E extends Event> = ((event: E) => unknown) | { handleEvent(event: E): unknown };

/** EventTarget's own options. */
export interface ListenOptions {
  signal?: AbortSignal;
  once?: boolean;
  passive?: boolean;
  capture?: boolean;
}

interface Entry {
  readonly type: string;
  readonly listener: Listener<Event>;
  readonly capture: boolean;
  readonly once: boolean;
  /** Set when it was taken away: a delivery under way leaves it out. */
  isGone: boolean;
  /** Lets go of the signal: one that outlives many listeners must not hold them. */
  release(): void;
}

/**
 * An EventTarget whose events wait for each other and whose listeners cannot harm each other. It keeps its own list: Node's calls listeners
 * that were added during the delivery, so one that renews itself is called for ever, and warns of a leak from the eleventh on. A listener
 * cannot stop the propagation to others either.
 */
export class PressureEvents extends EventTarget {
  readonly #onError: (error: unknown) => void;
  /** Replaced at each change, so a delivery goes over those that were there when it began. */
  #entries: readonly Entry[] = [];
  /** Types that the platform's own list has the one listener for that tells ours: it sets target, phase and the rest. */
  readonly #types = new Set<string>();
  readonly #queue: Event[] = [];
  #delivering = false;

  /** @internal */
  constructor(onError: (error: unknown) => void = reportLater) {
    super();
    this.#onError = onError;
  }

  /**
   * Calls `listener` at each change of level, until the function that comes back is called or `signal` aborts. Registered twice, called
   * twice. A listener may add and remove listeners, itself too, and free or take memory. O(listeners). (G12, T06)
   * @throws TypeError for another event than `level`, or what is no function.
   */
  on(type: "level", listener: PressureListener, options?: { signal?: AbortSignal }): () => void {
    if (type !== "level") throw new TypeError(`there is no event ${describe(type)}; there is "level"`);
    if (typeof listener !== "function") throw new TypeError(`on("level") needs a function, got ${describe(listener)}`);
    const own = ownOptions("on", options, ["signal"]);
    const call: PressureListener = (event) => listener(event);
    this.addEventListener("level", call, own);
    return () => this.removeEventListener("level", call);
  }

  override addEventListener(
    type: "level",
    listener: Listener<PressureEvent> | null,
    options?: ListenOptions | boolean,
  ): void;
  override addEventListener(type: string, listener: Listener<Event> | null, options?: ListenOptions | boolean): void;
  override addEventListener(type: string, listener: Listener<never> | null, options?: ListenOptions | boolean): void {
    if (listener === null || listener === undefined) return;
    if (typeof listener !== "function" && typeof listener !== "object")
      throw new TypeError(`a listener is a function or has handleEvent, got ${describe(listener)}`);
    const { capture = false, once = false, signal } = listenOptions(options);
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw new TypeError(`signal must be an AbortSignal, got ${describe(signal)}`);
    if (signal?.aborted || this.#find(type, listener, capture)) return;
    const end = (): void => this.#remove(entry);
    const release = (): void => signal?.removeEventListener("abort", end);
    const entry: Entry = { type, listener: listener as Listener<Event>, capture, once, isGone: false, release };
    signal?.addEventListener("abort", end);
    this.#entries = [...this.#entries, entry];
    if (this.#types.has(type)) return;
    this.#types.add(type);
    super.addEventListener(type, (event) => this.#tell(event));
  }

  override removeEventListener(
    type: string,
    listener: Listener<never> | null,
    options?: { capture?: boolean } | boolean,
  ): void {
    const entry = this.#find(type, listener, listenOptions(options).capture ?? false);
    if (entry) this.#remove(entry);
  }

  /** @internal Whether anybody listens. */
  protected get isHeard(): boolean {
    return this.#entries.length > 0;
  }

  /** @internal Delivers the event now, or when those before it have been. */
  protected post(event: Event): void {
    this.#queue.push(event);
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) this.dispatchEvent(next);
    } finally {
      // Also after a stack overflow in here: what is left is delivered before the next one.
      this.#delivering = false;
    }
  }

  /** @internal Hands an error to whoever hears of errors; one that they throw is reported as nobody's. */
  protected report(error: unknown): void {
    try {
      this.#onError(error);
    } catch (second) {
      reportLater(second);
    }
  }

  #find(type: string, listener: Listener<never> | null, capture: boolean): Entry | undefined {
    return this.#entries.find((entry) => {
      return entry.listener === listener && entry.type === type && entry.capture === capture;
    });
  }

  #remove(entry: Entry): void {
    entry.isGone = true;
    entry.release();
    this.#entries = this.#entries.filter((other) => other !== entry);
  }

  #tell(event: Event): void {
    for (const entry of this.#entries) {
      if (entry.type !== event.type || entry.isGone) continue;
      if (entry.once) this.#remove(entry);
      this.#call(entry.listener, event);
    }
  }

  #call(listener: Listener<Event>, event: Event): void {
    try {
      const answer = typeof listener === "function" ? listener.call(this, event) : listener.handleEvent(event);
      // An async listener is not waited for, but what it throws is not lost.
      if (answer instanceof Promise) answer.catch((error: unknown) => this.report(error));
    } catch (error) {
      this.report(error);
    }
  }
}

const listenOptions = (options: ListenOptions | boolean | null | undefined): ListenOptions =>
  typeof options === "boolean" ? { capture: options } : (options ?? {});

/** Throws the error where nobody's work is interrupted: the host's handler of uncaught errors gets it. */
function reportLater(error: unknown): void {
  const host = globalThis as { reportError?: (error: unknown) => void };
  if (host.reportError) host.reportError(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}
