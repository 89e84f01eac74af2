// Nanoseconds on the clock per record from a worker to an asynchronous consumer on the main thread. Each subject has a worker of its own that
// sends so many records of 64 bytes when it is told to, as quickly as they find room; the main thread receives them by its event loop, looks at
// each one's number, and the next subject has its turn.
import { once } from "node:events";
import { Readable } from "node:stream";
import { MessageChannel, Worker } from "node:worker_threads";
import { calmest, median, spreadOf } from "../lib/estimate.mjs";
import { makeRow } from "../lib/row.mjs";
import { makeRandom, shuffle } from "../lib/rng.mjs";
import { importSeparately } from "../lib/separate.mjs";
import { pushPop } from "./loops.mjs";
import { createQueue, isThere } from "./index.mjs";
import { openThreadStream } from "./thread-stream.mjs";

const BYTES = 64;
const RECORDS = 1024;
const OPERATIONS = 4000;
const CALM_SHARE = 1 / 3;

// How the main thread takes a ring's records.
const CONSUMERS = {
  "async-batch-64": "batches",
  "async-iterate-64": "iterate",
  "async-receive-64": "receive",
  "async-stream-64": "webStream",
  "async-node-stream-64": "nodeStream",
};
// A stream of the other kind carries text, so its records are lines.
const PEERS = ["postMessage", "MessageChannel", "thread-stream"];

export const asyncWorkloads = Object.keys(CONSUMERS);

export async function asyncRow(workload, { timing }) {
  const subjects = [{ name: "floor", receive: floor(), costs: [] }];
  for (const name of ["cistern", ...PEERS].filter((name) => name !== "cistern" || isThere(name)))
    subjects.push(await openSubject(name, CONSUMERS[workload]));
  for (const subject of subjects)
    for (const end = performance.now() + timing.warmupMs; performance.now() < end;) await subject.receive(OPERATIONS);
  const random = makeRandom(0xa51);
  for (let i = 0; i < timing.repetitions; i++) {
    for (const subject of shuffle([...subjects], random)) {
      const start = performance.now();
      await subject.receive(OPERATIONS);
      subject.costs.push(((performance.now() - start) * 1e6) / OPERATIONS);
    }
  }
  for (const { close } of subjects) await close?.();
  return toRow(workload, subjects, timing);
}

function toRow(workload, subjects, timing) {
  const calm = calmest(
    subjects.map(({ costs }) => costs),
    CALM_SHARE,
  );
  const measured = subjects.map(({ name, costs }) => {
    const slices = calm.map((i) => costs[i]);
    return [name, { value: median(slices), slices, spread: spreadOf(costs) }];
  });
  const extra = {
    least: Object.fromEntries(subjects.map(({ name, costs }) => [name, Math.round(Math.min(...costs))])),
  };
  const runs = timing.repetitions;
  return makeRow({ suite: "ring", workload, unit: "ns", measured: Object.fromEntries(measured), runs, extra });
}

// Both copies of each record, in this thread.
function floor() {
  let run;
  return async (operations) => {
    run ??= pushPop(await createQueue("floor", { bytes: BYTES }), BYTES).run;
    run(operations);
  };
}

async function openSubject(name, consumer) {
  if (name === "thread-stream") return { name, costs: [], ...(await openThreadStream(BYTES)) };
  const order = new Int32Array(new SharedArrayBuffer(4));
  const queue = name === "cistern" ? await createQueue(name, { bytes: BYTES, records: RECORDS }) : undefined;
  const { port1, port2 } = name === "MessageChannel" ? new MessageChannel() : {};
  const workerData = { kind: name, shared: queue?.shared, port: port1, order, bytes: BYTES };
  const worker = new Worker(new URL("./async-worker.mjs", import.meta.url), {
    workerData,
    transferList: port1 ? [port1] : [],
  });
  await once(worker, "message");
  const consumers = await importSeparately(new URL("./async-consumers.mjs", import.meta.url));
  const take = queue ? consumers[consumer](queue.ring, { Readable }) : consumers.messages(port2 ?? worker);
  const receive = (operations) => {
    const done = take(operations);
    Atomics.add(order, 0, operations);
    Atomics.notify(order, 0);
    return done;
  };
  const close = async () => {
    Atomics.store(order, 0, -1);
    Atomics.notify(order, 0);
    if (queue) queue.ring.close();
    else await worker.terminate();
    if (queue) await once(worker, "exit");
    const { ok = true, problems } = queue?.region.check() ?? {};
    if (!ok) throw new Error(`${name}: ${problems.join("; ")}`);
    queue?.close();
  };
  return { name, receive, close, costs: [] };
}
