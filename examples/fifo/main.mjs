// A cache by hand, out of the heap alone: each worker thread keeps a first-in-first-out queue of blocks in one region that all share. When an object does not
// fit, `region.onFull` calls a hook, which asks for the oldest object of all, whoever holds it. It shows what the heap and its hook are for; who
// wants a cache takes `region.cache`.
//
//   node examples/fifo/main.mjs [--trace FILE] [--limit 24MiB] [--workers 2] [--json]
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { formatSize, Region } from "cistern";
import { Control, Gate } from "./control.mjs";
import { readShards } from "./trace.mjs";

const { values } = parseArgs({
  options: {
    trace: {
      type: "string",
      default: fileURLToPath(new URL("../../bench/traces/build-reads.csv.gz", import.meta.url)),
    },
    limit: { type: "string", default: "24MiB" },
    workers: { type: "string", default: "2" },
    json: { type: "boolean", default: false },
  },
});
const workers = Number(values.workers);
if (!Number.isInteger(workers) || workers < 1)
  throw new RangeError(`--workers must be a whole number, got ${values.workers}`);

const region = Region.createSync({ size: values.limit, maxOwners: workers + 1 });
const control = new Control(workers);
const { shards, length } = readShards(values.trace, workers);
const threads = shards.map((shard, worker) => {
  const workerData = { handle: region.handle(), worker, workers, shared: control.shared, shard, length };
  workerData.largestBytes = region.freeBytes;
  const thread = new Worker(new URL("./worker.mjs", import.meta.url), { workerData });
  // What one held when it ends too early is given back; the program ends with its error.
  region.watch(thread);
  return thread;
});
/** What each worker says next. */
const heard = async () => (await Promise.all(threads.map((thread) => once(thread, "message")))).map(([said]) => said);

await heard();
let clean = heard();
control.open(Gate.Start);
const counts = await clean;
const { capacityBytes, peakBytes, usedBytes } = region;
clean = heard();
control.open(Gate.Cleanup);
await clean;

const sum = (name) => counts.reduce((total, one) => total + one[name], 0);
const [requests, hits, misses] = ["requests", "hits", "misses"].map(sum);
const { ok, problems } = region.check();
const report = {
  limitBytes: capacityBytes,
  peakBytes,
  usedBytes,
  requests,
  hits,
  misses,
  objectHitRatio: hits / requests,
  evictions: sum("evictions"),
  refused: sum("refused"),
  workers,
  accountingErrors: sum("errors") + (region.usedBytes === 0 ? 0 : 1),
  check: ok ? "ok" : problems.join("; "),
};
region.close();
if (values.json) console.log(JSON.stringify(report));
else {
  console.log(`${requests} requests by ${workers} threads, each with a queue of its own in one region`);
  console.log(`  limit ${formatSize(capacityBytes)}, peak ${formatSize(peakBytes)}`);
  console.log(
    `  hits ${(100 * report.objectHitRatio).toFixed(1)} %, evictions ${report.evictions}, refused ${report.refused}`,
  );
  console.log(`  accounts ${report.accountingErrors} errors, check ${report.check}`);
}
