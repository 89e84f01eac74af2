// Mutants of blocks, slabs and hints.

export const SLAB_MUTANTS = [
  {
    name: "take a hot block: the swap always wins",
    canary: "slab",
    scenarios: ["shared/free into the slab another allocates from"],
    plant: (m) => m.casAlwaysWins("heap/takeHot", 64, 1),
  },
  {
    name: "take a hot block: load and store",
    scenarios: ["shared/free into the slab another allocates from"],
    plant: (m) => m.casSplit("heap/takeHot", 64, 1),
  },
  {
    name: "take a hinted block: load and store",
    scenarios: ["full/two want the last block"],
    plant: (m) => m.casSplit("slab/take", 64, 1),
  },
  {
    name: "take a hinted block: the swap always wins",
    scenarios: ["full/two want the last block"],
    plant: (m) => m.casAlwaysWins("slab/take", 64, 1),
  },
  {
    name: "free: load and store",
    scenarios: ["shared/free two blocks of a slab", "shared/free into the slab another allocates from"],
    plant: (m) => m.casSplit("heap/free", 64, 2),
  },
  {
    name: "free at the edge: load and store",
    scenarios: ["shared/free the last block twice", "shared/free two blocks of a slab"],
    plant: (m) => m.casSplit("slab/giveBackAtEdge", 64, 1),
  },
  {
    name: "free: the slab that was full is not hinted at",
    scenarios: [
      "pair/free-edge+free-edge",
      "full/an allocation beside the free that makes room",
      "full/two want the last block",
    ],
    plant: (m) => m.drop("heap/free", "hint/hintSet", 1),
  },
  {
    name: "free at the edge: the empty slab is not hinted at",
    scenarios: ["shared/free the last block of a slab that nobody works on"],
    plant: (m) => m.drop("slab/giveBackAtEdge", "hint/hintSet", 2),
  },
  {
    name: "free: no journal before the swap",
    scenarios: ["pair/alloc-run+free-edge", "shared/free two blocks of a slab", "pair/free-edge+check"],
    plant: (m) => m.drop("heap/free", "memory/put32", 3),
  },
  {
    name: "take: no journal before the swap",
    isSlow: true,
    scenarios: ["full/two want the last block"],
    plant: (m) => m.drop("slab/take", "counters/beginAlloc", 1),
  },
  {
    name: "take: the bytes are not counted",
    scenarios: ["pair/alloc-hinted+alloc-hinted"],
    plant: (m) => m.drop("slab/take", "counters/endAlloc", 1),
  },
  {
    name: "close an empty slab: the swap always wins",
    scenarios: ["full/a run needs the slab another leaves empty", "pair/alloc-run+free-foreign"],
    plant: (m) => m.casAlwaysWins("trim/closeIfEmpty", 64, 1),
  },
  {
    name: "close an empty slab: nobody's records are looked at",
    scenarios: [
      "moving/an adopter whose handle is stale, and the slab is given back",
      "ghosts/a Block slab was closed by one who died, and it stands while a release names it",
      "shared/close an empty Block slab beside a stale release",
      "charged/died giving a Block back, and its place is taken before anybody has the latch",
    ],
    plant: (m) => m.say("trim/closeIfEmpty", "counters/isNamed", 1, 0),
  },
  {
    name: "clear a hint: no second look",
    isSlow: true,
    scenarios: ["shared/free into a full slab while its owner looks for room"],
    plant: (m) => m.say("hint/clearUnlessFound", "hint/slabInUnit", 1, 0),
  },
  {
    name: "clear a hint: no mark",
    scenarios: ["shared/free into a full slab while its owner looks for room"],
    plant: (m) => m.drop("hint/clearUnlessFound", "counters/beginMark", 1),
  },
  {
    name: "release a Block: the swap always wins",
    canary: "records",
    scenarios: ["shared/release the same Block twice"],
    plant: (m) => m.casAlwaysWins("slab/winRelease", 64, 1),
  },
  {
    name: "release a Block: the journal does not say that it was won",
    scenarios: ["pair/block-free+block-free", "shared/release the same Block twice"],
    plant: (m) => m.drop("slab/winRelease", "counters/beginFree", 1),
  },
  {
    name: "release a Block: load and store of the slab's word",
    scenarios: ["shared/release two Blocks of a slab"],
    plant: (m) => m.orSplit("slab/giveBackBlock", 64, 1),
  },
  {
    name: "release a Block: the slab that was full is not hinted at",
    scenarios: ["full/a Block beside the release that makes room"],
    plant: (m) => m.drop("slab/giveBackBlock", "hint/hintSet", 1),
  },
  {
    name: "release a Block: the empty slab is not hinted at",
    scenarios: ["shared/release the last Block of a slab that nobody works on"],
    plant: (m) => m.drop("slab/giveBackBlock", "hint/hintSet", 2),
  },
  {
    name: "realloc: the bytes are not copied",
    scenarios: ["pair/realloc-move+check"],
    plant: (m) => m.drop("resize/realloc", "memory/copy", 1),
  },
  {
    name: "alloc: large blocks are not zeroed",
    scenarios: ["shared/alloc gives zeroes"],
    plant: (m) => m.drop("heap/zeroTaken", "memory/zero", 1),
  },
  {
    name: "a slab that was full is not put on the own stack",
    equivalent: "the stack is a hint: the slab is found by its hint bit, later",
    scenarios: ["pair/alloc-slow+free-edge"],
    plant: (m) => m.drop("heap/free", "slab/pushHint", 1),
  },
  {
    name: "a new slab does not say whose home it lies in",
    equivalent: "homes only say whose slabs to prefer: which block is taken changes, not whether it may be",
    scenarios: ["pair/alloc-slow+alloc-slow"],
    plant: (m) => m.drop("slab/carveSlab", "hint/setHome", 1),
  },
  {
    name: "an idle slab in use again is still counted as idle",
    equivalent: "S_IDLE only says when to give empty slabs back: they go back sooner",
    scenarios: ["pair/alloc-hinted+alloc-hinted"],
    plant: (m) => m.drop("slab/takeAsCurrent", "slab/noteReuse", 1),
  },
];
