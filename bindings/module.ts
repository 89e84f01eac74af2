// Module: the core's bytes, compiled once a thread, and instances of it over a region's memory.

import { instantiate as loaderInstantiate, instantiateSync as loaderInstantiateSync } from "@assemblyscript/loader";
import bytes from "../build/core.wasm";
import type { CoreExports } from "./exports.js";

let compiled: WebAssembly.Module | undefined;
let compiling: Promise<WebAssembly.Module> | undefined;

/** The core compiled from the bytes in this package. Synchronous: some browsers refuse that on a page's main thread. */
export function coreModuleSync(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(bytes);
  return compiled;
}

/** The core compiled from the bytes in this package. */
export async function coreModule(): Promise<WebAssembly.Module> {
  if (compiled) return compiled;
  compiling ??= WebAssembly.compile(bytes);
  compiled = await compiling;
  return compiled;
}

// The loader wraps each function in a closure; the raw exports are what hot paths call.
function rawExports(result: { instance: WebAssembly.Instance }): CoreExports {
  const exports = result.instance.exports as unknown as CoreExports;
  if (typeof exports.createRegion !== "function") throw notTheCore();
  return exports;
}

const notTheCore = (cause?: unknown): TypeError =>
  new TypeError("the module is not the core of this package: use cistern/core.wasm of the same version", { cause });

/**
 * An instance of the core over this memory.
 * @throws TypeError for another module; WebAssembly.LinkError for a memory that is no region's (unshared, not fixed, too small).
 */
export function instantiateSync(module: WebAssembly.Module, memory: WebAssembly.Memory): CoreExports {
  requireCore(module);
  return rawExports(loaderInstantiateSync(module, { env: { memory } }));
}

/** The same without blocking. */
export async function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<CoreExports> {
  requireCore(module);
  return rawExports(await loaderInstantiate(module, { env: { memory } }));
}

/** A module that imports anything but the one memory is not ours; asked before it gets to see the memory. */
function requireCore(module: WebAssembly.Module): void {
  const imports = WebAssembly.Module.imports(module);
  if (imports.length !== 1 || imports[0]?.kind !== "memory") throw notTheCore();
}
