// Broken: regions that were damaged on purpose. `check` names each kind of damage; who finds the chain of heads broken poisons the
// region, and a poisoned region refuses every call and changes nothing. What is damaged stays so: no audit, and nobody dies here.

import { Violation } from "../thread.mjs";

const SMALL = 256;
const RUN = 9000;

/** Words of the tables, by the layout. */
const tables = ({ machine: { view, c } }) => ({
  word: (grain) => (view.word(c.H_WORD) >>> 2) + grain,
  aux: (grain) => (view.word(c.H_AUX) >>> 2) + grain,
  bits: (grain) => (view.word(c.H_BITS) >>> 2) + 2 * grain,
});

/** First grain of the first thing of a type in the chain. */
function findHead({ machine: { view } }, type, tag = undefined) {
  let found = 0;
  view.walk((grain, is, length, word) => {
    const own = (word >>> view.c.W_TAG_SHIFT) & 0xff;
    if (found === 0 && is === type && (tag === undefined || (own & 3) === tag)) found = grain;
  });
  return found;
}

/** What a damage does to the region, and the problem that `check` must name. */
const DAMAGES = {
  BAD_CHAIN: (s, { u32, c }, t) => (u32[t.word(findHead(s, c.T_RUN))] = 0),
  BAD_ADJACENT_FREE(s, { u32, c }, t) {
    const grain = findHead(s, c.T_FREE);
    const length = u32[t.word(grain)] >>> c.W_LENGTH_SHIFT;
    u32[t.word(grain)] = (1 << c.W_LENGTH_SHIFT) | c.T_FREE;
    u32[t.word(grain + 1)] = ((length - 1) << c.W_LENGTH_SHIFT) | c.T_FREE;
  },
  BAD_BIN: (s, { u32, c }) => u32.fill(0, c.H_BINS >>> 2, (c.H_BINS >>> 2) + c.BIN_COUNT),
  BAD_TAIL_MARK(s, { u32, c }, t) {
    const run = findHead(s, c.T_RUN);
    u32[t.aux(run + (u32[t.word(run)] >>> c.W_LENGTH_SHIFT) - 1)] = c.AUX_TAIL;
    const free = findHead(s, c.T_FREE);
    u32[t.aux(free + (u32[t.word(free)] >>> c.W_LENGTH_SHIFT) - 1)] = 0;
  },
  BAD_SLAB_TAG: (s, { u32, c }, t) => (u32[t.bits(findHead(s, c.T_SLAB)) + 1] ^= 1 << 26),
  BAD_SLAB_BITS: (s, { u32, c }, t) => (u32[t.bits(findHead(s, c.T_SLAB)) + 1] |= 1 << 20),
  BAD_SLAB_WORD: (s, { u32, c }, t) => (u32[t.word(findHead(s, c.T_SLAB, 0) + 1)] ^= 1 << 17),
  BAD_RUN_WORD: (s, { u32, c }, t) => (u32[t.word(findHead(s, c.T_RUN) + 1)] = 5),
  BAD_HINT: (s, { u32, c, view }) => u32.fill(0, (view.word(c.H_HINTS) >>> 2) + 2, view.word(c.H_HOMES) >>> 2),
  BAD_EMPTY_HINT(s, { u32, c, view }, t) {
    u32[t.word(findHead(s, c.T_RUN))] += c.T_FREED - c.T_RUN;
    u32.fill(0, view.word(c.H_HINTS) >>> 2, view.word(c.H_HOMES) >>> 2);
  },
  // An empty slab that is nobody's current one.
  "BAD_EMPTY_HINT of a slab"(s, { u32, c, view }) {
    s.a.now(s.a.free(s.furniture[0]));
    const record = s.a.slot + c.S_HINTS + (view.classOf(640) << c.S_HINT_SHIFT);
    u32[(record + c.R_SLAB) >>> 2] = 0;
    u32.fill(0, view.word(c.H_HINTS) >>> 2, (view.word(c.H_HINTS) >>> 2) + 2);
  },
  BAD_COMMITTED: (s, { u32, c }) => u32[c.H_COMMITTED >>> 2]++,
  BAD_PEAK: (s, { u32, c }) => (u32[c.H_PEAK >>> 2] = 0),
  BAD_TAIL_BYTES: (s, { u32, c }) => u32[c.H_TAIL >>> 2]++,
  BAD_USED: (s, { u32, c }) => u32[c.H_ADJUST >>> 2]++,
  BAD_RECORD(s, { u32, c, view }) {
    const [[p]] = view.liveBlocks().filter(([, bytes, kind]) => kind === c.KIND_BLOCK && bytes < 1024);
    u32[view.recordAt(p) >>> 2] = 77;
  },
  BAD_HEADER: (s, { u32, c }) => {
    for (const name of ["H_NULL", "H_CAPACITY", "H_GRAINS", "H_FIRST", "H_BITS"]) u32[c[name] >>> 2]++;
  },
  "BAD_HEADER of the tables": (s, { u32, c }) => {
    for (const name of ["H_WORD", "H_HOMES", "H_HINT_WORDS", "H_SCRUB", "H_BUILD"]) u32[c[name] >>> 2] ^= 1;
  },
  // Whoever rebuilds the page layer would take it for one that nobody has.
  BAD_AUX: (s, { u32, c }, t) => (u32[t.aux(findHead(s, c.T_RUN))] = c.AUX_IN_FLIGHT),
  "BAD_AUX of a slab": (s, { u32, c }, t) => (u32[t.aux(findHead(s, c.T_SLAB, 0))] = 64),
};

/** Slabs of two kinds, of one grain and of two; runs; a free run. Nothing is cut. */
function furnish(stage) {
  const { a } = stage;
  const take = [a.alloc(640), a.alloc(SMALL), a.blockAlloc(SMALL), a.alloc(RUN), a.blockAlloc(RUN), a.alloc(RUN)];
  const blocks = take.map((steps) => a.now(steps));
  a.now(a.free(blocks[5]));
  stage.furniture = blocks;
}

function* findIt(t, stage, name) {
  const status = yield { name: "check", args: [] };
  if (status !== 0) return;
  const { view, c } = stage.machine;
  const at = (t.slot + c.S_OUT) >>> 2;
  const count = Math.min(view.u32[at + c.OUT_PROBLEMS], c.OUT_LIST_MAX);
  const codes = Array.from({ length: count }, (_, i) => view.u32[at + c.OUT_LIST + 2 * i]);
  if (!codes.includes(c[name])) throw new Violation(`check finds ${codes.join(", ") || "nothing"}, and not ${name}`);
}

const broken = ([name, damage]) => ({
  name: `broken/check finds ${name}`,
  isCalm: true,
  bounds: { calm: 0 },
  setup(stage) {
    furnish(stage);
    damage(stage, stage.machine, tables(stage));
  },
  programs: { a: (t, stage) => findIt(t, stage, name.split(" ")[0]) },
  finish() {},
});

/** Every call that changes something, and what it answers in a poisoned region. */
const REFUSED = [
  ["allocUnsafe", [12_000], 0],
  ["alloc", [400], 0],
  ["allocAligned", [5000, 2048], 0],
  ["blockAlloc", [400, 8], 0],
  ["blockAlloc", [12_000, 8], 0],
  ["check", [], "POISONED"],
];

/** The bytes of blocks, tables and counters, but for the caller's own slot. */
function imageOf({ machine: { view, c } }) {
  return view.u8.slice(view.word(c.H_BITS), view.grains * c.GRAIN_BYTES);
}

const sameBytes = (one, two) => one.every((byte, i) => byte === two[i]);

function* beRefused(t, stage) {
  const { c } = stage.machine;
  const before = imageOf(stage);
  for (const [name, args, answer] of REFUSED) {
    const got = yield { name, args };
    if (got !== (c[answer] ?? answer)) throw new Violation(`${name}(${args}) answers ${got} in a poisoned region`);
  }
  if (yield* t.call("recover", stage.ghosts[0])) {
    if (!sameBytes(before, imageOf(stage))) throw new Violation("a poisoned region was changed");
  } else throw new Violation("recover does not refuse a poisoned region");
}

export default [
  ...Object.entries(DAMAGES).map(broken),
  {
    name: "broken/a poisoned region refuses, and does not change",
    isCalm: true,
    owners: 5,
    bounds: { calm: 0 },
    setup(stage) {
      furnish(stage);
      const id = stage.ghost([(g) => g.blockAlloc(SMALL)], [(g) => g.blockAlloc(SMALL), 4]);
      stage.main.now(stage.main.markDead(id));
      stage.machine.u32[stage.constants.H_POISON >>> 2] = stage.constants.BAD_CHAIN;
    },
    programs: { a: beRefused },
    finish() {},
  },
  {
    name: "broken/who rebuilds a broken chain poisons the region",
    isCalm: true,
    owners: 5,
    bounds: { calm: 0 },
    setup(stage) {
      furnish(stage);
      const id = stage.ghost([(g) => g.alloc(RUN), 12]);
      stage.main.now(stage.main.markDead(id));
      stage.machine.u32[tables(stage).word(findHead(stage, stage.constants.T_RUN))] = 0;
    },
    programs: {
      *a(t, stage) {
        const { view, c } = stage.machine;
        yield* t.call("allocUnsafe", RUN);
        if (view.word(c.H_POISON) !== c.BAD_CHAIN) throw new Violation("the region is not poisoned");
        yield* beRefused(t, stage);
      },
    },
    finish() {},
  },
];
