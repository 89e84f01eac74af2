// A thread that attaches to regions, takes Blocks in them and ends as it is told; part of watch.test.ts.
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "../dist/node/index.js";

const { handles, end, blocks, silent } = workerData;

const regions = handles.map((handle) => Region.attachSync(handle));
for (const region of regions) for (const bytes of blocks) region.allocate(bytes);

const ENDS = {
  "process.exit": () => process.exit(3),
  throw() {
    throw new Error("thrown in the worker");
  },
  close() {
    for (const region of regions) region.close();
    parentPort.close();
  },
  "no close": () => parentPort.close(),
};

if (silent) ENDS[end]();
else {
  parentPort.once("message", () => ENDS[end]());
  parentPort.postMessage(regions.map(({ ownerId }) => ownerId));
}
