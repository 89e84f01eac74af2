// The gate on the core's binaries. Every thread instantiates the module over one memory that is already in use, so
// instantiating must change nothing: no data, start, table or element section, one import (the shared memory), and
// only functions and constants exported. Active segments would be written again by every new thread.
//
//   node scripts/check-wasm.mjs build/core.wasm ...
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const REFUSED_SECTIONS = new Map([
  [4, "table section"],
  [8, "start section"],
  [9, "element section"],
  [11, "data section"],
]);

/** The ids of the sections in a binary. */
function sectionIds(bytes) {
  const ids = new Set();
  let at = 8;
  const leb128 = () => {
    let value = 0;
    for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) {
      byte = bytes[at++];
      value |= (byte & 0x7f) << shift;
    }
    return value >>> 0;
  };
  while (at < bytes.length) {
    ids.add(bytes[at++]);
    const size = leb128();
    at += size;
  }
  return ids;
}

/** True when an exported global can be assigned to. */
function isMutable(global) {
  try {
    const { value } = global;
    global.value = value;
    return true;
  } catch {
    return false;
  }
}

/** Everything that is wrong with one binary; empty when it may ship. */
export function problemsOf(bytes) {
  const problems = [];
  const sections = sectionIds(bytes);
  for (const [id, name] of REFUSED_SECTIONS) if (sections.has(id)) problems.push(name);

  const module = new WebAssembly.Module(bytes);
  const imports = WebAssembly.Module.imports(module);
  const memoryOnly = imports.length === 1 && imports[0].module === "env" && imports[0].name === "memory";
  if (!memoryOnly) problems.push(`imports other than env.memory: ${JSON.stringify(imports)}`);
  for (const { name, kind } of imports) {
    if (kind === "global")
      problems.push(`${name} is an import: declare it in assembly/build.d.ts, not in a source file`);
  }

  for (const { name, kind } of WebAssembly.Module.exports(module)) {
    if (kind !== "function" && kind !== "global") problems.push(`export ${name} is a ${kind}`);
  }
  if (problems.length > 0) return problems;

  // The smallest shared memory must do, and must still be all zero after the module is linked to it.
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  for (const [name, value] of Object.entries(exports)) {
    if (value instanceof WebAssembly.Global && isMutable(value)) problems.push(`global ${name} is mutable`);
  }
  if (new Uint8Array(memory.buffer).some((byte) => byte !== 0)) problems.push("instantiating writes to memory");
  return problems;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const files = process.argv.slice(2);
  if (files.length === 0) throw new Error("usage: node scripts/check-wasm.mjs FILE.wasm ...");
  for (const file of files) {
    const bytes = readFileSync(file);
    const problems = problemsOf(bytes);
    for (const problem of problems) console.error(`${file}: ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
    else console.log(`${file}: ok, ${bytes.length} bytes`);
  }
}
