// Mutants of waiting and of the levels: grants, the queues, who is told, what is done by who takes the latch over.

const put32 = "memory/put32";
const get32 = "memory/get32";
const FIRST = "waiting/serveOne";

const GIVES = "waiting/one waits, room is given back";
const ORDER = "waiting/two wait in order, room for the second comes first";
const ENDS = "waiting/two wait in order, the first ends it beside room for the second";
const LEVELS = "waiting/two wait at two levels, the limits of both are raised";

const told = (number) => `waiting deaths/granting, ${number}`;

export const WAITING_MUTANTS = [
  {
    name: "grant: the claim changes, nothing is charged",
    canary: "waiting",
    scenarios: [GIVES],
    plant(m) {
      const place = m.call(FIRST, "budget/charge", 1);
      const [call, name, , ...rest] = place.node;
      m.replace(place, [call, name, ["i32.const", "0"], ...rest]);
    },
  },
  {
    name: "grant: nobody is told",
    scenarios: [GIVES],
    plant: (m) => m.drop(FIRST, "waiting/wakeOwner", 1),
  },
  {
    name: "grant: told before it can be seen",
    scenarios: [GIVES],
    plant: (m) => m.swap(m.call(FIRST, "budget/charge", 1), m.call(FIRST, "waiting/wakeOwner", 1)),
  },
  {
    name: "wake: the word changes, nobody is woken",
    scenarios: [GIVES],
    plant: (m) => m.drop("waiting/wake", "atomic/notify", 1),
  },
  {
    name: "grant: it stays in its queue",
    scenarios: [GIVES, ORDER],
    plant: (m) => m.say(FIRST, "waiting/leaveQueue", 2, 0),
  },
  {
    name: "grant: in a budget that is being closed",
    scenarios: ["waiting/two wait in order, the first's budget is closed"],
    plant: (m) => m.say(FIRST, get32, 2, 1),
  },
  {
    name: "grant: also to the dead",
    equivalent:
      "what is granted to one that is known to be dead its recovery gives back: it takes out all that wait first, and then all that is held",
    scenarios: ["waiting deaths/one that waits dies, beside a grant to it"],
    plant: (m) => m.say(FIRST, "owners/ownerState", 1, 1),
  },
  {
    name: "past: it is not counted",
    scenarios: [
      "waiting/one may pass, and two ask at once",
      "waiting/one may pass: two requests, beside one that ends its waiting",
    ],
    plant(m) {
      m.drop("budget/countPasses", "budget/notePasses", 1);
    },
  },
  {
    name: "past: who is behind the first is not looked at",
    scenarios: ["waiting/one may pass, and room for the second in line comes"],
    plant: (m) => m.drop("waiting/serve", "waiting/servePast", 1),
  },
  {
    name: "sent on: it stands in no queue",
    scenarios: [LEVELS],
    plant: (m) => m.drop(FIRST, "waiting/line", 1),
  },
  {
    name: "serve: not further up",
    scenarios: ["waiting/one needs less above when a minimum is covered less"],
    plant: (m) => m.say("waiting/serve", get32, 3, 0),
  },
  {
    name: "giving back: nobody is served",
    scenarios: [GIVES],
    plant: (m) => m.say("leaving/giveBack", "budget/isEased", 1, 0),
  },
  {
    name: "ending to wait: the claim is not looked at",
    scenarios: ["waiting/the end of waiting against a close, and another takes the record"],
    plant(m) {
      const { node } = m.call("reservation/reservationCancel", "claim/claimOf", 1);
      m.answer(m.call("reservation/reservationCancel", "atomic/load64", 1), "i64", node);
    },
  },
  {
    name: "ending to wait: who waits behind is not served",
    scenarios: [ENDS],
    plant(m) {
      const place = m.call("reservation/takeOut", "waiting/serve", 1);
      m.replace(place, ["drop", place.node[2]]);
    },
  },
  {
    name: "queue: always behind the last",
    scenarios: [LEVELS],
    plant: (m) => m.say("waiting/line", "waiting/isEarlier", 1, 0),
  },
  {
    name: "queue: the link to a new one is missing",
    scenarios: [ORDER, "waiting/both begin to wait where there is room for one"],
    plant: (m) => m.drop("waiting/line", put32, 2),
  },
  {
    name: "queue: nobody says that somebody waits",
    scenarios: ["waiting/one begins to wait beside who gives back"],
    plant: (m) => m.drop("waiting/line", put32, 4),
  },
  {
    name: "queue: what is taken out is linked still",
    scenarios: [ENDS],
    plant: (m) => m.drop("waiting/leaveQueue", put32, 1),
  },
  {
    name: "others first: a plain request does not look",
    scenarios: ["waiting/others first: a request, beside one that ends its waiting"],
    plant: (m) => m.say("budget/rise", get32, 3, 0),
  },
  {
    name: "others first: who may wait does not look",
    scenarios: ["waiting/others first: a request that may wait, beside one that ends its waiting"],
    plant: (m) => m.say("budget/riseBeside", "budget/isBehind", 1, 0),
  },
  {
    name: "limit: raised, and nobody is served",
    scenarios: ["waiting/one waits, the limit is raised"],
    plant: (m) => m.drop("nodes/setBudgetLimit", "waiting/serve", 1),
  },
  {
    name: "limit: lowered, and who never fits waits on",
    scenarios: ["waiting/two wait in order, only the second can never be granted"],
    plant: (m) => m.drop("nodes/setBudgetLimit", "waiting/stopImpossible", 1),
  },
  {
    name: "latch: who takes it over leaves the queues as they are",
    scenarios: [
      told("the granted one still in its queue, at write 42"),
      told("before anybody is granted, at write 22"),
    ],
    plant: (m) => m.drop("budget/mend", "waiting/rebuildQueues", 1),
  },
  {
    name: "latch: who takes it over tells nobody",
    scenarios: [told("the granted one not told, at write 43")],
    plant: (m) => m.drop("waiting/rebuildQueues", "waiting/wakeAll", 1),
  },
  {
    name: "latch: who takes it over grants nothing",
    scenarios: [told("before anybody is granted, at write 22"), told("only one of two granted, at write 50")],
    plant: (m) => m.drop("waiting/rebuildQueues", "waiting/serve", 1),
  },
  {
    name: "level: not set after a charge",
    canary: "levels",
    scenarios: ["levels/reserve beside free"],
    plant: (m) => m.drop("reservation/reserve", "budget/setLevels", 1),
  },
  {
    name: "level: nobody is told",
    scenarios: ["levels/reserve beside free"],
    plant: (m) => m.drop("budget/setLevel", "waiting/wakeAll", 1),
  },
  {
    name: "level: who changed it is not told",
    scenarios: ["levels/reserve beside free"],
    plant: (m) => m.drop("budget/setLevel", put32, 1),
  },
  {
    name: "level: left where it is entered",
    scenarios: ["levels/within a gap"],
    plant: (m) => m.answer(m.call("budget/leftAt", "memory/getFloat", 2), "f64", ["f64.const", "0"]),
  },
  {
    name: "level: stays what it was when the limit changes",
    scenarios: ["levels/lower beside reserve"],
    plant: (m) => m.drop("nodes/setBudgetLimit", "budget/setLevel", 1),
  },
  {
    name: "level: who takes the latch over leaves it as it is",
    scenarios: ["levels/died reserving, at write 1 of budget/setLevel"],
    plant: (m) => m.drop("waiting/rebuildQueues", "budget/setLevel", 1),
  },
  {
    name: "calling for bytes: nobody is asked",
    scenarios: ["levels/bytes are called for"],
    plant: (m) => m.drop("nodes/callForBytes", "waiting/wakeAll", 1),
  },
];
