// Nanoseconds from a record's push in the main thread to a worker that slept for it, idle: who wakes how soon. `floor` is Atomics.wait and
// Atomics.notify on a bare word. Each subject has a worker of its own, and the main thread lets each fall asleep before it wakes it.
import { once } from "node:events";
import { MessageChannel, Worker } from "node:worker_threads";
import { calmest, median, quantile, spreadOf } from "../lib/estimate.mjs";
import { makeRow } from "../lib/row.mjs";
import { makeRandom, shuffle } from "../lib/rng.mjs";
import { createQueue, isThere } from "./index.mjs";

// By which call the ring's worker sleeps.
const WORKLOADS = { "wake-idle": "receiveSync", "wake-idle-async": "receive" };
const PEERS = ["MessageChannel", "postMessage"];
const ASLEEP_MS = 1.5;
const PATIENCE_MS = 10_000;
const CALM_SHARE = 1 / 2;
const SAMPLES = 5;

export const wakeWorkloads = Object.keys(WORKLOADS);

export async function wakeRow(workload, { timing }) {
  const subjects = [];
  for (const name of ["cistern", "floor", ...PEERS].filter((name) => name !== "cistern" || isThere(name)))
    subjects.push(await openSubject(name, WORKLOADS[workload]));
  const random = makeRandom(0x3a6e);
  const repetitions = timing.repetitions * SAMPLES;
  for (let i = -repetitions / 4; i < repetitions; i++)
    for (const subject of shuffle([...subjects], random)) {
      const ns = wake(subject);
      if (i >= 0) subject.costs.push(ns);
    }
  for (const { close } of subjects) await close();
  return toRow(workload, subjects, repetitions);
}

const nap = new Int32Array(new SharedArrayBuffer(4));

function wake({ name, words, times, send }) {
  Atomics.wait(nap, 0, 0, ASLEEP_MS);
  const before = Atomics.load(words, 0);
  const start = process.hrtime.bigint();
  send(before);
  if (Atomics.wait(words, 0, before, PATIENCE_MS) === "timed-out") throw new Error(`${name}: nobody woke`);
  if (Atomics.load(words, 0) !== before + 1) throw new Error(`${name}: something else came`);
  return Number(times[0] - start);
}

async function openSubject(name, call) {
  const queue = name === "cistern" ? await createQueue(name, { bytes: 64, records: 64 }) : undefined;
  const { port1, port2 } = name === "MessageChannel" ? new MessageChannel() : {};
  const shared = new SharedArrayBuffer(16);
  const [words, times] = [new Int32Array(shared, 0, 2), new BigInt64Array(shared, 8, 1)];
  const worker = new Worker(new URL("./wake-worker.mjs", import.meta.url), {
    workerData: { kind: name, call, shared: queue?.shared, words, times, port: port2 },
    transferList: port2 ? [port2] : [],
  });
  await once(worker, "message");
  const record = new Uint8Array(64);
  const number = new Int32Array(record.buffer);
  const sends = {
    cistern: () => queue.ring.push(record),
    floor: () => {
      Atomics.add(words, 1, 1);
      Atomics.notify(words, 1);
    },
    MessageChannel: () => port1.postMessage(record),
    postMessage: () => worker.postMessage(record),
  };
  const send = (count) => {
    number[0] = count;
    sends[name]();
  };
  const close = async () => {
    const gone = once(worker, "exit");
    if (queue) queue.ring.close();
    else await worker.terminate();
    await gone;
    port1?.close();
    queue?.close();
  };
  return { name, words, times, send, close, costs: [] };
}

function toRow(workload, subjects, runs) {
  const calm = calmest(
    subjects.map(({ costs }) => costs),
    CALM_SHARE,
  );
  const summary = ({ costs }) => {
    const slices = calm.map((i) => costs[i]);
    return { value: median(slices), slices, spread: spreadOf(costs) };
  };
  const named = (of) => Object.fromEntries(subjects.map((each) => [each.name, of(each)]));
  const extra = {
    least: named(({ costs }) => Math.min(...costs)),
    p50: named(({ costs }) => Math.round(median(costs))),
    p99: named(({ costs }) => Math.round(quantile(costs, 0.99))),
  };
  return makeRow({ suite: "ring", workload, unit: "ns", measured: named(summary), runs, extra });
}
