// Builds the C allocators dlmalloc, emmalloc and mimalloc to plain wasm modules with emscripten, on demand, into build/bench.
// What cannot be built here is left out of the report, and said so on stderr.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { cached, outputFolder } from "../lib/compile.mjs";
import { fetchMimalloc } from "./mimalloc-source.mjs";

// A small stack leaves nearly the whole memory to the allocator; the size is fixed, as it is in a region.
const LINK = ["-O3", "-DNDEBUG", "-w", "--no-entry", "-sSTANDALONE_WASM"];

const RECIPES = {
  dlmalloc: { malloc: "dlmalloc", stack: 16384, exports: ["malloc", "calloc", "free"], sources: () => [emptyFile()] },
  emmalloc: { malloc: "emmalloc", stack: 16384, exports: ["malloc", "calloc", "free"], sources: () => [emptyFile()] },
  mimalloc: {
    malloc: "emmalloc",
    stack: 65536,
    exports: ["mi_malloc", "mi_zalloc", "mi_free"],
    sources: mimallocSources,
  },
};

const modules = new Map();

// → WebAssembly.Module, or undefined where it cannot be built.
export function buildPeer(name, regionBytes) {
  const key = `${name}-${regionBytes}`;
  if (!modules.has(key)) modules.set(key, tryBuild(name, regionBytes));
  return modules.get(key);
}

function tryBuild(name, regionBytes) {
  const version = emscriptenVersion();
  if (version === undefined) return undefined;
  try {
    const { malloc, stack, exports, sources } = RECIPES[name];
    const settings = {
      MALLOC: malloc,
      TOTAL_STACK: stack,
      INITIAL_MEMORY: regionBytes,
      EXPORTED_FUNCTIONS: exports.map((each) => `_${each}`).join(),
    };
    const flags = [...LINK, ...Object.entries(settings).map(([key, value]) => `-s${key}=${value}`)];
    const bytes = cached(`${name}-${regionBytes >>> 20}m`, [version, ...flags], (target) => {
      execFileSync("emcc", [...sources(), ...flags, "-o", target], { stdio: ["ignore", 2, 2], timeout: 120_000 });
    });
    return new WebAssembly.Module(bytes);
  } catch (error) {
    leaveOut(name, error.message.split("\n")[0]);
    return undefined;
  }
}

let version;

function emscriptenVersion() {
  if (version === undefined) {
    try {
      version = execFileSync("emcc", ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split(
        "\n",
      )[0];
    } catch {
      version = null;
      leaveOut(
        "dlmalloc, emmalloc, mimalloc",
        "emcc is not installed (Debian and Ubuntu: apt-get install --no-install-recommends emscripten)",
      );
    }
  }
  return version ?? undefined;
}

const leaveOut = (name, reason) => console.error(`\n!!! bench: LEFT OUT: ${name}: ${reason}\n`);

function emptyFile() {
  fs.mkdirSync(outputFolder, { recursive: true });
  const file = path.join(outputFolder, "empty.c");
  fs.writeFileSync(file, "");
  return file;
}

function mimallocSources() {
  const folder = fetchMimalloc(path.join(outputFolder, "mimalloc"));
  return [path.join(folder, "src", "static.c"), `-I${path.join(folder, "include")}`];
}
