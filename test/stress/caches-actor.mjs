// What a thread does with a cache that others use too, in random order, and what it sees wrong. A value carries its key, its version and a word for each
// place that follows from both: one that is torn, or another key's, is seen. Each key has one thread that puts it in and deletes it; it notes its version
// outside the region when a call has returned, so that a value found later that is older is seen too.

const HEADER = 3;
const SHORT_MAX = 300;
const LONG_MAX = 2500;

/** What all threads count together. */
export const FAULTS = ["torn", "foreign", "stale", "busy"];
const [TORN, FOREIGN, STALE, BUSY] = [0, 1, 2, 3];

/** Whole numbers from 0 to below `limit`, from a seed. */
function randomBelow(seed) {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

const wordsOf = (key, version) => {
  const mixed = Math.imul(version, 0x9e3779b1) ^ Math.imul(key, 0x85ebca6b);
  return HEADER + ((mixed >>> 8) % ((mixed & 31) === 0 ? LONG_MAX : SHORT_MAX));
};

function fill(words, key, version) {
  const count = wordsOf(key, version);
  words[0] = key;
  words[1] = version;
  words[2] = count;
  let word = Math.imul(version, 0x9e3779b1) ^ Math.imul(key + 1, 0x85ebca6b);
  for (let i = HEADER; i < count; i++) words[i] = word = (word + 0x61c88647) | 0;
  return count * 4;
}

function isWhole(words, bytes) {
  const [key, version, count] = words;
  if (bytes !== count * 4 || count !== wordsOf(key, version)) return false;
  let word = Math.imul(version, 0x9e3779b1) ^ Math.imul(key + 1, 0x85ebca6b);
  for (let i = HEADER; i < count; i++) if (words[i] !== (word = (word + 0x61c88647) | 0)) return false;
  return true;
}

const nameOf = (key) => (key % 3 === 0 ? key : key % 3 === 1 ? `key ${key}` : `ключ ${"x".repeat(key % 60)}${key}`);

/** Of the keys those with `key % parts === part` are this thread's to put in. */
export function createActor(cache, { keys, part, parts, seed, board }) {
  const started = new Int32Array(board.started);
  const done = new Int32Array(board.done);
  const faults = new Int32Array(board.faults);
  const below = randomBelow(seed);
  const own = new Int32Array(HEADER + LONG_MAX);
  const ownBytes = new Uint8Array(own.buffer);
  const target = new Int32Array(HEADER + LONG_MAX);
  const targetBytes = new Uint8Array(target.buffer);
  const counts = { ops: 0, found: 0, missed: 0, put: 0, refused: 0, deleted: 0 };

  const look = (key, least, words, bytes) => {
    counts.found++;
    if (words[0] !== key) Atomics.add(faults, isWhole(words, bytes) ? FOREIGN : TORN, 1);
    else if (!isWhole(words, bytes)) Atomics.add(faults, TORN, 1);
    else if (words[1] < least) Atomics.add(faults, STALE, 1);
  };
  const pick = () => Math.floor((below(1 << 20) / 2 ** 20) ** 2 * keys);
  const mine = () => Math.min(Math.floor(pick() / parts) * parts + part, keys - 1);

  const OPERATIONS = {
    set: 30,
    get: 25,
    getInto: 25,
    pin: 8,
    peek: 3,
    has: 3,
    delete: 5,
    evict: 1,
    keys: 0.05,
    clear: 0.05,
    candidates: 0.3,
  };
  const acts = {
    set() {
      const key = mine();
      if (key % parts !== part) return;
      const version = Atomics.add(started, key, 1) + 1;
      const options = below(20) === 0 ? { ttl: 1 + below(50), priority: below(100) } : undefined;
      const isIn = cache.set(nameOf(key), ownBytes.subarray(0, fill(own, key, version)), options);
      Atomics.store(done, key, version);
      if (isIn) counts.put++;
      else counts.refused++;
    },
    get() {
      const key = pick();
      const least = Atomics.load(done, key);
      const value = cache.get(nameOf(key));
      if (value === undefined) counts.missed++;
      else look(key, least, new Int32Array(value.buffer, value.byteOffset, value.length >>> 2), value.length);
    },
    peek() {
      const key = pick();
      const least = Atomics.load(done, key);
      const value = cache.peek(nameOf(key));
      if (value !== undefined)
        look(key, least, new Int32Array(value.buffer, value.byteOffset, value.length >>> 2), value.length);
    },
    getInto() {
      const key = pick();
      const least = Atomics.load(done, key);
      const bytes = cache.getInto(nameOf(key), targetBytes);
      if (bytes < 0) counts.missed++;
      else look(key, least, target, bytes);
    },
    pin() {
      const key = pick();
      const least = Atomics.load(done, key);
      const pin = cache.pin(nameOf(key));
      if (pin === undefined) return;
      // As long as the others may like to push it out.
      for (let i = below(200); i > 0; i--) target[0] = i;
      const { bytes } = pin;
      targetBytes.set(bytes);
      look(key, least, target, bytes.length);
      pin.release();
    },
    has: () => cache.has(nameOf(pick())),
    delete() {
      const key = mine();
      if (key % parts !== part) return;
      const version = Atomics.add(started, key, 1) + 1;
      if (cache.delete(nameOf(key))) counts.deleted++;
      Atomics.store(done, key, version);
    },
    evict: () => cache.evict(below(8192)),
    keys: () => [...cache.keys()],
    clear: () => cache.clear(),
    candidates: () => cache.candidates(),
  };
  const names = Object.keys(OPERATIONS);
  const total = names.reduce((sum, name) => sum + OPERATIONS[name], 0);

  function step() {
    counts.ops++;
    let at = (below(1 << 24) / 2 ** 24) * total;
    for (const name of names) {
      at -= OPERATIONS[name];
      if (at >= 0) continue;
      try {
        acts[name]();
      } catch (error) {
        if (error.code !== "ERR_REGION_BUSY") throw error;
        Atomics.add(faults, BUSY, 1);
      }
      return;
    }
  }
  return { step, counts };
}
