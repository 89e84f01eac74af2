// Cache calls: the calls on a cache that a scenario's program makes, as generators that take the actor: each yields the export to run, checks the
// bytes it answers and notes in the cache's history what it said. A value's bytes say which value it is, of which key, and how long.

import { CacheHistory } from "./cachehistory.mjs";
import { sumOfInternal } from "./ringcalls.mjs";
import { TRAPPED, Violation } from "./thread.mjs";

const NO_LIMIT = 0xffffffff;
// In words of S_OUT, behind what calls read and answer there.
const SOURCE = 32;
// Keys are written over all of S_OUT.
const ROOM = 256;
const TRIES = 12;
const COPY_MAX = 100;
export const NOW = 1_000_000;
const PRIORITY = 50;
const KIND_TEXT = 1;
const LOOKS = 1 << 24;
const GOES_ON = 1 << 25;
const SEED = [0x1234567, 0x2468ace, 0x369cf, 0x48d159c];

const histories = new WeakMap();
const bases = new WeakMap();

/** The history of this schedule, which begins with what the set-up did. */
export function historyOf({ model }) {
  let found = histories.get(model.blocks);
  if (found) return found;
  const base = bases.get(model);
  found = new CacheHistory(base);
  if (!base) bases.set(model, found);
  histories.set(model.blocks, found);
  return found;
}

export const cacheOf = (t) => t.model.ledger.names.get("cache");

/** Address of what an owner notes of the cache. */
export const userOf = (t, { at } = cacheOf(t)) => t.view.word(at + t.c.K_USERS) + (t.ownerId & 0xff) * t.c.USER_BYTES;

export const sourceOf = (t) => t.slot + t.c.S_OUT + SOURCE * 4;

const wordsOf = ({ c }, shape) => {
  const { bytes = NO_LIMIT, values = NO_LIMIT, items = NO_LIMIT, policy = c.CACHE_FIFO, retention = 0 } = shape;
  const { measure = c.MEASURE_ITEMS, budget, spaces = 1 } = shape;
  const room = [bytes, values, items, policy, measure, c.FAVOUR_BOTH, retention];
  return [...room, budget?.at ?? 0, budget?.state ?? 0, spaces, ...SEED];
};

/** Opens the cache of this name, for this thread; undefined: it could not be had. */
export function* openCache(t, shape, name = 1) {
  t.view.u32.set(wordsOf(t, shape), (t.slot + t.c.S_OUT) >>> 2);
  const cache = yield { name: "openCache", args: [name] };
  if (cache === TRAPPED) return undefined;
  if (cache === 0) {
    const why = t.view.word(t.slot + t.c.S_REASON);
    if (why === t.c.BUSY || (why === t.c.FULL && isAtFault(t)) || shape.mayRefuse) return undefined;
    throw new Violation(`openCache answered 0 with reason ${why}`);
  }
  return { at: cache >>> 0, shape, wasThere: t.view.word(t.slot + t.c.S_OUT + 4 * t.c.CACHE_BEFORE) === 1 };
}

/**
 * The set-up: the main thread's cache, which these actors use too, with these entries in it ([key, bytes]; `gone`: keys that are deleted again). It
 * begins with so few buckets that a few entries make it grow.
 */
export function plantCache(stage, shape, { entries = [], gone = [], buckets = 1, users } = {}) {
  const { main, machine, actors } = stage;
  stage.internal = sumOfInternal(machine.view);
  const cache = main.now(openCache(main, shape));
  machine.u32[(cache.at + main.c.K_BUCKETS) >>> 2] = buckets;
  main.model.ledger.names.set("cache", cache);
  for (const actor of actors) if (users?.includes(actor.name) ?? true) actor.now(openCache(actor, shape));
  for (const [key, bytes = 8] of entries) main.now(bytes > 100 ? setLong(main, key, bytes) : set(main, key, bytes));
  for (const key of gone) main.now(remove(main, key));
  historyOf(main).settle();
  return cache;
}

/** Whether somebody died, or an exception cut something: then latches may be left. */
export const isAtFault = ({ machine }) =>
  machine !== undefined && (machine.isImpatient || machine.hasDead || machine.running.some(({ traps }) => traps > 0));

/** The dead holder of the cache's latch, as a call begins. */
export const deadHolder = (t) => t.view.deadHolder(cacheOf(t).at + t.c.K_LATCH);

/** "Busy" was said: somebody has a latch and does not let go, and nobody knew that it is dead. */
export function requireBusy(t, name, dead) {
  if (!isAtFault(t)) throw new Violation(`${name} said "busy" although the latch's holder was at work`);
  if (dead !== 0 && deadHolder(t) === dead)
    throw new Violation(`${name} said "busy" although its holder was known to be dead`);
}

export const wordOf = (key) => key.length | (KIND_TEXT << 14);

export function writeKey(t, key, at = sourceOf(t)) {
  t.view.u8.fill(0, at, at + 8);
  for (let i = 0; i < key.length; i++) t.view.u8[at + i] = key.charCodeAt(i);
}

const byteOf = (id, bytes, i) => (id * 37 + bytes * 11 + i * 7) & 255;

/** A value of `bytes` bytes: the first says which it is. */
const valueOf = (id, bytes) => Uint8Array.from({ length: bytes }, (_, i) => (i === 0 ? id : byteOf(id, bytes, i)));

/** Where `bytes` bytes of a value lie, which stands at `at`, or the addresses of its pieces do: [address, bytes], …. */
function partsOf({ c, view }, at, bytes, pieces) {
  if (pieces === 0) return [[at, bytes]];
  return Array.from({ length: pieces }, (_, i) => [
    view.word(at + 4 * i),
    Math.min(c.PAGE_BYTES, bytes - i * c.PAGE_BYTES),
  ]);
}

/** Writes a value of `bytes` ≤ 100 bytes to `at`. */
export const fill = (t, at, id, bytes) => write(t, [[at, bytes]], valueOf(id, bytes));

/** The same of what the last lookup, or reservation, says. */
const partsFound = (t, at, bytes) => partsOf(t, at, bytes, t.view.word(userOf(t) + t.c.U_PIECES));

function write({ view }, parts, value) {
  let done = 0;
  for (const [at, bytes] of parts) {
    view.u8.set(value.subarray(done, done + bytes), at);
    done += bytes;
  }
}

const read = ({ view }, parts) => Uint8Array.from(parts.flatMap(([at, bytes]) => [...view.u8.slice(at, at + bytes)]));

/** Which value of the key these bytes are. */
function identify(t, key, copy) {
  const id = copy[0];
  const value = historyOf(t).values.get(id);
  if (!value) throw new Violation(`what ${t.name} found of key ${key} is no value`);
  if (value.key !== key) throw new Violation(`what ${t.name} found of key ${key} is a value of key ${value.key}`);
  if (value.bytes !== copy.length)
    throw new Violation(`value ${id} of ${value.bytes} bytes is ${copy.length} bytes long`);
  for (let i = 1; i < copy.length; i++)
    if (copy[i] !== byteOf(id, copy.length, i))
      throw new Violation(`byte ${i} of value ${id} of key ${key} is another's`);
  return id;
}

const aboutOf = ({ priority = PRIORITY, space = 0, looks = false }) => space | (priority << 8) | (looks ? LOOKS : 0);

/** Whether a status says that the value is in; else that must be allowed. */
export function isIn(t, name, status, dead) {
  const { c } = t;
  if (status === c.OK) return true;
  if (status === c.BUSY) requireBusy(t, name, dead);
  else if ((status !== c.FULL && status !== c.CACHE_PROTECTED) || !isAtFault(t)) {
    const isRefusal = status === c.FULL || (status >= c.CACHE_TOO_LARGE && status <= c.CACHE_SPACE_FULL);
    if (!isRefusal || !cacheOf(t).shape.mayRefuse) throw new Violation(`${name} answers ${status}`);
  }
  return false;
}

/** Puts a value of `bytes` ≤ 100 bytes in; with `looks` it looks at what is evicted. */
export function* set(t, key, bytes = 8, { expires = 0, now = NOW, ...more } = {}) {
  const history = historyOf(t);
  const id = history.next(t.name, key, bytes);
  const op = history.begin(t.name, "set", key, { id });
  let about = aboutOf(more);
  while (true) {
    writeKey(t, key);
    write(t, [[sourceOf(t) + 8, bytes]], valueOf(id, bytes));
    const dead = deadHolder(t);
    const args = [cacheOf(t).at, sourceOf(t), wordOf(key), bytes, about, expires, now];
    const status = yield { name: "cacheSet", args };
    if (status === TRAPPED) return false;
    if (status !== t.c.CACHE_SHOWN) {
      const done = isIn(t, "cacheSet", status, dead);
      history.end(op, done);
      return done;
    }
    about |= GOES_ON;
    if ((yield* endShown(t)) === TRAPPED) return false;
  }
}

/** Looks at what was evicted, and lets it go. */
function* endShown(t) {
  const { c, view } = t;
  const e = view.word(userOf(t) + c.U_SHOWN);
  requireEntry(t, e, "what is shown");
  const answer = yield { name: "cacheUnpin", args: [cacheOf(t).at, e] };
  if (answer === 0) throw new Violation("what is shown was not pinned");
  return answer;
}

/** What lies at `e` is a value of its own key. */
function requireEntry(t, e, what) {
  const { c, view } = t;
  const length = view.word(e + c.E_KEY) & 0x3fff;
  const key = String.fromCharCode(...view.u8.subarray(e + c.E_TEXT, e + c.E_TEXT + length));
  const at = e + c.E_TEXT + ((length + 7) & ~7);
  try {
    return identify(t, key, read(t, partsOf(t, at, view.word(e + c.E_VALUE_LENGTH), view.word(e + c.E_PIECES))));
  } catch (error) {
    throw error instanceof Violation ? new Violation(`${what}: ${error.message}`) : error;
  }
}

/** Takes a slot for a value and writes it there; undefined: it was refused. */
export function* reserve(t, key, bytes, { expires = 0, now = NOW, ...more } = {}) {
  const history = historyOf(t);
  const id = history.next(t.name, key, bytes);
  writeKey(t, key);
  const op = history.begin(t.name, "set", key, { id });
  const dead = deadHolder(t);
  const args = [cacheOf(t).at, sourceOf(t), wordOf(key), bytes, aboutOf(more), expires, now];
  const status = yield { name: "cacheReserve", args };
  if (status === TRAPPED) return undefined;
  if (!isIn(t, "cacheReserve", status, dead)) {
    history.end(op, false);
    return undefined;
  }
  const parts = partsFound(t, t.view.word(userOf(t) + t.c.U_VALUE), bytes);
  if (cacheOf(t).shape.inPieces && bytes > 100 && t.view.word(userOf(t) + t.c.U_PIECES) === 0)
    throw new Violation("a long value was to be in pieces and is not");
  write(t, parts, valueOf(id, bytes));
  return { op, key, id, parts };
}

/** Puts in what was reserved, which is as it was written. */
export function* commit(t, hand) {
  if (!hand) return;
  identify(t, hand.key, read(t, hand.parts));
  const dead = deadHolder(t);
  const status = yield { name: "cacheCommit", args: [cacheOf(t).at] };
  if (status === TRAPPED) return;
  historyOf(t).end(hand.op, isIn(t, "cacheCommit", status, dead));
}

/** Gives back what was reserved. */
export function* abort(t, hand) {
  if (!hand) return;
  identify(t, hand.key, read(t, hand.parts));
  // What had its key goes with the reservation where there was no room, and only then.
  const answer = yield { name: "cacheAbort", args: [cacheOf(t).at] };
  if (answer !== TRAPPED) historyOf(t).drop(hand.op);
}

/** Puts a value of any length in. */
export function* setLong(t, key, bytes, more) {
  yield* commit(t, yield* reserve(t, key, bytes, more));
}

/** Copies what the last lookup found, in two halves between which others may come in; undefined: an exception cut it, or it changed. */
function* copied(t, value) {
  const { c, view } = t;
  const cache = cacheOf(t);
  const bytes = view.word(userOf(t) + c.U_LENGTH);
  const parts = partsFound(t, value, bytes);
  const [first, half] = [read(t, parts), bytes >>> 1];
  if (t.thread && (yield { name: "simLook", args: [cache.at + c.K_LATCH] }) === TRAPPED) return undefined;
  const copy = Uint8Array.of(...first.subarray(0, half), ...read(t, parts).subarray(half));
  return (yield { name: "cacheStill", args: [cache.at] }) === 1 ? copy : undefined;
}

/** Looks a key up: which value was found; 0: none. */
export function* get(t, key, { now = NOW, isPeek = false } = {}) {
  const history = historyOf(t);
  const { c, view } = t;
  for (let i = 0; i < TRIES; i++) {
    writeKey(t, key);
    const op = history.begin(t.name, "get", key);
    if (!isPeek) history.lookups.set(t.name, (history.lookups.get(t.name) ?? 0) + 1);
    const value = yield { name: "cacheGet", args: [cacheOf(t).at, sourceOf(t), wordOf(key), isPeek ? 1 : 0] };
    if (value === TRAPPED) return history.drop(op);
    if (value === 0) {
      history.end(op, 0);
      return 0;
    }
    const [low, high] = view.pair(userOf(t) + c.U_EXPIRES);
    const expires = new Float64Array(Uint32Array.of(low, high).buffer)[0];
    const copy = yield* copied(t, value >>> 0);
    if (copy === undefined) {
      history.drop(op);
      continue;
    }
    history.end(op, identify(t, key, copy));
    if (expires !== 0 && expires <= now) yield* expire(t, key, now);
    return op.result;
  }
  throw new Violation(`what ${t.name} found changed ${TRIES} times`);
}

/** The same, by a copy that the call itself makes. */
export function* copyOut(t, key) {
  const history = historyOf(t);
  writeKey(t, key);
  const op = history.begin(t.name, "get", key);
  history.lookups.set(t.name, (history.lookups.get(t.name) ?? 0) + 1);
  const to = sourceOf(t) + 8;
  const bytes = yield { name: "cacheCopy", args: [cacheOf(t).at, sourceOf(t), wordOf(key), 0, to, COPY_MAX] };
  if (bytes === TRAPPED) return history.drop(op);
  if (bytes < -1) throw new Violation(`what ${t.name} found of key ${key} is ${bytes} bytes long`);
  history.end(op, bytes === -1 ? 0 : identify(t, key, t.view.u8.slice(to, to + bytes)));
  return op.result;
}

/** Takes the entry out if it expired; by `cacheDrop`, whether it did or not. */
export function* expire(t, key, now, name = "cacheExpire") {
  const history = historyOf(t);
  writeKey(t, key);
  const op = history.begin(t.name, "expire", key);
  const done = yield { name, args: [cacheOf(t).at, sourceOf(t), wordOf(key), now] };
  if (done === TRAPPED) return undefined;
  history.end(op, done === 1);
  return done === 1;
}

/** Deletes a key: whether there was one. */
export function* remove(t, key) {
  const history = historyOf(t);
  writeKey(t, key);
  const op = history.begin(t.name, "delete", key);
  const done = yield { name: "cacheDelete", args: [cacheOf(t).at, sourceOf(t), wordOf(key)] };
  if (done === TRAPPED) return undefined;
  history.end(op, done === 1);
  return done === 1;
}

/** Pins the value of a key; undefined: there is none. */
export function* pin(t, key) {
  const history = historyOf(t);
  const { c, view } = t;
  writeKey(t, key);
  const op = history.begin(t.name, "get", key);
  history.isPinning = true;
  const value = yield { name: "cachePin", args: [cacheOf(t).at, sourceOf(t), wordOf(key), 0] };
  if (value === TRAPPED) return history.drop(op);
  const user = userOf(t);
  if (value === 0) {
    if (view.word(user + c.U_ENTRY) !== 0) throw new Violation("a thread without pins has as many as it may");
    history.end(op, 0);
    return undefined;
  }
  const bytes = view.word(user + c.U_LENGTH);
  const hand = { key, e: view.word(user + c.U_ENTRY), parts: partsFound(t, value >>> 0, bytes) };
  hand.id = identify(t, key, read(t, hand.parts));
  history.end(op, hand.id);
  return hand;
}

/** Lets a pinned value go, which is as it was all the time. */
export function* unpin(t, hand) {
  if (!hand) return;
  const id = identify(t, hand.key, read(t, hand.parts));
  if (id !== hand.id) throw new Violation(`the pinned value ${hand.id} is value ${id} now`);
  const done = yield { name: "cacheUnpin", args: [cacheOf(t).at, hand.e] };
  if (done === 0) throw new Violation(`cacheUnpin says that value ${hand.id} is not pinned`);
}

/** Evicts by the policy until so many bytes less are held. */
export function* evict(t, bytes = 1, now = NOW) {
  const op = historyOf(t).begin(t.name, "evict", undefined);
  const answer = yield { name: "cacheEvict", args: [cacheOf(t).at, bytes, 0, now] };
  if (answer !== TRAPPED) historyOf(t).end(op, true);
}

export function* clear(t) {
  const history = historyOf(t);
  const op = history.begin(t.name, "clear", undefined);
  const dead = deadHolder(t);
  const done = yield { name: "cacheClear", args: [cacheOf(t).at] };
  if (done === TRAPPED) return;
  if (done === 1) history.end(op, true);
  else {
    requireBusy(t, "cacheClear", dead);
    history.drop(op);
  }
}

/** Which keys there are, bucket by bucket. */
export function* keys(t) {
  const history = historyOf(t);
  const { c, view } = t;
  const target = t.slot + c.S_OUT;
  for (let index = 0; ; index++) {
    const begin = history.clock;
    const bytes = yield { name: "cacheKeys", args: [cacheOf(t).at, index, target, ROOM, 0] };
    if (bytes === TRAPPED || bytes === -1) return;
    if (bytes === -2) continue;
    for (let at = target; at < target + bytes;) {
      const length = view.word(at) & 0x3fff;
      const key = String.fromCharCode(...view.u8.subarray(at + c.KEYS_HEADER, at + c.KEYS_HEADER + length));
      history.requireKey(key, view.word(at + c.KEYS_VALUE_LENGTH));
      history.end(history.begin(t.name, "seen", key, { begin }), true);
      at += c.KEYS_HEADER + ((length + 7) & ~7);
    }
  }
}

/** A call that changes what the cache may hold, or by what it lets go. */
function* changed(t, name, ...args) {
  const dead = deadHolder(t);
  const done = yield { name, args: [cacheOf(t).at, ...args] };
  if (done === 0) requireBusy(t, name, dead);
}

export const setLimits = (t, { bytes = NO_LIMIT, values = NO_LIMIT, items = NO_LIMIT }) =>
  changed(t, "cacheSetLimits", bytes, values, items);

export const setPolicy = (t, policy, { retention = 0, isCritical = false } = {}) =>
  changed(t, "cacheSetPolicy", policy, 0, retention, isCritical ? 1 : 0);

export const setSpace = (t, index, { items = NO_LIMIT, bytes = NO_LIMIT }) =>
  changed(t, "cacheSetSpace", index, items, bytes);

/** The thread leaves the region, and so all caches. */
export function* detach(t) {
  t.model.openOwner(t.ownerId);
  const status = yield { name: "detachRegion", args: [] };
  if (status === TRAPPED) t.model.cut("detach");
  else if (status === t.c.BUSY) {
    if (!isAtFault(t)) throw new Violation('detachRegion said "busy" although nobody has died');
    t.isHalfOut = true;
  } else {
    t.model.releaseOwner(t.ownerId);
    t.setOwner(0);
  }
}

/** The thread uses the cache no more. */
export function* leave(t, cache = cacheOf(t)) {
  const status = yield { name: "leaveCache", args: [cache.at] };
  if (status === TRAPPED || status === 0) return status;
  if (status !== t.c.BUSY || !isAtFault(t)) throw new Violation(`leaveCache answers ${status}`);
  return status;
}
