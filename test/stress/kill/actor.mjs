// One thread's part in the kills: random operations over all structures of a region that it shares, until somebody stops it for good.
//
// What it takes it writes a pattern into and verifies before it gives it back. Half of it goes to others through an exchange table in
// shared memory: a thread swaps a message into a random place and owns what stood there. A message is a raw block: either itself the
// thing (RAW), or the handle of a Block (ENVELOPE). A Block whose giver may die is adopted before anything of it is read: until then it
// can go at any instant. Errors are told by their code, so sources and built package are both welcome.

const HEADER_WORDS = 8;
const RAW = 0x52415721;
const ENVELOPE = 0x424c4f43;

const BUSY = "ERR_REGION_BUSY";
const FULL = "ERR_MEMORY_LIMIT";
const STALE = "ERR_BLOCK_STALE";

/** What each kind of thread does how often. `most`: the most things it keeps. `plain`: no patterns, for nothing but the region's own work
 *  in the loop; such a thread hands nothing over. */
const KINDS = {
  mixed: { raw: 5, block: 3, give: 6, drop: 6, realloc: 2, resize: 2, share: 1, wrong: 1, check: 0.02, most: 60 },
  runs: { raw: 1, block: 1, drop: 2, realloc: 1, burst: 3, most: 14, plain: true },
  blocks: { block: 6, give: 2, drop: 6, resize: 4, share: 1, most: 60 },
  walks: { raw: 2, block: 2, drop: 3, realloc: 1, check: 6, most: 14, plain: true },
  full: { block: 6, drop: 2, resize: 1, misfit: 1, most: 9999, plain: true },
  small: { raw: 3, block: 3, drop: 6, realloc: 1, most: 60, plain: true },
  hoard: { block: 1, most: 8000, plain: true },
};

const SIZES = {
  mixed: (below) => (below(20) === 0 ? 1 + below(60_000) : below(5) === 0 ? 1 + below(8192) : 32 + below(500)),
  runs: (below) => 8193 + below(60_000),
  blocks: (below) => 1 + below(below(8) === 0 ? 20_000 : 600),
  small: (below) => 1 + below(200),
  full: (below) => 1 + below(below(2) ? 60_000 : 3000),
  walks: (below) => 1 + below(30_000),
  hoard: (below) => 1 + below(100),
};

const valueOf = (seed, index) => (Math.imul(seed, 2_654_435_761) + Math.imul(index, 40_503)) | 0;

export function createActor(region, { table, seed, kind, mayDie }) {
  const { heap } = region;
  const places = new Int32Array(table);
  const own = [];
  const counts = { steps: 0, refused: 0, busy: 0, stale: 0, given: 0, adopted: 0 };
  const { most, plain = false, ...weights } = KINDS[kind];
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);

  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (limit) => next() % limit;
  const size = () => SIZES[kind](below);

  function fail(what) {
    throw new Error(`${what}; actor seed ${seed}, kind ${kind}, step ${counts.steps}`);
  }

  function fill(offset, words, seed, from = 0) {
    if (plain) return;
    const base = offset >>> 2;
    for (let i = from; i < words; i++) heap.i32[base + i] = valueOf(seed, i);
  }

  function verify(offset, words, seed, what, from = 0) {
    if (plain) return;
    const base = offset >>> 2;
    for (let i = from; i < words; i++)
      if (heap.i32[base + i] !== valueOf(seed, i)) fail(`${what} at ${offset}: word ${i} of ${words} was changed`);
  }

  /** What `act` returns; undefined when the region was busy or full. */
  function tried(act) {
    try {
      return act();
    } catch (error) {
      if (error.code === BUSY) counts.busy++;
      else if (error.code === FULL) counts.refused++;
      else throw error;
      return undefined;
    }
  }

  function refused() {
    if (heap.lastFailure === "ERR_BUSY") counts.busy++;
    else counts.refused++;
  }

  function takeRaw() {
    const wanted = Math.max(size(), HEADER_WORDS * 4);
    const align = 16 << below(9);
    const way = plain ? 1 + 4 * below(9) : below(8);
    const offset =
      way === 0
        ? heap.alloc(wanted, { align })
        : way === 1
          ? heap.allocUnsafe(wanted, { align })
          : way < 4
            ? heap.alloc(wanted)
            : heap.allocUnsafe(wanted);
    if (offset === 0) return refused();
    if (way < 2 && offset % align !== 0) fail(`offset ${offset} is not aligned to ${align}`);
    const words = wanted >>> 2;
    if (!plain && (way === 0 || way === 2 || way === 3))
      for (let i = 0; i < words; i++) if (heap.i32[(offset >>> 2) + i] !== 0) fail(`alloc at ${offset} is not zero`);
    const thing = { offset, seed: next() | 0 };
    heap.i32.set([RAW, words, thing.seed], offset >>> 2);
    fill(offset, words, thing.seed, 3);
    own.push(thing);
  }

  function takeBlock() {
    const block = tried(() => region.allocate(size()));
    if (block === undefined) return;
    const content = plain ? [] : block.bytes;
    for (let i = 0; i < content.length; i += 61) if (content[i] !== 0) fail(`allocate at ${block.offset} is not zero`);
    const thing = { block, seed: next() | 0, shared: false };
    fill(block.offset, block.size >>> 2, thing.seed);
    own.push(thing);
  }

  /** The message that hands a thing of ours over; 0 when there is no room for an envelope. */
  function messageOf(thing) {
    if (thing.block === undefined) return thing.offset;
    const envelope = heap.allocUnsafe(HEADER_WORDS * 4);
    if (envelope === 0) {
      refused();
      return 0;
    }
    const { offset, size, claim } = thing.block.handle();
    const canGo = mayDie && !thing.shared ? 1 : 0;
    heap.i32.set([ENVELOPE, canGo, thing.seed, offset, size, claim[0], claim[1]], envelope >>> 2);
    return envelope;
  }

  /** Makes what a message brings ours. */
  function receive(message) {
    const [kind, second, seed, offset, size, low, high] = heap.i32.subarray(message >>> 2, (message >>> 2) + 7);
    if (kind === RAW) {
      own.push({ offset: message, seed });
      return;
    }
    if (kind !== ENVELOPE) fail(`the block at ${message} is no message: ${kind}`);
    const handle = { offset: offset >>> 0, size, claim: [low, high] };
    const block = adopt(handle, second !== 0);
    if (!heap.free(message)) fail(`the live envelope at ${message} was not freed`);
    if (block === undefined) return;
    verify(block.offset, size >>> 2, seed, "an adopted Block");
    own.push({ block, seed, shared: false });
  }

  function adopt(handle, canGo) {
    try {
      counts.adopted++;
      return region.adopt(handle);
    } catch (error) {
      if (error.code !== STALE || !canGo) fail(`a Block of a living thread was not adopted: ${error.message}`);
      counts.stale++;
      return undefined;
    }
  }

  function dispose(thing) {
    if (thing.block === undefined) {
      verify(thing.offset, heap.i32[(thing.offset >>> 2) + 1], thing.seed, "a raw block", 3);
      if (!heap.free(thing.offset)) fail(`the live block at ${thing.offset} was not freed`);
      return;
    }
    const { block, seed } = thing;
    verify(block.offset, block.size >>> 2, seed, "a Block");
    if (!block.release()) fail("a live Block was not released");
    if (block.release()) fail("a Block was released twice");
  }

  /** One of ours, out of the table. */
  function any(matches = () => true) {
    if (own.length === 0) return undefined;
    const i = below(own.length);
    const thing = own[i];
    if (!matches(thing)) return undefined;
    own[i] = own[own.length - 1];
    own.pop();
    return thing;
  }

  const isBlock = (thing) => thing.block !== undefined;

  const operations = {
    raw: takeRaw,
    block: takeBlock,
    give() {
      const thing = any();
      if (thing === undefined) return;
      const message = messageOf(thing);
      if (message === 0) {
        own.push(thing);
        return;
      }
      const received = Atomics.exchange(places, below(places.length), message);
      counts.given++;
      if (received !== 0) receive(received);
    },
    drop() {
      const thing = any();
      if (thing !== undefined) dispose(thing);
    },
    realloc() {
      const thing = any((thing) => !isBlock(thing));
      if (thing === undefined) return;
      const words = heap.i32[(thing.offset >>> 2) + 1];
      const wanted = Math.max(size(), HEADER_WORDS * 4);
      const moved = heap.realloc(thing.offset, wanted);
      own.push(thing);
      if (moved === 0) return refused();
      thing.offset = moved;
      verify(moved, Math.min(words, wanted >>> 2), thing.seed, "a reallocated block", 3);
      heap.i32[(moved >>> 2) + 1] = wanted >>> 2;
      fill(moved, wanted >>> 2, thing.seed, 3);
    },
    resize() {
      const thing = any(isBlock);
      if (thing === undefined) return;
      const before = thing.block.size;
      const wanted = size();
      const isDone = tried(() => (thing.block.resize(wanted), true));
      own.push(thing);
      thing.shared &&= thing.block.handle().claim[1] >>> 20 === 2;
      verify(thing.block.offset, Math.min(before, isDone ? wanted : before) >>> 2, thing.seed, "a resized Block");
      if (isDone) fill(thing.block.offset, wanted >>> 2, thing.seed);
    },
    share() {
      const thing = any(isBlock);
      if (thing === undefined) return;
      thing.block.share();
      thing.shared = true;
      own.push(thing);
    },
    /** Nothing but the page layer: runs taken and given back, a dozen at a time. */
    burst() {
      const runs = new Array(12).fill(0);
      for (let i = 0; i < 240; i++) {
        if (runs[i % 12] !== 0) heap.free(runs[i % 12]);
        runs[i % 12] = heap.allocUnsafe(8193 + ((i * 7919) % 50_000));
      }
      for (const offset of runs) if (offset !== 0) heap.free(offset);
    },
    /** Nothing fits, so all that is empty is given back first. */
    misfit() {
      const wanted = Math.floor(region.capacityBytes * 0.9);
      for (let i = 0; i < 40; i++) {
        const offset = heap.allocUnsafe(wanted);
        if (offset !== 0) heap.free(offset);
      }
    },
    wrong() {
      if (heap.free(below(region.capacityBytes) | 1)) fail("an odd offset was freed");
      const block = own.find(isBlock);
      if (block !== undefined && heap.free(block.block.offset)) fail("a Block was freed as a raw block");
    },
    check() {
      const report = tried(() => region.check());
      if (report !== undefined && !report.ok) fail(`check: ${report.problems.join("; ")}`);
    },
  };

  function step() {
    counts.steps++;
    if (own.length > most) {
      if (kind !== "hoard") dispose(own.splice(below(own.length), 1)[0]);
      return;
    }
    let at = (next() / 2 ** 32) * total;
    for (const name in weights) {
      at -= weights[name];
      if (at < 0) return operations[name]();
    }
  }

  /** Gives back all that it has, and what stands in the table. */
  function drain() {
    for (let i = 0; i < places.length; i++) {
      const message = Atomics.exchange(places, i, 0);
      if (message !== 0) receive(message);
    }
    for (const thing of own.splice(0)) dispose(thing);
  }

  /** What it holds: offsets of raw blocks and of Blocks. */
  const holdings = () => ({
    raw: own.filter((thing) => !isBlock(thing)).map(({ offset }) => offset),
    blocks: own.filter(isBlock).map(({ block }) => block.offset),
  });

  return { step, drain, holdings, counts };
}
