// Builds everything that is not source: the core's three binaries, the bundles, the demo and the declarations. Each
// part is made only when its inputs have changed since the last time, which `build/.stamp` remembers.
//
//   node scripts/build.mjs [--force] [--no-types]
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { problemsOf } from "./check-wasm.mjs";
import { bareHostPlugin } from "./lib/bare-host.mjs";
import { withLock } from "./lib/lock.mjs";
import { at, bin, filesUnder, hashOf, readJson } from "./lib/paths.mjs";
import { runNode } from "./lib/run.mjs";
import { wasmTextPlugin } from "./lib/wasm-text.mjs";

/** One build at a time, whoever starts it. */
export const LOCK = at("build", ".lock");

const STAMP = at("build", ".stamp");

const WASM_TARGETS = {
  release: "build/core.wasm",
  checked: "build/core.checked.wasm",
  debug: "build/core.debug.wasm",
};

/** The two bundles in the package; the keys are its folders under dist. */
const BUNDLES = {
  node: { platform: "node", target: "node20" },
  browser: { platform: "browser", target: ["chrome110", "firefox115", "safari16.4"] },
};

/** What can be imported, by the name of its file in the package. */
const ENTRIES = {
  index: "src/index.ts",
  pressure: "src/pressure/index.ts",
  flow: "src/flow/index.ts",
  monitor: "src/monitor/index.ts",
  governor: "src/governor/index.ts",
  streams: "src/streams/index.ts",
};
const DEMO_ENTRIES = ["src/demo/main.ts", "src/demo/worker.ts"];

/**
 * What every bundle shares; the size budget is measured with it too. `minifySyntax` writes the layout's numbers where they are used: as variables
 * of the module they are loaded, and looked at, each time.
 */
export const BUNDLE_OPTIONS = {
  absWorkingDir: at(),
  bundle: true,
  format: "esm",
  plugins: [bareHostPlugin, wasmTextPlugin],
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  minifySyntax: true,
  metafile: true,
};

const isTs = (file) => file.endsWith(".ts");
const isDemo = (file) => file.startsWith("src/demo/");
const coreSources = () => filesUnder("assembly", (file) => isTs(file) && !file.includes("__tests__/"));
const librarySources = () => [...filesUnder("src", isTs), ...filesUnder("bindings", isTs)];
const layoutSources = () => filesUnder("assembly/shared", isTs);
const version = () => readJson(at("package.json")).version;

/** 31 bits that name the core's sources: threads built from others refuse to share a region. */
function buildId() {
  const digest = createHash("sha256").update(hashOf(coreSources(), version())).digest();
  return digest.readUInt32LE(0) & 0x7fff_ffff || 1;
}

async function compileTarget(target, outFile, id) {
  const asc = bin("assemblyscript", "asc");
  const args = [asc, "--config", "asconfig.json", "--target", target, "--use", `BUILD_ID=${id}`];
  const { code, output } = await runNode(args, { quiet: true });
  if (output.trim()) console.error(output.trim());
  if (code !== 0) throw new Error(`asc refused the ${target} target`);
  const problems = problemsOf(readFileSync(at(outFile)));
  if (problems.length > 0) throw new Error(`${outFile}: ${problems.join("; ")}`);
}

async function buildWasm() {
  if (!existsSync(at("assembly/index.ts"))) throw new Error("assembly/index.ts is missing");
  mkdirSync(at("build"), { recursive: true });
  const id = buildId();
  await Promise.all(Object.entries(WASM_TARGETS).map(([target, outFile]) => compileTarget(target, outFile, id)));
}

/** The licences of what the bundles contain, for their authors' terms ask for that. */
function writeLicences(metafiles) {
  const packages = new Set();
  for (const { inputs } of metafiles) {
    for (const input of Object.keys(inputs)) {
      const name = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(input)?.[1];
      if (name) packages.add(name);
    }
  }
  const texts = [...packages].sort().map((name) => {
    const { license, version } = readJson(at("node_modules", name, "package.json"));
    const file = filesUnder(`node_modules/${name}`, (path) =>
      /^licen[cs]e/i.test(path.split("/")[name.split("/").length + 1]),
    )[0];
    const text = file ? readFileSync(at(file), "utf8").trim() : `Licence: ${license}`;
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  writeFileSync(at("dist/THIRD_PARTY_LICENSES.txt"), texts.join(`\n${"-".repeat(80)}\n\n`));
}

async function buildBundles() {
  const { build } = await import("esbuild");
  for (const name of Object.keys(BUNDLES)) rmSync(at("dist", name), { recursive: true, force: true });
  const results = await Promise.all(
    Object.entries(BUNDLES).map(([name, options]) =>
      build({
        ...BUNDLE_OPTIONS,
        ...options,
        entryPoints: ENTRIES,
        outdir: `dist/${name}`,
        splitting: true,
        chunkNames: "chunks/[name]-[hash]",
        sourcemap: true,
      }),
    ),
  );
  copyFileSync(at("build/core.wasm"), at("dist/core.wasm"));
  writeLicences(results.map(({ metafile }) => metafile));
}

async function buildDemo() {
  const { build } = await import("esbuild");
  rmSync(at("dist/demo"), { recursive: true, force: true });
  const entryPoints = DEMO_ENTRIES.filter((file) => existsSync(at(file)));
  if (entryPoints.length === 0) return;
  await build({
    ...BUNDLE_OPTIONS,
    ...BUNDLES.node,
    entryPoints,
    outdir: "dist/demo",
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    external: ["cli-progress"],
    sourcemap: true,
  });
}

async function buildTypes() {
  rmSync(at("dist/types"), { recursive: true, force: true });
  const { code, output } = await runNode([bin("typescript", "tsc"), "-p", "tsconfig.build.json"], { quiet: true });
  if (code !== 0) throw new Error(`the declarations do not compile:\n${output.trim()}`);
}

/**
 * The parts in order. `inputs` is a hash of all a part is made from, `outputs` are files that must be there, and
 * `make` makes it.
 */
function parts({ types }) {
  const tools = hashOf(["package-lock.json", "tsconfig.json", "scripts/build.mjs", "scripts/check-wasm.mjs"]);
  const library = () => [...librarySources(), ...layoutSources()];
  const demos = DEMO_ENTRIES.filter((file) => existsSync(at(file)));
  const all = [
    {
      name: "wasm",
      inputs: () => hashOf([...coreSources(), "asconfig.json"], version(), tools),
      outputs: [...Object.values(WASM_TARGETS), "build/core.wat"],
      make: buildWasm,
    },
    {
      name: "bundles",
      inputs: () => hashOf([...library().filter((file) => !isDemo(file)), "build/core.wasm"], tools),
      outputs: ["dist/node/index.js", "dist/browser/index.js", "dist/core.wasm"],
      make: buildBundles,
    },
    {
      name: "demo",
      inputs: () => hashOf([...library(), "build/core.wasm"], tools),
      outputs: demos.map((file) => file.replace(/^src\/(.*)\.ts$/, "dist/$1.js")),
      make: buildDemo,
    },
    {
      name: "types",
      inputs: () => hashOf([...library(), "tsconfig.build.json"], tools),
      outputs: ["dist/types/src/index.d.ts"],
      make: buildTypes,
    },
  ];
  return types ? all : all.filter(({ name }) => name !== "types");
}

function readStamp() {
  try {
    return readJson(STAMP);
  } catch {
    return {};
  }
}

const isFresh = (part, stamp) =>
  part.outputs.every((file) => existsSync(at(file))) && stamp[part.name] === part.inputs();

/** True when there is nothing to build. */
export function isBuilt({ types = true } = {}) {
  const stamp = readStamp();
  return parts({ types }).every((part) => isFresh(part, stamp));
}

/** Builds what is out of date. The caller holds the lock. */
export async function build({ types = true, force = false } = {}) {
  for (const part of parts({ types })) {
    const stamp = readStamp();
    if (!force && isFresh(part, stamp)) continue;
    const started = performance.now();
    const inputs = part.inputs();
    await part.make();
    writeFileSync(STAMP, `${JSON.stringify({ ...stamp, [part.name]: inputs }, null, 2)}\n`);
    console.error(`built ${part.name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const force = process.argv.includes("--force");
  const types = !process.argv.includes("--no-types");
  try {
    await withLock(LOCK, () => build({ types, force }));
  } catch (error) {
    console.error(`build failed: ${error.message}`);
    process.exitCode = 1;
  }
}
