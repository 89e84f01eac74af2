// A clock for one thread's own CPU time in nanoseconds. Node 20 has none, but its WASI layer reads CLOCK_THREAD_CPUTIME_ID.
// Time that a neighbour on the machine takes away is not counted; where WASI is missing, the wall clock stands in.
import { compileAssemblyScript } from "./compile.mjs";

export async function openThreadClock() {
  try {
    return await wasiThreadClock();
  } catch {
    return { kind: "wall", now: () => performance.now() * 1e6 };
  }
}

async function wasiThreadClock() {
  const { WASI } = await withoutWarnings(() => import("node:wasi"));
  const wasi = new WASI({ version: "preview1" });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const imports = { env: { memory }, "thread-clock": wasi.wasiImport };
  const instance = new WebAssembly.Instance(compileAssemblyScript("lib/thread-clock.ts"), imports);
  wasi.initialize(instance);
  const { now } = instance.exports;
  if (now() < 0) throw new Error("this system has no thread clock");
  return { kind: "thread CPU", now };
}

// node:wasi announces on import that it is experimental; on a report's stderr that is only noise.
async function withoutWarnings(action) {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return await action();
  } finally {
    process.emitWarning = emitWarning;
  }
}
