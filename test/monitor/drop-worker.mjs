// A process that takes and drops handles, and prints what the tracker tells of them; part of leaks-gc.test.ts.
//
//   node --expose-gc test/monitor/drop-worker.mjs <level>
import { Region } from "../../dist/node/index.js";
import { trackLeaks } from "../../dist/node/monitor.js";

const COLLECTIONS_MAX = 50;
const [, , level] = process.argv;
const region = Region.createSync({ size: "1MiB" });
const budget = region.budget("service");
const leaks = trackLeaks(region, { level, interval: 1 });
const alerts = [];
leaks.on("leak", (alert) => alerts.push(alert));

const kept = budget.tryReserve(1, "kept");
function drop() {
  budget.tryReserve(100, "dropped");
  budget.tryReserve(1000, "released").release();
}
drop();

for (let i = 0; i < COLLECTIONS_MAX && alerts.length === 0; i++) {
  globalThis.gc();
  await new Promise(setImmediate);
}
const { count } = leaks.report();
console.log(JSON.stringify({ alerts, live: count, isKept: kept.isLive }));
