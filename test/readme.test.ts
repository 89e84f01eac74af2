// The README's programs. Goal: they run as they are printed, in their order, in one program against the built package. Method: the blocks of
// JavaScript are written to files, after the few names that a reader would have; a process runs them.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";

const ROOT = new URL("..", import.meta.url);
// Within the package, so that it finds itself by its name.
const FOLDER = new URL(`build/readme-${process.pid}/`, ROOT);

const HAS = `
import { LRUCache } from "lru-cache";
import { Monitor } from "cistern/monitor";
const { signal } = new AbortController();
const frame = new Uint8Array(1000);
const history = { dropOldest: () => 0, clear: () => {} };
const retained = { bytes: 0, add: () => {}, remove: () => {} };
const sizeCalculation = () => 1;
const monitor = new Monitor();
`;

const ENDS = `
cache.set("key", "value");
governor.sync();
monitor.sample();
const { ok, problems } = region.check();
console.log(ok ? "all of it ran" : problems);
`;

const blocks = [...readFileSync(new URL("README.md", ROOT), "utf8").matchAll(/^```js\n(.*?)^```$/gms)].map(
  ([, code]) => code!,
);
/** A block of another thread begins with the name of its file. */
const fileOf = (code: string): string | undefined => /^\/\/ ([\w-]+\.js)$/m.exec(code.split("\n")[0]!)?.[1];

describe("the README's programs", () => {
  afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

  it("run from the first to the last", async () => {
    expect(blocks.map(fileOf).filter(Boolean)).toEqual(["worker.js", "reader.js"]);
    expect(blocks.length).toBeGreaterThanOrEqual(6);
    mkdirSync(FOLDER, { recursive: true });
    for (const code of blocks) if (fileOf(code) !== undefined) writeFileSync(new URL(fileOf(code)!, FOLDER), code);
    const main = [HAS, ...blocks.filter((code) => fileOf(code) === undefined), ENDS]
      .join("\n")
      .replaceAll(/"(\.\/[\w-]+\.js)"/g, 'new URL("$1", import.meta.url)');
    writeFileSync(new URL("main.js", FOLDER), main);
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL("main.js", FOLDER))], {
      timeout: 30_000,
    });
    expect(stdout.split("\n")).toEqual(expect.arrayContaining(["all of it ran", "{ title: 'Start' } 2"]));
  });
});
