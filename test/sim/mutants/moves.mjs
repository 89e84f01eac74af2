// Mutants of Blocks that change hands, of recoveries beside each other, and of closing.

const TAKEN_BY_TWO = ["moving/adopted by two at once, a Block", "moving/adopted by two at once, a run"];
const settle = "recover/giveBackHoldings";

export const MOVE_MUTANTS = [
  {
    name: "move a Block: the swap always wins",
    scenarios: TAKEN_BY_TWO,
    plant: (m) => m.casAlwaysWins("record/blockMove", 64, 1),
  },
  {
    name: "move a Block: load and store",
    scenarios: TAKEN_BY_TWO,
    plant: (m) => m.casSplit("record/blockMove", 64, 1),
  },
  {
    name: "move a Block: no journal keeps its slab",
    scenarios: ["moving/an adopter whose handle is stale, and the slab is given back"],
    plant: (m) => m.drop("record/pin", "atomic/store32", 1),
  },
  {
    name: "share a Block: it stays its holder's",
    scenarios: ["moving/shared by one who leaves, or dies, then, a Block"],
    plant: (m) => m.drop("record/blockMove", "memory/put64", 1),
  },
  {
    name: "rebuild: a Block slab that the dead closed stays closed",
    scenarios: ["ghosts/a Block slab was closed by one who died, and a release names it"],
    plant: (m) => m.say("pages/isHeld", "counters/isNamed", 1, 0),
  },
  {
    name: "settle: what another dead owner names is not looked at",
    scenarios: ["ghosts/two died in one Block of 9000 bytes, releasing it at write 2, releasing it at write 5"],
    plant: (m) => m.say("settle/finishRelease", "settle/isNamedByDead", 1, 0),
  },
  {
    name: "settle: the mark of a dead recoverer stays",
    scenarios: ["ghosts/the mark of one who died in a recovery, on a free Block"],
    plant: (m) => m.say("settle/whoseHalf", "atomic/cas64", 2, 0),
  },
  {
    name: "recover: whether the owner is still dead is not looked at under the lock",
    scenarios: ["joining/attach while a slot is recovered twice"],
    plant: (m) => m.say(settle, "owners/isDead", 2, 1),
  },
  {
    name: "close: the last swap always wins",
    scenarios: ["joining/attach beside close"],
    plant: (m) => m.casAlwaysWins("region/closeRegion", 32, 2),
  },
  {
    name: "attach: a closing that is not done is not taken back",
    scenarios: ["joining/attach to a region whose creator died closing it"],
    plant: (m) => m.say("region/isClosed", "atomic/cas32", 1, 0),
  },
];
