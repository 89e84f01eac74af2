// Everything that the cache suite compares; each is made by a copy of its own of what makes it.
import { isBuilt } from "../allocators/index.mjs";
import { importSeparately } from "../lib/separate.mjs";
import { names } from "./subject.mjs";

export const subjectNames = () => names.filter((name) => name !== "cistern" || isBuilt());

export async function createCache(name, plan) {
  const { create } = await importSeparately(new URL("./subject.mjs", import.meta.url));
  return create(name, plan);
}
