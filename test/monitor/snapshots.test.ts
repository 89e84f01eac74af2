// HeapSnapshots. Goal: one file for an episode, none too soon, too large or too many, and a real one is one. Method: a host that the test plays, and
// Node's on a small heap.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { HeapSnapshots, type HeapSnapshotsOptions } from "../../src/monitor/index.js";
import { scene, stopAll } from "./leaks-scene.js";

const COOLDOWN_MS = 600_000;

function made(options: HeapSnapshotsOptions = {}) {
  const time = { nowMs: 0 };
  const heap = { usedBytes: 1000 };
  const paths: string[] = [];
  const host = { heapUsedBytes: () => heap.usedBytes, write: (path: string) => (paths.push(path), path) };
  const clock = (): number => time.nowMs;
  const snapshots = new HeapSnapshots({ clock, wallClock: () => 1_700_000_000_000, host, ...options });
  return { snapshots, time, heap, paths };
}

it("writes one for an episode, and another for the next, after the cooldown", () => {
  const { snapshots, time, paths } = made({ folder: "/var/dumps" });
  const path = snapshots.take("leak of frames/gop");
  expect(path).toMatch(/^\/var\/dumps\/heap-leak-of-frames-gop-2023-11-14T22-13-20-000Z-\w+\.heapsnapshot$/);
  time.nowMs = 2 * COOLDOWN_MS;
  expect(snapshots.take("leak of frames/gop")).toBeUndefined();
  snapshots.over("leak of frames/gop");
  expect(snapshots.take("leak of frames/gop")).toBeDefined();
  expect(new Set(paths).size).toBe(2);
  expect(snapshots.stats()).toEqual({ written: 2, refused: 1, failed: 0 });
});

it("writes none within the cooldown of the last, whatever the reason, and then still has that episode's to write", () => {
  const { snapshots, time } = made();
  expect(snapshots.take("a")).toBeDefined();
  time.nowMs = COOLDOWN_MS - 1;
  expect(snapshots.take("b")).toBeUndefined();
  time.nowMs = COOLDOWN_MS;
  expect(snapshots.take("b")).toBeDefined();
});

it("writes no more files than it was told, and none of a heap that is too large", () => {
  const { snapshots, heap } = made({ maxFiles: 2, maxHeap: "1KiB", cooldownMs: 0 });
  heap.usedBytes = 1025;
  expect(snapshots.take("a")).toBeUndefined();
  heap.usedBytes = 1024;
  expect(snapshots.take("a")).toBeDefined();
  expect(snapshots.take("b")).toBeDefined();
  expect(snapshots.take("c")).toBeUndefined();
  expect(snapshots.stats()).toEqual({ written: 2, refused: 2, failed: 0 });
});

it("tells what the host throws, counts it, and does not try that episode again", () => {
  const write = (): never => {
    throw new Error("no space left");
  };
  const { snapshots } = made({ cooldownMs: 0, host: { heapUsedBytes: () => 0, write } });
  expect(() => snapshots.take("a")).toThrow("no space left");
  expect(snapshots.take("a")).toBeUndefined();
  expect(snapshots.stats()).toEqual({ written: 0, refused: 1, failed: 1 });
});

it("is one for a leak, however many handles are dropped", async () => {
  const { r, leaks, gc } = scene({ frames: 1, cooldownMs: 0 });
  const { snapshots, paths } = made();
  leaks.on("leak", () => snapshots.take("leak"));
  const budget = r.budget("b");
  for (const tag of ["s", "t", "s", "t"]) await gc.collect(budget.tryReserve(1, tag)!);
  expect(paths).toHaveLength(1);
  stopAll();
});

it("writes what Node's tools read", () => {
  const folder = mkdtempSync(join(tmpdir(), "cistern-heap-"));
  try {
    const path = new HeapSnapshots({ folder, maxHeap: "4GiB" }).take("test");
    const { snapshot } = JSON.parse(readFileSync(path!, "utf8")) as { snapshot: { node_count: number } };
    expect(snapshot.node_count).toBeGreaterThan(1000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("refuses options and reasons that are none, with the value in the text", () => {
  const wrong: [() => unknown, RegExp][] = [
    [() => made({ folder: "" }), /folder must be a text that is not empty, got ""/],
    [() => made({ maxFiles: -1 }), /maxFiles must be an integer from 0 to 1000, got -1/],
    [() => made({ maxHeap: "much" }), /"much" is no size/],
    [() => made({ cooldownMs: Number.NaN }), /cooldownMs must be a finite number of at least 0, got NaN/],
    [() => made({ host: {} as never }), /host must be an object with heapUsedBytes\(\), write\(\), got an object/],
    [() => made({ files: 1 } as never), /unknown option "files"/],
    [() => made().snapshots.take(5 as never), /reason must be a text that is not empty, got 5/],
    [() => made().snapshots.over(""), /reason must be a text/],
  ];
  for (const [call, text] of wrong) expect(call).toThrow(text);
});
