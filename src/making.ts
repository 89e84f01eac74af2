// Making: what `Region.create` and `Region.attach` are given, checked at the edge, and the errors of an attempt to attach. Owns nothing.

import { type Core, createMemory, OWNERS_MAX, REGION_BYTES_MAX, REGION_BYTES_MIN } from "../bindings/core.js";
import { BUSY, CLOSED, NO_SLOT, NOT_ATTACHED, POISONED, TOO_LARGE } from "../bindings/status.js";
import {
  type CisternError,
  NoOwnerSlotError,
  NotARegionError,
  RegionBusyError,
  RegionClosedError,
  RegionPoisonedError,
} from "./errors.js";
import { machineBytes } from "./machine.js";
import { integer, ownOptions } from "./options.js";
import { checkedPreset, type PressurePreset } from "./pressure/presets.js";
import { describe, formatSize, parseSize } from "./size.js";

/** How a region is made. */
export interface RegionOptions {
  /** Its hard limit and its whole size, header and tables included: bytes, or a text such as `"64MiB"` or `"25%"` of the machine's
   *  memory. Rounded down to 64 KiB; 128 KiB … 4 GiB − 64 KiB. */
  size: number | string;
  /** How many threads can be attached at once, 1 … 250. Unless told: one for each MiB, at least 4, at most 64. */
  maxOwners?: number;
  /** What errors and reports call it. */
  name?: string;
  /**
   * How long a thread that may sleep waits for the page lock, or the budgets' latch, before it answers BUSY, in milliseconds, 0 … 60 000; 100 unless
   * told. Longer by half and more where living holders hand it on.
   */
  busyMs?: number;
  /** Whose thresholds, labels and advice `region.pressure` has, in all threads; `"stream"` unless told. */
  preset?: PressurePreset;
  /**
   * Whether what is given back is zeroed at once, so that nothing of it can be read later: blocks, Blocks, what a dead thread held, what a closed budget
   * had. Costs a `fill` of its length each time; false unless told. What a ring or cache keeps for its next records goes with that memory.
   */
  scrub?: boolean;
  /** The core, compiled elsewhere (`cistern/core.wasm`), where compiling the bytes in the package is not wanted. */
  module?: WebAssembly.Module;
}

/** What another thread needs to attach: structured-cloneable, for `postMessage` and `workerData`. */
export interface RegionHandle {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly name: string;
  readonly busyMs: number;
  readonly preset: PressurePreset;
  /** Tells this region from others of the same name, in the names of its Web Locks. */
  readonly id: string;
}

/** @internal Options with all that was left out. */
export interface Settled {
  bytes: number;
  owners: number;
  name: string;
  busyMs: number;
  preset: PressurePreset;
  scrub: boolean;
  module: WebAssembly.Module | undefined;
}

const BUSY_MS = 100;
const BUSY_MS_MAX = 60000;
const MEBIBYTE = 1048576;

/** @internal */
export function settle(options: RegionOptions): Settled {
  if (options === undefined) throw new TypeError('create needs options, at least { size: "64MiB" }');
  const own = ownOptions<RegionOptions>("create", options, [
    "size",
    "maxOwners",
    "name",
    "busyMs",
    "preset",
    "scrub",
    "module",
  ]);
  if (own.size === undefined) throw new TypeError('create needs a size, such as { size: "64MiB" }');
  const bytes = parseSize(own.size, typeof own.size === "string" ? machineBytes() : undefined);
  if (bytes < REGION_BYTES_MIN || bytes > REGION_BYTES_MAX) {
    throw new RangeError(
      `a region's size is from ${formatSize(REGION_BYTES_MIN)} to ${REGION_BYTES_MAX} bytes, got ${describe(own.size)} = ${bytes}`,
    );
  }
  if (own.name !== undefined && typeof own.name !== "string")
    throw new TypeError(`name must be a text, got ${describe(own.name)}`);
  if (own.scrub !== undefined && typeof own.scrub !== "boolean")
    throw new TypeError(`scrub must be true or false, got ${describe(own.scrub)}`);
  if (own.module !== undefined && !(own.module instanceof WebAssembly.Module)) {
    throw new TypeError(`module must be a WebAssembly.Module, got ${describe(own.module)}`);
  }
  return {
    bytes,
    owners: integer(
      "maxOwners",
      own.maxOwners ?? Math.min(64, Math.max(4, Math.floor(bytes / MEBIBYTE))),
      1,
      OWNERS_MAX,
    ),
    name: own.name ?? "region",
    busyMs: integer("busyMs", own.busyMs ?? BUSY_MS, 0, BUSY_MS_MAX),
    preset: checkedPreset(own.preset ?? "stream"),
    scrub: own.scrub ?? false,
    module: own.module,
  };
}

/** @internal A memory of the size that was asked for. */
export function reserveMemory(settled: Settled): WebAssembly.Memory {
  try {
    return createMemory(settled.bytes);
  } catch (cause) {
    throw new RangeError(`the engine cannot reserve ${formatSize(settled.bytes)} of shared memory`, { cause });
  }
}

const STACK_FRAMES = 400;

/** @internal Fails before anything is taken where the stack is nearly used up: what comes after it needs less than this does. */
export function requireStack(frames: number = STACK_FRAMES): number {
  return frames === 0 ? 0 : requireStack(frames - 1) + 1;
}

/** @internal */
export function requireHandle(handle: RegionHandle): RegionHandle {
  const { memory, module, name, busyMs, preset, id } = handle ?? {};
  if (
    !(memory instanceof WebAssembly.Memory) ||
    !(module instanceof WebAssembly.Module) ||
    typeof name !== "string" ||
    typeof id !== "string"
  ) {
    throw new TypeError("attach needs what region.handle() returned");
  }
  integer("busyMs", busyMs, 0, BUSY_MS_MAX);
  // A copy: what was checked is what is used, whatever becomes of the caller's.
  return Object.freeze({ memory, module, name, busyMs, preset: checkedPreset(preset), id });
}

/** @internal Why an attempt to attach was refused. */
export function attachError(status: number, name: string, core: Core): CisternError | RangeError {
  if (status === BUSY) return new RegionBusyError("attach");
  if (status === NO_SLOT) return new NoOwnerSlotError(name, core.maxOwners);
  if (status === CLOSED || status === NOT_ATTACHED) return new RegionClosedError(name);
  if (status === POISONED) return new RegionPoisonedError(name);
  if (status === TOO_LARGE)
    return new RangeError(`region "${name}" has no room beside its tables: use a larger size or a smaller maxOwners`);
  return new NotARegionError();
}
