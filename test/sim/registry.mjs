// Registry: every scenario of every file under scenarios/, found by listing the folder: a part that wants its own adds a file. README.md beside this
// says what else a part brings.

import { readdirSync } from "node:fs";

const FOLDER = new URL("scenarios/", import.meta.url);

export async function loadScenarios() {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".mjs"));
  const modules = await Promise.all(files.sort().map((file) => import(new URL(file, FOLDER))));
  const scenarios = modules.flatMap((module) => module.default);
  const names = new Set(scenarios.map(({ name }) => name));
  if (names.size !== scenarios.length) throw new Error("two scenarios have one name");
  return scenarios;
}
