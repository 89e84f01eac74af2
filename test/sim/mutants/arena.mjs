// Mutants of raw blocks of budgets: whose slab it is, closing, and what is empty.

export const ARENA_MUTANTS = [
  {
    name: "take a budget's block: whose slab it is is not looked at",
    canary: "arena",
    scenarios: ["arena/hints lead to another's slab, beside take"],
    plant(m) {
      const place = m.call("arena/takeAt", "atomic/load32", 1);
      m.answer(place, "i32", ["call", "$assembly/charged/refTo", ["local.get", "$node"]]);
    },
  },
  {
    name: "take a budget's block: whether it is open is not looked at after the swap",
    scenarios: ["arena/take+close the other's", "arena/take of the other's+close"],
    plant: (m) => m.answer(m.call("arena/takeAt", "atomic/load32", 2), "i32", ["local.get", "$state"]),
  },
  {
    name: "take a budget's block: load and store",
    scenarios: ["arena/take+take of the other's", "arena/take of the other's+take of the other's"],
    plant: (m) => m.casSplit("arena/allocUnsafeIn", 64, 1),
  },
  {
    name: "take a budget's block where a hint leads: load and store",
    scenarios: ["arena/a hint leads both to one slab"],
    plant: (m) => m.casSplit("arena/takeAt", 64, 1),
  },
  {
    name: "put a bit back: nobody says that the slab may be empty",
    scenarios: ["arena/a bit that was taken in another's slab goes back, and leaves that empty"],
    plant: (m) => m.drop("arena/noteBack", "arena/noteSpare", 1),
  },
  {
    name: "close: those who are taking in a slab are not waited for",
    scenarios: [
      "arena/hints lead to another's slab, beside close",
      "arena/take+close the other's",
      "arena/take of the other's+close",
    ],
    plant: (m) => m.say("arena/closeSlab", "arena/isBeingTaken", 1, 0),
  },
  {
    name: "close: the bytes of what was taken are not counted as freed",
    scenarios: ["arena/close+close", "arena/take+close"],
    plant: (m) => m.drop("arena/closeSlab", "counters/endFree", 1),
  },
  {
    name: "close: runs stay",
    scenarios: ["arena/close+close", "arena/take+close"],
    plant: (m) => m.drop("arena/releaseRawIn", "arena/closeRun", 1),
  },
  {
    name: "trim: a budget's slab in which somebody is taking is given back",
    scenarios: ["arena/a bit goes back into a slab whose budget is being closed, and that somebody wants to give back"],
    plant: (m) => m.say("trim/closeIfEmpty", "counters/isTakenFrom", 1, 0),
  },
  {
    name: "give a slab back: it stays charged",
    scenarios: ["arena/free+close", "arena/close+close", "arena/free+trim"],
    plant: (m) => m.say("trim/dissolve", "charged/unchargeGrains", 1, 1),
  },
  {
    name: "give a slab back: taken off after it is free",
    scenarios: ["arena/died: closing, at write 3 of H_CHARGE", "arena/close+close", "arena/free+trim"],
    plant(m) {
      const { node } = m.call("trim/dissolve", "charged/unchargeGrains", 1);
      const back = m.call("trim/dissolve", "pages/giveBack", 1);
      m.replace(back, back.node, ["drop", node]);
      m.say("trim/dissolve", "charged/unchargeGrains", 1, 1);
    },
  },
  {
    name: "give a run back: the latch was not to be had, and it goes all the same",
    scenarios: ["arena/nobody has time: free a run+reserve two grains", "arena/nobody has time: free a run+grow"],
    plant: (m) => m.say("trim/giveBackFreed", "charged/unchargeGrains", 1, 1),
  },
  {
    name: "free: what stays charged for the latch was held is told to nobody who lets it go",
    scenarios: [
      "arena/nobody has time: one waits for what another frees, a run",
      "arena/nobody has time: one waits for what another frees, a slab's last block",
    ],
    plant: (m) => m.drop("trim/mergeDeferred", "atomic/or32", 1),
  },
  {
    name: "latch: who lets it go leaves charged what others freed",
    scenarios: [
      "arena/nobody has time: one waits for what another frees, a run",
      "arena/nobody has time: one waits for what another frees, a slab's last block",
    ],
    plant: (m) => m.drop("leaving/sweepLeaving", "trim/mergeDeferred", 1),
  },
  {
    name: "free a run: nobody says so before an exception may cut it",
    scenarios: ["arena/nobody has time: free a run+take two grains"],
    plant: (m) => m.drop("heap/giveBackRun", "atomic/store32", 1),
  },
  {
    name: "free: nobody says that the slab is empty",
    scenarios: ["arena/free+reserve two grains", "arena/take two grains+free"],
    plant(m) {
      m.drop("arena/freeIn", "arena/noteSpare", 1);
      m.drop("arena/noteGivenBack", "arena/noteSpare", 1);
    },
  },
  {
    name: "refuse a reservation: what is empty is not given back first",
    scenarios: ["arena/free+reserve two grains"],
    plant: (m) => m.say("reservation/reserveAgain", "arena/mayTryAgain", 1, 0),
  },
  {
    name: "refuse a block: what is empty is not given back first",
    scenarios: ["arena/take two grains+free"],
    plant: (m) => m.say("arena/takeUnderLock", "trim/trim", 1, 0),
  },
  {
    name: "free: who waits is not looked at after the slab is empty",
    scenarios: ["arena/one waits for what another frees, a slab's last block"],
    plant(m) {
      m.say("arena/freeIn", "arena/hasWaiting", 1, 0);
      m.say("arena/noteGivenBack", "arena/hasWaiting", 1, 0);
    },
  },
  {
    name: "wait: what is empty is not given back then",
    scenarios: ["arena/one waits for what another frees, a slab's last block"],
    plant: (m) => m.say("reservation/reserveOrWait", "arena/giveSpareBack", 1, 0),
  },
  {
    name: "lock: taken from the dead, and what it had charged is not done before the rebuild",
    scenarios: [
      "arena/died: a new slab, at write 2 of H_CHARGE",
      "arena/died: a new run, at write 2 of H_CHARGE",
      "arena/died: what is empty is given back, at write 2 of H_CHARGE",
    ],
    plant: (m) => m.say("lock/mend", "atomic/load32", 1, 0),
  },
  {
    name: "rebuild: a budget's slab that nobody opened is free, and charged still",
    scenarios: ["arena/died: a new slab, at write 10 of H_CHARGE", "arena/died: a new slab, at write 12 of H_CHARGE"],
    plant: (m) => m.say("pages/isHeld", "pages/isCharged", 2, 0),
  },
  {
    name: "rebuild: a run that was charged and never handed out is kept",
    scenarios: [
      "arena/died: a new run, at write 5 of H_CHARGE",
      "arena/died: a new run, at write 8 of H_CHARGE",
      "arena/take a run+take a run",
    ],
    plant: (m) => m.answer(m.call("pages/isHeld", "memory/get32", 2), "i32", ["i32.const", "0"]),
  },
  {
    name: "rebuild: a freed run of a budget is free, and charged still",
    scenarios: [
      "arena/died: a run is freed, at write 4",
      "arena/died: a run is freed, at write 5",
      "arena/died: a run is freed, at write 6",
    ],
    plant: (m) => m.say("pages/isHeld", "pages/isFreedOfBudget", 2, 0),
  },
  {
    name: "recover: what the dead may have left empty is not looked for",
    scenarios: [
      "arena/who left a slab empty died at write 3, and its bytes are wanted",
      "arena/who left a slab empty died at write 4, and its bytes are wanted",
    ],
    plant: (m) => m.drop("recover/giveBackHoldings", "atomic/store32", 1),
  },
];
