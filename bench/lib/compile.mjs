// Compiles the bench's own AssemblyScript (floors, peers) on demand into build/bench and keeps the result until a source changes.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));
export const outputFolder = path.join(root, "build", "bench");

const FLAGS = [
  "-O3",
  "--converge",
  "--noAssert",
  "--use",
  "abort=",
  "--importMemory",
  "--initialMemory",
  "1",
  "--maximumMemory",
  "1024",
];

// → WebAssembly.Module. `source` is a path below bench/, `runtime` asc's runtime.
export function compileAssemblyScript(source, runtime = "stub") {
  const folder = path.join(root, "bench");
  const flags = [...FLAGS, "--runtime", runtime];
  const version = require("assemblyscript/package.json").version;
  const name = path.basename(source, ".ts");
  const bytes = cached(name, [fs.readFileSync(path.join(folder, source)), version, ...flags], (target) => {
    // From inside bench/, so that the library's own asconfig.json does not apply.
    const args = [require.resolve("assemblyscript/bin/asc.js"), source, "--outFile", target, ...flags];
    execFileSync(process.execPath, args, { cwd: folder, stdio: ["ignore", 2, 2] });
  });
  return new WebAssembly.Module(bytes);
}

// The file build/bench/NAME-HASH.wasm; made by `build(target)` when it is not there yet.
export function cached(name, inputs, build) {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(input).update("\0");
  const target = path.join(outputFolder, `${name}-${hash.digest("hex").slice(0, 12)}.wasm`);
  if (!fs.existsSync(target)) {
    fs.mkdirSync(outputFolder, { recursive: true });
    const fresh = `${target}.${process.pid}.wasm`;
    build(fresh);
    fs.renameSync(fresh, target);
  }
  return fs.readFileSync(target);
}
