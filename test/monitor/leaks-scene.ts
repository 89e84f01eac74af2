// What the tests of leak reports share: a region that is tracked, on time, chance and a garbage collector that the test moves.
import { Region } from "../../src/index.js";
import type { Finalization } from "../../src/monitor/leaks.js";
import {
  type LeakAlert,
  type LeakFailure,
  type LeakOptions,
  type LeakTracker,
  trackLeaks,
} from "../../src/monitor/index.js";
import { settled } from "../flow/time.js";
import { region } from "../lib/regions.js";

/** A FinalizationRegistry in which a handle is collected when the test says so. */
export class FakeFinalization {
  readonly #collect = new Map<object, () => void>();

  readonly make: Finalization = (collected) => ({
    register: (target, held) => void this.#collect.set(target, () => collected(held)),
  });

  /** Handles that were chosen so far. */
  get chosen(): number {
    return this.#collect.size;
  }

  /** Collects these in one collection, and lets the alerts come. */
  async collect(...handles: object[]): Promise<void> {
    for (const handle of handles) {
      this.#collect.get(handle)?.();
      this.#collect.delete(handle);
    }
    await settled();
  }
}

export interface Scene {
  readonly r: Region;
  readonly leaks: LeakTracker;
  readonly gc: FakeFinalization;
  readonly time: { nowMs: number };
  readonly alerts: LeakAlert[];
  readonly failures: LeakFailure[];
}

const scenes: LeakTracker[] = [];

/** Ends the trackers of all scenes so far: after each test. */
export function stopAll(): void {
  for (const leaks of scenes.splice(0)) leaks.stop();
}

/** Every handle is tracked, with its place, unless told otherwise. */
export function scene(options: LeakOptions = {}, r: Region = region()): Scene {
  const gc = new FakeFinalization();
  const time = { nowMs: 0 };
  const leaks = trackLeaks(r, { level: "paranoid", clock: () => time.nowMs, finalization: gc.make, ...options });
  scenes.push(leaks);
  const alerts: LeakAlert[] = [];
  const failures: LeakFailure[] = [];
  leaks.on("leak", (alert) => alerts.push(alert));
  leaks.on("error", (failure) => failures.push(failure));
  return { r, leaks, gc, time, alerts, failures };
}

/** An attachment whose handles the tracker does not hear of, as if another thread had made it. */
export const elsewhere = (r: Region): Region => Region.attachSync(structuredClone(r.handle()));
