// Sketch: how often keys were asked for lately, in a few bits each (a count-min sketch of 4-bit counters, TinyLFU). Owns the 32 bytes that stand
// behind each bucket's places: four rows of counters, in each of which a key has one. Written under the latch only, by who puts in and who evicts; a
// guess in any case, so a death can leave nothing wrong in it. It grows with the table: a new bucket begins with a copy.

import { get64, get8, put64, put8 } from "./memory";
import { BUCKET_ADDS, BUCKET_SKETCH } from "./shared/caches";

const MOST: u32 = 15;
/** After so many additions all counters of a bucket are halved: twenty for each entry that it has by load … */
export const REMEMBER_LONG: u32 = 100;
/** … or two, where the sketch stands for a list of what went lately. */
export const REMEMBER_SHORT: u32 = 10;
const HALVES: u64 = 0x7777777777777777;

/** How far into row `row` a tag's counter stands, in bits. The last row ends two counters earlier: there is the count of additions. */
function shiftOf(tag: u32, row: u32): u32 {
  const column = (tag >>> (1 + row * 5)) & 15;
  return (row == 3 ? (column * 14) >>> 4 : column) << 2;
}

function rowAt(bucket: usize, row: u32): usize {
  return bucket + BUCKET_SKETCH + ((<usize>row) << 3);
}

function rowCount(bucket: usize, tag: u32, row: u32): u32 {
  return <u32>(get64(rowAt(bucket, row)) >> shiftOf(tag, row)) & MOST;
}

/** How often the key with this tag, which belongs in the bucket at `bucket`, was counted; 0 to 15. */
export function countOf(bucket: usize, tag: u32): u32 {
  return min(
    min(rowCount(bucket, tag, 0), rowCount(bucket, tag, 1)),
    min(rowCount(bucket, tag, 2), rowCount(bucket, tag, 3)),
  );
}

/** Counts the key once more; after `most` additions what was counted before is worth half. */
export function count(bucket: usize, tag: u32, most: u32): void {
  const least = countOf(bucket, tag);
  if (least == MOST) return;
  raiseRow(bucket, tag, 0, least);
  raiseRow(bucket, tag, 1, least);
  raiseRow(bucket, tag, 2, least);
  raiseRow(bucket, tag, 3, least);
  const added = get8(bucket + BUCKET_ADDS) + 1;
  if (added >= most) halve(bucket);
  put8(bucket + BUCKET_ADDS, added < most ? added : added >>> 1);
}

function raiseRow(bucket: usize, tag: u32, row: u32, least: u32): void {
  if (rowCount(bucket, tag, row) != least) return;
  put64(rowAt(bucket, row), get64(rowAt(bucket, row)) + ((<u64>1) << shiftOf(tag, row)));
}

function halve(bucket: usize): void {
  for (let row: u32 = 0; row < 4; row++) put64(rowAt(bucket, row), (get64(rowAt(bucket, row)) >> 1) & HALVES);
}

/** Makes the sketch of the bucket at `to` a copy of that at `from`. */
export function copySketch(to: usize, from: usize): void {
  for (let row: u32 = 0; row < 4; row++) put64(rowAt(to, row), get64(rowAt(from, row)));
}
