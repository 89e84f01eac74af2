// A long life with many deaths, as one process: attach, work, end or be killed, recover, again and again; part of soak.test.ts. Prints one
// JSON line with what the process and the region hold after every round, once the garbage is collected. Alone:
//
//   node --expose-gc test/stress/soak-worker.mjs [rounds] [threads in each] [attachments in each]
import { once } from "node:events";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { Region } from "../../dist/node/index.js";

const SIZES = [40, 700, 9000, 30_000];

/** Takes Blocks and gives half of them back, until it is ended. */
function live({ handle, how }) {
  const region = Region.attachSync(handle);
  const blocks = SIZES.map((bytes) => region.allocate(bytes));
  const raw = SIZES.map((bytes) => region.heap.alloc(bytes));
  for (const offset of raw) region.heap.free(offset);
  blocks.pop().release();
  if (how === "close") region.close();
  if (how === "killed") parentPort.postMessage("alive");
  else process.exit(0);
  for (;;) region.allocate(100).release();
}

async function thread(region, how) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { handle: region.handle(), how } });
  const stop = region.watch(worker);
  const ended = once(worker, "exit");
  if (how === "killed") {
    await once(worker, "message");
    await worker.terminate();
  }
  await ended;
  stop();
}

/** Attachments of this thread: half of them leave, half of them die. */
function attach(region, count) {
  for (let i = 0; i < count; i++) {
    const other = Region.attachSync(region.handle());
    for (const bytes of SIZES) other.allocate(bytes);
    if (i % 2 === 0) other.close();
    else {
      region.markDead(other.ownerId);
      region.recover(other.ownerId);
    }
  }
}

async function main([rounds = 8, threads = 6, attachments = 300]) {
  const region = Region.createSync({ size: "1MiB", maxOwners: 3 });
  const kept = Array.from({ length: 20 }, (_, i) => region.allocate(100 * (i + 1)));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < threads; i++) await thread(region, ["killed", "exit", "close"][i % 3]);
    attach(region, attachments);
    const whole = region.heap.alloc(500_000);
    region.heap.free(whole);
    // What a worker held goes a turn of the loop after its exit.
    for (let turn = 0; turn < 3; turn++) {
      await new Promise(setImmediate);
      globalThis.gc();
    }
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    const { ok, usedBytes } = region.check();
    const { owners, blocks, undecidedBytes, committedBytes } = region.stats();
    const held = { ok, usedBytes, owners, blocks, undecidedBytes, committedBytes, hasRoom: whole !== 0 };
    console.log(JSON.stringify({ round, heapUsed, external, arrayBuffers, ...held }));
  }
  for (const block of kept) block.release();
  region.close();
}

if (isMainThread) await main(process.argv.slice(2).map(Number));
else live(workerData);
