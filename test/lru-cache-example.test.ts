// The lru-cache example, short. Goal: a cache that keeps its own `maxSize` takes its process over a limit that the same cache keeps in a governor.
// Method: the example itself, two child processes, each measured by what the system says it has; then its way to count, by hand.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { MIB } from "./lib/regions.js";

const EXAMPLE = new URL("../examples/lru-cache/", import.meta.url);
const CHUNK_BYTES = 64 * 1024;
const ENTRIES = 3000;

interface Run {
  entries: number;
  maxSize: number;
  calculatedSize: number;
  peak: { rssBytes: number; arrayBufferBytes: number; retainedBytes: number };
  budgetBytes?: number;
  budgetPeakBytes?: number;
  unchargedBytes?: number;
}

async function example(limit: string): Promise<{ limitBytes: number; alone: Run; governed: Run }> {
  const args = [fileURLToPath(new URL("main.mjs", EXAMPLE)), "--json", "--limit", limit, "--entries", String(ENTRIES)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}

describe("the lru-cache example", () => {
  it("goes over its process's limit by itself, within its own, and stays under it in a governor", async () => {
    const { limitBytes, alone, governed } = await example("192MiB");
    expect(limitBytes).toBe(192 * MIB);
    // Nothing was ever evicted: by its own count it is nearly empty.
    expect(alone.entries).toBe(ENTRIES);
    expect(alone.calculatedSize).toBeLessThan(alone.maxSize / 100);
    expect(alone.peak.arrayBufferBytes).toBeGreaterThan(ENTRIES * CHUNK_BYTES * 0.99);
    expect(alone.peak.rssBytes).toBeGreaterThan(limitBytes);

    expect(governed.peak.rssBytes).toBeLessThan(limitBytes);
    expect(governed.budgetPeakBytes).toBeLessThanOrEqual(governed.budgetBytes!);
    expect(governed.unchargedBytes).toBe(0);
    // It is looked at after each entry, so it never held more than one beyond its budget; and it is still a cache.
    expect(governed.peak.retainedBytes).toBeLessThanOrEqual(governed.budgetBytes! + CHUNK_BYTES + 1024);
    expect(governed.entries * CHUNK_BYTES).toBeGreaterThan(0.9 * governed.budgetBytes!);
  });

  it("counts a chunk once, however many slices of it are kept, until the last of them went", async () => {
    const { Retained } = await import(new URL("retained.mjs", EXAMPLE).href);
    const retained = new Retained();
    const [one, two] = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(1000)];
    const slices = [one.subarray(0, 100), one.subarray(100, 300), two];
    const sums = slices.map((slice) => {
      retained.add(slice);
      return retained.bytes;
    });
    const each = sums[1] - sums[0];
    expect(sums).toEqual([CHUNK_BYTES + each, CHUNK_BYTES + 2 * each, CHUNK_BYTES + 1000 + 3 * each]);
    retained.remove(slices[0]);
    expect(retained.bytes).toBe(CHUNK_BYTES + 1000 + 2 * each);
    retained.remove(slices[1]);
    expect(retained.bytes).toBe(1000 + each);
    retained.remove(two);
    expect(retained.bytes).toBe(0);
  });
});
