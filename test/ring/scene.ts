// Rings for the tests: a region with one or two attachments in this thread, and what holds of every ring at rest.
import { expect } from "vitest";
import { type Queue, Region, type Ring, type RingOptions } from "../../src/index.js";
import { expectSound, MIB } from "../lib/regions.js";

/** A ring, and the same ring as another attachment of the region sees it. */
export interface Pair<T> {
  readonly r: Region;
  readonly other: Region;
  readonly ring: Ring<T>;
  readonly theirs: Ring<T>;
}

/** Two attachments of one region of 1 MiB, and one ring. */
export function pair<T = string>(options: RingOptions<T> = {}): Pair<T> {
  const r = Region.createSync({ size: MIB });
  const other = Region.attachSync(r.handle());
  const codec = options.codec ?? ("utf8" as never);
  const ring = r.ring<T>("ring", { ...options, codec });
  return { r, other, ring, theirs: other.ring<T>("ring", { codec }) };
}

/** A ring of texts in a region of 1 MiB. */
export function texts(options: RingOptions<string> = {}): { r: Region; ring: Ring<string> } {
  const r = Region.createSync({ size: MIB });
  return { r, ring: r.ring<string>("ring", { codec: "utf8", ...options }) };
}

/** At rest each record that was ever added was taken, dropped or lost, or is there still. */
export function expectCounted(queue: Queue<any>): void {
  const { pushes, pops, droppedOldest, lost, size } = queue.metrics();
  expect(pops + droppedOldest + lost + size).toBe(pushes);
  expect(size).toBe(queue.size);
}

/** The largest block there is in a region in which nothing lives. */
export function largest(r: Region): number {
  expectSound(r, 0);
  return r.stats().largestFreeBytes;
}

/** Nothing is left of the rings: no byte is used, and all of the region is one block again, what it keeps for later included. */
export function expectGone(r: Region, whole: number): void {
  expectSound(r, 0);
  const offset = r.heap.alloc(whole);
  expect(offset).not.toBe(0);
  r.heap.free(offset);
}

/** The numbers from `from` up to below `to`, as texts. */
export const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => String(from + i));

/** How a promise ended so far. */
export interface Outcome<T> {
  state: "pending" | "fulfilled" | "rejected";
  value?: T;
  error?: unknown;
  readonly settled: Promise<void>;
}

export function outcome<T>(promise: Promise<T>): Outcome<T> {
  const seen = {
    state: "pending",
    settled: promise.then(
      (value) => void Object.assign(seen, { state: "fulfilled", value }),
      (error: unknown) => void Object.assign(seen, { state: "rejected", error }),
    ),
  } as Outcome<T>;
  return seen;
}

/** The error that `act` throws. */
export function thrown(act: () => unknown): Error & { code?: string } {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not throw");
}

/** The code of the error that `act` throws. */
export const codeOf = (act: () => unknown): string | undefined => thrown(act).code;

/** Lets what is ready run, and who sleeps for a word that changed wake up. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { port1, port2 } = new MessageChannel();
    const came = new Promise((resolve) => {
      port1.addEventListener("message", resolve, { once: true });
    });
    port1.start();
    port2.postMessage(undefined);
    await came;
    port1.close();
  }
}
