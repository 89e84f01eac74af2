// Events: an EventTarget whose events have names, types and one plain value each. Owns nothing but its listeners; a listener added
// with `on` that throws stops neither the others nor the one who raised the event.

import { ownOptions } from "../options.js";
import { describe } from "../size.js";
import { abortSignal, callable } from "./arguments.js";

export interface ListenOptions {
  /** Takes the listener away. */
  signal?: AbortSignal;
}

export class Events<Details extends object> extends EventTarget {
  readonly #types: readonly (keyof Details & string)[];

  /** @internal */
  constructor(types: readonly (keyof Details & string)[]) {
    super();
    this.#types = types;
  }

  /**
   * Calls `listener` with the value of each event `type` (the `detail` of the CustomEvent that `addEventListener` sees), until the
   * signal aborts or the returned function is called. What it throws is told to `listenerFailed`.
   * @throws TypeError for a wrong argument, also for an event that there is not.
   */
  on<Type extends keyof Details & string>(
    type: Type,
    listener: (detail: Details[Type]) => void,
    options?: ListenOptions,
  ): () => void {
    if (!this.#types.includes(type))
      throw new TypeError(
        `there is no event ${describe(type)}; there is ${this.#types.map((one) => `"${one}"`).join(", ")}`,
      );
    callable("listener", listener);
    const { signal } = ownOptions<ListenOptions>("on", options, ["signal"]);
    abortSignal("signal", signal);
    const isolated = (event: Event): void => {
      try {
        listener((event as CustomEvent<Details[Type]>).detail);
      } catch (error) {
        this.listenerFailed(type, error);
      }
    };
    this.addEventListener(type, isolated, signal && { signal });
    return () => this.removeEventListener(type, isolated);
  }

  /** @internal Tells everybody who listens, in the order in which they came. */
  protected emit<Type extends keyof Details & string>(type: Type, detail: Details[Type]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @internal A listener of `type` threw. */
  protected listenerFailed(_type: string, _error: unknown): void {}
}
