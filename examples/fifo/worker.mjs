// A worker thread: attaches to the region, replays its share of the trace against its own queue, meets the others after every
// batch, and gives everything back at the end.
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "cistern";
import { Control, Gate } from "./control.mjs";
import { Fifo } from "./fifo.mjs";
import { Peers } from "./peers.mjs";

/** Requests of the whole trace between two meetings, so that no worker runs far ahead. */
const BATCH_REQUESTS = 4096;

const { handle, worker, workers, shared, shard, length, largestBytes } = workerData;
const region = await Region.attach(handle);
const control = new Control(workers, shared);
const fifo = new Fifo(region, largestBytes);
const peers = new Peers(control, worker, fifo);
// Called by an allocation of this thread that does not fit.
const unregister = region.onFull((bytes) => peers.relieve(bytes));

function replay() {
  let next = 0;
  for (let end = BATCH_REQUESTS; !control.isOver; end += BATCH_REQUESTS) {
    for (; next < shard.length && shard[next].place < end; next++) {
      const { key, size, place } = shard[next];
      peers.attend();
      fifo.request(key, size, place);
      peers.settle();
    }
    peers.meet(() => end >= length);
  }
}

parentPort.postMessage("ready");
peers.waitForGate(Gate.Start);
replay();
parentPort.postMessage(fifo.counts);
peers.waitForGate(Gate.Cleanup);
fifo.clear();
unregister();
region.close();
parentPort.postMessage("clean");
