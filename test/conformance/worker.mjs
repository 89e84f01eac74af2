// A thread of the conformance run: replays one job after the other in a region of its own, and says what came out.
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "cistern";
import { readTrace, replay } from "./replay.mjs";

const region = Region.createSync({ size: workerData.regionSize });
let last = { file: undefined, trace: undefined };

parentPort.on("message", (job) => {
  if (job === undefined) {
    const { ok, problems } = region.check();
    const isEmpty = region.usedBytes === 0;
    region.close();
    parentPort.postMessage({ problems: ok ? (isEmpty ? [] : ["a closed cache left bytes in its region"]) : problems });
    parentPort.close();
    return;
  }
  if (job.file !== last.file) last = { file: job.file, trace: readTrace(job.file, job.isSized) };
  parentPort.postMessage(replay(region, last.trace, job.capacity, job.policy));
});
