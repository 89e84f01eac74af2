// The table of failure cases. Goal: docs/failure-cases.md names tests that exist, and leaves no case out. Method: each file and title in
// it is looked for in the tests' sources.
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const ROOT = new URL("..", import.meta.url);
const CASES = 60;
const text = readFileSync(new URL("docs/failure-cases.md", ROOT), "utf8");
const rows = text.split("\n").filter((line) => /^\| D\d/.test(line));

/** The cases that a row is about: `D16–D21`, `D51, D52` or one. */
function casesOf(row: string): number[] {
  const [, first = ""] = row.split("|");
  return [...first.matchAll(/D(\d+)(?:–D(\d+))?/g)].flatMap(([, from, to]) =>
    Array.from({ length: Number(to ?? from) - Number(from) + 1 }, (_, i) => Number(from) + i),
  );
}

/** The files that a row names, each with the titles that follow it. */
function namedIn(row: string): { path: string; title: string }[] {
  const named: { path: string; title: string }[] = [];
  let path = "";
  const [, , , shownBy = ""] = row.split("|");
  for (const [, file, title] of shownBy.matchAll(/`(test\/[\w./-]+\.ts)`|"([^"]+)"/g)) {
    if (file !== undefined) path = file;
    else if (title !== undefined) named.push({ path, title });
  }
  return named;
}

describe("the failure cases", () => {
  it("are all there, once each", () => {
    expect(rows.flatMap(casesOf).sort((one, two) => one - two)).toEqual(Array.from({ length: CASES }, (_, i) => i + 1));
  });

  it("name tests that exist", () => {
    const named = rows.flatMap(namedIn);
    expect(named.length).toBeGreaterThan(50);
    const missing = named.filter(({ path, title }) => {
      const file = new URL(path, ROOT);
      return !existsSync(file) || !readFileSync(file, "utf8").includes(title);
    });
    expect(missing).toEqual([]);
  });
});
