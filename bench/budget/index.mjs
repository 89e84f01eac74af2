// Everything that the budget suite compares, by the name its figures carry.
import { isBuilt } from "../allocators/index.mjs";
import { importSeparately } from "../lib/separate.mjs";
import { verify } from "./verify.mjs";

const CATALOGUE = {
  cistern: { file: "cistern", present: isBuilt },
  floor: { file: "empty" },
  "atomics-lock": { file: "atomics-lock" },
  "atomics-cas": { file: "atomics-cas" },
  "atomics-cas-no-records": { file: "no-records", isBound: true },
  "plain-js": { file: "plain-js", isBound: true },
  empty: { file: "empty", isBound: true },
};

export const treeNames = () => Object.keys(CATALOGUE).filter((name) => CATALOGUE[name].present?.() ?? true);
export const isBound = (name) => CATALOGUE[name].isBound === true;
export const fileOf = (name) => CATALOGUE[name].file;

const verified = new Set();

// A fresh tree whose code is shared with no other. The first of each name is preceded by one that has to show that it counts right.
export async function createTree(name) {
  const { file } = CATALOGUE[name];
  if (!verified.has(file) && file !== "empty") await verify(name, await open(file));
  verified.add(file);
  return open(file);
}

async function open(file) {
  const { create } = await importSeparately(new URL(`./${file}.mjs`, import.meta.url));
  return create();
}
