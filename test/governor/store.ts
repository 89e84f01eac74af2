// A thing that a governor's tests register: entries of known sizes, shed oldest first, and a record of what was asked of it.
import type { Governed } from "../../src/governor/index.js";

export class Store {
  readonly entries: number[] = [];
  /** The targets of its sheds. */
  readonly targets: number[] = [];
  /** How often its size was asked for. */
  looks = 0;
  /** What it cannot let go. */
  pinned = 0;

  constructor(readonly name: string) {}

  get held(): number {
    return this.entries.reduce((sum, entry) => sum + entry, this.pinned);
  }

  add(...entries: number[]): this {
    this.entries.push(...entries);
    return this;
  }

  /** `count` entries of one byte. */
  fill(count: number): this {
    return this.add(...Array.from({ length: count }, () => 1));
  }

  dropTo(target: number): number {
    const before = this.held;
    let held = before;
    while (held > target && this.entries.length > 0) held -= this.entries.shift()!;
    return before - held;
  }

  governed(more: Partial<Governed> = {}): Governed {
    return {
      name: this.name,
      bytes: () => {
        this.looks++;
        return this.held;
      },
      shed: (target) => {
        this.targets.push(target);
        return this.dropTo(target);
      },
      ...more,
    };
  }
}
