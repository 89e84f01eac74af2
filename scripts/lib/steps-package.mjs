// Steps that look at the package as its users get it: one tarball, packed once, linted, installed and compiled against.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { BUNDLE_OPTIONS } from "../build.mjs";
import { at, bin, readJson } from "./paths.mjs";
import { failed, passed, verdict } from "./report.mjs";
import { runNode, runNpm } from "./run.mjs";

/** The whole library, minified, the core inside, gzipped. */
const SIZE_BUDGET_BYTES = 85 * 1024;

/** What may be in the tarball. */
const SHIPPED = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  /^dist\/(core\.wasm|THIRD_PARTY_LICENSES\.txt)$/,
  /^dist\/(node|browser)\/[\w/.-]+\.js(\.map)?$/,
  /^dist\/types\/[\w/.-]+\.d\.ts$/,
];

/** What must be in it. */
const REQUIRED = [
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
  "dist/core.wasm",
  "dist/node/index.js",
  "dist/browser/index.js",
  "dist/types/src/index.d.ts",
];

/** Scripts that npm would run on our users' machines. */
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall", "prepare"];

const CONSUMER = `
import { Region } from "cistern";
import { BackpressureHandler, ObjectRing, processInChunks, Throttle } from "cistern/flow";
import { Governor } from "cistern/governor";
import { Monitor, trackLeaks } from "cistern/monitor";
import { BudgetGauge, heapSource, PressureGauge } from "cistern/pressure";
import { nodeReadable, webWritable } from "cistern/streams";

const region = await Region.create({ size: "4MiB" });
const offset = region.heap.alloc(100);
if (offset === 0) throw new Error("an empty region is full");
if (!region.heap.free(offset)) throw new Error("a live block was not freed");
if (region.heap.free(offset)) throw new Error("a block was freed twice");
const { ok, problems } = region.check();
if (!ok) throw new Error(problems.join("; "));

// Every entry, in one program: what one makes the others take.
const budget = region.budget("budget", { limit: "1MiB", soft: "80%", tags: ["rows"] });
const gauge = new BudgetGauge(budget, { preset: "cache" });
const governor = new Governor(budget, { gauge });
const monitor = new Monitor({ region });
for (const [name, one] of Object.entries({ gauge, region: region.pressure, heap: new PressureGauge({ sources: [heapSource()] }) }))
  monitor.addGauge(name, one);
const leaks = trackLeaks(region, { level: "paranoid" });
for await (const { start, end } of processInChunks(100, { usagePercent: () => budget.usagePercent }))
  budget.tryReserve(end - start, "rows");
const ring = region.ring("frames", { capacity: 4, overflow: "block", budget });
await webWritable(ring).getWriter().write(new Uint8Array([1, 2, 3]));
ring.close();
for await (const frame of nodeReadable(ring)) if (frame.length !== 3) throw new Error("a ring gives what it got");
const handler = new BackpressureHandler({ strategy: "drop_oldest", bufferSize: 1 });
if (!handler.trySend(1) || handler.metrics().current_buffer_size !== 1) throw new Error("an event is buffered");
if (!new ObjectRing().push("a")) throw new Error("an empty ring is full");
await new Throttle({ rate: "1MiB" }).take(100);
governor.close();
leaks.check();
const { leakedBytes, tracked } = budget.close();
if (leakedBytes !== 100 || tracked?.[0]?.tag !== "rows") throw new Error("a close reports what it gave back");
region.close();
`;

const CONSUMER_TSCONFIG = {
  compilerOptions: {
    target: "es2022",
    module: "nodenext",
    lib: ["es2024", "esnext.disposable", "dom"],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  },
  files: ["consumer.mts"],
};

let workDirectory;

/** A directory of this run's own, removed when it ends. */
function work() {
  if (!workDirectory) {
    workDirectory = mkdtempSync(join(tmpdir(), "cistern-pack-"));
    process.on("exit", () => rmSync(workDirectory, { recursive: true, force: true }));
  }
  return workDirectory;
}

let packing;

/** Packs once; every step below shares the tarball. */
function pack() {
  packing ??= (async () => {
    const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", work()];
    const { code, stdout, output } = await runNpm(args, { quiet: true });
    if (code !== 0) throw new Error(output);
    const [{ filename, files }] = JSON.parse(stdout);
    return { tarball: join(work(), filename), files: files.map(({ path }) => path) };
  })();
  return packing;
}

let installing;

/** Installs the tarball, without a network, in a project of its own. */
function consumer() {
  installing ??= (async () => {
    const { tarball } = await pack();
    const directory = join(work(), "consumer");
    mkdirSync(directory);
    writeFileSync(join(directory, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
    writeFileSync(join(directory, "consumer.mts"), CONSUMER);
    writeFileSync(join(directory, "consumer.mjs"), CONSUMER);
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(CONSUMER_TSCONFIG));
    const args = ["install", "--offline", "--no-audit", "--no-fund", tarball];
    const { code, output } = await runNpm(args, { cwd: directory, quiet: true });
    if (code !== 0) throw new Error(output);
    return directory;
  })();
  return installing;
}

async function contents() {
  const { files } = await pack();
  const manifest = readJson(at("package.json"));
  const problems = [
    ...files.filter((file) => !SHIPPED.some((pattern) => pattern.test(file))).map((file) => `${file} is shipped`),
    ...REQUIRED.filter((file) => !files.includes(file)).map((file) => `${file} is missing`),
    ...INSTALL_SCRIPTS.filter((name) => manifest.scripts?.[name]).map((name) => `script ${name} would run on install`),
    ...Object.keys(manifest.dependencies ?? {}).map((name) => `${name} is a runtime dependency`),
  ];
  return problems.length === 0 ? passed() : failed(problems.join("\n"));
}

async function imports() {
  const directory = await consumer();
  if (!existsSync(join(directory, "node_modules/cistern/package.json"))) return failed("nothing was installed");
  return verdict(await runNode(["consumer.mjs"], { cwd: directory, quiet: true }));
}

async function compiles() {
  const directory = await consumer();
  return verdict(await runNode([bin("typescript", "tsc"), "-p", directory], { quiet: true }));
}

async function publint() {
  const { tarball } = await pack();
  return verdict(await runNode([bin("publint"), "run", tarball, "--strict"], { quiet: true }));
}

async function attw() {
  const { tarball } = await pack();
  const options = ["--profile", "esm-only", "--exclude-entrypoints", "core.wasm", "--no-definitely-typed"];
  const args = [bin("@arethetypeswrong/cli", "attw"), tarball, ...options, "--format", "ascii", "--no-emoji"];
  return verdict(await runNode(args, { quiet: true }));
}

async function size() {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    ...BUNDLE_OPTIONS,
    entryPoints: ["src/index.ts"],
    platform: "browser",
    target: "es2022",
    minify: true,
    write: false,
  });
  const { byteLength } = gzipSync(outputFiles[0].contents, { level: 9 });
  const message = `${byteLength} bytes of ${SIZE_BUDGET_BYTES}, minified and gzipped`;
  const said = `under ${SIZE_BUDGET_BYTES / 1024} KB`;
  if (!readFileSync(at("README.md"), "utf8").includes(said)) return failed(`the README does not say "${said}"`);
  return byteLength <= SIZE_BUDGET_BYTES ? { ...passed(), note: message } : failed(message);
}

export const packageSteps = { publint, attw, size, contents, import: imports, "import-types": compiles };
