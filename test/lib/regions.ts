// Regions for the tests, and what holds for every region at rest.
import { expect } from "vitest";
import { type Block, type BlockHandle, Region, type RegionOptions, StaleBlockError } from "../../src/index.js";

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** A region of 1 MiB unless told. */
export const region = (options: Partial<RegionOptions> = {}): Region => Region.createSync({ size: MIB, ...options });

/** At rest every invariant holds and the counters are what the walk finds. */
export function expectSound(region: Region, usedBytes?: number): void {
  const report = region.check();
  expect(report).toMatchObject({ ok: true, problems: [] });
  expect(report.usedBytes + report.freeBytes + report.overheadBytes).toBe(region.capacityBytes);
  expect(report.capacityBytes).toBe(region.capacityBytes);
  expect(report.usedBytes).toBe(region.usedBytes);
  expect(report.freeBytes).toBe(region.freeBytes);
  expect(report.overheadBytes).toBe(region.overheadBytes);
  expect(region.committedBytes).toBeGreaterThanOrEqual(region.usedBytes);
  expect(region.peakBytes).toBeGreaterThanOrEqual(region.committedBytes);
  expect(region.peakBytes).toBeLessThanOrEqual(region.capacityBytes);
  if (usedBytes !== undefined) expect(region.usedBytes).toBe(usedBytes);
}

/** Takes raw blocks, the largest first, until not even the smallest fits. */
export function fillUp(region: Region): number[] {
  const taken: number[] = [];
  for (let bytes = region.capacityBytes; bytes >= 1; bytes = bytes > 8 * KIB ? Math.floor(bytes / 2) : bytes - 8) {
    for (;;) {
      const offset = region.heap.allocUnsafe(bytes);
      if (offset === 0) break;
      taken.push(offset);
    }
  }
  return taken;
}

/** Whether all of `bytes` is `value`; quicker than an expectation for each. */
export const isAll = (bytes: Uint8Array, value: number): boolean => bytes.every((byte) => byte === value);

/** What `open` gives for a handle: a stale Block or a StaleBlockError for one that names no live Block. */
function opened<T>(region: Region, handle: BlockHandle, use: (block: Block) => T): T | false {
  try {
    return use(region.open(handle));
  } catch (error) {
    if (error instanceof StaleBlockError) return false;
    throw error;
  }
}

/** Whether `handle` names a live Block. */
export const opens = (region: Region, handle: BlockHandle): boolean => opened(region, handle, (block) => block.isLive);

/** Whether `handle` released the Block it names. */
export const releases = (region: Region, handle: BlockHandle): boolean =>
  opened(region, handle, (block) => block.release());
