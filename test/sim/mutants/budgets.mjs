// Mutants of the budgets: the journal, the counters, the claims, what recovery does, the chunks.

const put32 = "memory/put32";
const get32 = "memory/get32";

export const BUDGET_MUTANTS = [
  {
    name: "charge: the journal does not say that it is made",
    canary: "budget",
    scenarios: ["budget deaths/reserve, cut at write 5 of the charge", "budgets/reserve+free", "budgets/reserve+close"],
    plant: (m) => m.drop("budget/charge", put32, 4),
  },
  {
    name: "charge: the journal does not name the list",
    scenarios: [
      "budget deaths/reserve, cut at write 2 of the charge",
      "budget deaths/free, cut at write 2 of the charge",
    ],
    plant: (m) => m.drop("budget/charge", put32, 2),
  },
  {
    name: "charge: made before the journal is written",
    scenarios: [
      "budget deaths/free, cut at write 1 of the charge",
      "budget deaths/reserve, cut at write 1 of the charge",
    ],
    plant: (m) => m.swap(m.call("budget/charge", put32, 1), m.call("budget/charge", put32, 4)),
  },
  {
    name: "latch: what the dead had charged is not done",
    scenarios: [
      "budget deaths/reserve, cut at write 5 of the charge",
      "budget deaths/free, cut at write 5 of the charge",
    ],
    plant: (m) => m.drop("budget/mend", "budget/finishCharge", 1),
  },
  {
    name: "rise: the limits above are not looked at",
    scenarios: ["budgets/reserve+reserve", "budgets/reserve+free"],
    plant: (m) => m.say("budget/rise", get32, 4, 0),
  },
  {
    name: "a second word stays in the journal",
    scenarios: ["budgets/split+split", "budgets/reserve+split", "budgets/reserve+away"],
    plant: (m) => m.drop("budget/finishCharge", put32, 3),
  },
  {
    name: "giving back: the mark is not announced",
    scenarios: ["leaving/free beside reserve", "leaving/free beside refused"],
    plant: (m) => m.drop("reservation/leave", "atomic/store32", 1),
  },
  {
    name: "open: the minimum is not charged",
    scenarios: ["budgets/open+open", "budgets/reserve+open"],
    plant: (m) => m.say("nodes/open", "leaving/hasRoom", 1, 1),
  },
  {
    name: "close: what is reserved stays",
    scenarios: ["budgets/close+close", "budgets/reserve+close"],
    plant: (m) => m.say("nodes/finishClose", "reservation/releaseReservationsIn", 1, 0),
  },
  {
    name: "recover: the reservations of the dead stay",
    scenarios: ["budget deaths/with reservations, recovered beside who wants their room"],
    plant: (m) => m.say("recover/releaseCharges", "reservation/releaseReservations", 1, 0),
  },
  {
    name: "recover: the latch stays the dead one's",
    scenarios: [
      "budget deaths/one that never made a claim, in setLimit",
      "budget deaths/lower, cut at write 1 under the latch",
    ],
    plant: (m) => m.say("recover/giveBackHoldings", "atomic/load32", 1, 0),
  },
  {
    name: "latch: load and store",
    scenarios: ["budgets/reserve+reserve"],
    plant: (m) => m.casSplit("reservation/reserve", 32, 1),
  },
  {
    name: "adopt: the claim is stored, whatever it is",
    scenarios: ["leaving/one reservation: free and pass", "leaving/pass in a budget that is closed"],
    plant: (m) => m.casAlwaysWins("reservation/reservationPass", 64, 1),
  },
];
