// Region gauge: how full a region is, as `region.pressure`. All that is not free counts: what is granted, and what tables and slab tails
// need beside it. The heap does not tell of each byte, so the gauge looks: whenever something is read of it, when an allocation of this
// thread does not fit, and every 100 ms while somebody listens. Between calls the timer exists only while there are listeners.

import type { Listener, ListenOptions, PressureEvent } from "./events.js";
import { epochClock, LevelGauge } from "./level-gauge.js";
import type { PressureLevel } from "./levels.js";
import { presetLadder, type PressurePreset } from "./presets.js";
import { Trend } from "./trend.js";

/** What is asked of a region. */
export interface FillingRegion {
  readonly name: string;
  readonly capacityBytes: number;
  readonly freeBytes: number;
}

const LOOK_MS = 100;
const GAP = 0.05;

/** How full a region is, in five levels: `region.pressure`. Right whenever it is read. */
export class RegionGauge extends LevelGauge {
  readonly #region: FillingRegion;
  readonly #trend = new Trend();
  readonly #clock = epochClock();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isOver = false;

  /** @internal */
  constructor(region: FillingRegion, preset: PressurePreset) {
    // The counters are exact: one look is enough to fall.
    super(presetLadder(preset), GAP, 1);
    this.#region = region;
    this.sample();
  }

  override get timeToLimit(): number {
    this.sample();
    const growth = this.#trend.slope();
    if (this.known >= 1) return 0;
    return growth > 0 ? (1 - this.known) / growth : Infinity;
  }

  override sample(): PressureLevel {
    const { capacityBytes, freeBytes, name } = this.#region;
    const from = this.band.level;
    const at = this.#clock();
    this.known = (capacityBytes - freeBytes) / capacityBytes;
    this.#trend.add(at, this.known);
    this.ladder.step(this.known);
    return this.moved(from, name, at);
  }

  override addEventListener(
    type: string,
    listener: Listener<PressureEvent> | null,
    options?: ListenOptions | boolean,
  ): void {
    super.addEventListener(type, listener as Listener<Event> | null, options);
    if (this.#timer !== undefined || this.#isOver || !this.isHeard) return;
    this.#timer = setInterval(() => {
      if (this.isHeard) this.sample();
      else this.#rest();
    }, LOOK_MS);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  /** @internal No level changes for who listens any more. */
  close(): void {
    this.#isOver = true;
    this.#rest();
  }

  protected override look(): void {
    this.sample();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
