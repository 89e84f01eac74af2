// Mutants of rings: slots and descriptors, the rules that keep a record's length, what recovery gives back, and how a ring comes and goes.

const PUTS = "rings/push + push, 1 of 2";
const TAKES = "rings/pop + pop, 1 of 2";
const BOTH = "rings/push + pop, 1 of 1";
const DROPS = "rings/push + pop, 1 of 1, drops, come round";
const AGAIN = "ring deaths/one taken, delivered again beside who takes";
const PASSED_ON = "rings/take, and pass it on + receive, 1 of 2, again";
const RESERVING = (write) => `ring deaths/reserving, at write ${write}`;
const PUTTING = (write) => `ring deaths/putting in, at write ${write}`;

const zero = ["i32.const", "0"];

// What the straight lines are compiled into.
const puts = (plant) => ["ring/ringPush", "ring/ringCommit"].forEach(plant);
const takes = (plant) => ["ring/ringPop", "ring/ringTake"].forEach(plant);

export const RING_MUTANTS = [
  {
    name: "ring: a slot is taken whatever stands there",
    canary: "rings",
    scenarios: [PUTS],
    plant: (m) => puts((at) => m.casAlwaysWins(at, 64, 1)),
  },
  {
    name: "ring: a slot is looked at, and then taken",
    scenarios: [PUTS],
    plant: (m) => puts((at) => m.casSplit(at, 64, 1)),
  },
  {
    name: "ring: a record is looked at, and then taken",
    scenarios: [TAKES],
    plant: (m) => takes((at) => m.casSplit(at, 64, 1)),
  },
  {
    name: "ring: a record is taken before the tail is past it",
    scenarios: ["ring deaths/nobody recovers who put in, and what it put in is used again"],
    plant: (m) => m.drop("ring/take", "ring/moveTail", 1),
  },
  {
    name: "ring: a record is given back before the head is past it",
    scenarios: ["rings/what was taken is put in again, longer"],
    plant: (m) => takes((at) => m.say(at, "atomic/cas64", 2, 1)),
  },
  {
    name: "ring: a descriptor is given back before its payload is copied",
    scenarios: ["ring deaths/a descriptor comes back, and another wants it"],
    plant: (m) =>
      m.swap(m.call("ring/ringPop", "memory/copyValue", 1), m.call("ring/ringPop", "ringpool/giveDescriptorBack", 1)),
  },
  {
    name: "ring: whether there is place is not asked",
    scenarios: [PUTS, BOTH],
    plant: (m) => puts((at) => m.say(at, "ring/hasPlace", 1, 1)),
  },
  {
    name: "ring: full by a head that was seen long ago",
    scenarios: [BOTH],
    plant(m) {
      m.answer(m.call("ring/publish", "ring/hasPlace", 2), "i32", zero);
    },
  },
  {
    name: "ring: full beside a head that is behind",
    scenarios: ["rings/nobody recovers: pop + push many, 2 of 2", BOTH],
    plant: (m) => m.say("ring/publish", "ring/helpHead", 1, 0),
  },
  {
    name: "ring: who finds a record in the slot does not help the tail",
    scenarios: ["rings/nobody recovers: push + push many, 1 of 3"],
    plant: (m) => m.drop("ring/publish", "ring/helpTail", 1),
  },
  {
    name: "ring: who finds a record taken does not help the head",
    scenarios: ["rings/nobody recovers: pop many + pop many, 3 of 3"],
    plant: (m) => m.drop("ring/take", "ring/moveHead", 1),
  },
  {
    name: "ring: who asks what is to be delivered again looks at none of it",
    scenarios: ["ring deaths/who asks what is delivered again, takes it, and asks again"],
    plant(m) {
      m.answer(m.call("ringlife/ringAgain", "ringpool/descriptorAt", 1), "i32", zero);
    },
  },
  {
    name: "ring: how often it came round is not counted",
    equivalent: "it matters after 2^30 records; a spec shows it",
    scenarios: ["rings/push + push, 0 of 3, come round"],
    plant: (m) => m.drop("ring/move", "atomic/add32", 1),
  },
  {
    name: "ring: its end is put over a record",
    scenarios: ["rings/close + push, 1 of 2"],
    plant: (m) => m.casAlwaysWins("ringend/endRing", 64, 1),
  },
  {
    name: "ring: a producer does not see the end",
    scenarios: ["rings/close + push, 1 of 2"],
    plant: (m) => m.say("ring/publish", "ring/sequenceOf", 2, 5),
  },
  {
    name: "ring: who sleeps for a record is not woken",
    scenarios: ["rings/push + receive, 0 of 2"],
    plant: (m) => puts((at) => m.drop(at, "ringbell/wake", 1)),
  },
  {
    name: "ring: high is said beside who made it low",
    scenarios: ["rings/push + pop, 0 of 1, high"],
    plant: (m) => m.drop("ringbell/noteDepth", "ringbell/noteLow", 1),
  },
  {
    name: "ring: who takes the last one that matters does not say that it is low",
    scenarios: ["rings/push + pop, 0 of 1, high"],
    plant: (m) => m.drop("ringbell/noteTaken", "ringbell/noteLow", 1),
  },
  {
    name: "ring: what is dropped is not counted",
    scenarios: [DROPS],
    plant: (m) => m.drop("ring/drop", "memory/put64", 1),
  },
  {
    name: "ring: a free descriptor is had by two",
    scenarios: ["ring deaths/more descriptors for both", "ring deaths/memory comes and goes"],
    plant: (m) => m.casSplit("ringpool/takeDescriptor", 64, 1),
  },
  {
    name: "ring: a payload that goes keeps its room until it is gone",
    scenarios: ["ring deaths/payload that lies idle goes back, and the thread goes on"],
    plant: (m) => m.drop("ringpool/dropPayload", "memory/put32", 1),
  },
  {
    name: "ring: recovery frees a record that is queued",
    scenarios: [PUTTING(11), PUTTING(12), PUTS],
    plant: (m) => m.say("ringlife/settleDescriptor", "ring/isQueued", 1, 0),
  },
  {
    name: "ring: recovery takes a record that has left its slot since for one in hand",
    scenarios: ["ring deaths/putting in, and a lap goes by, at write 11"],
    plant: (m) => m.answer(m.call("ring/isQueued", "atomic/load64", 2), "i64", ["local.get", "$word"]),
  },
  {
    name: "ring: recovery gives back before the head is past it",
    scenarios: ["ring deaths/taking, and it is wanted at once, at write 5"],
    plant: (m) => m.say("ringlife/settleDescriptor", "ring/helpHead", 1, 1),
  },
  {
    name: "ring: recovery leaves a claim that holds nothing",
    scenarios: [RESERVING(38), RESERVING(39)],
    plant: (m) => m.say("ringlife/settleDescriptor", "ringpool/hasPayload", 1, 1),
  },
  {
    name: "ring: recovery forgets a payload that is there",
    scenarios: ["ring deaths/taking, at write 5", RESERVING(42)],
    plant: (m) => m.say("ringlife/settleDescriptor", "ringpool/hasPayload", 1, 0),
  },
  {
    name: "ring: what is lost is counted twice",
    scenarios: [
      "ring deaths/two taken, lost, two recover them in either order, one dies over it",
      "ring deaths/one taken, beside who takes",
    ],
    plant: (m) => m.answer(m.call("ringlife/settleDescriptor", "memory/get64", 2), "i64", ["i64.const", "0"]),
  },
  {
    name: "ring: what is delivered again is not said",
    scenarios: [AGAIN],
    plant: (m) => m.drop("ringlife/settleParty", "atomic/add32", 1),
  },
  {
    name: "ring: what is passed on is not said",
    scenarios: [PASSED_ON],
    plant: (m) => m.drop("ringlife/ringReturn", "atomic/add32", 1),
  },
  {
    name: "ring: who passes a record on wakes nobody",
    scenarios: [PASSED_ON],
    plant: (m) => m.drop("ringlife/ringReturn", "ringbell/wakeParties", 1),
  },
  {
    name: "ring: who leaves with a record wakes nobody",
    scenarios: ["rings/take, and leave with it + receive, 1 of 2, again"],
    plant: (m) => m.drop("ringlife/leaveRing", "ringbell/wakeParties", 1),
  },
  {
    name: "ring: what is delivered again is had by two",
    scenarios: ["ring deaths/who looks for what is delivered again"],
    plant: (m) => m.casSplit("ringpool/findAgain", 64, 1),
  },
  {
    name: "ring: a party goes before what it has in hand",
    scenarios: [
      "ring deaths/one taken, two recover it",
      "ring deaths/two taken, lost, two recover them in either order, one dies over it",
    ],
    plant(m) {
      const { node } = m.call("ringlife/settleParty", "atomic/store32", 1);
      m.before(m.call("ringlife/settleParty", "memory/put32", 1), node);
    },
  },
  {
    name: "ring: the first that leaves takes it apart",
    scenarios: ["ring deaths/the last two leave an ended ring"],
    plant: (m) => m.answer(m.call("ringlife/beginToGo", "atomic/load32", 1), "i32", zero),
  },
  {
    name: "ring: nobody goes on where who took it apart died",
    scenarios: ["ring deaths/the last two leave an ended ring", "ring deaths/who uses it detaches, the last"],
    plant: (m) => m.say("ringlife/settleRings", "atomic/cas64", 1, 0),
  },
  {
    name: "ring: its descriptors stay",
    scenarios: ["ring deaths/the last two leave an ended ring"],
    plant: (m) => m.drop("ringlife/takeApart", "chunk/giveBackNamed", 1),
  },
  {
    name: "ring: its payload stays",
    scenarios: ["ring deaths/the last two leave an ended ring"],
    plant: (m) => m.drop("ringlife/takeApart", "ringlife/freePayload", 1),
  },
  {
    name: "ring: where a run is named is not said",
    scenarios: ["ring deaths/a ring is opened, ended and left beside another", "ring deaths/more descriptors for both"],
    plant: (m) => m.drop("chunk/carveNamed", "atomic/store32", 1),
  },
  {
    name: "ring: where a run was named is not said",
    scenarios: ["ring deaths/the last two leave an ended ring"],
    plant: (m) => m.drop("chunk/giveBackNamed", "atomic/store32", 1),
  },
];
