// The conformance of the cache. Goal: strict `lru` and `fifo` hit what they must, to the last request, and `npm run conformance` finds what differs. Method:
// a plain model of both, written from their definition alone, on the trace that the main job replays; then the command itself on small folders,
// right and planted wrong.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { readTrace } from "../src/demo/trace.js";
import { Region } from "../src/index.js";

const SHIPPED = fileURLToPath(new URL("../bench/traces/build-reads.csv.gz", import.meta.url));

type Requests = readonly (readonly [key: string, size: number])[];

/** Which requests a list of `capacity` hits: in order of arrival, or (`lru`) of the last use. What is larger is never stored. */
function modelHits(requests: Requests, capacity: number, isLru: boolean): boolean[] {
  const held = new Map<string, number>();
  let sum = 0;
  const drop = (key: string): void => {
    sum -= held.get(key) ?? 0;
    held.delete(key);
  };
  return requests.map(([key, size]) => {
    const isHit = held.get(key) === size;
    if (isHit && !isLru) return true;
    drop(key);
    if (size > capacity) return isHit;
    while (sum + size > capacity) drop(held.keys().next().value!);
    held.set(key, size);
    sum += size;
    return isHit;
  });
}

const shipped = readTrace(SHIPPED);
const sized: Requests = Array.from(shipped.ids, (id, i) => [shipped.keys[id]!, shipped.sizes[i]!] as const);
const unsized: Requests = sized.map(([key]) => [key, 1] as const);

describe("a strict policy on the shipped trace", () => {
  const sizes = new Map<string, number>();
  for (const [key, size] of sized) sizes.set(key, size);
  const uniqueBytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);

  it.each(["lru", "fifo"] as const)("hits as the model does, request for request: %s", (policy) => {
    const region = Region.createSync({ size: "256MiB" });
    const value = new Uint8Array(Math.max(...sizes.values()) + 1);
    for (const share of [0.01, 0.1, 0.4]) {
      for (const [requests, limit] of [
        [sized, { maxValueBytes: Math.floor(uniqueBytes * share) }],
        [unsized, { maxItems: Math.floor(sizes.size * share) }],
      ] as const) {
        const cache = region.cache<Uint8Array>("trace", { ...limit, policy });
        const hits = requests.map(([key, size]) => {
          const isHit = cache.getInto(key, new Uint8Array(0)) === size;
          if (!isHit) cache.set(key, value.subarray(0, size));
          return isHit;
        });
        const capacity = Object.values(limit)[0]!;
        const expected = modelHits(requests, capacity, policy === "lru");
        expect(hits.findIndex((isHit, i) => isHit !== expected[i])).toBe(-1);
        expect(expected.filter(Boolean).length).toBeGreaterThan(1000);
        cache.close();
      }
    }
    expect(region.usedBytes).toBe(0);
    region.close();
  });
});

const ratio = (hits: readonly boolean[]): number => hits.filter(Boolean).length / hits.length;
const byteRatio = (requests: Requests, hits: readonly boolean[]): number => {
  const sum = (all: Requests): number => all.reduce((bytes, [, size]) => bytes + size, 0);
  return sum(requests.filter((_, i) => hits[i]!)) / sum(requests);
};
const digits = (figure: number): number => Number(figure.toFixed(4));

describe("npm run conformance", () => {
  const folder = mkdtempSync(join(tmpdir(), "cistern-conformance-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const requests = sized.slice(0, 3000);
  const capacity = 300_000;

  /** A folder with a sized and an unsized trace, and what the model says of them; `change` may plant something else. */
  function prepare(change: (policies: Record<string, { ohr: number; bhr?: number }>) => void): string {
    const lines = requests.map(([key, size]) => `${key},${size}`);
    writeFileSync(join(folder, "sized.csv"), lines.join("\n"));
    writeFileSync(join(folder, "plain.txt"), requests.map(([key]) => key).join("\n"));
    const figures = (all: Requests, most: number, isSized: boolean) =>
      Object.fromEntries(
        (["lru", "fifo"] as const).map((policy) => {
          const hits = modelHits(all, most, policy === "lru");
          const ohr = digits(ratio(hits));
          return [policy, isSized ? { ohr, bhr: digits(byteRatio(all, hits)) } : { ohr }];
        }),
      );
    const result = (all: Requests, most: number, isSized: boolean) => {
      const policies: Record<string, { ohr: number; bhr?: number }> = figures(all, most, isSized);
      policies["hybrid"] = { ohr: 0.01 };
      policies["gdsf"] = { ohr: 0.01 };
      change(policies);
      return [{ fraction: 0.1, capacity: most, policies }];
    };
    const plain = requests.map(([key]) => [key, 1] as const);
    const reference = {
      traces: {
        sized: { file: "sized.csv", sized: true, requests: 3000, results: result(requests, capacity, true) },
        plain: { file: "plain.txt", sized: false, requests: 3000, results: result(plain, 100, false) },
      },
    };
    writeFileSync(join(folder, "reference.json"), JSON.stringify(reference));
    return folder;
  }

  function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      execFile(process.execPath, ["test/conformance/main.mjs", ...args], (error, stdout, stderr) =>
        resolve({ code: (error?.code as number | undefined) ?? 0, stdout, stderr }),
      );
    });
  }

  it("says on one line that all is as in the reference", async () => {
    const { code, stdout } = await run(
      prepare(() => {}),
      "--json",
    );
    expect(stdout.trim().split("\n")).toHaveLength(1);
    const { results, means, problems } = JSON.parse(stdout);
    expect(problems).toEqual([]);
    expect(results.map(({ trace }: { trace: string }) => trace).sort()).toEqual(["plain", "sized"]);
    expect(means).toMatchObject({ hybrid: { rows: 2, reference: 0.01 }, gdsf: { rows: 2 } });
    expect(means["hybrid"].hybrid).toBeGreaterThan(0.1);
    expect(code).toBe(0);
  });

  it.each([
    ["lru's object hit ratio", "lru has ohr", ({ lru }) => (lru!.ohr += 0.0001)],
    ["fifo's byte hit ratio", "sized at 300000: fifo has bhr", ({ fifo }) => (fifo!.bhr = (fifo!.bhr ?? 0) + 0.0001)],
    ["hybrid by more than half a point", "below the reference's", ({ hybrid }) => (hybrid!.ohr = 0.99)],
    ["a peer that hybrid is behind", "not ahead of gdsf", ({ gdsf }) => (gdsf!.ohr = 0.99)],
  ] as const satisfies readonly (readonly [
    string,
    string,
    (policies: Record<string, { ohr: number; bhr?: number }>) => void,
  ])[])("ends with 1 where the reference has another figure: %s", async (_, problem, change) => {
    const { code, stdout } = await run(prepare(change));
    expect(stdout).toContain(problem);
    expect(code).toBe(1);
  });

  it.each([
    [[], "usage: npm run conformance"],
    [["nowhere"], "no such file"],
    [["a", "b"], "usage: npm run conformance"],
    [["--surplus", "a"], "--surplus"],
  ])("runs nothing when it is given %j", async (args, why) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toContain(why);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});
