// Host: what process and machine say about memory (M02, M23), in bytes. Owns nothing. Numbers are clamped to what can be: Node's
// `constrainedMemory()` answers 2^64 where there is no limit, and figures read one after the other need not fit together.

/** Of this process; of this thread, `heapTotalBytes` and `heapUsedBytes`. None but `rssBytes` sees shared wasm memory. */
export interface ProcessMemory {
  rssBytes: number;
  heapTotalBytes: number;
  heapUsedBytes: number;
  externalBytes: number;
  arrayBuffersBytes: number;
}

/** Of the machine, or of the container's limit where that is lower. `available` + `used` = `total`. */
export interface SystemMemory {
  totalBytes: number;
  availableBytes: number;
  usedBytes: number;
}

/** What `readSystem` asks: Node's `os` and `process`. */
export interface SystemCalls {
  totalmem(): number;
  freemem(): number;
  constrainedMemory?(): number;
  availableMemory?(): number;
}

/** The process's memory; undefined where the host does not tell. 15–31 µs. */
export function readProcess(): ProcessMemory | undefined {
  const usage = globalThis.process?.memoryUsage?.();
  return (
    usage && {
      rssBytes: bytes(usage.rss),
      heapTotalBytes: bytes(usage.heapTotal),
      heapUsedBytes: bytes(usage.heapUsed),
      externalBytes: bytes(usage.external),
      arrayBuffersBytes: bytes(usage.arrayBuffers),
    }
  );
}

/** The system's memory, clamped; undefined where the host does not tell. About 0.15 ms. */
export function readSystem(calls: SystemCalls | undefined = nodeCalls()): SystemMemory | undefined {
  if (calls === undefined) return undefined;
  const installed = bytes(calls.totalmem());
  const constrained = bytes(calls.constrainedMemory?.() ?? 0);
  // 0 and whatever is above the machine mean that there is no limit.
  const totalBytes = constrained > 0 && constrained < installed ? constrained : installed;
  const availableBytes = Math.min(totalBytes, bytes(calls.availableMemory?.() ?? calls.freemem()));
  return { totalBytes, availableBytes, usedBytes: totalBytes - availableBytes };
}

/** `value` as a number of bytes that can be: what is none is 0. */
function bytes(value: number): number {
  return typeof value === "number" && value > 0 ? Math.min(value, Number.MAX_SAFE_INTEGER) : 0;
}

function nodeCalls(): SystemCalls | undefined {
  const { process } = globalThis;
  const os = process?.getBuiltinModule?.("node:os");
  return (
    os && {
      totalmem: () => os.totalmem(),
      freemem: () => os.freemem(),
      constrainedMemory: () => process.constrainedMemory?.() ?? 0,
      availableMemory: () => process.availableMemory?.() ?? os.freemem(),
    }
  );
}
