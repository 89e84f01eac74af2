// Levels: who is told when a budget becomes fuller or emptier than it said. Owns the listeners of this thread. The core notices the crossing
// in the charge that makes it: the thread that made it hears of it before its call returns, the others by a wake.

import type { Budgets, Node } from "../bindings/budgets.js";
import type { WakeHub } from "./wake.js";

/** Hears that a budget's level is `level` now, 0 … 4, and was `before`. */
export type LevelListener = (level: number, before: number) => void;

interface Watched {
  readonly node: Node;
  readonly listener: LevelListener;
  level: number;
}

/** @internal The level listeners of one attachment. */
export class Levels {
  readonly #budgets: Budgets;
  readonly #hub: WakeHub;
  readonly #watched = new Set<Watched>();
  #unhear: (() => void) | undefined;

  constructor(budgets: Budgets, hub: WakeHub) {
    this.#budgets = budgets;
    this.#hub = hub;
  }

  /** Sets the budget's entries (shares of its limit, for all threads) and tells `listener` of each change from here on. */
  add(node: Node, entries: readonly number[], gap: number, listener: LevelListener): (() => void) | undefined {
    if (!this.#budgets.setLevels(node, entries, gap)) return undefined;
    this.look(); // those of closed budgets go
    const watched: Watched = { node, listener, level: this.#budgets.level(node.at) };
    this.#watched.add(watched);
    this.#unhear ??= this.#hub.add(() => this.look());
    return () => this.#remove(watched);
  }

  #remove(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    this.#unhear?.();
    this.#unhear = undefined;
  }

  /** Tells of what has changed. One listener's error keeps no other from hearing. */
  look(): void {
    for (const watched of [...this.#watched]) {
      const isOpen = this.#budgets.isOpen(watched.node);
      const level = isOpen ? this.#budgets.level(watched.node.at) : 0;
      if (!isOpen) this.#remove(watched);
      const before = watched.level;
      if (level === before) continue;
      watched.level = level;
      try {
        watched.listener(level, before);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
