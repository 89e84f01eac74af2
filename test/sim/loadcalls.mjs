// Load calls: what a thread does that fetches a key: it looks, claims the load or waits for another's, loads from where the truth is, and puts in what it got,
// unless somebody has said something newer since. Where the truth is, each key has a version, which whoever sets or deletes raises before it says so: from
// its return on nobody may find an older one. A generator takes the actor, as in cachecalls.mjs.

import {
  cacheOf,
  clear,
  deadHolder,
  fill,
  get,
  historyOf,
  isAtFault,
  isIn,
  NOW,
  remove,
  requireBusy,
  sourceOf,
  userOf,
  wordOf,
  writeKey,
} from "./cachecalls.mjs";
import { DEAD, TRAPPED, Violation } from "./thread.mjs";

const PRIORITY = 50;
const ALL = "";

const truths = new WeakMap();

/** The truth of one schedule, and who loads. */
function truthOf(t) {
  const history = historyOf(t);
  let truth = truths.get(history);
  if (!truth) {
    truth = { version: new Map(), floor: new Map(), of: new Map(), saying: 0, loads: [] };
    truths.set(history, truth);
  }
  return truth;
}

const versionOf = ({ version }, key) => (version.get(key) ?? 0) + (version.get(ALL) ?? 0);

/** Something newer is true of the key from now on; what comes back is to be called once that was said. */
function say(t, key) {
  const truth = truthOf(t);
  truth.version.set(key, (truth.version.get(key) ?? 0) + 1);
  const keys = key === ALL ? historyOf(t).keys : [key];
  const said = keys.map((one) => [one, versionOf(truth, one)]);
  truth.saying++;
  return () => {
    truth.saying--;
    for (const [one, version] of said) truth.floor.set(one, Math.max(truth.floor.get(one) ?? 0, version));
  };
}

/** Looks a key up: nothing older is found than what was said before. */
export function* find(t, key, options) {
  const truth = truthOf(t);
  const floor = truth.floor.get(key) ?? 0;
  const id = yield* get(t, key, options);
  const version = truth.of.get(id) ?? 0;
  // Who deletes and does not get the latch may be waited for by who holds it.
  if (id > 0 && version < floor && !t.machine?.isImpatient)
    throw new Violation(`${t.name} finds version ${version} of key ${key}, after version ${floor} was said`);
  return id;
}

/** Puts in a value of this version; `claim`: by which it was loaded. */
function* put(t, key, version, bytes, claim) {
  const history = historyOf(t);
  const { view, c } = t;
  const id = history.next(t.name, key, bytes);
  truthOf(t).of.set(id, version);
  const op = history.begin(t.name, "set", key, { id });
  const load = (userOf(t) + c.U_LOAD) >>> 2;
  writeKey(t, key);
  if (bytes < 100) fill(t, sourceOf(t) + 8, id, bytes);
  const dead = deadHolder(t);
  const args = [cacheOf(t).at, sourceOf(t), wordOf(key), bytes, PRIORITY << 8, 0, NOW];
  view.u32[load] = claim;
  let status = yield { name: bytes < 100 ? "cacheSet" : "cacheReserve", args };
  view.u32[load] = 0;
  if (bytes >= 100 && status === c.OK) {
    fill(t, view.word(userOf(t) + c.U_VALUE), id, bytes);
    view.u32[load] = claim;
    status = yield { name: "cacheCommit", args: [cacheOf(t).at] };
    view.u32[load] = 0;
  }
  if (status === TRAPPED) return undefined;
  if (status === c.CACHE_OVERTAKEN || (status === c.BUSY && claim !== 0)) {
    if (status === c.BUSY) requireBusy(t, "cacheSet", dead);
    history.drop(op);
    return status;
  }
  history.end(op, isIn(t, "cacheSet", status, dead));
  return status;
}

/** Says something newer of a key, and puts it in. */
export function* setNewer(t, key) {
  const said = say(t, key);
  const { version } = truthOf(t);
  if ((yield* put(t, key, (version.get(key) ?? 0) + (version.get(ALL) ?? 0), 8, 0)) !== undefined) said();
}

/** Says something newer of a key: what was in is not true any more. */
export function* removeOlder(t, key) {
  const said = say(t, key);
  if ((yield* remove(t, key)) !== undefined) said();
}

/** The same of all keys. */
export function* clearOlder(t) {
  const said = say(t, ALL);
  const { ops } = historyOf(t);
  yield* clear(t);
  if (ops.some(({ by, kind, result }) => by === t.name && kind === "clear" && result === true)) said();
}

const isOver = (t, load) => load.isOver || load.thread?.status === DEAD || (load.thread?.traps ?? 0) > 0;

/** Nobody else loads this key of whose load it could be waited for. */
function requireAlone(t, key) {
  const truth = truthOf(t);
  for (const load of truth.loads) {
    if (load.key === key && !isOver(t, load) && versionOf(truth, key) === load.said)
      throw new Violation(`${t.name} and ${load.by} load key ${key} at once`);
  }
}

/** Sleeps until the load by that claim cannot be waited for any more; false: nobody is left to end it. */
function* waited(t, claim, hash, owner) {
  const { view, c } = t;
  const cache = cacheOf(t).at;
  const bell = cache + c.K_BELL;
  while (true) {
    const seen = yield { name: "simLook", args: [bell] };
    if (seen === TRAPPED) return false;
    view.u32[(bell + 4) >>> 2] = 1;
    const is = yield { name: "cacheIsLoading", args: [cache, claim, hash, owner] };
    if (is === TRAPPED) return false;
    if (is === 0) return true;
    const why = yield { name: "simSleep", args: [bell, seen] };
    if (why === TRAPPED) return false;
    if (why !== 2) continue;
    const [low, high] = view.pair(cache + c.K_LOADS + 8 * (claim - 1));
    const isSame = low >>> 0 === hash >>> 0 && high === owner;
    // A slice of its sleep would end it.
    if (!isSame && !isAtFault(t)) throw new Violation(`the load of claim ${claim} is over, and who waits sleeps on`);
    return false;
  }
}

/** Fetches a key: which value it got; 0: it loaded one; undefined: it was cut, or nobody is left who would load. */
export function* fetch(t, key, { bytes = 8 } = {}) {
  while (true) {
    const found = yield* find(t, key);
    if (found !== 0) return found;
    writeKey(t, key);
    const dead = deadHolder(t);
    const truth = truthOf(t);
    // What was said before it had its claim, and is being said still, may overtake it.
    const said = truth.saying > 0 ? NaN : versionOf(truth, key);
    const claim = yield { name: "cacheClaim", args: [cacheOf(t).at, sourceOf(t), wordOf(key)] };
    if (claim === TRAPPED) return undefined;
    if (claim === 0) return void requireBusy(t, "cacheClaim", dead);
    if (claim > 0) return yield* load(t, key, claim, said, bytes);
    const user = userOf(t);
    const [hash, owner] = [t.view.word(user + t.c.U_VALUE), t.view.word(user + t.c.U_ENTRY)];
    if (!(yield* waited(t, -claim, hash, owner))) return undefined;
  }
}

function* load(t, key, claim, said, bytes) {
  requireAlone(t, key);
  const truth = truthOf(t);
  const mine = { by: t.name, thread: t.thread, key, said, isOver: false };
  truth.loads.push(mine);
  const found = yield* find(t, key, { isPeek: true });
  const version = versionOf(truth, key);
  let status;
  if (found === 0) status = yield* put(t, key, version, bytes, claim);
  if (status === t.c.CACHE_OVERTAKEN && versionOf(truth, key) === mine.said)
    throw new Violation(`what ${t.name} loaded of key ${key} is said to be overtaken, and nobody said anything of it`);
  mine.isOver = true;
  yield { name: "cacheEndLoad", args: [cacheOf(t).at, claim] };
  return found;
}

/** At the end: nothing older is in, and nobody loads. */
export function requireTrue(stage) {
  const { main, machine, actors } = stage;
  const { c } = machine;
  const truth = truthOf(main);
  for (const key of historyOf(main).keys) {
    const id = main.now(get(main, key, { isPeek: true }));
    const version = truth.of.get(id) ?? 0;
    if (id > 0 && version < (truth.floor.get(key) ?? 0))
      throw new Violation(`version ${version} of key ${key} is in, after version ${truth.floor.get(key)} was said`);
  }
  if (actors.some(({ thread }) => thread.traps > 0)) return;
  const cache = cacheOf(stage).at;
  for (let at = cache + c.K_LOADS; at < cache + c.K_LOADS + 8 * c.LOADS_MAX; at += 4)
    if (machine.view.word(at) !== 0) throw new Violation("somebody is said to load a key, and nobody is there");
}
