// A process that takes and drops handles, collects garbage, and prints what the tracker told of it; part of leaks-gc.test.ts. It runs the packed files,
// whose two entries must share one hook. Collections go on until there are as many alerts as expected, and end in any case.
//
//   node --expose-gc test/monitor/drop-worker.mjs <scenario> <level> <alerts>
import { Region } from "../../dist/node/index.js";
import { trackLeaks } from "../../dist/node/monitor.js";

const COLLECTIONS_MAX = 50;
const [, , scenario, level, expected] = process.argv;
const region = Region.createSync({ size: "1MiB" });
const budget = region.budget("service");
const leaks = trackLeaks(region, { level, interval: 1 });
const alerts = [];
leaks.on("leak", (alert) => alerts.push(alert));

/** Collects until `isDone`, or so often that what can be collected was. */
async function collectUntil(isDone, most = COLLECTIONS_MAX) {
  for (let i = 0; i < most && !isDone(); i++) {
    // What a WeakRef was asked for lives until the end of the turn.
    await new Promise(setImmediate);
    globalThis.gc();
    await new Promise(setImmediate);
  }
}

const hasAlerts = () => alerts.length >= Number(expected);

const SCENARIOS = {
  async dropped() {
    const kept = [budget.tryReserve(1, "kept"), region.allocate(8)];
    (function drop() {
      budget.tryReserve(100, "dropped");
      budget.tryReserve(1000, "released").release();
      region.allocate(8).release();
    })();
    await collectUntil(hasAlerts);
    return { isKept: kept.every(({ isLive }) => isLive) };
  },

  async waited() {
    await (async () => {
      const limited = budget.child("limited", { limit: 10 });
      const first = limited.tryReserve(10);
      const later = limited.reserve(10, { tag: "forgotten" });
      first.release();
      await later;
      region.allocate(2000);
    })();
    await collectUntil(hasAlerts);
    return { usedBytes: region.usedBytes };
  },

  async owner() {
    class Owner {
      take() {
        this.room = budget.tryReserve(10, "owned");
        return this;
      }
    }
    const owner = (() => new WeakRef(new Owner().take()))();
    await collectUntil(() => owner.deref() === undefined);
    return { isCollected: owner.deref() === undefined };
  },

  async held() {
    const held = Array.from({ length: 100 }, () => budget.tryReserve(1));
    await collectUntil(() => false, 5);
    return { released: held.filter((room) => room.release()).length };
  },
};

const live = () => leaks.report().count;
const found = await SCENARIOS[scenario]();
console.log(JSON.stringify({ ...found, alerts, live: live(), places: leaks.report().groups.map(({ site }) => site) }));
