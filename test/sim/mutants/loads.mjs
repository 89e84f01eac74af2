// Mutants of loads: who takes a claim, what overtakes it, the second look of who puts a load's value in, how a claim ends, and what recovery does with claims and ears.

const loads = (pair) => `cache loads/${pair}`;
const SETS = loads("fetch + set, and find, empty");
const DELETES = loads("fetch + delete, and find, empty");
const FETCHES = loads("fetch + fetch, empty");
const DIES = loads("one dies: fetch + fetch");
const IMPATIENT = loads("fetch + delete, and find, without patience");
const IMPATIENT_DIES = loads("one dies, nobody recovers, without patience: fetch + delete, and find");
const HEARD = loads("who heard died, and is recovered");

export const LOAD_MUTANTS = [
  {
    name: "loads: a set overtakes nothing",
    canary: "loads",
    scenarios: [SETS],
    plant: (m) => m.drop("cacheloads/noteLoad", "cacheloads/overtake", 1),
  },
  {
    name: "loads: a delete overtakes nothing",
    scenarios: [DELETES],
    plant: (m) => m.drop("cache/cacheDelete", "cache/overtakeDeleted", 1),
  },
  {
    name: "loads: who clears overtakes nothing",
    scenarios: [loads("fetch + clear, and find, empty")],
    plant: (m) => m.drop("cache/cacheClear", "cacheloads/overtakeAll", 1),
  },
  {
    name: "loads: a delete marks beside who puts in",
    scenarios: [DELETES, loads("fetch twice + delete, and find, empty")],
    plant: (m) => m.say("cache/overtakeDeleted", "cachelatch/lockCache", 1, 2),
  },
  {
    name: "loads: a long value that was overtaken is put in",
    scenarios: [loads("fetch a long one + delete, and find, empty"), loads("fetch a long one + set, and find, empty")],
    plant: (m) => m.say("cache/commit", "cacheloads/isOutdated", 1, 0),
  },
  {
    name: "loads: who puts in does not look again",
    scenarios: [IMPATIENT],
    plant: (m) => m.drop("cache/link", "cacheloads/settleLoad", 1),
  },
  {
    name: "loads: who looks again leaves in what is overtaken by then",
    scenarios: [IMPATIENT, IMPATIENT_DIES],
    plant: (m) => m.drop("cacheloads/settleLoad", "entries/finishRemoval", 1),
  },
  {
    name: "loads: who mends does not look again",
    scenarios: [IMPATIENT_DIES, loads("one dies, nobody recovers: fetch + delete, and find")],
    plant: (m) => m.drop("cachelatch/mend", "cacheloads/settleLoad", 1),
  },
  {
    name: "loads: a load's value is looked for once its memory is another's",
    scenarios: [
      "cache loads/one dies, nobody recovers, without patience: fetch a long one + delete, and use its memory",
    ],
    plant: (m) => m.drop("cachelatch/mend", "cacheloads/forgetLoad", 1),
  },
  {
    name: "loads: a claim is taken without the latch",
    scenarios: [FETCHES],
    plant: (m) => m.say("cachefetch/cacheClaim", "cachelatch/lockCache", 1, 0),
  },
  {
    name: "loads: a living owner's claim is taken over",
    scenarios: [FETCHES],
    plant: (m) => m.say("cacheloads/takeClaim", "owners/isDead", 1, 1),
  },
  {
    name: "loads: nobody is told where claims stand",
    scenarios: [DELETES, SETS],
    plant: (m) => m.drop("cacheloads/takeClaim", "atomic/store32", 1),
  },
  {
    name: "loads: who marks writes over a claim that is over",
    scenarios: [DELETES, SETS],
    plant: (m) => m.casAlwaysWins("cacheloads/markAll", 64, 1),
  },
  {
    name: "loads: who is done wakes nobody",
    scenarios: [FETCHES],
    plant: (m) => m.drop("cacheloads/endLoad", "ringbell/wake", 1),
  },
  {
    name: "loads: recovery leaves a dead one's claims",
    scenarios: [DIES, loads("a loader died at write 40, recovered beside fetch")],
    plant: (m) => m.drop("cachelife/settleUser", "cacheloads/endLoadsOf", 1),
  },
  {
    name: "loads: the ring of a dead one's ear stays",
    scenarios: [HEARD],
    plant: (m) => m.say("cachehear/stopHearing", "ringlife/endNamed", 1, 0),
  },
  {
    name: "loads: a dead one is said to hear still",
    scenarios: [HEARD],
    plant: (m) => m.drop("cachehear/stopHearing", "cachehear/setBit", 1),
  },
];
