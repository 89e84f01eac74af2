// Open: from a name and options to this thread's cache. Owns nothing: checks everything before anything is changed, opens the cache's own budget below the
// one that was given, and compares what was asked for with what is there.

import { NO_NODE, type Node } from "../../bindings/budgets.js";
import {
  type CacheKey,
  CachePort,
  leastBytes,
  NO_LIMIT,
  PAGE_BYTES,
  TUNED_CACHE,
  TUNED_SPACES,
} from "../../bindings/caches.js";
import { FULL, NOT_ATTACHED, POISONED } from "../../bindings/status.js";
import { budgetNode } from "../budget-node.js";
import { makeRoom } from "../charging.js";
import { askingHooksFor, noRoom, textNumber } from "../limits.js";
import { ownNode } from "../own-budget.js";
import { type ReservationSource, tellLevels, throwUnlessFull } from "../reservation.js";
import { buffersOf, codecOf } from "../ring/codec.js";
import { openRing } from "../ring/open.js";
import { describe } from "../size.js";
import { Exhaustion } from "../exhaustion.js";
import { Cache } from "./cache.js";
import { CacheClosedError } from "./errors.js";
import { EVICTION_RING, Hearer, type EvictionRings } from "./evictions.js";
import {
  cacheOptions,
  type CacheOptions,
  type CacheRules,
  configIn,
  configOf,
  millisecondsOf,
  rulesOf,
} from "./options.js";
import { FAVOURS, POLICIES } from "./policies.js";

/** @internal */
export function openCache<V>(source: ReservationSource, name: string, options: CacheOptions<V> | undefined): Cache<V> {
  const own = cacheOptions(options) as Partial<CacheOptions<never>>;
  const { core } = source.budgets;
  const rules = rulesOf(own, core);
  const codec = codecOf<V>(own.codec as CacheOptions<V>["codec"]);
  const above = own.budget === undefined ? NO_NODE : budgetNode(source, "cache", own.budget);
  const number = textNumber(source, "a cache's name", name, true);
  const names = rules.spaces.map((space) => textNumber(source, "a namespace's name", space.name, true));
  const node = own.budget === undefined ? NO_NODE : ownNode(source, own.budget, above, "cache", name);
  const port = openPort(source, number, rules, names, node);
  try {
    const there = configIn(port.config);
    if (port.wasThere) {
      requireSame(port, name, own, rules, names, there);
      if (above.at !== 0) requireBudget(source, name, port.node, above);
    }
    port.staleMs = there.stale;
    const buffers = buffersOf(codec);
    if (buffers !== undefined) port.copyOf = buffers.copyOf;
    const spaces = there.names.map((space) => source.budgets.textOf(space));
    return seated(source, port, { name, number }, own as Partial<CacheOptions<V>>, spaces, codec, there.ttl);
  } catch (error) {
    port.leave(true);
    throw error;
  } finally {
    // Nobody charges it anything: the cache was there, and has its own.
    if (node.at !== 0 && port.node.at !== node.at) source.budgets.close(node);
  }
}

function openPort(
  source: ReservationSource,
  name: number,
  rules: CacheRules,
  names: readonly number[],
  node: Node,
): CachePort {
  const plan = {
    maxBytes: rules.maxBytes,
    maxValues: rules.maxValues,
    maxItems: rules.maxItems,
    policy: rules.policy,
    measure: rules.measure,
    favour: rules.favour,
    retention: rules.retention,
    spaces: rules.spaces.flatMap(({ maxItems, maxBytes }) => [maxItems, maxBytes]),
    seed: [...crypto.getRandomValues(new Uint32Array(4))],
    config: configOf(rules, names),
    node,
  };
  const port = askingHooksFor(source, () => CachePort.open(source.budgets.core, name, plan));
  if (typeof port !== "number") return port;
  if (node.at !== 0) source.budgets.close(node);
  throwUnlessFull(port, "cache", source, "");
  throw noRoom(source, leastBytes(source.budgets.core, rules.spaces.length));
}

/** What is said of a cache that is there must be so. */
function requireSame(
  port: CachePort,
  name: string,
  own: Partial<CacheOptions<never>>,
  rules: CacheRules,
  names: readonly number[],
  there: ReturnType<typeof configIn>,
): void {
  const { limits } = port;
  const shown = (value: unknown): string => describe(value === NO_LIMIT ? Number.POSITIVE_INFINITY : value);
  const say = (what: string, is: unknown, asked: unknown): never => {
    throw new RangeError(
      `cache "${name}" is there with ${what} ${shown(is)}, not ${shown(asked)}: leave it out, or say the same`,
    );
  };
  // What was changed since is as it was changed, also for who comes with what the first said.
  if (!port.isTuned(TUNED_CACHE)) {
    if (own.maxBytes !== undefined && limits.maxBytes !== rules.maxBytes)
      say("maxBytes", limits.maxBytes, rules.maxBytes);
    if (own.maxValueBytes !== undefined && limits.maxValues !== rules.maxValues)
      say("maxValueBytes", limits.maxValues, rules.maxValues);
    if (own.maxItems !== undefined && limits.maxItems !== rules.maxItems)
      say("maxItems", limits.maxItems, rules.maxItems);
    if (own.policy !== undefined && port.policy !== rules.policy)
      say("policy", POLICIES[port.policy], POLICIES[rules.policy]);
    if (own.favour !== undefined && port.favour !== rules.favour)
      say("favour", FAVOURS[port.favour], FAVOURS[rules.favour]);
    if (own.minRetention !== undefined && port.retention !== rules.retention)
      say("minRetention", millisecondsOf(port.retention), own.minRetention);
  }
  if (own.ttl !== undefined && there.ttl !== rules.ttl) say("ttl", there.ttl, rules.ttl);
  if (own.staleWhileRevalidate !== undefined && there.stale !== rules.stale)
    say("staleWhileRevalidate", there.stale, rules.stale);
  if (own.namespaces !== undefined && there.names.join() !== names.join())
    throw new RangeError(`cache "${name}" is there with other namespaces: give the same, in the same order`);
  if (port.isTuned(TUNED_SPACES)) return;
  rules.spaces.forEach((space, i) => {
    const is = port.space(i + 1);
    for (const limit of ["maxItems", "maxBytes"] as const)
      if (is[limit] !== space[limit]) say(`${limit} of namespace "${space.name}"`, is[limit], space[limit]);
  });
}

function requireBudget({ budgets }: ReservationSource, name: string, { at }: Node, above: Node): void {
  if (at !== 0 && budgets.parent(at).at === above.at) return;
  const there = at === 0 ? "in no budget" : `in ${budgets.path(at)}`;
  throw new RangeError(`cache "${name}" is there ${there}: leave the budget out, or give the same`);
}

// A full region asks nobody for the sake of what is told of evictions: whoever is asked may evict.
const NOBODY = new Exhaustion();
const hearers = new WeakMap<ReservationSource, Map<number, Hearer>>();

/** How this attachment hears of evictions in this cache. */
function hearerOf(source: ReservationSource, name: number, rings: EvictionRings): Hearer {
  let known = hearers.get(source);
  if (known === undefined) hearers.set(source, (known = new Map()));
  let hearer = known.get(name);
  if (hearer === undefined) known.set(name, (hearer = new Hearer(rings)));
  return hearer;
}

/** The rings by which owners hear of evictions in the cache of this name. */
function evictionRings(source: ReservationSource, name: number): EvictionRings {
  const { budgets } = source;
  return {
    nameOf: (turn) =>
      textNumber(source, "subscribe", `evictions ${name}/${budgets.core.ownerId & 0xff}/${turn}`, true, NOBODY),
    open: (number) => openRing(source, NOBODY, budgets.textOf(number), EVICTION_RING),
  };
}

function seated<V>(
  source: ReservationSource,
  port: CachePort,
  { name, number }: { name: string; number: number },
  own: Partial<CacheOptions<V>>,
  spaces: readonly string[],
  codec: ReturnType<typeof codecOf<V>>,
  ttl: number,
): Cache<V> {
  const { node } = port;
  port.refuse = () => {
    throw new CacheClosedError(name);
  };
  const { core } = source.budgets;
  const stop =
    own.budget?.registerReclaimer({
      name: `cache ${name}`,
      reclaim: (bytes) => cache.evict(bytes),
      reclaimable: () => Math.max(0, port.heldBytes - port.tableBytes),
    }) ?? ((): void => {});
  const rings = evictionRings(source, number);
  const cache: Cache<V> = new Cache<V>({
    port,
    name,
    codec,
    ttl,
    spaces,
    capacityBytes: core.capacityBytes,
    availableBytes: () => source.budgets.available(node.at),
    custom: typeof own.policy === "object" ? own.policy : undefined,
    onEvict: own.onEvict,
    onInsert: own.onInsert,
    onRefreshError: own.onRefreshError,
    rings,
    hearer: hearerOf(source, number, rings),
    now: own.now ?? Date.now,
    charged: node.at === 0 ? undefined : (): void => tellLevels(source),
    fitted: (bytes, put) => {
      let status = put();
      if (status !== FULL || node.at === 0) return status;
      makeRoom(source, bytes + PAGE_BYTES, () => {
        port.notRefused();
        status = put();
        return +(status !== FULL);
      });
      return status;
    },
    requireSound: (status) => {
      if (status === POISONED || status === NOT_ATTACHED) throwUnlessFull(status, "set", source, "");
    },
    left: () => {
      stop();
      source.caches.delete(cache);
    },
  });
  source.caches.add(cache);
  return cache;
}

export type { CacheKey };
