// The counters of atomics-cas without records: nobody could find what a dead thread held, and a second release is refused by the
// handle alone. What a budget costs at least in plain JavaScript once several threads share it.
import { sameCopy } from "../lib/separate.mjs";

const { openCounters } = await sameCopy("./counters.mjs", import.meta.url);

const NODE_COUNT = 0;
const NODE_WORDS = 32;
const NODES_MAX = 64;
const PARENT = 4;

export function create() {
  const shared = { words: new SharedArrayBuffer(4 * NODE_WORDS * (NODES_MAX + 1)) };
  return attach(shared);
}

export function attach(shared) {
  const i32 = new Int32Array(shared.words);
  const { limitTo, take, give, lacks, used } = openCounters(i32, new Float64Array(shared.words));

  class Reservation {
    constructor(budget, bytes) {
      this.budget = budget;
      this.bytes = bytes;
    }

    release() {
      const { budget } = this;
      if (budget === null) return false;
      this.budget = null;
      const { path } = budget;
      for (let i = 0; i < path.length; i++) give(path[i], this.bytes);
      return true;
    }
  }

  class Budget {
    constructor(place) {
      this.place = place;
      this.path = [];
      for (let at = place; at !== 0; at = i32[at + PARENT]) this.path.push(at);
    }

    tryReserve(bytes) {
      if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER && Math.floor(bytes) === bytes)) throw wrongSize(bytes);
      const { path } = this;
      for (let i = 0; i < path.length; i++) {
        if (!take(path[i], bytes)) {
          while (--i >= 0) give(path[i], bytes);
          return null;
        }
      }
      return new Reservation(this, bytes);
    }

    check(bytes) {
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
      const place = (Atomics.add(i32, NODE_COUNT, 1) + 1) * NODE_WORDS;
      i32[place + PARENT] = parent?.place ?? 0;
      limitTo(place, limit);
      return new Budget(place);
    },
    at: (place) => new Budget(place),
  };
}

const wrongSize = (bytes) => new RangeError(`bytes must be a whole number from 0 on, got ${bytes}`);
