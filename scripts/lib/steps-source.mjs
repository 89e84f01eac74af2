// Steps that read the sources: types, lint, format, unused code.
import { bin } from "./paths.mjs";
import { verdict } from "./report.mjs";
import { runNode } from "./run.mjs";

const tool = async (name, command, ...args) => verdict(await runNode([bin(name, command), ...args], { quiet: true }));

export const sourceSteps = {
  types: () => tool("typescript", "tsc", "-p", "tsconfig.json"),
  "types-core": () => tool("typescript", "tsc", "-p", "assembly/tsconfig.json"),
  lint: () => tool("oxlint", "oxlint", "--deny-warnings"),
  format: () => tool("oxfmt", "oxfmt", "--check"),
};

export const tidySteps = {
  knip: () => tool("knip", "knip", "--no-progress", "--no-config-hints"),
};
