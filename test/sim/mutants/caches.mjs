// Mutants of caches: what readers compare, the order in which an entry comes in and goes out, the undo log and who mends by it, pins, deletions
// beside moves, the bucket that is added, what recovery gives back, and how a cache comes and goes.

const ROOT = "$assembly/";
const zero = ["i32.const", "0"];
const local = (name) => ["local.get", `$${name}`];
const call = (name, ...args) => ["call", ROOT + name, ...args];
const plus = (name, offset) => ["i32.add", local(name), ["i32.const", String(offset)]];

const REUSES = "caches/get + delete and set, two";
const EVICTS = "caches/get another + set two, full";
const GROWS = "caches/get + set another, growing";
const DELETES_MOVED = "caches/delete a moved one + evict, loose";
const GETS_MOVED = "caches/get a moved one + evict, loose";
const dies = (pair) => `cache deaths/${pair}`;
const FULL_DIES = dies("set another + get, full");
const TWO_DIES = dies("set + get twice, two");
/** Who died before the writes by which a bucket is added. */
const adding = (what) => [78, 82, 86, 89, 92, 94, 96, 98, 99].map((write) => dies(`${what}, at write ${write}`));
const GROWTH_DIES = dies("set another + delete, growing");
const LONG = dies("a long value comes and goes");
const piecesIn = (name) => `cache pieces/${name}`;
const LEAVES = "cache lives/leave + leave";

export const CACHE_MUTANTS = [
  {
    name: "cache: the version is not raised when an entry comes out",
    canary: "caches",
    scenarios: [REUSES, EVICTS],
    plant: (m) => m.drop("table/takeOut", "table/raise", 1),
  },
  {
    name: "cache: the version is not raised when an entry is replaced",
    scenarios: ["caches/get twice + replace, and use its slot, two", "caches/pin + replace, and use its slot, two"],
    plant: (m) => m.drop("cache/link", "table/raise", 1),
  },
  {
    name: "cache: the version is not raised when a bucket was divided",
    scenarios: ["caches/pin + grow, delete and set, growing"],
    plant: (m) => m.drop("table/clearSplit", "table/raise", 1),
  },
  {
    name: "cache: the version is not raised when an entry moved",
    scenarios: ["caches/get a moved one + evict, and use its slot, loose", GETS_MOVED],
    plant: (m) => m.drop("cachemove/move", "table/raise", 1),
  },
  {
    name: "cache: who mends does not raise the version",
    scenarios: [dies("delete + get twice, two")],
    equivalent:
      "it takes a death between two writes, and a reader that is held up from before it until the slot is another's: a spec shows it",
    plant: (m) => m.drop("entries/settleRemoval", "table/raise", 1),
  },
  {
    name: "cache: the place is stored before what is linked",
    scenarios: [FULL_DIES, TWO_DIES],
    plant(m) {
      const { node } = m.call("cache/link", "table/enter", 1);
      m.before(m.call("cache/link", "eviction/place", 1), node);
    },
  },
  {
    name: "cache: what is replaced is not named",
    scenarios: [TWO_DIES],
    plant: (m) => m.drop("cache/link", "memory/put32", 3),
  },
  {
    name: "cache: what comes out is not named",
    scenarios: [dies("delete + get twice, two"), FULL_DIES],
    plant: (m) => m.drop("entries/remove", "memory/put32", 1),
  },
  {
    name: "cache: what comes in is not named",
    scenarios: [TWO_DIES, FULL_DIES],
    plant: (m) => m.drop("cache/link", "memory/put32", 2),
  },
  {
    name: "cache: what was half linked stands",
    scenarios: [FULL_DIES, TWO_DIES],
    plant: (m) => m.drop("cachelatch/mend", "undo/rollBack", 1),
  },
  {
    name: "cache: what is in is rolled back",
    scenarios: [FULL_DIES, TWO_DIES],
    plant: (m) => m.say("cachelatch/mend", "table/isIn", 1, 0),
  },
  {
    name: "cache: what is not in is kept",
    scenarios: [FULL_DIES, TWO_DIES],
    plant: (m) => m.say("cachelatch/mend", "table/isIn", 1, 1),
  },
  {
    name: "cache: the first change is rolled back first",
    scenarios: [dies("get + get another, lru"), FULL_DIES],
    plant(m) {
      const entry = [
        "i32.add",
        local("start"),
        ["i32.sub", ["i32.sub", local("stop"), ["i32.const", "8"]], local("at")],
      ];
      m.answer(m.call("undo/rollBack", "memory/get64", 1), "i64", call("memory/get64", entry));
    },
  },
  {
    name: "cache: the log has an entry once the word is written",
    scenarios: [FULL_DIES, TWO_DIES],
    plant: (m) => m.swap(m.call("undo/write", "memory/put64", 2), m.call("undo/write", "memory/put32", 1)),
  },
  {
    name: "cache: the log has an entry before it is said to end behind it",
    scenarios: [FULL_DIES, TWO_DIES],
    plant: (m) => m.swap(m.call("undo/write", "memory/put64", 1), m.call("undo/write", "memory/put64", 2)),
  },
  {
    name: "cache: the log is not emptied",
    scenarios: [FULL_DIES, "caches/set + set, two"],
    plant: (m) => m.drop("undo/end", "memory/put64", 1),
  },
  {
    name: "cache: what was to come out is forgotten",
    scenarios: [TWO_DIES, FULL_DIES],
    plant: (m) => m.drop("cachelatch/mend", "entries/settleRemoval", 1),
  },
  {
    name: "cache: who takes the latch from the dead does not mend",
    scenarios: [dies("died putting in, at write 45"), dies("died replacing, at write 94")],
    plant: (m) => m.drop("cachelatch/lockCache", "cachelatch/mend", 1),
  },
  {
    name: "cache: what lay in a user's hand is in, and in its hand",
    scenarios: [LONG],
    plant: (m) => m.drop("cache/commit", "undo/set32", 2),
  },
  {
    name: "cache: who pins does not look again",
    scenarios: ["caches/pin + delete and set, two", "caches/pin + set another, full"],
    plant: (m) =>
      m.answer(m.call("cache/pinUpTo", "atomic/load32", 1), "i32", ["global.get", `${ROOT}table/foundVersion`]),
  },
  {
    name: "cache: whether it is pinned is not asked",
    scenarios: ["caches/pin, and set + set another, full", "caches/pin, and delete + set, two"],
    plant: (m) => m.say("entries/finishRemoval", "entries/isPinned", 1, 0),
  },
  {
    name: "cache: whether it is pinned still is not asked",
    scenarios: ["caches/pin, and delete + set, two", "caches/pin, and set + set another, full"],
    plant: (m) => m.say("entries/reap", "entries/isPinned", 1, 0),
  },
  {
    name: "cache: what is pinned is moved",
    equivalent:
      "what was moved and is pinned goes to limbo, and who deletes finds the copy: it only takes memory where some was to come free",
    scenarios: ["caches/pin a moved one + evict, loose"],
    plant: (m) => m.say("cachemove/move", "entries/isPinned", 1, 0),
  },
  {
    name: "cache: who may have pins is not said",
    scenarios: ["caches/pin, and delete + set, two"],
    plant: (m) => m.drop("cachepin/setPin", "atomic/or32", 1),
  },
  {
    name: "cache: how many pins there may be is not said",
    scenarios: ["caches/pin, and delete + set, two"],
    plant: (m) => m.drop("cachepin/freePin", "atomic/store32", 1),
  },
  {
    name: "cache: what is in limbo stays there",
    scenarios: ["caches/pin, and delete + set, two"],
    plant: (m) => m.drop("cachelatch/letCacheGo", "entries/reap", 1),
  },
  {
    name: "cache: two delete one entry",
    scenarios: ["caches/delete + delete, two"],
    plant(m) {
      const place = m.call("cache/markDeleted", "atomic/cas8", 1);
      const store = ["drop", call("atomic/swap8", place.node[2], ["i32.const", "1"])];
      m.answer(place, "i32", ["block", ["result", "i32"], store, ["i32.const", "1"]]);
    },
  },
  {
    name: "cache: what is deleted is found",
    scenarios: [dies("nobody recovers: set another + delete and get, two")],
    plant: (m) => m.say("table/isKey", "atomic/load8", 1, 0),
  },
  {
    name: "cache: a deletion beside a move is lost",
    scenarios: [DELETES_MOVED],
    plant: (m) => m.drop("entries/finishRemoval", "entries/passDeletion", 1),
  },
  {
    name: "cache: who deletes does not look for the copy",
    scenarios: [DELETES_MOVED],
    plant: (m) => m.say("cache/markDeleted", "atomic/load8", 1, 1),
  },
  {
    name: "cache: what was deleted before its copy is in stays",
    scenarios: [DELETES_MOVED],
    plant: (m) => m.say("entries/passDeletion", "atomic/load8", 1, 2),
  },
  {
    name: "cache: who deletes without the latch does not say so",
    scenarios: ["caches/delete + set two, without patience"],
    plant: (m) => m.drop("cache/cacheDelete", "atomic/store32", 1),
  },
  {
    name: "cache: recovery does not look for what the dead one deleted",
    scenarios: [dies("delete + get twice, two"), dies("nobody recovers: delete + get twice, two")],
    plant: (m) => m.drop("cachelife/settleUser", "atomic/store32", 1),
  },
  {
    name: "cache: a bucket counts before it is filled",
    scenarios: [GROWS],
    plant: (m) => m.swap(m.call("table/grow", "table/fillSplit", 1), m.call("table/grow", "atomic/store32", 1)),
  },
  {
    name: "cache: a bucket that was divided is not cleared",
    scenarios: [GROWS],
    plant: (m) => m.drop("table/grow", "table/clearSplit", 1),
  },
  {
    name: "cache: that a bucket is being added is not said",
    scenarios: [GROWTH_DIES, ...adding("died adding a bucket")],
    plant: (m) => m.drop("table/grow", "memory/put32", 1),
  },
  {
    name: "cache: a bucket that was not added is not emptied",
    scenarios: adding("died adding a bucket, and others come in"),
    plant: (m) => m.drop("table/settleSplit", "table/emptyBucket", 1),
  },
  {
    name: "cache: who mends does not clear what was divided",
    scenarios: [GROWTH_DIES, ...adding("died adding a bucket")],
    plant: (m) => m.drop("table/settleSplit", "table/clearSplit", 1),
  },
  {
    name: "cache: a miss beside a bucket that is added is believed",
    scenarios: [GROWS, "caches/delete + set another, growing"],
    plant: (m) =>
      m.answer(m.call("lookup/isMissing", "atomic/load32", 1), "i32", ["global.get", `${ROOT}table/foundCount`]),
  },
  {
    name: "cache: a miss in a bucket that changed is believed",
    scenarios: ["caches/get twice + set, two", GETS_MOVED, "caches/get another + set two, full"],
    plant: (m) => m.say("lookup/isMissing", "lookup/isSame", 1, 1),
  },
  {
    name: "cache: what is said of an entry is not compared",
    scenarios: [REUSES, "caches/get + set longer, two"],
    plant: (m) => m.say("lookup/look", "lookup/isSame", 1, 1),
  },
  {
    name: "cache: what was copied is not compared",
    scenarios: [REUSES, EVICTS],
    plant: (m) => m.say("lookup/cacheStill", "lookup/isSame", 1, 1),
  },
  {
    name: "cache: what the call copied is not compared",
    scenarios: ["caches/copy + delete, and use its slot, one", "caches/copy twice + replace, and use its slot, two"],
    plant: (m) => m.say("lookup/cacheCopy", "lookup/isSame", 1, 1),
  },
  {
    name: "cache: what is touched is not compared",
    scenarios: ["caches/get + set two, lru"],
    plant: (m) =>
      m.answer(m.call("lookup/touchFound", "atomic/load32", 1), "i32", ["global.get", `${ROOT}table/foundVersion`]),
  },
  {
    name: "cache: keys are not compared",
    scenarios: ["caches/keys + delete, and use its slot, one"],
    plant: (m) => m.answer(m.call("cachekeys/cacheKeys", "atomic/load32", 3), "i32", local("version")),
  },
  {
    name: "cache: what is shown is not pinned",
    scenarios: ["caches/set, and look at what goes + get, full"],
    plant: (m) => m.drop("going/drop", "cachepin/setPin", 1),
  },
  {
    name: "cache: a page that is given back is not named any more",
    scenarios: [LONG],
    plant(m) {
      const place = m.call("cachepage/givePageBack", "record/blockFree", 1);
      const clear = call("memory/put32", plus("cache", 396), zero);
      m.answer(place, "i32", ["block", ["result", "i32"], clear, place.node]);
    },
  },
  {
    name: "cache: a page that comes is not named",
    scenarios: [LONG, "cache lives/open + open"],
    plant: (m) => m.drop("cachepage/takePage", "memory/put32", 1),
  },
  {
    name: "cache: a page in nobody's place stays",
    scenarios: [LONG],
    plant: (m) => m.drop("cachelatch/mend", "cachepage/givePageBack", 1),
  },
  {
    name: "cache: an empty page stays",
    scenarios: ["caches/delete + delete another, two", LONG],
    plant: (m) => m.drop("cachepage/freeSlot", "cachepage/leavePage", 1),
  },
  {
    name: "cache: recovery leaves the pins",
    scenarios: [dies("a pin on what is deleted"), dies("a pin on what is evicted")],
    plant: (m) => m.say("cachelife/settleUser", "atomic/swap32", 1, 0),
  },
  {
    name: "cache: recovery leaves what was reserved",
    scenarios: [dies("a slot in hand, and it is the next one's")],
    plant: (m) => m.drop("pieces/freeEntry", "cachepage/freeSlot", 1),
  },
  {
    name: "cache: recovery frees what was reserved, and it stays in hand",
    scenarios: [dies("a slot in hand, two recover it")],
    plant: (m) => m.drop("pieces/freeEntry", "undo/set32", 1),
  },
  {
    name: "cache: recovery leaves the pieces of what was reserved",
    scenarios: [
      piecesIn("died taking pieces, at write 120"),
      piecesIn("in a dead one's hand, and its pages are the next one's"),
    ],
    plant: (m) => m.drop("pieces/freeEntry", "pieces/dropPieces", 1),
  },
  {
    name: "cache: what comes out keeps its pieces",
    scenarios: [piecesIn("delete + set, one")],
    plant: (m) => m.drop("pieces/freeEntry", "pieces/dropPieces", 1),
  },
  {
    name: "cache: a value in pieces goes while it is read in place",
    scenarios: [piecesIn("pin, and delete + set another, full")],
    plant: (m) => m.say("entries/finishRemoval", "entries/isPinned", 1, 0),
  },
  {
    name: "cache: a piece is given back before it is said to be",
    scenarios: [piecesIn("one dies: get + delete and set another, one"), piecesIn("one dies: delete + set, one")],
    plant(m) {
      const { node } = m.call("pieces/dropPieces", "cachepage/givePageBack", 1);
      m.before(m.call("pieces/dropPieces", "undo/end", 1), node);
    },
  },
  {
    name: "cache: a piece on its way is not the next holder's",
    scenarios: [
      piecesIn("one dies: get + set, one"),
      piecesIn("one dies: delete + set, one"),
      ...[60, 70, 80, 90, 100, 110, 120].map((write) => piecesIn(`died taking pieces, at write ${write}`)),
    ],
    plant: (m) => m.drop("cachelatch/mend", "cachepage/givePageBack", 1),
  },
  {
    name: "cache: what is taken apart keeps its pieces",
    scenarios: ["cache lives/leave + leave, with values in pieces"],
    plant: (m) => m.drop("cachelife/takeApart", "cachelife/dropPiecesIn", 1),
  },
  {
    name: "cache: its first page is taken without the latch",
    scenarios: ["cache lives/open + open"],
    plant: (m) => m.say("cachelife/furnish", "cachelatch/lockCache", 1, 0),
  },
  {
    name: "cache: the first that leaves takes it apart",
    scenarios: [LEAVES, "cache lives/open + open, and leave"],
    plant: (m) => m.answer(m.call("cachelife/beginToGo", "atomic/load32", 1), "i32", zero),
  },
  {
    name: "cache: nobody goes on where who took it apart died",
    scenarios: [LEAVES, "cache lives/who took it apart died, and it is opened anew"],
    plant: (m) => m.say("cachelife/settleCaches", "atomic/cas64", 1, 0),
  },
  {
    name: "cache: its table stays",
    scenarios: [LEAVES],
    plant: (m) => m.drop("cachelife/takeApart", "cachelife/giveTableBack", 1),
  },
  {
    name: "cache: its entries stay",
    scenarios: [LEAVES],
    plant: (m) => m.drop("cachelife/takeApart", "cachelife/giveBack", 1),
  },
  {
    name: "cache: who leaves keeps what it has",
    scenarios: ["cache lives/leave, with a slot in hand and a pin + leave"],
    plant: (m) => m.say("cachelife/leaveCache", "cachelife/settleUser", 1, 0),
  },
];
