// Attaches to the region it is handed and does as it is told; part of handles.test.ts.
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "../../dist/node/index.js";

const handleOf = (message) => message.handle ?? message;

async function serve(handle) {
  const region = await Region.attach(handle);
  parentPort.on("message", (message) => {
    switch (message.do) {
      case "write": {
        region.heap.view(message.offset).fill(message.value);
        const own = region.heap.alloc(100);
        region.heap.view(own).fill(message.value + 1);
        const block = region.allocate(200);
        block.bytes.fill(message.value + 2);
        parentPort.postMessage({ own, block: block.handle(), ownerId: region.ownerId, name: region.name });
        break;
      }
      case "free":
        parentPort.postMessage({ freed: region.heap.free(message.offset), again: region.heap.free(message.offset) });
        break;
      case "release":
        parentPort.postMessage({ released: region.open(message.block).release() });
        break;
      case "close":
        region.close();
        parentPort.postMessage({ closed: true });
        parentPort.close();
        break;
    }
  });
  parentPort.postMessage({ attached: true });
}

if (workerData) await serve(handleOf(workerData));
else parentPort.once("message", (message) => void serve(handleOf(message)));
