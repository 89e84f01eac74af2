// The library as it is published, in one file: imported with a query, the file is a copy of its own, but what its parts share with other entry
// points lies in chunks, which a query does not reach, so that all rows would share one copy of those.
import { build } from "esbuild";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const published = fileURLToPath(new URL("../../dist/node/index.js", import.meta.url));
const whole = fileURLToPath(new URL("../../build/bench/library.mjs", import.meta.url));

const isCurrent = () => fs.existsSync(whole) && fs.statSync(whole).mtimeMs >= fs.statSync(published).mtimeMs;

async function join() {
  if (isCurrent()) return;
  const fresh = `${whole}.${process.pid}.mjs`;
  fs.mkdirSync(path.dirname(whole), { recursive: true });
  await build({ entryPoints: [published], outfile: fresh, bundle: true, format: "esm", platform: "node" });
  fs.renameSync(fresh, whole);
}

// → the module, as the copy that `importer` is.
export async function libraryFor(importer) {
  await join();
  return import(new URL("../../build/bench/library.mjs", import.meta.url).href + new URL(importer).search);
}
