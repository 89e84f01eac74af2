// A gauge whose level a test sets: no more of a PressureGauge than flow control asks for.
import type { Level, LevelReading } from "../../src/flow/reading.js";

export class FakeGauge implements LevelReading {
  level: Level = "none";
  factor?: number;
  readonly #target = new EventTarget();

  on(type: "level", listener: (event: unknown) => void, options: { signal: AbortSignal }): void {
    this.#target.addEventListener(type, listener as (event: Event) => void, options);
  }

  /** Changes the level and says so. */
  become(level: Level): void {
    this.level = level;
    this.#target.dispatchEvent(new Event("level"));
  }
}
