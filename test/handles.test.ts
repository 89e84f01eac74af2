// Handles across threads. Goal: what region.handle() and block.handle() return survives every way to another thread, and means the
// same region and block there. Method: real worker threads that load the built package.
import { once } from "node:events";
import { MessageChannel, Worker, receiveMessageOnPort } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { type BlockHandle, Region, RegionInUseError } from "../src/index.js";
import { expectSound, isAll, region } from "./lib/regions.js";

interface Written {
  own: number;
  block: BlockHandle;
  ownerId: number;
  name: string;
}

const worker = (workerData?: unknown): Worker =>
  new Worker(new URL("stress/handle-worker.mjs", import.meta.url), { workerData });

async function ask<T>(worker: Worker, message: unknown): Promise<T> {
  const answer = once(worker, "message");
  worker.postMessage(message);
  return ((await answer) as [T])[0];
}

describe("a region's handle", () => {
  it("survives structuredClone and a message port", () => {
    const r = region({ name: "copied", busyMs: 7 });
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(r.handle());
    const received = receiveMessageOnPort(port2)?.message as ReturnType<Region["handle"]>;
    port1.close();
    for (const handle of [structuredClone(r.handle()), received]) {
      expect(handle).toMatchObject({ name: "copied", busyMs: 7 });
      const other = Region.attachSync(handle);
      const offset = other.heap.alloc(64);
      other.heap.u8[offset] = 99;
      expect(r.heap.u8[offset]).toBe(99);
      expect(r.heap.free(offset)).toBe(true);
      other.close();
    }
    expectSound(r, 0);
  });

  it.each(["workerData", "workerData, nested", "postMessage", "postMessage, nested"])(
    "attaches a worker thread by %s",
    async (way) => {
      const r = region({ name: "threads" });
      const payload = way.endsWith("nested") ? { handle: r.handle() } : r.handle();
      const thread = way.startsWith("workerData") ? worker(payload) : worker();
      if (way.startsWith("workerData")) await once(thread, "message");
      else await ask(thread, payload);
      const offset = r.heap.alloc(100);
      const written = await ask<Written>(thread, { do: "write", offset, value: 10 });
      expect(written.name).toBe("threads");
      expect(written.ownerId).not.toBe(r.ownerId);
      expect(isAll(r.heap.view(offset), 10)).toBe(true);
      expect(isAll(r.heap.view(written.own), 11)).toBe(true);
      const block = r.open(written.block);
      expect(isAll(block.bytes, 12)).toBe(true);
      expect(() => r.close()).toThrow(RegionInUseError);
      expect(await ask(thread, { do: "free", offset })).toEqual({ freed: true, again: false });
      expect(r.heap.isLive(offset)).toBe(false);
      expect(r.heap.free(written.own)).toBe(true);
      const ours = r.allocate(50);
      expect(await ask(thread, { do: "release", block: ours.handle() })).toEqual({ released: true });
      expect(ours.isLive).toBe(false);
      expect(block.isLive).toBe(true);
      await ask(thread, { do: "close" });
      expect(block.isLive).toBe(false);
      expectSound(r, 0);
      expect(r.stats().owners).toBe(1);
      r.close();
    },
  );
});
