// Makes a clone ready to run: installs the packages in the lock file when they are not there, then builds what is out
// of date. Prints to standard error only, and nothing at all when nothing is needed. Uses nothing but Node itself.
//
//   node scripts/setup.mjs [--no-types]
import { pathToFileURL } from "node:url";
import { LOCK, build, isBuilt } from "./build.mjs";
import { withLock } from "./lib/lock.mjs";
import { at, readJson } from "./lib/paths.mjs";
import { runNpm } from "./lib/run.mjs";

/** True when node_modules holds exactly what the lock file asks for; npm leaves its own copy of the lock there. */
function isInstalled() {
  let present;
  try {
    present = readJson(at("node_modules", ".package-lock.json")).packages;
  } catch {
    return false;
  }
  const { packages: wanted } = readJson(at("package-lock.json"));
  return Object.entries(wanted).every(([path, { version, integrity, optional, link }]) => {
    if (path === "" || link) return true;
    const found = present[path];
    return found ? found.version === version && found.integrity === integrity : optional === true;
  });
}

async function install() {
  console.error("installing the development packages (npm ci)");
  const { code } = await runNpm(["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (code !== 0) throw new Error("npm ci failed");
}

/** Installs and builds what is missing. */
export async function setup({ types = true } = {}) {
  if (isInstalled() && isBuilt({ types })) return;
  const sayWaiting = () => console.error("waiting for another set-up to finish");
  await withLock(
    LOCK,
    async () => {
      if (!isInstalled()) await install();
      await build({ types });
    },
    sayWaiting,
  );
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await setup({ types: !process.argv.includes("--no-types") });
  } catch (error) {
    console.error(`set-up failed: ${error.message}`);
    process.exitCode = 1;
  }
}
