// Service: a process that keeps the first 128 bytes of each 64 KiB chunk it reads in an lru-cache of at most 64 MB, and says what that took. With
// `governed` the cache takes part in a budget of what the process may still use; without, the cache's own `maxSize` is all there is.
//
//   node examples/lru-cache/service.mjs alone|governed LIMIT_BYTES ENTRIES
import { Region } from "cistern";
import { Governor } from "cistern/governor";
import { LRUCache } from "lru-cache";
import { Retained } from "./retained.mjs";

const MIB = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const RECORD_BYTES = 128;
const MAX_SIZE = 64_000_000;
// What was let go stays with the process until the collector has found it: V8 begins when 64 MiB of array buffers are new, and more come while
// it works.
const SLACK_BYTES = 96 * MIB;
const LOOK_EVERY = 32;

/** The chunk in which a socket or a file hands its bytes over; written to, so that it is really there. */
function readChunk(i) {
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  return chunk.fill(i & 0xff);
}

/** Puts `cache` under what is left of `limitBytes` when all that the process needs otherwise is taken away. */
function govern(cache, retained, limitBytes) {
  const budgetBytes = limitBytes - process.memoryUsage.rss() - SLACK_BYTES;
  if (budgetBytes < MIB) throw new RangeError(`a limit of ${limitBytes} bytes leaves ${budgetBytes} for the cache`);
  const region = Region.createSync({ size: "1MiB" });
  const budget = region.budget("process", { limit: budgetBytes });
  const governor = new Governor(budget);
  const { changed } = governor.register({
    name: "records",
    bytes: () => retained.bytes,
    shed: (target) => {
      while (retained.bytes > target && cache.pop() !== undefined);
    },
  });
  return { budget, governor, changed };
}

async function run(mode, limitBytes, entries) {
  const retained = new Retained();
  let governed;
  const cache = new LRUCache({
    maxSize: MAX_SIZE,
    // What everybody writes. It is the truth about the record, and not about what the record keeps.
    sizeCalculation: ({ byteLength }) => byteLength,
    onInsert: (record) => {
      retained.add(record);
      governed?.changed();
    },
    dispose: (record) => retained.remove(record),
  });
  if (mode === "governed") governed = govern(cache, retained, limitBytes);
  const peak = { rssBytes: 0, arrayBufferBytes: 0, retainedBytes: 0 };
  for (let i = 0; i < entries; i++) {
    cache.set(i, readChunk(i).subarray(0, RECORD_BYTES));
    // As between two reads.
    await (i % LOOK_EVERY === 0 ? new Promise(setImmediate) : undefined);
    peak.retainedBytes = Math.max(peak.retainedBytes, retained.bytes);
    if (i % LOOK_EVERY > 0) continue;
    const { rss, arrayBuffers } = process.memoryUsage();
    peak.rssBytes = Math.max(peak.rssBytes, rss);
    peak.arrayBufferBytes = Math.max(peak.arrayBufferBytes, arrayBuffers);
  }
  return {
    mode,
    entries: cache.size,
    maxSize: MAX_SIZE,
    calculatedSize: cache.calculatedSize,
    peak,
    ...(governed && {
      budgetBytes: governed.budget.limitBytes,
      budgetPeakBytes: governed.budget.peakBytes,
      unchargedBytes: governed.governor.stats().unchargedBytes,
    }),
  };
}

const [mode, limit, entries] = process.argv.slice(2);
console.log(JSON.stringify(await run(mode, Number(limit), Number(entries))));
