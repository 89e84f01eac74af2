// Mutants of owners, recovery and the smallest layer.

const settle = "recover/giveBackHoldings";

export const OWNER_MUTANTS = [
  {
    name: "every 64-bit swap is a load and a store",
    canary: "atomic",
    scenarios: ["shared/free two blocks of a slab"],
    plant(m) {
      const [address, expected, value] = m.function("atomic/cas64").filter((part) => part[0] === "param");
      const get = (param) => ["local.get", param[1]];
      const body = m.function("atomic/cas64");
      const same = ["i64.eq", ["call", "$assembly/atomic/load64", get(address)], get(expected)];
      const store = ["call", "$assembly/atomic/store64", get(address), get(value)];
      const split = ["if", same, ["then", store, ["return", ["i32.const", "1"]]]];
      const start = body.findIndex(
        (part, i) => i > 1 && Array.isArray(part) && !["param", "result", "local"].includes(part[0]),
      );
      body.splice(start, 0, ["if", m.isOn, ["then", split, ["return", ["i32.const", "0"]]]]);
    },
  },
  {
    name: "join: load and store",
    canary: "owners",
    scenarios: ["joining/two attach"],
    plant: (m) => m.casSplit("owners/join", 64, 1),
  },
  {
    name: "join: the swap always wins",
    scenarios: ["joining/two attach"],
    plant: (m) => m.casAlwaysWins("owners/join", 64, 1),
  },
  {
    name: "attach does not look whether the region is closing",
    scenarios: ["joining/attach beside close"],
    plant: (m) => m.say("region/attachRegion", "region/isClosed", 1, 0),
  },
  {
    name: "recover: the slot is free before all is given back",
    isSlow: true,
    canary: "recover",
    scenarios: ["recovery/Blocks that the dead held", "pair/block-alloc+block-alloc"],
    plant(m) {
      const release = m.call(settle, "owners/release", 1).node;
      m.before(m.call(settle, "charged/releaseBlocks", 1), release);
    },
  },
  {
    name: "recover: the Blocks of the dead stay",
    scenarios: ["recovery/Blocks that the dead held"],
    plant: (m) => m.drop(settle, "charged/releaseBlocks", 1),
  },
  {
    name: "recover: the slot is never free again",
    scenarios: ["recovery/Blocks that the dead held"],
    plant: (m) => m.drop(settle, "owners/release", 1),
  },
  {
    name: "recover: what was in flight is forgotten",
    isSlow: true,
    scenarios: ["pair/block-alloc+block-alloc", "pair/block-free+block-free", "pair/alloc-run+free-edge"],
    plant(m) {
      m.say(settle, "settle/settleFlight", 2, 1);
      m.say(settle, "settle/settleFlight", 1, 1);
    },
  },
  {
    name: "recover: the hints of the dead are not published",
    scenarios: ["recovery/an empty slab that only the dead knew of"],
    plant: (m) => m.drop(settle, "recover/publishHints", 1),
  },
  {
    name: "recover: the mark of the dead is not settled",
    scenarios: ["shared/free into a full slab while its owner looks for room"],
    plant: (m) => m.drop(settle, "settle/settleMarkOf", 1),
  },
  {
    name: "settle: a living thread's journal is not looked at",
    isSlow: true,
    scenarios: ["pair/block-alloc+block-alloc", "shared/release the same Block twice", "pair/block-alloc+block-free"],
    plant(m) {
      m.say("settle/whoseHalf", "settle/isNamedByLiving", 3, 0);
      m.say("settle/whoseHalf", "settle/isNamedByLiving", 2, 0);
    },
  },
  {
    name: "detach: the Blocks stay",
    scenarios: ["recovery/death while detaching with Blocks"],
    plant: (m) => m.drop("region/detachRegion", "charged/releaseBlocks", 1),
  },
];
