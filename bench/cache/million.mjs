// A million values of 100 bytes and a million more, each cache in a process of its own: memory for each byte of key and value that is in, the longest pause
// of the collector, and how far the process grew beyond what the cache was given.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { makeRow } from "../lib/row.mjs";
import { subjectNames } from "./subjects.mjs";

const CHILD = fileURLToPath(new URL("./million-child.mjs", import.meta.url));
const ENTRIES = 1_000_000;
const QUICK_ENTRIES = 200_000;
const HEAP_MB = 8192;

const WORKLOADS = {
  "million-memory": { unit: "bytes of the process per byte stored", read: ({ growth, payload }) => growth / payload },
  "million-gc": { unit: "ms, longest pause", read: ({ longest }) => longest },
};

export const millionWorkloads = Object.keys(WORKLOADS);

// Both rows are read off one run.
const runs = new Map();

export function millionRow(workload, { quick }) {
  const { unit, read } = WORKLOADS[workload];
  const entries = quick ? QUICK_ENTRIES : ENTRIES;
  const measured = {};
  for (const name of subjectNames().filter((each) => each !== "lmdb")) {
    const key = `${name} ${entries}`;
    if (!runs.has(key)) runs.set(key, runOne(name, entries));
    measured[name] = { value: read(runs.get(key)) };
  }
  const { growth, stored } = runs.get(`cistern ${entries}`);
  return makeRow({
    suite: "cache",
    workload,
    unit,
    measured,
    runs: 1,
    extra: { entries, stored, growthBytes: growth },
  });
}

function runOne(name, entries) {
  const flags = [`--max-old-space-size=${HEAP_MB}`, CHILD, name, String(entries)];
  return JSON.parse(execFileSync(process.execPath, flags, { encoding: "utf8" }));
}
