// Mutants of runs, the chain of heads, and the page lock.

const store32 = "atomic/store32";

// How the lock was taken (latch.ts).
const INHERITED = "1";
const REENTERED = "2";

/** Who takes the lock rebuilds only if it took it in this way. */
function rebuildOnly(m, how) {
  const place = m.call("lock/mend", "pages/rebuild", 1);
  m.replace(place, ["if", ["i32.eq", ["local.get", "$taken"], ["i32.const", how]], ["then", place.node]]);
}

export const PAGE_MUTANTS = [
  {
    name: "lock: the swap always wins",
    canary: "lock",
    scenarios: ["pair/alloc-run+alloc-run", "pair/alloc-run+free-run"],
    plant: (m) => m.casAlwaysWins("lock/lock", 32, 1),
  },
  {
    name: "lock: load and store",
    scenarios: ["pair/alloc-run+alloc-run", "pair/alloc-run+free-run"],
    plant: (m) => m.casSplit("lock/lock", 32, 1),
  },
  {
    name: "tryLock: load and store",
    scenarios: ["pair/alloc-run+free-run", "pair/free-run+free-run"],
    plant: (m) => m.casSplit("latch/tryLatch", 32, 1),
  },
  {
    name: "lock: a living holder is taken for a dead one",
    scenarios: ["pair/alloc-run+alloc-run"],
    plant: (m) => m.say("latch/spin", "owners/isDead", 1, 1),
  },
  {
    name: "lock: a dead holder is never found",
    scenarios: ["pair/alloc-run+alloc-run"],
    plant: (m) => m.say("latch/spin", "owners/isDead", 1, 0),
  },
  {
    name: "lock: taken from the dead without a rebuild",
    scenarios: ["pair/alloc-run+alloc-run", "pair/alloc-run+free-run"],
    plant: (m) => rebuildOnly(m, REENTERED),
  },
  {
    name: "lock: taken back after an exception without a rebuild",
    scenarios: ["pair/alloc-run+check", "recovery/after an exception the thread goes on"],
    plant: (m) => rebuildOnly(m, INHERITED),
  },
  {
    name: "unlock: the word is not cleared",
    scenarios: ["pair/alloc-run+alloc-run"],
    plant: (m) => m.say("latch/letLatchGo", "atomic/swap32", 1, 0),
  },
  {
    name: "unlock: nobody is woken",
    scenarios: ["sleeping/a run is taken"],
    plant: (m) => m.drop("latch/letLatchGo", "atomic/notify", 1),
  },
  {
    name: "lock: who sleeps leaves no mark",
    scenarios: ["sleeping/a run is taken"],
    plant: (m) => m.say("latch/takeLatch", "atomic/cas32", 1, 1),
  },
  {
    name: "lock: who takes it from the dead takes the mark away",
    scenarios: ["sleeping/a run is wanted while another says that the holder is dead and takes the lock over"],
    plant(m) {
      const place = m.call("latch/spin", "atomic/cas32", 2);
      m.answer(place, "i32", [...place.node.slice(0, 4), ["global.get", "$assembly/owners/myId"]]);
    },
  },
  {
    name: "carve: the remainder gets no head",
    canary: "pages",
    scenarios: ["pair/alloc-slow+alloc-slow"],
    plant: (m) => m.drop("pages/carve", "memory/put32", 1),
  },
  {
    name: "carve: the two commit stores are swapped",
    scenarios: ["pair/alloc-run+alloc-run", "pair/alloc-slow+alloc-run"],
    plant: (m) => m.swap(m.call("pages/carve", store32, 1), m.call("pages/carve", store32, 2)),
  },
  {
    name: "give back: the absorbed head is cleared before the commit",
    scenarios: ["pair/alloc-run+free-run", "pair/free-run+free-run", "pair/free-run+block-run"],
    plant: (m) => m.swap(m.call("pages/giveBack", store32, 1), m.call("pages/giveBack", "memory/put32", 3)),
  },
  {
    name: "the peak is not kept",
    canary: "counters",
    scenarios: ["pair/alloc-run+alloc-run"],
    plant: (m) => m.drop("pages/addCommitted", "memory/put32", 1),
  },
  {
    name: "free a run: the swap always wins",
    scenarios: ["shared/free the same run twice"],
    plant: (m) => m.casAlwaysWins("heap/giveBackRun", 32, 1),
  },
  {
    name: "free a run: load and store",
    scenarios: ["shared/free the same run twice"],
    plant: (m) => m.casSplit("heap/giveBackRun", 32, 1),
  },
  {
    name: "free a run: no hint at it",
    scenarios: ["pair/alloc-run+free-run", "pair/free-run+free-run", "full/a run beside the free of a run"],
    plant: (m) => m.drop("heap/giveBackRun", "hint/hintSet", 1),
  },
  {
    name: "take a run: the bytes are not counted",
    scenarios: ["pair/alloc-run+alloc-run"],
    plant: (m) => m.drop("heap/takeRun", "counters/endAlloc", 1),
  },
  {
    name: "grow a run: the swap always wins",
    scenarios: ["shared/one grows a run, another frees it"],
    plant: (m) => m.casAlwaysWins("pages/growRun", 32, 1),
  },
];
