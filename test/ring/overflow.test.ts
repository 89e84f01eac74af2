// A stack overflow inside `reserve` and `take` that were given a lease to use again. Goal: who is cut there has a lease with nothing in hand, or with
// what is its own, never one that leads to another's memory. Method: each call with every amount of stack from nearly none upwards, from frames
// of many sizes, for where the overflow falls depends on the engine's compilers. Afterwards the lease writes wherever it still leads to.
import { expect, it } from "vitest";
import { type ReadLease, Region, type Ring, type WriteLease } from "../../src/index.js";
import { MIB } from "../lib/regions.js";

const ROUNDS = 1500;
const SIZES = 40;

/** Goes down until the stack ends, and on the way back calls `act` until it has not thrown. */
function diver(locals: number): (act: () => unknown) => number {
  const names = Array.from({ length: locals }, (_, i) => `v${i}`);
  const body = `let overflows = 0, done = false;
    const dive = (n) => {
      ${names.map((name, i) => `let ${name} = n + ${i};`).join(" ")}
      try { dive(n + 1); } catch {}
      if (!done) try { act(); done = true; } catch { overflows++; }
      return ${names.join(" + ") || "0"};
    };
    try { dive(0); } catch {}
    return overflows;`;
  return new Function("act", body) as (act: () => unknown) => number;
}

const divers = Array.from({ length: SIZES }, (_, locals) => diver(locals));

const open = (region: Region): Ring => region.ring("ring", { capacity: 64, overflow: "drop-newest" });

it.each(["reserve", "take"] as const)("leaves a lease used again by %s with nothing, or with its own", (how) => {
  const region = Region.createSync({ size: 4 * MIB });
  let overflows = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const ring = open(region);
    // Where it was before, another's is now; what comes next is smaller, and elsewhere.
    const place = ring.reserve(1000)!;
    place.abort();
    const others = Array.from({ length: 2 }, () => ring.reserve(1000)!);
    for (const other of others) other.bytes.fill(5);
    for (let i = 0; i < 3; i++) ring.push(new Uint8Array(16).fill(3));
    const record = ring.take()!;
    record.release();
    const act = (): WriteLease | ReadLease | undefined =>
      how === "reserve" ? ring.reserve(16, place) : ring.take(record);
    overflows += divers[round % SIZES]!(act);
    // Cut or not: it is held and its own, or it is not held.
    try {
      place.bytes.fill(9);
      expect(place.size).toBe(16);
    } catch {
      expect(place.abort()).toBe(false);
    }
    if (record.offset !== 0) expect([...record.bytes]).toEqual(Array.from({ length: 16 }, () => 3));
    for (const other of others) expect(other.bytes.every((byte) => byte === 5)).toBe(true);
    ring.clear();
    ring.leave();
  }
  expect(overflows).toBeGreaterThan(ROUNDS);
  expect(region.check().problems).toEqual([]);
});
