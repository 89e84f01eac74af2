// Refused records. Goal: a record that found no place is counted once, by whatever call it was to be put in. Method: a full ring, and its metrics.
import { describe, expect, it } from "vitest";
import { region } from "./lib/regions.js";

const record = (): Uint8Array => new Uint8Array(16);

describe("a record that finds no place in a full ring", () => {
  it.each(["drop-newest", "block"] as const)("with the policy %s is counted as refused once by push", (overflow) => {
    const ring = region().ring("ring", { capacity: 2, overflow });
    expect([record(), record(), record()].map((one) => ring.push(one))).toEqual([true, true, false]);
    expect(ring.metrics()).toMatchObject({ pushes: 2, refused: 1 });
  });

  it.each(["drop-newest", "block"] as const)(
    "with the policy %s is counted as refused once by pushMany",
    (overflow) => {
      const ring = region().ring("ring", { capacity: 2, overflow });
      expect(ring.pushMany([record(), record(), record()])).toBe(2);
      expect(ring.metrics()).toMatchObject({ pushes: 2, refused: 1 });
    },
  );
});
