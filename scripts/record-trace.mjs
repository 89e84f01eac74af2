#!/usr/bin/env node
// Records which files a real build of this project reads, in order, and writes them as a cache trace: lines of
// `key,sizeBytes`, gzipped. The tools are partly native programs (the type checker, the bundler, the linters), which no hook
// in Node sees, so the recording is made by strace: every successful open of a regular file for reading is one request.
//
//   node scripts/record-trace.mjs [--root DIR] [--out FILE] [--rounds N]
//
// Needs Linux, strace, and the project's dependencies installed. Record a copy of the repository (--root) when somebody is
// working in the original: the build writes its output where it always does.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

const home = path.join(import.meta.dirname, "..");

const { values: options } = parseArgs({
  options: {
    root: { type: "string", default: home },
    out: { type: "string", default: path.join(home, "bench/traces/build-reads.csv.gz") },
    rounds: { type: "string", default: "3" },
  },
});

const root = fs.realpathSync(options.root);

/** What a developer runs between two commits, in that order. */
const STEPS = [
  "node scripts/build.mjs --force",
  "npx tsc --noEmit -p tsconfig.json",
  "npm run lint",
  "npx oxfmt --check",
  "npx vitest run --project node test/layers.test.ts test/demo.test.ts",
  "node scripts/build.mjs --force --no-types",
  "npx tsc --noEmit -p tsconfig.json",
  "npm start -- --once --ops 1000",
  "npx knip",
  "npm pack --dry-run",
  "npx publint",
  "npx attw --pack . --profile esm-only",
];

/** Runs one command under strace and answers the paths it opened for reading, in order. */
function readsOf(command, log) {
  const tracer = ["-f", "-y", "--seccomp-bpf", "-e", "trace=openat,open", "-o", log];
  const run = spawnSync("strace", [...tracer, "sh", "-c", command], { cwd: root, stdio: "ignore", timeout: 600_000 });
  if (run.error) throw new Error(`strace does not run here: ${run.error.message}`);
  return openedPaths(fs.readFileSync(log, "utf8"));
}

const WRITING = /\b(O_WRONLY|O_RDWR|O_CREAT|O_DIRECTORY|O_PATH)\b/;
const OPENED = / = \d+<(\/.*)>$/;

/**
 * The paths in a log with lines like `4711 openat(…, O_RDONLY|O_CLOEXEC) = 23</path>`. When another thread came between, the
 * call stands in two lines, `… <unfinished ...>` and `<... openat resumed>…`, and the flags are in the first.
 */
function openedPaths(log) {
  const unfinished = new Map();
  return log.split("\n").flatMap((line) => {
    const thread = line.slice(0, line.indexOf(" "));
    if (line.endsWith("<unfinished ...>")) {
      unfinished.set(thread, line);
      return [];
    }
    const call = line.includes(" resumed>") ? `${unfinished.get(thread)} ${line}` : line;
    const path = WRITING.test(call) ? undefined : OPENED.exec(call)?.[1];
    return path === undefined ? [] : [path];
  });
}

/** Where a machine keeps things → the name they go by in the trace. First match wins; anything else is not recorded. */
const PLACES = [
  [root + path.sep, ""],
  [fs.realpathSync(home) + path.sep, ""],
  [npmFolder(), "npm/"],
  [path.dirname(path.dirname(process.execPath)) + "/include/", "node/include/"],
  ["/usr/lib/", "lib/"],
  ["/lib/", "lib/"],
  ["/usr/local/lib/", "lib/"],
  ["/usr/share/", "share/"],
];

function npmFolder() {
  const run = spawnSync("npm", ["root", "-g"], { encoding: "utf8" });
  return path.join(fs.realpathSync(run.stdout.trim()), "npm") + path.sep;
}

/** The name of a file in the trace, or undefined for what belongs to this machine alone. */
function keyOf(file) {
  const place = PLACES.find(([prefix]) => file.startsWith(prefix));
  if (!place) return undefined;
  const key = place[1] + file.slice(place[0].length).split(path.sep).join("/");
  if (/^\.git\/|(^|\/)\.(cache|npmrc|env)/.test(key) || /[\n\r]/.test(key)) return undefined;
  return key.replace(/^lib\/[a-z0-9_]+-linux-gnu\//, "lib/");
}

/** Sizes are taken once, after everything has run, so that a key has one size in the whole trace. */
function sizeOf(file, sizes) {
  if (!sizes.has(file)) {
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    sizes.set(file, stat?.isFile() ? stat.size : 0);
  }
  return sizes.get(file);
}

function record(rounds) {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "record-trace-"));
  const reads = [];
  for (let round = 1; round <= rounds; round++) {
    for (const step of STEPS) {
      const found = readsOf(step, path.join(scratch, "strace.log")).filter((file) => keyOf(file) !== undefined);
      console.error(`round ${round}: ${step}: ${found.length} reads`);
      for (const file of found) reads.push(file);
    }
  }
  fs.rmSync(scratch, { recursive: true });
  return reads;
}

function toLines(reads) {
  const sizes = new Map();
  const byKey = new Map();
  const lines = [];
  for (const file of reads) {
    const size = sizeOf(file, sizes);
    if (size === 0) continue; // empty, or gone by now
    const key = keyOf(file);
    if (!byKey.has(key)) byKey.set(key, size);
    lines.push(`${key},${byKey.get(key)}`);
  }
  return { lines, byKey };
}

/** The figures that the README of the trace states. */
function describe({ lines, byKey }) {
  const sorted = [...byKey.values()].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const unique = sorted.reduce((sum, size) => sum + size, 0);
  return {
    requests: lines.length,
    objects: byKey.size,
    uniqueBytes: unique,
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    max: at(1),
  };
}

const trace = toLines(record(Number(options.rounds)));
fs.mkdirSync(path.dirname(options.out), { recursive: true });
fs.writeFileSync(options.out, gzipSync(trace.lines.join("\n") + "\n", { level: 9 }));
console.log(JSON.stringify({ ...describe(trace), gzipBytes: fs.statSync(options.out).size }));
