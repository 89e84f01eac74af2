// Reads a trace, lines of `key,sizeBytes`, plain or gzip, and splits it among the workers: a key belongs to the worker that its
// hash names, so that no two workers hold the same object.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** A key without a size is of this one. */
const DEFAULT_BYTES = 1024;

/** FNV-1a over the characters, then mixed so that neighbouring keys fall far apart. */
function hashOf(key) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Each worker's requests, in order; `place` is one's place in the whole trace, which says how old its object is. */
export function readShards(file, workers) {
  const bytes = readFileSync(file);
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const lines = (isGzip ? gunzipSync(bytes) : bytes).toString("utf8").split(/\r?\n/).filter(Boolean);
  const shards = Array.from({ length: workers }, () => []);
  lines.forEach((line, place) => {
    const comma = line.lastIndexOf(",");
    const key = comma < 0 ? line : line.slice(0, comma);
    const size = comma < 0 ? DEFAULT_BYTES : Number(line.slice(comma + 1));
    shards[hashOf(key) % workers].push({ key, size, place });
  });
  return { shards, length: lines.length };
}
