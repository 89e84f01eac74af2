// Real kills. Goal: a worker that is terminated at any moment stops no survivor and loses no byte: after its recovery the books are
// exact, its Blocks are back, and all that is left of it are raw blocks, which are the region's. Method: victims do random operations of
// every kind beside a survivor and the main thread, are terminated at a random moment, and are recovered while the survivor goes on;
// at random intervals it pauses and every live block is accounted for. V8 delivers a termination at the beginning of functions and loops
// only, so this shows that the host's side works; deaths at every single store are the simulator's (test/sim).
//
//   CISTERN_KILLS      how many; 40 unless told, 200 in CI; by hand: npm run kill -- --count 1000 [--seed S]
//   CISTERN_KILL_SEED  seed of all that is random, the moments too
import { afterAll, describe, expect, it } from "vitest";
import type { RecoveryReport } from "../../src/index.js";
import { wholeNumber } from "../../scripts/lib/numbers.mjs";
import { type Random, random } from "../lib/random.js";
import { MIB } from "../lib/regions.js";
import type { Kind } from "./kill/actor.mjs";
import { Arena, type Figures } from "./kill/arena.js";

// What is no number would make no kill, and say that all went well.
const KILLS = wholeNumber("CISTERN_KILLS", process.env.CISTERN_KILLS ?? (process.env.CI ? "200" : "40"), 1, 1_000_000);
const SEED = wholeNumber("CISTERN_KILL_SEED", process.env.CISTERN_KILL_SEED ?? `${Date.now() % 1e9}`, 0, 0xffff_ffff);
/** What victims do: as often what dies with the page lock in its hands as the rest. */
const KINDS: readonly Kind[] = [
  ...(["mixed", "mixed", "blocks", "small", "runs", "runs"] as const),
  ...(["walks", "walks", "walks", "full", "full", "runs"] as const),
];

const figures: Partial<Figures> = {};
afterAll(() => console.log(`kills, seed ${SEED}: ${JSON.stringify(figures)}`));

/** The moment of a death: 0 to 14 ms after the victim said that it works. */
const moment = (by: Random): number => (by.next() / 2 ** 32) * 14;

/** One victim, recovered by main. */
async function killOne(arena: Arena, by: Random): Promise<void> {
  const victim = await arena.start("victim", by.pick(KINDS), by.next());
  arena.work(moment(by));
  await arena.kill(victim);
  await arena.recover(victim);
}

/** One victim, recovered by a watch. */
async function killWatched(arena: Arena, by: Random): Promise<void> {
  const victim = await arena.start("victim", by.pick(KINDS), by.next());
  const report = new Promise<RecoveryReport>((resolve) => arena.r.watch(victim.worker, { onRecovered: resolve }));
  arena.work(moment(by));
  await arena.kill(victim);
  arena.count(await report);
  if ((await report).heldLock) arena.figures.heldLock++;
}

/** Two victims at work at once, which die together and are recovered in either order. */
async function killTwo(arena: Arena, by: Random): Promise<void> {
  const [one, two] = await Promise.all([
    arena.start("victim", by.pick(KINDS), by.next()),
    arena.start("victim", by.pick(KINDS), by.next()),
  ]);
  arena.work(moment(by));
  await arena.kill(one, two);
  for (const victim of by.below(2) ? [one, two] : [two, one]) await arena.recover(victim);
}

/** A victim with many Blocks, and the thread that recovers it dies in the middle of that. */
async function killRecoverer(arena: Arena, by: Random): Promise<void> {
  const recoverer = await arena.start("recoverer", by.pick(KINDS), by.next());
  const victim = await arena.start("victim", "hoard", by.next());
  arena.work(moment(by));
  await arena.kill(victim);
  arena.beginRecovery(recoverer, victim.ownerId);
  arena.spin((by.next() / 2 ** 32) ** 2 * 2);
  await arena.kill(recoverer);
  if (arena.words.isDead(victim.ownerId)) arena.figures.cutInRecovery++;
  for (const dead of by.below(2) ? [victim, recoverer] : [recoverer, victim]) await arena.recover(dead);
}

const WAYS = [killOne, killOne, killOne, killOne, killWatched, killWatched, killTwo, killRecoverer];

describe("kills", () => {
  it(
    `${KILLS} of them stop no survivor and lose no byte`,
    async () => {
      const by = random(SEED);
      const arena = await Arena.open(2 * MIB, by.next());
      const { figures: found } = arena;
      try {
        let untilAudit = 0;
        while (found.kills < KILLS) {
          const kill = KILLS - found.kills > 1 ? by.pick(WAYS) : killOne;
          await kill(arena, by);
          arena.requireHealthy();
          arena.requireProgress();
          if (untilAudit-- > 0) continue;
          untilAudit = by.below(6);
          await (by.below(4) ? arena.audit() : arena.drain());
        }
        await arena.close();
        expect(found).toMatchObject({ kills: KILLS, lostBytes: 0, stuckSurvivors: 0 });
        if (KILLS >= 200) expect(found.heldLock, "deaths that held the page lock").toBeGreaterThan(0);
      } catch (cause) {
        const replay = `npm run kill -- --count ${KILLS} --seed ${SEED}`;
        const message = `${(cause as Error).message}\n  after ${found.kills} kills, seed ${SEED}; replay: ${replay}`;
        throw new Error(message, { cause });
      } finally {
        Object.assign(figures, found);
        await arena.abandon();
      }
    },
    60_000 + KILLS * 1000,
  );
});
