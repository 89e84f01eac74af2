// Cache history: what the calls on a cache of one schedule answered, and when each began and ended; and whether for each key there is an order of
// them, in which each takes effect at an instant between its beginning and its end, that a plain map would have answered so.
//
// A call that a death or an exception cut took effect, or not, or took out what had the key. Where entries are evicted a key may lose its value at
// any instant; no value ever comes back.

import { Violation } from "./thread.mjs";

const isCut = ({ end }) => end === Infinity;

/** What a call does to the value that the key has (0: none): a list of [value after it, whether that was the last]; none: it cannot be now. */
const STEPS = {
  set(value, { id, result, end }) {
    if (end === Infinity)
      return value === 0
        ? [[id, true]]
        : [
            [id, true],
            [0, false],
          ];
    return [[result ? id : 0, true]];
  },
  get: (value, { result }) => (value === result ? [[value, true]] : []),
  seen: (value) => (value === 0 ? [] : [[value, true]]),
  delete(value, { result, end }) {
    if (end === Infinity) return value === 0 ? [] : [[0, true]];
    return (value !== 0) === result ? [[0, true]] : [];
  },
  expire(value, { result, end }) {
    if (end === Infinity || result) return value === 0 ? [] : [[0, true]];
    return [[value, true]];
  },
  clear: (value, { end }) => (end === Infinity ? [[0, false]] : [[0, true]]),
  evict: (value) => [[value, true]],
};

/** Looks for an order of these calls on one key; throws where there is none. */
function requireOrderOf(key, ops, first, mayVanish) {
  const all = ops.length;
  const seen = new Set();
  const left = [{ done: 0, value: first }];
  const needed = ops.reduce((mask, op, i) => (isCut(op) ? mask : mask | (1 << i)), 0);
  while (left.length > 0) {
    const { done, value } = left.pop();
    if ((done & needed) === needed) return;
    const state = `${done} ${value}`;
    if (seen.has(state)) continue;
    seen.add(state);
    if (mayVanish && value !== 0) left.push({ done, value: 0 });
    let soonest = Infinity;
    for (let i = 0; i < all; i++) if (!(done & (1 << i)) && ops[i].end < soonest) soonest = ops[i].end;
    for (let i = 0; i < all; i++) {
      if (done & (1 << i) || ops[i].begin > soonest) continue;
      for (const [after, isLast] of STEPS[ops[i].kind](value, ops[i]))
        left.push({ done: isLast ? done | (1 << i) : done, value: after });
    }
  }
  throw new Violation(`no map would have answered so of key ${key} (first ${first}): ${ops.map(textOf).join("; ")}`);
}

function textOf({ by, kind, id, result, end }) {
  const what = `${by} ${kind}${id ? ` ${id}` : ""}`;
  return end === Infinity ? `${what} (cut)` : `${what}: ${result}`;
}

/** What happened to one cache. */
export class CacheHistory {
  constructor(base = undefined) {
    this.clock = base?.clock ?? 0;
    this.ops = [...(base?.ops ?? [])];
    /** Each value by its number: its key and how many bytes it has. */
    this.values = new Map(base?.values);
    this.serials = new Map(base?.serials);
    /** The value that each key has as the schedule begins. */
    this.first = new Map(base?.first);
    /** How many lookups each thread counted. */
    this.lookups = new Map(base?.lookups);
    /** How many values were put in by the set-up. */
    this.planted = base?.planted ?? 0;
    this.isPinning = false;
  }

  /** The next value of this thread: its number says whose it is. */
  next(by, key, bytes) {
    const serial = (this.serials.get(by) ?? 0) + 1;
    this.serials.set(by, serial);
    // A byte: a, b, c and the undertaker have 32 each, the main thread 64, a ghost some of those.
    const id = { a: 1, b: 33, c: 65, undertaker: 97, ghost: 113, main: 129 }[by] + serial;
    this.values.set(id, { key, bytes });
    return id;
  }

  begin(by, kind, key, more = {}) {
    const op = { by, kind, key, begin: this.clock++, end: Infinity, result: undefined, ...more };
    this.ops.push(op);
    return op;
  }

  end(op, result) {
    op.result = result;
    op.end = this.clock++;
  }

  /** The call said nothing that counts. */
  drop(op) {
    this.ops.splice(this.ops.indexOf(op), 1);
    return undefined;
  }

  /** The set-up is done: what it did is where each schedule begins. */
  settle() {
    for (const { kind, key, id, result, end } of this.ops) {
      if (end === Infinity) continue;
      if (kind === "set" && result) {
        this.first.set(key, id);
        this.planted++;
      } else if (kind === "delete") this.first.delete(key);
    }
    this.ops = this.ops.filter(isCut);
  }

  /** Some value of that key is as long as that. */
  requireKey(key, bytes) {
    for (const value of this.values.values()) if (value.key === key && value.bytes === bytes) return;
    throw new Violation(`a key ${JSON.stringify(key)} with a value of ${bytes} bytes was never put in`);
  }

  get keys() {
    return [...new Set([...this.values.values()].map(({ key }) => key))];
  }

  /** How many calls of this kind ended so. */
  countOf(kind, isCounted) {
    return this.ops.filter((op) => op.kind === kind && isCounted(op)).length;
  }

  /** Calls that a death or an exception cut. */
  cutOf(...kinds) {
    return this.ops.filter((op) => isCut(op) && kinds.includes(op.kind));
  }

  requireOrder(mayVanish) {
    for (const key of this.keys) {
      const ops = this.ops.filter((op) => op.key === key || op.key === undefined);
      requireOrderOf(key, ops, this.first.get(key) ?? 0, mayVanish);
    }
  }
}
