// Sketch: how often keys were asked for lately: never less than they were, until what was counted before is worth half.

import { count, countOf, copySketch, REMEMBER_LONG } from "../sketch";
import { bucketAt } from "../table";
import { fresh, is, same } from "./lib";
import { Shape, gone, keepSums, open } from "./caches";

function cacheHere(): usize {
  fresh(8, 2);
  keepSums();
  return open(new Shape());
}

describe("a sketch", () => {
  it("counts a key up to fifteen, and others in other buckets not", () => {
    const cache = cacheHere();
    for (let i: u32 = 1; i < 20; i++) {
      count(bucketAt(cache, 3), 0x9e3779b1, REMEMBER_LONG);
      same(countOf(bucketAt(cache, 3), 0x9e3779b1), min(i, 15), "counted", i);
    }
    same(countOf(bucketAt(cache, 4), 0x9e3779b1), 0, "in another bucket", 0);
    gone(cache, "a sketch");
  });

  it("never says less than there was", () => {
    const cache = cacheHere();
    for (let tag: u32 = 1; tag < 20; tag++) {
      for (let i: u32 = 0; i < tag % 5; i++) count(bucketAt(cache, 0), tag * 0x85ebca6b, 1000);
    }
    for (let tag: u32 = 1; tag < 20; tag++)
      is(countOf(bucketAt(cache, 0), tag * 0x85ebca6b) >= tag % 5, true, "of tag", tag);
    gone(cache, "a sketch");
  });

  it("is worth half after so many additions", () => {
    const cache = cacheHere();
    for (let i = 0; i < 8; i++) count(bucketAt(cache, 0), 0x55555555, 20);
    for (let tag: u32 = 1; tag <= 12; tag++) count(bucketAt(cache, 0), tag * 0x9e3779b1, 20);
    is(countOf(bucketAt(cache, 0), 0x55555555) <= 5, true, "half", countOf(bucketAt(cache, 0), 0x55555555));
    is(countOf(bucketAt(cache, 0), 0x55555555) >= 4, true, "no less than half", 0);
    gone(cache, "a sketch");
  });

  it("is copied", () => {
    const cache = cacheHere();
    for (let i = 0; i < 3; i++) count(bucketAt(cache, 1), 0x12345679, 20);
    copySketch(bucketAt(cache, 9), bucketAt(cache, 1));
    same(countOf(bucketAt(cache, 9), 0x12345679), 3, "the copy", 0);
    gone(cache, "a sketch");
  });
});
