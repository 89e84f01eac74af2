// Stack overflows inside the allocator. Goal: a RangeError thrown anywhere in it leaves a heap that works, passes its check and counts
// exactly; what is lost is at most the one block that the cut call was about to return. Method: a child process calls each operation
// with every amount of stack from nearly none to some kilobytes (test/stress/overflow-worker.mjs), under the engine's three ways to
// compile, for they differ in where a stack overflow can happen, and with a short stack.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const PROGRAM = fileURLToPath(new URL("stress/overflow-worker.mjs", import.meta.url));
const MODES = ["--wasm-tier-up", "--liftoff-only", "--no-liftoff", "--stack-size=400"];

interface Measured {
  name: string;
  calls: number;
  /** Calls that ended in a stack overflow, and those whose innermost frame was the core's. */
  overflows: number;
  inWasm: number;
  rebuilds: number;
  /** Whatever did not hold afterwards; `problemCount` of them in all. */
  problems: string[];
  problemCount: number;
  unexpected: string[];
  lostRaw: number;
  lostBlocks: number;
  lostForEver: number;
}

describe.each(MODES)("with %s", (mode) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [mode, PROGRAM], {
    encoding: "utf8",
    timeout: 120_000,
  });
  const results = stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Measured);
  const replay = (name: string): string => `replay: node ${mode} test/stress/overflow-worker.mjs "${name}"`;

  it("ends well and really overflows inside the core, also while it holds the page lock", () => {
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(results.length).toBeGreaterThanOrEqual(13);
    const inWasm = results.filter((result) => result.inWasm > 0);
    expect(inWasm.length).toBeGreaterThanOrEqual(results.length - 2);
    expect(results.reduce((sum, { rebuilds }) => sum + rebuilds, 0)).toBeGreaterThan(0);
  });

  it.each(results.map((result) => [result.name, result] as const))(
    "%s: the heap is whole afterwards",
    (name, result) => {
      expect(result.problems, replay(name)).toEqual([]);
      expect(result.unexpected, replay(name)).toEqual([]);
    },
  );

  it.each(results.map((result) => [result.name, result] as const))(
    "%s: at most one block is lost for each overflow",
    (name, result) => {
      expect(result.lostRaw + result.lostBlocks, replay(name)).toBeLessThanOrEqual(result.inWasm);
      expect(result.lostForEver, `Blocks that outlive their owner; ${replay(name)}`).toBe(0);
    },
  );
});
