// Waiting and its host, in Node. Goal: waiting works where there is no Atomics.waitAsync, keeps no process alive by itself, and is no
// leak to the host's eyes. Method: the package without waitAsync, processes of their own, Node's warnings.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { allWoken, codeOf, expectAtRest, pair, take, waits } from "./budget-scene.js";

const PACKAGE = fileURLToPath(new URL("../dist/node/index.js", import.meta.url));

/** What a process prints that begins with a full budget `root` of the region `r`; fails if it does not end by itself. */
async function printed(script: string): Promise<string> {
  const text = `import { Region } from ${JSON.stringify(PACKAGE)};
    const r = Region.createSync({ size: "1MiB" });
    const root = r.budget("root", { limit: 10 });
    const held = root.tryReserve(10);
    ${script}`;
  const args = ["--input-type=module", "-e", text];
  return (await promisify(execFile)(process.execPath, args, { timeout: 20_000 })).stdout;
}

describe("without Atomics.waitAsync", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.resetModules();
  });

  it("a request that waits is looked at every few milliseconds, and nothing is looked at when none waits", async () => {
    const { waitAsync } = Atomics as typeof Atomics & { waitAsync?: unknown };
    Reflect.deleteProperty(Atomics, "waitAsync");
    vi.resetModules();
    const { Region } = (await import("../src/index.js")) as typeof import("../src/index.js");
    Object.assign(Atomics, { waitAsync });
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
    const r = Region.createSync({ size: "1MiB" });
    const other = Region.attachSync(r.handle());
    const root = r.budget("root", { limit: 10 });
    const held = other.budget("root").tryReserve(10)!;
    let granted = 0;
    const both = [5, 5].map(async (bytes) => {
      await root.reserve(bytes, { timeout: Number.POSITIVE_INFINITY });
      granted++;
    });
    expect(vi.getTimerCount()).toBe(1);
    held.release();
    expect(granted).toBe(0);
    await vi.advanceTimersByTimeAsync(10);
    await Promise.all(both);
    expect([granted, root.usedBytes, vi.getTimerCount()]).toEqual([2, 10, 0]);
  });
});

describe("a process", () => {
  it("is not kept alive by a request that waits for ever", async () => {
    expect(await printed('void root.reserve(5, { timeout: Infinity }); console.log("end");')).toBe("end\n");
  });

  it("is kept alive by a request that waits for a time, until that has passed", async () => {
    const script = "root.reserve(5, { timeout: 30 }).catch(({ code }) => console.log(code));";
    expect(await printed(script)).toBe("ERR_MEMORY_LIMIT_TIMEOUT\n");
  });
});

describe("one signal", () => {
  it("ends any number of requests, and Node does not warn of a leak", async () => {
    const warnings: Error[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on("warning", listener);
    try {
      const { r } = pair();
      const root = r.budget("root", { limit: 10 });
      const held = take(root, 10);
      const controller = new AbortController();
      const all = Array.from({ length: 100 }, () => waits(root, 1, controller.signal));
      controller.abort("end");
      await allWoken(r);
      await new Promise(setImmediate);
      expect(all.map(({ error }) => error)).toEqual(all.map(() => "end"));
      expect(all.map(codeOf)).toEqual(all.map(() => undefined));
      expect(warnings).toEqual([]);
      held.release();
      expectAtRest(r, root);
    } finally {
      process.off("warning", listener);
    }
  });
});
