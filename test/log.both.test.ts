// What a log shows of the library's objects. Goal: who logs one, or an object that holds one, writes a line, not the region. Method: as JSON, of each
// kind, live and given back.
import { expect, it } from "vitest";
import { Region } from "../src/index.js";
import { MIB } from "./lib/regions.js";

const LONGEST = 2000;

it("a log of a region, and of all that is made of it, shows no memory", () => {
  const region = Region.createSync({ size: MIB });
  const [ring, cache] = [region.ring("ring"), region.cache("cache")];
  const budget = region.budget("budget", { limit: MIB });
  ring.push(new Uint8Array(3));
  cache.set("a", new Uint8Array(3));
  const [place, record, pin] = [ring.reserve(4)!, ring.take()!, cache.pin("a")!];
  const [block, reservation] = [region.allocate(64)!, budget.tryReserve(10, "rows")!];
  const all = { ring, cache, budget, place, record, pin, block, reservation, region, heap: region.heap };
  const shown = (): [string, number][] =>
    Object.entries(all).map(([name, one]) => [name, `${JSON.stringify(one)}`.length]);
  expect(shown().filter(([, length]) => length > LONGEST)).toEqual([]);
  for (const one of [place, record, pin, block, reservation, ring, cache, budget, region]) one[Symbol.dispose]();
  expect(shown().filter(([, length]) => length > LONGEST)).toEqual([]);
});
