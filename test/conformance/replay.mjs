// Replay: one trace through one cache, at one capacity by one policy. A trace with sizes is limited by the bytes of its values, one without by items; so the
// figures are those of the policy alone, and comparable with any simulator's.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const NAME = "trace";
/** What stands for the object of a trace without sizes. */
const UNSIZED_BYTES = 8;
/** A lookup that has room for nothing says the length, and counts as any other. */
const NOWHERE = new Uint8Array(0);

/** A trace of lines of `key[,sizeBytes]`, gzip or plain, as keys and sizes in order. */
export function readTrace(file, isSized) {
  const bytes = readFileSync(file);
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const lines = (isGzip ? gunzipSync(bytes) : bytes).toString("utf8").split(/\r?\n/).filter(Boolean);
  if (!isSized) return { keys: lines, sizes: undefined };
  const commas = lines.map((line) => line.lastIndexOf(","));
  const keys = lines.map((line, i) => line.slice(0, commas[i]));
  return { keys, sizes: Float64Array.from(lines, (line, i) => Number(line.slice(commas[i] + 1))) };
}

/** The hit ratios of a fresh cache in `region`, and how many values it refused for another reason than their size or worth. */
export function replay(region, { keys, sizes }, capacity, policy) {
  const limit = sizes === undefined ? { maxItems: capacity } : { maxValueBytes: capacity };
  const cache = region.cache(NAME, { ...limit, policy });
  const values = new Uint8Array(sizes === undefined ? UNSIZED_BYTES : Math.min(capacity, region.capacityBytes));
  // More than the capacity has no place in any case: one byte more says so.
  const larger = new Uint8Array(values.length + 1);
  let hits = 0;
  let hitBytes = 0;
  let bytes = 0;
  let wrong = 0;
  for (let i = 0; i < keys.length; i++) {
    const size = sizes === undefined ? UNSIZED_BYTES : sizes[i];
    bytes += size;
    const length = cache.getInto(keys[i], NOWHERE);
    if (length === size || (size === 0 && length === 0)) {
      hits++;
      hitBytes += size;
      continue;
    }
    // Each key has one size in the whole trace.
    if (length >= 0) wrong++;
    const value = size > values.length ? larger : size === values.length ? values : values.subarray(0, size);
    cache.set(keys[i], value);
  }
  const { refused, peakBytes } = cache.stats();
  cache.close();
  wrong += refused.memory + refused.busy + refused.protected + refused.namespace;
  return { ohr: hits / keys.length, bhr: hitBytes / bytes, wrong, peakBytes };
}
