// The example of a cache by hand, short. Goal: three threads that evict from each other's queues lose no byte and pass no limit, and what lies in the
// heap is what was written. Method: the example itself on a trace of its own, with objects of up to a third of the region, beside many small ones.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "cistern-fifo-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function example(...args: string[]) {
  const main = fileURLToPath(new URL("../examples/fifo/main.mjs", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [main, "--json", ...args], { timeout: 50_000 });
  return JSON.parse(stdout);
}

describe("the example of queues in the heap", () => {
  it("keeps the limit and its books, whoever holds what has to go", async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => (i % 50 === 0 ? `large-${i},300000` : `small-${i % 77},9000`));
    const trace = join(folder, "trace.csv");
    writeFileSync(trace, lines.join("\n"));
    const report = await example("--trace", trace, "--limit", "1MiB", "--workers", "3");
    expect(report).toMatchObject({ requests: 3000, workers: 3, refused: 0, accountingErrors: 0, check: "ok" });
    expect(report.peakBytes).toBeLessThanOrEqual(report.limitBytes);
    expect(report.evictions).toBeGreaterThan(100);
    expect(report.hits).toBeGreaterThan(100);
    expect(report.hits + report.misses).toBe(report.requests);
  });
});
