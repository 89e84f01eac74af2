// Recovery: what a thread that ended held comes back. Hears of the end from the host (a worker's `exit`, a Web Lock that became free),
// says so in the region, and gives back what its owners held. A caller that dies in it leaves owners that are still dead, and any
// thread may do it again.

import type { Core, Recovered } from "../bindings/core.js";
import { BUSY, NOT_ATTACHED, OK, OWNER_ALIVE, POISONED } from "../bindings/status.js";
import { onThreadEnd } from "../bindings/thread.js";
import { OwnerAliveError, RegionBusyError, RegionClosedError, RegionPoisonedError } from "./errors.js";
import { integer, ownOptions } from "./options.js";
import { describe } from "./size.js";

/** What a recovery gave back. */
export interface RecoveryReport extends Recovered {
  ownerId: number;
  /** Whether all is given back and the owner's slot is free again. False: a living thread is in the middle of the very block that the dead
   *  one was in, or held the page lock too long; recover again. */
  done: boolean;
  /** Blocks that it held, and their bytes. */
  blocks: number;
  blockBytes: number;
  /** Bytes of Blocks that it was taking or giving back when it died. */
  inFlightBytes: number;
  /** Reservations that it held, and their bytes. */
  reservations: number;
  reservedBytes: number;
  /** Records of rings, and places for such, that it had in hand: lost and counted, or to be delivered again. */
  ringRecords: number;
  /** Whether it held the page lock. */
  heldLock: boolean;
  /** The raw block that it was taking or giving back: whether it lives is in the region's words, whether it is counted is not. The next
   *  `check()` or `stats()` that finds nobody at work settles it. */
  undecided: { offset: number; bytes: number } | null;
}

/** A worker of Node, as far as watching it goes. */
export interface WorkerLike {
  readonly threadId: number;
  once(event: "exit", listener: () => void): unknown;
  off(event: "exit", listener: () => void): unknown;
}

/** How a watch reports. */
export interface WatchOptions {
  /** Called once for each owner that this watch recovered, in a microtask; not at all for a thread that had none, or that others recovered. */
  onRecovered?: (report: RecoveryReport) => void;
  /** Ends the watch. */
  signal?: AbortSignal;
}

const RETRY_MS = 10;
const RETRY_MS_MAX = 1000;

/** @internal Gives back what the dead owner `ownerId` held. */
export function recoverOwner(core: Core, name: string, ownerId: number): RecoveryReport {
  integer("ownerId", ownerId, 0, 0x7fffffff);
  const recovered = core.recover(ownerId);
  if (recovered === OWNER_ALIVE) throw new OwnerAliveError(ownerId);
  if (recovered === BUSY) throw new RegionBusyError(`recover(${ownerId})`);
  if (recovered === POISONED) throw new RegionPoisonedError(name);
  if (recovered === NOT_ATTACHED) throw new RegionClosedError(name);
  if (typeof recovered === "number") throw new RangeError(`recover: ${ownerId} never was an owner of this region`);
  return { ownerId, ...recovered };
}

/** @internal How to end a watch, and when it is over. */
export interface Watch {
  readonly stop: () => void;
  readonly over: AbortSignal;
}

/** @internal Recovers what a worker, or the thread of one owner, holds when it ends. */
export function watchThread(
  core: Core,
  regionId: string,
  worker: WorkerLike | number,
  options: WatchOptions | undefined,
): Watch {
  const { onRecovered, signal } = ownOptions<WatchOptions>("watch", options, ["onRecovered", "signal"]);
  if (onRecovered !== undefined && typeof onRecovered !== "function")
    throw new TypeError(`watch: onRecovered must be a function, got ${describe(onRecovered)}`);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError(`watch: signal must be an AbortSignal, got ${describe(signal)}`);
  const watch = new AbortController();
  const stop = (): void => watch.abort();
  const ended = (thread: number): void => {
    if (!watch.signal.aborted) recoverAll(core, core.ownersOf(thread), watch, onRecovered);
  };
  if (typeof worker === "number") watchOwner(core, regionId, worker, watch.signal, ended);
  else watchWorker(worker, watch.signal, ended);
  // Whichever ends first takes the other's listener away.
  signal?.addEventListener("abort", stop, { signal: watch.signal });
  if (signal?.aborted) stop();
  return { stop, over: watch.signal };
}

/** Recovers these owners and ends the watch when all is given back. */
function recoverAll(
  core: Core,
  ids: readonly number[],
  watch: AbortController,
  onRecovered: ((report: RecoveryReport) => void) | undefined,
): void {
  let left = ids.length;
  const recovered = (report: RecoveryReport | undefined): void => {
    if (--left === 0) watch.abort();
    // Not from within the host's event: what it throws is nobody else's there.
    if (report !== undefined && onRecovered !== undefined) queueMicrotask(() => onRecovered(report));
  };
  for (const id of ids) recoverSoon(core, id, watch.signal, recovered);
  if (ids.length === 0) watch.abort();
}

function watchWorker(worker: WorkerLike, signal: AbortSignal, ended: (thread: number) => void): void {
  const { threadId, once, off } = worker ?? {};
  if (typeof once !== "function" || typeof off !== "function" || !Number.isInteger(threadId))
    throw new TypeError(`watch needs a Worker of node:worker_threads or an owner's id, got ${describe(worker)}`);
  if (threadId <= 0)
    throw new RangeError("watch: this worker has ended already; say markDead and recover for its owners");
  // After the exit its threadId reads −1.
  const onExit = (): void => ended(threadId);
  worker.once("exit", onExit);
  signal.addEventListener("abort", () => worker.off("exit", onExit), { once: true });
}

function watchOwner(
  core: Core,
  regionId: string,
  ownerId: number,
  signal: AbortSignal,
  ended: (thread: number) => void,
): void {
  const thread = core.threadOf(integer("ownerId", ownerId, 0, 0x7fffffff));
  if (thread === undefined) throw new RangeError(`watch: no owner ${ownerId} is attached`);
  if (thread === 0)
    throw new RangeError(
      `watch: owner ${ownerId} has no Web Lock; only Region.create and Region.attach, not their Sync forms, take one`,
    );
  onThreadEnd(regionId, thread, signal, () => ended(thread));
}

/**
 * Recovers until all is given back, then says so once. A survivor that holds the page lock, or the very block that the dead one was in,
 * is waited for without blocking this thread: its next step lets the next attempt through.
 */
function recoverSoon(
  core: Core,
  ownerId: number,
  signal: AbortSignal,
  recovered: (report: RecoveryReport | undefined) => void,
  before?: Recovered,
  waitMs: number = RETRY_MS,
): void {
  if (signal.aborted) return;
  // Another thread may have finished it meanwhile.
  if (core.exports.markDead(ownerId) !== OK) return recovered(before && { ownerId, ...before, done: true });
  const now = core.recover(ownerId);
  const sum = typeof now === "number" ? before : added(before, now);
  if (sum?.done) return recovered({ ownerId, ...sum });
  if (typeof now === "number" && now !== BUSY) return recovered(undefined);
  // It keeps the process alive: who waits for the report gets it.
  setTimeout(() => recoverSoon(core, ownerId, signal, recovered, sum, Math.min(waitMs * 2, RETRY_MS_MAX)), waitMs);
}

const added = (before: Recovered | undefined, now: Recovered): Recovered =>
  before === undefined
    ? now
    : {
        done: now.done,
        blocks: before.blocks + now.blocks,
        blockBytes: before.blockBytes + now.blockBytes,
        inFlightBytes: before.inFlightBytes + now.inFlightBytes,
        reservations: before.reservations + now.reservations,
        reservedBytes: before.reservedBytes + now.reservedBytes,
        ringRecords: before.ringRecords + now.ringRecords,
        heldLock: before.heldLock || now.heldLock,
        undecided: now.undecided ?? before.undecided,
      };
