// Open: from a name and options to this thread's ring. Owns nothing: checks everything before anything is changed, opens the ring's own
// budget below the one that was given, and compares what was asked for with what is there.

import { NO_NODE, type Node } from "../../bindings/budgets.js";
import { mayBlock } from "../../bindings/core.js";
import { RingPort } from "../../bindings/rings.js";
import { FULL, OVER_LIMIT } from "../../bindings/status.js";
import { budgetNode } from "../budget-node.js";
import { makeRoom, refusalOf } from "../charging.js";
import type { Exhaustion } from "../exhaustion.js";
import { askingHooksFor, checkText, noRoom, textNumber } from "../limits.js";
import { ownNode } from "../own-budget.js";
import { type ReservationSource, tellLevels, throwUnlessFull } from "../reservation.js";
import { codecOf } from "./codec.js";
import {
  configOf,
  dropsOldest,
  marksOf,
  requireSame,
  ringOptions,
  type RingOptions,
  type RingRules,
  rulesIn,
  rulesOf,
} from "./options.js";
import { Ring } from "./ring.js";

/** @internal */
export function openRing<T>(
  source: ReservationSource,
  exhaustion: Exhaustion,
  name: string,
  options: RingOptions<T> | undefined,
): Ring<T> {
  checkText("a ring's name", name);
  const own = ringOptions(options) as Partial<RingOptions<unknown>>;
  const asked = rulesOf(own);
  const codec = codecOf<T>(own.codec as RingOptions<T>["codec"]);
  const above = own.budget === undefined ? NO_NODE : budgetNode(source, "ring", own.budget);
  const node = own.budget === undefined ? NO_NODE : ownNode(source, own.budget, above, "ring", name);
  let port: RingPort | undefined;
  try {
    port = openPort(source, exhaustion, textNumber(source, "a ring's name", name, false, exhaustion), asked, node);
    const rules = rulesIn(port.config, port.maxCapacity, port.again);
    requireSame(name, own, asked, rules, port.hasEnded);
    if (above.at !== 0) requireBudget(source, name, port.node, above);
    return seated(source, exhaustion, port, name, rules, codec);
  } catch (error) {
    // As by a ring that is left at once.
    if (port !== undefined) seated(source, exhaustion, port, name, asked, codec).leave();
    throw error;
  } finally {
    // Nobody charges it anything: the ring was there, and has its own.
    if (node.at !== 0 && port?.node.at !== node.at) source.budgets.close(node);
  }
}

function openPort(
  source: ReservationSource,
  exhaustion: Exhaustion,
  number: number,
  asked: RingRules,
  node: Node,
): RingPort {
  const { high, low } = marksOf(asked, asked.capacity);
  const plan = {
    capacity: asked.capacity,
    maxCapacity: asked.maxCapacity,
    maxBytes: asked.maxBytes,
    dropsOldest: dropsOldest(asked, asked.capacity),
    again: asked.again,
    high,
    low,
    node,
    config: configOf(asked),
  };
  const port = askingHooksFor(source, () => RingPort.open(source.budgets.core, number, plan), exhaustion);
  if (typeof port === "number") throw refusal(source, port, asked.maxCapacity * 8);
  return port;
}

function requireBudget({ budgets }: ReservationSource, name: string, { at }: Node, above: Node): void {
  if (at !== 0 && budgets.parent(at).at === above.at) return;
  const there = at === 0 ? "in no budget" : `in ${budgets.path(at)}`;
  throw new RangeError(`ring "${name}" is there ${there}: leave the budget out, or give the same`);
}

function seated<T>(
  source: ReservationSource,
  exhaustion: Exhaustion,
  port: RingPort,
  name: string,
  rules: RingRules,
  codec: ReturnType<typeof codecOf<T>>,
): Ring<T> {
  const { node } = port;
  const ring: Ring<T> = new Ring<T>(
    {
      port,
      name,
      rules,
      mayBlock: mayBlock(),
      charged: node.at === 0 ? undefined : () => tellLevels(source),
      retry: (bytes, attempt) => {
        const { exports } = source.budgets.core;
        let status: number | undefined;
        const again = (): number => {
          status = attempt();
          return +(status !== OVER_LIMIT && status !== FULL);
        };
        const isFull = (): boolean => exports.reason() === FULL;
        const isIn = isFull() && exhaustion.retry(bytes, again, isFull) !== 0;
        if (!isIn && node.at !== 0) makeRoom(source, bytes, again);
        return status;
      },
      requireWantOfRoom: (reason) => throwUnlessFull(reason, "ring", source, name),
      refusal: (reason, bytes) =>
        (node.at === 0 ? undefined : refusalOf(source, node, bytes, "push")) ?? refusal(source, reason, bytes),
      left: () => void source.rings.delete(ring),
    },
    codec,
  );
  source.rings.add(ring);
  return ring;
}

function refusal(source: ReservationSource, reason: number, bytes: number): Error {
  throwUnlessFull(reason, "ring", source, "");
  return noRoom(source, bytes);
}
