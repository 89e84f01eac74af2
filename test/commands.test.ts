// The commands that try out threads and deaths for minutes: `npm run sim` and `npm run kill`. Goal: what is mistyped is refused at once, and not taken
// for something else that runs and finds nothing wrong. Method: the options as they are read, and the commands themselves.
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { readOptions } from "./sim/options.mjs";

function start(args: readonly string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, args, { encoding: "utf8", timeout: 50_000, env: { ...process.env, ...env } });
}

/** Refused by one line that says why, with nothing run. */
function expectRefused(args: readonly string[], why: string): void {
  const { status, stdout, stderr } = start(args);
  expect(stderr).toContain(why);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stdout).toBe("");
  expect(status).toBe(2);
}

const PAIR = ["--scenario", "pair/alloc-hot+alloc-hot"];
const MUTANT = ["--mutant", "join: load and store"];

describe("the options of the simulator", () => {
  it.each([
    [["--seed", "abc"], '--seed takes a whole number from 0 to 4294967295, not "abc"'],
    [["--seed", "-1"], '--seed takes a whole number from 0 to 4294967295, not "-1"'],
    [["--seed", "4294967296"], "--seed takes"],
    [["--seed", ""], "--seed needs a value"],
    [["--seed"], "--seed"],
    [["--schedules", "abc"], '--schedules takes a whole number from 1 to 4294967295, not "abc"'],
    [["--schedules", "0"], "--schedules takes"],
    [["--schedules", "1.5"], "--schedules takes"],
    [["--schedules", "--quick"], "--schedules takes"],
    [["--schedule", "0@1>1"], "--schedule needs --scenario"],
    [[...PAIR, "--trace"], "--trace needs --schedule"],
    [[...PAIR, "--deaths"], "--deaths needs --schedule"],
    [[...PAIR, "--no-edges"], "--no-edges needs --schedule"],
    [[...PAIR, "--schedule", ",", "--quick"], "--quick means nothing beside --schedule"],
    [[...PAIR, "--schedule", ",", "--seed", "2"], "--seed means nothing beside --schedule"],
    [[...PAIR, "--schedule", "0@1"], '"0@1" is no decision'],
    [[...PAIR, "--schedule", "0@1>4"], '"0@1>4" is no decision'],
    [[...PAIR, "--schedule", "0@1!2"], '"0@1!2" is no decision'],
    [[...PAIR, "--schedule", "start!"], '"start!" is no decision'],
    [[...PAIR, ...MUTANT], "--scenario means nothing beside --mutant"],
    [[...MUTANT, "--schedules", "5"], "--schedules means nothing beside --mutant"],
    [["--list", "--quick"], "--quick means nothing beside --list"],
    [["--surplus"], "--surplus"],
    [["surplus"], "surplus"],
  ])("refuse %j, in one line", (args, why) => {
    expect(() => readOptions(args)).toThrow(why);
    expect(() => readOptions(args)).toThrow(/^.*$/);
  });

  it("are taken where they make sense, numbers as numbers and a schedule as its decisions", () => {
    expect(readOptions([])).toMatchObject({ quick: false, json: false, seed: 1 });
    const asked = ["--json", "--quick", "--scenario", "pair", "--seed", "0", "--schedules", "20"];
    expect(readOptions(asked)).toMatchObject({ json: true, quick: true, scenario: "pair", seed: 0, schedules: 20 });
    const decisions = ["start~1", "1@31>0", "0@19!", "2@7^"];
    const replay = readOptions([...PAIR, ...MUTANT, "--schedule", decisions.join(), "--deaths", "--trace"]);
    expect(replay.schedule).toEqual(decisions);
    expect(readOptions([...PAIR, "--schedule=,"]).schedule).toEqual([]);
  });
});

describe("the simulator", () => {
  it.each([
    [["--seed", "-1"], "sim: --seed takes"],
    [["--scenario", "nowhere"], "sim: no scenario is called nowhere"],
    [["--scenario", "pair/", "--schedule", ","], '"pair/" in their names'],
    [["--mutant", "no such one"], "sim: no mutant is called no such one"],
  ])("runs nothing when it is given %j", (args, why) => {
    expectRefused(["test/sim/main.mjs", ...args], why);
  });
});

describe("the kills", () => {
  it.each([
    [["--count", "0"], 'kill: --count takes a whole number from 1 to 1000000, not "0"'],
    [["--count", "abc"], 'kill: --count takes a whole number from 1 to 1000000, not "abc"'],
    [["--count"], "usage: npm run kill"],
    [["--seed", "abc"], 'kill: --seed takes a whole number from 0 to 4294967295, not "abc"'],
    [["--seed", "-1"], "kill: --seed takes"],
    [["--surplus", "1"], "usage: npm run kill"],
    [["--rings", "--count", "0"], 'kill: --count takes a whole number from 1 to 1000000, not "0"'],
    [["--caches", "--count", "0"], 'kill: --count takes a whole number from 1 to 1000000, not "0"'],
    [["--caches", "--rings"], "usage: npm run kill"],
  ])("are not begun when they are given %j", (args, why) => {
    expectRefused(["scripts/kill.mjs", ...args], why);
  });

  it("do not pass for done when the environment asks for a number of them that is none", () => {
    const run = ["node_modules/vitest/vitest.mjs", "run", "--project", "node", "test/stress/kill.test.ts"];
    const { status, stderr } = start(run, { CISTERN_KILLS: "many" });
    expect(stderr).toContain("CISTERN_KILLS takes a whole number");
    expect(status).not.toBe(0);
  });
});
