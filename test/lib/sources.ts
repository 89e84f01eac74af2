// Reads the repository's sources for the tests that keep its rules: which files there are, what they import, and what
// their code says once comments and strings are out of it.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Source {
  /** Path from the root, with forward slashes. */
  path: string;
  text: string;
  /** The text without comments and with every string emptied; lines stay where they are. */
  code: string;
  /** Module specifiers: a path from the root without its extension for a relative one, the name itself otherwise. */
  imports: string[];
}

/** Strings, templates without nested templates, and comments: what is not code. Regular expressions are left alone. */
const NOT_CODE = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*(["'])([^"'\n]+)\1/g;

const keepLines = (text: string): string => text.replace(/[^\n]/g, "");

function stripComments(text: string): string {
  return text.replace(NOT_CODE, (match) => (match.startsWith("/") ? keepLines(match) : match));
}

function stripAll(text: string): string {
  return text.replace(NOT_CODE, (match) => (match.startsWith("/") ? keepLines(match) : `""${keepLines(match)}`));
}

function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return join(dirname(from), specifier)
    .split(sep)
    .join("/")
    .replace(/\.(d\.ts|ts|js|mjs)$/, "");
}

function importsOf(path: string, text: string): string[] {
  return [...stripComments(text).matchAll(IMPORT)].map(([, , specifier]) => resolve(path, specifier!));
}

export function source(path: string, text: string): Source {
  return { path, text, code: stripAll(text), imports: importsOf(path, text) };
}

/** Every `.ts` and `.mjs` file below a directory; none when it does not exist. */
export function sourcesUnder(directory: string): Source[] {
  let entries;
  try {
    entries = readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort()
    .map((path) => source(path, readFileSync(join(ROOT, path), "utf8")));
}
