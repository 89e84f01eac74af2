// Percent of requests that miss, with the recorded trace (bench/traces), where there is room for so many percent of its keys; every cache by its default policy. What
// misses is put in. One request after the other in one thread, so it is the same each time.
import fs from "node:fs";
import zlib from "node:zlib";
import { makeRow } from "../lib/row.mjs";
import { createCache, subjectNames } from "./subjects.mjs";

const TRACE = new URL("../traces/build-reads.csv.gz", import.meta.url);
const WORKLOADS = { "misses-2": 0.02, "misses-10": 0.1, "misses-40": 0.4 };
const BYTES = 16;

export const ratioWorkloads = Object.keys(WORKLOADS);

let trace;

function requests() {
  trace ??= zlib
    .gunzipSync(fs.readFileSync(TRACE))
    .toString()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.slice(0, line.lastIndexOf(",")));
  return trace;
}

export async function ratioRow(workload) {
  const keys = requests();
  const entries = Math.ceil(new Set(keys).size * WORKLOADS[workload]);
  const measured = {};
  for (const name of subjectNames().filter((each) => each !== "lmdb"))
    measured[name] = { value: await missesOf(name, keys, entries) };
  return makeRow({
    suite: "cache",
    workload,
    unit: "% of requests",
    measured,
    runs: 1,
    extra: { entries, requests: keys.length },
  });
}

async function missesOf(name, keys, entries) {
  const cache = await createCache(name, { entries, bytes: BYTES });
  const value = new Uint8Array(BYTES);
  let misses = 0;
  for (const key of keys) {
    if (cache.getInto(key)) continue;
    misses++;
    cache.set(key, value);
  }
  await cache.close();
  return (100 * misses) / keys.length;
}
