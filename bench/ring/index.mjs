// Everything that the ring suite compares, by the name its figures carry.
import { isBuilt } from "../allocators/index.mjs";
import { importSeparately } from "../lib/separate.mjs";
import { verify } from "./verify.mjs";

const CATALOGUE = {
  cistern: { file: "cistern", present: isBuilt },
  floor: { file: "memcpy" },
  "ringbuf.js": { file: "ringbufjs" },
  agrona: { file: "agrona" },
  MessageChannel: { file: "channel", options: { transfers: false }, isPort: true },
  "MessageChannel-transfer": { file: "channel", options: { transfers: true }, isPort: true },
};

export const isThere = (name) => CATALOGUE[name].present?.() ?? true;
export const fileOf = (name) => CATALOGUE[name].file;
export const optionsOf = (name) => CATALOGUE[name]?.options;
// Its messages are JavaScript values, which come and go with the collector.
export const isPort = (name) => CATALOGUE[name].isPort === true;

const verified = new Set();

// A fresh queue whose code is shared with no other. Before the first of each kind a copy of it has to show what it does.
export async function createQueue(name, sizes) {
  const { file, options } = CATALOGUE[name];
  const url = new URL(`./${file}.mjs`, import.meta.url);
  if (!verified.has(file) && file !== "memcpy") verify(name, (await importSeparately(url)).create);
  verified.add(file);
  return (await importSeparately(url)).create({ ...sizes, ...options });
}
