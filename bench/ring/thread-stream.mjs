// thread-stream (pino's): text from the main thread to a stream in a worker. Its records are lines that begin with their number; they are
// received when the worker's stream has counted and checked them.
import { once } from "node:events";
import ThreadStream from "thread-stream";

const PATIENCE_MS = 30_000;
const [COUNT, WRONG] = [0, 1];

export async function openThreadStream(bytes) {
  const counts = new Int32Array(new SharedArrayBuffer(8));
  const filename = new URL("./thread-stream-worker.mjs", import.meta.url).href;
  const stream = new ThreadStream({ filename, workerData: { counts, bytes } });
  if (!stream.ready) await once(stream, "ready");
  let sent = 0;
  const receive = async (operations) => {
    for (let i = 0; i < operations; i++) {
      const line = Buffer.from(`${String(sent++).padEnd(bytes - 1)}\n`);
      if (!stream.write(line)) await once(stream, "drain");
    }
    await counted(counts, sent);
  };
  const close = async () => {
    stream.end();
    if (!stream.closed) await once(stream, "close");
  };
  return { receive, close };
}

async function counted(counts, wanted) {
  for (let count = Atomics.load(counts, COUNT); count !== wanted; count = Atomics.load(counts, COUNT)) {
    const { async: isAsync, value } = Atomics.waitAsync(counts, COUNT, count, PATIENCE_MS);
    if (isAsync && (await value) === "timed-out") throw new Error(`thread-stream: ${count} of ${wanted} lines came`);
  }
  if (Atomics.load(counts, WRONG) !== 0) throw new Error("thread-stream: lines came out of order");
}
