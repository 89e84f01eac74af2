// A budget tree in plain JavaScript over a SharedArrayBuffer without a lock: one compare-and-swap a level (counters.mjs), undone on the way
// back when a level refuses. Records come from a free list by compare-and-swap, in chains.
//
// It may refuse what would fit: an amount that another is about to undo is nobody's for an instant.
import { sameCopy } from "../lib/separate.mjs";

const { openCounters } = await sameCopy("./counters.mjs", import.meta.url);
const { openNames } = await sameCopy("./names.mjs", import.meta.url);

// Indices of 32-bit words. Each node has two cache lines to itself.
const FREE = 0;
const NODE_COUNT = 32;
const NODES = 64;
const NODE_WORDS = 32;
const NODES_MAX = 64;
const RECORDS = NODES + NODES_MAX * NODE_WORDS;
const RECORD_WORDS = 8;
const RECORDS_MAX = 8192;
const WORDS = RECORDS + RECORDS_MAX * RECORD_WORDS;

// A node: its counter, and its parent.
const PARENT = 4;

// A record: a count of its claims, odd while it is claimed; who claimed it; bytes (a 64-bit index); budget; tag; next in its chain; next chain.
const CLAIM = 0;
const OWNER = 1;
const BYTES = 1;
const BUDGET = 4;
const TAG = 5;
const NEXT = 6;
const NEXT_CHAIN = 7;

// Free records come from the shared list in chains of 32 and go back so; a thread keeps up to two chains. The head of the list is the
// number of a chain's first record, and above it a count of changes, without which a chain that came back would be taken for one that never left.
const CHAIN = 32;
const NUMBER_BITS = 14;
const NUMBER_MASK = (1 << NUMBER_BITS) - 1;

export function create(owner = 1) {
  const shared = { words: new SharedArrayBuffer(4 * WORDS) };
  const i32 = new Int32Array(shared.words);
  i32[NODE_COUNT] = 1;
  for (let at = WORDS - CHAIN * RECORD_WORDS; at >= RECORDS; at -= CHAIN * RECORD_WORDS) {
    for (let i = 0; i < CHAIN; i++) i32[at + i * RECORD_WORDS + NEXT] = i + 1 < CHAIN ? at + (i + 1) * RECORD_WORDS : 0;
    i32[at + NEXT_CHAIN] = i32[FREE];
    i32[FREE] = numberOf(at);
  }
  return attach({ ...shared, names: openNames().shared }, owner);
}

const numberOf = (record) => (record === 0 ? 0 : (record - RECORDS) / RECORD_WORDS + 1);
const recordOf = (number) => RECORDS + (number - 1) * RECORD_WORDS;

export function attach(shared, owner) {
  const i32 = new Int32Array(shared.words);
  const f64 = new Float64Array(shared.words);
  const { limitTo, take, give, lacks, used } = openCounters(i32, f64);
  const names = openNames(shared.names);
  const { known } = names;
  const spare = [];

  const refill = () => {
    let head = Atomics.load(i32, FREE);
    let first = 0;
    while (true) {
      if ((head & NUMBER_MASK) === 0) throw new Error("no record is left");
      first = recordOf(head & NUMBER_MASK);
      const seen = Atomics.compareExchange(i32, FREE, head, following(head, i32[first + NEXT_CHAIN]));
      if (seen === head) break;
      head = seen;
    }
    for (let at = first; at !== 0; at = i32[at + NEXT]) spare.push(at);
  };
  const giveChain = () => {
    let next = 0;
    let first = 0;
    for (let i = 0; i < CHAIN; i++) {
      first = spare.pop();
      i32[first + NEXT] = next;
      next = first;
    }
    let head = Atomics.load(i32, FREE);
    while (true) {
      i32[first + NEXT_CHAIN] = head & NUMBER_MASK;
      const seen = Atomics.compareExchange(i32, FREE, head, following(head, numberOf(first)));
      if (seen === head) return;
      head = seen;
    }
  };
  const following = (head, number) => (((head >>> NUMBER_BITS) + 1) << NUMBER_BITS) | number | 0;

  class Reservation {
    constructor(budget, record, claim) {
      this.budget = budget;
      this.record = record;
      this.claim = claim;
    }

    // Of several threads that were told of it one wins the swap.
    release() {
      const { record, claim } = this;
      if (record === 0) return false;
      this.record = 0;
      const bytes = f64[(record >> 1) + BYTES];
      if (Atomics.compareExchange(i32, record + CLAIM, claim, (claim + 1) | 0) !== claim) return false;
      const { path } = this.budget;
      for (let i = 0; i < path.length; i++) give(path[i], bytes);
      spare.push(record);
      if (spare.length > 2 * CHAIN) giveChain();
      return true;
    }
  }

  class Budget {
    constructor(place) {
      this.place = place;
      // The tree does not change, so its path is read once, from here to the root.
      this.path = [];
      for (let at = place; at !== 0; at = i32[at + PARENT]) this.path.push(at);
    }

    tryReserve(bytes, tag) {
      if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER && Math.floor(bytes) === bytes)) throw wrongSize(bytes);
      const label = tag === undefined ? 0 : (known.get(tag) ?? names.numberOf(tag));
      if (spare.length === 0) refill();
      const { path } = this;
      for (let i = 0; i < path.length; i++) {
        if (!take(path[i], bytes)) {
          while (--i >= 0) give(path[i], bytes);
          return null;
        }
      }
      const record = spare.pop();
      i32[record + OWNER] = owner;
      f64[(record >> 1) + BYTES] = bytes;
      i32[record + BUDGET] = this.place;
      i32[record + TAG] = label;
      // A plain store: who learns of this thread's death, or of this reservation, learns it by a message, which comes after.
      const claim = (i32[record + CLAIM] + 1) | 0;
      i32[record + CLAIM] = claim;
      return new Reservation(this, record, claim);
    }

    check(bytes) {
      if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER && Math.floor(bytes) === bytes)) throw wrongSize(bytes);
      const { path } = this;
      for (let i = 0; i < path.length; i++)
        if (lacks(path[i], bytes)) return new RangeError(`no room for ${bytes} bytes`);
      return null;
    }

    get usedBytes() {
      return used(this.place);
    }
  }

  return {
    shared,
    budget(limit, parent) {
      const place = NODES + Atomics.add(i32, NODE_COUNT, 1) * NODE_WORDS;
      i32[place + PARENT] = parent?.place ?? 0;
      limitTo(place, limit);
      return new Budget(place);
    },
    at: (place) => new Budget(place),
    // What a thread holds, for whoever must give it back after its death.
    heldBy(who) {
      const held = [];
      for (let at = RECORDS; at < WORDS; at += RECORD_WORDS) {
        const claim = Atomics.load(i32, at + CLAIM);
        if ((claim & 1) !== 0 && i32[at + OWNER] === who)
          held.push({ record: at, claim, place: i32[at + BUDGET], bytes: f64[(at >> 1) + BYTES] });
      }
      return held;
    },
    open: ({ place, record, claim }) => new Reservation(new Budget(place), record, claim),
  };
}

const wrongSize = (bytes) => new RangeError(`bytes must be a whole number from 0 on, got ${bytes}`);
