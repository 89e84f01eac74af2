// Bundle: what a worker needs to simulate: the instrumented core, the plain one, the list of sites. Instrumenting takes seconds, so the
// result is kept under build/sim by a hash of everything it is made from.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { at, filesUnder, hashOf } from "../../scripts/lib/paths.mjs";
import { openCore } from "./core.mjs";

const OWN = /^test\/sim\/(instrument|sexpr|map|mutants\/\w+)\.mjs$/;

function keyOf(...parts) {
  const hash = createHash("sha256").update(hashOf(filesUnder("test/sim", (file) => OWN.test(file))));
  for (const part of parts) hash.update(part);
  return hash.digest("hex").slice(0, 24);
}

/** Reads the file of this key, or makes it. */
async function cached(key, make) {
  const file = at("build", "sim", key);
  if (!existsSync(file)) {
    mkdirSync(at("build", "sim"), { recursive: true });
    const made = await make();
    writeFileSync(`${file}.${process.pid}`, made);
    renameSync(`${file}.${process.pid}`, file);
  }
  return readFileSync(file);
}

/** An instrumented module and its sites in one file: a length, JSON, the module's bytes. */
function pack({ bytes, sites }) {
  const json = Buffer.from(JSON.stringify(sites));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, bytes]);
}

function unpack(buffer) {
  const length = buffer.readUInt32LE(0);
  const sites = JSON.parse(buffer.subarray(4, 4 + length).toString());
  return { module: new WebAssembly.Module(buffer.subarray(4 + length)), sites };
}

/** binaryen is loaded only if something must be made. */
const instrumenting = () => import("./instrument.mjs");

/** The shipped core, ready to be scheduled. */
export async function releaseBundle(directory) {
  const core = openCore(directory);
  const hooked = await cached(`${keyOf("release", core.release, core.names.functions.join())}.hooked`, async () =>
    pack((await instrumenting()).instrument(core.release, core.names.functions)),
  );
  const plain = await cached(`${keyOf("plain", core.release)}.plain`, async () =>
    (await instrumenting()).plain(core.release),
  );
  return { ...unpack(hooked), plain: new WebAssembly.Module(plain), constants: core.constants };
}

/** The core with every mutant in it, each behind a global that says which one is switched on: built from the named debug build. */
export async function mutantBundle(directory) {
  const core = openCore(directory);
  const hooked = await cached(`${keyOf("mutants", core.debug)}.hooked`, async () => {
    const [{ instrument }, { plantAll }] = await Promise.all([instrumenting(), import("./mutants/plant.mjs")]);
    return pack(instrument(core.debug, undefined, plantAll));
  });
  const plain = await cached(`${keyOf("plain", core.debug)}.plain`, async () =>
    (await instrumenting()).plain(core.debug),
  );
  return { ...unpack(hooked), plain: new WebAssembly.Module(plain), constants: core.constants };
}
