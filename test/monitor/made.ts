// A monitor on time that the test moves, with a gauge and a garbage collector that it sets, and no host.
import type { Level } from "../../src/flow/reading.js";
import type { GcEvent } from "../../src/monitor/gc.js";
import { Monitor, type MonitorOptions } from "../../src/monitor/monitor.js";
import { FakeTime } from "../flow/time.js";

export class FakeGauge {
  pressure = 0;
  level: Level = "none";
  samples = 0;
  sample(): void {
    this.samples++;
  }
}

export function made(options: MonitorOptions = {}) {
  const time = new FakeTime();
  const { clock, timers } = time;
  const collected: ((event: GcEvent) => void)[] = [];
  let observers = 0;
  const monitor = new Monitor({
    clock,
    timers,
    wallClock: () => 1_700_000_000_000 + time.nowMs,
    observeGc: (listener) => {
      observers++;
      collected.push(listener);
      return () => observers--;
    },
    readProcess: () => undefined,
    readSystem: () => undefined,
    ...options,
  });
  return { time, monitor, collected, observers: () => observers };
}
