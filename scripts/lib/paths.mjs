// Where things are, and the small file helpers that every script shares.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root directory. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** An absolute path from one relative to the root. */
export const at = (...parts) => join(ROOT, ...parts);

/** The script behind a command of an installed package, to be run with this very Node. */
export function bin(packageName, command = packageName) {
  const manifest = readJson(at("node_modules", packageName, "package.json"));
  const file = typeof manifest.bin === "string" ? manifest.bin : manifest.bin[command];
  return at("node_modules", packageName, file);
}

export const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

/** Files below a directory, relative to the root, sorted; empty when it does not exist. */
export function filesUnder(directory, accept = () => true) {
  let entries;
  try {
    entries = readdirSync(at(directory), { recursive: true, withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(ROOT, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join("/"),
    )
    .filter(accept)
    .sort();
}

/** SHA-256 over the names and contents of files and over further strings. */
export function hashOf(files, ...more) {
  const hash = createHash("sha256");
  const add = (part) => hash.update(`${part.length}:`).update(part);
  for (const file of files) {
    add(file);
    add(readFileSync(at(file)));
  }
  for (const text of more) add(text);
  return hash.digest("hex");
}
