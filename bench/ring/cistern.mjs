// The library's own rings, through its public entry point, as a program calls them.
import { libraryFor } from "../lib/library.mjs";

const { Region } = await libraryFor(import.meta.url);

const NAME = "bench";
// What the ring needs beside its records: slots, descriptors, and a block of the next larger class each.
const REGION_LEAST = 4 * 2 ** 20;

export function create({ bytes, records, overflow = "block" }) {
  const region = Region.createSync({ size: REGION_LEAST + 2 * records * bytes });
  return over(region, region.ring(NAME, { capacity: records, overflow }));
}

// A worker's side: the same ring of the same region, reached through its handle.
export async function attach({ handle }) {
  const region = await Region.attach(handle);
  return over(region, region.ring(NAME));
}

const over = (region, ring) => ({
  region,
  ring,
  i32: region.heap.i32,
  shared: { handle: region.handle() },
  push: (record) => ring.push(record),
  popInto: (target) => ring.popInto(target),
  close: () => region.close(),
});
