// A worker thread of the service: attaches to the region, replays its share of the trace against its own cache, meets the
// others after every batch, and gives everything back at the end.
import { parentPort, workerData } from "node:worker_threads";
import { Region, type RegionHandle } from "../index.js";
import { createCache, type PolicyName } from "./cache.js";
import { Control, Gate } from "./control.js";
import { Peers } from "./peers.js";
import type { Shard } from "./shards.js";
import { Tally, totalOf } from "./tally.js";

export interface WorkerOptions {
  readonly handle: RegionHandle;
  readonly worker: number;
  readonly workers: number;
  readonly control: SharedArrayBuffer;
  readonly tallies: SharedArrayBuffer;
  readonly shard: Shard;
  readonly policy: PolicyName;
  /** Requests of the whole trace, and how many to replay; more than the trace has means over and over. */
  readonly traceLength: number;
  readonly totalRequests: number;
  readonly batchRequests: number;
  readonly largestBytes: number;
}

/** The messages a worker sends, each once. `endedAt` is process.hrtime. */
export type WorkerMessage = { kind: "ready" } | { kind: "replayed"; endedAt: bigint } | { kind: "clean" };

const options = workerData as WorkerOptions;
const { shard, worker } = options;
const region = await Region.attach(options.handle);
const control = new Control(options.workers, options.control);
const tally = new Tally(options.tallies, worker);
const cache = createCache(options.policy, { region, tally, largestBytes: options.largestBytes });
const peers = new Peers(control, worker, cache);
const unregister = region.onFull((bytes) => peers.relieve(bytes));

const post = (message: WorkerMessage): void => parentPort!.postMessage(message);

/** Where this worker stands in its share: request `index` of pass `pass`. */
const cursor = { index: 0, pass: 0 };

/** The place of the next request in the whole replay; none ever comes when the share is empty. */
function nextPlace(): number {
  const place = shard.places[cursor.index];
  return place === undefined ? Infinity : cursor.pass * options.traceLength + place;
}

function advance(): void {
  cursor.index += 1;
  if (cursor.index < shard.places.length) return;
  cursor.index = 0;
  cursor.pass += 1;
}

function replayUntil(end: number): void {
  for (let place = nextPlace(); place < end && !control.stopped; place = nextPlace()) {
    peers.attend();
    cache.request(shard.keys[shard.ids[cursor.index]!]!, shard.sizes[cursor.index]!, place | 0);
    peers.settle();
    advance();
  }
}

/** Nothing is in flight at a meeting: what the caches hold must be what the region says is used, to the byte. */
function audit(): void {
  if (totalOf(options.tallies).heldBytes !== region.usedBytes) control.addMistake();
}

function replay(): void {
  for (let end = 0; !control.isOver;) {
    end = Math.min(end + options.batchRequests, options.totalRequests);
    replayUntil(end);
    peers.meet(() => {
      audit();
      return control.stopped || end >= options.totalRequests;
    });
  }
}

post({ kind: "ready" });
peers.waitForGate(Gate.Start);
replay();
post({ kind: "replayed", endedAt: process.hrtime.bigint() });
peers.waitForGate(Gate.Cleanup);
cache.clear();
unregister();
region.close();
post({ kind: "clean" });
