// HeapSnapshots: what JavaScript holds, written to a file when something is wrong with it, for the alert alone does not say who holds it (M42). Owns
// the episodes and the count of files. A snapshot stops this thread and needs, says Node, about twice the heap's size, so each reason is
// good for one an episode, none comes soon after another, there are only so many in all, and a heap that is too large is left alone.

import { callable, finite, having, label } from "../flow/arguments.js";
import { type Clock, monotonicMs } from "../flow/time.js";
import { integer, ownOptions } from "../options.js";
import { parseSize } from "../size.js";

/** Who writes snapshots. */
export interface SnapshotHost {
  /** Of this thread. */
  heapUsedBytes(): number;
  /** Writes a snapshot to this file and answers its path; throws what keeps it from that. */
  write(path: string): string;
}

export interface HeapSnapshotsOptions {
  /** Where the files go; the process's working folder unless told. */
  folder?: string;
  /** Files in all, at most; 3 unless told. */
  maxFiles?: number;
  /** A heap above it is not written; 512 MiB unless told. */
  maxHeap?: number | string;
  /** Least milliseconds between two; 600 000 unless told. */
  cooldownMs?: number;
  /** Monotonic milliseconds; `performance.now` unless told. */
  clock?: Clock;
  /** Milliseconds since 1970, for the files' names; `Date.now` unless told. */
  wallClock?: Clock;
  /** Node's `v8.writeHeapSnapshot` unless told. */
  host?: SnapshotHost;
}

export interface HeapSnapshotsStats {
  written: number;
  /** Asked for in an episode that had its snapshot, too soon, when there were enough, of a heap that is too large, or without a host. */
  refused: number;
  /** The host threw. */
  failed: number;
}

const OPTIONS: readonly (keyof HeapSnapshotsOptions)[] = [
  "folder",
  "maxFiles",
  "maxHeap",
  "cooldownMs",
  "clock",
  "wallClock",
  "host",
];

export class HeapSnapshots {
  readonly #folder: string;
  readonly #maxFiles: number;
  readonly #maxHeapBytes: number;
  readonly #cooldownMs: number;
  readonly #clock: Clock;
  readonly #wallClock: Clock;
  readonly #host: SnapshotHost | undefined;
  readonly #episodes = new Set<string>();
  readonly #stats: HeapSnapshotsStats = { written: 0, refused: 0, failed: 0 };
  #lastMs = -Infinity;

  /** @throws TypeError, RangeError. */
  constructor(options: HeapSnapshotsOptions = {}) {
    const own = ownOptions<HeapSnapshotsOptions>("HeapSnapshots", options, OPTIONS);
    this.#folder = label("folder", own.folder ?? ".");
    this.#maxFiles = integer("maxFiles", own.maxFiles ?? 3, 0, 1000);
    this.#maxHeapBytes = parseSize(own.maxHeap ?? "512MiB");
    this.#cooldownMs = finite("cooldownMs", own.cooldownMs ?? 600_000, 0);
    this.#clock = callable("clock", own.clock ?? monotonicMs);
    this.#wallClock = callable("wallClock", own.wallClock ?? Date.now);
    this.#host = own.host === undefined ? nodeHost() : having("host", own.host, ["heapUsedBytes", "write"]);
  }

  /**
   * Writes a snapshot for `reason`, if its episode has none, and says where; undefined where the limits are against it. A refusal for
   * the time or the size leaves the episode without one: ask again. Stops this thread until it is written: O(heap).
   * @throws TypeError for what is no text; what the host throws: the episode is not tried again.
   */
  take(reason: string): string | undefined {
    label("reason", reason);
    const nowMs = this.#clock();
    if (!this.#mayTake(reason, nowMs)) {
      this.#stats.refused++;
      return undefined;
    }
    this.#episodes.add(reason);
    this.#lastMs = nowMs;
    try {
      const path = this.#host!.write(`${this.#folder}/${this.#fileName(reason)}`);
      this.#stats.written++;
      return path;
    } catch (error) {
      this.#stats.failed++;
      throw error;
    }
  }

  /** The trouble is over: the next one of this reason is an episode of its own. O(1). */
  over(reason: string): void {
    this.#episodes.delete(label("reason", reason));
  }

  stats(): HeapSnapshotsStats {
    return { ...this.#stats };
  }

  #mayTake(reason: string, nowMs: number): boolean {
    if (this.#host === undefined || this.#episodes.has(reason)) return false;
    if (this.#stats.written >= this.#maxFiles || nowMs - this.#lastMs < this.#cooldownMs) return false;
    return this.#host.heapUsedBytes() <= this.#maxHeapBytes;
  }

  /** Tells processes and threads apart by chance: the host need not say which this is. */
  #fileName(reason: string): string {
    const time = new Date(this.#wallClock()).toISOString().replaceAll(/[:.]/g, "-");
    const chance = Math.floor(Math.random() * 2 ** 32).toString(36);
    return `heap-${reason.replaceAll(/[^\w-]+/g, "-")}-${time}-${chance}.heapsnapshot`;
  }
}

function nodeHost(): SnapshotHost | undefined {
  const { process } = globalThis;
  const v8 = process?.getBuiltinModule?.("node:v8");
  return (
    v8 && {
      heapUsedBytes: () => process.memoryUsage().heapUsed,
      write: (path) => v8.writeHeapSnapshot(path),
    }
  );
}
