// Core: where the simulated binaries are, the names of their functions, and the constants of the layout, read from the very
// files that the core is compiled from, so that nothing here repeats an offset.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../../scripts/lib/paths.mjs";

const CONSTANT = /^export const (\w+) = (-?\d+);$/gm;

/** Every constant of assembly/shared/*.ts by its name. */
function readConstants(directory) {
  const constants = {};
  for (const file of ["layout", "rings", "caches", "limits", "status"]) {
    const text = readFileSync(join(directory, `${file}.ts`), "utf8");
    for (const [, name, value] of text.matchAll(CONSTANT)) constants[name] = Number(value);
  }
  return quick(constants);
}

/** The same object; V8 keeps what is some object's prototype in a form that is fast to read, and of so many keys any other as a hash table. */
function quick(object) {
  function Heir() {}
  Heir.prototype = object;
  const read = (heir) => heir.GRAIN_BYTES;
  for (let i = 0; i < 20; i++) read(new Heir());
  return object;
}

/** The names of the module's functions and globals, in the order of the binary; asc writes both from one module. */
function readNames(text) {
  const names = (kind) => [...text.matchAll(new RegExp(`^ \\(${kind} \\$(\\S+)`, "gm"))].map(([, name]) => name);
  return { functions: names("func"), globals: names("global") };
}

/**
 * The core to simulate. `directory` holds core.wasm, core.wat and core.debug.wasm; the layout is taken from beside them if it
 * is there (a core that was built from other sources than those in assembly/).
 */
export function openCore(directory = at("build")) {
  const own = join(directory, "assembly", "shared");
  const names = readNames(readFileSync(join(directory, "core.wat"), "utf8"));
  return {
    release: readFileSync(join(directory, "core.wasm")),
    debug: readFileSync(join(directory, "core.debug.wasm")),
    names,
    constants: readConstants(existsSync(own) ? own : at("assembly", "shared")),
  };
}
