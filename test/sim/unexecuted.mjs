// Unexecuted: the sites that no schedule of a run passed, by function, with the reason: what the branch is for, and why nothing leads there.
// A function without one is new, or its branches need more time than the run had; the places are listed beside it.

const SET_UP = "runs once, in the set-up, before anybody can attach";
const SLEEPER =
  "wakes who sleeps for the lock: a sleeper that comes in just this hold of it needs more preemptions than are explored";
const NO_HALF = "zeroes eight bytes at an odd end: sizes there are multiples of 16";
const PEAK = "a new peak, in a charge that falls: what becomes less never is one";
const NO_CHARGE = "carries a charge of no budget up: it has none above it";
const SAID_ELSEWHERE =
  "refuses as busy, poisoned or attached to nothing, or for what can never fit, where the same is said at other places as well";
const BROKEN =
  "names what is broken: the scenarios of broken regions break what each of these looks at, but not in every combination";
const CUT_CLAIM =
  "goes on with a claim that an exception cut just there: needs the thread's very next call to be this one";
const LOST_SWAP = "gives up after a lost swap: passed when there is time for another preemption";
const OTHER_POLICY =
  "ranks by a policy that no scenario has: which goes first the specs hold, and what is written for it goes through the log as all is";
const NO_ROOM =
  "finds no memory in the region, or a limit of bytes: the scenarios' caches are far from both; the specs hold it";

const REASONS = {
  "region/createRegion": SET_UP,
  "sizeclass/writeGeometry": SET_UP,
  "pages/isHeld":
    "sets the hints of a slab that is opened again, where they are clear: they are set still, for who clears them takes the lock",
  "trim/closeIfEmpty":
    "sets the hint of a slab that is opened again, where it is clear: it is set still, for nothing else clears it",
  "pages/rebuild":
    "corrects a peak that is behind the chain and a tail mark inside something held: peak and mark are written before the chain",
  "lock/lock": "wakes sleepers when a poisoned region is refused: no scenario has both",
  "lock/tryLock": "takes the lock back after an exception: needs the thread's very next call to be a free",
  "trim/mergeDeferred": SLEEPER,
  "heap/giveBackRun": SLEEPER,
  "heap/freeAtEdge": SLEEPER,
  "region/detachRegion": `${SLEEPER}, and an exception before`,
  "recover/recover": `${SLEEPER}: in a recovery's second hold`,
  "trim/trimHinted":
    "settles a mark that an exception left: only if the thread's very next call is a free that gives idle slabs back",
  "slab/newSlab": NO_HALF,
  "slab/take": LOST_SWAP,
  "slab/giveBackAtEdge": LOST_SWAP,
  "heap/allocNext": LOST_SWAP,
  "heap/alloc": `${LOST_SWAP}; ${NO_HALF}`,
  "heap/takeAnywhere":
    "refuses as busy; zeroes 256 bytes or less behind a block that got a run of its own: no class of so small a region leaves so little",
  "heap/takeSmall": "refuses what is attached to nothing, or poisoned",
  "heap/takeLarge": "refuses what is attached to nothing, or after 64 rounds in which others gave back and took again",
  "heap/free": LOST_SWAP,
  "heap/zeroTaken": NO_HALF,
  "resize/realloc": `refuses what is no raw block; ${NO_HALF}`,
  "resize/resizeRun": `${SLEEPER}; zeroes 256 bytes or less: runs grow by grains`,
  "pages/findRun":
    "looks for the best of more than 16 free runs of about one length, 64 KiB at least: a region of four pages has no room for them",
  "budget/finishCharge": PEAK,
  "budget/latched": "wakes sleepers when a poisoned region is refused: no scenario has both",
  "budget/letBudgetsGo": SLEEPER,
  "lock/mend": `${SLEEPER}: where the latch was not to be had either`,
  "waiting/stopWaiting": NO_CHARGE,
  "waiting/serve": `${PEAK}; waits in a budget with a minimum, or below one: the trees in which somebody waits have few`,
  "waiting/rebuildQueues": "a queue of three that is made anew: two wait at most",
  "leaving/giveBack": PEAK,
  "leaving/sweepLeaving": CUT_CLAIM,
  "charged/uncharge": `${PEAK}; climbs past a minimum, of which the tree with charged memory has none`,
  "charged/unchargeGrains": PEAK,
  "charged/budgetAt":
    "asked when a request was refused, to say whose it is: changes nothing, and is tested by test/charged.both.test.ts",
  "record/release": CUT_CLAIM,
  "slab/carveSlab": NO_HALF,
  "recover/giveBackHoldings": SLEEPER,
  "chunk/addChunk": `${SLEEPER}; ${NO_HALF}`,
  "names/intern": SAID_ELSEWHERE,
  "nodes/openNow": SAID_ELSEWHERE,
  "nodes/finishClose": PEAK,
  "nodes/setBudgetLevels": SAID_ELSEWHERE,
  "nodes/setBudgetLimit": SAID_ELSEWHERE,
  "nodes/wouldRefuse": "asked for advice only: changes nothing, and is tested by test/budget.both.test.ts",
  "reservation/reserve": SLEEPER,
  "reservation/reserveOrQueue": SAID_ELSEWHERE,
  "reservation/reservationFree": SLEEPER,
  "reservation/reservationIsLive": "an address in no chunk: the programs ask for what was a record",
  "reservation/move": SAID_ELSEWHERE,
  "reservation/reservationPass": SAID_ELSEWHERE,
  "reservation/resize": SAID_ELSEWHERE,
  "reservation/reservationSplit": SAID_ELSEWHERE,
  "arena/releaseRawIn": SLEEPER,
  "trim/trimNow": SLEEPER,
  "arena/giveSpareBack": SLEEPER,
  "arena/noteGivenBack":
    "who waits for a slab that just became empty: passed when there is time for another preemption",
  "arena/noteBack": "who waits for a slab that a bit left empty: the same",
  "arena/takeFound": LOST_SWAP,
  "arena/takeNew": "a run for a block of a class whose slab fits nowhere: the smallest slabs are as short as that",
  "arena/takeUnderLock": `${SLEEPER}; refuses as busy after 64 rounds in which others gave back and took again`,
  "arena/allocSlowIn": `${SAID_ELSEWHERE}; an alignment above 8 within a class; a mark that an exception left; ${SLEEPER}`,
  "arena/allocIn": `zeroes runs, and blocks of 512 bytes and more; ${NO_HALF}`,
  "eviction/place": OTHER_POLICY,
  "eviction/nextVictim": OTHER_POLICY,
  "eviction/leaveWindow": OTHER_POLICY,
  "eviction/promote": OTHER_POLICY,
  "eviction/popularity": OTHER_POLICY,
  "eviction/settleHits": OTHER_POLICY,
  "room/makeHybridRoom": OTHER_POLICY,
  "room/displace": OTHER_POLICY,
  "room/fromWindow": OTHER_POLICY,
  "sketch/count": OTHER_POLICY,
  "sketch/countOf": OTHER_POLICY,
  "room/makeMemory": NO_ROOM,
  "room/makeRoom": NO_ROOM,
  "table/addMore": NO_ROOM,
  "table/addTablePage": NO_ROOM,
  "table/goOn": "a bucket that goes on in another: two buckets' worth of keys in one; the specs hold it",
  "cache/refuse": "refuses a value: for what can never fit, or finds nothing that may go; the specs hold it",
  "cachelife/openCache": SAID_ELSEWHERE,
  "cachelife/leaveCache": SAID_ELSEWHERE,
  "cachelatch/lockCache": SAID_ELSEWHERE,
  "checkcaches/whatIsWrong": BROKEN,
  "checkcaches/areListsRight": BROKEN,
  "check/walk": BROKEN,
  "checkbudgets/isHeldAt": BROKEN,
  "checkbudgets/isPool": BROKEN,
  "checkbudgets/addBlock": BROKEN,
  "checkbudgets/addMemory": BROKEN,
  "checkbudgets/checkList": BROKEN,
  "checkbudgets/checkBudgets": BROKEN,
  "check/check": "counts what dead owners left undecided, in every combination with what is broken",
};

/** Sites by function that are not in `executed`. */
export function unexecuted(sites, executed) {
  const names = new Map();
  sites.forEach(({ functionName, name }, site) => {
    if (!executed.has(site))
      names.set(functionName, [...(names.get(functionName) ?? []), name.slice(functionName.length + 1)]);
  });
  return [...names].map(([functionName, places]) => ({
    functionName,
    count: places.length,
    reason: REASONS[functionName] ?? "none is written down: new, or this run was too short",
    places,
  }));
}
