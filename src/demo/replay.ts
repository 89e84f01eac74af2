// The main thread's part of a replay: makes the region and the cache in it, starts the workers, watches the limit while they run,
// and settles the accounts when they have finished.
import { type Cache, Region } from "../index.js";
import { Control, Gate } from "./control.js";
import { Crew } from "./crew.js";
import { LevelCounter } from "./levels.js";
import type { Options } from "./options.js";
import type { Outcome, Report } from "./report.js";
import { reportOf } from "./report.js";
import { type Counts, createTallies, totalOf } from "./tally.js";
import type { Trace } from "./trace.js";
import type { WorkerOptions } from "./worker.js";

const CACHE_NAME = "objects";
const SAMPLE_MS = 5;

/** What the progress display sees of a running replay. */
export interface Glimpse {
  readonly counts: Counts;
  readonly evictions: number;
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly seconds: number;
}

export class Replay {
  /** Infinite when it goes on until it is stopped. */
  readonly totalRequests: number;
  readonly #trace: Trace;
  readonly #options: Options;
  readonly #region: Region;
  readonly #cache: Cache;
  readonly #control: Control;
  readonly #tallies: SharedArrayBuffer;
  readonly #levels = new LevelCounter();
  /** What the empty region can grant: its size less header and tables. */
  readonly #roomBytes: number;
  #highestBytes = 0;
  #startedAt = 0n;

  constructor(trace: Trace, options: Options) {
    this.#trace = trace;
    this.#options = options;
    this.totalRequests = options.ops ?? (options.once ? trace.ids.length : Infinity);
    this.#region = Region.createSync({ size: options.limit, maxOwners: options.workers + 1, name: "service" });
    this.#roomBytes = this.#region.freeBytes;
    this.#cache = this.#region.cache(CACHE_NAME, { maxBytes: "100%", policy: options.policy });
    this.#control = new Control(options.workers);
    this.#tallies = createTallies(options.workers);
  }

  /** Lets the workers finish the request in hand, then ends the replay as usual. */
  stop(): void {
    this.#control.stop();
  }

  glimpse(): Glimpse {
    return {
      counts: totalOf(this.#tallies),
      evictions: this.#cache.stats().evictions,
      usedBytes: this.#region.usedBytes,
      limitBytes: this.#region.capacityBytes,
      seconds: this.#startedAt === 0n ? 0 : Number(process.hrtime.bigint() - this.#startedAt) / 1e9,
    };
  }

  async run(): Promise<Report> {
    const crew = new Crew(this.#workerOptions());
    const sampler = setInterval(() => this.#sample(), SAMPLE_MS);
    try {
      return await this.#conduct(crew);
    } finally {
      clearInterval(sampler);
      await crew.end();
    }
  }

  async #conduct(crew: Crew): Promise<Report> {
    await crew.all("ready");
    this.#giveAllToCache();
    this.#startedAt = process.hrtime.bigint();
    this.#control.open(Gate.Start);
    const ends = (await crew.all("replayed")).map(({ endedAt }) => endedAt);
    const last = ends.reduce((latest, end) => (end > latest ? end : latest));
    this.#sample();
    const atEnd = this.#outcome(Number(last - this.#startedAt) / 1e9);
    this.#control.open(Gate.Cleanup);
    await crew.all("clean");
    const check = this.#region.check();
    this.#cache.close();
    const left = this.#region.usedBytes === 0 ? 0 : 1;
    this.#region.close();
    return reportOf({ ...atEnd, mistakes: atEnd.mistakes + left, problems: check.ok ? [] : check.problems });
  }

  /** All workers are here with what they need: what is left of the region is the cache's. */
  #giveAllToCache(): void {
    const { heldBytes } = this.#cache.stats();
    this.#cache.setLimits({ maxBytes: heldBytes + this.#region.freeBytes });
    this.#control.setBaseBytes(this.#region.usedBytes - heldBytes);
  }

  #outcome(seconds: number): Outcome {
    const { capacityBytes, peakBytes, usedBytes } = this.#region;
    return {
      counts: totalOf(this.#tallies),
      evictions: this.#cache.stats().evictions,
      levels: this.#levels.counts,
      mistakes: this.#control.mistakes,
      highestBytes: Math.max(this.#highestBytes, peakBytes),
      problems: [],
      limitBytes: capacityBytes,
      peakBytes,
      usedBytes,
      workers: this.#options.workers,
      seconds,
    };
  }

  #sample(): void {
    const { committedBytes } = this.#region;
    this.#highestBytes = Math.max(this.#highestBytes, committedBytes);
    this.#levels.add(committedBytes / this.#roomBytes);
  }

  #workerOptions(): WorkerOptions[] {
    const { workers } = this.#options;
    const largest = this.#trace.sizes.reduce((most, size) => Math.max(most, size), 0);
    return Array.from({ length: workers }, (_, worker) => ({
      handle: this.#region.handle(),
      cacheName: CACHE_NAME,
      control: this.#control.shared,
      tallies: this.#tallies,
      trace: this.#trace,
      totalRequests: this.totalRequests,
      largestBytes: Math.min(largest, this.#roomBytes),
      worker,
      workers,
    }));
  }
}
