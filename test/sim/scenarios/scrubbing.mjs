// Scrubbing: scenarios of other files once more, in a region that scrubs. Nothing else is asked of them; that free memory is zero is what `check`
// walks at the end of each, and of each that checks in between. What the programs take is filled with marks.

import arena from "./arena.mjs";
import beside from "./beside.mjs";
import charged from "./charged.mjs";
import ghosts from "./ghosts.mjs";
import pairs from "./pairs.mjs";
import rings from "./rings.mjs";
import shared from "./shared.mjs";

const NAMES = [
  "shared/free two blocks of a slab",
  "shared/release two Blocks of a slab",
  "shared/release the same Block twice",
  "shared/release the same Block run twice",
  "pair/free-run+alloc-run",
  "pair/block-free+alloc-run",
  "pair/block-run+alloc-run",
  "pair/realloc-move+alloc-hot",
  "pair/realloc-grow+alloc-run",
  "pair/realloc-shrink+alloc-run",
  "beside/died releasing a Block, before its bit; another takes it, releases it and takes it again",
  "beside/died holding a run; another adopts it and releases it",
  "ghosts/died releasing a run, at write 3; recovered beside who adopts it",
  "arena/close+close",
  "arena/free+trim",
  "arena/died: closing, at write 2 of H_CHARGE",
  "charged/close+close",
];

const all = new Map([arena, beside, charged, ghosts, pairs, rings, shared].flat().map((one) => [one.name, one]));

export default NAMES.map((name) => {
  const found = all.get(name) ?? all.get(name.replace(/^pair\/(.*)\+(.*)$/, "pair/$2+$1"));
  if (found === undefined) throw new Error(`there is no scenario ${name}`);
  // Who frees zeroes first: cut by an exception in between, the block is live and empty.
  return { ...found, name: `scrub/${found.name}`, scrub: true, bounds: { ...found.bounds, exception: -1 } };
});
