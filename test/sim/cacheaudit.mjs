// Cache audit: the end of a schedule with a cache. The dead are recovered, check finds nothing, the main thread looks every key up; then there is
// for each key an order in which a plain map would have answered so, counters add up, cleared it holds its table only, and when everybody has left
// nothing of it is there.

import { cacheOf, expire, get, historyOf, NOW } from "./cachecalls.mjs";
import { sumOfInternal } from "./ringcalls.mjs";
import { leaveCut } from "./ringaudit.mjs";
import { DEAD, FINISHED, Violation } from "./thread.mjs";

/** Instead of the audit of scenarios without a cache, which it ends with. */
export function finish(stage) {
  const everyone = [...stage.actors, stage.undertaker];
  const { audit, main } = stage;
  const traps = stage.actors.reduce((sum, { thread }) => sum + thread.traps, 0);
  audit.recoverDead(everyone);
  leaveCut(stage);
  audit.survey("beside a cache");
  // Takes the latch once: what others left to be done for want of it is done.
  main.now(expire(main, "-", NOW));
  audit.survey("once all is done");
  const isWhole =
    traps === 0 && stage.ghosts.length === 0 && everyone.every(({ thread: { status } }) => status !== DEAD);
  const found = lookAtAll(stage);
  checkOrder(stage, isWhole);
  checkCounts(stage, isWhole, traps, found);
  checkRest(stage);
  takeApart(stage);
  audit.run(everyone, () => {});
  if (sumOfInternal(stage.machine.view) !== stage.internal && !stage.scenario.mayGrow)
    throw new Violation("something of the cache is left");
}

const word = (stage, name, more = 0) => stage.machine.view.word(cacheOf(stage).at + stage.machine.c[name] + more);

/** How many keys have a value. */
function lookAtAll({ main }) {
  let found = 0;
  for (const key of historyOf(main).keys) if (main.now(get(main, key, { isPeek: true })) > 0) found++;
  return found;
}

const gone = (stage, why) => word(stage, "K_GONE", stage.machine.c[why] * 4);

function checkOrder(stage, isWhole) {
  const { scenario } = stage;
  const history = historyOf(stage);
  const { shape } = cacheOf(stage);
  const evicted = gone(stage, "GONE_EVICTED") + gone(stage, "GONE_EXPIRED");
  const mayEvict = shape.evicts ?? false;
  if (isWhole && evicted > 0 && !mayEvict)
    throw new Violation(`${evicted} entries were evicted, for which there was room`);
  // Who died over it may not have counted it.
  const isUncounted = mayEvict && history.cutOf("set", "evict").length > 0;
  history.requireOrder(evicted > 0 || isUncounted || scenario.mayVanish);
}

function checkCounts(stage, isWhole, traps, found) {
  const { c } = stage.machine.view;
  const history = historyOf(stage);
  const items = word(stage, "K_ITEMS");
  // A deletion that an exception cut may leave an entry that nobody finds, until it is evicted.
  const lost = traps > 0 ? history.cutOf("delete", "set").length : 0;
  if (items < found || items > found + lost)
    throw new Violation(`${items} entries are counted, and ${found} keys have one`);
  if (!isWhole) return;
  const sets = history.planted + history.countOf("set", ({ result }) => result === true);
  if (word(stage, "K_SETS") !== sets)
    throw new Violation(`${word(stage, "K_SETS")} values are counted, ${sets} were put in`);
  let out = word(stage, "K_REPLACED");
  for (let why = 0; why <= c.GONE_CLEARED; why++) out += word(stage, "K_GONE", why * 4);
  if (sets - out !== items)
    throw new Violation(`${sets} values came in, ${out} are said to have gone, ${items} are there`);
  for (const actor of stage.actors) checkLookups(stage, actor);
}

function checkLookups(stage, { name, ownerId }) {
  const { view, c } = stage.machine;
  const expected = historyOf(stage).lookups.get(name);
  if (expected === undefined || ownerId === 0 || historyOf(stage).isPinning) return;
  const user = word(stage, "K_USERS") + (ownerId & 0xff) * c.USER_BYTES;
  const counted = view.word(user + c.U_HITS) + view.word(user + c.U_MISSES);
  if (counted !== expected) throw new Violation(`${name} looked ${expected} times, ${counted} are counted`);
}

/** Cleared, the cache holds its table and nothing else. */
function checkRest(stage) {
  const { main, audit } = stage;
  if (main.exports.cacheClear(cacheOf(stage).at) !== 1) throw new Violation("cacheClear says busy at the quiet end");
  for (const name of ["ITEMS", "BYTES", "VALUES", "SLOTS", "WINDOW", "MAIN", "ALL", "SPARE", "LIMBO", "LONG", "MORTAL"])
    if (word(stage, `K_${name}`) !== 0)
      throw new Violation(`K_${name} is ${word(stage, `K_${name}`)} in an empty cache`);
  if (word(stage, "K_HELD") !== word(stage, "K_TABLE"))
    throw new Violation(`an empty cache holds ${word(stage, "K_HELD")} bytes, its table is ${word(stage, "K_TABLE")}`);
  if (word(stage, "K_PEAK") < word(stage, "K_HELD")) throw new Violation("K_PEAK is below K_HELD");
  audit.survey("of an empty cache");
}

/** Everybody leaves. */
function takeApart(stage) {
  const { actors, main, machine } = stage;
  const { at, shape } = cacheOf(stage);
  for (const { exports, ownerId, name, thread } of actors) {
    const status = ownerId === 0 || thread.status !== FINISHED ? 0 : exports.leaveCache(at);
    if (status !== 0) throw new Violation(`leaveCache answers ${status} to ${name} at the quiet end`);
  }
  const status = main.exports.leaveCache(at);
  if (status !== 0) throw new Violation(`leaveCache answers ${status} to the last at the quiet end`);
  if (shape.budget) {
    stage.model.ledger.beginClose(shape.budget);
    stage.model.ledger.endClose(shape.budget, true);
  }
  if (machine.view.word(machine.c.H_CACHES) !== 0) throw new Violation("the cache is there when everybody has left it");
}
