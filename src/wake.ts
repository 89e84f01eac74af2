// Wake: what this thread looks at again when the region says that something changed: requests that wait, budgets whose level it shows,
// memory it is asked to give back. Owns the listeners of one attachment; listens to the region only while there are some.

import type { Core } from "../bindings/core.js";
import { onWake } from "../bindings/wake.js";

/** @internal */
export class WakeHub {
  readonly #core: Core;
  readonly #listeners = new Set<() => void>();
  #stop: (() => void) | undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Calls `listener` whenever something may have changed, until the function that comes back is called. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#stop ??= onWake(this.#core, () => this.ring());
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#stop?.();
      this.#stop = undefined;
    };
  }

  /** Runs all listeners now. */
  ring(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
