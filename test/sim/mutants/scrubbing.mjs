// Mutants of regions that scrub: each leaves something of what was given back.

const wipe = "memory/wipe";
const zero = "memory/zero";

export const SCRUBBING_MUTANTS = [
  {
    name: "scrub: a block that is freed keeps its bytes",
    scenarios: ["scrub/shared/free two blocks of a slab"],
    plant: (m) => m.drop("heap/freeScrubbed", zero, 1),
  },
  {
    name: "scrub: a Block that is released keeps its bytes",
    scenarios: ["scrub/shared/release two Blocks of a slab"],
    plant: (m) => m.drop("slab/giveBackBlock", wipe, 1),
  },
  {
    name: "scrub: a Block's run that is released keeps its bytes",
    scenarios: ["scrub/shared/release the same Block run twice"],
    plant: (m) => m.drop("heap/giveBackRun", wipe, 1),
  },
  {
    name: "scrub: what recovery gives back for the dead keeps its bytes",
    scenarios: ["scrub/ghosts/died releasing a run, at write 3; recovered beside who adopts it"],
    plant: (m) => m.drop("settle/giveBack", wipe, 1),
  },
  {
    name: "scrub: what is cut off a run keeps its bytes",
    scenarios: ["scrub/pair/alloc-run+realloc-shrink"],
    plant: (m) => m.drop("resize/resizeRun", wipe, 2),
  },
  {
    name: "scrub: a block that moved leaves its bytes",
    scenarios: ["scrub/pair/alloc-hot+realloc-move"],
    plant(m) {
      const place = m.call("resize/realloc", "heap/freeScrubbed", 1);
      const [, , ...rest] = place.node;
      m.answer(place, "i32", ["call", "$assembly/heap/free", ...rest]);
    },
  },
  {
    name: "scrub: a budget's runs keep their bytes when it is closed",
    scenarios: ["scrub/arena/close+close"],
    plant: (m) => m.drop("arena/closeRun", zero, 1),
  },
  {
    name: "scrub: a budget's slabs keep their bytes when it is closed",
    scenarios: ["scrub/arena/close+close"],
    plant: (m) => m.drop("arena/closeSlab", zero, 1),
  },
];
