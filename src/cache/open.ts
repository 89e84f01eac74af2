// Open: from a name and options to this thread's cache. Owns nothing: checks everything before anything is changed, opens the cache's own budget below the
// one that was given, and compares what was asked for with what is there.

import { NO_NODE, type Node } from "../../bindings/budgets.js";
import { type CacheKey, CachePort } from "../../bindings/caches.js";
import { NOT_ATTACHED, POISONED } from "../../bindings/status.js";
import { budgetNode } from "../charging.js";
import { noRoom, textNumber } from "../limits.js";
import { ownNode } from "../own-budget.js";
import { type ReservationSource, tellLevels, throwUnlessFull } from "../reservation.js";
import { codecOf } from "../ring/codec.js";
import { describe } from "../size.js";
import { Cache } from "./cache.js";
import {
  BYTES_MIN,
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
  const rules = rulesOf(own, core.capacityBytes);
  const codec = codecOf<V>(own.codec as CacheOptions<V>["codec"]);
  const above = own.budget === undefined ? NO_NODE : budgetNode(source, "cache", own.budget);
  const number = textNumber(source, "a cache's name", name);
  const names = rules.spaces.map((space) => textNumber(source, "a namespace's name", space.name));
  const node = own.budget === undefined ? NO_NODE : ownNode(source, own.budget, "cache", name);
  const port = openPort(source, number, rules, names, node);
  try {
    const there = configIn(port.config);
    if (port.wasThere) {
      requireSame(port, name, own, rules, names, there);
      if (above.at !== 0) requireBudget(source, name, port.node, above);
    } else rules.spaces.forEach(({ maxItems, maxBytes }, i) => port.setSpace(i + 1, maxItems, maxBytes));
    return seated(source, port, name, own as Partial<CacheOptions<V>>, rules, codec, there.ttl);
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
  const port = CachePort.open(source.budgets.core, name, {
    maxBytes: rules.maxBytes,
    maxValues: rules.maxValues,
    maxItems: rules.maxItems,
    policy: rules.policy,
    measure: rules.measure,
    favour: rules.favour,
    retention: rules.retention,
    spaces: rules.spaces.length + 1,
    seed: [...crypto.getRandomValues(new Uint32Array(4))],
    config: configOf(rules, names),
    node,
  });
  if (typeof port !== "number") return port;
  if (node.at !== 0) source.budgets.close(node);
  throwUnlessFull(port, "cache", source, "");
  throw noRoom(source, BYTES_MIN);
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
  const limits = port.limits;
  const say = (what: string, is: unknown, asked: unknown): never => {
    throw new RangeError(
      `cache "${name}" is there with ${what} ${describe(is)}, not ${describe(asked)}: leave it out, or say the same`,
    );
  };
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
  if (own.ttl !== undefined && there.ttl !== rules.ttl) say("ttl", there.ttl, rules.ttl);
  if (own.namespaces === undefined) {
    if (there.names.length > 0) throw new RangeError(`cache "${name}" is there with namespaces: give the same`);
  } else if (there.names.join() !== names.join())
    throw new RangeError(`cache "${name}" is there with other namespaces: give the same, in the same order`);
}

function requireBudget({ budgets }: ReservationSource, name: string, { at }: Node, above: Node): void {
  if (at !== 0 && budgets.parent(at).at === above.at) return;
  const there = at === 0 ? "in no budget" : `in ${budgets.path(at)}`;
  throw new RangeError(`cache "${name}" is there ${there}: leave the budget out, or give the same`);
}

function seated<V>(
  source: ReservationSource,
  port: CachePort,
  name: string,
  own: Partial<CacheOptions<V>>,
  rules: CacheRules,
  codec: ReturnType<typeof codecOf<V>>,
  ttl: number,
): Cache<V> {
  const { node } = port;
  const stop =
    own.budget?.registerReclaimer({
      name: `cache ${name}`,
      reclaim: (bytes) => cache.evict(bytes),
      reclaimable: () => Math.max(0, port.heldBytes - port.tableBytes),
    }) ?? ((): void => {});
  const cache: Cache<V> = new Cache<V>({
    port,
    name,
    codec,
    ttl,
    spaces: rules.spaces.map((space) => space.name),
    capacityBytes: source.budgets.core.capacityBytes,
    custom: typeof own.policy === "object" ? own.policy : undefined,
    onEvict: own.onEvict,
    onInsert: own.onInsert,
    now: own.now ?? Date.now,
    charged: node.at === 0 ? (): void => {} : (): void => tellLevels(source),
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
