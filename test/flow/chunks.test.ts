// processInChunks. Goal: covers the work exactly once, in chunks that follow the pressure, and ends. Method: scripted and seeded usage, and
// the specification's loop beside ours.
import { describe, expect, it } from "vitest";
import { type Chunk, type ChunkOptions, processInChunks } from "../../src/flow/chunks.js";
import { random } from "../lib/random.js";
import { halvingChunks } from "./mutants.js";

/** All chunks, or the first `most` of them. */
async function all(chunks: Iterable<Chunk> | AsyncIterable<Chunk>, most = 50_000): Promise<Chunk[]> {
  const seen: Chunk[] = [];
  for await (const chunk of chunks) {
    seen.push(chunk);
    if (seen.length === most) break;
  }
  return seen;
}

const lengths = (chunks: readonly Chunk[]): number[] => chunks.map(({ start, end }) => end - start);

/** The assertion: the chunks cover 0 to `total` without gap or overlap, and none is empty. */
function expectCovers(chunks: readonly Chunk[], total: number): void {
  const wrong = chunks.filter(({ start, end }, i) => start !== (i === 0 ? 0 : chunks[i - 1]!.end) || end <= start);
  expect(wrong).toHaveLength(0);
  expect(chunks.at(-1)?.end ?? 0).toBe(total);
}

const usage = (of: readonly number[]): ChunkOptions["usagePercent"] => {
  const left = [...of];
  return () => left.shift() ?? of.at(-1)!;
};

describe("without pressure", () => {
  it("goes in chunks of 10,000 to the end, the last one shorter", async () => {
    const chunks = await all(processInChunks(25_000, { usagePercent: () => 79.9 }));
    expect(chunks).toEqual([
      { start: 0, end: 10_000 },
      { start: 10_000, end: 20_000 },
      { start: 20_000, end: 25_000 },
    ]);
    expect(await all(processInChunks(0, { usagePercent: () => 0 }))).toEqual([]);
  });
});

describe("under pressure", () => {
  it("D54: halves down to min and gets to the end, though pressure never falls", async () => {
    const chunks = await all(processInChunks(20_050, { usagePercent: () => 100 }));
    expectCovers(chunks, 20_050);
    expect(lengths(chunks).slice(0, 15)).toEqual([5000, 2500, 1250, 625, 312, 156, 78, 39, 19, 9, 4, 2, 1, 1, 1]);
    const atLeast7 = await all(processInChunks(1000, { usagePercent: () => 100, chunk: 100, min: 7 }));
    expectCovers(atLeast7, 1000);
    expect(Math.min(...lengths(atLeast7).slice(0, -1))).toBe(7);
  });

  it("D54: the specification's loop reaches chunks of 0 and never ends", async () => {
    const chunks = await all(halvingChunks(20_050, () => 100));
    expect(chunks).toHaveLength(50_000);
    expect(lengths(chunks).at(-1)).toBe(0);
    expect(() => expectCovers(chunks, 20_050)).toThrow();
  });

  it("D54: covers the work exactly once in at most total ÷ min steps, whatever the usage says", async () => {
    const readings = [0, 79.9, 80, 81, 100, 400, -5, Number.NaN, Infinity];
    for (let seed = 1; seed <= 60; seed++) {
      const by = random(seed);
      const total = by.below(3000);
      const chunk = by.size(1, 500);
      const min = by.size(1, chunk);
      const options = { chunk, min, grow: by.pick([1, 1.01, 2, 1000]), usagePercent: () => by.pick(readings) };
      const chunks = await all(processInChunks(total, options));
      expectCovers(chunks, total);
      expect(chunks.length).toBeLessThanOrEqual(Math.ceil(total / min));
      expect(
        lengths(chunks)
          .slice(0, -1)
          .filter((length) => length < min || length > chunk),
      ).toEqual([]);
    }
  });

  it("begins at the threshold, and counts what is no number as pressure", async () => {
    for (const [percent, first] of [
      [79.999, 100],
      [80, 50],
      [Number.NaN, 50],
    ] as const) {
      expect(lengths(await all(processInChunks(1000, { chunk: 100, usagePercent: () => percent }), 1))).toEqual([
        first,
      ]);
    }
    expect(lengths(await all(processInChunks(100, { chunk: 100, threshold: 50, usagePercent: () => 60 }), 1))).toEqual([
      50,
    ]);
  });

  it("grows back by its factor once pressure has gone, up to the chunk it began with", async () => {
    const options = { chunk: 16, usagePercent: usage([0, 90, 90, 90, 90, 10]) };
    expect(lengths(await all(processInChunks(1000, { ...options, grow: 2 }), 10))).toEqual([
      16, 8, 4, 2, 1, 2, 4, 8, 16, 16,
    ]);
    const slow = { chunk: 16, usagePercent: usage([90, 90, 10]) };
    expect(lengths(await all(processInChunks(1000, slow), 7))).toEqual([8, 4, 5, 6, 7, 8, 10]);
    const from1 = { chunk: 4, usagePercent: usage([90, 90, 10]) };
    expect(lengths(await all(processInChunks(1000, from1), 6))).toEqual([2, 1, 2, 3, 4, 4]);
    const never = { chunk: 16, grow: 1, usagePercent: usage([90, 10]) };
    expect(lengths(await all(processInChunks(1000, never), 4))).toEqual([8, 8, 8, 8]);
  });

  it("asks for a collection first, and does not halve when that helped (G17)", async () => {
    let percent = 90;
    let asked = 0;
    const gcHint = { hint: () => ((asked++, (percent = asked === 1 ? 70 : 90)), { outcome: "ran" }) };
    const chunks = processInChunks(1000, { chunk: 100, gcHint, usagePercent: () => percent });
    expect((await chunks.next()).value).toEqual({ start: 0, end: 100 });
    expect(asked).toBe(1);
    percent = 90;
    expect((await chunks.next()).value).toEqual({ start: 100, end: 150 });
    expect(asked).toBe(2);
  });
});

describe("an end before the end", () => {
  it("comes from the signal, with its reason", async () => {
    const abort = new AbortController();
    const chunks = processInChunks(1000, { chunk: 10, usagePercent: () => 0, signal: abort.signal });
    await chunks.next();
    abort.abort(new Error("enough"));
    await expect(chunks.next()).rejects.toThrow("enough");
    expect(await chunks.next()).toEqual({ done: true, value: undefined });
  });

  it("comes from a usage or a hint that throws", async () => {
    const fail = (): never => {
      throw new Error("no meter");
    };
    await expect(all(processInChunks(10, { usagePercent: fail }))).rejects.toThrow("no meter");
    const gcHint = { hint: fail };
    await expect(all(processInChunks(10, { usagePercent: () => 99, gcHint }))).rejects.toThrow("no meter");
  });
});

describe("wrong arguments", () => {
  it("are refused by the call, not by its first step", () => {
    const usagePercent = (): number => 0;
    expect(() => processInChunks(-1, { usagePercent })).toThrow(RangeError);
    expect(() => processInChunks(1.5, { usagePercent })).toThrow(RangeError);
    expect(() => processInChunks("10" as never, { usagePercent })).toThrow(TypeError);
    expect(() => processInChunks(10, undefined as never)).toThrow(TypeError);
    expect(() => processInChunks(10, {} as never)).toThrow(/usagePercent/);
    for (const wrong of [{ chunk: 0 }, { min: 0 }, { chunk: 5, min: 6 }, { grow: 0.9 }, { threshold: -1 }]) {
      expect(() => processInChunks(10, { usagePercent, ...wrong })).toThrow(RangeError);
    }
    for (const wrong of [{ chunks: 5 }, { gcHint: {} }, { gcHint: "" }, { signal: {} }, { threshold: "80%" }]) {
      expect(() => processInChunks(10, { usagePercent, ...wrong } as never)).toThrow(TypeError);
    }
  });
});
