// Nanoseconds per record in one thread: every workload with every queue.
import { receiveMessageOnPort } from "node:worker_threads";
import { collectGarbage } from "../lib/collect.mjs";
import { interleave } from "../lib/interleave.mjs";
import { makeRow } from "../lib/row.mjs";
import { importSeparately } from "../lib/separate.mjs";
import { createQueue, isPort, isThere } from "./index.mjs";

export const SIZES = { 16: 16, 64: 64, "1k": 1024, "64k": 65_536 };
const RINGS = ["cistern", "floor", "ringbuf.js", "agrona"];
const PORTS = ["MessageChannel", "MessageChannel-transfer"];

// What each does: the loop by subject, with `any` for the rest. The peers of a row are those that have a loop for it.
const copied = { any: "pushPop", MessageChannel: "postReceive", "MessageChannel-transfer": "postReceive" };
const inPlace = {
  cistern: "inPlace",
  floor: "pushPop",
  agrona: "inPlaceAgrona",
  "MessageChannel-transfer": "inPlaceTransfer",
};
const batches = { cistern: "batch", floor: "batchMemory", any: "batchSingly", MessageChannel: "batchMessage" };

const KINDS = {
  "push-pop": { loops: copied, names: [...RINGS, ...PORTS], sizes: ["16", "64", "1k", "64k"] },
  "in-place": {
    loops: inPlace,
    names: ["cistern", "floor", "agrona", "MessageChannel-transfer"],
    sizes: ["16", "64", "1k", "64k"],
  },
  batch: { loops: batches, names: [...RINGS, "MessageChannel"], sizes: ["16", "64", "1k"], step: 64 },
};

export const RECORDS_OF = (bytes) => (bytes > 4096 ? 64 : 1024);

const WORKLOADS = Object.fromEntries(
  Object.entries(KINDS).flatMap(([kind, { sizes, ...plan }]) =>
    sizes.map((size) => [`${kind}-${size}`, { ...plan, bytes: SIZES[size] }]),
  ),
);

export const timeWorkloads = Object.keys(WORKLOADS);

export async function timeRow(workload, { timing, clock }) {
  const plan = WORKLOADS[workload];
  const subjects = [];
  for (const name of plan.names.filter(isThere)) subjects.push(await prepare(name, workload, plan));
  const results = interleave(subjects, timing, clock);
  for (const subject of subjects) subject.finish();
  await collectGarbage();
  return makeRow({
    suite: "ring",
    workload,
    unit: clock.kind === "wall" ? "ns" : "CPU ns",
    measured: Object.fromEntries(results.map((result) => [result.name, result])),
    runs: timing.repetitions,
  });
}

async function prepare(name, workload, { loops: by, bytes, step = 1 }) {
  const queue = await createQueue(name, { bytes, records: RECORDS_OF(bytes) });
  const loops = await importSeparately(new URL("./loops.mjs", import.meta.url));
  const { run, wrong } = loops[by[name] ?? by.any](queue, bytes, receiveMessageOnPort);
  const finish = () => {
    const left = queue.ring?.size ?? 0;
    if (wrong() > 0 || left > 0) throw new Error(`${workload}, ${name}: ${wrong()} wrong records, ${left} left`);
    if (queue.region) requireSound(queue.region, `${workload}, ${name}`);
    queue.close?.();
  };
  return { name, step, run, finish, collected: isPort(name) };
}

function requireSound(region, what) {
  const { ok, problems } = region.check();
  if (!ok) throw new Error(`${what}: ${problems.join("; ")}`);
}
