// Mutants of Blocks that change hands, of recoveries beside each other, and of closing.

const TAKEN_BY_TWO = ["moving/adopted by two at once, a Block", "moving/adopted by two at once, a run"];
const MARKED = "ghosts/the mark of one who died in a recovery, on a free Block";
const TAKEN_ANEW = "beside/died taking a Block, before its bit; another takes it, releases it and takes it again";
const COUNTED = "beside/died freeing a block, at write 1; another takes the place and frees it";
const settle = "recover/giveBackHoldings";

export const MOVE_MUTANTS = [
  {
    name: "move a Block: the swap always wins",
    scenarios: TAKEN_BY_TWO,
    plant: (m) => m.casAlwaysWins("record/pass", 64, 1),
  },
  {
    name: "move a Block: load and store",
    scenarios: TAKEN_BY_TWO,
    plant: (m) => m.casSplit("record/pass", 64, 1),
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
    scenarios: ["ghosts/a Block slab was closed by one who died, and it stands while a release names it"],
    plant: (m) => m.say("pages/isHeld", "counters/isNamed", 1, 0),
  },
  {
    name: "settle: what another dead owner names is not looked at",
    scenarios: ["ghosts/two died in one Block of 9000 bytes, releasing it at write 2, releasing it at write 4"],
    plant: (m) => m.say("settle/finishRelease", "settle/isNamedByDead", 1, 0),
  },
  {
    name: "settle: the mark of a dead recoverer stays",
    scenarios: [MARKED],
    plant: (m) => m.say("settle/whoseHalf", "atomic/cas64", 2, 0),
  },
  {
    name: "settle: the mark is put there by a load and a store",
    scenarios: [TAKEN_ANEW],
    plant: (m) => m.casSplit("settle/whoseHalf", 64, 1),
  },
  {
    name: "settle: the swap that puts the mark there always wins",
    scenarios: [TAKEN_ANEW],
    plant: (m) => m.casAlwaysWins("settle/whoseHalf", 64, 1),
  },
  {
    name: "settle: the mark is taken back by a load and a store",
    scenarios: [TAKEN_ANEW],
    plant: (m) => m.casSplit("settle/whoseHalf", 64, 2),
  },
  {
    name: "settle: the swap that takes the mark back always wins",
    scenarios: [TAKEN_ANEW],
    plant: (m) => m.casAlwaysWins("settle/whoseHalf", 64, 2),
  },
  {
    name: "settle: the journals are looked at only before the bit",
    scenarios: [TAKEN_ANEW],
    plant: (m) => m.say("settle/whoseHalf", "settle/isNamedByLiving", 3, 0),
  },
  {
    name: "settle: the journals are looked at only after the bit",
    scenarios: [TAKEN_ANEW],
    plant: (m) => m.say("settle/whoseHalf", "settle/isNamedByLiving", 2, 0),
  },
  {
    name: "settle: whether the mark still stands is not looked at",
    scenarios: [MARKED],
    plant: (m) => m.answer(m.call("settle/whoseHalf", "atomic/load64", 3), "i64", ["local.get", "$mark"]),
  },
  {
    name: "settle: what goes back is free before the mark is cleared",
    scenarios: ["beside/died taking a Block, before its record; another takes it, releases it and takes it again"],
    plant(m) {
      const clear = m.call("settle/giveBack", "atomic/store64", 1);
      const free = m.call("settle/giveBack", "atomic/or64", 1);
      m.before(clear, ["drop", free.node]);
    },
  },
  {
    name: "settle: a release that was won is not counted",
    scenarios: ["beside/died releasing a Block, before its count; another takes it, releases it and takes it again"],
    plant: (m) => m.answer(m.call("settle/settleGiving", "memory/get32", 1), "i32", ["i32.const", "0"]),
  },
  {
    name: "settle: what may be missing of a raw block is not kept in mind",
    scenarios: ["beside/died freeing a block, at write 2; another takes the place and frees it"],
    plant: (m) => m.drop("settle/leaveUndecided", "atomic/store32", 1),
  },
  {
    name: "check: who began to work meanwhile is not seen",
    scenarios: [COUNTED],
    plant: (m) => m.say("check/check", "check/nobodyIsBusy", 2, 1),
  },
  {
    name: "check: what was done meanwhile is not seen",
    scenarios: [COUNTED],
    plant: (m) => m.answer(m.call("check/check", "counters/activity", 2), "i64", ["local.get", "$before"]),
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
