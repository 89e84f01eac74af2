// The budgets against a model. Goal: after every command of any sequence each counter is exact, who is granted and who waits is whom
// the model says, and every invariant holds (I1–I6, I8). Method: two drivers of one runner. Short sequences come from fast-check,
// which shrinks what fails; volume comes from seeded runs, each with its own number of attachments, unit of sizes and mix.
//
//   CISTERN_BUDGET_OPS   commands in the long runs; 20 000 unless told, 200 000 in CI
//   CISTERN_BUDGET_SEED  seed of the first run
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COMMANDS, type Command, type CommandName, Runner } from "./budget-runner.js";
import { type Random, random } from "./lib/random.js";

const OPS = Number(process.env.CISTERN_BUDGET_OPS ?? (process.env.CI ? 200_000 : 20_000));
const SEED = Number(process.env.CISTERN_BUDGET_SEED ?? 20_260_108);
const OPS_PER_RUN = 1000;
const BYTES_MAX = 400;
const TEN_MINUTES = 600_000;
/** Bytes; a region counts 64 bits, and so must the sums in JavaScript. */
const UNITS = [1, 1, 2 ** 20, 2 ** 42];

/** How often a run uses each command; a swarm varies this. */
const USUAL: Record<CommandName, number> = {
  reserve: 30,
  release: 22,
  resize: 10,
  split: 4,
  move: 8,
  child: 8,
  close: 3,
  setLimit: 4,
  wait: 16,
  cancel: 5,
  pass: 2,
};

function swarm(by: Random): number[] {
  return COMMANDS.map((name) => {
    const mood = by.below(7);
    return mood === 0 && name !== "reserve" ? 0 : mood === 1 ? USUAL[name] * 3 : USUAL[name];
  });
}

/** What the commands of all runs did. */
const done: Record<string, number> = {};
const add = (runner: Runner): void => {
  for (const [what, count] of Object.entries(runner.done)) done[what] = (done[what] ?? 0) + count;
};

/** One run, all of it from its seed. */
async function run(seed: number, ops: number): Promise<void> {
  const by = random(seed);
  const runner = new Runner({ owners: 1 + by.below(3), unit: by.pick(UNITS) });
  const weights = swarm(by);
  const sum = weights.reduce((a, b) => a + b, 0);
  let count = 0;
  try {
    for (; count < ops; count++) {
      let at = (by.next() / 2 ** 32) * sum;
      let index = 0;
      while (index < weights.length - 1 && at >= weights[index]!) at -= weights[index++]!;
      const bytes = by.below(8) === 0 ? by.below(2) * BYTES_MAX : by.below(BYTES_MAX);
      const [owner, which, other] = [by.below(3), by.next(), by.next()];
      await runner.run({ name: COMMANDS[index]!, owner, which, other, bytes });
    }
    await runner.finish();
  } catch (cause) {
    const replay = `CISTERN_BUDGET_SEED=${seed} CISTERN_BUDGET_OPS=${ops} npx vitest run --project node test/budget.fuzz.test.ts`;
    throw new Error(`${(cause as Error).message}\n  after ${count} commands; replay: ${replay}`, { cause });
  }
  add(runner);
}

const command: fc.Arbitrary<Command> = fc.record({
  name: fc.oneof(...COMMANDS.map((name) => ({ weight: USUAL[name], arbitrary: fc.constant(name) }))),
  owner: fc.nat(2),
  which: fc.nat(60),
  other: fc.nat(60),
  bytes: fc.nat(BYTES_MAX),
});

describe("the budgets", () => {
  it(
    "do what the model does, in short sequences that shrink",
    async () => {
      let ops = 0;
      const sequences = fc.array(command, { maxLength: 80, size: "max" });
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 3 }),
          fc.constantFrom(...UNITS),
          sequences,
          async (owners, unit, all) => {
            const runner = new Runner({ owners, unit });
            for (const step of all) await runner.run(step);
            ops += all.length;
            await runner.finish();
          },
        ),
        { seed: SEED, numRuns: Math.ceil(OPS / 200), interruptAfterTimeLimit: TEN_MINUTES },
      );
      console.log(`${ops} commands in sequences, seed ${SEED}`);
    },
    TEN_MINUTES,
  );

  it(
    "do what the model does, in long runs",
    async () => {
      let ops = 0;
      for (let seed = SEED; ops < OPS; seed++) {
        await run(seed, Math.min(OPS_PER_RUN, OPS - ops));
        ops += Math.min(OPS_PER_RUN, OPS - ops);
      }
      console.log(`${ops} commands in runs, first seed ${SEED}: ${JSON.stringify(done)}`);
      expect(ops).toBeGreaterThanOrEqual(OPS);
      // Each kind of command did something: no run is quiet by accident.
      if (OPS >= 20_000)
        for (const name of [...COMMANDS, "granted late", "refused"]) expect(done[name], name).toBeGreaterThan(50);
    },
    TEN_MINUTES,
  );
});
