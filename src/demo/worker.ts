// A worker thread of the service: attaches to the region, opens the cache that all share, serves whatever requests come next,
// meets the others now and then to compare the books, and leaves at the end.
import { parentPort, workerData } from "node:worker_threads";
import { Region, type RegionHandle } from "../index.js";
import { Control, Gate } from "./control.js";
import { Service } from "./service.js";
import { Tally, totalOf } from "./tally.js";
import type { Trace } from "./trace.js";

export interface WorkerOptions {
  readonly handle: RegionHandle;
  readonly cacheName: string;
  readonly worker: number;
  readonly workers: number;
  readonly control: SharedArrayBuffer;
  readonly tallies: SharedArrayBuffer;
  readonly trace: Trace;
  /** How many requests to replay together; more than the trace has means over and over. */
  readonly totalRequests: number;
  /** Objects that are larger are refused without an attempt. */
  readonly largestBytes: number;
}

/** The messages a worker sends, each once. `endedAt` is process.hrtime. */
export type WorkerMessage = { kind: "ready" } | { kind: "replayed"; endedAt: bigint } | { kind: "clean" };

/** Requests between two meetings, and how many of them a worker takes at once: few, so that they are served in their order. */
const MEETING_REQUESTS = 16_384;
const BATCH_REQUESTS = 32;
/** Counters of the cache begin anew here. */
const WRAP = 2 ** 32;

const options = workerData as WorkerOptions;
const { keys, ids, sizes } = options.trace;
const region = await Region.attach(options.handle);
const cache = region.cache(options.cacheName);
const control = new Control(options.workers, options.control);
const service = new Service(cache, new Tally(options.tallies, options.worker), options.largestBytes);

const post = (message: WorkerMessage): void => parentPort!.postMessage(message);

function serve(from: number, to: number): void {
  for (let place = from; place < to && !control.stopped; place++) {
    const at = place % ids.length;
    service.request(keys[ids[at]!]!, sizes[at]!);
  }
}

/** Nothing is in flight at a meeting: the cache has seen each request once, what it holds came in and did not go, and all else is as it was. */
function audit(): void {
  const { heldBytes, maxBytes, items, hits, misses, sets, replaced, evictions, expirations, deletions } = cache.stats();
  const lookups = totalOf(options.tallies).requests;
  const gone = replaced + evictions + expirations + deletions;
  if (heldBytes > maxBytes || region.usedBytes - heldBytes !== control.baseBytes) control.addMistake();
  if ((hits + misses - lookups) % WRAP !== 0) control.addMistake();
  if ((sets - gone - items) % WRAP !== 0) control.addMistake();
}

function replay(): void {
  for (let from = 0; !control.isOver; from += MEETING_REQUESTS) {
    const count = Math.min(MEETING_REQUESTS, options.totalRequests - from);
    while (!control.stopped) {
      const claimed = control.claim(BATCH_REQUESTS);
      if (claimed >= count) break;
      serve(from + claimed, from + Math.min(claimed + BATCH_REQUESTS, count));
    }
    control.meet(() => {
      audit();
      return control.stopped || from + count >= options.totalRequests;
    });
  }
}

post({ kind: "ready" });
control.waitForGate(Gate.Start);
replay();
post({ kind: "replayed", endedAt: process.hrtime.bigint() });
control.waitForGate(Gate.Cleanup);
cache.close();
region.close();
post({ kind: "clean" });
