// Mutants of charged Blocks: their charge, the step LEAVING, and who finishes what.

export const CHARGED_MUTANTS = [
  {
    name: "free a charged Block: it is not taken off",
    canary: "charged",
    scenarios: ["charged/free+free", "charged/free+reserve"],
    plant: (m) => m.drop("charged/uncharge", "budget/fall", 1),
  },
  {
    name: "take a charged Block: the limit is not looked at",
    scenarios: ["charged/take+take", "charged/take+reserve"],
    plant: (m) => m.say("charged/allocCharged", "leaving/findRoom", 1, 0),
  },
  {
    name: "take a charged Block: whether its budget is open is not looked at",
    scenarios: ["charged/take+close the other's", "charged/take+close"],
    plant: (m) => m.answer(m.call("charged/allocCharged", "memory/get32", 1), "i32", ["local.get", "$state"]),
  },
  {
    name: "take a charged Block: what is refused stays taken",
    scenarios: ["charged/take+take", "charged/take+take a run"],
    plant: (m) => m.say("charged/allocCharged", "record/release", 1, 1),
  },
  {
    name: "a charge is put on a second time: the mark LEAVING is not there",
    scenarios: ["charged/two give one Block back", "charged/two give one Block back, and nobody has time"],
    plant: (m) => m.casAlwaysWins("charged/uncharge", 64, 1),
  },
  {
    name: "give a Block back without the latch: nobody is told",
    scenarios: ["charged/left to others, beside take", "charged/left to others, beside reserve"],
    plant: (m) => m.drop("charged/leave", "atomic/or32", 1),
  },
  {
    name: "sweep: the Blocks are taken off, their memory stays",
    scenarios: ["charged/left to others, beside take", "charged/left to others, beside reserve"],
    plant: (m) => m.drop("leaving/sweepLeaving", "charged/freeLeft", 1),
  },
  {
    name: "refuse: Blocks that were given back are not taken off first",
    scenarios: ["charged/left to others, and wanted at once"],
    plant: (m) => m.drop("leaving/takeOutLeaving", "charged/unchargeLeft", 1),
  },
  {
    name: "recover: what was left half given back is not finished",
    scenarios: [
      "charged/died: giving a Block back, at write 6",
      "charged/died: giving a Block back, at write 4 of H_BUDGET_LOCK",
      "charged/died: giving a Block back, at write 8 of H_BUDGET_LOCK",
    ],
    plant: (m) => m.say("charged/isWanted", "claim/isLeaving", 1, 0),
  },
  {
    name: "recover: the journal is finished after a look at what is charged",
    scenarios: ["charged/died: taking a Block, at write 1 of H_CHARGE"],
    plant: (m) => m.say("recover/giveBackHoldings", "atomic/load32", 1, 0),
  },
  {
    name: "a Block that is off the counters is given back, whoever has the latch",
    scenarios: ["charged/died giving a Block back, and its place is taken before anybody has the latch"],
    plant: (m) => m.say("record/release", "atomic/load32", 2, 0),
  },
  {
    name: "close: a Block that changed hands is not looked at again",
    scenarios: ["charged/share+close the other's"],
    plant: (m) => m.answer(m.call("charged/visit", "atomic/load64", 2), "i64", ["local.get", "$claim"]),
  },
  {
    name: "free a charged Block: who was slower with the memory is told that it was not his",
    scenarios: ["charged/left to others, beside close"],
    plant: (m) => m.say("charged/releaseCharged", "claim/isLeaving", 1, 1),
  },
  {
    name: "become smaller: the new place is not charged",
    scenarios: ["charged/one becomes smaller, another wants the room"],
    plant: (m) => m.drop("charged/chargeInstead", "budget/charge", 1),
  },
  {
    name: "become smaller: the old place stays charged",
    scenarios: ["charged/one becomes smaller, another wants the room"],
    plant(m) {
      const place = m.call("charged/chargeInstead", "budget/charge", 1);
      const [call, name, node, at, value] = place.node;
      m.replace(place, [call, name, node, at, value, ["i32.const", "0"], ["i32.const", "0"]]);
    },
  },
  {
    name: "become smaller: who waits is not served",
    scenarios: ["charged/one becomes smaller, another waits for the room"],
    plant: (m) => m.drop("charged/chargeInstead", "leaving/giveOn", 1),
  },
  {
    name: "close: the charged Blocks stay",
    scenarios: ["charged/close+close", "charged/take+close"],
    plant: (m) => m.drop("nodes/finishClose", "charged/releaseBlocksIn", 1),
  },
];
