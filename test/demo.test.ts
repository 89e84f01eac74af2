// The main job: its trace reader, its options, its payloads and policy, and short real replays with the built program.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { levelOf } from "../src/demo/levels.js";
import { parseOptions } from "../src/demo/options.js";
import { holdsPayload, writePayload } from "../src/demo/payload.js";
import type { Report } from "../src/demo/report.js";
import { policyNames } from "../src/demo/policies.js";
import { defaultSizeOf, parseTrace, readTrace } from "../src/demo/trace.js";

const folder = mkdtempSync(join(tmpdir(), "cistern-demo-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const requestsOf = ({ keys, ids, sizes }: ReturnType<typeof parseTrace>): (readonly [string, number])[] =>
  [...ids].map((id, index) => [keys[id]!, sizes[index]!] as const);

describe("a trace", () => {
  it("is read plain and gzipped alike, by its first bytes and not its name", () => {
    const text = "a,1\nb,20\na,1\n";
    const expected = [
      ["a", 1],
      ["b", 20],
      ["a", 1],
    ];
    expect(requestsOf(readTrace(file("plain.gz", text)))).toEqual(expected);
    expect(requestsOf(readTrace(file("zipped.csv", gzipSync(text))))).toEqual(expected);
  });

  it("draws a missing size from the key", () => {
    const trace = parseTrace("a\nb\na");
    expect(requestsOf(trace)).toEqual(["a", "b", "a"].map((key) => [key, defaultSizeOf(key)]));
    const sizes = Array.from({ length: 5000 }, (_, key) => defaultSizeOf(String(key)));
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(64);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2048);
  });

  it("may have commas in its keys and Windows line ends", () => {
    expect(requestsOf(parseTrace("a,b,7\r\nc,8\r\n"))).toEqual([
      ["a,b", 7],
      ["c", 8],
    ]);
  });

  it.each([
    ["a,1\nb,x\n", 'line 2: the size must be a whole number from 1 to 4294967295, not "x"'],
    ["a,1\nb,\n", 'line 2: the size must be a whole number from 1 to 4294967295, not ""'],
    ["a,0\n", "line 1: the size"],
    ["a,-5\n", "line 1: the size"],
    ["a,1.5\n", "line 1: the size"],
    ["a,4294967296\n", "line 1: the size"],
    ["a,1\n,5\n", "line 2: a request needs a key"],
    ["a,1\n\nb,2\n", "line 2: a request needs a key"],
    ["", "holds no requests"],
    ["\n\n", "holds no requests"],
  ])("says where %j is wrong", (text, message) => {
    expect(() => parseTrace(text, "some.csv")).toThrow(message);
  });

  it("that cannot be read is named", () => {
    expect(() => readTrace(join(folder, "none.csv"))).toThrow(/cannot read the trace .*none\.csv/);
    const broken = gzipSync("a,1\n".repeat(1000)).subarray(0, 20);
    expect(() => readTrace(file("broken.gz", broken))).toThrow(/cannot read the trace/);
  });
});

describe("the options", () => {
  it("have defaults", () => {
    const options = parseOptions([]);
    expect(options).toMatchObject({ once: false, json: false, policy: "hybrid", ops: undefined });
    expect(options === "help" ? 0 : options.workers).toBeGreaterThanOrEqual(2);
  });

  it("are taken as given", () => {
    const args = "--once --json --trace t.csv --limit 16MiB --workers 3 --policy s3-fifo --ops 500".split(" ");
    expect(parseOptions(args)).toEqual({
      once: true,
      json: true,
      trace: "t.csv",
      limit: "16MiB",
      workers: 3,
      policy: "s3-fifo",
      ops: 500,
    });
    expect(parseOptions(["--help"])).toBe("help");
  });

  it.each([
    [
      "--policy random",
      '--policy: there is no "random"; there is: hybrid, lru, fifo, lfu, ttl, size, priority, sieve, s3-fifo',
    ],
    ["--workers 0", "--workers takes a whole number from 1 to"],
    ["--workers two", '--workers takes a whole number from 1 to 32, not "two"'],
    ["--ops 1.5", "--ops takes"],
    ["--nonsense", "--nonsense"],
    ["surplus", "surplus"],
    ["--trace", "--trace"],
  ])("refuse %s", (args, message) => {
    expect(() => parseOptions(args.split(" "))).toThrow(message);
  });
});

describe("a payload", () => {
  it.each([1, 7, 8, 9, 64, 65_535, 65_536, 65_537, 300_000])("of %i bytes is known to the last byte", (size) => {
    const bytes = new Uint8Array(size);
    writePayload(bytes, "some key");
    expect(holdsPayload(bytes, "some key")).toBe(true);
    for (const at of [0, size >> 1, size - 1]) {
      bytes[at] = bytes[at]! ^ 1;
      expect(holdsPayload(bytes, "some key")).toBe(false);
      bytes[at] = bytes[at]! ^ 1;
    }
    expect(holdsPayload(bytes, "another key")).toBe(false);
  });
});

describe("a pressure level", () => {
  it.each([
    [0, "none"],
    [0.599, "none"],
    [0.6, "low"],
    [0.8, "moderate"],
    [0.95, "high"],
    [0.98, "critical"],
    [1, "critical"],
  ])("at %d is %s", (share, level) => {
    expect(levelOf(share)).toBe(level);
  });
});

/** What `npm start` runs, built. */
function start(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ["dist/demo/main.js", ...args], { encoding: "utf8", timeout: 50_000 });
}

function replay(...args: string[]): Report {
  const { status, stdout, stderr } = start("--once", "--json", ...args);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout.trim().split("\n")).toHaveLength(1);
  return JSON.parse(stdout) as Report;
}

function expectSound(report: Report): void {
  expect(report).toMatchObject({ accountingErrors: 0, overLimitBytes: 0, check: "ok" });
  expect(report.hits + report.misses).toBe(report.requests);
  expect(report.peakBytes).toBeLessThanOrEqual(report.limitBytes);
  expect(report.usedBytes).toBeLessThanOrEqual(report.peakBytes);
}

describe("a replay", () => {
  it("of the shipped trace reports every field of the contract", () => {
    const report = replay("--limit", "4MiB", "--workers", "2", "--ops", "5000");
    expectSound(report);
    expect(report).toMatchObject({ requests: 5000, workers: 2, limitBytes: 4 * 1024 * 1024 });
    expect(report.evictions).toBeGreaterThan(0);
    expect(report.objectHitRatio).toBeCloseTo(report.hits / report.requests, 5);
    expect(report.opsPerSecond).toBeGreaterThan(0);
    expect(Object.keys(report)).toEqual(
      "limitBytes peakBytes usedBytes overLimitBytes requests hits misses objectHitRatio byteHitRatio evictions refused workers opsPerSecond levels accountingErrors check".split(
        " ",
      ),
    );
    expect(Object.keys(report.levels)).toEqual(["none", "low", "moderate", "high", "critical"]);
    expect(Object.values(report.levels).reduce((sum, samples) => sum + samples)).toBeGreaterThan(0);
  });

  it("repeats a trace that is shorter than --ops, and hits what it holds already", () => {
    const trace = file("short.csv", "a,100\nb,200\nc,300\n");
    const alone = replay("--trace", trace, "--ops", "3001", "--workers", "1");
    expectSound(alone);
    expect(alone).toMatchObject({ requests: 3001, hits: 2998, misses: 3, evictions: 0, refused: 0 });
    // Who asks for an object that another thread is making makes it too.
    const together = replay("--trace", trace, "--ops", "3001", "--workers", "3");
    expectSound(together);
    expect(together).toMatchObject({ requests: 3001, evictions: 0, refused: 0 });
    expect(together.misses).toBeLessThanOrEqual(9);
  });

  // While the table of the cache grows it takes places: exact to the last hit is a limit of items (test/conformance.test.ts).
  it("hits what a first-in first-out queue of as many places hits", () => {
    const keys = mixedKeys(20_000, 3000);
    const trace = file("equal.csv", keys.map((key) => `${key},1024`).join("\n"));
    const report = replay("--trace", trace, "--limit", "1MiB", "--workers", "1", "--policy", "fifo");
    expectSound(report);
    const places = report.misses - report.evictions;
    expect(places).toBeGreaterThan(600);
    expect(report.hits).toBeGreaterThanOrEqual(fifoHits(keys, places));
    expect(report.hits).toBeLessThanOrEqual(fifoHits(keys, Math.ceil(1.01 * places)));
  });

  // There a sleep for the page lock once spoilt the loop around it.
  it("runs in the baseline compiler too, with threads that wait for each other", () => {
    const lines = Array.from({ length: 1000 }, (_, i) => `small-${i},5000`);
    const args = ["--once", "--json", "--trace", file("baseline.csv", lines.join("\n")), "--limit", "1MiB"];
    const { status, stdout } = spawnSync(
      process.execPath,
      ["--liftoff", "--no-wasm-tier-up", "dist/demo/main.js", ...args],
      {
        encoding: "utf8",
        timeout: 60_000,
        killSignal: "SIGKILL",
      },
    );
    expect(status).toBe(0);
    expectSound(JSON.parse(stdout) as Report);
  });

  it("refuses what is larger than the region, and nothing else", () => {
    const small = Array.from({ length: 500 }, (_, i) => `small-${i},5000`);
    const trace = file("large.csv", [...small, "large,3000000", ...small, "large,3000000"].join("\n"));
    const report = replay("--trace", trace, "--limit", "1MiB", "--policy", "lru");
    expectSound(report);
    expect(report).toMatchObject({ requests: 1002, refused: 2 });
  });

  // What finds no room because others are writing theirs is refused, not waited for.
  it("serves objects of half the region to eight threads, as far as there is room for them", () => {
    const lines = Array.from({ length: 400 }, (_, i) => (i % 10 === 0 ? `large-${i},500000` : `small-${i % 77},3000`));
    const report = replay(
      "--trace",
      file("crowd.csv", lines.join("\n")),
      "--limit",
      "1MiB",
      "--workers",
      "8",
      "--policy",
      "lru",
    );
    expectSound(report);
    expect(report).toMatchObject({ requests: 400, workers: 8 });
    expect(report.refused).toBeLessThan(40);
    expect(report.hits).toBeGreaterThan(0);
  });

  it("takes a size that changes for another object under the same key", () => {
    const trace = file("changing.csv", "a,100\na,100\na,5000\na,5000\na,100\n");
    const report = replay("--trace", trace, "--workers", "1");
    expectSound(report);
    expect(report).toMatchObject({ requests: 5, hits: 2, misses: 3, evictions: 0 });
  });

  it.each(policyNames)("by the policy %s keeps its books, beside others that ask for the same", (policy) => {
    const keys = mixedKeys(4000, 500);
    const trace = file(
      "policy.csv",
      keys.map((key, i) => `${key},${key.length * (i % 97 === 0 ? 2000 : 300)}`).join("\n"),
    );
    const report = replay("--trace", trace, "--limit", "512KiB", "--workers", "3", "--policy", policy);
    expectSound(report);
    expect(report).toMatchObject({ requests: 4000, workers: 3 });
    expect(report.hits).toBeGreaterThan(400);
    expect(report.evictions).toBeGreaterThan(400);
  });

  it.each([
    [["--policy", "random"], 'start: --policy: there is no "random"; there is: hybrid, lru,'],
    [["--trace", "none.csv"], "start: cannot read the trace none.csv"],
    [["--limit", "3"], "start: --limit: a region's size is from"],
    [["--limit", "lots"], 'start: --limit: "lots" is no size'],
  ])("with %j ends with one line and status 2", (args, message) => {
    const { status, stdout, stderr } = start(...args);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

/** Keys with reuse at every distance, the same each time. */
function mixedKeys(requests: number, objects: number): string[] {
  let state = 1;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  return Array.from({ length: requests }, () => `key-${Math.floor(objects * random() * random())}`);
}

/** First in, first out, written anew: a list and nothing else. */
function fifoHits(keys: readonly string[], places: number): number {
  const held: string[] = [];
  let hits = 0;
  for (const key of keys) {
    if (held.includes(key)) hits += 1;
    else if (held.push(key) > places) held.shift();
  }
  return hits;
}
