// Monitor: looks at the memory regularly, and is the only thing here that does (§8.8). Owns one timer, which keeps no process alive, and
// the history. Between calls: while it runs, exactly one look is ahead; what a gauge, probe or listener throws is counted and told,
// and stops nothing. It only observes: exact answers (a budget's, an admission's) do not wait for it (D36).

import { callable, finite, having, label } from "../flow/arguments.js";
import { Events } from "../flow/events.js";
import type { SampledGauge } from "../flow/reading.js";
import { type Clock, type Timers, hostTimers, monotonicMs } from "../flow/time.js";
import { ownOptions } from "../options.js";
import { type GcEvent, GcStatistics, type ObserveGc, observeGc } from "./gc.js";
import { History } from "./history.js";
import { type ProcessMemory, type SystemMemory, readProcess, readSystem } from "./host.js";
import { AdaptivePeriod } from "./period.js";
import { Rate } from "./rate.js";
import {
  type GaugeSample,
  type MonitorSample,
  type RegionMemory,
  fragmentation,
  regionMemory,
  worst,
} from "./sample.js";

export interface MonitorOptions {
  /** Between looks, while no limit is near; 1000 ms (M09) unless told. */
  intervalMs?: number;
  /** Between looks, at the least; 100 ms unless told, and at most `intervalMs`. */
  minIntervalMs?: number;
  /** Samples that are kept; 600 unless told. */
  history?: number;
  /** A region, for its figures, fragmentation and adaptive period. */
  region?: { stats(): RegionMemory };
  /** Bytes allocated since some beginning, for the allocation rate; unless told, what JS heap and region have grown by. */
  allocatedBytes?: () => number;
  /** Monotonic milliseconds; `performance.now` unless told. */
  clock?: Clock;
  /** Milliseconds since 1970; `Date.now` unless told. */
  wallClock?: Clock;
  timers?: Timers;
  observeGc?: ObserveGc;
  readProcess?: () => ProcessMemory | undefined;
  readSystem?: () => SystemMemory | undefined;
}

/** The thread was busy when a look was due. */
export interface LateLook {
  lateMs: number;
  /** Looks that fell out; they are not made up for. */
  skipped: number;
}

export interface MonitorGc extends GcEvent {
  /** JS heap in use after a major collection: the floor that `LeakTrend` takes. Undefined for other kinds. */
  usedBytes: number | undefined;
}

export interface MonitorFailure {
  /** Which part: `gauge NAME`, `probe NAME`, `listener of TYPE`, or what the host was asked. */
  what: string;
  error: unknown;
}

export interface MonitorEvents {
  sample: MonitorSample;
  late: LateLook;
  gc: MonitorGc;
  error: MonitorFailure;
}

export interface MonitorStats {
  running: boolean;
  samples: number;
  /** Looks that came a period or more too late, and those that fell out for it. */
  late: number;
  skipped: number;
  failures: number;
  /** The time that looking took. */
  totalMs: number;
  averageMs: number;
  /** To the next look. */
  periodMs: number;
}

// Looking takes at most this share of the time: 1/20.
const COST = 20;
const MEMORY_MS = 10_000;
const OPTIONS: readonly (keyof MonitorOptions)[] = [
  "intervalMs",
  "minIntervalMs",
  "history",
  "region",
  "allocatedBytes",
  "clock",
  "wallClock",
  "timers",
  "observeGc",
  "readProcess",
  "readSystem",
];

export class Monitor extends Events<MonitorEvents> {
  readonly #clock: Clock;
  readonly #wallClock: Clock;
  readonly #timers: Timers;
  readonly #observeGc: ObserveGc;
  readonly #readProcess: () => ProcessMemory | undefined;
  readonly #readSystem: () => SystemMemory | undefined;
  readonly #region: { stats(): RegionMemory } | undefined;
  readonly #allocatedBytes: (() => number) | undefined;
  readonly #history: History<MonitorSample>;
  readonly #period: AdaptivePeriod;
  readonly #firstMs: number;
  readonly #gauges = new Map<string, SampledGauge>();
  readonly #probes = new Map<string, () => unknown>();
  readonly #gc = new GcStatistics();
  readonly #allocation = new Rate(MEMORY_MS);
  /** Where the allocation rate was last told to be: a counter, or bytes in use. */
  #allocationMark: number | undefined;
  #stopGc: (() => void) | undefined;
  #running = false;
  #isArmed = false;
  #timer: unknown;
  #dueMs = 0;
  #periodMs = 0;
  #isLooking = false;
  readonly #counts = { samples: 0, late: 0, skipped: 0, failures: 0, totalMs: 0 };

  /** Does not run yet. @throws TypeError, RangeError. */
  constructor(options: MonitorOptions = {}) {
    super(["sample", "late", "gc", "error"]);
    const own = ownOptions<MonitorOptions>("Monitor", options, OPTIONS);
    const intervalMs = finite("intervalMs", own.intervalMs ?? 1000, 1);
    this.#firstMs = own.minIntervalMs ?? Math.min(100, intervalMs);
    this.#period = new AdaptivePeriod(this.#firstMs, intervalMs);
    this.#periodMs = intervalMs;
    this.#history = new History(own.history ?? 600);
    this.#region = own.region === undefined ? undefined : having("region", own.region, ["stats"]);
    this.#allocatedBytes =
      own.allocatedBytes === undefined ? undefined : callable("allocatedBytes", own.allocatedBytes);
    this.#clock = callable("clock", own.clock ?? monotonicMs);
    this.#wallClock = callable("wallClock", own.wallClock ?? Date.now);
    this.#timers = having("timers", own.timers ?? hostTimers, ["set", "clear"]);
    this.#observeGc = callable("observeGc", own.observeGc ?? observeGc);
    this.#readProcess = callable("readProcess", own.readProcess ?? readProcess);
    this.#readSystem = callable("readSystem", own.readSystem ?? (() => readSystem()));
  }

  get running(): boolean {
    return this.#running;
  }

  /** The newest sample; undefined before the first. */
  get latest(): MonitorSample | undefined {
    return this.#history.latest;
  }

  /** Share of the time that garbage collection took lately, 0–1: for a GcHint (M10). */
  get gcShare(): number {
    return this.#gc.share;
  }

  /** Looks at once (after `minIntervalMs`) and regularly from then on, and observes the garbage collector. Idempotent. */
  start(): this {
    if (this.#running) return this;
    this.#running = true;
    this.#stopGc = this.#guard("observeGc", () => this.#observeGc((event) => this.#collected(event)));
    this.#schedule(this.#firstMs);
    return this;
  }

  /** No timer and no observer is left; gauges, probes and history stay. Idempotent. */
  stop(): this {
    this.#running = false;
    if (this.#isArmed) this.#timers.clear(this.#timer);
    this.#isArmed = false;
    const stopGc = this.#stopGc;
    this.#stopGc = undefined;
    if (stopGc) this.#guard("observeGc", stopGc);
    return this;
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /**
   * Lets each look sample `gauge`, under a name of its own. Returns the function that takes it out.
   * @throws TypeError for what is no gauge, or a name that is taken.
   */
  addGauge(name: string, gauge: SampledGauge): () => void {
    having("gauge", gauge, ["sample"]);
    return added("gauge", this.#gauges, name, gauge, () => this.#period.forget(`gauge ${name}`));
  }

  /**
   * Lets each look call `probe`; a number that it answers stands in the sample. Probes run after the gauges, in order. Returns the function
   * that takes it out.
   * @throws TypeError for what is no function, or a name that is taken.
   */
  addProbe(name: string, probe: () => unknown): () => void {
    return added("probe", this.#probes, name, callable("probe", probe), () => {});
  }

  /**
   * Looks now, whether it runs or not, and leaves the timer as it is. From within a gauge or a probe it only reads the figures: neither
   * runs a second time, and nothing is kept. Costs what the readings cost: about 0.2 ms in Node, plus `region.stats()`.
   */
  sample(): MonitorSample {
    return this.#look({ lateMs: 0, skipped: 0 });
  }

  /** A copy of the newest `count` samples, oldest first. @throws TypeError, RangeError. */
  history(count?: number): MonitorSample[] {
    return this.#history.last(count);
  }

  stats(): MonitorStats {
    const { samples, totalMs } = this.#counts;
    return {
      running: this.#running,
      ...this.#counts,
      averageMs: samples === 0 ? 0 : totalMs / samples,
      periodMs: this.#periodMs,
    };
  }

  /** @internal */
  protected override listenerFailed(type: string, error: unknown): void {
    // Who listens to errors and throws is not told of it again.
    if (type === "error") this.#counts.failures++;
    else this.#failed(`listener of ${type}`, error);
  }

  #schedule(ms: number): void {
    this.#periodMs = ms;
    this.#dueMs = this.#clock() + ms;
    this.#isArmed = true;
    this.#timer = this.#timers.set(() => this.#due(), ms);
  }

  /** The timer: one look, however many were due, then the next is timed from now. */
  #due(): void {
    this.#isArmed = false;
    const lateMs = Math.max(0, this.#clock() - this.#dueMs);
    const skipped = Math.floor(lateMs / this.#periodMs);
    if (skipped > 0) {
      this.#counts.late++;
      this.#counts.skipped += skipped;
      this.emit("late", { lateMs, skipped });
    }
    // A listener may have stopped it, and may have started it again.
    if (!this.#running || this.#isArmed) return;
    const { durationMs } = this.#look({ lateMs, skipped });
    if (this.#running && !this.#isArmed) this.#schedule(Math.max(this.#period.nextMs(), durationMs * COST));
  }

  #look(late: LateLook): MonitorSample {
    if (this.#isLooking) return this.#measure(late, this.latest?.gauges ?? {}, this.latest?.probes ?? {});
    this.#isLooking = true;
    let sample: MonitorSample;
    try {
      const beginMs = this.#clock();
      const gauges = this.#sampleGauges(beginMs);
      sample = this.#measure(late, gauges, this.#runProbes());
      this.#account(sample, beginMs);
    } finally {
      this.#isLooking = false;
    }
    this.emit("sample", sample);
    return sample;
  }

  /** Reads the figures. Changes nothing. */
  #measure(late: LateLook, gauges: Record<string, GaugeSample>, probes: Record<string, number>): MonitorSample {
    const stats = this.#region && this.#guard("region.stats", () => this.#region!.stats());
    return {
      at: this.#wallClock(),
      durationMs: 0,
      lateMs: late.lateMs,
      skipped: late.skipped,
      ...worst(gauges),
      gauges,
      region: stats ? regionMemory(stats) : null,
      fragmentation: stats ? fragmentation(stats) : null,
      process: this.#guard("readProcess", this.#readProcess) ?? null,
      system: this.#guard("readSystem", this.#readSystem) ?? null,
      allocationRate: this.#allocation.perSecond,
      gc: this.#gc.summary(),
      probes,
    };
  }

  /** Brings the averages up to `sample`, and them into it; then keeps it. */
  #account(sample: MonitorSample, beginMs: number): void {
    const { region } = sample;
    if (region) {
      const { capacityBytes, freeBytes } = region;
      this.#period.observe("region", capacityBytes > 0 ? 1 - freeBytes / capacityBytes : 0, beginMs);
    }
    this.#gc.tick(beginMs);
    this.#rateAllocation(sample, beginMs);
    sample.allocationRate = this.#allocation.perSecond;
    sample.gc = this.#gc.summary();
    sample.durationMs = Math.max(0, this.#clock() - beginMs);
    this.#counts.samples++;
    this.#counts.totalMs += sample.durationMs;
    this.#history.push(sample);
  }

  /** From the counter where there is one; else by what is in use more than at the last look, which misses what came and went between. */
  #rateAllocation({ process, region }: MonitorSample, atMs: number): void {
    const mark = this.#allocatedBytes
      ? this.#guard("allocatedBytes", this.#allocatedBytes)
      : (process?.heapUsedBytes ?? 0) + (region?.usedBytes ?? 0);
    if (mark === undefined || !Number.isFinite(mark)) return;
    this.#allocation.add(Math.max(0, mark - (this.#allocationMark ?? mark)), atMs);
    this.#allocationMark = mark;
  }

  #sampleGauges(atMs: number): Record<string, GaugeSample> {
    const samples: [string, GaugeSample][] = [];
    for (const [name, gauge] of this.#gauges) {
      const what = `gauge ${name}`;
      this.#guard(what, () => gauge.sample());
      this.#guard(what, () => {
        const { pressure, level } = gauge;
        const isKnown = typeof pressure === "number" && Number.isFinite(pressure);
        samples.push([name, { pressure: isKnown ? pressure : null, level }]);
        if (isKnown) this.#period.observe(what, pressure, atMs);
      });
    }
    return Object.fromEntries(samples);
  }

  #runProbes(): Record<string, number> {
    const answers: [string, number][] = [];
    for (const [name, probe] of this.#probes) {
      const answer = this.#guard(`probe ${name}`, probe);
      if (typeof answer === "number") answers.push([name, answer]);
    }
    return Object.fromEntries(answers);
  }

  #collected(event: GcEvent): void {
    this.#gc.add(event);
    const process = event.kind === "major" ? this.#guard("readProcess", this.#readProcess) : undefined;
    this.emit("gc", { ...event, usedBytes: process?.heapUsedBytes });
  }

  /** What `run` answers; undefined when it throws. A promise that rejects is a failure too, but is not waited for. */
  #guard<T>(what: string, run: () => T): T | undefined {
    try {
      const answer = run();
      if (answer instanceof Promise) answer.catch((error: unknown) => this.#failed(what, error));
      return answer;
    } catch (error) {
      this.#failed(what, error);
      return undefined;
    }
  }

  #failed(what: string, error: unknown): void {
    this.#counts.failures++;
    this.emit("error", { what, error });
  }
}

/** Stands `value` under `name`; returns how to take just it out again. */
function added<T>(kind: string, to: Map<string, T>, name: string, value: T, removed: () => void): () => void {
  label("name", name);
  if (to.has(name))
    throw new TypeError(`a ${kind} "${name}" is there already; take it out first, or choose another name`);
  to.set(name, value);
  let isIn = true;
  return () => {
    if (!isIn) return;
    isIn = false;
    to.delete(name);
    removed();
  };
}
