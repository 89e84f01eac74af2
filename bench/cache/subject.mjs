// What the cache suite compares, by the name its figures carry: each holds up to `entries` values. Values come in one buffer that the caller writes to
// again, as from a socket: who keeps references keeps a copy. This module is evaluated once per subject (lib/separate.mjs).
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { libraryFor } from "../lib/library.mjs";
import { importSeparately } from "../lib/separate.mjs";

const CATALOGUE = { cistern, "lru-cache": lruCache, "quick-lru": quickLru, "tiny-lru": tinyLru, mnemonist, lmdb };

export const names = Object.keys(CATALOGUE);

export const create = (name, plan) => CATALOGUE[name](plan);

async function cistern({ entries, bytes, policy, size }) {
  const { Region } = await libraryFor(import.meta.url);
  const region = Region.createSync({ size: size ?? 32 * 2 ** 20 + Math.ceil(entries * (bytes + 160) * 1.5) });
  const cache = region.cache("bench", { maxItems: entries, policy, codec: "buffer" });
  const target = new Uint8Array(bytes);
  return {
    region,
    get: (key) => cache.get(key),
    getInto: (key) => cache.getInto(key, target) === bytes,
    first: (key) => {
      const pin = cache.pin(key);
      if (pin === undefined) return -1;
      const first = pin.bytes[0];
      pin.release();
      return first;
    },
    set: (key, value) => cache.set(key, value),
    stored: () => cache.size,
    close: () => region.close(),
  };
}

const onHeap = (get, set) => ({
  get,
  getInto: (key) => get(key) !== undefined,
  first: (key) => get(key)?.[0] ?? -1,
  set: (key, value) => set(key, Buffer.from(value)),
  collected: true,
  close: () => {},
});

async function lruCache({ entries }) {
  const { LRUCache } = await importSeparately(new URL(import.meta.resolve("lru-cache")));
  const cache = new LRUCache({ max: entries });
  return onHeap(
    (key) => cache.get(key),
    (key, value) => cache.set(key, value),
  );
}

async function quickLru({ entries }) {
  const { default: QuickLRU } = await importSeparately(new URL(import.meta.resolve("quick-lru")));
  const cache = new QuickLRU({ maxSize: entries });
  return onHeap(
    (key) => cache.get(key),
    (key, value) => cache.set(key, value),
  );
}

async function tinyLru({ entries }) {
  const { lru } = await importSeparately(new URL(import.meta.resolve("tiny-lru")));
  const cache = lru(entries);
  return onHeap(
    (key) => cache.get(key),
    (key, value) => cache.set(key, value),
  );
}

async function mnemonist({ entries }) {
  const { LRUMap } = await import("mnemonist");
  const cache = new LRUMap(entries);
  return onHeap(
    (key) => cache.get(key),
    (key, value) => cache.set(key, value),
  );
}

// It evicts nothing: what goes, the caller takes out.
async function lmdb({ entries, bytes }) {
  const { open } = await import("lmdb");
  const path = mkdtempSync(join(tmpdir(), "cistern-bench-"));
  const database = open({ path, encoding: "binary", mapSize: 2 ** 30 + 4 * entries * bytes, noSync: true });
  const keys = [];
  return {
    get: (key) => database.getBinary(key),
    getInto: (key) => database.getBinaryFast(key) !== undefined,
    first: (key) => database.getBinaryFast(key)?.[0] ?? -1,
    set: (key, value) => {
      database.putSync(key, Buffer.from(value));
      keys.push(key);
      if (keys.length > entries) database.removeSync(keys.shift());
    },
    collected: true,
    close: async () => {
      await database.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
}
