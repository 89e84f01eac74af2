// Splits a trace among the workers: a key belongs to the worker that its hash names, so that no two workers hold the same
// object. Every request keeps its place in the whole trace, which says when it is due and how old its object is.
import { hashOf } from "./hash.js";
import type { Trace } from "./trace.js";

/** One worker's share, structured-cloneable: `places` are ascending positions in the whole trace. */
export interface Shard {
  readonly keys: readonly string[];
  readonly ids: Uint32Array<ArrayBuffer>;
  readonly sizes: Uint32Array<ArrayBuffer>;
  readonly places: Uint32Array<ArrayBuffer>;
}

export function shardsOf(trace: Trace, workers: number): Shard[] {
  const owners = trace.keys.map((key) => hashOf(key) % workers);
  return Array.from({ length: workers }, (_, worker) => shardOf(trace, owners, worker));
}

function shardOf(trace: Trace, owners: readonly number[], worker: number): Shard {
  const isMine = (id: number): boolean => owners[id] === worker;
  const newIds = new Map<number, number>();
  for (const id of trace.keys.keys()) if (isMine(id)) newIds.set(id, newIds.size);
  const places = Uint32Array.from(trace.ids.keys()).filter((place) => isMine(trace.ids[place]!));
  return {
    keys: trace.keys.filter((_, id) => isMine(id)),
    ids: places.map((place) => newIds.get(trace.ids[place]!)!),
    sizes: places.map((place) => trace.sizes[place]!),
    places,
  };
}
