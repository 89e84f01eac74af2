// Region: one fixed shared memory and this thread's place in it. Owns the attachment: the core's instance, the heap's face, the full
// hooks. A thread that ends without `close` leaves its owner slot and its Blocks to the host's notice of its death.

import { Core, REGION_BYTES_MAX, type Survey } from "../bindings/core.js";
import type { CoreExports } from "../bindings/exports.js";
import { coreModule, coreModuleSync, instantiate, instantiateSync } from "../bindings/module.js";
import { BUSY, FULL, NOT_ATTACHED, OK, POISONED } from "../bindings/status.js";
import { hostThread, hostThreadSync, type HostThread } from "../bindings/thread.js";
import { NO_NODE, type Node } from "../bindings/budgets.js";
import { Budget, openBudget } from "./budget.js";
import { chargesOf } from "./charges.js";
import { type Asked, askedBy } from "./budget-node.js";
import { makeRoom, refusalOf } from "./charging.js";
import { BUDGET_OPTIONS, type BudgetOptions } from "./limits.js";
import { Block, type BlockHandle, type BlockSource, requireBlockHandle } from "./block.js";
import {
  CisternError,
  MemoryLimitExceededError,
  NotARegionError,
  RegionBusyError,
  RegionClosedError,
  RegionInUseError,
  RegionPoisonedError,
  StaleReservationError,
} from "./errors.js";
import type { FullHook } from "./exhaustion.js";
import { type AllocOptions, Heap } from "./heap.js";
import {
  attachError,
  type RegionHandle,
  type RegionOptions,
  requireHandle,
  requireStack,
  reserveMemory,
  type Settled,
  settle,
} from "./making.js";
import { integer, ownOptions } from "./options.js";
import { RegionGauge } from "./pressure/region-gauge.js";
import { type RecoveryReport, recoverOwner, watchThread, type WatchOptions, type WorkerLike } from "./recovery.js";
import type { CheckReport, RegionStats } from "./report.js";
import { Reservation, type ReservationHandle, type ReservationSource, tellLevels } from "./reservation.js";
import type { Cache } from "./cache/cache.js";
import { openCache } from "./cache/open.js";
import type { CacheOptions } from "./cache/options.js";
import { openRing } from "./ring/open.js";
import type { RingOptions } from "./ring/options.js";
import type { Ring } from "./ring/ring.js";
import { tracker } from "./tracker.js";

const PLAIN: Asked & { readonly options: AllocOptions | undefined } = {
  options: undefined,
  align: 8,
  budget: undefined,
  node: NO_NODE,
};

/** One fixed shared memory with a heap in it, as this thread sees it. */
export class Region {
  readonly name: string;
  /** Raw blocks by offset. */
  readonly heap: Heap;
  readonly #core: Core;
  readonly #handle: RegionHandle;
  readonly #isCreator: boolean;
  readonly #source: BlockSource;
  readonly #charges: ReservationSource;
  readonly #host: HostThread;
  readonly #watches = new Set<() => void>();
  #last = PLAIN;
  #gauge: RegionGauge | undefined;
  #closed = false;

  private constructor(core: Core, handle: RegionHandle, isCreator: boolean, host: HostThread) {
    if (core.ownerId <= 0) throw attachError(-core.ownerId, handle.name, core);
    this.#host = host;
    this.#core = core;
    this.#handle = handle;
    this.#isCreator = isCreator;
    this.name = handle.name;
    this.#charges = chargesOf(core, handle);
    this.heap = new Heap(core, this.#charges);
    this.#source = {
      core,
      charges: this.#charges,
      tryClaim: (bytes, align, node) => this.#claim(bytes, align, node, false),
      claim: (bytes, align, node) => {
        const claimed = this.#claim(bytes, align, node, true);
        if (claimed === undefined) throw this.#refusal(bytes, node);
        return claimed;
      },
    };
  }

  /**
   * Makes a region of fixed size and attaches this thread to it. The memory is reserved at once and committed by the system as it is
   * touched; it is never grown and goes when the last reference to it goes.
   * @throws TypeError, RangeError for options that make no region; RangeError when the engine cannot reserve the memory.
   */
  static async create(options: RegionOptions): Promise<Region> {
    const settled = settle(options);
    const module = settled.module ?? (await coreModule());
    const memory = reserveMemory(settled);
    const exports = await instantiate(module, memory);
    const id = regionId();
    return Region.#created(exports, memory, module, settled, id, await hostThread(id));
  }

  /** Like `create`, at once. Some browsers compile only small modules synchronously on a page's main thread: use `create` there. */
  static createSync(options: RegionOptions): Region {
    const settled = settle(options);
    const module = settled.module ?? coreModuleSync();
    const memory = reserveMemory(settled);
    return Region.#created(instantiateSync(module, memory), memory, module, settled, regionId(), hostThreadSync());
  }

  static #created(
    exports: CoreExports,
    memory: WebAssembly.Memory,
    module: WebAssembly.Module,
    settled: Settled,
    id: string,
    host: HostThread,
  ): Region {
    const { name, busyMs, owners, preset, scrub } = settled;
    const handle = Object.freeze({ memory, module, name, busyMs, preset, id });
    const make = (): Core => Core.create(exports, memory, owners, busyMs, host.thread, scrub);
    return Region.#seated(exports, make, handle, true, host);
  }

  /**
   * Attaches this thread to a region made elsewhere. Each attachment is an owner of its own.
   * @throws TypeError for what is no handle; NoOwnerSlotError, RegionClosedError, NotARegionError, RegionPoisonedError.
   */
  static async attach(handle: RegionHandle): Promise<Region> {
    const checked = requireHandle(handle);
    const exports = await instantiate(checked.module, checked.memory).catch(noRegion);
    return Region.#attached(exports, checked, await hostThread(checked.id));
  }

  /** Like `attach`, at once. In a browser such an owner cannot be watched. */
  static attachSync(handle: RegionHandle): Region {
    const checked = requireHandle(handle);
    try {
      return Region.#attached(instantiateSync(checked.module, checked.memory), checked, hostThreadSync());
    } catch (error) {
      return noRegion(error);
    }
  }

  static #attached(exports: CoreExports, handle: RegionHandle, host: HostThread): Region {
    const make = (): Core => Core.attach(exports, handle.memory, handle.busyMs, host.thread);
    return Region.#seated(exports, make, handle, false, host);
  }

  /** The Region of an attachment; where it cannot be made the owner slot is free again. */
  static #seated(
    exports: CoreExports,
    make: () => Core,
    handle: RegionHandle,
    isCreator: boolean,
    host: HostThread,
  ): Region {
    requireStack();
    try {
      return new Region(make(), handle, isCreator, host);
    } catch (error) {
      exports.detachRegion();
      host.leave();
      throw error;
    }
  }

  /** What another thread needs for `Region.attach`. */
  handle(): RegionHandle {
    this.#requireOpen();
    return this.#handle;
  }

  /** This thread's owner slot and its generation: `generation * 256 + index`. */
  get ownerId(): number {
    return this.#core.ownerId;
  }

  /** The hard limit: all bytes of the region. */
  get capacityBytes(): number {
    return this.#core.capacityBytes;
  }

  /** Bytes granted to live blocks (G08). Exact whenever no operation is in flight (after a death: once `undecidedBytes` is 0 again); read without a wasm call. Any thread. */
  get usedBytes(): number {
    return this.#core.usedBytes;
  }

  /** Bytes that could still be granted. */
  get freeBytes(): number {
    return this.capacityBytes - this.overheadBytes - this.usedBytes;
  }

  /** Bytes of header, tables and owner slots, and of slabs that no block can use. */
  get overheadBytes(): number {
    return this.#core.overheadBytes;
  }

  /** Bytes that slabs and runs hold. Exact at every instant. */
  get committedBytes(): number {
    return this.#core.committedBytes;
  }

  /** The most bytes that slabs and runs ever held at once. Exact at every instant. */
  get peakBytes(): number {
    return this.#core.peakBytes;
  }

  /**
   * How full the region is, all that is not free: level, label and advice by its `preset`, read anew at each look. Who listens is told when an
   * allocation of this thread does not fit, and else within 100 ms; a budget's crossings, in the call that makes them: `budget.onLevel`.
   */
  get pressure(): RegionGauge {
    if (this.#gauge === undefined) {
      const gauge = (this.#gauge = new RegionGauge(this, this.#handle.preset));
      this.#charges.exhaustion.look = () => void gauge.sample();
    }
    return this.#gauge;
  }

  /**
   * Takes a zeroed Block, held by this thread until it is released. Asks the full hooks before it gives up.
   * @throws MemoryLimitExceededError when it does not fit, RegionBusyError, RegionClosedError; TypeError, RangeError for a size that is no
   * integer ≥ 1.
   */
  allocate(bytes: number, options?: AllocOptions): Block {
    const { align, node } = options === undefined ? PLAIN : this.#asked(options);
    const block = this.#source.claim(bytes, align, node);
    tracker?.made(block, this.#core);
    return block;
  }

  /** What an allocation's options ask for; those that were given last are known, unless they say something else since. */
  #asked(options: AllocOptions): Asked {
    const last = this.#last;
    if (last.options === options && last.budget === options.budget && last.align === (options.align ?? 8)) return last;
    this.#last = { options, ...askedBy(this.#charges, "allocate", options) };
    return this.#last;
  }

  /** The Block that `block.handle()` named in another thread; a stale one if it was released. @throws TypeError for what is no handle. */
  open(handle: BlockHandle): Block {
    this.#requireOpen();
    const { offset, size, align = 8, claim } = requireBlockHandle(handle);
    const block = new Block(this.#source, offset, size, align, claim[0], claim[1]);
    // Live before and after: so the size in between was its own.
    const isWrong = block.isLive && (size < 1 || size > this.heap.usableSize(offset));
    if (isWrong && block.isLive) throw new TypeError("open: the handle's size was changed");
    return block;
  }

  /**
   * Makes the Block that `block.handle()` named in another thread this thread's: from here on it goes with this thread, not with the one
   * that gave the handle away, whose own handles are stale. One compare-and-swap: of several threads that adopt one Block one gets it.
   * @throws StaleBlockError when it was released or adopted before; TypeError for what is no handle.
   */
  adopt(handle: BlockHandle): Block {
    const block = this.open(handle);
    block.move(false);
    tracker?.made(block, this.#core);
    return block;
  }

  /**
   * The budget of this name: that which is open, below `parent` or as a root, or a new one. All threads see one tree, so the same call
   * in each gives each the same budget (G01, M04). O(budgets).
   * @throws RangeError where it is open with another limit, or would stand too deep; MemoryLimitExceededError when its `min` does not fit in its
   * parents, or the region has no room for it; BudgetClosedError for a closed parent; RegionBusyError; TypeError, RangeError for wrong options.
   */
  budget(name: string, options?: BudgetOptions & { parent?: Budget }): Budget {
    this.#requireOpen();
    const { parent, ...rest } = ownOptions("budget", options, ["parent", ...BUDGET_OPTIONS]);
    return openBudget(this.#charges, parent, name, rest as BudgetOptions);
  }

  /**
   * The ring of this name, a bounded queue that all threads of the region share (T09–T16): that which is there, or a new one. All that open it
   * say the same of it, or nothing. One that was closed is still there, to be emptied, until each thread that opened it has seen its end or left
   * it; then the name is that of a new one. O(rings); a new one O(maxCapacity).
   * @throws RangeError where it is there with other options; MemoryLimitExceededError; RegionBusyError; TypeError, RangeError for wrong options.
   */
  ring(name: string, options: RingOptions<string> & { codec: "utf8" }): Ring<string>;
  ring(name: string, options: RingOptions<unknown> & { codec: "json" | "clone" }): Ring<unknown>;
  ring<T = Uint8Array>(name: string, options?: RingOptions<T>): Ring<T>;
  ring<T = Uint8Array>(name: string, options?: RingOptions<T>): Ring<T> {
    this.#requireOpen();
    return openRing(this.#charges, this.#charges.exhaustion, name, options);
  }

  /**
   * The cache of this name, which all threads of the region share and whose limit counts keys, values and overhead (C12, C19–C22): that which is
   * there, or a new one. All that open it say the same of it, or nothing. O(caches).
   * @throws RangeError where it is there with other options; MemoryLimitExceededError; RegionBusyError; TypeError, RangeError for wrong options.
   */
  cache(name: string, options: CacheOptions<string> & { codec: "utf8" }): Cache<string>;
  cache<V = unknown>(name: string, options: CacheOptions<V> & { codec: "json" | "clone" }): Cache<V>;
  cache<V = Uint8Array>(name: string, options?: CacheOptions<V>): Cache<V>;
  cache<V = Uint8Array>(name: string, options?: CacheOptions<V>): Cache<V> {
    this.#requireOpen();
    return openCache(this.#charges, name, options);
  }

  /**
   * Makes the reservation that `reservation.handle()` named in another thread this thread's: from here on it goes with this thread.
   * @throws StaleReservationError when it was released or adopted before; RegionBusyError; TypeError for what is no handle.
   */
  adoptReservation(handle: ReservationHandle): Reservation {
    this.#requireOpen();
    const { record, claim } = handle ?? {};
    const [low, high] = Array.isArray(claim) ? (claim as number[]) : [];
    if (![record, low, high].every((word) => typeof word === "number" && (word | 0) === word))
      throw new TypeError("adoptReservation needs what reservation.handle() returned");
    const reservation = new Reservation(this.#charges, record, low as number, high as number);
    if (!reservation.isLive) throw new StaleReservationError();
    reservation.pass(false);
    tracker?.made(reservation, this.#core);
    return reservation;
  }

  /**
   * Adds an eviction hook of this thread: asked for memory when an allocation here does not fit, and the allocation is repeated
   * while hooks release something. Returns the function that takes it away.
   */
  onFull(hook: FullHook): () => void {
    this.#requireOpen();
    return this.#charges.exhaustion.add(hook);
  }

  /**
   * Says that the host saw this owner's thread end, as by a worker's `exit` event; from then on any thread may take over the page lock
   * if it held it. What it holds stays until `recover`. Never say it of a thread that lives. Any thread; O(1).
   * @returns whether `ownerId` names an owner that is dead now: false for one that left, and for this thread's own.
   */
  markDead(ownerId: number): boolean {
    this.#requireOpen();
    integer("ownerId", ownerId, 0, 0x7fffffff);
    return this.#core.exports.markDead(ownerId) === OK;
  }

  /**
   * Gives back what a dead owner held: its Blocks, what it was taking or giving back, and at last its slot. Its raw blocks stay: they
   * are the region's. May be called again, by any thread, also while another does it or after one died in it. Runs beside living
   * threads; O(slabs of Blocks), the page lock is held for two short parts.
   * @throws OwnerAliveError for an owner that is not marked dead; RegionBusyError, RegionClosedError; RangeError for what never was an owner.
   */
  recover(ownerId: number): RecoveryReport {
    this.#requireOpen();
    return recoverOwner(this.#core, this.name, ownerId);
  }

  /**
   * Recovers what a thread held as soon as the host says that it ended: of a Worker of Node all its owners, by its `exit` event (call
   * this before it can end); in a browser the owner of this id, by the Web Lock that `Region.create` and `Region.attach` hold for life.
   * Returns the function that ends the watch. A thread that hangs is alive.
   */
  watch(worker: WorkerLike | number, options?: WatchOptions): () => void {
    this.#requireOpen();
    const { stop, over } = watchThread(this.#core, this.#handle.id, worker, options);
    this.#watches.add(stop);
    over.addEventListener("abort", () => this.#watches.delete(stop), { once: true });
    return stop;
  }

  /** Walks every invariant under the page lock: O(region). @throws RegionBusyError, RegionClosedError. */
  check(): CheckReport {
    const { problems, usedBytes, freeBytes, overheadBytes } = this.#survey();
    return {
      ok: problems.length === 0,
      problems,
      capacityBytes: this.capacityBytes,
      usedBytes,
      freeBytes,
      overheadBytes,
    };
  }

  /** Where the bytes are, by a walk under the page lock: O(region). @throws RegionBusyError, RegionClosedError. */
  stats(): RegionStats {
    const survey = this.#survey();
    return {
      capacityBytes: this.capacityBytes,
      usedBytes: survey.usedBytes,
      freeBytes: survey.freeBytes,
      overheadBytes: survey.overheadBytes,
      committedBytes: this.committedBytes,
      peakBytes: this.peakBytes,
      largestFreeBytes: survey.largestFreeBytes,
      freeRuns: survey.freeRuns,
      slabs: survey.slabs,
      runs: survey.runs,
      blocks: survey.blocks,
      owners: this.#core.owners,
      deadOwners: this.#core.deadOwners,
      maxOwners: this.#core.maxOwners,
      rebuilds: this.#core.rebuilds,
      undecidedBytes: this.#core.undecidedBytes,
    };
  }

  /**
   * Leaves the region: this thread's Blocks are given back, its owner slot is free again. In the thread that created it, ends the
   * region. Its reservations are given back too, and who still waits for one here is told RegionClosedError. A second call does nothing.
   * @throws RegionInUseError in the creating thread while others are attached; RegionBusyError when a request that waits could not be ended.
   */
  close(): void {
    if (this.#closed) return;
    // Asked first, so that a close that is refused ends no request; the core asks again.
    if (this.#isCreator && this.#core.owners > 1) throw new RegionInUseError(this.name, this.#core.owners - 1);
    this.#charges.waiting.close(() => new RegionClosedError(this.name));
    for (const ring of [...this.#charges.rings]) ring.leave();
    for (const cache of [...this.#charges.caches]) cache.leave();
    const { exports, owners } = this.#core;
    const status = this.#isCreator ? exports.closeRegion() : exports.detachRegion();
    if (status === BUSY && this.#isCreator && owners > 1) throw new RegionInUseError(this.name, owners - 1);
    if (status === BUSY) throw new RegionBusyError("close");
    this.#closed = this.#charges.isLeft = true;
    for (const stop of this.#watches) stop();
    this.#charges.reclaimers.close();
    this.#gauge?.close();
    this.#host.leave();
    this.heap.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #claim(bytes: number, align: number, { at, state }: Node, mayAsk: boolean): Block | undefined {
    this.#requireOpen();
    integer("bytes", bytes, 1, Number.MAX_SAFE_INTEGER);
    const { exports } = this.#core;
    const asked = Math.min(bytes, REGION_BYTES_MAX);
    const taken = at === 0 ? exports.blockAlloc(asked, align) : exports.blockAllocIn(at, state, asked, align);
    const offset = taken === 0 && mayAsk ? this.#claimHarder(bytes, align, at, state) : taken >>> 0;
    if (offset === 0) return undefined;
    // Read before anybody is told anything: a listener may allocate.
    const { i32, claimAt } = this.#charges;
    const block = new Block(this.#source, offset, bytes, align, i32[claimAt] as number, i32[claimAt + 1] as number);
    tellLevels(this.#charges);
    return block;
  }

  /** The core refused: asks the full hooks, or the reclaimers of the budget that refused. */
  #claimHarder(bytes: number, align: number, at: number, state: number): number {
    const { exports } = this.#core;
    const asked = Math.min(bytes, REGION_BYTES_MAX);
    const attempt = (): number =>
      (at === 0 ? exports.blockAlloc(asked, align) : exports.blockAllocIn(at, state, asked, align)) >>> 0;
    const isFull = (): boolean => exports.reason() === FULL;
    const offset = isFull() ? this.#charges.exhaustion.retry(bytes, attempt, isFull) : 0;
    return offset === 0 ? makeRoom(this.#charges, bytes, attempt) : offset;
  }

  #refusal(bytes: number, node: Node): CisternError {
    const byBudget = node.at === 0 ? undefined : refusalOf(this.#charges, node, bytes, `allocate(${bytes})`);
    if (byBudget !== undefined) return byBudget;
    const reason = this.#core.exports.reason();
    if (reason === NOT_ATTACHED) return new RegionClosedError(this.name);
    if (reason === BUSY) return new RegionBusyError(`allocate(${bytes})`);
    if (reason === POISONED) return new RegionPoisonedError(this.name);
    const current = this.usedBytes + this.overheadBytes;
    return new MemoryLimitExceededError({
      requested: bytes,
      limit: this.capacityBytes,
      current,
      budgetPath: this.name,
    });
  }

  #survey(): Survey {
    this.#requireOpen();
    const survey = this.#core.survey();
    if (typeof survey !== "number") return survey;
    throw survey === POISONED ? new RegionPoisonedError(this.name) : new RegionBusyError("check");
  }

  #requireOpen(): void {
    if (this.#closed) throw new RegionClosedError(this.name);
  }
}

/** A memory that the core cannot even be linked to holds no region. */
function noRegion(error: unknown): never {
  throw error instanceof WebAssembly.LinkError ? new NotARegionError() : error;
}

const regionId = (): string => Math.random().toString(36).slice(2) + Date.now().toString(36);
