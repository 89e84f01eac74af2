// A budget tree in plain JavaScript over a SharedArrayBuffer, behind one lock word that holds its holder's number. Under the lock all
// is plain loads and stores, so the counters are doubles: exact to 2^53 as sizes are in JavaScript, and an order of magnitude cheaper than
// BigInt. A grant and a release cost two atomic calls each whatever the depth. Who dies under the lock leaves it locked.
import { sameCopy } from "../lib/separate.mjs";

const { openNames } = await sameCopy("./names.mjs", import.meta.url);

// Indices of 32-bit words. The lock has a cache line and its neighbour to itself; a negative value says that somebody sleeps.
const LOCK = 0;
const FREE = 32;
const NODE_COUNT = 33;
const NODES = 64;
const NODE_WORDS = 32;
const NODES_MAX = 64;
const RECORDS = NODES + NODES_MAX * NODE_WORDS;
const RECORD_WORDS = 8;
const RECORDS_MAX = 8192;
const WORDS = RECORDS + RECORDS_MAX * RECORD_WORDS;

// A node. LIMIT and USED are indices of 64-bit words.
const PARENT = 0;
const LIMIT = 1;
const USED = 2;

// A record: a count of its claims, odd while it is claimed; who claimed it; bytes (a 64-bit index); budget; tag; next free one.
const CLAIM = 0;
const OWNER = 1;
const BYTES = 1;
const BUDGET = 4;
const TAG = 5;
const NEXT = 6;

// Who finds it taken looks again after pauses that grow: looking costs the holder its cache line.
const LOOKS = 24;
const PAUSE_LEAST = 64;
const PAUSE_MOST = 2048;
const SLEEPING = 1 << 31;

export function create(owner = 1) {
  const shared = { words: new SharedArrayBuffer(4 * WORDS) };
  const i32 = new Int32Array(shared.words);
  i32[NODE_COUNT] = 1;
  i32[FREE] = RECORDS;
  for (let at = RECORDS; at < WORDS; at += RECORD_WORDS)
    i32[at + NEXT] = at + RECORD_WORDS < WORDS ? at + RECORD_WORDS : 0;
  return attach({ ...shared, names: openNames().shared }, owner);
}

export function attach(shared, owner) {
  const i32 = new Int32Array(shared.words);
  const f64 = new Float64Array(shared.words);
  const names = openNames(shared.names);
  const { known } = names;

  const lock = () => {
    if (Atomics.compareExchange(i32, LOCK, 0, owner) !== 0) lockSlowly();
  };
  const unlock = () => {
    if (Atomics.exchange(i32, LOCK, 0) < 0) Atomics.notify(i32, LOCK, 1);
  };
  let paused = 0;
  const pause = (turns) => {
    for (let i = 0; i < turns; i++) paused = (paused + i) | 0;
  };
  const lockSlowly = () => {
    let turns = PAUSE_LEAST;
    for (let i = 0; i < LOOKS; i++) {
      pause(turns);
      turns = Math.min(turns * 2, PAUSE_MOST);
      if (Atomics.load(i32, LOCK) === 0 && Atomics.compareExchange(i32, LOCK, 0, owner) === 0) return;
    }
    // Who was asleep cannot know whether others still are: the lock stays marked.
    let held = Atomics.compareExchange(i32, LOCK, 0, owner | SLEEPING);
    while (held !== 0) {
      const marked = held | SLEEPING;
      if (held === marked || Atomics.compareExchange(i32, LOCK, held, marked) === held) Atomics.wait(i32, LOCK, marked);
      held = Atomics.compareExchange(i32, LOCK, 0, owner | SLEEPING);
    }
  };

  class Reservation {
    constructor(budget, record, claim) {
      this.budget = budget;
      this.record = record;
      this.claim = claim;
    }

    release() {
      const { record } = this;
      if (record === 0) return false;
      this.record = 0;
      lock();
      const isHeld = i32[record + CLAIM] === this.claim;
      if (isHeld) {
        i32[record + CLAIM] = (this.claim + 1) | 0;
        const bytes = f64[(record >> 1) + BYTES];
        const { path } = this.budget;
        for (let i = 0; i < path.length; i++) f64[path[i] + USED] -= bytes;
        i32[record + NEXT] = i32[FREE];
        i32[FREE] = record;
      }
      unlock();
      return isHeld;
    }
  }

  class Budget {
    constructor(place) {
      this.place = place;
      // The tree does not change, so its path is read once: 64-bit indices from here to the root.
      this.path = [];
      for (let at = place; at !== 0; at = i32[at + PARENT]) this.path.push(at >> 1);
    }

    tryReserve(bytes, tag) {
      if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER && Math.floor(bytes) === bytes)) throw wrongSize(bytes);
      const label = tag === undefined ? 0 : (known.get(tag) ?? names.numberOf(tag));
      const { path } = this;
      lock();
      for (let i = 0; i < path.length; i++) {
        if (f64[path[i] + USED] + bytes > f64[path[i] + LIMIT]) {
          unlock();
          return null;
        }
      }
      const record = i32[FREE];
      if (record === 0) {
        unlock();
        throw new Error("no record is left");
      }
      i32[FREE] = i32[record + NEXT];
      for (let i = 0; i < path.length; i++) f64[path[i] + USED] += bytes;
      i32[record + OWNER] = owner;
      f64[(record >> 1) + BYTES] = bytes;
      i32[record + BUDGET] = this.place;
      i32[record + TAG] = label;
      const claim = (i32[record + CLAIM] + 1) | 0;
      i32[record + CLAIM] = claim;
      unlock();
      return new Reservation(this, record, claim);
    }

    // A double may be torn where nobody holds the lock, so advice takes it too.
    check(bytes) {
      if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER && Math.floor(bytes) === bytes)) throw wrongSize(bytes);
      const { path } = this;
      let full = 0;
      lock();
      for (let i = 0; i < path.length && full === 0; i++)
        if (f64[path[i] + USED] + bytes > f64[path[i] + LIMIT]) full = path[i];
      unlock();
      return full === 0 ? null : new RangeError(`no room for ${bytes} bytes`);
    }

    get usedBytes() {
      lock();
      const used = f64[(this.place >> 1) + USED];
      unlock();
      return used;
    }
  }

  return {
    shared,
    budget(limit, parent) {
      lock();
      const place = NODES + i32[NODE_COUNT]++ * NODE_WORDS;
      i32[place + PARENT] = parent?.place ?? 0;
      f64[(place >> 1) + LIMIT] = limit;
      unlock();
      return new Budget(place);
    },
    at: (place) => new Budget(place),
    // What a thread holds, for whoever must give it back after its death.
    heldBy(who) {
      const held = [];
      lock();
      for (let at = RECORDS; at < WORDS; at += RECORD_WORDS) {
        if ((i32[at + CLAIM] & 1) !== 0 && i32[at + OWNER] === who)
          held.push({ record: at, claim: i32[at + CLAIM], place: i32[at + BUDGET], bytes: f64[(at >> 1) + BYTES] });
      }
      unlock();
      return held;
    },
    open: ({ place, record, claim }) => new Reservation(new Budget(place), record, claim),
  };
}

const wrongSize = (bytes) => new RangeError(`bytes must be a whole number from 0 on, got ${bytes}`);
