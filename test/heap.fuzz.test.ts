// The heap against a model. Goal: after every command of any sequence nothing overlaps, every byte stays as written, every counter
// is exact. Method: two drivers of one runner (test/model). Short sequences come from fast-check, which shrinks what fails; volume
// comes from seeded runs, each with its own region size, number of owners, and mix of commands, some of them switched off.
//
//   CISTERN_FUZZ_OPS   operations in total; 10^6 unless told, 10^7 in CI
//   CISTERN_FUZZ_SEED  seed of the first run
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Random, random } from "./lib/random.js";
import { KIB, MIB } from "./lib/regions.js";
import { COMMANDS, type Command, type CommandName, Runner } from "./model/runner.js";

const OPS = Number(process.env.CISTERN_FUZZ_OPS ?? (process.env.CI ? 1e7 : 1e6));
const SEED = Number(process.env.CISTERN_FUZZ_SEED ?? 20_260_104);
const OPS_PER_RUN = 25_000;
const SIZES = [128 * KIB, MIB, 16 * MIB];
const TEN_MINUTES = 600_000;

/** How often a run uses each command; a swarm varies this. */
const USUAL: Record<CommandName, number> = {
  alloc: 20,
  allocUnsafe: 20,
  aligned: 4,
  free: 40,
  doubleFree: 3,
  realloc: 8,
  allocate: 15,
  release: 25,
  resize: 5,
  handOver: 2,
  forged: 3,
  freeAll: 0.01,
  reattach: 0.05,
  check: 0.2,
};

const SIZE_RANGES: readonly (readonly [number, number])[] = [
  [1, 128],
  [1, 1024],
  [1, 8192],
  [1, 100_000],
  [4000, 60_000],
  [1, 2_000_000],
];

/** Weights of one run: most commands usual, some off, some frequent. */
function swarm(by: Random): number[] {
  const weights = COMMANDS.map((name) => {
    const mood = by.below(6);
    return mood === 0 && name !== "check" ? 0 : mood === 1 ? USUAL[name] * 3 : USUAL[name];
  });
  const isOff = (name: CommandName): boolean => weights[COMMANDS.indexOf(name)] === 0;
  if (isOff("alloc") && isOff("allocUnsafe") && isOff("allocate")) weights[0] = USUAL.alloc;
  return weights;
}

/** One run, all of it from its seed. */
function run(seed: number, ops: number): { ops: number; refused: number } {
  const by = random(seed);
  const runner = new Runner({ size: by.pick(SIZES), owners: 1 + by.below(4) });
  const weights = swarm(by);
  const sum = weights.reduce((a, b) => a + b, 0);
  let [least, most] = by.pick(SIZE_RANGES);
  // Large regions are filled with large blocks, or a run would end before it met "full".
  if (runner.region.capacityBytes === 16 * MIB && most < 8192) [least, most] = [1, 100_000];
  const fixed = by.below(5) === 0 ? by.size(1, most) : 0;
  let done = 0;
  try {
    for (; done < ops; done++) {
      let at = (by.next() / 2 ** 32) * sum;
      let index = 0;
      while (index < weights.length - 1 && at >= weights[index]!) at -= weights[index++]!;
      const bytes = fixed !== 0 && by.below(8) !== 0 ? fixed : by.size(least, most);
      runner.run({ name: COMMANDS[index]!, owner: by.below(4), which: by.next(), bytes });
    }
    runner.finish();
  } catch (cause) {
    const replay = `CISTERN_FUZZ_SEED=${seed} CISTERN_FUZZ_OPS=${ops} npx vitest run --project node test/heap.fuzz.test.ts`;
    throw new Error(
      `${(cause as Error).message}\n  after ${done} operations in ${runner.region.capacityBytes} bytes; replay: ${replay}`,
      { cause },
    );
  }
  return { ops: done, refused: runner.refused };
}

const command = (most: number): fc.Arbitrary<Command> =>
  fc.record({
    name: fc.oneof(
      ...COMMANDS.map((name) => ({ weight: Math.max(1, Math.round(USUAL[name])), arbitrary: fc.constant(name) })),
    ),
    owner: fc.nat(3),
    which: fc.nat(1000),
    bytes: fc.oneof(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 9000 }),
      fc.integer({ min: 1, max: most }),
    ),
  });

describe("the heap", () => {
  it.each(SIZES)(
    "of %i bytes does what the model does, in short sequences that shrink",
    (size) => {
      const commands = fc.array(command(Math.floor(size / 3)), { maxLength: 300, size: "max" });
      const numRuns = Math.ceil((OPS / 1e6) * (size > MIB ? 25 : 150));
      let ops = 0;
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 4 }), commands, (owners, sequence) => {
          const runner = new Runner({ size, owners });
          for (const step of sequence) runner.run(step);
          ops += sequence.length;
          runner.finish();
        }),
        { seed: SEED, numRuns, interruptAfterTimeLimit: TEN_MINUTES },
      );
      console.log(`${ops} operations in sequences over ${size} bytes, seed ${SEED}`);
    },
    TEN_MINUTES,
  );

  it(
    "does what the model does, in long runs",
    () => {
      let ops = 0;
      let refused = 0;
      for (let seed = SEED; ops < OPS; seed++) {
        const result = run(seed, Math.min(OPS_PER_RUN, OPS - ops));
        ops += result.ops;
        refused += result.refused;
      }
      console.log(`${ops} operations in runs, ${refused} refused, first seed ${SEED}`);
      expect(ops).toBeGreaterThanOrEqual(OPS);
    },
    TEN_MINUTES,
  );
});
