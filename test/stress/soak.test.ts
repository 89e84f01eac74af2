// A long life with many deaths. Goal: neither the process nor the region holds more after many threads than after a few, whether they
// leave, end or are killed. Method: soak-worker.mjs in a process of its own that forces the garbage collection after each round; the
// first rounds warm up, and the least of the next is compared with the least of the last.
//
//   CISTERN_SOAK_ROUNDS  how many rounds; 12 unless told
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { KIB } from "../lib/regions.js";

const ROUNDS = Number(process.env.CISTERN_SOAK_ROUNDS ?? 12);
const THREADS = 9;
const ATTACHMENTS = 1000;
const WARM_UP = 3;
const TAKEN = 3;
/** What the last half of the rounds may add: the engine's own noise. One listener left by each thread, or an object by each attachment,
 *  is more. */
const GROWN_BYTES = 128 * KIB;

interface Round {
  heapUsed: number;
  external: number;
  arrayBuffers: number;
  ok: boolean;
  usedBytes: number;
  owners: number;
  blocks: number;
  undecidedBytes: number;
  hasRoom: boolean;
}

async function soak(): Promise<{ rounds: Round[]; warnings: string }> {
  const script = fileURLToPath(new URL("soak-worker.mjs", import.meta.url));
  const args = ["--expose-gc", script, ROUNDS, THREADS, ATTACHMENTS].map(String);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  const rounds = stdout.trim().split("\n");
  return { rounds: rounds.map((line) => JSON.parse(line) as Round), warnings: stderr };
}

const least = (rounds: readonly Round[], what: "heapUsed" | "external" | "arrayBuffers"): number =>
  Math.min(...rounds.map((round) => round[what]));

describe("a process in which threads come and die", () => {
  it(
    `holds no more after ${ROUNDS} rounds than after ${WARM_UP + TAKEN}, nor does its region`,
    async () => {
      const { rounds, warnings } = await soak();
      expect(rounds).toHaveLength(ROUNDS);
      const [first] = rounds;
      for (const round of rounds)
        expect(round).toMatchObject({
          ok: true,
          hasRoom: true,
          owners: 1,
          undecidedBytes: 0,
          usedBytes: first!.usedBytes,
          blocks: first!.blocks,
        });
      const early = rounds.slice(WARM_UP, WARM_UP + TAKEN);
      const late = rounds.slice(-TAKEN);
      const rest = ROUNDS - WARM_UP - TAKEN;
      for (const what of ["heapUsed", "external", "arrayBuffers"] as const) {
        const grown = least(late, what) - least(early, what);
        expect(grown, `growth of ${what} in the last ${rest} rounds`).toBeLessThan(GROWN_BYTES);
      }
      expect(warnings).toBe("");
    },
    60_000 + ROUNDS * 10_000,
  );
});
